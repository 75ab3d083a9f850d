"""A network as a value: written, with its blocks expanded, bound to sizes, and with errors located."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import cnncalc
from cnncalc.errors import Path, SpecError, Where
from cnncalc.network import INPUT, Network, Origin, layer_dict
from cnncalc.sizes import Open, Shape

INNER = [
    {"name": "c", "op": "conv", "c_o": 4},
    {"name": "d", "op": "conv", "c_o": 4, "from": "input", "tie": "c", "trainable": False},
    {"name": "e", "op": "add", "from": ["c", "d"]},
]
SPEC: dict[str, Any] = {
    "cnncalc": 1,
    "name": "net",
    "input": [7, "H", "W"],
    "sample_axes": 3,
    "unused": {"params": 2, "buffers": 0, "where": ("aux",)},
    "names": {"input": "x", "outputs": ("y", "z", "w")},
    "dialect": "keras",
    "layout": "NCHW",
    "layers": [
        {"name": "a", "op": "conv", "c_o": 7, "k": (3, 5), "counted": {"weights": 5}},
        {"name": "b", "op": "block", "layers": INNER, "trainable": False, "expect": {"params": 32}},
        {"name": "f", "op": "block", "layers": INNER, "from": "a", "tie": "b"},
        {"name": "g", "op": "opaque", "out": (4, "H", "W"), "from": "input"},
    ],
    "expect": {"params": 3},
}


def test_a_network_is_written_with_all_that_was_given() -> None:
    network = cnncalc.load(SPEC)
    assert network.to_dict() == SPEC
    assert [*network.to_dict()] == [*SPEC]
    assert type(network.to_dict()["layers"][0]["k"]) is tuple
    values = {"k": (3, 5), "out": (4, Open("H")), "p": "same"}
    assert layer_dict(network.nodes[0], network.nodes, values)["out"] == [4, "H"]
    bare = {"cnncalc": 1, "dialect": "plain", "layers": [{"name": "relu1", "op": "relu"}]}
    assert cnncalc.load([{"op": "relu"}]).to_dict() == bare


def test_networks_are_equal_if_they_are_written_alike() -> None:
    network = cnncalc.load(SPEC)
    same, other = cnncalc.load(network.to_dict()), network._replace(layout="NHWC")
    assert network == same
    assert {network: 1}[same] == 1
    assert network != other
    assert not network == 5  # noqa: SIM201
    assert [repr(one) for one in (network, cnncalc.load(["relu"]), cnncalc.load("2x5 relu relu"))] == [
        "<network net, input 7xHxW>",
        "<network of 1 layer>",
        "<network of 2 layers, input 2x5>",
    ]


def test_the_layers_of_blocks_stand_in_their_place() -> None:
    network = cnncalc.load(SPEC)
    nodes = network.inlined().nodes
    assert [(node.name, node.reads, node.tie, node.trainable, node.spec_index) for node in nodes] == [
        ("a", (INPUT,), None, True, 0),
        ("b.c", (0,), None, False, 1),
        ("b.d", (0,), 1, False, 1),
        ("b.e", (1, 2), None, False, 1),
        ("f.c", (0,), 1, True, 2),
        ("f.d", (0,), 1, False, 2),
        ("f.e", (4, 5), 3, True, 2),
        ("g", (INPUT,), None, True, 3),
    ]
    assert all(node.wired for node in nodes if not node.name.startswith(("b.c", "f.c")))
    within = [{"op": "relu"}, {"op": "block", "name": "b", "layers": [{"op": "conv", "c_o": 2}, {"op": "relu"}]}]
    again = {"op": "block", "name": "c", "layers": [{"op": "conv", "c_o": 2}, {"op": "relu"}], "tie": "b"}
    around: list[dict[str, Any]] = [{"op": "conv", "c_o": 2, "name": "x"}, {"op": "conv", "c_o": 2, "tie": "x"}]
    deep = cnncalc.load([around[0], {"op": "block", "name": "a", "layers": [*within, again]}, around[1]]).inlined()
    assert [(node.name, node.reads, node.tie) for node in deep.nodes] == [
        ("x", (INPUT,), None),
        ("a.relu1", (0,), None),
        ("a.b.conv1", (1,), None),
        ("a.b.relu1", (2,), None),
        ("a.c.conv1", (3,), 2),
        ("a.c.relu1", (4,), 3),
        ("conv1", (5,), 0),
    ]
    flat = cnncalc.load("relu")
    assert flat.inlined() is flat


def test_outputs_have_the_names_of_the_file() -> None:
    network = cnncalc.load(SPEC)
    assert network.outputs() == {"y": "g", "z": "b", "w": "f"}


class Sized(Origin):
    """A file that returns a new network for each size."""

    def bind(self, inputs: Mapping[str, Shape]) -> Network:
        return cnncalc.load("conv:2" if inputs["input"][0] == 5 else "relu")

    def locate(self, path: Path, key: str | None) -> Where | None:
        return Where("net.json", len(path), 1 if key is None else 2)


def test_a_file_may_say_another_network_for_other_sizes() -> None:
    network = cnncalc.load("tanh")
    assert network.bound({"input": (5, 7)}) is network
    assert network._replace(source=None).bound({"input": (5, 7)}).nodes[0].layer.op == "tanh"
    sized = network._replace(source=Sized())
    assert [sized.bound({"input": (size, 7)}).nodes[0].layer.op for size in (5, 3)] == ["conv", "relu"]


def test_an_error_has_the_place_of_its_layer_once() -> None:
    network = cnncalc.load(SPEC)._replace(source=Sized())
    block = network.nodes[1]
    inner: Any = block.layer.given["layers"]
    error = network.blame(SpecError("no", key="k"), inner[1], (block,))
    assert (error.layer, error.where) == ("layers[1].layers[1] 'b.d'", ("net.json", 4, 2, None, 1))
    assert network.blame(error, network.nodes[0]).layer == "layers[1].layers[1] 'b.d'"
    placed = SpecError("no")
    placed.where = Where("other.json", 7, 7)
    assert network.blame(placed, block).where == Where("other.json", 7, 7)
    assert network._replace(source=None).blame(SpecError("no"), block).where is None
    with pytest.raises(NotImplementedError):
        Origin().locate((), None)


@pytest.mark.parametrize(
    ("weights", "model", "annotate", "is_fixed"),
    [
        ({}, None, None, False),
        ({"w": list}, None, None, True),
        ({}, object(), None, True),
        ({"w": list}, object(), list, False),
    ],
)
def test_what_a_framework_wrote_is_fixed(weights: Any, model: Any, annotate: Any, is_fixed: bool) -> None:
    origin = Origin()
    origin.weights, origin.model, origin.annotate = weights, model, annotate
    assert origin.is_fixed is is_fixed
    assert (origin.with_argument(0, "k", 3), origin.with_factor(0, 2)) == ('"k": 3', '"factor": 2')
    assert [origin.built_in, origin.is_typed, origin.unread] == [False, False, False]
