"""Layers for which the closed form of a field is only an upper bound, and why they may see less."""

from __future__ import annotations

from ..sizes import known
from . import masks
from .graph import Graph
from .reads import Reads


def bounds(graph: Graph) -> list[str | None]:
    """Return for each layer why its field may be smaller than its closed form; None if it is exact.

    The closed form does not distinguish the channels of a place. So it is a bound after a layer that selects channels
    from a concatenation whose parts have different fields.
    """
    found: list[str | None] = []
    uneven: list[str | None] = []
    """For each layer, the concatenation that gives its channels different fields."""
    for at, vertex in enumerate(graph):
        layer = vertex.layer
        pairs = [(read, reads) for read, reads in zip(vertex.reads, graph.readings(at), strict=True) if reads.is_read]
        own = layer.node.layer.overstates
        bound = f"{vertex.name}: {own}" if own is not None and pairs else None
        apart = None
        for read, reads in pairs:
            bound = bound or (found[read] if read >= 0 else None)
            source = uneven[read] if read >= 0 else None
            if source is not None and takes_part(reads):
                bound = bound or f"{vertex.name} takes some channels of {source}, which do not all see the same pixels"
            if source is not None and not mixes(reads):
                apart = apart or source
        if len(pairs) > 1 and len({graph.fields(read).of for read, _ in pairs}) > 1:
            apart = apart or (vertex.name if any(stands_beside(reads) for _, reads in pairs) else None)
        found.append(bound)
        uneven.append(apart)
    return found


def takes_part(reads: Reads) -> bool:
    """Return whether the units of a layer, over all its channels, read only some of the input's channels."""
    for at in _channels(reads):
        relation, parts = reads.relations[at], reads.parts[at]
        own = {part: masks.full(part.size) if part.place not in reads.target.places else 1 for part in parts}
        if not reads.followed[at] or relation.back(reads.numbers(at, own)) != masks.full(relation.n or 0):
            return True
    return False


def mixes(reads: Reads) -> bool:
    """Return whether each unit reads all channels."""
    for at in _channels(reads):
        relation = reads.relations[at]
        if relation.n != 1 and (reads.parts[at] or relation.back(1) != masks.full(relation.n or 0)):
            return False
    return all(reads.followed)


def stands_beside(reads: Reads) -> bool:
    """Return whether some channels of a layer read nothing of this input, as in a concatenation."""
    for at in _channels(reads):
        if reads.followed[at] and len(reads.parts[at]) == 1:
            size = known(reads.target.sizes[reads.parts[at][0].place]) or 0
            if reads.relations[at].forth(masks.full(reads.relations[at].n or 0), size) != masks.full(size):
                return True
    return False


def _channels(reads: Reads) -> list[int]:
    """Return the axes of the input on which its units have no place."""
    return [at for at in range(len(reads.relations)) if at not in reads.source.places]
