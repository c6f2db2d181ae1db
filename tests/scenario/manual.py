"""The manuals against the programs: nothing that a user can say is missing, and
the bot of sotto-bot(1) does what is said of it."""
import os
import random
import re
import subprocess

from sotto_test import proc, timeout, wait_for
from sotto_test.talk import acquaint
from sotto_test.world import ROOT


def page(name):
    with open(os.path.join(ROOT, "man", name), encoding="utf-8") as f:
        return f.read()


def options(text):
    return set(re.findall(r"^  --([a-z-]+)", text, re.M))


def says(text, option):
    return re.search(rf"Fl -{option}(?![\w-])", text)


def test_manual_has_every_command_and_option(world):
    ann = world.account("ann")
    manual = page("sotto.1")
    commands = re.findall(r"^  ([a-z]+) ", ann.sotto("--help"), re.M)
    assert len(commands) >= 20, commands
    for command in commands:
        parts = re.findall(rf"^(?:\.It |\.)Nm sotto {command}\b.*?"
                           r"(?=^(?:\.It |\.)Nm sotto |^\.Sh )",
                           manual, re.M | re.S)
        assert parts, f"sotto(1) lacks {command}"
        for option in options(ann.sotto(command, "--help")) - \
                {"profile", "help"}:
            assert says("".join(parts), option), f"{command} --{option}"
    for line in ann.sotto("config", "list").splitlines():
        assert f".It Cm {line.split()[0]}\n" in manual, line


def test_relay_manual_has_every_option(world):
    r = proc.run([world.program("sotto-relay"), "--help"], world.env())
    manual = page("sotto-relay.8")
    found = options(r.out)
    assert len(found) >= 19, r.out
    for option in found:
        assert says(manual, option), option
    for option, value in re.findall(r"^  --([a-z-]+) .*\[(\w+)\]$", r.out, re.M):
        of = manual[manual.index(f"Fl -{option} Ar"):]
        of = of[:of.index(".It", 4)].replace(".Cm ", "")
        # The second of a pair on one line is "and N a minute".
        assert re.search(rf"Default\s.*\b{value}\b", of, re.S), (option, of)


def test_bot_manual_has_every_method(world):
    manual = page("sotto-bot.1")
    source = os.path.join(ROOT, "client/agent")
    methods = {}
    for name in os.listdir(source):
        if re.match(r"api_\w+\.c$", name):
            with open(os.path.join(source, name), encoding="utf-8") as f:
                for method, text in re.findall(
                        r'^const struct api_method \w+ = \{\s*"([\w.]+)"(.*?);',
                        f.read(), re.M | re.S):
                    methods[method] = re.findall(r'\{ "(\w+)", API', text)
    assert len(methods) == 27, sorted(methods)
    for method, params in methods.items():
        line = re.search(rf"^\.It Ic {re.escape(method)} Brq(.*)$", manual, re.M)
        assert line, f"sotto-bot(1) lacks {method}"
        for p in params:
            assert p == "qr" or re.search(rf"\b{p}\b", line[1]), (method, p)


@timeout(120)
def test_bot_of_the_manual_is_killed(world):
    """And so is its agent: no answer is missing, and none comes twice."""
    _, ann, bob = world.pair()
    acquaint(ann, bob)
    text = page("sotto-bot.1")
    text = text[text.index("#!/bin/bash"):]
    text = text[:text.index(".Ed")].replace("\\e", "\\").replace("\\&", "")
    script = os.path.join(world.folder, "echo")
    with open(script, "w", encoding="utf-8") as f:
        f.write(text)
    programs = os.path.dirname(world.program("sotto"))
    env = ann.env(PATH=programs + ":" + os.environ["PATH"])
    running = []

    def start():
        if running:
            running[-1].kill()
            running[-1].wait()
        running.append(subprocess.Popen(["bash", script], env=env))
    start()
    # A new cursor begins with what comes now.
    wait_for("the cursor", lambda: bob.sotto(
        "send", "ann", "ready?", "--wait", "delivered") == "" and any(
            "you said" in m["text"] for m in bob.history("ann")))
    for i in range(60):
        bob.sotto("send", "ann", f"m{i}")
        if i % 10 == 5:
            start()
        if i % 20 == random.randrange(20):
            ann.kill_agent()

    def answers():
        return [m["text"] for m in bob.history("ann")
                if m["text"].startswith("you said: m")]
    try:
        wait_for("the answers", lambda: len(answers()) >= 60 or
                 running[-1].poll() is not None and start(), 80)
    finally:
        running[-1].kill()
        running[-1].wait()
    assert sorted(answers()) == sorted(f"you said: m{i}" for i in range(60))
