"""The reader of PyTorch's print-outs: a network from the output of `print(module)`.

A print-out says which modules there are, but not which of them `forward` calls, nor in what order. A Sequential is
therefore read as a chain. For any other module, the parts and their parameters are known, but not how they are
connected: they all read one opaque layer, and another opaque layer makes the output.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import SpecError
from ...layers import OPS
from ...notation.calls import kinds, layers_of
from ...notation.spec import read as read_spec
from ...trace import shape
from .. import ForeignNetwork
from ..build import LONGEST_NAME, NO_FIGURES, Draft, SpecBuilder
from .budget import TooMuchError
from .classes import ALIKE, FREE, HOLDERS, LISTS, LOSSES, RETURN_SEVERAL, SEQUENTIALS, WRAPPERS
from .printed import PARAMETER, PrintedModule, parse, place
from .values import InstanceValue, RaisedError

if TYPE_CHECKING:
    from .evaluate import Evaluator

KEEPS_CHANNELS = re.compile("Norm|Pool|LU|Pad|Dropout|Sigmoid|Tanh|Softmax|Hardswish|Mish|Identity|Upsampl")
"""Matches the names of classes that keep the number of channels."""


def read(text: str, name: str) -> ForeignNetwork:
    """Read a print-out as a network. Raise SpecError, with line and column, if it is malformed."""
    return _PrintoutReader(text, name).network()


class _PrintoutReader:
    """A reader of one print-out."""

    def __init__(self, text: str, name: str):
        self.text, self.name = text, name
        self.module = parse(text, name)
        if not self.module.kind and not is_chain(self.module):
            self.module = self.module._replace(kind="Module")
        self.spec = SpecBuilder()
        self.source: Draft | None = None
        """The layer that the parts of modules other than Sequentials read."""
        self.is_open = False
        """Whether the shapes are unknown from the current layer on."""
        self.customs: dict[str, None] = {}
        """The classes of modules other than Sequentials."""
        self.holders: dict[str, None] = {}
        """The classes whose parameters are unknown."""
        self.chains: dict[str, None] = {}
        """The classes that are read as a Sequential because their modules are numbered."""
        self.averages: dict[str, None] = {}
        """The classes of average pooling modules."""

    def network(self) -> ForeignNetwork:
        """Return the network of the print-out."""
        last = self.add(self.module, "", self.spec.input)
        if not self.spec.layers:
            last = self.spec.add("identity", "identity", [self.spec.input])
        self.spec.end_with(last, "output")
        head: dict[str, Any] = {"cnncalc": 1, "name": self.module.kind or "Sequential"}
        sizes = self.sizes()
        layers = self.spec.spec()
        return ForeignNetwork(
            {**head, **({"input": sizes} if sizes else {}), "dialect": "torch", "layout": "NCHW", "layers": layers},
            {},
            notes=tuple(self.notes()),
        )

    def notes(self) -> Iterator[str]:
        """Yield notes on what a print-out leaves open."""
        if self.chains:
            yield f"read as Sequential, by the numbers of their modules: {', '.join(self.chains)}"
        if self.customs:
            yield (
                f"a print-out does not say what the forward of {_listed(self.customs)} calls: the parameters of the "
                "modules in it are exact, shapes and MACs are unknown. "
                f"Give its source, as net.py:{self.first_custom}, or: cnncalc convert package.module:factory"
            )
        if self.averages:
            yield f"a print-out does not show ceil_mode of {', '.join(self.averages)}: read as False, rounding down"
        if self.holders:
            names = ", ".join(self.holders)
            yield f"a print-out does not show what these classes hold, so their parameters are unknown: {names}"

    @property
    def first_custom(self) -> str:
        """The first class of which only the parts are known."""
        return next(iter(self.customs))

    def sizes(self) -> list[Any] | None:
        """Return the input sizes: unknown, except for what the first convolution or linear layer accepts."""
        for layer in self.spec.layers:
            cls, nd = OPS[layer.op]
            if "c_i" in layer.keys and (nd or layer.op == "linear"):
                return [layer.keys["c_i"], *"DHW"[3 - nd :]] if nd else [layer.keys["c_i"]]
            moves = cls.MAKES_AXES or cls.MOVES_AXES or layer.op in ("pixelshuffle", "pixelunshuffle", "unfold")
            if moves and layer.op != "opaque":
                break
        return ["N"] if self.source is not None else None

    # Modules

    def add(self, module: PrintedModule, path: str, reads: Draft) -> Draft:
        """Add the layers of a module that reads `reads`, and return the layer that makes its output."""
        if module.kind == "RecursiveScriptModule":
            what = "this is the print-out of a scripted module, which shows no sizes"
            raise self.error(what, "print the module that it was made from", module)
        if is_chain(module):
            return self.chain(module, path, reads)
        if (inner := parametrized(module)) is not None:
            return self.computed(inner, path, reads)
        if module.children and module.kind != "MultiheadAttention":
            parts = [*self.parts(module, path), *([] if reads in (self.source, self.spec.input) else [reads])]
            return self.opaque(path or "output", module.kind, parts or [self.unknown(module)], NO_PARAMETERS)
        return self.leaf(module, path, reads)

    def chain(self, module: PrintedModule, path: str, reads: Draft) -> Draft:
        """Add the modules of a Sequential as a chain."""
        if module.kind and module.kind not in SEQUENTIALS and module.kind not in WRAPPERS:
            self.chains[module.kind] = None
        before: PrintedModule | None = None
        for name, child in module.children:
            if before is not None and before.kind in RETURN_SEVERAL:
                what = f"{before.kind} returns several results, which {child.kind} after it in a Sequential cannot take"
                raise self.error(what, "this module fails in PyTorch, too: give the source of one that runs", child)
            reads, before = self.add(child, _joined(path, name), reads), child
        return reads

    def computed(self, inner: Parametrized, path: str, reads: Draft) -> Draft:
        """Add a module with computed weights, then what computes them, whose parameters and buffers are unknown."""
        reads = self.leaf(inner.own, path, reads)
        for name, one in inner.by:
            self.holders[one.kind] = None
            reads = self.opaque(_joined(path, name), one.kind, [reads], {"macs": 0}, same=True)
        return reads

    def parts(self, module: PrintedModule, path: str) -> Iterator[Draft]:
        """Add the parts of a module whose `forward` is unknown, and yield the layers that no other layer reads."""
        source = self.unknown(module)
        if module.kind in HOLDERS:
            yield self.parameters(module, path)
        elif base_of(module) is not None:
            yield self.leaf(module._replace(children=()), path, source)
        for name, child in module.children:
            inner = _joined(path, name)
            if child.kind in LISTS and not child.children:
                continue
            is_leaf = child.kind == "MultiheadAttention" or parametrized(child) is not None
            if child.children and not is_chain(child) and not is_leaf:
                yield from self.parts(child, inner)
            else:
                yield self.add(child, inner, source)

    def unknown(self, module: PrintedModule) -> Draft:
        """Return the opaque layer that the parts of a module read."""
        if module.kind not in LISTS:
            self.customs[module.kind] = None
        if self.source is None:
            self.source = self.opaque("forward", module.kind, [self.spec.input], NO_PARAMETERS)
        return self.source

    def leaf(self, module: PrintedModule, path: str, reads: Draft) -> Draft:
        """Add the layers of a module without child modules."""
        if module.kind == PARAMETER:
            return self.spec.add(path, "constant", [], {"shape": list(module.args)})
        kind = base_of(module)
        if kind is None or module.kind in HOLDERS:
            return self.unknown_leaf(module, path, reads)
        raws: Sequence[Mapping[str, Any]] = ()
        try:
            args, kwargs = arguments_of(module, kind)
            raws = layers_of(kind, args, kwargs, "torch").layers
            check_keys(raws)
            sample = sample_of(kind, args, kwargs)
        except (SpecError, KeyError, IndexError, TypeError):
            return self.unread_leaf(module, kind, raws, path, reads)
        if kind.startswith("AvgPool"):
            self.averages[kind] = None
        return self.layers(raws, path, reads, sample)

    def layers(self, raws: Sequence[Mapping[str, Any]], path: str, reads: Draft, sample: Sequence[int] | None) -> Draft:
        """Add layers as a chain; the last one, or the last one with weights, gets the module's name."""
        chief = max(range(len(raws)), key=lambda at: (bool(OPS[raws[at]["op"]][0].WEIGHTS), at))
        for at, raw in enumerate(raws):
            keys = {key: value for key, value in raw.items() if key != "op"}
            name = path if at == chief else _joined(path, raw["op"])
            reads = self.spec.add(name[-LONGEST_NAME:], raw["op"], [reads], keys, derived=at != chief)
            if self.is_open and sample is not None:
                reads.counted = counts(raw, sample)
        return reads

    def unread_leaf(
        self, module: PrintedModule, kind: str, raws: Sequence[Mapping[str, Any]], path: str, reads: Draft
    ) -> Draft:
        """Add a known module with arguments that no layer supports, or that its layers reject."""
        c, affine = module.args[0] if module.args else 0, module.kwargs.get("affine", True)
        if kind.startswith(("BatchNorm", "InstanceNorm")) and type(c) is int:
            params = c * affine * (2 if module.kwargs.get("bias", True) else 1)
            buffers = 2 * c if module.kwargs.get("track_running_stats") else 0
            return self.opaque(path, kind, [reads], {"params": params, "buffers": buffers, "macs": 0}, same=True)
        classes = [OPS[raw["op"]][0] for raw in raws]
        if classes and not any(cls.WEIGHTS for cls in classes):
            return self.opaque(path, kind, [reads], NO_FIGURES, same=all(cls.KEEPS_SHAPE for cls in classes))
        return self.unknown_leaf(module, path, reads)

    def unknown_leaf(self, module: PrintedModule, path: str, reads: Draft) -> Draft:
        """Add a module of which only the class is known."""
        if module.kind in FREE | ALIKE:
            shapes = [one for one in module.args if isinstance(one, tuple)]
            figures = {**NO_FIGURES, "params": sum(map(prod, shapes)) if module.kind.endswith("Norm") else 0}
            return self.opaque(path, module.kind, [reads], figures, same=module.kind in ALIKE)
        if (held := self.held_by(module)) is not None:
            return self.opaque(path, module.kind, [reads], held)
        self.holders[module.kind] = None
        return self.opaque(path, module.kind, [reads], {})

    def held_by(self, module: PrintedModule) -> dict[str, int | None] | None:
        """Return what a PyTorch module holds, from the arguments that it shows; None if the class is not PyTorch's."""
        if module.kind in LOSSES:
            return {"params": 0, "macs": 0, **({"buffers": 0} if LOSSES[module.kind] else {})}
        from .torch.tensors import TensorValue

        arguments = [*map(repr, module.args), *(f"{key}={value!r}" for key, value in module.kwargs.items())]
        try:
            made = self.evaluator.value_of_text(
                f"torch.nn.{module.kind}({', '.join(arguments)})", ast.Constant(0, lineno=1, col_offset=0)
            )
        except (SpecError, RaisedError, TooMuchError):
            return None
        if not isinstance(made, InstanceValue):
            return None
        arrays = [value for value in made.attributes.values() if isinstance(value, TensorValue)]
        buffers = sum(prod(one.shape) for one in arrays if one.is_buffer)
        return {"params": sum(prod(one.shape) for one in arrays) - buffers, "buffers": buffers}

    @cached_property
    def evaluator(self) -> Evaluator:
        """The evaluator of calls of PyTorch classes, with one budget for all of them."""
        from .entry import SourceReader

        return SourceReader("", "-", None).evaluator()

    def parameters(self, module: PrintedModule, path: str) -> Draft:
        """Add the parameters that a module holds besides its layers and that a print-out does not show."""
        self.holders[module.kind] = None
        return self.opaque(_joined(path, "parameters"), module.kind, [self.unknown(module)], {"macs": 0})

    def opaque(
        self, name: str, kind: str, reads: Sequence[Draft], figures: Mapping[str, int | None], *, same: bool = False
    ) -> Draft:
        """Add a layer of which only the class, these figures, and whether it keeps the shape are known."""
        layer = self.spec.opaque(name[-LONGEST_NAME:], kind, reads, None, figures)
        layer.keys |= {"same": True} if same else {}
        self.is_open = self.is_open or not same
        return layer

    def error(self, what: str, help: str, module: PrintedModule) -> SpecError:
        """Return an error at a module's position."""
        error = SpecError(what, help)
        error.where = place(self.text, module.at, self.name)
        return error


NO_PARAMETERS: Mapping[str, int | None] = {"params": 0, "buffers": 0}


class Parametrized(NamedTuple):
    """A module whose weights are computed by others."""

    own: PrintedModule
    """The module itself, as it would be without them."""
    by: tuple[tuple[str, PrintedModule], ...]
    """What computes the weights, each with its path in the module."""


def parametrized(module: PrintedModule) -> Parametrized | None:
    """Return the parts of a module that PyTorch shows as `ParametrizedConv2d`; None for any other module.

    Source: torch/nn/utils/parametrize.py. Its `forward` is that of the module itself.
    """
    if [name for name, _ in module.children] != ["parametrizations"] or not module.kind.startswith("Parametrized"):
        return None
    own = module._replace(kind=module.kind.removeprefix("Parametrized"), children=())
    lists = module.children[0][1].children
    by = [(f"parametrizations.{name}.{at}", one) for name, row in lists for at, one in row.children]
    return Parametrized(own, tuple(by)) if base_of(own) is not None else None


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: Mapping[str, None]) -> str:
    first, *others = names
    return f"{first} (and {len(others)} more classes)" if others else first


def is_chain(module: PrintedModule) -> bool:
    """Return whether a module runs its child modules in order: a Sequential, or one with the same numbering."""
    if module.kind == "Sequential":
        return True
    if module.kind in WRAPPERS:
        return len(module.children) == 1
    names = [name for name, _ in module.children]
    if not module.kind:  # lines from within a Sequential
        first = int(names[0]) if re.fullmatch("[0-9]{1,9}", names[0]) else None
        return first is not None and names == [str(first + n) for n in range(len(names))] and fits(module)
    if module.kind in LISTS or not names or module.args or module.kwargs:
        return False
    return names == [str(n) for n in range(len(names))] and (module.kind in SEQUENTIALS or fits(module))


def fits(module: PrintedModule) -> bool:
    """Return whether the channels of successive layers match in a module that is numbered like a Sequential."""
    before: tuple[bool, int] | None = None
    for kind, c_i, c_o in ends_of(module):
        if before is not None and c_i is not None and before != (kind, c_i) and before[0] == kind:
            return False
        before = None if c_o is None else (kind, c_o)
    return True


def ends_of(module: PrintedModule) -> Iterator[tuple[bool, int | None, int | None]]:
    """Yield whether each layer of a chain is linear, and its input and output channels; None if they are unknown."""
    for _, child in module.children:
        if child.children:
            yield from ends_of(child) if is_chain(child) else [(False, None, None)]
            continue
        kind, (first, second, *_) = base_of(child) or "", (*child.args, None, None)
        if "Conv" in kind:
            yield False, first, second
        elif kind == "Linear":
            yield True, child.kwargs.get("in_features"), child.kwargs.get("out_features")
        elif "BatchNorm" in kind:
            yield False, first, first
        elif not KEEPS_CHANNELS.search(kind):
            yield False, None, None


# Modules without children


def base_of(module: PrintedModule) -> str | None:
    """Return the PyTorch class of a module, or the one whose arguments it shows; None if it is unknown."""
    if "torch" in kinds().get(module.kind, ()):
        return module.kind
    kernel = module.kwargs.get("kernel_size")
    numbers = tuple([type(one) is int for one in module.args])
    if numbers == (True, True) and isinstance(kernel, tuple) and "stride" in module.kwargs:
        transposed = "Transpose" in module.kind or "output_padding" in module.kwargs
        return f"Conv{'Transpose' if transposed else ''}{len(kernel)}d"
    forms = (form for form in FORMS if form.numbers == numbers and form.shown <= module.kwargs.keys())
    return next((form.base for form in forms if re.search(form.kind, module.kind)), None)


class ShownForm(NamedTuple):
    """The arguments that a class shows, by which its subclasses are recognized."""

    base: str
    numbers: tuple[bool, ...]
    """For each positional argument, whether it is an integer."""
    shown: frozenset[str]
    """The names of the keyword arguments."""
    kind: str = ""
    """A pattern that the name of the subclass must match."""


FORMS = (
    ShownForm("Linear", (), frozenset(["in_features", "out_features"])),
    ShownForm("Embedding", (True, True), frozenset(), "Embedding"),
    ShownForm("InstanceNorm2d", (True,), frozenset(["eps", "momentum"]), "Instance"),
    ShownForm("BatchNorm2d", (True,), frozenset(["eps", "momentum"])),
    ShownForm("GroupNorm", (True, True), frozenset(["eps", "affine"])),
    ShownForm("LayerNorm", (False,), frozenset(["eps", "elementwise_affine"]), r"\A(?!.*R(?:MS|ms))"),
)


def arguments_of(module: PrintedModule, kind: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments that recreate a module: those it shows, and those that its parts show."""
    args, kwargs = [_plain(one) for one in module.args], {key: _plain(value) for key, value in module.kwargs.items()}
    if kind.startswith("Lazy"):  # a lazy module shows 0 for sizes that are not known yet
        return args[1:], {key: value for key, value in kwargs.items() if key != "in_features"}
    if kind == "MultiheadAttention":
        shown_parts = dict(module.children)["out_proj"].kwargs
        return [shown_parts["out_features"], 1], {"bias": shown_parts["bias"]}
    return args, kwargs


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, (tuple, list)) else value


def check_keys(raws: Sequence[Mapping[str, Any]]) -> None:
    """Raise SpecError for a value that a key cannot hold, such as nan, and for the batch as an axis."""
    for raw in raws:
        cls, nd = OPS[raw["op"]]
        for key, value in raw.items():
            if key in cls.KEYS:
                cls.KEYS[key](value, nd)
        if raw.get("axis") == 0:
            raise SpecError("it works along the batch")


def sample_of(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[int] | None:
    """Return a sample for a module whose parameters depend on a size that is not a key of its layer."""
    if kind == "LayerNorm":
        return list(args[0])
    if kind == "GroupNorm":
        return [args[1], 2, 2]
    rank = re.fullmatch(r"InstanceNorm(\d)d", kind)
    if rank:
        return [args[0], *[2] * int(rank[1])]
    return [1, args[0]] if kind in RETURN_SEVERAL else None


def counts(raw: Mapping[str, Any], sample: Sequence[int]) -> dict[str, int]:
    """Return what the arrays of a layer count as, computed by its op for a sample."""
    sizes = [*sample[:-1], raw["c_i"]] if "c_i" in raw else list(sample)
    spec = {"dialect": "torch", "layout": "NCHW", "sample_axes": len(sizes), "input": sizes, "layers": [dict(raw)]}
    (layer,) = shape(read_spec(spec)).layers
    figures = {key: getattr(layer.traced, key) for key in ("weights", "bias", "buffers")}
    return {key: n for key, n in figures.items() if n is not None}
