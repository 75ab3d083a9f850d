"""How the tests are run."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):  # a gate that answers twice alike; runs by hand go on looking for more
    settings.load_profile("ci")
