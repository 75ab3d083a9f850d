"""Signals are handled only by the command, and leave no unfinished file."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnncalc import signals
from tests.program import posix


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, object]]:
    before = {number: signal.getsignal(number) for number in signals.ENDING}
    heeded: dict[int, object] = {}
    monkeypatch.setattr(signals, "_HANDLERS", heeded)
    yield heeded
    for number, handler in before.items():
        signal.signal(number, handler)


@posix
def test_what_is_ignored_or_handled_by_others_stays_so(handlers: dict[int, object]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, print)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signals.heed()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGALRM) is print
    assert signal.SIGTERM in handlers
    assert signal.SIGHUP not in handlers


@posix
def test_a_signal_removes_what_is_unfinished(
    handlers: dict[int, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", end)
    part = tmp_path / "out.part"
    part.touch()
    monkeypatch.setattr(signals, "UNFINISHED", {str(part), *[str(tmp_path / f"not there {n}") for n in range(9)]})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signals.heed()
    with pytest.raises(SystemExit, match="143"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert not part.exists()


def test_a_library_guards_no_maps() -> None:
    before = dict(signals._HANDLERS)  # noqa: SLF001
    signals.guard_maps(lambda: "")
    assert before == signals._HANDLERS == {}  # noqa: SLF001
