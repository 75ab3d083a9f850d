"""An ONNX graph as it is written: nodes, weights and constants, in the network's own order of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ....errors import SpecError
from ....layers.names import ONNX
from ....network import INPUT
from ....report import LayerReport, Report
from ....sizes import Shape, Size, show
from ....wiring import unused_name
from ..read.const import package

OPSET = 22
"""The first operator set whose ceil leaves out a window that would begin in the padding, as every dialect here does."""
IR_VERSION = 10
MOST_BYTES = 2**31 - 1
"""What protobuf can hold."""
UNTOUCHED: Callable[[Any], Any] = lambda array: array  # noqa: E731 - a default that says what it does


def unsaid(layer: LayerReport, what: str, help: str | None = None) -> SpecError:
    """The error of a layer that ONNX cannot say."""
    error = SpecError(f"ONNX cannot express {what}", help)
    error.layer = layer.node.label()
    return error


class OnnxFile:
    """The graph of a network, as it grows."""

    def __init__(self, report: Report, batch: int | None):
        self.onnx = package()
        self.report, self.batch = report, batch
        self.nodes: list[Any] = []
        self.initialisers: list[Any] = []
        self.last = report.network.layout == "NHWC"
        origin = report.network.origin
        self._given = origin.weights if origin is not None else {}
        self._weights: dict[str, str] = {}
        """What each weight is called in the file: as here, but where a layer has that name."""
        self._bytes = 0
        self._taken = {layer.name for layer in report.layers} | {"input"}

    def name(self, wanted: str) -> str:
        """A name for what no layer makes."""
        name = unused_name(wanted, self._taken)
        self._taken.add(name)
        return name

    def reads(self, layer: LayerReport) -> list[str]:
        """The values that a layer reads."""
        return ["input" if at == INPUT else self.report.layers[at].name for at in layer.node.reads]

    def node(self, op: str, reads: Sequence[str], makes: str, called: str | None = None, **attributes: Any) -> str:
        """One more node, and the name of what it makes, by which it is called unless it says otherwise."""
        kept = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(self.onnx.helper.make_node(op, list(reads), [makes], name=called or makes, **kept))
        return makes

    def step(self, layer: LayerReport, part: str, op: str, reads: Sequence[str], **attributes: Any) -> str:
        """A node on the way to what a layer makes."""
        return self.node(op, reads, self.name(f"{layer.name}.{part}"), **attributes)

    def constant(
        self, layer: LayerReport, part: str, values: Sequence[float], *, whole: bool, shape: Any = None
    ) -> str:
        """Numbers that are not weights, in a Constant node; in a row unless a shape is given."""
        kind = self.onnx.TensorProto.INT64 if whole else self.onnx.TensorProto.FLOAT
        made = self.name(f"{layer.name}.{part}")
        sizes = [len(values)] if shape is None else list(shape)
        tensor = self.onnx.helper.make_tensor(made, kind, sizes, list(values))
        return self.node("Constant", [], made, value=tensor)

    def whole(self, layer: LayerReport, part: str, values: Sequence[int]) -> str:
        """Whole numbers, as shapes and axes are."""
        return self.constant(layer, part, values, whole=True)

    def weight(
        self, layer: LayerReport, role: str, shape: Sequence[int], change: Callable[[Any], Any] = UNTOUCHED
    ) -> str:
        """A layer's weight in ONNX's order of axes: the array that is given, or zeros, made by a node."""
        node = layer.node
        owner = node.name if node.tie is None else layer.nodes[node.tie].name
        name = f"{owner}.{role}"
        if name not in self._weights:
            self._weights[name] = self.name(name)
            array = self._array(layer, name, weight_shape(layer, role))
            self._add(self._weights[name], shape, None if array is None else change(array).reshape(shape))
        return self._weights[name]

    def _array(self, layer: LayerReport, name: str, shape: Sequence[int]) -> Any:
        """The array that is given, None if there is none. SpecError if it has another number of values."""
        read = self._given.get(name)
        try:
            array = None if read is None else read()
        except SpecError:  # a file that has only its shape
            return None
        if array is not None and array.size != prod(shape):
            error = SpecError(f"{name} has the shape {show(array.shape)}, but {show(shape)} is needed")
            error.layer = layer.node.label()
            raise error
        return None if array is None else array.reshape(shape).astype("float32")

    def _add(self, name: str, shape: Sequence[int], array: Any) -> None:
        if array is None:
            sizes = self.onnx.helper.make_tensor(
                self.name(f"{name}.shape"), self.onnx.TensorProto.INT64, [len(shape)], shape
            )
            self.initialisers.append(sizes)
            self.node("ConstantOfShape", [sizes.name], name)
            return
        self._bytes += 4 * prod(shape)
        if self._bytes > MOST_BYTES:
            raise SpecError("the weights are more than 2 GiB, the most an ONNX file can hold", "leave -w out")
        self.initialisers.append(self.onnx.numpy_helper.from_array(array, name))

    def value(self, name: str, sample: Shape) -> Any:
        """A float value's name and shape, open sizes by their letters."""
        front: list[Size | str] = ["batch" if self.batch is None else self.batch]
        dims = [n if isinstance(n, (int, str)) else str(n) if n.letter is not None else None for n in (*front, *sample)]
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, dims)


def weight_shape(layer: LayerReport, role: str) -> list[int]:
    """The shape of one of a layer's arrays. SpecError if an open size decides it."""
    if layer.values.get("c_i", 0) is None:
        raise unsaid(layer, "weights of open sizes", "give the input in numbers: -i 3x224x224")
    return numbers(layer, layer.weight_shapes()[role], "weights")


def numbers(layer: LayerReport, shape: Shape, what: str) -> list[int]:
    """A shape's sizes. SpecError if one is open."""
    sizes = [n for n in shape if isinstance(n, int)]
    if len(sizes) < len(shape):
        raise unsaid(layer, f"{what} of open sizes", "give the input in numbers: -i 3x224x224")
    return sizes


OnnxWriter = Callable[[OnnxFile, LayerReport], None]


def renamed(layer: LayerReport) -> dict[str, Any]:
    """A layer's values as the attributes of its operator."""
    name = ONNX[layer.node.layer.WORD]
    floats = {ours: float(layer.values[ours]) for ours, default in name.defaults.items() if isinstance(default, float)}
    return name.theirs(layer.values | floats)
