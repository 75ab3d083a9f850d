"""What can stand at the cursor of a command line: the completion, written once for all shells."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import NamedTuple

import click

from .. import zoo
from ..dialects import ALL, DIALECTS, LAYOUTS
from ..errors import CnncalcError
from ..help import TOPICS, subject
from ..layers import OPS, Layer, find_op, keys_named, title
from ..layers.keys import WORDS, flag, sides
from ..memory import DTYPES
from ..notation.document import LAYER_KEYS
from ..notation.ops import flags_of, padding_words
from ..notation.words import FLAGS, parse_word
from ..sizes import looks_like_shape
from . import COMMANDS, group
from ._options import SEVERAL, File
from ._usage import OneOf

EITHER = {"p": "p_total", "p_total": "p"}
"""Keys of which a layer takes one or the other."""


class Candidate(NamedTuple):
    """A word that the cursor's could become."""

    word: str
    help: str = ""
    then: str = ""
    """The sign with which the word may go on; empty if it is complete."""


class Offer(NamedTuple):
    """What can stand at the cursor."""

    candidates: list[Candidate]
    files: bool = False
    """Whether the name of a file can stand there, too."""


NOTHING = Offer([])
FILES = Offer([], files=True)


class Cursor:
    """The cursor's place in a command line: the command, options and arguments in front of it."""

    def __init__(self, words: Iterable[str]):
        self.context = click.Context(group, **group.context_settings)
        self.command: click.Command | None = group
        self.given: list[click.Option] = []
        """The options in front of the cursor."""
        self.waiting: click.Option | None = None
        """The option whose value comes next."""
        self.arguments: list[str] = []
        self.only_arguments = False
        """Whether `--` stands in front of the cursor."""
        for word in words:
            self._pass(word)

    def _pass(self, word: str) -> None:
        if self.waiting is not None:
            self.waiting = None
        elif not self.only_arguments and word == "--":
            self.only_arguments = True
        elif not self.only_arguments and word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            option = self.option(name)
            if option is not None:
                self.given.append(option)
                self.waiting = None if equals or option.is_flag or option.count else option
        elif self.command is group:
            self.command = group.get_command(self.context, word)
        else:
            self.arguments.append(word)

    def parameters(self) -> list[click.Parameter]:
        """Return what the command takes, --help included."""
        if self.command is None:
            return []
        return self.command.get_params(click.Context(self.command, parent=self.context, resilient_parsing=True))

    def options(self) -> list[click.Option]:
        """Return the command's options."""
        return [p for p in self.parameters() if isinstance(p, click.Option)]

    def option(self, name: str) -> click.Option | None:
        """Return the command's option of this name."""
        return next((option for option in self.options() if name in option.opts), None)

    def argument(self) -> click.Argument | None:
        """Return the argument that the next word is."""
        taken = len(self.arguments)
        for parameter in self.parameters():
            if isinstance(parameter, click.Argument):
                if parameter.nargs < 0 or taken < parameter.nargs:
                    return parameter
                taken -= parameter.nargs
        return None


def offer(line: str) -> Offer:
    """Return what can stand at the end of a command line, which is cut at the cursor; case does not matter."""
    *words, word = split(line)
    if _redirects(words, word):
        return FILES
    candidates, files = _at(Cursor(words[1:]), word)
    fitting = [c for c in candidates if c.word.lower().startswith(word.lower())]
    if len(fitting) == 1 and fitting[0].then:  # no shell puts a space behind a word that can go on
        fitting.append(Candidate(fitting[0].word + fitting[0].then))
    return Offer(fitting, files)


def split(line: str) -> list[str]:
    """Return the words of a command line as a shell reads them; the last is unfinished, its quotes may be open."""
    end = "\0"
    lexer = shlex.shlex(line + end, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return [*words[:-1], words[-1].removesuffix(end)]


def _redirects(words: list[str], word: str) -> bool:
    return word.lstrip("012&")[:1] in ("<", ">") or (bool(words) and words[-1][-1:] in ("<", ">"))


def _at(cursor: Cursor, word: str) -> Offer:
    if cursor.waiting is not None:
        return _option_values(cursor.waiting, word)
    if word.startswith("-") and not cursor.only_arguments:
        return _options(cursor, word)
    if cursor.command is group:
        return Offer([Candidate(name, help) for name, help in COMMANDS.items()])
    argument = cursor.argument()
    return NOTHING if argument is None else _argument_values(argument, cursor.arguments, word)


def _options(cursor: Cursor, word: str) -> Offer:
    name, equals, value = word.partition("=")
    if not equals:
        given = {option.name for option in cursor.given}
        options = [option for option in cursor.options() if option.name not in given and not option.hidden]
        names = [(name, option) for option in options for name in sorted(option.opts, key=len)]
        return Offer([Candidate(name, option.help or "") for name, option in names])  # click before 8.5 shuffles -h
    option = cursor.option(name)
    if option is None:
        return NOTHING
    candidates, files = _option_values(option, value)
    return Offer([c._replace(word=f"{name}={c.word}") for c in candidates], files)


def _option_values(option: click.Option, word: str) -> Offer:
    if isinstance(option.type, OneOf):
        return _choices(option.type.choices)
    match option.name:
        case "dialect":
            return _choices([*DIALECTS, ALL] if option.metavar == SEVERAL else DIALECTS)
        case "dtype":
            return _choices(DTYPES)
        case "layout":
            return _choices(LAYOUTS)
        case "columns":
            return _columns(word)
    return FILES if isinstance(option.type, File) else NOTHING


def _argument_values(argument: click.Argument, before: list[str], word: str) -> Offer:
    if isinstance(argument.type, OneOf):
        return _choices(argument.type.choices)
    match argument.name:
        case "spec" | "layer" | "networks":
            return _spec([] if argument.name == "networks" else before, word)
        case "name":
            return _choices(zoo.names())
        case "op":
            return Offer([_op(op)._replace(word=op, then="") for op in OPS])
        case "topic":
            pages = {topic: subject(topic) for topic in TOPICS}
            return Offer([Candidate(name, help) for name, help in (pages | COMMANDS).items()])
    return FILES


def _choices(words: Iterable[str]) -> Offer:
    return Offer([Candidate(word) for word in words])


def _columns(word: str) -> Offer:
    from ..render.columns import COLUMNS

    head = word[: word.rfind(",") + 1]
    given = head.split(",")
    return Offer([Candidate(head + name, then=",") for name in COLUMNS if name not in given])


def _spec(before: list[str], word: str) -> Offer:
    """Offer layer words; at the start also built-in networks and files, each of which stands alone."""
    if before and looks_like_shape(before[0]):
        before = before[1:]
    name, colon, rest = word.partition(":")
    op = find_op(name)
    if before and find_op(before[0].partition(":")[0]) is None:
        return NOTHING
    if colon and op is not None:
        return Offer(_arguments(op, f"{name}:", rest))
    ops = [_op(op) for op in OPS]
    return Offer(ops) if before else Offer(ops + _choices(zoo.names()).candidates, files=True)


def _op(op: str) -> Candidate:
    cls = OPS[op][0]
    if cls.NEEDED:
        return Candidate(f"{op}:", title(op))
    return Candidate(op, title(op), then=":" if cls.KEYS else "")


def _arguments(op: str, head: str, rest: str) -> list[Candidate]:
    """Return what the last argument of a layer word could become; `head` is the word in front of the arguments."""
    cls, nd = OPS[op]
    if sum(rest.count(c) for c in "[{") > sum(rest.count(c) for c in "]}"):
        return []  # inside a JSON value
    *before, arg = rest.split(",")
    head += "".join(f"{text}," for text in before)
    key, equals, _ = arg.partition("=")
    if equals:
        keys = keys_named(cls, key)
        return [Candidate(f"{head}{key}={word}", then=",") for word in (_words(cls, nd, keys[0]) if keys else ())]
    given = _given(op, cls, before)
    free = [key for key in (*cls.KEYS, *LAYER_KEYS) if key not in given]
    flags = [name for name in flags_of(cls, nd) if FLAGS[name][0] in free]
    assigned = [Candidate(f"{head}{key}=") for key in free if key not in flags]
    return assigned + [Candidate(head + name, then=",") for name in flags]


def _given(op: str, cls: type[Layer], args: list[str]) -> set[str]:
    """Return the keys that arguments give, and those that may not be given beside them."""
    given: set[str] = set()
    for arg in args:
        try:
            key = parse_word(f"{op}:{arg}")[1][0].key
        except CnncalcError:
            continue
        given.update(keys_named(cls, key) or (key,))
    return given | {EITHER[key] for key in given & EITHER.keys()}


def _words(cls: type[Layer], nd: int | None, key: str) -> tuple[str, ...]:
    """Return the words that are values of a key."""
    reader = cls.KEYS[key]
    if reader is flag:
        return ("true", "false")
    return padding_words(cls, nd) if reader is sides else WORDS.get(reader, ())
