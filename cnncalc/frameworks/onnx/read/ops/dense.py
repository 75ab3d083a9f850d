"""Matrix products: Gemm, and MatMul with a constant, are linear layers (onnx/defs/math/defs.cc)."""

from __future__ import annotations

from collections.abc import Sequence

from .....registry import Registry
from .....sizes import Size
from ....values import BATCH, Handle, numbered
from ..broadcasting import Operand, join, meet, operands
from ..const import Const
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Gemm")
def gemm(b: GraphReader, node: GraphNode) -> None:
    """Read alpha*A*B + beta*C, where B is (in, out), or with transB (out, in), and C is a bias."""
    x, weight, bias = b.first(node), b.const(node.input(1)), b.const(node.input(2))
    if node.whole("transA") and x.axes is not None:
        x = b.permuted(f"{node.name}.A", x, [1, 0])
    if weight is None and node.input(1) in b.graph.inputs and node.input(1) not in b.values:
        weight = b.param(node, 1)
    if weight is None or len(weight.shape) != 2 or b.const(node.input(0)) is not None:
        _of_two(b, node, x)
        return
    weight = weight if node.whole("transB") else transposed(weight)
    out = weight.shape[0]
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    own = None if bias is None or beta == 0 else bias_of(bias, out)
    made = linear(b, node, x, times(weight, alpha), own and times(own, beta))
    if node.input(2) and beta != 0 and own is None:
        made = plus(b, node, made, beta)
    b.give(node, made)


def _of_two(b: GraphReader, node: GraphNode, x: Handle) -> None:
    """Read a Gemm of two values."""
    second = b.value(node.input(1))
    if node.whole("transB") and second.axes is not None:
        second = b.permuted(f"{node.name}.B", second, [1, 0])
    made = multiplied(b, node, x, second)
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    if alpha != 1:
        made = b.pointwise(f"{node.name}.alpha", "rescale", made, {"factor": alpha})
    b.give(node, plus(b, node, made, beta) if node.input(2) and beta != 0 else made)


def plus(b: GraphReader, node: GraphNode, made: Handle, beta: float) -> Handle:
    """Return a product plus beta*C."""
    const = b.const(node.input(2))
    if const is not None:
        return join(b, node, "add", [made, times(const, beta)])
    addend = b.value(node.input(2))
    if beta != 1:
        addend = b.pointwise(f"{node.name}.beta", "rescale", addend, {"factor": beta})
    return join(b, node, "add", [made, addend])


def bias_of(const: Const, out: int) -> Const | None:
    """Return C as one number per output; None if it has one per sample."""
    if const.shape == (out,):
        return const
    if const.size == out and const.shape[-1:] == (out,):
        return const.reshaped((out,))
    if const.size == 1:
        return const.derived((out,), lambda a: a.reshape(-1).repeat(out), f"{out} times")
    return None


def transposed(weight: Const) -> Const:
    """Return a matrix transposed."""
    return weight.derived(weight.shape[::-1], lambda a: a.T, "transposed [1, 0]")


def times(const: Const, factor: float) -> Const:
    """Return a constant times a number."""
    return const if factor == 1 else const.derived(const.shape, lambda a: a * a.dtype.type(factor), f"times {factor}")


def linear(b: GraphReader, node: GraphNode, x: Handle, weight: Const, bias: Const | None = None) -> Handle:
    """Return a value after a linear layer with a weight (out, in) on its last axis."""
    out, c_i = weight.shape
    if x.axes:
        x, _ = b.along(x, x.rank - 1)
        if x.axes is not None and x.axes[-1] != (len(x.shape) - 1,):
            raise OpaqueNode(known=False)
    apart = bias is not None and b.is_shared(node.input(1))
    keys = {"c_i": c_i, "out": out, "bias": bias is not None and not apart}
    made = b.add(node.name, "linear", x, keys, {"weight": weight, "bias": None if apart else bias})
    if apart:
        made = join(b, node, "add", [made, needed(bias)])
    return made


@HANDLERS.register("MatMul")
def matmul(b: GraphReader, node: GraphNode) -> None:
    """Read a product with a constant matrix as a linear layer, and of two values as a matmul (numpy.matmul)."""
    consts = [b.const(name) for name in node.inputs[:2]]
    if consts[1] is not None and len(consts[1].shape) == 2 and consts[0] is None:
        b.give(node, linear(b, node, b.first(node), transposed(consts[1])))
        return
    x, y = [b.value(name) if const is None else const for name, const in zip(node.inputs, consts, strict=False)]
    b.give(node, multiplied(b, node, x, y))


def multiplied(b: GraphReader, node: GraphNode, first: Operand, second: Operand) -> Handle:
    """Return the matrix product of two values by NumPy's rules: the last two axes are matrices, others broadcast."""
    x, y = [
        b.constant(b.name_of(node, one, at), one) if isinstance(one, Const) else one
        for at, one in enumerate((first, second))
    ]
    if not x.axes or not y.axes:
        raise OpaqueNode(known=False)
    x, _ = b.along(x, x.rank - 1)
    for at in range(max(y.rank - 2, 0), y.rank):
        y, _ = b.along(y, at)
    if x.rank > 1 and y.batch_at is not None:
        x = b.without_batch(x, x.rank - 2)
    if {x.batched, y.batched} == {True, False}:
        x, y = b.unfolded(x), b.unfolded(y)
    if x.rank > 1 and (x.rank > 2 or y.rank > 2):
        x = _with_row(b, node, x)
    tails = [min(2, x.rank), min(2, y.rank)]
    rows = x.sizes_at(x.rank - 2, BATCH) if x.rank > 1 else []
    met = meet(b, node, [x, y], tails)
    made = b.add(node.name, "matmul", met.reads)
    groups = [*met.groups, *([[n for n in rows if n != BATCH]] if x.rank > 1 else [])]
    columns: list[list[Size]] = [[y.shape[-1]]] if y.rank > 1 else []
    batch = (len(met.groups), rows.index(BATCH)) if BATCH in rows else met.batch
    return made.arranged(numbered([*groups, *columns], batch))._replace(batched=met.batched)


def _with_row(b: GraphReader, node: GraphNode, x: Handle) -> Handle:
    """Return a value whose second-to-last axis has an axis of the sample."""
    assert x.axes is not None
    at = x.rank - 2
    if [place for place in x.axes[at] if place != BATCH]:
        return x
    groups = [x.sizes_at(axis, BATCH) for axis in range(x.rank)]
    own = [[n for n in group if n != BATCH] for group in groups]
    own[at] = [1]
    sample = tuple([n for group in own for n in group])
    batch = x.batch_at
    where = None if batch is None else (batch, groups[batch].index(BATCH))
    return Handle(b.shaped(f"{node.name}.row", x, sample), sample, numbered(own, where), x.batched)


@HANDLERS.register("Einsum")
def einsum(b: GraphReader, node: GraphNode) -> None:
    """Read an einsum; the batch's letter is left out if all values and the result have it."""
    text = node.text("equation").replace(" ", "")
    terms = text.partition("->")[0].split(",")
    given = operands(b, node)
    twice = any(len(set(term)) < len(term) for term in terms)  # the diagonal
    if len(terms) != len(given) or "..." in text or "->" not in text or twice:
        raise OpaqueNode
    learned = any(isinstance(x, Handle) for x in given)
    xs = []
    for at, x in enumerate(given):
        weight = learned and isinstance(x, Const) and x.kind == "float" and (x.size > 1 or len(x.shape) > 1)
        xs.append(b.constant(node.input(at), x, weight=weight) if isinstance(x, Const) else x)
    if any(x.axes is None or x.rank != len(term) for x, term in zip(xs, terms, strict=True)):
        raise OpaqueNode
    out = text.partition("->")[2]
    letter = _batch_letter(xs, terms, out)
    if letter is None:
        xs = [b.unfolded(x) for x in xs]
    elif letter:
        xs = [_for_all_samples(b, x, term, letter) for x, term in zip(xs, terms, strict=True)]
    xs = [b.explicit(x) for x in xs]
    groups = [() if one == letter else (1,) for one in out]
    made = b.add(node.name, "einsum", xs, {"equation": text.replace(letter, "") if letter else text})
    batch = (out.index(letter), 0) if letter else None
    b.give(node, made.arranged(numbered(groups, batch)))


def _batch_letter(xs: Sequence[Handle], terms: Sequence[str], out: str) -> str | None:
    """Return the letter of the batch, or an empty text without a batch; None if it cannot be left out everywhere."""
    batched = [(x, term) for x, term in zip(xs, terms, strict=True) if x.batch_at is not None]
    letters = {term[x.batch_at or 0] for x, term in batched}
    if len({x.batched for x in xs} - {None}) > 1 or len(letters) > 1:
        return None
    letter = next(iter(letters), "")
    alone = all((x.axes or ())[x.batch_at or 0] == (BATCH,) for x, _ in batched)
    others = [(x, term.find(letter)) for x, term in zip(xs, terms, strict=True) if x.batch_at is None]
    own = any(at >= 0 and x.sizes_at(at, BATCH) not in ([], [1]) for x, at in others)
    return letter if not letter or (alone and not own and letter in out) else None


def _for_all_samples(b: GraphReader, x: Handle, term: str, letter: str) -> Handle:
    """Return a value that is the same for all samples without its batch axis of size 1."""
    if x.batch_at is not None or letter not in term:
        return x
    assert x.axes is not None
    at = term.index(letter)
    rest = [n for place in range(x.rank) if place != at for n in x.sizes_at(place, BATCH)]
    return b.reshaped(f"{x.layer.name}.sample", x, rest)
