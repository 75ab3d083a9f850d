"""The places of a class's modules: attributes and containers named like the layers, as in a state_dict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json import dumps
from keyword import iskeyword
from typing import NamedTuple

from ....wiring import unused_name

MODULE = (
    "add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr "
    "float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia "
    "named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook "
    "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter "
    "register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule "
    "share_memory state_dict to to_empty train training type xpu zero_grad T_destination"
)
"""The attributes of every nn.Module (torch/nn/modules/module.py)."""
PRIVATE = (
    "_apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl _forward_hooks "
    "_forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs "
    "_get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook _load_from_state_dict "
    "_load_state_dict_post_hooks _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _modules "
    "_named_members _non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook "
    "_register_state_dict_hook _replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks "
    "_state_dict_pre_hooks _version _wrapped_call_impl"
)
"""PyTorch's private attributes, which a layer's name must not replace."""
OWN = (
    "weight bias running_mean running_var num_batches_tracked depthwise pointwise window in_channels out_channels "
    "kernel_size stride padding dilation transposed output_padding groups padding_mode in_features out_features "
    "num_features eps momentum affine track_running_stats num_groups num_channels normalized_shape elementwise_affine "
    "num_parameters axes"
)
"""The attributes of modules with their own weights."""
RESERVED = frozenset([*MODULE.split(), *PRIVATE.split()])
TAKEN = RESERVED | frozenset(OWN.split())
MODULE_DICT = frozenset(["clear", "items", "keys", "pop", "update", "values"])
"""The attributes that nn.ModuleDict adds."""
GROUP = '''class Group(nn.Module):
    """Modules by their names."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    def __getitem__(self, name: str) -> nn.Module:
        return self.get_submodule(name)
'''


DEEPEST = 50
"""The most parts of a name that become nested containers: Python nests 200 brackets, and each container takes two."""


class Owner(NamedTuple):
    """A layer with its own module."""

    name: str
    plain: str
    """Its name, as a unique identifier."""
    source: str
    weighted: bool
    """Whether it has arrays, so that its name appears in the state_dict."""


class Branch:
    """A node of the module tree: a module with source, a container of others, or both."""

    def __init__(self) -> None:
        self.source: str | None = None
        self.children: dict[str, Branch] = {}
        self.order = 0

    def container(self, path: Sequence[str]) -> Branch | None:
        """Return the container at a path of names; None if there is none."""
        found: Branch | None = self
        for part in path:
            found = None if found is None else found.children.get(part)
        return None if found is None or found.source is not None else found

    def value(self) -> str:
        """Return the source of the module, or of the container with its modules."""
        if self.source is not None:
            return self.source
        kind = "nn.ModuleDict" if MODULE_DICT.isdisjoint(self.children) else "Group"
        rows = [f"{quoted(key)}: {child.value()}," for key, child in self.ordered()]
        return "\n".join([f"{kind}({{", *("    " + row.replace("\n", "\n    ") for row in rows), "})"])

    def ordered(self) -> list[tuple[str, Branch]]:
        """Return the children in the order of the layers."""
        return sorted(self.children.items(), key=lambda pair: pair[1].first())

    def first(self) -> int:
        """Return the index of the first layer in this node."""
        return min([self.order] * (self.source is not None) + [child.first() for child in self.children.values()])


def place(owners: Sequence[Owner]) -> tuple[list[str], list[str]]:
    """Return the lines that make the modules, and the expression of each.

    A layer with arrays keeps its name wherever a module can have it; others only next to such layers.
    """
    root, paths, tried = Branch(), [one.name.split(".") for one in owners], dict[str, int]()
    used = {path[0] for owner, path in zip(owners, paths, strict=True) if owner.weighted} | RESERVED
    for at in sorted(range(len(owners)), key=lambda at: not owners[at].weighted):
        owner, path = owners[at], paths[at]
        if not _can_have(root, owner, path):
            plain = owner.plain
            if plain in root.children or (plain in used and plain != owner.name):
                plain = unused_name(plain, used, root.children, tried=tried)
            path = paths[at] = [plain]
        branch = root
        for part in path:
            branch = branch.children.setdefault(part, Branch())
        branch.source, branch.order = owner.source, at
    lines = [line for key, child in root.ordered() for line in _lines("self", key, child)]
    return lines, [_expression(root, path) for path in paths]


def _can_have(root: Branch, owner: Owner, path: Sequence[str]) -> bool:
    """Return whether a module can be placed under its layer's name."""
    if (
        len(path) > DEEPEST
        or not all(path)
        or not TAKEN.isdisjoint(path[1:])
        or path[0] in RESERVED
        or any(map(is_special, path))
    ):
        return False
    if owner.weighted:
        return True
    holder = root.container(path[:-1])
    return holder is not None and path[-1] not in holder.children and (len(path) > 1 or path[0] == owner.plain)


def _lines(holder: str, key: str, branch: Branch) -> Iterator[str]:
    """Yield the lines that add a module to its holder, and to the module those whose names begin with its own."""
    if is_plain(key):
        yield f"{holder}.{key} = {branch.value()}"
    else:
        yield f"{holder}.add_module({quoted(key)}, {branch.value()})"
    yield from _added(_attribute(holder, key), branch)


def _added(here: str, branch: Branch) -> Iterator[str]:
    """Yield the lines that add to modules of a branch those whose names begin with theirs."""
    for key, child in branch.ordered():
        if branch.source is not None:
            yield from _lines(here, key, child)
        else:
            yield from _added(f"{here}[{quoted(key)}]", child)


def _expression(root: Branch, path: Sequence[str]) -> str:
    """Return the expression of the module at a path."""
    text, branch = _attribute("self", path[0]), root.children[path[0]]
    for part in path[1:]:
        text = f"{text}[{quoted(part)}]" if branch.source is None else _attribute(text, part)
        branch = branch.children[part]
    return text


def _attribute(holder: str, key: str) -> str:
    return f"{holder}.{key}" if is_plain(key) else f"{holder}.get_submodule({quoted(key)})"


def is_special(name: str) -> bool:
    """Return whether a name is one of Python's special methods, such as `__init__`."""
    return name.startswith("__") and name.endswith("__")


def is_plain(name: str) -> bool:
    """Return whether a name is an identifier."""
    return name.isidentifier() and name.isascii() and not iskeyword(name) and not name.startswith("__")


def quoted(name: str) -> str:
    """Return a name as a literal."""
    return dumps(name, ensure_ascii=False)
