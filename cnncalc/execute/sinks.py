"""Sinks, the destinations of results: memory, a .npy file that appears whole or not at all, or a pipe."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from math import prod
from typing import IO

import numpy as np
from numpy.lib import format as npy

from ..files import guard
from ..outputs import STDOUT, Target, binary_output, binary_stdout
from .npy import AT_ONCE, drop
from .task import Array, Dtype

MAPPED = os.name == "posix"
"""Whether arrays are written through mapped files: Windows cannot rename or remove a mapped file."""


class Sink:
    """The destination of a result, which is written some samples at a time."""

    _target: Target | None = None
    """Its file, if it has a named one."""

    def part(self, begin: int, end: int) -> Array:
        """Return an array to fill with samples `begin` … `end`."""
        raise NotImplementedError

    def done(self, begin: int, end: int) -> None:
        """Accept that these samples have been filled."""

    def finish(self) -> None:
        """Accept that all samples have been filled."""

    def discard(self) -> None:
        """Remove what is unfinished; after `finish` there is nothing to remove."""
        if self._target is not None:
            self._target.discard()


class Memory(Sink):
    """A result that stays in memory."""

    def __init__(self, shape: tuple[int, ...], kind: Dtype, batch_at: int = 0):
        """`batch_at` is the position of the batch among the axes."""
        self.array = np.empty(shape, kind)
        self._samples = np.moveaxis(self.array, batch_at, 0)

    def part(self, begin: int, end: int) -> Array:
        return self._samples[begin:end]


class _Chunked(Sink):
    """A result that is in memory one part at a time, or as a whole if its batch is not in front."""

    def __init__(self, samples: tuple[int, ...], kind: Dtype, batch_at: int = 0):
        self._batch_at, self._count = batch_at, samples[batch_at]
        self._chunk = np.empty(samples if batch_at else (0, *samples[1:]), kind)

    def part(self, begin: int, end: int) -> Array:
        if self._batch_at:
            return np.moveaxis(self._chunk, self._batch_at, 0)[begin:end]
        if len(self._chunk) != end - begin:
            self._chunk = np.empty((end - begin, *self._chunk.shape[1:]), self._chunk.dtype)
        return self._chunk

    def done(self, begin: int, end: int) -> None:
        if not self._batch_at or end == self._count:
            self.take()

    def take(self) -> None:
        """Process the chunk, which has been filled."""
        raise NotImplementedError


class File(Sink):
    """A .npy that appears whole under its name; until then it is a mapped file beside it, with its blocks reserved."""

    def __init__(
        self, target: Target, shape: tuple[int, ...], kind: Dtype, samples: tuple[int, ...], batch_at: int = 0
    ):
        """`shape` is that of the header, `samples` the same with a batch.

        Raise SpecError if the file cannot be written.
        """
        self._target: Target = target
        self._batch_at = batch_at
        with target.errors():
            _write_head(target.file, shape, kind)
            guard()
            begin = target.file.tell()
            _reserve(target.file, begin + prod(shape) * kind.itemsize)
            self._array = np.memmap(target.file, kind, "r+", begin, samples)

    def part(self, begin: int, end: int) -> Array:
        return np.moveaxis(self._array, self._batch_at, 0)[begin:end]

    def done(self, begin: int, end: int) -> None:
        if not self._batch_at:  # otherwise samples are interleaved
            drop(self._array, begin, end)

    def finish(self) -> None:
        with self._target.errors():
            self._array.flush()
        self._target.commit()


class Stream(_Chunked):
    """A .npy that is written part by part to a pipe, a device, or a file that cannot be mapped."""

    def __init__(
        self, target: Target | None, shape: tuple[int, ...], kind: Dtype, samples: tuple[int, ...], batch_at: int = 0
    ):
        """`target` is a file that appears whole, or a pipe or device; None is standard output."""
        super().__init__(samples, kind, batch_at)
        self._target = target
        self._file = binary_stdout("a .npy file") if target is None else target.file
        self._errors = contextlib.nullcontext if target is None else target.errors
        with self._errors():
            _write_head(self._file, shape, kind)

    def take(self) -> None:
        with self._errors():
            self._file.write(self._chunk.data)

    def finish(self) -> None:
        (self._file.flush if self._target is None else self._target.commit)()


def _write_head(file: IO[bytes], shape: tuple[int, ...], kind: Dtype) -> None:
    npy.write_array_header_1_0(file, {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": shape})


def _reserve(file: IO[bytes], size: int) -> None:
    """Extend the file and reserve its blocks: writing to a mapped file on a full disk would end the process."""
    file.flush()
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
    zeros = bytes(AT_ONCE)
    while (left := size - file.tell()) > 0:
        file.write(zeros[:left])
    file.flush()


def sink(path: str, shape: tuple[int, ...], kind: Dtype, samples: tuple[int, ...], batch_at: int = 0) -> Sink:
    """Return the sink of a result that is written to a path: a file, a pipe or a device; `-` is standard output."""
    if path == STDOUT:
        return Stream(None, shape, kind, samples, batch_at)
    target = Target(path)
    try:
        return (File if MAPPED and not target.is_special else Stream)(target, shape, kind, samples, batch_at)
    except BaseException:
        target.discard()
        raise


class Both(Sink):
    """A result that goes to two places."""

    def __init__(self, first: Sink, second: Sink):
        self.first, self._second = first, second

    def part(self, begin: int, end: int) -> Array:
        self._chunk = self.first.part(begin, end)
        return self._chunk

    def done(self, begin: int, end: int) -> None:
        np.copyto(self._second.part(begin, end), self._chunk)
        self.first.done(begin, end)
        self._second.done(begin, end)

    def finish(self) -> None:
        self.first.finish()
        self._second.finish()

    def discard(self) -> None:
        self.first.discard()
        self._second.discard()


class Summary(_Chunked):
    """A result of which only the extremes and the mean are kept."""

    def __init__(self, samples: tuple[int, ...], kind: Dtype, batch_at: int = 0):
        super().__init__(samples, kind, batch_at)
        self._total, self._values = 0.0, 0
        self.least: float | int | None = None
        self.most: float | int | None = None

    def take(self) -> None:
        least, most = self._chunk.min().item(), self._chunk.max().item()
        self.least = least if self.least is None else np.minimum(self.least, least).item()  # NaN wins, as in NumPy
        self.most = most if self.most is None else np.maximum(self.most, most).item()
        self._total += float(self._chunk.sum(dtype=np.float64))
        self._values += self._chunk.size

    @property
    def mean(self) -> float:
        """The mean, summed in float64."""
        return self._total / self._values

    @classmethod
    def of(cls, array: Array) -> Summary:
        """Return the summary of an array in memory."""
        summary = cls((*array.shape, 1), array.dtype)
        summary._chunk = array
        summary.take()
        return summary


@contextlib.contextmanager
def writing(path: str, shape: tuple[int, ...], kind: Dtype) -> Iterator[Sink]:
    """Yield a sink for a whole array, which is finished at the end, or removed if the end is not reached."""
    target = sink(path, shape, kind, shape)
    try:
        yield target
        target.finish()
    finally:
        target.discard()


def save(path: str, array: Array) -> None:
    """Write an array to a .npy, whole or not at all; `-` is standard output."""
    with writing(path, array.shape, array.dtype) as target:
        np.copyto(target.part(0, len(array)), array)
        target.done(0, len(array))


def save_all(path: str, arrays: Mapping[str, Array]) -> None:
    """Write arrays to a .npz by name, whole or not at all; `-` is standard output."""
    with binary_output(path, "a .npz file") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
