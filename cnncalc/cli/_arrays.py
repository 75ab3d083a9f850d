"""The options that the commands on arrays share, and their readers."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

import click

from .. import sources
from ..errors import LONGEST_PATH, SpecError, shown
from ..frameworks import KERAS_ENDINGS
from ..network import Network
from ..outputs import standard_output
from ..sizes import Shape, show
from ..sources.formats import keras_weights
from ..sources.words import spec_words
from ._endings import check_ending
from ._network_options import NetworkOptions
from ._options import file_option
from ._terminal import note, settings
from ._usage import Whole

if TYPE_CHECKING:
    from ..execute.npy import NamedArrays
    from ..execute.task import Array
    from ..notation.words import Completer


array_option = file_option(
    "-x", "--array", "x_path", metavar="X.npy", help="Input array; - is standard input.", required=True
)
arrays_option = file_option(
    "-x",
    "--array",
    "x_paths",
    metavar="X.npy",
    multiple=True,
    required=True,
    help="Input array, or that of another input, NAME=X.npy; - is standard input.",
)
weights_option = file_option(
    "-w",
    "--weights",
    "w_path",
    metavar="W",
    help="Kernel (.npy), or weights by name (.npz, .safetensors, .h5).",
)
seed_option = click.option(
    "--seed", type=Whole(0), metavar="N", help="Draw the weights that are not given from this seed."
)


def read_array(path: str) -> Array:
    """Return the array of a .npy (memory-mapped if it is a file) or of a text; - is standard input.

    A path in the form of a list is the array itself.
    """
    from ..execute import npy, texts

    if path == "-":
        return npy.read(_standard_input(), "-")
    if os.path.exists(path):
        return npy.mapped(path)
    if texts.looks_like_list(path):
        return texts.read_list(path)
    raise _no_array(path)


def _standard_input() -> IO[bytes]:
    """Return standard input for bytes. Raise SpecError if it is closed."""
    if sys.stdin is None:
        raise SpecError("standard input is closed", "give a .npy file")
    return sys.stdin.buffer


def _no_numbers(path: str) -> SpecError:
    """Return the error for a missing file of numbers, which may be meant as the numbers themselves."""
    if not re.fullmatch(r"[-+\d.,;\s()e]*\d[-+\d.,;\s()e]*", path):
        from ..sources.mistakes import no_file

        return no_file(path)
    rows = [",".join(re.split(r"[,\s]+", row.strip(" (),\n"))) for row in re.split(r"[;\n]", path) if row.strip()]
    numbers = rows[0] if len(rows) == 1 else ",".join([f"[{row}]" for row in rows])
    return SpecError(f"{shown(path)} is not a file", f"write a list of numbers in brackets: '[{numbers}]'")


def _no_array(path: str) -> SpecError:
    """Return the error for a missing array, with how to make one."""
    if path in ("random", "rand", "randn", "zeros", "ones"):
        made = {"zeros": "np.zeros((3, 224, 224))", "ones": "np.ones((3, 224, 224))"}
        drawn = made.get(path, "np.random.default_rng(0).random((3, 224, 224))")
        line = f"import numpy as np; np.save('x.npy', {drawn})"
        return SpecError(f"there is no file {shown(path)}", f'to make one: python -c "{line}"')
    return _no_numbers(path)


def read_weights(path: str | None) -> NamedArrays | Array | None:
    """Return the array of -w, or its arrays by name; - is standard input."""
    from ..execute import npy, texts
    from ..execute.job import real

    if path is None:
        return None
    weights: NamedArrays | Array
    if path == "-":
        weights = npy.received(_standard_input(), "-")
    elif os.path.exists(path):
        weights = npy.weights(path)
    elif texts.looks_like_list(path):
        weights = texts.read_list(path)
    else:
        raise _no_numbers(path)
    if not isinstance(weights, Mapping):
        name = "standard input" if path == "-" else shown(path, LONGEST_PATH)
        real(weights.dtype, name)
        if weights.ndim == 0:
            raise SpecError(
                f"{name} is a single number, not an array", "the axes of a kernel are c_o, c_i and its sizes"
            )
    return weights


def one_stdin(*paths: str | None) -> None:
    """Raise SpecError if standard input would be read twice."""
    if paths.count("-") > 1:
        raise SpecError("standard input can be read only once", "give the others as files")


def check_output(path: str | None, as_json: bool, endings: Sequence[str] = (".npy",)) -> None:
    """Raise SpecError if an array cannot be written to the -o path, or would be mixed with its description."""
    check_ending(path, endings, "an array")
    if path is None or as_json:
        standard_output()
    if path == "-" and as_json:
        raise SpecError("-o - writes the array itself, but --json describes it", "leave one of them out")


def kernel_keys(weight: NamedArrays | Array | None, options: NetworkOptions) -> Completer | None:
    """Return a function that completes layer words from a single kernel; None if there is none."""
    from ..notation.completers import completer_from_kernel

    if weight is None or isinstance(weight, Mapping):
        return None
    return completer_from_kernel(weight.shape, options.dialect, options.layout)


def named_paths(values: Sequence[str]) -> list[tuple[str | None, str]]:
    """Return the values of -x (each a path or NAME=path) as names and paths; an existing file is a path."""
    parts = [value.partition("=") for value in values]
    plain = [
        not equals or not name or os.path.exists(value) for value, (name, equals, _) in zip(values, parts, strict=True)
    ]
    return [
        (None, value) if one else (name, path) for value, one, (name, _, path) in zip(values, plain, parts, strict=True)
    ]


def read_network(
    words: tuple[str, ...], complete: Completer | None, options: NetworkOptions
) -> tuple[Network, Shape | None]:
    """Return the network of SPEC words, or its selected part, and the leading shape, if that is the array's."""
    spec = spec_words(words)
    network = sources.load_words(spec, complete)
    if options.after is None:
        return options.taken(network)[0], spec.input
    return options.with_front(spec).taken(network)[0], None


def check_front(front: Shape | None, x: Array) -> None:
    """Raise SpecError if the leading shape of SPEC words differs from x's."""
    sizes = () if front is None else tuple([n for n in front if isinstance(n, int)])
    if front is not None and len(sizes) == len(front) and sizes not in (x.shape, x.shape[1:]):
        raise SpecError(f"the first word gives the shape {show(front)}, but x is {show(x.shape)}", "leave it out")


def read_given(
    words: tuple[str, ...], path: str | None, options: NetworkOptions
) -> tuple[Network, Shape | None, NamedArrays | Array | None]:
    """Return the network of SPEC words, the leading shape, and the weights of -w, which may be a Keras file."""
    weights = None if is_keras(path) else read_weights(path)
    network, front = read_network(words, kernel_keys(weights, options), options)
    return network, front, keras_arrays(path, network) if is_keras(path) else weights


def is_keras(path: str | None) -> bool:
    """Return whether a file of weights may be a Keras file."""
    return path is not None and path != "-" and path.lower().endswith(KERAS_ENDINGS)


def keras_arrays(path: str | None, network: Network) -> NamedArrays:
    """Return the arrays of a Keras file by a network's names. Raise SpecError if it is not a Keras file."""
    assert path is not None
    readers = keras_weights(path, network)
    if readers is None:
        raise SpecError(f"{shown(path, LONGEST_PATH)} is not a Keras file", "it is neither HDF5 nor a zip archive")
    return {name: read() for name, read in readers.items()}


MUCH = 64 << 20
"""The bytes of memory from which on a command announces its needs."""


def note_size(text: str, size: int) -> None:
    """Announce how much memory a command takes, if it is much: the command may be killed on the way."""
    if size > MUCH or settings().verbose:
        note(text)
        if sys.stderr is not None:
            sys.stderr.flush()


def rows_of(text: str | None, count: int | None) -> slice:
    """Return the samples that --rows A:B selects from `count`. Raise SpecError for missing rows."""
    if text is None:
        return slice(None)
    if count is None:
        raise SpecError("--rows selects samples of a batch, but x is one sample", "leave --rows out")
    first, colon, last = text.partition(":")
    if not colon or not all(part == "" or (part.isascii() and part.isdecimal()) for part in (first, last)):
        raise SpecError(
            f"--rows {shown(text)} is not A:B", "for example 0:1000, 1000: or :1000; rows are counted from 0"
        )
    begin, end = int(first or 0), int(last) if last else count
    if not begin < end <= count:
        help = f"for the rest: --rows {begin}:" if begin < min(end, count) else "A must be below B"
        raise SpecError(f"--rows {text}: the batch has the rows 0 to {count - 1}", help)
    return slice(begin, end)
