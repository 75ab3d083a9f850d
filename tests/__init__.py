"""The tests of cnncalc."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
"""Facts to test against; README.md beside them says where each comes from."""
