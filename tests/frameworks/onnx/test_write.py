"""Networks as ONNX: onnx's checker accepts them, its inference agrees on every shape, and they read back unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import cnncalc
from cnncalc import trace, zoo
from cnncalc.execute.sinks import save_all
from cnncalc.frameworks import writer
from cnncalc.frameworks.onnx.read import read
from cnncalc.frameworks.onnx.read.model import dims_of
from cnncalc.input import configure
from cnncalc.sizes import Shape, parse_shape
from tests.program import here

FIGURES = ("out", "params", "buffers", "macs", "rf")


def settled(spec: Any, input: Shape | None = None, **more: str) -> cnncalc.Network:
    return configure(cnncalc.load(spec), input, more.get("dialect"), more.get("layout"))


def written(network: cnncalc.Network) -> bytes:
    """Return the file, checked by onnx, with every inferred shape compared and every output used."""
    data = writer("onnx")(network)
    assert isinstance(data, bytes)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    read_ones = {*[name for node in model.graph.node for name in node.input], *[o.name for o in model.graph.output]}
    assert {name for node in model.graph.node for name in node.output if name} <= read_ones
    declared = {info.name: dims_of(info) for info in model.graph.value_info}
    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {info.name: dims_of(info) for info in (*inferred.value_info, *inferred.output)}
    for name, own in declared.items():  # where onnx infers a size or the batch
        pairs = zip(own or [], shapes[name] or [], strict=True)
        assert all(ours == theirs for ours, theirs in pairs if isinstance(theirs, int) or theirs == "batch"), name
    turned = network.layout == "NHWC"  # maps may stay in channels-first order between the ends
    for layer in trace.shape(network.inlined()).layers:
        out = list(layer.traced.out)
        assert (shapes[layer.name] or [])[1:] in [out, *([out[-1:] + out[:-1]] * turned)], layer.name
    return data


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_goes_there_and_back(name: str) -> None:
    network = settled(name)
    before = trace.shape(network.inlined())
    after = cnncalc.shape(read(written(network)).spec)
    for layer in before.layers:  # a layer written as several nodes reads back as several, `name.step` before `name`
        nodes = [one for one in after.layers if one.name == layer.name or one.name.startswith(f"{layer.name}.")]
        assert (nodes[-1].name, nodes[-1].out, nodes[-1].rf) == (layer.name, layer.out, layer.rf)
        for figure in ("params", "buffers", "macs"):
            assert sum(getattr(one, figure) for one in nodes) == getattr(layer, figure), (layer.name, figure)
    assert [getattr(after, f) for f in FIGURES] == [getattr(before, f) for f in FIGURES]


Spec = list[dict[str, Any]]
CASES: list[tuple[Spec, str]] = [
    ([{"op": "conv", "c_o": 4, "k": [3, 2], "s": 2, "p": "same", "g": 2}], "plain"),
    ([{"op": "dwconv", "k": 3, "multiplier": 2, "p": [[0, 1], [2, 1]]}], "plain"),
    ([{"op": "sepconv", "c_o": 5, "k": 3, "p": "same", "multiplier": 2}], "keras"),
    ([{"op": "convT", "c_o": 4, "k": 3, "s": 2, "out_pad": 1, "p": 1}], "torch"),
    ([{"op": "convT", "c_o": 4, "k": 3, "s": 2, "p": "same"}], "keras"),
    ([{"op": "maxpool", "k": 3, "s": 2, "ceil": True}], "torch"),
    ([{"op": "avgpool", "k": 3, "s": 2, "p": 1}], "torch"),
    ([{"op": "avgpool", "k": 3, "s": 2, "p": "same"}], "keras"),
    ([{"op": "lppool", "k": 2, "norm": 3}], "plain"),
    (
        [
            {"op": "gru", "out": 7, "name": "a"},
            {"op": "gru", "out": 7, "name": "b"},
            {"op": "gru", "out": 7, "tie": "b"},
        ],
        "plain",
    ),
    ([{"op": "globalavgpool"}, {"op": "linear", "out": 5}], "keras"),
    (
        [{"op": "globalmaxpool", "keepdims": True}, {"op": "flatten"}, {"op": "linear", "out": 5, "bias": False}],
        "keras",
    ),
    ([{"op": "adaptiveavgpool", "out": [4, 1]}], "torch"),
    ([{"op": "linear", "out": 5}, {"op": "linear", "out": 2, "bias": False}], "plain"),
    ([{"op": "batchnorm"}, {"op": "batchnorm", "scale": False}, {"op": "batchnorm", "center": False}], "keras"),
    ([{"op": "groupnorm", "g": 2}, {"op": "groupnorm", "g": 3, "scale": False}], "plain"),
    ([{"op": "instancenorm"}, {"op": "instancenorm", "scale": True}], "torch"),
    (
        [{"op": "layernorm", "axis": [1]}, {"op": "layernorm"}, {"op": "layernorm", "axis": [-2, -1], "center": False}],
        "plain",
    ),
    ([{"op": "scale", "center": True}, {"op": "rescale", "factor": 0.5, "offset": [1, 2, 3, 4, 5, 6]}], "plain"),
    ([{"op": "normalization", "mean": 0.5, "variance": 2}], "plain"),
    ([{"op": "reshape", "out": [-1, 7]}, {"op": "permute", "order": [2, 1]}], "plain"),
    ([{"op": "pad", "p": [[1, 2], [0, 3]], "mode": "reflect"}], "plain"),
    ([{"op": "pad", "p": 1, "mode": "circular"}, {"op": "pad", "p": 1, "value": -2}], "plain"),
    ([{"op": "upsample", "factor": 2}, {"op": "upsample", "out": [10, 9], "mode": "bilinear"}], "torch"),
    ([{"op": "upsample", "factor": 2, "mode": "bilinear", "align": True}], "plain"),
    ([{"op": "conv", "c_o": 8}, {"op": "pixelshuffle", "factor": 2}], "plain"),
    ([{"op": "channelshuffle", "g": 2}], "plain"),
    ([{"op": "slice", "axis": -1, "start": -5, "step": 2}, {"op": "mean", "axis": [2]}], "plain"),
    ([{"op": "relu6"}, {"op": "clip", "min": -1}, {"op": "gelu"}, {"op": "silu"}, {"op": "mish"}], "plain"),
    ([{"op": "hardswish"}, {"op": "hardsigmoid"}, {"op": "leakyrelu"}, {"op": "elu"}, {"op": "selu"}], "torch"),
    ([{"op": "softplus"}, {"op": "softsign"}, {"op": "exp"}, {"op": "tanh"}, {"op": "softmax"}], "plain"),
    ([{"op": "prelu", "num_parameters": 6}, {"op": "dropout"}, {"op": "identity"}, {"op": "sigmoid"}], "torch"),
    ([{"op": "prelu", "shared_axes": [1, 2]}], "keras"),
    ([{"op": "mean", "axis": [2], "keepdims": True}, {"op": "expand", "out": [-1, 5, -1]}], "plain"),
    ([{"op": "roll", "shift": [0], "axis": [2]}, {"op": "roll", "shift": [0, 3], "axis": [1, 2]}], "plain"),
    ([{"op": "unfold", "k": 3, "p": 1, "s": 2}], "plain"),
    ([{"op": "pad", "p": [[0, 0], [0, 1]]}, {"op": "pixelunshuffle", "factor": 2}], "torch"),
    ([{"op": "compare", "by": "ne", "value": 0}, {"op": "rescale", "factor": 1}], "plain"),
    (
        [{"op": "normalize", "axis": [1], "norm": 1, "eps": 0.1}, {"op": "normalize", "axis": [1, 3], "norm": 3}],
        "plain",
    ),
    ([{"op": "quantize", "scale": [0.1, 0.2, 0.3, 0.1, 0.5, 0.7], "zero": 3, "min": -128, "max": 127}], "plain"),
    (
        [
            {"op": "relu", "name": "a"},
            {"op": "add", "from": ["a", "input", "a"]},
            {"op": "concat", "from": ["a", "add1"]},
        ],
        "plain",
    ),
    ([{"op": "relu", "name": "a"}, {"op": "mul", "from": ["a", "input", "a"]}], "plain"),
    (
        [{"op": "conv", "name": "a", "c_o": 6, "k": 3, "p": 1}, {"op": "conv", "c_o": 6, "k": 3, "p": 1, "tie": "a"}],
        "plain",
    ),
    ([{"op": "block", "name": "b", "layers": [{"op": "conv", "c_o": 2}, {"op": "relu"}]}, {"op": "flatten"}], "plain"),
    # weights of layers that read another number of axes
    (
        [
            {"op": "linear", "name": "a", "out": 5},
            {"op": "tobatch", "axes": 2, "from": "input"},
            {"op": "linear", "out": 5, "tie": "a"},
            {"op": "frombatch", "axes": 2},
            {"op": "add", "from": ["a", "frombatch1"]},
        ],
        "plain",
    ),
    ([{"op": "scale", "name": "a"}, {"op": "globalavgpool"}, {"op": "flatten"}, {"op": "scale", "tie": "a"}], "plain"),
    ([{"op": "movebatch", "to": 1}, {"op": "conv", "c_o": 4, "k": 3}], "plain"),
]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("spec", "dialect"), CASES, ids=lambda value: value if isinstance(value, str) else value[0]["op"]
)
def test_what_is_written_computes_the_same(spec: Spec, dialect: str, layout: str) -> None:
    """With its own weights, by onnx's reference; and with the file's weights, read back."""
    sample = (6, 8, 7) if layout == "NCHW" else (8, 7, 6)
    if layout == "NHWC" and spec[0]["op"] in ("layernorm", "reshape"):
        spec = spec[:1] if spec[0]["op"] == "layernorm" else [{"op": "reshape", "out": [-1, 6]}]
    network = settled(spec, sample, dialect=dialect, layout=layout).inlined()
    x = np.random.default_rng(3).standard_normal((2, *sample)).astype(np.float32)
    weights = drawn(network, x)
    network = network._replace(source=Weights(weights))
    data = written(network)
    expected = cnncalc.run(network, x, weights or None)
    result = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"input": x})[0]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    found = read(data)
    arrays = {name: one() for name, one in found.weights.items()}
    np.testing.assert_allclose(cnncalc.run(found.spec, x, arrays or None), expected, rtol=1e-4, atol=1e-5)
    assert cnncalc.shape(found.spec).params == trace.shape(network).params


class Weights(cnncalc.network.Origin):
    """An origin that provides a network's weights."""

    def __init__(self, arrays: dict[str, Any]):
        self.weights = {name: lambda array=array: array for name, array in arrays.items()}  # type: ignore[misc]

    def locate(self, path: Any, key: str | None) -> None:
        return None


def drawn(network: cnncalc.Network, x: Any) -> dict[str, Any]:
    """Return positive weights of every shape that the network needs."""
    from cnncalc.execute.weights import wanted

    rng = np.random.default_rng(4)
    report = trace.shape(network, x.shape)
    return {want.name: rng.uniform(0.2, 1.2, want.shape).astype(np.float32) for want in wanted(report)}


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (
            [{"op": "conv", "c_o": 2, "flip": True, "name": "c"}],
            "layers[0] 'c': ONNX cannot express a flipped kernel",
        ),
        (
            [{"op": "adaptiveavgpool", "out": 3}],
            "layers[0] 'adaptiveavgpool1': ONNX cannot express windows of different sizes",
        ),
        ([{"op": "lppool", "k": 2, "norm": 1.5}], "ONNX cannot express an Lp pool of norm 1.5"),
        ([{"op": "lrn", "size": 4}], "ONNX cannot express 4 channels with the extra one before"),
        ([{"op": "lrn", "size": 3, "beta": 0}], "ONNX cannot express an lrn of alpha 0.0001 and beta 0"),
        ([{"op": "dropout", "rate": 1}], "ONNX cannot express a dropout of all values: the ratio must be below 1"),
        ([{"op": "normalization"}], "ONNX cannot express learned statistics"),
        (
            [{"op": "opaque", "type": "Mystery"}],
            "layers[0] 'opaque1': ONNX cannot express this: nothing is known about what 'Mystery' does",
        ),
    ],
)
def test_what_onnx_cannot_say(spec: Spec, what: str) -> None:
    with pytest.raises(cnncalc.SpecError) as raised:
        writer("onnx")(settled(spec, (6, 8, 7)))
    assert what in str(raised.value)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "layer",
    [
        {"op": "convT", "c_o": 4, "k": 3, "s": 2, "g": 2},
        {"op": "lrn", "size": 3},
        {"op": "crop", "p": [[0, 1], [1, 0]]},
        {"op": "pad", "p": [[-1, 2], [0, 1]], "mode": "reflect"},
    ],
    ids=lambda layer: layer["op"],
)
def test_what_onnx_reference_does_not_compute(layer: dict[str, Any], layout: str) -> None:
    """It computes grouped transposed convolutions, an LRN's last channel and negative pads wrongly, or not at all."""
    network = settled([layer], (6, 8, 7) if layout == "NCHW" else (8, 7, 6), layout=layout)
    found = read(written(network)).spec
    before, after = trace.shape(network), cnncalc.shape(found)
    assert (after.out, after.params, after.macs) == (before.out, before.params, before.macs)
    as_pad = layer["op"] == "crop" and layout == "NHWC"  # for other axes than those of crop
    assert ("pad" if as_pad else layer["op"]) in [one["op"] for one in found["layers"]]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("out", "out_pad"), [([19, 16], [2, 1]), ([14, 20], [0, 5])])
@pytest.mark.parametrize("more", [{}, {"p": "same_upper"}, {"bias": False}])
def test_a_transposed_convolution_adds_any_number_of_zeros(
    out: list[int], out_pad: list[int], more: dict[str, Any], layout: str
) -> None:
    """ONNX's output_padding is below max(s, d); onnxruntime refuses an output_shape that requires more."""
    sample = (6, 8, 7) if layout == "NCHW" else (8, 7, 6)
    layer = {"op": "convT", "name": "t", "c_o": 4, "k": 3, "s": 2, "out": out, **more}
    network = settled([layer], sample, layout=layout, dialect="onnx")
    before = trace.shape(network)
    assert list(before.layers[0].values["out_pad"]) == out_pad
    after = cnncalc.shape(read(written(network)).spec)
    assert (after.out, after.params, after.macs) == (before.out, before.params, before.macs)
    x = np.random.default_rng(8).standard_normal((2, *sample)).astype(np.float32)
    weights = drawn(network, x)
    found = read(written(network._replace(source=Weights(weights))))
    arrays = {name: one() for name, one in found.weights.items()}
    expected = cnncalc.run(network, x, weights)
    np.testing.assert_allclose(cnncalc.run(found.spec, x, arrays), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


MAPS = [
    {"op": "rescale", "name": "a", "factor": 0.5},
    {"op": "conv", "name": "b", "c_o": 6, "k": 3, "p": "same"},
    {"op": "batchnorm"},
    {"op": "silu", "name": "c"},
    {"op": "add", "name": "d", "from": ["c", "a"]},
    {"op": "prelu", "shared_axes": [1, 2]},
    {"op": "pad", "p": 1, "name": "e"},
    {"op": "sepconv", "c_o": 4, "k": 3},
    {"op": "slice", "axis": -1, "start": 1},
    {"op": "softmax", "name": "f"},
    {"op": "concat", "name": "g", "from": ["f", "d"], "axis": -1},
    {"op": "channelshuffle", "g": 3},
    {"op": "clip", "min": 0.01},
    {"op": "mean", "axis": [1], "keepdims": True},
    {"op": "scale", "center": True},
    {"op": "dropout"},
]
ENDS: dict[str, tuple[Spec, int]] = {
    "a map": ([], 2),
    "features": ([{"op": "globalavgpool"}, {"op": "linear", "out": 5}], 1),
    "flat": ([{"op": "globalmaxpool", "keepdims": True}, {"op": "flatten"}, {"op": "linear", "out": 5}], 1),
    "a mean": ([{"op": "mean", "axis": [1, 2]}], 1),
    "a permute": ([{"op": "permute", "order": [3, 1, 2]}], 2),
    "a long row": ([{"op": "flatten"}, {"op": "linear", "out": 5}], 2),
    "two outputs": ([{"op": "relu", "from": "d"}], 3),
}


@pytest.mark.parametrize(("end", "transposes"), ENDS.values(), ids=ENDS)
def test_channels_are_moved_at_the_ends_only(end: Spec, transposes: int) -> None:
    """Maps stay as ONNX's operators need them; channelshuffle has a separate Transpose."""
    network = settled([*MAPS, *end], (8, 7, 6), dialect="keras")
    x = np.random.default_rng(5).standard_normal((2, 8, 7, 6)).astype(np.float32)
    weights = drawn(network, x)
    data = written(network._replace(source=Weights(weights)))
    model = onnx.load_from_string(data)
    nodes = [node.op_type for node in model.graph.node if node.name != "channelshuffle1.turned"]
    assert nodes.count("Transpose") == transposes
    result = ReferenceEvaluator(model).run(None, {"input": x})[0]
    np.testing.assert_allclose(result, cnncalc.run(network, x, weights), rtol=1e-4, atol=1e-5)
    assert cnncalc.shape(read(data).spec).params == trace.shape(network).params


def test_weights_of_another_size_and_of_open_sizes() -> None:
    spec = [{"op": "conv", "name": "c", "c_o": 2, "k": 3}]
    network = settled(spec, (6, 8, 7))._replace(source=Weights({"c.weight": np.ones((2, 5, 3, 3), np.float32)}))
    with pytest.raises(cnncalc.SpecError, match=r"c.weight has the shape 2x5x3x3, but 2x6x3x3 is needed"):
        writer("onnx")(network)
    with pytest.raises(cnncalc.SpecError, match=r"layers\[0\] 'c': ONNX cannot express weights of open sizes"):
        writer("onnx")(settled(spec, parse_shape("CxHxW")))


@pytest.mark.parametrize(
    ("layer", "input", "what"),
    [
        ({"op": "expand", "out": [4, 6, -1, 9]}, "6xHx9", "new axes of open sizes\n  give the input as numbers"),
        (
            {"op": "reshape", "out": [2, -1], "axis": 1},
            "6xHxW",
            "a reshape to several open sizes\n  give the input as numbers",
        ),
        ({"op": "unfold", "k": 2}, "6xHx9", "windows of open sizes\n  give the input as numbers"),
        ({"op": "attention", "from": ["input"] * 3}, "6x7xW", "the scale for an open number of features\n  give scale"),
        (
            {"op": "einsum", "equation": "abcdef,ghijkl,mnopqr,stuvwx,yzcdef->a", "from": ["input"] * 5},
            "2x3x2x1x7x4",
            "an equation that uses all letters, leaving none for the batch\n  use fewer letters",
        ),
    ],
    ids=lambda value: value["op"] if isinstance(value, dict) else "",
)
def test_what_onnx_cannot_say_of_these_sizes(layer: dict[str, Any], input: str, what: str) -> None:
    network = settled([layer], parse_shape(input))._replace(sample_axes=len(parse_shape(input)))
    with pytest.raises(cnncalc.SpecError) as raised:
        writer("onnx")(network)
    assert str(raised.value).startswith(f"layers[0] '{layer['op']}1': ONNX cannot express {what}")


def test_open_sizes_and_the_batch() -> None:
    spec = [{"op": "conv", "c_o": 4, "k": 3, "p": "same", "s": 2}, {"op": "globalavgpool"}, {"op": "flatten"}]
    data = writer("onnx")(settled(spec, parse_shape("3xHxW")))
    assert isinstance(data, bytes)
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    found = read(data).spec
    assert found["input"] == [3, "H", "W"]
    assert cnncalc.shape(found, (5, 3, 8, 9)).out == (5, 4)


def test_from_the_shell(tmp_path: Path) -> None:
    path, y = tmp_path / "net.onnx", tmp_path / "y.npy"
    x, w = np.ones((1, 3, 8, 7), np.float32), np.ones((4, 3, 3, 3), np.float32)
    np.save(tmp_path / "x.npy", x)
    save_all(str(tmp_path / "w.npz"), {"conv1.weight": w, "conv1.bias": np.ones(4, np.float32)})
    words = ["1x3x8x7", "conv:4,k3", "relu"]
    done = here(["convert", *words, "--to", "onnx", "-w", str(tmp_path / "w.npz"), "-o", str(path)])
    assert done == (0, "", "")
    assert here(["run", str(path), "-x", str(tmp_path / "x.npy"), "-o", str(y), "-q"]) == (0, "", "")
    assert (np.load(y) == 28).all()
    assert onnx.load(path).graph.initializer[0].name == "conv1.weight"
    assert here(["convert", *words, "-w", str(tmp_path / "w.npz")]).code == 2
    save_all(str(tmp_path / "w.npz"), {"conv1.weight": w[:2]})
    wrong = here(["convert", *words, "--to", "onnx", "-w", str(tmp_path / "w.npz"), "-o", str(tmp_path / "no.onnx")])
    assert wrong.code == 2
    assert "conv1.weight has the shape 2x3x3x3" in wrong.err
    assert not (tmp_path / "no.onnx").exists()


def test_a_layer_may_be_called_as_anothers_weight() -> None:
    layers = [{"op": "conv", "c_o": 4, "k": 3, "name": "a"}, {"op": "relu", "name": "a.weight"}]
    data = written(settled(layers, (3, 7, 8)))
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    assert cnncalc.shape(read(data).spec).params == 4 * 27 + 4
