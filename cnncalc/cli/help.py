"""`cnncalc help`: a page of the documentation, or the help of a command."""

from __future__ import annotations

import click

from ..errors import SpecError, nearest, shown
from ..files import text_output
from ..help import TOPICS, read, subject
from ..layers import find_op
from . import COMMANDS, group
from ._terminal import color_option, debug_option, style_of
from ._usage import Command


@click.command("help", cls=Command)
@click.argument("topic", required=False, metavar="[TOPIC|COMMAND]")
@color_option
@debug_option
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> int:
    """Show a page of the documentation, or the help of a command.

    Without either it lists both. A terminal shows the page laid out; a file or a pipe gets its Markdown.

    \b
      cnncalc help
      cnncalc help words
      cnncalc help shape         the same as cnncalc shape --help
    """
    if topic is None:
        click.echo(_contents(ctx))
    elif topic.lower() in TOPICS:
        _show_page(topic.lower())
    elif topic in COMMANDS:
        click.echo(_help_of(ctx, topic))
    else:
        raise _unknown(topic)
    return 0


def _show_page(topic: str) -> None:
    """Print a page: drawn on a terminal (or where colours are wanted), as Markdown elsewhere."""
    text = read(topic)
    with text_output(None, utf8=True) as stream:
        style = style_of(stream)
        if style.color or stream.isatty():
            from ..render.page import render

            text = render(text, style)
        stream.write(text)


def _help_of(ctx: click.Context, name: str) -> str:
    """Return what `cnncalc NAME --help` prints."""
    command = group.get_command(ctx, name)
    assert command is not None
    return command.get_help(command.context_class(command, info_name=name, parent=ctx.parent))


def _contents(ctx: click.Context) -> str:
    """Return the list of topics and commands, a line each."""
    formatter = ctx.make_formatter()
    formatter.write_usage("cnncalc help", "[TOPIC|COMMAND]")
    with formatter.section("Topics"):
        formatter.write_dl([(topic, subject(topic)) for topic in TOPICS])
    with formatter.section("Commands"):
        formatter.write_dl(list(COMMANDS.items()))
    return formatter.getvalue().rstrip("\n")


def _unknown(name: str) -> SpecError:
    """Return the error for a name that is neither a topic nor a command, with the nearest that are."""
    op = find_op(name)
    hint = nearest(name, dict.fromkeys((*TOPICS, *COMMANDS))) if op is None else f"for the op: cnncalc ops {op}"
    return SpecError(f"there is no help topic or command {shown(name)}", hint or "for the list: cnncalc help")
