"""`cnncalc rf`: what the units of a network see."""

from __future__ import annotations

import click

from .. import sources
from ..errors import SpecError
from ..files import text_output
from ..render.fields import FORMATS
from ._hints import note_words
from ._options import NetworkOptions, format_options, message_options, network_options, path_option
from ._terminal import style_of
from ._units import in_option, of_option, place_of, unit_option
from ._usage import Command


@click.command("rf", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options()
@unit_option
@click.option("--from-pixel", "pixel", metavar="NUMBERS", help="Show which units of each layer see a pixel, as 10,20.")
@of_option
@in_option
@click.option("--phases", is_flag=True, help="Show each phase of units that see differently, a row each.")
@format_options(FORMATS)
@path_option()
@message_options
def command(
    spec: tuple[str, ...],
    options: NetworkOptions,
    unit: str | None,
    pixel: str | None,
    of: str | None,
    source: str | None,
    phases: bool,
    format: str,
    path: str | None,
) -> int:
    """Show the receptive field of each layer's units: its size, stride, first pixel, centre and share of padding.

    SPEC is as for cnncalc shape. A field is that on the network's first input, an axis at a time.

    \b
      cnncalc rf resnet50 --unit 3,4                 what a unit of the last layer sees
      cnncalc rf vgg16 --unit 3,4 --of conv3_1       and one of another layer
      cnncalc rf vgg16 --from-pixel 10,20            which units see a pixel
    """
    from ..fields import ReceptiveFields

    if unit is not None and pixel is not None:
        raise SpecError("--unit and --from-pixel are two questions", "ask one at a time")
    words = sources.spec_words(spec)
    options = options.with_front(words)
    with text_output(path, utf8=format == "json") as stream:
        network = sources.load_words(words)
        options.note_report(network)
        options.note_channels(network)
        network, options = options.taken(network)
        report = options.report(network)
        fields = ReceptiveFields(report, of, source)
        fields.phases = phases
        if unit is not None:
            fields.look_back(place_of("--unit", unit))
        if pixel is not None:
            fields.look_forth(place_of("--from-pixel", pixel))
        stream.writelines(FORMATS.renderer(format)(fields, style_of(stream)))
    note_words([("", report.layers)])
    return 0
