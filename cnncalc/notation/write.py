"""Write a network as a spec: every name written out, and only the keys that were given."""

from __future__ import annotations

import json

from ..network import Network
from .document import lines


def write(network: Network) -> str:
    """Return a JSON document, one line for each layer."""
    head = network.to_dict()
    encode = json.JSONEncoder(ensure_ascii=False).encode
    layers = map(encode, head.pop("layers"))
    expect = head.pop("expect", None)
    return "".join(lines(head, layers, {} if expect is None else {"expect": expect}))
