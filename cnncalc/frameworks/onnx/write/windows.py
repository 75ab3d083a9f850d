"""Ops with a window, and ops that work channel by channel, on values with channels first."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ....layers import ConvKind
from ....layers.names import ONNX
from ....layers.sliding import place
from ....registry import Registry
from ....report import LayerReport
from ....sizes import known
from ....window import extent
from .file import IN_NUMBERS, OnnxFile, OnnxWriter, inexpressible, numbers, renamed, weight_shape

WORDS = {"same": "SAME_UPPER", "same_upper": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}
AFFINE = (("Mul", "weight", "scale", 1.0), ("Add", "bias", "center", 0.0))
"""For each trainable array: its operator, its role, the key that says whether it exists, and the neutral value."""
WRITERS: Registry[str, OnnxWriter] = Registry()


def between(file: OnnxFile, layer: LayerReport, op: str, weights: Sequence[str] = (), **attributes: Any) -> None:
    """Add the node of a layer that works on a map's channels and space."""
    file.end(layer, op, [channels_first(file, layer), *weights], first=True, **attributes)


def channels_first(file: OnnxFile, layer: LayerReport) -> str:
    """Return the name of a layer's input with channels before space."""
    return file.reads(layer, first=True)[0]


def window(layer: LayerReport) -> dict[str, Any]:
    """Return the attributes of a window. Raise SpecError for a padding word with open sizes that ONNX lacks."""
    v = layer.values
    attributes: dict[str, Any] = {"kernel_shape": v["k"], "strides": v["s"], "dilations": v["d"]}
    if not isinstance(v["p"], str):
        return attributes | {"pads": [p[0] for p in v["p"]] + [p[1] for p in v["p"]]}
    if v["p"] not in WORDS:
        raise inexpressible(layer, f"padding {v['p']} of open sizes")
    return attributes | {"auto_pad": WORDS[v["p"]]}


def kernel(file: OnnxFile, layer: LayerReport, role: str = "weight") -> str:
    """Add a kernel, whose last axes are the window, and return its name. Raise SpecError if it is flipped.

    A convolution's is (c_o, c_i/g, k), a depthwise one's (c_i*multiplier, 1, k), a transposed one's (c_i, c_o/g, k).
    """
    if layer.values["flip"]:
        raise inexpressible(layer, "a flipped kernel", "remove flip, and flip the kernel")
    if not file.last:
        return file.weight(layer, role)
    *k, each, out = weight_shape(layer, role)
    nd = len(k)
    if role == "depthwise" or layer.node.layer.CONVOLUTION is ConvKind.DEPTHWISE:
        shape, order = [each * out, 1, *k], (nd, nd + 1, *range(nd))
    else:
        shape, order = [out, each, *k], (nd + 1, nd, *range(nd))
    return file.weight(layer, role, shape, order)


def bias(file: OnnxFile, layer: LayerReport) -> list[str]:
    """Add a layer's bias, if it has one, and return its name in a list."""
    return [file.weight(layer, "bias")] if layer.values["bias"] else []


@WRITERS.register("conv", "dwconv")
def conv(file: OnnxFile, layer: LayerReport) -> None:
    """Write one Conv; a depthwise one has one group per channel."""
    v = layer.values
    group = v["g"] if "g" in v else v["c_i"]
    between(file, layer, "Conv", [kernel(file, layer), *bias(file, layer)], group=group, **window(layer))


@WRITERS.register("sepconv")
def sepconv(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Conv with one group per channel, and a 1x1 Conv."""
    reads = [channels_first(file, layer), kernel(file, layer, "depthwise")]
    made = file.step(layer, "depthwise", "Conv", reads, group=layer.values["c_i"], **window(layer))
    reads = [made, kernel(file, layer, "pointwise"), *bias(file, layer)]
    file.end(layer, "Conv", reads, first=True, kernel_shape=[1] * len(layer.values["k"]))


@WRITERS.register("convT")
def transposed(file: OnnxFile, layer: LayerReport) -> None:
    """Write one ConvTranspose. What `output_padding` cannot express is padded with zeros, to which the bias is added.

    onnxruntime refuses the `output_shape` that would express it.
    """
    v, weight = layer.values, kernel(file, layer)
    attributes = window(layer) | {"group": v["g"]}
    limits = [max(s, d) for s, d in zip(v["s"], v["d"], strict=True)]
    if all(extra < limit for extra, limit in zip(v["out_pad"], limits, strict=True)):
        attributes |= {"output_padding": v["out_pad"]} if any(v["out_pad"]) else {}
        between(file, layer, "ConvTranspose", [weight, *bias(file, layer)], **attributes)
        return
    kept = [max(after - extra, 0) for (_, after), extra in zip(v["p"], v["out_pad"], strict=True)]
    more = [extra - after + left for (_, after), extra, left in zip(v["p"], v["out_pad"], kept, strict=True)]
    attributes["pads"] = [*[before for before, _ in v["p"]], *kept]
    reads, nothing = [channels_first(file, layer), weight], [0] * len(kept)
    x = file.step(layer, "inside", "ConvTranspose", reads, **attributes)
    pads = file.constant(layer, "pads", [0, 0, *nothing, 0, 0, *more])
    if not v["bias"]:
        file.end(layer, "Pad", [x, pads], first=True)
        return
    x = file.step(layer, "whole", "Pad", [x, pads])
    finish(file, layer, [("Add", file.weight(layer, "bias", [v["c_o"], *[1 for _ in kept]]))], x)


def ceil_mode(layer: LayerReport) -> int:
    """Return the `ceil_mode` that gives the layer's number of windows. Raise SpecError if neither does.

    ONNX drops a last window that would start in the padding after; here `ceil` may keep it.
    """
    v = layer.values
    space, out = [layer.node.layer.split(sample, layer.env)[1] for sample in (layer.sample, layer.traced.out)]
    for up in dict.fromkeys((bool(v["ceil"]), False)):
        if tuple([slide.out for slide in place(space, v["k"], v["s"], v["d"], v["p"], up)]) == out:
            return int(up)
    raise inexpressible(layer, "a last window that starts beyond the input and is kept", "ceil=false drops it")


def overhangs(layer: LayerReport) -> bool:
    """Return whether a window of a pool ends beyond the map and its padding, or may do so with open sizes."""
    v, ends = layer.values, []
    space, out = [layer.node.layer.split(sample, layer.env)[1] for sample in (layer.sample, layer.traced.out)]
    for n, o, k, s, d, p in zip(space, out, v["k"], v["s"], v["d"], v["p"], strict=True):
        is_known = isinstance(n, int) and isinstance(o, int)
        ends.append((o - 1) * s + extent(k, d) > n + sum(p) if is_known else bool(v["ceil"]))
    return any(ends)


@WRITERS.register("maxpool", "avgpool", "lppool")
def pool(file: OnnxFile, layer: LayerReport) -> None:
    """Write a sliding pool."""
    v, op = layer.values, layer.node.layer.WORD
    more: dict[str, Any] = {"ceil_mode": ceil_mode(layer)}
    if op == "avgpool":
        more["count_include_pad"] = int(v["count_include_pad"])
    if op == "lppool":
        if layer.env.dialect.lp_signed and (v["norm"] % 2 or overhangs(layer)):
            what = "signed powers" if v["norm"] % 2 else "a clipped window that counts as a full one"
            raise inexpressible(layer, f"PyTorch's lppool: {what}", "an even norm, and ceil=false")
        if v["norm"] != int(v["norm"]) or v["norm"] < 1:
            raise inexpressible(layer, f"an Lp pool of norm {v['norm']}", "a whole number from 1 on")
        more["p"] = int(v["norm"])
    between(file, layer, ONNX[op].word, **window(layer), **more)


@WRITERS.register("globalmaxpool", "globalavgpool")
def global_pool(file: OnnxFile, layer: LayerReport) -> None:
    """Write a global pool; if it drops its axes, a reduction over them."""
    if layer.values["keepdims"]:
        between(file, layer, ONNX[layer.op].word)
        return
    axes = file.constant(layer, "axes", list(range(2, len(layer.sample) + 1)))
    reduction = "ReduceMax" if layer.op == "globalmaxpool" else "ReduceMean"
    file.node(reduction, [channels_first(file, layer), axes], layer.name, keepdims=0)


@WRITERS.register("adaptivemaxpool", "adaptiveavgpool")
def adaptive(file: OnnxFile, layer: LayerReport) -> None:
    """Write a pool with windows of one size, if the output sizes divide the input's."""
    space = slice(0, -1) if file.last else slice(1, None)
    have, want = [numbers(layer, full[space], "adaptive pools") for full in (layer.sample, layer.traced.out)]
    for n, o in zip(have, want, strict=True):
        if n % o:
            raise inexpressible(
                layer, f"windows of different sizes: {n} into {o}", ("use an output size that divides the input size")
            )
    k = [n // o for n, o in zip(have, want, strict=True)]
    between(file, layer, ONNX[layer.op.removeprefix("adaptive")].word, kernel_shape=k, strides=k)


@WRITERS.register("upsample")
def upsample(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Resize of the spatial axes."""
    v, dialect = layer.values, layer.env.dialect
    mode = "cubic" if "cubic" in v["mode"] else "nearest" if v["mode"] == "nearest" else "linear"
    more: dict[str, Any] = {"mode": mode}
    if "factor" in v:
        space = slice(0, -1) if file.last else slice(1, None)
        pairs = zip(layer.sample[space], layer.traced.out[space], v["factor"], strict=True)
        copies = v.get("antialias") or (mode == "linear" and "where" not in v)  # axes that keep their size are copied
        factors = [1.0 if copies and n == out else float(by) for n, out, by in pairs]
        by = ["", file.constant(layer, "scales", [1.0, 1.0, *factors])]
    elif isinstance(samples := file.samples(layer), int):
        by = ["", "", file.constant(layer, "sizes", [samples, channels(layer), *v["out"]])]
    else:
        by = ["", "", file.constant(layer, "sizes", v["out"])]
        more["axes"] = list(range(2, len(layer.sample) + 1))
    where = v.get("where", "asymmetric" if mode == "nearest" else "half_pixel")
    more["coordinate_transformation_mode"] = "align_corners" if v["align"] else where
    if mode == "nearest":
        more["nearest_mode"] = v.get("round", "floor")
    if v.get("antialias"):
        more |= {"antialias": 1, "exclude_outside": int(v.get("exclude_outside", dialect.cubic_leaves_out))}
    if mode == "cubic":
        leaves_out = v.get("exclude_outside", dialect.cubic_leaves_out)
        more |= {"cubic_coeff_a": float(v.get("cubic", dialect.cubic)), "exclude_outside": int(leaves_out)}
    between(file, layer, "Resize", by, **more)


def channels(layer: LayerReport) -> int:
    """Return the number of input channels. Raise SpecError if it is open."""
    count = known(layer.sample[-1 if layer.env.channels_last else 0])
    if count is None:
        raise inexpressible(layer, "weights of open sizes", IN_NUMBERS)
    return count


def by_channel(layer: LayerReport) -> list[int]:
    """Return the shape of one number per channel that broadcasts with a channels-first sample."""
    return [channels(layer), *[1] * (len(layer.sample) - 1)]


def affine(file: OnnxFile, layer: LayerReport, shape: Sequence[int], arrays: Any = AFFINE) -> list[str]:
    """Return the names of a norm's weight and bias; constants of ones and zeros if it has none."""
    return [
        file.weight(layer, role, shape)
        if layer.values[key]
        else file.constant(layer, role, [plain] * prod(shape), shape)
        for _, role, key, plain in arrays
    ]


def scaling(file: OnnxFile, layer: LayerReport) -> list[tuple[str, str]]:
    """Return the Mul and Add for a layer's weight and bias per channel, if it has them."""
    own = [(op, role) for op, role, key, _ in AFFINE if layer.values[key]]
    return [(op, file.weight(layer, role, by_channel(layer))) for op, role in own]


def finish(file: OnnxFile, layer: LayerReport, steps: Sequence[tuple[str, str]], x: str | None = None) -> None:
    """Add (operator, second operand) pairs one after another, on x or on the layer's input with channels first."""
    x = channels_first(file, layer) if x is None else x
    *others, (last, operand) = steps or [("Identity", "")]
    for op, second in others:
        x = file.step(layer, op.lower(), op, [x, second])
    file.end(layer, last, [x, operand] if operand else [x], first=True)


@WRITERS.register("batchnorm", "instancenorm")
def norm(file: OnnxFile, layer: LayerReport) -> None:
    """Write a norm per channel; a batchnorm is written in inference mode."""
    c = [channels(layer)]
    statistics = [role for role in layer.weight_shapes() if role.startswith("running_")]
    weights = [*affine(file, layer, c), *[file.weight(layer, role, c) for role in statistics]]
    between(file, layer, ONNX[layer.node.layer.WORD].word, weights, **renamed(layer))


@WRITERS.register("groupnorm")
def groupnorm(file: OnnxFile, layer: LayerReport) -> None:
    """Write each group as one channel of an InstanceNormalization, then a weight and bias per channel.

    PyTorch exports it like this, too: onnx infers no shape for GroupNormalization.
    """
    x, g = channels_first(file, layer), layer.values["g"]
    plain = [file.constant(layer, part, [n] * g) for part, n in (("ones", 1.0), ("zeros", 0.0))]
    apart = file.step(layer, "apart", "Reshape", [x, file.constant(layer, "groups", [0, g, -1])])
    made = file.step(layer, "made", "InstanceNormalization", [apart, *plain], epsilon=float(layer.values["eps"]))
    shape = file.step(layer, "shape", "Shape", [x])
    finish(file, layer, [("Reshape", shape), *scaling(file, layer)], made)


@WRITERS.register("lrn")
def lrn(file: OnnxFile, layer: LayerReport) -> None:
    """Write an LRN, in which an even size has its extra channel after. Raise SpecError if the dialect has it before."""
    v = layer.values
    if v["size"] % 2 == 0 and layer.env.dialect.lrn_before_is_larger:
        raise inexpressible(layer, f"{v['size']} channels with the extra one before", "an odd size")
    if v["alpha"] <= 0 or v["beta"] <= 0:  # onnxruntime refuses them (core/providers/cpu/nn/lrn.h)
        raise inexpressible(layer, f"an lrn of alpha {v['alpha']} and beta {v['beta']}", "give numbers above 0")
    between(file, layer, "LRN", **renamed(layer))
