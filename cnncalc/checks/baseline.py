"""Baselines: a file with every figure of every checked file, so that no change goes unnoticed.

One entry per file, one line per layer:

    {"cnncalc": 1, "files": {
     "nets/a.json": {"report": {"out": [10], ...}, "layers": {
      "conv1": {"op": "conv", "out": [6, 28, 28], ...},
      ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ..errors import LONGEST_PATH, SpecError, as_error, shown
from ..explain import axes_text
from ..notation.document import Document, parse
from ..notation.encode import encode
from ..notation.encode import entries as json_entries
from ..outputs import is_special
from ..report import LayerReport, Report, listed
from ..sizes import counted, to_json
from ..sources.formats import read_text
from ..sources.words import STDIN
from .findings import Failing, Finding, Result, finding_at, from_error, listed_findings

VERSION = 1
Entry = dict[str, Any]
"""The figures of one file: `report` for the whole, and `layers` by name."""


class Baseline:
    """A baseline file that results are compared with or recorded in; `tell` is called with its own finding."""

    def __init__(self, path: str, update: bool, tell: Callable[[Exception], None]):
        self.path, self.update, self._tell = path, update, tell
        self.folder = os.path.dirname(os.path.realpath(path))
        self.entries: dict[str, Entry] = {}
        self.now: dict[str, str] = {}
        """The text of the entry of each file of this run, if results are recorded."""
        self.seen: set[str] = set()
        """The keys of the files of this run."""
        self.broken: Finding | None = None
        """Why the baseline cannot be read; files are checked all the same, and the baseline is not written."""
        self._version = _version(path)
        try:
            self.entries = self._read()
        except Exception as error:  # noqa: BLE001  files are checked all the same
            self.broken = self._failed(path, error)

    def _failed(self, name: str, error: Exception) -> Finding:
        self._tell(error)
        return from_error(name, as_error(error))

    def _read(self) -> dict[str, Entry]:
        """Return the entries of the file.

        Raise SpecError if it is not a baseline, or does not exist and is not updated.
        """
        name = shown(self.path, LONGEST_PATH)
        if os.path.isdir(self.path):
            raise SpecError(f"{name} is a directory", "name the baseline's file")
        if is_special(self.path):
            what = f"{name} is a pipe or a device, but the paths in a baseline are relative to its folder"
            raise SpecError(what, "name a regular file")
        if os.path.exists(self.path):
            return read(parse(Document(read_text(self.path), self.path)), self.path)
        if self.update:
            return {}
        raise SpecError(f"there is no baseline {name}", "write it with --update")

    def key(self, result: Result) -> str:
        """Return a file's name relative to the baseline's folder, with its line in JSON Lines."""
        name = result.file
        if os.path.exists(name):
            name = os.path.realpath(name)
            if os.path.splitdrive(name)[0] == os.path.splitdrive(self.folder)[0]:  # Windows has several drives
                name = os.path.relpath(name, self.folder)
            name = name.replace(os.sep, "/")
        return f"{name}:{result.line}" if result.line else name

    def compare(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield the results with the differences from the baseline; with `update`, record them instead."""
        if self.broken is not None:
            yield Result(self.path, [self.broken], None)
        for result in results:
            try:
                compared = self._compared(result)
            except Exception as error:  # noqa: BLE001  one file never ends the gate
                compared = result._replace(findings=[*result.findings, self._failed(result.file, error)])
            yield compared
        if not self.update:
            help = "if that is meant, run with --update"
            for gone in filter(self.is_gone, self.entries):
                yield Result(gone, [Finding("CC305", gone, "the baseline's file is gone", help=help)], None, 1)

    def _compared(self, result: Result) -> Result:
        """Return a file's result with the differences from its entry; with `update`, record it."""
        key = self.key(result)
        self.seen.add(key)
        if result.report is None or self.broken is not None:
            return result
        findings = [finding for finding in result.findings if finding.code != "CC201"]
        if self.update:
            self.now[key] = entry_text(key, result.report)
        else:
            findings += changes(result.file, result.report, self.entries.get(key))
        return result._replace(findings=findings, checked=result.checked + 1)

    def is_gone(self, key: str) -> bool:
        """Return whether an entry's file no longer exists, or its line in a file that was read."""
        name, _, line = key.rpartition(":")
        file = key
        if line.isdecimal() and name.endswith(".jsonl"):
            file = name
            if f"{name}:1" in self.seen and key not in self.seen:
                return True
        path = os.path.join(self.folder, file)
        return file != STDIN and not file.startswith("zoo:") and not os.path.exists(path)

    def updated(self) -> dict[str, str]:
        """Return the text of each entry of the updated baseline, those of files that exist, sorted by file.

        Raise SpecError if another program has written the baseline since it was read: its entries would be lost.
        """
        if _version(self.path) != self._version:
            raise SpecError(f"{shown(self.path, LONGEST_PATH)} changed while in use", "try again")
        keys = sorted({**self.entries, **self.now})
        return {key: self.now.get(key) or self._known(key) for key in keys if not self.is_gone(key)}

    def _known(self, key: str) -> str:
        """Return the text of an entry as in the file."""
        known = self.entries[key]
        return _entry_text(key, known["report"], known["layers"].items())


def _version(path: str) -> tuple[int, ...] | None:
    """Return a key that changes when the file is replaced; None if there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def text(entries: Iterable[str]) -> Iterator[str]:
    """Yield the text of a baseline with these entries, one line per layer."""
    yield f'{{"cnncalc": {VERSION}, "files": '
    yield from json_entries(entries, "{}", inner=" ")
    yield "}\n"


def entry_text(file: str, report: Report) -> str:
    """Return the entry of a file as text: every figure of its report and every key of its layers."""
    return _entry_text(file, _whole(report), ((layer.name, _figures(layer)) for layer in report.layers))


def _whole(report: Report) -> dict[str, Any]:
    return {"in": to_json(report.x), **report.totals()}


def _figures(layer: LayerReport) -> dict[str, Any]:
    return {"op": layer.op, **layer.values, **layer.figures()}


def read(value: Any, name: str) -> dict[str, Entry]:
    """Return the entries of a baseline's JSON, by file. Raise SpecError if it is not a baseline."""
    name = shown(name, LONGEST_PATH)

    def has(value: Any, *keys: Any) -> bool:
        """Return whether a value is an object with objects under these keys."""
        return isinstance(value, dict) and all(isinstance(value.get(key), dict) for key in keys)

    entries: Iterable[Any] = value["files"].values() if has(value, "files") else [None]
    if not all(has(one, "report", "layers") and has(one["layers"], *one["layers"]) for one in entries):
        raise SpecError(f"{name} is not a baseline", "write it with cnncalc check --baseline FILE --update")
    version = value.get("cnncalc")
    if type(version) is not int or version != VERSION:
        raise SpecError(f"{name}: version {shown(version)} of a baseline is unknown")
    files: dict[str, Entry] = value["files"]
    return files


def _entry_text(file: str, whole: Mapping[str, Any], layers: Iterable[tuple[str, Any]]) -> str:
    texts = (f"{encode(name)}: {encode(figures)}" for name, figures in layers)
    text = "".join(json_entries(texts, "{}", outer=" "))
    return f'{encode(file)}: {{"report": {encode(whole)}, "layers": {text}}}'


def changes(name: str, report: Report, known: Entry | None) -> list[Finding]:
    """Return the findings of a changed file: one for the whole, one for each layer that is changed, added or gone.

    If only figures of a layer differ, they follow from an earlier change: a note, unless nothing else is an error.
    """
    if known is None:
        help = "if it is new, run with --update"
        return [Finding("CC302", name, "the baseline has no entry for this file", help=help)]
    findings = listed_findings(_failures(name, report, known))
    has_error = any(finding.level == "error" for finding in findings)
    return findings if has_error else [finding._replace(level="error") for finding in findings]


def _failures(name: str, report: Report, known: Entry) -> Iterator[Failing]:
    differing = list(_changes(known["report"], listed(_whole(report))))
    if differing:
        what = f"differs from the baseline: {', '.join(differing)}"
        yield Failing(partial(Finding, "CC301", name, what, help=_MEANT))
    for layer in report.layers:
        before, after = known["layers"].get(layer.name), listed(_figures(layer))
        if any(_changes(before or {}, after)):
            yield Failing(partial(_changed, name, report, layer, before, after))
    names = {layer.name for layer in report.layers}
    for gone in known["layers"]:
        if gone not in names:
            what = f"the baseline's layer {shown(gone)} is gone"
            yield Failing(partial(Finding, "CC304", name, what, help=_MEANT))


def _changed(
    name: str, report: Report, layer: LayerReport, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Finding:
    """Return the finding for a layer that differs from the baseline's, or that only one of the two has."""
    code, what, own = "CC303", "the baseline does not have this layer", True
    if before is not None:
        own = any(before.get(key) != after.get(key) for key in ("op", *layer.values) if key != "c_i")
        follows = "" if own else ", as a result of changes above"
        code, what = "CC301", f"differs from the baseline{follows}: {', '.join(_changes(before, after))}"
    more = {"level": "error" if own else "note", "layer": layer.node.label(), "help": _MEANT}
    return finding_at(name, report.network, ("layers", layer.node.spec_index), code, what, **more)


_MEANT = "if the change is meant, run with --update"


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield each figure that differs, as `params 9,472 -> 9,536`."""
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            yield f"{key} {_text(before.get(key))} -> {_text(now.get(key))}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_text(part)}" for key, part in value.items())
    if not isinstance(value, list):
        return counted(value) if value is None or type(value) is int else shown(value)
    if value and all(isinstance(part, list) and len(part) == 2 for part in value):
        return axes_text(value)  # padding
    if len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return "x".join(shown(part) if isinstance(part, list) else _text(part) for part in value)
