"""Usage errors in our own words, as click's differ from version to version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf, nan
from typing import TYPE_CHECKING, Any

import click

from ..errors import SpecError, nearest, shown
from ..sizes import LARGEST

SEVERAL = "NAMES"
"""The metavar of an option that takes several names separated by commas."""
COLORS = ("auto", "always", "never")
"""The values of --color, the default first."""

if TYPE_CHECKING:
    Choice = click.Choice[str]
else:
    Choice = click.Choice  # not generic before click 8.4


class Command(click.Command):
    """A command with its own texts for argument errors."""

    allow_extra_args = True
    """`parse_args` refuses them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)
        with own_words(ctx, words):
            extra = super().parse_args(ctx, marked(args))
        ctx.params = {name: unmarked(value) for name, value in ctx.params.items()}
        if extra:
            raise SpecError(f"unexpected argument {shown(extra[0])}", f"{ctx.command_path} --help shows the usage")
        return extra


MARK = "\0"
"""A character that no shell word begins with."""


def marked(words: Sequence[str]) -> list[str]:
    """Return words for click, with a mark before `-:Net`, a network on standard input that looks like an option."""
    return [f"{MARK}{word}" if word.startswith("-:") else word for word in words]


def unmarked(value: Any) -> Any:
    """Return a value read by click as it was typed."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(unmarked, value))
    return value.removeprefix(MARK) if isinstance(value, str) else value


@contextmanager
def own_words(ctx: click.Context, words: Sequence[str] = ()) -> Iterator[None]:
    """Turn errors of click's parser into SpecErrors; `words` are the ones it parses."""
    params = ctx.command.get_params(ctx)
    try:
        yield
    except click.NoSuchOption as error:
        from ._intents import option_meant, option_of_others

        word = error.option_name
        if word[1:2] not in ("", "-") and (whole := _joined(word, words)) is not None:
            word = whole  # -lr is not -l and -r
        options = [param for param in params if isinstance(param, click.Option) and not param.hidden]
        known = [name[2:] for option in options for name in option.opts if name.startswith("--")]
        near = nearest(word[2:], known, "--") if word.startswith("--") else None
        help = option_meant(word, ctx.command) or option_of_others(word, ctx) or near
        help = help or f"{ctx.command_path} --help lists the options"
        raise SpecError(f"unknown option {shown(word)}", help) from None
    except click.BadOptionUsage as error:
        word = error.option_name
        option = next(param for param in params if word in param.opts)
        if isinstance(option, click.Option) and option.is_flag:
            raise SpecError(f"{word} takes no value", f"write {word} alone") from None
        raise SpecError(f"{word} needs a value", _values(option, word)) from None
    except click.MissingParameter as error:
        given = next(
            (word for word in words if "x_path" in str(error.param and error.param.name) and _is_array(word)), None
        )
        help = f"give -x {given}" if given else _values(error.param)
        raise SpecError(f"{_name(error.param)} is missing", help) from None
    except click.UsageError as error:  # errors of future versions of click
        raise SpecError(error.format_message(), f"{ctx.command_path} --help shows the usage") from None


def _joined(option: str, words: Sequence[str]) -> str | None:
    """Return the word of several letters after one dash, such as -lr, that has an unknown letter; None for others."""
    letter = option[1:]
    return next((w for w in words if w[:1] == "-" and w[1:2].isalpha() and len(w) > 2 and w[1] == letter), None)


def _is_array(word: str) -> bool:
    """Return whether a word names a file of numbers, or is a list of numbers."""
    return word.endswith((".npy", ".csv", ".tsv", ".txt")) or word.startswith("[")


def _name(param: click.Parameter | None) -> str:
    """Return the name of a parameter as in the help; for an option, `-x/--array`."""
    assert param is not None
    return "/".join(sorted(param.opts, key=len)) if isinstance(param, click.Option) else param.human_readable_name


def _values(param: click.Parameter | None, name: str | None = None) -> str:
    """Return the accepted values of a parameter."""
    assert param is not None
    if isinstance(param.type, OneOf):
        return f"choose one of {', '.join(param.type.choices)}"
    return f"give {name or _name(param).partition('/')[0]} {param.metavar}"


class OneOf(Choice):
    """The type of an option that takes one of several words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002  click's form
        if value in self.choices:
            return str(value)
        what = f"{_name(param)}: {shown(value)} is not one of {', '.join(self.choices)}"
        from ._intents import choice_meant

        raise SpecError(what, choice_meant(str(value), self.choices))


class Whole(click.IntRange):
    """An integer of at least `min` and at most the largest size."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ARG002  click's form
        try:
            number = int(value)
        except ValueError:
            raise SpecError(f"{_name(param)}: {shown(value)} is not a whole number") from None
        if self.min is not None and number < self.min:
            raise SpecError(f"{_name(param)}: {shown(number)} is too small: the minimum is {self.min}")
        if number > LARGEST:
            raise SpecError(f"{_name(param)}: {shown(number)} is too large: the maximum is {LARGEST:,}")
        return number


class Positive(click.FloatRange):
    """A finite number above 0."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ARG002  click's form
        try:
            number = float(value)
        except ValueError:
            number = nan
        if not 0 < number < inf:
            raise SpecError(f"{_name(param)}: {shown(value)} is not a finite number above 0")
        return number
