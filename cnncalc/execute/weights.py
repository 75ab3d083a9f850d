"""The arrays that a network's layers need: what is missing or wrong among what is given, and what a seed draws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod, sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ..errors import Path, ShapeError, SpecError, Where, nearest, shown
from ..network import Network, Origin
from ..report import LayerReport, Report
from ..sizes import Shape, show
from ..trace import shape as trace_shape
from .npy import Given, Stored
from .task import Array, Dtype

MOST_LISTED = 12
KERNELS = {"weight", "depthwise", "pointwise"}
ONES = ("running_var", "variance")
NORMS = ("batchnorm", "layernorm", "groupnorm", "instancenorm", "scale")
IGNORED = ("num_batches_tracked",)
"""What PyTorch's files hold beside: nothing is computed from it."""


class Wanted(NamedTuple):
    """An array that a layer needs."""

    name: str
    """As weights are named: `conv1.weight`, of the layer itself or of the one it shares with."""
    role: str
    shape: tuple[int, ...]
    layer: LayerReport


def wanted(report: Report) -> list[Wanted]:
    """Every array that a network needs, shared ones once, in the order of the layers."""
    found: dict[str, Wanted] = {}
    for layer in report.layers:
        for role, name, shape in names(layer):
            found.setdefault(name, Wanted(name, role, shape, layer))
    return list(found.values())


def names(layer: LayerReport) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """The role, the name and the shape of each array that one layer needs."""
    node = layer.node
    owner = node.name if node.tie is None else layer.nodes[node.tie].name
    for role, shape in layer.weight_shapes().items():
        yield role, f"{owner}.{role}", _known(shape, layer)


def _known(shape: Shape, layer: LayerReport) -> tuple[int, ...]:
    sizes = tuple([n for n in shape if isinstance(n, int)])
    if len(sizes) < len(shape):
        raise ShapeError(f"{layer.name} has weights {show(shape)}: open sizes cannot be executed")
    return sizes


def named(report: Report, given: Given | Array | None, bias: Array | None) -> Given:
    """Weights by name: a single array is that of the only layer with weights, and so is a bias."""
    found = {} if given is None or isinstance(given, np.ndarray) else dict(given)
    for array, role in ((given, "weight"), (bias, "bias")):
        if isinstance(array, np.ndarray):
            found[f"{_only(report, role)}.{role}"] = array
    return found


def carried(network: Network, seed: int | None = None) -> dict[str, Array]:
    """The arrays that a network's own file holds. SpecError where it has only their shapes, and no seed draws them."""
    found = {}
    for name, read in (network.origin.weights if network.origin is not None else {}).items():
        try:
            found[name] = np.asarray(read())
        except SpecError:
            if seed is None:
                raise
    return found


class _Given(Origin):
    """Where a network was read from, with the weights of another file."""

    def __init__(self, origin: Origin | None, given: Given):
        self._origin = origin
        self.weights = {name: partial(_read, array) for name, array in given.items()}

    def locate(self, path: Path, key: str | None) -> Where | None:
        return None if self._origin is None else self._origin.locate(path, key)


def _read(array: Array | Stored) -> Array:
    return array.read() if isinstance(array, Stored) else array


def sourced(network: Network, given: Given | Array | None) -> Network:
    """A network whose own weights are these. SpecError or ShapeError where they are not what it needs."""
    report = trace_shape(network.inlined())
    arrays = named(report, given, None)
    without = without_biases(network, arrays)
    check(report if without is network else trace_shape(without.inlined()), arrays, None)
    return without._replace(origin=_Given(network.origin, arrays))


def _only(report: Report, role: str) -> str:
    """The name of the only layer that has (or, of a bias, could have) weights of this role."""
    owners = []
    for layer in report.layers:
        has = "bias" in layer.values if role == "bias" else role in layer.weight_shapes()
        if has and layer.node.tie is None:
            owners.append(layer)
    if len(owners) == 1:
        if role == "bias" and not owners[0].values["bias"]:
            error = SpecError("a bias is given, and the layer has none: bias is false", "leave out one of them")
            error.layer = owners[0].node.label()
            raise error
        return owners[0].name
    several = ", ".join(layer.name for layer in owners[:MOST_LISTED])
    raise SpecError(
        f"one array is for one layer, and {len(owners)} have a {role}{': ' if several else ''}{several}",
        f"give a .npz with each under its name, as {owners[0].name}.{role}" if owners else f"leave the {role} out",
    )


def without_biases(network: Network, given: Given) -> Network:
    """The network without the biases that its spec does not ask for, where a layer's kernel is given and no bias."""
    nodes = []
    for node in network.nodes:
        own = {name.removeprefix(f"{node.name}.") for name in given if name.startswith(f"{node.name}.")}
        layer = node.layer
        if own and own <= KERNELS and "bias" in layer.KEYS and "bias" not in layer.given:
            layer = type(layer)(layer.op, layer.nd, layer.given | {"bias": False})
            node = node._replace(layer=layer)  # noqa: PLW2901
        nodes.append(node)
    return network if tuple(nodes) == network.nodes else network._replace(nodes=tuple(nodes))


def check(report: Report, given: Given, seed: int | None) -> None:
    """SpecError where an array is missing and there is no seed, ShapeError where one has another shape."""
    missing = []
    needed = set()
    for want in wanted(report):
        needed.add(want.name)
        if want.name in given:
            check_fit(given[want.name], want)
        elif seed is None:
            missing.append(want)
    if missing:
        raise _missing(missing, [name for name in given if name not in needed])


def bind(report: Report, given: Given, seed: int | None, kind: Dtype) -> dict[str, Array]:
    """The arrays of a network by name, as `check` has found them: those given, the others drawn in this dtype."""
    found = {}
    for want in wanted(report):
        array = given.get(want.name)
        if array is None:
            assert seed is not None
            found[want.name] = draw(want, seed, kind)
        else:
            read = _read(array)
            found[want.name] = read.reshape(want.shape).astype(read.dtype.newbyteorder("="), copy=False)
    return found


def unused(report: Report, given: Given) -> list[str]:
    """The names of what is given and not needed."""
    needed = {want.name for want in wanted(report)}
    return [name for name in given if name not in needed and not name.endswith(IGNORED)]


def check_fit(array: Array | Stored, want: Wanted) -> None:
    """SpecError or ShapeError where a layer cannot use an array; a kernel of one channel may leave its channels out."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise SpecError(f"{want.name} is of dtype {array.dtype}", "weights are real numbers of at most 64 bits")
    needed = [want.shape]
    if want.role in KERNELS and len(want.shape) > 2 and want.layer.node.layer.CONVOLUTION:
        *k, one, other = want.shape if want.layer.env.channels_last else (*want.shape[2:], *want.shape[:2])
        needed += [tuple(k)] if one == other == 1 else []
    if array.shape not in needed:
        have = show(array.shape) or "of a number"
        error = ShapeError(f"{want.name} has the shape {have}, and {show(want.shape)} is needed", _turn(array, want))
        error.layer = want.layer.node.label()
        raise error


def _turn(array: Array | Stored, want: Wanted) -> str | None:
    """What would help where the array's axes stand in the other layout's order."""
    last = want.layer.env.channels_last
    if sorted(array.shape) != sorted(want.shape):
        order = "k, c_i/g, c_o" if last else "c_o, c_i/g, k"
        return f"the order in {'NHWC' if last else 'NCHW'} is {order}" if len(want.shape) > 2 else None
    return f"its axes may stand in the order of {'NCHW' if last else 'NHWC'}: transpose it, or give --layout"


def _missing(missing: list[Wanted], others: list[str]) -> SpecError:
    listed = [f"{want.name} {show(want.shape)}" for want in missing[:MOST_LISTED]]
    if len(missing) > MOST_LISTED:
        listed.append(f"and {len(missing) - MOST_LISTED} more")
    help = "give them with -w, or --seed N to draw them"
    if others:
        near = nearest(missing[0].name, others)
        help += f"\ngiven and not needed: {', '.join(map(shown, others[:MOST_LISTED]))}" + (f"; {near}" if near else "")
    return SpecError(f"no weights for {', '.join(listed)}", help)


def draw(want: Wanted, seed: int, kind: Dtype) -> Array:
    """An array from a seed, the same whatever else the network has.

    Kernels are normal with variance 2/fan_in (He et al. 2015, Delving Deep into Rectifiers), norms' weights and
    variances 1, prelu's slopes 1/4, and biases and means 0.
    """
    op = want.layer.op
    if want.role in ONES or (want.role == "weight" and op in NORMS):
        return np.ones(want.shape, kind)
    if op == "prelu":
        return np.full(want.shape, 0.25, kind)
    if want.role not in KERNELS:
        return np.zeros(want.shape, kind)
    rng = np.random.default_rng([seed, crc32(want.name.encode())])
    return (rng.standard_normal(want.shape, np.float32) * sqrt(2 / fan_in(want))).astype(kind)


def fan_in(want: Wanted) -> int:
    """How many inputs one output sums up with this kernel."""
    shape: tuple[int, ...] = want.shape
    values = want.layer.values
    last = want.layer.env.channels_last
    if want.role == "depthwise" or want.layer.op.startswith("dwconv"):
        return prod(tuple(values["k"]))
    if want.layer.op.startswith("convT"):  # each output sees about one in s cells of each axis
        cells: int = values["c_i"] // values["g"] * prod(values["k"])
        strides: int = prod(values["s"])
        return max(cells // strides, 1)
    return prod(shape[:-1] if last else shape[1:])
