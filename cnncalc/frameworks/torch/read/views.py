"""Views: tensors that share their values with a base, which changes when they are written to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class TensorView(NamedTuple):
    """A tensor that a function returned as a view of another."""

    whole: Any
    function: str
    args: tuple[Any, ...]
    """The function's other positional arguments."""
    kwargs: Mapping[str, Any]
    results: Sequence[Any]
    """All results of the call."""
    place: int
    """The index of the view among them."""


def shares(one: Any, other: Any) -> bool:
    """Return whether two tensors share memory."""
    try:
        return bool(one.untyped_storage()._cdata == other.untyped_storage()._cdata)  # noqa: SLF001 - an address of none
    except (AttributeError, NotImplementedError, RuntimeError):  # another kind of tensor
        return False


def scattered(view: TensorView) -> tuple[str, tuple[Any, ...], Mapping[str, Any]]:
    """Return the call that makes the new base from a view that was written to: the function and its arguments.

    If it is unknown which part of the base the view shows, it is a function without a rule.
    """
    whole, part = view.whole, view.results[view.place]
    if view.function in SWAPS:
        return view.function, (part, *view.args), view.kwargs
    if view.function in SAME_ORDER:
        return "reshape", (part, tuple(whole.shape)), {}
    if view.function == "permute":
        dims = view.kwargs.get("dims", view.args)
        dims = dims if isinstance(dims[0], int) else dims[0]
        order = [dim % len(dims) for dim in dims]
        return "permute", (part, [order.index(at) for at in range(len(order))]), {}
    if view.function in ("movedim", "moveaxis"):
        ends = {**dict(zip(("source", "destination"), view.args, strict=False)), **view.kwargs}
        return view.function, (part, ends["destination"], ends["source"]), {}
    if view.function in INDICES:
        index = INDICES[view.function](view, *view.args, **view.kwargs)
        return "setitem", (whole, index, part), {}
    return f"{view.function}_scatter", (whole, part), {}


SWAPS = frozenset(["transpose", "swapaxes", "swapdims", "t", "T", "mT", "adjoint", "H", "mH"])
"""Functions that are their own inverse."""
_RESHAPED = "view reshape flatten unflatten squeeze unsqueeze view_as reshape_as ravel detach alias data"
SAME_ORDER = frozenset(_RESHAPED.split())
"""Functions whose result has all values of the base in the same order."""


def _at(view: TensorView, dim: int, what: Any) -> tuple[Any, ...]:
    index: list[Any] = [slice(None)] * len(view.whole.shape)
    index[dim] = what
    return tuple(index)


def _item(view: TensorView, index: Any) -> Any:
    return index


def _unit(view: TensorView, dim: int, index: Any) -> tuple[Any, ...]:
    return _at(view, dim, index)


def _range(view: TensorView, dim: int, start: Any, length: int) -> tuple[Any, ...]:
    return _at(view, dim, slice(start, start + length))


def _part(view: TensorView, _sizes: Any = None, dim: int = 0, **_: Any) -> tuple[Any, ...]:
    start = sum(one.shape[dim] for one in view.results[: view.place])
    return _at(view, dim, slice(start, start + view.results[view.place].shape[dim]))


def _one_of(view: TensorView, dim: int = 0) -> tuple[Any, ...]:
    return _at(view, dim, view.place)


INDICES: dict[str, Callable[..., Any]] = {
    "getitem": _item,
    "select": _unit,
    "narrow": _range,
    "unbind": _one_of,
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split"), _part),
}
"""Functions that return the index of a view in its base, by the function that made the view."""
