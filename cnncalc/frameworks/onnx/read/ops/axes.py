"""Operators that rearrange or repeat values (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from collections.abc import Sequence

from .....registry import Registry
from .....sizes import LARGEST, UNKNOWN, Open, Size, product
from ....values import BATCH, Handle, numbered, plain, ratio
from ..broadcasting import stripped
from ..const import Number, broadcast, numbers, of_tensor, of_values
from ..fold import squeezed
from ..made import OpaqueNode, needed, values_of
from ..model import GraphNode
from ..reader import GraphReader, Handler
from .shuffle import recognized

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Reshape")
def reshape(b: GraphReader, node: GraphNode) -> None:
    """Read a reshape to a target in which 0 keeps a size and -1 is inferred."""
    x, full = b.known(node)
    wanted: Sequence[Number] | None = node.ints("shape") if node.has("shape") else b.listed(node.input(1))
    asked = [n for n in needed(wanted) if not isinstance(n, float)]
    try:
        target = resolved(full, needed(wanted), bool(node.whole("allowzero")))
    except OpaqueNode:
        b.misfits.append((node.name, full, tuple(asked)))
        raise
    if not recognized(b, node, target):
        b.give(node, b.reshaped(node.name, x, target))


def resolved(full: tuple[Size, ...], wanted: Sequence[Number], zeros: bool) -> list[Size]:
    """Return a reshape's target with 0 and -1 resolved. Raise OpaqueNode if they cannot be."""
    target: list[Size] = []
    kept = [at for at, n in enumerate(wanted) if n == 0 and not zeros]
    for at, n in enumerate(wanted):
        if isinstance(n, float) or (at in kept and at >= len(full)):
            raise OpaqueNode(known=False)
        target.append(full[at] if at in kept else n)
    if -1 not in target:
        if ratio(full, target) not in (None, 1) and any(isinstance(n, Open) for n in target):
            raise OpaqueNode(known=False)  # the numbers of values differ for all open sizes
        return target
    place = target.index(-1)
    have = [n for at, n in enumerate(full) if at not in kept]
    others = [n for at, n in enumerate(target) if at not in kept and at != place]
    left = ratio(have, others)
    if left is None and not any(isinstance(n, Open) for n in (*have, *others)):
        raise OpaqueNode(known=False)
    return [(UNKNOWN if left is None else left) if n == -1 else n for n in target]


@HANDLERS.register("Flatten")
def flatten(b: GraphReader, node: GraphNode) -> None:
    """Read a flatten to two axes: those before `axis`, and those from it on."""
    x, full = b.known(node)
    axis = node.axis("axis", len(full), 1, end=True)
    b.give(node, b.reshaped(node.name, x, [product(full[:axis]), product(full[axis:])]))


@HANDLERS.register("Squeeze", "Unsqueeze")
def squeeze(b: GraphReader, node: GraphNode) -> None:
    """Read a shape without some axes of size 1, or with new ones; the batch is unchanged."""
    x, full = b.known(node)
    b.give(node, b.reshaped(node.name, x, needed(squeezed(node, b.given(node), full))))


@HANDLERS.register("Transpose")
def transpose(b: GraphReader, node: GraphNode) -> None:
    """Read a transpose, which is a layer only if it reorders the sample's own axes."""
    x, full = b.known(node)
    b.give(node, b.permuted(node.name, x, node.permutation(len(full))))


@HANDLERS.register("Concat")
def concat(b: GraphReader, node: GraphNode) -> None:
    """Read a concatenation, with constants as layers."""
    names = [name for name in node.inputs if 0 not in (b.constants[name].shape if name in b.constants else ())]
    if len(names) == 1:
        b.make_pointwise(node, "identity", b.value(names[0]))
        return
    xs = [b.value(name) for name in names if b.const(name) is None]
    batch = next((x.batch_at for x in xs if x.batch_at is not None), None)
    xs = [_value(b, name, batch) for name in names]
    if any(x.axes is None for x in xs):
        raise OpaqueNode(known=False)
    ranks = {x.rank for x in xs}
    if len(ranks) > 1:
        raise node.wrong(f"its inputs have {' and '.join(map(str, sorted(ranks)))} axes")
    at = node.axis("axis", xs[0].rank, 1)
    xs = beside(b, xs, at)
    x, axis = xs[0], len([place for group in (xs[0].axes or ())[:at] for place in group if place != BATCH]) + 1
    made = b.add(node.name, "concat", xs, {"axis": axis})
    b.give(node, made.arranged(x.axes))


def _value(b: GraphReader, name: str, batch: int | None) -> Handle:
    """Return a value; a constant that is the same for all samples of a fixed batch is reduced to one sample."""
    const = b.const(name)
    if const is None or batch is None or b.batch == 1 or batch >= len(const.shape):
        return b.value(name)
    return b.constant(name, b.once(const, batch))


def beside(b: GraphReader, xs: Sequence[Handle], at: int) -> list[Handle]:
    """Return values whose samples have the same axes, including the file's axis `at`."""
    batched = [x for x in xs if x.batched is not None]
    batch = (batched or xs)[0].batch_at
    if b.batch == 1 and batch == at:
        return [b.explicit(b.without_batch(x, at)) for x in xs]
    is_one_batch = len({x.batched for x in batched}) < 2 and all(x.batch_at == batch for x in batched)
    folded = _folded_alike(b, xs, at, batch) if is_one_batch and batch != at else None
    return [b.explicit(b.unfolded(x)) for x in xs] if folded is None else folded


def _folded_alike(b: GraphReader, xs: Sequence[Handle], at: int, batch: int | None) -> list[Handle] | None:
    """Return values with the batch on one axis of the file, and the same sample axes; None if they cannot have them."""
    constants = [x for x in xs if x.batched is None and x.batch_at is None]
    if batch is not None and any((x.full(b.batch) or ())[batch] != 1 for x in constants):
        return None
    done = [_repeated(b, x, batch) if x in constants and batch is not None else x for x in xs]
    if len(set(map(_layout, done))) > 1 or any(not (x.axes or ())[at] for x in done):
        done = [b.explicit(x) for x in done]
    return None if len(set(map(_layout, done))) > 1 else done


def _layout(x: Handle) -> tuple[tuple[int, ...], ...]:
    """Return how many sample axes each axis consists of, and the position of the batch among them."""
    return tuple([(len(group), *[at for at, place in enumerate(group) if place == BATCH]) for group in x.axes or ()])


def _repeated(b: GraphReader, x: Handle, batch: int) -> Handle:
    """Return a constant with the batch in place of an axis of size 1."""
    sizes = [x.sizes_at(at, BATCH) if at != batch else [] for at in range(x.rank)]
    sample = tuple([n for group in sizes for n in group])
    return Handle(b.shaped(f"{x.layer.name}.axes", x, sample), sample, numbered(sizes, (batch, 0)), None)


@HANDLERS.register("ConstantOfShape")
def constant_of_shape(b: GraphReader, node: GraphNode) -> None:
    """Read one number repeated to a shape of open sizes."""
    sizes = [n for n in needed(b.listed(node.input(0))) if not isinstance(n, float)]
    tensor = node.tensor("value")
    fill = of_values([0.0], "float", ()) if tensor is None else of_tensor(tensor, "constant", None)
    number = fill.scalar()
    if number is None or any(isinstance(n, int) and n < 1 for n in sizes):
        raise OpaqueNode(known=False)
    one = b.add(node.name, "constant", [], {"shape": [], "value": number})
    b.give(node, expanded(b, f"{node.name}.expanded", one, sizes))


@HANDLERS.register("Range")
def count(b: GraphReader, node: GraphNode) -> None:
    """Read the numbers up to an open size, of which only the shape is known."""
    first, end, step = [next(iter(needed(b.listed(name))), None) for name in node.inputs]
    if step != 1 or first is None or end is None or isinstance(first, float) or isinstance(end, float):
        raise OpaqueNode
    raise OpaqueNode([end - first])


@HANDLERS.register("Shape")
def shape(b: GraphReader, node: GraphNode) -> None:
    """Read the sizes of a value, which become a constant."""
    _, full = b.known(node)
    start, end = node.whole("start"), node.whole("end", len(full))
    b.constants[node.outputs[0]] = of_values(full[start:end], "int")


@HANDLERS.register("Size")
def size(b: GraphReader, node: GraphNode) -> None:
    """Read the number of values, which becomes a constant."""
    _, full = b.known(node)
    count = values_of(full)
    if count is None:
        raise OpaqueNode([])
    b.constants[node.outputs[0]] = of_values([count], "int", ())


@HANDLERS.register("Expand")
def expand(b: GraphReader, node: GraphNode) -> None:
    """Read an expand of axes of size 1."""
    x, full = b.known(node)
    sizes = [n for n in needed(b.listed(node.input(1))) if not isinstance(n, float)]
    out = needed(broadcast(full, sizes))
    b.give(node, expanded(b, node.name, x, out))


def expanded(b: GraphReader, name: str, x: Handle, out: Sequence[Size]) -> Handle:
    """Return a value with its axes of size 1 repeated to a shape of the file. Raise OpaqueNode if one is unknown."""
    if any(isinstance(n, int) and not 1 <= n <= LARGEST for n in out):
        raise OpaqueNode(known=False)
    rows: list[list[Size]] = [*([[]] * (len(out) - x.rank)), *[x.sizes_at(at, BATCH) for at in range(x.rank)]]
    batch = next((at for at, row in enumerate(rows) if BATCH in row), None)
    before: list[list[Size]] = []
    after: list[list[Size]] = []
    for at, (row, n) in enumerate(zip(rows, out, strict=True)):
        own = [one for one in row if one != BATCH]
        have = product([b.batch if one == BATCH else one for one in row])
        if have == n and n != UNKNOWN:
            before.append(own)
            after.append(own)
        elif have != 1:
            raise OpaqueNode(out)
        elif batch is None and x.batched is None and (folded := _folded_with_batch(b, n)) is not None:
            batch = at
            before.append([1] * len(folded))
            after.append(folded)
        else:
            before.append([1])
            after.append([n])
    where = None if batch is None else (batch, rows[batch].index(BATCH) if BATCH in rows[batch] else 0)
    old, new = [tuple([n for row in one for n in row]) for one in (before, after)]
    if any(not isinstance(n, int) and m == 1 for m, n in zip(old, new, strict=True)):
        raise OpaqueNode(out)
    if stripped(old) != stripped(x.shape) or len(x.shape) > len(old):
        x = Handle(b.shaped(f"{name}.axes", x, old), old, plain(len(old)), x.batched)
    if new != x.shape:
        made = b.add(name, "expand", x, {"out": [n if isinstance(n, int) else -1 for n in new]})
        x = made._replace(batched=x.batched)
    return Handle(x.layer, new, numbered(after, where), x.batched)


def _folded_with_batch(b: GraphReader, size: Size) -> list[Size] | None:
    """Return the sizes of an axis after the open batch that is folded into it; None if it has no batch."""
    if isinstance(size, int) or isinstance(b.batch, int) or b.batch.letter is None:
        return None
    more = size.at({b.batch.letter: 1})
    return None if size != more * b.batch else [more] if more != 1 else []


@HANDLERS.register("Tile")
def tile(b: GraphReader, node: GraphNode) -> None:
    """Read a tile; one that repeats only axes of size 1 can be done per sample."""
    x, full = b.known(node)
    times, listed = numbers(b.const(node.input(1))), b.listed(node.input(1))
    counts = [n for n in listed or [] if not isinstance(n, float)]
    if times is None and len(counts) == len(full) and all(1 in pair for pair in zip(counts, full, strict=True)):
        b.give(node, expanded(b, node.name, x, [t if n == 1 else n for t, n in zip(counts, full, strict=True)]))
        return
    times = needed(times)
    if len(times) != len(full) or any(t < 1 for t in times):
        raise OpaqueNode(known=False)
    if all(t == 1 for t in times):
        b.make_pointwise(node, "identity", x)
        return
    for at, t in enumerate(times):
        x = b.along(x, at)[0] if t != 1 else x
    assert x.axes is not None
    repeats = [t for t, group in zip(times, x.axes, strict=True) for place in group if place != BATCH]
    b.give(node, b.add(node.name, "tile", x, {"repeats": repeats}))
