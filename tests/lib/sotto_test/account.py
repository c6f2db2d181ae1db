"""An account of a test: its commands, agent, API and terminal."""
import os
import signal
import socket

from . import proc, rpc
from .server import Server


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
