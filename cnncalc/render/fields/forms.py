"""Receptive fields as CSV, TSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterator

from ...fields import ReceptiveFields
from .. import Style, writing
from .rows import field_grid


def csv(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield a header and a row a layer and axis, numbers in plain digits."""
    return writing.csv(field_grid(fields))


def tsv(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield the rows of CSV with tabs between the cells."""
    return writing.tsv(field_grid(fields))


def markdown(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield a table as GitHub draws it."""
    return writing.markdown(field_grid(fields))


def latex(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield a table for LaTeX."""
    return writing.latex(field_grid(fields))


def html(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield a page with a table."""
    yield writing.html_page(fields.report.network.name or "cnncalc rf")
    yield from writing.html(field_grid(fields))
