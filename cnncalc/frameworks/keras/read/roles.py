"""How an op's arrays are made from the variables of a Keras layer, with axes in the order of the network's layout."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from ....errors import SpecError, shown
from ....sizes import LARGEST


def as_it_is(arrays: list[Any], channels_last: bool) -> Any:
    """Return an array unchanged."""
    return arrays[0]


class Recipe(NamedTuple):
    """How an array is made from variables of a Keras layer."""

    variables: tuple[str, ...]
    make: Callable[[list[Any], bool], Any] = as_it_is
    """The function that makes the array from the variables and whether channels are the last axis."""
    optional: tuple[str, ...] = ()
    """Further variables, passed as None if the file lacks them."""


Recipes = Mapping[str, Recipe]
"""The arrays of a layer by role."""


def literal(numbers: Sequence[float], shape: list[int]) -> Recipe:
    """Return the recipe of a float32 array whose numbers are in the document. Raise SpecError for a huge one."""
    huge = next((one for one in numbers if type(one) is int and abs(one) > LARGEST), None)
    if huge is not None:
        raise SpecError(f"{shown(huge)} is not a number of at most {LARGEST:,}")
    return computed(lambda: numbers, shape)


def turned(numbers: Sequence[float], shape: Sequence[int], order: Sequence[int], out: list[int]) -> Recipe:
    """Return the recipe of an array in the document, with its axes permuted by `order` and then reshaped to `out`."""
    steps = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    places = product(*[[at * steps[axis] for at in range(shape[axis])] for axis in order])
    return literal([numbers[sum(place)] for place in places], out)


def computed(numbers: Callable[[], Iterable[float]], shape: list[int]) -> Recipe:
    """Return the recipe of a float32 array whose numbers are computed from the document when it is read."""
    return Recipe((), lambda *_: memoryview(array("f", numbers())).cast("B").cast("f", shape))


def kernel(arrays: list[Any], channels_last: bool) -> Any:
    """Return a kernel (k, c_i, c_o) in the layout's order; for NCHW the last axis, the one before, then the others."""
    array = arrays[0]
    return array if channels_last else array.transpose(-1, -2, *range(array.ndim - 2))


def _channelwise(arrays: list[Any], channels_last: bool) -> Any:
    """Return a kernel (k, c_i, multiplier) in the layout's order."""
    (array,) = arrays
    *k, c_i, multiplier = array.shape
    turned = array if channels_last else array.transpose(-2, -1, *range(array.ndim - 2))
    return turned if channels_last else turned.reshape(c_i * multiplier, 1, *k)


def flat(arrays: list[Any], channels_last: bool) -> Any:
    """Return an array without axes of size 1."""
    return arrays[0].reshape(-1)


def _gates(array: Any) -> Any:
    """Return a GRU's gates reordered from Keras's update, reset, new to reset, update, new."""
    third = array.shape[-1] // 3
    return array.take([*range(third, 2 * third), *range(third), *range(2 * third, 3 * third)], -1)


def gru_kernel(arrays: list[Any], channels_last: bool) -> Any:
    """Return a GRU's kernel."""
    return kernel([_gates(arrays[0])], channels_last)


def gru_bias(row: int) -> Callable[[list[Any], bool], Any]:
    """Return a function that returns a GRU's first or second bias, which are rows if there are two."""

    def make(arrays: list[Any], channels_last: bool) -> Any:
        return _gates(arrays[0].reshape(-1, arrays[0].shape[-1])[row])

    return make


def head_kernel(arrays: list[Any], channels_last: bool) -> Any:
    """Return the kernel of a projection to heads, (c_i, heads, features) or (heads*features, c_i)."""
    array = arrays[0]
    return array if channels_last else array.reshape(array.shape[0], -1).transpose()


def head_bias(arrays: list[Any], channels_last: bool) -> Any:
    """Return the bias of a projection to heads, (heads, features) or (heads*features,)."""
    return arrays[0] if channels_last else arrays[0].reshape(-1)


def heads_out(arrays: list[Any], channels_last: bool) -> Any:
    """Return the kernel of the projection from heads, (heads, features, out) or (out, heads*features)."""
    array = arrays[0]
    return array if channels_last else array.reshape(-1, array.shape[-1]).transpose()


def heads_apart(arrays: list[Any], channels_last: bool) -> Any:
    """Return the kernel of a projection to heads in the form of a linear layer's."""
    array = arrays[0]
    return kernel([array.reshape(array.shape[0], -1)], channels_last)


def heads_joined(arrays: list[Any], channels_last: bool) -> Any:
    """Return the kernel of a projection from heads in the form of a linear layer's."""
    array = arrays[0]
    return kernel([array.reshape(-1, array.shape[-1])], channels_last)


def zeros(shape: Sequence[int], like: Any) -> Any:
    """Return zeros of the dtype of an array; they take no memory, whatever the shape."""
    import numpy as np

    return np.broadcast_to(np.zeros((), like.dtype), shape)


def lora_a(rank: int, groups: int = 1) -> Callable[[list[Any], bool], Any]:
    """Return a function that makes the first LoRA array, the same for each group; zeros if the file has none."""

    def make(arrays: list[Any], channels_last: bool) -> Any:
        whole, own = arrays
        if own is None:
            return kernel([zeros((*whole.shape[:-1], rank * groups), whole)], channels_last)
        return kernel([own[..., [*range(rank)] * groups]], channels_last)

    return make


def lora_b(rank: int) -> Callable[[list[Any], bool], Any]:
    """Return a function that makes the second LoRA array; zeros if the file has none."""

    def make(arrays: list[Any], channels_last: bool) -> Any:
        whole, own = arrays
        matrix = zeros((rank, whole.shape[-1]), whole) if own is None else own
        ones = (1,) * (whole.ndim - 2)  # the other axes of a convolution's kernel
        return kernel([matrix.reshape(ones + matrix.shape)], channels_last)

    return make


_NORM = {"weight": Recipe(("gamma",)), "bias": Recipe(("beta",))}
ROLES: dict[str, Recipes] = {
    "linear": {"weight": Recipe(("kernel",), kernel), "bias": Recipe(("bias",))},
    "conv": {"weight": Recipe(("kernel",), kernel), "bias": Recipe(("bias",))},
    "convT": {"weight": Recipe(("kernel",), kernel), "bias": Recipe(("bias",))},
    "dwconv": {"weight": Recipe(("kernel",), _channelwise), "bias": Recipe(("bias",))},
    "sepconv": {
        "depthwise": Recipe(("depthwise_kernel",), _channelwise),
        "pointwise": Recipe(("pointwise_kernel",), kernel),
        "bias": Recipe(("bias",)),
    },
    "batchnorm": {
        **_NORM,
        "running_mean": Recipe(("moving_mean",)),
        "running_var": Recipe(("moving_variance",)),
    },
    "layernorm": _NORM,
    "groupnorm": _NORM,
    "instancenorm": _NORM,
    "scale": {"weight": Recipe(("gamma",))},
    "prelu": {"weight": Recipe(("alpha",))},
    "normalization": {role: Recipe((role,), flat) for role in ("mean", "variance", "count")},
}
"""The recipes of each op's arrays, by op word without an ending for the number of axes."""
