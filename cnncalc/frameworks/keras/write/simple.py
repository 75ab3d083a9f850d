"""Layers that are one Keras layer, or one of its operations: dense, borders, norms, activations, joins."""

from __future__ import annotations

from typing import Any

from ....sizes import Size
from .step import NN, NUMPY, Known, Make, Step, border, numbered, refuse
from .windows import adaptive, conv, depthwise, global_pool, pool, separable, transposed


def named(name: str) -> Make:
    """An activation by its name."""
    return lambda known: known.one("Activation", activation=name)


def plain(kind: str) -> Make:
    """A layer without a configuration."""
    return lambda known: known.one(kind)


def _linear(known: Known) -> list[Step]:
    return known.one("Dense", units=known.layer.values["out"], use_bias=known.layer.values["bias"])


def _flatten(known: Known) -> list[Step]:
    """In the order in which the values stand: Keras would put channels that stand first behind."""
    return known.one("Flatten", data_format="channels_last")


def _pad(known: Known) -> list[Step]:
    v = known.layer.values
    if v["mode"] != "constant" or v["value"] != 0:
        raise refuse("padding with anything but zeros", key="mode" if v["mode"] != "constant" else "value")
    return [border(known, "ZeroPadding", v["p"], known.layer.traced.out)]


def _crop(known: Known) -> list[Step]:
    return [border(known, "Cropping", known.layer.values["p"], known.layer.traced.out)]


def _upsample(known: Known) -> list[Step]:
    v, space, out = known.layer.values, known.space(), known.spatial_out()
    factors = v.get("factor") or [_times(n, o) for n, o in zip(space, out, strict=True)]
    if not all(isinstance(f, int) for f in factors):
        raise refuse("upsampling by what is no whole number", key="factor" if "factor" in v else "out")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(v["mode"], v["mode"])
    if mode != "nearest" and (v["align"] or len(space) != 2 or (mode == "bicubic" and _other_cubic(known))):
        raise refuse(f"upsampling by {v['mode']} of {len(space)} axes" + ", aligned" * v["align"], key="mode")
    if len(space) == 1:
        if not known.channels_last:
            raise refuse("UpSampling1D takes channels last")
        return known.one("UpSampling1D", size=factors[0])
    how = {"interpolation": mode} if len(space) == 2 else {}
    return known.one(numbered(known, "UpSampling"), size=list(factors), **how, **known.format())


def _times(n: Size, out: Size) -> int | None:
    """How many times as large, where that is a whole number."""
    return out // n if isinstance(n, int) and isinstance(out, int) and out % n == 0 else None


def _other_cubic(known: Known) -> bool:
    return known.layer.env.dialect.cubic != -0.5


def _norm_keys(known: Known) -> dict[str, Any]:
    v = known.layer.values
    return {"epsilon": v["eps"], "center": v["center"], "scale": v["scale"]}


def _channel_axis(known: Known) -> int:
    return -1 if known.channels_last else 1


def _batchnorm(known: Known) -> list[Step]:
    return known.one("BatchNormalization", axis=_channel_axis(known), **_norm_keys(known))


def _layernorm(known: Known) -> list[Step]:
    return known.one("LayerNormalization", axis=list(known.layer.values["axis"]), **_norm_keys(known))


def _groupnorm(known: Known) -> list[Step]:
    groups = known.layer.values.get("g", -1)  # an instance norm has a group for each channel
    return known.one("GroupNormalization", groups=groups, axis=_channel_axis(known), **_norm_keys(known))


def _scale(known: Known) -> list[Step]:
    v = known.layer.values
    if v["center"] or not v["scale"] or not known.channels_last:
        what = "a scale of channels that stand first" if not known.channels_last else "a scale with a bias"
        raise refuse(what, "use --layout NHWC" if not known.channels_last else None)
    channels = known.layer.sample[-1]
    if not isinstance(channels, int):
        raise refuse("a scale of an open number of channels", "give the input's sizes")
    config = {"init_values": 1e-6, "projection_dim": channels}
    return [Step("LayerScale", config, known.layer.traced.out, "", "keras.src.applications.convnext")]


def _rescale(known: Known) -> list[Step]:
    v = known.layer.values
    if not known.channels_last and len(known.layer.sample) > 1 and any(isinstance(n, tuple) for n in v.values()):
        raise refuse("a factor for each channel, where they stand first", key="factor")
    return known.one("Rescaling", scale=v["factor"], offset=v["offset"])


def _normalization(known: Known) -> list[Step]:
    v = known.layer.values
    given = {key: v[key] for key in ("mean", "variance") if key in v}
    return known.one("Normalization", axis=_channel_axis(known), **given)


def _prelu(known: Known) -> list[Step]:
    v, rank = known.layer.values, len(known.layer.sample)
    if "shared_axes" in v:
        return known.one("PReLU", shared_axes=list(v["shared_axes"]))
    channel = rank if known.channels_last else 1
    kept = () if v["num_parameters"] == 1 else (channel,)
    return known.one("PReLU", shared_axes=[axis for axis in range(1, rank + 1) if axis not in kept])


def _clip(known: Known) -> list[Step]:
    v = known.layer.values
    if v["min"] == 0 and (v["max"] is None or v["max"] > 0):
        return known.one("ReLU", max_value=v["max"])
    if v["min"] is None or v["max"] is None:
        raise refuse("a clip with one side", "give both min and max")
    return known.operation(NUMPY, "Clip", x_min=v["min"], x_max=v["max"])


def _gelu(known: Known) -> list[Step]:
    if known.layer.values["approximate"]:
        return known.operation(NN, "Gelu", approximate=True)
    return known.one("Activation", activation="gelu")


def _hardsigmoid(known: Known) -> list[Step]:
    if abs(known.layer.values["alpha"] - 1 / 6) > 1e-6:
        raise refuse(f"a hard sigmoid of slope {known.layer.values['alpha']}", "Keras's slope is 1/6", "alpha")
    return known.one("Activation", activation="hard_sigmoid")


def _slice(known: Known) -> list[Step]:
    v, (axis,) = known.layer.values, known.layer.traced.axes
    every = {"start": None, "stop": None, "step": None}
    bounds = [every] * axis + [{key: v[key] for key in every}]
    slices = [{"class_name": "__slice__", "config": one} for one in bounds]
    return known.operation(NUMPY, "GetItem", slices)


def _mean(known: Known) -> list[Step]:
    return known.operation(
        NUMPY, "Mean", axis=list(known.layer.values["axis"]), keepdims=known.layer.values["keepdims"]
    )


def values(kind: str, **keys: str) -> Make:
    """A layer whose configuration is some of the layer's values, under Keras's names."""
    return lambda known: known.one(kind, **{name: known.layer.values[key] for name, key in keys.items()})


LAYERS: dict[str, Make] = {
    **{f"conv{end}": conv for end in ("", "1d", "3d")},
    **{f"dwconv{end}": depthwise for end in ("", "1d", "3d")},
    **{f"sepconv{end}": separable for end in ("", "1d", "3d")},
    **{f"convT{end}": transposed for end in ("", "1d", "3d")},
    **{f"maxpool{end}": pool("MaxPooling") for end in ("", "1d", "3d")},
    **{f"avgpool{end}": pool("AveragePooling") for end in ("", "1d", "3d")},
    "globalmaxpool": global_pool("GlobalMaxPooling"),
    "globalavgpool": global_pool("GlobalAveragePooling"),
    "adaptivemaxpool": adaptive("MaxPooling"),
    "adaptiveavgpool": adaptive("AveragePooling"),
    "linear": _linear,
    "flatten": _flatten,
    "reshape": values("Reshape", target_shape="out"),
    "permute": values("Permute", dims="order"),
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "groupnorm": _groupnorm,
    "instancenorm": _groupnorm,
    "scale": _scale,
    "rescale": _rescale,
    "normalization": _normalization,
    "slice": _slice,
    "mean": _mean,
    "add": plain("Add"),
    "mul": plain("Multiply"),
    "concat": values("Concatenate", axis="axis"),
    "relu": plain("ReLU"),
    "relu6": lambda known: known.one("ReLU", max_value=6.0),
    "leakyrelu": values("LeakyReLU", negative_slope="alpha"),
    "elu": values("ELU", alpha="alpha"),
    "prelu": _prelu,
    "clip": _clip,
    "gelu": _gelu,
    "hardsigmoid": _hardsigmoid,
    "hardswish": named("hard_silu"),
    "exp": named("exponential"),
    **{op: named(op) for op in ("silu", "sigmoid", "tanh", "selu", "softplus", "softsign", "mish")},
    "softmax": values("Softmax", axis="axis"),
    "dropout": values("Dropout", rate="rate"),
    "identity": plain("Identity"),
}
"""How each op is written; what is not here, Keras has no layer for."""
