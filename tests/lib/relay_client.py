"""A second implementation of the relay protocol, written from relay.proto and
identity.proto alone: what the tests of the relay speak. One asyncio loop."""
import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time

import nacl.signing
import websockets

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
WAIT_S = 10


def _load_protocol():
    folder = tempfile.mkdtemp(prefix="sotto-proto-")
    source = os.path.join(ROOT, "shared", "proto")
    subprocess.run(["protoc", f"-I{source}", f"--python_out={folder}",
                    "relay.proto", "identity.proto"], check=True)
    sys.path.insert(0, folder)
    import identity_pb2
    import relay_pb2
    return relay_pb2, identity_pb2


pb, ident = _load_protocol()


def u32(v):
    return v.to_bytes(4, "big")


def u64(v):
    return v.to_bytes(8, "big")


def transcript(purpose, *fields):
    out = f"sotto/1 {purpose}".encode()
    for f in fields:
        f = u64(f) if isinstance(f, int) else f
        out += u32(len(f)) + f
    return out


def blake(data, size=32):
    return hashlib.blake2b(data, digest_size=size).digest()


class Account:
    """Keys, device list and bundle of an account with one device or more. What
    libsignal would make is random: the relay does not read it."""

    def __init__(self, devices=(1,)):
        self.root = nacl.signing.SigningKey.generate()
        self.list_key = nacl.signing.SigningKey.generate()
        self.root_public = self.root.verify_key.encode()
        self.id = blake(self.root_public)[:20]
        self.auth = {}
        self.version, self.previous, self.prekey = 0, b"", 0
        self.devices = []
        for d in devices:
            self.add_device(d)
        self.make_list()

    def add_device(self, number):
        self.auth[number] = nacl.signing.SigningKey.generate()
        self.devices.append(ident.Device(
            id=number, identity_key=b"\5" + os.urandom(32),
            auth_key=self.auth[number].verify_key.encode()))

    def make_list(self):
        """The next version of the list, from self.devices."""
        self.version += 1
        cert = ident.ListKeyCertificate(
            root_public_key=self.root_public, epoch=1,
            list_public_key=self.list_key.verify_key.encode())
        cert.signature = self.root.sign(transcript(
            "list-key", self.root_public, 1, cert.list_public_key)).signature
        fields = []
        for d in self.devices:
            fields += [d.id, d.identity_key, d.auth_key]
        text = transcript("device-list", self.root_public, 1, self.version,
                          self.previous, *fields)
        self.list = ident.DeviceList(
            certificate=cert, version=self.version,
            previous_hash=self.previous, devices=self.devices,
            signature=self.list_key.sign(text).signature)
        self.previous = blake(text)
        return self.list

    def bundle(self, device=1):
        b = ident.Bundle(suite=1, device=device, registration_id=77,
                         signed_prekey_id=1,
                         signed_prekey=b"\5" + os.urandom(32),
                         signed_prekey_signature=os.urandom(64))
        b.seal_key.public_key = os.urandom(32)
        b.seal_key.created_at = int(time.time())
        key = self.auth[device]
        b.seal_key.signature = key.sign(transcript(
            "seal-key", self.id, device, b.seal_key.public_key,
            b.seal_key.created_at)).signature
        b.signature = key.sign(transcript(
            "bundle", self.id, b.suite, device, b.registration_id,
            b.signed_prekey_id, b.signed_prekey, b.signed_prekey_signature,
            b.seal_key.public_key, b.seal_key.created_at)).signature
        return b

    def prekeys(self, n):
        keys = []
        for _ in range(n):
            self.prekey += 1
            keys.append(ident.OneTimePrekey(id=self.prekey,
                                            key=b"\5" + os.urandom(32)))
        return keys


class Closed(Exception):
    """The relay closed; .code and the Errors that came before."""

    def __init__(self, code, errors):
        super().__init__(f"closed with {code}, errors {errors}")
        self.code, self.errors = code, errors


class Connection:
    """Frames out, messages in, one after the other."""

    def __init__(self, url, **kw):
        self.url, self.kw = url, kw
        self.queue, self.errors, self.requests = [], [], 0

    async def __aenter__(self):
        await self.open()
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def open(self):
        kw = dict(subprotocols=["sotto-1"], max_size=None, compression=None,
                  ping_interval=None)
        kw.update(self.kw)
        self.ws = await websockets.connect(self.url, **kw)

    async def close(self):
        await self.ws.close()

    async def raw(self, data):
        await self.ws.send(data)

    async def send(self, **messages):
        """One frame of the named messages: send(ack=pb.Ack(...), ...)."""
        await self.frame([pb.ClientMessage(**{k: v})
                          for k, v in messages.items()])

    async def frame(self, messages):
        await self.raw(pb.ClientFrame(messages=messages).SerializeToString())

    async def next(self, timeout=WAIT_S):
        """(name, message) of the next ServerMessage; Closed."""
        while not self.queue:
            try:
                data = await asyncio.wait_for(self.ws.recv(), timeout)
            except websockets.ConnectionClosed:
                raise Closed(self.ws.close_code, self.errors) from None
            for m in pb.ServerFrame.FromString(data).messages:
                name = m.WhichOneof("of")
                if name == "error":
                    self.errors.append(pb.ErrorCode.Name(m.error.code))
                self.queue.append((name, getattr(m, name)))
        return self.queue.pop(0)

    async def expect(self, name, timeout=WAIT_S):
        got, message = await self.next(timeout)
        assert got == name, f"{got} came instead of {name}: {message}"
        return message

    async def closed(self, timeout=WAIT_S):
        """(close code, Errors) once the relay has closed."""
        try:
            while True:
                await self.next(timeout)
        except Closed as e:
            return e.code, e.errors

    async def hello(self, role):
        await self.send(hello=pb.Hello(min_version=1, max_version=1, role=role))
        self.challenge = await self.expect("challenge")
        return self.challenge

    async def request(self, kind, **fields):
        """Sends an owner's request and returns (name, answer)."""
        self.requests += 1
        fields["request"] = self.requests
        message = {"put_list": pb.PutList, "put_bundle": pb.PutBundle,
                   "put_prekeys": pb.PutPrekeys, "mint": pb.Mint,
                   "revoke": pb.Revoke}[kind](**fields)
        await self.send(**{kind: message})
        name, answer = await self.next()
        assert answer.request == self.requests, answer
        return name, answer


class Owner(Connection):
    def __init__(self, url, account, device=1, token=b"", **kw):
        super().__init__(url, **kw)
        self.account, self.device, self.token = account, device, token

    def auth(self, **change):
        c, a = self.challenge, self.account
        m = pb.Auth(account=a.id, device=self.device, token=self.token,
                    list=a.list, bundle=a.bundle(self.device))
        m.signature = a.auth[self.device].sign(transcript(
            "auth", c.nonce, c.relay_name.encode(), a.id,
            self.device)).signature
        for k, v in change.items():
            if v is None:
                m.ClearField(k)
            else:
                setattr(m, k, v)
        return m

    async def open(self, confirm=True):
        """Up to Ready (self.ready)."""
        await super().open()
        await self.hello(pb.OWNER)
        await self.send(auth=self.auth())
        self.ready = await self.expect("ready")
        self.token = self.ready.token
        if confirm:
            await self.send(confirm_token=pb.ConfirmToken(token=self.token))

    async def refused(self, **change):
        """(close code, Errors) of an Auth with these fields changed."""
        await super().open()
        await self.hello(pb.OWNER)
        await self.send(auth=self.auth(**change))
        return await self.closed()

    async def caught_up(self):
        """All Delivers until CaughtUp; no other message may come."""
        found = []
        while True:
            name, m = await self.next()
            if name == "caught_up":
                return found
            assert name == "deliver", (name, m)
            found.append(m)

    async def mint(self, klass=None, count=1):
        name, m = await self.request(
            "mint", **{"class": klass or pb.CONTACT, "count": count})
        assert name == "minted", m
        return list(m.capabilities)

    async def ack(self, sequence):
        await self.send(ack=pb.Ack(sequence=sequence))


class Sender(Connection):
    async def open(self):
        await super().open()
        await self.hello(pb.SENDER)

    @staticmethod
    def envelope(account, capability, payload=b"p" * 512, device=1, **kw):
        slot = pb.Slot(account=account.id, device=device,
                       list_version=account.version, capability=capability,
                       sealed=b"s" * 320)
        m = pb.Send(id=os.urandom(16), ephemeral_key=os.urandom(32),
                    payload=payload, slots=[slot])
        for k, v in kw.items():
            setattr(m, k, v)
        return m

    async def post(self, envelope):
        """Sends one and returns the names of its slots' statuses."""
        await self.send(send=envelope)
        m = await self.expect("sent")
        assert m.id == envelope.id
        return statuses(m)


def statuses(sent):
    return [pb.SlotStatus.Name(s) for s in sent.statuses]
