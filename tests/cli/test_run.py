"""`cnncalc run` from a shell: files and pipes, hostile files, and what remains after a failure."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.cli import call
from tests.program import command, dev_full, environment, here, interrupts, posix, process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small batch, a kernel and a bias."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.standard_normal((6, 3, 9, 11)).astype(np.float32))
    np.save(tmp_path / "w.npy", rng.standard_normal((4, 3, 3, 2)).astype(np.float32))
    np.save(tmp_path / "b.npy", np.arange(4, dtype=np.float32))
    return tmp_path


def load(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def left(folder: Path) -> list[str]:
    """Return what is in a folder besides the original files."""
    return sorted(p.name for p in folder.iterdir() if p.name not in ("x.npy", "w.npy", "b.npy"))


def test_a_file_in_and_a_file_out(folder: Path) -> None:
    done = process("run", "conv:s2,p1", "relu", "-x", "x.npy", "-w", "w.npy", "-b", "b.npy", "-o", "y.npy", cwd=folder)
    assert (done.code, done.out) == (0, "")
    x, w, b = (load(folder / name) for name in ("x.npy", "w.npy", "b.npy"))
    found = load(folder / "y.npy")
    np.testing.assert_array_equal(found, cnncalc.run("conv:s2,p1 relu", x, w, bias=b))
    assert found.dtype == np.float32
    assert left(folder) == ["y.npy"]


def test_the_textbooks_example_is_printed_as_numpy_prints_it(folder: Path) -> None:
    np.save(folder / "x.npy", np.arange(9).reshape(3, 3))
    np.save(folder / "w.npy", np.arange(4).reshape(2, 2))
    done = process("run", "conv", "-x", "x.npy", "-w", "w.npy", cwd=folder)
    assert (done.code, done.out) == (0, "[[19 25]\n [37 43]]\n")
    assert done.err == ""
    assert process("run", "conv", "-x", "x.npy", "-w", "w.npy", "-v", cwd=folder).err.startswith("note: needs ")


def test_a_large_result_is_summed_up(folder: Path) -> None:
    done = here(["run", "conv:p1", "-x", str(folder / "x.npy"), "-w", str(folder / "w.npy")])
    x, w = load(folder / "x.npy"), load(folder / "w.npy")
    y = cnncalc.run("conv:p1", x, w)
    lines = dict(line.split() for line in done.out.splitlines())
    assert lines["shape"] == "6x4x9x12"
    assert lines["dtype"] == "float32"
    for name, value in (("min", y.min()), ("mean", y.mean(dtype=float)), ("max", y.max())):
        assert float(lines[name]) == pytest.approx(float(value), rel=1e-5)


def test_the_description_as_json(folder: Path) -> None:
    files = ["-x", str(folder / "x.npy"), "-w", str(folder / "w.npy"), "--json"]
    found = json.loads(here(["run", "conv:p1", *files]).out)
    assert found["layer"] == "conv1"
    assert found["shape"] == [6, 4, 9, 12]
    assert found["dtype"] == "float32"
    assert found["min"] < found["mean"] < found["max"]
    found = json.loads(here(["run", "conv globalavgpool", *files]).out or "{}") or json.loads(
        here(["run", "conv", "globalavgpool", *files]).out
    )
    assert np.shape(found["values"]) == (6, 4, 1, 1)
    np.save(folder / "x.npy", np.array([[[[np.nan, 1.0]]]]))
    found = json.loads(here(["run", "relu", "-x", str(folder / "x.npy"), "--json"]).out)
    assert found["values"] == [[[[None, 1.0]]]]


@posix
def test_pipes(folder: Path) -> None:
    script = (
        f"set -o pipefail; {command()[0]} run conv:s1,p1 -x x.npy -w w.npy -o - -q"
        f" | {command()[0]} run maxpool:k2 -x - -o - -q | {command()[0]} run relu -x - -o y.npy -q"
    )
    assert len(command()) == 1 or pytest.skip("not installed")
    subprocess.run(["bash", "-c", script], cwd=folder, env=environment(), check=True)
    x, w = load(folder / "x.npy"), load(folder / "w.npy")
    np.testing.assert_array_equal(load(folder / "y.npy"), cnncalc.run("conv:p1 maxpool:k2 relu", x, w))


@posix
def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    np.save(folder / "x.npy", np.zeros((600, 3, 90, 90), np.float32))
    script = f"{' '.join(command())} run relu -x x.npy -o - -q | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("more", ["-o missing/y.npy", "-o new/maps/relu1.npy", "--keep-all x.npy/maps"])
def test_a_run_that_fails_leaves_no_new_folder(folder: Path, more: str) -> None:
    before = sorted(os.listdir(folder))
    done = here(["run", "relu", "relu", "-x", "x.npy", "--keep-all", "new/maps/", *more.split()], cwd=folder)
    assert (done.code, sorted(os.listdir(folder))) == (2, before), done.err


def test_rows(folder: Path) -> None:
    whole = cnncalc.run("conv", load(folder / "x.npy"), load(folder / "w.npy"))
    for rows, chosen in (("1:3", slice(1, 3)), ("4:", slice(4, None)), (":2", slice(0, 2)), ("5:6", slice(5, 6))):
        files = ["-x", str(folder / "x.npy"), "-w", str(folder / "w.npy"), "-o", str(folder / "y.npy")]
        assert here(["run", "conv", *files, "--rows", rows]).code == 0
        np.testing.assert_allclose(load(folder / "y.npy"), whole[chosen], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", ["3:3", "4:2", "0:7", "-1:2", "a:b", "1", "1:2:3", "9:"])
def test_rows_that_are_not_there(folder: Path, rows: str) -> None:
    done = here(["run", "conv", "-x", str(folder / "x.npy"), "-w", str(folder / "w.npy"), f"--rows={rows}"])
    assert done.code == 2
    assert done.err.startswith("--rows ")


def test_rows_of_one_sample(folder: Path) -> None:
    np.save(folder / "x.npy", np.ones((3, 9, 9)))
    done = here(["run", "conv", "-x", str(folder / "x.npy"), "-w", str(folder / "w.npy"), "--rows", "0:1"])
    assert done.code == 2
    assert "x is one sample" in done.err


def test_keeping_feature_maps(folder: Path) -> None:
    args = ["conv:4,k3", "relu", "maxpool:k2", "-x", "x.npy", "--seed", "1", "-q"]
    done = process("run", *args, "-o", "y.npy", "--keep", "conv1,relu1", cwd=folder)
    assert done.code == 0, done.err
    assert left(folder) == ["conv1.npy", "relu1.npy", "y.npy"]
    assert process("run", *args, "--keep-all", "maps", "-o", "maps/y.npy", cwd=folder).code == 0
    assert sorted(p.name for p in (folder / "maps").iterdir()) == ["conv1.npy", "maxpool1.npy", "relu1.npy", "y.npy"]
    expected = cnncalc.run("conv:4,k3 relu maxpool:k2", load(folder / "x.npy"), seed=1, keep=["conv1", "relu1"])
    for name, array in expected.items():
        np.testing.assert_array_equal(load(folder / "maps" / f"{name}.npy"), array)
        if name != "maxpool1":
            np.testing.assert_array_equal(load(folder / f"{name}.npy"), array)
    done = process("run", *args, "--keep", "conv7", cwd=folder)
    assert (done.code, done.out) == (2, "")
    assert "there is no layer 'conv7' to keep" in done.err


def test_names_that_are_no_file_names(folder: Path) -> None:
    args = ["conv:4,k3,name=../../up", "relu", "-x", "x.npy", "--seed", "1", "--keep-all", "maps", "-q"]
    assert process("run", *args, cwd=folder).code == 0
    said = process("run", *args[:-1], cwd=folder)
    assert (said.code, f"note: '../../up' is saved as {Path('maps/.._.._up.npy')}" in said.err) == (0, True), said.err
    assert sorted(p.name for p in (folder / "maps").iterdir()) == [".._.._up.npy", "relu1.npy"]


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_weights_of_a_network(folder: Path, kind: str) -> None:
    rng = np.random.default_rng(5)
    weights = {
        "conv1.weight": rng.standard_normal((4, 3, 3, 3)).astype(np.float32),
        "conv1.bias": rng.standard_normal(4).astype(np.float32),
        "batchnorm1.weight": np.ones(4, np.float32),
        "batchnorm1.bias": np.zeros(4, np.float32),
        "batchnorm1.running_mean": np.full(4, 0.5, np.float32),
        "batchnorm1.running_var": np.full(4, 2, np.float32),
        "batchnorm1.num_batches_tracked": np.array(7),
    }
    if kind == "npz":
        np.savez_compressed(folder / "w.npz", **weights)  # type: ignore[arg-type]
    else:
        from safetensors.numpy import save_file

        save_file(weights, folder / "w.safetensors")
    words = ["conv:4,k3", "batchnorm", "relu"]
    done = process("run", *words, "-x", "x.npy", "-w", f"w.{kind}", "-o", "y.npy", cwd=folder)
    assert done.code == 0, done.err
    assert done.err == ""
    expected = cnncalc.run(" ".join(words), load(folder / "x.npy"), weights)
    np.testing.assert_array_equal(load(folder / "y.npy"), expected)


def test_what_no_layer_needs_is_said(folder: Path) -> None:
    arrays: dict[str, Any] = {"conv1.weight": np.ones((4, 3, 1, 1), np.float32), "other.weight": np.ones(3)}
    np.savez(folder / "w.npz", **arrays)
    done = here(["run", "conv:4", "-x", str(folder / "x.npy"), "-w", str(folder / "w.npz")])
    assert done.code == 0
    assert "other.weight is given, but no layer needs it" in done.err


# Hostile files


def header(text: str, version: bytes = b"\x01\x00", claimed: int | None = None) -> bytes:
    """Return the beginning of a .npy whose header says this."""
    data = text.encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(data) if claimed is None else claimed) + data


def described(kind: str = "'<f4'", shape: str = "(2, 3)", fortran: str = "False") -> bytes:
    return header(f"{{'descr': {kind}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n")


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}, None], object), allow_pickle=True)
    return file.getvalue()


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty, not a .npy file"),
    "text": (b"one two\n", "is not a .npy file"),
    "json": (b'{"a": 1}', "is JSON"),
    "wrong magic": (b"\x93NUMPX\x01\x00" + bytes(64), "is not a .npy file"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "a PNG picture"),
    "pickle": (b"\x80\x04\x95" + bytes(64), "a pickle"),
    "objects": (pickled(), "holds Python objects"),
    "half a header": (saved(np.ones(3))[:20], "has a broken header"),
    "version 9": (b"\x93NUMPY\x09\x00" + bytes(64), "version 9.0 of the format"),
    "no dictionary": (header("[1, 2]\n"), "has a broken header"),
    "a call": (header("{'descr': __import__('os').system('touch hacked'), 'shape': (1,)}\n"), "has a broken header"),
    "deep": (header("(" * 3000 + "\n"), "has a broken header"),
    "a long header": (header("{}", b"\x02\x00") + b"\xff\xff\xff\x7f" + bytes(64), "has a broken header"),
    "2^60 elements": (described(shape="(1152921504606846976,)"), "is truncated: 1152921504606846976 of float32"),
    "2^200 elements": (described(shape=f"({2**100}, {2**100})"), "no array can be that large"),
    "4,000 digits": (described(shape=f"({'9' * 4000},)"), "9…\n  no array can be that large"),
    "negative": (described(shape="(-2, 3)") + bytes(24), "claims the shape [-2, 3]"),
    "negative twice": (described(shape="(-2, -3)") + bytes(24), "claims the shape [-2, -3]"),
    "not whole": (described(shape="(2.5, 3)") + bytes(24), "has a broken header"),
    "a number": (described(shape="4") + bytes(24), "has a broken header"),
    "truncated": (
        saved(np.ones((2, 3, 4, 5), np.float32))[:-7],
        "is truncated: 2x3x4x5 of float32 is 480 bytes, but only 473",
    ),
    "structured": (saved(np.zeros(3, [("a", "f4"), ("b", "i2")])), "is of dtype"),
    "nested": (described(kind="[('a', '<f4', (2, 2))]") + bytes(96), "is of dtype"),
    "text values": (saved(np.array(["a", "bc"])), "x is of dtype"),
    "dates": (saved(np.array(["2026-01-01"], "M8[D]")), "x is of dtype"),
    "text of numbers": (saved(np.array([[["1"]]])), "<U1 is not a numeric type: give float32"),
    "complex": (saved(np.ones((1, 1, 2, 2), complex)), "complex numbers have no order"),
    "nothing wide": (described(kind="'<V0'"), "is of dtype"),
    "no axes": (saved(np.float32(3)), "x is a single number, not an array"),
    "zero size": (saved(np.ones((2, 0, 3, 3))), "x is empty: its shape is 2x0x3x3"),
    "zero batch": (saved(np.ones((0, 1, 3, 3))), "x is empty"),
    "many axes": (saved(np.ones((1,) * 20)), "1x1x1"),
}


@pytest.mark.parametrize("way", ["file", "pipe"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file(name: str, way: str, tmp_path: Path) -> None:
    data, words = HOSTILE[name]
    if way == "file":
        path = tmp_path / "bad.npy"
        path.write_bytes(data)
        done = here(["run", "conv:4,k1", "-x", str(path), "--seed", "0", "-o", str(tmp_path / "y.npy")])
    else:
        done = here(["run", "conv:4,k1", "-x", "-", "--seed", "0", "-o", str(tmp_path / "y.npy")], data)
    assert (done.code, done.out) == (2, ""), done
    message = done.err.replace("(-2, 3)", "[-2, 3]").replace("(-2, -3)", "[-2, -3]")
    too_much = "PiB of numbers, but the machine has"  # a pipe does not say how much it holds
    assert (too_much if (name, way) == ("2^60 elements", "pipe") else words) in message
    assert "Traceback" not in done.err
    assert not (tmp_path / "y.npy").exists()
    assert not Path("hacked").exists()


def archive(packing: int = zipfile.ZIP_DEFLATED, /, **entries: bytes) -> bytes:
    """Return a zip archive of these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as zipped:
        for name, data in entries.items():
            zipped.writestr(name, data)
    return file.getvalue()


def broken(data: bytes, at: int) -> bytes:
    """Return the data with a byte changed."""
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


HOSTILE_ARCHIVES: dict[str, tuple[bytes, str]] = {
    "no archive": (b"PK\x03\x04" + bytes(50), "cannot be unpacked"),
    "empty archive": (archive(), "holds 0 entries"),
    "a checkpoint": (archive(**{"model/data.pkl": b"\x80\x02", "model/data/0": b"1234"}), "nothing is unpickled"),
    "other files": (archive(**{"readme.txt": b"hello"}), "holds 'readme.txt'"),
    "objects": (archive(**{"conv1.weight.npy": pickled()}), "holds Python objects"),
    "wrong shape": (archive(**{"conv1.weight.npy": saved(np.ones((4, 5)))}), "conv1.weight has the shape 4x5"),
    "claims more": (archive(**{"conv1.weight.npy": described(shape="(4, 3, 1, 1)") + bytes(7)}), "is truncated"),
    "a claim of 2^60": (archive(**{"conv1.weight.npy": described(shape="(1152921504606846976,)")}), "has the shape"),
    "packed in blocks": (
        archive(zipfile.ZIP_BZIP2, **{"conv1.weight.npy": saved(np.ones((4, 3, 1, 1)))}),
        "uses a compression other than deflate",
    ),
    "broken data": (broken(archive(**{"conv1.weight.npy": saved(np.ones((4, 3, 1, 1)))}), 60), "cannot be unpacked"),
}


@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_a_hostile_archive(name: str, folder: Path) -> None:
    data, words = HOSTILE_ARCHIVES[name]
    (folder / "w.npz").write_bytes(data)
    files = ["-x", str(folder / "x.npy"), "-w", str(folder / "w.npz"), "-o", str(folder / "y.npy")]
    done = here(["run", "conv:4,nobias", *files])
    assert (done.code, done.out) == (2, ""), done
    assert words in done.err
    assert "Traceback" not in done.err
    assert left(folder) == ["w.npz"]


@posix
def test_a_zip_bomb_is_not_unpacked(folder: Path) -> None:
    bomb = archive(**{"conv1.weight.npy": described(shape="(4, 3, 1, 1)") + bytes(200_000_000)})
    assert len(bomb) < 1_000_000
    (folder / "w.npz").write_bytes(bomb)
    script = (
        "import resource, sys; from cnncalc.cli import call\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (150_000_000, 150_000_000))\n"
        "sys.exit(call(sys.argv[1:]))"
    )
    args = ["run", "conv:4,nobias", "-x", "x.npy", "-w", "w.npz", "-o", "y.npy"]
    environ = environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run(
        [sys.executable, "-c", script, *args], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr  # what follows the array is not read
    assert load(folder / "y.npy").shape == (6, 4, 9, 11)


def test_numbers_that_numpy_does_not_have(folder: Path) -> None:
    header = json.dumps({"conv1.weight": {"dtype": "BF16", "shape": [4, 3, 1, 1], "data_offsets": [0, 24]}}).encode()
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(24))
    done = here(["run", "conv:4", "-x", str(folder / "x.npy"), "-w", str(folder / "w.safetensors")])
    assert (done.code, done.out) == (2, "")
    assert done.err == "'conv1.weight' is of dtype BF16\n  save it as F32: NumPy does not have this type\n"
    arrays: dict[str, Any] = {"conv1.weight": np.ones((4, 3, 1, 1), complex)}
    np.savez(folder / "w.npz", **arrays)
    done = here(["run", "conv:4", "-x", str(folder / "x.npy"), "-w", str(folder / "w.npz")])
    assert done.err == "conv1.weight is of dtype complex128\n  weights are real numbers of at most 64 bits\n"


def test_of_many_weights_that_are_missing_some_are_named(folder: Path) -> None:
    done = here(["run", *["conv:4,k1"] * 7, "-x", str(folder / "x.npy")])
    assert done.code == 2
    assert done.err.splitlines()[0].endswith(", conv6.bias 4, and 2 more")  # a weight and a bias each


@posix
@pytest.mark.parametrize(("number", "code"), [(errno.EOPNOTSUPP, 0), (errno.EIO, 2)])
def test_where_blocks_are_not_reserved(number: int, code: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros are written if the file system cannot reserve space, and nothing remains if that fails."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    done = here(["run", "conv", "-x", "x.npy", "-w", "w.npy", "-o", "y.npy"], cwd=folder)
    assert done.code == code, done.err
    assert left(folder) == ([] if code else ["y.npy"])
    if not code:
        x, w = load(folder / "x.npy"), load(folder / "w.npy")
        np.testing.assert_array_equal(load(folder / "y.npy"), cnncalc.run("conv", x, w, bias=np.zeros(4, "f4")))


@pytest.mark.parametrize("patience", [-1, 1000])
def test_a_terminal_shows_how_much_is_done(patience: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("cnncalc.cli.run.PATIENCE", patience)
    line = ["run", "conv:4,k3", "relu", "--seed", "0", "--memory", "60k"]
    with contextlib.redirect_stderr(terminal):
        assert call([*line, "-x", str(folder / "x.npy"), "-o", str(folder / "y.npy")]) == 0
    shares = [int(share) for share in re.findall(r"(\d+)%", terminal.getvalue())]
    assert shares[-1:] == ([100] if patience < 0 else [])
    assert shares == sorted(shares)
    assert len(shares) > 2 or not shares


@pytest.mark.parametrize("line", ["shape -", "shape - --jsonl", "run relu -x -"])
def test_standard_input_that_is_closed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert call(line.split()) == 2
    assert "standard input is closed" in err.getvalue() + out.getvalue()


def test_a_safetensors_file_that_is_none(folder: Path) -> None:
    for data in (b"\x00" * 40, b"\xff" * 8 + b"{}", b""):
        (folder / "w.safetensors").write_bytes(data)
        done = here(["run", "conv:4", "-x", str(folder / "x.npy"), "-w", str(folder / "w.safetensors")])
        assert (done.code, done.out) == (2, "")
        assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-x", "nowhere.npy"], "there is no file"),
        (["-x", "."], "is a directory"),
        (["-x", "a\0b"], "cannot be the name of a file"),
        (["-x", "x.npy", "-o", "nowhere/y.npy"], "cannot be written: No such file"),
        (["-x", "x.npy", "-o", "."], "cannot be written"),
        (["-x", "x.npy", "-o", ""], "is not a file name"),
        (["-x", "-", "-w", "-"], "standard input can be read only once"),
        (["-x", "x.npy", "--memory", "lots"], "'lots' is not a number of bytes"),
        (["-x", "x.npy", "--memory", "1k"], "one sample takes"),
        (["-x", "x.npy", "-o", "-", "--json"], "leave one of them out"),
        (["-x", "x.npy", "--seed", "-1"], "--seed: -1 is too small"),
        (["2x9x11", "-x", "x.npy"], "the first word gives the shape 2x9x11"),
        (["-x", "x.npy", "--rows", "3:3"], "A must be below B"),
        (["-x", "x.npy", "--rows", "1:99"], "for the rest: --rows 1:"),
        (["-x", "zeros"], "np.save('x.npy', np.zeros((3, 224, 224)))"),
        (["-x", "randn"], "np.save('x.npy', np.random.default_rng(0).random((3, 224, 224)))"),
    ],
)
def test_wrong_usage(args: list[str], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    front = [args.pop(0)] if args[0] == "2x9x11" else []
    seed = [] if "--seed" in args else ["--seed", "0"]
    done = here(["run", *front, "conv:4,k3", *args, *seed])
    assert (done.code, done.out) == (2, ""), done
    assert words in done.err
    assert left(folder) == []


@pytest.mark.parametrize(
    ("array", "shape", "words"),
    [
        (np.array(["a", "b"]), (2,), "'w.npy' is of dtype <U1"),
        (np.array(3.0), (), "'w.npy' is a single number, not an array"),
        (np.ones((4, 3, 3, 3), complex), (4, 3, 3, 3), "'w.npy' is of dtype complex128"),
        (np.ones(1), (1,) * 33, "'w.npy' claims a shape of 33 sizes"),  # more axes than arrays may have before NumPy 2
    ],
    ids=["text", "number", "complex", "axes"],
)
@pytest.mark.parametrize("command", [["run", "conv", "-x", "x.npy"], ["dense", "conv", "-i", "2x9x11"]])
def test_what_is_no_kernel_is_blamed_itself(
    command: list[str], array: Any, shape: tuple[int, ...], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with Path("w.npy").open("wb") as file:
        header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.tobytes())
    done = here([*command, "-w", "w.npy"])
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_what_is_not_known_cannot_be_executed(folder: Path) -> None:
    spec = '[{"op": "relu"}, {"op": "opaque", "type": "Wavelet", "out": [2, 9, 11], "name": "odd"}]'
    (folder / "net.json").write_text(spec, encoding="utf-8")
    done = here(["run", str(folder / "net.json"), "-x", str(folder / "x.npy")])
    assert done.code == 2
    assert "layers[1] 'odd': it is of type Wavelet: what it computes is unknown" in done.err


# Files left by a run


def slow_run(folder: Path, out: str = "y.npy") -> subprocess.Popen[bytes]:
    """Start a run that takes seconds and writes a result of 200 MB."""
    np.lib.format.open_memmap(folder / "big.npy", "w+", np.float32, (400, 16, 90, 90))
    args = ["run", "conv:16,k7,p3", "relu", "conv:16,k7,p3", "-x", "big.npy", "--seed", "0", "-o", out]
    with interrupts():
        return subprocess.Popen(
            [sys.executable, "-m", "cnncalc", *args], cwd=folder, env=environment(), stderr=subprocess.PIPE
        )


def until(true: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@posix
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_an_end_in_the_middle_leaves_nothing_under_the_name(folder: Path, name: str) -> None:
    ending = signal.Signals[name]
    running = slow_run(folder)
    until(lambda: any(p.name.endswith(".part") for p in folder.iterdir()))
    assert not (folder / "y.npy").exists()
    running.send_signal(ending)
    running.communicate()
    assert not (folder / "y.npy").exists()
    if name != "SIGKILL":
        assert running.returncode == 128 + ending
        assert not [p.name for p in folder.iterdir() if p.name.endswith(".part")]


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(folder: Path) -> None:
    (folder / "y.npy").write_bytes(b"before")
    os.chmod(folder / "y.npy", 0o640)
    mode = (folder / "y.npy").stat().st_mode  # Windows keeps only one bit of it
    done = here(["run", "conv:4,k3", "-x", str(folder / "w.npy"), "--seed", "0", "-o", str(folder / "y.npy")])
    assert done.code == 2  # the kernel does not fit
    assert (folder / "y.npy").read_bytes() == b"before"
    done = here(["run", "relu", "-x", str(folder / "w.npy"), "-o", str(folder / "y.npy")])
    assert done.code == 0
    assert load(folder / "y.npy").shape == (4, 3, 3, 2)
    assert (folder / "y.npy").stat().st_mode == mode


@posix
def test_the_input_may_be_the_output(folder: Path) -> None:
    x = load(folder / "x.npy")
    assert here(["run", "relu", "-x", str(folder / "x.npy"), "-o", str(folder / "x.npy")]).code == 0
    np.testing.assert_array_equal(load(folder / "x.npy"), np.maximum(x, 0))


@dev_full
def test_a_full_device(folder: Path) -> None:
    device = here(["run", "conv:4,k3", "-x", str(folder / "x.npy"), "--seed", "0", "-o", "/dev/full", "-q"])
    assert device.code == 2
    assert "No space left on device" in device.err


@posix
def test_a_link_and_a_device(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "y.npy").symlink_to(folder / "real" / "there.npy")
    assert here(["run", "relu", "-x", str(folder / "x.npy"), "-o", str(folder / "y.npy")]).code == 0
    assert (folder / "y.npy").is_symlink()
    assert load(folder / "real" / "there.npy").shape == (6, 3, 9, 11)
    assert here(["run", "relu", "-x", str(folder / "x.npy"), "-o", "/dev/null"]).code == 0
    os.mkfifo(folder / "pipe.npy")
    writer = subprocess.Popen(["bash", "-c", "cat x.npy > pipe.npy"], cwd=folder)
    done = process("run", "relu", "-x", "pipe.npy", "-o", "z.npy", cwd=folder)
    writer.wait()
    assert done.code == 0, done.err
    assert load(folder / "z.npy").shape == (6, 3, 9, 11)


@posix
@pytest.mark.parametrize("form", ["npy", "npz", "csv"])
def test_weights_from_a_pipe_are_read_once(form: str, folder: Path) -> None:
    """From a named pipe, as of a shell's <(...), and from standard input."""
    w = load(folder / "w.npy")
    data = io.BytesIO()
    {
        "npy": lambda: np.save(data, w),
        "npz": lambda: np.savez(data, **{"conv1.weight": w, "conv1.bias": np.zeros(4, np.float32)}),
        "csv": lambda: np.savetxt(data, w[0, 0], delimiter=","),
    }[form]()
    word, x = ("conv:4,k3x2", "x.npy") if form != "csv" else ("conv", "[[1, 2, 3], [4, 5, 6], [7, 8, 10]]")
    words = ["run", word, "-x", x, "-o", "y.npy", "-w"]
    end, begin = os.pipe()
    with open(end, "rb") as pipe, open(begin, "wb") as writer:
        writer.write(data.getvalue())
        writer.close()
        done = here([*words, f"/dev/fd/{pipe.fileno()}"], cwd=folder)
    assert done.code == 0, done
    found = load(folder / "y.npy")
    if form != "csv":
        np.testing.assert_allclose(found, cnncalc.run("conv:4,k3x2", load(folder / "x.npy"), w), rtol=1e-5)
    done = here([*words, "-"], data.getvalue(), cwd=folder)
    assert done.code == 0, done
    np.testing.assert_array_equal(load(folder / "y.npy"), found)


def test_weights_of_another_form_are_not_read_from_a_pipe(folder: Path) -> None:
    data = struct.pack("<Q", 2) + b"{}"
    done = here(["run", "conv:4,k3x2", "-x", "x.npy", "-w", "-"], data, cwd=folder)
    help = "give weights in another format, such as .safetensors, as a file: only these can come from a pipe"
    assert (done.code, done.err) == (2, f"'-' is not a .npy file, a .npz file or a table of numbers\n  {help}\n")


@posix
def test_numbers_that_have_no_end_are_read_up_to_their_limit(folder: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (1 << 50, 2)})
    for line in ("1", "[1,"):
        with subprocess.Popen(["yes", line], stdout=subprocess.PIPE) as endless:
            words = [*command(), "run", "relu", "-x", "-"]
            ended = subprocess.run(
                words, stdin=endless.stdout, env=environment(), capture_output=True, check=False, text=True
            )
            endless.kill()
        assert (ended.returncode, ended.stderr) == (2, "'-' does not end within 16 MiB\n  give a file\n")
    done = here(["run", "relu", "-x", "-"], head.getvalue())
    assert (done.code, done.err.partition(", but the machine has ")[0]) == (2, "'-' is 8.0 PiB of numbers")


def test_a_run_beyond_the_machine_is_refused(folder: Path) -> None:
    done = here(["run", "linear:100000000", "flatten", "-x", str(folder / "x.npy"), "--seed", "0"])
    assert done.code == 2
    done = here(["run", "flatten", "linear:100000000", "-x", str(folder / "x.npy"), "--seed", "0", "--memory", "9T"])
    assert done.code == 2
    assert "of memory, but the machine has" in done.err
    assert "note: needs" in done.err


@posix
def test_what_a_run_needs_is_said_before_it_begins(folder: Path) -> None:
    os.mkfifo(folder / "y.npy")
    words = ["run", "relu", "-v", "-x", "x.npy", "-o", "y.npy"]
    running = subprocess.Popen([*command(), *words], cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert running.stderr.readline().startswith("note: needs ")  # while it waits for a reader of the pipe
    assert running.poll() is None
    assert (folder / "y.npy").read_bytes()
    running.communicate()
    assert running.returncode == 0


@posix
def test_a_large_batch_stays_in_bounded_memory(folder: Path) -> None:
    """200 samples of 1.5 MiB, processed in at most 40 MiB: twice as many samples take no more."""
    path = folder / "big.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (200, 3, 360, 360))
    script = (
        "import resource, sys, cnncalc.execute; from cnncalc.cli import call\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert call(sys.argv[1:]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    args = [
        "run",
        "conv:4,k3,s3",
        "relu",
        "maxpool:k3",
        "-x",
        "big.npy",
        "--seed",
        "0",
        "-o",
        "y.npy",
        "--memory",
        "40M",
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *args],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    unit = 1 if sys.platform == "darwin" else 1024  # macOS reports bytes
    assert int(done.stdout) * unit < 200 << 20, "297 MiB go in"
    assert load(folder / "y.npy").shape == (200, 4, 40, 40)


def test_a_small_layer_does_not_wait_for_what_it_does_not_need(folder: Path) -> None:
    script = (
        "import sys, numpy; numpys = set(sys.modules)\n"  # NumPy 1 loads all of its modules
        "from cnncalc.cli import call\n"
        "assert call(sys.argv[1:]) == 0\n"
        "loaded = set(sys.modules) - numpys\n"
        "assert not {'rich', 'safetensors', 'zipfile', 'numpy.polynomial', 'onnx', 'torch'} & loaded"
    )
    args = ["run", "conv", "relu", "-x", "x.npy", "-w", "w.npy", "-o", "y.npy"]
    subprocess.run([sys.executable, "-c", script, *args], cwd=folder, env=environment(), check=True)


@posix
def test_limits_of_this_process_are_as_before() -> None:
    import resource

    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize(
    "word",
    [
        "pad:p=9999999999",
        "pad:p=500000",
        "adaptiveavgpool:9999999999999",
        "conv:4,k3,p60000",
        "conv:99999999999999999,k3",
    ],
)
@pytest.mark.parametrize("out", [[], ["-o", os.devnull], ["--json"]])
def test_what_no_machine_holds_is_refused(word: str, out: list[str], folder: Path) -> None:
    done = here(["run", word, "-x", str(folder / "x.npy"), "--seed", "0", *out])
    assert (done.code, done.out) == (2, ""), done
    assert "more than any machine can hold" in done.err or "but the machine has" in done.err
