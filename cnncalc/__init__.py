"""cnncalc: exact shapes, parameters, costs and receptive fields of convolutional networks.

>>> import cnncalc
>>> report = cnncalc.shape("conv:64,k7,s2,p3 maxpool:k3,s2,p1", input=(3, 224, 224))
>>> report.out, report.params
((64, 56, 56), 9472)

What may be imported is what `__all__` lists here, and in `cnncalc.testing` and `cnncalc.execute.gradients`. Every other
module is internal: it may change or move with any version.

    load(source)                  a spec, file, layer words, built-in network, ... -> Network
    shape(source, input)          -> Report: shapes, parameters, MACs, receptive fields
    run(source, x, weights)       execute on NumPy arrays
    prepare(source, weights)      a network to execute many times
    check(source, expect)         is the network as expected?
    diff(a, b)                    what changed between two networks
    compare(a, b, c)              networks side by side
    contrast(source, dialects)    one network under several dialects
    from_torch(module, input)     a torch.nn.Module -> Network
    to_keras(source), to_onnx(source, weights), to_torch(source)

`import cnncalc` alone imports neither NumPy, click nor rich; only run, prepare and to_onnx import NumPy, and only
printing a report imports rich.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .api.arrays import prepare, run, to_onnx
    from .api.networks import check, compare, contrast, diff, from_torch, load, shape, to_keras, to_torch
    from .errors import CnncalcError, ShapeError, SpecError
    from .network import Network
    from .report import LayerReport, Report

__version__ = "0.1.0"
__all__ = [
    "CnncalcError",
    "LayerReport",
    "Network",
    "Report",
    "ShapeError",
    "SpecError",
    "check",
    "compare",
    "contrast",
    "diff",
    "from_torch",
    "load",
    "prepare",
    "run",
    "shape",
    "to_keras",
    "to_onnx",
    "to_torch",
]
_MODULES = {
    "CnncalcError": "errors",
    "ShapeError": "errors",
    "SpecError": "errors",
    "LayerReport": "report",
    "Network": "network",
    "Report": "report",
    "prepare": "api.arrays",
    "run": "api.arrays",
    "to_onnx": "api.arrays",
}
"""The modules of the public names that are imported when they are first asked for; the others are in `api.networks`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'cnncalc' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_MODULES.get(name, 'api.networks')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
