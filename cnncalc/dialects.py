"""What a framework means by the same words: one row a dialect, read by the layers."""

from __future__ import annotations

from .errors import SpecError, nearest, shown

_ALL = frozenset({"valid", "same", "same_upper", "same_lower", "full", "causal"})


class Dialect:
    """The rules in which frameworks differ, with what `plain` says of each; a dialect is a class, never made.

    Sources: ATen/native/Pool.h and torch/nn (PyTorch), keras/src/backend/common/backend_utils.py and
    tensorflow/python/ops/nn_ops.py (Keras), onnx/defs/nn/defs.cc (ONNX), caffe/layers/pooling_layer.cpp (Caffe).
    """

    name = "plain"
    title = "plain"
    """What errors call it."""
    layout = "NCHW"
    """NCHW or NHWC, where the spec does not say."""
    conv_words = _ALL
    """The padding words a convolution takes."""
    channelwise_words = _ALL
    """Those of depthwise and separable convolutions."""
    pool_words = _ALL
    transposed_words = _ALL - {"causal"}
    strided_same = True
    """Whether `same` goes together with a stride."""
    pool_stride: int | None = None
    """A pool's stride where the layer does not say; None for its window's own size."""
    pool_limit = "pixel"
    """`pixel`: every window holds an input pixel. `half`: p <= k//2 (undilated). `kernel`: p < k. `none`: any."""
    pool_ceil = True
    """Whether a pool may round up."""
    pool_rounds_up = False
    """Whether it does where the layer does not say."""
    bare_pool_keeps_last = False
    """Whether a pool without any padding keeps, rounding up, a last window that starts behind the input."""
    max_dilation = True
    avg_dilation = True
    """Whether an average pool (and an Lp pool) can be dilated."""
    lp_padding = True
    avg3d_fits_bare = False
    """Whether avgpool3d, and lppool3d which is made of it, want n >= k without any padding."""
    count_include_pad = True
    """Whether an average counts explicit padding, where the layer does not say (never that of `same`)."""
    count_is_option = True
    """Whether a layer may say that an average does not count padding."""
    strided_dilation = True
    """Whether conv and transposed conv take a stride and a dilation together."""
    transposed_groups = True
    transposed_limit = "larger"
    """out_pad is below `larger`: max(s, d); below `stride`: s. `zero`: there is no out_pad."""
    out_by_out_pad = False
    """Whether a transposed conv's wanted sizes are met by out_pad below s (PyTorch's output_size), not by padding."""
    valid_transposed_covers = False
    """Whether a `valid` transposed conv is at least n*s wide: (n-1)*s + max(k', s)."""
    linear_is_1d = False
    """Whether the upsampling modes name their number of axes: linear 1, bilinear and bicubic 2, trilinear 3."""
    norm_eps = 1e-5
    leaky_slope = 0.01
    keepdims = True
    """Whether a global pool keeps its spatial axes, as ones."""
    prelu_per_unit = False
    """Whether prelu has a slope for every unit where the spec does not say."""
    same_transposed_is_exact = False
    """Whether a `same` transposed conv is n*s wide whatever its out_pad."""
    hard_slope = 1 / 6
    """The slope of hardsigmoid around 0."""
    lrn_before_is_larger = True
    """Whether an even local response norm has its extra channel before."""
    cubic = -0.75
    """The constant A of cubic upsampling (Keys 1981)."""
    cubic_leaves_out = False
    """Whether its taps beyond the border are left out, not read from the border."""


class Torch(Dialect):
    """PyTorch."""

    name = "torch"
    title = "PyTorch"
    conv_words = frozenset({"valid", "same"})
    channelwise_words = conv_words
    pool_words: frozenset[str] = frozenset()
    transposed_words: frozenset[str] = frozenset()
    strided_same = False
    pool_limit = "half"
    avg_dilation = False
    lp_padding = False
    avg3d_fits_bare = True
    out_by_out_pad = True
    linear_is_1d = True


class Keras(Dialect):
    """Keras."""

    name = "keras"
    title = "Keras"
    layout = "NHWC"
    conv_words = frozenset({"valid", "same", "causal"})
    channelwise_words = frozenset({"valid", "same"})
    pool_words = frozenset({"valid", "same"})
    transposed_words = frozenset({"valid", "same"})
    pool_limit = "none"
    pool_ceil = False
    max_dilation = False
    avg_dilation = False
    count_include_pad = False
    strided_dilation = False
    transposed_groups = False
    transposed_limit = "stride"
    valid_transposed_covers = True
    norm_eps = 1e-3
    leaky_slope = 0.3
    keepdims = False
    prelu_per_unit = True
    cubic = -0.5
    cubic_leaves_out = True


class Onnx(Dialect):
    """ONNX, by its operators' definitions (onnx/defs/nn/defs.cc)."""

    name = "onnx"
    title = "ONNX"
    conv_words = frozenset({"valid", "same", "same_upper", "same_lower"})
    channelwise_words = conv_words
    pool_words = conv_words
    transposed_words = conv_words
    pool_stride = 1
    pool_limit = "none"
    count_include_pad = False
    same_transposed_is_exact = True
    hard_slope = 0.2
    lrn_before_is_larger = False


class Caffe(Dialect):
    """Caffe, whose layers have no padding words (caffe/layers/pooling_layer.cpp, conv_layer.cpp, deconv_layer.cpp)."""

    name = "caffe"
    title = "Caffe"
    conv_words: frozenset[str] = frozenset()
    channelwise_words = conv_words
    pool_words = conv_words
    transposed_words = conv_words
    pool_stride = 1
    pool_limit = "kernel"
    pool_rounds_up = True
    bare_pool_keeps_last = True
    max_dilation = False
    avg_dilation = False
    count_is_option = False
    transposed_limit = "zero"


DIALECTS = {dialect.name: dialect for dialect in (Dialect, Torch, Keras, Onnx, Caffe)}
NAMES = f"{', '.join([*DIALECTS][:-1])} or {[*DIALECTS][-1]}"
"""The dialects as a sentence lists them."""
ALL = "all"
"""What asks for every dialect, where several can be asked for."""
LAYOUTS = ("NCHW", "NHWC")
LAYOUT_WORDS = {"NCHW": "NCHW", "NHWC": "NHWC", "channels_first": "NCHW", "channels_last": "NHWC"}
"""What a layout is called, by us and by Keras; in any case."""
_LAYOUTS = {word.lower(): layout for word, layout in LAYOUT_WORDS.items()}


def dialect_named(name: object) -> type[Dialect]:
    """The dialect of this name; SpecError with the nearest names otherwise."""
    if isinstance(name, str) and name.lower() in DIALECTS:
        return DIALECTS[name.lower()]
    if isinstance(name, str) and is_several(name):
        raise SpecError(
            f"{shown(name)} is more than one dialect", "name one; shape and check take several", key="dialect"
        )
    hint = nearest(name, DIALECTS) if isinstance(name, str) else None
    raise SpecError(f"unknown dialect {shown(name)}", hint or f"the dialects are {', '.join(DIALECTS)}", key="dialect")


def dialects_named(names: str) -> tuple[type[Dialect], ...]:
    """The dialects of a comma list, or every one for `all`, each once. SpecError for what is none."""
    if names.lower() == ALL:
        return tuple(DIALECTS.values())
    return tuple(dict.fromkeys(dialect_named(name.strip()) for name in names.split(",")))


def is_several(names: str | None) -> bool:
    """Whether a name of dialects asks for more than one."""
    return names is not None and (names.lower() == ALL or "," in names)


def layout_named(name: object) -> str:
    """NCHW or NHWC, also from Keras's channels_first and channels_last."""
    if isinstance(name, str) and name.lower() in _LAYOUTS:
        return _LAYOUTS[name.lower()]
    raise SpecError(f"unknown layout {shown(name)}", "the layouts are NCHW and NHWC", key="layout")


def layout_of(dialect: str | None, layout: str | None) -> str:
    """The layout of layer words under these options: the one named, else the dialect's own."""
    if layout is not None:
        return layout_named(layout)
    return (Dialect if dialect is None else dialect_named(dialect)).layout
