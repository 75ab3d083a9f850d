"""Work in several threads: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise, product
from math import prod
from typing import Any, TypeVar

import numpy as np

from .task import Array, Dtype

T = TypeVar("T")
HELD = 48 << 20
"""How many bytes of working memory a thread holds for whoever needs it next, where nobody says otherwise."""
WORTH_A_THREAD = 1 << 20
"""How many bytes a thread has to move to be worth waking: about a tenth of a millisecond's work."""

BLOCK = 512 << 10
"""How many bytes are worked on at once, step after step: what a core's own cache holds."""


@lru_cache(maxsize=1)
def threads() -> int:
    """How many threads to use: OMP_NUM_THREADS where it is set, as the BLAS does, else as many as there are cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Here(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.works_for_others = False
        self.buffers: dict[str, Array] = {}
        self.held = HELD


_here = _Here()


def hold(most: int) -> None:
    """Let this thread, and who works for it, hold so many bytes of working memory at the most from now on."""
    _here.held = most


def release() -> None:
    """Let go of the working memory that this thread holds."""
    _here.buffers.clear()
    _here.held = HELD


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads(), "cnncalc")


def each(function: Callable[[T], object], items: Iterable[T], amount: int = 1 << 62) -> None:
    """Call a function of every item, several at a time; an error of one is raised when none is at work any more.

    `amount` is how many bytes that moves: few are not worth another thread.
    """
    items = list(items)
    helpers = min(threads(), len(items)) - 1
    if helpers < 1 or amount < 2 * WORTH_A_THREAD or _here.works_for_others:
        for item in items:
            function(item)
        return
    waiting = iter(items)

    def work() -> None:
        for item in waiting:
            function(item)

    held = _here.held

    def help() -> None:
        _here.works_for_others, _here.held = True, held
        work()

    others = [_pool().submit(help) for _ in range(helpers)]
    _here.works_for_others = True
    try:
        work()
    finally:
        _here.works_for_others = False
        errors = [other.exception() for other in others]
    for error in filter(None, errors):
        raise error


def shares(total: int, amount: int, least: int | None = None) -> list[slice]:
    """0 … total in equal parts, one a thread; in one part where there is less than twice `least` of it to do."""
    parts = 1 if _here.works_for_others else max(min(threads(), total, amount // (least or WORTH_A_THREAD)), 1)
    bounds = [total * part // parts for part in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def blocks(array: Array, each_value: int) -> list[tuple[slice, ...]]:
    """Indices that cut an array into pieces of about BLOCK bytes, along what lies furthest apart in memory.

    `each_value` is how many bytes one value of the array stands for: of what is read, where that is more.
    """
    most = max(BLOCK // max(each_value, 1), 1)
    sizes = list(array.shape)
    whole = array.size
    for axis in sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])):
        if whole <= most:
            break
        rest = max(whole // max(array.shape[axis], 1), 1)
        sizes[axis] = max(most // rest, 1)
        whole = rest
    cut = [[slice(i, min(i + size, n)) for i in range(0, n, size)] for n, size in zip(array.shape, sizes, strict=True)]
    return list(product(*cut)) if array.size else []


def blockwise(function: Callable[[tuple[slice, ...]], object], array: Array, each_value: int) -> None:
    """Call a function of each of the `blocks` of an array, in several threads where that is worth it."""
    each(function, blocks(array, each_value), array.size * each_value)


def buffer(name: str, shape: tuple[int, ...], kind: Dtype | type[Any]) -> Array:
    """Working memory of this thread, its values whatever was there: used again by whoever asks for the same name.

    Of what a thread holds beyond its limit, what was asked for longest ago is let go.
    """
    buffers, size = _here.buffers, prod(shape) * np.dtype(kind).itemsize
    found = buffers.pop(name, None)
    if found is None or found.size < size:
        found = None
        while buffers and size + sum([held.size for held in buffers.values()]) > _here.held:
            del buffers[next(iter(buffers))]
        found = np.empty(size, np.uint8)
    buffers[name] = found
    return found[:size].view(kind).reshape(shape)
