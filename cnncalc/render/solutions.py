"""What `cnncalc solve` finds as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ..conditions import Numbers, Piece
from ..errors import escaped
from ..layers.sliding import Windowed
from ..notation.encode import document as json_document
from ..sizes import show, to_json
from ..solutions.answers import Answer
from ..solutions.inputs import Fit, WantedInputs
from ..solutions.settings import KEYS, Whole, setting_keys
from ..solutions.stacks import MOST_LAYERS, LayerStack
from . import Formats, Style, writing
from .drawing import draw, of_grid
from .grid import Cell, Column, Grid, full, grid
from .messages import plural

_ROWS = ("table", "json", "csv", "markdown", "tsv", "latex", "html")
INPUTS = Formats("cnncalc.render", {name: f"solutions.inputs_{name}" for name in _ROWS})
"""The renderers of the inputs of a network."""
SETTINGS = Formats("cnncalc.render", {name: f"solutions.settings_{name}" for name in _ROWS})
"""The renderers of an answer about the settings of a layer."""


def _axes(values: Sequence[Any]) -> str:
    """Return one number for all axes, or one per axis, as words have them."""
    texts = [str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def _sides(whole: Whole) -> str:
    if all(one.before == one.after for one in whole):
        return _axes([one.before for one in whole])
    words = {one.word for one in whole}
    if len(words) == 1 and None not in words:
        return str(words.pop())
    return _axes([f"{one.before}+{one.after}" for one in whole])


def word(layer: Windowed, whole: Whole) -> str:
    """Return the layer with a setting as a word: `conv:64,k7,s2,p3`."""
    given = layer.given
    others = [key for key in given if key not in (*KEYS, "p_total", layer.BARE)]
    bare = [_value(given[layer.BARE])] if layer.BARE in given and layer.BARE not in KEYS else []
    p, total = _sides(whole), _total(whole)
    named = [f"k{_axes([one.k for one in whole])}", f"s{_axes([one.s for one in whole])}"]
    named += [p if p.isalpha() else f"pt{total}" if _is_total(whole) else f"p{p}"] if p != "0" else []
    named += [f"d{_axes([one.d for one in whole])}"] if any(one.d > 1 for one in whole) else []
    if any(one.out_pad for one in whole):
        named.append(f"out_pad={_axes([one.out_pad for one in whole])}")
    return f"{layer.op}:{','.join([*bare, *named, *[f'{key}={_value(given[key])}' for key in others]])}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _is_total(whole: Whole) -> bool:
    """Return whether the padding is what p_total gives, and not the same on both sides."""
    sides = [one.after - one.before for one in whole]
    return any(sides) and all(side in (0, 1) for side in sides)


def _total(whole: Whole) -> Cell:
    return "" if all(one.before == one.after for one in whole) else _axes([one.before + one.after for one in whole])


def _columns(answer: Answer) -> dict[str, Column[Whole]]:
    columns: dict[str, Column[Whole]] = {
        "k": Column("k", lambda whole: _axes([one.k for one in whole])),
        "s": Column("s", lambda whole: _axes([one.s for one in whole])),
        "p": Column("p", _sides),
        "p_total": Column("pt", _total),
        "d": Column("d", lambda whole: _axes([one.d for one in whole])),
        "out_pad": Column("out_pad", lambda whole: _axes([one.out_pad or 0 for one in whole])),
        "word": Column("layer", lambda whole: word(answer.question.layer, whole), right=False, style="cyan"),
    }
    if "out_pad" not in answer.question.layer.KEYS:
        del columns["out_pad"]
    return columns


def _settings_grid(answer: Answer) -> Grid:
    columns, settings = _columns(answer), list(answer.settings)
    if all(_total(whole) == "" for whole in settings):
        del columns["p_total"]
    return grid(columns, list(columns), settings)


def _from_to(answer: Answer) -> str:
    question = answer.question
    return f"{_axes(question.space)} to {_axes(question.out)}"


_ANY = {"p": "p below the kernel's extent", "out_pad": "any out_pad"}
"""How a range is called that is not given."""


def ranges_text(answer: Answer) -> str:
    """Return the ranges of what the layer leaves open: `k 1..11, s 1..4`."""
    ranges = answer.question.ranges._asdict()
    texts = [
        _ANY[key] if ranges[key] is None else f"{key} {'..'.join(map(str, sorted({ranges[key][0], ranges[key][-1]})))}"
        for key in answer.question.opened
    ]
    return ", ".join(texts) or "nothing is left open"


def none_text(answer: Answer) -> Iterator[str]:
    """Yield the lines that say how close the layer gets, and what would have to change."""
    layer = answer.question.layer
    yield f"no setting of {layer.op} leads from {_from_to(answer)} ({ranges_text(answer)})"
    for near in answer.nearest:
        yield f"near: {_axes(near.out)} with {word(layer, near.setting)}"
    for change in answer.changes:
        what = "rounding up" if change.key == "ceil" else f"another {change.key}"
        yield f"with {what}: {word(change.layer, change.setting)}"


def count_text(answer: Answer) -> str:
    """Return how many settings there are, and how many of them are listed."""
    found = ("" if answer.found.complete else "at least ") + plural(answer.number, "setting")
    listed = "" if answer.number <= answer.most else f", the first {answer.most:,} of them listed"
    verb = "leads" if answer.number == 1 else "lead"
    return f"{found} {verb} from {_from_to(answer)}{listed} ({ranges_text(answer)})"


def settings_table(answer: Answer, style: Style) -> Iterator[str]:
    """Yield the table of settings, or why there is none."""
    if not answer.number:
        yield from [line + "\n" for line in none_text(answer)]
        return
    yield draw([of_grid(_settings_grid(answer), full)], style)
    yield count_text(answer) + "\n"


def settings_json(answer: Answer, style: Style) -> Iterator[str]:
    """Yield one JSON document, a setting a line."""
    keys: dict[str, Any] = {
        "solutions": (setting_keys(whole) for whole in answer.settings),
        "complete": answer.complete,
        "count": answer.number if answer.found.complete else None,
    }
    if not answer.number:
        keys["nearest"] = [{"out": near.out, **setting_keys(near.setting)} for near in answer.nearest]
        keys["changes"] = [
            {"key": change.key, **setting_keys(change.setting), **({"ceil": True} if change.key == "ceil" else {})}
            for change in answer.changes
        ]
    return json_document(keys.items())


settings_csv, settings_tsv, settings_markdown, settings_latex, settings_html = writing.forms(
    _settings_grid, lambda _: "cnncalc solve"
)


# Inputs


class InputAnswer(NamedTuple):
    """The inputs of a network, and how an image is padded to be one; None if that is not asked, or impossible."""

    inputs: WantedInputs
    fit: list[Fit] | None = None
    image: Sequence[int] | None = None
    least: bool = False
    """Whether the smallest input alone is asked for."""

    @property
    def found(self) -> bool:
        """Whether there is what is asked for."""
        return bool(self.inputs.ways) and (self.image is None or self.fit is not None)


class InputRow(NamedTuple):
    """The sizes of one axis in one of the sets of inputs."""

    number: int
    axis: str
    numbers: Numbers


MOST_WAYS = 8
"""How many sets of inputs a table shows."""
_INPUT_COLUMNS: dict[str, Column[InputRow]] = {
    "set": Column("set", lambda row: row.number),
    "axis": Column("axis", lambda row: row.axis, right=False),
    "sizes": Column("sizes", lambda row: row.numbers.text(row.axis), right=False),
    "least": Column("least", lambda row: row.numbers.least),
}


def _inputs_grid(answer: InputAnswer, most: int | None = None) -> Grid:
    ways = answer.inputs.ways[:most]
    rows = [InputRow(at, axis, own) for at, way in enumerate(ways, 1) for axis, own in way.items()]
    names = list(_INPUT_COLUMNS)[0 if len(answer.inputs.ways) > 1 else 1 :]
    return grid(_INPUT_COLUMNS, names, rows)


def _pad_word(fit: Sequence[Fit]) -> str:
    return "pad:" + "x".join([f"{one.pad[0]}+{one.pad[1]}" for one in fit])


def _input_lines(answer: InputAnswer) -> Iterator[str]:
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


def no_inputs_text(answer: InputAnswer) -> Iterator[str]:
    """Yield the lines that say that there is no input, and which outputs there are instead."""
    wish = answer.inputs.wish
    yield "no input" + (f" gives the output {show(wish.out)}" if wish.out is not None else " is as wanted")
    for near in answer.inputs.nearest:
        yield f"near: {show(near)}"


def inputs_table(answer: InputAnswer, style: Style) -> Iterator[str]:
    """Yield the table of sizes, an axis a row, or why there is none."""
    if not answer.inputs.ways:
        yield from [line + "\n" for line in no_inputs_text(answer)]
        return
    least = answer.inputs.least()
    if answer.least and least is not None:
        yield show(least) + "\n"
        return
    yield draw([of_grid(_inputs_grid(answer, MOST_WAYS), full)], style)
    more = len(answer.inputs.ways) - MOST_WAYS
    if more > 0:
        yield f"and {plural(more, 'set')} more\n"
    yield from [line + "\n" for line in _input_lines(answer)]


def _pieces(way: Mapping[str, Numbers]) -> list[dict[str, Any]]:
    return [piece for axis, own in way.items() for piece in own.to_list(axis)]


def inputs_json(answer: InputAnswer, style: Style) -> Iterator[str]:
    """Yield one JSON document: the sizes of each axis, any of one with any of another."""
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
    """One rule for the sizes of an axis, in one of the sets of inputs."""

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
    """Return a row for each rule, as JSON has them."""
    rows = [
        PieceRow(at, axis, piece)
        for at, way in enumerate(answer.inputs.ways, 1)
        for axis, own in way.items()
        for piece in own.pieces()
    ]
    return grid(_PIECE_COLUMNS, list(_PIECE_COLUMNS), rows)


inputs_csv, inputs_tsv, inputs_markdown, inputs_latex, inputs_html = writing.forms(
    _inputs_grid, lambda _: "cnncalc solve", exact=_pieces_grid
)


# Stacks


def stack_words(stack: LayerStack) -> str:
    """Return a stack as words, a run of equal ones once: `64xHxW maxpool:2,times=4 conv:64,k3`."""
    words = [show(stack.report.sample)]
    for word, run in groupby(stack.words):
        number = len(list(run))
        words += [word] * number if number == 1 or "times=" in word or "(" in word else [_repeated(word, number)]
    return " ".join(words)


def no_stack(words: Sequence[str], field: str, as_json: bool) -> Iterator[str]:
    """Yield that no stack of these words sees so many pixels."""
    if as_json:
        yield from json_document({"solutions": [], "complete": True}.items())
        return
    yield f"no stack of {escaped(', '.join(words))} sees {field} pixels, of at most {MOST_LAYERS:,} words\n"


def _repeated(word: str, number: int) -> str:
    return f"{word}{',' if ':' in word else ':'}times={number}"
