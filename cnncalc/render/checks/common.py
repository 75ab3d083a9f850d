"""What several formats of findings share: file names, fingerprints and counts."""

from __future__ import annotations

import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ...checks.findings import INTERNAL, Finding, Result
from ...errors import escaped
from ..texts import plural

T = TypeVar("T")
STDIN = "-"


def named(file: str) -> str:
    """Return a file relative to the current directory if inside it, otherwise as given, with forward slashes."""
    if file == STDIN:
        return file
    with contextlib.suppress(OSError):  # the current directory may have been deleted
        full, here = os.path.abspath(file), os.path.join(os.getcwd(), "")
        file = full.removeprefix(here) if full.startswith(here) else file
    return file.replace(os.sep, "/")


def placed(result: Result) -> Result:
    """Return the result with its file name as given by `named`."""
    findings = [finding._replace(file=named(finding.file)) for finding in result.findings]
    return result._replace(file=named(result.file), findings=findings)


class ResultStream:
    """The results of files as they come. An exception while reading or drawing one becomes a result of its own.

    `failed` makes that result from the file's name and the exception.
    """

    def __init__(self, results: Iterable[Result], failed: Callable[[str, Exception], Result]):
        self._results, self._failed = iter(results), failed

    def drawn(self, draw: Callable[[Result], T]) -> Iterator[tuple[Result, T]]:
        """Yield each result with its drawing; files under the current directory have relative names."""
        while (result := self._next()) is not None:
            try:
                result = placed(result)
                picture = draw(result)
            except Exception as error:  # noqa: BLE001  one file never ends the gate
                result = self._failed(escaped(result.file), error)
                picture = draw(result)
            yield result, picture

    def _next(self) -> Result | None:
        try:
            return next(self._results, None)
        except Exception as error:  # noqa: BLE001  of which file is not known
            return self._failed("-", error)


def fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """Return a hash of code, file, layer name and figure, which is stable when lines shift or layers are inserted.

    `seen` counts findings that have all these in common; their running number is hashed, too.
    """
    import hashlib

    layer = finding.layer or ""
    name = layer.partition(" ")[2] or layer  # the name in `layers[2] 'pool1'`
    key = "\0".join([finding.code, finding.file, name, finding.figure or ""])
    seen[key] += 1
    text = f"{key}\0{seen[key]}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Tally:
    """Counts of files, expectations and findings. The lines of one .jsonl file count as one file."""

    def __init__(self) -> None:
        self.checked = 0
        self.findings: Counter[tuple[str, str]] = Counter()
        """Counts by level and code; a file that is unreadable, impossible or without expectations counts once."""
        self._once: dict[object, set[str]] = defaultdict(set)
        """The files already counted for each thing that counts once per file."""

    def count(self, result: Result) -> None:
        """Count a result and its findings."""
        self._once["all"].add(result.file)
        self.checked += result.checked
        for finding in result.findings:
            self.note(finding)

    def note(self, finding: Finding) -> None:
        """Count a finding without its file."""
        key = finding.level, finding.code
        if finding.is_unusable:
            self._once["unusable"].add(finding.file)
        if finding.code not in PER_FILE or finding.file not in self._once[key]:
            self.findings[key] += 1
            self._once[key].add(finding.file)

    def _count(self, level: str, code: str = "CC") -> int:
        """Return the number of findings of a level whose code begins with `code`."""
        return sum(n for key, n in self.findings.items() if key[0] == level and key[1].startswith(code))

    def to_dict(self) -> dict[str, int | bool]:
        """Return the counts as JSON."""
        errors = self._count("error")
        return {
            "ok": errors == 0,
            "files": len(self._once["all"]),
            "expectations": self.checked,
            "failed": errors - self._count("error", "CC0") - self._count("error", INTERNAL),
            "unusable": len(self._once["unusable"]),
            "notes": self._count("note"),
        }

    def line(self) -> str:
        """Return `3 files, 12 expectations: 2 failed, 1 file unreadable`."""
        if not self._once["all"]:
            return "no files"
        head = plural(len(self._once["all"]), "file")
        if self.checked or any(code == "CC201" for _, code in self.findings):
            head += f", {plural(self.checked, 'expectation')}"
        return f"{head}: {self.outcome()}"

    def outcome(self) -> str:
        """Return `2 failed, 1 file unreadable`, or `all hold`; notes follow after a semicolon."""
        errors, notes = map(self._parts, ("error", "note"))
        if not errors and (self.checked or not notes):
            errors = ["it holds" if self.checked == 1 else "all hold"]
        return "; ".join(", ".join(parts) for parts in (errors, notes) if parts)

    def _parts(self, level: str) -> list[str]:
        counts = [self._count(level, code) for code in ("CC3", "CC001", "CC002", "CC003", "CC201", INTERNAL)]
        changed, unreadable, impossible, bad, silent, internal = counts
        others = self._count(level) - sum(counts)
        if level == "error":
            begin = [(others, f"{others:,} failed"), (changed, f"{plural(changed, 'change')} against the baseline")]
        else:
            begin = [(others, plural(others, "note")), (changed, f"{changed:,} that follow{'s' * (changed == 1)}")]
        texts = [
            *begin,
            (unreadable, f"{plural(unreadable, 'file')} unreadable"),
            (impossible, f"{plural(impossible, 'file')} impossible"),
            (bad, f"{plural(bad, 'expectation')} unreadable"),
            (internal, f"{plural(internal, 'file')} not judged because of a bug"),
            (silent, f"{plural(silent, 'file')} {'expects' if silent == 1 else 'expect'} nothing"),
        ]
        return [text for count, text in texts if count]


PER_FILE = ("CC001", "CC002", "CC201", INTERNAL)
"""The codes that count once per file, even if several of its lines have them."""
