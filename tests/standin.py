"""A stand-in for PyTorch: generated modules run without it, each of their modules computed as a layer."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

import cnncalc

POOLS = {"MaxPool": "maxpool", "AvgPool": "avgpool", "LPPool": "lppool"}
OPS = {"ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softsign": "softsign"}
OPS |= {f"{name}{nd}d": f"{op}{nd}d".replace("2d", "") for name, op in POOLS.items() for nd in (1, 2, 3)}
"""The op of each supported module, by class name."""


class Tensor(np.ndarray[Any, Any]):
    """An array with the tensor methods that generated modules call."""

    def abs(self) -> Any:
        return np.abs(self)

    def permute(self, *axes: int) -> Any:
        return self.transpose(*axes)


class Module:
    """A module of a network."""

    def __call__(self, *xs: Any) -> Any:
        return self.forward(*xs)  # type: ignore[attr-defined]


class Made(Module):
    """A module that is an op; its arguments are the op's keys, by PyTorch's names."""

    def __init__(self, op: str, *args: Any, **keys: Any):
        first = ("norm", "k") if op.startswith("lp") else ("k",)
        self.layer = {"op": op, **dict(zip(first, args, strict=False)), **keys}

    def forward(self, x: Any) -> Any:
        return cnncalc.run([self.layer], np.array(x), dialect="torch").view(Tensor)


def pad(x: Any, sides: tuple[int, ...], value: float = 0) -> Any:
    """F.pad, which lists the last axis first."""
    pairs = list(zip(sides[::2], sides[1::2], strict=True))[::-1]
    return np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs, constant_values=value).view(Tensor)


def forward(source: str, x: Any) -> Any:
    """Return the first result of a generated module."""
    torch, nn, functional = (ModuleType(name) for name in ("torch", "torch.nn", "torch.nn.functional"))
    vars(torch).update(nn=nn, Tensor=Tensor, cat=np.concatenate)
    vars(nn).update(Module=Module, functional=functional, **{name: partial(Made, op) for name, op in OPS.items()})
    vars(functional).update(pad=pad)
    names: dict[str, Any] = {"__name__": "written"}
    with patch.dict(sys.modules, {one.__name__: one for one in (torch, nn, functional)}):
        exec(compile(source, "written.py", "exec"), names)
    classes = [one for one in names.values() if isinstance(one, type) and one.__module__ == "written"]
    y = classes[-1]()(x.view(Tensor))
    return np.asarray(y[0] if isinstance(y, tuple) else y)
