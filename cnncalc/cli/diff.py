"""`cnncalc diff`: what changed between two networks."""

from __future__ import annotations

import click

from .. import diffs, sources
from ..errors import SpecError
from ..files import text_output
from ..render.diffs import FORMATS
from ._networks import report_of
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
    old, new = (report_of(word, options) for word in networks)
    difference = diffs.diff(old, new, (networks[0], networks[1]))
    with text_output(path, utf8=format != "table") as stream:
        stream.writelines(FORMATS.renderer(format)(difference, style_of(stream)))
    return int(exit_code and bool(difference))
