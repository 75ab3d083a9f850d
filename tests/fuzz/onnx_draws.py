"""Random ONNX graphs: one node, several with joins, or a whole network, and what onnxruntime says about each.

A node of the tables is drawn for the current value, and runs alone in onnxruntime at once. If it is rejected, another
one is drawn. The outputs of the single nodes must also be those of the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from random import Random
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import cnncalc
from cnncalc.frameworks.onnx.read import read
from cnncalc.sources import imported

from . import onnx_facts
from .draws import SIZES, Drawn, Impossible, axes_of, axis_of, divisor, flag, split_of
from .measure import Fact, difference

Shape = tuple[int, ...]
OPSETS = (9, 10, 11, 12, 13, 14, 17, 18, 20, 21)
ort.set_default_logger_severity(4)


class Kept(NamedTuple):
    """An array of the file."""

    value: Any
    counts: str = ""
    """`params`, `buffers`, or empty for sizes, bounds and scales."""
    loose: bool = True
    """Whether it may also be in a Constant node: a table that is added then does not count as trainable."""


class Op(NamedTuple):
    """A node: its operator, its inputs ("x", "y", an array of the file or "" for none), and its attributes."""

    kind: str
    reads: Sequence[Any]
    attributes: dict[str, Any] = {}
    out: int = 0
    """The index of the output that later nodes read."""
    outs: int = 1


Draw = Callable[["Scene"], "Op | None"]


class Scene(NamedTuple):
    """What a node is drawn for."""

    r: Random
    x: Any
    opset: int

    @property
    def shape(self) -> Shape:
        """Return the sizes of the value, including the batch."""
        return tuple(self.x.shape)

    def trained(self, *shape: int) -> Kept:
        """Return a trainable array."""
        return Kept(floats(self.r, *shape), "params")

    def axes(self) -> list[int]:
        """Return some axes other than the batch; negative ones only if the operator set supports them."""
        axes = axes_of(self.r, self.shape)
        return [axis % len(self.shape) for axis in axes] if self.opset < 11 else list(axes)

    def axis(self) -> int:
        """Return an axis that is not the batch."""
        axis = axis_of(self.r, self.shape)
        return axis % len(self.shape) if self.opset < 11 else axis


def floats(r: Random, *shape: int) -> Any:
    """Return random values."""
    return np.random.default_rng(r.randrange(1 << 30)).uniform(-0.8, 0.8, shape).astype(np.float32)


def whole(*values: int) -> Kept:
    """Return integers: sizes, axes, indices."""
    return Kept(np.array(values, np.int64))


def axes_given(scene: Scene, since: int, axes: list[int]) -> tuple[list[Any], dict[str, Any]]:
    """Return axes as an input, or, before the operator set `since`, as an attribute."""
    return ([whole(*axes)], {}) if scene.opset >= since else ([], {"axes": axes})


def _windows(s: Scene, nd: int, k: int = 4) -> dict[str, Any]:
    r = s.r
    given: dict[str, Any] = {"kernel_shape": [r.randint(1, k) for _ in range(nd)]}
    if flag(r, 0.7):
        given["strides"] = [r.randint(1, 3) for _ in range(nd)]
    if flag(r, 0.2):
        given["auto_pad"] = r.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    elif flag(r, 0.7):
        given["pads"] = [r.randint(0, 2) for _ in range(2 * nd)]
    return given


def _conv(s: Scene) -> Op | None:
    nd, c = len(s.shape) - 2, s.shape[1]
    if nd not in (1, 2, 3):
        return None
    g, given = divisor(s.r, c), _windows(s, nd)
    out = g * s.r.randint(1, 3)
    if flag(s.r, 0.3):
        given["dilations"] = [s.r.randint(1, 2) for _ in range(nd)]
    kernel = given["kernel_shape"] if flag(s.r) else given.pop("kernel_shape")
    bias = [s.trained(out)] if flag(s.r, 0.6) else []
    return Op("Conv", ["x", s.trained(out, c // g, *kernel), *bias], {"group": g, **given})


def _conv_transposed(s: Scene) -> Op | None:
    nd, c = len(s.shape) - 2, s.shape[1]
    if nd not in (1, 2, 3):
        return None
    g, given = divisor(s.r, c), _windows(s, nd)
    out = s.r.randint(1, 3)
    if flag(s.r, 0.3):
        given["output_padding"] = [s.r.randint(0, 1) for _ in range(nd)]
    if flag(s.r, 0.2):
        given["output_shape"] = [n * s.r.randint(1, 2) + s.r.randint(0, 2) for n in s.shape[2:]]
        given.pop("pads", None)
    if flag(s.r, 0.2):
        given["dilations"] = [s.r.randint(1, 2) for _ in range(nd)]
    bias = [s.trained(out * g)] if flag(s.r) else []
    return Op("ConvTranspose", ["x", s.trained(c, out, *given["kernel_shape"]), *bias], {"group": g, **given})


def _pool(s: Scene) -> Op | None:
    nd = len(s.shape) - 2
    if nd not in (1, 2, 3):
        return None
    kind = s.r.choice(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool", "Global"])
    if kind == "Global":
        return Op(s.r.choice(["GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"]), ["x"])
    given = _windows(s, nd)
    if s.opset >= 10 and kind != "LpPool" and flag(s.r, 0.4):
        given["ceil_mode"] = 1
    if kind == "MaxPool" and s.opset >= 10 and flag(s.r, 0.3):
        given["dilations"] = [s.r.randint(1, 2) for _ in range(nd)]
    if kind == "AveragePool":
        given["count_include_pad"] = int(flag(s.r))
    if kind == "LpPool":
        given["p"] = s.r.choice([1, 2, 3])
    return Op(kind, ["x"], given)


def _norm(s: Scene) -> Op | None:
    nd, c, r = len(s.shape) - 2, s.shape[1], s.r
    kind = r.randrange(8)
    eps = {"epsilon": r.choice([1e-5, 1e-3])}
    if kind <= 1:
        positive = np.abs(floats(r, c)) + np.float32(0.3)
        arrays = [s.trained(c), s.trained(c), Kept(floats(r, c), "buffers"), Kept(positive, "buffers")]
        return Op("BatchNormalization", ["x", *arrays], eps)
    if kind == 2 and nd >= 1:
        return Op("InstanceNormalization", ["x", s.trained(c), s.trained(c)], eps)
    if kind == 3 and s.opset >= 17:
        axis = s.axis()
        rest = s.shape[axis % len(s.shape) :]
        bias = [s.trained(*rest)] if flag(r) else []
        return Op("LayerNormalization", ["x", s.trained(*rest), *bias], {"axis": axis, **eps})
    if kind == 4 and s.opset >= 21 and nd >= 1:
        return Op("GroupNormalization", ["x", s.trained(c), s.trained(c)], {"num_groups": divisor(r, c), **eps})
    if kind == 5 and nd == 2:
        return Op("LRN", ["x"], {"size": r.choice([1, 3, 5]), "alpha": 0.1, "beta": 0.75, "bias": 1.5})
    if kind == 6:
        return Op("LpNormalization", ["x"], {"axis": s.axis(), "p": r.choice([1, 2])})
    return Op("MeanVarianceNormalization", ["x"], {"axes": list(range(2, len(s.shape)))}) if nd else None


def _linear(s: Scene) -> Op | None:
    out, r = s.r.randint(1, 6), s.r
    if len(s.shape) == 2 and flag(r):
        turned = int(flag(r))
        weight = s.trained(out, s.shape[1]) if turned else s.trained(s.shape[1], out)
        given = {"transB": turned, "alpha": r.choice([1.0, 1.0, 0.5]), "beta": r.choice([1.0, 1.0, 2.0])}
        return Op("Gemm", ["x", weight, *([s.trained(out)] if flag(r, 0.8) or s.opset < 11 else [])], given)
    return Op("MatMul", ["x", s.trained(s.shape[-1], out)])


ACTIVATIONS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("Relu", {}, 1), ("LeakyRelu", {"alpha": 0.2}, 1), ("LeakyRelu", {}, 1), ("Elu", {"alpha": 0.6}, 1),
    ("Selu", {}, 1), ("Selu", {"alpha": 1.1, "gamma": 0.9}, 1), ("Celu", {"alpha": 0.7}, 12), ("Sigmoid", {}, 1),
    ("Tanh", {}, 1), ("Softplus", {}, 1), ("Softsign", {}, 1), ("HardSigmoid", {}, 1),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}, 1), ("HardSwish", {}, 14), ("Mish", {}, 18), ("Gelu", {}, 20),
    ("Gelu", {"approximate": "tanh"}, 20), ("ThresholdedRelu", {"alpha": 0.4}, 10),
    ("Shrink", {"lambd": 0.3, "bias": 0.1}, 9), ("Identity", {}, 1), ("Dropout", {}, 1),
)  # fmt: skip


def _activation(s: Scene) -> Op | None:
    kind = s.r.randrange(6)
    if kind == 0:
        return Op(s.r.choice(["Softmax", "LogSoftmax", "Hardmax"]), ["x"], {"axis": s.axis()} if flag(s.r, 0.8) else {})
    if kind == 1:
        slope = s.r.choice([(s.shape[1], *[1] * (len(s.shape) - 2)), (1,)])
        return Op("PRelu", ["x", s.trained(*slope)])
    if kind == 2:
        low, high = np.float32(-0.4), np.float32(0.6)
        if s.opset < 11:
            return Op("Clip", ["x"], {"min": float(low), "max": float(high)})
        return Op("Clip", ["x", s.r.choice([Kept(low), ""]), Kept(high)])
    name, given, since = s.r.choice(ACTIVATIONS)
    return Op(name, ["x"], given) if s.opset >= since else None


UNARY = "Abs Neg Exp Floor Ceil Round Sign Erf Sin Cos Atan Tan Sinh Asinh Reciprocal Sqrt Log".split()


def _unary(s: Scene) -> Op | None:
    name = s.r.choice(UNARY)
    return Op(name, ["x"]) if s.opset >= 11 or name != "Round" else None


def _constant(s: Scene) -> Op | None:
    """Return arithmetic with an array: of the full shape, one number per channel, or a single number."""
    r = s.r
    sizes = [n if flag(r) else 1 for n in s.shape[1:]]
    first = next((at for at, n in enumerate(sizes) if n > 1), len(sizes))
    shape = r.choice([sizes, sizes[first:], [], [1, *sizes]])
    name = r.choice(["Add", "Mul", "Sub", "Div", "Add", "Mul", "Pow", "Max", "Min"])
    value = Kept(np.float32(2.0)) if name == "Pow" else Kept(np.abs(floats(r, *shape)) + np.float32(0.1))
    if name != "Pow":  # for a single number, the file does not say whether it is trainable
        trained = value.value.size > 1 and name in ("Add", "Mul", "Sub", "Div")
        value = value._replace(counts="params" if trained else "unsaid", loose=False)
    return Op(name, ["x", value] if flag(r, 0.7) or name == "Pow" else [value, "x"])


def _reduce(s: Scene) -> Op | None:
    name = s.r.choice(["Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "LogSumExp", "SumSquare", "LogSum"])
    since = 13 if name == "Sum" else 18
    reads, given = axes_given(s, since, s.axes())
    return Op(f"Reduce{name}", ["x", *reads], {**given, "keepdims": int(flag(s.r))})


def _reshape(s: Scene) -> Op | None:
    kind, r, n = s.r.randrange(8), s.r, len(s.shape)
    if kind == 0:
        return Op("Flatten", ["x"], {"axis": r.choice([1, 1, 1, 2, -1] if s.opset >= 11 else [1, 1, 2])})
    if kind == 1:
        order = list(range(1, n))
        r.shuffle(order)
        return Op("Transpose", ["x"], {"perm": [0, *order]})
    if kind == 2 and n < 6:
        reads, given = axes_given(s, 13, [r.randint(1, n)])
        return Op("Unsqueeze", ["x", *reads], given)
    if kind == 3:
        ones = [axis for axis in range(1, n) if s.shape[axis] == 1]
        if not ones:
            return None
        reads, given = axes_given(s, 13, [r.choice(ones)])
        return Op("Squeeze", ["x", *reads], given)
    if kind == 4:
        sizes = [1 if r.random() < 0.4 else n * (2 if n == 1 else 1) for n in s.shape[1:]]
        return Op("Expand", ["x", whole(s.shape[0] if flag(r, 0.3) else 1, *sizes)])
    out = split_of(r, s.shape)
    if out is None:
        return None
    sizes = [0 if at < n - 1 and m == s.shape[at + 1] and flag(r) else m for at, m in enumerate(out)]
    if flag(r, 0.4):
        sizes[r.randrange(len(sizes))] = -1
        return Op("Reshape", ["x", whole(0, *sizes)])
    return Op("Reshape", ["x", whole(r.choice([0, -1]), *sizes)])


def _select(s: Scene) -> Op | None:
    r, axis = s.r, s.axis()
    n, kind = s.shape[axis], r.randrange(6)
    if kind <= 1:
        a, b = sorted((r.randint(0, n), r.randint(0, n)))
        if a == b:
            return None
        if s.opset < 10:
            return Op("Slice", ["x"], {"starts": [a], "ends": [b], "axes": [axis]})
        if flag(r, 0.3):
            return Op("Slice", ["x", whole(-1), whole(-n - 1), whole(axis), whole(-r.randint(1, 2))])
        return Op(
            "Slice",
            ["x", whole(a), whole(r.choice([b, b - n if b < n else 2**40])), whole(axis), whole(r.randint(1, 2))],
        )
    if kind == 2:
        places = np.array(r.choice([r.randrange(n), [r.randrange(-n, n) for _ in range(r.randint(1, 3))]]), np.int64)
        return Op("Gather", ["x", Kept(places if s.opset >= 11 else np.abs(places) % n)], {"axis": axis})
    if kind == 3:
        parts = [part for part in (r.randint(0, n), 0) if part]
        parts = [parts[0], n - parts[0]] if parts and parts[0] < n else [n]
        given = {} if s.opset >= 13 else {"split": parts}
        reads = [whole(*parts)] if s.opset >= 13 else []
        return Op("Split", ["x", *reads], {"axis": axis, **given}, r.randrange(len(parts)), len(parts))
    if kind == 4:
        return Op("Tile", ["x", whole(1, *(r.randint(1, 2) for _ in s.shape[1:]))])
    if s.opset < 11:
        return None
    return Op(
        "CumSum", ["x", Kept(np.array(axis, np.int64))], {"exclusive": int(flag(r, 0.3)), "reverse": int(flag(r, 0.3))}
    )


def _border(s: Scene) -> Op | None:
    r, n = s.r, len(s.shape)
    low = -1 if flag(r, 0.2) else 0
    sides = [[r.randint(low, 2) if axis and (axis > 1 or flag(r, 0.2)) else 0 for axis in range(n)] for _ in "ab"]
    mode = r.choice(["constant", "constant", "reflect", "edge", *["wrap"] * (s.opset >= 19)])
    if s.opset < 11:
        return Op("Pad", ["x"], {"pads": sides[0] + sides[1], "mode": mode, "value": r.choice([0.0, 0.5])})
    value = [Kept(np.float32(0.5))] if mode == "constant" and flag(r) else []
    return Op("Pad", ["x", whole(*sides[0], *sides[1]), *value], {"mode": mode})


def _resample(s: Scene) -> Op | None:
    nd, r = len(s.shape) - 2, s.r
    if nd not in (1, 2, 3):
        return None
    if nd == 2 and flag(r, 0.25):
        size = {"blocksize": r.choice([1, 2, 3])}
        order = {"mode": r.choice(["DCR", "CRD"])} if s.opset >= 11 else {}
        return Op("DepthToSpace", ["x"], {**size, **order}) if flag(r) else Op("SpaceToDepth", ["x"], size)
    factors = [r.choice([1.0, 2.0, 2.0, 3.0, 1.5, 0.5, 0.7]) for _ in range(nd)]
    scales = Kept(np.array([1, 1, *(max(1.0, float(int(n))) if s.opset == 9 else n for n in factors)], np.float32))
    if s.opset < 11:
        return Op("Upsample" if s.opset == 9 else "Resize", ["x", scales], {"mode": "nearest"})
    mode = r.choice(["nearest", "linear", "linear", *["cubic"] * (nd == 2)])
    turns = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    turn = r.choice([*turns, *["half_pixel_symmetric"] * (s.opset >= 19)])
    given: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": turn}
    if mode == "nearest":
        given["nearest_mode"] = r.choice(["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"])
    if mode == "cubic" and flag(r):
        given |= {"cubic_coeff_a": r.choice([-0.5, -0.75]), "exclude_outside": int(flag(r, 0.3))}
    none = Kept(np.zeros(0, np.float32)) if s.opset < 13 else ""
    if flag(r):
        return Op("Resize", ["x", none, scales], given)
    return Op("Resize", ["x", none, none, whole(*s.shape[:2], *(r.randint(1, 11) for _ in range(nd)))], given)


def _product(s: Scene) -> Op | None:
    r, n = s.r, len(s.shape)
    kind = r.randrange(4)
    if kind == 0 and n == 3:
        return (
            Op("Einsum", ["x", "x"], {"equation": r.choice(["ntc,nsc->nts", "nct,ncs->nts", "ntc,nsc->nst"])})
            if s.opset >= 12
            else None
        )
    if kind == 1 and n == 4 and s.opset >= 12:
        return Op("Einsum", ["x", s.trained(s.shape[1], r.randint(1, 3))], {"equation": "nchw,cd->ndhw"})
    if kind == 2 and n == 3 and s.shape[1] == s.shape[2]:
        return Op("MatMul", ["x", "x"])
    return None


def _quantized(s: Scene) -> Op | None:
    if s.opset < 10:
        return None
    return Op("Quantized", ["x", Kept(np.float32(0.02)), Kept(np.array(s.r.randint(0, 255), np.uint8))])


def _join(s: Scene) -> Op | None:
    name = s.r.choice(["Add", "Mul", "Sub", "Max", "Min", "Sum", "Mean", "Add", "Mul"])
    return Op(name, ["x", "y"] if flag(s.r, 0.8) else ["y", "x"])


def _concat(s: Scene) -> Op | None:
    return Op("Concat", s.r.choice([["x", "y"], ["y", "x"], ["x", "y", "x"]]), {"axis": s.axis()})


FAMILIES: dict[str, tuple[Draw, int]] = {
    "conv": (_conv, 6), "convT": (_conv_transposed, 3), "pool": (_pool, 5), "norm": (_norm, 4), "linear": (_linear, 3),
    "activation": (_activation, 4), "unary": (_unary, 2), "constant": (_constant, 4), "reduce": (_reduce, 3),
    "reshape": (_reshape, 4), "select": (_select, 4), "border": (_border, 3), "resample": (_resample, 4),
    "product": (_product, 2), "quantized": (_quantized, 1), "join": (_join, 3), "concat": (_concat, 2),
}  # fmt: skip
INPUTS: tuple[Callable[[Random], Shape], ...] = (
    lambda r: (r.randint(2, 6),),
    lambda r: (r.randint(1, 6), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES), r.choice(SIZES)),
    lambda r: (r.randint(1, 4), r.randint(1, 6), r.randint(1, 7), r.randint(1, 7)),
)
HEADS = (
    ("conv", "norm", "activation"),
    ("conv", "constant", "activation"),
    ("conv", "activation", "join"),
    ("pool",),
    ("resample", "conv"),
    ("linear", "activation"),
)


class Graph:
    """The nodes drawn so far, with the value of each."""

    def __init__(self, r: Random, x: Any):
        self.r, self.opset = r, r.choice(OPSETS)
        self.values, self.names, self.nodes = [x], ["x"], list[onnx.NodeProto]()
        self.kept: list[Any] = []
        self.lines: list[str] = []
        self.counts = {"params": 0, "buffers": 0, "unsaid": 0}
        self.macs = 0

    def add(self, op: Op, other: int) -> bool:
        """Add a node that reads the last value, and run it. Return whether onnxruntime accepts it."""
        here = {"x": self.names[-1], "y": self.names[other], "": ""}
        names, arrays = [], list[Any]()
        for one in op.reads:
            if isinstance(one, str):
                names.append(here[one])
            else:
                names.append(f"a{len(self.kept) + len(arrays)}")
                arrays.append((names[-1], one))
        outs = [f"v{len(self.nodes) + 1}{f'_{at}' if op.outs > 1 else ''}" for at in range(op.outs)]
        if not (_fits(op, self.values[-1].shape) and _is_decided(op, self.values[-1], self.opset)):
            return False
        if op.kind == "Quantized":
            middle = f"{outs[0]}_q"
            nodes = [helper.make_node("QuantizeLinear", names, [middle]),
                     helper.make_node("DequantizeLinear", [middle, *names[1:]], outs)]  # fmt: skip
        else:
            nodes = [helper.make_node(op.kind, names, outs, **op.attributes)]
        read_here = {name: self.values[at] for at, name in enumerate(self.names) if name in names}
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in read_here.items()
        ]
        model = _model(nodes, inputs, [outs[op.out]], arrays, self.opset)
        try:
            value = onnx_facts.session(model).run(None, read_here)[0]
        except Exception:
            return False
        before = max(float(np.abs(one).max()) for one in read_here.values())
        if isinstance(value, np.ndarray) and value.size and 0 < np.abs(value).max() < 1e-4 * before:
            return False  # what remains of sums that cancel is rounding
        if op.kind == "ReduceLogSum" and value.min() < -6:
            return False
        n = self.values[0].shape[0]
        good = (
            isinstance(value, np.ndarray) and value.dtype == np.float32 and 1 <= value.ndim <= 6 and value.shape[0] == n
        )
        if not good or not 0 < value.size < 20_000 or not np.isfinite(value).all() or np.abs(value).max() > 1e4:
            return False
        shapes = {name: v.shape for name, v in read_here.items()} | {name: one.value.shape for name, one in arrays}
        if op.kind in onnx_facts.COUNTED:
            self.macs += onnx_facts.macs(nodes[0], shapes | {outs[op.out]: value.shape})
        if op.kind == "Einsum":
            left, _ = op.attributes["equation"].split("->")
            sizes: dict[str, int] = {}
            for letters, name in zip(left.split(","), names, strict=True):
                sizes |= dict(zip(letters, shapes[name], strict=True))
            self.macs += prod(sizes.values())
        for _, one in arrays:
            if one.counts:
                self.counts[one.counts] += one.value.size
        texts = {
            name: f"{list(one.value.shape)}" if one.value.size > 12 else f"{one.value.tolist()}" for name, one in arrays
        }
        given = "".join(f", {key}={value}" for key, value in op.attributes.items())
        self.lines.append(f"{outs[op.out]} = {op.kind}({', '.join(texts.get(name, name) for name in names)}{given})")
        self.kept += arrays
        self.nodes += nodes
        self.values.append(value)
        self.names.append(outs[op.out])
        return True


def _fits(op: Op, shape: Shape) -> bool:
    """Return whether a window fits into its padded input; onnxruntime rounds below zero to a window that does not."""
    kernel = op.attributes.get("kernel_shape")
    auto = op.attributes.get("auto_pad", "VALID")
    if kernel is None:
        return True
    nd = len(kernel)
    if auto != "VALID":  # onnxruntime crops a negative amount from a short kernel, and pads dilated pools as undilated
        short = any(k < s for k, s in zip(kernel, op.attributes.get("strides", [1] * nd), strict=True))
        return op.kind == "Conv" or not (short or "dilations" in op.attributes)
    if op.kind == "ConvTranspose":
        return True
    pads = op.attributes.get("pads", [0] * 2 * nd) if "auto_pad" not in op.attributes else [0] * 2 * nd
    dilations = op.attributes.get("dilations", [1] * nd)
    return all(
        n + before + after >= d * (k - 1) + 1
        for n, k, d, before, after in zip(shape[2:], kernel, dilations, pads[:nd], pads[nd:], strict=True)
    )


NORMS: dict[str, Callable[[Op, Any], Any]] = {
    **dict.fromkeys(("MeanVarianceNormalization", "InstanceNormalization"), lambda op, x: x.reshape(*x.shape[:2], -1)),
    "GroupNormalization": lambda op, x: x.reshape(len(x), op.attributes["num_groups"], -1),
    "LayerNormalization": lambda op, x: x.reshape(prod(x.shape[: op.attributes["axis"] % x.ndim]), -1),
}
"""A function for each normalization that puts the values of each group on the last axis."""


def _is_decided(op: Op, x: Any, opset: int) -> bool:
    """Return whether a node's values depend on more than rounding: none is near a jump, and norms have a spread.

    For equal values, onnxruntime divides rounding errors by each other: its MeanVarianceNormalization adds nothing to
    the deviation, while ONNX adds 1e-9.
    """
    if op.kind == "Hardmax":
        axis = op.attributes.get("axis", 1 if opset < 13 else -1) % x.ndim
        rows = x.reshape(prod(x.shape[:axis]), -1) if opset < 13 else np.moveaxis(x, axis, -1)
        rows = np.sort(rows, -1)
        return rows.shape[-1] < 2 or bool((rows[..., -1] - rows[..., -2] > 1e-4).all())
    if op.kind in NORMS:
        rows = NORMS[op.kind](op, x)
        return bool((rows.std(-1) > 1e-3 * np.abs(rows).max(-1)).all())
    if op.kind == "Quantized":
        x = x / op.reads[1].value
    if op.kind in ("Round", "Quantized"):
        return bool((np.abs(x - np.floor(x) - 0.5) > 1e-3).all())
    if op.kind in ("Floor", "Ceil"):
        return bool(((np.abs(x - np.round(x)) > 1e-4) | (x == 0)).all())
    return op.kind != "Sign" or bool(((np.abs(x) > 1e-5) | (x == 0)).all())


def _model(
    nodes: list[Any], inputs: list[Any], outputs: list[str], arrays: list[Any], opset: int, inside: Random | None = None
) -> Any:
    """Return a model; with `inside`, some of its arrays are Constant nodes."""
    loose = [inside is not None and one.loose and flag(inside, 0.3) for _, one in arrays]
    tensors = [numpy_helper.from_array(np.asarray(one.value), name) for name, one in arrays]
    constants = [
        helper.make_node("Constant", [], [tensor.name], value=tensor)
        for tensor, apart in zip(tensors, loose, strict=True)
        if apart
    ]
    held = [tensor for tensor, apart in zip(tensors, loose, strict=True) if not apart]
    outs = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph([*constants, *nodes], "drawn", inputs, outs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def draw(r: Random) -> Drawn:
    """Return a case. Raise Impossible if onnxruntime rejects too many draws."""
    kind, weights = r.random(), [weight for _, weight in FAMILIES.values()]
    if kind < 0.4:
        plan = r.choices(list(FAMILIES), weights, k=1)
    elif kind < 0.85:
        plan = r.choices(list(FAMILIES), weights, k=r.randint(2, 5))
    else:
        plan = [family for _ in range(r.randint(2, 4)) for family in r.choice(HEADS)]
    shape = (r.choice([1, 2, 2, 3]), *r.choice(INPUTS)(r))
    graph = Graph(r, floats(r, *shape))
    for family in plan:
        for _ in range(6):
            op = FAMILIES[family][0](Scene(r, graph.values[-1], graph.opset)) if graph.values[-1].ndim > 1 else None
            if op is None:
                break
            ranks = [at for at, value in enumerate(graph.values) if value.ndim == graph.values[-1].ndim]
            if graph.add(op, r.choice(ranks)):
                break
    if not graph.nodes:
        raise Impossible
    named = {0: "N", 1: "C", **{axis: f"S{axis}" for axis in range(2, len(shape))}}
    left_open = r.choice([(), (), (0,), (0, *range(2, len(shape)))])
    dims = [named[axis] if axis in left_open else n for axis, n in enumerate(shape)]
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)
    model = _model(graph.nodes, [info], [graph.names[-1]], graph.kept, graph.opset, r)
    data = model.SerializeToString()
    out = graph.values[-1]
    params = None if graph.counts["unsaid"] else graph.counts["params"]
    fact = Fact(tuple(out.shape), params, graph.counts["buffers"], graph.macs, out)
    text = "; ".join([f"opset {graph.opset} {dims} {shape}", *graph.lines])
    return Drawn(
        text,
        fact,
        lambda: imported(read(data), "drawn"),
        {"x": graph.values[0]},
        None,
        lambda: exact(model, graph.values[0]),
    )


def exact(model: Any, x: Any) -> bool:
    """Return whether rounding explains a difference: onnxruntime's own values change as much with the last bit of x."""
    session, random = onnx_facts.session(model), np.random.default_rng(0)
    want = session.run(None, {"x": x})[0]
    got = np.asarray(cnncalc.run(imported(read(model.SerializeToString()), "drawn"), x))
    nearly = [(x * (1 + 2e-7 * random.uniform(-1, 1, x.shape))).astype(np.float32) for _ in range(8)]
    noise = max(difference(session.run(None, {"x": one})[0], want) for one in nearly)
    return difference(got, want) < 10 * noise
