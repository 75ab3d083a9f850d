"""Networks in the formats of other frameworks: a folder for each, with its reader and its writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..limits import FEWER_LAYERS, MOST_CONVERTED, check_limit
from ..network import Network
from ..sizes import Shape

if TYPE_CHECKING:
    from .code.annotate import AnnotatedSource

ArrayReaders = Mapping[str, Callable[[], Any]]
"""The functions that read arrays, by an array's role in a layer or by its name in a network."""
Writer = Callable[[Network], str | bytes]
"""A function that writes a network as a file. It raises SpecError, with the layer, for what the target lacks."""

_WRITERS = {
    "spec": "cnncalc.notation.write",
    "keras": "cnncalc.frameworks.keras.write",
    "onnx": "cnncalc.frameworks.onnx.write",
    "torch": "cnncalc.frameworks.torch.write",
}
TARGETS = tuple(_WRITERS)
ENDINGS = {"spec": (".json",), "keras": (".json",), "onnx": (".onnx",), "torch": (".py",)}
"""The file endings of each target; one shared by two targets means the first."""
KERAS_ENDINGS = (".keras", ".h5", ".hdf5")
"""The endings of Keras's files of models and weights, which are read and not written."""


class ForeignNetwork(NamedTuple):
    """A network from a file of another framework."""

    spec: dict[str, Any]
    """The document for the reader of specs: name, input, dialect, layout, layers."""
    weights: ArrayReaders
    """The arrays in the file by their names here (`conv1.weight`), with axes in the layout's order."""
    model: Any = None
    """The model as in its document, to map the arrays of another file; None if its arrays have our names."""
    bind: Callable[[Mapping[str, Shape]], ForeignNetwork | None] | None = None
    """The function that reads the file again for inputs of other sizes, the first one under `input`; None if it
    cannot."""
    annotate: Callable[[Mapping[str, Shape]], AnnotatedSource] | None = None
    """The function that returns the source annotated with shapes for such inputs; None without source code."""
    unread: bool = False
    """Whether the document holds only the inputs so far: `bind` reads the network, with no sizes for open ones."""
    notes: tuple[str, ...] = ()
    """Remarks on the file, for example where it contradicts itself."""
    functions: frozenset[str] = frozenset()
    """The layers that PyTorch code computes by functions rather than modules."""
    stored: Callable[..., dict[str, Any]] | None = None
    """The function that replaces arrays of the module's `state_dict`, among given arrays, by those that layers need."""


def writer(target: str) -> Writer:
    """Return the writer of a target, one of TARGETS, importing its module.

    It raises SpecError for more than `MOST_CONVERTED` layers, unless it writes a spec.
    """
    from importlib import import_module

    write: Writer = import_module(_WRITERS[target]).write
    return write if target == "spec" else partial(_write_few, write)


def _write_few(write: Writer, network: Network) -> str | bytes:
    what = "a network of {made:,} layers is too large to convert: the limit is {most:,}"
    check_limit(MOST_CONVERTED, network.layer_count, what, FEWER_LAYERS)
    return write(network)
