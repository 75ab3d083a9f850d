"""Products and attention in pieces: the values do not depend on the working memory, and are NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.execute.kernels.product import multiply

RANDOM = np.random.default_rng(12)


@pytest.mark.parametrize("scratch", [1 << 20, 600, 40])
@pytest.mark.parametrize(
    ("kinds", "shapes"),
    [
        (("f2", "f2", "f2"), ((3, 5, 7), (3, 7, 11))),
        (("i4", "i1", "i8"), ((2, 3, 5, 7), (1, 1, 7, 4))),
        (("f8", "f8", "f8"), ((5, 7), (7, 11))),
    ],
)
def test_a_product_in_pieces(kinds: tuple[str, str, str], shapes: tuple[Any, Any], scratch: int) -> None:
    a, b = ((4 * RANDOM.standard_normal(shape)).astype(kind) for shape, kind in zip(shapes, kinds, strict=False))
    wanted = np.matmul(a.astype(float), b.astype(float))
    out = np.empty(wanted.shape, kinds[2])
    multiply(a, b, out, scratch)
    np.testing.assert_allclose(
        out, wanted, rtol=2e-3 if kinds[2] == "f2" else 1e-12, atol=1e-2 if kinds[2] == "f2" else 0
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_in_pieces(causal: bool, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries see keys by softmax(q k / root of their width), and if causal only those up to their own position."""
    monkeypatch.setattr("cnncalc.execute.program.LEAST_SCRATCH", 1 << 10)
    heads, queries, width = 2, 40, 4
    layers: list[dict[str, Any]] = [{"op": "tanh", "name": "k"}, {"op": "sin", "name": "v", "from": ["input"]}]
    layers.append({"op": "slice", "name": "square", "axis": 3, "stop": 1, "from": ["input"]})
    reads = ["input", "k", "v"]
    if masked:
        layers.append({"op": "matmul", "name": "mask", "from": ["square", "turned"]})
        layers.insert(-1, {"op": "permute", "name": "turned", "order": [1, 3, 2], "from": ["square"]})
        reads.append("mask")
    layers.append({"op": "attention", "causal": causal, "from": reads})
    x = RANDOM.standard_normal((3, heads, queries, width))
    q, k, v, mask = x, np.tanh(x), np.sin(x), x[..., :1] @ x[..., :1].swapaxes(2, 3) if masked else 0
    scores = q @ k.swapaxes(2, 3) / np.sqrt(width) + mask
    if causal:
        scores = np.where(np.tril(np.ones((queries, queries))) > 0, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    wanted = weights / weights.sum(-1, keepdims=True) @ v
    least = least_memory(layers, x)
    np.testing.assert_allclose(cnncalc.run(layers, x), wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(cnncalc.run(layers, x, memory=least), wanted, rtol=1e-9, atol=1e-12)


def least_memory(layers: list[dict[str, Any]], x: Any) -> int:
    """Return the least working memory of a run, which it states if it has less."""
    low, high = 0, 1 << 28
    while high - low > 1:
        middle = (low + high) // 2
        try:
            cnncalc.run(layers, x[:1], memory=middle)
            high = middle
        except cnncalc.SpecError:
            low = middle
    return high
