"""The rules in which dialects may differ at a layer, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..explain import axes_text
from ..report import LayerReport
from ..sizes import Shape, counted


class Rule(NamedTuple):
    """A rule in which dialects may differ at a layer: its value there, and how the value is written."""

    title: str
    value: Callable[[LayerReport], Any]
    """The function that returns its value at a layer; None if the rule does not apply there."""
    say: Callable[[Any], str] = str
    sign: Callable[[Any], str] = lambda _: ""
    """How a table cell writes the value; empty if only the notes do."""
    shapes: bool = True
    """Whether it affects sizes, counts or fields, not only values."""


def _key(name: str) -> Callable[[LayerReport], Any]:
    return lambda layer: layer.values.get(name)


def _counts(layer: LayerReport) -> Any:
    """Return whether an average counts padding; None without padding."""
    p = layer.values.get("p")
    pads = isinstance(p, str) or (isinstance(p, (list, tuple)) and any(map(any, p)))
    return layer.values.get("count_include_pad") if pads else None


def _extra_channel(layer: LayerReport) -> Any:
    if layer.op != "lrn" or layer.values["size"] % 2:
        return None
    return layer.env.dialect.lrn_before_is_larger


def _cubic(layer: LayerReport) -> Any:
    if layer.values.get("mode") not in ("cubic", "bicubic"):
        return None
    dialect = layer.env.dialect
    return dialect.cubic, dialect.cubic_leaves_out


def _rounding(layer: LayerReport) -> Any:
    return {True: "up", False: "down", "keep": "up, keeping every window"}.get(layer.values.get("ceil", ""))


def rounding_matters(layers: Sequence[LayerReport]) -> bool:
    """Return whether equal windows over equal inputs give different output sizes."""
    seen: dict[str, Shape] = {}
    windows = [(repr((layer.x, [layer.values[key] for key in "kspd"])), layer.out) for layer in layers]
    return any(seen.setdefault(window, out) != out for window, out in windows)


RULES = {
    "p": Rule("padding, before+after", _key("p"), axes_text, lambda p: f"p{axes_text(p)}"),
    "s": Rule("default stride", _key("s"), axes_text, lambda s: f"s{axes_text(s)}"),
    "ceil": Rule("rounding", _rounding, sign=lambda way: way.split(",")[0]),
    "out_pad": Rule("added after", _key("out_pad"), axes_text, lambda o: f"out_pad{axes_text(o)}"),
    "count_include_pad": Rule(
        "the divisor counts padding",
        _counts,
        {True: "yes", False: "no"}.__getitem__,
        lambda c: "p counts" if c else "",
        False,
    ),
    "keepdims": Rule("spatial axes", _key("keepdims"), {True: "kept as 1", False: "dropped"}.__getitem__),
    "eps": Rule("eps", _key("eps"), sign=lambda eps: f"eps {eps}", shapes=False),
    "alpha": Rule("slope", _key("alpha"), "{:.6g}".format, lambda alpha: f"slope {alpha:.3g}", False),
    "hidden_bias": Rule("a second bias", _key("hidden_bias"), {True: "yes", False: "no"}.__getitem__),
    "slopes": Rule("slopes", lambda layer: layer.weights if layer.op == "prelu" else None, counted),
    "extra": Rule("the extra channel", _extra_channel, {True: "before", False: "after"}.__getitem__, shapes=False),
    "cubic": Rule(
        "cubic", _cubic, lambda c: f"A = {c[0]}, taps beyond the border {'left out' if c[1] else 'repeated'}"
    ),
}
"""The rules by the layer key that each decides, in the order of listing."""
