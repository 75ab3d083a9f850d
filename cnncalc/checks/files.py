"""The specs that the arguments of `check` stand for: files, folders, patterns, JSON Lines, networks, layer words."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, NamedTuple, NoReturn

from .. import sources, zoo
from ..errors import LONGEST_PATH, CnncalcError, SpecError, shown
from ..files import is_file_name, line_limit, long_line, opened
from ..frameworks import ForeignNetwork
from ..network import Network
from ..notation.document import Document, parse
from ..notation.spec import is_baseline, looks_like_spec
from ..notation.words import is_layer_word
from ..sizes import Shape, parse_shape
from ..sources.formats import decode_line, read_any
from ..sources.words import is_file, is_network, is_path, is_shape, is_stdin, is_words, spec_words


class SpecFile(NamedTuple):
    """A file to check, or a line of one."""

    name: str
    read: Callable[[], str | ForeignNetwork | Network]
    """The function that returns its text, the network of a file in another format, or that of layer words."""
    line: int = 0
    """The line in a JSON Lines file; 0 for a whole file."""
    optional: bool = False
    """Whether JSON of another kind is skipped, as the file was found in a folder rather than named."""
    front: Shape | None = None
    """The input given before layer words."""

    def loader(self) -> Callable[[], Network] | None:
        """Return a function that reads the network, or raises; None if the file is to be skipped."""
        try:
            text = self.read()
            if isinstance(text, Network):
                return partial(_given, text)
            if isinstance(text, ForeignNetwork):
                return partial(sources.imported, text, self.name)
            if is_words(text):
                return None if self.optional else partial(sources.load_text, text, self.name, self.line or 1)
            document = Document(text.removeprefix("\ufeff"), self.name, self.line or 1)
            value = parse(document)
        except CnncalcError as error:
            return partial(_raise, error)
        if is_baseline(value) or (self.optional and not looks_like_spec(value)):
            return None
        return partial(sources.read_value, value, document)


def spec_files(words: Iterable[str], lines: bool = False) -> Iterator[SpecFile]:
    """Yield the files that the arguments stand for, in order; `lines` says that standard input has one spec per line.

    A shape and the layer words after it are one network, and so is an argument with white space in it. An error in one
    does not end the others: it is raised when that one is read.
    """
    for word in _grouped(words):
        try:
            yield from _with_front(word) if not isinstance(word, str) else _meant(word, lines)
        except Exception as error:  # noqa: BLE001  one file never ends the gate
            yield _failing(word if isinstance(word, str) else " ".join(word), error)


def _meant(word: str, lines: bool) -> Iterator[SpecFile]:
    """Yield the files that a word stands for."""
    if is_stdin(word):
        stdin = SpecFile(word, partial(sources.read_stdin, word))
        yield from _lines(word, sys.stdin.buffer) if lines and sys.stdin else [stdin]
    elif os.path.isdir(word):
        yield from _inside(word)
    elif is_file(word):
        yield from _file(word)
    elif paths := [path for path in _matching(word) if _is_file(path)]:
        for path in paths:
            yield from _file(path)
    elif word.lower() in zoo.names():
        yield SpecFile(f"zoo:{word.lower()}", partial(zoo.read, word.lower()))
    elif glob.has_magic(word):
        help = "* matches any part of a name, ** any folders; a folder means its JSON files"
        yield _failing(word, SpecError(f"no file matches {shown(word, LONGEST_PATH)}", help))
    else:
        yield _written([word])


def _grouped(words: Iterable[str]) -> Iterator[str | list[str]]:
    """Yield the arguments, grouping those of one network: a shape, and the layer words or name after it."""
    group: list[str] = []
    for word in words:
        if _goes_on(group, word):
            group.append(word)
            continue
        if group:
            yield group
        is_name = is_stdin(word) or is_file(word)
        begins = not is_name and (is_layer_word(word) or is_shape(word))
        group = [word] if begins else []
        if not begins:
            yield word if is_name or not any(c.isspace() for c in word.strip()) else [word]
    if group:
        yield group


def _goes_on(group: list[str], word: str) -> bool:
    """Return whether a word belongs to the network of the preceding words; a misspelt layer does, too."""
    if not group or group[-1].rstrip()[-1:] in (",", ":"):
        return bool(group)
    if is_stdin(word) or is_shape(word) or (len(group) > 1 and is_network(group[-1])):
        return False
    if len(group) == 1 and is_shape(group[0]):
        return not os.path.isdir(word)
    is_name = is_file(word) or word.lower() in zoo.names() or glob.has_magic(word) or is_path(word)
    return is_layer_word(word) or not (is_name or any(c.isspace() for c in word))


def _with_front(words: list[str]) -> Iterator[SpecFile]:
    """Yield the network of layer words, or of a file, with the input given before it."""
    if len(words) == 2 and is_shape(words[0]) and is_file(words[1]) and not is_layer_word(words[1]):
        for file in _file(words[1]):
            yield file._replace(front=parse_shape(words[0]))
    else:
        yield _written(words)


def _written(words: list[str]) -> SpecFile:
    """Return the network of layer words, or of one quoted word."""
    name = " ".join(words)
    if len(words) == 1 and is_shape(name):
        return _failing(
            name,
            SpecError(
                f"{shown(name)} is a shape, not a network", (f"to use it as the input of all networks: -i {name}")
            ),
        )
    try:
        spec = spec_words([name])
    except SpecError as error:
        return _failing(name, error)
    return SpecFile(name, partial(sources.load_words, spec), front=spec.input)


def _given(network: Network) -> Network:
    return network


def _failing(name: str, error: Exception) -> SpecFile:
    """Return a stand-in for a file that cannot be read: reading it raises the error."""
    return SpecFile(name, partial(_raise, error))


def _raise(error: Exception) -> NoReturn:
    raise error


def _file(path: str) -> Iterator[SpecFile]:
    if not path.endswith(".jsonl"):
        yield SpecFile(path, partial(read_any, path))
        return
    empty = True
    try:
        with opened(path) as file:
            for line in _lines(path, file):
                empty = False
                yield line
    except SpecError as error:
        yield _failing(path, error)
        return
    if empty:
        yield _failing(path, SpecError("is empty", "a .jsonl file has one spec per line"))


def _lines(name: str, file: IO[bytes]) -> Iterator[SpecFile]:
    most = line_limit(file, name)
    lines = iter(partial(file.readline, most + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > most:
            yield _failing(name, long_line(name, most))
            return
        yield SpecFile(name, partial(decode_line, line.rstrip(b"\n"), name), number)


def _matching(pattern: str) -> list[str]:
    """Return the paths that match a pattern; `**` is any number of folders, and follows no links, which may loop."""
    if len(pattern) > LONGEST_PATH or not is_file_name(pattern):  # compiling takes quadratic time
        return []
    before, stars, after = pattern.partition("**")
    if not stars:
        return sorted(glob.glob(pattern))
    after = after.lstrip("/" + os.sep)
    while after.startswith(("**/", f"**{os.sep}")):  # repeated `**`
        after = after[3:].lstrip("/" + os.sep)
    after = after.replace("**", "*") or "*"
    paths: set[str] = set()
    for top in glob.glob(before) if before else ["."]:
        for root, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            paths.update(map(os.path.normpath, glob.glob(os.path.join(glob.escape(root), after))))
    return sorted(paths)


def _is_file(path: str) -> bool:
    """Return whether a path is a file, or a broken link, which is reported as an error instead of being skipped."""
    return os.path.isfile(path) or not os.path.exists(path)


def _inside(folder: str) -> Iterator[SpecFile]:
    """Yield the JSON and ONNX files of a folder and its subfolders, except hidden ones. It is an error to find none."""
    errors: list[OSError] = []
    empty = True
    for root, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(root, name)
            if name.endswith((".json", ".onnx")) and name[0] != "." and _is_file(path):
                empty = False
                yield SpecFile(path, partial(read_any, path), optional=True)
    for error in errors:
        name = os.fsdecode(error.filename or folder)
        yield _failing(name, SpecError(f"{shown(name, LONGEST_PATH)} cannot be read: {error.strerror}"))
    if empty and not errors:
        yield _failing(folder, SpecError(f"there is no JSON or ONNX file in {shown(folder, LONGEST_PATH)}"))
