"""A proxy before a relay on loopback, which reads along: it keeps what goes over
each WebSocket connection, unmasked, and can hold, delay, change and cut it."""
import collections
import os
import select
import socket
import struct
import threading
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
UP, DOWN = "up", "down"     # to the relay, to the client
HEAD_MAX = 64 * 1024

# One message that passed: opcode as in RFC 6455, section 5.2; opcode 0 is the
# HTTP head.
Message = collections.namedtuple("Message", "link way opcode data")


def mask(data, key):
    """RFC 6455, section 5.3; its own inverse."""
    if not data:
        return b""
    keys = (key * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")) \
        .to_bytes(len(data), "big")


def frame(opcode, data, masked):
    """One final frame."""
    n, bit = len(data), 0x80 if masked else 0
    head = bytes([0x80 | opcode])
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if not masked:
        return head + data
    key = os.urandom(4)
    return head + key + mask(data, key)


class Ended(Exception):
    """A side has closed."""


def read_exactly(stream, n):
    data = stream.read(n)
    if len(data) < n:
        raise Ended
    return data


def read_frame(stream):
    """(final, opcode, data)."""
    first, second = read_exactly(stream, 2)
    n = second & 0x7f
    if n == 126:
        n, = struct.unpack(">H", read_exactly(stream, 2))
    elif n == 127:
        n, = struct.unpack(">Q", read_exactly(stream, 8))
    key = read_exactly(stream, 4) if second & 0x80 else None
    data = read_exactly(stream, n)
    return first & 0x80, first & 0x0f, mask(data, key) if key else data


def read_message(stream):
    """(opcode, data), put together from its fragments. A control frame between
    them comes first."""
    whole, kind = [], None
    while True:
        final, opcode, data = read_frame(stream)
        if opcode >= 8:
            yield opcode, data
            continue
        kind = kind or opcode
        whole.append(data)
        if final:
            yield kind, b"".join(whole)
            whole, kind = [], None


class Link:
    """One connection through the wire."""

    def __init__(self, wire, number, client):
        self.wire, self.number = wire, number
        self.open = True
        self.client = client
        self.relay = socket.create_connection(("127.0.0.1", wire.relay_port))
        self.locks = {UP: threading.Lock(), DOWN: threading.Lock()}
        for s in (self.client, self.relay):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for way in (UP, DOWN):
            threading.Thread(target=self._pump, args=(way,),
                             daemon=True).start()

    def send(self, way, data, opcode=BINARY):
        """Puts a message of our own into the connection."""
        self.send_raw(way, frame(opcode, data, way == UP))

    def send_raw(self, way, data):
        to = self.relay if way == UP else self.client
        try:
            with self.locks[way]:
                to.sendall(data)
        except OSError:
            raise Ended from None

    def cut(self):
        """Both sides see a reset."""
        self.open = False
        for s in (self.client, self.relay):
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
                # shutdown() wakes the thread that reads; close() would not.
                s.shutdown(socket.SHUT_RD)
                s.close()
            except OSError:
                pass
        with self.wire.changed:
            self.wire.changed.notify_all()

    def _pump(self, way):
        source = self.client if way == UP else self.relay
        try:
            with source.makefile("rb") as stream:
                self._head(way, stream)
                for opcode, data in read_message(stream):
                    self._take(way, opcode, data)
        except (Ended, OSError):
            pass
        self._end()

    def _head(self, way, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n") and len(head) < HEAD_MAX:
            line = stream.readline(HEAD_MAX)
            if not line:
                break
            head += line
        self.wire._note(Message(self, way, 0, head))
        self.send_raw(way, head)

    def _take(self, way, opcode, data):
        self.wire._note(Message(self, way, opcode, data))
        self.wire._wait_released(self, way)
        if not self.open:
            raise Ended
        out = None
        if self.wire.hook and opcode in (TEXT, BINARY):
            out = self.wire.hook(self, way, data)
        if out is None:
            self.send(way, data, opcode)
        else:
            for d in [out] if isinstance(out, bytes) else out:
                self.send(way, d, opcode)

    def _end(self):
        """One side has closed in order: so does the other."""
        self.open = False
        for s in (self.client, self.relay):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.wire.changed:
            self.wire.changed.notify_all()


class Wire:
    """Listens on a port of its own and connects to a relay on loopback: give its
    url to clients. hook(link, way, data) sees each message of data before it is
    passed on, and returns None, what to pass instead, or a list of that."""

    def __init__(self, relay, keep=True, hook=None):
        self.relay_port = relay.port
        self.keep, self.hook = keep, hook
        self.delay = 0.0            # seconds, each message
        self.refusing = False       # new connections are reset
        self.links, self.messages = [], []
        self.changed = threading.Condition()
        self.held = {UP: None, DOWN: None}
        self.error = None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                if self.refusing:
                    raise ConnectionRefusedError
                link = Link(self, len(self.links), client)
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
                client.close()
                continue
            with self.changed:
                self.links.append(link)
                self.changed.notify_all()

    def _note(self, message):
        with self.changed:
            if self.keep:
                self.messages.append(message)
            self.changed.notify_all()

    def _wait_released(self, link, way):
        if self.delay:
            select.select([], [], [], self.delay)
        with self.changed:
            self.changed.wait_for(
                lambda: not self.held[way] or not self.held[way](link) or
                not link.open)

    # What a test does.

    def hold(self, way, which=lambda link: True):
        """Nothing more passes that way (in links that fit) until release; what
        is held has been noted, and is passed on then."""
        with self.changed:
            self.held[way] = which

    def release(self, way):
        with self.changed:
            self.held[way] = None
            self.changed.notify_all()

    def cut(self, which=lambda link: True):
        """Resets all connections that fit."""
        with self.changed:
            links = [x for x in self.links if x.open and which(x)]
        for link in links:
            link.cut()

    def recorded(self, way=None, opcode=None):
        with self.changed:
            return [m for m in self.messages if way in (None, m.way) and
                    opcode in (None, m.opcode)]

    def bytes(self):
        """All that passed, also the heads and closes."""
        with self.changed:
            return b"\0".join(m.data for m in self.messages)

    def wait(self, what, predicate, timeout=20.0):
        """Until predicate() is true, asked whenever something passes; its
        value."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                value = predicate()
                if value:
                    return value
                if not self.changed.wait(deadline - time.monotonic()) and \
                        time.monotonic() >= deadline:
                    raise AssertionError(f"not within {timeout} s: {what}")
