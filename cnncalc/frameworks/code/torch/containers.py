"""PyTorch's containers in evaluated code: Sequentials, and lists and dicts of modules or parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..methods import pairs
from ..values import ClassValue, Implementation, InstanceValue
from .modules import MODULE, NAMES, checked, first_of, is_module, method
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator


def container(name: str) -> ClassValue:
    """Return a new module class, registered in the table of names."""
    cls = ClassValue(name, [MODULE])
    NAMES[f"torch.nn.{name}"] = cls
    return cls


SEQUENTIAL, LIST, DICT = container("Sequential"), container("ModuleList"), container("ModuleDict")
PARAMETER_LIST, PARAMETER_DICT = container("ParameterList"), container("ParameterDict")


def inside(module: InstanceValue) -> dict[str, Any]:
    """Return the contents of a container by name. A list may hold None in place of a module."""
    return {
        name: one
        for name, one in module.attributes.items()
        if is_module(one) or isinstance(one, TensorValue) or (one is None and name.isdecimal())
    }


def held(evaluator: Evaluator, module: InstanceValue, value: Any, node: Any) -> Any:
    """Return a value as a container holds it: a container of parameters turns a tensor into a parameter."""
    evaluator.needs(value, node)
    of_parameters = module.cls.derives(PARAMETER_LIST) or module.cls.derives(PARAMETER_DICT)
    if of_parameters and isinstance(value, TensorValue) and not value.is_parameter:
        return TensorValue(value.shape, value.kind, is_parameter=True)
    return value


def refill(module: InstanceValue, items: list[Any]) -> None:
    """Replace the contents of a container, numbered from 0."""
    for name in inside(module):
        del module.attributes[name]
    module.attributes |= {str(at): one for at, one in enumerate(items)}


@method(SEQUENTIAL, "__init__")
def sequential(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize a Sequential from modules, or from a dict of modules."""
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
    """Return the result of running all modules in order."""
    module, value = args[0], first_of(args[1:], kwargs)
    for one in inside(module).values():
        value = evaluator.call(one, [value], {}, node)
    return value


@method(LIST, "__init__")
@method(PARAMETER_LIST, "__init__")
def module_list(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize a list of modules or parameters."""
    module, *given = args
    rows = [*given, *kwargs.values()]
    items = evaluator.items(rows[0], node) if rows and rows[0] is not None else []
    refill(module, [held(evaluator, module, one, node) for one in items])


@method(DICT, "__init__")
@method(PARAMETER_DICT, "__init__")
def module_dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize a dict of modules or parameters."""
    update(evaluator, [*args, *kwargs.values()], {}, node)


@method(DICT, "update")
@method(PARAMETER_DICT, "update")
def update(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Add the entries of a dict to a container."""
    module, *given = args
    for one in given:
        if one is not None:
            own = inside(one) if is_module(one) else pairs(evaluator, one, node)
            module.attributes |= {str(key): held(evaluator, module, value, node) for key, value in own.items()}


def in_lists(*names: str) -> Callable[[Implementation], Implementation]:
    """Return a decorator that registers a method of all list containers."""

    def enter(implementation: Implementation) -> Implementation:
        for cls in (SEQUENTIAL, LIST, PARAMETER_LIST):
            method(cls, *names)(implementation)
        return implementation

    return enter


def in_dicts(*names: str) -> Callable[[Implementation], Implementation]:
    """Return a decorator that registers a method of all dict containers."""

    def enter(implementation: Implementation) -> Implementation:
        for cls in (DICT, PARAMETER_DICT):
            method(cls, *names)(implementation)
        return implementation

    return enter


@in_dicts("__len__")
@in_lists("__len__")
def length(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the number of entries."""
    return len(inside(args[0]))


@in_dicts("values")
@in_lists("__iter__")
def contents(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the contents of a container."""
    return list(inside(args[0]).values())


@in_dicts("keys", "__iter__")
def names_of(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the names of the entries."""
    return list(inside(args[0]))


@in_dicts("items")
def entries(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the entries with their names."""
    return list(inside(args[0]).items())


@in_dicts("__getitem__", "get")
def of_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the entry with a given name."""
    module, name, *default = args
    own = inside(module)
    return own.get(str(name), *default) if default else evaluator.item_of_dict(own, str(name), node)


@in_dicts("__contains__")
def has_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return whether there is an entry with a given name."""
    return args[1] in inside(args[0])


@in_dicts("__setitem__")
def set_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Set an entry of a container."""
    module, name, value = args
    module.attributes[str(name)] = held(evaluator, module, value, node)


@in_dicts("pop", "__delitem__")
def remove_name(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Remove an entry, and return it."""
    return args[0].attributes.pop(args[1])


@in_lists("__getitem__")
def of_place(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the module at an index, or a container of several with their names."""
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
    """Set the module at an index."""
    module, at, value = args
    names = list(inside(module))
    module.attributes[names[at] if isinstance(at, int) else str(at)] = held(evaluator, module, value, node)


@in_lists("__delitem__", "pop")
def remove_place(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Remove the module at an index."""
    module, *at = args
    own = list(inside(module).values())
    gone = own[at[0]] if at and isinstance(at[0], int) else own[-1]
    del own[at[0] if at else -1]
    refill(module, own)
    return gone


@in_lists("append")
def append(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Append a module."""
    module, one = args
    module.attributes[str(len(inside(module)))] = held(evaluator, module, one, node)
    return module


@in_lists("extend", "__iadd__")
def extend(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Append several modules."""
    for one in evaluator.items(args[1], node):
        append(evaluator, [args[0], one], {}, node)
    return args[0]


@in_lists("insert")
def insert(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Insert a module at an index."""
    module, at, one = args
    own = list(inside(module).values())
    own.insert(at, held(evaluator, module, one, node))
    refill(module, own)


@in_lists("__add__")
def joined(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a container with the contents of two."""
    module, other = args
    made = InstanceValue(module.cls, node)
    refill(made, [*inside(module).values(), *evaluator.items(other, node)])
    return made
