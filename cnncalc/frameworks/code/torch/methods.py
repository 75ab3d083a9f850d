"""The properties and methods of PyTorch's tensors in evaluated code, except the functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from ..libraries import NameTable
from ..values import LibraryFunction, UnknownValue
from .functions import apply, function, recorder
from .tensors import DeviceValue, TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator


def shape(evaluator: Evaluator, tensor: TensorValue, node: Any) -> Any:
    """Return the sizes."""
    recorder(evaluator).looked(tensor)
    return tensor.shape


def turned(function: str) -> Callable[[Evaluator, TensorValue, Any], Any]:
    """Return a property computed by a function."""
    return lambda evaluator, tensor, node: apply(evaluator, function, [tensor], {}, node)


def itself(evaluator: Evaluator, tensor: TensorValue, node: Any) -> Any:
    """Return the tensor."""
    return tensor


PROPERTIES: dict[str, Callable[[Evaluator, TensorValue, Any], Any]] = {
    "shape": shape,
    "ndim": lambda evaluator, tensor, node: len(tensor.shape),
    "dtype": lambda evaluator, tensor, node: DeviceValue({"int": "int64"}.get(tensor.kind, "float32"), tensor.kind),
    "device": lambda evaluator, tensor, node: DeviceValue("cpu", "device"),
    "is_cuda": lambda evaluator, tensor, node: False,
    "requires_grad": lambda evaluator, tensor, node: tensor.is_parameter,
    "data": itself,
    "real": itself,
    "T": turned("T"),
    "mT": turned("mT"),
    "grad": lambda evaluator, tensor, node: None,
}
"""The properties of a tensor."""
_UNREAD = """
    addbmm addr allclose aminmax as_strided bincount cholesky conj corrcoef count_nonzero cov cross data_ptr det
    diag_embed diagflat diagonal_scatter dist dsplit eig element_size equal geometric get_device grad_fn histc histogram
    hsplit imag index_reduce inner inverse is_complex is_cpu is_leaf is_meta is_mps is_nonzero is_quantized is_same_size
    is_signed is_sparse is_xla is_xpu istft itemsize kron layout log_normal logdet lstsq lu map masked_select matrix_exp
    matrix_power multinomial nanmedian nanquantile narrow_copy nbytes new_tensor pinverse polygamma put qr quantile
    random resize resize_as scatter_reduce select_scatter slice_scatter slogdet solve stft storage stride svd take
    to_dense to_sparse trace triangular_solve unique unique_consecutive untyped_storage vdot vsplit
"""
UNREAD = frozenset(_UNREAD.split())
"""Attributes of PyTorch's tensors that are not supported here; their values are unknown."""
METHODS = NameTable()
"""The methods of a tensor that are not functions of tensors."""


def method(name: str) -> LibraryFunction | None:
    """Return a method of a tensor; None if it is not supported."""
    return METHODS[name] if name in METHODS else function(name)


@METHODS.function("size")
def size(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the sizes, or one of them."""
    tensor, *dim = args
    at = dim[0] if dim else kwargs.get("dim")
    sizes = shape(evaluator, tensor, node)
    return sizes if at is None else sizes[at]


@METHODS.function("dim", "ndimension")
def dim(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the number of axes."""
    return len(args[0].shape)


@METHODS.function("numel", "nelement", "__len__")
def numel(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the number of values."""
    return prod(shape(evaluator, args[0], node))


@METHODS.function("unfold")
def unfold(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return windows along an axis; the function with the same name returns those of a feature map."""
    names = ("dimension", "size", "step")
    return apply(evaluator, "unfold", args[:1], {**dict(zip(names, args[1:], strict=False)), **kwargs}, node)


@METHODS.function("is_floating_point")
def is_float(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return whether the values are floats."""
    return args[0].kind == "float"


@METHODS.function("is_contiguous")
def is_contiguous(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return True: a tensor without values has no strides, and a contiguous copy has the same shape."""
    return True


@METHODS.function("requires_grad_", "register_hook", "retain_grad", "backward")
def no_effect(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the tensor."""
    return args[0]


@METHODS.function("item", "__int__", "__float__", "__bool__")
def number(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the only value, if it is known. Raise SpecError for a tensor with several values."""
    tensor = args[0]
    if prod(tensor.shape) != 1:
        raise evaluator.error(node, f"{tensor.describe()} is not one number")
    return UnknownValue(f"a value of {tensor.describe()}", node) if tensor.values is None else tensor.values[0]


@METHODS.function("tolist")
def tolist(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the values as nested lists, if they are known."""
    tensor = args[0]
    values = tensor.all_values()
    if values is None or len(tensor.shape) > 1:
        return UnknownValue(f"a value of {tensor.describe()}", node)
    return values[0] if not tensor.shape else values


@METHODS.function("nonzero", "argwhere")
def nonzero(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the indices of the nonzero values, one row for each, or one tensor for each axis."""
    tensor = args[0]
    values = tensor.all_values()
    if values is None:
        return UnknownValue("a tensor's nonzero(…)", node)
    evaluator.budget.count(len(values))
    places = [at for at, value in enumerate(values) if value]
    columns, inner = [], tensor.size
    for n in tensor.shape:
        inner //= n or 1
        columns.append([at // inner % n for at in places])
    if kwargs.get("as_tuple"):
        return tuple([TensorValue((len(places),), "int", of=tensor.roots(), values=own) for own in columns])
    rows = [at for row in zip(*columns, strict=True) for at in row]
    return TensorValue((len(places), len(columns)), "int", of=tensor.roots(), values=rows)


@METHODS.function("numpy")
def numpy(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the tensor in place of a NumPy array."""
    return args[0]
