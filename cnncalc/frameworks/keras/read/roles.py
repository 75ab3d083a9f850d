"""The arrays of an op, made of the variables of a Keras layer: their axes in the order of the network's layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


def _as_it_is(arrays: list[Any], channels_last: bool) -> Any:
    return arrays[0]


class Recipe(NamedTuple):
    """An array, as it is made of variables of a Keras layer."""

    variables: tuple[str, ...]
    make: Callable[[list[Any], bool], Any] = _as_it_is
    """It takes the variables, and whether the channels are the last axis."""


Recipes = Mapping[str, Recipe]
"""The arrays of a layer, by their roles."""


def _kernel(arrays: list[Any], channels_last: bool) -> Any:
    """Return a kernel (k, c_i, c_o) in the layout's order: the last axis, the one before, then the others."""
    (array,) = arrays
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


_NORM = {"weight": Recipe(("gamma",)), "bias": Recipe(("beta",))}
ROLES: dict[str, Recipes] = {
    "linear": {"weight": Recipe(("kernel",), _kernel), "bias": Recipe(("bias",))},
    "conv": {"weight": Recipe(("kernel",), _kernel), "bias": Recipe(("bias",))},
    "convT": {"weight": Recipe(("kernel",), _kernel), "bias": Recipe(("bias",))},
    "dwconv": {"weight": Recipe(("kernel",), _channelwise), "bias": Recipe(("bias",))},
    "sepconv": {
        "depthwise": Recipe(("depthwise_kernel",), _channelwise),
        "pointwise": Recipe(("pointwise_kernel",), _kernel),
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
"""The recipes of each op's arrays, by its family's word."""
