"""Learning a kernel, and gradients compared with finite differences."""

from __future__ import annotations

import io
import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.execute import gradients
from cnncalc.execute.convolution.columns import Windows
from cnncalc.execute.convolution.convolve import convolve
from cnncalc.execute.learn import Diverged, Learner, printed
from tests.execute.test_values import weights_for
from tests.program import command, environment, here, process

CONVOLUTIONS: dict[str, tuple[Windows, int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "plain": (Windows((3, 2), (1, 1), (1, 1), (0, 0)), 1, (2, 3, 6, 7), (4, 3, 3, 2), (4, 6)),
    "strides and padding": (Windows((3, 2), (2, 3), (1, 1), (1, 2)), 1, (2, 3, 7, 8), (4, 3, 3, 2), (4, 4)),
    "dilated groups": (Windows((2, 3), (1, 2), (2, 1), (0, 1)), 2, (2, 4, 6, 7), (6, 2, 2, 3), (4, 4)),
    "one axis": (Windows((3,), (2,), (2,), (3,)), 1, (3, 2, 11), (5, 2, 3), (6,)),
    "three axes": (Windows((2, 1, 2), (1, 2, 1), (1, 1, 2), (1, 0, 0)), 1, (1, 2, 3, 5, 4), (3, 2, 2, 1, 2), (4, 3, 2)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_gradients_against_finite_differences(name: str) -> None:
    windows, g, x_shape, w_shape, space = CONVOLUTIONS[name]
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal(x_shape), rng.standard_normal(w_shape), rng.standard_normal(w_shape[0])
    upstream = rng.standard_normal((x_shape[0], w_shape[0], *space))

    def value() -> float:
        out = np.empty(upstream.shape)
        convolve(x, w, b, out, windows, g)
        return float((out * upstream).sum())

    how: dict[str, Any] = {"s": windows.s, "p": windows.pb, "d": windows.d, "g": g}
    found = {
        "x": (x, gradients.input_gradient(upstream, w, x_shape[2:], **how)),
        "weight": (w, gradients.weight_gradient(x, upstream, windows.k, **how)),
        "bias": (b, gradients.bias_gradient(upstream)),
    }
    for array, gradient in found.values():
        assert gradient.shape == array.shape
        numbers = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            before = array[at]
            array[at] = before + 1e-4
            more = value()
            array[at] = before - 1e-4
            numbers[at] = (more - value()) / 2e-4
            array[at] = before
        np.testing.assert_allclose(gradient, numbers, rtol=1e-6, atol=1e-6)


def test_gradients_take_one_number_for_all_axes_or_one_for_each() -> None:
    rng = np.random.default_rng(0)
    x, upstream = rng.standard_normal((2, 3, 7, 8)), rng.standard_normal((2, 4, 4, 4))
    one = gradients.weight_gradient(x, upstream, 3, s=2, p=1)
    assert one.shape == (4, 3, 3, 3)
    assert np.array_equal(one, gradients.weight_gradient(x, upstream, [3, 3], s=[2, 2], p=(1, 1), d=(1, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": (3, 3, 3)}, r"^k is \[3, 3, 3\]\n  give one whole number of at least 1, or 2 of them$"),
        ({"k": 3, "s": 0}, r"^s is 0\n"),
        ({"k": 3, "p": -1}, r"^p is -1\n  give one whole number of at least 0, or 2 of them$"),
        ({"k": 3, "d": 1.5}, r"^d is 1\.5\n"),
    ],
)
def test_gradients_refuse_windows_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(cnncalc.SpecError, match=message):
        gradients.weight_gradient(np.ones((1, 1, 5, 6)), np.ones((1, 1, 3, 4)), **options)


def learner(spec: Any, shape: tuple[int, ...], seed: int = 5, noise: float = 0, **how: Any) -> Learner:
    """Return a learner whose y is the output of the same layer with other weights."""
    x = np.random.default_rng(seed).standard_normal(shape)
    report = cnncalc.shape(spec, shape, **how)
    y = cnncalc.run(spec, x, weights_for(report, 9), **how)
    y = y + noise * np.random.default_rng(1).standard_normal(y.shape)
    return Learner(cnncalc.load(spec), x, y, seed=2, **how)


LAYERS = [
    {"op": "conv", "c_o": 3, "k": [2, 3]},
    {"op": "conv", "c_o": 4, "k": 3, "s": [2, 1], "p": [[1, 0], [2, 1]], "g": 2, "bias": False},
    {"op": "conv", "c_o": 2, "k": 2, "d": 2, "flip": True},
    {"op": "dwconv", "k": [3, 2], "p": 1, "multiplier": 2},
]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_descent_finds_the_weights_again(layer: dict[str, Any], layout: str) -> None:
    shape = (4, 2, 9, 8) if layout == "NCHW" else (4, 9, 8, 2)
    found = learner([layer], shape, layout=layout)
    rate = found.largest_rate()
    losses = [step.loss for step in found.descend(rate / 2, 300)]
    falling = [loss for loss in losses if loss > 1e-20]  # below, there is only rounding
    assert falling == sorted(falling, reverse=True)
    assert found.loss() < 1e-6 * losses[0]
    exact = learner([layer], shape, layout=layout)
    solution = exact.solve()
    assert solution.loss == 0
    assert solution.rank == solution.unknowns
    np.testing.assert_allclose(found.weight, exact.weight, atol=1e-3)


def test_the_largest_rate_is_where_it_begins_to_diverge() -> None:
    layer = [{"op": "conv", "c_o": 2, "k": 3, "p": 1}]
    rate = learner(layer, (2, 2, 7, 9)).largest_rate(500)
    falling = learner(layer, (2, 2, 7, 9), noise=0.1)
    steps = list(falling.descend(rate * 0.98, 50))
    assert all(b.loss <= a.loss for a, b in pairwise(steps))
    with pytest.raises(Diverged, match="the loss grew from"):
        list(learner(layer, (2, 2, 7, 9), noise=0.1).descend(rate * 1.05, 400))


def test_the_exact_solution_is_the_least_of_all() -> None:
    found = learner([{"op": "conv", "c_o": 2, "k": 2}], (2, 3, 6, 5), noise=0.5)
    solution = found.solve()
    assert found.bias is not None
    for array in (found.weight, found.bias):
        for at in np.ndindex(array.shape):
            for step in (1e-3, -1e-3):
                array[at] += step
                assert found.loss() > solution.loss
                array[at] -= step


def test_too_few_samples_leave_the_kernel_open() -> None:
    found = learner([{"op": "conv", "c_o": 1, "k": 3, "bias": False}], (1, 2, 4, 5))
    solution = found.solve()
    assert (solution.equations, solution.unknowns, solution.rank) == (6, 18, 6)
    assert solution.loss == 0


def test_what_cannot_be_learned() -> None:
    x = np.ones((2, 3, 6, 6))
    with pytest.raises(cnncalc.SpecError, match="learn takes a single convolution, not maxpool"):
        Learner(cnncalc.load("maxpool:k2"), x, x)
    with pytest.raises(cnncalc.SpecError, match="learn takes a single convolution, not 2 layers"):
        Learner(cnncalc.load("conv:3 relu"), x, x)
    with pytest.raises(cnncalc.ShapeError, match="y is 2x3x6x6, but this layer's output is 2x4x4x4"):
        Learner(cnncalc.load("conv:4,k3"), x, x)


# the chapter


@pytest.fixture
def edges(tmp_path: Path) -> Path:
    """Return the chapter's picture of ones with four columns of zeros, its kernel and the initial kernel."""
    x = np.ones((6, 8), np.float32)
    x[:, 2:6] = 0
    kernel = np.array([[1.0, -1.0]], np.float32)
    y = x[:, :-1] - x[:, 1:]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "k.npy", kernel)
    np.save(tmp_path / "k0.npy", np.array([[1.03678, 0.18651]], np.float32))
    np.save(tmp_path / "x_last.npy", x.reshape(1, 6, 8, 1))
    np.save(tmp_path / "y_last.npy", y.reshape(1, 6, 7, 1))
    np.save(tmp_path / "k0_last.npy", np.array([[1.03678, 0.18651]], np.float32).reshape(1, 2, 1, 1))
    return tmp_path


TABLE = {2: "15.990", 4: "6.157", 6: "2.456", 8: "0.995", 10: "0.406"}
DESCENT = ["--lr", "0.03", "--steps", "10", "--log-every", "2"]


@pytest.mark.parametrize("last", [False, True], ids=["2-D", "channels last"])
def test_the_chapters_table(edges: Path, last: bool) -> None:
    suffix = "_last" if last else ""
    files = ["-x", f"x{suffix}.npy", "-y", f"y{suffix}.npy", "--init", f"k0{suffix}.npy", "-o", "k.npy"]
    layout = ["--layout", "NHWC"] if last else []
    done = process("learn", "conv:nobias", *files, *DESCENT, *layout, cwd=edges)
    assert done.code == 0, done.err
    rows = [line.split() for line in done.out.splitlines()[1:6]]
    assert {int(row[0]): row[1] for row in rows} == TABLE
    found = np.load(edges / "k.npy")
    assert found.shape == ((1, 2, 1, 1) if last else (1, 2))
    assert [f"{v:.4f}" for v in found.ravel()] == ["1.0590", "-0.9277"]
    if not last:
        assert "[[ 1.0590 -0.9277]]" in done.out


def test_the_table_as_json(edges: Path) -> None:
    files = ["-x", str(edges / "x.npy"), "-y", str(edges / "y.npy"), "--init", str(edges / "k0.npy")]
    done = here(["learn", "conv:nobias", *files, *DESCENT, "--json"])
    found = json.loads(done.out)
    assert {row["step"]: f"{row['loss']:.3f}" for row in found["losses"]} == TABLE
    assert found["lr"] == 0.03
    assert np.shape(found["weight"]) == (1, 1, 1, 2)
    assert "bias" not in found


def test_divergence_is_said(edges: Path) -> None:
    files = ["-x", str(edges / "x.npy"), "-y", str(edges / "y.npy"), "-o", str(edges / "new.npy")]
    done = here(["learn", "conv:k1x2", *files, "--lr", "1"])
    assert done.code == 2
    assert "the loss grew from" in done.err
    assert "try a smaller --lr: below 2/(largest curvature) = 0.0161 the loss falls" in done.err
    assert "nan" not in (done.out + done.err).lower()
    assert not (edges / "new.npy").exists()
    assert "in 1 step with --lr 9" in here(["learn", "conv:k1x2", *files, "--steps", "1", "--lr", "9"]).err
    assert "in 3 steps with --lr 9" in here(["learn", "conv:k1x2", *files, "--steps", "3", "--lr", "9"]).err


def test_the_exact_solution_says_how_well_determined_it_is(edges: Path) -> None:
    files = ["-x", str(edges / "x.npy"), "-y", str(edges / "y.npy")]
    done = here(["learn", "conv:k1x2,nobias", *files, "--exact"])
    assert "42 equations in 2 unknowns per output channel, rank 2 of 2: determined, condition 2.24" in done.out
    assert "[[[[ 1.0000 -1.0000]]]]" in done.out
    assert done.err == ""
    done = here(["learn", "conv:k1x2,nobias", *files, "--exact", "--lr", "0.1", "--log-every", "2"])
    assert done.err == (
        "note: --lr is not used: --exact takes no steps\nnote: --log-every is not used: --exact takes no steps\n"
    )
    done = here(["learn", "conv:k3x2,nobias", *files[:2], "-y", str(edges / "y4.npy"), "--exact"])
    assert done.code == 2  # there is no such file
    np.save(edges / "y4.npy", np.load(edges / "y.npy")[:4])
    done = here(["learn", "conv:k3x2,nobias", *files[:2], "-y", str(edges / "y4.npy"), "--exact"])
    assert "rank 2 of 6: not determined, 4 directions left open" in done.out


def test_the_exact_solution_as_json(edges: Path) -> None:
    done = here(
        ["learn", "conv:k1x2,nobias", "-x", str(edges / "x.npy"), "-y", str(edges / "y.npy"), "--exact", "--json"]
    )
    found = json.loads(done.out)
    assert np.round(found["weight"], 9).tolist() == [[[[1, -1]]]]
    assert (found["exact"]["rank"], found["exact"]["unknowns"]) == (2, 2)


def test_an_input_of_zeros_limits_no_rate() -> None:
    """No step changes the loss, 1 for each of 2*2*3*4 values."""
    layer = cnncalc.load([{"op": "conv", "c_o": 2, "k": 3, "bias": False}])
    found = Learner(layer, np.zeros((2, 3, 5, 6)), np.ones((2, 2, 3, 4)), seed=2)
    assert found.largest_rate() == float("inf")
    assert {step.loss for step in found.descend(1.0, 3)} == {48.0}


def test_equations_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each of 2*3*4 positions, a column for each of 3*3*3 cells and the bias, three times, 8 bytes each."""
    found = learner([{"op": "conv", "c_o": 2, "k": 3}], (2, 3, 5, 6))
    need = 3 * 24 * 28 * 8
    monkeypatch.setattr("cnncalc.execute.learn.machine_memory", lambda: need)
    assert found.solve().unknowns == 28
    monkeypatch.setattr("cnncalc.execute.learn.machine_memory", lambda: need - 1)
    with pytest.raises(
        cnncalc.SpecError, match=r"24 equations in 28 unknowns take 15\.8 KiB, but the machine has 15\.7 KiB"
    ):
        found.solve()


def test_of_many_weights_the_range_is_printed() -> None:
    assert printed(np.arange(1200.0).reshape(4, 3, 10, 10)) == "  4x3x10x10, 0 to 1199"


def test_what_the_kernel_size_is_by_default(edges: Path) -> None:
    files = ["-x", str(edges / "x.npy"), "-y", str(edges / "y.npy")]
    done = here(["learn", "conv:nobias", *files])
    assert done.err == (
        "layers[0] 'conv1': y is 6x7, but this layer's output is 6x8\n"
        "  y is the output to learn; k is 1 unless the layer or an initial kernel gives it\n"
    ).removeprefix("layers[0] 'conv1': ")
    assert here(["learn", "conv:k1,nobias", *files]).err.endswith("y is the output to learn\n")
    assert here(["learn", "conv:k1x1,nobias", *files[:2], "-y", str(edges / "x.npy"), "--exact"]).out.count(
        "1 unknown "
    )


def test_kernel_and_bias_in_one_file(edges: Path) -> None:
    files = ["-x", str(edges / "x.npy"), "-y", str(edges / "y.npy")]
    done = here(["learn", "conv:k1x2", *files, "--exact", "-o", str(edges / "w.npz")])
    assert done.code == 0, done.err
    found = np.load(edges / "w.npz")
    assert sorted(found) == ["conv1.bias", "conv1.weight"]
    done = here(
        ["run", "conv:1,k1x2", "-x", str(edges / "x.npy"), "-w", str(edges / "w.npz"), "-o", str(edges / "z.npy")]
    )
    assert done.code == 0, done.err
    np.testing.assert_allclose(np.load(edges / "z.npy"), np.load(edges / "y.npy"), atol=1e-6)
    done = here(["learn", "conv:k1x2", *files, "--exact", "-o", str(edges / "w.npy")])
    assert "holds only the kernel" in done.err


def piped(folder: Path, *args: str) -> tuple[int, bytes]:
    """Return the exit code and the bytes on standard output."""
    done = subprocess.run([*command(), *args], cwd=folder, env=environment(), capture_output=True, check=False)
    return done.returncode, done.stdout


def test_a_kernel_alone_goes_to_standard_output(edges: Path) -> None:
    args = ["learn", "conv:k1x2,nobias", "-x", "x.npy", "-y", "y.npy", "--steps", "2", "-o", "-"]
    code, out = piped(edges, *args)
    assert (code, np.load(io.BytesIO(out)).shape) == (0, (1, 1, 1, 2))
    assert piped(edges, *args, "--json") == (2, b"")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("x", np.nan, "x has values that are not finite"),
        ("y", np.inf, "y has"),
        ("y", -1e200, "y has values up to 1e+200"),
    ],
)
@pytest.mark.parametrize("exact", [[], ["--exact"]])
def test_what_is_not_finite_is_blamed_itself(
    name: str, value: float, words: str, exact: list[str], edges: Path
) -> None:
    array = np.load(edges / f"{name}.npy").astype(float)
    array.flat[3] = value
    np.save(edges / f"{name}.npy", array)
    done = here(
        ["learn", "conv:k1x2,nobias", "-x", str(edges / "x.npy"), "-y", str(edges / "y.npy"), *exact],
    )
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_kernel_in_another_order_is_learned_all_the_same() -> None:
    rng = np.random.default_rng(0)
    x, wanted = rng.standard_normal((2, 8, 8, 3)), rng.standard_normal((3, 3, 3, 2))
    network = cnncalc.load("dwconv:k3,multiplier=2,nobias")
    y = cnncalc.run(network, x, wanted, layout="NHWC")
    learner = Learner(network, x, y, np.asfortranarray(np.zeros_like(wanted)), layout="NHWC")
    assert sum(1 for _ in learner.descend(1e-3, 3)) == 3
    learner.solve()
    np.testing.assert_allclose(learner.weight, wanted, atol=1e-12)


def test_what_has_converged_has_not_diverged() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 3, 16, 16)).astype(np.float32)
    y = rng.standard_normal((4, 5, 14, 14)).astype(np.float32)
    for wanted in (y, cnncalc.run("conv:5,k3", x, seed=0)):
        learner = Learner(cnncalc.load("conv:5,k3"), x, wanted)
        losses = [step.loss for step in learner.descend(5e-4, 1200)]
        assert losses[-1] <= losses[0]


def test_init_and_seed_exclude_each_other(edges: Path) -> None:
    files = ["-x", str(edges / "x.npy"), "-y", str(edges / "y.npy"), "--init", str(edges / "k.npy")]
    assert here(["learn", "conv", *files, "--seed", "1"]).code == 2
