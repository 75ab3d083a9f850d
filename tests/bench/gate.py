"""Run time and memory of a CI check over many files: `python -m tests.bench.gate`.

One command checks specs of 50 layers each, all with expectations; the peak memory should not grow with their number.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.chain import layer

COUNTS = (1, 200, 2_000)
LAYERS = 50


def main() -> None:
    """Time each number of files once after a warm-up, and print seconds and peak memory."""
    for count in (1, *COUNTS):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                layers = [layer(i) | {"expect": {"min_params": 0}} for i in range(LAYERS)]
                spec = {"input": [3, 31 + number % 7, 37], "layers": layers, "expect": {"max_params": "10M"}}
                Path(folder, f"{number}.json").write_text(json.dumps(spec, indent=1))
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-m", "cnncalc", "check", folder], stdout=subprocess.DEVNULL, check=True)
            took = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        sys.stdout.write(f"{count:5,} files of {LAYERS} layers {took:6.2f} s, peak so far {peak:5.1f} MiB\n")


if __name__ == "__main__":
    main()
