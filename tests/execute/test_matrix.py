"""The matrix of a linear network: every op that calls itself linear has one, and no other op could."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.execute import matrix, npy
from cnncalc.execute.sinks import Memory
from cnncalc.layers import OPS
from tests.cases import LAID, PLAIN, Row
from tests.execute.test_learn import piped
from tests.execute.test_values import weights_for
from tests.program import here, process


class Function:
    """The layers of a row in a layout with random weights, as a function of flattened samples."""

    def __init__(self, row: Row, layout: str):
        self.layout = layout
        self.sample = row.sample(layout)
        self.network = cnncalc.load(row.layers)
        self.weights = weights_for(cnncalc.shape(self.network.inlined(), self.sample, layout=layout))

    def __call__(self, x: Any) -> Any:
        return cnncalc.run(self.network, x.reshape(self.sample), self.weights, layout=self.layout).ravel()

    def matrix(self) -> Any:
        """Return the matrix of its linear part."""
        job = matrix.job(self.network, self.sample, self.weights, None, None, self.layout)
        sink = Memory(matrix.size(job.report), job.result(job.last, 1)[1])
        matrix.fill(job, sink)
        return sink.array

    def random(self, seed: int) -> Any:
        """Return a flattened sample with both signs."""
        return 2 * np.random.default_rng(seed).standard_normal(np.prod(self.sample))


def _is_linear(row: Row) -> bool:
    return all(node.layer.is_linear for node in cnncalc.load(row.layers).nodes)


@pytest.mark.parametrize(("row", "layout"), [laid for laid in LAID if _is_linear(laid[0])], ids=str)
def test_a_linear_layer_is_its_matrix(row: Row, layout: str) -> None:
    """M x is the output minus the constants that the layer adds, which are its output for zeros."""
    function = Function(row, layout)
    x, found = function.random(4), function.matrix()
    added = function(np.zeros_like(x))
    assert found.shape == (added.size, x.size)
    np.testing.assert_allclose(found @ x + added, function(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("row", [row for rows in PLAIN.values() for row in rows if not _is_linear(row)], ids=str)
def test_no_matrix_could_be_what_is_not_linear(row: Row) -> None:
    """An affine map has f(2x) + f(0) = 2f(x), f(x) + f(-x) = 2f(0), and the same for sums."""
    function = Function(row, "NCHW")
    x, y = function.random(5), function.random(6)
    zero, once, twice, minus, other, both = (function(a) for a in (0 * x, x, 2 * x, -x, y, x + y))
    apart = [twice + zero - 2 * once, once + minus - 2 * zero, both + zero - once - other]
    assert np.nanmax(np.abs(apart)) > 1e-3
    with pytest.raises(cnncalc.SpecError, match="is not linear"):
        function.matrix()


def test_an_op_that_is_linear_whatever_its_keys_is_so_in_every_case() -> None:
    for op, rows in PLAIN.items():
        linear = [_is_linear(row) for row in rows]
        assert all(linear) if OPS[op][0].LINEAR else not all(linear), op


def test_nobody_knows_whether_an_opaque_layer_is_linear() -> None:
    with pytest.raises(cnncalc.SpecError, match="opaque is not known to be linear"):
        matrix.job(cnncalc.load([{"op": "opaque", "out": [4]}]), (3,), None, None, None, None)


BRANCHES: list[dict[str, Any]] = [
    {"op": "conv", "c_o": 4, "k": [2, 3], "name": "a"},
    {"op": "batchnorm", "name": "b"},
    {"op": "avgpool", "k": 2, "s": 1, "p": [[0, 1], [1, 0]], "from": "a", "name": "c"},
    {
        "op": "block",
        "name": "d",
        "layers": [{"op": "rescale", "factor": 2, "offset": 1}, {"op": "add", "from": ["rescale1", "input"]}],
    },
    {"op": "concat", "from": ["b", "c", "d"]},
    {"op": "flatten"},
    {"op": "linear", "out": 5},
]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_network_with_branches_is_its_matrix(layout: str) -> None:
    function = Function(Row(BRANCHES, (3, 4, 5), (5,)), layout)
    x, found = function.random(6), function.matrix()
    np.testing.assert_allclose(found @ x + function(np.zeros_like(x)), function(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["slice:axis=1,stop=1", "-i", "2x2x2"], np.eye(8)[:4]),
        (["mean:axis=[2]", "-i", "2x2x2"], [[0.5, 0, 0.5, *[0] * 5], [0, 0.5, 0, 0.5, *[0] * 4]]),
        (["identity:name=a", "add:from=a+a", "-i", "1x2x2"], 2 * np.eye(4)),
    ],
)
def test_ops_without_weights_have_matrices(words: list[str], rows: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    assert here(["dense", *words, "-o", str(path)]).code == 0
    np.testing.assert_array_equal(np.load(path)[: len(rows)], rows)


def test_a_1x1_convolution_is_a_linear_layer_on_the_channels() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    w, b = np.random.default_rng(1).standard_normal((6, 3)), np.arange(6.0)
    by_conv = cnncalc.run("conv", x, w.reshape(6, 3, 1, 1), bias=b)
    by_linear = cnncalc.run("linear", np.moveaxis(x, 1, -1).reshape(-1, 3), w, bias=b)
    np.testing.assert_allclose(np.moveaxis(by_conv, 1, -1).reshape(-1, 6), by_linear, rtol=1e-12, atol=1e-12)


def test_a_batch_that_moves_leaves_the_matrix_as_it_is(tmp_path: Path) -> None:
    for to in (1, 2, 3):
        layers = [{"op": "conv", "c_o": 3, "k": [2, 3]}, {"op": "movebatch", "to": to}]
        for name, some in (("plain", layers[:1]), ("moved", layers)):
            (tmp_path / "net.json").write_text(json.dumps({"input": [2, 5, 6], "sample_axes": 3, "layers": some}))
            words = ["dense", str(tmp_path / "net.json"), "--seed", "1", "-o", str(tmp_path / f"{name}.npy")]
            assert here(words).code == 0
        plain, moved = (np.load(tmp_path / f"{name}.npy") for name in ("plain", "moved"))
        assert plain.shape == (48, 60)
        assert np.array_equal(plain, moved)


def test_the_matrix_goes_to_standard_output(tmp_path: Path) -> None:
    code, out = piped(tmp_path, "dense", "conv:1,k2", "-i", "3x3", "--seed", "0", "-o", "-", "-q")
    assert (code, list(tmp_path.iterdir()), np.load(io.BytesIO(out)).shape) == (0, [], (4, 9))


def test_dense_from_the_shell(tmp_path: Path) -> None:
    w = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    x = np.random.default_rng(1).standard_normal((3, 9, 7)).astype(np.float32)
    np.save(tmp_path / "w.npy", w)
    done = process("dense", "conv:s2,p1", "-i", "3x9x7", "-w", "w.npy", "-o", "m.npy", "-v", cwd=tmp_path)
    assert (done.code, done.out) == (0, "")
    assert "the matrix is 80 x 189 of float32: 59.1 KiB, and the weights take 448 bytes\n" in done.err
    found = np.load(tmp_path / "m.npy")
    np.testing.assert_allclose(found @ x.ravel(), cnncalc.run("conv:s2,p1", x, w).ravel(), rtol=1e-4, atol=1e-5)


def test_the_textbooks_matrix_of_integers(tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", np.arange(4).reshape(2, 2))
    done = here(["dense", "conv", "-i", "3x3", "-w", str(tmp_path / "k.npy"), "-q"])
    assert done.out == ("[[0 1 0 2 3 0 0 0 0]\n [0 0 1 0 2 3 0 0 0]\n [0 0 0 0 1 0 2 3 0]\n [0 0 0 0 0 1 0 2 3]]\n")
    assert done.err == ""


def test_the_matrix_as_json(tmp_path: Path) -> None:
    line = ["dense", "conv:1,k2", "-i", "3x3", "--seed", "0", "-q", "--json"]
    found = json.loads(here(line).out)
    assert (found["layer"], found["shape"], found["dtype"]) == ("conv1", [4, 9], "float32")
    path = tmp_path / "m.npy"
    written = json.loads(here([*line, "-o", str(path)]).out)
    assert written == {key: found[key] for key in ("layer", "shape", "dtype")}
    np.testing.assert_allclose(np.load(path), found["values"])
    assert here([*line, "-o", "-"]).code == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["conv:64,k3,p1", "-i", "3x4000x4000", "--seed", "0"], "the matrix has 48,000,000 columns"),
        (["conv:1", "-i", "1x150x151", "--seed", "0"], "the machine has 1.0 GiB"),
        (["relu", "-i", "3x4x4"], "relu is not linear: it has no matrix"),
        (["conv:4,k3", "--seed", "0"], "no input"),
        (["conv:4,k3", "-i", "2x3x8x8", "--seed", "0"], "is a batch"),
        (["conv:4,k3", "-i", "3xHxW", "--seed", "0"], "open sizes"),
        (["conv:4,k3", "-i", "3x8x8"], "no weights for conv1.weight 4x3x3x3"),
    ],
)
def test_no_matrix(args: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "machine_memory", lambda: 1 << 30)
    done = here(["dense", *args, "-o", str(tmp_path / "m.npy")])
    assert done.code == 2
    assert words in done.err
    assert not list(tmp_path.iterdir())


def test_the_bias_is_no_part_of_it() -> None:
    done = here(["dense", "conv:1,bias=true", "-i", "2x2", "--seed", "0"])
    assert done.code == 0
    assert "are not part of the matrix" in done.err


def test_copies_of_a_layer_share_one_without_constants() -> None:
    """So a hundred thousand copies are not each traced again."""
    network = cnncalc.load("3x8x8 conv:3,bias=true,times=9 conv:3,bias=true")
    layers = [node.layer for node in matrix.linear_part(network).nodes]
    assert len({id(layer) for layer in layers}) == 2
    assert not any(layer.bias for layer in layers)  # type: ignore[attr-defined]


def test_a_network_of_very_many_layers_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cnncalc.execute.job.MOST_RUN", 3)
    path = tmp_path / "x.npy"
    np.save(path, np.ones((3, 8, 9), np.float32))
    for args in (["dense", "-i", "3x8x9"], ["run", "-x", str(path)]):
        assert "no weights" in here([*args, "conv:3,times=3"]).err
        done = here([*args, "conv:3,times=4"])
        said = (
            "a network of 4 layers is too large to run: the limit is 3\n"
            "  use --until and --after to take a part of the network\n"
        )
        assert (done.code, done.err[-len(said) :]) == (2, said)
        assert "no weights" in here([*args, "conv:3,times=4", "--until", "conv3"]).err
