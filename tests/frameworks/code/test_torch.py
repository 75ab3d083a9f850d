"""Networks in PyTorch source: what they are is what PyTorch says."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cnncalc import sources, trace
from cnncalc.errors import SpecError
from cnncalc.frameworks.code.entry import SourceReader
from cnncalc.frameworks.code.torch.layers import ARGUMENTS, signature
from cnncalc.frameworks.code.torch.modules import tensors
from cnncalc.input import Inputs
from tests import DATA

CODE = DATA / "code"
CASES: dict[str, Any] = {
    name: case
    for name, case in json.loads((CODE / "cases.json").read_text()).items()
    if name.endswith(".py") and not name.startswith("keras")
}


def load(name: str, folder: Path = CODE) -> Any:
    return sources.load_words(sources.spec_words([str(folder / name)]))


@pytest.mark.parametrize("name", CASES)
def test_a_source_has_the_figures_of_pytorch(name: str) -> None:
    case = CASES[name]
    report = trace.shape(load(f"{name}:{case['object']}"), tuple(case["input"]))
    figures = {"out": list(report.out), "params": report.params, "buffers": report.buffers, "macs": report.macs}
    assert figures == {key: case[key] for key in figures}


NETWORKS = CODE / "networks"
FIGURES: dict[str, Any] = json.loads((NETWORKS / "figures.json").read_text())


@pytest.mark.parametrize("name", FIGURES)
def test_a_network_as_people_write_it_has_the_figures_of_pytorch(name: str) -> None:
    case = FIGURES[name]
    inputs = Inputs([(key if len(case["inputs"]) > 1 else None, tuple(own)) for key, own in case["inputs"].items()])
    report = trace.shape(load(name, NETWORKS), inputs)
    unused = report.network.unused or {}
    assert list(report.out) == case["out"]
    assert report.params is not None
    assert report.params + unused.get("params", 0) == case["params"]
    assert report.buffers is not None
    assert report.buffers + unused.get("buffers", 0) == case["buffers"]
    if case["macs"] is not None:  # PyTorch's counter does not see recurrent layers, nor those of nn.TransformerEncoder
        assert report.macs == case["macs"]


@pytest.mark.parametrize("name", FIGURES)
def test_arrays_have_the_names_and_shapes_of_the_state_dict(name: str) -> None:
    file, _, wanted = name.partition(":")
    reader = SourceReader((NETWORKS / file).read_text(), file, wanted)
    found = reader.scope.run(reader.evaluator, lambda evaluator: list(tensors(reader.found(evaluator))))
    lines = [f"{key} {list(tensor.shape)}" for key, tensor in sorted(found)]
    assert len(lines) == FIGURES[name]["arrays"]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == FIGURES[name]["names"]


@pytest.mark.parametrize("result", ["odd, conv", "conv, odd", "{'a': conv, 'b': [odd]}"])
def test_an_output_that_is_not_known_is_never_left_out(result: str) -> None:
    text = f"""
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
    def forward(self, x):
        conv = self.conv(x)
        odd = torch.nobody_knows(conv)
        return {result}
"""
    with pytest.raises(SpecError, match=r"torch\.nobody_knows\(…\) is not known here"):
        trace.shape(sources.read_bytes(text.encode(), "net.py"), (1, 2, 9, 7))


POSITIONS: dict[str, list[str]] = json.loads((DATA / "positions.json").read_text())["torch"]


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() & POSITIONS.keys()))
def test_a_module_takes_its_arguments_in_the_order_of_pytorch(name: str) -> None:
    own = signature(ARGUMENTS[name]).args
    names = [one.arg for one in own.args[1:] if one.arg != "mode" or name == "Upsample"]
    assert names == POSITIONS[name]


LAZY = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.LazyConv2d(8, 3, bias=False), nn.LazyBatchNorm2d(), nn.ReLU(),
                               nn.LazyConvTranspose2d(5, 2, stride=2))
        self.i = nn.LazyInstanceNorm2d()
        self.one = nn.LazyConv1d(4, 1)
        self.fc = nn.LazyLinear(out_features=7)
    def forward(self, x):
        x = self.one(self.i(self.a(x)).flatten(2))
        return self.fc(x.mean(1))
"""
VIT = """
import torch, torch.nn as nn
from einops import rearrange, reduce, repeat
from einops.layers.torch import Rearrange
class ViT(nn.Module):
    def __init__(self, dim=32, heads=4, n=64):
        super().__init__()
        self.patch = nn.Sequential(Rearrange("b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=4, p2=4), nn.Linear(48, dim))
        self.pos, self.cls = nn.Parameter(torch.randn(1, n + 1, dim)), nn.Parameter(torch.randn(1, 1, dim))
        self.heads, self.qkv = heads, nn.Linear(dim, dim * 3, bias=False)
        self.head = nn.Linear(dim, 10)
    def forward(self, x):
        x = self.patch(x)
        b, n, _ = x.shape
        x = torch.cat((repeat(self.cls, "1 1 d -> b 1 d", b=b), x), dim=1) + self.pos[:, :n + 1]
        q, k, v = [rearrange(t, "b n (h d) -> b h n d", h=self.heads) for t in self.qkv(x).chunk(3, dim=-1)]
        x = rearrange(torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v, "b h n d -> b n (h d)")
        return self.head(reduce(x, "b n d -> b d", "mean"))
"""
SHUFFLED = """
import torch.nn as nn
from einops.layers.torch import Rearrange, Reduce
net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), Rearrange("b (c s1 s2) h w -> b c (h s1) (w s2)", s1=2, s2=2),
                    nn.ReLU(), Reduce("b c (h 2) (w 4) -> b c h w", "max"), Reduce("b c ... -> b c", reduction="mean"),
                    nn.Linear(2, 5))
"""
REPEATED = """
import torch.nn as nn, einops
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3, padding=1)
    def forward(self, x):
        x = einops.repeat(self.c(x), "b c h w -> b c (h 2) (w k)", k=3)
        return einops.reduce(einops.rearrange(x, "... h w -> ... (h w)"), "b c (n 4) -> b n", reduction="max")
"""
RECORDED = [
    (LAZY, (3, 32, 32), (7,), 25638, 26),
    (VIT, (3, 32, 32), (10,), 7082, 0),
    (SHUFFLED, (3, 32, 40), (5,), 239, 0),
    (REPEATED, (3, 32, 32), (1536,), 112, 0),
]
"""Source, input, and what PyTorch 2.14 with einops 0.8 says of its output, parameters and buffers."""


@pytest.mark.parametrize(
    ("text", "input", "out", "params", "buffers"), RECORDED, ids=["lazy", "vit", "shuffle", "repeat"]
)
def test_lazy_modules_and_patterns_of_axes(
    text: str, input: tuple[int, ...], out: tuple[int, ...], params: int, buffers: int
) -> None:
    report = trace.shape(_read(text), input)
    assert (report.out, report.params, report.buffers) == (out, params, buffers)


def _read(text: str) -> Any:
    return sources.imported(SourceReader(text, "net.py", None).begin(), "net.py")


def test_a_lazy_module_is_another_for_each_input() -> None:
    """And its weights are named as the state_dict names them."""
    for channels, height in ((3, 32), (5, 20)):
        report = trace.shape(_read(LAZY), (channels, height, 32))
        assert report["a.0"].weight_shapes() == {"weight": (8, channels, 3, 3)}
        assert report["fc"].values["out"] == 7


PATTERNS = [
    ("'b c (h 5) w -> b c h w'", "'b c (h 5) w -> b c h w': (h 5) is a multiple of 5, and the axis is 32"),
    ("'b c (h p) w -> b c h p w'", "'b c (h p) w -> b c h p w' does not say the sizes of h p"),
    ("'a b -> b a'", "'a b -> b a' is for 2 axes, and there are 4"),
    ("'b c h w'", "'b c h w' has no ->"),
    ("'b c h w -> b c h'", "'b c h w -> b c h' loses w"),
]


@pytest.mark.parametrize(("pattern", "text"), PATTERNS, ids=[pattern for pattern, _ in PATTERNS])
def test_a_pattern_that_does_not_fit(pattern: str, text: str) -> None:
    source = (
        f"import torch.nn as nn\nfrom einops.layers.torch import Rearrange\nnet = nn.Sequential(Rearrange({pattern}))"
    )
    with pytest.raises(SpecError, match=re.escape(f"the code raises TypeError: {text}")):
        trace.shape(_read(source), (3, 32, 32))
