"""A short run of `tests.fuzz.commands`, always with the same cases, and the findings of its long runs."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.fuzz.commands import faults
from tests.program import here

CASES = 40
"""Cases of a run: about three seconds."""


def test_random_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [(number, fault) for number in range(CASES) for fault in faults(0, number)] == []


FOUND: list[tuple[str, int, str]] = [
    # A command line that ended as a bug, its exit code and the beginning of its output now.
    ("cnncalc rf 1x28x28 opaque relu6 instancenorm --paths", 0, "paths"),
    ("cnncalc rf 3x9x7 opaque sepconv1d:64,k3 sepconv1d:64,k3 --in opaque1", 0, "layer"),
    ("cnncalc shape 1x5x5 opaque lrn --dialect all", 0, "plain, torch, keras, onnx and caffe agree on all 2 layers"),
    ("cnncalc shape 1x5x5 opaque softmax --macs-as thop --hints", 0, "layer"),
    ("cnncalc check vgg16 --expect out=[a]", 0, ""),
    ("cnncalc run relu -x [[[1.0]]] --memory 999999999999999999999999999999999999", 0, ""),
    ("cnncalc shape 3x3xW conv1d:64,k3 --explain --json", 0, "{"),
    (
        "cnncalc run 1x2x2 opaque dwconv:k1 conv:2 -x [[[1,2],[3,4]]] --seed 1",
        2,
        "layers[0] 'opaque1': opaque cannot be run",
    ),
    (
        "cnncalc solve convT:64 -i 28x14 --out 56x28 --top 100000000000000000000",
        2,
        "--top: 100000000000000000000 is too large: the maximum is ",
    ),
    ("cnncalc convert 3x8x8 maxpool:k2,ceil=keep --to onnx -o o.onnx", 0, ""),
]


@pytest.mark.parametrize(("line", "code", "said"), FOUND)
def test_what_was_found(line: str, code: int, said: str, tmp_path: Path) -> None:
    _, *words = shlex.split(line)
    ended = here(words, cwd=tmp_path)
    assert (ended.code, (ended.out or ended.err)[: len(said)]) == (code, said)
