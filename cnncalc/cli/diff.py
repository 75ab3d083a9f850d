"""`cnncalc diff`: what changed between two networks."""

from __future__ import annotations

import os

import click

from .. import diffs, sources
from ..diffs.revision import at_revision
from ..errors import CnncalcError, SpecError, shown
from ..files import text_output
from ..network import Network
from ..notation.words import is_layer_word
from ..render.diffs import FORMATS
from ..report import Report
from ..sizes import Shape, looks_like_shape
from ._options import NetworkOptions, format_options, message_options, network_options, path_option
from ._terminal import style_of
from ._usage import Command

QUOTES = "cnncalc diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'"


@click.command("diff", cls=Command)
@click.argument("networks", nargs=-1, metavar="A B")
@network_options()
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the networks differ, as git diff does.")
@format_options(FORMATS)
@path_option()
@message_options
def command(networks: tuple[str, ...], options: NetworkOptions, exit_code: bool, format: str, path: str | None) -> int:
    """Show what changed from network A to network B.

    Layers are matched by name, then by structure. A and B are each a file, a built-in network, - for standard input,
    layer words in quotes, or a file at a git revision, as REVISION:PATH.

    \b
      cnncalc diff HEAD~1:net.json net.json
      cnncalc diff vgg11 vgg16 --format markdown
      cnncalc diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'
    """
    if len(networks) != 2:
        few = "no network is" if not networks else "one network is" if len(networks) == 1 else f"{len(networks)} are"
        raise SpecError(f"diff compares two networks, and {few} given", f"layer words go in quotes: {QUOTES}")
    if networks == (sources.STDIN, sources.STDIN):
        raise SpecError("standard input can be only one of the two", "give a file for the other")
    old, new = (_report(word, options) for word in networks)
    difference = diffs.diff(old, new, (networks[0], networks[1]))
    with text_output(path, utf8=format != "table") as stream:
        stream.writelines(FORMATS.renderer(format)(difference, style_of(stream)))
    return int(exit_code and bool(difference))


def _report(word: str, options: NetworkOptions) -> Report:
    """Return the report of A or B. An error that has no place says whose it is."""
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
    """Return the network that A or B means, and the shape in front of it."""
    if not word.strip():
        raise SpecError(f"{shown(word)} is not a network", f"layer words go in quotes: {QUOTES}")
    words = [word] if word == sources.STDIN or os.path.exists(word) else word.split()
    if _is_revision(word, words):
        return sources.read_bytes(at_revision(word), word), None
    spec = sources.spec_words(words)
    return sources.load_words(spec), spec.input


def _is_revision(word: str, words: list[str]) -> bool:
    """Return whether an argument is REVISION:PATH: neither a file nor layer words."""
    if ":" not in word or word.startswith("-") or os.path.exists(word) or looks_like_shape(words[0]):
        return False
    if os.path.splitdrive(word)[0]:  # C:\net.json on Windows
        return False
    return not any(map(is_layer_word, words))
