"""Errors that hold what is wrong, the arithmetic and what would help; callers that know the place add it once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


LONGEST_MESSAGE = 2_000
"""The characters of an error line that are shown: names and values in it may have any length."""
LONGEST_EXCERPT = 1_000
"""The characters of the faulty source line that are shown, around the place."""


def clipped(text: str, most: int) -> str:
    """Return a text cut to at most `most` characters, with `…` for those that are left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Where(NamedTuple):
    """A place in the user's input."""

    file: str | None
    """The file's name; `-` for standard input, None for words on the command line."""
    line: int
    """The line, counted from 1; 0 if the file is not text or was read as another kind of document."""
    column: int
    """The column in characters, counted from 1."""
    excerpt: str | None = None
    """The source line itself, if there is no file to open."""
    width: int = 1
    """The number of characters at fault."""

    def caret(self) -> str:
        """Return the excerpt and, on a second line, `^~~` under the place."""
        assert self.excerpt is not None
        text, start, width = self.excerpt, self.column - 1, self.width
        if len(text) > LONGEST_EXCERPT:  # keep what is around the place
            first = max(start - LONGEST_EXCERPT // 2, 0)
            text, start = f"{'…' * (first > 0)}{clipped(text[first:], LONGEST_EXCERPT)}", start - first + (first > 0)
            width = min(width, LONGEST_EXCERPT // 2)
        before, with_meant = (width_of(printable(text[:end])) for end in (start, start + width))
        return f"{printable(text)}\n{' ' * before}^{'~' * (with_meant - before - 1)}"


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text fills: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


class CnncalcError(Exception):
    """Wrong usage, or a spec that is unreadable or impossible.

    `what` says in one line what is wrong, with its numbers. `help` says in one or more lines what would fix it.
    `key` is the key of the layer (or of the spec) at fault. Callers that know `path`, `layer` and `where` set them.
    """

    exit_code = 2
    """The exit code of the command line."""

    def __init__(self, what: str, help: str | None = None, *, key: str | None = None, path: Path | None = None):
        self.what = clipped(what, LONGEST_MESSAGE)
        super().__init__(self.what)
        self.help = help
        self.key = key
        self.path = path
        self.layer: str | None = None
        self.where: Where | None = None
        self.report: Any = None
        """The report of the layers before the one at fault, if the network was traced up to it."""
        self.lacking: str | None = None
        """Options that would help if added to the command line, such as `-i 3x32x32`."""

    def at(self, layer: str) -> CnncalcError:
        """Set the layer's name and return the error."""
        self.layer = layer
        return self

    def place(self) -> str:
        """Return the place of the error: `net.json:14:9: layers[2] 'pool1': `; empty if it is not known."""
        where = self.where
        parts = [] if where is None or where.file is None else [where.file]
        if parts and where is not None and where.line:
            parts = [f"{where.file}:{where.line}:{where.column}"]
        return "".join([f"{part}: " for part in (*parts, self.layer) if part])

    def caret(self) -> list[str]:
        """Return the source line and the caret below it, if there is a source line to show."""
        return self.where.caret().split("\n") if self.where is not None and self.where.excerpt is not None else []

    def helps(self) -> list[str]:
        """Return the lines that say what would fix it."""
        return clipped(self.help, LONGEST_MESSAGE).split("\n") if self.help else []

    def __str__(self) -> str:
        return "\n  ".join(map(printable, [self.place() + self.what, *self.caret(), *self.helps()]))

    def to_dict(self) -> dict[str, object]:
        """Return the error as JSON, for a line of `--jsonl`."""
        parts = {"message": self.what, "help": "\n".join(self.helps()), "layer": self.layer, "key": self.key}
        said: dict[str, object] = {name: part for name, part in parts.items() if part or name == "message"}
        where = self.where
        if where is not None:
            said |= {"file": where.file, "line": where.line or None, "column": where.column or None}
        return said


class SpecError(CnncalcError):
    """A spec, a shape or an option that cannot be read."""


def no_input(name: str, options: str, *, is_open: bool = False) -> SpecError:
    """Return the error for a network that cannot be read without the shape of its input, which options give.

    `is_open` says that a shape is given, with letters for some sizes.
    """
    lacks = "numbers for the sizes" if is_open else "the shape"
    error = SpecError(f"{name} needs {lacks} of its input", f"give it: {options}")
    error.lacking = options
    return error


class ShapeAlone(SpecError):
    """An array of which the file holds only the shape, not the numbers."""


class ShapeError(CnncalcError):
    """A spec that can be read but describes an impossible network: its sizes do not fit together."""


class InternalError(CnncalcError):
    """A bug of cnncalc."""

    exit_code = 3


def as_error(error: Exception) -> CnncalcError:
    """Return any exception as one of our errors: lack of memory is the user's problem, anything unforeseen is a bug."""
    if isinstance(error, CnncalcError):
        return error
    if isinstance(error, RecursionError):
        return SpecError("nested too deeply", "a spec is a list of layers")
    if isinstance(error, MemoryError):
        return SpecError(f"the machine does not have enough memory: {error}".removesuffix(": "))
    if isinstance(error, OSError):
        return SpecError(f"the operating system refused: {error.strerror or error}")
    what = None
    if isinstance(error, SystemError):  # raised by Python for native code that fails without saying why
        what, is_limited = "native code failed", True
    elif isinstance(error, ImportError) and not (error.name or "").startswith(__name__.partition(".")[0]):
        what = f"{error.name or 'a library'} cannot be imported"
        is_limited = "failed to map segment" in str(error)  # the loader's message, which omits the system's reason
    if what is not None:
        help = _LIMITED if is_limited else "reinstall it: python -m pip install --force-reinstall cnncalc"
        return SpecError(f"{what}: {reason(error.__cause__ or error)}", help)
    from . import __version__

    what = f"this is a bug in cnncalc {__version__}: {type(error).__name__}: {error}"
    return InternalError(what, "please report it with the command and its input; --debug shows the traceback")


_LIMITED = "a memory limit (ulimit -v, -d) may be too low, or the disk with its libraries mounted with noexec"
"""What may help if native code cannot be loaded, or fails without saying why."""
LONGEST_PATH = 4096
FAR, NEAR = 0.5, 0.65
"""The least similarity of a suggested word, if it begins like the unknown one and if it does not."""
DEEPEST = 3
"""The number of nested lists that are shown."""


UNSEEN = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
"""The characters that Python calls printable but that show nothing (Unicode's Default_Ignorable_Code_Point)."""
_LOG_COMMAND = r"#(?=#\w*\[)"
"""The beginning of `##[group]` or `##vso[task.setvariable …]`, which GitHub and Azure obey anywhere in a line."""
_SPACED = r"(\x1b\[\d+m|\t)"
"""What our own lines contain besides text: color codes and tabs."""


def escaped(text: str) -> str:
    """Return a text for the middle of a line, with everything escaped that a terminal or a log would act on or hide."""
    if not (text.isascii() and text.isprintable()):
        text = "".join([c if c.isprintable() else repr(c)[1:-1] for c in text])
        text = re.sub(UNSEEN, lambda sign: ascii(sign[0])[1:-1], text)
    return re.sub(_LOG_COMMAND, r"\\x23", text) if "##" in text else text


def printable(text: str) -> str:
    r"""Return a text as one line that a terminal or a log only displays: `\x1b` for an escape, `\n` for a new line.

    Everything that comes from a file, a name, a key, a path or the command line is escaped here, and only here, before
    it is shown as text; JSON has its own escapes.
    """
    if text.isascii() and text.isprintable() and "##" not in text and "::" not in text:  # the usual case
        return text
    return _begun(escaped(text))


def printable_lines(text: str) -> str:
    """Return text with each line made `printable`; tabs and color codes stay."""
    if text.isascii() and "#" not in text and "::" not in text and text.replace("\n", "").isprintable():
        return text
    return "\n".join([_begun("".join(_escaped_between(line))) for line in text.split("\n")])


def _escaped_between(line: str) -> list[str]:
    parts = re.split(_SPACED, line)
    parts[::2] = map(escaped, parts[::2])
    return parts


def _begun(line: str) -> str:
    """Return a line with the character escaped that would make it a command in GitHub's log, such as `::error::`."""
    return line.replace(":", "\\x3a", 1) if line.lstrip().startswith("::") else line


def shown(value: object, limit: int = 60, depth: int = 0) -> str:
    """Return a value as the user wrote it, in one short printable line."""
    if isinstance(value, str):
        text = f"'{escaped(value[:limit])}'"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, (list, tuple)):
        inside = ", ".join(shown(v, limit, depth + 1) for v in value[:9]) if depth < DEEPEST else "…"
        text = f"[{inside}{', …' if len(value) > 9 else ''}]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f'"{escaped(str(k))}": …' for k in list(value)[:5]) + "}"
    else:
        text = _number(value)
    return clipped(text, limit)


def named_list(names: Sequence[str]) -> str:
    """Return `height, width and depth`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def reason(error: BaseException) -> str:
    """Return what a library says is wrong, shortened: it may repeat a whole file."""
    return clipped(str(error), LONGEST_REASON)


LONGEST_REASON = 200


def _number(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an integer with more digits than Python prints
        return "a number of more than 4,300 digits"


MOST_NAMES = 2_000
"""The number of names that are compared to find the nearest; each takes 50 microseconds."""
LONGEST_COMPARED = 80
"""The number of characters of a name that are compared; the time grows with their square."""


def nearest(word: str, known: Iterable[object], prefix: str = "") -> str | None:
    """Return `did you mean 'conv'?`: the known words nearest to `word`, with a prefix; None if none is near.

    Of more than `MOST_NAMES` words, those that begin alike are compared first, in their order.
    """
    word = str(word).lower()[:LONGEST_COMPARED]
    words = [text for text in dict.fromkeys(map(str, known)) if len(text) <= LONGEST_COMPARED]
    if len(words) > MOST_NAMES:
        words = sorted(words, key=lambda one: not one.lower().startswith(word[:2]))[:MOST_NAMES]
    close = _close(word, tuple(words))
    if not close:
        return None
    return "did you mean " + " or ".join(f"'{prefix}{c}'" for c in close) + "?"


def layer_meant(word: str, names: Sequence[str]) -> str:
    """Return help for the name of a missing layer: the last layer that begins so, the nearest, or the first six."""
    inside = [name for name in names if name.startswith((f"{word}_", f"{word}."))]
    last = f"the last layer that starts like this is {inside[-1]}" if inside else None
    return last or nearest(word, names) or f"the layers are {', '.join(names[:6])}{', …' if len(names) > 6 else ''}"


@lru_cache(maxsize=256)  # a misspelt word often occurs many times
def _close(word: str, words: tuple[str, ...]) -> list[str]:
    """Return the words nearest to `word`, the nearest first."""
    import difflib  # only imported for errors: it takes a tenth of the start-up time

    close = difflib.get_close_matches(word, words, n=3, cutoff=FAR)
    if close and difflib.SequenceMatcher(None, close[0], word).ratio() < NEAR:
        return [c for c in close if c[:1].lower() == word[:1]]
    return close
