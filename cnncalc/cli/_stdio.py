"""The standard streams of the command: each write is complete or an error, for any kind of stream."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

from ..errors import SpecError

PATIENCE = 5
"""The seconds to wait for the reader of a non-blocking pipe."""


def settle() -> bool:
    """Replace the standard streams by steady ones. The descriptor of a closed one is kept from files opened later.

    Standard error drops what cannot be written. In-memory streams, set by a program in this process, are left as they
    are; return whether there are none.
    """
    given = [one for one in (sys.stdin, sys.stdout, sys.stderr) if one is not None]
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
    if hasattr(sys.stdin, "buffer"):
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Steady(sys.stdin)), sys.stdin.encoding)
    sys.stdout = _Closed() if sys.stdout is None else _writer(sys.stdout)
    sys.stderr = sys.stderr and _writer(sys.stderr)
    return all(hasattr(one, "buffer") for one in given)


def _writer(stream: Any) -> Any:
    """Return a stream with the encoding of another, and the same line ends on every system."""
    if not hasattr(stream, "buffer"):
        return stream
    whole = _Flushed(_Steady(stream, lossy=stream is sys.stderr))
    return io.TextIOWrapper(whole, stream.encoding, "backslashreplace", "\n", line_buffering=stream.isatty())


class _Flushed(io.BufferedWriter):
    """The buffer of a standard stream, whose `flush` also reports errors that the system reveals only on closing.

    Full network disks do that.
    """

    def __init__(self, raw: _Steady):
        super().__init__(raw, 1 << 16)
        self._steady = raw

    def flush(self) -> None:
        super().flush()
        self._steady.check()


class _Closed(io.TextIOBase):
    """A stand-in for a closed standard output: every write raises OSError, which click would ignore."""

    def write(self, text: str) -> int:
        if text:
            raise OSError(errno.EBADF, "standard output is closed")
        return 0


class _Steady(io.RawIOBase):
    """The bytes of a standard stream: failed reads raise SpecError, failed writes OSError.

    Python's own stream may silently write only a part if it is unbuffered (`python -u`) or non-blocking.
    """

    def __init__(self, stream: Any, lossy: bool = False):
        self._stream = stream  # keep it: it closes its file when garbage-collected
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self._lossy = lossy
        """Whether failed writes, and all later ones, are dropped."""
        self._is_checked = True
        """Whether nothing has been written since the last `check`."""

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def readable(self) -> bool:
        return bool(self._raw.readable())

    def writable(self) -> bool:
        return bool(self._raw.writable())

    def readinto(self, buffer: Any) -> int:
        from select import select

        try:
            while (count := self._raw.readinto(buffer)) is None:
                select([self._raw], [], [])
        except OSError as error:
            raise SpecError(f"standard input cannot be read: {error.strerror}") from None
        return int(count)

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size, self._is_checked = len(left), False
        try:
            while left:
                written = self._raw.write(left)
                if written is None:
                    self._wait()
                left = left[written or 0 :]
        except OSError:
            if not self._lossy:
                self._lossy = True
                raise
        return size

    def check(self) -> None:
        """Raise OSError if earlier writes were lost, as closing the file reveals."""
        if self._is_checked or self._lossy:
            return
        self._is_checked = True
        try:
            copy = os.dup(self.fileno())
        except OSError:  # in memory, or too many open files
            return
        os.close(copy)

    def _wait(self) -> None:
        from select import select

        if not select([], [self._raw], [], PATIENCE)[1]:
            raise TimeoutError(errno.ETIMEDOUT, f"its reader has read nothing for {PATIENCE} seconds")
