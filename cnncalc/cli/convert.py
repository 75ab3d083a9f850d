"""`cnncalc convert`: a network in another form."""

from __future__ import annotations

import click

from ..errors import SpecError
from ..network import Network
from ..writers import TARGETS, writer
from .common import (
    Asked,
    binary_output,
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
    click.option("--weights", "npz", metavar="W.npz", help="Write the weights that the file holds, by name."),
    click.option("-w", "w_path", metavar="W", help="Weights by name (.npz, .safetensors) for an ONNX file."),
    path_option(),
    color_option(),
    quiet_option(),
    debug_option(),
)
def command(
    spec: tuple[str, ...],
    asked: Asked,
    target: str,
    npz: str | None,
    w_path: str | None,
    path: str | None,
    color: str,
    quiet: bool,
) -> int:
    """Write a network in another form: a file of another framework as a spec, or a spec as such a file.

    \b
      cnncalc convert net.onnx -o net.json --weights net.npz
      cnncalc convert resnet18 --to onnx -o resnet18.onnx
      cnncalc convert 3x32x32 conv:16,k3,p1 relu
    """
    from ..spec import source

    given = source.sort_out(spec)
    network = asked.with_front(given).settle(source.network(given, read_stdin))
    if w_path is not None:
        network = _with_weights(network, w_path, target)
    found = writer(target)(network)
    if npz is not None:
        _save_weights(network, npz)
    if isinstance(found, bytes):
        binary_output(path, found)
    else:
        with output(path, utf8=True) as stream:
            stream.write(found)
    return 0


def _with_weights(network: Network, path: str, target: str) -> Network:
    """The network with the arrays of a file, which its own then are."""
    from ..arrays.weights import sourced
    from .arrays import read_weights

    if target != "onnx":
        raise SpecError("-w gives an ONNX file its weights, and this is none", "add --to onnx")
    return sourced(network, read_weights(path))


def _save_weights(network: Network, path: str) -> None:
    """Write what the network's own file holds to a .npz."""
    from ..arrays.sinks import save_all
    from ..arrays.weights import carried

    arrays = carried(network)
    if not arrays:
        raise SpecError("--weights writes the weights that a file holds, and there are none", "leave it out")
    save_all(path, arrays)
