"""cnncalc: exact shapes, parameters, costs and receptive fields of convolutional networks.

>>> import cnncalc
>>> report = cnncalc.shape("conv:64,k7,s2,p3 maxpool:k3,s2,p1", input=(3, 224, 224))
>>> report.out, report.params
((64, 56, 56), 9472)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from os.path import exists
from typing import TYPE_CHECKING, Any

from .errors import CnncalcError, ShapeError, SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .network import Network
    from .notation.words import Completer
    from .report import LayerReport, Report

    Array = NDArray[Any]
    Source = str | PathLike[str] | dict[str, Any] | Sequence[Any] | Network

__version__ = "0.1.0"
__all__ = [
    "CnncalcError",
    "LayerReport",
    "Network",
    "Report",
    "ShapeError",
    "SpecError",
    "from_torch",
    "load",
    "run",
    "shape",
]


def load(source: Source) -> Network:
    """A network from a spec: a dict or a list (parsed JSON), a file's path, layer words, or a name of the zoo.

    Layer words may have a shape in front: `load("3x224x224 conv:64,k7,s2,p3")`.
    Raises SpecError where it cannot be read, with the place.
    """
    return _load(source, None)


def _load(source: Source, complete: Completer | None) -> Network:
    from . import sources
    from .network import Network

    if isinstance(source, Network):
        return source
    if isinstance(source, (list, tuple)) and source and all(isinstance(word, str) for word in source):
        source = " ".join(source)
    if not isinstance(source, (str, PathLike)):
        return sources.read_value(list(source) if isinstance(source, tuple) else source)
    if isinstance(source, PathLike):
        return sources.load_file(fspath(source))
    words = sources.spec_words([source] if exists(source) else source.split())
    network = sources.load_words(words, complete, _no_stdin)
    return network if words.input is None else network._replace(input=words.input)


def from_torch(module: Any, input: Sequence[int] | str) -> Network:
    """The network of a `torch.nn.Module` for an input (C, H, W), or one with a batch in front.

    The module is run once, on tensors without values, in evaluation mode; it needs `cnncalc[torch]`. What cnncalc has
    no op for becomes an `opaque` layer. Layers are named as their modules, so that `state_dict` has their weights.
    Raises SpecError where the module cannot be followed.
    """
    from .frameworks.torch.read import read
    from .sizes import read_shape
    from .sources import imported

    return imported(read(module, read_shape(input)), type(module).__name__)


def _no_stdin() -> str:
    raise SpecError("'-' is standard input on the command line only", "give the spec itself")


def shape(
    source: Source,
    input: Sequence[Any] | str | None = None,
    *,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    dtype: str | None = None,
) -> Report:
    """What a network does to an input: shapes, parameters, multiply-accumulates and receptive fields, layer by layer.

    `source` is whatever `load` takes. `input` is (C, H, W), "3x224x224", or with letters for open sizes; it,
    `dialect` (of `cnncalc.dialects.DIALECTS`: "torch" …) and `layout` ("NCHW", "NHWC") beat the spec's own.
    With `dtype` ("float32", "float16" …) the report and its layers have a `memory`, in bytes.
    Raises SpecError for what cannot be read and ShapeError for what cannot be, with the arithmetic.
    """
    from .sizes import read_shape
    from .trace import shape as trace_shape

    sizes = None if input is None else read_shape(input)
    report = trace_shape(load(source), sizes, batch=batch, dialect=dialect, layout=layout)
    if dtype is None:
        return report
    from .memory import measure

    return measure(report, dtype)


def run(
    net: Source,
    x: Array,
    weights: Mapping[str, Array] | Array | None = None,
    *,
    bias: Array | None = None,
    seed: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    keep: Sequence[str] = (),
    memory: int = 256 << 20,
) -> Any:
    """Execute a network on a NumPy array: what comes out of its last layer, in the shape that `shape` says.

    `net` is whatever `load` takes, `x` an array of the shapes that `shape` takes: one sample, or a batch of them.
    `weights` are arrays by name (`conv1.weight`, `conv1.bias`, `bn.running_mean` …), in PyTorch's order of axes where
    the layout is NCHW and in Keras's where it is NHWC; or the one array of the only layer with weights, which then
    tells c_o and k where layer words leave them out. A layer whose kernel is given without a bias has none, unless its
    spec says `bias=true`. `seed` draws what is not given (He's normal initialisation, biases 0).
    With `keep`, names of layers, the result is a dict of their results and the last one's, by name.
    Floats keep their dtype (float16 is summed in float32), integers are exact and come out as int64, means as float64.
    `memory` is how many bytes of working memory a run may take beside its input, output and weights.

    Raises SpecError for what is missing or cannot be read, ShapeError for what does not go together.

    >>> import numpy, cnncalc
    >>> cnncalc.run("conv", numpy.arange(9).reshape(3, 3), numpy.arange(4).reshape(2, 2)).tolist()
    [[19, 25], [37, 43]]
    """
    from .execute import run as run_arrays

    complete = (
        None if weights is None or isinstance(weights, Mapping) else completer_for(weights.shape, dialect, layout)
    )
    network = _load(net, complete)
    return run_arrays(
        network, x, weights, bias=bias, seed=seed, dialect=dialect, layout=layout, keep=keep, memory=memory
    )


def completer_for(shape: tuple[int, ...], dialect: str | None, layout: str | None) -> Completer:
    """What completes layer words from a kernel's shape, in the layout that will hold."""
    from .dialects import Dialect
    from .layers import Env
    from .notation.words import completer_from_kernel

    return completer_from_kernel(shape, Env(Dialect, order_of(dialect, layout) == "NHWC"))


def order_of(dialect: str | None, layout: str | None) -> str:
    """The layout that holds for layer words."""
    from .dialects import Dialect, dialect_named, layout_named

    settled = Dialect if dialect is None else dialect_named(dialect)
    return settled.layout if layout is None else layout_named(layout)


def __getattr__(name: str) -> Any:
    if name in ("Report", "LayerReport"):
        from . import trace

        return getattr(trace, name)
    if name == "Network":
        from .network import Network

        return Network
    raise AttributeError(f"module 'cnncalc' has no attribute {name!r}")
