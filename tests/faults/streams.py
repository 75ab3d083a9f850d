"""Standard streams that are closed, full, abandoned by their reader, or non-blocking."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from .commands import LINES, PRINTERS, WRITERS, Done, State, fill, line, printed, run, same, start
from .disks import unbuffered


class Read(NamedTuple):
    """What a reader got from a pipe."""

    process: Done
    got: bytes


def printing(random: Random, folder: Path) -> None:
    """Print into a pipe, a closed stream, a device or a file; standard error goes elsewhere."""
    fill(folder)
    kind = random.choice([*PRINTERS])
    code, whole = printed(kind)
    fault = random.choice([*OUTPUTS])
    process, got = OUTPUTS[fault](random, folder, kind)
    about = (kind, fault, process, len(got), len(whole))
    assert whole.startswith(got), about
    assert "Traceback" not in process.said, about
    assert "this is a bug" not in process.said, about
    if fault.startswith("it is closed"):
        assert process.code == 2, about
        assert "standard output is closed" in process.said, about
    elif fault.startswith("it is full"):
        assert (process.code, process.said) == (2, "cannot write: No space left on device\n"), about
    elif fault.startswith("its reader goes"):
        assert process.code == code, about
        assert not process.said or code, about
    else:
        assert (process.code, got) == (code, whole), about


def _shell(redirection: str) -> Callable[[Random, Path, str], Read]:
    def output(random: Random, folder: Path, kind: str) -> Read:
        before = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
        done = run(PRINTERS[kind], folder, before, LINES, env=unbuffered(random))
        return Read(done, done.out)

    return output


def _read(random: Random, folder: Path, kind: str, most: int | None, pause: float, blocks: bool = True) -> Read:
    """Read a pipe, at most `most` bytes, with pauses; `blocks` says whether the command may wait for its reader."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, blocks)
    with open(ours, "rb", buffering=0) as pipe:
        process = start(PRINTERS[kind], folder, stdout=theirs, env=unbuffered(random))
        os.close(theirs)
        feeder = threading.Thread(target=_feed, args=(process.stdin, LINES, 0.0))
        feeder.start()
        got = b""
        while most is None or len(got) < most:
            time.sleep(pause)
            some = pipe.read(4096 if most is None else min(4096, most - len(got)))
            got += some or b""
            if not some:
                break
    feeder.join()
    assert process.stderr is not None
    with process.stderr as errors:
        said = errors.read()
    return Read(Done(process.wait(60), b"", said), got)


def _feed(stream: object, data: bytes, pause: float) -> None:
    """Write the command's input in parts, as long as it reads."""
    assert hasattr(stream, "write")
    assert hasattr(stream, "close")
    try:
        for at in range(0, len(data), 8192):
            time.sleep(pause)
            stream.write(data[at : at + 8192])
        stream.close()
    except OSError:
        return


OUTPUTS: dict[str, Callable[[Random, Path, str], Read]] = {
    "it is closed": _shell(">&-"),
    "it is closed, as all are": _shell("<&- >&-"),
    "it is full": _shell(">/dev/full"),
    "its reader goes at once": lambda random, folder, kind: _read(random, folder, kind, 0, 0.0),
    "its reader goes": lambda random, folder, kind: _read(
        random, folder, kind, random.randrange(len(printed(kind)[1])), 0.0
    ),
    "it is read slowly": lambda random, folder, kind: _read(random, folder, kind, None, 0.001),
    "it does not wait": lambda random, folder, kind: _read(random, folder, kind, None, 0.002, False),
    "standard error is closed": _shell("2>&-"),
    "standard error is full": _shell("2>/dev/full"),
}
"""What standard output may be, with a function that runs the command and reads the output."""
if not os.path.exists("/dev/full"):
    OUTPUTS = {name: output for name, output in OUTPUTS.items() if "full" not in name}


def added(random: Random, folder: Path) -> None:
    """Write to standard output by one of its names, in a file that the shell appends to."""
    fill(folder)
    kind = random.choice([kind for kind in WRITERS if kind != "a baseline"])
    (folder / "kept").write_bytes(b"kept\n")
    (folder / "link").symlink_to("/dev/stdout")
    name = random.choice(["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/../dev/stdout", "link"])
    words = line(kind, name) + (["--to", "onnx"] if kind == "an ONNX file" else [])
    with open(folder / "kept", "ab") as kept:
        done = run(words, folder, stdout=kept, env=unbuffered(random))
    first, _, data = (folder / "kept").read_bytes().partition(b"\n")
    assert (done.code, first) == (0, b"kept"), (kind, name, done)
    if kind == "named kernels":
        assert data.startswith(b"\x93NUMPY"), name  # a name without an ending is the kernel alone
    else:
        assert same(kind, data), (kind, name, done, data[:200])


def beside_a_file(random: Random, folder: Path) -> None:
    """Write a file while no standard stream accepts or provides data."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    streams = [
        random.choice(some)
        for some in (("", "<&-", "0>/dev/null"), ("", ">&-", ">/dev/full"), ("", "2>&-", "2>/dev/full"))
    ]
    before = ["sh", "-c", f'exec "$@" {" ".join(streams)}', "sh"]
    done = run(line(kind, state.target.name), folder, before, env=unbuffered(random))
    state.check(kind, done.code, (streams, done))
    prints = kind in ("a kernel", "named kernels", "a baseline")
    assert done.code == 0 or (prints and streams[1]), (kind, streams, done)


def unread_beside_a_file(random: Random, folder: Path) -> None:
    """Write a file while nobody reads standard output and standard error."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    ours, theirs = os.pipe()
    os.close(ours)
    process = start(line(kind, state.target.name), folder, stdout=theirs, stderr=theirs, env=unbuffered(random))
    os.close(theirs)
    process.communicate(timeout=60)
    state.check(kind, process.returncode)
    assert process.returncode == 0, kind


def reading(random: Random, folder: Path) -> None:
    """Read standard input that comes in parts, is non-blocking, closed or unreadable."""
    code, whole = printed("shape lines")
    fault = random.choice(["in parts", "does not wait", "closed", "cannot be read"])
    if fault in ("closed", "cannot be read"):
        before = ["sh", "-c", f'exec "$@" {"<&-" if fault == "closed" else "0>/dev/null"}', "sh"]
        words = random.choice([["shape", "-"], ["shape", "-", "--jsonl"], ["check", "-"], ["run", "relu", "-x", "-"]])
        done = run(words, folder, before, env=unbuffered(random))
        said = "standard input is closed" if fault == "closed" else "standard input cannot be read: Bad file descriptor"
        assert done.code == 2, (words, done)
        assert said in done.said + done.out.decode(), (words, done)
        return
    ours, theirs = os.pipe()
    os.set_blocking(ours, fault == "in parts")
    process = start(PRINTERS["shape lines"], folder, stdin=ours, env=unbuffered(random))
    os.close(ours)
    with open(theirs, "wb", buffering=0) as pipe:
        feeder = threading.Thread(target=_feed, args=(pipe, LINES, 0.02))
        feeder.start()
        out, err = process.communicate(timeout=60)
        feeder.join()
    assert (process.returncode, out) == (code, whole), (fault, err)


FAULTS = {
    "what is printed": printing,
    "names of standard output": added,
    "streams beside a file": beside_a_file,
    "no reader beside a file": unread_beside_a_file,
    "standard input": reading,
}
