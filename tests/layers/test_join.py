"""Branches: joins of shapes and of fields, shared weights, several outputs; and the real networks made of them."""

from __future__ import annotations

import csv
from collections import Counter
from math import prod
from typing import Any

import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.field import BROADCAST, MISALIGNED, POOLED, Field, join
from cnncalc.layers import OPS
from cnncalc.sizes import show
from tests import DATA
from tests.program import here

JOINED: list[tuple[dict[str, Any], list[int], list[int], str, list[int] | str]] = [
    ({"op": "add"}, [4, 5, 7], [4, 5, 7], "NCHW", [4, 5, 7]),
    ({"op": "add"}, [4, 5, 7], [4, 7, 5], "NCHW", "add of 4x5x7 and 4x7x5: 5 and 7 differ, and neither is 1"),
    ({"op": "mul"}, [4, 5, 7], [4, 1, 1], "NCHW", [4, 5, 7]),
    ({"op": "mul"}, [4, 1, 7], [4, 5, 1], "NCHW", [4, 5, 7]),
    ({"op": "mul"}, [4, 5, 7], [2, 1, 1], "NCHW", "mul of 4x5x7 and 2x1x1: 4 and 2 differ, and neither is 1"),
    ({"op": "sub"}, [1, 5, 1], [4, 1, 7], "NHWC", [4, 5, 7]),
    ({"op": "div"}, [4, 5, 7], [4, 5, 1], "NCHW", [4, 5, 7]),
    ({"op": "pow"}, [4, 5, 7], [1, 1, 1], "NCHW", [4, 5, 7]),
    ({"op": "min"}, [4, 5, 7], [5, 7], "NCHW", [4, 5, 7]),
    ({"op": "max"}, [7], [4, 5, 1], "NCHW", [4, 5, 7]),
    ({"op": "compare", "by": "lt"}, [4, 5, 7], [4], "NCHW", "compare of 4x5x7 and 4: 7 and 4 differ, and neither is 1"),
    ({"op": "concat"}, [4, 5, 7], [2, 5, 7], "NCHW", [6, 5, 7]),
    ({"op": "concat"}, [5, 7, 4], [5, 7, 2], "NHWC", [5, 7, 6]),
    ({"op": "concat", "axis": 3}, [4, 5, 7], [4, 5, 2], "NCHW", [4, 5, 9]),
    ({"op": "concat", "axis": -2}, [4, 5, 7], [4, 2, 7], "NCHW", [4, 7, 7]),
    ({"op": "Concatenate"}, [4, 5, 7], [2, 5, 8], "NCHW", "concat of 4x5x7 and 2x5x8: 7 and 8 differ outside axis 1"),
    ({"op": "concat", "axis": 4}, [4, 5, 7], [4, 5, 7], "NCHW", "axis 4 is not an axis of 4x5x7"),
    ({"op": "concat", "axis": 0}, [4, 5, 7], [4, 5, 7], "NCHW", "axis 0 is not an axis of 4x5x7"),
    ({"op": "stack"}, [4, 5, 7], [4, 5, 7], "NCHW", [2, 4, 5, 7]),
    ({"op": "stack", "axis": -1}, [4, 5, 7], [4, 5, 7], "NHWC", [4, 5, 7, 2]),
    ({"op": "stack"}, [4, 5, 7], [4, 5, 2], "NCHW", "stack of 4x5x7 and 4x5x2: 7 and 2 differ"),
    ({"op": "stack", "axis": 5}, [4, 5, 7], [4, 5, 7], "NCHW", "axis 5 is not an axis of the output, which has 4"),
    ({"op": "matmul"}, [4, 5, 7], [4, 7, 3], "NCHW", [4, 5, 3]),
    ({"op": "matmul"}, [4, 5, 7], [1, 7, 3], "NCHW", [4, 5, 3]),
    (
        {"op": "matmul"},
        [4, 5, 7],
        [4, 5, 3],
        "NCHW",
        "matmul of 4x5x7 and 4x5x3: the first has 7 columns, but the second 5 rows",
    ),
    (
        {"op": "matmul"},
        [4, 5, 7],
        [3, 7, 5],
        "NCHW",
        "matmul of 4x5x7 and 3x7x5: the sizes before the last two differ, 4 and 3, and neither is 1",
    ),
    ({"op": "einsum", "equation": "cij, cik"}, [4, 5, 7], [4, 5, 3], "NHWC", [7, 3]),
    ({"op": "einsum", "equation": "...j,...k->...jk"}, [4, 5, 7], [4, 5, 3], "NHWC", [4, 5, 7, 3]),
    (
        {"op": "einsum", "equation": "cij,cik->jk"},
        [4, 5, 7],
        [4, 6, 3],
        "NCHW",
        "einsum of 4x5x7 and 4x6x3: 5 and 6 differ, but both are i in cij,cik->jk",
    ),
    ({"op": "attention"}, [4, 5, 7], [4, 3, 7], "NCHW", [4, 5, 7]),
    (
        {"op": "attention"},
        [4, 5, 7],
        [4, 5, 3],
        "NCHW",
        "attention of 4x5x7 and 4x5x3: queries have 7 features, but keys 3",
    ),
    (
        {"op": "lstm", "out": 3},
        [4, 5, 7],
        [4, 5, 3],
        "NCHW",
        "lstm reads a sequence, or a sequence and 2 states, got 2 inputs",
    ),
    ({"op": "gru", "out": 3}, [4, 5, 7], [4, 5, 3], "NCHW", "gru of 4x5x7 and 4x5x3: its states must be 4x3"),
    ({"op": "rnn", "out": 3}, [4, 5, 7], [4, 5, 3], "NCHW", "rnn of 4x5x7 and 4x5x3: its states must be 4x3"),
    ({"op": "multihead", "heads": 7}, [4, 5, 7], [4, 3, 2], "NHWC", [4, 5, 7]),
]


def test_every_op_that_joins_has_a_row() -> None:
    joins = {op for op, (cls, _) in OPS.items() if cls.JOINS and not cls.SOURCE}
    assert joins <= {layer["op"] for layer, *_ in JOINED} | {"opaque", "where"}


@pytest.mark.parametrize(("layer", "first", "second", "layout", "out"), JOINED)
def test_shapes_that_meet(
    layer: dict[str, Any], first: list[int], second: list[int], layout: str, out: list[int] | str
) -> None:
    numel = prod(first)
    spec = {
        "input": [numel],
        "layout": layout,
        "layers": [
            {"op": "reshape", "name": "a", "out": first},
            {"op": "linear", "name": "wide", "from": "input", "out": prod(second)},
            {"op": "reshape", "name": "b", "out": second},
            {**layer, "from": ["a", "b"]},
        ],
    }
    if isinstance(out, str):
        with pytest.raises(cnncalc.ShapeError) as error:
            cnncalc.shape(spec)
        assert error.value.what == out
        if "axis" not in out.partition(":")[0]:
            shapes = ("x".join(map(str, shape)) for shape in (first, second))
            assert error.value.help == "a gives {}, b gives {}".format(*shapes)
        return
    report = cnncalc.shape(spec)
    assert list(report.out) == out
    assert report.to_dict()["layers"][-1]["report"]["in"] == [first, second]
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("relu:name=a add:from=a+input,value=2", "add takes either several inputs or one and a value"),
        ("add", "add needs at least two inputs, got one"),
        ("relu:name=a sub:from=a+a+input", "sub has two operands, got 3"),
        ("relu:name=a max:from=a+input,axis=1", "max over axes has one input and no value"),
        ("min:value=1,keepdims=true", "min over axes has one input and no value"),
        ("relu:name=a where:from=a+input", "where has three inputs, got 2"),
    ],
)
def test_the_operands_that_an_operation_has(words: str, what: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as error:
        cnncalc.shape(words, "4x5x7")
    assert error.value.what == what


def test_three_inputs_meet_in_a_choice() -> None:
    words = "max:axis=1,name=a mean:axis=[2,3],from=input,keepdims=true,name=b where:from=a+b+input"
    assert cnncalc.shape(words, "4x5x7").out == (4, 5, 7)


def test_open_sizes_meet() -> None:
    report = cnncalc.shape("conv:8,k3,p1,name=a conv:8,k3,p1 add:from=conv1+a", "8xHxW")
    assert report.to_dict()["report"]["out"] == [8, "H", "W"]
    halves = "maxpool:2,name=down upsample:factor=2,name=up concat:from=input+up"
    assert cnncalc.shape(halves, "3xHxH").to_dict()["report"]["out"][0] == 6


def test_errors_say_where_each_comes_from() -> None:
    ended = here(["shape", "3x9x9", "conv:4,k3,name=a", "conv:4,k3,name=b", "add:from=a+b"])
    assert ended.err == (
        "layers[2] 'add1': add of 4x7x7 and 4x5x5: 7 and 5 differ, and neither is 1\n"
        "  3x9x9 conv:4,k3,name=a conv:4,k3,name=b add:from=a+b\n"
        "                                              ^~~~~~~~\n"
        "  a gives 4x7x7, b gives 4x5x5\n"
    )
    assert "needs at least two inputs, got one" in here(["shape", "3x9x9", "conv:4", "add"]).err
    assert "from: 'c' is not a layer" in here(["shape", "3x9x9", "conv:4,name=a", "add:from=a+c"]).err
    assert (
        "from: the layers read each other: add1 -> b -> add1"
        in here(["shape", "3x9x9", "add:from=b+input", "relu:name=b"]).err
    )


# Fields.

FIELDS: list[tuple[str, str, tuple[object, ...], int]] = [
    # A residual block: 3x3 and 3x3 beside the identity, aligned.
    ("3x32x32", "conv:3,k3,p1 conv:3,k3,p1 add:from=conv2+input", (5, 1, -2), 0),
    # A strided block beside its 1x1 shortcut.
    ("3x32x32", "conv:4,k3,s2,p1,name=a conv:4,s2,from=input,name=b add:from=a+b", (3, 2, -1), 0),
    # Even kernels: centres half a pixel apart.
    ("3x32x32", "conv:3,k2,p0+1,name=a add:from=a+input", (2, 1, 0), MISALIGNED),
    # TF's `same` with a stride, beside a 1x1: starts 0 to 2 and 0.
    ("3x32x32", "conv:4,k3,s2,p=same,name=a conv:4,s2,from=input,name=b add:from=a+b", (3, 2, 0), MISALIGNED),
    # Unequal strides that lead to the same size by cropping: nothing is known.
    ("3x4x4", "conv:3,k3,name=a maxpool:2,from=input,name=b add:from=a+b", (None, None, None), MISALIGNED),
    # A squeeze-and-excite gate is left out.
    ("4x9x9", "conv:4,k3,p1,name=a globalavgpool conv:4 sigmoid mul:from=a+sigmoid1", (3, 1, -1), BROADCAST),
    # Channels moved last, as in ConvNeXt's blocks, and back: layers on the channels change no field …
    ("3x9x32", "conv:4,k3 permute:order=[2,3,1] layernorm linear:5 permute:order=[3,1,2] conv:5,k3", (5, 1, 0), 0),
    # … a linear layer along the height sees all of it (7 rows of 3), and a slice moves it.
    ("3x9x32", "conv:4,k3 permute:order=[2,1,3] permute:order=[2,3,1] linear:6 permute:order=[1,3,2]", (9, 1, 0), 0),
    ("3x9x32", "conv:4,k3 permute:order=[2,3,1] slice:axis=1,start=2 permute:order=[3,1,2]", (3, 1, 2), 0),
    # A convolution sees an axis that has become channels as a whole; a join keeps a moved axis.
    ("3x9x32", "conv:4,k3 permute:order=[2,3,1] conv:4", (9, 1, 0), 0),
    ("3x9x32", "permute:order=[2,3,1],name=a add:from=a+a permute:order=[3,1,2]", (1, 1, 0), 0),
    # Beside only pooled paths it is not one.
    ("4x9x9", "globalavgpool:name=a globalmaxpool:from=input,name=b add:from=a+b", (9, 1, 0), POOLED),
]


@pytest.mark.parametrize(("input", "words", "numbers", "marks"), FIELDS)
def test_fields_that_meet(input: str, words: str, numbers: tuple[object, ...], marks: int) -> None:
    report = cnncalc.shape(words, input)
    field = report.rf[0]
    assert field[:3] == numbers
    assert field.marks & (BROADCAST | MISALIGNED | POOLED) == marks
    rf = report.to_dict()["report"]["rf"]
    assert rf.get("aligned") == (False if marks & MISALIGNED else None)
    assert rf.get("global") == (True if marks & BROADCAST else None)


def test_what_comes_after_a_join_keeps_its_marks() -> None:
    report = cnncalc.shape("conv:3,k2,p0+1,name=a add:from=a+input conv:5,k3 relu maxpool:2", "3x32x32")
    assert report.to_dict()["report"]["rf"]["aligned"] is False


def test_a_join_of_phases_is_the_hull_of_each_unit() -> None:
    up = Field(2, None, 0, ((0, 0), (0, 1)), 1)
    skip = Field(1, None, 0, ((0, 0), (0, 0)), 1)
    assert join([up, skip]).phases == ((0, 0), (0, 1))
    assert join([up, up]) == up


# Shared weights, several outputs.


def test_tied_weights_are_counted_once() -> None:
    spec = {
        "input": [4, 9, 9],
        "layers": [
            {"op": "conv", "name": "a", "c_o": 4, "k": 3, "p": 1},
            {"op": "batchnorm", "name": "n"},
            {"op": "conv", "name": "b", "c_o": 4, "k": 3, "p": 1, "tie": "a"},
            {"op": "batchnorm", "tie": "n"},
        ],
    }
    report = cnncalc.shape(spec)
    assert (report.params, report.buffers) == (148 + 8, 8)
    assert report.layers[2].params == 148
    assert report.macs == 2 * 144 * 81
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()
    spec["layers"][2]["tie"] = "n"  # type: ignore[index]
    with pytest.raises(cnncalc.SpecError, match="tie: 'n' is batchnorm, but this is conv"):
        cnncalc.shape(spec)


def test_several_outputs_are_named() -> None:
    report = cnncalc.shape("conv:4,k3,name=a conv:2,name=left conv:5,from=a,name=right", "3x9x9").to_dict()["report"]
    assert report["out"] == [5, 7, 7]
    assert report["outputs"] == {"left": [2, 7, 7], "right": [5, 7, 7]}
    assert "outputs" not in cnncalc.shape("resnet18").to_dict()["report"]


# Real networks.

PUBLISHED = {
    # torchvision's documentation: parameters, and "GFLOPS" (multiply-accumulates).
    "resnet34": (21797672, 3.664),
    "resnet101": (44549160, 7.801),
    "resnext50_32x4d": (25028904, 4.230),
    "wide_resnet50_2": (68883240, 11.398),
    "squeezenet1_0": (1248424, 0.819),
    "squeezenet1_1": (1235496, 0.349),
    "mobilenet_v3_small": (2542856, 0.057),
    "mobilenet_v3_large": (5483032, 0.217),
    "shufflenet_v2_x1_0": (2278604, 0.145),
    "mnasnet1_0": (4383312, 0.314),
    "convnext_tiny": (28589128, 4.456),
    # 27,161,264 with the auxiliary classifier, which only training uses: 3,326,696 of them belong to it.
    "inception_v3": (27161264 - 3326696, 5.713),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name: str) -> None:
    report = cnncalc.shape(name)
    assert isinstance(report.macs, int)
    assert (report.params, round(report.macs / 1e9, 3)) == PUBLISHED[name]


def rows(file: str) -> list[dict[str, str]]:
    with (DATA / file).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


BRANCHED = ("resnet18", "resnet50", "mobilenet_v2", "googlenet", "densenet121", "efficientnet_b0")


@pytest.mark.parametrize("name", [*BRANCHED, "convnext_tiny"])
def test_networks_with_branches_to_the_last_digit(name: str) -> None:
    report = cnncalc.shape(name)
    (wanted,) = (row for row in rows("networks.csv") if row["network"] == name)
    assert (report.params, report.macs) == (int(wanted["params"]), int(wanted["macs"]))


LAYERS = sorted({row["network"] for row in rows("torchvision-layers.csv")} & set(zoo.names()))


@pytest.mark.parametrize("name", LAYERS)
def test_their_layers_are_torchvisions(name: str) -> None:
    """Each convolution, norm, linear layer and pool, as often as it occurs; pools that are functions have no row."""
    wanted = Counter[object]()
    for row in rows("torchvision-layers.csv"):
        if row["network"] == name:
            kind = row["type"].removesuffix("2d").lower().replace("adaptiveavg", "avg")
            wanted[kind, row["in"], row["out"], int(row["params"]), int(row["macs"])] += 1
    found = Counter[object]()
    for layer in cnncalc.shape(name, batch=1).layers:
        kind = layer.op.removeprefix("dw").removeprefix("global").removeprefix("adaptive")
        if kind in ("conv", "batchnorm", "layernorm", "linear", "maxpool", "avgpool"):
            found[kind, show(layer.x), show(layer.out), layer.params, layer.macs] += 1
    assert sum(wanted.values()) >= 7
    assert not wanted - found
    assert {key[0] for key in found - wanted} <= {"maxpool", "avgpool"}  # type: ignore[index]


@pytest.mark.parametrize("name", BRANCHED)
def test_their_fields_are_those_of_the_table(name: str) -> None:
    """Every convolution and pool of the table, as often as it occurs, and every join.

    A first dense layer's `cat` of one is not a layer here, and efficientnet's gates have no row in the table.
    """
    wanted, joins = Counter[object](), set[object]()
    for row in rows("receptive-fields-torchvision.csv"):
        numbers = (int(row["rf_size"]), int(row["effective_stride"]), -int(row["effective_padding_left(-first)"]))
        if row["network"] == name and row["fx_node"].startswith(("add", "cat")):
            joins.add(numbers)
        elif row["network"] == name:
            wanted[numbers] += 1
    layers = cnncalc.shape(name).layers
    found = Counter[object](layer.rf[0][:3] for layer in layers if layer.op in ("conv", "dwconv", "maxpool", "avgpool"))
    assert sum(wanted.values()) >= 21
    assert not wanted - found
    assert joins <= {layer.rf[0][:3] for layer in layers}


def test_a_unet_gives_the_papers_388() -> None:
    """Ronneberger et al. 2015, figure 1: 572 in, 388 out, 64 to 1024 channels; 31.03 million parameters."""
    report = cnncalc.shape("unet")
    assert report.out == (2, 388, 388)
    assert report.params == 31030658
    assert report.layers[[layer.name for layer in report.layers].index("bottom_conv2")].out == (1024, 28, 28)


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_reads_back(name: str) -> None:
    report = cnncalc.shape(name)
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()
    network = cnncalc.load(name)
    assert cnncalc.load(network.to_dict()) == network
    assert here(["shape", name, "--explain"]).code == 0
    assert here(["diff", name, name, "--exit-code"]).code == 0


def test_shared_weights_are_there_once_in_every_total() -> None:
    """The sentence, the table's last row and that of Markdown."""
    words = ["4x9x9", "conv:4,k3,p1,name=a", "conv:4,k3,p1,tie=a", "--columns", "layer,weights,bias,params,macs"]
    table = here(["shape", *words]).out.splitlines()
    assert next(line.split() for line in table if line.startswith("total")) == ["total", "144", "4", "148", "23,328"]
    assert "148 parameters, 23,328 MACs" in table[-2]
    markdown = here(["shape", *words, "--format", "markdown"]).out
    assert markdown.endswith("| total | 144 | 4 | 148 | 23,328 |\n")


def test_marks_stay_where_the_numbers_are_lost() -> None:
    words = "conv:4,k2,p0+1,name=a add:from=a+input conv:4,k3,s2,p=same flatten"
    rf = cnncalc.shape(words, "4xHxW").to_dict()["report"]["rf"]
    assert rf == {"size": [None, None], "stride": [2, 2], "start": [None, None], "aligned": False}
