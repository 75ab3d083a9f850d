"""The writer of a network as the source of a PyTorch module, meant to be read and changed. It does not need PyTorch."""

from __future__ import annotations

from .source import write

__all__ = ["write"]
