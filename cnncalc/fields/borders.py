"""Border layers: layers with a window whose input already has a field as large as the image.

Such a window adds nothing to what its units see. Source: Richter et al. 2021, Should You Go Deeper? (arXiv 2106.12307).
"""

from __future__ import annotations

from ..errors import CnncalcError
from ..field import POOLED
from ..limits import MOST_OPENED
from ..network import INPUT
from ..report import LayerReport, Report
from ..sizes import Open, Shape
from ..trace import shape
from .graph import Graph

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVW"


def border(layer: LayerReport, sizes: Shape) -> tuple[bool | None, ...]:
    """Return for each axis of an image of these sizes whether this is a border layer; None if a size is unknown."""
    found: list[bool | None] = []
    for axis, n in enumerate(sizes):
        reads = _read(layer, axis)
        unknown = reads is not None and (reads < 0 or not isinstance(n, int))
        found.append(None if unknown else reads is not None and isinstance(n, int) and reads >= n)
    return tuple(found)


def least(graph: Graph) -> tuple[int | None, ...]:
    """Return the size of each axis of the input from which on every layer contributes and every window fits.

    None if the input's size decides how much a layer sees: after an adaptive pool, an upsampling to `out`, or a reshape
    to given sizes. Also None if the field of some layer is unknown, or if the network has more than `MOST_OPENED`
    layers.
    """
    found: list[int | None] = []
    axes = len(graph.space(INPUT).places)
    if graph.report.network.layer_count > MOST_OPENED:
        return (None,) * axes
    own, report = [vertex.layer for vertex in graph], _opened(graph)
    opened = [] if report is None else [vertex.layer for vertex in Graph(report)]
    for axis in range(axes):
        windows = {at for at, layer in enumerate(own) if _read(layer, axis) is not None}
        reads = {at: read for at, layer in enumerate(opened) if (read := _read(layer, axis)) is not None}
        lost = any(layer.rf and layer.traced.fields.of[axis].size is None for layer in own)
        decides = windows - reads.keys() or min(reads.values(), default=0) < 0
        adds = max(reads.values(), default=0) + 1
        found.append(None if lost or decides else max(adds, _works(report, LETTERS[axis])))
    return tuple(found)


def _opened(graph: Graph) -> Report | None:
    """Return the report for an input of open sizes, up to a layer that refuses them."""
    report, sample = graph.report, list(graph.report.sample)
    for letter, place in zip(LETTERS, graph.space(INPUT).places, strict=False):
        sample[place] = Open(letter)
    try:
        opened: Report | None = shape(report.network, tuple(sample))
    except CnncalcError as error:
        opened = error.report
    return opened


def _works(report: Report | None, letter: str) -> int:
    """Return the least number for a letter that satisfies the network's conditions."""
    numbers = None if report is None else report.holds.numbers.get(letter)
    return 1 if numbers is None else min([piece.least for piece in numbers.pieces()], default=1)


def _read(layer: LayerReport, axis: int) -> int | None:
    """Return the size of the field of a layer's input on an axis; -1 if it is not known.

    None if the layer has no window there: it works unit by unit, sees the whole map, or joins paths.
    """
    if layer.node.layer.JOINS or len(layer.reads_fields) != 1 or axis >= len(layer.traced.fields.of):
        return None
    fields, before = layer.traced.fields, layer.reads_fields[0]
    new, old = fields.of[axis], before.of[axis]
    if axis not in fields.axes or new.marks & POOLED or (new.size == old.size and old.size is not None):
        return None
    if old.size is None:
        return -1 if layer.node.layer.is_spatial else None
    return old.size
