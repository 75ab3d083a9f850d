"""What orders a sample's values anew, or takes some of them (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from collections.abc import Iterable

from .....registry import Registry
from .....sizes import LARGEST, NOTHING_KNOWN, UNKNOWN, Open, Size, known, product
from ..const import Number
from ..fold import axes_of, broadcast, integers, numbers, slices_of
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, same_size, values_of
from .shuffle import recognised

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Reshape")
def reshape(b: GraphReader, node: GraphNode) -> None:
    """0 keeps a size, -1 is whatever is left; the batch has to stay in front."""
    x, full = b.known(node)
    const = b.const(node.input(1))
    wanted = node.ints("shape") if node.has("shape") else None if const is None else const.values
    if wanted is None:
        raise OpaqueNode(known=False)
    target = resolved(b, full, list(wanted), bool(node.whole("allowzero")))
    if not recognised(b, node, b.sample(target)):
        b.give(node, b.reshaped(node.name, x, target))


def resolved(b: GraphReader, full: tuple[Size, ...], wanted: list[Number], zeros: bool) -> list[Size]:
    """A reshape's target with its 0 and -1 worked out. OpaqueNode if they cannot be."""
    target: list[Size] = []
    for at, n in enumerate(wanted):
        kept = n == 0 and not zeros
        if isinstance(n, float) or (kept and at >= len(full)):
            raise OpaqueNode(known=False)
        target.append(full[at] if kept else n)
    if -1 not in target:
        return target
    place = target.index(-1)
    have, rest = _unshared(full, [n for at, n in enumerate(target) if at != place])
    if any(isinstance(n, Open) for n in rest):
        raise OpaqueNode(known=False)
    if b.batched and place == 0 and isinstance(b.batch, Open) and b.batch in have:
        have.remove(b.batch)
        if values_of(have) != values_of(rest):
            raise OpaqueNode(known=False)
        return [b.batch, *target[1:]]
    below = values_of(rest) or 0
    left = product(have) // below if below >= 1 else UNKNOWN
    return [left if n == -1 else n for n in target]


def _unshared(first: Iterable[Size], second: Iterable[Size]) -> tuple[list[Size], list[Size]]:
    """Two lists of sizes without those that stand in both, open ones too."""
    have, rest = list(first), list(second)
    for n in list(rest):
        if n in have and n != UNKNOWN:
            rest.remove(n)
            have.remove(n)
    return have, rest


@HANDLERS.register("Flatten")
def flatten(b: GraphReader, node: GraphNode) -> None:
    """The axes before `axis` as one, and those from it on."""
    x, full = b.known(node)
    axis = node.axis("axis", len(full), 1, end=True)
    if b.batched and axis == 1:
        b.give(node, b.add(node.name, "flatten", x))
        return
    front, rest = values_of(full[:axis]), values_of(full[axis:])
    if front is None or rest is None:
        raise OpaqueNode(known=False)
    b.give(node, b.reshaped(node.name, x, [front, rest]))


@HANDLERS.register("Squeeze")
def squeeze(b: GraphReader, node: GraphNode) -> None:
    """Without some axes of 1, or all of them."""
    x, full = b.known(node)
    axes = axes_of(node, b.given(node), len(full))
    if axes is None and node.input(1):
        raise OpaqueNode(known=False)
    axes = [at for at, n in enumerate(full) if n == 1] if axes is None else axes
    b.give(node, b.reshaped(node.name, x, [n for at, n in enumerate(full) if at not in axes]))


@HANDLERS.register("Unsqueeze")
def unsqueeze(b: GraphReader, node: GraphNode) -> None:
    """With new axes of 1."""
    x, full = b.known(node)
    given = b.given(node)
    count = integers(node, "axes", given, 1)
    if count is None:
        raise OpaqueNode(known=False)
    rank = len(full) + len(count)
    axes = axes_of(node, given, rank) or []
    if len(set(axes)) < len(axes) or any(not 0 <= a < rank for a in axes):
        raise node.wrong(f"axes {axes} of {rank}")
    rest = iter(full)
    b.give(node, b.reshaped(node.name, x, [1 if at in axes else next(rest) for at in range(rank)]))


@HANDLERS.register("Transpose")
def transpose(b: GraphReader, node: GraphNode) -> None:
    """The axes in another order; the batch has to stay in front."""
    x, full = b.known(node)
    perm = node.ints("perm")
    perm = list(range(len(full)))[::-1] if perm is None else perm
    if sorted(perm) != list(range(len(full))):
        raise node.wrong(f"perm is {perm}, and the input has {len(full)} axes")
    if b.batched and perm[0] != 0:
        raise OpaqueNode([full[p] for p in perm])
    order = perm[1:] if b.batched else [p + 1 for p in perm]
    b.make(node, "permute", x, {"order": order})


@HANDLERS.register("Slice")
def slices(b: GraphReader, node: GraphNode) -> None:
    """A slice layer for each axis of which something is left out."""
    x, full = b.known(node)
    parts = slices_of(node, b.given(node))
    if parts is None:
        raise OpaqueNode(known=False)
    cuts = []
    for axis, start, stop, step in parts:
        at = b.axis(axis, len(full))
        n = full[axis]
        if step < 1:
            raise OpaqueNode(known=False)
        if start == 0 and step == 1 and (stop >= LARGEST // 2**33 or (isinstance(n, int) and stop >= n)):
            continue
        if at == 0 or (isinstance(n, int) and not range(n)[start:stop:step]):
            raise OpaqueNode(known=False)
        cuts.append({"axis": at, "start": start, "stop": None if stop >= 2**31 - 1 else stop, "step": step})
    if not cuts:
        b.make(node, "identity", x)
        return
    for number, keys in enumerate(cuts, 1):
        last = number == len(cuts)
        x = b.add(node.name if last else f"{node.name}.{number}", "slice", x, keys)
    b.give(node, x)


@HANDLERS.register("Split")
def split(b: GraphReader, node: GraphNode) -> None:
    """A slice layer for each part that is read."""
    x, full = b.known(node)
    axis = node.whole("axis")
    at = b.axis(axis, len(full))
    parts = _parts(b, node, known(full[axis]))
    if at == 0 or parts is None or len(parts) != len(node.outputs):
        raise OpaqueNode(known=False)
    begin = 0
    for number, (out, size) in enumerate(zip(node.outputs, parts, strict=True), 1):
        if out and out in b.graph.uses:
            keys = {"axis": at, "start": begin, "stop": begin + size}
            b.values[out] = b.add(f"{node.name}.{number}", "slice", x, keys)
        begin += size


def _parts(b: GraphReader, node: GraphNode, n: int | None) -> list[int] | None:
    """The sizes of a split's parts; None if they are not constants."""
    if node.has("split") or node.input(1):
        return integers(node, "split", b.given(node), 1)
    count = len(node.outputs)
    if n is None or not count:
        return None
    each = -(-n // count)
    return [min(each, n - each * at) for at in range(count)]


@HANDLERS.register("Gather")
def gather(b: GraphReader, node: GraphNode) -> None:
    """Some units of an axis, by constant places next to each other: a slice; by one number, without its axis."""
    if len(node.inputs) < 2:
        raise node.wrong("needs two inputs")
    table, at = b.const(node.input(0)), b.const(node.input(1))
    places = at.shape if at is not None else b.full(b.value(node.input(1)))
    full = table.shape if table is not None else b.known(node)[1]
    axis = node.axis("axis", len(full))
    if places is None:
        raise OpaqueNode(known=False)
    out = [*full[:axis], *places, *full[axis + 1 :]]
    units, n = numbers(at), full[axis]
    ours = b.axis(axis, len(full))
    if table is not None or not units or not isinstance(n, int) or len(places) > 1 or ours == 0:
        raise OpaqueNode(out, params=table.size if table is not None and table.origin == "initialiser" else 0)
    units = [u + n if u < 0 else u for u in units]
    if units != list(range(units[0], units[0] + len(units))):
        raise OpaqueNode(out)
    keys = {"axis": ours, "start": units[0], "stop": units[0] + len(units)}
    if places:
        b.make(node, "slice", b.value(node.input(0)), keys)
        return
    b.give(node, b.reshaped(node.name, b.add(f"{node.name}.slice", "slice", b.value(node.input(0)), keys), out))


@HANDLERS.register("Concat")
def concat(b: GraphReader, node: GraphNode) -> None:
    """Layers one after another; constants among them as layers of their shape."""
    if not node.inputs:
        raise node.wrong("has no input")
    xs = [b.value(name) for name in node.inputs]
    if len(xs) == 1:
        b.make(node, "identity", xs)
        return
    full = next((f for f in map(b.full, xs) if f is not None), None)
    if full is None:
        raise OpaqueNode(known=False)
    at = b.axis(node.whole("axis", 1), len(full))
    if at == 0 or any(x.shape == NOTHING_KNOWN for x in xs):
        raise OpaqueNode(known=False)
    b.make(node, "concat", xs, {"axis": at})


@HANDLERS.register("Shape")
def shape(b: GraphReader, node: GraphNode) -> None:
    """The sizes of a value, a constant from here on."""
    _, full = b.known(node)
    start, end = node.whole("start"), node.whole("end", len(full))
    b.constants[node.outputs[0]] = b.shape_const(full[start:end])


@HANDLERS.register("Size")
def size(b: GraphReader, node: GraphNode) -> None:
    """How many values there are."""
    _, full = b.known(node)
    count = values_of(full)
    if count is None:
        raise OpaqueNode([])
    b.constants[node.outputs[0]] = b.shape_const([count])


@HANDLERS.register("Expand")
def expand(b: GraphReader, node: GraphNode) -> None:
    """Sizes of 1 repeated: only its shape is known, unless nothing changes."""
    x, full = b.known(node)
    const = b.const(node.input(1))
    values = None if const is None else const.values
    sizes = None if values is None else [n for n in values if not isinstance(n, float)]
    out = None if sizes is None else broadcast(full, sizes)
    if out is None:
        raise OpaqueNode(known=False)
    if len(out) != len(full) or not all(same_size(a, c) for a, c in zip(out, full, strict=True)):
        raise OpaqueNode(out)
    b.make(node, "identity", x)


@HANDLERS.register("Tile")
def tile(b: GraphReader, node: GraphNode) -> None:
    """Each axis repeated: only its shape is known."""
    _, full = b.known(node)
    times = numbers(b.const(node.input(1)))
    if times is None or len(times) != len(full):
        raise OpaqueNode(known=False)
    raise OpaqueNode([n * t for n, t in zip(full, times, strict=True)])
