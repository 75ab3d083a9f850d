"""The report of a network for one input: shapes, counts and receptive fields of each layer and of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .display import DISPLAYS, drawn
from .errors import nearest, shown
from .field import BROADCAST, MISALIGNED, NOTHING, Field
from .layers import Env, Fields, Trace
from .network import Network, Node, layer_dict
from .sizes import NOTHING_KNOWN, Count, Open, Shape, Size, count, counted, show, to_json, total

if TYPE_CHECKING:
    from .measures import LayerMemory, MacsAs, NetworkMemory


class Hint(NamedTuple):
    """A remark on what is valid, but perhaps not meant as written."""

    name: str
    """The name of its kind, such as `dropped-pixels`."""
    layers: tuple[str, ...]
    """The layers that it concerns."""
    text: str
    """What is the case, with its numbers."""
    help: str
    """What would help."""

    def to_dict(self) -> dict[str, object]:
        """Return the hint as JSON."""
        return self._asdict()


MOST_PHASES_SHOWN = 64


class LayerReport:
    """The report of one layer: shapes (with the batch, if any), counts, and the receptive field of its units."""

    __slots__ = (
        *("bias", "buffers", "inner", "local_weights", "memory", "name", "network", "node", "nodes", "op", "out", "rf"),
        *("needs", "params", "read", "reads_fields", "sample", "traced", "values", "weights", "x", "_batch", "_xs"),
    )

    def __init__(
        self,
        network: Network,
        nodes: Sequence[Node],
        node: Node,
        xs: Sequence[Shape],
        traced: Trace,
        batch: int | None,
        inner: Sequence[LayerReport] = (),
        fields: Sequence[Fields] = (),
        needs: Sequence[Any] = (),
    ):
        self.network, self.node, self.traced = network, node, traced
        self.nodes = nodes
        """The network's nodes, or those of the enclosing block."""
        self.inner = inner
        """The layers of a block; empty for any other layer."""
        self.name, self.op = node.name, node.layer.op
        """Its name, unique among `nodes`, and its op's word."""
        self.values = traced.values
        """Every key with its resolved value."""
        self.weights, self.bias, self.buffers = traced.weights, traced.bias, traced.buffers
        """Trained numbers without the bias, those of the bias, and numbers kept but not trained: each a formula if it
        depends on an open size, None if not known."""
        self.params = total([self.weights, self.bias])
        """Trained numbers: weights and bias."""
        self.local_weights = traced.local
        """Weights of the locally connected layer: the same windows, no weight shared."""
        self.rf = traced.fields.shown
        """The receptive field of its units on each axis of the network's input."""
        self.memory: LayerMemory | None = None
        """Its bytes; None until `cnncalc.memory.measure` sets them."""
        own = traced.fields
        self.reads_fields = fields
        """The axes and fields of its inputs."""
        self.read = own._replace(batch_at=0) if own.batch_at else own
        """The axes and fields of its output, as other layers read it."""
        self.needs = needs
        """The conditions on open sizes (`conditions.Condition`) that it adds to those of earlier layers, so that its
        inputs go together and its windows fit."""
        self._batch, self._xs = batch, xs
        self.sample = xs[0] if xs else traced.out
        """The input shape without the batch; the output's shape for a layer without inputs."""
        self.x = xs[0] if xs else ()
        self.out = traced.out
        if batch is not None:
            self.x = _batched(self.x, batch, fields[0]) if xs else ()
            self.out = _batched(self.out, batch, own)
        """The shapes of the input and the output, with the batch if there is one."""

    def __repr__(self) -> str:
        return f"<{self.name}: {self.op} {show(self.x)} -> {show(self.out)}>"

    def inputs(self) -> Sequence[Shape]:
        """Return the shapes of its inputs, with the batch."""
        if self._batch is None:
            return self._xs
        return [_batched(x, self._batch, own) for x, own in zip(self._xs, self.reads_fields, strict=True)]

    @property
    def samples(self) -> Sequence[Shape]:
        """The shapes of its inputs, without the batch."""
        return self._xs

    @property
    def trainable(self) -> Count:
        """The parameters that are trained; 0 for a frozen layer."""
        if not self.node.trainable:
            return 0
        return summed(self.inner, "trainable") if self.inner else self.params

    @property
    def macs(self) -> Count:
        """Multiply-accumulates for the whole batch."""
        if self._batch is None and not self.traced.fields.lead:
            return self.traced.macs
        return count(self.traced.macs, self._repeats, self.batch)

    @property
    def flops(self) -> Count:
        """Floating-point operations, as twice the multiply-accumulates."""
        return count(2, self.macs)

    @property
    def sample_macs(self) -> Count:
        """Multiply-accumulates for one sample of the network's input."""
        return count(self.traced.macs, self._repeats)

    @property
    def _repeats(self) -> Size:
        """How many times its MACs count for a sample of the network; 1 for a block, whose layers count their own."""
        return 1 if self.inner else self.times

    @property
    def times(self) -> Size:
        """The samples it works on per sample of the network's input; more than 1 if axes are folded into the batch."""
        return self.traced.fields.times

    @property
    def batch(self) -> int:
        """The number of samples in the network's input; 1 without a batch, or if the layer does not depend on it."""
        return self._batch if self._batch is not None and self.traced.fields.batched else 1

    @property
    def values_made(self) -> Count:
        """The number of values in its output, for the whole batch."""
        out = self.traced.out
        return None if out == NOTHING_KNOWN else count(self.batch, self.times, *out)

    @property
    def values_read(self) -> Count:
        """The number of values in its inputs, for the whole batch."""
        counts = []
        for x, own in zip(self._xs, self.reads_fields, strict=True):
            batch = self._batch if self._batch is not None and own.batched else 1
            counts.append(None if x == NOTHING_KNOWN else count(batch, own.times, *x))
        return total(counts)

    @property
    def fc_weights(self) -> Count:
        """Weights of the fully-connected layer from the same input to the same output, without biases."""
        if self.sample is NOTHING_KNOWN or self.traced.out is NOTHING_KNOWN:
            return None
        return count(*self.sample, *self.traced.out)

    @property
    def is_convolution(self) -> bool:
        """Whether its report has `fc_weights` and `local_weights`."""
        return self.node.layer.CONVOLUTION is not None

    @property
    def is_cut(self) -> bool:
        """Whether it is a block of which only the layers before an impossible one are known."""
        own: Any = self.node.layer.given["layers"] if self.inner else ()
        return len(self.inner) < len(own)

    @property
    def misaligned(self) -> bool:
        """Whether paths of different strides or centres meet in it or before it."""
        return any(field.marks & MISALIGNED for field in self.rf)

    def adds(self, figure: str) -> bool:
        """Return whether the figure counts in the total: shared weights are stored once, but multiplied each time."""
        return self.node.tie is None or figure in {"macs", "flops"}

    @property
    def env(self) -> Env:
        """The dialect and layout of its network."""
        return Env(self.network.dialect, self.network.layout == "NHWC")

    def weight_shapes(self) -> dict[str, Shape]:
        """Return the shape of each array it needs to run, by role, in the network's layout."""
        if self.sample == NOTHING_KNOWN:
            return {}
        return self.node.layer.weight_shapes(self.sample, self.traced.values, self.env)

    def refusal(self, form: str) -> str | None:
        """Return why a form (`keras_write` …) cannot express the layer, as its op states it; None if it can."""
        reason = self.node.layer.refused(form)
        return reason and reason.replace("{}", shown(self.values.get("type") or "it"))

    def explain(self) -> list[str]:
        """Return the arithmetic, a line for each formula."""
        if NOTHING_KNOWN in (self.sample, self.traced.out):
            return [f"nothing is known about its {'input' if self.sample == NOTHING_KNOWN else 'output'}"]
        lines = self.node.layer.explain(self.sample, self.traced, self.env)
        if self.node.counted is not None:  # its arrays count differently from what they hold
            lines = [line for line in lines if not line.startswith(("parameters:", "buffers:"))]
            counts = ", ".join(f"{number:,} {what}" for what, number in self.node.counted.items())
            lines.insert(0, f"its arrays are shared, computed or not trained: counted as {counts}")
        if self.macs and self.macs != self.traced.macs:
            times = "*".join([f"{n}" for n in (self.batch, self._repeats) if n != 1])
            lines.append(f"MACs of the batch: {times}*{counted(self.traced.macs)} = {counted(self.macs)}")
        return lines

    def figures(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        figures: dict[str, Any] = {
            "in": [to_json(x) for x in self.inputs()],
            "out": to_json(self.out),
            "weights": self.weights,
            "bias": self.bias,
            "params": self.params,
            "buffers": self.buffers,
            "macs": self.macs,
        }
        if self.is_convolution:
            figures["fc_weights"] = self.fc_weights
            figures["local_weights"] = self.local_weights
        figures["rf"] = rf_json(self.rf)
        return figures if self.memory is None else {**figures, "memory": self.memory.to_dict()}

    def raw(self, inner: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return the layer of the spec with its figures as `report`; lists are left as tuples.

        `inner` has the layers of a block if they have been made already.
        """
        if inner is None and self.inner:
            inner = [layer.raw() for layer in self.inner]
        raw = layer_dict(self.node, self.nodes, self.traced.values, inner)
        raw["report"] = self.figures()
        return raw


def _batched(shape: Shape, batch: int | None, fields: Fields) -> Shape:
    """Return a sample's shape with the batch in its place, multiplied by the axes that are folded into it."""
    if batch is None or shape == NOTHING_KNOWN or not fields.batched:
        return shape
    at = fields.batch_at
    return (*shape[:at], fields.times * batch, *shape[at:])


class Report:
    """The report of a whole network for one input. A number that depends on an open size is a formula; None is unknown.

    `report["conv1"]` is a layer, and `report["block1.conv1"]` one inside a block; `"conv1" in report` says whether
    there is such a layer. Iteration gives the layers in order.
    """

    __slots__ = (
        "_named",
        "batch",
        "buffers",
        "hints",
        "layers",
        "macs",
        "macs_as",
        "memory",
        "network",
        "out",
        "params",
        "rf",
        "sample",
    )

    def __init__(self, network: Network, batch: int | None, sample: Shape, layers: list[LayerReport]):
        self.network, self.layers = network, layers
        """The network has the input, dialect and layout that it was traced with."""
        self.batch, self.sample = batch, sample
        """`batch` is None without a batch and for one of an open size. `sample` is one sample of the input in the
        network's layout, with an axis for a single channel."""
        self.memory: NetworkMemory | None = None
        """Its bytes; None without a dtype."""
        self.macs_as: MacsAs | None = None
        """The multiply-accumulates that a tool prints for it; None without a tool."""
        self.hints: Sequence[Hint] | None = None
        """Remarks on what is perhaps not meant; None unless asked for."""
        self.out, self.rf = (layers[-1].out, layers[-1].rf) if layers else (sample, ())
        """The last layer's output shape, and the receptive field of its units on each axis of the input."""
        self.params, self.buffers, self.macs = [summed(layers, figure) for figure in ("params", "buffers", "macs")]
        self._named: dict[str, LayerReport] | None = None
        """The layers by name, made when one is first asked for."""

    @property
    def x(self) -> Shape:
        """The shape of the first input, with the batch; the counterpart of a layer's `x`."""
        return self.network.input or ()

    def __repr__(self) -> str:
        name = self.network.name or f"{len(self)} layer{'s' * (len(self) != 1)}"
        params = self.params if isinstance(self.params, int) else counted(self.params)
        return f"<report of {name}: {show(self.out)}, {params} parameter{'s' * (params != 1)}>"

    def __str__(self) -> str:
        return drawn("report", self)

    def _repr_html_(self) -> str:
        """Return the report as notebooks show it: an HTML table and the totals."""
        return drawn("report as HTML", self)

    def rows(self) -> list[dict[str, int | float | str | None]]:
        """Return a dict for each layer with the columns of `--format csv`, ready for `pandas.DataFrame`.

        Figures are numbers, not text; None is a figure that is not known or has no meaning for the layer.
        """
        rows: list[dict[str, int | float | str | None]] = DISPLAYS["report as rows"](self)
        return rows

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerReport]:
        return iter(self.layers)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name()

    def __getitem__(self, name: str) -> LayerReport:
        if not isinstance(name, str):
            raise TypeError(f"a layer is found by its name, not by {shown(name)}: report.layers is the list of them")
        named = self._by_name()
        if name not in named:
            raise KeyError(f"there is no layer {shown(name)}: {nearest(name, named) or f'the report has {len(named)}'}")
        return named[name]

    def _by_name(self) -> dict[str, LayerReport]:
        if self._named is None:
            self._named = _by_name(self.layers)
        return self._named

    @property
    def letters(self) -> list[str]:
        """The letters of the inputs' open sizes, in order."""
        shapes = [self.sample, *[layer.out for layer in self.layers if layer.node.layer.WORD == "input"]]
        return list(dict.fromkeys([c for shape in shapes for n in shape if isinstance(n, Open) for c in n.letters]))

    @property
    def holds(self) -> Any:
        """The numbers that the letters may stand for, as `conditions.Holds`: for others the layers do not fit."""
        from .conditions import Holds

        return Holds(self.letters, [condition for layer in _unfolded(self.layers) for condition in layer.needs])

    @property
    def flops(self) -> Count:
        """Floating-point operations, as twice the multiply-accumulates."""
        return count(2, self.macs)

    def sum(self, figure: str) -> Count:
        """Return the total of a figure of the layers; None if one layer's is not known."""
        return summed(self.layers, figure)

    def named(self, path: str) -> tuple[Report | LayerReport, str]:
        """Return what a path such as `conv1.out` names (a layer, or else the report) and the rest of the path."""
        layers, end = self._by_name(), len(path)
        while end > 0:
            if path[:end] in layers:
                return layers[path[:end]], path[end + 1 :]
            end = path.rfind(".", 0, end)
        return self, path

    @property
    def trainable(self) -> Count:
        """The parameters that are trained, unused ones included: all but those of frozen layers."""
        return total([summed(self.layers, "trainable"), (self.network.unused or {}).get("params", 0)])

    @property
    def non_trainable(self) -> Count:
        """Keras's count of numbers that are not trained: frozen parameters and buffers, unused ones included."""
        unused = self.network.unused or {}
        others: list[int] = [unused.get(key, 0) for key in ("params", "buffers")]
        return total([self.params, self.buffers, count(-1, self.trainable), *others])

    @property
    def is_keras(self) -> bool:
        """Whether the report has Keras's own totals."""
        return self.network.dialect.name == "keras"

    def head(self) -> dict[str, Any]:
        """Return the report as JSON without its layers and its totals.

        `sample_axes` is left out if the resolved keys of the layers determine it, even if the keys of the spec did not.
        After a fold into the batch, the keys do not tell that the input leaves out its single channel.
        """
        found, axes = _resolved_rank(self.layers), len(self.sample)
        if found is None:
            return self.network.head()
        rank, folds = found
        told = axes == folds + rank + 1 and not (folds and len(self.network.input or ()) < axes)
        return self.network._replace(sample_axes=None if told else axes).head()

    def outputs(self) -> list[LayerReport]:
        """Return the network's outputs: the last layer first, then the others that no layer reads."""
        read = {at for layer in self.layers for at in layer.node.reads}
        unread = [layer for at, layer in enumerate(self.layers) if at not in read]
        return [unread[-1], *unread[:-1]]

    def named_outputs(self) -> dict[str, LayerReport]:
        """Return the outputs by their names in the network's file, or by default by those of their layers."""
        return dict(zip(self.network.outputs(), self.outputs(), strict=True))

    def misaligned(self) -> list[LayerReport]:
        """Return the layers in which paths of different strides or centres first meet, without those that follow."""
        apart = {at for at, layer in enumerate(self.layers) if layer.misaligned}
        return [self.layers[at] for at in sorted(apart) if not apart & set(self.layers[at].node.reads)]

    def left_out(self) -> list[LayerReport]:
        """Return the layers whose field first leaves out a path through a global pool, without those that follow."""
        gated = {at for at, layer in enumerate(self.layers) if any(field.marks & BROADCAST for field in layer.rf)}
        return [self.layers[at] for at in sorted(gated) if not gated & set(self.layers[at].node.reads)]

    def totals(self) -> dict[str, Any]:
        """Return the figures of the whole as JSON."""
        totals: dict[str, Any] = {"out": to_json(self.out)}
        if len(self.outputs()) > 1:
            totals["outputs"] = {name: to_json(layer.out) for name, layer in self.named_outputs().items()}
        totals |= {"params": self.params, "buffers": self.buffers, "macs": self.macs}
        if self.is_keras:
            totals |= {"trainable": self.trainable, "non_trainable": self.non_trainable}
        totals["rf"] = rf_json(self.rf)
        if self.letters:
            totals["holds"] = self.holds.to_list()
        if self.macs_as is not None:
            totals["macs_as"] = self.macs_as.to_dict()
        if self.memory is not None:
            totals["memory"] = self.memory.to_dict()
        if self.hints is not None:
            totals["hints"] = [hint.to_dict() for hint in self.hints]
        return totals

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON: the spec with everything resolved, a `report` on each layer and on the whole."""
        expect = {} if self.network.expect is None else {"expect": self.network.expect}
        layers = [layer.raw() for layer in self.layers]
        document: dict[str, Any] = listed({**self.head(), "layers": layers, **expect, "report": self.totals()})
        return document


def leaves(layers: Sequence[LayerReport]) -> Iterator[LayerReport]:
    """Yield the layers, with each block replaced by its own layers."""
    for layer in layers:
        yield from leaves(layer.inner) if layer.inner else [layer]


def _resolved_rank(layers: Sequence[LayerReport]) -> tuple[int, int] | None:
    """Return the number of axes of the first spatial layer by its resolved keys; None if they do not determine it.

    The second number is how many axes are folded into the batch before that layer.
    """
    folds = 0
    for layer in leaves(layers):
        own = layer.node.layer
        if own.WORD == "tobatch":
            folds += layer.values["axes"]
        elif own.rank() is not None or own.MAKES_AXES:
            return None
        if own.is_spatial:
            values = {key: tuple(value) if isinstance(value, list) else value for key, value in layer.values.items()}
            rank = type(own)(own.op, own.nd, values).rank()
            if rank is not None:
                return rank, folds
    return None


def _unfolded(layers: Sequence[LayerReport]) -> Iterator[LayerReport]:
    """Yield the layers, each block followed by its own layers."""
    for layer in layers:
        yield layer
        yield from _unfolded(layer.inner)


def _by_name(layers: Sequence[LayerReport], within: str = "") -> dict[str, LayerReport]:
    """Return the layers by name, those of blocks as `block.layer`."""
    named = {}
    for layer in layers:
        named[within + layer.name] = layer
        named |= _by_name(layer.inner, f"{within}{layer.name}.")
    return named


def listed(value: Any) -> Any:
    """Return a value as JSON reads it back: lists for tuples, text for an open count, and `expect` as written."""
    if type(value) is int or type(value) is str:
        return value
    if isinstance(value, dict):
        return {k: v if k == "expect" else listed(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [listed(v) for v in value]
    return str(value) if isinstance(value, Open) else value


def rf_json(fields: Sequence[Field]) -> dict[str, Any] | None:
    """Return receptive fields as JSON, axis by axis, with `phases` only if units differ by phase; None without axes."""
    if not fields:
        return None
    rf: dict[str, Any] = {
        "size": [field.size for field in fields],
        "stride": [field.stride for field in fields],
        "start": [field.start for field in fields],
    }
    if not [field for field in fields if field.phases is not None or field.marks]:
        return rf
    if any(field.phases is not None for field in fields):
        shown_phases = [() if f.phases is None or len(f.phases) > MOST_PHASES_SHOWN else f.phases for f in fields]
        rf["phases"] = [[None if span == NOTHING else span for span in phases] or None for phases in shown_phases]
    if any(field.marks & MISALIGNED for field in fields):
        rf["aligned"] = False
    if any(field.marks & BROADCAST for field in fields):
        rf["global"] = True
    return rf


def summed(layers: Sequence[LayerReport], figure: str) -> Count:
    """Return the total of `params`, `weights`, `bias`, `buffers` or `macs`; None if one layer's is not known."""
    return total([getattr(layer, figure) for layer in layers if layer.adds(figure)])
