"""`cnncalc help`: a page of the documentation, or the help of a command."""

from __future__ import annotations

import click

from ..errors import SpecError, nearest, shown
from ..help import TOPICS, read, subject
from ..layers import find_op
from ..outputs import text_output
from . import COMMANDS, group
from ._guesses import MEANT, line
from ._terminal import color_option, debug_option, note, quiet_option, style_of
from ._usage import Command


@click.command("help", cls=Command)
@click.argument("topic", required=False, metavar="[TOPIC|COMMAND]")
@color_option
@quiet_option
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
    if topic is not None and topic.lower() not in TOPICS and topic.lower() in MEANT:
        words = MEANT[topic.lower()]
        note(line(words))
        topic = words[-1] if words[0] == "help" and len(words) > 1 else words[0]
    if topic is None:
        formatter = ctx.make_formatter()
        formatter.write_usage("cnncalc help", "[TOPIC|COMMAND]")
        with formatter.section("Topics"):
            formatter.write_dl([(name, subject(name)) for name in TOPICS])
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        click.echo(formatter.getvalue().rstrip("\n"))
    elif topic.lower() in TOPICS:
        _show_page(topic.lower())
    elif topic in COMMANDS:
        _show_help(ctx, topic)
    else:
        op = find_op(topic)
        near = nearest(topic, dict.fromkeys((*TOPICS, *COMMANDS))) if op is None else f"for the op: cnncalc ops {op}"
        help = near or _pages_with(topic) or "for the list: cnncalc help"
        raise SpecError(f"there is no help topic or command {shown(topic)}", help)
    return 0


def _pages_with(word: str) -> str | None:
    """Return the help that names the pages that contain a word, most frequent first; None if there are none."""
    counts = {topic: read(topic).lower().count(word.lower()) for topic in TOPICS if len(word) > 2}
    pages = sorted((topic for topic, count in counts.items() if count), key=lambda topic: -counts[topic])
    return f"these pages mention it: {', '.join(f'cnncalc help {page}' for page in pages[:3])}" if pages else None


def _show_help(ctx: click.Context, name: str) -> None:
    """Print the help of a command."""
    command = group.get_command(ctx, name)
    assert command is not None
    click.echo(command.get_help(command.context_class(command, info_name=name, parent=ctx.parent)))


def _show_page(topic: str) -> None:
    """Print a page: laid out on a terminal (or if colors are wanted), otherwise as Markdown."""
    text = read(topic)
    with text_output(None, utf8=True) as stream:
        style = style_of(stream)
        if style.color or stream.isatty():
            from ..render.page import render

            text = render(text, style)
        stream.write(text)
