"""The program sotto: every command, good and bad, its output and exit codes."""
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import termios
import threading
import time

from sotto_test import timeout, wait_for
from sotto_test.preload import LATE_READ, preload
from sotto_test.talk import acquaint

USAGE, UNEXPECTED, NETWORK, NOT_FOUND = 1, 2, 3, 6
TIMED_OUT, LOCKED, REFUSED = 7, 8, 9
COMMANDS = ("accept add agent block bot config contacts export init link lock "
            "recv remove rename search send status stop unlock verify").split()


def fails(account, code, *args, says="", **kw):
    """Ends with code and one line on stderr that begins with "sotto: "."""
    r = account.run(*args, **kw)
    assert r.code == code, r
    assert r.err.startswith("sotto: ") and r.err.count("\n") == 1, r
    assert says in r.err, r
    return r


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def talkers(world):
    """(ann, bob), who have accepted each other, through a relay that runs."""
    _, ann, bob = world.pair()
    bob.sotto("config", "set", "receipt-delay-max", "0")
    ann.sotto("config", "set", "receipt-delay-max", "0")
    return ann, bob


class Terminal:
    """sotto on a terminal of its own, as a person has it."""

    def __init__(self, account, *args, **env):
        self.screen = b""
        pid, self.fd = pty.fork()
        if pid == 0:
            program = account.world.program("sotto")
            os.execve(program, [program, *args], account.env(**env))
        self.pid = pid

    def wait_for(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while text.encode() not in self.screen:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r} in {self.screen}"
            if select.select([self.fd], [], [], left)[0]:
                self.read()

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.screen += data
        return data

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode() + b"\n")

    def answer(self, prompt, text, secret=False):
        self.wait_for(prompt)
        if secret:
            wait_for("echo is off", lambda: not self.echoes())
        self.screen = self.screen.split(prompt.encode(), 1)[1]
        self.type(text)

    def end(self):
        while self.read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


# Without an account.

def test_help_and_version(world):
    ann = world.account("ann")
    assert ann.sotto("--version") == "sotto 0.1"
    overview = ann.sotto("--help")
    for command in COMMANDS:
        assert f"  {command} " in overview, command
        text = ann.sotto(command, "--help")
        assert text.startswith(f"usage: sotto {command} "), text
        assert ann.sotto("help", command) == text
    assert not ann.listening()


def test_without_command_the_chat_opens(world):
    ann = world.account("ann")
    r = ann.run()
    assert r.code == USAGE and "terminal" in r.err, r
    screen = ann.screen()
    screen.wait_for("sotto")
    assert screen.ended() is None


def test_usage_errors(world):
    ann = world.account("ann")
    fails(ann, USAGE, "nonsense", says="there is no command 'nonsense'")
    fails(ann, USAGE, "--nonsense", says="--nonsense")
    fails(ann, USAGE, "--profile", says="--profile")
    fails(ann, USAGE, "status", "--nonsense", says="--nonsense")
    fails(ann, USAGE, "send", says="usage: sotto send")
    fails(ann, USAGE, "send", "bob", "two", "words", says="quote")
    fails(ann, USAGE, "send", "bob", "-x", says="-x")
    fails(ann, USAGE, "send", "bob", "x", "--wait", "soon", says="--wait")
    fails(ann, USAGE, "send", "bob", "x", "--timeout", "1", says="--wait")
    fails(ann, USAGE, "send", "bob", "x", "--wait", "sent", "--timeout", "-1")
    fails(ann, USAGE, "send", "bob", "", says="no text")
    fails(ann, USAGE, "send", "bob", "x" * 30001, says="30000")
    fails(ann, USAGE, "send", "bob", stdin="x" * 40000, says="30000")
    fails(ann, USAGE, "send", "bob", stdin=b"\xff\xfe", says="UTF-8")
    fails(ann, USAGE, "send", "bob", stdin=b"a\0b", says="UTF-8")
    fails(ann, USAGE, "send", b"\xff".decode("latin1").encode("latin1")
          .decode("utf-8", "surrogateescape"), "x", says="UTF-8")
    fails(ann, USAGE, "recv", "--count", "0", says="--count")
    fails(ann, USAGE, "recv", "--timeout", "soon", says="--timeout")
    fails(ann, USAGE, "recv", "--all", says="--json")
    fails(ann, USAGE, "link", "--qr", "--json")
    fails(ann, USAGE, "verify", "bob", "--yes", "--no")
    fails(ann, USAGE, "config", "get")
    fails(ann, USAGE, "config", "nonsense")
    fails(ann, USAGE, "--profile", "a/b", "status", says="profile")
    assert not ann.listening()


def test_without_an_account(world):
    ann = world.account("ann")
    assert json.loads(ann.sotto("status", "--json"))["state"] == "new"
    assert "sotto init" in ann.sotto("status")
    for command in (["send", "bob", "x"], ["link"], ["contacts"], ["recv"],
                    ["search", "x"], ["export"]):
        fails(ann, NOT_FOUND, *command, says="sotto init")


def test_stop_without_an_agent(world):
    ann = world.account("ann")
    assert ann.sotto("stop") == ""
    assert not ann.listening()


def test_agent_starts_in_the_background_and_stops(world):
    ann = world.account("ann")
    ann.sotto("agent")
    pid = ann.agent_pid()
    assert pid
    ann.sotto("agent")
    assert ann.agent_pid() == pid
    ann.sotto("stop")
    assert not ann.listening()
    assert not os.path.exists(f"/proc/{pid}/exe")


def test_ten_at_once_start_one_agent(world):
    ann = world.account("ann")
    for _ in range(3):
        cmd = [world.program("sotto"), "status", "--json"]
        all_ = [subprocess.Popen(cmd, env=ann.env(), stdout=subprocess.PIPE)
                for _ in range(10)]
        pids = set()
        for p in all_:
            out, _ = p.communicate(timeout=20)
            assert p.returncode == 0
            pids.add(json.loads(out)["pid"])
        assert len(pids) == 1, pids
        ann.kill_agent()    # its socket stays: the next ten find a dead one


def test_agent_that_cannot_start_says_why(world):
    ann = world.account("ann")
    with open(ann.home, "w") as f:
        f.write("a file where the folder should be")
    r = fails(ann, UNEXPECTED, "status")
    assert ann.home in r.err or "director" in r.err, r


def test_profiles_are_apart(world):
    ann = world.account("ann", world.relay())
    assert "new" in ann.sotto("--profile", "other", "status")
    assert "new" in ann.sotto("status", "--profile", "other")
    assert "new" in ann.sotto("status", env={"SOTTO_PROFILE": "other"})
    assert "ready" in ann.sotto("status")
    ann.sotto("--profile", "other", "stop")


def test_home_with_a_long_path(world):
    ann = world.account("a" * 120)
    ann.init(world.relay())
    assert json.loads(ann.sotto("status", "--json"))["state"] == "ready"


# init, unlock, lock.

def test_init_without_terminal_never_asks(world):
    relay = world.relay()
    ann = world.account("ann")
    fails(ann, USAGE, "init", says="--relay")
    fails(ann, USAGE, "init", "--relay", "ws://example.org", says="wss://")
    fails(ann, USAGE, "init", "--relay", "http://example.org")
    fails(ann, USAGE, "init", "--relay", relay.url, "--name", "x" * 300)
    r = ann.run("init", "--relay", relay.url)
    assert r.code == 0 and "--recovery-file" in r.err, r
    assert len(r.out.strip()) == 32
    assert ann.status()["vault"] == "file"
    fails(ann, REFUSED, "init", "--relay", relay.url, says="has an account")


def test_init_writes_the_recovery_key(world):
    relay = world.relay()
    ann = world.account("ann")
    with open(ann.recovery_file, "w") as f:
        f.write("mine")
    fails(ann, USAGE, "init", "--relay", relay.url, "--recovery-file",
          ann.recovery_file)
    with open(ann.recovery_file) as f:
        assert f.read() == "mine"
    os.unlink(ann.recovery_file)
    out = json.loads(ann.sotto("init", "--relay", relay.url, "--json",
                               "--recovery-file", ann.recovery_file))
    assert len(out["account"]) == 32
    assert os.stat(ann.recovery_file).st_mode & 0o777 == 0o600
    with open(ann.recovery_file) as f:
        text = f.read().strip()
    assert len(text) == 63 and text.count("-") == 7, text


def test_init_that_fails_leaves_no_recovery_file(world):
    ann = world.account("ann")
    r = ann.run("init", "--relay", "ws://127.0.0.1:1", "--recovery-file",
                ann.recovery_file, "--key-file", "/nonexistent/key")
    assert r.code != 0, r
    assert not os.path.exists(ann.recovery_file)


def test_init_bad_passphrase_files(world):
    ann = world.account("ann")
    init = ["init", "--relay", "ws://127.0.0.1:1", "--passphrase-file"]
    empty = os.path.join(world.folder, "empty")
    open(empty, "w").close()
    fails(ann, USAGE, *init, "/nonexistent", says="/nonexistent")
    fails(ann, USAGE, *init, empty, says="empty")
    fails(ann, USAGE, *init, empty, "--key-file", "k", says="not both")


def test_passphrase_unlock_and_lock(world):
    ann = world.account("ann")
    ann.init(world.relay(), passphrase="correct horse")
    assert ann.status()["state"] == "ready"
    ann.sotto("lock")
    assert ann.status()["state"] == "locked"
    fails(ann, LOCKED, "send", "bob", "x", says="unlock")
    fails(ann, LOCKED, "recv", says="unlock")
    fails(ann, USAGE, "unlock", says="--passphrase-fd")
    fails(ann, USAGE, "unlock", "--passphrase-fd", "77", says="77")
    fails(ann, USAGE, "unlock", "--passphrase-fd", "0", says="empty")
    fails(ann, LOCKED, "unlock", "--passphrase-fd", "0", stdin="wrong\n")
    assert ann.status()["state"] == "locked"
    ann.sotto("unlock", "--passphrase-fd", "0", stdin="correct horse\n")
    assert ann.status()["state"] == "ready"
    ann.stop_agent()
    assert ann.sotto("status", "--json").find('"locked"') > 0


def test_unlock_with_a_key_file_asks_nothing(world):
    ann = world.account("ann", world.relay())
    ann.sotto("lock")
    assert ann.status()["state"] == "locked"
    ann.sotto("unlock")
    assert ann.status()["state"] == "ready"
    ann.sotto("unlock")


def test_init_on_a_terminal_asks(world):
    relay = world.relay()
    ann = world.account("ann")
    t = Terminal(ann, "init")
    t.answer("Relay", "nonsense")
    t.answer("Relay", relay.url)
    t.answer("Your name", "Ann")
    t.answer("Passphrase", "one", secret=True)
    t.answer("same again", "other", secret=True)
    t.answer("Passphrase", "open sesame", secret=True)
    t.answer("same again", "open sesame", secret=True)
    t.wait_for("Write it down", 60)
    t.answer("Type yes", "no")
    t.answer("Type yes", "yes")
    assert t.end() == 0
    assert b"sesame" not in t.screen
    assert ann.status()["name"] == "Ann"
    ann.sotto("lock")
    t = Terminal(ann, "unlock")
    t.answer("Passphrase", "open sesame", secret=True)
    assert t.end() == 0
    assert ann.status()["state"] == "ready"


def test_interrupted_prompt_puts_echo_back(world):
    ann = world.account("ann")
    t = Terminal(ann, "init", "--relay", "ws://127.0.0.1:1", "--name", "Ann")
    t.wait_for("Passphrase")
    wait_for("echo is off", lambda: not t.echoes())
    os.write(t.fd, b"\x03")
    wait_for("echo is on", t.echoes)
    assert t.end() == -signal.SIGINT
    assert ann.status()["state"] == "new"


def test_interrupt_between_prompt_and_read(world):
    ann = world.account("ann")
    t = Terminal(ann, "init", "--relay", "ws://127.0.0.1:1", "--name", "Ann",
                 LD_PRELOAD=preload(world, "late", LATE_READ))
    t.wait_for("Passphrase")
    os.write(t.fd, b"\x03")
    wait_for("echo is on", t.echoes)
    assert t.end() == -signal.SIGINT


# People.

def test_contacts(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    link = ann.link()
    assert json.loads(ann.sotto("link", "--json")) == {"link": link}
    assert bob.sotto("contacts") == ""
    assert bob.sotto("add", link) == "ann"
    assert bob.sotto("add", link, "--name", "Ann of work") == "Ann of work"
    fails(bob, USAGE, "add", "sotto://nonsense")
    contact = lines(bob.sotto("contacts", "--json"))
    assert len(contact) == 1 and contact[0]["account"] == ann.id()
    bob.sotto("rename", ann.id(), "Annie")
    row = bob.sotto("contacts").split()
    assert row[0] == "Annie" and ann.id() in row, row
    fails(bob, NOT_FOUND, "rename", "nobody", "x")

    bob.sotto("send", "Annie", "hello", "--wait", "sent")
    wait_for("a request", lambda: "request" in ann.sotto("contacts"))
    out = json.loads(ann.sotto("accept", "bob", "--json"))
    assert out["state"] == "contact"
    fails(ann, NOT_FOUND, "accept", "nobody")

    number = bob.sotto("verify", "annie").splitlines()
    assert number[1] == "not verified"
    assert ann.sotto("verify", "bob").splitlines()[0] == number[0]
    assert bob.sotto("verify", "annie", "--yes").splitlines()[1] == "verified"
    assert json.loads(bob.sotto("verify", "annie", "--json"))["verified"]
    assert "verified" in bob.sotto("contacts")
    assert "not" in bob.sotto("verify", "annie", "--no")
    fails(bob, NOT_FOUND, "verify", "nobody")

    assert json.loads(ann.sotto("block", "bob", "--json"))["state"] == "blocked"
    fails(ann, REFUSED, "send", "bob", "x")
    ann.sotto("block", "bob", "--undo")
    assert "blocked" not in ann.sotto("contacts")
    fails(ann, NOT_FOUND, "block", "nobody")
    ann.sotto("remove", "bob")
    assert ann.sotto("contacts") == ""
    fails(ann, NOT_FOUND, "remove", "bob")


def test_hostile_names_are_shown_harmlessly(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    bob.add(ann, "x\x1b[31m\u202eevil\n\x07")
    for out in (bob.sotto("contacts"), bob.sotto("status")):
        for bad in ("\x1b", "\u202e", "\x07"):
            assert bad not in out, repr(out)
    t = Terminal(bob, "contacts", "--json")
    assert t.end() == 0
    assert b"\x1b" not in t.screen and "\u202e".encode() not in t.screen


def test_link_as_qr(world):
    ann = world.account("ann", world.relay())
    link = ann.link()
    drawn = ann.sotto("link", "--qr").splitlines()
    assert drawn[-1] == link
    assert set("".join(drawn[:-1])) <= set(" ▀▄█"), drawn
    assert "\x1b" not in "".join(drawn)
    assert len({len(line) for line in drawn[:-1]}) == 1
    plain = ann.sotto("link", "--qr", env={"LC_ALL": "C"}).splitlines()
    assert set("".join(plain[:-1])) <= set(" #")
    t = Terminal(ann, "link", "--qr")
    assert t.end() == 0 and b"\x1b[97;40m" in t.screen
    t = Terminal(ann, "link", "--qr", NO_COLOR="1")
    assert t.end() == 0 and b"\x1b" not in t.screen


# Messages.

def test_send_forms_and_states(world):
    ann, bob = talkers(world)
    ann.sotto("send", "bob", "one", "--wait", "delivered", "--timeout", "20")
    ann.sotto("send", "BOB", stdin="two\nlines\n")
    ann.sotto("send", bob.id(), "--", "--three")
    out = json.loads(ann.sotto("send", "bob", "four", "--json", "--wait", "sent"))
    assert len(out["id"]) == 32
    got = lines(bob.sotto("recv", "--json", "--count", "4", "--timeout", "20"))
    assert [m["text"] for m in got] == ["one", "two\nlines", "--three", "four"]
    assert got[3]["id"] == out["id"]
    assert {m["from"] for m in got} == {ann.id()}
    assert {m["from_name"] for m in got} == {"ann"}
    fails(ann, NOT_FOUND, "send", "nobody", "x")
    fails(ann, TIMED_OUT, "send", "bob", "x", "--wait", "read", "--timeout",
          "2", says="it is delivered, but not read yet")


def test_send_after_failures_leaves_no_gap(world):
    """The relay has lost its store, and with it what Bob may: what failed then
    comes before what he writes with a new link, not half a minute after."""
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    relay.sigterm()
    shutil.rmtree(relay.data)
    relay.start()
    fails(bob, REFUSED, "send", "ann", "in vain", "--wait", "sent")
    bob.sotto("add", ann.wait_online().link())
    bob.sotto("send", "ann", "after")
    bob.sotto("send", "ann", "the end")
    got = lines(ann.sotto("recv", "--json", "--count", "4", "--timeout", "15"))
    assert [m["text"] for m in got][1:] == ["in vain", "after", "the end"], got


def test_send_with_a_key_sends_once(world):
    ann, bob = talkers(world)
    first = ann.sotto("send", "bob", "hi", "--key", "k1", "--json")
    assert ann.sotto("send", "bob", "hi", "--key", "k1", "--json") == first
    fails(ann, REFUSED, "send", "bob", "other", "--key", "k1")
    ann.sotto("send", "bob", "end", "--wait", "delivered")
    got = lines(bob.sotto("recv", "--json"))
    assert [m["text"] for m in got] == ["hi", "end"]


def test_names_are_kept_apart(world):
    """So that none fits two: the second one gets a number."""
    relay = world.relay()
    ann = world.account("ann", relay)
    one, two = (world.account(name, relay) for name in ("bob1", "bob2"))
    assert ann.sotto("add", one.link(), "--name", "bob") == "bob"
    second = ann.sotto("add", two.link(), "--name", "BOB")
    assert second.lower() != "bob"
    fails(ann, USAGE, "rename", second, "Bob")
    ann.sotto("send", "bob", "x")
    assert [m["chat"] for m in lines(ann.sotto("export", "--json"))] == \
        [one.id()]


def test_send_to_a_relay_that_is_down(world):
    relay, ann, bob = world.pair()
    relay.sigterm()
    ann.sotto("send", "bob", "later")
    fails(ann, TIMED_OUT, "send", "bob", "x", "--wait", "sent", "--timeout",
          "0.3", says="stays in the outbox")
    wait_for("the next try", lambda: " (again in " in ann.sotto("status"))
    assert ann.status()["outbox"] == 2
    relay.start()
    got = lines(bob.sotto("recv", "--json", "--count", "2", "--timeout", "25"))
    assert [m["text"] for m in got] == ["later", "x"]


def test_send_outlives_the_agent(world):
    """It waits on while the agent is killed, and sends no second one."""
    relay, ann, bob = world.pair()
    relay.sigterm()
    p = subprocess.Popen([world.program("sotto"), "send", "bob", "once",
                          "--wait", "sent"], env=ann.env())
    wait_for("in the outbox", lambda: ann.status()["outbox"] == 1)
    ann.kill_agent()
    relay.start()
    assert p.wait(30) == 0
    ann.sotto("send", "bob", "end", "--wait", "sent")
    got = lines(bob.sotto("recv", "--json", "--count", "2", "--timeout", "20"))
    assert [m["text"] for m in got] == ["once", "end"]


def test_recv_cursors_counts_and_timeouts(world):
    ann, bob = talkers(world)
    assert bob.sotto("recv") == ""
    for text in ("1", "2", "3"):
        ann.sotto("send", "bob", text, "--wait", "delivered")

    def texts(*args):
        return [m["text"] for m in lines(bob.sotto("recv", "--json", *args))]
    assert texts("--count", "1") == ["1"]
    assert texts() == ["2", "3"]
    assert texts() == []
    assert texts("--cursor", "other", "--count", "2") == ["1", "2"]
    assert texts("--cursor", "other", "--timeout", "0") == ["3"]
    r = fails(bob, TIMED_OUT, "recv", "--count", "1", "--timeout", "0.2")
    assert r.out == ""
    start = time.monotonic()
    assert texts("--timeout", "0.5") == []
    assert 0.4 < time.monotonic() - start < 5
    everything = lines(bob.sotto("recv", "--cursor", "all", "--json", "--all"))
    assert {"message", "contact"} <= {e["type"] for e in everything}
    seqs = [e["seq"] for e in everything]
    assert seqs == sorted(set(seqs))
    assert bob.sotto("recv", "--cursor", "text").splitlines()[0].endswith(
        " ann: 1")
    fails(bob, USAGE, "recv", "--cursor", "not a name")


def test_recv_one_reader_a_cursor(world):
    ann, bob = talkers(world)
    p = subprocess.Popen([world.program("sotto"), "recv", "--follow"],
                         env=bob.env(), stdout=subprocess.PIPE)
    ann.sotto("send", "bob", "hi")
    assert b"hi" in p.stdout.readline()
    fails(bob, REFUSED, "recv")
    p.send_signal(signal.SIGTERM)
    assert p.wait(10) == -signal.SIGTERM
    assert bob.sotto("recv") == ""  # it was acknowledged before the end


def test_recv_follow_outlives_the_agent(world):
    ann, bob = talkers(world)
    p = subprocess.Popen([world.program("sotto"), "recv", "--follow", "--json"],
                         env=bob.env(), stdout=subprocess.PIPE)
    for i in range(3):
        ann.sotto("send", "bob", str(i))
        assert json.loads(p.stdout.readline())["text"] == str(i)
        bob.kill_agent()
    p.kill()
    p.wait()


def test_recv_acks_only_what_stdout_took(world):
    ann, bob = talkers(world)
    for i in range(40):
        ann.sotto("send", "bob", f"{i} " + "x" * 20000)
    ann.sotto("send", "bob", "end", "--wait", "delivered")
    read, write = os.pipe()
    p = subprocess.Popen([world.program("sotto"), "recv", "--json"],
                         env=bob.env(), stdout=write)
    os.close(write)
    out = os.fdopen(read, "rb")
    first = json.loads(out.readline())
    assert first["text"].startswith("0 ")
    out.close()     # 64 KiB of the pipe were taken, the rest was not
    assert p.wait(10) == -signal.SIGPIPE
    rest = lines(bob.sotto("recv", "--json"))
    assert rest[-1]["text"] == "end"
    assert 20 < len(rest) <= 40
    assert [int(m["text"].split()[0]) for m in rest[:-1]] == \
        list(range(41 - len(rest), 40))


def test_recv_notices_that_nobody_reads(world):
    _, bob = talkers(world)
    p = subprocess.Popen([world.program("sotto"), "recv", "--follow"],
                         env=bob.env(), stdout=subprocess.PIPE)
    p.stdout.close()
    assert p.wait(10) == -signal.SIGPIPE


def test_output_that_cannot_be_written(world):
    ann, bob = talkers(world)
    ann.sotto("send", "bob", "hi", "--wait", "delivered")
    for command in (["contacts"], ["recv"], ["export"]):
        with open("/dev/full", "w") as full:
            p = subprocess.run([world.program("sotto"), *command],
                               env=bob.env(), stdout=full, timeout=20,
                               stderr=subprocess.PIPE)
        assert p.returncode == UNEXPECTED, (command, p)
        assert p.stderr.startswith(b"sotto: cannot write"), p
    assert "hi" in bob.sotto("recv")    # it was not acknowledged


def test_search(world):
    ann, bob = talkers(world)
    ann.sotto("send", "bob", "the quick brown fox")
    ann.sotto("send", "bob", "the lazy dog\nsleeps")
    ann.sotto("send", "bob", "今天天气很好", "--wait", "delivered")
    assert lines(bob.sotto("search", "quick", "fox", "--json"))[0]["text"] == \
        "the quick brown fox"
    assert len(bob.sotto("search", "the").splitlines()) == 3
    assert bob.sotto("search", "the", "--limit", "1").count("lazy") == 1
    assert "天气" in bob.sotto("search", "天气")
    assert "quick" in bob.sotto("search", "qui*", "--in", "ann")
    assert bob.sotto("search", "absent") == ""
    fails(bob, NOT_FOUND, "search", "the", "--in", "nobody")
    fails(bob, USAGE, "search", "the", "--limit", "0")
    text = bob.sotto("search", "lazy")
    assert text.endswith(" ann: the lazy dog\n    sleeps"), text


@timeout(120)
def test_export_pages_through_all(world):
    ann, bob = talkers(world)
    bot = ann.bot()
    ids = [bot.request("message.send", to="bob", text=str(i))
           for i in range(1100)]
    for number in ids:
        bot.answer(number)
    assert bot.close() == 0
    out = lines(ann.sotto("export", "--json", "bob"))
    assert [m["text"] for m in out] == [str(i) for i in range(1100)]
    assert all(m["outgoing"] for m in out)
    assert lines(ann.sotto("export", "--json")) != []
    text = ann.sotto("export").splitlines()
    assert text[0] == f"# bob ({bob.id()})" and len(text) == 1101
    assert text[1].endswith(" me: 0")
    fails(ann, NOT_FOUND, "export", "nobody")


# Settings and state.

def test_config(world):
    ann = world.account("ann", world.relay())
    settings = {s["name"]: s for s in lines(ann.sotto("config", "list",
                                                      "--json"))}
    assert settings["receipts"]["value"] == "on"
    assert "receipts = on" in ann.sotto("config", "list").splitlines()
    ann.sotto("config", "set", "receipts", "off")
    assert ann.sotto("config", "get", "receipts") == "off"
    assert json.loads(ann.sotto("config", "get", "receipts", "--json")) == "off"
    with open(os.path.join(ann.data, "sotto.conf")) as f:
        assert "receipts" in f.read()
    assert fails(ann, NOT_FOUND, "config", "get", "nonsense")
    assert ann.run("config", "set", "receipts", "perhaps").code == USAGE
    assert ann.sotto("config", "get", "receipts") == "off"


def test_status(world):
    relay = world.relay()
    ann = world.account("ann", relay)
    ann.wait_online()
    s = json.loads(ann.sotto("status", "--json"))
    assert s["state"] == "ready" and s["relay"] == relay.url
    assert s["connection"]["state"] == "online"
    text = ann.sotto("status")
    for row in ("profile     default", "state       ready",
                f"account     {ann.id()}", "connection  online",
                "outbox      0"):
        assert row in text.splitlines(), text
    relay.sigterm()

    def waits():
        return "(again in " in ann.sotto("status")
    wait_for("the retry in the status", waits)


def test_secrets_are_in_no_argument_or_environment(world):
    """While the agent works on it, the passphrase stands in nobody's command
    line or environment."""
    relay = world.relay()
    ann = world.account("ann")
    seen = []
    stop = threading.Event()

    def look():
        while not stop.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                for what in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{what}", "rb") as f:
                            if b"xyzzy-plugh" in f.read():
                                seen.append((pid, what))
                    except OSError:
                        pass
    watcher = threading.Thread(target=look)
    watcher.start()
    ann.init(relay, passphrase="xyzzy-plugh")
    ann.sotto("lock")
    ann.sotto("unlock", "--passphrase-fd", "0", stdin="xyzzy-plugh")
    stop.set()
    watcher.join()
    assert not seen, seen
