"""The agent's socket in the hands of a program that makes every mistake."""
import array
import json
import os
import random
import socket
import struct

from sotto_test import proc
from sotto_test.rpc import Api

BIG = 2 ** 63 - 1
TEXTS = ["", " ", "\n", "\x1b[2J", "\x7f", "\u009b31m", "\u202egnp.exe", "\ufeff",
         "\ud7ff", "\U0010ffff", "%s%n%08x", "'; DROP TABLE contact; --", "+", "-",
         "--help", "../../etc/passwd", "/etc/passwd", "0" * 32, "f" * 32,
         "a" * 32, "bob", "BOB", "x" * 128, "\u3042" * 43, "\u3042" * 1000,
         "e\u0301" * 5000, "x" * 200000, "*" * 64, '"' * 64, "NEAR/2", "a OR b",
         "sotto://", "sotto://h/" + "a" * 32 + "#" + "A" * 44,
         "sotto://u:p@h/" + "a" * 32 + "#" + "A" * 44,
         "wss://\u0661.example", "wss://user@host", "start", "now", "delivered",
         "receipts", "on", "off"]
VALUES = TEXTS + [None, True, False, 0, 1, -1, 500, 501, 2 ** 31, 2 ** 32, BIG,
                  -BIG - 1, 0.5, -1e300, [], [[]], ["passphrase"] * 3,
                  [None, 1, {}], {}, {"a": {"b": []}}]
METHODS = {
    "hello": ["client"], "status": [], "link.get": ["qr"],
    "account.unlock": ["fds"],
    "account.init": ["relay", "name", "key_file", "invite", "fds"],
    "chat.list": [], "chat.history": ["chat", "before", "after", "limit"],
    "chat.read": ["chat", "upto"], "chat.typing": ["chat", "on"],
    "config.get": ["name"], "config.set": ["name", "value"], "config.list": [],
    "contact.accept": ["contact"], "contact.add": ["link", "name"],
    "contact.block": ["contact", "blocked"], "contact.list": [],
    "contact.rename": ["contact", "name"],
    "contact.verify": ["contact", "verified"],
    "events.ack": ["cursor", "seq"],
    "events.subscribe": ["cursor", "from", "window"],
    "message.get": ["id"], "message.search": ["words", "chat", "limit"],
    "message.send": ["to", "text", "key"],
    "message.wait": ["id", "state"],
}


def pid_of(account):
    return account.status()["pid"]


def well_formed(answer):
    """What a script may rely on: a result, or an error with a sentence."""
    if "result" in answer:
        return "error" not in answer
    error = answer["error"]
    return (isinstance(error["code"], int) and error["code"] != 0 and
            len(error["message"]) > 5 and
            ("data" in error) == (error["code"] > 0))


class Line:
    """Raw lines, so that what is no JSON of ours can be sent."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")

    def ask(self, o):
        self.socket.sendall(json.dumps(o, ensure_ascii=False).encode(
            "utf-8", "surrogatepass") + b"\n")

    def answer(self, number):
        while True:
            line = self.stream.readline()
            assert line, "the agent hung up"
            o = json.loads(line)
            if o.get("id") == number:
                return o

    def call(self, number, method, params):
        self.ask({"jsonrpc": "2.0", "id": number, "method": method,
                  "params": params})
        return self.answer(number)

    def close(self):
        self.stream.close()
        self.socket.close()


def test_any_value_for_any_parameter_gets_an_answer(world):
    _relay, ann, bob = world.pair()
    ann.add(bob)
    pid, line, number = pid_of(ann), Line(ann.socket), 0
    message = ann.sotto("send", "bob", "hello", "--json")
    good = {"chat": "bob", "contact": "bob", "to": "bob", "text": "t",
            "id": json.loads(message)["id"], "state": "sent", "seq": 0,
            "cursor": "c", "name": "typing", "value": "on", "words": "hello",
            "link": bob.link(), "on": True, "blocked": False,
            "relay": "wss://r.example", "upto": "0" * 32}
    rng = random.Random(1)
    for method, names in METHODS.items():
        needed = {n: good[n] for n in names if n in good}
        cases = [dict(needed, **{n: v}) for n in names for v in VALUES]
        cases += [{n: rng.choice(VALUES) for n in names} for _ in range(30)]
        cases += [{}, {"x" * 300: None}, {"\u3042" * 30: 1}]
        for params in cases:
            number += 1
            try:
                answer = line.call(number, method, params)
            except TimeoutError:
                raise AssertionError(f"no answer: {method} {params}") from None
            assert well_formed(answer), (method, params, answer)
    line.close()
    assert pid_of(ann) == pid
    # The name may be another by now, the person is not.
    ann.sotto("send", bob.id(), "still here", "--wait", "sent", "--timeout", "30")


def test_any_request_gets_an_answer_or_none(world):
    ann = world.account("ann").init(world.relay())
    pid, line = pid_of(ann), Line(ann.socket)
    bad = [{}, {"jsonrpc": "2.0"}, {"jsonrpc": 2, "method": "hello", "id": 1},
           {"jsonrpc": "2.0", "method": 7, "id": 1},
           {"jsonrpc": "2.0", "method": "x" * 100000, "id": 1},
           {"jsonrpc": "2.0", "method": "\u3042" * 40, "id": 1},
           {"jsonrpc": "2.0", "method": "hello", "id": {}},
           {"jsonrpc": "2.0", "method": "hello", "id": []},
           {"jsonrpc": "2.0", "method": "hello", "id": True},
           {"jsonrpc": "2.0", "method": "hello", "params": [1], "id": 1},
           {"jsonrpc": "2.0", "method": "hello", "params": "x", "id": 1}]
    for o in bad:
        line.ask(o)
        answer = json.loads(line.stream.readline())
        assert well_formed(answer) and "error" in answer, (o, answer)
    for raw in (b"\xff\xfe\n", b"{\n", b"[" * 100000 + b"\n", b"nul\n",
                b'{"jsonrpc":"2.0","id":1e999,"method":"hello"}\n',
                b'{"id":99999999999999999999999}\n', b'{"a":"\\u0000"}\n',
                b'{"a":"\\ud800"}\n', b"[]\n", b"1\n", b'""\n',
                b'{"a":1,"a":2}\n', b"x" * 300000 + b"\n"):
        line.socket.sendall(raw)
        answer = json.loads(line.stream.readline())
        assert answer["error"]["code"] in (-32700, -32600), (raw[:40], answer)
    for o in ({"jsonrpc": "2.0", "method": "hello"},
              {"jsonrpc": "2.0", "method": "status", "params": None}):
        line.ask(o)
    assert line.call("last", "hello", {})["result"]["version"] == 1
    line.close()
    assert pid_of(ann) == pid


def test_who_closes_its_end_is_still_answered(world):
    ann = world.account("ann").init(world.relay())
    line, count = Line(ann.socket), 700
    for i in range(count):
        line.ask({"jsonrpc": "2.0", "id": i, "method": "config.list"})
    line.socket.shutdown(socket.SHUT_WR)
    got = [json.loads(x)["id"] for x in line.stream]
    assert got == list(range(count))


def give(line, method, given, **params):
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                       "params": params}).encode() + b"\n"
    line.socket.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                  array.array("i", given))])
    return line.answer(1)


def secret(text):
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


def ended(reader):
    """Whether nobody holds the other end any more."""
    os.set_blocking(reader, False)

    def look():
        try:
            return os.read(reader, 1) == b""
        except BlockingIOError:
            return False
    return look


def test_descriptors_that_nobody_asked_for_are_closed(world):
    ann = world.account("ann").init(world.relay())
    line, readers = Line(ann.socket), []
    for i in range(40):
        pipes = [os.pipe() for _ in range(1 + i % 12)]
        give(line, ["hello", "account.unlock", "status"][i % 3],
             [w for _, w in pipes])
        for r, w in pipes:
            os.close(w)
            readers.append(r)
    held = sum(not ended(r)() for r in readers)
    assert held <= 4, held
    line.close()
    for r in readers:
        proc.wait_for("the descriptor to be closed", ended(r))
        os.close(r)


def test_wrong_descriptors_are_refused(world):
    ann = world.account("ann").init(world.relay(), passphrase="right")
    ann.sotto("lock")
    with open("/dev/null", "rb") as null, \
            open("/proc/self/mem", "rb") as memory, socket.socket() as s:
        folder = os.open("/", os.O_RDONLY)
        for fd in (null.fileno(), memory.fileno(), s.fileno(), folder):
            line = Line(ann.socket)
            answer = give(line, "account.unlock", [fd], fds=["passphrase"])
            assert answer["error"]["code"] in (1, 8), answer
            line.close()
        os.close(folder)
    line = Line(ann.socket)
    for fds in (["passphrase"], ["passphrase"] * 3, [1], [None]):
        answer = line.call(2, "account.unlock", {"fds": fds})
        assert "error" in answer, fds
    line.close()
    answer = give(Line(ann.socket), "account.unlock", [secret("right")],
                  fds=["passphrase"])
    assert answer["result"] == {}


def test_a_crowd_and_who_does_not_read_hold_nobody_up(world):
    ann = world.account("ann").init(world.relay())
    pid, crowd = pid_of(ann), []
    deaf = Line(ann.socket)
    deaf.socket.setblocking(False)
    try:
        while True:
            deaf.ask({"jsonrpc": "2.0", "id": 1, "method": "config.list"})
    except BlockingIOError:
        pass
    for _ in range(400):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(ann.socket)
        except BlockingIOError:
            pass
        crowd.append(s)
    for s in crowd:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        s.close()
    deaf.close()
    assert pid_of(ann) == pid
