"""The agent on a disk that is full, read-only, or has damaged its store."""
import contextlib
import os
import subprocess

from sotto_test import RpcError, root, wait_for
from sotto_test.talk import acquaint, incoming


@contextlib.contextmanager
def small_disk(account, kib):
    """The account's home, not yet made, on a disk of its own. Gives a function
    that mounts it again with an option."""
    os.makedirs(account.home, mode=0o700)

    def mount(*options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(
            ("mode=0700", f"size={kib}k") + options), "tmpfs", account.home],
            check=True)
    mount()
    try:
        yield lambda option: mount("remount", option)
    finally:
        account.kill_agent()
        subprocess.run(["umount", "--lazy", account.home], check=True)


def fill(folder):
    """Until not a page fits. Returns the file."""
    path = os.path.join(folder, "filler")
    for size in (65536, 4096):
        with contextlib.suppress(OSError), open(path, "ab", 0) as f:
            while f.write(b"x" * size) == size:
                pass
    return path


@root
def test_full_disk_loses_nothing_and_says_so(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob")
    with small_disk(bob, 8192):
        bob.init(relay)
        ann.add(bob)
        bob.add(ann)
        acquaint(ann, bob)
        filler = fill(bob.home)
        texts = [f"while the disk is full {i}" for i in range(100)]
        for t in texts:
            ann.sotto("send", "bob", t, "--wait", "sent")
        pid = bob.agent_pid()
        result = bob.run("send", "ann", "does this fit?" * 2000)
        assert result.code == 2 and result.out == "", result
        assert "disk" in result.err and result.err.count("\n") == 1, result
        assert bob.agent_pid() == pid, "the agent did not live through it"
        os.unlink(filler)
        wait_for("all came", lambda: [
            m["text"] for m in incoming(bob, "ann")][-100:] == texts, 60)
        assert bob.agent_pid() == pid
        bob.sotto("send", "ann", "now it does", "--wait", "delivered",
                  timeout=40)
        assert [m["text"] for m in incoming(ann, "bob")][-1] == "now it does"


@root
def test_read_only_disk_is_named(world):
    relay = world.relay()
    bob = world.account("bob")
    with small_disk(bob, 8192) as remount:
        bob.init(relay)
        bob.stop_agent()
        remount("ro")
        result = bob.run("status")
        assert result.code in (2, 8), result
        assert "read-only" in result.err.lower(), result
        remount("rw")
        bob.wait_online()


def test_damaged_store_is_named_and_left_alone(world):
    relay, ann, bob = world.pair()
    acquaint(ann, bob)
    for i in range(30):
        ann.sotto("send", "bob", f"{i} " + "words " * 200)
    bob.stop_agent()
    store = os.path.join(bob.data, "account.db")
    size = os.path.getsize(store)
    with open(store, "r+b") as f:
        for at in range(4096, size, 8192):
            f.seek(at + 100)
            f.write(os.urandom(64))
    with open(store, "rb") as f:
        damaged = f.read()
    for _ in range(3):
        result = bob.run("recv", "--timeout", "1")
        assert result.code == 2, result
        assert "damaged" in result.err, result
        assert result.err.count("\n") == 1, result
    with open(store, "rb") as f:
        assert f.read() == damaged
    try:
        state = bob.status()
    except RpcError as e:
        state = str(e)
    assert "damaged" in str(state), state
