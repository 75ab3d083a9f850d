"""`cnncalc dense`: the fully-connected matrix that does what a layer does."""

from __future__ import annotations

import click

from .. import sources
from ..errors import SpecError
from ..files import check_mapped
from ..outputs import all_or_none
from ..sizes import size_text
from ..sources.words import spec_words
from ._arrays import (
    check_output,
    is_keras,
    keras_arrays,
    kernel_keys,
    note_size,
    read_weights,
    seed_option,
    weights_option,
)
from ._network_options import NetworkOptions, network_options
from ._options import json_option, message_options, path_option, together
from ._terminal import note, show_lines, verbose_option
from ._usage import Command


@click.command("dense", cls=Command)
@click.argument("layer", nargs=-1, metavar="LAYER...")
@together(
    weights_option,
    seed_option,
    path_option("M.npy"),
    network_options("input", "dialect", "layout"),
    json_option,
    verbose_option,
    message_options,
)
def command(
    layer: tuple[str, ...],
    w_path: str | None,
    seed: int | None,
    path: str | None,
    options: NetworkOptions,
    as_json: bool,
) -> int:
    """Write the matrix M of a linear layer: M @ sample.ravel() is the layer's output, flattened, without its bias.

    \b
      cnncalc dense conv -i 6x8 -w kernel.npy
      cnncalc dense conv:s2,p1 -i 3x32x32 -w kernel.npy -o matrix.npy
    """
    from ..execute import matrix, sinks
    from ..execute.npy import has_memory

    check_output(path, as_json)
    weights = None if is_keras(w_path) else read_weights(w_path)
    words = spec_words(layer)
    network = sources.load_words(words, kernel_keys(weights, options))
    weights = keras_arrays(w_path, network) if is_keras(w_path) else weights
    network, options = options.with_front(words).taken(network)
    sample = options.input or network.input
    if sample is None:
        raise SpecError("no input: the size of the matrix depends on it", "give -i, for example -i 3x32x32")
    sizes = tuple([n for n in sample if isinstance(n, int)])
    if len(sizes) < len(sample):
        raise SpecError("the input has open sizes", "give its numbers")
    job = matrix.job(network, sizes, weights, seed, options.dialect, options.layout)
    shape = rows, columns = matrix.size(job.report)
    kind = job.result(job.last, 1)[1]
    size = rows * columns * kind.itemsize
    text = f"the matrix is {rows:,} x {columns:,} of {kind}: {size_text(size)}"
    needs = size + job.weight_bytes
    if needs > size:
        text += f", and the weights take {size_text(job.weight_bytes)}"
    has_memory(text, needs, "use a smaller input")
    note_size(text, needs)
    if matrix.adds_constants(network, weights):
        note("the constants that layers add, such as a bias, are not part of the matrix: add them to the product")
    with all_or_none():
        if path is not None:
            with sinks.writing(path, shape, kind) as file:
                matrix.fill(job, file)
        if path is None or as_json:
            from ..render.run import result_text

            result = None
            if path is None:
                result = sinks.Memory(shape, kind)
                matrix.fill(job, result)
            check_mapped()
            text = result_text(job.report.layers[job.last].name, shape, kind, result, as_json)
            show_lines([text], path is not None)
    return 0
