"""Two people in two terminals."""
import re

from sotto_test import long, timeout, wait_for
from tui_help import (compare, focus, open_chat, quick, row_of, send_line,
                      whole)


def test_two_terminals_talk(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    a, b = open_chat(ann, "bob"), open_chat(bob, "ann")
    send_line(a, "hello bob")
    b.wait_for("hello bob")
    a.wait_for(lambda lines: "✔✔" in row_of(lines, "You"))
    send_line(b, "hello ann")
    a.wait_for("hello ann")
    b.wait_for(lambda lines: "✔✔" in row_of(lines, "hello ann"))
    compare(a, "talk-80x24-ann")
    compare(b, "talk-80x24-bob")
    for cols, rows in ((200, 50), (20, 5)):
        a.resize(cols, rows)
        compare(a, f"talk-{cols}x{rows}-ann")


def test_all_four_states_in_order(world):
    relay, ann, bob = world.pair()
    quick(ann, bob)
    ann.wait_online()
    bob.wait_online()
    bob.stop_agent()
    a = open_chat(ann, "bob")
    relay.kill9()
    send_line(a, "one by one")

    def state(glyph):
        return lambda lines: f" {glyph} You" in row_of(lines, "one by one")
    a.wait_for(state("◌ "))
    relay.start()
    a.wait_for(state("✓ "), 30)
    bob.start_agent()
    a.wait_for(state("✓✓"), 30)
    b = open_chat(bob, "ann")
    b.wait_for("one by one")
    a.wait_for(state("✔✔"))


def test_unread_is_counted_and_read_when_opened(world):
    relay, ann, bob = world.pair()
    eve = world.account("eve", relay)
    ann.add(eve)
    eve.add(ann)
    quick(ann, bob, eve)
    a = open_chat(ann, "bob")
    for i in range(3):
        eve.sotto("send", "ann", f"from eve {i}", "--wait", "delivered")
    a.wait_for("3 unread")
    compare(a, "unread-80x24")
    a.keys("M-a")
    a.wait_for(lambda lines: "unread" not in lines[-1])
    a.wait_for("─ new ─")
    wait_for("eve sees read", lambda: all(
        m["state"] == "read" for m in eve.history("ann")))
    bob.sotto("send", "ann", "psst", "--wait", "delivered")
    a.resize(20, 5)
    a.wait_for("1 unread")
    a.keys("M-a")
    a.wait_for("psst")
    compare(a, "unread-20x5")


def test_nothing_is_read_without_the_focus(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    a = open_chat(ann, "bob")
    focus(a, False)
    bob.sotto("send", "ann", "are you there?", "--wait", "delivered")
    a.wait_for("are you there?")
    assert [m["state"] for m in bob.history("ann")] == ["delivered"]
    focus(a, True)
    wait_for("read", lambda: bob.history("ann")[0]["state"] == "read")


def test_a_request_is_accepted_by_answering(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    bob.add(ann)
    quick(ann, bob)
    a, b = open_chat(ann), open_chat(bob, "ann")
    send_line(b, "may I?")
    a.wait_for("wants to talk")
    a.wait_for("may I?")
    compare(a, "request-80x24")
    send_line(a, "yes")
    a.wait_for(lambda lines: "wants to talk" not in "\n".join(lines))
    b.wait_for("yes")


def test_a_request_is_declined_by_a_key(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    bob.add(ann)
    a = open_chat(ann)
    bob.sotto("send", "ann", "may I?", "--wait", "sent")
    a.wait_for("may I?")
    a.keys("M-n")
    a.wait_for("y yes")
    a.keys("y")
    a.wait_for("nobody yet")


def test_typing_is_shown_and_ends(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    ann.sotto("send", "bob", "hi", "--wait", "delivered")
    bob.sotto("send", "ann", "hi", "--wait", "delivered")
    a, b = open_chat(ann, "bob"), open_chat(bob, "ann")
    a.wait_for("online")
    b.wait_for("online")
    b.type("I am he")
    a.wait_for("bob is typing")
    send_line(b, "re")
    a.wait_for("I am here")
    a.wait_for(lambda lines: "is typing" not in "\n".join(lines))


def test_a_contact_is_added_by_a_pasted_link(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    a = open_chat(ann)
    a.wait_for("No conversation yet")
    compare(a, "empty-80x24")
    a.type("/add ")
    a.paste(bob.link() + "\n")
    a.keys("Enter")
    a.wait_for("No messages with bob yet")
    send_line(a, "found you")
    bob.bot().subscribe(start="start").wait_event(
        {"type": "message", "text": "found you"})


def test_search_goes_to_the_message(world):
    _, ann, bob = world.pair()
    api = ann.api()
    for i in range(300):
        api.call("message.send", to=bob.id(), text=f"line {i}")
    api.call("message.send", to=bob.id(), text="the end")
    a = open_chat(ann, "bob")
    a.wait_for("the end")
    send_line(a, "/search 17")
    a.wait_for("Found: 17")
    a.wait_for("line 17")
    a.keys("Enter")
    a.wait_for(lambda lines: row_of(lines, "line 16") and row_of(lines, "line 18"))
    a.keys("Escape")
    a.wait_for("the end")


def numbers(lines):
    """The messages "number N." on the screen."""
    return {int(n) for n in re.findall(r"number (\d+)\.", 
        "\n".join(line.rsplit("│")[-1] for line in lines))}


def scroll_back(world, count):
    _, ann, bob = world.pair()
    api = ann.api()
    ids = [api.request("message.send", to=bob.id(), text=f"number {i}.")
           for i in range(count)]
    for i in ids:
        api.answer(i, 60)
    a = open_chat(ann, "bob")
    seen, lines = set(), a.wait_for(lambda now: count - 1 in numbers(now))
    while 0 not in numbers(lines):
        seen |= numbers(lines)
        top = min(numbers(lines))
        a.keys("PgUp")
        # the row at the top goes to the bottom, when its page has come
        a.wait_for(lambda now: numbers(now) and
                   (max(numbers(now)) == top or 0 in numbers(now)))
        lines = whole(a)
    seen |= numbers(lines)
    missing = set(range(count)) - seen
    assert not missing, f"never shown: {sorted(missing)[:20]}"
    with open(f"/proc/{a.pid()}/status", encoding="utf-8") as f:
        rss = next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))
    assert rss <= 10 * 1024, f"RSS {rss} KiB"
    a.keys("M->")
    a.wait_for(lambda now: count - 1 in numbers(now))


@timeout(120)
def test_scrollback_reaches_the_first_message(world):
    scroll_back(world, 400)


@long
@timeout(600)
def test_scrollback_over_10000_messages_stays_small(world):
    scroll_back(world, 10000)
