"""How the time grows with the length of a chain: `python -m tests.bench.chain`.

A spec of N layers is written to a file; the whole command reads it, traces it and writes its report as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LENGTHS = (1_000, 10_000, 100_000)


def layer(index: int) -> dict[str, object]:
    """Convolutions, norms, pools and activations in turn, none of them the same as the one before."""
    kinds: list[dict[str, object]] = [
        {"op": "conv", "c_o": 8 + index % 5, "k": 3, "p": 1},
        {"op": "batchnorm"},
        {"op": "relu"},
        {"op": "maxpool", "k": 3, "s": 1, "p": 1},
        {"op": "dwconv", "k": [3, 5], "p": [1, 2], "bias": False},
    ]
    return kinds[index % len(kinds)]


def main() -> None:
    """Time each length once, after a warm-up, and print seconds and microseconds a layer."""
    with tempfile.TemporaryDirectory() as folder:
        for length in (100, *LENGTHS):
            path = Path(folder) / "net.json"
            path.write_text(json.dumps({"input": [3, 31, 37], "layers": [layer(i) for i in range(length)]}))
            begin = time.perf_counter()
            command = [sys.executable, "-m", "cnncalc", "shape", str(path), "--json", "-o", f"{folder}/out.json"]
            subprocess.run(command, check=True)
            took = time.perf_counter() - begin
            if length in LENGTHS:
                sys.stdout.write(f"{length:7,} layers {took:6.2f} s {took / length * 1e6:6.1f} us a layer\n")


if __name__ == "__main__":
    main()
