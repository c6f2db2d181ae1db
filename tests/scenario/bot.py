"""sotto bot: the bridge between a script and the agent, which outlives agents."""
import json
import os
import signal
import subprocess

from sotto_test import RpcError, wait_for
from sotto_test.talk import acquaint

MALFORMED, NO_REQUEST, NO_METHOD = -32700, -32600, -32601


def friends(world):
    _, ann, bob = world.pair()
    return acquaint(ann, bob)


def status_kb(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith(field + ":"))


def run(account, text):
    """What `sotto bot` answers to these lines: (exit code, objects)."""
    r = account.run("bot", stdin=text)
    return r.code, [json.loads(line) for line in r.out.splitlines()]


def test_bot_answers_and_ends_with_its_input(world):
    ann = world.account("ann")
    code, got = run(ann, '{"jsonrpc":"2.0","id":"a","method":"hello"}\n'
                    '{"jsonrpc":"2.0","id":2,"method":"nonsense"}')
    assert code == 0
    assert got[0]["id"] == "a" and got[0]["result"]["state"] == "new"
    assert got[1]["id"] == 2 and got[1]["error"]["code"] == NO_METHOD
    assert run(ann, "") == (0, [])


def test_bot_lines_that_are_no_request(world):
    ann = world.account("ann")
    bad = ["nonsense", '{"a":1,"a":2}', '{"a":' + "[" * 100, "\0",
           '{"a":"\\ud800"}']
    code, got = run(ann, "\n".join(bad) + '\n[{"id":1,"method":"hello"}]\n'
                    + "x" * 300000 + '\n\n{"jsonrpc":"2.0","id":1,'
                    '"method":"hello"}\n')
    assert code == 0
    assert [m["error"]["code"] for m in got[:-1]] == \
        [MALFORMED] * len(bad) + [NO_REQUEST, MALFORMED]
    assert got[-1]["id"] == 1 and "result" in got[-1]


def test_bot_cannot_start_without_agent(world):
    ann = world.account("ann")
    with open(ann.home, "w") as f:
        f.write("in the way")
    r = ann.run("bot", stdin="")
    assert r.code == 2 and r.err.startswith("sotto: "), r


def test_bot_script_in_one_pipe(world):
    """send and receive with nothing but lines."""
    ann, bob = friends(world)
    code, got = run(ann, json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "message.send",
        "params": {"to": "bob", "text": "hi", "key": "1"}}))
    assert code == 0 and len(got[0]["result"]["id"]) == 32
    reader = bob.bot().subscribe("c", start="start")
    e = reader.wait_event({"type": "message", "text": "hi"})
    assert e["from"] == ann.id() and e["from_name"] == "ann"
    assert reader.close() == 0


def test_bot_takes_over_the_cursor_of_one_that_ends(world):
    """A script that is killed and started again at once."""
    ann, bob = friends(world)
    old = ann.bot().subscribe("c")
    new = ann.bot()
    asked = new.request("events.subscribe", cursor="c")
    assert new.call("hello")["state"] == "ready"    # others need not wait
    old.close()
    assert new.answer(asked)["created"] is False
    bob.sotto("send", "ann", "hi")
    assert new.wait_event({"type": "message", "text": "hi"})


def test_bot_is_told_when_a_cursor_stays_in_use(world):
    ann, _ = friends(world)
    ann.bot().subscribe("c")
    for attempt in ann.bot(), ann.api():
        try:
            attempt.subscribe("c")
            raise AssertionError("two have one cursor")
        except RpcError as e:
            assert e.code == 9 and "cursor" in e.message, e


def test_bot_outlives_the_agent(world):
    """Killed five times while mail comes: each event once and in order."""
    ann, bob = friends(world)
    bot = bob.bot().subscribe("c")
    for i in range(5):
        ann.sotto("send", "bob", f"{i}a", "--wait", "delivered", timeout=40)
        bob.kill_agent()
        ann.sotto("send", "bob", f"{i}b")
        bot.wait_event({"type": "message", "text": f"{i}b"}, timeout=40)
        if i == 2:
            bot.ack("c", bot.all_events[-1]["seq"])
    want = [f"{i}{x}" for i in range(5) for x in "ab"]
    assert [e["text"] for e in bot.events("message")] == want
    seqs = [e["seq"] for e in bot.all_events]
    assert seqs == sorted(set(seqs))
    assert not bot.others, bot.others   # no answer to what was not asked
    bot.kill()
    # Not acknowledged: it comes again to who comes next.
    again = bob.bot().subscribe("c")
    again.wait_event({"type": "message", "text": "3a"})
    assert min(e["seq"] for e in again.all_events) == again.subscribed["acked"] + 1


def test_bot_sends_with_a_key_once_while_the_agent_dies(world):
    ann, bob = friends(world)
    bot = ann.bot()
    numbers = []
    for i in range(200):
        numbers.append(bot.request("message.send", to="bob", text=str(i),
                                   key=f"k{i}"))
        if i % 40 == 20:
            ann.kill_agent()
    assert len({bot.answer(n, 40)["id"] for n in numbers}) == 200
    reader = bob.bot().subscribe("c", start="start", window=1000)
    reader.wait_event({"type": "message", "text": "199"}, timeout=40)
    got = [e["text"] for e in reader.events("message")]
    assert [t for t in got if t.isdigit()] == [str(i) for i in range(200)]


def test_bot_tells_what_was_under_way(world):
    """A request that may not be repeated gets an error that says: again."""
    relay, ann, bob = world.pair()
    relay.sigterm()
    bot = ann.bot()
    sent = bot.call("message.send", to="bob", text="x")["id"]
    waiting = bot.request("message.wait", id=sent, state="sent")
    bot.call("status")      # the agent has had the request before
    ann.kill_agent()
    try:
        bot.answer(waiting)
        raise AssertionError("answered by nobody")
    except RpcError as e:
        assert e.code == 3 and e.data == {"retry": True}
    assert bot.call("hello")["state"] == "ready"
    assert bot.close() == 0


def test_bot_outlives_a_locked_agent(world):
    """The new agent is locked: the subscription waits until it is opened."""
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob")
    bob.init(relay, passphrase="pass")
    ann.add(bob)
    bot = bob.bot().subscribe("c")
    bob.kill_agent()
    wait_for("a locked agent", lambda: bob.agent_pid()
             and bob.status()["state"] == "locked")
    ann.sotto("send", "bob", "hi", "--wait", "sent")
    bob.sotto("unlock", "--passphrase-fd", "0", stdin="pass")
    bot.wait_event({"type": "message", "text": "hi"})
    assert bot.close() == 0


def test_bot_that_stops_the_agent_lets_it_be(world):
    ann = world.account("ann", world.relay())
    bot = ann.bot()
    pid = ann.agent_pid()
    bot.call("agent.stop")
    wait_for("the agent's end", lambda: not os.path.exists(f"/proc/{pid}/exe"))
    assert not ann.listening()
    assert bot.call("hello")["state"] == "ready"    # asking starts it again
    assert bot.close() == 0


def test_bot_notices_that_nobody_reads(world):
    ann = world.account("ann")
    p = subprocess.Popen([world.program("sotto"), "bot"], env=ann.env(),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"hello"}\n')
    p.stdin.flush()
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(10) == -signal.SIGPIPE


def test_bot_memory_is_bounded(world):
    """A client that writes and never reads is held back, and one that reads
    gets all."""
    ann = world.account("ann", world.relay())
    p = subprocess.Popen([world.program("sotto"), "bot"], env=ann.env(),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.set_blocking(p.stdin.fileno(), False)
    filler = "x" * 1000
    sent = stuck = 0
    pending = b""
    while stuck < 50 and sent < 100000:
        if not pending:
            sent += 1
            pending = json.dumps({"jsonrpc": "2.0", "id": f"{sent}{filler}",
                                  "method": "status"}).encode() + b"\n"
        try:
            pending = pending[os.write(p.stdin.fileno(), pending):]
            stuck = 0
        except BlockingIOError:
            stuck += 1
            try:
                os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOHANG)
                subprocess.run(["sleep", "0.02"], check=True)
            except ChildProcessError:
                break
    assert stuck == 50, "never held back"
    assert status_kb(p.pid, "VmHWM") <= 5 * 1024
    os.set_blocking(p.stdin.fileno(), True)
    got = 0
    import threading
    threading.Thread(target=lambda: (p.stdin.write(pending),
                                     p.stdin.close())).start()
    for line in p.stdout:
        assert json.loads(line)["id"].startswith(str(got + 1))
        got += 1
    assert got == sent
    assert p.wait(10) == 0
