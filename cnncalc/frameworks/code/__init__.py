"""Networks in Python source, read from its text and never executed: PyTorch's modules and Keras's models.

`source` parses it and says where errors are. `evaluate` runs a part of the language on values of its own (`values`),
and only the statements that the network depends on (`scope`, `changes`), within a `budget`. It is made in layers:
`operations`, `expressions`, `targets`, `statements`. What the source imports are names of `libraries`: a table for each
from dotted names to values. `entry` finds the network.

`pasted` removes what surrounds pasted code and print-outs: fences, prompts, the words of a log.
`printout` reads what `print(module)` shows, whose text `printed` parses; `summaries` names what shows too little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .. import ForeignNetwork


def read(text: str, name: str, wanted: str | None = None) -> ForeignNetwork:
    """Read the network of a source: the one that is wanted, as `Net` or `Net(num_classes=5)`, or the one that is meant.

    Its `bind` reads it for the sizes of its inputs. SpecError, with line and column, if there is no such network, and
    for what is needed and not understood.
    """
    from .entry import SourceReader

    return SourceReader(text, name, wanted).begin()
