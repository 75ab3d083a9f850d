"""Networks side by side: the report of each, or the error that it has instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .display import DISPLAYS, drawn
from .errors import CnncalcError, nearest, shown
from .report import Report, listed, rf_json
from .sizes import to_json


class Compared(NamedTuple):
    """A network of a comparison."""

    name: str
    report: Report | None
    """None for a network that cannot be read, or is impossible."""
    error: CnncalcError | None = None
    """Why there is no report."""

    def to_dict(self) -> dict[str, Any]:
        """Return its figures as JSON, or its error."""
        if self.report is None:
            assert self.error is not None
            return {"name": self.name, "error": self.error.to_dict()}
        report = self.report
        figures = listed({key: getattr(report, key) for key in ("params", "buffers", "macs")})
        return {
            "name": self.name,
            "layers": len(report),
            "input": to_json(report.network.input or ()),
            "output": to_json(report.out),
            **figures,
            **({} if report.macs_as is None else {"macs_as": report.macs_as.to_dict()}),
            "rf": listed(rf_json(report.rf)),
            **({} if report.memory is None else {"memory": report.memory.to_dict()}),
            **({} if report.hints is None else {"hints": listed([hint.to_dict() for hint in report.hints])}),
        }


class Comparison:
    """Networks side by side, in the order in which they were given.

    `comparison["resnet18"]` is the report of a network. Iteration gives networks, each with its `name` and `report`.
    """

    def __init__(self, networks: Sequence[Compared]):
        self.networks = list(networks)

    def __repr__(self) -> str:
        return f"<comparison of {len(self)} network{'s' * (len(self) != 1)}>"

    def __str__(self) -> str:
        return drawn("comparison", self)

    def _repr_html_(self) -> str:
        """Return the table as notebooks show it."""
        return drawn("comparison as HTML", self)

    def __len__(self) -> int:
        return len(self.networks)

    def __iter__(self) -> Iterator[Compared]:
        return iter(self.networks)

    def __getitem__(self, name: str) -> Report:
        for network in self.networks:
            if network.name == name and network.report is not None:
                return network.report
        names = [network.name for network in self.networks]
        raise KeyError(f"there is no network {shown(name)}: {nearest(name, names) or f'there are {len(names)}'}")

    def rows(self) -> list[dict[str, int | float | str | None]]:
        """Return a dict for each network, with the columns of `--format csv`, as `pandas.DataFrame` takes them.

        Numbers are numbers; None is a figure that is not known.
        """
        rows: list[dict[str, int | float | str | None]] = DISPLAYS["comparison as rows"](self)
        return rows

    def to_list(self) -> list[dict[str, Any]]:
        """Return the networks as JSON, a dict each."""
        return [network.to_dict() for network in self.networks]
