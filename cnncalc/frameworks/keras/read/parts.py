"""The layers of a spec for one call of a Keras layer or operation, and the table of what converts each class."""

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
"""A layer as a spec holds it, without its name and what it reads."""


class LayerPart(NamedTuple):
    """One of the layers of a spec for a Keras layer."""

    raw: Raw
    suffix: str = ""
    """The end of its name, after the Keras layer's; the part without one has that name."""
    reads: tuple[Draft | str, ...] | None = None
    """The layers that it reads, an earlier part by its suffix; None for the part above, or all that the layer reads."""
    recipes: Recipes | None = None
    """Its arrays; None for the usual ones of its op."""
    trainable: bool = True
    """Whether its arrays are trained if the Keras layer's are."""
    shared: bool = False
    """Whether the first call of the layer has its array in another op, and counts it."""
    copies: int = 1
    """How many times over its kernel holds one array, which counts once."""


class Results(NamedTuple):
    """The layers of a spec for a Keras layer that gives several tensors."""

    parts: list[LayerPart]
    given: tuple[str, ...]
    """The suffixes of the parts that these tensors are."""


Parts = Raw | list[LayerPart] | Results | None
"""One layer, several, or None for a call that no layer here expresses."""
Converter = Callable[[LayerCall], Parts]

CONVERTERS: Registry[str, Converter] = Registry()
"""The layers for each class of Keras, a layer or an operation."""


def renamed(call: LayerCall, op: str) -> Raw:
    """Return an op with the keys of the call's configuration under our names."""
    return {"op": op, **KERAS[OPS[op][0].WORD].ours(call.get)}


def opaque_layer(type: str, sizes: Sizes | None, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer of these figures, with its output's sizes if they are known."""
    return {"op": "opaque", "type": printable(type), **figures, **({} if sizes is None else {"out": list(sizes)})}


def same_shape(type: str, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer of these figures that keeps the shape."""
    return {"op": "opaque", "type": printable(type), "same": True, **figures}


def listed(parts: Raw | list[LayerPart]) -> list[LayerPart]:
    """Return layers as a list, for one or several."""
    return [LayerPart(parts)] if isinstance(parts, dict) else parts


def ended(parts: list[LayerPart], end: str) -> list[LayerPart]:
    """Return layers whose names have another end, so that they can follow those that they read as `""`."""
    ends: dict[Draft | str, str] = {part.suffix: f"{end}{part.suffix}" for part in parts[:-1]}
    return [
        part._replace(
            suffix=f"{end}{part.suffix}",
            reads=None if part.reads is None else tuple([ends.get(one, one) for one in part.reads]),
        )
        for part in parts
    ]
