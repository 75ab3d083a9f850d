"""Specs as lines from standard input or a file: a report for each, in order, before more is read."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

from .. import sources
from ..errors import CnncalcError, InternalError, SpecError, Where, as_error
from ..files import line_limit, long_line, opened
from ..network import Network
from ..notation.encode import encode
from ..outputs import while_read
from ..sources.formats import decode_line
from ..sources.mistakes import no_file
from ..sources.words import STDIN
from ._terminal import debug

if TYPE_CHECKING:
    from ..contrasts import Contrast
    from ..report import Report
    from ._showing import Showing

T = TypeVar("T")
CHUNK = 65536
"""The most bytes that are read at once."""
TOGETHER = 64
"""The number of layers up to which networks are read together before they are traced."""

MOST_KEPT = 20_000
"""The number of new objects before Python looks for cycles: as many as networks that are read together have."""


def write_lines(word: str, showing: Showing, stream: IO[str]) -> int:
    """Write one report for each line's spec; return 2 if one was wrong, 3 if one met a bug.

    Several lines are read, then traced, then written, as repeating one step is faster than alternating.
    """

    def load(line: bytes, number: int) -> Network:
        return sources.load_text(decode_line(line, word), word, number)

    def text(result: Report | Contrast) -> tuple[str, int]:
        return "".join(showing.text(result)), showing.code(result)

    code, first = 0, 1
    with seldom_collected(), while_read():
        for lines in received(word):
            networks = ((number, _tried(load, line, number)) for number, line in enumerate(lines, first))
            first += len(lines)
            while some := _together(networks):
                results = [(number, _tried(showing.result, network)) for number, network in some]
                for number, result in results:
                    said = _tried(text, result)
                    if isinstance(said, CnncalcError):
                        said = _error_line(said, Where(word, number, 1), showing), said.exit_code
                    code = max(code, said[1])
                    stream.write(said[0])
            stream.flush()
    return code


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Collect cycles rarely, as the input may be endless; restore the collector afterwards."""
    enabled, thresholds, frozen = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    if not frozen:
        gc.freeze()
    gc.enable()
    gc.set_threshold(MOST_KEPT)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:
            gc.unfreeze()
        if not enabled:
            gc.disable()


def _tried(function: Callable[..., T], value: Any, *more: Any) -> T | CnncalcError:
    """Return a function's result for a value, or its error, including our own bugs; an error is passed through."""
    if isinstance(value, CnncalcError):
        return value
    try:
        return function(value, *more)
    except Exception as error:
        debug(error)
        return as_error(error)


def _together(networks: Iterator[tuple[int, Network | CnncalcError]]) -> list[tuple[int, Network | CnncalcError]]:
    """Return the next networks: several small ones or a large one."""
    some, layers = [], 0
    for number, network in networks:
        some.append((number, network))
        layers += 1 if isinstance(network, CnncalcError) else len(network.nodes)
        if layers >= TOGETHER or (isinstance(network, Network) and [n for n in network.nodes if n.layer.NESTS]):
            break
    return some


def _error_line(error: CnncalcError, line: Where, showing: Showing) -> str:
    """Return an error as a line: the layers before the one at fault, and a place, which is at least the line."""
    if error.where is None or error.where.file is None or not error.where.line:
        error.where = line
    before = "" if isinstance(error, InternalError) else "".join(showing.before(error))
    return before or encode({"error": error.to_dict()}) + "\n"


def received(word: str) -> Iterator[list[bytes]]:
    """Yield the lines completed by each read of standard input or a file, without waiting for more."""
    if word == STDIN:
        if sys.stdin is None:
            raise SpecError("standard input is closed", "give a .jsonl file")
        yield from _lines(sys.stdin.buffer, word)
    elif not os.path.exists(word):
        raise no_file(word)
    else:
        with opened(word) as file:
            yield from _lines(file, word)


def _lines(file: IO[bytes], name: str) -> Iterator[list[bytes]]:
    begun: list[bytes] = []
    held, most = 0, line_limit(file, name)
    while data := file.read1(CHUNK):  # type: ignore[attr-defined]  # what there is, at least a byte
        begun.append(data)
        if b"\n" in data:
            *lines, last = b"".join(begun).split(b"\n")
            begun, held = [last], 0
            yield lines
        held += len(data)
        if held > most:
            raise long_line(name, most)
    if any(begun):
        yield [b"".join(begun)]
