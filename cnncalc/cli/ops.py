"""`cnncalc ops`: the ops and their keys."""

from __future__ import annotations

import click

from ..files import text_output
from ._options import format_options, path_option, together
from ._terminal import color_option, debug_option, style_of
from ._usage import Command


@click.command("ops", cls=Command)
@click.argument("op", required=False)
@format_options(("table", "json", "markdown"))
@together(path_option(), color_option, debug_option)
def command(op: str | None, format: str, path: str | None) -> int:
    """List the ops by family, or show the keys, the defaults and an example of one.

    OP is an op's word in any spelling that a spec may use: conv, Conv2d, maxpool, MaxPooling2D.

    \b
      cnncalc ops
      cnncalc ops conv
      cnncalc ops conv --json
    """
    from ..notation.ops import describe
    from ..render import ops

    described = None if op is None else describe(op)
    with text_output(path, utf8=format == "json") as stream:
        style = style_of(stream)
        stream.writelines(ops.listing(format, style) if described is None else ops.one(described, format, style))
    return 0
