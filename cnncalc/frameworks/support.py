"""Which ops can be read from and written to each framework's files, derived from the readers and writers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..layers import OPS, Layer
from ..layers.names import KERAS, KERAS_ACTIVATIONS, ONNX, TORCH, Name


class Stance(NamedTuple):
    """Whether a form can express an op."""

    supported: bool
    text: str
    """The framework's equivalent of the op, or why it is refused."""


FORMS = ("keras_read", "keras_write", "onnx_read", "onnx_write", "torch_read", "torch_write")
OP_WORDS = tuple(dict.fromkeys(cls.WORD for cls, _ in OPS.values()))
"""The ops, without those that differ only in their number of axes."""

_OWN_KERAS = {
    "block": "Functional",
    "instancenorm": "GroupNormalization",
    "opaque": "any other layer, as an opaque layer",
    "l1": "Absolute, Sum",
    "l2": "Square, Sum, Sqrt",
    "compare": "Greater, Cast",
    "constant": "an array among a function's arguments",
    "input": "InputLayer",
    "tobatch": "TimeDistributed",
    "frombatch": "TimeDistributed",
    "expand": "Reshape, Tile",
    **dict.fromkeys(("pixelshuffle", "pixelunshuffle"), "Reshape, Permute, Reshape"),
}
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
    "quantize": "QuantizeLinear, DequantizeLinear",
    "relu6": "Clip",
    "silu": "Sigmoid, Mul",
    "matmul": "MatMul",
    "einsum": "Einsum",
    "attention": "MatMul, Softmax, MatMul",
    "multihead": "MatMul, Add, Softmax",
    "embedding": "Gather",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
    "block": "its layers one by one",
    "rsqrt": "Sqrt, Reciprocal",
    "square": "Pow",
    "log1p": "Add, Log",
    "expm1": "Exp, Sub",
    "trunc": "Abs, Floor, Sign, Mul",
    "logsigmoid": "Neg, Softplus, Neg",
    "hardshrink": "Shrink",
    "tanhshrink": "Tanh, Sub",
    "threshold": "Greater, Where",
    "compare": "Greater, Cast",
    "opaque": "any other operator, as an opaque layer",
    "constant": "an initializer",
    "input": "an input",
    "tobatch": "Reshape",
    "frombatch": "Reshape",
    "movebatch": "Transpose",
    "roll": "Slice, Slice, Concat",
    "stack": "Unsqueeze, Concat",
    "unfold": "Pad, Gather, Transpose, Reshape",
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
    "quantize": "fake_quantize",
    "slice": "[…]",
    **{op: op for op in ("mean", "sum", "prod", "logsumexp", "cumsum", "where")},
    "l1": "linalg.vector_norm",
    "l2": "linalg.vector_norm",
    "min": "minimum, amin",
    "max": "maximum, amax",
    "normalize": "F.normalize",
    "compare": ">",
    "clip": "clamp",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "pow": "**",
    "concat": "cat",
    "matmul": "matmul",
    "einsum": "einsum",
    "attention": "F.scaled_dot_product_attention",
    "block": "a module of modules",
    "opaque": "any other function, as an opaque layer",
    "constant": "a parameter or a buffer",
    "input": "an argument of forward",
    "tobatch": "reshape",
    "frombatch": "reshape",
    "movebatch": "permute",
    "expand": "expand",
    "tile": "repeat",
    "roll": "roll",
    "stack": "stack",
    "gather": "[…]",
}
"""PyTorch's equivalents of ops for which it has no name of its own."""


def support(op: str) -> dict[str, Stance]:
    """Return the stance of each of FORMS on an op.

    Raise LookupError if one has none, or both supports and refuses it.
    """
    from .keras import write as keras
    from .onnx import write as onnx
    from .torch.write import source as torch

    cls = OPS[op][0]
    stances = {}
    for framework, writer, names, own in (
        ("keras", keras, KERAS, _OWN_KERAS),
        ("onnx", onnx, ONNX, _OWN_ONNX),
        ("torch", torch, TORCH, _OWN_TORCH),
    ):
        text = _text(cls.WORD, names, own)
        itself = cls.NESTS or (cls.SOURCE and cls.refused(f"{framework}_write") is None)
        written = cls.WORD in writer.WRITERS or itself
        read = "" if f"{framework}_read" in cls.REFUSED else text  # its entry may be only for writing
        stances[f"{framework}_read"] = stance(cls, f"{framework}_read", read)
        stances[f"{framework}_write"] = stance(cls, f"{framework}_write", text if written else "")
    return stances


def _text(op: str, names: Mapping[str, Name], own: Mapping[str, str]) -> str:
    if op in names:
        return names[op].word.replace("{}", "2")
    activations = KERAS_ACTIVATIONS if names is KERAS else {}
    return activations[op][0] if op in activations else own.get(op, "").replace("{}", "2")


def stance(op: type[Layer], form: str, text: str) -> Stance:
    """Return the stance of a form on an op: supported by `text`, or refused.

    Raise LookupError for both and for neither.
    """
    reason = op.refused(form)
    if bool(text) == bool(reason):
        what = "has no entry" if reason is None else "has an entry, and is refused"
        help = f"it needs either an entry in the tables of {form}, or a reason in REFUSED of its class {op.__name__}"
        raise LookupError(f"the op {op.WORD} {what} in {form}: {help}")
    return Stance(not reason, text or (reason or "").replace("{}", "it"))
