"""The tests of cnncalc."""

import os
from pathlib import Path

from hypothesis import settings

DATA = Path(__file__).parent / "data"
"""Facts to test against; README.md beside them says where each comes from."""

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):  # a gate that answers twice alike; runs by hand go on looking for more
    settings.load_profile("ci")
