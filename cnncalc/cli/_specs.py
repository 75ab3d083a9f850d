"""The specs that words on the command line stand for: files, folders, patterns, lines, names of the zoo."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, NoReturn

from .. import sources, zoo
from ..errors import LONGEST_PATH, CnncalcError, SpecError, shown
from ..files import opened
from ..frameworks import Imported
from ..network import Network
from ..notation.document import Document, is_baseline, looks_like_spec, parse
from ._options import read_stdin


class Candidate(NamedTuple):
    """A file to check."""

    name: str
    text: Callable[[], str | Imported]
    line: int = 1
    """The line of the file that its text begins at."""
    optional: bool = False
    """Whether it is passed over where it is JSON of another kind: found in a directory, not named."""
    is_line: bool = False
    """Whether it is a line of JSON Lines."""


def candidates(words: tuple[str, ...], lines: bool = False) -> Iterator[Candidate]:
    """The files that words stand for, in their order; `lines`: standard input holds a spec a line."""
    for word in words:
        if word == sources.STDIN:
            yield from _lines(word, sys.stdin.buffer) if lines and sys.stdin else [Candidate(word, read_stdin)]
        elif os.path.isdir(word):
            yield from _inside(word)
        elif os.path.exists(word):
            yield from _of_file(word)
        elif found := [path for path in _matching(word) if os.path.isfile(path)]:
            for path in found:
                yield from _of_file(path)
        elif word.lower() in zoo.names():
            yield Candidate(f"zoo:{word.lower()}", partial(zoo.read, word.lower()))
        else:
            yield _failing(word, _missing(word))


def _missing(word: str) -> SpecError:
    if glob.has_magic(word):
        return SpecError(f"no file matches {shown(word, LONGEST_PATH)}", "quote a pattern, so that the shell leaves it")
    return sources.no_file(word)


def _failing(name: str, error: CnncalcError) -> Candidate:
    return Candidate(name, partial(_raise, error))


def _raise(error: CnncalcError) -> NoReturn:
    raise error


def _of_file(path: str) -> Iterator[Candidate]:
    if not path.endswith(".jsonl"):
        yield Candidate(path, partial(sources.read_any, path))
        return
    empty = True
    try:
        with opened(path) as file:
            for candidate in _lines(path, file):
                empty = False
                yield candidate
    except SpecError as error:
        yield _failing(path, error)
        return
    if empty:
        yield _failing(path, SpecError("is empty", "a .jsonl file has a spec a line"))


def _lines(name: str, file: Iterable[bytes]) -> Iterator[Candidate]:
    for number, line in enumerate(file, 1):
        yield Candidate(name, partial(sources.decode, line.rstrip(b"\r\n"), name), number, is_line=True)


def _matching(pattern: str) -> list[str]:
    """The paths that a pattern matches; `**` is any number of folders, none behind a link: those may go in circles."""
    before, stars, after = pattern.partition("**")
    if not stars:
        return sorted(glob.glob(pattern))
    tops = glob.glob(before) if before else ["."]
    found = []
    for top in tops:
        for root, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += glob.glob(os.path.join(glob.escape(root), after.lstrip("/").replace("**", "*") or "*"))
    return sorted({os.path.normpath(path) for path in found})


def _inside(folder: str) -> Iterator[Candidate]:
    """The JSON and ONNX files of a folder, however deep, hidden files left out. A folder without any is an error."""
    errors: list[OSError] = []
    empty = True
    for root, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(root, name)
            if name.endswith((".json", ".onnx")) and name[0] != "." and os.path.isfile(path):
                empty = False
                yield Candidate(path, partial(sources.read_any, path), optional=True)
    for error in errors:
        name = os.fsdecode(error.filename or folder)
        yield _failing(name, SpecError(f"{shown(name, LONGEST_PATH)} cannot be read: {error.strerror}"))
    if empty and not errors:
        yield _failing(folder, SpecError(f"there is no JSON and no ONNX file in {shown(folder, LONGEST_PATH)}"))


def loader(candidate: Candidate) -> Callable[[], Network] | None:
    """What reads a candidate; None for a directory's JSON that is of another kind."""
    try:
        text = candidate.text()
        if isinstance(text, Imported):
            return partial(sources.imported, text, candidate.name)
        document = Document(text.removeprefix("\ufeff"), candidate.name, candidate.line)
        value = parse(document)
    except CnncalcError as error:
        return partial(_raise, error)
    if is_baseline(value) or (candidate.optional and not looks_like_spec(value)):
        return None
    return lambda: sources.read_value(value, document)
