"""Mail through a relay, seen by the protocol alone: live, draining, and over
restarts."""
import asyncio
import signal

from relay_client import Account, Owner, Sender, pb, statuses


def run(f, *args):
    asyncio.run(f(*args))


async def live(url):
    bob = Account()
    async with Owner(url, bob) as o, Sender(url) as s:
        assert o.ready.registered
        assert await o.caught_up() == []
        cap, = await o.mint()
        m = s.envelope(bob, cap, payload=b"hello" * 100)
        await s.send(send=m)
        d = await o.expect("deliver")
        assert (d.envelope, d.payload, d.sealed, d.ephemeral_key,
                d.capability) == (m.id, m.payload, m.slots[0].sealed,
                                  m.ephemeral_key, cap[2:14])
        await o.ack(d.sequence)
        assert statuses(await s.expect("sent")) == ["ACCEPTED"]


def test_live_message_is_delivered_and_answered(world):
    run(live, world.relay().url)


async def register(url, account):
    """Returns a capability and the token, with the connection closed."""
    async with Owner(url, account) as o:
        assert await o.caught_up() == []
        cap, = await o.mint()
        return cap, o.token


async def offline(world):
    relay = world.relay()
    bob = Account()
    cap, token = await register(relay.url, bob)
    sent = []
    async with Sender(relay.url) as s:
        for i in range(3000):
            m = s.envelope(bob, cap, payload=b"%d" % i)
            sent.append(m.id)
            await s.send(send=m)
            if i % 100 == 99:
                for _ in range(100):
                    assert statuses(await s.expect("sent")) == ["ACCEPTED"]
    relay.restart()
    got, last = [], 0
    async with Owner(relay.url, bob, token=token) as o:
        while True:
            name, m = await o.next()
            if name == "caught_up":
                break
            assert m.sequence > last
            last = m.sequence
            got.append(m.envelope)
            if len(got) % 50 == 0:
                await o.ack(last)
        assert got == sent
        await o.ack(last)
        token = o.token
    async with Owner(relay.url, bob, token=token) as o:
        assert await o.caught_up() == []


def test_offline_mail_survives_kill_9_and_comes_once_in_order(world):
    run(offline, world)


async def meet(url):
    """Live mail comes while a backlog drains: no gap, no repeat, in order."""
    bob = Account()
    cap, token = await register(url, bob)
    sent = []

    async def pour(s, n):
        for i in range(n):
            m = s.envelope(bob, cap, payload=b"x" * 2000)
            sent.append(m.id)
            await s.send(send=m)
            if i % 64 == 63:
                for _ in range(64):
                    assert statuses(await s.expect("sent")) == ["ACCEPTED"]

    async with Sender(url) as s:
        await pour(s, 1024)
        async with Owner(url, bob, token=token) as o:
            task = asyncio.create_task(pour(s, 2048))
            got, last = [], 0
            while len(got) < 3072:
                name, m = await o.next()
                if name != "deliver":
                    assert name == "caught_up"
                    continue
                assert m.sequence > last
                last = m.sequence
                got.append(m.envelope)
                if len(got) % 37 == 0 or len(got) > 3000:
                    await o.ack(last)
            await o.ack(last)
            await task
    assert got == sent


def test_drain_and_live_mail_meet_without_gap(world):
    run(meet, world.relay().url)


async def group(url):
    people = [Account() for _ in range(20)]
    caps = [(await register(url, p))[0] for p in people]
    async with Sender(url) as s:
        m = s.envelope(people[0], caps[0], payload=b"g" * 8000)
        for p, c in list(zip(people, caps))[1:]:
            m.slots.append(s.envelope(p, c).slots[0])
        m.slots[3].capability = bytes(33)
        m.slots[4].device = 7
        want = ["ACCEPTED"] * 20
        want[3], want[4] = "NO_CAPABILITY", "LIST_NEWER"
        assert await s.post(m) == want
        assert await s.post(m) == want


def test_each_slot_has_its_own_answer(world):
    run(group, world.relay().url)


async def idempotent(url):
    bob = Account()
    cap, token = await register(url, bob)
    async with Sender(url) as s:
        m = s.envelope(bob, cap)
        assert await s.post(m) == ["ACCEPTED"]
        assert await s.post(m) == ["ACCEPTED"]
        m.payload = b"another"
        await s.send(send=m)
        e = await s.expect("error")
        assert (e.code, e.id) == (pb.CONFLICT, m.id)
    async with Owner(url, bob, token=token) as o:
        assert len(await o.caught_up()) == 1


def test_repeated_send_is_delivered_once(world):
    run(idempotent, world.relay().url)


async def newest(url):
    bob = Account()
    async with Owner(url, bob) as old:
        await old.caught_up()
        cap, = await old.mint()
        async with Sender(url) as s:
            m = s.envelope(bob, cap)
            await s.send(send=m)
            await old.expect("deliver")     # and no ack
            async with Owner(url, bob, token=old.token) as new:
                end = await old.closed()
                assert end == (4003, []), end
                d, = await new.caught_up()
                assert d.envelope == m.id
                assert statuses(await s.expect("sent")) == ["ACCEPTED"]
                await new.ack(d.sequence)


def test_newest_connection_gets_what_the_older_did_not_ack(world):
    run(newest, world.relay().url)


async def ephemeral(url):
    bob = Account()
    async with Sender(url) as s:
        async with Owner(url, bob) as o:
            await o.caught_up()
            cap, = await o.mint()
            m = s.envelope(bob, cap, ephemeral=True)
            assert await s.post(m) == ["ACCEPTED"]
            assert (await o.expect("deliver")).sequence == 0
            token = o.token
        # The relay hears of the end a moment later.
        for _ in range(100):
            m = s.envelope(bob, cap, ephemeral=True)
            if await s.post(m) == ["OFFLINE"]:
                break
        else:
            assert False, "never offline"
        async with Owner(url, bob, token=token) as o:
            assert await o.caught_up() == []


def test_ephemeral_is_pushed_or_offline_and_never_stored(world):
    run(ephemeral, world.relay().url)


async def bundles(world):
    relay = world.relay()
    bob = Account()
    async with Owner(relay.url, bob) as o:
        await o.caught_up()
        cap, = await o.mint()
        name, _ = await o.request("put_prekeys", prekeys=bob.prekeys(3))
        assert name == "done"
    import os
    ids = [os.urandom(16) for _ in range(4)]

    async def fetch(i):
        async with Sender(relay.url) as s:
            await s.send(fetch=pb.Fetch(id=ids[i], account=bob.id,
                                        capability=cap))
            m = await s.expect("fetched")
            assert m.id == ids[i] and m.list == bob.list
            b, = m.bundles
            return b.one_time.id
    first = [await fetch(i) for i in (0, 1)]
    relay.restart()
    assert [await fetch(i) for i in (0, 1)] == first
    rest = [await fetch(i) for i in (2, 3)]
    assert sorted(first + rest) == [0, 1, 2, 3]


def test_one_time_prekeys_are_handed_out_once_over_a_crash(world):
    run(bundles, world)


async def revocation(world):
    relay = world.relay()
    bob, eve = Account(), Account()
    cap, token = await register(relay.url, bob)
    async with Owner(relay.url, eve) as o:
        await o.caught_up()
        assert (await o.request("revoke", ids=[cap[2:14]]))[0] == "done"
    async with Sender(relay.url) as s:
        assert await s.post(s.envelope(bob, cap)) == ["ACCEPTED"]
        async with Owner(relay.url, bob, token=token) as o:
            await o.caught_up()
            name, _ = await o.request("revoke", ids=[cap[2:14]])
            assert name == "done"
        assert await s.post(s.envelope(bob, cap)) == ["NO_CAPABILITY"]
    relay.restart(signal.SIGKILL)
    async with Sender(relay.url) as s:
        assert await s.post(s.envelope(bob, cap)) == ["NO_CAPABILITY"]


def test_revoked_by_its_owner_alone_and_for_ever(world):
    run(revocation, world)


async def copied(url):
    bob = Account()
    tokens = [b""]
    for _ in range(3):
        async with Owner(url, bob, token=tokens[-1]) as o:
            await o.caught_up()
            await o.mint()      # its answer follows the token's commit order
            tokens.append(o.token)
    for old in tokens[:-1]:
        o = Owner(url, bob, token=old)
        end = await o.refused()
        assert end == (4006, ["COPIED"]), end
    async with Owner(url, bob, token=tokens[-1]) as o:
        await o.caught_up()


def test_copied_store_is_refused(world):
    run(copied, world.relay().url)


async def drain(world):
    relay = world.relay()
    bob = Account()
    async with Owner(relay.url, bob) as o, Sender(relay.url) as s:
        await o.caught_up()
        cap, = await o.mint()
        m = s.envelope(bob, cap)
        await s.send(send=m)
        await o.expect("deliver")   # and no ack: it must reach the disk
        end = asyncio.to_thread(relay.sigterm)
        end = asyncio.create_task(end)
        both = dict([await s.next(), await s.next()])
        assert set(both) == {"closing", "sent"}, both
        assert statuses(both["sent"]) == ["ACCEPTED"]
        await o.expect("closing")
        assert await s.closed() == (1001, [])
        assert await o.closed() == (1001, [])
        await end
        token = o.token
    relay.start()
    async with Owner(relay.url, bob, token=token) as o:
        d, = await o.caught_up()
        assert d.envelope == m.id


def test_sigterm_finishes_and_closes_with_1001(world):
    run(drain, world)
