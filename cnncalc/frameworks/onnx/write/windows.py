"""What has a window or works channel by channel; in NHWC a Transpose stands before it, and another after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ....layers import ConvKind
from ....layers.sliding import place
from ....report import LayerReport
from ....sizes import known
from .file import File, numbers, unsaid, weight_shape

Writing = Callable[[File, LayerReport], None]
WORDS = {"same": "SAME_UPPER", "same_upper": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}


def between(file: File, layer: LayerReport, op: str, weights: Sequence[str] = (), **attributes: Any) -> None:
    """A node on a map's channels and space, wherever the layout has the channels."""
    (x,) = file.reads(layer)
    if not file.last or len(layer.sample) == 1:
        file.node(op, [x, *weights], layer.name, **attributes)
        return
    file.node("Transpose", [spatial(file, layer, x, op, weights, **attributes)], layer.name, perm=last(layer))


def spatial(file: File, layer: LayerReport, x: str, op: str, weights: Sequence[str], **attributes: Any) -> str:
    """The node itself in NHWC: from channels last to what it makes, channels first."""
    first = file.step(layer, "channels_first", "Transpose", [x], perm=front(layer))
    return file.step(layer, "made", op, [first, *weights], **attributes)


def front(layer: LayerReport) -> list[int]:
    """The order of axes that brings the channels from the end to the front."""
    rank = len(layer.sample)
    return [0, rank, *range(1, rank)]


def last(layer: LayerReport) -> list[int]:
    """The order of axes that brings the channels back to the end."""
    rank = len(layer.sample)
    return [0, *range(2, rank + 1), 1]


def window(layer: LayerReport) -> dict[str, Any]:
    """The attributes of a window. SpecError for a padding word that an open size leaves undecided, and ONNX lacks."""
    v = layer.values
    found: dict[str, Any] = {"kernel_shape": v["k"], "strides": v["s"], "dilations": v["d"]}
    if not isinstance(v["p"], str):
        return found | {"pads": [p[0] for p in v["p"]] + [p[1] for p in v["p"]]}
    if v["p"] not in WORDS:
        raise unsaid(layer, f"padding {v['p']} of open sizes")
    return found | {"auto_pad": WORDS[v["p"]]}


def _check_flip(layer: LayerReport) -> None:
    if layer.values["flip"]:
        raise unsaid(layer, "a kernel that is turned", "leave flip out, and turn the kernel")


def kernel(file: File, layer: LayerReport, role: str = "weight") -> str:
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


def bias(file: File, layer: LayerReport) -> list[str]:
    """A layer's bias, where it has one."""
    if not layer.values["bias"]:
        return []
    return [file.weight(layer, "bias", weight_shape(layer, "bias"))]


def conv(file: File, layer: LayerReport) -> None:
    """One Conv; depthwise with a group for each channel."""
    _check_flip(layer)
    v = layer.values
    group = v["g"] if "g" in v else v["c_i"]
    between(file, layer, "Conv", [kernel(file, layer), *bias(file, layer)], group=group, **window(layer))


def sepconv(file: File, layer: LayerReport) -> None:
    """A Conv with a group for each channel, and one of 1x1."""
    _check_flip(layer)
    (x,) = file.reads(layer)
    attributes = window(layer) | {"group": layer.values["c_i"]}
    if file.last:
        x = spatial(file, layer, x, "Conv", [kernel(file, layer, "depthwise")], **attributes)
    else:
        x = file.step(layer, "depthwise", "Conv", [x, kernel(file, layer, "depthwise")], **attributes)
    reads = [x, kernel(file, layer, "pointwise"), *bias(file, layer)]
    ones = [1] * len(layer.values["k"])
    if file.last:
        made = file.step(layer, "pointwise", "Conv", reads, kernel_shape=ones)
        file.node("Transpose", [made], layer.name, perm=last(layer))
    else:
        file.node("Conv", reads, layer.name, kernel_shape=ones)


def transposed(file: File, layer: LayerReport) -> None:
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
    v, found = layer.values, window(layer)
    if all(extra < max(s, d) for extra, s, d in zip(v["out_pad"], v["s"], v["d"], strict=True)):
        return found | {"output_padding": v["out_pad"] if any(v["out_pad"]) else None}
    if any(found.pop("pads", [1])):
        raise unsaid(layer, f"an out_pad of {max(v['out_pad'])}, not below max(s, d), with padding", "lower out_pad")
    out = layer.node.layer.split(layer.traced.out, layer.env)[1]
    return found | {"output_shape": numbers(layer, out, "transposed convolutions")}


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


def pool(op: str) -> Writing:
    """A sliding pool."""

    def handle(file: File, layer: LayerReport) -> None:
        v = layer.values
        more: dict[str, Any] = {"ceil_mode": ceil_mode(layer)}
        if "count_include_pad" in v:
            more["count_include_pad"] = int(v["count_include_pad"])
        if "norm" in v:
            if v["norm"] != int(v["norm"]) or v["norm"] < 1:
                raise unsaid(layer, f"an Lp pool of norm {v['norm']}", "a whole number from 1 on")
            more["p"] = int(v["norm"])
        between(file, layer, op, **window(layer), **more)

    return handle


def global_pool(op: str, reduce: str) -> Writing:
    """A global pool; where its axes go, a reduction over them."""

    def handle(file: File, layer: LayerReport) -> None:
        if layer.values["keepdims"]:
            between(file, layer, op)
            return
        (x,) = file.reads(layer)
        if file.last:
            x = file.step(layer, "channels_first", "Transpose", [x], perm=front(layer))
        axes = file.whole(layer, "axes", list(range(2, len(layer.sample) + 1)))
        file.node(reduce, [x, axes], layer.name, keepdims=0)

    return handle


def adaptive(op: str) -> Writing:
    """Windows of one size, where the output divides the input."""

    def handle(file: File, layer: LayerReport) -> None:
        space = slice(0, -1) if file.last else slice(1, None)
        have = numbers(layer, layer.sample[space], "adaptive pools")
        want = numbers(layer, layer.traced.out[space], "adaptive pools")
        for n, o in zip(have, want, strict=True):
            if n % o:
                raise unsaid(layer, f"windows of different sizes: {n} into {o}", "make the output divide the input")
        k = [n // o for n, o in zip(have, want, strict=True)]
        between(file, layer, op, kernel_shape=k, strides=k)

    return handle


def upsample(file: File, layer: LayerReport) -> None:
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


def pixelshuffle(file: File, layer: LayerReport) -> None:
    """DepthToSpace in the order of columns, rows, depth."""
    between(file, layer, "DepthToSpace", blocksize=layer.values["factor"], mode="CRD")


def channels(layer: LayerReport) -> int:
    """How many channels arrive. SpecError where that is open."""
    x = layer.sample
    found = known(x[-1] if layer.env.channels_last else x[0])
    if found is None:
        raise unsaid(layer, "weights of open sizes", "give the input in numbers")
    return found


def by_channel(layer: LayerReport) -> list[int]:
    """The shape of one number a channel, as it meets a sample with its channels first."""
    return [channels(layer), *[1] * (len(layer.sample) - 1)]


def affine(file: File, layer: LayerReport, shape: Sequence[int], change: Callable[[Any], Any]) -> list[str]:
    """A norm's weight and bias; ones and zeros that are no weights where it has none."""
    found = []
    for role, key, plain in (("weight", "scale", 1.0), ("bias", "center", 0.0)):
        if layer.values[key]:
            found.append(file.weight(layer, role, shape, change))
        else:
            found.append(file.constant(layer, role, [plain] * prod(shape), whole=False, shape=shape))
    return found


def batchnorm(file: File, layer: LayerReport) -> None:
    """As it is once trained."""
    c = [channels(layer)]
    weights = affine(file, layer, c, lambda a: a)
    weights += [file.weight(layer, role, c) for role in ("running_mean", "running_var")]
    between(file, layer, "BatchNormalization", weights, epsilon=float(layer.values["eps"]))


def groupnorm(file: File, layer: LayerReport) -> None:
    """Each group as one channel of an InstanceNormalization, then a weight and a bias a channel.

    So PyTorch writes it, too: onnx infers no shape of a GroupNormalization.
    """
    (x,), g = file.reads(layer), layer.values["g"]
    if file.last:
        x = file.step(layer, "channels_first", "Transpose", [x], perm=front(layer))
    plain = [file.constant(layer, part, [n] * g, whole=False) for part, n in (("ones", 1.0), ("zeros", 0.0))]
    apart = file.step(layer, "apart", "Reshape", [x, file.whole(layer, "groups", [0, g, -1])])
    made = file.step(layer, "made", "InstanceNormalization", [apart, *plain], epsilon=float(layer.values["eps"]))
    shape = file.step(layer, "shape", "Shape", [x])
    by = [("Mul", "weight", "scale"), ("Add", "bias", "center")]
    steps = [(op, file.weight(layer, role, by_channel(layer))) for op, role, key in by if layer.values[key]]
    finish(file, layer, [("Reshape", shape), *steps], made)


def finish(file: File, layer: LayerReport, steps: Sequence[tuple[str, str]], x: str) -> None:
    """(op, second operand) one after another on channels first, the first of them called by the layer's name."""
    if file.last:
        steps = [*steps, ("Transpose", "")]
    for number, (op, operand) in enumerate(steps, 1):
        makes = layer.name if number == len(steps) else file.name(f"{layer.name}.{number}")
        called = layer.name if number == 1 else f"{layer.name}.{op.lower()}"
        if op == "Transpose":
            file.node(op, [x], makes, called, perm=last(layer))
        else:
            x = file.node(op, [x, operand], makes, called)


def instancenorm(file: File, layer: LayerReport) -> None:
    """Each channel of each sample."""
    weights = affine(file, layer, [channels(layer)], lambda a: a)
    between(file, layer, "InstanceNormalization", weights, epsilon=float(layer.values["eps"]))


def lrn(file: File, layer: LayerReport) -> None:
    """ONNX has the extra channel of an even size after."""
    v = layer.values
    if v["size"] % 2 == 0 and layer.env.dialect.lrn_before_is_larger:
        raise unsaid(layer, f"{v['size']} channels of which the extra one stands before", "an odd size")
    alpha, beta, offset = [float(v[key]) for key in ("alpha", "beta", "offset")]
    between(file, layer, "LRN", size=v["size"], alpha=alpha, beta=beta, bias=offset)


WRITERS: dict[str, Writing] = {
    "conv": conv,
    "dwconv": conv,
    "sepconv": sepconv,
    "convT": transposed,
    "maxpool": pool("MaxPool"),
    "avgpool": pool("AveragePool"),
    "lppool": pool("LpPool"),
    "globalmaxpool": global_pool("GlobalMaxPool", "ReduceMax"),
    "globalavgpool": global_pool("GlobalAveragePool", "ReduceMean"),
    "adaptivemaxpool": adaptive("MaxPool"),
    "adaptiveavgpool": adaptive("AveragePool"),
    "upsample": upsample,
    "pixelshuffle": pixelshuffle,
    "batchnorm": batchnorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "lrn": lrn,
}
