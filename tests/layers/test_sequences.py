"""Products, attention and sequence layers: errors, open sizes, and the arithmetic that is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.sizes import Open

A = {"op": "identity", "name": "a"}
ROW = {"op": "mean", "name": "row", "axis": [1, 2], "from": "a"}
"""One number for each feature."""


@pytest.mark.parametrize(
    ("layer", "what", "help"),
    [
        ({"op": "matmul"}, "matmul reads 2 inputs, got 1", "name them, for example from=a+b"),
        ({"op": "matmul", "from": ["a"] * 3}, "matmul reads 2 inputs, got 3", "name fewer layers"),
        ({"op": "attention", "from": ["a"] * 5}, "attention reads 1 to 4 inputs, got 5", "name fewer layers"),
        (
            {"op": "einsum", "equation": "ci1"},
            "'ci1' is not an equation",
            "give letters for the axes of each sample, such as ij,jk->ik",
        ),
        (
            {"op": "einsum", "equation": "cij->cc"},
            "'cij->cc' names an axis of its output twice",
            "give each letter once",
        ),
        ({"op": "einsum", "equation": "cij->k"}, "'cij->k': no input has k", "an output has only axes of the inputs"),
        (
            {"op": "einsum", "equation": "cij->c..."},
            "'cij->c...': no input has ...",
            ("an output has only axes of the inputs"),
        ),
        ({"op": "einsum", "equation": "ij"}, "ij does not name the axes of 4x5x6", None),
        ({"op": "einsum", "equation": "cij,cij->c"}, "einsum reads 2 inputs, got 1", "name them, for example from=a+b"),
        ({"op": "attention", "from": "row"}, "attention works on positions and features, but gets 6", "row gives 6"),
        (
            {"op": "attention", "from": ["a", "a", "a", "a"]},
            "attention of 4x5x6 and 4x5x6 and 4x5x6 and 4x5x6: the mask 4x5x6 does not fit scores of 4x5x5",
            "a gives 4x5x6, a gives 4x5x6, a gives 4x5x6, a gives 4x5x6",
        ),
        (
            {"op": "multihead", "heads": 4},
            "heads=4 does not divide 6 features",
            "give key_dim, the features of each head",
        ),
        ({"op": "multihead", "heads": 2, "kdim": 5}, "expects 5 features of keys, gets 6", "remove kdim"),
        ({"op": "lstm", "out": 3, "from": "row"}, "lstm works on steps and features, but gets 6", "row gives 6"),
        ({"op": "gru", "out": 3, "c_i": 5, "from": "a"}, "expects 5 input features, gets 6", "remove c_i"),
        (
            {"op": "rnn", "out": 3, "backward": True, "bidirectional": True, "from": "a"},
            "backward is one direction, but bidirectional is both",
            "leave out one of them",
        ),
    ],
    ids=str,
)
def test_what_is_impossible(layer: dict[str, Any], what: str, help: str | None) -> None:
    with pytest.raises(cnncalc.ShapeError) as error:
        cnncalc.shape([A, ROW, {"from": "a", **layer}], (4, 5, 6))
    assert error.value.what == what
    assert (error.value.help or "").startswith(help or "")


def test_numbers_beyond_a_table_are_refused() -> None:
    table = [{"op": "embedding", "rows": 4, "out": 2}]
    for value, shown in ((4, 4), (-1, -1)):
        with pytest.raises(cnncalc.ShapeError, match=f"the table has rows 0 to 3, but a value is {shown}"):
            cnncalc.run(table, np.full((1, 2, 3), value), seed=0)


def test_sums_of_products_of_integers_stay_within_64_bits() -> None:
    x = np.full((1, 2, 2), 2**32)
    for layer in ({"op": "matmul"}, {"op": "einsum", "equation": "cij,cjk->cik"}):
        with pytest.raises(cnncalc.ShapeError, match="beyond 2\\^63 - 1"):
            cnncalc.run([A, {**layer, "from": ["a", "a"]}], x)


def test_open_sizes_leave_what_they_do_not_decide() -> None:
    report = cnncalc.shape([{"op": "lstm", "out": 8, "c_i": 5}], "CxHxW")
    assert (report.params, report.macs) == (4 * 8 * (5 + 8) + 2 * 4 * 8, Open("C") * Open("H") * 416)
    report = cnncalc.shape([{"op": "multihead", "heads": 2}], "4xHx6")
    assert (report.params, report.macs) == (4 * 6 * 6 + 4 * 6, Open("H") * 4 * 144 + Open("H") * Open("H") * 48)
    assert report.to_dict()["report"]["out"] == [4, "H", 6]
    report = cnncalc.shape([{"op": "attention"}], "4x5xW")
    assert report.layers[0].values["scale"] is None


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ({"op": "matmul", "from": ["a", "b"]}, "MACs: values*k = 4*5*5*6 = 600"),
        ({"op": "attention", "from": "a"}, "MACs: queries*keys*(features of keys + features of values) = 1,200"),
        (
            {"op": "multihead", "heads": 2, "from": "a"},
            "weights: features*heads*width of queries, keys, values and output: 6*2*3 + 6*2*3 + 6*2*3 + 6*2*3 = 144",
        ),
        ({"op": "embedding", "rows": 9, "out": 2, "from": "a"}, "parameters: rows*out = 9*2 = 18"),
        (
            {"op": "lstm", "out": 3, "bidirectional": True, "from": "a"},
            "weights: 2 directions, 4 gates: 2*4*3*9 = 216, and 48 bias",
        ),
        ({"op": "rnn", "out": 3, "from": "a"}, "MACs: 1 gate: 4*5*1*1*3*9 = 540"),
    ],
    ids=str,
)
def test_the_arithmetic_in_words(layer: dict[str, Any], line: str) -> None:
    turned = {"op": "permute", "name": "b", "order": [1, 3, 2]}
    assert line in cnncalc.shape([A, turned, layer], (4, 5, 6)).layers[-1].explain()


@pytest.mark.parametrize("word", ["lstm:6", "relu gru:3,sequences=false", "multihead:heads=2 linear:20 linear:3"])
def test_the_field_of_a_sequence_is_in_steps(word: str) -> None:
    """Whatever follows it: every unit sees all five steps, and there are no more."""
    (field,) = cnncalc.shape(word, (5, 16)).rf
    assert (field.size, field.start) == (5, 0)


def test_two_sizes_are_a_batch_of_steps_to_an_embedding() -> None:
    words = "embedding:rows=9,out=4 lstm:3"
    report = cnncalc.shape(words, (2, 7))
    assert (report.batch, report.sample, report.out) == (2, (7,), (2, 7, 3))
    assert cnncalc.run(words, np.array([[1, 2, 3], [4, 5, 6]]), seed=0).shape == (2, 3, 3)
