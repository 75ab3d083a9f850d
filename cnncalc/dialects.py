"""What a framework means by the same words: one row a dialect, read by the layers."""

from __future__ import annotations

from typing import NamedTuple

from .errors import SpecError, nearest, shown


class Dialect(NamedTuple):
    """The rules in which frameworks differ. Sources: ATen/native/Pool.h and torch/nn (PyTorch),
    keras/src/backend/common/backend_utils.py and tensorflow/python/ops/nn_ops.py (Keras)."""

    name: str
    layout: str
    """NCHW or NHWC, where the spec does not say."""
    conv_words: frozenset[str]
    """The padding words a convolution takes."""
    pool_words: frozenset[str]
    transposed_words: frozenset[str]
    strided_same: bool = True
    """Whether `same` goes together with a stride."""
    pool_limit: str = "pixel"
    """`pixel`: every window holds an input pixel. `half`: p <= k//2 (k undilated). `none`: no limit."""
    pool_ceil: bool = True
    avg_dilation: bool = True
    """Whether an average pool (and an Lp pool) can be dilated."""
    max_dilation: bool = True
    lp_padding: bool = True
    avg3d_fits_bare: bool = False
    """Whether avgpool3d wants n >= k without any padding."""
    count_include_pad: bool = True
    """Whether an average counts explicit padding, where the layer does not say (never that of `same`)."""
    strided_dilation: bool = True
    """Whether conv and transposed conv take a stride and a dilation together."""
    transposed_groups: bool = True
    transposed_limit: str = "larger"
    """out_pad is below `larger`: max(s, d); below `stride`: s."""
    valid_transposed_covers: bool = False
    """Whether a `valid` transposed conv is at least n*s wide: (n-1)*s + max(k', s)."""
    norm_eps: float = 1e-5
    leaky_slope: float = 0.01
    keepdims: bool = True
    """Whether a global pool keeps its spatial axes, as ones."""
    prelu_per_unit: bool = False
    """Whether prelu has a slope for every unit where the spec does not say."""


_ALL = frozenset({"valid", "same", "same_upper", "same_lower", "full", "causal"})

DIALECTS = {
    "plain": Dialect("plain", "NCHW", _ALL, _ALL, _ALL - {"causal"}),
    "torch": Dialect(
        "torch",
        "NCHW",
        conv_words=frozenset({"valid", "same"}),
        pool_words=frozenset(),
        transposed_words=frozenset(),
        strided_same=False,
        pool_limit="half",
        avg_dilation=False,
        lp_padding=False,
        avg3d_fits_bare=True,
    ),
    "keras": Dialect(
        "keras",
        "NHWC",
        conv_words=frozenset({"valid", "same", "causal"}),
        pool_words=frozenset({"valid", "same"}),
        transposed_words=frozenset({"valid", "same"}),
        pool_limit="none",
        pool_ceil=False,
        avg_dilation=False,
        max_dilation=False,
        count_include_pad=False,
        strided_dilation=False,
        transposed_groups=False,
        transposed_limit="stride",
        valid_transposed_covers=True,
        norm_eps=1e-3,
        leaky_slope=0.3,
        keepdims=False,
        prelu_per_unit=True,
    ),
}

LAYOUTS = ("NCHW", "NHWC")
_LAYOUT_WORDS = {"nchw": "NCHW", "nhwc": "NHWC", "channels_first": "NCHW", "channels_last": "NHWC"}


def dialect_named(name: object) -> Dialect:
    """The dialect of this name; SpecError with the nearest names otherwise."""
    if isinstance(name, str) and name.lower() in DIALECTS:
        return DIALECTS[name.lower()]
    hint = nearest(name, DIALECTS) if isinstance(name, str) else None
    raise SpecError(f"unknown dialect {shown(name)}", hint or f"the dialects are {', '.join(DIALECTS)}", key="dialect")


def layout_named(name: object) -> str:
    """NCHW or NHWC, also from Keras's channels_first and channels_last."""
    if isinstance(name, str) and name.lower() in _LAYOUT_WORDS:
        return _LAYOUT_WORDS[name.lower()]
    raise SpecError(f"unknown layout {shown(name)}", "the layouts are NCHW and NHWC", key="layout")
