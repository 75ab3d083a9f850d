"""Broadcasting: operands are brought to common sample axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ....sizes import Size, product
from ...values import BATCH, Axes, Handle, numbered, plain
from .const import Const
from .made import OpaqueNode, batched_of
from .model import GraphNode
from .reader import GraphReader

Operand = Handle | Const
Parts = list[Size]
"""The sizes of the sample that one of the file's axes consists of, possibly with BATCH among them."""


class Meeting(NamedTuple):
    """Operands whose samples broadcast like NumPy arrays, and the axes of their result."""

    reads: list[Handle]
    groups: list[Parts]
    """The sizes of the result's sample for each of the file's axes."""
    batch: tuple[int, int] | None
    """The file's axis that contains the batch, and the batch's position in it."""
    batched: bool | None
    axes: Axes
    """The result's axes."""


class Plan(NamedTuple):
    """The sample that each operand must have, and the result's axes."""

    samples: list[Parts]
    groups: list[Parts]
    batch: tuple[int, int] | None
    axes: Axes
    fits: bool
    """Whether all operands can be read unchanged."""


def operands(b: GraphReader, node: GraphNode) -> list[Operand]:
    """Return a node's inputs, with constants left as constants."""
    found: list[Operand] = []
    for name in filter(None, node.inputs):
        const = b.const(name)
        found.append(b.value(name) if const is None else const)
    return found


def meet(b: GraphReader, node: GraphNode, given: Sequence[Operand], apart: Sequence[int] | None = None) -> Meeting:
    """Return operands broadcast. Raise OpaqueNode if a shape is unknown or they do not fit together.

    `apart` says how many last axes of each operand are not broadcast, such as those of matrices.
    """
    xs, tails = list(given), [0] * len(given) if apart is None else apart
    if any(isinstance(x, Handle) and x.axes is None for x in xs):
        raise OpaqueNode(None if apart else b.met(node))
    ends = _from_batch(xs, tails) if b.batch != 1 else []
    xs = [_once(b, x, tail, ends) if isinstance(x, Const) else x for x, tail in zip(xs, tails, strict=True)]
    kinds = {x.batched for x in xs if isinstance(x, Handle)}
    plan = _planned(b, xs, tails) if not {True, False} <= kinds else None
    if plan is None:
        xs = [b.unfolded(x) if isinstance(x, Handle) else x for x in xs]
        plan = _planned(b, xs, tails)
    if plan is None:
        raise OpaqueNode(None if apart else b.met(node))
    reads = [x for x in xs if isinstance(x, Handle)] if plan.fits else _reads(b, node, xs, tails, plan)
    return Meeting(reads, plan.groups, plan.batch, batched_of(reads), plan.axes)


def join(
    b: GraphReader, node: GraphNode, op: str, given: Sequence[Operand], keys: dict[str, Any] | None = None
) -> Handle:
    """Return the output of a layer for operands that broadcast."""
    met = meet(b, node, given)
    made = b.pointwise(node.name, op, met.reads, keys)
    made = made.arranged(met.axes)
    return made if made.batched is met.batched else made._replace(batched=met.batched)


def _from_batch(xs: Sequence[Operand], tails: Sequence[int]) -> list[int]:
    """Return the distinct numbers of broadcast axes from the batch on, over operands with a batch."""
    handles = [(x, tail) for x, tail in zip(xs, tails, strict=True) if isinstance(x, Handle)]
    return list(dict.fromkeys([x.rank - tail - x.batch_at for x, tail in handles if x.batch_at is not None]))


def _once(b: GraphReader, const: Const, tail: int, ends: Sequence[int]) -> Const:
    """Return a constant reduced to one sample if it is the same for all samples of a fixed batch."""
    at = next((at for end in ends if (at := len(const.shape) - tail - end) >= 0), None)
    return const if at is None else b.once(const, at)


def _planned(b: GraphReader, xs: Sequence[Operand], tails: Sequence[int]) -> Plan | None:
    """Return how operands broadcast axis by axis, computed once for these shapes and axes."""
    how = tuple([(x.shape, None if isinstance(x, Const) else x.axes, tail) for x, tail in zip(xs, tails, strict=True)])
    if how not in b.plans:
        b.plans[how] = _plan(b, xs, tails)
    found: Plan | None = b.plans[how]
    return found


def _plan(b: GraphReader, xs: Sequence[Operand], tails: Sequence[int]) -> Plan | None:
    """Return how operands broadcast axis by axis; None if the batch prevents it."""
    parts = [_parts(x) for x in xs]
    fronts = [one[: len(one) - tail] for one, tail in zip(parts, tails, strict=True)]
    rank = max(map(len, fronts))
    rows = [[*([[]] * (rank - len(front))), *front] for front in fronts]
    columns = [[row[at] for row in rows] for at in range(rank)]
    homes = [at for at, column in enumerate(columns) if any(BATCH in group for group in column)]
    if b.batch != 1 and (len(homes) > 1 or not all(_meet_batch(columns[at]) for at in homes)):
        return None
    groups = [_model(column) for column in columns]
    met = [[_as(model, _own(group)) for group in column] for model, column in zip(groups, columns, strict=True)]
    if any(None in column for column in met):
        return None
    samples = [[n for column in met for n in column[at] or []] for at in range(len(xs))]
    for sample, one, tail in zip(samples, parts, tails, strict=True):
        sample.extend(n for group in one[len(one) - tail :] for n in _own(group))
    batch = (homes[0], _place(columns[homes[0]], groups[homes[0]])) if homes else None
    wide, widths = sum(map(len, groups)), [_width(x, tail) for x, tail in zip(xs, tails, strict=True)]
    fits = max(len(x.shape) - width for x, width in zip(xs, widths, strict=True)) >= wide and all(
        isinstance(x, Handle) and _fits(x, sample, wide + width)
        for x, sample, width in zip(xs, samples, widths, strict=True)
    )
    return Plan(samples, groups, batch, numbered(groups, batch), fits)


def _place(column: Sequence[Parts], model: Parts) -> int:
    """Return the position of the batch among the result's sizes on its axis."""
    holder = next(group for group in column if BATCH in group)
    return holder.index(BATCH) if len(holder) == len(model) + 1 else 0


def _own(group: Parts) -> Parts:
    """Return the sizes of an axis without the batch."""
    return [n for n in group if n != BATCH]


def _meet_batch(column: Sequence[Parts]) -> bool:
    """Return whether operands can meet on an axis: batches are at one position in it, and the others have size 1."""
    places = {(group.index(BATCH), len(group)) for group in column if BATCH in group}
    return len(places) == 1 and all(BATCH in group or product(group) == 1 for group in column)


def _model(column: Sequence[Parts]) -> Parts:
    """Return the result's sizes on an axis: those of the operand with more than one unit and the most parts."""
    model = max(map(_own, column), key=lambda group: (product(group) != 1, len(group)))
    holder = next((group for group in column if BATCH in group), None)
    return _own(holder) if holder is not None and product(model) == 1 else model


def _as(model: Parts, group: Parts) -> Parts | None:
    """Return an operand's sizes on an axis, split like the result's; None if they do not broadcast."""
    if product(group) == 1:
        return [1] * len(model)
    if len(group) == len(model) and all(_meets(n, m) for n, m in zip(group, model, strict=True)):
        return group
    return model if product(group) == product(model) else None


def _width(x: Operand, tail: int) -> int:
    """Return how many of its sample's axes the last `tail` axes of an operand consist of."""
    return sum(len(_own(group)) for group in _parts(x)[-tail:]) if tail else 0


def _meets(n: Size, other: Size) -> bool:
    """Return whether two sizes broadcast."""
    return n == other or 1 in (n, other) or not (isinstance(n, int) and isinstance(other, int))


def _parts(x: Operand) -> list[Parts]:
    """Return the sizes that each axis of an operand consists of."""
    if isinstance(x, Const):
        return [[n] if n != 1 else [] for n in x.shape]
    return [x.sizes_at(at, BATCH) for at in range(x.rank)]


def _reads(b: GraphReader, node: GraphNode, xs: Sequence[Operand], tails: Sequence[int], plan: Plan) -> list[Handle]:
    """Return operands as layers with the samples they must have."""
    wide = sum(map(len, plan.groups))
    reads = []
    for at, (x, sample, tail) in enumerate(zip(xs, plan.samples, tails, strict=True)):
        reads.append(_read(b, node, x, sample, at, wide + _width(x, tail)))
    if max(len(x.shape) - _width(one, tail) for x, one, tail in zip(reads, xs, tails, strict=True)) < wide:
        reads[0] = _read(b, node, reads[0], plan.samples[0], 0, -1, whole=True)
    return reads


def _read(
    b: GraphReader, node: GraphNode, x: Operand, sample: Parts, at: int, most: int, *, whole: bool = False
) -> Handle:
    """Return an operand as a layer with this sample; leading sizes of 1 may be left out unless `whole`."""
    if isinstance(x, Const):
        sizes = [n for n in (sample if whole else stripped(sample)) if isinstance(n, int)]
        counts = node.op in ("Add", "Mul") and x.kind == "float" and x.size > 1
        weight = counts and any(b.completes(b.values[name].layer) for name in node.inputs if name in b.values)
        return b.constant(b.name_of(node, x, at), x, sizes, weight=weight)
    if _fits(x, sample, most):
        return x
    layer = b.shaped(f"{node.name}.{at + 1}", x, tuple(sample))
    return Handle(layer, tuple(sample), plain(len(sample)), x.batched)


def _fits(x: Handle, sample: Parts, most: int) -> bool:
    """Return whether an operand has this sample, up to leading sizes of 1 if it has at most `most` axes."""
    return stripped(x.shape) == stripped(sample) and (len(x.shape) <= most or len(x.shape) == len(sample))


def stripped(sizes: Sequence[Size]) -> tuple[Size, ...]:
    """Return sizes without leading ones."""
    at = next((at for at, n in enumerate(sizes) if n != 1), len(sizes))
    return tuple(sizes[at:])
