"""A stream of small specs compared with Python's json, in time and memory: `python -m tests.bench.stream`.

`shape - --jsonl` reads one spec per line and writes one report per line. The baseline is a Python process that parses
the same lines and writes the same reports with its json module. Processes run in pairs, and the least time of each
counts. Wall-clock and processor time are both printed, as others may use the machine. The aim: at most 6 times the
baseline. The peak memory should not grow with the number of lines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

COUNTS = (1_000, 100_000)
RUNS = 3
JSON = """
import json, sys, time
reports = [json.loads(line) for line in open(sys.argv[1], "rb")]
wall, cpu = time.perf_counter(), time.process_time()
with open(sys.argv[2], "rb") as specs, open(sys.argv[3], "w") as out:
    for line, report in zip(specs, reports):
        json.loads(line)
        out.write(json.dumps(report) + "\\n")
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


class Cost(NamedTuple):
    """The cost of a process."""

    wall: float
    """Wall-clock seconds."""
    cpu: float
    """Seconds of processor time."""
    memory: float = 0.0
    """The peak memory, in MiB."""


def spec(index: int) -> dict[str, object]:
    """Return a network of one layer, different from the one before it."""
    return {"input": [3, 31 + index % 17, 37], "layers": [{"op": "conv", "c_o": 8 + index % 5, "k": 3, "p": 1}]}


def ours(specs: Path, reports: Path) -> Cost:
    """Write the report of each spec with the command."""
    begin = time.perf_counter()
    with specs.open("rb") as lines, reports.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "cnncalc", "shape", "-", "--jsonl"], stdin=lines, stdout=out)
        _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return Cost(time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def theirs(specs: Path, reports: Path) -> Cost:
    """Parse each spec and write its report with Python's json."""
    command = [sys.executable, "-c", JSON, str(reports), str(specs), os.devnull]
    seconds = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Cost(*map(float, seconds))


def main() -> None:
    """Print the seconds of each side, their ratio, and the memory."""
    with tempfile.TemporaryDirectory() as folder:
        specs, reports = Path(folder, "specs.jsonl"), Path(folder, "reports.jsonl")
        for count in COUNTS:
            with specs.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(spec(index)) + "\n" for index in range(count))
            pairs = [(ours(specs, reports), theirs(specs, reports)) for _ in range(RUNS)]
            wall, cpu = (
                [min(getattr(cost, name) for cost in costs) for costs in zip(*pairs, strict=True)]
                for name in ("wall", "cpu")
            )
            sys.stdout.write(
                f"{count:7,} lines  clock {wall[0]:6.2f} s beside {wall[1]:5.2f} s: {wall[0] / wall[1]:5.2f}   "
                f"processor {cpu[0]:6.2f} s beside {cpu[1]:5.2f} s: {cpu[0] / cpu[1]:5.2f}   "
                f"peak {pairs[-1][0].memory:5.1f} MiB\n"
            )


if __name__ == "__main__":
    main()
