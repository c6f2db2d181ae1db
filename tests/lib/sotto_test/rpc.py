"""JSON-RPC clients: the agent's socket (Api) and `sotto bot` (Bot)."""
import itertools
import json
import socket
import subprocess
import threading
import time

from . import proc


class RpcError(Exception):
    """An error answer. Its code is an exit code of sotto when positive."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")
        self.message = error.get("message")
        self.data = error.get("data")


class Gone(Exception):
    """The other end closed."""


class Rpc:
    """Sends requests and keeps what comes: events in .all_events, in order,
    other notifications (typing, connection, agent) in .notes, lines that are no
    answer of ours in .others."""

    def __init__(self, name):
        self.name = name
        self.all_events, self.notes, self.others = [], [], []
        self.closed = False
        self._answers = {}
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._writing = threading.Lock()

    def _start(self, stream):
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        try:
            for line in stream:
                self._take(line)
        except (OSError, ValueError):
            pass
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _take(self, line):
        try:
            m = json.loads(line)
        except ValueError:
            m = line
        with self._changed:
            if isinstance(m, dict) and m.get("method") == "event":
                self.all_events.append(m["params"])
            elif isinstance(m, dict) and "method" in m:
                self.notes.append(m)
            elif isinstance(m, dict) and isinstance(m.get("id"), int):
                self._answers[m["id"]] = m
            else:
                self.others.append(m)
            self._changed.notify_all()

    def send_raw(self, data):
        raise NotImplementedError

    def request(self, method, **params):
        """Sends without waiting; returns the id for answer()."""
        number = next(self._ids)
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                           "params": params}, ensure_ascii=False)
        with self._writing:
            self.send_raw(line.encode() + b"\n")
        return number

    def answer(self, number, timeout=20.0):
        """The result of a request; raises RpcError, Gone, AssertionError when
        none came in time."""
        self._wait(f"{self.name}: answer {number}",
                   lambda: number in self._answers, timeout)
        m = self._answers.pop(number)
        if "error" in m:
            raise RpcError(m["error"])
        return m["result"]

    def call(self, method, timeout=20.0, **params):
        return self.answer(self.request(method, **params), timeout)

    def _wait(self, what, predicate, timeout):
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                value = predicate()
                if value:
                    return value
                left = deadline - time.monotonic()
                if self.closed:
                    raise Gone(f"{what}: closed")
                if left <= 0 or not self._changed.wait(left):
                    if predicate():
                        continue
                    raise AssertionError(f"not within {timeout} s: {what}; "
                                         f"had {self.all_events[-5:]} "
                                         f"{self.notes[-3:]}")

    # Events.

    def subscribe(self, cursor=None, start=None, **more):
        """events.subscribe; start is its from: "now", "start" or a seq."""
        params = dict(more)
        if cursor is not None:
            params["cursor"] = cursor
        if start is not None:
            params["from"] = start
        self.subscribed = self.call("events.subscribe", **params)
        return self

    def ack(self, cursor, seq):
        return self.call("events.ack", cursor=cursor, seq=seq)

    def events(self, type=None):
        """All that came so far, also those waited for."""
        with self._changed:
            return [e for e in self.all_events if type in (None, e["type"])]

    def wait_event(self, predicate, timeout=20.0, after=0):
        """The first event with seq > after that fits, also one that came before
        the call. predicate: a function, or the fields it must have."""
        fits = as_predicate(predicate)
        seen = 0

        def look():
            nonlocal seen
            while seen < len(self.all_events):
                e = self.all_events[seen]
                seen += 1
                if e.get("seq", 0) > after and fits(e):
                    return e
            return None
        return self._wait(f"{self.name}: event {predicate}", look, timeout)

    def wait_events(self, count, predicate, timeout=60.0):
        """As soon as count events fit: those."""
        fits = as_predicate(predicate)
        seen, found = 0, []

        def look():
            nonlocal seen
            while seen < len(self.all_events):
                if fits(self.all_events[seen]):
                    found.append(self.all_events[seen])
                seen += 1
            return len(found) >= count
        try:
            self._wait(f"{self.name}: {count} events", look, timeout)
        except AssertionError as e:
            raise AssertionError(f"only {len(found)} of {count}: {e}") from None
        return found

    def wait_note(self, method, predicate=None, timeout=20.0):
        """The first notification of that method that fits; its params."""
        fits = as_predicate(predicate or {})

        def look():
            for m in self.notes:
                if m["method"] == method and fits(m.get("params", {})):
                    return m.get("params", {}) or True
            return None
        return self._wait(f"{self.name}: {method} {predicate}", look, timeout)

    def wait_closed(self, timeout=20.0):
        try:
            self._wait(f"{self.name}: end", lambda: self.closed, timeout)
        except Gone:
            pass


def as_predicate(what):
    if callable(what):
        return what
    return lambda e: all(e.get(k) == v for k, v in what.items())


class Api(Rpc):
    """A connection to an agent's socket, which must be there."""

    def __init__(self, path):
        super().__init__(path)
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self._start(self.socket.makefile("rb"))

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except OSError as e:
            raise Gone(str(e)) from None

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Bot(Rpc):
    """A `sotto bot`."""

    def __init__(self, cmd, env, log):
        super().__init__("bot")
        with open(log, "ab") as err:
            self.process = subprocess.Popen(cmd, env=env, stderr=err,
                                            stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE)
        self._start(self.process.stdout)

    def send_raw(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except (OSError, ValueError) as e:
            raise Gone(str(e)) from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self, timeout=10.0):
        """Ends its input; returns its exit code."""
        self.process.stdin.close()
        code = self.process.wait(timeout)
        if -code in proc.CRASHES:
            raise AssertionError(f"sotto bot crashed: signal {-code}")
        return code
