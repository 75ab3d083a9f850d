"""What a unit sees, and which units see a pixel, against sets that are carried through the network one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import cnncalc
from cnncalc.fields import masks
from cnncalc.fields.graph import Graph
from cnncalc.fields.views import look_back, look_forth
from cnncalc.network import INPUT

from .draws import Draw, draw


def check(one: Draw) -> int:
    """Compare every unit of every layer, and every pixel, with the naive sets; return how many units were exact."""
    graph = Graph(cnncalc.shape(one.spec))
    h, w = one.spec["input"][1:]
    exact = 0
    for at, vertex in enumerate(graph):
        places = graph.space(at).places
        shape = graph.space(at).shape
        axes = tuple(axis for axis in range(3) if axis not in places)
        own = np.asarray(one.sets[vertex.name].any(axes))
        for unit in product(*map(range, shape)):  # type: ignore[arg-type]
            want = own[unit].reshape(h, w)
            view = look_back(graph, at, unit, INPUT) if shape else None
            if view is None:
                continue
            assert view.unknown is None, (vertex, view.unknown)
            got = np.zeros((h, w), bool)
            for row, column in masks.all_units(view.region(INPUT)):
                got[row, column] = True
            assert view.bound is None, (vertex.name, view.bound)
            assert (got == want).all(), (one.spec, vertex.name, unit, got.astype(int), want.astype(int))
            assert masks.count(view.region(INPUT)) == want.sum()
            if want.any():
                ends = [np.flatnonzero(want.any(1 - axis)) for axis in range(2)]
                assert view.clipped == tuple((int(e[0]), int(e[-1])) for e in ends)
                assert view.box is not None
                clips = zip(view.box, view.clipped or (), strict=True)
                assert all(b[0] <= c[0] and c[1] <= b[1] for b, c in clips) or _folds(one), (one.spec, vertex.name)
            else:
                assert view.clipped is None
            exact += 1
    for pixel in [(0, 0), (h - 1, w - 1), (h // 2, w // 3)]:
        spread = look_forth(graph, INPUT, pixel)
        for at, vertex in enumerate(graph):
            if at not in graph.behind(INPUT):
                continue
            places = graph.space(at).places
            axes = tuple(axis for axis in range(3) if axis not in places)
            seen = np.asarray(one.sets[vertex.name].any(axes))[..., pixel[0] * w + pixel[1]]
            got = np.zeros(seen.shape, bool)
            for unit in masks.all_units(spread.sets[at]):
                got[unit] = True
            assert (got == seen).all(), (one.spec, vertex.name, pixel)
    return exact


def _folds(one: Draw) -> bool:
    """Whether a padding or a roll shows units from elsewhere, which the box counts as padding."""
    return any(layer["op"] in ("pad", "roll", "tile", "gather") for layer in one.spec["layers"])


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    assert check(draw(seed)) > 0
