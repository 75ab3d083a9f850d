"""PyTorch's modules whose arguments are not simply renamed."""

from __future__ import annotations

from math import prod
from typing import Any

from ...errors import SpecError, nearest, shown
from ...layers import OPS, names
from ...layers.resample import EXACT
from ..document import Raw
from .classes import BoundCall, Framework, NamedArgument, Reading, check_allowed, each_rank, per_axis, renamed

TORCH = Framework(
    "torch",
    names.TORCH,
    ignored=(
        *("device", "dtype", "inplace", "momentum", "return_indices", "recompute_scale_factor", "padding_idx"),
        *("max_norm", "norm_type", "scale_grad_by_freq", "sparse", "init", "batch_first", "dropout"),
    ),
    more={
        "MultiheadAttention": ("add_bias_kv", "add_zero_attn"),
        **{f"{norm}Norm{nd}d": ("bias",) for norm in ("Batch", "Instance") for nd in (1, 2, 3)},
        "GroupNorm": ("bias",),
    },
    aliases={"SyncBatchNorm": "BatchNorm2d"},
    nullable=(
        *("stride", "size", "output_size", "scale_factor", "align_corners", "divisor_override", "dim", "eps"),
        *("kdim", "vdim", "value"),
    ),
)


@TORCH.reads(*each_rank("Conv{}d"), *each_rank("ConvTranspose{}d"))
def _conv(bound: BoundCall) -> list[Raw]:
    raw = renamed(bound)
    return padded_apart(raw, bound.get("padding_mode", "zeros"), OPS[bound.op][1] or 2)


def padded_apart(raw: Raw, mode: Any, nd: int) -> list[Raw]:
    """Return a convolution preceded by a pad of PyTorch's `padding_mode`; without a pad for zeros."""
    mode = mode.name if isinstance(mode, NamedArgument) else mode
    if mode == "zeros":
        return [raw]
    modes = ("zeros", "reflect", "replicate", "circular")
    if mode not in modes:
        help = nearest(mode, modes) if isinstance(mode, str) else None
        raise SpecError(f"{shown(mode)} is not a padding_mode", help or f"it is one of {', '.join(modes)}")
    p = raw.pop("p", 0)
    if p in ("same", "valid"):
        k, d = [per_axis(value, nd) for value in (raw.get("k", 1), raw.get("d", 1))]
        totals = [(n - 1) * step if p == "same" else 0 for n, step in zip(k, d, strict=True)]
        p = [[total // 2, total - total // 2] for total in totals]
    if isinstance(p, str):
        raise SpecError(f"padding_mode={mode} goes with numbers or same, not with p={p}", "for example p1 or p=same")
    return [{"op": "pad", "p": p, "mode": mode}, raw]


def _lazy(op: str) -> Reading:
    def read(bound: BoundCall) -> list[Raw]:
        own = bound._replace(op=op, table=TORCH.table[OPS[op][0].WORD])
        return _conv(own) if "conv" in op else [renamed(own)]

    return read


for _family in ("conv", "convT", "batchnorm", "linear"):
    for _kind, _end in TORCH.table[_family].numbered():
        _op = _family + _end if _family + _end in OPS else _family
        TORCH.reads(f"Lazy{_kind}", arguments=" ".join(TORCH.table[_family].arguments[1:]))(_lazy(_op))


@TORCH.reads(*each_rank("BatchNorm{}d"))
def _batchnorm(bound: BoundCall) -> list[Raw]:
    check_allowed(bound, "track_running_stats", (True,))
    return [_with_bias(bound, renamed(bound))]


def _with_bias(bound: BoundCall, raw: Raw) -> Raw:
    """Return a norm without its bias, if PyTorch's `bias` says so."""
    return raw | {"center": False} if bound.get("bias") is False else raw


@TORCH.reads(*each_rank("InstanceNorm{}d"))
def _instancenorm(bound: BoundCall) -> list[Raw]:
    check_allowed(bound, "track_running_stats", (False,))
    return [_with_weights(bound, {"op": bound.op, "scale": False, "center": False} | renamed(bound))]


@TORCH.reads("GroupNorm")
def _groupnorm(bound: BoundCall) -> list[Raw]:
    return [_with_weights(bound, renamed(bound))]


def _with_weights(bound: BoundCall, raw: Raw) -> Raw:
    """Return a norm with or without weights: without any, PyTorch does not check the number of channels."""
    raw = _with_bias(bound, raw)
    return {key: value for key, value in raw.items() if key != "c_i" or raw.get("scale", True)}


@TORCH.reads("LayerNorm")
def _layernorm(bound: BoundCall) -> list[Raw]:
    raw = _with_bias(bound, renamed(bound))
    sizes = raw.get("sizes")
    return [raw | {"axis": [*range(-len(sizes), 0)]} if isinstance(sizes, list) and len(sizes) > 1 else raw]


@TORCH.reads("Flatten")
def _flatten(bound: BoundCall) -> list[Raw]:
    axes = [bound.get("start_dim", 1), bound.get("end_dim", -1)]
    if axes[0] == 0:
        raise SpecError("a Flatten from axis 0 includes the batch", "to flatten a whole sample: Flatten()")
    return [{"op": "flatten"} if axes == [1, -1] else {"op": "reshape", "out": [-1], "axis": axes}]


@TORCH.reads("Unflatten", arguments="dim unflattened_size")
def _unflatten(bound: BoundCall) -> list[Raw]:
    axis, sizes = bound.get("dim"), bound.get("unflattened_size")
    if type(axis) is not int or not isinstance(sizes, list):
        raise SpecError("Unflatten takes an axis and its new sizes", "for example Unflatten(1, (6, 4, 4))")
    return [{"op": "reshape", "out": sizes, "axis": axis}]


_PADS = {"Zero": "constant", "Constant": "constant", "Reflection": "reflect", "Replication": "replicate"}


@TORCH.reads(
    *[kind for pad in (*_PADS, "Circular") for kind in each_rank(pad + "Pad{}d")],
    arguments="padding value",
)
def _pad(bound: BoundCall) -> list[Raw]:
    """Return a pad: PyTorch names the sides of the last axis first."""
    nd, sides = int(bound.kind[-2]), bound.values.get("padding")
    if type(sides) is not int and not (isinstance(sides, list) and len(sides) == 2 * nd):
        what = f"{bound.kind} takes one number, or {2 * nd}: before and after, the last axis first"
        raise SpecError(what, f"as {bound.kind}(1)")
    pairs = [sides] * nd if isinstance(sides, int) else [sides[2 * n : 2 * n + 2] for n in reversed(range(nd))]
    raw: Raw = {"op": "pad", "p": [[one, one] if isinstance(one, int) else one for one in pairs]}
    if bound.kind.startswith("Constant") and bound.get("value") is None:
        raise SpecError(f"{bound.kind} takes a padding and a value", f"as {bound.kind}(1, 0)")
    mode = _PADS.get(bound.kind[: -len("Pad2d")], "circular")
    if mode != "constant":
        raw["mode"] = mode
    return [raw | ({"value": bound.get("value")} if bound.get("value") else {})]


@TORCH.reads("Hardtanh", arguments="min_val max_val inplace")
def _hardtanh(bound: BoundCall) -> list[Raw]:
    low, high = bound.get("min_val", -1), bound.get("max_val", 1)
    if low >= high:
        raise SpecError(f"Hardtanh: min_val={shown(low)} is not below max_val={shown(high)}")
    return [{"op": "clip", "min": low, "max": high}]


@TORCH.reads("AvgPool2d", "AvgPool3d")
def _avgpool(bound: BoundCall) -> list[Raw]:
    k, divisor = bound.get("kernel_size"), bound.get("divisor_override")
    if divisor is not None:
        what = f"{bound.kind} with divisor_override={shown(divisor)} cannot be read from a call"
        if type(divisor) is not int or not divisor:
            raise SpecError(what, "it must be a whole number other than 0")
        taps = prod(k) if isinstance(k, list) else k ** int(bound.kind[-2])
        raise SpecError(what, f"leave it out, and put after it: rescale:factor={taps / divisor:.6g}")
    return [renamed(bound)]


@TORCH.reads("RReLU", arguments="lower upper inplace")
def _rrelu(bound: BoundCall) -> list[Raw]:
    """Return RReLU as in evaluation mode: a leaky ReLU whose slope is the mean of the bounds."""
    lower, upper = bound.get("lower", 1 / 8), bound.get("upper", 1 / 3)
    if not all(isinstance(one, (int, float)) for one in (lower, upper)) or lower > upper:
        raise SpecError(f"RReLU's lower={shown(lower)} and upper={shown(upper)} are numbers, the first not above")
    return [{"op": "leakyrelu", "alpha": (lower + upper) / 2}]


@TORCH.reads("Softplus")
def _softplus(bound: BoundCall) -> list[Raw]:
    check_allowed(bound, "beta", (1,))
    return [{"op": "softplus"}]


@TORCH.reads("GELU")
def _gelu(bound: BoundCall) -> list[Raw]:
    kind = bound.get("approximate", "none")
    kind = kind.name if isinstance(kind, NamedArgument) else kind
    if kind not in ("none", "tanh"):
        raise SpecError(f"GELU's approximate is none or tanh, not {shown(kind)}")
    return [{"op": "gelu", "approximate": kind == "tanh"} if kind == "tanh" else {"op": "gelu"}]


@TORCH.reads("Upsample")
def _upsample(bound: BoundCall) -> list[Raw]:
    raw = renamed(bound)
    return [{**raw, "mode": "nearest", **EXACT} if raw.get("mode") == "nearest-exact" else raw]


@TORCH.reads("UpsamplingNearest2d", "UpsamplingBilinear2d", arguments="size scale_factor mode")
def _upsampling(bound: BoundCall) -> list[Raw]:
    bilinear = {"mode": "bilinear", "align": True} if "Bilinear" in bound.kind else {}
    return [{**renamed(bound._replace(op="upsample", table=TORCH.table["upsample"])), **bilinear}]


@TORCH.reads(
    *[*each_rank("Dropout{}d"), "AlphaDropout", "FeatureAlphaDropout", "StochasticDepth", "DropPath"],
    arguments="p mode",
)
def _dropout(bound: BoundCall) -> list[Raw]:
    return [{"op": "dropout", "rate": bound.get("p", 0.5)}]


@TORCH.reads("Softmax2d")
def _softmax2d(bound: BoundCall) -> list[Raw]:  # noqa: ARG001 - it takes no arguments
    return [{"op": "softmax", "axis": 1}]


@TORCH.reads("LSTM", "GRU", "RNN")
def _recurrent(bound: BoundCall) -> list[Raw]:
    """Return a layer for each of `num_layers`: all but the first read the output of both directions."""
    check_allowed(bound, "proj_size", (0,))
    first, count = renamed(bound), bound.get("num_layers", 1)
    if type(count) is not int or not 1 <= count <= 1000:
        raise SpecError(f"num_layers is {shown(count)}, not a whole number from 1 to 1,000")
    width = first["out"] * (2 if first.get("bidirectional") else 1)
    return [first, *[{**first, "c_i": width} for _ in range(count - 1)]]


@TORCH.reads("MultiheadAttention")
def _multihead(bound: BoundCall) -> list[Raw]:
    check_allowed(bound, "add_bias_kv", (False,))
    check_allowed(bound, "add_zero_attn", (False,))
    raw = renamed(bound)
    return [raw | ({"c_i": bound.get("embed_dim")} if bound.get("embed_dim") else {})]
