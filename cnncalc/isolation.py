"""Run foreign code in a separate process with its own limits, so that it cannot end this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import NoReturn

from .errors import SpecError, reason
from .files import guard
from .limits import MEMORY_SPARED, SECONDS_APART, SECONDS_LOADED


def tried(name: str) -> set[str]:
    """Return the modules that an import of native code loads; if memory is limited, try it in a child process first.

    Raise SpecError if the child fails. With too little memory, OpenBLAS ends the process when NumPy is imported, glibc
    does so if it cannot allocate thread-local data, and Python may run into an endless loop.
    """
    limits = _limits()
    if not limits:
        return {name}
    guard()
    made = _tried(name, tuple(limits.items()))
    if made.startswith(_LOADED):
        return set(made.decode().split())
    what = f"{name} cannot be loaded where memory is limited to {min(limits.values()) >> 20} MiB"
    raise SpecError(f"{what}: {made.decode()}", "allow more (ulimit -v, -d), or set OPENBLAS_NUM_THREADS=1")


@cache
def _tried(name: str, limits: tuple[tuple[int, int], ...]) -> bytes:
    made = isolated(lambda: _loaded(name, limits), sys.maxsize >> 1, 0, SECONDS_LOADED)
    return b"it ends the process" if made is None else made


_LOADED = b"+ "
"""The first bytes of the list of modules after a successful import."""


def _limits() -> dict[int, int]:
    """Return the memory limits of this process by resource number."""
    if not hasattr(os, "fork"):
        return {}
    import resource

    limits = {what: resource.getrlimit(what)[0] for what in (resource.RLIMIT_AS, resource.RLIMIT_DATA)}
    return {what: most for what, most in limits.items() if most != resource.RLIM_INFINITY}


def _loaded(name: str, limits: tuple[tuple[int, int], ...]) -> bytes:
    """Import native code with memory to spare; return the names of all loaded modules, or why the import fails."""
    for what, most in limits:
        _lower(what, max(most - MEMORY_SPARED, 0))
    try:
        import_module(name)
    except ModuleNotFoundError:
        pass  # the caller's own import reports this
    except Exception as error:  # noqa: BLE001 - whatever it raises: it fails
        return (reason(error.__cause__ or error) or "it takes more").encode(errors="backslashreplace")
    return _LOADED + " ".join([name, *sys.modules]).encode()


def isolated(work: Callable[[], bytes], memory: int, size: int, seconds: float = SECONDS_APART) -> bytes | None:
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
        _work_in_child(work, writing, memory, seconds * (1 + size / (1 << 20)))
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
