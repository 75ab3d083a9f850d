"""Signals that end the command: unfinished files are removed, and the exit status is that of the signal.

Handlers are set only when the command calls `heed`: a library leaves signals to the program that imports it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
"""As in `typing`, whose import would take time before the handlers are set."""
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn
else:
    import _signal as signal  # the built-in module: `signal` adds enums, which take as long as all the rest

_NAMES = (
    *("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGXCPU", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGBREAK"),
    *("SIGVTALRM", "SIGPROF"),
    *(("SIGIO", "SIGPWR", "SIGSTKFLT") if sys.platform == "linux" else ()),  # other systems ignore them
)
ENDING = (
    *[int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)],
    *range(getattr(signal, "SIGRTMIN", 0), getattr(signal, "SIGRTMAX", -1) + 1),
)
"""The signals that end a program by default, except those raised by its own faults, such as SIGSEGV."""
UNFINISHED: set[str] = set()
"""The temporary files that are being written beside their targets."""
NEW_FOLDERS: list[str] = []
"""The folders that the command has made, parents first; they are removed again if they stay empty."""
_HANDLERS: dict[int, Any] = {}
"""The handlers by signal number; -1 is for a program that native code ends."""
_LATE: list[list[int]] = []
"""The signals received during each running `unbroken`."""


def heed() -> None:
    """End on signals from now on, except on those ignored by whoever started this program, as `nohup` does."""
    for number in ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            _HANDLERS[number] = signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  signal's form
    """End at once: an exception could be lost, for example in an import or after an `except`."""
    if _LATE:
        _LATE[-1].append(number)
        return
    _remove_unfinished()
    os._exit(128 + number)


def unbroken(act: Callable[[], None]) -> None:
    """Do what must not be left half done: a signal received meanwhile ends the command afterwards."""
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
    """Remove the folders that are empty, the last one first."""
    for folder in reversed(folders):
        try:
            os.rmdir(folder)
        except OSError:
            continue


def guard_maps(reason: Callable[[], str]) -> None:
    """End with exit code 2 and a reason, not by SIGBUS, if mapped data has vanished; only after `heed`.

    Python runs its own handlers only after the faulting instruction, which would be retried forever; this handler runs
    at once. So does the one for native code that ends the program, as a BLAS does when it gets no memory.
    """
    number = getattr(signal, "SIGBUS", 0)
    if not number or not _HANDLERS or number in _HANDLERS:
        return
    try:
        import ctypes
    except ImportError:  # Python can be built without ctypes
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
    """Return whether the command may end without Python's own cleanup, as no tool such as a profiler watches it."""
    return sys.gettrace() is None and sys.getprofile() is None
