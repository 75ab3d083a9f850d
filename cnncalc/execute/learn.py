"""Learning a convolution's kernel: gradient descent on the sum of squared errors, or its least-squares solution.

The loss is sum((y' - y)**2) over everything, as in Dive into Deep Learning's chapter on convolutional networks: its
gradient is that of the upstream gradient 2(y' - y).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite, prod
from typing import NamedTuple

import numpy as np

from ..errors import ShapeError, SpecError
from ..layers import ConvKind
from ..network import Network
from ..sizes import show, size_text
from . import weights as arrays
from .convolution.convolve import convolve
from .gradients import bias_gradient, weight_gradient
from .job import Samples, real
from .kernels.conv import kernel_first, windows_of
from .npy import machine_memory
from .task import Array, Task, channels_first, sizes_of

LEARNED = (ConvKind.PLAIN, ConvKind.DEPTHWISE)
"""The kinds of convolutions that can be learned."""
PATIENCE = 4
"""The number of consecutive steps that raise the loss before descent counts as diverged.

The loss is a quadratic form: a step of gradient descent raises it only if the rate exceeds 2/(its largest curvature),
and then every further step does, too.
"""
SHARE = 0.9
"""The default rate, as a share of the largest one that converges."""
LARGEST_LEARNED = 1e30
"""The largest value that can be learned from: the squares of larger ones may overflow."""
SMALL = 1000
"""The largest number of weights that are printed."""


class DescentStep(NamedTuple):
    """One step of gradient descent, with the loss before the weights change."""

    step: int
    loss: float


class Solution(NamedTuple):
    """A least-squares solution, and how well the data determine it."""

    loss: float
    """The loss; 0 if only rounding is left: less than (64 eps)^2 of the sum of y's squares."""
    equations: int
    unknowns: int
    """The number of unknowns of one output channel."""
    rank: int
    condition: float
    """The ratio of the largest singular value to the smallest that counts."""


def _check_finite(array: Array, name: str) -> None:
    """Raise SpecError for an array with NaN, infinity, or values whose squares are not finite."""
    with np.errstate(all="ignore"):
        least, most = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (isfinite(least) and isfinite(most)):
        raise SpecError(f"{name} has values that are not finite", "replace NaN and infinity first")
    largest = max(abs(least), abs(most))
    if largest > LARGEST_LEARNED:
        raise SpecError(f"{name} has values up to {largest:.3g}", "scale them down first")


class Diverged(SpecError):
    """Gradient descent whose loss has grown."""


class Learner:
    """A convolution, an input x, and the output y that it should learn to give."""

    def __init__(
        self,
        network: Network,
        x: Array,
        y: Array,
        init: Array | None = None,
        seed: int = 0,
        dialect: str | None = None,
        layout: str | None = None,
    ):
        """Raise SpecError unless the layer is a convolution, ShapeError if x, y and the kernel do not fit together."""
        samples = Samples(network, x.shape, dialect, layout)
        layers = samples.report.layers
        self.layer = layer = layers[0]
        kind = layer.node.layer.CONVOLUTION
        if len(layers) > 1 or kind not in LEARNED:
            what = f"{len(layers)} layers" if len(layers) > 1 else layer.op
            raise SpecError(
                f"learn takes a single convolution, not {what}",
                ("give a plain or a depthwise convolution: conv or dwconv"),
            )
        self._is_depthwise = kind is ConvKind.DEPTHWISE
        count, out = samples.batch or 1, sizes_of(layer.traced.out, layer.name)
        back = samples.returned(out, count)
        if y.shape != back:
            what = f"y is {show(y.shape)}, but this layer's output is {show(back)}"
            is_default = init is None and "k" not in layer.node.layer.given
            default = "; k is 1 unless the layer or an initial kernel gives it" if is_default else ""
            raise ShapeError(what, f"y is the output to learn{default}")
        kinds = [real(array.dtype, name) for array, name in ((x, "x"), (y, "y"))]
        for array, name in ((x, "x"), (y, "y"), *([] if init is None else [(init, "the initial kernel")])):
            _check_finite(array, name)
        dtype = np.result_type(*kinds)
        self.kind = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)
        given = arrays.named(samples.report, init, None)
        wants = arrays.wanted(samples.report)
        arrays.check(wants, given, seed)
        bound = arrays.bind(wants, given, seed, self.kind)
        self.weight = bound[f"{layer.name}.weight"].astype(self.kind, order="C")
        self.bias = np.zeros(layer.values["c_o"], self.kind) if layer.values["bias"] else None
        self._task = Task(layer.values, layer.env.dialect, layer.env.channels_last, 1 << 26)
        self.windows = windows_of(self._task)
        both = [array.astype(self.kind, copy=False) for array in (samples.split(x), y.reshape(count, *out))]
        self.x, self.y = map(channels_first, both) if self._task.channels_last else both
        self.g: int = layer.values.get("g") or self.x.shape[1]
        self._eps = 64 * float(np.finfo(self.kind).eps)
        self._rounding = self._eps**2 * float(np.square(self.y, dtype=np.float64).sum())
        """The largest loss that rounding alone may cause."""

    @property
    def parameters(self) -> list[Array]:
        """The weight, in its stored order, and the bias if there is one."""
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def _kernel(self, weight: Array) -> Array:
        """Return a view (c_o, c_i/g, *k) of the weight."""
        return kernel_first(weight, self._task, self._is_depthwise)

    def error(self, weight: Array, bias: Array | None = None) -> tuple[Array, float]:
        """Return the output with these parameters minus y, (N, c_o, *out), and the loss."""
        error = np.empty(self.y.shape, self.kind)
        convolve(self.x, self._kernel(weight), bias, error, self.windows, self.g)
        error -= self.y
        return error, float(np.square(error, dtype=np.float64).sum())

    def gradients(self, weight: Array, bias: Array | None = None) -> tuple[float, list[Array]]:
        """Return the loss with these parameters, and its gradients."""
        error, loss = self.error(weight, bias)
        error *= 2
        gradient = np.empty_like(weight)
        kernel = self._kernel(gradient)
        assert np.may_share_memory(kernel, gradient)
        k, s, d, pb = self.windows
        np.copyto(kernel, weight_gradient(self.x, error, k, s=s, p=pb, d=d, g=self.g))
        return loss, [gradient] if bias is None else [gradient, bias_gradient(error)]

    def descend(self, lr: float, steps: int) -> Iterator[DescentStep]:
        """Run gradient descent and yield each step. Raise Diverged if the loss grows or becomes NaN."""
        losses: list[float] = []
        rising = 0
        with np.errstate(all="ignore"):
            for step in range(1, steps + 1):
                loss, gradients = self.gradients(*self.parameters)
                rising = rising + 1 if losses and self._grew(losses[-1], loss) else 0
                losses.append(loss)
                if not isfinite(loss) or rising == PATIENCE:
                    raise self._diverged(lr, losses)
                yield DescentStep(step, loss)
                for parameter, gradient in zip(self.parameters, gradients, strict=True):
                    parameter -= lr * gradient  # noqa: PLW2901 - in place
            last = self.loss()
            if self._grew(losses[0], last):
                raise self._diverged(lr, [*losses, last])

    def _grew(self, before: float, loss: float) -> bool:
        """Return whether a loss exceeds an earlier one by more than rounding, or is not a number."""
        return not loss <= before * (1 + self._eps) + self._rounding

    def loss(self) -> float:
        """Return the loss with the current parameters."""
        return self.error(*self.parameters)[1]

    def _diverged(self, lr: float, losses: list[float]) -> Diverged:
        most = self.largest_rate()
        last = f"{losses[-1]:.4g}" if isfinite(losses[-1]) else "infinity"
        steps = len(losses) - 1
        return Diverged(
            f"the loss grew from {losses[0]:.4g} to {last} in {steps} step{'s' * (steps != 1)} with --lr {lr:g}",
            f"try a smaller --lr: below 2/(largest curvature) = {most:.3g} the loss falls" if isfinite(most) else None,
        )

    def usual_rate(self) -> float:
        """Return a rate with which descent converges fast: SHARE of the largest that converges."""
        most = self.largest_rate()
        return SHARE * most if isfinite(most) else 1.0  # no step changes the loss, so any rate will do

    def largest_rate(self, rounds: int = 50) -> float:
        """Return the rate below which descent converges: 2 over the loss's largest curvature, by power iteration."""
        rng = np.random.default_rng(0)
        direction = [rng.standard_normal(self.weight.shape).astype(self.kind), *map(np.ones_like, self.parameters[1:])]
        curvature, norm, y = 0.0, _norm(direction), self.y
        try:
            self.y = np.zeros_like(y)
            for _ in range(rounds):
                if norm == 0 or not isfinite(norm):
                    break
                _, direction = self.gradients(*[part / norm for part in direction])
                curvature = norm = _norm(direction)
        finally:
            self.y = y
        return 2 / curvature if curvature else float("inf")

    def solve(self) -> Solution:
        """Set the parameters to the smallest ones with the least loss, and return how well they are determined.

        Raise SpecError if the equations do not fit into memory.
        """
        c_i = self.x.shape[1] // self.g
        cells = c_i * prod(self.windows.k)
        unknowns = cells + (self.bias is not None)
        positions = len(self.y) * prod(self.y.shape[2:])
        size, have = 3 * positions * unknowns * 8, machine_memory()
        if have is not None and size > have:
            what = f"{positions:,} equations in {unknowns:,} unknowns take {size_text(size)}"
            help = "use fewer samples, or gradient descent (without --exact)"
            raise SpecError(f"{what}, but the machine has {size_text(have)}", help)
        kernel = self._kernel(self.weight)
        c_o = len(kernel) // self.g
        one_hot = np.eye(cells).reshape(cells, c_i, *self.windows.k)
        ranks, singular = [], []
        for group in range(self.g):
            i, o = slice(group * c_i, (group + 1) * c_i), slice(group * c_o, (group + 1) * c_o)
            seen = np.empty((len(self.y), cells, *self.y.shape[2:]))
            convolve(self.x[:, i].astype(float), one_hot, None, seen, self.windows)
            matrix = np.moveaxis(seen, 1, -1).reshape(-1, cells)
            if self.bias is not None:
                matrix = np.hstack([matrix, np.ones((len(matrix), 1))])
            wanted = np.moveaxis(self.y[:, o], 1, -1).reshape(-1, c_o).astype(float)
            solution, _, rank, values = np.linalg.lstsq(matrix, wanted, rcond=None)
            kernel[o] = solution[:cells].T.reshape(c_o, c_i, *self.windows.k)
            if self.bias is not None:
                self.bias[o] = solution[cells]
            ranks.append(int(rank))
            singular.append(values[: int(rank)])
        condition = max((float(v[0] / v[-1]) for v in singular if len(v)), default=1.0)
        loss = self.loss()
        return Solution(0.0 if loss <= self._rounding else loss, positions, unknowns, min(ranks), condition)


def _norm(arrays: Sequence[Array]) -> float:
    """Return the Euclidean norm of all values of the arrays."""
    return float(np.sqrt(sum(np.square(array).sum() for array in arrays)))


def printed(array: Array) -> str:
    """Return weights as text with four digits, to follow their name; only the range if there are many."""
    if array.size > SMALL:
        return f"  {show(array.shape)}, {array.min():.4g} to {array.max():.4g}"
    return f"\n{np.array2string(array, precision=4, floatmode='fixed')}"
