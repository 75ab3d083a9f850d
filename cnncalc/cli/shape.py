"""`cnncalc shape`: layer by layer, shapes, parameters, MACs and the receptive field."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import click

from .. import sources
from ..errors import CnncalcError, SpecError, printable_lines
from ..files import text_output, while_read
from ..input import given_shapes
from ..limits import MOST_EXPLAINED, within
from ..network import Network
from ..render import BEFORE, FORMATS, VALUE_FORMATS, WHOLE, Selection, Style, needs_dtype
from ..report import Report
from ..sources.words import STDIN, spec_words
from ._hints import hints_of, hints_option, remarks, tell
from ._network_options import Measures, NetworkOptions, measure_options, network_options
from ._options import format_options, message_options, path_option
from ._rows import needs_bytes, selection_options
from ._terminal import note, style_of
from ._usage import Command

if TYPE_CHECKING:
    from ..contrasts import Contrast
    from ..hints import Advice

AT = "Tabulate an input's open sizes at numbers: H=224,256 or H=W=32..256..32."


@click.command("shape", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options(several=True)
@click.option("--explain", is_flag=True, help="Show each layer's arithmetic.")
@measure_options
@format_options(FORMATS, "one report")
@selection_options
@click.option("--get", "gets", metavar="NAMES", help="Print one bare value, such as params, out, conv1.out or rf.size.")
@hints_option
@click.option("--annotate", is_flag=True, help="Print Python source with the shapes that its lines make.")
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
        raise SpecError("--get prints values alone", "leave out --explain, --format, --columns and the choice of rows")
    if values and lists_hints:
        raise SpecError("--get prints values alone", "leave out --hints")
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
    """SpecError for options that do not go together; `details` says whether there are some for one dialect alone."""
    if columns is not None and format in ("json", "jsonl"):
        raise SpecError("--columns is for rows: tables, CSV, Markdown", "leave out --columns, or the format")
    if explain and format in {"csv", "tsv", "latex", "html"}:
        raise SpecError(f"{format} has rows only, and no room for --explain", "use the table, Markdown or JSON")
    if options.several and details:
        raise SpecError(
            "--explain, --dtype, --macs-as, --get, --columns and the choice of rows are for one dialect",
            f"leave out --dialect {options.dialect}, or name one",
        )


def _note_findings(report: Report) -> None:
    """Note what does not hold of what the spec expects."""
    network = report.network
    if network.expect is None and all(node.expect is None for node in network.nodes):
        return
    from ..checks import check

    for finding in check("", lambda: network, lambda _: report).findings:
        note(f"{finding.message()} (cnncalc check fails)")


class Showing:
    """How a network is shown: under which options, and in which form."""

    def __init__(
        self, options: NetworkOptions, measures: Measures, format: str, style: Style, lists_hints: bool = False
    ):
        self.options, self.measures, self.format, self.style = options, measures, format, style
        self.lists_hints = lists_hints

    def result(self, network: Network) -> Report | Contrast:
        """Return a network's report, or its contrast under several dialects."""
        network, options = self.options.taken(network)
        in_json = self.lists_hints and self.format in ("json", "jsonl")
        if options.several:
            contrast = options.contrast(network)
            runs = [run._replace(hints=hints_of([("", run.layers)])) if in_json else run for run in contrast.runs]
            return contrast._replace(runs=runs)
        report = self.measures.of(options.report(network))
        report.hints = hints_of([("", report.layers)]) if in_json else None
        return report

    def text(self, result: Report | Contrast) -> Iterator[str]:
        """Return the text of a report or a contrast. SpecError for the arithmetic of more layers than are explained."""
        if self.style.explain and isinstance(result, Report):
            from ..render.rows import rows

            help = "--top, --only, --until and --after take some of the layers"
            number = len(rows(result, self.style.selection))
            within(MOST_EXPLAINED, number, "--explain of {made:,} rows, more than {most:,}", help)
        if isinstance(result, Report):
            return (VALUE_FORMATS if self.style.values else FORMATS).renderer(self.format)(result, self.style)
        from ..render import contrasts

        return contrasts.FORMATS.renderer(self.format)(result, self.style)

    def remark(self, result: Report | Contrast, said: Advice | None = None) -> None:
        """Note, count or list what is perhaps not meant and not `said` yet, and what the spec expects and is not so."""
        if isinstance(result, Report):
            runs = [("", result.layers)]
        else:
            runs = [(run.name, run.layers) for run in result.runs if run.error is None]
        is_data = self.format in ("json", "jsonl") or bool(self.style.values)
        tell([remarks(runs, self.lists_hints, is_data, said=said)], self.lists_hints, is_data)
        if isinstance(result, Report):
            _note_findings(result)

    @staticmethod
    def code(result: Report | Contrast) -> int:
        """Return the exit code: 2 if all dialects refuse the network."""
        return 0 if isinstance(result, Report) or not result.refused_by_all() else 2

    def before(self, error: CnncalcError) -> Iterator[str]:
        """Yield the text of the layers before an impossible one; nothing for another error, and in a form of rows."""
        if error.report is not None and self.format in BEFORE and not self.style.values:
            error.report = self.measures.of(error.report) if error.report.layers else error.report
            yield from BEFORE.renderer(self.format)(error, self.style)


def _annotate(network: Network, options: NetworkOptions, format: str, stream: IO[str]) -> int:
    """Write a Python source with the shapes that its lines make, up to the line that fails."""
    if format != "table":
        raise SpecError("--annotate prints the source alone", f"leave out --annotate, or the format {format}")
    annotate = None if network.source is None else network.source.annotate
    if annotate is None:
        raise SpecError("--annotate is for Python source", "give a .py file, or its text on standard input")
    source = annotate(given_shapes(network, options.input))
    stream.write(printable_lines(source.text))
    if source.error is not None:
        raise source.error
    return 0
