"""The interface of kernels: what a kernel knows about its layer (`Task`), and what it declares (`Kernel`).

A kernel is a function that computes one op. All arrays have the batch in front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..dialects import Dialect
from ..errors import SpecError
from ..sizes import Shape, show

Array = NDArray[Any]
Dtype = np.dtype[Any]
Weights = Mapping[str, Array]
"""A layer's arrays by role: `weight`, `bias`, `running_mean` …"""


Place = tuple[slice, ...]
"""A part of an array: a slice for each axis, without bounds if it covers the whole axis."""
Then = Callable[[Place], object]
"""A function that applies what follows a layer to a finished part of its output, in place."""


class Task(NamedTuple):
    """One layer of a traced network, as its kernel sees it."""

    values: Mapping[str, Any]
    """Every key with its resolved value; padding is in (before, after) pairs."""
    dialect: type[Dialect]
    channels_last: bool
    """Whether samples and weights are in NHWC order; even then, a `spatial` kernel gets NCHW views of the samples."""
    scratch: int
    """The bytes of working memory that the kernel may take besides its input and output."""
    axes: tuple[int, ...] = ()
    """The axes that its keys name, counted from the front with the batch as 0."""
    then: Then | None = None
    """The function that a kernel with `finishes` calls for each part of its output, in its own order of axes."""


Compute = Callable[[Task, Sequence[Array], Weights, Array], None]
"""A function that fills its last argument, of the traced shape and the kernel's dtype, from inputs and weights."""


def keeps(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype that holds all inputs and weights; `values` are the layer's keys."""
    return np.result_type(*kinds)


def accumulates(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of sums of products: unchanged for floats, int64 for integers and booleans."""
    kind = np.result_type(*kinds)
    return kind if kind.kind == "f" else np.dtype(np.int64)


def averages(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of means and real functions: unchanged for floats, float64 for integers and booleans."""
    kind = np.result_type(*kinds)
    return kind if kind.kind == "f" else np.dtype(np.float64)


Working = Callable[[Task, tuple[int, ...], tuple[int, ...], Dtype], int]
"""A function that returns the most bytes a kernel takes besides its input, output and weights. Its arguments are the
task, the shapes of input and output (N, c, *space), and the dtype of sums."""


class Kernel(NamedTuple):
    """How an op is computed."""

    compute: Compute
    dtype: Callable[[Sequence[Dtype], Mapping[str, Any]], Dtype] = keeps
    """The function that returns the output's dtype from those of the inputs and weights, and the layer's keys."""
    spatial: bool = False
    """Whether it gets views with the channels first, (batch, channels, *space), in every layout."""
    working: Working | None = None
    """Its working memory; None if it stays within the task's `scratch`."""
    in_place: bool = False
    """Whether it may write into its first input, if no other input is the same array."""
    finishes: bool = False
    """Whether it calls the task's `then` for each part of its output; otherwise that is done for the whole output."""
    each: Callable[[Array, Array, Task], object] | None = None
    """The value-by-value function, if the kernel is just that; it fills the second array, which may be the first."""


def channels_first(array: Array) -> Array:
    """Return a view (N, c, *space) of an array (N, *space, c); an array of single numbers has no channels."""
    return array if array.ndim == 1 else np.moveaxis(array, -1, 1)


def sizes_of(shape: Shape, name: str) -> tuple[int, ...]:
    """Return a shape as numbers. Raise SpecError, with the name, if a size is open."""
    sizes = tuple([n for n in shape if isinstance(n, int)])
    if len(sizes) < len(shape):
        raise SpecError(f"{name} has an open size: {show(shape)}", "give its numbers to run it")
    return sizes


def wide(kind: Dtype) -> Dtype:
    """Return the dtype in which values of this dtype are summed: float32 for float16, otherwise the same."""
    return np.dtype(np.float32) if kind == np.float16 else kind


def summed(kind: Dtype) -> Dtype:
    """Return a dtype of the same size as that of sums of products."""
    return np.dtype(np.float64) if kind.kind in "iub" else wide(kind)
