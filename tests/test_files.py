"""Every command that writes a file writes it in one way: whole or not at all, its mode and its links kept."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from cnncalc import files
from cnncalc.errors import SpecError
from tests.program import here

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
    "an array": ["run", "conv:3,k3", "-x", "x.npy", "--seed", "0", "-o", "OUT"],
    "a matrix": ["dense", "conv:1,k3", "-i", "6x7", "--seed", "0", "-o", "OUT"],
    "a kernel": ["learn", "conv:k3,nobias", "-x", "a.npy", "-y", "b.npy", "--lr", "1e-4", "--steps", "1", "-o", "OUT"],
    "named kernels": ["learn", "conv:k3", "-x", "a.npy", "-y", "b.npy", "--lr", "1e-4", "--steps", "1", "-o", "OUT"],
}
ENDINGS = {"an array": ".npy", "a matrix": ".npy", "a kernel": ".npy", "named kernels": ".npz", "an ONNX file": ".onnx"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("x.npy", rng.standard_normal((2, 9, 11), np.float32))
    np.save("a.npy", rng.standard_normal((6, 7), np.float32))
    np.save("b.npy", rng.standard_normal((4, 5), np.float32))
    Path("net.json").write_text('{"input": [1, 8, 9], "layers": [{"op": "relu"}]}')
    return tmp_path


def wrote(kind: str, path: str) -> None:
    done = here([path if word == "OUT" else word for word in WRITERS[kind]])
    assert done.code == 0, done


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_keeps_its_mode_and_is_replaced(kind: str, folder: Path) -> None:
    path = folder / f"out{ENDINGS.get(kind, '')}"
    wrote(kind, path.name)
    first, inode = path.read_bytes(), path.stat().st_ino
    path.chmod(0o640)
    wrote(kind, path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_ino != inode  # another file: whoever has the old one open reads it to its end
    assert kind == "named kernels" or path.read_bytes() == first  # a zip holds the time
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("kind", WRITERS)
def test_a_link_stays_a_link(kind: str, folder: Path) -> None:
    (folder / "deep").mkdir()
    ending = ENDINGS.get(kind, "")
    target, link = folder / "deep" / f"real{ending}", folder / f"out{ending}"
    link.symlink_to(target)
    wrote(kind, link.name)
    assert link.is_symlink()
    assert target.stat().st_size


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "a baseline"])
def test_a_pipe_is_written_and_stays(kind: str, folder: Path) -> None:
    path = folder / f"pipe{ENDINGS.get(kind, '')}"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    wrote(kind, path.name)
    reader.join(30)
    assert read
    assert read[0]
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "a baseline"])
@pytest.mark.parametrize("path", ["nowhere/out", ".", "", "a\0b", "/dev/full"])
def test_what_cannot_be_written_is_named(kind: str, path: str, folder: Path) -> None:
    before = sorted(p.name for p in folder.iterdir())
    done = here([path if word == "OUT" else word for word in WRITERS[kind]])
    assert done.code == 2, done
    said = {"": "'' is not a file name", "a\0b": "cannot be written", "/dev/full": "No space left on device"}
    assert said.get(path, f"'{path}' cannot be written") in done.err
    assert sorted(p.name for p in folder.iterdir()) == before


def broken_off(error: BaseException) -> None:
    with files.whole("out") as file:
        file.write(b"new, half of it")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SpecError("no"), SystemExit(143)], ids=repr)
def test_what_ends_before_the_end_leaves_the_old_file(error: BaseException, folder: Path) -> None:
    path = folder / "out"
    path.write_text("old")
    with pytest.raises(type(error)):
        broken_off(error)
    assert path.read_text() == "old"
    assert not list(folder.glob("*.part"))


def test_an_array_is_stored_in_the_way_of_text(folder: Path) -> None:
    """`learn -o k.npz` over a file that only its owner reads."""
    Path("k.npz").touch(0o600)
    wrote("named kernels", "k.npz")
    assert stat.S_IMODE(os.stat("k.npz").st_mode) == 0o600
