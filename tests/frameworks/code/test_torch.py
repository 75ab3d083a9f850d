"""Networks in PyTorch source: what they are is what PyTorch says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cnncalc import sources, trace
from cnncalc.frameworks.code.entry import SourceReader
from cnncalc.frameworks.code.torch.layers import ARGUMENTS, signature
from cnncalc.frameworks.code.torch.modules import tensors
from cnncalc.input import Inputs
from tests import DATA

CODE = DATA / "code"
CASES: dict[str, Any] = {
    name: case
    for name, case in json.loads((CODE / "cases.json").read_text()).items()
    if name.endswith(".py") and not name.startswith("keras")
}


def load(name: str, folder: Path = CODE) -> Any:
    return sources.load_words(sources.spec_words([str(folder / name)]))


@pytest.mark.parametrize("name", CASES)
def test_a_source_has_the_figures_of_pytorch(name: str) -> None:
    case = CASES[name]
    report = trace.shape(load(f"{name}:{case['object']}"), tuple(case["input"]))
    figures = {"out": list(report.out), "params": report.params, "buffers": report.buffers, "macs": report.macs}
    assert figures == {key: case[key] for key in figures}


NETWORKS = CODE / "networks"
FIGURES: dict[str, Any] = json.loads((NETWORKS / "figures.json").read_text())


@pytest.mark.parametrize("name", FIGURES)
def test_a_network_as_people_write_it_has_the_figures_of_pytorch(name: str) -> None:
    case = FIGURES[name]
    inputs = Inputs([(key if len(case["inputs"]) > 1 else None, tuple(own)) for key, own in case["inputs"].items()])
    report = trace.shape(load(name, NETWORKS), inputs)
    unused = report.network.unused or {}
    assert list(report.out) == case["out"]
    assert report.params is not None
    assert report.params + unused.get("params", 0) == case["params"]
    assert report.buffers is not None
    assert report.buffers + unused.get("buffers", 0) == case["buffers"]
    if case["macs"] is not None:  # PyTorch's counter does not see recurrent layers, nor those of nn.TransformerEncoder
        assert report.macs == case["macs"]


@pytest.mark.parametrize("name", FIGURES)
def test_arrays_have_the_names_and_shapes_of_the_state_dict(name: str) -> None:
    file, _, wanted = name.partition(":")
    reader = SourceReader((NETWORKS / file).read_text(), file, wanted)
    found = reader.scope.run(reader.evaluator, lambda evaluator: list(tensors(reader.found(evaluator))))
    lines = [f"{key} {list(tensor.shape)}" for key, tensor in sorted(found)]
    assert len(lines) == FIGURES[name]["arrays"]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == FIGURES[name]["names"]


POSITIONS: dict[str, list[str]] = json.loads((DATA / "positions.json").read_text())["torch"]


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() & POSITIONS.keys()))
def test_a_module_takes_its_arguments_in_the_order_of_pytorch(name: str) -> None:
    own = signature(ARGUMENTS[name]).args
    names = [one.arg for one in own.args[1:] if one.arg != "mode" or name == "Upsample"]
    assert names == POSITIONS[name]
