"""Layers that become one or a few Keras layers or operations: dense, borders, norms, activations, joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....layers.keys import LEAST_DIVISOR, Pair
from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....layers.resample import DETAILS, apart_in_order
from ....registry import Registry
from ....sizes import Shape, Size
from .step import CORE, MATH, NN, NUMPY, KerasContext, KerasStep, KerasWriter, border, inexpressible

WRITERS: Registry[str, KerasWriter] = Registry()


def activation(context: KerasContext) -> list[KerasStep]:
    """Return an activation by name."""
    return context.one("Activation", activation=KERAS_ACTIVATIONS[context.layer.op][0])


@WRITERS.register("flatten")
def _flatten(context: KerasContext) -> list[KerasStep]:
    """Return a flatten in the order of the values, as Keras would move leading channels to the end."""
    return context.named(config={"data_format": "channels_last"})


@WRITERS.register("pad")
def _pad(context: KerasContext) -> list[KerasStep]:
    """Return a zero padding, or the operation for other values; negative padding is cropped first.

    A reflection includes what is cropped, so it comes before the crop, as does padding of what would be cropped whole.
    """
    v, axes, sample = context.layer.values, context.layer.traced.axes, context.layer.sample
    if v["mode"] not in ("constant", "reflect"):
        raise inexpressible(f"padding of mode {v['mode']}", key="mode")
    added, taken = [[(max(sign * b, 0), max(sign * a, 0)) for b, a in v["p"]] for sign in (1, -1)]
    cuts = [_cut(context, axes, taken)] if any(map(any, taken)) else []
    pads = [_padding(context, axes, added)] if any(map(any, added)) or not cuts else []
    left = sided(sample, axes, [(-b, -a) for b, a in taken])
    pads_first = v["mode"] == "reflect" or any(isinstance(n, int) and n < 1 for n in left)
    *before, last = [*pads, *cuts] if pads_first else [*cuts, *pads]
    inner = sided(sample, axes, added) if pads_first else left
    return [*[step._replace(out=inner, suffix="_part") for step in before], last]


def _padding(context: KerasContext, axes: Sequence[int], pads: Sequence[Pair]) -> KerasStep:
    v, out = context.layer.values, context.layer.traced.out
    if v["mode"] == "constant" and v["value"] == 0 and "axis" not in v and len(axes) <= 3:
        return border(context, "pad", pads, out)
    widths = [[0, 0] for _ in range(len(context.layer.sample) + 1)]
    for axis, pair in zip(axes, pads, strict=True):
        widths[axis] = list(pair)
    value = [v["value"]] if v["mode"] == "constant" else []
    return context.operation(NUMPY, "Pad", *value, pad_width=widths, mode=v["mode"])[0]


def _cut(context: KerasContext, axes: Sequence[int], pads: Sequence[Pair]) -> KerasStep:
    bounds = dict(zip(axes, pads, strict=True))
    slices = [(bounds.get(axis, (0, 0))) for axis in range(max(axes) + 1)]
    return _items(context, [{"start": before or None, "stop": -after or None} for before, after in slices])


def sided(x: Shape, axes: Sequence[int], pads: Sequence[Pair]) -> Shape:
    """Return a sample's shape after padding some of its axes."""
    sums = {axis: sum(pair) for axis, pair in zip(axes, pads, strict=True)}
    return tuple([n + sums.get(axis, 0) for axis, n in enumerate(x, 1)])


@WRITERS.register("crop")
def _crop(context: KerasContext) -> list[KerasStep]:
    return [border(context, "crop", context.layer.values["p"], context.layer.traced.out)]


@WRITERS.register("upsample")
def _upsample(context: KerasContext) -> list[KerasStep]:
    v, space = context.layer.values, context.space()
    factors = v.get("factor") or [_times(n, out) for n, out in zip(space, context.spatial_out(), strict=True)]
    if own := [key for key in v if key in DETAILS]:
        raise inexpressible(f"upsampling with {' or '.join(own)}", key=own[0])
    if not all(isinstance(f, int) for f in factors):
        raise inexpressible(
            "upsampling by a factor that is not a whole number", key="factor" if "factor" in v else "out"
        )
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(v["mode"], v["mode"])
    other_cubic = mode == "bicubic" and context.layer.env.dialect.cubic != -0.5
    if mode != "nearest" and (v["align"] or len(space) != 2 or other_cubic):
        raise inexpressible(f"upsampling by {v['mode']} of {len(space)} axes" + ", aligned" * v["align"], key="mode")
    (step,) = context.named(factor=factors[0] if len(space) == 1 else list(factors), mode=mode)
    if len(space) != 2:
        del step.config["interpolation"]
    return [step]


def _times(n: Size, out: Size) -> int | None:
    """Return out/n if it is an integer; otherwise None."""
    return out // n if isinstance(n, int) and isinstance(out, int) and out % n == 0 else None


@WRITERS.register("batchnorm", "normalization", "groupnorm", "instancenorm")
def _norm(context: KerasContext) -> list[KerasStep]:
    axis = {"axis": -1 if context.channels_last else 1}
    if context.layer.node.layer.WORD == "instancenorm":
        return context.named("groupnorm", axis, g=-1)  # one group per channel
    return context.named(config=axis)


@WRITERS.register("scale")
def _scale(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if v["center"] or not v["scale"] or not context.channels_last:
        what = "a scale with channels first" if not context.channels_last else "a scale with a bias"
        raise inexpressible(what, "use --layout NHWC" if not context.channels_last else None)
    channels = context.layer.sample[-1]
    if not isinstance(channels, int):
        raise inexpressible("a scale of an open number of channels", "give the input's sizes")
    config = {"init_values": 1e-6, "projection_dim": channels}
    return [KerasStep("LayerScale", config, context.layer.traced.out, "", "keras.src.applications.convnext")]


@WRITERS.register("rescale")
def _rescale(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if not context.channels_last and len(context.layer.sample) > 1 and any(isinstance(n, tuple) for n in v.values()):
        raise inexpressible("a factor for each channel, with channels first", key="factor")
    return context.named()


@WRITERS.register("prelu")
def _prelu(context: KerasContext) -> list[KerasStep]:
    v, rank = context.layer.values, len(context.layer.sample)
    kept = 0 if v.get("num_parameters") == 1 else rank if context.channels_last else 1
    shared = v.get("shared_axes", [axis for axis in range(1, rank + 1) if axis != kept])
    return context.named(shared_axes=list(shared))


@WRITERS.register("leakyrelu")
def _leakyrelu(context: KerasContext) -> list[KerasStep]:
    """Return a LeakyReLU, or the operation for a negative slope, which the layer refuses."""
    slope = context.layer.values["alpha"]
    return context.operation(NN, "LeakyRelu", negative_slope=slope) if slope < 0 else context.named()


@WRITERS.register("clip")
def _clip(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if v["min"] == 0 and (v["max"] is None or v["max"] > 0):
        return context.one("ReLU", max_value=v["max"])
    if v["min"] is None or v["max"] is None:
        raise inexpressible("a clip with only one bound", "give both min and max")
    return context.operation(NUMPY, "Clip", **KERAS["clip"].theirs(v))


@WRITERS.register("gelu")
def _gelu(context: KerasContext) -> list[KerasStep]:
    if context.layer.values["approximate"]:
        return context.operation(NN, "Gelu", approximate=True)
    return activation(context)


@WRITERS.register("hardsigmoid")
def _hardsigmoid(context: KerasContext) -> list[KerasStep]:
    if abs(context.layer.values["alpha"] - 1 / 6) > 1e-6:
        raise inexpressible(f"a hard sigmoid of slope {context.layer.values['alpha']}", "Keras's slope is 1/6", "alpha")
    return activation(context)


@WRITERS.register("slice")
def _slice(context: KerasContext) -> list[KerasStep]:
    v, (axis,) = context.layer.values, context.layer.traced.axes
    return [_items(context, [*[{}] * axis, v])]


def _items(context: KerasContext, bounds: Sequence[Mapping[str, Any]]) -> KerasStep:
    """Return the operation x[start:stop:step, ...] with these bounds for each axis, batch first."""
    slices = [{key: one.get(key) for key in ("start", "stop", "step")} for one in bounds]
    return context.operation(NUMPY, "GetItem", [{"class_name": "__slice__", "config": one} for one in slices])[0]


@WRITERS.register("gather")
def _gather(context: KerasContext) -> list[KerasStep]:
    """Return a Take, with the indices as a second argument."""
    (axis,) = context.layer.traced.axes
    return context.operation(NUMPY, "Take", to_list(context.layer.values["indices"]), axis=axis)


def to_list(value: Any) -> Any:
    """Return nested tuples as nested lists."""
    return [to_list(one) for one in value] if isinstance(value, tuple) else value


@WRITERS.register("roll")
def _roll(context: KerasContext) -> list[KerasStep]:
    axes = list(context.layer.traced.axes)
    return context.operation(NUMPY, "Roll", shift=list(context.layer.values["shift"]), axis=axes)


@WRITERS.register("stack")
def _stack(context: KerasContext) -> list[KerasStep]:
    return context.operation(NUMPY, "Stack", axis=context.layer.traced.axes[0])


@WRITERS.register("tile")
def _tile(context: KerasContext) -> list[KerasStep]:
    return context.operation(NUMPY, "Tile", repeats=[1, *context.layer.values["repeats"]])


@WRITERS.register("expand")
def _expand(context: KerasContext) -> list[KerasStep]:
    """Return a Tile of axes of size 1, after a Reshape if axes are added, as Keras's own broadcast needs the batch."""
    x, out = context.layer.sample, context.layer.traced.out
    ones: Shape = (1,) * (len(out) - len(x))
    before = [context.one("Reshape", target_shape=_sizes([*ones, *x]))[0]] if ones else []
    repeats = [size if n == 1 else 1 for n, size in zip((*ones, *x), out, strict=True)]
    steps = context.operation(NUMPY, "Tile", repeats=[1, *repeats])
    return [*[step._replace(out=(*ones, *x), suffix="_axes") for step in before], *steps]


def _sizes(shape: Sequence[Size]) -> list[int]:
    """Return the target of a Reshape, in which one size may be open."""
    sizes = [n if isinstance(n, int) else -1 for n in shape]
    if sizes.count(-1) > 1:
        raise inexpressible("a reshape to several open sizes", "give the input's sizes")
    return sizes


@WRITERS.register("reshape")
def _reshape(context: KerasContext) -> list[KerasStep]:
    return context.one("Reshape", target_shape=_sizes(context.layer.traced.out))


@WRITERS.register("pixelshuffle", "pixelunshuffle")
def _shuffle(context: KerasContext) -> list[KerasStep]:
    """Return a Permute between two Reshapes, as Keras has no layer for shuffles."""
    layer = context.layer
    apart, order, out = apart_in_order(layer.node.layer.WORD, layer.values, layer.sample, context.channels_last)
    turned = tuple([apart[at - 1] for at in order])
    return [
        KerasStep("Reshape", {"target_shape": _sizes(apart)}, apart, "_apart"),
        KerasStep("Permute", {"dims": order}, turned, "_turned"),
        KerasStep("Reshape", {"target_shape": _sizes(out)}, layer.traced.out),
    ]


@WRITERS.register("mean", "sum", "prod", "logsumexp")
def _reduction(context: KerasContext) -> list[KerasStep]:
    name = KERAS[context.layer.op]
    module = MATH if context.layer.op == "logsumexp" else NUMPY
    return context.operation(module, name.word, **name.theirs(context.layer.values))


@WRITERS.register("l1", "l2")
def _norm_over_axes(context: KerasContext) -> list[KerasStep]:
    op, config = context.layer.op, KERAS["sum"].theirs(context.layer.values)
    powers = KerasStep("Absolute" if op == "l1" else "Square", {}, context.layer.sample, "_powers", NUMPY)
    (total,) = context.operation(NUMPY, "Sum", **config)
    if op == "l1":
        return [powers, total]
    return [powers, total._replace(suffix="_sum"), *context.operation(NUMPY, "Sqrt")]


def _aligned(context: KerasContext, *steps: KerasStep) -> list[KerasStep]:
    """Return reshapes that add missing axes of size 1 after the batch, then the steps, the first reading all inputs."""
    samples = context.layer.samples
    rank, reads = max(map(len, samples)), list[int | str](range(len(samples)))
    added = []
    for at, x in enumerate(samples):
        for axes in range(1, rank - len(x) + 1):
            out, suffix = (1,) * axes + tuple(x), f"_aligned{at}_{axes}"
            added.append(KerasStep("ExpandDims", {"axis": 1}, out, suffix, NUMPY, reads=(reads[at],)))
            reads[at] = suffix
    return [*added, steps[0]._replace(reads=tuple(reads)), *steps[1:]]


@WRITERS.register("add", "sub", "mul", "div", "pow")
def _operation(context: KerasContext) -> list[KerasStep]:
    """Return a Keras layer, which broadcasts as NumPy does, or an operation if there is no layer or for a number."""
    op, word, value = context.layer.op, KERAS[context.layer.op].word, context.layer.values.get("value")
    if value is None and op in ("add", "sub", "mul"):
        return context.one(word)
    return _aligned(context, *context.operation(NUMPY, word, *([] if value is None else [value])))


@WRITERS.register("min", "max")
def _extreme(context: KerasContext) -> list[KerasStep]:
    op, v = context.layer.op, context.layer.values
    if "keepdims" in v:
        return context.operation(NUMPY, op.capitalize(), **KERAS["sum"].theirs(v))
    word = KERAS[op].word
    return context.operation(NUMPY, word, v["value"]) if "value" in v else context.one(word)


COMPARISONS = {
    "gt": "Greater",
    "ge": "GreaterEqual",
    "lt": "Less",
    "le": "LessEqual",
    "eq": "Equal",
    "ne": "NotEqual",
}


@WRITERS.register("compare")
def _compare(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    more = (v["value"],) if "value" in v else ()
    holds = KerasStep(COMPARISONS[v["by"]], {}, context.layer.traced.out, "_holds", NUMPY, more)
    return _aligned(context, holds, *context.operation(CORE, "Cast", dtype="float32"))


@WRITERS.register("where")
def _where(context: KerasContext) -> list[KerasStep]:
    return _aligned(context, *context.operation(NUMPY, "Where"))


@WRITERS.register("normalize")
def _normalize(context: KerasContext) -> list[KerasStep]:
    v, axes = context.layer.values, list(context.layer.traced.axes)
    if v["norm"] == 2 and v["eps"] == 1e-12:
        return context.named(axis=axes)
    if v["eps"] < LEAST_DIVISOR:
        raise inexpressible(f"a normalization with eps {v['eps']}: it takes 1/eps", "give a larger eps", "eps")
    if v["norm"] != 2 and (len(axes) > 1 or v["norm"] != int(v["norm"]) or v["norm"] < 1):
        raise inexpressible(f"a norm of power {v['norm']}" + " over several axes" * (len(axes) > 1), key="norm")
    axis = axes[0] if len(axes) == 1 else axes
    return context.operation(NN, "Normalize", axis=axis, order=int(v["norm"]), epsilon=v["eps"])


def _function(module: str) -> KerasWriter:
    """Return the writer of a module's operation whose arguments are the op's keys."""

    def write(context: KerasContext) -> list[KerasStep]:
        name = KERAS[context.layer.op]
        return context.operation(module, name.word, **name.theirs(context.layer.values))

    return write


_NUMPY = (
    *("abs", "neg", "sqrt", "square", "reciprocal", "log", "log1p", "expm1", "floor", "ceil", "round", "trunc", "sign"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "cumsum"),
)
WRITERS.update(
    dict.fromkeys(_NUMPY, _function(NUMPY)),
    dict.fromkeys(("rsqrt", "erf"), _function(MATH)),
    dict.fromkeys(("celu", "softshrink", "hardshrink", "threshold", "logsoftmax", "logsigmoid"), _function(NN)),
    {"tanhshrink": _function(NN)},
)
WRITERS["relu6"] = lambda context: context.one("ReLU", max_value=6.0)
WRITERS.update({op: activation for op in KERAS_ACTIVATIONS if op not in KERAS and op not in WRITERS})
