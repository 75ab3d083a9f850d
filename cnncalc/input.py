"""What an input is to a network: its dialect and layout settled, its batch, and one sample's shape."""

from __future__ import annotations

from typing import Any

from .dialects import dialect_named, layout_named
from .errors import ShapeError, SpecError, shown
from .layers.base import AXIS_LETTERS, first_rank
from .layers.dense import Linear
from .network import Network
from .sizes import LARGEST, UNKNOWN, Open, Shape, known, read_shape, show


def settle(network: Network, input: Any, dialect: str | None, layout: str | None) -> Network:
    """The network with what the caller says of it: a dialect brings its own layout only where the spec has none."""
    if dialect is not None:
        network = network._replace(dialect=dialect_named(dialect))
    if layout is not None:
        network = network._replace(layout=layout_named(layout))
    elif network.layout is None:
        network = network._replace(layout=network.dialect.layout)
    if input is not None:
        network = network._replace(input=input if isinstance(input, tuple) else read_shape(input))
    return network if network.input is not None else network._replace(input=_declared_input(network))


def _declared_input(network: Network) -> Shape | None:
    """The input that the first layer's c_i declares, its sizes open."""
    first = network.nodes[0].layer
    channels = first.given.get("c_i")
    if not isinstance(channels, int):
        return None
    rank = first_rank(node.layer for node in network.nodes)
    if rank is None and _linear_comes_first(network):
        return (channels,)
    space: Shape = tuple([Open(letter) for letter in AXIS_LETTERS[2 if rank is None else rank]])
    return (*space, channels) if network.layout == "NHWC" else (channels, *space)


def feed(network: Network, input: Shape, batch: int | None) -> tuple[int | None, Shape, Shape]:
    """The batch, one sample's shape, and the input as it is reported.

    With nd the rank of the first spatial layer (2 without one): nd sizes are one channel's space, nd+1 channels and
    space, nd+2 a batch in front (left out where it is open). Before a linear layer one size is features, and two are
    a batch of them; where no layer is spatial one size is features, too.
    """
    if batch is not None and (type(batch) is not int or not 1 <= batch <= LARGEST):
        raise SpecError(f"batch is {shown(batch)}, not a whole number from 1 to {LARGEST:,}")
    rank = first_rank(node.layer for node in network.nodes)
    nd = 2 if rank is None else rank
    have = len(input)
    own: int | None = None
    linear = rank is None and _linear_comes_first(network)
    if have == nd + 2 or (have == 2 and linear):
        own, input = known(input[0]), input[1:]
    elif have == 1 and (linear or rank is None):
        if batch is not None and not linear:
            raise SpecError(
                "a batch of features needs a linear layer: two sizes are H,W otherwise", "leave out --batch"
            )
    elif have == nd:
        return _one_channel(network, input, batch)
    elif have != nd + 1:
        raise _wrong_rank(network, input, nd, rank)
    sample = _lettered(input, network.layout)
    if own is not None and batch is not None:
        raise SpecError(f"the input {show((own, *input))} has a batch of {own} already", "leave out --batch")
    batch = own if own is not None else batch
    return batch, sample, sample if batch is None else (batch, *sample)


def _one_channel(network: Network, input: Shape, batch: int | None) -> tuple[int | None, Shape, Shape]:
    lettered = _lettered((*input, 1) if network.layout == "NHWC" else (1, *input), network.layout)
    space = lettered[:-1] if network.layout == "NHWC" else lettered[1:]
    return batch, lettered, space if batch is None else (batch, *lettered)


def _linear_comes_first(network: Network) -> bool:
    """Whether the first layer that is more than a function of each value is a linear one."""
    first = next((node.layer for node in network.nodes if not node.layer.KEEPS_SHAPE), None)
    return isinstance(first, Linear)


def _lettered(sample: Shape, layout: str | None) -> Shape:
    """A file's unnamed open sizes with letters, as H and W."""
    if UNKNOWN not in sample:
        return sample
    letters = AXIS_LETTERS.get(len(sample) - 1, "")
    names = letters + "C" if layout == "NHWC" else "C" + letters
    taken = {str(n) for n in sample}
    free = iter([c for c in "HWDLCABEFGIJKMNOPQRSTUVYZ" if c not in taken and c not in names])
    own = [name if name not in taken and len(names) == len(sample) else None for name in names.ljust(len(sample))]
    return tuple([n if n != UNKNOWN else Open(name or next(free)) for n, name in zip(sample, own, strict=False)])


def _wrong_rank(network: Network, input: Shape, nd: int, rank: int | None) -> ShapeError:
    axes = "NHWC" if network.layout == "NHWC" else "NCHW"
    letters = AXIS_LETTERS.get(nd, "?" * nd)
    full = f"{letters}C" if axes == "NHWC" else f"C{letters}"
    why = f"the first spatial layer has {nd} {'axis' if nd == 1 else 'axes'}" if rank else "without a spatial layer"
    error = ShapeError(
        f"the input {show(input)} has {len(input)} size{'s' * (len(input) != 1)}; {why}",
        f"an input is {','.join(letters)} (one channel), {','.join(full)}, or N,{','.join(full)}",
        key="input",
    )
    if network.source is not None:
        error.where = network.source.locate(("input",), None)
    return error
