"""The paths to a layer, compared with networks that have only one of the paths."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest

import cnncalc
from cnncalc.errors import SpecError
from cnncalc.fields.graph import Graph
from cnncalc.fields.paths import MOST_KINDS, Paths, paths


def paths_of(spec: Any, of: str | None = None) -> Paths:
    graph = Graph(cnncalc.shape(spec))
    return paths(graph, len(graph.vertices) - 1 if of is None else graph.find(of))


BRANCHES: list[list[dict[str, Any]]] = [
    [{"op": "conv", "c_o": 4, "k": [3, 5], "p": [1, 2]}, {"op": "conv", "c_o": 4, "k": 4, "p": [[1, 2], [2, 1]]}],
    [{"op": "maxpool", "k": 3, "s": 1, "p": 1}],
    [],
    [{"op": "conv", "c_o": 4, "k": 3, "d": 2, "p": 2}],
]


def test_against_each_path_alone() -> None:
    """Three joins of all branches in a chain: 4*4*4 paths, each also a separate network."""
    stem = {"op": "conv", "c_o": 4, "k": 3, "p": 1, "s": 2}
    layers: list[dict[str, Any]] = [{**stem, "name": "j0"}]
    for stage in range(1, 4):
        ends = []
        for number, branch in enumerate(BRANCHES):
            before = f"j{stage - 1}"
            for at, layer in enumerate(branch):
                name = f"b{stage}{number}{at}"
                layers.append({**layer, "name": name, "from": before})
                before = name
            ends.append(before)
        layers.append({"op": "add", "from": ends, "name": f"j{stage}"})
    found = paths_of({"input": [3, 40, 48], "layers": layers})
    alone: Counter[Any] = Counter()
    for choice in product(BRANCHES, repeat=3):
        chain = [stem, *[layer for branch in choice for layer in branch]]
        alone[cnncalc.shape({"input": [3, 40, 48], "layers": chain}).rf] += 1
    assert {kind.fields: kind.number for kind in found.kinds} == alone
    assert found.number == 64
    assert found.aligned() == (False, False)
    assert found.apart() == ["centres 0, 1, 2 and 3, 3 apart", "centres -3, -2, -1 and 0, 3 apart"]
    assert paths_of({"input": [3, 40, 48], "layers": layers}, "j1").number == 4


@pytest.mark.parametrize(
    ("spec", "count", "sizes"),
    [("resnet50", 1 << 16, (203, 619)), ("vgg16", 1, (404, 404)), ("googlenet", 1 << 18, (251, 571))],
)
def test_all_paths_of_a_deep_network(spec: str, count: int, sizes: tuple[int, int]) -> None:
    found = paths_of(spec)
    assert found.number == count
    assert (found.kinds[0].fields[0].size, found.kinds[-1].fields[0].size) == sizes
    assert found.aligned() == (True, True)


def test_a_gate_is_left_out_as_joins_leave_it_out() -> None:
    words = "4x8x8 conv:4,k3,p1,name=a globalavgpool:keepdims=true conv:4,k1,name=g mul:from=a+g conv:4,k3"
    found = paths_of(words)
    assert [(kind.number, kind.is_global, kind.via) for kind in found.kinds] == [(1, False, ("a",)), (1, True, ("g",))]
    assert found.aligned() == (True, True)


@pytest.mark.parametrize(
    ("words", "count", "aligned"),
    [
        ("3x8x9 opaque:out=[4,5,6,7],name=a opaque:out=[4,6,5],from=input+a", 2, (None, None)),
        ("3x8x9 opaque:out=[4,6,5],name=a opaque:out=[4,6,5],from=input,name=b add:a+b", 2, (None, None)),
        ("3x8x9 constant:shape=[4],name=a opaque:out=[4,6,5],from=a+input", 1, (True, True)),
        ("3x8x9 constant:shape=[4],name=a opaque:from=input,name=b add:a+b", 1, (True, True)),
        ("3x8x9 constant:shape=[4],name=a opaque:out=[4,6,5],from=a", 0, ()),
    ],
)
def test_paths_of_which_nothing_is_known(words: str, count: int, aligned: tuple[bool | None, ...]) -> None:
    """A layer that reads a constant first still depends on the input."""
    found = paths_of(words)
    assert (found.number, found.aligned()) == (count, aligned)
    (*_, last) = cnncalc.shape(words).layers
    assert [field.size for field in last.traced.fields.of] == [None] * len(aligned)


def test_strides_that_differ() -> None:
    found = paths_of("4x16x16 conv:4,k1,s2,name=a crop:4,from=input,name=b add:a+b")
    assert found.apart() == ["strides 1 and 2", "strides 1 and 2"]


def test_centres_that_differ_by_phase() -> None:
    words = "3x16x16 conv:4,k3,s2,p1,name=a upsample:x2,name=b conv:4,k1,from=input,name=c concat:b+c"
    found = paths_of(words)
    assert found.aligned() == (False, False)
    assert found.apart()[0] == "centres up to 1 apart"


def test_too_many_fields_name_the_way_out() -> None:
    layers: list[dict[str, Any]] = [{"op": "conv", "c_o": 1, "k": 1, "name": "j0"}]
    for at in range(10):
        conv = {"op": "conv", "c_o": 1, "k": [3, 1], "d": [1 << at, 1], "p": [1 << at, 0], "from": f"j{at}"}
        layers += [{**conv, "name": f"c{at}"}, {"op": "add", "from": [f"j{at}", f"c{at}"], "name": f"j{at + 1}"}]
    with pytest.raises(SpecError, match="more than 512 different fields on the paths to j10") as caught:
        paths_of({"input": [1, 30, 8], "layers": layers})
    assert caught.value.help == "name a layer before it, such as --of c9"
    assert len(paths_of({"input": [1, 30, 8], "layers": layers}, "j9").kinds) == MOST_KINDS
