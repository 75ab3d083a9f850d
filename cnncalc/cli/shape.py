"""`cnncalc shape`: layer by layer, shapes, parameters, MACs and the receptive field."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO

import click

from .. import sources
from ..errors import CnncalcError, SpecError, Where
from ..files import opened, text_output
from ..input import given_shapes
from ..network import Network
from ..notation.encode import encode
from ..render import BEFORE, FORMATS, VALUE_FORMATS, WHOLE, Selection, Style, needs_dtype
from ..report import Report
from ._hints import hints_of, hints_option, remark
from ._options import (
    Measures,
    NetworkOptions,
    format_options,
    measure_options,
    message_options,
    network_options,
    path_option,
)
from ._rows import needs_bytes, selection_options
from ._terminal import note, style_of
from ._usage import Command

CHUNK = 65536
"""The most bytes of a stream that are read at once."""


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
    words = sources.spec_words(spec)
    if columns is not None and format in ("json", "jsonl"):
        raise SpecError("--columns is for rows: tables, CSV, Markdown", "leave out --columns, or the format")
    if explain and format in {"csv", "tsv", "latex", "html"}:
        raise SpecError(f"{format} has rows only, and no room for --explain", "use the table, Markdown or JSON")
    values = () if gets is None else tuple([name.strip() for name in gets.split(",")])
    chooses = columns is not None or selection != WHOLE
    if values and (explain or chooses or lists_hints or format not in VALUE_FORMATS):
        more = "--explain, --hints, --format, --columns and the choice of rows"
        raise SpecError("--get prints values alone", f"leave out {more}")
    if options.several and (explain or chooses or measures != Measures() or values):
        raise SpecError(
            "--explain, --dtype, --macs-as, --get, --columns and the choice of rows are for one dialect",
            f"leave out --dialect {options.dialect}, or name one",
        )
    measures = measures.or_bytes(needs_bytes(columns, selection) or any(map(needs_dtype, values)))
    options = options.with_front(words)
    with text_output(path, utf8=format in ("json", "jsonl")) as stream:
        style = style_of(stream, columns, explain)._replace(selection=selection, values=values)
        word = words.rest[0]
        if format == "jsonl" and len(words.rest) == 1 and (word == sources.STDIN or word.endswith(".jsonl")):
            return _stream(word, options, style, stream, measures, lists_hints)
        network = sources.load_words(words)
        if annotate:
            return _annotate(network, options, format, stream)
        options.note_report(network)
        options.note_channels(network)
        try:
            return _write(*options.taken(network), format, style, stream, measures, lists_hints, True)
        except CnncalcError as error:
            if stream is sys.stdout:
                stream.writelines(_before(error, format, style, measures))
            raise


def _note_findings(report: Report) -> None:
    """Note what does not hold of what the spec expects."""
    network = report.network
    if network.expect is None and all(node.expect is None for node in network.nodes):
        return
    from ..checks import check

    for finding in check("", lambda: network, lambda _: report).findings:
        note(f"{finding.message()} (cnncalc check fails)")


def _write(
    network: Network,
    options: NetworkOptions,
    format: str,
    style: Style,
    stream: IO[str],
    measures: Measures,
    lists_hints: bool,
    remarks: bool = False,
) -> int:
    """Write a network's report, or its contrast under several dialects; return 2 if they all refuse it.

    `lists_hints` puts the hints into JSON. They, and other remarks, are printed on standard error if `remarks`.
    """
    in_json = format in ("json", "jsonl")
    if not options.several:
        report = measures.of(options.report(network))
        if lists_hints and in_json:
            report.hints = hints_of([("", report.layers)])
        formats = VALUE_FORMATS if style.values else FORMATS
        stream.writelines(formats.renderer(format)(report, style))
        if remarks:
            remark([("", [("", report.layers)])], lists_hints, in_json or bool(style.values))
            _note_findings(report)
        return 0
    from ..render import contrasts

    contrast = options.contrast(network)
    runs = [(run.name, run.layers) for run in contrast.runs if run.error is None]
    if lists_hints and in_json:
        own = [run._replace(hints=hints_of([("", run.layers)])) for run in contrast.runs]
        contrast = contrast._replace(runs=own)
    stream.writelines(contrasts.FORMATS.renderer(format)(contrast, style))
    if remarks:
        remark([("", runs)], lists_hints, in_json)
    return 2 if contrast.refused_by_all() else 0


def _before(error: CnncalcError, format: str, style: Style, measures: Measures) -> Iterator[str]:
    """Yield the text of the layers before an impossible one; of another error, and in a form of rows alone, nothing."""
    if error.report is not None and format in BEFORE and not style.values:
        error.report = measures.of(error.report) if error.report.layers else error.report
        yield from BEFORE.renderer(format)(error, style)


def _annotate(network: Network, options: NetworkOptions, format: str, stream: IO[str]) -> int:
    """Write a Python source with the shapes that its lines make, up to the line that fails."""
    if format != "table":
        raise SpecError("--annotate prints the source alone", f"leave out --annotate, or the format {format}")
    annotate = None if network.source is None else network.source.annotate
    if annotate is None:
        raise SpecError("--annotate is for Python source", "give a .py file, or its text on standard input")
    source = annotate(given_shapes(network, options.input))
    stream.write(source.text)
    if source.error is not None:
        raise source.error
    return 0


def _stream(
    word: str, options: NetworkOptions, style: Style, stream: IO[str], measures: Measures, lists_hints: bool
) -> int:
    """Write one report for each line's spec, before the next line is read; return 2 if one was wrong."""
    gc.freeze()
    gc.enable()  # a stream has no end
    code = 0
    for number, line in enumerate(_lines(word, stream.flush), 1):
        try:
            network = sources.load_text(sources.decode(line.rstrip(b"\r"), word), word, number)
            code = max(code, _write(*options.taken(network), "jsonl", style, stream, measures, lists_hints))
        except CnncalcError as error:
            code = 2
            if error.where is None or error.where.file is None or not error.where.line:
                error.where = Where(word, number, 1)
            before = "".join(_before(error, "jsonl", style, measures))
            stream.write(before or encode({"error": error.to_dict()}) + "\n")
    return code


def _lines(word: str, before_waiting: Callable[[], None]) -> Iterator[bytes]:
    """Yield the lines of standard input or a file; call a function before it is asked for more than there is."""
    if word == sources.STDIN:
        if sys.stdin is None:
            raise SpecError("standard input is closed", "give a .jsonl file")
        yield from _lines_of(sys.stdin.buffer, before_waiting)
    elif not os.path.exists(word):
        raise sources.no_file(word)
    else:
        with opened(word) as file:
            yield from _lines_of(file, before_waiting)


def _lines_of(file: IO[bytes], before_waiting: Callable[[], None]) -> Iterator[bytes]:
    begun: list[bytes] = []
    while data := file.read1(CHUNK):  # type: ignore[attr-defined]  # what there is, at least a byte
        *lines, last = data.split(b"\n")
        for line in lines:
            yield b"".join([*begun, line])
            begun.clear()
        begun.append(last)
        before_waiting()
    if any(begun):
        yield b"".join(begun)
    before_waiting()
