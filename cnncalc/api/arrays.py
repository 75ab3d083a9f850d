"""The public functions that take arrays: run, prepare and to_onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from threading import Lock
from typing import Any

from ..errors import SpecError, shown
from ..execute import Job, as_array
from ..execute.task import Array
from ..execute.weights import Carried, sourced
from ..frameworks import writer
from ..input import FIRST, by_name, has_open_input, input_names
from ..network import Network
from ..notation.completers import completer_from_kernel
from ..parts import part
from .networks import Input, Source, configured, load_completed


def run(
    net: Source,
    x: Array | Mapping[str, Array] | Sequence[Array],
    weights: Mapping[str, Array] | Array | None = None,
    *,
    bias: Array | None = None,
    seed: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    keep: Sequence[str] = (),
    output: str | None = None,
    memory: int = 256 << 20,
    until: str | None = None,
    after: str | None = None,
    fuse: bool = True,
) -> Any:
    """Execute a network on a NumPy array and return its first output, in the shape that `shape` gives.

    `net` is whatever `load` accepts; `until` and `after` select a part of it, as in `load`. `x` is one sample or a
    batch, of a shape that `shape` accepts. For several inputs it is a dict of arrays by name (the first input is called
    input) or a list of arrays in the order of the inputs.
    `output` names another output: a layer that no other reads. By default the output is the last layer's.
    `weights` are arrays by name (`conv1.weight`, `conv1.bias`, `bn.running_mean` …), with axes in PyTorch's order if
    the layout is NCHW and in Keras's if it is NHWC; or a single array for the only layer with weights, which then
    decides c_o and k if layer words leave them out. A layer whose kernel is given without a bias has none, unless its
    spec says `bias=true`. `seed` draws weights that are not given (He's normal initialization, biases 0).
    With `keep`, a list of layer names, the result is a dict of those layers' outputs and the network's, by name.
    Floats keep their dtype (float16 is summed in float32). Integers are exact and give int64; means give float64.
    `memory` is the number of bytes that a run may take besides its input, output and weights. With `fuse`, batch norms,
    sums and activations are computed together with the layer before them. That changes the rounding: values differ in
    their last digits, in float32 by some 1e-6 of the largest, and by more after a steep function such as acos near 1.

    Raise SpecError for anything missing or unreadable, and ShapeError for arrays that do not fit.

    >>> import numpy, cnncalc
    >>> cnncalc.run("conv", numpy.arange(9).reshape(3, 3), numpy.arange(4).reshape(2, 2)).tolist()
    [[19, 25], [37, 43]]
    """
    prepared = prepare(
        net,
        weights,
        bias=bias,
        seed=seed,
        dialect=dialect,
        layout=layout,
        keep=keep,
        output=output,
        memory=memory,
        until=until,
        after=after,
        fuse=fuse,
    )
    return prepared(x)


def prepare(
    net: Source,
    weights: Mapping[str, Array] | Array | None = None,
    *,
    bias: Array | None = None,
    seed: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    keep: Sequence[str] = (),
    output: str | None = None,
    memory: int = 256 << 20,
    until: str | None = None,
    after: str | None = None,
    fuse: bool = True,
) -> Prepared:
    """Return a network with its weights in memory: a function that takes the `x` of `run` and returns the same result.

    The arguments are those of `run`. The weights are read once, and the network is traced once for each shape and dtype
    of its inputs. Working memory is kept from call to call. Several threads may call the result; they take turns.

    Raise SpecError for anything unreadable; the network is checked when the shape of its input is known.

    >>> import numpy, cnncalc
    >>> average = cnncalc.prepare("conv", numpy.full((2, 2), 0.25))
    >>> [average(numpy.full((2, 2), n)).item() for n in range(3)]
    [0.0, 1.0, 2.0]
    """
    weights = _arrays(weights)
    kernel = None if weights is None or isinstance(weights, Mapping) else weights.shape
    network = load_completed(net, None if kernel is None else completer_from_kernel(kernel, dialect, layout))
    if until is not None or after is not None:
        network = part(configured(network, None, None, dialect, layout), until, after)
    if not isinstance(keep, (list, tuple, set, frozenset)):
        raise SpecError(f"keep is {shown(keep)}, not a list", "give a list of layer names")
    seed = None if seed is None else _whole(seed, "seed", "a whole number of at least 0")
    how = {
        "bias": None if bias is None else as_array(bias, "bias"),
        "seed": seed,
        "dialect": dialect,
        "layout": layout,
        "keep": tuple(keep),
        "output": output,
        "memory": _whole(memory, "memory", "a number of bytes"),
        "fuse": bool(fuse),
    }
    if weights is not None:
        return Prepared(network, weights, how)
    carried = Carried(seed)
    carried.begin(network)
    return Prepared(network, carried, how)


class Prepared:
    """A network with its weights in memory, ready to run many times."""

    def __init__(self, network: Network, weights: dict[str, Array] | Array | Carried, how: dict[str, Any]):
        """`how` are further arguments of `Job`."""
        self._network, self._weights, self._how = network, weights, how
        self._jobs: dict[object, Job] = {}
        self._lock = Lock()

    def __call__(self, x: Array | Mapping[str, Array] | Sequence[Array]) -> Any:
        """Return what `run` returns for `x`. Raise SpecError and ShapeError for arrays that do not fit."""
        given = by_name(self._network, _inputs(x, self._network), "x")
        if FIRST not in given:
            raise SpecError("x has no array for the first input", "give it by its name, input")
        first = given.pop(FIRST)
        with self._lock:
            job = self._job(first, given)
            outputs = job.outputs(first)
        return outputs if self._how["keep"] else outputs[job.report.layers[job.last].name]

    def _job(self, first: Array, others: dict[str, Array]) -> Job:
        """Return the network prepared for inputs of these shapes and dtypes, traced again if not used recently."""
        key = tuple([(name, array.shape, array.dtype) for name, array in ((None, first), *others.items())])
        job = self._jobs.pop(key, None)
        if job is None:
            job = Job(self._network, first.shape, first.dtype, self._weights, others=others, **self._how)
            while len(self._jobs) >= MOST_JOBS:
                del self._jobs[next(iter(self._jobs))]
        else:
            job.give(others)
        self._jobs[key] = job
        return job

    def __reduce__(self) -> tuple[Any, ...]:
        network, weights = self._network, self._weights
        origin = network.source
        if origin is None or (origin.bind is None and not origin.weights):
            return Prepared, (network, weights, self._how)
        if origin.bind is not None and (origin.annotate is not None or has_open_input(network)):
            what = "a network whose file is read again for each shape of its input cannot be pickled"
            raise SpecError(what, "prepare it in each process")
        if isinstance(weights, Carried):
            network, weights = weights.without_file(network)
        else:
            network = network._replace(source=None)
        return Prepared, (network, weights, self._how)

    def __repr__(self) -> str:
        return f"<{self._network!r}, prepared>"


MOST_JOBS = 4
"""The number of input shapes for which a network stays traced."""


def _inputs(x: object, network: Network) -> list[tuple[str | None, Array]]:
    """Return the arrays for a network's inputs, each with its name, or None if they are in order."""
    if isinstance(x, Mapping):
        return [(name, as_array(one, shown(name))) for name, one in x.items()]
    several = isinstance(x, (list, tuple)) and len(input_names(network)) > 1
    if several and isinstance(x, (list, tuple)) and all(hasattr(one, "shape") for one in x):
        return [(None, as_array(one, f"x[{at}]")) for at, one in enumerate(x)]
    return [(None, as_array(x, "x"))]


def _arrays(weights: object) -> dict[str, Array] | Array | None:
    """Return weights as arrays by name, or as a single array. Raise SpecError for anything else."""
    if weights is None or not isinstance(weights, Mapping):
        return None if weights is None else as_array(weights, "weights")
    for name in weights:
        if not isinstance(name, str):
            raise SpecError(f"{shown(name)} is not the name of an array", "a name is a string, such as 'conv1.weight'")
    return {name: as_array(array, name) for name, array in weights.items()}


def _whole(value: object, name: str, what: str) -> int:
    """Return a non-negative integer. Raise SpecError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not hasattr(value, "__index__") or index(value) < 0:
        raise SpecError(f"{name} is {shown(value)}, not {what}")
    return index(value)


def to_onnx(
    source: Source,
    weights: Mapping[str, Array] | None = None,
    *,
    input: Input | None = None,
    batch: int | None = None,
    dialect: str | None = None,
    layout: str | None = None,
) -> bytes:
    """Return a network as the bytes of an ONNX file. This needs `cnncalc[onnx]`.

    The arguments are those of `shape`; `weights` are those of `run`, by name. Without them the file has the weights
    that came with the network, and zeros for the others.

    Raise SpecError, with the layer, for anything that ONNX cannot express.

    >>> import cnncalc, pathlib
    >>> pathlib.Path("net.onnx").write_bytes(cnncalc.to_onnx("3x8x8 conv:4,k3 relu"))  # doctest: +SKIP
    """
    network = configured(source, input, batch, dialect, layout)
    return bytes(writer("onnx")(network if weights is None else sourced(network, _arrays(weights))))  # type: ignore[arg-type]
