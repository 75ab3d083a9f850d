"""Check specs against what they, the caller or a baseline expect of them; each failure is a Finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

from ..errors import CnncalcError, Path, SpecError, layer_meant, shown
from ..hints import HintKind, HintPlace, find
from ..hints.table import KINDS
from ..limits import MOST_MISSPELT
from ..memory import measure
from ..network import Network
from ..report import Hint, LayerReport, Report
from ..sizes import NOTHING_KNOWN, Open, counted, to_json
from . import expect
from .figures import arithmetic, figure_of
from .findings import Failing, Finding, Result, failed, finding_at, listed_findings

DTYPE = "float32"
"""The default type of the numbers whose bytes are counted."""


def check(
    name: str,
    load: Callable[[], Network],
    trace: Callable[[Network], Report],
    extra: Sequence[expect.Expectation] = (),
    strict: bool = False,
    line: int = 0,
    dtype: str = DTYPE,
) -> Result:
    """Read, trace and judge one file without raising. `extra` are the caller's expectations of the whole network.

    `dtype` is the type of the numbers whose bytes are checked.
    """
    try:
        network = load()
        report = trace(network)
    except CnncalcError as error:
        return failed(name, error, line)
    if report.memory is None and _expects_bytes(report, extra):
        report = measure(report, dtype)
    held = 0

    def failures() -> Iterator[Failing]:
        """Yield the failures, and count what holds."""
        nonlocal held
        for failure in Judge(name, report).outcomes(extra):
            held += failure is None
            if failure is not None:
                yield failure

    findings = listed_findings(failures())
    checked = held + sum(finding.code not in ("CC003", "CC202") for finding in findings)
    if not findings and not held:
        help = 'add "expect": {"out": ...} to a layer or to the network, or give --expect or --baseline'
        level = "error" if strict else "note"
        findings = [Finding("CC201", name, "the file has no expectations", level=level, help=help)]
    return Result(name, findings, report, checked, line)


class Judge:
    """The judge of one report; figures of the whole that several expectations need are computed once."""

    def __init__(self, name: str, report: Report):
        """`name` is the file's name in findings."""
        self.report = report
        self._finding = partial(finding_at, name, report.network)
        self._figures: dict[str, tuple[Any, str]] = {}
        self._arithmetic: dict[str, tuple[str, ...]] = {}
        self._misspelt = 0

    def outcomes(self, extra: Sequence[expect.Expectation]) -> Iterator[Failing | None]:
        """Yield the outcome of each expectation, the caller's (`extra`) first: a failure, or None if it holds."""
        for wanted in extra:
            yield from self._judged(self.report, wanted, None)
        for path, subject, given in _expecting(self.report):
            for one in expect.each(given, path):
                if isinstance(one, expect.Expectation):
                    yield from self._judged(subject, one, path)
                else:
                    more = {"layer": _label(subject), "help": one.help}
                    found = partial(self._finding, one.path or (), "CC003", one.what, **more)
                    yield Failing(found, is_unusable=True)

    def _judged(
        self, subject: Report | LayerReport, wanted: expect.Expectation, path: Path | None
    ) -> Iterator[Failing | None]:
        """Yield what fails of one expectation; None for each thing that holds."""
        at = None if path is None else (*path, wanted.key)
        if wanted.layer is not None and isinstance(subject, Report):
            named, rest = subject.named(wanted.layer)
            if rest:
                yield Failing(partial(self._no_layer, wanted, at), is_unusable=True)
                return
            subject = named
            if at is None and isinstance(subject, LayerReport):
                at = ("layers", subject.node.spec_index)
        if wanted.figure == expect.FORBID:
            yield from self._forbidden(subject, wanted)
            return
        try:
            actual, text = self._figure(subject, wanted.figure)
            held = expect.holds(wanted, actual)
        except SpecError as error:
            more = {**_expected(subject, wanted), "help": error.help}
            yield Failing(partial(self._finding, at, "CC003", error.what, **more), is_unusable=True)
            return
        yield None if held else Failing(partial(self._not_met, subject, wanted, at, actual, text))

    def _figure(self, subject: Report | LayerReport, figure: str) -> tuple[Any, str]:
        """Return a figure's value and its text, as `figure_of` does."""
        if subject is not self.report:
            return figure_of(subject, figure)
        if figure not in self._figures:
            self._figures[figure] = figure_of(subject, figure)
        return self._figures[figure]

    def _lines(self, subject: Report | LayerReport, figure: str) -> tuple[str, ...]:
        """Return the lines that lead to a figure."""
        if subject is not self.report:
            return tuple(arithmetic(self.report, subject, figure))
        if figure not in self._arithmetic:
            self._arithmetic[figure] = tuple(arithmetic(self.report, subject, figure))
        return self._arithmetic[figure]

    @cached_property
    def _hints(self) -> dict[int, list[tuple[HintKind, HintPlace, Hint]]]:
        """The hints on each layer, those inside of a block on the block, too, and on the whole, by its id."""
        found: dict[int, list[tuple[HintKind, HintPlace, Hint]]] = {}
        for kind, place, hint in find(self.report.layers, KINDS.values(), fixed=True):
            for subject in (self.report, place.layer, *place.around):
                found.setdefault(id(subject), []).append((kind, place, hint))
        return found

    def _forbidden(self, subject: Report | LayerReport, wanted: expect.Expectation) -> Iterator[Failing | None]:
        """Yield each forbidden hint on a layer, or on the whole; None for each kind of which there is none."""
        missed = dict.fromkeys(wanted.value)
        for kind, place, hint in self._hints.get(id(subject), ()):
            if kind.name in wanted.value:
                missed.pop(kind.name, None)
                more = {"layer": place.label, "figure": wanted.figure, "help": hint.help}
                yield Failing(partial(self._finding, place.path, kind.code, hint.text, **more))
        yield from missed.values()

    def _not_met(
        self, subject: Report | LayerReport, wanted: expect.Expectation, at: Path | None, actual: Any, text: str
    ) -> Finding:
        """Return the finding for an expectation that does not hold, with the actual value and its arithmetic."""
        figure, own = wanted.figure, _expected(subject, wanted)
        own |= {"actual": text, "arithmetic": self._lines(subject, figure)}
        own["actual_value"] = _as_json(actual, wanted)
        if actual is None or (isinstance(actual, list) and None in actual):
            why, help = _why_unknown(subject, figure, text)
            what = f"{figure} {why}, expected {own['expected']}"
            return self._finding(at, "CC113", what, help=help, **own)
        what, help = f"{figure} is {text}, expected {own['expected']}", _if_meant(wanted, actual, text)
        return self._finding(at, expect.FIGURES[figure].code, what, help=help, **own)

    def _no_layer(self, wanted: expect.Expectation, at: Path | None) -> Finding:
        """Return the finding for a missing layer; the first `MOST_MISSPELT` findings name the nearest layers."""
        more = {"figure": wanted.key, "expected": expect.describe(wanted), "expected_value": wanted.value}
        self._misspelt += 1
        names = [one.name for one in self.report.layers] if self._misspelt <= MOST_MISSPELT else []
        help = layer_meant(wanted.layer or "", names) if names else None
        return self._finding(at, "CC003", f"there is no layer {shown(wanted.layer)}", help=help, **more)


def _expects_bytes(report: Report, extra: Sequence[expect.Expectation]) -> bool:
    """Return whether one of the expected figures is a number of bytes."""
    keys = [wanted.key for wanted in extra]
    keys += [key for _, _, given in _expecting(report) if isinstance(given, dict) for key in given]
    names = [name for name, figure in expect.FIGURES.items() if figure.in_bytes]
    return any(str(key).endswith(name) for key in keys for name in names)


def _expecting(report: Report) -> Iterator[tuple[Path, Report | LayerReport, Any]]:
    """Yield each `expect` of the spec: its path, the report or layer it is about, and its value."""
    if report.network.expect is not None:
        yield ("expect",), report, report.network.expect
    for layer in report.layers:
        if layer.node.expect is not None:
            yield ("layers", layer.node.spec_index, "expect"), layer, layer.node.expect


def _label(subject: Report | LayerReport) -> str | None:
    return subject.node.label() if isinstance(subject, LayerReport) else None


def _expected(subject: Report | LayerReport, wanted: expect.Expectation) -> dict[str, Any]:
    """Return the fields of a finding that describe an expectation."""
    own = {"layer": _label(subject), "figure": wanted.key, "expected": expect.describe(wanted)}
    return own | {"expected_value": wanted.value}


def _as_json(actual: Any, wanted: expect.Expectation) -> Any:
    """Return an actual value in the form of the expected one: one number if all axes are equal."""
    if wanted.shape is not None:
        return tuple(to_json(actual) or ())
    if not isinstance(actual, list):
        return actual
    return actual[0] if not isinstance(wanted.value, tuple) and len(set(actual)) == 1 else tuple(actual)


def _why_unknown(subject: Report | LayerReport, figure: str, text: str) -> tuple[str, str]:
    """Return why a figure is not a number, and what would help; `text` is what is known of it."""
    if figure.startswith("rf") and any(field.phases is not None for field in subject.rf):
        return "differs from unit to unit", "expect it of a layer before the transposed convolution or the upsampling"
    if any(isinstance(size, Open) for size in subject.x):
        return f"is {text} while a size is open", (
            "give the input's sizes as numbers, or expect what does not depend on them"
        )
    return "is unknown here", "expect it of a layer above"


def _if_meant(wanted: expect.Expectation, actual: object, text: str) -> str:
    """Return how to accept the new value if the change is intended."""
    key = wanted.key
    if actual is NOTHING_KNOWN:
        return "give the opaque layer its out, or expect the shape of a layer above"
    if wanted.bound and isinstance(actual, int):
        text = counted(actual)
    if wanted.bound and not wanted.is_typed:
        return f"if the change is meant, {'raise' if wanted.bound == 'max_' else 'lower'} {key} to {text}"
    if wanted.shape is not None and isinstance(actual, tuple):  # write a letter for each open size
        letters = iter("HWDLCABEFG")
        names: dict[object, str] = {}
        text = "x".join(str(n) if isinstance(n, int) else names.setdefault(n, next(letters)) for n in actual)
        text = "[]" if actual == () else text
    if wanted.is_typed:
        return f"if the change is meant, give --expect {key}={actual if isinstance(actual, int) else text}"
    value = actual if isinstance(actual, int) else text if actual == () else f'"{text}"'
    return f'if the change is meant, write "{key}": {value}'
