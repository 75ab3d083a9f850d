"""PyTorch modules: run once on tensors without values, every call of a function read as a layer.

`record` follows the module (only it imports torch), `rules` say which layers a call is, and `build` names and wires
them. Nothing here depends on what module a call stands in, so `nn.Conv2d`, `F.conv2d` and a subclass are one rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....errors import SpecError

if TYPE_CHECKING:
    from ... import Imported


def read(module: Any, input: Sequence[Any], name: str | None = None) -> Imported:
    """A module's network for an input (C, H, W), or with a batch in front.

    SpecError without PyTorch, for anything but an `nn.Module`, and for a module that cannot be traced.
    """
    needs_torch()
    from .build import build
    from .record import record

    return build(record(module, input), name)


def needs_torch() -> None:
    """SpecError if PyTorch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise SpecError("this needs PyTorch, which is not installed", "pip install 'cnncalc[torch]'") from None
