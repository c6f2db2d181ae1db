"""A relay that does what it likes with the mail it holds, and two people whose
relay it is."""
import base64

from relay_client import pb
from relay_wire import DOWN, UP, Liar, join
from sotto_test import proc
from sotto_test.talk import acquaint, alerts, incoming, send_all


def copy(message, **change):
    new = type(message)()
    new.CopyFrom(message)
    for k, v in change.items():
        setattr(new, k, v)
    return new


def flip(data, at=7):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


class Thief(Liar):
    """While stealing, it keeps all mail to itself: takes it from the relay behind
    (with an Ack, so that senders are answered), tells the clients nothing and
    hears none of their Acks. give() delivers what a test wants. After honest()
    mail passes again, in sequences that go on growing."""

    def __init__(self, relay, keep=False):
        self.stealing = True
        self.stolen = []        # (account, Deliver)
        self.acked = []         # of clients
        self.sequence = 0
        self.real = {}          # sequence told: that of the relay
        super().__init__(relay, self._steal, keep)

    def _steal(self, link, way, kind, body):
        if kind == "auth":
            link.account = body.account
        if getattr(link, "role", None) != pb.OWNER:
            return None
        if way == DOWN and kind == "deliver" and body.sequence:
            return self._mail(link, body)
        if way == UP and kind == "ack":
            self.acked.append(body.sequence)
            real = self.real.get(body.sequence)
            return [("ack", pb.Ack(sequence=real))] if real else []
        return None

    def _mail(self, link, deliver):
        if not self.stealing:
            self.sequence += 1
            self.real[self.sequence] = deliver.sequence
            return [("deliver", copy(deliver, sequence=self.sequence))]
        with self.changed:
            self.stolen.append((link.account, copy(deliver)))
            self.changed.notify_all()
        link.send(UP, join(UP, [("ack", pb.Ack(sequence=deliver.sequence))]))
        return []

    def honest(self):
        self.stealing = False

    def wait_stolen(self, account, count):
        """So many Delivers to the account, as they came."""
        def look():
            got = [d for a, d in self.stolen if a == account]
            return got if len(got) >= count else None
        return self.wait(f"{count} envelopes", look)

    def owner(self, account):
        """The account's connection; waits for it."""
        return self.wait("the owner", lambda: next(
            (x for x in self.links if x.open and
             getattr(x, "account", None) == account), None))

    def give(self, account, delivers):
        """In one frame."""
        told = []
        for d in delivers:
            self.sequence += 1
            told.append(("deliver", copy(d, sequence=self.sequence)))
        self.tell(self.owner(account), *told)
        return self.sequence


def account_of(person):
    text = person.id().upper()
    return base64.b32decode(text + "=" * (-len(text) % 8))


def two(world, kind):
    """(wire, ann, bob): acquainted; bob's relay is the hostile one, which is
    still honest."""
    relay = world.relay()
    wire = kind(relay)
    wire.stealing = False
    ann = world.account("ann", relay)
    bob = world.account("bob").init(wire)
    ann.add(bob)
    bob.add(ann)
    acquaint(ann, bob)
    return wire, ann, bob


def texts_of(person, chat):
    """What was shown, of the texts of the test."""
    return [m["text"] for m in incoming(person, chat)
            if m["state"] == "received" and "hello" not in m["text"]]


def check_end(wire, ann, bob, texts):
    """Honest again, everything is right in the end."""
    wire.honest()
    ann.sotto("send", "bob", "the end", "--wait", "delivered")
    wanted = texts + ["the end"]
    proc.wait_for("all texts", lambda: len(texts_of(bob, "ann")) >= len(wanted))
    assert texts_of(bob, "ann") == wanted
    assert alerts(bob, "ann") is None and alerts(ann, "bob") is None
    assert not wire.error, wire.error


def stolen_texts(wire, ann, bob, texts):
    """bob's account, and the envelopes of the texts from ann."""
    wire.stealing = True
    account = account_of(bob)
    before = len([1 for a, _ in wire.stolen if a == account])
    ann_api = ann.api()
    send_all(ann_api, "bob", texts)
    ann_api.close()
    return account, wire.wait_stolen(account, before + len(texts))[before:]


def junk(rng, capability):
    return pb.Deliver(envelope=rng.randbytes(16), capability=capability,
                      ephemeral_key=rng.randbytes(32),
                      sealed=rng.randbytes(320),
                      payload=rng.randbytes(rng.choice((552, 552, 32808))))
