"""Work that is divided among threads."""

from __future__ import annotations

import numpy as np
import pytest

import cnncalc
from cnncalc.execute import blas, threads
from cnncalc.execute.convolution import product


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be two threads, and every convolution be worth them."""
    monkeypatch.setattr(threads, "threads", lambda: 2)
    monkeypatch.setattr(product, "LEAST_DIVIDED", 0)


@pytest.mark.skipif(not blas.can_hold(), reason="the BLAS's threads cannot be set")
def test_blas_takes_one_thread_while_it_is_held() -> None:
    found = blas.openblas()
    assert found is not None
    before = found.number()
    found.set(2)
    try:
        with blas.held():
            with blas.held():
                assert found.number() == 1
            assert found.number() == 1
        assert found.number() == 2
    finally:
        found.set(before)


@pytest.mark.parametrize("words", ["conv:5,k3,p1", "conv:7,k3,s2,p1", "conv:130,k3,p1"])
@pytest.mark.usefixtures("two")
def test_a_convolution_is_the_same_in_two_threads(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one is computed by Winograd's tiles."""
    channels = 128 if "130" in words else 3
    x = np.random.default_rng(1).standard_normal((1, channels, 45, 41), np.float32)
    divided = cnncalc.run(words, x, seed=0)
    monkeypatch.setattr(threads, "threads", lambda: 1)
    one = cnncalc.run(words, x, seed=0)
    assert np.abs(divided - one).max() <= 1e-5 * np.abs(one).max()


@pytest.mark.usefixtures("two")
def test_what_threads_compute_is_not_warned_about(recwarn: pytest.WarningsRecorder) -> None:
    """NaN and infinity pass through, in whatever thread."""
    x = np.full((1, 3, 512, 512), 3e38, np.float32)
    assert np.isinf(cnncalc.run("conv:2,k3,p1", x, seed=0)).any()
    assert np.isinf(cnncalc.run("exp", x)).all()
    assert not recwarn
