"""Following a module: it runs once on tensors that have shapes and no values, and every function it calls is noted.

So control flow may depend on sizes, as it often does, and only what depends on values cannot be followed.
What does not come from the input (parameters, buffers and what is made of them) keeps its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from ....errors import SpecError, shown
from .calls import Constant, FunctionCall, Recording, TracedTensor


def record(module: torch.nn.Module, input: tuple[int, ...], front: tuple[int, ...]) -> Recording:
    """Record what a module does to an input with these sizes in front. SpecError if it cannot be traced."""
    module = getattr(module, "_orig_mod", module)
    x = torch.empty((*front, *input), dtype=dtype(module), device="meta")
    follower = Recorder(module, x)
    with evaluating(module), follower.listening(), torch.no_grad():
        outputs = follower.run(x)
    sizes = {name: tensor.numel() for name, tensor in named(module).items()}
    trained = dict(module.named_parameters())
    return Recording(
        type(module).__name__,
        input,
        x.shape[0],
        follower.calls,
        outputs,
        {name: size for name, size in sizes.items() if name in trained},
        {name: size for name, size in sizes.items() if name not in trained},
        frozenset([name for name, one in module.named_modules() if not any(True for _ in one.children())]),
    )


def dtype(module: torch.nn.Module) -> torch.dtype:
    """The type of number that the module's first parameter has."""
    dtypes = (p.dtype for p in module.parameters() if p.is_floating_point())
    return next(dtypes, torch.float32)


def named(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by their names, shared ones once."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """The module as it is once trained; afterwards every part of it is as it was."""
    training = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, was in training:
            one.training = was


class Recorder(TorchFunctionMode):  # type: ignore[misc]
    """Notes each call of a function that reads what comes from the input."""

    def __init__(self, module: torch.nn.Module, x: torch.Tensor):
        super().__init__()
        self.module = module
        self.calls: list[FunctionCall] = []
        self.named = {id(tensor): name for name, tensor in named(module).items()}
        self.values: dict[int, TracedTensor] = {id(x): TracedTensor(-1, 0, tuple(x.shape))}
        self.made_of: dict[int, tuple[str, ...]] = {}
        self.alive: list[torch.Tensor] = [x]
        """Every tensor that is known by its id, so that no other gets the same."""
        self.inside: list[tuple[str, int]] = [("", 0)]
        self.turns = 0

    def run(self, x: torch.Tensor) -> list[TracedTensor]:
        """What of the module's results comes from its input. SpecError if it cannot be run so."""
        try:
            with self:
                result = self.module(x)
        except Exception as error:  # noqa: BLE001 - a module is anybody's code
            raise self.unfollowed(error) from None
        outputs = [self.values[id(one)] for one in tree_leaves(result) if id(one) in self.values]
        if not outputs:
            raise SpecError("the module's output does not depend on its input", "scripted parts cannot be traced")
        return outputs

    def unfollowed(self, error: Exception) -> SpecError:
        """The error of a module that stopped, with the place in it."""
        path = self.inside[-1][0]
        text = (str(error).splitlines() or [""])[0]
        where = f"{shown(path)} of the module" if path else "the module"
        help = "the module is traced without values, so its control flow must not depend on them"
        return SpecError(f"{where} stops with {type(error).__name__}: {shown(text, 200)[1:-1]}", help)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Know which module runs."""
        hooks = []
        for name, one in self.module.named_modules():
            hooks.append(one.register_forward_pre_hook(self.entering(name)))
            hooks.append(one.register_forward_hook(self.leaving))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def entering(self, name: str) -> Callable[..., None]:
        """What is done when the module of this name begins."""

        def enter(*_: Any) -> None:
            self.turns += 1
            self.inside.append((name, self.turns))

        return enter

    def leaving(self, *_: Any) -> None:
        """What is done when a module ends."""
        self.inside.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (args, kwargs or {})
        tensors = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        if not any(id(tensor) in self.values for tensor in tensors):
            return self.own(func(*given[0], **valued(given[1], tensors)), tensors)
        seen_args, seen_kwargs = tree_map(self.seen, given)
        args, kwargs = tree_map(valueless, given)
        result = func(*args, **kwargs)
        name = name_of(func)
        results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        if name == "setitem":
            results = [args[0]]
        if results:
            self.note(name, seen_args, seen_kwargs, results)
        return result

    def note(self, name: str, args: Any, kwargs: Any, results: list[torch.Tensor]) -> None:
        """One more call, and whose its results are."""
        at = len(self.calls)
        shapes = tuple([tuple(result.shape) for result in results])
        self.calls.append(FunctionCall(name, tuple(args), kwargs, shapes, *self.inside[-1]))
        self.alive += results
        self.values |= {id(one): TracedTensor(at, place, tuple(one.shape)) for place, one in enumerate(results)}

    def own(self, result: Any, tensors: list[torch.Tensor]) -> Any:
        """The result of a call that reads nothing of the input, and what it is made of."""
        names = [name for tensor in tensors for name in self.names(tensor)]
        for leaf in tree_leaves(result):
            if names and isinstance(leaf, torch.Tensor) and id(leaf) not in self.named:
                self.made_of[id(leaf)] = tuple(dict.fromkeys(names))
                self.alive.append(leaf)
        return result

    def names(self, tensor: torch.Tensor) -> tuple[str, ...]:
        """The parameters and buffers that a tensor is, or is made of."""
        name = self.named.get(id(tensor))
        return self.made_of.get(id(tensor), ()) if name is None else (name,)

    def seen(self, leaf: Any) -> Any:
        """An argument as a call notes it."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) in self.values:
            return self.values[id(leaf)]
        self.alive.append(leaf)
        return Constant(tuple(leaf.shape), self.named.get(id(leaf)), self.names(leaf), reader(leaf))


def name_of(func: Any) -> str:
    """What a function is called, `add` for `add_` and `__add__`; a property by its own name."""
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        name = getattr(func.__self__, "__name__", name)
    return str(name).strip("_")


def valued(kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> dict[str, Any]:
    """The arguments of what makes a tensor from numbers: beside the input it would have no values, so it goes apart."""
    if not tensors and "device" in kwargs and torch.device(kwargs["device"] or "cpu").type == "meta":
        return kwargs | {"device": "cpu"}
    return kwargs


def valueless(leaf: Any) -> Any:
    """An argument without its values."""
    return leaf.to("meta") if isinstance(leaf, torch.Tensor) and leaf.device.type != "meta" else leaf


def reader(tensor: torch.Tensor) -> Callable[[], Any]:
    """What reads a tensor's values, when they are wanted."""

    def read() -> Any:
        if tensor.device.type == "meta":
            return None
        plain = tensor.detach().cpu()
        return (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()

    return read
