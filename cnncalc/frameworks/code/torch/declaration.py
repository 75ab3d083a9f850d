"""The declaration of PyTorch's own modules: their parameters, their arrays, and the functions that they call.

The parameters of `__init__` are written as in Python. `state` gives the shapes of the arrays. `forward` names the
function that the module calls with its input, followed by attributes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ....errors import ShapeError
from ..libraries import NameTable
from ..values import ClassValue, Frame, FunctionValue, InstanceValue, LibraryFunction, UnknownValue, describe
from .functions import apply, recorder
from .modules import MODULE, first_of
from .shapes import as_code
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

NAMES = NameTable()
ARGUMENTS: dict[str, str] = {}
"""The parameters of each module's `__init__`, as in Python."""
STEPS_A_MODULE = 20
"""How many steps it takes to make a module."""
Attributes = dict[str, Any]
Shape = tuple[int, ...]
State = Mapping[str, Shape | None]
"""The shape of each parameter; None for one that is omitted."""


class Arrays(NamedTuple):
    """The parameters and buffers of a module."""

    parameters: State = {}
    buffers: State = {}


class Given(NamedTuple):
    """A module with the arguments of a call."""

    evaluator: Evaluator
    own: Attributes
    """The module's attributes."""
    args: list[Any]
    kwargs: dict[str, Any]
    node: Any

    def call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Return the result of a function of tensors."""
        return apply(self.evaluator, function, args, kwargs, self.node)

    def run(self, module: Any, *args: Any) -> Any:
        """Return the result of another module."""
        return self.evaluator.call(module, list(args), {}, self.node)

    @property
    def x(self) -> Any:
        """The first argument."""
        return first_of(self.args, self.kwargs)


Forward = Callable[[Given], Any]


def module(
    names: str,
    arguments: str = "",
    forward: str | Forward = "",
    state: Callable[[Attributes, int], Arrays] | None = None,
    after: Callable[[Evaluator, InstanceValue, Any], None] | None = None,
    lazy: int | None = None,
    base: str = "Module",
) -> None:
    """Register modules with these names; `{}` in a name stands for the number of axes.

    `forward` is the name of a function, followed by the attributes after its input (`relu inplace`), or a Python
    function. `after` completes or checks a new module. `lazy` adds a lazy form, whose first argument is the size of
    this axis of its first input; 0 is the axis before the spatial ones. The modules are derived from `base`.
    """
    for nd in (1, 2, 3) if "{}" in names else (0,):
        for name in names.format(*[nd] * names.count("{}")).split():
            run = function_of(forward.format(nd=nd)) if isinstance(forward, str) else forward
            make = maker(name, arguments, state, after, nd)
            methods = {
                "__init__": LibraryFunction(f"{name}.__init__", make),
                "forward": LibraryFunction(f"{name}.forward", runner(run)),
                "reset_parameters": LibraryFunction("reset_parameters", lambda *_: None),
            }
            NAMES[f"torch.nn.{name}"] = ClassValue(name, [NAMES.get(f"torch.nn.{base}", MODULE)], methods)
            ARGUMENTS[name] = arguments
            if lazy is not None and state is not None:
                lazy_module(arguments, run, lazy or -(nd + 1), Making(name, state, after, nd))


class Making(NamedTuple):
    """How a module's arrays are made once its arguments are known."""

    name: str
    state: Callable[[Attributes, int], Arrays]
    after: Callable[[Evaluator, InstanceValue, Any], None] | None
    nd: int


def lazy_module(arguments: str, run: Forward, axis: int, making: Making) -> None:
    """Register the lazy form of a module, whose first argument is set to the size of an axis of its first input."""
    first, _, others = arguments.partition(", ")
    name = f"Lazy{making.name}"
    init = maker(name, others, None, empty(first), making.nd)
    methods = {
        "__init__": LibraryFunction(f"{name}.__init__", init),
        "forward": LibraryFunction(f"{name}.forward", runner(run, filler(first, axis, making))),
        "reset_parameters": LibraryFunction("reset_parameters", lambda *_: None),
    }
    NAMES[f"torch.nn.{name}"] = ClassValue(name, [NAMES[f"torch.nn.{making.name}"]], methods)


@cache
def signature(arguments: str) -> FunctionValue:
    """Return a function with these parameters after `self`."""
    node = ast.parse(f"lambda self, {arguments}: 0", mode="eval").body
    assert isinstance(node, ast.Lambda)
    function = FunctionValue("__init__", node, None)
    function.defaults = [ast.literal_eval(one) for one in node.args.defaults]
    only = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    function.kw_defaults = {one.arg: ast.literal_eval(own) for one, own in only if own is not None}
    return function


def must(*rules: tuple[Callable[[Attributes], bool], str]) -> Callable[[Evaluator, InstanceValue, Any], None]:
    """Return a check that raises an error if a new module's attributes violate a rule; each rule has its error text."""

    def check(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
        for holds, text in rules:
            try:
                held = holds(made.attributes)
            except TypeError:  # the rule compares a value of another type
                held = False
            if not held:
                raise evaluator.error(node, text.format(**{key: as_code(one) for key, one in made.attributes.items()}))

    return check


def function_of(text: str) -> Forward:
    """Return a `forward` that calls a function with the input and these attributes; `name=attribute` is a keyword."""
    function, *names = text.split() or [""]
    by_place = [one for one in names if "=" not in one]
    by_name = [one.partition("=")[::2] for one in names if "=" in one]

    def run(given: Given) -> Any:
        if not function:
            return given.x
        kwargs = {key: given.own[name] for key, name in by_name}
        result = given.call(function, given.x, *[given.own[name] for name in by_place], **kwargs)
        if kwargs.get("inplace") and isinstance(given.x, TensorValue):
            given.x.become(result)
            return given.x
        return result

    return run


def maker(
    name: str,
    arguments: str,
    state: Callable[[Attributes, int], Arrays] | None,
    after: Callable[[Evaluator, InstanceValue, Any], None] | None,
    nd: int,
) -> Any:
    """Return the `__init__` of a module."""

    def init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
        evaluator.budget.count(STEPS_A_MODULE)
        made = args[0]
        frame = Frame()
        function = signature(arguments)
        own = FunctionValue(name, function.node, None)
        own.defaults, own.kw_defaults = function.defaults, function.kw_defaults
        evaluator.bind_arguments(own, args, kwargs, frame, node)
        values = {key: value for key, value in frame.names.items() if key not in ("self", "device", "dtype")}
        for value in values.values():
            if isinstance(value, UnknownValue):
                raise evaluator.unknown(value, node)
        made.attributes |= values
        if state is not None:
            give_arrays(evaluator, made, Making(name, state, after, nd), node)
        if after is not None:
            after(evaluator, made, node)

    return init


def empty(first: str) -> Callable[[Evaluator, InstanceValue, Any], None]:
    """Return a function that removes the first argument and the arrays of a lazy module."""

    def leave(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
        made.attributes |= {first: 0, "weight": None, "bias": made.attributes.get("bias", True)}

    return leave


def filler(first: str, axis: int, making: Making) -> Callable[[Evaluator, InstanceValue, Any, Any], None]:
    """Return a function that sets a lazy module's first argument from its first input, and then makes its arrays."""

    def fill(evaluator: Evaluator, made: InstanceValue, x: Any, node: Any) -> None:
        if made.attributes[first] or not isinstance(x, TensorValue):
            return
        made.attributes[first] = x.shape[axis]
        give_arrays(evaluator, made, making, node)
        if making.after is not None:
            making.after(evaluator, made, node)
        path = recorder(evaluator).names.get(id(made), "")
        for key, value in made.attributes.items():
            if isinstance(value, TensorValue):
                value.name = f"{path}.{key}" if path else key

    return fill


def give_arrays(evaluator: Evaluator, made: InstanceValue, making: Making, node: Any) -> None:
    """Make a module's parameters and buffers. Raise SpecError for sizes that are not integers, or do not fit."""
    try:
        arrays = making.state(made.attributes, making.nd)
    except ShapeError as error:
        raise evaluator.error(node, f"{making.name}: {error.what}") from None
    for kept, own in ((False, arrays.parameters), (True, arrays.buffers)):
        evaluator.budget.count(len(own))
        for key, shape in own.items():
            if shape is not None and not all(type(n) is int and n >= 0 for n in shape):
                wrong = next(n for n in shape if type(n) is not int or n < 0)
                raise evaluator.error(node, f"{making.name} has a size of {describe(wrong)}, not a whole number")
            made.attributes[key] = None if shape is None else TensorValue(shape, is_parameter=not kept)
            if kept and shape is not None:
                made.attributes[key].is_buffer = True


def runner(run: Forward, before: Callable[[Evaluator, InstanceValue, Any, Any], None] | None = None) -> Any:
    """Return the `forward` of a module, with what runs before it."""

    def forward(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        if before is not None:
            before(evaluator, args[0], first_of(args[1:], kwargs), node)
        try:
            return run(Given(evaluator, args[0].attributes, args[1:], kwargs, node))
        except ShapeError as error:
            raise evaluator.error(node, error.what, error.help) from None

    return forward
