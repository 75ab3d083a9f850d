"""The command line: the only place that imports click. Each command parses, calls and renders."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

from .. import __version__
from ..errors import CnncalcError, InternalError, SpecError, as_error
from ..outputs import is_closed_pipe
from ..signals import is_left_at_once
from . import _stdio
from ._terminal import (
    Settings,
    color_option,
    debug_option,
    note,
    quiet_option,
    settle_color,
    traceback_text,
)
from ._usage import marked, own_words, unmarked

COMMANDS = {
    "shape": "Show each layer's shape, parameters, MACs and receptive field.",
    "rf": "Show what the units of each layer see of the input.",
    "solve": "Find the settings, the inputs or the stack that give what is wanted.",
    "run": "Execute layers or a network on NumPy arrays.",
    "learn": "Learn a convolution's kernel from an input and an output.",
    "dense": "Write a linear layer as a matrix.",
    "diff": "Show what changed between two networks.",
    "compare": "Show networks side by side, a row each.",
    "show": "Draw a network, or a window step by step.",
    "check": "Check specs against what they, or a baseline, expect (for CI).",
    "convert": "Convert a network between specs, Keras, ONNX and PyTorch.",
    "ops": "List the ops, or show the keys and defaults of one.",
    "zoo": "List the built-in networks, or print one as a spec.",
    "help": "Show a page of the documentation, or the help of a command.",
    "schema": "Print the JSON Schema of a spec.",
    "completion": "Print the completion script of a shell.",
}
"""The commands, which are also module names, and their lines in the help; a module is imported when it is used."""


MORE = {
    "shape": ("words", "specs", "dialects", "hints"),
    "rf": ("fields", "specs"),
    "solve": ("solve", "words"),
    "run": ("arrays", "textbook"),
    "learn": ("arrays", "textbook"),
    "dense": ("arrays", "textbook"),
    "diff": ("ci", "words"),
    "compare": ("specs", "frameworks"),
    "show": ("pictures", "specs"),
    "check": ("ci", "specs", "hints"),
    "convert": ("frameworks",),
    "ops": ("ops", "words"),
    "zoo": ("specs",),
    "schema": ("specs",),
}
"""The documentation pages that say more about each command."""


class ClosedPipe(BrokenPipeError):
    """An error for a closed output pipe; it has no errno, so that click lets it through."""


class Commands(click.Group):
    """The group of all commands; each is imported when it is used."""

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipes():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's form
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's form
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f".{cmd_name}", __name__).command
        if cmd_name in MORE:
            command.epilog = f"More: {', '.join(f'cnncalc help {topic}' for topic in MORE[cmd_name])}"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's form
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)
        try:
            with own_words(ctx), _closed_pipes():
                return super().parse_args(ctx, marked(args))
        except SpecError as error:
            from ._guesses import reordered

            error.help = reordered(words) or error.help
            raise

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        args = unmarked(args)
        if args[0] not in COMMANDS:
            from ._guesses import line, meant

            if args[0] == "version":
                click.echo(f"cnncalc {__version__}")
                ctx.exit()
            args, is_guess = meant(args)
            if is_guess:
                note(line(args))
        return super().resolve_command(ctx, args)


@contextmanager
def _closed_pipes() -> Iterator[None]:
    """Turn the error of a closed pipe into a ClosedPipe, as click itself would exit with 1."""
    try:
        yield
    except OSError as error:
        raise (ClosedPipe if is_closed_pipe(error) else error) from error


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try: cnncalc shape 3x224x224 conv:64,k7,s2,p3 maxpool:k3,s2,p1\n\nThe documentation: cnncalc help",
)
@click.version_option(__version__, "-V", "--version", message="cnncalc %(version)s")
@color_option
@quiet_option
@debug_option
@click.pass_context
def group(ctx: click.Context) -> int | None:
    """Exact shapes, parameters, costs and receptive fields of convolutional networks.

    Without a command, cnncalc SPEC is cnncalc shape SPEC.

    Padding p is per side, as in the frameworks; pt is the textbook's total of both sides.
    """
    if ctx.invoked_subcommand:
        return None
    _say(ctx.get_help())
    return 2


class NativeCode:
    """A finder that finds no modules, but first tries to import native code in a child process, which may crash."""

    def __init__(self) -> None:
        self.untried = {"numpy", "onnx", "google", "h5py", "safetensors", "torch"}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002  Python's form
        """Raise SpecError if a native module cannot be imported."""
        if name not in self.untried:
            return
        from ..isolation import tried

        untried, self.untried = self.untried, set()  # imports within the trial need no trial
        try:
            untried = untried - tried(name)
        finally:
            self.untried = untried


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 fine, 1 a check failed, 2 wrong usage or spec, 3 a bug, 128 + a signal's."""
    are_own = _stdio.settle()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # those of Python and of libraries may repeat text of a file unescaped
    sys.meta_path.insert(0, NativeCode())
    code = call(sys.argv[1:])
    if are_own and is_left_at_once():
        os._exit(code)  # everything is flushed, and Python's own cleanup takes a tenth of the whole time
    sys.exit(code)


def call(args: list[str]) -> int:
    """Run one command, flush what it printed, and return the exit code."""
    settings, code = Settings(), 0
    try:
        settings.words = args = settle_color(settings, args)
        code = group.main(args, prog_name="cnncalc", complete_var="", standalone_mode=False, obj=settings) or 0
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        return code
    except (KeyboardInterrupt, click.Abort):
        return 130
    except Exception as error:
        if isinstance(error, OSError) and is_closed_pipe(error):
            return code  # the pipe is closed
        if isinstance(error, CnncalcError) and error.lacking is not None:
            from ._guesses import line, without_input

            error.help = f"give it: {line(without_input(args))} {error.lacking}"
        return _fail(error, settings)


def _fail(error: Exception, settings: Settings) -> int:
    """Print what went wrong, and return the exit code."""
    from ..render.messages import error_text

    worded = as_error(error)
    if isinstance(error, OSError) and error.filename is None:  # failing imports name their file
        worded = SpecError(f"cannot write: {error.strerror or error}")
    if isinstance(worded, InternalError) and settings.debug:
        _say(traceback_text(error))
    _say(error_text(worded, sys.stderr is not None and settings.has_color(sys.stderr)))
    return worded.exit_code


def _say(text: str) -> None:
    """Print a text on standard error, after flushing standard output."""
    for stream, last in ((sys.stdout, ""), (sys.stderr, f"{text}\n")):
        if stream is not None:
            with suppress(OSError):
                stream.write(last)
                stream.flush()
