"""The formats of hostile input, each with its samples and the reader that they are given to.

A sample is valid, or nearly so. `mutated` changes elements of the format (keys, nodes, sizes, members, tokens), and
sometimes the bytes themselves.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from textwrap import indent
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np

import cnncalc
from cnncalc import sources
from cnncalc.checks import expect
from cnncalc.cli import COMMANDS
from cnncalc.execute import npy
from cnncalc.frameworks.keras.read.parts import CONVERTERS
from cnncalc.sources.formats import keras_weights
from tests import DATA
from tests.frameworks.code import test_keras, test_torch
from tests.frameworks.keras import test_operations as operations
from tests.program import here

from . import answers, code_mutations, laws
from .commands import Draw, faults_of, write_files
from .graphs import grown

SMALL = 20_000
"""The largest sample, in bytes."""
SIZES = (0, 1, 2, 3, 7, 255, 256, 2**16, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -1, -2, -(2**31), -(2**63))
"""Sizes that a header or a graph may claim."""
TYPES = [
    "<f4",
    "<f8",
    "<i8",
    "|b1",
    "|u1",
    ">f2",
    "|O",
    "<U9",
    "|V8",
    "<c8",
    "<M8[s]",
    "<f16",
    "[('a','<f4')]",
    "",
    "x",
]
"""Data types that a header may claim."""


class Format(NamedTuple):
    """A format: how samples are drawn, and what is done with them."""

    sample: Callable[[Draw], bytes]
    mutated: Callable[[bytes, Draw], bytes]
    attempt: Callable[[bytes], object]
    """Read the bytes and check the laws. Only Broken and bugs are raised."""


def bytes_mutated(data: bytes, draw: Draw) -> bytes:
    """Return bytes with some of them changed, removed, repeated or moved."""
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        at, end = sorted((draw.randint(0, len(data)), draw.randint(0, len(data))))
        new = draw.choice(
            [b"", b"\0", b"\xff" * 8, draw.randbytes(1), data[at:end][:64], struct.pack("<q", draw.choice(SIZES))]
        )
        stop = draw.choice([at, at + 1, at + len(new), end]) if draw.random() < 0.9 else len(data)
        data = data[:at] + new + data[stop:]
    return data


# Networks


def _network(name: str) -> Callable[[bytes], object]:
    def attempt(data: bytes) -> object:
        return laws.check(lambda: laws.loaded(data, name))

    return attempt


def _spec(draw: Draw) -> bytes:
    return json.dumps(draw.spec(), ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")


def _json_mutated(data: bytes, draw: Draw) -> bytes:
    if draw.random() < 0.1:
        return bytes_mutated(data, draw)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return bytes_mutated(data, draw)
    return json.dumps(draw.mutated(value, draw.choice([1, 1, 2, 3]))).encode()


def _attempt_spec(data: bytes) -> None:
    if laws.check(lambda: laws.loaded(data, "net.json")) is None:
        return
    try:
        spec = json.loads(data)
    except ValueError:  # layer words
        return
    laws.lines_are_documents(spec)
    layers = spec.get("layers") if isinstance(spec, dict) else None
    if (
        isinstance(layers, list)
        and isinstance(spec.get("input"), list)
        and all(isinstance(one, dict) for one in layers)
    ):
        at = len(data) % len(layers)
        if not any({"from", "tie"} & one.keys() for one in layers) and layers[at].get("op") != "input":
            laws.times_is_copies(layers, spec["input"], at, 2 + len(data) % 3)


def _words(draw: Draw) -> bytes:
    """Return layer words, sometimes with a line of a print-out among them."""
    words = draw.words()
    if draw.random() < 0.3:
        line = draw.choice(draw.choice(_printouts()).splitlines())
        words.insert(draw.randint(1, len(words)), line.strip().partition(": ")[2] or "relu")
    return " ".join(words).encode("utf-8", "surrogatepass")


def _text_mutated(data: bytes, draw: Draw) -> bytes:
    return draw.edited(data.decode("utf-8", "replace")).encode("utf-8", "surrogatepass")


@cache
def python_sources() -> list[bytes]:
    """Return Python files, and one for each operation of PyTorch and Keras, each after the name to read."""
    code = DATA / "code"
    rows = {name: json.loads((code / f"{name}-operations.json").read_text()) for name in ("torch", "keras")}
    texts = [(text, wanted) for text, wanted, _ in code_mutations.sources()]
    texts += [(path.read_text(), None) for path in sorted([*code.glob("keras/*.py"), *code.glob("networks/*.py")])]
    for row in rows["torch"]["rows"].values():
        depth = {"init": 8, "forward": 8, "more": 4}
        parts = {part: indent(row[part] or "pass", " " * by) for part, by in depth.items()}
        texts.append((test_torch.NET.format(**parts), None))
    own = [value for module in (test_torch, test_keras) for value in vars(module).values() if isinstance(value, str)]
    texts += [(text, None) for text in own if "\nimport " in text and "{init}" not in text]
    head = rows["keras"]["head"]
    texts += [(f"{head}{row['source']}\nmodel = keras.Model(x, y)\n", None) for row in rows["keras"]["rows"].values()]
    return [f"#:{wanted or ''}\n{text}".encode() for text, wanted in texts if len(text) <= SMALL]


@cache
def _printouts() -> list[str]:
    with gzip.open(DATA / "printouts.jsonl.gz", "rt") as file:
        texts = [json.loads(line)["text"] for line in file]
    return [text for text in texts if len(text) <= SMALL // 4]


def _lines_mutated(data: bytes, draw: Draw) -> bytes:
    """Return a text with lines changed, removed, repeated or moved."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(draw.choice([1, 1, 2, 4])):
        at = draw.randrange(len(lines))
        kind = draw.random()
        lines[at : at + (kind < 0.8)] = (
            [draw.edited(lines[at])] if kind < 0.5 else draw.choices(lines, k=draw.choice([0, 1, 2]))
        )
        lines = lines or [""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _code_mutated(data: bytes, draw: Draw) -> bytes:
    try:
        return code_mutations.mutated(data.decode(), draw).encode("utf-8", "surrogatepass")
    except (SyntaxError, UnicodeDecodeError, ValueError, TokenError):  # a text that cannot be tokenized
        return bytes_mutated(data, draw)


def _attempt_code(data: bytes) -> None:
    """Read the object that the first line names."""
    first, _, rest = data.partition(b"\n")
    wanted = first[2:].decode("utf-8", "replace").strip() if first.startswith(b"#:") else ""
    laws.check(lambda: sources.read_bytes(rest if wanted else data, "net.py", wanted or None))


@cache
def keras_documents() -> list[bytes]:
    """Return models of many layers, those of the tests, and one of each class with default settings."""
    with gzip.open(DATA / "keras-models.jsonl.gz", "rt") as file:
        found = [json.dumps(json.loads(line)["model"]).encode() for line in file]
    with gzip.open(DATA / "keras-opaque.jsonl.gz", "rt") as file:
        found += [json.dumps(json.loads(line)["config"]).encode() for line in file]
    bare = [operations.layer(kind, [operations.tensor("x")], "keras.layers") for kind in CONVERTERS]
    models = [operations.model(one) for one in [*[row[1] for row in operations.OPERATIONS], *bare]]
    found += [json.dumps(model).encode() for model in models]
    with zipfile.ZipFile(DATA / "keras-networks.zip") as file:
        found += [file.read(name) for name in file.namelist() if name.endswith(".json") and name != "totals.json"]
    return [document for document in found if len(document) <= SMALL]


def _archive(draw: Draw) -> bytes:
    members = {
        "config.json": draw.choice(keras_documents()),
        "metadata.json": b'{"keras_version": "3.15.0"}',
        "model.weights.h5": _members("keras-files.zip", ".weights.h5")[0],
    }
    return _zipped(members.items(), zipfile.ZIP_DEFLATED)


def _zipped(members: Iterable[tuple[str, bytes]], packing: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members with the same name
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def _zip_mutated(by_ending: dict[str, Callable[[bytes, Draw], bytes]]) -> Callable[[bytes, Draw], bytes]:
    """Return a mutation of an archive: of its bytes, its names, or a member (by its ending)."""

    def mutated(data: bytes, draw: Draw) -> bytes:
        if draw.random() < 0.3:
            return bytes_mutated(data, draw)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = [(name, archive.read(name)) for name in archive.namelist()]
        except Exception:
            return bytes_mutated(data, draw)
        at = draw.randrange(len(members)) if members else 0
        if not members or draw.random() < 0.1:
            members.insert(
                at, (draw.choice(["x", "../x", "/", "config.json", "a\n.npy", "conv1.weight.npy"]), draw.randbytes(9))
            )
        elif draw.random() < 0.1:
            members.pop(at)
        else:
            name, content = members[at]
            change = next((one for ending, one in by_ending.items() if name.endswith(ending)), bytes_mutated)
            members[at] = (name, change(content, draw))
        return _zipped(members, draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))

    return mutated


@cache
def _members(archive: str, ending: str) -> list[bytes]:
    with zipfile.ZipFile(DATA / archive) as file:
        return [file.read(name) for name in file.namelist() if name.endswith(ending)]


@cache
def onnx_files() -> list[bytes]:
    """Return files of exporters, and a graph for each operator."""
    from tests.frameworks.onnx import test_operators

    tables = (test_operators.GRAPHS, test_operators.WHOLE, test_operators.SHAPES)
    files = [one for one in _members("onnx-cases.zip", ".onnx") if len(one) <= SMALL]
    files += [test_operators.written(graph) for table in tables for graph in table.values()]
    return files + [test_operators.of_onnxruntime(name) for name in test_operators.RUNTIME]


def _onnx(draw: Draw) -> bytes:
    return draw.choice(onnx_files())


def _onnx_mutated(data: bytes, draw: Draw) -> bytes:
    """Return a graph with one of its fields changed: an edge, a name, a size, an attribute, a node."""
    import onnx

    if draw.random() < 0.1:
        return bytes_mutated(data, draw)
    try:
        model = onnx.load_model_from_string(data)
    except Exception:
        return bytes_mutated(data, draw)
    for _ in range(draw.choice([1, 1, 2, 3])):
        _change_message(
            draw.choice([*_messages(model)]), draw, [edge for node in model.graph.node for edge in node.output]
        )
    return bytes(model.SerializeToString())


def _messages(message: Any) -> Iterable[Any]:
    """Yield a message, and all messages nested in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if repeats(value) else [value]:
                yield from _messages(one)


def repeats(value: object) -> bool:
    """Return whether a message's field is repeated."""
    return hasattr(value, "append") or hasattr(value, "add")


def _change_message(message: Any, draw: Draw, edges: list[str]) -> None:
    """Change one field of a message."""
    present = [field for field, _ in message.ListFields()]
    fields = present if present and draw.random() < 0.8 else [*message.DESCRIPTOR.fields]
    field = draw.choice(fields)
    value = getattr(message, field.name)
    if field.message_type is not None:
        if not repeats(value):
            draw.choice([message.ClearField, lambda name: getattr(message, name).SetInParent()])(field.name)
        elif len(value) and draw.random() < 0.4:
            del value[draw.randrange(len(value))]
        else:
            value.add().CopyFrom(draw.choice([*value, type(value.add())()])) if len(value) < 99 else None
        return
    new = _new_value(field, draw, edges)
    try:
        if not repeats(value):
            setattr(message, field.name, new)
        elif len(value) and draw.random() < 0.3:
            del value[draw.randrange(len(value))]
        elif len(value) and draw.random() < 0.6:
            value[draw.randrange(len(value))] = new
        else:
            value.append(new)
    except (TypeError, ValueError):  # a number that the field cannot hold
        message.ClearField(field.name)


def _new_value(field: Any, draw: Draw, edges: list[str]) -> Any:
    kinds = type(field)
    if field.type == kinds.TYPE_STRING:
        return draw.choice(
            [*edges, "", "x", "Conv", "Relu", "Concat", "If", "Loop", "Reshape", draw.choice(list("\0\n\x1b"))]
        )
    if field.type == kinds.TYPE_BYTES:
        return draw.choice([b"", b"\xff\xfe", b"SAME_UPPER", draw.randbytes(8), draw.randbytes(4096)])
    if field.type in (kinds.TYPE_FLOAT, kinds.TYPE_DOUBLE):
        return draw.choice([0.0, 1.0, -1.0, 1e38, float("inf"), float("nan")])
    return draw.choice([*SIZES, 4, 5, 6, 8, 10, 13, 17])


# Arrays


def _in_file(ending: str, read: Callable[[str], object]) -> Callable[[bytes], object]:
    """Return an attempt that reads a file of these bytes."""

    def attempt(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"a{ending}")
            path.write_bytes(data)
            with laws.bounded():
                try:
                    return read(str(path))
                except cnncalc.CnncalcError as error:
                    return laws.said(error)

    return attempt


def _array(path: str) -> None:
    """Read an array, and convolve it if it is small."""
    array = npy.mapped(path)
    if array.size < laws.MOST_WORK:
        cnncalc.run("relu", np.asarray(array))
        cnncalc.run("conv:2,k1", np.asarray(array), seed=0)


def _weights(path: str) -> None:
    """Read arrays by name, and each of them if it is small."""
    arrays = npy.weights(path)
    found = arrays if not isinstance(arrays, np.ndarray) else {"weight": arrays}
    values = {}
    for name, array in found.items():
        values[name] = array.read() if isinstance(array, npy.Stored) else array
        if values[name].shape != array.shape:
            raise laws.Broken(f"an array of {values[name].shape} that claims {array.shape}")
    cnncalc.run("conv:2,k1 relu", np.ones((3, 4, 5), np.float32), values, seed=0)


def _hdf(path: str) -> None:
    """Read a Keras model with its weights, and the weights by a model's layers."""
    network = cnncalc.load("3x8x8 conv:2,k3 flatten linear:3")
    for arrays in (
        lambda: keras_weights(path, network),
        lambda: getattr(sources.load_file(path).source, "weights", None),
    ):
        try:
            for read in (arrays() or {}).values():
                np.asarray(read())
        except cnncalc.CnncalcError as error:
            laws.said(error)


def _npy(draw: Draw) -> bytes:
    """Return a header, and sometimes the bytes that it claims."""
    shape = draw.choice(
        [(), (0,), (2, 3, 4, 5), (3, 8, 8), tuple(draw.choice(SIZES) for _ in range(draw.randint(1, 4)))]
    )
    fields = {
        "descr": draw.choice(TYPES if draw.random() < 0.5 else TYPES[:5]),
        "fortran_order": draw.random() < 0.3,
        "shape": shape,
    }
    text = draw.edited(repr(fields)) if draw.random() < 0.4 else repr(fields)
    head = text.encode("latin-1", "replace") + b"\n"
    version = draw.choice([(1, 0), (1, 0), (2, 0), (3, 0), (9, 9)])
    length = len(head) if draw.random() < 0.9 else draw.choice([0, 65535, 2**31])
    packed = struct.pack("<H" if version == (1, 0) else "<I", length % (2**16 if version == (1, 0) else 2**32))
    return npy.MAGIC + bytes(version) + packed + head + draw.randbytes(draw.choice([0, 4, 480, 4096]))


def _npz(draw: Draw) -> bytes:
    names = ["conv1.weight.npy", "conv1.bias.npy", "weight.npy", "x", "\n.npy", "conv1.weight.npy"]
    return _zipped([(draw.choice(names), _npy(draw)) for _ in range(draw.randint(0, 3))])


def _safetensors(draw: Draw) -> bytes:
    entry = {"dtype": "F32", "shape": [2, 3, 1, 1], "data_offsets": [0, 24]}
    header = {
        "__metadata__": {"format": "pt"},
        "conv1.weight": entry,
        "conv1.bias": entry | {"shape": [2], "data_offsets": [24, 32]},
    }
    return _with_length(json.dumps(draw.mutated(header, draw.choice([0, 1, 2]))).encode(), draw.randbytes(32))


def _with_length(head: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(head)) + head + data


def _safetensors_mutated(data: bytes, draw: Draw) -> bytes:
    length = int.from_bytes(data[:8], "little")
    if draw.random() < 0.2 or length > len(data):
        return bytes_mutated(data, draw)
    return _with_length(_json_mutated(data[8 : 8 + length], draw), data[8 + length :])


def _h5(draw: Draw) -> bytes:
    """Return a Keras file, or one with other members and attributes."""
    files = [one for one in _members("keras-networks.zip", ".h5") if len(one) <= 2 * SMALL]
    return draw.choice(files + [one for one in _members("keras-files.zip", ".h5") if len(one) <= 4 * SMALL])


def _h5_mutated(data: bytes, draw: Draw) -> bytes:
    """Return an HDF5 file in which h5py has changed a data set, a group or an attribute."""
    import h5py

    if draw.random() < 0.1:
        return bytes_mutated(data, draw)
    file = io.BytesIO(data)
    try:
        with h5py.File(file, "r+") as hdf:
            names: list[str] = []
            hdf.visit(names.append)
            name = draw.choice(names)
            change = draw.randrange(6)
            if change == 0:
                del hdf[name]
            elif change == 1:
                hdf.attrs[draw.choice([*hdf.attrs, "model_config", "layer_names", "keras_version"])] = draw.choice(
                    [b"{}", "[]", 3, np.ones(3), b"\xff", json.dumps(draw.value())]
                )
            elif change == 2:
                del hdf[name]
                hdf.create_dataset(name, draw.choice([(2**40,), (3, 3), (), (2**31, 2**20)]), "f4", chunks=None)
            elif change == 3:
                del hdf[name]
                hdf[name] = draw.choice(
                    [h5py.SoftLink("/"), h5py.ExternalLink("/etc/passwd", "/"), np.bytes_(b"x"), h5py.Empty("f4")]
                )
            elif change == 4:
                del hdf[name]
                hdf.create_dataset(
                    name, (1 << 24,), draw.choice(["f4", "i8", "S99"]), chunks=(1 << 20,), compression="gzip"
                )
            else:
                hdf[name].attrs[draw.choice([*hdf[name].attrs, "weight_names"])] = draw.choice(
                    [b"{}", 3, np.ones(3), b"\xff", ["a", "b"]]
                )
    except Exception:
        return bytes_mutated(data, draw)
    return file.getvalue()


def _attempt_expectation(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with laws.bounded():
        try:
            wanted = expect.read_text(text)
        except cnncalc.CnncalcError as error:
            laws.said(error)
            return
        expect.describe(wanted)
    ended = here(["check", "3x8x8", "conv:4,k3", f"--expect={text}"])
    if ended.code not in (0, 1, 2) or "CC900" in ended.out:
        raise laws.Broken(f"ends {ended.code}: {ended.err[:200] or ended.out[:200]}")


def _line(draw: Draw) -> bytes:
    """Return a command line, one word per line."""
    return "\n".join(draw.line()).encode("utf-8", "surrogatepass")


def _line_mutated(data: bytes, draw: Draw) -> bytes:
    """Return a command line with a word changed, or with words of another."""
    words, others = data.decode("utf-8", "replace").split("\n"), draw.line()
    at = draw.randrange(len(words))
    kind = draw.random()
    words[at : at + (kind < 0.7)] = [draw.edited(words[at])] if kind < 0.5 else others[1:][: draw.randint(0, 3)]
    return "\n".join(words).encode("utf-8", "surrogatepass")


def _attempt_line(data: bytes) -> None:
    """Run a command line beside a fixed set of files, if its first word is a command."""
    words = data.decode("utf-8", "replace").replace("\0", "").split("\n")
    if words[0] not in COMMANDS or {"--path", "--folder", "--steps", "--debug"} & {*words}:
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write_files(Draw(len(words) % 7))
        for what in faults_of(words):
            raise laws.Broken(what)


def _attempt_graph(data: bytes) -> None:
    """Check a valid network against the laws of correct results as well."""
    network = laws.check(lambda: laws.loaded(data, "net.json"))
    if network is not None:
        answers.check(network, laws.shaped(network))


FORMATS = {
    "words": Format(_words, _text_mutated, _network("words")),
    "spec": Format(_spec, _json_mutated, _attempt_spec),
    "graph": Format(lambda draw: json.dumps(grown(draw)).encode(), _json_mutated, _attempt_graph),
    "print": Format(lambda draw: draw.choice(_printouts()).encode(), _lines_mutated, _network("net.txt")),
    "code": Format(lambda draw: draw.choice(python_sources()), _code_mutated, _attempt_code),
    "keras": Format(lambda draw: draw.choice(keras_documents()), _json_mutated, _network("net.json")),
    "archive": Format(_archive, _zip_mutated({".json": _json_mutated, ".h5": _h5_mutated}), _in_file(".keras", _hdf)),
    "onnx": Format(_onnx, _onnx_mutated, _network("net.onnx")),
    "npy": Format(_npy, bytes_mutated, _in_file(".npy", _array)),
    "npz": Format(_npz, _zip_mutated({}), _in_file(".npz", _weights)),
    "safetensors": Format(_safetensors, _safetensors_mutated, _in_file(".safetensors", _weights)),
    "h5": Format(_h5, _h5_mutated, _in_file(".h5", _hdf)),
    "line": Format(_line, _line_mutated, _attempt_line),
    "expect": Format(
        lambda draw: draw.expectation().encode("utf-8", "surrogatepass"), _text_mutated, _attempt_expectation
    ),
}
"""The formats by name."""


def made(format: str, draw: Draw) -> bytes:
    """Return hostile bytes."""
    data = FORMATS[format].sample(draw)
    for _ in range(draw.choice([0, 1, 1, 2])):
        data = FORMATS[format].mutated(data, draw)
    return data
