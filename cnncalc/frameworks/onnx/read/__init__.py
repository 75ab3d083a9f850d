"""ONNX files as specs: constants folded, each node a layer, other nodes opaque (https://onnx.ai/onnx/operators)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ....errors import SpecError
from ....input import Reading, readings
from ....layers.base import AXIS_LETTERS
from ....sizes import MOST_SIZES, Open, Shape, Size, is_letter, to_json
from ... import ForeignNetwork
from ...inputs import input_keys
from .model import load
from .ops import HANDLERS
from .reader import GraphReader, Output

Layers = list[dict[str, Any]]
Keys = dict[str, int]


def read(source: str | os.PathLike[str] | bytes | memoryview, name: str | None = None) -> ForeignNetwork:
    """Return the network of an ONNX file, or of its bytes. SpecError for anything else, or a graph without an input."""
    where = name or ("-" if isinstance(source, (bytes, memoryview)) else os.fspath(source))
    graph = load(source, where)
    main = next(iter(graph.inputs), None)
    if main is None:
        raise SpecError("the graph has no input" if graph.nodes else "the graph is empty: it has no nodes")
    dims = graph.declared(main) or []
    letters = _letters(dims)
    for batched in (True, False):
        built = GraphReader(graph, batched, letters)
        result = _read(built, main, _named([built.size(n) for n in dims]))
        if result is not None:
            break
    else:
        built = GraphReader(graph, False, letters)
        result = _from_opaque(built, main, _named([built.size(n) for n in dims]))
    input, layers, keys = result
    printable = "".join(c for c in graph.name if c.isprintable())[:240]
    head = {"cnncalc": 1, **({"name": printable} if printable else {}), "input": to_json(input), **keys}
    return ForeignNetwork({**head, "dialect": "onnx", "layout": "NCHW", "layers": layers}, built.spec.weights())


def _letters(dims: Sequence[int | str | None]) -> dict[str, str]:
    """Return a letter for each size that the file leaves open under a name: its own, the axis's, or the next one."""
    free = list("NCHWDLABEFGIJKMOPQRSTUVYZ")
    axes = f"NC{AXIS_LETTERS.get(len(dims) - 2, '')}"
    letters: dict[str, str] = {}
    for at, dim in enumerate(dims):
        if not isinstance(dim, str) or dim in letters:
            continue
        wanted = dim if is_letter(dim) and dim not in letters.values() else axes[at : at + 1]
        letter = wanted if wanted in free or is_letter(dim) else free[0]
        if letter in free:
            free.remove(letter)
        letters[dim] = letter
    return letters


def _named(full: Sequence[Size]) -> Shape:
    """Return a shape with a letter for each size that the file leaves open without a name."""
    axes = f"NC{AXIS_LETTERS.get(len(full) - 2, '')}"
    taken = {str(n) for n in full}
    free = iter([c for c in axes[: len(full)] + "ABEFGIJKMOPQRSTUVYZ" if c not in taken])
    return tuple([n if isinstance(n, int) or n.letter is not None else Open(next(free)) for n in full])


def _read(b: GraphReader, main: str, full: Shape) -> tuple[Shape, Layers, Keys] | None:
    """Return the spec's input and layers in one reading of the first axis; None if a spec would be read otherwise."""
    if not full or len(full) > MOST_SIZES or (b.batched and len(full) < 2):
        return None
    b.batch = full[0]
    b.values[main] = Output(b.spec.input, b.sample(full))
    layers = _layers(b)
    if b.batched and not isinstance(b.batch, int):  # an open size in front is a batch, whatever the layers would read
        return full[1:], layers, input_keys(layers, len(full) - 1, Reading.SAMPLE)
    wanted = Reading.BATCH if b.batched else Reading.SAMPLE
    if readings(b.made.values()).get(len(full)) is not wanted:
        return None
    return full, layers, input_keys(layers, len(full), wanted)


def _from_opaque(b: GraphReader, main: str, full: Shape) -> tuple[Shape, Layers, Keys]:
    """Return an input, and the layers behind one of the graph's input's shape, which no spec's input can have."""
    known = full if b.graph.declared(main) is not None else None
    b.batch = full[0] if full else 1
    b.values[main] = b.opaque(main, "Input", known, (), params=0, macs=0, buffers=0)
    return full if 1 <= len(full) <= 4 and len(full) != 2 else (1,), _layers(b), {}


def _layers(b: GraphReader) -> Layers:
    """Return the layers of all nodes, the first output last. SpecError for a graph without layers."""
    for node in b.graph.nodes:
        b.node(node, HANDLERS)
    outputs = b.graph.outputs or [out for node in b.graph.nodes[-1:] for out in node.outputs[:1]]
    if not outputs:
        raise SpecError("the graph is empty: it has no nodes, and no output")
    for name in outputs:
        if not any(name in made for made in (b.values, b.constants, b.graph.inputs)):
            raise SpecError(f"no node makes the output {name!r}")
    b.spec.end_with_all([b.value(name).layer for name in outputs])
    return b.spec.spec()
