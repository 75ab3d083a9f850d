"""Networks in Python source, read from its text and never executed: PyTorch's modules and Keras's models.

`source` parses it and says where errors are. `evaluate` runs a bounded part of the language on values of its own
(`values`), and only the statements that the network depends on (`scope`), within bounds (`limits`). What the source
imports are names of `libraries`: a table for each, from dotted names to values. `entry` finds the network.

`printout` reads what `print(module)` shows, whose text `printed` parses; `summaries` names what shows too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...sizes import Shape
    from .. import ForeignNetwork


def read(text: str, name: str, wanted: str | None, inputs: Mapping[str, Shape]) -> ForeignNetwork:
    """Read the network of a source: the one that is wanted, as `Net` or `Net(num_classes=5)`, or the only one.

    `inputs` are the sizes of its inputs, the first one's by `input`; none if they are not known. SpecError, with line
    and column, if there is no such network, and for what is needed and not understood.
    """
    from .entry import SourceReader

    return SourceReader(text, name, wanted).read(inputs)
