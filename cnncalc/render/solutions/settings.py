"""The settings of a layer as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...layers.sliding import Windowed
from ...notation.encode import document as json_document
from ...solutions.answers import Answer
from ...solutions.settings import KEYS, Whole, setting_keys
from .. import Style, writing
from ..drawing import draw, of_grid
from ..grid import Cell, Column, Grid, full, grid
from ..texts import plural


def _axes(values: Sequence[Any]) -> str:
    """Return one number for all axes, or one per axis, in the form of layer words."""
    texts = [str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def _sides(whole: Whole) -> str:
    if all(one.before == one.after for one in whole):
        return _axes([one.before for one in whole])
    return _padding_word(whole) or _axes([f"{one.before}+{one.after}" for one in whole])


def _padding_word(whole: Whole) -> str | None:
    """Return the padding word that stands for both sides of all axes; None if there is none."""
    words = {one.word for one in whole}
    return words.pop() if len(words) == 1 else None


def word(layer: Windowed, whole: Whole) -> str:
    """Return the layer with a setting as a layer word: `conv:64,k7,s2,p3`."""
    given = layer.given
    others = [key for key in given if key not in (*KEYS, "p_total", layer.BARE)]
    bare = [_value(given[layer.BARE])] if layer.BARE in given and layer.BARE not in KEYS else []
    p, total = _sides(whole), _total(whole)
    p = p if p == "0" else _padding_word(whole) or p
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
    """Return whether the padding is a total, with sides that may differ."""
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


def _grid(answer: Answer) -> Grid:
    columns, settings = _columns(answer), list(answer.settings)
    if all(_total(whole) == "" for whole in settings):
        del columns["p_total"]
    return grid(columns, list(columns), settings)


def _from_to(answer: Answer) -> str:
    question = answer.question
    return f"{_axes(question.space)} to {_axes(question.out)}"


_ANY = {"p": "p below the kernel's extent", "out_pad": "any out_pad"}
"""The text for a range that is not given."""


def ranges_text(answer: Answer) -> str:
    """Return the ranges of the open keys: `k 1..11, s 1..4`."""
    ranges = answer.question.ranges._asdict()
    texts = [
        _ANY[key] if ranges[key] is None else f"{key} {'..'.join(map(str, sorted({ranges[key][0], ranges[key][-1]})))}"
        for key in answer.question.opened
    ]
    return ", ".join(texts) or "nothing is left open"


def none_text(answer: Answer) -> Iterator[str]:
    """Yield the lines that say which outputs are nearest, and what would have to change."""
    layer = answer.question.layer
    yield f"no setting of {layer.op} leads from {_from_to(answer)} ({ranges_text(answer)})"
    for near in answer.nearest:
        yield f"near: {_axes(near.out)} with {word(layer, near.setting)}"
    for change in answer.changes:
        what = "rounding up" if change.key == "ceil" else f"another {change.key}"
        yield f"with {what}: {word(change.layer, change.setting)}"


def count_text(answer: Answer) -> str:
    """Return a text with the number of settings, and how many are listed."""
    found = ("" if answer.found.complete else "at least ") + plural(answer.number, "setting")
    listed = "" if answer.number <= answer.most else f", of which the first {answer.most:,} are listed"
    verb = "leads" if answer.number == 1 else "lead"
    return f"{found} {verb} from {_from_to(answer)}{listed} ({ranges_text(answer)})"


def table(answer: Answer, style: Style) -> Iterator[str]:
    """Yield the table of settings, or why there is none."""
    if not answer.number:
        yield from [line + "\n" for line in none_text(answer)]
        return
    yield from draw([of_grid(_grid(answer), full)], style)
    yield count_text(answer) + "\n"


def as_json(answer: Answer, style: Style) -> Iterator[str]:
    """Yield one JSON document, one setting per line."""
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


csv, tsv, markdown, latex, html = writing.forms(_grid, lambda _: "cnncalc solve")
