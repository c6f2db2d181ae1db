"""What a hostile relay can do to its own clients: no wrong text, no crash,
nothing lost from the outbox, and people are told."""
import os
import random
import threading
import time

from hostile import (Thief, account_of, check_end, copy, flip, junk,
                     stolen_texts, texts_of, two)
from relay_client import pb
from sotto_test import long, proc, timeout
from sotto_test.talk import incoming
from sotto_test.wire import DOWN, UP

FLOOD_S = 3.0


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


def test_message_larger_than_the_relay_takes_fails_with_a_reason(world):
    """And does not stand in the way of what follows."""
    wire, ann, bob = two(world, Thief)

    def small(link, way, kind, body):
        if kind == "challenge":
            return [(kind, copy(body, max_payload=600))]
        return Thief._steal(wire, link, way, kind, body)
    wire.lie = small
    wire.cut(lambda link: link.role == pb.SENDER)
    result = ann.run("send", "bob", "x" * 1500, "--wait", "sent")
    assert result.code == 9, result
    large = ann.history("bob")[-1]
    assert large["state"] == "failed" and "large" in large["why"], large
    ann.sotto("send", "bob", "small", "--wait", "delivered")
    assert ann.status()["outbox"] == 0
    assert not wire.error, wire.error


@timeout(60)
def test_relay_that_never_says_ready_is_noticed(world):
    """Though it answers on every layer below."""
    wire, ann, bob = two(world, Thief)
    account = account_of(bob)

    def mute(link, way, kind, body):
        if link.role == pb.OWNER and way == DOWN and kind != "challenge":
            return []
        return Thief._steal(wire, link, way, kind, body)
    wire.lie = mute
    wire.cut(lambda link: getattr(link, "account", None) == account)
    proc.wait_for("an error", lambda: "does not answer" in (
        bob.status()["connection"].get("error") or ""), 25)
    bob.kill_agent()    # it would wait before it tries again
    wire.lie = wire._steal
    bob.sotto("agent")
    check_end(wire, ann, bob, [])
