"""Hints on standard error: notes on layer words, how many others there are on a terminal, all of them with --hints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..errors import printable
from ..render.messages import hint_text, paint, plural
from ..report import Hint, LayerReport
from ..sources.words import is_stdin
from ._terminal import note, settings, style_of

if TYPE_CHECKING:
    from ..hints import Advice

hints_option = click.option(
    "--hints", "lists_hints", is_flag=True, help="List what is perhaps not meant, and what helps."
)
MOST_TOLD = 100
"""How many hints are listed; as JSON all of them are."""
LONGEST_LINE = 1000
"""The longest command line that is shown to be given again."""


Runs = Sequence[tuple[str, Sequence[LayerReport]]]
"""The layers of a network under one dialect or several, each by its name."""


def remark(
    networks: Sequence[tuple[str, Runs]], asked: bool, is_data: bool = False, said: Advice | None = None
) -> None:
    """Note, count or list what is perhaps not meant in networks, each with its name if there are several.

    Of results that are data for a program (`is_data`) only what is noted of layer words is said. What was `said` before
    is not repeated.
    """
    tells = not is_data and (asked or counts_hints())
    found: list[tuple[str, Hint]] = []
    noted: list[Hint] = []
    for name, runs in networks:
        told = note_words(runs, name)
        noted += told
        hints = hints_of(runs, told) if tells else []
        found += [(name, hint) for hint in hints if (hint.text, hint.help) != said]
    if asked and networks and all(is_built_in(layers) for _, runs in networks for _, layers in runs):
        note("built-in networks have no hints; for those on a copy: cnncalc zoo NAME | cnncalc shape - --hints")
    elif tells:
        _tell(found, asked, bool(noted or said))


def note_words(runs: Runs, name: str = "") -> list[Hint]:
    """Note what is perhaps not meant of layer words, under each of several dialects; return those hints."""
    typed = [layers for _, layers in runs if layers and (source := layers[0].network.source) and source.is_typed]
    if not typed:
        return []
    from ..hints.typed import notes

    told = dict(said for layers in typed for said in notes(layers))
    for text in told.values():
        note(f"{name}: {text}" if name else text)
    return [*told]


def hints_of(runs: Runs, told: Sequence[Hint] = ()) -> list[Hint]:
    """Return the hints on a network but those `told`; where not all dialects have one, its text says which do.

    A built-in network has none.
    """
    from ..contrasts import named_list
    from ..hints.table import hints

    names: dict[Hint, list[str]] = {}
    for name, layers in runs:
        for hint in () if is_built_in(layers) else hints(layers, told):
            names.setdefault(hint, []).append(name)
    return [
        hint if len(own) == len(runs) else hint._replace(text=f"{hint.text}, in {named_list(own)}")
        for hint, own in names.items()
    ]


def is_built_in(layers: Sequence[LayerReport]) -> bool:
    """Return whether layers are those of a network that comes with cnncalc."""
    source = layers[0].network.source if layers else None
    return source is not None and source.built_in


def counts_hints() -> bool:
    """Return whether the number of hints is told without being asked: to somebody at a terminal, unless -q is given."""
    return not settings().quiet and sys.stderr is not None and sys.stderr.isatty()


def _tell(hints: Sequence[tuple[str, Hint]], asked: bool, noted: bool) -> None:
    """Print hints, each behind the name of its network; or how many there are, if nobody asked.

    `noted` says whether notes stand above them.
    """
    if settings().quiet or sys.stderr is None:
        return
    style = style_of(sys.stderr)
    if asked:
        lines = [hint_text(hint, name, style) for name, hint in hints[:MOST_TOLD]]
        lines += [f"{plural(len(hints) - MOST_TOLD, 'more hint')}: --json lists all"] if len(hints) > MOST_TOLD else []
        lines = lines or ["no other hints" if noted else "no hints"]
    else:
        count = paint(f"{plural(len(hints), 'hint')}:", "cyan", style.color)
        lines = [f"{count} {_again()}"] if hints else []
    for line in lines:
        print(line, file=sys.stderr)


def _again() -> str:
    """Return the command line that lists the hints, ready to be pasted."""
    import shlex

    words = settings().words
    end = words.index("--") if "--" in words else len(words)
    line = f"cnncalc {shlex.join([*words[:end], '--hints', *words[end:]])}"
    if any(map(is_stdin, words)) or len(line) > LONGEST_LINE or line != printable(line):
        return "the same with --hints lists them"
    return line
