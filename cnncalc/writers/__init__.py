"""A network in the form of other frameworks."""

from __future__ import annotations

from collections.abc import Callable

from ..network import Network

Writer = Callable[[Network], str | bytes]
"""The whole file, of a network that is settled. SpecError with the layer's name for what the target cannot say."""


def writer(target: str) -> Writer:
    """The writer of a target, one of TARGETS, imported only when it is asked for."""
    from importlib import import_module

    found: Writer = import_module(f".{target}", __name__).write
    return found


TARGETS = ("spec", "keras", "onnx", "torch")
