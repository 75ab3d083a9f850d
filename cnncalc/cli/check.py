"""`cnncalc check`: the CI gate."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import click

from .. import checks as check
from .. import sources
from ..checks import baseline as lock
from ..checks import expect
from ..errors import LONGEST_PATH, CnncalcError, SpecError, shown
from ..files import text_output
from ..network import Network
from ..notation.document import Document, parse
from ..render.checks import FORMATS, renderer
from ..report import Report
from ._options import (
    Asked,
    debug_option,
    format_of,
    format_option,
    json_option,
    jsonl_option,
    network_options,
    note,
    path_option,
    quiet_option,
    silence,
)
from ._specs import Candidate, candidates, loader
from ._usage import Command


@click.command("check", cls=Command)
@click.argument("file", nargs=-1, metavar="FILE...")
@click.option(
    "--expect", "expected", multiple=True, metavar="KEY=VALUE", help="Expect it of every file: max_params=26M."
)
@click.option("--strict", is_flag=True, help="A file that expects nothing fails.")
@click.option("--baseline", metavar="FILE", help="Compare every figure with those written down in FILE.")
@click.option("--update", is_flag=True, help="Write the baseline anew.")
@click.option("--list-codes", is_flag=True, help="List the codes of findings, and what they mean.")
@network_options(several=True)
@json_option()
@jsonl_option("its findings")
@format_option(FORMATS)
@path_option()
@quiet_option()
@debug_option()
def command(
    file: tuple[str, ...],
    asked: Asked,
    expected: tuple[str, ...],
    strict: bool,
    baseline: str | None,
    update: bool,
    list_codes: bool,
    as_json: bool,
    as_jsonl: bool,
    format: str | None,
    path: str | None,
    quiet: bool,
) -> int:
    """Check specs against what they expect of themselves, what you expect of them, or a baseline.

    FILE is a spec, a .jsonl file, a directory (its JSON specs, however deep), a pattern as 'nets/**/*.json', a network
    of the zoo, or - for standard input. All are checked before it ends: with 0 where all hold, 1 where an expectation
    fails, 2 where a file cannot be read or be.

    \b
      cnncalc check nets/ --strict
      cnncalc check vgg16 --expect out=1000 --expect max_params=140M
      cnncalc check nets/ --dialect torch,onnx
      cnncalc check nets/ --baseline nets.lock.json --update
    """
    if list_codes:
        return _list_codes(path)
    if not file:
        raise SpecError("no FILE", "give a spec, a directory, a pattern, or - for standard input")
    if asked.several and baseline is not None:
        raise SpecError(
            "a baseline holds the figures of one dialect", f"leave out --dialect {asked.dialect}, or name one"
        )
    if update and baseline is None:
        raise SpecError("--update without a baseline", "give --baseline FILE")
    format = format_of(as_json, as_jsonl, format, "text")
    extra = [_expected(text) for text in expected]
    gc.enable()  # there may be any number of files
    skipped: list[str] = []
    results = _check_all(candidates(file, as_jsonl), skipped, asked, extra, strict and baseline is None)
    if baseline is not None:
        locked = Locked(baseline, update)
        results = locked.compare(results)
    seen: list[check.Finding] = []
    noted = _noting(results, seen)
    try:
        with text_output(path, utf8=True) as stream:
            _print(noted, format, stream)
    except BrokenPipeError:  # nobody reads on: what the rest comes to decides all the same
        silence()
        for _ in noted:
            pass
    if skipped:
        more = " ..." if len(skipped) > 3 else ""
        note(quiet, f"passed over, as JSON of another kind: {', '.join(skipped[:3])}{more}")
    if baseline is not None and update and locked.write():
        note(quiet, f"{baseline}: {len(locked.entries)} entries written down")
    _summarise(format, seen)
    return check.exit_code(seen)


def _check_all(
    files: Iterable[Candidate], skipped: list[str], asked: Asked, extra: list[expect.Expectation], strict: bool
) -> Iterator[check.Result]:
    """The result of each file; what is JSON of another kind is named in `skipped`."""
    for file in files:
        load = loader(file)
        if load is None:
            skipped.append(file.name)
        else:
            line = file.line if file.is_line else 0
            yield _check_one(file.name, load, asked, extra, strict, line)


def _check_one(
    name: str,
    load: Callable[[], Network],
    asked: Asked,
    extra: list[expect.Expectation],
    strict: bool,
    line: int,
) -> check.Result:
    """The result of one file, under every dialect that is asked for."""
    if not asked.several:
        return check.check(name, load, asked.report, extra, strict, line)
    from ..checks.agreement import check_agreement

    def trace(network: Network, dialect: str) -> Report:
        return asked.in_layout_of(network)._replace(dialect=dialect).report(network)

    return check_agreement(name, load, trace, asked.comparison, extra, strict, line)


def _list_codes(path: str | None) -> int:
    with text_output(path) as stream:
        stream.writelines(f"{code}  {slug:24} {meaning}\n" for code, (slug, meaning) in check.CODES.items())
    return 0


def _expected(text: str) -> expect.Expectation:
    key, equals, value = text.partition("=")
    if not equals:
        raise SpecError(f"--expect {shown(text)} has no value", "as --expect out=1000")
    return expect.read_one(key, json.loads(value) if value.startswith("[") and value.endswith("]") else value)


def _noting(results: Iterable[check.Result], seen: list[check.Finding]) -> Iterator[check.Result]:
    """The same results, their findings noted, their reports let go."""
    for result in results:
        seen += result.findings
        yield result._replace(report=None)


def _print(results: Iterator[check.Result], format: str, stream: IO[str]) -> None:
    for piece in renderer(format)(results):
        stream.write(piece)
        if format in ("text", "jsonl", "github"):
            stream.flush()


def _summarise(format: str, findings: list[check.Finding]) -> None:
    """The Markdown that GitHub shows on the page of a run, where it says where to put it."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if format != "github" or not path:
        return
    from ..render.checks.github import github_summary

    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(github_summary(findings))
    except OSError as error:
        raise SpecError(f"GITHUB_STEP_SUMMARY {shown(path, LONGEST_PATH)}: {error.strerror}") from None


class Locked:
    """A baseline file while files are compared with it, or written down in it."""

    def __init__(self, path: str, update: bool):
        self.path, self.update = path, update
        self.folder = os.path.dirname(os.path.realpath(path))
        self.entries: dict[str, lock.Entry] = {}
        self.seen: set[str] = set()
        """The entries of what was read in this run."""
        self.broken: check.Finding | None = None
        """Why it cannot be read; files are checked all the same, and it is not written."""
        try:
            self.entries = self.read()
        except CnncalcError as error:
            self.broken = check.from_error(path, error)

    def read(self) -> dict[str, lock.Entry]:
        """The entries of the file. SpecError where it is none, or not there and not to be written."""
        if os.path.isfile(self.path):
            return lock.read(parse(Document(sources.read_text(self.path), self.path)), self.path)
        if self.update and not os.path.exists(self.path):
            return {}
        raise SpecError(f"there is no baseline {shown(self.path, LONGEST_PATH)}", "write it with --update")

    def key(self, result: check.Result) -> str:
        """A file as the baseline names it: relative to the baseline's own folder, with its line in JSON Lines."""
        name = result.file
        if os.path.exists(name):
            name = os.path.relpath(os.path.realpath(name), self.folder).replace(os.sep, "/")
        return f"{name}:{result.line}" if result.line else name

    def compare(self, results: Iterable[check.Result]) -> Iterator[check.Result]:
        """The results with what differs from the baseline; with `update` it is written down instead."""
        if self.broken is not None:
            yield check.Result(self.path, [self.broken], None)
        for result in results:
            key = self.key(result)
            self.seen.add(key)
            if result.report is None or self.broken is not None:
                yield result
            elif self.update:
                self.entries[key] = lock.entry(result.report)
                yield result
            else:
                found = [f for f in result.findings if f.code != "CC201"]
                found += lock.compare(result.file, result.report, self.entries.get(key))
                yield result._replace(findings=found, checked=result.checked + 1)
        if not self.update:
            help = "if that is meant, run with --update"
            for gone in filter(self.is_gone, self.entries):
                finding = check.Finding("CC305", gone, "the baseline's file is gone", help=help)
                yield check.Result(gone, [finding], None, 1)

    def is_gone(self, key: str) -> bool:
        """Whether an entry is of a file that is not there any more, or of a line that a file that was read has not."""
        name, _, line = key.rpartition(":")
        file = key
        if line.isdecimal() and name.endswith(".jsonl"):
            file = name
            if f"{name}:1" in self.seen and key not in self.seen:
                return True
        return file != sources.STDIN and not file.startswith("zoo:") and not os.path.exists(f"{self.folder}/{file}")

    def write(self) -> bool:
        """Write the entries of files that are there, whole or not at all; False where the old ones were unreadable."""
        if self.broken is not None:
            return False
        self.entries = {key: entry for key, entry in self.entries.items() if not self.is_gone(key)}
        with text_output(self.path) as stream:
            stream.writelines(lock.write(self.entries))
        return True
