"""What Keras says about a model: shapes, counts, computed values, and MACs counted from its products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import keras
import numpy as np
from keras.src import backend
from keras.src.ops import image

from .measure import Fact


def fact(model: Any, x: Any) -> Fact:
    """Return what Keras says about a model for an input; `params` are trainable, `buffers` are not."""
    with counted() as macs:
        out = model(x, training=False)
    first, declared = keras.tree.flatten(out)[0], keras.tree.flatten(model.outputs)[0].shape
    lora = any(getattr(one, "lora_rank", None) for one in model._flatten_layers())
    params, buffers = (
        sum(prod(one.shape) for one in kind) for kind in (model.trainable_weights, model.non_trainable_weights)
    )
    looped = any(isinstance(one, keras.layers.RNN | keras.layers.Bidirectional) for one in model._flatten_layers())
    # a traced loop does not count its steps; LoRA multiplies its arrays by each other, not by the input
    total = None if looped or lora else sum(macs)
    # RandomCrop's output sizes differ from those that its model declares
    agrees = all(n in (None, m) for n, m in zip(declared, first.shape, strict=True))
    return Fact(tuple(first.shape) if agrees else None, params, buffers, total, np.asarray(first))


def size(shape: Iterable[int]) -> int:
    """Return how many values a shape holds."""
    return prod(shape)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Yield a list to which the MACs of each product that Keras computes are added, from the shapes of the operands."""
    macs: list[int] = []

    def conv(inputs: Any, kernel: Any, *_: Any, out: Any, **__: Any) -> int:
        return size(out.shape) * size(kernel.shape[:-1])

    def depthwise(inputs: Any, kernel: Any, *_: Any, out: Any, **__: Any) -> int:
        return size(out.shape) * size(kernel.shape[:-2])

    def transposed(inputs: Any, kernel: Any, *_: Any, **__: Any) -> int:
        return size(inputs.shape) * size(kernel.shape[:-1])

    def separable(inputs: Any, depth: Any, point: Any, *_: Any, out: Any, **__: Any) -> int:
        channels, wide = size(depth.shape[-2:]), int(point.shape[-1])
        return size(out.shape) // wide * channels * (size(depth.shape[:-2]) + wide)

    def matmul(a: Any, b: Any, *_: Any, out: Any, **__: Any) -> int:
        return size(out.shape) * int(a.shape[-1])

    def einsum(equation: str, *operands: Any, **__: Any) -> int:
        terms, _, kept = equation.partition("->")
        letters = terms.split(",")
        sizes = {
            c: n for part, one in zip(letters, operands, strict=True) for c, n in zip(part, one.shape, strict=True)
        }
        return size(sizes.values()) if len(operands) > 1 and sizes.keys() - {*kept} else 0

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return size(query.shape[:3]) * int(key.shape[1]) * (int(key.shape[3]) + int(value.shape[3]))

    kinds = {
        (backend.nn, "dot_product_attention"): attention,
        (backend.nn, "conv"): conv, (backend.nn, "depthwise_conv"): depthwise, (backend.numpy, "einsum"): einsum,
        (backend.nn, "separable_conv"): separable, (backend.nn, "conv_transpose"): transposed,
        (backend.numpy, "matmul"): matmul, (backend.numpy, "dot"): matmul,
        (image, "_extract_patches"): lambda *_, **__: 0,  # a convolution with ones and zeros
    }  # fmt: skip
    kept = {key: getattr(*key) for key in kinds}
    inside = [0]

    def counting(real: Any, rule: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            inside[0] += 1
            try:
                out = real(*args, **kwargs)
            finally:
                inside[0] -= 1
            if not inside[0]:
                macs.append(rule(*args, **(kwargs | {"out": out})))
            return out

        return call

    for (module, name), rule in kinds.items():
        setattr(module, name, counting(kept[module, name], rule))
    try:
        yield macs
    finally:
        for (module, name), real in kept.items():
            setattr(module, name, real)
