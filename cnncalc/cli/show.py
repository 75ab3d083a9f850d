"""`cnncalc show`: pictures of networks and layers."""

from __future__ import annotations

import click

from .. import sources
from ..files import text_output
from ..render import Selection
from ..render.pictures import ENDINGS, FORMATS
from ._endings import form
from ._options import NetworkOptions, message_options, network_options, path_option, together
from ._rows import depth_option, fold_option
from ._terminal import style_of
from ._usage import Command, OneOf


@click.command("show", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@together(
    network_options(),
    depth_option,
    fold_option,
    click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only."),
    click.option(
        "--to", "form_named", type=OneOf(list(FORMATS)), help="Form to write; by default as -o ends, or text."
    ),
    path_option(what="the picture"),
    message_options,
)
def command(
    spec: tuple[str, ...],
    options: NetworkOptions,
    depth: int,
    fold: bool,
    is_ascii: bool,
    form_named: str | None,
    path: str | None,
) -> int:
    """Draw a network: its layers from top to bottom, with the lanes of its branches.

    \b
      cnncalc show resnet18
      cnncalc show googlenet --fold
      cnncalc show unet --to mermaid
    """
    words = sources.spec_words(spec)
    options = options.with_front(words)
    network = sources.load_words(words)
    options.note_report(network)
    options.note_channels(network)
    network, options = options.taken(network)
    report = options.report(network)
    chosen = form("--to", form_named, path, ENDINGS) or "text"
    with text_output(path, utf8=chosen != "text") as stream:
        style = style_of(stream)._replace(selection=Selection(depth=depth, fold=fold))
        stream.writelines(FORMATS.renderer(chosen)(report, style._replace(ascii=style.ascii or is_ascii)))
    return 0
