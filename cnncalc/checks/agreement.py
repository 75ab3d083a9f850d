"""A spec judged under several dialects: what is expected holds in each, and all agree on every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..contrasts import RULES, Contrast, LayerContrast, named_list
from ..errors import CnncalcError
from ..network import Network
from ..report import Report
from . import Finding, Result, check, expect, from_error, place

DIFFER = "CC401"
_HELP = "write out what the dialects differ in, or name in --dialect only those that have to agree"


def check_agreement(
    name: str,
    load: Callable[[], Network],
    trace: Callable[[Network, str], Report],
    contrast_of: Callable[[Network], Contrast],
    extra: Sequence[expect.Expectation] = (),
    strict: bool = False,
    line: int = 0,
) -> Result:
    """Judge one file under each dialect that `contrast_of` asks. What all find is said once; nothing is raised.

    A dialect that refuses what another takes is a disagreement; a spec that all refuse is impossible.
    """
    try:
        network = load()
        contrast = contrast_of(network)
    except CnncalcError as error:
        return Result(name, [from_error(name, error)], None, line=line)
    if contrast.refused_by_all():
        errors = [from_error(name, run.error) for run in contrast.runs if run.error is not None]
        return Result(name, list(dict.fromkeys(errors)), None, line=line)
    taking = [run.name for run in contrast.runs if run.error is None]
    results = {
        dialect: check(name, lambda: network, lambda net, d=dialect: trace(net, d), extra, strict, line)  # type: ignore[misc]
        for dialect in taking
    }
    findings = [*_disagreements(name, contrast), *_merged(results)]
    first = results[taking[0]]
    return Result(name, findings, first.report, sum(r.checked for r in results.values()) + 1, line)


def _disagreements(name: str, contrast: Contrast) -> Iterator[Finding]:
    """The layers at which a dialect refuses, or makes another figure than the others for a reason of its own."""
    for difference in contrast.layers:
        for run in difference.refusing():
            if run.error is not None:
                what = f"refused by {run.name}: {run.error.what}"
                yield from_error(name, run.error)._replace(code=DIFFER, what=what, help=_HELP)
        if any(RULES[key].shapes for key in difference.apart()):
            yield _differing(name, contrast, difference)


def _differing(name: str, contrast: Contrast, difference: LayerContrast) -> Finding:
    node = contrast.network.nodes[difference.number]
    where = place(contrast.network, ("layers", node.spec_index), name)
    outs = difference.outputs()
    arithmetic = [line for line in difference.why() if not line.startswith("refused")]
    what = f"the dialects differ: {outs}"
    return Finding(
        DIFFER, name, what, where.line, where.column, layer=node.label(), arithmetic=tuple(arithmetic), help=_HELP
    )


def _merged(results: dict[str, Result]) -> Iterator[Finding]:
    """Each finding once: as it is where all have it, with its dialects where only some do."""
    found: dict[Finding, list[tuple[str, Finding]]] = {}
    for dialect, result in results.items():
        for finding in result.findings:
            if finding.code == "CC201":
                continue  # that they agree is an expectation
            found.setdefault(finding._replace(arithmetic=()), []).append((dialect, finding))
    for said in found.values():
        first = said[0][1]
        some = f", in {named_list([dialect for dialect, _ in said])}" if len(said) < len(results) else ""
        yield first._replace(what=first.what + some)
