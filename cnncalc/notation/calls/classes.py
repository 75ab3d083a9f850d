"""The classes of a framework, and their calls as layers: arguments are bound to names, then renamed to keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ...errors import SpecError, nearest, shown
from ...layers import OPS
from ...layers.names import Name, Names
from ...registry import Registry
from ..document import Raw


class ModuleCall(NamedTuple):
    """A call that was read."""

    framework: str
    """`torch` or `keras`."""
    kind: str
    """The class that is called: `Conv2d`."""
    name: str | None
    """The name at the beginning of a print-out's line, or Keras's `name`."""
    layers: list[Raw]
    """The layers it means, with the framework's defaults where they differ from ours."""


class NamedArgument(NamedTuple):
    """A class or a function given as an argument, by the last part of its name: `relu` for `tf.nn.relu`."""

    name: str


class BoundCall(NamedTuple):
    """A call with its arguments by name."""

    kind: str
    op: str
    """The op's word, with the ending for its number of axes; empty for a class without an op of its own."""
    table: Name
    values: dict[str, Any]

    def get(self, argument: str, default: Any = None) -> Any:
        """Return an argument's value; the default if it is not given or None."""
        value = self.values.get(argument)
        return default if value is None else value


Reading = Callable[[BoundCall], list[Raw]]


class Framework:
    """A framework's classes, and how their calls are read."""

    def __init__(
        self,
        name: str,
        table: Names,
        ignored: Sequence[str],
        more: Mapping[str, Sequence[str]],
        aliases: Mapping[str, str],
        ignored_ends: tuple[str, ...] = (),
        complete: Callable[[BoundCall, list[Raw]], list[Raw]] | None = None,
        nullable: Sequence[str] | None = None,
    ):
        """`more` are keyword-only arguments of a class that are not keys; `aliases` are other names.

        `ignored` arguments, and those with an ending of `ignored_ends`, change neither shapes nor numbers of weights,
        or are decided by the network around the layer. `complete` adds to the layers what every class of the framework
        does. `nullable` are the arguments that may be None; by default all may.
        """
        self._nullable = nullable
        self.name, self.table, self.ignored, self.ignored_ends = name, table, ignored, ignored_ends
        self._more, self._aliases, self._complete = more, aliases, complete
        self._readings: Registry[str, tuple[Reading, tuple[str, ...]]] = Registry()
        """The readers of classes whose arguments are not simply renamed, and the arguments' order if not in `table`."""

    def reads(self, *kinds: str, arguments: str = "") -> Callable[[Reading], Reading]:
        """Return a decorator that registers a function as the reader of classes."""

        def enter(read: Reading) -> Reading:
            for kind in kinds:
                self._readings[kind] = read, tuple(arguments.split())
            return read

        return enter

    @cached_property
    def kinds(self) -> dict[str, tuple[str, Name]]:
        """The op of each class (empty if its arguments decide it), and its entry in the table of names."""
        found = {
            kind: (op + end if op + end in OPS else op, name)
            for op, name in self.table.items()
            for kind, end in name.numbered()
        }
        for kind, (_, arguments) in self._readings.items():
            op, name = found.get(kind, ("", Name(kind)))
            found[kind] = op, name._replace(positions=arguments or name.positions)
        found |= {alias: found[kind] for alias, kind in self._aliases.items() if kind in found}
        return {kind: entry for kind, entry in found.items() if kind[0].isupper()}

    def call(self, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ModuleCall:
        """Return the layers of a class called with these arguments. Raise SpecError for an unsupported call."""
        op, table = self.kinds[kind]
        bound = BoundCall(kind, op, table, self._bind(kind, table, args, kwargs))
        read, _ = self._readings.get(self._aliases.get(kind, kind), (lambda bound: [renamed(bound)], ()))
        try:
            layers = read(bound)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            what = f"the arguments of {kind} have values that it does not accept"
            raise SpecError(what, "see its documentation") from None
        if self._complete is not None:
            layers = self._complete(bound, layers)
        name = bound.values.get("name")
        return ModuleCall(self.name, kind, name if isinstance(name, str) else None, layers)

    def _bind(self, kind: str, table: Name, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name. Raise SpecError for too many, and for an unknown name."""
        names = table.arguments
        if len(args) > len(names) and kind != "Identity":
            takes = ", ".join(names) if names else "no arguments"
            raise SpecError(f"{kind} is given {len(args)} arguments", f"it takes {takes}")
        values = dict(zip(names, args, strict=False))
        known = [*dict.fromkeys((*names, *table.keys, *self._more.get(kind, ())))]
        for name, value in kwargs.items():
            if name in values:
                raise SpecError(f"{kind} is given {name} twice", "leave out one of them")
            is_ignored = name in self.ignored or name.endswith(self.ignored_ends)
            if name not in known and not is_ignored and kind != "Identity":
                help = nearest(name, known) or (f"it takes {', '.join(known)}" if known else "it takes no arguments")
                raise SpecError(f"{kind} has no argument {shown(name)}", help)
            values[name] = value
        for name, value in values.items():
            if value is None and self._nullable is not None and name not in (*self._nullable, *self.ignored):
                raise SpecError(f"{kind}: {name} is None", f"leave out {name}, or give its value")
        if not isinstance(values.get("inplace", False), bool):
            raise SpecError(f"{kind}: inplace is True or False, not {shown(values['inplace'])}")
        if "kernel_size" in table.keys and "kernel_size" not in values:
            raise SpecError(f"{kind} needs kernel_size", f"it takes {', '.join(names)}")
        return values


def renamed(bound: BoundCall) -> Raw:
    """Return the layer with the arguments as keys, and the framework's defaults that differ from ours."""
    raw: Raw = {"op": bound.op}
    cls = OPS[bound.op][0]
    for theirs, ours in bound.table.keys.items():
        value = bound.values.get(theirs)
        for key in ours.split() if value is not None else ():
            raw[key] = value.name if isinstance(value, NamedArgument) else value
    for key, value in bound.table.defaults.items():
        if key in raw or getattr(cls, key, None) == value or (key == "factor" and "out" in raw):
            continue
        raw[key] = value
    needed = [theirs for theirs, ours in bound.table.keys.items() if ours in cls.NEEDED and ours not in raw]
    if needed:
        raise SpecError(f"{bound.kind} needs {needed[0]}", f"as {bound.kind}({', '.join(bound.table.arguments[:3])})")
    if cls.BARE == "k" and "s" in cls.KEYS and getattr(cls, "s", 0) is None:
        raw.setdefault("s", raw["k"])
    return raw


def each_rank(word: str) -> list[str]:
    """Return the names of a class for one, two and three axes; `{}` stands for the number."""
    return [word.format(nd) for nd in (1, 2, 3)]


def per_axis(value: Any, nd: int) -> list[Any]:
    """Return the values for `nd` axes: a list as it is, or one value for each."""
    return value if isinstance(value, list) else [value] * nd


def check_allowed(bound: BoundCall, argument: str, allowed: tuple[Any, ...]) -> None:
    """Raise SpecError if an argument has a value that no layer here can express."""
    value = bound.values.get(argument)
    if value is not None and value not in allowed:
        help = f"leave it out, or write it as a separate layer: cnncalc ops {bound.op}" if bound.op else "leave it out"
        raise SpecError(f"{bound.kind} with {argument}={shown(value)} cannot be read from a call", help)
