"""`cnncalc ops`: the ops and their keys."""

from __future__ import annotations

import click

from ..notation.ops import describe
from ..outputs import text_output
from ..render.ops import FORMATS
from ._options import format_options, path_option, together
from ._terminal import color_option, debug_option, style_of
from ._usage import Command


@click.command("ops", cls=Command)
@click.argument("op", required=False)
@format_options(FORMATS)
@together(path_option(), color_option, debug_option)
def command(op: str | None, format: str, path: str | None) -> int:
    """List the ops by family, or show the keys, the defaults and an example of one.

    OP is an op's word in any spelling that a spec may use: conv, Conv2d, maxpool, MaxPooling2D.

    \b
      cnncalc ops
      cnncalc ops conv
      cnncalc ops conv --json
    """
    described = None if op is None else describe(op)
    with text_output(path, utf8=format == "json") as stream:
        stream.writelines(FORMATS.renderer(format)(described, style_of(stream)))
    return 0
