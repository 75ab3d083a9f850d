"""Work that is divided among threads."""

from __future__ import annotations

import numpy as np
import pytest

import cnncalc
from cnncalc.execute import threads


def test_what_threads_compute_is_not_warned_about(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """NaN and infinity pass through, in whatever thread."""
    monkeypatch.setattr(threads, "threads", lambda: 2)
    x = np.full((1, 3, 512, 512), 3e38, np.float32)
    assert np.isinf(cnncalc.run("conv:2,k3,p1", x, seed=0)).any()
    assert np.isinf(cnncalc.run("exp", x)).all()
    assert not recwarn
