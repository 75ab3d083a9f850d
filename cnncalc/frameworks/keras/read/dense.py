"""Keras's Dense and EinsumDense, also with LoRA and quantized kernels, and products of two tensors.

Sources: keras/src/layers/core/dense.py, einsum_dense.py and keras/src/layers/merging/dot.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from string import ascii_letters
from typing import Any

from .config import LayerCall, Sizes, Tensor, leaves, plain, shape_of, whole_numbers
from .functions import array_in, array_part, given_operands, is_constant, operands_of, shape_in
from .parts import CONVERTERS, LayerPart, Parts, Raw, renamed
from .quantized import CountedKernel, counted_only, lora_rank, quantization, with_lora
from .roles import Recipe, zeros


@CONVERTERS.register("Dense")
def _dense(call: LayerCall) -> Parts:
    mode, rank = quantization(call.config), lora_rank(call.config)
    raw = renamed(call, "linear")
    if mode is None and rank is None:
        return raw
    sizes, units = call.sizes(), raw.get("out")
    if not sizes or sizes[-1] is None or type(units) is not int:
        return None
    has_bias = call.get("use_bias") is not False
    if mode is not None:
        steps = [n for n in sizes if n is not None]
        macs = prod(steps) * units if len(steps) == len(sizes) else None
        out = call.out or (*sizes[:-1], units)
        return counted_only(call._replace(out=out), CountedKernel(sizes[-1], units, units, units * has_bias, macs))
    assert rank is not None
    without: Raw = {"op": "linear", "out": units, "bias": False}
    return with_lora(call, rank, without, without | {"out": rank}, without, has_bias, "kernel")


@CONVERTERS.register("EinsumDense")
def _einsum_dense(call: LayerCall) -> Parts:
    """Return a product with a kernel plus a bias; both are constants."""
    equation, sizes = _of_samples(call.get("equation"), [True, False]), call.sizes()
    shapes = None if equation is None or sizes is None else _einsum_shapes(call, equation, sizes)
    if equation is None or shapes is None or sizes is None:
        return None
    kernel, bias = shapes
    rank = lora_rank(call.config)
    if quantization(call.config) is not None:
        return _counted_einsum(call, equation, sizes, kernel, bias)
    if rank is None:
        arrays = [LayerPart({"op": "constant", "shape": kernel}, "_kernel", (), {"weight": Recipe(("kernel",))})]
    else:
        arrays = _kernel_with_lora(call, kernel, rank)
    reads = (call.read()[0].layer, "_kernel")
    product: Raw = {"op": "einsum", "equation": equation}
    if bias is None:
        return [*arrays, LayerPart(product, "", reads)]
    arrays.append(LayerPart({"op": "constant", "shape": bias}, "_bias", (), {"weight": Recipe(("bias",))}))
    return [*arrays, LayerPart(product, "_product", reads), LayerPart({"op": "add"}, "", ("_product", "_bias"))]


def _counted_einsum(
    call: LayerCall, equation: str, sizes: Sizes, kernel: list[int], bias: list[int] | None
) -> list[LayerPart]:
    """Return opaque layers that count a quantized kernel: its letters in the output are its columns."""
    inputs, _, out = equation.partition("->")
    first, _, second = inputs.partition(",")
    columns = prod([n for letter, n in zip(second, kernel, strict=True) if letter in out])
    rows = prod(kernel) // columns
    kept = [n for letter, n in zip(reversed(first), reversed(sizes), strict=False) if letter in out]
    macs = None if None in kept or "..." in out else prod([n or 1 for n in kept]) * rows * columns
    return counted_only(call, CountedKernel(rows, columns, kernel[-1], prod(bias or [0]), macs))


def _kernel_with_lora(call: LayerCall, kernel: list[int], rank: int) -> list[LayerPart]:
    """Return a frozen kernel plus the scaled product of two arrays, which a `.keras` file has already added."""
    alpha = call.config.get("lora_alpha")
    factor = (alpha if isinstance(alpha, (int, float)) else rank) / rank
    shapes = {"a": [*kernel[:-1], rank], "b": [rank, kernel[-1]]}
    parts = [
        LayerPart({"op": "constant", "shape": kernel}, "_frozen", (), {"weight": Recipe(("kernel",))}, trainable=False)
    ]
    for name, shape in shapes.items():
        recipe = Recipe(("kernel",), _or_zeros(shape), (f"lora_kernel_{name}",))
        parts.append(LayerPart({"op": "constant", "shape": shape}, f"_lora_{name}", (), {"weight": recipe}))
    return [
        *parts,
        LayerPart({"op": "matmul"}, "_lora", ("_lora_a", "_lora_b")),
        LayerPart({"op": "rescale", "factor": factor}, "_lora_scaled"),
        LayerPart({"op": "add"}, "_kernel", ("_frozen", "_lora_scaled")),
    ]


def _or_zeros(shape: list[int]) -> Callable[[list[Any], bool], Any]:
    """Return the function that makes a LoRA array, zeros if the file has none."""

    def make(arrays: list[Any], channels_last: bool) -> Any:
        whole, own = arrays
        return zeros(shape, whole) if own is None else own

    return make


def _of_samples(equation: Any, samples: Sequence[bool]) -> str | None:
    """Return an einsum equation without the letter of the batch; `samples` says which operands have a batch.

    Return None unless that letter comes first wherever it occurs.
    """
    if not isinstance(equation, str) or "->" not in equation:
        return None
    inputs, out = equation.replace(" ", "").split("->")
    terms = inputs.split(",")
    if len(terms) != len(samples):
        return None
    if out.startswith("..."):
        ends = [
            term.startswith("...") if sample else "." not in term for term, sample in zip(terms, samples, strict=True)
        ]
        return f"{inputs}->{out}" if all(ends) else None
    batch = out[:1]
    places = [[at for at, letter in enumerate(term) if letter == batch] for term in (*terms, out)]
    if not batch.isalpha() or places != [[0] if sample else [] for sample in (*samples, True)]:
        return None
    return ",".join([one.removeprefix(batch) for one in terms]) + f"->{out[1:]}"


def _einsum_shapes(call: LayerCall, equation: str, sizes: Sizes) -> tuple[list[int], list[int] | None] | None:
    """Return the shapes of the kernel and of the bias, if there is one; None if they are not known."""
    inputs, _, out = equation.partition("->")
    first, _, second = inputs.partition(",")
    wanted = call.config.get("output_shape")
    wanted = shape_of([wanted] if type(wanted) is int else wanted) or ()
    known: dict[str, int | None] = {}
    for term, given in ((first, sizes), (out, wanted)):
        before, dots, after = term.partition("...")
        pairs = list(zip(before, given, strict=False)) if before else []
        pairs += list(zip(reversed(after), reversed(given), strict=False)) if dots else []
        for letter, size in pairs:
            known[letter] = known.get(letter) or size
    kernel = [known.get(letter) for letter in second]
    axes = call.config.get("bias_axes")
    bias: list[int | None] = []
    if isinstance(axes, str) and axes:
        begin = min(out.find(letter) for letter in axes)
        bias = [known.get(letter) if letter in axes else 1 for letter in out[begin:] if letter != "."]
        if "." in out[begin:]:  # a 1 for each axis of `...`
            bias += [1] * (len(sizes) - len(first.replace("...", "")))
    shape = [n for n in kernel if n is not None]
    added = [n for n in bias if n is not None]
    if len(shape) < len(kernel) or len(added) < len(bias) or "..." in second:
        return None
    return shape, added if axes else None


def _product(operands: list[Any], raw: Raw) -> Parts:
    """Return a product of tensors and constant arrays; None if another kind of value is among them."""
    parts: list[LayerPart] = []
    reads: list[Any] = []
    for number, one in enumerate(operands, 1):
        array = None if isinstance(one, Tensor) else array_in(one)
        if array is not None:
            parts.append(array_part(*array, f"_operand{number}"))
        elif not isinstance(one, Tensor):
            return None
        reads.append(one.layer if isinstance(one, Tensor) else f"_operand{number}")
    return [*parts, LayerPart(raw, "", tuple(reads))]


def _is_sample(one: Any) -> bool:
    """Return whether an operand is a tensor with a batch."""
    return isinstance(one, Tensor) and not is_constant(one)


def _rank(one: Any) -> int | None:
    """Return the number of axes of an operand, without the batch."""
    return len(shape_in(one)) if not isinstance(one, Tensor) else None if one.sizes is None else len(one.sizes)


@CONVERTERS.register("Einsum")
def _einsum(call: LayerCall) -> Parts:
    inner = call.args[0] if len(call.args) == 1 else call.args
    given = [inner] if isinstance(inner, Tensor) or not isinstance(inner, (list, tuple)) else [*inner]
    equation = call.get("subscripts") or next((one for one in leaves(given) if isinstance(one, str)), None)
    operands = operands_of([one for one in given if not isinstance(one, str)])
    whole = _of_samples(equation, [_is_sample(one) for one in operands])
    return None if whole is None else _product(operands, {"op": "einsum", "equation": whole})


@CONVERTERS.register("Matmul")
def _matmul(call: LayerCall) -> Parts:
    """Return a matrix product; if samples are vectors, it is a different one, over the batch."""
    operands = given_operands(call, "x1", "x2")
    ranks = [_rank(one) or 0 for one in operands]
    if len(operands) != 2 or 0 in ranks:
        return None
    first, second = [_is_sample(one) for one in operands]
    if first and second:
        fits = ranks[0] == ranks[1] > 1
    elif first:  # an array has no batch; with no more axes than a sample, it applies to each sample
        fits = ranks[1] <= max(ranks[0], 2)
    else:
        fits = not second or 1 < ranks[1] >= ranks[0]
    return _product(operands, {"op": "matmul"}) if fits else None


@CONVERTERS.register("Tensordot")
def _tensordot(call: LayerCall) -> Parts:
    """Return the contraction of samples and an array over some axes of each; None if the batch is one of them."""
    operands, axes = operands_of(call.args), plain(call.get("axes"))
    ranks = [_rank(one) for one in operands]
    if [_is_sample(one) for one in operands] != [True, False] or None in ranks:
        return None
    own, other = [*range(1 + (ranks[0] or 0))], [*range(ranks[1] or 0)]
    if type(axes) is int and 0 < axes < len(own) and axes <= len(other):
        axes = [own[-axes:], other[:axes]]
    sides = [whole_numbers(plain(one)) for one in axes] if isinstance(axes, (list, tuple)) else []
    if len(sides) != 2 or None in sides:
        return None
    pairs = [
        (a % len(own), b % len(other))
        for a, b in zip(sides[0] or [], sides[1] or [], strict=False)
        if -len(own) <= a < len(own) and -len(other) <= b < len(other)
    ]
    firsts, seconds = {a for a, _ in pairs}, {b for _, b in pairs}
    if 0 in firsts or not len(sides[0] or ()) == len(sides[1] or ()) == len(firsts) == len(seconds):
        return None
    shared = {b: ascii_letters[a] for a, b in pairs}
    first = ascii_letters[: len(own)]
    second = "".join([shared.get(at, ascii_letters[len(own) + at]) for at in other])
    out = "".join([letter for letter in first + second if letter not in shared.values()])
    return _product(operands, {"op": "einsum", "equation": f"{first[1:]},{second}->{out[1:]}"})


@CONVERTERS.register("Dot")
def _dot(call: LayerCall) -> Parts:
    """Return the product over one axis of each of two tensors, possibly normalized first.

    The operation takes the last axis of the first and the second-to-last of the second, like a matrix product if the
    second has no more axes.
    """
    read, axes = call.tensors(), call.get("axes")
    if call.is_operation:
        operands = operands_of(call.args)
        is_matrix = len(operands) == 2 and not _is_sample(operands[1]) and (_rank(operands[1]) or 3) < 3
        return _matmul(call) if is_matrix else None
    axes = [axes, axes] if type(axes) is int else axes
    if len(read) != 2 or not isinstance(axes, (list, tuple)) or len(axes) != 2:
        return None
    ranks = [0 if one.sizes is None else len(one.sizes) for one in read]
    if 0 in ranks or any(type(axis) is not int for axis in axes):
        return None
    places = [axis + rank if axis < 0 else axis - 1 for axis, rank in zip(axes, ranks, strict=True)]
    if any(not 0 <= place < rank for place, rank in zip(places, ranks, strict=True)):
        return None
    first, second = ascii_letters[: ranks[0]], ascii_letters[26 : 26 + ranks[1]]
    second = second[: places[1]] + first[places[0]] + second[places[1] + 1 :]
    out = first.replace(first[places[0]], "") + second.replace(first[places[0]], "")
    reads: tuple[Any, ...] = tuple(one.layer for one in read)
    parts = []
    if call.get("normalize"):
        reads = ("_unit1", "_unit2")
        parts = [
            LayerPart({"op": "normalize", "axis": [place + 1], "eps": 1e-12}, suffix, (one.layer,))
            for one, place, suffix in zip(read, places, reads, strict=True)
        ]
    product: Raw = {"op": "einsum", "equation": f"{first},{second}->{out}"}
    if out:
        return [*parts, LayerPart(product, "", reads)]
    return [*parts, LayerPart(product, "_number", reads), LayerPart({"op": "reshape", "out": [1]})]
