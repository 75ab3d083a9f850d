"""The recording of a module: its function calls, with each tensor described by its shape and origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class TracedTensor(NamedTuple):
    """A tensor that depends on the module's inputs."""

    call: int
    """The index of the call that made it; -1 for an input itself."""
    place: int
    """The index of the call's result, or of the input."""
    shape: tuple[int, ...]
    """The shape, including the batch if it still has one."""


class Constant(NamedTuple):
    """A tensor that does not depend on the inputs: a parameter, a buffer, or a tensor computed from those."""

    shape: tuple[int, ...]
    name: str | None
    """The name of the parameter or buffer; None if it is computed."""
    of: tuple[str, ...]
    """The names of the parameters and buffers it is computed from."""
    read: Callable[[], Any]
    """The function that returns its values as a NumPy array, or None if it has none (on the meta device)."""
    key: object = None
    """A unique identity of the tensor; by default its name is used."""
    made: TracedTensor | None = None
    """The call's result that it is, if matrix products lead to it, as all matrix products count."""

    def identity(self) -> object:
        """Return what distinguishes it from every other constant."""
        return self.name or self.key


class FunctionCall(NamedTuple):
    """A call of a function on a tensor that depends on an input."""

    function: str
    """Its name, without the underscores of `relu_` and `__add__`."""
    args: tuple[Any, ...]
    """The arguments as given, each tensor a TracedTensor or a Constant."""
    kwargs: Mapping[str, Any]
    outs: tuple[tuple[int, ...], ...]
    """The shapes of its results, with the batch."""
    path: str
    """The module that makes the call, such as `layer1.0.conv1`; empty for the outermost."""
    turn: int
    """A number for each run of a module."""
    macs: int = 0
    """The multiply-accumulates of the call by PyTorch's own counter."""
    kinds: tuple[str, ...] = ()
    """The kind of each result: `float`, `int` or `bool`; floats by default."""


class NamedInput(NamedTuple):
    """An input of the module."""

    name: str
    sizes: tuple[int, ...]
    """The sizes as the caller gave them."""
    shape: tuple[int, ...]
    """The shape of the tensor that the module ran on."""


class Recording(NamedTuple):
    """All the calls of a module, in order."""

    name: str
    """The class of the module."""
    inputs: Sequence[NamedInput]
    batch: int | None
    """The number of samples in front of every input; None if the module ran on a sample without a batch."""
    calls: list[FunctionCall]
    outputs: list[TracedTensor]
    trained: Mapping[str, int]
    """The number of values of each parameter."""
    kept: Mapping[str, int]
    """The number of values of each buffer."""
    leaves: frozenset[str]
    """The modules without submodules."""
    looks: bool = False
    """Whether the module looked at the sizes of a tensor that depends on its input."""


_WORDS = """
    add radd iadd sub rsub isub subtract mul rmul imul multiply div rdiv truediv itruediv rtruediv floordiv
    floor_divide divide true_divide pow ipow rpow abs sqrt rsqrt square exp log log1p log2 log10 expm1 sin cos
    tan atan erf floor ceil round sign trunc neg negative reciprocal maximum minimum max min amax amin sum prod
    cumsum cumprod argmax argmin sort argsort topk kthvalue median roll flip where masked_fill masked_select
    gather index_select take_along_dim scatter scatter_add index_add index_put index_fill getitem setitem cat
    concat stack expand expand_as repeat repeat_interleave tile pad mean var std var_mean std_mean norm
    normalize softmax log_softmax logsigmoid celu threshold pixel_shuffle pixel_unshuffle channel_shuffle
    interpolate upsample permute transpose view reshape flatten unflatten unbind split chunk narrow select
    squeeze unsqueeze movedim swapaxes t T contiguous clone detach to float type_as copy batch_norm
    instance_norm group_norm layer_norm rms_norm local_response_norm prelu max_pool1d max_pool2d max_pool3d
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d lp_pool1d lp_pool2d max_unpool1d max_unpool2d
    max_unpool3d fractional_max_pool2d max_pool2d_with_indices zeros_like ones_like full_like eq ne lt le gt ge
    isnan isinf isfinite logical_and logical_or logical_not tril triu unfold fold as_strided diff clamp clip
    clamp_min relu relu6 silu gelu sigmoid tanh hardswish hardsigmoid hardtanh leaky_relu elu selu mish softplus
    softsign glu dropout dropout2d addcmul addcdiv lerp grid_sample one_hot multinomial bernoulli cummax cummin
    logsumexp logcumsumexp embedding bincount histc nonzero unique any all nms lgamma digamma erfinv sinc atan2
    hypot fmod remainder meshgrid diag diagonal heaviside logit nan_to_num copy fill zero linalg_vector_norm
    cosine_similarity pairwise_distance hstack vstack dstack column_stack and or xor invert bitwise_and bitwise_or
    bitwise_xor bitwise_not logical_xor lshift rshift int long short bool byte char double half bfloat16 outer ger
"""
NO_PRODUCTS = frozenset(_WORDS.split())
"""Functions without multiply-accumulates: only convolutions, matrix products and recurrence have any."""


class Stopped(Exception):
    """A module that failed while it was recorded."""

    def __init__(self, recording: Recording, error: BaseException, path: str, function: str | None, shapes: list[Any]):
        super().__init__(str(error))
        self.recording, self.error, self.path = recording, error, path
        """The calls before the failure, the original error, and the module that was running."""
        self.function, self.shapes = function, shapes
        """The function that failed (None if it is not one of PyTorch's), and the shapes of its tensors."""


class OpaqueCall(Exception):
    """A call for which cnncalc has no layer; it becomes an opaque one."""


class BatchMixed(OpaqueCall):
    """A call that works along the batch or on part of it, so that samples are no longer separate."""


class Misread(Exception):
    """A call that cannot have the batch where it is: the module's input must be read differently."""


def tree(value: Any) -> list[Any]:
    """Return the values in nested lists, tuples and dicts, in order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or isinstance(value, (TracedTensor, Constant)):
        return [value]
    return [leaf for one in value for leaf in tree(one)]
