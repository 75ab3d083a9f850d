"""Receptive fields as CSV, TSV, Markdown, LaTeX and HTML: one row per layer and axis."""

from __future__ import annotations

from ..writing import forms
from .rows import field_grid

csv, tsv, markdown, latex, html = forms(field_grid, lambda fields: fields.report.network.name or "cnncalc rf")
