"""Files: opened to read, and written whole or not at all.

Text, bytes and arrays are all written in one way: to a file beside the target, which is synced, gets the target's
mode and then its name. A link is followed, so that it stays a link. A pipe or a device has no such file beside it and
is written as it is.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import IO, NoReturn

from .errors import LONGEST_PATH, SpecError, shown
from .limits import LARGEST_DEVICE, LARGEST_STREAM

STDOUT = "-"
FOLDS_CASE = os.name == "nt" or sys.platform == "darwin"
"""Whether `A` and `a` are one file here."""
_RESERVED = {"CON", "PRN", "AUX", "NUL", *[f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10)]}
"""Names of devices in every folder of Windows, whatever ending they have."""


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """Open a file to read. SpecError if it cannot be read."""
    if "\0" in path:
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: a file name cannot contain NUL")
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        if os.path.isdir(path):  # Windows only says that it is not permitted
            raise SpecError(f"{shown(path, LONGEST_PATH)} is a directory", "name a file in it") from None
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: {error.strerror or error}") from None


def read_whole(file: IO[bytes], name: str) -> bytes:
    """Return all bytes of a file. SpecError for a pipe or a device that does not end within its limit."""
    most = stream_limit(file)
    data = file.read() if most is None else file.read(most + 1)
    if most is not None and len(data) > most:
        raise too_long(name, most)
    return data


def stream_limit(file: IO[bytes]) -> int | None:
    """Return how many bytes of an open file are read if it may have no end; None for one on a disk, which has one."""
    try:
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError):  # bytes in memory
        return None
    return None if stat.S_ISREG(mode) else LARGEST_DEVICE if stat.S_ISCHR(mode) else LARGEST_STREAM


def too_long(name: str, most: int) -> SpecError:
    """Return the error for a stream of more bytes than are read."""
    return SpecError(f"{shown(name, LONGEST_PATH)} does not end within {most >> 20} MiB", "give a file")


def is_special(path: str) -> bool:
    """Return whether a path is a pipe or a device: there is nothing to put in its place."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def safe_name(name: str, windows: bool = os.name == "nt") -> str:
    """Return a name as one of a file: characters that the system does not take in one become `_`."""
    unsafe = '/\0\\:*?"<>|' + "".join(map(chr, range(32))) if windows else "/\0"
    name = name.translate(str.maketrans(unsafe, "_" * len(unsafe)))
    return f"_{name}" if windows and name.partition(".")[0].strip().upper() in _RESERVED else name


def folded(path: str) -> str:
    """Return a path in the form in which this system compares it with others."""
    return path.casefold() if FOLDS_CASE else path


_UNFINISHED: set[str] = set()
"""The files beside their targets that are being written."""


def _remove(parts: Iterable[str]) -> None:
    for part in list(parts):
        with contextlib.suppress(OSError):
            os.unlink(part)
        _UNFINISHED.discard(part)


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
            if not self.is_special:
                _UNFINISHED.add(self.part)  # before it is there: an interrupt may come right behind `open`
            self.file: IO[bytes] = open(self.part, "wb")  # noqa: SIM115 - `commit` or `discard` closes it

    def commit(self) -> None:
        """Give the file its name, now that it is whole."""
        with self.errors():
            self.file.flush()
            if not self.is_special:
                os.fsync(self.file.fileno())
                if os.name == "posix" and os.path.exists(self._name):  # the mode is all that Windows lacks
                    os.chmod(self.part, os.stat(self._name).st_mode & 0o7777)
            self.file.close()
            if not self.is_special:
                os.replace(self.part, self._name)
                _UNFINISHED.discard(self.part)

    def discard(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self.file.close()
        _remove({self.part} & _UNFINISHED)

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
        stream = standard_output()
        if utf8 and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
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
    stream = standard_output()
    if stream.isatty():
        raise SpecError(f"standard output is a terminal, and this is {kind}", "pipe it, or give -o FILE")
    return stream.buffer  # type: ignore[attr-defined, no-any-return]


def standard_output() -> IO[str]:
    """Return standard output. SpecError if it is closed."""
    if sys.stdout is None:
        raise SpecError("standard output is closed", "give -o FILE")
    return sys.stdout


@contextlib.contextmanager
def terminated_tidily() -> Iterator[None]:
    """Let SIGTERM end the program as an interrupt does, and leave no unfinished file of the block behind."""
    import signal
    import threading

    main = threading.current_thread() is threading.main_thread()
    outside = set(_UNFINISHED)
    before = signal.signal(signal.SIGTERM, _terminated) if main else None
    try:
        yield
    finally:
        _remove(_UNFINISHED - outside)
        if main:
            signal.signal(signal.SIGTERM, before)


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
