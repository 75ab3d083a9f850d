"""Networks prepared once, which give the same values as `run` and read their weights once; and workers of a cluster."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import threading
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import cnncalc
from cnncalc.execute.job import Job
from tests.program import environment

NET = "3x8x9 conv:4,k3 batchnorm relu maxpool:2 flatten linear:5"
RNG = np.random.default_rng(7)
X = RNG.standard_normal((6, 3, 8, 9)).astype(np.float32)


def weights(net: Any = NET) -> dict[str, Any]:
    from cnncalc.execute.weights import bind, wanted

    return bind(wanted(cnncalc.shape(net)), {}, 3, np.dtype(np.float32))


def test_it_gives_what_run_gives_for_any_batch_and_dtype() -> None:
    prepared = cnncalc.prepare(NET, weights())
    for x in (X, X[0], X[:1], X[:4], X.astype(float), X.astype(np.float16), X):
        found = prepared(x)
        expected = cnncalc.run(NET, x, weights())
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_array_equal(found, expected)


def test_a_result_stays_when_it_runs_again() -> None:
    prepared = cnncalc.prepare(NET, weights(), keep=["conv1"])
    first = prepared(X[:2])
    kept = {name: array.copy() for name, array in first.items()}
    prepared(X[2:4])
    assert first.keys() == {"conv1", "linear1"}
    for name, array in kept.items():
        np.testing.assert_array_equal(first[name], array)


def test_it_is_traced_once_for_each_of_the_last_shapes() -> None:
    prepared = cnncalc.prepare(NET, seed=0)
    with patch("cnncalc.api.arrays.Job", wraps=Job) as job:
        for size in (1, 2, 1, 3, 4, 5, 5, 1, 2):
            prepared(X[:size])
    assert job.call_count == 6  # the second 1 and 5 are cached, the last 2 is not


def test_the_weights_of_a_file_are_read_once(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    path.write_bytes(cnncalc.to_onnx(NET, weights()))
    prepared = cnncalc.prepare(path)
    expected = cnncalc.run(path, X)
    path.unlink()
    np.testing.assert_array_equal(prepared(X), expected)
    np.testing.assert_allclose(prepared(X[0]), expected[0], rtol=1e-5)


def test_weights_that_depend_on_the_sizes_of_an_input_are_those_of_each(tmp_path: Path) -> None:
    """A file with open sizes is read again for each size, with constants that it did not have before."""
    onnx = pytest.importorskip("onnx")
    make, path = onnx.helper.make_node, tmp_path / "net.onnx"
    nodes = [
        make("Shape", ["x"], ["s"], start=2),
        make("Expand", ["k", "s"], ["row"]),
        make("CumSum", ["row", "zero"], ["places"]),
        make("Add", ["x", "places"], ["y"]),
    ]
    info = onnx.helper.make_tensor_value_info
    given, made = info("x", 1, ["N", 3, "W"]), info("y", 1, None)
    arrays = {"k": np.ones(1, np.float32), "zero": np.array(0)}
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = onnx.helper.make_graph(nodes, "places", [given], [made], constants)
    opsets = [onnx.helper.make_opsetid("", 17)]
    path.write_bytes(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    prepared = cnncalc.prepare(path)
    for width in (4, 6, 4):
        x = RNG.standard_normal((2, 3, width)).astype(np.float32)
        expected = x + np.arange(1, width + 1)
        np.testing.assert_allclose(prepared(x), expected, rtol=1e-6)
        np.testing.assert_allclose(cnncalc.run(path, x), expected, rtol=1e-6)


def test_further_inputs_are_taken_anew_each_time() -> None:
    prepared = cnncalc.prepare("1x3x3 relu:name=a input:1x3x3,name=b mul:from=a+b")
    x = np.eye(3)[None]
    for factor in (1, 2, 3):
        np.testing.assert_array_equal(prepared({"input": x, "b": factor * x}), factor * x)
    with pytest.raises(cnncalc.SpecError, match="no values for the input 'b'"):
        prepared(x)
    with pytest.raises(cnncalc.SpecError, match="has no array for the first input"):
        prepared({"b": x})


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(cnncalc.SpecError, match="keep is 'conv1', not a list"):
        cnncalc.prepare(NET, seed=0, keep="conv1")
    with pytest.raises(cnncalc.SpecError, match=r"no weights for conv1\.weight"):
        cnncalc.prepare(NET)(X)
    prepared = cnncalc.prepare(NET, weights())
    with pytest.raises(cnncalc.ShapeError):
        prepared(X[:, :2])
    assert prepared(X).shape == (6, 5)


def test_it_is_pickled_with_its_weights() -> None:
    prepared = cnncalc.prepare(NET, weights())
    prepared(X)
    again = pickle.loads(pickle.dumps(prepared))
    np.testing.assert_array_equal(again(X), prepared(X))
    assert repr(again) == repr(prepared) == f"<{cnncalc.load(NET)!r}, prepared>"


@pytest.mark.parametrize("until", [None, "relu1"])
def test_a_file_is_pickled_with_the_weights_that_it_holds(until: str | None, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    path.write_bytes(cnncalc.to_onnx(NET, weights()))
    expected = cnncalc.run(path, X, until=until)
    prepared = cnncalc.prepare(path, until=until)
    packed = pickle.dumps(prepared)
    prepared(X)
    path.unlink()
    for text in (packed, pickle.dumps(prepared)):
        np.testing.assert_array_equal(pickle.loads(text)(X), expected)
    other = {name: 2 * array for name, array in weights().items()}
    path.write_bytes(cnncalc.to_onnx(NET, weights()))
    given = cnncalc.prepare(path, other)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(given))(X), given(X))


def test_a_file_that_is_read_again_for_each_shape_is_not_pickled(tmp_path: Path) -> None:
    source = tmp_path / "net.py"
    source.write_text("from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())\n")
    prepared = cnncalc.prepare(source, seed=0)
    with pytest.raises(cnncalc.SpecError, match="read again for each shape of its input") as caught:
        pickle.dumps(prepared)
    assert caught.value.help == "prepare it in each process"


def test_threads_take_turns() -> None:
    prepared = cnncalc.prepare(NET, weights())
    expected = prepared(X)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.extend(prepared(X) for _ in range(20))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert all(np.array_equal(one, expected) for one in found)


CLUSTER = """
import subprocess, sys
from dask.distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        sys.exit(subprocess.call([sys.executable, *sys.argv[1:], cluster.scheduler_address]))
"""


@pytest.mark.skipif(find_spec("distributed") is None, reason="pip install 'cnncalc[cluster]' has Dask")
def test_the_workers_of_a_cluster_give_what_one_run_gives(tmp_path: Path) -> None:
    """The script of the help page `arrays`, on a cluster of two processes."""
    pytest.importorskip("onnx")
    page = (files("cnncalc") / "help" / "arrays.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    (tmp_path / "forward.py").write_text(script, encoding="utf-8")
    (tmp_path / "cluster.py").write_text(CLUSTER, encoding="utf-8")
    (tmp_path / "net.onnx").write_bytes(cnncalc.to_onnx(NET, weights()))
    x = RNG.standard_normal((200, 3, 8, 9)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "cluster.py", "forward.py", "net.onnx", "x.npy", "y.npy"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = np.load(tmp_path / "y.npy")
    np.testing.assert_allclose(found, cnncalc.run(tmp_path / "net.onnx", x), rtol=1e-5, atol=1e-6)
