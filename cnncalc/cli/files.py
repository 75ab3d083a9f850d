"""The specs that words on the command line stand for: files, folders, patterns, lines, names of the zoo."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from .. import zoo
from ..errors import LONGEST_PATH, CnncalcError, SpecError, shown
from ..network import Network
from ..spec import source
from ..spec.document import Document, looks_like_spec, parse, read
from .common import read_stdin


class Candidate(NamedTuple):
    """A file to check."""

    name: str
    text: Callable[[], str]
    line: int = 1
    """The line of the file that its text begins at."""
    optional: bool = False
    """Whether it is passed over where it is JSON of another kind: found in a directory, not named."""


def candidates(words: tuple[str, ...], lines: bool = False) -> Iterator[Candidate]:
    """The files that words stand for, in their order; `lines`: standard input holds a spec a line."""
    for word in words:
        if word == source.STDIN:
            yield from _lines(word, sys.stdin.buffer) if lines and sys.stdin else [Candidate(word, read_stdin)]
        elif os.path.isdir(word):
            yield from (_of_file(path, optional=True) for path in _inside(word))
        elif os.path.exists(word):
            yield from _lines_of(word) if word.endswith(".jsonl") else [_of_file(word)]
        elif found := sorted(glob.glob(word, recursive=True)):
            yield from (_of_file(path) for path in found if os.path.isfile(path))
        elif word.lower() in zoo.names():
            yield Candidate(f"zoo/{word.lower()}.json", partial(zoo.read, word.lower()))
        else:
            yield Candidate(word, partial(_missing, word))


def _missing(word: str) -> str:
    if glob.has_magic(word):
        raise SpecError(f"no file matches {shown(word, LONGEST_PATH)}", "quote a pattern, so that the shell leaves it")
    raise source.no_file(word)


def _of_file(path: str, optional: bool = False) -> Candidate:
    return Candidate(path, partial(source.read_text, path), optional=optional)


def _lines_of(path: str) -> Iterator[Candidate]:
    try:
        with source.opened(path) as file:
            yield from _lines(path, file)
    except SpecError:
        yield _of_file(path)  # which says what is wrong, beside what the other files say


def _lines(name: str, file: Iterable[bytes]) -> Iterator[Candidate]:
    for number, line in enumerate(file, 1):
        yield Candidate(name, partial(source.decode, line.rstrip(b"\r\n"), name), number)


def _inside(folder: str) -> Iterator[str]:
    """The JSON files of a folder, however deep, hidden ones left out."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(root, name) for name in sorted(files) if name.endswith(".json") and name[0] != ".")


def loader(candidate: Candidate) -> Callable[[], Network] | None:
    """What reads a candidate; None for a directory's JSON that is of another kind."""
    try:
        document = Document(candidate.text().removeprefix("\ufeff"), candidate.name, candidate.line)
        value = parse(document)
    except CnncalcError as error:
        return _raiser(error)
    if candidate.optional and not looks_like_spec(value):
        return None
    return lambda: read(value, document)


def _raiser(error: CnncalcError) -> Callable[[], Network]:
    def fail() -> Network:
        raise error

    return fail
