"""A network and an input: the shapes, the counts and the receptive fields, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import CnncalcError, ShapeError
from .field import PIXEL
from .input import feed, settle
from .layers import Env, Fields, Traced
from .layers.composite import Opaque
from .network import INPUT, Network, Node, no_input
from .report import LayerReport, Report, summed
from .sizes import LARGEST, NOTHING_KNOWN, Shape, counted, show, total


def shape(
    network: Network,
    input: Shape | None = None,
    *,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> Report:
    """Trace a network. `input`, `dialect` and `layout` beat the network's own; `batch` is put in front of the input.

    Raises ShapeError where the network is impossible, with the layer, the place and the arithmetic.
    """
    layers: list[LayerReport] = []
    network = fill(layers, network, input, batch=batch, dialect=dialect, layout=layout)
    last = layers[-1]
    return Report(
        network,
        layers,
        last.out,
        summed(layers, "params"),
        summed(layers, "buffers"),
        summed(layers, "macs"),
        last.rf,
    )


def fill(
    layers: list[LayerReport],
    network: Network,
    input: Shape | None = None,
    *,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> Network:
    """What `shape` does, into `layers`: where it raises, they are those above the one at fault. The settled network."""
    network = settle(network, input, dialect, layout)
    if network.input is None:
        raise no_input()
    batch, sample, shown_input = feed(network, network.input, batch)
    network = network._replace(input=shown_input)
    env = Env(network.dialect, network.layout == "NHWC")
    start: tuple[Shape, Fields] = (sample, (PIXEL,) * (len(sample) - 1) if len(sample) > 1 else ())
    _walk(network, network.nodes, start, env, batch, layers)
    return network


def _walk(
    network: Network,
    nodes: Sequence[Node],
    start: tuple[Shape, Fields],
    env: Env,
    batch: int | None,
    layers: list[LayerReport],
    within: tuple[Node, ...] = (),
) -> None:
    """Trace the nodes of a network, or of the block that `within` ends with, from what arrives, into `layers`."""
    for node in nodes:
        inner: list[LayerReport] = []
        try:
            if node.layer.JOINS:
                xs, traced = _join(node, start, layers, env)
            else:
                x, fields = _read(node.reads[0], start, layers)
                xs = (x,)
                if x == NOTHING_KNOWN:
                    traced = _blind(node)
                elif node.layer.NESTS:
                    inner = []
                    own: Any = node.layer.given["layers"]
                    _walk(network, own, (x, fields), env, batch, inner, (*within, node))
                    traced = _summed_up(inner)
                else:
                    traced = node.layer.trace(x, fields, env)
            _check_sizes(traced.out)
            if node.tie is not None:
                _check_tie(layers[node.tie], xs[0], traced, node, env)
        except CnncalcError as error:
            raise network.blame(error, node, within) from None
        layers.append(LayerReport(network, nodes, node, xs, traced, batch, inner))


def _check_tie(first: LayerReport, x: Shape, traced: Traced, node: Node, env: Env) -> None:
    """ShapeError where the weights that are shared are not of the shape that this layer needs."""
    before, now = first.traced, traced
    same = (before.weights, before.bias, before.buffers) == (now.weights, now.bias, now.buffers)
    if None in (before.weights, now.weights):
        return
    theirs = first.weight_shapes()
    own = node.layer.weight_shapes(x, traced.values, env)
    if not same or theirs != own:
        raise ShapeError(
            f"tie: {first.name} has {_arrays(theirs, before)}, and this layer needs {_arrays(own, now)}",
            "weights are shared by layers that need the same: leave tie out, or mend what arrives",
            key="tie",
        )


def _arrays(shapes: Mapping[str, Shape], traced: Traced) -> str:
    """`weight 4x3x3x3, bias 4`; the numbers alone where a layer is made of others."""
    if shapes:
        return ", ".join(f"{role} {show(shape)}" for role, shape in shapes.items())
    params, buffers = total([traced.weights, traced.bias]), traced.buffers
    return f"{counted(params)} parameters" + (f", {counted(buffers)} buffers" if buffers else "")


def _blind(node: Node) -> Traced:
    """A layer of whose input nothing is known: it has no figures but those that are 0 whatever arrives."""
    weightless = not node.layer.WEIGHTS and not node.layer.NESTS
    figure = 0 if weightless and not node.layer.JOINS else None
    return Traced(dict(node.layer.given), NOTHING_KNOWN, (), figure, figure, figure, figure)


def _summed_up(inner: Sequence[LayerReport]) -> Traced:
    """A block as one layer."""
    last = inner[-1].traced
    weights, bias, buffers = [summed(inner, figure) for figure in ("weights", "bias", "buffers")]
    return Traced({}, last.out, last.fields, weights, bias, buffers, total([layer.traced.macs for layer in inner]))


def _read(at: int, start: tuple[Shape, Fields], layers: list[LayerReport]) -> tuple[Shape, Fields]:
    """What comes out of a node, or of the input."""
    if at == INPUT:
        return start
    before = layers[at].traced
    return before.out, before.fields


def _join(
    node: Node, start: tuple[Shape, Fields], layers: list[LayerReport], env: Env
) -> tuple[tuple[Shape, ...], Traced]:
    """A layer that reads several. Where their shapes do not go together, the error says where each comes from."""
    xs, fields = zip(*(_read(at, start, layers) for at in node.reads), strict=True)
    if NOTHING_KNOWN in xs and not isinstance(node.layer, Opaque):
        return xs, _blind(node)
    try:
        return xs, node.layer.trace_all(xs, fields, env)
    except ShapeError as error:
        if error.help is None:
            names = ["the input" if at == INPUT else layers[at].name for at in node.reads]
            error.help = ", ".join(f"{name} gives {show(x)}" for name, x in zip(names, xs, strict=True))
        raise


def _check_sizes(out: Shape) -> None:
    """ShapeError for a size that no spec could hold: it could not be read back."""
    for size in out:
        if isinstance(size, int) and size > LARGEST:
            raise ShapeError(f"an output size is more than {LARGEST:,}", "what comes out has to be a size, too")
