"""Networks written as PyTorch modules, without PyTorch: the source, and what is rejected."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from keyword import iskeyword, kwlist, softkwlist
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.frameworks import writer
from cnncalc.frameworks.torch.write.places import RESERVED
from cnncalc.frameworks.torch.write.source import GLOBAL, HELPERS
from cnncalc.input import configure
from tests.program import here


def source(layers: Any, input: Any = None, dialect: str | None = None, layout: str | None = None) -> str:
    """Return a network's source."""
    sizes = None if input is None else tuple(input)
    text = writer("torch")(configure(cnncalc.load(layers), sizes, dialect, layout))
    assert isinstance(text, str)
    return text


SQUARE = (6, 7, 9)
MAP = (7, 9, 6)
EACH = ("fake_quantize_per_channel_affine(x, torch.tensor([0.1, 0.1, ", "[0, 1, 2, 3, 4, 5], ", "), 1, 0, 255)")
Row = tuple[Any, tuple[int, ...], str, tuple[str, ...]]
WRITTEN: list[Row] = [
    # Layer words, the input, the dialect, and lines of the source.
    (
        "conv:8,k3x5,s2x1,p1x2,g2,nobias",
        SQUARE,
        "plain",
        ("nn.Conv2d(6, 8, (3, 5), stride=(2, 1), padding=(1, 2), groups=2, bias=False)",),
    ),
    ("dwconv:k3,multiplier=2", SQUARE, "plain", ("nn.Conv2d(6, 12, 3, groups=6)",)),
    ("conv1d:8,k3,p=causal", (6, 11), "plain", ("self.conv1d1(F.pad(x, (2, 0)))",)),
    ("conv3d:4,k1x2x3,p=full", (2, 4, 5, 7), "plain", ("nn.Conv3d(2, 4, (1, 2, 3), padding=(0, 1, 2))",)),
    ("conv:8,k3,s2,p=same", (6, 8, 9), "plain", ("self.conv1(F.pad(x, (1, 1, 0, 1)))", "nn.Conv2d(6, 8, 3, stride=2)")),
    ("conv:8,k2,p=same_lower", SQUARE, "onnx", ("F.pad(x, (1, 0, 1, 0))",)),
    (
        "sepconv:5,k3,multiplier=2,p=same",
        MAP,
        "keras",
        (
            "class SeparableConv(nn.Module):",
            "self.sepconv1 = SeparableConv(",
            "            nn.Conv2d(6, 12, 3, padding=1, groups=6, bias=False),",
            "            nn.Conv2d(12, 5, 1),",
            "x = x.permute(0, 3, 1, 2)",
            "return x.permute(0, 2, 3, 1)",
        ),
    ),
    (
        "convT:4,k3,s2,p1,out_pad=1,g2",
        SQUARE,
        "torch",
        ("nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2)",),
    ),
    ("convT:4,k3,s2,p=same", MAP, "keras", ("F.pad(self.convT1(x), (0, -1, 0, -1))",)),
    ("convT:4,k2,s3,p=valid", MAP, "keras", ("output_padding=1",)),
    ("convT:4,k4,s2,out=13x17", SQUARE, "onnx", ("F.pad(self.convT1(x), (-2, -1, -2, -1))",)),
    ("convT1d:4,k5,s2,p2+1", (6, 11), "plain", ("F.pad(self.convT1d1(x), (-2, -1))",)),
    ("maxpool:3,s2,p1,ceil", SQUARE, "torch", ("nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)",)),
    ("maxpool:3,s2,p=same", (8, 10, 6), "keras", ("nn.MaxPool2d(3, stride=2, ceil_mode=True)",)),
    ("maxpool:2,s1,p=same", MAP, "keras", ('self.maxpool1(F.pad(x, (0, 1, 0, 1), value=float("-inf")))',)),
    ("maxpool:3,s1,p2", SQUARE, "onnx", ('F.pad(x, (2, 2, 2, 2), value=float("-inf"))',)),
    ("maxpool:2,s2,d2,p0+1", SQUARE, "onnx", ("dilation=2",)),
    ("maxpool:3,s2,p2,ceil", SQUARE, "onnx", ("F.pad",)),
    ("avgpool:3,s2,p=same", (8, 10, 6), "keras", ("nn.AvgPool2d(3, stride=2, ceil_mode=True)",)),
    ("avgpool:3,s2,p=same", MAP, "keras", ("nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)",)),
    ("avgpool:2,s1,p0+1x1+0,count_include_pad=true", SQUARE, "plain", ("self.avgpool1(F.pad(x, (1, 0, 0, 1)))",)),
    ("avgpool1d:3,s1,p1", (6, 11), "onnx", ("nn.AvgPool1d(3, stride=1, padding=1, count_include_pad=False)",)),
    ("lppool:3,s2,p1,norm=2", SQUARE, "onnx", ("F.pad(x, (1, 1, 1, 1))", "nn.LPPool2d(2, 3, stride=2)")),
    ("lppool:2,norm=3", SQUARE, "plain", ("self.lppool1(x.abs())",)),
    ("lppool:3,s2,ceil", (6, 8, 9), "torch", ("nn.LPPool2d(2, 3, stride=2, ceil_mode=True)",)),
    ("lppool:3,s2,ceil", (6, 8, 9), "onnx", ("F.pad(x, (0, 0, 0, 1))", "nn.LPPool2d(2, 3, stride=2)")),
    ("lppool:3,s2,ceil,norm=-1", (6, 8, 9), "plain", ('value=float("inf")).abs())', "nn.LPPool2d(-1, 3, stride=2)")),
    ("maxpool:3,s2", (6, 8, 9), "caffe", ("nn.MaxPool2d(3, stride=2, ceil_mode=True)",)),
    ("avgpool:3,s2,p1", (6, 8, 9), "caffe", ("nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True)",)),
    ("maxpool:2,s3", (6, 9, 8), "caffe", ('self.maxpool1(F.pad(x, (0, 0, 0, 2), value=float("-inf")))',)),
    ("avgpool:2,s3,ceil=false", (6, 9, 8), "caffe", ("nn.AvgPool2d(2, stride=3)",)),
    ("globalavgpool", SQUARE, "plain", ("nn.AdaptiveAvgPool2d(1)",)),
    ("globalavgpool", MAP, "keras", ("x.mean((2, 3))",)),
    ("maxpool1d:2 globalmaxpool:keepdims=false", (6, 11), "plain", ("x.amax(2)",)),
    ("adaptiveavgpool:2x3", SQUARE, "plain", ("nn.AdaptiveAvgPool2d((2, 3))",)),
    ("linear:5,nobias", SQUARE, "plain", ("nn.Linear(9, 5, bias=False)",)),
    ("linear:5", MAP, "keras", ("self.linear1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)",)),
    ("conv:4 flatten linear:3", MAP, "keras", ("self.flatten1(x.permute(0, 2, 3, 1))",)),
    ("reshape:9x42", MAP, "keras", ("x.permute(0, 2, 3, 1).reshape(-1, 9, 42).permute(0, 2, 1)",)),
    ([{"op": "reshape", "out": [9, -1]}], SQUARE, "plain", ("x.reshape(-1, 9, 42)",)),
    ("permute:2x3x1", SQUARE, "plain", ("x.permute(0, 2, 3, 1)",)),
    ("permute:3x1x2", MAP, "keras", ("permute(",)),
    ("batchnorm:eps=0.001", SQUARE, "plain", ("nn.BatchNorm2d(6, eps=0.001)",)),
    (
        "batchnorm:scale=false",
        MAP,
        "keras",
        ('self.batchnorm1 = without(nn.BatchNorm2d(6, eps=0.001), "weight")', "register_parameter(name, None)"),
    ),
    ("batchnorm:affine=false", (6, 11), "plain", ("nn.BatchNorm2d(1, affine=False)",)),
    ("layernorm", MAP, "keras", ("self.layernorm1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)",)),
    (
        "layernorm:axis=1",
        SQUARE,
        "plain",
        ("self.layernorm1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)", "nn.LayerNorm(6)"),
    ),
    (
        "layernorm:axis=1x3,center=false",
        SQUARE,
        "plain",
        ("self.layernorm1(x.permute(0, 2, 1, 3)).permute(0, 2, 1, 3)", "nn.LayerNorm((6, 9), bias=False)"),
    ),
    ("layernorm:axis=2x3,affine=false", SQUARE, "plain", ("nn.LayerNorm((7, 9), elementwise_affine=False)",)),
    ("groupnorm:3", SQUARE, "plain", ("nn.GroupNorm(3, 6)",)),
    (
        "groupnorm:3,center=false",
        SQUARE,
        "plain",
        ('self.groupnorm1 = without(nn.GroupNorm(3, 6), "bias")',),
    ),
    ("instancenorm", SQUARE, "plain", ("nn.InstanceNorm2d(6)",)),
    (
        "instancenorm:scale=true,center=false",
        SQUARE,
        "torch",
        ('without(nn.InstanceNorm2d(6, affine=True), "bias")',),
    ),
    ("prelu", MAP, "keras", ("self.prelu1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)", "Slopes(7, 9, 6)")),
    ("prelu:shared_axes=1x2", MAP, "keras", ("nn.PReLU(6)",)),
    ("prelu:shared_axes=2x3", SQUARE, "plain", ("self.prelu1 = Slopes(6, 1, 1)",)),
    ("layernorm:scale=false", SQUARE, "plain", ('without(nn.LayerNorm(9), "weight")',)),
    ("lrn:3", MAP, "keras", ("self.lrn1(x.contiguous())",)),  # PyTorch views the values in another shape
    ("avgpool3d:4,p1", (2, 3, 5, 6), "plain", ("self.avgpool3d1(F.pad(x, (1, 1, 1, 1, 1, 1)))",)),
    ("instancenorm:affine=true", SQUARE, "plain", ("nn.InstanceNorm2d(6, affine=True)",)),
    ("lrn:3,alpha=0.001,beta=0.5,offset=2", SQUARE, "plain", ("nn.LocalResponseNorm(3, alpha=0.001, beta=0.5, k=2)",)),
    ("scale:center=true", SQUARE, "plain", ("Scale(6, axes=2, scale=True, center=True)",)),
    ("rescale:2,offset=-1.5", SQUARE, "plain", ("x * 2 + (-1.5)",)),
    (
        [{"op": "rescale", "factor": [1, 2, 3, 4, 5, 6]}],
        SQUARE,
        "plain",
        ("torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], device=x.device).view(-1, 1, 1)",),
    ),
    ([{"op": "normalization", "mean": 0.5, "variance": 4}], SQUARE, "plain", ("x * 0.5 + (-0.25)",)),
    ("leakyrelu", MAP, "keras", ("nn.LeakyReLU(0.3)",)),
    ("elu:alpha=0.5", SQUARE, "plain", ("nn.ELU(0.5)",)),
    ("gelu:approximate=true", SQUARE, "plain", ('nn.GELU(approximate="tanh")',)),
    ("hardsigmoid", SQUARE, "plain", ("nn.Hardsigmoid()",)),
    ("hardsigmoid", SQUARE, "onnx", ("(x * 0.2 + 0.5).clamp(0, 1)",)),
    ("clip:min=-0.25", SQUARE, "plain", ("x.clamp(min=-0.25)",)),
    ("max:value=0.1 min:value=0.2", SQUARE, "plain", ("x.clamp(min=0.1)", "max1.clamp(max=0.2)")),
    ("rescale:-1", SQUARE, "plain", ("rescale1 = -x\n",)),
    ("rescale:1,offset=2", SQUARE, "plain", ("rescale1 = x + 2\n",)),
    ([{"op": "quantize", "scale": 0.1, "zero": [0, 1, 2, 3, 4, 5], "min": 0, "max": 255}], SQUARE, "plain", EACH),
    ("slice:axis=2,step=-1", SQUARE, "plain", ("slice1 = x.flip(2)\n",)),
    ("slice:axis=2,start=5,stop=1,step=-2", SQUARE, "plain", ("x.flip(2)[:, :, 1:5:2]",)),
    ("slice:axis=3,start=-2,step=-1", SQUARE, "plain", ("x.flip(3)[:, :, :, 1:]",)),
    ("unfold:2,p=0+1x1+1", SQUARE, "plain", ("self.unfold1(F.pad(x, (1, 1, 0, 1)))", "nn.Unfold(2)")),
    (
        "pad:p9+2x0+12,mode=circular",
        SQUARE,
        "plain",
        ("x[:, :, torch.arange(-9, 9) % 7][:, :, :, torch.arange(0, 21) % 9]",),
    ),
    ([{"op": "pad", "p": [[-2, 6], [0, 0]], "mode": "circular"}], SQUARE, "plain", ("arange(0, 11) % 5 + 2]",)),
    ([{"op": "exp"}], SQUARE, "plain", ("torch.exp(x)",)),
    ("prelu:num_parameters=6", SQUARE, "plain", ("nn.PReLU(6)",)),
    ("softmax", MAP, "keras", ("nn.Softmax(1)",)),
    ("softmax", SQUARE, "plain", ("nn.Softmax(3)",)),
    ("dropout:rate=0.3", SQUARE, "plain", ("nn.Dropout(0.3)",)),
    ("slice:axis=1,start=1,stop=5,step=2", SQUARE, "plain", ("x[:, 1:5:2]",)),
    ("slice:axis=-1,start=-2", SQUARE, "plain", ("x[:, :, :, 7:]",)),
    ("mean:axis=1x3,keepdims=true", SQUARE, "plain", ("x.mean((1, 3), keepdim=True)",)),
    ("pad:p1+2x0+3,value=2.5", SQUARE, "plain", ("F.pad(x, (0, 3, 1, 2), value=2.5)",)),
    ("pad:p1,mode=edge", SQUARE, "plain", ('F.pad(x, (1, 1, 1, 1), mode="replicate")',)),
    ("pad:p1x2,mode=reflect", MAP, "keras", ('F.pad(x, (2, 2, 1, 1), mode="reflect")',)),
    ("crop:p1+2x0+3", SQUARE, "plain", ("F.pad(x, (0, -3, -1, -2))",)),
    ("upsample:factor=2", SQUARE, "plain", ("nn.Upsample(scale_factor=2)",)),
    (
        "upsample:factor=2,where=half_pixel,round=round_prefer_ceil",
        SQUARE,
        "plain",
        ("nn.Upsample(scale_factor=2, mode='nearest-exact')",),
    ),
    ("upsample:8x10,mode=linear", SQUARE, "plain", ("nn.Upsample(size=(8, 10), mode='bilinear')",)),
    (
        "upsample:factor=2,mode=cubic,align=true",
        SQUARE,
        "plain",
        ("nn.Upsample(scale_factor=2, mode='bicubic', align_corners=True)",),
    ),
    ("pixelshuffle:2", (8, 3, 5), "plain", ("nn.PixelShuffle(2)",)),
    ("channelshuffle:3", SQUARE, "plain", ("nn.ChannelShuffle(3)",)),
    *[
        (word, SQUARE, "plain", (f"nn.{name}()",))
        for word, name in (
            ("relu", "ReLU"),
            ("relu6", "ReLU6"),
            ("silu", "SiLU"),
            ("sigmoid", "Sigmoid"),
            ("tanh", "Tanh"),
            ("mish", "Mish"),
            ("hardswish", "Hardswish"),
            ("selu", "SELU"),
            ("softplus", "Softplus"),
            ("softsign", "Softsign"),
            ("identity", "Identity"),
        )
    ],
    # Branches, shared weights, several outputs, blocks.
    (
        "conv:6,k3,p1,name=a relu conv:6,k3,p1,tie=a add:from=conv1+input",
        SQUARE,
        "plain",
        (
            "def forward(self, image: torch.Tensor) -> torch.Tensor:",
            "x = self.a(image)",
            "x = self.a(x)",
            "add1 = x + image",
        ),
    ),
    (
        "conv:4,name=a conv:3,from=a mul:from=a+a",
        SQUARE,
        "plain",
        ("-> tuple[torch.Tensor, torch.Tensor]:", "mul1 = a * a", "return mul1, conv1"),
    ),
    ("concat:from=input+input conv:4", MAP, "keras", ("torch.cat((image, image), 1)",)),
    (
        [
            {
                "op": "block",
                "name": "stem",
                "layers": [
                    {"op": "conv", "name": "in", "c_o": 6},
                    {"op": "relu"},
                    {"op": "add", "from": ["relu1", "input"]},
                ],
            },
            {
                "op": "block",
                "name": "again",
                "tie": "stem",
                "layers": [
                    {"op": "conv", "name": "in", "c_o": 6},
                    {"op": "relu"},
                    {"op": "add", "from": ["relu1", "input"]},
                ],
            },
            {"op": "linear", "name": "train", "out": 4},
        ],
        SQUARE,
        "plain",
        (
            "class Stem(nn.Module):",
            'self.add_module("in", nn.Conv2d(6, 6, 1))',
            'x = self.get_submodule("in")(image)',
            "self.stem = Stem()",
            "x = self.stem(x)",
            "self.train_2 = nn.Linear(9, 4)",
        ),
    ),
    (
        [{"op": "unfold", "k": 2}, {"op": "fold", "k": 2, "out": [6, 7], "p": [[0, 1], [0, 2]]}],
        (2, 7, 9),
        "plain",
        ("nn.Fold((7, 9), 2)", "F.pad(self.fold1(x), (0, -2, 0, -1))"),
    ),
    (
        [{"op": "attention", "causal": True, "from": ["input"] * 4}],
        (4, 5, 5),
        "plain",
        ("+ torch.full((5, 5)", ".triu(1)"),
    ),
    (
        [
            {"op": "slice", "axis": 1, "stop": 1, "name": "s"},
            {"op": "attention", "from": ["s", "input", "input", "input"]},
        ],
        (4, 5, 5),
        "plain",
        ("(s.expand(-1, 4, -1, -1), ",),
    ),
]


@pytest.mark.parametrize(("layers", "input", "dialect", "parts"), WRITTEN)
def test_what_a_layer_is(layers: Any, input: tuple[int, ...], dialect: str, parts: tuple[str, ...]) -> None:
    text = source(layers, input, dialect)
    compile(text, "net.py", "exec")
    for part in parts:
        assert part in text, text


ALL_LETTERS = "abcdef,ghijkl,mnopqr,stuvwx,yzcdef->a"
REFUSED: list[tuple[Any, Any, str, str]] = [
    ("avgpool:2,d2", SQUARE, "plain", "layers[0] 'avgpool1': PyTorch has no dilated average pool"),
    (
        "avgpool:2,s3",
        (6, 9, 8),
        "caffe",
        "PyTorch drops a last window that starts beyond the map, but this average keeps it\n  round down: ceil=false",
    ),
    (
        "avgpool:4,s2,p0+3x0",
        (6, 9, 8),
        "onnx",
        "PyTorch has no average over [(0, 3), (0, 0)] around the map whose padding d",
    ),
    ("conv:4,flip", SQUARE, "plain", "layers[0] 'conv1': PyTorch has no convolution with a flipped kernel"),
    (
        "relu conv:4",
        ("C", 7, 9),
        "plain",
        "layers[1] 'conv1': PyTorch needs its channels as a number, not C",
    ),
    ("conv:4,k3,s2,p=same", (6, "H", "W"), "plain", "PyTorch has no padding 'same' for an open size"),
    (
        "conv:4,k3,p1,name=a conv:4,k3,s2,p1,tie=a",
        (4, 7, 9),
        "plain",
        "layers[1] 'conv1': PyTorch shares modules, but a is ",
    ),
    (
        [
            {"op": "block", "name": "a", "layers": [{"op": "conv", "c_o": 4}, {"op": "maxpool", "k": 2}]},
            {
                "op": "block",
                "layers": [{"op": "conv", "c_o": 4}, {"op": "maxpool", "k": 3}],
                "tie": "a",
                "from": "input",
            },
        ],
        (4, 7, 9),
        "plain",
        "layers[1] 'block1': PyTorch shares modules, but the layers of a are written differently",
    ),
    ("flatten lrn:3", SQUARE, "plain", "layers[1] 'lrn1': PyTorch has no local response norm of features"),
    (
        "avgpool3d:4,p1,count_include_pad=false",
        (2, 3, 5, 6),
        "plain",
        "PyTorch needs n >= k for an avgpool3d before padding, but 3 < 4",
    ),
    ("globalavgpool instancenorm", SQUARE, "plain", "PyTorch has no instance norm over one value per channel"),
    ("globalavgpool groupnorm:6", SQUARE, "plain", "PyTorch has no group norm over one value per group"),
    ("lppool:3,s2,ceil,norm=-1,p1", (6, 8, 9), "plain", "PyTorch has no lppool of a power below 0 with both padding"),
    ("lrn:4", SQUARE, "onnx", "PyTorch puts an even norm's extra channel before, but this one is after"),
    ("upsample:factor=2,mode=cubic", MAP, "keras", "PyTorch has cubic upsampling over two axes, with A = -0.75"),
    ("normalization", MAP, "keras", "PyTorch has no layer with a learned mean and variance"),
    ("quantize:min=0,max=255", SQUARE, "plain", "no fake quantization with a range per sample\n  give scale"),
    ("reshape:6x1x3x3x7 batchnorm", SQUARE, "plain", "PyTorch has no batchnorm over 4 axes"),
    (
        [
            {"op": "reshape", "out": [2, 3, 7, 9]},
            {"op": "pad", "p": [[0, 1]] * 4, "axis": [1, 2, 3, 4], "mode": "edge"},
        ],
        SQUARE,
        "plain",
        "layers[1] 'pad1': PyTorch has no padding of mode edge over 4 axes\n  use mode=constant",
    ),
    ("pad:p0+12,mode=circular", (6, "H", 9), "plain", "PyTorch needs a size as a number, not H"),
    ("movebatch:1", MAP, "keras", "PyTorch moves the batch only in NCHW\n  give --layout NCHW"),
    ("convT:4,k3,s2,out=19x22", SQUARE, "onnx", "needs an output_padding below max(s, d) = 2, not 4\n  lower out_pad"),
    (
        [
            {"op": "reshape", "out": [1, 3, 2, 1, 7, 9]},
            {"op": "einsum", "equation": ALL_LETTERS, "from": ["reshape1"] * 5},
        ],
        SQUARE,
        "plain",
        "layers[1] 'einsum1': PyTorch needs a letter for the batch, but all are taken\n  use fewer letters",
    ),
    ("convT:4,k2,s2,p0,out_pad=3", SQUARE, "onnx", "must be below"),
    ("unfold1d:2", (2, 4), "plain", "PyTorch has unfold1d only over two axes, but this has 1"),
    (
        [
            {
                "op": "block",
                "name": "b",
                "layers": [{"op": "input", "name": "i", "shape": [9]}, {"op": "add", "value": 2}],
            }
        ],
        SQUARE,
        "plain",
        "PyTorch has no additional input inside a block",
    ),
    (
        [{"op": "block", "layers": [{"op": "movebatch", "to": 1}]}, {"op": "relu"}],
        SQUARE,
        "plain",
        "PyTorch does not move the batch inside a block",
    ),
    (
        [{"op": "opaque", "type": "einsum", "out": [3]}],
        SQUARE,
        "plain",
        "PyTorch cannot express this: nothing is known about what 'einsum' does",
    ),
]


@pytest.mark.parametrize(("layers", "input", "dialect", "what"), REFUSED)
def test_what_pytorch_cannot_say(layers: Any, input: Any, dialect: str, what: str) -> None:
    sizes = "x".join(map(str, input))
    with pytest.raises(cnncalc.CnncalcError) as error:
        source(layers, cnncalc.load(f"{sizes} relu").input, dialect)
    assert all(part in str(error.value) for part in what.split("\n"))


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_of_the_zoo_compiles_and_names_every_layer(name: str) -> None:
    text = source(name)
    compile(text, f"{name}.py", "exec")
    for layer in cnncalc.load(name).nodes:
        called = layer.name if not layer.name[0].isdigit() else f"layer_{layer.name}"
        made = (f"        self.{called} = ", f"        {called} = ", f'        self.add_module("{layer.name}", ')
        assert any(line in text for line in made), called
    assert sum(line.count("(") - line.count(")") for line in text.splitlines()) == 0


def test_modules_have_the_names_of_their_layers() -> None:
    """A state_dict has them, so that it accepts the weights that `--weights-out` writes."""
    layers = [
        {"op": "conv", "name": "features.0", "c_o": 3},
        {"op": "relu", "name": "features.1"},
        {"op": "batchnorm", "name": "features.2.norm"},
        {"op": "conv", "name": "conv1", "c_o": 4},
        {"op": "batchnorm", "name": "conv1.bn"},
        {"op": "relu", "name": "conv1.relu"},
        {"op": "relu", "name": "act.0"},
        {"op": "conv", "name": "attn.keys", "c_o": 2},
        {"op": "conv", "name": "attn.o-1", "c_o": 2},
        {"op": "conv", "name": "a/b", "c_o": 2},
        {"op": "conv", "name": "a/b.in", "c_o": 2},
        {"op": "conv", "name": "train", "c_o": 2},
        {"op": "conv", "name": "x", "c_o": 2, "tie": "train"},
    ]
    text = source(layers, SQUARE)
    compile(text, "net.py", "exec")
    assert (
        text.partition("super().__init__()\n        self.features")[2]
        == """ = nn.ModuleDict({
            "0": nn.Conv2d(6, 3, 1),
            "1": nn.ReLU(),
            "2": nn.ModuleDict({
                "norm": nn.BatchNorm2d(3),
            }),
        })
        self.conv1 = nn.Conv2d(3, 4, 1)
        self.conv1.bn = nn.BatchNorm2d(4)
        self.conv1_relu = nn.ReLU()
        self.act_0 = nn.ReLU()
        self.attn = Group({
            "keys": nn.Conv2d(4, 2, 1),
            "o-1": nn.Conv2d(2, 2, 1),
        })
        self.add_module("a/b", nn.Conv2d(2, 2, 1))
        self.get_submodule("a/b").add_module("in", nn.Conv2d(2, 2, 1))
        self.train_2 = nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features["0"](x)
        x = self.features["1"](x)
        x = self.features["2"]["norm"](x)
        x = self.conv1(x)
        x = self.conv1.bn(x)
        x = self.conv1_relu(x)
        x = self.act_0(x)
        x = self.attn["keys"](x)
        x = self.attn["o-1"](x)
        x = self.get_submodule("a/b")(x)
        x = self.get_submodule("a/b").get_submodule("in")(x)
        x = self.train_2(x)
        x = self.train_2(x)
        return x
"""
    )


def test_names_that_python_takes(tmp_path: Path) -> None:
    layers = [{"op": "relu", "name": name} for name in ("a.b", "a_b", "3x", "class", "_", "é", "x", "forward", "self")]
    text = source(layers, SQUARE)
    compile(text, "net.py", "exec")
    names = [line.split()[0] for line in text.splitlines() if " = nn." in line]
    wanted = ("a_b", "a_b_2", "layer_3x", "class_", "layer", "layer_2", "x_2", "forward_2", "self_2")
    assert names == [f"self.{name}" for name in wanted]
    path = tmp_path / "net.py"
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps({"name": 'say "hi"\\', "input": [3, 7, 9], "layers": [{"op": "relu"}]}))
    assert here(["convert", str(spec), "--to", "torch", "-o", str(path)]) == (0, "", "")
    compile(path.read_text(encoding="utf-8"), "net.py", "exec")


NAMES = [
    *kwlist,
    *softkwlist,
    *(
        "f",
        "F",
        "nn",
        "torch",
        "x",
        "image",
        "self",
        "forward",
        "print",
        "max",
        "true",
        "none",
        "Net",
        "Scale",
        "without",
        "Slopes",
        "joined",
        "Slopes(1)",
    ),
    *("training", "parameters", "train", "T_destination", "modules", "_modules", "_parameters", "_call_impl", "keys"),
    *("__init__", "__class__", "__dict__", "__call__", "_", "__", "__a", "a.__class__", "a._modules", "a.training"),
    *(
        "a b",
        "a-b",
        "a_b",
        "a..b",
        ".",
        "a.",
        "1",
        "1.2",
        "ﬁ",
        "fi",
        "é",
        "e\u0301",
        "ª",
        "λ",
        "{0}",
        "%s",
        "\\",
        '"""',
    ),
]
"""Layer names that are not valid in Python, or mean something else in a module (tried in PyTorch 2.13 and 2.14)."""


@pytest.mark.parametrize("name", NAMES)
def test_names_never_mean_another_thing(name: str) -> None:
    """The source is valid Python; no class, variable or attribute shadows a name that the source or a module needs."""
    block = [{"op": "conv", "c_o": 3, "k": 1, "name": name}, {"op": "scale", "name": f"{name}2"}]
    layers = [
        {"op": "relu", "name": name},
        {"op": "conv", "c_o": 3, "name": f"{name}."},
        {"op": "block", "name": f"q.{name}", "layers": block},
        {"op": "pad", "p": 1, "mode": "reflect", "name": "pp"},
        {"op": "block", "name": f"{name}-", "layers": block[::-1]},
        {"op": "add", "from": ["pp", f"{name}-"]},
        {"op": "concat", "from": [name, f"{name}."]},
    ]
    tree = ast.parse(cnncalc.to_torch({"input": [3, 8, 8], "layers": layers}))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len({one.name for one in classes}) == len(classes) >= 3
    assert {one.name for one in classes if one.name not in HELPER_CLASSES}.isdisjoint(GLOBAL)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert {getattr(one, "name", "") for one in tree.body} & HELPER_CLASSES <= called
    for one in classes:
        for node in ast.walk(one):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and one.name not in HELPER_CLASSES:
                assert node.id not in GLOBAL | {"self"}
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                assert node.attr not in RESERVED
                assert not node.attr.startswith("__")
                assert not iskeyword(node.attr)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_module":
                added = node.args[0]
                if isinstance(added, ast.Constant):
                    assert added.value not in RESERVED
                    assert not re.fullmatch("__.*__", str(added.value))


HELPER_CLASSES = {call[:-1] for call in HELPERS}


@pytest.mark.parametrize(("op", "count"), [("add", 3000), ("min", 200)])
def test_python_nests_what_many_inputs_make(op: str, count: int) -> None:
    """Python refuses 200 nested brackets, and a chain of some thousand operators."""
    names = [f"r{number}" for number in range(count)]
    joined = [{"op": "relu", "name": name} for name in names] + [{"op": op, "from": names}]
    text = cnncalc.to_torch({"input": [1, 3, 5], "layers": joined})
    compile(text, "net.py", "exec")
    assert text.count("joined(") == 2


def test_python_nests_what_names_of_many_parts_make() -> None:
    layers = [{"op": "conv", "c_o": 2, "name": "a." * count + "b"} for count in (1, 40, 60, 126)]
    text = cnncalc.to_torch({"input": [1, 3, 5], "layers": layers})
    compile(text, "net.py", "exec")
    assert text.count("nn.Conv2d(") == 4


def test_names_that_normalize_to_one_are_two() -> None:
    names = ["ﬁ", "fi", "é", "e\u0301", "a b", "a-b", "class", "class_"]
    layers = [{"op": "relu", "name": name} for name in names]
    joined = [*layers, {"op": "concat", "from": names}]
    forward = cnncalc.to_torch({"input": [3, 8, 8], "layers": joined}).partition("def forward")[2]
    made = re.findall(r"^ +(\w+) = ", forward, re.MULTILINE)
    assert len({unicodedata.normalize("NFKC", name) for name in made}) == len(made) == len(names) + 1
