"""The kernels of products of several inputs: matmul, einsum, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from ...errors import ShapeError
from ...layers.product import Label, Subscripts, steps, subscripts
from ...sizes import LARGEST
from ..sums import extreme, sum_dtype
from ..task import Array, Dtype, Kernel, Task, Weights, accumulates, averages, wide


def _matmul(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    a, b = xs
    if a.ndim == 2:
        a, out = a[:, None, :], out[..., None, :] if b.ndim > 2 else out[:, None]
    if b.ndim == 2:
        b, out = b[:, :, None], out[..., None]
    multiply(_aligned(a, out.ndim), _aligned(b, out.ndim), out, task.scratch)


def _aligned(x: Array, ndim: int) -> Array:
    """Return a view with `ndim` axes, with axes of size 1 inserted after the batch."""
    return x.reshape(len(x), *(1,) * (ndim - x.ndim), *x.shape[1:])


def multiply(a: Array, b: Array, out: Array, scratch: int) -> None:
    """Fill `out` with the matrix products over the last two axes, with the others broadcast."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    kind = sum_dtype(a, b, None, out, k)
    if a.dtype == b.dtype == out.dtype == kind:
        np.matmul(a, b, out=out)
        return
    room = scratch // 2 // kind.itemsize
    if a.size + b.size + out.size <= room:
        np.copyto(out, np.matmul(a.astype(kind, copy=False), b.astype(kind, copy=False)), casting="unsafe")
        return
    a, b = (np.broadcast_to(x, (*out.shape[:-2], *x.shape[-2:])) for x in (a, b))
    columns = min(max(room // 2 // k, 1), n)
    rows = min(max(room // 2 // (k + columns), 1), m)
    for at in np.ndindex(*out.shape[:-2]):
        for j in range(0, n, columns):
            right = b[at][:, j : j + columns].astype(kind, copy=False)
            for i in range(0, m, rows):
                left = a[at][i : i + rows].astype(kind, copy=False)
                np.copyto(out[at][i : i + rows, j : j + columns], left @ right, casting="unsafe")


BATCH: Label = 0


def _einsum(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    labels = subscripts(task.values["equation"], [x.ndim - 1 for x in xs])
    sizes = {BATCH: len(out)}
    for x, operand in zip(xs, labels.operands, strict=True):
        for label, n in zip(operand, x.shape[1:], strict=True):
            sizes[label] = max(sizes.get(label, 1), n)
    kind = _product_dtype(xs, out, prod(n for one, n in sizes.items() if one not in (BATCH, *labels.out)))
    results = [prod(sizes[one] for one in step.all) for step in steps(labels)]
    held = sum(prod(sizes[one] for one in operand) for operand in labels.operands) + 2 * sum(results)
    several = task.scratch // 2 // kind.itemsize // held
    if len(xs) == 1 or not several:  # all at once, slower, but without working memory
        numbers = {label: number for number, label in enumerate(sizes)}
        given = [
            part
            for x, operand in zip(xs, labels.operands, strict=True)
            for part in (x, [numbers[one] for one in (BATCH, *operand)])
        ]
        np.einsum(*given, [numbers[one] for one in (BATCH, *labels.out)], out=out, dtype=kind, casting="unsafe")
        return
    for begin in range(0, len(out), several):
        some = slice(begin, begin + several)
        parts = [x[some] if len(x) == len(out) else x for x in xs]
        np.copyto(out[some], _contracted(parts, labels, sizes, kind), casting="unsafe")


def _product_dtype(xs: Sequence[Array], out: Array, terms: int) -> Dtype:
    """Return the dtype of sums of products. Raise ShapeError if integers may grow beyond int64."""
    kind = wide(out.dtype)
    if kind.kind in "iu" and (most := terms * prod(map(extreme, xs))) > LARGEST:
        raise ShapeError(f"sums of products of integers may reach {most:,}, beyond 2^63 - 1", "give them as float64")
    return kind


def _contracted(xs: Sequence[Array], labels: Subscripts, sizes: dict[Label, int], kind: Dtype) -> Array:
    """Return an einsum, computed by matrix products of two operands at a time."""
    done, own = xs[0], (BATCH, *labels.operands[0])
    for step, x, operand in zip(steps(labels), xs[1:], labels.operands[1:], strict=True):
        kept, every = {BATCH, *step.kept}, {BATCH, *step.all}
        a, mine = _summed(done, own, every, sizes, kind)
        b, theirs = _summed(x, (BATCH, *operand), every, sizes, kind)
        stacked = [one for one in mine if one in theirs and one in kept]
        inner = [one for one in mine if one in theirs and one not in kept]
        left = [one for one in mine if one not in theirs]
        right = [one for one in theirs if one not in mine]
        n = {
            one: max(a.shape[mine.index(one)] if one in mine else 1, b.shape[theirs.index(one)] if one in theirs else 1)
            for one in (*stacked, *inner, *left, *right)
        }
        a = _matrices(a, mine, (stacked, left, inner), n)
        b = _matrices(b, theirs, (stacked, inner, right), n)
        own = (*stacked, *left, *right)
        done = np.matmul(a, b).reshape([n[one] for one in own])
    return done.transpose([own.index(one) for one in (BATCH, *labels.out)])


def _summed(
    x: Array, own: Sequence[Label], every: set[Label], sizes: dict[Label, int], kind: Dtype
) -> tuple[Array, list[Label]]:
    """Return an operand summed over axes that nothing else needs, with repeated axes reduced to their diagonal."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(own))}
    kept = [label for label in numbers if label in every]
    return np.einsum(x.astype(kind, copy=False), [numbers[one] for one in own], [numbers[one] for one in kept]), kept


def _matrices(x: Array, own: Sequence[Label], groups: tuple[Sequence[Label], ...], sizes: dict[Label, int]) -> Array:
    """Return an array as a stack of matrices, with each group of axes merged into one axis."""
    order = [label for group in groups for label in group]
    x = np.broadcast_to(x.transpose([own.index(one) for one in order]), [sizes[one] for one in order])
    return x.reshape([prod(sizes[one] for one in group) for group in groups])


def _sources(xs: Sequence[Array]) -> list[Array]:
    """Return queries, keys, values, and the mask if there is one."""
    keys = xs[min(1, len(xs) - 1)]
    return [xs[0], keys, xs[2] if len(xs) > 2 else keys, *xs[3:]]


def _attention(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    q, k, v, *masks = [_aligned(x, out.ndim) for x in _sources(xs)]
    lead = out.shape[:-2]
    q, k, v = (np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (q, k, v))
    mask = np.broadcast_to(masks[0], (*lead, q.shape[-2], k.shape[-2])) if masks else None
    first = 0 if task.values["causal"] else None
    _attend(q, k, v, mask, out, task.values["scale"], first, task.scratch)


def _attend(
    q: Array, k: Array, v: Array, mask: Array | None, out: Array, scale: float, first: int | None, room: int
) -> None:
    """Fill `out` with attention, in parts that take at most `room` bytes of working memory.

    `first` is the position of the first query if each query sees only keys up to its own position.
    """
    rows, kind = q.shape[-2], wide(out.dtype)
    each = 3 * (k.shape[-2] + q.shape[-1] + v.shape[-1]) * kind.itemsize
    if prod(out.shape[:-1]) * each <= room:
        _attend_at_once(q, k, v, mask, out, scale, first)
    elif out.ndim > 2:
        for at in range(len(out)):
            _attend(q[at], k[at], v[at], None if mask is None else mask[at], out[at], scale, first, room)
    else:
        most = max(room // each, 1)
        for begin in range(0, rows, most):
            some = slice(begin, begin + most)
            part, begins = None if mask is None else mask[some], None if first is None else first + begin
            _attend_at_once(q[some], k, v, part, out[some], scale, begins)


def _attend_at_once(
    q: Array, k: Array, v: Array, mask: Array | None, out: Array, scale: float, first: int | None
) -> None:
    kind = wide(out.dtype)
    scores = np.matmul(q.astype(kind) * kind.type(scale), k.astype(kind, copy=False).swapaxes(-1, -2))
    if mask is not None:
        scores += mask
    if first is not None:
        rows, columns = scores.shape[-2:]
        scores[..., np.arange(columns) > np.arange(first, first + rows)[:, None]] = -np.inf
    most = scores.max(-1, keepdims=True)
    scores -= np.where(np.isneginf(most), 0, most)  # a query that sees no key gives 0, as in PyTorch
    np.exp(scores, out=scores)
    sums = scores.sum(-1, keepdims=True)
    scores /= np.where(sums == 0, 1, sums)
    np.copyto(out, np.matmul(scores, v.astype(kind, copy=False)), casting="unsafe")


def _multihead(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Project, attend and project back, for some samples at a time, or some heads of one sample."""
    v, kind, xs = task.values, wide(out.dtype), _sources(xs)
    heads, width, deep = v["heads"], v["key_dim"], v["value_dim"]
    rows, columns = xs[0].shape[-2], xs[1].shape[-2]
    each = prod(out.shape[1:-2]) * (rows * (width + 2 * deep) + columns * (width + deep)) * kind.itemsize
    room = task.scratch // 2
    at_once = min(max(room // each, 1), heads)
    several = min(max(room // (each * heads), 1), len(out))
    parts = {
        role: _by_head(role, array, v, task.channels_last).astype(kind, copy=False) for role, array in weights.items()
    }
    for begin in range(0, len(out), several):
        some = slice(begin, begin + several)
        total = np.zeros(out[some].shape, kind)
        for head in range(0, heads, at_once):
            these = slice(head, head + at_once)
            total += _heads([x[some] if len(x) == len(out) else x for x in xs], parts, these, out[some], task)
        if v["bias"]:
            total += parts["output_bias"]
        np.copyto(out[some], total, casting="unsafe")


def _by_head(role: str, array: Array, v: Mapping[str, int], last: bool) -> Array:
    """Return weights as (heads, in, out) and biases as (heads, 1, out); the output's bias is unchanged."""
    part, _, what = role.partition("_")
    heads = v["heads"]
    if what == "bias":
        return array if part == "output" else array.reshape(heads, 1, -1)
    if part == "output":
        return array if last else array.T.reshape(heads, v["value_dim"], -1)
    return array.swapaxes(0, 1) if last else array.reshape(heads, -1, array.shape[-1]).swapaxes(1, 2)


def _heads(xs: Sequence[Array], parts: Weights, these: slice, out: Array, task: Task) -> Array:
    """Return the sum of what these heads contribute to the output."""
    v, kind = task.values, wide(out.dtype)
    projected = []
    for part, x in zip(("query", "key", "value"), xs, strict=False):
        made = np.matmul(
            _aligned(x, out.ndim)[..., None, :, :].astype(kind, copy=False), parts[f"{part}_weight"][these]
        )
        if v["bias"]:
            made += parts[f"{part}_bias"][these]
        projected.append(made)
    query, key, value = projected
    lead = (*out.shape[:-2], query.shape[-3])
    query, key, value = (np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in projected)
    mask = None
    if len(xs) > 3:
        whole = np.broadcast_to(
            _aligned(xs[3], out.ndim + 1), (*out.shape[:-2], v["heads"], xs[0].shape[-2], xs[1].shape[-2])
        )
        mask = whole[..., these, :, :]
    seen = np.empty((*lead, xs[0].shape[-2], v["value_dim"]), kind)
    first = 0 if v["causal"] else None
    _attend(query, key, value, mask, seen, v["key_dim"] ** -0.5, first, task.scratch // 2)
    result: Array = np.matmul(seen, parts["output_weight"][these]).sum(-3)
    return result


KERNELS = {
    "matmul": Kernel(_matmul, accumulates),
    "einsum": Kernel(_einsum, accumulates),
    "attention": Kernel(_attention, averages),
    "multihead": Kernel(_multihead, averages),
}
