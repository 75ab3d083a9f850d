"""Constants of an ONNX file: their shapes, their numbers if few, and functions that read the rest."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from math import prod
from typing import Any

from ....errors import ShapeAlone, SpecError, shown
from ....limits import MOST_COMPARED, MOST_READ
from ....sizes import LARGEST, Open, Size, known

BFLOAT16 = 16
FLOATS = {1, 10, 11, BFLOAT16}
"""TensorProto.DataType: float, float16, double, bfloat16."""
FLOAT, INT64, BOOL = 1, 7, 9
INTEGERS = {2, 3, 4, 5, 6, 7, 9, 12, 13}
FORMATS = {
    1: ("f4", "f"),
    10: ("f2", "e"),
    11: ("f8", "d"),
    9: ("?", "?"),
    3: ("i1", "b"),
    5: ("i2", "h"),
    6: ("i4", "i"),
    7: ("i8", "q"),
    2: ("u1", "B"),
    4: ("u2", "H"),
    12: ("u4", "I"),
    13: ("u8", "Q"),
}
"""TensorProto.DataType: the numbers of raw data as a dtype of NumPy and as a format of `struct`, without byte order."""
PACKED = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}
"""TensorProto.DataType: the bits of numbers of which a byte holds several."""
TYPED = {1: "float_data", 6: "int32_data", 7: "int64_data", 11: "double_data"}
"""TensorProto.DataType: the field that holds the numbers themselves if there are no raw data."""
INITIALIZER = "initializer"
"""The `origin` of constants that count as parameters."""
FOLDED = "folded"
"""The `origin` of numbers that are computed here, which may be open sizes."""

Number = Size | float
ArrayReader = Callable[[], Any]
Values = list[Number] | Callable[[], list[Number] | None] | None
"""Flat numbers, a function that returns them, or None."""


def package() -> Any:
    """Return the onnx package. Raise SpecError if it is not installed."""
    try:
        import onnx
        import onnx.numpy_helper
    except ModuleNotFoundError:
        raise SpecError("an ONNX file needs the onnx package", "pip install 'cnncalc[onnx]'") from None
    return onnx


def messages() -> Any:
    """Return a module with onnx's protobuf messages. Raise SpecError if onnx is not installed."""
    return package() if "onnx" in sys.modules else _messages_alone()


@cache
def _messages_alone() -> Any:
    """Return the module of the messages without the package, which takes four times as long to import.

    Protobuf has one class for each message, so the package has the same classes.
    """
    spec = find_spec("onnx")
    if spec is None or not spec.submodule_search_locations:
        return package()
    alone = spec_from_file_location("onnx_messages", os.path.join(spec.submodule_search_locations[0], "onnx_ml_pb2.py"))
    assert alone is not None
    assert alone.loader is not None
    module = module_from_spec(alone)
    try:
        alone.loader.exec_module(module)
    except (ModuleNotFoundError, FileNotFoundError):
        return package()
    return module


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, printable."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(c if c.isprintable() else "?" for c in lines[0])[:160]


def words(value: str | bytes) -> str:
    """Return a text of a file, which protobuf returns as bytes if it is not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


LONGEST_KEY = 400
"""The most characters of a key; longer ones are hashed."""


class Const:
    """A value that does not depend on the input: its shape, its numbers if few, and how they are read."""

    __slots__ = (
        "_is_open",
        "_roots",
        "_values",
        "cost",
        "filled",
        "key",
        "kind",
        "of",
        "origin",
        "own",
        "read",
        "shape",
        "uniform",
    )

    def __init__(
        self,
        shape: Sequence[int],
        kind: str,
        read: ArrayReader,
        values: Values = None,
        *,
        origin: str = "",
        key: str | None = None,
        uniform: Callable[[], bool] = lambda: False,
        roots: Mapping[str, int] | None = None,
        cost: int = 0,
    ):
        self.shape, self.kind, self.read, self.origin, self.key = tuple(shape), kind, read, origin, key
        """`kind` is float, int or other; `origin` is INITIALIZER or another source; `key` identifies the constant."""
        self.uniform = uniform
        """The function that returns whether it repeats one number, as in untrained norms."""
        self._values, self._roots = values, roots
        self._is_open: bool | None = None
        self.cost = cost + prod(self.shape)
        """The numbers that are computed when it is read: its own, and those of the constants it is made of."""
        self.of: Const | None = None
        """The constant that this one is a reshape of."""
        self.filled = False
        """Whether a node fills it with one number: it is a weight where a layer reads it, but not in computations."""
        self.own = False
        """Whether its name is that of one parameter, even if it repeats one number."""

    @property
    def roots(self) -> Mapping[str, int]:
        """The sizes of the trained arrays that it is made of, by key; by default its own."""
        if self._roots is None:
            return {self.key: self.size} if self.trained and self.key else {}
        return self._roots

    @property
    def values(self) -> list[Number] | None:
        """Its flat numbers; None if there are many or they are missing."""
        if callable(self._values):
            self._values = self._values()
        return self._values

    @property
    def is_open(self) -> bool:
        """Whether some of its numbers are open sizes, as only computed ones can be."""
        if self._is_open is None:
            self._is_open = self.origin == FOLDED and any(isinstance(n, Open) for n in self.values or ())
        return self._is_open

    @property
    def size(self) -> int:
        """The number of its values."""
        return prod(self.shape)

    @property
    def trained(self) -> bool:
        """Whether its values count as parameters, as those of a float initializer do."""
        return self.kind == "float" and self.origin == INITIALIZER

    @property
    def is_merged(self) -> bool:
        """Whether it may stand for several equal parameters, which exporters merge if they repeat one number."""
        return not self.own and self.uniform()

    @property
    def varies(self) -> bool:
        """Whether it is known to be one parameter; the file may have only an array's shape."""
        return not self.is_merged and (self.values is not None or self.size > MOST_READ)

    @property
    def params(self) -> int:
        """The number of its values that are parameters."""
        return self.size if self.trained else 0

    def repeats(self, number: float) -> bool:
        """Return whether it is known to hold this number only."""
        if self.values is not None:
            return set(self.values) == {number}
        return self.uniform() and bool(self.read().flat[0] == number)

    def scalar(self) -> float | int | None:
        """Return its single number; None if it holds several or is unknown."""
        values = self.values if self.size == 1 else None
        return values[0] if values and isinstance(values[0], (int, float)) else None

    def aligned(self, rank: int) -> tuple[int, ...]:
        """Return its shape with leading axes of size 1, up to this rank."""
        return (1,) * (rank - len(self.shape)) + self.shape

    def derived(
        self, shape: Sequence[int], change: Callable[[Any], Any], key: str | None = None, values: Values = None
    ) -> Const:
        """Return a constant whose array is a function of this one's."""
        whole = self.key and key and _shortened(f"{self.key} {key}")

        def read() -> Any:
            return change(self.read())

        def few() -> list[Number] | None:
            try:
                return of_array(read(), self.origin).values if prod(shape) <= MOST_READ else None
            except SpecError:
                return None

        made = Const(
            shape,
            self.kind,
            read,
            values or few,
            origin=self.origin,
            key=whole,
            uniform=self.uniform,
            roots=self.roots,
            cost=self.cost,
        )
        made.filled, made.own = self.filled, self.own
        return made

    def reshaped(self, shape: Sequence[int]) -> Const:
        """Return the same numbers in another shape."""
        first = self.of or self  # so that long chains are read in one step
        made = first.derived(shape, lambda a: a.reshape(shape), f"as {shape}", lambda: first.values)
        made.of = first
        return made

    def once(self, axis: int) -> Const | None:
        """Return one unit of an axis along which all are equal; None if they differ or are unknown."""
        try:
            array = self.read()
        except SpecError:  # the file has only the shape
            return None
        one = (slice(None),) * axis + (slice(0, 1),)
        if not (array == array[one]).all():
            return None
        shape = (*self.shape[:axis], 1, *self.shape[axis + 1 :])
        return self.derived(shape, lambda a: a[one], f"once along {axis}")


def _shortened(key: str) -> str:
    """Return an identifying key that stays short even for an array changed many times."""
    if len(key) <= LONGEST_KEY:
        return key
    from hashlib import sha256

    return sha256(key.encode(errors="surrogateescape")).hexdigest()


def of_values(values: Sequence[Number], kind: str, shape: Sequence[int] | None = None) -> Const:
    """Return a constant of computed numbers, which by default has one axis."""
    sizes = [len(values)] if shape is None else shape

    def read() -> Any:
        onnx = package()
        if not all(isinstance(v, (int, float)) for v in values):
            raise SpecError("a weight depends on an open size")
        if kind != "float" and any(isinstance(v, int) and not -(2**63) <= v < 2**63 for v in values):
            raise SpecError("a number that is computed from sizes does not fit in 64 bits")
        data_type = onnx.TensorProto.FLOAT if kind == "float" else onnx.TensorProto.INT64
        return onnx.numpy_helper.to_array(onnx.helper.make_tensor("", data_type, sizes, values))

    return Const(sizes, kind, read, list(values), origin=FOLDED)


def of_array(array: Any, origin: str, key: str | None = None, roots: Mapping[str, int] | None = None) -> Const:
    """Return a NumPy array as a constant made of the trained arrays `roots`."""
    kind = {"f": "float", "i": "int", "u": "int", "b": "int"}.get(array.dtype.kind, "other")

    def values() -> list[Number] | None:
        if array.size > MOST_READ or kind == "other":
            return None
        return [int(v) if kind == "int" else v for v in array.flatten().tolist()]

    def uniform() -> bool:
        return bool(array.size) and array.size <= MOST_COMPARED and bool((array == array.flat[0]).all())

    return Const(array.shape, kind, lambda: array, values, origin=origin, key=key, uniform=uniform, roots=roots)


def of_tensor(tensor: Any, origin: str, folder: str | None, key: str | None = None) -> Const:
    """Return a TensorProto as a constant, without reading its data yet. Raise SpecError for impossible sizes."""
    shape = tuple(tensor.dims)
    if len(shape) > 32 or any(not 0 <= n <= LARGEST for n in shape):
        raise SpecError(f"the constant {shown(words(tensor.name))} has the shape {shown(list(shape))}")
    kind = "float" if tensor.data_type in FLOATS else "int" if tensor.data_type in INTEGERS else "other"

    def read() -> Any:
        raw = _raw(tensor, shape)
        if raw is not None:
            import numpy as np

            return np.frombuffer(raw, f"<{FORMATS[tensor.data_type][0]}").reshape(shape)
        try:
            array = package().numpy_helper.to_array(_of_its_size(tensor), folder or "")
            return array.astype("float32") if tensor.data_type == BFLOAT16 else array
        except Exception as error:  # noqa: BLE001 - whatever NumPy and onnx raise for data that do not fit
            if not has_data(tensor):  # accessing the data would copy them
                raise ShapeAlone(f"the file has only the shape of {shown(words(tensor.name))}, not its data") from None
            raise SpecError(f"the data of {shown(words(tensor.name))} cannot be read: {first_line(error)}") from None

    def values() -> list[Number] | None:
        if prod(shape) > MOST_READ or kind == "other" or not has_data(tensor):
            return None
        try:
            return [int(v) if kind == "int" else v for v in _numbers(tensor, shape) or read().flatten().tolist()]
        except SpecError:
            return None

    return Const(shape, kind, read, values, origin=origin, key=key, uniform=cache(lambda: _is_uniform(tensor)))


def _raw(tensor: Any, shape: tuple[int, ...]) -> bytes | None:
    """Return a tensor's raw data, in the file itself, of a simple format and of the right length; None otherwise."""
    if tensor.data_type not in FORMATS or tensor.data_location or not tensor.HasField("raw_data"):
        return None
    raw: bytes = tensor.raw_data
    return raw if raw and len(raw) == prod(shape) * struct.calcsize(f"<{FORMATS[tensor.data_type][1]}") else None


def _numbers(tensor: Any, shape: tuple[int, ...]) -> Sequence[int | float] | None:
    """Return a tensor's numbers without NumPy, if they are stored in a simple form."""
    raw = _raw(tensor, shape)
    if raw is not None:
        return struct.unpack(f"<{prod(shape)}{FORMATS[tensor.data_type][1]}", raw)
    if tensor.data_type not in TYPED or tensor.data_location or tensor.HasField("raw_data"):
        return None
    typed = getattr(tensor, TYPED[tensor.data_type])
    return list(typed) if len(typed) == prod(shape) else None


def _of_its_size(tensor: Any) -> Any:
    """Return a tensor with the length of its external data set, as onnx would read to the end of the file.

    Only the keys that are used stay: onnx repeats unknown ones in a warning.
    """
    if not tensor.data_location:
        return tensor
    helper, own = package().helper, type(tensor)()
    own.CopyFrom(tensor)
    given = {words(entry.key): words(entry.value) for entry in own.external_data if entry.key in ("location", "offset")}
    bits = PACKED.get(own.data_type) or 8 * helper.tensor_dtype_to_np_dtype(own.data_type).itemsize
    given["length"] = str(-(-prod(own.dims) * bits // 8))
    del own.external_data[:]
    for key, value in given.items():
        own.external_data.add(key=key, value=value)
    return own


_FIELDS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")


def has_data(tensor: Any) -> bool:
    """Return whether a tensor has data, not only a shape."""
    return bool(tensor.data_location) or 0 in tensor.dims or any(len(getattr(tensor, field)) for field in _FIELDS)


def _is_uniform(tensor: Any) -> bool:
    """Return whether a tensor repeats one number; 0 and -0 count as equal, as after multiplying by 0."""
    size, raw = prod(tensor.dims), tensor.raw_data
    if raw and size and len(raw) % size == 0:
        each = len(raw) // size
        if not raw.strip(b"\x00\x80") and tensor.data_type not in INTEGERS:
            return not any(raw[byte::each].strip(b"\x00") for byte in range(each - 1))
        return bool(raw[: 64 * each] == raw[:each] * min(size, 64) and raw == raw[:each] * size)
    data = tensor.float_data
    return bool(data) and all(v == data[0] for v in data)


def shortest(value: float) -> float:
    """Return the shortest decimal that equals the float32: 0.2 for 0.20000000298."""
    return float(f"{value:.7g}") if abs(value) < 1e38 else value


Inputs = Sequence[Const | None]
"""A node's inputs: None for one that is left out or is not a constant, and after the last."""


def numbers(const: Const | None) -> list[int] | None:
    """Return a constant's integers; None if one of them is open or not an integer."""
    values = None if const is None else const.values
    if values is None:
        return None
    whole = [n for v in values if isinstance(v, (int, Open)) and (n := known(v)) is not None]
    return whole if len(whole) == len(values) else None


def broadcast(*shapes: Sequence[Size]) -> tuple[Size, ...] | None:
    """Return the shape that these broadcast to; None if they do not broadcast."""
    rank = max(map(len, shapes), default=0)
    out: list[Size] = []
    for at in range(-rank, 0):
        wide = [shape[at] for shape in shapes if len(shape) >= -at and shape[at] != 1]
        fixed = {n for n in wide if isinstance(n, int)}
        if len(fixed) > 1:
            return None
        out.append(next(iter([*fixed, *wide]), 1))
    return tuple(out)
