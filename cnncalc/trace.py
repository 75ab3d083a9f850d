"""Trace a network for an input: shapes, counts and receptive fields, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .axes import begin, join_folded, join_lost
from .errors import CnncalcError, ShapeError
from .floors import walk
from .input import Input, Inputs, configure, read_input, with_input
from .layers import Env, Fields, Layer, Trace
from .layers.base import Need, space_of
from .limits import MOST_AXES, MOST_NEEDED, MOST_OPEN, MOST_PHASES_IN_ALL, MOST_PRODUCTS, MOST_RESIZED, Limit
from .network import INPUT, Network, Node
from .readings import moved, steps_first
from .report import LayerReport, Report, summed
from .sizes import LARGEST, NOTHING_KNOWN, UNKNOWN, Open, Shape, counted, known, show, total
from .wiring import MOST_NAMED

if TYPE_CHECKING:
    from .conditions import Condition, Holds


def shape(
    network: Network,
    input: Shape | Inputs | None = None,
    *,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> Report:
    """Trace a network and return its report.

    `input`, `dialect` and `layout` override the network's own; `batch` is put in front of the input.

    Raise ShapeError if the network is impossible, with the layer, the place and the arithmetic. The error's `report`
    has the layers before that one; if that one is inside a block, the last layer is the block, cut short.
    """
    stated = network.layout
    network = configure(network, input, dialect, layout)
    read = read_input(network, batch)
    layers: list[LayerReport] = []
    try:
        layers.extend(trace_layers(network, read))
    except CnncalcError as error:
        error.report = Report(with_input(network, read), read.batch, read.sample, layers)
        within = bool(layers) and layers[-1].traced.out is NOTHING_KNOWN  # within the cut block
        fitting = fitting_input(network, read, len(layers)) if error.key == "c_i" and not within else None
        if fitting is not None:
            *arithmetic, help = error.helps()
            error.help = "\n".join([*arithmetic, fitting, help])
        if stated not in (None, network.layout):
            other = f"the network is written for {stated}, so its axes may be in that order: leave out the other layout"
            error.help = "\n".join(filter(None, [error.help, other]))
        raise
    return Report(with_input(network, read), read.batch, read.sample, layers)


def trace_layers(network: Network, read: Input) -> Iterator[LayerReport]:
    """Yield the report of each layer of a configured network. Raise ShapeError at the first impossible layer."""
    network = network._replace(input=read.sizes)
    start = (read.sample, begin(read.sample, _spatial(network, read)))
    yield from _trace(network, network.nodes, start, read.batch, _Needs())


def _spatial(network: Network, read: Input) -> list[int]:
    """Return the positions of the input's spatial axes: all but the channels, unless axes move before a spatial layer.

    In that case they are the axes that this layer slides over, or more axes that a later layer slides over, as when
    frames were folded into the batch. A sequence has its features last, so its steps are its spatial axis.
    """
    sample, env = read.sample, Env(network.dialect, network.layout == "NHWC")
    usual = list(space_of(sample, env))
    if len(sample) == 2 and steps_first(node.layer for node in network.nodes):
        usual = [0]
    if not moved(node.layer for node in network.nodes):
        return usual
    layers = _trace(network, network.nodes, (sample, begin(sample, range(len(sample)))), read.batch, _Needs())
    folds = any(node.layer.WORD == "tobatch" for node in network.nodes)
    found = set[int]()
    with suppress(CnncalcError):  # the trace proper will report it
        for one in (one for layer in layers for one in (layer, *layer.inner)):
            if one.node.layer.is_spatial:
                space = space_of(one.sample, env)
                seen = one.reads_fields[0].along(space)
                if seen and not found and len(seen) < len(space) and seen.issubset(usual):
                    seen = set(usual)  # its other axes may be unknown
                found = max(found, seen)
                if found and not folds:
                    break
    return sorted(found) or usual


class _Budget:
    """A budget for what takes long to trace; copies of a layer that are traced once are counted separately."""

    __slots__ = ("letters", "needs", "phases", "products", "resized")

    def __init__(self) -> None:
        what = "the open sizes up to here have {made:,} letters and floors, more than {most:,}"
        numbers = "give the input's sizes as numbers, for example -i 3x224x224"
        self.letters = Limit(MOST_OPEN, what, numbers)
        what = "the layers up to here need {made:,} conditions on open sizes, more than {most:,}"
        self.needs = Limit(MOST_NEEDED, what, numbers)
        what = "the receptive fields up to here have {made:,} phases, more than {most:,}"
        self.phases = Limit(MOST_PHASES_IN_ALL, what, "use fewer layers after the one that enlarges the map")
        what = "up to here {made:,} layers multiply their inputs with each other, more than {most:,}"
        self.products = Limit(MOST_PRODUCTS, what, "use fewer of them")
        what = "with times the network has {made:,} layers up to here that change the shape, more than {most:,}"
        self.resized = Limit(MOST_RESIZED, what, "lower times, or write the layers out")

    def count(self, layer: Layer, xs: Sequence[Shape], traced: Trace, copied: bool) -> None:
        """Count a traced layer, or a copy of one by `times`. Raise SpecError if the budget is exceeded."""
        if copied and traced.out not in xs:
            self.resized.count(1)
        if layer.JOINS and layer.MULTIPLIES:
            self.products.count(1)
        phases = [len(field.phases) for field in traced.fields.of if field.phases is not None]
        if phases:
            self.phases.count(sum(phases) * len(xs))
        formulas = [size.terms for size in traced.out if isinstance(size, Open) and size.terms]
        if formulas and traced.out not in xs:
            self.letters.count(sum([len(walk(terms)) for terms in formulas]))


class _Needs(list[tuple[Need, ...]]):
    """What the layers of one trace require of open sizes: the current layer, and all layers before it.

    One such object is passed from layer to layer, also into blocks, with the other state of the trace.
    """

    __slots__ = ("budget", "done", "holds", "known", "traced")

    def __init__(self, budget: _Budget | None = None) -> None:
        super().__init__()
        self.budget = budget or _Budget()
        self.done: dict[int, tuple[Shape, Any]] = {}
        """What is computed once for all copies of a layer, also in copies of a block."""
        self.holds: Holds | None = None
        self.known: set[object] = set()
        """What is already required."""
        self.traced = set[int]()
        """The ids of the traced layers, by which copies are recognized."""

    def taken(self, node: Node, xs: Sequence[Shape]) -> Sequence[Condition]:
        """Return the conditions that this layer adds to those of the layers before it, and record them.

        Raise ShapeError if no letters satisfy all conditions so far.
        """
        from .conditions import Condition, Holds, Requirement

        asked = {_key(tests): tests for tests in self}
        fresh = [tests for key, tests in asked.items() if key not in self.known]
        self.known.update(asked)
        self.clear()
        if not fresh:
            return ()
        self.budget.needs.count(len(fresh))
        conditions = [Condition(tuple([Requirement(*test) for test in tests]), node.layer.op, xs) for tests in fresh]
        conditions = [condition for condition in conditions if condition.letters]
        if self.holds is None:
            self.holds = Holds()
        for condition in conditions:
            before = dict(self.holds.numbers)
            if not self.holds.add(condition):
                self.holds.numbers = before
                (left, *needed), *_ = condition.tests
                is_declared = needed == ["=", node.layer.given.get("c_i")] and left in xs[0]
                raise ShapeError(self.holds.refusal(condition), "remove c_i" if is_declared else None)
        return conditions


def _key(tests: tuple[Need, ...]) -> object:
    """Return a key that distinguishes requirements without arithmetic."""
    return tuple(
        [(*[n.terms if isinstance(n, Open) else n for n in (left, right)], sign) for left, sign, right in tests]
    )


def _same(one: Sequence[Fields], other: Sequence[Fields]) -> bool:
    """Return whether fields are the same, also in what `==` ignores: the anchor of an unknown start."""
    return one == other and all(
        a.of is b.of or [*map(tuple, a.of)] == [*map(tuple, b.of)] for a, b in zip(one, other, strict=True)
    )


def _trace(
    network: Network,
    nodes: Sequence[Node],
    start: tuple[Shape, Fields],
    batch: int | None,
    needs: _Needs,
    within: tuple[Node, ...] = (),
) -> Iterator[LayerReport]:
    """Yield the reports of the nodes of a network, or of the last block in `within`; `start` is the input."""
    env = Env(network.dialect, network.layout == "NHWC", needs, needs.done)
    layers: list[LayerReport] = []
    held: dict[int, tuple[tuple[Shape, ...], tuple[Fields, ...], Trace]] = {}
    """The last inputs and trace of each layer, by its id: copies by `times` with the same inputs reuse the trace."""
    for node in nodes:
        inner: list[LayerReport] = []
        reads = [start if at == INPUT else (layers[at].traced.out, layers[at].read) for at in node.reads]
        xs, fields = zip(*reads, strict=True) if reads else ((), ())
        try:
            if node.layer.NESTS:
                own: Any = node.layer.given["layers"]
                inner.extend(_trace(network, own, reads[0], batch, needs, (*within, node)))
                traced = _summed_up(inner)
            elif (last := held.get(id(node.layer))) and last[0] == xs and _same(last[1], fields):
                traced = last[2]
            else:
                traced = _traced(node, xs, fields, env)
                needs.budget.count(node.layer, xs, traced, copied=id(node.layer) in needs.traced)
                needs.traced.add(id(node.layer))
                held[id(node.layer)] = xs, fields, traced
            if [size for size in traced.out if type(size) is int and size > LARGEST]:  # not readable back
                raise ShapeError(f"an output size is more than {LARGEST:,}", "a spec cannot hold larger sizes")
            if len(traced.out) > MOST_AXES:
                raise ShapeError(f"the output has {len(traced.out)} axes", f"an array has at most {MOST_AXES}")
            if node.tie is not None:
                _check_tie(layers[node.tie], xs[0] if xs else (), traced, node, env)
                _check_tied_layers(layers[node.tie].inner, inner, layers[node.tie].name)
            traced = _counted(traced, node)
            needed = needs.taken(node, xs) if needs else ()
        except CnncalcError as error:
            if node.layer.JOINS and error.help is None:
                error.help = _given(node, xs, layers)
            if inner:
                cut = _summed_up(inner)._replace(out=NOTHING_KNOWN)
                yield LayerReport(network, nodes, node, xs, cut, batch, inner, fields)
            raise network.blame(_with_arithmetic(error, node, layers), node, within) from None
        layers.append(LayerReport(network, nodes, node, xs, traced, batch, inner, fields, needed))
        yield layers[-1]


def _traced(node: Node, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
    """Trace a layer that is not a block."""
    if NOTHING_KNOWN in xs and node.layer.WORD != "opaque":
        return _unknown(node, join_lost(fields, 0), env)
    return _join(node, xs, fields, env) if node.layer.JOINS else node.layer.trace(xs[0], fields[0], env)


def _with_arithmetic(error: CnncalcError, node: Node, layers: Sequence[LayerReport]) -> CnncalcError:
    """Return the error of a layer; that of a wrong linear layer gets the arithmetic in its help."""
    if node.layer.WORD == "linear" and error.key == "c_i":
        error.help = "\n".join(filter(None, [_flattened(node, layers), error.help]))
    return error


def _flattened(node: Node, layers: Sequence[LayerReport]) -> str | None:
    """Return `64x14x14 = 12,544 → Linear(12,544, 10)` of a linear layer after a flatten; None after anything else."""
    at = node.reads[0]
    while at != INPUT and layers[at].samples and layers[at].traced.out == layers[at].sample:
        at = layers[at].node.reads[0]
    if at == INPUT or layers[at].node.layer.WORD not in {"flatten", "reshape"}:
        return None
    *others, features = layers[at].traced.out
    if others:
        return None
    return f"{show(layers[at].sample)} = {features:,} → Linear({features:,}, {node.layer.given['out']:,})"


LARGEST_SIDE = 1 << 13
"""The largest input side that is tried for a linear layer."""
MOST_RETRACED = 1_000
"""The most layers that are traced again for advice on an input, which takes two dozen traces."""


def fitting_input(network: Network, read: Input, at: int) -> str | None:
    """Return the square inputs that give a linear layer the features its c_i declares; None if there are none."""
    node = network.nodes[at]
    wanted = node.layer.given.get("c_i") if node.layer.WORD == "linear" else None
    if not isinstance(wanted, int) or at > MOST_RETRACED:
        return None
    places, budget = _spatial(network, read), _Budget()

    def sample_of(side: int) -> Shape:
        return tuple([side if place in places else size for place, size in enumerate(read.sample)])

    def features(side: int) -> int:
        """Return how many features the layer gets; 0 if an earlier layer does not fit."""
        start = sample_of(side), begin(sample_of(side), places)
        try:
            layers = list(_trace(network, network.nodes[:at], start, read.batch, _Needs(budget)))
        except CnncalcError:
            return 0
        x = sample_of(side) if node.reads[0] == INPUT else layers[node.reads[0]].traced.out
        return known(x[-1]) or 0

    from bisect import bisect_left, bisect_right

    sides = range(1, LARGEST_SIDE + 1)
    fitting = sides[bisect_left(sides, wanted, key=features) : bisect_right(sides, wanted, key=features)]
    ends = sorted({*fitting[:1], *fitting[-1:]})
    if {features(side) for side in ends} != {wanted}:
        return None
    verb = "gives" if len(ends) == 1 else "give"
    return f"-i {' to '.join([show(sample_of(side)) for side in ends])} {verb} {wanted:,}"


def _counted(traced: Trace, node: Node) -> Trace:
    """Return a trace with the numbers that the layer's arrays count as."""
    own = node.counted
    if own is None:
        return traced
    weights, bias, buffers = [own.get(key, getattr(traced, key)) for key in ("weights", "bias", "buffers")]
    return traced._replace(weights=weights, bias=bias, buffers=buffers)


def _check_tie(first: LayerReport, x: Shape, traced: Trace, node: Node, env: Env) -> None:
    """Raise ShapeError if the shared weights do not have the shapes that this layer needs."""
    before = first.traced
    traced = _counted(traced, first.node)
    if None in (before.weights, traced.weights):
        return
    shapes, own_shapes = first.weight_shapes(), node.layer.weight_shapes(x, traced.values, env)
    numbers, own_numbers = [(one.weights, one.bias, one.buffers) for one in (before, traced)]
    if (numbers, shapes) != (own_numbers, own_shapes):
        raise ShapeError(
            f"tie: {first.name} has {_arrays(shapes, before)}, and this layer needs {_arrays(own_shapes, traced)}",
            "layers share weights only of the same shape: remove tie, or fix the layer before",
            key="tie",
        )


def _check_tied_layers(first: Sequence[LayerReport], inner: Sequence[LayerReport], name: str) -> None:
    """Raise ShapeError if a block does not have the layers of the block whose weights it shares."""
    ops, own_ops = [[layer.op for layer in layers] for layers in (first, inner)]
    if ops != own_ops:
        raise ShapeError(
            f"tie: the layers of {name} are {_some(ops)}, and those of this block {_some(own_ops)}",
            "blocks share weights only layer by layer: remove tie, or give both the same layers",
            key="tie",
        )
    for one, other in zip(first, inner, strict=True):
        _check_tie(one, other.sample, other.traced, other.node, other.env)
        _check_tied_layers(one.inner, other.inner, one.name)


def _some(ops: Sequence[str]) -> str:
    return ", ".join(ops[:MOST_NAMED]) + ", …" * (len(ops) > MOST_NAMED)


def _arrays(shapes: Mapping[str, Shape], traced: Trace) -> str:
    """Return `weight 4x3x3x3, bias 4`; only the numbers of parameters for a block."""
    if shapes:
        return ", ".join(f"{role} {show(shape)}" for role, shape in shapes.items())
    params, buffers = total([traced.weights, traced.bias]), traced.buffers
    return f"{counted(params)} parameters" + (f", {counted(buffers)} buffers" if buffers else "")


MOST_GUESSED = 6
"""The most axes that are tried for an unknown input of a layer that depends on their number."""


def _unknown(node: Node, fields: Fields, env: Env) -> Trace:
    """Trace a layer with unknown inputs: only its keys may tell the channels and the number of axes."""
    layer, rank = node.layer, node.layer.rank()
    if layer.JOINS or (rank is None and not layer.WEIGHTS):
        weights = None if layer.WEIGHTS else 0
        macs = None if weights is None or layer.MULTIPLIES else 0
        return Trace(layer.values(env), NOTHING_KNOWN, layer.unknown(fields), weights, weights, weights, macs)
    if rank is not None:
        traced = layer.trace((UNKNOWN,) * (rank + 1), fields.lost(rank + 1), env)
        return traced if layer.WEIGHTS else traced._replace(out=NOTHING_KNOWN, fields=fields)
    traces, refused = [], ShapeError("it has no axes")
    for axes in range(1, MOST_GUESSED + 1):
        try:
            traces.append(layer.trace((UNKNOWN,) * axes, fields.lost(axes), env))
        except ShapeError as error:  # its keys name an axis that is not there
            refused = error
    if not traces:
        raise refused
    found = [[getattr(one, count) for one in traces] for count in ("weights", "bias", "buffers")]
    weights, bias, buffers = [ns[0] if ns.count(ns[0]) == len(ns) else None for ns in found]
    macs = 0 if all(one.macs == 0 for one in traces) else None
    same = {
        key: value for key, value in traces[0].values.items() if all(one.values.get(key) == value for one in traces)
    }
    return Trace({**layer.given, **same}, NOTHING_KNOWN, fields, weights, bias, buffers, macs)


def _summed_up(inner: Sequence[LayerReport]) -> Trace:
    """Return the trace of a block: its layers summed up."""
    last = inner[-1].traced
    weights, bias, buffers = [summed(inner, figure) for figure in ("weights", "bias", "buffers")]
    return Trace({}, last.out, last.fields, weights, bias, buffers, total([layer.sample_macs for layer in inner]))


def _join(node: Node, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
    """Trace a layer that reads several inputs."""
    folded = join_folded(fields)
    if folded is None and node.layer.WORD == "opaque":
        folded = (), set()  # what it does to a batch is not known
    if folded is None:
        raise ShapeError(f"{node.layer.op} of inputs with different axes folded into the batch", "unfold them first")
    traced = node.layer.trace_all(xs, fields, env)
    batched = any(one.batched for one in fields) if fields else node.layer.WORD == "input"
    lead, lost = folded
    return traced._replace(fields=traced.fields._replace(batched=batched, lead=lead).lose_along(lost))


def _given(node: Node, xs: Sequence[Shape], layers: Sequence[LayerReport]) -> str:
    """Return where the inputs of a layer come from: `the input gives 3x5x5, conv1 gives 8x5x5`."""
    names = ["the input" if at == INPUT else layers[at].name for at in node.reads]
    return ", ".join(f"{name} gives {show(x)}" for name, x in zip(names, xs, strict=True))
