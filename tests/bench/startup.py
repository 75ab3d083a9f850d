"""How long the whole command takes beside what it cannot do without: `python -m tests.bench.startup`.

Pairs of processes in turn, the median of each and of the ratios. The aim: at most 1.3 both for JSON (beside a Python
that imports click and json) and for the table (beside one that also prints a one-row rich table).
Run it with the Python of an environment in which cnncalc is installed, not editable.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 41
STEM = ["shape", "3x224x224", "conv:64,k7,s2,p3", "maxpool:k3,s2,p1"]
IMPORTS = "import click, json"
TABLE = (
    "import click, json; from rich.console import Console; from rich.table import Table; "
    "t = Table(); t.add_column('a'); t.add_row('1'); Console().print(t)"
)


def seconds(command: list[str]) -> float:
    """One run of a command, as a whole process."""
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def compare(name: str, command: list[str], beside: list[str]) -> None:
    """Run two commands in turn and print their medians and the median of their ratios."""
    pairs = [(seconds(command), seconds(beside)) for _ in range(RUNS + 1)][1:]
    ours, theirs = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    sys.stdout.write(f"{name:6} {ours:6.1f} ms beside {theirs:6.1f} ms: {ratio:.2f}\n")


def main() -> None:
    """Measure the JSON and the table of one stem."""
    script = Path(sys.executable).with_name("cnncalc")
    program = str(script) if script.exists() else shutil.which("cnncalc")
    if program is None:
        sys.exit("cnncalc is not installed for this Python")
    compare("json", [program, *STEM, "--json"], [sys.executable, "-c", IMPORTS])
    compare("table", [program, *STEM], [sys.executable, "-c", TABLE])


if __name__ == "__main__":
    main()
