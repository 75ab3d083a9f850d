"""Parts of torchvision and timm that users' networks are made of: PyTorch source in this folder, evaluated.

Each part has the parameters, the attributes and the arrays of torchvision 0.29 and timm 1.0. Parameters whose position
differs between versions of timm are keyword-only. Modules that drop paths or regions in training do nothing.
"""

from __future__ import annotations

import ast
import os
from typing import Any

from ..budget import Budget
from ..evaluate import Evaluator
from ..libraries import Libraries, Library, NameTable
from ..scope import ModuleScope
from ..source import CodeSource
from ..values import Frame

_HERE = os.path.dirname(__file__)


def evaluated(source: str, beginning: str) -> dict[str, Any]:
    """Return what a source file of this folder defines, by dotted names that start with `beginning`.

    Its nodes have no line numbers, as errors are located in the source that imports it.
    """
    with open(os.path.join(_HERE, source), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr | ast.keyword | ast.arg):
            node.lineno = node.end_lineno = 0
    budget, frame = Budget(), Frame()
    scope = ModuleScope(ast.Module([], []), budget)
    Evaluator(CodeSource("", beginning), scope, budget, Libraries()).run(tree.body, frame)
    return {f"{beginning}.{name}": value for name, value in frame.names.items()}


_TIMM = ("timm.models.layers", "timm.layers", "timm.models.vision_transformer", "timm.models.registry", "timm.models")
LIBRARY = Library(
    NameTable(evaluated("torchvision_ops.py", "torchvision.ops"), evaluated("timm_layers.py", "timm.layers")),
    {
        "torchvision.ops.misc": "torchvision.ops",
        **{f"timm.layers.{name}": "timm.layers" for name in ("drop", "helpers", "weight_init", "mlp", "patch_embed")},
        **{f"timm.models.layers.{name}": "timm.layers" for name in ("drop", "helpers", "weight_init", "mlp")},
        **dict.fromkeys(_TIMM, "timm.layers"),
    },
)
