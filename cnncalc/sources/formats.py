"""Read files as text or as models of other frameworks, recognized by first bytes, names and lines."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ..errors import LONGEST_PATH, SpecError, Where, shown
from ..files import check_mapped, mapped, opened, read_whole, size_on_disk
from ..frameworks import ArrayReaders, ForeignNetwork
from ..limits import LARGEST_STREAM
from ..network import Network
from ..notation.document import Document, parse
from ..notation.tokens import tokenize
from ..notation.words import is_layer_word
from ..sizes import looks_like_shape
from .words import split_code

ZIP = b"PK\x03\x04"
"""The first bytes of an archive, such as Keras's."""
HDF = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""
ONNX_BEGINS = b"\x08"
"""The first byte of an ONNX file, the tag of its version; no JSON begins with it."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""The byte order marks of UTF-16."""
_PYTHON = (
    r"(?m)^(?:(?:>>>|In \[[\d ]*\]:|(?:> ?)+|\+|[ \t]*\d+[:\t|]) ?|[ \t]+)?"
    r"(?:import |from \S+ import |class \w+.*:|def \w+\(|@\w)"
    r"|^(?:(?:>>>|In \[[\d ]*\]:) )?\w+ = "
)
"""The beginning of a line that only Python has, possibly after a prompt, a mark of `pasted` or an indent."""
_BEHIND_NAME = r"\):\s+(?:\d+ x\s+)?(?:Parameter |\w+\()"
"""What follows a module's name in a print-out."""

_JSON = r"\s*(?:\{|\[\s*[\[\]{\"])"
"""The beginning of JSON, but not of a line of a log."""
_LAYERS_INSIDE = r"(?m)^[ \t]*(?:```|~~~)|\)[ \t]*$"
"""What a text that may have layers contains: a code fence, or a call at the end of a line."""


def _is_python(text: str, name: str) -> bool:
    """Return whether a text is Python source, by its name or its lines."""
    return name.endswith(".py") or (text.lstrip()[:1] not in ("{", "[", "<") and re.search(_PYTHON, text) is not None)


def read_code(text: str, name: str, wanted: str | None = None) -> ForeignNetwork:
    """Read a network from Python source, which is never executed; `wanted` names the network."""
    from ..frameworks.code import read

    return read(text, name, wanted)


def read_printout(text: str, name: str) -> ForeignNetwork | None:
    """Read a print-out; None for other texts. Raise SpecError with line and column for an unreadable one."""
    if not re.search(_BEHIND_NAME, text):
        return None
    from ..frameworks.code import printed, printout

    return printout.read(text, name) if printed.is_printout(text) else None


def _printout_inside(text: str, is_python: bool) -> str | None:
    """Return the print-out in a text that is not Python; None if there is none."""
    if not re.search(_BEHIND_NAME, text):
        return None
    from ..frameworks.code import pasted, source

    inside = pasted.printout(text)
    return None if inside is not None and is_python and source.is_source(text) else inside


def read_pasted(text: str, name: str) -> ForeignNetwork | None:
    """Read a print-out or Python source; None for other texts. Raise SpecError for the table of a summary."""
    text = text.replace("\xa0", " ")  # web pages use non-breaking spaces
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


def pasted_layers(text: str) -> str | None:
    """Return the layer words in a text with the marks of a page, a shell or a log; None for other texts."""
    if re.match(_JSON, text) or not re.search(_LAYERS_INSIDE, text) or _begins_with_words(text):
        return None
    from ..frameworks.code import pasted

    inside = pasted.layers(text)
    return inside if inside is not None and _begins_with_words(inside) else None


def _begins_with_words(text: str) -> bool:
    first = next((token.text for token in tokenize(text)), "")
    return is_layer_word(first) or looks_like_shape(first)


def check_summary(text: str, name: str) -> None:
    """Raise SpecError for a text that only describes a network, such as the table of a summary."""
    if text.lstrip()[:1] in ("{", "[") and text.lstrip()[:2] != "{'":
        return
    from ..frameworks.code.summaries import named

    error = named(text)
    if error is not None:
        error.where = Where(name, 0, 0)
        raise error


def read_any(path: str) -> str | ForeignNetwork:
    """Read a file: its text, or the model of another framework. Raise SpecError if it cannot be read."""
    source, wanted = (path, None) if os.path.exists(path) else split_code(path)
    if wanted is not None:
        return read_code(read_text(source), source, wanted)
    if os.path.isdir(path):
        from ..frameworks.unsupported import folder

        if (error := folder(path)) is not None:
            raise error
    with opened(path) as file:
        if is_onnx(file.peek(1)[:1], path) and os.path.isfile(path) and os.path.getsize(path):  # type: ignore[attr-defined]
            held = mapped(file, path)
            network = read_onnx(memoryview(held), path)
            check_mapped(held)
            return network
        if file.peek(len(HDF))[: len(HDF)] == HDF and os.path.isfile(path):  # type: ignore[attr-defined]
            return read_hdf(path, path)
        data = read_content(file, path)
    return decode_any(data, path)


def read_content(file: IO[bytes], name: str) -> bytes:
    """Return all bytes of a file. Raise SpecError for a text file on disk that is larger than the limit of a pipe.

    A sparse file needs no space on disk, but would need all of it in memory.
    """
    if size_on_disk(file) > LARGEST_STREAM:
        from ..frameworks.unsupported import HEAD, unsupported

        head = file.peek(HEAD)[:HEAD]  # type: ignore[attr-defined]
        if not is_onnx(head[:1], name) and not head.startswith((HDF, ZIP)):
            what = f"{shown(name, LONGEST_PATH)} is a text of more than {LARGEST_STREAM >> 20} MiB"
            raise unsupported(head, name) or SpecError(what, "a spec of a million layers is smaller")
    return read_whole(file, name)


def is_onnx(first: bytes, name: str) -> bool:
    """Return whether a file is an ONNX file by its name or its first byte."""
    return name.lower().endswith(".onnx") or first == ONNX_BEGINS


def decode_any(data: bytes, name: str) -> str | ForeignNetwork:
    """Decode bytes as text, or as an ONNX or a Keras model."""
    if is_onnx(data[:1], name):
        return read_onnx(data, name)
    if data.startswith(HDF):
        return read_hdf(data, name)
    from ..frameworks.unsupported import HEAD, ending_of, unsupported

    if data.startswith(ZIP) and ending_of(name) == ".keras":
        return read_archive(data, name)
    if (error := unsupported(data[:HEAD], name)) is not None:
        raise error
    if data.startswith(ZIP):
        return read_archive(data, name)
    text = decode(data, name)
    return read_pasted(text, name) or text


def read_archive(data: bytes, name: str) -> str | ForeignNetwork:
    """Read a Keras archive: its model with its weights, or the text of an archive without a Keras model."""
    from ..frameworks.keras.read import archive, is_model, read
    from ..frameworks.keras.read.hdf import HdfFile

    with naming(name):
        text = decode(archive.config(data), name)
        value = parse(Document(text.removeprefix("\ufeff"), name), is_model)
        if not is_model(value):
            return text
        version = archive.version(data)
        if version is not None:
            value.setdefault("keras_version", version)
        return read(value, HdfFile(lambda: archive.weights(data), name, len(data)))


def read_hdf(source: bytes | str, name: str) -> ForeignNetwork:
    """Read a Keras model from the bytes of an HDF5 file, or from its path. Raise SpecError if it holds weights only."""
    from ..frameworks.keras.read import read
    from ..frameworks.keras.read.hdf import HdfFile

    with naming(name):
        file = HdfFile(lambda: source, name, len(source) if isinstance(source, bytes) else os.path.getsize(source))
        value = file.config()
        if value is None:
            what = "the file holds only weights, not the model"
            raise SpecError(what, "give the model as its .json or .keras file, and these weights with -w")
        return read(value, file)


def keras_weights(path: str, network: Network) -> ArrayReaders | None:
    """Return the arrays of a Keras file by the names of a network; None if it is not a Keras file.

    For a network that was not read from a Keras model, the names are those of the file's own model, or if it has none,
    those that the network would have as a Keras model.
    """
    from ..frameworks.keras.read import archive, is_model, read
    from ..frameworks.keras.read.hdf import HdfFile

    with opened(path) as file:
        first = file.peek(len(HDF))[: len(HDF)]  # type: ignore[attr-defined]
        data = file.read() if first.startswith(ZIP) else b""
    with naming(path):
        if first == HDF:
            weights = HdfFile(lambda: path, path, os.path.getsize(path))
            model = weights.config()
        elif data and archive.is_keras(data):
            weights = HdfFile(lambda: archive.weights(data), path, len(data))
            model = parse(Document(decode(archive.config(data), path), path), is_model)
        else:
            return None
        if network.source is not None and network.source.model is not None:
            model = network.source.model
        if model is None:
            from ..frameworks.keras.write import write

            return read(json.loads(write(network)), weights, network.layout or network.dialect.layout).weights
        return read(model, weights).weights


def read_onnx(data: bytes | memoryview, name: str) -> ForeignNetwork:
    """Read the bytes of an ONNX file. Raise SpecError with the file's name if they are not one."""
    from ..frameworks.onnx.read import read

    with naming(name):
        return read(data, name)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Add the file's name to errors that have no place yet."""
    try:
        yield
    except SpecError as error:
        if error.where is None and not error.what.startswith(shown(name, LONGEST_PATH)):
            error.where = Where(name, 0, 0)
        raise


def read_text(path: str) -> str:
    """Read a file's text. Raise SpecError if it cannot be read or decoded."""
    with opened(path) as file:
        data = read_content(file, path)
    return decode(data, path)


def decode(data: bytes, name: str) -> str:
    """Decode bytes as text: UTF-8, or UTF-16 with a byte order mark (Windows PowerShell). Raise SpecError otherwise."""
    encoding = "UTF-16" if data.startswith(UTF_16) else "UTF-8"
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise SpecError(
            f"{shown(name, LONGEST_PATH)} is not text: byte 0x{byte:02x} at offset {error.start} is not {encoding}",
            "a spec is JSON",
        ) from None
    return re.sub("\r(?!\n)", "\n", text) if "\r" in text else text  # a lone \r also ends a line, and a comment


def decode_line(data: bytes, name: str) -> str:
    """Decode a line of JSON Lines, without its end. Raise SpecError for UTF-16, whose line ends are two bytes."""
    if data.startswith(UTF_16) or b"\0" in data:
        help = "write the lines as UTF-8: iconv -f UTF-16 -t UTF-8 OLD > NEW"
        raise SpecError("not a line of UTF-8: it has a NUL, or a UTF-16 byte order mark", help)
    return decode(data.rstrip(b"\r"), name)
