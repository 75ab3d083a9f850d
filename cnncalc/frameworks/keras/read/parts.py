"""The layers of a spec for one call of a Keras layer or operation, and the table of converters by class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ....layers import OPS
from ....layers.names import KERAS
from ....registry import Registry
from ...build import NO_FIGURES, Draft, printable
from .config import LayerCall, Sizes
from .roles import Recipes

Raw = dict[str, Any]
"""A layer in the form of a spec, without its name and inputs."""


class LayerPart(NamedTuple):
    """One of the layers that a Keras layer becomes."""

    raw: Raw
    suffix: str = ""
    """The suffix of its name, after the Keras layer's; the part without one has just that name."""
    reads: tuple[Draft | str, ...] | None = None
    """Its inputs, with earlier parts by suffix; None for the previous part, or for the Keras layer's inputs."""
    recipes: Recipes | None = None
    """Its arrays; None for the default ones of its op."""
    trainable: bool = True
    """Whether its arrays are trained, if the Keras layer is."""
    shared: bool = False
    """Whether its array belongs to another op of the layer's first call, which counts it."""
    copies: int = 1
    """How often its kernel repeats one array, which counts once."""


class Results(NamedTuple):
    """The layers for a Keras layer with several results."""

    parts: list[LayerPart]
    given: tuple[str, ...]
    """The suffixes of the parts that are the results."""


Parts = Raw | list[LayerPart] | Results | None
"""One layer, several, or None for a call that cannot be expressed here."""
Converter = Callable[[LayerCall], Parts]

CONVERTERS: Registry[str, Converter] = Registry()
"""The converter of each Keras class, a layer or an operation."""


def renamed(call: LayerCall, op: str) -> Raw:
    """Return an op with the keys of the call's configuration renamed to ours."""
    return {"op": op, **KERAS[OPS[op][0].WORD].ours(call.get)}


def opaque_layer(type: str, sizes: Sizes | None, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer with these figures, and its output sizes if known."""
    return {"op": "opaque", "type": printable(type), **figures, **({} if sizes is None else {"out": list(sizes)})}


def same_shape(type: str, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer with these figures that keeps the shape."""
    return {"op": "opaque", "type": printable(type), "same": True, **figures}


def listed(parts: Raw | list[LayerPart]) -> list[LayerPart]:
    """Return one or several layers as a list."""
    return [LayerPart(parts)] if isinstance(parts, dict) else parts


def ended(parts: list[LayerPart], end: str) -> list[LayerPart]:
    """Return layers with another final suffix, so that they can follow the ones they read as `""`."""
    ends: dict[Draft | str, str] = {part.suffix: f"{end}{part.suffix}" for part in parts[:-1]}
    return [
        part._replace(
            suffix=f"{end}{part.suffix}",
            reads=None if part.reads is None else tuple([ends.get(one, one) for one in part.reads]),
        )
        for part in parts
    ]
