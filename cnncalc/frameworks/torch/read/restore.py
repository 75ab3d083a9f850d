"""Restore a module after it ran: its mode, attributes, caches and buffers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@contextmanager
def as_it_was(module: torch.nn.Module) -> Iterator[None]:
    """Restore every part of a module at the end: what it cached, counted or switched meanwhile is undone."""
    before = [copied(part.__dict__) for part in module.modules()]
    buffers = [(one, one._version, one.detach().clone()) for one in module.buffers()]  # noqa: SLF001
    try:
        yield
    finally:
        for then in before:
            put_back(then)
        for one, version, values in buffers:
            if one._version != version and one.device.type != "meta":  # noqa: SLF001
                one.detach().copy_(values)


class _Copy:
    """A container and its former contents."""

    __slots__ = ("inner", "own")

    def __init__(self, own: Any, inner: Any):
        self.own, self.inner = own, inner


CONTAINERS = (dict, OrderedDict, list, set)


def copied(value: Any, around: tuple[int, ...] = ()) -> Any:
    """Return a value with copies of the contents of its lists, dicts and sets; recursive containers are left out."""
    if type(value) not in CONTAINERS or id(value) in around:
        return value
    around = (*around, id(value))
    if isinstance(value, dict):
        return _Copy(value, {key: copied(one, around) for key, one in value.items()})
    return _Copy(value, set(value) if isinstance(value, set) else [copied(one, around) for one in value])


def put_back(then: Any) -> Any:
    """Return a value as it was when copied; containers are the same objects with their former contents."""
    if not isinstance(then, _Copy):
        return then
    own, inner = then.own, then.inner
    if isinstance(own, dict):
        items = {key: put_back(one) for key, one in inner.items()}
        if len(own) != len(items) or any(own.get(key) is not one for key, one in items.items()):
            own.clear()
            own.update(items)
    elif isinstance(own, list):
        own[:] = [put_back(one) for one in inner]
    elif own != inner:
        own.clear()
        own.update(inner)
    return own
