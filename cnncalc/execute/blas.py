"""The threads of the BLAS, which computes NumPy's products: it can be held to one while ours divide the work.

Only OpenBLAS can be told so, where it keeps its threads by itself, not by OpenMP: that of NumPy's wheels does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np

NAMES = ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}64_", "openblas_{}")
"""What its functions are called, by who builds it."""
FUNCTIONS = ("get_num_threads", "set_num_threads", "get_parallel")
OWN_THREADS = 1
"""What it says of itself if it keeps its threads by itself."""


class OpenBlas(NamedTuple):
    """The functions of OpenBLAS."""

    number: Callable[[], int]
    """How many threads it takes."""
    set: Callable[[int], object]
    """Let it take so many."""


@lru_cache(maxsize=1)
def openblas() -> OpenBlas | None:
    """Return the OpenBLAS that NumPy has loaded, None if it has another, or one whose threads are not its own."""
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # noqa: SLF001 (its symbols are those of its BLAS)
    except (AttributeError, OSError):
        return None
    for name in NAMES:
        if hasattr(library, name.format("get_parallel")):
            number, to, parallel = [getattr(library, name.format(what)) for what in FUNCTIONS]
            return OpenBlas(number, to) if parallel() == OWN_THREADS else None
    return None


def can_hold() -> bool:
    """Return whether it can be held to one thread."""
    return openblas() is not None


_lock = Lock()
_befores: list[int] = []
"""How many threads it took when each of those who hold it began."""


@contextmanager
def held() -> Iterator[None]:
    """Hold it to one thread, in the whole process, until the last who holds it is done."""
    found = openblas()
    assert found is not None
    with _lock:
        _befores.append(found.number())
        found.set(1)
    try:
        yield
    finally:
        with _lock:
            before = _befores.pop()
            if not _befores:
                found.set(before)
