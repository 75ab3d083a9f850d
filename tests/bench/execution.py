"""Execution beside PyTorch: `python -m tests.bench.execution [speed|accuracy|memory|networks] [--torch PYTHON]`.

`--torch` is a Python that has torch installed; by default it is this one. Each layer runs in float32, at batch 1 and 8,
two threads each. `speed` and `networks` time fresh processes of either side in turn and print the medians and the
median of the ratios (below 1: cnncalc is faster). `accuracy` prints the largest error against float64, relative to the
largest value, beside torch's own. `memory` prints the peak of what a run takes beyond its input, output and weights, at
batch 64. With `--cpu` each layer is timed in one thread by the processor's clock, and the least counts: that says most
on a machine that others use, too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Layer = dict[str, Any]
LAYERS: dict[str, tuple[str, tuple[int, ...], Layer]] = {
    "AlexNet conv1": ("dense", (3, 224, 224), {"op": "conv", "c_o": 64, "k": 11, "s": 4, "p": 2}),
    "AlexNet conv2": ("dense", (64, 27, 27), {"op": "conv", "c_o": 192, "k": 5, "p": 2}),
    "VGG conv1_1": ("dense", (3, 224, 224), {"op": "conv", "c_o": 64, "k": 3, "p": 1}),
    "VGG conv1_2": ("dense", (64, 224, 224), {"op": "conv", "c_o": 64, "k": 3, "p": 1}),
    "VGG conv3_2": ("dense", (256, 56, 56), {"op": "conv", "c_o": 256, "k": 3, "p": 1}),
    "VGG conv5_3": ("dense", (512, 14, 14), {"op": "conv", "c_o": 512, "k": 3, "p": 1}),
    "ResNet stem": ("dense", (3, 224, 224), {"op": "conv", "c_o": 64, "k": 7, "s": 2, "p": 3}),
    "1x1 64->256 at 56": ("dense", (64, 56, 56), {"op": "conv", "c_o": 256, "k": 1}),
    "3x3 128 at 28": ("dense", (128, 28, 28), {"op": "conv", "c_o": 128, "k": 3, "p": 1}),
    "3x3 512 at 7": ("dense", (512, 7, 7), {"op": "conv", "c_o": 512, "k": 3, "p": 1}),
    "1x1 256->512 s2 at 56": ("dense", (256, 56, 56), {"op": "conv", "c_o": 512, "k": 1, "s": 2}),
    "dilated 3x3 256 at 28": ("dense", (256, 28, 28), {"op": "conv", "c_o": 256, "k": 3, "p": 6, "d": 6}),
    "depthwise 32 at 112": ("grouped", (32, 112, 112), {"op": "conv", "c_o": 32, "k": 3, "p": 1, "g": 32}),
    "depthwise 64 s2 at 112": ("grouped", (64, 112, 112), {"op": "conv", "c_o": 64, "k": 3, "s": 2, "p": 1, "g": 64}),
    "depthwise 512 at 14": ("grouped", (512, 14, 14), {"op": "conv", "c_o": 512, "k": 3, "p": 1, "g": 512}),
    "grouped 32x4d 128 at 56": ("grouped", (128, 56, 56), {"op": "conv", "c_o": 128, "k": 3, "p": 1, "g": 32}),
    "transposed 64->32 at 56": ("dense", (64, 56, 56), {"op": "convT", "c_o": 32, "k": 4, "s": 2, "p": 1}),
    "max pool 3/2 at 112": ("pool", (64, 112, 112), {"op": "maxpool", "k": 3, "s": 2, "p": 1}),
    "max pool 2/2 at 224": ("pool", (64, 224, 224), {"op": "maxpool", "k": 2}),
    "average pool 7x7": ("pool", (2048, 7, 7), {"op": "avgpool", "k": 7}),
    "LeNet conv1": ("dense", (1, 28, 28), {"op": "conv", "c_o": 6, "k": 5, "p": 2}),
}
"""The layers by name: the kind, a sample's shape, and the layer."""
NETWORKS = {"vgg16": (3, 224, 224), "mobilenet_v1": (3, 224, 224), "resnet50": (3, 224, 224)}
BATCHES = (1, 8)
LIMITS = {"dense": 1.2, "grouped": 3.0, "pool": 0.5}
THREADS = 2
SECONDS = 0.25
"""How long a process times one layer."""


def arrays(name: str, batch: int) -> dict[str, Any]:
    """Return the input, the weight and the bias of a layer, equal on both sides."""
    import numpy as np

    _, shape, layer = LAYERS[name]
    rng = np.random.default_rng(len(name) + batch)
    found: dict[str, Any] = {"x": rng.standard_normal((batch, *shape), np.float32)}
    if "pool" not in layer["op"]:
        k = (layer["k"],) * 2
        c_i, c_o, g = shape[0], layer["c_o"], layer.get("g", 1)
        size = (c_i, c_o // g, *k) if layer["op"] == "convT" else (c_o, c_i // g, *k)
        found["weight"] = rng.standard_normal(size, np.float32) / math.sqrt(c_i // g * math.prod(k))
        found["bias"] = rng.standard_normal(c_o, np.float32)
    return found


def in_torch(name: str, given: dict[str, Any]) -> Callable[[], Any]:
    """Return the layer as a PyTorch function."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(THREADS)
    layer = LAYERS[name][2]
    tensors = {key: torch.from_numpy(array) for key, array in given.items()}
    x, s, p = tensors["x"], layer.get("s", 1), layer.get("p", 0)
    if layer["op"] == "maxpool":
        return lambda: functional.max_pool2d(x, layer["k"], layer.get("s"), p)
    if layer["op"] == "avgpool":
        return lambda: functional.avg_pool2d(x, layer["k"])
    if layer["op"] == "convT":
        return lambda: functional.conv_transpose2d(x, tensors["weight"], tensors["bias"], s, p)
    d, g = layer.get("d", 1), layer.get("g", 1)
    return lambda: functional.conv2d(x, tensors["weight"], tensors["bias"], s, p, d, g)


def in_cnncalc(name: str, given: dict[str, Any]) -> Callable[[], Any]:
    """Return the layer as a program that allocates a new output in each call."""
    import numpy as np

    import cnncalc
    from cnncalc.execute.program import Program

    x = given["x"]
    network = cnncalc.load([{**LAYERS[name][2], "name": "layer"}])
    weights = {f"layer.{role}": array for role, array in given.items() if role != "x"}
    report = cnncalc.shape(network, x.shape)
    program = Program(report, x.dtype, weights, [len(report.layers) - 1])
    shape, kind = program.steps[0].shape, program.steps[0].kind

    def call() -> Any:
        out = np.empty((len(x), *shape), kind)
        for begin in range(0, len(x), program.at_once):
            chunk = slice(begin, begin + program.at_once)
            program.run(x[chunk], {0: out[chunk]})
        return out

    return call


SIDES = {"cnncalc": in_cnncalc, "torch": in_torch}


def timed(call: Callable[[], Any], seconds: float = SECONDS) -> float:
    """Return the median seconds of a call, after two warm-up calls; with one thread, the least processor time."""
    clock, figure = (time.perf_counter, statistics.median) if THREADS > 1 else (time.process_time, min)
    call(), call()
    found: list[float] = []
    until = clock() + seconds
    while clock() < until or len(found) < 5:
        begin = clock()
        call()
        found.append(clock() - begin)
    return figure(found)


def work_speed(side: str, only: str) -> Iterator[dict[str, Any]]:
    """Yield the time of each layer, measured in this process."""
    with _no_gradients(side):
        for name in LAYERS:
            for batch in BATCHES:
                if only in name:
                    took = timed(SIDES[side](name, arrays(name, batch)))
                    yield {"name": name, "batch": batch, "seconds": took}


def work_accuracy(side: str, only: str) -> Iterator[dict[str, Any]]:
    """Yield the largest error of each layer against float64, relative to the largest value."""
    import numpy as np

    with _no_gradients(side):
        for name in LAYERS:
            if only in name:
                given = arrays(name, 1)
                found = np.asarray(SIDES[side](name, given)())
                exact = np.asarray(SIDES[side](name, {key: array.astype(float) for key, array in given.items()})())
                yield {"name": name, "error": float(np.abs(found - exact).max() / np.abs(exact).max())}


def work_memory(side: str, only: str) -> Iterator[dict[str, Any]]:
    """Yield the peak memory of each layer at batch 64 beyond input, output and weights, each in its own process."""
    for name in LAYERS:
        if only in name:
            yield from _lines([sys.executable, "-m", "tests.bench.execution", "--worker", "peak", "--only", name])


def work_peak(side: str, only: str) -> Iterator[dict[str, Any]]:
    """Yield the peak memory of one layer at batch 64, in MiB."""
    import cnncalc.execute  # noqa: F401

    before = _resident("VmRSS")
    given = arrays(only, 64)
    out = in_cnncalc(only, given)()
    known = sum(array.nbytes for array in given.values()) + out.nbytes
    yield {"name": only, "mib": (_resident("VmHWM") - before - known) / 2**20}


def _resident(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def work_networks(side: str, only: str) -> Iterator[dict[str, Any]]:
    """Yield the time of whole networks at batch 1."""
    with _no_gradients(side):
        for name, shape in NETWORKS.items():
            if only in name:
                call = network_in_torch(name, shape) if side == "torch" else network_in_cnncalc(name, shape)
                yield {"name": name, "batch": 1, "seconds": timed(call, 3)}


def network_in_cnncalc(name: str, shape: tuple[int, ...]) -> Callable[[], Any]:
    """Return a built-in network with random weights."""
    import numpy as np

    import cnncalc
    from cnncalc.execute.program import Program
    from cnncalc.execute.weights import bind, wanted

    x = np.random.default_rng(1).standard_normal((1, *shape), np.float32)
    report = cnncalc.shape(name, x.shape)
    program = Program(report, x.dtype, bind(wanted(report), {}, 0, x.dtype), [len(report.layers) - 1])
    last = len(report.layers) - 1
    out = np.empty((1, *program.steps[last].shape), np.float32)
    return lambda: program.run(x, {last: out})


def network_in_torch(name: str, shape: tuple[int, ...]) -> Callable[[], Any]:
    """Return the same network in PyTorch, with one module for each layer of the built-in spec, called in order."""
    import torch

    torch.set_num_threads(THREADS)
    spec = json.loads(os.environ["CNNCALC_SPECS"])[name]
    modules = [in_module(layer).eval() for layer in spec]
    at = {layer["name"]: index for index, layer in enumerate(spec)} | {"input": -1}
    reads = []
    for index, layer in enumerate(spec):
        named = layer.get("from", [])
        names = [named] if isinstance(named, str) else named
        reads.append([at[name] for name in names] or [index - 1])
    last_read = {read: index for index, several in enumerate(reads) for read in several}
    x = torch.randn(1, *shape)

    def call() -> Any:
        found = {-1: x}
        for index, module in enumerate(modules):
            found[index] = module(*[found[read] for read in reads[index]])
            for read in reads[index]:
                if last_read[read] == index:
                    found.pop(read, None)
        return found[len(modules) - 1]

    return call


def in_module(layer: Layer) -> Any:
    """Return one resolved layer as a module."""
    from torch import nn

    class Add(nn.Module):  # type: ignore[misc]
        def forward(self, a: Any, b: Any) -> Any:
            return a + b

    v, begins = layer, [before for before, _ in layer.get("p", [])]

    def conv(g: int) -> Any:
        return nn.Conv2d(v["c_i"], v["c_o"], v["k"], v["s"], begins, groups=g, bias=v["bias"])

    made: dict[str, Callable[[], Any]] = {
        "conv": lambda: conv(v["g"]),
        "dwconv": lambda: conv(v["c_i"]),
        "batchnorm": lambda: nn.BatchNorm2d(v["report"]["in"][0][-3]),
        "maxpool": lambda: nn.MaxPool2d(v["k"], v["s"], begins),
        "globalavgpool": lambda: nn.AdaptiveAvgPool2d(1),
        "adaptiveavgpool": lambda: nn.AdaptiveAvgPool2d(v["out"]),
        "linear": lambda: nn.Linear(v["c_i"], v["out"]),
        "relu": lambda: nn.ReLU(inplace=True),
        "relu6": lambda: nn.ReLU6(inplace=True),
        "softmax": lambda: nn.Softmax(-1),
        "flatten": nn.Flatten,
        "dropout": nn.Dropout,
        "add": Add,
    }
    return made[v["op"]]()


def _no_gradients(side: str) -> Any:
    if side == "torch":
        import torch

        return torch.inference_mode()
    import contextlib

    return contextlib.nullcontext()


WORK = {
    "speed": work_speed,
    "accuracy": work_accuracy,
    "memory": work_memory,
    "peak": work_peak,
    "networks": work_networks,
}


def _lines(command: list[str]) -> Iterator[dict[str, Any]]:
    threads = {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)}
    run = subprocess.run(command, env={**os.environ, **threads}, check=True, capture_output=True, text=True)
    for line in run.stdout.splitlines():
        yield json.loads(line)


def measure(what: str, torch: str, only: str, rounds: int) -> None:
    """Run both sides in turn, and print the table."""
    found: dict[tuple[str, int], dict[str, list[float]]] = {}
    figure = {"speed": "seconds", "networks": "seconds", "accuracy": "error", "memory": "mib"}[what]
    if what == "networks":
        import cnncalc

        specs = {name: cnncalc.shape(name, (1, *shape)).to_dict()["layers"] for name, shape in NETWORKS.items()}
        os.environ["CNNCALC_SPECS"] = json.dumps(specs)
    sides = {"cnncalc": sys.executable} | ({} if what == "memory" else {"torch": torch})
    for _ in range(rounds if figure == "seconds" else 1):
        for side, python in sides.items():
            command = [python, "-m", "tests.bench.execution", "--worker", what, "--side", side, "--only", only]
            command += ["--cpu"] if THREADS == 1 else []
            for line in _lines(command):
                both = found.setdefault((line["name"], line.get("batch", 1)), {})
                both.setdefault(side, []).append(line[figure])
    ratios: dict[str, list[float]] = {}
    for (name, batch), both in found.items():
        unit, scale = {"seconds": ("ms", 1e3), "error": ("", 1), "mib": ("MiB", 1)}[figure]
        text = "".join(f" {statistics.median(values) * scale:11.4g} {unit}" for values in both.values())
        if "torch" in both:
            ratio = statistics.median(a / b if b else 1.0 for a, b in zip(both["cnncalc"], both["torch"], strict=True))
            ratios.setdefault(LAYERS[name][0] if name in LAYERS else name, []).append(ratio)
            text += f" {ratio:7.2f}"
        sys.stdout.write(f"{name:24} {batch:3} {text}\n")
    if what == "speed":
        for kind, values in ratios.items():
            sys.stdout.write(f"{kind:24} geometric mean {_mean(values):.2f} (aim {LIMITS[kind]})\n")
        sys.stdout.write(
            f"{'all':24} geometric mean {_mean([r for values in ratios.values() for r in values]):.2f} (aim 1.0)\n"
        )


def _mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def main() -> None:
    """Run a benchmark, or act as one of its measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="speed", choices=["speed", "accuracy", "memory", "networks"])
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="A Python that has torch.")
    parser.add_argument("--only", default="", metavar="TEXT", help="Only what has this in its name.")
    parser.add_argument("--rounds", type=int, default=5, help="How many pairs of processes.")
    parser.add_argument("--worker", choices=list(WORK), help=argparse.SUPPRESS)
    parser.add_argument("--side", default="cnncalc", choices=list(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--cpu", action="store_true", help="Time one thread each, by the processor's clock.")
    asked = parser.parse_args()
    if asked.worker:
        for found in WORK[asked.worker](asked.side, asked.only):
            sys.stdout.write(json.dumps(found) + "\n")
    else:
        measure(asked.what, asked.torch, asked.only, asked.rounds)


if __name__ == "__main__":
    if "--cpu" in sys.argv:
        THREADS = 1
    main()
