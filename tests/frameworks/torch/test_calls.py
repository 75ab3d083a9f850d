"""The rules of the PyTorch reader without PyTorch: calls written by hand, and the specs they become."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks.torch.read.build import CallReader, build
from cnncalc.frameworks.torch.read.calls import Constant, FunctionCall, NamedInput, Recording, Stopped, TracedTensor
from cnncalc.frameworks.torch.read.factory import make
from cnncalc.frameworks.torch.read.failure import MOST_SHOWN, stopped
from cnncalc.frameworks.torch.read.readings import named_inputs
from cnncalc.frameworks.torch.read.restore import as_it_was
from tests.program import here

BATCH = 61
X = TracedTensor(-1, 0, (BATCH, 6, 7, 9))


def parameter(name: str, *shape: int) -> Constant:
    return Constant(shape, name, (name,), lambda: name)


def record(*calls: FunctionCall, outputs: list[TracedTensor] | None = None, leaves: tuple[str, ...] = ()) -> Recording:
    """Return a module that makes these calls; the last call's first result is its output."""
    last = TracedTensor(len(calls) - 1, 0, calls[-1].outs[0])
    sizes = {"a.weight": 8 * 6 * 9, "a.bias": 8, "t": 63}
    inputs = [NamedInput("x", X.shape[1:], X.shape)]
    return Recording("Net", inputs, BATCH, list(calls), outputs or [last], sizes, {"b": 5}, frozenset(leaves))


def call(
    function: str, *args: Any, out: tuple[int, ...] = X.shape, path: str = "", turn: int = 0, **kwargs: Any
) -> FunctionCall:
    return FunctionCall(function, args, kwargs, (out,), path, turn)


def spec(*calls: FunctionCall, **others: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = build(record(*calls, **others), None).spec["layers"]
    return found


WEIGHT, BIAS = parameter("a.weight", 8, 6, 3, 3), parameter("a.bias", 8)
ROWS: list[tuple[FunctionCall, dict[str, Any]]] = [
    (
        call("conv2d", X, WEIGHT, BIAS, (2, 2), (1, 0), (1, 1), 1, out=(BATCH, 8, 4, 4)),
        {"op": "conv", "c_o": 8, "k": 3, "s": 2, "p": [1, 0]},
    ),
    (
        call("conv2d", X, WEIGHT, padding="same", out=(BATCH, 8, 7, 9)),
        {"op": "conv", "c_o": 8, "k": 3, "p": "same", "bias": False},
    ),
    (call("max_pool2d", X, 3, stride=2, out=(BATCH, 6, 3, 4)), {"op": "maxpool", "k": 3, "s": 2}),
    (call("pad", X, (0, 0, 1, 2), "constant", None, out=(BATCH, 6, 10, 9)), {"op": "pad", "p": [[1, 2], [0, 0]]}),
    (call("mean", X, dim=(2, 3), out=(BATCH, 6)), {"op": "globalavgpool", "keepdims": False}),
    (
        call("sort", X, 1, out=X.shape),
        {"op": "opaque", "type": "sort", "params": 0, "buffers": 0, "macs": 0, "out": [6, 7, 9]},
    ),
    (call("add", X, 3), {"op": "rescale", "offset": 3}),
    (
        call("getitem", X, (slice(None), slice(2, 5)), out=(BATCH, 3, 7, 9)),
        {"op": "slice", "axis": 1, "start": 2, "stop": 5},
    ),
    (call("flatten", X, 1, out=(BATCH, 378)), {"op": "flatten"}),
    (call("reshape", X, (-1, 3, 126), out=(BATCH, 3, 126)), {"op": "reshape", "out": [3, 126]}),
    (call("hardtanh", X, 0.0, 6.0), {"op": "relu6"}),
]


@pytest.mark.parametrize(("one", "layer"), ROWS)
def test_a_call_is_a_layer(one: FunctionCall, layer: dict[str, Any]) -> None:
    (found,) = spec(one)
    name = found.pop("name")
    assert found == layer
    assert name == layer.get("type", layer["op"])
    assert cnncalc.shape({"input": [6, 7, 9], "layers": [found]}).out == one.outs[0][1:]


def of(index: int, *shape: int) -> TracedTensor:
    return TracedTensor(index, 0, shape)


ONES = Constant((BATCH, 1, 7, 9), None, (), partial(np.ones, (BATCH, 1, 7, 9)))
CHAINS: list[tuple[list[FunctionCall], list[tuple[str, Any]]]] = [
    # The batch is moved and comes back: no layer.
    (
        [
            call("permute", X, (1, 0, 2, 3), out=(6, BATCH, 7, 9)),
            call("relu", of(0, 6, BATCH, 7, 9), out=(6, BATCH, 7, 9)),
            call("transpose", of(1, 6, BATCH, 7, 9), 0, 1),
        ],
        [("relu", None)],
    ),
    # The batch is folded with the channels, for a convolution of each, and unfolded again.
    (
        [
            call("reshape", X, (-1, 1, 7, 9), out=(BATCH * 6, 1, 7, 9)),
            call("conv2d", of(0, BATCH * 6, 1, 7, 9), parameter("a.weight", 1, 1, 3, 3), out=(BATCH * 6, 1, 5, 7)),
            call("view", of(1, BATCH * 6, 1, 5, 7), (BATCH, 6, 5, 7), out=(BATCH, 6, 5, 7)),
        ],
        [
            ("reshape", [6, 1, 7, 9]),
            ("tobatch", None),
            ("conv", None),
            ("frombatch", None),
            ("reshape", [6, 5, 7]),
        ],
    ),
    # A constant that is repeated for each sample is that of one sample.
    (
        [
            call(
                "cat",
                [X, Constant((BATCH, 1, 7, 9), None, (), partial(np.ones, (BATCH, 1, 7, 9)))],
                1,
                out=(BATCH, 7, 7, 9),
            )
        ],
        [("constant", None), ("concat", None)],
    ),
    (
        [call("einsum", "nchw,nchv->nwv", X, X, out=(BATCH, 9, 9))],
        [("einsum", None)],
    ),
    ([call("squeeze", X)], []),
]


@pytest.mark.parametrize(("calls", "layers"), CHAINS)
def test_a_batch_that_is_moved_or_folded(calls: list[FunctionCall], layers: list[tuple[str, Any]]) -> None:
    found = spec(*calls)
    assert [(layer["op"], layer.get("out")) for layer in found if layer["op"] not in ("conv", "identity")] == [
        row for row in layers if row[0] != "conv"
    ]
    report = cnncalc.shape({"input": [6, 7, 9], "sample_axes": 3, "layers": found})
    assert report.out == calls[-1].outs[0][1:]


def test_a_call_that_mixes_samples_is_said() -> None:
    reader = CallReader(record(call("mean", X, dim=0, out=(6, 7, 9))))
    reader.read_all(None)
    assert reader.mixed
    assert [layer.op for layer in reader.spec.layers] == ["opaque"]


def test_layers_are_called_as_their_modules_and_read_what_they_read() -> None:
    conv = call("conv2d", X, WEIGHT, BIAS, padding=1, out=(BATCH, 8, 7, 9), path="stem.a", turn=1)
    relu = call("relu", TracedTensor(0, 0, (BATCH, 8, 7, 9)), out=(BATCH, 8, 7, 9), path="stem", turn=2)
    again = call("relu", TracedTensor(0, 0, (BATCH, 8, 7, 9)), out=(BATCH, 8, 7, 9), path="stem", turn=2)
    both = call("add", TracedTensor(1, 0, relu.outs[0]), TracedTensor(2, 0, relu.outs[0]), out=(BATCH, 8, 7, 9))
    layers = spec(conv, relu, again, both, leaves=("stem.a",))
    assert [(layer["name"], layer.get("from")) for layer in layers] == [
        ("stem.a", None),
        ("stem.relu", None),
        ("stem.relu_2", "stem.a"),
        ("add", ["stem.relu", "stem.relu_2"]),
    ]
    imported = build(record(conv, leaves=("stem.a",)), None)
    assert {name: read() for name, read in imported.weights.items()} == {
        "stem.a.weight": "a.weight",
        "stem.a.bias": "a.bias",
    }


def test_a_shared_weight_is_tied_and_what_no_output_needs_is_left_out() -> None:
    conv = call("conv2d", X, parameter("a.weight", 6, 6, 3, 3), padding=1)
    twice = call("conv2d", TracedTensor(0, 0, X.shape), parameter("a.weight", 6, 6, 3, 3), padding=1)
    layers = spec(conv, twice, call("relu", X), outputs=[TracedTensor(1, 0, X.shape)])
    assert [layer.get("tie") for layer in layers] == [None, "conv"]
    assert [layer["name"] for layer in layers] == ["conv", "conv_2"]


def test_a_pytorch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("import math\nmath.nothing\n")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(cnncalc.SpecError) as caught:
        cnncalc.from_torch(object(), "3x7x9")
    assert str(caught.value) == (
        "PyTorch cannot be imported: AttributeError: module 'math' has no attribute 'nothing'\n"
        '  python -c "import torch" shows why'
    )


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cnncalc.SpecError, match=r"^this needs PyTorch, which is not installed\n  pip install 'cnnc"):
        cnncalc.from_torch(object(), "3x7x9")
    ended = here(["convert", "nets:make", "-i", "3x7x9"])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "this needs PyTorch, which is not installed\n  pip install 'cnncalc[torch]'\n"
    assert here(["convert", "nets:make"]).err.startswith("no input shape\n")
    assert here(["convert", "relu", "--weights-out", str(tmp_path / "w.npz")]).err.startswith(
        "--weights-out writes a network's own weights"
    )


CONV = call("conv2d", X, WEIGHT, out=(BATCH, 8, 7, 9), path="stem.a")
STOPS: list[tuple[Stopped, str]] = [
    (
        Stopped(record(CONV), RuntimeError("sizes\ndiffer"), "stem", "matmul", [(61, 8, 7, 9), (), (5, 4)]),
        "'stem' of the module stops at matmul of 61x8x7x9 and scalar and 5x4\n"
        "  x       input   61x6x7x9\n  stem.a  conv2d  61x8x7x9\n  RuntimeError: sizes",
    ),
    (
        Stopped(record(CONV), RuntimeError("aten::item() on a meta tensor"), "", "bool", [()]),
        "the module stops at bool of scalar\n  x       input   61x6x7x9\n  stem.a  conv2d  61x8x7x9\n"
        "  RuntimeError: aten::item() on a meta tensor\n"
        "  the module is traced without values, so its control flow must not depend on them",
    ),
    (
        Stopped(record(CONV), TypeError("forward() missing 1 required positional argument: 'z'"), "", None, []),
        "the module fails with TypeError: forward() missing 1 required positional argument: 'z'\n"
        '  give every input by its name: {"x": (3, 8, 8), "z": (4,)}, or -i x=3x8x8 -i z=4',
    ),
]


@pytest.mark.parametrize(("failure", "text"), STOPS)
def test_a_module_that_stops(failure: Stopped, text: str) -> None:
    earlier = Stopped(record(CONV)._replace(calls=[]), ValueError("too early"), "", None, [])
    assert str(stopped([earlier, failure, earlier])) == text


def test_a_module_that_stops_late_shows_its_last_layers() -> None:
    error = stopped([Stopped(record(*[CONV] * 30), ValueError("late"), "", None, [])])
    lines = str(error).splitlines()
    assert lines[:3] == ["the module stops", "  … 19 before", "  stem.a  conv2d  61x8x7x9"]
    assert len(lines) == MOST_SHOWN + 3


def test_inputs_have_the_names_of_arguments_or_numbers() -> None:
    assert named_inputs(["x", "z"], {"input_2": [5], "input": [3, 7]}) == [("x", (3, 7)), ("z", (5,))]
    assert named_inputs(["x", "z"], {"z": [5], "x": [3]}) == [("x", (3,)), ("z", (5,))]
    with pytest.raises(cnncalc.SpecError, match=r"^the module has no input 'y'\n  forward takes x, z$"):
        named_inputs(["x", "z"], {"y": [5]})


class Part:
    """An object with attributes, like a module."""

    def __init__(self) -> None:
        inner: list[Any] = [1, {2}]
        inner.append(inner)
        self.cache: dict[str, Any] = {"a": inner, "b": {}}
        self.seen, self.training = {3}, True

    def modules(self) -> list[Part]:
        return [self]

    def buffers(self) -> list[Any]:
        return []


def test_what_a_module_keeps_is_put_back() -> None:
    part = Part()
    cache, inner, seen = part.cache, part.cache["a"], part.seen
    with as_it_was(part):
        part.training, part.cache, part.last = False, {}, 5  # type: ignore[attr-defined]
        cache["b"]["x"] = cache.pop("a")
        inner[1].add(4)
        inner.insert(0, 7)
        seen.clear()
    assert (part.training, hasattr(part, "last")) == (True, False)
    assert part.cache is cache
    assert part.seen is seen
    assert (cache["a"] is inner, cache["b"], seen) == (True, {}, {3})
    assert (inner[:2], inner[2] is inner, len(inner)) == ([1, {2}], True, 3)


FACTORIES = """
print("made")
from torch.nn import Module

class Nets:
    net, sizes = Module(), (3, 4)

def build():
    return 5

def ends():
    raise SystemExit("stop\\nhere")
"""
REFUSED: list[tuple[str, str]] = [
    ("absent:build", "'absent' cannot be imported: ModuleNotFoundError: No module named 'absent'\n  Python searches"),
    ("broken:build", "'broken' cannot be imported: ZeroDivisionError: division by zero\n  Python searches the curr"),
    ("factories:biuld", "'factories' has no 'biuld'\n  did you mean 'build'?"),
    ("factories:Nets.nat", "'factories' has no 'nat'\n  did you mean 'net'?"),
    ("factories:ends", "'factories:ends' fails: SystemExit: stop\n  the factory is called without arguments"),
]


@pytest.fixture
def _factories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set up a folder with modules of factories, and a stand-in for PyTorch's module class."""
    torch, nn = ModuleType("torch"), ModuleType("torch.nn")
    vars(nn)["Module"] = type("Module", (), {"__call__": None})
    vars(torch)["nn"] = nn
    for one in (torch, nn):
        monkeypatch.setitem(sys.modules, one.__name__, one)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("factories", "broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "factories.py").write_text(FACTORIES)
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_factories")
def test_a_factory_gives_what_it_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert make("factories:build") == 5
    assert capsys.readouterr() == ("", "made\n")
    assert make("factories:Nets.sizes") == (3, 4)
    assert type(make("factories:Nets.net")).__name__ == "Module"


@pytest.mark.usefixtures("_factories")
@pytest.mark.parametrize(("word", "message"), REFUSED)
def test_a_factory_that_fails(word: str, message: str) -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        make(word)
    assert str(error.value).startswith(message)
