"""Valid networks: layers of every op, each reading any earlier values that fit.

A layer is a row of `tests/cases.py`, or one that joins several values, shares another's weights, or is a constant.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cnncalc
from cnncalc.layers import OPS
from cnncalc.sizes import product
from tests import cases

from .commands import Draw

INPUTS = ("3x8x9", "2x9x7", "4x5x6", "6x11x13", "3x17", "2x5x7x6", "12", "5x8")
DIALECTS = ("plain", "plain", "torch", "keras", "onnx", "caffe")
JOINS = ("add", "mul", "sub", "min", "max", "div", "pow", "compare", "concat", "stack", "matmul", "attention")
LARGEST = 6000
"""The most numbers of a value."""
TRIES = 14
"""How many layers are tried for a network; those that do not fit are left out."""


@cache
def _families() -> list[list[dict[str, Any]]]:
    """Return the layers that read one value, by family."""
    tables: list[list[cases.Row]] = [
        *(cases.CONVOLUTIONS, cases.CONVOLUTIONS, cases.TRANSPOSED, cases.POOLS, cases.WHOLE, cases.BORDERS),
        *(cases.NORMS, cases.AFFINE, cases.PATCHES, cases.ARRANGED, cases.PARTS, cases.ACTIVATIONS),
        cases.SEQUENCES,
    ]
    return [[own for row in rows for own in _alone(row)] for rows in tables]


def _alone(row: cases.Row) -> list[dict[str, Any]]:
    """Return the layer of a row, if it is a single layer that reads one value."""
    layer = {key: value for key, value in row.layers[-1].items() if key not in ("name", "from", "tie")}
    joins = OPS[row.op][0].JOINS and row.op not in ("lstm", "gru", "rnn", "multihead")
    return [] if joins or "layers" in layer or "equation" in layer else [layer]


KINDS = ("layer", "join", "constant", "tie", "fold", "where", "block", "opaque", "times", "input", "move")
RARE = (60, 14, 7, 5, 3, 3, 4, 1, 2, 1, 1)
"""The weight of each kind of layer in most networks; other networks prefer one kind."""


def grown(draw: Draw) -> dict[str, Any]:
    """Return the spec of a network of up to six layers."""
    sizes = [int(n) for n in draw.choice(INPUTS).split("x")]
    spec: dict[str, Any] = {"dialect": draw.choice(DIALECTS), "input": sizes, "sample_axes": len(sizes), "layers": []}
    if draw.random() < 0.3:
        spec |= {"layout": "NHWC", "input": [*sizes[1:], sizes[0]]}
    if draw.random() < 0.2:
        spec["input"] = [draw.choice([1, 2]), *spec["input"]]
    often = draw.choice(KINDS)
    weights = [n + 30 * (kind == often) for n, kind in zip(RARE, KINDS, strict=True)]
    for number in range(TRIES):
        tried = spec | {"layers": [*spec["layers"], *_more(draw, spec["layers"], f"l{number}", weights)]}
        if _fits(tried):
            spec = tried
        if len(spec["layers"]) > 5:
            break
    return spec if spec["layers"] else spec | {"layers": [{"op": "relu", "name": "l"}]}


def _fits(spec: dict[str, Any]) -> bool:
    """Return whether a network is possible, with a small output."""
    try:
        numbers = product(cnncalc.shape(spec).layers[-1].traced.out)
    except cnncalc.CnncalcError:
        return False
    return not isinstance(numbers, int) or numbers < LARGEST


def _more(
    draw: Draw, layers: list[dict[str, Any]], name: str, weights: list[int], deep: int = 0
) -> list[dict[str, Any]]:
    """Return layers for the end of a network or of a block: one, or several that belong together."""
    before, layer = ["input", *[layer["name"] for layer in layers]], {**_layer(draw), "name": name}
    reads = draw.choice(before)
    pair = [reads, before[-1]] if draw.random() < 0.5 else [before[-1], reads]
    kind = draw.choices(KINDS, weights)[0]
    if kind == "join" and layers:
        return [{"op": draw.choice(JOINS), "name": name, "from": pair}]
    if kind == "constant":
        return [
            _constant(draw, f"{name}c"),
            {"op": draw.choice(JOINS), "name": name, "from": _shuffled(draw, [before[-1], f"{name}c"])},
        ]
    if kind == "tie" and layers:
        first = draw.choice(layers)
        return [{**first, "name": name, "tie": first["name"], "from": reads}]
    if kind == "fold":
        folds = {"op": "tobatch", "name": f"{name}t", "axes": draw.choice([1, 1, 2])}
        inner = _more(draw, [*layers, folds], f"{name}m", weights, deep + 1)
        back = draw.choice([folds["axes"], folds["axes"], 1])
        return [folds, *inner, {"op": "frombatch", "axes": back, "name": name}]
    if kind == "where":
        condition = {"op": "compare", "by": draw.choice(["gt", "le", "ne"]), "name": f"{name}c", "from": pair}
        return [condition, {"op": "where", "name": name, "from": [f"{name}c", *pair]}]
    if kind == "block" and deep < 3:
        inner = []
        for at in range(draw.choice([1, 2, 2, 3])):
            inner += _more(draw, inner, f"{name}i{at}", weights, deep + 1)
        layer = {"op": "block", "name": name, "layers": inner}
        return [layer | ({"times": 2} if draw.random() < 0.2 else {"from": reads} if draw.random() < 0.3 else {})]
    if kind == "opaque":
        said: list[dict[str, Any]] = [{}, {"out": [3, 8, 9]}, {"out": [5, 6]}, {"same": True}, {"params": 7, "macs": 5}]
        return [{"op": "opaque", "name": name} | draw.choice(said)]
    if kind == "times":
        return [layer | {"times": draw.choice([2, 3])}]
    if kind == "input":
        further = {"op": "input", "name": f"{name}x", "shape": _constant(draw, name)["shape"], "from": []}
        return [further, {"op": draw.choice(JOINS), "name": name, "from": _shuffled(draw, [before[-1], f"{name}x"])}]
    if kind == "move":
        return [{"op": "movebatch", "name": f"{name}b", "to": draw.choice([1, 2])}, layer]
    return [layer | {"from": reads} if draw.random() < 0.3 else layer]


def _constant(draw: Draw, name: str) -> dict[str, Any]:
    sizes = [[1], [3], [8], [9], [8, 9], [3, 8, 9], [9, 7], [3, 1, 1], [2, 9, 7], [17, 4], [5], [5, 6], [1, 4, 1]]
    value = {"value": draw.choice([0, 1, -2.5])} if draw.random() < 0.2 else {}
    return {"op": "constant", "name": name, "shape": draw.choice(sizes), "from": [], **value}


def _shuffled(draw: Draw, names: list[str]) -> list[str]:
    return draw.sample(names, len(names))


def _layer(draw: Draw) -> dict[str, Any]:
    return draw.choice(draw.choice(_families()))
