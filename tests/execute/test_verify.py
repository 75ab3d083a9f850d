"""Fields verified by execution: what agrees, what does not, and what cannot be run in this way."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import cnncalc
from cnncalc.errors import SpecError
from cnncalc.execute import npy
from cnncalc.execute import verify as module
from cnncalc.execute.verify import Verified, verify
from cnncalc.fields.graph import Graph
from cnncalc.fields.relation import Relation
from tests.fuzz.field_networks import draw


def verified(spec: Any, of: str | None = None) -> Verified:
    report = cnncalc.shape(spec)
    return verify(report, None if of is None else Graph(report).names[of])


@pytest.mark.parametrize("case", range(12))
def test_random_networks(case: int) -> None:
    """On more networks: `python -m tests.fuzz.fields verify`."""
    assert verified(draw(Random(f"suite:{case}"))).difference is None


NETWORKS = {
    "gate": (
        "3x8x9 conv:4,k3,p1,bn,name=a globalavgpool:keepdims=true sigmoid mul:a+sigmoid1 conv:4,k3",
        ["mul as add"],
    ),
    "norms": ("2x7x9 conv:4,k3,s2 layernorm softmax:axis=1 lrn groupnorm:g=2 conv:2,k2", ["softmax as identity"]),
    "functions": ("1x9 conv1d:2,k3 exp conv1d:2,k3 neg clip:min=2 conv1d:2,k2 abs prelu", ["exp as identity"]),
    "constants": ("2x6x7 add:value=3 conv:2,k3 mul:value=-1 relu pad:1,value=2 conv:2,k2", ["mul as identity"]),
    "choices": ("1x8x9 conv:2,k3,name=a conv:2,k3,p1,from=a,name=b min:a+b compare:by=gt,value=1", ["min as add"]),
    "reductions": ("3x6x7 conv:4,k3 prod:axis=1,keepdims=true conv:2,k2 max:axis=1,keepdims=true", ["prod as sum"]),
    "an interpolation that rounds": ("1x25 conv1d:2,k1 upsample:out=11,mode=linear conv1d:2,k2", []),
    "cubic": ("1x6x6 conv:2,k2 upsample:x2,mode=bicubic relu conv:2,k3", ["relu as identity"]),
    "channels last": (
        {"layout": "NHWC", "input": [7, 8, 2], "layers": [{"op": "conv", "c_o": 3, "k": [3, 2], "s": [2, 1]}]},
        [],
    ),
    "groups and slices": ("4x7x8 conv:4,k3,g=2 slice:axis=1,stop=2 conv:4,k3,p1 channelshuffle:2 dwconv:k2", []),
    "tied": ("2x8x8 conv:2,k3,p1,name=a relu conv:2,k3,p1,tie=a conv:2,k3,d2", []),
    "blocks": (
        {
            "input": [1, 9, 9],
            "layers": [
                {
                    "op": "block",
                    "layers": [{"op": "conv", "c_o": 2, "k": 3}, {"op": "convT", "c_o": 2, "k": 3, "s": 2}],
                },
                {"op": "maxpool", "k": 2},
            ],
        },
        [],
    ),
    "windows of padding alone": (
        {
            "dialect": "onnx",
            "input": [2, 9, 7],
            "layers": [
                {"op": "maxpool", "k": 3, "s": 2, "out": [6, 7]},
                {"op": "upsample", "out": [2, 4], "mode": "linear"},
            ],
        },
        ["maxpool as avgpool"],
    ),
    "three axes": ("1x5x8x7 conv3d:2,k2x3x3,s1x2x1 avgpool3d:2,s1 maxpool3d:1x2x3", ["maxpool3d as avgpool3d"]),
    "one axis": ("2x11 conv1d:3,k3 maxpool1d:3,s2 conv1d:2,k2", ["maxpool1d as avgpool1d"]),
    "a dilated maximum, whose dialect has no dilated average": (
        {"dialect": "torch", "input": [2, 9, 8], "layers": [{"op": "maxpool", "k": [2, 3], "s": 1, "d": [3, 2]}]},
        ["maxpool as avgpool"],
    ),
    "a maximum of all axes": ("2x6x7 conv:3,k3,name=a max:keepdims=true mul:a+max1 conv:2,k2", ["max as sum"]),
    "powers of which one value hides the others": ("2x6x7 conv:3,k3 lppool:2,norm=-1 lppool:1x2,s1,norm=900", []),
    "units in another order": (
        "2x9x8 conv:3,k3 gather:axis=3,indices=[0,2,1,1] einsum:equation=chw->cwh conv:2,k2x3",
        [],
    ),
}


@pytest.mark.parametrize(("spec", "replaced"), NETWORKS.values(), ids=NETWORKS)
def test_what_could_hide_an_influence_is_replaced(spec: Any, replaced: list[str]) -> None:
    found = verified(spec)
    assert found.difference is None
    assert {*replaced} <= {*found.replaced}
    assert found.units > 0


def test_a_wrong_prediction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the padding before, the first unit should see one pixel more than it responds to."""
    slide = Relation.slide
    monkeypatch.setattr(Relation, "slide", lambda self, k, s, pb, d=1: slide(self, k, s, 0 if pb else pb, d))
    found = verified("1x7x8 conv:2,k3,p1 conv:2,k3").difference
    assert found is not None
    assert found.text() == "unit 0,0 of conv1 does not respond to pixel 0,2, but should see it"
    assert found.predicted


def test_a_pixel_that_should_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the holes of a dilation, units respond to fewer pixels; with too large a stride, to others."""
    slide = Relation.slide
    monkeypatch.setattr(Relation, "slide", lambda self, k, s, pb, d=1: slide(self, k - d * (k > d), s, pb, d))
    found = verified("1x9 conv1d:2,k3").difference
    assert found is not None
    assert found.text() == "unit 0 of conv1d1 responds to pixel 2, but should not see it"


def test_the_layers_up_to_one() -> None:
    words = "1x9x9 conv:2,k3,name=a conv:2,k3,name=b attention"
    assert verified(words, "b").layers == 2
    with pytest.raises(SpecError, match="attention does not respond to single pixels") as caught:
        verified(words)
    assert caught.value.help == "verify the layers before it: --of LAYER"


@pytest.mark.parametrize("op", ["maxpool1d", "avgpool1d"])
def test_the_values_of_an_empty_window_hide_all_others(op: str) -> None:
    """Caffe keeps the last window when it rounds up, even if it begins after the input."""
    layers = [{"op": op, "k": 1, "s": 2}, {"op": "conv1d", "c_o": 2, "k": 3}]
    with pytest.raises(SpecError, match=f"{op}1 has NaN or infinite values"):
        verified({"dialect": "caffe", "input": [3, 8], "layers": layers})


def test_a_maximum_over_negative_weights_is_refused() -> None:
    with pytest.raises(SpecError, match="a cubic interpolation has negative weights"):
        verified("1x6x6 upsample:x2,mode=bicubic maxpool:2")


def test_no_unit_has_a_place() -> None:
    with pytest.raises(SpecError, match="no unit has a position in the input"):
        verified("4 linear:3 linear:2")


def test_what_takes_too_long_says_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input suggested in the help does not take too long; if none is small enough, none is suggested."""
    monkeypatch.setattr(module, "MOST_MACS", 2000)
    with pytest.raises(SpecError, match=r"64 pixels take \d[\d,]* values and 41,472 multiply-accumulates") as caught:
        verified("1x8x8 conv:2,k3")
    assert caught.value.help == "give a smaller input, for example -i 1x4x4, or an earlier layer: --of LAYER"
    assert verified("1x4x4 conv:2,k3").difference is None
    with pytest.raises(SpecError) as caught:
        verified("1x8x8 conv:9,k5")
    assert caught.value.help == "name an earlier layer: --of LAYER"


def test_weights_beyond_the_machine_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "machine_memory", lambda: 140)
    with pytest.raises(SpecError, match="the weights take 144 bytes, but the machine has 140 bytes") as caught:
        verified("1x8x9 conv:2,k3,nobias")
    assert caught.value.help == "name a layer before them: --of LAYER"
