"""What PyTorch and Keras compute with products, attention, embeddings and recurrent layers: every recorded array."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np
import pytest

import cnncalc
from tests import DATA

CASES = [json.loads(line) for line in (DATA / "sequence-cases.jsonl").read_text().splitlines()]
ARRAYS = np.load(DATA / "sequence-arrays.npz")


def arrays_of(case: dict[str, Any]) -> tuple[list[Any], dict[str, Any], Any]:
    """Return the inputs, the weights by role and the output of a case."""
    begin = f"{case['id']}_"
    own = {name.removeprefix(begin): ARRAYS[name] for name in ARRAYS.files if name.startswith(begin)}
    return [own.pop(f"x{at}") for at in range(case["inputs"])], own, own.pop("y")


def network(layer: dict[str, Any], shapes: list[tuple[int, ...]]) -> list[dict[str, Any]]:
    """Return a layer that reads samples of these shapes, all cut from one flat row of numbers."""
    layers: list[dict[str, Any]] = [{"op": "reshape", "name": "row", "out": [-1]}]
    begin = 0
    for at, shape in enumerate(shapes):
        end = begin + prod(shape)
        layers.append({"op": "slice", "from": "row", "axis": 1, "start": begin, "stop": end})
        layers.append({"op": "reshape", "name": f"x{at}", "out": list(shape)})
        begin = end
    return [*layers, {**layer, "name": "layer", "from": [f"x{at}" for at in range(len(shapes))]}]


def run(case: dict[str, Any], memory: int = 256 << 20) -> tuple[Any, Any]:
    """Return the output of a case's layer, and the expected output."""
    xs, weights, y = arrays_of(case)
    row = np.concatenate([x.reshape(len(x), -1) for x in xs], 1)
    spec = network(case["layer"], [x.shape[1:] for x in xs])
    named = {f"layer.{role}": array for role, array in weights.items()}
    found = cnncalc.run(spec, row[:, :, None, None], named, dialect=case["framework"], memory=memory)
    return found.reshape(y.shape), y


def name_of(case: dict[str, Any]) -> str:
    """Return a short name: the framework, the op and its keys."""
    keys = ",".join(f"{k}={v}" for k, v in case["layer"].items() if k != "op")
    return f"{case['id']}-{case['layer']['op']}:{keys}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_recorded_case(case: dict[str, Any]) -> None:
    found, y = run(case)
    within = 1e-10 if y.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(found, y, rtol=within, atol=within * np.abs(y).max())


def test_every_op_is_recorded() -> None:
    recorded = {(case["framework"], case["layer"]["op"]) for case in CASES}
    ops = ("matmul", "einsum", "attention", "multihead", "embedding", "lstm", "gru", "rnn")
    assert recorded == {(framework, op) for framework in ("torch", "keras") for op in ops}
