"""`cnncalc dense`: the fully-connected matrix that does what a layer does."""

from __future__ import annotations

import sys

import click

from ..errors import SpecError
from ..sizes import parse_shape, size_text
from ._arrays import kernel_keys, read_weights, where_options
from ._options import color_option, debug_option, note, quiet_option, read_stdin, together
from ._usage import Command, Whole


@click.command("dense", cls=Command)
@click.argument("layer", nargs=-1, metavar="LAYER...")
@together(
    click.option("-i", "--input", "input", metavar="SHAPE", help="A sample, as 3x32x32."),
    click.option("-w", "w_path", metavar="W", help="The kernel (.npy), or weights by name (.npz, .safetensors)."),
    click.option("--seed", type=Whole(0), metavar="N", help="Draw the weights that are not given."),
    click.option("-o", "--output", "path", metavar="M.npy", help="Write the matrix."),
    *where_options(),
    color_option(),
    quiet_option(),
    debug_option(),
)
def command(
    layer: tuple[str, ...],
    input: str | None,
    w_path: str | None,
    seed: int | None,
    path: str | None,
    dialect: str | None,
    layout: str | None,
    color: str,
    quiet: bool,
) -> int:
    """Write the matrix M of a linear layer without its bias: M @ sample.ravel() is the output, flattened.

    \b
      cnncalc dense conv -i 6x8 -w kernel.npy
      cnncalc dense conv:s2,p1 -i 3x32x32 -w kernel.npy -o matrix.npy
    """
    from .. import sources
    from ..execute import matrix, sinks
    from ..execute.npy import machine_memory

    weights = read_weights(w_path)
    given = sources.sort_out(layer)
    network = sources.network(given, read_stdin, kernel_keys(weights, dialect, layout))
    sample = given.input if input is None else parse_shape(input)
    if sample is None:
        sample = network.input
    if sample is None:
        raise SpecError("no input: a matrix is for a sample of one shape", "give -i, as -i 3x32x32")
    sizes = tuple([n for n in sample if isinstance(n, int)])
    if len(sizes) < len(sample):
        raise SpecError("the input has open sizes", "give its numbers")
    job = matrix.job(network, sizes, weights, seed, dialect, layout)
    rows, columns = matrix.size(job.report)
    kind = job.result(job.last, 1)[1]
    size, have = rows * columns * kind.itemsize, machine_memory()
    text = f"the matrix is {rows:,} x {columns:,} of {kind}: {size_text(size)}"
    if have is not None and size > have:
        raise SpecError(f"{text}, and the machine has {size_text(have)}", "take a smaller sample: crop it")
    note(quiet, text)
    if matrix.adds_constants(network, weights):
        note(quiet, "the matrix leaves out what layers add, as a bias: add that to its product")
    if path is None:
        found = matrix.dense(job)
        sys.stdout.write(f"{found}\n")
        return 0
    with sinks.writing(path, (rows, columns), kind) as sink:
        matrix.fill(job, sink)
    return 0
