"""Work in several threads: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")


@lru_cache(maxsize=1)
def threads() -> int:
    """How many threads to use: OMP_NUM_THREADS where it is set, as the BLAS does, else as many as there are cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads(), "cnncalc")


def each(function: Callable[[T], object], items: Iterable[T]) -> None:
    """Call a function of every item, several at a time; the first error is raised."""
    items = list(items)
    if len(items) < 2 or threads() == 1:
        for item in items:
            function(item)
        return
    for _ in _pool().map(function, items):
        pass
