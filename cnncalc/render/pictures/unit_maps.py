"""What one unit sees, as part of an SVG picture: the map of each layer, from its own down to the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import isqrt, prod

from ...field import Interval
from ...fields import masks
from ...fields.views import Sight
from .elements import EDGE, ROW, Drawn, key, text, text_width
from .pyramid import Level, Numbers, drawn_of, level_text, levels_of, unit_title, weights_of

LEAST_LINE = 640
"""The least width of a line of maps."""
SIDES = 36, 144
"""The longer side of the smallest and the largest map."""
LEAST_SIDE = 12
"""The least height and width of a map that is drawn."""
MOST_LINES = 16
"""The most units along an axis that are separated by lines."""
BESIDE = 4
"""The divisor of a map's size that gives how much padding is shown."""
MOST_SHADED = 10_000
"""The most parts (of places read equally often) of a map whose shades differ."""
KEY = (("self", "the unit"), ("shade", "seen, the stronger the more units above read it"), ("boxed box", "its box"))
"""The meaning of the maps' colors."""
MOST_MAPS = 48
"""The most maps that are drawn."""
SHADES = 4
"""The number of shades."""


def unit_maps(view: Sight, room: int) -> Drawn:
    """Return the maps of what a unit sees, side by side in lines of at least this width."""
    title = unit_title(view)
    every = [] if view.unknown else levels_of(view)
    levels = every if len(every) <= MOST_MAPS else drawn_of(every, MOST_MAPS)
    largest = max([max(one.sizes[-2:], default=1) for one in levels], default=1)
    lines = [text(0, 14, title, "name", len(title))]
    left, top, tallest, width = 0, ROW, 0, text_width(title, len(title))
    for remark in filter(None, [view.unknown, view.bound and f"at most: {view.bound}", _left_out(every, levels)]):
        lines.append(text(0, top + 8, remark, "", len(remark)))
        top, width = top + ROW, max(width, text_width(remark, len(remark)))
    if levels:
        marks = key(KEY, top)
        lines += marks.lines
        top, width = top + marks.height, max(width, marks.width)
    for level in levels:
        height, side = _sides(level.sizes, largest)
        own = max(side, *[text_width(line) for line in (_name(level), _note(level))])
        if left and left + own > max(room, LEAST_LINE):
            left, top, tallest = 0, top + tallest + EDGE, 0
        lines += _map(view, level, (left, top, side, height))
        tallest, left = max(tallest, height + 2 * ROW), left + own + EDGE
        width = max(width, left)
    return Drawn(width, top + tallest, lines)


def _left_out(every: Sequence[Level], levels: Sequence[Level]) -> str | None:
    """Return a note if not all maps are drawn; otherwise None."""
    if len(levels) == len(every):
        return None
    return f"{len(levels)} of {len(every):,} maps; --of and --in take fewer layers"


def _sides(sizes: Sequence[int], largest: int) -> tuple[int, int]:
    """Return the height and width of a map, which grow with the roots of its sizes to keep small maps visible."""
    least, most = SIDES
    height, width = (1, 1, *sizes)[-2:]
    longest = max(height, width)
    side = max(least, isqrt(most * most * longest // largest))
    return max(LEAST_SIDE, height * side // longest), max(LEAST_SIDE, width * side // longest)


def _name(level: Level) -> str:
    return f"{level.names[0]} +{len(level.names) - 1}" if len(level.names) > 1 else level.names[0]


def _note(level: Level) -> str:
    """Return a text with a map's sizes, the share of places that is seen, and the slice that is drawn."""
    slices = f", slice {','.join(map(str, _slice(level)))}" if len(level.sizes) > 2 else ""
    return f"{'×'.join(map(str, level.sizes)) or '1'}: {masks.count(level.region):,}{slices}"


def _slice(level: Level) -> tuple[int, ...]:
    """Return the index on the leading axes of the slice to draw: the middle of what is seen."""
    return masks.middle(level.region) or (0,) * (len(level.sizes) - 2)


def _map(view: Sight, level: Level, place: tuple[int, int, int, int]) -> Iterator[str]:
    """Yield the elements of a map: its frame, its padding, the places that are seen, and its name."""
    left, top, width, height = place
    rows, columns = (1, 1, *level.sizes)[-2:]
    box = level.box if level.at == view.source else None
    (y, bottom), (x, right) = ((0, 0), (0, 0), *(box or ()))[-2:]
    above, before = _beside(rows, (y, bottom)), _beside(columns, (x, right))
    yield f'<g transform="translate({left} {top})">'
    yield f"<title>{escape(', '.join(level.names))}: {escape(level_text(view, level))}</title>"
    size = f"{-before} {-above} {columns + 2 * before} {rows + 2 * above}"
    yield f'<svg width="{width}" height="{height}" viewBox="{size}" preserveAspectRatio="none">'
    if above or before:
        yield f'<path class="padding" d="M{-before} {-above}h{columns + 2 * before}v{rows + 2 * above}H{-before}z"/>'
    yield f'<path class="image" d="M0 0h{columns}v{rows}h{-columns}z"/>'
    frame = f"M{x} {y}H{right + 1}V{bottom + 1}H{x}z"
    if box:
        yield f'<path class="boxed" d="{frame}"/>'
    if level.at == view.of:
        yield f'<path class="self" d="{_path(_seen(level, _slice(level), rows))}"/>'
    else:
        for share, own in _shaded(view, level, rows):
            yield f'<path class="shade" fill-opacity="{share}" d="{_path(own)}"/>'
        yield f'<path class="seen" d="{_path(_seen(level, _slice(level), rows))}"/>'
    if 1 < max(rows, columns) <= MOST_LINES:
        lines = [f"M{at} 0v{rows}" for at in range(1, columns)] + [f"M0 {at}h{columns}" for at in range(1, rows)]
        yield f'<path class="lines" d="{"".join(lines)}"/>'
    if box:
        yield f'<path class="box" d="{frame}"/>'
    yield "</svg>"
    yield text(0, height + 15, _name(level), "name")
    yield text(0, height + 31, _note(level), "faint") + "</g>"


def _path(rows: Sequence[int]) -> str:
    """Return the SVG path of places given as a bitmap per row."""
    return "".join([f"M{x} {y}h{across}v{down}h{-across}z" for x, y, across, down in rectangles(rows)])


def _beside(size: int, span: Interval) -> int:
    """Return how much padding is shown on both sides for a box."""
    return min(max(0, -span[0], span[1] + 1 - size), -(-size // BESIDE))


def _shaded(view: Sight, level: Level, rows: int) -> Iterator[tuple[float, list[int]]]:
    """Yield the places that are seen, grouped by how often they are read: an opacity and a bitmap per row."""
    seen, place = masks.hull(level.region), _slice(level)
    if seen is None:
        return
    height, width = ((0, 0), (0, 0), *seen)[-2:]
    terms = weights_of(view, level, place)
    down = _runs(height, [axis for _, axis, _ in terms])
    across = _runs(width, [axis for *_, axis in terms])
    if len(down) * len(across) > MOST_SHADED:
        yield opacity(SHADES - 1), _seen(level, place, rows)
        return
    shares = [number for number, *_ in terms]
    values = [
        [sum(map(prod, zip(shares, own, other, strict=True))) for _, other in across]  # one value per part
        for _, own in down
    ]
    most = max(map(max, values))
    for shade in range(1, SHADES + 1 if most else 1):
        found = [0] * rows
        for ((first, last), _), own_values in zip(down, values, strict=True):
            bits = 0
            for ((left, right), _), value in zip(across, own_values, strict=True):
                if value and -(-value * SHADES // most) == shade:
                    bits |= masks.full(right + 1 - left) << left
            found[first : last + 1] = [bits] * (last + 1 - first)
        if any(found):
            yield opacity(shade), found


def _runs(span: Interval, axes: Sequence[Numbers]) -> list[tuple[Interval, tuple[int, ...]]]:
    """Return the runs of places of an interval along which all `axes` have constant numbers, and those numbers."""
    runs: list[tuple[Interval, tuple[int, ...]]] = []
    for at in range(span[0], span[1] + 1):
        numbers = tuple([axis >> at & 1 if isinstance(axis, int) else axis[at] for axis in axes])
        if runs and runs[-1][1] == numbers:
            runs[-1] = ((runs[-1][0][0], at), numbers)
        else:
            runs.append(((at, at), numbers))
    return runs


def opacity(shade: int) -> float:
    """Return the opacity of a shade, from 1 for what is rarely read to the last."""
    return 0.25 + 0.75 * shade / SHADES


def _seen(level: Level, place: Sequence[int], rows: int) -> list[int]:
    """Return the places of a slice that are seen, as a bitmap per row."""
    whole = [0] * rows
    for one in level.region:
        if all(bits >> at & 1 for bits, at in zip(one, place, strict=False)):
            down, across = (1, 1, *one)[-2:]
            for row in masks.units(down):
                whole[row] |= across
    return whole


def rectangles(rows: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the units of a map as rectangles (left, top, width, height), run by run, with equal rows merged."""
    top = 0
    while top < len(rows):
        down = next((at for at in range(top, len(rows)) if rows[at] != rows[top]), len(rows)) - top
        bits, left = rows[top], 0
        while bits:
            skipped = (bits & -bits).bit_length() - 1
            bits >>= skipped
            across = (~bits & (bits + 1)).bit_length() - 1
            yield left + skipped, top, across, down
            bits, left = bits >> across, left + skipped + across
        top += down
