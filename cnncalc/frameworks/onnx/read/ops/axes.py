"""Operators that order a sample's values anew, or take some of them (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .....registry import Registry
from .....sizes import LARGEST, NOTHING_KNOWN, UNKNOWN, Open, Size, known, product
from ..const import Number, of_values
from ..fold import broadcast, integers, numbers, slices_of, squeezed
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, needed, values_of
from .shuffle import recognised

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Reshape")
def reshape(b: GraphReader, node: GraphNode) -> None:
    """Read a target in which 0 keeps a size and -1 is whatever is left; the batch has to stay in front."""
    x, full = b.known(node)
    wanted: Sequence[Number] | None = node.ints("shape") if node.has("shape") else b.listed(node.input(1))
    target = resolved(b, full, needed(wanted), bool(node.whole("allowzero")))
    if not recognised(b, node, b.sample(target)):
        b.give(node, b.reshaped(node.name, x, target))


def resolved(b: GraphReader, full: tuple[Size, ...], wanted: Sequence[Number], zeros: bool) -> list[Size]:
    """Return a reshape's target with its 0 and -1 worked out. OpaqueNode if they cannot be."""
    target: list[Size] = []
    for at, n in enumerate(wanted):
        kept = n == 0 and not zeros
        if isinstance(n, float) or (kept and at >= len(full)):
            raise OpaqueNode(known=False)
        target.append(full[at] if kept else n)
    if -1 not in target:
        return target
    place = target.index(-1)
    others = [*target[:place], *target[place + 1 :]]
    shared = Counter(full) & Counter(others)  # sizes on both sides, open ones too
    del shared[UNKNOWN]
    have, rest = [list((Counter(sizes) - shared).elements()) for sizes in (full, others)]
    if any(isinstance(n, Open) for n in rest):
        raise OpaqueNode(known=False)
    if b.batched and place == 0 and isinstance(b.batch, Open) and b.batch in have:
        have.remove(b.batch)
        if values_of(have) != values_of(rest):
            raise OpaqueNode(known=False)
        return [b.batch, *others]
    below = values_of(rest) or 0
    left = product(have) // below if below >= 1 else UNKNOWN
    return [left if n == -1 else n for n in target]


@HANDLERS.register("Flatten")
def flatten(b: GraphReader, node: GraphNode) -> None:
    """Read two axes: those before `axis` as one, and those from it on."""
    x, full = b.known(node)
    axis = node.axis("axis", len(full), 1, end=True)
    if b.batched and axis == 1:
        b.give(node, b.add(node.name, "flatten", x))
        return
    sizes = [needed(values_of(part)) for part in (full[:axis], full[axis:])]
    b.give(node, b.reshaped(node.name, x, sizes))


@HANDLERS.register("Squeeze", "Unsqueeze")
def squeeze(b: GraphReader, node: GraphNode) -> None:
    """Read a shape without some axes of 1, or with new ones."""
    x, full = b.known(node)
    b.give(node, b.reshaped(node.name, x, needed(squeezed(node, b.given(node), full))))


@HANDLERS.register("Transpose")
def transpose(b: GraphReader, node: GraphNode) -> None:
    """Read the axes in another order; the batch has to stay in front."""
    x, full = b.known(node)
    perm = node.permutation(len(full))
    if b.batched and perm[0] != 0:
        raise OpaqueNode([full[p] for p in perm])
    b.make(node, "permute", x, {"order": perm[1:] if b.batched else [p + 1 for p in perm]})


@HANDLERS.register("Slice")
def slices(b: GraphReader, node: GraphNode) -> None:
    """Read a slice layer for each axis of which something is left out."""
    x, full = b.known(node)
    cuts = []
    for axis, start, stop, step in needed(slices_of(node, b.given(node))):
        at, n = b.axis(axis, len(full)), full[axis]
        if start == 0 and step == 1 and (stop >= LARGEST // 2**33 or (isinstance(n, int) and stop >= n)):
            continue
        if at == 0 or step == 0 or (isinstance(n, int) and not range(n)[start:stop:step]):
            raise OpaqueNode(known=False)
        far = abs(stop) >= 2**31 - 1 or (step < 0 and isinstance(n, int) and stop < -n)
        cuts.append({"axis": at, "start": max(start, -LARGEST), "stop": None if far else stop, "step": step})
    if not cuts:
        b.make(node, "identity", x)
        return
    for number, keys in enumerate(cuts, 1):
        last = number == len(cuts)
        x = b.add(node.name if last else f"{node.name}.{number}", "slice", x, keys)
    b.give(node, x)


@HANDLERS.register("Split")
def split(b: GraphReader, node: GraphNode) -> None:
    """Read a slice layer for each part that another node reads."""
    x, full = b.known(node)
    axis, count = node.whole("axis"), len(node.outputs)
    at = b.axis(axis, len(full))
    if node.has("split") or node.input(1):
        parts = needed(integers(node, "split", b.given(node), 1))
    else:
        n = needed(known(full[axis]))
        each = -(-n // max(count, 1))
        parts = [min(each, n - each * part) for part in range(count)]
    if at == 0 or not parts or len(parts) != count:
        raise OpaqueNode(known=False)
    begin = 0
    for number, (out, size) in enumerate(zip(node.outputs, parts, strict=True), 1):
        if out and out in b.graph.uses:
            keys = {"axis": at, "start": begin, "stop": begin + size}
            b.values[out] = b.add(f"{node.name}.{number}", "slice", x, keys)
        begin += size


@HANDLERS.register("Gather")
def gather(b: GraphReader, node: GraphNode) -> None:
    """Read units of an axis, by constant places next to each other, as a slice; by one number, without its axis."""
    if len(node.inputs) < 2:
        raise node.wrong("needs two inputs")
    table, at = b.const(node.input(0)), b.const(node.input(1))
    places = b.full_of(node.input(1))
    full = b.known(node)[1] if table is None else table.shape
    axis = node.axis("axis", len(full))
    out = [*full[:axis], *needed(places), *full[axis + 1 :]]
    units, n = numbers(at), full[axis]
    ours = b.axis(axis, len(full))
    if at is None or table is not None or not units or ours == 0:
        raise OpaqueNode(out, params=0 if table is None else table.params)
    x = b.first(node)
    begin = units[0] + n if units[0] < 0 and isinstance(n, int) else units[0]
    if len(at.shape) == 1 and isinstance(n, int) and [u % n for u in units] == list(range(begin, begin + len(units))):
        b.make(node, "slice", x, {"axis": ours, "start": begin, "stop": begin + len(units)})
        return
    b.make(node, "gather", x, {"axis": ours, "indices": nested(units, at.shape)})


def nested(units: Sequence[int], shape: Sequence[int]) -> Any:
    """Return numbers in the lists of a shape."""
    if not shape:
        return units[0]
    each = len(units) // shape[0]
    return [nested(units[at : at + each], shape[1:]) for at in range(0, len(units), each)]


@HANDLERS.register("Concat")
def concat(b: GraphReader, node: GraphNode) -> None:
    """Read layers one after another; constants among them as layers of their shape."""
    if not node.inputs:
        raise node.wrong("has no input")
    xs = [b.value(name) for name in node.inputs]
    if len(xs) == 1:
        b.make(node, "identity", xs)
        return
    full = needed(next(filter(None, map(b.full, xs)), None))
    at = b.axis(node.whole("axis", 1), len(full))
    if at == 0 or any(x.shape == NOTHING_KNOWN for x in xs):
        raise OpaqueNode(known=False)
    b.make(node, "concat", xs, {"axis": at})


@HANDLERS.register("Shape")
def shape(b: GraphReader, node: GraphNode) -> None:
    """Read the sizes of a value as a constant from here on."""
    _, full = b.known(node)
    start, end = node.whole("start"), node.whole("end", len(full))
    b.constants[node.outputs[0]] = of_values(full[start:end], "int")


@HANDLERS.register("Size")
def size(b: GraphReader, node: GraphNode) -> None:
    """Read the number of values as a constant from here on."""
    _, full = b.known(node)
    count = values_of(full)
    if count is None:
        raise OpaqueNode([])
    b.constants[node.outputs[0]] = of_values([count], "int")


@HANDLERS.register("Expand")
def expand(b: GraphReader, node: GraphNode) -> None:
    """Read sizes of 1 repeated, and new axes behind the batch."""
    x, full = b.known(node)
    sizes = [n for n in needed(b.listed(node.input(1))) if not isinstance(n, float)]
    out = needed(broadcast(full, sizes))
    sample = b.sample(out)
    if sample == NOTHING_KNOWN or len(out) != len(full):
        raise OpaqueNode(out)
    if sample == x.shape and UNKNOWN not in sample:
        b.make(node, "identity", x)
        return
    kept = [-1 if n == m and not isinstance(n, int) else n for n, m in zip(sample, x.shape, strict=True)]
    if not all(isinstance(n, int) for n in kept):
        raise OpaqueNode(out)
    b.make(node, "expand", x, {"out": kept})


@HANDLERS.register("Tile")
def tile(b: GraphReader, node: GraphNode) -> None:
    """Read each axis repeated; of the batch only its shape is known."""
    x, full = b.known(node)
    times = needed(numbers(b.const(node.input(1))))
    if len(times) != len(full):
        raise OpaqueNode(known=False)
    if (b.batched and times[0] != 1) or min(times) < 1:
        raise OpaqueNode([n * t for n, t in zip(full, times, strict=True)])
    b.make(node, "tile", x, {"repeats": times[1:] if b.batched else times})
