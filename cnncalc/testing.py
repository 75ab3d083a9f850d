"""Assertions for test suites: the shape and the figures of a network, with the arithmetic in the message.

For example:

    from cnncalc.testing import assert_report, assert_shape

    def test_stem():
        assert_shape("conv:64,k7,s2,p3 maxpool:k3,s2,p1", "64x56x56", input="3x224x224")
        assert_report("nets/stem.json", max_params="10k", min_rf=11)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .api.networks import Input, Source, name_of, shape
from .checks import check, expect
from .report import Report

__all__ = ["assert_report", "assert_shape"]


def assert_shape(source: Source, out: int | str | Sequence[Any], input: Input | None = None, **options: Any) -> Report:
    """Assert the output's shape: `out` is "64x56x56", (64, 56, 56), or "64xHxW" with letters for any size.

    `source`, `input` and the options (`batch`, `dialect`, `layout`) are those of `cnncalc.shape`. The report is
    returned. Raise AssertionError with both shapes and the arithmetic; SpecError and ShapeError as `cnncalc.shape`.
    """
    return _assert(source, {"out": out if isinstance(out, (str, int)) else list(out)}, input, options)


def assert_report(source: Source, input: Input | None = None, **expected: Any) -> Report:
    """Assert any figure of the whole, as `"expect"` in a spec: `params=9472, max_macs="4.1G", min_rf=100`.

    The spec's own `expect` is checked, too. `batch`, `dialect` and `layout` are those of `cnncalc.shape`.
    """
    options: dict[str, Any] = {key: expected.pop(key) for key in ("batch", "dialect", "layout") if key in expected}
    return _assert(source, expected, input, options)


def _assert(source: Source, expected: dict[str, Any], input: Input | None, options: dict[str, Any]) -> Report:
    __tracebackhide__ = True
    report = shape(source, input, **options)
    result = check(name_of(source), lambda: report.network, lambda _: report, expect.read(expected))
    failed = [finding for finding in result.findings if finding.level == "error"]
    if failed:
        raise AssertionError("\n".join(finding.text() for finding in failed))
    return report
