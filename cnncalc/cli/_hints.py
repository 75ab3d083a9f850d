"""Hints on standard error: notes on layer words, how many others there are on a terminal, all of them with --hints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence

import click

from ..render.messages import hint_text, paint, plural
from ..report import Hint, LayerReport
from ..sources import is_stdin
from ._terminal import note, settings

hints_option = click.option(
    "--hints", "lists_hints", is_flag=True, help="List what is perhaps not meant, and what helps."
)
LONGEST_LINE = 1000
"""The longest command line that is shown to be given again."""


def note_words(runs: Iterable[Sequence[LayerReport]], name: str = "") -> list[Hint]:
    """Note what is perhaps not meant of layer words, under each of several dialects; return those hints."""
    typed = [layers for layers in runs if layers and (source := layers[0].network.source) and source.is_typed]
    if not typed:
        return []
    from ..hints.typed import notes

    told = dict(said for layers in typed for said in notes(layers))
    for text in told.values():
        note(f"{name}: {text}" if name else text)
    return [*told]


def hints_of(runs: Sequence[tuple[str, Sequence[LayerReport]]], told: Sequence[Hint] = ()) -> list[Hint]:
    """Return the hints on a network under several dialects, by their names; `told` are left out.

    Where not all dialects have one, its text says which do. A built-in network has none.
    """
    from ..contrasts import named_list
    from ..hints.table import hints

    names: dict[Hint, list[str]] = {}
    for name, layers in runs:
        for hint in () if is_built_in(layers) else hints(layers, told):
            names.setdefault(hint, []).append(name)
    every = len(runs)
    return [
        hint if len(own) == every else hint._replace(text=f"{hint.text}, in {named_list(own)}")
        for hint, own in names.items()
    ]


def is_built_in(layers: Sequence[LayerReport]) -> bool:
    """Return whether layers are those of a network that comes with cnncalc."""
    source = layers[0].network.source if layers else None
    return source is not None and source.built_in


def counts_hints() -> bool:
    """Return whether the number of hints is told without being asked: to somebody at a terminal, unless -q is given."""
    return not settings().quiet and sys.stderr is not None and sys.stderr.isatty()


def tell(hints: Sequence[tuple[str, Hint]], asked: bool, told: bool = False) -> None:
    """Print hints, each behind the name of its network if that is not empty; or how many there are, if nobody asked.

    `told` says whether notes stand above them.
    """
    if settings().quiet or sys.stderr is None:
        return
    color = settings().has_color(sys.stderr)
    if asked:
        lines = [hint_text(hint, name, color) for name, hint in hints] or ["no other hints" if told else "no hints"]
    else:
        count = paint(f"{plural(len(hints), 'hint')}:", "cyan", color)
        lines = [f"{count} {_again()}"] if hints else []
    for line in lines:
        print(line, file=sys.stderr)


def _again() -> str:
    """Return the command line that lists the hints, ready to be pasted."""
    words = settings().words
    end = words.index("--") if "--" in words else len(words)
    line = f"cnncalc {shlex.join([*words[:end], '--hints', *words[end:]])}"
    if any(map(is_stdin, words)) or len(line) > LONGEST_LINE or "\n" in line:
        return "the same with --hints lists them"
    return line
