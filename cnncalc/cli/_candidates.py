"""Completion: the words that are possible at the cursor of a command line, for all shells."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import click

from . import COMMANDS, group

P = TypeVar("P", bound=click.Parameter)


class Candidate(NamedTuple):
    """A completion of the word at the cursor."""

    word: str
    help: str = ""
    then: str = ""
    """The character with which the word may go on; empty if it is complete."""


class Offer(NamedTuple):
    """The words that are possible at the cursor."""

    candidates: list[Candidate]
    files: bool = False
    """Whether a file name is possible, too."""

    @classmethod
    def of(cls, words: Iterable[str] | Mapping[str, str]) -> Offer:
        """Return an offer of words, with their help if they are a mapping."""
        return cls([Candidate(*item) for item in (words.items() if isinstance(words, Mapping) else zip(words))])


NOTHING = Offer([])
FILES = Offer([], files=True)


class Cursor:
    """The context of the cursor in a command line: the command, options and arguments before it."""

    def __init__(self, words: Iterable[str]):
        self.context = click.Context(group, **group.context_settings)
        self.command: click.Command | None = group
        self.given: list[click.Option] = []
        """The options before the cursor."""
        self.waiting: click.Option | None = None
        """The option whose value comes next."""
        self.arguments: list[str] = []
        self.only_arguments = False
        """Whether `--` comes before the cursor."""
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
        """Return the options or the arguments of the command, including --help."""
        if self.command is None:
            return []
        context = click.Context(self.command, parent=self.context, resilient_parsing=True)
        return [parameter for parameter in self.command.get_params(context) if isinstance(parameter, kind)]

    def option(self, name: str) -> click.Option | None:
        """Return the command's option of this name."""
        return next((option for option in self.parameters(click.Option) if name in option.opts), None)

    def argument(self) -> click.Argument | None:
        """Return the argument that the next word belongs to."""
        taken = len(self.arguments)
        for argument in self.parameters(click.Argument):
            if argument.nargs < 0 or taken < argument.nargs:
                return argument
            taken -= argument.nargs
        return None


def offer(line: str) -> Offer:
    """Return the completions of a command line, which is cut at the cursor; case is ignored."""
    *words, word = split(line)
    if word.lstrip("012&")[:1] in ("<", ">") or (words and words[-1][-1:] in ("<", ">")):
        return FILES  # a redirection
    candidates, files = _at(Cursor(words[1:]), word)
    fitting = [c for c in candidates if c.word.lower().startswith(word.lower())]
    if len(fitting) == 1 and fitting[0].then:  # no shell should add a space after a word that can go on
        fitting.append(Candidate(fitting[0].word + fitting[0].then))
    return Offer(fitting, files)


def split(line: str) -> list[str]:
    """Return the words of a command line as a shell splits them; the last is unfinished, possibly within quotes."""
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
        return _values(cursor.waiting, word, cursor.arguments)
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
    candidates, files = NOTHING if option is None else _values(option, value, cursor.arguments)
    return Offer([c._replace(word=f"{name}={c.word}") for c in candidates], files)


def _values(parameter: click.Parameter, word: str, before: Sequence[str] = ()) -> Offer:
    """Return the possible values of an option or argument; `before` are the arguments before the cursor."""
    from ._values import values  # imported late: it needs the names of all ops, keys and networks

    return values(parameter, word, before)
