"""A program in a terminal: tmux on a socket of its own."""
import os
import signal
import subprocess
import time

from .proc import POLL


class Screen:
    """One program in one pane of cols x rows. term is what TERM says in it."""

    def __init__(self, folder, cmd, env, cols=80, rows=24,
                 term="tmux-256color"):
        os.makedirs(folder, exist_ok=True)
        self.socket = os.path.join(folder, "tmux")
        self.env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                    "HOME": folder, "TERM": "xterm-256color",
                    "TMUX_TMPDIR": folder}
        conf = os.path.join(folder, "tmux.conf")
        with open(conf, "w") as f:
            f.write("set -g status off\nset -g remain-on-exit on\n"
                    "set -sg escape-time 0\nset -g history-limit 1000\n"
                    f"set -g default-terminal {term}\n"
                    "set -g focus-events on\n")
        # The pane's environment is that of the server, which is ours alone.
        self.env.update(env)
        subprocess.run(["tmux", "-u", "-S", self.socket, "-f", conf,
                        "new-session", "-d", "-s", "t", "-x", str(cols),
                        "-y", str(rows), *cmd],
                       env=self.env, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)

    def tmux(self, *args, stdin=None):
        p = subprocess.run(["tmux", "-u", "-S", self.socket, *args],
                           env=self.env, input=stdin, check=True,
                           capture_output=True)
        return p.stdout.decode("utf-8", "replace")

    def keys(self, *names):
        """Key names of tmux(1): Enter, C-w, M-b, F1, Up ..."""
        self.tmux("send-keys", "-t", "t", *names)

    def type(self, text):
        """Text as if typed, without Enter."""
        self.tmux("send-keys", "-t", "t", "-l", "--", text)

    def paste(self, text):
        """As a terminal's paste, bracketed when the program asked for it."""
        self.tmux("load-buffer", "-", stdin=text.encode())
        self.tmux("paste-buffer", "-p", "-r", "-d", "-t", "t")

    def capture(self, styles=False):
        """The lines on the screen, without trailing blanks; with styles, with
        the SGR sequences in them."""
        text = self.tmux("capture-pane", "-p", "-t", "t",
                         *(["-e"] if styles else []))
        return [line.rstrip() for line in text.split("\n")][:-1]

    def text(self):
        return "\n".join(self.capture())

    def cursor(self):
        """(column, row), from 0."""
        x, y = self.tmux("display-message", "-p", "-t", "t",
                         "#{cursor_x} #{cursor_y}").split()
        return int(x), int(y)

    def size(self):
        w, h = self.tmux("display-message", "-p", "-t", "t",
                         "#{pane_width} #{pane_height}").split()
        return int(w), int(h)

    def resize(self, cols, rows):
        self.tmux("resize-window", "-t", "t", "-x", str(cols), "-y", str(rows))

    def pid(self):
        return int(self.tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))

    def ended(self):
        """None while the program runs, then its exit code (-n: signal n)."""
        dead, code, sig = self.tmux(
            "display-message", "-p", "-t", "t",
            "#{pane_dead};#{pane_dead_status};#{pane_dead_signal}"
        ).strip().split(";")
        # Its output may end before tmux knows how it ended.
        if dead != "1" or not (code or sig):
            self._nudge()
            return None
        return int(code) if code else -int(sig)

    def _nudge(self):
        """tmux 3.3a at times sleeps over a SIGCHLD and leaves a zombie."""
        server, pid = self.tmux("display-message", "-p", "-t", "t",
                                "#{pid} #{pane_pid}").split()
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":
                    os.kill(int(server), signal.SIGCHLD)
        except OSError:
            pass

    def wait_for(self, what, timeout=20.0):
        """Until the screen has a text, or until what(lines) is true; the lines.
        After timeout seconds AssertionError with the screen."""
        fits = what if callable(what) else \
            lambda lines: what in "\n".join(lines)
        deadline = time.monotonic() + timeout
        while True:
            lines = self.capture()
            if fits(lines):
                return lines
            if time.monotonic() > deadline:
                raise AssertionError(f"not on the screen in {timeout} s: "
                                     f"{what}\n" + framed(lines))
            time.sleep(POLL)

    def wait_ended(self, timeout=20.0):
        """The exit code."""
        deadline = time.monotonic() + timeout
        while True:
            code = self.ended()
            if code is not None:
                return code
            if time.monotonic() > deadline:
                raise AssertionError("still runs:\n" + framed(self.capture()))
            time.sleep(POLL)

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], env=self.env,
                       capture_output=True, check=False)


def framed(lines):
    width = max([len(line) for line in lines] + [1])
    edge = "+" + "-" * width + "+"
    return "\n".join([edge] + [f"|{x.ljust(width)}|" for x in lines] + [edge])
