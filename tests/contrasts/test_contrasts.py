"""One network under several dialects: where they differ, by which rule, and that nothing else is reported."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.contrasts import RULES, Contrast, alike, contrast, reasons
from cnncalc.dialects import DIALECTS, dialects_named
from tests.program import here, process

NAMES = tuple(DIALECTS)


def compared(words: str | list[dict[str, Any]], input: tuple[int, ...], dialects: str = "all") -> Contrast:
    return contrast(cnncalc.load(words), dialects_named(dialects), input)


# Each rule of the table on the page dialects: the layer, and what is reported for it.

ROWS: list[tuple[str, tuple[int, ...], list[str]]] = [
    (
        "conv:5,k3,s2,p=same",
        (3, 8, 11),
        [
            "refused by torch: PyTorch refuses padding same together with a stride: s is 2x2",
            "refused by caffe: Caffe has no padding 'same'",
        ],
    ),
    (
        "conv:5,k3,s2,p=same_lower",
        (3, 8, 11),
        [
            "refused by torch: PyTorch has no padding 'same_lower' here",
            "refused by keras: Keras has no padding 'same_lower' here",
            "refused by caffe: Caffe has no padding 'same_lower'",
        ],
    ),
    ("maxpool:k3", (3, 9, 12), ["default stride: 3 in plain, torch and keras; 1 in onnx and caffe"]),
    ("maxpool:k3,s2", (3, 9, 11), []),
    (
        "maxpool:k3,s2",
        (3, 8, 11),
        ["rounding: down in plain, torch, keras and onnx; up, keeping every window in caffe"],
    ),
    (
        "maxpool:k2,s3,ceil",
        (3, 9, 7),
        [
            "rounding: up in plain, torch and onnx; up, keeping every window in caffe",
            "refused by keras: Keras's pools always round down",
        ],
    ),
    (
        "maxpool:k3,s1,p2",
        (3, 8, 11),
        ["refused by torch: p is 2 on the height axis, but PyTorch allows at most k//2 = 3//2 = 1"],
    ),
    (
        "avgpool:k3,s1,p1",
        (3, 8, 11),
        ["the divisor counts padding: yes in plain, torch and caffe; no in keras and onnx"],
    ),
    ("avgpool:k3,s1", (3, 8, 11), []),
    (
        "convT:5,k2,s3,p=valid",
        (3, 8, 11),
        [
            "added after: 0 in plain and onnx; 1 in keras",
            "refused by torch: PyTorch has no padding 'valid' here",
            "refused by caffe: Caffe has no padding 'valid'",
        ],
    ),
    ("batchnorm", (3, 8, 11), ["eps: 1e-05 in plain, torch, onnx and caffe; 0.001 in keras"]),
    ("leakyrelu", (3, 8, 11), ["slope: 0.01 in plain, torch, onnx and caffe; 0.3 in keras"]),
    ("hardsigmoid", (3, 8, 11), ["slope: 0.166667 in plain, torch, keras and caffe; 0.2 in onnx"]),
    ("globalavgpool", (3, 8, 11), ["spatial axes: kept as 1 in plain, torch, onnx and caffe; dropped in keras"]),
    ("prelu", (3, 8, 11), ["slopes: 1 in plain, torch, onnx and caffe; 264 in keras"]),
    ("lstm:4", (1, 7, 8), ["a second bias: yes in plain, torch, onnx and caffe; no in keras"]),
    ("lrn:4", (5, 8, 11), ["the extra channel: before in plain, torch, keras and caffe; after in onnx"]),
    ("lrn:5", (5, 8, 11), []),
    (
        "upsample:factor=2,mode=bicubic",
        (3, 8, 11),
        [
            "cubic: A = -0.75, taps beyond the border repeated in plain, torch, onnx and caffe; "
            "A = -0.5, taps beyond the border left out in keras"
        ],
    ),
    (
        "conv:5,k3,s2,d2",
        (3, 8, 11),
        ["refused by keras: Keras refuses a stride and a dilation together: s is 2x2, d is 2x2"],
    ),
]


@pytest.mark.parametrize(("words", "input", "why"), ROWS, ids=[f"{words} {input}" for words, input, _ in ROWS])
def test_why(words: str, input: tuple[int, ...], why: list[str]) -> None:
    assert [line for layer in compared(words, input).layers for line in layer.why()] == why


def test_every_rule_is_told_somewhere() -> None:
    told = {line.partition(":")[0] for _, _, why in ROWS for line in why}
    assert {rule.title for key, rule in RULES.items() if key != "p"} <= told
    spec = [{"op": "maxpool", "k": 2, "s": 1, "p": "same"}]  # the one rule that onnx's own word leaves to a spec's
    assert not compared(spec, (3, 8, 11), "plain,keras,onnx").layers


def test_a_dialect_that_refuses_stops_there() -> None:
    found = compared("conv:5,k3,s2,p=same relu maxpool:2 conv:7,k3", (3, 32, 41))
    names = [run.name for run in found.runs]
    assert [layer.name for layer in found.layers] == ["conv1", "maxpool1", "conv2"]
    pool = dict(zip(names, [found.layers[1].cell(run) for run in found.runs], strict=True))
    assert pool["torch"] == pool["caffe"] == []
    assert pool["plain"] == ["5x8x10", "s2"]
    assert found.summaries() == [
        "plain and keras: output 7x6x8, 462 parameters, 60,480 MACs",
        "torch and caffe: refused at layers[0] 'conv1'",
        "onnx: output 7x13x18, 462 parameters, 119,070 MACs",
    ]


def test_all_have_the_specs_own_layout() -> None:
    spec = {"dialect": "keras", "input": [9, 11, 3], "layers": [{"op": "conv", "c_o": 5, "k": 3}]}
    found = contrast(cnncalc.load(spec), dialects_named("all"))
    assert not found.layers
    assert found.network.layout == "NHWC"
    assert [run.layers[0].out for run in found.runs] == [(7, 9, 5)] * len(NAMES)
    assert contrast(cnncalc.load(spec), dialects_named("all"), layout="NCHW").network.layout == "NCHW"


def test_what_no_dialect_takes_for_the_same_reason_is_its_error() -> None:
    with pytest.raises(cnncalc.ShapeError, match="does not fit"):
        compared("conv:5,k12", (3, 9, 11))
    with pytest.raises(cnncalc.SpecError, match="no input shape"):
        contrast(cnncalc.load("relu"), dialects_named("all"))


@given(
    st.lists(
        st.sampled_from(
            [
                "conv:4,k3,p1",
                "conv:4,k3,s2,same",
                "maxpool:2",
                "maxpool:k3,s2,ceil",
                "avgpool:k3,p1",
                "batchnorm",
                "relu",
            ]
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(5, 40),
)
def test_what_is_not_said_is_the_same(words: list[str], n: int) -> None:
    """Compared with a report for each dialect: a layer left out has the same figures in all that reach it."""
    try:
        found = compared(" ".join(words), (3, n, n + 4))
    except cnncalc.CnncalcError:
        for dialect in NAMES:
            with pytest.raises(cnncalc.CnncalcError):
                cnncalc.shape(words, (3, n, n + 4), dialect=dialect)
        return
    told = {layer.number for layer in found.layers}
    alone = {}
    for run in found.runs:
        if run.error is None:
            alone[run.name] = cnncalc.shape(words, (3, n, n + 4), dialect=run.name, layout="NCHW")
            assert [layer.out for layer in run.layers] == [layer.out for layer in alone[run.name].layers]
        else:
            assert len(run.layers) in told
            with pytest.raises(cnncalc.CnncalcError):
                cnncalc.shape(words, (3, n, n + 4), dialect=run.name, layout="NCHW")
    for at in range(len(words)):
        if at not in told:
            figures = [layer.figures() for run in found.runs if (layer := run.at(at)) is not None]
            assert all(figure["out"] == figures[0]["out"] for figure in figures)
            assert all(figure["params"] == figures[0]["params"] for figure in figures)


def test_layers_that_differ_in_the_same_way_are_told_as_one() -> None:
    found = compared("conv:5,k3,p1 batchnorm relu conv:7,k3,p1 batchnorm", (3, 8, 11))
    assert [[layer.name for layer in group] for group in alike(found.layers)] == [["batchnorm1", "batchnorm2"]]
    found = compared("maxpool:2 conv:5,k3,p1 batchnorm relu conv:5,k3,p1 batchnorm conv:7", (3, 8, 12))
    assert [[layer.name for layer in group] for group in alike(found.layers)] == [
        ["maxpool1"],
        ["conv1", "conv2"],
        ["batchnorm1", "batchnorm2"],
        ["relu1"],
        ["conv3"],
    ]
    assert [[layer.name for layer in group] for group, _ in reasons(found.layers)] == [
        ["maxpool1"],
        ["batchnorm1", "batchnorm2"],
    ]
    assert sum(map(len, alike(found.layers))) == len(found.layers)


# From the shell


def test_exit_codes() -> None:
    assert here(["shape", "3x9x11", "maxpool:k3,s2,ceil", "--dialect", "all"]).code == 0
    ended = here(["shape", "3x9x11", "maxpool:k3,same", "--dialect", "torch,caffe"])
    assert ended.code == 2
    assert "torch and caffe: refused at layers[0] 'maxpool1'" in ended.out
    ended = here(["shape", "3x9x11", "conv:4,k12", "--dialect", "all"])
    assert (ended.code, ended.out) == (2, "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["shape", "lenet5", "--dialect", "all", "--explain"],
            "--explain, --dtype, --macs-as, --get, --columns and the row options",
        ),
        (["shape", "lenet5", "--dialect", "plain,kera"], "unknown dialect 'kera'\n  did you mean 'keras'?"),
        (["diff", "lenet5", "vgg16", "--dialect", "all"], "'all' is more than one dialect"),
        (["run", "relu", "-x", "x.npy", "--dialect", "all"], "no file"),
        (["check", "lenet5", "--dialect", "all", "--baseline", "x"], "a baseline holds the figures of one dialect"),
    ],
)
def test_what_takes_one_dialect_only(args: list[str], message: str) -> None:
    ended = here(args)
    assert ended.code == 2
    if args[0] != "run":
        assert message in ended.err


def test_formats_say_the_same() -> None:
    words = ["3x9x11", "avgpool:k3,s2,p1", "batchnorm", "relu", "batchnorm", "maxpool:2"]
    found = json.loads(here(["shape", *words, "--dialect", "all", "--json"]).out)
    assert found["layout"] == "NCHW"
    assert list(found["dialects"]) == list(NAMES)
    assert found["dialects"]["onnx"]["out"] == [3, 4, 5]
    rows = list(csv.DictReader(io.StringIO(here(["shape", *words, "--dialect", "all", "--format", "csv"]).out)))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in found["differing"]]
    assert [row["why"] for row in rows] == ["; ".join(layer["why"]) for layer in found["differing"]]
    line = here(["shape", *words, "--dialect", "all", "--jsonl"]).out
    assert json.loads(line) == found
    markdown = here(["shape", *words, "--dialect", "all", "--format", "markdown"]).out
    assert markdown.startswith("| layer | op | plain | torch | keras | onnx | caffe |\n")
    assert "refused" not in markdown


def test_a_spec_a_line() -> None:
    specs = [{"input": [3, 8, 9], "layers": [{"op": "maxpool", "k": 3}]}, {"layers": []}]
    ended = here(["shape", "-", "--jsonl", "--dialect", "all"], "\n".join(map(json.dumps, specs)))
    first, second = map(json.loads, ended.out.splitlines())
    assert [layer["name"] for layer in first["differing"]] == ["maxpool1"]
    assert "error" in second
    assert ended.code == 2


def test_a_report_is_noted() -> None:
    report = here(["shape", "3x9x11", "maxpool:3", "--json"]).out
    ended = here(["shape", "-", "--dialect", "all"], report)
    assert "agree on the one layer" in ended.out
    assert ended.err.startswith("note: this is a report")


# In CI

SPEC = (
    '{"input": [3, 32, 32], "layers": [\n'
    '  {"op": "conv", "c_o": 8, "k": 3, "p": 1},\n'
    '  {"op": "maxpool", "k": 2, "name": "pool", "expect": {"out": "8x16x16"}},\n'
    '  {"op": "batchnorm"}],\n'
    ' "expect": {"params": 241}}\n'
)


def judged(spec: str, dialects: str) -> tuple[int, list[tuple[Any, ...]]]:
    ended = process("check", "-", "--json", "--dialect", dialects, stdin=spec)
    (file,) = json.loads(ended.out)["files"]
    return ended.code, [(f["code"], f["line"], f["column"], f["what"]) for f in file["findings"]]


def test_check_demands_that_dialects_agree_and_each_holds() -> None:
    assert judged(SPEC, "all") == (
        1,
        [
            (
                "CC401",
                3,
                3,
                "the dialects differ: 8x16x16 s2 in plain, torch and keras; 8x31x31 s1 in onnx and caffe",
            ),
            ("CC103", 5, 13, "params is 240, expected 241"),
            ("CC101", 3, 56, "out is 8x31x31, expected 8x16x16, in onnx and caffe"),
        ],
    )


def test_that_dialects_agree_is_an_expectation() -> None:
    spec = '{"input": [3, 9, 11], "layers": [{"op": "conv", "c_o": 5, "k": 3}]}'
    ended = process("check", "-", "--dialect", "all", "--strict", stdin=spec)
    assert (ended.code, ended.out) == (0, "1 file, 1 expectation: it holds\n")


def test_check_of_dialects_that_agree() -> None:
    assert judged(SPEC.replace("241", "240"), "plain,torch,keras") == (0, [])


def test_check_of_what_some_refuse_and_of_what_all_do() -> None:
    spec = SPEC.replace('"k": 2,', '"k": 2, "s": 2, "ceil": true,').replace("241", "240")
    assert judged(spec, "torch,keras") == (1, [("CC401", 3, 37, "refused by keras: Keras's pools always round down")])
    code, found = judged(spec.replace('"p": 1', '"p": "full"'), "torch,keras")
    assert code == 2
    assert [(f[0], f[1]) for f in found] == [("CC002", 2), ("CC002", 2)]
    assert judged("[", "all")[0] == 2
