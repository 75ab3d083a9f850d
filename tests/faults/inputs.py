"""Inputs that change while they are used, and outputs that are also inputs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

import numpy as np

from .commands import Done, State, fill, run, start

LARGE = [
    "run",
    "conv:8,k5,p2",
    "relu",
    "conv:8,k5,p2",
    "-x",
    "large.npy",
    "--seed",
    "0",
    "--memory",
    "8M",
    "-o",
    "out.npy",
]


def cut_short(random: Random, folder: Path) -> None:
    """Truncate an array while it is mapped: a message, and no result."""
    x = np.random.default_rng(0).random((60, 8, 60, 60), np.float32)
    np.save(folder / "large.npy", x)
    state = State.of(folder, folder / "out.npy")
    process = start(LARGE, folder)
    while process.poll() is None and not any(name.endswith(".part") for name in os.listdir(folder)):
        time.sleep(0.005)
    time.sleep(random.random() * 0.3)
    size = random.choice([0, 100, 4096, x.nbytes - 1, random.randrange(x.nbytes)])
    os.truncate(folder / "large.npy", size)
    out, err = process.communicate(timeout=60)
    done = Done(process.returncode, out, err)
    names = frozenset(os.listdir(folder))
    assert names - {"out.npy"} == state.names, names
    assert ("out.npy" in names) == (done.code == 0), done  # the truncation may have been too late
    assert done.code in (0, 2), done
    assert not done.code or "'large.npy' " in done.said, done


def cut_spec(random: Random, folder: Path) -> None:
    """Truncate an ONNX file while it is read."""
    fill(folder)
    done = run(["convert", "long.json", "--to", "onnx", "-o", "net.onnx"], folder)
    assert done.code == 0, done
    whole = (folder / "net.onnx").stat().st_size
    process = start(["shape", "net.onnx", "--json"], folder)
    time.sleep(random.random() * 0.5)
    os.truncate(folder / "net.onnx", random.choice([0, 1, 4096, random.randrange(whole)]))
    out, err = process.communicate(timeout=60)
    done = Done(process.returncode, out, err)
    assert done.code in (0, 2), done
    assert "Traceback" not in done.said, done
    assert "this is a bug" not in done.said, done
    assert not out or done.code == 0 or "'net.onnx' changed" in done.said, done  # noticed after the output was printed


def own_input(random: Random, folder: Path) -> None:
    """Overwrite an input."""
    fill(folder)
    name = random.choice(["a.json", "x.npy", "net.onnx"])
    (folder / "a.json").write_bytes((folder / "net.json").read_bytes())
    words = {
        "a.json": ["convert", "a.json"],
        "x.npy": ["run", "relu", "-x", "x.npy"],
        "net.onnx": ["convert", "net.onnx", "--to", "onnx"],
    }
    if name == "net.onnx":
        assert run(["convert", "long.json", "--to", "onnx", "-o", name], folder).code == 0
    other = run([*words[name], "-o", f"other{Path(name).suffix}"], folder)
    assert other.code == 0, other
    form = random.choice(["itself", "a link", "a hard link"])
    output = name if form == "itself" else f"link{Path(name).suffix}"
    if form == "a link":
        (folder / output).symlink_to(name)
    elif form == "a hard link":
        os.link(folder / name, folder / output)
    old = (folder / name).read_bytes()
    done = run([*words[name], "-o", output], folder)
    assert done.code == 0, done
    assert (folder / output).read_bytes() == (folder / f"other{Path(name).suffix}").read_bytes()
    assert form != "a hard link" or (folder / name).read_bytes() == old


FAULTS = {"an array cut short": cut_short, "a spec cut short": cut_spec, "an input as output": own_input}
