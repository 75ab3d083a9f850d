"""The layers made from calls: how they are added, the constants they read, and axes folded into the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import isinf, prod
from typing import Any

from ....errors import SpecError
from ....sizes import LARGEST
from ...build import Draft, SpecBuilder
from .calls import BatchMixed, Constant, OpaqueCall, Recording, TracedTensor, tree
from .values import BATCH, Axes, Axis, BatchedTensor, Operand, plain, sample_of


class Layers:
    """The layers of a module that is read, in order."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.batch = recording.batch
        self.spec = SpecBuilder()
        self.made: dict[tuple[int, int], BatchedTensor] = {}
        """The value of each result, by the index of its call and its place among the results."""
        self.arrays: dict[Draft, dict[str, Constant]] = {}
        """The arrays of each layer, by role."""
        self.uses: dict[Draft, tuple[str, ...]] = {}
        """The parameters and buffers that are part of a layer's keys."""
        leaves = [leaf for call in recording.calls for leaf in tree([call.args, call.kwargs])]
        made = [leaf.made if isinstance(leaf, Constant) else leaf for leaf in [*leaves, *recording.outputs]]
        self.used = {(one.call, one.place) for one in made if isinstance(one, TracedTensor)}
        """The results that are read or are outputs, by the index of the call and the place among its results."""
        self.loses_one = False
        """Whether a batch of one sample would vanish."""
        self._constants: dict[object, Draft] = {}
        self._folds: dict[tuple[Draft, int], Draft] = {}

    def value_of(self, tensor: TracedTensor) -> BatchedTensor:
        """Return the value of a tensor."""
        return self.made[tensor.call, tensor.place]

    def add(
        self,
        op: str,
        reads: Sequence[Draft],
        keys: Mapping[str, Any] | None = None,
        arrays: Mapping[str, Constant] | None = None,
    ) -> Draft:
        """Add a layer after the others."""
        layer = self.spec.add("", op, reads, keys)
        if arrays:
            self.arrays[layer] = dict(arrays)
            layer.weights = {role: partial(_values, layer, role, array) for role, array in arrays.items()}
        return layer

    def forget(self, layers: Sequence[Draft]) -> None:
        """Remove the last layers again."""
        gone = set(layers)
        del self.spec.layers[len(self.spec.layers) - len(gone) :]
        self._constants = {key: layer for key, layer in self._constants.items() if layer not in gone}
        kept = {key: layer for key, layer in self._folds.items() if layer not in gone and key[0] not in gone}
        self._folds = kept

    # Axes in the batch

    def unfolded(self, x: BatchedTensor) -> BatchedTensor:
        """Return a value with no axes in the batch."""
        return self.folded(x, 0)

    def folded(self, x: BatchedTensor, count: int) -> BatchedTensor:
        """Return a value with `count` of its sample's first axes in the batch."""
        if x.folded == count:
            return x
        op, by = ("tobatch", count - x.folded) if count > x.folded else ("frombatch", x.folded - count)
        signed = count - x.folded
        layer = self._folds.get((x.layer, signed))
        if layer is None:
            layer = self.add(op, [x.layer], {"axes": by})
            self._folds[x.layer, signed] = layer
            self._folds[layer, -signed] = x.layer
        return x._replace(layer=layer, folded=count)

    # Shapes

    def reshaped(self, x: BatchedTensor, axes: Axes) -> BatchedTensor:
        """Return a value reshaped to these axes."""
        x = self.unfolded(x)
        sample, target = x.sample, sample_of(axes)
        if sample == target:
            return x._replace(axes=axes)
        flat = len(target) == 1 and len(sample) > 1
        layer = self.add("flatten" if flat else "reshape", [x.layer], None if flat else {"out": list(target)})
        return x._replace(layer=layer, axes=axes)

    def permuted(self, x: BatchedTensor, order: Sequence[int]) -> BatchedTensor:
        """Return a value with PyTorch's axes reordered; moving the batch does not change the sample."""
        x = self.unfolded(x)
        axes = tuple([x.axes[at] for at in order])
        places = [place for at in order for place in range(x.place(at), x.place(at + 1))]
        if places == sorted(places):
            return x._replace(axes=axes)
        layer = self.add("permute", [x.layer], {"order": [place + 1 for place in places]})
        return x._replace(layer=layer, axes=axes)

    # Constants

    def constant(self, array: Constant, axes: Axes | None = None) -> BatchedTensor:
        """Return a constant as a value, by default with the axes of its shape."""
        axes = plain(array.shape) if axes is None else axes
        sample = sample_of(axes)
        key = (array.identity(), axes)
        layer = self._constants.get(key)
        if layer is None:
            layer = self._add_constant(array, sample)
            self._constants[key] = layer
        return BatchedTensor(layer, axes)

    def alone(self, array: Constant) -> BatchedTensor:
        """Return a constant as a value; an axis as long as the batch counts as the batch."""
        batch = self.batch or 1
        at = next((at for at, n in enumerate(array.shape) if batch > 1 and n and n % batch == 0), None)
        if at is None:
            return self.constant(array)
        rest = array.shape[at] // batch
        return self.constant(*self.without_batch(array, at, (BATCH,) if rest == 1 else (BATCH, rest)))

    def _add_constant(self, array: Constant, sample: tuple[int, ...]) -> Draft:
        keys: dict[str, Any] = {"shape": list(sample)}
        if not array.of:
            number = uniform(array)
            if number is not None:
                return self.add("constant", [], {**keys, "value": number, "kind": "constant"})
        trained = any(name in self.recording.trained for name in array.of)
        kept = any(name in self.recording.kept for name in array.of)
        kind = "parameter" if trained else "buffer" if kept else "constant"
        read = array.read if array.shape == sample else partial(_shaped, array, sample)
        own = array._replace(shape=sample, read=read)
        layer = self.add("constant", [], {**keys, "kind": kind}, {"weight": own})
        if array.name is not None:
            layer.name = array.name
        return layer

    def number(self, value: float) -> BatchedTensor:
        """Return a number as a constant; infinity becomes the largest number of a spec.

        Raise OpaqueCall if too large.
        """
        held = min(max(value, -LARGEST), LARGEST)
        if held != value and not isinf(value):
            raise OpaqueCall
        layer = self._constants.get(held)
        if layer is None:
            layer = self.add("constant", [], {"shape": [], "value": held, "kind": "constant"})
            self._constants[held] = layer
        return BatchedTensor(layer, ())

    def without_batch(self, array: Constant, at: int, axis: Axis) -> tuple[Constant, Axes]:
        """Return a constant of which one axis meets a batch, without that axis, and its axes with the batch.

        Raise BatchMixed if it differs from sample to sample.
        """
        n, sizes = array.shape[at], [size for size in axis if size != BATCH]
        others = array.shape[:at], array.shape[at + 1 :]
        if n == 1:
            if axis == (BATCH,):
                shape = (*others[0], *others[1])
                axes = (*plain(others[0]), (BATCH,), *plain(others[1]))
            else:
                axis = tuple([size if size == BATCH else 1 for size in axis])
                shape = (*others[0], *[1] * len(sizes), *others[1])
                axes = (*plain(others[0]), axis, *plain(others[1]))
            return array._replace(shape=shape, read=partial(_shaped, array, shape), key=(array.identity(), shape)), axes
        batch = self.batch or 1
        if n != prod(sizes) * batch:
            raise BatchMixed
        whole = [batch if size == BATCH else size for size in axis]
        read = partial(_first_of, array, (*others[0], *whole, *others[1]), at + axis.index(BATCH))
        if batch > 1 and read() is None:
            raise BatchMixed
        shape = (*others[0], *sizes, *others[1])
        axes = (*plain(others[0]), axis, *plain(others[1]))
        own = array._replace(shape=shape, read=read, name=None, key=(array.identity(), shape, "first"))
        return own, axes

    # Values that meet

    def meeting(self, operands: Sequence[Operand]) -> tuple[list[BatchedTensor], int | None, Axis]:
        """Return operands as values whose samples broadcast like the tensors.

        Also return the position of the batch, counted from the end, and its axis. Raise BatchMixed if positions differ.
        """
        values = [self.unfolded(one) if isinstance(one, BatchedTensor) else one for one in operands]
        held = set()
        for one in values:
            if isinstance(one, BatchedTensor) and one.batch_at is not None:
                held.add((len(one.axes) - one.batch_at, one.axes[one.batch_at]))
        if len(held) > 1:
            raise BatchMixed
        back, axis = next(iter(held), (None, ()))
        return [self._aligned(one, back, axis) for one in values], back, axis

    def _aligned(self, one: Any, back: int | None, axis: Axis) -> BatchedTensor:
        """Return an operand with its sample's axes aligned from the batch on."""
        if isinstance(one, BatchedTensor):
            if one.batch_at is not None or back is None or len(one.axes) < back:
                return one
            at = len(one.axes) - back
            if one.axes[at] != (1,):
                raise BatchMixed
            ones: Axis = tuple([size if size == BATCH else 1 for size in axis])
            return self.reshaped(one, (*one.axes[:at], ones, *one.axes[at + 1 :]))
        if not isinstance(one, Constant):
            return self.number(one)
        if back is None or len(one.shape) < back:
            return self.constant(one)
        own, axes = self.without_batch(one, len(one.shape) - back, axis)
        return self.constant(own, axes)


def uniform(array: Constant) -> float | None:
    """Return the number that all values of an array equal; None if they differ or are unknown."""
    values = array.read()
    if values is None or not values.size:
        return None
    first = values.reshape(-1)[0]
    number = float(first)
    return number if abs(number) <= LARGEST and (values == first).all() else None


def _shaped(array: Constant, shape: tuple[int, ...]) -> Any:
    values = array.read()
    return None if values is None else values.reshape(shape)


def _first_of(array: Constant, shape: tuple[int, ...], at: int) -> Any:
    """Return the values of the first sample; None if they are unknown or other samples differ."""
    values = array.read()
    if values is None:
        return None
    whole = values.reshape(shape)
    first = whole.take(0, axis=at)
    return first if (whole == first.reshape((*shape[:at], 1, *shape[at + 1 :]))).all() else None


def _values(layer: Draft, role: str, array: Constant) -> Any:
    """Return a weight's values. Raise SpecError if it has none."""
    values = array.read()
    if values is None:
        what = f"{layer.name}.{role} has no values: it is on PyTorch's meta device"
        raise SpecError(what, "create the module with values")
    return values
