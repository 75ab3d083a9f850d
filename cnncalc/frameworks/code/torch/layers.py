"""PyTorch's own modules, except those for sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..methods import by_name
from ..values import LibraryFunction
from .declaration import NAMES, Arrays, Attributes, Forward, Given, Making, State, lazy_module, module, must
from .modules import method
from .shapes import as_list, listed
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator


# Convolutions


def divides(key: str) -> tuple[Callable[[Attributes], bool], str]:
    """Return the rule that the number of groups divides a convolution's channels."""
    return (
        lambda own: own["groups"] > 0 and own[key] % own["groups"] == 0,
        f"groups={{groups}} does not divide {key}={{{key}}}",
    )


_MODES = ("zeros", "reflect", "replicate", "circular")
_CONVOLVES = must(
    divides("in_channels"),
    divides("out_channels"),
    (lambda own: own["padding_mode"] in _MODES, f"padding_mode={{padding_mode}} is not one of {', '.join(_MODES)}"),
)


def conv_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a convolution."""
    spread(own, nd)
    groups = max(own["groups"], 1)
    shape = (own["out_channels"], own["in_channels"] // groups, *own["kernel_size"])
    return Arrays({"weight": shape, "bias": (own["out_channels"],) if own["bias"] else None})


def spread(own: Attributes, nd: int) -> None:
    """Set a convolution's settings to one value for each axis, as PyTorch does, and its padding for `F.pad`."""
    own["kernel_size"] = tuple(listed(own["kernel_size"], nd, "kernel_size"))
    for key in ("stride", "padding", "output_padding", "dilation"):
        if not isinstance(own.get(key, ""), str):
            own[key] = tuple(as_list(own[key]) * (1 if isinstance(own[key], (list, tuple)) else nd))
    sides = [(one, one) for one in own["padding"]] if isinstance(own["padding"], tuple) else [(0, 0)] * nd
    if own["padding"] == "same":
        totals = [d * (k - 1) for d, k in zip(own["dilation"], own["kernel_size"], strict=False)]
        sides = [(total // 2, total - total // 2) for total in totals]
    own["_reversed_padding_repeated_twice"] = [one for pair in reversed(sides) for one in pair]


def convolve(given: Given) -> Any:
    """Run a convolution; padding with a mode other than zeros is applied to its input first."""
    own, x, padding = given.own, given.x, given.own["padding"]
    if own["padding_mode"] != "zeros":
        x, padding = given.call("pad", x, own["_reversed_padding_repeated_twice"], mode=own["padding_mode"]), 0
    function = f"conv{len(own['kernel_size'])}d"
    return given.call(function, x, own["weight"], own["bias"], own["stride"], padding, own["dilation"], own["groups"])


def refused(own: Attributes, nd: int) -> Arrays:
    """Refuse to make the arrays of a custom class derived directly from the base class of all convolutions."""
    raise NotImplementedError


module("_ConvNd", "*args, **kwargs", state=refused)
_CONV = "in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True"
module(
    "Conv{}d",
    f"{_CONV}, padding_mode='zeros', device=None, dtype=None",
    convolve,
    conv_state,
    _CONVOLVES,
    lazy=0,
    base="_ConvNd",
)


def transposed_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a transposed convolution."""
    spread(own, nd)
    groups = max(own["groups"], 1)
    shape = (own["in_channels"], own["out_channels"] // groups, *own["kernel_size"])
    return Arrays({"weight": shape, "bias": (own["out_channels"],) if own["bias"] else None})


def transpose(given: Given) -> Any:
    """Run a transposed convolution, with the requested output size."""
    own, nd = given.own, len(given.own["kernel_size"])
    names = ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
    values = dict(zip(names, [own[name] for name in names], strict=True))
    size = given.kwargs.get("output_size", given.args[1] if given.args[1:] else None)
    if size is not None:
        values["output_padding"] = 0
        plain = given.call(f"conv_transpose{nd}d", given.x, *values.values())
        values["output_padding"] = [b - a for a, b in zip(plain.shape[-nd:], list(size)[-nd:], strict=True)]
    return given.call(f"conv_transpose{nd}d", given.x, *values.values())


_TRANSPOSED = "in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True"
module(
    "ConvTranspose{}d",
    f"{_TRANSPOSED}, dilation=1, padding_mode='zeros', device=None, dtype=None",
    transpose,
    transposed_state,
    _CONVOLVES,
    lazy=0,
    base="_ConvNd",
)


@method(NAMES["torch.nn._ConvNd"], "_conv_forward")
def convolve_by(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Run a convolution with a given weight and bias, as subclasses do."""
    given = by_name("self input weight bias", args, kwargs)
    own = {**given["self"].attributes, "weight": given["weight"], "bias": given["bias"]}
    return convolve(Given(evaluator, own, [given["input"]], {}, node))


# Pooling and windows

module(
    "MaxPool{}d",
    "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False",
    "max_pool{nd}d kernel_size stride padding dilation ceil_mode return_indices=return_indices",
)
_AVERAGE = "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"
_GIVEN = "kernel_size stride padding ceil_mode count_include_pad"
module("AvgPool1d", _AVERAGE, f"avg_pool1d {_GIVEN}")
for _nd in (2, 3):
    module(f"AvgPool{_nd}d", f"{_AVERAGE}, divisor_override=None", f"avg_pool{_nd}d {_GIVEN} divisor_override")
module(
    "LPPool{}d",
    "norm_type, kernel_size, stride=None, ceil_mode=False",
    "lp_pool{nd}d norm_type kernel_size stride ceil_mode",
)
module("AdaptiveAvgPool{}d", "output_size", "adaptive_avg_pool{nd}d output_size")
module("AdaptiveMaxPool{}d", "output_size, return_indices=False", "adaptive_max_pool{nd}d output_size")
module("Unfold", "kernel_size, dilation=1, padding=0, stride=1", "unfold kernel_size dilation padding stride")
module(
    "Fold",
    "output_size, kernel_size, dilation=1, padding=0, stride=1",
    "fold output_size kernel_size dilation padding stride",
)


def unpool(nd: int) -> Forward:
    """Return a `forward` that undoes max pooling on nd axes."""

    def run(given: Given) -> Any:
        own = given.own
        size = given.kwargs.get("output_size", given.args[2] if given.args[2:] else None)
        return given.call(
            f"max_unpool{nd}d", *given.args[:2], own["kernel_size"], own["stride"], own["padding"], output_size=size
        )

    return run


for _nd in (1, 2, 3):
    module(f"MaxUnpool{_nd}d", "kernel_size, stride=None, padding=0", unpool(_nd))

# Linear layers and embeddings


def linear_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a linear layer."""
    shape = (own["out_features"], own["in_features"])
    return Arrays({"weight": shape, "bias": shape[:1] if own["bias"] else None})


module(
    "Linear",
    "in_features, out_features, bias=True, device=None, dtype=None",
    "linear weight bias",
    linear_state,
    lazy=0,
)
module(
    "Bilinear",
    "in1_features, in2_features, out_features, bias=True, device=None, dtype=None",
    lambda given: given.call("bilinear", *given.args, given.own["weight"], given.own["bias"]),
    lambda own, nd: Arrays(
        {
            "weight": (own["out_features"], own["in1_features"], own["in2_features"]),
            "bias": (own["out_features"],) if own["bias"] else None,
        }
    ),
)


def is_row(own: Attributes) -> bool:
    """Return whether the padding index of an embedding is one of its rows, or None."""
    rows, row = own["num_embeddings"], own["padding_idx"]
    return row is None or (type(row) is int and row in range(-rows, rows))


_TABLE = must(
    (is_row, "padding_idx={padding_idx} is not one of num_embeddings={num_embeddings}"),
    (
        lambda own: own["max_norm"] is None or isinstance(own["max_norm"], (int, float)),
        "max_norm={max_norm} is not a number",
    ),
)
module(
    "Embedding",
    "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, "
    "sparse=False, _weight=None, _freeze=False, device=None, dtype=None",
    "embedding weight",
    lambda own, nd: Arrays({"weight": (own["num_embeddings"], own["embedding_dim"])}),
    _TABLE,
)


def bag(given: Given) -> Any:
    """Run an embedding whose rows are summed over the last axis, the same number for each sample."""
    offsets, weights = [*given.args[1:], None, None][:2]
    told = [offsets, weights, *given.kwargs.values()]
    if len(given.x.shape) != 2 or any(one is not None for one in told):
        raise NotImplementedError
    if given.own["padding_idx"] is not None:
        return given.call("embedding_bag", given.x, given.own["weight"])
    rows = given.call("embedding", given.x, given.own["weight"])
    mode = given.own["mode"]
    return given.call("amax" if mode == "max" else mode, rows, dim=1)


module(
    "EmbeddingBag",
    "num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, mode='mean', "
    "sparse=False, _weight=None, include_last_offset=False, padding_idx=None, device=None, dtype=None",
    bag,
    lambda own, nd: Arrays({"weight": (own["num_embeddings"], own["embedding_dim"])}),
    _TABLE,
)

# Normalizations


def norm_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a normalization over channels."""
    own["nd"] = nd
    channels = (own["num_features"],)
    affine, kept = own["affine"], own["track_running_stats"]
    buffers: State = {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()} if kept else {}
    return Arrays(
        {"weight": channels if affine else None, "bias": channels if affine else None},
        buffers or {"running_mean": None, "running_var": None, "num_batches_tracked": None},
    )


def check_rank(given: Given, batch: int) -> None:
    """Raise SpecError for a wrong number of spatial axes; up to `batch` leading axes may be missing."""
    nd, x = given.own["nd"], given.x
    if nd and isinstance(x, TensorValue) and not nd + 2 - batch <= len(x.shape) <= nd + 2:
        raise given.evaluator.error(given.node, f"works on {nd + 2} axes with the batch, gets {len(x.shape)}")


def normalize_batch(given: Given) -> Any:
    """Run a batch normalization, with its running statistics, or with those of the batch if it has none."""
    own = given.own
    check_rank(given, 1 if own["nd"] == 1 else 0)
    training = not own["track_running_stats"]
    arrays = [own[name] for name in ("running_mean", "running_var", "weight", "bias")]
    return given.call("batch_norm", given.x, *arrays, training, own["momentum"], own["eps"])


def normalize_instance(given: Given) -> Any:
    """Run an instance normalization, with the statistics of its input, or with its running statistics."""
    own = given.own
    check_rank(given, 1)
    arrays = [own[name] for name in ("running_mean", "running_var", "weight", "bias")]
    return given.call("instance_norm", given.x, *arrays, not own["track_running_stats"], own["momentum"], own["eps"])


_NORM = "num_features, eps=1e-5, momentum=0.1, affine={}, track_running_stats={}, device=None, dtype=None"
module("_BatchNorm", _NORM.format(True, True), normalize_batch, norm_state)
module("BatchNorm{}d", _NORM.format(True, True), normalize_batch, norm_state, lazy=1, base="_BatchNorm")
module("SyncBatchNorm", _NORM.format(True, True), normalize_batch, norm_state, base="_BatchNorm")
NAMES["torch.nn.SyncBatchNorm"].namespace["convert_sync_batchnorm"] = LibraryFunction(
    "convert_sync_batchnorm", lambda evaluator, args, kwargs, node: args[0] if args else kwargs["module"]
)
module("_InstanceNorm", _NORM.format(False, False), normalize_instance, norm_state)
module("InstanceNorm{}d", _NORM.format(False, False), normalize_instance, norm_state, base="_InstanceNorm")
for _nd in (1, 2, 3):  # with other defaults
    lazy_module(_NORM.format(True, True), normalize_instance, 1, Making(f"InstanceNorm{_nd}d", norm_state, None, _nd))


def last_axes(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a normalization over the last axes."""
    own["normalized_shape"] = tuple(as_list(own["normalized_shape"]))
    affine = own["normalized_shape"] if own["elementwise_affine"] else None
    return Arrays({"weight": affine, **({"bias": affine if own["bias"] else None} if "bias" in own else {})})


module(
    "LayerNorm",
    "normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None",
    "layer_norm normalized_shape weight bias eps",
    last_axes,
)
module(
    "RMSNorm",
    "normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None",
    "rms_norm normalized_shape weight eps",
    last_axes,
)
module(
    "GroupNorm",
    "num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None",
    "group_norm num_groups weight bias eps",
    lambda own, nd: Arrays(dict.fromkeys(("weight", "bias"), (own["num_channels"],) if own["affine"] else None)),
    must(
        (
            lambda own: own["num_groups"] > 0 and own["num_channels"] % own["num_groups"] == 0,
            "num_groups={num_groups} does not divide num_channels={num_channels}",
        )
    ),
)
module("LocalResponseNorm", "size, alpha=1e-4, beta=0.75, k=1.0", "local_response_norm size alpha beta k")

# Activations, and modules without an effect

module("ReLU", "inplace=False", "relu inplace=inplace")
module("ReLU6", "inplace=False", "relu6 inplace=inplace")
module("SiLU", "inplace=False", "silu inplace=inplace")
module("SELU", "inplace=False", "selu inplace=inplace")
module("Mish", "inplace=False", "mish inplace=inplace")
module("Hardswish", "inplace=False", "hardswish inplace=inplace")
module("Hardsigmoid", "inplace=False", "hardsigmoid inplace=inplace")
module("LeakyReLU", "negative_slope=0.01, inplace=False", "leaky_relu negative_slope inplace=inplace")
module("ELU", "alpha=1.0, inplace=False", "elu alpha inplace=inplace")
module("CELU", "alpha=1.0, inplace=False", "celu alpha inplace=inplace")
module(
    "RReLU",
    "lower=0.125, upper=0.3333333333333333, inplace=False",
    "rrelu lower upper",
)
module("Threshold", "threshold, value, inplace=False", "threshold threshold value")
module(
    "Hardtanh",
    "min_val=-1.0, max_val=1.0, inplace=False",
    "hardtanh min_val max_val inplace=inplace",
    after=must((lambda own: not own["max_val"] <= own["min_val"], "min_val={min_val} is not below max_val={max_val}")),
)
module("GELU", "approximate='none'", "gelu approximate=approximate")
module("Softplus", "beta=1.0, threshold=20.0", "softplus beta threshold")
module("Softshrink", "lambd=0.5", "softshrink lambd")
module("Hardshrink", "lambd=0.5", "hardshrink lambd")
module("GLU", "dim=-1", "glu dim")
module("Softmax", "dim=None", "softmax dim")
module("LogSoftmax", "dim=None", "log_softmax dim")
module("Softmin", "dim=None", "softmin dim")
module("Softmax2d", "", lambda given: given.call("softmax", given.x, -3))
for _module, _function in {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softsign": "softsign",
    "LogSigmoid": "logsigmoid",
    "Tanhshrink": "tanhshrink",
}.items():
    module(_module, "", _function)
module(
    "PReLU",
    "num_parameters=1, init=0.25, device=None, dtype=None",
    "prelu weight",
    lambda own, nd: Arrays({"weight": (own["num_parameters"],)}),
)
_RATE = must((lambda own: 0 <= own["p"] <= 1, "p={p} is not from 0 to 1"))
for _module, _function in {
    "Dropout": "dropout",
    "Dropout1d": "dropout1d",
    "Dropout2d": "dropout2d",
    "Dropout3d": "dropout3d",
    "AlphaDropout": "alpha_dropout",
    "FeatureAlphaDropout": "feature_alpha_dropout",
}.items():
    module(_module, "p=0.5, inplace=False", f"{_function} p", after=_RATE)
module("Identity", "*args, **kwargs", "")

# Shapes and resolutions

module("Flatten", "start_dim=1, end_dim=-1", "flatten start_dim end_dim")
module("Unflatten", "dim, unflattened_size", "unflatten dim unflattened_size")
_FACTOR = must(
    (lambda own: not isinstance(own["scale_factor"], list), "scale_factor={scale_factor} is a list, and not a tuple")
)
module(
    "Upsample",
    "size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None",
    "interpolate size scale_factor mode align_corners recompute_scale_factor=recompute_scale_factor",
    after=_FACTOR,
)
module("UpsamplingNearest2d", "size=None, scale_factor=None", "interpolate size scale_factor", after=_FACTOR)
module(
    "UpsamplingBilinear2d",
    "size=None, scale_factor=None",
    lambda given: given.call("interpolate", given.x, given.own["size"], given.own["scale_factor"], "bilinear", True),
    after=_FACTOR,
)
module("PixelShuffle", "upscale_factor", "pixel_shuffle upscale_factor")
module("PixelUnshuffle", "downscale_factor", "pixel_unshuffle downscale_factor")
module("ChannelShuffle", "groups", "channel_shuffle groups")


def border(mode: str, nd: int) -> Forward:
    """Return a `forward` that pads a feature map of nd axes."""

    def run(given: Given) -> Any:
        sides = given.own["padding"]
        sides = sides if isinstance(sides, (list, tuple)) else [sides] * (2 * nd)
        more = {"value": given.own["value"]} if mode == "constant" else {}
        return given.call("pad", given.x, sides, mode, **more)

    return run


for _nd in (1, 2, 3):
    module(f"ConstantPad{_nd}d", "padding, value", border("constant", _nd))
    module(f"ZeroPad{_nd}d", "padding, value=0.0", border("constant", _nd))
    module(f"ReflectionPad{_nd}d", "padding", border("reflect", _nd))
    module(f"ReplicationPad{_nd}d", "padding", border("replicate", _nd))
    module(f"CircularPad{_nd}d", "padding", border("circular", _nd))

module(
    "CosineSimilarity",
    "dim=1, eps=1e-8",
    lambda given: given.call("cosine_similarity", *given.args[:2], given.own["dim"], given.own["eps"]),
)
module(
    "PairwiseDistance",
    "p=2.0, eps=1e-6, keepdim=False",
    lambda given: given.call(
        "pairwise_distance", *given.args[:2], *[given.own[name] for name in ("p", "eps", "keepdim")]
    ),
)


def run_inside(given: Given) -> Any:
    """Run the wrapped module, which PyTorch copies to each device."""
    return given.evaluator.call(given.own["module"], given.args, given.kwargs, given.node)


module("DataParallel", "module, device_ids=None, output_device=None, dim=0", run_inside)
module("DistributedDataParallel", "module, *args, **kwargs", run_inside)
for _name in ("DataParallel", "DistributedDataParallel"):
    NAMES[f"torch.nn.parallel.{_name}"] = NAMES[f"torch.nn.{_name}"]
