"""Following a module: it runs once on tensors that have shapes and no values, and every function it calls is noted.

So control flow may depend on sizes, as it often does, and only control flow that depends on values cannot be followed.
Tensors that do not depend on the input (parameters, buffers and those computed from them) keep their values.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from ....errors import SpecError, shown
from . import failure
from .calls import Constant, FunctionCall, Recording, TracedTensor


def record(module: torch.nn.Module, input: tuple[int, ...], front: tuple[int, ...]) -> Recording:
    """Record what a module does to an input with these sizes in front. SpecError if it cannot be traced."""
    module = getattr(module, "_orig_mod", module)
    dtypes = (p.dtype for p in module.parameters() if p.is_floating_point())
    x = torch.empty((*front, *input), dtype=next(dtypes, torch.float32), device="meta")
    recorder = Recorder(module, x)
    outputs = recorder.run(x)
    trained = {name: parameter.numel() for name, parameter in module.named_parameters()}
    kept = {name: buffer.numel() for name, buffer in module.named_buffers()}
    leaves = frozenset([name for name, one in module.named_modules() if not list(one.children())])
    return Recording(type(module).__name__, input, x.shape[0], recorder.calls, outputs, trained, kept, leaves)


class Recorder(TorchFunctionMode):  # type: ignore[misc]
    """A mode of PyTorch in which each call of a function on a tensor that depends on the input is noted."""

    def __init__(self, module: torch.nn.Module, x: torch.Tensor):
        super().__init__()
        self.module = module
        self.calls: list[FunctionCall] = []
        self.named = {id(one): name for name, one in [*module.named_parameters(), *module.named_buffers()]}
        self.values: dict[int, TracedTensor] = {id(x): TracedTensor(-1, 0, tuple(x.shape))}
        self.made_of: dict[int, tuple[str, ...]] = {}
        self.alive: list[torch.Tensor] = [x]
        """Every tensor that is known by its id, so that no other gets the same."""
        self.inside: list[tuple[str, int]] = [("", 0)]
        """The modules that run, outermost first: each one's name, and the number of its turn."""
        self.turns = count(1)

    def run(self, x: torch.Tensor) -> list[TracedTensor]:
        """Run the module as it is once trained, and return its results that depend on its input.

        Every part of it is afterwards as it was before. SpecError if it fails, or no result depends on the input.
        """
        parts = dict(self.module.named_modules())
        training = {one: one.training for one in parts.values()}
        hooks = [one.register_forward_pre_hook(partial(self.enter, name)) for name, one in parts.items()]
        hooks += [one.register_forward_hook(self.leave) for one in parts.values()]
        try:
            self.module.eval()
            with torch.no_grad(), self:
                result = self.module(x)
        except Exception as error:  # noqa: BLE001 - a module is anybody's code
            path = self.inside[-1][0]
            where = f"{shown(path)} of the module" if path else "the module"
            help = "the module is traced without values, so its control flow must not depend on them"
            raise failure(f"{where} stops with", error, help) from None
        finally:
            for hook in hooks:
                hook.remove()
            for one, was in training.items():
                one.training = was
        outputs = [self.values[id(one)] for one in tree_leaves(result) if id(one) in self.values]
        if not outputs:
            raise SpecError("the module's output does not depend on its input", "scripted parts cannot be traced")
        return outputs

    def enter(self, name: str, *_: Any) -> None:
        """Note that the module of this name begins."""
        self.inside.append((name, next(self.turns)))

    def leave(self, *_: Any) -> None:
        """Note that a module ends."""
        self.inside.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (args, kwargs or {})
        tensors = tensors_in(given)
        if not any(id(tensor) in self.values for tensor in tensors):
            return self.constant(func, *given, tensors)
        noted_args, noted_kwargs = tree_map(self.noted, given)
        args, kwargs = tree_map(valueless, given)
        result = func(*args, **kwargs)
        name = name_of(func)
        results = [args[0]] if name == "setitem" else tensors_in(result)
        if results:
            at, shapes = len(self.calls), tuple([tuple(one.shape) for one in results])
            self.calls.append(FunctionCall(name, tuple(noted_args), noted_kwargs, shapes, *self.inside[-1]))
            self.alive += results
            self.values |= {id(one): TracedTensor(at, place, shapes[place]) for place, one in enumerate(results)}
        return result

    def constant(self, func: Any, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Any:
        """Return the result of a call that does not depend on the input, and note what it is computed from.

        A tensor made from numbers beside the input would have no values, so it is made on the CPU.
        """
        if not tensors and "device" in kwargs and torch.device(kwargs["device"] or "cpu").type == "meta":
            kwargs = kwargs | {"device": "cpu"}
        result = func(*args, **kwargs)
        names = tuple(dict.fromkeys(name for tensor in tensors for name in self.names(tensor)))
        for one in tensors_in(result):
            if names and id(one) not in self.named:
                self.made_of[id(one)] = names
                self.alive.append(one)
        return result

    def names(self, tensor: torch.Tensor) -> tuple[str, ...]:
        """Return the names of the parameters and buffers that a tensor is, or is computed from."""
        name = self.named.get(id(tensor))
        return self.made_of.get(id(tensor), ()) if name is None else (name,)

    def noted(self, leaf: Any) -> Any:
        """Return an argument as a call notes it."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) in self.values:
            return self.values[id(leaf)]
        self.alive.append(leaf)
        return Constant(tuple(leaf.shape), self.named.get(id(leaf)), self.names(leaf), partial(values_of, leaf))


def tensors_in(value: Any) -> list[torch.Tensor]:
    """Return the tensors in nested containers, in order."""
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def name_of(func: Any) -> str:
    """Return a function's name, `add` for `add_` and `__add__`; a property has its own."""
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        name = getattr(func.__self__, "__name__", name)
    return str(name).strip("_")


def valueless(leaf: Any) -> Any:
    """Return an argument without its values."""
    return leaf.to("meta") if isinstance(leaf, torch.Tensor) and leaf.device.type != "meta" else leaf


def values_of(tensor: torch.Tensor) -> Any:
    """Return a tensor's values as a NumPy array; None if it has none."""
    if tensor.device.type == "meta":
        return None
    plain = tensor.detach().cpu()
    return (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
