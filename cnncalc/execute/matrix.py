"""The matrix that does to a flattened sample what a layer does to the sample."""

from __future__ import annotations

from math import prod

import numpy as np

from ..errors import SpecError
from ..layers.base import family
from ..network import Network
from ..report import Report
from ..sizes import show
from .job import Job
from .npy import Given
from .sinks import Memory, Sink
from .task import Array, Dtype

LINEAR = {
    *("conv", "dwconv", "sepconv", "convT", "linear", "scale", "avgpool", "globalavgpool", "adaptiveavgpool"),
    *("flatten", "reshape", "permute", "pad", "crop", "upsample", "pixelshuffle", "channelshuffle"),
    *("identity", "dropout"),
}
"""What is a linear map of its input, its bias left out."""
AT_ONCE = 16 << 20


def without_bias(network: Network) -> Network:
    """The linear part of a network. SpecError for a layer that is no linear map."""
    nodes = []
    for node in network.nodes:
        op, layer = family(node.layer.op), node.layer
        if op not in LINEAR or layer.given.get("value"):
            error = SpecError(
                f"{op} is no linear map: no matrix does the same", f"linear are {', '.join(sorted(LINEAR))}"
            )
            error.layer = node.label()
            raise error
        if "bias" in layer.KEYS:
            layer = type(layer)(layer.op, layer.nd, layer.given | {"bias": False})
        nodes.append(node._replace(layer=layer))
    return network._replace(nodes=tuple(nodes))


def job(
    network: Network,
    sample: tuple[int, ...],
    weights: Given | Array | None,
    seed: int | None,
    dialect: str | None,
    layout: str | None,
) -> Job:
    """A linear network ready for one sample, in its only kernel's dtype, else float32. SpecError for a batch."""
    kind = weights.dtype if isinstance(weights, np.ndarray) else np.dtype(np.float32)
    found = Job(network, sample, kind, weights, dialect=dialect, layout=layout, seed=seed)
    if found.samples.batch is not None:
        raise SpecError(f"{show(sample)} is a batch", "a matrix is for one sample: leave the batch out")
    return found


def size(report: Report) -> tuple[int, int]:
    """The matrix's rows, one a value that comes out, and its columns, one a value of the sample."""
    out, sample = report.layers[-1].traced.out, report.layers[0].sample
    rows, columns = ([n for n in shape if isinstance(n, int)] for shape in (out, sample))
    return prod(rows), prod(columns)


def fill(job: Job, sink: Sink) -> None:
    """Fill the matrix, (out, in), column by column: each is what comes out of a sample with one 1 in it."""
    rows, columns = size(job.report)
    several = max(min(AT_ONCE // (max(rows, columns) * 8), columns), 1)
    matrix = sink.part(0, rows)
    for begin in range(0, columns, several):
        count = min(several, columns - begin)
        units = np.zeros((count, columns), job.kind)
        units[np.arange(count), np.arange(begin, begin + count)] = 1
        found = Memory((count, rows), matrix.dtype)
        samples = job.result(job.last, count)[2]
        found.array = found.array.reshape(samples)
        job.run(units.reshape(count, *job.samples.sample), {job.last: found})
        matrix[:, begin : begin + count] = found.array.reshape(count, rows).T
    sink.done(0, rows)


def dense(job: Job) -> Array:
    """The matrix, (out, in), in memory."""
    rows, columns = size(job.report)
    kind: Dtype = job.result(job.last, 1)[1]
    found = Memory((rows, columns), kind)
    fill(job, found)
    return found.array
