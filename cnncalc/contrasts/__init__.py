"""One network under several dialects: the layers at which they differ, and the rules that make the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from ..dialects import DIALECTS, Dialect
from ..display import drawn
from ..errors import CnncalcError, named_list
from ..input import Inputs, configure, read_input
from ..limits import MOST_CONTRASTED, OPEN_AS, check_limit
from ..network import Network
from ..report import Hint, LayerReport, listed, summed
from ..sizes import Open, Shape, counted, show, to_json
from ..trace import trace_layers
from .rules import RULES, rounding_matters

__all__ = ["RULES", "Contrast", "LayerContrast", "Run", "alike", "contrast", "reasons"]

T = TypeVar("T")


class Run(NamedTuple):
    """A network under one dialect, as far as the dialect accepts it."""

    dialect: type[Dialect]
    layers: list[LayerReport]
    error: CnncalcError | None
    """Why the dialect refuses the layer after the last of `layers`; None if it accepts the whole network."""
    hints: Sequence[Hint] | None = None
    """Remarks on what is perhaps not meant; None unless asked for."""

    @property
    def name(self) -> str:
        """The dialect's name."""
        return self.dialect.name

    def at(self, index: int) -> LayerReport | None:
        """Return a layer's report; None if the dialect refuses it or an earlier layer."""
        return self.layers[index] if index < len(self.layers) else None

    def refuses(self, index: int) -> bool:
        """Return whether this is the layer that the dialect refuses."""
        return self.error is not None and index == len(self.layers)

    def summary(self) -> str:
        """Return the figures of the whole: `output 10, 61,706 parameters, 416,520 MACs`."""
        if self.error is not None:
            return f"refused at {self.error.layer or 'the input'}"
        params, macs = (counted(summed(self.layers, figure)) for figure in ("params", "macs"))
        return f"output {show(self.layers[-1].out)}, {params} parameters, {macs} MACs"

    def totals(self) -> dict[str, Any]:
        """Return the figures of the whole as JSON."""
        if self.error is not None:
            return {"error": self.error.to_dict()}
        figures: dict[str, Any] = {figure: summed(self.layers, figure) for figure in ("params", "buffers", "macs")}
        if self.hints is not None:
            figures["hints"] = [hint.to_dict() for hint in self.hints]
        return {"out": to_json(self.layers[-1].out), **listed(figures)}


class LayerContrast(NamedTuple):
    """A layer under each dialect."""

    number: int
    name: str
    op: str
    runs: Sequence[Run]

    def reached(self) -> list[tuple[Run, LayerReport]]:
        """Return the runs that have the layer."""
        return [(run, layer) for run in self.runs if (layer := run.at(self.number)) is not None]

    def apart(self) -> list[str]:
        """Return the rules that matter here and whose values differ."""
        layers = [layer for _, layer in self.reached()]
        keys = [key for key, rule in RULES.items() if len({repr(rule.value(layer)) for layer in layers}) > 1]
        return [key for key in keys if key != "ceil" or rounding_matters(layers)]

    def figures_differ(self) -> bool:
        """Return whether a shape or a count differs between the runs that have the layer."""
        return any(map(self._differs, ("out", "params", "buffers", "macs")))

    def refusing(self) -> list[Run]:
        """Return the runs whose dialect refuses the layer."""
        return [run for run in self.runs if run.refuses(self.number)]

    def __bool__(self) -> bool:
        return bool(self.refusing() or self.figures_differ() or self.apart())

    def cell(self, run: Run) -> list[str]:
        """Return a dialect's output and what else differs; empty if the dialect does not reach the layer."""
        layer = run.at(self.number)
        if layer is None:
            return ["refused"] if run.refuses(self.number) else []
        signs = [RULES[key].sign(value) for key in self.apart() if (value := RULES[key].value(layer)) is not None]
        differing = [figure for figure in ("out", "params", "buffers", "macs") if self._differs(figure)]
        if differing and differing[0] != "out":  # if the outputs agree, show the first count that differs
            signs.append(f"{counted(getattr(layer, differing[0]))} {differing[0].replace('macs', 'MACs')}")
        return [show(layer.out), *filter(None, signs)]

    def _differs(self, figure: str) -> bool:
        return len({getattr(layer, figure) for _, layer in self.reached()}) > 1

    def outputs(self) -> str:
        """Return `64x56x56 in plain and torch; 64x110x110 in onnx`, with the other contents of the table's cells."""
        return grouped([(run.name, " ".join(self.cell(run))) for run, _ in self.reached()])

    def label(self) -> tuple[object, ...]:
        """Return a key shared by layers that differ in the same way, regardless of sizes that agree."""
        if self.refusing():
            return (self.number,)
        begin = 0 if self.figures_differ() else 1
        return (self.op, *[tuple(self.cell(run)[begin:]) for run in self.runs], *self.why())

    def why(self) -> list[str]:
        """Return a line for each rule that differs and each refusal; empty if only the layer's input differs."""
        lines = []
        for key in self.apart():
            rule = RULES[key]
            said = [(run.name, v) for run, layer in self.reached() if (v := rule.value(layer)) is not None]
            lines.append(f"{rule.title}: {grouped([(name, rule.say(value)) for name, value in said])}")
        refusals = [(run.name, run.error.what) for run in self.refusing() if run.error]
        return lines + [f"refused by {named_list(names)}: {what}" for what, names in _names_by_text(refusals)]

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as JSON: its figures in each dialect, and why they differ."""
        dialects = {run.name: self._figures(run) for run in self.runs}
        return {"name": self.name, "op": self.op, "dialects": dialects, "why": self.why()}

    def _figures(self, run: Run) -> Any:
        """Return the layer's figures in a dialect as JSON, or the refusal; None if the dialect does not reach it."""
        layer = run.at(self.number)
        if layer is None:
            return run.totals() if run.refuses(self.number) else None
        figures = {"in": list(map(to_json, layer.inputs())), "out": to_json(layer.out)}
        values = {key: layer.values[key] for key in self.apart() if key in layer.values}
        return listed(figures | {"params": layer.params, "macs": layer.macs} | values)


class Contrast(NamedTuple):
    """A network under several dialects, in one layout."""

    network: Network
    """The network, with the input and the layout that all runs share."""
    runs: list[Run]
    layers: list[LayerContrast]
    """The layers at which the dialects differ, in order."""

    def __repr__(self) -> str:
        count, names = len(self.layers), named_list([run.name for run in self.runs])
        return f"<contrast of {names}: {count or 'no'} layer{'s' * (count != 1)} differ{'s' * (count == 1)}>"

    def __str__(self) -> str:
        return drawn("contrast", self)

    def refused_by_all(self) -> bool:
        """Return whether no dialect accepts the network."""
        return all(run.error is not None for run in self.runs)

    def summaries(self) -> list[str]:
        """Return a line for each summary of the whole, with the dialects that share it."""
        said = [(run.name, run.summary()) for run in self.runs]
        return [f"{named_list(names)}: {text}" for text, names in _names_by_text(said)]

    def agreement(self) -> str:
        """Return the sentence for a network without differences."""
        count = len(self.runs[0].layers)
        layers = f"all {count:,} layers" if count > 1 else "the one layer"
        return f"{named_list([run.name for run in self.runs])} agree on {layers}: {self.runs[0].summary()}"

    def to_dict(self) -> dict[str, Any]:
        """Return the contrast as JSON."""
        head = self.network.head()
        del head["dialect"]
        dialects = {run.name: run.totals() for run in self.runs}
        return {**head, "dialects": dialects, "differing": [layer.to_dict() for layer in self.layers]}


def contrast(
    network: Network,
    dialects: Sequence[type[Dialect]],
    input: Shape | Inputs | None = None,
    *,
    batch: int | None = None,
    layout: str | None = None,
) -> Contrast:
    """Trace a network under each dialect, in the layout given, or else the spec's, or else the first dialect's.

    A spec that names a dialect has that dialect's layout. Raise the error of a network that all dialects refuse for
    the same reason, and SpecError for too many layers.
    """
    if layout is None and network.layout is None and network.dialect is DIALECTS["plain"]:
        layout = dialects[0].layout
    network = configure(network.inlined(), input, None, layout)
    help = "name fewer dialects, for example --dialect plain,torch, or --until a layer"
    what, number = "{made:,} layers under all dialects together", len(network.nodes) * len(dialects)
    if any(isinstance(size, Open) for size in network.input or ()):
        what, number = f"{what}, each counted {OPEN_AS} times for its open sizes", number * OPEN_AS
    check_limit(MOST_CONTRASTED, number, f"{what}, more than {{most:,}}", help)
    runs = [_run(network, dialect, batch) for dialect in dialects]
    first = runs[0].error
    if first is not None and all(str(run.error) == str(first) for run in runs):
        raise first
    count = max(len(run.layers) + (run.error is not None) for run in runs)
    layers = [LayerContrast(at, node.name, node.layer.op, runs) for at, node in enumerate(network.nodes[:count])]
    settled = next((run.layers[0].network for run in runs if run.layers), network)
    return Contrast(settled, runs, [layer for layer in layers if layer])


def _run(network: Network, dialect: type[Dialect], batch: int | None) -> Run:
    run = Run(dialect, [], None)
    try:
        network = network._replace(dialect=dialect)
        for layer in trace_layers(network, read_input(network, batch)):
            run.layers.append(layer)
    except CnncalcError as error:
        return run._replace(error=error)
    return run


def alike(layers: Sequence[LayerContrast]) -> list[list[LayerContrast]]:
    """Return the layers in groups that differ in the same way, each group in the position of its first layer."""
    return list(_groups(layers, LayerContrast.label).values())


def reasons(layers: Sequence[LayerContrast]) -> list[tuple[list[LayerContrast], list[str]]]:
    """Return the layers at which a rule differs, grouped by op and reasons, with the reasons."""
    groups = _groups([layer for layer in layers if layer.why()], lambda layer: (layer.op, *layer.why()))
    return [(group, group[0].why()) for group in groups.values()]


def grouped(said: Iterable[tuple[str, str]]) -> str:
    """Return `2 in plain, torch; 1 in onnx` from pairs of a name and a text."""
    return "; ".join(f"{text} in {named_list(names)}" for text, names in _names_by_text(said))


def _names_by_text(said: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    groups = _groups(said, lambda pair: pair[1])
    return [(text, [name for name, _ in pairs]) for text, pairs in groups.items()]


def _groups(items: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    groups: dict[Any, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
