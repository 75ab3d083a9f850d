"""The elements of an SVG picture: the document around its parts, texts, and the legend of colors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from ...errors import width_of

_HERE = os.path.dirname(__file__)
CHARACTER = 7.3
"""The largest width of a character in the pictures' font, in pixels."""
LONGEST = 56
"""The most characters of a text that is not cut; a tooltip shows the whole text."""
ROW, EDGE = 24, 16
"""The height of a row, and the margin around a picture."""
NODE = 16, 12
"""The width and height of a layer in its lane."""


class Drawn(NamedTuple):
    """A part of a picture, with its top left corner at 0, 0."""

    width: int
    height: int
    lines: Sequence[str]
    """Its SVG elements."""


def document(title: str, description: str, parts: Sequence[Drawn]) -> Iterator[str]:
    """Yield a picture of parts below each other under a title; the description is for screen readers."""
    head = text(0, 14, title, "title")
    width = max([text_width(title) * 5 // 4, *[part.width for part in parts]]) + 2 * EDGE
    height = 2 * EDGE + ROW + sum(part.height + EDGE for part in parts)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cnncalc" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(description)}</desc>\n'
        f'<style>\n{resource("picture.css")}</style>\n<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<g transform="translate({EDGE} {EDGE})">\n{head}\n'
    )
    top = ROW
    for part in parts:
        yield f'<g transform="translate(0 {top})">\n'
        yield from [f"{line}\n" for line in part.lines]
        yield "</g>\n"
        top += part.height + EDGE
    yield "</g>\n</svg>\n"


def key(meanings: Sequence[tuple[str, str]], top: int = 0) -> Drawn:
    """Return a legend line: each class of a shape with its meaning."""
    lines, left = [], 0
    for kind, words in meanings:
        lines.append(f'<rect class="{kind}" x="{left}" y="{top + 4}" width="{NODE[0]}" height="{NODE[1]}" rx="3"/>')
        lines.append(text(left + NODE[0] + 6, top + 14, words, "faint"))
        left += NODE[0] + 6 + text_width(words) + EDGE
    return Drawn(left, ROW if lines else 0, lines)


def resource(name: str) -> str:
    """Return a file of this folder."""
    with open(os.path.join(_HERE, name), encoding="utf-8") as file:
        return file.read()


def text(x: int, y: int, words: str, kind: str = "", longest: float = LONGEST) -> str:
    """Return a text, cut if it is too long."""
    own = f' class="{kind}"' if kind else ""
    return f'<text{own} x="{x}" y="{y}">{escape(cut(words, longest))}</text>'


def cut(words: str, longest: float = LONGEST) -> str:
    """Return a text, with its middle left out if it is too long for a picture."""
    if width_of(words) <= longest:
        return words
    return f"{words[: LONGEST // 2]}…{words[-(LONGEST // 2) :]}"


def text_width(words: str, longest: float = LONGEST) -> int:
    """Return the largest width of a text in pixels."""
    return int(width_of(cut(words, longest)) * CHARACTER) + 1
