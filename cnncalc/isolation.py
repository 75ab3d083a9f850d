"""Foreign code in a process of its own, with limits of its own, which cannot end this one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from .errors import SpecError
from .limits import SECONDS_APART


def isolated(work: Callable[[], bytes], memory: int, size: int) -> bytes | None:
    """Return what foreign code makes of a file of `size` bytes, in a process of its own; None if it fails.

    It takes no more memory than this, and no more time than `SECONDS_APART` says. So native code that ends its process
    does not end this one, nor do its limits hold for other threads of this one. Where processes do not fork, as on
    Windows, it runs here.
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
        warnings.simplefilter("ignore")  # of other threads, which the child does not have, and does not need
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
        with suppress(OSError):  # where nobody waits for children, they leave nothing to wait for
            os.waitpid(child, 0)
    return made[:-1] if made.endswith(_WHOLE) else None


_WHOLE = b"."
"""The end of what a child has made."""


def _work_in_child(work: Callable[[], bytes], writing: int, memory: int, seconds: float) -> NoReturn:
    """Write what is made to a pipe within limits, without a word of foreign code's own, and end."""
    try:
        import faulthandler
        import resource
        import signal

        faulthandler.disable()
        for one in signal.valid_signals():  # one that is ignored, as `nohup` does, stays so
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
    """Set a limit of this process, unless it has a lower one."""
    import resource

    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
