"""How each of ONNX's operators is read, one file a family."""

from __future__ import annotations

from ..reader import Handler
from . import activation as pointwise
from . import arithmetic, axes, conv, dense, norm, pool, resample

HANDLERS: dict[str, Handler] = {
    **conv.HANDLERS,
    **pool.HANDLERS,
    **dense.HANDLERS,
    **norm.HANDLERS,
    **pointwise.HANDLERS,
    **arithmetic.HANDLERS,
    **axes.HANDLERS,
    **resample.HANDLERS,
}
