"""Keras models as users write them, and the applications that ship with Keras, each in the forms Keras saves."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops as ko

import cnncalc

from . import keras_facts, measure
from .measure import Line

FORMS = ("json", "keras", "h5")
APPLICATIONS = """
Xception VGG16 ResNet50 ResNet50V2 InceptionV3 InceptionResNetV2 MobileNet MobileNetV2 MobileNetV3Small DenseNet121
NASNetMobile EfficientNetB0 EfficientNetV2B0 ConvNeXtTiny
""".split()


def models() -> dict[str, Callable[[], Line]]:
    """Return a function that measures each model in each form, by name."""
    builders: dict[str, Callable[[], Any]] = {
        name: partial(getattr(keras.applications, name), weights=None) for name in APPLICATIONS
    }
    builders |= {name.removeprefix("_"): build for name, build in globals().items() if name in BUILDERS}
    return {f"{name}@{form}": partial(measured, build, form) for name, build in builders.items() for form in FORMS}


def measured(build: Callable[[], Any], form: str) -> Line:
    """Return the differences between a model and the network read from its file in one form."""
    keras.utils.set_random_seed(0)
    keras.backend.clear_session()
    model = build()
    random = np.random.default_rng(0)
    feeds = []
    for one in model.inputs:
        shape = tuple(n or (2 if at == 0 else 64) for at, n in enumerate(one.shape))
        whole = "int" in one.dtype
        feeds.append(random.integers(0, 9, shape) if whole else random.random(shape).astype(np.float32))
    fact = keras_facts.fact(model, feeds if len(feeds) > 1 else feeds[0])
    inputs = dict(zip([one._keras_history.operation.name for one in model.inputs], feeds, strict=True))
    if form == "json":
        spec = json.loads(model.to_json())
        return measure.read(lambda: cnncalc.load(spec), fact._replace(values=None), inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{form}"
        model.save(path)
        return measure.read(lambda: cnncalc.load(path), fact, inputs)


def _model(shape: tuple[int | None, ...], body: Callable[[Any], Any], **input: Any) -> Any:
    x = keras.Input(shape, **input)
    return keras.Model(x, body(x))


def _conv(x: Any, n: int, k: int = 3, **given: Any) -> Any:
    x = kl.Conv2D(n, k, padding="same", use_bias=False, **given)(x)
    return kl.ReLU()(kl.BatchNormalization()(x))


def _head(x: Any, n: int = 10) -> Any:
    return kl.Dense(n, activation="softmax")(kl.GlobalAveragePooling2D()(x))


def _augmented() -> Any:
    return keras.Sequential([
        keras.Input((32, 40, 3)), kl.RandomFlip("horizontal"), kl.RandomRotation(0.1), kl.RandomZoom(0.1),
        kl.Rescaling(1 / 255), kl.Conv2D(8, 3, activation="relu"), kl.MaxPooling2D(), kl.Dropout(0.2), kl.Flatten(),
        kl.Dense(5),
    ])  # fmt: skip


def _nested() -> Any:
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 64, 3))
    base.trainable = False

    def body(x: Any) -> Any:
        x = keras.applications.mobilenet_v2.preprocess_input(x)
        return _head(base(x, training=False))

    return _model((64, 64, 3), body)


def _unet_of(shape: tuple[int | None, ...], up: Callable[[Any, int], Any], crop: bool = False) -> Any:
    def body(x: Any) -> Any:
        a = _conv(_conv(x, 8), 8)
        b = _conv(kl.MaxPooling2D()(a), 16)
        c = _conv(kl.MaxPooling2D()(b), 32)
        y = up(c, 16)
        if crop:
            b = kl.Cropping2D(((0, b.shape[1] - y.shape[1]), (0, b.shape[2] - y.shape[2])))(b)
        y = _conv(kl.Concatenate()([b, y]), 16)
        z = up(y, 8)
        if crop:
            a = kl.Cropping2D(((0, a.shape[1] - z.shape[1]), (0, a.shape[2] - z.shape[2])))(a)
        return kl.Conv2D(2, 1, activation="sigmoid")(kl.Concatenate()([a, z]))

    return _model(shape, body)


def _transposed(x: Any, n: int) -> Any:
    return kl.Conv2DTranspose(n, 2, strides=2, padding="same")(x)


def _unet() -> Any:
    return _unet_of((32, 48, 3), _transposed)


def _unet_odd() -> Any:
    return _unet_of((37, 45, 3), _transposed, crop=True)


def _unet_upsampled() -> Any:
    return _unet_of((None, None, 1), lambda x, n: _conv(kl.UpSampling2D(interpolation="bilinear")(x), n))


def _xception() -> Any:
    def body(x: Any) -> Any:
        x = _conv(kl.Rescaling(1 / 255)(x), 16, strides=2)
        for n in (24, 32):
            y = kl.Activation("relu")(x)
            y = kl.BatchNormalization()(kl.SeparableConv2D(n, 3, padding="same")(y))
            y = kl.MaxPooling2D(3, strides=2, padding="same")(y)
            x = kl.add([y, kl.Conv2D(n, 1, strides=2, padding="same")(x)])
        return kl.Dense(1, activation="sigmoid")(kl.Dropout(0.5)(kl.GlobalAveragePooling2D()(x)))

    return _model((41, 57, 3), body)


def _attention_gate() -> Any:
    def body(x: Any) -> Any:
        a = _conv(x, 8)
        g = _conv(kl.MaxPooling2D()(a), 16)
        s = kl.Conv2D(8, 1)(kl.UpSampling2D()(g)) + kl.Conv2D(8, 1)(a)
        return _conv(a * kl.Conv2D(1, 1, activation="sigmoid")(kl.ReLU()(s)), 4)

    return _model((24, 32, 3), body)


def _squeeze_excite() -> Any:
    def body(x: Any) -> Any:
        x = _conv(x, 16)
        s = kl.Reshape((1, 1, 16))(kl.GlobalAveragePooling2D()(x))
        s = kl.Dense(16, activation="sigmoid")(kl.Dense(4, activation="relu")(s))
        return _head(kl.Multiply()([x, s]))

    return _model((20, 28, 3), body)


def _cbam() -> Any:
    def body(x: Any) -> Any:
        x = _conv(x, 16)
        d1, d2 = kl.Dense(4, activation="relu"), kl.Dense(16)
        c = kl.Activation("sigmoid")(
            d2(d1(kl.GlobalAveragePooling2D(keepdims=True)(x))) + d2(d1(kl.GlobalMaxPooling2D(keepdims=True)(x)))
        )
        x = kl.Multiply()([x, c])
        s = kl.Concatenate()([ko.mean(x, axis=-1, keepdims=True), ko.max(x, axis=-1, keepdims=True)])
        return x * kl.Conv2D(1, 7, padding="same", activation="sigmoid")(s)

    return _model((18, 26, 3), body)


def _two_inputs() -> Any:
    image, meta = keras.Input((24, 20, 3)), keras.Input((7,))
    x = kl.Concatenate()([kl.Flatten()(_conv(image, 4)), kl.Dense(6, activation="relu")(meta)])
    return keras.Model([image, meta], kl.Dense(3)(x))


def _two_outputs() -> Any:
    x = keras.Input((24, 20, 3))
    y = _conv(x, 8)
    return keras.Model(x, [_head(y, 4), kl.Conv2D(1, 1, name="mask")(y)])


def _cnn_lstm() -> Any:
    def body(x: Any) -> Any:
        x = kl.MaxPooling1D(2)(kl.Conv1D(8, 3, activation="relu")(x))
        return kl.Dense(3)(kl.LSTM(6)(kl.LSTM(5, return_sequences=True)(x)))

    return _model((30, 4), body)


def _crnn() -> Any:
    def body(x: Any) -> Any:
        x = kl.MaxPooling2D((2, 2))(_conv(x, 6))
        x = kl.Reshape((8, 20 * 6))(x)
        return kl.Dense(11, activation="softmax")(kl.Bidirectional(kl.LSTM(7, return_sequences=True))(x))

    return _model((16, 40, 1), body)


def _gru() -> Any:
    def body(x: Any) -> Any:
        x = kl.SimpleRNN(3, return_sequences=True)(x)
        return kl.Dense(2)(kl.Bidirectional(kl.GRU(4), merge_mode="sum")(x))

    return _model((12, 5), body)


def _time_distributed() -> Any:
    def body(x: Any) -> Any:
        x = kl.TimeDistributed(kl.Conv2D(4, 3, activation="relu"))(x)
        x = kl.TimeDistributed(kl.MaxPooling2D(2))(x)
        return kl.Dense(2)(kl.LSTM(5)(kl.TimeDistributed(kl.Flatten())(x)))

    return _model((4, 12, 14, 3), body)


def _time_distributed_model() -> Any:
    inner = keras.Sequential([keras.Input((12, 14, 3)), kl.Conv2D(4, 3), kl.BatchNormalization(), kl.Flatten()])
    return _model((4, 12, 14, 3), lambda x: kl.GRU(3)(kl.TimeDistributed(inner)(x)))


def _text() -> Any:
    def body(x: Any) -> Any:
        x = kl.Embedding(50, 8)(x)
        return kl.Dense(1, activation="sigmoid")(kl.GlobalMaxPooling1D()(kl.Conv1D(6, 5, activation="relu")(x)))

    return _model((40,), body, dtype="int32")


def _waveform() -> Any:
    def body(x: Any) -> Any:
        for n in (4, 8):
            x = kl.Conv1D(n, 5, padding="causal", dilation_rate=2, activation="elu")(x)
            x = kl.AveragePooling1D(3)(x)
        return kl.Dense(3)(kl.GlobalAveragePooling1D()(x))

    return _model((256, 1), body)


def _volume() -> Any:
    def body(x: Any) -> Any:
        x = kl.MaxPooling3D(2)(kl.Conv3D(4, 3, activation="relu")(x))
        return kl.Conv3DTranspose(2, 2, strides=2)(kl.BatchNormalization()(x))

    return _model((12, 14, 16, 1), body)


def _dilated_depthwise() -> Any:
    def body(x: Any) -> Any:
        x = kl.DepthwiseConv2D(3, dilation_rate=2, padding="same", depth_multiplier=2)(x)
        return kl.Conv2D(3, 1)(x)

    return _model((20, 24, 6), body)


def _arithmetic() -> Any:
    def body(x: Any) -> Any:
        x = kl.Conv2D(4, 3)(x / 127.5 - 1.0)
        x = ko.sqrt(ko.abs(x) + 1e-3) * ko.tanh(x) - ko.square(x)
        return ko.maximum(x, 0.1 * x) ** 2.0

    return _model((14, 18, 3), body)


def _siamese() -> Any:
    tower = keras.Sequential([keras.Input((16, 18, 1)), kl.Conv2D(4, 3), kl.Flatten(), kl.Dense(5)])
    a, b = keras.Input((16, 18, 1)), keras.Input((16, 18, 1))
    return keras.Model([a, b], kl.Dense(1)(ko.abs(kl.Subtract()([tower(a), tower(b)]))))


def _subpixel() -> Any:
    def body(x: Any) -> Any:
        x = kl.Conv2D(12, 3, padding="same")(x)
        x = kl.Reshape((10, 14, 2, 2, 3))(x)
        x = kl.Permute((1, 3, 2, 4, 5))(x)
        return kl.Reshape((20, 28, 3))(x)

    return _model((10, 14, 3), body)


def _channels_first() -> Any:
    def body(x: Any) -> Any:
        x = kl.ZeroPadding2D(1, data_format="channels_first")(x)
        x = kl.SeparableConv2D(4, 3, data_format="channels_first")(x)
        return kl.GlobalAveragePooling2D(data_format="channels_first")(kl.BatchNormalization(axis=1)(x))

    return _model((3, 14, 18), body)


def _adapted() -> Any:
    norm = kl.Normalization()
    norm.adapt(np.random.default_rng(1).random((20, 8, 9, 3)))
    return _model((8, 9, 3), lambda x: kl.Conv2D(2, 3)(norm(x)))


def _spectral() -> Any:
    return _model((8, 9, 3), lambda x: kl.Flatten()(kl.SpectralNormalization(kl.Conv2D(2, 3))(x)))


def _unit_norm() -> Any:
    return _model((24,), lambda x: kl.UnitNormalization()(kl.Dense(5)(kl.LayerNormalization()(x))))


def _mlp() -> Any:
    return _model((24,), lambda x: kl.Dense(4)(kl.Dropout(0.3)(kl.BatchNormalization()(kl.Dense(16, "relu")(x)))))


def _resizing() -> Any:
    return _model((30, 40, 3), lambda x: kl.Conv2D(2, 3)(kl.CenterCrop(16, 20)(kl.Resizing(24, 32)(x))))


def _vit() -> Any:
    def body(x: Any) -> Any:
        x = kl.Reshape((12, 16))(kl.Conv2D(16, 8, strides=8)(x))
        y = kl.LayerNormalization(epsilon=1e-6)(x)
        x = kl.Add()([x, kl.MultiHeadAttention(2, 8)(y, y)])
        y = kl.Dense(16)(kl.Dense(32, "gelu")(kl.LayerNormalization(epsilon=1e-6)(x)))
        return kl.Dense(5)(kl.GlobalAveragePooling1D()(kl.Add()([x, y])))

    return _model((24, 32, 3), body)


def _attention() -> Any:
    def body(x: Any) -> Any:
        q, k = kl.Conv1D(6, 3, padding="same")(x), kl.Conv1D(6, 3, padding="same")(x)
        return kl.Dense(2)(kl.GlobalAveragePooling1D()(kl.Attention()([q, k])))

    return _model((20, 4), body)


def _activations() -> Any:
    def body(x: Any) -> Any:
        for name in ("mish", "gelu", "hard_sigmoid", "softsign", "selu", "leaky_relu", "log_softmax", "celu"):
            x = kl.Conv2D(6, 1, activation=name)(x)
        return ko.glu(kl.PReLU(shared_axes=[1, 2])(x))

    return _model((8, 9, 3), body)


BUILDERS = {name for name in globals() if name.startswith("_") and not name.startswith("__")} - {
    "_model", "_conv", "_head", "_unet_of", "_transposed",
}  # fmt: skip
