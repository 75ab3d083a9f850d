"""Networks in PyTorch source: what they are is what PyTorch says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnncalc import sources, trace
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
