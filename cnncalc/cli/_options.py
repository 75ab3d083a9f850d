"""The options that commands share, each written once, and how a command reads its SPEC and writes its result."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from .. import trace
from ..dialects import ALL, NAMES, dialect_named, dialects_named, is_several, layout_named
from ..errors import LONGEST_PATH, SpecError, shown
from ..input import feed, settle
from ..network import Network
from ..report import Report
from ..sizes import Shape, parse_shape, show
from ..sources import Given
from ._terminal import color_option, debug_option, note, quiet_option

if TYPE_CHECKING:
    from ..contrasts import Comparison

F = TypeVar("F", bound=Callable[..., Any])
Command = Callable[..., int]
SEVERAL = "NAMES"
"""The metavar of --dialect where it takes several."""


class File(click.types.StringParamType):
    """The type of an option that names a file or a folder, so that shells complete it as one."""

    name = "file"


FILE = File()


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one decorator, in the order in which the help lists them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def path_option(metavar: str = "FILE", what: str = "the result") -> Callable[[F], F]:
    """-o."""
    return click.option("-o", "--output", "path", type=FILE, metavar=metavar, help=f"Write {what} to this file.")


def json_option() -> Callable[[F], F]:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")


def input_option() -> Callable[[F], F]:
    """-i."""
    help = "Input shape, such as 3x224x224; overrides the spec's."
    return click.option("-i", "--input", "input", metavar="SHAPE", help=help)


def dialect_options(several: bool = False) -> Callable[[F], F]:
    """--dialect and --layout; `several`: the command takes more than one dialect."""
    names, more = (SEVERAL, f"; several with commas, or {ALL}, side by side") if several else ("NAME", "")
    return together(
        click.option("--dialect", metavar=names, help=f"Whose rules apply: {NAMES}{more}."),
        click.option("--layout", metavar="NAME", help="Where the channels stand: NCHW or NHWC."),
    )


def message_options() -> Callable[[F], F]:
    """--color, -q and --debug, which `_terminal` heeds."""
    return together(color_option(), quiet_option(), debug_option())


def format_options(formats: Sequence[str], result: str | None = None) -> Callable[[Command], Command]:
    """--json, --format and, where a spec a line gives a `result` a line, --jsonl, as one argument `format`."""
    jsonl = f"Read one spec per line, write {result} per line."
    options: Callable[[Command], Command] = together(
        json_option(),
        *([click.option("--jsonl", "as_jsonl", is_flag=True, help=jsonl)] if result else []),
        click.option("--format", type=click.Choice(formats), help="Output format."),
    )

    def decorate(function: Command) -> Command:
        @wraps(function)
        def command(*, as_json: bool, as_jsonl: bool = False, format: str | None, **others: object) -> int:
            chosen = {name for name in (as_json and "json", as_jsonl and "jsonl", format) if name}
            if len(chosen) > 1:
                raise SpecError(f"{' and '.join(sorted(chosen))} are two formats", "choose one of them")
            return function(format=chosen.pop() if chosen else formats[0], **others)

        return options(command)

    return decorate


class NetworkOptions(NamedTuple):
    """What -i, --batch, --dialect and --layout say of a network; None where an option is not given."""

    input: Shape | None
    batch: int | None
    dialect: str | None
    layout: str | None

    def with_front(self, given: Given) -> NetworkOptions:
        """Return the options with the shape that precedes a SPEC as input. SpecError if -i gives one, too."""
        if given.input is None:
            return self
        if self.input is not None:
            raise SpecError(f"two inputs: {given.words[0]} in front, and -i {show(self.input)}", "give one of them")
        return self._replace(input=given.input)

    def settle(self, network: Network) -> Network:
        """Return the network with these options in it."""
        network = settle(network, self.input, self.dialect, self.layout)
        if self.batch is not None and network.input is not None:
            _, _, shown_input = feed(network, network.input, self.batch)
            network = network._replace(input=shown_input)
        return network

    @property
    def several(self) -> bool:
        """Whether more than one dialect is given."""
        return is_several(self.dialect)

    def note_report(self, network: Network, name: str = "this") -> None:
        """Say what these options cannot change in a report that is read as a spec."""
        if not network.is_report:
            return
        if self.several:
            note("this is a report: what dialects differ in is written out in it, as its own has it")
        elif self.input is not None and self.input != network.input:
            note(f"{name} is a report: its padding words were worked out for its own input, not for the new one")

    def report(self, network: Network) -> Report:
        """Return the report of a network under these options, which name one dialect at most."""
        return trace.shape(network, self.input, batch=self.batch, dialect=self.dialect, layout=self.layout)

    def comparison(self, network: Network) -> Comparison:
        """Return the network under each dialect that is given."""
        from ..contrasts import compare

        assert self.dialect is not None
        return compare(network, dialects_named(self.dialect), self.input, batch=self.batch, layout=self.layout)

    def report_in(self, network: Network, dialect: str) -> Report:
        """Return the report under one of several dialects, in the layout in which they are compared."""
        layout = self.layout or network.layout or network.dialect.layout
        return self._replace(dialect=dialect, layout=layout).report(network)


def network_options(several: bool = False) -> Callable[[Command], Command]:
    """The options of a command that takes a SPEC, as one argument `options`; `several` as in `dialect_options`."""
    options: Callable[[Command], Command] = together(
        input_option(),
        click.option("--batch", type=click.IntRange(1), metavar="N", help="Add a batch of N in front of the input."),
        dialect_options(several),
    )

    def decorate(function: Command) -> Command:
        @wraps(function)
        def command(
            *, input: str | None, batch: int | None, dialect: str | None, layout: str | None, **others: object
        ) -> int:
            sizes = None if input is None else parse_shape(input)
            if dialect is not None:
                known = dialects_named if several else dialect_named
                known(dialect)  # a wrong option is one error, however many files there are
            if layout is not None:
                layout_named(layout)
            return function(options=NetworkOptions(sizes, batch, dialect, layout), **others)

        return options(command)

    return decorate


@contextlib.contextmanager
def output(path: str | None, utf8: bool = False) -> Iterator[IO[str]]:
    """Where the result goes: standard output, or a file that appears whole or not at all."""
    if path == "":
        raise SpecError("-o '' names no file", "give a file, or - for standard output")
    if path is None or path == "-":
        if sys.stdout is None:
            raise SpecError("standard output is closed", "give -o FILE")
        if utf8 and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")  # JSON is UTF-8 whatever the locale
        yield sys.stdout
        return
    with _written(path) as part, open(part, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        yield file


def binary_output(path: str | None, data: bytes) -> None:
    """Write bytes to a file, whole or not at all, or to standard output. SpecError for a terminal."""
    if path is not None and path not in ("", "-"):
        with _written(path) as part, open(part, "wb") as file:
            file.write(data)
        return
    with output(path) as stream:
        if stream.isatty():
            raise SpecError("a binary file is not for a terminal", "pipe it, or give -o FILE")
        stream.buffer.write(data)  # type: ignore[attr-defined]
        stream.buffer.flush()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _written(path: str) -> Iterator[str]:
    """The file beside a path that is to be written, and afterwards stands there whole, or not at all."""
    special = os.path.exists(path) and not os.path.isfile(path)  # a device, a pipe: nothing to rename
    target = os.path.realpath(path)
    part = path if special else f"{target}.{os.getpid()}.part"
    try:
        yield part
        if not special:
            _put_in_place(part, target)
    except OSError as error:
        raise SpecError(f"{shown(path, LONGEST_PATH)} cannot be written: {error.strerror}") from None
    finally:
        if not special:
            with contextlib.suppress(OSError):
                os.unlink(part)


def _put_in_place(part: str, target: str) -> None:
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    if os.path.exists(target):
        os.chmod(part, os.stat(target).st_mode & 0o7777)
    os.replace(part, target)


def write(stream: IO[str], pieces: Iterable[str]) -> None:
    """Write the pieces of a text, a few at a time."""
    waiting: list[str] = []
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == 256:
            stream.write("".join(waiting))
            waiting.clear()
    stream.write("".join(waiting))
