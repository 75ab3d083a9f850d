"""The definition of each op, implemented as slowly and plainly as it reads: the oracle of the fast kernels.

Everything works on one sample with the channels first, in float64 (or Python integers), one output value at a time.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from cnncalc.report import LayerReport, Report
from tests.cases import FUNCTIONS

Array = Any
Values = Mapping[str, Any]


def run(report: Report, x: Array, weights: Mapping[str, Array]) -> Array:
    """Return the output of a network for x (N, *sample)."""
    return np.stack([part for one in x for part in _parts(report, one, weights)])


def _parts(report: Report, x: Array, weights: Mapping[str, Array]) -> list[Array]:
    """Return the outputs for a sample: several arrays if axes of it are folded into the batch, otherwise one."""
    found: list[list[Array]] = []
    for layer in report.layers:
        reads = [[x] if at < 0 else found[at] for at in layer.node.reads]
        owner = layer.node.name if layer.node.tie is None else report.layers[layer.node.tie].name
        own = {role: weights[f"{owner}.{role}"] for role in layer.weight_shapes()}
        if layer.op in FOLDS:
            found.append([*np.stack(reads[0]).reshape(-1, *layer.traced.out)])
            continue
        count = max(map(len, reads), default=1)
        alike = [parts * count if len(parts) == 1 else parts for parts in reads]
        found.append([_layer(layer, list(xs), own) for xs in zip(*alike, strict=True)] or [own["weight"]])
        for part in found[-1]:
            assert part.shape == layer.traced.out, (layer.name, part.shape, layer.traced.out)
    return found[-1]


FOLDS = ("tobatch", "frombatch")


def _layer(layer: LayerReport, xs: list[Array], weights: Mapping[str, Array]) -> Array:
    op = layer.op.removesuffix("1d").removesuffix("3d")
    last = layer.env.channels_last
    if op in SPATIAL:
        first = [np.moveaxis(x, -1, 0) if last else x for x in xs]
        out = SPATIAL[op](layer, first, _channels_first(op, weights, last), layer.values)
        keeps = out.ndim == 1 or not last
        return out if keeps else np.moveaxis(out, 0, -1)
    return OTHERS[op](layer, xs, weights, layer.values)


def _channels_first(op: str, weights: Mapping[str, Array], last: bool) -> dict[str, Array]:
    """Return kernels as (c_o, c_i/g, *k), depthwise ones as (c_i, multiplier, *k), transposed as (c_i, c_o/g, *k)."""
    found = dict(weights)
    for role, array in weights.items():
        if role == "depthwise" or (op == "dwconv" and role == "weight"):
            if last:
                found[role] = np.moveaxis(array, (-2, -1), (0, 1))
            else:
                found[role] = array  # (c_i * multiplier, 1, *k)
        elif array.ndim > 2 and last and role in ("weight", "pointwise"):
            found[role] = np.moveaxis(array, (-1, -2), (0, 1))
    return found


def _cells(v: Values, u: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield every cell of a kernel, and the input it sees from output u: u*s + i*d - pb."""
    for cell in product(*map(range, v["k"])):
        yield (
            cell,
            tuple(a * s + i * d - pb for a, s, i, d, (pb, _) in zip(u, v["s"], cell, v["d"], v["p"], strict=True)),
        )


def _inside(at: tuple[int, ...], space: tuple[int, ...]) -> bool:
    return all(0 <= i < n for i, n in zip(at, space, strict=True))


def _space(layer: LayerReport) -> tuple[int, ...]:
    out = layer.traced.out
    return out[:-1] if layer.env.channels_last else out[1:]  # type: ignore[return-value]


def _correlate(layer: LayerReport, x: Array, w: Array, b: Array | None, v: Values, g: int) -> Array:
    """Return, for each output, the sum of the inputs that the kernel's cells see times their weights, by group."""
    out: Array = np.zeros((len(w), *_space(layer)))
    maps, kernels = x.reshape(g, -1, *x.shape[1:]), w.reshape(g, -1, *w.shape[1:])
    for u in product(*map(range, out.shape[1:])):
        for cell, at in _cells(v, u):
            if _inside(at, x.shape[1:]):
                tap = tuple(k - 1 - i for k, i in zip(v["k"], cell, strict=True)) if v["flip"] else cell
                out[(..., *u)] += np.einsum("goi,gi->go", kernels[(..., *tap)], maps[(..., *at)]).ravel()
    return out if b is None else out + b.reshape(-1, *(1,) * (out.ndim - 1))


def conv(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return _correlate(layer, xs[0], w["weight"], w.get("bias"), v, v["g"])


def _depthwise(layer: LayerReport, x: Array, w: Array, b: Array | None, v: Values) -> Array:
    flat = w.reshape(-1, 1, *v["k"])
    return _correlate(layer, x, flat, b, v, len(x))


def dwconv(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return _depthwise(layer, xs[0], w["weight"], w.get("bias"), v)


def sepconv(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    between = _depthwise(layer, xs[0], w["depthwise"], None, v)
    pointwise = w["pointwise"].reshape(len(w["pointwise"]), -1)
    out = np.einsum("oc,c...->o...", pointwise, between)
    bias = w.get("bias")
    return out if bias is None else out + bias.reshape(-1, *(1,) * (out.ndim - 1))


def transposed(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x, weight, g = xs[0], w["weight"], v["g"]
    maps, kernels = x.reshape(g, -1, *x.shape[1:]), weight.reshape(g, -1, *weight.shape[1:])
    out = np.zeros((weight.shape[1] * g, *_space(layer)))
    for u in product(*map(range, x.shape[1:])):
        for cell in product(*map(range, v["k"])):
            rows = zip(u, cell, v["s"], v["d"], v["p"], strict=True)
            at = tuple(a * s + c * d - pb for a, c, s, d, (pb, _) in rows)
            tap = tuple(k - 1 - c for k, c in zip(v["k"], cell, strict=True)) if v["flip"] else cell
            if _inside(at, out.shape[1:]):
                out[(..., *at)] += np.einsum("gio,gi->go", kernels[(..., *tap)], maps[(..., *u)]).ravel()
    if "bias" in w:
        out += w["bias"].reshape(-1, *(1,) * (out.ndim - 1))
    return out


def _pool(combine: Callable[[list[Any], int, Values], Any]) -> Callable[..., Array]:
    """Return a pooling function; `combine` gets a window's values, and how many cells are input or explicit padding."""

    def pool(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        x = xs[0]
        out = np.zeros((len(x), *_space(layer)))
        for u in product(*map(range, out.shape[1:])):
            inside, padded = [], 0
            for _, at in _cells(v, u):
                rows = zip(at, x.shape[1:], v["p"], strict=True)
                padded += all(-pb <= i < n + pa for i, n, (pb, pa) in rows)
                if _inside(at, x.shape[1:]):
                    inside.append(at)
            for c, channel in enumerate(x):
                values = [channel[at] for at in inside]
                out[(c, *u)] = combine(values, padded, {**v, "dialect": layer.env.dialect.name})
        return out

    return pool


def _mean(inside: list[Any], padded: int, v: Values) -> float:
    return float(math.fsum(inside) / (padded if v["count_include_pad"] else len(inside)))


def _norm(inside: list[Any], padded: int, v: Values) -> float:
    """Return the p-norm of a window: in PyTorch (avg_pool2d(x.pow(norm)) * k).pow(1/norm), elsewhere that of |x|."""
    norm = v["norm"]
    if v["dialect"] == "torch":
        with np.errstate(invalid="ignore"):
            mean = math.fsum(np.power(x, norm) for x in inside) / padded
            return float(np.power(np.float64(mean * math.prod(v["k"])), 1 / norm))
    if norm < 0 and len(inside) < padded:  # one over zero
        return 0.0
    return float(math.fsum(abs(x) ** norm for x in inside) ** (1 / norm))


def _global(combine: Callable[[Array], Any]) -> Callable[..., Array]:
    def pool(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        found = np.array([combine(channel) for channel in xs[0]])
        return found.reshape(-1, *(1,) * (xs[0].ndim - 1)) if v["keepdims"] else found

    return pool


def _adaptive(combine: Callable[[Array], Any]) -> Callable[..., Array]:
    def pool(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        x = xs[0]
        out = np.zeros((len(x), *_space(layer)))
        for c, u in product(range(len(x)), product(*map(range, out.shape[1:]))):
            rows = zip(u, x.shape[1:], out.shape[1:], strict=True)
            window = tuple(slice(math.floor(a * n / o), math.ceil((a + 1) * n / o)) for a, n, o in rows)
            out[(c, *u)] = combine(x[(c, *window)])
        return out

    return pool


def batchnorm(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    shape = (-1, *(1,) * (xs[0].ndim - 1))
    mean, var = w["running_mean"].reshape(shape), w["running_var"].reshape(shape)
    out = (xs[0] - mean) / np.sqrt(var + v["eps"])
    out = out * w["weight"].reshape(shape) if "weight" in w else out
    return out + w["bias"].reshape(shape) if "bias" in w else out


def layernorm(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x = xs[0]
    axes = tuple(sorted(a - 1 if a > 0 else a + x.ndim for a in v["axis"]))
    out = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + v["eps"])
    shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
    out = out * w["weight"].reshape(shape) if "weight" in w else out
    return out + w["bias"].reshape(shape) if "bias" in w else out


def _grouped_norm(x: Array, g: int, w: Mapping[str, Array], eps: float) -> Array:
    out = np.zeros(x.shape)
    each = len(x) // g
    for group in range(g):
        mine = slice(group * each, (group + 1) * each)
        out[mine] = (x[mine] - x[mine].mean()) / math.sqrt(x[mine].var() + eps)
    for role, combine in (("weight", np.multiply), ("bias", np.add)):
        if role in w:
            out = combine(out, w[role].reshape(-1, *(1,) * (x.ndim - 1)))
    return out


def groupnorm(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return _grouped_norm(xs[0], v["g"], w, v["eps"])


def instancenorm(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return _grouped_norm(xs[0], len(xs[0]), w, v["eps"])


def lrn(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x, size = xs[0], v["size"]
    out = np.zeros(x.shape)
    before = (size - 1) // 2 if layer.env.dialect.name == "onnx" else size // 2
    for c in range(len(x)):
        near = x[max(c - before, 0) : c - before + size]
        out[c] = x[c] / (v["offset"] + v["alpha"] / size * np.square(near).sum(0)) ** v["beta"]
    return out


def scale(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    ones = (1,) * (xs[0].ndim - 1)
    return xs[0] * w.get("weight", np.ones(1)).reshape(-1, *ones) + w.get("bias", np.zeros(1)).reshape(-1, *ones)


def rescale(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    ones = (1,) * (xs[0].ndim - 1)
    return xs[0] * np.reshape(v["factor"], (-1, *ones)) + np.reshape(v["offset"], (-1, *ones))


def normalization(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    ones = (1,) * (xs[0].ndim - 1)
    mean, variance = (np.reshape(v[key] if key in v else w[key], (-1, *ones)) for key in ("mean", "variance"))
    return (xs[0] - mean) / np.sqrt(variance)


def quantize(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    """Quantize each value, with the scale of its channel, or of the sample's own range including 0."""
    out, least, most = np.zeros(xs[0].shape), min(xs[0].min(), 0), max(xs[0].max(), 0)
    steps = v["max"] - v["min"]
    if not np.isfinite(most - least):
        return out * math.nan
    for at, x in np.ndenumerate(xs[0]):
        if "scale" in v:
            scale, zero = (np.ravel(v[key])[at[0] if np.size(v[key]) > 1 else 0] for key in ("scale", "zero"))
        else:
            scale = (most - least) / steps or 1
            zero = round(v["min"] - least / scale)
        out[at] = (min(max(round(x / scale) + zero, v["min"]), v["max"]) - zero) * scale
    return out


def sliced(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    axis = v["axis"] - 1 if v["axis"] > 0 else v["axis"] + xs[0].ndim
    end = -1 if v["stop"] is None else v["stop"]
    return np.take(xs[0], range(v["start"], end if v["step"] < 0 else v["stop"], v["step"]), axis)


def gather(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    axis = v["axis"] - 1 if v["axis"] > 0 else v["axis"] + xs[0].ndim
    return np.take(xs[0], v["indices"], axis)


def expand(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.broadcast_to(xs[0], v["out"])


def tile(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.tile(xs[0], v["repeats"])


def roll(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.roll(xs[0], v["shift"], [a - 1 if a > 0 else a for a in v["axis"]])


def stack(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.stack(xs, v["axis"] - 1 if v["axis"] > 0 else v["axis"])


def unfold(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x = np.pad(xs[0], [(0, 0), *v["p"]])
    taps = [*product(*map(range, v["k"]))]
    windows = [*product(*_starts(v, xs[0].shape[1:]))]
    out = np.zeros((len(x), len(taps), len(windows)))
    for (t, tap), (u, start) in product(enumerate(taps), enumerate(windows)):
        at = tuple([begin + i * d for begin, i, d in zip(start, tap, v["d"], strict=True)])
        out[:, t, u] = x[(slice(None), *at)]
    return out.reshape(-1, len(windows))


def _starts(v: Values, space: tuple[int, ...]) -> list[range]:
    """Return the starts of the windows in the padded map, on each axis."""
    axes = zip(space, v["p"], v["k"], v["d"], v["s"], strict=True)
    return [range(0, n + before + after - d * (k - 1), s) for n, (before, after), k, d, s in axes]


def fold(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    taps = [*product(*map(range, v["k"]))]
    windows = [*product(*_starts(v, v["out"]))]
    x = xs[0].reshape(-1, len(taps), len(windows))
    out = np.zeros((len(x), *[n + b + a for n, (b, a) in zip(v["out"], v["p"], strict=True)]))
    for (t, tap), (u, start) in product(enumerate(taps), enumerate(windows)):
        at = tuple([begin + i * d for begin, i, d in zip(start, tap, v["d"], strict=True)])
        out[(slice(None), *at)] += x[:, t, u]
    return out[(slice(None), *[slice(b, b + n) for n, (b, _) in zip(v["out"], v["p"], strict=True)])]


def _reduced(combine: Callable[[list[Any]], Any]) -> Callable[..., Array]:
    """Return a reduction; `combine` gets the values to reduce."""

    def reduction(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        x = xs[0]
        axes = {a - 1 if a > 0 else a + x.ndim for a in v["axis"]}
        found = np.zeros([1 if a in axes else n for a, n in enumerate(x.shape)])
        for u in np.ndindex(found.shape):
            mine = x[tuple(slice(None) if a in axes else slice(i, i + 1) for a, i in enumerate(u))]
            found[u] = combine([*mine.flat])
        return found if v["keepdims"] else found.squeeze(tuple(axes))

    return reduction


def _extreme(pick: Callable[[list[Any]], Any]) -> Callable[..., Array]:
    def extreme(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        if "keepdims" in v:
            return _reduced(pick)(layer, xs, w, v)
        return np.vectorize(lambda *values: pick([*values]))(*_operands(xs, v))

    return extreme


def _operands(xs: list[Array], v: Values) -> list[Array]:
    return [*xs, *([v["value"]] if "value" in v else [])]


def _of_two(combine: Callable[[Any, Any], Any]) -> Callable[..., Array]:
    """Return a function that combines the operands from left to right; broadcasting is NumPy's."""

    def join(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        return np.asarray(reduce(combine, map(np.asarray, _operands(xs, v))), float)

    return join


COMPARISONS = {"gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal"}


def compare(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    first, second = _operands(xs, v)
    return np.asarray(getattr(np, COMPARISONS.get(v["by"], "not_equal"))(first, second), float)


def where(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.vectorize(lambda condition, a, b: a if condition else b)(*xs)


def logsoftmax(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.asarray(xs[0] - np.logaddexp.reduce(xs[0], v["axis"] - (v["axis"] > 0), keepdims=True))


def cumsum(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x = np.moveaxis(xs[0], v["axis"] - (v["axis"] > 0), 0)
    return np.moveaxis(np.stack([x[: n + 1].sum(0) for n in range(len(x))]), 0, v["axis"] - (v["axis"] > 0))


def normalize(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    axes = tuple([a - (a > 0) for a in v["axis"]])
    norm = (np.abs(xs[0]) ** v["norm"]).sum(axes, keepdims=True) ** (1 / v["norm"])
    return np.asarray(xs[0] / np.maximum(norm, v["eps"]))


def upsample(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x = xs[0]
    out = np.zeros((len(x), *_space(layer)))
    axes = [_mix(axis, n, o, v, layer) for axis, (n, o) in enumerate(zip(x.shape[1:], out.shape[1:], strict=True))]
    for u in product(*map(range, out.shape[1:])):
        every: Any = slice(None)
        for taps in product(*[axis[a] for axis, a in zip(axes, u, strict=True)]):
            at, share = tuple(i for i, _ in taps), math.prod(s for _, s in taps)
            out[(every, *u)] += share * x[(every, *at)]
    return out


def _mix(axis: int, n: int, o: int, v: Values, layer: LayerReport) -> list[list[tuple[int, float]]]:
    """Return, for each output on an axis, the inputs that are mixed, with their weights."""
    scale = 1 / v["factor"][axis] if "factor" in v else n / o
    in_2d = v["mode"] == "nearest" and "round" not in v and len(layer.sample) == 3
    if n == o and (v.get("antialias") or ((in_2d or "linear" in v["mode"]) and "where" not in v)):
        return [[(u, 1.0)] for u in range(o)]  # whatever the factor
    found = []
    for u in range(o):
        if v["mode"] == "nearest" and ("where" in v or "round" in v):
            found.append([(min(max(_rounded(_place(u, n, o, scale, v), v.get("round", "floor")), 0), n - 1), 1.0)])
            continue
        if v["mode"] == "nearest":
            found.append([(min(math.floor(np.float32(u) * np.float32(scale)), n - 1), 1.0)])
            continue
        at = _place(u, n, o, scale, v)
        if v.get("antialias"):
            wide = max(scale, 1.0)
            beyond = 0 if v.get("exclude_outside") else 2 * math.ceil(wide)
            shares = {
                i: _keys((i - at) / wide, layer) if "cubic" in v["mode"] else max(1 - abs(i - at) / wide, 0.0)
                for i in range(-beyond, n + beyond)
            }
            found.append([(min(max(i, 0), n - 1), s / sum(shares.values())) for i, s in shares.items()])
        elif "cubic" in v["mode"]:
            first = math.floor(at)
            if layer.env.dialect.name == "keras":  # resize_bicubic_op.cc: a table of 1024 steps
                at = first + round((at - first) * 1024) / 1024
            near = [(first + j, _keys(at - first - j, layer)) for j in range(-1, 3)]
            if layer.env.dialect.name == "keras" or v.get("exclude_outside"):
                inside = [(i, s) for i, s in near if 0 <= i < n]
                found.append([(i, s / sum(s for _, s in inside)) for i, s in inside])
            else:
                found.append([(min(max(i, 0), n - 1), s) for i, s in near])
        else:
            at = min(max(at, 0.0), n - 1.0)
            first = math.floor(at)
            found.append([(first, 1 - at + first), (min(first + 1, n - 1), at - first)])
    return found


def _place(u: int, n: int, o: int, scale: float, v: Values) -> float:
    """Return where an output lies between the inputs, by ONNX's definition of Resize; with scale 1, where it is."""
    if v["align"]:
        return float(u * (n - 1) / (o - 1)) if o > 1 else 0.0
    where = v.get("where", "asymmetric" if v["mode"] == "nearest" else "half_pixel")
    if scale == 1 or (where == "pytorch_half_pixel" and o == 1):
        return float(u)
    offset = n / 2 * (1 - o / (n / scale)) if where == "half_pixel_symmetric" else 0.0
    before, after = {"asymmetric": (0.0, 0.0), "tf_half_pixel_for_nn": (0.5, 0.0)}.get(where, (0.5, 0.5))
    if v["mode"] == "nearest":  # onnxruntime divides by the scale, in float32
        return float(np.float32(offset) + np.float32(u + before) / np.float32(1 / scale) - np.float32(after))
    return float(offset + (u + before) * scale - after)


def _rounded(at: float, how: str) -> int:
    """Return a position rounded to an integer; less than a millionth from a half counts as a half (onnxruntime)."""
    if how in ("floor", "ceil"):
        return math.floor(at) if how == "floor" else math.ceil(at)
    return math.ceil(at - 0.500001) if how == "round_prefer_floor" else math.floor(at + 0.500001)


def _keys(t: float, layer: LayerReport) -> float:
    a, t = float(layer.values.get("cubic", -0.5 if layer.env.dialect.name == "keras" else -0.75)), abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def _many(v: Values, few: int, c: int, i: int, j: int) -> int:
    """Return which of the many channels is row i, column j of a block of channel c of `few`."""
    f = v["factor"]
    return int((i * f + j) * few + c if v["order"] == "dcr" else c * f * f + i * f + j)


def pixelshuffle(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x, f = xs[0], v["factor"]
    c, h, wide = len(x) // (f * f), x.shape[1] * f, x.shape[2] * f
    out = np.zeros((c, h, wide))
    for o, i, j in product(range(c), range(h), range(wide)):
        out[o, i, j] = x[_many(v, c, o, i % f, j % f), i // f, j // f]
    return out


def pixelunshuffle(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    (c, h, wide), f = xs[0].shape, v["factor"]
    out = np.zeros((c * f * f, h // f, wide // f))
    for o, i, j in product(range(c), range(h), range(wide)):
        out[_many(v, c, o, i % f, j % f), i // f, j // f] = xs[0][o, i, j]
    return out


def channelshuffle(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    each = len(xs[0]) // v["g"]
    return np.stack([xs[0][c % v["g"] * each + c // v["g"]] for c in range(len(xs[0]))])


def pad(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    x = xs[0]
    space = range(1, x.ndim) if layer.env.channels_last else range(2, x.ndim + 1)
    axes = [a - 1 if a > 0 else a + x.ndim for a in v.get("axis", space)]
    for axis, pair in zip(axes, v["p"], strict=True):
        x = np.apply_along_axis(_bordered, axis, x, pair, v)
    return x


def _bordered(row: Array, pair: tuple[int, int], v: Values) -> list[float]:
    return [_border(row, at, *pair, v) for at in range(-pair[0], len(row) + pair[1])]


PAD_MODES = ("constant", "reflect", "replicate", "edge", "circular", "wrap")


def _border(row: Array, at: int, before: int, after: int, v: Values) -> float:
    """Return the value of a padded row at a position, which may lie beyond its ends."""
    n, first, last = len(row), max(-before, 0), len(row) - 1 + min(after, 0)
    if v["mode"] in ("circular", "wrap"):
        return float(row[first : last + 1][(at - first) % (last + 1 - first)])
    if v["mode"] == "reflect":
        return float(row[-at if at < 0 else 2 * (n - 1) - at if at >= n else at])
    if v["mode"] != "constant":
        return float(row[min(max(at, first), last)])
    return float(row[at]) if first <= at <= last else float(v["value"])


def crop(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    inner = [slice(b, n - a) for (b, a), n in zip(v["p"], xs[0].shape[1:], strict=True)]
    return xs[0][(slice(None), *inner)]


def linear(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    weight = w["weight"] if layer.env.channels_last else w["weight"].T
    out = np.einsum("...i,io->...o", xs[0], weight)
    return out + w["bias"] if "bias" in w else out


def flat(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.array(list(xs[0].flat)).reshape(layer.traced.out)


def permute(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.transpose(xs[0], [a - 1 for a in v["order"]])


def concat(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.concatenate(xs, v["axis"] - 1 if v["axis"] > 0 else v["axis"])


def softmax(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    axis = v["axis"] - 1 if v["axis"] > 0 else v["axis"]
    return np.apply_along_axis(lambda row: np.exp(row - row.max()) / np.exp(row - row.max()).sum(), axis, xs[0])


def prelu(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    slopes = w["weight"]
    if "num_parameters" in v and slopes.size > 1 and not layer.env.channels_last:
        slopes = slopes.reshape(-1, *(1,) * (xs[0].ndim - 1))
    return np.where(xs[0] < 0, xs[0] * slopes, xs[0])


def matmul(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    a, b = xs[0][None] if xs[0].ndim == 1 else xs[0], xs[1][:, None] if xs[1].ndim == 1 else xs[1]
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*lead, *a.shape[-2:])), np.broadcast_to(b, (*lead, *b.shape[-2:]))
    out = np.zeros((*lead, a.shape[-2], b.shape[-1]))
    for *at, i, j in np.ndindex(*out.shape):
        out[(*at, i, j)] = sum(a[(*at, i, k)] * b[(*at, k, j)] for k in range(a.shape[-1]))
    return out.reshape(layer.traced.out)


def einsum(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    """Return an einsum, by looping over all values of all letters; `...` is replaced by letters of its own."""
    inputs, _, out = v["equation"].partition("->")
    own = "ZYXW"[: max([x.ndim - len(t) + 3 for t, x in zip(inputs.split(","), xs, strict=True) if "..." in t] or [0])]
    terms = [term.replace("...", own) for term in inputs.split(",")]
    sizes = {c: n for term, x in zip(terms, xs, strict=True) for c, n in zip(term, x.shape, strict=True)}
    found = np.zeros([sizes[c] for c in out.replace("...", own)])
    for values in product(*map(range, sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        found[tuple(at[c] for c in out.replace("...", own))] += math.prod(
            x[tuple(at[c] for c in term)] for term, x in zip(terms, xs, strict=True)
        )
    return found


def attention(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    tables = [xs[0], xs[min(1, len(xs) - 1)], xs[min(2, len(xs) - 1)]]
    lead = np.broadcast_shapes(*[table.shape[:-2] for table in tables])
    q, k, values = [np.broadcast_to(table, (*lead, *table.shape[-2:])) for table in tables]
    out = np.zeros((*q.shape[:-1], values.shape[-1]))
    for *at, i in np.ndindex(*q.shape[:-1]):
        scores = [float(q[(*at, i)] @ key) * v["scale"] for key in k[tuple(at)]]
        if len(xs) > 3:
            scores = [score + more for score, more in zip(scores, xs[3][(*at, i)], strict=True)]
        powers = [math.exp(score) if j <= i or not v["causal"] else 0.0 for j, score in enumerate(scores)]
        out[(*at, i)] = sum(p / sum(powers) * value for p, value in zip(powers, values[tuple(at)], strict=True))
    return out


def multihead(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    heads, last = v["heads"], layer.env.channels_last
    sources = [xs[0], xs[min(1, len(xs) - 1)], xs[2] if len(xs) > 2 else xs[min(1, len(xs) - 1)]]
    out = np.zeros((*xs[0].shape[:-1], v["out"]))
    for head in range(heads):
        made = []
        for part, x, width in zip(("query", "key", "value"), sources, ("key_dim", "key_dim", "value_dim"), strict=True):
            own = slice(head * v[width], (head + 1) * v[width])
            weight = w[f"{part}_weight"]
            made.append(x @ (weight[:, head] if last else weight[own].T))
            if v["bias"]:
                made[-1] = made[-1] + (w[f"{part}_bias"][head] if last else w[f"{part}_bias"][own])
        seen = attention(layer, made, {}, {"scale": 1 / math.sqrt(v["key_dim"]), "causal": v["causal"]})
        out += seen @ (w["output_weight"][head] if last else w["output_weight"][:, own].T)
    return out + w.get("output_bias", 0)


def embedding(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    return np.stack([w["weight"][int(value)] for value in xs[0].flat]).reshape(layer.traced.out)


def recurrent(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
    """Return the hidden states of all directions, the cell states, or both, of each step or the last."""
    ways = [("", v["backward"]), *([("_reverse", True)] if v["bidirectional"] else [])]
    n = v["out"]
    states, mask = (xs[1:-1], xs[-1] > 0) if v["masked"] else (xs[1:], np.ones(xs[0].shape[:-1]))
    read = [
        _read(layer, xs[0], [state[..., at * n : (at + 1) * n] for state in states], w, v, end, backward, mask)
        for at, (end, backward) in enumerate(ways)
    ]
    hidden, cell = (np.concatenate([one[state] for one in read], -1) for state in (0, 1))
    return {"cell": cell, "both": np.concatenate([hidden, cell], -1)}.get(v.get("state", ""), hidden)


CELL: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "linear": lambda x: x,
}


def _read(
    layer: LayerReport,
    x: Array,
    begin: list[Array],
    w: Mapping[str, Array],
    v: Values,
    end: str,
    backward: bool,
    mask: Array,
) -> tuple[Array, Array]:
    """Return hidden and cell states of one direction: torch.nn.LSTM, GRU and RNN by their equations, or Keras's GRU."""
    w_ih, w_hh = w["weight_ih" + end], w["weight_hh" + end]
    if layer.env.channels_last:
        w_ih, w_hh = w_ih.T, w_hh.T
    b_ih, b_hh = w.get("bias_ih" + end, np.zeros(len(w_ih))), w.get("bias_hh" + end, np.zeros(len(w_ih)))
    n, activation, gate = v["out"], CELL[v["activation"]], CELL[v.get("gate", "sigmoid")]
    states, cells = np.zeros((*x.shape[:-1], n)), np.zeros((*x.shape[:-1], n))
    for at in np.ndindex(*x.shape[:-2]):
        h, c = (
            [state[at] for state in begin] if len(begin) == 2 else (begin[0][at] if begin else np.zeros(n), np.zeros(n))
        )
        steps, before = range(x.shape[-2]), (np.zeros(n), np.zeros(n))
        for t in reversed(steps) if backward else steps:
            states[(*at, t)], cells[(*at, t)] = before
            if not mask[(*at, t)]:
                continue
            a = w_ih @ x[(*at, t)] + b_ih
            if layer.op == "lstm":
                i, f, g, o = np.split(a + w_hh @ h + b_hh, 4)
                c = gate(f) * c + gate(i) * activation(g)
                h = gate(o) * activation(c)
            elif layer.op == "gru":
                r, z = np.split(gate(a[: 2 * n] + w_hh[: 2 * n] @ h + b_hh[: 2 * n]), 2)
                if v["reset_after"]:
                    new = activation(a[2 * n :] + r * (w_hh[2 * n :] @ h + b_hh[2 * n :]))
                else:
                    new = activation(a[2 * n :] + w_hh[2 * n :] @ (r * h) + b_hh[2 * n :])
                h = (1 - z) * new + z * h
            else:
                h = activation(a + w_hh @ h + b_hh)
            before = states[(*at, t)], cells[(*at, t)] = h, c
    last = 0 if backward else -1
    return (states, cells) if v["sequences"] else (states[..., last, :], cells[..., last, :])


def _each(function: Callable[[float, LayerReport], float]) -> Callable[..., Array]:
    def activation(layer: LayerReport, xs: list[Array], w: Mapping[str, Array], v: Values) -> Array:
        return np.array([float(function(float(value), layer)) for value in xs[0].flat]).reshape(xs[0].shape)

    return activation


SPATIAL: dict[str, Callable[..., Array]] = {
    "conv": conv,
    "dwconv": dwconv,
    "sepconv": sepconv,
    "convT": transposed,
    "maxpool": _pool(lambda inside, *_: max(inside, default=-math.inf)),
    "avgpool": _pool(_mean),
    "lppool": _pool(_norm),
    "globalmaxpool": _global(np.max),
    "globalavgpool": _global(np.mean),
    "adaptivemaxpool": _adaptive(np.max),
    "adaptiveavgpool": _adaptive(np.mean),
    "batchnorm": batchnorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "lrn": lrn,
    "scale": scale,
    "rescale": rescale,
    "quantize": quantize,
    "normalization": normalization,
    "upsample": upsample,
    "pixelshuffle": pixelshuffle,
    "pixelunshuffle": pixelunshuffle,
    "channelshuffle": channelshuffle,
    "unfold": unfold,
    "fold": fold,
    "crop": crop,
}
OTHERS: dict[str, Callable[..., Array]] = {
    "layernorm": layernorm,
    "slice": sliced,
    "mean": _reduced(lambda values: math.fsum(values) / len(values)),
    "sum": _reduced(math.fsum),
    "prod": _reduced(math.prod),
    "l1": _reduced(lambda values: math.fsum(map(abs, values))),
    "l2": _reduced(lambda values: math.sqrt(math.fsum(x * x for x in values))),
    "logsumexp": _reduced(lambda values: math.log(math.fsum(map(math.exp, values)))),
    "pad": pad,
    "gather": gather,
    "expand": expand,
    "tile": tile,
    "roll": roll,
    "stack": stack,
    "linear": linear,
    "flatten": flat,
    "reshape": flat,
    "permute": permute,
    "add": _of_two(operator.add),
    "sub": _of_two(operator.sub),
    "mul": _of_two(operator.mul),
    "div": _of_two(operator.truediv),
    "pow": _of_two(operator.pow),
    "min": _extreme(min),
    "max": _extreme(max),
    "compare": compare,
    "where": where,
    "concat": concat,
    "softmax": softmax,
    "logsoftmax": logsoftmax,
    "cumsum": cumsum,
    "normalize": normalize,
    "prelu": prelu,
    "matmul": matmul,
    "einsum": einsum,
    "attention": attention,
    "multihead": multihead,
    "embedding": embedding,
    **dict.fromkeys(("lstm", "gru", "rnn"), recurrent),
    **{op: _each(function) for op, function in FUNCTIONS.items()},
}
