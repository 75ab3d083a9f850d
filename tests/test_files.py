"""Files are written in the same way by all commands: completely or not at all, keeping their mode and their links."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import socket
import stat
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncalc import cli, files, outputs, signals
from cnncalc.errors import SpecError, shown
from cnncalc.execute import job, sinks
from tests.faults.commands import ENDINGS, WRITERS, fill, line
from tests.program import dev_full, here, posix


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


def wrote(kind: str, path: str) -> None:
    done = here(line(kind, path))
    assert done.code == 0, done
    assert not signals.UNFINISHED


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_keeps_its_mode_and_is_replaced(kind: str, folder: Path) -> None:
    path = folder / f"out{ENDINGS.get(kind, '')}"
    wrote(kind, path.name)
    first, inode = path.read_bytes(), path.stat().st_ino
    path.chmod(0o640)
    mode = path.stat().st_mode  # Windows keeps only one bit of it
    wrote(kind, path.name)
    assert path.stat().st_mode == mode
    assert path.stat().st_ino != inode  # another file: a reader of the old one reads it to its end
    assert kind == "named kernels" or path.read_bytes() == first  # a zip contains the time
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
    done = here(line(kind, path))
    assert done.code == 2, done
    said = {"": "'' is not a file name", "a\0b": "cannot be the name of a file", "/dev/full": "No space left on device"}
    assert said.get(path, f"'{path}' cannot be written") in done.err
    assert not signals.UNFINISHED
    assert sorted(p.name for p in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "on_windows", "elsewhere"),
    [
        ("conv1", "conv1", "conv1"),
        ("block/conv\0", "block_conv_", "block_conv_"),
        ('a:b\\c*d?e"f<g>h|i\t', "a_b_c_d_e_f_g_h_i_", 'a:b\\c*d?e"f<g>h|i\t'),
        ("con", "_con", "con"),
        ("LPT1.weight", "_LPT1.weight", "LPT1.weight"),
        ("com9", "_com9", "com9"),
        ("COM0", "COM0", "COM0"),
        ("lpt10", "lpt10", "lpt10"),
        ("conv", "conv", "conv"),
        ("a" * 251, "a" * 250, "a" * 250),
        ("漢" * 255, "漢" * 83, "漢" * 83),
    ],
)
def test_a_name_becomes_one_of_a_file(name: str, on_windows: str, elsewhere: str) -> None:
    assert (outputs.safe_name(name, True), outputs.safe_name(name, False)) == (on_windows, elsewhere)
    assert outputs.safe_name(name) == (on_windows if os.name == "nt" else elsewhere)


@pytest.mark.parametrize(
    ("first", "second", "folds"),
    [("a", "A", None), ("a", "A", False), ("a", "A", True), ("é", "e\u0301", True), ("straße", "STRASSE", True)],
)
def test_names_that_a_disk_takes_for_one(
    first: str, second: str, folds: bool | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As disks of Windows and macOS do, and some of Linux; None is the disk of the tests."""
    exists = os.path.exists
    Path(first).touch()
    is_one = exists(second) if folds is None else folds
    if folds is not None:
        monkeypatch.setattr(os.path, "exists", lambda path: folds if str(path).endswith(".PART") else exists(path))
    done = here(["run", f"relu:name={first}", f"relu:name={second}", "-x", "x.npy", "--keep-all", "maps"])
    assert done.code == (2 if is_one else 0), done
    said = f"two outputs would be the same file: {os.path.join('maps', f'{second}.npy')!r}"
    assert (said in done.err) == is_one
    assert exists("maps") == (not is_one)


def test_what_may_have_no_end_is_read_up_to_its_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_STREAM", 1 << 20)
    monkeypatch.setattr(files, "LARGEST_DEVICE", 3)
    assert files.read_whole(io.BytesIO(b"12345678"), "x") == b"12345678"
    Path("large").write_bytes(bytes((1 << 20) + 1))
    with files.opened("large") as file:  # a file on a disk has an end
        assert len(files.read_whole(file, "large")) == (1 << 20) + 1
    for size, said in ((1 << 20, contextlib.nullcontext()), ((1 << 20) + 1, pytest.raises(SpecError, match="1 MiB"))):
        end, begin = os.pipe()

        def write(begin: int = begin, size: int = size) -> None:
            with open(begin, "wb") as pipe:
                pipe.write(bytes(size))

        threading.Thread(target=write, daemon=True).start()
        with open(end, "rb") as pipe, said:
            assert len(files.read_whole(pipe, "a")) == size
    if os.path.exists("/dev/zero"):
        with (
            open("/dev/zero", "rb") as device,
            pytest.raises(SpecError, match=r"^'zero' does not end within 0 MiB\n  give a file$"),
        ):
            files.read_whole(device, "zero")


CHARACTERS = f"it has a NUL, or a character that cannot be encoded in {sys.getfilesystemencoding()}"


@posix
def test_a_regular_file_that_waits_for_more_ends_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As /proc/kmsg, which the system calls regular; a pipe without a writer stands in for it."""
    os.mkfifo(folder / "pipe")
    held = os.open(folder / "pipe", os.O_RDWR)

    def write() -> None:
        os.write(held, b"late")
        os.close(held)

    late = threading.Timer(5, write)
    late.start()
    monkeypatch.setattr(stat, "S_ISREG", lambda mode: True)
    with files.opened("pipe") as file:
        assert (file.read(), file.read(2), file.readline()) == (b"", b"", b"")
    late.cancel()
    os.close(held)


@posix  # Windows allows names with half a character
@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
@pytest.mark.parametrize(
    "words",
    [
        "check lenet5 --baseline NAME",
        "check lenet5 --baseline NAME --update",
        "run relu -x x.npy --keep-all NAME",
        "run relu -x NAME",
        "run conv:4,k3 -x x.npy -w NAME",
        "shape lenet5 -o NAME",
        "convert lenet5 --weights-out NAME",
    ],
)
def test_what_no_file_can_be_called(words: str, name: str, folder: Path) -> None:
    done = here([name if word == "NAME" else word for word in words.split()])
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"{shown(name)} cannot be the name of a file\n  {CHARACTERS}\n")
    done = here(["check", f"{name}/*"])
    assert (done.code, "no file matches" in done.out) == (2, True)


def test_what_cannot_be_opened_is_named(folder: Path) -> None:
    for path, said in (
        ("a\0b", f"'a\\x00b' cannot be the name of a file\n  {CHARACTERS}"),
        (".", "'.' is a directory\n  name a file in it"),
        ("nowhere", f"'nowhere' cannot be read: {os.strerror(errno.ENOENT)}"),
    ):
        with pytest.raises(SpecError) as caught, files.opened(path):
            pass
        assert str(caught.value) == said
    with pytest.raises(SpecError, match=r"^'x\.npy' cannot be read: not seekable$"), files.opened("x.npy"):
        raise io.UnsupportedOperation("not seekable")  # an OSError without a number


def test_what_the_system_refuses_is_said_with_what_helps(folder: Path) -> None:
    target = outputs.Target("out")
    for error, said in (
        (OSError(errno.ENOSPC, "full"), "'out' cannot be written: full"),
        (io.UnsupportedOperation("truncate"), "'out' cannot be written: truncate"),
        (
            OSError(errno.EMFILE, "too many"),
            "'out' cannot be written: too many\n  write fewer files at once, or raise the limit that `ulimit -n` shows",
        ),
    ):
        with pytest.raises(SpecError) as caught, target.errors():
            raise error
        assert str(caught.value) == said
    with pytest.raises(BrokenPipeError), target.errors():
        raise BrokenPipeError
    target.discard()


def test_a_mapped_file_that_is_cut_short_ends_with_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Callable[[], str]] = []
    monkeypatch.setattr(files, "guard_maps", said.append)
    with open("x.npy", "rb") as file, files.mapped(file, "x.npy"):
        (reason,) = said
        help = "\n  try again; the program that writes it should write a new file and rename it"
        assert reason() == f"a file was truncated while in use, or its disk is gone{help}"
        os.truncate("x.npy", os.path.getsize("x.npy"))
        os.utime("x.npy", (1, 1))
        assert reason() == f"'x.npy' was truncated while in use, or its disk is gone{help}"


@posix
def test_a_folder_is_not_written(folder: Path) -> None:
    Path("linked").symlink_to("x.npy")
    with pytest.raises(SpecError, match=r"^'\.' cannot be written: it is a directory$"):
        outputs.Target(".")
    for path, name in (("linked", os.path.realpath("x.npy")), ("new", "new")):
        target = outputs.Target(path)
        assert target.name == name
        target.discard()


@posix
def test_what_is_not_a_file_of_a_folder_is_special(folder: Path) -> None:
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/7", "/proc/self/fd/0"):
        assert outputs.is_special(path), path
    for path in ("x.npy", ".", "nowhere", "stdout", "/dev/fd/x", "/dev/fd/", "/dev/fd/٣", "nowhere/1"):
        assert not outputs.is_special(path), path
    for digits in (3, 10, 20, 1000):
        with pytest.raises(SpecError, match=r"cannot be written: (Bad file descriptor|No such file)"):
            outputs.Target(f"/dev/fd/{'9' * digits}")
    opened = {
        "/dev/stdin": 0,
        "/dev/stdout": 1,
        "/dev/stderr": 2,
        "/dev/fd/3": 3,
        "/proc/self/fd/14": 14,
        "/proc/thread-self/fd/1": 1,
        "/stdin": None,
    }
    Path("deep").mkdir()
    for path, to, number in (("out", "/dev/stdout", 1), ("deep/up", "../out", 1), ("seven", "/dev/fd/7", 7)):
        Path(path).symlink_to(to)
        opened[path] = number
    assert {path: outputs._descriptor(path) for path in opened} == opened  # noqa: SLF001
    assert {path for path in opened if outputs.output_path(path) == "-"} == {
        path for path in opened if opened[path] == 1
    }
    assert {outputs.output_path(path) for path in ("-", "/dev/fd/2", "x.npy")} == {"-", "/dev/fd/2", "x.npy"}


@posix
@pytest.mark.parametrize(
    ("count", "limits", "asked"),
    [
        (1000, (256, 4096), (1064, 4096)),
        (1000, (256, -1), (1064, -1)),
        (1000, (256, 500), (500, 500)),  # no more than allowed
        (1000, (1064, 4096), None),
        (192, (256, 4096), None),
        (193, (256, 4096), (257, 4096)),
        (1000, (500, 500), None),
        (1000, (-1, -1), None),
    ],
)
def test_as_many_files_may_be_open_as_are_written(
    count: int, limits: tuple[int, int], asked: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: calls.append(pair))
    outputs.allow_open(count)
    assert calls == [asked] * (asked is not None)


@posix
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run relu -x x.npy --json -o /dev/stdout", "-o - writes the array itself, but --json describes it"),
        ("convert a.onnx --weights-out /dev/fd/1", "the network and its weights would both go to standard output"),
        ("run relu:name=pipe -x x.npy -o pipe.npy --keep pipe", "two outputs would be the same file: 'pipe.npy'"),
        ("convert a.onnx -o pipe --weights-out pipe.npy", "two outputs would be the same file: 'pipe'"),
        ("convert a.onnx -o FD --weights-out DUP", "two outputs would be the same file: 'FD'"),
        ("convert a.onnx -o /dev/null --weights-out /dev/null", ""),
        ("convert a.onnx -o socket --weights-out w.npz", "'socket' cannot be written: No such device or address"),
        ("run relu:name=x -x x.npy -o deep/x.npy --keep x", ""),
    ],
)
def test_two_outputs_are_not_one_stream(words: str, said: str, several: Path) -> None:
    """Whatever it is called."""
    os.mkfifo("pipe.npy")
    os.link("pipe.npy", "pipe")
    os.mkdir("deep")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
    with open("log", "ab") as log, open(os.dup(log.fileno()), "ab") as again, open("pipe", "r+b", buffering=0):
        names = {"FD": f"/dev/fd/{log.fileno()}", "DUP": f"/proc/self/fd/{again.fileno()}"}
        for name, path in names.items():
            words, said = words.replace(name, path), said.replace(name, path)
        done = here(words.split())
    assert (done.code, done.err.partition("\n")[0]) == (2 if said else 0, said)
    assert not list(several.glob("*.part"))


@posix
def test_weights_are_added_to_an_open_file_from_its_end(several: Path) -> None:
    """With appending, a zip that seeks back to its beginning would be broken."""
    with open("log", "ab") as log:
        for _ in range(2):
            assert here(["convert", "a.onnx", "-o", "a.json", "--weights-out", f"/dev/fd/{log.fileno()}"]).code == 0
    with np.load("log") as arrays:
        assert {name: array.shape for name, array in arrays.items()} == {
            "conv1.weight": (3, 2, 3, 3),
            "conv1.bias": (3,),
        }


@posix
def test_what_a_pipe_or_a_file_of_the_shell_refuses_at_its_close(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk reports only on close that it is full."""
    close = io.FileIO.close

    def fail(file: io.FileIO) -> None:
        is_open = not file.closed
        close(file)
        if is_open:
            raise OSError(errno.EDQUOT, "over the quota")

    monkeypatch.setattr(outputs._Onward, "close", fail, raising=False)  # noqa: SLF001
    for words in (line("a report", "/dev/null"), line("an array", "/dev/null")):
        assert here(words)[::2] == (2, "'/dev/null' cannot be written: over the quota\n")


@posix
def test_a_file_that_is_open_already_is_written_where_it_stands(folder: Path) -> None:
    with open("log", "w+b", buffering=0) as log:
        log.write(b"before\n")
        target = outputs.Target(f"/dev/fd/{log.fileno()}")
        target.file.write(b"new\n")
        target.commit()
        target.discard()
        log.write(b"after\n")
    assert Path("log").read_bytes() == b"before\nnew\nafter\n"


def test_standard_output_may_be_closed_or_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(
        SpecError, match="standard output is a terminal, and this is an array\n  pipe it, or give -o FILE"
    ):
        outputs.binary_stdout("an array")
    assert outputs.standard_output() is sys.stdout
    with open("x.npy", encoding="ascii") as unwritable:
        for stream in (None, unwritable):
            monkeypatch.setattr(sys, "stdout", stream)
            with pytest.raises(SpecError, match="standard output is closed\n  give -o FILE"):
                outputs.standard_output()


@pytest.mark.parametrize("path", [None, "-", "out"])
def test_what_is_written_is_out_before_it_is_said_to_be(
    path: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In UTF-8 if requested, whatever the terminal's encoding."""
    found: list[bytes] = []
    monkeypatch.setattr(outputs, "check_mapped", lambda: found.append(Path("printed").read_bytes()))
    with open("printed", "w", encoding="ascii", errors="replace", newline="\n") as printed:
        monkeypatch.setattr(sys, "stdout", printed)
        for options in ({}, {"utf8": True}):
            with outputs.text_output(path, **options) as text:
                text.write("é\udc80\n")
        with outputs.binary_output(path) as file:
            file.write(b"\xff")
    assert found == (
        [b"??\n", "??\né\\udc80\n".encode(), "??\né\\udc80\n".encode() + b"\xff"] if path != "out" else [b""] * 3
    )
    assert path != "out" or Path("out").read_bytes() == b"\xff"


def broken_off(error: BaseException) -> None:
    with outputs.whole("out") as file:
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
    """`learn -o k.npz` over a file that only its owner may read."""
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
    monkeypatch.setattr(job, "drop", fail)  # called when a part of the result is written
    done = here([*WRITERS["an array"][:-1], "out.npy"])
    assert done.code == 2, done
    assert not list(folder.glob("out*"))


@posix
def test_a_name_as_long_as_names_can_be(folder: Path) -> None:
    name = "漢" * 83 + ".json"
    assert len(name.encode()) == 254
    for _ in range(2):
        wrote("a report", name)
    assert [path.name for path in folder.iterdir() if path.name.endswith((name, ".part"))] == [name]


@posix
def test_links_that_form_a_loop_are_an_error(folder: Path) -> None:
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    done = here(line("a report", "a"))
    assert (done.code, done.err) == (2, "'a' cannot be written: Too many levels of symbolic links\n")
    assert Path("a").is_symlink()


@posix
def test_a_hard_link_keeps_the_old_file(folder: Path) -> None:
    Path("other").write_bytes(b"old")
    os.link("other", "out")
    wrote("a report", "out")
    assert Path("other").read_bytes() == b"old"


@posix
def test_what_replaces_a_private_file_is_private_from_the_first(folder: Path) -> None:
    Path("out").touch(0o600)
    target = outputs.Target("out")
    (part,) = folder.glob("*.part")
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    target.discard()


@posix
@pytest.mark.parametrize(
    ("kept", "before", "after"),
    [
        ("owner and group", 0o4754, 0o4754),
        ("group", 0o4754, 0o754),
        ("neither", 0o4754, 0o744),
        ("neither", 0o640, 0o600),
        ("owner and group", 0o4751, 0o4751),
        ("group", 0o4751, 0o751),
        ("owner", 0o2745, 0o755),
    ],
)
def test_what_is_not_kept_gives_no_rights(
    kept: str, before: int, after: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another group gets the rights of others; a program does not run as another owner."""
    Path("new").touch()
    new, asked = os.stat("new"), []

    def chown(file: int, *owner: int) -> None:
        asked.append(owner)
        if kept in ("neither", "owner") or (kept == "group" and owner[0] != -1):
            raise PermissionError

    owner = {"owner and group": (0, 0), "group": (1, 0), "owner": (0, 1), "neither": (1, 1)}[kept]
    uid, gid = new.st_uid + owner[0], new.st_gid + owner[1]
    monkeypatch.setattr(os, "fchown", chown)
    with open("new", "rb") as file:
        outputs._keep_rights(file.fileno(), "out", os.stat_result([before, *new[1:4], uid, gid, *new[6:]]))  # noqa: SLF001
    assert asked == [(uid, gid), (-1, gid)][: 1 if kept == "owner and group" else 2]
    assert stat.S_IMODE(os.stat("new").st_mode) == after


@posix
@pytest.mark.parametrize(
    ("has_group", "refused", "left", "mode"),
    [
        (True, "", set(), 0o765),
        (True, "user.a", {"user.a"}, 0o765),
        (True, "system.posix_acl_access", {"system.posix_acl_access"}, 0o700),
        (False, "", {"system.posix_acl_access"}, 0o700),  # the list belongs to another group
    ],
)
def test_which_attributes_are_kept(
    has_group: bool, refused: str, left: set[str], mode: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"user.a", "security.selinux", "system.posix_acl_access"}
    found: dict[str, bytes] = {}

    def put(_: int, name: str, value: bytes) -> None:
        if name == refused:
            raise PermissionError
        found[name] = value

    Path("new").touch()
    new = os.stat("new")
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    monkeypatch.setattr(os, "listxattr", lambda _: sorted({*names, "trusted.b", "system.other"}), raising=False)
    monkeypatch.setattr(os, "getxattr", lambda path, name: f"{path} {name}".encode(), raising=False)
    monkeypatch.setattr(os, "setxattr", put, raising=False)
    old = os.stat_result([0o100765, *new[1:5], new.st_gid + (not has_group), *new[6:]])
    with open("new", "rb") as file:
        outputs._keep_rights(file.fileno(), "out", old)  # noqa: SLF001
    assert found == {name: f"out {name}".encode() for name in names - left}
    assert stat.S_IMODE(os.stat("new").st_mode) == mode


NOBODY = 0xFFFFFFFF
"""The id of an entry of an access control list that is not for a single user or group."""


def rights(*entries: tuple[int, int, int]) -> bytes:
    """Return an access control list as Linux stores it: a tag, permissions and an id for each entry."""
    return struct.pack("<I", 2) + b"".join([struct.pack("<HHI", *entry) for entry in entries])


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="only Linux has attributes of files in Python")
@pytest.mark.parametrize("refused", [False, True])
def test_attributes_and_lists_of_rights_are_kept(refused: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode of a file with a list shows its mask as the group's rights, which the group may not have."""
    acl, path = "system.posix_acl_access", folder / "out"
    path.write_bytes(b"old")
    given = rights((1, 6, NOBODY), (2, 6, 1234), (4, 0, NOBODY), (16, 6, NOBODY), (32, 4, NOBODY))
    try:
        os.setxattr(path, acl, given)
        os.setxattr(path, "user.source", b"here")
    except OSError as error:
        pytest.skip(f"no attributes here: {error}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    if refused:
        monkeypatch.setattr(os, "setxattr", lambda *_: os.listxattr("nowhere"))
    wrote("a report", "out")
    assert stat.S_IMODE(path.stat().st_mode) == (0o600 if refused else 0o664)
    kept = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    assert kept == ({} if refused else {acl: given, "user.source": b"here"})


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="only Linux has attributes of files in Python")
def test_a_list_of_rights_of_the_folder_is_for_new_files(folder: Path) -> None:
    """A file that replaces one without such a list gives nobody more rights."""
    acl, inside = "system.posix_acl_access", folder / "inside"
    inside.mkdir()
    (inside / "out").write_bytes(b"old")
    (inside / "out").chmod(0o640)
    given = rights((1, 7, NOBODY), (2, 6, 1234), (4, 5, NOBODY), (16, 7, NOBODY), (32, 5, NOBODY))
    try:
        os.setxattr(inside, "system.posix_acl_default", given)
    except OSError as error:
        pytest.skip(f"no attributes here: {error}")
    wrote("a report", "inside/out")
    wrote("a report", "inside/new")
    assert [acl in os.listxattr(inside / name) for name in ("out", "new")] == [False, True]
    assert stat.S_IMODE((inside / "out").stat().st_mode) == 0o640


@posix
@pytest.mark.parametrize(("old", "new"), [(False, False), (False, True), (True, False), (True, True)])
def test_whose_list_of_rights_is_kept(old: bool, new: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acl, done = "system.posix_acl_access", list[str]()
    Path("new").touch()
    monkeypatch.setattr(os, "listxattr", lambda file: [acl] * (old if file == "out" else new), raising=False)
    monkeypatch.setattr(os, "getxattr", lambda *_: b"", raising=False)
    monkeypatch.setattr(os, "setxattr", lambda *_: done.append("set"), raising=False)
    monkeypatch.setattr(os, "removexattr", lambda *_: done.append("removed"), raising=False)
    with open("new", "rb") as file:
        outputs._keep_rights(file.fileno(), "out", os.stat("new"))  # noqa: SLF001
    assert done == (["set"] if old else ["removed"] if new else [])


def test_a_file_that_is_write_protected_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root could write it anyway."""
    Path("out").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == "out" and mode == os.W_OK))
    done = here(line("a report", "out"))
    assert (done.code, done.err) == (2, "'out' cannot be written: Permission denied\n")
    assert Path("out").read_bytes() == b"old"


def test_what_is_mapped_must_not_change(folder: Path) -> None:
    with open("x.npy", "rb") as file:
        held = files.mapped(file, "x.npy")
    files.check_mapped()
    os.utime("x.npy", (1, 1))
    with pytest.raises(SpecError, match=r"'x\.npy' changed while in use"):
        files.check_mapped()
    os.rename("x.npy", "old.npy")
    fill(folder)
    files.check_mapped()  # another file: the mapped one is unchanged
    os.rename("old.npy", "x.npy")
    with open("a.npy", "rb") as file, files.mapped(file, "a.npy") as other:
        with pytest.raises(SpecError, match=r"'x\.npy' changed"):
            files.check_mapped()
        files.check_mapped(other)
    held.close()
    del held
    files.check_mapped()  # it is no longer used


def test_a_result_of_what_has_changed_is_not_written(folder: Path) -> None:
    Path("out").write_bytes(b"old")
    with open("x.npy", "rb") as file, files.mapped(file, "x.npy"):
        target = outputs.Target("out")
        os.utime("x.npy", (1, 1))
        with pytest.raises(SpecError, match=r"'x\.npy' changed"):
            target.commit()
        target.discard()
    assert Path("out").read_bytes() == b"old"


@posix
def test_the_rights_are_those_of_the_file_that_is_replaced_when_it_is(folder: Path) -> None:
    target = outputs.Target("out")
    Path("out").touch()
    Path("out").chmod(0o604)
    target.commit()
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o604
    target = outputs.Target("out")
    os.unlink("out")
    target.commit()
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o604


def test_what_is_not_on_the_disk_is_not_renamed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    Path("out").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    done = here(line("a report", "out"))
    assert (done.code, done.err) == (2, f"'out' cannot be written: {os.strerror(errno.EIO)}\n")
    assert Path("out").read_bytes() == b"old"
    assert not list(folder.glob("*.part"))


def test_the_file_beside_the_target_is_a_new_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if its name was predicted."""
    monkeypatch.setattr(os, "urandom", bytes)
    Path("out.0000000000000000.part").write_bytes(b"another's")
    done = here(line("a report", "out"))
    assert (done.code, done.err) == (2, f"'out' cannot be written: {os.strerror(errno.EEXIST)}\n")


@posix
def test_a_new_file_has_the_mode_that_the_umask_leaves(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        wrote("a report", "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o640


@posix
def test_a_pipe_whose_reader_goes_away_is_no_error(folder: Path) -> None:
    os.mkfifo("pipe")

    def read() -> None:
        with open("pipe", "rb") as pipe:
            pipe.read(1)

    reader = threading.Thread(target=read)
    reader.start()
    done = here(line("a schema", "pipe"))
    reader.join()
    assert (done.code, done.err) == (0, "")


SEVERAL = {
    "a network and its weights": ("convert a.onnx -o a.json --weights-out a.npz", ["a.json", "a.npz"]),
    "results": ("run conv:3,k3 relu -x x.npy --seed 0 --keep conv1 --json -o y.npy", ["y.npy", "conv1.npy"]),
    "findings and a baseline": ("check net.json --baseline b.json --update -o f.json", ["f.json", "b.json"]),
}
"""Command lines that write several files."""


@pytest.fixture
def several(folder: Path) -> Path:
    """Return a folder in which the files that `SEVERAL` writes exist with old contents."""
    assert here(["convert", "conv:3,k3", "-i", "2x9x11", "-o", "a.onnx"]).code == 0
    for words, names in SEVERAL.values():
        for name in names:
            Path(name).write_text('{"cnncalc": 1, "files": {}}' if "baseline" in words else "old")
    return folder


def olds(names: list[str]) -> list[bool]:
    """Return whether each file is the old one."""
    return [Path(name).read_bytes() in (b"old", b'{"cnncalc": 1, "files": {}}') for name in names]


@pytest.mark.parametrize(("line", "names"), SEVERAL.values(), ids=[*SEVERAL])
def test_several_files_get_their_names_together(
    line: str, names: list[str], several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, renamed = os.replace, list[str]()

    def replace(part: str, name: str) -> None:
        assert all(path.stat().st_size for path in several.glob("*.part"))  # all are complete by now
        assert olds(names) == [one not in renamed for one in names]
        if len(renamed) == 1:
            raise OSError(errno.EBUSY, "busy")
        signals._end(signal.SIGTERM, None)  # noqa: SLF001  which waits for the last name
        renamed.append(name)
        rename(part, name)

    def ended(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "_exit", ended)
    with pytest.raises(SystemExit, match="143"):
        here(line.split())
    assert sorted(olds(names)) == [False, True]
    renamed.clear()
    monkeypatch.setattr(signals, "_end", lambda *_: None)
    for name in names:
        Path(name).write_text('{"cnncalc": 1, "files": {}}' if "baseline" in line else "old")
    done = here(line.split())
    other = [name for name in names if name not in renamed]
    first, *_, last = done.err.splitlines()
    assert (done.code, first) == (2, f"'{other[0]}' cannot be written: busy")
    assert last == f"  already written: '{renamed[0]}'"
    assert not list(several.glob("*.part"))
    assert not signals.UNFINISHED


@pytest.mark.parametrize(("line", "names"), SEVERAL.values(), ids=[*SEVERAL])
def test_one_of_several_files_that_fails_leaves_all_old(
    line: str, names: list[str], several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def fail(number: int) -> None:
        synced.append(number)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", fail)
    done = here(line.split())
    assert done.code == 2
    assert done.err.endswith(" cannot be written: full\n")
    assert olds(names) == [True, True]
    assert not list(several.glob("*.part"))


def test_a_new_folder_stays_if_something_is_in_it(folder: Path) -> None:
    with outputs.folder("a/b/c"):
        assert Path("a/b/c").is_dir()
    assert not Path("a").exists()
    with outputs.folder("a/b/c"):
        Path("a/b/d").touch()
    assert [*Path("a").rglob("*")] == [Path("a/b"), Path("a/b/d")]
    with outputs.folder("a/b"):
        Path("a/b/d").unlink()
    assert Path("a/b").is_dir()  # it existed before
    with (
        pytest.raises(SpecError, match=r"^'x\.npy/deep' cannot be created: Not a directory$"),
        outputs.folder("x.npy/deep"),
    ):
        pass
    assert not signals.NEW_FOLDERS


def test_all_is_on_the_disk_before_it_has_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    with outputs.whole("out") as file:
        file.write(b"123")
    with outputs.text_output("out") as text:
        text.write("é")
    assert sizes == [3, 2]


@posix
def test_a_file_is_written_where_files_have_no_owners(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.delattr(os, "fchown")
    for text in (b"old", b"new"):
        with outputs.whole("out") as file:
            file.write(text)
    assert Path("out").read_bytes() == b"new"


def test_what_nobody_reads_ends_what_prints_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def printing(error: OSError) -> None:
        with outputs.while_read():
            raise error

    printing(BrokenPipeError())
    with pytest.raises(OSError, match="full"):
        printing(OSError(errno.ENOSPC, "full"))
    invalid = OSError(errno.EINVAL, "as Windows says of a pipe")
    for system, is_closed in (("posix", False), ("nt", True)):
        with monkeypatch.context() as patch:
            patch.setattr(os, "name", system)
            closed = [
                outputs.is_closed_pipe(error) for error in (invalid, OSError(errno.ENOSPC, ""), BrokenPipeError())
            ]
        assert closed == [is_closed, False, True]


def test_a_group_of_files_has_those_that_are_whole_when_it_ends(folder: Path) -> None:
    with outputs.all_or_none():
        with outputs.whole("outer") as file:
            file.write(b"1")
        with outputs.all_or_none():
            half = outputs.Target("half")
            half.file.write(b"2")
            with outputs.whole("inner") as file:
                file.write(b"3")
            with pytest.raises(SpecError, match="two outputs would be the same file: 'inner'"):
                outputs.Target("inner")
            assert not Path("inner").exists()
        assert [Path(name).exists() for name in ("outer", "inner", "half")] == [False, True, False]
    assert Path("outer").read_bytes() == b"1"
    assert not list(folder.glob("*.part"))


def test_a_group_of_files_of_what_has_changed_is_not_written(folder: Path) -> None:
    with open("x.npy", "rb") as file, files.mapped(file, "x.npy"):
        with pytest.raises(SpecError, match=r"'x\.npy' changed"), outputs.all_or_none():  # noqa: PT012
            with outputs.whole("out") as output:
                output.write(b"new")
            os.utime("x.npy", (1, 1))
        assert not Path("out").exists()


def test_nothing_is_recorded_where_the_summary_of_a_run_cannot_be_written(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(several / "nowhere" / "summary.md"))
    done = here(["check", "net.json", "--baseline", "b.json", "--update", "--format", "github", "-o", "f"])
    assert (done.code, "GITHUB_STEP_SUMMARY" in done.err) == (2, True), done
    assert (olds(["b.json"]), Path("f").exists()) == ([True], False)


def test_two_outputs_are_two_files(folder: Path) -> None:
    for words, said in (
        ("run relu -x x.npy --keep relu1 -o ./relu1.npy", "two outputs would be the same file: 'relu1.npy'"),
        ("check net.json --baseline b --update -o b", "two outputs would be the same file: 'b'"),
        ("convert lenet5 --weights-out -", "the network and its weights would both go to standard output"),
    ):
        before = sorted(folder.iterdir())
        done = here(words.split())
        assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", said)
        assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "line",
    [
        "run conv:3,k3 -x x.npy --seed 0 --json -o out.npy",
        "run conv:3,k3 relu -x x.npy --seed 0 --keep conv1",
        "learn conv:k3 -x a.npy -y b.npy --lr 1e-4 --steps 1 --json -o out.npz",
        "dense conv:1,k3 -i 6x7 --seed 0 --json -o out.npy",
        "check net.json --json --baseline out --update",
    ],
)
def test_a_file_beside_what_cannot_be_printed_stays_old(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            if self.getvalue():
                raise OSError(errno.ENOSPC, "full")

    before = sorted(folder.iterdir())
    monkeypatch.setattr(sys, "stdout", Full())
    assert cli.call(line.split()) == 2
    assert sorted(folder.iterdir()) == before


def test_a_printed_result_of_what_has_changed_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = job.Job.run

    def change(*args: Any) -> None:
        run(*args)
        os.utime("x.npy", (1, 1))

    monkeypatch.setattr(job.Job, "run", change)
    for options in ([], ["--json"], ["-o", "out.npy"], ["--keep", "relu1"]):
        done = here(["run", "relu", "-x", "x.npy", *options])
        assert (done.code, done.out.strip()) == (2, ""), options
        assert "'x.npy' changed while in use" in done.err
        os.utime("x.npy")


def test_what_is_printed_of_what_has_changed_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    with open("x.npy", "rb") as file, files.mapped(file, "x.npy"):
        os.utime("x.npy", (1, 1))
        for output in (outputs.text_output, outputs.binary_output):
            with pytest.raises(SpecError, match=r"'x\.npy' changed"), output(None):
                pass


def test_an_empty_file_is_not_mapped(folder: Path) -> None:
    Path("x.npy").write_bytes(b"")
    with open("x.npy", "rb") as file, pytest.raises(SpecError, match=r"'x\.npy' is empty"):
        files.mapped(file, "x.npy")
