"""The multiply-accumulates that other tools print, compared with what they really printed."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.counters import FUNCTIONS, TOOLS, count_as, macs_as, tool_named
from cnncalc.layers import OPS
from cnncalc.report import Report
from tests import DATA
from tests.cases import ROWS

VERSIONS, *LINES = [json.loads(line) for line in (DATA / "counters.jsonl").read_text(encoding="utf-8").splitlines()]
NETWORKS = [line for line in LINES if "network" in line]
SOURCES = [line for line in LINES if "source" in line]
LAYERS = [line for line in LINES if "layers" in line]

OWN_CLASSES = {
    "sepconv": {"torchinfo", "thop", "ptflops-pytorch"},
    "sepconv1d": {"torchinfo", "thop", "ptflops-pytorch"},
    "sepconv3d": {"torchinfo", "thop", "ptflops-pytorch"},
    "layernorm": {"thop", "ptflops-pytorch"},
    "scale": {"torchinfo"},
}
"""Where `convert --to torch` writes a custom class, or the layer between two permutes, and torchvision does not.

A separable convolution is two modules in torchvision, a layernorm over the channels a custom class, and a scale a
parameter of a block.
"""


def written(line: dict[str, Any]) -> Report:
    """Return the report of a recorded network, or of a copy whose layers are all modules."""
    if line["code"] == "torchvision":
        return cnncalc.shape(line["network"])
    return cnncalc.shape(cnncalc.load(line["network"]).to_dict())


@pytest.mark.parametrize("line", NETWORKS, ids=[f"{line['network']}-{line['code']}" for line in NETWORKS])
def test_the_tools_own_figure_of_every_built_in_network(line: dict[str, Any]) -> None:
    """Except where custom classes of torchvision are recorded beside it."""
    report = written(line)
    beside = {"torchinfo", *OWN_CLASSES["layernorm"]}
    for tool in TOOLS:
        if (line["network"], line["code"]) == ("convnext_tiny", "converted") and tool in beside:
            continue
        counted = macs_as(report, tool)
        assert counted.macs == line[tool], tool
        assert sum(kind.difference or 0 for kind in counted.kinds) == line[tool] - (report.macs or 0), tool


def test_every_built_in_network_is_recorded() -> None:
    recorded = [line["network"] for line in NETWORKS]
    assert tuple(dict.fromkeys(recorded)) == zoo.names()
    torchvisions = {line["network"] for line in NETWORKS if line["code"] == "torchvision"}
    assert set(zoo.names()) - torchvisions == {"lenet5", "mobilenet_v1", "unet"}
    assert set(FUNCTIONS) <= torchvisions


def test_the_versions_are_those_of_the_record() -> None:
    for name, tool in TOOLS.items():
        assert VERSIONS[name.partition("-")[0]].startswith(tool.version)


@pytest.mark.parametrize("line", LAYERS, ids=[str(number) for number in range(len(LAYERS))])
def test_the_tools_own_figure_of_a_layer(line: dict[str, Any]) -> None:
    """Equal, or unknown: never another figure."""
    op = line["layers"][-1]["op"]
    report = cnncalc.shape({key: line[key] for key in ("layers", "input", "dialect")})
    for tool in TOOLS:
        if tool not in OWN_CLASSES.get(op, ()) and isinstance(line[tool], int):
            counted = macs_as(report, tool)
            assert counted.macs in (line[tool], None), tool
            assert counted.macs is not None or op in UNKNOWN or op == "convT", tool


UNKNOWN = {
    *("einsum", "attention", "multihead", "embedding", "lstm", "gru", "rnn", "opaque"),
    *("lppool", "lppool1d", "lppool3d", "compare", "where", "upsample", "maxpool", "avgpool"),
}


def test_most_layers_have_a_figure() -> None:
    assert {line["layers"][-1]["op"] for line in LAYERS} >= {
        row.op for row in ROWS if row.op not in {"opaque", "unfold1d", "unfold3d", "fold1d", "fold3d", "tobatch"}
    }
    known = [
        line
        for line in LAYERS
        if macs_as(cnncalc.shape({key: line[key] for key in ("layers", "input", "dialect")}), "ptflops-pytorch").macs
        is not None
    ]
    assert len(known) > 0.85 * len(LAYERS)


@pytest.mark.parametrize("line", SOURCES, ids=[line["source"] for line in SOURCES])
def test_the_tools_own_figure_of_pasted_code(line: dict[str, Any]) -> None:
    """Tools that look at modules do not see what functions compute in the code."""
    report = cnncalc.shape(str(DATA / "code" / line["source"]), input=line["input"])
    for tool in TOOLS:
        assert macs_as(report, tool).macs == line[tool], tool
    if line["source"].startswith("lenet"):
        modules = macs_as(cnncalc.shape(report.to_dict()), "ptflops-pytorch").macs
        assert modules is not None
        assert modules > line["ptflops-pytorch"]


def test_the_rules_are_of_ops_that_there_are() -> None:
    for tool in TOOLS.values():
        assert {*tool.rules, *(tool.by_function or ())} <= set(OPS)


@pytest.mark.parametrize(("tool", "times"), [(name, 3 if tool.batched else 1) for name, tool in TOOLS.items()])
def test_a_batch(tool: str, times: int) -> None:
    one = macs_as(cnncalc.shape("alexnet"), tool).macs
    counted = macs_as(cnncalc.shape("alexnet", batch=3), tool)
    assert one is not None
    assert counted.macs == times * one
    assert counted.exact == times * (cnncalc.shape("alexnet").macs or 0)


def test_a_block_is_opened() -> None:
    inner = [{"op": "conv", "c_o": 4, "k": 3}, {"op": "batchnorm"}]
    flat, nested = (
        cnncalc.shape({"input": [2, 5, 7], "layers": layers}) for layers in (inner, [{"op": "block", "layers": inner}])
    )
    assert macs_as(flat, "thop") == macs_as(nested, "thop")


def test_open_sizes_and_layers_without_a_rule_are_unknown() -> None:
    assert macs_as(cnncalc.shape("3xHxW conv:4,k3 relu"), "thop").macs is None
    counted = macs_as(
        cnncalc.shape({"input": [7, 3], "layers": [{"op": "lstm", "name": "a", "out": 4}, {"op": "linear", "out": 2}]}),
        "thop",
    )
    assert (counted.macs, counted.unknown) == (None, ("a",))


def test_names_of_tools() -> None:
    assert tool_named("TorchInfo") == "torchinfo"
    with pytest.raises(cnncalc.SpecError, match="did you mean 'ptflops-aten'"):
        tool_named("ptflops")
    with pytest.raises(cnncalc.SpecError, match="the tools are torchinfo, fvcore, thop"):
        tool_named("x")


def test_the_report_has_the_figure() -> None:
    report = count_as(cnncalc.shape("alexnet"), "torchinfo")
    assert report.to_dict()["report"]["macs_as"] == {"tool": "torchinfo", "macs": 714682664}
    assert cnncalc.shape(report.to_dict()).to_dict() == cnncalc.shape("alexnet").to_dict()
