"""The world of one test: a folder, relays, accounts, and their end."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from . import proc, rpc
from .screen import Screen

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))))
LONG = os.environ.get("SOTTO_TEST_LONG") == "1"
LOG_SHOWN = 8000
KEPT_ENV = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")


class World:
    """folder is the test's own (a temporary one when None); all that runs in it
    ends with stop()."""

    def __init__(self, name="world", faults=False, build=None, folder=None):
        self.build = build or os.environ.get("SOTTO_BUILD",
                                             os.path.join(ROOT, "build"))
        if faults:
            self.build = os.path.join(self.build, "faults")
        self.folder = folder or tempfile.mkdtemp(prefix="sotto-test-")
        self.name = name
        self.relays, self.accounts, self.screens = [], [], []
        self.log_files = []

    def program(self, name):
        """The path of a built program."""
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise AssertionError(f"not built: {path}")
        return path

    def env(self, **more):
        env = {k: os.environ[k] for k in KEPT_ENV if k in os.environ}
        env.update(HOME=self.folder, LC_ALL="C.UTF-8", TZ="UTC", TERM="dumb")
        env.update(more)
        return env

    def log(self, name):
        path = os.path.join(self.folder, name + ".log")
        if path not in self.log_files:
            self.log_files.append(path)
        return path

    # What lives in it.

    def relay(self, *args, start=True, **kw):
        """A relay on loopback; args go to sotto-relay. kw: see Relay.start."""
        r = Relay(self, f"relay{len(self.relays) + 1}", args)
        self.relays.append(r)
        return r.start(**kw) if start else r

    def account(self, name, relay=None, **kw):
        """An account of that name, set up at relay unless that is None. kw: see
        Account.init."""
        a = Account(self, name)
        self.accounts.append(a)
        if relay is not None:
            a.init(relay, **kw)
        return a

    def pair(self, *relay_args):
        """(relay, ann, bob) at one relay, contacts of each other."""
        relay = self.relay(*relay_args)
        ann, bob = self.account("ann", relay), self.account("bob", relay)
        ann.add(bob)
        bob.add(ann)
        return relay, ann, bob

    def tls(self):
        """Makes a CA and a certificate of it for localhost and 127.0.0.1, once.
        Returns (ca.pem, cert.pem, key.pem)."""
        ca, cert, key = (os.path.join(self.folder, f)
                         for f in ("ca.pem", "cert.pem", "key.pem"))
        if not os.path.exists(cert):
            make_certificate(self.folder, ca, cert, key)
        return ca, cert, key

    def screen(self, cmd, env, cols=80, rows=24, term="tmux-256color"):
        s = Screen(os.path.join(self.folder, f"s{len(self.screens)}"), cmd, env,
                   cols, rows, term)
        self.screens.append(s)
        return s

    # Its end.

    def stop(self):
        """Kills all that runs. Returns what had crashed, as lines."""
        crashes = [c for r in self.relays if (c := r.crash())]
        crashes += [c for a in self.accounts for c in a.crashes()]
        for s in self.screens:
            s.close()
        return crashes + proc.kill_all()

    def print_logs(self, to):
        """The end of each log, for a test that failed."""
        for path in self.log_files:
            try:
                with open(path, "rb") as f:
                    text = f.read()
            except OSError:
                continue
            if text:
                print(f"-- {os.path.relpath(path, self.folder)}", file=to)
                print(text[-LOG_SHOWN:].decode("utf-8", "replace"), file=to)

    def remove(self, keep=False):
        """Removes the folder; with keep and SOTTO_TEST_KEEP it stays."""
        if keep and os.environ.get("SOTTO_TEST_KEEP"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def make_certificate(folder, ca, cert, key):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True,
                       capture_output=True)
    with open(os.path.join(folder, "ext"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca-key.pem",
            "-out", ca, "-days", "2", "-subj", "/CN=Test CA")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", key, "-out", "csr.pem", "-subj",
            "/CN=localhost")
    openssl("x509", "-req", "-in", "csr.pem", "-CA", ca, "-CAkey",
            "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "ext",
            "-out", cert)


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


class Account:
    """One SOTTO_HOME. A front-end starts the agent when it needs one."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.home = os.path.join(world.folder, name)
        self.data = os.path.join(self.home, "default")
        self.socket = os.path.join(self.home, "run", "default.sock")
        self.recovery_file = os.path.join(world.folder, name + ".recovery")
        self.agent_server = Server(world, name + "-agent")
        self.more_env = {}      # for all programs of this account
        world.log_files.append(os.path.join(self.data, "agent.log"))

    def env(self, **more):
        return self.world.env(SOTTO_HOME=self.home, **{**self.more_env, **more})

    # The command line.

    def run(self, *args, stdin=None, timeout=30.0, env=None, pass_fds=()):
        """`sotto args`; its Result. Without stdin it reads /dev/null."""
        return proc.run([self.world.program("sotto"), *map(str, args)],
                        self.env(**(env or {})), stdin, timeout, pass_fds)

    def sotto(self, *args, **kw):
        """The same; must end with 0. What it printed, without the last
        newline."""
        result = self.run(*args, **kw)
        if result.code != 0:
            raise AssertionError(result)
        return result.out.removesuffix("\n")

    def init(self, relay, passphrase=None, args=()):
        """Sets it up with a key file, or with a passphrase. relay: a Relay, or
        a URL."""
        cmd = ["init", "--relay", getattr(relay, "url", relay), "--name",
               self.name, "--recovery-file", self.recovery_file, *args]
        if passphrase is not None:
            path = os.path.join(self.world.folder, self.name + ".passphrase")
            with open(path, "w") as f:
                f.write(passphrase + "\n")
            cmd += ["--passphrase-file", path]
        self.sotto(*cmd)
        return self

    def link(self):
        return self.sotto("link")

    def add(self, other, name=None):
        """Adds the other account by its link, under its own name."""
        self.sotto("add", other.link(), "--name", name or other.name)

    def id(self):
        """The account id."""
        return self.status()["account"]

    def status(self):
        with_api = self.api()
        try:
            return with_api.call("status")
        finally:
            with_api.close()

    def wait_online(self, timeout=30.0):
        """Until the agent is connected and has all its mail."""
        def online():
            c = self.status()["connection"]
            return c["state"] == "online" and c["caught_up"]
        proc.wait_for(f"{self.name} online", online, timeout)
        return self

    # The agent.

    def start_agent(self, fault=None, env=None):
        """Starts it in the foreground as our child, and waits for its socket.
        Not while another runs."""
        self.agent_server.spawn(
            [self.world.program("sotto-agent"), "--profile", "default",
             "--foreground"], self.env(**(env or {})), fault)

        def up():
            if not self.agent_server.running():
                raise AssertionError(
                    f"{self.name}'s agent ended with "
                    f"{self.agent_server.process.returncode}: "
                    f"{self.agent_server.log_text()}")
            return self.listening()
        proc.wait_for(f"{self.name}'s agent", up)
        return self.agent_server

    def listening(self):
        """Whether an agent accepts on the socket."""
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(self.socket)
        except OSError:
            return False
        finally:
            s.close()
        return True

    def agent_pid(self):
        """None when no agent runs. (Asks it: not for one that hangs.)"""
        try:
            api = rpc.Api(self.socket)
        except OSError:
            return None
        try:
            return api.call("status")["pid"]
        except rpc.Gone:
            return None
        finally:
            api.close()

    def kill_agent(self, sig=signal.SIGKILL):
        """Kills the agent, whoever started it, and waits until it is gone."""
        if self.agent_server.running():
            self.agent_server.signal(sig)
            return
        pid = self.agent_pid()
        if pid:
            proc.kill(pid, sig)

    def stop_agent(self):
        """`sotto stop`, and until it is gone."""
        pid = self.agent_pid()
        self.sotto("stop")
        if pid:
            proc.wait_gone(pid)
        self.agent_server.note_crash()

    def crashes(self):
        crash = self.agent_server.crash()
        return [crash] if crash else []

    # The machine API.

    def api(self):
        """A new connection to the agent; starts one when there is none."""
        try:
            return rpc.Api(self.socket)
        except OSError:
            self.sotto("agent")
            return rpc.Api(self.socket)

    def bot(self, *args, env=None):
        """A new `sotto bot`."""
        return rpc.Bot([self.world.program("sotto"), "bot", *args],
                       self.env(**(env or {})),
                       self.world.log(self.name + "-bot"))

    def history(self, chat, **kw):
        """Messages with a contact (name or id), oldest first."""
        api = self.api()
        try:
            contacts = api.call("contact.list")["contacts"]
            ids = [c["account"] for c in contacts
                   if chat in (c["name"], c["account"])]
            found, more = [], {}
            while True:
                page = api.call("chat.history", chat=ids[0], limit=500,
                                **more, **kw)
                found = page["messages"] + found
                if not page["more"] or not page["messages"]:
                    return found
                more = {"before": page["messages"][0]["id"]}
        finally:
            api.close()

    # The terminal.

    def screen(self, *args, cols=80, rows=24, term="tmux-256color", env=None):
        """`sotto args` in a terminal; without args the TUI."""
        environment = self.env(**(env or {}))
        environment.pop("TERM")     # tmux's own
        return self.world.screen([self.world.program("sotto"), *args],
                                 environment, cols, rows, term)
