"""Findings, which say what fails in a file or could not be judged, and the result of a file, which holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..errors import CnncalcError, InternalError, Path, SpecError, Where, as_error, printable
from ..hints.table import KINDS
from ..limits import MOST_FINDINGS
from ..network import Network
from ..report import Report, listed
from . import expect

INTERNAL = "CC900"
CODES: dict[str, tuple[str, str]] = {
    "CC001": ("unreadable", "the file is not a spec that can be read"),
    "CC002": ("impossible", "the spec can be read, but its sizes do not fit together"),
    "CC003": ("bad-expectation", "an expectation cannot be read, or names an unknown figure"),
    **{
        figure.code: (figure.slug, f"{figure.slug.replace('-', ' ')}: not as expected")
        for figure in expect.FIGURES.values()
    },
    "CC113": ("unknown-figure", "the expected figure is unknown, or is not a single number"),
    "CC201": ("no-expectation", "the file has no expectations; an error with --strict"),
    "CC202": ("more-findings", "the file has more findings than are listed"),
    "CC301": ("baseline-changed", "a figure differs from the baseline's"),
    "CC302": ("baseline-missing", "the baseline has no entry for the file"),
    "CC303": ("baseline-added-layer", "the baseline does not have the layer"),
    "CC304": ("baseline-removed-layer", "a layer of the baseline is gone"),
    "CC305": ("baseline-removed-file", "a file of the baseline is gone"),
    **{kind.code: (kind.name, f"hint: {kind.title}") for kind in KINDS.values()},
    INTERNAL: ("internal", "a bug of cnncalc: the file could not be judged"),
    "CC401": ("dialects-differ", "the dialects give different figures, or one of them refuses the file"),
}
CODES = dict(sorted(CODES.items()))
"""Every code of a finding, with its name and its meaning, which are stable."""


class Finding(NamedTuple):
    """A failure, or a note."""

    code: str
    file: str
    what: str
    line: int = 1
    column: int = 1
    level: str = "error"
    """`error` or `note`."""
    layer: str | None = None
    """The layer, such as `layers[2] 'pool1'`; None if the finding is about the whole."""
    figure: str | None = None
    """The key of the expectation, such as `max_params`."""
    expected: str | None = None
    actual: str | None = None
    expected_value: Any = None
    """The expected value as JSON: a number, or a tuple for a shape or for several axes."""
    actual_value: Any = None
    arithmetic: tuple[str, ...] = ()
    """The computation of the actual value, one line per formula."""
    help: str | None = None

    @property
    def slug(self) -> str:
        """The code's name."""
        return CODES[self.code][0]

    @property
    def title(self) -> str:
        """`CC101 output-shape`."""
        return f"{self.code} {self.slug}"

    @property
    def is_unusable(self) -> bool:
        """Whether the file could not be judged, which gives exit code 2."""
        return self.code < "CC100" or self.code == INTERNAL

    @property
    def gravity(self) -> str:
        """`note`, `failure`, or `error` if the file could not be judged."""
        return "note" if self.level == "note" else "error" if self.is_unusable else "failure"

    def message(self) -> str:
        """Return the finding in one line, with its layer."""
        return f"{self.layer}: {self.what}" if self.layer else self.what

    def text(self) -> str:
        """Return the finding as an error of the command line: place, what, arithmetic, help."""
        what, *details = self.lines()
        head = f"{self.file}:{self.line}:{self.column}: {self.title}: {what}"
        return "\n  ".join(map(printable, [head, *details]))

    def lines(self) -> list[str]:
        """Return the message, the lines of the arithmetic and those of the help."""
        return [self.message(), *self.arithmetic, *(self.help.split("\n") if self.help else [])]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON, without keys that have no value."""
        keys = {"code": self.code, "name": self.slug, **listed(self._asdict())}
        return {key: value for key, value in keys.items() if value not in (None, [])}


class Result(NamedTuple):
    """The result of checking one file; true if nothing failed."""

    file: str
    findings: list[Finding]
    report: Report | None
    """The report; None for a file that is unreadable or impossible."""
    checked: int = 0
    """The number of expectations that were checked."""
    line: int = 0
    """The line in a JSON Lines file; 0 for a whole file."""

    @property
    def ok(self) -> bool:
        """Whether nothing failed; notes are not failures."""
        return all(finding.level != "error" for finding in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    def placed(self) -> Result:
        """Return the result of a JSON Lines line with all findings placed on that line."""
        if not self.line:
            return self
        source = None if self.report is None else self.report.network.source
        is_read = source is None or not source.built_in
        own = [
            one if is_read and one.line == self.line else one._replace(line=self.line, column=1)
            for one in self.findings
        ]
        return self._replace(findings=own)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 3 for a bug, 2 if a file could not be judged, 1 if an expectation failed, else 0."""
    if any(f.code == INTERNAL for f in findings):
        return InternalError.exit_code
    if any(f.is_unusable for f in findings):
        return 2
    return 1 if any(f.level == "error" for f in findings) else 0


class Failing(NamedTuple):
    """A failure whose finding is made only if it is listed, because the arithmetic takes time."""

    finding: Callable[[], Finding]
    is_unusable: bool = False
    """Whether the file could not be judged."""


def listed_findings(failures: Iterable[Failing]) -> list[Finding]:
    """Return the findings of a file. Of too many: the first, those that decide the exit code, and one that says so.

    After the first unusable one nothing can change the exit code, so the search ends there.
    """
    findings: list[Finding] = []
    unusable = left_out = False
    for failure in failures:
        if len(findings) < MOST_FINDINGS or (failure.is_unusable and not unusable):
            findings.append(failure.finding())
        else:
            left_out = True
        unusable |= failure.is_unusable
        if left_out and unusable:
            break
    if left_out:
        what = f"more than {MOST_FINDINGS:,} findings: the others are not listed"
        findings.append(Finding("CC202", findings[0].file, what, help="fix these first"))
    return findings


def from_error(name: str, error: CnncalcError) -> Finding:
    """Return the finding for an unreadable file, an impossible network, or a bug."""
    where = error.where if error.where is not None and error.where.line else Where(name, 1, 1)
    code = INTERNAL if isinstance(error, InternalError) else "CC001" if isinstance(error, SpecError) else "CC002"
    return Finding(
        code, name, error.what, where.line, where.column, layer=error.layer, help="\n".join(error.helps()) or None
    )


def failed(name: str, error: Exception, line: int = 0) -> Result:
    """Return the result of a file that could not be judged, with one finding that says why."""
    return Result(name, [from_error(name, as_error(error))], None, line=line)


def finding_at(name: str, network: Network, path: Path | None, code: str, what: str, **more: Any) -> Finding:
    """Return a finding at a path of the spec, or at the file's beginning if there is no path or no text."""
    where = None if path is None or network.source is None else network.source.locate(path, None)
    line, column = (1, 1) if where is None or not where.line else (where.line, where.column)
    return Finding(code, name, what, line, column, **more)
