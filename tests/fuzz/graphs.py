"""Networks that are right: layers of every op, each reading any value before it that fits.

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
    """Return the layer of a row, if it reads one value and is none of several."""
    layer = {key: value for key, value in row.layers[-1].items() if key not in ("name", "from", "tie")}
    joins = OPS[row.op][0].JOINS and row.op not in ("lstm", "gru", "rnn", "multihead")
    return [] if joins or "layers" in layer or "equation" in layer else [layer]


def grown(draw: Draw) -> dict[str, Any]:
    """Return the spec of a network of up to six layers."""
    sizes = [int(n) for n in draw.choice(INPUTS).split("x")]
    spec: dict[str, Any] = {"dialect": draw.choice(DIALECTS), "input": sizes, "sample_axes": len(sizes), "layers": []}
    if draw.random() < 0.3:
        spec |= {"layout": "NHWC", "input": [*sizes[1:], sizes[0]]}
    if draw.random() < 0.2:
        spec["input"] = [draw.choice([1, 2]), *spec["input"]]
    for number in range(TRIES):
        tried = spec | {"layers": [*spec["layers"], *_more(draw, spec["layers"], f"l{number}")]}
        if _fits(tried):
            spec = tried
        if len(spec["layers"]) > 5:
            break
    return spec if spec["layers"] else spec | {"layers": [{"op": "relu", "name": "l"}]}


def _fits(spec: dict[str, Any]) -> bool:
    """Return whether a network is possible, and its last value small."""
    try:
        numbers = product(cnncalc.shape(spec).layers[-1].traced.out)
    except cnncalc.CnncalcError:
        return False
    return isinstance(numbers, int) and numbers < LARGEST


def _more(draw: Draw, layers: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return a layer for the end of a network, behind a constant that it reads at times."""
    before, kind = ["input", *[layer["name"] for layer in layers]], draw.random()
    if kind < 0.2 and layers:
        reads = [draw.choice(before), before[-1]] if draw.random() < 0.5 else [before[-1], draw.choice(before)]
        return [{"op": draw.choice(JOINS), "name": name, "from": reads}]
    if kind < 0.3:
        sizes = draw.choice([[1], [3], [8], [9], [8, 9], [3, 8, 9], [9, 7], [3, 1, 1], [2, 9, 7], [17, 4], [5], [5, 6]])
        array = {"op": "constant", "name": f"{name}c", "shape": sizes, "from": []}
        reads = draw.choice([[before[-1], f"{name}c"], [f"{name}c", before[-1]]])
        return [array, {"op": draw.choice(JOINS), "name": name, "from": reads}]
    if kind < 0.35 and layers:
        first = draw.choice(layers)
        return [{**first, "name": name, "tie": first["name"], "from": draw.choice(before)}]
    if kind < 0.38:
        folds = {"op": "tobatch", "name": f"{name}t", "axes": draw.choice([1, 1, 2])}
        return [folds, {**_layer(draw), "name": f"{name}m"}, {**folds, "op": "frombatch", "name": name}]
    if kind < 0.41:
        pair = [draw.choice(before), before[-1]]
        condition = {"op": "compare", "by": draw.choice(["gt", "le", "ne"]), "name": f"{name}c", "from": pair}
        return [condition, {"op": "where", "name": name, "from": [f"{name}c", *pair]}]
    if kind > 0.95:
        inner = [{**_layer(draw), "name": f"{name}i{at}"} for at in range(2)]
        return [{"op": "block", "name": name, "layers": inner}]
    layer = {**_layer(draw), "name": name}
    return [layer | {"from": draw.choice(before)} if draw.random() < 0.3 else layer]


def _layer(draw: Draw) -> dict[str, Any]:
    return draw.choice(draw.choice(_families()))
