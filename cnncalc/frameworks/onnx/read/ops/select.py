"""Operators that select some of the values (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

from .....registry import Registry
from .....sizes import UNKNOWN, known, show
from ....values import BATCH, Handle, numbered
from ..const import Const, numbers, of_values
from ..fold import integers, slices_of
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler

FAR = 2**31 - 1
"""The smallest number that exporters write for the end of an axis."""
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Slice")
def slices(b: GraphReader, node: GraphNode) -> None:
    """Read a slice layer for each axis that is cut or reversed."""
    x, full = b.known(node)
    cuts, parts = [], needed(slices_of(node, b.given(node)))
    for axis, start, stop, step in parts:
        if not -len(full) <= axis < len(full) or not step:
            raise node.wrong(f"axis {axis} of {len(full)}, step {step}")
        at, n = axis % len(full), full[axis]
        begin: int | None = None if step < 0 and start >= FAR else start
        end: int | None = None if stop >= FAR or stop <= -FAR else stop
        if isinstance(n, int):
            units = range(n)[slice(begin, end, step)]
            if units == range(n):
                continue
            if not units and len(parts) == 1 and all(isinstance(one, int) for one in full):
                none = [0 if one == at else n for one, n in enumerate(full) if isinstance(n, int)]
                b.constants[node.outputs[0]] = of_values([], b.kind(node.input(0)), none)
                return
            if not units:
                raise OpaqueNode(known=False)
            begin, end = units.start, units.stop if units.stop >= 0 else None
        elif step == 1 and begin in (None, 0) and end is None:
            continue
        cuts.append((at, {"start": begin, "stop": end, "step": step}))
    if not cuts:
        b.make_pointwise(node, "identity", x)
        return
    for number, (at, keys) in enumerate(cuts, 1):
        last = number == len(cuts)
        x, ours = b.along(x, at)
        x = b.add(node.name if last else f"{node.name}.{number}", "slice", x, {"axis": ours, **keys})
    b.give(node, x)


@HANDLERS.register("Split")
def split(b: GraphReader, node: GraphNode) -> None:
    """Read a slice layer for each part that another node reads."""
    x, full = b.known(node)
    at, count = node.axis("axis", len(full)), len(node.outputs)
    if node.has("split") or node.input(1):
        parts = needed(integers(node, "split", b.given(node), 1))
    else:
        n = needed(known(full[at]))
        each = -(-n // max(count, 1))
        parts = [min(each, n - each * part) for part in range(count)]
    if not parts or len(parts) != count or min(parts) < 1:
        raise OpaqueNode(known=False)
    x, ours = b.along(x, at)
    begin = 0
    for number, (out, size) in enumerate(zip(node.outputs, parts, strict=True), 1):
        if out and out in b.graph.uses:
            keys = {"axis": ours, "start": begin, "stop": begin + size}
            b.values[out] = b.add(f"{node.name}.{number}", "slice", x, keys)
        begin += size


@HANDLERS.register("Gather")
def gather(b: GraphReader, node: GraphNode) -> None:
    """Read units of an axis by constant indices; rows of a constant by a value's indices are an embedding."""
    table, at = b.const(node.input(0)), b.const(node.input(1))
    if table is not None and at is None:
        _embedding(b, node, table)
        return
    x, full = b.known(node)
    axis = node.axis("axis", len(full))
    out = [*full[:axis], *needed(b.full_of(node.input(1))), *full[axis + 1 :]]
    units = numbers(at)
    if at is None or not units:
        raise OpaqueNode(out)
    b.give(node, gathered(b, node.name, x, axis, units, at.shape))


def gathered(b: GraphReader, name: str, x: Handle, at: int, units: list[int], shape: tuple[int, ...]) -> Handle:
    """Return units of one of the file's axes, as a slice if they are adjacent; a single index removes the axis."""
    n = (x.full(b.batch) or ())[at]
    if x.axes is not None and BATCH in x.axes[at] and b.batch == 1 and not shape and set(units) <= {0, -1}:
        x = b.without_batch(x, at)
    if not shape and x.axes is not None and not x.axes[at]:
        return x._replace(axes=(*x.axes[:at], *x.axes[at + 1 :]))
    x, ours = b.along(x, at)
    if isinstance(n, int):
        units = [u % n if -n <= u < n else u for u in units]
    first, line = units[0], list(range(units[0], units[0] + len(units)))
    if len(shape) == 1 and units == line and first >= 0:
        return b.add(name, "slice", x, {"axis": ours, "start": first, "stop": first + len(units)})
    made = b.add(name, "gather", x, {"axis": ours, "indices": nested(units, shape)})
    groups = [x.sizes_at(place, BATCH) for place in range(x.rank)]
    batch = x.batch_at
    own = [[n for n in group if n != BATCH] for group in groups]
    own[at : at + 1] = [[n] for n in shape]
    where = None
    if batch is not None:
        where = (batch + (len(shape) - 1 if batch > at else 0), groups[batch].index(BATCH))
    return made.arranged(numbered(own, where))


def nested(units: list[int], shape: tuple[int, ...]) -> Any:
    """Return numbers as nested lists of this shape; a number for ()."""
    if not shape:
        return units[0]
    if len(shape) == 1:
        return units
    each = len(units) // shape[0]
    return [nested(units[at : at + each], shape[1:]) for at in range(0, len(units), each)]


def _embedding(b: GraphReader, node: GraphNode, table: Const) -> None:
    """Read the rows of a table by a value's indices."""
    x, places = b.value(node.input(1)), needed(b.full_of(node.input(1)))
    axis = node.axis("axis", len(table.shape))
    out = [*table.shape[:axis], *places, *table.shape[axis + 1 :]]
    if axis != 0 or len(table.shape) < 2 or x.axes is None:
        raise OpaqueNode(out, params=table.params)
    rows, *inner = table.shape
    width = table.size // max(rows, 1)
    keys = {"rows": rows, "out": width}
    made = b.add(
        node.name, "embedding", x, keys, {"weight": table if len(inner) == 1 else table.reshaped((rows, width))}
    )
    groups = [x.sizes_at(at, BATCH) for at in range(x.rank)]
    batch = x.batch_at
    own = [[n for n in group if n != BATCH] for group in groups]
    where = None if batch is None else (batch, groups[batch].index(BATCH))
    made = made.arranged(numbered([*own, [width]], where))
    b.give(node, made if len(inner) == 1 else b.reshaped(f"{node.name}.rows", made, out))


@HANDLERS.register("ArgMax", "ArgMin")
def arg(b: GraphReader, node: GraphNode) -> None:
    """Read an argmax or argmin, of which only the shape is known."""
    _, full = b.known(node)
    axis, keep = node.axis("axis", len(full)), node.whole("keepdims", 1)
    raise OpaqueNode([1 if at == axis else n for at, n in enumerate(full) if keep or at != axis])


@HANDLERS.register("TopK")
def top(b: GraphReader, node: GraphNode) -> None:
    """Read the largest values along an axis, of which only the shape is known."""
    _, full = b.known(node)
    axis, count = node.axis("axis", len(full), -1), numbers(b.const(node.input(1)))
    raise OpaqueNode([(count[0] if count else UNKNOWN) if at == axis else n for at, n in enumerate(full)])


@HANDLERS.register("GatherND")
def gather_nd(b: GraphReader, node: GraphNode) -> None:
    """Read units of the first axes, merged into one, by constant index rows."""
    x, full = b.known(node)
    places, own = needed(b.full_of(node.input(1))), b.const(node.input(1))
    count, skipped = needed(known(places[-1])) if places else 0, node.whole("batch_dims", 0)
    if not 0 < count <= len(full) - skipped:
        raise node.wrong(f"places of {count} numbers, and {len(full)} axes")
    out, units = [*places[:-1], *full[skipped + count :]], numbers(own)
    if own is None or not units or skipped:
        raise OpaqueNode(out)
    if count > 1:
        sizes, flat = [needed(known(n)) for n in full[:count]], []
        for at in range(0, len(units), count):
            row = list(zip(units[at : at + count], sizes, strict=True))
            if not all(-n <= unit < n for unit, n in row):
                raise node.wrong(f"the place {units[at : at + count]} of {show(sizes)}")
            flat.append(reduce(lambda place, one: place * one[1] + one[0] % one[1], row, 0))
        x, units = b.reshaped(f"{node.name}.flat", x, [prod(sizes), *full[count:]]), flat
    b.give(node, gathered(b, node.name, x, 0, units, own.shape[:-1]))


@HANDLERS.register("GatherElements")
def elements(b: GraphReader, node: GraphNode) -> None:
    """Read values at given places of an axis, of which only the shape is known."""
    raise OpaqueNode(b.full_of(node.input(1)))


@HANDLERS.register("NonZero")
def non_zero(b: GraphReader, node: GraphNode) -> None:
    """Read the places of values other than 0, a number for each axis; how many there are is unknown."""
    _, full = b.known(node)
    raise OpaqueNode([len(full), UNKNOWN])


@HANDLERS.register("OneHot", "Compress", "Unique", "NonMaxSuppression", "MaxUnpool")
def chosen(b: GraphReader, node: GraphNode) -> None:
    """Read values at computed places, of which only the shape that onnx infers is known."""
    raise OpaqueNode
