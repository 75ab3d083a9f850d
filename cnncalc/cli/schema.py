"""`cnncalc schema`: the JSON Schema of a spec."""

from __future__ import annotations

import json

import click

from ..checks.expect import FIGURES, UNITS
from ..notation import schema
from ..outputs import text_output
from ._endings import check_ending
from ._options import path_option
from ._terminal import debug_option
from ._usage import Command


@click.command("schema", cls=Command)
@path_option()
@debug_option
def command(path: str | None) -> int:
    """Print the JSON Schema of a spec (draft 2020-12), with which editors complete and check it.

    \b
      cnncalc schema -o cnncalc.schema.json
    """
    check_ending(path, (".json",), "a schema")
    with text_output(path, utf8=True) as stream:
        stream.write(json.dumps(schema.build(FIGURES, UNITS), indent=2, ensure_ascii=False) + "\n")
    return 0
