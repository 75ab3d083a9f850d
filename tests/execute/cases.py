"""Layers of every op with several of its keys, on samples whose sizes all differ."""

from __future__ import annotations

from typing import Any

Case = tuple[list[dict[str, Any]], tuple[int, ...]]
"""A network, and one sample's shape in NCHW."""

MAP = (4, 5, 6)
ROW = (4, 7)
VOLUME = (4, 3, 5, 6)
FEATURES = (7,)


def _cases(op: str, sample: tuple[int, ...], *keys: dict[str, Any]) -> list[Case]:
    return [([{"op": op, **one}], sample) for one in keys]


def _ranked(op: str, *keys: dict[str, Any]) -> dict[str, list[Case]]:
    """An op that slides, over one, two and three axes."""
    samples = {"1d": ROW, "": MAP, "3d": VOLUME}
    return {op + end: _cases(op + end, sample, *keys) for end, sample in samples.items()}


def _joined(op: str, **keys: Any) -> list[Case]:
    first: list[dict[str, Any]] = [{"op": "identity", "name": "a"}, {"op": "slice", "axis": -1, "name": "b"}]
    return [([*first, {"op": op, "from": ["a", "b", "a"], **keys}], MAP)]


CASES: dict[str, list[Case]] = {
    **_ranked("conv", {"c_o": 3, "k": 2}, {"c_o": 6, "k": 3, "g": 2, "p": 2, "s": 2}, {"c_o": 3, "k": 2, "d": 2}),
    **_ranked("dwconv", {"k": 2}, {"k": 3, "p": "same", "multiplier": 2, "bias": True}),
    **_ranked("sepconv", {"c_o": 3, "k": 2}, {"c_o": 3, "k": 2, "multiplier": 2, "flip": True}),
    **_ranked("convT", {"c_o": 3, "k": 2}, {"c_o": 6, "k": 3, "s": 2, "p": 1, "g": 2, "out_pad": 1}),
    **_ranked("maxpool", {"k": 2}, {"k": 3, "s": 2, "p": 1}, {"k": 1, "s": 2}),
    **_ranked(
        "avgpool", {"k": 2}, {"k": 3, "s": 2, "p": 1, "ceil": True}, {"k": 2, "p": 1, "count_include_pad": False}
    ),
    **_ranked("lppool", {"k": 2}, {"k": 2, "s": 1, "norm": 1}, {"k": 1, "norm": 3}),
    "globalmaxpool": _cases("globalmaxpool", MAP, {}, {"keepdims": False}),
    "globalavgpool": _cases("globalavgpool", MAP, {}, {"keepdims": False}),
    "adaptivemaxpool": _cases("adaptivemaxpool", MAP, {"out": 2}, {"out": [3, None]}),
    "adaptiveavgpool": _cases("adaptiveavgpool", MAP, {"out": 2}, {"out": [3, None]}, {"out": 7}),
    "linear": [*_cases("linear", MAP, {"out": 3}), *_cases("linear", FEATURES, {"out": 3}, {"out": 2, "bias": False})],
    "flatten": _cases("flatten", MAP, {}),
    "reshape": _cases("reshape", MAP, {"out": [2, -1]}, {"out": [120]}),
    "permute": _cases("permute", MAP, {"order": [3, 1, 2]}),
    "pad": _cases(
        "pad",
        MAP,
        {"p": [[1, 0], [2, 3]]},
        {"p": 1, "value": 3},
        *({"p": 2, "mode": mode} for mode in ("reflect", "replicate", "circular")),
    ),
    "crop": _cases("crop", MAP, {"p": [[1, 0], [2, 1]]}),
    "upsample": _cases(
        "upsample",
        MAP,
        {"factor": 2},
        {"factor": [1.5, 2.25], "mode": "linear"},
        {"out": [7, 3], "mode": "bilinear", "align": True},
        {"factor": 2, "mode": "bicubic"},
    ),
    "pixelshuffle": _cases("pixelshuffle", MAP, {"factor": 2}),
    "channelshuffle": _cases("channelshuffle", MAP, {"g": 2}),
    "batchnorm": _cases("batchnorm", MAP, {}, {"scale": False}, {"center": False}),
    "layernorm": _cases("layernorm", MAP, {}, {"axis": [1, 2], "scale": False, "center": False}),
    "groupnorm": _cases("groupnorm", MAP, {"g": 2}),
    "instancenorm": _cases("instancenorm", MAP, {}, {"scale": True}),
    "lrn": _cases("lrn", MAP, {"alpha": 2.0}, {"alpha": 2.0, "size": 3}, {"alpha": 0, "offset": 2}, {"beta": 0}),
    "scale": _cases("scale", MAP, {}, {"center": True}, {"scale": False, "center": True}),
    "rescale": _cases("rescale", MAP, {"factor": 0.5}, {"factor": [1, 2, 3, 4], "offset": [4, 3, 2, 1]}),
    "normalization": _cases(
        "normalization", MAP, {}, {"mean": 2, "variance": 4}, {"mean": [1, 2, 3, 4], "variance": [4, 3, 2, 1]}
    ),
    "slice": _cases(
        "slice", MAP, {"axis": 1, "stop": 1}, {"axis": 2, "start": -3, "step": 2}, {"axis": -1, "start": 1, "stop": -1}
    ),
    "mean": _cases("mean", MAP, {"axis": [1]}, {"axis": [2, 3], "keepdims": True}, {"axis": [-1]}),
    **{
        op: [*_cases(op, MAP, {}), *_cases(op, FEATURES, {})]
        for op in (
            "relu",
            "relu6",
            "silu",
            "sigmoid",
            "tanh",
            "hardswish",
            "selu",
            "softplus",
            "softsign",
            "mish",
            "exp",
        )
    },
    "identity": [*_cases("identity", MAP, {}, {"axes": 2}), *_cases("identity", FEATURES, {})],
    "leakyrelu": _cases("leakyrelu", MAP, {}, {"alpha": 0.3}, {"alpha": 1}),
    "elu": _cases("elu", MAP, {}, {"alpha": 0.5}),
    "clip": _cases("clip", MAP, {"min": 0}, {"min": -1, "max": 0.5}, {"max": -0.5}, {"min": 0.5, "max": 1.5}, {}),
    "gelu": _cases("gelu", MAP, {}, {"approximate": True}),
    "hardsigmoid": _cases("hardsigmoid", MAP, {}, {"alpha": 0.3}),
    "prelu": _cases("prelu", MAP, {}, {"num_parameters": 4}, {"shared_axes": [1]}),
    "softmax": _cases("softmax", MAP, {}, {"axis": 1}),
    "dropout": _cases("dropout", MAP, {}, {"rate": 0.25}),
    "add": _joined("add"),
    "mul": _joined("mul"),
    "concat": [*_joined("concat"), *_joined("concat", axis=2)],
    "block": _cases(
        "block",
        MAP,
        {"layers": [{"op": "rescale", "factor": 2, "offset": 1}, {"op": "add", "from": ["rescale1", "input"]}]},
        {"layers": [{"op": "conv", "c_o": 3, "k": 2}, {"op": "block", "layers": [{"op": "relu"}]}]},
    ),
}
"""Of every op but opaque, which cannot be run."""
