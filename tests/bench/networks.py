"""Whole networks beside PyTorch and onnxruntime, from one ONNX file.

`PYTHON -m tests.bench.networks [forward|process]`, where PYTHON has torch, torchvision, onnx and onnxruntime installed
beside cnncalc. The files are written on first use, batch norms kept, with random weights, into `--folder`.

`forward` times the forward pass alone, weights in memory, batch 1, two threads each, the three in turn in one process.
It prints the least of each in ms, and the ratios of these; the least says most on a machine that others use, too.
`process` times `cnncalc run net.onnx -x x.npy -o y.npy` beside a script that does the same with onnxruntime.
With `--cpu` either takes the processor's time, which says most where others use all processors.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = 2
PAUSE = 0.03
"""Seconds to wait between two sides, until spinning threads have gone to sleep."""
NETWORKS = {
    "resnet50": (1, 3, 224, 224),
    "vgg16": (1, 3, 224, 224),
    "densenet121": (1, 3, 224, 224),
    "mobilenet_v2": (1, 3, 224, 224),
    "efficientnet_b0": (1, 3, 224, 224),
    "unet": (1, 1, 572, 572),
}
SCRIPT = """
import os, sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
x = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], session.run(None, {session.get_inputs()[0].name: x})[0])
"""


def module(name: str) -> Any:
    """Return a network as a PyTorch module, from torchvision if available, always with the same random weights."""
    import torch
    import torchvision

    torch.manual_seed(0)
    if hasattr(torchvision.models, name):
        return getattr(torchvision.models, name)().eval()
    import cnncalc

    names: dict[str, Any] = {}
    exec(cnncalc.to_torch(name), names)
    return next(value for key, value in names.items() if key.lower() == name)().eval()


def written(name: str, folder: Path) -> Path:
    """Return the path of the network's ONNX file, writing it if needed."""
    import torch

    path = folder / f"{name}.onnx"
    if not path.exists():
        how = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(module(name), torch.zeros(NETWORKS[name]), path, dynamo=False, **how)
    return path


def in_cnncalc(name: str, path: Path, x: Any, **how: Any) -> Callable[[], Any]:
    """Return the network prepared by cnncalc."""
    import cnncalc

    prepared = cnncalc.prepare(path, memory=1 << 30, **how)
    return lambda: prepared(x)


def in_torch(name: str, path: Path, x: Any) -> Callable[[], Any]:
    """Return the network in PyTorch, in eager mode."""
    import torch

    made, tensor = module(name), torch.from_numpy(x)

    def call() -> Any:
        with torch.inference_mode():
            return made(tensor).numpy()

    return call


def in_onnxruntime(name: str, path: Path, x: Any) -> Callable[[], Any]:
    """Return the network in onnxruntime, with its default optimizations."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    key = session.get_inputs()[0].name
    return lambda: session.run(None, {key: x})[0]


def forward(names: list[str], folder: Path, rounds: int, clock: Callable[[], float]) -> None:
    """Print the least time of each network on each side, and the ratios."""
    import numpy as np
    import torch

    torch.set_num_threads(THREADS)
    sys.stdout.write(f"{'':16} cnncalc  unfused    torch      ort   beside torch  beside ort  unfused beside torch\n")
    for name in names:
        path = written(name, folder)
        x = np.random.default_rng(0).standard_normal(NETWORKS[name], np.float32)
        calls = [in_cnncalc(name, path, x), in_cnncalc(name, path, x, fuse=False)]
        calls += [in_torch(name, path, x), in_onnxruntime(name, path, x)]
        results = [call() for call in calls]
        for result in results[1:]:
            assert np.abs(results[0] - result).max() <= 1e-4 * np.abs(result).max()
        found: list[list[float]] = [[] for _ in calls]
        for _ in range(rounds):
            for times, call in zip(found, calls, strict=True):
                time.sleep(PAUSE)
                call()
                begin = clock()
                call()
                times.append(clock() - begin)
        ours, unfused, torchs, orts = map(min, found)
        text = "".join(f"{least * 1e3:9.2f}" for least in (ours, unfused, torchs, orts))
        ratios = ours / torchs, ours / orts, unfused / torchs
        sys.stdout.write(f"{name:16}{text}" + "".join(f"{ratio:13.2f}" for ratio in ratios) + "\n")
        sys.stdout.flush()


def process(names: list[str], folder: Path, rounds: int, clock: Callable[[], float]) -> None:
    """Print the least time of whole processes, and the ratio."""
    import numpy as np

    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages have byte code, and so must this checkout
    for name in names:
        path, x, y = written(name, folder), folder / "x.npy", folder / "y.npy"
        np.save(x, np.random.default_rng(0).standard_normal(NETWORKS[name], np.float32))
        commands = [
            [sys.executable, "-m", "cnncalc", "run", str(path), "-x", str(x), "-o", str(y), "-q", "--memory", "1GiB"],
            [sys.executable, "-c", SCRIPT, str(path), str(x), str(y)],
        ]
        found: list[list[float]] = [[] for _ in commands]
        for _ in range(rounds + 1):
            for times, command in zip(found, commands, strict=True):
                begin = clock()
                subprocess.run(command, check=True, env=environment, capture_output=True)
                times.append(clock() - begin)
        ours, theirs = [min(times[1:]) for times in found]  # the first may compile the sources
        sys.stdout.write(f"{name:16}{ours * 1e3:9.0f} ms{theirs * 1e3:9.0f} ms{ours / theirs:9.2f}\n")
        sys.stdout.flush()


def of_children() -> float:
    """Return the processor time of all child processes that have been waited for."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="forward", choices=["forward", "process"])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/cnncalc-networks"))
    parser.add_argument("--only", default="", help="Only networks with this in their name.")
    parser.add_argument("--cpu", action="store_true", help="Time one thread each, by the processor's clock.")
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    asked.folder.mkdir(exist_ok=True)
    names = [name for name in NETWORKS if asked.only in name]
    if asked.what == "process":
        process(names, asked.folder, asked.rounds, of_children if asked.cpu else time.perf_counter)
    else:
        forward(names, asked.folder, asked.rounds, time.process_time if asked.cpu else time.perf_counter)


if __name__ == "__main__":
    if "--cpu" in sys.argv:
        THREADS = 1
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)
    main()
