"""SIGHUP: certificates and settings are read again, and nobody is put out."""
import asyncio
import os
import signal
import socket
import ssl

from relay_client import Account, Owner, Sender, statuses
from sotto_test.world import make_certificate


def certificate(port):
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 5) as raw, \
            c.wrap_socket(raw, server_hostname="localhost") as s:
        return s.getpeercert(True)


def hangup(relay, wait):
    relay.process.send_signal(signal.SIGHUP)
    relay.wait_log(wait)


async def over_hangup(relay, ca, renew):
    """A connection that is open lives on, and new ones are taken."""
    c = ssl.create_default_context(cafile=ca)
    bob = Account()
    async with Owner(relay.url, bob, ssl=c) as o:
        await o.caught_up()
        cap, = await o.mint()
        renew()
        async with Sender(relay.url,
                          ssl=ssl.create_default_context(cafile=ca)) as s:
            await s.send(send=s.envelope(bob, cap))
            d = await o.expect("deliver")
            await o.ack(d.sequence)
            assert statuses(await s.expect("sent")) == ["ACCEPTED"]


def test_renewed_certificate_is_served_after_sighup(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))
    first = certificate(relay.port)

    def renew():
        make_certificate(world.folder, ca, cert, key)
        assert certificate(relay.port) == first
        hangup(relay, "are reloaded")
        assert certificate(relay.port) != first
    asyncio.run(over_hangup(relay, ca, renew))
    assert relay.sigterm() == 0


def test_certificate_that_does_not_load_leaves_the_old_one(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))
    first = certificate(relay.port)
    os.truncate(cert, 100)
    hangup(relay, "nothing is reloaded")
    assert certificate(relay.port) == first
    assert "cert.pem" in relay.log_text()
    assert relay.sigterm() == 0


async def posts(relay, bob, cap, n):
    async with Sender(relay.url) as s:
        return [await s.post(s.envelope(bob, cap)) for _ in range(n)]


async def register(relay, bob):
    async with Owner(relay.url, bob) as o:
        await o.caught_up()
        return (await o.mint())[0]


def test_settings_are_read_again_after_sighup(world):
    path = os.path.join(world.folder, "relay.conf")

    def write(text):
        with open(path, "w") as f:
            f.write(text)
    write("contact-burst = 1\ncontact-rate = 1\n")
    relay = world.relay("--config", path)
    bob = Account()
    cap = asyncio.run(register(relay, bob))
    assert asyncio.run(posts(relay, bob, cap, 2)) == [["ACCEPTED"],
                                                     ["RATE_LIMITED"]]
    write("contact-burst = x\n")
    hangup(relay, "nothing is reloaded: .*line 1")
    write("contact-rate = 600000\nretention = 1d\nlog-level = debug\n")
    hangup(relay, "are reloaded")
    assert "retention changes with the next start" in relay.log_text()
    assert "contact-rate changes" not in relay.log_text()
    got = asyncio.run(posts(relay, bob, cap, 20))
    assert ["ACCEPTED"] * 19 == [s for g in got[1:] for s in g], got
    assert relay.sigterm() == 0
