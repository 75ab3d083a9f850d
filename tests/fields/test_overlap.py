"""How often positions are read on the way to a unit, compared with counting unit by unit."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import prod

import pytest

import cnncalc
from cnncalc.fields import ReceptiveFields, masks
from cnncalc.fields.overlap import overlap

NETWORKS = [
    ("conv:4,k3,p1 maxpool:3,s2,p1 conv:4,k3,d2,p2", (1, 12, 11), (2, 3)),
    ("conv:2,k3,s2 convT:2,k4,s2,p1 conv:2,k2", (1, 9, 11), (3, 4)),
    ("conv:2,k3,p1,name=a conv:2,k5,p2 add:from=a+conv1 avgpool:2", (1, 8, 6), (1, 2)),
    (
        "conv:2,k1,name=a conv:2,k3,p1 conv:2,k3,p1,d2,from=a crop:p0x1+1,from=a concat:from=conv1+a conv:2,k2",
        (1, 8, 7),
        (3, 3),
    ),
    ("upsample:factor=2 conv:2,k3", (1, 5, 6), (4, 5)),
    ("conv:8,k3,p1 pixelshuffle:factor=2 conv:2,k3", (1, 5, 6), (4, 5)),
    ("conv:2,k3 permute:order=1x3x2 conv:2,k2", (1, 7, 6), (1, 2)),
    ("conv1d:2,k3,s2 conv1d:2,k3,d2", (1, 21), (3,)),
    ("adaptiveavgpool:3x4 conv:1,k2", (1, 7, 6), (1, 2)),
]


@pytest.mark.parametrize(("words", "sizes", "unit"), NETWORKS)
def test_overlap_is_what_counting_gives(words: str, sizes: tuple[int, ...], unit: tuple[int, ...]) -> None:
    fields = ReceptiveFields(cnncalc.shape(words, input=sizes))
    fields.look_back(unit)
    view = fields.view
    assert view is not None
    graph = view.graph
    for at in view.sets:
        wanted: Counter[tuple[int, ...]] = Counter()
        for reader in view.sets:
            for _, reads in graph.reads_of(reader, {at}) if reader > at else []:
                for one in masks.all_units(view.region(reader)):
                    seen = graph.places(at, reads.back(graph.everywhere(reader, one)))
                    wanted.update(masks.all_units(seen))
        counts = overlap(view, at)
        assert counts is not None
        shape = [size for size in graph.space(at).shape if isinstance(size, int)]
        for place in product(*map(range, shape)):
            found = sum(prod(axis[i] for axis, i in zip(one, place, strict=True)) for one in counts)
            assert found == wanted[place], (graph.name(at), place)
