"""Layers in an order in which they cannot be computed: what the error names, and that its advice works."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.network import INPUT
from cnncalc.wiring import MOST_NAMED
from tests.program import here

Layers = list[dict[str, Any]]


def named(**reads: str | list[str] | None) -> Layers:
    """Return one layer per name: an add if it reads several, otherwise a relu; None reads the previous layer."""
    return [
        {"op": "add" if isinstance(read, list) else "relu", "name": name} | ({} if read is None else {"from": read})
        for name, read in reads.items()
    ]


ROWS: list[tuple[Layers, str, str | None]] = [
    (
        named(a="c", b=None, c="b"),
        "the layers read each other: a -> b -> c -> a",
        "'b' has no from, so it reads 'a' above it: give it a from",
    ),
    (
        named(a=["input", "c"], b="a", c="b"),
        "the layers read each other: a -> b -> c -> a",
        "remove one of these names from the `from` of the layer that reads it",
    ),
    (named(a="input", b="b"), "'b' reads itself", "a layer cannot read itself: name another layer in `from`"),
    (
        named(a=None, b="c", c="a", d=None),
        "'c' comes later",
        "a layer reads only layers above it: move 'c' above 'b', and write from=c into 'd'",
    ),
    (
        named(a=None, b="d", c="a", d=None),
        "'d' comes later",
        "a layer reads only layers above it: a possible order is a, c, d, b",
    ),
    (named(a=None, b="alpha"), "'alpha' is not a layer", None),
    (named(stem=None, b="stern"), "'stern' is not a layer", "did you mean 'stem'?"),
    (
        [{"op": "relu", "from": "tanh1"}, {"op": "tanh", "from": "input"}],
        "'tanh1' comes later",
        "a layer reads only layers above it: move 'tanh1' above 'relu1'",
    ),
]


@pytest.mark.parametrize(("layers", "what", "help"), ROWS, ids=[what for _, what, _ in ROWS])
def test_row(layers: Layers, what: str, help: str | None) -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        cnncalc.load(layers)
    assert (error.value.what, error.value.help) == (f"from: {what}", help)


def test_a_long_cycle_is_cut_in_the_middle() -> None:
    layers = named(first="last") + [{"op": "relu"}] * 50 + named(last=None)
    with pytest.raises(cnncalc.SpecError) as error:
        cnncalc.load(layers)
    wanted = "first -> relu1 -> relu2 -> relu3 -> relu4 -> relu5 -> (41 more) -> relu47"
    assert error.value.what.startswith(f"from: the layers read each other: {wanted}")


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Layers, Layers]:
    """Return layers in a valid order, each with its `from`, and the same in any order."""
    count = draw(st.integers(2, 7))
    layers: Layers = []
    for at in range(count):
        above = ["input", *[f"n{i}" for i in range(at)]]
        reads = draw(st.lists(st.sampled_from(above), min_size=1, max_size=3))
        layers += named(**{f"n{at}": reads if len(reads) > 1 else reads[0]})
    return layers, draw(st.permutations(layers))


@given(shuffled())
def test_following_the_advice_leads_to_an_order_that_works(case: tuple[Layers, Layers]) -> None:
    sorted_layers, layers = case
    for _ in range(len(layers) ** 2):
        try:
            network = cnncalc.load(layers)
            break
        except cnncalc.SpecError as error:
            layers = followed(layers, error.help or "")
    names = [node.name for node in network.nodes]
    wanted = {layer["name"]: layer["from"] for layer in sorted_layers}
    for node in network.nodes:
        reads = ["input" if at == INPUT else names[at] for at in node.reads]
        given = wanted[node.name]
        assert reads == ([given] if isinstance(given, str) else given)


def followed(layers: Layers, advice: str) -> Layers:
    """Return the layers changed as the help of an error says."""
    by_name = {layer["name"]: layer for layer in layers}
    moved = re.search(r"move '(\w+)' above '(\w+)'", advice)
    if moved is None:
        return [by_name[name] for name in advice.partition("possible order is ")[2].split(", ")]
    rest = [layer for layer in layers if layer["name"] != moved[1]]
    at = rest.index(by_name[moved[2]])
    return [*rest[:at], by_name[moved[1]], *rest[at:]]


# Shared weights, and blocks, whose names are their own.


def conv(name: str, **keys: Any) -> dict[str, Any]:
    return {"op": "conv", "name": name, "c_o": 4, "k": 3, **keys}


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        (
            [conv("a"), conv("b", tie="a")],
            "layers[1] 'b': tie: a has weight 4x3x3x3, bias 4, and this layer needs weight 4x4x3x3, bias 4\n"
            "  layers share weights only of the same shape: remove tie, or fix the layer before",
        ),
        (
            [conv("a", bias=False), {**conv("b", tie="a"), "from": "input"}],
            "layers[1] 'b': tie: a has weight 4x3x3x3, and this layer needs weight 4x3x3x3, bias 4\n"
            "  layers share weights only of the same shape: remove tie, or fix the layer before",
        ),
        (
            [
                {"op": "block", "name": "a", "layers": [conv("c")]},
                {"op": "block", "name": "b", "layers": [conv("c", c_o=5)], "tie": "a", "from": "input"},
            ],
            "layers[1] 'b': tie: a has 112 parameters, and this layer needs 140 parameters\n"
            "  layers share weights only of the same shape: remove tie, or fix the layer before",
        ),
        (
            [
                {"op": "block", "name": "a", "layers": [conv("c"), {"op": "relu"}]},
                {"op": "block", "name": "b", "layers": [{"op": "relu"}, conv("c")], "tie": "a", "from": "input"},
            ],
            "layers[1] 'b': tie: the layers of a are conv, relu, and those of this block relu, conv\n"
            "  blocks share weights only layer by layer: remove tie, or give both the same layers",
        ),
        (
            [
                {"op": "block", "name": "a", "layers": [conv("c", c_o=3), conv("d", k=1, c_o=3)]},
                {
                    "op": "block",
                    "name": "b",
                    "layers": [conv("c", k=1, c_o=3), conv("d", c_o=3)],
                    "tie": "a",
                    "from": "input",
                },
            ],
            "layers[1] 'b': tie: c has weight 3x3x3x3, bias 3, and this layer needs weight 3x3x1x1, bias 3\n"
            "  layers share weights only of the same shape: remove tie, or fix the layer before",
        ),
        (
            [
                {"op": "block", "name": "a", "layers": [{"op": "block", "layers": [conv("c", c_o=3, p="same")]}]},
                {
                    "op": "block",
                    "name": "b",
                    "layers": [{"op": "block", "layers": [conv("c", c_o=3, k=[1, 9], p="same")]}],
                    "tie": "a",
                },
            ],
            "layers[1] 'b': tie: c has weight 3x3x3x3, bias 3, and this layer needs weight 3x3x1x9, bias 3\n"
            "  layers share weights only of the same shape: remove tie, or fix the layer before",
        ),
        (
            [conv("a", tie="b"), conv("b")],
            "layers[0] 'a': tie: 'b' comes later\n  only the later of the two layers can have tie: move it there",
        ),
        (
            [
                conv("a"),
                {"op": "block", "name": "body", "layers": [{"op": "relu"}, {"op": "add", "from": ["relu1", "a"]}]},
            ],
            "layers[1].layers[1]: from: 'a' is not a layer\n"
            "  the layers of a block read only each other; their input is what the block reads",
        ),
        (
            [conv("a"), {"op": "block", "name": "body", "layers": [conv("b"), {"op": "add", "from": ["b", "input"]}]}],
            "layers[1].layers[1] 'body.add1': add of 4x5x7 and 4x7x9: 5 and 7 differ, and neither is 1\n"
            "  b gives 4x5x7, the input gives 4x7x9",
        ),
        (
            [{"op": "mul", "from": ["input", "input"]}, conv("a"), {"op": "mul", "from": ["a", "mul1"]}],
            "layers[2] 'mul2': mul of 4x7x9 and 3x9x11: 4 and 3 differ, and neither is 1\n"
            "  a gives 4x7x9, mul1 gives 3x9x11",
        ),
    ],
)
def test_what_does_not_go_together_says_where_it_comes_from(layers: Layers, wanted: str) -> None:
    with pytest.raises(cnncalc.CnncalcError) as error:
        cnncalc.shape(layers, (3, 9, 11))
    assert str(error.value) == wanted
    assert ("tie: " in wanted) == (error.value.key == "tie")


@pytest.mark.parametrize(("more", "end"), [(0, ""), (1, ", …")])
def test_the_layers_of_a_block_that_differ_are_named_up_to_a_number(more: int, end: str) -> None:
    ops = [["relu"] * (MOST_NAMED + more), [*["relu"] * (MOST_NAMED + more - 1), "tanh"]]
    blocks: Layers = [{"op": "block", "layers": [{"op": op} for op in own]} for own in ops]
    with pytest.raises(cnncalc.ShapeError) as error:
        cnncalc.shape([{**blocks[0], "name": "a"}, {**blocks[1], "tie": "a"}], (3, 9, 11))
    first, second = [", ".join(own[:MOST_NAMED]) for own in ops]
    assert error.value.what == f"tie: the layers of a are {first}{end}, and those of this block {second}{end}"


def test_an_error_inside_a_block_points_into_it() -> None:
    text = '[{"op": "relu"}, {"op": "block", "layers": [\n {"op": "conv", "c_o": 4,\n  "k": 12}]}]'
    ended = here(["shape", "-", "-i", "3x9x11"], text)
    assert ended.err.startswith("-:3:3: layers[1].layers[0] 'block1.conv1': does not fit")
    ended = here(["shape", "-", "-i", "3x9x11"], text.replace('"c_o"', '"co"'))
    assert ended.err.startswith("-:2:17: layers[1].layers[0]: conv has no key 'co'")


def test_several_outputs_and_paths_that_are_not_aligned_are_said() -> None:
    words = "conv:4,k2,name=a conv:4,k3,s2,name=b,from=input maxpool:k2,s2,from=a,name=c add:from=b+c"
    ended = here(["shape", "3x9x11", *words.split(), "conv:5,from=a,name=side"])
    assert "outputs side 5x8x10, add1 4x4x5\n" in ended.out
    assert "not aligned" not in ended.out
    words = "conv:3,k2,p0+1,name=a add:from=a+input relu conv:3,k2,p0+1,name=b add:from=b+relu1"
    ended = here(["shape", "3x9x11", *words.split()])
    assert "not aligned: paths with different strides or centres meet in add1\n" in ended.out
