"""Long-running programs: a server, and a relay."""
import os
import re
import signal
import subprocess

from . import proc


class Server:
    """A long-running program with a log, killed and started again at will."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.log = world.log(name)
        self.process = None
        self.unexpected = []

    def spawn(self, cmd, env, fault=None):
        """fault: SOTTO_FAULT, e.g. "relay.fsync:3" (a world of @faults)."""
        assert self.process is None or self.process.poll() is not None
        self.note_crash()
        if fault:
            env["SOTTO_FAULT"] = fault
        self.log_at = os.path.getsize(self.log) \
            if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(cmd, env=env, stdout=log,
                                            stderr=log,
                                            stdin=subprocess.DEVNULL,
                                            start_new_session=True)

    def note_crash(self):
        if self.process and self.process.poll() is not None:
            if -self.process.returncode in proc.CRASHES:
                self.unexpected.append(
                    f"{self.name} (signal {-self.process.returncode})")
            self.process = None

    def crash(self):
        self.note_crash()
        return ", ".join(self.unexpected)

    def log_text(self, all=False):
        """What it logged since its last start."""
        with open(self.log, "rb") as f:
            f.seek(0 if all else self.log_at)
            return f.read().decode("utf-8", "replace")

    def wait_log(self, pattern, timeout=20.0):
        """Until a line since its last start matches; the match."""
        def look():
            found = re.search(pattern, self.log_text())
            if not found and self.process.poll() is not None:
                found = re.search(pattern, self.log_text())
                if not found:
                    raise AssertionError(
                        f"{self.name} ended with {self.process.returncode}: "
                        f"{self.log_text()}")
            return found
        return proc.wait_for(f"{self.name} logs {pattern!r}", look, timeout)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, sig, timeout=20.0):
        """Sends it and waits for the end; the exit code (-n: signal n)."""
        self.process.send_signal(sig)
        code = self.process.wait(timeout)
        self.note_crash()
        self.process = None
        return code

    def kill9(self):
        return self.signal(signal.SIGKILL)

    def sigterm(self, timeout=20.0):
        return self.signal(signal.SIGTERM, timeout)

    def wait_end(self, timeout=60.0):
        """Until it ends by itself (at a fault point); the exit code."""
        code = self.process.wait(timeout)
        self.note_crash()
        self.process = None
        return code


class Relay(Server):
    """A sotto-relay. url is what clients take; it keeps its port."""

    def __init__(self, world, name, args):
        super().__init__(world, name)
        self.args = list(args)
        self.data = os.path.join(world.folder, name)
        self.port = 0

    def start(self, fault=None, env=None, args=(), tls=None, preload=None):
        """tls: (certificate, key). preload: a library for LD_PRELOAD."""
        cmd = [self.world.program("sotto-relay"), "--listen",
               f"127.0.0.1:{self.port}", "--data", self.data]
        if tls:
            self.tls = tls
        if getattr(self, "tls", None):
            cmd += ["--tls-cert", self.tls[0], "--tls-key", self.tls[1]]
        environment = self.world.env(**(env or {}))
        if preload:
            environment["LD_PRELOAD"] = preload
        self.spawn(cmd + self.args + list(args), environment, fault)
        found = self.wait_log(r"listening on \S*:(\d+)")
        self.port = int(found.group(1))
        return self

    @property
    def url(self):
        if getattr(self, "tls", None):
            return f"wss://localhost:{self.port}"
        return f"ws://127.0.0.1:{self.port}"

    def restart(self, sig=signal.SIGKILL, **kw):
        if self.running():
            self.signal(sig)
        return self.start(**kw)
