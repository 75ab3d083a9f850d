"""Constants, further inputs and folded axes in ONNX and PyTorch: ONNX's reference computes what `run` does."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import cnncalc
from cnncalc.execute.weights import sourced, wanted
from cnncalc.frameworks import writer
from cnncalc.input import configure

Layers = list[dict[str, Any]]
NETWORKS: dict[str, Layers] = {
    "a constant is added": [
        {"op": "constant", "name": "c", "shape": [4, 5, 6]},
        {"op": "add", "name": "end", "from": ["input", "c"]},
    ],
    "a number is multiplied": [
        {"op": "constant", "name": "c", "shape": [4, 5, 6], "value": 0.5},
        {"op": "mul", "name": "end", "from": ["input", "c"]},
    ],
    "a constant beside": [
        {"op": "constant", "name": "c", "shape": [4, 5, 6], "kind": "buffer"},
        {"op": "concat", "name": "end", "axis": 2, "from": ["c", "input"]},
    ],
    "a constant in a stack": [
        {"op": "constant", "name": "c", "shape": [4, 5, 6]},
        {"op": "stack", "name": "end", "axis": 1, "from": ["input", "c"]},
    ],
    "another input": [
        {"op": "tanh", "name": "a"},
        {"op": "input", "name": "mask", "shape": [4, 5, 6]},
        {"op": "mul", "name": "end", "from": ["a", "mask"]},
    ],
    "folded axes": [
        {"op": "tobatch", "name": "f", "axes": 1},
        {"op": "linear", "out": 3},
        {"op": "relu"},
        {"op": "frombatch", "name": "end", "axes": 1},
    ],
    "folded axes at the end": [{"op": "tobatch", "axes": 2}, {"op": "linear", "name": "end", "out": 3}],
    "a moved batch": [{"op": "relu"}, {"op": "movebatch", "name": "end", "to": 2}],
    "a moved batch that is read": [{"op": "movebatch", "to": 1}, {"op": "sigmoid", "name": "end"}],
}
draw = np.random.default_rng(6).standard_normal
X, MASK = draw((2, 4, 5, 6)).astype(np.float32), draw((2, 4, 5, 6)).astype(np.float32)


def settled(layers: Layers, layout: str) -> tuple[cnncalc.Network, dict[str, Any]]:
    """The network with positive weights of its own, and these."""
    network = configure(cnncalc.load(layers), (4, 5, 6), None, layout)
    weights = {want.name: np.abs(draw(want.shape)).astype(np.float32) for want in wanted(cnncalc.shape(network))}
    return sourced(network, weights), weights


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_onnx_computes_the_same(layers: Layers, layout: str) -> None:
    network, weights = settled(layers, layout)
    text: Any = writer("onnx")(network)
    model = onnx.load_from_string(text)
    onnx.checker.check_model(model, full_check=True)
    arrays = {"input": X} | ({"mask": MASK} if "mask" in text.decode("latin1") else {})
    (result,) = ReferenceEvaluator(model).run(None, arrays)
    np.testing.assert_allclose(result, cnncalc.run(network, arrays, weights), rtol=1e-5, atol=1e-6)


SOURCES = {
    "a constant is added": ("self.c = Constant(4, 5, 6)", "x = self.c()", "end = image + x"),
    "a number is multiplied": ("Constant(4, 5, 6, value=0.5)",),
    "a constant beside": (
        "Constant(4, 5, 6, trained=False)",
        "torch.cat((x.expand(len(image), -1, -1, -1), image), 2)",
    ),
    "a constant in a stack": ("torch.stack((image, x.expand(len(image), -1, -1, -1)), 1)",),
    "another input": ("def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:", "end = a * mask"),
    "folded axes": ("f = x.flatten(0, 1)", "end = x.unflatten(0, (-1, 4))"),
    "folded axes at the end": ("x.flatten(0, 2)",),
    "a moved batch": ("x.movedim(0, 2)",),
    "a moved batch that is read": ("movebatch1 = x\n", "self.end(movebatch1)"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_pytorch_has_for_them(name: str) -> None:
    text = str(writer("torch")(settled(NETWORKS[name], "NCHW")[0]))
    compile(text, "net.py", "exec")
    for part in SOURCES[name]:
        assert part in text, text


def test_pytorch_moves_no_batch_among_channels_last() -> None:
    with pytest.raises(cnncalc.SpecError, match="PyTorch has the channels first, but here the batch is moved"):
        writer("torch")(settled(NETWORKS["a moved batch"], "NHWC")[0])
