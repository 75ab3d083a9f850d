"""Effective receptive fields, against the gradients of many networks with random weights, by execution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.errors import SpecError
from cnncalc.execute.effective import Influence, influence
from cnncalc.execute.operators import grid
from cnncalc.fields.graph import Graph

DRAWS = 400
"""How many networks are drawn; with as many, the mean square of a pixel is known within some percent."""

NETWORKS = {
    "chain": "1x14 conv1d:3,k3,p1 conv1d:4,k3,s2,p1 conv1d:2,k3,p1",
    "dilated": "2x17 conv1d:3,k3,d2,p2 conv1d:4,k3,d3,s2,p1",
    "groups": "4x9 conv1d:6,k3,g2,p1 dwconv1d:k3,multiplier=2 sepconv1d:4,k3,p1",
    "transposed": "2x7 conv1d:3,k3,s2,p1 convT1d:4,k4,s2,p1 convT1d:2,k3,s3,d2,p1",
    "overlapping averages": "1x15 conv1d:2,k3,p1 avgpool1d:3,s1,p1 conv1d:2,k3,p1 avgpool1d:3,s2,p1 conv1d:2,k3,p1",
    "averages at the end": "1x12 conv1d:2,k3 avgpool1d:4,s2,p1 upsample:x2,mode=linear avgpool1d:3,s1,p1",
    "interpolations in a row": "2x7 conv1d:3,k3,p1 upsample:x2,mode=linear conv1d:2,k2 upsample:out=31,mode=linear",
    "cubic and adaptive": "1x9 conv1d:2,k3,p1 upsample:x2,mode=cubic adaptiveavgpool:7 conv1d:2,k3",
    "padding modes": "1x8 pad:2,mode=reflect conv1d:2,k3 pad:p=1,mode=edge avgpool1d:2,s1 conv1d:2,k3",
    "skip": "2x11 conv1d:2,k3,p1,name=a relu:name=r conv1d:2,k3,p1 add:from=conv1d1+a conv1d:3,k3,p1",
    "skip of averages": (
        "1x11 conv1d:2,k3,p1,name=a avgpool1d:3,s1,p1,from=a,name=b add:from=a+b,name=c avgpool1d:3,s1,p1,from=c,name=d "
        "sub:from=c+d"
    ),
    "concat": (
        "2x10 conv1d:3,k3,p1,name=a avgpool1d:3,s1,p1,from=a,name=b concat:a+b conv1d:3,k3,p1 upsample:x2,mode=linear"
    ),
    "concat of one thing twice": "1x9 conv1d:3,k3,name=a concat:a+a avgpool1d:3,s1 conv1d:2,k3",
    "global": "2x8 conv1d:3,k3,p1 avgpool1d:3,s1 globalavgpool linear:4",
    "flattened": "2x8 conv1d:3,k3,p1 avgpool1d:3,s1 flatten linear:4 linear:2",
    "two axes": "1x6x7 conv:2,k3x2,p1 avgpool:2x3,s1 conv:2,k2x3,s1x2 upsample:x2,mode=bilinear",
    "channels last": {"layout": "NHWC", "input": [6, 7, 1], "layers": [{"op": "conv", "c_o": 2, "k": [3, 2]}, {"op": "avgpool", "k": 2, "s": 1}]},
    "borders counted otherwise": "1x9 conv1d:2,k3 avgpool1d:3,s2,p1,ceil,count_include_pad=false conv1d:2,k2",
}


def linear_part(spec: Any) -> cnncalc.Network:
    """The network without what is not linear, which stands for itself."""
    network = cnncalc.load(spec)
    nodes = [node._replace(layer=cnncalc.load("identity").nodes[0].layer) if node.layer.op == "relu" else node for node in network.nodes]
    return network._replace(nodes=tuple(nodes))


def variances(report: cnncalc.Report) -> dict[str, float]:
    """The variance of each kernel: 1 over how many units an output sums up."""
    found = {}
    for layer in report:
        for role, shape in layer.weight_shapes().items():
            each = layer.node.layer.fan_in(role, shape, layer.values, layer.env)  # type: ignore[arg-type]
            if layer.node.layer.WORD == "convT":
                each = layer.values["c_i"] * np.prod(layer.values["k"]) / np.prod(layer.values["s"]) / layer.values["g"]
            found[f"{layer.name}.{role}"] = 0.0 if role == "bias" else 1 / each
    return found


def drawn(spec: Any, draws: int) -> np.ndarray[Any, Any]:
    """The mean square of the gradient of the unit in the middle, its channels alike, by pixel; mean over the draws."""
    network = linear_part(spec)
    report = cnncalc.shape(network)
    graph = Graph(report)
    space = grid(graph, -1)
    pixels, channels = int(np.prod(space)), report.sample[-1 if report.network.layout == "NHWC" else 0]
    impulses = np.eye(pixels * channels).reshape(-1, *(  # type: ignore[operator]
        (*space, channels) if report.network.layout == "NHWC" else (channels, *space)
    ))
    random = np.random.default_rng(7)
    total = np.zeros(space)
    shapes = {f"{layer.name}.{role}": shape for layer in report for role, shape in layer.weight_shapes().items()}
    scales = variances(report)
    end = len(graph.vertices) - 1
    middle = tuple(n // 2 for n in grid(graph, end))
    for _ in range(draws):
        weights = {name: random.choice([-1.0, 1.0], shape) * np.sqrt(scales[name]) for name, shape in shapes.items()}
        values = cnncalc.run(network, impulses, weights=weights)
        if report.network.layout == "NHWC":
            values, squares = np.moveaxis(values, -1, 1), None
        squares = (values.reshape(len(impulses), -1, *grid(graph, end))[(slice(None), slice(None), *middle)] ** 2).sum(1)
        squares = squares.reshape((*space, channels) if report.network.layout == "NHWC" else (channels, *space))
        total += squares.sum(-1 if report.network.layout == "NHWC" else 0)
    return total / total.sum()


@pytest.mark.parametrize("spec", NETWORKS.values(), ids=NETWORKS)
def test_against_networks_drawn_at_random(spec: Any) -> None:
    graph = Graph(cnncalc.shape(spec))
    found = influence(graph, len(graph.vertices) - 1).shares
    wanted = drawn(spec, DRAWS)
    assert ((found > 0) == (wanted > 0)).all()
    np.testing.assert_allclose(found, wanted, atol=0.08 * wanted.max())
