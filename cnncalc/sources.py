"""What a user means by SPEC: standard input, layer words, a file, or a network of the zoo, in this order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from . import zoo
from .errors import LONGEST_PATH, SpecError, Where, nearest, shown
from .files import opened
from .frameworks import Imported
from .layers import OPS, unknown_op
from .network import Network
from .notation.document import Document, parse, read
from .notation.words import Fill, Words, is_layer_word, read_words
from .sizes import Shape, looks_like_shape, parse_shape

STDIN = "-"
ZIP = b"PK\x03\x04"
"""How an archive begins, such as Keras's."""
ONNX_BEGINS = b"\x08"
"""The first byte of an ONNX file, the tag of its version; no JSON begins with it."""


class Given(NamedTuple):
    """A command's SPEC words sorted out: a shape in front, and a network from one place."""

    input: Shape | None
    """The shape that stood in front, None without one."""
    words: list[str]
    """All the words."""
    first: int
    """How many of them are no spec: 1 with a shape in front."""

    @property
    def rest(self) -> list[str]:
        """The words that are the spec."""
        return self.words[self.first :]


def sort_out(words: Sequence[str]) -> Given:
    """SPEC words as a shape in front (or none) and the rest. SpecError where there is no rest."""
    input, first = None, 0
    if words and looks_like_shape(words[0]) and not is_layer_word(words[0]):  # exp is no e x p
        input, first = _front_shape(list(words)), 1
    given = Given(input, list(words), first)
    if not given.rest:
        what = "no layers: only a shape" if first else "no SPEC"
        raise SpecError(
            what, "give layers as conv:64,k7,s2,p3 maxpool:k3, a file, a network of the zoo, or - for standard input"
        )
    return given


def _front_shape(words: list[str]) -> Shape:
    try:
        return parse_shape(words[0])
    except SpecError as error:
        error.where = Words(words).at(0, 0, len(words[0]))
        raise


def read_stdin() -> str | Imported:
    """Return standard input as text, or as what a reader of another format makes of it."""
    if sys.stdin is None:
        raise SpecError("standard input is closed", "give a file, or layer words")
    return decode_any(sys.stdin.buffer.read(), STDIN)


def network(given: Given, fill: Fill | None = None, stdin: Callable[[], str | Imported] = read_stdin) -> Network:
    """Return the network of SPEC words; `stdin` reads `-`. SpecError, with the nearest names, if there is none."""
    rest = given.rest
    if len(rest) == 1 and not is_layer_word(rest[0]):
        return _one(given, rest[0], stdin)
    for index, word in enumerate(rest, given.first):
        if not is_layer_word(word):
            raise _not_a_layer(given, index)
    return read_words(given.words, given.first, fill)


def _one(given: Given, word: str, stdin: Callable[[], str | Imported]) -> Network:
    if word == STDIN:
        return _of(stdin(), STDIN)
    if os.path.exists(word):
        return load_file(word)
    if word.lower() in zoo.names():
        return load_zoo(word.lower())
    raise _nothing(given, word)


def _nothing(given: Given, word: str) -> SpecError:
    name = word.partition(":")[0]
    if " " in word.strip() and any(map(is_layer_word, word.split())):
        return SpecError(f"{shown(word)} is one word", "each layer is a word of its own: leave the quotes out")
    error = SpecError(
        f"{shown(word)} is no layer word, no file and no network of the zoo",
        nearest(name, [*OPS, *zoo.names()])
        or "a layer word is conv:64,k7,s2,p3; cnncalc zoo lists the networks; README.md lists the ops",
    )
    if "/" in word or os.sep in word or word.endswith((".json", ".jsonl")):
        error = no_file(word)
    error.where = Words(given.words).at(given.first, 0, len(word))
    return error


def no_file(word: str) -> SpecError:
    """The error for a file that is not there, with the nearest of its folder."""
    return SpecError(
        f"there is no file {shown(word, LONGEST_PATH)}",
        nearest(os.path.basename(word), [*_files_beside(word), *zoo.names()]),
    )


def _files_beside(path: str) -> list[str]:
    try:
        return os.listdir(os.path.dirname(path) or ".")
    except OSError:
        return []


def _not_a_layer(given: Given, index: int) -> SpecError:
    word = given.words[index]
    name = word.partition(":")[0]
    if word == STDIN or os.path.exists(word) or name.lower() in zoo.names():
        error = SpecError(f"{shown(word)} stands alone: it is a whole network", "leave out the other words")
    elif looks_like_shape(word):
        error = SpecError(f"the shape {word} stands in front of the layers", "there is one input, and it comes first")
    else:
        error = unknown_op(name)
    error.where = Words(given.words).at(index, 0, len(name) or 1)
    return error


def load_zoo(name: str) -> Network:
    """A network of the zoo."""
    return load_text(zoo.read(name), f"zoo/{name}.json")


def load_file(path: str) -> Network:
    """The network of a file, a spec or one of another framework."""
    return _of(read_any(path), path)


def read_bytes(data: bytes, name: str) -> Network:
    """The network of a file's bytes."""
    return _of(decode_any(data, name), name)


def load_text(text: str, name: str, first_line: int = 1) -> Network:
    """A network from a JSON text. SpecError with file, line and column for anything that is no spec."""
    document = Document(text.removeprefix("\ufeff"), name, first_line)
    return read_value(parse(document), document)


def read_value(value: Any, document: Document | None = None) -> Network:
    """A network from a parsed JSON value: a spec, or a Keras model."""
    if not _is_keras(value):
        return read(value, document)
    from .frameworks.keras.read import read as read_keras

    if document is None:
        return read(read_keras(value).spec)
    with _naming(document.name):
        return imported(read_keras(value), document.name)


def _is_keras(value: Any) -> bool:
    """Whether a JSON value is a Keras model; the reader is imported only where it may be one."""
    if not isinstance(value, dict) or "cnncalc" in value:
        return False
    first = value["layers"][0] if isinstance(value.get("layers"), list) and value["layers"] else None
    if "class_name" not in value and not (isinstance(first, dict) and "class_name" in first):
        return False
    from .frameworks.keras.read import is_model

    return is_model(value)


def imported(found: Imported, name: str) -> Network:
    """A network that a reader of another format has made a spec of; errors name its file, and no place in it."""
    document = Document("", name)
    document.imported, document.weights = True, found.weights
    return read(found.spec, document)


def _of(found: str | Imported, name: str) -> Network:
    return imported(found, name) if isinstance(found, Imported) else load_text(found, name)


def read_any(path: str) -> str | Imported:
    """A file's text, or what a reader of another format has made of it. SpecError where it cannot be read."""
    with opened(path) as file:
        if is_onnx(file.peek(1)[:1], path) and os.path.isfile(path) and os.path.getsize(path):  # type: ignore[attr-defined]
            from mmap import ACCESS_READ, mmap

            return read_onnx(memoryview(mmap(file.fileno(), 0, access=ACCESS_READ)), path)
        data = file.read()
    return decode_any(data, path)


def is_onnx(first: bytes, name: str) -> bool:
    """Whether a file is meant as ONNX, by its name or its first byte."""
    return name.lower().endswith(".onnx") or first == ONNX_BEGINS


def decode_any(data: bytes, name: str) -> str | Imported:
    """Bytes as text, or as what a reader makes of them: an archive of Keras's has a text inside."""
    if is_onnx(data[:1], name):
        return read_onnx(data, name)
    if not data.startswith(ZIP):
        return decode(data, name)
    from .frameworks.keras.read.archive import config

    with _naming(name):
        return decode(config(data), name)


def read_onnx(data: bytes | memoryview, name: str) -> Imported:
    """What the reader of ONNX makes of a file. SpecError with the file's name for what is none."""
    from .frameworks.onnx.read import read

    with _naming(name):
        return read(data, name)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """An error that names no place yet is one of this file."""
    try:
        yield
    except SpecError as error:
        if error.where is None and not error.what.startswith(shown(name, LONGEST_PATH)):
            error.where = Where(name, 0, 0)
        raise


def read_text(path: str) -> str:
    """A file's text. SpecError where it cannot be read, or is no UTF-8."""
    with opened(path) as file:
        data = file.read()
    return decode(data, path)


def decode(data: bytes, name: str) -> str:
    """Bytes as text. SpecError for what is no UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise SpecError(
            f"{shown(name, LONGEST_PATH)} is not a text: byte 0x{byte:02x} at offset {error.start} is no UTF-8",
            "a spec is JSON",
        ) from None
