"""Work divided among threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cnncalc
from cnncalc.execute import threads


def test_what_threads_compute_is_not_warned_about(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """NaN and infinity are passed on, in any thread."""
    monkeypatch.setattr(threads, "threads", lambda: 2)
    x = np.full((1, 3, 512, 512), 3e38, np.float32)
    assert np.isinf(cnncalc.run("conv:2,k3,p1", x, seed=0)).any()
    assert np.isinf(cnncalc.run("exp", x)).all()
    assert not recwarn


def test_a_system_that_starts_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help works; threads that were started have finished when the error is raised."""
    started, begin = list[threading.Thread](), threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        begin(thread)

    pool = ThreadPoolExecutor(4)
    monkeypatch.setattr(threads, "_pool", lambda: pool)
    monkeypatch.setattr(threads, "threads", lambda: 4)
    monkeypatch.setattr(threading.Thread, "start", start)
    done = set[int]()
    with pytest.raises(
        cnncalc.SpecError, match=(r"^the operating system cannot start another thread\n  set OMP_NUM_THREADS=1")
    ):
        threads.each(done.add, range(100))
    assert done == {*range(100)}
    monkeypatch.setattr(threads, "threads", lambda: 1)
    threads.each(done.add, range(100, 200))
    assert done == {*range(200)}
    pool.shutdown()
