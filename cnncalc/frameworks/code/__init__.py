"""Networks in Python source, which is read as text and never executed: PyTorch modules and Keras models.

`source` parses the text and locates errors in it. `evaluate` interprets a subset of Python on values of its own
(`values`). It runs only the statements that the network depends on (`scope`, `changes`), within a `budget`. The
evaluator is built in layers: `operations`, `expressions`, `targets`, `statements`. `libraries` holds what the source
may import: a table for each library, from dotted names to values. `entry` finds the network.

`pasted` removes what surrounds pasted code and print-outs: fences, prompts, log prefixes. `printout` reads the output
of `print(module)`, whose text `printed` parses. `summaries` recognizes outputs that say too little to be read as a
network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .. import ForeignNetwork


def read(text: str, name: str, wanted: str | None = None) -> ForeignNetwork:
    """Read a network from source: the `wanted` one, such as `Net` or `Net(num_classes=5)`, or the obvious one.

    The result's `bind` reads the network for given input sizes. Raise SpecError, with line and column, if there is no
    such network, or if the network depends on code that is not understood.
    """
    from .entry import SourceReader

    return SourceReader(text, name, wanted).begin()
