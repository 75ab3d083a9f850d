"""The recurrence of a receptive field in words: each line's arithmetic holds, and ends with the report's figures."""

from __future__ import annotations

import re

import pytest

import cnncalc
from cnncalc.explain import field_lines

NETWORKS = {
    "windows": "3x32x40 conv:8,k3x5,s2,p1 maxpool:3,s2 conv:4,k3,d2x3,p2 globalavgpool linear:3",
    "transposed": "3x16x20 conv:4,k3,s2 convT:4,k4,s2,p1 conv:4,k3 convT:4,k3x2,s3,d2 conv:2,k2",
    "resampled": "2x12x15 conv:4,k3,s2 upsample:x2 upsample:x3,mode=bilinear adaptiveavgpool:5x3 conv:4,k2",
    "branches": "3x20x24 conv:4,k3,p1,s2,name=a conv:4,k4,p1+2,from=a,name=b add:a+b dwconv:k3,p1 concat:a+dwconv1",
    "backwards": "1x9x11 slice:axis=2,step=-1 conv:2,k3,s2 slice:axis=3,step=2 pad:1 crop:0+1",
}


def equations(line: str) -> list[tuple[str, int]]:
    """Return every expression of a line that is followed by `= NUMBER`, with the number."""
    form = r"((?:min|max)\([-\d, ]+\)|[-\d][-\d+*() ]*?|\([-\d+*() ]*?) = (-?\d+)"
    return [(left, int(right)) for left, right in re.findall(form, line)]


@pytest.mark.parametrize("words", NETWORKS.values(), ids=NETWORKS)
def test_the_arithmetic_holds(words: str) -> None:
    found = 0
    for layer in cnncalc.shape(words):
        for line in field_lines(layer):
            for left, right in equations(line):
                assert eval(left, {"__builtins__": {}, "min": min, "max": max}) == right, line
                found += 1
    assert found >= 6


def lines(words: str, name: str) -> list[str]:
    return field_lines(cnncalc.shape(words)[name])


def test_a_transposed_conv_sees_by_phase() -> None:
    assert lines("1x8 conv1d:4,k3,s2 convT1d:4,k4,s2,p1", "convT1d1") == [
        "receptive field: size 5, stride varying by phase, start -2",
        "receptive field, length: unit 0 sees units -1 to 0, pixels 0 - 1*2 = -2 to 0 + 0*2 + 2 = 2; "
        "unit 1 sees units 0 to 1, pixels 0 + 0*2 = 0 to 0 + 1*2 + 2 = 4; unit 2 as unit 0, shifted by 2 pixels",
    ]


def test_units_that_see_nothing() -> None:
    assert lines("1x8 convT1d:4,k1,s2", "convT1d1")[1].startswith(
        "receptive field, length: unit 0 sees pixel 0; unit 1 sees nothing; unit 2 as unit 0, shifted by 1 pixel"
    )


def test_a_join_takes_the_outermost_ends() -> None:
    words = "1x9 conv1d:4,k3,p1,name=a conv1d:4,k4,p1+2,from=a,name=b add:a+b"
    assert lines(words, "add1") == [
        "receptive field: size 6, stride 1, start -2, of a 3, stride 1, start -1; b 6, stride 1, start -2",
        "receptive field, length: unit 0 from min(-1, -2) = -2 to max(1, 3) = 3",
    ]


def test_axes_that_swap_places_keep_their_fields() -> None:
    words = "2x9x11 conv:4,k3x5 permute:order=[1,3,2]"
    assert lines(words, "permute1") == ["receptive field: size 5x3, stride 1, start 0"]
