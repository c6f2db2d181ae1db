"""A relay that breaks the protocol: it costs a connection and no more."""
import random
import time

from hostile import Thief, account_of, check_end, copy, junk, texts_of, two
from relay_client import pb
from sotto_test import proc, scale, timeout
from sotto_test.wire import BINARY, DOWN, TEXT


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
