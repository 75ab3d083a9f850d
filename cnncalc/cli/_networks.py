"""A network that one word of the shell means, for commands that take several."""

from __future__ import annotations

import os

import click

from .. import sources
from ..diffs.revision import at_revision
from ..errors import CnncalcError, SpecError, shown
from ..network import Network
from ..notation.words import is_layer_word
from ..report import Report
from ..sizes import Shape, looks_like_shape
from ._options import NetworkOptions


def quotes() -> str:
    """Return how the command that runs takes layer words."""
    return f"cnncalc {click.get_current_context().info_name} '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'"


def report_of(word: str, options: NetworkOptions) -> Report:
    """Return the report of the network that a word means. An error that has no place says whose it is."""
    network, front = _network(word)
    options = options if front is None else options.with_first(front, f"{shown(word)} has its input in front")
    try:
        options.note_report(network, word)
        network, options = options.taken(network)
        return options.report(network)
    except CnncalcError as error:
        if error.where is None:
            error.what = f"{shown(word)}: {error.what}"
        raise


def _network(word: str) -> tuple[Network, Shape | None]:
    """Return the network that a word means, and the shape in front of it."""
    if not word.strip():
        raise SpecError(f"{shown(word)} is not a network", f"layer words go in quotes: {quotes()}")
    if _is_revision(word):
        file, wanted = sources.split_code(word)
        return sources.read_bytes(at_revision(file), file, wanted), None
    spec = sources.spec_words([word])
    return sources.load_words(spec), spec.input


def _is_revision(word: str) -> bool:
    """Return whether an argument is REVISION:PATH: neither a file nor layer words."""
    words = word.split()
    if ":" not in word or word.startswith("-") or sources.is_file(word) or looks_like_shape(words[0]):
        return False
    if os.path.splitdrive(word)[0]:  # C:\net.json on Windows
        return False
    if any(os.path.isfile(word[:at]) for at, sign in enumerate(word) if sign == ":"):  # net.py:Net
        return False
    return not any(map(is_layer_word, words))
