"""`cnncalc completion`: the completion script of a shell, and the answers to its requests."""

from __future__ import annotations

import contextlib
import os

import click

from ..errors import printable
from ..outputs import text_output
from ._options import path_option
from ._terminal import debug_option
from ._usage import Command, OneOf

SCRIPTS = {"bash": "cnncalc.bash", "zsh": "_cnncalc", "fish": "cnncalc.fish"}
"""The script of each shell, by the file name under which the shell expects it."""
_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_FOLDERS = (os.path.join(_PACKAGE, "completions"), os.path.join(os.path.dirname(_PACKAGE), "completions"))
"""The folders of the scripts: in the installed package, and in a checkout, from which the build copies them."""


@click.command("completion", cls=Command)
@click.argument("shell", type=OneOf(list(SCRIPTS)), metavar="SHELL")
@click.option("--line", hidden=True, help="List the completions of this command line (called by the script).")
@path_option()
@debug_option
def command(shell: str, line: str | None, path: str | None) -> int:
    """Print the completion script of SHELL: bash, zsh or fish.

    The script begins with how to install it. To try it in the shell that runs:

    \b
      bash, zsh   source <(cnncalc completion bash)
      fish        cnncalc completion fish | source
    """
    with text_output(path) as stream:
        stream.write(script(shell) if line is None else answer(line))
    return 0


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    folder = next(filter(os.path.isdir, _FOLDERS))
    with open(os.path.join(folder, SCRIPTS[shell]), encoding="utf-8") as file:
        return file.read()


def answer(line: str) -> str:
    """Return the answer for the scripts: `files` if a file is possible, otherwise `words`, then one candidate per line.

    A candidate's help follows after a tab. Nothing is offered after characters that a terminal would act on. Empty if
    there is a bug, as a traceback would spoil the line being typed.
    """
    with contextlib.suppress(Exception):
        from ._candidates import offer

        offered = offer(line)
        candidates = [c for c in offered.candidates if printable(c.word) == c.word]
        lines = [f"{c.word}\t{c.help}" if c.help else c.word for c in candidates]
        return "".join([f"{text}\n" for text in ("files" if offered.files else "words", *lines)])
    return ""
