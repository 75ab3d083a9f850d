"""The multiply-accumulates (MACs) that other tools print for a network, by each tool's rule for each op.

A tool runs a PyTorch module in inference mode and counts by rules of its own. A network read from PyTorch code is
counted as that code is written, a built-in network of torchvision as torchvision writes it. Any other network is
counted as if its layers were modules of `torch.nn`, as `cnncalc convert --to torch` writes it.
`tests/data/counters.jsonl` holds what the tools print.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from math import prod
from typing import NamedTuple

from .errors import SpecError, nearest, shown
from .measures import MacsAs, OpCount
from .report import LayerReport, Report, leaves
from .sizes import NOTHING_KNOWN, Count, Shape, count, known, total


class CountRule(NamedTuple):
    """What a tool counts for a layer."""

    why: str
    """Why the count differs from the layer's own multiply-accumulates, in words; empty if it does not."""
    of: Callable[[LayerReport], Count]
    """The count of a layer, for one sample; None if it is not known."""


class Tool(NamedTuple):
    """A tool that counts multiply-accumulates."""

    version: str
    """The version whose rules these are."""
    rules: Mapping[str, CountRule]
    """Its rules by op word; a layer of any other op counts as 0."""
    batched: bool = True
    """Whether it counts for the whole batch rather than for one sample."""
    by_function: Mapping[str, CountRule] | None = None
    """Its rules for layers computed by a function instead of a module; None if it makes no difference to the tool."""


def _numbers(shape: Shape) -> Count:
    return None if shape == NOTHING_KNOWN else count(*shape)


def _read(layer: LayerReport) -> Count:
    return _numbers(layer.sample)


def _made(layer: LayerReport) -> Count:
    return _numbers(_out(layer))


def _out(layer: LayerReport) -> Shape:
    """Return the shape of the output of a layer's module; unknown if PyTorch has no such module."""
    return NOTHING_KNOWN if layer.node.layer.WORD == "convT" and _is_uneven(layer) else layer.traced.out


def _is_uneven(layer: LayerReport) -> bool:
    """Return whether the padding before and after differs on any axis."""
    return any(before != after for before, after in layer.values["p"])


def _positions(layer: LayerReport) -> Count:
    """Return the number of positions in a convolution's output: its size without the channels."""
    out = _out(layer)
    return None if out == NOTHING_KNOWN else count(*layer.node.layer.split(out, layer.env)[1])


def _bias(layer: LayerReport) -> Count:
    """Return the additions of a layer's bias: one for each output."""
    return _made(layer) if layer.values.get("bias") else 0


def _axes(layer: LayerReport) -> int:
    return len(layer.sample) - 1


def _is_affine(layer: LayerReport) -> bool:
    return bool(layer.values["scale"] or layer.values["center"])


def _keeps_axes(layer: LayerReport) -> bool:
    """Return whether a global pool keeps its axes, and so is a module: otherwise it is a mean, which no tool counts."""
    return bool(layer.values["keepdims"])


def _is_last(layer: LayerReport) -> bool:
    """Return whether a layernorm is over the last axes, as in `nn.LayerNorm`; others are custom classes in PyTorch."""
    axes = layer.node.layer.axes(layer.sample)  # type: ignore[attr-defined]
    return tuple(axes) == tuple(range(len(layer.sample) + 1 - len(axes), len(layer.sample) + 1))


def _each_input(number: int, where: Callable[[LayerReport], bool] | None = None) -> CountRule:
    """Return the rule that counts `number` for each input, for the layers where `where` holds."""
    return CountRule(
        f"{number} for each input",
        lambda layer: count(number, _read(layer)) if where is None or where(layer) else 0,
    )


def _norm(affine: int, plain: int, where: Callable[[LayerReport], bool] | None = None) -> CountRule:
    """Return the rule of a norm: a number for each input, which depends on whether the norm has weights."""

    def of(layer: LayerReport) -> Count:
        if where is not None and not where(layer):
            return 0
        return count(affine if _is_affine(layer) else plain, _read(layer))

    return CountRule(
        f"{affine} for each input, {plain} without weights" if affine != plain else f"{plain} for each input", of
    )


def _upsampled(by_mode: Mapping[tuple[str, int], int]) -> CountRule:
    """Return the rule of an upsampling: a number for each output, by its mode and number of axes."""

    def of(layer: LayerReport) -> Count:
        mode, own = layer.values["mode"], layer.values.keys() & {"where", "round"}
        return count(0 if own else by_mode.get((mode.removeprefix("bi"), _axes(layer)), 0), _made(layer))

    return CountRule("so many for each output, by the mode", of)


EXACT = CountRule("", lambda layer: layer.traced.macs)
NOTHING = CountRule("nothing", lambda _: 0)
WITH_BIAS = CountRule("1 for each bias added", lambda layer: total([layer.traced.macs, _bias(layer)]))
PARAMS = CountRule("its parameters, once", lambda layer: layer.params)
EVERYWHERE = CountRule("its parameters at each position", lambda layer: count(layer.params, _positions(layer)))
AT_OUTPUTS = CountRule("its weights at each output, not input", lambda layer: count(layer.weights, _positions(layer)))
GROUPED_TWICE = CountRule("divided by the groups twice", lambda layer: count(_ungrouped(layer), _positions_read(layer)))
UNKNOWN = CountRule("depends on the code", lambda _: None)
SEQUENCES = dict.fromkeys(("einsum", "attention", "multihead", "embedding", "lstm", "gru", "rnn", "opaque"), UNKNOWN)
"""The rules of ops whose count depends on how the PyTorch code is written."""
CONVOLUTIONS = ("conv", "dwconv", "sepconv")
POOLS = ("maxpool", "avgpool", "globalmaxpool", "globalavgpool", "adaptivemaxpool", "adaptiveavgpool")


def _positions_read(layer: LayerReport) -> Count:
    return None if layer.sample == NOTHING_KNOWN else count(*layer.node.layer.split(layer.sample, layer.env)[1])


def _ungrouped(layer: LayerReport) -> int:
    """Return the number of weights that calflops assumes for a transposed convolution."""
    keys = layer.values
    return int(prod(keys["k"])) * int(keys["c_i"]) * int(keys["c_o"] // keys["g"] // keys["g"])


def _adaptive(layer: LayerReport) -> Count:
    """Return thop's count of an adaptive average pool, which is computed in floating point and truncated."""
    (_, space), (_, wanted) = (layer.node.layer.split(shape, layer.env) for shape in (layer.sample, layer.traced.out))
    made, kernel = _made(layer), 1.0
    for n, o in zip(space, wanted, strict=True):
        if not isinstance(n, int) or not isinstance(o, int):
            return None
        kernel *= n / o
    return int((kernel + 1) * made) if isinstance(made, int) else None


def _softmax(layer: LayerReport) -> Count:
    """Return thop's count of a softmax: n exponentials, n - 1 additions and n divisions along its axis."""
    axis, sizes = layer.values["axis"], list(layer.sample)
    size = sizes.pop(axis - 1 if axis > 0 else axis)
    return count(*sizes, 3 * size - 1) if isinstance(size, int) else None


def _resized(layer: LayerReport) -> Count:
    """Return what ptflops counts for a resize by a function: several factors are truncated to integers."""
    read, factor = _read(layer), layer.values.get("factor")
    if not isinstance(read, int) or factor is None:
        return _made(layer)
    scale = float(prod(factor)) if len(set(factor)) == 1 else prod(map(int, factor))
    return int(read * scale) if read * scale == int(read * scale) else None


def _local_response(layer: LayerReport) -> Count:
    """Return what ptflops counts for the functions of a local response norm: three products and an average."""
    channels, _ = layer.node.layer.split(layer.sample, layer.env)
    if not isinstance(channels, int):
        return None
    return total([count(3, _read(layer)), count(channels + layer.values["size"] - 1, _positions_read(layer))])


POOLED = CountRule("2 for each input", lambda layer: None if _is_uneven(layer) else count(2, _read(layer)))
TORCHINFO = {
    **SEQUENCES,
    **dict.fromkeys((*CONVOLUTIONS, "convT"), EVERYWHERE),
    **dict.fromkeys(("linear", "batchnorm", "layernorm", "groupnorm", "instancenorm", "prelu"), PARAMS),
}
FVCORE = {
    **SEQUENCES,
    **dict.fromkeys((*CONVOLUTIONS, "convT", "linear", "matmul"), EXACT),
    "batchnorm": CountRule(
        "2 for each input, 1 without weights",
        lambda layer: count(2 if layer.values["scale"] else 1, _read(layer)),
    ),
    **dict.fromkeys(("layernorm", "groupnorm", "instancenorm"), _norm(5, 4)),
    "globalavgpool": _each_input(1, lambda layer: _keeps_axes(layer) and _axes(layer) == 2),
    "adaptiveavgpool": _each_input(1, lambda layer: _axes(layer) == 2),
    "upsample": _upsampled({("nearest", 2): 1, ("linear", 2): 4}),
}
THOP = {
    **SEQUENCES,
    **dict.fromkeys((*CONVOLUTIONS, "linear"), EXACT),
    "convT": AT_OUTPUTS,
    **dict.fromkeys(("batchnorm", "instancenorm"), _norm(4, 2)),
    "layernorm": _norm(4, 2, _is_last),
    "prelu": _each_input(1),
    "softmax": CountRule("3 for each input, less 1 for each sum", _softmax),
    "avgpool": CountRule("1 for each output", _made),
    "globalavgpool": CountRule(
        "1 for each input and output", lambda layer: _adaptive(layer) if _keeps_axes(layer) else 0
    ),
    "adaptiveavgpool": CountRule("1 for each input and output", _adaptive),
    "upsample": _upsampled(
        {("linear", 1): 5, ("linear", 2): 11, ("cubic", 2): 259, **{("nearest", n): 1 for n in (1, 2, 3)}}
    ),
}
PTFLOPS = {
    **SEQUENCES,
    **dict.fromkeys((*CONVOLUTIONS, "convT", "linear"), WITH_BIAS),
    "matmul": EXACT,
    **dict.fromkeys(("relu", "elu", "gelu", "prelu"), _each_input(2)),
    **dict.fromkeys(("relu6", "leakyrelu", "silu", "softmax"), _each_input(1)),
    **dict.fromkeys(("maxpool", "avgpool"), POOLED),
    **dict.fromkeys(("adaptivemaxpool", "adaptiveavgpool"), _each_input(2)),
    **dict.fromkeys(("globalmaxpool", "globalavgpool"), _each_input(2, _keeps_axes)),
    **dict.fromkeys(("batchnorm", "groupnorm", "instancenorm"), _norm(2, 1)),
    "layernorm": _norm(1, 1, _is_last),
    **dict.fromkeys(("lppool", "compare", "where"), UNKNOWN),
    "lrn": CountRule("3 for each input, and those of an average", _local_response),
    "upsample": CountRule("2 for each output", lambda layer: total([_made(layer), _resized(layer)])),
}
ATEN = {**SEQUENCES, **dict.fromkeys((*CONVOLUTIONS, "convT", "linear"), WITH_BIAS), "matmul": EXACT}
CALFLOPS = {**SEQUENCES, **dict.fromkeys((*CONVOLUTIONS, "linear", "matmul"), EXACT), "convT": GROUPED_TWICE}
PTFLOPS_FUNCTIONS = {
    **SEQUENCES,
    **dict.fromkeys(("lppool", "compare", "where", "matmul"), UNKNOWN),
    **dict.fromkeys(("relu", "relu6", "elu", "gelu", "prelu", "silu", "softmax"), _each_input(1)),
    **dict.fromkeys(("maxpool", "avgpool", "adaptivemaxpool", "adaptiveavgpool"), _each_input(1)),
    **dict.fromkeys(("globalmaxpool", "globalavgpool"), _each_input(1, _keeps_axes)),
    "lrn": PTFLOPS["lrn"],
    "upsample": CountRule("1 for each output", _resized),
}
TOOLS = {
    "torchinfo": Tool("1.8.0", TORCHINFO, by_function=SEQUENCES),
    "fvcore": Tool("0.1.5", FVCORE),
    "thop": Tool("0.1.1", THOP, by_function=SEQUENCES),
    "ptflops-pytorch": Tool("0.7.5", PTFLOPS, False, PTFLOPS_FUNCTIONS),
    "ptflops-aten": Tool("0.7.5", ATEN, False),
    "calflops": Tool("0.3.2", CALFLOPS),
}
"""The tools, by the name that --macs-as takes."""
FUNCTIONS = {
    "densenet121": ("relu5", "avgpool"),
    "googlenet": ("*_relu",),
    "inception_v3": ("*_relu", "*_pool"),
    "mobilenet_v2": ("avgpool",),
}
"""The layers of each built-in network that torchvision's code computes by functions.

Tools that look at modules do not see them.
"""


def tool_named(name: str) -> str:
    """Return the name of a tool. Raise SpecError for an unknown one."""
    if name.lower() in TOOLS:
        return name.lower()
    raise SpecError(
        f"no rules for the MACs of {shown(name)}", nearest(name, TOOLS) or f"the tools are {', '.join(TOOLS)}"
    )


def count_as(report: Report, tool: str) -> Report:
    """Return the report with the multiply-accumulates that a tool prints."""
    counted = Report(report.network, report.batch, report.sample, report.layers)
    counted.memory, counted.macs_as = report.memory, macs_as(report, tool)
    return counted


def macs_as(report: Report, name: str) -> MacsAs:
    """Return the multiply-accumulates that a tool prints for a network."""
    tool = TOOLS[name]
    source = report.network.source
    functions: Collection[str] = () if source is None else source.functions
    if source is not None and source.built_in:
        functions = FUNCTIONS.get(report.network.name or "", ())
    counts: dict[str, tuple[str, list[Count], list[Count]]] = {}
    """For each op: why the tool's count differs, the exact counts of its layers, and the tool's counts."""
    unknown = []
    for layer in leaves(report.layers):
        rule = _rule(tool, layer, functions)
        batch = layer.batch if tool.batched else 1
        printed = None if layer.sample == NOTHING_KNOWN and rule is not NOTHING else rule.of(layer)
        own, counted = (known(count(number, layer.times, batch)) for number in (layer.traced.macs, printed))
        _, exacts, printeds = counts.setdefault(layer.op, (rule.why, [], []))
        exacts.append(own)
        printeds.append(counted)
        if counted is None:
            unknown.append(layer.name)
    kinds = [
        OpCount(op, why, known(total(exacts)), known(total(printeds))) for op, (why, exacts, printeds) in counts.items()
    ]
    exact, macs = (known(total([getattr(kind, figure) for kind in kinds])) for figure in ("exact", "macs"))
    return MacsAs(name, tool.version, macs, exact, tuple(kinds), tuple(unknown))


def _rule(tool: Tool, layer: LayerReport, functions: Collection[str]) -> CountRule:
    rules = tool.rules
    if tool.by_function is not None and _is_named(layer.name, functions):
        rules = tool.by_function
    return rules.get(layer.node.layer.WORD, NOTHING)


def _is_named(name: str, patterns: Collection[str]) -> bool:
    return name in patterns or any("*" in pattern and fnmatchcase(name, pattern) for pattern in patterns)
