"""Fill in keys that layer words leave out: those that a given kernel decides, and channels that do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import Any

from ..dialects import Dialect, layout_of
from ..layers import OPS, Env, keys_named
from ..sizes import Shape, known
from .document import Raw
from .words import Completer


def completer_from_kernel(shape: tuple[int, ...], dialect: str | None, layout: str | None) -> Completer:
    """Return a function that adds c_o and k, if left out, to the only layer that a kernel of this shape fits."""
    env = Env(Dialect, layout_of(dialect, layout) == "NHWC")

    def complete(layers: list[dict[str, Any]]) -> None:
        owners = []
        for layer in layers:
            cls, nd = OPS[layer["op"]]
            g = layer.get("g", 1)
            keys = cls.keys_of_weight(shape, nd, g if type(g) is int else 1, env)
            if keys:
                owners.append((layer, cls, keys))
        if len(owners) == 1:
            layer, cls, keys = owners[0]
            given = {key for raw in layer for key in keys_named(cls, raw)}
            layer.update({key: value for key, value in keys.items() if key not in given})

    return complete


class LeftOutChannels:
    """Give each layer without c_o as many output channels as input channels, where channels do not matter.

    The number starts with `channels`, or with the channels of the input; otherwise with the least number that all
    groups divide.
    """

    def __init__(self, channels: int | None = None, input: Shape | None = None, channels_last: bool = False):
        self.channels, self.input, self.channels_last = channels, input or (), channels_last
        self.places: list[int] = []
        """The indices of the layers that were without c_o."""

    def __call__(self, layers: list[dict[str, Any]]) -> None:
        """Complete the keys of layers in JSON form."""
        groups = [g for layer in layers if type(g := layer.get("g")) is int]
        c = self.channels or self._of_input(layers) or lcm(*groups) or 1
        for at, layer in enumerate(layers):
            cls = OPS[layer["op"]][0]
            own = [raw for raw in layer if keys_named(cls, raw) == ("c_o",)]
            if own and type(layer[own[0]]) is int:
                c = layer[own[0]]
            elif not own and "c_o" in cls.NEEDED:
                layer["c_o"] = c
                self.places.append(at)

    def _of_input(self, layers: Sequence[Raw]) -> int | None:
        """Return the channels of the input; None if it has no channel axis or their number is open."""
        nd = next((nd for layer in layers if (nd := OPS[layer["op"]][1]) is not None), 2)
        return known(self.input[-1 if self.channels_last else -1 - nd]) if len(self.input) > nd else None
