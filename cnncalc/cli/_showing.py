"""How `shape` shows a network: its report, or its contrast under several dialects, as text and in remarks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import CnncalcError
from ..limits import FEWER_LAYERS, MOST_EXPLAINED, MOST_IN_ROWS, MOST_MEASURED, check_limit
from ..network import Network
from ..render import BEFORE, FORMATS, VALUE_FORMATS, Style
from ..report import Report
from ._hints import hints_of, remarks, tell
from ._network_options import Measures, NetworkOptions
from ._terminal import note

if TYPE_CHECKING:
    from ..contrasts import Contrast
    from ..hints import Advice


class Showing:
    """How a network is shown: the options and the form."""

    def __init__(
        self, options: NetworkOptions, measures: Measures, format: str, style: Style, lists_hints: bool = False
    ):
        self.options, self.measures, self.format, self.style = options, measures, format, style
        self.lists_hints = lists_hints

    def result(self, network: Network) -> Report | Contrast:
        """Return a network's report, or its contrast under several dialects. Raise SpecError for too many layers."""
        network, options = self.options.taken(network)
        if self.lists_hints or any(self.measures):
            what = "--hints, --dtype and --macs-as of {made:,} layers, more than {most:,}"
            check_limit(MOST_MEASURED, network.layer_count, what, FEWER_LAYERS)
        if self.format not in ("json", "jsonl") and not self.style.values:
            written = len({id(node.layer) for node in network.nodes})
            help = f"{FEWER_LAYERS}, or --json for all of it"
            check_limit(MOST_IN_ROWS, written, "rows of {made:,} layers, more than {most:,}", help)
        in_json = self.lists_hints and self.format in ("json", "jsonl")
        if options.several:
            contrast = options.contrast(network)
            runs = [run._replace(hints=hints_of([("", run.layers)])) if in_json else run for run in contrast.runs]
            return contrast._replace(runs=runs)
        report = self.measures.of(options.report(network))
        report.hints = hints_of([("", report.layers)]) if in_json else None
        return report

    def text(self, result: Report | Contrast) -> Iterator[str]:
        """Return the text of a report or a contrast.

        Raise SpecError if the arithmetic of too many layers is asked for.
        """
        if self.style.explain and isinstance(result, Report):
            from ..render.rows import rows

            help = "--top, --only, --until and --after select some of the layers"
            number = len(rows(result, self.style.selection))
            check_limit(MOST_EXPLAINED, number, "--explain of {made:,} rows, more than {most:,}", help)
        if isinstance(result, Report):
            return (VALUE_FORMATS if self.style.values else FORMATS).renderer(self.format)(result, self.style)
        from ..render import contrasts

        return contrasts.FORMATS.renderer(self.format)(result, self.style)

    def remark(self, result: Report | Contrast, said: Advice | None = None) -> None:
        """Print remarks that were not `said` yet, and expectations of the spec that do not hold."""
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
        """Yield the text of the layers before an impossible one; empty for other errors and for formats of rows."""
        if error.report is not None and self.format in BEFORE and not self.style.values:
            error.report = self.measures.of(error.report) if error.report.layers else error.report
            yield from BEFORE.renderer(self.format)(error, self.style)


def _note_findings(report: Report) -> None:
    """Print a note on the spec's expectations that do not hold."""
    network = report.network
    if network.expect is None and all(node.expect is None for node in network.nodes):
        return
    from ..checks import check

    for finding in check("", lambda: network, lambda _: report).findings:
        note(f"{finding.message()} (cnncalc check fails)")
