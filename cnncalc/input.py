"""Resolve dialect, layout, batch and the shape of one sample: the one rule for what an input's sizes are."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any, NamedTuple, TypeVar

from .dialects import dialect_named, layout_named
from .errors import CnncalcError, ShapeError, SpecError, nearest, shown
from .layers.base import AXIS_LETTERS
from .network import INPUT, Network, no_input
from .readings import Reading, first_rank, folded, readings
from .sizes import LARGEST, UNKNOWN, Open, Shape, Size, known, read_shape, show, to_json

T = TypeVar("T")


class Input(NamedTuple):
    """An input as a network reads it."""

    batch: int | None
    """The size of the batch; None without one or if it is open."""
    sample: Shape
    """The shape of one sample in the network's layout, with an axis for a single channel."""
    sizes: Shape
    """The shape as a report shows it: the batch first, if any, and only axes that were given."""


class Inputs(tuple[tuple[str | None, Shape], ...]):
    """The shapes given for several inputs, each with a name, or with None for the next input in order."""

    __slots__ = ()

    def __repr__(self) -> str:
        return " ".join([show(shape) if name is None else f"{name}={show(shape)}" for name, shape in self])


FIRST = "input"
"""The name of a network's first input."""


def input_names(network: Network) -> list[str]:
    """Return the names of a network's inputs, the first one first."""
    return [FIRST, *[node.name for node in network.nodes if node.layer.WORD == "input"]]


def has_open_input(network: Network) -> bool:
    """Return whether a size of one of the inputs is open or unknown."""
    further = [node.layer.given["shape"] for node in network.nodes if node.layer.WORD == "input"]
    shapes = [network.input or (UNKNOWN,), *[read_shape(shape, scalar=True) for shape in further]]
    return any(known(size) is None for shape in shapes for size in shape)


def by_name(network: Network, given: Iterable[tuple[str | None, T]], what: str = "-i") -> dict[str, T]:
    """Return what is given for each input, by name. Raise SpecError for an unknown name, or one given twice.

    Values without a name go to the inputs in order. If a network's only input gets several, the last one counts.
    """
    names, found = input_names(network), dict[str, T]()
    own = _own_name(network)
    plain = [value for name, value in given if name is None]
    if len(names) == 1:
        del plain[:-1]
    if len(plain) > len(names):
        raise SpecError(f"{what} is given {len(plain)} times, but there are {len(names)} inputs: {', '.join(names)}")
    found.update(zip(names, plain, strict=False))
    for name, value in given:
        if name is None:
            continue
        key = FIRST if name == own else name
        if key not in names:
            shown_names = [own or FIRST, *names[1:]]
            help = nearest(name, shown_names) or f"the inputs are {', '.join(shown_names)}"
            raise SpecError(f"{what}: there is no input {shown(name)}", help)
        if key in found:
            raise SpecError(f"{what} gives the input {shown(name)} twice", "give it once")
        found[key] = value
    return found


def _own_name(network: Network) -> str | None:
    """Return the first input's name in its file, or that of an identity that alone reads it; None if it has no name."""
    if network.names is not None and "input" in network.names:
        return str(network.names["input"])
    names = [n.name for n in network.nodes if n.reads == (INPUT,)]
    only = [n.name for n in network.nodes if n.reads == (INPUT,) and n.layer.WORD == "identity"]
    return only[0] if len(names) == len(only) == 1 else None


def _with_further(network: Network, given: dict[str, Shape]) -> Network:
    """Return the network with these shapes, with or without a batch in front, for all inputs but the first."""
    nodes = []
    for node in network.nodes:
        if node.layer.WORD == "input" and node.name in given:
            declared = read_shape(node.layer.given["shape"], scalar=True)
            shape, rank = given[node.name], len(declared)
            if len(shape) not in (rank, rank + 1):
                what = f"{node.name} is {show(declared)}, but {show(shape)} is given"
                raise ShapeError(what, f"give {rank} sizes, or {rank + 1} with a batch first", key="shape")
            sample = tuple(to_json(shape[len(shape) - rank :]) or ())
            node = node._replace(layer=type(node.layer)(node.layer.op, node.layer.nd, {"shape": sample}))  # noqa: PLW2901
        nodes.append(node)
    return network._replace(nodes=tuple(nodes))


def given_shapes(network: Network, input: Shape | Inputs | None) -> dict[str, Shape]:
    """Return the shapes that a caller gives for a network's inputs, by name; empty if none are given."""
    if isinstance(input, Inputs):
        return by_name(network, input)
    shape: Any = input
    return {} if shape is None else {FIRST: shape if isinstance(shape, tuple) else read_shape(shape)}


def configure(
    network: Network,
    input: Shape | Inputs | None,
    dialect: str | None,
    layout: str | None,
    batch: int | None = None,
) -> Network:
    """Return the network with what the caller gives in place of its own; None keeps the network's own.

    `input` is the shape of the first input, or the shapes of several. The layout is the one given, otherwise the
    spec's, otherwise the dialect's; the network's own input is transposed from the spec's layout to the one given. If
    there is no input at all, it follows from the first layer's c_i, with its other sizes open, or stays None. `batch`
    is put in front of the input.
    """
    given = given_shapes(network, input)
    first = given.get(FIRST)
    if first is not None and knows_channels(network):
        other = other_channels(network, first, dialect, layout)
        if other is not None:
            name = network.name or "the network"
            spec = f"to change its channels, write the spec out: cnncalc zoo {name} > {name}.json"
            is_built_in = network.source is not None and network.source.built_in
            raise ShapeError(other.text(name), spec if is_built_in else None, key="input")
    if given or (network.source is not None and network.source.unread):
        network = _with_further(network.bound(given), given)
    if dialect is not None:
        network = network._replace(dialect=dialect_named(dialect))
    if layout is not None:
        network = _in_layout(network, layout_named(layout))
    elif network.layout is None:
        network = network._replace(layout=network.dialect.layout)
    network = _told(network, own=True)
    if first is not None:
        network = network._replace(input=first)
        network = _told(network, own=False)
    elif network.input is None:
        network = network._replace(input=_declared_input(network))
    if batch is None or network.input is None:
        return network
    return with_input(network, read_input(network, batch))


def _in_layout(network: Network, layout: str) -> Network:
    """Return the network in this layout, its own input transposed from the layout that the spec states."""
    told, layers = _told(network, own=True), [node.layer for node in network.nodes]
    if network.layout in (None, layout) or network.input is None or first_rank(layers) is None:
        return network._replace(layout=layout)
    read = read_input(told)
    front = len(read.sizes) - len(read.sample)
    if front < 0:  # one channel, without an axis
        return told._replace(layout=layout)
    sample = read.sample
    turned = (*sample[1:], sample[0]) if layout == "NHWC" else (sample[-1], *sample[:-1])
    return told._replace(layout=layout, input=(*read.sizes[:front], *turned))


def knows_channels(network: Network) -> bool:
    """Return whether a network fixes the channels of its input: it is built in, or has weights of its own."""
    return network.source is not None and (network.source.built_in or bool(network.source.weights))


class OtherChannels(NamedTuple):
    """The channels of a network's own input and of the one given in its place."""

    own: int
    given: Shape
    other: int
    fitting: str
    """What would give the network its own number of channels: an option or a shape."""

    def text(self, name: str) -> str:
        """Return how the channels of the network `name` and of the input differ, and what would fit."""
        channels = f"{self.own} channel{'s' * (self.own != 1)}"
        return f"{name} takes {channels}, but {show(self.given)} has {self.other}; did you mean {self.fitting}?"


def other_channels(network: Network, given: Shape, dialect: str | None, layout: str | None) -> OtherChannels | None:
    """Return how the channels of a network's own input and of the one given differ; None if they do not."""
    if network.input is None:
        return None
    own_layout = network.layout or network.dialect.layout
    layout = layout or network.layout or (dialect_named(dialect).layout if dialect else network.dialect.layout)
    network = network._replace(layout=own_layout)
    try:
        own = known(channels(read_input(_told(network, own=True)).sample, own_layout))
        network = _told(network, own=True)._replace(input=given, layout=layout_named(layout))
        sample = read_input(network).sample
    except CnncalcError:  # the trace will report it
        return None
    other = known(channels(sample, network.layout))
    if own is None or other is None or own == other:
        return None
    last = network.layout == "NHWC"
    batch = given[: max(len(given) - len(sample), 0)]
    space = given if len(given) < len(sample) else sample[:-1] if last else sample[1:]
    if last and len(given) >= len(sample) > 2 and known(sample[0]) == own:
        space = sample[1:]
    fitting = show((*batch, *space, own) if last else (*batch, own, *space))
    if not last and len(given) >= len(sample) > 2 and known(given[-1]) == own:
        keeps = network.source is not None and (network.source.bind is not None or bool(network.source.weights))
        fitting = show((*batch, own, *sample[:-1])) if keeps else "--layout NHWC"
    return OtherChannels(own, given, other, fitting)


def channels(sample: Shape, layout: str | None) -> Size:
    """Return the channels of a sample, or its features; unknown for a single number."""
    return UNKNOWN if not sample else sample[-1] if layout == "NHWC" else sample[0]


def _told(network: Network, *, own: bool) -> Network:
    """Return the network with `sample_axes` set from its input, if its layers alone may not determine it."""
    layers = [node.layer for node in network.nodes]
    if network.input is None or network.sample_axes is not None:
        return network
    if layers[0].rank() is not None:  # a spatial layer determines it for every input
        return network
    rule, others, size = readings(layers, own=True), readings(layers), len(network.input)
    reading = (rule if own else others).get(size)
    if reading is None:
        return network
    axes = reading.sample_axes(size)
    has_batch = not own or others.get(axes + 1) is Reading.BATCH  # one more size in front would be a batch
    return network if rule.get(size) is others.get(size) and has_batch else network._replace(sample_axes=axes)


def _declared_input(network: Network) -> Shape | None:
    channels = network.nodes[0].layer.given.get("c_i")
    if not isinstance(channels, int):
        return None
    layers = [node.layer for node in network.nodes]
    if readings(layers).get(2) is Reading.BATCH:  # a batch of features
        return (channels,)
    rank = first_rank(layers)
    letters = AXIS_LETTERS.get(2 if rank is None else rank)
    if letters is None:
        return None
    space = map(Open, letters)
    return (*space, channels) if network.layout == "NHWC" else (channels, *space)


def read_input(network: Network, batch: int | None = None) -> Input:
    """Read the input of a configured network, with `batch` in front of it.

    Raise SpecError without an input and for an invalid batch, and ShapeError for a number of sizes that the network's
    layers do not accept.
    """
    if batch is not None and hasattr(batch, "__index__") and not isinstance(batch, bool):  # NumPy's integers, too
        batch = index(batch)
    if batch is not None and (type(batch) is not int or not 1 <= batch <= LARGEST):
        raise SpecError(f"batch is {shown(batch)}, not a whole number from 1 to {LARGEST:,}")
    if network.input is None:
        raise no_input()
    sizes, last = network.input, network.layout == "NHWC"
    table = readings(node.layer for node in network.nodes)
    if network.sample_axes is not None:
        n = network.sample_axes
        table = {n - 1: Reading.SPACE, n: Reading.SAMPLE, n + 1: Reading.BATCH}
    reading = table.get(len(sizes))
    if reading is None:
        raise _wrong_rank(network, sizes)
    own = known(sizes[0]) if reading is Reading.BATCH else None
    sample = sizes[1:] if reading is Reading.BATCH else sizes
    if reading is Reading.SPACE:
        sample = (*sizes, 1) if last else (1, *sizes)
    sample = _lettered(sample, last)
    if own is None and batch is None:
        without_channel = sample[:-1] if last else sample[1:]
        return Input(None, sample, without_channel if reading is Reading.SPACE else sample)
    if own is not None and batch is not None:
        raise SpecError(f"the input {show((own, *sample))} has a batch of {own} already", "leave out --batch")
    batch = batch if own is None else own
    assert batch is not None
    return Input(batch, sample, (batch, *sample))


def with_input(network: Network, read: Input) -> Network:
    """Return the network with this input as its own, and `sample_axes` set if it would be read differently."""
    if read.sizes == network.input and network.sample_axes is None:  # as left by `configure`
        return network
    reading = readings([node.layer for node in network.nodes], own=True).get(len(read.sizes))
    told = reading is not None and reading.sample_axes(len(read.sizes)) == len(read.sample)
    return network._replace(input=read.sizes, sample_axes=None if told else len(read.sample))


def tells(network: Network, sizes: int, axes: int) -> bool:
    """Return whether a network's layers alone determine that `sizes` sizes are a sample of `axes` axes."""
    layers = [node.layer for node in network.nodes]
    found = [readings(layers, own=own).get(sizes) for own in (False, True)]
    return all(one is not None and one.sample_axes(sizes) == axes for one in found)


def read_as(part: Network, whole: Network) -> Network:
    """Return a part of a network with its input read as by the whole network, whatever layers the part has."""
    whole = _told(whole, own=True)
    layers, axes = [node.layer for node in whole.nodes], whole.sample_axes
    if axes is None and whole.input is not None:
        size = len(whole.input)
        reading = readings(layers).get(size)
        axes = None if reading is None or tells(part, size, reading.sample_axes(size)) else reading.sample_axes(size)
    elif axes is None and readings(layers) != readings(node.layer for node in part.nodes):
        rank = first_rank(layers)
        axes = None if rank is None else rank + 1
    return part._replace(sample_axes=axes)


def with_open_input(network: Network) -> Network:
    """Return a configured network with an input of open sizes, CxHxW, if it has none."""
    if network.input is not None:
        return network
    letters = AXIS_LETTERS.get(first_rank(node.layer for node in network.nodes) or 2, AXIS_LETTERS[2])
    space, channels = tuple(map(Open, letters)), Open("C")
    return network._replace(input=(*space, channels) if network.layout == "NHWC" else (channels, *space))


def _lettered(sample: Shape, channels_last: bool) -> Shape:
    """Return a sample with a letter, such as H or W, for each open size without one."""
    if Open not in map(type, sample) or UNKNOWN not in sample:
        return sample
    letters = AXIS_LETTERS.get(len(sample) - 1, "")
    names = letters + "C" if channels_last else "C" + letters
    taken = {str(n) for n in sample}
    free = iter([c for c in "HWDLCABEFGIJKMNOPQRSTUVYZ" if c not in taken and c not in names])
    own = [name if name not in taken and len(names) == len(sample) else None for name in names.ljust(len(sample))]
    return tuple([n if n != UNKNOWN else Open(name or next(free)) for n, name in zip(sample, own, strict=False)])


def _wrong_rank(network: Network, input: Shape) -> ShapeError:
    folds, later = folded([node.layer for node in network.nodes]) if network.sample_axes is None else (0, [])
    rank = first_rank(later if folds else [node.layer for node in network.nodes])
    axes = network.sample_axes
    if axes is not None:
        rank = max(axes - 1, 0)
    nd = 2 if rank is None else rank
    why = f"the first spatial layer has {nd} {'axis' if nd == 1 else 'axes'}" if rank else "without a spatial layer"
    if axes is not None:
        why = f"a sample has {axes} {'axis' if axes == 1 else 'axes'}"
    letters = AXIS_LETTERS.get(nd, "?" * nd)
    full = f"{letters}C" if network.layout == "NHWC" else f"C{letters}"
    forms = [",".join(full)]
    if letters:
        forms.insert(0, f"{','.join(letters)} (one channel)")
    if folds:
        why += f", and tobatch folds {folds} before it"
        forms = [",".join("?" * folds + full)]
    help = f"an input is {', '.join(forms)}{',' * (len(forms) > 1)} or N,{forms[-1]}"
    error = ShapeError(
        f"the input {show(input)} has {len(input)} size{'s' * (len(input) != 1)}; {why}",
        "an input is N, or [] in a spec" if axes == 0 else help,
        key="input",
    )
    if network.source is not None:
        error.where = network.source.locate(("input",), None)
    return error
