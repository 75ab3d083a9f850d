"""Several inputs and outputs: shapes and arrays by name or in order, and the requested output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.execute.sinks import save_all
from cnncalc.input import Inputs, by_name
from tests.program import here

LAYERS: list[dict[str, Any]] = [
    {"op": "conv", "name": "a", "c_o": 3, "k": 3, "p": 1},
    {"op": "input", "name": "mask", "shape": [3, 4, 5]},
    {"op": "mul", "name": "m", "from": ["a", "mask"]},
    {"op": "input", "name": "more", "shape": [6]},
    {"op": "linear", "name": "head", "out": 4, "from": "more"},
    {"op": "relu", "name": "end", "from": "m"},
]
SPEC: dict[str, Any] = {"input": [2, 4, 5], "layers": LAYERS}
draw = np.random.default_rng(9).standard_normal
X, MASK, MORE = draw((2, 2, 4, 5)), draw((2, 3, 4, 5)), draw((2, 6))
WEIGHTS = {"a.weight": draw((3, 2, 3, 3)), "a.bias": draw(3), "head.weight": draw((4, 6)), "head.bias": draw(4)}
A = cnncalc.run(LAYERS[:1], X, {name: array for name, array in WEIGHTS.items() if name[0] == "a"})
END, HEAD = np.maximum(A * MASK, 0), MORE @ WEIGHTS["head.weight"].T + WEIGHTS["head.bias"]


@pytest.mark.parametrize("x", [{"mask": MASK, "input": X, "more": MORE}, [X, MASK, MORE], (X, MASK, MORE)])
def test_arrays_by_name_and_in_order(x: Any) -> None:
    np.testing.assert_allclose(cnncalc.run(SPEC, x, WEIGHTS), END)
    np.testing.assert_allclose(cnncalc.run(SPEC, x, WEIGHTS, output="head"), HEAD)
    kept = cnncalc.run(SPEC, x, WEIGHTS, output="head", keep=["m"])
    assert kept.keys() == {"m", "head"}
    np.testing.assert_allclose(kept["m"], A * MASK)


def test_a_sample_alone_and_an_array_for_every_sample() -> None:
    np.testing.assert_allclose(cnncalc.run(SPEC, [X[0], MASK[0], MORE[0]], WEIGHTS), END[0])
    shared = cnncalc.run(SPEC, [X, MASK[0], MORE[:1]], WEIGHTS)
    np.testing.assert_allclose(shared, np.maximum(A * MASK[0], 0))


def test_each_input_has_its_own_dtype() -> None:
    spec = [
        {"op": "input", "name": "ids", "shape": [3]},
        {"op": "embedding", "name": "e", "rows": 7, "out": 4},
        {"op": "relu", "from": "input"},
        {"op": "identity", "name": "end", "from": "e"},
    ]
    ids, table = np.array([[6, 0, 2]]), draw((7, 4))
    found = cnncalc.run(spec, {"input": draw((1, 2, 8, 8)).astype(np.float32), "ids": ids}, {"e.weight": table})
    np.testing.assert_array_equal(found, table[ids])


@pytest.mark.parametrize(("value", "text"), [(1.5, "1.5"), (np.nan, "nan"), (-np.inf, "-inf"), (-0.5, "-0.5")])
def test_an_embedding_takes_whole_numbers(value: float, text: str) -> None:
    spec = {"input": [3], "layers": [{"op": "embedding", "name": "e", "rows": 7, "out": 4}]}
    table, ids = draw((7, 4)), np.array([6.0, value, 2.0])
    with pytest.raises(cnncalc.ShapeError, match=f"a value is {text}, which is not a whole number"):
        cnncalc.run(spec, ids, {"e.weight": table})
    if np.isfinite(value):  # Keras cuts it off
        found = cnncalc.run(spec, ids, {"e.weight": table}, dialect="keras")
        np.testing.assert_array_equal(found, table[ids.astype(int)])
    else:
        with pytest.raises(cnncalc.ShapeError, match=f"a value is {text}"):
            cnncalc.run(spec, ids, {"e.weight": table}, dialect="keras")


WRONG: dict[str, tuple[Any, str]] = {
    "missing": ([X, MASK], r"no values for the input 'more' \(6\)"),
    "first": ({"mask": MASK, "more": MORE}, "x has no array for the first input"),
    "unknown": ({"input": X, "mosk": MASK}, "x: there is no input 'mosk'\n  did you mean 'mask' or"),
    "batch": ([X, MASK, draw((3, 6))], "more has a batch of 3, but the first input has 2"),
    "axes": ([X, MASK, draw((2, 2, 6))], r"more is 6, but 2x2x6 is given"),
    "many": ([X, MASK, MORE, MORE], "x is given 4 times, but there are 3 inputs: input, mask, more"),
}


@pytest.mark.parametrize(("x", "what"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_several_arrays(x: Any, what: str) -> None:
    with pytest.raises(cnncalc.CnncalcError, match=what):
        cnncalc.run(SPEC, x, WEIGHTS)


def test_an_output_that_is_none() -> None:
    with pytest.raises(cnncalc.SpecError, match="there is no output 'm'\n  the outputs are end, head"):
        cnncalc.run(SPEC, [X, MASK, MORE], WEIGHTS, output="m")


def test_shapes_by_name() -> None:
    report = cnncalc.shape(SPEC, input={"input": (2, 7, 8), "mask": "3x7x8", "more": 9})
    assert (report.out, report["head"].x, report["head"].params) == ((3, 7, 8), (9,), 40)
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()
    batched = cnncalc.shape(SPEC, input={"input": (5, 2, 4, 5), "more": (5, 6)})
    assert (batched.out, batched["head"].out) == ((5, 3, 4, 5), (5, 4))
    assert cnncalc.contrast(SPEC, "torch,onnx", input={"more": (9,)}).runs[0].error is None
    with pytest.raises(cnncalc.ShapeError, match="more is 6, but 2x3x9 is given"):
        cnncalc.shape(SPEC, input={"more": (2, 3, 9)})


def test_the_first_input_by_the_name_in_its_file() -> None:
    network = cnncalc.load([{"op": "identity", "name": "image"}, {"op": "input", "name": "z", "shape": [3]}])
    assert by_name(network, Inputs([("z", (4,)), ("image", (2, 5))])) == {"z": (4,), "input": (2, 5)}
    with pytest.raises(cnncalc.SpecError, match="-i gives the input 'input' twice"):
        by_name(network, Inputs([(None, (4,)), ("input", (2, 5))]))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.json").write_text(json.dumps(SPEC))
    for name, array in (("x", X), ("mask", MASK), ("more", MORE)):
        np.save(f"{name}.npy", array)
    save_all("w.npz", WEIGHTS)
    return tmp_path


ARRAYS = ["-x", "x.npy", "-x", "mask=mask.npy", "-x", "more=more.npy", "-w", "w.npz", "-q"]


def test_run_takes_several_arrays(files: Path) -> None:
    for line in (ARRAYS, ["-x", "x.npy", "-x", "mask.npy", *ARRAYS[4:]], ["-x", "input=x.npy", *ARRAYS[2:]]):
        assert here(["run", "net.json", *line, "-o", "y.npy"]).code == 0
        np.testing.assert_allclose(np.load("y.npy"), END)


def test_run_gives_another_output(files: Path) -> None:
    assert here(["run", "net.json", *ARRAYS, "--output", "head", "-o", "y.npy"]).code == 0
    np.testing.assert_allclose(np.load("y.npy"), HEAD)
    shown = json.loads(here(["run", "net.json", *ARRAYS, "--output=head", "--rows", "1:2", "--json"]).out)
    assert (shown["layer"], shown["shape"]) == ("head", [1, 4])
    np.testing.assert_allclose(shown["values"], HEAD[1:])


def test_of_several_outputs_a_name_without_an_ending_is_one_of_them(files: Path) -> None:
    done = here(["run", "net.json", *ARRAYS, "--output", "haed"])
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "--output: there is no output 'haed'\n  did you mean 'head' or 'end'?; a file name needs an ending"
    )
    assert not (files / "haed").exists()
    (files / "old").touch()
    assert here(["run", "net.json", *ARRAYS, "-o", "old"]).code == 0
    np.testing.assert_allclose(np.load("old"), END)


def test_a_name_is_a_file_where_there_is_one_output(files: Path) -> None:
    assert here(["run", "relu:name=end", "-x", "x.npy", "--output", "end", "-q"]).code == 0
    np.testing.assert_allclose(np.load(files / "end"), np.maximum(X, 0))


def test_of_two_arrays_for_one_input_the_last_holds(files: Path) -> None:
    assert here(["run", "relu", "-x", "more.npy", "-x", "x.npy", "-q", "-o", "y.npy"]).code == 0
    np.testing.assert_allclose(np.load("y.npy"), np.maximum(X, 0))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (["-x", "mask=mask.npy"], "-x gives no array for the first input\n  its name is input\n"),
        (["-x", "x.npy", "-x", "mosk=mask.npy"], "-x: there is no input 'mosk'\n  did you mean 'mask' or 'more'?\n"),
        (["-x", "x.npy"], "no values for the input 'mask' (3x4x5)\n  -x mask=FILE gives them; from Python"),
    ],
)
def test_what_is_wrong_with_several_files(files: Path, line: list[str], what: str) -> None:
    ended = here(["run", "net.json", *line, "-w", "w.npz"])
    assert (ended.code, what in ended.err) == (2, True), ended.err


def test_shapes_on_the_command_line(files: Path) -> None:
    line = ["shape", "net.json", "-i", "2x7x8", "-i", "more=9", "-i", "mask=3x7x8", "--json"]
    report = json.loads(here(line).out)
    assert [layer["report"]["out"] for layer in report["layers"]] == [[3, 7, 8]] * 3 + [[9], [4], [3, 7, 8]]
    ordered = ["shape", "net.json", "-i", "2x7x8", "-i", "3x7x8", "-i", "9", "--json"]
    assert json.loads(here(ordered).out) == report
    front = ["shape", "2x7x8", "relu:name=a", "input:3x7x8,name=b", "mul:from=a+b", "-i", "b=2x7x8", "--format", "csv"]
    assert "mul1,mul,2x7x8,2x7x8" in here(front).out
    last = here(["shape", "relu", "-i", "3x4x5", "-i", "3x6x7", "--format", "csv"])
    assert "relu1,relu,3x6x7,3x6x7" in last.out
    for shape, what in (("=3", "-i '=3' names no input"), ("masc=3", "-i: there is no input 'masc'")):
        assert here(["shape", "net.json", "-i", shape]).err.startswith(what)
    twice = here(["shape", "2x7x8", "relu", "-i", "input=2x4x4"])
    assert twice.err.startswith("two inputs: 2x7x8 as the first word, and -i input=2x4x4\n")


def test_a_further_input_may_be_a_single_number() -> None:
    """The sampling rate that a speech network gets in addition to the speech."""
    network = cnncalc.load(
        [
            {"op": "identity", "name": "x"},
            {"op": "input", "name": "rate", "shape": []},
            {"op": "mul", "from": ["x", "rate"]},
        ]
    )
    report = cnncalc.shape(network, {"input": (4, 2, 3), "rate": ()})
    assert (report.out, report["rate"].out) == ((4, 2, 3), ())
