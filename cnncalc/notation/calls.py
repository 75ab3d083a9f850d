"""A framework's call, or the line of a print-out, as layers: `Conv2d(3, 64, 3, padding=1)`, `(0): ReLU(inplace=True)`.

PyTorch and Keras are told apart by their spelling: `Conv2d` and `Conv2D`. The text is parsed, never run: what it may
hold is calls of layers, and literals.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from ..dialects import DIALECTS
from ..errors import SpecError, nearest, shown
from ..layers import OPS
from ..layers.names import KERAS, KERAS_ACTIVATIONS, TORCH, Name
from ..layers.resample import EXACT
from ..registry import Registry
from ..sizes import LARGEST

Raw = dict[str, Any]
"""A layer as JSON has it."""


class ModuleCall(NamedTuple):
    """A call that was read."""

    framework: str
    """`torch` or `keras`."""
    kind: str
    """The class that is called: `Conv2d`."""
    name: str | None
    """The name that a line of a print-out begins with, or that Keras's `name` gives."""
    layers: list[Raw]
    """The layers that it means, the framework's defaults given where they differ from ours."""


class NamedArgument(NamedTuple):
    """A class or a function that is given as an argument, by the last part of its name: `tf.nn.relu`."""

    name: str


class BoundCall(NamedTuple):
    """A call with its arguments by their names."""

    kind: str
    op: str
    """The op's word, the ending for its number of axes included; empty for a class without one of its own."""
    table: Name
    values: dict[str, Any]

    def get(self, argument: str, default: Any = None) -> Any:
        """Return an argument's value; the default if it is not given, or None."""
        value = self.values.get(argument)
        return default if value is None else value


Reading = Callable[[BoundCall], list[Raw]]
SEVERAL = "Sequential"
"""The class of layers one behind another; calls with commas between them are read as one."""
LINE = re.compile(r"\s*\(([^():]*)\):\s*(.*?),?\s*", re.DOTALL)
"""A line of a print-out: the name of a module, then its call."""
_CALL = re.compile(r"\s*(?:\([^():]*\):\s*)?[A-Za-z_][\w.]*\s*\(.*\)\s*,?\s*", re.DOTALL)


def looks_like_call(text: str) -> bool:
    """Return whether a text is written as a call, or as a line of a print-out."""
    return "(" in text and _CALL.fullmatch(text) is not None


def is_expression(text: str) -> bool:
    """Return whether a text is a call as Python writes it; most print-outs of several lines are not."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(tree, (ast.Call, ast.Tuple))


def read_call(text: str) -> ModuleCall:
    """Read a call of a layer of PyTorch or Keras, or a line of a print-out. SpecError for anything else."""
    line = LINE.fullmatch(text)
    try:
        call = _read(ast.parse((line[2] if line else text).strip(), mode="eval").body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SpecError(f"{shown(text)} is not a call", "as Conv2d(3, 64, 3, padding=1)") from None
    return call._replace(name=line[1]) if line and line[1] else call


def _read(tree: ast.expr, text: str) -> ModuleCall:
    if isinstance(tree, ast.Tuple):
        calls = [_read(one, ast.unparse(one)) for one in tree.elts]
        layers = [raw for call in calls for raw in call.layers]
        return calls[0] if len(calls) == 1 else ModuleCall(calls[0].framework, SEVERAL, None, layers)
    if not isinstance(tree, ast.Call):
        raise SpecError(f"{shown(text)} is not a call", "as Conv2d(3, 64, 3, padding=1)")
    path = _dotted(tree.func)
    if not path and isinstance(tree.func, ast.Call) and all(isinstance(arg, ast.Name) for arg in tree.args):
        return _read(tree.func, text)  # Conv2D(32, 3)(x)
    if not path:
        raise SpecError(f"{shown(text)} does not call a layer by its name", "as Conv2d(3, 64, 3, padding=1)")
    args = [_value(arg) for arg in tree.args]
    kwargs: dict[str, Any] = {}
    for keyword in tree.keywords:
        if keyword.arg is None:
            raise SpecError("** is not read in a call", "write the arguments themselves")
        kwargs[keyword.arg] = None if _has_no_effect(keyword.arg) else _value(keyword.value)
    framework = _framework_named(path[:-1])
    if path[-1] == SEVERAL and not kwargs and all(isinstance(arg, ModuleCall) for arg in args):
        return ModuleCall(framework or "torch", SEVERAL, None, [raw for arg in args for raw in arg.layers])
    return layers_of(path[-1], args, kwargs, framework)


def _dotted(tree: ast.expr) -> list[str]:
    """Return the parts of a name with points; none for anything else."""
    parts: list[str] = []
    while isinstance(tree, ast.Attribute):
        parts.append(tree.attr)
        tree = tree.value
    return [tree.id, *reversed(parts)] if isinstance(tree, ast.Name) else []


def _framework_named(path: Sequence[str]) -> str | None:
    """Return the framework that the parts before a class name; None if they name none."""
    if not {"keras", "layers", "tf", "tensorflow", "L"}.isdisjoint(path):
        return "keras"
    return "torch" if {"nn", "torch"} & {*path} else None


def _value(tree: ast.expr) -> Any:
    """Return the value of an argument: a literal, tuples as lists; a class or a function; or a call that was read."""
    path = _dotted(tree)
    if path:
        return NamedArgument(path[-1])
    if isinstance(tree, ast.Call):
        return _read(tree, ast.unparse(tree))
    if isinstance(tree, (ast.Tuple, ast.List)):
        return [_value(one) for one in tree.elts]
    if isinstance(tree, ast.BinOp) and type(tree.op) in _ARITHMETIC:
        sides = [_value(tree.left), _value(tree.right)]
        if all(isinstance(side, (int, float)) and abs(side) <= LARGEST for side in sides):
            with suppress(ZeroDivisionError):
                return _ARITHMETIC[type(tree.op)](*sides)
    try:
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        what = f"{shown(ast.unparse(tree))} is not a value that can be read here"
        raise SpecError(what, "write the number itself") from None


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
"""The arithmetic between numbers that is read: `16*5*5`."""
TABLES = {"torch": TORCH, "keras": KERAS}


@cache
def kinds() -> dict[str, tuple[str, ...]]:
    """Return the classes that calls are read of, exactly as they are spelt, each with the frameworks that have it."""
    found: dict[str, list[str]] = {}
    for framework in TABLES:
        for kind in [*_named(framework), *_READINGS[framework]]:
            if kind[0].isupper() and framework not in found.setdefault(kind, []):
                found[kind].append(framework)
    return {kind: tuple(frameworks) for kind, frameworks in found.items() if frameworks}


@cache
def _named(framework: str) -> dict[str, tuple[str, Name]]:
    """Return the op of each of a framework's classes, and its entry in the table of names."""
    return {
        kind: (op + end if op + end in OPS else op, name)
        for op, name in TABLES[framework].items()
        for kind, end in name.numbered()
    }


def layers_of(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any], framework: str | None = None) -> ModuleCall:
    """Return the layers of a class called with these arguments, which are values as JSON has them.

    Without a framework a class that both have is PyTorch's, if the arguments are. SpecError for what is not read.
    """
    having = kinds().get(kind, ())
    if framework is not None and framework in having:
        having = (framework,)
    if not having:
        help = nearest(kind, kinds()) or "a call is read as Conv2d(3, 64, 3, padding=1)"
        raise SpecError(f"{shown(kind)} is not a layer that is read from a call", help)
    *others, last = having
    for one in others:
        try:
            return _call(one, kind, args, kwargs)
        except SpecError as error:
            first = error
    try:
        return _call(last, kind, args, kwargs)
    except SpecError:
        if others:
            raise first from None
        raise


def _call(framework: str, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ModuleCall:
    reading = _READINGS[framework].get(kind)
    op, table = _named(framework).get(kind, ("", Name(kind)))
    if reading is not None and reading.arguments:
        table = table._replace(positions=reading.arguments)
    values = _bind(framework, kind, table, args, kwargs)
    bound = BoundCall(kind, op, table, values)
    try:
        layers = reading.read(bound) if reading is not None else [_renamed(bound)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise SpecError(
            f"the arguments of {kind} have values that it does not take", "compare its documentation"
        ) from None
    if framework == "keras":
        layers = _as_keras(bound, layers)
    name = values.get("name")
    return ModuleCall(framework, kind, name if isinstance(name, str) else None, layers)


IGNORED: dict[str, Sequence[str]] = {
    "torch": (
        *("device", "dtype", "inplace", "momentum", "return_indices", "recompute_scale_factor", "padding_idx"),
        *("max_norm", "norm_type", "scale_grad_by_freq", "sparse", "init", "batch_first", "dropout"),
    ),
    "keras": (
        *("name", "trainable", "dtype", "data_format", "momentum", "seed", "noise_shape", "batch_size", "weights"),
        *("batch_input_shape", "input_shape", "input_dim", "renorm", "synchronized", "mask_zero", "dropout"),
        *("unit_forget_bias", "recurrent_dropout", "stateful", "unroll", "use_cudnn", "time_major"),
        *("implementation", "autocast"),
    ),
}
"""Arguments that change no shape and no number of weights, or that the network around a layer decides."""
_READ_THOUGH_IGNORED = {"name", "inplace", "input_shape", "batch_input_shape", "input_dim"}
_IGNORED_ENDS = ("_initializer", "_regularizer", "_constraint")


def _has_no_effect(argument: str) -> bool:
    """Return whether the value of an argument does not matter here, whatever it is."""
    ignored = any(argument in names for names in IGNORED.values()) and argument not in _READ_THOUGH_IGNORED
    return ignored or argument.endswith(_IGNORED_ENDS)


def _bind(framework: str, kind: str, table: Name, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by their names. SpecError for too many, and for a name that the class does not have."""
    names = _ORDERS.get(kind, table.arguments)
    if len(args) > len(names) and kind != "Identity":
        takes = ", ".join(names) if names else "no arguments"
        raise SpecError(f"{kind} is given {len(args)} arguments", f"it takes {takes}")
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name in values:
            raise SpecError(f"{kind} is given {name} twice", "leave out one of them")
        known = name in names or name in table.keys or name in _MORE.get(kind, ()) or name in IGNORED[framework]
        if not known and not name.endswith(_IGNORED_ENDS) and kind != "Identity":
            every = [*dict.fromkeys((*names, *table.keys, *_MORE.get(kind, ())))]
            help = nearest(name, every) or (f"it takes {', '.join(every)}" if every else "it takes no arguments")
            raise SpecError(f"{kind} has no argument {shown(name)}", help)
        values[name] = value
    if not isinstance(values.get("inplace", False), bool):
        raise SpecError(f"{kind}: inplace is True or False, not {shown(values['inplace'])}")
    if "kernel_size" in table.keys and "kernel_size" not in values:
        raise SpecError(f"{kind} needs kernel_size", f"it takes {', '.join(names)}")
    return values


_ORDERS = {
    "Conv3DTranspose": (
        *("filters", "kernel_size", "strides", "padding", "data_format"),
        *("output_padding", "dilation_rate", "activation", "use_bias"),
    )
}
"""The order of the arguments of a class that differs from the other classes of its op."""


def _renamed(bound: BoundCall) -> Raw:
    """Return the layer with the arguments as its keys, and the framework's defaults that are not ours."""
    raw: Raw = {"op": bound.op}
    cls = OPS[bound.op][0]
    for theirs, ours in bound.table.keys.items():
        value = bound.values.get(theirs)
        for key in ours.split() if value is not None else ():
            raw[key] = value.name if isinstance(value, NamedArgument) else value
    for key, value in bound.table.defaults.items():
        if key in raw or getattr(cls, key, None) == value or (key == "factor" and "out" in raw):
            continue
        raw[key] = value
    needed = [theirs for theirs, ours in bound.table.keys.items() if ours in cls.NEEDED and ours not in raw]
    if needed:
        raise SpecError(f"{bound.kind} needs {needed[0]}", f"as {bound.kind}({', '.join(bound.table.arguments[:3])})")
    if cls.BARE == "k" and "s" in cls.KEYS and getattr(cls, "s", 0) is None:
        raw.setdefault("s", raw["k"])
    return raw


class _Reading(NamedTuple):
    read: Reading
    arguments: tuple[str, ...]
    """The arguments in their order, if the table of names does not have them."""


_READINGS: dict[str, Registry[str, _Reading]] = {"torch": Registry(), "keras": Registry()}
"""How a class is read whose arguments are not only renamed, by framework."""
_MORE: dict[str, tuple[str, ...]] = {
    "MultiheadAttention": ("add_bias_kv", "add_zero_attn"),
    **{f"{norm}Norm{nd}d": ("bias",) for norm in ("Batch", "Instance") for nd in (1, 2, 3)},
    "GroupNorm": ("bias",),
    "LSTM": ("return_sequences", "return_state", "go_backwards"),
    "GRU": ("return_sequences", "return_state", "go_backwards", "reset_after"),
    "SimpleRNN": ("return_sequences", "return_state", "go_backwards"),
    "BatchNormalization": ("fused",),
}
"""Arguments that are given by their names only, and are no keys."""


def _reads(framework: str, *kinds: str, arguments: str = "") -> Callable[[Reading], Reading]:
    """Enter a function as the reading of classes."""

    def enter(read: Reading) -> Reading:
        for kind in kinds:
            _READINGS[framework][kind] = _Reading(read, tuple(arguments.split()))
        return read

    return enter


def _each_rank(word: str) -> list[str]:
    return [word.format(nd) for nd in (1, 2, 3)]


def _refuse(bound: BoundCall, argument: str, allowed: tuple[Any, ...]) -> None:
    """SpecError if an argument has a value that no layer here expresses."""
    value = bound.values.get(argument)
    if value is not None and value not in allowed:
        help = f"leave it out, or give it as a layer of its own: cnncalc ops {bound.op}" if bound.op else "leave it out"
        raise SpecError(f"{bound.kind} with {argument}={shown(value)} is not read from a call", help)


# PyTorch


@_reads("torch", *_each_rank("Conv{}d"), *_each_rank("ConvTranspose{}d"))
def _conv(bound: BoundCall) -> list[Raw]:
    raw = _renamed(bound)
    return padded_apart(raw, bound.get("padding_mode", "zeros"), OPS[bound.op][1] or 2)


def padded_apart(raw: Raw, mode: Any, nd: int) -> list[Raw]:
    """Return a convolution behind a pad of this mode, of PyTorch's `padding_mode`; alone for zeros."""
    mode = mode.name if isinstance(mode, NamedArgument) else mode
    if mode == "zeros":
        return [raw]
    modes = ("zeros", "reflect", "replicate", "circular")
    if mode not in modes:
        help = nearest(mode, modes) if isinstance(mode, str) else None
        raise SpecError(f"{shown(mode)} is not a padding_mode", help or f"it is one of {', '.join(modes)}")
    p = raw.pop("p", 0)
    if p in ("same", "valid"):
        k, d = [value if isinstance(value, list) else [value] * nd for value in (raw.get("k", 1), raw.get("d", 1))]
        totals = [(n - 1) * step if p == "same" else 0 for n, step in zip(k, d, strict=True)]
        p = [[total // 2, total - total // 2] for total in totals]
    if isinstance(p, str):
        raise SpecError(f"padding_mode={mode} goes with numbers or same, not with p={p}", "as p1 or p=same")
    return [{"op": "pad", "p": p, "mode": mode}, raw]


@_reads("torch", "LazyLinear", arguments="out_features bias")
def _lazy_linear(bound: BoundCall) -> list[Raw]:
    return [_renamed(bound._replace(op="linear", table=TORCH["linear"]))]


def _lazy(op: str) -> Reading:
    def read(bound: BoundCall) -> list[Raw]:
        own = bound._replace(op=op, table=TORCH[OPS[op][0].WORD])
        return _conv(own) if "conv" in op else [_renamed(own)]

    return read


for _word, _family in (("Conv{}d", "conv"), ("ConvTranspose{}d", "convT"), ("BatchNorm{}d", "batchnorm")):
    for _kind, _end in TORCH[_family].numbered():
        _op = _family + _end if _family + _end in OPS else _family
        _reads("torch", f"Lazy{_kind}", arguments=" ".join(TORCH[_family].arguments[1:]))(_lazy(_op))


@_reads("torch", *_each_rank("BatchNorm{}d"), "SyncBatchNorm", arguments=" ".join(TORCH["batchnorm"].arguments))
def _batchnorm(bound: BoundCall) -> list[Raw]:
    _refuse(bound, "track_running_stats", (True,))
    return [_with_bias(bound, _renamed(bound._replace(op="batchnorm", table=TORCH["batchnorm"])))]


def _with_bias(bound: BoundCall, raw: Raw) -> Raw:
    """Return a norm without its bias, if PyTorch's `bias` says so."""
    return raw | {"center": False} if bound.get("bias") is False else raw


@_reads("torch", *_each_rank("InstanceNorm{}d"))
def _instancenorm(bound: BoundCall) -> list[Raw]:
    _refuse(bound, "track_running_stats", (False,))
    return [_with_bias(bound, {"op": bound.op, "scale": False, "center": False} | _renamed(bound))]


@_reads("torch", "GroupNorm")
def _groupnorm(bound: BoundCall) -> list[Raw]:
    return [_with_bias(bound, _renamed(bound))]


@_reads("torch", "LayerNorm")
def _layernorm(bound: BoundCall) -> list[Raw]:
    shape = bound.values.get("normalized_shape")
    axes = len(shape) if isinstance(shape, list) else 1
    raw = _with_bias(bound, _renamed(bound))
    return [raw | {"axis": [*range(-axes, 0)]} if axes > 1 else raw]


@_reads("torch", "Flatten")
def _flatten(bound: BoundCall) -> list[Raw]:
    if bound.values.get("start_dim", 1) != 1 or bound.values.get("end_dim", -1) != -1:
        what = "only Flatten(1, -1), which keeps the batch, is read from a call"
        raise SpecError(what, "for other axes: reshape:out=[-1]")
    return [{"op": "flatten"}]


@_reads("torch", "Unflatten", arguments="dim unflattened_size")
def _unflatten(bound: BoundCall) -> list[Raw]:
    sizes = bound.get("unflattened_size")
    if bound.get("dim") != 1 or not isinstance(sizes, list):
        raise SpecError("only Unflatten(1, sizes), of features, is read from a call", "else reshape:out=[6,4,4]")
    return [{"op": "reshape", "out": sizes}]


_PADS = {"Zero": "constant", "Constant": "constant", "Reflection": "reflect", "Replication": "replicate"}


@_reads(
    "torch",
    *[kind for pad in (*_PADS, "Circular") for kind in _each_rank(pad + "Pad{}d")],
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
    mode = _PADS.get(bound.kind[: -len("Pad2d")], "circular")
    if mode != "constant":
        raw["mode"] = mode
    return [raw | ({"value": bound.get("value")} if bound.get("value") else {})]


@_reads("torch", "Hardtanh", arguments="min_val max_val inplace")
def _hardtanh(bound: BoundCall) -> list[Raw]:
    return [{"op": "clip", "min": bound.get("min_val", -1), "max": bound.get("max_val", 1)}]


@_reads("torch", "Softplus")
def _softplus(bound: BoundCall) -> list[Raw]:
    _refuse(bound, "beta", (1,))
    return [{"op": "softplus"}]


@_reads("torch", "GELU")
def _gelu(bound: BoundCall) -> list[Raw]:
    kind = bound.get("approximate", "none")
    kind = kind.name if isinstance(kind, NamedArgument) else kind
    if kind not in ("none", "tanh"):
        raise SpecError(f"GELU's approximate is none or tanh, not {shown(kind)}")
    return [{"op": "gelu", "approximate": kind == "tanh"} if kind == "tanh" else {"op": "gelu"}]


@_reads("torch", "Upsample")
def _upsample(bound: BoundCall) -> list[Raw]:
    raw = _renamed(bound)
    return [{**raw, "mode": "nearest", **EXACT} if raw.get("mode") == "nearest-exact" else raw]


@_reads("torch", "UpsamplingNearest2d", "UpsamplingBilinear2d", arguments="size scale_factor mode")
def _upsampling(bound: BoundCall) -> list[Raw]:
    bilinear = {"mode": "bilinear", "align": True} if "Bilinear" in bound.kind else {}
    return [{**_renamed(bound._replace(op="upsample", table=TORCH["upsample"])), **bilinear}]


@_reads(
    "torch",
    *[*_each_rank("Dropout{}d"), "AlphaDropout", "FeatureAlphaDropout", "StochasticDepth", "DropPath"],
    arguments="p mode",
)
def _dropout(bound: BoundCall) -> list[Raw]:
    return [{"op": "dropout", "rate": bound.get("p", 0.5)}]


@_reads("torch", "Softmax2d")
def _softmax2d(bound: BoundCall) -> list[Raw]:  # noqa: ARG001 - it takes no arguments
    return [{"op": "softmax", "axis": 1}]


@_reads("torch", "LSTM", "GRU", "RNN")
def _recurrent(bound: BoundCall) -> list[Raw]:
    """Return a layer for each of `num_layers`: those above the first read what both directions give."""
    _refuse(bound, "proj_size", (0,))
    first, count = _renamed(bound), bound.get("num_layers", 1)
    if type(count) is not int or not 1 <= count <= 1000:
        raise SpecError(f"num_layers is {shown(count)}, not a whole number from 1 to 1,000")
    width = first["out"] * (2 if first.get("bidirectional") else 1)
    return [first, *[{**first, "c_i": width} for _ in range(count - 1)]]


@_reads("torch", "MultiheadAttention")
def _multihead(bound: BoundCall) -> list[Raw]:
    _refuse(bound, "add_bias_kv", (False,))
    _refuse(bound, "add_zero_attn", (False,))
    raw = _renamed(bound)
    return [raw | ({"c_i": bound.get("embed_dim")} if bound.get("embed_dim") else {})]


# Keras


def _as_keras(bound: BoundCall, layers: list[Raw]) -> list[Raw]:
    """Return the layers with what Keras's differ in by default, and the activation as a layer of its own."""
    first = layers[0]
    cls = OPS[first["op"]][0]
    if "eps" in cls.KEYS:
        first.setdefault("eps", DIALECTS["keras"].norm_eps)
    shape = bound.get("input_shape", bound.get("batch_input_shape"))
    c_i = shape[-1] if isinstance(shape, list) and shape else bound.get("input_dim")
    if c_i is not None and "c_i" in cls.KEYS:
        first.setdefault("c_i", c_i)
    given = bound.values.get("activation")
    if "activation" in bound.table.keys or bound.kind == "Activation":
        return layers
    return [*layers, *_activation(given)]


def _activation(value: Any) -> list[Raw]:
    """Return the layers of a Keras activation: a name, a function or a layer; none for None and linear."""
    if isinstance(value, ModuleCall):
        return value.layers
    name = value.name if isinstance(value, NamedArgument) else value
    if name is None or name == "linear":
        return []
    for op, names in KERAS_ACTIVATIONS.items():
        if name in names:
            return [{"op": op}]
    if isinstance(value, NamedArgument) and value.name in kinds():
        return layers_of(value.name, [], {}).layers
    known = ["linear", *[one for names in KERAS_ACTIVATIONS.values() for one in names]]
    help = nearest(name, known) if isinstance(name, str) else None
    raise SpecError(f"{shown(name)} is not an activation of Keras's", help or f"it is one of {', '.join(known)}")


@_reads("keras", "Activation", arguments="activation")
def _lone_activation(bound: BoundCall) -> list[Raw]:
    if "activation" not in bound.values:
        raise SpecError("Activation needs activation", "as Activation('relu')")
    return _activation(bound.values["activation"]) or [{"op": "identity"}]


@_reads("keras", "Input", "InputLayer", arguments="shape batch_size")
def _input(bound: BoundCall) -> list[Raw]:
    shape = bound.get("shape", bound.get("input_shape"))
    known = isinstance(shape, list) and shape and all(type(n) is int for n in shape)
    example = "x".join(map(str, shape)) if known and shape else "3x224x224"
    raise SpecError(f"{bound.kind} is the network's input, not a layer", f"write its shape in front: {example}")


@_reads("keras", "ReLU")
def _relu(bound: BoundCall) -> list[Raw]:
    most, slope, least = bound.get("max_value"), bound.get("negative_slope", 0), bound.get("threshold", 0)
    if least or (slope and most is not None):
        raise SpecError("ReLU with a threshold, or with max_value and a slope, is not read from a call", "use clip")
    if most is None:
        return [{"op": "leakyrelu", "alpha": slope} if slope else {"op": "relu"}]
    return [{"op": "relu6"} if most == 6 else {"op": "clip", "min": 0, "max": most}]


@_reads("keras", *_each_rank("MaxPooling{}D"), *_each_rank("AveragePooling{}D"))
def _pool(bound: BoundCall) -> list[Raw]:
    bound.values.setdefault("pool_size", 2)
    return [{"op": bound.op, "ceil": False} | _renamed(bound)]


@_reads("keras", *_each_rank("MaxPool{}D"), *_each_rank("AvgPool{}D"), arguments=" ".join(KERAS["maxpool"].arguments))
def _short_pool(bound: BoundCall) -> list[Raw]:
    kind = bound.kind.replace("MaxPool", "MaxPooling").replace("AvgPool", "AveragePooling")
    op, table = _named("keras")[kind]
    return _pool(bound._replace(kind=kind, op=op, table=table))


@_reads("keras", *_each_rank("GlobalMaxPool{}D"), *_each_rank("GlobalAvgPool{}D"), arguments="data_format keepdims")
def _short_global(bound: BoundCall) -> list[Raw]:
    op, table = _named("keras")[bound.kind.replace("MaxPool", "MaxPooling").replace("AvgPool", "AveragePooling")]
    return [_renamed(bound._replace(op=op, table=table))]


@_reads("keras", *_each_rank("ZeroPadding{}D"), *_each_rank("Cropping{}D"))
def _border(bound: BoundCall) -> list[Raw]:
    """Return a pad or a crop; in one dimension two numbers are the sides before and after."""
    (argument,) = bound.table.keys
    bound.values.setdefault(argument, 1)
    raw = _renamed(bound)
    lone = bound.kind.endswith("1D") and isinstance(raw["p"], list) and all(type(n) is int for n in raw["p"])
    nd = int(bound.kind[-2])
    return [raw | {"p": [raw["p"]] if lone else raw["p"] if isinstance(raw["p"], list) else [raw["p"]] * nd}]


@_reads(
    "keras",
    *[*_each_rank("SpatialDropout{}D"), "AlphaDropout", "GaussianDropout", "StochasticDepth"],
    arguments="rate noise_shape seed",
)
def _keras_dropout(bound: BoundCall) -> list[Raw]:
    return [{"op": "dropout", "rate": bound.get("rate", 0.5)}]


@_reads("keras", "BatchNormalization", "GroupNormalization")
def _keras_norm(bound: BoundCall) -> list[Raw]:
    """Return a norm over the channels, wherever they stand in the network: Keras's axis is that of its own layout."""
    _refuse(bound, "axis", (-1, 1, 2, 3, 4))
    return [_renamed(bound)]


def op_of(kind: str) -> str:
    """Return the op of a class; empty if its arguments decide, or if it is several."""
    ops = {_named(framework)[kind][0] for framework in kinds()[kind] if kind in _named(framework)}
    return ops.pop() if len(ops) == 1 else ""


def theirs(kind: str, key: str) -> str:
    """Return the argument of a class that a key of its op stands for: `kernel_size` for k; else the key itself."""
    for framework in kinds()[kind]:
        _, table = _named(framework).get(kind, ("", Name(kind)))
        own = [argument for argument, ours in table.keys.items() if ours == key]
        if key not in table.keys and own:
            return own[0]
    return key


def arguments_of(kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the frameworks that have a class, and the arguments that a call of it may give without their names."""
    for framework in kinds().get(kind, ()):
        reading = _READINGS[framework].get(kind)
        _, table = _named(framework).get(kind, ("", Name(kind)))
        yield framework, (reading.arguments if reading and reading.arguments else _ORDERS.get(kind, table.arguments))
