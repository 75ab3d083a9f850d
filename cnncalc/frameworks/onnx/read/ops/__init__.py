"""The readers of ONNX's operators, one file per family."""

from __future__ import annotations

from .....registry import Registry
from ..reader import Handler
from . import activation, arithmetic, axes, contrib, conv, dense, norm, pool, quantized, recurrent, resample, select

_FAMILIES = (activation, arithmetic, axes, contrib, conv, dense, norm, pool, quantized, recurrent, resample, select)
HANDLERS: Registry[str, Handler] = Registry(*[family.HANDLERS for family in _FAMILIES])
