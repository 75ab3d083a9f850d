"""`cnncalc zoo`: the built-in networks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from .. import trace, zoo
from ..errors import SpecError, nearest, shown
from ..files import text_output
from ..sizes import to_json
from ..sources import load_zoo
from ._options import color_option, debug_option, path_option, quiet_option, write
from ._usage import Command

HEADS = ("network", "layers", "input", "output", "params", "MACs")


@click.command("zoo", cls=Command)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@path_option()
@color_option()
@quiet_option()
@debug_option()
def command(name: str | None, as_json: bool, path: str | None, color: str, quiet: bool) -> int:
    """List the built-in networks, or print the spec of one.

    \b
      cnncalc zoo
      cnncalc zoo vgg16 | cnncalc shape -
    """
    with text_output(path, utf8=True) as stream:
        if name is not None:
            write(stream, _spec(name))
        elif as_json:
            stream.write(json.dumps(_rows(), indent=1) + "\n")
        else:
            write(stream, _lines(_rows()))
    return 0


def _spec(name: str) -> Iterator[str]:
    if name.lower() not in zoo.names():
        raise SpecError(f"there is no network {shown(name)} in the zoo", nearest(name, zoo.names()) or _all())
    yield zoo.read(name.lower())


def _all() -> str:
    return f"there are {', '.join(zoo.names())}"


def _rows() -> list[dict[str, Any]]:
    reports = [trace.shape(load_zoo(name)) for name in zoo.names()]
    return [
        {
            "name": report.network.name,
            "layers": len(report.layers),
            "input": to_json(report.network.input or ()),
            "out": to_json(report.out),
            "params": report.params,
            "macs": report.macs,
        }
        for report in reports
    ]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    table = [HEADS, *[tuple(map(_cell, row.values())) for row in rows]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *others]) + "\n"
