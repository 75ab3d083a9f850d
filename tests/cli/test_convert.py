"""`cnncalc convert`: what it writes reads back as the same network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
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
    assert old.err == "note: --weights is called --weights-out now\n"
    arrays = [dict(np.load(file)) for file in files]
    assert arrays[0].keys() == arrays[1].keys() == {"conv1.weight", "conv1.bias"}
    assert here(["convert", str(path), "--weights", str(files[0]), "-q"]).err == ""
    both = here(["convert", str(path), "--weights", str(files[0]), "--weights-out", str(files[1])])
    assert (both.code, both.err.splitlines()[-1]) == (2, "  leave --weights out")
    assert "--weights " not in here(["convert", "--help"]).out


def test_a_spec_without_an_input_stays_one() -> None:
    spec = json.loads(here(["convert", "conv:16,k3"]).out)
    assert "input" not in spec
