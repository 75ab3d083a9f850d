"""The standard streams write everything or fail, even where Python's own would silently write a part."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import IO, Any

import pytest

from cnncalc import cli
from cnncalc.cli import _stdio
from cnncalc.errors import SpecError
from tests.program import here, posix


class Parts(io.RawIOBase):
    """A raw stream that accepts a limited number of bytes at a time, until it is full."""

    def __init__(self, most: int, room: int):
        self._most, self._room = most, room
        self.taken = b""

    def fileno(self) -> int:
        return 2  # any

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        some = bytes(data)[: min(self._most, self._room - len(self.taken))]  # type: ignore[call-overload]
        if not some:
            raise OSError(28, "No space left on device")
        self.taken += some
        return len(some)


def text(raw: Any) -> io.TextIOWrapper:
    """Return a stream without a buffer, as with `python -u`."""
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


def test_a_text_in_memory_takes_all_and_ends_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "argv", ["cnncalc", "ops", "relu"])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit, match="0"):
        cli.main()
    assert (out.getvalue()[:5], err.getvalue()) == ("relu:", "")


@pytest.mark.parametrize(("file", "said"), [(None, "cannot write"), ("zipfile.py", "the operating system refused")])
def test_what_is_not_read_is_not_said_to_be_written(
    file: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If few files may be open, an import fails with the file's name."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files", file)

    monkeypatch.setattr(cli.group, "main", fails)
    assert here(["schema"]) == (2, "", f"{said}: Too many open files\n")


def test_what_is_taken_in_parts_is_written_whole() -> None:
    raw = Parts(3, 100)
    stream = _stdio._writer(text(raw))  # noqa: SLF001
    stream.write("größe\n" * 5)
    stream.flush()
    assert raw.taken.decode() == "größe\n" * 5


def test_what_is_cut_is_an_error_and_the_rest_is_let_go() -> None:
    raw = Parts(3, 10)
    stream = _stdio._writer(text(raw))  # noqa: SLF001
    stream.write("0123456789abc")
    with pytest.raises(OSError, match="No space left"):
        stream.flush()
    stream.write("more")
    stream.flush()
    assert raw.taken == b"0123456789"


def test_what_is_not_taken_at_a_close_is_an_error_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        close(number)
        raise OSError(122, "Disk quota exceeded")

    close = os.close
    monkeypatch.setattr(os, "close", fail)
    stream = _stdio._writer(text(Parts(3, 100)))  # noqa: SLF001
    stream.flush()  # nothing is written
    stream.write("a")
    with pytest.raises(OSError, match="quota"):
        stream.flush()
    stream.flush()


def test_a_stream_in_memory_has_nothing_to_close() -> None:
    raw = io.BytesIO()
    stream = _stdio._writer(text(raw))  # noqa: SLF001
    stream.write("a")
    stream.flush()
    assert raw.getvalue() == b"a"


def pipe(blocking: int) -> tuple[IO[bytes], IO[bytes]]:
    """Return both ends of a pipe, one of which (0 or 1) is non-blocking."""
    ends = os.pipe()
    os.set_blocking(ends[blocking], False)
    return open(ends[0], "rb", buffering=0), open(ends[1], "wb", buffering=0)


@posix
def test_a_pipe_that_does_not_wait_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stdio, "PATIENCE", 0.01)
    ours, theirs = pipe(1)
    with ours, theirs:
        stream = _stdio._writer(text(theirs))  # noqa: SLF001
        with pytest.raises(TimeoutError, match=r"its reader has read nothing for 0\.01 seconds"):
            stream.write("x" * 10_000_000)
        stream.close()
    ours, theirs = pipe(0)
    with ours, theirs:
        steady = io.BufferedReader(_stdio._Steady(text(ours)))  # noqa: SLF001
        theirs.write(b"all of it")
        assert steady.read(9) == b"all of it"


@posix
def test_what_cannot_be_read_is_said() -> None:
    ours, theirs = pipe(0)
    with ours, theirs:
        steady = _stdio._Steady(text(theirs))  # noqa: SLF001
        with pytest.raises(SpecError, match="standard input cannot be read: "):
            steady.readinto(bytearray(9))
