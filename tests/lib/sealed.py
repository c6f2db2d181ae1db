"""Opens the sealed parts of envelopes as their recipient could, to see the
ratchet's own counters: written from content.proto and the Signal specifications,
not from the agent."""
import os
import subprocess
import sys
import tempfile

import nacl.public

import relay_client
from relay_client import blake


def _load_content():
    folder = tempfile.mkdtemp(prefix="sotto-proto-")
    shared = os.path.join(relay_client.ROOT, "shared", "proto")
    client = os.path.join(relay_client.ROOT, "client", "proto")
    # identity.proto is there already, from relay_client.
    subprocess.run(["protoc", f"-I{shared}", f"-I{client}",
                    f"--python_out={folder}", "content.proto"], check=True)
    sys.path.insert(0, folder)
    import content_pb2
    return content_pb2


pb = _load_content()


def fields(data):
    """{number: value} of a protobuf message of varints and bytes."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                return value
    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            found[tag >> 3] = varint()
        else:
            assert tag & 7 == 2, tag
            n = varint()
            found[tag >> 3] = data[at:at + n]
            at += n
    return found


class Opener:
    """With the seal keys of an account's store."""

    def __init__(self, store):
        self.keys = store.rows(["public", "secret"], "FROM seal_key")

    def open(self, ephemeral_key, sealed):
        """The Sealed of a slot."""
        for public, secret in self.keys:
            box = nacl.public.Box(nacl.public.PrivateKey(secret),
                                  nacl.public.PublicKey(ephemeral_key))
            try:
                padded = box.decrypt(sealed,
                                     blake(ephemeral_key + public, 24))
            except nacl.exceptions.CryptoError:
                continue
            return pb.Sealed.FromString(padded.rstrip(b"\0")[:-1])
        raise AssertionError("sealed to another key")

    def step(self, ephemeral_key, sealed):
        """((ratchet key, counter), ciphertext): what names the message key that
        a SignalMessage was encrypted with, and what with."""
        s = self.open(ephemeral_key, sealed)
        body = s.body
        if s.kind == pb.PREKEY:
            body = fields(body[1:])[4]
        signal = fields(body[1:-8])     # version byte, MAC
        return (signal[1], signal.get(2, 0)), signal[4]
