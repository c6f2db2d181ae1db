"""A sender that dies between the ratchet's step and the socket: never are two
messages encrypted with one key, never is an envelope's id used for two."""
from relay_client import pb
from relay_wire import Liar, said
from sealed import Opener
from sotto_test import faults, timeout
from sotto_test.rpc import Gone
from sotto_test.store import Store
from sotto_test.talk import incoming
from sotto_test.wire import UP

TOGETHER = 6    # texts that are under way when the agent dies


class Case:
    """ann, whose agent is killed, and bob; wire sees what she sends him."""

    def __init__(self, world):
        self.relay = world.relay()
        self.wire = Liar(self.relay, keep=True)
        self.ann = world.account("ann", self.relay)
        self.bob = world.account("bob").init(self.wire)
        for a in (self.ann, self.bob):
            a.sotto("config", "set", "receipt-delay-max", "0")
        self.ann.add(self.bob)
        self.bob.add(self.ann)
        self.ann.stop_agent()
        self.texts = []

    def request(self, api, texts):
        """Asks for all; some answers may never come."""
        numbers = []
        try:
            for t in texts:
                numbers.append(api.request("message.send", to="bob", text=t,
                                           key=t))
            for n in numbers:
                api.answer(n)
        except Gone:
            pass

    def die_at(self, point, number):
        """The agent ends at the point's number-th pass; the next one finishes
        what was begun."""
        texts = [f"{point} {number} {i}" for i in range(TOGETHER)]
        agent = self.ann.start_agent(fault=f"{point}:{number}")
        api = self.ann.api()
        self.request(api, texts)
        assert agent.wait_end() == -9
        self.finish(texts)

    def finish(self, texts):
        self.ann.start_agent()
        api = self.ann.api()
        self.request(api, texts)
        self.texts += texts
        last = [api.call("message.send", to="bob", text=t, key=t)["id"]
                for t in texts]
        for id in last:
            api.call("message.wait", id=id, state="delivered",
                     timeout_ms=20000, timeout=25)
        api.close()
        self.ann.kill_agent()

    def sends(self):
        """All Sends to bob's mailbox."""
        bob, = {m.body.account for m in said(self.wire, UP, "auth")}
        return [m.body for m in said(self.wire, UP, "send")
                if m.body.slots[0].account == bob]

    def check(self):
        assert not self.wire.error
        got = incoming(self.bob, "ann")
        assert [m["text"] for m in got] == self.texts
        assert {m["state"] for m in got} == {"received"}
        self.check_bytes()

    def check_bytes(self):
        """Returns how many were sent again."""
        sends, opener = self.sends(), Opener(Store(self.bob))
        ids, keys = {}, {}
        for m in sends:
            data = m.SerializeToString(deterministic=True)
            assert ids.setdefault(m.id, data) == data, "an id for two"
            slot, = m.slots
            name, ciphertext = opener.step(m.ephemeral_key, slot.sealed)
            content = (ciphertext, m.payload, slot.sealed)
            assert keys.setdefault(name, content) == content, \
                "a message key for two"
        assert len(keys) >= len(self.texts)
        return len(sends) - len(ids)


@faults
@timeout(60)
def test_dying_at_the_ratchets_step_reuses_no_key(world):
    case = Case(world)
    # The first of all begins the session.
    for number in (1, 2, TOGETHER):
        case.die_at("agent.ratchet", number)
    case.check()


@faults
@timeout(60)
def test_dying_with_the_envelope_encrypted_sends_the_same(world):
    case = Case(world)
    for number in (1, 2, TOGETHER):
        case.die_at("agent.encrypted", number)
    case.check()


@timeout(60)
def test_dying_unanswered_sends_the_same_bytes_again(world):
    case = Case(world)
    case.wire.lie = lambda link, way, kind, body: \
        [] if kind == "sent" and link.role == pb.SENDER else None
    for i in range(3):
        texts = [f"unanswered {i} {j}" for j in range(TOGETHER)]
        if i == 2:
            case.wire.lie = None    # its last answers come
        before = len(case.sends())
        case.ann.start_agent()
        api = case.ann.api()
        case.request(api, texts)
        case.wire.wait("all sent",
                       lambda: len(case.sends()) >= before + TOGETHER)
        api.close()
        case.ann.kill_agent()
        if i < 2:
            case.texts += texts
    case.finish(texts)
    case.check()
    assert case.check_bytes() >= TOGETHER
