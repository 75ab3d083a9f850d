"""The dialect caffe compared with Caffe's source, reimplemented here step by step (caffe/layers/pooling_layer.cpp)."""

from __future__ import annotations

from itertools import product
from math import ceil, inf
from typing import Any

import numpy as np
import pytest

import cnncalc


def pooled(n: int, k: int, s: int, p: int, round_up: bool = True) -> int | None:
    """PoolingLayer::LayerSetUp and Reshape on one axis; None if a CHECK fails, or the blob would be empty."""
    if p and not p < k:
        return None
    out = (ceil((n + 2 * p - k) / s) if round_up else int((n + 2 * p - k) / s)) + 1
    if p and (out - 1) * s >= n + p:
        out -= 1
    return out if out >= 1 and (round_up or n + 2 * p >= k) else None


def average(x: Any, k: int, s: int, p: int) -> Any:
    """PoolingLayer::Forward_cpu, PoolingParameter_PoolMethod_AVE, on a map of float64."""
    height, width = x.shape
    rows, columns = pooled(height, k, s, p), pooled(width, k, s, p)
    assert rows is not None
    assert columns is not None
    y = np.zeros((rows, columns))
    for ph, pw in product(range(rows), range(columns)):
        hstart, wstart = ph * s - p, pw * s - p
        hend, wend = min(hstart + k, height + p), min(wstart + k, width + p)
        pool_size = (hend - hstart) * (wend - wstart)
        hstart, wstart = max(hstart, 0), max(wstart, 0)
        hend, wend = min(hend, height), min(wend, width)
        for h, w in product(range(hstart, hend), range(wstart, wend)):
            y[ph, pw] += x[h, w]
        y[ph, pw] = y[ph, pw] / pool_size if pool_size else np.nan
    return y


def largest(x: Any, k: int, s: int, p: int) -> Any:
    """PoolingLayer::Forward_cpu, PoolingParameter_PoolMethod_MAX; a window over no pixel is -inf here."""
    height, width = x.shape
    rows, columns = pooled(height, k, s, p), pooled(width, k, s, p)
    assert rows is not None
    assert columns is not None
    y = np.full((rows, columns), -inf)
    for ph, pw in product(range(rows), range(columns)):
        hstart, wstart = max(ph * s - p, 0), max(pw * s - p, 0)
        hend, wend = min(ph * s - p + k, height), min(pw * s - p + k, width)
        for h, w in product(range(hstart, hend), range(wstart, wend)):
            y[ph, pw] = max(y[ph, pw], x[h, w])
    return y


GRID = list(product((1, 2, 3, 5, 8), (1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 2, 3)))


@pytest.mark.parametrize("round_up", [True, False])
def test_every_small_pool(round_up: bool) -> None:
    fits = 0
    for n, k, s, p in GRID:
        spec = {"op": "maxpool1d", "k": k, "s": s, "p": p} | ({} if round_up else {"ceil": False})
        wanted = pooled(n, k, s, p, round_up)
        if wanted is None:
            with pytest.raises(cnncalc.ShapeError):
                cnncalc.shape([spec], (3, n), dialect="caffe")
        else:
            fits += 1
            report = cnncalc.shape([spec], (3, n), dialect="caffe")
            assert report.out == (3, wanted), (n, k, s, p)
            assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()
    assert fits > 100


@pytest.mark.parametrize(("op", "oracle"), [("avgpool", average), ("maxpool", largest)])
def test_values(op: str, oracle: Any) -> None:
    random = np.random.default_rng(7)
    for (height, k, s, p), width in product(GRID[::2], (4, 7)):
        if pooled(height, k, s, p) is None or pooled(width, k, s, p) is None:
            continue
        x = random.standard_normal((height, width))
        y = cnncalc.run({"op": op, "k": k, "s": s, "p": p}, x, dialect="caffe")
        np.testing.assert_allclose(y, oracle(x, k, s, p), rtol=1e-12, atol=1e-15, err_msg=f"{height} {k} {s} {p}")


def test_one_padded_axis_is_enough_for_the_last_window_rule() -> None:
    """`if (pad_h_ || pad_w_)` covers both axes."""
    bare, padded = [
        cnncalc.shape([{"op": "maxpool", "k": 2, "s": 3, "p": p}], (3, 8, 3), dialect="caffe").out for p in (0, [1, 0])
    ]
    assert bare == (3, 3, 2)
    assert padded == (3, 3, 1)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"op": "maxpool", "k": 3, "p": 3}, "p is 3 on the height axis, but Caffe allows at most k - 1 = 3 - 1 = 2"),
        (
            {"op": "avgpool", "k": [3, 2], "p": [1, 2]},
            "p is 2 on the width axis, but Caffe allows at most k - 1 = 2 - 1 = 1",
        ),
        ({"op": "maxpool", "k": 3, "p": "same"}, "Caffe has no padding 'same'"),
        ({"op": "conv", "c_o": 5, "k": 3, "p": "valid"}, "Caffe has no padding 'valid'"),
        ({"op": "convT", "c_o": 5, "k": 3, "p": "same"}, "Caffe has no padding 'same'"),
        ({"op": "convT", "c_o": 5, "k": 3, "s": 2, "out_pad": 1}, "Caffe's transposed convolution has no out_pad"),
        ({"op": "maxpool", "k": 3, "d": 2}, "Caffe's maxpool has no dilation"),
        ({"op": "avgpool", "k": 3, "p": 1, "count_include_pad": False}, "Caffe's average pools always count padding"),
    ],
)
def test_what_caffe_has_no_word_for(spec: dict[str, Any], what: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as error:
        cnncalc.shape([spec], (3, 8, 9), dialect="caffe")
    assert error.value.what == what


def test_defaults() -> None:
    report = cnncalc.shape(
        [{"op": "avgpool", "k": 2}, {"op": "avgpool", "k": 3, "s": 2, "p": 1}], (3, 8, 9), dialect="caffe"
    )
    bare, padded = [layer.values for layer in report.layers]
    assert (bare["s"], bare["ceil"], bare["count_include_pad"]) == ((1, 1), "keep", True)
    assert (padded["ceil"], padded["count_include_pad"]) == (True, True)
    assert report.network.layout == "NCHW"


def test_a_convolution_rounds_down() -> None:
    """ConvolutionLayer::compute_output_shape: (input_dim + 2 * pad - kernel_extent) / stride + 1, in integers."""
    assert cnncalc.shape("conv:5,k3,s2,d2", (3, 8, 9), dialect="caffe").out == (5, 2, 3)


# The published networks of Caffe, whose pools round up: each size as Caffe logs it ("Top shape").


@pytest.mark.parametrize(
    ("words", "input", "sizes"),
    [
        # bvlc_googlenet: pool1 112 -> 56, pool2 56 -> 28, pool3 28 -> 14, pool4 14 -> 7, all 3 by 2 without padding
        ("maxpool:k3,s2 maxpool:k3,s2 maxpool:k3,s2 maxpool:k3,s2", (64, 112, 112), [56, 28, 14, 7]),
        # bvlc_alexnet: conv1 227 -> 55, pool1 -> 27, conv2 -> 27, pool2 -> 13, pool5 -> 6
        (
            "conv:96,k11,s4 maxpool:k3,s2 conv:256,k5,p2,g2 maxpool:k3,s2 maxpool:k3,s2",
            (3, 227, 227),
            [55, 27, 27, 13, 6],
        ),
    ],
)
def test_published_networks(words: str, input: tuple[int, ...], sizes: list[int]) -> None:
    assert [layer.out[-1] for layer in cnncalc.shape(words, input, dialect="caffe").layers] == sizes
