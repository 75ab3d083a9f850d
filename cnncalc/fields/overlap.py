"""How often each place of a map is read on the way to one unit: by how many units of the layers that read it."""

from __future__ import annotations

from collections.abc import Mapping

from ..sizes import known
from . import masks
from .reads import Reads
from .views import Sight

Counts = tuple[tuple[int, ...], ...]
"""For each axis, how often each of its places is read. For a place of the map, the numbers of its axes multiply."""
MOST_READ = 1 << 16
"""The most reads on an axis that are counted."""


def overlap(sight: Sight, at: int) -> list[Counts] | None:
    """Return terms whose sum is how often each place of a layer or the input is read on the way to a unit.

    None if it is unknown or not counted.
    """
    graph, found = sight.graph, list[Counts]()
    for reader in sight.sets:
        if reader <= at:
            continue
        for _, reads in graph.reads_of(reader, {at}):
            if not reads.is_known:
                return None
            for one in masks.disjoint(sight.region(reader)):
                own = dict(zip(graph.space(reader).places, one, strict=True))
                counts = [_axis(reads, axis, own) for axis in reads.source.places]
                if None in counts:
                    return None
                found.append(tuple([axis for axis in counts if axis is not None]))
    return found


def _axis(reads: Reads, axis: int, own: Mapping[int, int]) -> tuple[int, ...] | None:
    """Return how often the places of an input axis are read by units in these sets, given by output axis."""
    relation, parts = reads.relations[axis], reads.parts[axis]
    along = {part.place for part in parts}
    others = {part.place for place in reads.source.places if place != axis for part in reads.parts[place]}
    if len(along) > 1 or along & others:  # several axes decide a unit's place there
        return None
    units = masks.full(1)
    for place in along:
        units = own.get(place, masks.full(known(reads.target.sizes[place]) or 1))
    size = known(reads.source.sizes[axis]) or 1
    if size > MOST_READ or units.bit_count() > MOST_READ:
        return None
    counts, left = [0] * size, MOST_READ
    for unit in masks.units(units):
        number = sum([unit // part.inner % part.size * part.step for part in parts])
        for place in masks.units(relation.back(1 << number)):
            counts[place] += 1
            left -= 1
        if left < 0:
            return None
    return tuple(counts)
