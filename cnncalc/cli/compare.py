"""`cnncalc compare`: networks side by side, a row each."""

from __future__ import annotations

from functools import partial

import click

from ..errors import SpecError
from ..render import Selection
from ..render.texts import plural
from ..sources.words import is_stdin
from . import _comparison
from ._hints import hints_option
from ._network_options import Measures, NetworkOptions
from ._networks import check_shapes, quotes, report_of
from ._options import message_options, path_option
from ._usage import Command


@click.command("compare", cls=Command)
@click.argument("networks", nargs=-1, metavar="SPEC...")
@_comparison.table_options
@click.option("--names", metavar="NAMES", help="Names to show for the networks, in order, such as Ours,ResNet-18.")
@hints_option
@path_option()
@message_options
def command(
    networks: tuple[str, ...],
    options: NetworkOptions,
    measures: Measures,
    format: str,
    columns: tuple[str, ...] | None,
    selection: Selection,
    brief: bool,
    names: str | None,
    lists_hints: bool,
    path: str | None,
) -> int:
    """Show networks side by side, a row each: shapes, parameters, MACs and the receptive field of the whole.

    SPEC is one word of the shell: a file, a built-in network, - for standard input, layer words or code in quotes, or a
    file at a git revision, as REVISION:PATH. A network that is impossible has a row that says so; the others still
    count, and the exit code is 2.

    \b
      cnncalc compare resnet18 resnet50 net.json '3x32x32 conv:16,k3 relu'
      cnncalc compare nets/*.json -i 3x224x224 --sort macs --format markdown
      cnncalc compare vgg16 resnet50 --columns network,params,macs,torchinfo,fvcore
    """
    if not networks:
        raise SpecError("no SPEC", f"give networks, one word each; layer words go in quotes: {quotes()}")
    check_shapes(networks)
    if sum(map(is_stdin, networks)) > 1:
        raise SpecError("standard input can be only one of the networks", "give files for the others")
    called = networks if names is None else [name.strip() for name in names.split(",")]
    if len(called) != len(networks):
        what = f"--names has {plural(len(called), 'name')}, and there are {plural(len(networks), 'network')}"
        raise SpecError(what, "give one name per network, separated by commas")
    reports = [(name, partial(report_of, word, options)) for name, word in zip(called, networks, strict=True)]
    return _comparison.write(reports, measures, columns, selection, brief, format, path, lists_hints)
