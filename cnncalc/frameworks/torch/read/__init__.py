"""PyTorch modules: run once on tensors without values, every call of a function read as a layer.

`inputs` says what its input is, `record` follows the module, `rules` say which layers a call is, and `build` names and
wires them; only the first two import torch. Nothing here depends on what module a call stands in, so `nn.Conv2d`,
`F.conv2d` and a subclass are one rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....errors import SpecError

if TYPE_CHECKING:
    from ... import ForeignNetwork


def read(module: Any, input: Sequence[Any], name: str | None = None, batch: int | None = None) -> ForeignNetwork:
    """Read a module's network for an input of any sizes that `shape` takes; it runs on `batch` samples.

    SpecError without PyTorch, for anything but an `nn.Module`, and for a module that cannot be traced.
    """
    needs_torch()
    from .inputs import follow

    return follow(module, input, name, batch or 1)


def needs_torch() -> None:
    """SpecError if PyTorch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise SpecError("this needs PyTorch, which is not installed", "pip install 'cnncalc[torch]'") from None
