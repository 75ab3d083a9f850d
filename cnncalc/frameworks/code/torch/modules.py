"""`torch.nn.Module` in evaluated code: what every module has, and the containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ....errors import shown
from ....limits import DEEPEST_BLOCKS
from ..budget import TooMuchError
from ..libraries import NameTable
from ..methods import pairs, spent
from ..values import (
    MISSING,
    ClassValue,
    Implementation,
    InstanceValue,
    LibraryFunction,
    PropertyValue,
    UnknownValue,
    describe,
)
from .functions import recorder
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

MODULE = ClassValue("Module")
NAMES = NameTable({"torch.nn.Module": MODULE})


def method(cls: ClassValue, *names: str) -> Callable[[Implementation], Implementation]:
    """Return a decorator that enters a method of a class, which takes steps for all that its object holds."""

    def enter(implementation: Implementation) -> Implementation:
        def run(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
            evaluator.budget.copy(len(args[0].attributes) if args and isinstance(args[0], InstanceValue) else 0)
            return implementation(evaluator, args, kwargs, node)

        for name in names:
            cls.namespace[name] = LibraryFunction(name, run)
        return implementation

    return enter


def first_of(args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the first argument of a call. TypeError without one."""
    given = [*args, *kwargs.values()]
    if not given:
        raise TypeError("it is called without an input")
    return given[0]


def container(name: str) -> ClassValue:
    """Return a new class of modules, in the table of names."""
    cls = ClassValue(name, [MODULE])
    NAMES[f"torch.nn.{name}"] = cls
    return cls


def is_module(value: Any) -> bool:
    """Return whether a value is a module."""
    return isinstance(value, InstanceValue) and value.cls.derives(MODULE)


def children(module: InstanceValue) -> Iterator[tuple[str, InstanceValue]]:
    """Yield the modules directly inside a module, each once, by their names."""
    seen: set[int] = set()
    for name, value in module.attributes.items():
        if is_module(value) and id(value) not in seen:
            seen.add(id(value))
            yield name, value


def modules(root: InstanceValue) -> Iterator[tuple[str, InstanceValue]]:
    """Yield a module and those inside it, each once, by their names. TooMuchError where they are nested too deeply."""
    seen: set[int] = set()
    waiting = [("", root, 0)]
    while waiting:
        path, module, depth = waiting.pop()
        if depth > DEEPEST_BLOCKS:
            raise TooMuchError(f"modules are nested more than {DEEPEST_BLOCKS} deep")
        if id(module) not in seen:
            seen.add(id(module))
            yield path, module
            inside = [(f"{path}.{name}" if path else name, child, depth + 1) for name, child in children(module)]
            waiting += reversed(inside)


def tensors(found: Iterable[tuple[str, InstanceValue]]) -> Iterator[tuple[str, TensorValue]]:
    """Yield the parameters and buffers of modules, each once, by their names."""
    seen: set[int] = set()
    for path, module in found:
        for name, value in module.attributes.items():
            if isinstance(value, TensorValue) and (value.is_parameter or value.is_buffer) and id(value) not in seen:
                seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value


def held(evaluator: Evaluator, root: InstanceValue) -> list[tuple[str, TensorValue]]:
    """Return the parameters and buffers of a module and of those inside it, which takes steps for all of these."""
    return spent(evaluator, tensors(spent(evaluator, modules(root))))


# What every module has


@method(MODULE, "__init__")
def init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Make a module: it begins without anything."""


@method(MODULE, "__call__")
def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return what a module's `forward` gives."""
    module, *given = args
    forward = module.cls.find("forward")
    if forward is MISSING:
        raise evaluator.error(node, f"{module.cls.name} has no forward")
    own = recorder(evaluator)
    path = own.names.get(id(module), own.inside[-1][0])
    own.inside.append((path, next(own.turns)))
    for hook, takes_kwargs in list(module.attributes.get(BEFORE, {}).values()):
        changed = evaluator.call(hook, [module, tuple(given), *([kwargs] if takes_kwargs else [])], {}, node)
        if changed is not None and takes_kwargs:
            args, kwargs = evaluator.items(changed, node)
            given = evaluator.items(args, node)
        elif changed is not None:
            given = [*changed] if isinstance(changed, tuple) else [changed]
    result = evaluator.call(forward, [module, *given], kwargs, node)
    for hook, takes_kwargs in list(module.attributes.get(AFTER, {}).values()):
        changed = evaluator.call(hook, [module, tuple(given), *([kwargs] if takes_kwargs else []), result], {}, node)
        result = result if changed is None else changed
    own.inside.pop()  # an error keeps the module that it is in
    if module.node is not None:
        evaluator.seen(module.node, result)
    return result


BEFORE, AFTER = "_forward_pre_hooks", "_forward_hooks"
"""The attributes of a module, as PyTorch names them, with what is called before and after it, by the hook's number."""
HANDLE = ClassValue("RemovableHandle")


def _registers(word: str, hooks: str) -> None:
    """Enter the method that keeps a function for one of the attributes, and returns what removes it."""

    @method(MODULE, word)
    def register(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = dict(zip(("self", "hook"), args, strict=False)) | kwargs
        own, handle = given["self"].attributes.setdefault(hooks, {}), InstanceValue(HANDLE, node)
        handle.attributes |= {"id": next(recorder(evaluator).turns), "hooks": own}
        later = dict(own) if given.get("prepend") else {}
        evaluator.budget.copy(len(later))
        for number in later:
            del own[number]
        own[handle.attributes["id"]] = given["hook"], bool(given.get("with_kwargs"))
        own |= later
        return handle


_registers("register_forward_pre_hook", BEFORE)
_registers("register_forward_hook", AFTER)


@NAMES.function("torch.nn.register_module_forward_pre_hook", "torch.nn.register_module_forward_hook")
def register_for_all(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Refuse a hook of every module that there is."""
    raise evaluator.error(node, "a hook of all modules is not followed", "register it on each: for m in self.modules()")


@method(HANDLE, "remove")
def remove_hook(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Remove what a module calls, if it is there still."""
    handle = args[0].attributes
    handle["hooks"].pop(handle["id"], None)


@method(MODULE, "add_module", "register_module")
def add_module(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Give a module another one."""
    module, *rest = args
    name, child = [*rest, *kwargs.values()]
    evaluator.set_attribute(module, part_name(evaluator, name, node), checked(evaluator, child, node), node)


def part_name(evaluator: Evaluator, name: Any, node: Any) -> str:
    """Return the name of a part of a module. SpecError for one that PyTorch refuses."""
    evaluator.needs(name, node)
    if not isinstance(name, str) or not name or "." in name:
        what = shown(name) if isinstance(name, str) else describe(name)
        raise evaluator.error(node, f"{what} is not a name: PyTorch takes text without dots")
    return name


def checked(evaluator: Evaluator, value: Any, node: Any) -> Any:
    """Return a value that has to be a module, or None. SpecError for another."""
    evaluator.needs(value, node)
    if value is not None and not is_module(value):
        raise evaluator.error(node, f"{describe(value)} is not a module")
    return value


@method(MODULE, "register_buffer")
def register_buffer(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Give a module a buffer."""
    given = dict(zip(("self", "name", "tensor", "persistent"), args, strict=False)) | kwargs
    value = given.get("tensor")
    if isinstance(value, UnknownValue):
        raise evaluator.unknown(value, node)
    if isinstance(value, TensorValue):
        value = value.copied()
        value.is_buffer, value.of = True, ()
    evaluator.set_attribute(given["self"], part_name(evaluator, given["name"], node), value, node)


@method(MODULE, "register_parameter")
def register_parameter(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Give a module a parameter."""
    given = dict(zip(("self", "name", "param"), args, strict=False)) | kwargs
    name, value = part_name(evaluator, given["name"], node), evaluator.needs(given.get("param"), node)
    evaluator.set_attribute(given["self"], name, value, node)


_SAME = """
    to cuda cpu half float double bfloat16 eval train requires_grad_ share_memory type compile
"""


@method(MODULE, *_SAME.split())
def same(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module: where its numbers are, and what they are, does not matter."""
    return args[0]


@method(MODULE, "apply")
def apply_each(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Call a function with each of the modules inside one, and with that itself: it may give them other parameters."""
    module, function = [*args, *kwargs.values()]
    for _, one in reversed(spent(evaluator, modules(module))):
        evaluator.call(function, [one], {}, node)
    return module


_UNSEEN = """
    load_state_dict zero_grad extra_repr register_state_dict_post_hook register_load_state_dict_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_backward_hook
"""


@method(MODULE, *_UNSEEN.split())
def no_effect(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return nothing that is known."""
    return UnknownValue("what a module gives without running", node)


@method(MODULE, "state_dict")
def state_dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parameters and buffers by their names."""
    return dict(held(evaluator, args[0]))


@method(MODULE, "children")
def get_children(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the modules inside."""
    return [child for _, child in children(args[0])]


@method(MODULE, "named_children")
def named_children(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the modules inside, with their names."""
    return list(children(args[0]))


@method(MODULE, "modules")
def get_modules(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module and all inside it."""
    return [module for _, module in spent(evaluator, modules(args[0]))]


@method(MODULE, "named_modules")
def named_modules(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module and all inside it, with their names."""
    return spent(evaluator, modules(args[0]))


@method(MODULE, "parameters", "buffers")
def parameters(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parameters of a module and of all inside it."""
    return [one for _, one in held(evaluator, args[0]) if one.is_parameter]


@method(MODULE, "named_parameters")
def named_parameters(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parameters of a module and of all inside it, with their names."""
    return [(name, one) for name, one in held(evaluator, args[0]) if one.is_parameter]


@method(MODULE, "get_submodule")
def get_submodule(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module of a name."""
    module, path = args
    for name in path.split(".") if path else []:
        module = evaluator.attribute(module, name, node)
    return module


MODULE.namespace["training"] = False
MODULE.namespace["_modules"] = PropertyValue(
    LibraryFunction("_modules", lambda evaluator, args, kwargs, node: dict(children(args[0])))
)
MODULE.namespace["_parameters"] = PropertyValue(
    LibraryFunction(
        "_parameters",
        lambda evaluator, args, kwargs, node: {
            name: one for name, one in args[0].attributes.items() if isinstance(one, TensorValue) and one.is_parameter
        },
    )
)


@NAMES.function("torch.nn.Parameter")
def parameter(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor as a parameter."""
    value = evaluator.needs(args[0] if args else kwargs.get("data"), node)
    if not isinstance(value, TensorValue):
        raise evaluator.error(node, f"a parameter of {describe(value)} is not understood")
    return TensorValue(value.shape, value.kind, is_parameter=True)


NAMES["torch.nn.parameter.Parameter"] = NAMES["torch.nn.Parameter"]

# Containers

SEQUENTIAL, LIST, DICT = container("Sequential"), container("ModuleList"), container("ModuleDict")
PARAMETER_LIST, PARAMETER_DICT = container("ParameterList"), container("ParameterDict")


def inside(module: InstanceValue) -> dict[str, Any]:
    """Return what a container holds, by name."""
    return {name: one for name, one in module.attributes.items() if is_module(one) or isinstance(one, TensorValue)}


def refill(module: InstanceValue, items: list[Any]) -> None:
    """Give a container other contents, numbered from 0."""
    for name in inside(module):
        del module.attributes[name]
    module.attributes |= {str(at): one for at, one in enumerate(items)}


@method(SEQUENTIAL, "__init__")
def sequential(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Make a row of modules, of those given or of those in a dict."""
    module, *given = args
    if len(given) == 1 and isinstance(given[0], dict):
        given_names: dict[str, Any] = given[0]
    else:
        given_names = {str(at): one for at, one in enumerate(given)}
    for name, one in given_names.items():
        if checked(evaluator, one, node) is None:
            raise evaluator.error(node, "None is not a module")
        module.attributes[str(name)] = one


@method(SEQUENTIAL, "forward")
def run_in_a_row(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a value through all modules, one after another."""
    module, value = args[0], first_of(args[1:], kwargs)
    for one in inside(module).values():
        value = evaluator.call(one, [value], {}, node)
    return value


@method(LIST, "__init__")
@method(PARAMETER_LIST, "__init__")
def module_list(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Make a list of modules, or of parameters."""
    module, *given = args
    rows = [*given, *kwargs.values()]
    items = evaluator.items(rows[0], node) if rows and rows[0] is not None else []
    refill(module, [evaluator.needs(one, node) for one in items])


@method(DICT, "__init__")
@method(PARAMETER_DICT, "__init__")
def module_dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Make a dict of modules, or of parameters."""
    update(evaluator, [*args, *kwargs.values()], {}, node)


@method(DICT, "update")
@method(PARAMETER_DICT, "update")
def update(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Put the entries of a dict into a container."""
    module, *given = args
    for one in given:
        if one is not None:
            own = inside(one) if is_module(one) else pairs(evaluator, one, node)
            module.attributes |= {str(key): evaluator.needs(value, node) for key, value in own.items()}


def in_lists(*names: str) -> Callable[[Implementation], Implementation]:
    """Return a decorator that enters a method of all lists of modules."""

    def enter(implementation: Implementation) -> Implementation:
        for cls in (SEQUENTIAL, LIST, PARAMETER_LIST):
            method(cls, *names)(implementation)
        return implementation

    return enter


def in_dicts(*names: str) -> Callable[[Implementation], Implementation]:
    """Return a decorator that enters a method of all dicts of modules."""

    def enter(implementation: Implementation) -> Implementation:
        for cls in (DICT, PARAMETER_DICT):
            method(cls, *names)(implementation)
        return implementation

    return enter


@in_dicts("__len__")
@in_lists("__len__")
def length(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return how many there are."""
    return len(inside(args[0]))


@in_dicts("values")
@in_lists("__iter__")
def contents(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return what a container holds."""
    return list(inside(args[0]).values())


@in_dicts("keys", "__iter__")
def names_of(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the names of what a container holds."""
    return list(inside(args[0]))


@in_dicts("items")
def entries(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return what a container holds, with its names."""
    return list(inside(args[0]).items())


@in_dicts("__getitem__", "get")
def of_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return what has a name."""
    module, name, *default = args
    own = inside(module)
    return own.get(str(name), *default) if default else evaluator.item_of_dict(own, str(name), node)


@in_dicts("__contains__")
def has_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return whether there is a name."""
    return args[1] in inside(args[0])


@in_dicts("__setitem__")
def set_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Give a container an entry."""
    module, name, value = args
    module.attributes[str(name)] = evaluator.needs(value, node)


@in_dicts("pop", "__delitem__")
def remove_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Take an entry away."""
    return args[0].attributes.pop(args[1])


@in_lists("__getitem__")
def of_place(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return what stands at a place, or a container of several with their names."""
    module, at = args
    own = inside(module)
    if not isinstance(at, slice):
        return list(own.values())[evaluator.needs(at, node)]
    made = InstanceValue(next(one for one in module.cls.mro if one in (SEQUENTIAL, LIST, PARAMETER_LIST)), node)
    chosen = list(own.items())[at]
    numbered = not made.cls.derives(SEQUENTIAL)
    made.attributes |= {str(place) if numbered else name: one for place, (name, one) in enumerate(chosen)}
    return made


@in_lists("__setitem__")
def set_place(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Put a module at a place."""
    module, at, value = args
    names = list(inside(module))
    module.attributes[names[at] if isinstance(at, int) else str(at)] = evaluator.needs(value, node)


@in_lists("__delitem__", "pop")
def remove_place(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Take the module at a place away."""
    module, *at = args
    own = list(inside(module).values())
    gone = own[at[0]] if at and isinstance(at[0], int) else own[-1]
    del own[at[0] if at else -1]
    refill(module, own)
    return gone


@in_lists("append")
def append(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Put a module at the end."""
    module, one = args
    module.attributes[str(len(inside(module)))] = evaluator.needs(one, node)
    return module


@in_lists("extend", "__iadd__")
def extend(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Put several modules at the end."""
    for one in evaluator.items(args[1], node):
        append(evaluator, [args[0], one], {}, node)
    return args[0]


@in_lists("insert")
def insert(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Put a module at a place, in front of what stands there."""
    module, at, one = args
    own = list(inside(module).values())
    own.insert(at, evaluator.needs(one, node))
    refill(module, own)


@in_lists("__add__")
def joined(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a container of what two hold."""
    module, other = args
    made = InstanceValue(module.cls, node)
    refill(made, [*inside(module).values(), *evaluator.items(other, node)])
    return made
