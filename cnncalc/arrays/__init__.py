"""Execution on NumPy arrays: the only place that imports numpy."""
