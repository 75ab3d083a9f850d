"""The meaning of an input's sizes to a module: that which `cnncalc.input` gives them for the module's layers.

Only a record of its calls tells the layers, and it takes a tensor with a batch and channels. So the likely reading is
tried first, and kept if the layers read the input that way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ....errors import SpecError, shown
from ....input import Reading, first_rank, readings
from ....layers import Layer
from ....layers.activation import Identity
from ....layers.dense import Flatten, Linear
from ....sizes import show
from ... import ForeignNetwork
from ...inputs import input_keys, layers_of
from .build import build
from .record import record


def follow(module: Any, input: Sequence[Any], name: str | None, batch: int) -> ForeignNetwork:
    """Follow a module on an input without a batch, `batch` put in front of it, or on an input with a batch.

    SpecError for any other object, and for a module that cannot be traced.
    """
    sizes = tuple(input)
    if not isinstance(module, torch.nn.Module):
        raise SpecError(f"{shown(type(module).__name__)} is not a torch.nn.Module", "give a module, as resnet18()")
    if isinstance(module, torch.jit.ScriptModule):
        raise SpecError("a scripted module cannot be traced", "give the module it was made from")
    if not all(type(n) is int for n in sizes):
        raise SpecError(f"the input {show(sizes)} has open sizes, but PyTorch needs numbers", "as 3x224x224")
    fronts = {Reading.SAMPLE: (batch,), Reading.SPACE: (batch, 1), Reading.BATCH: ()}
    like = list(_like(module))
    likely = readings(like).get(len(sizes))
    order = sorted(fronts, key=lambda reading: reading is not likely)
    errors: list[SpecError] = []
    runs: tuple[ForeignNetwork, Reading] | None = None
    """The model under the first reading, if the module runs but its layers read the input otherwise."""
    for reading in order[:2] if len(sizes) == 1 else order:  # one size is not a batch, which comes last
        try:
            model = build(record(module, sizes, fronts[reading]), name)
        except SpecError as error:
            errors.append(error)
            continue
        layers = list(layers_of(model.spec["layers"]))
        if readings(layers, own=True).get(len(sizes)) is reading:
            return model
        if not errors and runs is None:
            runs = model, reading
        if reading is likely and first_rank(like) is not None and first_rank(layers) is None:
            break  # the layers do not tell how many axes they take, and the module's parts do
    if runs is None:
        raise errors[0]
    model, reading = runs
    keys = input_keys(model.spec["layers"], len(sizes), reading)
    return model._replace(spec={**model.spec, **keys})


def _like(module: torch.nn.Module) -> Iterator[Layer]:
    """Yield a layer that reads an input as each part of a module does, in the order in which they are defined."""
    for part in module.modules():
        word = type(part).__name__
        if word[-2:] in ("1d", "2d", "3d") and not word.endswith("BatchNorm1d"):  # which also takes features
            yield Identity("identity", None, {"axes": int(word[-2])})
        elif isinstance(part, torch.nn.Linear):
            yield Linear("linear", None, {"out": part.out_features})
        elif isinstance(part, (torch.nn.Flatten, torch.nn.Unflatten)):
            yield Flatten("flatten", None, {})
