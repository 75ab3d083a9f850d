"""What units see, against sets of pixels that are carried through random networks one unit at a time."""

from __future__ import annotations

from random import Random

import pytest

from tests.fields.random_networks import draw
from tests.fuzz.fields import brute, difference


@pytest.mark.parametrize("case", range(40))
def test_a_unit_sees_what_brute_force_says(case: int) -> None:
    """On more networks: `python -m tests.fuzz.fields brute`."""
    assert difference(draw(Random(f"suite:{case}")), brute) is None
