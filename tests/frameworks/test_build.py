"""The spec builder: names, wiring, ties, what is left out, and the last result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cnncalc.frameworks import TARGETS
from cnncalc.frameworks.build import SpecBuilder
from cnncalc.frameworks.support import support
from cnncalc.layers.names import KERAS, Name
from cnncalc.registry import Registry
from cnncalc.sizes import Open
from tests.program import here


def layers(spec: SpecBuilder) -> list[dict[str, Any]]:
    return spec.spec()


def test_a_preferred_name_goes_before_a_derived_one() -> None:
    spec = SpecBuilder()
    first = spec.add("a", "relu", [spec.input])
    spec.add("b_activation", "relu", [first], derived=True)
    spec.add("b_activation", "tanh", [first])
    spec.add("a", "tanh", [first])
    spec.add("input", "tanh", [first])
    names = ["a", "b_activation_2", "b_activation", "a_2", "input_2"]
    assert [layer["name"] for layer in layers(spec)] == names


@pytest.mark.parametrize("wired", [False, True])
def test_what_a_layer_reads_is_left_out_where_it_is_the_layer_above(wired: bool) -> None:
    spec = SpecBuilder(wired=wired)
    first = spec.add("a", "relu", [spec.input])
    second = spec.add("b", "relu", [first])
    spec.add("c", "add", [first, second])
    assert [layer.get("from") for layer in layers(spec)] == (
        ["input", "a", ["a", "b"]] if wired else [None, None, ["a", "b"]]
    )


def test_layers_of_one_op_and_owner_share_the_weights_of_the_first() -> None:
    spec = SpecBuilder()
    first = spec.add("a", "conv", [spec.input], weights={"weight": lambda: 1}, owner="w")
    second = spec.add("b", "conv", [first], weights={"weight": lambda: 2}, owner="w")
    spec.add("c", "linear", [second], owner="w")
    assert [layer.get("tie") for layer in layers(spec)] == [None, "a", None]
    assert [(name, read()) for name, read in spec.weights().items()] == [("a.weight", 1)]


def test_an_opaque_layer_says_what_is_known() -> None:
    spec = SpecBuilder()
    spec.opaque("a", "Od\nd", [], (3, Open("H"), None), {"params": 5, "macs": None})
    expected = {"name": "a", "op": "opaque", "type": "Od_d", "out": [3, "H", None], "params": 5}
    assert layers(spec) == [expected]


def test_the_result_stands_last() -> None:
    spec = SpecBuilder()
    first = spec.add("a", "relu", [spec.input])
    spec.add("b", "relu", [spec.input])
    assert spec.end_with(first, "out") is first
    assert [layer["name"] for layer in layers(spec)] == ["b", "a"]
    spec.add("c", "relu", [first])
    spec.end_with(first, "out")
    assert layers(spec)[-1] == {"name": "out", "op": "identity", "from": "a"}


def test_what_no_output_depends_on_is_left_out() -> None:
    spec = SpecBuilder()
    first = spec.add("a", "conv", [spec.input], owner="w")
    spec.add("b", "relu", [first])
    tied = spec.add("c", "conv", [spec.input], owner="w")
    spec.keep([tied])
    assert [layer["name"] for layer in layers(spec)] == ["a", "c"]


def test_a_name_is_read_in_both_directions() -> None:
    name = Name("Some{}D", {"new": "k", "old": "k", "rate": "s"}, {"s": 2})
    assert name.theirs({"k": 3, "g": 5}) == {"new": 3}
    assert name.ours({"old": 3}.get) == {"k": 3, "s": 2}
    assert name.ours({"old": 3, "new": 4, "rate": 1}.get) == {"k": 4, "s": 1}
    assert list(name.numbered()) == [("Some1D", "1d"), ("Some2D", ""), ("Some3D", "3d")]


def test_a_second_entry_is_an_error() -> None:
    with pytest.raises(ValueError, match="'conv' has two entries"):
        Registry(KERAS, KERAS)
    with pytest.raises(KeyError, match="maxpol"):
        support("maxpol")


@pytest.mark.parametrize("target", TARGETS)
def test_a_network_of_very_many_layers_is_written_as_a_spec_alone(
    target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("cnncalc.frameworks.MOST_CONVERTED", 3)
    words = ["convert", "3x8x8", "relu:times=4", "--to", target, "-o", str(tmp_path / "net")]
    assert here([*words, "--until", "relu3"]).code == 0
    done = here(words)
    said = "a network of 4 layers is too large to convert: the limit is 3"
    assert (done.code, said in done.err) == ((0, False) if target == "spec" else (2, True))
