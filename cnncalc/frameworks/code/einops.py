"""einops in evaluated code: its patterns become tensor operations."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ...limits import MOST_AXES
from .libraries import Library, NameTable
from .operators import text_of
from .torch.functions import apply
from .torch.modules import MODULE
from .torch.tensors import TensorValue
from .types import is_callable
from .values import ClassValue, LibraryFunction

if TYPE_CHECKING:
    from .evaluate import Evaluator

NAMES = NameTable()
Side = list[list[str]]
"""One side of a pattern: for each axis, the names of its factors."""
REST = "..."
"""The word in a pattern for all axes that it does not name."""
REDUCTIONS = {"mean": "mean", "sum": "sum", "max": "amax", "min": "amin", "prod": "prod"}


class Pattern:
    """A pattern for one tensor, `b c (h p) w -> b (h w) (p c)`, with the sizes given for its names."""

    def __init__(self, text: str, shape: Sequence[int], sizes: dict[str, int]):
        """Raise TypeError if the pattern is malformed or does not fit the tensor."""
        if len(text.split()) > 8 * MOST_AXES:
            raise TypeError(f"a pattern of more than {8 * MOST_AXES} words")
        before, arrow, after = text.partition("->")
        if not arrow:
            raise TypeError(f"'{text}' has no ->")
        own = len(_side(before.replace(REST, ""), "<"))
        rest = " ".join([f"…{at}" for at in range(len(shape) - own)]) if REST in before else ""
        self.left, self.right = _side(before.replace(REST, rest), "<"), _side(after.replace(REST, rest), ">")
        if len(self.left) != len(shape):
            raise TypeError(f"'{text}' is for {len(self.left)} axes, and there are {len(shape)}")
        numbers = [name for group in (*self.left, *self.right) for name in group if "#" in name]
        self.sizes = sizes | {name: int(name.partition("#")[0]) for name in numbers}
        for group, size in zip(self.left, shape, strict=True):
            known = prod([self.sizes[name] for name in group if name in self.sizes])
            unknown = [name for name in group if name not in self.sizes]
            if len(unknown) > 1:
                raise TypeError(f"'{text}' does not say the sizes of {_shown(unknown)}")
            if size % known or (not unknown and known != size):
                multiple = "a multiple of " if unknown else ""
                raise TypeError(f"'{text}': ({_shown(group)}) is {multiple}{known}, and the axis is {size}")
            self.sizes |= dict.fromkeys(unknown, size // known)
        self.names = [name for group in self.left for name in group]
        self.wanted = [name for group in self.right for name in group]

    def shape_of(self, names: Sequence[str]) -> list[int]:
        """Return the sizes of the named axes."""
        return [self.sizes[name] for name in names]


def _shown(names: Sequence[str]) -> str:
    return " ".join([name.partition("#")[0] for name in names])


def _side(text: str, mark: str) -> Side:
    """Return the axes of one side. A number becomes an axis of that size with a unique name, `2#<5`, using `mark`."""
    groups: Side = []
    within = False
    for at, word in enumerate(text.replace("(", " ( ").replace(")", " ) ").split()):
        if word in "()":
            within = word == "("
            groups += [[]] if within else []
            continue
        names = [] if word == "1" else [f"{word}#{mark}{at}" if word.isdecimal() else word]
        if within:
            groups[-1] += names
        else:
            groups.append(names)
    return groups


def _applied(evaluator: Evaluator, x: Any, text: Any, sizes: dict[str, Any], node: Any, reduction: Any = None) -> Any:
    """Return a tensor rearranged by a pattern: axes are split, reduced, permuted, repeated and joined."""
    evaluator.needs(x, node)
    if not isinstance(x, TensorValue) or not isinstance(text, str):
        raise TypeError("it takes a tensor and a pattern")
    pattern = Pattern(text, x.shape, {key: evaluator.needs(value, node) for key, value in sizes.items()})
    names, wanted = pattern.names, pattern.wanted
    gone = [at for at, name in enumerate(names) if name not in wanted]
    if gone and reduction is None:
        raise TypeError(f"'{text}' loses {_shown([names[at] for at in gone])}")
    kept = [name for name in names if name in wanted]
    order = [kept.index(name) for name in wanted if name in kept]
    new = [at for at, name in enumerate(wanted) if name not in kept]
    joins = any(len(group) != 1 for group in pattern.right)
    steps = [
        ("reshape", pattern.shape_of(names), any(len(group) != 1 for group in pattern.left)),
        (reduction, tuple(gone), gone),
        ("permute", order, order != sorted(order)),
        *[("unsqueeze", at, True) for at in new],
        ("expand", pattern.shape_of(wanted), new),
        ("reshape", [prod(pattern.shape_of(group)) for group in pattern.right], joins),
    ]
    for function, argument, is_needed in steps:
        if is_needed:
            if is_callable(function):
                x = evaluator.call(function, [x, argument], {}, node)
            else:
                x = apply(evaluator, REDUCTIONS.get(function, function), [x, argument], {}, node)
    return x


@NAMES.function("einops.rearrange", "einops.repeat")
def rearrange(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with its axes permuted, split, joined or repeated."""
    x, text = [*args, *[kwargs.pop(name) for name in ("tensor", "pattern") if name in kwargs]]
    return _applied(evaluator, x, text, kwargs, node)


@NAMES.function("einops.reduce")
def reduce(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with some of its axes reduced."""
    x, text, reduction = [*args, *[kwargs.pop(name) for name in ("tensor", "pattern", "reduction") if name in kwargs]]
    if not is_callable(reduction) and reduction not in REDUCTIONS:
        raise TypeError(f"{text_of(reduction, evaluator.budget)} is not a reduction: {', '.join(REDUCTIONS)}")
    return _applied(evaluator, x, text, kwargs, node, reduction)


def _module(name: str, reduces: bool = False) -> None:
    """Register a module that applies the pattern passed to its constructor."""

    def init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
        made, *given = args
        named = ("pattern", "reduction") if reduces else ("pattern",)
        given += [kwargs.pop(one) for one in named if one in kwargs]
        made.attributes |= {"pattern": given[0], "reduction": given[1] if reduces else None, "axes_lengths": kwargs}

    def forward(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        own, x = args[0].attributes, [*args[1:], *kwargs.values()][0]
        return _applied(evaluator, x, own["pattern"], own["axes_lengths"], node, own["reduction"])

    methods = {
        "__init__": LibraryFunction(f"{name}.__init__", init),
        "forward": LibraryFunction(f"{name}.forward", forward),
    }
    NAMES[f"einops.layers.torch.{name}"] = ClassValue(name, [MODULE], methods)


_module("Rearrange")
_module("Reduce", reduces=True)
LIBRARY = Library(NAMES)
