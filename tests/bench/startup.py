"""How long the whole command takes beside what it cannot do without: `python -m tests.bench.startup`.

`python -m tests.bench.startup [--torchinfo PYTHON]`, where that Python has torchvision and torchinfo.

Pairs of processes in turn, the median of each and of the ratios, and the ratio of the least of each, which says most on
a machine that others use, too. The aims: at most 1.2 for the JSON of a stem, and 1.1 for --help, -V and a completion,
beside a Python that imports click and json, in at most 25 MB; at most 1.6 for the table of ResNet-50, to a pipe and to
a terminal, beside one that also prints a one-row rich table; and 25 times faster than torchinfo's table of the same
network.

Run it with the Python of an environment in which cnncalc is installed, not editable, and writes its byte code.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 41
BARE = {
    "help": ["--help"],
    "version": ["-V"],
    "completion": ["completion", "bash", "--line", "cnncalc sh"],
    "of options": ["completion", "bash", "--line", "cnncalc shape --"],
    "of keys": ["completion", "bash", "--line", "cnncalc shape 3x32x32 conv:6,"],
}
STEM = ["shape", "3x224x224", "conv:64,k7,s2,p3", "maxpool:k3,s2,p1"]
IMPORTS = "import click, json"
TABLE = (
    "import click, json; from rich.console import Console; from rich.table import Table; "
    "t = Table(); t.add_column('a'); t.add_row('1'); Console().print(t)"
)


TORCHINFO = (
    "import torchvision, torchinfo; torchinfo.summary(torchvision.models.resnet50(), (1, 3, 224, 224), verbose=1)"
)


def seconds(command: list[str], terminal: bool = False) -> float:
    """Return the seconds that a process takes to run a command, with its output to a pipe or a terminal."""
    begin = time.perf_counter()
    if terminal:
        import pty

        with open(os.devnull, "wb") as nowhere:
            ours, theirs = pty.openpty()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs)
            os.close(theirs)
            with contextlib.suppress(OSError):  # on Linux, the end of a terminal's output is an error
                while data := os.read(ours, 65536):
                    nowhere.write(data)
            os.close(ours)
            assert process.wait() == 0
    else:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def compare(name: str, command: list[str], beside: list[str], runs: int = RUNS, terminal: bool = False) -> None:
    """Run two commands in turn; print their medians, the median of their ratios, and the ratio of the least times."""
    pairs = [(seconds(command, terminal), seconds(beside)) for _ in range(runs + 1)][1:]
    ours, theirs = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    least = min(a for a, _ in pairs) / min(b for _, b in pairs)
    sys.stdout.write(f"{name:10} {ours:6.1f} ms beside {theirs:6.1f} ms: {ratio:.3f}, of the least {least:.3f}\n")


def megabytes(command: list[str]) -> float:
    """Return the peak memory of a command."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Measure commands with little output, the JSON of a stem, and the table of ResNet-50."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torchinfo", metavar="PYTHON")
    torchinfo = parser.parse_args().torchinfo
    script = Path(sys.executable).with_name("cnncalc")
    program = str(script) if script.exists() else shutil.which("cnncalc")
    if program is None:
        sys.exit("cnncalc is not installed for this Python")
    stem = [program, *STEM, "--json"]
    compare("json", stem, [sys.executable, "-c", IMPORTS])
    sys.stdout.write(f"{'':10} {megabytes(stem):6.1f} MB at most\n")
    for name, words in BARE.items():
        compare(name, [program, *words], [sys.executable, "-c", IMPORTS])
    table = [program, "shape", "resnet50"]
    compare("pipe", table, [sys.executable, "-c", TABLE])
    compare("terminal", table, [sys.executable, "-c", TABLE], terminal=True)
    if torchinfo is not None:
        compare("torchinfo", table, [torchinfo, "-c", TORCHINFO], runs=3)


if __name__ == "__main__":
    main()
