"""Layers that are one layer of Keras, or one of its operations: dense, borders, norms, activations, joins."""

from __future__ import annotations

from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....registry import Registry
from ....sizes import Size
from .step import NN, NUMPY, KerasContext, KerasStep, KerasWriter, border, refuse

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
    for key in ("place", "antialias", "cubic", "inside"):
        if key in v:
            raise refuse(f"upsampling with {key}", key=key)
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


@WRITERS.register("mean")
def _mean(context: KerasContext) -> list[KerasStep]:
    return context.operation(NUMPY, "Mean", **KERAS["mean"].theirs(context.layer.values))


WRITERS["relu6"] = lambda context: context.one("ReLU", max_value=6.0)
WRITERS.update({op: activation for op in KERAS_ACTIVATIONS if op not in KERAS and op not in WRITERS})
