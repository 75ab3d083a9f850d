"""Effective receptive fields, compared with the gradients of many networks with random weights, by execution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.errors import SpecError
from cnncalc.execute.effective import Influence, influence
from cnncalc.execute.operators import grid
from cnncalc.execute.program import Program
from cnncalc.execute.task import sizes_of
from cnncalc.execute.weights import wanted
from cnncalc.fields.graph import Graph
from cnncalc.fields.views import look_back
from cnncalc.network import INPUT

DRAWS = 200
"""How many networks are drawn: the mean square of a pixel is then known within a few percent."""

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
        "1x11 conv1d:2,k3,p1,name=a avgpool1d:3,s1,p1,name=b add:from=a+b,name=c avgpool1d:3,s1,p1,name=d sub:c+d"
    ),
    "concat": (
        "2x10 conv1d:3,k3,p1,name=a avgpool1d:3,s1,p1,from=a,name=b concat:a+b conv1d:3,k3,p1 upsample:x2,mode=linear"
    ),
    "concat of one thing twice": "1x9 conv1d:3,k3,name=a concat:a+a avgpool1d:3,s1 conv1d:2,k3",
    "pixel shuffle": "1x4x5 conv:8,k3,p1 relu pixelshuffle:2 conv:2,k3,p1 avgpool:2,s1",
    "channels separately": (
        "2x9 conv1d:4,k3,p1,name=a slice:axis=1,stop=2,name=b slice:axis=1,start=2,from=a avgpool1d:3,s1,p1,name=d "
        "add:b+d conv1d:2,k3 avgpool1d:2,s1"
    ),
    "channels that overlap": (
        "2x9 conv1d:4,k3,p1,name=a slice:axis=1,stop=3,name=b slice:axis=1,start=1,from=a avgpool1d:3,s1,p1,name=d "
        "concat:b+d avgpool1d:2,s1"
    ),
    "global": "2x8 conv1d:3,k3,p1 avgpool1d:3,s1 globalavgpool linear:4",
    "flattened": "2x8 conv1d:3,k3,p1 avgpool1d:3,s1 flatten linear:4 linear:2",
    "two axes": "1x6x7 conv:2,k3x2,p1 avgpool:2x3,s1 conv:2,k2x3,s1x2 upsample:x2,mode=bilinear",
    "channels last": {
        "layout": "NHWC",
        "input": [6, 7, 1],
        "layers": [{"op": "conv", "c_o": 2, "k": [3, 2]}, {"op": "avgpool", "k": 2, "s": 1}],
    },
    "an axis that is gone": "2x5x9 conv:3,k3x2 mean:axis=2 avgpool1d:3,s1 conv1d:2,k2",
    "channels of the input": (
        "3x9 slice:axis=1,stop=1 conv1d:2,k3,p1,name=a conv1d:2,k1,from=input,name=b add:a+b conv1d:2,k2"
    ),
    "borders counted otherwise": "1x9 conv1d:2,k3 avgpool1d:3,s2,p1,ceil,count_include_pad=false conv1d:2,k2",
}


EXACT = {
    "a difference of means": "1x11 avgpool1d:3,s1,p1,name=b sub:from=input+b avgpool1d:4",
    "means of interpolations": "1x9 upsample:x3,mode=linear avgpool1d:4,s2,p1 upsample:x2,mode=cubic avgpool1d:5,s1",
    "what is joined twice": (
        "2x6x7 avgpool:2,s1,name=a pad:p=0+1,mode=edge,name=b add:from=input+b concat:add1+input avgpool:3x2"
    ),
    "what leaves the middle out": "1x12x9 crop:0+8x0+7 avgpool:2,s1 slice:axis=2,step=2 pad:1,mode=edge avgpool:2",
    "gates of a number": "1x10 avgpool1d:3,s1,name=a mul:value=-2 add:from=a+mul1 crop:1 avgpool1d:2",
}
"""Networks without random weights: the mean square is the square."""


def linear_part(spec: Any) -> cnncalc.Network:
    """Return the network with nonlinear layers removed."""
    network = cnncalc.load(spec)
    identity = cnncalc.load("identity").nodes[0].layer
    return network._replace(
        nodes=tuple([node._replace(layer=identity) if node.layer.op == "relu" else node for node in network.nodes])
    )


def scale(layer: cnncalc.LayerReport, role: str, shape: Any) -> float:
    """Return the standard deviation of a kernel's weights for which an output's terms sum to variance 1."""
    if role == "bias":
        return 0.0
    terms = layer.node.layer.fan_in(role, shape, layer.values, layer.env)
    if layer.node.layer.WORD == "convT":  # exactly, if fan_in is an integer
        terms = layer.values["c_i"] / layer.values["g"] * np.prod(layer.values["k"]) / np.prod(layer.values["s"])
    return float(1 / np.sqrt(terms))


def drawn(spec: Any, draws: int) -> Any:
    """Return the share of each pixel in the mean square of the middle unit's gradient, over all channels and draws."""
    network = linear_part(spec)
    report = cnncalc.shape(network)
    graph, last = Graph(report), report.network.layout == "NHWC"
    end = len(graph.vertices) - 1
    space, units = grid(graph, -1), grid(graph, end)
    middle = tuple(n // 2 for n in units)
    channels = int(report.sample[-1 if last else 0])  # type: ignore[arg-type]
    impulses = np.eye(channels * int(np.prod(space))).reshape(-1, channels, *space)
    x = np.moveaxis(impulses, 1, -1) if last else impulses
    random, total = np.random.default_rng(7), np.zeros(space)
    kernels = [(want.name, want.shape, scale(want.layer, want.role, want.shape)) for want in wanted(report)]
    end_at = len(report.layers) - 1
    out = np.empty((len(x), *sizes_of(report.layers[end_at].traced.out, "the output")))
    for _ in range(draws):
        weights = {name: random.choice([-1.0, 1.0], shape) * size for name, shape, size in kernels}
        Program(report, x.dtype, weights, [end_at]).run(x, {end_at: out})
        values = (np.moveaxis(out, -1, 1) if last else out).reshape(len(x), -1, *units)
        gradients = np.moveaxis(values, 1, -1)
        for unit in middle:
            gradients = gradients[:, unit]
        gradients = gradients.reshape(channels, *space, -1)
        total += (gradients**2).sum((0, -1))
    return total / total.sum()


def found(spec: Any) -> Influence:
    graph = Graph(cnncalc.shape(spec))
    return influence(graph, len(graph.vertices) - 1)


@pytest.mark.parametrize("spec", NETWORKS.values(), ids=NETWORKS)
def test_against_networks_drawn_at_random(spec: Any) -> None:
    shares, wanted = found(spec).shares, drawn(spec, DRAWS)
    assert ((shares > 0) == (wanted > 0)).all()
    np.testing.assert_allclose(shares, wanted, atol=0.1 * wanted.max())


EQUAL = {
    "1x9x8 conv:2,k3 maxpool:3x2,s2x1": "1x9x8 conv:2,k3 dwconv:k3x2,s2x1",
    "1x7 conv1d:2,k3,p1 adaptivemaxpool:3": "1x7 conv1d:2,k3,p1 dwconv1d:k3,s2",
    "1x5x7 conv:2,k3,p1 globalmaxpool:keepdims=true": "1x5x7 conv:2,k3,p1 dwconv:k5x7",
    "1x6x7 conv:2,k3,p1,name=a globalavgpool:keepdims=true sigmoid mul:a+sigmoid1 conv:2,k2": (
        "1x6x7 conv:2,k3,p1 conv:2,k2"
    ),
}
"""Networks with maxima and gates, and their equivalents: each tap is 1 over their number, the gate is open."""


@pytest.mark.parametrize(("spec", "other"), EQUAL.items())
def test_choices_and_gates_are_taken_as_what_has_their_variances(spec: str, other: str) -> None:
    np.testing.assert_allclose(found(spec).shares, found(other).shares, atol=1e-12)


@pytest.mark.parametrize("spec", EXACT.values(), ids=EXACT)
def test_without_random_weights_it_is_the_square(spec: str) -> None:
    np.testing.assert_allclose(found(spec).shares, drawn(spec, 1), atol=1e-12)


def test_equal_windows_add_their_variances() -> None:
    """A uniform window of k pixels has the variance (k*k - 1)/12, and a chain the sum (Luo et al., section 2)."""
    influence = found("3x40x40 conv:8,k3,p1 conv:8,k5,p2 conv:8,k7,p3")
    wanted = np.sqrt((9 - 1 + 25 - 1 + 49 - 1) / 12)
    assert [influence.deviation(axis) for axis in (0, 1)] == pytest.approx([wanted, wanted])
    assert influence.mean(0) == pytest.approx(20)
    assert influence.touched == 13 * 13
    assert influence.strongest(1.0) == 13 * 13


def test_a_strided_layer_spreads_what_lies_after_it() -> None:
    influence = found("1x99 conv1d:4,k3,s3 conv1d:4,k5")
    assert influence.deviation(0) ** 2 == pytest.approx((9 - 1) / 12 + 9 * (25 - 1) / 12)


def test_what_is_taken_otherwise_than_it_is() -> None:
    influence = found("1x16x16 conv:4,k3,bn,relu maxpool:3,s2 layernorm conv:4,k3 softmax:axis=1")
    assert influence.reasons == (
        "relu as if it were linear",
        "maxpool as if each pixel of a window were the largest equally often",
        "layernorm as if it were linear",
        "softmax as if it were linear",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("7 linear:3", "linear1 does not depend on any single pixel of the input"),
        ("1xHx9 conv:4,k3", r"its size is open \(H-2\)"),
        ("1x9x9 conv:4,k3,name=a conv:4,k1,name=b mul:a+b", "mul multiplies its inputs"),
        ("4x9x9 conv:4,k3 mean:axis=1,keepdims=true", "it changes the number of channels"),
        (
            "2x9x9 conv:2,k3,name=a concat:a+a slice:axis=1,stop=3",
            "it treats channels separately that no convolution has mixed",
        ),
        ("4x9x8 conv:4,k3 slice:axis=1,step=2", "it takes channels with a step"),
        ("2x8 conv1d:3,k3,p1 reshape:out=[3,2,4]", "its units are spread over several axes"),
        ("2x9 conv1d:3,k3,p1 gather:axis=2,indices=[[0,2],[1,3]]", "its receptive field is unknown"),
        ("2x9 conv1d:3,k3,p1 cumsum:2", "how cumsum passes on influence is not implemented"),
        ("4x7x9 conv:3,k3 permute:2x1x3 conv:2,k3", "it slides over an axis that is not the input's"),
        ("4x7x9 conv:3,k3 permute:2x1x3 conv:2,k1x3", "its channels are a spatial axis of the input"),
        ("2x9 conv1d:3,k3,name=a concat:from=a+a,axis=2", "its receptive field is unknown"),
        ("2x6x7 conv:3,k3 roll:shift=1x2,axis=1x2", "it moves channels"),
        ("4x9x9 conv:4,k3,p1,name=a conv:4,k3,p1,tie=a", "it shares its weights with another layer"),
        ("4x9 conv1d:4,k3 attention", "attention multiplies its inputs or chooses"),
        (
            {"dialect": "caffe", "input": [3, 8], "layers": [{"op": "avgpool1d", "k": 1, "s": 2}]},
            "it has NaN or infinite values, such as those of an empty window",
        ),
        ("1x1000000000x1000000000 conv:1,k3", "units are too many: the limit is 2,097,152"),
        ("1x600x600 globalavgpool", "values are too many"),
        ("1x100000 conv1d:1,k1001", "taps are too many"),
    ],
)
def test_what_is_not_known_is_said(spec: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        found(spec)


def test_a_unit_that_is_not_there() -> None:
    graph = Graph(cnncalc.shape("1x9x9 conv:4,k3"))
    with pytest.raises(SpecError, match="conv1 is 7x7, so there is no unit 7,0") as caught:
        influence(graph, 0, (7, 0))
    assert caught.value.help == "the last is 6,6, the first is 0,0"


def test_a_unit_is_named_by_the_axes_of_its_layer() -> None:
    """A permute swaps the map's axes: the unit's numbers follow its axes, those of pixels the input's."""
    straight, turned = "2x12x9 conv:4,k3x5,s2x1 conv:4,k3x1", "2x12x9 conv:4,k3x5,s2x1 permute:1x3x2 conv:4,k1x3"
    graph, other = Graph(cnncalc.shape(straight)), Graph(cnncalc.shape(turned))
    assert influence(other, 2, (4, 1)).unit == (4, 1)
    np.testing.assert_allclose(influence(graph, 1, (1, 4)).shares, influence(other, 2, (4, 1)).shares)
    for axis, (first, last) in enumerate(look_back(other, 2, (4, 1), INPUT).clipped or ()):
        assert np.flatnonzero(influence(other, 2, (4, 1)).profile(axis)).tolist() == [*range(first, last + 1)]


@pytest.mark.parametrize("word", ["avgpool:2", "crop:3", "upsample:x2,mode=bilinear", "pad:2,mode=reflect"])
def test_layers_on_large_maps(word: str) -> None:
    """Pixels that no unit reads together are measured together: a large map takes as few runs as a small one."""
    large, small = (found(f"1x{size} conv:2,k3,p1 {word}") for size in ("580x570", "40x30"))
    rows = [own.profile(0)[own.profile(0) > 0] for own in (large, small)]
    np.testing.assert_allclose(rows[0], rows[1])


def test_only_the_pixels_that_are_seen_are_followed() -> None:
    far = found("1x1400x1300 conv:1,k3")
    assert (far.touched, far.shares.shape) == (9, (1400, 1300))
    assert np.allclose(far.shares[699:702, 649:652], 1 / 9)
