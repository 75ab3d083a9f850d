"""What a unit sees, and which units see a pixel, compared with sets carried through the network one by one."""

from __future__ import annotations

import numpy as np
import pytest

import cnncalc
from cnncalc.field import PIXEL
from cnncalc.fields import masks, views
from cnncalc.fields.graph import Graph
from cnncalc.fields.views import look_back, look_forth
from cnncalc.network import INPUT
from cnncalc.sizes import known

from .draws import Draw, draw
from .naive import Sets


def check(one: Draw) -> int:
    """Compare every unit of every layer, and some pixels, with the naive sets; return how many units there were."""
    graph, number = Graph(cnncalc.shape(one.spec)), 0
    given: tuple[int, ...] = tuple(one.spec["input"])
    places = graph.space(INPUT).places
    lost = {at for one in graph.lost() for at in graph.after(one)}
    assert {graph.vertices[at].layer.op for at in graph.lost()} <= {"reshape"}, one.spec
    pixels = tuple(given[place] for place in places)
    for at, vertex in enumerate(graph):
        if not graph.space(at).places or at in lost:
            continue
        own = _places(one.sets[vertex.name], graph.space(at).places)
        for unit in np.ndindex(own.shape[:-1]):
            want = _places(own[unit].reshape(*given, 1), places)[..., 0]
            view = look_back(graph, at, unit, INPUT)
            got = np.zeros(pixels, bool)
            for pixel in masks.all_units(view.region(INPUT)):
                got[pixel] = True
            assert view.unknown is None
            assert view.bound is None
            assert (got == want).all(), (one.spec, vertex.name, unit, got.astype(int), want.astype(int))
            assert masks.count(view.region(INPUT)) == want.sum()
            assert view.clipped == _hull(want)
            if view.clipped is not None:
                clips = zip(view.box or (), view.clipped, strict=True)
                assert all(b[0] <= c[0] and c[1] <= b[1] for b, c in clips) or _folds(one), (one.spec, vertex.name)
            number += 1
    for pixel in [(0,) * len(pixels), tuple(n - 1 for n in pixels), tuple(n // 2 for n in pixels)]:
        seen = look_forth(graph, INPUT, pixel)
        for at, vertex in enumerate(graph):
            assert (at in seen.sets) == (at in graph.after(INPUT) - lost)
            if at in seen.sets:
                sets = np.moveaxis(_places(one.sets[vertex.name], graph.space(at).places), -1, 0)
                own = _places(sets.reshape(*given, -1), places)[pixel].reshape(sets.shape[1:])
                got = np.zeros(own.shape, bool)
                for unit in masks.all_units(seen.sets[at]):
                    got[unit] = True
                assert (got == own).all(), (one.spec, vertex.name, pixel)
    return number


def _places(sets: Sets, places: tuple[int, ...]) -> Sets:
    """Return the sets of positions, each with all of its channels."""
    return np.asarray(sets.any(tuple(axis for axis in range(sets.ndim - 1) if axis not in places)))


def _hull(want: Sets) -> tuple[tuple[int, int], ...] | None:
    """Return the first and the last pixel on each axis."""
    found = np.argwhere(want)
    return tuple((int(own.min()), int(own.max())) for own in found.T) if len(found) else None


def _folds(one: Draw) -> bool:
    """Return whether a padding or a roll shows units from elsewhere, which the box counts as padding."""
    return any(layer["op"] in ("pad", "roll", "tile", "gather") for layer in one.spec["layers"])


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    assert check(draw(seed)) > 0


@pytest.mark.parametrize(
    ("words", "unit", "place"),
    [
        # a kernel of 2 with a dilation of 2 reads slices 1 and 3, of 3 slices 0, 2 and 4, or 5 and 7
        ("1x9x10x11 conv3d:2,k2,d2,p1", (2, 3, 4), (1,)),
        ("1x9x10x11 conv3d:2,k3,d2,p2", (2, 3, 4), (2,)),
        ("1x9x10x11 conv3d:2,k3,d2,p2", (7, 3, 4), (5,)),
        ("1x10x11 conv:2,k2,d2,p1", (2, 3), ()),
    ],
)
def test_a_slice_that_is_drawn_has_units_that_are_seen(
    words: str, unit: tuple[int, ...], place: tuple[int, ...]
) -> None:
    region = look_back(Graph(cnncalc.shape(words)), 0, unit, INPUT).region(INPUT)
    assert masks.middle(region) == place


SPLIT = "2x40x41 conv:2,k5x3,p2x1,name=a conv:3,k1,from=input,name=b concat:a+b,name=c "
"""The channels of a concat; the first two reach two rows and a column further."""


@pytest.mark.parametrize(
    ("words", "box"),
    [
        # a window of 9 sees only what reaches one pixel, and 1 what reaches 5: not 9 of 5
        ("slice:axis=1,start=2 conv:3,k9,p4,name=d slice:axis=1,stop=2,from=c conv:3,name=e add:d+e", (9, 9)),
        ("slice:axis=1,start=2 relu conv:3,k3,p1,name=d slice:axis=1,stop=2,from=c conv:3,name=e add:d+e", (5, 3)),
        ("relu slice:axis=1,start=1 conv:3,k9,p4,name=d slice:axis=1,stop=1,from=c conv:3,name=e add:d+e", (13, 11)),
        ("conv:4,k3,p1,name=d slice:axis=1,stop=1 conv:4,k9,p4,name=e add:d+e", (15, 13)),
    ],
    ids=["wide", "narrow", "both", "all"],
)
def test_the_box_where_channels_reach_differently_far(words: str, box: tuple[int, int]) -> None:
    graph = Graph(cnncalc.shape(SPLIT + words))
    view = look_back(graph, len(graph.vertices) - 1, (20, 20), INPUT)
    assert view.box == view.clipped == tuple((20 - n // 2, 20 + n // 2) for n in box)


def test_the_box_is_unknown_where_too_many_channels_have_their_own() -> None:
    """Each of 30 channels has its own box through 140 layers."""
    words = [f"slice:axis=1,start={at},stop={at + 1},from=a conv:1,k{2 * at + 1},p{at}" for at in range(30)]
    network = (
        f"30x63x64 relu:times=140 relu:name=a {' '.join(words)} add:{'+'.join(f'conv{at + 1}' for at in range(30))}"
    )
    graph = Graph(cnncalc.shape(network))
    view = look_back(graph, len(graph.vertices) - 1, (31, 31), INPUT)
    assert (view.box, view.clipped, view.bound) == (None, ((2, 60), (2, 60)), None)
    assert look_back(graph, len(graph.vertices) - 1, (31, 31), 120).box == ((2, 60), (2, 60))


@pytest.mark.parametrize("network", ["vgg16", "resnet18", "unet", "inception_v3", "mobilenet_v2"])
@pytest.mark.parametrize("source", ["input", "a layer"])
def test_the_box_is_the_closed_form(network: str, source: str) -> None:
    """For units in the corners and in the middle, of every fifth layer, on the input and on a layer."""
    graph = Graph(cnncalc.shape(network))
    start = INPUT if source == "input" else 9
    fields, compared = graph.fields_from(start), 0
    for at in sorted(fields)[1::5]:
        shape = [known(size) or 0 for size in graph.space(at).shape]
        for unit in [[0] * len(shape), [n // 2 for n in shape], [n - 1 for n in shape]]:
            if len(shape) == 2:
                view = look_back(graph, at, unit, start)
                spans = [field.seen(u, u) for field, u in zip(fields[at].of, unit, strict=True)]
                assert view.box == tuple(spans), graph.name(at)
                compared += 1
    assert compared >= 15
    assert start == INPUT or fields[start].of == (PIXEL, PIXEL)
    if start == INPUT:
        assert {at: one.of for at, one in fields.items() if at != INPUT} == {
            at: graph.fields(at).of for at in range(len(graph.vertices))
        }


def test_a_region_of_too_many_parts_is_enclosed(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {
        "cnncalc": 1,
        "input": [1, 9, 8],
        "layers": [
            {"op": "relu"},
            {"op": "slice", "axis": 2, "start": 1, "stop": 4, "name": "up"},
            {"op": "slice", "axis": 3, "start": 5, "stop": 8, "name": "a"},
            {"op": "slice", "axis": 2, "start": 5, "stop": 8, "from": "relu1", "name": "down"},
            {"op": "slice", "axis": 3, "start": 0, "stop": 3, "name": "b"},
            {"op": "add", "from": ["a", "b"]},
        ],
    }
    graph = Graph(cnncalc.shape(spec))
    of = graph.last_with_space(2)
    assert of is not None
    exact = look_back(graph, of, (2, 1), INPUT)
    monkeypatch.setattr(views, "MOST_PARTS_FOLLOWED", 36)
    assert look_back(graph, of, (2, 1), INPUT).sets == exact.sets
    monkeypatch.setattr(views, "MOST_PARTS_FOLLOWED", 35)
    bounded = look_back(graph, of, (2, 1), INPUT)
    assert (masks.count(exact.region(INPUT)), exact.bound) == (2, None)
    assert (exact.clipped, exact.box) == (bounded.clipped, bounded.box) == (((3, 7), (1, 6)),) * 2
    assert masks.count(bounded.region(INPUT)) == 30
    assert bounded.bound == "relu1: the region has too many parts to follow each"
    assert len(bounded.sets[INPUT].certain) == 1
