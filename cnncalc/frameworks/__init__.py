"""Networks in the form of other frameworks: a folder each, with what reads it and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..network import Network

Writer = Callable[[Network], str | bytes]
"""The whole file, of a network that is settled. SpecError with the layer's name for what the target cannot say."""

_WRITERS = {
    "spec": "cnncalc.notation.write",
    "keras": "cnncalc.frameworks.keras.write",
    "onnx": "cnncalc.frameworks.onnx.write",
    "torch": "cnncalc.frameworks.torch.write",
}
TARGETS = tuple(_WRITERS)
ENDINGS = {"spec": ".json", "keras": ".json", "onnx": ".onnx", "torch": ".py"}
"""How the name of a target's file ends; of two targets with one ending it means the first."""


def writer(target: str) -> Writer:
    """The writer of a target, one of TARGETS, imported only when it is asked for."""
    from importlib import import_module

    found: Writer = import_module(_WRITERS[target]).write
    return found


class Imported(NamedTuple):
    """A network from a file of another framework."""

    spec: dict[str, Any]
    """As the spec's reader takes it: name, input, dialect, layout, layers."""
    weights: Mapping[str, Callable[[], Any]]
    """What reads each array that the file carries, by its name here (`conv1.weight`), in the layout's order of axes."""
