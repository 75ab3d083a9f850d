"""`cnncalc ops`: the ops and their keys."""

from __future__ import annotations

import click

from ..files import text_output
from ._options import (
    color_option,
    debug_option,
    format_of,
    format_option,
    json_option,
    path_option,
    style_of,
    write,
)
from ._usage import Command


@click.command("ops", cls=Command)
@click.argument("op", required=False)
@json_option()
@format_option(("table", "json", "markdown"))
@path_option()
@color_option()
@debug_option()
def command(op: str | None, as_json: bool, format: str | None, path: str | None, color: str) -> int:
    """List the ops by family, or show the keys, the defaults and an example of one.

    OP is an op's word in any spelling that a spec may use: conv, Conv2d, maxpool, MaxPooling2D.

    \b
      cnncalc ops
      cnncalc ops conv
      cnncalc ops conv --json
    """
    from ..notation.ops import describe
    from ..render import ops

    format = format_of(as_json, False, format)
    described = None if op is None else describe(op)
    with text_output(path, utf8=format == "json") as stream:
        style = style_of(None, False, color, stream)
        write(stream, ops.listing(format, style) if described is None else ops.one(described, format, style))
    return 0
