"""Execution on NumPy arrays: the only package that imports numpy."""

from .job import Job, as_array
from .program import MEMORY

__all__ = ["MEMORY", "Job", "as_array"]
