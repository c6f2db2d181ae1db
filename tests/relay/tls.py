"""TLS: version 1.3 alone, nothing to resume; plain on loopback alone; and the
command line."""
import asyncio
import os
import socket
import ssl
import subprocess

from relay_client import Account, Owner, Sender, pb, statuses


def context(ca):
    return ssl.create_default_context(cafile=ca)


async def talk(url, ca):
    bob = Account()
    async with Owner(url, bob, ssl=context(ca)) as o, \
            Sender(url, ssl=context(ca)) as s:
        await o.caught_up()
        cap, = await o.mint()
        # Larger than a TLS record and than a socket's buffer.
        m = s.envelope(bob, cap, payload=os.urandom(32768))
        for i in range(100):
            m.id = os.urandom(16)
            await s.send(send=m)
            d = await o.expect("deliver")
            assert (d.envelope, d.payload) == (m.id, m.payload)
            await o.ack(d.sequence)
            assert statuses(await s.expect("sent")) == ["ACCEPTED"]
        return s.ws.transport.get_extra_info("ssl_object").version()


def test_mail_over_tls(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))
    assert asyncio.run(talk(relay.url, ca)) == "TLSv1.3"
    try:
        asyncio.run(talk(relay.url, None))
        assert False, "an unknown CA was accepted"
    except ssl.SSLCertVerificationError:
        pass
    assert relay.sigterm() == 0


def handshake(port, ca, **change):
    c = context(ca)
    for k, v in change.items():
        setattr(c, k, v)
    with socket.create_connection(("127.0.0.1", port), 5) as raw, \
            c.wrap_socket(raw, server_hostname="localhost") as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = s.recv(100)
        return s.version(), s.session.has_ticket, answer


def test_older_tls_is_refused_and_nothing_resumes(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))
    version, ticket, answer = handshake(relay.port, ca)
    assert version == "TLSv1.3" and not ticket
    assert b" 404 " in answer, answer
    try:
        handshake(relay.port, ca, maximum_version=ssl.TLSVersion.TLSv1_2)
        assert False, "TLS 1.2 was accepted"
    except (ssl.SSLError, ConnectionError):
        pass
    # Plain HTTP on the TLS port gets nothing.
    with socket.create_connection(("127.0.0.1", relay.port), 5) as s:
        s.settimeout(15)
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert b"HTTP" not in s.recv(100)
        except ConnectionError:
            pass
    assert relay.sigterm() == 0


def usage(world, *args):
    p = subprocess.run([world.program("sotto-relay"), *args],
                       capture_output=True, text=True, timeout=20)
    return p.returncode, p.stdout, p.stderr


def test_command_line(world):
    ca, cert, key = world.tls()
    data = os.path.join(world.folder, "data")
    good = ("--listen", "127.0.0.1:0", "--data", data)
    code, out, err = usage(world, "check", *good)
    assert (code, err) == (0, ""), err
    code, out, err = usage(world, "check", *good, "--tls-cert", cert,
                           "--tls-key", key)
    assert code == 0, err
    code, out, err = usage(world, "check", *good, "--tls-cert", cert,
                           "--tls-key", os.path.join(world.folder,
                                                     "ca-key.pem"))
    assert code == 2 and "ca-key.pem" in err, err
    code, out, err = usage(world, "--listen", "0.0.0.0:0", "--data", data)
    assert code == 1 and "--tls-cert" in err and err.count("\n") == 1, err
    code, out, err = usage(world, *good, "--store", "nats")
    assert code == 1 and "--store" in err, err
    assert usage(world, "--version") == (0, "sotto-relay 0.1\n", "")
    assert "--retention" in usage(world, "--help")[1]
    # Two on one store, and two on one port.
    relay = world.relay()
    code, out, err = usage(world, "--listen", "127.0.0.1:0", "--data",
                           relay.data)
    assert code == 2 and "locked" in err.lower(), err
    code, out, err = usage(world, "--listen", f"127.0.0.1:{relay.port}",
                           "--data", data)
    assert code == 2, err
    assert f"cannot listen on 127.0.0.1:{relay.port}: " in err, err
    relay.sigterm()


async def linger(url):
    """A client that never answers the close frame is dropped after 5 s."""
    host, port = url.split("//")[1].split(":")
    r, w = await asyncio.open_connection(host, int(port))
    w.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: sotto-1\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    await r.readuntil(b"\r\n\r\n")
    w.write(b"\x82\x81\0\0\0\0\xff")
    assert await asyncio.wait_for(r.read(), 12)
    w.close()


def test_peer_that_ignores_the_close_is_dropped(world):
    asyncio.run(linger(world.relay().url))


async def slow_headers(url):
    host, port = url.split("//")[1].split(":")
    idle = await asyncio.open_connection(host, int(port))
    half = await asyncio.open_connection(host, int(port))
    half[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    for r, w in (idle, half):
        try:
            await asyncio.wait_for(r.read(), 25)
        except ConnectionError:
            pass
        w.close()


def test_peer_that_sends_no_request_is_dropped(world):
    asyncio.run(slow_headers(world.relay().url))
