"""Random networks with branches, and what their units see according to the naive oracle."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import naive


class Draw(NamedTuple):
    """A network as a spec, and the sets of each layer by name."""

    spec: dict[str, Any]
    sets: dict[str, naive.Sets]


def _pair(rng: random.Random, low: int, high: int) -> list[int]:
    return [rng.randint(low, high) for _ in range(2)]


def _sides(rng: random.Random, high: int) -> list[list[int]]:
    return [_pair(rng, 0, high) for _ in range(2)]


def draw(seed: int, layers: int = 7, most: int = 26) -> Draw:
    """Return a network of about `layers` layers, none of whose maps is larger than `most`."""
    rng = random.Random(seed)
    c, h, w = rng.choice([1, 2, 4]), *_pair(rng, 5, 11)
    values: dict[str, naive.Sets] = {"input": naive.begin(c, h, w)}
    specs: list[dict[str, Any]] = []
    while len(specs) < layers:
        name = f"l{len(specs)}"
        source = rng.choice([*values][-3:])
        try:
            is_join = rng.random() < 0.25
            made = _joined(rng, source, values) if is_join else rng.choice(KINDS)(rng, values[source])
        except (ValueError, IndexError, ZeroDivisionError):
            continue
        if made is None or 0 in made[1].shape or max(made[1].shape[1:3]) > most or made[1].shape[0] > 32:
            continue
        spec, sets = made
        specs.append({"name": name, "from": source, **spec})
        values[name] = sets
    return Draw({"cnncalc": 1, "input": [c, h, w], "layers": specs}, values)


Made = tuple[dict[str, Any], naive.Sets] | None
"""A layer's keys and its sets; None if the draw is not possible there."""
Values = dict[str, naive.Sets]


def _conv(rng: random.Random, x: naive.Sets) -> Made:
    k, s, d, p = _pair(rng, 1, 3), _pair(rng, 1, 3), _pair(rng, 1, 3), _sides(rng, 2)
    g = rng.choice([g for g in (1, 1, 2, len(x)) if len(x) % g == 0])
    c_o = g * rng.randint(1, 2)
    sets = naive.groups(naive.slide(x, k, s, p, d), c_o, g)
    return {"op": "conv", "c_o": c_o, "k": k, "s": s, "p": p, "d": d, "g": g}, sets


def _dwconv(rng: random.Random, x: naive.Sets) -> Made:
    k, p, m = _pair(rng, 1, 3), _sides(rng, 1), rng.randint(1, 2)
    return {"op": "dwconv", "k": k, "p": p, "multiplier": m}, np.repeat(naive.slide(x, k, [1, 1], p), m, 0)


def _transposed(rng: random.Random, x: naive.Sets) -> Made:
    k, s, d, p = _pair(rng, 1, 4), _pair(rng, 1, 3), _pair(rng, 1, 2), _sides(rng, 1)
    out_pad = [rng.randint(0, max(a, b) - 1) for a, b in zip(s, d, strict=True)]
    sets = naive.groups(naive.transpose(x, k, s, p, d, out_pad), 2, 1)
    return {"op": "convT", "c_o": 2, "k": k, "s": s, "p": p, "d": d, "out_pad": out_pad}, sets


def _pool(rng: random.Random, x: naive.Sets) -> Made:
    k, s, ceil = _pair(rng, 1, 3), _pair(rng, 1, 3), rng.random() < 0.5
    p = [[rng.randint(0, n // 2) for _ in range(2)] for n in k]
    op = rng.choice(["maxpool", "avgpool"])
    return {"op": op, "k": k, "s": s, "p": p, "ceil": ceil}, naive.slide(x, k, s, p, ceiling=ceil)


def _upsample(rng: random.Random, x: naive.Sets) -> Made:
    mode, out = rng.choice(["nearest", "bilinear", "bicubic"]), _pair(rng, 1, 20)
    align = mode != "nearest" and rng.random() < 0.5
    keys: dict[str, Any] = {"out": out}
    if rng.random() < 0.5:
        factor = _pair(rng, 1, 3)
        keys, out = {"factor": factor}, [x.shape[1] * factor[0], x.shape[2] * factor[1]]
    return {"op": "upsample", **keys, "mode": mode, "align": align}, naive.resize(x, (out[0], out[1]), mode, align)


def _pad(rng: random.Random, x: naive.Sets) -> Made:
    mode = rng.choice(["constant", "reflect", "replicate", "circular"])
    p = [[rng.randint(-1, min(2, n - 1)) for _ in range(2)] for n in x.shape[1:3]]
    if mode == "reflect":
        p = [[max(side, 0) for side in pair] for pair in p]
    return {"op": "pad", "p": p, "mode": mode}, naive.pad(x, p, mode)


def _crop(rng: random.Random, x: naive.Sets) -> Made:
    p = [_pair(rng, 0, 1), _pair(rng, 0, 2)]
    return {"op": "crop", "p": p}, x[:, p[0][0] : x.shape[1] - p[0][1], p[1][0] : x.shape[2] - p[1][1]]


def _slice(rng: random.Random, x: naive.Sets) -> Made:
    axis = rng.randint(1, 3)
    n, step = x.shape[axis - 1], rng.choice([1, 1, 2, -1, -2])
    start, stop = (rng.randint(0, n - 1), None) if step < 0 else (rng.randint(0, n // 2), rng.randint(n // 2, n))
    cut: list[Any] = [slice(None)] * 3
    cut[axis - 1] = slice(start, stop, step)
    keys = {"axis": axis, "start": start, "step": step} | ({} if stop is None else {"stop": stop})
    return {"op": "slice", **keys}, x[tuple(cut)]


def _shuffle(rng: random.Random, x: naive.Sets) -> Made:
    c, h, w = x.shape[:3]
    ways: dict[str, Made] = {}
    if c % 4 == 0:
        ways["pixelshuffle"] = {"op": "pixelshuffle", "factor": 2}, naive.pixel_shuffle(x, 2)
    if h % 2 == w % 2 == 0:
        ways["pixelunshuffle"] = {"op": "pixelunshuffle", "factor": 2}, naive.pixel_unshuffle(x, 2)
    if c % 2 == 0:
        ways["channelshuffle"] = {"op": "channelshuffle", "g": 2}, naive.channel_shuffle(x, 2)
    return rng.choice([*ways.values()]) if ways else None


def _arrange(rng: random.Random, x: naive.Sets) -> Made:
    axis = rng.randint(1, 3)
    kind = rng.choice(["roll", "tile", "gather", "permute", "reshape"])
    if kind == "permute":
        order = rng.choice([(1, 3, 2), (1, 3, 2), (2, 1, 3), (3, 1, 2)])
        return {"op": "permute", "order": list(order)}, x.transpose(*[at - 1 for at in order], 3)
    if kind == "reshape":
        c, h, w = x.shape[:3]
        out = rng.choice([(c, w, h), (c * h, 1, w), (c, 1, h * w), (c, h * w, 1), (1, c * h, w)])
        return {"op": "reshape", "out": list(out)}, x.reshape(*out, x.shape[3])
    if kind == "roll":
        shift = rng.randint(-3, 3)
        return {"op": "roll", "shift": [shift], "axis": [axis]}, np.roll(x, shift, axis - 1)
    if kind == "tile":
        times = [1, *_pair(rng, 1, 2)]
        return {"op": "tile", "repeats": times}, np.tile(x, (*times, 1))
    picks = [rng.randint(0, x.shape[axis - 1] - 1) for _ in range(rng.randint(1, 4))]
    return {"op": "gather", "axis": axis, "indices": picks}, np.take(x, picks, axis - 1)


def _adaptive(rng: random.Random, x: naive.Sets) -> Made:
    out = _pair(rng, 1, 5)
    return {"op": "adaptiveavgpool", "out": out}, naive.adaptive(x, (out[0], out[1]))


def _reduced(rng: random.Random, x: naive.Sets) -> Made:
    axis = rng.randint(1, 3)
    return {"op": "mean", "axis": [axis], "keepdims": True}, np.asarray(x.any(axis - 1, keepdims=True))


def _linear(rng: random.Random, x: naive.Sets) -> Made:
    out = rng.randint(1, 4)
    return {"op": "linear", "out": out}, np.repeat(x.any(2, keepdims=True), out, 2)


def _global(_: random.Random, x: naive.Sets) -> Made:
    return {"op": "globalavgpool", "keepdims": True}, np.asarray(x.any((1, 2), keepdims=True))


def _joined(rng: random.Random, source: str, values: Values) -> Made:
    """Return a sum, a product or a concatenation with a value of a matching shape."""
    x, op = values[source], rng.choice(["add", "mul", "concat", "concat"])
    if op != "concat":
        other = rng.choice([name for name, y in values.items() if _broadcasts(x, y)])
        shape = np.broadcast_shapes(x.shape, values[other].shape)
        return {"op": op, "from": [source, other]}, np.broadcast_to(x, shape) | np.broadcast_to(values[other], shape)
    axis = rng.choice([1, 1, 1, 2, 3])
    others = [at for at in range(3) if at != axis - 1]
    fitting = [name for name, y in values.items() if all(y.shape[at] == x.shape[at] for at in others)]
    other = rng.choice(fitting)
    return {"op": op, "from": [source, other], "axis": axis}, np.concatenate([x, values[other]], axis - 1)


def _broadcasts(x: naive.Sets, y: naive.Sets) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(x.shape[:3], y.shape[:3], strict=True))


KINDS: tuple[Callable[[random.Random, naive.Sets], Made], ...] = (
    *(_conv, _conv, _conv, _dwconv, _transposed, _transposed, _pool, _pool, _upsample, _upsample, _pad, _crop, _slice),
    *(_shuffle, _shuffle, _arrange, _arrange, _arrange, _adaptive, _global, _reduced, _linear),
)
