"""A network as the source of a PyTorch module, to be read and changed: no PyTorch is needed to write it."""

from __future__ import annotations

from ....network import Network
from ....trace import shape
from .source import file

__all__ = ["write"]


def write(network: Network) -> str:
    """A file with an `nn.Module`. SpecError with the layer's name for what PyTorch cannot say."""
    return file(shape(network))
