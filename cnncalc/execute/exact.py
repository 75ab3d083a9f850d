"""In which dtype sums are taken: integers exactly, float16 in float32, other floats as they are.

Exactly is through the BLAS in float64 where no sum can reach 2^53, else in int64, else it is refused.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..sizes import LARGEST
from .task import Array, Dtype, wide


def extreme(array: Array) -> int:
    """The largest magnitude among the values of an array of integers or booleans; 0 where there are none."""
    return max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0


def kind(x: Array, weight: Array, bias: Array | None, out: Array, terms: int) -> Dtype:
    """In which dtype sums of `terms` products, and a bias, are taken for an output.

    ShapeError where the worst that the values' extremes allow is beyond int64: it would wrap around.
    """
    if out.dtype.kind not in "iu":
        return wide(out.dtype)
    largest_x, largest_w = extreme(x), extreme(weight)
    largest_b = 0 if bias is None else extreme(bias)
    bound = terms * largest_x * largest_w + largest_b
    if bound > LARGEST:
        raise ShapeError(
            f"sums of {terms:,} products of integers up to {largest_x:,} and {largest_w:,} may reach {bound:,}, beyond "
            f"2^63 - 1 = {LARGEST:,}",
            "give the values as float64, or smaller ones",
        )
    return np.dtype(np.float64 if bound < 2**53 else np.int64)
