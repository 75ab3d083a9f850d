"""`cnncalc zoo`: the built-in networks."""

from __future__ import annotations

import click

from .. import trace, zoo
from ..errors import SpecError, nearest, shown
from ..files import text_output
from ..render.zoo import FORMATS
from ..sources import load_zoo
from ._options import format_options, path_option, together
from ._terminal import color_option, debug_option, style_of
from ._usage import Command


@click.command("zoo", cls=Command)
@click.argument("name", required=False)
@format_options(FORMATS)
@together(path_option(), color_option, debug_option)
def command(name: str | None, format: str, path: str | None) -> int:
    """List the built-in networks, or print the spec of one, which is JSON.

    \b
      cnncalc zoo
      cnncalc zoo vgg16 | cnncalc shape -
    """
    if name is not None and name.lower() not in zoo.names():
        help = nearest(name, zoo.names()) or f"there are {', '.join(zoo.names())}"
        raise SpecError(f"there is no built-in network {shown(name)}", help)
    if name is not None and format not in ("table", "json"):
        raise SpecError(f"a spec is JSON, not {format}", "leave out --format, or the name for the list")
    with text_output(path, utf8=True) as stream:
        if name is not None:
            stream.write(zoo.read(name.lower()))
        else:
            stream.writelines(FORMATS.renderer(format)(map(trace.shape, map(load_zoo, zoo.names())), style_of(stream)))
    return 0
