"""Writer of a network as the source of a PyTorch module, to be read and changed. It needs no PyTorch."""

from __future__ import annotations

from ....network import Network
from ....trace import shape
from .source import file

__all__ = ["write"]


def write(network: Network) -> str:
    """Return a file with an `nn.Module`. SpecError, with the layer's name, for what PyTorch cannot express."""
    return file(shape(network))
