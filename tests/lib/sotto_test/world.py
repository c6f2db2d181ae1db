"""The world of one test: a folder, relays, accounts, and their end."""
import os
import shutil
import subprocess
import sys
import tempfile

from . import proc
from .account import Account
from .screen import Screen
from .server import Relay

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
