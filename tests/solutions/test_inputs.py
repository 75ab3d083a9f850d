"""The inputs of a network: exactly the listed ones give the wanted output, compared with tracing every size."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cnncalc
from cnncalc.conditions import Numbers
from cnncalc.input import configure
from cnncalc.layers.sliding import Slide, Windowed
from cnncalc.network import Network
from cnncalc.parts import part
from cnncalc.report import LayerReport, Report
from cnncalc.sizes import Open, Shape, parse_shape
from cnncalc.solutions.inputs import WantedInputs, Wish, inputs, opened

MOST = 90


def found(words: Any, wish: Wish, sample: str | None = None, dialect: str | None = None) -> WantedInputs:
    """Return the inputs of a network."""
    network = configure(cnncalc.load(words), None if sample is None else parse_shape(sample), dialect, "NCHW")
    return inputs(network if sample is not None else opened(network), wish)


def every(layers: list[LayerReport]) -> list[LayerReport]:
    """Return all layers, with blocks replaced by their layers."""
    return [one for layer in layers for one in (every(list(layer.inner)) if layer.inner else [layer])]


def is_clean(report: Report) -> bool:
    """Return whether no floor drops a pixel: no division has a remainder."""
    for layer in every(report.layers):
        own = layer.node.layer
        if not isinstance(own, Windowed):
            continue
        for window in own.placed(own.split(layer.sample, layer.env)[1], layer.env):
            if isinstance(window, Slide) and not window.ceil:
                assert isinstance(window.n, int)
                assert isinstance(window.out, int)
                covered = (window.out - 1) * window.s + window.k
                if covered < window.n + (window.pb or 0) + (window.pa or 0):
                    return False
    return True


def is_wanted(network: Network | str, sample: Shape, wish: Wish, dialect: str | None = None) -> bool:
    """Return whether a network accepts an input, and its output is as wished."""
    try:
        report = cnncalc.shape(network, sample, dialect=dialect, layout="NCHW")
    except cnncalc.CnncalcError:
        return False
    if wish.out is not None and report.out[-len(wish.out) :] != wish.out:
        return False
    if wish.features is not None and report["linear1"].sample != (wish.features,):
        return False
    return not wish.clean or is_clean(report)


def check(words: str, wish: Wish, sample: str, sizes: range, dialect: str | None = None) -> None:
    """Compare the inputs with the traced ones, for a square and an oblong of each size."""
    got = found(words, wish, sample, dialect)
    assert not got.conditions
    network, shape = cnncalc.load(words), parse_shape(sample)
    for n in sizes:
        for pair in ((n, n), (n, n + 1), (7, n)):
            values = dict(zip(got.letters, pair, strict=False))
            listed = any(all(values[letter] in own for letter, own in way.items()) for way in got.ways)
            numbers = tuple([size.at(values) if isinstance(size, Open) else size for size in shape])
            assert listed == is_wanted(network, numbers, wish, dialect), (words, pair)


WORDS = (
    *("conv:2,k3", "conv:2,k3,s2,p1", "conv:2,k4,s3", "conv:2,k2,d3,p1", "conv:2,k5,s2,p=same", "conv:2,k1,s2"),
    *("maxpool:2", "maxpool:3,s2,p1", "maxpool:3,s2,ceil", "avgpool:4,s3,p=same", "convT:2,k3,s2,p1", "convT:2,k2,s3"),
    *("upsample:x2", "pad:1", "crop:1", "relu", "dwconv:k3,s2", "lppool:2,s2"),
)
SKIPS = (
    "relu:name=a {} upsample:x2 add:a+upsample1",
    "relu:name=a {} convT:2,k2,s2,name=up concat:a+up conv:2,k3",
    "relu:name=a conv:2,k3,s2,p1,name=b maxpool:2,from=a,name=c add:b+c {}",
)


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Layer words of a network, half of them with a skip connection."""
    inner = " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)))
    return draw(st.sampled_from(("{}", "{}", *SKIPS))).format(inner)


wishes = st.builds(Wish, st.none() | st.integers(1, 9).map(lambda n: (n, n)), st.booleans(), st.none())


@example("relu:name=a maxpool:2 maxpool:2 upsample:x2 upsample:x2,name=u add:a+u", Wish(clean=True), "plain")
@example("conv:2,k3,s2,times=4", Wish(clean=True), "plain")
@given(networks(), wishes, st.sampled_from(["plain", "torch", "keras", "onnx", "caffe"]))
def test_the_inputs_are_those_that_are_traced(words: str, wish: Wish, dialect: str) -> None:
    try:
        check(words, wish, "2xHxW", range(1, 40), dialect)
    except cnncalc.CnncalcError:  # no input at all: the dialect refuses a word, or the layers never fit together
        assert not any(is_wanted(words, (2, n, n), wish, dialect) for n in range(1, 40))


@pytest.mark.parametrize("name", ["lenet5", "unet", "resnet18", "vgg11", "squeezenet1_1"])
@pytest.mark.parametrize("clean", [False, True])
def test_the_inputs_of_built_in_networks(name: str, clean: bool) -> None:
    wish = Wish(clean=clean)
    got = found(name, wish)
    network, channels = cnncalc.load(name), got.sample[0]
    assert isinstance(channels, int)
    for n in range(1, 201, 1 if name in ("lenet5", "unet") else 3):
        listed = any(all(n in own for own in way.values()) for way in got.ways)
        assert listed == is_wanted(network, (channels, n, n), wish)


FOLLOWED = [
    ("alexnet", Wish(out=(7, 7))),
    ("alexnet", Wish(out=(192, 13, 13))),
    ("resnet50", Wish(out=(7,))),
    ("conv:8,k3 gap", Wish(out=(7, 7))),
    ("maxpool:2 adaptiveavgpool:6 conv:8,k3,s2", Wish(clean=True)),
]


@pytest.mark.parametrize(("words", "wish"), FOLLOWED)
def test_the_help_names_the_layer_up_to_which_there_is_an_answer(words: str, wish: Wish) -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        found(words, wish)
    name = (caught.value.help or "").partition("--until ")[2]
    assert inputs(part(opened(cnncalc.load(words)), name), wish).ways


RULES = [
    # published: U-Net's figure 1 (arXiv 1505.04597), VGG's five halvings, DeepLab's 32m + 1 (arXiv 1606.00915)
    ("unet", Wish(out=(388, 388)), "H = 572"),
    ("unet", Wish(), "H = 16m + 12, H >= 188"),
    ("vgg16", Wish(clean=True), "H is a multiple of 32"),
    ("resnet50", Wish(clean=True), "H = 32m + 1"),
    ("inception_v3", Wish(), "H >= 75"),
    ("conv:8,k3,s2 conv:8,k3,s2 conv:8,k3,s2 conv:8,k3,s2", Wish(clean=True), "H = 16m + 15, H >= 31"),
]


@pytest.mark.parametrize(("words", "wish", "rule"), RULES, ids=[f"{words} {rule}" for words, _, rule in RULES])
def test_rules(words: str, wish: Wish, rule: str) -> None:
    (way,) = found(words, wish).ways
    assert way["H"].text("H") == rule
    assert way["W"].text("W") == rule.replace("H", "W")


LINEAR = "conv:4,k3 maxpool:2 conv:8,k3,p1 maxpool:2 flatten linear:10"


def test_the_features_of_a_linear_layer_come_from_maps_of_several_shapes() -> None:
    got = found(LINEAR, Wish(features=8 * 12), "3xHxW")
    check(LINEAR, Wish(features=8 * 12), "3xHxW", range(1, 60))
    assert len(got.ways) == 6  # 1x12, 2x6, 3x4 and swapped
    declared = LINEAR.replace("linear:10", "linear:10,c_i=96")
    assert {repr(way) for way in found(declared, Wish(), "3xHxW").ways} == {repr(way) for way in got.ways}


@cache
def clean_unet() -> WantedInputs:
    return found("unet", Wish(clean=True))


@given(st.integers(1, 300), st.integers(1, 300))
def test_the_padding_that_fits_is_the_smallest(height: int, width: int) -> None:
    got = clean_unet()
    fits = got.fit([height, width])
    assert fits is not None
    for fit, size in zip(fits, (height, width), strict=True):
        own: Numbers = got.ways[0][fit.axis]
        assert fit.to == size + sum(fit.pad)
        assert fit.to == next(n for n in range(size, 10**6) if n in own)
    word = "pad:" + "x".join(f"{a}+{b}" for a, b in (fit.pad for fit in fits))
    assert cnncalc.shape(word, (1, height, width)).out == (1, fits[0].to, fits[1].to)


def test_no_input_says_which_outputs_are_near() -> None:
    got = found("unet", Wish(out=(387, 388)))
    assert (got.ways, got.nearest, got.least()) == ([], [(372, 388), (388, 388)], None)
    for out in got.nearest:
        assert found("unet", Wish(out=out)).ways


ERRORS = [
    ("conv:8,k3", Wish(), "3x5x5", "the input 3x5x5 has no open size"),
    ("conv:8,k3 gap", Wish(out=(7, 7)), "3xHxW", "the output is 8x1x1, whatever the input is"),
    ("conv:8,k3", Wish(out=(7, 7, 7, 7)), "3xHxW", "--out 7x7x7x7 has 4 sizes, but the output is 8x[H-2]x[W-2]"),
    (
        *("conv:8,k3 gap flatten linear:2", Wish(features=9), "3xHx5"),
        "no linear layer gets a number of features that depends on the input: linear1 gets 8, whatever the input is",
    ),
    ("flatten linear:2", Wish(features=9), "CxHx5", "the features C*H*5 also depend on the channels"),
    (
        *("adaptiveavgpool:6 conv:8,k3,s2", Wish(clean=True), "3xHxW"),
        "conv1 drops 1 on the height axis whatever the input is: (6 + 0 + 0 - 3) = 3 is not a multiple of 2",
    ),
    ({"input": [5], "layers": [{"op": "linear", "out": 2}]}, Wish(), None, "the input 5 has no spatial axes"),
]


@pytest.mark.parametrize(("words", "wish", "sample", "what"), ERRORS, ids=[what for *_, what in ERRORS])
def test_errors(words: Any, wish: Wish, sample: str | None, what: str) -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        found(words, wish, sample)
    assert caught.value.what == what
