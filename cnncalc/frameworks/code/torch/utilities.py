"""`torch.nn.utils` in evaluated code: weights computed from other parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..libraries import NameTable
from ..values import InstanceValue, LibraryFunction
from .functions import apply
from .modules import BEFORE
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

NAMES = NameTable()


def tuples(nd: int) -> LibraryFunction:
    """Return a function that makes a tuple of nd equal values, or converts an iterable to a tuple."""

    def make(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = evaluator.needs(args[0], node)
        return tuple(evaluator.items(given, node)) if isinstance(given, (list, tuple, range)) else (given,) * nd

    return LibraryFunction("tuples", make)


for _nd, _name in enumerate(("_single", "_pair", "_triple", "_quadruple"), 1):
    NAMES[f"torch.nn.modules.utils.{_name}"] = tuples(_nd)


def own_weight(args: list[Any], kwargs: dict[str, Any]) -> tuple[InstanceValue, str, TensorValue]:
    """Return a module, the name of one of its parameters, and the parameter."""
    module = args[0] if args else kwargs["module"]
    name = kwargs.get("name", kwargs.get("tensor_name", args[1] if args[1:] else "weight"))
    weight = module.attributes[name] if isinstance(module, InstanceValue) else None
    if not isinstance(weight, TensorValue):
        raise NotImplementedError
    return module, name, weight


Computed = Callable[[Callable[..., TensorValue], list[TensorValue]], TensorValue]
"""A function that computes a weight from its parts by calling the given function of tensors."""


def replaced(
    module: InstanceValue,
    name: str,
    parts: dict[str, TensorValue],
    weight: TensorValue,
    computed: Computed | None = None,
) -> InstanceValue:
    """Return a module with a parameter replaced by others, from which it is computed before each run if possible."""
    del module.attributes[name]
    module.attributes |= parts
    module.attributes[name] = TensorValue(weight.shape, of=tuple(parts.values()))
    if computed is not None:

        def hook(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
            own = args[0].attributes
            if own[name].recipe is None:  # only the first call in a run computes it
                own[name] = computed(partial(_call, evaluator, node), [own[part] for part in parts])

        module.attributes.setdefault(BEFORE, {})[name] = LibraryFunction(name, hook), False
    return module


def _call(evaluator: Evaluator, node: Any, function: str, *args: Any, **kwargs: Any) -> TensorValue:
    made: TensorValue = apply(evaluator, function, args, kwargs, node)
    return made


def parts_of(word: str, name: str, parts: dict[tuple[str, str], TensorValue]) -> dict[str, TensorValue]:
    """Return the parts of a weight by the names that a function gives them: `weight_g`, or as parametrizations."""
    if word.startswith("parametrizations"):
        return {f"parametrizations.{name}.{new}": one for (_, new), one in parts.items()}
    return {f"{name}_{old}": one for (old, _), one in parts.items()}


def weight_norm(word: str, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is a direction times a magnitude."""
    module, name, weight = own_weight(args, kwargs)
    dim = kwargs.get("dim", args[2] if args[2:] else 0)
    whole = dim in (None, -1)
    lengths = [] if whole else [n if at == dim else 1 for at, n in enumerate(weight.shape)]
    parts = {
        ("g", "original0"): TensorValue(lengths, is_parameter=True),
        ("v", "original1"): TensorValue(weight.shape, is_parameter=True),
    }
    dims = [at for at in range(len(weight.shape)) if whole or at != dim]

    def computed(call: Callable[..., TensorValue], own: list[TensorValue]) -> TensorValue:
        g, v = own
        length = call("norm", v, dim=dims, keepdim=not whole) if dims else call("abs", v)
        return call("mul", v, call("div", g, length))

    return replaced(module, name, parts_of(word, name, parts), weight, computed)


def spectral_norm(word: str, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is divided by its largest singular value; the singular vectors are buffers."""
    module, name, weight = own_weight(args, kwargs)
    dim = kwargs.get("dim") or (1 if "Transpose" in module.cls.name else 0)
    rows, rank = weight.shape[dim], len(weight.shape)
    parts = {
        ("orig", "original"): TensorValue(weight.shape, is_parameter=True),
        ("u", "0._u"): TensorValue((rows,)),
        ("v", "0._v"): TensorValue((weight.size // rows,)),
    }
    for part in list(parts.values())[1:]:
        part.is_buffer = True

    def computed(call: Callable[..., TensorValue], own: list[TensorValue]) -> TensorValue:
        whole, u, v = own
        order = [dim, *[at for at in range(rank) if at != dim]]
        matrix = call("reshape", call("permute", whole, order), [rows, -1])
        value = call("sum", call("mul", call("mul", matrix, v), call("unsqueeze", u, 1)))
        return call("div", whole, value)

    return replaced(module, name, parts_of(word, name, parts), weight, computed)


def orthogonal(word: str, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module with an orthogonal weight, by default relative to a square matrix, which is a buffer."""
    module, name, weight = own_weight(args, kwargs)
    parts = {("orig", "original"): TensorValue(weight.shape, is_parameter=True)}
    if kwargs.get("use_trivialization", args[3] if args[3:] else True):
        *before, rows, columns = weight.shape
        side = max(rows, columns)
        parts["base", "0.base"] = base = TensorValue((*before, side, side))
        base.is_buffer = True
    return replaced(module, name, parts_of(word, name, parts), weight)


for word, function in {
    "weight_norm": weight_norm,
    "parametrizations.weight_norm": weight_norm,
    "spectral_norm": spectral_norm,
    "parametrizations.spectral_norm": spectral_norm,
    "parametrizations.orthogonal": orthogonal,
}.items():
    NAMES.function(f"torch.nn.utils.{word}")(partial(function, word))


_REMOVALS = "remove_weight_norm remove_spectral_norm parametrize.remove_parametrizations prune.remove"


@NAMES.function(*[f"torch.nn.utils.{name}" for name in _REMOVALS.split()])
def made_plain(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a module whose weight is an ordinary parameter again, without those that it was computed from."""
    module, name, weight = own_weight(args, kwargs)
    if not weight.of:
        raise ValueError(f"{name} is not computed from other parameters")
    for part in [part for part, one in module.attributes.items() if any(one is own for own in weight.of)]:
        del module.attributes[part]
    module.attributes.get(BEFORE, {}).pop(name, None)
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
    return replaced(module, name, parts, weight, lambda call, own: call("mul", *own))


@NAMES.function("torch.nn.utils.prune.global_unstructured")
def prune_several(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Apply masks to several weights."""
    for pair in evaluator.items(args[0] if args else kwargs["parameters"], node):
        prune(evaluator, evaluator.items(pair, node), {}, node)


@NAMES.function("torch.nn.utils.parametrize.register_parametrization")
def parametrized(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Refuse a weight that is computed by a module."""
    raise NotImplementedError


@NAMES.function("torch.nn.utils.clip_grad_norm_")
def no_effect(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the first argument."""
    return args[0]
