"""How the tests are run."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import HealthCheck, find, settings, strategies

# Text is UTF-8 in every test, whatever the locale here is.
os.environ["PYTHONUTF8"] = "1"
# Each process of the command would compile what it imports, as containers ask for that write no bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# 20,000 tests are collected, and are there until the end: no collection of garbage looks at them.
gc.disable()
# No clock decides a test: the machine may be busy.
settings.register_profile("by hand", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("by hand"), derandomize=True, max_examples=60)
# A gate answers twice alike; runs by hand go on looking for more.
settings.load_profile("ci" if os.environ.get("CI") else "by hand")


def pytest_collection_finish() -> None:
    """Collect garbage among what is made from now on.

    Hypothesis keeps a random of its own from its first example on, and looks who refers to it: nobody that is frozen.
    """
    find(strategies.none(), lambda _: True)
    gc.freeze()
    gc.enable()
