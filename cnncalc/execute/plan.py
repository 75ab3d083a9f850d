"""The plan of a network, made once before it runs: which layers are computed as one, while their values are at hand.

A layer that is followed by batch norms, sums with another value and activations, each read by the next alone, becomes
one step: what follows is done in place on each part of its output while that is in the cache. The factors of a batch
norm behind a convolution go into its kernel where that has fewer numbers than the output has. What is added to each
channel goes into the convolution's bias, which most ways to compute it take in for nothing; a grouped one would take
another row of columns for each few that it has.
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
    """How many of these one sample of the input makes: the axes folded into the batch."""

    @property
    def bytes(self) -> int:
        """How many bytes one sample of its result takes."""
        return prod(self.shape) * self.kind.itemsize * self.times

    def maps(self, several: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of what it reads first and of its result, (N, c, *space), for some samples of the input."""
        n, sample, out = several * self.times, sizes_of(self.layer.sample, self.layer.name), self.shape
        if self.task.channels_last:
            sample, out = (*sample[-1:], *sample[:-1]), (*out[-1:], *out[:-1])
        return (n, *sample), (n, *out)

    @property
    def batched(self) -> bool:
        """Return whether its result has a batch: whether it depends on an input."""
        return self.layer.traced.fields.batched

    @property
    def word(self) -> str:
        """Return the word of its op."""
        return self.layer.node.layer.WORD

    def rows(self, n: int) -> int:
        """Return how many samples of its result n samples of the input make."""
        return n * self.times if self.batched else self.times


class Fused(NamedTuple):
    """Layers that are computed as one: the first of them, and those whose functions of each value follow."""

    layers: tuple[int, ...]
    reads: tuple[int, ...]
    """What they read: the inputs of the first, then the other input of each sum."""

    @property
    def at(self) -> int:
        """The layer whose result it is."""
        return self.layers[-1]


def fuse(steps: Sequence[LayerStep], wanted: Sequence[int]) -> list[Fused]:
    """Return the plan of a network: every layer is in one of its steps. The results of the `wanted` layers are made.

    A step stands where its last layer stands, so that all that it reads is there.
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
    """Return the plan that computes each layer by itself."""
    return [Fused((at,), step.layer.node.reads) for at, step in enumerate(steps)]


def _joins(steps: Sequence[LayerStep], at: int, follower: int, others: Sequence[int]) -> bool:
    """Return whether a layer can follow another value by value; `others` are what else it reads."""
    before, step = steps[at], steps[follower]
    alike = all(_alike(one, step) for one in (before, *[steps[other] for other in others if other != INPUT]))
    if not alike or step.kind.kind != "f" or step.kind.itemsize < np.dtype(np.float32).itemsize:
        return False
    if step.word == "add":
        return len(others) == 1 and INPUT not in others and "value" not in step.task.values
    return not others and (step.kernel.each is not None or step.word == "batchnorm")


def _alike(one: LayerStep, other: LayerStep) -> bool:
    """Return whether two results have the same dtype and shape, batch included."""
    return (one.kind, one.shape, one.times, one.batched) == (other.kind, other.shape, other.times, other.batched)


After = Callable[[Array, Place, Array], object]
"""Change a part of an output in place: its values, its place, and the whole of the other value, or of the output."""


class Epilogue(NamedTuple):
    """What follows the first layer of a step, ready to run, and the weights of that layer."""

    weights: Weights
    afters: tuple[tuple[After, int | None], ...]
    """The functions that follow, each with the index of the other value that it takes."""

    def on(self, out: Array, results: Mapping[int, Array], channels_last: bool) -> Then | None:
        """Return the function that does it to a place of this output, None if nothing follows."""
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
    """Return the bytes of the kernel that a run makes of the given one, 0 for none; `several` samples run at once."""
    first = steps[fused.layers[0]]
    other = _folds(fused, steps, several) or _arranges(first, several)
    return first.weights["weight"].nbytes if other else 0


def _folds(fused: Fused, steps: Sequence[LayerStep], several: int) -> bool:
    """Return whether the factors of a batch norm go into the kernel."""
    first, *others = [steps[at] for at in fused.layers]
    if not others or others[0].word != "batchnorm" or first.word not in ("conv", "dwconv"):
        return False
    return first.weights["weight"].size <= several * prod(first.shape)


def _arranges(step: LayerStep, several: int) -> bool:
    """Return whether a kernel is taken in another order in memory."""
    return step.word == "conv" and conv.arranges(step.task, *step.maps(several), summed(step.kind))


def epilogue(fused: Fused, steps: Sequence[LayerStep], several: int) -> Epilogue:
    """Return what follows the first layer of a step; `several` is how many samples are worked on at once."""
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
    """Return by what a batch norm multiplies each channel, and what it adds."""
    return factors(step.weights, step.task.values["eps"])


def _scaled(weight: Array, factor: Array, task: Task, depthwise: bool) -> Array:
    """Return the kernel of a convolution whose output channels are multiplied by these factors."""
    if task.channels_last:  # (*k, c_i, c_o), of a depthwise one (*k, c_i, multiplier)
        own = factor.reshape(weight.shape[-2:]) if depthwise else factor
    else:
        own = factor.reshape(-1, *(1,) * (weight.ndim - 1))
    return np.asarray(weight * own.astype(weight.dtype))


def _affine(factor: Array | None, offset: Array, step: LayerStep) -> After:
    """Return what multiplies each channel and adds to it."""
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
    """Return what an activation does to each value."""
    function = step.kernel.each
    assert function is not None

    def after(values: Array, place: Place, whole: Array) -> None:
        function(values, values, step.task)

    return after
