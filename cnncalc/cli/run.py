"""`cnncalc run`: execute a network on arrays."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ..errors import SpecError, shown
from ..sizes import read_size, size_text
from ._arrays import (
    kernel_keys,
    no_mixture,
    one_stdin,
    read_array,
    read_network,
    read_weights,
    rows_of,
    where_options,
    x_option,
)
from ._options import color_option, debug_option, json_option, note, quiet_option, together
from ._usage import Command, Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..execute import Job
    from ..execute.sinks import Sink
    from ..execute.task import Array

SMALL = 1000
"""How many values are printed as they are: as many as NumPy prints without leaving some out."""
SHOWN = 16 << 20
"""How many bytes of the result have to be held at once to be worth a word."""
PATIENCE = 2.0
"""After how many seconds a progress bar appears."""


@click.command("run", cls=Command)
@click.argument("spec", nargs=-1, metavar="SPEC...")
@together(
    x_option(),
    click.option("-w", "w_path", metavar="W", help="The kernel (.npy), or weights by name (.npz, .safetensors)."),
    click.option("-b", "b_path", metavar="B.npy", help="The bias of the only layer that -w is for."),
    click.option("-o", "--output", "path", metavar="Y.npy", help="Write the result; - is standard output."),
    click.option("--seed", type=Whole(0), metavar="N", help="Draw the weights that are not given."),
    click.option("--keep", multiple=True, metavar="NAME", help="Save this layer's result, too, as NAME.npy."),
    click.option("--keep-all", "folder", metavar="DIR", help="Save every layer's result in a folder."),
    click.option("--rows", metavar="A:B", help="Only these samples of the batch."),
    click.option("--memory", default="256M", metavar="SIZE", show_default=True, help="How much working memory."),
    *where_options(),
    json_option(),
    color_option(),
    quiet_option(),
    debug_option(),
)
def command(
    spec: tuple[str, ...],
    x_path: str,
    w_path: str | None,
    b_path: str | None,
    path: str | None,
    seed: int | None,
    keep: tuple[str, ...],
    folder: str | None,
    rows: str | None,
    memory: str,
    dialect: str | None,
    layout: str | None,
    as_json: bool,
    color: str,
    quiet: bool,
) -> int:
    """Execute layers or a network on arrays: .npy in, .npy out.

    Weights are those of -w and -b, or drawn from --seed. A kernel's shape gives c_o and k where the word leaves them
    out; -w without -b is a layer without a bias, unless it says bias=true. A small result is printed, a large one
    summed up, unless -o names a file.

    \b
      cnncalc run conv -x x.npy -w kernel.npy
      cnncalc run conv:s2,p1 relu maxpool:k2 -x x.npy -w kernel.npy -b bias.npy -o y.npy
      cnncalc run vgg16 -x images.npy -w weights.npz -o logits.npy
      cnncalc run lenet5 -x images.npy --seed 0 --keep-all maps
    """
    from ..execute import Job
    from ..files import terminated_tidily

    one_stdin(x_path, w_path, b_path, *(["-"] if "-" in spec else []))
    no_mixture(path, as_json)
    x, weights = read_array(x_path), read_weights(w_path)
    job = Job(
        read_network(spec, kernel_keys(weights, dialect, layout), x),
        x.shape,
        x.dtype,
        weights,
        bias=None if b_path is None else read_array(b_path),
        dialect=dialect,
        layout=layout,
        seed=seed,
        keep=[name for names in keep for name in names.split(",")],
        keep_all=folder is not None,
        memory=read_size(memory),
    )
    chosen = rows_of(rows, job.fed.batch)
    if rows is not None:
        x = x[chosen]
    count = 1 if job.fed.batch is None else len(x)
    _announce(job, x, x_path, count, path, quiet)
    for name in job.not_needed[:4]:
        note(quiet, f"{name} is given, and no layer needs it")
    job.load()  # before a file is begun
    with terminated_tidily(), _sinks(job, count, path, folder, quiet) as sinks:
        with _progress(len(job.report.layers) * count, quiet) as progress:
            job.run(x, sinks, progress)
        for sink in sinks.values():
            sink.finish()
    if path is None:
        _print(job, count, sinks[job.last], as_json)
    elif as_json:
        sys.stdout.write(json.dumps(_described(job, count)) + "\n")
    return 0


def _announce(job: Job, x: Array, x_path: str, count: int, path: str | None, quiet: bool) -> None:
    """Say what the run will need. SpecError where that is more than the machine has."""
    from ..execute.npy import machine_memory

    needs = job.needs(count)
    shape, kind, _ = job.result(job.last, count)
    out = math.prod(shape) * kind.itemsize
    held = x.nbytes if x_path == "-" else 0
    several = min(job.plan.at_once, count)
    is_file = path is not None and path != "-" and (not os.path.exists(path) or os.path.isfile(path))
    made = 0 if is_file else math.prod(job.plan.result(job.last)[0]) * kind.itemsize * several
    made = made if made > SHOWN else 0
    total = needs.weights + needs.working + held + made
    note(
        quiet,
        f"needs {size_text(total)}: weights {size_text(needs.weights)}, working at most {size_text(needs.working)}"
        f"{f', x {size_text(held)}' if held else ''}"
        f"{f', result at a time {size_text(made)}' if made else ''}; reads {size_text(x.nbytes)}, "
        f"{'writes' if path else 'makes'} {size_text(out)}",
    )
    have = machine_memory()
    if have is not None and total > have:
        raise SpecError(
            f"the run needs {size_text(total)} of memory, and the machine has {size_text(have)}",
            "lower --memory, or take fewer --rows from a file",
        )


@contextlib.contextmanager
def _sinks(job: Job, count: int, path: str | None, folder: str | None, quiet: bool) -> Iterator[dict[int, Sink]]:
    """Where each result goes; nothing is left behind where something fails."""
    from ..execute import sinks

    found: dict[int, Sink] = {}
    try:
        shape, kind, samples = job.result(job.last, count)
        if path is not None:
            found[job.last] = sinks.sink(path, shape, kind, samples)
        elif math.prod(samples) <= SMALL:
            found[job.last] = sinks.Memory(samples, kind)
        else:
            found[job.last] = sinks.Summary(samples, kind)
        for at, file in _kept(job, folder, quiet).items():
            if path is not None and os.path.realpath(file) == os.path.realpath(path):
                raise SpecError(f"-o and a layer that is kept would be one file, {file}", "give -o another name")
            shape, kind, samples = job.result(at, count)
            other = sinks.sink(file, shape, kind, samples)
            found[at] = sinks.Both(found[at], other) if at in found else other
        yield found
    finally:
        for sink in found.values():
            sink.discard()


def _kept(job: Job, folder: str | None, quiet: bool) -> dict[int, str]:
    """The file of each layer whose result is kept. SpecError where two would have the same."""
    if folder is not None:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise SpecError(f"{folder} cannot be made: {error.strerror}") from None
    files = {}
    for at in job.kept:
        name = job.report.layers[at].name
        safe = name.replace("/", "_").replace(os.sep, "_").replace("\0", "_")
        files[at] = os.path.join(folder or "", f"{safe}.npy")
        if safe != name:
            note(quiet, f"{shown(name)} is saved as {files[at]}")
    if len(set(files.values())) < len(files):
        raise SpecError("two layers' results would be saved under the same name", "give the layers other names")
    return files


@contextlib.contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Any]:
    """What is told how much is done: a bar on a terminal, from two seconds on."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
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


def _print(job: Job, count: int, sink: Sink, as_json: bool) -> None:
    from ..execute.sinks import Both, Memory, Summary

    shape, *_ = job.result(job.last, count)
    found = _described(job, count)
    if isinstance(sink, Both):
        sink = sink.first
    if isinstance(sink, Memory):
        array = sink.array.reshape(shape)
        if not as_json:
            sys.stdout.write(f"{array}\n")
            return
        summary = Summary.of(array)
        found["values"] = array.tolist()
    else:
        assert isinstance(sink, Summary)
        summary = sink
    found |= {"min": summary.least, "mean": summary.mean, "max": summary.most}
    if as_json:
        sys.stdout.write(json.dumps(_finite(found)) + "\n")
        return
    lines = {**found, "shape": "x".join(map(str, shape))}
    width = max(map(len, lines))
    for name, value in lines.items():
        sys.stdout.write(f"{name:{width}}  {f'{value:.6g}' if isinstance(value, float) else value}\n")


def _described(job: Job, count: int) -> dict[str, Any]:
    shape, kind, _ = job.result(job.last, count)
    return {"layer": job.report.layers[job.last].name, "shape": list(shape), "dtype": str(kind)}


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
