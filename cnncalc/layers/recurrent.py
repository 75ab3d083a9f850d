"""Layers over sequences: embedding, lstm, gru, rnn. A sample is (steps, features), possibly after further axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..axes import join as join_fields
from ..errors import ShapeError
from ..sizes import Shape, Size, count, counted, known, show
from .base import KERNEL, Env, Fields, Layer, Sign, Start, Trace, check_channels, ops
from .conv import times
from .join import same
from .keys import Reader, at_least, flag, one_of


class Embedding(Layer):
    """Embedding: for each whole number, the row of a table with that index."""

    WORD = "embedding"
    EXAMPLE = "OP:rows=256,out=8"
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    MAKES_AXES = True
    WEIGHTS = {"weight": 1.0}
    KEYS = {"rows": at_least(1), "out": at_least(1)}
    HELP = {"rows": "The number of rows; values are row numbers, counted from 0.", "out": "The length of a row."}
    NEEDED = ("rows", "out")
    rows: int
    out: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        values = self.values(env)
        return Trace(values, (*x, self.out), fields.insert(len(x)), *self.counts(x, values, env))

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return {"weight": (self.rows, self.out)}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"parameters: rows*out = {times(self.rows, self.out)} = {counted(traced.weights)}"]


ACTIVATION = one_of("tanh", "relu", "sigmoid", "linear")
GATED: dict[str, Reader] = {
    "activation": ACTIVATION,
    "gate": one_of("sigmoid", "hardsigmoid", "tanh", "relu", "linear"),
}
"""The keys of gated layers."""
GATED_HELP = {
    "activation": "The function of the new state (and of an LSTM's output): tanh, relu, sigmoid, or linear for none.",
    "gate": "The function of the gates: sigmoid; hardsigmoid, which is x/6 + 0.5 from 0 to 1; tanh, relu, or linear.",
}


class Recurrent(Layer):
    """The base of recurrent layers: a single layer, in one direction or both.

    It reads a sequence, and may read its initial states: those of all directions concatenated, zeros by default. With
    `masked`, its last input is a mask with a number for each step.
    """

    EXAMPLE = "OP:16"
    STEPS = True
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    JOINS = True
    MAKES_AXES = True
    WEIGHTS: ClassVar[Mapping[str, Start]] = {
        f"{role}{end}": KERNEL if role.startswith("weight") else 0.0
        for end in ("", "_reverse")
        for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    KEYS: ClassVar[Mapping[str, Reader]] = {
        **dict.fromkeys(("c_i", "out"), at_least(1)),
        **dict.fromkeys(("bidirectional", "backward", "sequences", "bias", "hidden_bias", "masked"), flag),
    }
    HELP: ClassVar[Mapping[str, str]] = {
        "c_i": "The number of input features; may be left out.",
        "out": "The number of hidden units, in each direction.",
        "bidirectional": "Whether a second direction reads from the end; its units follow those of the first.",
        "backward": "Whether it reads from the end; outputs keep the order of the steps.",
        "sequences": "Whether it outputs every step; if not, only the last that each direction reads.",
        "hidden_bias": "Whether there is a second bias, for the hidden state.",
        "masked": (
            "Whether the last input is a mask of steps: where it is 0, the "
            "previous output is repeated (0 at the start)."
        ),
    }
    BARE = "out"
    NEEDED = ("out",)
    DERIVED: ClassVar[tuple[str, ...]] = ("hidden_bias",)
    GATES: ClassVar[int]
    STATES: ClassVar[int] = 1
    """The number of states."""
    out: int
    c_i: int | None = None
    bidirectional: bool = False
    backward: bool = False
    sequences: bool = True
    bias: bool = True
    hidden_bias: bool = True
    masked: bool = False

    @property
    def overstates(self) -> str | None:
        if self.bidirectional or not self.sequences:
            return None
        return f"a step does not see those {'before' if self.backward else 'after'} it"

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        x, *states = xs
        if len(x) < 2:
            raise ShapeError(f"{self.op} works on steps and features, but gets {show(x)}")
        if self.masked:
            self.check_mask(x, states.pop() if states else (), env)
        if states and len(states) != self.STATES:
            what = f"{self.op} reads a sequence, or a sequence and {self.STATES} state{'s' * (self.STATES > 1)}"
            raise ShapeError(f"{what}, got {len(xs)} inputs", key="from")
        if self.bidirectional and self.backward:
            raise ShapeError(
                "backward is one direction, but bidirectional is both", "leave out one of them", key="backward"
            )
        check_channels(self.c_i, x[-1], x[-1:], env, "feature")
        values = self.values(env) | {"c_i": known(x[-1]) or self.c_i, "hidden_bias": self.has_hidden_bias(env)}
        width = (1 + self.bidirectional) * self.out
        for state in states:
            if len(state) != len(x) - 1 or any(
                same([m, n], env) is None for m, n in zip(state, (*x[:-2], width), strict=True)
            ):
                given = " and ".join(map(show, xs))
                raise ShapeError(f"{self.op} of {given}: its states must be {show((*x[:-2], width))}", key="from")
        macs = count(*x[:-1], self.GATES * width, (values["c_i"] or x[-1]) + self.out)
        out = (*(x[:-1] if self.sequences else x[:-2]), self.given_states() * width)
        steps_at, features_at = len(x) - 2, len(x) - 1
        seen = fields[0].whole([features_at], x)
        seen = seen.mixed([steps_at], x) if self.sequences else seen.whole([steps_at], x).drop([steps_at])
        if states:
            seen = self.begun(seen, fields[1:], states, out)
        return Trace(values, out, seen, *self.counts(x, values, env), macs)

    def begun(self, seen: Fields, fields: Sequence[Fields], states: Sequence[Shape], out: Shape) -> Fields:
        """Return the fields of the output, which also sees the initial states."""
        paths, shapes = [seen], [out]
        for path, state in zip(fields, states, strict=False):
            fed = path.whole([len(state) - 1], state)
            paths.append(fed.insert(len(state) - 1) if self.sequences else fed)
            shapes.append((*state[:-1], *((1,) if self.sequences else ()), out[-1]))
        return join_fields(paths, shapes, out)

    def check_mask(self, x: Shape, mask: Shape, env: Env) -> None:
        """Raise ShapeError unless a mask has a number for each step of the sequence x."""
        if len(mask) != len(x) - 1 or any(same([m, n], env) is None for m, n in zip(mask, x[:-1], strict=True)):
            what = f"{self.op} of {show(x)}: its mask, the last input, must be {show(x[:-1])}"
            raise ShapeError(f"{what}, but is {show(mask)}" if mask else what, key="from")

    def given_states(self) -> int:
        """Return the number of states that its output contains."""
        return 1

    def has_hidden_bias(self, env: Env) -> bool:
        """Return whether there is a second bias: by default as in the dialect, if there is a first."""
        return self.bias and (self.hidden_bias if "hidden_bias" in self.given else env.dialect.hidden_bias)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        width, features = self.GATES * self.out, values["c_i"] or x[-1]
        kernels: dict[str, Shape] = {"weight_ih": (width, features), "weight_hh": (width, self.out)}
        if env.channels_last:
            kernels = {role: shape[::-1] for role, shape in kernels.items()}
        biases = [role for role, key in (("bias_ih", "bias"), ("bias_hh", "hidden_bias")) if values[key]]
        shapes = kernels | dict.fromkeys(biases, (width,))
        ends = ("", "_reverse")[: 1 + self.bidirectional]
        return {role + end: shape for end in ends for role, shape in shapes.items()}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        each: Size = x[-1] + self.out
        gates, directions = f"{self.GATES} gate{'s' * (self.GATES > 1)}", "2 directions, " * self.bidirectional
        return [
            f"weights: {directions}{gates}: {times(1 + self.bidirectional, self.GATES, self.out, each)} = "
            f"{counted(traced.weights)}, and {counted(traced.bias)} bias",
            f"MACs: {directions}{gates}: {times(*x[:-1], 1 + self.bidirectional, self.GATES, self.out, each)} = "
            f"{counted(traced.macs)}",
        ]


class LSTM(Recurrent):
    """Long short-term memory, one layer: the gates are in, forget, cell and out, in this order (PyTorch's)."""

    WORD = "lstm"
    GATES = 4
    STATES = 2
    KEYS: ClassVar[Mapping[str, Reader]] = {**Recurrent.KEYS, "state": one_of("hidden", "cell", "both"), **GATED}
    HELP = {
        **Recurrent.HELP,
        **GATED_HELP,
        "state": "Which of its states it outputs: hidden, cell, or both, the hidden ones first.",
    }
    state: str = "hidden"
    activation: str = "tanh"
    gate: str = "sigmoid"

    def given_states(self) -> int:
        return 2 if self.state == "both" else 1


class GRU(Recurrent):
    """Gated recurrent units, one layer: the gates are reset, update and new, in this order (PyTorch's)."""

    WORD = "gru"
    GATES = 3
    KEYS: ClassVar[Mapping[str, Reader]] = {**Recurrent.KEYS, "reset_after": flag, **GATED}
    HELP = {
        **Recurrent.HELP,
        **GATED_HELP,
        "reset_after": "Whether the hidden state is multiplied by its weights before the reset gate.",
    }
    DERIVED = (*Recurrent.DERIVED, "reset_after")
    reset_after: bool = True
    activation: str = "tanh"
    gate: str = "sigmoid"

    def values(self, env: Env) -> dict[str, Any]:
        return super().values(env) | {"reset_after": self.resets_after(env)}

    def resets_after(self, env: Env) -> bool:
        """Return whether the reset is applied after the product; by default as in the dialect."""
        return self.reset_after if "reset_after" in self.given else env.dialect.reset_after

    def has_hidden_bias(self, env: Env) -> bool:
        if "hidden_bias" in self.given or not self.resets_after(env):
            return super().has_hidden_bias(env)
        return self.bias


class RNN(Recurrent):
    """Simple recurrent units (Elman), one layer: activation(W x + U h)."""

    WORD = "rnn"
    GATES = 1
    KEYS: ClassVar[Mapping[str, Reader]] = {**Recurrent.KEYS, "activation": ACTIVATION}
    HELP = {**Recurrent.HELP, "activation": "The function of the new state: tanh, relu, sigmoid, or linear for none."}
    activation: str = "tanh"


OPS = ops(Embedding, LSTM, GRU, RNN)
