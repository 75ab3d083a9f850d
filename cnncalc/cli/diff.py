"""`cnncalc diff`: what changed between two networks, or in a file since a revision."""

from __future__ import annotations

import os
import re

import click

from .. import diffs
from ..errors import SpecError, shown
from ..limits import FEWER_LAYERS, MOST_DIFFED, Limit
from ..outputs import text_output
from ..render.diffs import FORMATS
from ..sources.mistakes import compare_line, no_file
from ..sources.words import is_network, is_path, is_spec, is_stdin, split_code
from ._network_options import NetworkOptions, network_options
from ._networks import check_shapes, is_revision, quotes, report_of
from ._options import format_options, message_options, path_option
from ._terminal import style_of
from ._usage import Command


@click.command("diff", cls=Command)
@click.argument("networks", nargs=-1, metavar="[A] B")
@network_options()
@click.option("--stat", is_flag=True, help="Show the totals only.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the networks differ, like git diff.")
@format_options(FORMATS)
@path_option()
@message_options
def command(
    networks: tuple[str, ...], options: NetworkOptions, stat: bool, exit_code: bool, format: str, path: str | None
) -> int:
    """Show what changed from network A to network B.

    Layers are matched by name, then by structure. A and B are each a file, a built-in network, - for standard input,
    layer words in quotes, or a file at a git revision, as REVISION:PATH. A file alone is compared with itself at HEAD;
    a revision before it, or REVISION:PATH alone, names another version of it.

    \b
      cnncalc diff net.json
      cnncalc diff HEAD~1 net.json
      cnncalc diff HEAD~1:net.json net.json
      cnncalc diff vgg11 vgg16 --format markdown
      cnncalc diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'
    """
    networks = _two(networks)
    if all(map(is_stdin, networks)):
        raise SpecError("standard input can be only one of the two", "give a file for the other")
    limit = Limit(MOST_DIFFED, "both networks together have {made:,} layers, more than {most:,}", FEWER_LAYERS)
    old, new = (report_of(word, options, limit) for word in networks)
    names = [name.replace(":./", ":", 1) for name in networks]
    difference = diffs.diff(old, new, (names[0], names[1]))
    with text_output(path, utf8=format != "table") as stream:
        stream.writelines(FORMATS.renderer(format)(difference, style_of(stream)._replace(totals=stat)))
    return int(exit_code and bool(difference))


def _two(words: tuple[str, ...]) -> tuple[str, str]:
    """Return the two networks to compare. A file alone is compared with itself at HEAD, or at the given revisions."""
    *before, last = words or ("",)
    file = last.partition(".py:")[0] + ".py" if ".py:" in last else last
    if os.path.isfile(file) and len(before) < 3 and not any(map(_is_network, before)):
        old, *newer = [f"{revision}:{_from_here(last)}" for revision in before or ["HEAD"]]
        return old, newer[0] if newer else last
    revision, colon, path = last.partition(":")
    if colon and not before and is_revision(last) and os.path.isfile(split_code(path)[0]):
        return f"{revision}:{_from_here(path)}", path
    if words and all(map(_is_revision, before)) and not is_network(last) and is_path(last):
        raise no_file(last)
    if words and all(map(_is_revision, words)):
        line = f"cnncalc diff {' '.join(words[:2])} net.json"
        raise SpecError(f"{' and '.join(map(shown, words))}: a revision of what?", f"name the file, for example {line}")
    few = "no network is" if not words else "one network is" if len(words) == 1 else f"{len(words)} are"
    check_shapes(words, 2)
    if len(words) == 2:
        return words[0], words[1]
    help = f"layer words go in quotes: {quotes()}"
    if len(words) > 2 and all(map(is_network, words)):
        help = f"for several side by side: {compare_line(words)}"
    raise SpecError(f"diff compares two networks, but {few} given", help)


def _is_revision(word: str) -> bool:
    """Return whether a word can only be a git revision."""
    return re.fullmatch(r"HEAD[^:\s]*|[0-9a-f]{7,40}|[^:\s]+[~^]\d*", word) is not None


def _is_network(word: str) -> bool:
    """Return whether a word before a file is a network rather than a revision."""
    return ":" in word or is_stdin(word) or is_spec(word) or any(c.isspace() for c in word)


def _from_here(path: str) -> str:
    """Return a path in git's form, relative to the current folder."""
    return path if os.path.isabs(path) else f"./{path}"
