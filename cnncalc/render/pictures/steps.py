"""The steps of a window as text: the input with its padding, the kernel, the output so far, and the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite, prod
from typing import NamedTuple

from ...errors import SpecError, printable, width_of
from ...layers.base import StepKind
from ...limits import MOST_STEPPED, check_limit
from ...report import LayerReport
from ...sizes import show
from ...steps import Filled, Number, Place, Term, Window
from .. import Style
from ..columns import op_text
from ..texts import broken, paint, wrapped

ALL_STEPS, FIRST_STEPS = 16, 4
"""The number of steps up to which all are drawn, and otherwise how many of the first."""
MOST_PLANES = 4
"""The most input channels that are drawn; the others appear in the arithmetic as sums."""
MOST_CELLS = 16
"""The most cells of a row or column that are all drawn; of more, only those around the window are."""
AROUND = 2
"""The cells on each side of the window that are then drawn."""
MOST_TERMS = 64
"""The most products of a channel that are written out."""
GAP = "   "
"""The text between maps side by side."""
MOST_PRODUCTS = 5_000
"""The most products of an output that is computed before its step is drawn."""


class GridCell(NamedTuple):
    """A cell of a drawn map."""

    text: str
    style: str = ""
    is_marked: bool = False
    """Whether it belongs to the step, and so is drawn in brackets."""


Block = list[list[GridCell]]
"""A drawn map: rows of cells."""


def number_text(number: Number) -> str:
    """Return a number for people: integers without a decimal point, others with four digits."""
    if isinstance(number, float) and isfinite(number) and number.is_integer() and abs(number) < 1e15:
        number = int(number)
    return str(number) if isinstance(number, int) else f"{number:.4g}"


def render(layer: LayerReport, filled: Filled, step: int | None, channel: int, style: Style) -> Iterator[str]:
    """Yield the pictures of a window's steps for one output channel: one step, counted from 1, or all.

    Raise SpecError for a step or channel that does not exist.
    """
    window, asked = filled.window, numbers(filled, step, channel)
    title = f"{printable(layer.name)}: {op_text(layer)}, input {show(layer.sample)}, output {show(layer.traced.out)}"
    yield from (paint(line, "bold", style.color) + "\n" for line in wrapped(title, style))
    yield from (f"{line}\n" for own in legend(filled, style) for line in wrapped(own, style))
    sketch = Sketch(filled, channel, style)
    for number in asked:
        yield "\n"
        yield from sketch.step(number)
    if step is None and len(asked) < window.total:
        yield f"\n{len(asked)} of {window.total:,} steps; --step N draws another one\n"


def check_asked(filled: Filled, step: int | None, channel: int) -> None:
    """Raise SpecError for a step (counted from 1) or a channel that does not exist."""
    for what, number, last in (("step", step, filled.window.total), ("channel", channel, filled.window.c_o - 1)):
        if number is not None and number > last:
            raise SpecError(f"--{what} {number}: the last {what} is {last}", f"give a {what} up to {last}")


def numbers(filled: Filled, step: int | None, channel: int) -> Sequence[int]:
    """Return the steps to draw, counted from 0: the given one (counted from 1), all, or the first ones.

    Raise SpecError for a step or channel that does not exist, and for a step that takes too long.
    """
    check_asked(filled, step, channel)
    window, each = filled.window, work(filled.window)
    help = "--to dot, without --step, --channel, -x, -w and -b, draws only the layer"
    check_limit(MOST_STEPPED, each, "a step of the window has {made:,} cells and products, more than {most:,}", help)
    if step is not None:
        return [step - 1]
    return range(min(window.total if window.total <= ALL_STEPS else FIRST_STEPS, MOST_STEPPED // each))


def work(window: Window) -> int:
    """Return the number of cells and products of a step."""
    leads = prod([axis.taps for axis in window.axes[:-2]])
    cells = prod([axis.extent for axis in window.axes[-2:]])
    return min(MOST_PLANES, window.c_i // window.groups) * leads * cells + window.products


def legend(filled: Filled, style: Style) -> Iterator[str]:
    """Yield the meaning of the signs, and of values that were made up."""
    window, dot = filled.window, "." if style.ascii else "·"
    if filled.made_up:
        options = {"input": "-x", "kernel": "-w"}
        verb = "count" if len(filled.made_up) > 1 else "counts"
        given = " and ".join([options[what] for what in filled.made_up])
        yield f"{' and '.join(filled.made_up)} {verb} up from 0; {given} {verb.replace('count', 'give')} other values"
    signs = []
    is_padded = any(axis.pb or axis.pa for axis in window.axes)
    if is_padded or (not window.spreads and any(axis.overhang for axis in window.axes)):
        signs.append(f"{dot} is {_beyond(window, is_padded)}")
    if not window.spreads and window.total > 1:
        signs.append("? is not computed yet")
    if signs:
        yield ", ".join(signs)


def _beyond(window: Window, is_padded: bool) -> str:
    """Return what the cells outside a map are."""
    if window.spreads:
        return "cut away"
    if not any(axis.overhang for axis in window.axes):
        return "padding"
    return "padding, or beyond it" if is_padded else "beyond the input"


class Sketch:
    """The common state of the pictures of one window."""

    def __init__(self, filled: Filled, channel: int, style: Style):
        self.filled, self.window, self.channel, self.style = filled, filled.window, channel, style
        self.inputs = self.window.inputs(channel)
        self.made: dict[Place, Number] = {}
        """The computed outputs of a sliding window."""
        self.products = len(self.inputs) * len(self.window.cells(self.window.place(0)))
        """The number of products per output."""

    def step(self, number: int) -> Iterator[str]:
        """Yield the picture of one step."""
        place = self.window.place(number)
        yield paint(self.title(number), "bold", self.style.color) + "\n"
        yield from self._maps(place)
        for line in self.arithmetic(place):
            width = self.style.width
            yield from (f"  {part}\n" for part in ([line] if width is None else broken(line, width - 2)))

    def title(self, number: int) -> str:
        """Return `step 2 of 9: output [0, 1]`."""
        window, place = self.window, self.window.place(number)
        what = "input" if window.spreads else "output"
        of = f", output channel {self.channel}" if window.c_o > 1 else ""
        return f"step {number + 1:,} of {window.total:,}: {what} {_listed(place)}{of}"

    def arithmetic(self, step: Place) -> Iterator[str]:
        """Yield the arithmetic of a step."""
        return self._spread_lines(step) if self.window.spreads else self._sum_lines(step)

    def _made(self, place: Place, step: Place) -> Number | None:
        """Return the value of an output after a step; None if it has not been made yet or costs too much."""
        if self.window.spreads:
            return self.filled.written(self.channel, place, step)
        if place > step or (place != step and self.products > MOST_PRODUCTS):
            return None
        if place not in self.made:
            self.made[place] = self.filled.output(self.channel, place)
        return self.made[place]

    # The maps

    def _maps(self, step: Place) -> Iterator[str]:
        """Yield the lines of input, kernel and output."""
        rows, is_wide = self._fitted(step)
        for some in [rows] if is_wide else [[[one]] for row in rows for one in row]:
            widths = _widths(some)
            for row in some:
                yield from (f"  {line}".rstrip() + "\n" for line in _beside(row, widths, self.style))
        if len(self.inputs) > MOST_PLANES:
            yield f"  ({len(self.inputs) - MOST_PLANES:,} more input channels)\n"

    def _fitted(self, step: Place) -> tuple[list[list[tuple[str, Block]]], bool]:
        """Return the rows of maps that fit the width, and whether the maps of a row stand side by side.

        Whole maps are placed below each other rather than losing cells; large maps are drawn with fewer cells.
        """
        room = None if self.style.width is None else self.style.width - 2
        whole = self.rows(step, MOST_CELLS)
        if room is None or _width(whole) <= room:
            return whole, True
        largest = max([max(axis.n + axis.pb + axis.pa, axis.out) for axis in self.window.axes])
        if largest > MOST_CELLS:
            for most in (12, 8):
                rows = self.rows(step, most)
                if _width(rows) <= room:
                    return rows, True
        for most in (MOST_CELLS, 12, 8, 6, 4):
            rows = self.rows(step, most)
            if max(_width([[one]]) for row in rows for one in row) <= room:
                break
        return rows, False

    def rows(self, step: Place, most: int) -> list[list[tuple[str, Block]]]:
        """Return rows of maps, each with the sign or title before it."""
        window, cells = self.window, self.window.cells(step)
        leads = list(dict.fromkeys([(tap[:-2], place[:-2]) for tap, place in cells]))
        taps = [tap for tap, _ in cells]
        moved_over = {place for _, place in cells}
        own, writes = ({step}, moved_over) if window.spreads else (moved_over, {step})
        limits = [(axis.pb, axis.pa) for axis in window.axes]
        within, outside = ([(0, 0)] * len(limits), limits) if window.spreads else (limits, [(0, 0)] * len(limits))
        rows = []
        for at, c in enumerate(self.inputs[:MOST_PLANES]):
            for number, (tap, place) in enumerate(leads):
                row = []
                if not window.spreads or not number:
                    lead = step[:-2] if window.spreads else place
                    seen = _shown(own, [axis.n for axis in window.axes], within, most)
                    name = f"input {_label(c, lead, len(self.inputs) > 1)}".rstrip()
                    row.append((name, self._map(lead, seen, partial(self._input_cell, c, own))))
                if window.kind in (StepKind.SUM, StepKind.SPREAD):
                    seen = _shown(taps, [axis.k or 1 for axis in window.axes], [(0, 0)] * len(limits), 99)
                    row.append(("* kernel", self._map(tap, seen, partial(self._kernel_cell, at))))
                if not at and (window.spreads or not number):
                    lead = place if window.spreads else step[:-2]
                    seen = _shown(writes, [axis.out for axis in window.axes], outside, most)
                    name = f"= output {_label(0, lead, False)}".rstrip()
                    row.append((name, self._map(lead, seen, partial(self._output_cell, writes, step))))
                rows.append(row)
        return rows

    def _map(self, lead: Place, shown: Sequence[Sequence[int | None]], cell: Callable[[Place], GridCell]) -> Block:
        """Return the cells of the last two axes, or of the only axis; None among the places is a gap."""
        gap = GridCell("~" if self.style.ascii else "…", "dim")
        rows: list[list[int] | None] = [[]] if len(shown) == 1 else [None if at is None else [at] for at in shown[-2]]
        return [
            [gap if row is None or column is None else cell((*lead, *row, column)) for column in shown[-1]]
            for row in rows
        ]

    def _input_cell(self, channel: int, own: Collection[Place], place: Place) -> GridCell:
        is_own = place in own
        if not self.window.spreads and not self.window.is_inside(place):
            return GridCell("." if self.style.ascii else "·", "dim", is_own)
        return GridCell(number_text(self.filled.x(channel, place)), "cyan" if is_own else "", is_own)

    def _kernel_cell(self, at: int, tap: Place) -> GridCell:
        return GridCell(number_text(self.filled.kernel(self.channel, at, tap)))

    def _output_cell(self, own: Collection[Place], step: Place, place: Place) -> GridCell:
        is_own = place in own
        if self.window.spreads and not self.window.is_inside(place):
            return GridCell("." if self.style.ascii else "·", "dim", is_own)
        made = self._made(place, step)
        if made is None:
            return GridCell("?", "dim", is_own)
        return GridCell(number_text(made), "green" if is_own else "", is_own)

    # The arithmetic

    def _sum_lines(self, step: Place) -> Iterator[str]:
        """Yield the arithmetic of one output: a line for each input channel, and their sum."""
        made = self._made(step, step)
        assert made is not None
        result, bias = number_text(made), self.filled.bias(self.channel)
        parts = self.filled.terms(self.channel, step)
        if self.window.kind is not StepKind.SUM:
            seen = [number_text(term.x) for _, terms in parts for term in terms if term.x is not None]
            if self.window.kind is StepKind.MAX:
                yield f"max({', '.join(_few(seen))}) = {result}"
            else:
                total = f"({' + '.join(_few(seen))})" if len(seen) > 1 else seen[0]
                yield f"{total}/{self.window.divisor(step)} = {result}"
            return
        added = f" + {_factor(bias)} (bias)" if bias else ""
        if len(parts) == 1:
            yield f"{_products(parts[0][1])}{added} = {result}"
            return
        for c, terms in parts[:MOST_PLANES]:
            yield f"channel {c}: {_products(terms)} = {number_text(_sum(terms))}"
        sums = [_factor(_sum(terms)) for _, terms in parts]
        yield f"{' + '.join(_few(sums))}{added} = {result}"

    def _spread_lines(self, step: Place) -> Iterator[str]:
        """Yield the arithmetic of one spread input: the new value of each output it is added to."""
        for place, parts in self.filled.spread(self.channel, step).items():
            terms = [term for _, term in parts]
            if not self.window.is_inside(place):
                yield f"output {_listed(place)} is cut away: {_products(terms)}"
                continue
            after = self.filled.written(self.channel, place, step)
            before = after - _sum(terms)
            yield f"output {_listed(place)}: {_factor(before)} + {_products(terms)} = {number_text(after)}"


def _shown(
    own: Collection[Place], sizes: Sequence[int], beside: Sequence[tuple[int, int]], most: int
) -> list[list[int | None]]:
    """Return the places of each axis to draw, including those outside the map; None stands for a gap."""
    found: list[list[int | None]] = []
    for at, (size, (before, after)) in enumerate(zip(sizes, beside, strict=True)):
        low, high = min(place[at] for place in own), max(place[at] for place in own)
        first, last = min(-before, low), max(size + after - 1, high)
        begin, end = first, last
        if last - first + 1 > most:
            begin = max(first, min(low - AROUND, last - most + 1))
            end = min(last, max(high + AROUND, begin + most - 1))
        places: list[int | None] = [*range(begin, end + 1)]
        found.append([*([None] if begin > first else []), *places, *([None] if end < last else [])])
    return found


def _beside(maps: Sequence[tuple[str, Block]], widths: Mapping[str, int], style: Style) -> list[str]:
    """Return the lines of maps side by side in columns of these widths, and an empty line."""
    height, named = 2 + max([len(block) for _, block in maps]), {title[0]: (title, block) for title, block in maps}
    columns = []
    for sign, width in widths.items():
        own = [" " * width] * height
        if sign in named:
            title, block = named[sign]
            wide = _wide(block)
            rows = [_row(row, wide, width, style) for row in block]
            own[: 1 + len(rows)] = [paint(title, "dim", style.color) + " " * (width - width_of(title)), *rows]
        columns.append(own)
    return [GAP.join(line) for line in zip(*columns, strict=True)]


def _widths(rows: Sequence[Sequence[tuple[str, Block]]]) -> dict[str, int]:
    """Return the widths of the columns of maps, by the sign at the beginning of a column's titles."""
    widths: dict[str, int] = {}
    for title, block in [one for row in rows for one in row]:
        width = max(width_of(title), (_wide(block) + 2) * len(block[0]))
        widths[title[0]] = max(widths.get(title[0], 0), width)
    return widths


def _width(rows: Sequence[Sequence[tuple[str, Block]]]) -> int:
    """Return the width of rows of maps."""
    widths = _widths(rows)
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _wide(block: Block) -> int:
    """Return the width of the widest text in a map."""
    return max(width_of(cell.text) for row in block for cell in row)


def _row(row: Sequence[GridCell], wide: int, width: int, style: Style) -> str:
    """Return a row of cells of equal width, marked ones in brackets."""
    text = ""
    for cell in row:
        padded = " " * (wide - width_of(cell.text)) + cell.text
        inside = f"[{padded}]" if cell.is_marked else f" {padded} "
        text += paint(inside, cell.style, style.color) if cell.style else inside
    return text + " " * (width - (wide + 2) * len(row))


def _label(channel: int, lead: Place, has_channel: bool) -> str:
    """Return the part of a map's title about its channel and its index on leading axes."""
    return " ".join([*([f"channel {channel}"] if has_channel else []), *(f"depth {at}" for at in lead)])


def _listed(place: Place) -> str:
    return f"[{', '.join(map(str, place))}]"


def _factor(number: Number) -> str:
    """Return a number for a formula, in parentheses if negative."""
    text = number_text(number)
    return f"({text})" if text.startswith("-") else text


def _products(terms: Sequence[Term]) -> str:
    """Return `0*0 + 1*1 + 3*2 + 4*3`."""
    return " + ".join(_few([f"{_factor(term.x or 0)}*{_factor(term.weight)}" for term in terms]))


def _sum(terms: Sequence[Term]) -> Number:
    return sum([(term.x or 0) * term.weight for term in terms])


def _few(texts: Sequence[str]) -> list[str]:
    """Return texts; of very many, only the first and the last."""
    if len(texts) <= MOST_TERMS:
        return list(texts)
    half = MOST_TERMS // 2
    return [*texts[:half], f"({len(texts) - 2 * half:,} more)", *texts[-half:]]
