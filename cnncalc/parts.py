"""Parts of a network: the layers that a layer depends on (`until`), or those that depend only on it (`after`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import Path, SpecError, Where, layer_meant, shown
from .input import read_as, tells
from .network import INPUT, Network, Node, Origin
from .report import LayerReport
from .sizes import NOTHING_KNOWN, UNKNOWN, Shape
from .trace import shape


class PartOrigin(Origin):
    """The origin of a part of a network: the places and arrays of the whole network's layers that it has."""

    def __init__(self, whole: Network, part: Sequence[Node], owners: Mapping[str, str], until: str | None):
        """`owners` maps each layer whose arrays are renamed in the part to the new name."""
        assert whole.source is not None
        self._origin, self.model, self.notes = whole.source, whole.source.model, whole.source.notes
        self.functions, self.is_typed = whole.source.functions, whole.source.is_typed
        self.built_in = whole.source.built_in
        kept = {node.name: node.name for node in part} | dict(owners)
        self.weights = {}
        for name, read in whole.source.weights.items():
            owner = _owner(name, kept)
            if owner is not None:
                self.weights[kept[owner] + name[len(owner) :]] = read
        if until is not None and whole.source.bind is not None:
            self.bind = lambda inputs: _until(whole.bound(inputs), until)

    @property
    def is_fixed(self) -> bool:
        return self._origin.is_fixed

    def locate(self, path: Path, key: str | None) -> Where | None:
        return self._origin.locate(path, key)

    def with_argument(self, layer: int, key: str, value: int) -> str:
        return self._origin.with_argument(layer, key, value)

    def with_factor(self, layer: int, factor: int) -> str:
        return self._origin.with_factor(layer, factor)


def _owner(name: str, layers: Mapping[str, str]) -> str | None:
    """Return the layer that owns an array such as `conv1.weight`: of these, the longest name that fits."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in layers:
            return name
    return None


def part(network: Network, until: str | None = None, after: str | None = None) -> Network:
    """Return the part of a configured network up to the layer `until` and after the layer `after`.

    The part up to a layer has the layers that it depends on. The part after a layer has those that depend on it; they
    must read no others, and their input is its output. Raise SpecError for an unknown layer, or if they read others.
    """
    if until is not None:
        network = _until(network, until)
    return network if after is None else _after(network, after)


def _until(network: Network, name: str) -> Network:
    network, end = _found(network, name)
    nodes = network.nodes
    kept, waiting = set[int](), [end]
    while waiting:
        at = waiting.pop()
        if at not in kept:
            kept.add(at)
            waiting += [read for read in nodes[at].reads if read != INPUT]
    return read_as(_taken(network, sorted(kept), {INPUT: INPUT}, f"until {name}", name), network)


def _after(network: Network, name: str) -> Network:
    network, begin = _found(network, name)
    rest = _dependents(network.nodes, begin)
    if isinstance(rest, SpecError):
        raise network.blame(rest, network.nodes[begin])
    taken = _taken(network, rest, {begin: INPUT}, f"after {name}", None)
    taken = taken._replace(nodes=tuple([node._replace(expect=None) for node in taken.nodes]))
    if network.input is None:
        return taken._replace(sample_axes=None)
    report = shape(network)
    sample = _sample(report.layers[begin])
    batch = report.batch
    sizes = sample if batch is None else (batch, *sample)
    return taken._replace(input=sizes, sample_axes=None if tells(taken, len(sizes), len(sample)) else len(sample))


def _dependents(nodes: Sequence[Node], begin: int) -> list[int] | SpecError:
    """Return the layers that depend on one, and those that depend on no input; a SpecError if they read others."""
    after, fed = {begin}, {INPUT}
    for at, node in enumerate(nodes):
        if fed & set(node.reads):
            fed.add(at)
        if after & set(node.reads):
            after.add(at)
    after.remove(begin)
    if not after:
        return SpecError("nothing comes after it: it is an output", "name a layer that others read")
    waiting = sorted(after)
    while waiting:
        at = waiting.pop(0)
        for read in nodes[at].reads:
            if read == begin or read in after:
                continue
            if read in fed:
                front = "the input" if read == INPUT else shown(nodes[read].name)
                what = f"{shown(nodes[at].name)} after it also reads {front}"
                return SpecError(what, _next_cut(nodes, begin))
            after.add(read)
            waiting.append(read)
    return sorted(after)


def _next_cut(nodes: Sequence[Node], begin: int) -> str:
    """Return the help that names the next layer after which the network can be cut."""
    ends = range(begin + 1, min(begin + 200, len(nodes)))
    cut = next((nodes[at].name for at in ends if _is_cut(nodes, at)), None)
    way = "name a layer after which no earlier layer is read"
    return way if cut is None else f"{way}; the next such layer is {cut}"


def _is_cut(nodes: Sequence[Node], begin: int) -> bool:
    """Return whether the layers after a layer read none before it."""
    reads = [read for node in nodes[begin + 1 :] for read in node.reads]
    return begin in reads and all(read >= begin for read in reads)


def _sample(layer: LayerReport) -> Shape:
    """Return one sample of a layer's output, with a new letter for each size that depends on other sizes."""
    own = layer.traced
    if own.out == NOTHING_KNOWN or not own.out or own.fields.lead:
        what = "gives a single number" if not own.out else "has an unknown output shape"
        what = "has other axes folded into its batch" if own.fields.lead else what
        raise SpecError(f"{layer.name} {what}", "name another layer").at(layer.node.label())
    return tuple([size if isinstance(size, int) or size.letter is not None else UNKNOWN for size in own.out])


def _found(network: Network, name: str) -> tuple[Network, int]:
    """Return the network and a layer's index in it, with blocks inlined if the layer is in one."""
    for whole in (network, network.inlined()):
        names = [node.name for node in whole.nodes]
        if name in names:
            return whole, names.index(name)
    raise SpecError(f"there is no layer {shown(name)}", layer_meant(name, names))


def _taken(network: Network, kept: Sequence[int], inputs: dict[int, int], title: str, until: str | None) -> Network:
    """Return the network of the layers `kept`; `inputs` maps the nodes that become its inputs to INPUT."""
    own = {at: place for place, at in enumerate(kept)}
    places = inputs | own
    owners: dict[int, int] = {}
    nodes: list[Node] = []
    for at in kept:
        node = network.nodes[at]
        tie = node.tie
        if tie is not None and tie not in own:  # its weights belong to the first layer here that shares them
            first = owners.setdefault(tie, at)
            tie = None if first == at else first
        reads = tuple([places[read] for read in node.reads])
        wired = bool(reads) and reads != (len(nodes) - 1,)
        nodes.append(node._replace(reads=reads, wired=wired, tie=None if tie is None else own[tie]))
    renamed = {network.nodes[old].name: network.nodes[new].name for old, new in owners.items()}
    source: Any = network.source and PartOrigin(network, nodes, renamed, until)
    name = None if network.name is None else f"{network.name} {title}"
    return network._replace(nodes=tuple(nodes), name=name, expect=None, source=source, unused=None)
