"""Threads and their working memory. NumPy releases the interpreter's lock while it computes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..errors import SpecError
from .task import Array, Dtype

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")
HELD = 48 << 20
"""The bytes of working memory that a thread keeps for reuse, unless `hold` sets another limit."""
WORTH_A_THREAD = 1 << 20
"""The bytes that are worth waking a thread for: about a tenth of a millisecond's work."""

BLOCK = 512 << 10
"""The bytes that are processed at once: as many as a core's own cache holds."""


@lru_cache(maxsize=1)
def threads() -> int:
    """Return the number of threads: OMP_NUM_THREADS if set, as in the BLAS, otherwise one per core."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Here(threading.local):
    """The state of each thread."""

    def __init__(self) -> None:
        self.works_for_others = False
        self.buffers: dict[str, Array] = {}
        self.held = HELD


_here = _Here()


def hold(most: int, buffers: dict[str, Array]) -> None:
    """Let this thread keep its working memory in these buffers, and it and its helpers keep at most `most` bytes."""
    _here.held, _here.buffers = most, buffers


def release() -> None:
    """Let this thread keep no working memory. The owner of its buffers keeps them, so their pages are not freed."""
    _here.held, _here.buffers = HELD, {}


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # only here: few small networks need it

    return ThreadPoolExecutor(threads(), "cnncalc")


def each(function: Callable[[T], object], items: Iterable[T], amount: int = 1 << 62) -> None:
    """Call a function for every item, in several threads; an error is raised once all threads have stopped.

    `amount` is the number of bytes that the calls move: few are not worth another thread.
    """
    items = list(items)
    helpers = min(threads(), len(items)) - 1
    if helpers < 1 or amount < 2 * WORTH_A_THREAD or _here.works_for_others:
        for item in items:
            function(item)
        return
    waiting, held, ignored = iter(items), _here.held, np.geterr()

    def work() -> None:
        _here.works_for_others, _here.held = True, held
        with np.errstate(**ignored):
            for item in waiting:
                function(item)

    others: list[Future[None]] = []
    try:
        others.extend(_started(work) for _ in range(helpers))
        work()
    finally:
        _here.works_for_others = False
        errors = [other.exception() for other in others]
    for error in filter(None, errors):
        raise error


def _started(work: Callable[[], None]) -> Future[None]:
    """Return the future of work started in a thread. Raise SpecError if the system refuses another thread."""
    try:
        return _pool().submit(work)
    except RuntimeError:
        raise SpecError(
            ("the operating system cannot start another thread"), "set OMP_NUM_THREADS=1 to use a single thread"
        ) from None


def shares(total: int, amount: int, least: int | None = None) -> list[slice]:
    """Return 0 … total in equal parts, one per thread, or in one part if `amount` is less than twice `least`."""
    parts = 1 if _here.works_for_others else max(min(threads(), total, amount // (least or WORTH_A_THREAD)), 1)
    bounds = [total * part // parts for part in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def cut(total: int, most: int) -> list[slice]:
    """Return 0 … total in parts of at most `most`."""
    return [slice(begin, min(begin + most, total)) for begin in range(0, total, most)]


def blockwise(function: Callable[[tuple[slice, ...]], object], array: Array, each_value: int) -> None:
    """Call a function for indices that divide an array into blocks, in several threads if worthwhile.

    A block is about BLOCK bytes and is divided along the axes of the largest strides first. `each_value` is the number
    of bytes read or written per value of the array.
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
    cuts = [cut(n, size) for n, size in zip(array.shape, sizes, strict=True)]
    each(function, product(*cuts) if array.size else [], array.size * each_value)


def buffer(name: str, shape: tuple[int, ...], kind: Dtype | type[Any]) -> Array:
    """Return uninitialized working memory of this thread; the next call with the same name returns the same memory.

    A thread that exceeds its limit frees the memory that was used least recently.
    """
    buffers, size = _here.buffers, prod(shape) * np.dtype(kind).itemsize
    memory = buffers.pop(name, None)
    if memory is None or memory.size < size:
        memory = None  # free it before allocating more
        while buffers and size + sum([held.size for held in buffers.values()]) > _here.held:
            del buffers[next(iter(buffers))]
        memory = np.empty(size, np.uint8)
    buffers[name] = memory
    return memory[:size].view(kind).reshape(shape)
