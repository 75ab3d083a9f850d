"""One network under several dialects: the layers where they differ, and which rule makes the difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..dialects import Dialect
from ..errors import CnncalcError
from ..explain import axes_text
from ..input import settle
from ..network import Network
from ..report import LayerReport, listed, summed
from ..sizes import Shape, counted, show, to_json
from ..trace import fill


class Run(NamedTuple):
    """A network under one dialect, as far as the dialect takes it."""

    dialect: type[Dialect]
    layers: list[LayerReport]
    error: CnncalcError | None
    """Why it takes no more; the layer at fault is the one after `layers`."""

    @property
    def name(self) -> str:
        """The dialect's name."""
        return self.dialect.name

    def at(self, index: int) -> LayerReport | None:
        """A layer's report; None where the dialect does not come that far."""
        return self.layers[index] if index < len(self.layers) else None

    def refuses(self, index: int) -> bool:
        """Whether this is the layer that the dialect refuses."""
        return self.error is not None and index == len(self.layers)

    def summary(self) -> str:
        """What the whole comes to: `output 10, 61,706 parameters, 416,520 MACs`."""
        if self.error is not None:
            return f"refused at {self.error.layer or 'the input'}"
        params, macs = (counted(summed(self.layers, figure)) for figure in ("params", "macs"))
        return f"output {show(self.layers[-1].out)}, {params} parameters, {macs} MACs"

    def totals(self) -> dict[str, Any]:
        """The same as JSON."""
        if self.error is not None:
            return {"error": self.error.to_dict()}
        found: dict[str, Any] = {"out": to_json(self.layers[-1].out)}
        return found | {figure: summed(self.layers, figure) for figure in ("params", "buffers", "macs")}


class Rule(NamedTuple):
    """A rule in which dialects may differ at a layer: its value there, and how the value is said."""

    title: str
    value: Callable[[LayerReport], Any]
    """None where the rule says nothing of the layer."""
    say: Callable[[Any], str] = str
    sign: Callable[[Any], str] = lambda _: ""
    """How a cell of a table writes it; empty where it leaves it to the notes."""
    shapes: bool = True
    """Whether it decides sizes, counts or fields; not values alone."""


def _key(name: str) -> Callable[[LayerReport], Any]:
    return lambda layer: layer.values.get(name)


def _counts(layer: LayerReport) -> Any:
    """Whether an average counts padding, where there is padding to count."""
    p = layer.values.get("p")
    pads = isinstance(p, str) or (isinstance(p, (list, tuple)) and any(map(any, p)))
    return layer.values.get("count_include_pad") if pads else None


def _extra_channel(layer: LayerReport) -> Any:
    if layer.op != "lrn" or layer.values["size"] % 2:
        return None
    return layer.env.dialect.lrn_before_is_larger


def _cubic(layer: LayerReport) -> Any:
    if layer.values.get("mode") not in ("cubic", "bicubic"):
        return None
    dialect = layer.env.dialect
    return dialect.cubic, dialect.cubic_leaves_out


def _rounding(layer: LayerReport) -> Any:
    return {True: "up", False: "down", "keep": "up, every window kept"}.get(layer.values.get("ceil", ""))


def _rounding_matters(layers: Sequence[LayerReport]) -> bool:
    """Whether the same window over the same input comes out in different sizes."""
    seen: dict[str, Shape] = {}
    windows = [(repr((layer.x, [layer.values[key] for key in "kspd"])), layer.out) for layer in layers]
    return any(seen.setdefault(window, out) != out for window, out in windows)


RULES = {
    "p": Rule("padding, before+after", _key("p"), axes_text, lambda p: f"p{axes_text(p)}"),
    "s": Rule("stride, left out", _key("s"), axes_text, lambda s: f"s{axes_text(s)}"),
    "ceil": Rule("rounding", _rounding, sign=lambda way: way.split(",")[0]),
    "out_pad": Rule("added after", _key("out_pad"), axes_text, lambda o: f"out_pad{axes_text(o)}"),
    "count_include_pad": Rule(
        "the divisor counts padding",
        _counts,
        {True: "yes", False: "no"}.__getitem__,
        lambda c: "p counts" if c else "",
        False,
    ),
    "keepdims": Rule("spatial axes", _key("keepdims"), {True: "kept as 1", False: "dropped"}.__getitem__),
    "eps": Rule("eps", _key("eps"), sign=lambda eps: f"eps {eps}", shapes=False),
    "alpha": Rule("slope", _key("alpha"), "{:.6g}".format, lambda alpha: f"slope {alpha:.3g}", False),
    "slopes": Rule("slopes", lambda layer: layer.weights if layer.op == "prelu" else None, counted),
    "extra": Rule("the extra channel", _extra_channel, {True: "before", False: "after"}.__getitem__, shapes=False),
    "cubic": Rule(
        "cubic", _cubic, lambda c: f"A = {c[0]}, taps beyond the border {'left out' if c[1] else 'repeated'}"
    ),
}
"""In the order in which they are told."""


class Difference(NamedTuple):
    """A layer at which dialects differ, each reached one in its order."""

    number: int
    name: str
    op: str
    runs: Sequence[Run]

    def reached(self) -> list[tuple[Run, LayerReport]]:
        """The runs that have the layer."""
        return [(run, layer) for run in self.runs if (layer := run.at(self.number)) is not None]

    def apart(self) -> list[str]:
        """The rules whose values differ, of those that make a difference here."""
        layers = [layer for _, layer in self.reached()]
        found = [key for key, rule in RULES.items() if len({repr(rule.value(layer)) for layer in layers}) > 1]
        return [key for key in found if key != "ceil" or _rounding_matters(layers)]

    def figures_differ(self) -> bool:
        """Whether shapes or counts are not the same wherever the layer is reached."""
        return len({(layer.out, layer.params, layer.buffers, layer.macs) for _, layer in self.reached()}) > 1

    def refusing(self) -> list[Run]:
        """The runs that end here."""
        return [run for run in self.runs if run.refuses(self.number)]

    def __bool__(self) -> bool:
        return bool(self.refusing() or self.figures_differ() or self.apart())

    def cell(self, run: Run) -> list[str]:
        """What a dialect makes of it: its output and what is not the same everywhere; empty where it is not reached."""
        layer = run.at(self.number)
        if layer is None:
            return ["refused"] if run.refuses(self.number) else []
        signs = [RULES[key].sign(value) for key in self.apart() if (value := RULES[key].value(layer)) is not None]
        return [show(layer.out), *filter(None, signs), *self._counts(layer)]

    def _counts(self, layer: LayerReport) -> list[str]:
        """The counts of a layer that differ where the outputs do not."""
        layers = [layer for _, layer in self.reached()]
        if len({one.out for one in layers}) > 1:
            return []
        shown = {"params": "params", "buffers": "buffers", "macs": "MACs"}
        apart = [figure for figure in shown if len({getattr(one, figure) for one in layers}) > 1]
        return [f"{counted(getattr(layer, figure))} {shown[figure]}" for figure in apart[:1]]

    def outputs(self) -> str:
        """`64x56x56 in plain and torch; 64x110x110 in onnx`, with what else the cells of a table say."""
        return grouped([(run.name, " ".join(self.cell(run))) for run, _ in self.reached()])

    def label(self) -> tuple[object, ...]:
        """What it has in common with layers that differ in the same way; sizes that agree do not matter."""
        if self.refusing():
            return (self.number,)
        begin = 0 if self.figures_differ() else 1
        return (self.op, *[tuple(self.cell(run)[begin:]) for run in self.runs], *self.why())

    def why(self) -> list[str]:
        """The rules that differ and the refusals, a line each; none where only what it reads differs."""
        lines = []
        for key in self.apart():
            rule = RULES[key]
            said = [(run.name, v) for run, layer in self.reached() if (v := rule.value(layer)) is not None]
            lines.append(f"{rule.title}: {grouped([(name, rule.say(value)) for name, value in said])}")
        for what, names in _by_value([(run.name, run.error.what) for run in self.refusing() if run.error]).items():
            lines.append(f"refused by {named_list(names)}: {what}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The layer as JSON: what each dialect makes of it, and why."""
        found: dict[str, Any] = {"name": self.name, "op": self.op, "dialects": {}}
        for run in self.runs:
            layer = run.at(self.number)
            if layer is not None:
                values = {key: layer.values[key] for key in self.apart() if key in layer.values}
                figures = {"in": list(map(to_json, layer.inputs())), "out": to_json(layer.out)}
                found["dialects"][run.name] = listed(figures | {"params": layer.params, "macs": layer.macs} | values)
            elif run.error is not None and run.refuses(self.number):
                found["dialects"][run.name] = {"error": run.error.to_dict()}
            else:
                found["dialects"][run.name] = None
        return found | {"why": self.why()}


class Comparison(NamedTuple):
    """A network under several dialects, in one layout."""

    network: Network
    """With the input and the layout that all have."""
    runs: list[Run]
    layers: list[Difference]
    """Those at which they differ, in order."""

    def refused_by_all(self) -> bool:
        """Whether no dialect takes it."""
        return all(run.error is not None for run in self.runs)

    def summaries(self) -> list[str]:
        """What the whole comes to, a line for each thing that it comes to."""
        found = _by_value([(run.name, run.summary()) for run in self.runs])
        return [f"{named_list(names)}: {text}" for text, names in found.items()]

    def agreement(self) -> str:
        """The sentence of a network at which nothing differs."""
        count = len(self.runs[0].layers)
        layers = f"all {count:,} layers" if count > 1 else "the one layer"
        return f"{named_list([run.name for run in self.runs])} agree on {layers}: {self.runs[0].summary()}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        network = self.network
        found: dict[str, Any] = {"cnncalc": 1}
        if network.name is not None:
            found["name"] = network.name
        assert network.input is not None
        return found | {
            "input": to_json(network.input),
            "layout": network.layout,
            "dialects": {run.name: run.totals() for run in self.runs},
            "differing": [difference.to_dict() for difference in self.layers],
        }


def compare(
    network: Network,
    dialects: Sequence[type[Dialect]],
    input: Shape | None = None,
    *,
    batch: int | None = None,
    layout: str | None = None,
) -> Comparison:
    """Trace a network under each dialect, in the layout given, else the spec's own, else its own dialect's.

    Raises where no dialect can take it for a reason that has nothing to do with dialects: all say the same.
    """
    settled = settle(network.inlined(), input, None, layout)
    runs = [_run(settled, dialect, batch) for dialect in dialects]
    first = runs[0].error
    if first is not None and all(str(run.error) == str(first) for run in runs):
        raise first
    count = max(len(run.layers) + (run.error is not None) for run in runs)
    nodes = settled.nodes[:count]
    found = [Difference(at, node.name, node.layer.op, runs) for at, node in enumerate(nodes)]
    reports = [run.layers[0].network for run in runs if run.layers]
    return Comparison(reports[0] if reports else settled, runs, [difference for difference in found if difference])


def _run(network: Network, dialect: type[Dialect], batch: int | None) -> Run:
    layers: list[LayerReport] = []
    try:
        fill(layers, network, batch=batch, dialect=dialect.name)
    except CnncalcError as error:
        return Run(dialect, layers, error)
    return Run(dialect, layers, None)


def alike(layers: Sequence[Difference]) -> list[list[Difference]]:
    """Layers that differ in the same way, together where the first one stands."""
    return _groups(layers, Difference.label)


def reasons(layers: Sequence[Difference]) -> list[tuple[list[Difference], list[str]]]:
    """The layers at which a rule differs, those with the same op and the same reasons together, and the reasons."""
    telling = [layer for layer in layers if layer.why()]
    groups = _groups(telling, lambda layer: (layer.op, *layer.why()))
    return [(group, group[0].why()) for group in groups]


def _groups(layers: Sequence[Difference], label: Callable[[Difference], tuple[object, ...]]) -> list[list[Difference]]:
    found: dict[tuple[object, ...], list[Difference]] = {}
    for layer in layers:
        found.setdefault(label(layer), []).append(layer)
    return list(found.values())


def grouped(said: Sequence[tuple[str, str]]) -> str:
    """`2 in plain, torch; 1 in onnx` from names and what each says."""
    return "; ".join(f"{text} in {named_list(names)}" for text, names in _by_value(said).items())


def _by_value(said: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in said:
        found.setdefault(text, []).append(name)
    return found


def named_list(names: Sequence[str]) -> str:
    """`plain, torch and keras`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
