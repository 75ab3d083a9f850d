"""Faults while files and streams are read and written: signals, full disks, closed streams, links, two writers, names.

The law: after any fault, the file is either the old one or the complete new one, no temporary file is left, and the
exit code tells which. If a signal comes just after the file has been renamed, it is the new one.
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
"""The functions that cause a fault in an empty folder, by name. They raise AssertionError if the law is broken."""


def attempt(fault: str, seed: int, case: int) -> None:
    """Cause the fault that is determined by its name, a seed and a number."""
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        FAULTS[fault](Random(f"{fault} {seed} {case}"), Path(folder).resolve())
