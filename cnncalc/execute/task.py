"""The contract of kernels: what a kernel gets to know of its layer (`Task`), and what it declares (`Kernel`).

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
"""A layer's arrays by their role: `weight`, `bias`, `running_mean` …"""


Place = tuple[slice, ...]
"""A part of an array, a slice for each axis; those that stand for all of an axis may have no bounds."""
Then = Callable[[Place], object]
"""Do what follows a layer to a part of its output that is made, in place."""


class Task(NamedTuple):
    """One layer of a traced network, as its kernel sees it."""

    values: Mapping[str, Any]
    """Every key with its resolved value; padding as (before, after) pairs."""
    dialect: type[Dialect]
    channels_last: bool
    """Whether samples and weights are in NHWC order; a `spatial` kernel gets NCHW views of the samples all the same."""
    scratch: int
    """How many bytes of working memory the kernel may take besides its input and its output."""
    axes: tuple[int, ...] = ()
    """The axes that its keys name, counted from the front, the batch being 0."""
    then: Then | None = None
    """What a kernel that `finishes` calls for each part of its output, in the order of axes in which it gets it."""


Compute = Callable[[Task, Sequence[Array], Weights, Array], None]
"""Fill the last argument, of the traced shape and the kernel's dtype, from the inputs and the weights."""


def keeps(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype that holds those of all inputs and weights; `values` are the layer's keys."""
    return np.result_type(*kinds)


def accumulates(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of sums of products: floats as they are, int64 for integers and booleans."""
    kind = np.result_type(*kinds)
    return kind if kind.kind == "f" else np.dtype(np.int64)


def averages(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of means and of real functions: floats as they are, float64 for integers and booleans."""
    kind = np.result_type(*kinds)
    return kind if kind.kind == "f" else np.dtype(np.float64)


Working = Callable[[Task, tuple[int, ...], tuple[int, ...], Dtype], int]
"""Return how many bytes a kernel takes at most besides its input, its output and its weights. The arguments are the
shapes of input and output, (N, c, *space), and the dtype in which sums are taken."""


class Kernel(NamedTuple):
    """The way to compute an op."""

    compute: Compute
    dtype: Callable[[Sequence[Dtype], Mapping[str, Any]], Dtype] = keeps
    """From the dtypes of the inputs and then of the weights, and the layer's keys, to the output's."""
    spatial: bool = False
    """Whether it gets views with the channels first, (batch, channels, *space), in every layout."""
    working: Working | None = None
    """None if it stays within the task's `scratch`."""
    in_place: bool = False
    """Whether it may write into its first input, if none of its other inputs is the same array."""
    finishes: bool = False
    """Whether it calls the task's `then` for each part of its output, all of which is done for it otherwise."""
    each: Callable[[Array, Array, Task], object] | None = None
    """The function of each value that it is, if that is all: it fills the second array, which may be the first."""


def channels_first(array: Array) -> Array:
    """Return a view (N, c, *space) of an array (N, *space, c); an array of single numbers has no channels."""
    return array if array.ndim == 1 else np.moveaxis(array, -1, 1)


def sizes_of(shape: Shape, name: str) -> tuple[int, ...]:
    """Return a shape as numbers. SpecError, with the name, if a size is open."""
    sizes = tuple([n for n in shape if isinstance(n, int)])
    if len(sizes) < len(shape):
        raise SpecError(f"{name} has an open size: {show(shape)}", "give its numbers to run it")
    return sizes


def wide(kind: Dtype) -> Dtype:
    """Return the dtype in which values of this dtype are summed: float32 for float16, else the same."""
    return np.dtype(np.float32) if kind == np.float16 else kind


def summed(kind: Dtype) -> Dtype:
    """Return a dtype as large as that in which sums of products are taken."""
    return np.dtype(np.float64) if kind.kind in "iub" else wide(kind)
