"""The parameters of Keras's layers: their order and their defaults.

Source: the signatures of `keras.layers` (Keras 3.15). Initializers, regularizers and constraints are omitted, as they
affect no figure. Layers that preprocess text and tables are omitted as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

_WINDOW = "strides=1 padding='valid'"
_TABLE = f"""
Activation activation
ActivityRegularization l1=0.0 l2=0.0
AdaptiveAveragePooling{{}}D output_size data_format=None
AdaptiveMaxPooling{{}}D output_size data_format=None
AdditiveAttention use_scale=True dropout=0.0
AlphaDropout rate noise_shape=None seed=None
Attention use_scale=False score_mode='dot' dropout=0.0 seed=None
AveragePooling{{}}D pool_size strides=None padding='valid' data_format=None
BatchNormalization axis=-1 momentum=0.99 epsilon=0.001 center=True scale=True * renorm=False
Bidirectional layer merge_mode='concat' weights=None backward_layer=None
CategoryEncoding num_tokens=None output_mode='multi_hot'
CenterCrop height width data_format=None
Concatenate axis=-1
Conv{{}}D filters kernel_size {_WINDOW} data_format=None dilation_rate=1 groups=1 activation=None use_bias=True
Conv1DTranspose filters kernel_size {_WINDOW} output_padding=None data_format=None dilation_rate=1 activation=None \
use_bias=True
Conv2DTranspose filters kernel_size {_WINDOW} output_padding=None data_format=None dilation_rate=1 activation=None \
use_bias=True
Conv3DTranspose filters kernel_size {_WINDOW} data_format=None output_padding=None dilation_rate=1 activation=None \
use_bias=True
ConvLSTM{{}}D filters kernel_size {_WINDOW} data_format=None dilation_rate=1 activation='tanh' \
recurrent_activation='sigmoid' use_bias=True * return_sequences=False return_state=False go_backwards=False
Cropping1D cropping=1
Cropping2D cropping=0 data_format=None
Cropping3D cropping=1 data_format=None
Dense units activation=None use_bias=True * lora_rank=None
DepthwiseConv{{}}D kernel_size {_WINDOW} depth_multiplier=1 data_format=None dilation_rate=1 activation=None \
use_bias=True
Dot axes normalize=False
Dropout rate noise_shape=None seed=None
ELU alpha=1.0
EinsumDense equation output_shape activation=None bias_axes=None * lora_rank=None
Embedding input_dim output_dim * mask_zero=False lora_rank=None
Flatten data_format=None
GRU units activation='tanh' recurrent_activation='sigmoid' use_bias=True * return_sequences=False return_state=False \
go_backwards=False reset_after=True
GaussianDropout rate seed=None
GaussianNoise stddev seed=None
GlobalAveragePooling{{}}D data_format=None keepdims=False
GlobalMaxPooling{{}}D data_format=None keepdims=False
GroupNormalization groups=32 axis=-1 epsilon=0.001 center=True scale=True
GroupedQueryAttention head_dim num_query_heads num_key_value_heads dropout=0.0 use_bias=True * use_gate=False
LSTM units activation='tanh' recurrent_activation='sigmoid' use_bias=True * return_sequences=False return_state=False \
go_backwards=False
Lambda function output_shape=None mask=None arguments=None
LayerNormalization axis=-1 epsilon=0.001 center=True scale=True * rms_scaling=False
LeakyReLU negative_slope=0.3
Masking mask_value=0.0
MaxPooling{{}}D pool_size=2 strides=None padding='valid' data_format=None
MultiHeadAttention num_heads key_dim value_dim=None dropout=0.0 use_bias=True output_shape=None attention_axes=None \
* use_gate=False
Normalization axis=-1 mean=None variance=None invert=False
PReLU * shared_axes=None
Permute dims
RMSNormalization axis=-1 epsilon=1e-06
RandomCrop height width seed=None data_format=None
ReLU max_value=None negative_slope=0.0 threshold=0.0
RepeatVector n
Rescaling scale offset=0.0
Reshape target_shape
Resizing height width interpolation='bilinear' crop_to_aspect_ratio=False pad_to_aspect_ratio=False \
fill_mode='constant' fill_value=0.0 antialias=False data_format=None
SeparableConv{{}}D filters kernel_size {_WINDOW} data_format=None dilation_rate=1 depth_multiplier=1 activation=None \
use_bias=True
SimpleRNN units activation='tanh' use_bias=True * return_sequences=False return_state=False go_backwards=False
Softmax axis=-1
SpatialDropout1D rate seed=None
SpatialDropout2D rate data_format=None seed=None
SpatialDropout3D rate data_format=None seed=None
SpectralNormalization layer power_iterations=1
TimeDistributed layer
UnitNormalization axis=-1
UpSampling1D size=2
UpSampling2D size=2 data_format=None interpolation='nearest'
UpSampling3D size=2 data_format=None
ZeroPadding{{}}D padding=1 data_format=None
"""
"""One class per line; parameters after `*` are keyword-only."""
_BARE = (
    *("Add", "Average", "Identity", "Maximum", "Minimum", "Multiply", "Subtract", "AugMix", "AutoContrast", "CutMix"),
    *("Equalization", "MixUp", "RandAugment", "Solarization", "Discretization", "Hashing", "IntegerLookup"),
    *("StringLookup", "TextVectorization", "MelSpectrogram", "STFTSpectrogram", "ReversibleEmbedding"),
    *("RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform"),
    *("RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert"),
    *("RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness"),
    *("RandomShear", "RandomTranslation", "RandomZoom"),
)
"""Classes whose parameters affect no figure."""


class Taken(NamedTuple):
    """The values that a parameter accepts in any class."""

    text: str
    takes: Callable[[Any], bool]


def _words(*words: str | None) -> Taken:
    return Taken(f"one of {', '.join(map(str, words))}", lambda value: value in words)


_RATE = Taken("a number from 0 to 1", lambda value: isinstance(value, (int, float)) and 0 <= value <= 1)
_NOT_NEGATIVE = Taken("a number of at least 0", lambda value: isinstance(value, (int, float)) and value >= 0)
_COUNT = Taken("a whole number of at least 1", lambda value: isinstance(value, int) and value > 0)
_WHOLE = Taken("a whole number", lambda value: isinstance(value, int))
_NUMBERS = Taken("a whole number, or one per axis", lambda value: isinstance(value, (int, list, tuple)))
_NUMBER = Taken("a number", lambda value: isinstance(value, (int, float)))
TAKEN = {
    **dict.fromkeys(("rate", "stddev"), _RATE),
    **dict.fromkeys(("negative_slope", "threshold"), _NOT_NEGATIVE),
    **dict.fromkeys(("num_heads", "key_dim", "num_query_heads", "num_key_value_heads"), _COUNT),
    **dict.fromkeys(
        ("l1", "l2", "lora_rank"), Taken(_NOT_NEGATIVE.text, lambda n: n is None or _NOT_NEGATIVE.takes(n))
    ),
    **dict.fromkeys(("epsilon", "momentum"), _NUMBER),
    **dict.fromkeys(("kernel_size", "dilation_rate", "pool_size"), _NUMBERS),
    **dict.fromkeys(("groups", "depth_multiplier"), _WHOLE),
    "size": Taken(
        "a whole number, or one per axis",
        lambda value: all(isinstance(one, int) for one in (value if isinstance(value, (list, tuple)) else [value])),
    ),
    "value_dim": Taken("a whole number of at least 1", lambda value: value is None or _COUNT.takes(value)),
    "power_iterations": Taken("a number above 0", lambda value: isinstance(value, (int, float)) and value > 0),
    "target_shape": Taken("a tuple of sizes", lambda value: isinstance(value, (list, tuple))),
    "data_format": Taken(
        "channels_first or channels_last",
        lambda value: value is None or str(value).lower() in ("channels_first", "channels_last"),
    ),
    "merge_mode": _words("sum", "mul", "ave", "concat", None),
    "score_mode": _words("dot", "concat"),
}
"""Parameters whose values Keras 3.15 checks when a layer is made; our own layers check the others."""
_SLIDES = ("Conv", "DepthwiseConv", "SeparableConv")
_PADDING = Taken("a word such as valid or same", lambda value: isinstance(value, str))
_BY_KIND = {
    "strides": (_SLIDES, _NUMBERS),
    "padding": ((*_SLIDES, "AveragePooling", "MaxPooling"), _PADDING),
    "interpolation": (("UpSampling",), Taken("a word such as nearest", lambda value: isinstance(value, str))),
    "axis": (("BatchNormalization", "GroupNormalization", "Concatenate"), _WHOLE),
}
"""Parameters whose values Keras checks in some classes only, by how their names begin."""


def taken(kind: str, key: str) -> Taken | None:
    """Return the values that a parameter of a class accepts; None if our own layers check them."""
    begins, own = _BY_KIND.get(key, ((), None))
    return own if own is not None and kind.startswith(begins) else TAKEN.get(key)


class Signature(NamedTuple):
    """The parameters of a class."""

    names: tuple[str, ...]
    """The positional parameters, in order."""
    defaults: dict[str, Any]
    """The default of each optional parameter; required ones are not in it."""


@cache
def signatures() -> dict[str, Signature]:
    """Return the signature of each class; empty if its parameters affect no figure."""
    found: dict[str, Signature] = dict.fromkeys(_BARE, Signature((), {}))
    for line in _TABLE.strip().splitlines():
        word, *texts = line.split()
        ordered, _, _ = " ".join(texts).partition("*")
        given = [text.partition("=") for text in texts if text != "*"]
        names = tuple(text.partition("=")[0] for text in ordered.split())
        defaults = {name: ast.literal_eval(value) for name, equals, value in given if equals}
        for kind in [word.format(nd) for nd in (1, 2, 3)] if "{}" in word else [word]:
            found[kind] = Signature(names, defaults)
    return found
