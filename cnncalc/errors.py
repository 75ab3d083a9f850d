"""Errors that hold what is wrong, the arithmetic and what would help; the place is added once, higher up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Where(NamedTuple):
    """A place in the user's input."""

    file: str | None
    """The file's name, `-` for standard input, None for words on the command line."""
    line: int
    """Counted from 1; 0 if the file is not a text, or was read as another kind of document."""
    column: int
    """Counted in characters from 1."""
    excerpt: str | None = None
    """The words themselves, if there is no file to open."""
    width: int = 1
    """How many characters of the excerpt are meant."""

    def caret(self) -> str:
        """Return the excerpt with `^~~` under the place, two lines."""
        assert self.excerpt is not None
        before, meant = self.excerpt[: self.column - 1], self.excerpt[self.column - 1 :][: self.width]
        return f"{self.excerpt}\n{' ' * width_of(before)}^{'~' * (width_of(meant) - 1)}"


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text fills: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


class CnncalcError(Exception):
    """Wrong usage, an unreadable or an impossible spec: exit code 2.

    `what` says what is wrong, with its numbers, `help` what would fix it, `key` which key of the layer (or of the spec)
    is at fault. `path`, `layer` and `where` are filled in by the callers that know them.
    """

    def __init__(self, what: str, help: str | None = None, *, key: str | None = None, path: Path | None = None):
        super().__init__(what)
        self.what = what
        self.help = help
        self.key = key
        self.path = path
        self.layer: str | None = None
        self.where: Where | None = None
        self.report: Any = None
        """The report of the layers before the one at fault, if the layers of a network were followed up to it."""
        self.lacking: str | None = None
        """The options that help if they stand behind the command line, as `-i 3x32x32`."""

    def at(self, layer: str) -> CnncalcError:
        """Name the layer and return the error."""
        self.layer = layer
        return self

    def __str__(self) -> str:
        head = f"{self.layer}: {self.what}" if self.layer else self.what
        where = self.where
        if where is not None and where.file is not None:
            place = f":{where.line}:{where.column}" if where.line else ""
            head = f"{printable(where.file)}{place}: {head}"
        caret = where.caret().split("\n") if where is not None and where.excerpt is not None else []
        help = self.help.split("\n") if self.help else []
        return "\n  ".join([head, *caret, *help])

    def to_dict(self) -> dict[str, object]:
        """Return the same as JSON, for a line of `--jsonl`."""
        parts = {"message": self.what, "help": self.help, "layer": self.layer, "key": self.key}
        said: dict[str, object] = {name: part for name, part in parts.items() if part or name == "message"}
        where = self.where
        if where is not None:
            said |= {"file": where.file, "line": where.line or None, "column": where.column or None}
        return said


class SpecError(CnncalcError):
    """A spec, a shape or an option that cannot be read."""


def no_input(name: str, options: str) -> SpecError:
    """Return the error for a network that cannot be read without the shape of its input, which options give."""
    error = SpecError(f"{name} needs the shape of its input", f"give it: {options}")
    error.lacking = options
    return error


class ShapeError(CnncalcError):
    """A spec that can be read but describes an impossible network: its sizes do not fit together."""


LONGEST_PATH = 4096
FAR, NEAR = 0.5, 0.61
"""How alike words are that may be meant, and those that may be whatever their first letters are."""
DEEPEST = 3
"""How many nested lists are shown."""


def printable(text: str) -> str:
    """Return a text with every character escaped that a terminal cannot show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(value: object, limit: int = 60, depth: int = 0) -> str:
    """Return a value as its user wrote it, in one short printable line."""
    if isinstance(value, str):
        text = f"'{printable(value)}'"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, (list, tuple)):
        inside = ", ".join(shown(v, limit, depth + 1) for v in value[:9]) if depth < DEEPEST else "…"
        text = f"[{inside}{', …' if len(value) > 9 else ''}]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f'"{k}": …' for k in list(value)[:5]) + "}"
    else:
        text = _number(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _number(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python prints
        return "a number of more than 4,300 digits"


def nearest(word: str, known: Iterable[object], prefix: str = "") -> str | None:
    """Return `did you mean 'conv'?`: the known words nearest to `word`, with a prefix; None if none is near."""
    import difflib  # only when something is wrong: it costs a tenth of the start-up

    word, words = str(word).lower()[:80], list(map(str, known))
    close = difflib.get_close_matches(word, words, n=3, cutoff=FAR)
    if not difflib.get_close_matches(word, words, n=1, cutoff=NEAR):
        close = [c for c in close if c[:1].lower() == word[:1]]
    if not close:
        return None
    return "did you mean " + " or ".join(f"'{prefix}{c}'" for c in close) + "?"
