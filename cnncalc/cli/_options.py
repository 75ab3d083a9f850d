"""What commands share: the options, where the output goes, what the input is."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from .. import trace
from ..dialects import ALL, NAMES, dialect_named, dialects_named, is_several, layout_named
from ..errors import SpecError
from ..frameworks import Imported
from ..input import feed, settle
from ..network import Network
from ..render import FORMATS, Style
from ..report import Report
from ..sizes import Shape, parse_shape, show
from ..sources import Given
from ._usage import OneOf, Whole

if TYPE_CHECKING:
    from ..contrasts import Comparison

F = TypeVar("F", bound=Callable[..., Any])


SEVERAL = "NAMES"
"""What stands for the value of --dialect where it takes several."""


def debug_asked() -> bool:
    """Whether --debug was given; read from the words, because a bug may be anywhere."""
    return "--debug" in sys.argv


def json_option() -> Callable[[F], F]:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document.")


def jsonl_option(out: str = "a report") -> Callable[[F], F]:
    """--jsonl."""
    return click.option("--jsonl", "as_jsonl", is_flag=True, help=f"A spec a line in, {out} a line out.")


def format_option(formats: Sequence[str]) -> Callable[[F], F]:
    """--format, one of these."""
    return click.option("--format", "format", type=OneOf(formats), help="How it is printed.", default=None)


def path_option() -> Callable[[F], F]:
    """-o."""
    return click.option("-o", "--output", "path", metavar="FILE", help="Write to a file, whole or not at all.")


def color_option() -> Callable[[F], F]:
    """--color."""
    return click.option("--color", type=OneOf(["auto", "always", "never"]), default="auto", help="Colours.")


def quiet_option() -> Callable[[F], F]:
    """-q."""
    return click.option("-q", "--quiet", is_flag=True, help="No notes on standard error.")


def debug_option() -> Callable[[F], F]:
    """--debug."""
    return click.option("--debug", is_flag=True, help="Show the traceback of a bug.", expose_value=False)


def report_options() -> Callable[[F], F]:
    """The options of whatever prints a report: formats, columns, file, colour."""
    return together(
        json_option(),
        jsonl_option(),
        format_option(FORMATS),
        click.option("--columns", metavar="NAMES", help="The columns of the rows, as layer,op,out,params."),
        path_option(),
        color_option(),
        quiet_option(),
        debug_option(),
    )


class Asked(NamedTuple):
    """What the options say of a network, beyond its spec."""

    input: Shape | None
    batch: int | None
    dialect: str | None
    layout: str | None

    def with_front(self, given: Given) -> Asked:
        """The same with the shape that stands in front of a SPEC. SpecError where -i gives one, too."""
        if given.input is None:
            return self
        if self.input is not None:
            raise SpecError(f"two inputs: {given.words[0]} in front, and -i {show(self.input)}", "give one of them")
        return self._replace(input=given.input)

    def settle(self, network: Network) -> Network:
        """The network with what the options say of it."""
        network = settle(network, self.input, self.dialect, self.layout)
        if self.batch is not None and network.input is not None:
            _, _, shown_input = feed(network, network.input, self.batch)
            network = network._replace(input=shown_input)
        return network

    @property
    def several(self) -> bool:
        """Whether more than one dialect is asked for."""
        return is_several(self.dialect)

    def in_layout_of(self, network: Network) -> Asked:
        """The same in the layout in which dialects are compared: the spec's own, where no other is given."""
        return self if self.layout is not None else self._replace(layout=network.layout or network.dialect.layout)

    def comparison(self, network: Network, quiet: bool = True) -> Comparison:
        """The network under each dialect that is asked for, noting where it has been resolved for one already."""
        from ..contrasts import compare

        if network.is_report:
            note(quiet, "this is a report: what dialects differ in is written out in it, as its own has it")
        assert self.dialect is not None
        return compare(network, dialects_named(self.dialect), self.input, batch=self.batch, layout=self.layout)

    def report(self, network: Network, quiet: bool = True, name: str = "this") -> Report:
        """The report of a network under these options, noting where its paddings were meant for another input."""
        if network.is_report and self.input is not None and self.input != network.input:
            note(quiet, f"{name} is a report: its padding words were worked out for its own input, not for the new one")
        return trace.shape(network, self.input, batch=self.batch, dialect=self.dialect, layout=self.layout)


def network_options(several: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The options of whatever takes a SPEC, as one argument `asked`; `several` where it takes several dialects."""
    more = f" {ALL}, or some between commas: side by side." if several else ""
    options: Callable[[Callable[..., int]], Callable[..., int]] = together(
        click.option("-i", "--input", "input", metavar="SHAPE", help="The input, as 3x224x224; beats the spec's."),
        click.option("--batch", type=Whole(1), metavar="N", help="Put a batch in front of the input."),
        click.option(
            "--dialect", metavar=SEVERAL if several else "NAME", help=f"{NAMES}: whose meaning the words have.{more}"
        ),
        click.option("--layout", metavar="NAME", help="NCHW or NHWC: where the channels stand."),
    )

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def command(
            input: str | None, batch: int | None, dialect: str | None, layout: str | None, **others: object
        ) -> int:
            sizes = None if input is None else parse_shape(input)
            if dialect is not None:
                known = dialects_named if several else dialect_named
                known(dialect)  # a wrong option is one error, however many files there are
            if layout is not None:
                layout_named(layout)
            return function(asked=Asked(sizes, batch, dialect, layout), **others)

        return options(command)

    return decorate


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order in which the help lists them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def format_of(as_json: bool, as_jsonl: bool, format: str | None, default: str = "table") -> str:
    """The one format that the options ask for. SpecError where they ask for two."""
    asked = {f for f in (as_json and "json", as_jsonl and "jsonl", format) if f}
    if len(asked) > 1:
        raise SpecError(f"{' and '.join(sorted(asked))} are two formats", "ask for one of them")
    return asked.pop() if asked else default


def style_of(columns: tuple[str, ...] | None, explain: bool, color: str, stream: IO[str]) -> Style:
    """How to draw for a stream: colours only on a terminal, 80 columns or $COLUMNS elsewhere."""
    terminal = stream.isatty()
    wanted = color == "always" or (color == "auto" and terminal and not os.environ.get("NO_COLOR"))
    width = _columns_wanted()
    if width is None and not terminal:
        width = 80
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    if width is None:
        width = os.get_terminal_size(stream.fileno()).columns or 80
    return Style(columns, explain, wanted, width, not encoding.startswith("utf"))


def _columns_wanted() -> int | None:
    text = os.environ.get("COLUMNS", "")
    return max(int(text), 20) if text.isascii() and text.isdecimal() and 0 < len(text) < 6 else None


def write(stream: IO[str], pieces: Iterable[str]) -> None:
    """Write the pieces of a text, a few at a time."""
    waiting: list[str] = []
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == 256:
            stream.write("".join(waiting))
            waiting.clear()
    stream.write("".join(waiting))


def silence() -> None:
    """Let whatever is still printed go nowhere: into a pipe or a disk that takes no more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


def note(quiet: bool, text: str) -> None:
    """A remark for the person, on standard error."""
    if not quiet:
        print(f"note: {text}", file=sys.stderr)


def read_stdin() -> str | Imported:
    """Standard input as text, or as what a reader of another format makes of it."""
    from ..sources import decode_any

    if sys.stdin is None:
        raise SpecError("standard input is closed", "give a file, or layer words")
    return decode_any(sys.stdin.buffer.read(), "-")
