"""python3 -m sotto_test list FILE | run FILE TEST: what tests/run calls."""
import importlib.util
import json
import os
import signal
import sys
import traceback

import sotto_test
from sotto_test import proc


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("scenario", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tests(module):
    return {name: f for name, f in vars(module).items()
            if name.startswith("test_") and callable(f)}


def list_tests(path):
    print(json.dumps([dict(sotto_test.marks(f), name=name)
                      for name, f in tests(load(path)).items()]))
    return 0


SKIPPED = 77


class TimedOut(Exception):
    pass


def on_alarm(_signal, _frame):
    raise TimedOut("the test took too long")


def run_test(path, name):
    proc.become_subreaper()
    function = tests(load(path))[name]
    marks = sotto_test.marks(function)
    if marks["root"] and os.geteuid() != 0:
        return SKIPPED
    world = sotto_test.World(name, faults=marks["faults"])
    ok = True
    # A shell's background job has these ignored, and so would what we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(marks["timeout"])
    try:
        function(world)
    except BaseException:
        ok = False
        traceback.print_exc()
    signal.alarm(0)
    crashes = world.stop()
    for crash in crashes:
        print(f"crashed: {crash}", file=sys.stderr)
    ok = ok and not crashes
    if not ok:
        world.print_logs(sys.stderr)
    world.remove(keep=not ok)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that still read from a dead program need no wait.
    os._exit(0 if ok else 1)


def main():
    match sys.argv[1:]:
        case ["list", path]:
            return list_tests(path)
        case ["run", path, name]:
            return run_test(path, name)
    print(__doc__, file=sys.stderr)
    return 1


sys.exit(main())
