"""`cnncalc rf`: what the units of a network see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .. import sources
from ..dialects import layout_of
from ..errors import SpecError
from ..input import with_open_input
from ..network import INPUT, Network
from ..outputs import text_output
from ..readings import first_rank
from ..render.fields import FORMATS
from ..sources.words import SpecWords, spec_words
from ._hints import note_words
from ._network_options import NetworkOptions, network_options
from ._options import format_options, message_options, path_option
from ._terminal import note, style_of
from ._units import in_option, of_option, place_of, unit_option
from ._usage import Command

if TYPE_CHECKING:
    from ..execute.verify import Verified
    from ..fields import Findings, ReceptiveFields


@click.command("rf", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options()
@unit_option
@click.option(
    "--from-pixel", "pixel", metavar="NUMBERS", help="Show which units of each layer see a pixel, such as 10,20."
)
@of_option
@click.option("--paths", "follows", is_flag=True, help="Show the field of each path to a layer, and their alignment.")
@click.option(
    "--effective", is_flag=True, help="Show how strongly pixels influence a unit, averaged over random weights."
)
@click.option("--verify", "proves", is_flag=True, help="Verify the fields by running the network on single pixels.")
@click.option("--explain", is_flag=True, help="Show each layer's arithmetic.")
@in_option
@click.option("--phases", is_flag=True, help="Where units see differently by phase, show one row per phase.")
@format_options(FORMATS)
@path_option()
@message_options
def command(
    spec: tuple[str, ...],
    options: NetworkOptions,
    unit: str | None,
    pixel: str | None,
    of: str | None,
    follows: bool,
    effective: bool,
    proves: bool,
    explain: bool,
    source: str | None,
    phases: bool,
    format: str,
    path: str | None,
) -> int:
    """Show the receptive field of each layer's units: its size, stride, first pixel, centre and share of padding.

    SPEC is as for cnncalc shape. A field is that on the network's first input, an axis at a time; without an input
    shape, on one of open sizes.

    \b
      cnncalc rf resnet50 --unit 3,4                 what a unit of the last layer sees
      cnncalc rf vgg16 --unit 3,4 --of conv3_1       and one of another layer
      cnncalc rf vgg16 --from-pixel 10,20            which units see a pixel
      cnncalc rf resnet50 --paths                    the field of each path
      cnncalc rf 3x17x17 conv:8,k3 maxpool:2 --verify
    """
    from ..fields import ReceptiveFields

    _check_questions(
        {"--unit": unit is not None and not effective, "--from-pixel": pixel is not None, "--paths": follows}
        | {"--effective": effective, "--verify": proves, "--explain": explain},
        source is not None,
        format,
    )
    words = spec_words(spec)
    options = options.with_front(words)
    with text_output(path, utf8=format == "json") as stream:
        network, options = _network(words, options, format)
        report = options.report(network)
        fields = ReceptiveFields(report, of, source)
        if fields.of == INPUT and (unit is None or effective):
            raise SpecError("--of input: the input is not a layer", "name a layer")
        fields.phases = phases
        place = None if unit is None else place_of("--unit", unit)
        if effective:
            fields.effective = _effective(fields, place)
        elif place is not None:
            fields.look_back(place)
        if pixel is not None:
            fields.look_forth(place_of("--from-pixel", pixel))
        if follows:
            fields.follow()
        found = _verified(fields) if proves else None
        stream.writelines(FORMATS.renderer(format)(fields, style_of(stream, None, explain)))
    note_words([("", report.layers)])
    return 1 if found is not None and found.difference is not None else 0


def _network(words: SpecWords, options: NetworkOptions, format: str) -> tuple[Network, NetworkOptions]:
    """Return the network of SPEC words, with open sizes if it has no input, and the remaining options."""
    from ..notation.completers import LeftOutChannels

    left_out = LeftOutChannels(None, options.first, layout_of(options.dialect, options.layout) == "NHWC")
    network = sources.load_words(words, left_out)
    if left_out.places and format == "json":
        note("c_o is left out: each of these layers keeps its number of channels")
    options.note_report(network)
    options.note_channels(network)
    if options.input is None and first_rank(node.layer for node in network.nodes) is not None:
        network = with_open_input(options.settle(network))
    return options.taken(network)


def _check_questions(asked: dict[str, bool], inside: bool, format: str) -> None:
    """Raise SpecError for two questions at once, or for one that is incompatible with --in or the format."""
    names = [name for name, is_asked in asked.items() if is_asked]
    if len(names) > 1:
        raise SpecError(f"{' and '.join(names)} cannot be combined", "use one at a time")
    if inside and names and names[0] not in ("--unit", "--from-pixel"):
        raise SpecError(
            f"--in is for --unit and --from-pixel, not for {names[0]}", "leave it out, or use --after LAYER"
        )
    if "--explain" in names and format not in ("table", "json"):
        raise SpecError(f"{format} has only rows, without room for --explain", "use the table or JSON")


def _effective(fields: ReceptiveFields, unit: tuple[int, ...] | None) -> Findings:
    """Return the influence of pixels on a unit, by default the middle one of the last layer."""
    from ..execute.effective import influence

    return influence(fields.graph, len(fields.graph.vertices) - 1 if fields.of is None else fields.of, unit).to_dict()


def _verified(fields: ReceptiveFields) -> Verified:
    """Verify the fields by running the network, and return the result."""
    from ..execute.verify import verify

    found = verify(fields.report, fields.of)
    fields.proof = found.to_dict()
    return found
