"""Constants, further inputs and folded axes: written networks, as computed by ONNX and PyTorch."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks import writer
from cnncalc.input import configure
from cnncalc.network import Network, Origin

LAYERS: list[dict[str, Any]] = [
    {"op": "identity", "axes": 3, "name": "x0"},
    {"op": "constant", "name": "k", "shape": [4, 3, 1, 1], "kind": "buffer"},
    {"op": "constant", "name": "half", "shape": [4, 3, 7, 8], "value": 0.5},
    {"op": "input", "name": "z", "shape": [4, 3, 7, 8]},
    {"op": "mul", "from": ["x0", "k"], "name": "m"},
    {"op": "concat", "axis": 2, "from": ["m", "z", "half"]},
    {"op": "tobatch"},
    {"op": "conv", "c_o": 5, "k": 3, "name": "c"},
    {"op": "globalavgpool", "keepdims": False},
    {"op": "frombatch"},
    {"op": "movebatch", "to": 1},
]
SHAPE = (2, 4, 3, 7, 8)
RNG = np.random.default_rng(0)
WEIGHTS = {
    "k.weight": RNG.standard_normal((4, 3, 1, 1), np.float32),
    "c.weight": RNG.standard_normal((5, 9, 3, 3), np.float32),
    "c.bias": RNG.standard_normal(5, np.float32),
}
X, Z = RNG.standard_normal(SHAPE, np.float32), RNG.standard_normal(SHAPE, np.float32)


def network() -> Network:
    """Return the network with its weights and its input."""
    origin = Origin()
    origin.weights = {name: partial(np.asarray, array) for name, array in WEIGHTS.items()}
    return configure(cnncalc.load(LAYERS), SHAPE, None, None)._replace(source=origin)


def expected() -> Any:
    """Return cnncalc's output, which is also NumPy's."""
    out = cnncalc.run(network(), [X, Z], WEIGHTS)
    parts = np.concatenate([X * WEIGHTS["k.weight"], Z, np.full(SHAPE, 0.5, np.float32)], 2).reshape(8, 9, 7, 8)
    windows = np.lib.stride_tricks.sliding_window_view(parts, (3, 3), (2, 3))
    frames = np.einsum("nchwij,ocij->nohw", windows, WEIGHTS["c.weight"]) + WEIGHTS["c.bias"][:, None, None]
    assert np.allclose(out, frames.mean((2, 3)).reshape(2, 4, 5).swapaxes(0, 1), atol=1e-4)
    return out


def test_onnx() -> None:
    pytest.importorskip("onnx")
    from onnx import load_from_string
    from onnx.checker import check_model
    from onnx.reference import ReferenceEvaluator

    data = writer("onnx")(network())
    assert isinstance(data, bytes)
    model = load_from_string(data)
    check_model(model, full_check=True)
    assert [one.name for one in model.graph.input] == ["input", "z"]
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == [4, 2, 5]
    (out,) = ReferenceEvaluator(model).run(None, {"input": X, "z": Z})
    assert np.allclose(out, expected(), atol=1e-4)


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    source = writer("torch")(network())
    made: dict[str, Any] = {}
    exec(source, made)
    module = next(one for name, one in made.items() if name in ("Network", "ANetwork", "Net"))()
    module.load_state_dict({name: torch.tensor(array) for name, array in WEIGHTS.items()})
    out = module.eval()(torch.tensor(X), torch.tensor(Z)).detach().numpy()
    assert np.allclose(out, expected(), atol=1e-4)


def test_keras_has_a_second_input() -> None:
    layers: list[dict[str, Any]] = [
        {"op": "relu", "name": "a"},
        {"op": "input", "name": "z", "shape": [7, 8, 3]},
        {"op": "add", "from": ["a", "z"]},
    ]
    config = json.loads(str(writer("keras")(configure(cnncalc.load(layers), (7, 8, 3), "keras", None))))["config"]
    assert config["input_layers"] == [["input", 0, 0], ["z", 0, 0]]
