"""Run a PyTorch module on inputs of given sizes, under each reading of the sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch

from ....errors import SpecError, shown
from ....sizes import show
from ... import ForeignNetwork
from . import FIRST
from .calls import Recording, Stopped
from .failure import stopped
from .readings import Attempt, chosen, named_inputs
from .record import record


def follow(module: Any, inputs: Mapping[str, Sequence[Any]], name: str | None, batch: int | None) -> ForeignNetwork:
    """Read a module's network for inputs without a batch, with `batch` put in front, or for inputs with a batch.

    Raise SpecError for any other object, and for a module that cannot be traced.
    """
    if not isinstance(module, torch.nn.Module):
        raise SpecError(
            (f"{shown(type(module).__name__)} is not a torch.nn.Module"), "give a module, for example resnet18()"
        )
    if isinstance(module, torch.jit.ScriptModule):
        raise SpecError("a scripted module cannot be traced", "give the module that it was made from")
    if any(map(torch.nn.parameter.is_lazy, [*module.parameters(), *module.buffers()])):
        help = "run it once on an input, to initialize them: module(torch.zeros(1, 3, 8, 8))"
        raise SpecError("the module is lazy, so its parameters have no sizes yet", help)
    for sizes in inputs.values():
        if not all(type(n) is int for n in sizes):
            raise SpecError(f"the input {show(tuple(sizes))} has open sizes, but PyTorch needs numbers", "as 3x224x224")
    given = by_argument(module, inputs)
    failures: list[Stopped] = []
    sizes = [n for array in [*module.parameters(), *module.buffers()] for n in array.shape]
    model = chosen(lambda one: recorded(module, one, failures), given, batch, sizes, name)
    if model is None:
        raise stopped(failures)
    return model


def by_argument(module: torch.nn.Module, inputs: Mapping[str, Sequence[Any]]) -> list[tuple[str, tuple[int, ...]]]:
    """Return the sizes of inputs by argument names of a module's `forward`, in order.

    A single input has no such name: it is the first argument. Raise SpecError for a name that is not an argument.
    """
    if list(inputs) == [FIRST]:
        return [(FIRST, tuple(inputs[FIRST]))]
    return named_inputs(list(signature(module.forward).parameters), inputs)


def recorded(module: Any, attempt: Attempt, failures: list[Stopped]) -> Recording | None:
    """Return the recording of a module under a reading of its inputs (integers if needed); None if it fails."""
    for whole in (False, True):
        try:
            return record(module, attempt.inputs, attempt.batch, whole=whole)
        except Stopped as error:
            failures.append(error)
            if whole or not wants_numbers(error):
                return None
    return None


def wants_numbers(error: Stopped) -> bool:
    """Return whether a module failed because it needs integers, as an embedding does."""
    return any(word in str(error) for word in ("Long", "Int", "index", "indices"))
