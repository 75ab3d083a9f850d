"""Pools in every form: written so that they read back with the same windows and values, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import onnx
import pytest

import cnncalc
from cnncalc.dialects import DIALECTS
from cnncalc.frameworks import TARGETS, writer
from cnncalc.frameworks.onnx.read import read
from cnncalc.input import configure
from cnncalc.sizes import parse_shape
from tests.standin import forward

Layer = dict[str, Any]
OPS = ("maxpool", "avgpool", "lppool")
MORE: dict[str, list[Layer]] = {
    "maxpool": [{}],
    "avgpool": [{"count_include_pad": True}, {"count_include_pad": False}],
    "lppool": [{"norm": 2}, {"norm": 3}, {"norm": 1.5}],
}
X = np.random.default_rng(6).standard_normal((2, 3, 6, 7))
PADS: list[Layer] = [{}, {"p": 1}, {"p": [[0, 3], [2, 0]]}, {"p": "same"}, {"p": "same_lower"}]


CHOICES: list[Sequence[Any]] = [(2, 3), (None, 2, 3), (None, 2), PADS, (None, False, True, "keep")]
"""Choices for a window: k, s, d, its padding, and `ceil`."""


def pools(op: str, dialect: str, more: bool) -> Iterator[Layer]:
    """Yield a third of the windows, another third for each dialect: any three choices occur together in one of them.

    Some windows have a last one that starts beyond the input. With `more`, each has all of MORE; otherwise one of them
    in turn.
    """
    windows = [
        at for at in product(*map(range, map(len, CHOICES))) if (sum(at) + list(DIALECTS).index(dialect)) % 3 == 0
    ]
    for turn, places in enumerate(windows):
        k, s, d, pad, ceil = (own[at] for own, at in zip(CHOICES, places, strict=True))
        keys = {"s": s, "d": d, "ceil": ceil}
        window = {"op": op, "name": "p", "k": k, **pad, **{a: b for a, b in keys.items() if b is not None}}
        several = MORE[op]
        yield from ({**window, **own} for own in (several if more else [several[turn % len(several)]]))


def settled(before: str, layer: Layer, sample: str, dialect: str, layout: str) -> cnncalc.Network | None:
    """Return a network whose second layer is the pool; None if the dialect has no such pool."""
    try:
        network = configure(cnncalc.load([{"op": before}, layer]), parse_shape(sample), dialect, layout)
        cnncalc.shape(network)
    except cnncalc.CnncalcError:
        return None
    return network


def written(form: str, network: cnncalc.Network) -> Any:
    """Return the written text; None if the form refuses the pool by name."""
    try:
        text = writer(form)(network)
    except cnncalc.CnncalcError as error:
        if error.layer != "layers[1] 'p'":
            raise
        return None
    return text


@cache
def again(form: str, text: Any) -> cnncalc.Network:
    """Read back a written network. ONNX's own inference must find the sizes in the file."""
    if form == "onnx":
        onnx.checker.check_model(text, full_check=True)
    return cnncalc.load(read(text).spec if form == "onnx" else json.loads(text))


@cache
def computed(form: str, text: Any, layout: str) -> Any:
    """Return the output of a written network for X, with the channels where the layout has them."""
    x = X if layout == "NCHW" else np.moveaxis(X, 1, -1)
    return forward(text, x) if form == "torch" else cnncalc.run(again(form, text), x)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("op", OPS)
def test_a_written_pool_computes_the_same(op: str, dialect: str) -> None:
    count = dict.fromkeys(TARGETS, 0)
    for at, layer in enumerate(pools(op, dialect, more=op == "avgpool")):
        before, layout = ("tanh", "relu")[at % 2], ("NCHW", "NHWC")[at % 3 == 0]
        mine, sample = (X, "3x6x7") if layout == "NCHW" else (np.moveaxis(X, 1, -1), "6x7x3")
        network = settled(before, layer, sample, dialect, layout)
        if network is None:
            continue
        y = cnncalc.run(network, mine)
        for form in TARGETS:
            text = written(form, network)
            if text is not None:
                z = computed(form, text, layout)
                np.testing.assert_allclose(z, y, rtol=1e-12, atol=1e-12, err_msg=f"{form} {layer}")
                count[form] += 1
    assert all(n or form == "keras" for form, n in count.items()), count


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("op", OPS)
def test_a_written_pool_of_open_sizes_has_the_same_shape(op: str, dialect: str) -> None:
    for layer in pools(op, dialect, more=False):
        network = settled("relu", layer, "3xHxW", dialect, "NCHW")
        if network is None:
            continue
        out = cnncalc.shape(network).out
        for form in TARGETS:
            text = written(form, network)
            if text is not None and form != "torch":
                assert cnncalc.shape(again(form, text)).out == out, f"{form} {layer}"


def test_a_window_that_onnx_drops_is_refused() -> None:
    network = configure(cnncalc.load("3x6x7 relu maxpool:k2,s3,name=p"), None, "caffe", None)
    with pytest.raises(cnncalc.SpecError) as error:
        writer("onnx")(network)
    assert str(error.value) == (
        "layers[1] 'p': ONNX cannot express a last window that starts beyond the input and is kept\n"
        "  3x6x7 relu maxpool:k2,s3,name=p\n"
        "             ^~~~~~~~~~~~~~~~~~~~\n"
        "  ceil=false drops it"
    )


def test_a_pool_of_caffe_that_ends_at_the_border_is_written_for_onnx() -> None:
    """By default it rounds up and keeps a last window; none starts beyond the input here, so ONNX rounds the same."""
    text: Any = writer("onnx")(configure(cnncalc.load("6x12x8 maxpool:k2,s2"), None, "caffe", None))
    (layer,) = cnncalc.shape(read(text).spec).layers
    assert (layer.out, layer.values["ceil"]) == ((6, 6, 4), True)
