"""Configuration of the tests."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import HealthCheck, find, settings, strategies

# Text is UTF-8 in all tests, whatever the locale.
os.environ["PYTHONUTF8"] = "1"
# Containers often disable bytecode; each process of the command would then compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# 20,000 collected tests live until the end; the garbage collector need not visit them.
gc.disable()
# No test depends on a clock, as the machine may be busy.
settings.register_profile("by hand", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("by hand"), derandomize=True, max_examples=60)
# CI runs the same examples each time; runs by hand look for new ones.
settings.load_profile("ci" if os.environ.get("CI") else "by hand")


def pytest_collection_finish() -> None:
    """Enable garbage collection for new objects only.

    From its first example on, Hypothesis checks who refers to its random generator; frozen objects do not.
    """
    find(strategies.none(), lambda _: True)
    gc.freeze()
    gc.enable()
