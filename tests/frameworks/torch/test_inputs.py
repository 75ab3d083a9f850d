"""What an input is to a module: what `shape` reads it as for the layers that the module is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.sizes import Shape
from tests.program import here

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class Calls(nn.Module):  # type: ignore[misc,name-defined]
    """A module of parts, which calls them as a function says."""

    def __init__(self, function: Callable[..., Any], *parts: Any):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x, *self.parts)


def flat(x: Any, linear: Any) -> Any:
    """Flattened by a function, of which the module's parts say nothing."""
    return linear(torch.flatten(x, 1))


def last_first(x: Any, conv: Any, before: Any) -> Any:
    """The second part before the first."""
    return conv(before(x))


CASES: list[tuple[Any, str, str, int | None, Shape]] = [
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "8x8", "flatten linear:10", None, (1, 8, 8)),
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "4x4x4", "flatten linear:10", None, (4, 4, 4)),
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "5x1x8x8", "flatten linear:10", 5, (1, 8, 8)),
    (nn.Sequential(nn.ReLU(), nn.Linear(64, 10)), "64", "relu linear:10", None, (64,)),
    (nn.Sequential(nn.ReLU(), nn.Linear(64, 10)), "5x64", "relu linear:10", 5, (64,)),
    (nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10)), "64", "linear:10 batchnorm", None, (64,)),
    (nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10)), "10x64", "linear:10 batchnorm", 10, (64,)),
    (nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3)), "64", "reshape:1x8x8 conv:4,k3", None, (64,)),
    (Calls(flat, nn.Linear(64, 10)), "8x8", "flatten linear:10", None, (1, 8, 8)),
    (Calls(flat, nn.Linear(64, 10)), "1x8x8", "flatten linear:10", None, (1, 8, 8)),
    (Calls(last_first, nn.Linear(64, 10), nn.Conv1d(1, 4, 1)), "64", "conv1d:4 linear:10", None, (1, 64)),
    (Calls(last_first, nn.Linear(64, 10), nn.Conv1d(1, 4, 1)), "1x64", "conv1d:4 linear:10", None, (1, 64)),
    (nn.Sequential(nn.Conv1d(1, 4, 3)), "12", "conv1d:4,k3", None, (1, 12)),
    (nn.Sequential(nn.Conv1d(4, 2, 3)), "4x12", "conv1d:2,k3", None, (4, 12)),
    (nn.Sequential(nn.Conv1d(4, 2, 3)), "5x4x12", "conv1d:2,k3", 5, (4, 12)),
    (nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 3)), "5x7", "relu conv:2,k3", None, (1, 5, 7)),
    (nn.Sequential(nn.ReLU(), nn.Conv2d(3, 2, 3)), "3x5x7", "relu conv:2,k3", None, (3, 5, 7)),
    (nn.Sequential(nn.ReLU(), nn.Conv2d(3, 2, 3)), "11x3x5x7", "relu conv:2,k3", 11, (3, 5, 7)),
    (nn.Conv3d(1, 2, 3), "5x6x7", "conv3d:2,k3", None, (1, 5, 6, 7)),
    (nn.Conv3d(4, 2, 3), "4x5x6x7", "conv3d:2,k3", None, (4, 5, 6, 7)),
    (nn.Sequential(nn.ReLU()), "7", "relu", None, (7,)),
    (nn.Sequential(nn.ReLU()), "5x7", "relu", None, (1, 5, 7)),
]


@pytest.mark.parametrize(("module", "input", "words", "batch", "sample"), CASES)
def test_a_module_reads_an_input_as_its_layers_do(
    module: Any, input: str, words: str, batch: int | None, sample: Shape
) -> None:
    network = cnncalc.from_torch(module, input)
    report, same = cnncalc.shape(network), cnncalc.shape(words, input)
    assert (report.batch, report.sample, report.out) == (batch, sample, same.out)
    assert (same.batch, same.sample) == (batch, sample)
    assert report.params == same.params
    x = torch.rand((1 if batch is None else batch, *sample))
    assert tuple(module.eval()(x).shape)[1:] == report.layers[-1].traced.out


def test_what_the_layers_do_not_tell_the_parts_tell() -> None:
    """Behind a layer that is not known, a convolution says how many axes the input has."""
    module = Calls(lambda x, conv: conv(torch.cumsum(x, 1)), nn.Conv3d(1, 2, 3))
    report = cnncalc.shape(cnncalc.from_torch(module, "1x5x6x7"))
    assert [layer.op for layer in report.layers] == ["identity", "opaque", "conv3d"]
    assert (report.batch, report.sample, report.out) == (None, (1, 5, 6, 7), (2, 3, 4, 5))


def test_an_input_that_no_reading_fits_is_the_first_reading_s_error() -> None:
    with pytest.raises(cnncalc.SpecError, match=r"^'0' of the module stops with RuntimeError"):
        cnncalc.from_torch(nn.Sequential(nn.Conv2d(3, 4, 3)), "5x32x32")
    with pytest.raises(cnncalc.SpecError, match=r"^'1' of the module stops with RuntimeError"):
        cnncalc.from_torch(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "3x8x9")


@pytest.mark.parametrize("size", ["8x8", "1x8x8"])
def test_a_batch_is_put_in_front_of_what_a_module_reads(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module runs on so many samples: this one takes no other number."""
    (tmp_path / "fourfold.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(64, 10)\n\n    def forward(self, x):\n        return self.fc(x.reshape(4, 64))\n"
    )
    monkeypatch.chdir(tmp_path)
    done = here(["convert", "fourfold:Net", "-i", size, "--batch", "4"])
    assert done.code == 0, done.err
    spec = json.loads(done.out)
    assert spec["input"] == [4, 1, 8, 8]
    report = cnncalc.shape(spec)
    assert (report.batch, report.sample, report.out) == (4, (1, 8, 8), (4, 10))
