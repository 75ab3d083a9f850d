"""`cnncalc zoo`: the built-in networks."""

from __future__ import annotations

from functools import partial

import click

from .. import zoo
from ..errors import SpecError, nearest, shown
from ..outputs import text_output
from ..render import Selection
from ..report import Report
from ..sources import load_zoo
from . import _comparison
from ._network_options import Measures, NetworkOptions
from ._options import path_option, together
from ._terminal import color_option, debug_option
from ._usage import Command


@click.command("zoo", cls=Command)
@click.argument("name", nargs=-1, metavar="[NAME]...")
@_comparison.table_options
@path_option()
@together(color_option, debug_option)
def command(
    name: tuple[str, ...],
    options: NetworkOptions,
    measures: Measures,
    format: str,
    columns: tuple[str, ...] | None,
    selection: Selection,
    brief: bool,
    path: str | None,
) -> int:
    """List the built-in networks, or print the spec of one, which is JSON.

    The list is the table of cnncalc compare, of all networks or of those that are named. One name alone, without an
    option of the table, prints the spec.

    \b
      cnncalc zoo
      cnncalc zoo vgg16 | cnncalc shape -
      cnncalc zoo resnet18 resnet50 -i 3x320x320 --columns network,output,macs
    """
    names = [known(one) for one in name] or zoo.names()
    if (
        len(name) == 1
        and not (brief or columns)
        and (options, measures, selection) == (NetworkOptions(), Measures(), Selection())
    ):
        if format not in ("table", "json"):
            help = f"for a row of figures: cnncalc compare {names[0]} --format {format}"
            raise SpecError(f"a spec is JSON, not {format}", help)
        with text_output(path, utf8=True) as stream:
            stream.write(zoo.read(names[0]))
        return 0
    reports = [(one, partial(_report, one, options)) for one in names]
    return _comparison.write(reports, measures, columns, selection, brief, format, path)


def known(name: str) -> str:
    """Return the name if it is a built-in network. Raise SpecError otherwise."""
    if name.lower() in zoo.names():
        return name.lower()
    help = nearest(name, zoo.names()) or f"there are {', '.join(zoo.names())}"
    raise SpecError(f"there is no built-in network {shown(name)}", help)


def _report(name: str, options: NetworkOptions) -> Report:
    network, left = options.taken(load_zoo(name))
    return left.report(network)
