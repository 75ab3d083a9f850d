"""The file around the layers: names, classes, and a forward that says what each layer reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from typing import NamedTuple

from ....network import INPUT
from ....registry import Registry
from ....report import LayerReport, Report
from ....sizes import counted, show
from ....wiring import unused_name
from ...support import refusal
from . import plain, windows
from .code import Code, TorchContext, TorchWriter

WRITERS: Registry[str, TorchWriter] = Registry(plain.WRITERS, windows.WRITERS)
"""How each op is written, by its family's word."""
MODULE = (
    "add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr "
    "float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia "
    "named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook "
    "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter "
    "register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule "
    "share_memory state_dict to to_empty train training type xpu zero_grad T_destination"
)
"""What every nn.Module has: no layer may be called so (torch/nn/modules/module.py)."""
TAKEN = frozenset([*MODULE.split(), "x", "image", "self", "torch", "nn", "F", "float", "tuple", "super"])
SCALE = '''class Scale(nn.Module):
    """A weight for each channel, a bias, or both."""

    def __init__(self, channels: int, axes: int, scale: bool, center: bool) -> None:
        super().__init__()
        shape = (channels, *(1,) * axes)
        self.weight = nn.Parameter(torch.ones(shape)) if scale else None
        self.bias = nn.Parameter(torch.zeros(shape)) if center else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.weight is not None:
            x = x * self.weight
        return x if self.bias is None else x + self.bias
'''


class Member(NamedTuple):
    """A layer of a class."""

    layer: LayerReport
    name: str
    """As an attribute, and as a variable."""
    code: Code


def file(report: Report) -> str:
    """The whole file."""
    classes: dict[str, str] = {}
    name = class_name(report.network.name or "Net", classes)
    classes[name] = ""
    write_class(name, report.network.name or "A network", report.layers, True, classes)
    body = "\n\n".join(classes.values())
    if "Scale(" in body:
        body = f"{SCALE}\n\n{body}"
    assert report.network.input is not None
    params = counted(report.params)
    head = (
        f'"""{title(report.network.name or "A network")}: {show(report.network.input)} in, {params} parameters."""\n\n'
    )
    imports = ["import torch", "from torch import nn"] + ["from torch.nn import functional as F"] * ("F." in body)
    return head + "\n".join(imports) + "\n\n\n" + body


def title(name: str) -> str:
    """A name that can stand in a docstring."""
    return name.replace("\\", "/").replace('"', "'")


def write_class(
    name: str, called: str, layers: Sequence[LayerReport], outermost: bool, classes: dict[str, str]
) -> None:
    """The class of a network or of a block, those of the blocks in it before it."""
    parts = list(parts_of(layers, classes))
    fields = [f"        self.{part.name} = {part.code.module}" for part in parts if own_module(part)]
    shapes = f"{show(layers[0].sample)} in, {show(layers[-1].traced.out)} out"
    lines = [
        f"class {name}(nn.Module):",
        f'    """{title(called)}: {shapes}."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *fields,
        "",
        *forward(parts, outermost),
    ]
    classes.pop(name, None)
    classes[name] = "\n".join(lines) + "\n"


def own_module(part: Member) -> bool:
    """Whether a layer has a module that is not another's."""
    return part.code.module is not None and part.layer.node.tie is None


def parts_of(layers: Sequence[LayerReport], classes: dict[str, str]) -> Iterator[Member]:
    """The layers of a class with their names and their source. SpecError for what PyTorch cannot say."""
    taken: set[str] = set(TAKEN)
    members: list[Member] = []
    for layer in layers:
        name = identifier(layer.name, taken)
        taken.add(name)
        tie = layer.node.tie
        owner = None if tie is None else members[tie]
        part = Member(layer, name, block_of(layer, owner, classes) if layer.inner else code_of(layer))
        if owner is not None:
            part = shared(part, owner)
        members.append(part)
        yield part


def code_of(layer: LayerReport) -> Code:
    """The source of a layer. SpecError, with its name, for what PyTorch cannot express."""
    site = TorchContext(layer)
    site.check_known()
    if (reason := refusal(layer, "torch")) is not None:
        raise site.refuse(f"cannot express this: {reason}", "take the layer out, or write its module yourself")
    return WRITERS[layer.node.layer.WORD](site)


def block_of(layer: LayerReport, owner: Member | None, classes: dict[str, str]) -> Code:
    """A block as a module of a class of its own, which is its owner's where it shares its weights."""
    if owner is not None:
        return owner.code
    name = class_name(layer.name, classes)
    classes[name] = ""
    write_class(name, layer.name, layer.inner, False, classes)
    return Code("{self}({0})", f"{name}()")


def shared(part: Member, owner: Member) -> Member:
    """A layer that calls another's module. SpecError if the two are not the same module."""
    if part.code.module != owner.code.module:
        what = f"shares modules, but {owner.layer.name} is {owner.code.module} and this is {part.code.module}"
        raise TorchContext(part.layer).refuse(what, "give both the same keys, or remove tie")
    return part._replace(code=part.code._replace(call=part.code.call.replace("{self}", f"self.{owner.name}")))


def forward(parts: Sequence[Member], outermost: bool) -> list[str]:
    """The method, a layer a line."""
    readers = readers_of(parts)
    ends = [at for at in range(len(parts)) if at not in readers] if outermost else [len(parts) - 1]
    names = variables(parts, readers, ends)
    argument, first = names[INPUT], TorchContext(parts[0].layer)
    turn = first.back(len(first.x)) if outermost else ""
    lines = [f"{argument} = {argument}{turn}"] * bool(turn)
    for at, part in enumerate(parts):
        text = part.code.call.format(*(names[read] for read in part.layer.node.reads), self=f"self.{part.name}")
        lines.append(f"{names[at]} = {text}")
    lines.append("return " + ", ".join(names[at] + result_turn(parts[at]) * outermost for at in ends))
    kind = "torch.Tensor" if len(ends) == 1 else f"tuple[{', '.join(['torch.Tensor'] * len(ends))}]"
    return [f"    def forward(self, {argument}: torch.Tensor) -> {kind}:", *(f"        {line}" for line in lines)]


def readers_of(parts: Sequence[Member]) -> dict[int, list[int]]:
    """Which parts read each."""
    readers: dict[int, list[int]] = {}
    for at, part in enumerate(parts):
        for read in part.layer.node.reads:
            readers.setdefault(read, []).append(at)
    return readers


def variables(parts: Sequence[Member], readers: dict[int, list[int]], ends: list[int]) -> dict[int, str]:
    """What each value is called: x where only the next line reads it, and by its layer where it is read later."""
    chain = readers.get(INPUT, []) in ([], [0]) and not tensor_twice(parts[0])
    names = {INPUT: "x" if chain else "image"}
    for at, part in enumerate(parts):
        next_only = readers.get(at, [at + 1]) == [at + 1] and (at not in ends or ends == [at])
        names[at] = "x" if part.code.module is not None and next_only else part.name
    return names


def tensor_twice(part: Member) -> bool:
    """Whether a layer reads the same value twice."""
    return len(set(part.layer.node.reads)) < len(part.layer.node.reads)


def result_turn(part: Member) -> str:
    """What gives a result the network's own order of axes."""
    site = TorchContext(part.layer)
    return site.own(len(site.out))


def identifier(name: str, taken: set[str]) -> str:
    """A layer's name as Python takes it, one that is free."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    plain = plain if plain.lstrip("_") else "layer"
    if plain[0].isdigit() or plain[0] == "_":
        plain = f"layer{'_' * plain[0].isdigit()}{plain}"
    if iskeyword(plain):
        plain += "_"
    return unused_name(plain, taken)


def class_name(name: str, classes: dict[str, str]) -> str:
    """A class's name: words joined, each with a capital."""
    words = [word for word in re.split(r"[\W_]+", name, flags=re.ASCII) if word]
    plain = "".join(word[0].upper() + word[1:] for word in words) or "Net"
    plain = plain if plain[0].isalpha() else f"Net{plain}"
    return unused_name(plain, {**classes, "Scale": ""})
