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
    """Fill `out` with the table's rows that the indices name."""
    table = weights["weight"]
    several = max(task.scratch // 2 // (8 * max(prod(xs[0].shape[1:]), 1)), 1)
    for begin in range(0, len(out), several):
        given = xs[0][begin : begin + several]
        finite = np.nan_to_num(given, posinf=0, neginf=0) if given.dtype.kind == "f" else given
        places = finite.astype(np.int64)
        differs = (finite if task.dialect.cuts_indices else places) != given
        if differs.any():
            what = f"a value is {given[differs][0]:g}, which is not a whole number"
            raise ShapeError(what, "the input selects rows of the table", key="rows")
        least, most = int(places.min()), int(places.max())
        if least < 0 or most >= len(table):
            wrong = least if least < 0 else most
            raise ShapeError(f"the table has rows 0 to {len(table) - 1}, but a value is {wrong}", key="rows")
        np.take(table, places, axis=0, out=out[begin : begin + several], mode="clip")


StepOf = Callable[[Array, tuple[Array, ...], dict[str, Array], Task], tuple[Array, ...]]
"""A function that returns the new states, hidden state first, from the gates' input terms and the old states."""


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
}
"""The functions of states and gates, by word."""


def _lstm_step(added: Array, states: tuple[Array, ...], w: dict[str, Array], task: Task) -> tuple[Array, ...]:
    hidden, cell = states
    gates = added + hidden @ w["weight_hh"] + w["bias_hh"]
    i, f, g, o = np.split(gates, 4, axis=1)
    activation, gate = FUNCTIONS[task.values["activation"]], FUNCTIONS[task.values["gate"]]
    cell = gate(f) * cell + gate(i) * activation(g)
    return gate(o) * activation(cell), cell


def _gru_step(added: Array, states: tuple[Array, ...], w: dict[str, Array], task: Task) -> tuple[Array, ...]:
    (hidden,) = states
    weight, bias, n = w["weight_hh"], w["bias_hh"], hidden.shape[1]
    after = task.values["reset_after"]
    product = hidden @ (weight if after else weight[:, : 2 * n]) + (bias if after else bias[: 2 * n])
    gates = FUNCTIONS[task.values["gate"]](added[:, : 2 * n] + product[:, : 2 * n])
    reset, update = gates[:, :n], gates[:, n:]
    recurrent = reset * product[:, 2 * n :] if after else (reset * hidden) @ weight[:, 2 * n :] + bias[2 * n :]
    new = FUNCTIONS[task.values["activation"]](added[:, 2 * n :] + recurrent)
    return ((1 - update) * new + update * hidden,)


def _rnn_step(added: Array, states: tuple[Array, ...], w: dict[str, Array], task: Task) -> tuple[Array, ...]:
    total = added + states[0] @ w["weight_hh"] + w["bias_hh"]
    return (FUNCTIONS[task.values["activation"]](total),)


def _recurrent(step: StepOf, states: int) -> Callable[[Task, Sequence[Array], Weights, Array], None]:
    """Return the kernel of a recurrent layer with this step function and number of states."""

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        v, x = task.values, xs[0]
        x, kind = x.reshape(-1, *x.shape[-2:]), wide(out.dtype)
        mask = np.broadcast_to(xs[-1].reshape(-1, x.shape[1]), x.shape[:2]) != 0 if v["masked"] else None
        to = out.reshape(len(x), -1, out.shape[-1])
        begin = [state.reshape(len(x), -1).astype(kind, copy=False) for state in xs[1 : len(xs) - v["masked"]]]
        kept = {"cell": [1], "both": [0, 1]}.get(v.get("state", ""), [0])
        parts = to.reshape(*to.shape[:-1], len(kept), -1, v["out"])
        for at, end in enumerate(("", "_reverse")[: 1 + v["bidirectional"]]):
            own = [state[:, at * v["out"] : (at + 1) * v["out"]] for state in begin]
            outs = {state: parts[..., place, at, :] for place, state in enumerate(kept)}
            _direction(task, x, _laid(task, weights, end, kind), own, outs, v["backward"] or bool(end), mask)

    def _direction(
        task: Task,
        x: Array,
        w: dict[str, Array],
        begins: list[Array],
        outs: dict[int, Array],
        backward: bool,
        mask: Array | None,
    ) -> None:
        """Process some samples at a time: the input's terms for several steps at once, then step by step."""
        v, (steps, width), kind = task.values, (x.shape[1], w["weight_ih"].shape[1]), w["weight_ih"].dtype
        room = task.scratch // 4 // kind.itemsize
        several = min(max(room // width, 1), len(x))
        at_once = min(max(room // (several * (width + x.shape[2])), 1), steps)
        for begin in range(0, len(x), several):
            some = slice(begin, begin + several)
            mine = x[some]
            given = now = tuple([np.zeros((len(mine), v["out"]), kind)] * states)
            now = tuple([one[some] for one in begins]) or now
            for done in range(0, steps, at_once):
                first = max(steps - done - at_once, 0) if backward else done
                last = steps - done if backward else min(done + at_once, steps)
                added = mine[:, first:last].astype(kind, copy=False) @ w["weight_ih"] + w["bias_ih"]
                for at in range(last - 1, first - 1, -1) if backward else range(first, last):
                    new = step(added[:, at - first], now, w, task)
                    counts = True if mask is None else mask[some, at, None]
                    given, now = _where(counts, new, given), _where(counts, new, now)
                    for state, out in outs.items() if v["sequences"] else ():
                        out[some, at] = given[state]
            for state, out in outs.items() if not v["sequences"] else ():
                out[some, 0] = given[state]

    return compute


def _where(condition: Array | bool, new: tuple[Array, ...], old: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return each new array where a condition holds, and the old one elsewhere."""
    return (
        new
        if condition is True
        else tuple([np.where(condition, one, other) for one, other in zip(new, old, strict=True)])
    )


def _laid(task: Task, weights: Weights, end: str, kind: Dtype) -> dict[str, Array]:
    """Return the arrays of one direction by role, with weights as (in, out) and missing biases as zeros."""
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
