"""Networks side by side, for `compare` and `zoo`: the options of the table, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NamedTuple

import click

from ..comparisons import Compared, Comparison
from ..errors import CnncalcError
from ..files import text_output
from ..render import Selection
from ..report import Report
from ._options import Function, together
from ._rows import Measures, column_options, measure_options
from ._terminal import show_error, style_of


class TableOptions(NamedTuple):
    """The values of --dtype, --macs-as, --columns, --sort and --top; None for an option that is not given."""

    measures: Measures = Measures()
    columns: tuple[str, ...] | None = None
    sort: str | None = None
    top: int | None = None


def table_options(function: Function) -> Function:
    """Add the options of the table as one argument `table`."""

    @wraps(function)
    def command(measures: Measures, columns: tuple[str, ...] | None, sort: str | None, top: int | None, **others: Any) -> int:
        return function(table=TableOptions(measures, columns, sort, top), **others)

    return together(measure_options, column_options("comparisons"))(command)


def compare(
    networks: Iterable[tuple[str, Callable[[], Report]]], table: TableOptions, format: str, path: str | None
) -> int:
    """Write networks side by side, each given by its name and a function that makes its report; return the exit code.

    A network that has no report has its error in its row, and, but for JSON, on standard error.
    """
    comparison = Comparison([_compared(name, make, table.measures) for name, make in networks])
    failed = [network.error for network in comparison if network.error is not None]
    if len(failed) == len(comparison) and format not in ("json", "jsonl")
    with text_output(path, utf8=format in ("json", "jsonl")) as stream:
        style = style_of(stream, table.columns)._replace(selection=Selection(table.sort, table.top))
        stream.writelines(FORMATS.renderer(format)(comparison, style))
    if format not in ("json", "jsonl"):
        for error in failed:
            show_error(error)
    return 2 if failed else 0
