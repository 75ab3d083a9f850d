"""Keras's own documents: every layer's output and number of weights is Keras's, by name, and no file is a traceback."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import zipfile
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks.keras import read as keras
from cnncalc.limits import LARGEST_UNPACKED
from cnncalc.sources import load_text
from tests import DATA
from tests.program import here

LINES = gzip.decompress((DATA / "keras-models.jsonl.gz").read_bytes()).decode().splitlines()
MODELS: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in map(json.loads, LINES)}
ELSEWHERE = {"input", "two"}
"""`input` is the network's own; a model that reads two tensors is replaced by its layers, `two.add`."""


def document(name: str) -> dict[str, Any]:
    """Return the document of a model's file."""
    return dict(copy.deepcopy(MODELS[name]["model"]))


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_kerass_by_name(name: str) -> None:
    report = cnncalc.shape(document(name))
    layers = {layer.name: layer for layer in report.layers}
    compared = 0
    for label, output, weights in MODELS[name]["layers"]:
        if label in ELSEWHERE:
            assert label not in layers
            continue
        layer = layers[label]
        ends = [layers[f"{label}{end}"] for end in ("_together", "_output") if f"{label}{end}" in layers]
        out = (ends or [layer])[0].out  # after the steps of a TimeDistributed, and both states of an LSTM
        assert [n if isinstance(n, int) else None for n in out] == output[1:], label
        assert (layer.params, layer.buffers) != (None, None), label
        assert (layer.params or 0) + (layer.buffers or 0) == weights, label
        compared += 1
    assert compared >= len(MODELS[name]["layers"]) - 2
    assert (report.params or 0) + (report.buffers or 0) == MODELS[name]["total"]


@pytest.mark.parametrize("name", MODELS)
def test_the_spec_of_a_keras_file_reads_back(name: str) -> None:
    network = cnncalc.load(document(name))
    again = cnncalc.load(json.loads(json.dumps(network.to_dict())))
    assert cnncalc.shape(again).to_dict() == cnncalc.shape(network).to_dict()


def conv(filters: int, k: int, **more: Any) -> dict[str, Any]:
    """Return a Conv2D's configuration as tf.keras 2 writes it."""
    window = {"kernel_size": [k, k], "strides": [1, 1], "padding": "same", "dilation_rate": [1, 1], "groups": 1}
    return {"filters": filters, **window, "data_format": "channels_last", "use_bias": True, **more}


def old(kind: str, name: str, config: dict[str, Any], *nodes: Any) -> dict[str, Any]:
    """Return a layer as Keras 2 writes it."""
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": list(nodes)}


SEQUENTIAL = [
    {"class_name": "Conv2D", "config": {"name": "c", "batch_input_shape": [None, 28, 30, 1], **conv(4, 3)}},
    {"class_name": "MaxPooling2D", "config": {"name": "m", "pool_size": [2, 2], "padding": "valid"}},
    {"class_name": "Flatten", "config": {"name": "f"}},
    {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "softmax"}},
]
INNER = [
    {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 32, 40, 8], "name": "seq_in"}},
    {"class_name": "Dense", "config": {"name": "d", "units": 4, "activation": "hard_sigmoid"}},
]
KERAS2 = {
    "class_name": "Functional",
    "config": {
        "name": "old",
        "layers": [
            old("InputLayer", "input_1", {"batch_input_shape": [None, 32, 40, 3]}),
            old("Conv2D", "conv", conv(8, 3, activation="relu"), [["input_1", 0, 0, {}]]),
            old("BatchNormalization", "bn", {"axis": [3], "epsilon": 0.001}, [["conv", 0, 0, {}]]),
            # MobileNetV3's hard sigmoid: a tensor and a constant, by name
            old("TFOpLambda", "plus", {"function": "__operators__.add"}, ["bn", 0, 0, {"y": 3.0, "name": None}]),
            old("ReLU", "cut", {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}, [["plus", 0, 0, {}]]),
            old("TFOpLambda", "times", {"function": "math.multiply"}, ["cut", 0, 0, {"y": 0.16, "name": None}]),
            old("Multiply", "gate", {}, [["bn", 0, 0, {}], ["times", 0, 0, {}]]),
            old("TFOpLambda", "sum", {"function": "__operators__.add"}, ["bn", 0, 0, {"y": ["gate", 0, 0]}]),
            old("Conv2D", "shared", conv(8, 3), [["sum", 0, 0, {}]], [["shared", 0, 0, {}]]),
            # the calls of a model in a model are counted from 1 in Keras 2
            old("Sequential", "seq", {"layers": INNER}, [["shared", 1, 0, {}]]),
            old("Concatenate", "cat", {"axis": -1}, [["seq", 1, 0, {}], ["sum", 0, 0, {}]]),
            old("GlobalAveragePooling2D", "gap", {"data_format": "channels_last"}, [["cat", 0, 0, {}]]),
            old("Dense", "out", {"units": 5}, [["gap", 0, 0, {}]]),
        ],
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["out", 0, 0]],
    },
    "keras_version": "2.11.0",
    "backend": "tensorflow",
}


def test_a_functional_model_of_keras_2() -> None:
    report = cnncalc.shape(KERAS2)
    assert [(layer.name, layer.op, layer.out, layer.params) for layer in report.layers] == [
        ("input_1", "identity", (32, 40, 3), 0),
        ("conv", "conv", (32, 40, 8), 3 * 8 * 9 + 8),
        ("conv_activation", "relu", (32, 40, 8), 0),
        ("bn", "batchnorm", (32, 40, 8), 16),
        ("plus", "rescale", (32, 40, 8), 0),
        ("cut", "relu6", (32, 40, 8), 0),
        ("times", "rescale", (32, 40, 8), 0),
        ("gate", "mul", (32, 40, 8), 0),
        ("sum", "add", (32, 40, 8), 0),
        ("shared", "conv", (32, 40, 8), 8 * 8 * 9 + 8),
        ("shared_call2", "conv", (32, 40, 8), 8 * 8 * 9 + 8),
        ("seq", "block", (32, 40, 4), 8 * 4 + 4),
        ("cat", "concat", (32, 40, 12), 0),
        ("gap", "globalavgpool", (12,), 0),
        ("out", "linear", (5,), 65),
    ]
    assert report.params == 224 + 16 + 584 + 36 + 65
    assert report.layers[11].inner[1].values == {"alpha": 0.2}  # Keras 2's hard sigmoid
    assert report.layers[4].values == {"factor": 1, "offset": 3.0}


@pytest.mark.parametrize(
    "form",
    [
        {"class_name": "Sequential", "config": {"name": "s", "layers": SEQUENTIAL}, "keras_version": "2.4.0"},
        {"class_name": "Sequential", "config": SEQUENTIAL, "keras_version": "2.1.6"},
        {"name": "s", "layers": SEQUENTIAL},
    ],
    ids=["object", "list", "configuration"],
)
def test_a_sequential_model_of_keras_2(form: dict[str, Any]) -> None:
    report = cnncalc.shape(form)
    assert [(layer.name, layer.out) for layer in report.layers] == [
        ("c", (28, 30, 4)),
        ("m", (14, 15, 4)),
        ("f", (840,)),
        ("d", (3,)),
        ("d_activation", (3,)),
    ]


def test_a_lone_layer() -> None:
    report = cnncalc.shape(SEQUENTIAL[0])
    assert (report.out, report.params) == ((28, 30, 4), 40)


@pytest.mark.parametrize(
    ("kind", "config", "op"),
    [
        ("ReLU", {"max_value": inf}, "relu"),
        ("ReLU", {"max_value": inf, "threshold": 1.0}, "where"),
        ("Rescaling", {"scale": nan, "offset": 0.0}, "opaque"),
        ("ELU", {"alpha": -inf}, "opaque"),
    ],
)
def test_numbers_that_are_not_finite_stand_in_a_file_as_python_writes_them(
    kind: str, config: dict[str, Any], op: str
) -> None:
    model = {"class_name": kind, "config": {"name": "one", **config, "batch_input_shape": [None, 5, 7, 3]}}
    report = cnncalc.shape(load_text(json.dumps(model), "net.json"))
    assert (report.layers[-1].node.layer.op, report.out, report.params) == (op, (5, 7, 3), 0)


def test_a_models_numeric_batch_stays() -> None:
    model = copy.deepcopy(KERAS2)
    model["config"]["layers"][0]["config"]["batch_input_shape"][0] = 6  # type: ignore[index]
    assert cnncalc.shape(model).out == (6, 5)


def test_a_layer_that_is_not_known_keeps_what_the_file_says() -> None:
    """MobileNetV2's first block with a custom class: its shape is what its readers need."""
    model = document("CF_MobileNetV2")
    layer = next(layer for layer in model["config"]["layers"] if layer["name"] == "block_1_expand")
    layer |= {"class_name": "MyConv", "module": "mine"}
    before, after = cnncalc.shape(document("CF_MobileNetV2")), cnncalc.shape(model)
    (odd,) = [layer for layer in after.layers if layer.op == "opaque"]
    assert (odd.name, odd.values["type"], odd.out, odd.params) == ("block_1_expand", "MyConv", (96, 112, 112), None)
    assert (after.out, after.params) == (before.out, None)


def test_a_layer_of_another_layout_stands_between_two_permutes() -> None:
    model = document("Gan")
    layer = next(layer for layer in model["config"]["layers"] if layer["class_name"] == "Conv2DTranspose")
    layer["config"]["data_format"] = "channels_first"
    layers = {one.name: one for one in cnncalc.shape(model).layers}
    name = layer["config"]["name"]
    assert [layers[f"{name}{end}"].op for end in ("_turned", "", "_back")] == ["permute", "convT", "permute"]
    assert layers[name].out[-1] == layers[f"{name}_back"].out[0] == layer["config"]["filters"]


def test_arithmetic_that_is_several_layers_here() -> None:
    """A difference, an average, x + 0.5*y (Inception-ResNet), and constants in either position."""
    layers = [
        old("InputLayer", "x", {"batch_input_shape": [None, 4, 5, 2]}),
        old("ELU", "y", {"alpha": 2.0}, [["x", 0, 0, {}]]),
        old("Subtract", "minus", {}, [["x", 0, 0, {}], ["y", 0, 0, {}]]),
        old("Average", "mean", {}, [["minus", 0, 0, {}], ["y", 0, 0, {}], ["x", 0, 0, {}]]),
        old("CustomScaleLayer", "residual", {"scale": 0.5}, [["mean", 0, 0, {}], ["y", 0, 0, {}]]),
        old(
            "TFOpLambda", "from", {"function": "math.subtract"}, ["_CONSTANT_VALUE", -1, 3.0, {"y": ["residual", 0, 0]}]
        ),
        old("TFOpLambda", "half", {"function": "math.truediv"}, ["from", 0, 0, {"y": 2.0}]),
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["half", 0, 0]]}
    network = {"class_name": "Functional", "config": {"name": "n", "layers": layers, **ends}, "keras_version": "2.9.0"}
    x = np.random.default_rng(1).standard_normal((4, 5, 2))
    y = np.where(x > 0, x, 2 * np.expm1(x))
    expected = (3 - (((x - y) + y + x) / 3 + 0.5 * y)) / 2
    assert np.allclose(cnncalc.run(network, x), expected)


def test_every_command_reads_a_keras_file(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(KERAS2), encoding="utf-8")
    file = str(path)
    assert "925 parameters" in here(["shape", file]).out
    assert here(["shape", "-", "--json"], json.dumps(KERAS2)).code == 0
    spec = json.loads(here(["convert", file]).out)
    assert (spec["dialect"], spec["layout"], spec["input"]) == ("keras", "NHWC", [32, 40, 3])
    assert here(["check", file]).code == 0
    assert here(["diff", file, file]).code == 0
    again = here(["convert", file, "--to", "keras"])
    assert again.code == 2  # its hard sigmoid is not Keras 3's
    assert cnncalc.load(path).name == "old"
    np.save(tmp_path / "x.npy", np.ones((32, 40, 3), np.float32))
    done = here(["run", file, "-x", str(tmp_path / "x.npy"), "--seed", "1", "-o", str(tmp_path / "y.npy")])
    assert done.code == 0, done.err
    assert np.load(tmp_path / "y.npy").shape == (5,)


def archive(name: str, data: bytes) -> bytes:
    """Return a zip with one file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return made.getvalue()


def test_a_keras_archive(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    whole = archive("config.json", json.dumps(KERAS2).encode())
    path.write_bytes(whole)
    assert "925 parameters" in here(["shape", str(path)]).out
    for data, message in [
        (archive("weights.h5", b"x"), f"{path}: an archive without config.json"),
        (archive("config.json", b"{"), f"{path}:1:2: not JSON: "),
        (whole[:-30], f"{path}: a broken archive: "),
        (whole[:200] + b"\0" * 200 + whole[400:], f"{path}: a broken archive: "),
    ]:
        path.write_bytes(data)
        done = here(["shape", str(path)])
        assert done.code == 2
        assert message in done.err


def test_a_small_archive_of_a_huge_file(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    path.write_bytes(archive("config.json", b" " * (LARGEST_UNPACKED + 1)))
    assert "its config.json is more than 1.5 MiB, unpacked from " in here(["shape", str(path)]).err


def without(key: str, *path: Any) -> dict[str, Any]:
    """Return Keras 2's model without a key."""
    model = copy.deepcopy(KERAS2)
    del _at(model, path)[key]
    return model


def changed(value: Any, *path: Any) -> dict[str, Any]:
    """Return Keras 2's model with another value."""
    model = copy.deepcopy(KERAS2)
    _at(model, path[:-1])[path[-1]] = value
    return model


def _at(value: Any, path: Any) -> Any:
    found = value
    for key in path:
        found = found[key]
    return found


LAYERS = ("config", "layers")
BROKEN = [
    (changed([["bn", 0, 0, {}]], *LAYERS, 1, "inbound_nodes", 0), "layers read each other in a cycle: 'conv', 'bn'"),
    (changed("zzz", *LAYERS, 1, "inbound_nodes", 0, 0, 0), "layer 'conv': reads 'zzz', which does not exist"),
    (
        changed(7, *LAYERS, 1, "inbound_nodes", 0, 0, 1),
        "layer 'conv': reads 'input_1', call 8 of it, which does not exist",
    ),
    (changed(1, *LAYERS, 1, "inbound_nodes"), "layers[1] 'conv': inbound_nodes is 1, not a list"),
    (changed([[1]], *LAYERS, 1, "inbound_nodes"), "layers[1] 'conv': 1 is not a tensor of a node"),
    (changed("conv", *LAYERS, 2, "name"), "two layers are called 'conv'"),
    (changed([1], *LAYERS, 2, "name"), "layers[2]: name is [1], not a text"),
    (changed({}, *LAYERS, 2, "class_name"), "layers[2]: class_name is {}, not a text"),
    (changed(3, *LAYERS, 2), "layers[2]: a layer is 3, not an object"),
    (changed([], *LAYERS), "the model has no layers"),
    (changed(None, *LAYERS), "layers is null, not a list"),
    (changed("x", "config"), "config is 'x', not an object"),
    (changed(1, "class_name"), "class_name is 1, not a text"),
    (
        changed([["zzz", 0, 0]], "config", "output_layers"),
        "'zzz' is an input or output of the model, but not one of its layers",
    ),
    (changed([["out", 3, 0]], "config", "output_layers"), "the output 'out', call 4 of it, does not exist"),
    (without("output_layers", "config"), "output_layers does not name a tensor: null"),
    (changed("a", *LAYERS, 1, "config", "filters"), "'conv': c_o: 'a' is not a whole number"),
    (without("filters", *LAYERS, 1, "config"), "'conv': conv needs c_o"),
    (changed([[["x"]]], *LAYERS, 1, "config", "kernel_size"), "'conv': k: "),
    (
        {"layers": [{"class_name": "Dense", "config": {"batch_input_shape": [None, 4], "units": None}}]},
        "'dense': linear needs out",
    ),
    ({"layers": [{"class_name": "Dense", "config": {"name": "b\n", "units": 1}}]}, "'b\\n' is not a name"),
    (
        {"class_name": "MyModel", "config": {}},
        "'MyModel' is a custom class: the file holds its arguments, but not its layers",
    ),
    ({"class_name": "Dense", "config": {"units": 3}}, "no input shape"),
    ({"class_name": "MyModel", "config": 3}, "config of 'MyModel' is 3, not an object"),
]


@pytest.mark.parametrize(("model", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_a_broken_model_is_an_error_with_the_file_and_the_layer(model: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    done = here(["shape", str(path)])
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    if "no input" not in message:
        assert done.err.startswith(f"{path}: ")


def test_models_in_one_another_have_an_end() -> None:
    model: Any = {"class_name": "Dense", "config": {"units": 1, "name": "d"}}
    for _ in range(200):
        model = {"class_name": "Sequential", "config": {"name": "s", "layers": [model]}}
    with pytest.raises(cnncalc.SpecError, match="models are nested more than 32 deep"):
        cnncalc.load(model)
    args: Any = [1]
    for _ in range(200):
        args = [args]
    with pytest.raises(cnncalc.SpecError, match="nested more than 32 deep"):
        cnncalc.load(changed([{"args": args, "kwargs": {}}], *LAYERS, 1, "inbound_nodes"))
    with pytest.raises(cnncalc.SpecError, match="nested more than 32 deep"):
        cnncalc.load(changed(args, *LAYERS, 1, "config", "kernel_size"))


def test_models_that_call_one_another_twice_have_an_end() -> None:
    """Thirty models, each calling its inner model twice, would be 2^30 layers."""
    model: Any = {
        "class_name": "Sequential",
        "config": {"name": "m0", "layers": [{"class_name": "ReLU", "config": {}}]},
    }
    for at in range(1, 30):
        name = model["config"]["name"]
        inner = {**model, "name": name, "inbound_nodes": [[["i", 0, 0, {}]], [[name, 0, 0, {}]]]}
        layers = [old("InputLayer", "i", {"batch_input_shape": [None, 4, 5, 3]}), inner]
        ends = {"input_layers": [["i", 0, 0]], "output_layers": [[name, 1, 0]]}
        model = {"class_name": "Functional", "config": {"name": f"m{at}", "layers": layers, **ends}}
    with pytest.raises(cnncalc.SpecError, match=r"the model makes [0-9,]+ calls of layers, more than 12,000"):
        cnncalc.load(model)


def test_what_is_no_keras_model_is_left_alone() -> None:
    values: list[Any] = [
        None,
        [],
        {},
        {"layers": []},
        {"layers": [{"op": "relu"}]},
        {"class_name": "x"},
        {"layers": "x"},
    ]
    for value in values:
        assert not keras.is_model(value)
    with pytest.raises(cnncalc.SpecError, match="unknown key 'class_name'"):
        cnncalc.load({"class_name": "Conv2D"})


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    entries: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in entries:
        yield from _paths(one, (*path, key))


ODD: list[Any] = [
    None,
    0,
    -1,
    3,
    2**63,
    1.5,
    1e308,
    True,
    "",
    "a",
    "input",
    "same",
    "channels_first",
    "x\0",
    [],
    {},
    [1],
]
ODD += [
    [0, 0],
    [[1, 2]],
    [None],
    ["input_1", 0, 0],
    {"class_name": "__numpy__", "config": {"value": [1]}},
    "Sequential",
]
ODD += ["Add", "LSTM", "GetItem", "Flatten", "InputLayer", {"class_name": "ReLU", "config": {}}, float("inf")]


@pytest.mark.parametrize("seed", range(2))
def test_no_mutation_of_a_model_is_a_traceback(seed: int) -> None:
    """With a value replaced or a key removed at random, there is a report or an error, never anything else."""
    rng = random.Random(seed)
    names = ["Siamese", "Nested", "Text", "Many", "Ops", "Gan", "Lstm"]
    models = [KERAS2, *map(document, names)]
    paths = [list(_paths(model)) for model in models]
    ended = {True: 0, False: 0}
    for _ in range(500):
        at = rng.randrange(len(models))
        model = copy.deepcopy(models[at])
        *path, key = rng.choice(paths[at][1:])
        if rng.random() < 0.2 and isinstance(_at(model, path), dict):
            del _at(model, path)[key]
        else:
            _at(model, path)[key] = copy.deepcopy(rng.choice(ODD))
        try:
            json.dumps(cnncalc.shape(model).to_dict())
            ended[True] += 1
        except cnncalc.CnncalcError as error:
            ended[False] += len(str(error)) > 0
    assert sum(ended.values()) == 500
    assert min(ended.values()) > 50
