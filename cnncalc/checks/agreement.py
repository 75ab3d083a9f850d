"""Check a spec under several dialects: its expectations must hold in each, and all must agree on every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ..contrasts import RULES, Contrast, contrast
from ..dialects import dialects_named, is_several
from ..errors import CnncalcError, named_list
from ..input import Inputs
from ..network import Network
from ..sizes import Shape
from ..trace import shape
from . import DTYPE, check, expect
from .findings import Finding, Result, failed, finding_at, from_error

DIFFER = "CC401"
_HELP = "write out the keys in which the dialects differ, or list in --dialect only those that have to agree"


def check_under(
    name: str,
    load: Callable[[], Network],
    dialect: str | None = None,
    input: Shape | Inputs | None = None,
    batch: int | None = None,
    layout: str | None = None,
    extra: Sequence[expect.Expectation] = (),
    strict: bool = False,
    line: int = 0,
    dtype: str = DTYPE,
) -> Result:
    """Judge one file under its own dialect, a given one, or each of several, without raising.

    Several dialects must agree: one that refuses what another accepts is a disagreement, and a spec that all refuse is
    impossible. A finding shared by all is listed once.
    """

    def judge(load: Callable[[], Network], dialect: str | None, layout: str | None) -> Result:
        trace = partial(shape, input=input, batch=batch, dialect=dialect, layout=layout)
        return check(name, load, trace, extra, strict, line, dtype)

    if dialect is None or not is_several(dialect):
        return judge(load, dialect, layout)
    try:
        network = load()
        contrasted = contrast(network, dialects_named(dialect), input, batch=batch, layout=layout)
    except CnncalcError as error:
        return failed(name, error, line)
    if contrasted.refused_by_all():
        errors = [from_error(name, run.error) for run in contrasted.runs if run.error is not None]
        return Result(name, list(dict.fromkeys(errors)), None, line=line)
    accepting = [run.name for run in contrasted.runs if run.error is None]
    results = {accepts: judge(lambda: network, accepts, contrasted.network.layout) for accepts in accepting}
    findings = [*_disagreements(name, contrasted), *_merged(results)]
    report = next(iter(results.values())).report
    return Result(name, findings, report, sum(r.checked for r in results.values()) + 1, line)


def _disagreements(name: str, contrast: Contrast) -> Iterator[Finding]:
    """Yield a finding for each layer that a dialect refuses, or for which the dialects give different figures."""
    for difference in contrast.layers:
        for run in difference.refusing():
            if run.error is not None:
                what = f"refused by {run.name}: {run.error.what}"
                yield from_error(name, run.error)._replace(code=DIFFER, what=what, help=_HELP)
        if any(RULES[key].shapes for key in difference.apart()):
            node = contrast.network.nodes[difference.number]
            what = f"the dialects differ: {difference.outputs()}"
            why = tuple(line for line in difference.why() if not line.startswith("refused"))
            more = {"layer": node.label(), "arithmetic": why, "help": _HELP}
            yield finding_at(name, contrast.network, ("layers", node.spec_index), DIFFER, what, **more)


def _merged(results: dict[str, Result]) -> Iterator[Finding]:
    """Yield each finding once, with the names of its dialects if not all have it."""
    alike: dict[Finding, list[tuple[str, Finding]]] = {}
    for dialect, result in results.items():
        for finding in result.findings:
            if finding.code != "CC201":  # agreement is itself an expectation
                alike.setdefault(finding._replace(arithmetic=()), []).append((dialect, finding))
    for group in alike.values():
        first = group[0][1]
        some = f", in {named_list([dialect for dialect, _ in group])}" if len(group) < len(results) else ""
        yield first._replace(what=first.what + some)
