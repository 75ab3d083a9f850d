"""Axes counted from the end are the same as those counted from the front: traced, run and written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks import writer
from cnncalc.input import configure
from cnncalc.layers import OPS

SHAPE = (5, 7, 3)
LAYERS: list[dict[str, Any]] = [
    {"op": "softmax", "axis": 0},
    {"op": "slice", "axis": 0, "start": 1, "step": 2},
    {"op": "mean", "axis": [0], "keepdims": True},
    {"op": "mean", "axis": [0]},
    {"op": "layernorm", "axis": [0]},
    *[{"op": op, "axis": [0]} for op in ("sum", "prod", "l1", "l2", "logsumexp", "min", "max", "normalize")],
    {"op": "sum", "axis": [0], "keepdims": True},
    {"op": "logsoftmax", "axis": 0},
    {"op": "cumsum", "axis": 0},
    {"op": "concat", "axis": 0, "from": ["input", "input"]},
    {"op": "gather", "axis": 0, "indices": [2, 0]},
    {"op": "roll", "axis": [0], "shift": 1},
    {"op": "pad", "axis": [0], "p": [[1, 2]]},
    {"op": "stack", "axis": 0, "from": ["input", "input"]},
]


def test_every_op_with_an_axis_that_counts_from_the_end_is_here() -> None:
    has_axis = {op for op, (cls, _) in OPS.items() if "axis" in cls.KEYS}
    has_axis -= {"reshape"}  # its reports have its whole shape but no axis: tested in tests/layers
    assert has_axis == {layer["op"] for layer in LAYERS}


def from_end(layer: dict[str, Any], axis: int) -> int:
    """Return an axis counted from the end of the input, or of what is stacked."""
    return axis - len(SHAPE) - (2 if layer["op"] == "stack" else 1)


def at(layer: dict[str, Any], axis: int) -> list[dict[str, Any]]:
    """Return a layer along an axis."""
    return [{**layer, "axis": [axis] if isinstance(layer["axis"], list) else axis}]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{layer['op']}{'-kept' * ('keepdims' in layer)}")
def test_an_axis_from_the_end_is_one_from_the_front(layer: dict[str, Any], axis: int, layout: str) -> None:
    front, end = at(layer, axis), at(layer, from_end(layer, axis))
    reports = [cnncalc.shape(spec, SHAPE, layout=layout) for spec in (front, end)]
    one, two = (report.layers[0] for report in reports)
    assert one.traced.axes == two.traced.axes == (axis,)
    assert (one.out, one.rf, one.params) == (two.out, two.rf, two.params)
    assert one.traced._replace(values={}) == two.traced._replace(values={})
    written = [report.to_dict()["layers"][0]["axis"] for report in reports]
    assert written == [front[0]["axis"], end[0]["axis"]]  # a report keeps the given number
    x = np.random.default_rng(0).standard_normal((2, *SHAPE)).astype(np.float32)
    results = [cnncalc.run(spec, x, seed=1, layout=layout) for spec in (front, end)]
    assert np.array_equal(*results)
    assert results[0].shape == (2, *one.out)


@pytest.mark.parametrize("target", ["onnx", "keras", "torch"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{layer['op']}{'-kept' * ('keepdims' in layer)}")
def test_an_axis_from_the_end_is_written_as_one_from_the_front(
    layer: dict[str, Any], axis: int, layout: str, target: str
) -> None:
    def written(axis: int) -> Any:
        network = configure(cnncalc.load(at(layer, axis)), SHAPE, None, layout)
        try:
            text = writer(target)(network)
        except cnncalc.SpecError as error:
            return str(error)
        if target == "torch":
            return text
        from cnncalc.sources import read_bytes

        data = text if isinstance(text, bytes) else text.encode()
        return cnncalc.run(read_bytes(data, f"net.{target}"), np.ones((2, *SHAPE), np.float32), seed=1)

    assert np.array_equal(written(axis), written(from_end(layer, axis)))


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ({"op": "mean", "axis": [1, -3]}, r"axis \[1, -3\] names an axis twice"),
        ({"op": "layernorm", "axis": [3, -1]}, r"axis \[3, -1\] names an axis twice"),
        ({"op": "mean", "axis": []}, "axis is an empty list"),
        ({"op": "normalize", "axis": []}, "axis is an empty list"),
        ({"op": "pad", "axis": [], "p": [[1, 2]]}, "axis is an empty list"),
        ({"op": "layernorm", "axis": []}, "axis is an empty list"),
        ({"op": "mean", "axis": [4]}, "axis 4 is not an axis of 5x7x3"),
        ({"op": "slice", "axis": 0}, "axis 0 is not an axis of 5x7x3"),
        ({"op": "prelu", "shared_axes": [4]}, "axis 4 is not an axis of 5x7x3"),
        ({"op": "prelu", "shared_axes": [2, 2]}, r"shared_axes \[2, 2\] names an axis twice"),
        ({"op": "prelu", "shared_axes": [-1]}, r"shared_axes \[-1\] counts from the end"),
    ],
)
def test_axes_that_are_none(layer: dict[str, Any], text: str) -> None:
    with pytest.raises(cnncalc.ShapeError, match=text):
        cnncalc.shape([layer], SHAPE)
