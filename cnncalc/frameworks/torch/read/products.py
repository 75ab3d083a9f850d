"""Rules for matrix products: linear layers, products of values, einsum; and for embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from string import ascii_letters
from typing import Any

from .arithmetic import combine, times
from .calls import BatchMixed, Constant, OpaqueCall
from .rules import Call, Rules, without
from .values import BATCH, Axis, BatchedTensor, Operand, with_batch

RULES = Rules()


def derived(array: Constant, shape: Sequence[int], see: Callable[[Any], Any]) -> Constant:
    """Return a constant that is part of another, or another form of it."""

    def read() -> Any:
        values = array.read()
        return None if values is None else see(values)

    return array._replace(shape=tuple(shape), read=read, name=None, key=(array.identity(), tuple(shape)))


@RULES.rule("linear", "input weight bias")
def linear(call: Call) -> BatchedTensor:
    """Read a linear layer on the last axis."""
    arrays = call.arrays("weight", "bias")
    if arrays["weight"].made is None:
        return linear_on(call, call.kept, arrays)
    weight = call.layers.permuted(call.value("weight"), (1, 0))  # itself a product, which counts
    product = multiplied(call, call.kept, weight)
    return combine(call, "add", product, arrays["bias"]) if "bias" in arrays else product


def linear_on(call: Call, x: BatchedTensor, arrays: dict[str, Constant]) -> BatchedTensor:
    """Return a value through a linear layer on its last axis."""
    if len(arrays["weight"].shape) != 2:
        raise OpaqueCall
    if call.axis(x, -1) < 1:
        x = call.layers.unfolded(x)
    keys = without({"out": arrays["weight"].shape[0], "bias": "bias" in arrays}, bias=True)
    layer = call.layers.add("linear", [x.layer], keys, arrays)
    return x._replace(layer=layer, axes=(*x.axes[:-1], (arrays["weight"].shape[0],)))


@RULES.rule("matmul bmm mm rmatmul imatmul mv dot", "input mat2")
def matmul(call: Call) -> BatchedTensor:
    """Read a matrix product."""
    first = call.operand(call.get("input"))
    second = call.operand(call.get("mat2", call.get("other", call.get("vec", call.get("tensor")))))
    if call.function == "rmatmul":
        first, second = second, first
    return multiplied(call, first, second)


def multiplied(call: Call, first: Operand, second: Operand) -> BatchedTensor:
    """Return a matrix product of two operands: a linear layer for a constant matrix, otherwise by NumPy's rules."""
    if isinstance(first, BatchedTensor) and isinstance(second, Constant) and len(second.shape) == 2:
        weight = derived(second, second.shape[::-1], lambda values: values.T)
        if BATCH not in first.axes[-1]:
            return linear_on(call, first, {"weight": weight})
    a, b = [call.layers.unfolded(one) if isinstance(one, BatchedTensor) else one for one in (first, second)]
    ranks = [
        len(one.axes) if isinstance(one, BatchedTensor) else len(one.shape)
        for one in (a, b)
        if not isinstance(one, (int, float))
    ]
    if len(ranks) < 2 or 0 in ranks:
        raise OpaqueCall
    rows = _at(a, -2) if ranks[0] > 1 else None
    columns = _at(b, -1) if ranks[1] > 1 else None
    if BATCH in (_at(a, -1) or ()) or BATCH in (_at(b, -2 if ranks[1] > 1 else -1) or ()):
        raise BatchMixed
    if (rows and BATCH in rows) or (columns and BATCH in columns):
        return _with_batch_in_rows(call, a, b, rows or (), columns or ())
    (a, b), back, axis = call.layers.meeting([a, b])
    layer = call.layers.add("matmul", [a.layer, b.layer])
    lead = max(*ranks, 2) - 2
    at = None if back is None else lead - (back - 2)
    return BatchedTensor(layer, with_batch(call.out, at, axis))


def _at(one: Operand, at: int) -> tuple[int, ...] | None:
    """Return one of an operand's axes."""
    return one.axes[at] if isinstance(one, BatchedTensor) else None


def _with_batch_in_rows(call: Call, a: Any, b: Any, rows: Axis, columns: Axis) -> BatchedTensor:
    """Return a product whose rows or columns are the batch: a sample has one of them, or as many as are folded."""
    in_rows = BATCH in rows
    held, other, at = (a, b, -2) if in_rows else (b, a, -1)
    axis = rows if in_rows else columns
    if (isinstance(other, BatchedTensor) and other.batch_at is not None) or len(axis) > 2:
        raise BatchMixed
    size = next((n for n in axis if n != BATCH), 1)
    place = at % len(held.axes)
    held = call.layers.reshaped(held, (*held.axes[:place], (size,), *held.axes[place + 1 :]))
    met = other if isinstance(other, BatchedTensor) else call.layers.constant(other)
    pair = [held, met] if in_rows else [met, held]
    layer = call.layers.add("matmul", [one.layer for one in pair])
    where = len(call.out) - 1 - (in_rows and len(met.axes) > 1)
    made = BatchedTensor(layer, with_batch(call.out, where, (size,)))
    return call.layers.reshaped(made, with_batch(call.out, where, axis))


@RULES.rule("addmm baddbmm addbmm addmv", "input mat1 mat2")
def addmm(call: Call) -> BatchedTensor:
    """Read a matrix product plus another value."""
    names = ("batch1", "batch2") if "batch1" in call.given else ("mat1", "mat2")
    if call.function == "addbmm":
        raise OpaqueCall
    product = multiplied(call, *[call.operand(call.get(name)) for name in names])
    product_ = times(call, product, call.get("alpha", 1))
    return combine(call, "add", times(call, call.operand(call.get("input")), call.get("beta", 1)), product_)


@RULES.rule("einsum", "equation operands")
def einsum(call: Call) -> BatchedTensor:
    """Read an einsum, with the batch left out of the equation."""
    equation = call.get("equation")
    if not isinstance(equation, str):
        raise OpaqueCall
    terms, out = _terms(equation)
    values = _operands(call)
    spelt = [_spelt(term, one) for term, one in zip(terms, values, strict=True)]
    held = {
        (labels[one.batch_at], one.axes[one.batch_at])
        for labels, one in zip(spelt, values, strict=True)
        if isinstance(one, BatchedTensor) and one.batch_at is not None
    }
    if len(held) > 1:
        raise BatchMixed
    out_labels = _labels(out, max((sum(map(str.isdigit, labels)) for labels in spelt), default=0))
    if not held:
        text = f"{','.join(terms)}->{out}"
        layer = call.layers.add("einsum", [_made(call, one).layer for one in values], {"equation": text})
        return BatchedTensor(layer, tuple([(n,) for n in call.out]))
    label, axis = held.pop()
    if label not in out_labels or len(axis) > 2:
        raise BatchMixed
    reads = [_without(call, one, labels, label, axis).layer for labels, one in zip(spelt, values, strict=True)]
    left_out = label if axis == (BATCH,) else ""
    text = _written([[c for c in labels if c != left_out] for labels in [*spelt, out_labels]], equation)
    layer = call.layers.add("einsum", reads, {"equation": text})
    return BatchedTensor(layer, with_batch(call.out, out_labels.index(label), axis))


def _terms(equation: str) -> tuple[list[str], str]:
    """Return the terms of an equation's inputs, and that of its output: by default the letters that occur once."""
    inputs, _, out = equation.replace(" ", "").partition("->")
    if "->" not in equation:
        letters = inputs.replace(",", "").replace(".", "")
        out = "..." * ("..." in inputs) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return inputs.split(","), out


def _operands(call: Call) -> list[Operand]:
    """Return the operands of an einsum, given one by one or as a list, with axes unfolded."""
    given = call.call.args[1:]
    listed = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
    values = [call.operand(one) for one in listed]
    return [call.layers.unfolded(one) if isinstance(one, BatchedTensor) else one for one in values]


def _written(terms: Sequence[Sequence[str]], used: str) -> str:
    """Return the equation of labels, those of the output last: digits become letters that `used` does not have."""
    unused = iter([c for c in ascii_letters if c not in used])
    names = {c: next(unused) if c.isdigit() else c for c in dict.fromkeys(chain(*terms))}
    *inputs, out = ["".join([names[c] for c in term]) for term in terms]
    return f"{','.join(inputs)}->{out}"


def _labels(term: str, width: int) -> list[str]:
    """Return the labels of a term's axes; those of `...` are digits, 0 for the last."""
    before, dots, after = term.partition("...")
    return [*before, *(map(str, range(width - 1, -1, -1)) if dots else []), *after]


def _spelt(term: str, one: Operand) -> list[str]:
    """Return the labels of an operand's axes."""
    rank = len(one.axes) if isinstance(one, BatchedTensor) else len(one.shape) if isinstance(one, Constant) else 0
    return _labels(term, rank - len(term.replace("...", "")))


def _made(call: Call, one: Operand) -> BatchedTensor:
    """Return an operand as a value."""
    if isinstance(one, BatchedTensor):
        return one
    return call.layers.constant(one) if isinstance(one, Constant) else call.layers.number(one)


def _without(call: Call, one: Operand, labels: list[str], label: str, axis: tuple[int, ...]) -> BatchedTensor:
    """Return an operand of an einsum without the batch on the axis of this label."""
    if label not in labels or (isinstance(one, BatchedTensor) and one.batch_at is not None):
        return _made(call, one)
    at = labels.index(label)
    if isinstance(one, Constant):
        return call.layers.constant(*call.layers.without_batch(one, at, axis))
    value = _made(call, one)
    if value.axes[at] != (1,):
        raise BatchMixed
    ones = tuple([n if n == BATCH else 1 for n in axis])
    return call.layers.reshaped(value, (*value.axes[:at], ones, *value.axes[at + 1 :]))


@RULES.rule("embedding", "input weight")
def embedding(call: Call) -> BatchedTensor:
    """Read the rows of a table by index."""
    x, arrays = call.kept, call.arrays("weight")
    rows, out = arrays["weight"].shape
    layer = call.layers.add("embedding", [x.layer], {"rows": rows, "out": out}, arrays)
    return x._replace(layer=layer, axes=(*x.axes, (out,)))
