"""Run foreign code in a separate process with its own limits, so that it cannot end this one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from .errors import SpecError
from .limits import SECONDS_APART


def isolated(work: Callable[[], bytes], memory: int, size: int) -> bytes | None:
    """Return what foreign code makes of a file of `size` bytes, run in a separate process; None if it fails.

    It takes at most `memory` bytes and the time that `SECONDS_APART` allows. Native code that crashes does not end this
    process, and the limits do not apply to this process's other threads. Where processes cannot fork, as on Windows,
    the code runs in this process.
    """
    import signal
    import warnings

    if not hasattr(os, "fork"):
        try:
            return work()
        except Exception:  # noqa: BLE001 - whatever it raises: it fails
            return None
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads, which the child neither has nor needs
        try:
            child = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            help = (
                "native code of libraries runs in a separate process, so that it "
                "cannot end this one: allow one more process"
            )
            raise SpecError(f"the operating system cannot start another process: {error.strerror}", help) from None
    if not child:
        _work_in_child(work, writing, memory, SECONDS_APART * (1 + size / (1 << 20)))
    os.close(writing)
    try:
        with open(reading, "rb") as file:
            made = file.read()
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        with suppress(OSError):  # if SIGCHLD is ignored, there is no child to wait for
            os.waitpid(child, 0)
    return made[:-1] if made.endswith(_WHOLE) else None


_WHOLE = b"."
"""The mark that ends a complete result of a child."""


def _work_in_child(work: Callable[[], bytes], writing: int, memory: int, seconds: float) -> NoReturn:
    """Do the work within limits, silence the output of foreign code, write the result to a pipe, and exit."""
    try:
        import faulthandler
        import resource
        import signal

        faulthandler.disable()
        for one in signal.valid_signals():  # an ignored signal stays ignored, as `nohup` needs
            if callable(signal.getsignal(one)) or one == signal.SIGBUS:
                signal.signal(one, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:  # on Linux
            _lower(resource.RLIMIT_AS, int(file.read().split()[0]) * resource.getpagesize() + memory)
        with open(writing, "wb") as pipe:
            pipe.write(work() + _WHOLE)
    finally:
        os._exit(0)


def _lower(what: int, most: int) -> None:
    """Set a limit of this process unless a lower one is set."""
    import resource

    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
