"""Networks in PyTorch source: they are what PyTorch says."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc import sources, trace
from cnncalc.errors import CnncalcError, ShapeError, SpecError
from cnncalc.frameworks.code import read
from cnncalc.frameworks.code.entry import SourceReader
from cnncalc.frameworks.code.torch.declaration import ARGUMENTS, signature
from cnncalc.frameworks.code.torch.modules import modules, tensors
from cnncalc.input import Inputs
from cnncalc.sources import imported
from cnncalc.sources.words import spec_words
from tests import DATA

CODE = DATA / "code"
CASES: dict[str, Any] = {
    name: case
    for name, case in json.loads((CODE / "cases.json").read_text()).items()
    if name.endswith(".py") and not name.startswith("keras")
}


def load(name: str, folder: Path = CODE) -> Any:
    return sources.load_words(spec_words([str(folder / name)]))


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
    found = reader.scope.run(reader.evaluator, lambda evaluator: list(tensors(modules(reader.found(evaluator)))))
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
    with pytest.raises(SpecError, match=r"torch\.nobody_knows\(…\) is unknown here"):
        trace.shape(sources.read_bytes(text.encode(), "net.py"), (1, 2, 9, 7))


@pytest.mark.parametrize(
    ("body", "ops"),
    [
        ("return torch.nan_to_num(x)", ["opaque"]),  # which values are finite is unknown
        ("return torch.nan_to_num(x > 0)", ["compare"]),
        ("x[x > 0] = 1\n        return x", ["compare", "opaque"]),
        ("return x.int()", ["trunc"]),
        ("return x.to(torch.int32)", ["trunc"]),
        ("return x.to('cpu', dtype=torch.long)", ["trunc"]),
        ("return x.type(torch.LongTensor).long()", ["trunc"]),
        ("return x.type('torch.LongTensor')", ["trunc"]),
        ("return (x.int() / 2).int()", ["trunc", "rescale", "trunc"]),
        ("return torch.div(x.int(), 2, rounding_mode='floor').int()", ["trunc", "constant", "div", "floor"]),
        ("return (x.int() * 0.5).int()", ["trunc", "rescale", "trunc"]),
        ("return ((x > 0) * x).int()", ["compare", "mul", "trunc"]),
        ("return torch.where(x > 0, x, -x).int()", ["compare", "rescale", "where", "trunc"]),
        ("return (x > 0).bool()", ["compare"]),
        ("return x.bool()", ["compare"]),
        ("return x.int().bool()", ["trunc", "compare"]),
        ("return (x > 0).cumsum(1).bool()", ["compare", "cumsum", "compare"]),
    ],
)
def test_a_call_that_changes_values_is_not_left_out(body: str, ops: list[str]) -> None:
    text = f"import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        {body}\n"
    report = trace.shape(sources.read_bytes(text.encode(), "net.py"), (2, 9, 7))
    assert ([layer.op for layer in report.layers], report.out, report.params) == (ops, (2, 9, 7), 0)


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
PERCEIVED = """
import torch, torch.nn as nn
from einops import rearrange, reduce, repeat
from functools import partial
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.to_q = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(5, 4)
    def forward(self, x):
        var = reduce(self.c.weight, "o ... -> o 1 1 1", partial(torch.var, unbiased=False))
        x = nn.functional.conv2d(x, self.c.weight * var.rsqrt(), self.c.bias)
        x = rearrange(x, "(b n) ... w -> b (n ...) w ()", n=1)[..., :5, 0]
        return repeat(self.to_q(rearrange(x, "b ... d -> b (...) d")), "... d -> ... (k d)", k=2)
"""
OPS = """
import torch.nn as nn, torchvision.ops as ops
from torchvision.ops.misc import ConvNormActivation, FrozenBatchNorm2d, MLP, Permute, SqueezeExcitation
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = ops.Conv3dNormActivation(3, 6, (1, 3, 5), dilation=(1, 2, 1), stride=(1, 2, 2), activation_layer=None)
        self.b = ConvNormActivation(6, 8, 5, dilation=2, norm_layer=None, conv_layer=nn.Conv3d)
        self.m = MLP(8, [9, 10], norm_layer=nn.LayerNorm, inplace=True, dropout=0.2, bias=False)
        self.p, self.f = Permute([0, 2, 3, 4, 1]), FrozenBatchNorm2d(10)
        self.c, self.s = ops.Conv2dNormActivation(10, 12, stride=2, activation_layer=nn.SiLU), SqueezeExcitation(12, 4)
        self.drop, self.block = ops.StochasticDepth(0.1, "row"), ops.DropBlock2d(0.1, 3)
    def forward(self, x):
        x = self.block(self.f(self.m(self.p(self.b(self.a(x)))).mean(1).permute(0, 3, 1, 2)))
        return ops.stochastic_depth(self.drop(self.s(self.c(x))), 0.1, "row", self.training)
"""
TIMM = """
import torch, torch.nn as nn
from functools import partial
from timm.models.layers import DropPath, to_2tuple, trunc_normal_
from timm.layers import make_divisible
from timm.models.registry import register_model
from timm.models.vision_transformer import Block, Mlp, PatchEmbed, _cfg
class Net(nn.Module):
    def __init__(self, img_size=(24, 32), dim=16, norm_layer=partial(nn.LayerNorm, eps=1e-6), **kwargs):
        super().__init__()
        self.patch_embed = PatchEmbed(img_size, 8, 3, dim)
        self.pos = nn.Parameter(torch.zeros(1, self.patch_embed.num_patches, dim))
        trunc_normal_(self.pos, std=0.02)
        rates = [one.item() for one in torch.linspace(0, 0.1, 2)]
        self.blocks = nn.ModuleList([
            Block(dim, 4, 2.5, qkv_bias=True, norm_layer=norm_layer, drop_path=one, init_values=one) for one in rates])
        self.conv, self.drop_path = nn.Conv2d(dim, make_divisible(0.9 * 37), to_2tuple(3)), DropPath(rates[1])
        self.mlp = Mlp(32, 5, use_conv=True, norm_layer=partial(nn.GroupNorm, 1), bias=(True, False))
    def forward(self, x):
        x = self.patch_embed(x) + self.pos
        for one in self.blocks:
            x = one(x)
        return self.drop_path(self.mlp(self.conv(x.transpose(1, 2).unflatten(2, self.patch_embed.grid_size))))
@register_model
def net(pretrained=False, **kwargs):
    model = Net(**kwargs)
    model.default_cfg = _cfg()
    return model
"""
LONGEST = """
import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.fc = nn.Embedding(100, 16), nn.Linear(16, 5)
    def forward(self, x):
        return self.fc(self.words(x[:, :512])).mean(1)
"""
RECORDED = [
    (LAZY, (3, 32, 32), (7,), 25638, 26),
    (VIT, (3, 32, 32), (10,), 7082, 0),
    (SHUFFLED, (3, 32, 40), (5,), 239, 0),
    (REPEATED, (3, 32, 32), (1536,), 112, 0),
    (PERCEIVED, (3, 9, 7), (42, 8), 192, 0),
    (OPS, (3, 3, 20, 19), (12, 5, 5), 7686, 76),
    (TIMM, (3, 24, 32), (32, 1, 2), 13263, 0),
    (LONGEST, (20,), (5,), 1685, 0),
]
"""Source, input, and what PyTorch 2.14 with einops 0.8, torchvision 0.29 and timm 1.0 say of its output, parameters and
buffers."""


@pytest.mark.parametrize(
    ("text", "input", "out", "params", "buffers"),
    RECORDED,
    ids=["lazy", "vit", "shuffle", "repeat", "perceiver", "torchvision", "timm", "cut"],
)
def test_a_network_has_the_figures_of_pytorch_and_the_packages_that_it_imports(
    text: str, input: tuple[int, ...], out: tuple[int, ...], params: int, buffers: int
) -> None:
    report = trace.shape(_read(text), input)
    assert (report.out, report.params, report.buffers) == (out, params, buffers)


def _read(text: str) -> Any:
    return sources.imported(SourceReader(text, "net.py", None).begin(), "net.py")


def test_the_states_of_a_cell_may_be_new_zeros() -> None:
    init = "        self.m = nn.LSTMCell(6, 5)"
    forward = "        h = c = x.new_zeros(x.shape[0], 5)\n        for n in range(3): h, c = self.m(x[:, n], (h, c))\n"
    for state in (forward, forward.replace("x.new_zeros(x.shape[0], 5)", "torch.rand(x.shape[0], 5)")):
        source = NET.format(init=init, forward=state + "        return h", more="")
        report = trace.shape(imported(read(source, "net.py", None), "net.py"), (3, 6))
        assert (report.out, report.params) == ((5,), 4 * 5 * (6 + 5) + 2 * 4 * 5)


def test_a_lazy_module_is_another_for_each_input() -> None:
    """Its weights have the names of the state_dict."""
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


OPERATIONS = json.loads((CODE / "torch-operations.json").read_text(encoding="utf-8"))
NET = """import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


class Net(nn.Module):
    def __init__(self):
        super().__init__()
{init}

    def forward(self, x):
{forward}

{more}
"""


@pytest.mark.parametrize("name", OPERATIONS["rows"])
def test_an_operation_has_the_shape_and_the_arrays_of_pytorch(name: str) -> None:
    """Expected is PyTorch's output for an input, from the version in the file; buffers are those of its state_dict."""
    case = OPERATIONS["rows"][name]
    depth = {"init": 8, "forward": 8, "more": 4}
    source = NET.format(**{part: indent(case[part] or "pass", " " * by) for part, by in depth.items()})
    report = trace.shape(imported(read(source, "net.py", None), "net.py"), tuple(OPERATIONS["input"]))
    assert report.to_dict()["report"]["out"] == case["out"]
    assert (report.params, report.buffers) == (case["params"], case["buffers"])


@pytest.mark.parametrize(
    ("forward", "known"), [("return self.a(x, x, x)[1]", False), ("return torch.cat(self.a(x, x, x), -1)", True)]
)
def test_weights_of_a_result_that_is_left_out_count_in_the_one_that_is_read(forward: str, known: bool) -> None:
    """Its products are unknown there, not zero."""
    heads = "self.a = nn.MultiheadAttention(8, 2, batch_first=True)"
    source = NET.format(init=indent(heads, " " * 8), forward=indent(forward, " " * 8), more="")
    report = trace.shape(imported(read(source, "net.py", None), "net.py"), (2, 6, 8))
    assert report.params == 4 * 8 * 8 + 4 * 8
    assert (report.macs is not None) is known


@pytest.mark.parametrize(
    ("init", "forward"),
    [
        ("batch_first=True", "x = x.flatten(1, 2)\nreturn self.a(self.q.expand(x.size(0), -1, -1), x, x)[0]"),
        (
            "",  # as in DETR
            "x = x.flatten(1, 2).transpose(0, 1)\n"
            "return self.a(self.q.unsqueeze(1).repeat(1, x.shape[1], 1), x, x)[0].transpose(0, 1)",
        ),
    ],
)
def test_learned_queries_are_those_of_every_sample(init: str, forward: str) -> None:
    own = f"self.a = nn.MultiheadAttention(8, 2, {init})\nself.q = nn.Parameter(torch.randn(5, 8))"
    source = NET.format(init=indent(own, " " * 8), forward=indent(forward, " " * 8), more="")
    report = trace.shape(imported(read(source, "net.py", None), "net.py"), (4, 6, 8))
    assert (report.out, report.params) == ((5, 8), 5 * 8 + 4 * 8 * 8 + 4 * 8)


IMPOSSIBLE = [
    ("", "return F.group_norm(x, 3)", "3 groups do not divide 4 channels"),
    ("self.n = nn.LayerNorm(7)", "return self.n(x)", "expects the last sizes 7, gets 4x6x8"),
    (
        "",
        "return F.interpolate(x, scale_factor=2, mode='linear')",
        "linear is for another number of axes than that of 4x6x8",
    ),
    ("", "return F.interpolate(x)", "it needs size or scale_factor"),
    ("", "return F.interpolate(x, 9, 2)", "it takes size or scale_factor, not both"),
    ("", "return F.interpolate(x, -9)", "size is -9: a size is at least 1"),
    ("", "return F.interpolate(x, (9, 7, 5, 3))", "size is (9, 7, 5, 3): 4 numbers for 2 axes"),
    (
        "",
        "return F.interpolate(x, scale_factor=2, mode='cubic')",
        "'cubic' is not a mode: it is one of nearest",
    ),
    ("", "return F.interpolate(x, 9, align_corners=True)", "align_corners is for modes that interpolate"),
    ("self.m = nn.AdaptiveAvgPool2d(-1)", "return self.m(x)", "output_size is -1: a size is at least 0"),
    (
        "self.m = nn.AdaptiveMaxPool1d([None])",
        "return self.m(x[0])",
        "output_size is [None], not a whole number, or one",
    ),
    ("self.m = nn.AdaptiveMaxPool2d((3,))", "return self.m(x)", "output_size is (3,): 1 number for 2 axes"),
    ("self.m = nn.Fold(-1, 3)", "return self.m(x[:, 0])", "output_size is -1: a size is at least 1"),
    ("self.m = nn.AvgPool2d(2, divisor_override=0)", "return self.m(x)", "divisor_override is 0, not a whole number"),
    ("self.m = nn.MaxPool2d(2, (2, 2, 2))", "return self.m(x)", "stride is (2, 2, 2): 3 numbers for 2 axes"),
    ("self.m = nn.Conv2d(4, 5, 3, stride=0)", "return self.m(x)", "stride: 0 is too small: the minimum is 1"),
    ("self.m = nn.Conv2d(4, 5, (3,))", "return x", "Conv2d: kernel_size is (3,): 1 number for 2 axes"),
    (
        "self.m = nn.Conv2d(4, 5, 3, padding=None)",
        "return self.m(x)",
        "padding is (None, None), not a whole number, or",
    ),
    ("self.m = nn.Conv2d(4, 5, 3, padding_mode=None)", "return x", "padding_mode=None is not one of zeros, reflect"),
    ("self.m = nn.AdaptiveAvgPool2d(None)", "return self.m(x)", "output_size is None, not a whole number, or one"),
    ("self.m = nn.Dropout(None)", "return x", "p=None is not from 0 to 1"),
    ("self.m = nn.LazyBatchNorm2d(momentum='0.1')", "return self.m(x)", "momentum is '0.1', not a number"),
    ("self.m = nn.GELU(True)", "return self.m(x)", "approximate is True, not 'none' or 'tanh'"),
    ("", "return F.gelu(x, approximate='x')", "approximate is 'x', not 'none' or 'tanh'"),
    ("self.m = nn.ConstantPad2d(1, 'x')", "return self.m(x)", "value is 'x', not a number"),
    ("self.m = nn.ZeroPad2d((1,))", "return self.m(x)", "1 sides of padding for 4 axes"),
    ("", "return F.pad(x, [1, 1.0])", "pad is [1, 1.0], not a list of whole numbers"),
    ("self.m = nn.Unfold((2,))", "return self.m(x)", "kernel_size is (2,): 1 number for 2 axes"),
    ("self.m = nn.LPPool2d((2,), 2)", "return self.m(x)", "norm_type is (2,), not a number"),
    ("self.m = nn.MaxPool2d(2, ceil_mode=None)", "return self.m(x)", "ceil_mode is None, not True or False"),
    ("self.m = nn.GRU(8, 3, batch_first=1)", "return x", "batch_first=1 is not True or False"),
    ("self.m = nn.RNN(8, 3, bidirectional=1)", "return self.m(x[:, 0])[0]", "bidirectional is 1, not True or False"),
    (
        "self.m = nn.Upsample(9, mode='bilinear', align_corners=0)",
        "return self.m(x)",
        "align_corners is 0, not True or",
    ),
    ("self.m = nn.Embedding(5, 3, True)", "return x", "padding_idx=True is not one of num_embeddings=5"),
    ("self.m = nn.BatchNorm2d(1)", "return self.m(x)", "expects 1 channels, gets 4 of 4x6x8"),
    ("", "return x.softmax(dim=True)", "an axis is a whole number"),
    ("self.m = nn.Hardtanh(2, 2)", "return x", "min_val=2 is not below max_val=2"),
    ("self.m = nn.RReLU(2, 0)", "return self.m(x)", "the lower bound 2 is above the upper one, 0"),
    ("", "return F.interpolate(x, scale_factor=0.1)", "scale_factor is 0.1, which leaves 0x0 of 6x8"),
    ("self.m = nn.Embedding(5, 3, 5)", "return x", "padding_idx=5 is not one of num_embeddings=5"),
    ("self.m = nn.GroupNorm(3, 4)", "return x", "num_groups=3 does not divide num_channels=4"),
    ("self.m = nn.LSTM(4, 5, proj_size=5)", "return x", "proj_size=5 is not below hidden_size=5"),
    ("self.m = nn.GRU(4, 0)", "return x", "hidden_size=0 is not above 0"),
    ("self.m = nn.RNN(4, 5, 0)", "return x", "num_layers=0 is not above 0"),
    ("self.m = nn.RNN(4, 5, dropout=2)", "return x", "dropout=2 is not a number from 0 to 1"),
    ("self.m = nn.Bilinear(8, 7, 3)", "return self.m(x, x)", "expects 7 features of input 2, gets 4x6x8"),
    ("", "return x.chunk(0, 1)[0]", "the number of parts is 0, and must be at least 1"),
    ("", "return x.split(-2, 1)[0]", "the number of units of a part is -2, and must be at least 1"),
    ("", "a, b = x.tensor_split(-3, 3); return a", "the number of parts is -3, and must be at least 1"),
    ("", "return F.pad(x, (1, 2, 3))", "3 sides of padding for 4 axes"),
    ("", "return F.pad(x, (-5, -5))", "4x6x8 is cropped to a negative size by [-5, -5]"),
    ("", "return F.pad(x, (1,) * 8, mode='reflect')", "8 sides of padding are for other axes than those of 4x6x8"),
    ("", "return x @ torch.ones(7, 5)", "8 and 7 differ"),
    ("", "return torch.stack([x, x[:, :3]])", "are stacked, but differ"),
    ("", "return torch.einsum('abcd,abce->ab', x, x[:, :3])", "b is 4 and 3"),
    ("", "return F.scaled_dot_product_attention(x, x[..., :7], x)", "do not go together"),
    ("self.a = nn.MultiheadAttention(8, 2)", "return self.a(x, x, x)[0]", "works on steps and features, gets 4x6x8"),
    (
        "self.a = nn.MultiheadAttention(6, 2)",
        "return self.a(x[:, 0], x[:, 0], x[:, 0])[0]",
        "expects 6 features, gets 8",
    ),
    (
        "self.a = nn.MultiheadAttention(8, 2)",
        "return self.a(x[:, 0], x[:, 0, :, :7], x[:, 0])[0]",
        "expects 8 features of its key, gets 7",
    ),
    (
        "self.a = nn.MultiheadAttention(8, 2, kdim=7)",
        "return self.a(x[:, 0], x[:, 0, :, :7], x[:, 0, 1:])[0]",
        "works on values of as many samples and steps",
    ),
    ("self.r = nn.LSTM(7, 3)", "return self.r(x[:, 0])[0]", "expects 7 input features, gets 8"),
    ("self.r = nn.GRU(8, 3)", "return self.r(x)[0]", "works on steps and features, gets 4x6x8"),
    ("self.r = nn.GRUCell(7, 3)", "return self.r(x[:, 0, 0])", "expects 7 input features, gets 8"),
    ("self.c = nn.Conv2d(3, 2, 1)", "return self.c(x)", "expects 3 input channels, gets 4"),
    ("", "return x.view(2, -1, -1)", "has more than one open size"),
    ("", "return x.permute(0, 2, 1)", "permute"),
    ("", "return x.expand(-1, 5, 6, 8)", "cannot be repeated to"),
    ("", "return x.split([1, 2], 1)[0]", "4 is split into 1 + 2 = 3"),
    ("", "return x.narrow(2, 4, 3)", "3 units from 4 on are more than an axis of 6"),
    ("", "return x.select(1, 4)", "the index 4 is out of range for an axis of 4"),
    ("self.a = nn.MultiheadAttention(8, 3)", "return x", "num_heads=3 does not divide embed_dim=8"),
    ("", "return x.rot", "has no 'rot'"),
    ("self.m = nn.Sequential(3)", "return self.m(x)", "3 is not a module"),
    ("self.p = nn.Parameter(3)", "return x * self.p", "a parameter of 3 is not supported"),
    ("self.m = nn.Sequential(nn.ReLU(), None)", "return self.m(x)", "None is not a module"),
    ("self.register_parameter(0, nn.Parameter(torch.ones(1)))", "return x", "0 is not a name"),
    ("self.register_buffer('a.b', torch.ones(1))", "return x", "'a.b' is not a name"),
    ("self.add_module('', nn.ReLU())", "return x", "'' is not a name"),
    ("self.c = nn.Conv2d(4, torch.tensor([2, 3]).item(), 1)", "return self.c(x)", "is not one number"),
    ("", "return x.view(2.5, -1)", "sizes are whole numbers"),
    ("", "return x[:, [True, False, True]]", "a mask of 3 is for an axis of 4"),
    ("", "return x @ torch.tensor(3.)", "a number has no matrix product"),
    ("", "return x.flatten('a')", "an axis is a whole number"),
    ("", "return torch.zeros(2.5) + x", "sizes are whole numbers"),
    ("", "return x[:, : len(torch.tensor(3))]", "len(torch.tensor(3)) is not supported"),
    ("", "return x if torch.tensor([1, 2]) else x[0]", "whose values are unknown"),
    ("", "return x * torch.tensor([[1., 2], [3]])", "unknown values"),
    ("", "return x + None", "which is not supported"),
    ("", "return x.expand(10**11, *x.shape).expand(10**7, 10**11, *x.shape)", "a tensor of more than 9,223,372"),
    ("self.a = nn.Conv2d(4, 3, 1)", "return self.a()", "it is called without an input"),
    ("self.a = nn.utils.weight_norm(nn.Conv2d(4, 3, 1, bias=False), 'bias')", "return self.a(x)", "is not supported"),
    ("self.k = torch.float32 | None", "return x", "which is not supported"),
    ("self.to = nn.ReLU()", "return self.to(x)", "Net has 'to' as an attribute of the class, which PyTorch finds"),
]


@pytest.mark.parametrize(
    ("made", "params"),
    [
        ("nn.Hardtanh(float('nan'))", 0),
        ("nn.BatchNorm2d(4, eps=float('inf'))", 8),
        ("nn.ConstantPad2d(0, float('nan'))", 0),
        ("nn.Dropout(False)", 0),
        ("nn.LeakyReLU(True)", 0),
        ("nn.MaxPool2d(1, [])", 0),
        (
            "nn.Conv2d(4, 4, 1, stride=1)\n        self.k = self.m.stride[1] + self.m.padding[0] + self.m.dilation[1]",
            20,
        ),
    ],
)
def test_settings_that_pytorch_takes_are_taken(made: str, params: int) -> None:
    source = NET.format(init=f"        self.m = {made}", forward="        return self.m(x)", more="")
    report = trace.shape(imported(read(source, "net.py", None), "net.py"), (2, 4, 6, 8))
    assert (report.out, report.params) == ((2, 4, 6, 8), params)


NUMBERS = [
    ("torch.tensor(3.7)", 3),
    ("torch.tensor([[5]])", 5),
    ("torch.div(torch.tensor(7), 2, rounding_mode='floor')", 3),
    ("torch.div(torch.tensor(7.0), 2, rounding_mode='floor') * 1.5", 4),
    ("torch.floor_divide(torch.tensor(-7), 2) + 9", 5),
    ("torch.logspace(0, 1, 3)[2] - 5", 5),
    ("torch.linspace(start=3, end=7, steps=3)[1]", 5),
    ("torch.tensor(torch.arange(0, 5.5, dtype=torch.long).shape[0])", 5),
    ("torch.range(2, 5)[3]", 5),
    ("torch.tensor(torch.range(0, 5, 0.1).shape[0]) - 46", 5),
    ("torch.tensor([2.7, 3.0], dtype=torch.long)[0] * 2", 4),
    ("torch.tensor([0, 1, 0, 2, 5]).nonzero().squeeze(1)[2] + 1", 5),
    ("torch.add(torch.tensor(1), 2, alpha=3)", None),
    ("torch.div(torch.tensor(-7), 2, rounding_mode='trunc')", None),
]
"""Numbers computed from tensors, as in PyTorch 2.14; None if they are unknown here."""


@pytest.mark.parametrize(("tensor", "size"), NUMBERS)
def test_sizes_that_are_computed_by_tensors(tensor: str, size: int | None) -> None:
    source = NET.format(
        init=f"        self.c = nn.Conv2d(4, int({tensor}), 1)", forward="        return self.c(x)", more=""
    )
    if size is None:
        with pytest.raises(CnncalcError, match="a value of"):
            read(source, "net.py", None)
    else:
        assert trace.shape(imported(read(source, "net.py", None), "net.py"), (2, 4, 6, 8)).out == (2, size, 6, 8)


TABLE = "torch.einsum('i,j->ij', torch.arange(6.), torch.arange(8.))"


@pytest.mark.parametrize(
    ("init", "forward"),
    [
        (f"self.table = {TABLE}.cos()", "table = self.table"),
        ("self.register_buffer('table', torch.outer(torch.ones(6), torch.ones(8)))", "table = self.table"),
        ("self.tables = {}", f"table = self.tables.setdefault(x.shape[-1], {TABLE})"),
        ("", f"table = KEPT.setdefault(x.shape[-1], {TABLE})"),
    ],
)
def test_products_that_a_network_keeps_are_no_calls_of_a_later_run(init: str, forward: str) -> None:
    """An index among the calls of one run means another call in the next run, and in that of the network itself."""
    forward += "\nreturn self.c(x) * table + x"
    init = f"self.c = nn.Conv2d(4, 4, 3, padding=1)\n{init}"
    source = NET.format(init=indent(init, " " * 8), forward=indent(forward, " " * 8), more="")
    report = trace.shape(imported(read(f"KEPT = {{}}\n{source}", "net.py", None), "net.py"), (4, 6, 8))
    assert (report.out, report.params) == ((4, 6, 8), 4 * 4 * 9 + 4)


CHANGED = [
    (
        "self.m = nn.Conv2d(4, 5, 3)\nself.apply(lambda m: isinstance(m, nn.modules.conv._ConvNd) and "
        "m.weight.data.normal_(0, nn.init.calculate_gain('relu') / 3).mul_(2))",
        185,
        0,
    ),
    (
        "from torch.nn.modules.batchnorm import _BatchNorm\n"
        "self.m = nn.Sequential(*[cls(4, track_running_stats=False) for cls in (nn.SyncBatchNorm, _BatchNorm)])\n"
        "if isinstance(self.m[0], _BatchNorm): self.m.append(nn.LazyConv2d(5, 3))\n"
        "if isinstance(self.m[2], nn.Conv2d): self.m.append(nn.ReLU())",
        201,
        0,
    ),
    ("self.m = nn.Conv2d(4, 5, 3)\nself.apply(lambda m: nn.utils.weight_norm(m) if m is not self else m)", 190, 0),
    ("self.m = nn.Conv2d(4, 5, 3)\nself.m.register_buffer('k', torch.ones(3))\nself.m.weight.data *= self.m.k", 185, 3),
    (
        "self.m = nn.Conv2d(4, 5, 3)\nnn.utils.weight_norm(self.m)\nnn.utils.remove_weight_norm(self.m)\n"
        "nn.utils.parametrizations.spectral_norm(self.m, 'weight')\n"
        "nn.utils.parametrize.remove_parametrizations(self.m, 'weight')",
        185,
        0,
    ),
    (
        "self.m = nn.Conv2d(4, 5, 3)\nfrom torch.nn.utils import prune\n"
        "prune.l1_unstructured(self.m, 'bias', amount=1)\nprune.remove(self.m, 'bias')\n"
        "for _ in range(2): prune.global_unstructured([(self.m, 'weight')], prune.L1Unstructured, amount=2)\n"
        "self.m.register_buffer('k', torch.ones(3))",
        185,
        183,
    ),
    (
        "class Own(nn.Conv2d):\n    def forward(self, x): return self._conv_forward(x, self.weight * 2, self.bias)\n"
        "self.m = nn.DataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(Own(4, 5, 3))))\n"
        "self.k = 3\ndelattr(self, 'k')\nif hasattr(self, 'k'): self.m = None",
        185,
        0,
    ),
    (
        "class Own(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = nn.ParameterList([torch.ones(4, 1, 1)])\n        self.a.append(torch.ones(6, 1))\n"
        "        self.b = nn.ParameterDict({'k': torch.ones(8)})\n        self.b['l'] = torch.ones(1)\n"
        "    def forward(self, x): return x * self.a[0] * self.a[1] * self.b['k'] * self.b['l']\n"
        "self.m = nn.Sequential(Own())",
        19,
        0,
    ),
    ("self.m = nn.Conv2d(4, 5, 3)\ntry:\n    3[0]\nexcept TypeError:\n    self.m = nn.Conv2d(4, 1, 3)", 37, 0),
    ("self.m = nn.Sequential(nn.Flatten(1, 2), nn.LSTM(8, 5, 2, proj_size=3, batch_first=True))", 450, 0),
]
"""Modules `m`, with the numbers that PyTorch 2.13 has of its parameters and buffers."""


@pytest.mark.parametrize(("init", "params", "buffers"), CHANGED)
def test_modules_that_are_changed_have_the_arrays_of_pytorch(init: str, params: int, buffers: int) -> None:
    forward = "self.m.weight.data *= self.m.k\n" * (buffers > 0) + "y = self.m(x)\nreturn y[0] if len(y) == 2 else y"
    source = NET.format(init=indent(init, " " * 8), forward=indent(forward, " " * 8), more="")
    report = trace.shape(imported(read(source, "net.py", None), "net.py"), (4, 6, 8))
    unused = report.network.unused or {}  # a recomputed weight forgets what it was multiplied by
    assert report.params is not None
    assert report.buffers is not None
    have = report.params + unused.get("params", 0), report.buffers + unused.get("buffers", 0)
    assert have == (params, buffers)


def standard(w: Any) -> Any:
    """Return a weight with mean 0 and variance 1 in each row, as in standardized layers."""
    return (w - w.mean(1, keepdims=True)) / np.sqrt(w.var(1, keepdims=True) + 1e-5)


def attended(x: Any, s: dict[str, Any]) -> Any:
    """Return attention of two heads with three features."""
    q, k, v = [
        (x @ w.T + b).reshape(2, 5, 2, 3).swapaxes(1, 2)
        for w, b in zip(np.split(s["m.in_proj_weight"], 3), np.split(s["m.in_proj_bias"], 3), strict=True)
    ]
    a = np.exp(q @ k.swapaxes(2, 3) / np.sqrt(3))
    y = (a / a.sum(-1, keepdims=True) @ v).swapaxes(1, 2).reshape(2, 5, 6)
    return y @ s["m.out_proj.weight"].T + s["m.out_proj.bias"]


def stepped(x: Any, s: dict[str, Any]) -> Any:
    """Return the output of a plain recurrent layer after another one."""
    for at in (0, 1):
        states = [np.zeros(1)]
        for step in x.swapaxes(0, 1):
            hidden = states[-1] @ s[f"m.weight_hh_l{at}"].T if len(states) > 1 else 0
            states.append(np.tanh(step @ s[f"m.weight_ih_l{at}"].T + hidden))
        x = np.stack(states[1:], 1)
    return x


WITH_WEIGHT = (
    "    def forward(self, x):\n        w = self.weight\n        {}\n        return F.linear(x, w, self.bias)\n"
)
OWN = "class Own(nn.Linear):\n" + WITH_WEIGHT + "self.m = Own(6, 6)"
STORED: list[tuple[str, str, dict[str, tuple[int, ...]], Any]] = [
    ("self.w = nn.Parameter(torch.ones(4, 6))", "F.linear(x, self.w)", {"w": (4, 6)}, lambda x, s: x @ s["w"].T),
    (
        "self.c = nn.Parameter(torch.ones(1, 1, 6))\nself.p = nn.Parameter(torch.ones(1, 6, 6))",
        "torch.cat([self.c.expand(x.shape[0], -1, -1), x], 1) + self.p",
        {"c": (1, 1, 6), "p": (1, 6, 6)},
        lambda x, s: np.concatenate([np.repeat(s["c"], 2, 0), x], 1) + s["p"],
    ),
    (
        "self.register_buffer('p', torch.arange(6.0).exp(), persistent=False)\n"
        "self.register_buffer('s', torch.ones(1))",
        "(x + self.p) * self.s",
        {"s": (1,)},
        lambda x, s: (x + np.exp(np.arange(6, dtype="float32"))) * s["s"],
    ),
    (
        OWN.format("w = w * 0.5"),
        "self.m(x)",
        {"m.weight": (6, 6), "m.bias": (6,)},
        lambda x, s: x @ s["m.weight"].T / 2 + s["m.bias"],
    ),
    (
        OWN.format("w = w.t()"),
        "self.m(x)",
        {"m.weight": (6, 6), "m.bias": (6,)},
        lambda x, s: x @ s["m.weight"] + s["m.bias"],
    ),
    (
        OWN.format("v, u = torch.var_mean(w, dim=1, keepdim=True, unbiased=False); w = (w - u) / (v + 1e-5).sqrt()"),
        "self.m(x)",
        {"m.weight": (6, 6), "m.bias": (6,)},
        lambda x, s: x @ standard(s["m.weight"]).T + s["m.bias"],
    ),
    (
        "self.m = nn.utils.weight_norm(nn.Linear(6, 4, bias=False))\nself.m.weight.data.normal_(0, 0.1)",
        "self.m(x)",
        {"m.weight_g": (4, 1), "m.weight_v": (4, 6)},
        lambda x, s: x @ (s["m.weight_v"] * s["m.weight_g"] / np.sqrt((s["m.weight_v"] ** 2).sum(1, keepdims=True))).T,
    ),
    (
        "self.m = nn.utils.parametrizations.weight_norm(nn.Linear(6, 4, bias=False), dim=None)",
        "self.m(x)",
        {"m.parametrizations.weight.original0": (), "m.parametrizations.weight.original1": (4, 6)},
        lambda x, s: (
            x
            @ (s["m.parametrizations.weight.original1"] / np.linalg.norm(s["m.parametrizations.weight.original1"])).T
            * s["m.parametrizations.weight.original0"]
        ),
    ),
    (
        "self.m = nn.utils.spectral_norm(nn.Linear(6, 4, bias=False))",
        "self.m(x)",
        {"m.weight_orig": (4, 6), "m.weight_u": (4,), "m.weight_v": (6,)},
        lambda x, s: x @ s["m.weight_orig"].T / (s["m.weight_u"] @ s["m.weight_orig"] @ s["m.weight_v"]),
    ),
    (
        "from torch.nn.utils import prune\nself.m = prune.identity(nn.Linear(6, 4, bias=False), 'weight')",
        "self.m(x)",
        {"m.weight_orig": (4, 6), "m.weight_mask": (4, 6)},
        lambda x, s: x @ (s["m.weight_orig"] * s["m.weight_mask"]).T,
    ),
    (
        "self.m = nn.RNN(6, 4, 2, bias=False, batch_first=True)",
        "self.m(x)[0]",
        {"m.weight_ih_l0": (4, 6), "m.weight_hh_l0": (4, 4), "m.weight_ih_l1": (4, 4), "m.weight_hh_l1": (4, 4)},
        stepped,
    ),
    (
        "self.m = nn.MultiheadAttention(6, 2, batch_first=True)",
        "self.m(x, x, x)[0]",
        {
            "m.in_proj_weight": (18, 6),
            "m.in_proj_bias": (18,),
            "m.out_proj.weight": (6, 6),
            "m.out_proj.bias": (6,),
        },
        attended,
    ),
]


def stored(init: str, result: str) -> Any:
    source = NET.format(init=indent(init, " " * 8), forward=f"        return {result}", more="")
    return imported(read(source, "net.py", None), "net.py")


@pytest.mark.parametrize(("init", "result", "shapes", "values"), STORED)
def test_the_arrays_of_a_state_dict_are_those_of_the_layers(
    init: str, result: str, shapes: dict[str, tuple[int, ...]], values: Any
) -> None:
    """Including those that the source computes from them, by PyTorch's documentation of each module."""
    rng = np.random.default_rng(5)
    x, state = rng.random((2, 5, 6), "float32"), {name: rng.random(shape, "float32") for name, shape in shapes.items()}
    np.testing.assert_allclose(cnncalc.run(stored(init, result), x, state), values(x, state), 2e-5, 1e-6)


def test_an_array_that_is_computed_in_an_unknown_way_is_refused() -> None:
    state = {"m.weight": np.ones((6, 6)), "m.bias": np.ones(6)}
    net = stored(OWN.format("w = w.sort()[0]"), "self.m(x)")
    with pytest.raises(SpecError, match=r"^m\.weight is given, but what the source computes from it is unknown"):
        cnncalc.run(net, np.ones((2, 5, 6)), state)
    net = stored(OWN.format("w = w * 2"), "self.m(x)")
    with pytest.raises(ShapeError, match=r"^'m\.weight' has the shape 5x6, but 6x6 is needed"):
        cnncalc.run(net, np.ones((2, 5, 6)), state | {"m.weight": np.ones((5, 6))})


AT_THE_TOP = [
    ("net._modules['2'] = nn.Linear(6, 3)", 206, 0),
    ("net._modules['0'] = nn.Conv2d(4, 7, 1)", 35, 0),
    ("net.append(nn.Linear(8, 3))\ndel net._modules['2']\nnet.append(nn.Linear(6, 2))\nnet._modules.pop('1')", 199, 0),
    ("nn.utils.weight_norm(net[0])", 190, 0),
    ("for m in net.modules():\n    if isinstance(m, nn.Conv2d): nn.utils.spectral_norm(m)", 185, 41),
    ("net.apply(lambda m: nn.utils.prune.identity(m, 'bias') if isinstance(m, nn.Conv2d) else m)", 185, 5),
    ("net = nn.DataParallel(net)\nnn.utils.weight_norm(net.module[0], dim=None)", 186, 0),
    ("from torch.nn.utils import prune\nprune.identity(module=net[0], name='weight')", 185, 180),
    ("import torch.nn.utils.prune as p\np.identity(net[0], 'bias')\np.remove(net[0], 'bias')", 185, 0),
    ("net._modules.update({'2': nn.Linear(6, 3)})\nnet._modules.pop('9', None)", 206, 0),
    ("net._modules.clear()\nnet.append(nn.Linear(8, 2))", 18, 0),
    ("try:\n    from torch.nn.utils import weight_norm as wn\nexcept ImportError:\n    wn = None\nwn(net[0])", 190, 0),
    ("k, _ = nn.utils.parameters_to_vector(net.parameters()), nn.utils.clip_grad_norm_(net.parameters(), 1)", 185, 0),
]


@pytest.mark.parametrize(("change", "params", "buffers"), AT_THE_TOP)
def test_what_the_top_level_makes_of_weights_counts(change: str, params: int, buffers: int) -> None:
    """The numbers are those of PyTorch 2.13."""
    source = f"from torch import nn\nnet = nn.Sequential(nn.Conv2d(4, 5, 3), nn.ReLU())\n{change}\n"
    report = trace.shape(imported(read(source, "net.py", "net"), "net.py"), (4, 6, 8))
    assert (report.params, report.buffers) == (params, buffers)


@pytest.mark.parametrize(("init", "forward", "message"), IMPOSSIBLE)
def test_what_pytorch_refuses_is_refused_with_the_numbers(init: str, forward: str, message: str) -> None:
    """PyTorch 2.13 raises an error for each of these."""
    source = NET.format(init=indent(init or "pass", " " * 8), forward=indent(forward, " " * 8), more="")
    with pytest.raises(CnncalcError) as raised:
        trace.shape(imported(read(source, "net.py", None), "net.py"), (2, 4, 6, 8))
    assert message in str(raised.value)
