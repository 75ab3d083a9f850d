"""The dtype of sums of products: integers are summed exactly, float16 in float32, other floats in their own dtype.

Integers are summed by the BLAS in float64 if no sum can reach 2^53, otherwise in int64; sums beyond int64 are refused.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..sizes import LARGEST
from .task import Array, Dtype, wide


def extreme(array: Array) -> int:
    """Return the largest magnitude in an array of integers or booleans; 0 for an empty one."""
    return max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0


def too_large(what: str, most: int) -> ShapeError:
    """Return the error for integers that may grow beyond int64, with the bound unless it is too long to show."""
    reach = f"{most:,}" if most < 1 << 200 else "a number of more than 60 digits"
    return ShapeError(f"{what} of integers may reach {reach}, beyond 2^63 - 1", "give the values as float64")


def sum_dtype(x: Array, weight: Array, bias: Array | None, out: Array, terms: int) -> Dtype:
    """Return the dtype for an output's sums of `terms` products and a bias.

    Raise ShapeError if the largest sum that the extremes of the values allow is beyond int64, as it would wrap around.
    """
    if out.dtype.kind not in "iu":
        return wide(out.dtype)
    largest_x, largest_w = extreme(x), extreme(weight)
    bound = terms * largest_x * largest_w + (0 if bias is None else extreme(bias))
    if bound > LARGEST:
        raise ShapeError(
            f"sums of {terms:,} products of integers up to {largest_x:,} and {largest_w:,} may reach {bound:,}, beyond "
            f"2^63 - 1 = {LARGEST:,}",
            "give the values as float64, or smaller ones",
        )
    return np.dtype(np.float64 if bound < 2**53 else np.int64)
