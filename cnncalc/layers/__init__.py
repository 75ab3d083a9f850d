"""Every op: the registry of the families."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from functools import cache
from importlib import import_module
from typing import Any

from ..errors import SpecError, nearest, shown
from ..registry import Registry
from .base import ENDS, ConvKind, Env, Fields, Layer, Op, Sign, Trace

__all__ = [
    "HELP",
    "OPS",
    "ConvKind",
    "Env",
    "Fields",
    "Layer",
    "Sign",
    "Trace",
    "aliases_of",
    "find_op",
    "keys_named",
    "title",
]

_FAMILIES = {
    "convolutions": {
        "conv": "conv conv1d conv3d dwconv dwconv1d dwconv3d sepconv sepconv1d sepconv3d",
        "transposed": "convT convT1d convT3d",
    },
    "pools": {
        "pool": (
            "maxpool maxpool1d maxpool3d avgpool avgpool1d avgpool3d lppool lppool1d lppool3d globalmaxpool "
            "globalavgpool adaptivemaxpool adaptiveavgpool"
        ),
    },
    "linear layers and shapes": {
        "dense": "linear flatten reshape permute",
    },
    "borders": {
        "border": "pad crop",
    },
    "resampling and shuffling": {
        "resample": "upsample pixelshuffle pixelunshuffle channelshuffle",
    },
    "windows as columns": {
        "patches": "unfold unfold1d unfold3d fold fold1d fold3d",
    },
    "repeating and rolling": {
        "arrange": "expand tile roll stack",
    },
    "normalizations": {
        "norm": "batchnorm layernorm groupnorm instancenorm lrn",
    },
    "scales and constants": {
        "affine": "scale rescale normalization quantize",
    },
    "selection": {
        "select": "slice gather",
    },
    "reductions": {
        "reduce": "mean sum prod l1 l2 logsumexp",
    },
    "activations": {
        "activation": (
            "relu relu6 silu sigmoid tanh hardswish selu softplus softsign mish exp identity leakyrelu elu "
            "clip gelu hardsigmoid prelu softmax dropout"
        ),
    },
    "functions": {
        "unary": (
            "abs neg sqrt rsqrt square reciprocal log log1p expm1 floor ceil round trunc sign erf sin cos "
            "tan asin acos atan sinh cosh asinh acosh atanh logsigmoid celu softshrink hardshrink "
            "tanhshrink threshold logsoftmax cumsum normalize"
        ),
    },
    "joins": {
        "join": "add sub mul div pow min max compare where concat",
    },
    "products and attention": {
        "product": "matmul einsum attention multihead",
    },
    "sequences": {
        "recurrent": "embedding lstm gru rnn",
    },
    "blocks and unknown layers": {
        "composite": "block opaque constant input tobatch frombatch movebatch",
    },
}
"""The families of ops, their modules, and the words of each module, which is imported when one of them is needed."""


class OpTable(MutableMapping[str, Op]):
    """The ops by word: the class and the number of spatial axes (None: any number). A second entry is an error."""

    def __init__(self, *families: Mapping[str, str]):
        """`families` map modules to their words, which must be those of the module's `OPS`."""
        words = [dict.fromkeys(listed.split(), module) for one in families for module, listed in one.items()]
        self._modules: Registry[str, str] = Registry(*words)
        self._ops: dict[str, Op] = {}

    def __getitem__(self, word: str) -> Op:
        if word not in self._ops:
            self._ops |= import_module(f".{self._modules[word]}", __name__).OPS
        return self._ops[word]

    def __setitem__(self, word: str, op: Op) -> None:
        self._modules[word] = op[0].__module__
        self._ops[word] = op

    def __delitem__(self, word: str) -> None:
        del self._modules[word], self._ops[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, word: object) -> bool:
        return word in self._modules


OPS = OpTable(*_FAMILIES.values())
FAMILIES = {family: " ".join(modules.values()).split() for family, modules in _FAMILIES.items()}
"""The ops' words by family, as they are listed for users."""

HELP = {
    "c_i": "The number of input channels; may be left out.",
    "c_o": "The number of output channels.",
    "k": "The kernel's size: one number, or one per axis.",
    "s": "The stride: one number, or one per axis.",
    "p": "The padding per side: a number, one per axis, [before, after] pairs, or a word.",
    "p_total": "The textbook's padding, both sides together: one number, or one per axis.",
    "d": "The dilation: one number, or one per axis.",
    "g": "The number of groups of channels.",
    "bias": "Whether there is a bias.",
    "flip": "Whether to turn the kernel by 180 degrees, as in the mathematical convolution.",
}
"""The meaning of the common keys; a layer's own HELP takes precedence."""

_ENDS = ("1d", "2d", "3d")


@cache
def _foreign_names(op: str) -> dict[str, str]:
    from .names import aliases  # only imported for other frameworks' words

    return {**aliases("conv"), **aliases("maxpool"), **aliases(op)}


def aliases_of(cls: type[Layer]) -> dict[str, str]:
    """Return the names in Keras, PyTorch and ONNX of a class's keys and the common keys, each with our key."""
    return {**_foreign_names(cls.WORD), **cls.ALIASES}


def keys_named(cls: type[Layer], raw: str) -> tuple[str, ...]:
    """Return the keys of a class that a name stands for (`affine` is two); empty if it is not the name of a key."""
    if raw in cls.KEYS:
        return (raw,)
    keys = tuple(aliases_of(cls).get(raw, "").split()) if cls.KEYS else ()
    return keys if all(key in cls.KEYS for key in keys) else ()


_OWN = {word.lower(): word for word in OPS}


@cache
def _spellings() -> dict[str, str]:
    """Return the words for ops: ours, and those of Keras and PyTorch whose keys mean the same here."""
    from .names import KERAS, TORCH

    words = dict(_OWN)
    for op, (cls, nd) in OPS.items():
        words |= {also + end: op for also in cls.ALSO for end in ([ENDS[nd], f"{nd}d"] if nd else [""])}
    for table in (KERAS, TORCH):
        for op, name in table.items():
            read = {ours: keys_named(OPS[op][0], theirs) for theirs, ours in name.keys.items()}
            if all(keys in ((), tuple(ours.split())) for ours, keys in read.items()):
                for word, end in ((name.word.lower().replace("{}d", ""), ""), *name.numbered()):
                    words.setdefault(word.lower(), op + end if op + end in OPS else op)
    return words


def find_op(word: str) -> str | None:
    """Return an op's own word from any spelling of it (`Conv2d`, `MAXPOOL`); None if there is no such op."""
    word = word.lower()
    op = _OWN.get(word)
    if op is not None:
        return op
    letters = word
    for end in _ENDS:
        letters = letters.replace(end, "")
    if not (letters.isalpha() or letters in _OWN):  # not an op, as most words
        return None
    op = _spellings().get(word)
    if op is None and word.endswith(_ENDS):
        op = _spellings().get(word[:-2])
        if op is not None and OPS[op][1] not in (None, int(word[-2])):
            return None
    return op


def names_axes(word: str) -> bool:
    """Return whether the op of a layer word ends with its number of axes, as `pad1d:1`."""
    return word.partition(":")[0].rstrip().lower().endswith(_ENDS)


def with_named_axes(word: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return a layer in JSON form with a value for each axis that its op's name says: `pad1d` is a pad of one axis.

    Raise SpecError for values of another number of axes. An `axis` key lists the axes in place of the name.
    """
    op = find_op(word) if names_axes(word) else None
    if op is None or not OPS[op][0].PER_AXIS or op != find_op(raw["op"]) or raw.get("axis") is not None:
        return raw
    from .keys import onnx_pads

    axes, cls = int(word[-2]), OPS[op][0]
    given = dict(raw)
    for name, value in raw.items():
        for key in {*keys_named(cls, name)} & {*cls.PER_AXIS} if value is not None else ():
            try:
                cls.KEYS[key](onnx_pads(value, axes) if name == "pads" else value, axes)
            except SpecError as error:
                error.what = f"{name}: {error.what}"
                raise
            if (lone := _lone(value)) is not None:
                given[name] = [lone] * axes
    return given


def _lone(value: object) -> object:
    """Return the number or the [before, after] that stands for all axes; None for a value per axis or a word."""
    if isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], (list, tuple)):
        return value[0]
    return value if type(value) in (int, float) else None


def spellings(op: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the words that `find_op` reads as this op, in lower case, and the endings that may follow them."""
    nd = OPS[op][1]
    return [word for word, one in _spellings().items() if one == op], _ENDS if nd is None else (f"{nd}d",)


def title(op: str) -> str:
    """Return the title of an op: `Depthwise convolution: …`."""
    return (OPS[op][0].__doc__ or "").partition("\n")[0]


def unknown_op(word: object) -> SpecError:
    """Return the error for a word that is not an op: what it may be meant for, or the nearest words that are ops."""
    from .intents import meant

    help = None
    if isinstance(word, str):
        found = meant(word)
        if found is not None and found.what:
            return SpecError(f"{shown(word)} is {found.what}", found.help, key="op")
        help = nearest(word, OPS) if found is None else found.help
    return SpecError(f"unknown op {shown(word)}", help or "for the list of ops: cnncalc ops", key="op")
