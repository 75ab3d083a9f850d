"""Commands that write files or print, the inputs they need, and their output without a fault."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tests.program import environment, here, interrupts

WRITERS = {
    "a report": ["shape", "2x9x11", "conv:3,k3", "--json", "-o", "OUT"],
    "a table": ["shape", "2x9x11", "conv:3,k3", "-o", "OUT"],
    "a schema": ["schema", "-o", "OUT"],
    "the zoo": ["zoo", "lenet5", "-o", "OUT"],
    "a difference": ["diff", "lenet5", "lenet5", "--json", "-o", "OUT"],
    "findings": ["check", "lenet5", "--json", "-o", "OUT"],
    "a baseline": ["check", "net.json", "--baseline", "OUT", "--update"],
    "a spec": ["convert", "lenet5", "-o", "OUT"],
    "an ONNX file": ["convert", "lenet5", "--to", "onnx", "-o", "OUT"],
    "a page": ["show", "lenet5", "--to", "html", "-o", "OUT"],
    "an array": ["run", "conv:3,k3", "-x", "x.npy", "--seed", "0", "-o", "OUT"],
    "a matrix": ["dense", "conv:1,k3", "-i", "6x7", "--seed", "0", "-o", "OUT"],
    "a kernel": ["learn", "conv:k3,nobias", "-x", "a.npy", "-y", "b.npy", "--lr", "1e-4", "--steps", "1", "-o", "OUT"],
    "named kernels": ["learn", "conv:k3", "-x", "a.npy", "-y", "b.npy", "--lr", "1e-4", "--steps", "1", "-o", "OUT"],
}
"""The arguments of commands by what they write; OUT is the file's name."""
ENDINGS = {
    "an array": ".npy",
    "a matrix": ".npy",
    "a kernel": ".npy",
    "named kernels": ".npz",
    "an ONNX file": ".onnx",
    "a page": ".html",
}
PRINTERS = {
    "shape": ["shape", "long.json", "--json"],
    "shape lines": ["shape", "-", "--jsonl"],
    "rf": ["rf", "vgg16", "--json"],
    "solve": ["solve", "conv:k7,s2", "-i", "224", "--out", "112"],
    "run": ["run", "relu", "-x", "x.npy", "-o", "-"],
    "run summary": ["run", "relu", "-x", "x.npy", "--json"],
    "learn": ["learn", "conv:k3,nobias", "-x", "a.npy", "-y", "b.npy", "--lr", "1e-4", "--steps", "5"],
    "dense": ["dense", "conv:1,k3", "-i", "6x7", "--seed", "0"],
    "diff": ["diff", "vgg11", "densenet121", "--exit-code"],
    "compare": ["compare", "vgg11", "vgg16", "--json"],
    "show": ["show", "lenet5", "--to", "html"],
    "check": ["check", "net.json", "--expect", "out=1x8x8", "--json"],
    "check text": ["check", "net.json", "--expect", "out=1x8x8"],
    "convert": ["convert", "long.json", "--to", "torch"],
    "convert to bytes": ["convert", "long.json", "--to", "onnx"],
    "ops": ["ops"],
    "zoo": ["zoo", "vgg16"],
    "help": ["help", "words"],
    "schema": ["schema"],
    "completion": ["completion", "zsh"],
    "no command": ["--help"],
    "version": ["-V"],
}
"""Commands that print, each at least once."""
LINES = b'{"input": [3, 5, 7], "layers": [{"op": "relu"}]}\n' * 500
"""What commands read on standard input."""


def fill(folder: Path) -> None:
    """Write the inputs of the commands."""
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.standard_normal((2, 9, 11), np.float32))
    np.save(folder / "a.npy", rng.standard_normal((6, 7), np.float32))
    np.save(folder / "b.npy", rng.standard_normal((4, 5), np.float32))
    (folder / "net.json").write_text('{"input": [1, 8, 9], "layers": [{"op": "relu"}]}')
    layers = ", ".join(['{"op": "conv", "c_o": 3, "k": 3, "p": 1}'] * 400)
    (folder / "long.json").write_text(f'{{"input": [3, 32, 32], "layers": [{layers}]}}')


def line(kind: str, path: str) -> list[str]:
    """Return the arguments of a command that writes to a path."""
    return [path if word == "OUT" else word for word in WRITERS[kind]]


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new folder with the inputs of the commands."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        fill(folder)
        yield folder


@cache
def written(kind: str) -> bytes:
    """Return what a command writes without a fault."""
    with scratch() as folder:
        path = folder / f"whole{ENDINGS.get(kind, '')}"
        done = here(line(kind, str(path)), cwd=folder)
        assert done.code == 0, done
        return path.read_bytes()


@cache
def printed(kind: str) -> tuple[int, bytes]:
    """Return the exit code of a command that prints, and what it prints without a fault."""
    with scratch() as folder:
        done = run(PRINTERS[kind], folder, stdin=LINES)
        return done.code, done.out


class Done(NamedTuple):
    """How a process ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def said(self) -> str:
        """Its standard error."""
        return self.err.decode(errors="replace")


PROGRAM = (sys.executable, "-m", "cnncalc")


def start(
    words: Sequence[str | bytes],
    folder: Path,
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    **streams: Any,
) -> subprocess.Popen[bytes]:
    """Start the command, after the arguments `before` of a program that starts it; streams are pipes by default."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | streams
    env = environment(PYTHONSAFEPATH="1") if env is None else env
    with interrupts():
        started: subprocess.Popen[bytes]
        started = subprocess.Popen([*before, *PROGRAM, *words], cwd=folder, env=env, **streams)  # type: ignore[assignment]
        return started


def run(
    words: Sequence[str | bytes], folder: Path, before: Sequence[str] = (), stdin: bytes = b"", **more: Any
) -> Done:
    """Run the command to its end."""
    process = start(words, folder, before, **more)
    out, err = process.communicate(stdin, 60)
    return Done(process.returncode, out or b"", err or b"")


def limited(size: int, what: str = "FSIZE") -> list[str]:
    """Return the arguments that start a program with a limit on the size of its files, or on another resource."""
    script = (
        f"import os, resource, sys; size = int(sys.argv[1])\n"
        f"resource.setrlimit(resource.RLIMIT_{what}, (size, size)); os.execv(sys.argv[2], sys.argv[2:])"
    )
    return [sys.executable, "-c", script, str(size)]


class State(NamedTuple):
    """The state of a folder before a command: the names in it, and the target's contents, if any."""

    folder: Path
    target: Path
    names: frozenset[str]
    old: bytes | None

    @classmethod
    def draw(cls, random: Random, folder: Path, kind: str, name: str | None = None) -> State:
        """Return the state of a folder in which the target may or may not exist."""
        target = folder / (name or f"out{ENDINGS.get(kind, '')}")
        if random.random() < 0.6 and kind != "a baseline":
            target.write_bytes(b"old")
        return cls.of(folder, target)

    @classmethod
    def of(cls, folder: Path, target: Path) -> State:
        """Return the current state of a folder."""
        return cls(folder, target, frozenset(os.listdir(folder)), target.read_bytes() if target.exists() else None)

    def check(self, kind: str, code: int, said: object = "") -> None:
        """Check the law: the old file or the complete new one, nothing else, and an exit code that tells which."""
        names = set(os.listdir(self.folder))
        assert names - {self.target.name} == self.names - {self.target.name}, (names - self.names, code, said)
        new = self.target.read_bytes() if self.target.exists() else None
        is_new = new is not None and same(kind, new)
        assert is_new or new == self.old, (kind, code, said, new and new[:200])
        assert is_new or code != 0, (kind, said, "exit code 0 without the file")
        assert not is_new or new == self.old or code == 0 or code > 128, (
            kind,
            code,
            said,
            "an error with the new file",
        )
        assert code in (0, 1, 2) or code > 128, (kind, code, said)


def same(kind: str, data: bytes) -> bool:
    """Return whether a file holds what the command writes; times in a .npz and colors of a table are ignored."""
    if kind != "named kernels" or data == b"old":
        return re.sub(rb"\x1b\[\d+m", b"", data) == written(kind)
    first, second = (np.load(io.BytesIO(one)) for one in (data, written(kind)))
    return set(first) == set(second) and all(np.array_equal(first[name], second[name]) for name in first)


class Skip(Exception):
    """Raised, with the reason, if a fault cannot be caused here."""
