"""A network as a spec: every name written out, and only the keys that were given."""

from __future__ import annotations

from ..network import Network
from .encode import document


def write(network: Network) -> str:
    """Return the spec as a JSON document, a layer a line."""
    spec = network.to_dict()
    return "".join(document((spec | {"layers": iter(spec["layers"])}).items()))
