"""PyTorch in evaluated code: its modules, its functions of tensors, and networks made of both.

A network runs on tensors that have shapes but no values (`tensors`, with their `methods`). The calls of functions are
recorded (`functions`), and the shapes of their results computed (`shapes`). The record is then read by
`frameworks/torch/read`, like that of a module that PyTorch itself has run. `modules` holds what all modules have in
common, and `containers` the modules that hold others; `layers` and `sequences` are PyTorch's own modules, registered by
`declaration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..libraries import Library, NameTable
from ..values import MISSING, ClassValue, LibraryFunction
from . import (  # noqa: F401 - containers, layers and sequences register their classes in tables of other modules
    containers,
    declaration,
    factories,
    functions,
    layers,
    lightning,
    modules,
    sequences,
    utilities,
)
from .modules import MODULE, is_module

if TYPE_CHECKING:
    from ....sizes import Shape
    from ... import ForeignNetwork
    from ..evaluate import Evaluator

INITIAL = "torch.nn.init."
"""The prefix of functions that initialize parameters."""


class TorchLibrary(Library):
    """PyTorch."""

    def find(self, path: str) -> Any:
        """Return the value of a dotted name from the tables, or the function of tensors with that name."""
        found = super().find(path)
        if found is not MISSING:
            return found
        if path.startswith(INITIAL) and path.endswith("_"):
            return LibraryFunction(path, lambda evaluator, args, kwargs, node: args[0] if args else None)
        package, _, name = path.rpartition(".")
        made = functions.function(name) if package in FUNCTIONS else None
        return MISSING if made is None else made

    def is_network(self, value: Any) -> bool:
        return is_module(value)

    def is_network_class(self, value: ClassValue) -> bool:
        return value.derives(MODULE)

    def inputs(self, evaluator: Evaluator, network: Any) -> list[str] | None:
        from .network import NetworkReader

        return NetworkReader(evaluator, network).arguments()

    def read(self, evaluator: Evaluator, network: Any, inputs: Mapping[str, Shape]) -> ForeignNetwork:
        from .network import NetworkReader

        return NetworkReader(evaluator, network).read(inputs)


FUNCTIONS = ("torch", "torch.nn.functional", "torch.special", "torch.linalg", "torch.Tensor")
"""The modules that contain functions of tensors."""
_FILES = """
    activation batchnorm container conv dropout linear module normalization padding pooling pixelshuffle rnn sparse
    transformer upsampling fold flatten instancenorm
"""
LIBRARY = TorchLibrary(
    NameTable(factories.NAMES, modules.NAMES, declaration.NAMES, lightning.NAMES, utilities.NAMES),
    {
        **{f"torch.nn.modules.{name}": "torch.nn" for name in _FILES.split()},
        "torch.nn.modules": "torch.nn",
        "torch.nn.modules.utils": "torch.nn.modules.utils",
        "torch.nn.parameter": "torch.nn",
    },
)
for _name in FUNCTIONS[1:4]:
    LIBRARY.names[f"{_name}.__name__"] = _name
LIBRARY.names["torch.nn.init.__name__"] = INITIAL
