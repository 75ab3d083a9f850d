"""`cnncalc convert`: what it writes reads back as the same network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cnncalc
from cnncalc import zoo
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


def test_a_spec_without_an_input_stays_one() -> None:
    spec = json.loads(here(["convert", "conv:16,k3"]).out)
    assert "input" not in spec
