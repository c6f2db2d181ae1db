"""The speed and size of the client's programs, each figure beside a baseline
from the same run: the machine is shared."""
import os
import statistics
import subprocess
import time

from sotto_test import proc, timeout, wait_for
from sotto_test.talk import acquaint, send_all, take_messages

MS = 1000.0


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def row(what, value, target, baseline=""):
    print(f"  {what:44} {value:>12}  {target:14} {baseline}")


def kib(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith(field + ":"))


def mib(pid):
    return f"{kib(pid, 'VmRSS') / 1024:.1f} MiB"


def spawn_ms(cmd, env):
    began = time.perf_counter()
    subprocess.run(cmd, env=env, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * MS


@timeout(120)
def test_send_from_the_shell(world):
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    sotto, env = world.program("sotto"), ann.env()
    send, nothing = [], []
    for i in range(200):
        nothing.append(spawn_ms(["/bin/true"], env))
        send.append(spawn_ms([sotto, "send", "bob", f"message {i}", "--wait",
                              "sent"], env))
    a, b = statistics.median(send), statistics.median(nothing)
    row("sotto send --wait sent, median of 200", f"{a:.1f} ms", "<= 10 ms",
        f"true {b:.1f} ms, ratio {a / b:.1f}")


@timeout(120)
def test_cold_start(world):
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    took = []
    for i in range(11):
        ann.stop_agent()
        took.append(spawn_ms([world.program("sotto"), "send", "bob", f"{i}",
                              "--wait", "sent"], ann.env()))
    queued = []
    for i in range(11):
        ann.stop_agent()
        queued.append(spawn_ms([world.program("sotto"), "send", "bob", f"{i}"],
                               ann.env()))
    row("cold start, message in the outbox, median of 11",
        f"{statistics.median(queued):.0f} ms", "<= 300 ms",
        f"sent {statistics.median(took):.0f} ms")


@timeout(120)
def test_send_to_shown(world):
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    sender, reader = ann.api(), bob.bot()
    reader.subscribe()
    shown, stored = [], []
    for i in range(1000):
        began = time.perf_counter()
        number = sender.request("message.send", to="bob", text=f"ping {i}")
        reader.wait_event({"type": "message", "text": f"ping {i}"})
        shown.append((time.perf_counter() - began) * MS)
        sender.answer(number)
        reader.all_events.clear()
    for i in range(200):
        began = time.perf_counter()
        with open(os.path.join(world.folder, "sync"), "ab") as f:
            f.write(b"x" * 4096)
            f.flush()
            os.fdatasync(f.fileno())
        stored.append((time.perf_counter() - began) * MS)
    a, b = statistics.median(shown), statistics.median(stored)
    row("send to the other's event, P50 of 1,000", f"{a:.2f} ms", "<= 3 ms",
        f"P99 {percentile(shown, 99):.1f} ms; write and fdatasync {b:.2f} ms, "
        f"ratio {a / b:.1f}")


@timeout(120)
def test_memory(world):
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    bot = ann.bot().subscribe(cursor="size", start="start")
    send_all(bot, "bob", [f"message number {i}" for i in range(1000)])
    wait_for("all sent", lambda: ann.status()["outbox"] == 0)
    screen = bob.screen()
    screen.wait_for("message number")
    tui = next(pid for pid, name in proc.descendants().items()
               if name == "sotto-tui")
    row("agent after 1,000 messages", mib(ann.agent_pid()), "<= 20 MiB")
    row("sotto bot", mib(bot.process.pid), "<= 5 MiB")
    row("TUI", mib(tui), "<= 10 MiB")
    row("relay", mib(relay.process.pid), "")


@timeout(300)
def test_drain_of_a_backlog(world):
    """10,000 messages to a stopped agent, the relay killed and restarted, into a
    store with search index and events."""
    count = 10000
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    bob.stop_agent()
    sender = ann.api()
    began = time.perf_counter()
    for i in range(0, count, 500):
        send_all(sender, "bob", [f"backlog message {i + j} with some words"
                                 for j in range(500)])
    wait_for("all sent", lambda: ann.status()["outbox"] == 0, 200)
    sent = count / (time.perf_counter() - began)
    relay.restart()
    bob.start_agent()
    reader = bob.api().subscribe(cursor="drain", start="start", window=4096)
    events = take_messages(reader, "drain", count + 1, 100)[1:]
    assert [e["text"] for e in events] == [
        f"backlog message {i} with some words" for i in range(count)]
    rate = count * MS / (events[-1]["at"] - events[0]["at"])
    row("drain of 10,000 into the store", f"{rate:,.0f}/s", ">= 5,000/s",
        f"sent {sent:,.0f}/s; see bench_store in this run")
