"""What the relay of a recipient can learn of the sender: nothing that is looked
for here. And what lies about on the clients' disks."""
import base64
import ctypes
import os
import re
import subprocess

from people import base32
from relay_client import pb
from relay_wire import said
from sotto_test import proc, timeout
from sotto_test.preload import READABLE, preload
from sotto_test.store import Store
from sotto_test.wire import DOWN, UP, Wire

ANN, BOB = "Annemarie-as-she-calls-herself", "Robert-as-he-calls-himself"
ANN_AT_BOB, BOB_AT_ANN = "Aennchen-in-the-phone-book", "Bobby-in-the-phone-book"
NAMES = (ANN, BOB, ANN_AT_BOB, BOB_AT_ANN)
SECRET = "the-plain-text-number-%d-"
LENGTHS = (30, 300, 700, 5000, 30000)
BUCKETS = {n + 40 for n in (512, 2048, 8192, 32768)}    # nonce and MAC
SEALED = {320, 2048}
PAGE = 4096
PR_CAPBSET_DROP, CAP_SYS_PTRACE = 24, 19


def texts(who):
    return [(who + "-" + SECRET % i).ljust(n, "x")
            for i, n in enumerate(LENGTHS)]


def forms(data):
    """The ways in which bytes could be written somewhere."""
    return [data, data.hex().encode(), data.hex().upper().encode(),
            base32(data).encode(), base64.b64encode(data).rstrip(b"="),
            base64.urlsafe_b64encode(data).rstrip(b"=")]


def needles(things):
    """{what: [bytes to look for]} of {what: bytes or str}."""
    found = {}
    for what, thing in things.items():
        if isinstance(thing, str):
            found[what] = [thing.encode()]
        else:
            assert len(thing) >= 12, what
            found[what] = forms(thing)
    return found


def found_in(data, things):
    return [what for what, all in needles(things).items()
            if any(n in data for n in all)]


def written(part):
    """The pages that are not zero: most are."""
    zero = bytes(PAGE)
    pages = (part[i:i + PAGE] for i in range(0, len(part), PAGE))
    return b"".join(p for p in pages if p != zero)


def memory(pid):
    """All that a process has written to its memory."""
    out = []
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            at, access = line.split()[:2]
            if not access.startswith("rw") or "[v" in line:
                continue
            start, end = (int(x, 16) for x in at.split("-"))
            try:
                mem.seek(start)
                while start < end:
                    part = mem.read(end - start)
                    if not part:
                        break
                    out.append(written(part))
                    start += len(part)
            except OSError:
                pass    # a guard page
    return b"".join(out)


def files(folder, but=()):
    """What stands in all files below."""
    out = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path) and name not in but:
                with open(path, "rb") as f:
                    out.append(name.encode() + b"\0" + f.read())
    return b"\0".join(out)


def readable_relay(world):
    if os.getuid() == 0:
        return world.relay()
    return world.relay(preload=preload(world, "readable", READABLE))


def sender_things(wire):
    """All that ann's own relay was told of her, which bob's must not know."""
    auth = said(wire, UP, "auth")[0].body
    device, = auth.list.devices
    things = {
        "account": auth.account, "account in base32": base32(auth.account),
        "root key": auth.list.certificate.root_public_key,
        "list key": auth.list.certificate.list_public_key,
        "identity key": device.identity_key[1:], "auth key": device.auth_key,
        "list's signature": auth.list.signature,
        "seal key": auth.bundle.seal_key.public_key,
        "signed prekey": auth.bundle.signed_prekey[1:],
        "relay": f"127.0.0.1:{wire.port}",
    }
    for m in said(wire, UP, "put_prekeys"):
        for key in m.body.prekeys:
            things[f"prekey {key.id}"] = key.key[1:]
    for m in said(wire, DOWN, "minted"):
        for i, cap in enumerate(m.body.capabilities):
            things[f"capability {m.body.request}.{i}"] = cap
    assert len(things) > 50
    return things


def check_relay(relay, wire, secrets, allowed):
    """allowed shows that what is there is found."""
    places = {"memory": memory(relay.process.pid), "data": files(relay.data),
              "wire": wire.bytes()}
    with open(relay.log, "rb") as f:
        log = f.read()
    for place, data in places.items():
        assert found_in(data, allowed) == list(allowed), place
        assert found_in(data, secrets) == [], place
    assert found_in(log, {"start": "listening on"}) == ["start"]
    assert found_in(log, {**secrets, **allowed}) == []


def check_sizes(wire):
    sends = [m.body for m in said(wire, UP, "send")]
    delivers = [m.body for m in said(wire, DOWN, "deliver")]
    assert {len(m.payload) for m in sends + delivers} == BUCKETS
    seals = {len(s.sealed) for m in sends for s in m.slots} | \
        {len(m.sealed) for m in delivers}
    assert seals == SEALED, seals
    for m in sends:
        assert len(m.slots) == 1 and len(m.ephemeral_key) == 32


def check_anonymous(wire):
    """Who sends has said nothing of itself, neither by HTTP."""
    senders = {m.link for m in said(wire, UP, "hello")
               if m.body.role == pb.SENDER}
    assert senders
    for m in said(wire, UP):
        if m.link in senders:
            assert m.kind in ("hello", "send", "fetch"), m.kind
    for m in wire.recorded(UP, 0):
        names = {line.split(b":")[0].lower()
                 for line in m.data.split(b"\r\n")[1:] if line}
        assert names <= {b"host", b"upgrade", b"connection", b"origin",
                         b"sec-websocket-key", b"sec-websocket-protocol",
                         b"sec-websocket-version", b"pragma",
                         b"cache-control"}, names


def set_up(world):
    relays = readable_relay(world), world.relay()
    wires = [Wire(r) for r in relays]
    ann, bob = world.account("ann"), world.account("bob")
    # The later --name stands.
    ann.init(wires[1], args=("--name", ANN))
    bob.init(wires[0], args=("--name", BOB))
    for a in (ann, bob):
        a.sotto("config", "set", "receipt-delay-max", "0")
    ann.add(bob, BOB_AT_ANN)
    bob.add(ann, ANN_AT_BOB)
    return relays, wires, ann, bob


def talk(ann, bob):
    for a, to, who in ((ann, BOB_AT_ANN, "ann"), (bob, ANN_AT_BOB, "bob")):
        for text in texts(who):
            a.sotto("send", to, text, "--wait", "delivered")


def secrets_of_client(account):
    """The private halves in its store, the store's key, and what was said."""
    store = Store(account)
    things = {"store's key": bytes.fromhex(store.key)}
    for name in ("key-list", "key-auth", "key-identity"):
        things[name] = store.value(name)[:32]
    for table in ("prekey", "signed_prekey", "seal_key"):
        for i, (secret,) in enumerate(store.rows(["secret"], f"FROM {table}")):
            things[f"{table} {i}"] = secret
    for i, (record,) in enumerate(store.rows(["record"], "FROM session")):
        things[f"session {i}"] = record[-64:]
    assert len(things) > 50
    return things


@timeout(90)
def test_recipients_relay_learns_nothing_of_the_sender(world):
    (relay, _), (wire, senders), ann, bob = set_up(world)
    talk(ann, bob)
    bob.stop_agent()
    ann.sotto("send", BOB_AT_ANN, "ann-" + SECRET % 9, "--wait", "sent")
    account = said(wire, UP, "auth")[0].body.account
    secrets = {**sender_things(senders), "text of ann": "ann-" + SECRET[:20],
               "text of bob": "bob-" + SECRET[:20],
               **{n: n for n in NAMES}}
    check_relay(relay, wire, secrets, {"recipient": account})
    bob.wait_online()
    proc.wait_for("the last text", lambda: bob.history(ANN_AT_BOB)[-1]
                  ["text"] == "ann-" + SECRET % 9)
    check_relay(relay, wire, secrets, {"recipient": account})
    relay.sigterm()
    assert found_in(files(relay.data), secrets) == []
    check_sizes(wire)
    check_anonymous(wire)
    check_anonymous(senders)


def test_clients_files_hold_no_text_no_name_and_no_key(world):
    _, _, ann, bob = set_up(world)
    talk(ann, bob)
    for a, own in ((ann, ANN), (bob, BOB)):
        things = {**secrets_of_client(a),
                  "text of ann": "ann-" + SECRET[:20],
                  "text of bob": "bob-" + SECRET[:20],
                  "account in base32": a.id(),
                  **{n: n for n in NAMES}}
        for running in (True, False):
            if not running:
                a.stop_agent()
            held = files(a.home, but=("key", "sotto.conf")) + log_of(world, a)
            assert found_in(held, things) == [], running
        # One's own name is a setting, and the key file is the key.
        with open(os.path.join(a.data, "sotto.conf"), "rb") as f:
            assert found_in(f.read(), things) == [own]
        with open(os.path.join(a.data, "key"), "rb") as f:
            assert found_in(f.read(), things) == ["store's key"]


def log_of(world, account):
    out = b""
    for path in world.log_files:
        if os.path.basename(path).startswith(account.name) and \
                os.path.exists(path):
            with open(path, "rb") as f:
                out += f.read()
    return out


def may_read(pid):
    """Whether a process with our rights, and no more, may look into it."""
    with open(os.devnull, "wb") as null:
        return subprocess.run(["readlink", f"/proc/{pid}/exe"], stdout=null,
                              stderr=null).returncode == 0


def status_of(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{name}:\s+(\d+)", f.read(), re.M)[1])


def test_no_core_no_debugger_and_no_swap_of_secrets(world):
    # Root could always look: what we start may not, no more than a user.
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0)
    relay, ann, bob = world.pair()
    ann.sotto("send", "bob", "hello", "--wait", "sent")
    other = subprocess.Popen(["sleep", "60"])
    assert may_read(other.pid)
    for pid in (ann.agent_pid(), bob.agent_pid(), relay.process.pid):
        assert not may_read(pid)
        with open(f"/proc/{pid}/limits") as f:
            line = next(x for x in f if x.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"], line
    for pid in (ann.agent_pid(), bob.agent_pid()):
        assert status_of(pid, "VmLck") > 0
    other.kill()
