"""The textbook's own examples: Dive into Deep Learning, chapter 'Convolutional Neural Networks'."""

from __future__ import annotations

from typing import Any

import pytest

import cnncalc
from cnncalc.field import Field


def test_the_figures_at_the_top_of_the_chapter_on_modern_networks() -> None:
    """A ResNet stem: 64*3*7*7 + 64 parameters; the field is 7, then 7 + 2*2 = 11; the start -3, then -3 - 1*2."""
    report = cnncalc.shape("3x224x224 conv:64,k7,s2,p3 maxpool:k3,s2,p1")
    assert report.out == (64, 56, 56)
    assert report.params == 9472
    assert report.rf == (Field(11, 4, -5), Field(11, 4, -5))


def test_a_two_by_two_kernel_twice_sees_three_by_three() -> None:
    """Exercise of 'Convolutions for Images': a deeper unit of a 3x3 image sees all nine pixels."""
    report = cnncalc.shape("3x3 conv:1,k2 conv:1,k2")
    assert report.out == (1, 1, 1)
    assert report.rf == (Field(3, 1, 0), Field(3, 1, 0))


@pytest.mark.parametrize(
    ("spec", "out"),
    [
        # 7.2 Convolutions for Images
        ("3x3 conv:1,k2", (1, 2, 2)),
        ("1x6x8 conv:1,k1x2", (1, 6, 7)),
        ("6x8 conv:1,k1x2", (1, 6, 7)),
        # 7.3 Padding and Stride
        ("8x8 conv:1,k3,p1", (1, 8, 8)),
        ("8x8 conv:1,k5x3,p2x1", (1, 8, 8)),
        ("8x8 conv:1,k3,p1,s2", (1, 4, 4)),
        ("8x8 conv:1,k3x5,p0x1,s3x4", (1, 2, 2)),
        ("3x3 conv:1,k2,p1", (1, 4, 4)),
        # the chapter's own p_h is the total of both sides
        ("8x8 conv:1,k3,pt2", (1, 8, 8)),
        ("8x8 conv:1,k5x3,pt4x2", (1, 8, 8)),
        ("3x3 conv:1,k2,pt2", (1, 4, 4)),
        ("8x8 conv:1,k2,pt1", (1, 8, 8)),
        # 7.4 Multiple Input and Multiple Output Channels
        ("2x3x3 conv:1,k2", (1, 2, 2)),
        ("2x3x3 conv:3,k2", (3, 2, 2)),
        ("3x3x3 conv:2", (2, 3, 3)),
        # 7.5 Pooling
        ("3x3 maxpool:2,s1", (1, 2, 2)),
        ("4x4 maxpool:3", (1, 1, 1)),
        ("4x4 maxpool:3,p1,s2", (1, 2, 2)),
        ("4x4 maxpool:2x3,s2x3,p0x1", (1, 2, 2)),
        ("2x4x4 maxpool:3,p1,s2", (2, 2, 2)),
        # 7.6 LeNet, with its padding
        ("1x28x28 conv:6,k5,p2 sigmoid avgpool:2,s2 conv:16,k5 sigmoid avgpool:2,s2 flatten", (400,)),
    ],
)
def test_shapes_of_the_chapter(spec: str, out: tuple[int, ...]) -> None:
    assert cnncalc.shape(spec).out == out


def test_k_left_out_is_1() -> None:
    report = cnncalc.shape("3x5x7 conv:2")
    (layer,) = report.to_dict()["layers"]
    assert report.out == (2, 5, 7)
    assert layer["k"] == [1, 1]
    assert report.params == 2 * 3 + 2


@pytest.mark.parametrize("dialect", ["plain", "keras"])
def test_same_padding_channels_last(dialect: str) -> None:
    """(4,2,3,2) with k 2x3 and 5 filters: the batch of 4 stays, (4,2,3,5)."""
    report = cnncalc.shape("conv:5,k2x3,same", (4, 2, 3, 2), dialect=dialect, layout="NHWC")
    assert report.out == (4, 2, 3, 5)
    assert report.params == 2 * 3 * 2 * 5 + 5


@pytest.mark.parametrize("dialect", ["plain", "keras"])
def test_same_pooling_channels_last(dialect: str) -> None:
    report = cnncalc.shape("maxpool:k3,s2x1,same", (4, 4, 2), dialect=dialect, layout="NHWC")
    assert report.out == (2, 4, 2)
    (layer,) = report.to_dict()["layers"]
    assert layer["p"] == [[0, 1], [1, 1]]


@pytest.mark.parametrize("p", [{"p": 2}, {"p_total": 4}, {"p": "same"}])
@pytest.mark.parametrize("n", [5, 6, 28])
def test_half_of_an_odd_kernel_as_padding_keeps_the_size(p: dict[str, Any], n: int) -> None:
    assert cnncalc.shape([{"op": "conv", "c_o": 3, "k": 5, **p}], input=(2, n, n)).out == (3, n, n)


@pytest.mark.parametrize("k", range(1, 9))
@pytest.mark.parametrize("s", [1, 2, 3])
def test_a_total_padding_of_k_minus_1(k: int, s: int) -> None:
    """floor((n + s - 1)/s), and n/s if s divides n; the odd unit of padding comes after."""
    spec = [{"op": "conv", "c_o": 1, "k": k, "s": s, "p_total": k - 1}]
    for n in (12, 13):
        assert cnncalc.shape(spec, input=(n, n)).out == (1, (n + s - 1) // s, (n + s - 1) // s)
    assert cnncalc.shape(spec, input=(12, 18)).out == (1, 12 // s, 18 // s)
    (layer,) = cnncalc.shape(spec, input=(12, 12)).to_dict()["layers"]
    assert layer["p"] == [[(k - 1) // 2, k // 2]] * 2


def test_the_fully_connected_equivalent() -> None:
    """From (c1,h1,w1) to (c2,h2,w2): c1*c2*h*w weights against c1*c2*h1*w1*h2*w2, without biases."""
    (layer,) = cnncalc.shape("3x13x17 conv:5,k2x7").layers
    assert layer.out == (5, 12, 11)
    assert layer.weights == 3 * 5 * 2 * 7
    assert layer.params == 3 * 5 * 2 * 7 + 5
    assert layer.fc_weights == 3 * 13 * 17 * 5 * 12 * 11


def test_the_locally_connected_equivalent() -> None:
    """The same window at every position, without sharing: c2*h2*w2*(c1/g)*kh*kw."""
    (layer,) = cnncalc.shape("6x13x17 conv:4,k2x7,g2").layers
    assert layer.weights == 4 * 3 * 2 * 7
    assert layer.local_weights == 4 * 12 * 11 * 3 * 2 * 7
    assert layer.fc_weights == 6 * 13 * 17 * 4 * 12 * 11


def test_the_equivalents_are_of_one_sample() -> None:
    (layer,) = cnncalc.shape("conv:5,k3", input=(3, 13, 17), batch=7).layers
    assert layer.fc_weights == 3 * 13 * 17 * 5 * 11 * 15
    assert layer.local_weights == 5 * 11 * 15 * 3 * 3 * 3
    assert layer.macs == 7 * 5 * 11 * 15 * 3 * 3 * 3


@pytest.mark.parametrize("op", ["maxpool:2", "linear:3", "batchnorm", "relu"])
def test_only_convolutions_are_compared(op: str) -> None:
    (layer,) = cnncalc.shape(op, input=(3, 8, 8)).to_dict()["layers"]
    assert "fc_weights" not in layer["report"]
    assert "local_weights" not in layer["report"]
