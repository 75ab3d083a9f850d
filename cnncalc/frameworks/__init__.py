"""Networks in the formats of other frameworks: a folder each, with its reader and its writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..limits import FEWER_LAYERS, MOST_CONVERTED, within
from ..network import Network
from ..sizes import Shape

if TYPE_CHECKING:
    from .code.annotate import AnnotatedSource

ArrayReaders = Mapping[str, Callable[[], Any]]
"""The functions that read arrays, by an array's role in a layer or by its name in a network."""
Writer = Callable[[Network], str | bytes]
"""Write a network as a whole file. SpecError, with the layer's name, for what the target cannot express."""

_WRITERS = {
    "spec": "cnncalc.notation.write",
    "keras": "cnncalc.frameworks.keras.write",
    "onnx": "cnncalc.frameworks.onnx.write",
    "torch": "cnncalc.frameworks.torch.write",
}
TARGETS = tuple(_WRITERS)
ENDINGS = {"spec": (".json",), "keras": (".json",), "onnx": (".onnx",), "torch": (".py",)}
"""The endings of a target's file; one that two targets have means the first."""
KERAS_ENDINGS = (".keras", ".h5", ".hdf5")
"""The endings of Keras's files of models and weights, which are read and not written."""


class ForeignNetwork(NamedTuple):
    """A network from a file of another framework."""

    spec: dict[str, Any]
    """The document for the reader of specs: name, input, dialect, layout, layers."""
    weights: ArrayReaders
    """The arrays that the file holds, by their names here (`conv1.weight`), their axes in the layout's order."""
    model: Any = None
    """The model as its document has it, for the arrays of another file; None if its arrays go by our names."""
    bind: Callable[[Mapping[str, Shape]], ForeignNetwork | None] | None = None
    """Read the file again for inputs of these sizes, the first one's by `input`; None if they are those of the file."""
    annotate: Callable[[Mapping[str, Shape]], AnnotatedSource] | None = None
    """Return the source with the shapes that its lines make for such inputs; None for what is not source."""
    unread: bool = False
    """Whether the document holds the inputs alone: `bind` reads the network, without sizes for open ones."""
    notes: tuple[str, ...] = ()
    """Remarks on the file, such as where it contradicts itself."""
    functions: frozenset[str] = frozenset()
    """The layers that PyTorch code computes by functions, and not by modules."""
    stored: Callable[..., dict[str, Any]] | None = None
    """Return those arrays that layers want, in place of those of the module's `state_dict` among the arrays given."""


def writer(target: str) -> Writer:
    """Return the writer of a target, one of TARGETS; its module is imported now.

    It raises SpecError for more than `MOST_CONVERTED` layers, unless it writes a spec.
    """
    from importlib import import_module

    write: Writer = import_module(_WRITERS[target]).write
    return write if target == "spec" else partial(_write_few, write)


def _write_few(write: Writer, network: Network) -> str | bytes:
    what = "a network of {made:,} layers is too large to convert: the limit is {most:,}"
    within(MOST_CONVERTED, network.layer_count, what, FEWER_LAYERS)
    return write(network)
