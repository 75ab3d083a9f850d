"""Laws that hold for every network, whatever it was read from; `Broken` names the violated law.

For files under a megabyte, reading, shaping, checking and comparing stay within limits of time and memory.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

import cnncalc
from cnncalc.layers import Fields
from cnncalc.network import Network
from cnncalc.report import LayerReport, Report
from cnncalc.sizes import NOTHING_KNOWN
from tests.program import here

SLOWEST = 2.0
"""The most seconds of processor time to read and shape, or to check and compare, a file."""
MOST_MEMORY = 256 << 20
"""The most memory that this may take, in bytes."""
MOST_WORK = 10**6
"""The most MACs, numbers or weights of networks that are executed, or written with their weights."""
MOST_LAYERS = 300
"""The most layers of networks that are written."""
SIZES: tuple[Any, ...] = ((3, 12, 10), (12,), (3, 12), (2, 6, 7, 9), (1, 28, 28), (3, 64, 64))
"""Inputs that are tried for a network without one."""


class Broken(Exception):
    """Raised if a law does not hold."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raise Broken if a block takes more time or memory than a file may, even if it ends with an error."""
    _forget_peak()
    start, before = time.process_time(), _memory("VmRSS")
    try:
        yield
    finally:
        _check_bounds(time.process_time() - start, _memory("VmHWM") - before)


def _check_bounds(taken: float, more: int) -> None:
    """Raise Broken if these seconds or bytes are more than a file may take."""
    if taken > SLOWEST:
        raise Broken(f"too slow: {taken:.1f} s")
    if more > MOST_MEMORY:
        raise Broken(f"too much memory: {more >> 20} MiB")


def _forget_peak() -> None:
    """Reset the peak memory of this process, if the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _memory(name: str) -> int:
    """Return a memory figure of this process from Linux, in bytes; 0 on other systems."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) << 10
    return 0


def check(read: Callable[[], Network]) -> Network | None:
    """Read a network and check it against every law; None if it is rejected. Raise Broken, or any bug."""
    try:
        with bounded():
            network = read()
            report = shaped(network)
        with bounded():
            agrees_with_itself(network)
    except cnncalc.CnncalcError as error:
        said(error)
        return None
    with bounded():
        reads_back(report)
    runs(network, report)
    converts(network, report)
    return network


def said(error: cnncalc.CnncalcError) -> str:
    """Return the text of an error, which must be short and printable everywhere."""
    text = str(error)
    text.encode()
    if len(text) > 5000:
        raise Broken(f"an error of {len(text):,} characters: {text[:60]!r}")
    return text


def shaped(network: Network) -> Report:
    """Return the report of a network, for a usual input if it has none."""
    if network.input is not None:
        return cnncalc.shape(network)
    for sizes in SIZES:
        with contextlib.suppress(cnncalc.CnncalcError):
            return cnncalc.shape(network, sizes)
    return cnncalc.shape(network, SIZES[0])


def reads_back(report: Report) -> None:
    """A report as JSON is a spec with the same report."""
    document = report.to_dict()
    text = json.dumps(document, allow_nan=False)
    try:
        again = cnncalc.shape(json.loads(text)).to_dict()
    except cnncalc.CnncalcError as error:
        raise Broken(f"its own report is refused: {error}") from error
    if again != document:
        raise Broken(f"its own report reads as another: {_difference(document, again)}")


def agrees_with_itself(network: Network) -> None:
    """A network does not differ from itself, and a check of it ends with findings, not an error."""
    sizes = None if network.input is not None else shaped(network).to_dict()["input"]
    if not isinstance(sizes, dict) and (found := cnncalc.diff(network, network, input=sizes)):
        raise Broken(f"differs from itself: {str(found)[:200]}")
    for finding in cnncalc.check(network, {"min_params": 0}, input=sizes).findings:
        finding.text()


def runs(network: Network, report: Report) -> None:
    """The output of execution has the traced shape."""
    sizes = report.to_dict()["input"]
    if isinstance(sizes, dict) or not is_small(report) or prod(sizes) > MOST_WORK:
        return
    try:
        out = cnncalc.run(network, np.zeros(sizes, np.float32), seed=0, memory=64 << 20)
    except cnncalc.CnncalcError as error:
        said(error)
        return
    wanted = None if report.out is None else tuple(report.to_dict()["report"]["out"])
    if wanted is not None and out.shape not in _shapes_of(wanted, report, len(sizes) < len(report.sample)):
        raise Broken(f"executed it is {out.shape}, traced {wanted}")


def _shapes_of(out: tuple[Any, ...], report: Report, lacks_channels: bool) -> Iterator[tuple[Any, ...]]:
    """Yield the shapes that an array of an output may have."""
    yield out
    if lacks_channels:
        yield from (out[1:], out[:-1])
    if not _has_batch(report):
        folded, at = (report.layers[-1].times, report.layers[-1].traced.fields.batch_at) if report.layers else (1, 0)
        yield from ((*out[:at], number, *out[at:]) for number in (1, report.batch, report.sample[0], folded))


def _has_batch(report: Report) -> bool:
    """Return whether all outputs have the batch in front, as the input does; constants do not.

    In ONNX, unread layers in a block are outputs as well.
    """
    ends = [*_unread(report.layers), *(one for layer in _every(report.layers) for one in _unread(layer.inner)[:-1])]
    return all(fields.batched and fields.times == 1 and fields.batch_at == 0 for fields in ends)


def _unread(layers: Sequence[LayerReport]) -> list[Fields]:
    """Return the fields of the layers that no other layer reads."""
    read = {at for layer in layers for at in layer.node.reads}
    return [layer.traced.fields for at, layer in enumerate(layers) if at not in read]


def is_small(report: Report) -> bool:
    """Return whether a network is executed quickly: every size is known and small."""
    layers = [*_every(report.layers)]
    shapes = [report.sample, *(layer.traced.out or () for layer in layers)]
    if len(layers) > MOST_LAYERS:
        return False
    numbers = [report.macs, report.params, *map(prod, shapes)]
    known = [number for number in numbers if isinstance(number, int)]
    return len(known) == len(numbers) and sum(known) <= MOST_WORK


def _every(layers: Sequence[LayerReport]) -> Iterator[LayerReport]:
    left = [*layers]
    while left:
        layer = left.pop()
        left += layer.inner
        yield layer


def converts(network: Network, report: Report) -> None:
    """A network written for a framework reads back with the same output and parameters."""
    if not is_small(report) or network.input is None:
        return
    for name, data in written(network, report):
        sizes = (1, *report.sample) if name.endswith(".py") else None
        try:
            again = cnncalc.shape(loaded(data, name), sizes)
        except cnncalc.CnncalcError as error:
            if name.endswith(".py"):  # something of PyTorch that our reader of source does not support
                compile(data, name, "exec")
            if name.endswith(".py") or "is too large" in error.what:
                continue
            raise Broken(f"{name}, written, is refused: {error}") from error
        if not _are_same(again, report):
            raise Broken(f"{name}, written: {again.out} of {again.params}, not {report.out} of {report.params}")


def written(network: Network, report: Report, weights: Any = None) -> Iterator[tuple[str, bytes]]:
    """Yield what is written for each framework, with a file name; nothing if the writer rejects a layer."""
    kinds: dict[str, Callable[[], bytes]] = {
        "net.json": lambda: cnncalc.to_keras(network).encode(),
        "net.onnx": lambda: cnncalc.to_onnx(network, weights),
    }
    if not report.sample:  # an input of only a batch is a row to the reader
        del kinds["net.onnx"]
    # source does not say what the axes of its input are
    if len(report.sample) == 3 and report.batch is None and not _has_dead_ends(report.layers):
        kinds["net.py"] = lambda: cnncalc.to_torch(network).encode()
    for name, write in kinds.items():
        try:
            yield name, write()
        except cnncalc.CnncalcError as error:
            said(error)


def _has_dead_ends(layers: Sequence[LayerReport]) -> bool:
    """Return whether a block has an unread layer other than its last, which our reader of source leaves out."""
    return any(len(_unread(layer.inner)) > 1 for layer in _every(layers))


def _are_same(again: Report, report: Report) -> bool:
    """Return whether the outputs of a sample and the parameters are the same.

    ONNX has two biases for recurrent layers, does not say which constants are trainable, and does not share single
    numbers. A bias that a file repeats from one number is written in full. An output without a batch may get one.
    """
    tied = [one for layer in _every(report.layers) if layer.node.tie is not None for one in _every([layer])]
    differ = any(prod(shape) == 1 for layer in tied for shape in layer.weight_shapes().values())
    differ = differ or any(
        layer.node.counted is not None or layer.op in ("lstm", "gru", "rnn", "constant", "rescale", "normalization")
        for layer in _every(report.layers)
    )
    if not differ and again.params != report.params:
        return False
    outs = [one.layers[-1].traced.out if one.layers else one.sample for one in (again, report)]
    fixed = isinstance(report.batch, int) and again.out == report.out  # the batch is an axis of the sample
    unknown = outs[0] is NOTHING_KNOWN  # an op that is written, but read as opaque
    return outs[0] == outs[1] or fixed or unknown or not (_has_batch(again) and _has_batch(report))


def loaded(data: bytes, name: str) -> Network:
    """Return the network of a file's bytes."""
    from cnncalc.sources import read_bytes

    return read_bytes(data, name)


def lines_are_documents(spec: Any) -> None:
    """`--jsonl` writes the same as `--json`, on one line."""
    text = json.dumps(spec)
    whole, line = here(["shape", "-", "--json"], text), here(["shape", "-", "--jsonl"], text)
    if whole.code != line.code or (whole.code == 0 and json.loads(whole.out) != json.loads(line.out)):
        raise Broken(f"--jsonl ends {line.code} and says {line.out[:200]}, --json {whole.code} and {whole.out[:200]}")


def times_is_copies(layers: list[dict[str, Any]], input: list[Any], at: int, number: int) -> None:
    """A layer with `times` n is equal to the layer written n times."""
    layer = {key: value for key, value in layers[at].items() if key not in ("times", "name")}
    before, after = layers[:at], layers[at + 1 :]
    specs = ([*before, layer | {"times": number}, *after], [*before, *[layer] * number, *after])
    figures: list[Any] = []
    for spec in specs:
        try:
            report = cnncalc.shape(spec, input)
            figures.append((report.out, report.params, report.macs, report.buffers, report.rf))
        except cnncalc.CnncalcError:
            figures.append(None)
    if figures[0] != figures[1]:
        raise Broken(f"times {number} of {layer}: {figures[0]}, and copies of it: {figures[1]}")


def _difference(one: Any, other: Any, at: str = "") -> str:
    """Return the first position at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if one.get(key) != other.get(key):
                return _difference(one.get(key), other.get(key), f"{at}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            if pair[0] != pair[1]:
                return _difference(*pair, f"{at}[{number}]")
    return f"{at} is {str(other)[:100]}, was {str(one)[:100]}"
