"""What scenarios do with accounts that talk."""
import time

from . import proc


def acquaint(ann, bob):
    """Contacts of each other who have answered: mail goes with contact
    capabilities, receipts come at once."""
    for a in (ann, bob):
        a.sotto("config", "set", "receipt-delay-max", "0")
    for a, b in ((ann, bob), (bob, ann)):
        a.sotto("send", b.name, f"{a.name} says hello", "--wait", "delivered",
                timeout=40)
    return ann, bob


def send_all(rpc, to, texts, timeout=60.0):
    """Sends all without waiting between them; returns their ids once all are
    durable."""
    numbers = [rpc.request("message.send", to=to, text=t) for t in texts]
    return [rpc.answer(n, timeout)["id"] for n in numbers]


def take_messages(rpc, cursor, count, timeout=60.0):
    """Acknowledges events of the cursor until count messages have come, of
    which returns the events, in order. The connection has subscribed."""
    deadline = time.monotonic() + timeout
    acked = 0

    def enough():
        nonlocal acked
        events = rpc.events()
        found = [e for e in events if e["type"] == "message"]
        if events and events[-1]["seq"] > acked:
            acked = events[-1]["seq"]
            rpc.ack(cursor, acked)
        return found if len(found) >= count else None
    try:
        return proc.wait_for(f"{count} messages", enough,
                             deadline - time.monotonic())
    except AssertionError as e:
        got = [m["text"] for m in rpc.events("message")]
        raise AssertionError(f"{e}; {len(got)} came, the last {got[-3:]}") \
            from None


def incoming(account, chat):
    """What an account has stored from a contact, oldest first."""
    return [m for m in account.history(chat) if not m["outgoing"]]


def alerts(account, name):
    """The alert that stands for a contact; None."""
    api = account.api()
    try:
        return next(c["alert"] for c in api.call("contact.list")["contacts"]
                    if c["name"] == name)
    finally:
        api.close()
