"""`cnncalc convert`: what it writes reads back as the same network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.execute import npy
from cnncalc.execute.sinks import save_all
from cnncalc.frameworks import ENDINGS, TARGETS
from tests.program import here


@pytest.mark.parametrize("name", zoo.names())
def test_a_spec_of_a_spec_is_the_same_network(name: str) -> None:
    done = here(["convert", name])
    assert (done.code, done.err) == (0, "")
    again = cnncalc.load(json.loads(done.out))
    assert cnncalc.shape(again).to_dict() == cnncalc.shape(name).to_dict()


def test_words_and_options(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    words = ["3x32x33", "conv:16,k3,p1", "relu", 'block:layers=[{"op":"conv","c_o":5}]']
    assert here(["convert", *words, "--dialect", "torch", "--batch", "2", "-o", str(path)]) == (0, "", "")
    spec = json.loads(path.read_text(encoding="utf-8"))
    assert spec["input"] == [2, 3, 32, 33]
    assert spec["dialect"] == "torch"
    assert [layer["name"] for layer in spec["layers"]] == ["conv1", "relu1", "block1"]
    assert spec["layers"][2]["layers"][0]["op"] == "conv"
    assert cnncalc.shape(spec).out == (2, 5, 32, 33)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("net.json", b'{"cnncalc": 1'),
        ("net.onnx", b"\x08"),
        ("NET.PY", b'"""'),
        ("net.txt", b'{"cnncalc": 1'),
        ("net", b'{"cnncalc": 1'),
    ],
)
def test_the_ending_of_the_file_decides_the_form(name: str, begins: bytes, tmp_path: Path) -> None:
    if name.endswith(".onnx"):
        pytest.importorskip("onnx")
    path = tmp_path / name
    assert here(["convert", "3x8x9", "conv:2,k3", "-o", str(path)]) == (0, "", "")
    assert path.read_bytes().startswith(begins)


@pytest.mark.parametrize("target", TARGETS)
def test_a_named_form_has_its_own_ending_or_an_unknown_one(target: str, tmp_path: Path) -> None:
    if target == "onnx":
        pytest.importorskip("onnx")
    words = ["convert", "3x8x9", "conv:2,k3", "--to", target, "-o"]
    for ending in {".txt", ".pt", ".png", *(ending for endings in ENDINGS.values() for ending in endings)}:
        done = here([*words, str(tmp_path / f"net{ending}")])
        assert done.code == (0 if ending in (".txt", *ENDINGS[target]) else 2), done.err
        assert done.err == "" or f"--to {target} writes {ENDINGS[target][0]}, and " in done.err


def test_the_old_name_of_weights_out_says_the_new_one(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path, files = tmp_path / "net.onnx", [tmp_path / "old.npz", tmp_path / "new.npz"]
    save_all(str(tmp_path / "w.npz"), {"conv1.weight": np.ones((2, 3, 1, 1)), "conv1.bias": np.zeros(2)})
    assert here(["convert", "3x8x9", "conv:2", "--weights-in", str(tmp_path / "w.npz"), "-o", str(path)]).code == 0
    old = here(["convert", str(path), "--weights", str(files[0])])
    new = here(["convert", str(path), "--weights-out", str(files[1])])
    assert (old.code, old.out, new.err) == (0, new.out, "")
    assert old.err == "note: --weights is now called --weights-out\n"
    arrays = [dict(np.load(file)) for file in files]
    assert arrays[0].keys() == arrays[1].keys() == {"conv1.weight", "conv1.bias"}
    assert here(["convert", str(path), "--weights", str(files[0]), "-q"]).err == ""
    both = here(["convert", str(path), "--weights", str(files[0]), "--weights-out", str(files[1])])
    assert (both.code, both.err.splitlines()[-1]) == (2, "  leave --weights out")
    assert "--weights " not in here(["convert", "--help"]).out


def test_a_spec_without_an_input_stays_one() -> None:
    spec = json.loads(here(["convert", "conv:16,k3"]).out)
    assert "input" not in spec


def made_of_one_number(path: Path, rows: int, columns: int) -> None:
    """Write an ONNX file of 150 bytes: a product with a matrix that a node makes."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    half = helper.make_tensor("half", types.FLOAT, [1], [0.5])
    nodes = [
        helper.make_node("ConstantOfShape", ["sizes"], ["w"], value=half),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, types.FLOAT, [1, n]) for name, n in (("x", rows), ("y", columns))]
    sizes = helper.make_tensor("sizes", types.INT64, [2], [rows, columns])
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [sizes])
    path.write_bytes(helper.make_model(graph, ir_version=8).SerializeToString())


@pytest.mark.parametrize("more", [["--to", "onnx"], ["--weights-out", "w.npz"]])
def test_weights_beyond_the_machine_are_refused_before_they_are_made(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_of_one_number(tmp_path / "net.onnx", 1 << 13, 1 << 13)
    monkeypatch.setattr(npy, "machine_memory", lambda: 200 << 20)
    done = here(["convert", "net.onnx", *more], cwd=tmp_path)
    need = "768.0 MiB" if "onnx" in more else "256.0 MiB"
    assert done.code == 2
    assert done.err == (
        f"convert needs {need} more memory to write weights of 256.0 MiB, but the machine has 200.0 MiB\n"
        "  use --until to take a part of the network\n"
    )
    np.save(tmp_path / "x.npy", np.zeros((1, 1 << 13), np.float32))
    done = here(["run", "net.onnx", "-x", "x.npy"], cwd=tmp_path)
    what = "the weights take 256.0 MiB, but the machine has 200.0 MiB"
    assert (done.code, done.err) == (2, f"{what}\n  run a part of the network: --until and --after\n")
    with pytest.raises(cnncalc.SpecError, match=what):
        cnncalc.prepare(tmp_path / "net.onnx")(np.zeros(1 << 13, np.float32))


def test_weights_are_announced_before_they_are_read(tmp_path: Path) -> None:
    made_of_one_number(tmp_path / "net.onnx", 8, 16)
    np.save(tmp_path / "x.npy", np.zeros((1, 8), np.float32))
    first, second, *_ = here(["run", "-v", "net.onnx", "-x", "x.npy"], cwd=tmp_path).err.splitlines()
    assert first == "note: reads weights of 512 bytes"
    assert second.startswith("note: needs ")


@pytest.mark.parametrize("bits", [(14, 15), (16, 16)])
def test_weights_beyond_a_file_are_refused_before_they_are_made(
    bits: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy, "machine_memory", lambda: None)
    made_of_one_number(tmp_path / "net.onnx", *(1 << n for n in bits))
    done = here(["convert", "net.onnx", "--to", "onnx", "-q"], cwd=tmp_path)
    assert (done.code, done.err) == (
        2,
        "the weights are more than 2 GiB, the most an ONNX file can hold\n"
        "  leave out -w, or convert the network to a spec, which holds no weights, and then the spec to ONNX\n",
    )
    assert here(["convert", "net.onnx", "-o", "net.json"], cwd=tmp_path).code == 0
    assert here(["convert", "net.json", "-o", "again.onnx"], cwd=tmp_path).code == 0


def test_weights_of_which_a_file_has_only_the_shapes_take_no_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx")
    monkeypatch.setattr(npy, "machine_memory", lambda: None)
    helper, types = onnx.helper, onnx.TensorProto
    weights = [types(name=name, data_type=types.FLOAT, dims=[1 << 14, 1 << 14]) for name in "abc"]
    nodes = [helper.make_node("MatMul", [x, w], [y]) for x, w, y in ("xau", "ubv", "vcy")]
    ends = [helper.make_tensor_value_info(name, types.FLOAT, [1, 1 << 14]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    (tmp_path / "net.onnx").write_bytes(helper.make_model(graph, ir_version=8).SerializeToString())
    assert here(["convert", "net.onnx", "-o", "again.onnx", "-q"], cwd=tmp_path).code == 0
    assert cnncalc.shape(cnncalc.load(tmp_path / "again.onnx")).params == 3 << 28


def test_weights_that_cannot_be_read_are_not_written_as_zeros(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    made_of_one_number(tmp_path / "net.onnx", 2, 3)
    model = onnx.load(tmp_path / "net.onnx")
    del model.graph.node[0]
    weight = onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    model.graph.initializer.append(weight)
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="data", size_threshold=0)
    assert here(["convert", "net.onnx", "-o", "again.onnx"], cwd=tmp_path).code == 0
    (tmp_path / "data").unlink()
    done = here(["convert", "net.onnx", "-o", "again.onnx"], cwd=tmp_path)
    assert done.code == 2
    assert "the data of 'w' cannot be read" in done.err


@pytest.mark.parametrize(
    ("target", "begins"),
    [
        ("torch", "net.json:3:43: layers[1].layers[1].layers[0] 'b.c.i': PyTorch has no"),
        ("keras", "net.json:3:89: layers[1].layers[1].layers[0] 'b.c.i': Keras cannot express this: it has no"),
        ("onnx", "net.json:2:2: layers[1] 'b.c.i': ONNX cannot express a flipped kernel"),  # its blocks are inlined
    ],
)
def test_what_a_form_cannot_express_is_named_with_the_blocks_around_it(
    target: str, begins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if target == "onnx":
        pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    conv = '{"op": "conv", "c_o": 4, "k": 3, "name": "i", "flip": true}'
    block = f'{{"op": "block", "name": "c", "layers": [{conv}]}}'
    lines = [
        '{"input": [3, 8, 9], "layers": [{"op": "relu"},',
        ' {"op": "block", "name": "b", "layers": [{"op": "relu"},',
        f"  {block}]}}]}}",
    ]
    Path("net.json").write_text("\n".join(lines), encoding="utf-8")
    done = here(["convert", "net.json", "--to", target, "-o", "out"])
    assert (done.code, done.out) == (2, ""), done
    assert done.err.startswith(begins), done
    assert not Path("out").exists()
