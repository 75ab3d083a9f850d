"""The arrays that a network's layers need: given ones are checked, the others are drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from math import prod, sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ..errors import CnncalcError, Path, ShapeError, SpecError, Where, nearest, shown
from ..frameworks import ForeignNetwork
from ..layers.base import KERNEL, Start
from ..layers.conv import Convolution
from ..network import Network, Origin
from ..report import LayerReport, Report
from ..sizes import show, size_text
from ..sources import imported
from ..trace import shape as trace_shape
from .npy import NamedArrays, Stored, has_memory
from .task import Array, Dtype, sizes_of

MOST_LISTED = 12
GIVE_OR_DRAW = "give them with -w, or draw them with --seed N"
IGNORED = ("num_batches_tracked",)
"""The endings of names in PyTorch's files whose arrays do not affect results."""


class Weight(NamedTuple):
    """An array that a layer needs."""

    name: str
    """Its name, such as `conv1.weight`: the name of the layer (or of the one whose weights it shares) and the role."""
    role: str
    shape: tuple[int, ...]
    layer: LayerReport

    @property
    def start(self) -> Start:
        """How it is initialized."""
        return self.layer.node.layer.WEIGHTS[self.role]


def wanted(report: Report) -> list[Weight]:
    """Return all arrays that a network needs, shared ones once, in the order of the layers."""
    needed: dict[str, Weight] = {}
    for layer in report.layers:
        for want in needed_by(layer):
            needed.setdefault(want.name, want)
    return list(needed.values())


def needed_by(layer: LayerReport) -> list[Weight]:
    """Return the arrays that one layer needs. Raise SpecError if a size is open."""
    node = layer.node
    owner = node.name if node.tie is None else layer.nodes[node.tie].name
    shapes = {role: (f"{owner}.{role}", shape) for role, shape in layer.weight_shapes().items()}
    return [Weight(name, role, sizes_of(shape, name), layer) for role, (name, shape) in shapes.items()]


def named(report: Report, given: NamedArrays | Array | None, bias: Array | None) -> NamedArrays:
    """Return weights by name; a single array, or a bias, belongs to the only layer with weights."""
    arrays = {} if given is None or isinstance(given, np.ndarray) else dict(given)
    for array, role in ((given, "weight"), (bias, "bias")):
        if isinstance(array, np.ndarray):
            arrays[f"{_only(report, role)}.{role}"] = array
    source = report.network.source
    if arrays and source is not None and source.stored is not None:
        found = source.stored([want.name for want in wanted(report)], arrays, _executed)
        held = (np.ndarray, Stored)
        arrays = {name: one if isinstance(one, held) else np.asarray(one, np.float32) for name, one in found.items()}
    return {**_constants(report), **arrays} if arrays else arrays


def _executed(model: ForeignNetwork, given: NamedArrays) -> Array:
    """Return a network's output for the arrays of its inputs, in order."""
    from .job import Job

    kind = np.result_type(np.float32, *[array.dtype for array in given.values()])
    (_, x), *others = [(name, np.asarray(_read(array), kind)) for name, array in given.items()]
    job = Job(imported(model, "computed"), x.shape, x.dtype, {}, others=dict(others))
    return next(iter(job.outputs(x).values()))


def _constants(report: Report) -> dict[str, Array]:
    """Return the constants of a network that are not weights and whose values are in its file."""
    held = {} if report.network.source is None else report.network.source.weights
    fixed = [layer for layer in report.layers if layer.values.get("kind") == "constant"]
    names = dict.fromkeys([want.name for layer in fixed for want in needed_by(layer) if want.name in held])
    return {name: np.asarray(held[name]()) for name in names}


def carried_bytes(report: Report) -> int:
    """Return the bytes, as float32, of the arrays in a network's own file, without reading them."""
    held = {} if report.network.source is None else report.network.source.weights
    return sum(
        4 * prod([n for n in shape if isinstance(n, int)])
        for layer in report.layers
        for role, shape in (layer.weight_shapes() if held and layer.node.tie is None else {}).items()
        if f"{layer.name}.{role}" in held
    )


class Carried:
    """The arrays of a network's own file: read once, and again only if the sizes of its inputs change the network."""

    def __init__(self, seed: int | None = None, announce: Callable[[int], object] | None = None):
        """`announce` is called with their size in bytes before they are read."""
        self._seed, self._announce = seed, announce
        self._origin: Origin | None = Origin()
        self._arrays: dict[str, Array] = {}

    def begin(self, network: Network) -> None:
        """Read the arrays of a network if its shapes are known; with open sizes, arrays may not be known yet."""
        if network.source is None or not network.source.weights:
            return
        try:
            report = trace_shape(network.inlined())
        except CnncalcError:  # running it will report more
            return
        with suppress(SpecError) if network.source.bind is not None else nullcontext():
            self.of(report)

    def of(self, report: Report) -> dict[str, Array]:
        """Return the arrays of a network, possibly bound to other sizes than before.

        Raise SpecError if the machine has too little memory, or if the file holds only shapes and there is no seed.
        """
        origin = report.network.source
        if origin is self._origin:
            return self._arrays
        size = carried_bytes(report)
        has_memory(f"the weights take {size_text(size)}", size, "run a part of the network: --until and --after")
        if size and self._announce is not None:
            self._announce(size)
        arrays = {}
        for name, read in (origin.weights if origin is not None else {}).items():
            try:
                arrays[name] = np.asarray(read())
            except SpecError:
                if self._seed is None:
                    raise
        self._origin, self._arrays = origin, arrays
        return arrays

    def without_file(self, network: Network) -> tuple[Network, Carried]:
        """Return the network and its arrays with an origin that can be pickled."""
        if self._origin is not network.source:
            self.begin(network)
        alone = Carried(self._seed)
        alone._origin, alone._arrays = _OriginWithWeights(None, self._arrays), self._arrays
        return network._replace(source=alone._origin), alone


class _OriginWithWeights(Origin):
    """A network's origin with weights from elsewhere."""

    def __init__(self, origin: Origin | None, given: NamedArrays):
        self._origin = origin
        self.weights = {name: partial(_read, array) for name, array in given.items()}

    def locate(self, path: Path, key: str | None) -> Where | None:
        return None if self._origin is None else self._origin.locate(path, key)


def _read(array: Array | Stored) -> Array:
    return array.read() if isinstance(array, Stored) else array


def sourced(network: Network, given: NamedArrays | Array | None) -> Network:
    """Return the network with these arrays as its own weights. Raise SpecError or ShapeError if they do not fit."""
    report = trace_shape(network.inlined())
    arrays = named(report, given, None)
    without = without_biases(network, arrays)
    wants = wanted(report if without is network else trace_shape(without.inlined()))
    check(wants, arrays, None, "give an array for each")
    return without._replace(source=_OriginWithWeights(network.source, arrays))


def _only(report: Report, role: str) -> str:
    """Return the name of the only layer with weights of this role (or that may have a bias).

    Raise SpecError for several.
    """
    own = [layer for layer in report.layers if layer.node.tie is None]
    owners = [layer for layer in own if role in (layer.values if role == "bias" else layer.weight_shapes())]
    if len(owners) == 1:
        if role == "bias" and not owners[0].values["bias"]:
            what = "a bias is given, but the layer has none: bias is false"
            raise SpecError(what, "leave out one of them").at(owners[0].node.label())
        return owners[0].name
    if not owners:
        what, help = ("a bias", "leave the bias out") if role == "bias" else ("weights", "remove -w")
        raise SpecError(f"no layer here has {what}", help)
    several = ", ".join(layer.name for layer in owners[:MOST_LISTED])
    help = f"give a .npz file with each array under its name, such as {owners[0].name}.{role}"
    raise SpecError(f"one array is for one layer, but {len(owners)} have a {role}: {several}", help)


def without_biases(network: Network, given: NamedArrays) -> Network:
    """Return the network without default biases of layers whose kernels are given without a bias."""
    roles: dict[str, set[str]] = {}
    for name in given:
        owner, _, role = name.rpartition(".")
        roles.setdefault(owner, set()).add(role)
    nodes = []
    for node in network.nodes:
        layer, own = node.layer, roles.get(node.name, set())
        kernels = {role for role, start in layer.WEIGHTS.items() if start is KERNEL}
        if own and own <= kernels and "bias" in layer.KEYS and "bias" not in layer.given:
            layer = type(layer)(layer.op, layer.nd, layer.given | {"bias": False})
            node = node._replace(layer=layer)  # noqa: PLW2901
        nodes.append(node)
    return network if tuple(nodes) == network.nodes else network._replace(nodes=tuple(nodes))


def check(wants: Sequence[Weight], given: NamedArrays, seed: int | None, help: str = GIVE_OR_DRAW) -> None:
    """Raise SpecError with `help` if an array is missing and there is no seed, or ShapeError for a wrong shape."""
    missing = []
    for want in wants:
        if want.name in given:
            check_fit(given[want.name], want)
        elif seed is None:
            missing.append(want)
    if not missing:
        return
    listed = [f"{want.name} {show(want.shape)}" for want in missing[:MOST_LISTED]]
    if len(missing) > MOST_LISTED:
        listed.append(f"and {len(missing) - MOST_LISTED} more")
    others = unused(wants, given)
    if others:
        near = nearest(others[0], [want.name for want in missing])
        help += f"\ngiven but not needed: {', '.join(map(shown, others[:MOST_LISTED]))}" + (f"; {near}" if near else "")
    raise SpecError(f"no weights for {', '.join(listed)}", help)


def bind(wants: Sequence[Weight], given: NamedArrays, seed: int | None, kind: Dtype) -> dict[str, Array]:
    """Return the `check`ed arrays that a network needs, by name: given ones, and others drawn in this dtype."""
    arrays = {}
    for want in wants:
        array = _read(given[want.name]) if want.name in given else draw(want, seed or 0, kind)
        arrays[want.name] = array.reshape(want.shape).astype(array.dtype.newbyteorder("="), copy=False)
    return arrays


def unused(wants: Sequence[Weight], given: NamedArrays) -> list[str]:
    """Return the names of given arrays that are not needed."""
    needed = {want.name for want in wants}
    return [name for name in given if name not in needed and not name.endswith(IGNORED)]


def check_fit(array: Array | Stored, want: Weight) -> None:
    """Raise SpecError or ShapeError if a layer cannot use an array; a kernel of one channel may omit channel axes."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise SpecError(f"{want.name} is of dtype {array.dtype}", "weights are real numbers of at most 64 bits")
    needed = [want.shape]
    if want.start is KERNEL and want.layer.is_convolution:
        *k, one, other = want.shape if want.layer.env.channels_last else (*want.shape[2:], *want.shape[:2])
        needed += [tuple(k)] if one == other == 1 else []
    if array.shape not in needed:
        have = show(array.shape) if array.shape else "of a number"
        what = f"{want.name} has the shape {have}, but {show(want.shape)} is needed"
        raise ShapeError(what, _turn(array, want)).at(want.layer.node.label())


def _turn(array: Array | Stored, want: Weight) -> str | None:
    """Return the help for an array of the wrong shape, if its axes are in the other layout's order."""
    last = want.layer.env.channels_last
    if sorted(array.shape) != sorted(want.shape):
        own = want.layer.node.layer
        if not isinstance(own, Convolution) or len(want.shape) < 3:
            return None
        return f"the order in {'NHWC' if last else 'NCHW'} is {own.ORDERS[last]}"
    return f"its axes may be in the order of {'NCHW' if last else 'NHWC'}: transpose it, or give --layout"


def draw(want: Weight, seed: int, kind: Dtype) -> Array:
    """Draw an array from a seed as its op defines; the values do not depend on the rest of the network."""
    if want.start is not KERNEL:
        return np.full(want.shape, want.start, kind)
    layer = want.layer
    fan_in = layer.node.layer.fan_in(want.role, want.shape, layer.values, layer.env)
    rng = np.random.default_rng([seed, crc32(want.name.encode())])
    values = rng.standard_normal(want.shape, np.float32)
    values *= sqrt(2 / fan_in)
    return values.astype(kind, copy=False)
