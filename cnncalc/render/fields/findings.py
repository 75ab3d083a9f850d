"""Rows and sentences on further properties of fields: paths, effective fields, and verification by execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log10
from typing import NamedTuple

from ...fields import Findings, ReceptiveFields
from ...fields.figures import AxisFigures, axis_letters
from ...fields.paths import Alike, Paths
from ..grid import Cell, Column, Grid, grid


class PathRow(NamedTuple):
    """The field of some paths on one axis, or on several axes if equal."""

    alike: Alike
    letters: str
    axis: AxisFigures
    is_first: bool


def _path_rows(paths: Paths) -> Iterator[PathRow]:
    for alike in paths.kinds:
        groups: dict[object, list[AxisFigures]] = {}
        for letter, field in zip(axis_letters(len(alike.fields)), alike.fields, strict=True):
            groups.setdefault(field[:5], []).append(AxisFigures(letter, field, 1, 1))
        for number, group in enumerate(groups.values()):
            yield PathRow(alike, "".join(axis.letter for axis in group), group[0], not number)


def paths_grid(paths: Paths, figures: Mapping[str, Callable[[AxisFigures], Cell]], is_drawn: bool) -> Grid:
    """Return rows for paths with equal fields, by axes; in a drawn table their number is shown once."""
    columns: dict[str, Column[PathRow]] = {
        "paths": Column("paths", lambda row: _number(row.alike.number) if not is_drawn or row.is_first else ""),
        "axis": Column("axis", lambda row: row.letters, right=False),
        **{name: Column(name, _of_axis(cell)) for name, cell in figures.items()},
        "via": Column("joins on the first path read", _via, right=False, wraps=True),
    }
    return grid(columns, tuple(columns), list(_path_rows(paths)))


def _of_axis(cell: Callable[[AxisFigures], Cell]) -> Callable[[PathRow], Cell]:
    return lambda row: cell(row.axis)


def _via(row: PathRow) -> Cell:
    via = row.alike.via
    if len(via) > MOST_NAMES:
        via = (*via[:6], "…", *via[-3:], f"({len(row.alike.via)}; all with --json)")
    text = " ".join(via)
    return f"{text} (left out)" if row.alike.is_global else text


MOST_NAMES = 64
"""The most names that are listed in a row."""
EXACT_BELOW = 10**15


def _number(number: int) -> Cell:
    """Return a number of paths, from 1e15 on with three digits (6.55e150), as paths double with each join."""
    if number < EXACT_BELOW:
        return number
    below = max(int(number.bit_length() * log10(2)) - 15, 0)
    mantissa, exponent = f"{number // 10**below:.2e}".split("e")
    return f"{mantissa}e{int(exponent) + below}"


def path_sentences(paths: Paths) -> list[str]:
    """Return sentences on the number of paths and whether they are aligned."""
    number = _number(paths.number)
    several = "1 path leads" if number == 1 else f"{number if isinstance(number, str) else f'{number:,}'} paths lead"
    kinds = f", with {len(paths.kinds):,} different fields" if len(paths.kinds) > 1 else ""
    verdicts = {True: "aligned: their strides are equal and their centres coincide", None: "alignment unknown"}
    lines: dict[str, list[str]] = {}
    if paths.number > 1:
        for letter, aligned, apart in zip(
            axis_letters(len(paths.aligned())), paths.aligned(), paths.apart(), strict=True
        ):
            lines.setdefault(verdicts.get(aligned, f"not aligned: {apart}"), []).append(letter)
    said = [f"{several} to {paths.to}{kinds}", *[f"{', '.join(own)}: {verdict}" for verdict, own in lines.items()]]
    if any(kind.is_global for kind in paths.kinds):
        said.append("paths through a global pool are not compared, because joins leave them out")
    return said


class SpreadRow(NamedTuple):
    """The influence on a unit along one axis of the input."""

    letter: str
    axis: int
    found: Findings


SPREAD: dict[str, Column[SpreadRow]] = {
    "axis": Column("axis", lambda row: row.letter, right=False, style="bold"),
    "size": Column("field size", lambda row: row.found["size"][row.axis]),
    "centre": Column("centre", lambda row: round(row.found["centre"][row.axis], 4)),
    "deviation": Column("deviation", lambda row: round(row.found["deviation"][row.axis], 4)),
    "within_1": Column("within 1 dev.", lambda row: 100 * row.found["within_deviations"]["1"][row.axis], unit="%"),
    "within_2": Column("within 2 dev.", lambda row: 100 * row.found["within_deviations"]["2"][row.axis], unit="%"),
}


def effective_grid(found: Findings) -> Grid:
    """Return a row for each axis of the input: the size of a unit's field, and the spread of the influence."""
    letters = axis_letters(len(found["size"]))
    return grid(SPREAD, tuple(SPREAD), [SpreadRow(letter, at, found) for at, letter in enumerate(letters)])


def effective_sentences(found: Findings) -> list[str]:
    """Return sentences on how many pixels make up most of the influence, and on the simplifications made."""
    place = ",".join(map(str, found["unit"]))
    unit = f"unit {place} of {found['of']}" if place else f"a unit of {found['of']}"
    if not found["touched"]:
        return [f"{unit} sees no pixel"]
    most, touched = found["pixels_of_95%"], found["touched"]
    first = f"95% of the influence on {unit} lies in {most:,} of the {touched:,} pixels that it sees"
    weights = "weights are random: independent, with mean zero and one variance per layer"
    return [first, "; ".join([weights, *found["reasons"]])]


PROOF: dict[str, Column[Findings]] = {
    "of": Column("up to", lambda row: str(row["of"]), right=False, style="bold"),
    "layers": Column("layers", lambda row: row["layers"]),
    "units": Column("units", lambda row: row["units"]),
    "pixels": Column("pixels", lambda row: row["pixels"]),
    "equal": Column("equal", lambda row: "yes" if row["equal"] else "no", right=False),
}


def proof_grid(found: Findings) -> Grid:
    """Return the row of what was verified."""
    return grid(PROOF, tuple(PROOF), [found])


def proof_sentences(found: Findings) -> list[str]:
    """Return sentences on whether units respond as predicted, and on which ops were replaced."""
    lines = []
    if found["equal"]:
        lines.append("each unit responds to the pixels that it is said to see, and to no other")
    else:
        lines.append(found["difference"]["text"])
    if found["bounds"]:
        lines.append(f"an upper bound of what is seen is given for units of {_some(found['bounds'])}")
    if found["replaced"]:
        lines.append(
            f"layers that could hide an influence were replaced by ones with the same field: {_some(found['replaced'])}"
        )
    return lines


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def least_sentence(fields: ReceptiveFields) -> list[str]:
    """Return a sentence on the input sizes from which on every layer contributes, as far as they are known."""
    letters, sizes = axis_letters(len(fields.least)), fields.least
    known_sizes = [f"{letter} >= {size}" for letter, size in zip(letters, sizes, strict=True) if size is not None]
    rule = f"every layer adds something where {' and '.join(known_sizes)}"
    rules = [rule] if known_sizes and max(size or 0 for size in sizes) > 1 else []
    bordering = [layer.name for layer in fields.layers if any(layer.border)]
    if not bordering:
        return rules
    several = (
        f"1 border layer, {bordering[0]}"
        if len(bordering) == 1
        else (f"{len(bordering)} border layers, from {bordering[0]} on")
    )
    said = f"{several}: the field of the layer's input is not smaller than the image"
    return ["; ".join([said, *rules])]
