"""`cnncalc convert`: a network in another form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import click

from ..errors import SpecError
from ..network import Network, no_input
from ..spec.source import Given
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
    click.option("--weights", "weights_path", metavar="W.npz", help="Write the weights that come with it to a file."),
    color_option(),
    quiet_option(),
    debug_option(),
)
def command(
    spec: tuple[str, ...],
    asked: Asked,
    target: str,
    path: str | None,
    weights_path: str | None,
    color: str,
    quiet: bool,
) -> int:
    """Write a network in another form: one of another framework as a spec, or a spec as one of another framework.

    A torch.nn.Module is named as package.module:factory, and needs -i.

    \b
      cnncalc convert resnet18 -o resnet18.json
      cnncalc convert 3x32x32 conv:16,k3,p1 relu
      cnncalc convert torchvision.models:resnet50 -i 3x224x224 --weights resnet50.npz
      cnncalc convert resnet18 --to torch -o resnet18.py
    """
    from ..spec import source

    given = source.sort_out(spec)
    asked = asked.with_front(given)
    network, weights = _read(given, asked)
    text = writer(target)(asked.settle(network))
    assert isinstance(text, str)
    if weights_path is not None:
        _write_weights(weights_path, weights)
    with output(path, utf8=True) as stream:
        stream.write(text)
    return 0


Weights = Mapping[str, Callable[[], Any]]


def _read(given: Given, asked: Asked) -> tuple[Network, Weights]:
    """A network, and the weights that come with it."""
    from ..formats.torch.factory import is_factory
    from ..spec import source
    from ..spec.words import is_layer_word

    (word, *more) = given.rest
    if more or is_layer_word(word) or not is_factory(word) or os.path.exists(word):
        return source.network(given, read_stdin), {}
    return _of_module(word, asked)


def _of_module(word: str, asked: Asked) -> tuple[Network, Weights]:
    """The network of a torch.nn.Module."""
    from ..formats.torch import read
    from ..formats.torch.factory import make
    from ..spec import document

    if asked.input is None:
        raise no_input()
    batch = () if asked.batch is None else (asked.batch,)
    imported = read(make(word), (*batch, *asked.input))
    return document.read(imported.spec), imported.weights


def _write_weights(path: str, weights: Weights) -> None:
    """Write weights to a .npz. SpecError where none came with the network, or they have no values."""
    from ..arrays.sinks import save_all

    arrays = {name: read() for name, read in weights.items()}
    if not arrays:
        raise SpecError("no weights come with this network", "leave --weights out")
    for name, array in arrays.items():
        if array is None:
            raise SpecError(f"{name} has no values: it is on PyTorch's meta device", "leave --weights out")
    save_all(path, arrays)
