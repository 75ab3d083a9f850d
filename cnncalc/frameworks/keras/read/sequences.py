"""Keras's sequence layers: recurrent layers in one direction or both, embeddings and repeated vectors.

Source: keras/src/layers/rnn.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

from ...build import Draft
from .config import LayerCall, Tensor
from .masks import column
from .parts import CONVERTERS, LayerPart, Parts, Raw, Results, ended, opaque_layer
from .quantized import CountedKernel, counted_only, held, lora_rank, quantization, with_lora
from .roles import Recipe, Recipes, as_it_is, gru_bias, gru_kernel, kernel
from .variables import CELLS, cells, inner_layer

RECURRENT = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}


_FUNCTIONS = {name: name for name in ("tanh", "relu", "sigmoid", "linear")}


def _cell(kind: str, config: dict[str, Any], old: bool) -> Raw | None:
    """Return a recurrent layer in one direction; None if its functions are not supported."""
    activation = _FUNCTIONS.get(str(config.get("activation", "tanh")))
    gates = _FUNCTIONS if old else {**_FUNCTIONS, "hard_sigmoid": "hardsigmoid"}  # Keras 2's has a different slope
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
    """Return the arrays of a recurrent layer; `part` is its direction in the file, `end` is the suffix of roles."""
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
    """Return a recurrent layer, possibly with initial states, and with `return_state` its last states."""
    read, explicit = call.values(), call.kwargs.get("mask")
    if not read:
        return None
    mask = explicit if isinstance(explicit, Tensor) else read[0].mask if len(read) == 1 or call.old else None
    if mask is None and call.masked and (len(read) == 1 or call.old):
        return None
    config = call.config
    way = _way(call.kind, config, call.old, [one.layer for one in read], mask, bool(config.get("zero_output_for_mask")))
    if way is None or not config.get("return_state"):
        return None if way is None else way.parts
    return Results(way.parts, way.given)


def _way(
    kind: str,
    config: dict[str, Any],
    old: bool,
    reads: list[Draft | str],
    mask: Tensor | None,
    zeroes: bool,
    part: str = "",
    turned: bool = False,
) -> Results | None:
    """Return a recurrent layer in one direction, with its output and its last states.

    A backward layer of Keras returns steps in its reading order, unless they are `turned` back. `zeroes` says
    whether it returns 0 for masked steps; `part` is its direction in the file.
    """
    raw = _cell(kind, config, old)
    if raw is None or len(reads) not in (1, 3 if kind == "LSTM" else 2):
        return None
    if mask is not None:
        raw["masked"] = True
        reads = [*reads, mask.layer]
        if zeroes and (config.get("return_state") or not raw["sequences"]):
            return None
    backward = bool(config.get("go_backwards"))
    raw |= {"backward": True} if backward else {}
    own = LayerPart(raw, "", tuple(reads), _cell_recipes(kind, config, part))
    if config.get("return_state") and isinstance(raw["out"], int):  # otherwise the layer itself raises the error
        return _with_states(own, backward, not turned)
    parts = [own, *([_flip(1, "_flip")] if backward and raw["sequences"] and not turned else [])]
    if mask is not None and zeroes:
        parts += [column(mask), LayerPart({"op": "mul"}, "_counted", (parts[-1].suffix, "_counts"))]
    return Results(parts, (parts[-1].suffix,))


def _with_states(own: LayerPart, backward: bool, flips: bool) -> Results:
    """Return a recurrent layer, its output and its last states; an LSTM returns its two states concatenated."""
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
        if backward and flips:
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
    """Return one layer for both directions if they are otherwise equal, or one for each and a join."""
    ways = [inner_layer(call.config), inner_layer(call.config, "backward_layer")]
    merge, read = call.config.get("merge_mode", "concat"), call.values()
    forward, backward = [one if one is not None and one[0] in RECURRENT else None for one in ways]
    mask = call.mask
    if not read or forward is None or backward is None or merge not in (None, *MERGES):
        return None
    if call.masked and mask is None:
        return None
    first, second = _cell(*forward, call.old), _cell(*backward, call.old)
    zeroes = mask is not None and bool(forward[1].get("return_sequences"))
    plain_ways = not forward[1].get("return_state") and not forward[1].get("go_backwards") and len(read) == 1
    if first is not None and first == second and merge == "concat" and plain_ways:
        recipes = {**_cell_recipes(*forward, "forward/"), **_cell_recipes(*backward, "backward/", "_reverse")}
        masked: Raw = {} if mask is None else {"masked": True}
        reads = tuple([one.layer for one in (*read, *([] if mask is None else [mask]))])
        parts = [LayerPart(first | {"bidirectional": True} | masked, "", reads, recipes)]
        if mask is not None and zeroes:
            parts += [column(mask), LayerPart({"op": "mul"}, "_counted", ("", "_counts"))]
        return parts
    return _both_ways(call, (forward, backward), mask, zeroes)


def _both_ways(
    call: LayerCall, ways: tuple[tuple[str, dict[str, Any]], ...], mask: Tensor | None, zeroes: bool
) -> Parts:
    """Return a layer for each direction and the join of their outputs, followed by their states."""
    (x, *states), merge = call.values(), call.config.get("merge_mode", "concat")
    parts, outputs, last = list[LayerPart](), list[str](), list[str]()
    half = len(states) // 2
    for (kind, config), name, own in zip(ways, ("forward", "backward"), (states[:half], states[half:]), strict=True):
        reads: list[Draft | str] = [x.layer, *[one.layer for one in own]]
        reversed_ = config if name == "forward" else {**config, "go_backwards": not ways[0][1].get("go_backwards")}
        way = _way(kind, reversed_, call.old, reads, mask, zeroes, f"{name}/", turned=True)
        if way is None:
            return None
        output, *rest = [f"_{name}{one}" for one in way.given]
        parts += ended(way.parts, f"_{name}")
        outputs.append(output)
        last += rest
    if merge is not None:
        joined = LayerPart(MERGES[merge], "_sum" if merge == "ave" else "", tuple(outputs))
        parts += [joined, *([LayerPart({"op": "rescale", "factor": 0.5})] if merge == "ave" else [])]
        outputs = [""]
    given = (*outputs, *last)
    return parts if len(given) == 1 else Results(parts, given)


@CONVERTERS.register("RNN")
def _rnn_of_cells(call: LayerCall) -> Parts:
    """Return a recurrent layer for each cell, in sequence; a single one may have initial states and return states."""
    config, read, mask, found = call.config, call.values(), call.mask, cells(call.config)
    has_states = bool(config.get("return_state")) or len(read) > 1
    if not found or (call.masked and mask is None) or (len(found) > 1 and has_states):
        return None
    if mask is not None and len(read) > 1 and not isinstance(call.kwargs.get("mask"), Tensor):
        mask = None
    own = {key: config.get(key) for key in ("return_sequences", "return_state", "go_backwards")}
    zeroes, parts, at = bool(config.get("zero_output_for_mask")), list[LayerPart](), [one.layer for one in read]
    for number, (part, _, (kind, cell)) in enumerate(found, 1):
        is_last = number == len(found)
        given = {**cell, **own} if is_last else {**cell, **own, "return_sequences": True}
        way = _way(CELLS[kind], given, call.old, at, mask, zeroes and is_last, part, turned=not is_last)
        if way is None:
            return None
        if is_last:
            return Results([*parts, *way.parts], way.given) if own["return_state"] else [*parts, *way.parts]
        parts += ended(way.parts, f"_cell{number}")
        at = [parts[-1].suffix]
    return None


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


@CONVERTERS.register("ReversibleEmbedding")
def _reversible(call: LayerCall) -> Parts:
    """Return an embedding, or in reverse the product with the same table or another one."""
    rows, columns = call.config.get("input_dim"), call.config.get("output_dim")
    tied, cap = call.config.get("tie_weights") is not False, call.config.get("logit_soft_cap")
    mode, tables = quantization(call.config), 1 if tied else 2
    if type(rows) is not int or type(columns) is not int:
        return None
    if mode is not None:
        count = held(mode, rows, columns, table=True)
        figures = {} if count is None else {"params": tables * count, "buffers": 0}
        return [LayerPart(opaque_layer(f"{call.kind} of {mode.partition('/')[0]}", call.out, figures), trainable=False)]
    if not call.kwargs.get("reverse"):
        return [
            LayerPart({"op": "embedding", "rows": rows, "out": columns}, "", None, {"weight": Recipe(("embeddings",))})
        ]
    if lora_rank(call.config) is not None or not isinstance(cap, (int, float, NoneType)):
        return None
    table: Raw = {"op": "constant", "shape": [rows, columns] if tied else [columns, rows]}
    recipe = Recipe(("embeddings" if tied else "reverse_embeddings",))
    product: Raw = {"op": "einsum", "equation": f"...d,{'vd' if tied else 'dv'}->...v"}
    parts = [LayerPart(table, "_table", (), {"weight": recipe}, shared=tied)]
    parts.append(LayerPart(product, "_logits" if cap else "", (call.read()[0].layer, "_table")))
    if cap:
        parts += [LayerPart({"op": "rescale", "factor": 1 / cap}, "_small"), LayerPart({"op": "tanh"}, "_soft")]
        parts.append(LayerPart({"op": "rescale", "factor": cap}))
    return parts


@CONVERTERS.register("RepeatVector")
def _repeat(call: LayerCall) -> Parts:
    sizes = call.sizes()
    if sizes is None or len(sizes) != 1:
        return None
    row = LayerPart({"op": "reshape", "out": [1, -1 if sizes[0] is None else sizes[0]]}, "_row")
    return [row, LayerPart({"op": "tile", "repeats": [call.get("n"), 1]})]
