"""Disks that become full during writing: file size limits, a small file system, standard output in a file."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import IO

from tests.program import environment

from .commands import (
    ENDINGS,
    LINES,
    PRINTERS,
    PROGRAM,
    WRITERS,
    Done,
    Skip,
    State,
    fill,
    limited,
    line,
    printed,
    run,
    scratch,
    written,
)

IN_A_SMALL_ONE = """
set -e
mount -t tmpfs -o size=$1 faults "$2"
[ -z "$3" ] || cp old "$2/$3"
target=$2
shift 3
set +e
"$@" >out 2>err
echo $? >code
cp -a "$target"/. kept/
"""
"""A shell script that runs a command whose target is on a small file system that only it sees."""


def limit(random: Random, folder: Path) -> None:
    """Limit the size of files to a part of what is written."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    size = random.randrange(len(written(kind)))
    done = run(line(kind, state.target.name), folder, limited(size), env=unbuffered(random))
    state.check(kind, done.code, done.said)
    assert done.code == 2, done
    assert "cannot be written: File too large" in done.said, done


def limited_output(random: Random, folder: Path) -> None:
    """Print into a file whose size is limited: truncation is an error."""
    fill(folder)
    kind = random.choice([*PRINTERS])
    whole = printed(kind)[1]
    size = random.choice([0, 1, len(whole) - 1, random.randrange(len(whole))])
    with open(folder / "out", "wb") as out:
        done = run(PRINTERS[kind], folder, limited(size), LINES, stdout=out, env=unbuffered(random))
    assert (folder / "out").read_bytes() == whole[:size], (kind, size, done)
    assert done.code == 2, (kind, size, done)
    assert done.said == "cannot write: File too large\n", (kind, size, done)


def small(random: Random, folder: Path) -> None:
    """Write to a small file system, which may become full."""
    fill(folder)
    kind = random.choice([kind for kind in WRITERS if kind != "a baseline"])  # its specs are relative to its folder
    name = f"out{ENDINGS.get(kind, '')}"
    (folder / "old").write_bytes(b"old")
    old = name if random.random() < 0.5 else ""
    (folder / "small").mkdir()
    (folder / "kept").mkdir()
    pages = random.choice([2, 3, 4, 16, 100, 200])
    words = ["sh", "-c", IN_A_SMALL_ONE, "sh", str(pages * 4096), str(folder / "small"), old]
    done = subprocess.run(
        ["unshare", "-m", *words, *PROGRAM, *line(kind, str(folder / "small" / name))],
        cwd=folder,
        env=unbuffered(random),
        capture_output=True,
        check=False,
        timeout=60,
    )
    if not (folder / "code").exists():
        raise Skip(f"no small file system can be mounted here: {done.stderr.decode()}")
    state = State(folder / "kept", folder / "kept" / name, frozenset([old] if old else []), b"old" if old else None)
    state.check(kind, int((folder / "code").read_text()), (folder / "err").read_text())


CALLS = ("write", "fallocate", "msync", "fsync", "fchmod", "fchown", "rename")
"""The system calls by which a command writes."""
SPARED = ("write(2, ", "fchmod(", "fchown(")
"""Calls that may fail: notes, and a file's permissions, which are then restricted."""


def refused(random: Random, folder: Path) -> None:
    """Make one of the calls that write a file fail, as on a disk that is full, broken or over quota."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    error = random.choice(ERRORS)
    call, number = random.choice(
        writes(*line(kind, state.target.name), old="" if kind == "a baseline" else state.target.name)
    )
    done, calls = traced(line(kind, state.target.name), folder, f"inject={call}:error={error}:when={number}")
    state.check(kind, done.code, (call, number, error, done))
    is_heeded = any("INJECTED" in one and not one.startswith(SPARED) for one in calls)
    assert done.code == (2 if is_heeded else 0), (kind, calls, done)
    assert (" written: " in done.said or "cannot write: " in done.said) == is_heeded, (kind, calls, done)


def refused_output(random: Random, folder: Path) -> None:
    """Make a part of the output fail: that is an error, unless it is a note."""
    fill(folder)
    kind = random.choice([kind for kind in PRINTERS if kind != "shape lines"])
    code, whole = printed(kind)
    error = random.choice(ERRORS)
    call, number = random.choice(writes(*PRINTERS[kind]))
    with open(folder / "printed", "wb") as out:
        done, calls = traced(PRINTERS[kind], folder, f"inject={call}:error={error}:when={number}", out)
    got = (folder / "printed").read_bytes()
    if any("INJECTED" in one and one.startswith("write(1, ") for one in calls):
        said = f"cannot write: {os.strerror(getattr(errno, error))}\n"
        assert done.code == 2, (kind, calls, done)
        assert done.said.endswith(said), (kind, calls, done)
        assert whole.startswith(got), (kind, calls, done)
    else:
        assert (done.code, got) == (code, whole), (kind, calls, done)


ERRORS = ("ENOSPC", "EIO", "EDQUOT")


@cache
def writes(*words: str, old: str = "") -> list[tuple[str, int]]:
    """Return the calls by which a command writes, with the index of each among those of the same name.

    `old` is the name of the file to replace, if there is one.
    """
    with scratch() as folder, open(folder / "printed", "wb") as out:
        if old:
            (folder / old).touch()
        calls = traced(list(words), folder, f"trace={','.join(CALLS)}", out)[1]
    names = [call.partition("(")[0] for call in calls]
    return [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]


def traced(words: list[str], folder: Path, rule: str, out: int | IO[bytes] = subprocess.PIPE) -> tuple[Done, list[str]]:
    """Run a command under strace with a rule; return how it ended, and the calls that the rule matched."""
    if shutil.which("strace") is None:
        raise Skip("there is no strace")
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        before = ["strace", "-f", "-qq", "-o", log.name, "-e", rule]
        done = run(words, folder, before, env=environment(PYTHONSAFEPATH="1"), stdout=out)
        if "strace: " in done.said:
            raise Skip(f"strace may not trace here: {done.said}")
        return done, [one.partition(" ")[2].lstrip() for one in log]


def unbuffered(random: Random) -> dict[str, str]:
    """Return an environment in which Python buffers its output, or does not."""
    return environment(PYTHONSAFEPATH="1", **({"PYTHONUNBUFFERED": "1"} if random.random() < 0.5 else {}))


FAULTS = {"a limit on files": limit, "a limit on standard output": limited_output}
if sys.platform == "linux":
    FAULTS |= {
        "a small file system": small,
        "a call that is refused": refused,
        "output that is refused": refused_output,
    }
