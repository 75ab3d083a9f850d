"""How `compare` and `zoo` write networks side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..comparisons import Compared, Comparison, figures
from ..counters import TOOLS
from ..errors import CnncalcError, SpecError
from ..outputs import text_output
from ..render import Selection
from ..render.comparisons import FORMATS
from ..report import Report
from ._hints import Remarks, hints_of, remarks, tell
from ._network_options import Measures, measure_options, network_options
from ._options import format_options, together
from ._rows import NETWORKS, needs_bytes, network_selection_options
from ._terminal import show_error, style_of

table_options = together(network_options(), measure_options, format_options(FORMATS), network_selection_options)


def write(
    networks: Iterable[tuple[str, Callable[[], Report]]],
    measures: Measures,
    columns: tuple[str, ...] | None,
    selection: Selection,
    brief: bool,
    format: str,
    path: str | None,
    lists_hints: bool | None = None,
) -> int:
    """Write a row for each network, given by its name and the function that makes its report; return the exit code.

    The error of a network without a report is part of its row in JSON, and is shown on standard error. If no network
    has a report, there is no table. Hints are listed if `lists_hints`, and mentioned unless it is None.
    """
    is_json = format in ("json", "jsonl")
    if columns is not None and is_json:
        raise SpecError("--columns applies only to rows: tables, CSV, Markdown", "leave out --columns, or the format")
    if brief and format not in ("table", "markdown", "latex", "html"):
        raise SpecError(
            f"--brief rounds numbers for people, but {format} is for programs", "leave out --brief, or the format"
        )
    measures = measures.or_bytes(needs_bytes(columns, selection, NETWORKS))
    tools = [tool for tool in TOOLS if tool in (*(columns or ()), selection.sort)]
    said: list[Remarks] = []

    def compared(name: str, make: Callable[[], Report]) -> Compared:
        """Return a network's figures without its report: the layers of all networks together may not fit in memory."""
        try:
            report = measures.of(make())
        except CnncalcError as error:
            return Compared(name, None, error)
        runs = [("", report.layers)]
        if lists_hints and is_json:
            report.hints = hints_of(runs)
        if lists_hints is not None:
            said.append(remarks(runs, lists_hints, is_json, name))
        return Compared(name, figures(report, tools))

    comparison = Comparison([compared(name, make) for name, make in networks])
    errors = [network.error for network in comparison if network.error is not None]
    if is_json or len(errors) < len(comparison):
        with text_output(path, utf8=is_json) as stream:
            style = style_of(stream, columns)._replace(selection=selection, brief=brief)
            stream.writelines(FORMATS.renderer(format)(comparison, style))
    if lists_hints is not None:
        tell(said, lists_hints, is_json)
    for error in errors:
        show_error(error)
    return 2 if errors else 0
