"""A network traced for one input: shapes, counts and receptive fields of each layer and of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .field import BROADCAST, MISALIGNED, NOTHING, Field, Interval
from .layers import Env, Fields, Traced
from .network import Network, Node, layer_dict
from .sizes import NOTHING_KNOWN, Shape, count, show, to_json, total


class LayerMemory(NamedTuple):
    """The bytes of one layer; None where a number is not known."""

    activations: int | None
    """What it gives, the whole batch; 0 for a view."""
    params: int | None
    """Its trained numbers; 0 where it shares another's."""
    buffers: int | None
    alive: int | None
    """What is there while it runs, of a block at the most."""

    def to_dict(self) -> dict[str, int | None]:
        """The same as JSON."""
        return {f"{name}_bytes": value for name, value in self._asdict().items()}


class NetworkMemory(NamedTuple):
    """The bytes of a network; None where a number is not known."""

    dtype: str
    input: int | None
    naive: int | None
    """The sum of what all layers give, views and all, as other tools count it."""
    peak: int | None
    """The most that is there at once, without the parameters."""
    peak_at: str | None
    """The layer that runs then, the first one where there are several."""
    peak_tensors: tuple[tuple[str, int], ...]
    """What is there then: the layers whose results they are, and their bytes."""
    params: int | None
    buffers: int | None

    def to_dict(self) -> dict[str, object]:
        """The same as JSON."""
        return {
            "dtype": self.dtype,
            "input_bytes": self.input,
            "peak_bytes": self.peak,
            "peak_at": self.peak_at,
            "peak_tensors": dict(self.peak_tensors),
            "all_outputs_bytes": self.naive,
            "params_bytes": self.params,
            "buffers_bytes": self.buffers,
        }


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
        self.memory: LayerMemory | None = None
        """Its bytes, once `cnncalc.memory.measure` has been asked for them."""
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
        return self.node.layer.CONVOLUTION is not None

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
        if self.is_convolution:
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
    memory: NetworkMemory | None = None
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


def summed(layers: Sequence[LayerReport], figure: str) -> int | None:
    """A count of the whole: `params`, `weights`, `bias`, `buffers` or `macs`; None where one layer's is not known."""
    return total([getattr(layer, figure) for layer in layers if layer.adds(figure)])
