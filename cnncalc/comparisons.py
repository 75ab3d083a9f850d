"""Networks side by side: the report of each, or its error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .display import DISPLAYS, drawn
from .errors import CnncalcError, nearest, shown
from .field import Field
from .report import Hint, Report, listed, rf_json
from .sizes import Count, Shape, count, to_json

if TYPE_CHECKING:
    from .measures import MacsAs, NetworkMemory


class Figures(NamedTuple):
    """The figures of a whole network, kept in place of its report, which takes memory for each layer."""

    layers: int
    input: Shape
    out: Shape
    weights: Count
    bias: Count
    params: Count
    buffers: Count
    macs: Count
    rf: Sequence[Field]
    memory: NetworkMemory | None
    macs_as: MacsAs | None
    hints: Sequence[Hint] | None
    tools: Mapping[str, int | None]
    """The multiply-accumulates that other tools print for it, for the tools that were asked for."""

    @property
    def flops(self) -> Count:
        """Floating-point operations, as twice the multiply-accumulates."""
        return count(2, self.macs)


def figures(report: Report, tools: Iterable[str] = ()) -> Figures:
    """Return the figures of a report, with the multiply-accumulates that these tools print."""
    found = {} if report.macs_as is None else {report.macs_as.tool: report.macs_as.macs}
    asked = [tool for tool in tools if tool not in found]
    if asked:
        from .counters import macs_as

        found |= {tool: macs_as(report, tool).macs for tool in asked}
    return Figures(
        layers=len(report),
        input=report.x,
        out=report.out,
        weights=report.sum("weights"),
        bias=report.sum("bias"),
        params=report.params,
        buffers=report.buffers,
        macs=report.macs,
        rf=report.rf,
        memory=report.memory,
        macs_as=report.macs_as,
        hints=report.hints,
        tools=found,
    )


class Compared(NamedTuple):
    """A network of a comparison."""

    name: str
    figures: Figures | None
    """None for a network that cannot be read, or is impossible."""
    error: CnncalcError | None = None
    """The error of such a network."""
    report: Report | None = None
    """None if only the figures are kept."""

    def to_dict(self) -> dict[str, Any]:
        """Return its figures as JSON, or its error."""
        if self.figures is None:
            assert self.error is not None
            return {"name": self.name, "error": self.error.to_dict()}
        own = self.figures
        return {
            "name": self.name,
            "layers": own.layers,
            "input": to_json(own.input),
            "output": to_json(own.out),
            **listed({"params": own.params, "buffers": own.buffers, "macs": own.macs}),
            **({} if own.macs_as is None else {"macs_as": own.macs_as.to_dict()}),
            "rf": listed(rf_json(own.rf)),
            **({} if own.memory is None else {"memory": own.memory.to_dict()}),
            **({} if own.hints is None else {"hints": listed([hint.to_dict() for hint in own.hints])}),
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
        """Return a dict for each network with the columns of `--format csv`, ready for `pandas.DataFrame`.

        Figures are numbers, not text; None is a figure that is not known.
        """
        rows: list[dict[str, int | float | str | None]] = DISPLAYS["comparison as rows"](self)
        return rows

    def to_list(self) -> list[dict[str, Any]]:
        """Return the networks as JSON, a dict each."""
        return [network.to_dict() for network in self.networks]
