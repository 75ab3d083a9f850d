"""Dialects: what the same words mean in each framework, a class for each."""

from __future__ import annotations

from .errors import SpecError, nearest, shown

PADDING_WORDS = ("valid", "same", "same_upper", "same_lower", "full", "causal")
_ALL = frozenset(PADDING_WORDS)


class Dialect:
    """The rules in which frameworks differ, with the values of `plain`. A dialect is a class without instances.

    Sources: ATen/native/Pool.h and torch/nn (PyTorch), keras/src/backend/common/backend_utils.py and
    tensorflow/python/ops/nn_ops.py (Keras), onnx/defs/nn/defs.cc (ONNX), caffe/layers/pooling_layer.cpp (Caffe).
    """

    name = "plain"
    title = "plain"
    """The name shown in errors."""
    layout = "NCHW"
    """The default layout, NCHW or NHWC."""
    conv_words = _ALL
    """The padding words that a convolution takes."""
    channelwise_words = _ALL
    """The padding words that depthwise and separable convolutions take."""
    pool_words = _ALL
    transposed_words = _ALL - {"causal"}
    pads_by_word = False
    """Whether layers take padding only as words, so that numbers need a padding layer in front."""
    strided_same = True
    """Whether a convolution takes `same` together with a stride."""
    pool_stride: int | None = None
    """A pool's default stride; None for its window's own size."""
    pool_limit = "pixel"
    """`pixel`: every window holds an input pixel. `half`: p <= k//2 (undilated). `kernel`: p < k. `none`: any."""
    pool_ceil = True
    """Whether a pool may round up."""
    pool_rounds_up = False
    """Whether a pool rounds up by default."""
    bare_pool_keeps_last = False
    """Whether a pool that rounds up, and has no padding, keeps a last window that starts after the input."""
    max_dilation = True
    """Whether a max pool can be dilated."""
    avg_dilation = True
    """Whether an average pool (and an Lp pool) can be dilated."""
    lp_padding = True
    """Whether an Lp pool can be padded."""
    lp_signed = False
    """Whether an Lp pool keeps signs in powers, and multiplies the mean of a cut window by the whole window."""
    avg3d_fits_bare = False
    """Whether avgpool3d, and lppool3d which uses it, needs n >= k before any padding."""
    count_include_pad = True
    """Whether an average counts explicit padding by default (never that of `same`)."""
    count_is_option = True
    """Whether a layer may say that an average does not count padding."""
    strided_dilation = True
    """Whether conv and transposed conv take a stride and a dilation together."""
    transposed_groups = True
    """Whether a transposed conv takes groups."""
    transposed_limit = "larger"
    """The limit that out_pad stays below: max(s, d) for `larger`, s for `stride`; `zero` allows no out_pad."""
    out_by_out_pad = False
    """Whether a transposed conv reaches given sizes by an out_pad below s (PyTorch's output_size), not by padding."""
    out_appends = False
    """Whether given output sizes of a transposed conv may append more than out_pad may (ONNX `output_shape`)."""
    valid_transposed_covers = False
    """Whether a `valid` transposed conv is at least n*s wide: (n-1)*s + max(k', s)."""
    linear_is_1d = False
    """Whether upsampling modes imply their number of axes: linear 1, bilinear and bicubic 2, trilinear 3."""
    norm_eps = 1e-5
    """The number that norms add to the variance by default."""
    norms_several = False
    """Whether an instance norm needs more than one value per channel."""
    leaky_slope = 0.01
    """The slope of leakyrelu below 0 by default."""
    keepdims = True
    """Whether a global pool keeps its spatial axes, as ones, by default."""
    prelu_per_unit = False
    """Whether prelu has a slope for every unit by default."""
    same_transposed_is_exact = False
    """Whether a `same` transposed conv is n*s wide, whatever its out_pad is."""
    hard_slope = 1 / 6
    """The slope of hardsigmoid around 0 by default."""
    lrn_before_is_larger = True
    """Whether a local response norm of even size reads its extra channel before rather than after."""
    exact_by_scale = False
    """Whether the input nearest to (u + 1/2) * scale - 1/2 is computed as floor((u + 1/2) * scale)."""
    cubic = -0.75
    """The constant A of cubic upsampling (Keys 1981)."""
    cubic_leaves_out = False
    """Whether cubic upsampling leaves out taps beyond the border instead of reading the border there."""
    wrap_again = True
    """Whether padding may wrap around more than once."""
    hidden_bias = True
    """Whether lstm, gru and rnn have a second bias by default, for the hidden state."""
    reset_after = True
    """Whether a gru multiplies the hidden state by its weights before the reset by default."""
    cuts_indices = False
    """Whether an embedding truncates fractional indices towards 0."""
    cubic_steps = 0
    """The steps between two pixels in a table of cubic weights, of which the nearest is used; 0 for no table."""


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
    lp_signed = True
    norms_several = True
    avg3d_fits_bare = True
    out_by_out_pad = True
    exact_by_scale = True
    linear_is_1d = True
    wrap_again = False


class Keras(Dialect):
    """Keras."""

    name = "keras"
    title = "Keras"
    layout = "NHWC"
    conv_words = frozenset({"valid", "same", "causal"})
    channelwise_words = frozenset({"valid", "same"})
    pool_words = frozenset({"valid", "same"})
    transposed_words = frozenset({"valid", "same"})
    pads_by_word = True
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
    cuts_indices = True
    cubic = -0.5
    cubic_leaves_out = True
    hidden_bias = False
    cubic_steps = 1024


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
    out_appends = True
    hard_slope = 0.2
    lrn_before_is_larger = False
    reset_after = False


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
"""The names of the dialects, as a sentence lists them."""
ALL = "all"
"""The word for every dialect, wherever several can be given."""
LAYOUTS = ("NCHW", "NHWC")
LAYOUT_WORDS = {"NCHW": "NCHW", "NHWC": "NHWC", "channels_first": "NCHW", "channels_last": "NHWC"}
"""The names of layouts, here and in Keras; in any case."""
_LAYOUTS = {word.lower(): layout for word, layout in LAYOUT_WORDS.items()}


_MEANT = {"tensorflow": "keras", "tf": "keras", "tf2": "keras", "tflite": "keras", "pt": "torch", "d2l": "plain"}
"""Other names for the dialects."""


def dialect_named(name: object) -> type[Dialect]:
    """Return the dialect of this name. Raise SpecError with the nearest names for an unknown one."""
    if isinstance(name, str) and name.lower() in DIALECTS:
        return DIALECTS[name.lower()]
    if isinstance(name, str) and is_several(name):
        raise SpecError(
            f"{shown(name)} is more than one dialect", "name only one; shape and check take several", key="dialect"
        )
    meant = _MEANT.get(name.lower()) if isinstance(name, str) else None
    hint = f"did you mean '{meant}'?" if meant else nearest(name, DIALECTS) if isinstance(name, str) else None
    raise SpecError(f"unknown dialect {shown(name)}", hint or f"the dialects are {', '.join(DIALECTS)}", key="dialect")


def dialects_named(names: object) -> tuple[type[Dialect], ...]:
    """Return the dialects of a list or a comma-separated text, without repetitions; all of them for `all`.

    Raise SpecError for an unknown name.
    """
    if isinstance(names, str):
        if names.lower() == ALL:
            return tuple(DIALECTS.values())
        names = [name.strip() for name in names.split(",")]
    if isinstance(names, (list, tuple)) and names:
        return tuple(dict.fromkeys(map(dialect_named, names)))
    help = 'give names, for example "torch,keras" or ["torch", "keras"]'
    raise SpecError(f"unknown dialect {shown(names)}", help, key="dialect")


def is_several(names: str | None) -> bool:
    """Return whether a text names more than one dialect."""
    return names is not None and (names.lower() == ALL or "," in names)


def layout_named(name: object) -> str:
    """Return NCHW or NHWC, also from Keras's channels_first and channels_last. Raise SpecError for an unknown name."""
    if isinstance(name, str) and name.lower() in _LAYOUTS:
        return _LAYOUTS[name.lower()]
    raise SpecError(f"unknown layout {shown(name)}", "the layouts are NCHW and NHWC", key="layout")


def layout_of(dialect: str | None, layout: str | None) -> str:
    """Return the layout of layer words under these options: the given one, otherwise the dialect's."""
    if layout is not None:
        return layout_named(layout)
    return (Dialect if dialect is None else dialect_named(dialect)).layout
