"""Execution on NumPy arrays: the only place that imports numpy."""

from .job import Job, run
from .program import MEMORY

__all__ = ["MEMORY", "Job", "run"]
