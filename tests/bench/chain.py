"""How run time grows with the length of a chain: `python -m tests.bench.chain`.

A spec of N layers is written to a file; the command reads it, traces it and writes its report as JSON. The baseline is
a Python process that loads and dumps that report. The aims: at most 1.0 times the baseline, and at most 12 times as
long for 10^6 layers as for 10^5.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
COPY = "import json, sys; json.dump(json.load(open(sys.argv[1])), open(sys.argv[2], 'w'))"


def layer(index: int) -> dict[str, object]:
    """Return a convolution, normalization, pooling or activation, in turn, each different from the one before."""
    kinds: list[dict[str, object]] = [
        {"op": "conv", "c_o": 8 + index % 5, "k": 3, "p": 1},
        {"op": "batchnorm"},
        {"op": "relu"},
        {"op": "maxpool", "k": 3, "s": 1, "p": 1},
        {"op": "dwconv", "k": [3, 5], "p": [1, 2], "bias": False},
    ]
    return kinds[index % len(kinds)]


def seconds(command: list[str]) -> float:
    """Return the run time of a command."""
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Time each length once after a warm-up; print seconds, microseconds per layer, and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path, report, copy = [str(Path(folder) / name) for name in ("net.json", "out.json", "copy.json")]
        for length in (100, *LENGTHS):
            Path(path).write_text(json.dumps({"input": [3, 31, 37], "layers": [layer(i) for i in range(length)]}))
            took = seconds([sys.executable, "-m", "cnncalc", "shape", path, "--json", "-o", report])
            ratio = took / seconds([sys.executable, "-c", COPY, report, copy])
            if length in LENGTHS:
                each = f"{took / length * 1e6:6.1f} us a layer"
                sys.stdout.write(f"{length:9,} layers {took:6.2f} s {each} {ratio:5.2f} of load and dump\n")


if __name__ == "__main__":
    main()
