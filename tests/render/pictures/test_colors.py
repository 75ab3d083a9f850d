"""The colors of pictures and pages: text contrasts with its background, in light, dark and on paper."""

from __future__ import annotations

import re

import pytest

from cnncalc.render.pictures.elements import resource

Color = tuple[float, float, float]

SCHEMES = re.findall(r"\.cnncalc \{([^}]*--paper[^}]*)\}", resource("picture.css") + resource("page.css"))
"""The colors of the light and of the dark scheme, and those of paper."""
TEXTS = [
    ("ink", "paper", "paper", 0.0),
    ("ink", "shade", "paper", 0.0),
    ("faint", "paper", "paper", 0.0),
    ("faint", "shade", "paper", 0.0),
    ("sees", "paper", "paper", 0.0),  # words that explain a color
    ("seen", "paper", "paper", 0.0),
    ("ink", "self", "paper", 0.22),  # the chosen layer's row
    ("ink", "sees", "shade", 0.32),  # cells of a window
    ("ink", "seen", "shade", 0.32),
]
"""Texts, the color of the background, what is seen through it, and its opacity; 0 for opaque."""
SHAPES = [
    *[(kind, "paper") for kind in ("multiply", "window", "join", "plain", "edge", "self")],
    *[(kind, "shade") for kind in ("sees", "seen", "self", "edge")],
]


def color(scheme: str, name: str) -> Color:
    found = re.search(rf"--{name}: #(\w+)", scheme)
    assert found is not None
    digits = found[1] if len(found[1]) == 6 else "".join(2 * one for one in found[1])
    red, green, blue = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    return red, green, blue


def luminance(color: Color) -> float:
    """Return the relative luminance of WCAG 2.2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Color, other: Color) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_there_are_three_schemes() -> None:
    assert len(SCHEMES) == 3


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark", "paper"])
@pytest.mark.parametrize(("name", "behind", "below", "share"), TEXTS)
def test_texts_can_be_read(scheme: str, name: str, behind: str, below: str, share: float) -> None:
    ground = color(scheme, behind)
    if share:
        pairs = zip(ground, color(scheme, below), strict=True)
        red, green, blue = [own * share + other * (1 - share) for own, other in pairs]
        ground = red, green, blue
    assert contrast(color(scheme, name), ground) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark", "paper"])
@pytest.mark.parametrize(("name", "behind"), SHAPES)
def test_shapes_can_be_told_apart(scheme: str, name: str, behind: str) -> None:
    assert contrast(color(scheme, name), color(scheme, behind)) >= 3
