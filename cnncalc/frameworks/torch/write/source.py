"""The source of the whole file: names, classes, and `forward` methods that connect the layers."""

from __future__ import annotations

import builtins
import re
from collections.abc import Sequence
from keyword import iskeyword, kwlist
from typing import Any, NamedTuple

from ....errors import CnncalcError, printable_lines
from ....network import INPUT, Network, Node
from ....registry import Registry
from ....report import LayerReport
from ....sizes import NOTHING_KNOWN, Shape, counted, show
from ....trace import shape
from ....wiring import unused_name
from . import axes, composite, places, sequences, values, windows
from .code import Code, TorchContext, TorchWriter, inexpressible, module

WRITERS: Registry[str, TorchWriter] = Registry(
    values.WRITERS, axes.WRITERS, sequences.WRITERS, windows.WRITERS, composite.WRITERS
)
"""The writers by op word, without an ending for the number of axes."""
SCALE = '''class Scale(nn.Module):
    """A weight for each channel, a bias, or both."""

    def __init__(self, channels: int, axes: int, scale: bool, center: bool) -> None:
        super().__init__()
        self.axes = axes
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = (-1, *(1,) * self.axes)
        if self.weight is not None:
            x = x * self.weight.view(shape)
        return x if self.bias is None else x + self.bias.view(shape)
'''
SEPARABLE = '''class SeparableConv(nn.Module):
    """A depthwise convolution and a pointwise one, which has the bias."""

    def __init__(self, depthwise: nn.Module, pointwise: nn.Module) -> None:
        super().__init__()
        self.depthwise, self.pointwise, self.bias = depthwise.weight, pointwise.weight, pointwise.bias
        self.window = {key: getattr(depthwise, key) for key in ("stride", "padding", "dilation", "groups")}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        conv = (F.conv1d, F.conv2d, F.conv3d)[self.depthwise.dim() - 3]
        return conv(conv(x, self.depthwise, **self.window), self.pointwise, self.bias)
'''
SLOPES = '''class Slopes(nn.Module):
    """A leaky ReLU with a trained slope for each value, or for all along axes of size 1."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, x * self.weight)
'''
WITHOUT = '''def without(module: nn.Module, name: str) -> nn.Module:
    """Return a module without its weight or its bias."""
    module.register_parameter(name, None)
    return module
'''
HELPERS = {
    "Scale(": SCALE,
    "SeparableConv(": SEPARABLE,
    "Slopes(": SLOPES,
    "Group(": places.GROUP,
    "without(": WITHOUT,
    "Constant(": composite.CONSTANT,
    "joined(": values.JOINED,
    **sequences.HELPERS,
}
"""The helpers that are put at the beginning of a file, in this order, if its source calls them."""
TEXT = r'"(?:[^"\\]|\\.)*"'
"""A string literal in the source: names in it are not calls."""
GLOBAL = frozenset([*dir(builtins), *kwlist, "torch", "nn", "F", *(call[:-1] for call in HELPERS)])
"""The names with a meaning everywhere in the source, which no class or variable may have."""
TAKEN = frozenset([*GLOBAL, *places.RESERVED, "x", "image", "self"])
"""The names that no variable may have."""


class Member(NamedTuple):
    """A layer of a class."""

    site: TorchContext
    name: str
    """The layer's name as a variable."""
    code: Code


class Classes(dict[str, str]):
    """The source of each class by name, in the order of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: dict[str, int] = {}
        """The last number of each name, as in `unused_name`."""


def write(network: Network) -> str:
    """Return a file with an `nn.Module`. Raise SpecError, with the layer's name, for what PyTorch cannot express."""
    report = shape(network)
    network = report.network
    assert network.input is not None
    classes = Classes()
    add_class(network.name, report.layers, report.sample, classes)
    body = "\n\n".join(classes.values())
    code = re.sub(TEXT, '""', body)
    helpers = [text for call, text in HELPERS.items() if re.search(rf"(?<![\w.]){re.escape(call)}", code)]
    body = "\n\n".join([*helpers, body])
    lines = [f'"""{title(network.name)}: {show(network.input)} in, {counted(report.params)} parameters."""', ""]
    lines += ["import torch", "from torch import nn"] + ["from torch.nn import functional as F"] * ("F." in body)
    return printable_lines("\n".join([*lines, "", "", body]))


def title(name: str | None) -> str:
    """Return a network's name in a form that a docstring can hold."""
    return (name or "A network").replace("\\", "/").replace('"', "'")


def add_class(
    called: str | None,
    layers: Sequence[LayerReport],
    start: Shape,
    classes: Classes,
    within: tuple[Node, ...] = (),
) -> str:
    """Add the class of a network or block that reads `start`, after those of its inner blocks; return its name.

    `within` has the block and those around it.
    """
    name = class_name(called or "", classes)
    classes[name] = ""
    parts, lines_of = located(members(layers, classes, within))
    shapes = f"{show(start)} in, {show(layers[-1].traced.out)} out"
    lines = [
        f"class {name}(nn.Module):",
        f'    """{title(called)}: {shapes}."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(f"        {line}".replace("\n", "\n        ") for line in lines_of),
        "",
        *forward(parts, len(start), not within),
    ]
    del classes[name]
    classes[name] = "\n".join(lines) + "\n"
    return name


def located(parts: Sequence[Member]) -> tuple[list[Member], list[str]]:
    """Return the layers with calls of their placed modules, and the lines that make the modules."""
    own = [at for at, part in enumerate(parts) if part.code.module is not None and part.site.node.tie is None]
    owners = []
    for at in own:
        layer, module_text = parts[at].site.layer, parts[at].code.module
        assert module_text is not None
        weighted = bool(layer.inner) or any(n != 0 for n in (layer.params, layer.buffers))
        owners.append(places.Owner(layer.name, parts[at].name, module_text, weighted))
    lines, expressions = places.place(owners)
    where = dict(zip(own, expressions, strict=True))
    calls = []
    for at, part in enumerate(parts):
        tie = part.site.node.tie
        place = where.get(at if tie is None else tie, "")
        calls.append(part._replace(code=part.code._replace(call=part.code.call.replace("{self}", braced(place)))))
    return calls, lines


def braced(text: str) -> str:
    """Return a text escaped for `format`."""
    return text.replace("{", "{{").replace("}", "}}")


def members(layers: Sequence[LayerReport], classes: Classes, within: tuple[Node, ...]) -> list[Member]:
    """Return the layers of a class with their names and their source, and add the classes of blocks.

    Raise SpecError for what PyTorch cannot express, and for a tied layer whose module differs from its owner's.
    """
    taken, tried = set(TAKEN), dict[str, int]()
    parts: list[Member] = []
    for layer in layers:
        name = unused_name(identifier(layer.name), taken, tried=tried)
        taken.add(name)
        site = TorchContext(layer)
        try:
            parts.append(Member(site, name, layer_code(site, parts, classes, within)))
        except CnncalcError as error:
            raise layer.network.blame(error, layer.node, within) from None
    return parts


def layer_code(site: TorchContext, parts: Sequence[Member], classes: Classes, within: tuple[Node, ...]) -> Code:
    """Return the source of a layer after others of its class, and add the classes of a block."""
    layer, tie = site.layer, site.node.tie
    if not layer.inner:
        if within and layer.op in ("input", "movebatch"):
            what = "has no additional input" if layer.op == "input" else "does not move the batch"
            raise inexpressible(f"{what} inside a block", "move it out of the block")
        code = code_of(site)
    elif tie is None:
        inside = add_class(layer.name, layer.inner, layer.sample, classes, (*within, site.node))
        code = module(f"{inside}()")
    elif sources(layer.inner) == sources(parts[tie].site.layer.inner):
        code = parts[tie].code
    else:
        what = f"shares modules, but the layers of {parts[tie].site.layer.name} are written differently"
        raise inexpressible(what, "give both the same layers with the same keys, or remove tie")
    if tie is not None and code.module != parts[tie].code.module:
        owner = parts[tie]
        what = f"{owner.site.layer.name} is {owner.code.module}, but this is {code.module}"
        raise inexpressible(f"shares modules, but {what}", "give both the same keys, or remove tie")
    return code


def sources(layers: Sequence[LayerReport]) -> list[Any]:
    """Return what each layer of a block reads and its source, with inner blocks as nested lists."""
    return [
        (layer.node.reads, layer.node.tie, sources(layer.inner) if layer.inner else code_of(TorchContext(layer)))
        for layer in layers
    ]


def code_of(site: TorchContext) -> Code:
    """Return the source of a layer. Raise SpecError for what PyTorch cannot express."""
    if NOTHING_KNOWN in (site.layer.sample, site.layer.traced.out):
        raise inexpressible("needs to know the output's shape", "give the opaque layer before it its out")
    if (reason := site.layer.refusal("torch_write")) is not None:
        raise inexpressible(f"cannot express this: {reason}", "remove the layer, or write its module yourself")
    return WRITERS[site.node.layer.WORD](site)


def forward(parts: Sequence[Member], rank: int, outermost: bool) -> list[str]:
    """Return the method `forward`, one line per layer; samples of its first argument have `rank` axes."""
    readers: dict[int, list[int]] = {}
    for at, part in enumerate(parts):
        for read in part.site.node.reads:
            readers.setdefault(read, []).append(at)
    ends = [at for at in (len(parts) - 1, *range(len(parts) - 1)) if at not in readers][: None if outermost else 1]
    names = variables(parts, readers, ends)
    argument = names[INPUT]
    turn = parts[0].site.back(rank) if outermost else ""
    lines = [f"{argument} = {argument}{turn}"] * bool(turn)
    arguments = [f"{argument}: torch.Tensor"]
    for at, part in enumerate(parts):
        if part.site.node.layer.WORD == "input":
            arguments.append(f"{names[at]}: torch.Tensor")
            turn = part.site.back(len(part.site.out))
            lines += [f"{names[at]} = {names[at]}{turn}"] * bool(turn)
            continue
        text = part.code.call.format(*(names[read] for read in part.site.node.reads))
        lines.append(f"{names[at]} = {text}")
    results = [names[at] + parts[at].site.own(len(parts[at].site.out)) * outermost for at in ends]
    lines.append(f"return {', '.join(results)}")
    kind = "torch.Tensor" if len(ends) == 1 else f"tuple[{', '.join(['torch.Tensor'] * len(ends))}]"
    return [f"    def forward(self, {', '.join(arguments)}) -> {kind}:", *(f"        {line}" for line in lines)]


def variables(parts: Sequence[Member], readers: dict[int, list[int]], ends: list[int]) -> dict[int, str]:
    """Return the variable of each value: x if only the next line reads it, and once, otherwise the layer's name."""
    names = {INPUT: "x" if readers.get(INPUT, []) in ([], [0]) else "image"}
    for at, part in enumerate(parts):
        next_only = readers.get(at, [at + 1]) == [at + 1] and (at not in ends or ends == [at])
        names[at] = "x" if part.code.module is not None and next_only else part.name
    return names


def identifier(name: str) -> str:
    """Return a layer's name as a Python identifier."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    plain = plain if plain.lstrip("_") else "layer"
    if plain[0].isdigit() or plain[0] == "_":
        plain = f"layer{'_' * plain[0].isdigit()}{plain}"
    if iskeyword(plain):
        plain += "_"
    return plain


def class_name(name: str, classes: Classes) -> str:
    """Return an unused class name: the words of a name, capitalized and joined."""
    plain = "".join(word[:1].upper() + word[1:] for word in re.split(r"[\W_]+", name, flags=re.ASCII))
    plain = plain if plain[:1].isalpha() else f"Net{plain}"
    return unused_name(plain, classes, GLOBAL, tried=classes.tried)
