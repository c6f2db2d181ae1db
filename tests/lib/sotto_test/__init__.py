"""Scenario tests: the real programs, driven from outside.

A test is a function test_* in tests/*/*.py that takes a World:

    from sotto_test import long, timeout

    def test_bob_gets_what_ann_sent(world):
        relay = world.relay()
        ann, bob = world.account("ann", relay), world.account("bob", relay)
        ann.add(bob)
        ann.sotto("send", "bob", "hello", "--wait", "sent")
        event = bob.bot().subscribe(start="start").wait_event(
            lambda e: e["type"] == "message")
        assert event["text"] == "hello"

tests/run gives each its own process. When it ends, all that it started is
killed, and a program that crashed fails it. Wait for events with a deadline
(wait_for, wait_event, Screen.wait_for), never for time to pass.
"""
from .proc import Result, SECOND, wait_for
from .rpc import Api, Bot, Rpc, RpcError
from .screen import Screen
from .world import LONG, Account, Relay, World

__all__ = ["Account", "Api", "Bot", "LONG", "Relay", "Result", "Rpc",
           "RpcError", "SECOND", "Screen", "World", "alone", "faults", "long",
           "root", "scale", "timeout", "wait_for"]

TIMEOUT_S = 60


def _mark(function, **what):
    function.__dict__.setdefault("sotto", {}).update(what)
    return function


def long(function):
    """Runs in `make check-long` alone."""
    return _mark(function, long=True)


def alone(function):
    """Runs while no other test does: it measures time."""
    return _mark(function, alone=True)


def faults(function):
    """Runs the programs of `make FAULTS=1`, which know SOTTO_FAULT."""
    return _mark(function, faults=True)


def root(function):
    """Needs root, and is skipped without."""
    return _mark(function, root=True)


def timeout(seconds, in_long=None):
    """How long it may take instead of 60 s; in_long: in `make check-long`."""
    return lambda f: _mark(f, timeout=in_long if LONG and in_long else seconds)


def scale(usual, in_long):
    """A number that is larger in `make check-long`."""
    return in_long if LONG else usual


def marks(function):
    return dict({"long": False, "alone": False, "faults": False,
                 "root": False,
                 "timeout": TIMEOUT_S}, **getattr(function, "sotto", {}))
