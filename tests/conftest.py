"""How the tests are run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Text is UTF-8 in every test, whatever the locale here is.
os.environ["PYTHONUTF8"] = "1"
# No clock decides a test: the machine may be busy.
settings.register_profile("by hand", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("by hand"), derandomize=True)
# A gate answers twice alike; runs by hand go on looking for more.
settings.load_profile("ci" if os.environ.get("CI") else "by hand")
