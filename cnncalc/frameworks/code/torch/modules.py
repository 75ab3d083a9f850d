"""`torch.nn.Module` in evaluated code: what all modules have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ....errors import shown
from ....limits import DEEPEST_BLOCKS
from ..budget import TooMuchError
from ..libraries import NameTable
from ..methods import METHODS, by_name, pairs, spent
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
    """Return a decorator that registers a method, which counts steps for all that its object holds."""

    def enter(implementation: Implementation) -> Implementation:
        def run(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
            evaluator.budget.copy(len(args[0].attributes) if args and isinstance(args[0], InstanceValue) else 0)
            return implementation(evaluator, args, kwargs, node)

        for name in names:
            cls.namespace[name] = LibraryFunction(name, run)
        return implementation

    return enter


def first_of(args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the first argument of a call. Raise TypeError if there is none."""
    given = [*args, *kwargs.values()]
    if not given:
        raise TypeError("it is called without an input")
    return given[0]


def is_module(value: Any) -> bool:
    """Return whether a value is a module."""
    return isinstance(value, InstanceValue) and value.cls.derives(MODULE)


def children(module: InstanceValue) -> Iterator[tuple[str, InstanceValue]]:
    """Yield the direct child modules of a module, each once, with their names."""
    seen: set[int] = set()
    for name, value in module.attributes.items():
        if is_module(value) and id(value) not in seen:
            seen.add(id(value))
            yield name, value


def modules(root: InstanceValue) -> Iterator[tuple[str, InstanceValue]]:
    """Yield a module and all modules inside it, each once, by name. Raise TooMuchError for too deep nesting."""
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
    """Yield the parameters and buffers of modules, each once, with their names."""
    seen: set[int] = set()
    for path, module in found:
        for name, value in module.attributes.items():
            if isinstance(value, TensorValue) and (value.is_parameter or value.is_buffer) and id(value) not in seen:
                seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value


def held(evaluator: Evaluator, root: InstanceValue) -> list[tuple[str, TensorValue]]:
    """Return the parameters and buffers of a module and of all inside it, counting steps for each."""
    return spent(evaluator, tensors(spent(evaluator, modules(root))))


# Methods of all modules


@method(MODULE, "__init__")
def init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize a module, without contents."""


def set_attribute(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Set an attribute of a module. Raise SpecError for a child that a class attribute of the same name would hide."""
    module, name, value = args
    is_part = is_module(value) or (isinstance(value, TensorValue) and value.is_parameter)
    if is_part and name not in module.attributes and module.cls.find(name) is not MISSING:
        what = f"{module.cls.name} has {shown(name)} as an attribute of the class, which PyTorch finds in its place"
        raise evaluator.error(node, what, "give the part another name")
    module.attributes[name] = value


MODULE.namespace["__setattr__"] = LibraryFunction("__setattr__", set_attribute)


@method(MODULE, "__call__")
def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the result of a module's `forward`."""
    module, *given = args
    forward = evaluator.find(module, "forward", node)  # an instance may have its own
    if forward is MISSING:
        raise evaluator.error(node, f"{module.cls.name} has no forward method")
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
    result = evaluator.call(forward, given, kwargs, node)
    for hook, takes_kwargs in list(module.attributes.get(AFTER, {}).values()):
        changed = evaluator.call(hook, [module, tuple(given), *([kwargs] if takes_kwargs else []), result], {}, node)
        result = result if changed is None else changed
    own.inside.pop()  # after an error, `inside` still names the failing module
    if module.node is not None:
        evaluator.seen(module.node, result)
    return result


BEFORE, AFTER = "_forward_pre_hooks", "_forward_hooks"
"""The attributes of a module, with PyTorch's names, that hold the hooks before and after `forward`, by number."""
HANDLE = ClassValue("RemovableHandle")


def _registers(word: str, hooks: str) -> None:
    """Register the method that adds a hook to one of these attributes and returns a handle to remove it."""

    @method(MODULE, word)
    def register(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = by_name("self hook", args, kwargs)
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
    """Refuse a hook on all modules."""
    raise evaluator.error(
        node, "a hook on all modules is not supported", ("register it on each: for m in self.modules()")
    )


@method(HANDLE, "__enter__")
def enter_hook(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the handle, which is removed at the end of the `with` statement."""
    return args[0]


@method(HANDLE, "remove", "__exit__")
def remove_hook(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Remove a hook from its module, if it is still there."""
    handle = args[0].attributes
    handle["hooks"].pop(handle["id"], None)


@method(MODULE, "add_module", "register_module")
def add_module(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Add a child module to a module."""
    module, *rest = args
    name, child = [*rest, *kwargs.values()]
    evaluator.set_attribute(module, part_name(evaluator, name, node), checked(evaluator, child, node), node)


def part_name(evaluator: Evaluator, name: Any, node: Any) -> str:
    """Return the name of a part of a module. Raise SpecError for one that PyTorch rejects."""
    evaluator.needs(name, node)
    if not isinstance(name, str) or not name or "." in name:
        what = shown(name) if isinstance(name, str) else describe(name)
        raise evaluator.error(node, f"{what} is not a name: PyTorch takes strings without dots")
    return name


def checked(evaluator: Evaluator, value: Any, node: Any) -> Any:
    """Return a value that must be a module or None. Raise SpecError for any other value."""
    evaluator.needs(value, node)
    if value is not None and not is_module(value):
        raise evaluator.error(node, f"{describe(value)} is not a module")
    return value


@method(MODULE, "register_buffer")
def register_buffer(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Add a buffer to a module."""
    given = by_name("self name tensor persistent", args, kwargs)
    value = given.get("tensor")
    if isinstance(value, UnknownValue):
        raise evaluator.unknown(value, node)
    if isinstance(value, TensorValue):
        value = value.copied()
        value.is_buffer, value.of = True, ()
    evaluator.set_attribute(given["self"], part_name(evaluator, given["name"], node), value, node)


@method(MODULE, "register_parameter")
def register_parameter(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Add a parameter to a module."""
    given = by_name("self name param", args, kwargs)
    name, value = part_name(evaluator, given["name"], node), evaluator.needs(given.get("param"), node)
    evaluator.set_attribute(given["self"], name, value, node)


_SAME = """
    to cuda cpu half float double bfloat16 eval train requires_grad_ share_memory type compile
"""


@method(MODULE, *_SAME.split())
def same(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module: the device and the type of its values do not matter."""
    return args[0]


@method(MODULE, "apply")
def apply_each(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Call a function with each module inside a module, and then with the module; it may replace parameters."""
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
    """Return an unknown value."""
    return UnknownValue("what a module gives without running", node)


@method(MODULE, "state_dict")
def state_dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parameters and buffers by name."""
    return dict(held(evaluator, args[0]))


@method(MODULE, "children")
def get_children(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the child modules."""
    return [child for _, child in children(args[0])]


@method(MODULE, "named_children")
def named_children(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the child modules, with their names."""
    return list(children(args[0]))


@method(MODULE, "modules")
def get_modules(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module and all modules inside it."""
    return [module for _, module in spent(evaluator, modules(args[0]))]


@method(MODULE, "named_modules")
def named_modules(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module and all modules inside it, with their names."""
    return spent(evaluator, modules(args[0]))


@method(MODULE, "parameters", "buffers")
def parameters(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parameters of a module and of all modules inside it."""
    return [one for _, one in held(evaluator, args[0]) if one.is_parameter]


@method(MODULE, "named_parameters")
def named_parameters(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parameters of a module and of all modules inside it, with their names."""
    return [(name, one) for name, one in held(evaluator, args[0]) if one.is_parameter]


@method(MODULE, "get_submodule")
def get_submodule(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module with a given name."""
    module, path = args
    for name in path.split(".") if path else []:
        module = evaluator.attribute(module, name, node)
    return module


MODULE.namespace["training"] = False


class ChildModules(dict[str, Any]):
    """The child modules of a module by name; those that are set or deleted are set or deleted in the module."""

    def __init__(self, owner: Any):
        super().__init__({name: one for name, one in owner.attributes.items() if is_module(one)})
        self.owner = owner

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.owner.attributes[name] = value

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        del self.owner.attributes[name]


def _pop(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Remove a child module, and return it, or else the default."""
    held, name, *default = args
    if evaluator.key(name, node) not in held and default:
        return default[0]
    found = held[name]
    del held[name]
    return found


def _clear(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Remove all child modules."""
    for name in spent(evaluator, args[0]):
        del args[0][name]


def _update(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Set child modules."""
    held, *given = args
    for more in (*given, kwargs):
        for name, value in pairs(evaluator, more, node).items():
            held[name] = value


def _unsupported(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Refuse a method that would change the dict alone."""
    raise NotImplementedError


METHODS[ChildModules] = {
    **{name: LibraryFunction(name, _unsupported) for name in ("popitem", "setdefault", "move_to_end")},
    "pop": LibraryFunction("pop", _pop),
    "clear": LibraryFunction("clear", _clear),
    "update": LibraryFunction("update", _update),
}
MODULE.namespace["_modules"] = PropertyValue(
    LibraryFunction("_modules", lambda evaluator, args, kwargs, node: ChildModules(args[0]))
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
        raise evaluator.error(node, f"a parameter of {describe(value)} is not supported")
    return TensorValue(value.shape, value.kind, is_parameter=True)


NAMES["torch.nn.parameter.Parameter"] = NAMES["torch.nn.Parameter"]
