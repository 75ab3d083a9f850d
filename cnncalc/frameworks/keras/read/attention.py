"""Keras's attention: with projections to heads (MultiHeadAttention, GroupedQueryAttention), and without them.

Source: keras/src/layers/attention.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product, starmap
from math import prod
from types import NoneType
from typing import Any, NamedTuple

from ...build import Draft
from .config import LayerCall, Sizes, Tensor, is_listable, whole_numbers
from .masks import column
from .parts import CONVERTERS, LayerPart, Parts, Raw, Results
from .quantized import quantization
from .roles import Recipe, Recipes, computed, flat, head_bias, head_kernel, heads_apart, heads_joined, heads_out

_FAR = 1e18
"""The number subtracted from the scores of masked positions; a query that sees none then sees all equally."""


class Heads(NamedTuple):
    """The sizes of multi-head attention."""

    heads: int
    shared: int
    """The number of heads of keys and values, each shared by several query heads."""
    key: int
    """The features per head of queries and keys."""
    value: int
    bias: bool
    out: list[int]
    """The trailing sizes of the output."""


def _attended(call: LayerCall) -> list[Tensor] | None:
    """Return query, value and, if it differs, key; None if one is missing."""
    args = call.args[0] if len(call.args) == 1 and type(call.args[0]) in (list, tuple) else call.args
    named = [call.kwargs.get(key) for key in ("query", "value", "key")]
    given = [*args[:3], *[None] * (3 - len(args[:3]))]
    query, value, key = [one if one is not None else other for one, other in zip(given, named, strict=True)]
    if any(one is not None for one in args[3:]):
        return None
    wanted = [one for one in (query, value, key) if one is not None]
    if len(wanted) < 2 or not all(isinstance(one, Tensor) for one in wanted) or value is None:
        return None
    return wanted[:2] if key is None or key.layer is value.layer else wanted


class Seen(NamedTuple):
    """What the queries of an attention see."""

    parts: list[LayerPart]
    """The layers that make the mask."""
    mask: str | None
    """The suffix of the mask over queries and keys, 1 where a key is seen; None if all are."""
    causal: bool
    """Whether, without a mask, each query sees only keys up to its own position."""


def _seen(
    call: LayerCall, masks: list[Tensor | None] | None, given: object, rows: int | None, columns: int | None
) -> Seen | None:
    """Return the combined mask of an attention, from `masks` and a `given` one; None if it cannot be followed."""
    if masks is None:
        return None
    parts: list[LayerPart] = []
    factors: list[Draft | str] = []
    for name, mask, shape in zip(("query", "value", "key"), masks, ([-1, 1], [1, -1], [1, -1]), strict=True):
        if mask is not None:
            parts.append(LayerPart({"op": "reshape", "out": shape}, f"_{name}_mask", (mask.layer,)))
            factors.append(f"_{name}_mask")
    if isinstance(given, Tensor):
        factors.append(given.layer)
    causal, near = bool(call.kwargs.get("use_causal_mask")), call.config.get("sliding_window")
    if near or (causal and factors):
        if rows is None or columns is None or type(near) not in (int, NoneType):
            return None
        until = 1 if causal else columns
        far = max(rows, columns) if near is None else near
        parts.append(_table("_near", rows, columns, lambda row, at: at < row + until and abs(row - at) < far))
        factors.append("_near")
        causal = False
    if not factors:
        return None if given is not None else Seen([], None, causal)
    if given is not None and not isinstance(given, Tensor):
        return None
    raw: Raw = {"op": "mul"} if len(factors) > 1 else {"op": "identity"}
    return Seen([*parts, LayerPart(raw, "_mask", tuple(factors))], "_mask", causal)


def _table(suffix: str, rows: int, columns: int, value: Callable[[int, int], float]) -> LayerPart:
    """Return a constant with a number for each pair of query and key."""
    fixed: Raw = {"op": "constant", "shape": [rows, columns], "kind": "constant"}
    numbers = computed(lambda: starmap(value, product(range(rows), range(columns))), [rows, columns])
    return LayerPart(fixed, suffix, (), {"weight": numbers})


def _masks(call: LayerCall, read: list[Tensor]) -> list[Tensor | None] | None:
    """Return the masks of query, value and key; None if one cannot be followed."""
    found: list[Tensor | None] = []
    listed = call.kwargs.get("mask")
    own = ("query_mask", "value_mask", "key_mask")
    for at, (name, one) in enumerate(zip(own, (*read, None)[:3], strict=True)):
        given = listed[at] if isinstance(listed, (list, tuple)) and at < len(listed) else call.kwargs.get(name)
        if given is None and one is not None and one.masked:
            if one.mask is None:
                return None
            given = one.mask
        if given is not None and not isinstance(given, Tensor):
            return None
        found.append(given)
    return found


@CONVERTERS.register("MultiHeadAttention")
def _multihead(call: LayerCall) -> Parts:
    """Return multi-head attention as one layer, or step by step if one layer cannot express it."""
    read, config = _attended(call), call.config
    if read is None or quantization(config) is not None:
        return None
    ranks = {None if one.sizes is None else len(one.sizes) for one in read}
    counts = _counts(config, "num_heads", "key_dim")
    given_axes, out = whole_numbers(config.get("attention_axes")), whole_numbers(config.get("output_shape"))
    if (
        len(ranks) > 1
        or None in ranks
        or given_axes is None
        or out is None
        or counts is None
        or min(out, default=1) < 1
    ):
        return None
    heads, key = counts
    value = _counts({"value_dim": config.get("value_dim") or key}, "value_dim")
    if value is None:
        return None
    rank = len(read[0].sizes or ())
    axes = [axis + rank + 1 if axis < 0 else axis for axis in given_axes] or list(range(1, rank))
    is_plain = axes == [rank - 1] and len(out) < 2 and not config.get("use_gate")
    if is_plain and not call.kwargs.get("return_attention_scores") and not _zeroes(call):
        plain_one = _one_layer(call, read, out)
        if plain_one is not None:
            return plain_one
    width = (read[0].sizes or (None,))[-1]
    if any(not 0 < axis < rank for axis in axes) or len(set(axes)) < len(axes) or (not out and width is None):
        return None
    bias = config.get("use_bias") is not False
    return _by_steps(call, read, Heads(heads, heads, key, value[0], bias, out or [width or 0]), axes)


def _counts(config: dict[str, Any], *names: str) -> list[int] | None:
    """Return numbers from a configuration; None if one is not a positive integer."""
    found = [n for n in map(config.get, names) if type(n) is int and n > 0]
    return found if len(found) == len(names) else None


def _zeroes(call: LayerCall) -> bool:
    """Return whether a query that sees nothing gives 0, as it does where Keras computes the scores itself."""
    return bool(call.config.get("dropout")) or bool(call.kwargs.get("return_attention_scores"))


def _one_layer(call: LayerCall, read: list[Tensor], out: list[int]) -> Parts:
    """Return multi-head attention over the axis before the features as one layer; None if its mask needs more."""
    query, value, *key = read
    alone = not key and value.layer is query.layer
    inputs = [query] if alone else [query, *key, value]
    rows, columns = [(one.sizes or (None, None))[-2] for one in (query, value)]
    seen = _seen(call, _masks(call, read), call.kwargs.get("attention_mask"), rows, columns)
    if seen is None or (seen.mask is not None and len(query.sizes or ()) > 2):
        return None
    raw: Raw = {"op": "multihead", "heads": call.config.get("num_heads")}
    raw |= {name: call.config[name] for name in ("key_dim", "value_dim") if call.config.get(name)}
    raw |= {"bias": call.config.get("use_bias") is not False, "causal": seen.causal}
    raw |= {"out": out[0]} if out else {}
    if seen.mask is None:
        return [*seen.parts, LayerPart(raw, "", tuple(one.layer for one in inputs), _HEADS)]
    three = [*inputs, *inputs[-1:] * (3 - len(inputs))]
    reads = (*[one.layer for one in three], "_added")
    return [*seen.parts, _added(seen.mask), LayerPart(raw, "", reads, _HEADS)]


def _added(mask: Draft | str, far: float = _FAR) -> LayerPart:
    """Return what a mask adds to scores: 0 for what is seen."""
    return LayerPart({"op": "rescale", "factor": far, "offset": -far}, "_added", (mask,))


_HEADS: Recipes = {
    **{f"{part}_weight": Recipe((f"{part}/kernel",), head_kernel) for part in ("query", "key", "value")},
    **{f"{part}_bias": Recipe((f"{part}/bias",), head_bias) for part in ("query", "key", "value")},
    "output_weight": Recipe(("output/kernel",), heads_out),
    "output_bias": Recipe(("output/bias",)),
}


@CONVERTERS.register("GroupedQueryAttention")
def _grouped(call: LayerCall) -> Parts:
    """Return attention in which several query heads share one head of keys and values."""
    read, config = _attended(call), call.config
    counts = _counts(config, "num_query_heads", "num_key_value_heads", "head_dim")
    if read is None or quantization(config) is not None or counts is None or counts[0] % counts[1]:
        return None
    heads, shared, width = counts
    if not is_listable(heads):
        return None
    if any(one.sizes is None or len(one.sizes) != 2 for one in read) or (read[0].sizes or (None,))[-1] is None:
        return None
    bias = config.get("use_bias") is not False
    return _by_steps(call, read, Heads(heads, shared, width, width, bias, [(read[0].sizes or (0,))[-1] or 0]), [1])


def _by_steps(call: LayerCall, read: list[Tensor], h: Heads, axes: list[int]) -> Parts:
    """Return multi-head attention over some axes, with features last, layer by layer."""
    query, value, *key = read
    three = [query, (*key, value)[0], value]
    sizes = [one.sizes or () for one in three]
    rank, several = len(sizes[0]), len(axes) > 1
    others = [axis for axis in range(1, rank) if axis not in axes]
    rows, columns = [None if several else one[axes[0] - 1] for one in sizes[:2]]
    seen = _seen(call, _masks(call, read), call.kwargs.get("attention_mask"), rows, columns)
    if seen is None or ((others or several) and (any(None in one for one in sizes) or seen.mask or seen.causal)):
        return None
    scores = bool(call.kwargs.get("return_attention_scores"))
    if scores and seen.causal and (rows is None or columns is None):
        return None
    order = [*others, rank, *axes, rank + 1]  # heads come after the other axes
    parts: list[LayerPart] = [*seen.parts]
    counts, widths = (h.heads, h.shared, h.shared), (h.key, h.key, h.value)
    for role, one, count, width in zip(("query", "key", "value"), three, counts, widths, strict=True):
        parts += _to_heads(role, one, (count, width), h, order, len(axes))
    parts += _heads_seen(call, h, seen, rows, columns)
    spread, given = _from_heads(call, query, h, order, axes)
    parts += spread
    if not scores:
        return parts
    if several:
        apart = [n for one in sizes[:2] for n in (one[axis - 1] for axis in axes)]
        free = [sizes[0][axis - 1] for axis in others]
        parts.append(LayerPart({"op": "reshape", "out": [*free, h.heads, *apart]}, "_all", ("_scores",)))
    return Results(parts, (given, "_all" if several else "_scores"))


def _heads_seen(call: LayerCall, h: Heads, seen: Seen, rows: int | None, columns: int | None) -> list[LayerPart]:
    """Return the attention of projected queries, keys and values; its scores are a separate layer if wanted."""
    ends = ("_query_heads", "_key_heads", "_value_heads")
    scores = bool(call.kwargs.get("return_attention_scores"))
    added = LayerPart({"op": "log"}, "_added", (seen.mask or "",))
    if not _zeroes(call) or scores:
        added = _added(seen.mask or "")
    parts = [] if seen.mask is None else [added]
    if not scores:
        reads = ends if seen.mask is None else (*ends, "_added")
        return [*parts, LayerPart({"op": "attention", "causal": seen.causal}, "_seen", reads)]
    return [
        *parts,
        LayerPart({"op": "rescale", "factor": h.key**-0.5}, "_scaled", ends[:1]),
        LayerPart({"op": "einsum", "equation": "...qd,...kd->...qk"}, "_products", ("_scaled", ends[1])),
        *_softmaxed("_products", seen, rows, columns, True),
        LayerPart({"op": "matmul"}, "_seen", ("_scores", ends[2])),
    ]


def _from_heads(
    call: LayerCall, query: Tensor, h: Heads, order: list[int], axes: list[int]
) -> tuple[list[LayerPart], str]:
    """Return what follows multi-head attention (its gate and its projection), and the last suffix."""
    sizes, parts, at = query.sizes or (), list[LayerPart](), "_seen"
    if len(axes) > 1:
        whole = [*sizes[:-1], h.heads, h.value]
        parts.append(LayerPart({"op": "reshape", "out": [whole[axis - 1] for axis in order]}, "_unfolded", (at,)))
        at = "_unfolded"
    back = [order.index(axis) + 1 for axis in range(1, len(order) + 1)]
    parts.append(LayerPart({"op": "permute", "order": back}, "_back", (at,)))
    if call.config.get("use_gate"):
        parts += _projected("gate", query, (h.heads, h.value), h.bias)
        parts += [LayerPart({"op": "sigmoid"}, "_open"), LayerPart({"op": "mul"}, "_gated", ("_back", "_open"))]
    lead = [-1 if n is None else n for n in sizes[:-1]]
    output: Raw = {"op": "linear", "out": prod(h.out), "bias": h.bias}
    recipes = {"weight": Recipe(("output/kernel",), _joined(h)), "bias": Recipe(("output/bias",), flat)}
    joined = LayerPart({"op": "reshape", "out": [*lead, h.heads * h.value]}, "_joined")
    parts += [joined, LayerPart(output, "", None, recipes)]
    if len(h.out) < 2:
        return parts, ""
    return [*parts, LayerPart({"op": "reshape", "out": [*lead, *h.out]}, "_apart")], "_apart"


def _joined(h: Heads) -> Any:
    """Return the function that turns the kernel of the output projection into that of a linear layer."""

    def make(arrays: list[Any], channels_last: bool) -> Any:
        return heads_joined([arrays[0].reshape(h.heads, h.value, -1)], channels_last)

    return make


def _projected(role: str, x: Tensor, each: tuple[int, int], bias: bool) -> list[LayerPart]:
    """Return a projection to heads: a linear layer, and a reshape of its features by head."""
    raw: Raw = {"op": "linear", "out": prod(each), "bias": bias}
    recipes = {"weight": Recipe((f"{role}/kernel",), heads_apart), "bias": Recipe((f"{role}/bias",), flat)}
    lead = [-1 if n is None else n for n in (x.sizes or ())[:-1]]
    apart = LayerPart({"op": "reshape", "out": [*lead, *each]}, f"_{role}_apart")
    return [LayerPart(raw, f"_{role}", (x.layer,), recipes), apart]


def _to_heads(role: str, x: Tensor, each: tuple[int, int], h: Heads, order: list[int], axes: int) -> list[LayerPart]:
    """Return a projection with heads before the attended axes, which are merged into one."""
    parts = [*_projected(role, x, each, h.bias), LayerPart({"op": "permute", "order": order}, f"_{role}_turned")]
    if each[0] < h.heads:
        heads = [head // (h.heads // each[0]) for head in range(h.heads)]
        parts.append(LayerPart({"op": "gather", "axis": len(order) - axes - 1, "indices": heads}, f"_{role}_shared"))
    if axes > 1:
        whole = [*(x.sizes or ())[:-1], h.heads, each[1]]
        turned = [whole[axis - 1] or 0 for axis in order]
        folded = [*turned[: -axes - 1], prod(turned[-axes - 1 : -1]), turned[-1]]
        parts.append(LayerPart({"op": "reshape", "out": folded}, f"_{role}_folded"))
    return [*parts[:-1], parts[-1]._replace(suffix=f"_{role}_heads")]


def _softmaxed(
    products: str, seen: Seen, rows: int | None, columns: int | None, zeroes: bool = False
) -> list[LayerPart]:
    """Return the softmax of products plus a mask; with `zeroes`, it is 0 for queries that see nothing."""
    parts, at = list[LayerPart](), products
    if seen.mask is not None:
        parts.append(LayerPart({"op": "add"}, "_masked", (at, "_added")))
        at = "_masked"
    if seen.causal and rows is not None and columns is not None:
        parts.append(_table("_later", rows, columns, lambda row, at: 0.0 if at <= row else -_FAR))
        parts.append(LayerPart({"op": "add"}, "_earlier", (at, "_later")))
        at = "_earlier"
    softmax = LayerPart({"op": "softmax", "axis": -1}, "_scores", (at,))
    if not zeroes or seen.mask is None:
        return [*parts, softmax]
    return [*parts, softmax._replace(suffix="_softmax"), LayerPart({"op": "mul"}, "_scores", ("_softmax", seen.mask))]


@CONVERTERS.register("Attention", "AdditiveAttention")
def _attention(call: LayerCall) -> Parts:
    """Return attention without projections; the mask of the queries applies to the output."""
    read = _attended(call)
    if read is None:
        return None
    query, value, *other = read
    key = (*other, value)[0]
    sizes = [one.sizes for one in (query, key, value)]
    masks = _masks(call, read)
    if masks is None or any(one is None or len(one) != 2 for one in sizes):
        return None
    rows, columns = [(one or (None,))[0] for one in sizes[:2]]
    seen = _seen(call, [None, masks[1], None], None, rows, columns)
    if seen is None:
        return None
    products = call.kind == "Attention" and call.config.get("score_mode", "dot") == "dot"
    whole = bool(call.kwargs.get("return_attention_scores")) or not products
    if whole and seen.causal and (rows is None or columns is None):
        return None
    parts = [*seen.parts, *([] if seen.mask is None else [_added(seen.mask, 1e9)])]
    queries: Draft | str = query.layer
    if products and call.config.get("use_scale"):
        parts += [_variable("scale", []), LayerPart({"op": "mul"}, "_scaled", (queries, "_scale"))]
        queries = "_scaled"
    if not whole:
        reads = (queries, key.layer, value.layer, *([] if seen.mask is None else ["_added"]))
        parts.append(LayerPart({"op": "attention", "scale": 1, "causal": seen.causal}, "_seen", reads))
    else:
        if products:
            raw: Raw = {"op": "einsum", "equation": "qd,kd->qk"}
            parts.append(LayerPart(raw, "_products", (queries, key.layer)))
        else:
            parts += _sums(call, query, key)
        parts += _softmaxed(parts[-1].suffix, seen, rows, columns)
        parts.append(LayerPart({"op": "matmul"}, "_seen", ("_scores", value.layer)))
    if masks[0] is not None:
        parts += [column(masks[0]), LayerPart({"op": "mul"}, "_kept", ("_seen", "_counts"))]
    parts[-1] = parts[-1]._replace(suffix="")
    return Results(parts, ("", "_scores")) if call.kwargs.get("return_attention_scores") else parts


def _variable(name: str, shape: list[int]) -> LayerPart:
    """Return a variable of the layer as a constant."""
    return LayerPart({"op": "constant", "shape": shape}, f"_{name}", (), {"weight": Recipe((name,))})


def _sums(call: LayerCall, query: Tensor, key: Tensor) -> list[LayerPart]:
    """Return the scores sum(tanh(query + key)) of each pair, with the layer's weights."""
    sizes: list[Sizes] = [one.sizes or () for one in (query, key)]
    (steps, width), (others, _) = [[-1 if n is None else n for n in one] for one in sizes]
    scale = bool(call.config.get("use_scale", call.kind == "AdditiveAttention"))
    inside = call.kind == "Attention"  # Attention's scale is a number inside tanh
    parts = [
        LayerPart({"op": "reshape", "out": [steps, 1, width]}, "_queries", (query.layer,)),
        LayerPart({"op": "reshape", "out": [1, others, width]}, "_keys", (key.layer,)),
        *([_variable("scale", [] if inside else [width])] if scale else []),
        LayerPart({"op": "add"}, "_pairs", ("_queries", "_keys")),
    ]
    scaled = LayerPart({"op": "mul"}, "_scaled", (parts[-1].suffix if inside else "_tanh", "_scale"))
    parts += [scaled] if scale and inside else []
    parts.append(LayerPart({"op": "tanh"}, "_tanh"))
    parts += [scaled] if scale and not inside else []
    parts.append(LayerPart({"op": "sum", "axis": [-1], "keepdims": False}, "_sums", (parts[-1].suffix,)))
    if not inside:
        return parts
    weight = _variable("concat_score_weight", [])
    return [weight, *parts, LayerPart({"op": "mul"}, "_weighted", ("_sums", weight.suffix))]


@CONVERTERS.register("DotProductAttention")
def _dot_product(call: LayerCall) -> Parts:
    """Return the dot-product operation, whose samples have the heads between positions and features."""
    read, scale = call.args[:3], call.kwargs.get("scale")
    given = [*call.args[3:5], None, None]
    bias, mask = [
        call.kwargs.get(name) if one is None else one for name, one in zip(("bias", "mask"), given, strict=False)
    ]
    sizes = [one.sizes if isinstance(one, Tensor) else None for one in read]
    if len(read) < 3 or any(one is not None and not isinstance(one, Tensor) for one in (bias, mask)):
        return None
    if any(one is None or len(one) != 3 for one in sizes) or call.get("attn_logits_soft_cap"):
        return None
    if len({one[1] for one in sizes if one is not None}) > 1 or (mask is not None and bool(call.get("is_causal"))):
        return None
    names, turn = ("_query", "_key", "_value"), {"op": "permute", "order": [2, 1, 3]}
    parts = [LayerPart(turn, name, (one.layer,)) for name, one in zip(names, read, strict=True)]
    added: list[Draft | str] = [] if bias is None else [bias.layer]
    if mask is not None:
        parts.append(_added(mask.layer))
        added.append("_added")
    if len(added) > 1:
        parts.append(LayerPart({"op": "add"}, "_together", tuple(added)))
        added = ["_together"]
    raw: Raw = {"op": "attention", "causal": bool(call.get("is_causal"))}
    parts.append(LayerPart(raw | ({} if scale is None else {"scale": scale}), "_seen", (*names, *added)))
    return [*parts, LayerPart(turn)]
