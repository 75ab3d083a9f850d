"""Signals that end the command: no unfinished file stays behind, and the exit status is that of the signal.

Nothing is heeded before the command says so (`heed`): a library leaves signals to the program that imports it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
"""As in `typing`, whose import takes time in which nothing is heeded yet."""
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn
else:
    import _signal as signal  # built in: `signal` puts names of an enum above it, which takes as long as the rest

_NAMES = (
    *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGXCPU", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGBREAK"),
    *("SIGVTALRM", "SIGPROF"),
    *(("SIGIO", "SIGPWR", "SIGSTKFLT") if sys.platform == "linux" else ()),  # other systems ignore them
)
ENDING = (
    *[int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)],
    *range(getattr(signal, "SIGRTMIN", 0), getattr(signal, "SIGRTMAX", -1) + 1),
)
"""The signals that end a program which does not heed them, but those that faults of its own raise, as SIGSEGV."""
UNFINISHED: set[str] = set()
"""The files beside their targets that are being written."""
NEW_FOLDERS: list[str] = []
"""The folders that the command has made, those above first; they go again if they stay empty."""
_HANDLERS: dict[int, Any] = {}
"""What is called for a signal, by its number; by -1 what is called at an end that native code makes."""
_LATE: list[list[int]] = []
"""The signals that have come in each `unbroken`."""


def heed() -> None:
    """End on signals from now on, except on those that whoever started this program ignores, as `nohup` does."""
    for number in ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            _HANDLERS[number] = signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  signal's form
    """End at once: an exception could come where it is lost, as in an import or after an `except`."""
    if _LATE:
        _LATE[-1].append(number)
        return
    _remove_unfinished()
    os._exit(128 + number)


def unbroken(act: Callable[[], None]) -> None:
    """Do what must not be left half done: a signal that comes meanwhile ends the command afterwards."""
    late: list[int] = []
    _LATE.append(late)
    try:
        act()
    finally:
        _LATE.pop()
        for number in late:
            _end(number, None)


def _remove_unfinished() -> None:
    for part in list(UNFINISHED):
        try:
            os.unlink(part)
        except OSError:
            continue
    remove_empty(NEW_FOLDERS)


def remove_empty(folders: list[str]) -> None:
    """Remove those of these folders that are empty, the last first."""
    for folder in reversed(folders):
        try:
            os.rmdir(folder)
        except OSError:
            continue


def guard_maps(reason: Callable[[], str]) -> None:
    """End with exit code 2 and this reason, not by SIGBUS, if what is mapped is there no more; only where `heed` holds.

    Python runs its own handlers behind the instruction at fault, which would be tried for ever: this one runs at once.
    So does the one for native code that ends the program, as a BLAS does that gets no memory.
    """
    number = getattr(signal, "SIGBUS", 0)
    if not number or not _HANDLERS or number in _HANDLERS:
        return
    try:
        import ctypes
    except ImportError:  # Python can be built without it
        return

    def fail(_: int) -> NoReturn:
        _remove_unfinished()
        try:
            os.write(2, f"{reason()}\n".encode(errors="backslashreplace"))
        finally:
            os._exit(2)

    def end(_: object) -> NoReturn:
        _remove_unfinished()
        os._exit(2)

    _HANDLERS[number] = ctypes.CFUNCTYPE(None, ctypes.c_int)(fail)
    ctypes.pythonapi.PyOS_setsig(number, _HANDLERS[number])
    if is_left_at_once():
        _HANDLERS[-1] = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(end)
        ctypes.CDLL(None)["__cxa_atexit"](_HANDLERS[-1], None, None)


def is_left_at_once() -> bool:
    """Return whether the command ends without Python's own tidying up: nothing watches it that is to be told."""
    return sys.gettrace() is None and sys.getprofile() is None
