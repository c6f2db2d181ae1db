"""The relay under load, workloads W1 to W4: each figure beside that of a baseline
from the same run, for the machine is shared. Writes build/bench/relay.json.

W1  200 users in 100 pairs, 300 bytes of text (some 900 on the wire), at most 16
    without an answer each; then 2,000 messages a second, whatever comes back.
W2  messages to 1,000 users who are not there; kill -9 right after the last
    acknowledgement; a restart; all drain.
W3  authenticated connections that do nothing.
W4  all of them drop and return at once.

The sizes are for a minute in all; SOTTO_BENCH=full takes those of the
definition."""
import json
import os
import signal
import subprocess

from sotto_test import timeout

FULL = os.environ.get("SOTTO_BENCH") == "full"
ONLINE_S, OPEN_S = (10, 20) if FULL else (3, 4)
MESSAGES = 100000 if FULL else 20000
IDLE, IDLE_S = (18000, 20) if FULL else (1500, 2)
# A user of the load sends more than any person, and all come at once.
LIMITS = ["--contact-burst", "100000000", "--register-burst", "100000",
          "--connections", "19000"]


def number(v):
    if v is None:
        return ""
    return f"{v:,.0f}" if v == int(v) or v >= 100 else f"{v:.3g}"


def rows(title, lines):
    """lines: (what, relay's, baseline's, by what it is compared, goal)."""
    print(f"\n  {title:34} {'relay':>10} {'baseline':>10} {'ratio':>7}  goal")
    for what, ours, base, ratio, goal in lines:
        by = "" if ratio is None else f"{ratio:.2f}"
        print(f"  {what:34} {number(ours):>10} {number(base):>10} {by:>7}  "
              f"{goal}")


def keep(world, name, **results):
    """Adds to the JSON of this run."""
    folder = os.path.join(world.build, "bench")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "relay.json")
    try:
        with open(path) as f:
            found = json.load(f)
    except (OSError, ValueError):
        found = {}
    found[name] = results
    with open(path, "w") as f:
        json.dump(found, f, indent=2)
        f.write("\n")


class Bare:
    """The bare forwarder; ends with its standard input."""

    def __init__(self, world):
        self.process = subprocess.Popen(
            [world.program("tests/bench/bare")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)


def command(world, workload, port, pid, *args):
    return [world.program("tests/bench/generate"), workload, "--port",
            str(port), "--pid", str(pid), *map(str, args)]


def load(world, workload, port, pid, *args):
    """What the generator measures."""
    out = subprocess.run(command(world, workload, port, pid, *args),
                         stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(out.stdout)


def bare(world, workload, *args):
    with Bare(world) as b:
        return load(world, workload, b.port, b.pid, "--bare", *args)


def relay(world, *args):
    return world.relay(*LIMITS, *args)


@timeout(120)
def test_w1_online(world):
    closed = ["--seconds", ONLINE_S]
    paced = ["--seconds", OPEN_S, "--rate", 2000]
    r = relay(world)
    pid = r.process.pid
    a, b = load(world, "online", r.port, pid, *closed), bare(
        world, "online", *closed)
    r.restart()
    pid = r.process.pid
    c, d = load(world, "online", r.port, pid, *paced), bare(
        world, "online", *paced)
    rows("W1: 200 users, window 16", [
        ("delivered a second", a["delivered_per_s"], b["delivered_per_s"],
         a["delivered_per_s"] / b["delivered_per_s"], ">= 100,000"),
        ("CPU-s a 100,000", a["cpu_s_per_100k"], b["cpu_s_per_100k"],
         a["cpu_s_per_100k"] / b["cpu_s_per_100k"], "<= 4"),
        ("RSS, MiB", a["rss_mib"], None, None, ""),
        ("P50 at 2,000/s, ms", c["p50_ms"], d["p50_ms"],
         c["p50_ms"] / d["p50_ms"], ""),
        ("P99 at 2,000/s, ms", c["p99_ms"], d["p99_ms"],
         c["p99_ms"] / d["p99_ms"], "<= 2"),
        ("bytes a message, both ways", a["bytes_per_message"],
         b["bytes_per_message"],
         a["bytes_per_message"] / b["bytes_per_message"], ""),
    ])
    keep(world, "W1", relay=a, bare=b, relay_paced=c, bare_paced=d)
    for run in (a, c):
        assert run["refused"] == run["repeated"] == 0, run
        assert run["delivered"] == run["answered"] == run["sent"], run


@timeout(300)
def test_w2_offline(world):
    r = relay(world)
    base = subprocess.run(
        [world.program("tests/bench/rocks"), str(MESSAGES), "1000", "512",
         world.folder], stdout=subprocess.PIPE, text=True, check=True)
    b = json.loads(base.stdout)
    p = subprocess.Popen(
        command(world, "offline", r.port, r.process.pid, "--users", 1000,
                "--messages", MESSAGES, "--window", 32),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "killed\n"
    r.process.wait(10)
    r.restart()
    out, _ = p.communicate(f"{r.process.pid}\n", timeout=240)
    a = json.loads(out)
    rows(f"W2: {MESSAGES:,} to 1,000 offline", [
        ("enqueue a second", a["enqueue_per_s"], b["enqueue_per_s"],
         a["enqueue_per_s"] / b["enqueue_per_s"], ">= 0.6 of RocksDB"),
        ("CPU-s a 100,000 enqueued", a["enqueue_cpu_s_per_100k"], None, None,
         ""),
        ("drain a second", a["drain_per_s"], b["drain_per_s"],
         a["drain_per_s"] / b["drain_per_s"], ">= 0.6 of RocksDB"),
        ("CPU-s a 100,000 drained", a["drain_cpu_s_per_100k"], None, None, ""),
        ("acknowledged", a["acknowledged"], None, None, ""),
        ("lost", a["lost"], None, None, "0"),
    ])
    keep(world, "W2", relay=a, rocks=b)
    assert a["lost"] == 0 and a["refused"] == 0, a
    assert a["acknowledged"] == MESSAGES, a


@timeout(300)
def test_w3_idle_w4_storm(world):
    size = ["--users", IDLE, "--seconds", IDLE_S]
    r = relay(world)
    load(world, "enroll", r.port, r.process.pid, "--users", IDLE)
    r.restart(signal.SIGTERM)
    a, b = load(world, "idle", r.port, r.process.pid, *size), bare(
        world, "idle", *size)
    floor = b["storm_s"] + a["signatures_s"]
    rows(f"W3, W4: {IDLE:,} connections", [
        ("RSS without, MiB", a["rss_idle_mib"], None, None, "<= 30"),
        ("RSS a connection, KiB", a["rss_connection_kib"],
         b["rss_connection_kib"], None, "<= 7"),
        ("CPU, % of a core", a["idle_cpu_percent"], b["idle_cpu_percent"],
         None, "<= 1"),
        ("storm: all are back, s", a["storm_s"], floor,
         a["storm_s"] / floor, "<= 1.3 of the floor"),
        ("CPU-s of the storm", a["storm_cpu_s"], b["storm_cpu_s"], None, ""),
    ])
    print("  the floor: connections to the bare server, and as many Ed25519 "
          "checks")
    keep(world, "W3, W4", relay=a, bare=b)
