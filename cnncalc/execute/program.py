"""A traced network ready to run: the kernel of each layer, and the buffer that holds its result while it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np

from ..errors import CnncalcError, SpecError
from ..network import INPUT
from ..registry import Registry
from ..report import LayerReport, Report
from ..sizes import known
from . import plan
from .kernels import (
    activation,
    affine,
    arrange,
    border,
    composite,
    conv,
    dense,
    join,
    norm,
    patches,
    pool,
    product,
    recurrent,
    reduce,
    resample,
    select,
    unary,
)
from .plan import LayerStep
from .task import Array, Dtype, Kernel, Task, channels_first, sizes_of, summed
from .threads import hold
from .weights import needed_by

KERNELS: Registry[str, Kernel] = Registry(
    *(conv.KERNELS, pool.KERNELS, activation.KERNELS, norm.KERNELS, affine.KERNELS, select.KERNELS),
    *(resample.KERNELS, border.KERNELS, dense.KERNELS, join.KERNELS, composite.KERNELS),
    *(reduce.KERNELS, unary.KERNELS),
    *(product.KERNELS, recurrent.KERNELS),
    *(arrange.KERNELS, patches.KERNELS),
)
"""The kernel of each op, by its word without a number of axes."""

MEMORY = 256 << 20
"""The default for the bytes of working memory that a run may take besides input, output and weights."""
LEAST_SCRATCH, MOST_SCRATCH = 256 << 10, 96 << 20
"""The least and the most bytes of that memory that one kernel may take."""
MOST_AT_ONCE = 64 << 20
"""The most bytes of input and output that are processed at once, so that finished pages can be freed."""
Progress = Callable[[int], object]
"""A function that is called after each layer with the number of samples computed."""


def check_runnable(layer: LayerReport) -> None:
    """Raise SpecError for a layer that cannot be run."""
    if layer.node.layer.WORD not in KERNELS:
        what = layer.values.get("type")
        text = f"it is of type {what}: what it computes is unknown" if what else f"{layer.op} cannot be run"
        raise SpecError(text, "run the layers before and after it separately").at(layer.node.label())


class Program:
    """A network and its weights, for samples of one shape and dtype. Not safe for several threads at once."""

    def __init__(
        self,
        report: Report,
        kind: Dtype,
        weights: Mapping[str, Array],
        wanted: Sequence[int],
        memory: int = MEMORY,
        kinds: Mapping[str, Dtype] | None = None,
        fuse: bool = False,
    ):
        """`wanted` are the layers whose results are wanted, `kinds` are the dtypes of further inputs by name.

        With `fuse`, layers are computed together where that is faster.

        Raise SpecError if a layer cannot be run.
        """
        self.kind, self._kinds = kind, kinds or {}
        self.sample = sizes_of(report.sample, "the input")
        self.results = tuple(dict.fromkeys(wanted))
        self.scratch = min(max(memory // 2, LEAST_SCRATCH), MOST_SCRATCH)
        self.memory = memory
        self.steps: list[LayerStep] = []
        for layer in report.layers:
            self.steps.append(self._step(layer, self.steps, weights))
        self.plan = plan.fuse(self.steps, self.results) if fuse else plan.unfused(self.steps)
        self._epilogues: list[plan.Epilogue] = []
        """What follows the first layer of each step of the plan; made at the first run."""
        self._slots: list[int] = []
        """The bytes per sample of each shared buffer."""
        self._slot_of: dict[int, int] = {}
        """The shared buffer of each layer whose result is in one."""
        self._buffers: list[Array] = []
        self._working_memory: dict[str, Array] = {}
        self._needs: dict[int, int] = {}
        """The working memory of a run, by the number of samples at once."""
        self._held: dict[tuple[int, int], Array] = {}
        """The part of a shared buffer that holds a layer's result, by layer and number of samples."""
        self._place_results()
        self.each_sample = sum(self._slots)
        """The bytes of the shared buffers per sample."""

    def _place_results(self) -> None:
        """Assign each step's result a buffer that is free again, or a new one; wanted results have their own."""
        last_read = {at: turn for turn, fused in enumerate(self.plan) for at in fused.reads}
        free: set[int] = set()
        for turn, fused in enumerate(self.plan):
            over = [at for at in fused.reads if last_read[at] == turn and at in self._slot_of]
            if fused.at not in self.results:
                slot = self._slot_for(fused, over, free)
                self._slots[slot] = max(self._slots[slot], self.steps[fused.at].bytes)
                free.discard(slot)
                self._slot_of[fused.at] = slot
                if fused.at not in last_read:
                    free.add(slot)
            free |= {self._slot_of[at] for at in over} - {self._slot_of.get(fused.at)}

    def _slot_for(self, fused: plan.Fused, over: list[int], free: set[int]) -> int:
        """Return the buffer of its first input if it may work in place, or else the best free one, or else a new one.

        A step that reads its first input twice must not work in place: the second time it would read its own result.
        """
        step, kernel = self.steps[fused.at], self.steps[fused.layers[0]].kernel
        first, *others = fused.reads or (INPUT,)
        alone = first in over and first not in others and self.steps[first].batched == step.batched
        if kernel.in_place and alone and self.steps[first].bytes == step.bytes:
            return self._slot_of[first]
        fitting = [slot for slot in free if self._slots[slot] >= step.bytes]
        if free:
            return min(fitting, key=self._slots.__getitem__) if fitting else max(free, key=self._slots.__getitem__)
        self._slots.append(0)
        return len(self._slots) - 1

    def _step(self, layer: LayerReport, steps: list[LayerStep], weights: Mapping[str, Array]) -> LayerStep:
        kernel = KERNELS[layer.node.layer.WORD]
        names = {want.role: want.name for want in needed_by(layer)}
        own = {role: weights[name] for role, name in names.items()}
        kinds = [self.kind if at == INPUT else steps[at].kind for at in layer.node.reads]
        kinds = kinds or ([] if own else [self._kinds.get(layer.name, self.kind)])
        task = Task(layer.values, layer.env.dialect, layer.env.channels_last, self.scratch, layer.traced.axes)
        kind = kernel.dtype([*kinds, *[array.dtype for array in own.values()]], layer.values)
        times = known(layer.times)
        if times is None:
            raise SpecError("axes of an open size are folded into the batch", "give numbers").at(layer.node.label())
        return LayerStep(layer, kernel, task, own, kind, sizes_of(layer.traced.out, layer.name), times, names)

    def take(self, weights: Mapping[str, Array]) -> None:
        """Replace the weights by arrays of the same names, shapes and dtypes, before anything has run."""
        own = [{role: weights[name] for role, name in step.names.items()} for step in self.steps]
        self.steps = [step._replace(weights=arrays) for step, arrays in zip(self.steps, own, strict=True)]

    def working(self, count: int) -> int:
        """Return the most bytes of working memory that a run of `count` samples takes."""
        several = min(self.at_once, count)
        if several not in self._needs:
            self._needs[several] = self._needed(several)
        return self._needs[several]

    def _needed(self, several: int) -> int:
        needs = [self._working(step, several) for step in self.steps]
        copied = sum([plan.copied(fused, self.steps, self.at_once) for fused in self.plan])
        return self.each_sample * several + copied + max(*needs, min(sum(needs), self.scratch))

    def _working(self, step: LayerStep, several: int) -> int:
        """Return the most bytes that a kernel takes besides its input, output and weights."""
        sample, out = step.maps(several)
        if step.kernel.working is not None:
            return step.kernel.working(step.task, sample, out, summed(step.kind))
        given = sum(array.size for array in step.weights.values())
        cells = prod(step.layer.values["k"]) if "k" in step.layer.values else 1
        return min(8 * (prod(sample) * (cells + 2) + 4 * prod(out) + 4 * given), self.scratch)

    @cached_property
    def at_once(self) -> int:
        """The number of samples that are processed at once, at least one."""
        handled = prod(self.sample) * self.kind.itemsize + sum(self.steps[at].bytes for at in self.results)
        room = (self.memory - self.scratch) // max(self.each_sample, 1)
        return max(min(room, MOST_AT_ONCE // handled), 1)

    def run(
        self,
        x: Array,
        targets: Mapping[int, Array],
        progress: Progress | None = None,
        others: Mapping[str, Array] | None = None,
    ) -> None:
        """Fill the targets, (n*times, *sample) each, from x (n, *sample), with n at most `at_once`.

        `others` has the network's other inputs by name, (n, *sample) each.
        """
        n = len(x)
        hold(self.scratch, self._working_memory)
        if not self._buffers:
            self._buffers = [np.empty(size * self.at_once, np.uint8) for size in self._slots]
        if not self._epilogues:
            self._epilogues = [plan.epilogue(fused, self.steps, self.at_once) for fused in self.plan]
        results: dict[int, Array] = {INPUT: x}
        with np.errstate(all="ignore"):  # NaN and infinity pass through, as in every framework
            for fused, epilogue in zip(self.plan, self._epilogues, strict=True):
                out = targets.get(fused.at)
                results[fused.at] = self._result(fused.at, n) if out is None else out
                self._compute(fused, epilogue, results, others or {})
                if progress is not None:
                    progress(n * len(fused.layers))

    def _result(self, at: int, n: int) -> Array:
        """Return the part of a shared buffer that holds a layer's result for n samples."""
        if (at, n) not in self._held:
            step = self.steps[at]
            rows = step.rows(n)
            held = self._buffers[self._slot_of[at]][: rows * step.bytes // step.times]
            self._held[at, n] = held.view(step.kind).reshape(rows, *step.shape)
        return self._held[at, n]

    def _compute(
        self, fused: plan.Fused, epilogue: plan.Epilogue, results: Mapping[int, Array], others: Mapping[str, Array]
    ) -> None:
        """Compute one step of the plan."""
        step, out = self.steps[fused.layers[0]], results[fused.at]
        rows, last = len(out), step.task.channels_last
        assert out.shape[1:] == step.shape, f"{step.layer.name}: {out.shape} is not {step.shape}"
        arrays = [results[at] for at in step.layer.node.reads]
        if step.word == "input":
            arrays = [others[step.layer.name]]
        if step.batched and any(len(array) != rows for array in arrays) and len(arrays) > 1:
            arrays = [np.broadcast_to(a, (rows, *a.shape[1:])) if len(a) == 1 else a for a in arrays]
        arrays.append(out)
        if step.kernel.spatial and last:
            arrays = [*map(channels_first, arrays)]
        then = epilogue.on(out, results, last)
        task = step.task._replace(then=then) if step.kernel.finishes else step.task
        try:
            step.kernel.compute(task, arrays[:-1], epilogue.weights, arrays[-1])
        except CnncalcError as error:
            raise error.at(step.layer.node.label()) from None
        if then is not None and not step.kernel.finishes:
            then((slice(None),) * out.ndim)
