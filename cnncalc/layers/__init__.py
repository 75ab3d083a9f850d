"""Every op: the registry of the families."""

from __future__ import annotations

from ..errors import SpecError, nearest, shown
from . import activation, border, conv, dense, norm, pool, resample, transposed
from .base import Env, Fields, Layer, Traced

__all__ = ["ALIASES", "OPS", "Env", "Fields", "Layer", "Traced", "find_op", "keys_named"]

OPS: dict[str, tuple[type[Layer], int | None]] = {
    **conv.OPS,
    **transposed.OPS,
    **pool.OPS,
    **dense.OPS,
    **border.OPS,
    **resample.OPS,
    **norm.OPS,
    **activation.OPS,
}
"""Each op's word, its class and how many spatial axes it has (None: as many as arrive)."""

_WORDS = {word.lower(): word for word in OPS}
_WORDS |= {word.lower().replace("convt", "convtranspose"): word for word in OPS}

ALIASES = {
    "kernel_size": "k",
    "kernel_shape": "k",
    "pool_size": "k",
    "stride": "s",
    "strides": "s",
    "padding": "p",
    "auto_pad": "p",
    "pads": "p",
    "dilation": "d",
    "dilations": "d",
    "dilation_rate": "d",
    "groups": "g",
    "group": "g",
    "in_channels": "c_i",
    "out_channels": "c_o",
    "filters": "c_o",
    "use_bias": "bias",
    "ceil_mode": "ceil",
}
"""The long names that PyTorch, Keras and ONNX give to the common keys."""


def find_op(word: str) -> str | None:
    """An op's own word from any spelling of it (`Conv2d`, `MAXPOOL`), None where there is no such op."""
    word = word.lower()
    found = _WORDS.get(word)
    if found is None and word.endswith(("1d", "2d", "3d")):
        found = _WORDS.get(word[:-2])
        if found is not None and OPS[found][1] not in (None, int(word[-2])):
            return None
    return found


def unknown_op(word: object) -> SpecError:
    """The error for a word that is no op, with the nearest that are."""
    help = nearest(word, OPS) if isinstance(word, str) else None
    return SpecError(f"unknown op {shown(word)}", help or "the README's table lists every op", key="op")


def keys_named(cls: type[Layer], raw: str) -> tuple[str, ...]:
    """The keys of a class that a name stands for (`affine` is two): none where it is no name of a key."""
    if raw in cls.KEYS:
        return (raw,)
    names = cls.ALIASES.get(raw) or ALIASES.get(raw, "")
    keys = tuple(names.split())
    return keys if all(key in cls.KEYS for key in keys) else ()
