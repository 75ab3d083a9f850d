"""cnncalc: exact shapes, parameters, costs and receptive fields of convolutional networks.

>>> import cnncalc
>>> report = cnncalc.shape("conv:64,k7,s2,p3 maxpool:k3,s2,p1", input=(3, 224, 224))
>>> report.out, report.params
((64, 56, 56), 9472)
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from os.path import exists
from typing import TYPE_CHECKING, Any

from .errors import CnncalcError, ShapeError, SpecError

if TYPE_CHECKING:
    from .network import Network
    from .trace import LayerReport, Report

    Source = str | PathLike[str] | dict[str, Any] | Sequence[Any] | Network

__version__ = "0.1.0"
__all__ = ["CnncalcError", "LayerReport", "Network", "Report", "ShapeError", "SpecError", "load", "shape"]


def load(source: Source) -> Network:
    """A network from a spec: a dict or a list (parsed JSON), a file's path, layer words, or a name of the zoo.

    Layer words may have a shape in front: `load("3x224x224 conv:64,k7,s2,p3")`.
    Raises SpecError where it cannot be read, with the place.
    """
    from .network import Network
    from .spec import document
    from .spec import source as spec_source

    if isinstance(source, Network):
        return source
    if isinstance(source, (list, tuple)) and source and all(isinstance(word, str) for word in source):
        source = " ".join(source)
    if not isinstance(source, (str, PathLike)):
        return document.read(list(source) if isinstance(source, tuple) else source)
    if isinstance(source, PathLike):
        return document.load_text(spec_source.read_text(fspath(source)), fspath(source))
    given = spec_source.sort_out([source] if exists(source) else source.split())
    network = spec_source.network(given, _no_stdin)
    return network if given.input is None else network._replace(input=given.input)


def _no_stdin() -> str:
    raise SpecError("'-' is standard input on the command line only", "give the spec itself")


def shape(
    source: Source,
    input: Sequence[Any] | str | None = None,
    *,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> Report:
    """What a network does to an input: shapes, parameters, multiply-accumulates and receptive fields, layer by layer.

    `source` is whatever `load` takes. `input` is (C, H, W), "3x224x224", or with letters for open sizes; it,
    `dialect` ("plain", "torch", "keras") and `layout` ("NCHW", "NHWC") beat the spec's own.
    Raises SpecError for what cannot be read and ShapeError for what cannot be, with the arithmetic.
    """
    from .sizes import read_shape
    from .trace import shape as trace_shape

    sizes = None if input is None else read_shape(input)
    return trace_shape(load(source), sizes, batch=batch, dialect=dialect, layout=layout)


def __getattr__(name: str) -> Any:
    if name in ("Report", "LayerReport"):
        from . import trace

        return getattr(trace, name)
    if name == "Network":
        from .network import Network

        return Network
    raise AttributeError(f"module 'cnncalc' has no attribute {name!r}")
