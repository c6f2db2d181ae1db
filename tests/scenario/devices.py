"""A recipient whose devices change between two messages. The recipient is the
test: agents have one device so far."""
import asyncio

from people import Person
from relay_client import Owner, pb
from sotto_test.talk import alerts


async def register(relay, carol):
    """(link, token of device 1), with both devices' mailboxes and bundles."""
    async with Owner(relay.url, carol) as one:
        await one.caught_up()
        cap, = await one.mint(pb.INTRO)
        async with Owner(relay.url, carol, device=2) as two:
            await two.caught_up()
            name, _ = await two.request("put_bundle", bundle=carol.bundle(2))
            assert name == "done"
        return carol.link(relay, cap), one.token


async def remove_device(world):
    relay = world.relay()
    carol = Person(devices=(1, 2))
    link, token = await register(relay, carol)
    ann = world.account("ann", relay)
    ann.sotto("add", link)
    api = ann.api().subscribe()
    ann.sotto("send", "carol", "to both", "--wait", "sent")
    async with Owner(relay.url, carol, token=token) as one:
        first, = await one.caught_up()
        await one.ack(first.sequence)
        carol.devices.pop()
        name, _ = await one.request("put_list", list=carol.make_list())
        assert name == "done"
        send = asyncio.create_task(asyncio.to_thread(
            ann.sotto, "send", "carol", "to one", "--wait", "sent",
            "--timeout", "5"))
        # Its slot of the envelope for both, and the envelope for it alone.
        got = [await one.expect("deliver") for _ in range(2)]
        assert got[0].payload != got[1].payload
        await one.ack(got[-1].sequence)
        await send
    event = api.wait_event({"type": "contact", "change": "device"})
    assert event["contact"]["name"] == "carol"
    assert alerts(ann, "carol") is None
    assert {m["state"] for m in ann.history("carol")} == {"sent"}


def test_message_follows_a_removed_device(world):
    asyncio.run(remove_device(world))
