"""What several formats of findings have in common."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from ...checks import Finding, Result

STDIN = "-"


def named(file: str) -> str:
    """A file from the current directory where it lies under it, with forward slashes; otherwise as it was given."""
    if file == STDIN:
        return file
    full, here = os.path.abspath(file), os.path.join(os.getcwd(), "")
    return full.removeprefix(here).replace(os.sep, "/") if full.startswith(here) else file.replace(os.sep, "/")


def placed(result: Result) -> Result:
    """The result with its file named as `named` does."""
    findings = [finding._replace(file=named(finding.file)) for finding in result.findings]
    return result._replace(file=named(result.file), findings=findings)


def with_summary(results: Iterable[Result], write: Callable[[Finding], str]) -> Iterator[str]:
    """Each finding as its file is done, then a line that counts them."""
    tally = Tally()
    for result in tally.counting(results):
        yield from map(write, result.findings)
    yield tally.line() + "\n"


def encodable(text: str) -> str:
    r"""The text with lone surrogates, as in names that are no UTF-8, written `\udcff`: JSON reads that as it was."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def paragraph(finding: Finding) -> str:
    """The message, and the arithmetic and the help below it."""
    return "\n".join([finding.message(), *finding.arithmetic, *([finding.help] if finding.help else [])])


class Repeats:
    """How often a thing was there in a file, files coming one after the other."""

    def __init__(self) -> None:
        self._file: str | None = None
        self._seen: Counter[str] = Counter()

    def nth(self, file: str, key: str) -> int:
        """1 for the first of its key in the file, 2 for the second, and so on."""
        if file != self._file:
            self._file = file
            self._seen.clear()
        self._seen[key] += 1
        return self._seen[key]


def fingerprint(finding: Finding, repeats: Repeats) -> str:
    """A hash of code, file, layer's name and figure: it stays when lines shift and layers come in between."""
    import hashlib

    layer = finding.layer or ""
    name = layer.partition(" ")[2] or layer  # of `layers[2] 'pool1'` the name
    key = "\0".join([finding.code, finding.file, name, finding.figure or ""])
    text = f"{key}\0{repeats.nth(finding.file, key)}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Tally:
    """How many files, expectations and findings there were. A .jsonl file's results, one after the other, are one."""

    def __init__(self) -> None:
        self.checked = 0
        self.findings: Counter[str] = Counter()
        """By level and code, as `error CC101`; files that are unreadable, impossible or expect nothing count once."""
        self._last: dict[str, str] = {}
        self._files: Counter[str] = Counter()

    def counting(self, results: Iterable[Result]) -> Iterator[Result]:
        """The same results, counted as they come."""
        for result in results:
            self._count_file("files", result.file)
            self.checked += result.checked
            for finding in result.findings:
                self.note(finding)
            yield result

    def note(self, finding: Finding) -> None:
        """Count a finding alone."""
        key = f"{finding.level} {finding.code}"
        if finding.is_unusable:
            self._count_file("unusable", finding.file)
        if finding.code not in PER_FILE:
            self.findings[key] += 1
        elif self._last.get(key) != finding.file:
            self._last[key] = finding.file
            self.findings[key] += 1

    def _count_file(self, kind: str, file: str) -> None:
        if self._last.get(kind) != file:
            self._last[kind] = file
            self._files[kind] += 1

    def to_dict(self) -> dict[str, int | bool]:
        """The counts as JSON."""
        errors = sum(n for key, n in self.findings.items() if key.startswith("error "))
        unusable = sum(n for key, n in self.findings.items() if key < "error CC100")
        return {
            "ok": errors == 0,
            "files": self._files["files"],
            "expectations": self.checked,
            "failed": errors - unusable,
            "unusable": self._files["unusable"],
            "notes": sum(self.findings.values()) - errors,
        }

    def line(self) -> str:
        """`3 files, 12 expectations: 2 failed, 1 file unreadable`."""
        if not self._files["files"]:
            return "no files"
        head = counted(self._files["files"], "file")
        if self.checked or any(key.endswith(" CC201") for key in self.findings):
            head += f", {counted(self.checked, 'expectation')}"
        return f"{head}: {self.outcome()}"

    def outcome(self) -> str:
        """`2 failed, 1 file unreadable`, or `all hold`; notes stand behind a semicolon."""
        errors, notes = ([part for part in self._parts(level) if part] for level in ("error", "note"))
        if not errors and (self.checked or not notes):
            errors = ["it holds" if self.checked == 1 else "all hold"]
        return "; ".join(", ".join(parts) for parts in (errors, notes) if parts)

    def _parts(self, level: str) -> list[str]:
        found = {key.partition(" ")[2]: n for key, n in self.findings.items() if key.startswith(level + " ")}
        unreadable, impossible, bad, nothing = (found.pop(code, 0) for code in ("CC001", "CC002", "CC003", "CC201"))
        changed = sum(n for code, n in found.items() if code.startswith("CC3"))
        others = sum(found.values()) - changed
        return [
            f"{others:,} failed" if others and level == "error" else counted(others, "note") if others else "",
            _changes(changed, level) if changed else "",
            f"{counted(unreadable, 'file')} unreadable" if unreadable else "",
            f"{counted(impossible, 'file')} impossible" if impossible else "",
            f"{counted(bad, 'expectation')} unreadable" if bad else "",
            f"{counted(nothing, 'file')} {'expects' if nothing == 1 else 'expect'} nothing" if nothing else "",
        ]


def _changes(number: int, level: str) -> str:
    """Layers that differ from a baseline, or only follow from those that do."""
    return (
        f"{counted(number, 'change')} against the baseline"
        if level == "error"
        else f"{number:,} that follow{'s' * (number == 1)}"
    )


PER_FILE = ("CC001", "CC002", "CC201")


def counted(number: int, word: str) -> str:
    """`1 file`, `3 files`, `1,200 files`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
