"""The reader of ONNX files: constants are folded, nodes become layers, or opaque (https://onnx.ai/onnx/operators)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....errors import SpecError, shown
from ....layers.base import AXIS_LETTERS
from ....sizes import MOST_SIZES, Open, Shape, Size, is_letter, show, to_json
from ... import ForeignNetwork
from ...build import NO_FIGURES, Draft, printable
from ...values import BATCH, Handle, batch_first, plain
from .model import dims_of, load
from .ops import HANDLERS
from .reader import GraphReader

Layers = list[dict[str, Any]]
Sizes = Mapping[str, Shape]
"""The shape of each input, by name."""


def read(source: bytes | memoryview, name: str = "-", sizes: Sizes | None = None) -> ForeignNetwork:
    """Return the network of an ONNX file's bytes. Raise SpecError for anything else, or a graph without an input.

    `sizes` are shapes of inputs that replace the file's, so that open sizes are numbers before any constant is
    computed.
    """
    graph = load(source, name)
    main = next(iter(graph.inputs), None)
    if main is None:
        raise SpecError("the graph has no input" if graph.nodes else "the graph is empty: it has no nodes")
    for one, shape in (sizes or {}).items():
        graph.give_sizes(one, shape)
    dims = graph.declared(main)
    letters = _letters([d for name in graph.inputs for d in graph.declared(name) or ()], dims or [])
    full = _named([graph_size(n, letters) for n in dims or []])
    built = GraphReader(graph, full[0] if len(full) > 1 else None, letters)
    if dims is None or len(full) > MOST_SIZES:
        built.values[main] = built.opaque(main, "Input", None, (), params=0, macs=0, buffers=0)
        full = (1,)
    elif len(full) > 1:
        built.values[main] = Handle(built.spec.input, full[1:], batch_first(len(full) - 1))
    else:
        built.values[main] = Handle(built.spec.input, full or (1,), plain(1) if full else ((),), False)
    outputs = _layers(built)
    layers = built.spec.spec()
    printable = "".join(c for c in graph.name if c.isprintable())[:240]
    head: dict[str, Any] = {"cnncalc": 1, **({"name": printable} if printable else {})}
    head |= _input(built, full or (1,))
    spec = {**head, **_names(main, outputs), "dialect": "onnx", "layout": "NCHW", "layers": layers}
    dims_by = {one: dims_of(info) for one, info in graph.inputs.items()}
    declared = {one: None if own is None else [*map(built.size, own)] for one, own in dims_by.items()}

    def bind(given: Mapping[str, Shape]) -> ForeignNetwork | None:
        """Read the file for other sizes of its inputs, given with the batch or without."""
        bound = {}
        for key, shape in given.items():
            ours = main if key == "input" else key
            whole = _whole(shape, declared.get(ours, []))
            if whole is not None:
                bound[ours] = whole
        return read(source, name, {**(sizes or {}), **bound}) if bound else None

    return ForeignNetwork(spec, built.spec.weights(), bind=bind, notes=_notes(built))


def _whole(given: Shape, own: Sequence[Size] | None) -> Shape | None:
    """Return the sizes given for an input, with its batch; None if they add nothing or do not fit."""
    if own is None:  # any batch is possible; assume 1
        return given if given != (1,) else None
    whole = given if len(given) == len(own) else (*own[:1], *given)
    says = len(whole) == len(own) and any(isinstance(n, int) and n != m for n, m in zip(whole, own, strict=True))
    return whole if says else None


def _names(main: str, outputs: Mapping[Draft, str]) -> dict[str, Any]:
    """Return the spec's key for the file's names of the first input and of outputs whose layers have other names."""
    names: dict[str, Any] = {"input": printable(main)}
    own = [printable(name) for name in outputs.values()]
    if own != [layer.name for layer in outputs] and len(set(own)) == len(own):
        names["outputs"] = own
    return {"names": names}


def _notes(b: GraphReader) -> tuple[str, ...]:
    """Return remarks on declared shapes that the values do not have, and on branches that are not read."""
    notes = []
    if b.contradictions:
        name, declared, ours = b.contradictions[0]
        more = f", and {others} more values" if (others := len(b.contradictions) - 1) else ""
        notes.append(f"the file declares {shown(name)} as {show(declared)}, but it is {show(ours)}{more}")
    if b.misfits:
        name, have, asked = b.misfits[0]
        more = f", and {others} more" if (others := len(b.misfits) - 1) else ""
        help = "the file has fixed numbers for the sizes it was exported with"
        notes.append(f"{shown(name)} cannot reshape {show(have)} to {show(asked)}: {help}{more}")
    branches = [layer.name for layer in b.spec.layers if layer.op == "opaque" and layer.keys["type"] == "If"]
    if branches:
        more = f", and {others} more" if (others := len(branches) - 1) else ""
        why = "depends on a value that is known only at run time: its branches are not read"
        notes.append(f"{shown(branches[0])} (If) {why}{more}")
    return tuple(notes)


def graph_size(dim: int | str | None, letters: Mapping[str, str]) -> Size:
    """Return a size declared in a file, which is open if it is not a positive number."""
    if isinstance(dim, int) and dim > 0:
        return dim
    return Open(letters.get(dim) if isinstance(dim, str) else None)


def _letters(all_dims: Sequence[int | str | None], dims: Sequence[int | str | None]) -> dict[str, str]:
    """Return a letter for each named open size of the file: its own, the axis's, or the next free one."""
    free = "NCHWDLABEFGIJKMOPQRSTUVYZ"
    axes = f"NC{AXIS_LETTERS.get(len(dims) - 2, '')}"
    letters: dict[str, str] = {}
    for at, dim in enumerate([*dims, *all_dims]):
        if isinstance(dim, str) and dim not in letters and free:
            own = is_letter(dim) and dim not in letters.values()
            letters[dim] = dim if own else axes[at] if axes[at : at + 1] in [*free] else free[0]
            free = free.replace(letters[dim], "")
    return letters


def _named(full: Sequence[Size]) -> Shape:
    """Return a shape with a letter for each open size without a name."""
    axes = f"NC{AXIS_LETTERS.get(len(full) - 2, '')}"
    taken = {str(n) for n in full}
    free = iter([c for c in axes[: len(full)] + "ABEFGIJKMOPQRSTUVYZ" if c not in taken])
    return tuple([n if isinstance(n, int) or not n.is_unknown else Open(next(free, None)) for n in full])


def _input(b: GraphReader, full: Shape) -> dict[str, Any]:
    """Return the spec's keys for the input and its number of sample axes."""
    sample = len(full) if b.unfolds() or len(full) < 2 else len(full) - 1
    sizes = full[1:] if sample < len(full) and not isinstance(full[0], int) else full
    return {"input": to_json(sizes), "sample_axes": sample}


def _layers(b: GraphReader) -> dict[Draft, str]:
    """Make the layers of all nodes, with the first output last, and return the outputs.

    Raise SpecError if there are none.
    """
    for node in b.graph.nodes:
        b.node(node, HANDLERS)
    b.leave_out_dropped()
    outputs = b.graph.outputs or [out for node in b.graph.nodes[-1:] for out in node.outputs[:1]]
    if not outputs:
        raise SpecError("the graph is empty: it has no nodes and no output")
    for name in outputs:
        if not any(name in made for made in (b.values, b.constants, b.graph.inputs)):
            raise SpecError(f"no node produces the output {name!r}")
    values = [as_file_has(b, name) for name in outputs]
    made = [as_output(b, name, value) for name, value in zip(outputs, values, strict=True)]
    if b.unfolds():
        made = [b.explicit(b.unfolded(value)).layer for value in values]
        if b.whole_input in made:  # it is not a layer yet
            same = b.spec.add(f"{b.whole_input.name}_output", "identity", [b.whole_input], derived=True)
            made = [same if one is b.whole_input else one for one in made]
    b.spec.keep(made)
    ends = b.spec.end_with_all(made)
    if b.unfolds():
        _fold_input(b)
    b.count()
    named = dict[Draft, str]()
    for layer, name in zip(ends, outputs, strict=True):
        named.setdefault(layer, name)
    return named


def as_file_has(b: GraphReader, name: str) -> Handle:
    """Return an output of the file, in integers if it is quantized."""
    value, own = b.value(name), b.quantized.get(name)
    if own is not None and own.of is None:
        value = b.in_steps(f"{name}.whole", value, own)
    if value.batched is None and b.has_batch:
        b.whole = True
    return value


def as_output(b: GraphReader, name: str, value: Handle) -> Draft:
    """Return the layer of an output, with the file's axes."""
    axes, at = value.axes, value.batch_at
    plain = not at and axes is not None and axes[:1] in (((BATCH,),), ((),)) and all(axes[1:])
    if axes is None or not value.batched or plain:
        return value.layer
    if at is not None and axes[at] == (BATCH,) and all(axes):
        return b.add(name, "movebatch", value, {"to": at}).layer
    return b.explicit(b.unfolded(value)).layer


def _fold_input(b: GraphReader) -> None:
    """Put the fold of an input's batch before the layers that work on separate samples."""
    for source, whole in [(b.spec.input, b.whole_input), *b.whole_inputs()]:
        _read_instead(b, source, whole, Draft(f"{whole.name}.tobatch", "tobatch", [whole], {"axes": 1}))
    for source in b.single_inputs:
        row = _row_of(source)
        _read_instead(b, source, source, row)
        _read_instead(b, row, row, Draft(f"{source.name}.tobatch", "tobatch", [row], {"axes": 1}))


def _row_of(source: Draft) -> Draft:
    """Return the layer that adds a leading axis of size 1 to an input; opaque if several of its sizes are open."""
    sizes: list[Any] = source.keys["shape"]
    name, opened = f"{source.name}.sample", sum(not isinstance(n, int) for n in sizes)
    if opened > 1:
        return Draft(name, "opaque", [source], {"type": "Reshape", "out": [1, *sizes], **NO_FIGURES})
    return Draft(name, "reshape", [source], {"out": [1, *[n if isinstance(n, int) else -1 for n in sizes]]})


def _read_instead(b: GraphReader, source: Draft, after: Draft, layer: Draft) -> None:
    """Insert a layer after another, and make all readers of `source` read it."""
    readers = [one for one in b.spec.layers if source in one.reads]
    for one in readers:
        one.reads = [layer if read is source else read for read in one.reads]
    if readers:
        at = next((at for at, one in enumerate(b.spec.layers) if one is after), -1)
        b.spec.layers.insert(at + 1, layer)
