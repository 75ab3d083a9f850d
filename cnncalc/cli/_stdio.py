"""The standard streams of the command: a write is complete or an error, whatever the streams lead to."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

from ..errors import SpecError

PATIENCE = 5
"""For how many seconds a reader may take nothing, where a pipe does not wait for it."""


def settle() -> bool:
    """Replace the standard streams by steady ones. The number of a closed one is kept from files that are opened later.

    Standard error loses what it does not take. Texts in memory, which a program in this process has put in their place,
    stay as they are: return whether there are none.
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
    """Return a stream with the encoding of another, and lines that end alike on every system."""
    if not hasattr(stream, "buffer"):
        return stream
    whole = _Flushed(_Steady(stream, lossy=stream is sys.stderr))
    return io.TextIOWrapper(whole, stream.encoding, "backslashreplace", "\n", line_buffering=stream.isatty())


class _Flushed(io.BufferedWriter):
    """The buffer of a standard stream. `flush` is an error also if the system says so only when a file is closed.

    So do disks of the network that are full.
    """

    def __init__(self, raw: _Steady):
        super().__init__(raw, 1 << 16)
        self._steady = raw

    def flush(self) -> None:
        super().flush()
        self._steady.check()


class _Closed(io.TextIOBase):
    """Standard output where there is none. OSError for what is written, which click would drop."""

    def write(self, text: str) -> int:
        if text:
            raise OSError(errno.EBADF, "standard output is closed")
        return 0


class _Steady(io.RawIOBase):
    """The bytes of a standard stream. SpecError for what cannot be read, OSError for what cannot be written.

    Python's own stream writes a part, and says so to nobody, where it has no buffer (`python -u`), or does not wait.
    """

    def __init__(self, stream: Any, lossy: bool = False):
        self._stream = stream  # which closes its file when nothing holds it
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self._lossy = lossy
        """Whether what cannot be written is dropped, as everything after an error is."""
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
        """OSError for what has been written and was not taken, as closing the file tells."""
        if self._is_checked or self._lossy:
            return
        self._is_checked = True
        try:
            copy = os.dup(self.fileno())
        except OSError:  # a stream in memory, or no file more may be open
            return
        os.close(copy)

    def _wait(self) -> None:
        from select import select

        if not select([], [self._raw], [], PATIENCE)[1]:
            raise TimeoutError(errno.ETIMEDOUT, f"its reader has read nothing for {PATIENCE} seconds")
