"""What one unit sees, as text: its own map on top, and below it the map of each layer down to the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from math import prod
from typing import NamedTuple

from ...errors import printable
from ...field import Interval
from ...fields import ReceptiveFields, masks
from ...fields.figures import letters_of
from ...fields.overlap import overlap
from ...fields.views import Box, Sight
from ...network import INPUT
from ...sizes import known, show
from .. import Style
from ..texts import paint, wrapped

MOST_MAPS = 8
"""The most maps that are drawn; the other layers have one line each."""
SMALL, AROUND = 4, 3
"""If the box takes fewer signs than SMALL in a large map, only AROUND places around the box are drawn."""
MOST_ROWS, WIDTH = 24, 80
"""The most rows of a map, and its width if there is no limit."""


class Shades(NamedTuple):
    """The characters of a map's cells."""

    beside: str
    """Outside the box."""
    hole: str
    """In the box, but not touched."""
    pad: str
    """In the box, but outside the map."""
    unit: str
    """The unit itself."""
    levels: str
    """Touched, from rarely to most often."""


UNICODE, ASCII = Shades("·", "-", "×", "■", "░▒▓█"), Shades(".", "-", "x", "@", "oO8#")
COLORS = {"beside": "dim", "hole": "dim", "pad": "magenta", "unit": "green", "seen": "cyan"}


class Level(NamedTuple):
    """A map of the pyramid."""

    names: Sequence[str]
    """The layers with equal maps, readers first."""
    at: int
    """The index of the first one in the graph, or INPUT."""
    sizes: tuple[int, ...]
    region: masks.Region
    box: Box | None


def render(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield what one unit sees, layer by layer: a line for each, and maps for some."""
    view = fields.view
    assert view is not None
    yield from (paint(line, "bold", style.color) + "\n" for line in wrapped(unit_title(view), style))
    if view.unknown is not None:
        yield from (f"{line}\n" for line in wrapped(view.unknown, style))
        return
    if view.bound is not None:
        yield from (f"{line}\n" for line in wrapped(f"at most: {view.bound}", style))
    shades = ASCII if style.ascii else UNICODE
    body = list(_body(view, style, shades))
    plain = list(_body(view, style._replace(color=False), shades)) if style.color else body
    yield from (f"{line}\n" for line in wrapped(_legend(plain, shades), style))
    yield from body


def _body(view: Sight, style: Style, shades: Shades) -> Iterator[str]:
    """Yield the lines and the maps of all levels."""
    levels = levels_of(view)
    drawn = drawn_of(levels, MOST_MAPS)
    for before, level in zip([None, *levels], levels, strict=False):
        if before is None or level in drawn or before in drawn:
            yield "\n"
        yield from _caption(view, level, style)
        if level in drawn:
            yield from _map(view, level, shades, style)


def levels_of(view: Sight) -> list[Level]:
    """Return what the unit sees of each layer, starting with its own.

    Consecutive equal maps are merged if the lower ones are read only by the upper ones, or equally often.
    """
    graph, levels, members = view.graph, list[Level](), set[int]()
    readers: dict[int, set[int]] = {}
    for reader in view.sets.keys() - {INPUT}:
        for read in graph.vertices[reader].reads:
            readers.setdefault(read, set()).add(reader)
    for at in sorted({*view.sets, view.source}, reverse=True):  # the source may be unseen
        sizes = tuple([known(size) or 1 for size in graph.space(at).shape])
        level = Level([printable(graph.name(at))], at, sizes, view.region(at), view.boxes.get(at))
        last = levels[-1] if levels else None
        is_same = last is not None and last.at != view.of and _is_same(last, level)
        if last and is_same and (readers.get(at, set()) <= members or overlap(view, last.at) == overlap(view, at)):
            levels[-1] = last._replace(names=[*last.names, *level.names])
            members.add(at)
        else:
            levels.append(level)
            members = {at}
    return levels


def _is_same(one: Level, other: Level) -> bool:
    return one.sizes == other.sizes and one.box == other.box and masks.same(one.region, other.region)


def drawn_of(levels: Sequence[Level], most: int) -> list[Level]:
    """Return the levels whose maps are drawn: the first, the last, and those where the map's size changes."""
    seen = [level for level in levels if level.region and level.sizes]
    if len(seen) <= most:
        return seen
    ends = [one for one, below in pairwise(seen) if one.sizes != below.sizes]
    chosen = [seen[0], *[one for one in ends if one is not seen[0]], seen[-1]]
    if len(chosen) > most:
        steps = [round(step * (len(chosen) - 1) / (most - 1)) for step in range(most)]
        chosen = [chosen[step] for step in steps]
    return chosen


# Captions


def unit_title(view: Sight) -> str:
    """Return `unit 3,4 of conv2 (64x14x14), and what it sees of the input`."""
    graph = view.graph
    unit, name = ",".join(map(str, view.unit)), printable(graph.name(view.of))
    source = "the input" if view.source == INPUT else printable(graph.name(view.source))
    return f"unit {unit} of {name} ({show(graph.sample(view.of))}), and what it sees down to {source}"


def _caption(view: Sight, level: Level, style: Style) -> Iterator[str]:
    """Yield the lines of a level: its layers, and the visible part of their maps."""
    names = ", ".join(level.names[:3]) + (f" and {len(level.names) - 3} more" if len(level.names) > 3 else "")
    first, *others = wrapped(f"{names}: {level_text(view, level)}", style)
    head = names if first.startswith(names) else first
    yield paint(head, "bold", style.color) + first[len(head) :] + "\n"
    yield from (f"{line}\n" for line in others)


def level_text(view: Sight, level: Level) -> str:
    """Return `H 1 to 3, W 0 to 4 (3x5 of 6x7), 40.0% touched`."""
    seen, text = masks.hull(level.region), "nothing"
    if not level.sizes:
        text = "whole"
    elif seen is not None:
        sides = [last - first + 1 for first, last in seen]
        text = f"{_spans(view, level, seen)} ({show(tuple(sides))} of {show(level.sizes)})"
        if level.box is not None and level.box != seen:
            text += f", box {_spans(view, level, level.box)}"
        touched = masks.count(level.region) / prod(sides)
        text += f", {100 * touched:.1f}% seen" if touched < 1 else ""
    return text


def _spans(view: Sight, level: Level, box: Box) -> str:
    letters = letters_of(view.graph, level.at)
    return ", ".join(
        f"{letter or '?'} {first}" if first == last else f"{letter or '?'} {first} to {last}"
        for letter, (first, last) in zip(letters, box, strict=True)
    )


def _legend(body: Sequence[str], shades: Shades) -> str:
    """Return the meaning of the characters that occur in the maps."""
    rows = "".join([line for line in body if set(line) <= {*"".join(shades), *" \n0123456789"}])
    said = [
        (shades.unit, "the unit"),
        (shades.levels, "seen, from rarely to often"),
        ("123456789", "by how many units above it is read"),
        (shades.hole, "in the box, but not seen"),
        (shades.pad, "padding in the box"),
        (shades.beside, "outside the box"),
    ]
    found = []
    for signs, meaning in said:
        own = [sign for sign in signs if sign in rows]
        if own:
            found.append(f"{'1 2 3' if signs[0] == '1' else ''.join(own)} {meaning}")
    return "; ".join(found)


# Maps


class Bin(NamedTuple):
    """Places of an axis that share one row or column of a drawn map."""

    start: int
    end: int
    """The place after the last one."""
    is_inside: bool


def _bins(size: int, span: Interval, step: int) -> list[Bin]:
    """Return the places of an interval in bins counted from the map's first place; no bin crosses an end of the map."""
    first, last = span
    ends = sorted({first, last + 1, *[end for end in (0, size) if first < end <= last]})
    found: list[Bin] = []
    for start, end in pairwise(ends):
        begin = start - start % step if start % step else start
        inside = 0 <= start < size
        found += [Bin(max(at, start), min(at + step, end), inside) for at in range(begin, end, step)]
    return found


def _map(view: Sight, level: Level, shades: Shades, style: Style) -> Iterator[str]:
    """Yield the rows of a level's map: places are merged in a large map, or only those around a small box are shown."""
    lead = masks.middle(level.region)
    sizes, box = (1, *level.sizes)[-2:], _box(level)
    spans, step, notes = _shown(view, level, lead, style)
    if notes:
        yield f"  ({'; '.join(notes)})\n"
    down, across = [_bins(size, span, step) for size, span in zip(sizes, spans, strict=True)]
    weights = weights_of(view, level, lead)
    values = [[_value(weights, row, column) for column in across] for row in down]
    most = max(max(row) for row in values)
    is_counted = not all(isinstance(axis, int) for _, *axes in weights for axis in axes)
    has_digits = is_counted and step == 1 and most <= 9
    for row, own_values in zip(down, values, strict=True):
        cells = []
        for column, value in zip(across, own_values, strict=True):
            is_boxed = _meets(row, box[0]) and _meets(column, box[1])
            if not row.is_inside or not column.is_inside:
                cells.append((f"{shades.pad} ", "pad") if is_boxed else ("  ", ""))
            elif not value:
                cells.append((f"{shades.hole} ", "hole") if is_boxed else (f"{shades.beside} ", "beside"))
            elif level.at == view.of:
                cells.append((f"{shades.unit} ", "unit"))
            else:
                cells.append((f"{value:.0f} " if has_digits else _shade(value, most, shades), "seen"))
        yield f"  {_painted(cells, style)}".rstrip() + "\n"


def _box(level: Level) -> Sequence[Interval]:
    """Return the rows and the columns of the box around what is seen of a level."""
    seen = masks.hull(level.region)
    assert seen is not None
    return ((0, 0), *(level.box or seen))[-2:]


def _shown(view: Sight, level: Level, lead: Sequence[int], style: Style) -> tuple[list[Interval], int, list[str]]:
    """Return the rows and columns that are drawn, the places per character, and what to note about both."""
    sizes, box = (1, *level.sizes)[-2:], _box(level)
    room = (MOST_ROWS, max(((style.width or WIDTH) - 2) // 2, 4))
    spans = [(min(first, 0), max(last, size - 1)) for (first, last), size in zip(box, sizes, strict=True)]
    step = _step(spans, sizes, room)
    notes = [f"slice {', '.join(map(str, lead))}"] if lead else []
    if step > 1 and level.at != view.of and max(last - first for first, last in box) < SMALL * step:
        spans = [
            (min(first, max(first - AROUND, 0)), max(last, min(last + AROUND, size - 1)))
            for (first, last), size in zip(box, sizes, strict=True)
        ]
        step = _step(spans, sizes, room)
        own = [span for span, size in zip(spans, (0, *level.sizes)[-2:], strict=True) if size]
        notes.append(f"{_spans(view, level, (*[(at, at) for at in lead], *own))} is drawn")
    if step > 1:
        notes.append(f"one character is {show((step,) * len(level.sizes[-2:]))} positions")
    return spans, step, notes


def _step(spans: Sequence[Interval], sizes: Sequence[int], room: Sequence[int]) -> int:
    """Return the number of places per character on each axis, so that all of them fit."""
    lengths = [last - first + 1 for first, last in spans]
    step = max(-(-length // most) for length, most in zip(lengths, room, strict=True))
    while any(len(_bins(size, span, step)) > most for size, span, most in zip(sizes, spans, room, strict=True)):
        step += max(step // 1000, 1)
    return step


def _shade(value: float, most: float, shades: Shades) -> str:
    """Return the two characters for places that are read this often."""
    return shades.levels[min(int(value / most * len(shades.levels)), len(shades.levels) - 1)] * 2


def _meets(one: Bin, span: Interval) -> bool:
    return one.start <= span[1] and one.end > span[0]


def _painted(cells: Sequence[tuple[str, str]], style: Style) -> str:
    text = ""
    for kind, own in groupby(cells, key=lambda cell: cell[1]):
        signs = "".join([sign for sign, _ in own])
        text += paint(signs, COLORS[kind], style.color) if kind else signs
    return text


Numbers = Sequence[int] | int
"""A number for each place of an axis, or the set of places with number 1."""
Weights = Sequence[tuple[int, Numbers, Numbers]]
"""Terms of a sum: a factor, and numbers for each row and column, to be multiplied."""


def weights_of(view: Sight, level: Level, lead: Sequence[int]) -> Weights:
    """Return how often the places of a map's slice are read, or if that is unknown, which are."""
    counts = None if level.at == view.of else overlap(view, level.at)
    products: Sequence[Sequence[Numbers]] = masks.disjoint(level.region) if counts is None else counts
    found: list[tuple[int, Numbers, Numbers]] = []
    for one in products:
        number = 1
        for axis, at in zip(one, lead, strict=False):
            number *= axis >> at & 1 if isinstance(axis, int) else axis[at]
        down, across = (1, 1, *one)[-2:]
        found.append((number, down, across))
    return found


def _value(weights: Weights, row: Bin, column: Bin) -> float:
    """Return how often the places of a cell are read, on average."""
    if not row.is_inside or not column.is_inside:
        return 0
    area = (row.end - row.start) * (column.end - column.start)
    return sum(number * _within(down, row) * _within(across, column) for number, down, across in weights) / area


def _within(axis: Numbers, own: Bin) -> int:
    if isinstance(axis, int):
        return (axis >> own.start & masks.full(own.end - own.start)).bit_count()
    return sum(axis[own.start : own.end])
