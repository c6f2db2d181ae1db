"""What the relay's store keeps when the power fails.

power_driver runs random ops under powerfail.so, which cuts the power at some
sync or write and leaves a disk behind that holds what was synced and, by
chance, some of the rest. The next run begins with that disk.
"""
import os
import random
import shutil
import subprocess

from sotto_test import scale, timeout
from sotto_test.world import LONG

import model
from model import Ack, List, Prekeys, Put, Reg, Revoke, Take, Token

ACCOUNTS = (1, 2, 3, 4)
SIZES = (0, 64, 512, 2048, 8192)
T0 = 1750032000


class PowerCut(Exception):
    pass


class Machine:
    """A disk, and what runs on it. The model is told all that is answered."""

    def __init__(self, world, seed):
        self.world, self.random = world, random.Random(seed)
        self.folder = os.path.join(world.folder, f"power-{seed}")
        self.disk = os.path.join(self.folder, "disk")
        os.makedirs(self.disk)
        self.model, self.now = model.Model(), T0
        self.runs = self.sequence = self.ident = self.lists = 0
        self.process = None
        # Of the commit or sweep that was not answered.
        self.under_way, self.sweep_end = [], 0
        self.again = []

    # The driver.

    def start(self, cut=None, fail=None):
        """Opens the store and compares it with the model."""
        self.runs += 1
        self.shadow = os.path.join(self.folder, f"shadow-{self.runs}")
        os.mkdir(self.shadow)
        env = self.world.env(
            LD_PRELOAD=self.world.program("tests/power/powerfail.so"),
            SOTTO_POWER_ROOT=self.disk, SOTTO_POWER_SHADOW=self.shadow,
            SOTTO_POWER_SEED=str(self.random.randrange(1 << 30)))
        if cut:
            env["SOTTO_POWER_CUT"] = cut
        if fail:
            env["SOTTO_POWER_FAIL"] = fail
        with open(self.world.log("driver"), "a") as log:
            log.write(f"-- run {self.runs}: cut {cut}, fail {fail}\n")
            log.flush()
            self.process = subprocess.Popen(
                [self.world.program("tests/power/power_driver"), self.disk,
                 str(self.now)], env=env, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True)
        word, number = self.read().split()
        assert word == "boot", word
        self.model.booted(int(number))
        self.sequence = int(number) << 32
        self.tell(f"accounts {len(ACCOUNTS)}")
        self.reconcile()

    def tell(self, *lines):
        try:
            self.process.stdin.write("\n".join(lines) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.lost_power()

    def read(self):
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            self.lost_power()
        return line.rstrip("\n")

    def lost_power(self):
        code = self.process.wait()
        left = os.path.join(self.shadow, "disk")
        assert code == -9 and os.path.isdir(left), f"ended with {code}"
        shutil.rmtree(self.disk)
        os.rename(left, self.disk)
        shutil.rmtree(self.shadow)
        raise PowerCut

    def stop(self):
        """Ends it in good order. Returns how often it synced and wrote."""
        self.process.stdin.close()
        assert self.process.wait() == 0
        with open(os.path.join(self.shadow, "counts")) as f:
            counts = tuple(map(int, f.read().split()))
        shutil.rmtree(self.shadow)
        return counts

    def dump(self):
        self.tell("dump")
        lines = []
        while (line := self.read()) != "end":
            lines.append(line)
        return model.Dump(lines)

    def reconcile(self):
        self.model.reconcile(self.dump(), self.under_way, self.sweep_end)
        self.send_again()

    def send_again(self):
        """As a sender that got no answer."""
        self.again = [op for op in self.under_way
                      if isinstance(op, (Put, Take, Prekeys, Reg))]
        self.under_way, self.sweep_end = [], 0

    def recover(self):
        """After a commit that failed: no row of it is there any more as soon
        as another commit does not fail."""
        for _ in range(100):
            self.tell(f"commit {self.now}")
            if self.read() == "done 0":
                break
        else:
            raise AssertionError("does not recover")
        self.model.reconcile(self.dump(), self.under_way, self.sweep_end,
                             undone=True)
        self.send_again()

    # Work.

    def commit(self, ops):
        """False when the store said that it failed: what it holds of these ops
        is open until reconcile()."""
        self.under_way = ops
        self.tell(*[op.line() for op in ops], f"commit {self.now}")
        word, error, *results = self.read().split()
        assert word == "done"
        if error != "0":
            return False
        self.under_way = []
        for op, result in zip(ops, results, strict=True):
            op.apply(self.model, result)
        return True

    def sweep(self):
        end = (self.now - model.RETENTION) // model.HOUR
        self.sweep_end = end
        self.tell(f"sweep {self.now}")
        if self.read() != "swept 0":
            return False
        self.sweep_end = 0
        for box in self.model.boxes.values():
            box.expire(end)
        return True

    def work(self, commits):
        """Random ops; False as soon as one commit failed."""
        missing = [a for a in ACCOUNTS if a not in self.model.masks]
        if missing:
            for a in missing:
                self.model.next_prekey.setdefault(a, 1)
            if not self.commit([Reg(a, 0b110) for a in missing]):
                return False
        return all(self.step() for _ in range(commits))

    def step(self):
        r = self.random
        self.now += r.randrange(120)
        if self.again:
            ops, self.again = self.again, []
            return self.commit([self.renew(op) for op in ops])
        kind = r.random()
        if kind < 0.05:
            self.now += 1800
            return self.sweep()
        if kind < 0.1:
            self.lists += 1
            return self.commit([List(r.choice(ACCOUNTS), self.lists + 1,
                                     r.choice((0b110, 0b1110)))])
        if kind < 0.2:
            a = r.choice(ACCOUNTS)
            return self.commit([Prekeys(a, self.model.next_prekey[a], 5)])
        return self.commit(self.batch())

    def batch(self):
        r, taken = self.random, set()
        ops = []
        for _ in range(r.randint(1, 8)):
            kind = r.random()
            if kind < 0.5:
                ops.append(self.put())
            elif kind < 0.6:
                ops.append(self.put_again())
            elif kind < 0.8:
                ops.append(self.ack())
            elif kind < 0.93:
                ops.append(self.take(taken))
            elif kind < 0.98:
                self.ident += 1
                ops.append(Token(r.choice(ACCOUNTS), 1, self.ident))
            else:
                self.ident += 1
                ops.append(Revoke(r.choice(ACCOUNTS), self.ident))
        return [op for op in ops if op]

    def slots(self, boxes):
        self.sequence += 1
        return [(a, d, self.sequence) for a, d in boxes]

    def put(self):
        r = self.random
        boxes = r.sample([(a, d) for a in ACCOUNTS for d in (1, 2, 3)],
                         r.choice((1, 1, 1, 2, 3)))
        self.ident += 1
        return Put(self.ident, r.choice(SIZES), r.random() < 0.2,
                   self.slots(boxes), self.now)

    def put_again(self):
        young = [op for op in list(self.model.stored.values())[-100:]
                 if self.now - op.now < model.DAY]
        return self.renew(self.random.choice(young)) if young else None

    def renew(self, op):
        if not isinstance(op, Put):
            return op
        return Put(op.ident, op.size, op.intro,
                   self.slots([(a, d) for a, d, _ in op.slots]), self.now)

    def ack(self):
        key = self.random.choice(list(self.model.boxes))
        sequences = sorted(self.model.boxes[key].rows)
        if not sequences:
            return None
        return Ack(*key, self.random.choice(sequences))

    def take(self, taken):
        """One an account and commit; one in three is a repeat."""
        r, a = self.random, self.random.choice(ACCOUNTS)
        if a in taken:
            return None
        taken.add(a)
        if self.model.fetches and r.random() < 0.3:
            old = r.choice(self.model.fetches[-20:])
            if self.now - old[1] < model.DAY and old[0].account == a:
                return old[0]
        self.ident += 1
        take = Take(self.ident, a, r.random() < 0.3)
        self.model.fetches.append((take, self.now))
        return take


def run_until_cut(machine, cut, commits=10000):
    try:
        machine.start(cut=cut)
        machine.work(commits)
    except PowerCut:
        return
    raise AssertionError(f"no cut at {cut}")


def finish(machine):
    machine.start()
    assert machine.work(5)
    machine.reconcile()
    return machine.stop()


@timeout(60, in_long=600)
def test_power_cut_at_random(world):
    """One disk after another, cut at a random sync or write each."""
    machine = Machine(world, 1)
    for _ in range(scale(20, 300)):
        r = machine.random
        cut = r.choice((f"sync:{r.randint(1, 80)}:before",
                        f"sync:{r.randint(1, 80)}:after",
                        f"write:{r.randint(1, 200)}"))
        run_until_cut(machine, cut)
    finish(machine)


@timeout(60, in_long=1200)
def test_power_cut_at_every_sync(world):
    """The same run from an empty disk on, cut before and after each sync."""
    commits = scale(5, 60)
    machine = Machine(world, 2)
    machine.start()
    machine.work(commits)
    syncs, _ = machine.stop()
    assert syncs > commits
    points = range(1, syncs + 1) if LONG else range(1, syncs + 1, syncs // 5)
    for n in points:
        for side in ("before", "after"):
            # Threads of the database sync, too: the last may not come.
            machine = Machine(world, 1000 * n + len(side))
            try:
                machine.start(cut=f"sync:{n}:{side}")
                machine.work(commits)
                machine.stop()
            except PowerCut:
                pass
            finish(machine)
            shutil.rmtree(machine.folder)


def fail_and_go_on(machine, fail):
    """A failure, work after it, a cut."""
    r = machine.random
    failed = 0
    try:
        machine.start(fail=fail, cut=f"sync:{r.randint(200, 230)}:before")
        while True:
            if machine.work(10000):
                break
            failed += 1
            machine.recover()
    except PowerCut:
        return failed
    raise AssertionError("no cut")


@timeout(60, in_long=600)
def test_failed_sync_fails_its_commit_alone(world):
    """After EIO the data of that sync is lost for good, as Linux has it."""
    machine = Machine(world, 3)
    failed = 0
    for _ in range(scale(3, 60)):
        n = machine.random.randint(60, 120)
        failed += fail_and_go_on(machine, f"sync:{n}")
    assert failed > 0
    finish(machine)


@timeout(60, in_long=600)
def test_full_disk_fails_commits_until_there_is_space(world):
    machine = Machine(world, 4)
    failed = 0
    for _ in range(scale(3, 60)):
        n = machine.random.randint(80, 150)
        failed += fail_and_go_on(machine, f"space:{n}:{n + 40}")
    assert failed > 0
    finish(machine)
