"""What an operator meets: few descriptors, a full disk, file modes."""
import asyncio
import contextlib
import os
import resource
import socket
import stat
import subprocess

from relay_client import Account, Owner, Sender, pb, statuses
from sotto_test import root


def with_limits(world, line):
    """sotto-relay with a shell's `line` before it."""
    real = world.program("sotto-relay")
    path = os.path.join(world.folder, "limited")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\n{line}\nexec {real} \"$@\"\n")
    os.chmod(path, 0o755)
    program = world.program
    world.program = lambda name: path if name == "sotto-relay" \
        else program(name)


async def exchange(url, bob, owner):
    cap, = await owner.mint()
    async with Sender(url) as s:
        m = s.envelope(bob, cap)
        await s.send(send=m)
        d = await owner.expect("deliver")
        await owner.ack(d.sequence)
        return statuses(await s.expect("sent"))


async def crowd(relay):
    """More sockets than descriptors: the store keeps some for itself."""
    bob = Account()
    stuck = []
    async with Owner(relay.url, bob) as o:
        await o.caught_up()
        for _ in range(600):
            s = socket.socket()
            s.connect(("127.0.0.1", relay.port))
            stuck.append(s)
        # The store has to open files for this.
        cap, = await o.mint()
        name, _ = await o.request("revoke", ids=[os.urandom(12)])
        assert name == "done", name
        assert len(os.listdir(f"/proc/{relay.process.pid}/fd")) < 400
        for s in stuck:
            s.close()
        for _ in range(100):
            try:
                assert await exchange(relay.url, bob, o) == ["ACCEPTED"]
                return
            except (OSError, EOFError):
                await asyncio.sleep(0.1)
        assert False, "it takes nobody any more"


def test_many_sockets_leave_the_store_its_descriptors(world):
    with_limits(world, "ulimit -n 512")
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    relay = world.relay()
    asyncio.run(crowd(relay))
    assert "storage" not in relay.log_text(), relay.log_text()
    assert relay.sigterm() == 0


def modes(folder):
    for path, dirs, files in os.walk(folder):
        for name in dirs + files:
            full = os.path.join(path, name)
            yield full, stat.S_IMODE(os.lstat(full).st_mode)


def test_files_are_for_the_relay_alone(world):
    """The store holds the key of all capabilities, also where the folder was
    made by somebody else."""
    with_limits(world, "umask 022")
    relay = world.relay(start=False)
    os.mkdir(relay.data, 0o755)
    os.mkdir(os.path.join(relay.data, "store"), 0o755)
    relay.start()
    relay.sigterm()
    open_ = [(p, oct(m)) for p, m in modes(relay.data) if m & 0o077]
    assert not open_, open_


@contextlib.contextmanager
def small_disk(relay, size):
    os.mkdir(relay.data, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,size={size}",
                    "tmpfs", relay.data], check=True)
    try:
        yield
    finally:
        if relay.running():
            relay.sigterm()
        subprocess.run(["umount", "--lazy", relay.data], check=True)


def fill(folder):
    path = os.path.join(folder, "filler")
    for size in (65536, 4096):
        with contextlib.suppress(OSError), open(path, "ab", 0) as f:
            while f.write(b"x" * size) == size:
                pass
    return path


async def full(relay):
    ann, bob = Account(), Account()
    async with Owner(relay.url, ann) as a:
        await a.caught_up()
        cap_ann, = await a.mint()
    async with Owner(relay.url, bob) as b, Sender(relay.url) as s:
        await b.caught_up()
        cap_bob, = await b.mint()
        filler = fill(relay.data)
        # Until what the store allocated before is used up.
        for _ in range(2000):
            m = s.envelope(ann, cap_ann, payload=bytes(32768))
            if await s.post(m) == ["STORE_FAILED"]:
                break
        for _ in range(200):
            assert await s.post(m) == ["STORE_FAILED"]
        # Who is there to acknowledge needs no disk.
        assert await exchange(relay.url, bob, b) == ["ACCEPTED"]
        os.unlink(filler)
        for _ in range(50):
            if await s.post(m) == ["ACCEPTED"]:
                break
            await asyncio.sleep(0.2)
        else:
            assert False, "it does not come back by itself"
    async with Owner(relay.url, ann, token=a.token) as a:
        while True:
            d = await a.expect("deliver")
            await a.ack(d.sequence)
            if d.envelope == m.id:
                break


@root
def test_full_disk_is_said_and_over_by_itself(world):
    relay = world.relay("--reserve", "192M", start=False)
    with small_disk(relay, "320M"):
        relay.start()
        asyncio.run(full(relay))
        log = relay.log_text()
        assert "disk full" in log, log
        assert log.count("\n") < 60, log


async def flooded(relay):
    """Mail until the disk takes no more: whoever fetches is still served, and so
    makes room."""
    people = [Account() for _ in range(40)]
    caps, tokens = [], []
    for p in people:
        async with Owner(relay.url, p) as o:
            await o.caught_up()
            caps += await o.mint()
            tokens.append(o.token)
    async with Sender(relay.url) as s:
        for p, cap in zip(people, caps):
            ms = [s.envelope(p, cap, payload=os.urandom(32768))
                  for _ in range(100)]
            await s.frame([pb.ClientMessage(send=m) for m in ms])
            got = [statuses(await s.expect("sent")) for _ in ms]
            if ["STORE_FAILED"] in got:
                break
        else:
            assert False, "it took more than there is"
    for p, token in zip(people[:10], tokens):
        async with Owner(relay.url, p, token=token) as o:
            for _ in range(100):
                await o.ack((await o.expect("deliver")).sequence)
            await o.expect("caught_up")
            # Somebody can be blocked now as well.
            name, _ = await o.request("revoke", ids=[os.urandom(12)])
            assert name == "done"
            tokens[people.index(p)] = o.token
    async with Sender(relay.url) as s:
        for _ in range(100):
            if await s.post(s.envelope(people[0], caps[0])) == ["ACCEPTED"]:
                break
            await asyncio.sleep(0.3)
        else:
            assert False, "acknowledged mail leaves no room"


@root
def test_disk_filled_by_mail_serves_those_who_fetch(world):
    relay = world.relay("--reserve", "192M", start=False)
    with small_disk(relay, "320M"):
        relay.start()
        asyncio.run(flooded(relay))
