"""The options of commands that take networks: input, batch, dialect, layout, the part to take, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .. import trace
from ..dialects import ALL, NAMES, dialect_named, dialects_named, is_several, layout_named
from ..errors import CnncalcError, Path, SpecError, shown
from ..input import FIRST, Inputs, configure, given_shapes, knows_channels, other_channels
from ..network import Network
from ..report import Report
from ..sizes import Shape, looks_like_shape, parse_shape, show
from ..sources.words import SpecWords
from ._options import Function, together
from ._terminal import note
from ._usage import SEVERAL, Whole

if TYPE_CHECKING:
    from ..contrasts import Contrast
    from ..hints import Advice


class Measures(NamedTuple):
    """The values of --dtype and --macs-as; None if not given."""

    dtype: str | None = None
    tool: str | None = None

    def or_bytes(self, are_needed: bool) -> Measures:
        """Return the measures with float32 if bytes are needed and no dtype is given."""
        return self._replace(dtype="float32") if are_needed and self.dtype is None else self

    def of(self, report: Report) -> Report:
        """Return a report with bytes and a tool's MACs, as far as they are asked for."""
        if self.dtype is not None:
            from ..memory import measure

            report = measure(report, self.dtype)
        if self.tool is not None:
            from ..counters import count_as

            report = count_as(report, self.tool)
        return report


def measure_options(function: Function) -> Function:
    """Add --dtype and --macs-as as one argument `measures`."""

    @wraps(function)
    def command(dtype: str | None, tool: str | None, **others: Any) -> int:
        if dtype is not None:
            from ..memory import dtype_named

            dtype = dtype_named(dtype)
        if tool is not None:
            from ..counters import tool_named

            tool = tool_named(tool)
        return function(measures=Measures(dtype, tool), **others)

    return together(
        click.option("--dtype", metavar="NAME", help="Show memory for this number type, such as float32 or int8."),
        click.option("--macs-as", "tool", metavar="TOOL", help="Show the MACs that TOOL prints, such as torchinfo."),
    )(command)


def unused(counts: Mapping[str, Any]) -> str:
    """Return the parts of a file that no output depends on: `500 parameters and 12 buffers in aux, head`."""
    numbers = [(counts.get("params"), "parameter"), (counts.get("buffers"), "buffer")]
    parts = " and ".join([f"{n:,} {word}{'s' * (n != 1)}" for n, word in numbers if n])
    where = list(counts.get("where", ()))
    more = f" and {len(where) - 6} more" if len(where) > 6 else ""
    return (parts or "nothing") + (f" in {', '.join(where[:6])}{more}" if where else "")


class NetworkOptions(NamedTuple):
    """The values of -i, --batch, --dialect, --layout, --until and --after; None if not given."""

    input: Shape | Inputs | None = None
    batch: int | None = None
    dialect: str | None = None
    layout: str | None = None
    until: str | None = None
    after: str | None = None

    def with_front(self, words: SpecWords) -> NetworkOptions:
        """Return the options with the leading shape of a SPEC as input. Raise SpecError if -i gives one, too."""
        return (
            self
            if words.input is None
            else self.with_first(words.input, f"two inputs: {words.words[0]} as the first word")
        )

    def with_first(self, first: Shape, what: str) -> NetworkOptions:
        """Return the options with this shape of the first input. Raise SpecError, with `what`, if -i gives one, too."""
        if not isinstance(self.input, Inputs):
            if self.input is not None:
                raise SpecError(f"{what}, and -i {show(self.input)}", "give one of them")
            return self._replace(input=first)
        if any(name in (None, FIRST) for name, _ in self.input):
            raise SpecError(f"{what}, and -i {self.input!r}", "give one of them")
        return self._replace(input=Inputs([(FIRST, first), *self.input]))

    def taken(self, network: Network) -> tuple[Network, NetworkOptions]:
        """Return the part of a network that --until and --after select, and the remaining options."""
        check_expectations(network)
        if self.until is None and self.after is None:
            return network, self
        from ..parts import part

        if self.several:
            if self.after is not None:
                raise SpecError(
                    "--after takes one dialect, because a layer's output may differ between dialects", "name one"
                )
            return part(network, self.until), self._replace(until=None)
        network = self.settle(network)
        return part(network, self.until, self.after), self._replace(input=None, batch=None, until=None, after=None)

    def settle(self, network: Network) -> Network:
        """Return the network configured by these options."""
        return configure(network, self.input, self.dialect, self.layout, self.batch)

    @property
    def several(self) -> bool:
        """Return whether more than one dialect is given."""
        return is_several(self.dialect)

    def note_report(self, network: Network, name: str = "this") -> None:
        """Print notes on unused parts of a file, and on options that have no effect on a report read as a spec."""
        if network.source is not None and (network.source.unread or self.input is not None):
            try:
                network = network.bound(given_shapes(network, self.input))
            except CnncalcError:  # the command itself says what is wrong
                return
        if network.unused is not None:
            note(f"{name} has {unused(network.unused)} that its output does not use; they are not counted")
        for remark in () if network.source is None else network.source.notes:
            note(remark)
        if not network.is_report:
            return
        if self.several:
            note("this is a report, in which the keys that depend on the dialect are already resolved")
        elif self.input is not None and self.input != network.input:
            note(f"{name} is a report: its padding words were resolved for its own input, not for the new one")

    @property
    def first(self) -> Shape | None:
        """The shape of the first input; None if not given."""
        return dict(self.input).get(FIRST) if isinstance(self.input, Inputs) else self.input

    def note_channels(self, network: Network) -> Advice | None:
        """Print a note if an input has other channels than a spec's own, which does not fix them, or has them last.

        Return the advice in the latter case, which is also a hint.
        """
        given = self.first
        is_read = network.source is None or not network.source.unread
        if given is None or self.several or not is_read or knows_channels(network):
            return None
        other = other_channels(network, given, self.dialect, self.layout)
        if other is not None:
            note(other.text("the spec's own input"))
            return None
        if any("c_i" in node.layer.given for node in network.nodes):  # the trace will report it
            return None
        from ..hints.typed import CHANNELS_NOTE, channels_last

        with suppress(CnncalcError):  # the command itself says what is wrong
            advice = channels_last(self.settle(network))
            if advice is not None:
                note(CHANNELS_NOTE.format(text=advice.text, help=advice.help))
            return advice
        return None

    def report(self, network: Network) -> Report:
        """Return the report of a network under these options, which name at most one dialect."""
        return trace.shape(network, self.input, batch=self.batch, dialect=self.dialect, layout=self.layout)

    def contrast(self, network: Network) -> Contrast:
        """Return the network under each dialect that is given."""
        from ..contrasts import contrast

        assert self.dialect is not None
        return contrast(network, dialects_named(self.dialect), self.input, batch=self.batch, layout=self.layout)


def check_expectations(network: Network) -> None:
    """Raise SpecError, with its place, for an unreadable `expect` of the spec."""
    owners = [node for node in network.nodes if node.expect is not None]
    if not owners and network.expect is None:
        return
    from ..checks import expect

    for node in (None, *owners):
        path: Path = ("expect",) if node is None else ("layers", node.spec_index, "expect")
        value = network.expect if node is None else node.expect
        try:
            expect.read({} if value is None else value, path)
        except SpecError as error:
            if error.where is None and network.source is not None:
                error.where = network.source.locate(error.path or path, None)
            error.layer = None if node is None else node.label()
            raise


def read_inputs(texts: Sequence[str]) -> Shape | Inputs | None:
    """Read the values of -i (each a shape or NAME=SHAPE); a single shape is the first input's."""
    given = []
    for text in texts:
        name, equals, shape = text.rpartition("=")
        if equals and not name:
            help = f"write -i {shape}" if looks_like_shape(shape) else "for example -i mask=1x64x64"
            raise SpecError(f"-i {shown(text)} names no input", help)
        given.append((name or None, parse_shape(shape)))
    if len(given) == 1 and given[0][0] is None:
        return given[0][1]
    return Inputs(given) if given else None


def network_options(*names: str, several: bool = False) -> Callable[[Function], Function]:
    """Return -i, --batch, --dialect and --layout, or the named ones, as one argument `options`.

    --until and --after are always included. With `several`, --dialect accepts more than one.
    """
    dialect, more = (SEVERAL, f"; several with commas, or {ALL}, side by side") if several else ("NAME", "")
    input_help = "Input shape, such as 3x224x224, or NAME=SHAPE for another input; overrides the spec's."
    table = {
        "input": click.option("-i", "--input", multiple=True, metavar="SHAPE", help=input_help),
        "batch": click.option("--batch", type=Whole(1), metavar="N", help="Add a batch axis of size N to the input."),
        "dialect": click.option("--dialect", metavar=dialect, help=f"Whose rules apply: {NAMES}{more}."),
        "layout": click.option("--layout", metavar="NAME", help="Position of the channels: NCHW or NHWC."),
        "until": click.option("--until", metavar="LAYER", help="Use the network only up to this layer."),
        "after": click.option("--after", metavar="LAYER", help="Use the network only after this layer."),
    }
    names = (*(names or ("input", "batch", "dialect", "layout")), "until", "after")

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(**values: Any) -> int:
            given = {name: values.pop(name) for name in names}
            if "input" in given:
                given["input"] = read_inputs(given["input"])
            options = NetworkOptions(**given)
            if options.dialect is not None:  # report a wrong option once, not for each file
                (dialects_named if several else dialect_named)(options.dialect)
            if options.layout is not None:
                layout_named(options.layout)
            return function(options=options, **values)

        return together(*[table[name] for name in names])(command)

    return decorate
