"""PyTorch's own modules: their arguments, their parameters and buffers, and the functions that they call.

Arguments are written as Python has them. `state` gives the shapes of the arrays. `forward` names the function that the
module calls with its input, and the attributes that follow it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..libraries import NameTable
from ..values import ClassValue, Frame, FunctionValue, InstanceValue, LibraryFunction, UnknownValue, describe
from .functions import apply, recorder
from .modules import MODULE, first_of
from .shapes import listed
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

NAMES = NameTable()
ARGUMENTS: dict[str, str] = {}
"""The arguments of each module, as Python has them."""
STEPS_A_MODULE = 20
"""How many steps it takes to make a module."""
Attributes = dict[str, Any]
Shape = tuple[int, ...]
State = Mapping[str, Shape | None]
"""The shape of each parameter, None for one that is left out."""


class Arrays(NamedTuple):
    """The parameters and buffers of a module."""

    parameters: State = {}
    buffers: State = {}


class Given(NamedTuple):
    """A module with what it is called with."""

    evaluator: Evaluator
    own: Attributes
    """The module's attributes."""
    args: list[Any]
    kwargs: dict[str, Any]
    node: Any

    def call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Return the result of a function of tensors."""
        return apply(self.evaluator, function, args, kwargs, self.node)

    def run(self, module: Any, *args: Any) -> Any:
        """Return the result of another module."""
        return self.evaluator.call(module, list(args), {}, self.node)

    @property
    def x(self) -> Any:
        """The first argument."""
        return first_of(self.args, self.kwargs)


Forward = Callable[[Given], Any]


def module(
    names: str,
    arguments: str = "",
    forward: str | Forward = "",
    state: Callable[[Attributes, int], Arrays] | None = None,
    after: Callable[[Evaluator, InstanceValue, Any], None] | None = None,
    lazy: int | None = None,
) -> None:
    """Enter modules of these names; `{}` in a name stands for its number of axes.

    `forward` is a function with the attributes that follow its input, `relu inplace`, or what to do. `after` does
    more with a module that is made. `lazy`: there is one whose first argument is the size of this axis of its first
    input, counted from the front, or from the axis in front of its space.
    """
    for nd in (1, 2, 3) if "{}" in names else (0,):
        for name in names.format(*[nd] * names.count("{}")).split():
            run = function_of(forward.format(nd=nd)) if isinstance(forward, str) else forward
            make = maker(name, arguments, state, after, nd)
            methods = {
                "__init__": LibraryFunction(f"{name}.__init__", make),
                "forward": LibraryFunction(f"{name}.forward", runner(run)),
                "reset_parameters": LibraryFunction("reset_parameters", lambda *_: None),
            }
            NAMES[f"torch.nn.{name}"] = ClassValue(name, [MODULE], methods)
            ARGUMENTS[name] = arguments
            if lazy is not None and state is not None:
                lazy_module(arguments, run, lazy or -(nd + 1), Making(name, state, after, nd))


class Making(NamedTuple):
    """How a module's arrays are made, once its arguments are known."""

    name: str
    state: Callable[[Attributes, int], Arrays]
    after: Callable[[Evaluator, InstanceValue, Any], None] | None
    nd: int


def lazy_module(arguments: str, run: Forward, axis: int, making: Making) -> None:
    """Enter the lazy form of a module: its first argument is the size of an axis of its first input."""
    first, _, others = arguments.partition(", ")
    name = f"Lazy{making.name}"
    init = maker(name, others, None, empty(first), making.nd)
    methods = {
        "__init__": LibraryFunction(f"{name}.__init__", init),
        "forward": LibraryFunction(f"{name}.forward", runner(run, filler(first, axis, making))),
        "reset_parameters": LibraryFunction("reset_parameters", lambda *_: None),
    }
    NAMES[f"torch.nn.{name}"] = ClassValue(name, [MODULE], methods)


@cache
def signature(arguments: str) -> FunctionValue:
    """Return a function that takes these arguments besides the module."""
    node = ast.parse(f"lambda self, {arguments}: 0", mode="eval").body
    assert isinstance(node, ast.Lambda)
    function = FunctionValue("__init__", node, None)
    function.defaults = [ast.literal_eval(one) for one in node.args.defaults]
    only = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    function.kw_defaults = {one.arg: ast.literal_eval(own) for one, own in only if own is not None}
    return function


def function_of(text: str) -> Forward:
    """Return what runs a function with attributes behind the module's input; `name=attribute` gives it by name."""
    function, *names = text.split() or [""]
    by_place = [one for one in names if "=" not in one]
    by_name = [one.partition("=")[::2] for one in names if "=" in one]

    def run(given: Given) -> Any:
        if not function:
            return given.x
        kwargs = {key: given.own[name] for key, name in by_name}
        result = given.call(function, given.x, *[given.own[name] for name in by_place], **kwargs)
        if kwargs.get("inplace") and isinstance(given.x, TensorValue):
            given.x.become(result)
            return given.x
        return result

    return run


def maker(
    name: str,
    arguments: str,
    state: Callable[[Attributes, int], Arrays] | None,
    after: Callable[[Evaluator, InstanceValue, Any], None] | None,
    nd: int,
) -> Any:
    """Return the `__init__` of a module."""

    def init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
        evaluator.budget.count(STEPS_A_MODULE)
        made = args[0]
        frame = Frame()
        function = signature(arguments)
        own = FunctionValue(name, function.node, None)
        own.defaults, own.kw_defaults = function.defaults, function.kw_defaults
        evaluator.bind_arguments(own, args, kwargs, frame, node)
        values = {key: value for key, value in frame.names.items() if key not in ("self", "device", "dtype")}
        for value in values.values():
            if isinstance(value, UnknownValue):
                raise evaluator.unknown(value, node)
        made.attributes |= values
        if state is not None:
            give_arrays(evaluator, made, state(made.attributes, nd), name, node)
        if after is not None:
            after(evaluator, made, node)

    return init


def empty(first: str) -> Callable[[Evaluator, InstanceValue, Any], None]:
    """Return what leaves a lazy module without its first argument, and without arrays."""

    def leave(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
        made.attributes |= {first: 0, "weight": None, "bias": made.attributes.get("bias", True)}

    return leave


def filler(first: str, axis: int, making: Making) -> Callable[[Evaluator, InstanceValue, Any, Any], None]:
    """Return what gives a lazy module its first argument by its first input, and then its arrays, with their names."""

    def fill(evaluator: Evaluator, made: InstanceValue, x: Any, node: Any) -> None:
        if made.attributes[first] or not isinstance(x, TensorValue):
            return
        made.attributes[first] = x.shape[axis]
        give_arrays(evaluator, made, making.state(made.attributes, making.nd), making.name, node)
        if making.after is not None:
            making.after(evaluator, made, node)
        path = recorder(evaluator).names.get(id(made), "")
        for key, value in made.attributes.items():
            if isinstance(value, TensorValue):
                value.name = f"{path}.{key}" if path else key

    return fill


def give_arrays(evaluator: Evaluator, made: InstanceValue, arrays: Arrays, name: str, node: Any) -> None:
    """Give a module its parameters and buffers. SpecError for sizes that are not whole numbers."""
    for kept, own in ((False, arrays.parameters), (True, arrays.buffers)):
        evaluator.budget.count(len(own))
        for key, shape in own.items():
            if shape is not None and not all(type(n) is int and n >= 0 for n in shape):
                wrong = next(n for n in shape if type(n) is not int or n < 0)
                raise evaluator.error(node, f"{name} has a size of {describe(wrong)}, not a whole number")
            made.attributes[key] = None if shape is None else TensorValue(shape, is_parameter=not kept)
            if kept and shape is not None:
                made.attributes[key].is_buffer = True


def runner(run: Forward, before: Callable[[Evaluator, InstanceValue, Any, Any], None] | None = None) -> Any:
    """Return the `forward` of a module, and what comes before it."""

    def forward(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        if before is not None:
            before(evaluator, args[0], first_of(args[1:], kwargs), node)
        return run(Given(evaluator, args[0].attributes, args[1:], kwargs, node))

    return forward


def divided(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
    """Check that a convolution's groups divide its channels."""
    own = made.attributes
    for key in ("in_channels", "out_channels"):
        if own["groups"] < 1 or own[key] % own["groups"]:
            raise evaluator.error(node, f"groups={own['groups']} does not divide {key}={own[key]}")


# Convolutions


def conv_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a convolution."""
    own["kernel_size"] = tuple(listed(own["kernel_size"], nd))
    groups = max(own["groups"], 1)
    shape = (own["out_channels"], own["in_channels"] // groups, *own["kernel_size"])
    return Arrays({"weight": shape, "bias": (own["out_channels"],) if own["bias"] else None})


def convolve(given: Given) -> Any:
    """Run a convolution; padding of another mode is put around its input before."""
    own, x = given.own, given.x
    nd, padding = len(own["kernel_size"]), own["padding"]
    if own["padding_mode"] != "zeros":
        sides: list[int] = []
        for k, d, p in zip(own["kernel_size"], listed(own["dilation"], nd), listed(padding, nd), strict=True):
            total = d * (k - 1) if padding == "same" else 0
            before, after = (total // 2, total - total // 2) if padding == "same" else (p, p)
            sides = [0 if padding == "valid" else before, 0 if padding == "valid" else after, *sides]
        x, padding = given.call("pad", x, sides, mode=own["padding_mode"]), 0
    function = f"conv{nd}d"
    return given.call(function, x, own["weight"], own["bias"], own["stride"], padding, own["dilation"], own["groups"])


_CONV = "in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True"
module("Conv{}d", f"{_CONV}, padding_mode='zeros', device=None, dtype=None", convolve, conv_state, divided, lazy=0)


def transposed_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a transposed convolution."""
    own["kernel_size"] = tuple(listed(own["kernel_size"], nd))
    groups = max(own["groups"], 1)
    shape = (own["in_channels"], own["out_channels"] // groups, *own["kernel_size"])
    return Arrays({"weight": shape, "bias": (own["out_channels"],) if own["bias"] else None})


def transpose(given: Given) -> Any:
    """Run a transposed convolution, to the sizes that are asked for."""
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
    divided,
    lazy=0,
)

# Pools and windows

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
    """Return what undoes a max pool of nd axes."""

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
module(
    "Embedding",
    "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, "
    "sparse=False, _weight=None, _freeze=False, device=None, dtype=None",
    "embedding weight",
    lambda own, nd: Arrays({"weight": (own["num_embeddings"], own["embedding_dim"])}),
)


def bag(given: Given) -> Any:
    """Run an embedding whose rows are summed up: those of the last axis, as many for each sample."""
    offsets, weights = [*given.args[1:], None, None][:2]
    told = [offsets, weights, *given.kwargs.values(), given.own["padding_idx"]]
    if len(given.x.shape) != 2 or any(one is not None for one in told):
        raise NotImplementedError
    rows = given.call("embedding", given.x, given.own["weight"])
    mode = given.own["mode"]
    return given.call("amax" if mode == "max" else mode, rows, dim=1)


module(
    "EmbeddingBag",
    "num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, mode='mean', "
    "sparse=False, _weight=None, include_last_offset=False, padding_idx=None, device=None, dtype=None",
    bag,
    lambda own, nd: Arrays({"weight": (own["num_embeddings"], own["embedding_dim"])}),
)

# Norms


def norm_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a norm over channels."""
    own["nd"] = nd
    channels = (own["num_features"],)
    affine, kept = own["affine"], own["track_running_stats"]
    buffers: State = {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()} if kept else {}
    return Arrays(
        {"weight": channels if affine else None, "bias": channels if affine else None},
        buffers or {"running_mean": None, "running_var": None, "num_batches_tracked": None},
    )


def check_rank(given: Given, batch: int) -> None:
    """SpecError if a norm for so many axes of space gets another number; `batch` axes may be left out in front."""
    nd, x = given.own["nd"], given.x
    if nd and isinstance(x, TensorValue) and not nd + 2 - batch <= len(x.shape) <= nd + 2:
        raise given.evaluator.error(given.node, f"works on {nd + 2} axes with the batch, gets {len(x.shape)}")


def normalize_batch(given: Given) -> Any:
    """Run a batch norm, by the statistics that it keeps; by those of the batch if it keeps none."""
    own = given.own
    check_rank(given, 1 if own["nd"] == 1 else 0)
    training = not own["track_running_stats"]
    arrays = [own[name] for name in ("running_mean", "running_var", "weight", "bias")]
    return given.call("batch_norm", given.x, *arrays, training, own["momentum"], own["eps"])


def normalize_instance(given: Given) -> Any:
    """Run an instance norm, by the statistics of its input, or by those that it keeps."""
    own = given.own
    check_rank(given, 1)
    arrays = [own[name] for name in ("running_mean", "running_var", "weight", "bias")]
    return given.call("instance_norm", given.x, *arrays, not own["track_running_stats"], own["momentum"], own["eps"])


_NORM = "num_features, eps=1e-5, momentum=0.1, affine={}, track_running_stats={}, device=None, dtype=None"
module("BatchNorm{}d", _NORM.format(True, True), normalize_batch, norm_state, lazy=1)
module("SyncBatchNorm", _NORM.format(True, True), normalize_batch, norm_state)
module("InstanceNorm{}d", _NORM.format(False, False), normalize_instance, norm_state)
for _nd in (1, 2, 3):  # which has other defaults
    lazy_module(_NORM.format(True, True), normalize_instance, 1, Making(f"InstanceNorm{_nd}d", norm_state, None, _nd))


def last_axes(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of a norm over the last axes."""
    own["normalized_shape"] = tuple(listed(own["normalized_shape"], 1))
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
)
module("LocalResponseNorm", "size, alpha=1e-4, beta=0.75, k=1.0", "local_response_norm size alpha beta k")

# Activations, and what changes nothing

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
module("RReLU", "lower=0.125, upper=0.3333333333333333, inplace=False", "rrelu lower upper")
module("Threshold", "threshold, value, inplace=False", "threshold threshold value")
module("Hardtanh", "min_val=-1.0, max_val=1.0, inplace=False", "hardtanh min_val max_val inplace=inplace")
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
for _module, _function in {
    "Dropout": "dropout",
    "Dropout1d": "dropout1d",
    "Dropout2d": "dropout2d",
    "Dropout3d": "dropout3d",
    "AlphaDropout": "alpha_dropout",
    "FeatureAlphaDropout": "feature_alpha_dropout",
}.items():
    module(_module, "p=0.5, inplace=False", f"{_function} p")
module("Identity", "*args, **kwargs", "")

# Shapes and resolutions

module("Flatten", "start_dim=1, end_dim=-1", "flatten start_dim end_dim")
module("Unflatten", "dim, unflattened_size", "unflatten dim unflattened_size")
module(
    "Upsample",
    "size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None",
    "interpolate size scale_factor mode align_corners recompute_scale_factor=recompute_scale_factor",
)
module("UpsamplingNearest2d", "size=None, scale_factor=None", "interpolate size scale_factor")
module(
    "UpsamplingBilinear2d",
    "size=None, scale_factor=None",
    lambda given: given.call("interpolate", given.x, given.own["size"], given.own["scale_factor"], "bilinear", True),
)
module("PixelShuffle", "upscale_factor", "pixel_shuffle upscale_factor")
module("PixelUnshuffle", "downscale_factor", "pixel_unshuffle downscale_factor")
module("ChannelShuffle", "groups", "channel_shuffle groups")


def border(mode: str, nd: int) -> Forward:
    """Return what puts values around a map of nd axes."""

    def run(given: Given) -> Any:
        sides = listed(given.own["padding"], 2 * nd)
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
    lambda given: given.call("cosine_similarity", *given.args[:2], given.own["dim"]),
)
