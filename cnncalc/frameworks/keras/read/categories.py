"""Keras's layers and operations for one-hot and multi-hot encoding, counts, and binning.

Sources: keras/src/utils/numerical_utils.py and keras/src/layers/preprocessing.
"""

from __future__ import annotations

from ...build import Draft
from .config import LayerCall, Sizes, is_listable
from .functions import numbers
from .parts import CONVERTERS, LayerPart, Parts
from .roles import Recipe, computed, literal


def _compared(x: Draft | str, sizes: Sizes, row: Recipe, count: int, by: str, suffix: str) -> list[LayerPart] | None:
    """Return each value compared with `count` numbers along a new last axis; None if several sizes are open."""
    if sizes.count(None) > 1:
        return None
    apart = [-1 if n is None else n for n in sizes]
    fixed = {"op": "constant", "shape": [count], "kind": "constant"}
    return [
        LayerPart({"op": "reshape", "out": [*apart, 1]}, "_apart", (x,)),
        LayerPart(fixed, "_row", (), {"weight": row}),
        LayerPart({"op": "compare", "by": by}, suffix, ("_apart", "_row")),
    ]


def _classes(number: int) -> Recipe:
    """Return the recipe of the row of class numbers."""
    return computed(lambda: range(number), [number])


@CONVERTERS.register("OneHot")
def _one_hot(call: LayerCall) -> Parts:
    """Return the one-hot encoding of numbers along a new last axis."""
    classes, sizes, axis = call.get("num_classes"), call.sizes(), call.get("axis")
    if not is_listable(classes) or sizes is None or axis not in (None, -1, len(sizes) + 1):
        return None
    return _compared(call.read()[0].layer, sizes, _classes(classes), classes, "eq", "")


@CONVERTERS.register("CategoryEncoding")
def _category_encoding(call: LayerCall) -> Parts:
    return _encoded(call, call.read()[0].layer, call.sizes(), call.get("num_tokens"))


@CONVERTERS.register("Discretization")
def _discretization(call: LayerCall) -> Parts:
    """Return the bin of each number, as a number or encoded."""
    bounds, sizes = numbers(call.get("bin_boundaries")), call.sizes()
    if not isinstance(bounds, list) or sizes is None:
        return None
    parts = _compared(call.read()[0].layer, sizes, literal(bounds, [len(bounds)]), len(bounds), "ge", "_reached")
    if parts is None:
        return None
    count = LayerPart({"op": "sum", "axis": [-1]}, "", ("_reached",))
    if call.get("output_mode") in (None, "int"):
        return [*parts, count]
    encoded = _encoded(call, "_place", sizes, len(bounds) + 1)
    return None if encoded is None else [*parts, count._replace(suffix="_place"), *encoded]


def _encoded(call: LayerCall, x: Draft | str, sizes: Sizes | None, classes: object) -> list[LayerPart] | None:
    """Return integers encoded as one-hot, multi-hot or counts."""
    mode = call.get("output_mode") or "multi_hot"
    if not is_listable(classes) or sizes is None or call.kwargs.get("count_weights") is not None:
        return None
    hot = _compared(x, sizes, _classes(classes), classes, "eq", "_ones")
    if hot is None:
        return None
    hot = [part._replace(suffix=f"_one{part.suffix}") if part.suffix != "_ones" else part for part in hot]
    hot[-1] = hot[-1]._replace(reads=("_one_apart", "_one_row"))
    if mode == "one_hot":
        if sizes[-1:] != (1,):
            return [*hot[:-1], hot[-1]._replace(suffix="")]
        return [*hot, LayerPart({"op": "gather", "axis": len(sizes), "indices": 0})]
    if len(sizes) != 1 or mode not in ("multi_hot", "count"):
        return None
    return [*hot, LayerPart({"op": "max" if mode == "multi_hot" else "sum", "axis": [1]})]
