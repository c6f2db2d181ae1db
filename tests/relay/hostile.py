"""What bad input gets: a typed error or a close code, bounded memory, and
others served meanwhile."""
import asyncio
import os
import random
import socket

import websockets

from relay_client import (Account, Connection, Owner, Sender, pb, statuses,
                          transcript)

FRAME_MAX = 8 * 1024 * 1024


class Served:
    """Somebody else at the same relay, who must be served throughout."""

    def __init__(self, url):
        self.url, self.bob = url, Account()

    async def __aenter__(self):
        self.owner = await Owner(self.url, self.bob).__aenter__()
        await self.owner.caught_up()
        self.cap, = await self.owner.mint()
        self.sender = await Sender(self.url).__aenter__()
        return self

    async def __aexit__(self, kind, *_):
        if not kind:
            await self.check()
        await self.sender.close()
        await self.owner.close()

    async def check(self):
        m = self.sender.envelope(self.bob, self.cap)
        await self.sender.send(send=m)
        d = await self.owner.expect("deliver")
        assert d.envelope == m.id
        await self.owner.ack(d.sequence)
        assert statuses(await self.sender.expect("sent")) == ["ACCEPTED"]


def run(world, f):
    relay = world.relay()

    async def both():
        async with Served(relay.url) as served:
            await f(relay.url, served)
    asyncio.run(both())
    # It did not crash, and still drains.
    assert relay.sigterm() == 0


def varied(rng):
    """Bytes that look like frames more and more."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 300))
    messages = [pb.ClientMessage(hello=pb.Hello(
        min_version=1, max_version=1, role=rng.randrange(4)))]
    if kind > 1:
        messages.append(pb.ClientMessage(send=pb.Send(
            id=rng.randbytes(rng.choice([0, 15, 16, 17])),
            ephemeral_key=rng.randbytes(rng.choice([0, 32, 33])),
            payload=rng.randbytes(rng.randrange(2000)),
            slots=[pb.Slot(account=rng.randbytes(rng.choice([0, 20, 21])),
                           device=rng.randrange(2 ** 32),
                           capability=rng.randbytes(rng.choice([0, 33, 40])),
                           sealed=rng.randbytes(rng.randrange(2400)))
                   for _ in range(rng.randrange(4))])))
    data = bytearray(pb.ClientFrame(messages=messages).SerializeToString())
    if kind == 3 and data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        data = data[:rng.randrange(1, len(data) + 1)]
    return bytes(data)


async def random_bytes(url, served):
    rng = random.Random(7)
    for i in range(150):
        async with Connection(url) as c:
            try:
                for _ in range(3):
                    await c.raw(varied(rng))
                await c.send(ack=pb.Ack(sequence=1))
            except websockets.ConnectionClosed:
                pass
            code, _ = await c.closed()
            assert code == 4000, code
        if i % 50 == 0:
            await served.check()


def test_random_bytes_close_with_4000(world):
    run(world, random_bytes)


async def shapes(url, served):
    for what, want in ((b"", (4000, ["OUT_OF_ORDER"])),
                       (b"\x0a\xff\xff\xff\xff\x0f", (4000, ["MALFORMED"])),
                       (b"\x0a\x00", (4000, ["MALFORMED"])),
                       ("text", (1003, [])),
                       (bytes(65 * 1024), (1009, []))):
        async with Connection(url) as c:
            await c.raw(what)
            if what == b"":     # an empty frame is a frame of no messages
                await c.send(auth=pb.Auth())
            end = await c.closed()
            assert end == want, (what[:10], end)
    async with Sender(url) as s:
        try:
            await s.raw(bytes(FRAME_MAX + 1))
        except websockets.ConnectionClosed:
            pass
        end = await s.closed()
        assert end[0] in (1009, 1006), end
    await served.check()


def test_text_cut_and_oversized_frames_are_closed(world):
    run(world, shapes)


async def explosion(url, served):
    """Two bytes a message: the parsed form would be a hundred times as large."""
    async with Sender(url) as s:
        await s.raw(b"\x0a\x02\x5a\x00" * 500000)
        end = await s.closed()
        assert end == (4000, ["MALFORMED"]), end
    await served.check()


def test_frame_of_many_empty_messages_is_refused(world):
    run(world, explosion)


async def subprotocols(url, served):
    for names in (None, ["sotto-2"], ["none"], ["sotto-1x", "chat"]):
        try:
            async with Connection(url, subprotocols=names):
                assert False, f"{names} was let in"
        except websockets.exceptions.WebSocketException:
            pass
        except (OSError, EOFError):
            pass
    async with Connection(url, subprotocols=["chat", "sotto-1"]) as c:
        await c.hello(pb.SENDER)


def test_wrong_subprotocol_is_refused(world):
    run(world, subprotocols)


async def order(url, served):
    hello = pb.Hello(min_version=1, max_version=1, role=pb.SENDER)
    for m, want in (
            (dict(hello=pb.Hello(min_version=2, max_version=9, role=1)),
             (4002, ["VERSION"])),
            (dict(hello=pb.Hello(min_version=1, max_version=1, role=7)),
             (4000, ["MALFORMED"])),
            (dict(send=pb.Send()), (4000, ["OUT_OF_ORDER"])),
            (dict(hello=hello, auth=pb.Auth()), (4000, ["OUT_OF_ORDER"])),
            (dict(hello=hello, ack=pb.Ack()), (4000, ["OUT_OF_ORDER"])),
            (dict(hello=hello, mint=pb.Mint()), (4000, ["OUT_OF_ORDER"])),
            (dict(hello=hello, revoke=pb.Revoke()), (4000, ["OUT_OF_ORDER"])),
            (dict(hello=hello, fetch=pb.Fetch()), (4000, ["MALFORMED"])),
            (dict(hello=hello, send=pb.Send()), (4000, ["MALFORMED"]))):
        async with Connection(url) as c:
            await c.send(**m)
            end = await c.closed()
            assert end == want, (m, end)


def test_messages_out_of_order_are_typed_errors(world):
    run(world, order)


async def forged(url, served):
    bob, cap = served.bob, bytearray(served.cap)
    async with Sender(url) as s:
        for i in range(33):
            bad = bytearray(cap)
            bad[i] ^= 1
            assert await s.post(s.envelope(bob, bytes(bad))) == \
                ["NO_CAPABILITY"], i
        # Another account's capability does not open this mailbox.
        eve = Account()
        async with Owner(url, eve) as o:
            await o.caught_up()
            own, = await o.mint()
        assert await s.post(s.envelope(bob, own)) == ["NO_CAPABILITY"]
        f = pb.Fetch(id=os.urandom(16), account=bob.id, capability=own)
        await s.send(fetch=f)
        e = await s.expect("error")
        assert (e.code, e.id) == (pb.NO_ACCESS, f.id)


def test_forged_and_foreign_capabilities_open_nothing(world):
    run(world, forged)


async def acks(url, served):
    eve = Account()
    async with Owner(url, eve) as o, Sender(url) as s:
        await o.caught_up()
        m = s.envelope(served.bob, served.cap)
        await s.send(send=m)
        d = await served.owner.expect("deliver")
        # Bob's number is beyond what eve was sent.
        await o.ack(d.sequence)
        assert await o.closed() == (4005, ["BAD_ACK"])
        await served.owner.ack(d.sequence)
        assert statuses(await s.expect("sent")) == ["ACCEPTED"]


def test_ack_of_another_account_is_refused(world):
    run(world, acks)


async def auths(url, served):
    ann = Account()
    async with Owner(url, ann) as o:
        token, used, nonce = o.token, o.auth(), o.challenge.nonce
        await o.caught_up()
    failed = (4001, ["AUTH_FAILED"])
    # A replay: the signature belongs to another nonce.
    end = await Owner(url, ann, token=token).refused(signature=used.signature)
    assert end == failed, end
    # A signature for another purpose, over the right fields.
    o = Owner(url, ann, token=token)
    await Connection.open(o)
    await o.hello(pb.OWNER)
    fields = (o.challenge.nonce, o.challenge.relay_name.encode(), ann.id, 1)
    assert o.challenge.nonce != nonce
    await o.send(auth=o.auth(signature=ann.auth[1].sign(
        transcript("seal-key", *fields)).signature))
    assert await o.closed() == failed
    # Another account's key, another device, a forged and another's token.
    eve = Account()
    o = Owner(url, ann, token=token)
    o.account = type("Mix", (), dict(vars(ann), auth=eve.auth,
                                     bundle=ann.bundle))()
    assert await o.refused() == failed
    ann.auth[2] = ann.auth[1]
    o = Owner(url, ann, device=2, token=token)
    assert await o.refused(list=None, bundle=None) == failed
    bad = bytearray(token)
    bad[7] += 1
    assert await Owner(url, ann, token=bytes(bad)).refused() == failed
    end = await Owner(url, ann, token=served.owner.token).refused()
    assert end == failed, end
    # And she still gets in.
    async with Owner(url, ann, token=token) as o:
        assert not o.ready.registered


def test_replayed_and_misused_signatures_are_not_authentication(world):
    run(world, auths)


async def registrations(url, served):
    ann, eve = Account(), Account()
    assert await Owner(url, ann).refused(list=None, bundle=None) == \
        (4001, ["UNKNOWN_ACCOUNT"])

    async def refused_with(list_, bundle):
        o = Owner(url, ann)
        await Connection.open(o)
        await o.hello(pb.OWNER)
        m = o.auth()
        m.list.CopyFrom(list_)
        m.bundle.CopyFrom(bundle)
        await o.send(auth=m)
        return await o.closed()
    assert await refused_with(eve.list, ann.bundle()) == \
        (4001, ["AUTH_FAILED"])
    bent = type(ann.list)()
    bent.CopyFrom(ann.list)
    bent.version = 2
    assert await refused_with(bent, ann.bundle()) == (4001, ["BAD_LIST"])
    assert await refused_with(ann.list, eve.bundle()) == (4001, ["BAD_BUNDLE"])


def test_registration_needs_what_verifies(world):
    run(world, registrations)


async def records(url, served):
    ann = Account()
    async with Owner(url, ann) as o:
        await o.caught_up()
        for kind, fields, code in (
                ("mint", {"class": pb.CONTACT, "count": 65}, pb.TOO_MANY),
                ("revoke", {"ids": [bytes(12)] * 257}, pb.TOO_MANY),
                ("put_prekeys", {"prekeys": ann.prekeys(201)}, pb.TOO_MANY),
                ("put_bundle", {"bundle": Account().bundle()}, pb.BAD_BUNDLE),
                ("put_list", {"list": Account().list}, pb.BAD_LIST)):
            name, e = await o.request(kind, **fields)
            assert name == "error" and e.code == code, (kind, e)
        first = ann.list
        ann.make_list()
        assert (await o.request("put_list", list=ann.list))[0] == "done"
        assert (await o.request("put_list", list=ann.list))[0] == "done"
        name, e = await o.request("put_list", list=first)
        assert name == "error" and e.code == pb.BAD_LIST
        assert (await o.request("put_bundle", bundle=ann.bundle()))[0] == \
            "done"


def test_records_that_do_not_verify_are_refused_and_serving_goes_on(world):
    run(world, records)


async def windows(url, served):
    async with Sender(url) as s:
        sends = [pb.ClientMessage(send=s.envelope(served.bob, served.cap))
                 for _ in range(257)]
        await s.frame(sends)
        code, errors = await s.closed()
        assert (code, errors) == (4004, ["WINDOW"]), (code, errors)
    # What was accepted before that is delivered all the same.
    for _ in range(256):
        d = await served.owner.expect("deliver")
    await served.owner.ack(d.sequence)


def test_more_than_the_window_closes_with_4004(world):
    run(world, windows)


async def twice(url, served):
    async with Sender(url) as s:
        m = s.envelope(served.bob, served.cap)
        m.slots.append(m.slots[0])
        await s.send(send=m)
        assert await s.closed() == (4000, ["MALFORMED"])


def test_mailbox_named_twice_is_malformed(world):
    run(world, twice)


async def removed(url, served):
    ann = Account(devices=(1, 2))
    async with Owner(url, ann) as one, Owner(url, ann, device=2) as two:
        await one.caught_up()
        await two.caught_up()
        ann.devices.pop()
        ann.make_list()
        assert (await one.request("put_list", list=ann.list))[0] == "done"
        code, _ = await two.closed()
        assert code == 4001
    assert await Owner(url, ann, device=2).refused() == \
        (4001, ["AUTH_FAILED"])


def test_removed_device_is_put_out(world):
    run(world, removed)


def memory(relay):
    with open(f"/proc/{relay.process.pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024


async def slow(relay):
    """40 mailboxes of 2 MB whose devices never read: what waits for them stays
    on the disk."""
    url = relay.url
    people = []
    async with Sender(url) as s:
        for _ in range(40):
            p = Account()
            async with Owner(url, p) as o:
                await o.caught_up()
                cap, = await o.mint()
                token = o.token
            for i in range(64):
                await s.send(send=s.envelope(p, cap, payload=bytes(32768)))
            for i in range(64):
                assert statuses(await s.expect("sent")) == ["ACCEPTED"]
            people.append((p, token))
    before = memory(relay)
    stuck = []
    host, port = url.split("//")[1].split(":")
    for p, token in people:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((host, int(port)))
        o = Owner(url, p, token=token, sock=sock, max_queue=1)
        await o.open()
        o.ws.transport.pause_reading()
        stuck.append(o)
    async with Served(url) as served:
        for _ in range(50):
            await served.check()
    grown = memory(relay) - before
    assert grown < 40, f"{grown} MB"
    for o in stuck:
        o.ws.transport.abort()


def test_slow_readers_cost_bounded_memory(world):
    asyncio.run(slow(world.relay()))


async def flood(relay):
    """8 senders, each with a window of large mail for who is offline: reading
    stops before memory does, and everything is answered in the end."""
    url = relay.url
    bobs = [Account() for _ in range(8)]
    caps = []
    for b in bobs:
        async with Owner(url, b) as o:
            await o.caught_up()
            caps += await o.mint()
    before = memory(relay)
    high = 0

    async def one(bob, cap):
        nonlocal high
        async with Sender(url) as s:
            frame = [pb.ClientMessage(send=s.envelope(
                bob, cap, payload=bytes(32768))) for _ in range(200)]
            await s.frame(frame)
            for _ in frame:
                assert statuses(await s.expect("sent", 60)) == ["ACCEPTED"]
                high = max(high, memory(relay))
    await asyncio.gather(*(one(b, c) for b, c in zip(bobs, caps)))
    assert high - before < 250, f"{high - before} MB"


def test_flood_of_large_mail_is_answered_within_bounds(world):
    asyncio.run(flood(world.relay("--memory", "16M")))


async def revocations(relay):
    """One account's revocations are bounded, and take nobody else's room."""
    eve, ann = Account(), Account()
    async with Owner(relay.url, eve) as o:
        await o.caught_up()
        first = [os.urandom(12) for _ in range(256)]
        for i in range(16):
            ids = first if i == 0 else [os.urandom(12) for _ in range(256)]
            assert (await o.request("revoke", ids=ids))[0] == "done"
        name, e = await o.request("revoke", ids=[os.urandom(12)])
        assert name == "error" and e.code == pb.TOO_MANY, e
        # A repeat of what lasts needs no room.
        assert (await o.request("revoke", ids=first))[0] == "done"
        token = o.token
    relay.restart()
    async with Owner(relay.url, eve, token=token) as o:
        await o.caught_up()
        name, e = await o.request("revoke", ids=[os.urandom(12)])
        assert name == "error" and e.code == pb.TOO_MANY, e
    async with Owner(relay.url, ann) as o:
        await o.caught_up()
        assert (await o.request("revoke", ids=[bytes(12)]))[0] == "done"


def test_revocations_of_one_account_are_bounded(world):
    asyncio.run(revocations(world.relay()))


async def requests(url, served):
    """PutBundles cost the relay signatures to check: an account has a budget."""
    ann = Account()
    async with Owner(url, ann) as o:
        await o.caught_up()
        answers, bundle = set(), ann.bundle()
        for _ in range(4):
            await o.frame([pb.ClientMessage(put_bundle=pb.PutBundle(
                request=i, bundle=bundle)) for i in range(200)])
            for _ in range(200):
                name, m = await o.next()
                answers.add(name)
        assert answers == {"done", "error"}, answers
        assert set(o.errors) == {"RATE"}


def test_requests_of_one_account_have_a_budget(world):
    run(world, requests)


async def registers(url):
    for _ in range(2):
        async with Owner(url, Account()) as o:
            await o.caught_up()
    ann = Account()
    assert await Owner(url, ann).refused() == (1013, ["RATE"])


def test_registrations_are_limited(world):
    asyncio.run(registers(world.relay("--register-burst", "2",
                                      "--register-rate", "1").url))


async def drain(url, served):
    """A contact that fetches on and on leaves prekeys for the others."""
    ann = Account()
    async with Owner(url, ann) as o, Sender(url) as s:
        await o.caught_up()
        cap, other = await o.mint(count=2)
        assert (await o.request("put_prekeys",
                                prekeys=ann.prekeys(200)))[0] == "done"

        async def fetch(cap):
            await s.send(fetch=pb.Fetch(id=os.urandom(16), account=ann.id,
                                        capability=cap))
            m = await s.expect("fetched")
            return m.bundles[0].HasField("one_time")
        taken = sum([await fetch(cap) for _ in range(150)])
        assert 60 <= taken < 90, taken
        assert await fetch(other)


def test_contact_cannot_drain_the_prekeys(world):
    run(world, drain)
