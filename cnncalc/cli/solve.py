"""`cnncalc solve`: the inverse, which finds the settings, inputs or stacks that give a wanted result."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from .. import sources
from ..dialects import dialect_named, layout_of
from ..errors import SpecError, printable, shown
from ..input import FIRST, Inputs, given_shapes, read_input
from ..layers import OPS, Env, keys_named
from ..network import Network
from ..notation.completers import LeftOutChannels
from ..notation.words import Completer, read_words
from ..outputs import text_output
from ..render import FORMATS, Style
from ..render.solutions import INPUTS, SETTINGS
from ..render.solutions.inputs import InputAnswer
from ..render.solutions.stacks import none_text, words_text
from ..sizes import UNKNOWN, Shape, is_digits, known, parse_shape, show
from ..solutions.answers import Answer, answer
from ..solutions.axis import Ranges
from ..solutions.inputs import Wish, inputs, opened
from ..solutions.settings import USUAL, LayerQuestion, check_channels, layer_of, read_sizes
from ..solutions.stacks import BY, CHANNELS, StackQuestion, stack
from ..sources.words import SpecWords, spec_words
from ._network_options import NetworkOptions, network_options
from ._options import format_options, message_options, path_option, together
from ._terminal import style_of
from ._usage import Command, OneOf, Whole

if TYPE_CHECKING:
    ParamType = click.ParamType[range]
else:
    ParamType = click.ParamType  # not generic before click 8.4


class Values(ParamType):
    """The type of a range of integers, 1..11, or a single integer."""

    name = "range"

    def __init__(self, least: int):
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:  # noqa: ARG002  click's form
        first, dots, last = str(value).replace("-", "..", 1).partition("..")
        if not is_digits(first) or (dots and not is_digits(last)):
            raise SpecError(
                f"{_name(param)}: {shown(value)} is not a range", "give a range such as 1..11, or one number"
            )
        start, end = int(first), int(last if dots else first)
        if not self.least <= start <= end:
            help = f"the minimum is {self.least}, and the smaller number comes first"
            raise SpecError(f"{_name(param)}: {shown(value)} is empty", help)
        return range(start, end + 1)


def _name(param: click.Parameter | None) -> str:
    return param.opts[0] if param is not None else "the range"


def _range_option(key: str, least: int, help: str) -> Any:
    return click.option(f"--{key.replace('_', '-')}", key, type=Values(least), metavar="FROM..TO", help=help)


range_options = together(
    _range_option("k", 1, "Kernel sizes to consider; 1..11 by default."),
    _range_option("s", 1, "Strides to consider; 1..4 by default."),
    _range_option("p", 0, "Paddings per side to consider; by default any below the kernel's extent."),
    _range_option("d", 1, "Dilations to consider; 1..4 by default."),
    _range_option("out_pad", 0, "Values of out_pad to consider; by default all that are allowed."),
)


@click.command("solve", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@click.option("--out", metavar="SHAPE", help="The wanted output, such as 112x56; one size applies to every axis.")
@range_options
@click.option("--top", type=Whole(1), metavar="N", help="Show only the first N rows.")
@click.option("--least", is_flag=True, help="Find the smallest input.")
@click.option("--clean", is_flag=True, help="Find the inputs for which no floor drops a pixel.")
@click.option(
    "--fit", metavar="SHAPE", help="Find the smallest padding with which an image of this size drops no pixel."
)
@click.option("--features", type=Whole(1), metavar="N", help="Find the inputs that give the linear layer N features.")
@click.option("--rf", "field", metavar="SIZE", help="Find the shortest stack of these words that sees SIZE pixels.")
@click.option("--by", type=OneOf(BY), help="What --rf minimizes: depth or params.")
@network_options("input", "dialect", "layout")
@format_options(SETTINGS)
@path_option()
@message_options
def command(
    spec: tuple[str, ...],
    out: str | None,
    k: range | None,
    s: range | None,
    p: range | None,
    d: range | None,
    out_pad: range | None,
    top: int | None,
    least: bool,
    clean: bool,
    fit: str | None,
    features: int | None,
    field: str | None,
    by: str | None,
    options: NetworkOptions,
    format: str,
    path: str | None,
) -> int:
    """Find the settings, the inputs or the stack of layers that give what is wanted.

    With the size of the input, it finds what a layer leaves open of k, s, p, d and out_pad, the usual values first.
    Without it, it finds the inputs of a network that give the output, or that the network takes. With --rf it finds the
    shortest stack of words whose units see so far. The exit code is 1 if there is none.

    \b
      cnncalc solve conv:k7,s2 -i 224 --out 112
      cnncalc solve convT:s2 -i 56x28 --out 112x56 --k 2..5
      cnncalc solve vgg16 --until pool5 --out 7
      cnncalc solve unet --least
      cnncalc solve vgg16 --clean --fit 300x400
      cnncalc solve --rf 100 conv:k3 maxpool:2
    """
    words = spec_words(spec)
    options = options.with_front(words)
    given: dict[str, Any] = {
        key: value for key, value in {"k": k, "s": s, "p": p, "d": d, "out_pad": out_pad}.items() if value
    }
    if by is not None and field is None:
        raise SpecError("--by needs --rf", "give the receptive field to reach, such as --rf 100")
    if field is not None and (out or least or clean or fit or features or top or given):
        raise SpecError("--rf cannot be combined with the other options", "leave out --rf or the others")
    if least and fit is not None:
        raise SpecError("--least and --fit cannot be combined", "leave out either of the two")
    of_inputs = {"--least": least, "--clean": clean, "--fit": fit is not None, "--features": features is not None}
    asked = [name for name, is_given in of_inputs.items() if is_given]
    if asked and _is_known(options.input):
        raise SpecError(
            f"{asked[0]} asks for inputs, but one is given", "leave it out, or use letters for its sizes: -i 3xHxW"
        )
    with text_output(path, utf8=format == "json") as stream:
        style = style_of(stream)
        if field is not None:
            lines, found = _stack(words, options, field, by or BY[0], format, style)
        elif not _is_known(options.input):
            if given or top:
                what = "the ranges and --top apply only to the settings of a layer"
                raise SpecError(what, "give its input: -i 224 --out 112")
            wish = Wish(None if out is None else parse_shape(out), clean or fit is not None, features)
            found_inputs = _inputs(words, options, wish, fit)._replace(least=least)
            lines, found = INPUTS.renderer(format)(found_inputs, style), found_inputs.found
        else:
            settings = _settings(words, options, out, Ranges(**given), top or (20 if format == "table" else USUAL))
            lines, found = SETTINGS.renderer(format)(settings, style), settings.number > 0
        stream.writelines(lines)
    return 0 if found else 1


def _is_known(shape: Shape | Inputs | None) -> bool:
    """Return whether all sizes of an input are numbers."""
    return shape is not None and (isinstance(shape, Inputs) or all(isinstance(size, int) for size in shape))


def _stack(
    words: SpecWords, options: NetworkOptions, field: str, by: str, format: str, style: Style
) -> tuple[Iterable[str], bool]:
    """Return the cheapest stack of words as text, and whether there is one."""
    networks = [read_words([word], complete=LeftOutChannels()) for word in words.rest]
    ranks = [node.layer.rank() for network in networks for node in network.nodes]
    nd = next((rank for rank in ranks if rank is not None), 2)
    dialect = dialect_named(options.dialect) if options.dialect is not None else networks[0].dialect
    env = Env(dialect, layout_of(options.dialect, options.layout) == "NHWC")
    channels, shape = CHANNELS, options.input
    if isinstance(shape, tuple) and not isinstance(shape, Inputs) and len(shape) == nd + 1:
        channels = known(shape[-1 if env.channels_last else 0]) or channels
    found = stack(StackQuestion(tuple(words.rest), read_sizes(parse_shape(field), nd, "--rf"), channels, env, by))
    if found is None:
        return none_text(words.rest, field, format == "json"), False
    front = [printable(words_text(found)), "\n\n"] if format == "table" else []
    return chain(front, FORMATS.renderer(format)(found.report, style)), True


def _load(words: SpecWords, options: NetworkOptions, complete: Completer) -> tuple[Network, NetworkOptions]:
    """Return the network or its selected part, and the remaining options."""
    network = sources.load_words(words, complete)
    options.note_report(network)
    return options.taken(network) if options.until is not None or options.after is not None else (network, options)


def _inputs(words: SpecWords, options: NetworkOptions, wish: Wish, fit: str | None) -> InputAnswer:
    """Return the wanted inputs of a network, and the padding that makes an image one of them."""
    filled = LeftOutChannels()
    network, options = _load(words, options, filled)
    try:
        network = options.settle(network)
    except SpecError as error:
        if error.lacking is not None:  # the option asks for what is to be found
            error.what = f"{error.what}, so its inputs cannot be solved for"
            write = f"cnncalc convert {shlex.join(words.rest)} {error.lacking} -o net.json"
            error.help, error.lacking = f"convert it to a spec for a size that fits, and use that: {write}", None
        raise
    network = network if options.input is not None else opened(network)
    if filled.places and wish.out is not None and len(wish.out) == len(network.input or ()):
        wish = wish._replace(out=wish.out[:-1] if network.layout == "NHWC" else wish.out[1:])
    found = inputs(network, wish)
    if fit is None:
        return InputAnswer(found)
    size = parse_shape(fit)
    if len(size) == len(found.sample):  # the channels are given
        size = size[:-1] if network.layout == "NHWC" else size[1:]
    image = read_sizes(size, len(found.letters), "--fit")
    return InputAnswer(found, found.fit(image), image)


def _settings(words: SpecWords, options: NetworkOptions, out: str | None, ranges: Ranges, most: int) -> Answer:
    """Return the first settings of a layer that give the output."""
    left_out = LeftOut(("c_o", "k"))
    network, options = _load(words, options, left_out)
    network = network.bound(given_shapes(network, options.input))
    return answer(_question(network, options, out, ranges, left_out.keys), most)


class LeftOut:
    """Fill in what words leave out but ops need: channels, which change no sizes, and the kernel of a pool."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.wanted = keys
        self.keys: list[str] = []
        """The keys that were left out; empty for a file, whose layers are complete."""

    def __call__(self, layers: list[dict[str, Any]]) -> None:
        """Complete the keys of each layer, and record which."""
        for layer in layers:
            cls = OPS[layer["op"]][0]
            given = {key for raw in layer for key in keys_named(cls, raw)}
            left_out = [key for key in self.wanted if key in cls.NEEDED and key not in given]
            layer.update(dict.fromkeys(left_out, 1))
            self.keys += left_out


def _question(
    network: Network, options: NetworkOptions, out: str | None, ranges: Ranges, left_out: Sequence[str]
) -> LayerQuestion:
    """Return the question for a network of one layer."""
    layer = layer_of([node.layer for node in network.nodes])
    nd = layer.nd or 2
    own = layer.wanted(nd)
    if out is None and own is None:
        raise SpecError("--out is missing", "give the wanted output, such as --out 112")
    if out is not None and own is not None:
        raise SpecError(f"two outputs: --out {out}, and out={show(own)} in the layer", "leave out either of the two")
    wanted = parse_shape(out) if out is not None else own or ()
    layer = type(layer)(layer.op, layer.nd, {k: v for k, v in layer.given.items() if k not in (*left_out, "out")})
    given = given_shapes(network, options.input).get(FIRST)
    if given is not None:
        options = options._replace(input=given * nd if len(given) == 1 else given)
    network = options.settle(network)
    env = Env(network.dialect, network.layout == "NHWC")
    read = read_input(network)
    channels, space = layer.split(read.sample, env)
    check_channels(layer, channels if len(read.sizes) > nd else UNKNOWN, env)
    if len(wanted) == nd + 1:
        c_o, wanted = layer.split(wanted, env)
        made = layer.given.get("c_o", c_o if "c_o" in layer.KEYS or len(read.sizes) == nd else channels)
        if c_o != made:
            raise SpecError(f"--out {show(parse_shape(out or ''))} has {c_o} channels, and {layer.op} makes {made}")
    return LayerQuestion(layer, read_sizes(space, nd, "-i"), read_sizes(wanted, nd, "--out"), env, ranges)
