"""Mail for who is not there, while the relay dies."""
import asyncio
import threading

import websockets

from people import Person
from relay_client import Closed, Owner, Sender, pb
from relay_wire import Liar
from sotto_test import scale, timeout
from sotto_test.preload import SLOW_DISK, preload
from sotto_test.talk import acquaint, incoming, send_all, take_messages
from sotto_test.wire import DOWN


def check_texts(account, chat, events, texts):
    """Each text once and in order, in the event stream and in the store."""
    assert [e["text"] for e in events] == texts
    stored = incoming(account, chat)[-len(texts):]
    assert [m["text"] for m in stored] == texts
    assert [m["id"] for m in stored] == [e["id"] for e in events]
    assert len({m["id"] for m in stored}) == len(texts)


def strangers_to(world, bob_url=None):
    """relay, and ann and bob who have talked; bob at another address of it."""
    relay = world.relay()
    ann = world.account("ann", relay)
    bob = world.account("bob")
    bob.init(bob_url(relay) if bob_url else relay)
    ann.add(bob)
    bob.add(ann)
    acquaint(ann, bob)
    return relay, ann, bob


@timeout(60, in_long=300)
def test_mail_for_a_stopped_agent_comes_once_in_order(world):
    count = scale(2000, 10000)
    relay, ann, bob = strangers_to(world)
    bob.stop_agent()
    api = ann.api().subscribe()
    texts = [f"offline {i}" for i in range(count)]
    ids = send_all(api, "bob", texts, 200)
    api.wait_events(count, {"type": "receipt", "state": "sent"}, 200)
    relay.restart()
    bot = bob.bot().subscribe(cursor="offline", start="start", window=1000)
    events = take_messages(bot, "offline", count + 1, 200)
    check_texts(bob, "ann", events[1:], texts)
    assert [e["id"] for e in events[1:]] == ids
    done = api.wait_events(count, {"type": "receipt", "state": "delivered"}, 60)
    assert {e["id"] for e in done} == set(ids)
    mine = [m for m in ann.history("bob") if m["outgoing"]][-count:]
    assert {m["state"] for m in mine} == {"delivered"}


async def register(wire, carol):
    """carol's two devices, with the mailbox of each empty; her link, and the
    tokens."""
    tokens = {}
    for device in (1, 2):
        async with Owner(wire.url, carol, device=device) as o:
            await o.caught_up()
            if device == 2:
                name, _ = await o.request("put_bundle", bundle=carol.bundle(2))
                assert name == "done"
                cap, = await o.mint(pb.INTRO)
            tokens[device] = o.token
    return carol.link(wire, cap), tokens


async def keep_writing(relay):
    """Mail for somebody else who is away, until the relay dies."""
    dave = Person()
    async with Owner(relay.url, dave) as o:
        await o.caught_up()
        cap, = await o.mint()
    async with Sender(relay.url) as s:
        try:
            while True:
                await s.post(s.envelope(dave, cap))
        except (Closed, websockets.ConnectionClosed):
            pass


async def two_mailboxes(world):
    """One device has acknowledged the message, the other is away and the disk
    slow, when the relay dies just as it answers the sender."""
    relay = world.relay(preload=preload(world, "slow", SLOW_DISK))
    dead = threading.Event()

    def die(link, way, kind, body):
        if kind == "sent" and list(body.statuses) == [pb.ACCEPTED] * 2:
            wire.lie = None
            relay.kill9()
            dead.set()
    wire = Liar(relay)
    carol = Person(devices=(1, 2))
    link, tokens = await register(wire, carol)
    ann = world.account("ann", relay)
    ann.sotto("add", link)
    wire.lie = die
    async with Owner(wire.url, carol, token=tokens[1]) as one:
        await one.caught_up()
        busy = asyncio.create_task(keep_writing(relay))
        task = asyncio.create_task(asyncio.to_thread(
            ann.sotto, "send", "carol", "for both", "--wait", "sent"))
        first = await one.expect("deliver")
        await one.ack(first.sequence)
        await task
        await busy
        assert dead.is_set()
        assert [m["state"] for m in ann.history("carol")] == ["sent"]
    relay.start()
    async with Owner(wire.url, carol, device=2, token=tokens[2]) as two:
        second, = await two.caught_up()
        assert (second.envelope, second.payload, second.ephemeral_key) == \
            (first.envelope, first.payload, first.ephemeral_key)
        assert second.sealed != first.sealed
        await two.ack(second.sequence)
    assert not wire.error


def test_second_mailbox_has_what_was_acknowledged_to_the_sender(world):
    asyncio.run(two_mailboxes(world))


@timeout(90)
def test_relay_dies_where_a_drain_and_live_mail_meet(world):
    backlog, passed, live = 600, 200, 100
    wire = None
    cut = threading.Event()
    count = 0

    def mail_ends(link, way, kind, body):
        """All but the first Delivers are lost on the way."""
        nonlocal count
        if way != DOWN or link.role != pb.OWNER:
            return None
        if kind == "deliver" and body.sequence:
            count += 1
        if count > passed:
            cut.set()
            return []
        return None

    def before(relay):
        nonlocal wire
        wire = Liar(relay)
        return wire.url
    relay, ann, bob = strangers_to(world, before)
    bob.stop_agent()
    api = ann.api().subscribe()
    texts = [f"meeting {i}" for i in range(backlog + live)]
    send_all(api, "bob", texts[:backlog])
    api.wait_events(backlog, {"type": "receipt", "state": "sent"}, 60)
    wire.lie = mail_ends
    bot = bob.bot().subscribe(cursor="meeting", start="start", window=1000)
    assert cut.wait(20), "no drain"
    bot.wait_event({"type": "message", "text": texts[passed - 20]})
    send_all(api, "bob", texts[backlog:])
    api.wait_events(backlog + live, {"type": "receipt", "state": "sent"}, 60)
    relay.kill9()
    wire.lie = None
    wire.cut()
    relay.start()
    events = take_messages(bot, "meeting", backlog + live + 1)
    check_texts(bob, "ann", events[1:], texts)
    api.wait_events(backlog + live, {"type": "receipt", "state": "delivered"})
    assert not wire.error
