"""Disks that get full in the middle: a limit on the size of files, a small file system, standard output in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

from .commands import (
    ENDINGS,
    LINES,
    PRINTERS,
    PROGRAM,
    WRITERS,
    Skip,
    State,
    fill,
    limited,
    line,
    printed,
    run,
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
"""A shell's script that runs a command whose target is on a small file system, which only it sees."""


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
    """Print into a file whose size is limited: what is cut is an error."""
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
    """Write to a small file system, which is full or not."""
    fill(folder)
    kind = random.choice([kind for kind in WRITERS if kind != "a baseline"])  # which names its specs from where it is
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


def unbuffered(random: Random) -> dict[str, str]:
    """Return an environment in which Python has buffers, or does not."""
    from tests.program import environment

    return environment(PYTHONSAFEPATH="1", **({"PYTHONUNBUFFERED": "1"} if random.random() < 0.5 else {}))


FAULTS = {"a limit on files": limit, "a limit on standard output": limited_output}
if sys.platform == "linux":
    FAULTS["a small file system"] = small
