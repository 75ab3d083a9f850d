"""Networks side by side: the rows of compare and zoo in every format, and networks that fail."""

from __future__ import annotations

import csv
import io
import json
import shlex
import tracemalloc
from pathlib import Path

import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.render.comparisons import COLUMNS
from tests.program import here, on_terminal

SMALL = ["3x32x32 conv:16,k3 relu", "lenet5"]


def test_a_row_a_network_in_the_order_given() -> None:
    ended = here(["compare", *SMALL, "resnet18"])
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out == (
        "network                  layers      input    output      params  buffers           MACs          field\n"
        "───────────────────────────────────────────────────────────────────────────────────────────────────────\n"
        "3x32x32 conv:16,k3 relu       2    3x32x32  16x30x30         448        0        388,800        3 s1 @0\n"
        "lenet5                       12    1x32x32        10      61,706        0        416,520       32 s4 @0\n"
        "resnet18                     69  3x224x224      1000  11,689,512    9,600  1,814,073,344  627 s32 @-217\n"
    )


def test_the_figures_are_those_of_shape() -> None:
    rows = json.loads(here(["compare", *zoo.names(), "--json", "--dtype", "float16", "--macs-as", "fvcore"]).out)
    assert tuple(row["name"] for row in rows) == zoo.names()
    for row in rows:
        whole = json.loads(here(["shape", row["name"], "--json", "--dtype", "float16", "--macs-as", "fvcore"]).out)
        for figure in ("params", "buffers", "macs", "macs_as", "rf", "memory"):
            assert row[figure] == whole["report"][figure], row["name"]
        assert row["output"] == whole["report"]["out"]
        assert row["input"] == whole["input"]
        assert row["layers"] == len(whole["layers"])


def test_many_networks_take_the_memory_of_one() -> None:
    def peak(times: int) -> int:
        tracemalloc.reset_peak()
        assert here(["compare", *["10x8 lstm:8,times=400"] * times, "--hints", "--columns", "layers,thop"]).code == 0
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        peak(1)  # imports first
        assert peak(4) < 1.2 * peak(1)
    finally:
        tracemalloc.stop()


def test_zoo_is_the_comparison_of_all_built_in_networks() -> None:
    for options in ([], ["--format", "csv"], ["--sort", "macs", "--top", "3"], ["--columns", "network,thop"]):
        assert here(["zoo", *options]) == here(["compare", *zoo.names(), *options])
    assert here(["zoo", "VGG16", "lenet5"]) == here(["compare", "vgg16", "lenet5"])
    assert here(["zoo", "vgg16", "--columns", "macs"]) == here(["compare", "vgg16", "--columns", "macs"])
    assert here(["zoo", "vgg16"]).out == zoo.read("vgg16")


def test_zoo_is_not_misled_by_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vgg16").write_text('{"input": [3, 8, 8], "layers": [{"op": "relu"}]}')
    assert " 138,357,544 " in here(["zoo", "vgg16", "lenet5"]).out
    assert " 138,357,544 " not in here(["compare", "vgg16", "lenet5"]).out


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_rows_for_machines(format: str) -> None:
    text = here(["compare", *SMALL, "--format", format]).out
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if format == "tsv" else ","))
    assert rows[0] == {
        "name": "3x32x32 conv:16,k3 relu",
        "layers": "2",
        "input": "3x32x32",
        "output": "16x30x30",
        "params": "448",
        "buffers": "0",
        "macs": "388800",
        "rf_size": "3",
        "rf_stride": "1",
        "rf_start": "0",
    }


def test_markdown_and_latex() -> None:
    columns = ["--columns", "network,output,macs"]
    assert here(["compare", *SMALL, *columns, "--format", "markdown"]).out == (
        "| network | output | MACs |\n"
        "|---|---:|---:|\n"
        "| 3x32x32 conv:16,k3 relu | 16x30x30 | 388,800 |\n"
        "| lenet5 | 10 | 416,520 |\n"
    )
    assert here(["compare", *SMALL, "mobilenet_v2", *columns, "--format", "latex"]).out == (
        "% \\usepackage{booktabs}\n"
        "\\begin{tabular}{@{}lrr@{}}\n"
        "\\toprule\n"
        "network & output & MACs \\\\\n"
        "\\midrule\n"
        "3x32x32 conv:16,k3 relu & 16x30x30 & 388,800 \\\\\n"
        "lenet5 & 10 & 416,520 \\\\\n"
        "mobilenet\\_v2 & 1000 & 300,774,272 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )
    assert '<td style="text-align: left">lenet5</td>' in here(["compare", *SMALL, "--format", "html"]).out


def test_the_ending_decides(tmp_path: Path) -> None:
    for ending, begins in ((".md", "| network"), (".tex", "% "), (".csv", "name,"), (".json", "["), (".jsonl", "{")):
        path = tmp_path / f"nets{ending}"
        assert here(["compare", *SMALL, "-o", str(path)]).code == 0
        assert path.read_text(encoding="utf-8").startswith(begins)


def test_a_line_a_network() -> None:
    lines = here(["compare", *SMALL, "--format", "jsonl"]).out.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(here(["compare", *SMALL, "--json"]).out)


def test_sorted_and_cut() -> None:
    rows = json.loads(here(["zoo", "--sort", "params", "--top", "4", "--json"]).out)
    assert [row["name"] for row in rows] == ["vgg19", "vgg16", "vgg11", "wide_resnet50_2"]
    names = [line.split()[0] for line in here(["zoo", "--sort", "network"]).out.splitlines()[2:]]
    assert names == list(zoo.names())


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_has_a_cell_for_every_network(name: str) -> None:
    text = here(
        ["zoo", "resnet18", "unet", "lenet5", "--columns", f"name,{name}", "--sort", name, "--format", "csv"]
    ).out
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["name", name]
    assert {row[0] for row in rows} == {"resnet18", "unet", "lenet5"}
    assert all(row[1] not in ("", "unknown", "error") for row in rows)


def test_bytes_need_no_dtype_to_be_named() -> None:
    unnamed = here(["compare", "lenet5", "--columns", "memory,param_bytes"])
    assert unnamed == here(["compare", "lenet5", "--columns", "memory,param_bytes", "--dtype", "float32"])
    assert unnamed.out.splitlines()[2].split() == ["37,632", "246,824"]


@pytest.mark.parametrize(
    ("columns", "dropped"), [(100, []), (80, ["layers", "buffers"]), (70, ["layers", "buffers", "field"])]
)
def test_a_terminal_drops_columns_before_it_breaks_a_name_or_a_number(columns: int, dropped: list[str]) -> None:
    ended = on_terminal("zoo", "unet", "mobilenet_v3_large", "vgg16", columns=columns)
    heads, _, *rows = ended.out.splitlines()
    usual = ["network", "layers", "input", "output", "params", "buffers", "MACs", "field"]
    assert heads.split() == [head for head in usual if head not in dropped]
    assert all(len(line) <= columns for line in rows)
    assert all(number in ended.out for number in ("mobilenet_v3_large", "150,428,424,448", "138,357,544"))


FAILING = ["lenet5", "3x8x8 conv:4,k9", "nope.json", "vgg16"]
"""Two networks, and two inputs that fail."""


def test_a_network_that_fails_has_a_row_that_says_so() -> None:
    ended = here(["compare", *FAILING, "--columns", "network,params,macs"])
    assert ended.code == 2
    assert ended.out == (
        "network               params            MACs\n"
        "────────────────────────────────────────────\n"
        "lenet5                61,706         416,520\n"
        "3x8x8 conv:4,k9        error           error\n"
        "nope.json              error           error\n"
        "vgg16            138,357,544  15,470,264,320\n"
    )
    assert "'conv1': does not fit: floor((8 + 0 - 9)/1) + 1 < 1 on the height axis" in ended.err
    assert "no file 'nope.json'" in ended.err


def test_a_failure_as_json() -> None:
    ended = here(["compare", *FAILING, "--json"])
    assert ended.code == 2
    rows = json.loads(ended.out)
    assert [list(row)[:2] for row in rows] == [
        ["name", "layers"],
        ["name", "error"],
        ["name", "error"],
        ["name", "layers"],
    ]
    assert rows[1]["error"]["layer"] == "layers[0] 'conv1'"


def test_networks_that_fail_stand_last_when_sorted() -> None:
    ended = here(["compare", *FAILING, "--sort", "macs"])
    assert [line.split()[0] for line in ended.out.splitlines()[2:]] == ["vgg16", "lenet5", "3x8x8", "nope.json"]


def test_the_input_is_that_of_all() -> None:
    ended = here(
        ["compare", "resnet18", "conv:8,k3", "conv:8,k65", "-i", "3x64x64", "--columns", "network,input,output"]
    )
    assert ended.code == 2
    assert [line.split()[-2:] for line in ended.out.splitlines()[2:]] == [
        ["3x64x64", "1000"],
        ["3x64x64", "8x62x62"],
        ["error", "error"],
    ]
    both = here(["compare", "3x8x8 relu", "-i", "3x9x9"])
    assert both.err == "'3x8x8 relu' starts with its own input, and -i 3x9x9\n  give one of them\n"


def test_names_and_round_numbers_for_a_paper() -> None:
    columns = ["--names", "Ours, ResNet-18", "--columns", "network,params,buffers,macs", "--brief"]
    assert here(["compare", SMALL[0], "resnet18", *columns, "--format", "markdown"]).out == (
        "| network | params | buffers | MACs |\n"
        "|---|---:|---:|---:|\n"
        "| Ours | 448 | 0 | 389K |\n"
        "| ResNet-18 | 11.7M | 9,600 | 1.81G |\n"
    )
    assert here(["compare", SMALL[0], "resnet18", *columns]).out.splitlines()[2:] == [
        "Ours          448        0   389K",
        "ResNet-18   11.7M    9,600  1.81G",
    ]
    for format in ("latex", "html"):
        assert "1.81G" in here(["compare", SMALL[0], "resnet18", *columns, "--format", format]).out


def test_columns_have_the_names_that_those_of_layers_have() -> None:
    assert here(["compare", *SMALL, "--columns", "network,in,out,field"]) == here(
        ["compare", *SMALL, "--columns", "name,input,output,rf"]
    )


def test_a_tools_column_stands_beside_those_that_are_named() -> None:
    ended = here(["compare", "alexnet", "--columns", "network,macs,params", "--macs-as", "fvcore"])
    assert ended.out.splitlines()[0].split() == ["network", "MACs", "fvcore", "params"]


def test_no_table_of_errors_alone() -> None:
    ended = here(["compare", "nope", "nope2"])
    assert (ended.code, ended.out) == (2, "")
    assert [row["name"] for row in json.loads(here(["compare", "nope", "nope2", "--json"]).out)] == ["nope", "nope2"]


@pytest.mark.parametrize(
    ("line", "helps"),
    [
        ("compare 3x32x32 conv:3", ["compare '3x32x32 conv:3'", "compare conv:3 -i 3x32x32"]),
        ("compare lenet5 3x32x32 conv:3 relu alexnet", ["compare lenet5 '3x32x32 conv:3 relu' alexnet"]),
        (
            "compare 3x32x32 'conv:3 relu' vgg16",
            ["compare '3x32x32 conv:3 relu' vgg16", "compare 'conv:3 relu' vgg16 -i 3x32x32"],
        ),
        ("diff 3x32x32 conv:3 3x32x32 conv:5", ["diff '3x32x32 conv:3' '3x32x32 conv:5'"]),
        ("diff 3x32x32 conv:3 conv:5,k3", ["diff conv:3 conv:5,k3 -i 3x32x32"]),
        ("diff 3x32x32 conv:3", ["diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'"]),
    ],
)
def test_words_without_quotes_are_shown_with_them(line: str, helps: list[str]) -> None:
    ended = here(shlex.split(line))
    first, *lines = ended.err.splitlines()
    assert (ended.code, ended.out, first) == (2, "", "'3x32x32' is a shape, not a network")
    assert [text.partition(": cnncalc ")[2] for text in lines] == helps
    for text in helps:
        assert here(shlex.split(text)).code == 0, text


def test_standard_input_is_one_of_them() -> None:
    spec = here(["convert", "3x8x8", "conv:4,k3"]).out
    assert " 108 " in here(["compare", "lenet5", "-", "--columns", "network,weights,macs"], stdin=spec).out


def test_from_python() -> None:
    compared = cnncalc.compare("resnet18", "lenet5", {"input": [3, 8, 8], "layers": [{"op": "relu"}]}, dtype="int8")
    assert repr(compared) == "<comparison of 3 networks>"
    assert [network.name for network in compared] == ["resnet18", "lenet5", "network 3"]
    assert compared["lenet5"].params == 61706
    assert str(cnncalc.compare(*SMALL)) + "\n" == here(["compare", *SMALL]).out
    rows = compared.rows()
    assert rows[0]["macs"] == 1814073344
    assert rows[0]["param_bytes"] == 11689512
    assert compared.to_list()[1]["memory"]["dtype"] == "int8"
    assert "<table>" in compared._repr_html_()
    names = ["vgg16", "lenet5"]
    assert cnncalc.compare(names).to_list() == cnncalc.compare(*names).to_list()
    called = cnncalc.compare({"ours": "3x8x8 conv:4,k3", "theirs": cnncalc.load("lenet5")})
    assert [row["name"] for row in called.rows()] == ["ours", "theirs"]
    assert len(cnncalc.compare([{"op": "conv", "c_o": 4, "k": 3}, {"op": "relu"}], input=(3, 8, 8))) == 1
    with pytest.raises(KeyError, match="did you mean 'lenet5'"):
        compared["lenet"]
    with pytest.raises(cnncalc.ShapeError):
        cnncalc.compare("lenet5", "3x8x8 conv:4,k9")
    assert cnncalc.compare("alexnet", macs_as="thop").to_list()[0]["macs_as"] == {"tool": "thop", "macs": 714206912}


def test_a_tools_macs_stand_beside_the_exact_ones() -> None:
    ended = here(["compare", "alexnet", "lenet5", "--macs-as", "torchinfo"])
    assert ended.out.splitlines()[0].split()[6:8] == ["MACs", "torchinfo"]
    assert " 714,188,480  714,682,664 " in ended.out
