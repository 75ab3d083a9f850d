"""The table of ops and forms: which can be run, and read from and written to which framework's files."""

from __future__ import annotations

from collections.abc import Iterator

from ..frameworks.support import FORMS, OP_WORDS, Stance, support
from . import markdown as md

HEADERS = ("op", "run", *FORMS)
TITLES = {"keras": "Keras", "onnx": "ONNX", "torch": "PyTorch"}
"""The frameworks, and what a person calls them."""


def stances(op: str) -> dict[str, Stance]:
    """Return whether an op can be run, and its stance for each of FORMS. Imports NumPy."""
    from ..execute.program import KERNELS

    refused = {"opaque": "what it computes is not known"}
    supported = op in KERNELS or op == "block"
    return {"run": Stance(supported, "yes" if supported else refused[op]), **support(op)}


def rows() -> Iterator[tuple[str | Stance, ...]]:
    """Yield each op with its stances, in the order of HEADERS. KeyError for an op without a stance. Imports NumPy."""
    for op in OP_WORDS:
        yield (op, *stances(op).values())


def said(op: str) -> dict[str, str]:
    """Return in words whether an op can be run, and what each framework has for it, or why not."""
    stance = stances(op)
    run = stance["run"]
    lines = {"run": run.text if run.supported else f"no: {run.text}"}
    for framework, title in TITLES.items():
        read, write = stance[f"{framework}_read"], stance[f"{framework}_write"]
        if read.supported and write.supported:
            lines[title] = read.text
        elif read.supported:
            lines[title] = f"{read.text}, read only: {write.text}"
        else:
            lines[title] = f"{write.text}, written only: {read.text}" if write.supported else f"no: {read.text}"
    return lines


def markdown() -> Iterator[str]:
    """Yield the table of what is said of each op."""
    heads = ["op", "run", *TITLES.values()]
    lines = ([md.code(op), *map(md.escape, said(op).values())] for op in OP_WORDS)
    return md.table(heads, [False] * len(heads), lines)
