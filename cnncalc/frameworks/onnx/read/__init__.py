"""ONNX files as specs: constants folded, each node a layer, other nodes opaque (https://onnx.ai/onnx/operators)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ....errors import SpecError
from ....input import Reading, readings
from ....layers.base import AXIS_LETTERS
from ....sizes import MOST_SIZES, Open, Shape, is_letter, to_json
from ...build import Imported
from ...inputs import keep_reading
from .model import load
from .ops import HANDLERS
from .reader import GraphReader, Output


def read(source: str | os.PathLike[str] | bytes | memoryview, name: str | None = None) -> Imported:
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
        spec = _read(built, main, dims)
        if spec is not None:
            break
    else:
        built = GraphReader(graph, False, letters)
        spec = _from_opaque(built, main, dims)
    printable = "".join(c for c in graph.name if c.isprintable())[:240]
    return Imported({"cnncalc": 1, **({"name": printable} if printable else {}), **spec}, built.spec.weights())


def _letters(dims: Sequence[int | str | None]) -> dict[str, str]:
    """The letter of each size that the file leaves open under a name: its own, the axis's, or the next one."""
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


def _read(b: GraphReader, main: str, dims: Sequence[int | str | None]) -> dict[str, Any] | None:
    """The spec in one reading of the first axis; None if a spec's input would be taken in another."""
    full = _named([b.size(n) for n in dims])
    if not full or len(full) > MOST_SIZES or (b.batched and len(full) < 2):
        return None
    b.batch = full[0]
    sample = b.sample(full)
    dropped = b.batched and not isinstance(b.batch, int)
    b.values[main] = Output(b.spec.input, sample)
    _walk(b)
    given = full[1:] if dropped else full
    wanted = Reading.BATCH if b.batched and not dropped else Reading.SAMPLE
    layers = b.spec.spec()
    if dropped:  # an open size in front is a batch, whatever the layers would read
        keep_reading(layers, len(given), wanted)
    elif readings(b.made.values()).get(len(given)) is not wanted:
        return None
    return {"input": to_json(given), "dialect": "onnx", "layout": "NCHW", "layers": layers}


def _named(full: Shape | list[Any]) -> Shape:
    """The shape with a letter for each size that the file leaves open without a name."""
    axes = f"NC{AXIS_LETTERS.get(len(full) - 2, '')}"
    taken = {str(n) for n in full}
    free = iter([c for c in axes[: len(full)] + "ABEFGIJKMOPQRSTUVYZ" if c not in taken])
    return tuple([n if isinstance(n, int) or n.letter is not None else Open(next(free)) for n in full])


def _from_opaque(b: GraphReader, main: str, dims: Sequence[int | str | None]) -> dict[str, Any]:
    """The spec behind a layer that has the input's shape: an input that no spec's input is taken as."""
    full = _named([b.size(n) for n in dims])
    b.batch = full[0] if full else 1
    b.values[main] = b.opaque(main, "Input", full if b.graph.declared(main) is not None else None, (), params=0, macs=0)
    if b.spec.layers:
        b.spec.layers[0].keys["buffers"] = 0
    _walk(b)
    shown = to_json(full) if 1 <= len(full) <= 4 and len(full) != 2 else [1]
    return {"input": shown, "dialect": "onnx", "layout": "NCHW", "layers": b.spec.spec()}


def _walk(b: GraphReader) -> None:
    """Read every node, and put the first output last. SpecError for a graph without layers."""
    for node in b.graph.nodes:
        b.node(node, HANDLERS)
    outputs = b.graph.outputs or [out for node in b.graph.nodes[-1:] for out in node.outputs[:1]]
    if not outputs:
        raise SpecError("the graph is empty: it has no nodes, and no output")
    for name in outputs:
        if not any(name in made for made in (b.values, b.constants, b.graph.inputs)):
            raise SpecError(f"no node makes the output {name!r}")
    first, *_ = [b.value(name) for name in outputs]
    b.spec.end_with(first.layer, "output")
