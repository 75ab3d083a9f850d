"""The completion: the words that can stand at the cursor of a command line, for all shells."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import click

from .. import zoo
from ..counters import TOOLS
from ..dialects import ALL, DIALECTS, LAYOUTS
from ..errors import CnncalcError
from ..help import TOPICS, subject
from ..hints.table import ALL as ALL_HINTS
from ..hints.table import KINDS
from ..layers import OPS, Layer, find_op, keys_named, title
from ..layers.keys import WORDS, flag, sides
from ..memory import DTYPES
from ..notation.arguments import FLAGS
from ..notation.document import LAYER_KEYS
from ..notation.ops import flags_of, padding_words
from ..notation.tokens import split_arguments
from ..notation.words import is_layer_word, parse_word
from ..sizes import looks_like_shape
from . import COMMANDS, group
from ._options import FileName
from ._rows import LAYERS, NETWORKS, table_columns
from ._usage import SEVERAL, OneOf

P = TypeVar("P", bound=click.Parameter)
EITHER = {"p": "p_total", "p_total": "p"}
"""Keys of which a layer takes one or the other."""


class Candidate(NamedTuple):
    """A word that the cursor's could become."""

    word: str
    help: str = ""
    then: str = ""
    """The sign with which the word may go on; empty if it is complete."""


class Offer(NamedTuple):
    """The words that can stand at the cursor."""

    candidates: list[Candidate]
    files: bool = False
    """Whether the name of a file can stand there, too."""

    @classmethod
    def of(cls, words: Iterable[str] | Mapping[str, str]) -> Offer:
        """Return an offer of words, with their help if they are a mapping."""
        return cls([Candidate(*item) for item in (words.items() if isinstance(words, Mapping) else zip(words))])


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

    def parameters(self, kind: type[P]) -> list[P]:
        """Return the options or the arguments that the command takes, --help included."""
        if self.command is None:
            return []
        context = click.Context(self.command, parent=self.context, resilient_parsing=True)
        return [parameter for parameter in self.command.get_params(context) if isinstance(parameter, kind)]

    def option(self, name: str) -> click.Option | None:
        """Return the command's option of this name."""
        return next((option for option in self.parameters(click.Option) if name in option.opts), None)

    def argument(self) -> click.Argument | None:
        """Return the argument that the next word is."""
        taken = len(self.arguments)
        for argument in self.parameters(click.Argument):
            if argument.nargs < 0 or taken < argument.nargs:
                return argument
            taken -= argument.nargs
        return None


def offer(line: str) -> Offer:
    """Return what can stand at the end of a command line, which is cut at the cursor; case does not matter."""
    *words, word = split(line)
    if word.lstrip("012&")[:1] in ("<", ">") or (words and words[-1][-1:] in ("<", ">")):
        return FILES  # a redirection
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


def _at(cursor: Cursor, word: str) -> Offer:
    if cursor.waiting is not None:
        return _values(cursor.waiting, word)
    if word.startswith("-") and not cursor.only_arguments:
        return _options(cursor, word)
    if cursor.command is group:
        return Offer.of(COMMANDS)
    argument = cursor.argument()
    return NOTHING if argument is None else _values(argument, word, cursor.arguments)


def _options(cursor: Cursor, word: str) -> Offer:
    name, equals, value = word.partition("=")
    if not equals:
        given = {option.name for option in cursor.given}
        options = [o for o in cursor.parameters(click.Option) if o.name not in given and not o.hidden]
        # sorted, because click before 8.5 shuffles -h and --help
        return Offer.of({name: option.help or "" for option in options for name in sorted(option.opts, key=len)})
    option = cursor.option(name)
    candidates, files = NOTHING if option is None else _values(option, value)
    return Offer([c._replace(word=f"{name}={c.word}") for c in candidates], files)


VALUES: dict[str, Callable[[click.Parameter], Iterable[str] | Mapping[str, str]]] = {
    "dialect": lambda option: [*DIALECTS, ALL] if option.metavar == SEVERAL else DIALECTS.keys(),
    "dtype": lambda _: DTYPES.keys(),
    "gets": lambda _: ("params", "macs", "flops", "out", "rf.size", "rf.stride", "rf.start", "buffers", "memory"),
    "layout": lambda _: LAYOUTS,
    "name": lambda _: zoo.names(),
    "op": lambda _: {op: title(op) for op in OPS},
    "tool": lambda _: TOOLS,
    "topic": lambda _: {topic: subject(topic) for topic in TOPICS} | COMMANDS,
}
"""The words that an option or an argument of a name takes, with their help if it is a mapping."""


LISTS: dict[str, Callable[[], Iterable[str] | Mapping[str, str]]] = {
    "only": lambda: OPS,
    "forbid": lambda: {kind.name: kind.title for kind in KINDS.values()} | {ALL_HINTS: "all of them"},
}
"""The words of which an option of a name takes several."""


def _values(parameter: click.Parameter, word: str, before: Sequence[str] = ()) -> Offer:
    """Return what an option or an argument can be; `before` are the arguments in front of it."""
    name = parameter.name or ""
    if isinstance(parameter.type, OneOf):
        return Offer.of(parameter.type.choices)
    if name in VALUES:
        return Offer.of(VALUES[name](parameter))
    if name.endswith("sort"):
        return Offer.of(_columns(name))
    if name in LISTS or name.endswith("columns"):
        return _list_of(LISTS[name]() if name in LISTS else _columns(name), word)
    if name in ("spec", "layer", "networks"):
        return _spec(() if name == "networks" else before, word)
    return FILES if isinstance(parameter, click.Argument) or isinstance(parameter.type, FileName) else NOTHING


def _list_of(names: Iterable[str] | Mapping[str, str], word: str) -> Offer:
    """Offer the names that may follow those of a comma list."""
    head = word[: word.rfind(",") + 1]
    given = head.split(",")
    helps = names if isinstance(names, dict) else dict.fromkeys(names, "")
    return Offer([Candidate(head + name, help, then=",") for name, help in helps.items() if name not in given])


def _columns(name: str) -> Iterable[str]:
    """Return the columns of layers, or of networks for an option that begins so."""
    return table_columns(NETWORKS if name.startswith("network") else LAYERS)


def _spec(before: Sequence[str], word: str) -> Offer:
    """Offer layer words; at the start also built-in networks and files, each of which stands alone."""
    if before and looks_like_shape(before[0]):
        before = before[1:]
    name, colon, rest = word.partition(":")
    op = find_op(name)
    if before and not is_layer_word(before[0]):
        return NOTHING
    if colon and op is not None:
        return Offer(_arguments(op, f"{name}:", rest))
    ops = [
        Candidate(f"{op}:", title(op)) if cls.NEEDED else Candidate(op, title(op), then=":" if cls.KEYS else "")
        for op, (cls, _) in OPS.items()
    ]
    return Offer(ops) if before else Offer(ops + Offer.of(zoo.names()).candidates, files=True)


def _arguments(op: str, head: str, rest: str) -> list[Candidate]:
    """Return what the last argument of a layer word could become; `head` is the word in front of the arguments."""
    cls, nd = OPS[op]
    if sum(rest.count(c) for c in "[{") > sum(rest.count(c) for c in "]}"):
        return []  # inside a JSON value
    *before, arg = split_arguments(rest)
    head += "".join(f"{text}," for text in before)
    key, equals, _ = arg.partition("=")
    if equals:
        keys = keys_named(cls, key)
        return [Candidate(f"{head}{key}={word}", then=",") for word in (_words(cls, nd, keys[0]) if keys else ())]
    given: set[str] = set()
    for text in before:
        with contextlib.suppress(CnncalcError):
            for one in parse_word(f"{op}:{text}").args:
                given.update(keys_named(cls, one.key) or (one.key,))
    given |= {EITHER[key] for key in given & EITHER.keys()}
    free = [key for key in (*cls.KEYS, *LAYER_KEYS) if key not in given]
    flags = [name for name in flags_of(cls, nd) if FLAGS[name][0] in free]
    assigned = [Candidate(f"{head}{key}=") for key in free if key not in flags]
    return assigned + [Candidate(head + name, then=",") for name in flags]


def _words(cls: type[Layer], nd: int | None, key: str) -> tuple[str, ...]:
    """Return the words that are values of a key."""
    reader = cls.KEYS[key]
    if reader is flag:
        return ("true", "false")
    return padding_words(cls, nd) if reader is sides else WORDS.get(reader, ())
