"""`torch.nn.utils` in evaluated code: weights that are computed from other parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..libraries import NameTable
from ..values import InstanceValue
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

NAMES = NameTable()


def own_weight(args: list[Any], kwargs: dict[str, Any]) -> tuple[InstanceValue, str, TensorValue]:
    """Return a module, the name of one of its parameters, and the parameter."""
    module = args[0] if args else kwargs["module"]
    name = kwargs.get("name", kwargs.get("tensor_name", args[1] if args[1:] else "weight"))
    weight = module.attributes[name] if isinstance(module, InstanceValue) else None
    if not isinstance(weight, TensorValue):
        raise NotImplementedError
    return module, name, weight


def replaced(module: InstanceValue, name: str, parts: dict[str, TensorValue], weight: TensorValue) -> InstanceValue:
    """Return a module whose parameter is computed from others, which it has in its place."""
    del module.attributes[name]
    module.attributes |= parts
    module.attributes[name] = TensorValue(weight.shape, of=tuple(parts.values()))
    return module


@NAMES.function("torch.nn.utils.weight_norm", "torch.nn.utils.parametrizations.weight_norm")
def weight_norm(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is a direction times a length."""
    module, name, weight = own_weight(args, kwargs)
    dim = kwargs.get("dim", args[2] if args[2:] else 0)
    lengths = [n if at == dim else 1 for at, n in enumerate(weight.shape)] if dim is not None else []
    parts = {
        f"{name}_g": TensorValue(lengths, is_parameter=True),
        f"{name}_v": TensorValue(weight.shape, is_parameter=True),
    }
    return replaced(module, name, parts, weight)


@NAMES.function("torch.nn.utils.spectral_norm", "torch.nn.utils.parametrizations.spectral_norm")
def spectral_norm(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is divided by its largest singular value, with the vectors of that as buffers."""
    module, name, weight = own_weight(args, kwargs)
    dim = kwargs.get("dim") or (1 if "Transpose" in module.cls.name else 0)
    rows = weight.shape[dim]
    parts = {
        f"{name}_orig": TensorValue(weight.shape, is_parameter=True),
        f"{name}_u": TensorValue((rows,)),
        f"{name}_v": TensorValue((weight.size // rows,)),
    }
    for suffix in ("u", "v"):
        parts[f"{name}_{suffix}"].is_buffer = True
    return replaced(module, name, parts, weight)


@NAMES.function("torch.nn.utils.parametrizations.orthogonal")
def orthogonal(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is made orthogonal, by default relative to a square matrix, which is a buffer."""
    module, name, weight = own_weight(args, kwargs)
    parts = {f"{name}_orig": TensorValue(weight.shape, is_parameter=True)}
    if kwargs.get("use_trivialization", args[3] if args[3:] else True):
        *before, rows, columns = weight.shape
        side = max(rows, columns)
        parts[f"{name}_base"] = TensorValue((*before, side, side))
        parts[f"{name}_base"].is_buffer = True
    return replaced(module, name, parts, weight)


_REMOVALS = "remove_weight_norm remove_spectral_norm parametrize.remove_parametrizations prune.remove"


@NAMES.function(*[f"torch.nn.utils.{name}" for name in _REMOVALS.split()])
def made_plain(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is a parameter again, in place of those that it is computed from."""
    module, name, weight = own_weight(args, kwargs)
    if not weight.of:
        raise ValueError(f"{name} is not computed from other parameters")
    for part in [part for part, one in module.attributes.items() if any(one is own for own in weight.of)]:
        del module.attributes[part]
    module.attributes[name] = TensorValue(weight.shape, is_parameter=True)
    return module


_PRUNINGS = "identity random_unstructured l1_unstructured random_structured ln_structured custom_from_mask"


@NAMES.function(*[f"torch.nn.utils.prune.{name}" for name in _PRUNINGS.split()])
def prune(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is multiplied by a mask, which is a buffer."""
    module, name, weight = own_weight(args, kwargs)
    if f"{name}_mask" in module.attributes:
        return module
    parts = {
        f"{name}_orig": TensorValue(weight.shape, is_parameter=True),
        f"{name}_mask": TensorValue(weight.shape),
    }
    parts[f"{name}_mask"].is_buffer = True
    return replaced(module, name, parts, weight)


@NAMES.function("torch.nn.utils.prune.global_unstructured")
def prune_several(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Give several weights masks."""
    for pair in evaluator.items(args[0] if args else kwargs["parameters"], node):
        prune(evaluator, evaluator.items(pair, node), {}, node)


@NAMES.function("torch.nn.utils.parametrize.register_parametrization")
def parametrized(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Refuse a weight that is computed by a module."""
    raise NotImplementedError


@NAMES.function("torch.nn.utils.clip_grad_norm_")
def no_effect(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return what is given."""
    return args[0]
