"""Record a module: it runs once on tensors that have shapes but no values, and every function call is recorded.

Control flow may depend on sizes, as it often does; only control flow that depends on values cannot be recorded.
Tensors that do not depend on the input (parameters, buffers and those computed from them) keep their values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import FlopCounterMode

from ....errors import SpecError
from ....sizes import show
from . import FIRST
from .calls import NO_PRODUCTS, Constant, FunctionCall, NamedInput, Recording, Stopped, TracedTensor
from .restore import as_it_was
from .views import TensorView, scattered, shares

META = torch.device("meta")
MOST_ONES = 1 << 22
"""The most values that a function is called on if it fails without values."""
MOST_CALLS = 15_000
"""The most calls that are recorded."""
_MADE = "zeros_like ones_like full_like empty_like rand_like randn_like randint_like new_zeros new_ones new_full"
MADE = frozenset([*_MADE.split(), "new_empty", "new_tensor"])
"""Functions that use only the sizes and type of their first argument."""
LIKE = frozenset(["to", "type_as", "expand_as", "view_as", "reshape_as"])
"""Functions that use only the sizes and type of their second argument."""
MOVED = frozenset(["cpu", "cuda"])
"""Functions that move a tensor to another device."""
SIZELESS = frozenset(["dim", "ndim", "ndimension", "dtype", "device", "is_floating_point", "requires_grad", "is_cuda"])
"""Functions and properties that do not return a tensor but do not depend on a tensor's sizes either."""


def record(module: torch.nn.Module, inputs: Sequence[NamedInput], batch: int | None, *, whole: bool) -> Recording:
    """Record a module on inputs of these shapes, which are integers if `whole` (for an embedding).

    Stopped if it fails, SpecError if no result depends on an input.
    """
    module = getattr(module, "_orig_mod", module)
    dtypes = (p.dtype for p in module.parameters() if p.is_floating_point())
    dtype = torch.int64 if whole else next(dtypes, torch.float32)
    recorder = Recorder(module, inputs, batch, dtype)
    return recorder.run()


def tensor(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """Return a tensor with a shape but no values. Raise SpecError if it is too large for PyTorch."""
    try:
        return torch.empty(shape, dtype=dtype, device=META)
    except (RuntimeError, OverflowError):
        raise SpecError(f"an input of {show(tuple(shape))} has more values than a PyTorch tensor can hold") from None


class Recorder(TorchFunctionMode):  # type: ignore[misc]
    """A PyTorch mode that records every function call on a tensor that depends on an input."""

    def __init__(self, module: torch.nn.Module, inputs: Sequence[NamedInput], batch: int | None, dtype: torch.dtype):
        super().__init__()
        self.module, self.inputs, self.batch = module, inputs, batch
        self.calls: list[FunctionCall] = []
        self.named = {id(one): name for name, one in [*module.named_parameters(), *module.named_buffers()]}
        places = {one.device for one in [*module.parameters(), *module.buffers()]} - {META}
        self.home = next(iter(places), torch.device("cpu"))
        """The device for tensors that do not depend on an input."""
        self.given = [tensor(one.shape, dtype) for one in inputs]
        self.values = {id(x): TracedTensor(-1, at, tuple(x.shape)) for at, x in enumerate(self.given)}
        self.products: dict[int, TracedTensor] = {}
        """The results of products that do not depend on an input, and what is computed from them."""
        self.made_of: dict[int, tuple[str, ...]] = {}
        self.views: dict[int, TensorView] = {}
        """How each view was made."""
        self.kin: dict[int, list[torch.Tensor]] = {}
        """The views of a base tensor, and their views, by the id of each: all share their values."""
        self.stale: set[int] = set()
        """The views whose values have changed since their call was recorded."""
        self.held: dict[int, Held] = {}
        """The recorded constants."""
        self.alive: list[torch.Tensor] = list(self.given)
        """References to all tensors known by id, so that ids are not reused."""
        self.inside: list[tuple[str, int]] = [("", 0)]
        """The running modules, outermost first: each one's name and run number."""
        self.turns = count(1)
        self.looks = False
        """Whether the module has looked at a size of a tensor that depends on an input."""
        self.failed: tuple[str, str, list[Any]] | None = None
        """The module, the function and the shapes of the call that failed first."""

    def run(self) -> Recording:
        """Run the module in evaluation mode and return the recording. Stopped if it fails.

        The module and PyTorch's random state are restored afterwards.
        """
        names = [one.name for one in self.inputs]
        with torch.random.fork_rng(devices=[]), as_it_was(self.module), self.followed(), slow_attention():
            self.module.eval()
            try:
                with torch.no_grad(), assume_all_nonzero(), self:
                    if names == [FIRST]:
                        result = self.module(*self.given)
                    else:
                        result = self.module(**dict(zip(names, self.given, strict=True)))
            except Exception as error:  # noqa: BLE001 - a module is anybody's code
                path, function, shapes = self.failed or (self.inside[-1][0], None, [])
                raise Stopped(self.recording([]), error, path, function, shapes) from None
        leaves = [leaf for leaf in tree_leaves(tensors_of(result)) if self.is_traced(leaf)]
        if not leaves:
            raise SpecError("the module's output does not depend on its input", "scripted parts cannot be traced")
        return self.recording([self.noted(one) for one in leaves])

    def recording(self, outputs: list[TracedTensor]) -> Recording:
        """Return the recording so far."""
        trained = {name: parameter.numel() for name, parameter in self.module.named_parameters()}
        kept = {name: one.numel() for name, one in self.module.named_buffers() if not is_counter(name)}
        leaves = frozenset([name for name, one in self.module.named_modules() if is_leaf(one)])
        name = type(self.module).__name__
        return Recording(name, self.inputs, self.batch, self.calls, outputs, trained, kept, leaves, self.looks)

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Keep track of the running module within the context."""
        parts = dict(self.module.named_modules())
        hooks = [one.register_forward_pre_hook(partial(self.enter, name)) for name, one in parts.items()]
        hooks += [one.register_forward_hook(self.leave) for one in parts.values()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def enter(self, name: str, *_: Any) -> None:
        """Record that the module of this name begins."""
        self.inside.append((name, next(self.turns)))

    def leave(self, *_: Any) -> None:
        """Record that a module ends."""
        self.inside.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (args, kwargs or {})
        tensors = tensors_in(given)
        traced = [tensor for tensor in tensors if self.is_traced(tensor)]
        try:
            if not traced:
                return self.constant(func, args, kwargs or {}, tensors)
            name = name_of(func)
            if takes_sizes(name, args, traced):
                self.looks = True
                own_args, own_kwargs = tree_map(self.stand_in, given)
                return self.constant(func, own_args, own_kwargs, tensors)
            return self.call(func, name, args, kwargs or {})
        except Exception:
            if self.failed is None:
                shapes = [tuple(one.shape) for one in tensors]
                self.failed = (self.inside[-1][0], name_of(func), shapes)
            raise

    def call(self, func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Make a call that depends on an input, and record it."""
        if name in ("getitem", "setitem"):
            args = (args[0], index_with_tensors(args[1]), *args[2:])
        noted_args, noted_kwargs = tree_map(self.noted, (args, kwargs))
        meta_args, meta_kwargs = tree_map(valueless, (args, kwargs))
        if name == "nms":  # the number of remaining boxes depends on values
            return self.suppressed(noted_args, meta_args[0])
        if name in MOVED:
            func, meta_args, meta_kwargs = torch.Tensor.detach, meta_args[:1], {}
        counter, first = FlopCounterMode(display=False), meta_args[0] if meta_args else None
        before = version_of(first)
        with counter if name not in NO_PRODUCTS else contextlib.nullcontext():
            try:
                result = func(*meta_args, **meta_kwargs)
            except (RuntimeError, NotImplementedError) as error:
                if not (name.endswith("loss") or isinstance(error, NotImplementedError)):
                    raise
                result = self.on_ones(func, (args, kwargs), error)
        changes = writes(func) or version_of(first) != before
        results = [args[0]] if changes else tensors_in(result)
        if not results:
            self.looks = self.looks or name not in SIZELESS
            return result
        if changes:
            result = args[0]
        macs = counter.get_total_flops() // 2 if name not in NO_PRODUCTS else 0
        self.note(name, tuple(noted_args), noted_kwargs, results, macs)
        if changes:
            self.write_through(args[0])
        else:
            self.note_views(name, args, kwargs, first, results)
        return result

    def on_ones(self, func: Any, given: Any, error: Exception) -> Any:
        """Return the result for ones of a function that does not run without values, or raise its error.

        All but its first argument may be integers, such as classes or lengths.
        """
        tensors = tensors_in(given)
        if sum(one.numel() for one in tensors) > MOST_ONES:
            raise error
        for kind in (None, torch.int64):
            (_, *rest), kwargs = tree_map(partial(ones, kind), given)
            with contextlib.suppress(Exception):
                return tree_map(valueless, func(ones(None, given[0][0]), *rest, **kwargs))
        raise error

    def suppressed(self, args: Any, boxes: torch.Tensor) -> torch.Tensor:
        """Return the result of non-maximum suppression as if all boxes remained, and record it."""
        left = torch.empty(boxes.shape[:1], dtype=torch.int64, device=META)
        self.note("nms", tuple(args), {}, [left], 0)
        return left

    def note(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        results: list[torch.Tensor],
        macs: int,
        known: dict[int, TracedTensor] | None = None,
    ) -> None:
        """Record a call and its results among the values, or in another table."""
        if len(self.calls) >= MOST_CALLS:
            raise RuntimeError(f"it calls more than {MOST_CALLS:,} functions")
        at, shapes = len(self.calls), tuple([tuple(one.shape) for one in results])
        kinds = tuple([kind_of(one) for one in results])
        self.calls.append(FunctionCall(name, args, kwargs, shapes, *self.inside[-1], macs, kinds))
        self.alive += results
        table = self.values if known is None else known
        table |= {id(one): TracedTensor(at, place, shapes[place]) for place, one in enumerate(results)}

    def note_views(self, name: str, args: Any, kwargs: Any, first: Any, results: list[torch.Tensor]) -> None:
        """Record which results of a call share the values of its first argument (received as `first`)."""
        for place, one in enumerate(results):
            if args and one is not args[0] and id(one) not in self.kin and shares(one, first):
                self.views[id(one)] = TensorView(args[0], name, args[1:], kwargs, results, place)
                self.kin[id(one)] = self.kin.setdefault(id(args[0]), [])
                self.kin[id(one)].append(one)
                self.alive += [args[0], one]

    def write_through(self, part: torch.Tensor) -> None:
        """Record that the tensors that this is a view of have changed with it, and mark other views as stale."""
        kin, fresh = self.kin.get(id(part), []), {id(part)}
        while id(part) in self.views:
            name, args, kwargs = scattered(self.views[id(part)])
            noted_args, noted_kwargs = tree_map(self.noted, (args, kwargs))
            part = self.views[id(part)].whole
            fresh.add(id(part))
            self.stale.discard(id(part))
            self.note(name, tuple(noted_args), noted_kwargs, [part], 0)
        self.stale |= {id(one) for one in kin} - fresh

    def renew(self, view: TensorView) -> None:
        """Record the call that made a view again, on the current value of its base."""
        self.stale -= {id(one) for one in view.results}
        args, kwargs = tree_map(self.noted, ((view.whole, *view.args), view.kwargs))
        self.note(view.function, tuple(args), kwargs, [*view.results], 0)

    def is_traced(self, leaf: Any) -> bool:
        """Return whether a tensor depends on an input."""
        return id(leaf) in self.values or id(leaf) in self.stale

    def constant(self, func: Any, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Any:
        """Return the result of a call that does not depend on an input, and record what it is computed from.

        A tensor created on the input's device would have no values, so it is created on the module's device.
        """
        lifeless = any(one.device == META and id(one) not in self.values for one in tensors)
        args, kwargs = tree_map(partial(self.placed, META if lifeless else self.home), (args, kwargs))
        if lifeless:
            args, kwargs = tree_map(valueless, (args, kwargs))
        given = tree_map(self.noted, (args, kwargs))
        if args and writes(func):
            self.keep(args[0])
        counter = FlopCounterMode(display=False)
        with counter if tensors and name_of(func) not in NO_PRODUCTS else contextlib.nullcontext():
            result = func(*args, **kwargs)
        names = tuple(dict.fromkeys(name for tensor in tensors for name in self.names(tensor)))
        self.note_product(name_of(func), given, result, tensors, counter)
        for one in tensors_in(result):
            if names and id(one) not in self.named:
                self.made_of[id(one)] = names
                self.alive.append(one)
        self.note_views(name_of(func), args, kwargs, args[0] if args else None, tensors_in(result))
        return result

    def note_product(
        self, name: str, given: Any, result: Any, tensors: list[torch.Tensor], counter: FlopCounterMode
    ) -> None:
        """Record a call without an input that multiplies matrices, or works on the result of such a call."""
        macs = counter.get_total_flops() // 2 if tensors and name not in NO_PRODUCTS else 0
        results = tensors_in(result)
        if not results or not (macs or any(id(one) in self.products for one in tensors)):
            return
        self.note(name, tuple(given[0]), given[1], results, macs, self.products)

    def placed(self, device: torch.device, leaf: Any) -> Any:
        """Return an argument with PyTorch's meta device replaced by another."""
        is_meta = leaf == META if isinstance(leaf, torch.device) else leaf == "meta" if isinstance(leaf, str) else False
        return device if is_meta else leaf

    def stand_in(self, leaf: Any) -> Any:
        """Return a tensor of the same sizes and type as one that depends on an input."""
        if not isinstance(leaf, torch.Tensor) or id(leaf) not in self.values:
            return leaf
        return torch.zeros((), dtype=leaf.dtype, device=self.home).expand(leaf.shape)

    def names(self, tensor: torch.Tensor) -> tuple[str, ...]:
        """Return the names of the parameters and buffers that a tensor is or is computed from."""
        name = self.named.get(id(tensor))
        return self.made_of.get(id(tensor), ()) if name is None else (name,)

    def noted(self, leaf: Any) -> Any:
        """Return an argument in the form in which calls are recorded."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) in self.stale:
            self.renew(self.views[id(leaf)])
        if id(leaf) in self.values:
            return self.values[id(leaf)]
        self.alive.append(leaf)
        own, made = self.named.get(id(leaf)), self.products.get(id(leaf))
        held = self.held.setdefault(id(leaf), Held(leaf))
        return Constant(tuple(leaf.shape), own, self.names(leaf), held.read, held, made)

    def keep(self, written: Any) -> None:
        """Keep the recorded values of a tensor that is being written to; later records get the new values."""
        for one in [own for own, held in self.held.items() if shares(held.tensor, written)]:
            held = self.held.pop(one)
            held.tensor = held.tensor.clone()


def assume_all_nonzero() -> contextlib.AbstractContextManager[None]:
    """Return a context in which PyTorch assumes all values nonzero where a size depends on their number.

    What depends on such a size is unknown, but the module can be recorded to its end.
    """
    from torch.fx.experimental import _config

    if not hasattr(_config, "meta_nonzero_assume_all_nonzero"):
        return contextlib.nullcontext()
    patched: contextlib.AbstractContextManager[None] = _config.patch(meta_nonzero_assume_all_nonzero=True)
    return patched


@contextlib.contextmanager
def slow_attention() -> Iterator[None]:
    """Disable PyTorch's fast path for attention within the context, as it does not accept tensors without values."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def takes_sizes(name: str, args: Sequence[Any], traced: Sequence[torch.Tensor]) -> bool:
    """Return whether a call uses only sizes and types of tensors that depend on an input."""
    first = args[0] if args else None
    if name in MADE:
        return len(traced) == 1 and traced[0] is first
    return name in LIKE and isinstance(first, torch.Tensor) and all(first is not one for one in traced)


def index_with_tensors(index: Any) -> tuple[Any, ...]:
    """Return an index with lists replaced by tensors, and known masks by indices."""
    parts = index if isinstance(index, tuple) else (index,)
    own = [torch.tensor(one) if isinstance(one, list) and not tensors_in(one) else one for one in parts]
    own = [place for one in own for place in (one.nonzero(as_tuple=True) if _is_mask(one) else [one])]
    return tuple([one.item() if _is_place(one) else one for one in own])


def _is_place(index: Any) -> bool:
    """Return whether an index is a single integer that does not depend on an input."""
    return isinstance(index, torch.Tensor) and index.dim() == 0 and index.device != META and kind_of(index) == "int"


def _is_mask(index: Any) -> bool:
    """Return whether an index is a mask that does not depend on an input."""
    return isinstance(index, torch.Tensor) and index.dtype is torch.bool and index.dim() > 0 and index.device != META


def tensors_of(result: Any) -> Any:
    """Return a module's result with objects, such as libraries' output classes, replaced by their fields."""
    if isinstance(result, Mapping):
        return {key: tensors_of(one) for key, one in result.items()}
    if isinstance(result, (list, tuple)):
        return [tensors_of(one) for one in result]
    fields = getattr(result, "__dict__", {}) if not isinstance(result, (torch.Tensor, str)) else {}
    return [tensors_of(one) for one in fields.values()] if fields else result


def tensors_in(value: Any) -> list[torch.Tensor]:
    """Return the tensors in nested containers, in order."""
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def name_of(func: Any, *, plain: bool = True) -> str:
    """Return a function's name: `add` for `add_` and `__add__`; for a property, the property's name."""
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        name = getattr(func.__self__, "__name__", name)
    return str(name).strip("_") if plain else str(name)


_OPERATORS = "add sub mul div truediv floordiv pow and or xor mod"
IN_PLACE = frozenset(f"__i{name}__" for name in _OPERATORS.split())


def writes(func: Any) -> bool:
    """Return whether a function's name says that it writes to its first argument."""
    name = name_of(func, plain=False)
    return name == "__setitem__" or name in IN_PLACE or (name.endswith("_") and not name.endswith("__"))


def version_of(tensor: Any) -> int:
    """Return how often a tensor was written to; 0 if it does not count that."""
    is_counted = isinstance(tensor, torch.Tensor) and not tensor.is_inference()
    return tensor._version if is_counted else 0  # noqa: SLF001


def kind_of(tensor: torch.Tensor) -> str:
    """Return the kind of a tensor: `float`, `int` or `bool`."""
    return "bool" if tensor.dtype is torch.bool else "int" if not tensor.is_floating_point() else "float"


def is_leaf(module: torch.nn.Module) -> bool:
    """Return whether a module has no submodules, except those that compute its weights."""
    return all(name == "parametrizations" for name, _ in module.named_children())


def is_counter(name: str) -> bool:
    """Return whether a buffer only counts training batches."""
    return name.rpartition(".")[2] == "num_batches_tracked"


def valueless(leaf: Any) -> Any:
    """Return an argument without values; a device becomes the meta device."""
    if isinstance(leaf, torch.device):
        return META
    if isinstance(leaf, str) and leaf.partition(":")[0] in ("cpu", "cuda", "mps"):
        return META
    return leaf.to(META) if isinstance(leaf, torch.Tensor) and leaf.device != META else leaf


def ones(kind: torch.dtype | None, leaf: Any) -> Any:
    """Return an argument with all values 1, of another type if given."""
    return torch.ones(leaf.shape, dtype=kind or leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf


class Held:
    """A tensor that does not depend on an input, with its values at the time of recording."""

    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor

    def read(self) -> Any:
        """Return its values as a NumPy array; None if it has none."""
        if self.tensor.device == META:
            return None
        plain = self.tensor.detach().cpu()
        return (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
