"""The law of `tests/faults` after one fault of each kind, and after faults found earlier."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnncalc.cli import COMMANDS
from tests.program import dev_full, environment, interrupts, posix

from . import FAULTS, attempt
from .commands import PRINTERS, PROGRAM, WRITERS, Done, Skip, State, fill, limited, line, run, start
from .signalling import NAMES

pytestmark = posix
AT_EVENT = """
import os, runpy, sys
event, action = sys.argv[1:3]
def hook(now, arguments):
    if now == event and str(arguments[0]).endswith((".part", "cnncalc.signals")):
        exec(action)
sys.addaudithook(hook)
sys.argv[:3] = ["cnncalc"]
runpy.run_module("cnncalc", run_name="__main__", alter_sys=True)
"""
"""A program that acts before the command opens or renames the file beside its target, or handles signals."""


def at_event(event: str, action: str, words: list[str], folder: Path, *before: str) -> Done:
    script = [*before, sys.executable, "-c", AT_EVENT, event, action, *words]
    with interrupts():
        done = subprocess.run(script, cwd=folder, env=environment(), capture_output=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_holds_after(fault: str) -> None:
    try:
        attempt(fault, 0, 0)
    except Skip as reason:
        pytest.skip(str(reason))


def test_every_command_prints_in_front_of_faults() -> None:
    assert {words[0] for words in PRINTERS.values()} >= set(COMMANDS)


@pytest.mark.parametrize(("kind", "name"), [("an array", "SIGTERM"), *[("a report", name) for name in NAMES]])
def test_a_signal_before_the_file_gets_its_name(name: str, kind: str, tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "out").write_bytes(b"old")
    state, number = State.of(tmp_path, tmp_path / "out"), getattr(signal, name)
    done = at_event("os.rename", f"os.kill(os.getpid(), {int(number)})", line(kind, "out"), tmp_path)
    assert (done.code, done.out, done.err) == (128 + number, b"", b"")
    state.check(kind, done.code)
    assert (state.target.read_bytes() == b"old") == (kind == "a report")  # several files are renamed uninterrupted


@pytest.mark.parametrize("event", ["open", "os.mkdir"])
def test_a_signal_leaves_no_new_folder(event: str, tmp_path: Path) -> None:
    """Neither the folder created before the signal nor one within it."""
    fill(tmp_path)
    (tmp_path / "kept").mkdir()
    before = sorted(os.listdir(tmp_path))
    words = ["run", "relu", "-x", "x.npy", "--keep-all", "kept/new/maps.part", "-q"]
    done = at_event(event, f"os.kill(os.getpid(), {int(signal.SIGTERM)})", words, tmp_path)
    assert done == (128 + signal.SIGTERM, b"", b"")
    assert (sorted(os.listdir(tmp_path)), os.listdir(tmp_path / "kept")) == (before, [])


def test_a_signal_that_is_ignored_at_the_start_stays_so(tmp_path: Path) -> None:
    """As `nohup` ignores it."""
    before = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    action = f"os.kill(os.getpid(), {int(signal.SIGHUP)})"
    done = at_event("os.rename", action, line("a table", "out"), tmp_path, *before)
    assert done.code == 0, done
    State.of(tmp_path, tmp_path / "out").check("a table", 0)


def test_native_code_that_ends_the_program(tmp_path: Path) -> None:
    """OpenBLAS ends its process if it gets no memory, with exit code 1, which means a failed check."""
    fill(tmp_path)
    state = State.of(tmp_path, tmp_path / "out")
    done = at_event("os.rename", "import ctypes; ctypes.CDLL(None).exit(1)", line("an array", "out"), tmp_path)
    assert done == (2, b"", b"")
    state.check("an array", done.code)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not heed a limit on memory")
@pytest.mark.parametrize(("size", "code"), [(90, 2), (1 << 13, 0)])
def test_native_code_is_loaded_where_there_is_memory(size: int, code: int, tmp_path: Path) -> None:
    """OpenBLAS ends its process with 1, or by SIGINT: the report is complete, and all files are checked."""
    pytest.importorskip("onnx")
    fill(tmp_path)
    assert run(["convert", "2x9x11", "conv:3,k3", "-o", "net.onnx"], tmp_path).code == 0
    env = environment() | {"OPENBLAS_NUM_THREADS": "4"}
    words = ["check", "net.onnx", "net.json", "net.onnx", "--json"]
    done = run(words, tmp_path, limited(size << 20, "AS"), env=env)
    assert (done.code, done.err) == (code, b"")
    found = [file["findings"][0]["code"] for file in json.loads(done.out)["files"]]
    assert found == (["CC001", "CC201", "CC001"] if code else ["CC201"] * 3)
    assert (f"cannot be loaded where memory is limited to {size} MiB" in done.out.decode()) == bool(code)
    done = run(["run", "relu", "-x", "x.npy", "-o", "out.npy"], tmp_path, limited(size << 20, "AS"), env=env)
    assert (done.code, "set OPENBLAS_NUM_THREADS=1" in done.said) == (code, bool(code))


@pytest.mark.parametrize("size", [0, 99_000])
def test_an_array_that_is_cut_short_while_it_is_mapped(size: int, tmp_path: Path) -> None:
    """Reading beyond the last page causes SIGBUS; within that page there are zeros, which are not data."""
    np.save(tmp_path / "x.npy", np.ones((1, 5, 50, 100), np.float32))
    done = at_event("open", f"os.truncate('x.npy', {size})", ["run", "relu", "-x", "x.npy", "-o", "out.npy"], tmp_path)
    assert done.code == 2, done
    assert done.said.startswith(("'x.npy' was truncated while in use", "'x.npy' changed while in use")), done
    assert os.listdir(tmp_path) == ["x.npy"]


def test_an_interrupt_while_modules_are_imported(tmp_path: Path) -> None:
    """A module that replaces click sends the signal."""
    (tmp_path / "click.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n")
    env = environment()
    env["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{env['PYTHONPATH']}"
    done = run(["shape", "vgg16"], tmp_path, env=env)
    assert done == (130, b"", b"")


def test_an_interrupt_before_signals_are_heeded(tmp_path: Path) -> None:
    done = at_event("import", f"os.kill(os.getpid(), {int(signal.SIGINT)})", ["shape", "vgg16"], tmp_path)
    assert done == (-signal.SIGINT, b"", b"")


def test_a_pipe_that_waits_for_its_reader_can_be_interrupted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with interrupts():
        process = subprocess.Popen([*PROGRAM, *line("a report", "pipe")], cwd=tmp_path, env=environment())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.6)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("words", "code", "files"),
    [
        ("run relu:name=a relu -x x.npy -o - --keep a", 2, []),
        ("learn conv:k3,nobias -x a.npy -y b.npy --lr 1e-4 --steps 5 -o k.npy", 0, ["k.npy"]),
        ("check net.json --expect out=1x8x8 --json", 1, []),
        ("diff vgg11 vgg16 --exit-code", 1, []),
        ("compare vgg11 nowhere", 2, []),
    ],
)
def test_the_code_where_nobody_reads(words: str, code: int, files: list[str], tmp_path: Path) -> None:
    fill(tmp_path)
    before = set(os.listdir(tmp_path))
    ours, theirs = os.pipe()
    os.close(ours)
    done = run(words.split(), tmp_path, stdout=theirs)
    os.close(theirs)
    assert done.code == code, done
    assert sorted(set(os.listdir(tmp_path)) - before) == files


def test_what_is_behind_standard_output_is_not_written_over(tmp_path: Path) -> None:
    """`-o /dev/stdout` appends to a file if the shell opened it so."""
    script = 'exec "$@" >>kept'
    (tmp_path / "kept").write_bytes(b"kept\n")
    (tmp_path / "link").symlink_to("/dev/stdout")
    for name in ("/dev/stdout", "/dev/fd/1", "/dev/../dev/stdout", "link"):
        done = run(line("a table", name), tmp_path, ["sh", "-c", script, "sh"])
        assert done.code == 0, done
    first, *tables = (tmp_path / "kept").read_bytes().partition(b"\n")
    whole = run(WRITERS["a table"][:-2], tmp_path).out
    assert (first, tables) == (b"kept", [b"\n", whole * 4])


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """What a library prints would end up in it."""
    action = "for n in range(3):\n    if os.path.samestat(os.fstat(n), os.stat(arguments[0])): os._exit(77)"
    before = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    assert at_event("os.rename", action, line("a table", "out"), tmp_path, *before).code == 0


@pytest.mark.parametrize(("limit", "code"), [("-S", 0), ("", 2)])
def test_more_files_than_may_be_open(limit: str, code: int, tmp_path: Path) -> None:
    """A soft limit is raised, such as 256 on macOS; a hard limit is an error."""
    fill(tmp_path)
    before = ["sh", "-c", f'ulimit {limit} -n 24; exec "$@"', "sh"]
    done = run(["run", *["relu"] * 20, "-x", "x.npy", "--keep-all", "maps", "-q"], tmp_path, before)
    assert done.code == code, done
    assert not code or not (tmp_path / "maps").exists()
    assert code or len(os.listdir(tmp_path / "maps")) == 20
    assert ("ulimit -n" in done.said) == bool(code)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("shape net.jsonl --jsonl", "net.jsonl"),
        ("shape - --jsonl", "linked"),
        ("check net.jsonl", "linked"),
        ("check - --jsonl", "net.jsonl"),
    ],
)
def test_lines_are_not_read_where_they_are_written(words: str, name: str, tmp_path: Path) -> None:
    """It would go on until the disk is full."""
    lines = b'{"input": [1, 8, 9], "layers": [{"op": "relu"}]}\n' * 3
    (tmp_path / "net.jsonl").write_bytes(lines)
    os.link(tmp_path / "net.jsonl", tmp_path / "linked")
    with open(tmp_path / name, "ab") as out, open(tmp_path / "net.jsonl", "rb") as given:
        process = start(words.split(), tmp_path, limited(50_000), stdin=given, stdout=out)
        said = process.communicate(timeout=60)[1]
    said += (tmp_path / name).read_bytes().removeprefix(lines)
    assert (process.returncode, b"which is also read" in said, len(said) < 1000) == (2, True, True), said


AT_CLOSE = """
import os, runpy
def end(number, really=os.close):
    is_output = os.path.samestat(os.fstat(number), os.fstat(1))
    really(number)
    if is_output:
        raise OSError(122, "Disk quota exceeded")
os.close = end
runpy.run_module("cnncalc", run_name="__main__", alter_sys=True)
"""
"""A program whose standard output is on a full network disk, which reports that on close."""


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ("zoo", None),
        ("run relu -x x.npy --json -o y.npy", None),
        ("run relu:name=a relu -x x.npy -o - --keep a", None),
        ("learn conv:k3,nobias -x a.npy -y b.npy --lr 1e-4 --steps 5 -o k.npy", None),
        ("run relu -x x.npy -o y.npy", ["y.npy"]),
    ],
)
def test_output_that_is_refused_at_its_close(words: str, files: list[str] | None, tmp_path: Path) -> None:
    fill(tmp_path)
    before = set(os.listdir(tmp_path))
    script = [sys.executable, "-c", AT_CLOSE, *words.split()]
    with open(tmp_path / "log", "wb") as log:
        done = subprocess.run(
            script, cwd=tmp_path, env=environment(), stdout=log, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert sorted(set(os.listdir(tmp_path)) - before - {"log"}) == (files or [])
    assert (done.returncode, b"cannot write: Disk quota exceeded" in done.stderr) == (
        (2, True) if not files else (0, False)
    )


@pytest.mark.parametrize("line", ["-V", "--help", "help shape"])
def test_what_click_prints_where_nothing_is_open(line: str, tmp_path: Path) -> None:
    done = run(line.split(), tmp_path, ["sh", "-c", 'exec "$@" >&-', "sh"])
    assert done == (2, b"", b"cannot write: standard output is closed\n")


@pytest.mark.parametrize(
    ("redirection", "path", "code"), [(">&-", "/dev/stdout", 2), pytest.param("2>/dev/full", "out", 0, marks=dev_full)]
)
def test_streams_that_take_nothing(redirection: str, path: str, code: int, tmp_path: Path) -> None:
    fill(tmp_path)
    words = ["run", "relu", "-x", "x.npy", "-v", "-o", path]  # -v writes a note
    assert run(words, tmp_path, ["sh", "-c", f'exec "$@" {redirection}', "sh"]).code == code
    assert (tmp_path / "out").exists() == (code == 0)
