"""Laws of correct results, for networks that are read and shaped without an error; `Broken` names the violated law."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import prod
from typing import Any
from zlib import crc32

import numpy as np

import cnncalc
from cnncalc.errors import CnncalcError
from cnncalc.execute.verify import verify
from cnncalc.execute.weights import wanted
from cnncalc.floors import LARGEST
from cnncalc.frameworks.onnx.read.ops.resample import divides
from cnncalc.network import Network
from cnncalc.report import LayerReport, Report
from cnncalc.sizes import NOTHING_KNOWN, Open, product
from tests.naive import run as naively
from tests.program import here

from .laws import MOST_WORK, Broken, is_small, loaded, written

Array = Any
STEPS = {
    *("round", "floor", "ceil", "trunc", "sign", "quantize", "compare", "threshold", "hardshrink", "softshrink", "mod"),
    *("argmax", "argmin", "embedding", "logical", "not", "and", "or", "xor", "dropout"),
}
"""Ops that amplify rounding errors."""
MOST_PLACES = 1500
"""The largest value, in numbers, whose fields are checked."""
LEAST = 1e-4
"""If all values of a layer are below this, they may be rounding errors, as in the normalization of equal values."""
MOST_CELLS = 10_000
"""The most cells of a kernel that the oracle visits."""


def check(network: Network, report: Report) -> None:
    """Check a valid network against each law."""
    counts_are_arrays(report)
    formulas_hold(network, report)
    if network.expect is None and not any(layer.node.expect is not None for _, layer in _named(report.layers)):
        expectations_hold(network, report)
        views_agree(network, report)
    if not is_small(report):
        return
    fields_are_answers(report)
    drawn = given(report)
    if drawn is None:
        return
    x, weights = drawn
    try:
        out = cnncalc.run(network, x, weights)
    except CnncalcError:
        return
    values_agree(network, report, x, weights, out)


def given(report: Report) -> tuple[Array, dict[str, Array]] | None:
    """Return a batch of inputs and all weights, determined by the report; None for several inputs, or unknown sizes."""
    document = report.to_dict()
    sizes = document["input"]
    if isinstance(sizes, dict) or not all(isinstance(n, int) for n in sizes) or len(sizes) < len(report.sample):
        return None
    number = crc32(json.dumps(document).encode())
    draw = np.random.default_rng(number)
    if len(sizes) == len(report.sample):
        sizes = [2, *sizes]
    if prod(sizes) > MOST_WORK:
        return None
    x = draw.uniform(-1 if number % 2 else 0.1, 1, sizes).astype(np.float32)  # for roots and powers of positive numbers
    return x, {want.name: draw.uniform(0.1, 0.5, want.shape).astype(np.float32) for want in wanted(inlined(report, x))}


def inlined(report: Report, x: Array) -> Report:
    """Return the report of a network with its blocks expanded, as it is executed."""
    return cnncalc.shape(report.network.inlined(), x.shape)


# Counts


def counts_are_arrays(report: Report) -> None:
    """The parameters and buffers that a layer counts are those in its arrays."""
    for layer in report.layers:
        node = layer.node
        arrays = layer.weight_shapes()
        if node.tie is not None or node.counted is not None or layer.inner or layer.values.get("kind") == "constant":
            continue
        if layer.sample is NOTHING_KNOWN:
            continue
        counted = [layer.traced.weights, layer.traced.bias, layer.traced.buffers]
        sizes = [n for shape in arrays.values() for n in shape]
        if layer.op != "opaque" and None not in counted and all(isinstance(n, int) for n in [*counted, *sizes]):
            held = sum(map(prod, arrays.values()))
            if held != sum(counted):  # type: ignore[arg-type]
                raise Broken(f"{layer.op} counts {counted}, and its arrays {arrays} hold {held}")


def _named(layers: Any, within: str = "") -> Iterator[tuple[str, LayerReport]]:
    for layer in layers:
        yield within + layer.name, layer
        yield from _named(layer.inner, f"{within}{layer.name}.")


def _at(number: Any, at: Mapping[str, int]) -> Any:
    """Return a number with letters replaced by these values; None if it is unknown."""
    if not isinstance(number, Open):
        return number
    value = number.at(at)
    return None if isinstance(value, Open) else value


def formulas_hold(network: Network, report: Report) -> None:
    """With open spatial sizes, a network's formulas give its figures for numbers, and its conditions hold too."""
    sizes = report.to_dict()["input"]
    if isinstance(sizes, dict) or len(report.sample) < 2 or len(sizes) > len(report.sample):
        return
    if not all(isinstance(n, int) for n in sizes):
        return
    places = [*range(len(sizes))][:-1] if report.to_dict()["layout"] == "NHWC" else [*range(len(sizes))][1:]
    if any(isinstance(n, Open) for _, layer in _named(report.layers) for n in layer.traced.out):  # with own letters
        return
    letters = dict(zip(places, "HWD", strict=False))
    try:
        formula = cnncalc.shape(network, [letters.get(at, n) for at, n in enumerate(sizes)])
    except CnncalcError:
        return
    own, holds = dict(_named(formula.layers)), formula.holds
    complete = all(_is_known(layer) for layer in own.values())
    for more in (0, 1, 2, 5, -1, -2, 16):
        numbers = [n + (more if at in letters else 0) for at, n in enumerate(sizes)]
        if min(numbers) < 1:
            continue
        at = {letter: numbers[place] for place, letter in letters.items()}
        if any((_at(n, at) or 0) > LARGEST for layer in own.values() for n in layer.traced.out):
            continue  # rejected as too large, which is not a condition on the input
        traced = None
        with suppress(CnncalcError):
            traced = cnncalc.shape(network, numbers)
        if holds.at(at) != (traced is not None) and (complete or traced is not None):
            raise Broken(f"it holds where {holds}, and for {numbers} it is {'traced' if traced else 'refused'}")
        for name, layer in _named(traced.layers) if traced else ():
            _same_figures(own[name], layer, at)


def _is_known(layer: LayerReport) -> bool:
    return all(not (isinstance(n, Open) and n.is_unknown) for n in layer.traced.out) and layer.op != "opaque"


def _same_figures(formula: LayerReport, layer: LayerReport, at: Mapping[str, int]) -> None:
    for figure in ("params", "macs", "buffers"):
        one, other = _at(getattr(formula, figure), at), getattr(layer, figure)
        if one is not None and not isinstance(other, Open) and one != other:
            raise Broken(f"{figure} of {layer.op} for {at}: {one} by {getattr(formula, figure)}, traced {other}")
    if _is_known(formula):
        sizes = tuple([_at(n, at) for n in formula.traced.out])
        if None not in sizes and sizes != tuple(layer.traced.out):
            raise Broken(f"{layer.op} for {at}: {sizes} by {formula.traced.out}, traced {layer.traced.out}")


def expectations_hold(network: Network, report: Report) -> None:
    """A network meets the expectations from its report, and no others."""
    document = report.to_dict()
    if isinstance(document["input"], dict):
        return
    figures = {key: document["report"].get(key) for key in ("params", "macs", "out")}
    for key, value in figures.items():
        numbers = value if isinstance(value, list) else [value]
        if value in (None, 0) or not all(isinstance(n, int) for n in numbers):
            continue
        other = value + 1 if isinstance(value, int) else [*value[:-1], value[-1] + 1] if value else [1]
        for wanted_value, holds in ((value, True), (other, False)):
            found = cnncalc.check(network, {key: wanted_value}, input=document["input"]).findings
            if (not found) != holds:
                raise Broken(f"{key} is {value}, and expected {wanted_value}: {[one.text() for one in found][:1]}")


def views_agree(network: Network, report: Report) -> None:
    """The CSV, `compare`, `contrast` and the network's own spec have the report's figures, and `diff` finds a cut."""
    document = report.to_dict()
    totals = document["report"]
    rows = _csv(document)
    if len(rows) != len(report.layers):
        raise Broken(f"the CSV has {len(rows)} layers of {len(report.layers)}")
    for row, layer in zip(rows, report.layers, strict=True):
        figures = {"params": layer.params, "macs": layer.macs, "buffers": layer.buffers}
        wrong = {key: row[key] for key, one in figures.items() if isinstance(one, int) and row[key] != str(one)}
        if wrong:
            raise Broken(f"the CSV says {wrong} of {layer.op}, the report {figures}")
    (compared,) = cnncalc.compare(document).to_list()
    contrasted = cnncalc.contrast(document, [document["dialect"]]).to_dict()["dialects"][document["dialect"]]
    own = cnncalc.shape(network.to_dict(), document["input"]).to_dict()["report"]
    for key in ("params", "macs", "buffers"):
        found = [one.get(key) for one in (totals, compared, contrasted, own)]
        if found.count(found[0]) < len(found):
            raise Broken(f"{key} of the report, by compare, by contrast and of its spec: {found}")
    shorter = {**document, "sample_axes": len(report.sample), "layers": document["layers"][:-1]}
    if len(report.layers) > 1 and not cnncalc.diff(document, shorter):
        raise Broken("it does not differ from itself without the last layer")


def _csv(document: dict[str, Any]) -> list[dict[str, str]]:
    ended = here(["shape", "-", "--format", "csv"], json.dumps(document))
    if ended.code:
        raise Broken(f"as CSV it ends {ended.code}: {ended.err[:200]}")
    return [*csv.DictReader(ended.out.splitlines())]


# Fields


def fields_are_answers(report: Report) -> None:
    """Units respond to exactly what they are said to see."""
    sizes = [product(one) for one in (report.sample, *[layer.traced.out for layer in report.layers])]
    if any(not isinstance(n, int) or n > MOST_PLACES for n in sizes):
        return
    try:
        found = verify(report)
    except CnncalcError:
        return
    if found.difference is not None:
        raise Broken(f"field: {found.difference.text()}")


# Values


def values_agree(network: Network, report: Report, x: Array, weights: dict[str, Array], out: Array) -> None:
    """Values are equal sample by sample, in parts, unfused, by definition, and after writing and reading back."""
    steep = is_steep(network, report, x, weights, out)
    is_batch = x.ndim > len(report.sample) and report.batch is None
    if is_batch and all(layer.traced.fields.batched for layer in report.layers[-1:]):
        at = report.layers[-1].traced.fields.batch_at if report.layers else 0
        alone = np.stack([cnncalc.run(network, one, weights) for one in x], at)
        _compare("one by one", alone, out, steep)
    _compare("not fused", cnncalc.run(network, x, weights, fuse=False), out, steep)
    kept = _kept(network, report, x, weights)
    _compare("with all layers kept", kept.get(report.layers[-1].name, out), out, steep)
    prepared = cnncalc.prepare(network, weights)
    first = prepared(x)
    with suppress(CnncalcError):  # an index that is not in a table
        prepared(x + 1)
    if not np.array_equal(first, prepared(x), equal_nan=True):
        raise Broken("prepared once and run three times, the values of the first are not those of the third")
    for layer in report.layers[:-1]:
        try:
            until, after = (cnncalc.load(report.network, **{key: layer.name}) for key in ("until", "after"))
            if (
                after.nodes[-1].name != report.layers[-1].name or layer.traced.fields.batch_at
            ):  # another output or batch
                continue
            middle = cnncalc.run(until, x, weights)
            odd = steep or not np.isfinite(middle).all()
            _compare(f"until {layer.op}, and kept", middle, kept.get(layer.name, middle), odd)
            continued = cnncalc.run(after, middle, weights)
        except CnncalcError:
            continue
        _compare(f"until and after {layer.op}", continued, out, steep)
    if x.ndim > len(report.sample) and not steep:
        are_defined(network, inlined(report, x), x, weights)
    for name, data in written(network, report, weights):
        try:
            other = loaded(data, name)
            if name != "net.onnx" and other.layout != report.network.layout:  # its arrays have other shapes
                continue
            own = {want.name: weights[want.name] for want in wanted(cnncalc.shape(other, x.shape))}
            got = cnncalc.run(other, x, None if name == "net.onnx" else own)
        except (CnncalcError, KeyError):
            continue
        _compare(name, got, out, steep)


def are_defined(network: Network, report: Report, x: Array, weights: dict[str, Array]) -> None:
    """The values are those of the definitions in `tests/naive.py`, computed with twice the precision."""
    ends = report.layers[-1].traced
    if not ends.fields.batched or any(one.traced.out == () or one.values.get("antialias") for one in report.layers):
        return
    kernels = [layer.values.get("k") for _, layer in _named(report.layers)]
    if any(isinstance(k, (list, tuple)) and prod(k) > MOST_CELLS for k in kernels):
        return
    rough = cnncalc.run(network, x, weights)
    x, weights = x.astype(np.float64), {name: array.astype(np.float64) for name, array in weights.items()}
    fast = cnncalc.run(network, x, weights)
    if is_steep(network, report, x, weights, fast):  # a recurrent layer may be at rest only in float32
        return
    if not difference(rough, fast) < 1e-3:  # a gate far above 1 amplifies rounding errors at each step
        return
    with suppress(KeyError, OverflowError, ZeroDivisionError), np.errstate(all="ignore"):  # ops that the oracle lacks
        _compare("by definition", naively(report, x, weights), fast, False)


def _kept(network: Network, report: Report, x: Array, weights: dict[str, Array]) -> dict[str, Array]:
    """Return the values of each layer by name, without those in blocks."""
    names = [layer.name for layer in report.layers if not layer.inner]
    return cnncalc.run(network, x, weights, keep=names) if names else {}


def is_steep(network: Network, report: Report, x: Array, weights: dict[str, Array], out: Array) -> bool:
    """Return whether the values are NaN, or depend on the last bits of the input or of what a step function reads.

    One such layer is enough, even if a later layer hides it. Examples are 0 / 0 up to rounding, whose result a later
    layer clips, and a mean of 0 up to rounding, of which a later layer takes the sign.
    """
    if any(layer.op == "upsample" and _is_resized_otherwise(layer) for _, layer in _named(report.layers)):
        return True
    flat = inlined(report, x)
    kept = [np.abs(values).max(initial=0) for values in _kept(flat.network, flat, x, weights).values()]
    if not np.isfinite(kept).all() or any(0 < most < LEAST for most in kept) or np.abs(out).max(initial=0) < LEAST:
        return True
    noise = np.random.default_rng(0).uniform(1 - 1e-6, 1 + 1e-6, x.shape).astype(x.dtype)
    for most in (1e-5, -1e-5):  # a value near a step moves to either side of it
        try:
            near = cnncalc.run(*_shaken(flat, x * noise, weights, most))
        except CnncalcError:  # a table index that is not an integer
            return True
        with np.errstate(all="ignore"):
            if not difference(near, out) < 1e-4:
                return True
    return False


def _is_resized_otherwise(layer: LayerReport) -> bool:
    """Return whether ONNX resamples differently.

    onnxruntime skips a layer that keeps the sizes, and may choose another nearest input. Unlike TensorFlow, it does not
    round the positions of a cubic interpolation.
    """
    v, space = layer.values, slice(0, -1) if layer.env.channels_last else slice(1, None)
    if "cubic" in v["mode"] and layer.env.dialect.cubic_steps:
        return True
    sizes = [*zip(layer.sample[space], layer.traced.out[space], strict=True)]
    return layer.sample == layer.traced.out or (v["mode"] == "nearest" and divides(sizes, v.get("factor", ())))


def _shaken(report: Report, x: Array, weights: dict[str, Array], most: float) -> tuple[Any, Array, dict[str, Array]]:
    """Return a network whose input, weights and inputs of step functions are multiplied by numbers near 1."""
    spec, draw, near = report.network.to_dict(), np.random.default_rng(1), {}
    layers: list[dict[str, Any]] = []
    for raw, layer in zip(spec["layers"], report.layers, strict=True):
        reads = ["input" if at < 0 else report.layers[at].name for at in layer.node.reads]
        for place, at in enumerate(layer.node.reads if layer.op in STEPS else ()):
            name, shape = f"{layer.name}~{place}", report.sample if at < 0 else report.layers[at].traced.out
            near[f"{name}~.weight"] = (1 + most * draw.uniform(-1, 1, shape)).astype(x.dtype)  # type: ignore[arg-type]
            layers.append({"op": "constant", "name": f"{name}~", "shape": shape, "from": []})
            layers.append({"op": "mul", "name": name, "from": [reads[place], f"{name}~"]})
            reads[place] = name
        layers.append({**raw, "from": reads})
    return spec | {"layers": layers, "sample_axes": len(report.sample)}, x, {**weights, **near}


def difference(one: Array, other: Array) -> float:
    """Return the largest difference of values, relative to the largest value."""
    one, other = one.reshape(other.shape).astype(np.float64), other.astype(np.float64)
    return float(np.abs(one - other).max(initial=0)) / max(float(np.abs(other).max(initial=0)), 1e-6)


def _compare(what: str, one: Array, other: Array, steep: bool) -> None:
    if one.size != other.size:
        raise Broken(f"{what}: values of {one.shape}, not {other.shape}")
    if not steep and not difference(one, other) < 1e-3:
        raise Broken(f"{what}: values differ by {difference(one, other):.2g} of the largest")
