"""People one has not accepted: what they may do, and what they get to know."""
from sotto_test import proc
from sotto_test.talk import incoming


def state_of(account, other):
    api = account.api()
    try:
        found = [c for c in api.call("contact.list")["contacts"]
                 if c["account"] == other]
    finally:
        api.close()
    return found[0]["state"] if found else None


def written_to(world):
    """bob has ann's link and has written."""
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    bob.add(ann)
    bob.sotto("send", "ann", "hello", "--wait", "sent", "--timeout", "20")
    proc.wait_for("the request", lambda: state_of(ann, bob.id()) == "request")
    return ann, bob


def test_unblocking_somebody_does_not_accept_them(world):
    ann, bob = written_to(world)
    ann.sotto("block", bob.id())
    assert state_of(ann, bob.id()) == "blocked"
    ann.sotto("block", bob.id(), "--undo")
    assert state_of(ann, bob.id()) == "request"
    result = bob.run("send", "ann", "still there?", "--wait", "delivered",
                     "--timeout", "3")
    assert result.code == 7, result
    proc.wait_for("the second message", lambda: len(
        incoming(ann, bob.id())) == 2)
    ann.sotto("accept", bob.id())
    bob.sotto("send", "ann", "and now?", "--wait", "delivered", "--timeout",
              "20")
    # Who was accepted once stays a contact.
    ann.sotto("block", bob.id())
    ann.sotto("block", bob.id(), "--undo")
    assert state_of(ann, bob.id()) == "contact"


def test_somebody_called_as_another_account_is_no_address(world):
    relay = world.relay()
    ann, bob = world.account("ann", relay), world.account("bob", relay)
    eve = world.account("eve").init(relay, args=["--name", bob.id().upper()])
    ann.add(bob)
    eve.add(ann)
    eve.sotto("send", "ann", "it is me", "--wait", "sent", "--timeout", "20")
    proc.wait_for("the request", lambda: state_of(ann, eve.id()) == "request")
    ann.sotto("send", bob.id(), "for bob", "--wait", "sent", "--timeout", "20")
    assert state_of(ann, eve.id()) == "request"


def test_who_was_removed_and_added_again_raises_no_alarm(world):
    _relay, ann, bob = world.pair()
    ann.sotto("send", "bob", "one", "--wait", "delivered", "--timeout", "20")
    bob.sotto("send", "ann", "two", "--wait", "delivered", "--timeout", "20")
    ann.sotto("remove", "bob")
    ann.add(bob)
    ann.sotto("send", "bob", "three", "--wait", "delivered", "--timeout", "20")
    bob.sotto("send", "ann", "four", "--wait", "delivered", "--timeout", "20")
    assert [m["text"] for m in incoming(bob, ann.id())] == ["one", "three"]
    assert [m["text"] for m in incoming(ann, bob.id())] == ["four"]
