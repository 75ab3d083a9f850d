"""The lanes of a picture: no two lines share one, and every line leads where it should."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.render import Selection
from cnncalc.render.pictures.lanes import Edge, Lanes, lay_out, picture_nodes
from cnncalc.zoo import names

GRAPHS = st.lists(st.sets(st.integers(0, 11), max_size=4), max_size=12).map(
    lambda rows: [sorted(source for source in own if source < at) for at, own in enumerate(rows)]
)
"""What each row of a small graph reads."""


def taken(layout: Lanes, edge: Edge) -> set[tuple[int, int]]:
    """Return the positions, by row and lane, of the vertical part of an edge; empty if it is not drawn."""
    return set() if edge.lane is None else {(row, edge.lane) for row in range(edge.source, edge.target + 1)}


def check(reads: list[list[int]], layout: Lanes) -> None:
    """Check that every edge occurs once, and that vertical lines never overlap with other sources' lines or nodes."""
    assert [(edge.source, edge.target) for edge in layout.edges] == [
        (source, target) for target, own in enumerate(reads) for source in own
    ]
    for one, other in combinations(layout.edges, 2):
        if one.source != other.source:
            shared = taken(layout, one) & taken(layout, other)
            ends = {(row, layout.lanes[row]) for edge in (one, other) for row in (edge.source, edge.target)}
            assert shared <= ends, (one, other)
    for edge in layout.edges:
        inner = taken(layout, edge) - {(row, edge.lane) for row in (edge.source, edge.target)}
        assert not inner & set(enumerate(layout.lanes)), edge


@given(GRAPHS)
def test_lines_do_not_meet_but_at_their_ends(reads: list[list[int]]) -> None:
    layout = lay_out(reads)
    check(reads, layout)
    assert all(edge.lane is not None for edge in layout.edges)


@given(GRAPHS, st.integers(2, 4))
def test_no_more_lanes_than_are_allowed(reads: list[list[int]], most: int) -> None:
    layout = lay_out(reads, most)
    check(reads, layout)
    assert layout.width <= most


def test_a_chain_is_one_lane() -> None:
    assert lay_out([[], [0], [1], [2]]) == Lanes((0, 0, 0, 0), (Edge(0, 1, 0), Edge(1, 2, 0), Edge(2, 3, 0)))


def test_a_skip_has_a_lane_beside_its_chain() -> None:
    layout = lay_out([[], [0], [1], [2, 0]])
    assert layout.lanes == (0, 0, 0, 0)
    assert layout.edges[-1] == Edge(0, 3, 1)


def test_the_longer_of_two_skips_is_farther_out() -> None:
    layout = lay_out([[], [0], [1], [2], [3, 1], [4, 0]])
    assert {(edge.source, edge.lane) for edge in layout.edges if edge.lane} == {(1, 1), (0, 2)}


def test_branches_stand_in_the_order_of_their_layers() -> None:
    assert lay_out([[], [0], [0], [0], [1, 2, 3]]).lanes == (0, 0, 1, 2, 0)


@pytest.mark.parametrize("name", names())
def test_a_built_in_network_needs_few_lanes(name: str) -> None:
    rows = picture_nodes(cnncalc.shape(name), Selection())
    layout = lay_out([row.reads for row in rows])
    check([list(row.reads) for row in rows], layout)
    assert layout.width <= 11, name
    assert [row.name for row in rows] == ["input", *[layer.name for layer in cnncalc.shape(name)]]


def test_an_opened_block_is_wired_through_its_layers() -> None:
    inner = [{"op": "conv", "c_o": 3, "k": 1}, {"op": "add", "name": "sum", "from": ["input", "conv1"]}]
    spec = {
        "input": [3, 5, 6],
        "layers": [
            {"op": "relu", "name": "r"},
            {"op": "block", "name": "b", "layers": inner},
            {"op": "tanh", "name": "t"},
        ],
    }
    rows = picture_nodes(cnncalc.shape(spec), Selection(depth=2))
    assert [(row.name, [rows[at].name for at in row.reads]) for row in rows] == [
        ("input", []),
        ("r", ["input"]),
        ("b.conv1", ["r"]),
        ("b.sum", ["r", "b.conv1"]),
        ("t", ["b.sum"]),
    ]


def test_folded_blocks_are_read_through_their_first() -> None:
    words = f"{'conv:3,k3,p1 relu ' * 3}flatten"
    rows = picture_nodes(cnncalc.shape(words, input=(3, 8, 8)), Selection(fold=True))
    assert [(row.name, row.times, row.reads) for row in rows] == [
        ("input", 1, ()),
        ("conv1", 3, (0,)),
        ("relu1", 3, (1,)),
        ("flatten1", 1, (2,)),
    ]
