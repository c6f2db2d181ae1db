"""What an operator meets: few descriptors, a full disk, file modes."""
import asyncio
import os
import resource
import socket
import stat

from relay_client import Account, Owner, Sender, statuses


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
