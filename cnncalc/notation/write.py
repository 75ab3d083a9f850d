"""Write a network as a spec: every name written out, but only the keys that were given."""

from __future__ import annotations

from ..network import Network
from .encode import document


def write(network: Network) -> str:
    """Return the spec as a JSON document, one layer per line."""
    spec = network.to_dict()
    return "".join(document((spec | {"layers": iter(spec["layers"])}).items()))
