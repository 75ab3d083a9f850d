"""Check specs against what they, the caller or a baseline expect of them; each failure is a Finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

from ..errors import CnncalcError, InternalError, Path, SpecError, Where, as_error, nearest, printable, shown
from ..explain import field_text, lines
from ..hints import HintKind, HintPlace, find
from ..hints.table import KINDS
from ..layers.conv import times
from ..measures import NetworkMemory
from ..memory import measure
from ..network import Network
from ..report import Hint, LayerReport, Report, listed, summed
from ..sizes import NOTHING_KNOWN, Count, Open, counted, known, show, to_json
from . import expect

DTYPE = "float32"
"""The type of numbers whose bytes are counted, unless another is named."""

INTERNAL = "CC900"
CODES: dict[str, tuple[str, str]] = {
    "CC001": ("unreadable", "the file is not a spec that can be read"),
    "CC002": ("impossible", "the spec can be read, but its sizes do not fit together"),
    "CC003": ("bad-expectation", "an expectation cannot be read, or is of an unknown figure"),
    **{
        figure.code: (figure.slug, f"{figure.slug.replace('-', ' ')}: not as expected")
        for figure in expect.FIGURES.values()
    },
    "CC113": ("unknown-figure", "the figure that is expected is not known, or is not a single number"),
    "CC201": ("no-expectation", "the file expects nothing; an error with --strict"),
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
"""Every code of a finding, with its name and its meaning, which never changes."""


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
    """The layer, as `layers[2] 'pool1'`; None if it is about the whole."""
    figure: str | None = None
    """The key of the expectation, as `max_params`."""
    expected: str | None = None
    actual: str | None = None
    expected_value: Any = None
    """The expected value as JSON: a number, or a tuple for a shape or for several axes."""
    actual_value: Any = None
    arithmetic: tuple[str, ...] = ()
    """The computation of the actual value, a line for each formula."""
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
        """Return whether the file could not be judged: exit code 2."""
        return self.code < "CC100" or self.code == INTERNAL

    @property
    def gravity(self) -> str:
        """`note`, `failure`, or `error` if the file could not be judged."""
        return "note" if self.level == "note" else "error" if self.is_unusable else "failure"

    def message(self) -> str:
        """Return the error in one line, with its layer."""
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
        """Return the finding as JSON, without the keys that have no value."""
        keys = {"code": self.code, "name": self.slug, **listed(self._asdict())}
        return {key: value for key, value in keys.items() if value not in (None, [])}


class Result(NamedTuple):
    """The result of checking one file; true if nothing failed."""

    file: str
    findings: list[Finding]
    report: Report | None
    """None for a file that is unreadable or impossible."""
    checked: int = 0
    """The number of expectations that were checked."""
    line: int = 0
    """The line of a JSON Lines file that it is about; 0 for a whole file."""

    @property
    def ok(self) -> bool:
        """Return whether nothing failed; notes are not failures."""
        return all(finding.level != "error" for finding in self.findings)

    def __bool__(self) -> bool:
        return self.ok


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 3 for a bug, 2 if a file could not be judged, 1 if an expectation failed, else 0."""
    if any(f.code == INTERNAL for f in findings):
        return InternalError.exit_code
    if any(f.is_unusable for f in findings):
        return 2
    return 1 if any(f.level == "error" for f in findings) else 0


def check(
    name: str,
    load: Callable[[], Network],
    trace: Callable[[Network], Report],
    extra: Sequence[expect.Expectation] = (),
    strict: bool = False,
    line: int = 0,
    dtype: str = DTYPE,
) -> Result:
    """Read, trace and judge one file; nothing is raised. `extra` are the caller's expectations of the whole.

    `dtype` is the type of the numbers whose bytes are expected.
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
        """Yield what fails, and count what holds."""
        nonlocal held
        for failure in _outcomes(name, report, extra):
            held += failure is None
            if failure is not None:
                yield failure

    findings = listed_findings(failures())
    checked = held + sum(finding.code not in ("CC003", "CC202") for finding in findings)
    if not findings and not held:
        help = 'add "expect": {"out": ...} to a layer or to the whole, or give --expect or --baseline'
        level = "error" if strict else "note"
        findings = [Finding("CC201", name, "the file expects nothing", level=level, help=help)]
    return Result(name, findings, report, checked, line)


class Failing(NamedTuple):
    """Something that fails. Its finding is made only if it is listed, because its arithmetic takes time."""

    finding: Callable[[], Finding]
    is_unusable: bool = False
    """Whether it could not be judged, as the finding says of itself."""


MOST_FINDINGS = 1_000
"""How many findings of a file are listed."""


def listed_findings(failures: Iterable[Failing]) -> list[Finding]:
    """Return the findings of a file; of very many the first, those that decide the exit code, and one that says so.

    Nothing decides the exit code behind the first that is unusable, so that nothing more is looked for there.
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


def _outcomes(name: str, report: Report, extra: Sequence[expect.Expectation]) -> Iterator[Failing | None]:
    """Yield what fails of each expectation, the caller's first; None for each thing that holds."""
    judged = Judged(report)
    for wanted in extra:
        yield from _judged(name, judged, report, wanted, None)
    for path, subject, given in _expecting(report):
        for one in expect.each(given, path):
            if isinstance(one, expect.Expectation):
                yield from _judged(name, judged, subject, one, path)
            else:
                more = {"layer": _label(subject), "help": one.help}
                found = partial(finding_at, name, report.network, one.path or (), "CC003", one.what, **more)
                yield Failing(found, is_unusable=True)


MOST_MISSPELT = 20
"""For how many names of layers that are not there the nearest are looked for: up to 40 milliseconds each."""


class Judged:
    """A report, with what any number of expectations ask of the whole, worked out once: its figures and its hints."""

    def __init__(self, report: Report):
        self.report = report
        self._figures: dict[str, tuple[Any, str]] = {}
        self._arithmetic: dict[str, tuple[str, ...]] = {}
        self._misspelt = 0

    def nearest(self, layer: str) -> str | None:
        """Return the layers with the names nearest to one that is not there; None after `MOST_MISSPELT` of them."""
        self._misspelt += 1
        if self._misspelt > MOST_MISSPELT:
            return None
        return nearest(layer, [one.name for one in self.report.layers])

    def figure(self, subject: Report | LayerReport, figure: str) -> tuple[Any, str]:
        """Return a figure's value and its text, as `_actual` does."""
        if subject is not self.report:
            return _actual(subject, figure)
        if figure not in self._figures:
            self._figures[figure] = _actual(subject, figure)
        return self._figures[figure]

    def arithmetic(self, subject: Report | LayerReport, figure: str) -> tuple[str, ...]:
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

    def hints(self, subject: Report | LayerReport, kinds: Sequence[str]) -> list[tuple[HintKind, HintPlace, Hint]]:
        """Return the hints of these kinds on a layer, or on the whole."""
        return [one for one in self._hints.get(id(subject), ()) if one[0].name in kinds]


def _expects_bytes(report: Report, extra: Sequence[expect.Expectation]) -> bool:
    """Return whether one of the figures that are expected is a number of bytes."""
    keys = [wanted.key for wanted in extra]
    keys += [key for _, _, given in _expecting(report) if isinstance(given, dict) for key in given]
    names = [name for name, figure in expect.FIGURES.items() if figure.in_bytes]
    return any(str(key).endswith(name) for key in keys for name in names)


def _expecting(report: Report) -> Iterator[tuple[Path, Report | LayerReport, Any]]:
    """Yield each `expect` of the spec: its path, whose figures are meant, and its value."""
    if report.network.expect is not None:
        yield ("expect",), report, report.network.expect
    for layer in report.layers:
        if layer.node.expect is not None:
            yield ("layers", layer.node.spec_index, "expect"), layer, layer.node.expect


def from_error(name: str, error: CnncalcError) -> Finding:
    """Return the finding of a file that cannot be read, of an impossible network, or of a bug."""
    where = error.where if error.where is not None and error.where.line else Where(name, 1, 1)
    code = INTERNAL if isinstance(error, InternalError) else "CC001" if isinstance(error, SpecError) else "CC002"
    return Finding(
        code, name, error.what, where.line, where.column, layer=error.layer, help="\n".join(error.helps()) or None
    )


def failed(name: str, error: Exception, line: int = 0) -> Result:
    """Return the result of a file that could not be judged, with the one finding of why."""
    return Result(name, [from_error(name, as_error(error))], None, line=line)


def finding_at(name: str, network: Network, path: Path | None, code: str, what: str, **more: Any) -> Finding:
    """Return a finding at a path of the spec; at the file's beginning without a path, or without a text to look in."""
    where = None if path is None or network.source is None else network.source.locate(path, None)
    line, column = (1, 1) if where is None else (where.line, where.column)
    return Finding(code, name, what, line, column, **more)


def _label(subject: Report | LayerReport) -> str | None:
    return subject.node.label() if isinstance(subject, LayerReport) else None


def _judged(
    name: str, judged: Judged, subject: Report | LayerReport, wanted: expect.Expectation, path: Path | None
) -> Iterator[Failing | None]:
    """Yield what fails of one expectation; None for each thing that holds."""
    report, figure = judged.report, wanted.figure
    at = None if path is None else (*path, wanted.key)
    if wanted.layer is not None and isinstance(subject, Report):
        named, rest = subject.named(wanted.layer)
        if rest:
            yield Failing(partial(_no_layer, name, judged, wanted, at), is_unusable=True)
            return
        subject = named
        if at is None and isinstance(subject, LayerReport):
            at = ("layers", subject.node.spec_index)
    if figure == expect.FORBID:
        yield from _forbidden(name, judged, subject, wanted)
        return
    try:
        actual, text = judged.figure(subject, figure)
        held = expect.holds(wanted, actual)
    except SpecError as error:
        more = {**_expected(subject, wanted), "help": error.help}
        yield Failing(partial(finding_at, name, report.network, at, "CC003", error.what, **more), is_unusable=True)
        return
    yield None if held else Failing(partial(_not_met, name, judged, subject, wanted, at, actual, text))


def _forbidden(
    name: str, judged: Judged, subject: Report | LayerReport, wanted: expect.Expectation
) -> Iterator[Failing | None]:
    """Yield each forbidden hint on all layers, or on one; None for each kind of which there is none."""
    missed = dict.fromkeys(wanted.value)
    for kind, place, hint in judged.hints(subject, wanted.value):
        missed.pop(kind.name, None)
        more = {"layer": place.label, "figure": wanted.figure, "help": hint.help}
        yield Failing(partial(finding_at, name, judged.report.network, place.path, kind.code, hint.text, **more))
    yield from missed.values()


def _expected(subject: Report | LayerReport, wanted: expect.Expectation) -> dict[str, Any]:
    """Return what a finding says of an expectation."""
    own = {"layer": _label(subject), "figure": wanted.key, "expected": expect.describe(wanted)}
    return own | {"expected_value": wanted.value}


def _not_met(
    name: str,
    judged: Judged,
    subject: Report | LayerReport,
    wanted: expect.Expectation,
    at: Path | None,
    actual: Any,
    text: str,
) -> Finding:
    """Return the finding of an expectation that does not hold: its actual value, as text too, and how it comes."""
    figure, network, own = wanted.figure, judged.report.network, _expected(subject, wanted)
    own |= {"actual": text, "arithmetic": judged.arithmetic(subject, figure)}
    own["actual_value"] = _as_json(actual, wanted)
    if actual is None or (isinstance(actual, list) and None in actual):
        why, help = _why_unknown(subject, figure, text)
        what = f"{figure} {why}, expected {own['expected']}"
        return finding_at(name, network, at, "CC113", what, help=help, **own)
    what, help = f"{figure} is {text}, expected {own['expected']}", _if_meant(wanted, actual, text)
    return finding_at(name, network, at, expect.FIGURES[figure].code, what, help=help, **own)


def _no_layer(name: str, judged: Judged, wanted: expect.Expectation, at: Path | None = None) -> Finding:
    """Return the finding of an expectation of a layer that is not there."""
    more = {"figure": wanted.key, "expected": expect.describe(wanted), "expected_value": wanted.value}
    what, help = f"there is no layer {shown(wanted.layer)}", judged.nearest(wanted.layer or "")
    return finding_at(name, judged.report.network, at, "CC003", what, help=help, **more)


def _as_json(actual: Any, wanted: expect.Expectation) -> Any:
    """Return an actual value as the expected one is given: a number for all axes, if they have one."""
    if wanted.shape is not None:
        return tuple(to_json(actual) or ())
    if not isinstance(actual, list):
        return actual
    return actual[0] if not isinstance(wanted.value, tuple) and len(set(actual)) == 1 else tuple(actual)


def _why_unknown(subject: Report | LayerReport, figure: str, text: str) -> tuple[str, str]:
    """Return why a figure, of which `text` is all that is known, is not a number, and what would help."""
    if figure.startswith("rf") and any(field.phases is not None for field in subject.rf):
        return "differs from unit to unit", "expect it above the transposed convolution or the upsampling"
    if any(isinstance(size, Open) for size in _input_of(subject)):
        return f"is {text} while a size is open", "close the input's sizes, or expect what does not depend on them"
    return "is unknown here", "expect it of a layer above"


def _if_meant(wanted: expect.Expectation, actual: object, text: str) -> str:
    """Return how to accept the new value, if the change is meant."""
    key = wanted.key
    if actual is NOTHING_KNOWN:
        return "give the opaque layer its out, or expect the shape of a layer above"
    if wanted.bound and isinstance(actual, int):
        actual += (1 if wanted.bound == "max_" else -1) if wanted.excludes else 0
        text = counted(actual)
    if wanted.bound and not wanted.is_typed:
        return f"if the change is meant, {'raise' if wanted.bound == 'max_' else 'lower'} {key} to {text}"
    if wanted.shape is not None and isinstance(actual, tuple):  # a letter for each size that is not a number
        letters = iter("HWDLCABEFG")
        names: dict[object, str] = {}
        text = "x".join(str(n) if isinstance(n, int) else names.setdefault(n, next(letters)) for n in actual)
        text = "[]" if actual == () else text
    if wanted.is_typed:
        return f"if the change is meant, give --expect {key}={actual if isinstance(actual, int) else text}"
    value = actual if isinstance(actual, int) else text if actual == () else f'"{text}"'
    return f'if the change is meant, write "{key}": {value}'


def _actual(subject: Report | LayerReport, figure: str) -> tuple[Any, str]:
    """Return a figure's value and its text: a shape, a number for each axis, or a count; None if it is not known."""
    if expect.FIGURES[figure].is_shape:
        shape = subject.out if figure == "out" else _input_of(subject)
        return shape, show(shape)
    if expect.FIGURES[figure].per_axis:
        part = "size" if figure == "rf" else figure.removeprefix("rf_")
        if not subject.rf:
            raise SpecError(f"there is no {figure}: the input has no axes", "leave the expectation out")
        return [getattr(field, part) for field in subject.rf], field_text(subject.rf, part)
    if expect.FIGURES[figure].in_bytes:
        number: Count = _bytes(subject, figure)
        return number, counted(number)
    of_convolutions = figure in ("fc_weights", "local_weights")
    if isinstance(subject, Report):
        if of_convolutions:
            raise SpecError(f"the whole network has no {figure}", "expect it of a convolution")
        number = subject.flops if figure == "flops" else summed(subject.layers, figure)
    elif of_convolutions and not subject.is_convolution:
        raise SpecError(f"{subject.op} has no {figure}", "only convolutions have it")
    else:
        number = getattr(subject, figure)
    return known(number), counted(number)


def _bytes(subject: Report | LayerReport, figure: str) -> int | None:
    """Return the most bytes in memory at once, or while a layer runs, or those of the parameters."""
    if subject.memory is None:
        return None
    if figure == "param_bytes":
        return subject.memory.params
    return subject.memory.peak if isinstance(subject.memory, NetworkMemory) else subject.memory.alive


def _input_of(subject: Report | LayerReport) -> Any:
    return subject.x if isinstance(subject, LayerReport) else subject.network.input


MOST_TERMS = 4
_STARTS = {"params": "parameters", "weights": "parameters", "bias": "parameters", "macs": "MACs"}
_STARTS |= {"buffers": "buffers", "rf": "receptive"}
"""The beginning of the lines of a layer's arithmetic that lead to a figure."""


def arithmetic(report: Report, subject: Report | LayerReport, figure: str) -> list[str]:
    """Return the lines that lead to a figure of a layer, or of the whole."""
    if figure == "in":
        return []
    if figure == "flops":
        return [f"2*{counted(subject.macs)} MACs = {counted(subject.flops)}"]
    if expect.FIGURES[figure].in_bytes:
        return _tensors(subject) if figure == "memory" and isinstance(subject, Report) else []
    if isinstance(subject, LayerReport):
        return _lines_of(report, subject, figure)
    if figure in ("params", "macs", "buffers", "weights", "bias"):
        return _sum(subject, figure)
    explained = ((layer.name, _lines_of(report, layer, figure)) for layer in reversed(subject.layers))
    return next(([f"{name}: {line}" for line in told] for name, told in explained if told), [])


def _tensors(report: Report) -> list[str]:
    """Return the sum of the tensors that are in memory at once at the worst."""
    memory = report.memory
    if memory is None or memory.peak is None:
        return []
    parts = [f"{name or 'the input'} {size:,}" for name, size in memory.peak_tensors]
    return [f"{memory.dtype}, while {memory.peak_at} runs: {' + '.join(parts)} = {memory.peak:,} bytes"]


def _lines_of(report: Report, layer: LayerReport, figure: str) -> list[str]:
    if figure == "fc_weights":
        return [f"in*out = {times(layer.sample)}*{times(layer.traced.out)} = {counted(layer.fc_weights)}"]
    every = lines(report, layer)
    if figure == "local_weights":
        return [line.replace("MACs", "a weight for each multiplication") for line in every if line.startswith("MACs:")]
    start = _STARTS.get(figure.partition("_")[0])
    if start is not None:
        return [line for line in every if line.startswith(start)]
    own = [line for line in every if not line.startswith(tuple(_STARTS.values()))]
    return own or [f"{layer.op}: {show(layer.x)} -> {show(layer.out)}"]


def _sum(report: Report, figure: str) -> list[str]:
    """Return the sum of the layers' counts, the largest by name."""
    counts = [(getattr(layer, figure), layer.name) for layer in report.layers if layer.adds(figure)]
    terms = sorted(((n, name) for n, name in counts if isinstance(n, int) and n), reverse=True)
    parts = [f"{name} {n:,}" for n, name in terms[:MOST_TERMS]]
    if terms[MOST_TERMS:]:
        rest = [n for n, _ in terms[MOST_TERMS:]]
        parts.append(f"{len(rest)} other{'s' * (len(rest) != 1)} {sum(rest):,}")
    parts += [f"{name} {counted(n)}" for n, name in counts if not isinstance(n, int)][:MOST_TERMS]
    return [f"{' + '.join(parts)} = {counted(summed(report.layers, figure))}"] if parts else []
