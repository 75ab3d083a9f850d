"""`cnncalc shape`: layer by layer, shapes, parameters, MACs and the receptive field."""

from __future__ import annotations

import sys
from typing import IO

import click

from .. import sources
from ..errors import CnncalcError, SpecError, printable_lines
from ..input import given_shapes
from ..network import Network
from ..outputs import text_output, while_read
from ..render import FORMATS, VALUE_FORMATS, WHOLE, Selection, needs_dtype
from ..sources.words import STDIN, spec_words
from ._hints import hints_option
from ._network_options import Measures, NetworkOptions, measure_options, network_options
from ._options import format_options, message_options, path_option
from ._rows import needs_bytes, selection_options
from ._showing import Showing
from ._terminal import style_of
from ._usage import Command

AT = "Tabulate the network for values of its open sizes: H=224,256 or H=W=32..256..32."


@click.command("shape", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options(several=True)
@click.option("--explain", is_flag=True, help="Show each layer's arithmetic.")
@measure_options
@format_options(FORMATS, "one report")
@selection_options
@click.option("--get", "gets", metavar="NAMES", help="Print only one value, such as params, out, conv1.out or rf.size.")
@hints_option
@click.option("--annotate", is_flag=True, help="Print the Python source with the shapes that its lines produce.")
@click.option("--at", multiple=True, metavar="LETTER=NUMBERS", help=AT)
@path_option()
@message_options
def command(
    spec: tuple[str, ...],
    options: NetworkOptions,
    explain: bool,
    measures: Measures,
    format: str,
    columns: tuple[str, ...] | None,
    selection: Selection,
    gets: str | None,
    lists_hints: bool,
    annotate: bool,
    at: tuple[str, ...],
    path: str | None,
) -> int:
    """Show each layer's output shape, parameters, MACs and receptive field.

    SPEC is layer words (3x224x224 conv:64,k7,s2,p3 maxpool:k3,s2), a file, a built-in network, or - for standard
    input. A shape in front is the input, as with -i.

    \b
      conv:64,k7,s2,p3       c_o, kernel, stride, padding per side
      conv:64,k3x5,p=same    3 high and 5 wide; a padding word
      conv:64,k3,pt3         the textbook's total padding of both sides
      maxpool:k3,s2,p0+1     before 0, after 1
    """
    words = spec_words(spec)
    values = () if gets is None else tuple([name.strip() for name in gets.split(",")])
    chooses = columns is not None or selection != WHOLE
    if values and (explain or chooses or format not in VALUE_FORMATS):
        raise SpecError("--get prints only values", "leave out --explain, --format, --columns and the row options")
    if values and lists_hints:
        raise SpecError("--get prints only values", "leave out --hints")
    _check(options, format, columns, explain, chooses or (explain, measures, values) != (False, Measures(), ()))
    measures = measures.or_bytes(needs_bytes(columns, selection) or any(map(needs_dtype, values)))
    options = options.with_front(words)
    if at:
        from ._letters import write_table

        others = (explain, chooses, values, annotate, lists_hints, options.several)
        return write_table(sources.load_words(words), options, measures, at, format, path, any(others))
    with text_output(path, utf8=format in ("json", "jsonl")) as stream:
        style = style_of(stream, columns, explain)._replace(selection=selection, values=values)
        word = words.rest[0]
        showing = Showing(options, measures, format, style, lists_hints)
        if format == "jsonl" and len(words.rest) == 1 and (word == STDIN or word.endswith(".jsonl")):
            from ._stream import write_lines

            return write_lines(word, showing, stream)
        network = sources.load_words(words)
        if annotate:
            return _annotate(network, options, format, stream)
        options.note_report(network)
        said = options.note_channels(network)
        try:
            result = showing.result(network)
            with while_read():
                stream.writelines(showing.text(result))
        except CnncalcError as error:
            if stream is sys.stdout:
                with while_read():
                    stream.writelines(showing.before(error))
            raise
        showing.remark(result, said)
        return showing.code(result)


def _check(
    options: NetworkOptions,
    format: str,
    columns: tuple[str, ...] | None,
    explain: bool,
    details: bool,
) -> None:
    """Raise SpecError for incompatible options; `details` says whether there are options for a single dialect."""
    if columns is not None and format in ("json", "jsonl"):
        raise SpecError("--columns applies only to rows: tables, CSV, Markdown", "leave out --columns, or the format")
    if explain and format in {"csv", "tsv", "latex", "html"}:
        raise SpecError(f"{format} has only rows, without room for --explain", "use the table, Markdown or JSON")
    if options.several and details:
        raise SpecError(
            "--explain, --dtype, --macs-as, --get, --columns and the row options are for one dialect",
            f"leave out --dialect {options.dialect}, or name one",
        )


def _annotate(network: Network, options: NetworkOptions, format: str, stream: IO[str]) -> int:
    """Write a Python source annotated with shapes, up to the line that fails."""
    if format != "table":
        raise SpecError("--annotate prints only the source", f"leave out --annotate, or the format {format}")
    annotate = None if network.source is None else network.source.annotate
    if annotate is None:
        raise SpecError("--annotate is for Python source", "give a .py file, or its text on standard input")
    source = annotate(given_shapes(network, options.input))
    stream.write(printable_lines(source.text))
    if source.error is not None:
        raise source.error
    return 0
