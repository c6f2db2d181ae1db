"""What a relay's store must hold, told from what it acknowledged.

Ops are small classes: line() is what power_driver reads, apply() takes the
result it acknowledged. What was under way when the power failed may have
happened or not: reconcile() compares with a dump, and believes it from then on.
"""
ROWS, BYTES, INTRO = 40, 256 << 10, 20      # power_driver's quota
RETENTION, HOUR, DAY = 3 * 3600, 3600, 86400
ROW_OVERHEAD = 32 + 72                      # its key and its head
STORED, FULL, GONE = 0, 1, 2
CONTACT_CLASS, INTRO_CLASS = 2, 1


class Row:
    def __init__(self, ident, size, intro, hour):
        self.ident, self.size, self.intro, self.hour = ident, size, intro, hour


class Mailbox:
    def __init__(self):
        self.rows = {}          # sequence: Row
        self.cursor = self.last = self.token = self.expired = self.prekeys = 0

    def fits(self, row):
        intro = [r for r in self.rows.values() if r.intro]
        if len(self.rows) >= ROWS or row.size + sum(
                r.size for r in self.rows.values()) > BYTES:
            return False
        return not row.intro or (
            len(intro) < ROWS * INTRO // 100 and row.size + sum(
                r.size for r in intro) <= BYTES // 100 * INTRO)

    def expire(self, end):
        """Those of hours before end, unless one of a later hour is older."""
        for sequence in sorted(self.rows):
            if self.rows[sequence].hour >= end:
                break
            del self.rows[sequence]
            self.expired += 1


class Reg:
    def __init__(self, account, mask):
        self.account, self.mask = account, mask

    def line(self):
        return f"reg {self.account} {self.mask}"

    def apply(self, m, result):
        assert result == "0", f"registering again: {result}"
        for d in devices(self.mask):
            m.boxes.setdefault((self.account, d), Mailbox())
        m.masks[self.account] = self.mask


class List:
    def __init__(self, account, version, mask):
        self.account, self.version, self.mask = account, version, mask

    def line(self):
        return f"list {self.account} {self.version} {self.mask}"

    def apply(self, m, result):
        assert result == "0", f"list: {result}"
        m.set_mask(self.account, self.mask)


class Put:
    def __init__(self, ident, size, intro, slots, now):
        self.ident, self.size, self.intro = ident, size, intro
        self.slots = slots      # [(account, device, sequence)]
        self.now = now

    def line(self):
        kind = INTRO_CLASS if self.intro else CONTACT_CLASS
        return f"put {self.ident} {self.size} {kind} " + " ".join(
            f"{a}:{d}:{s}" for a, d, s in self.slots)

    def row(self, a, d):
        sealed = len(f"{self.ident} {a} {d}")
        return Row(self.ident, ROW_OVERHEAD + sealed + self.size, self.intro,
                   self.now // HOUR)

    def apply(self, m, result):
        assert result.startswith("0="), f"put: {result}"
        for (a, d, s), got in zip(self.slots, result[2:]):
            box, row = m.boxes.get((a, d)), self.row(a, d)
            known = (self.ident, a, d) in m.stored
            want = (GONE if not box else STORED if known or box.fits(row)
                    else FULL)
            assert int(got) == want, \
                f"{self.line()}: slot {a}:{d} is {got}, not {want}"
            if want == STORED and not known:
                box.rows[s] = row
                box.last = max(box.last, s)
                m.stored[self.ident, a, d] = self


class Ack:
    def __init__(self, account, device, upto):
        self.box, self.upto = (account, device), upto

    def line(self):
        return f"ack {self.box[0]} {self.box[1]} {self.upto}"

    def apply(self, m, result):
        box = m.boxes.get(self.box)
        assert (result == "0") == (box is not None), f"ack: {result}"
        if box:
            box.cursor = max(box.cursor, self.upto)
            box.last = max(box.last, box.cursor)
            for s in [s for s in box.rows if s <= box.cursor]:
                del box.rows[s]


class Prekeys:
    def __init__(self, account, first, n):
        self.account, self.first, self.n = account, first, n

    def line(self):
        return f"prekeys {self.account} 1 {self.first} {self.n}"

    def apply(self, m, result):
        assert result == "0", f"prekeys: {result}"
        new = self.first + self.n - m.next_prekey[self.account]
        m.boxes[self.account, 1].prekeys += new
        m.next_prekey[self.account] += new


class Take:
    def __init__(self, ident, account, intro):
        self.ident, self.account, self.intro = ident, account, intro

    def line(self):
        return f"take {self.ident} {self.account} {int(self.intro)}"

    def apply(self, m, result):
        assert result.startswith("0="), f"take: {result}"
        before = m.taken.get(self.ident)
        assert before in (None, result), \
            f"fetch {self.ident} got {before}, now {result}"
        m.taken[self.ident] = result
        box = m.boxes[self.account, 1]
        for prekey in filter(None, result[2:].split(",")):
            owner = m.prekeys.setdefault((self.account, prekey), self.ident)
            assert owner == self.ident, \
                f"prekey {prekey} of {self.account} handed out twice"
        if before is not None or self.ident in m.took_unseen:
            return
        if result != "0=":
            box.prekeys -= 1
        elif not self.intro and self.ident not in m.took_maybe:
            assert box.prekeys == 0, "a prekey is there and was not given"


class Token:
    def __init__(self, account, device, counter):
        self.box, self.counter = (account, device), counter

    def line(self):
        return f"token {self.box[0]} {self.box[1]} {self.counter} 0"

    def apply(self, m, result):
        if self.box in m.boxes:
            box = m.boxes[self.box]
            box.token = max(box.token, self.counter)


class Revoke:
    def __init__(self, account, ident):
        self.account, self.ident = account, ident

    def line(self):
        return f"revoke {self.account} {self.ident}"

    def apply(self, m, result):
        assert result == "0"
        m.revoked.add(self.ident)


def devices(mask):
    return [d for d in (1, 2, 3) if mask & 1 << d]


class Dump:
    def __init__(self, lines):
        self.devices, self.rows, self.revoked, self.bad = {}, {}, set(), []
        for line in lines:
            kind, *rest = line.split()
            if kind == "bad":
                self.bad.append(line)
            elif kind == "revoked":
                self.revoked.add(int(rest[0]))
            else:
                a, d, *n = map(int, rest)
                if kind == "dev":
                    self.devices[a, d] = n
                else:
                    self.rows.setdefault((a, d), {})[n[0]] = n[1]


class Model:
    def __init__(self):
        self.boxes, self.masks = {}, {}
        self.stored = {}        # (id, account, device): Put
        self.taken, self.prekeys, self.revoked = {}, {}, set()
        self.next_prekey = {}
        # Fetches under way at a cut: those that took a prekey, and all.
        self.took_unseen, self.took_maybe = set(), set()
        self.boots = [0]
        self.fetches = []       # (Take, when)

    def set_mask(self, account, mask):
        self.masks[account] = mask
        for d in (1, 2, 3):
            if not mask & 1 << d:
                self.boxes.pop((account, d), None)
            elif (account, d) not in self.boxes:
                self.boxes[account, d] = Mailbox()

    def booted(self, boot):
        assert boot > self.boots[-1], f"boot {boot} after {self.boots[-1]}"
        self.boots.append(boot)

    def reconcile(self, dump, under_way, sweep_end=0, undone=False):
        """under_way: the ops of a commit that was not answered; undone: it
        failed, so that none of its rows may be there. sweep_end: the hour
        before which a sweep that was not answered deletes."""
        assert not dump.bad, "\n".join(dump.bad)
        for op in under_way:
            if isinstance(op, (Reg, List)):
                # Done or not: all of its devices tell the same.
                got = sum(1 << d for d in (1, 2, 3)
                          if (op.account, d) in dump.devices)
                assert got in (op.mask, self.masks.get(op.account, 0))
                self.set_mask(op.account, got)
        assert set(dump.devices) == set(self.boxes), "other devices"
        for key, box in self.boxes.items():
            self.reconcile_box(key, box, dump, under_way, sweep_end, undone)
        maybe = {op.ident for op in under_way if isinstance(op, Revoke)}
        assert self.revoked <= dump.revoked <= self.revoked | maybe
        self.revoked = dump.revoked
        self.took_maybe |= {op.ident for op in under_way
                            if isinstance(op, Take)}

    def reconcile_box(self, key, box, dump, under_way, sweep_end, undone):
        cursor, last, prekeys, expired, token = dump.devices[key]
        acks = {op.upto for op in under_way
                if isinstance(op, Ack) and op.box == key}
        tokens = {op.counter for op in under_way
                  if isinstance(op, Token) and op.box == key}
        maybe = {s: (op, op.row(a, d)) for op in under_way
                 if isinstance(op, Put) for a, d, s in op.slots
                 if (a, d) == key}
        assert cursor in {box.cursor} | {max(box.cursor, u) for u in acks}, \
            f"{key}: cursor {cursor}, acknowledged {box.cursor}"
        assert token in {box.token} | {max(box.token, t) for t in tokens}
        box.cursor, box.token = cursor, token
        for s in [s for s in box.rows if s <= cursor]:
            del box.rows[s]
        found = dump.rows.get(key, {})
        gone = [s for s in box.rows if s not in found]
        lost = [s for s in gone if box.rows[s].hour >= sweep_end]
        assert not lost, f"{key}: acknowledged and lost: {lost}"
        for s in gone:
            del box.rows[s]
        assert expired == box.expired + len(gone), f"{key}: expired {expired}"
        box.expired = expired
        for s, ident in found.items():
            if s not in box.rows:
                assert not undone and s in maybe and \
                    maybe[s][1].ident == ident, \
                    f"{key}: a row from nowhere, {s}"
                box.rows[s] = maybe[s][1]
                self.stored[ident, *key] = maybe[s][0]
            assert box.rows[s].ident == ident, f"{key}: another row {s}"
        idents = [r.ident for r in box.rows.values()]
        assert len(idents) == len(set(idents)), f"{key}: stored twice"
        assert last in {box.last, box.cursor} | set(maybe) | acks
        box.last = last
        self.reconcile_prekeys(key, box, prekeys, under_way)

    def reconcile_prekeys(self, key, box, prekeys, under_way):
        """A commit has one Take an account, and Prekeys alone."""
        mine = [op for op in under_way
                if isinstance(op, (Prekeys, Take)) and op.account == key[0]]
        if prekeys == box.prekeys:
            return
        assert len(mine) == 1, f"{key}: {prekeys} prekeys, not {box.prekeys}"
        if isinstance(mine[0], Prekeys):
            assert prekeys == box.prekeys + mine[0].n
            self.next_prekey[key[0]] += mine[0].n
        else:
            assert prekeys == box.prekeys - 1
            self.took_unseen.add(mine[0].ident)
        box.prekeys = prekeys
