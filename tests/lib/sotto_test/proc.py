"""Processes: run, wait for, kill, and find out which crashed."""
import ctypes
import glob
import os
import select
import signal
import subprocess
import tempfile
import time

SECOND = 1.0
POLL = 0.01
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
           signal.SIGILL, signal.SIGSYS}
PR_SET_CHILD_SUBREAPER = 36


class Result:
    """How a program ended: code (minus the signal when killed), out, err."""

    def __init__(self, cmd, code, out, err):
        self.cmd, self.code, self.out, self.err = cmd, code, out, err

    def __repr__(self):
        return (f"{' '.join(self.cmd)}: ended with {self.code}\n"
                f"stdout: {self.out}\nstderr: {self.err}")


def wait_for(what, predicate, timeout=20.0):
    """Asks again until predicate() is true, and returns that value; raises
    AssertionError with what after timeout seconds. For things that send no
    event: prefer those that do."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(POLL)


def run(cmd, env, stdin=None, timeout=30.0, pass_fds=()):
    """Runs to the end; stdin is text or bytes, none: /dev/null. A crash or a
    time-out raises."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    # communicate() would wait for a daemon that kept our pipes: files do not.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen(
            cmd, env=env, stdout=out, stderr=err, pass_fds=pass_fds,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        late = False
        try:
            p.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            late = True
            p.kill()
            p.wait()
        out.seek(0)
        err.seek(0)
        result = Result(cmd, p.returncode, out.read().decode("utf-8", "replace"),
                        err.read().decode("utf-8", "replace"))
    if late:
        raise AssertionError(f"not done in {timeout} s: {result}")
    if -result.code in CRASHES:
        raise AssertionError(f"crashed: {result}")
    return result


def become_subreaper():
    """Daemons that we started, also through others, become our children."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        text = f.read()
    end = text.rindex(")")
    name = text[text.index("(") + 1:end]
    state, parent = text[end + 2:].split()[:2]
    return name, state, int(parent)


def descendants(of=None):
    """{pid: name} of all below a process (default: this one), not zombies."""
    table = {}
    for path in glob.glob("/proc/[0-9]*"):
        try:
            table[int(path[6:])] = _stat(path[6:])
        except OSError:
            pass
    found, level = {}, [of or os.getpid()]
    while level:
        level = [pid for pid, s in table.items() if s[2] in level]
        found.update((pid, table[pid][0]) for pid in level
                     if table[pid][1] != "Z")
    return found


def alive(pid):
    try:
        return _stat(pid)[1] != "Z"
    except OSError:
        return False


def wait_gone(pid, timeout=10.0):
    """Until the process has ended (it may be anybody's child)."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([fd], [], [], timeout)
    finally:
        os.close(fd)
    if not ready:
        raise AssertionError(f"process {pid} did not end in {timeout} s")


def kill(pid, sig=signal.SIGKILL, timeout=10.0):
    """Sends a signal and waits until the process is gone."""
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return
    wait_gone(pid, timeout)


def kill_all():
    """Kills all below us, children before what they would start, until none
    is left. Returns those that had crashed: ["pid 12 (signal 11)", ...]."""
    crashes = []
    for _ in range(50):
        pids = descendants()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        crashes += reap()
        if not pids:
            return crashes
        for pid in pids:
            try:
                wait_gone(pid)
            except AssertionError as e:
                crashes.append(str(e))
    return crashes


def reap():
    """Takes all dead children; returns those that crashed."""
    crashes = []
    while True:
        try:
            # Look before taking: what is dead still has its name.
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None:
                return crashes
            try:
                name = _stat(dead.si_pid)[0]
            except OSError:
                name = "a program"      # it left between the two looks
            _, status = os.waitpid(dead.si_pid, 0)
        except ChildProcessError:
            return crashes
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in CRASHES:
            crashes.append(f"{name}, pid {dead.si_pid} "
                           f"(signal {os.WTERMSIG(status)})")
