"""The matrix of a linear network, which maps a flattened sample to the flattened output."""

from __future__ import annotations

from math import prod

import numpy as np

from ..errors import SpecError
from ..layers import OPS, Layer
from ..layers.composite import Opaque
from ..limits import MOST_MULTIPLIED, check_limit
from ..network import Network
from ..report import Report
from ..sizes import known, show
from . import weights as arrays
from .job import Job, Samples
from .npy import NamedArrays
from .sinks import Memory, Sink
from .task import Array, sizes_of

AT_ONCE = 16 << 20
"""The bytes of columns that are computed at once."""


def linear_part(network: Network) -> Network:
    """Return the network with its blocks inlined and without the constants that its keys add.

    Raise SpecError for a layer that is not linear.
    """
    nodes = []
    without: dict[int, Layer] = {}
    """The layers without constants, by the id of the original, which copies by `times` share."""
    for node in network.inlined().nodes:
        if not node.layer.is_linear:
            words = dict.fromkeys(cls.WORD for cls, _ in OPS.values() if cls.LINEAR)
            what = "not known to be linear" if isinstance(node.layer, Opaque) else "not linear: it has no matrix"
            raise SpecError(f"{node.layer.op} is {what}", f"the linear layers are {', '.join(words)}").at(node.label())
        if id(node.layer) not in without:
            without[id(node.layer)] = node.layer.without_constants()
        nodes.append(node._replace(layer=without[id(node.layer)]))
    return network._replace(nodes=tuple(nodes))


def adds_constants(network: Network, weights: NamedArrays | Array | None) -> bool:
    """Return whether layers add constants, such as biases, that the matrix leaves out."""
    carried = network.source.weights if network.source is not None else {}
    names = carried if weights is None else () if isinstance(weights, np.ndarray) else weights
    return any(
        node.layer != node.layer.without_constants() or any(f"{node.name}.{role}" in names for role in node.layer.ADDED)
        for node in network.inlined().nodes
    )


def job(
    network: Network,
    sample: tuple[int, ...],
    weights: NamedArrays | Array | None,
    seed: int | None,
    dialect: str | None,
    layout: str | None,
) -> Job:
    """Return a network's linear part ready for one sample, in its only kernel's dtype or float32.

    Arrays that only add constants, such as biases, are set to zero and need not be given. Raise SpecError for a batch,
    for a layer that is not linear, and for more work than `MOST_MULTIPLIED`.
    """
    network = linear_part(network)
    kind = weights.dtype if isinstance(weights, np.ndarray) else np.dtype(np.float32)
    samples = Samples(network, sample, dialect, layout)
    if samples.batch is not None:
        raise SpecError(f"{show(sample)} is a batch", "the matrix is that of one sample: leave out the batch")
    _check_work(samples.report)
    given = arrays.named(samples.report, arrays.Carried(seed).of(samples.report) if weights is None else weights, None)
    wants = arrays.wanted(samples.report)
    added = [want for want in wants if want.role in want.layer.node.layer.ADDED]
    held = {**given, **{want.name: np.zeros(want.shape, kind) for want in added}}
    arrays.check(wants, held, seed)
    return Job(network, sample, kind, held, dialect=dialect, layout=layout, seed=seed)


def _check_work(report: Report) -> None:
    """Raise SpecError if computing all columns takes more work than `MOST_MULTIPLIED`."""
    columns = prod(sizes_of(report.sample, "the input"))
    each = sum(known(layer.sample_macs) or 0 for layer in report.layers)
    each += sum(known(layer.values_made) or 0 for layer in report.layers)
    check_limit(
        MOST_MULTIPLIED,
        columns * each,
        f"the matrix has {columns:,} columns, and a sample for each takes the layers {each:,} multiplications and "
        "values, {made:,} in all, more than {most:,}",
        "take a smaller sample: crop it",
    )


def size(report: Report) -> tuple[int, int]:
    """Return the numbers of rows (values of the output) and columns (values of the sample) of the matrix."""
    return prod(sizes_of(report.layers[-1].traced.out, "the output")), prod(sizes_of(report.sample, "the input"))


def fill(job: Job, sink: Sink) -> None:
    """Fill the matrix (out, in) column by column: each is the output for a sample with a single 1."""
    rows, columns = size(job.report)
    several = max(min(AT_ONCE // (max(rows, columns) * 8), columns), 1)
    matrix, place = sink.part(0, rows), job.batch_at(job.last)
    units = np.zeros((several, columns), job.kind)
    for begin in range(0, columns, several):
        count = min(several, columns - begin)
        ones = np.arange(count), np.arange(begin, begin + count)
        units[ones] = 1
        result = Memory(job.result(job.last, count)[2], matrix.dtype, place)
        job.run(units[:count].reshape(count, *job.samples.sample), {job.last: result})
        matrix[:, begin : begin + count] = np.moveaxis(result.array, place, 0).reshape(count, rows).T
        units[ones] = 0
    sink.done(0, rows)
