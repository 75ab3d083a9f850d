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
def activation(known: KerasContext) -> list[KerasStep]:
    """An activation by its name."""
    return known.one("Activation", activation=KERAS_ACTIVATIONS[known.layer.op][0])


@WRITERS.register("flatten")
def _flatten(known: KerasContext) -> list[KerasStep]:
    """In the order in which the values stand: Keras would put channels that stand first behind."""
    return known.named(config={"data_format": "channels_last"})


@WRITERS.register("pad")
def _pad(known: KerasContext) -> list[KerasStep]:
    v = known.layer.values
    if v["mode"] != "constant" or v["value"] != 0:
        raise refuse("padding with anything but zeros", key="mode" if v["mode"] != "constant" else "value")
    return [border(known, "ZeroPadding", v["p"], known.layer.traced.out)]


@WRITERS.register("crop")
def _crop(known: KerasContext) -> list[KerasStep]:
    return [border(known, "Cropping", known.layer.values["p"], known.layer.traced.out)]


@WRITERS.register("upsample")
def _upsample(known: KerasContext) -> list[KerasStep]:
    v, space, out = known.layer.values, known.space(), known.spatial_out()
    factors = v.get("factor") or [_times(n, o) for n, o in zip(space, out, strict=True)]
    if not all(isinstance(f, int) for f in factors):
        raise refuse("upsampling by a factor that is not a whole number", key="factor" if "factor" in v else "out")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(v["mode"], v["mode"])
    if mode != "nearest" and (v["align"] or len(space) != 2 or (mode == "bicubic" and _other_cubic(known))):
        raise refuse(f"upsampling by {v['mode']} of {len(space)} axes" + ", aligned" * v["align"], key="mode")
    if len(space) == 1:
        if not known.channels_last:
            raise refuse("UpSampling1D takes channels last")
        return known.one("UpSampling1D", size=factors[0])
    (step,) = known.named(factor=list(factors), mode=mode)
    if len(space) == 3:
        del step.config["interpolation"]
    return [step]


def _times(n: Size, out: Size) -> int | None:
    """How many times as large, where that is a whole number."""
    return out // n if isinstance(n, int) and isinstance(out, int) and out % n == 0 else None


def _other_cubic(known: KerasContext) -> bool:
    return known.layer.env.dialect.cubic != -0.5


def _channel_axis(known: KerasContext) -> dict[str, int]:
    return {"axis": -1 if known.channels_last else 1}


@WRITERS.register("batchnorm", "normalization")
def _channelwise(known: KerasContext) -> list[KerasStep]:
    return known.named(config=_channel_axis(known))


@WRITERS.register("groupnorm", "instancenorm")
def _groupnorm(known: KerasContext) -> list[KerasStep]:
    groups = known.layer.values.get("g", -1)  # an instance norm has a group for each channel
    return known.named("groupnorm", _channel_axis(known), g=groups)


@WRITERS.register("scale")
def _scale(known: KerasContext) -> list[KerasStep]:
    v = known.layer.values
    if v["center"] or not v["scale"] or not known.channels_last:
        what = "a scale of channels that are first" if not known.channels_last else "a scale with a bias"
        raise refuse(what, "use --layout NHWC" if not known.channels_last else None)
    channels = known.layer.sample[-1]
    if not isinstance(channels, int):
        raise refuse("a scale of an open number of channels", "give the input's sizes")
    config = {"init_values": 1e-6, "projection_dim": channels}
    return [KerasStep("LayerScale", config, known.layer.traced.out, "", "keras.src.applications.convnext")]


@WRITERS.register("rescale")
def _rescale(known: KerasContext) -> list[KerasStep]:
    v = known.layer.values
    if not known.channels_last and len(known.layer.sample) > 1 and any(isinstance(n, tuple) for n in v.values()):
        raise refuse("a factor for each channel, if these are first", key="factor")
    return known.named()


@WRITERS.register("prelu")
def _prelu(known: KerasContext) -> list[KerasStep]:
    v, rank = known.layer.values, len(known.layer.sample)
    if "shared_axes" in v:
        return known.one("PReLU", shared_axes=list(v["shared_axes"]))
    channel = rank if known.channels_last else 1
    kept = () if v["num_parameters"] == 1 else (channel,)
    return known.one("PReLU", shared_axes=[axis for axis in range(1, rank + 1) if axis not in kept])


@WRITERS.register("clip")
def _clip(known: KerasContext) -> list[KerasStep]:
    v = known.layer.values
    if v["min"] == 0 and (v["max"] is None or v["max"] > 0):
        return known.one("ReLU", max_value=v["max"])
    if v["min"] is None or v["max"] is None:
        raise refuse("a clip with one side", "give both min and max")
    return known.operation(NUMPY, "Clip", **KERAS["clip"].theirs(v))


@WRITERS.register("gelu")
def _gelu(known: KerasContext) -> list[KerasStep]:
    if known.layer.values["approximate"]:
        return known.operation(NN, "Gelu", approximate=True)
    return known.one("Activation", activation="gelu")


@WRITERS.register("hardsigmoid")
def _hardsigmoid(known: KerasContext) -> list[KerasStep]:
    if abs(known.layer.values["alpha"] - 1 / 6) > 1e-6:
        raise refuse(f"a hard sigmoid of slope {known.layer.values['alpha']}", "Keras's slope is 1/6", "alpha")
    return known.one("Activation", activation="hard_sigmoid")


@WRITERS.register("slice")
def _slice(known: KerasContext) -> list[KerasStep]:
    v, (axis,) = known.layer.values, known.layer.traced.axes
    every = {"start": None, "stop": None, "step": None}
    bounds = [every] * axis + [{key: v[key] for key in every}]
    slices = [{"class_name": "__slice__", "config": one} for one in bounds]
    return known.operation(NUMPY, "GetItem", slices)


@WRITERS.register("mean")
def _mean(known: KerasContext) -> list[KerasStep]:
    return known.operation(NUMPY, "Mean", **KERAS["mean"].theirs(known.layer.values))


WRITERS.register("relu6")(lambda known: known.one("ReLU", max_value=6.0))
_BY_NAME = (
    *("linear", "reshape", "permute", "globalmaxpool", "globalavgpool", "layernorm", "add", "mul", "concat"),
    *("relu", "leakyrelu", "elu", "softmax", "dropout", "identity"),
)
WRITERS.register(*_BY_NAME)(lambda known: known.named())
