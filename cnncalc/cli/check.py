"""`cnncalc check`: the CI gate."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import click

from ..checks import DTYPE, expect
from ..checks.agreement import check_under
from ..checks.baseline import Baseline
from ..checks.baseline import text as baseline_text
from ..checks.files import SpecFile, spec_files
from ..checks.findings import CODES, Finding, Result, exit_code, failed
from ..errors import LONGEST_PATH, SpecError, shown
from ..limits import MOST_FINDINGS
from ..memory import itemsize
from ..network import Network
from ..outputs import all_or_none, text_output
from ..render.checks import FORMATS, render
from ..sizes import Open
from ..sources.words import is_stdin
from ._network_options import NetworkOptions, network_options
from ._options import F, file_option, format_options, message_options, path_option, together
from ._stream import seldom_collected
from ._terminal import debug, note, settings
from ._usage import SEVERAL, Command


def _bound_options() -> Iterator[Callable[[F], F]]:
    """Yield options such as --max-params for every figure that can have a bound."""
    for name, figure in expect.FIGURES.items():
        for bound in expect.BOUNDS if not figure.is_shape else ():
            key = f"{bound}{name}"
            help = f"The same as --expect {key}=NUMBER."
            yield click.option(f"--{key.replace('_', '-')}", key, metavar="NUMBER", hidden=True, help=help)


@click.command("check", cls=Command)
@click.argument("file", nargs=-1, metavar="FILE...")
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="KEY=VALUE",
    help="Expect this of every file, such as out=1000, 'params<=26M' (also --max-params 26M) or conv1.out=64x112x112.",
)
@click.option(
    "--forbid", multiple=True, metavar=SEVERAL, help="Fail on these hints (see cnncalc help hints), or on all of them."
)
@together(*_bound_options())
@click.option("--dtype", metavar="NAME", default=DTYPE, help="Number type for expectations of memory.")
@click.option("--strict", is_flag=True, help="Fail files that have no expectations.")
@file_option("--baseline", metavar="FILE", help="Compare every figure with those recorded in this file.")
@click.option("--update", is_flag=True, help="Record the current figures in the baseline.")
@click.option("--list-codes", is_flag=True, help="List the codes of findings and what they mean.")
@network_options(several=True)
@format_options(FORMATS, "one result")
@path_option()
@message_options
@click.pass_context
def command(
    context: click.Context,
    /,
    file: tuple[str, ...],
    options: NetworkOptions,
    expected: tuple[str, ...],
    forbid: tuple[str, ...],
    strict: bool,
    baseline: str | None,
    update: bool,
    list_codes: bool,
    format: str,
    path: str | None,
    dtype: str,
    **bounds: str | None,
) -> int:
    """Check specs against what they expect of themselves, what you expect of them, or a baseline.

    FILE is a spec, a .jsonl file, a folder (all its JSON specs), a pattern such as 'nets/**/*.json', a built-in
    network, layer words, or - for standard input. All are checked, then the exit code is 0 if everything holds, 1 if an
    expectation fails, 2 if a file cannot be read or describes an impossible network.

    \b
      cnncalc check nets/ --strict
      cnncalc check vgg16 --expect out=1000 --max-params 140M
      cnncalc check vgg16 --expect conv1_1.out=64x224x224 --expect 'memory<=60M'
      cnncalc check 3x32x32 conv:8,k3 --expect out=8x30x30
      cnncalc check nets/ --dialect torch,onnx
      cnncalc check nets/ --forbid dropped-pixels,checkerboard
      cnncalc check nets/ --baseline nets.lock.json --update
    """
    if list_codes:
        return _list_codes(format, path)
    itemsize(dtype)
    _check_files(file)
    if options.several and baseline is not None:
        raise SpecError(
            "a baseline holds the figures of one dialect", f"leave out --dialect {options.dialect}, or name one"
        )
    if update and baseline is None:
        raise SpecError("--update without a baseline", "give --baseline FILE")
    extra = _expectations(expected, forbid, bounds)
    skipped: list[str] = []
    files = spec_files(file, lines=context.params["as_jsonl"])
    results = _results(files, skipped, options, extra, strict and baseline is None, dtype)
    recorded = None if baseline is None else Baseline(baseline, update, debug)
    if recorded is not None:
        results = recorded.compare(results)
    results = (result.placed() for result in results)
    findings: list[Finding] = []
    entries: dict[str, str] | None = None
    with seldom_collected(), all_or_none():
        if not _print(results, findings, format, path):
            _note_letters(extra)
        if skipped:
            more = " ..." if len(skipped) > 3 else ""
            note(f"{', '.join(skipped[:3])}{more} skipped: not a network spec")
        if recorded is not None and update and recorded.broken is None:
            entries = recorded.updated()
            with text_output(recorded.path) as stream:
                stream.writelines(baseline_text(entries.values()))
        if format == "github":
            _summarize(findings)
    if entries is not None:
        note(f"{baseline}: {len(entries)} {'entry' if len(entries) == 1 else 'entries'} recorded")
    return exit_code(findings)


def _list_codes(format: str, path: str | None) -> int:
    """Write the codes of findings with their meanings. Raise SpecError for other formats than text."""
    if format != "text":
        raise SpecError("--list-codes prints text", f"leave out the format {format}")
    width = max(len(slug) for slug, _ in CODES.values())
    with text_output(path) as stream:
        stream.writelines(f"{code}  {slug:{width}}  {meaning}\n" for code, (slug, meaning) in CODES.items())
    return 0


def _expectations(
    expected: Iterable[str], forbid: Iterable[str], bounds: Mapping[str, str | None]
) -> list[expect.Expectation]:
    """Return the expectations of the command line: --expect, --forbid, and options such as --max-params."""
    extra = [expect.read_text(text) for text in expected]
    extra += [expect.read_forbidden("--forbid", ",".join(forbid))] if forbid else []
    extra += [expect.read_one(key, value) for key, value in bounds.items() if value is not None]
    return [one._replace(is_typed=True) for one in extra]


def _check_files(words: Iterable[str]) -> None:
    """Raise SpecError if there is no file, or a word is an expectation."""
    if not words:
        raise SpecError("no FILE", "give a spec, a folder, a pattern, or - for standard input")
    for word in words:
        if expect.is_expectation(word) and not os.path.exists(word):
            raise SpecError(f"{shown(word)} is not a file but an expectation", f"write --expect {shlex.quote(word)}")


def _results(
    files: Iterable[SpecFile],
    skipped: list[str],
    options: NetworkOptions,
    extra: list[expect.Expectation],
    strict: bool,
    dtype: str,
) -> Iterator[Result]:
    """Yield the result of each file under every given dialect; `skipped` collects the names of other JSON files.

    Of a JSON Lines file with too many unreadable lines, the remaining lines are left out.
    """
    unreadable = Counter[str]()
    for file in files:
        if unreadable[file.name] > MOST_FINDINGS:
            continue
        try:
            load = file.loader()
            result = None if load is None else _result(file, load, options, extra, strict, dtype)
        except Exception as error:  # one file must not end the run
            debug(error)
            result = failed(file.name, error, file.line)
        if result is None:
            skipped.append(file.name)
            continue
        if file.line and not is_stdin(file.name) and [one for one in result.findings if one.code == "CC001"]:
            unreadable[file.name] += 1
            if unreadable[file.name] > MOST_FINDINGS:
                what = f"more than {MOST_FINDINGS:,} lines cannot be read: this one and the rest are not checked"
                result = Result(
                    file.name,
                    [Finding("CC202", file.name, what, file.line, help="fix these first")],
                    None,
                    line=file.line,
                )
        yield result


def _result(
    file: SpecFile,
    load: Callable[[], Network],
    options: NetworkOptions,
    extra: list[expect.Expectation],
    strict: bool,
    dtype: str,
) -> Result:
    """Return the result of a file, or of the part that the options select."""
    if file.front is not None:
        try:
            options = options.with_first(file.front, f"{shown(file.name)} starts with its own input")
        except SpecError as error:
            return failed(file.name, error)
    if options.until is not None or options.after is not None:
        whole, given = load, options
        load, options = lambda: given.taken(whole())[0], options._replace(input=None, batch=None)
    asked = (options.dialect, options.input, options.batch, options.layout)
    return check_under(file.name, load, *asked, extra, strict, file.line, dtype)


def _note_letters(extra: Iterable[expect.Expectation]) -> None:
    """Print a note that letters in expected shapes match any size, for networks without open sizes."""
    for one in extra:
        letters = dict.fromkeys(size.letter for size in one.shape or () if isinstance(size, Open) and size.letter)
        if letters:
            stand = "stands" if len(letters) == 1 else "stand"
            note(f"--expect {one.key}={one.text}: {' and '.join(letters)} {stand} for any size")


def _print(results: Iterator[Result], findings: list[Finding], format: str, path: str | None) -> bool:
    """Write the results as they come, collect their findings, and return whether any network has open sizes."""
    is_open = False

    def without_report(result: Result) -> Result:
        nonlocal is_open
        if result.report is not None:
            sizes = (*result.report.x, *result.report.out)
            is_open |= any(isinstance(size, Open) for size in sizes)
        findings.extend(result.findings)
        return result._replace(report=None)

    def broken(name: str, error: Exception) -> Result:
        debug(error)
        return without_report(failed(name, error))

    with text_output(path, utf8=True) as stream:
        for piece in render(map(without_report, results), format, settings().has_color(stream), broken):
            stream.write(piece)
            if format in ("text", "jsonl", "github"):
                stream.flush()
    for result in results:  # the pipe is closed, but the exit code still covers the rest
        without_report(result)
    return is_open


def _summarize(findings: list[Finding]) -> None:
    """Append a summary to the file that GitHub shows on the page of a run, if it names one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from ..render.checks.github import github_summary

    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(github_summary(findings))
    except OSError as error:
        raise SpecError(f"GITHUB_STEP_SUMMARY {shown(path, LONGEST_PATH)}: {error.strerror}") from None
