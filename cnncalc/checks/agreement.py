"""Check a spec under several dialects: what is expected has to hold in each, and all have to agree on every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..contrasts import RULES, Contrast, LayerContrast, contrast, named_list
from ..dialects import Dialect
from ..errors import CnncalcError
from ..network import Network
from ..report import Report
from ..sizes import Shape
from ..trace import shape
from . import Finding, Result, check, expect, finding_at, from_error

DIFFER = "CC401"
_HELP = "write out the keys in which the dialects differ, or name only dialects that have to agree in --dialect"


def check_agreement(
    name: str,
    load: Callable[[], Network],
    dialects: Sequence[type[Dialect]],
    input: Shape | None = None,
    batch: int | None = None,
    layout: str | None = None,
    extra: Sequence[expect.Expectation] = (),
    strict: bool = False,
    line: int = 0,
) -> Result:
    """Judge one file under each of the dialects; nothing is raised. A finding that all have is there once.

    A dialect that refuses what another accepts is a disagreement; a spec that all refuse is impossible.
    """
    try:
        network = load()
        contrasted = contrast(network, dialects, input, batch=batch, layout=layout)
    except CnncalcError as error:
        return Result(name, [from_error(name, error)], None, line=line)
    if contrasted.refused_by_all():
        errors = [from_error(name, run.error) for run in contrasted.runs if run.error is not None]
        return Result(name, list(dict.fromkeys(errors)), None, line=line)

    def judge(dialect: str) -> Result:
        def trace(network: Network) -> Report:
            return shape(network, input, batch=batch, dialect=dialect, layout=contrasted.network.layout)

        return check(name, lambda: network, trace, extra, strict, line)

    results = {run.name: judge(run.name) for run in contrasted.runs if run.error is None}
    findings = [*_disagreements(name, contrasted), *_merged(results)]
    report = next(iter(results.values())).report
    return Result(name, findings, report, sum(r.checked for r in results.values()) + 1, line)


def _disagreements(name: str, contrast: Contrast) -> Iterator[Finding]:
    """The layers that a dialect refuses, or of which a figure differs between dialects because of a rule of theirs."""
    for difference in contrast.layers:
        for run in difference.refusing():
            if run.error is not None:
                what = f"refused by {run.name}: {run.error.what}"
                yield from_error(name, run.error)._replace(code=DIFFER, what=what, help=_HELP)
        if any(RULES[key].shapes for key in difference.apart()):
            yield _differing(name, contrast, difference)


def _differing(name: str, contrast: Contrast, difference: LayerContrast) -> Finding:
    node = contrast.network.nodes[difference.number]
    what = f"the dialects differ: {difference.outputs()}"
    why = tuple(line for line in difference.why() if not line.startswith("refused"))
    path = ("layers", node.spec_index)
    return finding_at(name, contrast.network, path, DIFFER, what, layer=node.label(), arithmetic=why, help=_HELP)


def _merged(results: dict[str, Result]) -> Iterator[Finding]:
    """Each finding once; with the names of its dialects if not all have it."""
    alike: dict[Finding, list[tuple[str, Finding]]] = {}
    for dialect, result in results.items():
        for finding in result.findings:
            if finding.code == "CC201":
                continue  # that they agree is an expectation
            alike.setdefault(finding._replace(arithmetic=()), []).append((dialect, finding))
    for group in alike.values():
        first = group[0][1]
        some = f", in {named_list([dialect for dialect, _ in group])}" if len(group) < len(results) else ""
        yield first._replace(what=first.what + some)
