"""The TUI when things break, and with text that is meant to."""
import os
import random
import signal
import time

from sotto_test import timeout, wait_for
from tui_help import (compare, is_alive, open_chat, quick, row_of, send_line)

HOSTILE = [
    "\x1b[2J\x1b[H\x1b]0;owned\x07\x1b[31mred",
    "\u202egnp.exe\u202c \u2066isolate \u2067nested",
    "zero\u200bwidth\ufeff\u2060\u00ad and \x07 bell \x9b31m",
    "Z" + "\u0301\u0316\u0323" * 30 + "algo",
    "\r\rback over\b\b\b\b the line\t\ttabs\v\f",
    "\n" * 60 + "far below",
    "\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466 "
    "\U0001F1E9\U0001F1EA \U0001F44D\U0001F3FD \u2764\ufe0f \U000E0001\uE000",
]
WIDE = "漢字かな交じり文 한국어 e\u0301a\u0308 \U0001F98A\U0001F35C"


def test_relay_goes_and_comes_back(world):
    relay, ann, bob = world.pair()
    quick(ann, bob)
    a = open_chat(ann, "bob")
    relay.kill9()
    first = a.wait_for("next try in", 30)[-1]
    a.wait_for(lambda lines: "next try in" in lines[-1] and lines[-1] != first)
    send_line(a, "while it is down")
    a.wait_for(lambda lines: "◌" in row_of(lines, "while it is down"))
    relay.start()
    a.wait_for("● online", 40)
    a.wait_for(lambda lines: "✓" in row_of(lines, "while it is down"), 40)


def test_agent_killed_comes_back_with_the_draft(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    a = open_chat(ann, "bob")
    send_line(a, "before")
    a.wait_for(lambda lines: "✓" in row_of(lines, "before"))
    a.type("half a dra")
    pid = ann.agent_pid()
    ann.kill_agent()
    a.type("ft")
    a.wait_for("half a draft")
    wait_for("another agent", lambda: ann.agent_pid() not in (None, pid))
    a.wait_for("● online", 30)
    a.wait_for("half a draft")
    a.keys("Enter")
    a.wait_for(lambda lines: "✓" in row_of(lines, "half a draft"), 30)
    texts = [m["text"] for m in ann.history("bob")]
    assert texts == ["before", "half a draft"], texts


def test_message_sent_while_the_agent_is_gone_is_sent_once(world):
    _, ann, bob = world.pair()
    a = open_chat(ann, "bob")
    for i in range(5):
        ann.kill_agent()
        send_line(a, f"over the gap {i}")
        wait_for("it arrived", lambda: f"over the gap {i}" in [
            m["text"] for m in bob.history("ann")], 40)
    texts = [m["text"] for m in bob.history("ann")]
    assert texts == [f"over the gap {i}" for i in range(5)], texts


def test_no_keystroke_waits_for_a_stopped_agent(world):
    _, ann, bob = world.pair()
    a = open_chat(ann, "bob")
    pid = ann.agent_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        for i in range(20):
            send_line(a, f"stopped {i}")
        a.type("still typing")
        began = time.monotonic()
        a.wait_for("still typing", 3)
        a.keys("C-g")
        a.wait_for("Alt-Enter", 3)
        a.keys("Escape")
        assert time.monotonic() - began < 3
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("all were sent once, in order", lambda: [
        m["text"] for m in ann.history("bob")] == [
            f"stopped {i}" for i in range(20)])


def test_hostile_text_is_shown_harmlessly(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    a = open_chat(ann, "bob")
    api = bob.api()
    for text in HOSTILE:
        api.call("message.send", to=ann.id(), text=text)
    api.call("message.send", to=ann.id(), text="the last")
    a.wait_for("the last")
    title = a.tmux("display-message", "-p", "-t", "t", "#{pane_title}")
    assert "owned" not in title
    for cols, rows in ((80, 24), (20, 5), (200, 50), (80, 24)):
        a.resize(cols, rows)
        a.wait_for("the last")
        a.keys("PgUp", "PgUp", "PgUp")
        edges(a, cols, rows)
        a.keys("M->")
        is_alive(a)
    a.keys("M-<")
    compare(a, "hostile-80x24")


def edges(screen, cols, rows):
    """The frame stands where it belongs: nothing has moved or overflowed."""
    def holds(lines):
        if cols < 64 or rows < 14:
            return True
        bars = {line.find("│") for line in lines[2:-1] if "├" not in line}
        return bars == {lines[0].find("│")}
    screen.wait_for(holds)


def test_30_kb_without_newline(world):
    _, ann, bob = world.pair()
    a = open_chat(ann, "bob")
    bob.sotto("send", "ann", "x" * 30000, "--wait", "delivered")
    a.wait_for("xxxxxxxx")
    for size in ((20, 5), (200, 50), (80, 24)):
        a.resize(*size)
        is_alive(a)
    a.paste("y" * 29999)
    a.wait_for("yyyyyyyy")
    a.keys("Enter")
    wait_for("bob has it", lambda: "y" * 29999 in [
        m["text"] for m in bob.history("ann")])
    a.paste("z" * 30001)
    a.wait_for("at most 30000 bytes")
    is_alive(a)


def test_wide_and_combining_text_keeps_its_columns(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    a = open_chat(ann, "bob")
    a.type(WIDE)
    a.wait_for(lambda lines: "🍜" in "\n".join(lines[-4:]))
    column = a.cursor()[0]
    a.keys("Left", "BSpace")        # the fox, two columns
    a.wait_for(lambda lines: "🦊" not in "\n".join(lines))
    assert a.cursor()[0] == column - 4
    a.type("🦊")
    a.keys("Right", "Enter")
    a.wait_for(lambda lines: "✓✓" in row_of(lines, "You"))
    bob.sotto("send", "ann", WIDE * 3, "--wait", "delivered")
    compare(a, "wide-80x24")
    assert WIDE in [m["text"] for m in ann.history("bob")]


@timeout(120)
def test_resize_under_load(world):
    _, ann, bob = world.pair()
    a = open_chat(ann, "bob")
    chance = random.Random(7)
    api = bob.api()
    ids = []
    for i in range(150):
        ids += [api.request("message.send", to=ann.id(),
                            text=f"load {i} {WIDE * chance.randint(0, 4)}")
                for _ in range(2)]
        a.resize(chance.randint(20, 300), chance.randint(5, 100))
        a.keys(chance.choice(["PgUp", "PgDn", "M->", "C-l", "a", "BSpace"]))
    for i in ids:
        api.answer(i)
    api.call("message.send", to=ann.id(), text="after the load")
    a.resize(80, 24)
    a.keys("C-u", "M->")
    a.wait_for("after the load", 40)
    edges(a, 80, 24)
    is_alive(a)


def test_terminal_is_given_back(world):
    _, ann, bob = world.pair()
    shell = ["sh", "-c", f"stty -a >before; {world.program('sotto-tui')}; "
             "echo code $?; stty -a >after; cmp before after && echo same; "
             "read line"]
    env = ann.env(PWD=world.folder)
    env.pop("TERM")
    for how, code in (("C-q", 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129),
                      (signal.SIGSEGV, 139)):
        s = world.screen(["sh", "-c", f"cd {world.folder} && {shell[2]}"], env)
        s.wait_for("online")
        if how == "C-q":
            s.keys("C-q")
        else:
            os.kill(child_of(s.pid()), how)
        lines = s.wait_for("same")
        assert f"code {code}" in "\n".join(lines), lines
        flags = s.tmux("display-message", "-p", "-t", "t",
                       "#{alternate_on} #{cursor_flag}").split()
        assert flags == ["0", "1"], flags
        s.keys("Enter")


def child_of(pid):
    """The sotto-tui below a shell."""
    todo = [pid]
    while todo:
        p = todo.pop()
        with open(f"/proc/{p}/comm", encoding="utf-8") as f:
            if f.read().strip() == "sotto-tui":
                return p
        with open(f"/proc/{p}/task/{p}/children", encoding="utf-8") as f:
            todo += map(int, f.read().split())
    raise AssertionError("no sotto-tui")


def test_ctrl_z_and_fg(world):
    _, ann, bob = world.pair()
    env = ann.env(PS1="$ ")
    env.pop("TERM")
    s = world.screen(["bash", "--norc", "--noprofile", "-i"], env)
    s.wait_for("$")
    send_line(s, world.program("sotto-tui"))
    s.wait_for("online")
    s.type("draft")
    s.keys("C-z")
    s.wait_for("Stopped")
    s.resize(100, 30)
    send_line(s, "fg")
    s.wait_for(lambda lines: "draft" in "\n".join(lines) and "online" in lines[-1])
    assert len(s.capture()) == 30
    is_alive(s)
