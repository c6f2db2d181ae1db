"""What the screen tests share: opening the chat, and comparing panes."""
import os
import re
import time

from sotto_test import wait_for

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
SIZES = ((80, 24), (200, 50), (20, 5))


def open_chat(account, chat=None, cols=80, rows=24, term=None, **more):
    """The TUI of an account in a terminal of its own, which has the focus. With
    chat it is opened, and the relay has been reached."""
    env = account.env(**more)
    env.pop("TERM")     # tmux says what it is
    cmd = ["env", "TERM=" + term] if term else []
    cmd += [account.world.program("sotto-tui")]
    if chat:
        cmd += ["--chat", chat]
    screen = account.world.screen(cmd, env, cols, rows)
    # tmux says "no focus" as soon as the program asks: no client is attached.
    screen.wait_for(any)
    focus(screen, True)
    if chat:
        screen.wait_for("online")
    return screen


def focus(screen, on):
    """What a terminal says when its window gets or loses the focus."""
    screen.keys("-H", "1b", "5b", "49" if on else "4f")


def quick(*accounts):
    """No random delay of receipts."""
    for a in accounts:
        a.sotto("config", "set", "receipt-delay-max", "0")


def plain(lines):
    """What differs from run to run replaced: times, days, ids, ports."""
    out = []
    for line in lines:
        line = re.sub(r"[─-]+ [A-Z][a-z]+day, \d+ [A-Z][a-z]+ [─-]+",
                      "── DAY ──", line)
        line = re.sub(r"\b\d\d:\d\d\b", "hh:mm", line)
        out.append(line.rstrip())
    return out


def compare(screen, name, timeout=10.0):
    """Waits until the pane is that of golden/NAME.txt. With SOTTO_GOLDEN=1 writes
    the file instead: look at what it wrote."""
    path = os.path.join(GOLDEN, name + ".txt")
    if os.environ.get("SOTTO_GOLDEN") == "1":
        settle(screen)
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(plain(screen.capture())) + "\n")
        return
    with open(path, encoding="utf-8") as f:
        want = f.read().split("\n")[:-1]
    try:
        wait_for(name, lambda: plain(screen.capture()) == want, timeout)
    except AssertionError:
        got = plain(screen.capture())
        raise AssertionError(f"the pane is not golden/{name}.txt\n--- is\n" +
                             "\n".join(got) + "\n--- should be\n" +
                             "\n".join(want)) from None


def whole(screen):
    """A capture that is no half-painted one: the same twice."""
    last = [None, screen.capture()]

    def same():
        last[:] = last[1], screen.capture()
        return last[0] == last[1]
    wait_for("a whole screen", same)
    return last[1]


def settle(screen):
    """Until the screen has been the same for half a second: before it becomes
    a golden one, never in a test."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 0.5:
        now = screen.capture()
        if now != last or not any(now):
            last, since = now, time.monotonic()


def row_of(lines, text):
    """The row among the messages that holds text, or ""."""
    rows = [line.rsplit("│", 1)[-1] for line in lines]
    return next((row for row in rows if text in row), "")


def send_line(screen, text):
    screen.type(text)
    screen.keys("Enter")


def is_alive(screen):
    """It still takes keys and shows them."""
    screen.keys("C-u")
    screen.type("qzqz")
    screen.wait_for("qzqz", 5)
    screen.keys("C-u")
    screen.wait_for(lambda lines: "qzqz" not in "\n".join(lines), 5)
