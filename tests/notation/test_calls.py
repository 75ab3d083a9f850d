"""Calls of frameworks' layers, and lines of print-outs, as layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.errors import SpecError
from cnncalc.notation.calls import arguments_of, kinds, looks_like_call, read_call
from cnncalc.notation.spec import read

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "positions.json").read_text())


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_arguments_stand_in_the_order_of_the_framework(framework: str) -> None:
    checked = 0
    for kind, positions in RECORDED[framework].items():
        found = dict(arguments_of(kind)).get(framework)
        if found:
            most = min(len(found), len(positions))  # later versions and other numbers of axes have more
            assert list(found[:most]) == positions[:most], kind
            checked += 1
    assert checked > 40


CALLS: list[tuple[str, list[dict[str, Any]]]] = [
    ("Conv2d(3, 64, 3, padding=1)", [{"op": "conv", "c_i": 3, "c_o": 64, "k": 3, "p": 1}]),
    ("LPPool2d(norm_type=3, kernel_size=2)", [{"op": "lppool", "k": 2, "s": 2, "norm": 3, "ceil": False}]),
    ("nn.Conv2d(3, 64, kernel_size=(3, 5), stride=2)", [{"op": "conv", "c_i": 3, "c_o": 64, "k": [3, 5], "s": 2}]),
    ("torch.nn.Conv1d(3, 64, 3, 2, 1, 2, 1, False)",
     [{"op": "conv1d", "c_i": 3, "c_o": 64, "k": 3, "s": 2, "p": 1, "d": 2, "g": 1, "bias": False}]),
    ('Conv2D(32, (3, 3), activation="relu", padding="same")',
     [{"op": "conv", "c_o": 32, "k": [3, 3], "p": "same"}, {"op": "relu"}]),
    ("tf.keras.layers.Conv2D(32, 3, activation=tf.nn.relu6)", [{"op": "conv", "c_o": 32, "k": 3}, {"op": "relu6"}]),
    ("layers.Dense(16 * 5 * 5, layers.LeakyReLU(0.2))",
     [{"op": "linear", "out": 400}, {"op": "leakyrelu", "alpha": 0.2}]),
    ("layers.Conv2D(8, 3, input_shape=(28, 27, 1))", [{"op": "conv", "c_o": 8, "k": 3, "c_i": 1}]),
    ("(0): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1))",
     [{"op": "conv", "c_i": 3, "c_o": 64, "k": [3, 3], "s": [1, 1]}]),
    ("  (conv1): Conv2d(3, 8, kernel_size=(3, 5), stride=(1, 1), padding=same, padding_mode=circular),",
     [{"op": "pad", "p": [[1, 1], [2, 2]], "mode": "circular"},
      {"op": "conv", "c_i": 3, "c_o": 8, "k": [3, 5], "s": [1, 1]}]),
    ("MaxPooling2D()", [{"op": "maxpool", "ceil": False, "k": 2, "s": 2}]),
    ("MaxPool2D((3, 2))", [{"op": "maxpool", "ceil": False, "k": [3, 2], "s": [3, 2]}]),
    ("MaxPool2d(3, 2)", [{"op": "maxpool", "k": 3, "s": 2, "ceil": False}]),
    ("AvgPool2d(3, 2, 1, True, False)",
     [{"op": "avgpool", "k": 3, "s": 2, "p": 1, "ceil": True, "count_include_pad": False}]),
    ("GlobalAveragePooling2D()", [{"op": "globalavgpool", "keepdims": False}]),
    ("AdaptiveAvgPool2d(output_size=(1, None))", [{"op": "adaptiveavgpool", "out": [1, None]}]),
    ("BatchNorm2d(64)", [{"op": "batchnorm", "c_i": 64, "eps": 1e-5}]),
    ("BatchNormalization()", [{"op": "batchnorm", "eps": 1e-3}]),
    ("InstanceNorm2d(8)", [{"op": "instancenorm", "scale": False, "center": False, "eps": 1e-5}]),
    ("GroupNorm(4, 64, affine=False)", [{"op": "groupnorm", "g": 4, "scale": False, "center": False, "eps": 1e-5}]),
    ("GroupNorm(4, 64)", [{"op": "groupnorm", "g": 4, "c_i": 64, "eps": 1e-5}]),
    ("LayerNorm(7)", [{"op": "layernorm", "sizes": 7, "eps": 1e-5}]),
    (
        "LayerNorm((5, 7), bias=False)",
        [{"op": "layernorm", "sizes": [5, 7], "eps": 1e-5, "center": False, "axis": [-2, -1]}],
    ),
    ("ReLU(inplace=True)", [{"op": "relu"}]),
    ("ReLU(6.)", [{"op": "relu6"}]),
    ("LeakyReLU()", [{"op": "leakyrelu", "alpha": 0.01}]),
    ("layers.LeakyReLU()", [{"op": "leakyrelu", "alpha": 0.3}]),
    ("Hardtanh(min_val=0, max_val=4)", [{"op": "clip", "min": 0, "max": 4}]),
    ("GELU(approximate='tanh')", [{"op": "gelu", "approximate": True}]),
    ("Softmax(dim=1)", [{"op": "softmax", "axis": 1}]),
    ("layers.ReLU()", [{"op": "relu"}]),
    ("layers.ReLU(negative_slope=0.1)", [{"op": "leakyrelu", "alpha": 0.1}]),
    ("layers.ReLU(4)", [{"op": "clip", "min": 0, "max": 4}]),
    ("Activation('tanh')", [{"op": "tanh"}]),
    ("Activation(activation='linear')", [{"op": "identity"}]),
    ("Unflatten(1, (3, 4, 5))", [{"op": "reshape", "out": [3, 4, 5], "axis": 1}]),
    ("Flatten(2)", [{"op": "reshape", "out": [-1], "axis": [2, -1]}]),
    ("Flatten(end_dim=-2)", [{"op": "reshape", "out": [-1], "axis": [1, -2]}]),
    ("PReLU()", [{"op": "prelu", "num_parameters": 1}]),
    ("Dropout2d(p=0.3, inplace=False)", [{"op": "dropout", "rate": 0.3}]),
    ("Upsample(scale_factor=2)", [{"op": "upsample", "factor": 2}]),
    ("UpSampling2D()", [{"op": "upsample", "factor": [2, 2]}]),
    ("UpSampling1D(3)", [{"op": "upsample", "factor": [3]}]),
    ("UpSampling2D(size=(2, 3))", [{"op": "upsample", "factor": [2, 3]}]),
    ("UpsamplingBilinear2d((5, 7))", [{"op": "upsample", "out": [5, 7], "mode": "bilinear", "align": True}]),
    ("ZeroPad2d((1, 2, 3, 4))", [{"op": "pad", "p": [[3, 4], [1, 2]]}]),
    ("ReflectionPad2d(2)", [{"op": "pad", "p": [[2, 2], [2, 2]], "mode": "reflect"}]),
    ("ZeroPadding2D(((3, 4), (1, 2)))", [{"op": "pad", "p": [[3, 4], [1, 2]]}]),
    ("Cropping1D((3, 0))", [{"op": "crop", "p": [[3, 0]]}]),
    ("Flatten()", [{"op": "flatten"}]),
    ("Linear(in_features=512, out_features=10, bias=True)", [{"op": "linear", "c_i": 512, "out": 10, "bias": True}]),
    ("LazyConv2d(8, 3)", [{"op": "conv", "c_o": 8, "k": 3}]),
    ("Rescaling(1./255)", [{"op": "rescale", "factor": 1 / 255}]),
    ("Concatenate()", [{"op": "concat"}]),
    ("Conv3DTranspose(8, 3, 2, 'same', None, 1)",
     [{"op": "convT3d", "c_o": 8, "out_pad": 1, "k": 3, "s": 2, "p": "same"}]),
    ("LSTM(10, 20, num_layers=2, bidirectional=True)",
     [{"op": "lstm", "c_i": 10, "out": 20, "bidirectional": True},
      {"op": "lstm", "c_i": 40, "out": 20, "bidirectional": True}]),
    ("layers.LSTM(64)", [{"op": "lstm", "out": 64, "sequences": False}]),
    ("keras.Sequential([Conv2D(8, 3), layers.ReLU()], name='a')", [{"op": "conv", "c_o": 8, "k": 3}, {"op": "relu"}]),
    ("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())", [{"op": "conv", "c_i": 3, "c_o": 8, "k": 3}, {"op": "relu"}]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "layers"), CALLS, ids=[text for text, _ in CALLS])
def test_a_call_is_its_layers(text: str, layers: list[dict[str, Any]]) -> None:
    assert looks_like_call(text)
    call = read_call(text)
    assert call.layers == layers
    if layers[0]["op"] != "concat":
        read({"layers": layers})  # the result is valid in a spec


def test_names_and_frameworks_of_calls() -> None:
    assert read_call("(conv1): Conv2d(3, 8, 3)")[:3] == ("torch", "Conv2d", "conv1")
    assert read_call('Conv2D(8, 3, name="stem")')[:3] == ("keras", "Conv2D", "stem")
    assert kinds()["ReLU"] == ("torch", "keras")


ERRORS = [
    ("Conv2d(3, 64, 3, foo=1)", "Conv2d has no argument 'foo'\n  it takes in_channels, out_channels, kernel_size, "
     "stride, padding, dilation, groups, bias, padding_mode"),
    ("Conv2d(3, 64, 3, strid=1)", "Conv2d has no argument 'strid'\n  did you mean 'stride'?"),
    ("Conv2d(3, 64)", "Conv2d needs kernel_size\n  it takes in_channels, out_channels, kernel_size, stride, padding, "
     "dilation, groups, bias, padding_mode"),
    ("Conv2d(3, 8, 3, kernel_initializer=1)",
     "Conv2d has no argument 'kernel_initializer'\n  did you mean 'kernel_size'?"),
    ("nn.LSTM(3, 64, go_backwards=True)", "LSTM has no argument 'go_backwards'\n  it takes input_size, hidden_size, "
     "num_layers, bias, batch_first, dropout, bidirectional, proj_size"),
    ("nn.Dense(5)", "PyTorch has no class Dense\n  Keras has: keras.Dense(…)"),
    ("nn.Conv2D(3, 64, 3)", "PyTorch has no class Conv2D\n  did you mean 'Conv2d' or 'Conv3d' or 'Conv1d'?"),
    ("tf.keras.layers.MaxPool2d(2)",
     "Keras has no class MaxPool2d\n  did you mean 'MaxPool2D' or 'MaxPooling2D' or 'MaxPool3D'?"),
    ("Linear(3)", "Linear needs out_features\n  as Linear(in_features, out_features, bias)"),
    ("ReLU(1, 2, 3, 4)", "ReLU is given 4 arguments\n  it takes inplace"),
    ("Conv2d(3, 64, 3, kernel_size=3)", "Conv2d is given kernel_size twice\n  leave out one of them"),
    ("Conv2x(3)",
     "'Conv2x' is not a layer that can be read from a call\n  did you mean 'Conv2d' or 'Conv2D' or 'LazyConv2d'?"),
    ("os.system('ls')",
     "'system' is not a layer that can be read from a call\n  write a call such as Conv2d(3, 64, 3, padding=1)"),
    ("Conv2d(3, n * 2, 3)", "'n * 2' is not a value that can be read here\n  write the number itself"),
    ("Conv2d(3, 8, 3", "'Conv2d(3, 8, 3' is not a call\n  for example Conv2d(3, 64, 3, padding=1)"),
    ("3 + 4", "'3 + 4' is not a call\n  for example Conv2d(3, 64, 3, padding=1)"),
    ("BatchNorm2d(8, track_running_stats=False)", "BatchNorm2d with track_running_stats=false "
"cannot be read from a call\n"
     "  leave it out, or write it as a separate layer: cnncalc ops batchnorm"),
    ("Dense(10, 'rely')", "'rely' is not an activation of Keras's\n  did you mean 'relu' or 'relu6' or 'elu'?"),
    # a class makes a layer of the values, not an activation: Keras raises an error, or returns the layer
    ("Dense(10, layers.PReLU)", "'PReLU' is not an activation of Keras's\n  did you mean 'relu' or 'relu6' or 'elu'?"),
    ("Activation()", "Activation needs an activation\n  for example Activation('relu')"),
    ("layers.ReLU(threshold=1)",
     "ReLU with a threshold, or with max_value and a slope, cannot be read from a call\n  use clip"),
    ("layers.ReLU(6, negative_slope=0.1)",
     "ReLU with a threshold, or with max_value and a slope, cannot be read from a call\n  use clip"),
    ("Conv2d(**a)", "** is not supported in a call\n  write the arguments themselves"),
    ("Conv2d(3, 8, 3, padding_mode='reflet')",
     "'reflet' is not a padding_mode\n  did you mean 'reflect' or 'replicate'?"),
    ("Conv2d(3, 8, 3, padding_mode=1)",
     "1 is not a padding_mode\n  it is one of zeros, reflect, replicate, circular"),
    ("Conv2d(3, 8, 3, padding_mode='\\\x1b')",  # no escape of Python's, which would warn
     "'\\\\x1b' is not a padding_mode\n  it is one of zeros, reflect, replicate, circular"),
    ("Conv2d(3, 8, 3, padding='full', padding_mode='reflect')",
     "padding_mode=reflect goes with numbers or same, not with p=full\n  for example p1 or p=same"),
    ("Flatten(0)", "a Flatten from axis 0 includes the batch\n  to flatten a whole sample: Flatten()"),
    ("ConstantPad2d(1)", "ConstantPad2d takes a padding and a value\n  as ConstantPad2d(1, 0)"),
    ("Unflatten(1, 48)", "Unflatten takes an axis and its new sizes\n  for example Unflatten(1, (6, 4, 4))"),
    ("Conv2d(3, 8, 3, bias=None)", "Conv2d: bias is None\n  leave out bias, or give its value"),
    ("Hardtanh(1, 1)", "Hardtanh: min_val=1 is not below max_val=1"),
    ("AvgPool2d((2, 3), divisor_override=4)", "AvgPool2d with divisor_override=4 cannot be read from a call\n"
     "  leave it out, and put after it: rescale:factor=1.5"),
    ("AvgPool3d(2, divisor_override=0)", "AvgPool3d with divisor_override=0 cannot be read from a call\n"
     "  it must be a whole number other than 0"),
    ("LSTM(8, 3, num_layers=0)", "num_layers is 0, not a whole number from 1 to 1,000"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=[text for text, _ in ERRORS])
def test_what_is_not_a_call_says_why(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_call(text)
    assert str(caught.value) == message


def test_nothing_of_a_call_is_run() -> None:
    for text in (
        "Conv2d(3, __import__('os').getpid(), 3)",
        "Conv2d(3, 10**9**9, 3)",
        "Conv2d(*[3], 4, 5)",
        "f" + "(" * 5000,
    ):
        with pytest.raises(SpecError):
            read_call(text)


@pytest.mark.parametrize("word", ["8x10 lstm:4,bidirectional", "1x9x9 upsample:x2,mode=bilinear,align"])
def test_the_name_of_a_flag_alone_says_true(word: str) -> None:
    assert cnncalc.shape(word).to_dict() == cnncalc.shape(f"{word}=true").to_dict()
