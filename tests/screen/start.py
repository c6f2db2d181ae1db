"""First run, unlocking, and terminals of other kinds."""
import re

from sotto_test import wait_for
from tui_help import SIZES, compare, open_chat, quick, row_of, send_line

PASSPHRASE = "correct horse battery"


def fill_in(screen, relay, name):
    screen.wait_for("Relay")
    screen.keys("C-u")
    screen.type(relay.url)
    screen.keys("Enter")
    screen.wait_for(lambda lines: "▌Name" in "\n".join(lines) or
                    "▌Your name" in "\n".join(lines))
    screen.type(name)
    screen.keys("Enter")


def test_first_run_ends_with_the_link(world):
    relay = world.relay()
    ann = world.account("ann")
    s = open_chat(ann)
    s.wait_for("Let us make your account")
    compare(s, "first-run-80x24")
    for cols, rows in SIZES[1:]:
        s.resize(cols, rows)
        compare(s, f"first-run-{cols}x{rows}")
    s.resize(80, 24)
    fill_in(s, relay, "ann")
    s.keys("Enter")
    s.type(PASSPHRASE)
    s.keys("Enter")
    s.type(PASSPHRASE + "x")
    s.keys("Enter")
    s.wait_for("the two are not the same")
    s.keys("BSpace", "Enter")
    lines = s.wait_for("Enter when you have written it down", 30)
    key = re.search(r"[a-z2-7]{7}(-[a-z2-7]{7}){7}", "\n".join(lines))
    assert key, lines
    assert PASSPHRASE not in s.text()
    s.keys("Enter")
    s.wait_for("sotto://", 30)
    link = ann.link()
    lines = s.wait_for(lambda lines: link in "".join(lines))
    assert key.group(0) not in "".join(lines)
    s.keys("Escape")
    s.wait_for("No conversation yet")
    # what was typed opens the account
    s.keys("C-q")
    s.wait_ended()
    ann.stop_agent()
    s = open_chat(ann)
    s.wait_for("Your account is locked", 30)
    s.type(PASSPHRASE)
    s.keys("Enter")
    s.wait_for("online", 30)


def test_first_run_with_a_key_file_on_a_tiny_screen(world):
    relay = world.relay()
    ann = world.account("ann")
    s = open_chat(ann, cols=20, rows=5)
    fill_in(s, relay, "ann")
    s.wait_for("Lock")
    s.keys("Right", "Enter")
    s.wait_for("Enter: written down", 30)
    s.keys("Enter")
    s.wait_for("sotto:", 30)
    s.keys("Escape")
    s.wait_for("online")
    ann.sotto("status")


def test_first_run_says_what_is_wrong_with_the_relay(world):
    ann = world.account("ann")
    s = open_chat(ann)
    s.wait_for("Relay")
    s.keys("C-u")
    s.type("https://relay.example")
    s.keys("Enter")
    s.wait_for("looks like wss://")
    s.keys("C-u")
    s.type("ws://relay.example")
    s.keys("Enter")
    s.wait_for("others need wss://")


def test_first_run_takes_an_address_as_it_is_pasted(world):
    ann = world.account("ann")
    s = open_chat(ann)
    s.wait_for("Relay")
    s.type("ws://127.0.0.1:9")
    s.wait_for("wss://ws://")
    s.keys("Enter")
    s.wait_for("▌Your name")
    s.wait_for(" ws://127.0.0.1:9 ")
    s.keys("Up", "C-u")
    s.type("relay.example")
    s.keys("Enter")
    s.wait_for(" wss://relay.example ")


def test_wrong_passphrase_asks_again(world):
    relay = world.relay()
    ann = world.account("ann", relay, passphrase=PASSPHRASE)
    ann.sotto("lock")
    s = open_chat(ann)
    s.wait_for("Your account is locked")
    compare(s, "locked-80x24")
    s.type("something else")
    s.keys("Enter")
    s.wait_for("passphrase", 30)
    wait_for("an empty field", lambda: "*" not in s.text(), 30)
    s.type(PASSPHRASE)
    s.keys("Enter")
    s.wait_for("No conversation yet", 30)


def test_passphrase_of_the_greatest_length(world):
    longest = "pass" * 256
    ann = world.account("ann", world.relay(), passphrase=longest)
    ann.sotto("lock")
    s = open_chat(ann)
    s.wait_for("Your account is locked")
    s.paste(longest)
    s.keys("Enter")
    s.wait_for("No conversation yet", 30)


def test_link_goes_to_the_clipboard(world):
    ann = world.account("ann", world.relay())
    s = open_chat(ann)
    s.tmux("set", "-s", "set-clipboard", "on")
    s.type("/link")
    s.keys("Enter")
    s.wait_for("c copies it")
    s.keys("c")
    s.wait_for("sent to the terminal's clipboard")
    assert s.tmux("show-buffer").strip() == ann.link()


def test_killed_agent_with_a_passphrase_keeps_the_draft(world):
    relay = world.relay()
    ann = world.account("ann", relay, passphrase=PASSPHRASE)
    bob = world.account("bob", relay)
    ann.add(bob)
    s = open_chat(ann, "bob")
    s.type("a draft")
    ann.kill_agent()
    s.wait_for("Your account is locked", 30)
    s.type(PASSPHRASE)
    s.keys("Enter")
    s.wait_for("› a draft", 30)


def test_other_front_end_unlocks(world):
    relay = world.relay()
    ann = world.account("ann", relay, passphrase=PASSPHRASE)
    ann.sotto("lock")
    s = open_chat(ann)
    s.wait_for("Your account is locked")
    path = f"{world.folder}/ann.passphrase"
    with open(path, "rb") as f:
        ann.sotto("unlock", "--passphrase-fd", str(f.fileno()),
                  pass_fds=(f.fileno(),))
    s.wait_for("online", 30)


def test_terminals_of_other_kinds(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    ann.sotto("send", "bob", "naïve 漢字", "--wait", "delivered")
    for term, more in (("xterm-256color", {}), ("xterm", {}),
                       ("vt100", {"NO_COLOR": "1"}), ("linux", {}),
                       ("screen", {})):
        s = open_chat(ann, "bob", term=term, **more)
        s.wait_for("online")
        s.wait_for(lambda lines: "✓✓" in row_of(lines, "naïve 漢字"))
        s.type("x")
        s.wait_for("› x")
        if "NO_COLOR" in more:
            assert "\x1b[38" not in "\n".join(s.capture(styles=True))
        s.keys("C-c", "C-q")
        assert s.wait_ended() == 0, term


def test_locale_without_utf8(world):
    _, ann, bob = world.pair()
    quick(ann, bob)
    ann.sotto("send", "bob", "naïve", "--wait", "delivered")
    s = open_chat(ann, "bob", LC_ALL="C")
    s.wait_for("* online")
    s.wait_for(lambda lines: "vv" in row_of(lines, "na?ve"))
    assert all(ord(c) < 127 for c in s.text())
    compare(s, "ascii-80x24")


def test_unknown_terminal_is_refused(world):
    ann = world.account("ann")
    env = ann.env()
    env.pop("TERM")
    for term, word in (("dumb", "cursor"), ("nonsense", "TERM names")):
        s = world.screen(["sh", "-c", f"TERM={term} "
                          f"{world.program('sotto-tui')}; echo code $?; "
                          "read line"], env)
        assert word in "\n".join(s.wait_for("code 2"))


def test_help_and_completion(world):
    _, ann, bob = world.pair()
    ann.sotto("send", "bob", "hi", "--wait", "delivered")
    s = open_chat(ann, "bob")
    s.keys("F1")
    s.wait_for("Conversations")
    compare(s, "help-80x24")
    s.keys("Escape")
    s.wait_for(lambda lines: "Conversations" not in "\n".join(lines))
    s.type("/ver")
    s.keys("Tab")
    s.wait_for("› /verify")
    s.keys("Enter")
    s.wait_for("Safety number with bob")
    s.keys("y")
    s.wait_for("✓ verified")
    send_line(s, "/nonsense")
    s.wait_for("no command /nonsense")
    s.wait_for("› /nonsense")
    s.keys("C-u")
    send_line(s, "//etc")
    s.wait_for(lambda lines: "✓" in row_of(lines, "/etc"))
