"""Networks that are given as one shell word each, for commands that take several."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

import click

from .. import sources
from ..diffs.revision import at_revision
from ..errors import CnncalcError, SpecError, shown
from ..limits import Limit
from ..network import Network
from ..notation.words import is_layer_word
from ..report import Report
from ..sizes import Shape, looks_like_shape
from ..sources.words import is_file, is_shape, spec_words, split_code
from ._network_options import NetworkOptions


def quotes() -> str:
    """Return how the running command accepts layer words."""
    return f"cnncalc {click.get_current_context().info_name} '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'"


def check_shapes(words: Sequence[str], number: int | None = None) -> None:
    """Raise SpecError, with the line that may be meant, if a word is only a shape; `number` networks are expected."""
    alone = [word for word in words if _is_shape(word)]
    if not alone:
        return
    what, line = f"{shown(alone[0])} is a shape, not a network", f"cnncalc {click.get_current_context().info_name}"
    help, networks = [], _quoted(words)
    if len(networks) < len(words) and number in (None, len(networks)):
        help.append(f"layer words go in quotes: {line} {shlex.join(networks)}")
    if alone == [words[0]] and (number or max(len(words), 2) - 1) == len(words) - 1:
        help.append(
            f"to use it as the input of all networks: {line} {shlex.join(words[1:])} -i {shlex.quote(alone[0])}"
        )
    raise SpecError(what, "\n".join(help) or f"put layers after it, in quotes: {quotes()}")


def _quoted(words: Sequence[str]) -> list[str]:
    """Return words with each lone shape and the layer words after it joined into one."""
    networks: list[list[str]] = []
    for word in words:
        if networks and _is_shape(networks[-1][0]) and is_layer_word(word) and not is_file(word):
            networks[-1].append(word)
        else:
            networks.append([word])
    return [" ".join(network) for network in networks]


def _is_shape(word: str) -> bool:
    return is_shape(word) and not is_file(word)


def report_of(word: str, options: NetworkOptions, limit: Limit | None = None) -> Report:
    """Return the report of a word's network, with its layers counted. Errors without a place get the word."""
    network, front = _network(word)
    options = options if front is None else options.with_first(front, f"{shown(word)} starts with its own input")
    try:
        options.note_report(network, word)
        network, options = options.taken(network)
        if limit is not None:
            limit.count(network.layer_count)
        return options.report(network)
    except CnncalcError as error:
        if error.where is None and not error.what.startswith(f"{network.name} "):
            error.what = f"{shown(word)}: {error.what}"
        raise


def _network(word: str) -> tuple[Network, Shape | None]:
    """Return the network of a word, and its leading shape."""
    if not word.strip():
        raise SpecError(f"{shown(word)} is not a network", f"layer words go in quotes: {quotes()}")
    if is_revision(word):
        file, wanted = split_code(word)
        return sources.read_bytes(at_revision(file), file, wanted), None
    spec = spec_words([word])
    return sources.load_words(spec), spec.input


def is_revision(word: str) -> bool:
    """Return whether an argument is REVISION:PATH: neither a file nor layer words nor JSON."""
    words = word.split()
    if ":" not in word or word.startswith(("-", "{", "[")) or is_file(word) or looks_like_shape(words[0]):
        return False
    if os.path.splitdrive(word)[0]:  # C:\net.json on Windows
        return False
    if any(os.path.isfile(word[:at]) for at, sign in enumerate(word) if sign == ":"):  # net.py:Net
        return False
    return not any(map(is_layer_word, words))
