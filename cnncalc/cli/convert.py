"""`cnncalc convert`: a network in another form."""

from __future__ import annotations

import os

import click

from ..errors import SpecError
from ..files import binary_output, text_output
from ..frameworks import TARGETS, writer
from ..network import Network, no_input
from ..sources import Given
from ._options import (
    Asked,
    color_option,
    debug_option,
    network_options,
    path_option,
    quiet_option,
    read_stdin,
    together,
)
from ._usage import Command, OneOf


@click.command("convert", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@network_options()
@together(
    click.option("--to", "target", type=OneOf(TARGETS), default="spec", show_default=True, help="Which form."),
    click.option("--weights", "npz", metavar="W.npz", help="Write the weights that come with the network, by name."),
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
    """Write a network in another form: one of another framework as a spec, or a spec as one of another framework.

    A torch.nn.Module is named as package.module:factory, and needs -i.

    \b
      cnncalc convert net.onnx -o net.json --weights net.npz
      cnncalc convert torchvision.models:resnet50 -i 3x224x224 --weights resnet50.npz
      cnncalc convert resnet18 --to onnx -o resnet18.onnx
      cnncalc convert resnet18 --to torch -o resnet18.py
    """
    from .. import sources

    given = sources.sort_out(spec)
    asked = asked.with_front(given)
    network = asked.settle(_read(given, asked))
    if w_path is not None:
        network = _with_weights(network, w_path, target)
    found = writer(target)(network)
    if npz is not None:
        _save_weights(network, npz)
    if isinstance(found, bytes):
        with binary_output(path) as file:
            file.write(found)
    else:
        with text_output(path, utf8=True) as stream:
            stream.write(found)
    return 0


def _read(given: Given, asked: Asked) -> Network:
    """The network of SPEC words, or of a torch.nn.Module."""
    from .. import sources
    from ..frameworks.torch.read.factory import is_factory
    from ..notation.words import is_layer_word

    (word, *more) = given.rest
    if more or is_layer_word(word) or not is_factory(word) or os.path.exists(word):
        return sources.network(given, read_stdin)
    return _of_module(word, asked)


def _of_module(word: str, asked: Asked) -> Network:
    from ..frameworks.torch.read import read
    from ..frameworks.torch.read.factory import make
    from ..sources import imported

    if asked.input is None:
        raise no_input()
    batch = () if asked.batch is None else (asked.batch,)
    return imported(read(make(word), (*batch, *asked.input)), word)


def _with_weights(network: Network, path: str, target: str) -> Network:
    """The network with the arrays of a file, which its own then are."""
    from ..execute.weights import sourced
    from ._arrays import read_weights

    if target != "onnx":
        raise SpecError("-w gives an ONNX file its weights, and this is none", "add --to onnx")
    return sourced(network, read_weights(path))


def _save_weights(network: Network, path: str) -> None:
    """Write what came with the network to a .npz."""
    from ..execute.sinks import save_all
    from ..execute.weights import carried

    arrays = carried(network)
    if not arrays:
        raise SpecError("--weights writes the weights that come with a network, and there are none", "leave it out")
    save_all(path, arrays)
