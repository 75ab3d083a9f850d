"""Files that cannot be read as networks: what they are, by ending or first bytes, and what would help."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from ..errors import LONGEST_PATH, SpecError, shown
from . import KERAS_ENDINGS


class UnsupportedFile(NamedTuple):
    """A kind of file that is not read as a network."""

    what: str
    """What such a file is."""
    help: str
    """How to get a network from it; `{}` stands for the file."""
    endings: tuple[str, ...]
    is_one: Callable[[bytes], bool] = lambda _: False
    """A function that returns whether a file that begins with these bytes is one."""


_FROM_CODE = "from the code that builds it: cnncalc shape net.py, cnncalc convert package.module:factory -i 3x224x224"
_TO_ONNX = "convert it to ONNX with {}, and use that"
_ARRAYS = "to run a network on it: cnncalc run SPEC -x {}"
HEAD = 4096
"""The number of bytes that identify a file."""


def _packed(entry: bytes) -> Callable[[bytes], bool]:
    """Return a test for archives whose first entry's name contains these bytes."""
    return lambda head: head.startswith(b"PK\x03\x04") and entry in head[:256]


UNSUPPORTED = (
    UnsupportedFile(
        "a PyTorch checkpoint: it holds weights, not the network",
        _FROM_CODE,
        (".pt", ".pth", ".ckpt", ".pt2", ".torchscript"),
        _packed(b"/data.pkl"),
    ),
    UnsupportedFile(
        "a pickle, which for safety is not unpickled",
        _FROM_CODE,
        (".pkl", ".pickle", ".joblib"),
        lambda head: head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5",
    ),
    UnsupportedFile(
        "a safetensors file: it holds weights, not the network",
        "to use it with its network: cnncalc run SPEC -x x.npy -w {}",
        (".safetensors",),
        lambda head: head[8:10] == b'{"' and head[7:8] == b"\0",
    ),
    UnsupportedFile(
        "a TensorFlow Lite model",
        "convert it to ONNX: python -m tf2onnx.convert --tflite {} --output model.onnx",
        (".tflite", ".lite"),
        lambda head: head[4:8] == b"TFL3",
    ),
    UnsupportedFile(
        "a TensorFlow graph",
        "convert its SavedModel to ONNX: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx",
        (".pb", ".pbtxt"),
    ),
    UnsupportedFile(
        "a Caffe network",
        "write its layers as words, under Caffe's rules: cnncalc shape 3x227x227 conv:96,k11,s4 --dialect caffe",
        (".prototxt", ".caffemodel"),
    ),
    UnsupportedFile("a Core ML model", _TO_ONNX.format("coremltools"), (".mlmodel", ".mlpackage")),
    UnsupportedFile("a Paddle model", _TO_ONNX.format("paddle2onnx"), (".pdmodel", ".pdiparams")),
    UnsupportedFile(
        "a Darknet network",
        _TO_ONNX.format("its own tool"),
        (".weights",),
        lambda head: head.lstrip().startswith((b"[net]", b"[network]")),
    ),
    UnsupportedFile("a TensorRT engine", "read the ONNX file that it was built from", (".engine", ".plan", ".trt")),
    UnsupportedFile("a GGUF model", "it holds weights, not the network", (".gguf",), lambda head: head[:4] == b"GGUF"),
    UnsupportedFile("an array, not a network", _ARRAYS, (".npy",), lambda head: head[:6] == b"\x93NUMPY"),
    UnsupportedFile(
        "a set of arrays, not a network",
        "to use it with its network: cnncalc run SPEC -x x.npy -w {}",
        (".npz",),
        _packed(b".npy"),
    ),
    UnsupportedFile(
        "a picture, not a network",
        "to run a network on its pixels: cnncalc help arrays",
        (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".svg", ".pdf", ".eps"),
        lambda head: head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF")),
    ),
    UnsupportedFile("a spreadsheet, not a network", "write it as CSV", (".xlsx", ".xls", ".ods")),
    UnsupportedFile(
        "YAML",
        "a spec is JSON: python -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))' < {}",
        (".yaml", ".yml"),
    ),
    UnsupportedFile(
        "named like a Keras file, but neither HDF5 nor a zip archive",
        "save it with Keras: model.save('net.keras'), or model.save_weights('net.weights.h5')",
        KERAS_ENDINGS,
    ),
    UnsupportedFile("a notebook", "save the cell that defines the network to a file, such as net.py", (".ipynb",)),
)
"""The kinds of files that errors name."""
_READ_AS_TEXT = (".ipynb",)
"""The endings of files that begin like a spec."""


def ending_of(name: str) -> str:
    """Return the ending of a file's name in lower case, such as `.onnx`."""
    return os.path.splitext(name)[1].lower()


def of_ending(name: str) -> UnsupportedFile | None:
    """Return what a file is by its name."""
    ending = ending_of(name)
    return next((one for one in UNSUPPORTED if ending in one.endings), None)


def folder(path: str) -> SpecError | None:
    """Return the error for a folder that holds a model of another kind; None for any other folder."""
    if not os.path.exists(os.path.join(path, "saved_model.pb")):
        return None
    help = "convert it to ONNX: python -m tf2onnx.convert --saved-model {} --output model.onnx"
    return _named(path, "a TensorFlow SavedModel", help)


def unsupported(head: bytes, name: str) -> SpecError | None:
    """Return the error for a known unsupported file, by its ending or else its first bytes; None for others."""
    is_json = head.lstrip()[:1] in (b"{", b"[") and ending_of(name) not in _READ_AS_TEXT
    found = None if is_json else of_ending(name)
    found = found or next((one for one in UNSUPPORTED if one.is_one(head)), None)
    return found and _named(name, found.what, found.help)


def _named(name: str, what: str, help: str) -> SpecError:
    """Return the error for a file that is something else, with its name in the commands that help."""
    import shlex

    return SpecError(f"{shown(name, LONGEST_PATH)} is {what}", help.replace("{}", shlex.quote(name)))
