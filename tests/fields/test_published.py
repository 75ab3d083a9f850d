"""The published tables of receptive fields, compared with the output of `cnncalc rf`."""

from __future__ import annotations

import csv
from collections import Counter
from typing import Any

import pytest

import cnncalc
from cnncalc.fields import ReceptiveFields
from cnncalc.render import Style
from cnncalc.render.fields import FORMATS
from cnncalc.report import Report
from tests import DATA
from tests.zoo.test_zoo import SLIM

WINDOWS = ("conv", "dwconv", "maxpool", "avgpool")


def table(name: str) -> list[dict[str, str]]:
    with open(DATA / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


TORCHVISION, PUBLISHED = table("receptive-fields-torchvision.csv"), table("receptive-fields-published.csv")


def shown(report: Report) -> list[dict[str, str]]:
    """Return the CSV rows of windows; height and width are in one row."""
    text = "".join(FORMATS.renderer("csv")(ReceptiveFields(report), Style()))
    rows = [row for row in csv.DictReader(text.splitlines()) if row["op"].split()[0] in (*WINDOWS, "add", "concat")]
    assert {row["axis"] for row in rows} == {"HW"}
    return rows


def test_the_tables_are_whole() -> None:
    assert (len(TORCHVISION), len(PUBLISHED)) == (542, 102)


@pytest.mark.parametrize("input", [None, "3xHxW"], ids=["own input", "open input"])
@pytest.mark.parametrize("network", sorted({row["network"] for row in TORCHVISION}))
def test_torchvisions_fields(network: str, input: str | None) -> None:
    """Each window and join of the table, as often as it occurs, whatever the input's sizes are.

    A first dense layer's `cat` of one is not a layer here, and efficientnet's gates have no row in the table.
    """
    wanted, joins = Counter[object](), set[object]()
    for row in TORCHVISION:
        start, size = -int(row["effective_padding_left(-first)"]), int(row["rf_size"])
        figures = (f"{size}", row["effective_stride"], f"{start}", f"{start + (size - 1) / 2:g}")
        assert int(row["last_index_of_unit0"]) == start + size - 1
        if row["network"] == network and row["fx_node"].startswith(("add", "cat")):
            joins.add(figures)
        elif row["network"] == network:
            wanted[figures] += 1
    body = cnncalc.load(network).to_dict()["layers"]
    if network in ("lenet5", "alexnet", "vgg16"):  # their linear layers need one size
        body = body[: max(at for at, layer in enumerate(body) if layer["op"] in WINDOWS) + 1]
    channels = cnncalc.shape(network).sample[0]
    report = cnncalc.shape(network) if input is None else cnncalc.shape(body, input=(channels, "H", "W"))
    rows = [(row, (row["size"], row["stride"], row["first"], row["centre"])) for row in shown(report)]
    found = Counter[object](figures for row, figures in rows if row["op"].split()[0] in WINDOWS)
    assert sum(wanted.values()) >= 5
    assert not wanted - found
    assert joins <= {figures for _, figures in rows}


@pytest.mark.parametrize("resolution", ["None", "224", "321"])
@pytest.mark.parametrize("network", SLIM)
def test_published_fields(network: str, resolution: str) -> None:
    size: Any = ("H", "W") if resolution == "None" else (int(resolution),) * 2
    report = cnncalc.shape(list(SLIM[network]()), input=(*size, 3), dialect="keras", layout="NHWC")
    rows = {row["layer"]: row for row in shown(report)}
    expected = [row for row in PUBLISHED if (row["network"], row["input_resolution"]) == (network, resolution)]
    assert len(expected) >= 7
    for want in expected:
        padding = want["effective_padding"]
        first = "unknown" if padding == "None" else f"{-int(padding)}"
        row = rows[want["endpoint"]]
        assert (row["size"], row["stride"], row["first"]) == (want["rf_size"], want["effective_stride"], first), want
