"""The real relay when the power fails: what it acknowledged arrives, once."""
import os
import random
import shutil

from sotto_test import scale, timeout, wait_for
from sotto_test.talk import acquaint, send_all, take_messages
from sotto_test.world import LONG

BATCH, BATCHES = 20, 100


class Power:
    """Starts a relay under powerfail.so, and changes disks when it is cut."""

    def __init__(self, world, relay, seed):
        self.world, self.relay = world, relay
        self.random, self.runs = random.Random(seed), 0

    def start(self, cut=None):
        """cut: see powerfail.c. False when the power failed before the relay
        listened."""
        self.runs += 1
        self.shadow = os.path.join(self.world.folder, f"shadow-{self.runs}")
        os.mkdir(self.shadow)
        env = {"SOTTO_POWER_ROOT": self.relay.data,
               "SOTTO_POWER_SHADOW": self.shadow,
               "SOTTO_POWER_SEED": str(self.random.randrange(1 << 30))}
        if cut:
            env["SOTTO_POWER_CUT"] = cut
        library = self.world.program("tests/power/powerfail.so")
        try:
            self.relay.start(env=env, preload=library)
        except AssertionError:
            if not self.cut():
                raise
            return False
        return True

    def cut(self):
        return os.path.isdir(os.path.join(self.shadow, "disk")) and \
            not self.relay.running()

    def change_disks(self):
        assert self.relay.wait_end() == -9
        left = os.path.join(self.shadow, "disk")
        shutil.rmtree(self.relay.data)
        os.rename(left, self.relay.data)
        shutil.rmtree(self.shadow)


def cuts(chance):
    """Every sync of a run, those of the opening too, and between them."""
    syncs = range(1, 61) if LONG else chance.sample(range(20, 50), 2)
    yield from (f"sync:{n}:{side}" for n in syncs
                for side in ("before", "after"))
    yield from (f"write:{chance.randint(60, 120)}"
                for _ in range(scale(1, 30)))


def all_sent(api, ids):
    return set(ids) <= {e["id"] for e in api.events("receipt")}


@timeout(60, in_long=900)
def test_power_cut_loses_no_mail_that_was_sent(world):
    """bob is away while ann sends and the relay's power fails again and again:
    what ann holds for sent, no agent sends again."""
    relay = world.relay(start=False)
    power = Power(world, relay, 5)
    power.start()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    ann.add(bob)
    bob.add(ann)
    acquaint(ann, bob)
    bob.stop_agent()
    relay.sigterm()
    api = ann.api().subscribe()
    texts, sent = [], []
    for cut in cuts(power.random):
        alive = power.start(cut)
        begun = len(texts)
        while alive and not power.cut():
            assert len(texts) - begun < BATCH * BATCHES, "no cut came"
            more = [f"{cut} {len(texts) + i}" for i in range(BATCH)]
            texts += more
            sent += send_all(api, "bob", more)
            wait_for("an answer or a cut",
                     lambda: power.cut() or all_sent(api, sent), 40)
        power.change_disks()
    power.start()
    wait_for("all are sent", lambda: all_sent(api, sent), 90)
    bot = bob.bot().subscribe(cursor="power", start="start", window=1000)
    events = take_messages(bot, "power", len(texts) + 1, 60)
    assert [e["text"] for e in events[1:]] == texts
    assert [e["id"] for e in events[1:]] == sent
