"""Which op can be read from which framework's files, and written to them: made from the readers and writers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..layers import OPS
from ..layers.names import KERAS, KERAS_ACTIVATIONS, ONNX, TORCH, Name
from ..registry import Registry


class Stance(NamedTuple):
    """Whether a form can express an op."""

    supported: bool
    text: str
    """What the framework has for the op, or why it is refused."""


FORMS = ("keras_read", "keras_write", "onnx_read", "onnx_write", "torch_read", "torch_write")
OP_WORDS = tuple(dict.fromkeys(cls.WORD for cls, _ in OPS.values()))
"""The ops, without those that differ only in their number of axes."""

_OWN_KERAS = {"block": "Functional", "instancenorm": "GroupNormalization", "opaque": "any other layer"}
_OWN_ONNX = {
    "dwconv": "Conv",
    "sepconv": "Conv, Conv",
    "adaptivemaxpool": "MaxPool",
    "adaptiveavgpool": "AveragePool",
    "crop": "Pad",
    "channelshuffle": "Reshape, Transpose, Reshape",
    "scale": "Mul, Add",
    "rescale": "Mul, Add",
    "normalization": "Mul, Add",
    "relu6": "Clip",
    "silu": "Sigmoid, Mul",
    "block": "its layers one by one",
    "opaque": "any other operator",
}
_OWN_TORCH = {
    "dwconv": "Conv{}d",
    "sepconv": "Conv{}d, Conv{}d",
    "globalmaxpool": "AdaptiveMaxPool{}d",
    "globalavgpool": "AdaptiveAvgPool{}d",
    "reshape": "reshape",
    "permute": "permute",
    "pad": "F.pad",
    "crop": "F.pad",
    "scale": "*, +",
    "rescale": "*, +",
    "normalization": "*, +",
    "slice": "[…]",
    "mean": "mean",
    "clip": "clamp",
    "add": "+",
    "mul": "*",
    "concat": "cat",
    "block": "a module of modules",
    "opaque": "any other function",
}
"""What the frameworks have for ops for which they have no name."""

NOT_READ: Mapping[str, Registry[str, str]] = {
    "keras": Registry(
        dict.fromkeys(("lppool", "lrn", "pixelshuffle", "channelshuffle"), "Keras has no such layer"),
        {"instancenorm": "reads as a groupnorm"},
    ),
    "onnx": Registry(
        dict.fromkeys(("adaptivemaxpool", "adaptiveavgpool"), "ONNX has no such operator"),
        {
            "dwconv": "reads as a conv with groups",
            "sepconv": "reads as two convs",
            "normalization": "reads as rescale",
            "block": "a file has one graph",
        },
    ),
    "torch": Registry(
        {
            "sepconv": "reads as a dwconv and a conv",
            "normalization": "reads as rescale",
            "block": "reads as its layers one by one",
        }
    ),
}
"""The ops that no file of a framework is read as, and why."""


def support(op: str) -> dict[str, Stance]:
    """Return the stance of each of FORMS on an op. KeyError if one has none, or both supports and refuses it."""
    from .keras import write as keras
    from .onnx import write as onnx
    from .torch.write import source as torch

    op = OPS[op][0].WORD
    stances = {}
    for framework, writer, names, own in (
        ("keras", keras, KERAS, _OWN_KERAS),
        ("onnx", onnx, ONNX, _OWN_ONNX),
        ("torch", torch, TORCH, _OWN_TORCH),
    ):
        read_refused, write_refused = NOT_READ[framework], writer.REFUSED
        text = _text(op, names, own)
        stances[f"{framework}_read"] = _stance(op, op not in read_refused, read_refused, text)
        stances[f"{framework}_write"] = _stance(op, op in writer.WRITERS or op == "block", write_refused, text)
    return stances


def _text(op: str, names: Mapping[str, Name], own: Mapping[str, str]) -> str:
    if op in names:
        return names[op].word.replace("{}", "2")
    activations = KERAS_ACTIVATIONS if names is KERAS else {}
    return activations[op][0] if op in activations else own.get(op, "").replace("{}", "2")


def _stance(op: str, supported: bool, refused: Mapping[str, str], text: str) -> Stance:
    if supported == (op in refused) or (supported and not text):
        raise KeyError(op)
    return Stance(supported, text if supported else refused[op].format("it"))
