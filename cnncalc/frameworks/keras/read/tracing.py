"""The output sizes of layers by the rules of their ops, for files that do not state them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ....axes import Fields, begin
from ....dialects import DIALECTS
from ....errors import CnncalcError
from ....layers import OPS, Env, Layer
from ....sizes import NOTHING_KNOWN, UNKNOWN, Shape, known, total
from .config import Sizes


class Traced(NamedTuple):
    """A layer's output, as far as known."""

    shape: Shape
    fields: Fields
    params: int | None = None


NOTHING = Traced(NOTHING_KNOWN, Fields(()))
"""An output of which nothing is known."""


def shape_of_sizes(sizes: Sizes | None) -> Traced:
    """Return sizes as a shape, with fields that only have its axes."""
    if sizes is None:
        return NOTHING
    shape = tuple([UNKNOWN if n is None else n for n in sizes])
    return Traced(shape, begin(shape, ()))


def sizes_of_shape(shape: Shape) -> Sizes | None:
    """Return a shape as sizes; None if it is unknown."""
    return None if shape == NOTHING_KNOWN else tuple([n if isinstance(n, int) else None for n in shape])


def traced(op: str, given: Mapping[str, Any], read: Sequence[Traced], channels_last: bool) -> Traced:
    """Return a layer's output for its inputs; NOTHING if it is impossible, which is reported later."""
    cls, nd = OPS[op]
    if cls.NESTS or (NOTHING_KNOWN in [one.shape for one in read] and op != "opaque"):
        return NOTHING
    try:
        keys = {key: cls.KEYS[key](value, nd) for key, value in given.items() if value is not None}
        if not keys.keys() >= set(cls.NEEDED):
            return NOTHING
        return _traced(cls(op, nd, keys), tuple(read), channels_last)
    except (CnncalcError, LookupError):
        return NOTHING


@lru_cache(maxsize=256)
def _traced(layer: Layer, read: Sequence[Traced], channels_last: bool) -> Traced:
    """Return a layer's output; equal layers are traced once."""
    env = Env(DIALECTS["keras"], channels_last)
    shapes, fields = [one.shape for one in read], [one.fields for one in read]
    done = layer.trace_all(shapes, fields, env) if layer.JOINS else layer.trace(shapes[0], fields[0], env)
    return Traced(done.out, done.fields, known(total([done.weights, done.bias])))


def shape_given(raw: Mapping[str, Any], read: Sequence[Sizes | None], channels_last: bool) -> Sizes | None:
    """Return the output sizes of a spec's layer for inputs of these sizes."""
    given = {key: value for key, value in raw.items() if key != "op"}
    return sizes_of_shape(traced(raw["op"], given, [shape_of_sizes(sizes) for sizes in read], channels_last).shape)
