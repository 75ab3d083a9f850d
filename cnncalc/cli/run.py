"""`cnncalc run`: execute a network on arrays."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ..errors import SpecError, nearest, shown
from ..files import check_mapped
from ..input import FIRST, by_name
from ..outputs import all_or_none, allow_open, is_closed_pipe, is_special, safe_name
from ..outputs import folder as new_folder
from ..sizes import read_size, size_text
from . import _arrays
from ._arrays import arrays_option, seed_option, weights_option
from ._hints import note_words
from ._network_options import NetworkOptions, network_options
from ._options import file_option, json_option, message_options, output_option, together
from ._terminal import note, settings, show_lines, verbose_option
from ._usage import Command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..execute import Job
    from ..execute.sinks import Sink
    from ..execute.task import Array
    from ..network import Network

SMALL = 1000
"""The most values that are printed in full: as many as NumPy prints without omissions."""
SHOWN = 16 << 20
"""The bytes from which on the part of the result that is in memory at once is mentioned."""
PATIENCE = 2.0
"""The seconds after which a progress bar appears."""


OUTPUT_HELP = "Write the result to this file, or select one of several outputs by its name."


@click.command("run", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@together(
    arrays_option,
    weights_option,
    file_option("-b", "--bias", "b_path", metavar="B.npy", help="Bias of the only layer that -w is for."),
    output_option("-o", "--output", "outputs", metavar="Y.npy", multiple=True, help=OUTPUT_HELP),
    seed_option,
    click.option("--keep", multiple=True, metavar="NAME", help="Save this layer's result as NAME.npy."),
    file_option("--keep-all", "folder", metavar="DIR", help="Save every layer's result in this folder."),
    click.option("--rows", metavar="A:B", help="Use only these samples of the batch."),
    click.option("--memory", default="256M", metavar="SIZE", show_default=True, help="Limit the working memory."),
    click.option("--no-fusion", is_flag=True, help="Compute each layer separately."),
    network_options("dialect", "layout"),
    json_option,
    verbose_option,
    message_options,
)
def command(
    spec: tuple[str, ...],
    x_paths: tuple[str, ...],
    w_path: str | None,
    b_path: str | None,
    outputs: tuple[str, ...],
    seed: int | None,
    keep: tuple[str, ...],
    folder: str | None,
    rows: str | None,
    memory: str,
    no_fusion: bool,
    options: NetworkOptions,
    as_json: bool,
) -> int:
    """Execute layers or a network on arrays: .npy in, .npy out.

    Weights come from -w and -b, or are drawn from --seed. A kernel's shape gives c_o and k if the word leaves them
    out; -w without -b is a layer without a bias, unless it says bias=true. A small result is printed, a large one
    summed up, unless -o names a file.

    \b
      cnncalc run conv -x x.npy -w kernel.npy
      cnncalc run conv:s2,p1 relu maxpool:k2 -x x.npy -w kernel.npy -b bias.npy -o y.npy
      cnncalc run vgg16 -x images.npy -w weights.npz -o logits.npy
      cnncalc run lenet5 -x images.npy --seed 0 --keep-all maps
      cnncalc run net.onnx -x image.npy -x mask=mask.npy --output boxes
    """
    from ..execute import Job
    from ..execute.weights import Carried

    named = _arrays.named_paths(x_paths)
    _arrays.one_stdin(*[path for _, path in named], w_path, b_path, *(["-"] if "-" in spec else []))
    network, front, weights = _arrays.read_given(spec, w_path, options)
    output, path = _which(network, outputs)
    _arrays.check_output(path, as_json)
    x_path, x, others = _read_inputs(network, named)
    _arrays.check_front(front, x)
    job = Job(
        network,
        x.shape,
        x.dtype,
        Carried(seed, _announce_weights) if weights is None else weights,
        bias=None if b_path is None else _arrays.read_array(b_path),
        dialect=options.dialect,
        layout=options.layout,
        seed=seed,
        keep=[name for names in keep for name in names.split(",")],
        keep_all=folder is not None,
        memory=read_size(memory),
        fuse=not no_fusion,
        others=others,
        output=output,
    )
    chosen = _arrays.rows_of(rows, job.samples.batch)
    x, job.others = x[chosen], {name: array[chosen] for name, array in job.others.items()}
    count = 1 if job.samples.batch is None else len(x)
    _announce(job, x, x_path, count, path)
    if w_path is None:  # weights would determine k
        note_words([("", job.report.layers)])
    for name in job.not_needed[:4]:
        note(f"{name} is given, but no layer needs it")
    job.load()  # before any file is opened
    _run(job, x, count, path, folder, as_json)
    return 0


def _read_inputs(network: Network, named: list[tuple[str | None, str]]) -> tuple[str, Array, dict[str, Array]]:
    """Return the file and the array of the first input, and the arrays of further inputs by name."""
    files = by_name(network, named, "-x")
    if FIRST not in files:
        raise SpecError("-x gives no array for the first input", f"its name is {FIRST}")
    arrays = {name: _arrays.read_array(file) for name, file in files.items()}
    return files[FIRST], arrays.pop(FIRST), arrays


def _run(job: Job, x: Array, count: int, path: str | None, folder: str | None, as_json: bool) -> None:
    """Run the network, write what is kept, and show the result unless it goes to a file."""
    new = contextlib.nullcontext() if folder is None else new_folder(folder)
    with new, all_or_none(), _sinks(job, count, path, folder) as sinks:
        with _progress(len(job.report.layers) * count) as progress:
            job.run(x, sinks, progress)
        check_mapped()
        for sink in sinks.values():
            sink.finish()
        if path is None or as_json:
            from ..render.run import result_text

            shape, kind, _ = job.result(job.last, count)
            result = None if path is not None else sinks[job.last]
            text = result_text(job.report.layers[job.last].name, shape, kind, result, as_json)
            show_lines([text], path is not None or bool(job.kept))


def _which(network: Network, values: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the output and the file that the values of -o name: a path, and if there are several outputs, a name.

    Raise SpecError for anything else. If there are several outputs, a file must have an ending or a folder, or exist.
    """
    outputs = network.outputs()
    ends = list(outputs)
    chosen = [value for value in values if len(ends) > 1 and (value in ends or value in outputs.values())]
    paths = [value for value in values if value not in chosen]
    for value in paths if len(ends) > 1 else ():
        if value != "-" and not {".", "/", os.sep} & set(value) and not os.path.exists(value):
            help = nearest(value, ends) or f"the outputs are {', '.join(ends[:24])}"
            raise SpecError(
                f"--output: there is no output {shown(value)}", f"{help}; a file name needs an ending, such as .npy"
            )
    return (chosen[-1] if chosen else None), (paths[-1] if paths else None)


def _announce_weights(size: int) -> None:
    """Announce how much memory the weights of the network's own file take, before they are read."""
    _arrays.note_size(f"reads weights of {size_text(size)}", size)


def _announce(job: Job, x: Array, x_path: str, count: int, path: str | None) -> None:
    """Announce how much memory the run needs, if much. Raise SpecError if it is more than the machine has."""
    from ..execute.npy import has_memory
    from ..execute.sinks import MAPPED

    working = job.plan.working(count)
    shape, kind, _ = job.result(job.last, count)
    held = (x.nbytes if x_path == "-" else 0) + sum(array.nbytes for array in job.others.values())
    is_mapped = MAPPED and path is not None and path != "-" and not is_special(path)
    several = min(job.plan.at_once, count)
    result = 0 if is_mapped else job.plan.steps[job.last].bytes * several
    parts = {
        "weights": job.weight_bytes,
        "working at most": working,
        **({"x": held} if held else {}),
        **({"result at a time": result} if result > SHOWN else {}),
    }
    total = sum(parts.values())
    _arrays.note_size(
        f"needs {size_text(total)}: {', '.join(f'{what} {size_text(size)}' for what, size in parts.items())}; "
        f"reads {size_text(x.nbytes)}, {'writes' if path else 'makes'} {size_text(math.prod(shape) * kind.itemsize)}",
        total,
    )
    help = "lower --memory, or take fewer --rows from a file"
    has_memory(f"the run needs {size_text(total)} of memory", total, help)


@contextlib.contextmanager
def _sinks(job: Job, count: int, path: str | None, folder: str | None) -> Iterator[dict[int, Sink]]:
    """Yield the sink of each kept layer; unfinished files are removed if something fails."""
    from ..execute import sinks

    opened: dict[int, Sink] = {}
    kept = _kept(job, folder)
    allow_open(2 * len(kept))  # and their mappings
    try:
        shape, kind, samples = job.result(job.last, count)
        if path is not None:
            opened[job.last] = sinks.sink(path, shape, kind, samples, job.batch_at(job.last))
        else:
            small = math.prod(samples) <= SMALL
            opened[job.last] = (sinks.Memory if small else sinks.Summary)(samples, kind, job.batch_at(job.last))
        for at, file in kept.items():
            shape, kind, samples = job.result(at, count)
            other = sinks.sink(file, shape, kind, samples, job.batch_at(at))
            opened[at] = sinks.Both(opened[at], other) if at in opened else other
        yield opened
    except OSError as error:
        if job.kept and is_closed_pipe(error):
            raise SpecError("the output is no longer read, so the layers of --keep are not saved") from None
        raise
    finally:
        for sink in opened.values():
            sink.discard()


def _kept(job: Job, folder: str | None) -> dict[int, str]:
    """Return the file of each kept layer."""
    files = {}
    for at in job.kept:
        name = job.report.layers[at].name
        safe = safe_name(name)
        files[at] = os.path.join(folder or "", f"{safe}.npy")
        if safe != name:
            note(f"{shown(name)} is saved as {files[at]}")
    return files


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Yield a function to call with the amount done; after two seconds it draws a progress bar on a terminal."""
    if settings().quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    begin, done, bar = time.monotonic(), 0, None

    def progress(samples: int) -> None:
        nonlocal done, bar
        done += samples
        if bar is None and time.monotonic() - begin > PATIENCE:
            bar = click.progressbar(length=total, file=sys.stderr, show_eta=True)
            bar.start = begin
            bar.update(done)
        elif bar is not None:
            bar.update(samples)

    yield progress
    if bar is not None:
        bar.render_finish()
