"""The table of support: which ops can be run, and read from or written to which framework's files."""

from __future__ import annotations

from collections.abc import Iterator

from ..frameworks.support import OP_WORDS, Stance, stance, support
from ..layers import OPS
from . import markdown as md

TITLES = {"keras": "Keras", "onnx": "ONNX", "torch": "PyTorch"}
"""The frameworks' names for people."""


def stances(op: str) -> dict[str, Stance]:
    """Return whether an op can be run, and its stance for each of FORMS. Imports NumPy."""
    from ..execute.program import KERNELS

    cls = OPS[op][0]
    return {"run": stance(cls, "run", "yes" if cls.WORD in KERNELS or cls.NESTS else ""), **support(op)}


def said(op: str) -> dict[str, str]:
    """Return in words whether an op can be run, and each framework's equivalent, or why there is none."""
    by_form = stances(op)
    run = by_form["run"]
    lines = {"run": run.text if run.supported else f"no: {run.text}"}
    for framework, title in TITLES.items():
        read, write = by_form[f"{framework}_read"], by_form[f"{framework}_write"]
        if read.supported and write.supported:
            lines[title] = read.text
        elif read.supported:
            lines[title] = f"{read.text}, read only: {write.text}"
        else:
            lines[title] = f"{write.text}, written only: {read.text}" if write.supported else f"no: {read.text}"
    return lines


def markdown() -> Iterator[str]:
    """Yield the table of all ops' support."""
    heads = ["op", "run", *TITLES.values()]
    lines = ([md.code(op), *map(md.escape, said(op).values())] for op in OP_WORDS)
    return md.table(heads, lines)
