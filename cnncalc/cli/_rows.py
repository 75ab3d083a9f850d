"""The options that select the rows and columns of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import click

from ..errors import SpecError, shown
from ..layers import OPS, find_op, unknown_op
from ..render import Selection
from ..sources.words import is_spec
from ._options import together
from ._usage import Whole

Function = Callable[..., int]

depth_option = click.option(
    "--depth", type=Whole(1), default=1, metavar="N", help="Expand blocks down to N levels; 1 expands none."
)
fold_option = click.option("--fold", is_flag=True, help="Show a run of equal layers or blocks once, with its length.")


def selection_options(function: Function) -> Function:
    """Add --columns as an argument, and --sort, --top, --only, --depth and --fold as one argument `selection`."""

    @wraps(function)
    def command(
        columns: str | None, sort: str | None, top: int | None, only: str | None, depth: int, fold: bool, **others: Any
    ) -> int:
        selection = Selection(_column(sort, LAYERS), top, _ops(only), depth, fold)
        return function(columns=_columns(columns, LAYERS, others), selection=selection, **others)

    return together(
        *_row_options("columns", "sort"),
        click.option("--only", metavar="OPS", help="Show only the layers of these ops, such as conv,linear."),
        depth_option,
        fold_option,
    )(command)


def network_selection_options(function: Function) -> Function:
    """Add --columns and --brief as arguments, --sort and --top as one argument `selection`, for tables of networks."""

    @wraps(function)
    def command(network_columns: str | None, network_sort: str | None, top: int | None, **others: Any) -> int:
        selection = Selection(_column(network_sort, NETWORKS), top)
        return function(columns=_columns(network_columns, NETWORKS, others), selection=selection, **others)

    brief = click.option("--brief", is_flag=True, help="Round numbers to three digits, such as 11.7M.")
    return together(*_row_options("network_columns", "network_sort"), brief)(command)


LAYERS, NETWORKS = "columns", "comparisons"
"""The modules of `render` with the columns of layers and of networks."""


def _row_options(columns: str, sort: str) -> list[Callable[[Function], Function]]:
    """Return --columns and --sort, which are passed to a command under these names, and --top."""
    return [
        click.option(
            "--columns",
            columns,
            metavar="NAMES",
            help="Columns to show, such as output,params: cnncalc help specs.",
        ),
        click.option("--sort", sort, metavar="COLUMN", help="Sort by a column, the largest number first."),
        click.option("--top", type=Whole(1), metavar="N", help="Show only the first N rows."),
    ]


def _columns(names: str | None, table: str, others: Mapping[str, Any] = MappingProxyType({})) -> tuple[str, ...] | None:
    """Return the columns of a comma-separated list; None without a list.

    `others` are the command's other values, including the words that name networks. Raise SpecError if more columns
    follow separated by spaces.
    """
    if names is None:
        return None
    from ..render.grid import chosen

    module = import_module(f"..render.{table}", __package__)
    words = [word for value in others.values() if isinstance(value, tuple) for word in value if isinstance(word, str)]
    apart = [
        *takewhile(lambda word: word in module.COLUMNS and not is_spec(word), reversed([w.rstrip(",") for w in words]))
    ]
    if apart:
        joined = ",".join([names.rstrip(","), *reversed(apart)])
        raise SpecError(
            f"--columns takes one word, but {shown(apart[-1])} is a second one", f"write --columns {joined}"
        )
    return chosen(names, module.COLUMNS, module.OTHERS)


def table_columns(table: str) -> dict[str, Any]:
    """Return the columns of layers or of networks."""
    columns: dict[str, Any] = import_module(f"..render.{table}", __package__).COLUMNS
    return columns


def _column(name: str | None, table: str) -> str | None:
    """Return the column with a name; None without a name."""
    found = _columns(name, table)
    return None if found is None else found[0]


def _ops(names: str | None) -> frozenset[str]:
    """Return the ops of a comma-separated list, in any spelling; conv includes conv1d and conv3d."""
    found: set[str] = set()
    for name in [] if names is None else names.split(","):
        op = find_op(name.strip())
        if op is None:
            error = unknown_op(name.strip())
            raise SpecError(f"--only: {error.what}", error.help)
        cls = OPS[op][0]
        found |= {word for word, (other, _) in OPS.items() if other is cls} if op == cls.WORD else {op}
    return frozenset(found)


def needs_bytes(columns: tuple[str, ...] | None, selection: Selection, table: str = LAYERS) -> bool:
    """Return whether a column needs a dtype."""
    if columns is None and selection.sort is None:
        return False
    shown: tuple[str, ...] = import_module(f"..render.{table}", __package__).BYTES
    return not set(shown).isdisjoint([*(columns or ()), selection.sort])
