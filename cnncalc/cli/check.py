"""`cnncalc check`: the CI gate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import IO

import click

from .. import baseline as lock
from .. import check, expect
from ..errors import LONGEST_PATH, SpecError, shown
from ..spec import source
from ..spec.document import Document, parse
from .common import (
    Asked,
    debug_option,
    format_of,
    format_option,
    json_option,
    jsonl_option,
    network_options,
    note,
    output,
    path_option,
    quiet_option,
)
from .files import candidates, loader


@click.command("check", short_help="Check specs against what they, or a baseline, expect: the CI gate.")
@click.argument("file", nargs=-1, metavar="FILE...")
@click.option(
    "--expect", "expected", multiple=True, metavar="KEY=VALUE", help="Expect it of every file: max_params=26M."
)
@click.option("--strict", is_flag=True, help="A file that expects nothing fails.")
@click.option("--baseline", metavar="FILE", help="Compare every figure with those written down in FILE.")
@click.option("--update", is_flag=True, help="Write the baseline anew.")
@click.option("--list-codes", is_flag=True, help="List the codes of findings, and what they mean.")
@network_options()
@json_option()
@jsonl_option("its findings")
@format_option(("text", "json", "jsonl", "github", "gitlab", "junit", "sarif"))
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
      cnncalc check nets/ --baseline nets.lock.json --update
    """
    if list_codes:
        return _list_codes(path)
    if not file:
        raise SpecError("no FILE", "give a spec, a directory, a pattern, or - for standard input")
    if update and baseline is None:
        raise SpecError("--update without a baseline", "give --baseline FILE")
    format = format_of(as_json, as_jsonl, format, "text")
    extra = [_expected(text) for text in expected]
    results = (
        check.check(candidate.name, load, asked.report, extra, strict and baseline is None)
        for candidate in candidates(file, as_jsonl)
        if (load := loader(candidate)) is not None
    )
    lines = Locked(baseline, update) if baseline is not None else None
    seen: list[check.Finding] = []
    with output(path, utf8=True) as stream:
        _print(_noting(results if lines is None else lines.compare(results), seen), format, stream)
    if lines is not None:
        lines.write()
        note(quiet or not update, f"{baseline}: {len(lines.entries)} files written down")
    _summarise(format, seen)
    return check.exit_code(seen)


def _list_codes(path: str | None) -> int:
    with output(path) as stream:
        stream.writelines(f"{code}  {slug:24} {meaning}\n" for code, (slug, meaning) in check.CODES.items())
    return 0


def _expected(text: str) -> expect.Expectation:
    key, equals, value = text.partition("=")
    if not equals:
        raise SpecError(f"--expect {shown(text)} has no value", "as --expect out=1000")
    return expect.read_one(key, value)


def _noting(results: Iterable[check.Result], seen: list[check.Finding]) -> Iterator[check.Result]:
    """The same results, their findings noted, their reports let go."""
    for result in results:
        seen += result.findings
        yield result._replace(report=None)


def _print(results: Iterator[check.Result], format: str, stream: IO[str]) -> None:
    from ..render.findings import renderer

    for piece in renderer(format)(results):
        stream.write(piece)
        if format in ("text", "jsonl", "github"):
            stream.flush()


def _summarise(format: str, findings: list[check.Finding]) -> None:
    """The Markdown that GitHub shows on the page of a run, where it says where to put it."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if format != "github" or not path:
        return
    from ..render.findings.github import github_summary

    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(github_summary(findings))
    except OSError as error:
        raise SpecError(f"GITHUB_STEP_SUMMARY {shown(path, LONGEST_PATH)}: {error.strerror}") from None


class Locked:
    """A baseline file while files are compared with it, or written down in it."""

    def __init__(self, path: str, update: bool):
        self.path, self.update = path, update
        self.folder = os.path.dirname(os.path.abspath(path))
        self.entries: dict[str, lock.Entry] = {}
        if os.path.exists(path):
            document = Document(source.read_text(path), path)
            self.entries = lock.read(parse(document), path)
        elif not update:
            raise SpecError(f"there is no baseline {shown(path, LONGEST_PATH)}", "write it with --update")

    def key(self, file: str) -> str:
        """A file as the baseline names it: relative to the baseline's own folder."""
        if file == source.STDIN or not os.path.exists(file):
            return file
        return os.path.relpath(os.path.abspath(file), self.folder).replace(os.sep, "/")

    def compare(self, results: Iterable[check.Result]) -> Iterator[check.Result]:
        """The results with what differs from the baseline; with `update` it is written down instead."""
        for result in results:
            if result.report is None:
                yield result
            elif self.update:
                self.entries[self.key(result.file)] = lock.entry(result.report)
                yield result
            else:
                known = self.entries.get(self.key(result.file))
                found = [f for f in result.findings if f.code != "CC201"]
                found += lock.compare(result.file, result.report, known)
                yield result._replace(findings=found, checked=result.checked + 1)

    def write(self) -> None:
        """With `update`, the baseline without files that are gone, whole or not at all."""
        if not self.update:
            return
        self.entries = {
            file: entry
            for file, entry in self.entries.items()
            if file == source.STDIN or file.startswith("zoo/") or os.path.exists(os.path.join(self.folder, file))
        }
        with output(self.path) as stream:
            stream.writelines(lock.write(self.entries))
