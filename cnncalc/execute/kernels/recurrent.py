"""The kernels of layers over sequences: embedding, lstm, gru, rnn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ...errors import ShapeError
from ..task import Array, Dtype, Kernel, Task, Weights, averages, wide


def _as_weights(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of the last of the weights."""
    return kinds[-1]


def _embedding(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Fill with rows; a number that is not whole counts as the whole one towards 0, as in Keras."""
    table = weights["weight"]
    several = max(task.scratch // 2 // (8 * max(prod(xs[0].shape[1:]), 1)), 1)
    for begin in range(0, len(out), several):
        places = xs[0][begin : begin + several].astype(np.int64)
        least, most = int(places.min()), int(places.max())
        if least < 0 or most >= len(table):
            wrong = least if least < 0 else most
            raise ShapeError(f"the table has rows 0 to {len(table) - 1}, and a value is {wrong}", key="rows")
        np.take(table, places, axis=0, out=out[begin : begin + several], mode="clip")


StepOf = Callable[[Array, tuple[Array, ...], dict[str, Array], Task], tuple[Array, ...]]
"""Return the states after a step, the hidden one first, from what the input adds to the gates and the states before."""


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _lstm_step(added: Array, states: tuple[Array, ...], w: dict[str, Array], task: Task) -> tuple[Array, ...]:
    hidden, cell = states
    gates = added + hidden @ w["weight_hh"] + w["bias_hh"]
    i, f, g, o = np.split(gates, 4, axis=1)
    cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(cell), cell


def _gru_step(added: Array, states: tuple[Array, ...], w: dict[str, Array], task: Task) -> tuple[Array, ...]:
    (hidden,) = states
    weight, bias, n = w["weight_hh"], w["bias_hh"], hidden.shape[1]
    gates = _sigmoid(added[:, : 2 * n] + hidden @ weight[:, : 2 * n] + bias[: 2 * n])
    reset, update = gates[:, :n], gates[:, n:]
    if task.values["reset_after"]:
        recurrent = reset * (hidden @ weight[:, 2 * n :] + bias[2 * n :])
    else:
        recurrent = (reset * hidden) @ weight[:, 2 * n :] + bias[2 * n :]
    new = np.tanh(added[:, 2 * n :] + recurrent)
    return ((1 - update) * new + update * hidden,)


def _rnn_step(added: Array, states: tuple[Array, ...], w: dict[str, Array], task: Task) -> tuple[Array, ...]:
    total = added + states[0] @ w["weight_hh"] + w["bias_hh"]
    return (np.tanh(total) if task.values["activation"] == "tanh" else np.maximum(total, 0),)


def _recurrent(step: StepOf, states: int) -> Callable[[Task, Sequence[Array], Weights, Array], None]:
    """Return the kernel of a recurrent layer by its step, for so many states."""

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        v, x = task.values, xs[0]
        x, kind = x.reshape(-1, *x.shape[-2:]), wide(out.dtype)
        to = out.reshape(len(x), -1, out.shape[-1])
        _direction(task, x, _laid(task, weights, "", kind), to[..., : v["out"]], v["backward"])
        if v["bidirectional"]:
            _direction(task, x, _laid(task, weights, "_reverse", kind), to[..., v["out"] :], True)

    def _direction(task: Task, x: Array, w: dict[str, Array], out: Array, backward: bool) -> None:
        """Read some samples at a time: what the input adds for some steps at once, then one step after another."""
        v, (steps, width), kind = task.values, (x.shape[1], w["weight_ih"].shape[1]), w["weight_ih"].dtype
        room = task.scratch // 4 // kind.itemsize
        several = min(max(room // width, 1), len(x))
        at_once = min(max(room // (several * (width + x.shape[2])), 1), steps)
        for begin in range(0, len(x), several):
            mine, to = x[begin : begin + several], out[begin : begin + several]
            now = tuple([np.zeros((len(mine), v["out"]), kind) for _ in range(states)])
            for done in range(0, steps, at_once):
                first = max(steps - done - at_once, 0) if backward else done
                last = steps - done if backward else min(done + at_once, steps)
                added = mine[:, first:last].astype(kind, copy=False) @ w["weight_ih"] + w["bias_ih"]
                for at in range(last - 1, first - 1, -1) if backward else range(first, last):
                    now = step(added[:, at - first], now, w, task)
                    if v["sequences"]:
                        to[:, at] = now[v.get("state") == "cell"]
            if not v["sequences"]:
                to[:, 0] = now[v.get("state") == "cell"]

    return compute


def _laid(task: Task, weights: Weights, end: str, kind: Dtype) -> dict[str, Array]:
    """Return the arrays of a direction by role, weights as (in, out), biases that it lacks as zeros."""
    laid = {}
    for role in ("weight_ih", "weight_hh"):
        weight = weights[role + end].astype(kind, copy=False)
        laid[role] = weight if task.channels_last else weight.T
    none = np.zeros(laid["weight_ih"].shape[1], kind)
    return laid | {role: weights.get(role + end, none).astype(kind, copy=False) for role in ("bias_ih", "bias_hh")}


KERNELS = {
    "embedding": Kernel(_embedding, _as_weights),
    "lstm": Kernel(_recurrent(_lstm_step, 2), averages),
    "gru": Kernel(_recurrent(_gru_step, 1), averages),
    "rnn": Kernel(_recurrent(_rnn_step, 1), averages),
}
