"""Reading files: opened, read whole or up to a stream's limit, or mapped into memory."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from .errors import LONGEST_PATH, SpecError, shown
from .limits import LARGEST_DEVICE, LARGEST_STREAM
from .signals import guard_maps

if TYPE_CHECKING:
    from mmap import mmap
    from weakref import ref


def is_file_name(path: str) -> bool:
    """Return whether a file can have this name: no NUL, and only characters of the system's encoding."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def file_name(path: str) -> str:
    """Return the name if a file can have it. Raise SpecError otherwise."""
    if not is_file_name(path):
        what = f"{shown(path, LONGEST_PATH)} cannot be the name of a file"
        raise SpecError(what, f"it has a NUL, or a character that cannot be encoded in {sys.getfilesystemencoding()}")
    return path


class _Ready(io.FileIO):
    """A file that ends where reading would wait for more."""

    def readinto(self, buffer: Any) -> int:
        return super().readinto(buffer) or 0

    def readall(self) -> bytes:
        return super().readall() or b""


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """Open a file to read. Raise SpecError if it cannot be read.

    A kernel file that claims to be a regular file may block forever, as /proc/kmsg does.
    """
    try:
        with open(file_name(path), "rb") as file:
            status = os.fstat(file.fileno())
            if os.name != "posix" or not stat.S_ISREG(status.st_mode) or status.st_size:
                yield file
            else:
                os.set_blocking(file.fileno(), False)
                with io.BufferedReader(_Ready(file.fileno(), closefd=False)) as ready:
                    yield ready
    except OSError as error:
        if os.path.isdir(path):  # Windows only reports that permission is denied
            raise SpecError(f"{shown(path, LONGEST_PATH)} is a directory", "name a file in it") from None
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be read: {error.strerror or error}") from None


def read_whole(file: IO[bytes], name: str, limit: int | None = None) -> bytes:
    """Return all bytes of a file.

    Raise SpecError for a pipe or device that does not end within its limit, or `limit`.
    """
    most = stream_limit(file)
    if most is not None and limit is not None:
        most = min(most, limit)
    data = file.read() if most is None else file.read(most + 1)
    if most is not None and len(data) > most:
        raise too_long(name, most)
    return data


def stream_limit(file: IO[bytes]) -> int | None:
    """Return how many bytes of an open file are read if it may be endless; None for a file on a disk."""
    try:
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError):  # in memory
        return None
    return None if stat.S_ISREG(mode) else LARGEST_DEVICE if stat.S_ISCHR(mode) else LARGEST_STREAM


def size_on_disk(file: IO[bytes]) -> int:
    """Return the size of an open file on disk in bytes; 0 if it is not on disk."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError):  # not backed by a file descriptor
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def line_limit(file: IO[bytes], name: str) -> int:
    """Return the most bytes of an open file that are read as one line.

    Raise SpecError if standard output is written to the same file: reading it would never end.
    """
    grows = False
    with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or in memory
        out = os.fstat(sys.stdout.fileno())
        grows = stat.S_ISREG(out.st_mode) and os.path.samestat(out, os.fstat(file.fileno()))
    if grows:
        raise SpecError(f"standard output goes to {shown(name, LONGEST_PATH)}, which is also read", "give -o FILE")
    return stream_limit(file) or LARGEST_STREAM


def too_long(name: str, most: int) -> SpecError:
    """Return the error for a stream that is longer than its limit."""
    return SpecError(f"{shown(name, LONGEST_PATH)} does not end within {most >> 20} MiB", "give a file")


def long_line(name: str, most: int) -> SpecError:
    """Return the error for a line that exceeds its limit."""
    return SpecError(f"a line of {shown(name, LONGEST_PATH)} does not end within {most >> 20} MiB")


_MAPPED: list[tuple[ref[mmap], str, os.stat_result]] = []
"""The mapped files: their names, and their status when they were mapped."""


def mapped(file: IO[bytes], path: str) -> mmap:
    """Map a non-empty file into memory and return its bytes; the file must not change while they are used."""
    from mmap import ACCESS_READ, mmap
    from weakref import ref

    try:
        held = mmap(file.fileno(), 0, access=ACCESS_READ)
    except ValueError:
        raise SpecError(f"{shown(path, LONGEST_PATH)} is empty") from None
    _MAPPED[:] = [*(one for one in _MAPPED if one[0]() is not None), (ref(held), path, os.fstat(file.fileno()))]
    guard()
    return held


def guard() -> None:
    """End the command with a message, not by a signal, if a mapped file is truncated or its disk is full or gone."""
    guard_maps(lambda: f"{_changed() or 'a file'} was truncated while in use, or its disk is gone\n  {_UNCHANGED}")


def check_mapped(only: mmap | None = None) -> None:
    """Raise SpecError if a file has changed while mapped: the data used may mix old and new contents.

    `only` limits the check to one file, for a session that reads a rewritten file again.
    """
    changed = _changed(only)
    if changed is not None:
        raise SpecError(f"{changed} changed while in use", _UNCHANGED)


_UNCHANGED = "try again; the program that writes it should write a new file and rename it"


def _changed(only: mmap | None = None) -> str | None:
    """Return the printable name of a mapped file that has been written to; None if there is none.

    A new file under the same name does not count: the mapped one is unchanged.
    """
    for held, path, first in _MAPPED:
        if only is not None and held() is not only:
            continue
        with contextlib.suppress(OSError):
            now = os.stat(path)
            is_same = (now.st_dev, now.st_ino) == (first.st_dev, first.st_ino)
            if is_same and held() is not None and (now.st_size, now.st_mtime_ns) != (first.st_size, first.st_mtime_ns):
                return shown(path, LONGEST_PATH)
    return None
