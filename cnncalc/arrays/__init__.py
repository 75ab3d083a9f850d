"""Execution on NumPy arrays: the only place that imports numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import SpecError
from ..network import Network, no_input
from ..trace import Report, feed, settle, shape
from .execute import MEMORY, Program
from .task import Array, Dtype
from .weights import bind

__all__ = ["Fed", "Program", "fed", "run"]


class Fed:
    """What an input is to a network: samples behind one another, and how its results are given back."""

    def __init__(self, network: Network, given: tuple[int, ...], dialect: str | None, layout: str | None):
        """`given` is the shape of the whole input. SpecError or ShapeError where the network cannot take it."""
        network = settle(network, given, dialect, layout)
        if network.input is None:
            raise no_input()
        self.batch, sample, _ = feed(network, network.input, None)
        self.report: Report = shape(network, given)
        self.sample = tuple([n for n in sample if isinstance(n, int)])
        self.added_channel = len(given) < len(sample)
        """Whether the input is one channel's space, without an axis for it."""

    def samples(self, x: Array) -> Array:
        """The input with a batch in front and all of a sample's axes, as a view where that can be."""
        return x.reshape(self.batch or 1, *self.sample)

    def given_back(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in which a result is given back, of a sample's shape: without the axes that were added."""
        if self.added_channel:
            last = self.report.network.layout == "NHWC"
            if len(sample) == len(self.sample) and sample[-1 if last else 0] == 1:
                sample = sample[:-1] if last else sample[1:]
        return sample if self.batch is None else (self.batch, *sample)


def real(kind: Dtype, name: str) -> Dtype:
    """The dtype in this machine's byte order. SpecError for what is no number that layers can take."""
    if kind.kind not in "biuf" or kind.itemsize > 8:
        why = "complex numbers have no order and no ReLU" if kind.kind == "c" else f"{kind} is no real number"
        raise SpecError(f"{name} is of dtype {kind}", f"{why}: give float32, float64, float16, integers or booleans")
    return kind.newbyteorder("=")


def run(
    network: Network,
    x: Array,
    weights: Mapping[str, Array] | None = None,
    *,
    dialect: str | None = None,
    layout: str | None = None,
    seed: int | None = None,
    memory: int = MEMORY,
) -> Array:
    """What comes out of a network: see `cnncalc.run`."""
    x = np.asanyarray(x)
    kind = real(x.dtype, "x")
    given = Fed(network, x.shape, dialect, layout)
    drawn = kind if kind.kind == "f" else np.dtype(np.float32)
    program = Program(given.report, kind, bind(given.report, weights or {}, seed, drawn), memory=memory)
    samples = given.samples(x)
    last = program.results[-1]
    sample, found = program.result(last)
    out = np.empty((len(samples), *sample), found)
    for begin in range(0, len(samples), program.at_once):
        chunk = slice(begin, begin + program.at_once)
        program.run(samples[chunk], {last: out[chunk]})
    return out.reshape(given.given_back(sample))
