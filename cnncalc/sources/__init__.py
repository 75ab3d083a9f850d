"""Load the network that a SPEC stands for: standard input, a file, layer words, or a built-in network."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .. import zoo
from ..errors import Path, SpecError, Where
from ..frameworks import ForeignNetwork
from ..limits import LONGEST_WORDS
from ..network import Network, Origin
from ..notation.document import Document, parse
from ..notation.spec import read
from ..notation.tokens import WordText
from ..notation.words import Completer, is_layer_word, read_words
from ..sizes import Shape
from .formats import decode, decode_any, naming, pasted_layers, read_any, read_code, read_content, read_pasted
from .words import STDIN, SpecWords, is_file, is_stdin, is_words, split, split_code


def read_stdin(word: str = STDIN) -> str | ForeignNetwork:
    """Read standard input: its text, or a model of another framework; `word` may name a network in it."""
    if sys.stdin is None:
        raise SpecError("standard input is closed", "give a file, or layer words")
    data, wanted = read_content(sys.stdin.buffer, STDIN), split_code(word)[1]
    return decode_any(data, STDIN) if wanted is None else read_code(decode(data, STDIN), STDIN, wanted)


def load_words(
    spec: SpecWords, complete: Completer | None = None, stdin: Callable[[str], str | ForeignNetwork] = read_stdin
) -> Network:
    """Load the network of SPEC words; `stdin` reads `-`. Raise SpecError with the nearest names if there is none."""
    if len(spec.rest) == 1:
        (word,) = spec.rest
        if is_stdin(word):
            return _load(stdin(word), STDIN)
        if is_file(word) and not is_layer_word(word):
            return load_file(word)
    return _read_words(spec, complete)


_PASTED = frozenset("(<[\n")
"""Characters of which every pasted text contains one (except a line of a Python error) and no network's name does."""
_RAISED = r"\s*[A-Za-z][\w.]*(?:Error|Exception): "


def _text(spec: SpecWords) -> str:
    """Return the text of a spec, without the shape before it."""
    return spec.text.text[spec.text.tokens[spec.first].start :]


def _pasted(spec: SpecWords) -> ForeignNetwork | None:
    """Read a print-out or source pasted into the words; None for other words. Raise SpecError for a summary."""
    text = _text(spec)
    if _PASTED.isdisjoint(text) and not (": " in text and re.match(_RAISED, text)):  # compiled only for such a line
        return None
    return read_pasted(text, "SPEC")


def _read_words(spec: SpecWords, complete: Completer | None = None) -> Network:
    """Read a network from layer words, the name of a built-in one, or a print-out."""
    word, *others = spec.rest
    if not others and word.lower() in zoo.names():
        return load_zoo(word.lower())
    if word[:1] in ("{", "[") and not is_words(text := _text(spec)):
        if spec.text.name is None:
            return load_text(text, "SPEC")
        before = re.sub(r"\S", " ", spec.text.text[: -len(text)])  # blank the shape; the rest keeps its place
        return load_text(before + text, spec.text.name, spec.text.first_line)
    if not is_layer_word(word) and (pasted := _pasted(spec)) is not None:
        return imported(pasted, spec.text.name or "SPEC")
    if not is_layer_word(word) and (layers := pasted_layers(_text(spec))) is not None:
        return load_text(layers, spec.text.name or "SPEC", spec.text.first_line)
    if not others and not is_layer_word(word):
        from .mistakes import no_network

        raise no_network(spec, word)
    for index, word in enumerate(spec.rest, spec.first):
        if not is_layer_word(word):
            from .mistakes import no_layer

            raise no_layer(spec, index)
    return read_words(spec.text, spec.first, complete)


def load_zoo(name: str) -> Network:
    """Load a built-in network."""
    network = load_text(zoo.read(name), f"zoo/{name}.json")
    assert network.source is not None
    network.source.built_in = True
    return network


def load_file(path: str) -> Network:
    """Load the network of a file: a spec, or a file of another framework."""
    return _load(read_any(path), path)


def read_bytes(data: bytes, name: str, wanted: str | None = None) -> Network:
    """Load the network from a file's bytes; in Python source, the one that is `wanted`."""
    if wanted is not None:
        return imported(read_code(decode(data, name), name, wanted), name)
    return _load(decode_any(data, name), name)


def load_text(text: str, name: str, first_line: int = 1) -> Network:
    """Load a network from a text: JSON, layer words, or the name of a built-in network.

    Raise SpecError with file, line and column if it is not a spec.
    """
    if len(text) > LONGEST_WORDS and text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        error = SpecError(f"layer words of more than {LONGEST_WORDS:,} characters", "write that many layers as JSON")
        error.where = Where(name, 0, 0)
        raise error
    text = pasted_layers(text) or text
    if is_words(text):
        spec = split(WordText(text.removeprefix("\ufeff"), name, first_line))
        network = _read_words(spec)
        return network if spec.input is None else network._replace(input=spec.input)
    document = Document(text.removeprefix("\ufeff"), name, first_line)
    return read_value(parse(document, _is_keras), document)


def read_value(value: Any, document: Document | None = None) -> Network:
    """Read a network from a parsed JSON value: a spec, or a Keras model."""
    if not _is_keras(value):
        return read(value, document)
    from ..frameworks.keras.read import read as read_keras

    if document is None:
        model = read_keras(value)
        return read(model.spec, _Parsed(model))
    with naming(document.name):
        return imported(read_keras(value), document.name)


class _Parsed(Origin):
    """The origin of a framework's model that was given as parsed JSON, without text."""

    def __init__(self, model: ForeignNetwork):
        self.weights, self.model = model.weights, model.model

    def locate(self, path: Path, key: str | None) -> None:  # noqa: ARG002 - it has no text
        return None


def _is_keras(value: Any) -> bool:
    """Return whether a JSON value is a Keras model; the reader is only imported if it may be."""
    if not isinstance(value, dict) or "cnncalc" in value:
        return False
    first = value["layers"][0] if isinstance(value.get("layers"), list) and value["layers"] else None
    if "class_name" not in value and not (isinstance(first, dict) and "class_name" in first):
        return False
    from ..frameworks.keras.read import is_model

    return is_model(value)


def imported(model: ForeignNetwork, name: str) -> Network:
    """Read the network of another framework's model; errors name its file but no line."""
    document = Document("", name)
    document.imported, document.weights, document.model = True, model.weights, model.model
    document.notes, document.unread, document.annotate = model.notes, model.unread, model.annotate
    document.functions, document.stored = model.functions, model.stored
    network = read(model.spec, document)
    if model.bind is not None:
        again = model.bind
        bound: dict[tuple[tuple[str, Shape], ...], Network | SpecError] = {}

        def bind(inputs: Mapping[str, Shape]) -> Network:
            key = tuple(inputs.items())
            if key not in bound:
                try:
                    with naming(name):
                        found = again(inputs)
                    bound[key] = network if found is None else imported(found, name)
                except SpecError as error:
                    bound[key] = error  # do not repeat what takes too long
            made = bound[key]
            if isinstance(made, SpecError):
                raise made.with_traceback(None)  # the traceback would grow each time
            return made

        document.bind = bind
    return network


def _load(content: str | ForeignNetwork, name: str) -> Network:
    return imported(content, name) if isinstance(content, ForeignNetwork) else load_text(content, name)
