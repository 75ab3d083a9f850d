"""Random networks with branches, dilation, transposed convs, upsampling and borders, and what their units really see.

`sees` is the brute-force reference: the set of pixels of every unit of every channel, carried through the graph one
unit at a time, following the definition of each op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import ceil, floor, prod
from random import Random
from typing import Any

import cnncalc
from cnncalc.errors import CnncalcError
from cnncalc.sizes import Shape

Spec = dict[str, Any]
Map = dict[tuple[int, ...], int]
"""The pixels that each value sees, as the bits of an integer; a value's position is its channel, then its unit."""

LARGEST, SMALLEST = 26, 2
MOST_CHANNELS = 6


def draw(random: Random) -> Spec:
    """Return a network of a few layers and branches, on one or two axes, that cnncalc can trace."""
    nd = random.choice([1, 2, 2, 2])
    sizes = [random.randint(6, 13) for _ in range(nd)]
    spec: Spec = {"input": [random.randint(1, 3), *sizes], "layers": []}
    for _ in range(random.randint(2, 6)):
        grown = _branches(random, spec) if random.random() < 0.3 else _one(random, spec, nd)
        spec = grown if _fits(grown) else spec
    return spec if spec["layers"] else draw(random)


def _fits(spec: Spec) -> bool:
    try:
        report = cnncalc.shape(spec)
    except CnncalcError:
        return False
    c, *sizes = numbers(report.out)
    return bool(sizes) and c <= MOST_CHANNELS and max(sizes) <= LARGEST and prod(sizes) >= SMALLEST


def numbers(shape: Shape) -> list[int]:
    """Return the sizes of a shape, none of which is open."""
    return [n for n in shape if isinstance(n, int)]


def _named(spec: Spec, layer: dict[str, Any], reads: object = None) -> Spec:
    name = f"l{len(spec['layers'])}"
    wired = {} if reads is None else {"from": reads}
    return {**spec, "layers": [*spec["layers"], {**layer, "name": name, **wired}]}


def _one(random: Random, spec: Spec, nd: int, reads: object = None) -> Spec:
    return _named(spec, random.choice(FAMILIES)(random, nd), reads)


def _branches(random: Random, spec: Spec) -> Spec:
    """Add two or three branches from one layer, cropped to one size and joined."""
    nd = len(spec["input"]) - 1
    start = spec["layers"][-1]["name"] if spec["layers"] else "input"
    ends = []
    for _ in range(random.randint(2, 3)):
        end = start
        for _ in range(random.randint(0, 2)):
            grown = _one(random, spec, nd, end)
            if _fits(grown):
                spec, end = grown, grown["layers"][-1]["name"]
        ends.append(end)
    if len(set(ends)) < 2:
        return spec
    shapes = {end: _shape(spec, end) for end in ends}
    least = [min(sizes) for sizes in zip(*[shape[1:] for shape in shapes.values()], strict=True)]
    channels = random.randint(1, 3)
    join = random.choice(["add", "concat", "mul", "sub"])
    cut = []
    for end in ends:
        over = [n - small for n, small in zip(shapes[end][1:], least, strict=True)]
        if any(over):
            before = [random.randint(0, more) for more in over]
            spec = _named(spec, {"op": "crop", "p": [[b, o - b] for b, o in zip(before, over, strict=True)]}, end)
            end = spec["layers"][-1]["name"]  # noqa: PLW2901
        if join != "concat":
            spec = _named(spec, {"op": _op("conv", nd), "c_o": channels}, end)
            end = spec["layers"][-1]["name"]  # noqa: PLW2901
        cut.append(end)
    return _named(spec, {"op": join}, cut[:2] if join == "sub" else cut)


def _shape(spec: Spec, name: str) -> list[int]:
    if name == "input":
        return list(spec["input"])
    return numbers(cnncalc.shape(spec)[name].out)


def _op(word: str, nd: int) -> str:
    return word + {1: "1d", 2: "", 3: "3d"}[nd]


def _several(random: Random, nd: int, choices: Sequence[int]) -> list[int]:
    return [random.choice(choices) for _ in range(nd)]


def _padding(random: Random, most: list[int]) -> list[list[int]]:
    return [[random.randint(0, one), random.randint(0, one)] for one in most]


def _conv(random: Random, nd: int) -> dict[str, Any]:
    k, d = _several(random, nd, [1, 2, 3, 4]), _several(random, nd, [1, 1, 2, 3])
    word = random.choice(["conv", "conv", "dwconv", "sepconv"])
    layer = {"op": _op(word, nd), "k": k, "d": d, "s": _several(random, nd, [1, 1, 2, 3])}
    layer["p"] = _padding(random, [(a - 1) * b for a, b in zip(k, d, strict=True)])
    return layer if word == "dwconv" else {**layer, "c_o": random.randint(1, 4)}


def _grouped(random: Random, nd: int) -> dict[str, Any]:
    g = random.choice([2, 3])
    return {"op": _op("conv", nd), "c_o": g * random.randint(1, 2), "k": 3, "p": 1, "g": g}


def _pool(random: Random, nd: int) -> dict[str, Any]:
    k = _several(random, nd, [2, 3])
    layer: dict[str, Any] = {"op": _op(random.choice(["maxpool", "avgpool"]), nd), "k": k}
    layer["s"] = _several(random, nd, [1, 2, 3])
    layer["p"] = [[random.randint(0, one // 2)] * 2 for one in k]
    return {**layer, "ceil": random.random() < 0.3}


def _transposed(random: Random, nd: int) -> dict[str, Any]:
    k, s, d = _several(random, nd, [1, 2, 3, 4]), _several(random, nd, [1, 2, 2, 3]), _several(random, nd, [1, 1, 1, 2])
    layer = {"op": _op("convT", nd), "c_o": random.randint(1, 3), "k": k, "s": s, "d": d}
    layer["p"] = [[one, one] for one in (random.randint(0, (a - 1) * b) for a, b in zip(k, d, strict=True))]
    return {**layer, "out_pad": [random.randint(0, max(a, b) - 1) for a, b in zip(s, d, strict=True)]}


def _upsample(random: Random, nd: int) -> dict[str, Any]:
    linear = {1: "linear", 2: "bilinear"}[nd]
    layer: dict[str, Any] = {"op": "upsample", "mode": random.choice(["nearest", linear, linear])}
    if layer["mode"] == linear and random.random() < 0.3:
        layer["align"] = True
    if random.random() < 0.6:
        return {**layer, "factor": _several(random, nd, [1, 2, 3])}
    return {**layer, "out": _several(random, nd, [3, 5, 8, 11, 14])}


def _adaptive(random: Random, nd: int) -> dict[str, Any]:
    return {
        "op": random.choice(["adaptiveavgpool", "adaptivemaxpool"]),
        "out": _several(random, nd, [1, 2, 3, 4, 5, 7]),
    }


def _border(random: Random, nd: int) -> dict[str, Any]:
    if random.random() < 0.3:
        return {"op": "crop", "p": _padding(random, [2] * nd)}
    return {
        "op": "pad",
        "p": _padding(random, [2] * nd),
        "mode": random.choice(["constant", "reflect", "edge", "circular"]),
    }


def _rearranged(random: Random, nd: int) -> dict[str, Any]:
    kind = random.choice(["slice", "channels", "shuffle"])
    if kind == "shuffle" and nd == 2:
        return random.choice([{"op": "pixelunshuffle", "factor": 2}, {"op": "pixelshuffle", "factor": 2}])
    if kind == "channels":
        start = random.randint(0, 1)
        return {"op": "slice", "axis": 1, "start": start, "stop": start + random.randint(1, 2)}
    axis = random.randint(2, nd + 1)
    return {"op": "slice", "axis": axis, "start": random.choice([0, 1, 2]), "step": random.choice([1, 2, 3])}


def _backwards(random: Random, nd: int) -> dict[str, Any]:
    return {"op": "slice", "axis": random.randint(2, nd + 1), "step": random.choice([-1, -2])}


FAMILIES: list[Callable[[Random, int], dict[str, Any]]] = [
    *[_conv] * 5,
    *[_transposed] * 3,
    *[_upsample] * 2,
    *(_pool, _pool, _adaptive, _border, _border, _rearranged, _grouped, _backwards),
]


def sees(spec: Spec) -> dict[str, Map]:
    """Return the pixels that every value of every layer sees, by brute force; a pixel includes all its channels."""
    report = cnncalc.shape(spec)
    c, *space = numbers(report.sample)
    bits = {place: 1 << number for number, place in enumerate(product(*map(range, space)))}
    found: dict[str, Map] = {"input": {(channel, *place): bits[place] for channel in range(c) for place in bits}}
    last = "input"
    for layer in report:
        reads = (
            [last]
            if not layer.node.reads
            else ["input" if at < 0 else report.layers[at].name for at in layer.node.reads]
        )
        shape = tuple(numbers(layer.traced.out))
        word = layer.node.layer.WORD
        inputs = [tuple(numbers(x)) for x in layer.samples]
        maps = [found[name] for name in reads]
        found[layer.name] = {
            place: _union(maps, SEES[word](layer.values, inputs, shape, place)) for place in product(*map(range, shape))
        }
        last = layer.name
    return found


def _union(maps: list[Map], read: list[tuple[int, tuple[int, ...]]]) -> int:
    seen = 0
    for number, place in read:
        seen |= maps[number].get(place, 0)  # outside the map there is padding
    return seen


Values = dict[str, Any]
Inputs = list[tuple[int, ...]]
Read = list[tuple[int, tuple[int, ...]]]
"""What one value reads: the index of an input, and a position in it."""


def _window(channels: Callable[[Values, int, int, int], range]) -> Any:
    """Return a sliding window; `channels` says which input channels an output channel reads."""

    def read(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
        c, *unit = place
        rows = zip(unit, v["k"], v["s"], v["p"], v["d"], strict=True)
        axes = [[u * s - pb + tap * d for tap in range(k)] for u, k, s, (pb, _), d in rows]
        return [(0, (i, *at)) for i in channels(v, c, xs[0][0], shape[0]) for at in product(*axes)]

    return read


def _group(v: Values, c: int, c_i: int, c_o: int) -> range:
    each, g = c_i // v.get("g", 1), c // (c_o // v.get("g", 1))
    return range(g * each, (g + 1) * each)


def _own(v: Values, c: int, c_i: int, c_o: int) -> range:
    return range(c // (c_o // c_i), c // (c_o // c_i) + 1)


def _all(v: Values, c: int, c_i: int, c_o: int) -> range:
    return range(c_i)


def _scattered(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    """Return every unit of the input that writes to this one: i*s + tap*d - pb == u."""
    c, *unit = place
    axes = [
        [i for i in range(n) if any(i * s + tap * d - pb == u for tap in range(k))]
        for u, n, k, s, (pb, _), d in zip(unit, xs[0][1:], v["k"], v["s"], v["p"], v["d"], strict=True)
    ]
    return [(0, (i, *at)) for i in _group(v, c, xs[0][0], shape[0]) for at in product(*axes)]


def _upsampled(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    c, *unit = place
    axes = [_between(v, u, n, out) for u, n, out in zip(unit, xs[0][1:], shape[1:], strict=True)]
    return [(0, (c, *at)) for at in product(*axes)]


def _between(v: Values, u: int, n: int, out: int) -> list[int]:
    """Return the units that are mixed, with nonzero weights, at the position of unit u of `out`."""
    if v["mode"] == "nearest":
        return [u * n // out]
    if n == out:
        return [u]
    if v["align"]:
        numerator, denominator = (u * (n - 1), out - 1) if out > 1 else (0, 1)
    else:
        numerator, denominator = (2 * u + 1) * n - out, 2 * out
    numerator = max(numerator, 0)  # as in PyTorch: beyond the border, the border's value is used
    first, rest = divmod(numerator, denominator)
    return [min(first, n - 1)] if not rest else [min(first, n - 1), min(first + 1, n - 1)]


def _adapted(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    c, *unit = place
    rows = zip(unit, xs[0][1:], shape[1:], strict=True)
    return [(0, (c, *at)) for at in product(*[range(floor(u * n / o), ceil((u + 1) * n / o)) for u, n, o in rows])]


def _padded(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    c, *unit = place
    sides = v["p"] if len(v["p"]) == len(unit) else [v["p"][0]] * len(unit)
    at = [_beside(v["mode"], u - before, n) for u, (before, _), n in zip(unit, sides, xs[0][1:], strict=True)]
    return [(0, (c, *at))]


def _beside(mode: str, at: int, n: int) -> int:
    """Return the unit whose value is used at a position that may lie outside the map."""
    if mode in ("circular", "wrap"):
        return at % n
    if mode in ("edge", "replicate"):
        return min(max(at, 0), n - 1)
    if mode == "reflect":
        return -at if at < 0 else 2 * (n - 1) - at if at >= n else at
    return at


def _cropped(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    c, *unit = place
    return [(0, (c, *[u + before for u, (before, _) in zip(unit, v["p"], strict=True)]))]


def _sliced(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    at = v["axis"] - 1
    return [(0, (*place[:at], v["start"] + place[at] * v["step"], *place[at + 1 :]))]


def _shuffled(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    (c, y, x), f = place, v["factor"]
    return [(0, (c * f * f + y % f * f + x % f, y // f, x // f))]


def _unshuffled(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    (c, y, x), f = place, v["factor"]
    return [(0, (c // (f * f), y * f + c % (f * f) // f, x * f + c % f))]


def _by_value(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    return [(number, tuple(0 if n == 1 else at for n, at in zip(x, place, strict=True))) for number, x in enumerate(xs)]


def _concatenated(v: Values, xs: Inputs, shape: tuple[int, ...], place: tuple[int, ...]) -> Read:
    c, *unit = place
    for number, x in enumerate(xs):
        if c < x[0]:
            return [(number, (c, *unit))]
        c -= x[0]
    raise AssertionError(place)


SEES: dict[str, Callable[[Values, Inputs, tuple[int, ...], tuple[int, ...]], Read]] = {
    "conv": _window(_group),
    "dwconv": _window(_own),
    "sepconv": _window(_all),
    "maxpool": _window(_own),
    "avgpool": _window(_own),
    "convT": _scattered,
    "upsample": _upsampled,
    "adaptiveavgpool": _adapted,
    "adaptivemaxpool": _adapted,
    "pad": _padded,
    "crop": _cropped,
    "slice": _sliced,
    "pixelshuffle": _shuffled,
    "pixelunshuffle": _unshuffled,
    **dict.fromkeys(("add", "mul", "sub"), _by_value),
    "concat": _concatenated,
}
