"""Rules of means, sums, extremes and norms over axes."""

from __future__ import annotations

from math import inf, prod
from typing import Any

from .arithmetic import combine
from .calls import OpaqueCall
from .rules import TENSORS, Call, Rules, short, without
from .values import BATCH, Axes, BatchedTensor

RULES = Rules()

REDUCED = {"mean": "mean", "sum": "sum", "prod": "prod", "amax": "max", "amin": "min", "max": "max", "min": "min"}
REDUCED |= {"logsumexp": "logsumexp", "nanmean": "mean", "nansum": "sum"}
"""The op of each function that reduces axes."""
POOLS = {"mean": "globalavgpool", "max": "globalmaxpool"}
"""The op of a reduction over all of space."""


def reduced_axes(x: BatchedTensor, dims: list[int], keep: bool) -> Axes:
    """Return a value's axes once these are reduced."""
    return tuple([(1,) if at in dims else axis for at, axis in enumerate(x.axes) if keep or at not in dims])


def reduced(call: Call, op: str, x: BatchedTensor, dims: list[int], keep: bool, **keys: Any) -> BatchedTensor:
    """Return a value reduced over axes of PyTorch's. Raise BatchMixed if the batch is one of them."""
    if not dims:
        return x
    axes = [call.axis(x, dim) for dim in dims]
    space = x.batch_at == 0 and len(x.axes[0]) == 1 and dims == list(range(2, len(x.axes)))
    if op in POOLS and space and not keys:
        layer = call.layers.add(POOLS[op], [x.layer], without({"keepdims": keep}, keepdims=True))
    elif axes == list(range(1, len(x.sample) + 1)) and not keep and op != "mean":
        layer = call.layers.add(op, [x.layer], {"axis": axes, **keys})
    else:
        layer = call.layers.add(op, [x.layer], {"axis": axes, **without({"keepdims": keep}, keepdims=False), **keys})
    return x._replace(layer=layer, axes=reduced_axes(x, dims, keep))


def arguments(call: Call, x: BatchedTensor) -> tuple[list[int], bool]:
    """Return the axes that a call reduces, and whether they stay."""
    dim = call.get("dim", call.get("axis"))
    if dim is not None and not isinstance(dim, (int, list, tuple)):
        raise OpaqueCall
    call.given["dim"] = dim
    return call.dims(rank=len(x.axes)), bool(call.get("keepdim", call.get("keepdims", False)))


@RULES.rule("mean sum prod amax amin logsumexp nanmean nansum", "input dim keepdim")
def reduction(call: Call) -> BatchedTensor:
    """Read a mean, a sum, a product or an extreme over axes."""
    x = call.x
    return reduced(call, REDUCED[call.function], x, *arguments(call, x))


@RULES.rule("max min", "input dim keepdim")
def extreme(call: Call) -> BatchedTensor | list[BatchedTensor | None]:
    """Read an extreme over an axis, whose places are not known; over all, or of two operands."""
    other = call.get("other", call.get("dim"))
    op = REDUCED[call.function]
    if isinstance(other, TENSORS):
        return combine(call, op, call.operand(call.get("input")), call.operand(other))
    x = call.x
    value = reduced(call, op, x, *arguments(call, x))
    return [value, None] if len(call.call.outs) > 1 else value


@RULES.rule("std var std_mean var_mean", "input dim correction keepdim unbiased")
def variance(call: Call) -> list[BatchedTensor | None]:
    """Read a variance, or its root: the mean of squared distances from the mean; that may be a second result."""
    x = call.x
    given = call.get("correction")
    if isinstance(call.get("dim"), bool):  # std(unbiased)
        given, call.given["dim"] = int(call.get("dim")), None
    elif isinstance(given, bool) or isinstance(call.get("unbiased"), bool):
        given = int(call.get("unbiased", given))
    dims, keep = arguments(call, x)
    n = prod(size for dim in dims for size in x.axes[dim] if size != BATCH)
    correction = 1 if given is None else given
    if n <= correction:
        raise OpaqueCall
    mean = reduced(call, "mean", x, dims, keep=True)
    far = call.layers.add("square", [call.layers.add("sub", [x.layer, mean.layer])])
    value = reduced(call, "mean", x._replace(layer=far), dims, keep)
    layer = value.layer
    if correction:
        layer = call.layers.add("rescale", [layer], {"factor": n / (n - correction)})
    if call.function.startswith("std"):
        layer = call.layers.add("sqrt", [layer])
    spread = value._replace(layer=layer)
    return [spread, reduced(call, "mean", x, dims, keep)] if call.is_used(1) else [spread]


@RULES.rule("norm", "input p dim keepdim")
def norm(call: Call) -> BatchedTensor:
    """Read a norm over axes."""
    return _norm(call, call.x, call.get("p", "fro"))


@RULES.rule("linalg_vector_norm vector_norm", "input ord dim keepdim")
def vector_norm(call: Call) -> BatchedTensor:
    """Read a norm over axes."""
    return _norm(call, call.x, call.get("ord", 2))


@RULES.rule("linalg_norm", "input ord dim keepdim")
def linalg_norm(call: Call) -> BatchedTensor:
    """Read a norm over one axis. Raise OpaqueCall for that of a matrix."""
    if call.get("ord") is not None and not isinstance(call.get("dim"), int):
        raise OpaqueCall
    return _norm(call, call.x, 2 if call.get("ord") is None else call.get("ord"))


def _norm(call: Call, x: BatchedTensor, order: Any) -> BatchedTensor:
    dims, keep = arguments(call, x)
    order = 2 if order in ("fro", None) else order
    if order in (1, 2):
        return reduced(call, f"l{int(order)}", x, dims, keep)
    if order in (inf, -inf):
        far = x._replace(layer=call.layers.add("abs", [x.layer]))
        return reduced(call, "max" if order > 0 else "min", far, dims, keep)
    if not isinstance(order, (int, float)) or order <= 0:
        raise OpaqueCall
    high = call.layers.add("pow", [call.layers.add("abs", [x.layer])], {"value": order})
    value = reduced(call, "sum", x._replace(layer=high), dims, keep)
    return value._replace(layer=call.layers.add("pow", [value.layer], {"value": 1 / order}))


@RULES.rule("normalize", "input p dim eps")
def normalize(call: Call) -> BatchedTensor:
    """Read values over their norm."""
    x, dim, order = call.x, call.get("dim", 1), call.get("p", 2.0)
    dims = list(dim) if isinstance(dim, (list, tuple)) else [dim]
    if order not in (1, 2) or not dims:
        raise OpaqueCall
    axes = [call.axis(x, one) for one in dims]
    keys = without({"axis": axes, "norm": short([order]), "eps": call.get("eps", 1e-12)}, norm=2)
    return x._replace(layer=call.layers.add("normalize", [x.layer], keys))


def _pair(call: Call) -> tuple[list[BatchedTensor], Axes]:
    """Return two values broadcast, and the axes of their result. Raise OpaqueCall for another number of axes."""
    first, second = call.value("x1"), call.value("x2")
    if len(first.axes) != len(second.axes):
        raise OpaqueCall
    values, _, _ = call.layers.meeting([first, second])
    return values, tuple([max(met) for met in zip(*[one.axes for one in values], strict=True)])


@RULES.rule("pairwise_distance", "x1 x2 p eps keepdim")
def distance(call: Call) -> BatchedTensor:
    """Read the norm of a difference along the last axis, a little added to each value of it."""
    values, axes = _pair(call)
    difference = call.layers.add("sub", [one.layer for one in values])
    layer = call.layers.add("rescale", [difference], {"offset": call.get("eps", 1e-6)})
    call.given["dim"] = -1
    return _norm(call, values[0]._replace(layer=layer, axes=axes), call.get("p", 2.0))


@RULES.rule("cosine_similarity", "x1 x2 dim eps")
def cosine(call: Call) -> BatchedTensor:
    """Read the cosine between two values along an axis."""
    values, axes = _pair(call)
    at, eps, normed = call.get("dim", 1) % len(axes), call.get("eps", 1e-8), []
    for one in values:
        axis, layer = call.axis(one, at), one.layer
        if one.axes[at] != axes[at]:  # its norm is that of the units repeated
            out = [axes[at][0] if place == axis else -1 for place in range(1, len(one.sample) + 1)]
            layer = call.layers.add("expand", [layer], {"out": out})
        normed.append(call.layers.add("normalize", [layer], {"axis": [axis], "eps": eps}))
    product = values[0]._replace(layer=call.layers.add("mul", normed), axes=axes)
    return reduced(call, "sum", product, [at], keep=False)


@RULES.rule("cumsum", "input dim")
def cumsum(call: Call) -> BatchedTensor:
    """Read running sums along an axis."""
    x = call.x
    axis = call.axis(x, call.get("dim", call.get("axis")))
    return x._replace(layer=call.layers.add("cumsum", [x.layer], {"axis": axis}))
