"""The tests of cnncalc."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
"""The folder of test data; its README.md says where each file comes from."""
