"""Writer of a network as the source of a PyTorch module, to be read and changed. It needs no PyTorch."""

from __future__ import annotations

from .source import write

__all__ = ["write"]
