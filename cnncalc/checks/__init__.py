"""Specs against what they, or the caller, or a baseline expect of them: one value a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ..errors import CnncalcError, Path, SpecError, Where
from ..explain import field_text, lines
from ..layers.conv import times
from ..network import Network
from ..report import LayerReport, Report, summed
from ..sizes import Open, counted, show
from . import expect

CODES = {
    "CC001": ("unreadable", "the file is no spec that can be read"),
    "CC002": ("impossible", "the spec reads well and cannot be: its sizes do not go together"),
    "CC003": ("bad-expectation", "an expectation that cannot be read, or of a figure that there is not"),
    **{
        figure.code: (figure.slug, f"{figure.slug.replace('-', ' ')}: not as expected")
        for figure in expect.FIGURES.values()
    },
    "CC113": ("unknown-figure", "a figure is expected that is not known, or is no one number"),
    "CC201": ("no-expectation", "the file expects nothing; an error with --strict"),
    "CC301": ("baseline-changed", "a figure differs from the baseline's"),
    "CC302": ("baseline-missing", "the baseline does not know the file"),
    "CC303": ("baseline-added-layer", "a layer that the baseline does not have"),
    "CC304": ("baseline-removed-layer", "a layer of the baseline that is gone"),
    "CC305": ("baseline-removed-file", "a file of the baseline that is gone"),
    "CC401": ("dialects-differ", "the dialects that are asked for make different figures of it, or one refuses it"),
}
"""Every code of a finding, its name and what it means. A code never changes its meaning."""


class Finding(NamedTuple):
    """One thing that is wrong, or worth a note."""

    code: str
    file: str
    what: str
    line: int = 1
    column: int = 1
    level: str = "error"
    """`error` or `note`."""
    layer: str | None = None
    """The layer, as `layers[2] 'pool1'`; None where it is about the whole."""
    figure: str | None = None
    """The key of the expectation, as `max_params`."""
    expected: str | None = None
    actual: str | None = None
    arithmetic: tuple[str, ...] = ()
    """How the actual value comes about, a line a formula."""
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
        """Whether the file could not be judged at all: exit code 2."""
        return self.code < "CC100"

    def message(self) -> str:
        """What is wrong in one line, with the layer it is about."""
        return f"{self.layer}: {self.what}" if self.layer else self.what

    def text(self) -> str:
        """The finding as an error of the command line: place, what, arithmetic, help."""
        file = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self.file)
        head = f"{file}:{self.line}:{self.column}: {self.title}: {self.message()}"
        more = [*self.arithmetic, *(self.help.split("\n") if self.help else [])]
        return "\n".join([head, *("  " + line for line in more)])

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON, without what it does not have."""
        found = {"code": self.code, "name": self.slug, **self._asdict()}
        found["arithmetic"] = list(self.arithmetic)
        return {key: value for key, value in found.items() if value not in (None, [])}


class Result(NamedTuple):
    """What came of one file."""

    file: str
    findings: list[Finding]
    report: Report | None
    """None where there is none: the file is unreadable or impossible."""
    checked: int = 0
    """How many expectations were looked at."""
    line: int = 0
    """The line of a JSON Lines file that it is about; 0 for a whole file."""


def exit_code(findings: Sequence[Finding]) -> int:
    """2 where a file could not be judged, 1 where an expectation failed, else 0."""
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
) -> Result:
    """Read, trace and judge one file. `extra` are expectations of the whole that the caller has; nothing is raised."""
    try:
        network = load()
        report = trace(network)
    except CnncalcError as error:
        return Result(name, [from_error(name, error)], None, line=line)
    findings: list[Finding] = []
    count = len(extra)
    findings += (f for e in extra for f in _judge(name, report, report, e, None))
    for path, subject, given in _expecting(report):
        try:
            expectations = expect.read(given, path)
        except SpecError as error:
            findings.append(_bad(name, network, subject, error))
            continue
        count += len(expectations)
        findings += (f for e in expectations for f in _judge(name, report, subject, e, path))
    if count == 0 and not findings:
        findings.append(_expects_nothing(name, strict))
    return Result(name, findings, report, count, line)


def _expects_nothing(name: str, strict: bool) -> Finding:
    help = 'add "expect": {"out": ...} to a layer or to the whole, or give --expect or --baseline'
    return Finding("CC201", name, "the file expects nothing", level="error" if strict else "note", help=help)


def _expecting(report: Report) -> Iterator[tuple[Path, Report | LayerReport, Any]]:
    """Whatever carries an `expect`: its path, and whose figures are meant."""
    if report.network.expect is not None:
        yield ("expect",), report, report.network.expect
    for layer in report.layers:
        if layer.node.expect is not None:
            yield ("layers", layer.node.spec_index, "expect"), layer, layer.node.expect


def from_error(name: str, error: CnncalcError) -> Finding:
    """The finding of a file that cannot be read, or a network that cannot be."""
    where = error.where if error.where is not None and error.where.line else Where(name, 1, 1)
    code = "CC001" if isinstance(error, SpecError) else "CC002"
    return Finding(code, name, error.what, where.line, where.column, layer=error.layer, help=error.help)


def _bad(name: str, network: Network, subject: Report | LayerReport, error: SpecError) -> Finding:
    where = place(network, error.path or (), name)
    layer = subject.node.label() if isinstance(subject, LayerReport) else None
    return Finding("CC003", name, error.what, where.line, where.column, layer=layer, help=error.help)


def place(network: Network, path: Path, name: str) -> Where:
    """Where a path of the spec stands; the file's beginning where there is no text to look in."""
    where = network.origin.locate(path, None) if network.origin is not None else None
    return where or Where(name, 1, 1)


def _judge(
    name: str, report: Report, subject: Report | LayerReport, wanted: expect.Expectation, path: Path | None
) -> Iterator[Finding]:
    """The finding of one expectation, where it fails."""
    try:
        actual, text, holds = _compare(subject, wanted)
    except SpecError as error:
        yield _about(name, report, subject, wanted, path)._replace(code="CC003", what=error.what, help=error.help)
        return
    if holds:
        return
    base = _about(name, report, subject, wanted, path)
    base = base._replace(actual=text, arithmetic=tuple(arithmetic(report, subject, wanted.figure)))
    if actual is None:
        why, help = _why_unknown(subject, wanted.figure)
        yield base._replace(code="CC113", what=f"{wanted.figure} {why}, expected {base.expected}", help=help)
    else:
        what = f"{wanted.figure} is {text}, expected {base.expected}"
        mend = _mend(wanted.key, actual, text)
        yield base._replace(code=expect.FIGURES[wanted.figure].code, what=what, help=mend)


def _why_unknown(subject: Report | LayerReport, figure: str) -> tuple[str, str]:
    """Why a figure is no number, and what would help."""
    if figure.startswith("rf") and any(field.phases is not None for field in subject.rf):
        return "differs from unit to unit", "expect it above the transposed convolution or the upsampling"
    if any(isinstance(size, Open) for size in _input_of(subject)):
        return "is unknown while a size is open", "close the input's sizes, or expect what does not depend on them"
    return "is unknown here", "expect it of a layer above"


def _about(
    name: str, report: Report, subject: Report | LayerReport, wanted: expect.Expectation, path: Path | None
) -> Finding:
    """A finding that says what it is about, and not yet what is wrong."""
    layer = subject.node.label() if isinstance(subject, LayerReport) else None
    where = Where(name, 1, 1) if path is None else place(report.network, (*path, wanted.key), name)
    expected = expect.describe(wanted)
    return Finding("", name, "", where.line, where.column, layer=layer, figure=wanted.key, expected=expected)


def _mend(key: str, actual: object, text: str) -> str:
    """What to write where the change is meant."""
    if key.startswith(expect.BOUNDS):
        return f"if the change is meant, {'raise' if key.startswith('max_') else 'lower'} {key} to {text}"
    if key in ("out", "in"):
        text = _pattern(actual)
    return f'if the change is meant, write "{key}": ' + (str(actual) if isinstance(actual, int) else f'"{text}"')


def _pattern(shape: Any) -> str:
    """A shape that can be expected: a letter for each size that is no number."""
    letters = iter("HWDLCABEFG")
    names: dict[object, str] = {}
    return "x".join(str(n) if isinstance(n, int) else names.setdefault(n, next(letters)) for n in shape)


def _compare(subject: Report | LayerReport, wanted: expect.Expectation) -> tuple[object, str, bool]:
    """The actual value (None where it is not known), its text, and whether it is the expected one."""
    if wanted.shape is not None:
        shape = subject.out if wanted.figure == "out" else _input_of(subject)
        return shape, show(shape), expect.matches(wanted.shape, shape)
    if expect.FIGURES[wanted.figure].per_axis:
        return _compare_axes(subject, wanted)
    number = number_of(subject, wanted.figure)
    return number, counted(number), number is not None and wanted.ranges[0].holds(number)


def _input_of(subject: Report | LayerReport) -> Any:
    return subject.x if isinstance(subject, LayerReport) else subject.network.input


def _compare_axes(subject: Report | LayerReport, wanted: expect.Expectation) -> tuple[object, str, bool]:
    part = {"rf": "size"}.get(wanted.figure) or wanted.figure.removeprefix("rf_")
    numbers = [getattr(field, part) for field in subject.rf]
    if not numbers:
        raise SpecError(f"there is no {wanted.figure}: the input has no axes", "leave the expectation out")
    ranges = wanted.ranges * len(numbers) if len(wanted.ranges) == 1 else wanted.ranges
    if len(ranges) != len(numbers):
        raise SpecError(f"{wanted.key}: {len(ranges)} numbers for {len(numbers)} axes", "give one, or one per axis")
    text = field_text(subject.rf, part)
    if None in numbers:
        return None, text, False
    return numbers, text, all(r.holds(n) for r, n in zip(ranges, numbers, strict=True))


def number_of(subject: Report | LayerReport, figure: str) -> int | None:
    """A count of a layer or of the whole. SpecError where it has no such figure."""
    if isinstance(subject, LayerReport):
        if figure in ("fc_weights", "local_weights") and not subject.is_convolution:
            raise SpecError(f"{subject.op} has no {figure}", "only convolutions have it")
        number: int | None = getattr(subject, figure)
        return number
    if figure in ("weights", "bias"):
        return summed(subject.layers, figure)
    if figure in ("fc_weights", "local_weights"):
        raise SpecError(f"the whole network has no {figure}", "expect it of a convolution")
    return {"params": subject.params, "buffers": subject.buffers, "macs": subject.macs}[figure]


MOST_TERMS = 4


def arithmetic(report: Report, subject: Report | LayerReport, figure: str) -> list[str]:
    """The lines that lead to a figure of a layer, or of the whole."""
    if isinstance(subject, LayerReport):
        return _lines_of(report, subject, figure)
    if figure in ("params", "macs", "buffers", "weights", "bias"):
        return _sum(subject, figure)
    if figure == "in":
        return []
    for layer in reversed(subject.layers):  # the last that has something to say
        found = _lines_of(report, layer, figure)
        if found:
            return [f"{layer.name}: {line}" for line in found]
    return []


def _lines_of(report: Report, layer: LayerReport, figure: str) -> list[str]:
    starts = {"params": "parameters", "weights": "parameters", "bias": "parameters", "macs": "MACs"}
    starts |= {"buffers": "buffers", "rf": "receptive"}
    start = starts.get(figure.partition("_")[0])
    if figure == "in":
        return []
    if figure == "fc_weights":
        return [f"in*out = {times(layer.sample)}*{times(layer.traced.out)} = {counted(layer.fc_weights)}"]
    found = lines(report, layer)
    if figure == "local_weights":
        return [line.replace("MACs", "a weight for each multiplication") for line in found if line.startswith("MACs:")]
    if start is not None:
        return [line for line in found if line.startswith(start)]
    own = [line for line in found if not line.startswith(tuple(starts.values()))]
    return own or [f"{layer.op}: {show(layer.x)} -> {show(layer.out)}"]


def _sum(report: Report, figure: str) -> list[str]:
    """The sum of the layers' counts, the largest by name."""
    counts = [(number_of(layer, figure), layer.name) for layer in report.layers if layer.adds(figure)]
    terms = sorted(((n, name) for n, name in counts if n is not None), reverse=True)
    unknown = [name for n, name in counts if n is None]
    large, rest = terms[:MOST_TERMS], [n for n, _ in terms[MOST_TERMS:] if n]
    parts = [f"{name} {n:,}" for n, name in large if n]
    if rest:
        parts.append(f"{len(rest)} others {sum(rest):,}")
    parts += [f"{name} unknown" for name in unknown[:MOST_TERMS]]
    return [f"{' + '.join(parts)} = {counted(number_of(report, figure))}"] if parts else []
