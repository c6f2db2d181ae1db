"""TLS: whom a client believes to be its relay."""
import os
import subprocess

from sotto_test import proc
from sotto_test.preload import TWO_ADDRESSES, preload
from sotto_test.talk import acquaint


def self_signed(folder, name):
    """(certificate, key) for a host name, of no authority."""
    cert, key = (os.path.join(folder, f"{name}.{x}") for x in ("pem", "key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                    cert, "-days", "2", "-subj", "/CN=" + name, "-addext",
                    "subjectAltName=DNS:" + name],
                   check=True, capture_output=True)
    return cert, key


def trusting(world, name, relay, ca):
    """An account whose agent takes ca's certificates."""
    a = world.account(name)
    a.sotto("config", "set", "ca-file", ca)
    return a.init(relay)


def check_refused(account, relay):
    """It is set up, and says what is wrong as soon as it needs the relay."""
    account.init(relay)
    result = account.run("link")
    assert result.code == 3, result
    assert len(result.err.splitlines()) == 1, result
    assert "certificate" in result.err and "localhost" in result.err, result
    connection = account.status()["connection"]
    assert connection["state"] in ("waiting", "connecting")
    assert "certificate" in connection["error"]


def test_relay_with_a_certificate_of_ones_own_authority(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))
    ann = trusting(world, "ann", relay, ca)
    bob = trusting(world, "bob", relay, ca)
    assert relay.url.startswith("wss://")
    assert "t=plain" not in ann.link()
    ann.add(bob)
    bob.add(ann)
    acquaint(ann, bob)


def test_certificate_of_an_unknown_authority_is_refused(world):
    _, cert, key = world.tls()
    check_refused(world.account("ann"), world.relay(tls=(cert, key)))


def test_ca_file_is_taken_at_once(world):
    ca, cert, key = world.tls()
    ann = world.account("ann")
    check_refused(ann, world.relay(tls=(cert, key)))
    for bad in "/nonexistent", "relative.pem", key, world.folder:
        result = ann.run("config", "set", "ca-file", bad)
        assert result.code == 1 and "ca-file" in result.err, result
    ann.sotto("config", "set", "ca-file", ca)
    proc.wait_for("the relay", lambda: ann.status()["connection"]["state"]
                  == "online")
    assert ann.link()
    ann.sotto("config", "set", "ca-file", "")
    ann.stop_agent()
    ann.sotto("agent")
    proc.wait_for("the reason", lambda: "certificate" in ann.sotto("status"))


def test_certificate_for_another_name_is_refused(world):
    cert, key = self_signed(world.folder, "relay.example")
    relay = world.relay(tls=(cert, key))
    ann = world.account("ann")
    ann.sotto("config", "set", "ca-file", cert)
    check_refused(ann, relay)


def test_each_address_of_a_name_is_tried(world):
    """Such as the IPv6 one of localhost, where the relay does not listen."""
    ann = world.account("ann")
    ann.more_env["LD_PRELOAD"] = preload(world, "two", TWO_ADDRESSES)
    ann.init(f"ws://localhost:{world.relay().port}")
    assert ann.link().startswith("sotto://localhost:")


def test_older_tls_is_refused_by_the_relay(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))

    def handshake(version):
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}",
             "-CAfile", ca, "-verify_return_error", version],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    assert handshake("-tls1_3").returncode == 0
    old = handshake("-tls1_2")
    assert old.returncode != 0
    assert b"alert protocol version" in old.stderr, old.stderr


def test_plain_is_refused_but_to_loopback(world):
    for url in ("ws://relay.example", "ws://192.0.2.7:80", "ws://[2001:db8::1]",
                "ws://127.0.0.1.example:80"):
        result = world.account("ann").run("init", "--relay", url,
                                          "--recovery-file",
                                          os.path.join(world.folder, "r"))
        assert result.code == 1, result
        assert len(result.err.splitlines()) == 1, result
        assert "wss" in result.err, result
    link = ("sotto://relay.example:80/" + "a" * 32 + "#" + "AQE" + "A" * 41 +
            "?n=eve&t=plain")
    relay = world.relay()
    bob = world.account("bob", relay)
    result = bob.run("add", link)
    assert result.code == 1, result
    assert bob.sotto("contacts") == ""


def test_ca_file_that_is_gone_is_not_ignored(world):
    ca, cert, key = world.tls()
    relay = world.relay(tls=(cert, key))
    ann = trusting(world, "ann", relay, ca)
    ann.link()
    ann.stop_agent()
    os.unlink(ca)
    ann.sotto("agent")
    proc.wait_for("the reason", lambda: "ca-file" in ann.sotto("status"))
    assert ann.status()["connection"]["state"] != "online"
