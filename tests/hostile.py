"""Hostile text: strings that a terminal, a log, a spreadsheet or a page would interpret, and files made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.program import Ended

PRINTABLE = [
    "::error title=pwned::PWNED",
    "::add-mask::secret",
    " ::set-output name=x::y",
    "##[error]pwned",
    "a ##vso[task.setvariable variable=a]b",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    " \uff1d1+1",
    "@everyone",
    "![x](http://evil.example/y.png)",
    "https://evil.example",
    "www.evil.example",
    "evil@example.com",
    "<script>alert(1)</script>",
    "a&#60;b",
    "a`b",
    "a|b",
    "$$x$$",
    '"""+__import__(\'os\')+"""',
    "{self}{0}{1.__class__}",
    "%s%(x)s%n",
    "\\",
    "unseen\ufe0f\u3164",
]
"""Attacks that are valid as names in a spec: Python calls all their characters printable."""
UNPRINTABLE = [
    "\x1b[31mRED\x1b]0;title\x07",
    "\x9b31mRED",
    "a\r::error::b",
    "a\n::error title=x::pwned",
    "a\n  ##[group]b",
    "\u202egnp.exe",
    "a\u2066b\u200bc\ufeffd",
    "a\u2028::error::b",
    "\x7f\b\b\b",
    "lone \ud800",
]
ATTACKS = [*PRINTABLE, *UNPRINTABLE]
_COMMAND = re.compile(r"##\w*\[")
_OURS = re.compile(r"::(error|notice) (file=[^:]*,line=\d+,col=\d+,)?title=CC\d\d\d [\w-]+::")


def harms(ended: Ended, is_github: bool = False) -> list[str]:
    """Return the lines that would affect a terminal or a log; `is_github` allows our own annotations."""
    lines = (ended.out + ended.err).split("\n")
    return [
        line for line in lines if harms_of(line) and not (is_github and harms_of(line) == ["::"] and _OURS.match(line))
    ]


def harms_of(line: str) -> list[str]:
    """Return the unprintable characters and commands of a line."""
    unseen = [c for c in line.replace("\t", "") if not c.isprintable() or c in "\ufe0f\u3164"]
    return unseen + ["::"] * line.lstrip().startswith("::") + _COMMAND.findall(line)


def network(names: list[str] = PRINTABLE) -> dict[str, Any]:
    """Return a valid spec with these names."""
    layers: list[dict[str, Any]] = [{"op": "conv", "c_o": 4, "k": 3, "p": 1, "name": names[0]}]
    layers += [{"op": "relu", "name": name} for name in names[1:]]
    layers.append({"op": "add", "name": f"{names[0]} added", "from": [names[-1], names[1]]})
    block = {"op": "block", "name": names[0] + "'", "layers": [{"op": "conv", "c_o": 2, "name": names[0]}]}
    return {"cnncalc": 1, "name": names[0], "input": [3, 8, 8], "layers": [*layers, block], "expect": {"params": 1}}


def replaced(value: Any, attack: str) -> Iterator[Any]:
    """Yield a JSON value with each of its strings and keys replaced by an attack, one at a time."""
    if isinstance(value, str):
        yield attack
    elif isinstance(value, list):
        for at, part in enumerate(value):
            for other in replaced(part, attack):
                yield [*value[:at], other, *value[at + 1 :]]
    elif isinstance(value, dict):
        for key, part in value.items():
            yield {attack if old == key else old: kept for old, kept in value.items()}
            for other in replaced(part, attack):
                yield value | {key: other}


def onnx_model(name: str, op: str = "Relu", domain: str = "") -> bytes:
    """Return an ONNX file in which every name is an attack."""
    from onnx import TensorProto, helper

    name, domain = (text.encode("utf-8", "replace").decode() for text in (name, domain))
    shape = [1, 3, 8, 8]
    weight = helper.make_tensor(f"{name}w", TensorProto.FLOAT, [3, 3, 1, 1], [0.0] * 9)
    nodes = [
        helper.make_node("Conv", [f"{name}x", f"{name}w"], [f"{name}c"], name=f"{name}conv", doc_string=name),
        helper.make_node(op, [f"{name}c"], [f"{name}y"], name=f"{name}last", domain=domain),
    ]
    ends = [helper.make_tensor_value_info(f"{name}{end}", TensorProto.FLOAT, shape) for end in "xy"]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], [weight], name)
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, producer_name=name, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


def keras_model(name: str) -> dict[str, Any]:
    """Return a Keras document in which every name is an attack."""
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": name,
            "layers": [
                {"class_name": "InputLayer", "config": {"batch_shape": [None, 8, 8, 3], "name": f"{name}i"}},
                {"class_name": "Conv2D", "config": {"filters": 4, "kernel_size": 3, "name": name}},
                {"class_name": "Activation", "config": {"activation": "relu", "name": f"{name}a"}},
            ],
        },
    }


def torch_source(name: str) -> str:
    """Return Python source with an attack in a module's name, in a comment and in a string."""
    literal = json.dumps(name)
    comment = name.translate({ord(c): " " for c in "\r\n\u2028\x85\ud800"})
    return (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        f"    def __init__(self):\n        super().__init__()\n        self.add_module({literal}, nn.Conv2d(3, 4, 3))\n"
        f"        self.text = {literal}  # {comment}\n\n"
        f"    def forward(self, x):\n        return self.get_submodule({literal})(x)  # {comment}\n"
    )


def write(folder: Path, file: str, content: object) -> None:
    """Write bytes, text, or a value as JSON without escapes."""
    if not isinstance(content, (bytes, str)):
        content = json.dumps(content, ensure_ascii=False)
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    (folder / file).write_bytes(data)
