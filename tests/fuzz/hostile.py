"""Hostile input for every reader.

    python -m tests.fuzz.hostile [--minutes N] [--seed S] [--format NAME ...] [--guided]

A case is drawn from its format, seed and number alone, and tried in a process that may die. With `--guided` atheris
changes the inputs instead, and keeps those that reach new code. Each kind of fault is printed once, with the file that
shows it; `--try FILE` tries a file again, whose name begins with its format.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from . import measure
from .commands import Draw, _limited, _place
from .formats import FORMATS, made

MEMORY = 3
"""The most memory of a process, in GiB."""
SECONDS = 120
"""The most seconds that a process may take for one case, with other processes running."""


class Fault(NamedTuple):
    """A fault of an input."""

    kind: str
    """The text without numbers and names; faults of one kind are reported once."""
    text: str


def attempt(format: str, data: bytes) -> Fault | None:
    """Try one input, and return the fault, if any."""
    try:
        with _limited():
            FORMATS[format].attempt(data)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        place = _place(error)
        what = f"{type(error).__name__}: {error}"
        kind = re.sub(r"\d+", "N", re.sub(r"'[^']*'", "'..'", what.splitlines()[0]))[:60]
        return Fault(f"{format} {place if not kind.startswith('Broken') else ''} {kind}", _trace(error))
    return None


def _trace(error: BaseException) -> str:
    """Return the message of an exception, and the innermost frames of its traceback."""
    text = "".join(traceback.format_exception_only(error))[:600]
    places = traceback.extract_tb((error.__cause__ or error).__traceback__)[-3:]
    return text + "\n".join(f"    {place.filename}:{place.lineno} {place.line}" for place in places)


def case(format: str, seed: int, number: int) -> dict[str, Any]:
    """Try a case, and return its fault as JSON."""
    fault = attempt(format, made(format, Draw(f"{seed}/{format}/{number}")))
    return {} if fault is None else fault._asdict()


class Finds:
    """The faults of a run, one file for each kind in a folder."""

    def __init__(self, folder: Path):
        self.folder, self.counts = folder, Counter[str]()

    def add(self, format: str, data: bytes, fault: Fault) -> None:
        """Count a fault; if its kind is new, print it and keep its input."""
        self.counts[fault.kind] += 1
        if self.counts[fault.kind] == 1:
            file = self.folder / f"{format}-{hashlib.sha256(data).hexdigest()[:10]}"
            file.write_bytes(data)
            sys.stdout.write(f"--- {fault.kind}\n    {file}\n{fault.text}\n")
            sys.stdout.flush()


def drawn(formats: list[str], seed: int, minutes: float, finds: Finds) -> int:
    """Try random cases of the formats in turn, in batches, and return how many."""
    end, first, count = time.monotonic() + 60 * minutes, 0, 0
    while time.monotonic() < end:
        for format in formats:
            lines = measure.each(lambda at, name=format: case(name, seed, first + at), measure.BATCH, SECONDS, MEMORY)  # type: ignore[misc]  # noqa: B023
            for number, line in enumerate(lines, first):
                count += 1
                if line:
                    fault = Fault(line.get("kind", f"{format} {line.get('died')}"), line.get("text", f"{line}"))
                    finds.add(format, made(format, Draw(f"{seed}/{format}/{number}")), fault)
        first += measure.BATCH
    return count


def guided(formats: list[str], seed: int, minutes: float, folder: Path) -> int:
    """Let atheris try inputs of each format in a separate process; return how many."""
    count = 0
    for format in formats:
        line = [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            format,
            str(folder),
            f"{60 * minutes / len(formats):.0f}",
            str(seed),
        ]
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", check=False)
        sys.stdout.write(done.stdout)
        runs = re.findall(r"^stat::number_of_executed_units:\s*(\d+)", done.stderr, re.MULTILINE)
        covered = re.findall(r"cov: (\d+)", done.stderr)
        sys.stdout.write(f"{format}: {runs[-1:]} runs, {covered[:1]} to {covered[-1:]} places of the code covered\n")
        count += int(runs[-1]) if runs else 0
        if done.returncode:
            sys.stdout.write(f"--- {format} ended with {done.returncode}\n{done.stderr[-2000:]}\n")
        sys.stdout.flush()
    return count


def main() -> None:
    """Try inputs for some minutes, and print each kind of fault once."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.hostile", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", nargs="+", choices=[*FORMATS], default=[*FORMATS])
    parser.add_argument("--guided", action="store_true", help="by the code that is reached, with atheris")
    parser.add_argument("--folder", type=Path, help="where finds are kept")
    parser.add_argument("--try", type=Path, nargs="+", dest="files", default=[], help="files that were kept")
    given = parser.parse_args()
    for file in given.files:
        fault = attempt(file.name.partition("-")[0], file.read_bytes())
        sys.stdout.write(f"{file}: {fault.text if fault else 'holds'}\n")
    if given.files:
        return
    folder = given.folder or Path(tempfile.mkdtemp(prefix="cnncalc-fuzz-"))
    folder.mkdir(exist_ok=True, parents=True)
    if given.guided:
        count = guided(given.format, given.seed, given.minutes, folder)
        sys.stdout.write(f"{count:,} inputs; finds, and what reached new code, in {folder}\n")
        return
    finds = Finds(folder)
    count = drawn(given.format, given.seed, given.minutes, finds)
    kinds = "".join(f"\n{number:6} {kind}" for kind, number in finds.counts.most_common())
    sys.stdout.write(f"{count:,} inputs, {len(finds.counts)} kinds of faults, kept in {folder}{kinds}\n")


if __name__ == "__main__":
    main()
