"""Keras models in source: every figure, shape and name is Keras's own."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.errors import SpecError
from cnncalc.frameworks.code import read
from cnncalc.frameworks.code.keras.signatures import signatures
from cnncalc.layers.names import KERAS_ALIASES
from cnncalc.network import Network
from cnncalc.report import Report
from cnncalc.sizes import Shape
from cnncalc.sources import imported
from tests import DATA

FOLDER = DATA / "code" / "keras"
RECORDED: dict[str, dict[str, Any]] = json.loads((DATA / "code" / "keras.json").read_text())
BEHIND_OTHERS = {"dcgan_generator:discriminator", "gan_conditional:generator", "vae_encoder:decoder"}
"""Models that come after others, on whose layers they do not depend: Keras counts those layers, too."""


def network(text: str, wanted: str | None = None) -> Network:
    return imported(read(text, "net.py", wanted), "net.py")


def report_of(text: str, wanted: str | None = None, input: Shape | None = None) -> Report:
    return cnncalc.shape(network(text, wanted), input)


def sizes(shape: Any) -> list[int | None]:
    """Return a shape as Keras shows it: None for an open size."""
    return [n if isinstance(n, int) else None for n in shape]


@pytest.mark.parametrize("case", RECORDED)
def test_a_script(case: str) -> None:
    stem, _, wanted = case.partition(":")
    expected = RECORDED[case]
    report = report_of((FOLDER / f"{stem}.py").read_text(), wanted, expected.get("input"))
    out = expected["out"][0] if isinstance(expected["out"][0], list) else expected["out"]
    assert report.params is not None
    assert report.buffers is not None
    assert report.params + report.buffers == expected["total"]
    assert report.trainable == expected["trainable"]
    assert sizes(report.to_dict()["report"]["out"])[-len(out[1:]) :] == out[1:]
    if case not in BEHIND_OTHERS:
        names = [layer.name for layer in report.layers]
        idle = {name for name in expected["names"] if name.startswith("stochastic_depth")}  # its call returns its input
        assert {*expected["names"]} - idle <= {*names, *[name.partition(".")[0] for name in names]}


def test_every_script_is_recorded() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {case.partition(":")[0] for case in RECORDED}


@pytest.mark.parametrize("name", ["keras_sequential.py", "keras_functional.py"])
def test_the_cases(name: str) -> None:
    case = json.loads((DATA / "code" / "cases.json").read_text())[name]
    report = report_of((DATA / "code" / name).read_text())
    assert (list(report.out), report.params, report.buffers) == (case["out"], case["params"], case["buffers"])


HEAD = "import keras\nfrom keras import layers, ops\n"
BODY = "inputs = keras.Input((8, 6, 3))\nx = inputs\n{}\nmodel = keras.Model(inputs, x)\n"


@pytest.mark.parametrize(
    ("line", "op", "out"),
    [
        ("x = layers.MaxPooling2D()(x)", "maxpool", [4, 3, 3]),
        ("x = layers.MaxPool2D(3, 1, 'SAME')(x)", "maxpool", [8, 6, 3]),
        ("x = layers.Convolution2D(5, (3, 1), activation=keras.activations.relu)(x)", "relu", [6, 6, 5]),
        ("x = layers.LeakyReLU(alpha=0.1)(x)", "leakyrelu", [8, 6, 3]),
        ("x = layers.ZeroPadding2D(((0, 1), (2, 0)))(x)", "pad", [9, 8, 3]),
        ("x = layers.Cropping2D(1)(x)", "crop", [6, 4, 3]),
        ("x = layers.UpSampling2D(interpolation='bilinear')(x)", "upsample", [16, 12, 3]),
        ("x = layers.Flatten()(x)", "flatten", [144]),
        ("x = layers.Permute((3, 1, 2))(x)", "permute", [3, 8, 6]),
        ("x = ops.reshape(x, (-1, 48, 3))", "reshape", [48, 3]),
        ("b, h, w, c = ops.shape(x)\nx = ops.reshape(x, (b, h * w, c))", "reshape", [48, 3]),
        ("x = ops.expand_dims(x, 1)", "reshape", [1, 8, 6, 3]),
        ("x = ops.squeeze(x[:, :1], axis=1)", "reshape", [6, 3]),
        ("x = x[:, 2:5, ..., 0]", "gather", [3, 6]),
        ("x = ops.mean(x, axis=[1, 2])", "mean", [3]),
        ("x = ops.concatenate([x, x * 2], axis=-1)", "concat", [8, 6, 6]),
        ("x = layers.Average()([x, x])", "rescale", [8, 6, 3]),
        ("a, b, c = ops.split(x, 3, axis=-1)\nx = a * c", "mul", [8, 6, 1]),
        ("x = ops.transpose(x, (0, 3, 1, 2))", "permute", [3, 8, 6]),
        ("x = layers.Lambda(lambda t: t ** 2 / 255.0)(x)", "rescale", [8, 6, 3]),
        ("x = layers.RandomFlip()(layers.Rescaling(1 / 255)(x))", "identity", [8, 6, 3]),
        ("x = layers.TimeDistributed(layers.Dense(4))(x)", "linear", [8, 6, 4]),
        ("x = ops.nn.average_pool(x, 2, 2)", "avgpool", [4, 3, 3]),
        ("x = ops.image.resize(x, (4, 5))", "upsample", [4, 5, 3]),
        ("x = layers.PReLU(shared_axes=[1, 2])(x)", "prelu", [8, 6, 3]),
        ("x = 1 - x", "rescale", [8, 6, 3]),
        ("x = ops.clip(x, -3.4e38, None)", "clip", [8, 6, 3]),
        ("x = ops.clip(x, 0.5 * x, 1)", "opaque", [8, 6, 3]),
        ("x = ops.clip(x, float('inf'), 1)", "opaque", [8, 6, 3]),
        ("keras.utils.get_custom_objects()['own'] = lambda t: t\nx = layers.Dense(4, 'own')(x)", "opaque", [8, 6, 4]),
        ("x = layers.Dense(keras.backend.ndim(x))(x)", "linear", [8, 6, 4]),  # these two only in Keras 2
        ("z = layers.Dense(5)\ny = z(x)\nx = y * z.output_shape[-1]", "rescale", [8, 6, 5]),
    ],
)
def test_one_line(line: str, op: str, out: list[int]) -> None:
    report = report_of(HEAD + BODY.format(line))
    assert (report.layers[-1].node.layer.WORD, list(report.out)) == (op, out)


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("import keras", "keras.layers.Dense"),
        ("import tensorflow as tf", "tf.keras.layers.Dense"),
        ("from tensorflow import keras", "keras.layers.Dense"),
        ("from tensorflow.keras import layers as L", "L.Dense"),
        ("from tensorflow.keras.layers import Dense as D", "D"),
        ("from keras.layers import *", "Dense"),
        ("import tensorflow.keras.layers as layers", "layers.Dense"),
        ("from tensorflow.python.keras.layers import Dense", "Dense"),
        ("from keras.layers.core import Dense", "Dense"),
        ("import tf_keras", "tf_keras.layers.Dense"),
        ("from tensorflow import keras as K; layers = K.layers", "layers.Dense"),
    ],
)
def test_ways_to_import(head: str, call: str) -> None:
    text = f"{head}\nfrom keras import Sequential\nmodel = Sequential([{call}(3, input_shape=(5,))])\n"
    assert report_of(text).params == 18


def test_a_variable_of_a_layer_counts() -> None:
    text = HEAD + (
        "class Linear(layers.Layer):\n"
        "    def __init__(self, units=32):\n        super().__init__()\n        self.units = units\n"
        "    def build(self, input_shape):\n"
        "        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer='random_normal')\n"
        "        self.b = self.add_weight(shape=(self.units,), initializer='zeros', trainable=True)\n"
        "        self.steps = self.add_weight(shape=(), trainable=False)\n"
        "    def call(self, inputs):\n        return ops.matmul(inputs, self.w) + self.b\n"
        "inputs = keras.Input((7, 5))\nmodel = keras.Model(inputs, Linear(4)(inputs))\n"
    )
    report = report_of(text)
    assert (list(report.out), report.params, report.macs) == ([7, 4], 24, 140)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = layers.Conv2D(8, 9)(x)",
         "net.py:5:5: conv2d: does not fit: floor((8 + 0 - 9)/1) + 1 < 1 on the height axis"),
        ("x = layers.MaxPooling2D()(x)\nx = layers.add([x, inputs])",
         "net.py:6:5: add: add of 4x3x3 and 8x6x3: 4 and 8 differ, and neither is 1\n"
         "  x = layers.add([x, inputs])\n      ^~~~~~~~~~~~~~~~~~~~~~~\n"
         "  max_pooling2d gives 4x3x3, input_layer gives 8x6x3"),
        ("x = layers.Conv2D(filtres=8, kernel_size=3)(x)",
         "net.py:5:5: Conv2D has no argument 'filtres'"),
        ("x = layers.Dense(units)(x)", "net.py:5:18: the code raises NameError: the name 'units' has no value here"),
        ("import os\nx = layers.Dense(int(os.environ['N']))(x)", None),
        ("x = layers.Dense(4, 'relu', True, 0, 0)(x)", "net.py:5:5: Dense is given 5 arguments"),
        ("x = layers.GaussianNoise(2)(x)", "net.py:5:5: stddev of GaussianNoise is 2, not a number from 0 to 1"),
        ("x = layers.Conv2D(4, 3, strides=None)(x)", "net.py:5:5: strides of Conv2D is None, not a whole"),
        ("x = layers.Conv2D(4, 3, padding=1)(x)", "net.py:5:5: padding of Conv2D is 1, not a word such as valid"),
        ("x = layers.MaxPool2D(padding=None)(x)", "net.py:5:5: padding of MaxPooling2D is None, not a word"),
        ("x = layers.UpSampling2D(1.5)(x)", "net.py:5:5: size of UpSampling2D is 1.5, not a whole number, or one"),
        ("x = layers.BatchNormalization(axis=[3])(x)", "net.py:5:5: axis of BatchNormalization is [3], not a whole"),
        ("x = layers.Reshape(144)(x)", "net.py:5:5: target_shape of Reshape is 144, not a tuple of sizes"),
        ("x = layers.Dense(4, True)(x)", "net.py:5:5: activation of Dense is True, not a name or a function"),
        ("x = layers.Bidirectional(layers.LSTM)(x[:, 0])", "net.py:5:5: layer of Bidirectional is the class LSTM, not"),
        ("x = layers.TimeDistributed(3)(x)", "net.py:5:5: layer of TimeDistributed is 3, not a layer"),
        ("x = layers.LeakyReLU(None)(x)", "net.py:5:5: negative_slope of LeakyReLU is None, not a number of at"),
        ("x = layers.Conv2D(4, 3, data_format='x')(x)", "net.py:5:5: data_format of Conv2D is 'x', not channels_first"),
        ("x = layers.Bidirectional(layers.LSTM(3), merge_mode='x')(x[:, 0])",
         "net.py:5:5: merge_mode of Bidirectional is 'x', not one of sum, mul, ave, concat, None"),
        ("x = keras.activations.get('rellu')(x)", "net.py:5:5: 'rellu' is not an activation of Keras"),
        ("import foo\nclass C(layers.Layer):\n    def call(self, x): return foo.f(x)\nx = keras.Sequential([x, C()])",
         "net.py:8:5: the output of an object of C is not known: foo.f(…) is not known here"),
        ("x = layers.Dense()(x)", "net.py:5:5: the code raises TypeError: Dense is not given units"),
        ("x = layers.Dense(4, 'rellu')(x)",
         "net.py:5:5: activation of Dense is 'rellu', which Keras does not have\n"
         "  x = layers.Dense(4, 'rellu')(x)\n      ^~~~~~~~~~~~~~~~~~~~~~~~\n"
         "  did you mean 'relu' or 'relu6' or 'elu'?"),
        ("x = keras.applications.VGG16()(x)",
         "net.py:5:5: VGG16 is a network that Keras ships: this source does not show its layers"),
        ("x = ops.expand_dims(x, 7)", "net.py:5:5: ops.expand_dims(x, 7) is not supported"),
        ("x = ops.expand_dims(x, 0)", "net.py:5:5: an axis before the batch is not supported"),
        ("x = ops.squeeze(x, 0)", "net.py:5:5: a squeeze of the batch is not supported"),
        ("x = ops.reshape(x, (-1, 'a'))", "net.py:5:5: ops.reshape(x, (-1, 'a')) is not supported"),
        ("x = ops.reshape(x, (2, 144))", "net.py:5:5: a reshape that changes the batch is not supported"),
        ("x = ops.expand_dims(keras.Input((None, None)), -1)",
         "net.py:5:5: expand_dims to a shape with several open sizes is not supported"),
        ("x = ops.repeat(x, 2, axis=0)", "net.py:5:5: a repeat of samples is not supported"),
        ("x = ops.image.resize(x, 4)", "net.py:5:5: ops.image.resize(x, 4) is not supported"),
        ("import tensorflow as tf\nx = tf.nn.depth_to_space(x, 2)",
         "net.py:6:5: 3 channels cannot be split into blocks of 2x2 places"),
        ("import tensorflow as tf\nx = tf.nn.depth_to_space(x, 0)", "net.py:6:5: tf.nn.depth_to_space(x, 0) is not"),
        ("import tensorflow as tf\nx = tf.split(x, [4, -1], 1)[0]", "net.py:6:5: tf.split(x, [4, -1], 1) is not"),
        ("x = ops.image.extract_patches(x, (2, 3, 4))", "net.py:5:5: ops.image.extract_patches(x, (2, 3, 4)) is not"),
        ("x = ops.image.extract_patches(x[0], 2)", "net.py:5:5: ops.image.extract_patches(x[0], 2) is not supported"),
        ("x = ops.max_pool(x)", "net.py:5:5: ops.max_pool(x) is not supported"),
        ("x = ops.max(x, axis=1, initial=0.0)", "net.py:5:5: ops.max(x, axis=1, initial=0.0) is not supported"),
        ("x = x * ops.zeros((0, 3))",
         "net.py:5:9: constant has the shape [0, 3]: each size must be a number of at least 1"),
        ("x = x + ops.arange(8, 0, 0)", "net.py:5:9: ops.arange(8, 0, 0) is not supported"),
        ("x = +x", "net.py:5:5: +x is not supported: it has a Keras tensor of 8x6x3"),
        ("x = x << 2", "net.py:5:5: x << 2 has a Keras tensor of 8x6x3 and 2, which is not supported"),
        ("x = layers.Dense(x.size)(x)",
         "net.py:5:18: the code raises AttributeError: a Keras tensor of 8x6x3 has no 'size'"),
        ("x = layers.Dense(x)(x)", "net.py:5:5: units of Dense is a Keras tensor of 8x6x3, but must be a number"),
        ("import foo\nx = x + ops.relu(foo.y)", "net.py:7:9: outputs of a model is unknown: foo.y is unknown here"),
        ("import foo\nx = keras.Input(foo.y)", "net.py:6:5: the shape of an input is unknown: foo.y is unknown"),
        ("x = keras.Input(5)", "net.py:5:5: the shape of an input is 5"),
        ("x = keras.Input((-1, 4))", "net.py:5:5: [None, -1, 4] is not the shape of an input"),
        ("import foo\nx = x + keras.applications.resnet50.preprocess_input(foo.y)",
         "net.py:7:9: outputs of a model is unknown: foo.y is unknown here"),
        ("import foo\nx = x * keras.Variable(foo.y)",
         "net.py:7:9: outputs of a model is unknown: foo.y is unknown here"),
        ("x = x * ops.rsqrt(4.0)", "net.py:6:9: outputs of a model is unknown: the result of rsqrt is unknown"),
        ("x = ops.image.extract_patches(x, 2, data_format='channels_first')", "net.py:5:5: ops.image.extract_patches("),
        ("x = keras.Model(x, layers.ReLU()(x))([x, x])", "net.py:5:5: functional: the model has 1 inputs, but gets 2"),
        ("x = layers.Dense(x[0].shape[-1])(x)",
         "net.py:5:5: units of Dense is unknown: the shape of get_item is unknown here"),
        ("import foo\nx = keras.Sequential([foo.Layer()])(x)", "net.py:6:23: foo.Layer(…) is unknown here"),
        ("x = keras.Sequential([layers.ReLU()])",
         "net.py:6:9: outputs of a model is the model sequential, not a tensor"),
        ("class C(layers.Layer):\n    pass\nx = C()(x)", "net.py:7:5: C has no call method"),
        ("class C(layers.Layer):\n    def call(self, x):\n        return x\nx = layers.TimeDistributed(C())(x)",
         "net.py:8:5: TimeDistributed of an object of C is not supported"),
        ("x = keras.Sequential([layers.ReLU(), 3])(x)", "net.py:5:5: 3 is not a layer"),
        ("x = keras.Sequential()(x)", "net.py:5:5: sequential has no layers"),
        ("x = keras.Sequential([layers.ReLU(name='a')]).get_layer('b')(x)", "net.py:5:5: sequential has no layer 'b'"),
        ("x = keras.Model(x, layers.ReLU(name='a')(x)).get_layer('b')(x)", "net.py:5:5: functional has no layer 'b'"),
        ("x = layers.Dense(2)", "net.py:6:9: outputs of a model is the layer dense, not a tensor"),
        ("m = keras.Model(x, layers.Dense(3)(x))\nx = m", "net.py:7:9: outputs of a model is the model functional"),
        ("class M(keras.Model):\n    def call(self, x):\n        pass\nx = M()(x)",
         "net.py:9:9: outputs of a model is None, not a tensor"),
        ("x = keras.Model(keras.Input((3,)), x)(x)",
         "net.py:5:5: the outputs of functional depend on the input input_layer, which is not among its inputs"),
    ],
)  # fmt: skip
def test_an_error_has_its_line(text: str, error: str | None) -> None:
    with pytest.raises(cnncalc.CnncalcError) as caught:
        report_of(HEAD + BODY.format(text))
    assert str(caught.value).startswith(error or "net.py")


def test_the_shapes_stand_after_the_lines_up_to_the_one_that_fails() -> None:
    lines = ["x = layers.Conv2D(4, 3)(x)", "x = layers.MaxPooling2D(5)(x)", "x = layers.Flatten()(x)"]
    source = read(HEAD + BODY.format("\n".join(lines)), "net.py")
    assert source.annotate is not None
    made = source.annotate({})
    assert made.text.splitlines()[2:] == [
        "inputs = keras.Input((8, 6, 3))  # 8x6x3",
        "x = inputs  # 8x6x3",
        "x = layers.Conv2D(4, 3)(x)  # 6x4x4",
        "x = layers.MaxPooling2D(5)(x)",
    ]
    assert made.error is not None
    assert made.error.what.startswith("max_pooling2d: does not fit")


def test_a_model_of_a_class_needs_its_input() -> None:
    with pytest.raises(SpecError, match="MyModel needs the shape of its input") as caught:
        report_of((FOLDER / "subclass_simple.py").read_text())
    assert caught.value.help == "give it: -i 28x28x1"
    built = (FOLDER / "subclass_simple.py").read_text() + "model.build((None, 28, 28, 1))\n"
    assert report_of(built).params == RECORDED["subclass_simple:model"]["total"]


def test_the_signatures_are_those_of_keras() -> None:
    """The order of parameters is that of the recorded signatures."""
    recorded = json.loads((DATA / "positions.json").read_text())["keras"]
    for kind, signature in signatures().items():
        if kind in recorded and signature.names:
            assert recorded[kind][: len(signature.names)] == [*signature.names], kind
    assert {*KERAS_ALIASES.values()} <= signatures().keys()


TOKENS = re.compile(r"\w+|\s+|.", re.DOTALL)
OTHERS = ("None", "0", "-3", "2.5", "'same'", "()", "[None]", "x", "layers", "{}", "lambda: 0", "10**9", "...")
SCRIPTS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("seed", range(200))
def test_a_mutated_script_is_answered_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    tokens = TOKENS.findall(rng.choice(SCRIPTS).read_text())
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        kind = rng.randrange(5)
        if kind == 0:
            tokens[at] = ""
        elif kind == 1:
            tokens[at] *= 2
        elif kind == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens[at] = tokens[other] if kind == 3 else rng.choice(OTHERS)
    begin = time.monotonic()
    try:
        report_of("".join(tokens))
    except cnncalc.CnncalcError as error:
        assert str(error)  # noqa: PT017 - any text will do
    assert time.monotonic() - begin < 2


def test_a_class_that_derives_from_a_layer_has_its_name() -> None:
    text = HEAD + (
        "class Half(layers.Dense):\n    def call(self, x):\n        return super().call(x) / 2\n"
        "inputs = keras.Input((5,))\nmodel = keras.Model(inputs, Half(3, activation='relu')(inputs))\n"
    )
    report = report_of(text)
    assert report.params == 18
    assert [layer.name for layer in report.layers] == ["input_layer", "half", "half_activation", "half.true_divide"]


def test_what_a_sequential_is_built_for_is_its_input() -> None:
    text = HEAD + "model = keras.Sequential([layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10)])\n"
    report = report_of(text + "model.build((None, 28, 28, 1))\n")
    assert (report.to_dict()["input"], report.params) == ([28, 28, 1], 54170)


@pytest.mark.parametrize(
    ("layer", "total"),
    [
        ("MultiHeadAttention(2, 3, use_gate=True)", 148),
        ("MultiHeadAttention(2, 3, use_bias=())", 96),
        ("GroupQueryAttention(4, 6, 3, use_gate=True)", 460),
        ("BatchNormalization(renorm=True)", 28),
        ("Dense(True, use_bias='no')", 5),
        ("Normalization(axis=None)", 3),
    ],
)
def test_what_few_arguments_change_is_counted(layer: str, total: int) -> None:
    """The numbers are Keras's `model.count_params()`."""
    inputs = "a, a" if "Attention" in layer else "a"
    text = f"{HEAD}a = keras.Input((5, 4))\nmodel = keras.Model(a, layers.{layer}({inputs}))\n"
    report = report_of(text)
    unused = report.network.unused or {}
    assert report.params is not None
    assert report.buffers is not None
    assert report.params + report.buffers + unused.get("buffers", 0) == total


OWN = HEAD + "import foo\nclass C(layers.Layer):\n    def call(self, x):\n        return x * 2\n"
MODEL = HEAD + "import foo\nclass M(keras.Model):\n    def call(self, x):\n        {}\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (OWN + "model = keras.Sequential([C()])\n", "net.py:7:9: sequential needs the shape of its input"),
        (
            OWN + "model = keras.Sequential([C()])\nmodel.build(foo.y)\n",
            "net.py:7:9: sequential needs the shape of its",
        ),
        (MODEL.format("return x") + "model = M()\nmodel.build(foo.y)\n", "net.py:7:9: M needs the shape of its input"),
        (HEAD + "model = keras.Sequential()\n", "net.py:3:9: sequential has no layers"),
    ],
)
def test_a_model_that_is_not_built_needs_its_input(text: str, error: str) -> None:
    with pytest.raises(cnncalc.CnncalcError) as caught:
        report_of(text)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("pass", "net.py:7:9: the call of M gives None, not a tensor"),
        ("return foo.f(x)", "net.py:6:16: foo.f(…) is unknown here"),
    ],
)
def test_the_call_of_a_model_gives_a_tensor(body: str, error: str) -> None:
    with pytest.raises(cnncalc.CnncalcError) as caught:
        report_of(MODEL.format(body) + "model = M()\n", input=(5,))
    assert str(caught.value).startswith(error)


def test_models_are_called_on_the_input_that_is_given() -> None:
    report = report_of(OWN + "model = keras.Sequential([C(), layers.Dense(2)])\n", input=(5,))
    assert ([layer.name for layer in report.layers], report.params) == (["input_layer", "c.multiply", "dense"], 12)
    assert report_of(MODEL.format("return layers.Dense(3)(x)"), input=(5,)).params == 18  # no instance of it is made


def test_a_layer_in_front_says_its_input_as_keras_2_has_it() -> None:
    last = "layers.Flatten(), layers.Dense(2)])\n"
    old = HEAD + f"model = keras.Sequential([layers.Embedding(10, 3, input_length=7), {last}"
    new = HEAD + f"model = keras.Sequential([keras.Input((7,)), layers.Embedding(10, 3), {last}"
    assert [(one.name, one.out, one.params) for one in report_of(old).layers[-3:]] == [
        (one.name, one.out, one.params) for one in report_of(new).layers[-3:]
    ]


def test_images_that_are_preprocessed_keep_their_shape() -> None:
    line = "x = layers.Conv2D(4, 3)(keras.applications.resnet50.preprocess_input(x))"
    report = report_of(HEAD + BODY.format(line))
    assert (list(report.out), report.params) == ([6, 4, 4], 112)


def test_a_list_that_grows_after_a_call_leaves_the_call_as_it_was() -> None:
    text = (
        "import keras\nx = keras.Input((8, 8, 3))\nfeatures = [x]\n"
        "for i in range(3): features.append(keras.layers.Concatenate()(features))\n"
        "net = keras.Model(x, features[-1])\n"
    )
    assert sizes(report_of(text).out) == [8, 8, 12]


OPERATIONS = json.loads((DATA / "code" / "keras-operations.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", OPERATIONS["rows"])
def test_an_operation_has_the_shape_and_the_weights_of_keras(name: str) -> None:
    """Expected are Keras's `model.output_shape`, `model.count_params()` and values, from the version in the file."""
    case = OPERATIONS["rows"][name]
    end = "" if "model = " in case["source"] else "\nmodel = keras.Model(x, y)\n"
    made = network(f"{OPERATIONS['head']}{case['source']}{end}")
    report = cnncalc.shape(made)
    assert sizes(report.to_dict()["report"]["out"]) == case["out"]
    assert (report.params or 0) + (report.buffers or 0) == case["total"]
    if "values" in case:
        x = 2 * np.sin(np.arange(192)).reshape(1, 6, 8, 4).astype(np.float32)
        y = np.asarray(cnncalc.run(made, x)).reshape(-1)
        assert y[:: max(1, len(y) // 5)][:5] == pytest.approx(case["values"], abs=1e-4)
