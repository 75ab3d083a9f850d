"""Layers that are one layer of Keras, or one of its operations: dense, borders, norms, activations, joins."""

from __future__ import annotations

from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....registry import Registry
from ....sizes import Size
from .step import CORE, MATH, NN, NUMPY, KerasContext, KerasStep, KerasWriter, border, refuse

WRITERS: Registry[str, KerasWriter] = Registry()


def activation(context: KerasContext) -> list[KerasStep]:
    """Return an activation by its name."""
    return context.one("Activation", activation=KERAS_ACTIVATIONS[context.layer.op][0])


@WRITERS.register("flatten")
def _flatten(context: KerasContext) -> list[KerasStep]:
    """Return a flatten in the order of the values: Keras would move channels that stand first to the end."""
    return context.named(config={"data_format": "channels_last"})


@WRITERS.register("pad")
def _pad(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if v["mode"] != "constant" or v["value"] != 0:
        raise refuse("padding with anything but zeros", key="mode" if v["mode"] != "constant" else "value")
    return [border(context, "pad", v["p"], context.layer.traced.out)]


@WRITERS.register("crop")
def _crop(context: KerasContext) -> list[KerasStep]:
    return [border(context, "crop", context.layer.values["p"], context.layer.traced.out)]


@WRITERS.register("upsample")
def _upsample(context: KerasContext) -> list[KerasStep]:
    v, space = context.layer.values, context.space()
    factors = v.get("factor") or [_times(n, out) for n, out in zip(space, context.spatial_out(), strict=True)]
    if not all(isinstance(f, int) for f in factors):
        raise refuse("upsampling by a factor that is not a whole number", key="factor" if "factor" in v else "out")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(v["mode"], v["mode"])
    other_cubic = mode == "bicubic" and context.layer.env.dialect.cubic != -0.5
    if mode != "nearest" and (v["align"] or len(space) != 2 or other_cubic):
        raise refuse(f"upsampling by {v['mode']} of {len(space)} axes" + ", aligned" * v["align"], key="mode")
    (step,) = context.named(factor=factors[0] if len(space) == 1 else list(factors), mode=mode)
    if len(space) != 2:
        del step.config["interpolation"]
    return [step]


def _times(n: Size, out: Size) -> int | None:
    """Return how many times as large a size is, if that is a whole number."""
    return out // n if isinstance(n, int) and isinstance(out, int) and out % n == 0 else None


@WRITERS.register("batchnorm", "normalization", "groupnorm", "instancenorm")
def _norm(context: KerasContext) -> list[KerasStep]:
    axis = {"axis": -1 if context.channels_last else 1}
    if context.layer.node.layer.WORD == "instancenorm":
        return context.named("groupnorm", axis, g=-1)  # a group for each channel
    return context.named(config=axis)


@WRITERS.register("scale")
def _scale(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if v["center"] or not v["scale"] or not context.channels_last:
        what = "a scale of channels that are first" if not context.channels_last else "a scale with a bias"
        raise refuse(what, "use --layout NHWC" if not context.channels_last else None)
    channels = context.layer.sample[-1]
    if not isinstance(channels, int):
        raise refuse("a scale of an open number of channels", "give the input's sizes")
    config = {"init_values": 1e-6, "projection_dim": channels}
    return [KerasStep("LayerScale", config, context.layer.traced.out, "", "keras.src.applications.convnext")]


@WRITERS.register("rescale")
def _rescale(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if not context.channels_last and len(context.layer.sample) > 1 and any(isinstance(n, tuple) for n in v.values()):
        raise refuse("a factor for each channel, if these are first", key="factor")
    return context.named()


@WRITERS.register("prelu")
def _prelu(context: KerasContext) -> list[KerasStep]:
    v, rank = context.layer.values, len(context.layer.sample)
    kept = 0 if v.get("num_parameters") == 1 else rank if context.channels_last else 1
    shared = v.get("shared_axes", [axis for axis in range(1, rank + 1) if axis != kept])
    return context.named(shared_axes=list(shared))


@WRITERS.register("clip")
def _clip(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if v["min"] == 0 and (v["max"] is None or v["max"] > 0):
        return context.one("ReLU", max_value=v["max"])
    if v["min"] is None or v["max"] is None:
        raise refuse("a clip with one side", "give both min and max")
    return context.operation(NUMPY, "Clip", **KERAS["clip"].theirs(v))


@WRITERS.register("gelu")
def _gelu(context: KerasContext) -> list[KerasStep]:
    if context.layer.values["approximate"]:
        return context.operation(NN, "Gelu", approximate=True)
    return activation(context)


@WRITERS.register("hardsigmoid")
def _hardsigmoid(context: KerasContext) -> list[KerasStep]:
    if abs(context.layer.values["alpha"] - 1 / 6) > 1e-6:
        raise refuse(f"a hard sigmoid of slope {context.layer.values['alpha']}", "Keras's slope is 1/6", "alpha")
    return activation(context)


@WRITERS.register("slice")
def _slice(context: KerasContext) -> list[KerasStep]:
    v, (axis,) = context.layer.values, context.layer.traced.axes
    every = {"start": None, "stop": None, "step": None}
    bounds = [every] * axis + [{key: v[key] for key in every}]
    return context.operation(NUMPY, "GetItem", [{"class_name": "__slice__", "config": one} for one in bounds])


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
    """Return the axes of 1 that some inputs need behind the batch, then steps, the first of which reads all inputs."""
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
    """Return a layer of Keras, which repeats sizes as NumPy does, or an operation if there is none, or for a number."""
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
    if v["norm"] != 2 and (len(axes) > 1 or v["norm"] != int(v["norm"]) or v["norm"] < 1):
        raise refuse(f"a norm of power {v['norm']}" + " over several axes" * (len(axes) > 1), key="norm")
    axis = axes[0] if len(axes) == 1 else axes
    return context.operation(NN, "Normalize", axis=axis, order=int(v["norm"]), epsilon=v["eps"])


def _function(module: str) -> KerasWriter:
    """Return the writer of an operation of a module, its arguments the op's keys."""

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
