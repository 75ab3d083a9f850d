"""Every op: the registry of the families."""

from __future__ import annotations

from functools import cache

from ..errors import SpecError, nearest, shown
from ..registry import Registry
from . import (
    activation,
    affine,
    arrange,
    border,
    composite,
    conv,
    dense,
    join,
    norm,
    patches,
    pool,
    product,
    recurrent,
    reduce,
    resample,
    select,
    transposed,
    unary,
)
from .base import ConvKind, Env, Fields, Layer, Op, Sign, Trace

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

FAMILIES: dict[str, Registry[str, Op]] = {
    "convolutions": Registry(conv.OPS, transposed.OPS),
    "pools": pool.OPS,
    "linear layers and shapes": dense.OPS,
    "borders": border.OPS,
    "resampling and shuffling": resample.OPS,
    "windows as columns": patches.OPS,
    "repeating and rolling": arrange.OPS,
    "normalisations": norm.OPS,
    "scales and constants": affine.OPS,
    "selection": select.OPS,
    "reductions": reduce.OPS,
    "activations": activation.OPS,
    "functions": unary.OPS,
    "joins": join.OPS,
    "products and attention": product.OPS,
    "sequences": recurrent.OPS,
    "blocks and unknown layers": composite.OPS,
}
"""The ops by family, as a list of them shows it."""
OPS: Registry[str, Op] = Registry(*FAMILIES.values())
"""Each op's word, its class and its number of spatial axes (None: any number)."""

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
    "flip": "Whether to turn the kernel by 180 degrees, as the mathematical convolution does.",
}
"""The meaning of the common keys; a layer's own HELP comes first."""

_ENDS = ("1d", "2d", "3d")


@cache
def _foreign_names(op: str) -> dict[str, str]:
    from .names import aliases  # a spec in our own words pays nothing for the others

    return {**aliases("conv"), **aliases("maxpool"), **aliases(op)}


def aliases_of(cls: type[Layer]) -> dict[str, str]:
    """Return the names that keys of a class, and the common keys, have in Keras, PyTorch and ONNX, each with ours."""
    return {**_foreign_names(cls.WORD), **cls.ALIASES}


def keys_named(cls: type[Layer], raw: str) -> tuple[str, ...]:
    """Return the keys of a class that a name stands for (`affine` is two); none if it is not the name of a key."""
    if raw in cls.KEYS:
        return (raw,)
    keys = tuple(aliases_of(cls).get(raw, "").split())
    return keys if all(key in cls.KEYS for key in keys) else ()


_OWN = {word.lower(): word for word in OPS}


@cache
def _spellings() -> dict[str, str]:
    """Return the ops' words, and those of Keras and PyTorch whose keys mean here what they mean there."""
    from .names import KERAS, TORCH

    words = dict(_OWN)
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
    letters = word
    for end in _ENDS:
        letters = letters.replace(end, "")
    if op is not None or not (letters.isalpha() or letters in _OWN):  # as most words: our own, or not an op at all
        return op
    op = _spellings().get(word)
    if op is None and word.endswith(_ENDS):
        op = _spellings().get(word[:-2])
        if op is not None and OPS[op][1] not in (None, int(word[-2])):
            return None
    return op


def spellings(op: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the words that `find_op` reads as this op, in lower case, and the endings that may follow them."""
    nd = OPS[op][1]
    return [word for word, one in _spellings().items() if one == op], _ENDS if nd is None else (f"{nd}d",)


def title(op: str) -> str:
    """Return the title of an op: `Depthwise convolution: …`."""
    return (OPS[op][0].__doc__ or "").partition("\n")[0]


def unknown_op(word: object) -> SpecError:
    """Return the error for a word that is not an op, with the nearest that are."""
    help = nearest(word, OPS) if isinstance(word, str) else None
    return SpecError(f"unknown op {shown(word)}", help or "for the list of ops: cnncalc ops", key="op")
