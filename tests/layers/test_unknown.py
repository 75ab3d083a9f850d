"""Every op after an unknown layer, alone and in a block, and on a single number without axes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.checks.baseline import changes, entry_text
from cnncalc.contrasts import contrast
from cnncalc.counters import TOOLS, count_as
from cnncalc.dialects import ALL, dialects_named
from cnncalc.hints import find
from cnncalc.hints.table import KINDS
from cnncalc.layers import OPS


def example(op: str, **keys: Any) -> dict[str, Any]:
    """Return the example of an op with these keys, all of whose inputs are the layer `o`."""
    layers = cnncalc.load((OPS[op][0].EXAMPLE or "OP").replace("OP", op)).to_dict()["layers"]
    found = next(layer for layer in layers if layer["op"] == op)
    reads = found.get("from", "o")
    own = {key: value for key, value in found.items() if key not in ("name", "from")} | keys
    return own | {"from": "o" if isinstance(reads, str) else ["o"] * len(reads)}


def behind_unknown(op: str, **keys: Any) -> list[dict[str, Any]]:
    """Return the layers of a network in which an op follows an opaque layer, alone and in a block."""
    layer = example(op, **keys)
    within = [{"op": "identity", "name": "o"}, layer]
    block = {"op": "block", "name": "b", "from": "o", "layers": within}
    return [{"op": "opaque", "name": "o"}, layer, block, {"op": "relu"}]


CASES: list[tuple[str, dict[str, Any]]] = [(op, {}) for op in OPS if op not in ("constant", "input")]
CASES += [("pad", {"p": [1, 2]}), ("pad", {"p": [[1, 0], [0, 2]]}), ("crop", {"p": [1, 2]}), ("maxpool", {"p": [1, 0]})]


@pytest.mark.parametrize(("op", "keys"), CASES)
def test_every_op_after_a_layer_of_unknown_output(op: str, keys: dict[str, Any]) -> None:
    report = cnncalc.shape(behind_unknown(op, **keys), input=(3, 8, 8))
    document = json.loads(json.dumps(report.to_dict(), default=str))
    assert json.loads(json.dumps(cnncalc.shape(document).to_dict(), default=str)) == document
    assert contrast(report.network, dialects_named(ALL)).refused_by_all() is False
    assert not cnncalc.diff(report.network, report.network)
    known = json.loads(f"{{{entry_text('', report)}}}")[""]
    assert [finding for finding in changes("", report, known) if finding.code != "CC201"] == []
    for tool in TOOLS:
        count_as(report, tool)
    assert all(str(hint.text) for _, _, hint in find(report.layers, KINDS.values()))
    assert str(report).count("unknown") > 3


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("op", [op for op in OPS if op not in ("constant", "input")])
def test_every_op_on_a_single_number(op: str, layout: str) -> None:
    """It has a report, or an error that says what is missing; a network with a report runs, or says why not."""
    layers = [{"op": "sum", "axis": [-1], "name": "o"}, example(op)]
    spec = {"input": [3], "layout": layout, "layers": layers}
    with contextlib.suppress(cnncalc.ShapeError, cnncalc.SpecError):
        report = cnncalc.shape(spec)
        assert cnncalc.run(spec, np.ones((2, 3), np.float32), seed=1).shape == (2, *report.out)
