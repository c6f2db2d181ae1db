"""Exactly once, in order, none missing, while everything is killed."""
import collections
import os
import random
import select
import signal
import threading
import time

from sotto_test import RpcError, faults, proc, scale, timeout
from sotto_test.rpc import Gone

RELAY_POINTS = ("relay.receive", "relay.queue", "relay.commit.before",
                "relay.commit.after", "relay.push", "relay.ack",
                "relay.answer")
AGENT_POINTS = ("agent.receive", "agent.decrypt", "agent.commit",
                "agent.event", "agent.ack", "agent.ratchet",
                "agent.encrypted", "agent.sent")
DEADLINE_S = scale(150, 3000)
POINT_S = 10    # in which a process reaches a point


class Pace:
    """Spreads the sending over the killing: so much of the one as of the
    other."""

    def __init__(self):
        self.changed = threading.Condition()
        self.kills, self.all_kills = 0, 0
        self.over = False       # an error, or too late: everybody stops

    def killed(self):
        with self.changed:
            self.kills += 1
            self.changed.notify_all()

    def stop(self):
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def wait(self, sent, count):
        """Until message number sent of count may go."""
        with self.changed:
            self.changed.wait_for(
                lambda: self.over or
                sent * (self.all_kills + 1) < count * (self.kills + 2))


class Victim(threading.Thread):
    """Kills one process again and again, at a point or at any moment, until it
    has had its share. Somebody else starts it; a kill by signal counts as
    "random"."""

    def __init__(self, orders, order_file, pace):
        super().__init__(daemon=True)
        self.orders, self.order_file, self.pace = orders, order_file, pace
        self.pace.all_kills += len(orders)
        self.random = random.Random(os.path.basename(order_file))
        self.error = None

    def run(self):
        try:
            for point in self.orders:
                if self.pace.over:
                    return
                self.kill_once(point)
                self.pace.killed()
        except Exception as e:
            self.error = e
            self.pace.stop()

    def kill_once(self, point):
        pid = self.born()
        limit = self.random.uniform(0.02, 0.7)
        fd = os.pidfd_open(pid)
        if point != "random":
            limit = POINT_S
            with open(self.order_file + ".new", "w") as f:
                f.write(f"{point}:{self.random.randint(1, 12)}")
            os.rename(self.order_file + ".new", self.order_file)
        try:
            if not select.select([fd], [], [], limit)[0]:
                os.kill(pid, signal.SIGKILL)
                proc.wait_gone(pid)
        finally:
            os.close(fd)

    def born(self):
        """The pid of the process whose turn it is."""
        raise NotImplementedError


class RelayVictim(Victim):
    def __init__(self, relay, orders, order_file, pace):
        super().__init__(orders, order_file, pace)
        self.relay = relay

    def run(self):
        super().run()
        if not self.error:
            self.born()     # the others need it

    def born(self):
        if self.relay.process is not None:
            self.relay.process.wait()
            self.relay.note_crash()
        self.relay.start(env=self.relay.orders)
        return self.relay.process.pid


class AgentVictim(Victim):
    """Its bot starts it again."""

    def __init__(self, account, orders, order_file, pace):
        super().__init__(orders, order_file, pace)
        self.account = account

    def born(self):
        return proc.wait_for(f"{self.account.name}'s agent",
                             lambda: agent_pid(self.account), 20)


def agent_pid(account):
    try:
        return account.agent_pid()
    except (AssertionError, RpcError):
        return None


class Talker(threading.Thread):
    """Sends its texts, each until it is accepted, with a key; and takes events as
    a script would: act, then acknowledge."""

    def __init__(self, account, to, count, pace):
        super().__init__(daemon=True)
        self.account, self.to, self.count, self.pace = account, to, count, pace
        self.sent = 0
        self.error = None
        self.bot = account.bot()
        self.bot.subscribe(cursor="fire", start="start")

    def text(self, i):
        return f"{self.account.name} {i} żółw 🐢"

    def run(self):
        try:
            for i in range(self.count):
                self.pace.wait(i, self.count)
                self.send(i)
                self.sent += 1
        except Exception as e:
            self.error = e
            self.pace.stop()

    def send(self, i):
        while not self.pace.over:
            try:
                return self.bot.call("message.send", to=self.to,
                                     text=self.text(i), key=f"fire-{i}")
            except RpcError as e:
                if not (e.data or {}).get("retry"):
                    raise

    def ack(self):
        """Acknowledges a little less than what it has."""
        events = self.bot.events()
        if len(events) > 5:
            try:
                self.bot.ack("fire", events[-5]["seq"])
            except (RpcError, AssertionError):
                pass    # the agent is dead; the next one will do

    def hear(self, text, timeout=90):
        """Until a message with that text came."""
        def heard():
            self.ack()
            return any(e.get("text") == text for e in
                       self.bot.events("message")[-50:])
        proc.wait_for(f"{self.account.name} hears {text}", heard, timeout)

    def stream(self):
        """{seq: event}; a seq that came twice must be the same event."""
        stream = {}
        for e in self.bot.events():
            known = stream.setdefault(e["seq"], e)
            assert known == e, f"seq {e['seq']} changed: {known} {e}"
        return stream

    def heard(self):
        stream = self.stream()
        return [stream[s]["text"] for s in sorted(stream)
                if stream[s]["type"] == "message"]


def orders_for(points, each, others, seed):
    """each 0: some of the points, once."""
    r = random.Random(seed)
    orders = list(points) * each if each else r.sample(points, 4)
    orders += ["random"] * others
    r.shuffle(orders)
    return orders


def rig(world):
    """(relay, ann, bob) whose processes take orders and log their deaths."""
    log = os.path.join(world.folder, "deaths")
    relay = world.relay(start=False)
    relay.orders = {
        "SOTTO_FAULT_FILE": os.path.join(world.folder, "relay.order"),
        "SOTTO_FAULT_LOG": log}
    relay.start()
    people = []
    for name in ("ann", "bob"):
        a = world.account(name)
        a.more_env = {
            "SOTTO_FAULT_FILE": os.path.join(world.folder, name + ".order"),
            "SOTTO_FAULT_LOG": log}
        people.append(a.init(relay))
    ann, bob = people
    ann.add(bob)
    bob.add(ann)
    ann.wait_online()
    bob.wait_online()
    return relay, ann, bob


def deaths(world):
    try:
        with open(os.path.join(world.folder, "deaths")) as f:
            return collections.Counter(f.read().split())
    except FileNotFoundError:
        return collections.Counter()


def check_heard(talker, other):
    want = [other.text(i) for i in range(other.count)]
    heard = talker.heard()
    assert heard == want, difference(talker.account.name + "'s events", heard,
                                     want)
    stored = talker.account.history(other.account.name)
    got = [m["text"] for m in stored if not m["outgoing"]]
    assert got == want, difference(talker.account.name + "'s store", got, want)
    ids = [m["id"] for m in stored]
    assert len(ids) == len(set(ids))
    mine = [m for m in stored if m["outgoing"]]
    assert [m["text"] for m in mine] == \
        [talker.text(i) for i in range(talker.count)]
    return {m["id"] for m in mine}, {m["id"] for m in stored} - \
        {m["id"] for m in mine}


def difference(what, got, want):
    counts = collections.Counter(got)
    return (f"{what}: {len(got)} of {len(want)}; missing "
            f"{[t for t in want if t not in counts][:5]}; twice "
            f"{[t for t, n in counts.items() if n > 1][:5]}; in order: "
            f"{sorted(got, key=want.index) == got if set(got) <= set(want) else 'other texts'}; "
            f"unexpected {[t for t in got if t not in set(want)][:5]}")


@faults
@timeout(200, in_long=3600)
def test_every_message_is_shown_once_under_fire(world):
    relay, ann, bob = rig(world)
    count, each, others = scale(500, 5000), scale(0, 7), scale(3, 20)
    pace = Pace()
    talkers = [Talker(ann, "bob", count, pace), Talker(bob, "ann", count, pace)]
    victims = [
        RelayVictim(relay, orders_for(RELAY_POINTS, each, others, 1),
                    os.path.join(world.folder, "relay.order"), pace),
        AgentVictim(ann, orders_for(AGENT_POINTS, each, others, 2),
                    os.path.join(world.folder, "ann.order"), pace),
        AgentVictim(bob, orders_for(AGENT_POINTS, each, others, 3),
                    os.path.join(world.folder, "bob.order"), pace)]
    relay.kill9()
    burn(talkers, victims, pace)
    for t, other in zip(talkers, reversed(talkers)):
        t.hear(other.text(count - 1))
    ids = [check_heard(t, o) for t, o in zip(talkers, reversed(talkers))]
    assert ids[0][0] == ids[1][1] and ids[1][0] == ids[0][1], "other ids"
    report(world, pace)


def burn(talkers, victims, pace):
    for t in talkers + victims:
        t.start()
    deadline = time.monotonic() + DEADLINE_S
    while any(t.is_alive() for t in talkers + victims):
        for t in talkers:
            t.ack()
        with pace.changed:
            pace.changed.wait(0.2)
        if pace.over or time.monotonic() > deadline:
            break
    late = time.monotonic() > deadline
    pace.stop()
    for t in talkers + victims:
        assert not t.error, f"{type(t).__name__}: {t.error!r}"
    assert not late, (f"too slow: sent {[t.sent for t in talkers]}, "
                      f"{pace.kills} of {pace.all_kills} kills")


def report(world, pace):
    at = deaths(world)
    print("deaths at points:",
          ", ".join(f"{p} {at[p]}" for p in sorted(RELAY_POINTS + AGENT_POINTS)
                    if at[p]))
    print(f"deaths in all: {pace.kills}, {sum(at.values())} of them at points")
    assert pace.kills >= scale(20, 200)
    for point in RELAY_POINTS + AGENT_POINTS:
        assert at[point] >= scale(0, 5), f"{point}: {at[point]} deaths"
