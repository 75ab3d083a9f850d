"""The table of ops and forms: which can be run, and read from and written to which framework's files."""

from __future__ import annotations

from collections.abc import Iterator

from ..frameworks.support import FAMILIES, FORMS, Stance, support

HEADERS = ("op", "run", *FORMS)


def rows() -> Iterator[tuple[str | Stance, ...]]:
    """Yield each op with its stances, in the order of HEADERS. KeyError for an op without a stance. Imports NumPy."""
    from ..execute.program import KERNELS

    refused = {"opaque": "what it computes is not known"}
    for op in FAMILIES:
        supported = op in KERNELS or op == "block"
        run = Stance(supported, "yes" if supported else refused[op])
        stances = support(op)
        yield (op, run, *[stances[form] for form in FORMS])
