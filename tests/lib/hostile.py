"""A relay that does what it likes with the mail it holds."""
from relay_client import pb
from relay_wire import DOWN, UP, Liar, join


def copy(message, **change):
    new = type(message)()
    new.CopyFrom(message)
    for k, v in change.items():
        setattr(new, k, v)
    return new


def flip(data, at=7):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


class Thief(Liar):
    """While stealing, it keeps all mail to itself: takes it from the relay behind
    (with an Ack, so that senders are answered), tells the clients nothing and
    hears none of their Acks. give() delivers what a test wants. After honest()
    mail passes again, in sequences that go on growing."""

    def __init__(self, relay, keep=False):
        self.stealing = True
        self.stolen = []        # (account, Deliver)
        self.acked = []         # of clients
        self.sequence = 0
        self.real = {}          # sequence told: that of the relay
        super().__init__(relay, self._steal, keep)

    def _steal(self, link, way, kind, body):
        if kind == "auth":
            link.account = body.account
        if getattr(link, "role", None) != pb.OWNER:
            return None
        if way == DOWN and kind == "deliver" and body.sequence:
            return self._mail(link, body)
        if way == UP and kind == "ack":
            self.acked.append(body.sequence)
            real = self.real.get(body.sequence)
            return [("ack", pb.Ack(sequence=real))] if real else []
        return None

    def _mail(self, link, deliver):
        if not self.stealing:
            self.sequence += 1
            self.real[self.sequence] = deliver.sequence
            return [("deliver", copy(deliver, sequence=self.sequence))]
        with self.changed:
            self.stolen.append((link.account, copy(deliver)))
            self.changed.notify_all()
        link.send(UP, join(UP, [("ack", pb.Ack(sequence=deliver.sequence))]))
        return []

    def honest(self):
        self.stealing = False

    def wait_stolen(self, account, count):
        """So many Delivers to the account, as they came."""
        def look():
            got = [d for a, d in self.stolen if a == account]
            return got if len(got) >= count else None
        return self.wait(f"{count} envelopes", look)

    def owner(self, account):
        """The account's connection; waits for it."""
        return self.wait("the owner", lambda: next(
            (x for x in self.links if x.open and
             getattr(x, "account", None) == account), None))

    def give(self, account, delivers):
        """In one frame."""
        told = []
        for d in delivers:
            self.sequence += 1
            told.append(("deliver", copy(d, sequence=self.sequence)))
        self.tell(self.owner(account), *told)
        return self.sequence
