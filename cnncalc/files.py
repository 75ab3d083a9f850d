"""Files: opened to read, and written whole or not at all.

Text, bytes and arrays are all written in one way: to a file beside the target, which is synced, gets the target's
mode and then its name. A link is followed, so that it stays a link. A pipe or a device has no such file beside it and
is written as it is.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import IO, NoReturn

from .errors import LONGEST_PATH, SpecError, shown

STDOUT = "-"


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """Open a file to read. SpecError if it cannot be read."""
    if "\0" in path:
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: a file name cannot contain NUL")
    try:
        with open(path, "rb") as file:
            yield file
    except IsADirectoryError:
        raise SpecError(f"{shown(path, LONGEST_PATH)} is a directory", "name a file in it") from None
    except OSError as error:
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: {error.strerror or error}") from None


def is_special(path: str) -> bool:
    """Return whether a path is a pipe or a device: there is nothing to put in its place."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


class Target:
    """A file to write, which appears under its name at `commit`. SpecError if it cannot be written.

    `discard` removes what is unfinished; after `commit` it removes nothing.
    """

    def __init__(self, path: str):
        if not path:
            raise SpecError("'' is not a file name", "give a file, or - for standard output")
        self._path = path
        with self.errors():
            self._name = os.path.realpath(path)
            self.is_special = is_special(path)
            self.part = path if self.is_special else f"{self._name}.{os.getpid()}.part"
            """Where it is written until then."""
            if os.path.isdir(path):
                raise IsADirectoryError(None, "it is a directory")
            self.file: IO[bytes] = open(self.part, "wb")  # noqa: SIM115 - `commit` or `discard` closes it

    def commit(self) -> None:
        """Give the file its name, now that it is whole."""
        with self.errors():
            self.file.flush()
            if not self.is_special:
                os.fsync(self.file.fileno())
                if os.path.exists(self._name):
                    os.chmod(self.part, os.stat(self._name).st_mode & 0o7777)
            self.file.close()
            if not self.is_special:
                os.replace(self.part, self._name)

    def discard(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self.file.close()
        if not self.is_special:
            with contextlib.suppress(OSError):
                os.unlink(self.part)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the system refuses while the file is written into a SpecError with its name."""
        try:
            yield
        except OSError as error:
            what = f"{shown(self._path, LONGEST_PATH)} cannot be written: {error.strerror or error}"
            raise SpecError(what) from None
        except ValueError as error:  # a NUL in the path
            raise SpecError(f"{shown(self._path, LONGEST_PATH)} cannot be written: {error}") from None


@contextlib.contextmanager
def whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file to write, which appears whole at the end, or not at all if that is not reached."""
    with terminated_tidily():
        target = Target(path)
        try:
            with target.errors():
                yield target.file
            target.commit()
        finally:
            target.discard()


@contextlib.contextmanager
def text_output(path: str | None, utf8: bool = False) -> Iterator[IO[str]]:
    """Open standard output (None or `-`), or a whole file, for text; `utf8` whatever the locale says."""
    if path is None or path == STDOUT:
        stream = _standard_output()
        if utf8 and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
        yield stream
        return
    with whole(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True)
        try:
            yield text
        finally:
            text.detach()


@contextlib.contextmanager
def binary_output(path: str | None, kind: str = "a binary file") -> Iterator[IO[bytes]]:
    """Open standard output (None or `-`), or a whole file, for bytes. SpecError for a terminal, with the kind."""
    if path is not None and path != STDOUT:
        with whole(path) as file:
            yield file
        return
    file = binary_stdout(kind)
    yield file
    file.flush()


def binary_stdout(kind: str = "a binary file") -> IO[bytes]:
    """Return standard output for bytes. SpecError if it is closed, or a terminal."""
    stream = _standard_output()
    if stream.isatty():
        raise SpecError(f"standard output is a terminal, and this is {kind}", "pipe it, or give -o FILE")
    return stream.buffer  # type: ignore[attr-defined, no-any-return]


def _standard_output() -> IO[str]:
    if sys.stdout is None:
        raise SpecError("standard output is closed", "give -o FILE")
    return sys.stdout


@contextlib.contextmanager
def terminated_tidily() -> Iterator[None]:
    """Let SIGTERM end the program as an interrupt does, so that no unfinished file is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)
