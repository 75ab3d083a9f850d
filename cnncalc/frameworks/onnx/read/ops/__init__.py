"""How each of ONNX's operators is read, one file a family."""

from __future__ import annotations

from .....registry import Registry
from ..reader import Handler
from . import activation, arithmetic, axes, conv, dense, norm, pool, resample

HANDLERS: Registry[str, Handler] = Registry(
    *(conv.HANDLERS, pool.HANDLERS, dense.HANDLERS, norm.HANDLERS, activation.HANDLERS),
    *(arithmetic.HANDLERS, axes.HANDLERS, resample.HANDLERS),
)
