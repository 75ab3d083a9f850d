"""The options that commands share, each written once; those of networks are in `_network_options`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

import click

from ..errors import SpecError
from ..files import file_name
from ..outputs import output_path
from ..render import ENDINGS
from ._terminal import color_option, debug_option, quiet_option
from ._usage import OneOf

F = TypeVar("F", bound=Callable[..., Any])
Function = Callable[..., int]


class FileName(click.types.StringParamType):
    """The type of an option that names a file or folder, so that shells complete it."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return file_name(super().convert(value, param, ctx))


class OutputName(FileName):
    """The type of an option that names a file to write; other names of standard output become `-`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return output_path(super().convert(value, param, ctx))


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one decorator, in the order of the help."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def file_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return an option that names a file or folder, with these click attributes."""
    return click.option(*names, type=FileName(), **attributes)


def output_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return an option that names a file to write, with these click attributes."""
    return click.option(*names, type=OutputName(), **attributes)


def path_option(metavar: str = "FILE", what: str = "the result") -> Callable[[F], F]:
    """Return the option -o."""
    return output_option("-o", "--output", "path", metavar=metavar, help=f"Write {what} to this file.")


json_option = click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
message_options = together(color_option, quiet_option, debug_option)


def format_options(formats: Iterable[str], result: str | None = None) -> Callable[[Function], Function]:
    """Return --json, --format and, for commands that write a `result` per line, --jsonl, as one argument `format`.

    Without any of them the ending of -o, the command's `path`, decides.
    """
    jsonl = f"Read one spec per line, write {result} per line."
    options: Callable[[Function], Function] = together(
        json_option,
        *([click.option("--jsonl", "as_jsonl", is_flag=True, help=jsonl)] if result else []),
        click.option("--format", type=OneOf(list(formats)), help="Output format."),
    )

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(as_json: bool, format: str | None, path: str | None, as_jsonl: bool = False, **others: Any) -> int:
            chosen = {name for name in (as_json and "json", as_jsonl and "jsonl", format) if name}
            if len(chosen) > 1:
                raise SpecError(f"{' and '.join(sorted(chosen))} are two formats", "choose one of them")
            named = chosen.pop() if chosen else None
            endings = {name: ENDINGS[name] for name in formats if name in ENDINGS}
            if path is not None:
                from ._endings import form

                named = form("--format", named, path, endings)
            return function(format=named or next(iter(formats)), path=path, **others)

        return options(command)

    return decorate
