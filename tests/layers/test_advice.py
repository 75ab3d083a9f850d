"""The advice of window errors works if followed; kernels are lowered and padding raised no further than needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import cnncalc
from cnncalc.dialects import DIALECTS

OPS = ("conv1d", "maxpool1d", "avgpool1d", "lppool1d")
PADDINGS: list[dict[str, Any]] = [
    *[{"p": p} for p in (0, 1, 5, [[0, 2]], [[3, 0]])],
    {"p_total": 3},
    *[{"out": out} for out in (1, 2, 4, 9)],
]
WAY = re.compile(r"(?:lower|raise) (k|pt|p|out|s|d) to (\d+)(?: and (pt|p|out) to (\d+))?|(.*)write ceil=true")
KEYS = {"pt": "p_total"}


def specs() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield dialects, sizes and layers of every kind, many of them impossible."""
    windows = product(
        OPS, DIALECTS, (1, 2, 3, 5), (1, 2, 3, 5), (1, 2, 3, 5), (1, 2, 3), PADDINGS, (None, True, "keep")
    )
    for number, (op, dialect, n, k, d, s, padding, ceil) in enumerate(windows):
        if number % 23 or (d > 1 and s > 1) or (ceil == "keep" and "out" in padding):
            continue
        own = {"c_o": 2} if op == "conv1d" else {} if ceil is None else {"ceil": ceil}
        yield dialect, n, {"op": op, "k": k, "s": s, "d": d, **padding, **own}


def refusal(dialect: str, n: int, spec: dict[str, Any]) -> cnncalc.CnncalcError | None:
    try:
        cnncalc.shape([spec], (2, n), dialect=dialect, layout="NCHW")
    except cnncalc.CnncalcError as error:
        return error
    return None


def ways(help: str) -> Iterator[dict[str, Any]]:
    """Yield the keys that each alternative of an advice changes."""
    for way in re.split(r", or |: ", help):
        found = WAY.match(way)
        if found is None:
            continue
        key, value, more, and_value, _ = found.groups()
        changed: dict[str, Any] = {
            KEYS.get(name, name): int(to) for name, to in ((key, value), (more, and_value)) if name
        }
        yield changed | ({"ceil": True} if "ceil=true" in way else {})


def test_what_is_advised_works() -> None:
    followed: set[str] = set()
    for dialect, n, spec in specs():
        error = refusal(dialect, n, spec)
        for changed in ways(error.help or "") if isinstance(error, cnncalc.ShapeError) else ():
            if dialect == "keras" and "s" in changed and spec["d"] > 1:
                continue  # which does not support a stride together with a dilation
            assert refusal(dialect, n, {**spec, **changed}) is None, (dialect, n, spec, str(error))
            followed.add("+".join(changed))
            (key, value), *more = changed.items()
            if key in ("k", "p") and "floor" in str(error) and not more:
                further = value + (1 if key == "k" else -1)
                assert refusal(dialect, n, {**spec, key: further}) is not None, (dialect, n, spec, str(error))
    assert followed == {
        "k",
        "p",
        "p_total",
        "out",
        "s",
        "d",
        "d+p",
        "d+p_total",
        "d+out",
        "ceil",
        "p+ceil",
        "p_total+ceil",
    }
