"""Texts about networks that are not networks: tables of summaries, reprs of objects, lists of weights."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import SpecError


class TextKind(NamedTuple):
    """A kind of text that is not a network."""

    pattern: str
    """A pattern that occurs near the beginning of such a text."""
    what: str
    """A description with the groups of the pattern filled in, like the help."""
    help: str


LONGEST_HEAD = 2_000
"""How many characters at the start of a text are searched."""
_KERAS = "give its source, for example net.py, or what model.save('net.keras') or model.to_json() writes"
_TORCH = "give its source, for example net.py:Net, or the output of print(module)"
_FAILED = (
    "give its source, for example net.py:Net -i 3x224x224: the error names the layer that does not fit, and its input"
)
_KERAS_FAILED = "give its source, for example net.py: the error names the layer that does not fit, and its input"
_LAYER = r'Input \d+ of layer "?([\w/.]+)"? is incompatible with the layer'
KINDS = (
    TextKind(
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        r"this is a PyTorch error: \2 features reach a layer that takes \3, as nn.Linear(\3, \4)",
        rf"nn.Linear(\2, \4) fits; or {_FAILED}",
    ),
    TextKind(
        r"expected input\[[\d, ]*\] to have (\d+) channels, but got (\d+) channels",
        r"this is a PyTorch error: \2 channels reach a convolution that takes \1",
        _FAILED,
    ),
    TextKind(
        r"running_mean should contain (\d+) elements not (\d+)",
        r"this is a PyTorch error: \1 channels reach a batch norm of \2",
        rf"nn.BatchNorm2d(\1) fits; or {_FAILED}",
    ),
    TextKind(
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)",
        r"this is a PyTorch error: two tensors meet whose axis \3 is \1 and \2",
        _FAILED,
    ),
    TextKind(
        r"Sizes of tensors must match except in dimension (\d+)\. Expected size (\d+) but got size (\d+)",
        r"this is a PyTorch error: tensors are joined along axis \1, and another axis is \2 and \3",
        _FAILED,
    ),
    TextKind(
        r"shape '(\[[-\d, ]+\])' is invalid for input of size (\d+)",
        r"this is a PyTorch error: \2 values, those of the whole batch, are viewed as \1",
        _FAILED,
    ),
    TextKind(
        r"padded input size per channel: \(([\dx ]+)\)\. Kernel size: \(([\dx ]+)\)",
        r"this is a PyTorch error: a map of \1, its padding counted, is smaller than a kernel of \2",
        _FAILED,
    ),
    TextKind(
        r"Given input size: \(([\dx]+)\)\. Calculated output size: \([-\dx]+\)",
        r"this is a PyTorch error: a map of \1 is smaller than the window of a pool",
        _FAILED,
    ),
    TextKind(
        rf"{_LAYER}: expected axis -1 of input(?: shape)? to have (?:value|dimension) (\d+),? "
        r"but received input with shape [^\n]*?(\d+)[)\]]",
        r"this is a Keras error: the last axis of the input of \1 is \3, but the layer takes \2",
        _KERAS_FAILED,
    ),
    TextKind(
        rf"{_LAYER}: expected (?:min_)?ndim=(\d+), found ndim=(\d+)",
        r"this is a Keras error: \1 takes \2 axes with the batch, but its input has \3",
        _KERAS_FAILED,
    ),
    TextKind(
        r"Computed output size would be negative\. Received `inputs shape=(\([^)]*\))`, `kernel shape=(\([^)]*\))`",
        r"this is a Keras error: a map of \1 is smaller than a kernel of \2",
        _KERAS_FAILED,
    ),
    TextKind(
        r"Negative dimension size caused by subtracting (\d+) from (\d+)",
        r"this is a Keras error: an axis of \2 is smaller than a window of \1",
        _KERAS_FAILED,
    ),
    TextKind(
        r"\A\s*Traceback \(most recent call last\)|\A\s*(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception): "
        r"|Kernel size can't be greater than actual input size",
        "this is a Python error, not a network",
        _FAILED,
    ),
    TextKind(
        r"\A\s*self\.\w+ *= ",
        "these are lines of a class, which do not say in what order its layers are called",
        "give the whole class, with its forward or call",
    ),
    TextKind(
        r"\A\s*(\w+)\.add\([^\n]*\n\s*\1\.add\(",
        "these are lines that add layers to a model that is missing",
        "write model = keras.Sequential() before them",
    ),
    TextKind(
        r"\A\s*\{?'?[\w.]+'?:?\s+torch\.Size\(",
        "these are the shapes of weights, which say nothing about the layers between them",
        _TORCH,
    ),
    TextKind(
        r"\A\s*graph\(\):|\A\s*opcode\s+name\s+target",
        "this is a graph of torch.fx, which shows no kernels, strides or padding",
        _TORCH,
    ),
    TextKind(
        r'\A\s*Model: "|Layer \(type\)\s*(?:┃|Output Shape\s+Param #[^\n]*\n[=_]+\n.*\((?:None|\d+), )',
        "this is the table of Keras's model.summary(), which shows no kernels, strides or padding",
        _KERAS,
    ),
    TextKind(
        r"Layer \(type(?::depth-idx| \(var_name\))",
        "this is a table of torchinfo, which shows no kernels, strides or padding by default",
        _TORCH,
    ),
    TextKind(
        r"Layer \(type\)\s+Output Shape\s+Param #",
        "this is a table of torchsummary, which shows no kernels, strides or padding",
        _TORCH,
    ),
    TextKind(
        r"\|\s*Name\s*\|\s*Type\s*\|",
        "this is a table of Lightning, which shows no kernels, strides or padding",
        _TORCH,
    ),
    TextKind(
        r"\A\s*(?:OrderedDict\(\[\(|\{)'[\w.]+'[:,] (?:tensor|Parameter)",
        "this is a state_dict, which holds weights and says nothing about the layers between them",
        _TORCH,
    ),
    TextKind(
        r"\A\s*<(?:\w+ name=\w+|KerasTensor |[\w.]*keras[\w.]* object at )",
        "this is a Keras object as Python prints it, which says nothing about its contents",
        _KERAS,
    ),
    TextKind(
        r"\A\s*<(?:class|function|bound method|module) |\A\s*<[\w.]+ object at 0x",
        "this is an object as Python prints it, which says nothing about its contents",
        _TORCH,
    ),
)


def named(text: str) -> SpecError | None:
    """Return the error for a text that describes a network without defining it; None for any other text."""
    head = text[:LONGEST_HEAD]
    for kind in KINDS:
        if (found := re.search(kind.pattern, head)) is not None:
            return SpecError(found.expand(kind.what), found.expand(kind.help))
    return None
