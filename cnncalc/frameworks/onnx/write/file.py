"""The ONNX graph being written: nodes, weights and constants, in the network's own order of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ....errors import CnncalcError, ShapeAlone, SpecError
from ....layers.names import ONNX
from ....limits import FEWER_LAYERS, MOST_WRITTEN, Limit
from ....network import INPUT
from ....report import LayerReport, Report
from ....sizes import Open, Shape, Size, known, show
from ....wiring import unused_name
from ..read.const import package

OPSET = 22
"""The first operator set whose ceil leaves out a window that would begin in the padding, as in all dialects here."""
IR_VERSION = 10
MOST_BYTES = 2**31 - 1
"""The most bytes that protobuf can hold."""
WITHOUT = "leave out -w, or convert the network to a spec, which holds no weights, and then the spec to ONNX"
IN_NUMBERS = "give the input as numbers: -i 3x224x224"


def inexpressible(layer: LayerReport, what: str, help: str | None = None) -> CnncalcError:
    """Return the error for a layer that ONNX cannot express."""
    return layer.network.blame(SpecError(f"ONNX cannot express {what}", help), layer.node)


class OnnxFile:
    """The graph of a network while it is built."""

    def __init__(self, report: Report, batch: int | None):
        self.onnx = package()
        self.report, self.batch = report, batch
        self.model = self.onnx.ModelProto(ir_version=IR_VERSION, producer_name="cnncalc")
        self.graph = self.model.graph
        """The graph in the file: nodes and weights are added to it directly, as moving them would copy them."""
        self.inputs: list[Any] = []
        """The graph's inputs except the first."""
        self.last = report.network.layout == "NHWC"
        """Whether the network has channels last. Maps are transposed where ONNX needs channels first, and stay so."""
        self._samples = {"input": report.sample} | {layer.name: layer.traced.out for layer in report.layers}
        self._outputs = {layer.name for layer in report.outputs()}
        self._first: dict[str, str] = {}
        """The names of values that exist with channels first, by layer name."""
        self._own = {"input": "input"}
        """The names of values that exist in the network's own order of axes, by layer name."""
        origin = report.network.source
        self._given = origin.weights if origin is not None else {}
        self._weights: dict[str, str] = {}
        """The name of each weight in the file, which differs from ours if a layer has that name."""
        self._laid: dict[str, tuple[tuple[int, ...], list[int]]] = {}
        """The order of axes and the shape of each weight in the file."""
        self._bytes = 0
        self._nodes = Limit(MOST_WRITTEN, "the ONNX file has {made:,} nodes, more than {most:,}", FEWER_LAYERS)
        self._taken = {layer.name for layer in report.layers} | {"input"}

    def name(self, wanted: str) -> str:
        """Return a name for a value that is not a layer's output."""
        name = unused_name(wanted, self._taken)
        self._taken.add(name)
        return name

    def reads(self, layer: LayerReport, first: bool = False) -> list[str]:
        """Return the names of a layer's inputs, in the network's order of axes or with channels first."""
        return [self.value_of(name, first) for name in self._sources(layer)]

    def _sources(self, layer: LayerReport) -> list[str]:
        return ["input" if at == INPUT else self.report.layers[at].name for at in layer.node.reads]

    def value_of(self, layer: str, first: bool = False) -> str:
        """Return the name of a layer's result in one order of axes, adding a Transpose if only the other exists."""
        rank, have = len(self._samples[layer]), self._first if first else self._own
        if layer not in self._first:
            self._own.setdefault(layer, layer)
        if layer not in have:
            other = (self._own if first else self._first)[layer]
            have[layer] = other
            if self.last and rank > 1:
                order = [0, rank, *range(1, rank)] if first else [0, *range(2, rank + 1), 1]
                called = f"{layer}.channels_{'first' if first else 'last'}"
                made = layer if layer in self._outputs and not first else self.name(called)
                have[layer] = self.node(
                    "Transpose", [other], made, self.name(called) if made == layer else made, perm=order
                )
        return have[layer]

    def is_first(self, layer: LayerReport) -> bool:
        """Return whether a value-by-value layer should be written with channels first.

        That is so if one of its inputs only exists like that, and inputs and result have equal numbers of axes.
        """
        rank = len(layer.traced.out)
        alike = all(len(self._samples[name]) == rank for name in self._sources(layer))
        return rank > 1 and alike and self.has_only_first(layer)

    def has_only_first(self, layer: LayerReport) -> bool:
        """Return whether one of a layer's inputs only exists with channels first, in a channels-last network."""
        return self.last and any(name in self._first and name not in self._own for name in self._sources(layer))

    def end(self, layer: LayerReport, op: str, reads: Sequence[str], first: bool, **attributes: Any) -> None:
        """Add the node with the layer's name that makes its result, in one order of axes."""
        makes = layer.name
        if first:
            turned = self.last and layer.name in self._outputs and len(layer.traced.out) > 1
            makes = self._first[layer.name] = self.name(f"{layer.name}.channels_first") if turned else layer.name
        self.node(op, reads, makes, layer.name, **attributes)

    def axis(self, layer: LayerReport, axis: int, first: bool) -> int:
        """Return ONNX's number for an axis of a layer's input, given in the network's order with the batch as 0."""
        return axis % len(layer.sample) + 1 if self.last and first else axis

    def node(
        self,
        op: str,
        reads: Sequence[str],
        makes: str,
        called: str | None = None,
        before: Sequence[str] = (),
        **attributes: Any,
    ) -> str:
        """Add a node, by default named after the value it makes, and return the value's name.

        `before` has the names of earlier results, empty for those that are not needed.
        """
        self._nodes.count(1)
        kept = {key: value for key, value in attributes.items() if value is not None}
        results = [*before, makes]
        self.graph.node.append(self.onnx.helper.make_node(op, list(reads), results, name=called or makes, **kept))
        return makes

    def step(self, layer: LayerReport, part: str, op: str, reads: Sequence[str], **attributes: Any) -> str:
        """Add an intermediate node of a layer, and return the name of the value it makes."""
        return self.node(op, reads, self.name(f"{layer.name}.{part}"), **attributes)

    def constant(
        self, layer: LayerReport, part: str, values: Sequence[float] | float, shape: Any = None, kind: str | None = None
    ) -> str:
        """Add a Constant node of numbers that are not weights, and return its name.

        It holds int64 if all are integers, otherwise float32, or TensorProto's `kind`. Several numbers form one axis
        unless a shape is given.
        """
        listed = [values] if isinstance(values, (int, float)) else list(values)
        sizes = ([] if isinstance(values, (int, float)) else [len(listed)]) if shape is None else shape
        types = self.onnx.TensorProto
        made = self.name(f"{layer.name}.{part}")
        own = types.INT64 if all(isinstance(n, int) for n in listed) else types.FLOAT
        type_ = own if kind is None else getattr(types, kind)
        return self.node("Constant", [], made, value=self.onnx.helper.make_tensor(made, type_, sizes, listed))

    def weight(self, layer: LayerReport, role: str, shape: Any = None, order: Sequence[int] = ()) -> str:
        """Add a layer's weight, with its axes in an order and possibly reshaped, and return its name.

        It is the given array, or zeros made by a node. If a layer that shares it needs another order or shape, nodes
        convert it.
        """
        node, own = layer.node, weight_shape(layer, role)
        owner = node.name if node.tie is None else layer.nodes[node.tie].name
        name, order = f"{owner}.{role}", tuple(order) or tuple(range(len(own)))
        sizes = [own[at] for at in order] if shape is None else list(shape)
        if name not in self._weights:
            self._weights[name] = self.name(name)
            self._laid[name] = order, sizes
            array = self._array(layer, name, own)
            self._add(self._weights[name], sizes, None if array is None else array.transpose(order).reshape(sizes))
        (have, laid), made = self._laid[name], self._weights[name]
        if have != order:
            made = self._reshaped(layer, role, made, laid, [own[at] for at in have])
            made = self.step(layer, role, "Transpose", [made], perm=[have.index(at) for at in order])
            laid = [own[at] for at in order]
        return self._reshaped(layer, role, made, laid, sizes)

    def _reshaped(self, layer: LayerReport, role: str, value: str, have: list[int], sizes: list[int]) -> str:
        """Return the name of a weight in another shape."""
        if have == sizes:
            return value
        return self.step(layer, role, "Reshape", [value, self.constant(layer, f"{role}.sizes", sizes)])

    def several(
        self, layer: LayerReport, part: str, roles: Sequence[str], shape: list[int], join: Callable[[list[Any]], Any]
    ) -> str:
        """Add several of a layer's weights as one array of this shape, and return its name."""
        node = layer.node
        owner = node.name if node.tie is None else layer.nodes[node.tie].name
        name = f"{owner}.{part}"
        if name not in self._weights:
            self._weights[name] = self.name(name)
            arrays = [self._array(layer, f"{owner}.{role}", weight_shape(layer, role)) for role in roles]
            self._add(
                self._weights[name], shape, None if any(one is None for one in arrays) else join(arrays).reshape(shape)
            )
        return self._weights[name]

    def _array(self, layer: LayerReport, name: str, shape: Sequence[int]) -> Any:
        """Return the given array; None if there is none. Raise SpecError if its number of values differs."""
        read = self._given.get(name)
        self._bytes += 0 if read is None else 4 * prod(shape)
        if self._bytes > MOST_BYTES:
            raise SpecError("the weights are more than 2 GiB, the most an ONNX file can hold", WITHOUT)
        try:
            array = None if read is None else read()
        except ShapeAlone:
            self._bytes -= 4 * prod(shape)
            return None
        if isinstance(array, memoryview):  # numbers from a Keras document
            numbers = self.onnx.helper.make_tensor(
                "", self.onnx.TensorProto.FLOAT, array.shape, array.tobytes(), raw=True
            )
            array = self.onnx.numpy_helper.to_array(numbers)
        if array is not None and array.size != prod(shape):
            error = SpecError(f"{name} has the shape {show(array.shape)}, but {show(shape)} is needed")
            raise layer.network.blame(error, layer.node)
        return None if array is None else array.reshape(shape).astype("float32", copy=False)

    def _add(self, name: str, shape: Sequence[int], array: Any) -> None:
        if array is None and prod(shape) == 1:  # a node's array of size 1 would be read as a number, not a weight
            self.graph.initializer.append(self.onnx.helper.make_tensor(name, self.onnx.TensorProto.FLOAT, shape, [0.0]))
            return
        if array is None:
            sizes, rank = self.name(f"{name}.shape"), len(shape)
            self.graph.initializer.append(
                self.onnx.helper.make_tensor(sizes, self.onnx.TensorProto.INT64, [rank], shape)
            )
            self.node("ConstantOfShape", [sizes], name)
            return
        own = self.graph.initializer.add(name=name, dims=shape, data_type=self.onnx.TensorProto.FLOAT)
        own.raw_data = array.astype("<f4", copy=False).tobytes()

    def first_input(self) -> Any:
        """Return the ValueInfoProto of the network's first input."""
        return self._info("input", ["batch" if self.batch is None else self.batch, *self.report.sample])

    def value(self, layer: LayerReport) -> Any:
        """Return the ValueInfoProto of a layer's output, with the batch in place and a map's axes as stored."""
        out, at = layer.traced.out, self.batch_at(layer)
        if self.last and self._first.get(layer.name) == layer.name and layer.name not in self._outputs:
            out = (*out[-1:], *out[:-1])
        return self._info(layer.name, [*out[:at], self.samples(layer), *out[at:]])

    def batch_at(self, layer: LayerReport) -> int:
        """Return the position of the batch in a layer's output: 0 unless it is an output of the network."""
        return layer.traced.fields.batch_at if layer.name in self._outputs else 0

    def samples(self, layer: LayerReport) -> int | str | None:
        """Return the number of samples in a layer's output: `batch` for an open batch, None if unknown."""
        times = known(layer.traced.fields.times)
        if not layer.traced.fields.batched:
            return 1
        if self.batch is None:
            return "batch" if times == 1 else None
        return None if times is None else self.batch * times

    def _info(self, name: str, sizes: Sequence[Size | str | None]) -> Any:
        """Return the ValueInfoProto of a float value, with letters for open sizes."""
        dims = [(None if n.is_unknown else str(n)) if isinstance(n, Open) else n for n in sizes]
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, dims)


def weight_shape(layer: LayerReport, role: str) -> list[int]:
    """Return the shape of one of a layer's arrays. Raise SpecError if it depends on an open size."""
    if layer.values.get("c_i", 0) is None:
        raise inexpressible(layer, "weights of open sizes", IN_NUMBERS)
    return numbers(layer, layer.weight_shapes()[role], "weights")


def numbers(layer: LayerReport, shape: Shape, what: str) -> list[int]:
    """Return a shape's sizes. Raise SpecError if one is open."""
    sizes = [n for n in shape if isinstance(n, int)]
    if len(sizes) < len(shape):
        raise inexpressible(layer, f"{what} of open sizes", IN_NUMBERS)
    return sizes


OnnxWriter = Callable[[OnnxFile, LayerReport], None]


def renamed(layer: LayerReport) -> dict[str, Any]:
    """Return a layer's values as the attributes of its operator."""
    name = ONNX[layer.node.layer.WORD]
    floats = {ours: float(layer.values[ours]) for ours, default in name.defaults.items() if isinstance(default, float)}
    return name.theirs(layer.values | floats)
