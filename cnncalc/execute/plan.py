"""The plan of a network, made once before it runs: which layers are computed together, while values are in the cache.

A layer followed by batch norms, sums with another value and activations, each read only by the next, becomes one step:
what follows is done in place on each part of the layer's output while it is in the cache. The factors of a batch norm
after a convolution are folded into the kernel if it has fewer numbers than the output. What is added to each channel
is folded into the convolution's bias, which costs nothing with most ways of computing it, except for grouped ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from ..network import INPUT
from ..report import LayerReport
from .kernels import conv
from .kernels.norm import factors
from .task import Array, Dtype, Kernel, Place, Task, Then, Weights, channels_first, sizes_of, summed
from .threads import BLOCK, blockwise


class LayerStep(NamedTuple):
    """One layer, ready to run."""

    layer: LayerReport
    kernel: Kernel
    task: Task
    weights: Weights
    kind: Dtype
    shape: tuple[int, ...]
    """The shape of one sample of its result."""
    times: int
    """The number of such samples per sample of the input, from axes folded into the batch."""
    names: Mapping[str, str]
    """The name of each of its weights, by role."""

    @property
    def bytes(self) -> int:
        """The bytes of one sample of its result."""
        return prod(self.shape) * self.kind.itemsize * self.times

    def maps(self, several: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes (N, c, *space) of its first input and its result for `several` samples of the input."""
        n, sample, out = several * self.times, sizes_of(self.layer.sample, self.layer.name), self.shape
        if self.task.channels_last:
            sample, out = (*sample[-1:], *sample[:-1]), (*out[-1:], *out[:-1])
        return (n, *sample), (n, *out)

    @property
    def batched(self) -> bool:
        """Whether its result has a batch, as it depends on an input."""
        return self.layer.traced.fields.batched

    @property
    def word(self) -> str:
        """The word of its op."""
        return self.layer.node.layer.WORD

    def rows(self, n: int) -> int:
        """Return the number of samples of its result for n samples of the input."""
        return n * self.times if self.batched else self.times


class Fused(NamedTuple):
    """Layers that are computed together: a first layer, and value-by-value layers that follow it."""

    layers: tuple[int, ...]
    reads: tuple[int, ...]
    """The inputs of the first layer, then the other input of each sum."""

    @property
    def at(self) -> int:
        """The layer whose result this is."""
        return self.layers[-1]


def fuse(steps: Sequence[LayerStep], wanted: Sequence[int]) -> list[Fused]:
    """Return the plan of a network: every layer is in exactly one step, and the results of `wanted` layers are kept.

    A step takes the position of its last layer, so that all its inputs have been computed.
    """
    readers: dict[int, list[int]] = {}
    for at, step in enumerate(steps):
        for read in step.layer.node.reads:
            readers.setdefault(read, []).append(at)
    plan, done = [], set()
    for first, step in enumerate(steps):
        if first in done:
            continue
        layers, reads = [first], [*step.layer.node.reads]
        while layers[-1] not in wanted and len(readers.get(layers[-1], [])) == 1:
            (follower,) = readers[layers[-1]]
            others = [at for at in steps[follower].layer.node.reads if at != layers[-1]]
            if follower in done or not _joins(steps, layers[-1], follower, others):
                break
            layers.append(follower)
            reads += others
        done |= {*layers}
        plan.append(Fused(tuple(layers), tuple(reads)))
    return sorted(plan, key=lambda fused: fused.at)


def unfused(steps: Sequence[LayerStep]) -> list[Fused]:
    """Return the plan that computes each layer separately."""
    return [Fused((at,), step.layer.node.reads) for at, step in enumerate(steps)]


def _joins(steps: Sequence[LayerStep], at: int, follower: int, others: Sequence[int]) -> bool:
    """Return whether a layer can follow another value by value; `others` are its other inputs."""
    before, step = steps[at], steps[follower]
    alike = all(_alike(one, step) for one in (before, *[steps[other] for other in others if other != INPUT]))
    if not alike or step.kind.kind != "f" or step.kind.itemsize < np.dtype(np.float32).itemsize:
        return False
    if step.word == "add":
        return len(others) == 1 and INPUT not in others and "value" not in step.task.values
    return not others and (step.kernel.each is not None or step.word == "batchnorm")


def _alike(one: LayerStep, other: LayerStep) -> bool:
    """Return whether two results have the same dtype and shape, including the batch."""
    return (one.kind, one.shape, one.times, one.batched) == (other.kind, other.shape, other.times, other.batched)


After = Callable[[Array, Place, Array], object]
"""A function that changes part of an output in place: it gets the part, its place, and the whole other value."""


class Epilogue(NamedTuple):
    """What follows the first layer of a step, ready to run, and that layer's weights."""

    weights: Weights
    afters: tuple[tuple[After, int | None], ...]
    """The functions that follow, each with the index of the other value it needs."""

    def on(self, out: Array, results: Mapping[int, Array], channels_last: bool) -> Then | None:
        """Return the function that applies them to a place of this output; None if nothing follows."""
        if not self.afters:
            return None
        turned = channels_first if channels_last and out.ndim > 2 else np.asarray
        whole = turned(out)
        afters = [(after, whole if at is None else turned(results[at])) for after, at in self.afters]

        def do(place: Place) -> None:
            values = whole[place]
            for after, other in afters:
                after(values, place, other)

        def then(place: Place) -> None:
            part = whole[place]
            if part.nbytes <= BLOCK:
                do(place)
                return
            begins = [one.start or 0 for one in place]

            def work(block: Place) -> None:
                do(tuple([slice(b + s.start, b + s.stop) for b, s in zip(begins, block, strict=True)]))

            blockwise(work, part, (1 + len(afters)) * part.itemsize)

        return then


def copied(fused: Fused, steps: Sequence[LayerStep], several: int) -> int:
    """Return the bytes of a kernel copied for a run, 0 without a copy; `several` samples run at once."""
    first = steps[fused.layers[0]]
    other = _folds(fused, steps, several) or _arranges(first, several)
    return first.weights["weight"].nbytes if other else 0


def _folds(fused: Fused, steps: Sequence[LayerStep], several: int) -> bool:
    """Return whether the factors of a batch norm are folded into the kernel."""
    first, *others = [steps[at] for at in fused.layers]
    if not others or others[0].word != "batchnorm" or first.word not in ("conv", "dwconv"):
        return False
    return first.weights["weight"].size <= several * prod(first.shape)


def _arranges(step: LayerStep, several: int) -> bool:
    """Return whether a kernel is rearranged in memory."""
    return step.word == "conv" and conv.arranges(step.task, *step.maps(several), summed(step.kind))


def epilogue(fused: Fused, steps: Sequence[LayerStep], several: int) -> Epilogue:
    """Return what follows the first layer of a step; `several` samples are processed at once."""
    first, *others = [steps[at] for at in fused.layers]
    weights, afters = dict(first.weights), list[tuple[After, int | None]]()
    operands = iter(fused.reads[len(first.layer.node.reads) :])
    if others and first.word in ("conv", "dwconv"):
        factor, offset = None, weights.pop("bias", None)
        if others[0].word == "batchnorm":
            factor, added = _norm(others.pop(0))
            offset = added if offset is None else added + offset * factor
            if _folds(fused, steps, several):
                weights["weight"] = _scaled(weights["weight"], factor, first.task, first.word == "dwconv")
                factor = None
        if offset is not None and factor is None and first.task.values.get("g") == 1:
            weights["bias"] = offset.astype(first.kind)
        elif offset is not None:
            afters.append((_affine(factor, offset, first), None))
    for step in others:
        if step.word == "add":
            afters.append((_add, next(operands)))
        elif step.word == "batchnorm":
            afters.append((_affine(*_norm(step), step), None))
        else:
            afters.append((_each(step), None))
    if _arranges(first, several):
        weights["weight"] = conv.arranged(weights["weight"], first.task)
    return Epilogue(weights, tuple(afters))


def _norm(step: LayerStep) -> tuple[Array, Array]:
    """Return the factor and the offset that a batch norm applies to each channel."""
    return factors(step.weights, step.task.values["eps"])


def _scaled(weight: Array, factor: Array, task: Task, depthwise: bool) -> Array:
    """Return the kernel of a convolution with its output channels multiplied by these factors."""
    if task.channels_last:  # (*k, c_i, c_o), or depthwise (*k, c_i, multiplier)
        own = factor.reshape(weight.shape[-2:]) if depthwise else factor
    else:
        own = factor.reshape(-1, *(1,) * (weight.ndim - 1))
    return np.asarray(weight * own.astype(weight.dtype))


def _affine(factor: Array | None, offset: Array, step: LayerStep) -> After:
    """Return the function that applies a factor and an offset to each channel."""
    each_channel = (-1, *(1,) * (len(step.shape) - 1))
    offset = offset.astype(step.kind).reshape(each_channel)
    factor = None if factor is None else factor.astype(step.kind).reshape(each_channel)

    def after(values: Array, place: Place, whole: Array) -> None:
        if factor is not None:
            np.multiply(values, factor[place[1]], out=values)
        np.add(values, offset[place[1]], out=values)

    return after


def _add(values: Array, place: Place, other: Array) -> None:
    np.add(values, other[place], out=values)


def _each(step: LayerStep) -> After:
    """Return the function that applies an activation to each value."""
    function = step.kernel.each
    assert function is not None

    def after(values: Array, place: Place, whole: Array) -> None:
        function(values, values, step.task)

    return after
