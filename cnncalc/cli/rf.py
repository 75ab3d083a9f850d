"""`cnncalc rf`: what the units of a network see."""

from __future__ import annotations

import click

from .. import sources
from ..files import text_output
from ..render.fields import FORMATS
from ._options import NetworkOptions, format_options, message_options, network_options, path_option
from ._terminal import style_of
from ._usage import Command


@click.command("rf", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options()
@format_options(FORMATS)
@path_option()
@message_options
def command(spec: tuple[str, ...], options: NetworkOptions, format: str, path: str | None) -> int:
    """Show the receptive field of each layer's units: its size, stride, first pixel, centre and share of padding.

    SPEC is as for cnncalc shape. A field is that on the network's first input, an axis at a time.
    """
    from ..fields import ReceptiveFields

    words = sources.spec_words(spec)
    options = options.with_front(words)
    with text_output(path, utf8=format == "json") as stream:
        network = sources.load_words(words)
        options.note_report(network)
        network, options = options.taken(network)
        fields = ReceptiveFields(options.report(network))
        stream.writelines(FORMATS.renderer(format)(fields, style_of(stream)))
    return 0
