"""Numbers in place of letters: `--at`."""

from __future__ import annotations

import json

import pytest

import cnncalc
from tests.program import here

NET = "3xHxW conv:8,k3,s2,p1,name=a upsample:factor=2 concat:from=input+upsample1"


def rows(*args: str) -> list[list[str]]:
    """Return the rows of a table as CSV."""
    done = here(["shape", *NET.split(), *args, "--format", "csv"])
    assert done.code == 0, done.err
    return [line.split(",", 7) for line in done.out.splitlines()]


def test_every_combination_has_a_row() -> None:
    found = rows("--at", "H=4,6", "--at", "W=8,9")
    assert found[0] == ["H", "W", "out", "params", "macs", "rf", "holds", "why"]
    assert [row[:3] for row in found[1:]] == [
        ["4", "8", "11x4x8"],
        ["4", "9", ""],
        ["6", "8", "11x6x8"],
        ["6", "9", ""],
    ]
    assert [row[6] for row in found[1:]] == ["yes", "no", "yes", "no"]
    assert found[2][7].strip('"') == "concat1: concat of 3x4x9 and 8x4x10: 9 and 10 differ outside axis 1"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("H=W=4,6", [(4, 4), (6, 6)]),
        ("H=W=2..4", [(2, 2), (3, 3), (4, 4)]),
        ("H=W=32..128..48, 7", [(32, 32), (80, 80), (128, 128), (7, 7)]),
    ],
)
def test_numbers_and_ranges(text: str, numbers: list[tuple[int, int]]) -> None:
    assert [(int(h), int(w)) for h, w, *_ in rows("--at", text)[1:]] == numbers


def test_a_letter_without_numbers_stays_open() -> None:
    (row,) = rows("--at", "H=4")[1:]
    assert row[:4] + row[5:] == ["4", "11x4xW", "224", "((W+1)//2)*432", "W is even", ""]


def test_the_figures_are_those_of_the_network() -> None:
    done = here(["shape", "resnet18", "-i", "3xHxW", "--at", "H=W=224,64", "--json", "--dtype", "float16"])
    large, small = json.loads(done.out)
    for point, size in ((large, 224), (small, 64)):
        report = cnncalc.shape("resnet18", input=(3, size, size), dtype="float16")
        assert point["at"] == {"H": size, "W": size}
        assert point["holds"] is True
        assert (point["params"], point["macs"]) == (report.params, report.macs)
        assert point["memory"] == report.to_dict()["report"]["memory"]


def test_a_refused_size_is_a_row_and_a_failure_only_if_there_is_no_other() -> None:
    assert here(["shape", *NET.split(), "--at", "H=W=5,6", "--jsonl"]).code == 0
    done = here(["shape", *NET.split(), "--at", "H=W=5", "--jsonl"])
    assert done.code == 2
    (point,) = [json.loads(line) for line in done.out.splitlines()]
    assert point["holds"] is False
    assert point["error"]["layer"] == "layers[2] 'concat1'"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["3x8x8", "relu", "--at", "H=5"],
            (
                "--at is for open sizes, but the input is 3x8x8\n"
                "  write letters for its sizes, such as 3xHxW: --at H=W=224,256"
            ),
        ),
        (["2x9", "conv1d:4,k3", "--at", "L=5"], "as 2xL: --at L=224,256"),
        (["8x9x3", "conv:4,k3", "--layout", "NHWC", "--at", "H=5"], "as HxWx3: --at H=W=224,256"),
        (["3xHx8", "relu", "--at", "W=5"], "--at gives W, but the input has no W\n  the input has the letter H\n"),
        (["3xHxW", "relu", "--at", "H=1..101", "--at", "W=1..100"], "--at gives more than 10,000 rows\n"),
        (["conv:4,k3", "--at", "H=5"], "no input shape\n"),
        (["3xHx8", "relu", "--at", "5"], "--at '5' does not start with a letter of the input\n"),
        (["3xHx8", "relu", "--at", "H=a"], "--at 'H=a': 'a' is not a number or a range\n  for example --at H=224,256"),
        (["3xHx8", "relu", "--at", "H=9..3"], "--at 'H=9..3': '9..3' is not a size or a range of sizes\n"),
        (["3xHx8", "relu", "--at", "H=1..99999"], "--at 'H=1..99999' is more than 10,000 rows\n  give a step"),
        (["3xHx8", "relu", "--at", "H=1", "--at", "H=2"], "--at gives H twice\n  give all values of H at once"),
        (
            ["3xHx8", "relu", "--at", "H=1", "--explain"],
            "--at tabulates one whole network\n  leave out",
        ),
        (
            ["3xHxW", "relu", "--at", "H=1..3, W=4"],
            "--at 'H=1..3, W=4' has more than one value\n  give each its own option: --at H=1..3 --at W=4\n",
        ),
    ],
)
def test_what_is_wrong_says_what_would_help(args: list[str], message: str) -> None:
    done = here(["shape", *args])
    assert done.code == 2
    assert message in done.err
