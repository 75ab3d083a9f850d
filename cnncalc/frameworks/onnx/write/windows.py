"""What has a window or works channel by channel; in NHWC a Transpose stands before it, and another after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ....layers import ConvKind
from ....layers.names import ONNX
from ....layers.sliding import place
from ....registry import Registry
from ....report import LayerReport
from ....sizes import known
from .file import OnnxFile, OnnxWriter, numbers, renamed, unsaid, weight_shape

WORDS = {"same": "SAME_UPPER", "same_upper": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}
WRITERS: Registry[str, OnnxWriter] = Registry()


def between(file: OnnxFile, layer: LayerReport, op: str, weights: Sequence[str] = (), **attributes: Any) -> None:
    """A node on a map's channels and space, wherever the layout has the channels."""
    if not file.last or len(layer.sample) == 1:
        file.node(op, [*file.reads(layer), *weights], layer.name, **attributes)
        return
    made = file.step(layer, "made", op, [channels_first(file, layer), *weights], **attributes)
    file.node("Transpose", [made], layer.name, perm=to_last(layer))


def channels_first(file: OnnxFile, layer: LayerReport) -> str:
    """What a layer reads, its channels before its space."""
    (x,) = file.reads(layer)
    rank = len(layer.sample)
    return file.step(layer, "channels_first", "Transpose", [x], perm=[0, rank, *range(1, rank)]) if file.last else x


def to_last(layer: LayerReport) -> list[int]:
    """The order of axes that moves the channels back to the end."""
    return [0, *range(2, len(layer.sample) + 1), 1]


def window(layer: LayerReport) -> dict[str, Any]:
    """The attributes of a window. SpecError for a padding word that an open size leaves undecided, and ONNX lacks."""
    v = layer.values
    attributes: dict[str, Any] = {"kernel_shape": v["k"], "strides": v["s"], "dilations": v["d"]}
    if not isinstance(v["p"], str):
        return attributes | {"pads": [p[0] for p in v["p"]] + [p[1] for p in v["p"]]}
    if v["p"] not in WORDS:
        raise unsaid(layer, f"padding {v['p']} of open sizes")
    return attributes | {"auto_pad": WORDS[v["p"]]}


def _check_flip(layer: LayerReport) -> None:
    if layer.values["flip"]:
        raise unsaid(layer, "a flipped kernel", "remove flip, and flip the kernel")


def kernel(file: OnnxFile, layer: LayerReport, role: str = "weight") -> str:
    """A kernel as ONNX has it: (c_o, c_i/g, k), of a depthwise one (c_i*multiplier, 1, k)."""
    shape = weight_shape(layer, role)
    if not file.last:
        return file.weight(layer, role, shape)
    *k, each, out = shape
    channelwise = role == "depthwise" or layer.node.layer.CONVOLUTION is ConvKind.DEPTHWISE
    order = (len(k), len(k) + 1, *range(len(k))) if channelwise else (len(k) + 1, len(k), *range(len(k)))
    return file.weight(
        layer, role, [each * out, 1, *k] if channelwise else [out, each, *k], lambda a: a.transpose(order)
    )


def bias(file: OnnxFile, layer: LayerReport) -> list[str]:
    """A layer's bias, where it has one."""
    if not layer.values["bias"]:
        return []
    return [file.weight(layer, "bias", weight_shape(layer, "bias"))]


@WRITERS.register("conv", "dwconv")
def conv(file: OnnxFile, layer: LayerReport) -> None:
    """One Conv; depthwise with a group for each channel."""
    _check_flip(layer)
    v = layer.values
    group = v["g"] if "g" in v else v["c_i"]
    between(file, layer, "Conv", [kernel(file, layer), *bias(file, layer)], group=group, **window(layer))


@WRITERS.register("sepconv")
def sepconv(file: OnnxFile, layer: LayerReport) -> None:
    """A Conv with a group for each channel, and one of 1x1."""
    _check_flip(layer)
    reads = [channels_first(file, layer), kernel(file, layer, "depthwise")]
    part = "made" if file.last else "depthwise"
    made = file.step(layer, part, "Conv", reads, group=layer.values["c_i"], **window(layer))
    reads = [made, kernel(file, layer, "pointwise"), *bias(file, layer)]
    ones = [1] * len(layer.values["k"])
    if file.last:
        made = file.step(layer, "pointwise", "Conv", reads, kernel_shape=ones)
        file.node("Transpose", [made], layer.name, perm=to_last(layer))
    else:
        file.node("Conv", reads, layer.name, kernel_shape=ones)


@WRITERS.register("convT")
def transposed(file: OnnxFile, layer: LayerReport) -> None:
    """ConvTranspose, what is cut away and added worked out."""
    _check_flip(layer)
    v = layer.values
    if min(v["out_pad"]) < 0:
        raise unsaid(layer, f"an output that is {-min(v['out_pad'])} short of what the padding leaves")
    shape = weight_shape(layer, "weight")
    if file.last:
        *k, out, each = shape
        order = (len(k) + 1, len(k), *range(len(k)))
        weight = file.weight(layer, "weight", [each, out, *k], lambda a: a.transpose(order))
    else:
        weight = file.weight(layer, "weight", shape)
    between(file, layer, "ConvTranspose", [weight, *bias(file, layer)], group=v["g"], **_transposed_window(layer))


def _transposed_window(layer: LayerReport) -> dict[str, Any]:
    """The window, and what is added after: as `output_padding`, or as `output_shape` if it is more than that may be.

    `output_shape` replaces the padding: SpecError if a layer has both.
    """
    v, attributes = layer.values, window(layer)
    if all(extra < max(s, d) for extra, s, d in zip(v["out_pad"], v["s"], v["d"], strict=True)):
        return attributes | {"output_padding": v["out_pad"] if any(v["out_pad"]) else None}
    if any(attributes.pop("pads", [1])):
        raise unsaid(layer, f"an out_pad of {max(v['out_pad'])}, not below max(s, d), with padding", "lower out_pad")
    out = layer.node.layer.split(layer.traced.out, layer.env)[1]
    return attributes | {"output_shape": numbers(layer, out, "transposed convolutions")}


def ceil_mode(layer: LayerReport) -> int:
    """The `ceil_mode` that places as many windows as the layer has. SpecError if neither does.

    ONNX drops a last window that would start in the padding after; here `ceil` may keep it.
    """
    v = layer.values
    space, out = [layer.node.layer.split(sample, layer.env)[1] for sample in (layer.sample, layer.traced.out)]
    for up in dict.fromkeys((bool(v["ceil"]), False)):
        if tuple([slide.out for slide in place(space, v["k"], v["s"], v["d"], v["p"], up)]) == out:
            return int(up)
    raise unsaid(layer, "a last window that starts beyond the input and is kept", "ceil=false leaves it out")


@WRITERS.register("maxpool", "avgpool", "lppool")
def pool(file: OnnxFile, layer: LayerReport) -> None:
    """A sliding pool."""
    v, op = layer.values, layer.node.layer.WORD
    more: dict[str, Any] = {"ceil_mode": ceil_mode(layer)}
    if op == "avgpool":
        more["count_include_pad"] = int(v["count_include_pad"])
    if op == "lppool":
        if v["norm"] != int(v["norm"]) or v["norm"] < 1:
            raise unsaid(layer, f"an Lp pool of norm {v['norm']}", "a whole number from 1 on")
        more["p"] = int(v["norm"])
    between(file, layer, ONNX[op].word, **window(layer), **more)


@WRITERS.register("globalmaxpool", "globalavgpool")
def global_pool(file: OnnxFile, layer: LayerReport) -> None:
    """A global pool; where its axes go, a reduction over them."""
    if layer.values["keepdims"]:
        between(file, layer, ONNX[layer.op].word)
        return
    axes = file.whole(layer, "axes", list(range(2, len(layer.sample) + 1)))
    reduction = "ReduceMax" if layer.op == "globalmaxpool" else "ReduceMean"
    file.node(reduction, [channels_first(file, layer), axes], layer.name, keepdims=0)


@WRITERS.register("adaptivemaxpool", "adaptiveavgpool")
def adaptive(file: OnnxFile, layer: LayerReport) -> None:
    """Windows of one size, if the output's sizes divide the input's."""
    space = slice(0, -1) if file.last else slice(1, None)
    have = numbers(layer, layer.sample[space], "adaptive pools")
    want = numbers(layer, layer.traced.out[space], "adaptive pools")
    for n, o in zip(have, want, strict=True):
        if n % o:
            raise unsaid(layer, f"windows of different sizes: {n} into {o}", "make the output divide the input")
    k = [n // o for n, o in zip(have, want, strict=True)]
    between(file, layer, ONNX[layer.op.removeprefix("adaptive")].word, kernel_shape=k, strides=k)


@WRITERS.register("upsample")
def upsample(file: OnnxFile, layer: LayerReport) -> None:
    """Resize of the spatial axes."""
    v, dialect = layer.values, layer.env.dialect
    mode = "cubic" if "cubic" in v["mode"] else "nearest" if v["mode"] == "nearest" else "linear"
    more: dict[str, Any] = {"mode": mode}
    if "factor" in v:
        by = ["", file.constant(layer, "scales", [1.0, 1.0, *map(float, v["factor"])], whole=False)]
    elif file.batch is not None:
        by = ["", "", file.whole(layer, "sizes", [file.batch, channels(layer), *v["out"]])]
    else:
        by = ["", "", file.whole(layer, "sizes", v["out"])]
        more["axes"] = list(range(2, len(layer.sample) + 1))
    if mode == "nearest":
        more |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        more["coordinate_transformation_mode"] = "align_corners" if v["align"] else "half_pixel"
    if mode == "cubic":
        more |= {"cubic_coeff_a": dialect.cubic, "exclude_outside": int(dialect.cubic_leaves_out)}
    between(file, layer, "Resize", by, **more)


@WRITERS.register("pixelshuffle")
def pixelshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """DepthToSpace in the order of columns, rows, depth."""
    between(file, layer, "DepthToSpace", blocksize=layer.values["factor"], mode="CRD")


def channels(layer: LayerReport) -> int:
    """The number of input channels. SpecError if that is open."""
    x = layer.sample
    count = known(x[-1] if layer.env.channels_last else x[0])
    if count is None:
        raise unsaid(layer, "weights of open sizes", "give the input in numbers")
    return count


def by_channel(layer: LayerReport) -> list[int]:
    """The shape of one number a channel, as it meets a sample with its channels first."""
    return [channels(layer), *[1] * (len(layer.sample) - 1)]


def affine(file: OnnxFile, layer: LayerReport, shape: Sequence[int], change: Callable[[Any], Any]) -> list[str]:
    """A norm's weight and bias; constants of ones and zeros where it has none."""
    weights = []
    for role, key, plain in (("weight", "scale", 1.0), ("bias", "center", 0.0)):
        if layer.values[key]:
            weights.append(file.weight(layer, role, shape, change))
        else:
            weights.append(file.constant(layer, role, [plain] * prod(shape), whole=False, shape=shape))
    return weights


@WRITERS.register("batchnorm")
def batchnorm(file: OnnxFile, layer: LayerReport) -> None:
    """As it is once trained."""
    c = [channels(layer)]
    weights = affine(file, layer, c, lambda a: a)
    weights += [file.weight(layer, role, c) for role in ("running_mean", "running_var")]
    between(file, layer, "BatchNormalization", weights, epsilon=float(layer.values["eps"]))


@WRITERS.register("groupnorm")
def groupnorm(file: OnnxFile, layer: LayerReport) -> None:
    """Each group as one channel of an InstanceNormalization, then a weight and a bias a channel.

    So PyTorch writes it, too: onnx infers no shape of a GroupNormalization.
    """
    x, g = channels_first(file, layer), layer.values["g"]
    plain = [file.constant(layer, part, [n] * g, whole=False) for part, n in (("ones", 1.0), ("zeros", 0.0))]
    apart = file.step(layer, "apart", "Reshape", [x, file.whole(layer, "groups", [0, g, -1])])
    made = file.step(layer, "made", "InstanceNormalization", [apart, *plain], epsilon=float(layer.values["eps"]))
    shape = file.step(layer, "shape", "Shape", [x])
    by = [("Mul", "weight", "scale"), ("Add", "bias", "center")]
    steps = [(op, file.weight(layer, role, by_channel(layer))) for op, role, key in by if layer.values[key]]
    finish(file, layer, [("Reshape", shape), *steps], made)


def finish(file: OnnxFile, layer: LayerReport, steps: Sequence[tuple[str, str]], x: str) -> None:
    """(op, second operand) one after another on channels first, the first of them called by the layer's name."""
    if file.last:
        steps = [*steps, ("Transpose", "")]
    for number, (op, operand) in enumerate(steps, 1):
        makes = layer.name if number == len(steps) else file.name(f"{layer.name}.{number}")
        called = layer.name if number == 1 else f"{layer.name}.{op.lower()}"
        if op == "Transpose":
            file.node(op, [x], makes, called, perm=to_last(layer))
        else:
            x = file.node(op, [x, operand], makes, called)


@WRITERS.register("instancenorm")
def instancenorm(file: OnnxFile, layer: LayerReport) -> None:
    """Each channel of each sample."""
    weights = affine(file, layer, [channels(layer)], lambda a: a)
    between(file, layer, "InstanceNormalization", weights, epsilon=float(layer.values["eps"]))


@WRITERS.register("lrn")
def lrn(file: OnnxFile, layer: LayerReport) -> None:
    """ONNX has the extra channel of an even size after."""
    v = layer.values
    if v["size"] % 2 == 0 and layer.env.dialect.lrn_before_is_larger:
        raise unsaid(layer, f"{v['size']} channels with the extra one before", "an odd size")
    between(file, layer, "LRN", **renamed(layer))
