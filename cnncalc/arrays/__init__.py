"""Execution on NumPy arrays: the only place that imports numpy."""

from .execute import MEMORY
from .job import Job, run

__all__ = ["MEMORY", "Job", "run"]
