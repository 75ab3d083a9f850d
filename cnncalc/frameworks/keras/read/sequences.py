"""Keras's layers over sequences: recurrent layers, attention, embeddings, and the wrappers around other layers.

Sources: keras/src/layers/rnn and keras/src/layers/attention.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from .config import LayerCall, Sizes, Tensor
from .functions import CONVERTERS, LayerPart, Parts, Raw, Results, opaque_layer
from .quantized import CountedKernel, counted_only, lora_rank, quantization, with_lora
from .roles import (
    Recipe,
    Recipes,
    as_it_is,
    flat,
    gru_bias,
    gru_kernel,
    head_bias,
    head_kernel,
    heads_apart,
    heads_joined,
    heads_out,
    kernel,
)
from .variables import inner_layer

RECURRENT = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}


_FUNCTIONS = {name: name for name in ("tanh", "relu", "sigmoid", "linear")}


def _cell(kind: str, config: dict[str, Any], old: bool) -> Raw | None:
    """Return a recurrent layer in one direction; None for functions that it does not have here."""
    activation = _FUNCTIONS.get(str(config.get("activation", "tanh")))
    gates = _FUNCTIONS if old else {**_FUNCTIONS, "hard_sigmoid": "hardsigmoid"}  # Keras 2's has another slope
    gate = gates.get(str(config.get("recurrent_activation", "sigmoid")))
    if activation is None or gate is None or quantization(config) is not None:
        return None
    has_bias = config.get("use_bias") is not False
    raw: Raw = {"op": RECURRENT[kind], "out": config.get("units"), "bias": has_bias, "hidden_bias": False}
    raw |= {"sequences": bool(config.get("return_sequences")), "activation": activation}
    if kind != "SimpleRNN":
        raw["gate"] = gate
    if kind == "GRU":
        raw["reset_after"] = bool(config.get("reset_after"))
        raw["hidden_bias"] = raw["reset_after"] and has_bias
    return raw


def _cell_recipes(kind: str, config: dict[str, Any], part: str = "", end: str = "") -> Recipes:
    """Return the arrays of a recurrent layer; `part` is its direction's in the file, `end` ends the roles."""
    names = [f"{part}{name}" for name in ("kernel", "recurrent_kernel", "bias")]
    made: list[tuple[str, str, Callable[[list[Any], bool], Any]]]
    if kind != "GRU":
        made = [("weight_ih", names[0], kernel), ("weight_hh", names[1], kernel), ("bias_ih", names[2], as_it_is)]
    else:
        made = [("weight_ih", names[0], gru_kernel), ("weight_hh", names[1], gru_kernel)]
        made += [("bias_ih", names[2], gru_bias(0)), ("bias_hh", names[2], gru_bias(1))]
        if not config.get("reset_after"):
            made.pop()
    return {role + end: Recipe((name,), make) for role, name, make in made}


@CONVERTERS.register(*RECURRENT)
def _recurrent(call: LayerCall) -> Parts:
    """Return a recurrent layer; backwards over a sequence, Keras gives the steps in the order it reads them."""
    config, kind, read = call.config, call.kind, call.tensors()
    raw = _cell(kind, config, call.old)
    if raw is None or len(read) not in (1, 3 if kind == "LSTM" else 2) or call.masked:
        return None
    backward = bool(config.get("go_backwards"))
    raw |= {"backward": True} if backward else {}
    own = LayerPart(raw, "", tuple(one.layer for one in read), _cell_recipes(kind, config))
    if config.get("return_state"):
        return _with_states(own, backward)
    return [own, *([_flip(1, "_flip")] if backward and raw["sequences"] else [])]


def _with_states(own: LayerPart, backward: bool) -> Results:
    """Return a recurrent layer, its output and its last states; an LSTM gives both of its states in one row."""
    sequences, units, parts, states = own.raw["sequences"], own.raw["out"], [own], [""]
    if own.raw["op"] == "lstm":
        parts = [own._replace(raw={**own.raw, "state": "both"})]
        states = ["_output", "_cells"]
        for suffix, start in zip(states, (0, units), strict=True):
            raw = {"op": "slice", "axis": -1, "start": start, "stop": start + units}
            parts.append(LayerPart(raw, suffix, ("",)))
    output = states[0]
    if sequences:
        last = {"op": "gather", "axis": 1, "indices": 0 if backward else -1}
        names = [f"_state{number}" for number in range(1, len(states) + 1)]
        parts += [LayerPart(last, name, (state,)) for name, state in zip(names, states, strict=True)]
        states = names
        if backward:
            parts.append(_flip(1, "_flip")._replace(reads=(output,)))
            output = "_flip"
    return Results(parts, (output, *states))


def _flip(axis: int, suffix: str) -> LayerPart:
    return LayerPart({"op": "slice", "axis": axis, "step": -1}, suffix)


MERGES: dict[str, Raw] = {
    "concat": {"op": "concat", "axis": -1},
    "sum": {"op": "add"},
    "mul": {"op": "mul"},
    "ave": {"op": "add"},
}


@CONVERTERS.register("Bidirectional")
def _bidirectional(call: LayerCall) -> Parts:
    """Return one layer for both directions if they differ in nothing else, or one for each and what joins them."""
    forward, backward = inner_layer(call.config), inner_layer(call.config, "backward_layer")
    merge = call.config.get("merge_mode", "concat")
    if forward is None or backward is None or call.masked or len(call.tensors()) != 1:
        return None
    first, second = [_cell(*one, call.old) if one[0] in RECURRENT else None for one in (forward, backward)]
    states = any(one[1].get("return_state") for one in (forward, backward))
    if first is None or second is None or states or forward[1].get("go_backwards"):
        return None
    if first == second and merge == "concat":
        recipes = {**_cell_recipes(*forward, "forward/"), **_cell_recipes(*backward, "backward/", "_reverse")}
        return [LayerPart(first | {"bidirectional": True}, recipes=recipes)]
    read = tuple(one.layer for one in call.read())
    ways = [
        LayerPart(first, "_forward", read, _cell_recipes(*forward, "forward/")),
        LayerPart(second | {"backward": True}, "_backward", read, _cell_recipes(*backward, "backward/")),
    ]
    if merge is None:
        return Results(ways, ("_forward", "_backward"))
    if merge not in MERGES:
        return None
    joined = LayerPart(MERGES[merge], "_sum" if merge == "ave" else "", ("_forward", "_backward"))
    return [*ways, joined, *([LayerPart({"op": "rescale", "factor": 0.5})] if merge == "ave" else [])]


@CONVERTERS.register("Embedding")
def _embedding(call: LayerCall) -> Parts:
    rows, columns = call.config.get("input_dim"), call.config.get("output_dim")
    if type(rows) is not int or type(columns) is not int:
        return None
    mode, rank = quantization(call.config), lora_rank(call.config)
    if mode is not None:
        sizes = call.sizes()
        out = call.out if call.out is not None or sizes is None else (*sizes, columns)
        return counted_only(call._replace(out=out), CountedKernel(rows, columns, columns, 0, 0))
    raw: Raw = {"op": "embedding", "rows": rows, "out": columns}
    recipes = {"weight": Recipe(("embeddings",))}
    if rank is None:
        return [LayerPart(raw, recipes=recipes)]
    return with_lora(
        call, rank, raw, raw | {"out": rank}, {"op": "linear", "out": columns, "bias": False}, False, "embeddings"
    )


@CONVERTERS.register("RepeatVector")
def _repeat(call: LayerCall) -> Parts:
    sizes = call.sizes()
    if sizes is None or len(sizes) != 1:
        return None
    row = LayerPart({"op": "reshape", "out": [1, -1 if sizes[0] is None else sizes[0]]}, "_row")
    return [row, LayerPart({"op": "tile", "repeats": [call.get("n"), 1]})]


@CONVERTERS.register("MultiHeadAttention")
def _multihead(call: LayerCall) -> Parts:
    """Return multi-head attention over the last axis but the features, or over all of them, which are joined first."""
    read, out = _attended(call), call.config.get("output_shape")
    out = out[0] if isinstance(out, (list, tuple)) and len(out) == 1 else out
    if read is None or quantization(call.config) is not None or not (out is None or type(out) is int):
        return None
    sizes = [one.sizes for one in read if one.sizes is not None]
    ranks = {len(one) for one in sizes}
    if len(sizes) < len(read) or len(ranks) > 1 or min(ranks) < 2:
        return None
    query, value, *key = read
    alone = not key and value.layer is query.layer
    inputs = [query] if alone else [query, *key, value]
    raw: Raw = {"op": "multihead", "heads": call.config.get("num_heads")}
    raw |= {name: call.config[name] for name in ("key_dim", "value_dim") if call.config.get(name)}
    raw |= {"bias": call.config.get("use_bias") is not False, "causal": bool(call.kwargs.get("use_causal_mask"))}
    raw |= {} if out is None else {"out": out}
    seen = LayerPart(raw, "", tuple(one.layer for one in inputs), _HEADS)
    axes, rank = call.config.get("attention_axes"), min(ranks)
    axes = list(range(1, rank)) if axes is None else [axis + rank + 1 if axis < 0 else axis for axis in axes]
    if axes == [rank - 1]:
        return _with_scores([seen], call)
    if axes != list(range(1, rank)) or any(None in one for one in sizes):
        return None
    joined = [[n or 0 for n in one.sizes or ()] for one in inputs]
    rows: list[Raw] = [{"op": "reshape", "out": [prod(one[:-1]), one[-1]]} for one in joined]
    flat = [
        LayerPart(row, f"_row{at}", (one.layer,)) for at, (row, one) in enumerate(zip(rows, inputs, strict=True), 1)
    ]
    seen = seen._replace(reads=tuple(part.suffix for part in flat))
    apart = LayerPart({"op": "reshape", "out": [*joined[0][:-1], out or joined[0][-1]]}, "_apart")
    return _with_scores([*flat, seen, apart], call)


def _with_scores(parts: list[LayerPart], call: LayerCall) -> Parts:
    """Return the layers of an attention, and its scores as an opaque layer if it gives them."""
    if not call.kwargs.get("return_attention_scores"):
        return parts
    scores = LayerPart(opaque_layer("attention scores", None), "_scores", (parts[-1].suffix,))
    return Results([*parts, scores], (parts[-1].suffix, "_scores"))


def _attended(call: LayerCall) -> list[Tensor] | None:
    """Return query, value and, if it is another, key; None if there is a mask."""
    masks = [value for key, value in call.kwargs.items() if "mask" in key and key != "use_causal_mask"]
    if call.masked or any(value is not None for value in masks):
        return None
    args = call.args[0] if len(call.args) == 1 and type(call.args[0]) in (list, tuple) else call.args
    named = [call.kwargs.get(key) for key in ("query", "value", "key")]
    given = [*args[:3], *[None] * (3 - len(args[:3]))]
    query, value, key = [one if one is not None else other for one, other in zip(given, named, strict=True)]
    if any(one is not None for one in args[3:]):
        return None
    listed = [one for one in (query, value, key) if one is not None]
    if len(listed) < 2 or not all(isinstance(one, Tensor) for one in listed) or value is None:
        return None
    return listed[:2] if key is None or key.layer is value.layer else listed


_HEADS: Recipes = {
    **{f"{part}_weight": Recipe((f"{part}/kernel",), head_kernel) for part in ("query", "key", "value")},
    **{f"{part}_bias": Recipe((f"{part}/bias",), head_bias) for part in ("query", "key", "value")},
    "output_weight": Recipe(("output/kernel",), heads_out),
    "output_bias": Recipe(("output/bias",)),
}


@CONVERTERS.register("GroupQueryAttention", "GroupedQueryAttention")
def _grouped(call: LayerCall) -> Parts:
    """Return attention in which several heads of queries share one of keys and values: its steps, layer by layer."""
    read, config = _attended(call), call.config
    heads, shared, width = (config.get(key) for key in ("num_query_heads", "num_key_value_heads", "head_dim"))
    if read is None or quantization(config) is not None or call.kwargs.get("return_attention_scores"):
        return None
    if any(one.sizes is None or len(one.sizes) != 2 for one in read) or not heads or not shared or not width:
        return None
    query, value, *key = read
    bias = config.get("use_bias") is not False
    turn: Raw = {"op": "permute", "order": [2, 1, 3]}
    repeated: Raw = {"op": "gather", "axis": 1, "indices": [head // (heads // shared) for head in range(heads)]}
    parts = []
    for name, one, count in (("query", query, heads), ("key", (*key, value)[0], shared), ("value", value, shared)):
        steps = -1 if one.sizes is None or one.sizes[0] is None else one.sizes[0]
        parts += [
            LayerPart(
                {"op": "linear", "out": count * width, "bias": bias}, f"_{name}", (one.layer,), _projection(name)
            ),
            LayerPart({"op": "reshape", "out": [steps, count, width]}, f"_{name}_apart"),
            LayerPart(turn, f"_{name}_heads"),
            *([LayerPart(repeated, f"_{name}_all")] if count != heads else []),
        ]
    ends = [f"_{name}_{'heads' if heads == shared or name == 'query' else 'all'}" for name in ("query", "key", "value")]
    whole = query.sizes or ()
    out: Raw = {"op": "linear", "out": whole[-1], "bias": bias}
    return [
        *parts,
        LayerPart({"op": "attention", "causal": bool(call.kwargs.get("use_causal_mask"))}, "_seen", tuple(ends)),
        LayerPart(turn, "_back"),
        LayerPart({"op": "reshape", "out": [-1 if whole[0] is None else whole[0], heads * width]}, "_joined"),
        LayerPart(
            out, "", None, {"weight": Recipe(("output/kernel",), heads_joined), "bias": Recipe(("output/bias",))}
        ),
    ]


def _projection(name: str) -> Recipes:
    """Return the arrays of a projection to heads as those of a linear layer."""
    return {
        "weight": Recipe((f"{name}/kernel",), heads_apart),
        "bias": Recipe((f"{name}/bias",), flat),
    }


@CONVERTERS.register("Attention", "AdditiveAttention")
def _attention(call: LayerCall) -> Parts:
    """Return attention without projections: its scores are products, or sums as Bahdanau et al. have them."""
    read = _attended(call)
    if read is None or call.config.get("score_mode", "dot") != "dot":
        return None
    query, value, *key = read
    sizes = [one.sizes for one in (query, *key, value)]
    if any(one is None or len(one) != 2 for one in sizes):
        return None
    scale = bool(call.config.get("use_scale", call.kind == "AdditiveAttention"))
    causal = bool(call.kwargs.get("use_causal_mask"))
    if call.kind == "AdditiveAttention":
        return None if causal else _with_scores(_additive(query, key[0] if key else value, value, scale), call)
    keys = key[0].layer if key else value.layer
    reads: tuple[Any, ...] = (query.layer, keys, value.layer)
    parts = []
    if scale:
        number = LayerPart({"op": "constant", "shape": []}, "_scale", (), {"weight": Recipe(("scale",))})
        parts = [number, LayerPart({"op": "mul"}, "_scaled", (query.layer, "_scale"))]
        reads = ("_scaled", keys, value.layer)
    return _with_scores([*parts, LayerPart({"op": "attention", "scale": 1, "causal": causal}, "", reads)], call)


@CONVERTERS.register("DotProductAttention")
def _dot_product(call: LayerCall) -> Parts:
    """Return the operation: its samples have the heads between positions and features."""
    read, scale = call.args[:3], call.kwargs.get("scale")
    rest = [*call.args[3:], *(call.kwargs.get(key) for key in ("bias", "mask", "flash_attention"))]
    sizes = [one.sizes if isinstance(one, Tensor) else None for one in read]
    if len(read) < 3 or any(one is not None for one in rest) or call.get("attn_logits_soft_cap"):
        return None
    if any(one is None or len(one) != 3 for one in sizes) or len({one[1] for one in sizes if one is not None}) > 1:
        return None
    names = ("_query", "_key", "_value")
    turn: Raw = {"op": "permute", "order": [2, 1, 3]}
    turned = [LayerPart(turn, name, (one.layer,)) for name, one in zip(names, read, strict=True)]
    raw: Raw = {"op": "attention", "causal": bool(call.get("is_causal"))}
    seen = LayerPart(raw | ({} if scale is None else {"scale": scale}), "_seen", names)
    return [*turned, seen, LayerPart(turn)]


def _additive(query: Tensor, key: Tensor, value: Tensor, scale: bool) -> list[LayerPart]:
    """Return softmax(sum(scale * tanh(query + key))) value, over each pair of a query and a key."""
    sizes: list[Sizes] = [one.sizes or () for one in (query, key)]
    (steps, width), (others, _) = [[-1 if n is None else n for n in one] for one in sizes]
    parts = [
        LayerPart({"op": "reshape", "out": [steps, 1, width]}, "_queries", (query.layer,)),
        LayerPart({"op": "reshape", "out": [1, others, width]}, "_keys", (key.layer,)),
        LayerPart({"op": "add"}, "_pairs", ("_queries", "_keys")),
        LayerPart({"op": "tanh"}, "_tanh"),
    ]
    if scale:
        number = {"op": "constant", "shape": [width]}
        parts.append(LayerPart(number, "_scale", (), {"weight": Recipe(("scale",))}))
        parts.append(LayerPart({"op": "mul"}, "_scaled", ("_tanh", "_scale")))
    parts += [
        LayerPart({"op": "sum", "axis": [-1], "keepdims": False}, "_sums", (parts[-1].suffix,)),
        LayerPart({"op": "softmax", "axis": -1}, "_weights"),
        LayerPart({"op": "matmul"}, "", ("_weights", value.layer)),
    ]
    return parts
