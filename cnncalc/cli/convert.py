"""`cnncalc convert`: a network in another form."""

from __future__ import annotations

import click

from ..writers import TARGETS, writer
from .common import (
    Asked,
    color_option,
    debug_option,
    network_options,
    output,
    path_option,
    quiet_option,
    read_stdin,
    together,
)


@click.command("convert")
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options()
@together(
    click.option("--to", "target", type=click.Choice(TARGETS), default="spec", show_default=True, help="Which form."),
    path_option(),
    color_option(),
    quiet_option(),
    debug_option(),
)
def command(spec: tuple[str, ...], asked: Asked, target: str, path: str | None, color: str, quiet: bool) -> int:
    """Write a network in another form: a file of another framework as a spec, or a spec as such a file.

    \b
      cnncalc convert resnet18 -o resnet18.json
      cnncalc convert 3x32x32 conv:16,k3,p1 relu
    """
    from ..spec import source

    given = source.sort_out(spec)
    network = source.network(given, read_stdin)
    text = writer(target)(asked.with_front(given).settle(network))
    assert isinstance(text, str)
    with output(path, utf8=True) as stream:
        stream.write(text)
    return 0
