"""Upsampling as in ONNX's Resize: what each unit responds to lies in its field, and invalid combinations of keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.layers.resample import PLACES, ROUNDED

SIZES = [(5, 7), (6, 3), (4, 12), (3, 5), (6, 4), (4, 1)]
HOW: list[dict[str, Any]] = [{"where": where, "round": rounding} for where in PLACES for rounding in ROUNDED]
HOW += [{"align": True, "round": rounding} for rounding in ROUNDED]
HOW += [{"where": where, "mode": mode} for where in PLACES for mode in ("linear", "cubic")]


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize(("n", "out"), SIZES)
def test_a_unit_answers_only_to_its_field(how: dict[str, Any], n: int, out: int) -> None:
    layer = {"op": "upsample", "out": [out], **how}
    field: Any = cnncalc.shape([layer], (1, n)).layers[0].rf[0]
    spans = field.phases or ((field.start, field.start + field.size - 1),)
    advance = field.advance if field.phases else field.stride
    answers = cnncalc.run([layer], np.eye(n)[:, None])[:, 0] != 0
    for unit in range(out):
        turn, phase = divmod(unit, len(spans))
        first, last = (edge + turn * (advance or 0) for edge in spans[phase])
        seen = {min(max(pixel, 0), n - 1) for pixel in range(first, last + 1)}  # at the border it is clamped
        assert set(np.flatnonzero(answers[:, unit])) <= seen
        if "mode" not in how:
            assert len(seen) == 1


MOVED = [
    # inputs, outputs, keys, what is known: of 8273/4136 float32 gives a half for less
    (1001, 2001, {"align": True, "mode": "linear"}, True),
    (8274, 4137, {"align": True, "round": "round_prefer_floor"}, False),
    (6144, 8192, {}, True),
]


@pytest.mark.parametrize(("n", "out", "how", "is_known"), MOVED)
def test_the_field_of_a_long_axis_is_known_unless_rounding_moves_an_output(
    n: int, out: int, how: dict[str, Any], is_known: bool
) -> None:
    field = cnncalc.shape([{"op": "upsample", "out": [out], **how}], (1, n)).layers[0].rf[0]
    assert (field.phases is not None) is is_known


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"round": "ceil", "mode": "linear"}, "round is for mode nearest, but this is linear"),
        ({"cubic": -0.5, "mode": "linear"}, "cubic is for mode cubic, but this is linear"),
        ({"exclude_outside": True}, "exclude_outside is for mode cubic, but this is nearest"),
        ({"align": True, "where": "asymmetric", "mode": "linear"}, "align and where both set where the outputs lie"),
        ({"align": True}, "mode nearest has no align"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, Any], text: str) -> None:
    with pytest.raises(cnncalc.ShapeError, match=text):
        cnncalc.shape([{"op": "upsample", "factor": 2, **keys}], (3, 5, 7))
