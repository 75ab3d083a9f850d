"""PyTorch Lightning in evaluated code: its module; steps, logs and optimizers are ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..libraries import NameTable
from ..values import ClassValue, InstanceValue, UnknownValue
from .modules import MODULE, method
from .tensors import DeviceValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

LIGHTNING = ClassValue("LightningModule", [MODULE])
_PACKAGES = "pytorch_lightning", "lightning", "lightning.pytorch", "lightning.pytorch.core", "pytorch_lightning.core"
NAMES = NameTable({f"{package}.LightningModule": LIGHTNING for package in _PACKAGES})


@method(LIGHTNING, "save_hyperparameters")
def save_hyperparameters(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Save the arguments of a module's `__init__`, or the named ones, as `self.hparams`."""
    module, *chosen = args
    frame = evaluator.frame
    given = frame.names if frame is not None else {}
    left_out = kwargs.get("ignore", ())
    left_out = (left_out,) if isinstance(left_out, str) else tuple(left_out)
    names = [one for one in chosen if isinstance(one, str)]
    kept = {name: value for name, value in given.items() if value is not module and name not in left_out}
    hparams = InstanceValue(ClassValue("hparams"))
    hparams.attributes |= {name: value for name, value in kept.items() if not names or name in names}
    for one in chosen:
        hparams.attributes |= one if isinstance(one, dict) else {}
    module.attributes["hparams"] = hparams


@method(LIGHTNING, "log", "log_dict", "print")
def log(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Log a value, which is ignored."""


LIGHTNING.namespace["device"] = DeviceValue("cpu", "device")
for _name in ("dtype", "trainer", "logger", "current_epoch", "global_step", "fabric"):
    LIGHTNING.namespace[_name] = UnknownValue(f"self.{_name} of Lightning")
