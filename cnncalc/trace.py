"""A network and an input: the shapes, the counts and the receptive fields, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from . import memory
from .errors import CnncalcError, ShapeError
from .feed import feed, settle
from .layers import Env, Fields, Layer, Traced
from .layers.composite import Opaque
from .network import INPUT, Network, Node, layer_dict, no_input
from .receptive import BROADCAST, MISALIGNED, NOTHING, PIXEL, Field, Interval
from .sizes import LARGEST, NOTHING_KNOWN, Shape, count, counted, show, to_json, total

MOST_PHASES_SHOWN = 64


class LayerReport:
    """What one layer does: shapes with the batch where there is one, counts, and the receptive field of its units."""

    __slots__ = ("_batch", "_x", "_xs", "inner", "memory", "network", "node", "nodes", "out", "traced", "x")

    def __init__(
        self,
        network: Network,
        nodes: Sequence[Node],
        node: Node,
        xs: Sequence[Shape],
        traced: Traced,
        batch: int | None,
        inner: Sequence[LayerReport] = (),
    ):
        self.network, self.nodes, self.node, self.traced, self.inner = network, nodes, node, traced, inner
        """`nodes` are the network's, or those of the block it stands in; `inner` are a block's own layers."""
        self.memory: memory.Layer | None = None
        """Its bytes, once `cnncalc.measure.measure` has been asked for them."""
        self._batch, self._xs = batch, xs
        self._x = x = xs[0]
        self.x, self.out = _batched(x, batch), _batched(traced.out, batch)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.op} {show(self.x)} -> {show(self.out)}>"

    @property
    def name(self) -> str:
        """The layer's name, unique in its network."""
        return self.node.name

    @property
    def op(self) -> str:
        """The op's word."""
        return self.node.layer.op

    @property
    def values(self) -> dict[str, Any]:
        """Every key with its resolved value."""
        return self.traced.values

    @property
    def sample(self) -> Shape:
        """The input shape without the batch."""
        return self._x

    def inputs(self) -> Sequence[Shape]:
        """The shapes of all that it reads, the batch included."""
        return [_batched(x, self._batch) for x in self._xs]

    @property
    def weights(self) -> int | None:
        """Trained numbers but the bias; None where an open size decides."""
        return self.traced.weights

    @property
    def bias(self) -> int | None:
        """Trained numbers of the bias."""
        return self.traced.bias

    @property
    def params(self) -> int | None:
        """Trained numbers: weights and bias."""
        weights, bias = self.traced.weights, self.traced.bias
        return None if weights is None or bias is None else weights + bias

    @property
    def buffers(self) -> int | None:
        """Numbers that are kept and not trained."""
        return self.traced.buffers

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates, of the whole batch."""
        macs, batch = self.traced.macs, self._batch
        return macs if batch is None or macs is None else macs * batch

    @property
    def fc_weights(self) -> int | None:
        """Weights of the fully-connected layer from the same input to the same output, biases left out."""
        return None if NOTHING_KNOWN in (self._x, self.traced.out) else count(*self._x, *self.traced.out)

    @property
    def local_weights(self) -> int | None:
        """Weights of the locally connected layer: the same window, nothing shared."""
        return self.traced.local

    @property
    def is_convolution(self) -> bool:
        """Whether `fc_weights` and `local_weights` are reported of it."""
        return self.node.layer.CONVOLUTION

    @property
    def rf(self) -> Fields:
        """The receptive field on each axis of the network's input."""
        return self.traced.fields

    @property
    def misaligned(self) -> bool:
        """Whether paths of other strides or other centres meet in it, or above it."""
        return any(field.marks & MISALIGNED for field in self.rf)

    def adds(self, figure: str) -> bool:
        """Whether the figure counts in the whole: shared weights are there once, and multiply each time."""
        return self.node.tie is None or figure == "macs"

    @property
    def env(self) -> Env:
        """What holds for its whole network."""
        return Env(self.network.dialect, self.network.layout == "NHWC")

    def weight_shapes(self) -> dict[str, Shape]:
        """The shape of each array it needs to be executed, by role, in the order of the network's layout."""
        return self.node.layer.weight_shapes(self._x, self.traced.values, self.env)

    def explain(self) -> list[str]:
        """The arithmetic, a line a formula."""
        if NOTHING_KNOWN in (self._x, self.traced.out):
            return [f"nothing is known of what {'arrives' if self._x == NOTHING_KNOWN else 'comes out'}"]
        lines = self.node.layer.explain(self._x, self.traced, self.env)
        if self._batch is not None and self.traced.macs:
            lines.append(f"MACs of the batch: {self._batch}*{self.traced.macs:,} = {self.macs:,}")
        return lines

    def figures(self) -> dict[str, Any]:
        """The figures as JSON."""
        found: dict[str, Any] = {
            "in": [to_json(x) for x in self.inputs()],
            "out": to_json(self.out),
            "weights": self.traced.weights,
            "bias": self.traced.bias,
            "params": self.params,
            "buffers": self.traced.buffers,
            "macs": self.macs,
        }
        if self.node.layer.CONVOLUTION:
            found["fc_weights"] = self.fc_weights
            found["local_weights"] = self.traced.local
        found["rf"] = rf_json(self.traced.fields)
        if self.memory is not None:
            found["memory"] = self.memory.to_dict()
        return found

    def raw(self) -> dict[str, Any]:
        """The layer as JSON, tuples where JSON has arrays."""
        found = layer_dict(self.node, self.nodes, self.traced.values)
        if self.inner:
            found["layers"] = [layer.raw() for layer in self.inner]
        found["report"] = self.figures()
        return found


def _batched(shape: Shape, batch: int | None) -> Shape:
    return shape if batch is None or shape == NOTHING_KNOWN else (batch, *shape)


class Report(NamedTuple):
    """What a whole network does on one input. Numbers that an open size decides are None."""

    network: Network
    """With the input, dialect and layout that hold."""
    layers: list[LayerReport]
    out: Shape
    params: int | None
    buffers: int | None
    macs: int | None
    rf: Fields
    """The receptive field of the last layer's units, on each axis of the input."""
    memory: memory.Whole | None = None
    """Its bytes, where a dtype was given."""

    def __repr__(self) -> str:
        name = self.network.name or f"{len(self.layers)} layers"
        return f"<report of {name}: {show(self.out)}, {self.params} parameters>"

    def head(self) -> dict[str, Any]:
        """The report but its layers and its totals."""
        network = self.network
        assert network.input is not None
        found: dict[str, Any] = {"cnncalc": 1}
        if network.name is not None:
            found["name"] = network.name
        return found | {"input": to_json(network.input), "dialect": network.dialect.name, "layout": network.layout}

    def outputs(self) -> list[LayerReport]:
        """The layers that no other reads, the last one among them."""
        read = {at for layer in self.layers for at in layer.node.reads}
        return [layer for at, layer in enumerate(self.layers) if at not in read]

    def misaligned(self) -> list[LayerReport]:
        """The layers in which paths of other strides or other centres meet; not those that only stand below one."""
        apart = {at for at, layer in enumerate(self.layers) if layer.misaligned}
        return [self.layers[at] for at in sorted(apart) if not apart & set(self.layers[at].node.reads)]

    def totals(self) -> dict[str, Any]:
        """The figures of the whole."""
        outputs = self.outputs()
        several = {"outputs": {layer.name: to_json(layer.out) for layer in outputs}} if len(outputs) > 1 else {}
        return {
            "out": to_json(self.out),
            **several,
            "params": self.params,
            "buffers": self.buffers,
            "macs": self.macs,
            "rf": rf_json(self.rf),
            **({} if self.memory is None else {"memory": self.memory.to_dict()}),
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON: the spec with everything resolved, and a `report` on each layer and on the whole."""
        found = self.head() | {"layers": [layer.raw() for layer in self.layers]}
        if self.network.expect is not None:
            found["expect"] = self.network.expect
        plain: dict[str, Any] = listed(found | {"report": self.totals()})
        return plain


def listed(value: Any) -> Any:
    """The same with lists for tuples, as JSON reads back; what a spec expects is carried along as it is."""
    if isinstance(value, dict):
        return {k: v if k == "expect" else listed(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [listed(v) for v in value]
    return value


def rf_json(fields: Fields) -> dict[str, Any] | None:
    """Receptive fields as JSON, axis by axis; `phases` only where units differ by phase; null without axes."""
    if not fields:
        return None
    found: dict[str, Any] = {
        "size": [f.size for f in fields],
        "stride": [f.stride for f in fields],
        "start": [f.start for f in fields],
    }
    if any(f.phases is not None for f in fields):
        found["phases"] = [_phases_json(f) for f in fields]
    if any(f.marks & MISALIGNED for f in fields):
        found["aligned"] = False
    if any(f.marks & BROADCAST for f in fields):
        found["global"] = True
    return found


def _phases_json(field: Field) -> list[Interval | None] | None:
    if field.phases is None or len(field.phases) > MOST_PHASES_SHOWN:
        return None
    return [None if span == NOTHING else span for span in field.phases]


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
    weightless = type(node.layer).weight_shapes is Layer.weight_shapes and not node.layer.NESTS
    figure = 0 if weightless and not node.layer.JOINS else None
    return Traced(dict(node.layer.given), NOTHING_KNOWN, (), figure, figure, figure, figure)


def _summed_up(inner: Sequence[LayerReport]) -> Traced:
    """A block as one layer."""
    last = inner[-1].traced
    weights, bias, buffers = [summed(inner, figure) for figure in ("weights", "bias", "buffers")]
    return Traced({}, last.out, last.fields, weights, bias, buffers, total([layer.traced.macs for layer in inner]))


def summed(layers: Sequence[LayerReport], figure: str) -> int | None:
    """A count of the whole: `params`, `weights`, `bias`, `buffers` or `macs`; None where one layer's is not known."""
    return total([getattr(layer, figure) for layer in layers if layer.adds(figure)])


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
