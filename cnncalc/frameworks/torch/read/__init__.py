"""Reader of PyTorch modules: a module runs once on tensors without values, and every function call becomes a layer.

`readings` decides how the input is read, `inputs` runs the module so, `record` follows it, `rules` say which layers a
call is, and `build` names and wires them; only `inputs` and `record` import torch. Nothing here depends on the module
that a call stands in, so `nn.Conv2d`, `F.conv2d` and a subclass are one rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import SpecError

FIRST = "input"
"""The name of the first input, whatever the module calls it."""

if TYPE_CHECKING:
    from ... import ForeignNetwork


def read(
    module: Any,
    input: Sequence[Any] | Mapping[str, Sequence[Any]],
    name: str | None = None,
    batch: int | None = None,
) -> ForeignNetwork:
    """Read a module's network for an input of any sizes that `shape` takes, or for several.

    Several have the names of `forward`'s arguments, or `input`, `input_2` and so on, in the order of those.
    The module runs on `batch` samples if it takes no other number. SpecError without PyTorch, for anything but an
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
