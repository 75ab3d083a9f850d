"""Tables of any width: what is dropped, shortened and wrapped, and which rows there are, in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from pathlib import Path

import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.counters import count_as
from cnncalc.memory import measure
from cnncalc.render import FORMATS, Style
from cnncalc.render.columns import COLUMNS, DROPS, WIDE
from cnncalc.report import Report
from tests.program import here, on_terminal

WIDTHS = (20, 60, 72, 75, 80, 93, 100, 111, 120, 133, 160, 240)
FLOOR = 75
"""From this width on, no line of a built-in network's table is longer than the terminal is wide."""
EXACT = re.compile(r"\d[\d,]*")


@cache
def report(name: str) -> Report:
    return cnncalc.shape(name)


def table(of: Report, width: int | None = None, columns: tuple[str, ...] | None = None) -> list[str]:
    """Return the lines of a report's table, without those below it."""
    text = "".join(FORMATS.renderer("table")(of, Style(columns, width=width)))
    return text.partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", zoo.names())
def test_names_and_numbers_are_whole_at_any_width(name: str, width: int) -> None:
    head, rule, *lines = table(report(name), width)
    assert max(map(len, [head, rule, *lines])) <= max(width, FLOOR)
    starts = [line for line in lines if not line.startswith(" ")]  # the others continue an op's keys
    assert all(line.strip().replace(" ", "").isalnum() for line in lines if line.startswith(" "))
    for line, layer in zip(starts, report(name).layers, strict=True):
        words = line.split()
        assert words[:2] == [layer.name, layer.op]
        assert cnncalc.sizes.show(layer.out) in words
        assert f"{layer.params:,}" in words
        assert f"{layer.macs:,}" in words


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "resnet50"])
def test_columns_go_in_their_order_and_never_come_back(name: str) -> None:
    droppable = [COLUMNS[column].title for column in DROPS if column in WIDE]
    counts = []
    for width in range(60, 200):
        titles = table(report(name), width)[0].split()
        there = [title for title in droppable if title in titles]
        assert there == droppable[len(droppable) - len(there) :]
        counts.append(len(there))
    assert counts == sorted(counts)
    assert set(counts) >= {0 if name != "lenet5" else 3, 5}


def test_numbers_are_shortened_after_the_columns_are_dropped_and_never_otherwise() -> None:
    named = ("layer", "op", "fc", "local", "macs")
    wide, narrow = (table(report("vgg16"), width, columns=named) for width in (80, 50))
    assert "89,915,392" not in "".join(wide)
    assert "161,128,382,464" in "".join(wide)
    assert "161G" in "".join(narrow)
    assert "15,470,264,320" in on_terminal("shape", "vgg16", columns=50).out


@pytest.mark.parametrize("color", [False, True])
def test_the_lines_below_a_table_are_wrapped_between_words(color: bool) -> None:
    of = count_as(measure(report("vgg16"), "float32"), "torchinfo")
    drawn = ["".join(FORMATS.renderer("table")(of, Style(width=w, color=color, explain=True))) for w in (None, 60)]
    whole, narrow = [re.sub(r"\x1b\[\d*m", "", text).partition("receptive field")[2] for text in drawn]
    assert max(map(len, narrow.splitlines())) <= 60
    assert "\n    while relu1 runs\n" in narrow
    assert narrow.split() == whole.split()


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_heeds_the_choice_of_rows(format: str) -> None:
    line = f"shape resnet18 --sort macs --only Conv2d,linear --top 3 --format {format}"
    ended = here(line.split())
    assert ended.code == 0
    text = ended.out.replace("\\", "")
    assert len(set(re.findall(r"layer\d_\d_[a-z0-9]+", text))) == 2
    assert text.index("conv1") < text.index("layer1_1_conv1") < text.index("layer1_1_conv2")


def rows_of(line: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(here(["shape", *line.split(), "--format", "csv"]).out)))


def test_rows_are_sorted_by_numbers_then_by_texts() -> None:
    macs = [int(row["macs"]) for row in rows_of("resnet18 --sort MACs")]
    assert macs == sorted(macs, reverse=True)
    ops = [row["op"] for row in rows_of("resnet18 --sort op")]
    assert ops == sorted(ops)
    outs = [row["out"] for row in rows_of("lenet5 --sort output")]
    assert outs[:2] == ["6x28x28", "6x28x28"]
    assert outs[-1] == "10"
    assert [row["layer"] for row in rows_of("3xHxW conv:4,k3 linear:5 --sort macs --columns layer")] == [
        "conv1",
        "linear1",
    ]


def test_the_shares_sum_to_the_whole() -> None:
    rows = rows_of("resnet18 --columns params%,macs%")
    for name in ("params%", "macs%"):
        assert sum(float(row[name]) for row in rows) == pytest.approx(100, abs=0.01)
    tied = rows_of("4x9x9 conv:4,k3,p1,name=a conv:4,k3,p1,tie=a --columns params%,macs%")
    assert [row["params%"] for row in tied] == ["100", "0"]
    assert [row["macs%"] for row in tied] == ["50", "50"]
    assert rows_of("4x9x9 relu --columns macs%")[0]["macs%"] == "0"


def test_from_flops_and_intensity() -> None:
    line = "3x8x10 conv:4,k3,p1,name=a relu add:from=a+relu1 flatten --columns layer,from,flops,intensity"
    rows = rows_of(f"{line} --dtype float16")
    assert [row["from"] for row in rows] == ["input", "a", "a+relu1", "add1"]
    macs, moved = 4 * 8 * 10 * 27, 2 * (3 * 80 + 4 * 80 + 4 * 27 + 4)
    assert rows[0]["flops"] == str(2 * macs)
    assert float(rows[0]["intensity"]) == pytest.approx(macs / moved, rel=1e-5)
    assert [row["intensity"] for row in rows[1:]] == ["0", "0", ""]
    assert float(rows_of(line)[0]["intensity"]) == pytest.approx(macs / moved / 2, rel=1e-5)


BLOCKS = {
    "input": [3, 9, 11],
    "layers": [
        {"op": "conv", "c_o": 4, "k": 3, "p": 1},
        *[
            {"op": "block", "name": f"b{n}", "layers": [{"op": "conv", "c_o": 4, "k": 3, "p": 1}, {"op": "relu"}]}
            for n in range(3)
        ],
        {"op": "block", "name": "last", "layers": [{"op": "block", "name": "in", "layers": [{"op": "relu"}]}]},
    ],
}


def test_blocks_are_opened_and_folded() -> None:
    def names(options: str) -> list[tuple[str, str]]:
        line = ["shape", "-", "--format", "csv", "--columns", "layer,times", *options.split()]
        return [(row["layer"], row["times"]) for row in csv.DictReader(io.StringIO(here(line, json.dumps(BLOCKS)).out))]

    assert [name for name, _ in names("")] == ["conv1", "b0", "b1", "b2", "last"]
    assert names("--fold") == [("conv1", ""), ("b0", "x3"), ("last", "")]
    opened = [name for name, _ in names("--depth 2")]
    assert opened == ["conv1", *[f"b{n}.{one}" for n in range(3) for one in ("conv1", "relu1")], "last.in"]
    assert names("--depth 3")[-1] == ("last.in.relu1", "")
    assert names("--depth 2 --fold") == [("conv1", ""), ("b0.conv1", "x3"), ("b0.relu1", "x3"), ("last.in", "")]


def test_a_fold_begins_where_a_block_does() -> None:
    rows = rows_of("resnet50 --fold --columns layer,times")
    folded = [(row["layer"], row["times"]) for row in rows if row["times"]]
    assert [pair for pair in folded if pair[0].endswith("conv1")] == [
        ("layer1_2_conv1", "x2"),
        ("layer2_2_conv1", "x3"),
        ("layer3_2_conv1", "x5"),
        ("layer4_2_conv1", "x2"),
    ]
    assert folded[0][0] == "layer1_2_conv1"
    times = [int(row["times"].removeprefix("x") or 1) for row in rows]
    assert sum(times) == len(report("resnet50"))


def test_a_run_is_of_blocks_that_differ_in_numbers_alone() -> None:
    rows = rows_of("resnet18 --fold --columns layer,out")
    folded = {row["layer"] for row in rows if row["times"]}
    assert folded == {row["layer"] for row in rows if row["layer"].startswith("layer1_1_")}


def test_sums_are_of_what_is_shown_and_of_the_whole() -> None:
    lines = here(["shape", "resnet18", "--fold", "--only", "conv"]).out.splitlines()
    convolutions = [layer for layer in report("resnet18") if layer.op == "conv"]
    shown, total = (next(line for line in lines if line.startswith(word)) for word in ("shown", "total"))
    assert f"{sum(layer.params or 0 for layer in convolutions):,}" in shown.split()
    assert f"{report('resnet18').params:,}" in total.split()


def test_json_of_some_rows_is_not_a_spec() -> None:
    part = here(["shape", "lenet5", "--only", "conv", "--sort", "params", "--json"]).out
    document = json.loads(part)
    assert document["selection"] == {"sort": "params", "only": ["conv", "conv1d", "conv3d"]}
    assert [layer["name"] for layer in document["layers"]] == ["c5", "c3", "c1"]
    ended = here(["shape", "-"], part)
    assert (ended.code, ended.out) == (2, "")
    assert "this shows some layers of a report: it is not a network" in ended.err


WRONG = ("shape", "3x32x32", "conv:64,k3", "relu", "maxpool:2", "flatten", "dropout", "linear:10,c_i=9216")


def test_the_layers_before_one_that_fails_are_shown(tmp_path: Path) -> None:
    ended = here(WRONG)
    whole = here([*WRONG[:-1]]).out.partition("\n\n")[0] + "\n"
    assert (ended.code, ended.out) == (2, whole)
    sum_and_inputs = "\n  64x15x15 = 14,400 → Linear(14,400, 10)\n  -i 3x26x26 to 3x27x27 give 9,216\n"
    assert f"{sum_and_inputs}  remove c_i, set it to 14400," in ended.err
    assert here([*WRONG, "--format", "csv"]).out == ""
    path = tmp_path / "net.txt"
    assert here([*WRONG, "-o", str(path)]).out == ""
    assert not path.exists()


@pytest.mark.parametrize("options", [[], ["--dtype", "int8"], ["--macs-as", "thop"], ["--explain"], ["--fold"]])
@pytest.mark.parametrize("layers", [0, 1, 5])
def test_json_has_the_layers_before_and_the_error(layers: int, options: list[str]) -> None:
    words = WRONG if layers == 5 else ("shape", "3x5x7", *["conv:4,k3"] * layers, "conv:4,k9")
    ended = here([*words, "--json", *options])
    assert ended.code == 2
    document = json.loads(ended.out)
    assert len(document["layers"]) == layers
    assert "report" not in document
    assert document["error"]["layer"].startswith(f"layers[{layers}] ")
    again = here(["shape", "-"], ended.out)
    assert (again.code, again.out) == (2, "")
    assert document["error"]["message"] in again.err


def test_the_layers_of_a_block_before_one_that_fails_are_shown() -> None:
    block = {
        "op": "block",
        "name": "b",
        "layers": [{"op": "conv", "c_o": 8, "k": 3}, {"op": "conv", "c_o": 8, "k": 30}],
    }
    spec = json.dumps({"input": [3, 16, 16], "layers": [{"op": "relu"}, block]})
    names = ["relu1", "b.conv1"]
    ended = here(["shape", "-", "--columns", "layer"], spec)
    assert ended.out.split()[2:] == names
    assert "layers[1].layers[1] 'b.conv2': does not fit" in ended.err
    for options in ([], ["--dtype", "int8"], ["--macs-as", "thop"], ["--explain"], ["--depth", "2"]):
        document = json.loads(here(["shape", "-", "--json", *options], spec).out)
        assert [layer["name"] for layer in document["layers"]] == names
        assert here(["shape", "-", *options], spec).code == 2


def test_a_line_has_the_layers_before_and_the_error() -> None:
    lines = "3x8x8 relu conv:3,k9\n3x8x8 relu\n3x8x8 conv:3,c_i=4\n3x8x8 conv:3,q\n"
    ended = here(["shape", "-", "--jsonl"], lines)
    answers = [json.loads(line) for line in ended.out.splitlines()]
    found = [[layer["name"] for layer in answer["layers"]] if "layers" in answer else None for answer in answers]
    assert (ended.code, found) == (2, [["relu1"], ["relu1"], [], None])
    for number in (1, 3, 4):
        error = answers[number - 1]["error"]
        assert (error["file"], error["line"]) == ("-", number)
        assert error["column"] > 6
        assert "report" not in answers[number - 1]
    assert json.loads(here(["shape", "3x8x8", "relu", "conv:3,k9", "--jsonl"]).out)["layers"]


def test_wrong_choices_are_errors() -> None:
    assert "did you mean 'macs'" in here(["shape", "lenet5", "--sort", "mac"]).err
    assert here(["shape", "lenet5", "--only", "conf"]).err.startswith(
        "--only: unknown op 'conf'\n  did you mean 'conv'"
    )
    assert here(["shape", "lenet5", "--top", "0"]).code == 2
    assert rows_of("lenet5 --only lstm") == []


SAID = [
    ("shape 3x8x8 opaque conv:4,k3 --columns layer,macs%", "conv1    unknown\n"),
    ("shape 3x7x8 conv:3,k3,p1 conv:3,k3,p1 --fold --json", '"params": 84, "buffers": 0, "macs": 4536,'),
    ("shape 3x7x8 conv:3,k3,p1 conv:3,k3,p1 --fold --json", '"times": 2}}\n'),
    ("shape lenet5 --dtype float16 --format markdown", "\n\nfloat16: parameters 123,412 bytes"),  # 61,706 of 2 bytes
    ("shape 3x7x8 conv:4,k3 --dialect torch,onnx --format markdown", "torch and onnx agree on the one layer"),
    # PyTorch has a second bias for each of 4 gates of 4 units
    ("shape 7x8 lstm:4 --dialect torch,keras", "lstm1  7x4 224 params  7x4 208 params"),
    ("shape 3xHxW adaptiveavgpool:5x5 --macs-as thop", "prints them: unknown, because of adaptiveavgpool1"),
    # 3 for each of 192 inputs, and 3 + 5 - 1 for each of 64 places
    ("shape 3x8x8 lrn:5 --macs-as ptflops-pytorch", "prints them: 1,024, 1,024 more than the exact count"),
    ("shape CxHxW lrn:5 --macs-as ptflops-pytorch", "prints them: unknown, because of lrn1"),
    ("shape 3x7x8 pad:p=2,axis=2 --explain", "\n  axis 2: 7 + 2 + 2 = 11\n"),
    ("diff vgg16 vgg19 --stat --format markdown", "| buffers | 0 | 0 | same |  |\n"),
]


@pytest.mark.parametrize(("line", "said"), SAID, ids=[f"{line} {said.strip()}" for line, said in SAID])
def test_what_is_said(line: str, said: str) -> None:
    ended = here(line.split())
    assert (ended.code, ended.err) == (0, "")
    assert said in ended.out
