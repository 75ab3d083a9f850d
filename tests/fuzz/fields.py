"""What units see, on random networks: compared with brute force, PyTorch's gradients, and execution on single pixels.

`python -m tests.fuzz.fields brute|torch|verify --cases N --seed S`; `--only CASE` shows one case. Only `torch` needs
PyTorch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import product
from math import prod
from random import Random
from typing import Any

import cnncalc
from cnncalc.execute.verify import verify
from cnncalc.fields import masks
from cnncalc.fields.graph import Graph
from cnncalc.fields.views import look_back, look_forth
from cnncalc.network import INPUT
from tests.fuzz.field_networks import Spec, draw, numbers, sees

Seen = dict[tuple[int, ...], int]
"""The pixels that each unit of the last layer sees, as the bits of an integer."""


def predicted(spec: Spec) -> tuple[Seen, int]:
    """Return what `rf --unit` says for each unit of the last layer, and for how many units that is an upper bound.

    Raise ValueError if `rf --from-pixel` contradicts it.
    """
    graph = Graph(cnncalc.shape(spec))
    at, space = len(graph.vertices) - 1, numbers(graph.sample(INPUT)[1:])
    bits = {place: 1 << number for number, place in enumerate(product(*map(range, space)))}
    seen, bounds = {}, 0
    for unit in product(*map(range, numbers(graph.sample(at)[1:]))):
        view = look_back(graph, at, unit, INPUT)
        if view.unknown is not None:
            raise ValueError(f"unit {unit}: {view.unknown}")
        bounds += view.bound is not None
        seen[unit] = sum(bits[place] for place in masks.all_units(view.region(INPUT)))
    for pixel, bit in bits.items():
        forth = {*masks.all_units(look_forth(graph, INPUT, pixel).sets[at])}
        for unit, found in seen.items():
            if bool(found & bit) is not (unit in forth):
                raise ValueError(f"--unit and --from-pixel disagree on unit {unit} and pixel {pixel}")
    return seen, bounds


def difference(spec: Spec, truth: Callable[[Spec], Seen]) -> str | None:
    """Return where `rf --unit` differs from the truth; None if it does not."""
    try:
        seen, bounds = predicted(spec)
    except ValueError as error:
        return str(error)
    wanted = truth(spec)
    if bounds:
        return f"{bounds} units are bounds"
    for unit, found in seen.items():
        if found != wanted[unit]:
            more, missing = (found & ~wanted[unit]).bit_count(), (wanted[unit] & ~found).bit_count()
            return f"unit {unit}: {more} pixels too many, {missing} missing"
    return None


def brute(spec: Spec) -> Seen:
    """Return what each unit of the last layer sees on any channel, with sets carried through the graph."""
    found: Seen = {}
    for (_, *unit), pixels in sees(spec)[spec["layers"][-1]["name"]].items():
        found[tuple(unit)] = found.get(tuple(unit), 0) | pixels
    return found


def executed(spec: Spec) -> str | None:
    """Return what `rf --verify` finds wrong; None if it finds nothing."""
    found = verify(cnncalc.shape(spec)).difference
    return None if found is None else found.text()


def gradients(spec: Spec) -> Seen:
    """Return what each unit of the last layer sees in PyTorch: the pixels with a nonzero gradient.

    Weights are positive, and maxima are replaced by means, so that no value is hidden by another.
    """
    import torch

    torch.manual_seed(0)
    c, *space = spec["input"]
    report = cnncalc.shape(spec)
    weights: dict[str, Any] = {
        f"{layer.name}.{role}": torch.rand(numbers(shape), dtype=torch.float64) + 0.5
        for layer in report
        for role, shape in layer.weight_shapes().items()
    }

    def run(x: Any) -> Any:
        """Return the last layer's values, summed over its channels, for one map that is used for all input channels."""
        found = {"input": x.expand(1, c, *space)}
        last = "input"
        for layer in spec["layers"]:
            reads = layer.get("from", last)
            xs = [found[name] for name in ([reads] if isinstance(reads, str) else reads)]
            found[layer["name"]] = _torch(layer, xs, weights)
            last = layer["name"]
        return found[last][0].sum(0)

    jacobian = torch.func.jacrev(run)(torch.rand(space, dtype=torch.float64) + 0.5)
    units = jacobian.shape[: len(space)]
    rows = (jacobian.reshape(prod(units), -1) != 0).tolist()
    return {
        unit: sum(1 << at for at, one in enumerate(row) if one)
        for unit, row in zip(product(*map(range, units)), rows, strict=True)
    }


def _torch(layer: dict[str, Any], xs: list[Any], weights: dict[str, Any]) -> Any:
    """Return the output of one layer, computed by PyTorch's functions."""
    import torch
    from torch.nn import functional as F  # noqa: N812  as everybody calls it

    x, op, name, nd = xs[0], layer["op"].removesuffix("1d"), layer["name"], xs[0].dim() - 2
    weight = weights.get(f"{name}.weight")
    conv, pool = (F.conv1d, F.avg_pool1d) if nd == 1 else (F.conv2d, F.avg_pool2d)
    if op in ("conv", "dwconv", "sepconv"):
        x = _zeros_around(x, layer.get("p", 0))
        s, d = layer.get("s", 1), layer.get("d", 1)
        if op == "sepconv":
            x = conv(x, weights[f"{name}.depthwise"], None, s, 0, d, x.shape[1])
            return conv(x, weights[f"{name}.pointwise"])
        return conv(x, weight, None, s, 0, d, x.shape[1] if op == "dwconv" else layer.get("g", 1))
    if op == "convT":
        transposed = F.conv_transpose1d if nd == 1 else F.conv_transpose2d
        p = [before for before, _ in layer["p"]]
        return transposed(x, weight, None, layer["s"], p, layer["out_pad"], 1, layer["d"])
    if op in ("maxpool", "avgpool"):
        return pool(x, layer["k"], layer["s"], [before for before, _ in layer["p"]], layer["ceil"])
    if op.startswith("adaptive"):
        return (F.adaptive_avg_pool1d if nd == 1 else F.adaptive_avg_pool2d)(x, layer["out"])
    if op == "upsample":
        size = layer.get("out") or [n * f for n, f in zip(x.shape[2:], layer["factor"], strict=True)]
        return F.interpolate(
            x, size, mode=layer["mode"], align_corners=layer.get("align", False) if layer["mode"] != "nearest" else None
        )
    if op == "pad":
        mode = {"edge": "replicate"}.get(layer["mode"], layer["mode"])
        if mode == "circular":  # PyTorch's own circular padding wraps around only once
            for axis, (before, after) in enumerate(layer["p"], 2):
                n = x.shape[axis]
                x = x.index_select(axis, torch.arange(-before, n + after) % n)
            return x
        return F.pad(x, _sides(layer["p"], nd), mode=mode)
    if op == "crop":
        return F.pad(x, [-side for side in _sides(layer["p"], nd)])
    if op == "slice":
        chosen = range(x.shape[layer["axis"]])[layer.get("start") : layer.get("stop") : layer.get("step", 1)]
        return x.index_select(layer["axis"], torch.tensor(list(chosen)))
    if op in ("pixelshuffle", "pixelunshuffle"):
        return {"pixelshuffle": F.pixel_shuffle, "pixelunshuffle": F.pixel_unshuffle}[op](x, layer["factor"])
    if op == "concat":
        return torch.cat(xs, 1)
    assert op in ("add", "sub", "mul"), op
    return sum(xs[1:], xs[0])  # a difference of equals, or a factor of 0, would hide what the operands see


def _sides(p: list[list[int]], nd: int) -> list[int]:
    sides = [tuple(pair) for pair in (p if len(p) == nd else p * nd)]
    return [side for pair in reversed(sides) for side in pair]


def _zeros_around(x: Any, p: Any) -> Any:
    from torch.nn import functional as F  # noqa: N812

    nd = x.dim() - 2
    return F.pad(x, _sides(p if isinstance(p, list) else [[p, p]] * nd, nd))


TRUTHS: dict[str, Callable[[Spec], str | None]] = {
    "brute": lambda spec: difference(spec, brute),
    "torch": lambda spec: difference(spec, gradients),
    "verify": executed,
}


def main() -> None:
    """Draw the networks, and print those that differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.fields", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("truth", choices=list(TRUTHS))
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one case")
    args = parser.parse_args()
    begin, ops, wrong, units = time.perf_counter(), Counter[str](), 0, 0
    for case in range(args.cases) if args.only is None else [args.only]:
        spec = draw(Random(f"{args.seed}:{case}"))
        ops.update({layer["op"] for layer in spec["layers"]})
        units += prod(numbers(cnncalc.shape(spec).out[1:]))
        found = TRUTHS[args.truth](spec)
        if found is not None:
            wrong += 1
            sys.stdout.write(f"case {case}: {found}\n    {json.dumps(spec)}\n")
    drawn = ", ".join(f"{op} {number}" for op, number in ops.most_common())
    sys.stdout.write(
        f"{args.truth}: {args.cases if args.only is None else 1} networks, {units:,} units, {wrong} differ, "
        f"{time.perf_counter() - begin:.0f} s\nnetworks with {drawn}\n"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
