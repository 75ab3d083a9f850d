"""The reader of PyTorch modules: a module runs once on tensors without values, and its function calls become layers.

`readings` decides how the input is read, `inputs` runs the module accordingly, `record` follows it, `rules` turn each
call into layers, and `build` names and wires them. Only `inputs` and `record` import torch. The rules do not depend on
the module that makes a call, so `nn.Conv2d`, `F.conv2d` and a subclass share one rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import SpecError

FIRST = "input"
"""The name of the first input, independently of the module's name for it."""

if TYPE_CHECKING:
    from ... import ForeignNetwork


def read(
    module: Any,
    input: Sequence[Any] | Mapping[str, Sequence[Any]],
    name: str | None = None,
    batch: int | None = None,
) -> ForeignNetwork:
    """Read a module's network for an input of any sizes that `shape` accepts, or for several inputs.

    Several inputs are named by the arguments of `forward`, or `input`, `input_2` and so on in their order. The module
    runs on `batch` samples if it accepts no other number. Raise SpecError without PyTorch, for anything but an
    `nn.Module`, and for a module that cannot be traced.
    """
    needs_torch()
    from .inputs import follow

    inputs = input if isinstance(input, Mapping) else {FIRST: input}
    return follow(module, inputs, name, batch)


def needs_torch() -> None:
    """Raise SpecError if PyTorch is not installed, or cannot be imported."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise SpecError("this needs PyTorch, which is not installed", "pip install 'cnncalc[torch]'") from None
    except Exception as error:
        what = f"PyTorch cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}"
        raise SpecError(what, 'python -c "import torch" shows why') from error
