"""A relay that hands out other keys: bundles and device lists that are not the
recipient's, or not its newest. Nothing is encrypted for them."""
import threading

import nacl.signing

from hostile import copy, flip
from people import Person, account_of, own_list, sign_list
from relay_client import pb, transcript
from relay_wire import Liar
from sotto_test import proc
from sotto_test.store import Store
from sotto_test.talk import acquaint, alerts, incoming
from sotto_test.wire import UP


def sign_bundle(store, bundle):
    """With the account's own auth key."""
    own, _ = own_list(store)
    account = account_of(own)
    key = nacl.signing.SigningKey(store.value("key-auth")[:32])
    bundle.signature = key.sign(transcript(
        "bundle", account, bundle.suite, bundle.device, bundle.registration_id,
        bundle.signed_prekey_id, bundle.signed_prekey,
        bundle.signed_prekey_signature, bundle.seal_key.public_key,
        bundle.seal_key.created_at)).signature
    return bundle


def wrong_keys(store):
    """(what, f(Fetched) that makes it wrong)."""
    eve = Person()
    own, _ = own_list(store)

    def other_account(f):
        f.list.CopyFrom(eve.list)
        f.bundles[0].bundle.CopyFrom(eve.bundle())

    def other_identity(f):
        f.list.devices[0].identity_key = eve.devices[0].identity_key

    def other_list_key(f):
        """bob's root and devices, eve's list key with a certificate of hers."""
        cert = f.list.certificate
        cert.list_public_key = eve.list_key.verify_key.encode()
        cert.signature = eve.root.sign(transcript(
            "list-key", cert.root_public_key, cert.epoch,
            cert.list_public_key)).signature
        d = f.list.devices[0]
        f.list.signature = eve.list_key.sign(transcript(
            "device-list", cert.root_public_key, cert.epoch, f.list.version,
            f.list.previous_hash, d.id, d.identity_key, d.auth_key)).signature

    def others_bundle(f):
        f.bundles[0].bundle.CopyFrom(eve.bundle())

    def changed_bundle(f):
        b = f.bundles[0].bundle
        b.signed_prekey = flip(b.signed_prekey)

    def others_prekey(f):
        """Signed by the auth key, as only bob's own device could; libsignal
        asks for the identity key's signature."""
        b = f.bundles[0].bundle
        theirs = eve.bundle()
        b.signed_prekey = theirs.signed_prekey
        b.signed_prekey_signature = theirs.signed_prekey_signature
        sign_bundle(store, b)

    def others_seal_key(f):
        f.bundles[0].bundle.seal_key.CopyFrom(eve.bundle().seal_key)
        sign_bundle(store, f.bundles[0].bundle)

    def no_bundle(f):
        del f.bundles[:]

    def no_list(f):
        f.ClearField("list")
    return [(x.__name__, x) for x in (
        other_account, other_identity, other_list_key, others_bundle,
        changed_bundle, others_prekey, others_seal_key, no_bundle, no_list)]


def test_wrong_keys_are_not_used(world):
    relay = world.relay()
    wire = Liar(relay)
    ann, bob = world.account("ann", relay), world.account("bob").init(wire)
    ann.add(bob)
    store, sent = Store(bob), []
    ann.stop_agent()
    first = True
    for what, make in wrong_keys(store):
        fetched = threading.Event()

        def lie(link, way, kind, body):
            if kind == "send":
                sent.append(what)
            if kind != "fetched":
                return None
            body = copy(body)
            make(body)
            wire.tell(link, (kind, body))
            fetched.set()
            return []
        wire.lie = lie
        ann.sotto("agent")
        if first:
            first = False
            result = ann.run("send", "bob", "kept", "--wait", "sent",
                             "--timeout", "20")
            assert result.code == 4, result
            assert len(result.err.splitlines()) == 1, result
        assert fetched.wait(10), what
        proc.wait_for("people are told", lambda: "keys that are not" in
                      ann.sotto("contacts"))
        message = ann.history("bob")[-1]
        assert (message["text"], message["state"]) == ("kept", "queued"), what
        assert sent == [], what
        # A new agent does not wait before it asks again.
        if what != wrong_keys(store)[-1][0]:
            ann.kill_agent()
    wire.lie = None
    api = ann.api().subscribe(start="start")
    proc.wait_for("the text", lambda: [
        m["text"] for m in bob.history(ann.id())] == ["kept"]
        if contacts(bob) else None)
    proc.wait_for("it is over", lambda: "trouble" not in contacts(ann)[0])
    for trouble in (True, False):
        api.wait_event(lambda e: e["type"] == "contact" and
                       e["change"] == "trouble" and
                       ("trouble" in e["contact"]) == trouble)
    assert not wire.error


def contacts(person):
    api = person.api()
    try:
        return api.call("contact.list")["contacts"]
    finally:
        api.close()


class Lists:
    """ann, whose question after bob's devices is answered with the lists that a
    test names, one after the other."""

    def __init__(self, world):
        self.relay = world.relay()
        self.wire = Liar(self.relay)
        self.ann = world.account("ann", self.relay)
        self.bob = world.account("bob").init(self.wire)
        self.ann.add(self.bob)
        self.bob.add(self.ann)
        acquaint(self.ann, self.bob)
        self.store = Store(self.bob)
        self.own, self.hash = own_list(self.store)
        self.lists, self.sends = [], 0
        self.wire.lie = self._lie

    def _lie(self, link, way, kind, body):
        if way == UP and kind == "send" and link.number in self.senders():
            self.sends += 1
            if self.lists:
                self.wire.tell(link, ("sent", pb.Sent(
                    id=body.id, statuses=[pb.LIST_NEWER])))
                return []
        if kind == "fetched" and self.lists:
            changed = copy(body)
            changed.list.CopyFrom(self.lists.pop(0))
            return [(kind, changed)]
        return None

    def senders(self):
        return [x.number for x in self.wire.links
                if getattr(x, "role", None) == pb.SENDER]

    def next_list(self, devices=None, version=2, previous=None):
        return sign_list(self.store, devices or list(self.own.devices), version,
                         self.hash if previous is None else previous)

    def check_alarm(self, alert):
        """It is told, sending has stopped, receiving goes on, and it begins
        again when people have looked."""
        ann, bob = self.ann, self.bob
        api = ann.api().subscribe()
        result = ann.run("send", "bob", "to whom?", "--wait", "sent",
                         "--timeout", "20")
        assert result.code == 4, result
        assert len(result.err.splitlines()) == 1 and "bob" in result.err
        event = api.wait_event({"type": "contact", "change": "alert"})
        assert event["contact"]["alert"] == alert
        assert alerts(ann, "bob") == alert
        sends = self.sends
        again = ann.run("send", "bob", "and now?")
        assert again.code == 4, again
        bob.sotto("send", "ann", "still here", "--wait", "sent")
        api.wait_event({"type": "message", "text": "still here"})
        assert self.sends == sends
        states = {m["text"]: m["state"] for m in ann.history("bob")}
        assert states["to whom?"] == "queued" and "and now?" not in states
        api.close()
        assert not self.wire.error

    def check_again(self):
        self.lists = []
        # Looked, and it was not the same.
        self.ann.sotto("verify", "bob", "--no")
        assert self.ann.run("send", "bob", "no").code == 4
        self.ann.sotto("verify", "bob", "--yes")
        proc.wait_for("the message that waited", lambda: [
            m for m in incoming(self.bob, "ann") if m["text"] == "to whom?"])


def other_device(number):
    return Person(devices=(number,)).devices[0]


def test_fork_by_another_list_of_the_same_version_stops_sending(world):
    case = Lists(world)
    fork, _ = case.next_list([*case.own.devices, other_device(2)], 1, b"")
    case.lists = [fork]
    case.check_alarm("fork")
    case.check_again()


def test_fork_by_a_list_of_another_past_stops_sending(world):
    case = Lists(world)
    fork, _ = case.next_list(previous=bytes(32))
    case.lists = [fork]
    case.check_alarm("fork")


def test_fork_by_other_keys_of_a_device_stops_sending(world):
    case = Lists(world)
    fork, _ = case.next_list([other_device(case.own.devices[0].id)])
    case.lists = [fork]
    case.check_alarm("fork")


def test_rolled_back_list_stops_sending(world):
    case = Lists(world)
    newer, _ = case.next_list()
    case.lists = [newer, case.own]
    case.check_alarm("rollback")
