"""People whom a test plays itself: accounts that a real agent can write to, and
what a relay could do with a real account's own keys."""
import base64

import nacl.bindings as sodium
import nacl.signing

from relay_client import Account, blake, ident, transcript

ORDER = 2 ** 252 + 27742317777372353535851937790883648493


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def scalar(number):
    return (number % ORDER).to_bytes(32, "little")


def xeddsa(secret, message, random):
    """Signs with a Curve25519 secret (Signal's XEdDSA specification, 2.4).
    random: 64 bytes."""
    sodium_sha = sodium.crypto_hash_sha512
    clamped = bytearray(secret)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    a = int.from_bytes(clamped, "little") % ORDER
    public = bytearray(sodium.crypto_scalarmult_ed25519_base_noclamp(scalar(a)))
    if public[31] & 0x80:
        a, public[31] = ORDER - a, public[31] & 0x7f
    head = b"\xfe" + b"\xff" * 31
    r = int.from_bytes(sodium_sha(head + scalar(a) + message + random),
                       "little") % ORDER
    point = sodium.crypto_scalarmult_ed25519_base_noclamp(scalar(r))
    h = int.from_bytes(sodium_sha(point + bytes(public) + message), "little")
    return point + scalar(r + h * a)


class Person(Account):
    """An account whose bundles libsignal accepts, which can be written to by a
    link. It cannot read what comes: it has no ratchet."""

    def __init__(self, devices=(1,)):
        self.identity = {}
        super().__init__(devices)

    def add_device(self, number):
        super().add_device(number)
        secret = sodium.randombytes(32)
        self.identity[number] = secret
        self.devices[-1].identity_key = \
            b"\5" + sodium.crypto_scalarmult_base(secret)

    def bundle(self, device=1):
        b = super().bundle(device)
        public = sodium.crypto_scalarmult_base(sodium.randombytes(32))
        b.signed_prekey = b"\5" + public
        b.signed_prekey_signature = xeddsa(
            self.identity[device], b.signed_prekey, sodium.randombytes(64))
        b.seal_key.public_key = sodium.crypto_scalarmult_base(
            sodium.randombytes(32))
        self.sign(b)
        return b

    def sign(self, b):
        """Signs the bundle and its seal key anew."""
        key = self.auth[b.device]
        b.seal_key.signature = key.sign(transcript(
            "seal-key", self.id, b.device, b.seal_key.public_key,
            b.seal_key.created_at)).signature
        b.signature = key.sign(transcript(
            "bundle", self.id, b.suite, b.device, b.registration_id,
            b.signed_prekey_id, b.signed_prekey, b.signed_prekey_signature,
            b.seal_key.public_key, b.seal_key.created_at)).signature

    def link(self, relay, capability, name="carol"):
        return (f"sotto://127.0.0.1:{relay.port}/{base32(self.id)}"
                f"#{base64.urlsafe_b64encode(capability).decode()}"
                f"?n={name}&t=plain")


def sign_list(store, devices, version, previous):
    """A device list of a real account, signed with its own list key: what a
    relay cannot make, and may have from an owner that forks it."""
    own = ident.DeviceList.FromString(store.value("own-list"))
    cert = own.certificate
    new = ident.DeviceList(certificate=cert, version=version,
                           previous_hash=previous, devices=devices)
    fields = []
    for d in devices:
        fields += [d.id, d.identity_key, d.auth_key]
    text = transcript("device-list", cert.root_public_key, cert.epoch, version,
                      previous, *fields)
    key = nacl.signing.SigningKey(store.value("key-list")[:32])
    new.signature = key.sign(text).signature
    return new, blake(text)


def account_of(device_list):
    return blake(device_list.certificate.root_public_key)[:20]


def own_list(store):
    """(list, hash) that a real account has made."""
    own = ident.DeviceList.FromString(store.value("own-list"))
    fields = []
    for d in own.devices:
        fields += [d.id, d.identity_key, d.auth_key]
    return own, blake(transcript(
        "device-list", own.certificate.root_public_key, own.certificate.epoch,
        own.version, own.previous_hash, *fields))
