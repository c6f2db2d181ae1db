"""What a hostile relay can do to its own clients: no wrong text, no crash,
nothing lost from the outbox, and people are told."""
import base64
import os
import random
import threading
import time

from hostile import Thief, copy, flip
from relay_client import pb
from sotto_test import long, proc, scale, timeout
from sotto_test.talk import acquaint, alerts, incoming, send_all
from sotto_test.wire import BINARY, DOWN, TEXT, UP

FLOOD_S = 3.0


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


def test_replayed_and_reordered_envelopes_are_shown_once(world):
    wire, ann, bob = two(world, Thief)
    texts = [f"once {i}" for i in range(12)]
    account, mail = stolen_texts(wire, ann, bob, texts)
    bot = bob.bot().subscribe()
    wire.give(account, mail[::-1])
    wire.give(account, mail)
    bot.wait_events(len(texts), {"type": "message"})
    # The same under other names: it can say no more than that something came.
    wire.give(account, [copy(d, envelope=os.urandom(16)) for d in mail])
    wire.cut(lambda link: getattr(link, "account", None) == account)
    proc.wait_for("a new connection", lambda: not wire.owner(account).open or
                  bob.status()["connection"]["state"] == "online")
    wire.give(account, mail)
    check_end(wire, ann, bob, texts)
    shown = [e["text"] for e in bot.events("message")
             if not e.get("undecryptable")]
    assert shown == texts + ["the end"]


def test_swapped_and_changed_envelopes_show_nothing_wrong(world):
    wire, ann, bob = two(world, Thief)
    carol = world.account("carol").init(wire)
    ann.add(carol)
    wire.stealing = True
    ann.sotto("send", "carol", "for carol alone", "--wait", "sent")
    for_carol, = wire.wait_stolen(account_of(carol), 1)
    texts = [f"for bob {i}" for i in range(6)]
    account, mail = stolen_texts(wire, ann, bob, texts)
    bot = bob.bot().subscribe()
    wire.give(account, [
        for_carol,
        copy(for_carol, capability=mail[0].capability,
             envelope=os.urandom(16)),
        copy(mail[0], payload=mail[1].payload),
        copy(mail[1], sealed=mail[2].sealed),
        copy(mail[2], ephemeral_key=mail[3].ephemeral_key),
        copy(mail[3], payload=flip(mail[3].payload, 100)),
        copy(mail[4], sealed=flip(mail[4].sealed, 100)),
        copy(mail[5], ephemeral_key=flip(mail[5].ephemeral_key))])
    # Each is shown as what it is, and healed by its sender.
    bot.wait_events(7, {"type": "message", "undecryptable": True})
    assert texts_of(bob, "ann") == []
    check_end(wire, ann, bob, texts)
    healed = [e for e in bot.events("message") if e.get("replaces")]
    assert sorted(e["text"] for e in healed) == texts


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS")) / 1024


def junk(rng, capability):
    return pb.Deliver(envelope=rng.randbytes(16), capability=capability,
                      ephemeral_key=rng.randbytes(32),
                      sealed=rng.randbytes(320),
                      payload=rng.randbytes(rng.choice((552, 552, 32808))))


def test_endless_backlog_costs_no_memory(world):
    wire, ann, bob = two(world, Thief)
    account, mail = stolen_texts(wire, ann, bob, ["before the flood"])
    pid = bob.agent_pid()
    before = rss(pid)
    rng = random.Random(5)
    slowest = 0.0
    over = threading.Event()

    def flood():
        # Attributed to ann, and to nobody.
        caps = [mail[0].capability, bytes(12)]
        while not over.is_set():
            wire.give(account, [junk(rng, caps[i % 2]) for i in range(20)])
    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    deadline = time.monotonic() + FLOOD_S
    while time.monotonic() < deadline:
        began = time.monotonic()
        bob.status()
        slowest = max(slowest, time.monotonic() - began)
    grown = rss(pid) - before
    over.set()
    thread.join()
    assert bob.agent_pid() == pid
    assert wire.sequence > 1000, wire.sequence
    assert grown < 16, f"{grown} MB after {wire.sequence} envelopes"
    assert slowest < 1, f"{slowest} s for an answer"
    wire.give(account, mail)
    proc.wait_for("its text", lambda: texts_of(bob, "ann"))
    shown = [m for m in incoming(bob, "ann") if m["state"] == "undecryptable"]
    assert 0 < len(shown) <= 100
    check_end(wire, ann, bob, ["before the flood"])


def garbage():
    """(what, how to say it) that keeps to no protocol."""
    def raw(data, opcode=BINARY):
        return lambda wire, link: link.send(DOWN, data, opcode)

    def messages(*told):
        return lambda wire, link: wire.tell(link, *told)
    rng = random.Random(3)
    return [
        ("random bytes", raw(rng.randbytes(500))),
        ("text", raw(b"hello", TEXT)),
        ("a cut frame", raw(b"\x0a\xff\xff\x03abc")),
        ("an oversized frame", raw(bytes(9 << 20))),
        ("an endless frame", lambda wire, link: link.send_raw(
            DOWN, b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" + bytes(9 << 20))),
        ("a second challenge", messages(("challenge", pb.Challenge(
            version=1, nonce=bytes(32), relay_name="x", incarnation=bytes(16),
            max_frame=1, max_payload=1, max_slots=1, send_window=1)))),
        ("a falling sequence", messages(
            *[("deliver", copy(junk(rng, bytes(12)), sequence=n))
              for n in (2 ** 62, 2 ** 62 - 1)])),
        ("a wrong size", messages(("deliver", pb.Deliver(sequence=2 ** 62)))),
    ]


def test_garbage_frames_cost_a_connection_and_no_more(world):
    wire, ann, bob = two(world, Thief)
    account, pid = account_of(bob), bob.agent_pid()
    bot = bob.bot().subscribe()
    for what, say in garbage():
        link, before = wire.owner(account), len(bot.notes)
        say(wire, link)
        wire.wait(f"{what} is refused", lambda: not link.open)
        bot._wait(what, lambda: any(
            n["params"].get("error") for n in bot.notes[before:]
            if n["method"] == "connection"), 10)
        errors = [n["params"]["error"] for n in bot.notes[before:]
                  if n["params"].get("error")]
        assert all("\n" not in e and len(e) > 10 for e in errors), errors
        proc.wait_for("online again", lambda: wire.owner(account) is not link and
                      bob.status()["connection"]["state"] == "online")
    assert bob.agent_pid() == pid
    check_end(wire, ann, bob, [])


def test_answers_that_make_no_sense_are_ignored(world):
    """Unasked, unknown, of all kinds, on both sorts of connection."""
    wire, ann, bob = two(world, Thief)
    pids = ann.agent_pid(), bob.agent_pid()
    unknown = os.urandom(16)
    wire.tell(wire.owner(account_of(bob)),
              ("caught_up", pb.CaughtUp()), ("expired", pb.Expired(count=7)),
              ("done", pb.Done(request=999)),
              ("minted", pb.Minted(request=999, capabilities=[bytes(33)] * 9)),
              ("error", pb.Error(code=pb.TOO_MANY, request=999, text="no")),
              ("caught_up", pb.CaughtUp()))
    ann.sotto("send", "bob", "between", "--wait", "delivered")

    def add(link, way, kind, body):
        """A Sent is preceded by one for nobody; statuses are too many."""
        if kind == "sent" and not getattr(link, "lied", False):
            link.lied = True
            return [("sent", pb.Sent(id=unknown, statuses=[pb.ACCEPTED])),
                    ("sent", pb.Sent(id=body.id, statuses=[pb.ACCEPTED] * 9))]
        return Thief._steal(wire, link, way, kind, body)
    wire.lie = add
    ann.sotto("send", "bob", "with a lie", "--wait", "delivered")
    assert (ann.agent_pid(), bob.agent_pid()) == pids
    check_end(wire, ann, bob, ["between", "with a lie"])


def test_errors_for_everything_keep_the_outbox(world):
    wire, ann, bob = two(world, Thief)
    ann.stop_agent()
    text = "kept"
    for code in (pb.MALFORMED, pb.NO_ACCESS, pb.CONFLICT, pb.WINDOW,
                 pb.UNAVAILABLE, pb.RATE, 77):
        answered = threading.Event()

        def refuse(link, way, kind, body):
            if way == UP and kind == "send":
                wire.tell(link, ("error", pb.Error(code=code, id=body.id,
                                                   text="no\x1b[31m\nno")))
                answered.set()
                return []
            return Thief._steal(wire, link, way, kind, body)
        wire.lie = refuse
        ann.sotto("agent")
        if text:
            ann.sotto("send", "bob", text)
            text = None
        assert answered.wait(10), pb.ErrorCode.Name(code)
        message = ann.history("bob")[-1]
        assert (message["text"], message["state"]) == ("kept", "queued")
        assert ann.status()["outbox"] == 1
        ann.kill_agent()
    wire.lie = wire._steal
    ann.sotto("agent")
    check_end(wire, ann, bob, ["kept"])


def lose_one(world):
    """(wire, ann, bob): a message whose Send was answered and thrown away."""
    wire, ann, bob = two(world, Thief)

    def swallow(link, way, kind, body):
        if way == UP and kind == "send":
            wire.tell(link, ("sent", pb.Sent(id=body.id,
                                             statuses=[pb.ACCEPTED])))
            return []
        return Thief._steal(wire, link, way, kind, body)
    wire.lie = swallow
    ann.sotto("send", "bob", "swallowed", "--wait", "sent")
    wire.lie = wire._steal
    return wire, ann, bob


def test_what_was_swallowed_is_never_called_delivered(world):
    wire, ann, bob = lose_one(world)
    ann.sotto("send", "bob", "after it", "--wait", "delivered")
    states = {m["text"]: m["state"] for m in ann.history("bob")}
    assert states["swallowed"] == "sent"
    assert texts_of(bob, "ann") == []   # it waits for what came before


@long
@timeout(120)
def test_what_was_swallowed_is_shown_as_a_gap_and_healed(world):
    wire, ann, bob = lose_one(world)
    bot = bob.bot().subscribe()
    ann.sotto("send", "bob", "after it", "--wait", "delivered", "--timeout",
              "60", timeout=70)
    bot.wait_event({"type": "message", "text": "after it"}, 60)
    bot.wait_event({"type": "message", "text": "swallowed"}, 20)
    gap, = [e for e in bot.events("message") if e.get("gap")]
    healed = bot.wait_event({"type": "message", "text": "swallowed"})
    assert healed["replaces"] == gap["id"]
    check_end(wire, ann, bob, ["swallowed", "after it"])


def test_challenge_of_another_relay_opens_nothing(world):
    """A relay that hands on the challenge of another one, to log in there."""
    wire, ann, bob = two(world, Thief)
    account = account_of(bob)
    ready = []

    def other_name(link, way, kind, body):
        if kind == "challenge" and link.role == pb.OWNER:
            return [(kind, copy(body, relay_name="other.example"))]
        if kind == "ready":
            ready.append(body)
        return Thief._steal(wire, link, way, kind, body)
    wire.lie = other_name
    wire.cut(lambda link: getattr(link, "account", None) == account)
    error = proc.wait_for("an error", lambda: (
        e := bob.status()["connection"].get("error")) and "refuses" in e and e)
    assert "\n" not in error
    assert ready == []
    bob.kill_agent()    # it would wait before it tries again
    wire.lie = wire._steal
    bob.sotto("agent")
    check_end(wire, ann, bob, [])


def mutate(rng, data):
    """A frame with one mistake in it."""
    at = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + \
            data[at + 1:]
    if kind == 1:
        return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
    if kind == 2:
        return data[:at]
    return data + data[at:]


@timeout(60, in_long=300)
def test_mistakes_in_any_frame_show_nothing_wrong(world):
    """To both sides; what they say in between is real."""
    wire, ann, bob = two(world, Thief)
    pids = ann.agent_pid(), bob.agent_pid()
    rng = random.Random(11)
    texts, mistakes = [], 0

    def change(link, way, data):
        nonlocal mistakes
        if way == DOWN and rng.random() < 0.3:
            mistakes += 1
            return mutate(rng, data) or None
        return None
    wire.hook = change
    # One that hides an answer costs a minute.
    deadline = time.monotonic() + scale(12, 100)
    while time.monotonic() < deadline and mistakes < scale(8, 1000):
        texts.append(f"real {len(texts)}")
        ann.sotto("send", "bob", texts[-1])
        bob.run("send", "ann", texts[-1], "--wait", "delivered", "--timeout",
                "0.5")
    assert mistakes > 2, mistakes
    assert (ann.agent_pid(), bob.agent_pid()) == pids
    wire.hook = None
    wire.cut()
    for person, other in ((ann, bob), (bob, ann)):
        shown = texts_of(person, other.name)
        assert set(shown) <= set(texts) and len(shown) == len(set(shown))
        person.kill_agent()     # it would wait before it tries again
        person.sotto("agent")
    for person in (ann, bob):
        proc.wait_for("nothing waits", lambda: not person.status()["outbox"])
