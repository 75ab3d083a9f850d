"""Baselines: a file with every figure of every checked file, so that no change goes unnoticed.

A file an entry, a layer a line:

    {"cnncalc": 1, "files": {
     "nets/a.json": {"report": {"out": [10], ...}, "layers": {
      "conv1": {"op": "conv", "out": [6, 28, 28], ...},
      ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import LONGEST_PATH, SpecError, shown
from ..explain import axes_text
from ..notation.encode import encode
from ..notation.encode import entries as json_entries
from ..report import Report, listed
from ..sizes import counted, to_json
from . import Finding, finding_at

VERSION = 1
Entry = dict[str, Any]
"""The figures of one file: `report` for the whole, and `layers` by name."""


def entry(report: Report) -> Entry:
    """Every figure of a report and every key of its layers, as JSON reads them back."""
    layers = {layer.name: {"op": layer.op, **layer.values, **layer.figures()} for layer in report.layers}
    whole = {"in": to_json(report.network.input or ()), **report.totals()}
    plain: Entry = listed({"report": whole, "layers": layers})
    return plain


def read(value: Any, name: str) -> dict[str, Entry]:
    """The entries of a baseline's JSON, by file. SpecError if it is not a baseline."""
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, dict) or not all(map(_is_entry, files.values())):
        raise SpecError(
            f"{shown(name, LONGEST_PATH)} is not a baseline", "write it with cnncalc check --baseline FILE --update"
        )
    version = value.get("cnncalc")
    if type(version) is not int or version != VERSION:
        raise SpecError(f"{shown(name, LONGEST_PATH)}: version {shown(version)} of a baseline is not known")
    return files


def _is_entry(value: Any) -> bool:
    parts = (value.get("report"), value.get("layers")) if isinstance(value, dict) else (None, None)
    return all(isinstance(part, dict) for part in parts) and all(isinstance(x, dict) for x in value["layers"].values())


def write(entries: Mapping[str, Entry]) -> Iterator[str]:
    """A baseline's text: sorted by file, a layer a line."""
    yield f'{{"cnncalc": {VERSION}, "files": '
    files = (f"{encode(file)}: {_entry_text(entries[file])}" for file in sorted(entries))
    yield from json_entries(files, "{}", inner=" ")
    yield "}\n"


def _entry_text(one: Entry) -> str:
    layers = (f"{encode(name)}: {encode(figures)}" for name, figures in one["layers"].items())
    return f'{{"report": {encode(one["report"])}, "layers": {"".join(json_entries(layers, "{}", outer=" "))}}}'


def findings(name: str, report: Report, known: Entry | None) -> list[Finding]:
    """What differs from the baseline: a finding for the whole, and one for each layer that is changed, added or gone.

    If only figures of a layer differ, they follow from a change above it: a note, unless nothing else is an error.
    """
    if known is None:
        return [
            Finding("CC302", name, "the baseline has no entry for this file", help="if it is new, run with --update")
        ]
    changes = list(_findings(name, report, known, entry(report)))
    if any(finding.level == "error" for finding in changes):
        return changes
    return [finding._replace(level="error") for finding in changes]


def _findings(name: str, report: Report, known: Entry, now: Entry) -> Iterator[Finding]:
    changes = list(_changes(known["report"], now["report"]))
    if changes:
        yield Finding("CC301", name, f"differs from the baseline: {', '.join(changes)}", help=_MEANT)
    for layer in report.layers:
        before, after = known["layers"].get(layer.name), now["layers"][layer.name]
        changes = list(_changes(before or {}, after))
        if not changes:
            continue
        code, what, own = "CC303", "the baseline does not have this layer", True
        if before is not None:
            own = any(before.get(key) != after.get(key) for key in ("op", *layer.values) if key != "c_i")
            follows = "" if own else ", as follows from above"
            code, what = "CC301", f"differs from the baseline{follows}: {', '.join(changes)}"
        more = {"level": "error" if own else "note", "layer": layer.node.label(), "help": _MEANT}
        yield finding_at(name, report.network, ("layers", layer.node.spec_index), code, what, **more)
    for gone in known["layers"]:
        if gone not in now["layers"]:
            yield Finding("CC304", name, f"the baseline's layer {shown(gone)} is gone", help=_MEANT)


_MEANT = "if the change is meant, run with --update"


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Each figure that differs, as `params 9,472 -> 9,536`."""
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            yield f"{key} {_text(before.get(key))} -> {_text(now.get(key))}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_text(part)}" for key, part in value.items())
    if isinstance(value, list) and value and all(isinstance(p, list) and len(p) == 2 for p in value):
        return axes_text(value)  # padding
    if isinstance(value, list) and len(value) == 1:
        return _text(value[0]) if not isinstance(value[0], list) else "x".join(map(shown, value[0]))
    if isinstance(value, list):
        return "x".join(shown(part) if isinstance(part, list) else _text(part) for part in value)
    return counted(value) if value is None or type(value) is int else shown(value)
