"""The zoo and well-known networks, compared with published figures."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest

import cnncalc
from tests import DATA

ZOO = ("lenet5", "alexnet", "vgg16", "mobilenet_v1")


def rows(file: str) -> list[dict[str, str]]:
    """Return the rows of a table of facts."""
    with (DATA / file).open(newline="") as table:
        return list(csv.DictReader(table))


def of(file: str, network: str) -> list[dict[str, str]]:
    """Return the rows of a network, at least one."""
    found = [row for row in rows(file) if row["network"] == network]
    assert found, network
    return found


def sizes(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split("x"))


@pytest.mark.parametrize("network", ZOO)
def test_parameters_and_multiply_accumulates_to_the_last_digit(network: str) -> None:
    (row,) = of("networks.csv", network)
    batch, *sample = sizes(row["input"])
    report = cnncalc.shape(network)
    assert batch == 1
    assert list(report.layers[0].x) == sample
    assert report.params == int(row["params"])
    assert report.macs == int(row["macs"])
    macs = {op: sum(r.macs or 0 for r in report.layers if r.op == op) for op in ("conv", "dwconv", "linear")}
    assert macs["conv"] + macs["dwconv"] == int(row["conv_macs"])
    assert macs["linear"] == int(row["linear_macs"])


@pytest.mark.parametrize(
    ("network", "params"),
    [
        # torchvision's documentation of its models, `num_params` of the weights
        ("alexnet", 61_100_840),
        ("vgg11", 132_863_336),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
    ],
)
def test_published_parameters(network: str, params: int) -> None:
    assert cnncalc.shape(network).params == params


@pytest.mark.parametrize(
    ("network", "gmacs"),
    # torchvision's documentation, 'GFLOPS' (which are multiply-accumulates)
    [("alexnet", "0.71"), ("vgg11", "7.61"), ("vgg16", "15.47"), ("vgg19", "19.63")],
)
def test_published_multiply_accumulates(network: str, gmacs: str) -> None:
    macs = cnncalc.shape(network).macs
    assert isinstance(macs, int)
    assert f"{macs / 1e9:.2f}" == gmacs


TYPES = {
    "conv": "Conv2d",
    "dwconv": "Conv2d",
    "maxpool": "MaxPool2d",
    "avgpool": "AvgPool2d",
    "globalavgpool": "AdaptiveAvgPool2d",
    "adaptiveavgpool": "AdaptiveAvgPool2d",
    "batchnorm": "BatchNorm2d",
    "linear": "Linear",
}


@pytest.mark.parametrize("network", ZOO)
def test_each_layer_is_torchvisions(network: str) -> None:
    expected = of("torchvision-layers.csv", network)
    layers = [layer for layer in cnncalc.shape(network, batch=1).layers if layer.op in TYPES]
    assert len(layers) == len(expected)
    for layer, row in zip(layers, expected, strict=True):
        assert TYPES[layer.op] == row["type"], row["layer"]
        assert layer.x == sizes(row["in"]), row["layer"]
        assert layer.out == sizes(row["out"]), row["layer"]
        assert layer.params == int(row["params"]), row["layer"]
        assert layer.macs == int(row["macs"]), row["layer"]


@pytest.mark.parametrize("input", [None, "3xHxW"], ids=["own input", "open input"])
@pytest.mark.parametrize("network", ZOO)
def test_receptive_fields_are_torchvisions(network: str, input: str | None) -> None:
    """They do not depend on the input, as every padding is a number. Layers after the last window see everything."""
    expected = of("receptive-fields-torchvision.csv", network)
    if input is not None:
        input = input.replace("3", "1") if network == "lenet5" else input
    body = [r for r in cnncalc.load(network).to_dict()["layers"] if r["op"] in ("conv", "dwconv", "maxpool", "avgpool")]
    layers = cnncalc.shape(body, input=input or cnncalc.shape(network).layers[0].x).layers
    assert len(layers) == len(expected)
    for layer, row in zip(layers, expected, strict=True):
        size, stride = int(row["rf_size"]), int(row["effective_stride"])
        start = -int(row["effective_padding_left(-first)"])
        for field in layer.rf:
            assert (field.size, field.stride, field.start) == (size, stride, start), row["fx_node"]
            assert start + size - 1 == int(row["last_index_of_unit0"])


# TF-Slim's networks, as google-research/receptive_field measures them.


def conv(name: str, k: int, s: int = 1, p: str = "same") -> dict[str, Any]:
    return {"name": name, "op": "conv", "c_o": 1, "k": k, "s": s, "p": p}


def pool(name: str, k: int) -> dict[str, Any]:
    return {"name": name, "op": "maxpool", "k": k, "s": 2, "p": "valid"}


def alexnet_v2() -> Iterator[dict[str, Any]]:
    """Yield the chain of tf_slim/nets/alexnet.py."""
    yield conv("alexnet_v2/conv1", 11, 4, "valid")
    yield pool("alexnet_v2/pool1", 3)
    yield conv("alexnet_v2/conv2", 5)
    yield pool("alexnet_v2/pool2", 3)
    yield conv("alexnet_v2/conv3", 3)
    yield conv("alexnet_v2/conv4", 3)
    yield conv("alexnet_v2/conv5", 3)
    yield pool("alexnet_v2/pool5", 3)


def vgg_16() -> Iterator[dict[str, Any]]:
    """Yield the chain of tf_slim/nets/vgg.py."""
    for block, depth in enumerate((2, 2, 3, 3, 3), 1):
        for layer in range(1, depth + 1):
            yield conv(f"vgg_16/conv{block}/conv{block}_{layer}", 3)
        yield pool(f"vgg_16/pool{block}", 2)


def mobilenet_v1() -> Iterator[dict[str, Any]]:
    """Yield the chain of tf_slim/nets/mobilenet_v1.py."""
    yield conv("Conv2d_0", 3, 2)
    for block, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1):
        yield {"name": f"Conv2d_{block}_depthwise", "op": "dwconv", "k": 3, "s": stride, "p": "same"}
        yield conv(f"Conv2d_{block}_pointwise", 1)


SLIM = {"alexnet_v2": alexnet_v2, "vgg_16": vgg_16, "mobilenet_v1": mobilenet_v1}


@pytest.mark.parametrize("dialect", ["plain", "keras"])
@pytest.mark.parametrize("resolution", ["None", "224", "321"])
@pytest.mark.parametrize("network", SLIM)
def test_published_receptive_fields(network: str, resolution: str, dialect: str) -> None:
    """A padding of None in the table depends on the input: so does the start."""
    input = ("H", "W", 3) if resolution == "None" else (int(resolution), int(resolution), 3)
    report = cnncalc.shape(list(SLIM[network]()), input=input, dialect=dialect, layout="NHWC")
    fields = {layer.name: layer.rf for layer in report.layers}
    expected = [r for r in of("receptive-fields-published.csv", network) if r["input_resolution"] == resolution]
    assert len(expected) >= 7
    for row in expected:
        padding = row["effective_padding"]
        for field in fields[row["endpoint"]]:
            assert field.size == int(row["rf_size"]), row
            assert field.stride == int(row["effective_stride"]), row
            assert field.start == (None if padding == "None" else -int(padding)), row


@pytest.mark.parametrize("network", [*ZOO, "vgg11", "vgg19"])
def test_a_network_of_the_zoo_is_written_as_it_is_read(network: str) -> None:
    loaded = cnncalc.load(network)
    assert cnncalc.load(loaded.to_dict()) == loaded
    assert loaded.name == network


@pytest.mark.parametrize("network", ZOO)
def test_totals_are_the_sums_of_the_columns(network: str) -> None:
    report = cnncalc.shape(network, batch=3).to_dict()
    for key in ("params", "buffers", "macs"):
        assert report["report"][key] == sum(layer["report"][key] for layer in report["layers"])


def test_running_statistics_are_buffers_and_no_parameters() -> None:
    """mobilenet_v1: two numbers for each of the 27 norms' 10,944 channels."""
    report = cnncalc.shape("mobilenet_v1")
    channels = [r.out[0] for r in report.layers if r.op == "batchnorm"]
    assert report.buffers == 2 * sum(c for c in channels if isinstance(c, int)) == 21_888
