"""Layers over sequences: embedding, lstm, gru, rnn. A sample is (steps, features); axes in front work alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import ShapeError
from ..sizes import Shape, Size, count, counted, known, show
from .base import KERNEL, Env, Fields, Layer, Sign, Start, Trace, check_channels, ops
from .conv import times
from .keys import Reader, at_least, flag, one_of


class Embedding(Layer):
    """Embedding: the row of a table that each whole number names."""

    WORD = "embedding"
    REFUSED = {"onnx_read": "reads as an opaque layer"}
    EXAMPLE = "OP:rows=256,out=8"
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    MAKES_AXES = True
    WEIGHTS = {"weight": 1.0}
    KEYS = {"rows": at_least(1), "out": at_least(1)}
    HELP = {"rows": "The number of rows; values are from 0 to one less.", "out": "The numbers in a row."}
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


class Recurrent(Layer):
    """The base of recurrent layers: one layer, in one direction or in both."""

    REFUSED = {"onnx_read": "reads as an opaque layer"}
    EXAMPLE = "OP:16"
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    MAKES_AXES = True
    WEIGHTS: ClassVar[Mapping[str, Start]] = {
        f"{role}{end}": KERNEL if role.startswith("weight") else 0.0
        for end in ("", "_reverse")
        for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    KEYS: ClassVar[Mapping[str, Reader]] = {
        **dict.fromkeys(("c_i", "out"), at_least(1)),
        **dict.fromkeys(("bidirectional", "backward", "sequences", "bias", "hidden_bias"), flag),
    }
    HELP: ClassVar[Mapping[str, str]] = {
        "c_i": "The number of input features; may be left out.",
        "out": "The number of hidden units, in each direction.",
        "bidirectional": "Whether a second one reads from the end; its units follow those of the first.",
        "backward": "Whether it reads from the end; what it gives for a step stands in the step's place.",
        "sequences": "Whether it gives every step; if not, the last that each direction reads.",
        "hidden_bias": "Whether there is a second bias, on the side of the hidden state.",
    }
    BARE = "out"
    NEEDED = ("out",)
    DERIVED: ClassVar[tuple[str, ...]] = ("hidden_bias",)
    GATES: ClassVar[int]
    out: int
    c_i: int | None = None
    bidirectional: bool = False
    backward: bool = False
    sequences: bool = True
    bias: bool = True
    hidden_bias: bool = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if len(x) < 2:
            raise ShapeError(f"{self.op} works on steps and features, and gets {show(x)}")
        if self.bidirectional and self.backward:
            raise ShapeError(
                "backward is one direction, and bidirectional both", "leave out one of them", key="backward"
            )
        check_channels(self.c_i, x[-1], x[-1:], "feature")
        values = self.values(env) | {"c_i": known(x[-1]), "hidden_bias": self.has_hidden_bias(env)}
        directions = 1 + self.bidirectional
        steps = x[:-1] if self.sequences else x[:-2]
        macs = count(*x[:-1], directions * self.GATES * self.out, x[-1] + self.out)
        out = (*steps, directions * self.out)
        steps_at, features_at = len(x) - 2, len(x) - 1
        seen = fields.whole([features_at], x)
        seen = seen.mixed([steps_at], x) if self.sequences else seen.whole([steps_at], x).drop([steps_at])
        return Trace(values, out, seen, *self.counts(x, values, env), macs)

    def has_hidden_bias(self, env: Env) -> bool:
        """Return whether there is a second bias: by default the dialect's, if there is a first."""
        return self.bias and (self.hidden_bias if "hidden_bias" in self.given else env.dialect.hidden_bias)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        width = self.GATES * self.out
        kernels: dict[str, Shape] = {"weight_ih": (width, x[-1]), "weight_hh": (width, self.out)}
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
            f"parameters: {counted(traced.weights)} weights + {counted(traced.bias)} bias",
            f"MACs: {directions}{gates}: {times(*x[:-1], 1 + self.bidirectional, self.GATES, self.out, each)} = "
            f"{counted(traced.macs)}",
        ]


class LSTM(Recurrent):
    """Long short-term memory, one layer: the gates are in, forget, cell and out, in this order (PyTorch's)."""

    WORD = "lstm"
    GATES = 4
    KEYS: ClassVar[Mapping[str, Reader]] = {**Recurrent.KEYS, "state": one_of("hidden", "cell")}
    HELP = {**Recurrent.HELP, "state": "Which of its states it gives: hidden, or cell."}
    state: str = "hidden"


class GRU(Recurrent):
    """Gated recurrent units, one layer: the gates are reset, update and new, in this order (PyTorch's)."""

    WORD = "gru"
    GATES = 3
    KEYS: ClassVar[Mapping[str, Reader]] = {**Recurrent.KEYS, "reset_after": flag}
    HELP = {**Recurrent.HELP, "reset_after": "Whether the hidden state is multiplied by its weights before the reset."}
    DERIVED = (*Recurrent.DERIVED, "reset_after")
    reset_after: bool = True

    def values(self, env: Env) -> dict[str, Any]:
        return super().values(env) | {"reset_after": self.resets_after(env)}

    def resets_after(self, env: Env) -> bool:
        """Return whether the reset comes after the product, by default as the dialect has it."""
        return self.reset_after if "reset_after" in self.given else env.dialect.reset_after

    def has_hidden_bias(self, env: Env) -> bool:
        if "hidden_bias" in self.given or not self.resets_after(env):
            return super().has_hidden_bias(env)
        return self.bias


class RNN(Recurrent):
    """Simple recurrent units (Elman), one layer: activation(W x + U h)."""

    WORD = "rnn"
    GATES = 1
    KEYS: ClassVar[Mapping[str, Reader]] = {**Recurrent.KEYS, "activation": one_of("tanh", "relu")}
    HELP = {**Recurrent.HELP, "activation": "The function of the new state: tanh, or relu."}
    activation: str = "tanh"


OPS = ops(Embedding, LSTM, GRU, RNN)
