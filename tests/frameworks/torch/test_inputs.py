"""A module's input, compared with how `shape` reads it for the same layers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks.torch.read import read
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
    """Flatten by a function, which the module's parts do not show."""
    return linear(torch.flatten(x, 1))


def last_first(x: Any, conv: Any, before: Any) -> Any:
    """Run the second part before the first."""
    return conv(before(x))


CASES: list[tuple[Any, str, str, int | None, Shape]] = [
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "8x8", "flatten linear:10", None, (8, 8)),
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "4x4x4", "flatten linear:10", None, (4, 4, 4)),
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "5x1x8x8", "flatten linear:10", 5, (1, 8, 8)),
    (nn.Sequential(nn.ReLU(), nn.Linear(64, 10)), "64", "relu linear:10", None, (64,)),
    (nn.Sequential(nn.ReLU(), nn.Linear(64, 10)), "5x64", "relu linear:10", 5, (64,)),
    (nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10)), "64", "linear:10 batchnorm", None, (64,)),
    (nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10)), "10x64", "linear:10 batchnorm", 10, (64,)),
    (nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3)), "64", "reshape:1x8x8 conv:4,k3", None, (64,)),
    (Calls(flat, nn.Linear(64, 10)), "8x8", "flatten linear:10", None, (8, 8)),
    (Calls(flat, nn.Linear(64, 10)), "1x8x8", "flatten linear:10", 1, (8, 8)),
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
    (nn.Sequential(nn.ReLU()), "5x7", "relu", 5, (7,)),
    (nn.BatchNorm1d(8), "4x8x5", "batchnorm", 4, (8, 5)),
    (nn.AdaptiveAvgPool1d(1), "3x4x5", "avgpool1d:5", 3, (4, 5)),
    (nn.MaxPool1d(2), "4x5", "maxpool1d:2", None, (4, 5)),
    (nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU()), "3x6", "linear:4 batchnorm relu", 3, (6,)),
]


@pytest.mark.parametrize(("module", "input", "words", "batch", "sample"), CASES)
def test_a_module_reads_an_input_as_its_layers_do(
    module: Any, input: str, words: str, batch: int | None, sample: Shape
) -> None:
    network = cnncalc.from_torch(module, input)
    report = cnncalc.shape(network)
    assert (report.batch, report.sample) == (batch, sample)
    same = cnncalc.shape(cnncalc.load(words)._replace(input=report.network.input, sample_axes=len(sample)))
    assert (same.batch, same.sample, same.out, same.params) == (batch, sample, report.out, report.params)
    x = torch.rand((1 if batch is None else batch, *sample))
    assert tuple(module.eval()(x).shape)[1:] == report.layers[-1].traced.out


def unsqueezed(x: Any, conv: Any) -> Any:
    """Run on a spectrogram, whose single channel the module adds itself."""
    return conv(x.unsqueeze(1)).mean((2, 3))


def frame_by_frame(x: Any, conv: Any) -> Any:
    """Run each frame of a video through a convolution."""
    n, t = x.shape[:2]
    return conv(x.flatten(0, 1)).mean((2, 3)).view(n, t, -1).mean(1)


def time_first(x: Any, lstm: Any) -> Any:
    """Run on text, whose batch the module moves: the time comes first for its recurrent layer."""
    return lstm(x.permute(1, 0, 2))[0]


WHOLE: list[tuple[Any, str, int | None, Shape, int]] = [
    # The input's tensor sizes, the batch, one sample of the output, and the multiply-accumulates.
    (Calls(unsqueezed, nn.Conv2d(1, 4, 3)), "2x9x7", 2, (4,), 2 * 4 * 9 * 35),
    (Calls(lambda x, conv: conv(x[:, None]).mean(2), nn.Conv1d(1, 4, 5, 2)), "3x17", 3, (4,), 3 * 4 * 5 * 7),
    (Calls(frame_by_frame, nn.Conv2d(3, 4, 3)), "2x5x3x6x7", 2, (4,), 2 * 5 * 4 * 27 * 20),
    (Calls(time_first, nn.LSTM(6, 4)), "2x5x6", 2, (5, 4), 2 * 5 * 4 * 4 * 10),
    (Calls(lambda x, lstm: lstm(x)[0], nn.LSTM(6, 4)), "5x2x6", None, (5, 2, 4), 2 * 5 * 4 * 4 * 10),
    (Calls(lambda x, norm: norm(x).mean(0), nn.LayerNorm(6)), "5x6", None, (6,), 0),
]


@pytest.mark.parametrize(("module", "input", "batch", "out", "macs"), WHOLE)
def test_a_batch_is_found_wherever_it_stands(module: Any, input: str, batch: int | None, out: Shape, macs: int) -> None:
    network = cnncalc.from_torch(module, input)
    report = cnncalc.shape(network)
    assert [layer.op for layer in report.layers if layer.op == "opaque"] == []
    assert (report.batch, report.layers[-1].traced.out, report.macs) == (batch, out, macs)
    x = torch.rand(tuple(map(int, input.split("x")))) - 0.5
    with torch.no_grad():
        y = module.eval()(x)
    assert report.out == tuple(y.shape)
    weights = {name: array() for name, array in read(module, tuple(x.shape)).weights.items()}
    np.testing.assert_allclose(cnncalc.run(network, x.numpy(), weights), y.numpy(), rtol=1e-4, atol=1e-5)


def test_nothing_is_folded_into_a_batch_that_was_not_given() -> None:
    """The module accepts no other number of frames, and they come first in its output."""
    function = lambda x, conv: conv(x.reshape(2, 6, 7, 5))  # noqa: E731
    report = cnncalc.shape(cnncalc.from_torch(Calls(function, nn.Conv2d(6, 4, 3)), (4, 3, 7, 5)))
    assert report.out == (2, 4, 5, 3)
    function = lambda x, conv: conv(x) / len(x)  # noqa: E731
    report = cnncalc.shape(cnncalc.from_torch(Calls(function, nn.Conv2d(3, 4, 3)), (3, 7, 5)))
    assert [layer.op for layer in report.layers] == ["conv"]


def test_the_batch_is_told_from_sizes_of_the_module() -> None:
    """61 is the batch size that a module is usually run with."""
    report = cnncalc.shape(cnncalc.from_torch(nn.Sequential(nn.Conv2d(3, 61, 3), nn.Conv2d(61, 4, 1)), (2, 3, 61, 63)))
    assert (report.out, report.batch) == ((2, 4, 59, 61), 2)


def by_its_values(x: Any) -> Any:
    return x / x.numel() ** 0.5


def by_its_samples(x: Any) -> Any:
    return x * x.shape[0]


def by_a_constant(x: Any) -> Any:
    return x + torch.full((5,), len(x) / 4)


def by_its_batch_of_ones(x: Any) -> Any:
    return x - torch.ones(x.size(0), 1, 1) / torch.zeros_like(x).size(0)


def by_its_number(x: Any) -> Any:
    return x * torch.linspace(0.5, 1, len(x)).view(-1, 1, 1)


def noisy(x: Any) -> Any:
    return x.reshape(x.shape[0], -1).view(x.shape) + torch.rand(5)


def by_a_branch(x: Any) -> Any:
    return torch.relu(x) if x.shape[0] > 1 else torch.tanh(x)


def by_an_argument(x: Any) -> Any:
    return F.leaky_relu(x - 0.5, 0.2 if len(x) > 2 else 0.7)


def by_a_number_of_its_own(x: Any) -> Any:
    return x + torch.full((5,), 2.0 if x.size(0) % 2 else 3.0)


def by_an_index(x: Any) -> Any:
    return x[..., : 2 if len(x) > 2 else 3]


@pytest.mark.parametrize(
    "function",
    [
        by_its_values,
        by_its_samples,
        by_a_constant,
        by_its_batch_of_ones,
        by_its_number,
        by_a_branch,
        by_an_argument,
        by_a_number_of_its_own,
        by_an_index,
        noisy,
    ],
)
@pytest.mark.parametrize("input", [(3, 4, 5), (1, 4, 5), (2, 2, 5)])
def test_a_number_of_the_batch_is_that_of_the_input(function: Callable[[Any], Any], input: tuple[int, ...]) -> None:
    """Not that of the unusual batch that a module is traced with."""
    module, x = Calls(function), torch.rand(input)
    torch.manual_seed(0)
    found = read(module, input)
    y = module(x).numpy()  # the reader restores PyTorch's random state
    weights = {name: array() for name, array in found.weights.items()}
    assert cnncalc.shape(found.spec).batch in (input[0], None)
    assert "movebatch" not in [layer["op"] for layer in found.spec["layers"]]
    np.testing.assert_allclose(cnncalc.run(found.spec, x.numpy(), weights), y, rtol=1e-5, atol=1e-6)


def test_a_branch_is_that_of_one_sample_if_no_batch_is_given() -> None:
    branch = lambda x, conv: conv(x).relu() if len(x) > 1 else conv(x).tanh()  # noqa: E731
    for input, batch, op in (((3, 7, 5), None, "tanh"), ((3, 7, 5), 4, "relu"), ((1, 3, 7, 5), None, "tanh")):
        found = read(Calls(branch, nn.Conv2d(3, 4, 3)), input, batch=batch)
        assert [layer["op"] for layer in found.spec["layers"]] == ["conv", op]


def test_sizes_that_a_module_takes_are_not_those_of_one_sample() -> None:
    """It runs only on this batch, which it mixes: the whole is read, and no batch is put in front of it."""
    module = Calls(lambda x, norm: norm(x).view(1, 4).softmax(1), nn.GroupNorm(1, 2))
    x = torch.rand(2, 2)
    found = read(module, (2, 2))
    weights = {name: array() for name, array in found.weights.items()}
    np.testing.assert_allclose(cnncalc.run(found.spec, x.numpy(), weights), module(x).detach().numpy(), rtol=1e-5)


def test_a_module_that_looks_at_no_size_runs_once() -> None:
    runs: list[int] = []

    def flattened(x: Any, linear: Any) -> Any:
        runs.append(x.dim())
        return linear(x.flatten(1))

    def viewed(x: Any, linear: Any) -> Any:
        runs.append(x.dim())
        return linear(x.view(len(x), -1))

    for function, total in ((flattened, 1), (viewed, 4)):
        found = read(Calls(function, nn.Linear(64, 10)), (5, 64))
        assert found.spec["layers"] == [{"op": "linear", "name": "parts.0", "out": 10}]
        assert len(runs) == total


def test_a_module_that_stops_shows_its_layers_and_the_shapes_that_meet() -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        cnncalc.from_torch(nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(4, 8, 3)), "3x32x30")
    lines = str(error.value).splitlines()
    assert lines[:4] == [
        "'2' of the module stops at conv2d of 1x5x30x28 and 8x4x3x3 and 8",
        "  input  input   1x3x32x30",
        "  0      conv2d  1x5x30x28",
        "  1      relu    1x5x30x28",
    ]
    assert lines[4].startswith("  RuntimeError: ")
    with pytest.raises(cnncalc.SpecError, match=r"^'0' of the module stops at conv2d of 1x5x32x32 and 4x3x3x3 and 4"):
        cnncalc.from_torch(nn.Sequential(nn.Conv2d(3, 4, 3)), "5x32x32")


class Masked(nn.Module):  # type: ignore[misc,name-defined]
    """A convolution under a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, image: Any, mask: Any) -> Any:
        return self.conv(image) * mask


def test_the_run_that_came_furthest_says_what_is_wrong() -> None:
    """PyTorch reports an index, like that of an embedding; on integers, the convolution fails before that."""
    with pytest.raises(cnncalc.SpecError, match=r"^the module stops at mul of 1x8x8x8 and 1x1x7x8\n"):
        cnncalc.from_torch(Masked(), {"image": (3, 8, 8), "mask": (1, 7, 8)})


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: torch.jit.script(nn.ReLU()),
            ("a scripted module cannot be traced\n  give the module that it was made from"),
        ),
        (
            lambda: nn.LazyConv2d(4, 3),
            "the module is lazy, so its parameters have no sizes yet\n  run it once on an input",
        ),
        (lambda: Calls(lambda x: torch.ones(len(x))), "the module's output does not depend on its input"),
    ],
)
def test_a_module_that_cannot_be_followed(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        cnncalc.from_torch(make(), (3, 7, 5))
    assert str(error.value).startswith(message)


def test_a_lazy_module_that_ran_once_is_followed() -> None:
    module = nn.LazyConv2d(4, 3)
    module(torch.zeros(1, 3, 8, 8))
    assert cnncalc.shape(cnncalc.from_torch(module, (3, 7, 5))).out == (4, 5, 3)


def test_a_module_without_values_has_shapes() -> None:
    network = cnncalc.from_torch(nn.Conv2d(3, 4, 3, device="meta"), (3, 7, 5))
    assert cnncalc.shape(network).params == 112
    with pytest.raises(cnncalc.SpecError, match=r"conv.weight has no values: it is on PyTorch's meta device\n  create"):
        cnncalc.run(network, np.zeros((3, 7, 5), np.float32))


def test_the_input_of_a_module_has_numbers() -> None:
    with pytest.raises(cnncalc.SpecError, match=r"the input 3xHx5 has open sizes, but PyTorch needs numbers\n  as 3x2"):
        cnncalc.from_torch(nn.ReLU(), "3xHx5")


def test_an_input_that_no_tensor_holds_is_refused() -> None:
    with pytest.raises(cnncalc.SpecError, match="has more values than a PyTorch tensor can hold"):
        cnncalc.from_torch(nn.ReLU(), (3, 10**9, 10**9))


@pytest.mark.parametrize("size", ["8x8", "1x8x8"])
def test_a_batch_is_put_in_front_of_what_a_module_reads(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module only accepts this number of samples."""
    (tmp_path / "fourfold.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(64, 10)\n\n    def forward(self, x):\n        return self.fc(x.reshape(4, 64))\n"
    )
    monkeypatch.chdir(tmp_path)
    done = here(["convert", "fourfold:Net", "-i", size, "--batch", "4"])
    assert done.code == 0, done.err
    spec = json.loads(done.out)
    assert spec["input"] == [4, *map(int, size.split("x"))]
    report = cnncalc.shape(spec)
    assert (report.batch, report.sample, report.out) == (4, tuple(map(int, size.split("x"))), (4, 10))


def test_inputs_of_different_first_sizes_have_no_batch_in_front() -> None:
    """The steps come first, then the samples, which is PyTorch's own order in attention."""
    module = nn.TransformerDecoderLayer(4, 2, 8)
    tgt, memory = torch.rand(3, 2, 4), torch.rand(5, 2, 4)
    found = read(module, {"tgt": tuple(tgt.shape), "memory": tuple(memory.shape)})
    weights = {name: array() for name, array in found.weights.items()}
    y = cnncalc.run(found.spec, {"tgt": tgt.numpy(), "memory": memory.numpy()}, weights)
    np.testing.assert_allclose(y, module.eval()(tgt, memory).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_attention_under_a_mask_of_its_own_is_opaque_in_the_shape_of_one_sample() -> None:
    module = nn.MultiheadAttention(3, 3, batch_first=True)
    mask = torch.zeros(3, 3, 3, dtype=torch.bool)
    report = cnncalc.shape(cnncalc.from_torch(Calls(lambda x, m: m(x, x, x, attn_mask=mask)[0], module), (3, 3)))
    assert (report.out, report.params) == ((3, 3), 48)


def test_a_loss_looks_at_values_and_has_a_shape_nevertheless() -> None:
    loss = nn.GaussianNLLLoss(reduction="none")
    given = {"input": (4, 3), "target": (4, 3), "var": (4, 1)}
    assert cnncalc.shape(cnncalc.from_torch(loss, given)).out == (4, 3)
