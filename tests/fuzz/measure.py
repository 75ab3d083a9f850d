"""Comparisons of what a framework and cnncalc say about a model, and how they are run and stored.

A `Fact` is what the framework says; `compare` returns what cnncalc says, and lists the differences. Each comparison
runs in a separate process, which may crash or be stopped, and appends a line of JSON to a file, so that a run can be
resumed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cnncalc
from cnncalc.network import Network
from cnncalc.report import LayerReport, Report

TOLERANCE = 1e-4
"""The largest difference of values, relative to the largest value, that rounding explains."""
BATCH = 250
"""How many cases a process runs."""
Line = dict[str, Any]


class Fact(NamedTuple):
    """What a framework says about a model; None for what is not compared."""

    out: tuple[int, ...] | None
    params: int | None = None
    """Trainable numbers, including those that do not affect the output."""
    buffers: int | None = None
    macs: int | None = None
    values: Any = None
    """The first output."""
    tolerance: float = TOLERANCE
    """The largest permitted difference of its values."""


def compare(fact: Fact, network: Network, x: Any, weights: dict[str, Any] | None = None) -> Line:
    """Return what cnncalc says about a network, and the differences from the fact under `wrong`.

    `x` is an array, or several by name.
    """
    shapes: Any = {name: np.shape(one) for name, one in x.items()} if isinstance(x, dict) else np.shape(x)
    report = cnncalc.shape(network, shapes)
    line, wrong = facts_of(report), []
    if fact.out is not None and line["out"] is not None and not _agrees(line["out"], fact.out):
        wrong.append(f"out {line['out']}, not {list(fact.out)}")
    for key in ("params", "buffers", "macs"):
        wanted, unused = getattr(fact, key), line["unused"].get(key, 0)
        if wanted is not None and line[key] is not None and line[key] + unused != wanted:
            wrong.append(f"{key} {line[key]}{f'+{unused}' if unused else ''}, not {wanted}")
        line[f"want_{key}"] = wanted
    line["unknown"] = [key for key in ("out", "params", "buffers", "macs") if line[key] is None]
    if line["out"] is not None and None in line["out"]:
        line["unknown"] = ["out", *line["unknown"]]
    if fact.values is not None and not line["opaque"]:
        line |= compare_values(fact.values, network, x, weights)
        if line.get("diff", 0) > fact.tolerance or "run" in line:
            wrong.append(line.get("run") or f"values differ by {line['diff']:.2g}")
    return line | {"wrong": wrong}


def _agrees(out: Sequence[int | None], wanted: Sequence[int]) -> bool:
    """Return whether a shape is as expected, as far as it is known."""
    return len(out) == len(wanted) and all(n in (None, m) for n, m in zip(out, wanted, strict=True))


def read(reader: Callable[[], Network], fact: Fact, inputs: Any, weights: dict[str, Any] | None = None) -> Line:
    """Return a comparison for inputs (an array, or several by name), or `refused` with the reader's message."""
    x = inputs
    if isinstance(inputs, dict):
        first, *others = inputs.items()
        x = {"input": first[1], **dict(others)} if others else first[1]
    try:
        return compare(fact, reader(), x, weights)
    except cnncalc.CnncalcError as error:
        return {"refused": f"{error}"[:400], "want_out": fact.out}


def without_rounding(line: Line, exact: Callable[[], bool] | None) -> Line:
    """Return a comparison without its difference of values if `exact` finds none in float64."""
    wrong = line.get("wrong", [])
    if exact is None or not any(one.startswith("values") for one in wrong) or not exact():
        return line
    return line | {"wrong": [one for one in wrong if not one.startswith("values")], "rounding": line.get("diff")}


def compare_values(want: Any, network: Network, x: Any, weights: dict[str, Any] | None = None) -> Line:
    """Return the largest difference of the output, relative to its largest value, as `diff`; or why it fails, as `run`.

    If only one side is NaN or infinite, the difference is infinite.
    """
    try:
        got = np.asarray(cnncalc.run(network, x, weights, memory=2 << 30))
    except cnncalc.CnncalcError as error:
        return {"run": f"run: {error}"[:300]}
    return {"diff": difference(got, np.asarray(want))}


def difference(got: Any, want: Any) -> float:
    """Return the largest difference of two arrays relative to the largest finite value; infinity if shapes differ."""
    if got.size != want.size:
        return float("inf")
    got, want = got.reshape(want.shape).astype(np.float64), want.astype(np.float64)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    if same.all():
        return 0.0
    finite = np.isfinite(got) & np.isfinite(want)
    if not (same | finite).all():
        return float("inf")
    return float(np.abs(got - want)[finite].max() / max(float(np.abs(want[finite]).max()), 1e-3))


def facts_of(report: Report) -> Line:
    """Return the figures of a report, its opaque ops with their counts, and where its receptive field gets lost."""
    unused = {} if report.is_keras else report.to_dict().get("unused", {})  # Keras's totals include them
    return {
        "out": report.to_dict()["report"]["out"],
        "params": report.trainable if report.is_keras else report.params,
        "buffers": report.non_trainable if report.is_keras else report.buffers,
        "macs": report.macs,
        "unused": {key: n for key, n in unused.items() if key != "where"},
        "opaque": dict(Counter(one.values.get("type") or "?" for one in every_layer(report) if one.op == "opaque")),
        "field": has_field(report.layers[-1]),
        "lost": lost_at(report),
    }


def every_layer(layers: Iterable[LayerReport]) -> Iterator[LayerReport]:
    """Yield layers, including those nested in blocks."""
    for layer in layers:
        yield layer
        yield from every_layer(layer.inner)


def has_field(layer: LayerReport) -> bool:
    """Return whether the receptive field of a layer's units is known on each axis of the input that has one."""
    return bool(layer.rf) and all(field.size is not None for field in layer.rf)


def lost_at(report: Report) -> str | None:
    """Return, as `op name`, the first layer with an unknown field after inputs with known ones; None if none is."""
    if has_field(report.layers[-1]):
        return None
    for layer in report.layers:
        if not has_field(layer) and all(at < 0 or has_field(report.layers[at]) for at in layer.node.reads):
            kind = layer.values.get("type") if layer.op == "opaque" else None
            return f"{layer.op}{f':{kind}' if kind else ''} {layer.name}"
    return None


def each(work: Callable[[int], Line], count: int, seconds: float, gigabytes: float = 12) -> Iterator[Line]:
    """Yield the results of `work` for each number below `count`, in order, from processes with a batch each.

    If the process crashes, or takes too many seconds or too much memory, the result for that number is `died`.
    """
    at, forked = 0, multiprocessing.get_context("fork")
    while at < count:
        numbers = range(at, min(at + BATCH, count))
        receiver, sender = forked.Pipe(duplex=False)
        process = forked.Process(target=_work, args=(work, numbers, sender, gigabytes))
        process.start()
        sender.close()
        in_time = True
        while at < numbers.stop and (in_time := receiver.poll(seconds)):
            try:
                line = receiver.recv()
            except EOFError:
                break
            yield line
            at += 1
        if not in_time:
            process.kill()
        process.join()
        if at < numbers.stop:
            yield {"died": f"signal {-(process.exitcode or 0)}" if in_time else f"more than {seconds:g} s"}
            at += 1


def isolated(task: Callable[[], Line], seconds: float, gigabytes: float) -> Line:
    """Return the result of a task, run in a separate process."""
    return next(each(lambda _: task(), 1, seconds, gigabytes))


def _work(work: Callable[[int], Line], numbers: Iterable[int], sender: Any, gigabytes: float) -> None:
    """Send the result of `work` for each number; a framework's own output is discarded."""
    import resource

    limit = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    for number in numbers:
        line = guarded(partial(work, number))
        sender.send(json.loads(json.dumps(line, default=str)))
    sender.close()
    os._exit(0)


def guarded(task: Callable[[], Line]) -> Line:
    """Return the result of a task, or how it crashes."""
    try:
        return task()
    except Exception as error:
        return {"crashed": f"{type(error).__name__}: {error}"[:400]}


class Log:
    """A file of JSON lines, one for each model, with its `name`; models that are in it are not measured again."""

    def __init__(self, path: str):
        self.path = Path(path)
        self.lines: list[Line] = []
        if self.path.exists():
            self.lines = [json.loads(text) for text in self.path.read_text().splitlines()]
        self.names = {line["name"] for line in self.lines}

    def add(self, line: Line) -> None:
        """Append a line to the file."""
        self.lines.append(line)
        self.names.add(line["name"])
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def fails(line: Line) -> list[str]:
    """Return the faults of a line as texts: it died, was refused, or differs."""
    return [*(line[key] for key in ("died", "crashed", "refused") if key in line), *line.get("wrong", [])]


def row(line: Line) -> str:
    """Return a line of the table."""
    state = "***" if fails(line) else "ok " if not (line.get("unknown") or line.get("opaque")) else "?  "
    opaque = " ".join(f"{kind}:{n}" for kind, n in line.get("opaque", {}).items())
    parts = [f"opaque {opaque}"] if opaque else []
    parts += [f"unknown {' '.join(line['unknown'])}"] if line.get("unknown") else []
    parts += [f"diff {line['diff']:.1g}"] if "diff" in line else []
    parts += [f"field lost at {line['lost']}"] if line.get("lost") else []
    return f"{state} {line['name']:44} {'; '.join([*fails(line), *parts])}"


def summary(lines: Sequence[Line]) -> str:
    """Return the counts over all models: read, right, unknown and wrong, and opaque ops by count."""
    done = [line for line in lines if "skipped" not in line]
    read = [line for line in done if "out" in line]
    text = [f"{len(done)} models, {len(read)} read, {sum(not fails(line) for line in done)} with nothing wrong"]
    for key in ("out", "params", "buffers", "macs"):
        known = [line for line in read if line[key] is not None]
        wrong = sum(any(one.startswith(f"{key} ") for one in line["wrong"]) for line in known)
        text.append(f"  {key:8} {len(known) - wrong:4} right {len(read) - len(known):4} unknown {wrong:4} wrong")
    ran = [line for line in read if "diff" in line or "run" in line]
    right = sum(not any(one.startswith(("values", "run")) for one in line["wrong"]) for line in ran)
    text.append(f"  {'values':8} {right:4} right {len(read) - len(ran):4} not run {len(ran) - right:4} wrong")
    text.append(f"  {'field':8} {sum(line['field'] for line in read):4} known")
    for what, of in (
        ("opaque ops", Counter(kind for line in read for kind, n in line["opaque"].items() for _ in range(n))),
        ("models with opaque", Counter(kind for line in read for kind in line["opaque"])),
        ("field lost at", Counter((line["lost"] or "").split(" ")[0] for line in read if line["lost"])),
        ("failures", Counter(fail[:70] for line in done for fail in fails(line))),
    ):
        text += [f"  {what}: {', '.join(f'{kind} {n}' for kind, n in of.most_common(60))}"] if of else []
    return "\n".join(text)
