"""Named tuples, dataclasses and enumerations in evaluated code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .libraries import NameTable
from .methods import spent
from .operations import PLAIN
from .operators import equal, text_of
from .values import DERIVED, MISSING, ClassValue, InstanceValue, LibraryFunction, LibraryObject, RaisedError

if TYPE_CHECKING:
    from .evaluate import Evaluator

NAMES = NameTable()


@NAMES.function("collections.namedtuple")
def namedtuple(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a class whose instances have these fields, in order."""
    name, fields = args
    evaluator.budget.copy(len(fields))
    names = fields.replace(",", " ").split() if isinstance(fields, str) else evaluator.items(fields, node)
    cls = ClassValue(name, [NAMED_TUPLE], node=node)
    cls.fields = names
    cls.namespace |= {"_fields": tuple(names), "__new__": NewNamed(cls)}
    set_defaults(cls, kwargs.get("defaults"))
    return cls


def set_defaults(cls: ClassValue, defaults: Any) -> None:
    """Set the defaults of the last fields of a named tuple."""
    cls.namespace |= dict(zip(cls.fields[::-1], list(defaults or ())[::-1], strict=False))


class NewNamed(LibraryObject):
    """The function that makes a named tuple, whose `__defaults__` can be set."""

    __slots__ = ("cls",)

    def __init__(self, cls: ClassValue):
        self.cls = cls

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        return evaluator.call(self.cls, args[1:], kwargs, node)

    def set_attribute(self, evaluator: Evaluator, name: str, value: Any, node: Any) -> None:
        if name == "__defaults__":
            set_defaults(self.cls, value)


# Dataclasses


def make_fields(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Set the fields of an instance from the arguments."""
    made, *values = args
    names = made.cls.fields
    evaluator.budget.count(len(names))
    given = dict(zip(names, values, strict=False)) | kwargs
    if len(values) > len(names) or not set(kwargs) <= set(names):
        raise TypeError(f"{made.cls.name} takes {', '.join(names)}")
    for name in names:
        value = given[name] if name in given else made.cls.find(name)
        if isinstance(value, FieldValue):
            value = evaluator.call(value.factory, [], {}, node) if value.factory is not None else value.default
        if value is MISSING:
            raise TypeError(f"{made.cls.name} is not given {name}")
        made.attributes[name] = value
    after = made.cls.find("__post_init__")
    if after is not MISSING:
        evaluator.call(after, [made], {}, node)


def field_values(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the values of an instance's fields, in order."""
    return tuple(_fields(evaluator, args[0]).values())


@NAMES.function("dataclasses.replace")
def with_changed(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a copy of a named tuple, or of an instance of a dataclass, with some fields changed."""
    return evaluator.call(args[0].cls, [], _fields(evaluator, args[0]) | kwargs, node)


MAKE_FIELDS = LibraryFunction("__init__", make_fields)
NAMED_TUPLE = ClassValue(
    "NamedTuple",
    (),
    {
        "__init__": MAKE_FIELDS,
        "__iter__": LibraryFunction("__iter__", field_values),
        "__len__": LibraryFunction("__len__", lambda evaluator, args, kwargs, node: len(args[0].cls.fields)),
        "__getitem__": LibraryFunction(
            "__getitem__", lambda evaluator, args, kwargs, node: field_values(evaluator, args, {}, node)[args[1]]
        ),
        "_asdict": LibraryFunction("_asdict", lambda evaluator, args, kwargs, node: _fields(evaluator, args[0])),
        "_replace": LibraryFunction("_replace", with_changed),
    },
)
NAMES["typing.NamedTuple"] = NAMED_TUPLE


class FieldValue(LibraryObject):
    """A field of a dataclass, with its default value or default factory."""

    __slots__ = ("default", "factory")

    def __init__(self, default: Any, factory: Any):
        self.default, self.factory = default, factory


@NAMES.function("dataclasses.field")
def field(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a field of a dataclass."""
    return FieldValue(kwargs.get("default", MISSING), kwargs.get("default_factory"))


@NAMES.function("dataclasses.dataclass")
def dataclass(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Make a class a dataclass, whose fields are the parameters of its constructor."""
    if not args:
        return LibraryFunction("dataclass", dataclass)
    (cls,) = args
    cls.namespace.setdefault("__init__", MAKE_FIELDS)
    cls.namespace["__dataclass_fields__"] = {}
    for name in spent(evaluator, cls.fields):
        one = cls.namespace["__dataclass_fields__"][name] = InstanceValue(FIELD, node)
        one.attributes["name"] = name
    return cls


FIELD = ClassValue("Field")


@NAMES.function("dataclasses.fields")
def fields(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the fields of a dataclass or an instance, each with its name."""
    return tuple(spent(evaluator, evaluator.attribute(args[0], "__dataclass_fields__", node).values()))


@NAMES.function("dataclasses.asdict")
def asdict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the fields of an instance of a dataclass as a dict."""
    return _fields(evaluator, args[0])


def _fields(evaluator: Evaluator, made: InstanceValue) -> dict[str, Any]:
    """Return the field values of a dataclass instance by name, without other attributes."""
    evaluator.budget.copy(len(made.cls.fields))
    return {name: made.attributes[name] for name in made.cls.fields}


# Enumerations


class AutoValue(LibraryObject):
    """The value of a member of an enumeration that is numbered."""

    __slots__ = ()


def _make_members(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Make the values of an enumeration its members; those of one derived from another type stay values."""
    (cls,) = args
    evaluator.budget.copy(len(cls.namespace))
    if not all(isinstance(one, ClassValue) for one in cls.mro):
        return
    last: Any = 0
    known: list[tuple[Any, InstanceValue]] = []
    members: dict[str, InstanceValue] = {}
    for name, value in cls.namespace.items():
        if name.startswith("_") or not isinstance(value, (*PLAIN, InstanceValue, AutoValue)):
            continue
        last = last + 1 if isinstance(value, AutoValue) else value
        made = next((one for own, one in known if equal(own, last, evaluator.budget)), None)
        if made is None:
            made = InstanceValue(cls)
            made.attributes |= {"name": name, "value": last, "_value_": last}
            known.append((last, made))
            init = cls.find("__init__")
            if init is not MISSING:
                evaluator.call(init, [made, *(last if isinstance(last, tuple) else [last])], {}, node)
        members[name] = made
    cls.namespace |= {**members, "__members__": members}


def _member(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the member of an enumeration with a value."""
    cls, value = args
    for one in spent(evaluator, cls.find("__members__").values()):
        if one is value or equal(one.attributes["value"], value, evaluator.budget):
            return one
    text = f"{text_of(value, evaluator.budget)} is not a valid {cls.name}"
    raise RaisedError(evaluator.exception("ValueError"), text, node)


def _member_named(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the member of an enumeration with a name."""
    cls, name = args
    return cls.find("__members__")[evaluator.key(name, node)]


ENUM = ClassValue(
    "Enum",
    (),
    {
        DERIVED: LibraryFunction("(derived)", _make_members),
        "__new__": LibraryFunction("__new__", _member),
        "__class_getitem__": LibraryFunction("__class_getitem__", _member_named),
    },
)
NAMES["enum.Enum"] = ENUM
NAMES["enum.auto"] = LibraryFunction("auto", lambda *_: AutoValue())
NAMES["enum.unique"] = LibraryFunction("unique", lambda evaluator, args, kwargs, node: args[0])
