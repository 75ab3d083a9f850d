"""The inputs of a network as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...conditions import Numbers, Piece
from ...notation.encode import document as json_document
from ...sizes import show, to_json
from ...solutions.inputs import Fit, WantedInputs
from .. import Style, writing
from ..drawing import draw, of_grid
from ..grid import Column, Grid, full, grid
from ..texts import plural


class InputAnswer(NamedTuple):
    """The inputs of a network, and the padding that makes an image one of them (None if there is none)."""

    inputs: WantedInputs
    fit: list[Fit] | None = None
    image: Sequence[int] | None = None
    least: bool = False
    """Whether only the smallest input is asked for."""

    @property
    def found(self) -> bool:
        """Whether there is a solution."""
        return bool(self.inputs.ways) and (self.image is None or self.fit is not None)


class InputRow(NamedTuple):
    """The sizes of one axis in one of the sets of inputs."""

    number: int
    axis: str
    numbers: Numbers


MOST_WAYS = 8
"""The most sets of inputs that a table shows."""
_COLUMNS: dict[str, Column[InputRow]] = {
    "set": Column("set", lambda row: row.number),
    "axis": Column("axis", lambda row: row.axis, right=False),
    "sizes": Column("sizes", lambda row: row.numbers.text(row.axis), right=False),
    "least": Column("least", lambda row: row.numbers.least),
}


def _grid(answer: InputAnswer, most: int | None = None) -> Grid:
    ways = answer.inputs.ways[:most]
    rows = [InputRow(at, axis, own) for at, way in enumerate(ways, 1) for axis, own in way.items()]
    names = list(_COLUMNS)[0 if len(answer.inputs.ways) > 1 else 1 :]
    return grid(_COLUMNS, names, rows)


def _pad_word(fit: Sequence[Fit]) -> str:
    return "pad:" + "x".join([f"{one.pad[0]}+{one.pad[1]}" for one in fit])


def _lines(answer: InputAnswer) -> Iterator[str]:
    found = answer.inputs
    yield from [f"and {condition}" for condition in found.conditions]
    if answer.image is None:
        return
    if answer.fit is None:
        yield f"no padding makes {show(answer.image)} one of them"
        return
    to = show([one.to for one in answer.fit])
    padded = any(sum(one.pad) for one in answer.fit)
    image = show(answer.image)
    yield f"{image} to {to}: {_pad_word(answer.fit)}" if padded else f"{image} is one of them"


def none_text(answer: InputAnswer) -> Iterator[str]:
    """Yield the lines that say that there is no input, and which outputs are possible instead."""
    wish = answer.inputs.wish
    out = wish.out if wish.features is None else None
    yield "no input" + (f" gives the output {show(out)}" if out is not None else " is as wanted")
    for near in answer.inputs.nearest:
        yield f"near: {show(near)}"


def table(answer: InputAnswer, style: Style) -> Iterator[str]:
    """Yield the table of sizes, one axis per row, or why there is none."""
    if not answer.inputs.ways:
        yield from [line + "\n" for line in none_text(answer)]
        return
    least = answer.inputs.least()
    if answer.least and least is not None:
        yield show(least) + "\n"
        return
    yield from draw([of_grid(_grid(answer, MOST_WAYS), full)], style)
    more = len(answer.inputs.ways) - MOST_WAYS
    if more > 0:
        yield f"and {plural(more, 'set')} more\n"
    yield from [line + "\n" for line in _lines(answer)]


def _pieces(way: Mapping[str, Numbers]) -> list[dict[str, Any]]:
    return [piece for axis, own in way.items() for piece in own.to_list(axis)]


def as_json(answer: InputAnswer, style: Style) -> Iterator[str]:
    """Yield one JSON document: the sizes of each axis, which may be combined freely."""
    found = answer.inputs
    ways = [_pieces(way) for way in found.ways]
    keys: dict[str, Any] = {"sizes": iter(ways[0] if ways else []), "input": to_json(found.sample)}
    least = found.least()
    if answer.least:
        keys["least"] = None if least is None else to_json(least)
    if len(ways) > 1:
        keys["others"] = ways[1:]
    if found.conditions:
        keys["conditions"] = found.conditions
    if answer.image is not None:
        fits = answer.fit
        keys["fit"] = fits and [{**one._asdict(), "pad": one.pad} for one in fits]
    if not ways:
        keys["nearest"] = found.nearest
    return json_document(keys.items())


class PieceRow(NamedTuple):
    """A rule for the sizes of an axis in one of the sets of inputs."""

    number: int
    axis: str
    piece: Piece


_PIECE_COLUMNS: dict[str, Column[PieceRow]] = {
    "set": Column("set", lambda row: row.number),
    "axis": Column("axis", lambda row: row.axis, right=False),
    "mod": Column("mod", lambda row: row.piece.mod),
    "rest": Column("rest", lambda row: " ".join(map(str, row.piece.rest))),
    "least": Column("least", lambda row: row.piece.least),
    "most": Column("most", lambda row: "" if row.piece.most is None else row.piece.most),
}


def _pieces_grid(answer: InputAnswer) -> Grid:
    """Return a row for each rule, as in JSON."""
    rows = [
        PieceRow(at, axis, piece)
        for at, way in enumerate(answer.inputs.ways, 1)
        for axis, own in way.items()
        for piece in own.pieces()
    ]
    return grid(_PIECE_COLUMNS, list(_PIECE_COLUMNS), rows)


csv, tsv, markdown, latex, html = writing.forms(_grid, lambda _: "cnncalc solve", exact=_pieces_grid)
