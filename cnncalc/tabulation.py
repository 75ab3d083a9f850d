"""A network with open sizes, evaluated at given numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .errors import CnncalcError
from .input import FIRST, Inputs
from .network import Network
from .report import Report, listed, rf_json
from .sizes import Open, Shape, evaluated, read_shape, to_json
from .trace import shape


class Point(NamedTuple):
    """A network with numbers in place of letters."""

    at: dict[str, int]
    """The number for each letter."""
    report: Report | None
    """The report; None if the network is impossible at these numbers."""
    error: CnncalcError | None = None
    """The error, if it is impossible."""

    def to_dict(self) -> dict[str, Any]:
        """Return its figures or its error as JSON; `where` states for which remaining letters the figures hold."""
        if self.report is None:
            assert self.error is not None
            return {"at": self.at, "holds": False, "error": self.error.to_dict()}
        report = self.report
        return {
            "at": self.at,
            "holds": True,
            **({"where": report.holds.to_list()} if report.letters else {}),
            "input": to_json(report.x),
            "out": to_json(report.out),
            **listed({key: getattr(report, key) for key in ("params", "buffers", "macs")}),
            "rf": listed(rf_json(report.rf)),
            **({} if report.macs_as is None else {"macs_as": report.macs_as.to_dict()}),
            **({} if report.memory is None else {"memory": report.memory.to_dict()}),
        }


class Tabulation(NamedTuple):
    """A network evaluated at several settings."""

    letters: list[str]
    """The letters that are set, in the order of the input's sizes."""
    points: list[Point]


def open_letters(network: Network) -> list[str]:
    """Return the letters of a configured network's inputs, in order."""
    shapes = inputs_of(network).values()
    return list(dict.fromkeys([c for shape in shapes for n in shape if isinstance(n, Open) for c in n.letters]))


def inputs_of(network: Network) -> dict[str, Shape]:
    """Return the shapes of a configured network's inputs, by name."""
    further = {n.name: n.layer.given["shape"] for n in network.nodes if n.layer.WORD == "input"}
    return {FIRST: network.input or (), **{name: read_shape(given, scalar=True) for name, given in further.items()}}


def tabulate(network: Network, settings: Iterable[Mapping[str, int]]) -> Iterator[Point]:
    """Yield a configured network at each of these settings."""
    inputs = inputs_of(network)
    for numbers in settings:
        given = Inputs([(name, tuple([evaluated(size, numbers) for size in sizes])) for name, sizes in inputs.items()])
        try:
            yield Point(dict(numbers), shape(network, given))
        except CnncalcError as error:
            yield Point(dict(numbers), None, error)
