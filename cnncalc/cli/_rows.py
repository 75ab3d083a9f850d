"""The options that say which rows and columns of a report are shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..errors import SpecError
from ..layers import OPS, find_op, unknown_op
from ..render import Selection
from ._options import together
from ._usage import Whole

Function = Callable[..., int]


def selection_options(function: Function) -> Function:
    """Add --columns as an argument, and --sort, --top, --only, --depth and --fold as one argument `selection`."""

    @wraps(function)
    def command(
        columns: str | None, sort: str | None, top: int | None, only: str | None, depth: int, fold: bool, **others: Any
    ) -> int:
        selection = Selection(sort and _columns(sort)[0], top, _ops(only), depth, fold)
        return function(columns=None if columns is None else _columns(columns), selection=selection, **others)

    return together(
        click.option(
            "--columns", metavar="NAMES", help="Columns to show, such as layer,op,out,params; all: cnncalc help specs."
        ),
        click.option("--sort", metavar="COLUMN", help="Sort by a column, the largest number first."),
        click.option("--top", type=Whole(1), metavar="N", help="Show the first N layers, after --sort."),
        click.option("--only", metavar="OPS", help="Show the layers of these ops, such as conv,linear."),
        click.option(
            "--depth", type=Whole(1), default=1, metavar="N", help="Open blocks down to N levels; 1 opens none."
        ),
        click.option(
            "--fold", is_flag=True, help="Show a run of equal layers or blocks once, with how many there are."
        ),
    )(command)


def _columns(names: str) -> tuple[str, ...]:
    from ..render.columns import COLUMNS
    from ..render.grid import chosen

    return chosen(names, COLUMNS)


def _ops(names: str | None) -> frozenset[str]:
    """Return the ops that a comma list names, in any spelling; conv is a conv1d and a conv3d, too."""
    found: set[str] = set()
    for name in [] if names is None else names.split(","):
        op = find_op(name.strip())
        if op is None:
            error = unknown_op(name.strip())
            raise SpecError(f"--only: {error.what}", error.help)
        cls = OPS[op][0]
        found |= {word for word, (other, _) in OPS.items() if other is cls} if op == cls.WORD else {op}
    return frozenset(found)


def needs_bytes(columns: tuple[str, ...] | None, selection: Selection) -> bool:
    """Return whether a column needs a dtype."""
    if columns is None and selection.sort is None:
        return False
    from ..render.columns import BYTES

    return not set(BYTES).isdisjoint([*(columns or ()), selection.sort])
