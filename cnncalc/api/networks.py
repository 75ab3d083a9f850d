"""The public functions that need no arrays: load, shape, check, compare, contrast, diff, from_torch and writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from .. import sources, trace
from ..checks.agreement import check_under
from ..checks.expect import read as read_expectations
from ..checks.findings import Result
from ..comparisons import Compared, Comparison, figures
from ..contrasts import Contrast
from ..contrasts import contrast as contrast_network
from ..counters import count_as, tool_named
from ..dialects import ALL, dialects_named, layout_named
from ..diffs import Difference
from ..diffs import diff as diff_reports
from ..errors import SpecError, shown
from ..frameworks import writer
from ..input import FIRST, Inputs, configure
from ..network import Network
from ..notation.words import Completer
from ..parts import part
from ..report import Report
from ..sizes import Shape, parse_shape, read_shape
from ..sources.words import spec_words

Source = str | PathLike[str] | dict[str, Any] | Sequence[Any] | Network | Report
"""The forms of a network that `load` accepts."""
Sizes = int | str | Sequence[Any]
"""A shape: (3, 224, 224), "3x224x224", or with letters for open sizes; an int is one size."""
Input = Sizes | Mapping[str, Sizes]
"""A shape, or the shapes of several inputs by name; the first is called input."""


def load(source: Source, *, until: str | None = None, after: str | None = None) -> Network:
    """Return the network that a spec describes, or its part up to the layer `until` or after the layer `after`.

    `source` is a dict or a list (parsed JSON: a spec, a report or a Keras model), the path of a file (a spec, Keras,
    ONNX, Python source), layer words, the name of a built-in network, what PyTorch prints for a module, a Report
    or a Network. Layer words may begin with the input. The part up to a layer has the layers that it depends on; the
    input of the part after a layer is that layer's output.

    Raise SpecError, with the place, if the source cannot be read.

    >>> import cnncalc
    >>> cnncalc.load("3x224x224 conv:64,k7,s2,p3 relu")
    <network of 2 layers, input 3x224x224>
    """
    network = load_completed(source, None)
    return part(network if after is None else configured(network), until, after)


def load_completed(source: Source, complete: Completer | None) -> Network:
    """Return the network of `source`, with its layer words completed by `complete`."""
    if isinstance(source, Network):
        return source
    if isinstance(source, Report):
        return source.network
    if isinstance(source, (list, tuple)) and source and all(isinstance(word, str) for word in source):
        source = " ".join(source)
    if not isinstance(source, (str, PathLike)):
        return sources.read_value(list(source) if isinstance(source, tuple) else source)
    if isinstance(source, PathLike):
        return sources.load_file(fspath(source))
    words = spec_words([source])
    network = sources.load_words(words, complete, _no_stdin)
    return network if words.input is None else network._replace(input=words.input)


def _no_stdin(word: str) -> str:
    raise SpecError(f"{shown(word)} is standard input on the command line only", "give the spec itself")


def shape(
    source: Source,
    input: Input | None = None,
    *,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    dtype: Any = None,
    until: str | None = None,
    after: str | None = None,
) -> Report:
    """Trace a network: shapes, parameters, multiply-accumulates and receptive fields, layer by layer.

    `source` is whatever `load` accepts; `until` and `after` select a part of it, as in `load`. `input` is (C, H, W) or
    "3x224x224", possibly with letters for open sizes; for several inputs it is a dict of shapes by name, the first of
    which is called input. `input`, `dialect` ("plain", "torch", "keras", "onnx", "caffe") and `layout` ("NCHW", "NHWC")
    override the spec's own. `batch` puts a batch in front. With `dtype` ("float32", "float16" …, or a NumPy dtype) the
    report and its layers have a `memory`, in bytes; a report given as the source keeps its own.

    `print(report)` is the table, `report["conv1"]` a layer, `report.rows()` a list of dicts for a data frame, and
    `report.to_dict()` the report as JSON, which is itself a spec.

    Raise SpecError for an unreadable source, and ShapeError with the arithmetic for an impossible network.

    >>> import cnncalc
    >>> report = cnncalc.shape("conv:64,k7,s2,p3 maxpool:k3,s2,p1", input=(3, 224, 224))
    >>> report.out, report["conv1"].params
    ((64, 56, 56), 9472)
    """
    if until is None and after is None:
        report = trace.shape(load(source), _sizes(input), batch=batch, dialect=dialect, layout=layout)
    else:
        report = trace.shape(part(configured(source, input, batch, dialect, layout), until, after))
    if dtype is None and isinstance(source, Report) and source.memory is not None:
        dtype = source.memory.dtype
    if dtype is None:
        return report
    from ..memory import measure

    return measure(report, dtype)


def _sizes(input: Input | None) -> Shape | Inputs | None:
    if isinstance(input, Mapping):
        return Inputs([(name, _shape(sizes, scalar=name != FIRST)) for name, sizes in input.items()])
    return None if input is None else _shape(input)


def _shape(sizes: Sizes, scalar: bool = False) -> Shape:
    if isinstance(sizes, str):
        return parse_shape(sizes)
    return read_shape([sizes] if isinstance(sizes, int) else sizes, scalar=scalar)


def check(
    source: Source,
    expect: Mapping[str, Any] | None = None,
    *,
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | Sequence[str] | None = None,
    layout: str | None = None,
    strict: bool = False,
) -> Result:
    """Check a network against what its spec expects of itself and what `expect` expects of the whole.

    `expect` is a dict as in a spec: `{"out": "64xHxW", "max_params": "9.5k", "min_rf": 11}`; `"conv1.out"` is a figure
    of a layer. `source`, `input`, `batch` and `layout` are those of `shape`. So is `dialect`, which may also name
    several ("torch,onnx", a list, or "all"): the expectations must hold in each, and all must agree. With `strict`, a
    network without expectations fails.

    The result is true if nothing failed (as is its `ok`). Its `findings` each have a `code`, what is wrong, and the
    arithmetic; `print(finding.text())` prints one as the command does. A spec that is unreadable or impossible is a
    finding, too.

    Raise SpecError for an `expect`, an `input` or an option that cannot be read.

    >>> import cnncalc
    >>> result = cnncalc.check("3x224x224 conv:64,k7,s2,p3", {"out": "64x112x112", "max_params": "9k"})
    >>> result.ok, [finding.what for finding in result.findings]
    (False, ['params is 9,472, expected at most 9k'])
    """
    wanted, sizes = read_expectations({} if expect is None else expect, named=True), _sizes(input)
    if dialect is not None:
        dialect = ",".join([one.name for one in dialects_named(dialect)])
    if layout is not None:
        layout = layout_named(layout)
    return check_under(name_of(source), lambda: load(source), dialect, sizes, batch, layout, wanted, strict)


def name_of(source: Source, otherwise: str = "network") -> str:
    """Return the name of a source in errors and findings."""
    if isinstance(source, (str, PathLike)):
        return fspath(source)
    network = source.network if isinstance(source, Report) else source
    return network.name or otherwise if isinstance(network, Network) else otherwise


def contrast(
    source: Source,
    dialects: str | Sequence[str] = ALL,
    *,
    input: Input | None = None,
    batch: int | None = None,
    layout: str | None = None,
) -> Contrast:
    """Trace a network under several dialects, and find the layers where they differ.

    `dialects` is "all", or names such as "torch,onnx" or ["torch", "onnx"]; the rest is as in `shape`. The result has
    the `runs`, one per dialect, and the `layers` that differ; `why()` of a layer gives the rules that make the
    difference. `print(contrast)` prints the command's table, and `to_dict()` returns what its `--json` prints.

    Raise SpecError for an unreadable source, and ShapeError if all dialects refuse the network for the same reason.

    >>> import cnncalc
    >>> result = cnncalc.contrast("3x8x8 maxpool:k3,s2", "torch,caffe")
    >>> [(layer.name, layer.why()) for layer in result.layers]
    [('maxpool1', ['rounding: down in torch; up, keeping every window in caffe'])]
    """
    return contrast_network(load(source), dialects_named(dialects), _sizes(input), batch=batch, layout=layout)


def diff(
    a: Source,
    b: Source,
    *,
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> Difference:
    """Find what changed from network `a` to network `b`.

    `a` and `b` are whatever `load` accepts; the rest is as in `shape` and applies to both. The result is true if they
    differ. It has the layers that were `added`, `removed`, `changed`, `moved` and `renamed`, those `following` from an
    earlier change, and `totals` with the figures of the whole. `print(difference)` prints the command's table, and
    `to_dict()` returns what its `--json` prints.

    Raise SpecError for what cannot be read, and ShapeError for an impossible network.

    >>> import cnncalc
    >>> result = cnncalc.diff("3x32x32 conv:16,k3 relu", "3x32x32 conv:32,k3 relu")
    >>> [(layer.name, [tuple(key) for key in layer.keys]) for layer in result.changed]
    [('conv1', [('c_o', 16, 32)])]
    """
    old, new = (shape(x, input, batch=batch, dialect=dialect, layout=layout) for x in (a, b))
    return diff_reports(old, new, (name_of(a, "A"), name_of(b, "B")))


def compare(
    *networks: Source | Sequence[Source] | Mapping[str, Source],
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    dtype: Any = None,
    macs_as: str | None = None,
) -> Comparison:
    """Put networks side by side.

    Each is whatever `load` accepts, and is named as it is given or by its own name. A single list of networks is
    accepted, too, or a dict that names them. The rest is as in `shape`, and applies to all. With `macs_as`
    ("torchinfo", "fvcore", "thop" …) they also have the multiply-accumulates that this tool prints.

    `print(comparison)` prints the command's table, `comparison["resnet18"]` is the report of a network,
    `comparison.rows()` a list of dicts for a data frame, and `comparison.to_list()` what the command's `--json` prints.

    Raise SpecError for what cannot be read, and ShapeError for an impossible network, with the arithmetic.

    >>> import cnncalc
    >>> [row["macs"] for row in cnncalc.compare("resnet18", "resnet50").rows()]
    [1814073344, 4089184256]
    """
    tool = None if macs_as is None else tool_named(macs_as)
    rows = []
    for number, (called, source) in enumerate(_called(networks), 1):
        report = shape(source, input, batch=batch, dialect=dialect, layout=layout, dtype=dtype)
        name = called or name_of(source, report.network.name or f"network {number}")
        report = report if tool is None else count_as(report, tool)
        rows.append(Compared(name, figures(report), report=report))
    return Comparison(rows)


def _called(networks: Sequence[Any]) -> list[tuple[str | None, Source]]:
    """Return the networks that `compare` is given, each with the name it is given, if any."""
    (only,) = networks if len(networks) == 1 else (None,)
    if isinstance(only, Mapping) and not only.keys() & {"layers", "op", "class_name"}:
        return list(only.items())
    if isinstance(only, (list, tuple)) and not any(isinstance(item, Mapping) and "op" in item for item in only):
        networks = only
    return [(None, source) for source in networks]


def from_torch(module: Any, input: Sequence[int] | str | Mapping[str, Sequence[int] | str]) -> Network:
    """Return the network of a `torch.nn.Module` for an input (C, H, W), or one with a batch in front.

    For a module with several inputs, `input` has their shapes by the names of the arguments of `forward`, of which the
    first is the network's own input. The module is run in evaluation mode on tensors without values, and is left as it
    was; this needs `cnncalc[torch]`. Modules that cnncalc has no op for become `opaque` layers. Layers are named like
    their modules, so that `state_dict` has their weights.

    Raise SpecError if the module cannot be followed.
    """
    from ..frameworks.torch.read import read

    shapes = {name: read_shape(one) for name, one in input.items()} if isinstance(input, Mapping) else read_shape(input)
    return sources.imported(read(module, shapes), type(module).__name__)


def configured(
    source: Source,
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> Network:
    """Return the network of a source, configured by the arguments of `shape`, for the writers to trace."""
    return configure(load(source), _sizes(input), dialect, layout, batch)


def to_keras(
    source: Source,
    *,
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> str:
    """Return a network as a Keras model: the JSON text that `keras.models.model_from_json` reads.

    The arguments are those of `shape`. Raise SpecError, with the layer, for anything that Keras cannot express.

    >>> import cnncalc, json
    >>> json.loads(cnncalc.to_keras("3x8x8 conv:4,k3 relu"))["class_name"]
    'Functional'
    """
    return str(writer("keras")(configured(source, input, batch, dialect, layout)))


def to_torch(
    source: Source,
    *,
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> str:
    """Return a network as Python source: a module that defines it as a `torch.nn.Module`. PyTorch is not needed.

    The arguments are those of `shape`. Raise SpecError, with the layer, for anything that PyTorch cannot express.

    >>> import cnncalc
    >>> "nn.Conv2d(3, 4, 3)" in cnncalc.to_torch("3x8x8 conv:4,k3 relu")
    True
    """
    return str(writer("torch")(configured(source, input, batch, dialect, layout)))
