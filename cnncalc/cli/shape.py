"""`cnncalc shape`: layer by layer, shapes, parameters, MACs and the receptive field."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from typing import IO

import click

from .. import sources
from ..errors import CnncalcError, SpecError
from ..files import opened, text_output
from ..memory import itemsize
from ..network import Network
from ..render import Style, renderer
from ..report import Report
from ..sources import load_text
from ._options import Asked, format_of, network_options, read_stdin, report_options, style_of, write
from ._usage import Command


@click.command("shape", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options(several=True)
@click.option("--explain", is_flag=True, help="Write each layer's arithmetic out.")
@click.option("--dtype", metavar="NAME", help="Bytes too, each number a float32, float16, bfloat16, int8 ...")
@report_options()
def command(
    spec: tuple[str, ...],
    asked: Asked,
    explain: bool,
    dtype: str | None,
    as_json: bool,
    as_jsonl: bool,
    format: str | None,
    columns: str | None,
    path: str | None,
    color: str,
    quiet: bool,
) -> int:
    """Layer by layer: output shapes, parameters, MACs and receptive fields.

    SPEC is layer words (3x224x224 conv:64,k7,s2,p3 maxpool:k3,s2), a file, a network of the zoo, or - for standard
    input. A shape in front is the input, as -i is.

    \b
      conv:64,k7,s2,p3       c_o, kernel, stride, padding per side
      conv:64,k3x5,p=same    3 high and 5 wide; a padding word
      conv:64,k3,pt3         the textbook's total padding of both sides
      maxpool:k3,s2,p0+1     before 0, after 1
    """
    format = format_of(as_json, as_jsonl, format)
    given = sources.sort_out(spec)
    if columns is not None and format in ("json", "jsonl"):
        raise SpecError("--columns is for rows: tables, CSV, Markdown", "leave out --columns, or the format")
    if explain and format == "csv":
        raise SpecError("CSV has rows only, and no room for --explain", "use the table, Markdown or JSON")
    if asked.several and (explain or columns is not None or dtype is not None):
        raise SpecError(
            "--explain, --columns and --dtype are for one dialect", f"leave out --dialect {asked.dialect}, or name one"
        )
    asked = asked.with_front(given)
    with text_output(path, utf8=format in ("json", "jsonl")) as stream:
        style = style_of(_chosen(columns), explain, color, stream)
        dtype = _dtype_of(dtype, style)
        if format == "jsonl" and _is_lines(given):
            return _stream(given.rest[0], asked, style, stream, dtype)
        network = sources.network(given, read_stdin)
        if asked.several:
            return _side_by_side(network, asked, format, style, stream, quiet)
        write(stream, renderer(format)(_measured(asked.report(network, quiet), dtype), style))
    return 0


def _side_by_side(
    network: Network, asked: Asked, format: str, style: Style, stream: IO[str], quiet: bool = True
) -> int:
    """The network under several dialects; 2 where none takes it."""
    from ..render import contrasts as dialects

    comparison = asked.comparison(network, quiet)
    write(stream, dialects.renderer(format)(comparison, style))
    return 2 if comparison.refused_by_all() else 0


def _chosen(columns: str | None) -> tuple[str, ...] | None:
    if columns is None:
        return None
    from ..render.columns import chosen

    return chosen(columns)


def _is_lines(given: sources.Given) -> bool:
    word = given.rest[0]
    return len(given.rest) == 1 and (word == sources.STDIN or word.endswith(".jsonl"))


def _dtype_of(dtype: str | None, style: Style) -> str | None:
    """The dtype that is asked for; float32 where only its columns are."""
    if dtype is not None:
        itemsize(dtype)
    elif style.columns is not None:
        from ..render.columns import BYTES

        return "float32" if set(BYTES) & set(style.columns) else None
    return dtype


def _measured(report: Report, dtype: str | None) -> Report:
    """The report, with its bytes where a dtype is asked for."""
    if dtype is None:
        return report
    from ..memory import measure

    return measure(report, dtype)


def _stream(word: str, asked: Asked, style: Style, stream: IO[str], dtype: str | None) -> int:
    """A report a line for each spec a line, in order, each before the next is read; 2 where one was wrong."""
    gc.enable()  # a stream has no end
    code = 0
    render = renderer("jsonl")
    for number, line in enumerate(_lines(word), 1):
        try:
            network = load_text(sources.decode(line.rstrip(b"\r\n"), word), word, number)
            if asked.several:
                code = max(code, _side_by_side(network, asked, "jsonl", style, stream))
            else:
                write(stream, render(_measured(asked.report(network), dtype), style))
        except CnncalcError as error:
            code = 2
            stream.write(json.dumps({"error": {"line": number, **error.to_dict()}}, ensure_ascii=False) + "\n")
        stream.flush()
    return code


def _lines(word: str) -> Iterator[bytes]:
    if word == sources.STDIN:
        if sys.stdin is None:
            raise SpecError("standard input is closed", "give a .jsonl file")
        yield from sys.stdin.buffer
    elif not os.path.exists(word):
        raise sources.no_file(word)
    else:
        with opened(word) as file:
            yield from file
