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
from cnncalc.execute import job, sinks
from tests.program import dev_full, here, posix

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
    mode = path.stat().st_mode  # Windows keeps one bit of it
    wrote(kind, path.name)
    assert path.stat().st_mode == mode
    assert path.stat().st_ino != inode  # another file: whoever has the old one open reads it to its end
    assert kind == "named kernels" or path.read_bytes() == first  # a zip holds the time
    assert not list(folder.glob("*.part"))


@posix
@pytest.mark.parametrize("kind", WRITERS)
def test_a_link_stays_a_link(kind: str, folder: Path) -> None:
    (folder / "deep").mkdir()
    ending = ENDINGS.get(kind, "")
    target, link = folder / "deep" / f"real{ending}", folder / f"out{ending}"
    link.symlink_to(target)
    wrote(kind, link.name)
    assert link.is_symlink()
    assert target.stat().st_size


@posix
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
@pytest.mark.parametrize("path", ["nowhere/out", ".", "", "a\0b", pytest.param("/dev/full", marks=dev_full)])
def test_what_cannot_be_written_is_named(kind: str, path: str, folder: Path) -> None:
    before = sorted(p.name for p in folder.iterdir())
    done = here([path if word == "OUT" else word for word in WRITERS[kind]])
    assert done.code == 2, done
    said = {"": "'' is not a file name", "a\0b": "cannot be written", "/dev/full": "No space left on device"}
    assert said.get(path, f"'{path}' cannot be written") in done.err
    assert sorted(p.name for p in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "on_windows", "elsewhere"),
    [
        ("conv1", "conv1", "conv1"),
        ("block/conv\0", "block_conv_", "block_conv_"),
        ('a:b\\c*d?e"f<g>h|i\t', "a_b_c_d_e_f_g_h_i_", 'a:b\\c*d?e"f<g>h|i\t'),
        ("con", "_con", "con"),
        ("LPT1.weight", "_LPT1.weight", "LPT1.weight"),
        ("conv", "conv", "conv"),
    ],
)
def test_a_name_becomes_one_of_a_file(name: str, on_windows: str, elsewhere: str) -> None:
    assert (files.safe_name(name, True), files.safe_name(name, False)) == (on_windows, elsewhere)


@pytest.mark.parametrize(("folds", "code"), [(True, 2), (False, 0)])
@posix
def test_layers_whose_names_differ_in_case(
    folds: bool, code: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows and macOS would take the results of the two for one file."""
    monkeypatch.setattr(files, "FOLDS_CASE", folds)
    done = here(["run", "relu:name=a", "relu:name=A", "-x", "x.npy", "--keep-all", "maps"])
    assert done.code == code, done
    assert ("saved under the same name" in done.err) == folds


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


@posix
def test_an_array_is_stored_in_the_way_of_text(folder: Path) -> None:
    """`learn -o k.npz` over a file that only its owner reads."""
    Path("k.npz").touch(0o600)
    wrote("named kernels", "k.npz")
    assert stat.S_IMODE(os.stat("k.npz").st_mode) == 0o600


@pytest.mark.parametrize("kind", [kind for kind, ending in ENDINGS.items() if ending == ".npy"])
def test_an_array_is_written_without_a_mapping_too(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    wrote(kind, "mapped.npy")
    monkeypatch.setattr(sinks, "MAPPED", False)
    wrote(kind, "written.npy")
    assert (folder / "written.npy").read_bytes() == (folder / "mapped.npy").read_bytes()
    assert not list(folder.glob("*.part"))


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="this system does not list what a process holds")
@pytest.mark.parametrize("kind", WRITERS)
def test_nothing_holds_a_file_that_is_renamed(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to rename a file that is open or mapped."""
    renamed: list[str] = []
    rename = os.replace

    def replace(part: str, name: str) -> None:
        opened = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
        mapped = Path("/proc/self/maps").read_text(encoding="utf-8")
        assert part not in opened
        assert part not in mapped
        renamed.append(part)
        rename(part, name)

    monkeypatch.setattr(sinks, "MAPPED", False)
    monkeypatch.setattr(os, "replace", replace)
    wrote(kind, f"out{ENDINGS.get(kind, '')}")
    assert renamed


@pytest.mark.parametrize("mapped", [True, False])
def test_a_run_that_fails_leaves_no_file(mapped: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(sinks, "MAPPED", mapped)
    monkeypatch.setattr(job, "drop", fail)  # which is called when a part of the result is written
    done = here([*WRITERS["an array"][:-1], "out.npy"])
    assert done.code == 2, done
    assert not list(folder.glob("out*"))
