"""Signals while a file is written: at random moments, and at each audit event of Python."""

from __future__ import annotations

import signal
import sys
import time
from functools import cache
from pathlib import Path
from random import Random

from tests.program import environment, interrupts

from .commands import ENDINGS, WRITERS, Done, State, fill, line, run, scratch, start

NAMES = (
    *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGXCPU", "SIGUSR1", "SIGALRM", "SIGPROF"),
    *(name for name in ("SIGRTMIN", "SIGRTMAX") if hasattr(signal, name)),
)
AT_STEP = """
import os, runpy, signal, sys
number, step, count = int(sys.argv[1]), int(sys.argv[2]), 0
def hook(event, arguments):
    global count
    if count or (event == "import" and arguments[0].startswith("cnncalc.cli")):
        count += 1
        if count == step:
            os.kill(os.getpid(), number)
def end(code, really=os._exit):
    os.write(2, f"steps: {count}".encode())
    really(code)
os._exit = end
sys.addaudithook(hook)
sys.argv[:3] = ["cnncalc"]
runpy.run_module("cnncalc", run_name="__main__", alter_sys=True)
"""
"""A program that gets a signal at a step of the command, counted from when signals are handled."""
AT_INSTRUCTION = """
import os, runpy, sys
number, step, count = int(sys.argv[1]), int(sys.argv[2]), 0
def at(frame, event, argument):
    global count
    frame.f_trace_opcodes = True
    count += 1
    if count == step:
        os.kill(os.getpid(), number)
    return at
def first(frame, event, argument):
    is_ours = frame.f_code.co_filename.endswith(("cnncalc/outputs.py", "cnncalc/signals.py", "execute/sinks.py"))
    is_heeded = "cnncalc.cli" in sys.modules
    return at(frame, event, argument) if is_ours and is_heeded else None
def end(code, really=os._exit):
    sys.settrace(None)
    os.write(2, f"steps: {count}".encode())
    really(code)
os._exit = end
sys.settrace(first)
sys.argv[:3] = ["cnncalc"]
try:
    runpy.run_module("cnncalc", run_name="__main__", alter_sys=True)
except SystemExit as ended:
    end(ended.code)
"""
"""A program that gets a signal before an instruction of the code that writes files."""


@cache
def duration(kind: str) -> float:
    """Return the run time of a command in seconds."""
    with scratch() as folder:
        begin = time.monotonic()
        run(line(kind, f"out{ENDINGS.get(kind, '')}"), folder)
        return time.monotonic() - begin


def at_a_moment(random: Random, folder: Path) -> None:
    """Send a signal at a random moment."""
    fill(folder)
    kind, number = random.choice([*WRITERS]), getattr(signal, random.choice(NAMES))
    state = State.draw(random, folder, kind)
    moment = random.random() * duration(kind) * 1.1
    process = start(line(kind, state.target.name), folder)
    time.sleep(moment)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    done = Done(process.returncode, out, err)
    is_pythons = done.code == -number or ("Traceback" in done.said and "cnncalc" not in done.said)
    judge(state, kind, number, Done(128 + number, b"", b"") if is_pythons else done)  # before our first line of code


def at_a_step(random: Random, folder: Path, program: str = AT_STEP) -> None:
    """Send a signal when Python opens, imports, renames or runs something: the order of steps is always the same."""
    fill(folder)
    kind, number = random.choice([*WRITERS]), getattr(signal, random.choice(NAMES))
    state = State.draw(random, folder, kind)
    total = steps(program, kind)
    last = random.random() < 0.5  # the steps that involve the file itself
    step = random.randint(max(1, total - 40) if last else 1, total)
    judge(state, kind, number, stepped(program, kind, state.target.name, number, step, folder))


def at_an_instruction(random: Random, folder: Path) -> None:
    """Send a signal between two instructions of the code that writes files."""
    at_a_step(random, folder, AT_INSTRUCTION)


def stepped(program: str, kind: str, name: str, number: int, step: int, folder: Path) -> Done:
    """Run a command that gets a signal at a step."""
    import subprocess

    words = [sys.executable, "-c", program, str(number), str(step), *line(kind, name)]
    with interrupts():
        done = subprocess.run(
            words, cwd=folder, env=environment(PYTHONSAFEPATH="1"), capture_output=True, timeout=60, check=False
        )
    return Done(done.returncode, done.stdout, done.stderr)


@cache
def steps(program: str, kind: str) -> int:
    """Return the number of steps of a command."""
    with scratch() as folder:
        done = stepped(program, kind, f"out{ENDINGS.get(kind, '')}", signal.SIGTERM, 1 << 30, folder)
        return int(done.said.rpartition("steps: ")[2])


def judge(state: State, kind: str, number: int, done: Done) -> None:
    """Check the law, and that the command ends quietly with the signal's exit code unless it ends earlier."""
    state.check(kind, done.code, done.said)
    assert done.code in (0, 128 + number), (kind, done)
    said = "".join(line for line in done.said.partition("steps: ")[0].splitlines() if not line.startswith("note: "))
    assert not said, (kind, done)


FAULTS = {
    "a signal at a moment": at_a_moment,
    "a signal at a step": at_a_step,
    "a signal at an instruction": at_an_instruction,
}
