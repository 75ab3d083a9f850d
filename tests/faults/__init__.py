"""Faults while files and streams are read and written: signals, full disks, closed streams, links, two writers, names.

The law: after any fault either the old file or the whole new one stands under the name, no temporary file is left, and
the exit code tells which. A signal may come when the file has just got its name: then it is the new one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from . import disks, inputs, sharing, signalling, streams, surroundings

ROOMS = (signalling, disks, streams, sharing, inputs, surroundings)
FAULTS: dict[str, Callable[[Random, Path], None]] = {
    name: fault for room in ROOMS for name, fault in room.FAULTS.items()
}
"""By name, what makes a fault from random numbers in an empty folder. AssertionError if the law is broken."""


def attempt(fault: str, seed: int, case: int) -> None:
    """Make a fault that is drawn from its name, a seed and a number."""
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        FAULTS[fault](Random(f"{fault} {seed} {case}"), Path(folder).resolve())
