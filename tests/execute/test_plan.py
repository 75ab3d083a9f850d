"""The plan of a network: fused layers give the same values as single ones."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given

import cnncalc
from cnncalc.execute.job import Job
from cnncalc.layers import OPS
from tests.execute.test_buffers import IN_PLACE, KEYS
from tests.execute.test_values import weights_for

Spec = list[dict[str, Any]]
SAMPLE = (4, 7, 9)
LAYERS: list[dict[str, Any]] = [
    {"op": "conv", "c_o": 4, "k": 3, "p": 1},
    {"op": "conv", "c_o": 4, "k": 1, "bias": False},
    {"op": "conv", "c_o": 4, "k": [3, 5], "p": [1, 2], "g": 2},
    {"op": "conv", "c_o": 4, "k": 3, "p": 40, "d": 40},
    {"op": "dwconv", "k": 3, "p": 1},
    {"op": "convT", "c_o": 4, "k": 3, "p": 1},
    {"op": "sepconv", "c_o": 4, "k": 3, "p": 1},
    {"op": "maxpool", "k": 3, "s": 1, "p": 1},
]
"""Layers that keep the shape and may come first in a fused step."""
POINTWISE = [op for op in IN_PLACE if op != "flatten" and not getattr(OPS[op][0], "JOINS", False)]
FOLLOWERS = ["batchnorm", "batchnorm", "add", "relu", "relu6", "silu"]


@st.composite
def graphs(draw: Any) -> Spec:
    """Return layers that keep the shape; most read the previous one, some an earlier one, or share its weights."""
    spec: Spec = []
    names = ["input"]
    for at in range(draw(st.integers(2, 12))):
        kind = draw(st.sampled_from(["follower", "follower", "layer", "any"]))
        reads = [names[-1] if draw(st.integers(0, 3)) else draw(st.sampled_from(names[-4:]))]
        layer: dict[str, Any]
        if kind == "layer":
            layer = dict(LAYERS[draw(st.integers(0, len(LAYERS) - 1))])
            owners = [one for one in spec if layer.items() <= one.items() and "tie" not in one]
            if owners and draw(st.integers(0, 1)):
                layer["tie"] = owners[0]["name"]
        else:
            op = draw(st.sampled_from(FOLLOWERS if kind == "follower" else POINTWISE))
            layer = {"op": op, **(KEYS.get(op, {}) if op != "reshape" else {"out": [*SAMPLE]})}
            if op == "add":
                reads.append(draw(st.sampled_from(names[-5:])))
        spec.append({**layer, "name": f"n{at}", "from": reads})
        names.append(f"n{at}")
    return spec


def residual(*, swapped: bool = False) -> Spec:
    """Return a block of ResNet: either of its two branches may compute the sum."""
    conv = {"op": "conv", "c_o": 4, "k": 3, "p": 1, "bias": False}
    reads = ["b2", "b1"] if swapped else ["b1", "b2"]
    return [
        {"op": "relu", "name": "x"},
        {**conv, "name": "c1", "from": "x"},
        {"op": "batchnorm", "name": "b1"},
        {**conv, "name": "c2", "from": "x"},
        {"op": "batchnorm", "name": "b2"},
        {"op": "add", "name": "sum", "from": reads},
        {"op": "relu", "name": "end"},
    ]


@given(graphs(), st.just("f8"), st.sampled_from(["NCHW", "NHWC"]), st.sampled_from([600, 1 << 19]))
@example(residual(), "f4", "NCHW", 600)
@example(residual(swapped=True), "f4", "NHWC", 1 << 19)
def test_layers_together_give_what_they_give_one_by_one(spec: Spec, kind: str, layout: str, block: int) -> None:
    """Every unread layer is an output, and all are compared, with the whole network and one by one.

    Random networks are in float64: in float32, the last bit of the input of `acos` near 1 is worth more than 1e-5.
    """
    shape = (3, *SAMPLE) if layout == "NCHW" else (3, *SAMPLE[1:], SAMPLE[0])
    if layout == "NHWC":
        spec = [{**one, "out": [*shape[1:]]} if one["op"] == "reshape" else one for one in spec]
    x = np.random.default_rng(5).standard_normal(shape).astype(kind)
    report = cnncalc.shape(spec, shape, layout=layout)
    weights = {name: array.astype(kind) for name, array in weights_for(report).items()}
    read = {name for one in spec for name in one["from"]} if "from" in spec[0] else set()
    ends = [one["name"] for one in spec if one["name"] not in read] if read else [spec[-1]["name"]]
    with patch("cnncalc.execute.threads.BLOCK", block), patch("cnncalc.execute.kernels.conv.TILE", 4 * block):
        expected = cnncalc.run(spec, x, weights, layout=layout, keep=[one["name"] for one in spec], fuse=False)
        prepared = cnncalc.prepare(spec, weights, layout=layout, keep=ends[:-1])
        for _ in range(2):  # the second time in the same buffers
            found = prepared(x)
            found = found if ends[:-1] else {ends[-1]: found}
            for name in ends:
                close(found[name], expected[name])
        middle = spec[len(spec) // 2]["name"]
        close(cnncalc.run(spec, x, weights, layout=layout, keep=[middle])[middle], expected[middle])


def close(found: Any, expected: Any) -> None:
    """Check that values agree within 1e-5 of the largest finite one, with NaN and infinity at the same positions."""
    finite = np.isfinite(expected)
    assert np.array_equal(np.isfinite(found), finite)
    largest = np.abs(expected[finite]).max(initial=0)
    np.testing.assert_allclose(found[finite], expected[finite], rtol=0, atol=1e-5 * largest + 1e-30)


def steps(spec: Any, shape: tuple[int, ...] = (1, *SAMPLE), **how: Any) -> list[str]:
    """Return the layers that are fused, by name."""
    job = Job(cnncalc.load(spec), shape, np.dtype(np.float32), seed=0, fuse=True, **how)
    return ["+".join(job.report.layers[at].name for at in fused.layers) for fused in job.plan.plan]


def test_what_is_computed_together() -> None:
    assert steps(residual()) == ["x", "c2+b2", "c1+b1+sum+end"]
    assert steps(residual(), keep=["b1", "sum"]) == ["x", "c1+b1", "c2+b2+sum", "end"]
    assert steps("conv:4,k3,bn,relu conv:4,k3,bn maxpool:2 relu6") == [
        "conv1+conv1_bn+conv1_relu",
        "conv2+conv2_bn",
        "maxpool1+relu61",
    ]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "efficientnet_b0", "googlenet"])
def test_networks_of_the_zoo(name: str) -> None:
    x = np.random.default_rng(5).standard_normal((1, 3, 64, 64)).astype(np.float32)
    close(cnncalc.run(name, x, seed=0), cnncalc.run(name, x, seed=0, fuse=False))
