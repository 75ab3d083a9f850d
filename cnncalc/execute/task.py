"""What a kernel is told: one layer with everything resolved, and arrays that carry the batch in front."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..dialects import Dialect

Array = NDArray[Any]
Dtype = np.dtype[Any]
Weights = Mapping[str, Array]
"""A layer's arrays by their role: `weight`, `bias`, `running_mean` …"""


class Task(NamedTuple):
    """One layer of a traced network."""

    op: str
    values: Mapping[str, Any]
    """Every key with its resolved value; padding as (before, after) pairs."""
    dialect: type[Dialect]
    channels_last: bool
    """Whether samples and weights stand in NHWC order. What is `spatial` sees NCHW views of samples all the same."""
    scratch: int
    """How many bytes of working memory a kernel may take beside its input and its output."""
    axes: tuple[int, ...] = ()
    """The axes that its keys name, counted from the front, the batch being 0."""


Compute = Callable[[Task, Sequence[Array], Weights, Array], None]
"""Fill the last argument, of the traced shape and the kernel's dtype, from the inputs and the weights."""


def keeps(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """The dtype that holds all of these: of the inputs, then of the weights. `values` are the layer's keys."""
    return np.result_type(*kinds)


def accumulates(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Of sums of products: floats as they are, integers and booleans as int64."""
    kind = np.result_type(*kinds)
    return kind if kind.kind == "f" else np.dtype(np.int64)


def averages(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Of means, roots and functions of real numbers: floats as they are, integers and booleans as float64."""
    kind = np.result_type(*kinds)
    return kind if kind.kind == "f" else np.dtype(np.float64)


Working = Callable[[Task, tuple[int, ...], tuple[int, ...], Dtype], int]
"""How many bytes a kernel takes at most beside its input, its output and its weights, from their shapes (N, c, *space)
and the dtype in which sums are taken."""


class Kernel(NamedTuple):
    """How a kind of layer is computed."""

    compute: Compute
    dtype: Callable[[Sequence[Dtype], Mapping[str, Any]], Dtype] = keeps
    """From the dtypes of the inputs and then of the weights, and the layer's keys, to that of what comes out."""
    spatial: bool = False
    """Whether it is given views with the channels first: (batch, channels, *space), whatever the layout."""
    working: Working | None = None
    """None where it keeps to the task's `scratch`."""
    in_place: bool = False
    """Whether it may write into the array of its first input, if none of its other inputs is the same array."""


def wide(kind: Dtype) -> Dtype:
    """In what sums of this dtype are taken: float16 in float32, everything else as it is."""
    return np.dtype(np.float32) if kind == np.float16 else kind


def summed(kind: Dtype) -> Dtype:
    """A dtype as large as that in which sums of products are taken."""
    return np.dtype(np.float64) if kind.kind in "iub" else wide(kind)
