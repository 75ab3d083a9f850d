"""The libraries that evaluated code may import, each in its own module: tables from dotted names to values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...registry import Registry
from .values import MISSING, ClassValue, Implementation, LibraryFunction, LibraryName

if TYPE_CHECKING:
    from ...sizes import Shape
    from .. import ForeignNetwork
    from .evaluate import Evaluator


class NameTable(Registry[str, Any]):
    """A table from a library's dotted names (`torch.nn.Conv2d`) to values. Entering a name twice is an error."""

    def function(self, *names: str) -> Callable[[Implementation], Implementation]:
        """Return a decorator that registers the implementation of the functions with these names."""

        def enter(implementation: Implementation) -> Implementation:
            for name in names:
                self[name] = LibraryFunction(name, implementation)
            return implementation

        return enter


class Library:
    """A library, found as `LIBRARY` in its module here. A library with networks overrides the methods."""

    def __init__(self, names: NameTable, aliases: Mapping[str, str] | None = None):
        self.names = names
        """The value of each dotted name."""
        self.aliases = dict(sorted((aliases or {}).items(), key=lambda one: -len(one[0])))
        """Other prefixes of names, the longest first: `torch.nn.modules.conv` for `torch.nn`."""

    def find(self, path: str) -> Any:
        """Return the value of a dotted name; MISSING if it is not listed."""
        own = renamed(path, self.aliases)
        if own in self.names:
            return self.names[own]
        return LibraryName(path) if "." not in own or own in self.modules else MISSING

    @cached_property
    def modules(self) -> set[str]:
        """The modules that contain the names: `torch` and `torch.nn` for `torch.nn.ReLU`."""
        parts = [name.split(".") for name in (*self.names, *self.aliases)]
        return {".".join(own[:end]) for own in parts for end in range(1, len(own))}

    def is_network(self, value: Any) -> bool:
        """Return whether a value is a network of this library."""
        return False

    def is_network_class(self, value: ClassValue) -> bool:
        """Return whether the instances of a class are networks."""
        return False

    def inputs(self, evaluator: Evaluator, network: Any) -> list[str] | None:
        """Return the names of the inputs that the network needs sizes for; None if it states the sizes itself."""
        return None

    def read(self, evaluator: Evaluator, network: Any, inputs: Mapping[str, Shape]) -> ForeignNetwork:
        """Read a network for inputs of these sizes, the first one under `input`; empty if no sizes are given.

        Errors are made by `Evaluator.error`, with the node at fault.
        """
        raise NotImplementedError


_STANDARD = """
    abc ast collections contextlib copy dataclasses enum functools itertools json math numpy operator types typing
    typing_extensions warnings
"""
_MODULES = {
    **dict.fromkeys(("torch", "pytorch_lightning", "lightning"), "torch"),
    **dict.fromkeys(_STANDARD.split(), "standard"),
    **dict.fromkeys(("argparse", "os"), "arguments"),
    "re": "regexes",
    "einops": "einops",
    **dict.fromkeys(("torchvision", "timm"), "vision"),
    **dict.fromkeys(("keras", "tensorflow", "tf_keras"), "keras"),
}
"""The module of this folder for each package."""


class Libraries:
    """The libraries, each imported when it is needed."""

    def __init__(self) -> None:
        self.used: dict[str, Library] = {}

    def of(self, path: str) -> Library | None:
        """Return the library of a dotted name; None if it is not supported."""
        module = _MODULES.get(path.partition(".")[0])
        if module is None:
            return None
        if module not in self.used:
            self.used[module] = import_module(f".{module}", __package__).LIBRARY
        return self.used[module]

    def find(self, path: str) -> Any:
        """Return the value of a dotted name; MISSING if it is not listed."""
        library = self.of(path)
        return MISSING if library is None else library.find(path)

    def is_network(self, value: Any) -> bool:
        """Return whether a value is a network of any library."""
        return any(library.is_network(value) for library in self.used.values())

    def is_network_class(self, value: ClassValue) -> bool:
        """Return whether the instances of a class are networks."""
        return any(library.is_network_class(value) for library in self.used.values())

    def of_network(self, value: Any) -> Library:
        """Return the library that a network belongs to."""
        return next(library for library in self.used.values() if library.is_network(value))


def renamed(path: str, aliases: Mapping[str, str]) -> str:
    """Return a dotted name with the first alias that is a prefix of it replaced by the name in the table."""
    for alias in aliases:
        if path == alias or path.startswith(f"{alias}."):
            return aliases[alias] + path[len(alias) :]
    return path
