"""How the layers of a network read the sizes of its input: as the space of a channel, a sample, or a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from .layers import Layer
from .sizes import MOST_SIZES

if TYPE_CHECKING:
    from .layers.composite import ToBatch


class Reading(Enum):
    """The meaning of the sizes of an input."""

    SPACE = "the space of one channel"
    SAMPLE = "one sample: channels and space, or features"
    BATCH = "a batch, then one sample"

    def sample_axes(self, sizes: int) -> int:
        """Return the number of axes of a sample if `sizes` sizes are read in this way."""
        return sizes + 1 - list(Reading).index(self)


def readings(layers: Iterable[Layer], *, own: bool = False) -> dict[int, Reading]:
    """Return the reading of each number of sizes that these layers accept.

    number of sizes                 1        2        3        4        5
    a linear layer comes first      SAMPLE   BATCH    SAMPLE   BATCH
      or an embedding
    a layer over sequences first             SAMPLE   SAMPLE   BATCH
    no spatial layer                SAMPLE   SPACE    SAMPLE   BATCH
      the spec's own input (`own`)  SAMPLE   SAMPLE   SAMPLE   SAMPLE   SAMPLE
    first spatial layer 1-D         SPACE    SAMPLE   BATCH
    first spatial layer 2-D                  SPACE    SAMPLE   BATCH
    first spatial layer 3-D                           SPACE    SAMPLE   BATCH

    If `tobatch` comes before that layer, a sample also has the axes that it folds, in front, and must have channels.
    """
    layers = list(layers)
    rank = layers[0].rank() if layers else None
    if rank is None:
        rank = first_rank(layers)
    nd = 2 if rank is None else rank
    table = {nd: Reading.SPACE, nd + 1: Reading.SAMPLE, nd + 2: Reading.BATCH}
    if rank is None:
        layers = [one for one in unnested(layers) if not one.KEEPS_SHAPE or one.rank() is not None]  # others do not
        folds, later = folded(layers)
        if folds:
            return {size + folds: one for size, one in readings(later).items() if one is not Reading.SPACE}
        if own and not any(layer.is_spatial for layer in layers):
            table = dict.fromkeys(range(1, MOST_SIZES), Reading.SAMPLE)
        table[1] = Reading.SAMPLE
        first = shaping(layers)
        if first is not None and first.WORD in ("linear", "embedding"):
            table[2] = Reading.BATCH
        elif steps_first(layers):
            table[2] = Reading.SAMPLE
    return table


def shaping(layers: Iterable[Layer]) -> Layer | None:
    """Return the first layer that does more than change values in place."""
    return next((layer for layer in unnested(layers) if not layer.KEEPS_SHAPE), None)


def steps_first(layers: Iterable[Layer]) -> bool:
    """Return whether the input is a sequence (steps, then features) to the first layer that determines it."""
    first = shaping(layers)
    return first is not None and first.STEPS


def first_rank(layers: Iterable[Layer]) -> int | None:
    """Return the number of axes of the first spatial layer; None if none comes before the axes are remade."""
    for layer in unnested(layers):
        rank = layer.rank()
        if rank is not None or layer.MAKES_AXES:
            return rank
    return None


def folded(layers: Iterable[Layer]) -> tuple[int, list[Layer]]:
    """Return how many axes `tobatch` folds before the first spatial layer, and the layers after the fold.

    The number is 0 if other layers make the axes, or if no later layer is spatial.
    """
    rest = unnested(layers)
    for layer in rest:
        if layer.WORD == "tobatch":
            later, folding = list(rest), cast("ToBatch", layer)
            if first_rank(later) is not None:
                return folding.axes, later
            more, later = folded(later)
            return (folding.axes + more if more else 0), later
        if layer.rank() is not None or layer.MAKES_AXES:
            break
    return 0, []


def moved(layers: Iterable[Layer]) -> bool:
    """Return whether axes are remade or moved before the first spatial layer."""
    anew = False
    for layer in unnested(layers):
        if layer.is_spatial:
            return anew
        anew = anew or layer.MAKES_AXES or layer.MOVES_AXES
    return False


def unnested(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield the layers, those of each block in its place, at any depth."""
    around = [iter(layers)]
    while around:
        for layer in around[-1]:
            if layer.NESTS:
                nodes: Any = layer.given["layers"]
                around.append(node.layer for node in nodes)
                break
            yield layer
        else:
            around.pop()
