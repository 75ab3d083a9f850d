"""The file around the layers: names, classes, and a forward that says what each layer reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from typing import NamedTuple

from ...network import INPUT
from ...sizes import counted, show
from ...trace import LayerReport, Report
from .code import Code, Site, code_of

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

    def forward(parts: Sequence[Part], outermost: bool) -> list[str]:
    """The method, a layer a line."""
    readers = readers_of(parts)
    ends = [at for at in range(len(parts)) if at not in readers] if outermost else [len(parts) - 1]
    names = variables(parts, readers, ends)
    argument, turn = names[INPUT], Site(parts[0].layer)
    before = turn.back(len(turn.x)) if outermost else ""
    lines = [f"{argument} = {argument}{before}"] * bool(before)
    for at, part in enumerate(parts):
        text = part.code.call.format(*(names[read] for read in part.layer.node.reads), self=f"self.{part.name}")
        lines.append(f"{names[at]} = {text}")
    lines.append("return " + ", ".join(names[at] + result_turn(parts[at]) * outermost for at in ends))
    kind = "torch.Tensor" if len(ends) == 1 else f"tuple[{', '.join(['torch.Tensor'] * len(ends))}]"
    return [f"    def forward(self, {argument}: torch.Tensor) -> {kind}:", *(f"        {line}" for line in lines)]


def readers_of(parts: Sequence[Part]) -> dict[int, list[int]]:
    """Which parts read each."""
    found: dict[int, list[int]] = {}
    for at, part in enumerate(parts):
        for read in part.layer.node.reads:
            found.setdefault(read, []).append(at)
    return found


def variables(parts: Sequence[Part], readers: dict[int, list[int]], ends: list[int]) -> dict[int, str]:
    """What each value is called: x where only the next line reads it, and by its layer where it is read later."""
    chain = readers.get(INPUT, []) in ([], [0]) and not tensor_twice(parts[0])
    found = {INPUT: "x" if chain else "image"}
    for at, part in enumerate(parts):
        next_only = readers.get(at, [at + 1]) == [at + 1] and (at not in ends or ends == [at])
        found[at] = "x" if part.code.module is not None and next_only else part.name
    return found


def tensor_twice(part: Part) -> bool:
    """Whether a layer reads the same value twice."""
    return len(set(part.layer.node.reads)) < len(part.layer.node.reads)


def result_turn(part: Part) -> str:
    """What gives a result the network's own order of axes."""
    site = Site(part.layer)
    return site.own(len(site.out))


def identifier(name: str, taken: set[str]) -> str:
    """A layer's name as Python takes it, one that is free."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    plain = plain if plain.lstrip("_") else "layer"
    if plain[0].isdigit() or plain[0] == "_":
        plain = f"layer{'_' * plain[0].isdigit()}{plain}"
    if iskeyword(plain):
        plain += "_"
    return free(plain, taken)


def free(name: str, taken: set[str] | dict[str, str]) -> str:
    """A name, or the first with a number that is not taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def class_name(name: str, classes: dict[str, str]) -> str:
    """A class's name: words joined, each with a capital."""
    words = [word for word in re.split(r"[\W_]+", name, flags=re.ASCII) if word]
    plain = "".join(word[0].upper() + word[1:] for word in words) or "Net"
    plain = plain if plain[0].isalpha() else f"Net{plain}"
    return free(plain, {**classes, "Scale": ""})
