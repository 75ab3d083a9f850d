"""Keras's operations on shapes: the shape of a tensor, and tensors reshaped, split and repeated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

from ...keras.read.config import Sizes
from ..methods import by_name
from .graph import SymbolicTensor, moved, operate
from .operations import function, sized, tensor_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator


@function("shape", "int_shape", "get_static_shape")
def _shape(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the shape of a tensor, with the batch as None."""
    x = args[0] if args else kwargs.get("x", kwargs.get("input"))
    return x.shape(node) if isinstance(x, SymbolicTensor) else evaluator.attribute(x, "shape", node)


@function("ndim", "rank")
def _rank(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the number of axes of a tensor, including the batch."""
    return len(_shape(evaluator, args, kwargs, node))


@function("reshape")
def _reshape(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a reshaped tensor; the first size is that of the batch."""
    given = by_name("x newshape", args, kwargs)
    x = tensor_of(given.get("x", given.get("tensor")))
    wanted = list(evaluator.items(given.get("newshape", given.get("shape")), node))
    if not all(one is None or type(one) is int for one in wanted) or not wanted:
        raise NotImplementedError
    batch = batch_of(wanted) if x.whole else x.batch
    if x.batch and wanted[0] not in (None, -1, *x.batch):
        if x.batch == (None,):
            raise evaluator.error(node, "a reshape that changes the batch is not supported")
        batch = ()
    return moved(evaluator, "reshape", x, [None if n == -1 else n for n in wanted[len(batch) :]], node, batch)


def batch_of(shape: Sequence[Any]) -> Sizes:
    """Return the batch in the shape of an array: (1,) for a first axis of size 1 before others, as for positions."""
    return (1,) if len(shape) > 2 and shape[0] == 1 else ()


@function("expand_dims")
def _expand(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with new axes of size 1; a first axis of an array is a batch."""
    given = by_name("x axis", args, kwargs)
    x, axis = tensor_of(given.get("x", given.get("input"))), given.get("axis", -1)
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    own = [*x.batch, *(x.sizes or ())]
    places, left = {_axis(one, len(own) + len(axes)) for one in axes}, iter(own)
    if x.batch and 0 in places:
        raise evaluator.error(node, "an axis before the batch is not supported")
    batch = (1,) if 0 in places else x.batch
    out = [1 if at in places else next(left) for at in range(len(own) + len(places))]
    return moved(evaluator, "expand_dims", x, out[len(batch) :], node, batch)


@function("squeeze")
def _squeeze(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor without axes of size 1."""
    given = by_name("x axis", args, kwargs)
    x, axis = tensor_of(given.get("x", given.get("input"))), given.get("axis")
    own = [*x.batch, *(x.sizes or ())]
    axes = [at for at, n in enumerate(own) if n == 1] if axis is None else [axis] if type(axis) is int else list(axis)
    gone = {_axis(one, len(own)) for one in axes}
    if 0 in gone and x.batch == (None,):
        raise evaluator.error(node, "a squeeze of the batch is not supported")
    batch = () if 0 in gone else x.batch
    return moved(evaluator, "squeeze", x, [n for at, n in enumerate(own) if at not in gone][len(batch) :], node, batch)


def _axis(axis: Any, rank: int) -> int:
    if type(axis) is not int or not -rank <= axis < rank:
        raise NotImplementedError
    return axis % rank


@function("batch_flatten", roots=("keras.backend",))
def _flatten(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with each sample flattened."""
    x = tensor_of(args[0])
    sizes = x.sizes or ()
    count = None if None in sizes else prod(n for n in sizes if n is not None)
    return moved(evaluator, "flatten", x, [count], node)


@function("split")
def _split(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parts of an axis, given their number or the indices to split at."""
    given = by_name("x indices_or_sections axis", args, kwargs)
    config = {"indices_or_sections": given.get("indices_or_sections"), "axis": given.get("axis", 0)}
    return operate(evaluator, "Split", [tensor_of(given.get("x"))], config, node)


@function("split", roots=("tensorflow",))
def _split_by_sizes(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parts of an axis, given their number or their sizes."""
    given = by_name("value num_or_size_splits axis", args, kwargs)
    parts = given.get("num_or_size_splits")
    if type(parts) is not int:
        parts = list(evaluator.items(parts, node))
        if not all(type(n) is int and n > 0 for n in parts):
            raise NotImplementedError
        parts = list(accumulate(parts))[:-1]
    config = {"indices_or_sections": parts, "axis": given.get("axis", 0)}
    return operate(evaluator, "Split", [tensor_of(given.get("value"))], config, node)


@function("repeat", "repeat_elements")
def _repeat(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with each unit of an axis repeated; an array of one sample already applies to every sample."""
    given = by_name("x repeats axis", args, kwargs)
    x = tensor_of(given.get("x", given.get("input")))
    times, own = given.get("repeats", given.get("rep")), [*x.batch, *(x.sizes or ())]
    at = _axis(given.get("axis"), len(own))
    if x.batch and at == 0:
        if x.batch == (1,) and times is None:
            return x
        raise evaluator.error(node, "a repeat of samples is not supported")
    return operate(evaluator, "Repeat", [x], {"repeats": times, "axis": at}, node)


@function("tile")
def _tile(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor repeated along its axes; an array of one sample already applies to every sample."""
    given = by_name("x repeats", args, kwargs)
    x = tensor_of(given.get("x", given.get("input")))
    times = list(evaluator.items(given.get("repeats", given.get("multiples")), node))
    if x.batch == (1,) and times[0] is None:
        times[0] = 1
    return operate(evaluator, "Tile", [x], {"repeats": [1] * x.whole + times}, node)


@function("broadcast_to")
def _broadcast(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a broadcast array; unchanged if only the batch is added, as it already applies to every sample."""
    given = by_name("x shape", args, kwargs)
    x, wanted = tensor_of(given.get("x", given.get("input"))), list(evaluator.items(given.get("shape"), node))
    if not wanted or not all(n is None or type(n) is int for n in wanted):
        raise NotImplementedError
    if list(x.sizes or ()) == wanted[1:]:
        return x
    out = wanted if x.whole and wanted[0] is not None else wanted[1:]
    return sized(evaluator, "BroadcastTo", x, tuple(out), node, shape=[None, *out])


@function("slice", roots=("keras.ops", "tensorflow"))
def _slice(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a part of a tensor, given its start and its size."""
    given = by_name("inputs start_indices shape", args, kwargs)
    x = tensor_of(given.get("inputs", given.get("input_")))
    begin, size = [
        evaluator.items(one, node)
        for one in (given.get("start_indices", given.get("begin")), given.get("shape", given.get("size")))
    ]
    ends = [None if n in (None, -1) else b + n for b, n in zip(begin, size, strict=True)]
    return x.item(evaluator, tuple([slice(b or None, e) for b, e in zip(begin, ends, strict=True)]), node)
