"""Each hint is true, as a naive oracle confirms, and disappears if its advice is followed."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.hints import Advice, HintPlace, find, typed, whole
from cnncalc.hints.table import KINDS, hints, kinds_named
from cnncalc.hints.typed import notes
from cnncalc.report import Hint
from tests import cases


def of(words: object, **options: object) -> list[Hint]:
    """Return all hints on a network."""
    return hints(cnncalc.shape(words, **options).layers)  # type: ignore[arg-type]


def one(words: object, **options: object) -> str:
    """Return the only hint on a network, as a line."""
    (hint,) = of(words, **options)
    return f"{hint.name}: {', '.join(hint.layers)}: {hint.text}; {hint.help}"


CASES = [
    # the network, its only hint, and networks in which the advice is followed
    ("3x7x9 maxpool:2",
     "dropped-pixels: maxpool1: the floor drops 1 pixel of 7 at the bottom: floor((7 + 0 - 2)/2) + 1 = 3; "
     "1 pixel of 9 at the right: floor((9 + 0 - 2)/2) + 1 = 4; ceil=true also reads them",
     ["3x7x9 maxpool:2,ceil=true", "3x8x10 maxpool:2"]),
    ("3x12 conv1d:4,k3,s4",
     "unread-pixels: conv1d1: s=4 is larger than k=3 on length: 1 of every 4 pixels is never read; "
     "k=4 or s=3 reads them all",
     ["3x12 conv1d:4,k4,s4", "3x12 conv1d:4,k3,s3"]),
    ("3x10x10 conv:4,k5,s3",
     "dropped-pixels: conv1: the floor drops 2 pixels of 10 at the bottom and right: floor((10 + 0 - 5)/3) + 1 = 2; "
     "p=0+1 also reads them; with 8 or 11 pixels none is dropped",
     ["3x10x10 conv:4,k5,s3,p0+1", "3x8x8 conv:4,k5,s3", "3x11x11 conv:4,k5,s3"]),
    ("3x10x11 conv:4,k5,s3",
     "dropped-pixels: conv1: the floor drops 2 pixels of 10 at the bottom: floor((10 + 0 - 5)/3) + 1 = 2; "
     "p=0+1x0 also reads them; with 8 or 11 pixels none is dropped",
     ["3x10x11 conv:4,k5,s3,p=0+1x0", "3x8x11 conv:4,k5,s3", "3x11x11 conv:4,k5,s3"]),
    ("3x10xW conv:4,k5,s3",
     "dropped-pixels: conv1: the floor drops 2 pixels of 10 at the bottom: floor((10 + 0 - 5)/3) + 1 = 2; "
     "p=0+1x0 also reads them; with 8 or 11 pixels none is dropped",
     ["3x10xW conv:4,k5,s3,p=0+1x0", "3x8xW conv:4,k5,s3"]),
    ("3x4x6x7 avgpool3d:3,s2",
     "dropped-pixels: avgpool3d1: the floor drops 1 pixel of 4 at the back: floor((4 + 0 - 3)/2) + 1 = 1; "
     "1 pixel of 6 at the bottom: floor((6 + 0 - 3)/2) + 1 = 2; ceil=true also reads them",
     ["3x4x6x7 avgpool3d:3,s2,ceil=true"]),
    ("3x16x16 conv:4,k4,same",
     "even-kernel: conv1: same pads k=4 by 1 before and 2 after on height and width: the output lies half a pixel off; "
     "an odd kernel pads both sides equally: k=3 or k=5",
     ["3x16x16 conv:4,k3,same", "3x16x16 conv:4,k5,same"]),
    ("3x16x15 maxpool:2x3,s1,p=same_lower",
     "even-kernel: maxpool1: same_lower pads k=2 by 1 before and 0 after on height: the output lies half a pixel off; "
     "an odd kernel pads both sides equally: k=3",
     ["3x16x15 maxpool:3,s1,p=same_lower"]),
    ("3xHxW conv:4,k2,same",
     "even-kernel: conv1: same pads k=2 by 0 before and 1 after on height and width: the output lies half a pixel off; "
     "an odd kernel pads both sides equally: k=3",
     ["3xHxW conv:4,k3,same"]),
    ("3x8x8 convT:4,k3,s2,p1,out_pad=1",
     "checkerboard: convT1: k=3 is not divisible by s=2 on height and width, so its outputs sum either 1 or 2 taps; "
     "k=4,p=1 without out_pad gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k4,s2,p1", "3x8x8 upsample:x2 conv:4,k3,p1"]),
    ("3x8x8 convT:4,k2x5,s2x3",
     "checkerboard: convT1: k=5 is not divisible by s=3 on width, so its outputs sum either 1 or 2 taps; "
     "k=2x6,p=0x1 gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k2x6,s2x3,p=0x1"]),
    ("3x8 convT1d:4,k2,s3",
     "checkerboard: convT1d1: k=2 is not divisible by s=3 on length, so its outputs sum either 0 or 1 taps; "
     "k=3,p=1 gives every output the same number of taps; so does an upsample before a conv",
     ["3x8 convT1d:4,k3,s3,p1"]),
    ("3x8x8 convT:4,k3,s2,p=same",
     "checkerboard: convT1: k=3 is not divisible by s=2 on height and width, so its outputs sum either 1 or 2 taps; "
     "k=4 gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k4,s2,p=same"]),
    ("3x8x8 convT:4,k3,s2,out=17",
     "checkerboard: convT1: k=3 is not divisible by s=2 on height and width, so its outputs sum either 1 or 2 taps; "
     "k=4 gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k4,s2,out=17"]),
    ("3x8x8 convT:4,k5x3,s3x2,out_pad=2x0",
     "checkerboard: convT1: k=5 is not divisible by s=3 on height, so its outputs sum either 1 or 2 taps; "
     "k=3 is not divisible by s=2 on width, so its outputs sum either 1 or 2 taps; "
     "k=6x4 gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k6x4,s3x2,out_pad=2x0"]),
    ("3x8x8 convT:4,k3,s2,p1,out_pad=1x0",
     "checkerboard: convT1: k=3 is not divisible by s=2 on height and width, so its outputs sum either 1 or 2 taps; "
     "k=4,p=1x2 without out_pad gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k4,s2,p=1x2"]),
    ("3x8x8 convT:4,k5,s3,out_pad=2",  # a crop of -1 would give its size
     "checkerboard: convT1: k=5 is not divisible by s=3 on height and width, so its outputs sum either 1 or 2 taps; "
     "k=6 gives every output the same number of taps; so does an upsample before a conv",
     ["3x8x8 convT:4,k6,s3,out_pad=2"]),
    ("3x8x8 convT:4,k3,s2,d2",
     "checkerboard: convT1: d=2 and s=2 share a factor on height and width, so its outputs sum either 0 or 3 taps; "
     "d=1 and a k that is divisible by s gives every output the same number of taps; so does an upsample before "
     "a conv",
     ["3x8x8 convT:4,k4,s2"]),
    ("3x8x8 convT:4,k3,s2,d2x1",
     "checkerboard: convT1: d=2 and s=2 share a factor on height, so its outputs sum either 0 or 3 taps; "
     "k=3 is not divisible by s=2 on width, so its outputs sum either 1 or 2 taps; "
     "d=1 and a k that is divisible by s gives every output the same number of taps; so does an upsample before "
     "a conv",
     ["3x8x8 convT:4,k4,s2"]),
    ("3x1x9 conv:4,k2,p33+32x0,d2x1",
     "padding-windows: conv1: some windows hold only padding: 32 before and 30 after the input, of 64 on height; "
     "a smaller d reads the input",
     ["3x1x9 conv:4,k2,p1x0"]),
    ("3x6x6 conv:4,k3,p4",
     "padding-windows: conv1: some windows hold only padding: 2 before and 2 after the input, of 12 on height and "
     "width; "
     "p=2 leaves them out",
     ["3x6x6 conv:4,k3,p2"]),
    ("1x3 conv1d:1,k2,d3,p5",
     "padding-windows: conv1d1: some windows hold only padding: 2 before and 2 after the input, of 10 on length; "
     "p=3 leaves them out",
     ["1x3 conv1d:1,k2,d3,p3"]),
    ("3x6xW conv:4,k3,p=4x1",
     "padding-windows: conv1: some windows hold only padding: 2 before and 2 after the input, of 12 on height; "
     "p=2x1 leaves them out",
     ["3x6xW conv:4,k3,p=2x1"]),
    ("3x6x7 conv:4,k1x2,p=0x1+2",
     "padding-windows: conv1: some windows hold only padding: 1 after the input, of 9 on width; p=0x1 leaves them out",
     ["3x6x7 conv:4,k1x2,p=0x1"]),
    ("3x2x2 conv:4,k3,p4,d4",
     "unused-taps: conv1: 8 of the 9 weights of a kernel only ever meet padding: the input is 2x2; "
     "k=1,p=0 computes the same",
     ["3x2x2 conv:4,k1,p0"]),
    ("3x1x9 conv:4,k3,p1",
     "unused-taps: conv1: 6 of the 9 weights of a kernel only ever meet padding: the input is 1x9; "
     "k=1x3,p=0x1 computes the same",
     ["3x1x9 conv:4,k1x3,p=0x1"]),
    ("1x2 conv1d:1,k2,d2,p1+0",
     "unused-taps: conv1d1: 1 of the 2 weights of a kernel only ever meet padding: the input is 2; "
     "crop:1+0 before k=1,p=0 computes the same",
     ["1x2 crop:1+0 conv1d:1,k1,p0"]),
    ("1x2x5 conv:1,k2x3,d2x1,p=1+0x1",
     "unused-taps: conv1: 3 of the 6 weights of a kernel only ever meet padding: the input is 2x5; "
     "crop:1+0x0 before k=1x3,p=0x1 computes the same",
     ["1x2x5 crop:1+0x0 conv:1,k1x3,p=0x1"]),
    ("1x9 conv1d:1,k2,s2,d2",
     "unread-pixels: conv1d1: d=2 and s=2 share a factor on length: 1 of every 2 pixels is never read; "
     "a d that shares no factor with s, and a k of at least s, read them all",
     ["1x8 conv1d:1,k2,s2,d1"]),
    ("3x9 maxpool1d:1,s3",
     "unread-pixels: maxpool1d1: s=3 is larger than k=1 on length: 2 of every 3 pixels are never read; "
     "k=3 or s=1 reads them all",
     ["3x9 maxpool1d:3,s3", "3x9 maxpool1d:1,s1"]),
    ("3x8x8 maxpool:1,s2",
     "unread-pixels: maxpool1: s=2 is larger than k=1 on height and width: 1 of every 2 pixels is never read; "
     "k=2 or s=1 reads them all",
     ["3x8x8 maxpool:2,s2", "3x8x8 maxpool:1,s1"]),
    ("3x9x9 maxpool:2,s3",
     "unread-pixels: maxpool1: s=3 is larger than k=2 on height and width: 1 of every 3 pixels is never read; "
     "k=3 or s=2 reads them all",
     ["3x9x9 maxpool:3,s3", "3x10x10 maxpool:2,s2"]),
    ("3x9x9 conv:4,k3,s2,d2",
     "unread-pixels: conv1: d=2 and s=2 share a factor on height and width: 1 of every 2 pixels is never read; "
     "a d that shares no factor with s, and a k of at least s, read them all",
     ["3x9x9 conv:4,k3,s2", "3x11x11 conv:4,k3,s2,d3"]),
    ("3x9x9 conv:4,k3x1,s2,d2x1",
     "unread-pixels: conv1: d=2 and s=2 share a factor on height: 1 of every 2 pixels is never read; "
     "s=2 is larger than k=1 on width: 1 of every 2 pixels is never read; "
     "a d that shares no factor with s, and a k of at least s, read them all",
     ["3x11x10 conv:4,k3x2,s2,d3x1"]),
    ("3xHxW conv:4,k2,s3",
     "unread-pixels: conv1: s=3 is larger than k=2 on height and width: 1 of every 3 pixels is never read; "
     "k=3 or s=2 reads them all",
     ["3xHxW conv:4,k3,s3", "3xHxW conv:4,k2,s2"]),
    ("3x8x8 conv:4,k1,s2",
     "strided-1x1: conv1: a 1x1 kernel with s=2 reads 1 of every 4 pixels; "
     "avgpool:k2,s2 before it and s=1 read them all; so does k=2",
     ["3x8x8 avgpool:k2,s2 conv:4,k1", "3x8x8 conv:4,k2,s2"]),
    ("3x9x8 conv:4,k1,s3x2",
     "strided-1x1: conv1: a 1x1 kernel with s=3x2 reads 1 of every 6 pixels; "
     "avgpool:k3x2,s3x2 before it and s=1 read them all; so does k=3x2",
     ["3x9x8 avgpool:k3x2,s3x2 conv:4,k1", "3x9x8 conv:4,k3x2,s3x2"]),
    ("3xHxW upsample:x2 conv:4,k1,s2",
     "strided-1x1: conv1: a 1x1 kernel with s=2 reads 1 of every 4 pixels; "
     "avgpool:k2,s2 before it and s=1 read them all; so does k=2",
     ["3xHxW upsample:x2 avgpool:k2,s2 conv:4,k1"]),
    ("3xHxW conv:4,k1,s2",
     "strided-1x1: conv1: a 1x1 kernel with s=2 reads 1 of every 4 pixels; "
     "avgpool:k2,s2,ceil before it and s=1 read them all; so does k=2",
     ["3xHxW avgpool:k2,s2,ceil conv:4,k1"]),
    ("3x9x8 conv:4,k1,s2",
     "strided-1x1: conv1: a 1x1 kernel with s=2 reads 1 of every 4 pixels; "
     "avgpool:k2,s2,ceil before it and s=1 read them all; so does k=2",
     ["3x9x8 avgpool:k2,s2,ceil conv:4,k1"]),
    ("3x8 conv1d:4,k1,s2",
     "strided-1x1: conv1d1: a kernel of 1 with s=2 reads 1 of every 2 pixels; "
     "avgpool1d:k2,s2 before it and s=1 read them all; so does k=2",
     ["3x8 avgpool1d:k2,s2 conv1d:4,k1", "3x8 conv1d:4,k2,s2"]),
    ("3x8x8 conv:4,k3,name=a batchnorm:from=a instancenorm:from=a add:batchnorm1+instancenorm1",
     "bias-before-norm: a: its bias of 4 has no effect: the batchnorm and instancenorm after it subtract the mean of "
     "each channel; bias=false saves 4 parameters",
     ["3x8x8 conv:4,k3,name=a,nobias batchnorm:from=a instancenorm:from=a"]),
    ("3x9x9 conv:4,k1,s2",
     "strided-1x1: conv1: a 1x1 kernel with s=2 reads 1 of every 4 pixels; "
     "avgpool:k2,s2,ceil before it and s=1 read them all; so does k=2",
     ["3x9x9 avgpool:k2,s2,ceil conv:4,k1"]),
    ("3x8x8 conv:4,k3 batchnorm relu",
     "bias-before-norm: conv1: its bias of 4 has no effect: the batchnorm after it subtracts the mean of each "
     "channel; bias=false saves 4 parameters",
     ["3x8x8 conv:4,k3,bias=false batchnorm relu", "3x8x8 conv:4,k3 relu batchnorm"]),
    ("3x8x8 flatten linear:7 batchnorm",
     "bias-before-norm: linear1: its bias of 7 has no effect: the batchnorm after it subtracts the mean of each "
     "channel; bias=false saves 7 parameters",
     ["3x8x8 flatten linear:7,bias=false batchnorm"]),
    ("3x8x8 flatten linear:1 softmax",
     "constant-output: softmax1: axis 1 has one value, so every output is 1; use a sigmoid for one value, or give "
     "it two or more",
     ["3x8x8 flatten linear:1 sigmoid", "3x8x8 flatten linear:2 softmax"]),
    ("3x8x8 gap instancenorm",
     "constant-output: instancenorm1: it normalizes single values: each is its own mean, so every output is the "
     "layer's bias, or 0; leave it out, or normalize over more values, as layernorm does over features",
     ["3x8x8 gap", "3x8x8 gap flatten layernorm"]),
    ("3x8x8 gap groupnorm:3",
     "constant-output: groupnorm1: it normalizes single values: each is its own mean, so every output is the "
     "layer's bias, or 0; leave it out, or normalize over more values, as layernorm does over features",
     ["3x8x8 gap groupnorm:1"]),
    ("3x8x9 conv:5,k3 softmax",
     "softmax-axis: softmax1: it works along axis 3 of the map, 7 values, not along the 5 channels; "
     "axis=1 works along the channels",
     ["3x8x9 conv:5,k3 softmax:axis=1"]),
    ("3x8x8 conv:4,k3,p1 conv:4,k3,p1 conv:4,k5,p2 conv:4,k3,p1 conv:4,k3,p1",
     "border-layers: conv4: a unit of its input already sees 9x9 pixels, and the image has 8x8: in the middle of the "
     "map its window and those of 1 layer after it add nothing; an input of 12x12 or more, or fewer strides and "
     "layers before it",
     ["3x12x12 conv:4,k3,p1 conv:4,k3,p1 conv:4,k5,p2 conv:4,k3,p1 conv:4,k3,p1"]),
    ("3x12x12 adaptiveavgpool:4 conv:4,k3,p1 conv:4,k3,p1 conv:4,k3,p1",  # whatever the input is
     "border-layers: conv3: a unit of its input already sees 15x15 pixels, and the image has 12x12: in the middle of "
     "the map its window adds nothing; fewer strides and layers before it",
     ["3x12x12 adaptiveavgpool:4 conv:4,k3,p1 conv:4,k3,p1"]),
    ("3xHxW conv:5,k3 flatten:name=f maxpool:2,from=input flatten:name=g concat:from=f+g linear:7,c_i=228",
     "linear-width: linear1: expects 228 features, and the input's sizes are open; -i 3x8x8 gives 228",
     ["3x8x8 conv:5,k3 flatten:name=f maxpool:2,from=input flatten:name=g concat:from=f+g linear:7,c_i=228"]),
    ("3x8x8 conv:5",
     "kernel-left-out: conv1: k is 1; for a 3x3: conv:5,k3",
     ["3x8x8 conv:5,k3", "3x8x8 conv:5,k1"]),
    ("3x8x8 conv:5,k3,padding_mode=reflect",
     "padding-mode: conv1_pad: padding_mode pads by p, which is 0; for 1 on each side: "
     "conv:5,p1,k3,padding_mode=reflect",
     ["3x8x8 conv:5,p1,k3,padding_mode=reflect"]),
    ("3x8x8 conv:5,k3 relu linear:7",
     "last-axis: linear1: works on the last axis; put flatten in front?",
     ["3x8x8 conv:5,k3 relu flatten linear:7"]),
    ("3x8x8 upsample:2",
     "upsample-size: upsample1: upsample to 2x2; for twice the size: upsample:x2",
     ["3x8x8 upsample:x2"]),
    ("9x8x3 conv:5,k3",
     "channels-last: conv1: 9x8x3 has 9 channels; if they come last: --layout NHWC, or 3x9x8",
     ["3x9x8 conv:5,k3"]),
]  # fmt: skip


OF_INPUT = {
    "dropped-pixels",
    "padding-windows",
    "unused-taps",
    "constant-output",
    "border-layers",
    "linear-width",
    "channels-last",
}
"""The kinds of hints that depend on the input."""


@pytest.mark.parametrize(("words", "said", "mended"), CASES, ids=[case[0] for case in CASES])
def test_a_hint_says_what_is_the_case_and_is_gone_where_its_advice_is_followed(
    words: str, said: str, mended: list[str]
) -> None:
    assert one(words) == said
    for other in mended:
        assert of(other) == [], other


@pytest.mark.parametrize(
    "words", ["pad:3 conv:4,k7,s2", "pad:0+1 relu maxpool:3,s2", "pad:1,mode=reflect avgpool:3,s2"]
)
def test_padding_in_front_that_a_floor_drops_is_no_pixel(words: str) -> None:
    """Keras and blur pools pad with a separate layer."""
    assert of(f"3x32x32 {words}") == []
    assert of(f"32x32x3 {words}", layout="NHWC") == []


def test_pixels_before_the_dropped_padding_in_front_are_counted_alone() -> None:
    assert one("3x32x32 pad:1 maxpool:5,s5").startswith("dropped-pixels: maxpool1: the floor drops 3 pixels of 34")
    for n, sides in ((32, [1, 0]), (34, [0, -1])):  # no padding at the end
        layers = [{"op": "pad", "p": [sides, sides]}, {"op": "maxpool", "k": 2}]
        said = one(layers, input=(3, n, n))
        assert said.startswith("dropped-pixels: maxpool1: the floor drops 1 pixel of 33")
    for layout, axis, input in (("NCHW", 2, (3, 31, 31)), ("NHWC", 1, (31, 31, 3))):  # on the height only
        layers = [{"op": "pad", "p": [[1, 1]], "axis": axis}, {"op": "maxpool", "k": 2}]
        assert one(layers, input=input, layout=layout).startswith(
            "dropped-pixels: maxpool1: the floor drops 1 pixel of 31 at the right"
        )


def test_every_kind_has_a_case_a_code_and_a_name_of_its_own() -> None:
    assert {said.partition(":")[0] for _, said, _ in CASES} == set(KINDS)
    assert len({kind.code for kind in KINDS.values()}) == len(KINDS)
    assert kinds_named(["all"]) == list(KINDS.values())


def slides() -> Iterator[tuple[int, int, int, int, int, int]]:
    """Return sizes, kernels, strides, paddings and dilations of windows that fit."""
    for n, k, s, pb, pa, d in itertools.product(range(1, 8), range(1, 5), range(1, 5), range(5), range(3), range(1, 4)):
        if n + pb + pa >= d * (k - 1) + 1:
            yield n, k, s, pb, pa, d


COUNTS = re.compile(r"(\d+) (before|after)")


def test_windows_have_the_hints_that_an_oracle_has() -> None:
    """Every tap of every window is listed."""
    names = {"dropped-pixels", "padding-windows", "unused-taps", "unread-pixels", "strided-1x1"}
    kinds = [KINDS[name] for name in names]
    checked = 0
    for n, k, s, pb, pa, d in slides():
        layers = cnncalc.shape(f"1x{n} conv1d:1,k{k},s{s},p{pb}+{pa},d{d}").layers
        out = layers[-1].out[-1]
        assert isinstance(out, int)
        windows = [{u * s - pb + i * d for i in range(k)} for u in range(out)]
        pixels = set(range(n))
        last, following = max(windows[-1]), len(windows) * s - pb
        dropped = [x for x in pixels if x > last and x >= following]
        used = [i for i in range(k) if any(u * s - pb + i * d in pixels for u in range(len(windows)))]
        skipped = [x for x in pixels if x <= last and not any(x in window for window in windows)]
        outside = ["after" if min(window) >= n else "before" for window in windows if not window & pixels]
        wanted = {
            "dropped-pixels": bool(dropped),
            "padding-windows": bool(outside),
            "unused-taps": 0 < len(used) < k and len(used) == used[-1] - used[0] + 1,
            "unread-pixels": k > 1 and min(k, s // math.gcd(s, d)) < s and bool(skipped),
            "strided-1x1": k == 1 < s and bool(skipped),
        }
        found = {kind.name: hint for kind, _, hint in find(layers, kinds)}
        assert found.keys() == {name for name, is_so in wanted.items() if is_so}, (n, k, s, pb, pa, d)
        if outside:
            counts = {side: int(count) for count, side in COUNTS.findall(found["padding-windows"].text)}
            assert counts == Counter(outside), (n, k, s, pb, pa, d)
        if dropped:
            assert f"drops {len(dropped)} pixel" in found["dropped-pixels"].text
        checked += 1
    assert checked > 4000


def test_transposed_windows_have_the_hint_that_an_oracle_has() -> None:
    for k, s, d in itertools.product(range(1, 7), range(1, 6), range(1, 4)):
        sums = [sum((u - i * d) % s == 0 for i in range(k)) for u in range(1000, 1000 + s)]
        found = [hint for hint in of(f"1x9 convT1d:1,k{k},s{s},d{d}") if hint.name == "checkerboard"]
        assert bool(found) == (len(set(sums)) > 1), (k, s, d)
        if found:
            assert f"sum either {min(sums)} or {max(sums)} taps" in found[0].text


KEYS = re.compile(r"\b([kspd])=([\dx+]+)")
CROP = re.compile(r"crop:\S+")


@pytest.mark.parametrize("dialect", ["plain", "torch", "onnx", "keras", "caffe"])
def test_the_advice_on_windows_helps_wherever_it_is_given(dialect: str) -> None:
    """The keys that a hint on a convolution names replace its own; so do the sizes."""
    followed = 0
    for n, k, s, pb, pa, d in itertools.islice(slides(), 0, None, 7):
        own: dict[str, object] = {"k": k, "s": s, "p": f"{pb}+{pa}", "d": d}
        for hint in _hints(n, own, dialect):
            ways = [(n, own | dict(KEYS.findall(way))) for way in hint.help.split(" or ") if KEYS.search(way)]
            if hint.name == "dropped-pixels":
                sizes = re.findall(r"with (\d+)(?: or (\d+))? pixels", hint.help)
                ways += [(int(m), own) for m in itertools.chain(*sizes) if m]
            for m, keys in ways:
                front = CROP.findall(hint.help)
                if m and "share" not in hint.text:
                    assert hint.name not in [one.name for one in _hints(m, keys, dialect, *front)], (n, own, hint, keys)
                    followed += 1
    assert followed > 50


def _hints(n: int, keys: dict[str, object], dialect: str, *front: str) -> list[Hint]:
    words = ",".join(f"{key}={value}" for key, value in keys.items())
    shape = f"{n}x1" if dialect == "keras" else f"1x{n}"
    try:
        return of(" ".join([shape, *front, f"conv1d:1,{words}"]), dialect=dialect)
    except cnncalc.ShapeError:
        return []


@pytest.mark.parametrize("dialect", ["plain", "torch", "onnx", "keras", "caffe"])
def test_the_advice_on_pools_helps_in_every_dialect(dialect: str) -> None:
    for n, k, s in itertools.product(range(2, 12), range(1, 5), range(1, 5)):
        for word in ("maxpool1d", "avgpool1d"):
            shape = f"1x{n}" if dialect != "keras" else f"{n}x1"
            if n < k:
                continue
            for hint in of(f"{word}:{k},s{s}", input=shape, dialect=dialect):
                if hint.name == "dropped-pixels":
                    key = hint.help.partition(" ")[0]
                    more = [one.name for one in of(f"{word}:{k},s{s},{key}", input=shape, dialect=dialect)]
                    assert hint.name not in more, (n, k, s, hint)


def test_dropped_pixels_have_no_influence_and_the_advice_gives_them_one() -> None:
    x = np.random.default_rng(1).normal(size=(1, 7, 9))
    other = x.copy()
    other[:, -1, :] += 1
    assert (cnncalc.run("maxpool:2", x) == cnncalc.run("maxpool:2", other)).all()
    assert (cnncalc.run("maxpool:2,ceil=true", x) != cnncalc.run("maxpool:2,ceil=true", other)).any()


def test_a_kernel_without_its_unused_taps_computes_the_same() -> None:
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(3, 1, 5)), rng.normal(size=(4, 3, 3, 3))
    (hint,) = of("3x1x5 conv:4,k3,p1")
    assert hint.help == "k=1x3,p=0x1 computes the same"
    small = cnncalc.run("conv:4,k=1x3,p=0x1", x, weights={"conv1.weight": w[:, :, 1:2, :]})
    np.testing.assert_allclose(cnncalc.run("conv:4,k3,p1", x, weights={"conv1.weight": w}), small)


def test_a_bias_before_a_norm_has_no_effect() -> None:
    """The norm's statistics are those of its input, as in training."""
    rng = np.random.default_rng(3)
    x, w, b = rng.normal(size=(2, 6, 7)), rng.normal(size=(4, 2, 3, 3)), rng.normal(size=4)
    names = [hint.name for hint in of("2x6x7 conv:4,k3 instancenorm")]
    assert names == ["bias-before-norm"]
    outputs = [
        cnncalc.run("conv:4,k3 instancenorm", x, weights={"conv1.weight": w, "conv1.bias": bias}) for bias in (b, 0 * b)
    ]
    np.testing.assert_allclose(outputs[0], outputs[1])


@pytest.mark.parametrize(
    "words",
    [
        "3x8x8 conv:4,k3,name=a relu:from=a batchnorm:from=a add:from=relu1+batchnorm1",  # another layer also reads it
        "3x8x8 conv:4,k3 groupnorm:2",  # the mean is over two channels
        "3x8x9 linear:4 batchnorm",  # there is one bias per column
        "3x8x8 flatten linear:4 layernorm",  # the mean is over all features
        "3x8x8 conv:4,k3",
    ],
)
def test_a_bias_that_has_an_effect_gets_no_hint(words: str) -> None:
    assert of(words) == []


@pytest.mark.parametrize(
    ("words", "input", "layout"),
    [
        ("conv:4,k3 groupnorm:4", (3, 8, 9), "NCHW"),
        ("conv:4,k3 groupnorm:4", (8, 9, 3), "NHWC"),
        ("linear:4 batchnorm", (8, 9, 3), "NHWC"),
    ],
)
def test_a_norm_of_each_channel_takes_a_bias_away(words: str, input: tuple[int, ...], layout: str) -> None:
    assert [hint.name for hint in of(words, input=input, layout=layout)] == ["bias-before-norm"]


def test_a_layer_without_the_key_bias_gets_no_hint_on_it() -> None:
    assert of("3x8x9 flatten batchnorm batchnorm") == []


def test_a_bias_that_another_layer_uses_too_gets_no_hint() -> None:
    conv = {"op": "conv", "c_o": 4, "k": 3}
    norm = {"op": "batchnorm", "name": "n"}
    tied = [{**conv, "name": "a"}, norm, {**conv, "tie": "a", "from": "input"}, {"op": "add", "from": ["n", "conv1"]}]
    assert of(tied, input=(3, 8, 9)) == []


@pytest.mark.parametrize(
    ("words", "input", "layout"),
    [
        ("logsoftmax", (1,), "NCHW"),
        ("softmax:axis=2", (5, 1, 3), "NCHW"),
        ("softmax:axis=1", (5, 1, 1), "NCHW"),
        ("softmax:axis=3", (1, 1, 5), "NCHW"),
        ("instancenorm", (3, 1, 5), "NCHW"),
        ("instancenorm", (3, 1, 1), "NCHW"),
        ("instancenorm", (3, 5, 1), "NCHW"),
        ("instancenorm", (1, 1, 3), "NHWC"),
        ("instancenorm", (1, 3, 1), "NHWC"),
        ("groupnorm:3", (3, 1, 1), "NCHW"),
        ("groupnorm:2", (4, 1, 1), "NCHW"),
        ("groupnorm:3", (1, 1, 3), "NHWC"),
        ("groupnorm:3", (1, 3, 3), "NHWC"),
        ("layernorm", (3, 1), "NCHW"),
        ("layernorm", (1, 3), "NCHW"),
        ("sigmoid", (1, 1, 1), "NCHW"),
        ("sum:axis=2", (3, 1, 5), "NCHW"),
    ],
)
def test_a_constant_output_is_one(words: str, input: tuple[int, ...], layout: str) -> None:
    x, y = np.random.default_rng(4).normal(size=(2, *input))
    first, second = [cnncalc.run(words, array, seed=1, layout=layout) for array in (x, y)]
    is_constant = (first == second).all()
    found = of(words, input=input, layout=layout)
    assert [hint.name for hint in found] == ["constant-output"] * bool(is_constant)
    about = f"every output is {first.flat[0]:.0f}" if "softmax" in words else "it normalizes single values"
    assert all(about in hint.text for hint in found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("3x8x9 conv:5,k3 softmax:axis=2", "it works along axis 2 of the map, 6 values, not along the 5 channels"),
        ("3x8x9 conv:5,k3 logsoftmax", "it works along axis 3 of the map, 7 values, not along the 5 channels"),
        ("3x8x9 conv:5,k8 softmax", "it works along axis 3 of the map, 2 values, not along the 5 channels"),
        ("3x8 conv1d:5,k3 softmax", None),  # steps and features, as often as channels and steps
        ("3x8x9 softmax", None),  # nothing shows that it is a map
        ("8x9x3 permute:3x1x2 softmax", None),
        ("3x8x9 conv:5,k8x9 softmax", "axis 3 has one value, so every output is 1"),
        ("3x8x9 conv:5,k3 flatten softmax", None),
    ],
)
def test_the_axis_of_a_softmax(words: str, said: str | None) -> None:
    assert [hint.text for hint in of(words)] == ([] if said is None else [said])
    assert of("conv:5,k3 softmax:axis=2", input=(8, 9, 3), layout="NHWC") == []


def test_nothing_is_said_of_a_norm_of_what_is_not_known() -> None:
    for op in ("layernorm", "instancenorm", "groupnorm", "softmax"):
        assert of([{"op": "opaque"}, {"op": op, **({"g": 1} if op == "groupnorm" else {})}], input=(3, 8, 8)) == []
    assert of("Cx1x1 groupnorm:1") == []
    assert of([{"op": "opaque"}, {"op": "conv", "c_o": 4, "k": 4, "p": "same"}], input=(3, 8, 8)) == []


def wide(name: str) -> dict[str, object]:
    """Return a convolution that covers an image of nine pixels per side."""
    return {"op": "conv", "name": name, "c_o": 3, "k": 9, "p": 4}


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([wide("a"), {"op": "block", "name": "block", "layers": [wide("b"), wide("c")]}, wide("d")], "block.b"),
        ([{"op": "block", "name": "block", "layers": [wide("b"), wide("c")]}, wide("d")], "block.c"),
        ([{"op": "constant", "name": "k", "shape": [3, 9, 9]}, {**wide("a"), "from": "input"}, wide("b")], "b"),
        ([{"op": "constant", "name": "k", "shape": [3, 9, 9]}, wide("a"), wide("b")], None),
    ],
)
def test_the_first_border_layer_is_that_of_the_whole_network(layers: list[object], found: str | None) -> None:
    """A block's own input is not the image, and a layer that sees no pixel has no border."""
    assert of("linear:5 linear:3", input=(7,)) == []  # an input without space
    hints_ = of({"input": [3, 9, 9], "layers": layers})
    assert [(hint.name, hint.layers) for hint in hints_] == ([("border-layers", (found,))] if found else [])


@pytest.mark.parametrize("before", [[], [{"op": "conv", "c_o": 4}], [{"op": "pad", "p": 1}]])
def test_every_layer_of_what_is_not_known_has_its_hints(before: list[dict[str, object]]) -> None:
    tried = 0
    for row in cases.ROWS:
        with contextlib.suppress(cnncalc.CnncalcError):  # a layer that does not fit after these
            found = of([{"op": "opaque"}, *before, row.layers[-1], {"op": "relu"}], input=(3, 8, 8))
            assert not {"dropped-pixels", "linear-width"}.intersection(hint.name for hint in found)
            tried += 1
    assert tried > 150


def test_an_even_kernel_with_a_stride_is_padded_as_the_size_wants() -> None:
    """With a stride, the size and not the kernel decides whether the padding is odd: even an odd kernel has it."""
    for words in ("3x8x8 conv:4,k4,s2,same", "3x9x9 maxpool:2,same", "3x9x9 conv:4,k4,s2,same"):
        assert of(words) == []


def test_a_linear_layer_over_the_channels_of_a_map_is_one_of_1x1() -> None:
    assert of("8x9x3 conv:5,k3 linear:7", layout="NHWC") == []


def test_open_sizes_get_only_the_hints_that_hold_for_all() -> None:
    assert of("3xHxW conv:4,k3,s2 maxpool:2 conv:4,k3,p1 convT:4,k2,s2") == []


def test_a_size_of_0_is_not_advised() -> None:
    (hint, _) = of("1x2 conv1d:1,k3,s3,p3+0")  # the first window is before the input, the next would be on it
    assert hint.text == "the floor drops 2 pixels of 2 at the end: floor((2 + 3 - 3)/3) + 1 = 1"
    assert hint.help == "p=3+1 also reads them; with 3 pixels none is dropped"


def test_a_pool_has_no_weights_that_only_meet_padding() -> None:
    assert of("3x1x9 maxpool:3,s1,p1") == []


def test_pools_of_a_dialect_that_rounds_down_are_padded_where_the_stride_does_not_divide_the_size() -> None:
    for size, padding in ((8, ""), (9, ",p=same")):
        (hint,) = of("conv:4,k1,s2", input=(size, size, 3), dialect="keras")
        assert hint.help.startswith(f"avgpool:k2,s2{padding} before it")
        assert of(f"avgpool:k2,s2{padding} conv:4,k1", input=(size, size, 3), dialect="keras") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        # the kernel steps over the only pixel, except in the 2 windows of 64 whose first or last tap is on it
        ("1x1 conv1d:1,k2,d2,p33+32", "32 before and 30 after the input, of 64"),
        ("1x1 conv1d:1,k2,d2,p33", "31 before and 31 after the input, of 65"),  # only those beside it
        ("1x1 conv1d:1,k64,s2,p63+0", "63 of the 64 weights"),
        ("1x1 conv1d:1,k65,s2,p64+0", ""),
        ("1x1 conv1d:1,k4097,p4096+0", "4,096 of the 4,097 weights"),
        ("1x5 conv1d:1,k1000000001,p500000000", "999,999,992 of the 1,000,000,001 weights"),
        ("1x2 conv1d:1,k3,d1000000000,p2000000000", ""),
    ],
)
def test_windows_and_taps_are_looked_at_one_by_one_up_to_a_number(words: str, found: str) -> None:
    kinds = [KINDS["padding-windows"], KINDS["unused-taps"]]
    said = [hint.text for _, _, hint in find(cnncalc.shape(words).layers, kinds)]
    assert [found in text for text in said] == [True] * bool(found)


@pytest.mark.parametrize(("words", "said", "mended"), CASES, ids=[case[0] for case in CASES])
def test_of_a_file_that_fixes_the_layers_only_what_the_input_decides_is_said(
    words: str, said: str, mended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only another input may correct it, or cause it."""
    kind, layers = said.partition(":")[0], cnncalc.shape(words).layers
    monkeypatch.setattr(type(layers[0].network.source), "is_fixed", True)
    assert [hint.name for _, _, hint in find(layers, KINDS.values())] == [kind] * (kind in OF_INPUT)
    assert [hint.name for _, _, hint in find(layers, KINDS.values(), fixed=True)] == [kind]
    assert kind in OF_INPUT or all(other.partition(" ")[2] != words.partition(" ")[2] for other in mended)


def test_layers_of_which_the_same_is_said_have_one_hint() -> None:
    (hint,) = of("3x8x8 conv:3,k4,same,times=3")
    assert hint.layers == ("conv1", "conv2", "conv3")
    (hint,) = of("3x8x8 conv:3,k3,p1 bn relu conv:3,k3,p1 bn relu")
    assert hint.layers == ("conv1", "conv2")


def test_the_hints_of_a_layer_are_in_the_order_of_the_table() -> None:
    assert [hint.name for hint in of("3x8x8 conv:4 batchnorm")] == ["bias-before-norm", "kernel-left-out"]


def test_layers_of_blocks_are_named_with_their_block() -> None:
    inner = [{"op": "conv", "name": "a", "c_o": 3, "k": 4, "p": "same"}]
    spec = {"input": [3, 8, 8], "layers": [{"op": "block", "name": "b", "layers": inner}]}
    (hint,) = of(spec)
    assert hint.layers == ("b.a",)
    (found,) = find(cnncalc.shape(spec).layers, KINDS.values())
    assert (found[1].path, found[1].label) == (("layers", 0, "layers", 0), "layers[0].layers[0] 'b.a'")


LAST = "if they come last: --layout NHWC, or"
TYPED = [
    # words that may mean something else, and similar ones that do not
    ("3x3x8 conv:5", "k is 1; for a 3x3: conv:5,k3"),
    ("3x2x8 conv:5", None),  # a 3x3 would not fit
    ("3xHxW conv:5", "k is 1; for a 3x3: conv:5,k3"),
    ("3x8 conv1d:5", "k is 1; for 3: conv1d:5,k3"),
    ("3x8x8 upsample:3", "upsample to 3x3; for 3 times the size: upsample:x3"),
    ("3x8x9 upsample:8", None),  # no axis becomes smaller
    ("3xHx9 upsample:2", None),
    ("3x8x8 linear:7", None),  # nothing shows that it is a map
    ("3x8x9 linear:4 linear:5", None),
    ("3x8 conv1d:5,k3 linear:7", "works on the last axis; put flatten in front?"),
    ("3x8x8 conv:5,k3 flatten linear:7", None),
    ("3x8x8 globalavgpool:keepdims=false linear:7", None),  # only features
    ("3x8x8 pad:0 conv:5,k3", None),  # as written
    ("3x8x8 conv:5,k3,p0,name=a_pad", None),
    ("3xHxH conv:5,k3 flatten linear:7,c_i=180", None),  # `holds where H = 8` says it
    ("3xHxW conv:5,k3 flatten linear:7,c_i=180", None),
    ("3x8x8 gap linear:7", "works on the last axis; put flatten in front?"),
    ("3x8x8 adaptivemaxpool:2 linear:7", "works on the last axis; put flatten in front?"),
    ("9x8x4 conv:5,k3", f"9x8x4 has 9 channels; {LAST} 4x9x8"),
    ("9x8x1 relu conv:5,k1", f"9x8x1 has 9 channels; {LAST} 1x9x8"),
    ("4x5x3 conv:5,k3", f"4x5x3 has 4 channels; {LAST} 3x4x5"),
    ("9x4x3 upsample:x2", f"9x4x3 has 9 channels; {LAST} 3x9x4"),
    ("HxWx3 conv:5,k3", f"HxWx3 has H channels; {LAST} 3xHxW"),
    ("9x3 conv1d:5,k3", f"9x3 has 9 channels; {LAST} 3x9"),
    ("8x9x10x3 conv3d:5,k3", f"8x9x10x3 has 8 channels; {LAST} 3x8x9x10"),
    ("9x8x2 conv:5,k1", None),
    ("9x8x5 conv:5,k3", None),
    ("3x8x3 conv:5,k3", None),
    ("9x3x3 conv:5,k3", None),
    ("CxHx3 conv:5,k3", None),
    ("8x3 conv:5,k3", None),  # one channel's height and width
    ("9x8x3 conv:5,k3,c_i=9", None),
    ("9x8x3 conv:5,k3,c_i=9 conv:4,k1", None),
    ("9x8x3 relu", None),
    ("7 linear:3", None),
]


@pytest.mark.parametrize(("words", "said"), TYPED)
def test_what_is_perhaps_not_meant_as_it_is_typed(words: str, said: str | None) -> None:
    assert [f"{hint.text}; {hint.help}" for hint in of(words)] == ([] if said is None else [said])


OPEN = "conv:5,k3 flatten:name=f maxpool:2,from=input flatten:name=g concat:from=f+g linear:7,c_i"
"""A width that is the sum of two products of floors: no equation gives the sizes."""


def test_which_widths_of_linear_layers_are_looked_for() -> None:
    (hint,) = of(f"3xHxW {OPEN}=228 relu")
    assert (hint.layers, hint.help) == (("linear1",), "-i 3x8x8 gives 228")
    assert of(f"3xHxW {OPEN}=229") == []  # no square gives it
    block = {"op": "block", "layers": cnncalc.load(f"{OPEN}=228").to_dict()["layers"]}
    assert of({"input": [3, "H", "W"], "layers": [block]}) == []  # the input of a block cannot be chosen


def test_the_input_of_a_network_is_that_of_its_first_layer() -> None:
    layers = [{"op": "conv", "c_o": 5, "k": 3}, {"op": "block", "layers": [{"op": "relu"}]}, {"op": "relu"}]
    assert [hint.layers for hint in of({"input": [9, 8, 3], "layers": layers})] == [("conv1",)]


def test_the_space_of_typed_words_is_that_of_the_layout() -> None:
    assert of("conv:5", input=(2, 8, 3), layout="NHWC") == []  # a 3x3 would not fit
    assert [hint.help for hint in of("conv:5", input=(8, 3, 2), layout="NHWC")] == ["for a 3x3: conv:5,k3"]
    assert of("conv:5,k3", input=(9, 8, 3), layout="NHWC") == []


def test_what_layer_words_get_as_a_note_is_said_once_of_each_kind() -> None:
    layers = cnncalc.shape("3x8x8 conv:4 conv:5").layers
    assert [text for _, text in notes(layers)] == ["conv1: k is 1; for a 3x3: conv:4,k3"]
    assert [hint.layers for hint in hints(layers)] == [("conv1",), ("conv2",)]
    assert [*notes(cnncalc.shape("9x8x3 conv:5,k3").layers)] == []  # the command adds a note before it traces
    assert of({"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": 4}]}) == []  # a file is taken literally


EXPECTED_OF_ZOO = {"border-layers", "dropped-pixels", "strided-1x1"}
"""The hints on built-in networks: their fields grow beyond 224 pixels, SqueezeNet's first layer drops a row, and
ResNet's shortcuts are strided."""


@pytest.mark.parametrize("name", zoo.names())
def test_no_false_alarm_on_the_built_in_networks(name: str) -> None:
    found = of(name)
    assert {hint.name for hint in found} <= EXPECTED_OF_ZOO
    assert ("strided-1x1" in {hint.name for hint in found}) == ("resn" in name)
    assert ("dropped-pixels" in {hint.name for hint in found}) == name.startswith("squeezenet")


def test_a_name_that_is_not_a_hint_gets_the_nearest() -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        kinds_named(["droped-pixels"])
    assert str(caught.value) == "there is no hint 'droped-pixels'\n  did you mean 'dropped-pixels' or 'unread-pixels'?"
    for name in (3, ["dropped-pixels"], None):
        with pytest.raises(cnncalc.SpecError, match="there is no hint") as caught:
            kinds_named([name])
        assert caught.value.help == "for the list: cnncalc help hints"


def test_a_larger_input_is_not_looked_for_in_a_long_network(monkeypatch: pytest.MonkeyPatch) -> None:
    words = f"3x8x8 {' '.join(['conv:4,k5,p2'] * 4)}"
    for most, found in ((4, True), (3, False)):
        monkeypatch.setattr(whole, "MOST_RETRACED", most)
        assert ("an input of " in one(words)) == found


def test_copies_of_a_layer_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first copy separately, since it follows another layer."""
    looked_at: list[str] = []

    def counted(find: Callable[[HintPlace], Advice | None]) -> Callable[[HintPlace], Advice | None]:
        def looks(place: HintPlace) -> Advice | None:
            looked_at.append(place.name)
            return find(place)

        return looks

    for kind in KINDS.values():
        if kind.of_alike:
            monkeypatch.setattr(kind, "find", counted(kind.find))
    for words, places in (("3x8x8 conv:3,times=9", ["conv1", "conv2"]), ("3xHxW relu:times=9", ["relu1"])):
        looked_at.clear()
        report = cnncalc.shape(words)
        assert sum(len(hint.layers) for hint in hints(report.layers)) == 9 * words.count("conv")
        assert [*dict.fromkeys(looked_at)] == places
        looked_at.clear()
        assert [hint.layers for hint, _ in notes(report.layers)] == [("conv1",)] * words.count("conv")
        assert [*dict.fromkeys(looked_at)] == places


def test_inputs_are_looked_for_of_a_few_linear_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    branches = "3xHxW conv:5,k3 flatten:name=f maxpool:2,from=input flatten:name=g concat:from=f+g"
    for most in (0, 1):
        monkeypatch.setattr(typed, "MOST_WIDTHS", most)
        assert [hint.name for hint in of(f"{branches} linear:7,c_i=228")] == ["linear-width"] * most
