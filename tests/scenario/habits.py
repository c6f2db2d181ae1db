"""What a clean clone relies on: what is installed, run and counted."""
import importlib.machinery
import importlib.util
import os
import stat
import subprocess

from sotto_test import proc, timeout
from sotto_test.world import ROOT


def fake(folder, name, script):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + script + "\n")
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def deps(world, *args):
    """As a user of a machine on which nothing is installed."""
    fake(world.folder, "id", "echo 1000")
    fake(world.folder, "dpkg-query", "exit 1")
    env = world.env()
    env["PATH"] = world.folder + ":" + env["PATH"]
    return proc.run([os.path.join(ROOT, "packaging", "deps"), *args], env)


def test_deps_shows_the_command_to_who_is_not_root(world):
    result = deps(world, "build")
    names = proc.run([os.path.join(ROOT, "packaging", "deps"), "--list",
                      "build"], world.env()).out.split()
    assert result.code == 1
    assert "libsqlcipher-dev" in names
    line = "sudo apt-get install -y --no-install-recommends "
    assert [x.strip() for x in result.out.splitlines()
            if line in x] == [line + " ".join(names)]


def test_deps_refuses_an_unknown_purpose(world):
    result = deps(world, "biuld")
    assert result.code == 1 and "usage" in result.err


def runner():
    path = os.path.join(ROOT, "tests", "run")
    loader = importlib.machinery.SourceFileLoader("runner", path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("runner", loader))
    loader.exec_module(module)
    return module


def test_runner_counts_a_program_that_dies_or_runs_nothing(world):
    def counts(code, text):
        cases = runner().judge_tap("x")(code, text)
        return [sum(1 for c in cases if c[1] is ok)
                for ok in (True, False, None)]
    two = "1..2\nok 1 - a\nok 2 - b\n"
    assert counts(0, two) == [2, 0, 0]
    assert counts(-11, two) == [2, 1, 0]
    assert counts(0, "") == [0, 1, 0]
    assert counts(0, "1..2\nok 1 - a\n") == [1, 1, 0]
    assert counts(1, "1..2\nok 1 - a\nnot ok 2 - b\n") == [1, 1, 0]
    assert counts(0, "1..2\nok 1 - a\nok 2 - b # SKIP no\n") == [1, 0, 1]
    assert runner().judge_corpus("x")(0, "0 inputs\n")[0][1] is False


def make_install(world, prefix):
    # As it was built, with whatever compiler and flags that was.
    subprocess.run(["make", "-s", "install", "-o", "all", f"B={world.build}",
                    f"PREFIX={prefix}"], cwd=ROOT, check=True,
                   env=world.env(), stdout=subprocess.DEVNULL)


def test_installed_programs_find_each_other(world):
    prefix = os.path.join(world.folder, "prefix")
    make_install(world, prefix)
    for path in ("bin/sotto", "sbin/sotto-relay", "libexec/sotto/sotto-agent",
                 "libexec/sotto/sotto-tui", "share/man/man1/sotto.1",
                 "share/man/man8/sotto-relay.8"):
        assert os.path.exists(os.path.join(prefix, path)), path
    relay = world.relay()
    ann = world.account("ann")
    sotto = os.path.join(prefix, "bin", "sotto")
    for args in (["init", "--relay", relay.url], ["status"]):
        result = proc.run([sotto, *args], ann.env())
        assert result.code == 0, result


def test_try_on_a_terminal_opens_the_chat_and_leaves_nothing(world):
    folder = os.path.join(world.folder, "try")
    env = world.env()
    env.pop("TERM")
    screen = world.screen([os.path.join(ROOT, "packaging", "try"), "--build",
                           world.build, "--folder", folder], env)
    screen.wait_for("Write something")
    screen.type("hello")
    screen.keys("Enter")
    screen.wait_for("Robin is typing")
    screen.wait_for("Got it.")
    screen.keys("C-c", "C-c")
    assert screen.wait_ended() == 0, screen.text()
    assert not os.path.exists(folder)
    assert set(proc.descendants().values()) <= {"tmux: server"}


@timeout(120)
def test_try_without_a_terminal_shows_each_state_and_leaves_nothing(world):
    folder = os.path.join(world.folder, "try")
    result = proc.run([os.path.join(ROOT, "packaging", "try"), "--build",
                       world.build, "--folder", folder], world.env(),
                      timeout=100)
    assert result.code == 0, result
    lines = [x.strip() for x in result.out.splitlines()]
    for state in ("sent", "delivered", "read"):
        assert lines.count(state) == 4, result
    assert "Robin: It does. The relay between us cannot read it." in lines
    assert not os.path.exists(folder)
    assert not proc.descendants()
