"""`cnncalc show`: pictures of networks, and of a window step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .. import sources, trace
from ..errors import SpecError
from ..network import Network
from ..outputs import text_output
from ..render import Selection, Style
from ..render.pictures import ENDINGS, FORMATS, TEXTS
from ..render.rows import rows
from ..sources.words import SpecWords, spec_words
from ._endings import form
from ._network_options import NetworkOptions, network_options
from ._options import file_option, message_options, path_option, together
from ._rows import depth_option, fold_option
from ._terminal import note, style_of
from ._units import in_option, of_option, place_of, unit_option
from ._usage import Command, OneOf, Whole

if TYPE_CHECKING:
    from ..fields import ReceptiveFields
    from ..notation.words import Completer
    from ..report import LayerReport, Report
    from ..sizes import Shape
    from ..steps import Filled


MOST_ROWS = 2_000
"""The most rows of a picture or page without a note."""
STEPPED = ("text", "svg", "html")
"""The forms that show a window step by step."""


@click.command("show", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@together(
    network_options(),
    click.option("--step", type=Whole(1), metavar="N", help="Draw this step of a single layer's window."),
    click.option("--channel", type=Whole(0), metavar="C", help="The output channel to draw; 0 by default."),
    file_option("-x", "--array", "x_path", metavar="X.npy", help="Input array; - is standard input."),
    file_option(
        *("-w", "--weights", "w_path"),
        metavar="W",
        help="Kernel (.npy), or weights by name (.npz, .safetensors, .h5).",
    ),
    file_option("-b", "--bias", "b_path", metavar="B.npy", help="Bias of the only layer that -w is for."),
    unit_option,
    of_option,
    in_option,
    depth_option,
    fold_option,
    click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only."),
    click.option(
        "--to",
        "form_named",
        type=OneOf(list(FORMATS)),
        help="Format to write; by default from the name of -o, or text.",
    ),
    path_option(what="the picture"),
    message_options,
)
def command(
    spec: tuple[str, ...],
    options: NetworkOptions,
    step: int | None,
    channel: int | None,
    x_path: str | None,
    w_path: str | None,
    b_path: str | None,
    unit: str | None,
    of: str | None,
    source: str | None,
    depth: int,
    fold: bool,
    is_ascii: bool,
    form_named: str | None,
    path: str | None,
) -> int:
    """Draw a network: its layers from top to bottom, with the lanes of its branches.

    A single convolution or pool is drawn as its window step by step: input, kernel, output and the arithmetic. Its
    values come from -x and -w, or count on from 0.

    \b
      cnncalc show resnet18
      cnncalc show googlenet --fold
      cnncalc show unet --to mermaid
      cnncalc show conv:k3,s2,p1 -i 5x5
      cnncalc show conv -x x.npy -w kernel.npy --step 3
      cnncalc show lenet5 --unit 3,4 --of s2
    """
    chosen = form("--to", form_named, path, ENDINGS) or "text"
    values = {"--step": step, "--channel": channel, "-x": x_path, "-w": w_path, "-b": b_path}
    asked = [name for name, value in values.items() if value is not None]
    if asked and chosen not in STEPPED:
        what = f"{asked[0]} draws steps of a window, but {chosen} shows only layers"
        raise SpecError(what, f"use another format: --to {' or '.join(STEPPED)}")
    words = spec_words(spec)
    arrays = _Arrays(x_path, w_path, b_path)
    network, weights = arrays.read_network(words, options)
    if x_path is None:
        options = options.with_front(words)
    options.note_report(network)
    options.note_channels(network)
    network, options = options.taken(network)
    fields = _fields(network, options, unit, of, source, chosen, asked)
    picture = None
    if asked or (chosen in STEPPED and len(network.nodes) == 1 and fields is None):
        picture = _window(network, options, arrays, weights, words.input)
        if picture is None and asked:
            raise _no_window(network, asked[0])
    with text_output(path, utf8=chosen != "text") as stream:
        style = style_of(stream)._replace(selection=Selection(depth=depth, fold=fold))
        style = style._replace(ascii=style.ascii or is_ascii)
        pieces = _drawing(chosen, style, network, options, fields, picture, step, channel or 0)
        stream.writelines(_noted(list(pieces)) if chosen == "mermaid" else pieces)
    return 0


def _noted(pieces: list[str]) -> list[str]:
    """Return a flowchart, after printing a note if it is too large for Mermaid's defaults."""
    from ..render.pictures.documents import beyond_mermaid

    beyond = beyond_mermaid(pieces)
    if beyond is not None:
        note(f"{beyond}; --fold makes it smaller")
    return pieces


def _note_rows(report: Report, selection: Selection) -> None:
    """Print a note on how to shorten a very long picture."""
    count = len(rows(report, selection))
    if count > MOST_ROWS:
        note(f"{count:,} rows: --fold draws a run of equal layers once, and --until and --after take a part of them")


def _drawing(
    chosen: str,
    style: Style,
    network: Network,
    options: NetworkOptions,
    fields: ReceptiveFields | None,
    picture: tuple[LayerReport, Filled] | None,
    step: int | None,
    channel: int,
) -> Iterator[str]:
    """Return the picture in its form; as text it shows what a unit sees, a window's steps, or the network."""
    if chosen == "text" and fields is not None:
        return TEXTS.renderer("unit")(fields, style)
    if chosen == "text" and picture is not None:
        return TEXTS.renderer("steps")(*picture, step, channel, style)
    draw = FORMATS.renderer(chosen)
    if picture is not None:
        from ..render.pictures.windows import Steps

        layer, filled = picture
        return draw(trace.shape(layer.network), style, steps=Steps(filled, step, channel))
    report = options.report(network) if fields is None else fields.report
    if chosen in ("svg", "html"):
        _note_rows(report, style.selection)
    return draw(report, style) if fields is None else draw(report, style, fields=fields)


def _fields(
    network: Network,
    options: NetworkOptions,
    unit: str | None,
    of: str | None,
    source: str | None,
    chosen: str,
    asked: Sequence[str],
) -> ReceptiveFields | None:
    """Return the fields of a network, and what --unit sees; None without --unit."""
    if unit is None:
        for option, value in (("--of", of), ("--in", source)):
            if value is not None:
                raise SpecError(f"{option} needs --unit", "add --unit, for example --unit 3,4")
        return None
    if asked:
        raise SpecError(f"--unit draws what a unit sees, but {asked[0]} the steps of a window", "give one of them")
    if chosen in ("mermaid", "dot"):
        raise SpecError(f"--unit draws maps, but {chosen} shows only layers", f"leave out --unit, or --to {chosen}")
    from ..fields import ReceptiveFields

    fields = ReceptiveFields(options.report(network), of, source)
    fields.look_back(place_of("--unit", unit))
    return fields


def _no_window(network: Network, option: str) -> SpecError:
    """Return the error for an option of a window's steps on a network without such a window."""
    if len(network.nodes) == 1 and network.nodes[0].layer.STEP is not None:
        return SpecError(f"{option} needs an input of known size", "give all sizes, for example -i 3x8x8")
    help = "take one layer out of a network with --until and --after"
    return SpecError(f"{option} is for a single convolution or pool, and this is not one", help)


class _Arrays(NamedTuple):
    """The values of -x, -w and -b."""

    x: str | None
    w: str | None
    b: str | None

    def read_network(self, words: SpecWords, options: NetworkOptions) -> tuple[Network, Any]:
        """Return the network of SPEC words, which a kernel may complete, and the weights."""
        if self.w is None:
            return sources.load_words(words, _completer(None)), None
        from ._arrays import is_keras, keras_arrays, kernel_keys, one_stdin, read_weights

        one_stdin(self.x, self.w, self.b, *(["-"] if "-" in words.rest else []))
        if is_keras(self.w):
            network = sources.load_words(words, _completer(None))
            return network, keras_arrays(self.w, network)
        weights = read_weights(self.w)
        return sources.load_words(words, _completer(kernel_keys(weights, options))), weights


def _completer(known: Completer | None) -> Completer:
    """Return a function that completes the word of a single layer from a kernel, or with one output channel."""
    from ..notation.completers import LeftOutChannels

    def complete(layers: list[dict[str, Any]]) -> None:
        if known is not None:
            known(layers)
        if len(layers) == 1:
            LeftOutChannels()(layers)

    return complete


def _window(
    network: Network, options: NetworkOptions, arrays: _Arrays, weights: Any, front: Shape | None
) -> tuple[LayerReport, Filled] | None:
    """Return a network's only layer and its filled window; None if there are several layers or there is no window."""
    if len(network.nodes) != 1 or network.nodes[0].layer.NESTS:
        return None
    has_own = network.source is not None and bool(network.source.weights)
    if arrays == (None, None, None) and not has_own:
        from ..steps import made_up, window_of

        first, *others = options.report(network).layers  # source is read for its input
        window = None if others else window_of(first)
        return None if window is None else (first, made_up(window))
    from ..execute.windows import fill
    from ._arrays import check_front, read_array

    bias = None if arrays.b is None else read_array(arrays.b)
    if arrays.x is None:
        report = options.report(network)
        return fill(report.network, None, report.x, weights, bias)
    if options.input is not None:
        raise SpecError("two inputs: -i and -x", "give one of them")
    x = read_array(arrays.x)
    check_front(front, x)
    found = fill(options.settle(network), x, x.shape, weights, bias)
    if found is not None and x.ndim > len(found[0].sample):
        note(f"x is a batch of {len(x)}: its first sample is drawn")
    return found
