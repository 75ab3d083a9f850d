"""Layers that are one layer of Keras, or one of its operations: dense, borders, norms, activations, joins."""

from __future__ import annotations

from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....registry import Registry
from ....sizes import Size
from .step import NN, NUMPY, KerasContext, KerasStep, KerasWriter, border, refuse

WRITERS: Registry[str, KerasWriter] = Registry()
ACTIVATIONS = ("silu", "sigmoid", "tanh", "selu", "softplus", "softsign", "mish", "hardswish", "exp")
"""What is an Activation layer of Keras's, without keys."""


@WRITERS.register(*ACTIVATIONS)
def activation(context: KerasContext) -> list[KerasStep]:
    """An activation by its name."""
    return context.one("Activation", activation=KERAS_ACTIVATIONS[context.layer.op][0])


@WRITERS.register("flatten")
def _flatten(context: KerasContext) -> list[KerasStep]:
    """In the order in which the values stand: Keras would put channels that stand first behind."""
    return context.named(config={"data_format": "channels_last"})


@WRITERS.register("pad")
def _pad(context: KerasContext) -> list[KerasStep]:
    v = context.layer.values
    if v["mode"] != "constant" or v["value"] != 0:
        raise refuse("padding with anything but zeros", key="mode" if v["mode"] != "constant" else "value")
    return [border(context, "ZeroPadding", v["p"], context.layer.traced.out)]


@WRITERS.register("crop")
def _crop(context: KerasContext) -> list[KerasStep]:
    return [border(context, "Cropping", context.layer.values["p"], context.layer.traced.out)]


@WRITERS.register("upsample")
def _upsample(context: KerasContext) -> list[KerasStep]:
    v, space, out = context.layer.values, context.space(), context.spatial_out()
    factors = v.get("factor") or [_times(n, o) for n, o in zip(space, out, strict=True)]
    if not all(isinstance(f, int) for f in factors):
        raise refuse("upsampling by a factor that is not a whole number", key="factor" if "factor" in v else "out")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(v["mode"], v["mode"])
    if mode != "nearest" and (v["align"] or len(space) != 2 or (mode == "bicubic" and _other_cubic(context))):
        raise refuse(f"upsampling by {v['mode']} of {len(space)} axes" + ", aligned" * v["align"], key="mode")
    if len(space) == 1:
        if not context.channels_last:
            raise refuse("UpSampling1D takes channels last")
        return context.one("UpSampling1D", size=factors[0])
    (step,) = context.named(factor=list(factors), mode=mode)
    if len(space) == 3:
        del step.config["interpolation"]
    return [step]


def _times(n: Size, out: Size) -> int | None:
    """How many times as large, where that is a whole number."""
    return out // n if isinstance(n, int) and isinstance(out, int) and out % n == 0 else None


def _other_cubic(context: KerasContext) -> bool:
    return context.layer.env.dialect.cubic != -0.5


def _channel_axis(context: KerasContext) -> dict[str, int]:
    return {"axis": -1 if context.channels_last else 1}


@WRITERS.register("batchnorm", "normalization")
def _channelwise(context: KerasContext) -> list[KerasStep]:
    return context.named(config=_channel_axis(context))


@WRITERS.register("groupnorm", "instancenorm")
def _groupnorm(context: KerasContext) -> list[KerasStep]:
    groups = context.layer.values.get("g", -1)  # an instance norm has a group for each channel
    return context.named("groupnorm", _channel_axis(context), g=groups)


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
    if "shared_axes" in v:
        return context.one("PReLU", shared_axes=list(v["shared_axes"]))
    channel = rank if context.channels_last else 1
    kept = () if v["num_parameters"] == 1 else (channel,)
    return context.one("PReLU", shared_axes=[axis for axis in range(1, rank + 1) if axis not in kept])


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
    return context.one("Activation", activation="gelu")


@WRITERS.register("hardsigmoid")
def _hardsigmoid(context: KerasContext) -> list[KerasStep]:
    if abs(context.layer.values["alpha"] - 1 / 6) > 1e-6:
        raise refuse(f"a hard sigmoid of slope {context.layer.values['alpha']}", "Keras's slope is 1/6", "alpha")
    return context.one("Activation", activation="hard_sigmoid")


@WRITERS.register("slice")
def _slice(context: KerasContext) -> list[KerasStep]:
    v, (axis,) = context.layer.values, context.layer.traced.axes
    every = {"start": None, "stop": None, "step": None}
    bounds = [every] * axis + [{key: v[key] for key in every}]
    slices = [{"class_name": "__slice__", "config": one} for one in bounds]
    return context.operation(NUMPY, "GetItem", slices)


@WRITERS.register("mean")
def _mean(context: KerasContext) -> list[KerasStep]:
    return context.operation(NUMPY, "Mean", **KERAS["mean"].theirs(context.layer.values))


WRITERS.register("relu6")(lambda context: context.one("ReLU", max_value=6.0))
_BY_NAME = (
    *("linear", "reshape", "permute", "globalmaxpool", "globalavgpool", "layernorm", "add", "mul", "concat"),
    *("relu", "leakyrelu", "elu", "softmax", "dropout", "identity"),
)
WRITERS.register(*_BY_NAME)(lambda context: context.named())
