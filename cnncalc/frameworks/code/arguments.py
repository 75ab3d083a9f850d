"""`argparse` and `os.environ` in evaluated code.

The command line is taken to be empty, and variables to be unset: each has its default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import shown
from .libraries import Library, NameTable
from .methods import by_name
from .values import ClassValue, InstanceValue, LibraryFunction, LibraryObject, UnknownValue

if TYPE_CHECKING:
    from .evaluate import Evaluator

DEFAULTS = "defaults"
"""The attribute of a parser that holds the default of each option."""
FLAGS = {"store_true": False, "store_false": True, "count": None}
"""The values of options without an argument when they are not given."""


def _init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    args[0].attributes[DEFAULTS] = {}


def _same(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return args[0]


def _add(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    parser, *names = args
    name = next((one for one in names if one.startswith("--")), names[0] if names else "")
    default = kwargs.get("default", FLAGS.get(kwargs.get("action", "store")))
    if isinstance(default, str) and "type" in kwargs:
        default = evaluator.call(kwargs["type"], [default], {}, node)
    if "default" not in kwargs and (kwargs.get("required") or not name.startswith("-")):
        default = UnknownValue(f"{name}, which the command line gives,", node)
    parser.attributes[DEFAULTS][kwargs.get("dest", name.lstrip("-").replace("-", "_"))] = default


def _set_defaults(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    args[0].attributes[DEFAULTS].update(kwargs)


def _parse(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> InstanceValue:
    found = InstanceValue(NAMESPACE, node)
    evaluator.budget.copy(len(args[0].attributes[DEFAULTS]))
    found.attributes |= args[0].attributes[DEFAULTS]
    return found


def _parse_known(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> tuple[Any, list[Any]]:
    return _parse(evaluator, args, kwargs, node), []


_METHODS = {
    "__init__": _init,
    "add_argument": _add,
    **dict.fromkeys(("add_argument_group", "add_mutually_exclusive_group"), _same),
    "set_defaults": _set_defaults,
    "parse_args": _parse,
    "parse_known_args": _parse_known,
}
NAMESPACE = ClassValue("Namespace")
PARSER = ClassValue("ArgumentParser", (), {name: LibraryFunction(name, one) for name, one in _METHODS.items()})


def _variable(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the default of a variable of the environment; without one, an unknown value."""
    given = by_name("key default", args, kwargs)
    name = given.get("key")
    if given.get("default") is None or not isinstance(name, str):
        return UnknownValue("a variable of the environment", node)
    evaluator.notes[f"line {node.lineno}: the variable {shown(name)} of the environment is taken to be unset"] = None
    return given["default"]


class Environment(LibraryObject):
    """The variables of the environment."""

    __slots__ = ()

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        return _GET if name == "get" else UnknownValue(f"os.environ.{name}", node)

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        return UnknownValue("a variable of the environment", node)

    def set_item(self, evaluator: Evaluator, index: Any, value: Any, node: Any) -> None:
        """Do nothing: variables are not read."""

    def describe(self) -> str:
        return "the environment"


_GET = LibraryFunction("get", _variable)
LIBRARY = Library(NameTable({"argparse.ArgumentParser": PARSER, "os.environ": Environment(), "os.getenv": _GET}))
