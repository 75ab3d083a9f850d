"""What the commands that take arrays share: where they are read, and what an option may say of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .. import sources
from ..dialects import NAMES
from ..errors import LONGEST_PATH, SpecError, shown
from ..network import Network

if TYPE_CHECKING:
    from ..execute.npy import Given
    from ..execute.task import Array
    from ..notation.words import Completer

F = TypeVar("F", bound=Callable[..., Any])


def x_option() -> Callable[[F], F]:
    """-x."""
    return click.option("-x", "x_path", metavar="X.npy", required=True, help="The input; - is standard input.")


def where_options() -> tuple[Callable[[F], F], Callable[[F], F]]:
    """--dialect and --layout."""
    return (
        click.option("--dialect", metavar="NAME", help=f"{NAMES}: whose meaning the words have."),
        click.option("--layout", metavar="NAME", help="NCHW or NHWC: where the channels stand."),
    )


def read_array(path: str) -> Array:
    """The array of a .npy, mapped where it is a file; - is standard input."""
    from ..execute import npy as files

    if path != "-":
        return files.mapped(path)
    if sys.stdin is None:
        raise SpecError("standard input is closed", "give a .npy file")
    return files.piped(sys.stdin.buffer)


def read_weights(path: str | None) -> Given | Array | None:
    """What -w gives: one array, or arrays by name; - is a .npy on standard input."""
    from ..execute import npy as files
    from ..execute.job import real

    if path is None:
        return None
    found = read_array(path) if path == "-" else files.weights(path)
    if not isinstance(found, Mapping):
        name = "standard input" if path == "-" else shown(path, LONGEST_PATH)
        real(found.dtype, name)
        if found.ndim == 0:
            raise SpecError(f"{name} is a number without axes", "a kernel has the axes c_o, c_i and its sizes")
    return found


def one_stdin(*paths: str | None) -> None:
    """SpecError where standard input is asked for twice."""
    if paths.count("-") > 1:
        raise SpecError("standard input can be read once", "give the others as files")


def no_mixture(path: str | None, as_json: bool) -> None:
    """SpecError where an array and a description of it would go to standard output."""
    if path == "-" and as_json:
        raise SpecError("-o - is the array itself, and --json a description", "leave one of them out")


def kernel_keys(weight: Given | Array | None, dialect: str | None, layout: str | None) -> Completer | None:
    """What completes layer words from a single kernel."""
    from ..notation.words import completer_from_kernel

    if weight is None or isinstance(weight, Mapping):
        return None
    return completer_from_kernel(weight.shape, dialect, layout)


def read_network(words: tuple[str, ...], complete: Completer | None, x: Array) -> Network:
    """The network of SPEC words. A shape in front has to be x's."""
    from ..sizes import show
    from ._options import read_stdin

    spec = sources.spec_words(words)
    network = sources.load_words(spec, read_stdin, complete)
    if spec.input is not None:
        front = tuple([n for n in spec.input if isinstance(n, int)])
        if len(front) == len(spec.input) and front not in (x.shape, x.shape[1:]):
            raise SpecError(f"the shape in front is {show(spec.input)}, and x is {show(x.shape)}", "leave it out")
    return network


def rows_of(text: str | None, count: int | None) -> slice:
    """The samples that --rows A:B asks for, of so many. SpecError for rows that are not there."""
    if text is None:
        return slice(None)
    if count is None:
        raise SpecError("--rows takes samples of a batch, and x is one sample", "leave --rows out")
    first, colon, last = text.partition(":")
    if not colon or not all(part == "" or (part.isascii() and part.isdecimal()) for part in (first, last)):
        raise SpecError(f"--rows {shown(text)} is not A:B", "as 0:1000, 1000: or :1000; rows are counted from 0")
    begin, end = int(first or 0), int(last) if last else count
    if not begin < end <= count:
        raise SpecError(f"--rows {text}: there are the rows 0 to {count} (not included)", "A is below B")
    return slice(begin, end)
