"""The steps of a window, compared with execution, for every kind of window."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import cnncalc
from cnncalc.execute.job import Job
from cnncalc.execute.task import Array, sizes_of
from cnncalc.execute.windows import fill
from cnncalc.steps import Filled, made_up, window_of
from cnncalc.trace import shape
from tests.program import here

LAYERS = [
    ("conv:3,k2x3", (2, 4, 5), "plain"),
    ("conv:4,k3x2,s2x1,p1+2x0,g2", (4, 5, 6), "plain"),
    ("conv:3,k3,d2,p=same", (2, 6, 5), "plain"),
    ("conv:3,k3x2,flip", (2, 4, 5), "plain"),
    ("conv:3,k2x3", (4, 5, 2), "keras"),
    ("conv1d:3,k3,p=causal,d2", (2, 7), "plain"),
    ("conv3d:2,k2x1x3", (2, 3, 4, 5), "plain"),
    ("dwconv:k3x2,multiplier=2,p1", (3, 4, 5), "plain"),
    ("dwconv:k3x2,multiplier=2", (4, 5, 3), "keras"),
    ("convT:3,k3x2,s2,p1x0", (2, 3, 4), "plain"),
    ("convT:4,k3,s2x3,d2x1,g2,out_pad=1", (6, 3, 2), "plain"),
    ("convT:3,k2x3,s2", (3, 4, 2), "keras"),
    ("convT:2,k3,s2,flip", (2, 3, 3), "plain"),
    ("convT1d:2,k4,s3", (2, 3), "plain"),
    ("maxpool:3x2,s2,p1x0", (2, 6, 5), "plain"),
    ("maxpool:3,s2,ceil", (2, 6, 6), "plain"),
    ("maxpool:2,d2", (2, 6, 5), "plain"),
    ("avgpool:3x2,s2,p1", (2, 6, 5), "plain"),
    ("avgpool:3,s2,p1,count_include_pad=true", (2, 6, 5), "plain"),
    ("avgpool:3,s2,p1,ceil,count_include_pad=true", (2, 6, 6), "torch"),
    ("avgpool:3,s2,p1", (2, 6, 6), "caffe"),
    ("globalavgpool", (2, 4, 5), "plain"),
    ("globalmaxpool", (4, 5, 2), "keras"),
    ("adaptiveavgpool:3x2", (2, 7, 5), "plain"),
    ("adaptivemaxpool:2x4", (2, 3, 7), "plain"),
]
"""Layers with an input and a dialect; sizes differ on every axis."""


def made(filled: Filled) -> Array:
    """Return all outputs of a window, channels first, assembled from its steps."""
    window = filled.window
    out = np.zeros((window.c_o, *[axis.out for axis in window.axes]))
    for channel in range(window.c_o):
        for place in product(*[range(axis.out) for axis in window.axes]):
            last = window.place(window.total - 1)
            result = filled.written(channel, place, last) if window.spreads else filled.output(channel, place)
            out[(channel, *place)] = result
    return out


@pytest.mark.parametrize(("word", "sizes", "dialect"), LAYERS, ids=[row[0] for row in LAYERS])
@pytest.mark.parametrize("has_bias", [True, False])
def test_steps_make_what_the_layer_makes(word: str, sizes: tuple[int, ...], dialect: str, has_bias: bool) -> None:
    rng = np.random.default_rng(7)
    x = rng.standard_normal(sizes)
    report = shape(cnncalc.load(word), sizes, dialect=dialect)
    (layer,) = report.layers
    weights = {
        f"{layer.name}.{role}": rng.standard_normal(sizes_of(own, role)) for role, own in layer.weight_shapes().items()
    }
    if not has_bias:
        weights.pop(f"{layer.name}.bias", None)
    found = fill(report.network, x, sizes, weights or None, None)
    assert found is not None
    job = Job(report.network, x.shape, x.dtype, weights or None)
    wanted = job.outputs(x)[layer.name]
    wanted = np.moveaxis(wanted, -1, 0) if layer.env.channels_last else wanted
    assert found[1].made_up == ()
    np.testing.assert_allclose(made(found[1]), wanted.reshape(made(found[1]).shape), rtol=1e-9, atol=1e-12)


def outputs(word: str, *sizes: int) -> list[float]:
    """Return every output of a window for made-up values, in the first channel."""
    (layer,) = cnncalc.shape(word, input=sizes).layers
    window = window_of(layer)
    assert window is not None
    return [made_up(window).output(0, window.place(number)) for number in range(window.total)]


def test_values_that_are_made_up_are_those_of_the_textbook() -> None:
    """Dive into Deep Learning, 6.2, 6.4 and 6.5: X counts from 0, and so does K; a further channel counts from 1."""
    assert outputs("conv:1,k2", 3, 3) == [19, 25, 37, 43]
    assert outputs("conv:1,k2", 2, 3, 3) == [56, 72, 104, 120]
    assert outputs("maxpool:2,s1", 3, 3) == [4, 5, 7, 8]
    assert outputs("avgpool:2,s1", 3, 3) == [2, 3, 5, 6]
    assert outputs("maxpool:3,s2,p1", 4, 4) == [5, 7, 13, 15]


@pytest.mark.parametrize("word", ["relu", "lppool:2", "sepconv:3,k2", "flatten"])
def test_a_layer_without_a_window_of_its_own_has_none(word: str) -> None:
    (layer,) = cnncalc.shape(word, input=(2, 4, 4)).layers
    assert window_of(layer) is None


def test_open_sizes_have_no_steps() -> None:
    (layer,) = cnncalc.shape("conv:2,k3", input=(1, "H", 5)).layers
    assert window_of(layer) is None


@pytest.mark.parametrize(
    ("line", "legend", "arithmetic"),
    [
        ("avgpool:3,s2,p1,ceil -i 6x6", "· is padding, or beyond it", "(35 + 0 + 0 + 0)/4 = 8.75"),
        ("maxpool:3,s2,ceil -i 6x6", "· is beyond the input", "max(28, 29, 34, 35) = 35"),
        ("avgpool:2,s2,ceil -i 3x3", "· is beyond the input", "8/1 = 8"),
        ("avgpool:3,s2,p1 -i 5x5", "· is padding", "(18 + 19 + 0 + 23 + 24 + 0 + 0 + 0 + 0)/9 = 9.333"),
    ],
)
def test_a_mean_adds_up_what_it_counts(line: str, legend: str, arithmetic: str) -> None:
    last = here(["show", *line.split()]).out
    assert f"\n{legend}, ? is not computed yet\n" in last
    assert last.splitlines()[-1] == f"  {arithmetic}"
