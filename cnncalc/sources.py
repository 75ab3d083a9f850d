"""Find the network that SPEC means: standard input, a file, layer words, or a built-in network."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile
from typing import Any, NamedTuple

from . import zoo
from .errors import LONGEST_PATH, Path, SpecError, Where, nearest, shown
from .files import check_mapped, mapped, opened, read_whole
from .frameworks import ArrayReaders, ForeignNetwork
from .layers import OPS, unknown_op
from .network import Network, Origin
from .notation.document import Document, parse, read
from .notation.tokens import WordText, tokenize, whole_words
from .notation.words import Completer, call_error, called_name, is_layer_word, join_hint, read_words
from .sizes import MOST_SIZES, Shape, looks_like_shape, parse_shape, respelled

STDIN = "-"
ZIP = b"PK\x03\x04"
"""The first bytes of an archive, such as Keras's."""
HDF = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""
ONNX_BEGINS = b"\x08"
"""The first byte of an ONNX file, the tag of its version; no JSON begins with it."""


class SpecWords(NamedTuple):
    """The words of a SPEC."""

    input: Shape | None
    """The shape in front; None without one."""
    words: list[str]
    """All the words."""
    first: int
    """The index of the first word of the spec itself: 1 after a shape."""
    text: WordText
    """The text that the words stand in."""

    @property
    def rest(self) -> list[str]:
        """The words of the spec itself."""
        return self.words[self.first :]

    def blame(self, error: SpecError, index: int, end: int) -> SpecError:
        """Add the place of a word, up to its character `end`, to an error and return it."""
        error.where = self.text.at(index, 0, end)
        return error


def spec_words(words: Sequence[str]) -> SpecWords:
    """Split the words of a shell into a shape in front, if there is one, and the spec. SpecError if there is no spec.

    The name of a file is taken as it is; in other words white space separates as it does in a file.
    """
    alone = words[1:] if len(words) > 1 and looks_like_shape(words[0]) else words
    whole = len(alone) == 1 and (is_stdin(alone[0]) or is_file(alone[0]) or _names_file(alone[0]))
    return _split(whole_words(words) if whole else WordText(" ".join(words)))


def _names_file(word: str) -> bool:
    """Return whether a word with spaces can only be the name of a file, which may not be there."""
    return " " in word and "(" not in word and is_path(word) and not is_words(word)


def _split(text: WordText) -> SpecWords:
    """Split a text into a shape in front, if there is one, and the spec."""
    words = text.words
    spec = SpecWords(None, words, 0, text)
    if words and is_shape(words[0]):
        try:
            spec = SpecWords(parse_shape(words[0]), words, 1, text)
        except SpecError as error:
            raise spec.blame(error, 0, len(words[0])) from None
    if not spec.rest:
        what = "no layers: only a shape" if spec.first else "no SPEC"
        help = "give layers as conv:64,k7,s2,p3 maxpool:k3, a file, a built-in network, or - for standard input"
        lacking = SpecError(what, help)
        raise lacking if text.name is None else spec.blame(lacking, 0, 1)
    return spec


def is_stdin(word: str) -> bool:
    """Return whether a word is standard input, or names a network in the Python source there: `-:Net`."""
    return split_code(word)[0] == STDIN


def read_stdin(word: str = STDIN) -> str | ForeignNetwork:
    """Read standard input: its text, or the model of another framework; the network that a word names there."""
    if sys.stdin is None:
        raise SpecError("standard input is closed", "give a file, or layer words")
    data, wanted = read_whole(sys.stdin.buffer, STDIN), split_code(word)[1]
    return decode_any(data, STDIN) if wanted is None else read_code(decode(data, STDIN), STDIN, wanted)


def load_words(
    spec: SpecWords, complete: Completer | None = None, stdin: Callable[[str], str | ForeignNetwork] = read_stdin
) -> Network:
    """Load the network of SPEC words; `stdin` reads `-`. SpecError, with the nearest names, if there is none."""
    if len(spec.rest) == 1:
        (word,) = spec.rest
        if is_stdin(word):
            return _load(stdin(word), STDIN)
        if is_file(word) and not is_layer_word(word):
            return load_file(word)
    return _read_words(spec, complete)


def _pasted(spec: SpecWords) -> ForeignNetwork | None:
    """Read a print-out or source that stands as it is in the words; None for others. SpecError for a summary."""
    text = spec.text.text if not spec.first else spec.text.text[spec.text.tokens[1].start :]
    return None if _PASTED.isdisjoint(text) else read_pasted(text, "SPEC")


def _read_words(spec: SpecWords, complete: Completer | None = None) -> Network:
    """Read the network of layer words, of the name of a built-in one, or of a print-out."""
    word, *others = spec.rest
    if not others and word.lower() in zoo.names():
        return load_zoo(word.lower())
    if not is_layer_word(word) and (pasted := _pasted(spec)) is not None:
        return imported(pasted, spec.text.name or "SPEC")
    if not others and not is_layer_word(word):
        raise _no_network(spec, word)
    for index, word in enumerate(spec.rest, spec.first):
        if not is_layer_word(word):
            raise _no_layer(spec, index)
    return read_words(spec.text, spec.first, complete)


def is_shape(word: str) -> bool:
    """Return whether a word is meant as a shape; exp is not the sizes e and p."""
    if looks_like_shape(word):
        return not is_layer_word(word)
    return word[:1] in tuple("([0123456789") and respelled(word) is not None


def is_spec(word: str) -> bool:
    """Return whether a word begins a SPEC: a shape, a layer, a file or a built-in network."""
    return is_layer_word(word) or looks_like_shape(word) or is_file(word) or word.lower() in zoo.names()


def is_network(word: str) -> bool:
    """Return whether a word is a whole network by its name: a file, a built-in network, or `-`."""
    return is_stdin(word) or os.path.isfile(word) or word.lower() in zoo.names()


def compare_line(words: Sequence[str], input: str | None = None) -> str:
    """Return the command that shows networks side by side."""
    import shlex

    return f"cnncalc compare {shlex.join([*(['-i', input] if input else []), *words])}"


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _several(spec: SpecWords) -> SpecError:
    """Return the error for several networks, with the command that takes them."""
    number = _NUMBERS[len(spec.rest)] if len(spec.rest) < len(_NUMBERS) else f"{len(spec.rest)}"
    return SpecError(f"{number} networks: {compare_line(spec.rest, spec.words[0] if spec.first else None)}")


_ARROW = r"\s*(?:[-=]*>|[|;→⇒])\s*"
"""What may be typed between layers in place of white space."""


def _respelled(word: str) -> str | None:
    """Return how a word is written that has marks around or in place of layers; None for others."""
    if not word.strip("-=>|;,+&\\→⇒"):
        return f"white space alone separates layers: leave out {shown(word)}"
    if len(word) > 2 and word[0] in "\"'`" and word[-1] == word[0]:
        return f"quotes are for a shell: write {word[1:-1]}"
    name, equals, shape = word.partition("=")
    if equals and name.isidentifier() and looks_like_shape(shape):
        return f"the input is a shape alone: {shape}"
    for mark in islice(re.finditer(rf"(?:{_ARROW}|,)\s*", word), MOST_SIZES):
        before, behind = word[: mark.start()].rstrip(), word[mark.end() :]
        if looks_like_shape(before) and is_layer_word(behind):
            return f"white space separates a shape and layers: {before} {re.sub(_ARROW, ' ', behind)}"
    return "a bracket is not closed" if sum(map(word.count, "([{")) > sum(map(word.count, ")]}")) else None


def _no_network(spec: SpecWords, word: str) -> SpecError:
    if (error := _no_module(word)) is not None or is_path(word):
        return spec.blame(error or no_file(word), spec.first, len(word))
    from .layers.intents import meant

    name = called_name(word)
    intent = meant(name)
    if intent is not None and intent.what:
        return spec.blame(unknown_op(name), spec.first, len(word))
    if intent is None and name[:1].isupper() and (error := call_error(word)) is not None:
        return spec.blame(error, spec.first, len(word))
    error = SpecError(
        f"{shown(word)} is not a layer, a file or a built-in network",
        _files_named(word)
        or _respelled(word)
        or (intent.help if intent is not None else nearest(name, [*OPS, *zoo.names()]))
        or "a layer is written conv:64,k7,s2,p3; for all of them: cnncalc zoo, cnncalc ops",
    )
    return spec.blame(error, spec.first, len(word))


def _files_named(word: str) -> str | None:
    """Return `did you mean 'net.py'?` for a file whose name lacks its ending; None if there is none."""
    files = [word + ending for ending in (".py", ".json", ".onnx", ".keras", ".h5") if os.path.isfile(word + ending)]
    return f"did you mean {' or '.join(map(shown, files))}?" if files else None


def is_path(word: str) -> bool:
    """Return whether a word can only be a file: it has a folder, or an ending of letters."""
    return "/" in word or os.sep in word or re.fullmatch(r"\.[A-Za-z]\w{0,11}", os.path.splitext(word)[1]) is not None


def _no_module(word: str) -> SpecError | None:
    """Return the error for a PyTorch module, `package.module:factory`, which only convert reads; None for others."""
    from .frameworks.torch.read.factory import is_factory

    module = word.partition(":")[0]
    if split_code(word)[1] is not None:
        return no_file(split_code(word)[0])
    if not is_factory(word) or not ("." in module or os.path.exists(f"{module}.py")):
        return None
    file = f"{module.replace('.', '/')}.py"
    if os.path.isfile(file):
        return SpecError(f"{shown(word)} is not a file", f"to read the source: {file}{word.removeprefix(module)}")
    help = f"cnncalc convert {word} -i 3x224x224 | cnncalc shape -"
    return SpecError(f"{shown(word)} is code of PyTorch, which convert runs and reads", help)


def no_file(word: str) -> SpecError:
    """Return the error for a file that does not exist, with the nearest names of its folder."""
    if re.match(r"[a-z]+://", word):
        return SpecError(
            f"{shown(word, LONGEST_PATH)} is not a file but an address", f"fetch it first: curl -LO {word}"
        )
    try:
        beside = os.listdir(os.path.dirname(word) or ".")
    except (OSError, ValueError):  # ValueError: a null character
        beside = []
    help = nearest(os.path.basename(word), [*beside, *zoo.names()])
    return SpecError(f"there is no file {shown(word, LONGEST_PATH)}", help)


SIGNS = ("x", "X", "×", "*", "by")
"""What may be typed between the sizes of a shape, with spaces."""


def _no_layer(spec: SpecWords, index: int) -> SpecError:
    if all(map(is_network, spec.rest)):
        return _several(spec)
    sizes = list(takewhile(lambda one: one.isdecimal() or one in SIGNS, spec.words))
    if index == spec.first and len(sizes) > 1 and sizes[0].isdecimal() and sizes[-1].isdecimal():
        return SpecError(f"the sizes of a shape are one word: {'x'.join(one for one in sizes if one.isdecimal())}")
    if len(spec.rest) == 2 and not spec.first and is_network(spec.rest[0]) and is_shape(spec.rest[1]):
        return spec.blame(SpecError("the input comes first", f"write {spec.rest[1]} {spec.rest[0]}"), 1, 999)
    word = spec.words[index]
    name = called_name(word)
    if "=" in spec.words[index : index + 2] and spec.words[-1] != "=":
        call = spec.words[spec.words.index("=", index) + 1]
        assigned = SpecError(f"{shown(word)} is not a layer", f"write the call alone: {call}")
        return spec.blame(assigned, index, len(word))
    argument = join_hint(spec.words[index - 1], spec.words[index:]) if index > spec.first else None
    if argument is not None:
        return spec.blame(argument, index, len(word))
    if is_stdin(word) or is_file(word) or name.lower() in zoo.names():
        others = " ".join(other for at, other in enumerate(spec.words) if at >= spec.first and at != index)
        is_object = word.endswith(".py") and others.isidentifier()
        help = f"write {word}:{others}" if is_object else f"leave out {shown(others)}"
        error = SpecError(f"{shown(word)} is a whole network, and stands alone", help)
    elif (spelling := _respelled(word)) is not None:
        error, name = SpecError(f"{shown(word)} is not a {'layer' if index else 'shape or a layer'}", spelling), word
    elif looks_like_shape(word):
        error = SpecError(f"the shape {word} stands after a layer", "there is one input, and it comes first")
    elif index == 0 and word[:1].isdecimal():
        error = SpecError(f"{shown(word)} is not a shape", "as 3x224x224, or with a letter for an open size: 3xHxW")
    else:
        error = unknown_op(name or word)
    return spec.blame(error, index, len(name or word))


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
    """Load the network of a file's bytes; of Python source the one that is `wanted`."""
    if wanted is not None:
        return imported(read_code(decode(data, name), name, wanted), name)
    return _load(decode_any(data, name), name)


def load_text(text: str, name: str, first_line: int = 1) -> Network:
    """Load a network from a text: JSON, layer words, or the name of a built-in network.

    SpecError with file, line and column for what is not a spec.
    """
    if len(text) > LONGEST_WORDS and text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        error = SpecError(f"layer words of more than {LONGEST_WORDS:,} characters", "write so many layers as JSON")
        error.where = Where(name, 0, 0)
        raise error
    if is_words(text):
        spec = _split(WordText(text.removeprefix("\ufeff"), name, first_line))
        network = _read_words(spec)
        return network if spec.input is None else network._replace(input=spec.input)
    document = Document(text.removeprefix("\ufeff"), name, first_line)
    return read_value(parse(document), document)


LONGEST_WORDS = 200_000
"""How many characters of layer words a network may have."""
_LIST_AND_MORE = r"\s*\[[^][{}\"]*\]\s+[^\s]"
"""A shape in brackets, and then more: a JSON document ends there."""
_MISSPELT = r"[A-Za-z]\w*:[^\s/]"


def is_words(text: str) -> bool:
    """Return whether a text is layer words, or begins as they do; JSON is not."""
    if text[:1] == "{":
        return False
    begin = re.match(r"\s*([{[]?)", text)
    if begin is not None and begin[1]:
        return begin[1] == "[" and re.match(_LIST_AND_MORE, text) is not None
    tokens = [token.text for token in islice(tokenize(text.removeprefix("\ufeff")), 2)]
    if not tokens or tokens[1:] == ["="]:
        return False
    first = tokens[0]
    return (
        first.lower() in zoo.names()
        or (is_shape(first) and not first.isdecimal())
        or is_layer_word(first)
        or re.match(_MISSPELT, first) is not None
    )


def read_value(value: Any, document: Document | None = None) -> Network:
    """Read a network from a parsed JSON value: a spec, or a Keras model."""
    if not _is_keras(value):
        return read(value, document)
    from .frameworks.keras.read import read as read_keras

    if document is None:
        model = read_keras(value)
        return read(model.spec, _Parsed(model))
    with _naming(document.name):
        return imported(read_keras(value), document.name)


class _Parsed(Origin):
    """The origin of another framework's model that was given parsed, without a text."""

    def __init__(self, model: ForeignNetwork):
        self.weights, self.model = model.weights, model.model

    def locate(self, path: Path, key: str | None) -> None:  # noqa: ARG002 - it has no text
        return None


def _is_keras(value: Any) -> bool:
    """Return whether a JSON value is a Keras model; the reader is imported only for one that may be."""
    if not isinstance(value, dict) or "cnncalc" in value:
        return False
    first = value["layers"][0] if isinstance(value.get("layers"), list) and value["layers"] else None
    if "class_name" not in value and not (isinstance(first, dict) and "class_name" in first):
        return False
    from .frameworks.keras.read import is_model

    return is_model(value)


def imported(model: ForeignNetwork, name: str) -> Network:
    """Read the network of another framework's model; errors name its file, without a line."""
    document = Document("", name)
    document.imported, document.weights, document.model = True, model.weights, model.model
    document.notes, document.unread, document.annotate = model.notes, model.unread, model.annotate
    document.functions = model.functions
    network = read(model.spec, document)
    if model.bind is not None:
        again = model.bind

        bound: dict[tuple[tuple[str, Shape], ...], Network | SpecError] = {}

        def bind(inputs: Mapping[str, Shape]) -> Network:
            key = tuple(inputs.items())
            if key not in bound:
                try:
                    with _naming(name):
                        found = again(inputs)
                    bound[key] = network if found is None else imported(found, name)
                except SpecError as error:
                    bound[key] = error  # what takes too long does not take it again
            made = bound[key]
            if isinstance(made, SpecError):
                raise made.with_traceback(None)  # which would grow each time
            return made

        document.bind = bind
    return network


_PYTHON = (
    r"(?m)^(?:(?:>>>|In \[[\d ]*\]:|>) ?|[ \t]+)?(?:import |from \S+ import |class \w+.*:|def \w+\(|@\w)"
    r"|^(?:(?:>>>|In \[[\d ]*\]:) )?\w+ = "
)
"""The beginning of a line that only Python has, or that behind a prompt, a quote mark or an indent."""
_PASTED = frozenset("(<\n")
"""The characters of which every pasted text has one, and no name of a network."""
_BEHIND_NAME = r"\):\s+(?:\d+ x\s+)?(?:Parameter |\w+\()"
"""What stands behind the name of a module in a print-out."""


def is_file(word: str) -> bool:
    """Return whether a word is a file that exists, or names a network in a Python source that exists."""
    return os.path.exists(word) or os.path.isfile(split_code(word)[0])


def split_code(word: str) -> tuple[str, str | None]:
    """Return the file of a word, and the network that it names in it if that is Python source.

    So `net.py:Net`, `net.py:Net(num_classes=5)`, and `-:Net` of standard input.
    """
    path, _, wanted = word.rpartition(".py:")
    if path:
        return f"{path}.py", wanted
    return (STDIN, word[2:]) if word.startswith(f"{STDIN}:") else (word, None)


def _is_python(text: str, name: str) -> bool:
    """Return whether a text is Python source, by its name or by its lines."""
    return name.endswith(".py") or (text.lstrip()[:1] not in ("{", "[", "<") and re.search(_PYTHON, text) is not None)


def read_code(text: str, name: str, wanted: str | None = None) -> ForeignNetwork:
    """Read a network in Python source, which is never executed; `wanted` names it."""
    from .frameworks.code import read

    return read(text, name, wanted)


def read_printout(text: str, name: str) -> ForeignNetwork | None:
    """Read a print-out; None for a text that is not one. SpecError with line and column for one that cannot be read."""
    if not re.search(_BEHIND_NAME, text):
        return None
    from .frameworks.code import printed, printout

    return printout.read(text, name) if printed.is_printout(text) else None


def _printout_inside(text: str, is_python: bool) -> str | None:
    """Return the print-out in a text that is not Python; None for one without."""
    if not re.search(_BEHIND_NAME, text):
        return None
    from .frameworks.code import pasted, source

    inside = pasted.printout(text)
    return None if inside is not None and is_python and source.is_source(text) else inside


def read_pasted(text: str, name: str) -> ForeignNetwork | None:
    """Read a print-out or Python source; None for another text. SpecError for the table of a summary."""
    printed = read_printout(text, name)
    if printed is not None:
        return printed
    is_python = _is_python(text, name)
    if (inside := _printout_inside(text, is_python)) is not None:
        return read_printout(inside, name)
    if is_python:
        return read_code(text, name)
    check_summary(text, name)
    return None


def check_summary(text: str, name: str) -> None:
    """Raise SpecError for a text that is about a network and is none, as the table of a summary is."""
    if text.lstrip()[:1] in ("{", "["):
        return
    from .frameworks.code.summaries import named

    error = named(text)
    if error is not None:
        error.where = Where(name, 0, 0)
        raise error


def _load(content: str | ForeignNetwork, name: str) -> Network:
    return imported(content, name) if isinstance(content, ForeignNetwork) else load_text(content, name)


def read_any(path: str) -> str | ForeignNetwork:
    """Read a file: its text, or the model of another framework. SpecError if it cannot be read."""
    source, wanted = (path, None) if os.path.exists(path) else split_code(path)
    if wanted is not None:
        return read_code(read_text(source), source, wanted)
    if os.path.isdir(path):
        from .frameworks.strangers import folder

        if (error := folder(path)) is not None:
            raise error
    with opened(path) as file:
        if is_onnx(file.peek(1)[:1], path) and os.path.isfile(path) and os.path.getsize(path):  # type: ignore[attr-defined]
            network = read_onnx(memoryview(mapped(file, path)), path)
            check_mapped()
            return network
        if file.peek(len(HDF))[: len(HDF)] == HDF and os.path.isfile(path):  # type: ignore[attr-defined]
            return read_hdf(path, path)
        data = read_whole(file, path)
    return decode_any(data, path)


def is_onnx(first: bytes, name: str) -> bool:
    """Return whether a file is an ONNX file by its name or its first byte."""
    return name.lower().endswith(".onnx") or first == ONNX_BEGINS


def decode_any(data: bytes, name: str) -> str | ForeignNetwork:
    """Decode bytes as text, or as an ONNX or a Keras model."""
    if is_onnx(data[:1], name):
        return read_onnx(data, name)
    if data.startswith(HDF):
        return read_hdf(data, name)
    from .frameworks.strangers import HEAD, ending_of, stranger

    if data.startswith(ZIP) and ending_of(name) == ".keras":
        return read_archive(data, name)
    if (error := stranger(data[:HEAD], name)) is not None:
        raise error
    if data.startswith(ZIP):
        return read_archive(data, name)
    text = decode(data, name)
    return read_pasted(text, name) or text


def read_archive(data: bytes, name: str) -> str | ForeignNetwork:
    """Read a Keras archive: its model with its weights, or the text of one that holds no Keras model."""
    from .frameworks.keras.read import archive, is_model, read
    from .frameworks.keras.read.hdf import HdfFile

    with _naming(name):
        text = decode(archive.config(data), name)
        value = parse(Document(text.removeprefix("\ufeff"), name))
        if not is_model(value):
            return text
        version = archive.version(data)
        if version is not None:
            value.setdefault("keras_version", version)
        return read(value, HdfFile(lambda: archive.weights(data), name, len(data)))


def read_hdf(source: bytes | str, name: str) -> ForeignNetwork:
    """Read a Keras model from the bytes of an HDF5 file, or from its path. SpecError if it holds weights only."""
    from .frameworks.keras.read import read
    from .frameworks.keras.read.hdf import HdfFile

    with _naming(name):
        file = HdfFile(lambda: source, name, len(source) if isinstance(source, bytes) else os.path.getsize(source))
        value = file.config()
        if value is None:
            what = "the file holds weights only, and no model"
            raise SpecError(what, "name the model first, as its .json or .keras file, and give these weights with -w")
        return read(value, file)


def keras_weights(path: str, network: Network) -> ArrayReaders | None:
    """Return the arrays of a Keras file by the names of a network; None for a file that is not Keras's.

    A network that was not read from a Keras model has the arrays by the names of the file's own model; if the file
    has no model, by those that the network has as a Keras model.
    """
    from .frameworks.keras.read import archive, read
    from .frameworks.keras.read.hdf import HdfFile

    with opened(path) as file:
        first = file.peek(len(HDF))[: len(HDF)]  # type: ignore[attr-defined]
        data = file.read() if first.startswith(ZIP) else b""
    with _naming(path):
        if first == HDF:
            weights = HdfFile(lambda: path, path, os.path.getsize(path))
            model = weights.config()
        elif data and archive.is_keras(data):
            weights = HdfFile(lambda: archive.weights(data), path, len(data))
            model = parse(Document(decode(archive.config(data), path), path))
        else:
            return None
        if network.source is not None and network.source.model is not None:
            model = network.source.model
        if model is None:
            from .frameworks.keras.write import write

            model = json.loads(write(network))
        return read(model, weights).weights


def read_onnx(data: bytes | memoryview, name: str) -> ForeignNetwork:
    """Read the bytes of an ONNX file. SpecError with the file's name if they are not one."""
    from .frameworks.onnx.read import read

    with _naming(name):
        return read(data, name)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Add this file to an error that names no place yet."""
    try:
        yield
    except SpecError as error:
        if error.where is None and not error.what.startswith(shown(name, LONGEST_PATH)):
            error.where = Where(name, 0, 0)
        raise


def read_text(path: str) -> str:
    """Read a file's text. SpecError if it cannot be read, or is not UTF-8."""
    with opened(path) as file:
        data = read_whole(file, path)
    return decode(data, path)


def decode(data: bytes, name: str) -> str:
    """Decode bytes as text: UTF-8, or UTF-16 with its mark, as Windows PowerShell writes. SpecError for others."""
    encoding = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "UTF-8"
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise SpecError(
            f"{shown(name, LONGEST_PATH)} is not a text: byte 0x{byte:02x} at offset {error.start} is not {encoding}",
            "a spec is JSON",
        ) from None
    return re.sub("\r(?!\n)", "\n", text) if "\r" in text else text  # alone, too, it ends a line, and a comment
