"""Pasted text, without what surrounds it on a web page or in a notebook, a shell, a mail or a log.

Removed lines become empty lines, so that line numbers do not change.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

LONGEST_LINE = 1_000
"""The longest line in which a log prefix is looked for, in characters."""
_FENCE = re.compile(r"\s*(?:```|~~~)\s*(\w*)")
_CODE = ("", "py", "python", "python3", "ipython", "pycon", "pytorch", "text", "txt")
"""The languages of fenced blocks that may contain a network."""
_PROMPT = re.compile(r"\s*>>> ?(.*)")
_GOES_ON = re.compile(r"\s*\.\.\.(?: (.*)|$)")
_IN = re.compile(r"\s*In \[[\d ]*\]: ?(.*)")
_IN_GOES_ON = re.compile(r"\s*\.{3,}: ?(.*)")
_OUT = re.compile(r"(?<!\s)\s*Out\[\d+\]:")
_MAGIC = re.compile(r"[%!]")
_MARKS = (re.compile(r"(?!>>>)> ?(?:>(?!>) ?)*"), re.compile(r"\+"), re.compile(r"[ \t]*\d+(?:[:\t|] ?|$)"))
"""The line prefixes of a quotation, of added lines in a diff, and of a numbered listing."""
_FIRST = re.compile(r"(?P<before>.*?)(?P<module>[^\W\d][\w.]*\()\s*")
_LONE = re.compile(r"(?:^|[\s:])((?:[^\W\d]\w*\.)*[A-Z]\w*\()")
"""The start of a module, after white space or after the name of a logger."""
_CHILD = re.compile(r"(?P<before>.*?)(?<!\s)\s{2,}\([^()\s:]+\):\s+(?:\d+ x\s+)?(?:[^\W\d]\w*\(|Parameter containing)")


def code(text: str) -> str:
    """Return the code in a text: fenced blocks and prompts are unwrapped, quotation marks and indentation removed."""
    lines = text.splitlines()
    for without in (_fences, _marks, _prompts, _cells):
        lines = list(without(lines))
    return textwrap.dedent("\n".join(lines)) + "\n"


def layers(text: str) -> str | None:
    """Return the layers in a text: in a fence, or as a lone module after a prompt or in a log; None without any."""
    lines = list(_fences(text.splitlines()))
    results = ["" if _PROMPT.match(line) or _IN.match(line) else _OUT.sub("", line) for line in lines]
    for some in (results, list(_cells(list(_prompts(lines))))):
        full = [(at, line) for at, line in enumerate(some) if line.strip()]
        calls = [(at, line) for at, line in full if line.rstrip().endswith(")") and len(line) < LONGEST_LINE]
        alone = [(at, line, found) for at, line in calls if (found := _LONE.search(line)) is not None]
        if len(alone) == 1:
            ((at, line, found),) = alone
            return "\n" * at + " " * found.start(1) + line[found.start(1) :] + "\n"
        if full and lines != text.splitlines():
            return "\n".join(some) + "\n"
    return None


def printout(text: str) -> str | None:
    """Return a text from its first module print-out on, without line prefixes; None if it has none."""
    lines = text.splitlines()
    for at, line in enumerate(lines[:-1]):
        if len(line) > LONGEST_LINE or not line.rstrip().endswith("("):
            continue
        first, child = _FIRST.fullmatch(line), _CHILD.match(lines[at + 1][:LONGEST_LINE])
        if first is not None and child is not None:
            margin = re.compile(_margin(child["before"], first["before"]))
            return "\n" * at + "\n".join(_bare([first["module"], *lines[at + 1 :]], margin)) + "\n"
    return None


def _margin(sign: str, first: str) -> str:
    """Return a pattern for the prefix of each line: nothing, a quotation mark, or a log prefix."""
    if not sign:
        return ""
    words = min(len(sign.split()), len(first.split()) or 1)
    return re.escape(sign) + r"|\s*\S+" + r"\s+\S+" * (words - 1)


def _bare(lines: list[str], margin: re.Pattern[str]) -> Iterator[str]:
    """Yield lines without their margin, up to the one that closes the first bracket; other lines unchanged."""
    depth = 0
    for number, line in enumerate(lines):
        found = margin.match(line) if depth > 0 else None
        own = line[found.end() :] if found is not None else line
        depth += own.count("(") - own.count(")") if depth > 0 or not number else 0
        yield own


def _fences(lines: list[str]) -> Iterator[str]:
    """Yield the lines of fenced code blocks, or all lines if the text has no fences."""
    if not any(map(_FENCE.match, lines)):
        yield from lines
        return
    kind: str | None = None
    for line in lines:
        fence = _FENCE.match(line)
        if fence is not None:
            kind = fence[1].lower() if kind is None else None
        yield line if fence is None and kind in _CODE else ""


def _marks(lines: list[str]) -> Iterator[str]:
    """Yield lines without quotation marks, diff signs or line numbers, if all lines have them."""
    full = [line for line in lines if line.strip()]
    mark = next((mark for mark in _MARKS if full and all(map(mark.match, full))), None)
    yield from lines if mark is None else [mark.sub("", line, count=1) for line in lines]


def _prompts(lines: list[str]) -> Iterator[str]:
    """Yield the input at Python prompts, without the output; all lines if the text has no prompts."""
    if not any(map(_PROMPT.match, lines)):
        yield from lines
        return
    for line in lines:
        found = _PROMPT.match(line) or _GOES_ON.match(line)
        yield found[1] or "" if found is not None else ""


def _cells(lines: list[str]) -> Iterator[str]:
    """Yield the input in the cells of a notebook, without the output."""
    is_result = False
    for line in lines:
        typed = _IN.match(line)
        is_result = typed is None and (is_result or _OUT.match(line) is not None)
        found = typed or _IN_GOES_ON.match(line)
        own = found[1] if found is not None else line
        yield "" if is_result or _MAGIC.match(own) else own
