"""Dense, EinsumDense and Embedding with LoRA or quantized kernels: their arrays, as Keras stores and counts them.

Sources: `enable_lora` and the `_…_build` methods of keras/src/layers/core/dense.py, einsum_dense.py and embedding.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from re import fullmatch
from typing import Any, NamedTuple

from ...build import NO_FIGURES
from .config import LayerCall
from .parts import LayerPart, Raw, opaque_layer
from .roles import Recipe, kernel, lora_a, lora_b


def quantization(config: dict[str, Any]) -> str | None:
    """Return the quantization of a layer (`int8`, `int4/128`, `float8` …); None if it has none."""
    policy: Any = config.get("dtype")
    if isinstance(policy, dict):
        inner = policy.get("config")
        mode = inner.get("mode") if isinstance(inner, dict) else None
        return mode if isinstance(mode, str) else None
    if isinstance(policy, str) and "_from_" in policy:
        return policy.partition("_from_")[0]
    return None


def lora_rank(config: dict[str, Any]) -> int | None:
    """Return the rank of a layer's LoRA arrays; None if it has none."""
    rank = config.get("lora_rank")
    return rank if type(rank) is int and rank > 0 else None


def held(mode: str, rows: int, columns: int, table: bool = False) -> int | None:
    """Return the stored numbers of a quantized kernel of this shape, without bias and LoRA; None if unknown.

    `table` says that it is an Embedding's, which has a scale per row.
    """
    kind, _, block = mode.partition("/")
    if kind == "int8":
        return rows * columns + (rows if table else columns)
    if kind == "float8":
        return rows * columns + 3 * (1 + 1024)
    if kind != "int4" or not fullmatch(r"(-?[0-9]{1,18})?", block):
        return None
    size, packed = int(block or 0), rows * ((columns + 1) // 2)
    if size < 1:
        return packed + (rows if table else columns)
    groups = -(-(columns if table else rows) // size) * (rows if table else columns)
    return packed + 2 * groups + (columns if table else rows)


class CountedKernel(NamedTuple):
    """A kernel as a matrix, and the size of its product."""

    rows: int
    columns: int
    """The rows, which are summed over, and the columns, which are outputs."""
    last: int
    """The size of the last axis, which is the width of LoRA's second array."""
    bias: int
    macs: int | None
    """The multiply-accumulates; None if unknown."""


def counted_only(call: LayerCall, kernel: CountedKernel) -> list[LayerPart]:
    """Return opaque layers that count stored numbers: the kernel itself, LoRA's arrays and the bias.

    They are separate because a kernel that is quantized or has LoRA is not trained.
    """
    mode, rank, size = quantization(call.config), lora_rank(call.config), kernel.rows * kernel.columns
    count = size if mode is None else held(mode, kernel.rows, kernel.columns, call.kind == "Embedding")
    trained = mode == "float8" and rank is None
    kind = f"{call.kind} of {'LoRA' if mode is None else mode.partition('/')[0]}"
    lora = 0 if rank is None else rank * (size // kernel.last + kernel.last)
    figures = {"params": count, "buffers": 0, "macs": kernel.macs}
    parts = [LayerPart(_opaque(kind, call, figures), "_kernel", trainable=trained)]
    for name, number in (("lora", lora), ("bias", kernel.bias)):
        if number:
            parts.append(LayerPart(_opaque(name, call, {**NO_FIGURES, "params": number}), f"_{name}"))
    return [*parts[:-1], parts[-1]._replace(suffix="")]


def _opaque(kind: str, call: LayerCall, figures: Mapping[str, int | None]) -> Raw:
    return opaque_layer(kind, call.out, {key: n for key, n in figures.items() if n is not None})


_BIAS = {"bias": Recipe(("bias",))}


def with_lora(
    call: LayerCall, rank: int, frozen: Raw, first: Raw, second: Raw, bias: bool, role: str
) -> list[LayerPart]:
    """Return a layer as its frozen kernel plus the scaled output of two layers, the first with `rank` outputs.

    In a `.keras` file the two are already merged into the kernel. In a grouped convolution all groups share the first
    kernel.
    """
    groups = frozen.get("g", 1)
    alpha = call.config.get("lora_alpha")
    factor = (alpha if isinstance(alpha, (int, float)) else rank) / rank
    read = tuple(one.layer for one in call.read())
    parts = [
        LayerPart(frozen, "_frozen", trainable=False, recipes={"weight": Recipe((role,), kernel)}),
        LayerPart(
            first,
            "_lora_a",
            read,
            {"weight": Recipe((role,), lora_a(rank, groups), (f"lora_{role}_a",))},
            copies=groups,
        ),
        LayerPart(second, "_lora_b", recipes={"weight": Recipe((role,), lora_b(rank), (f"lora_{role}_b",))}),
        LayerPart({"op": "rescale", "factor": factor}, "_lora_scaled"),
        LayerPart({"op": "add"}, "_lora" if bias else "", ("_frozen", "_lora_scaled")),
    ]
    return [*parts, *([LayerPart({"op": "scale", "scale": False, "center": True}, recipes=_BIAS)] if bias else [])]
