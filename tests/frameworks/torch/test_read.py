"""PyTorch modules read as specs, if PyTorch is installed: the same shapes, parameters and values, by module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks.torch.read import read
from cnncalc.sizes import NOTHING_KNOWN

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class Calls(nn.Module):  # type: ignore[misc,name-defined]
    """A module of one function; with names, it has parameters of these shapes."""

    def __init__(self, function: Callable[..., Any], **shapes: tuple[int, ...]):
        super().__init__()
        self.function = function
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(torch.rand(shape) + 0.5))

    def forward(self, x: Any) -> Any:
        return self.function(x, *self.parameters())


def shuffle(x: Any) -> Any:
    n, c, h, w = x.shape
    return x.view(n, 3, c // 3, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def inplace(x: Any) -> Any:
    y = x * 1.0 + 0.5
    y += x
    y.mul_(2)
    return F.relu_(y)


def gated(x: Any) -> Any:
    gate, value = x.chunk(2, 1)
    return value * gate.sigmoid()


class Steps(nn.Module):  # type: ignore[misc,name-defined]
    """Recurrent cells, run one step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.lstm, self.rnn = nn.GRUCell(9, 4), nn.LSTMCell(4, 5), nn.RNNCell(5, 3)

    def forward(self, x: Any) -> Any:
        h, c = x.new_zeros(x.shape[0], 4), x.new_zeros(x.shape[0], 5)
        d, r = c, x.new_zeros(x.shape[0], 3)
        for at in range(x.shape[1]):
            h = self.gru(x[:, at], h)
            c, d = self.lstm(h, (c, d))
            r = self.rnn(c, r)
        return r


def written(x: Any) -> Any:
    y = torch.zeros_like(x)
    y[:, :-1, 2] = x[:, 1:, 2]
    y[:, 1:3].add_(x[:, 1:3])
    y[:, ::2, 1] = 5
    return y


def folded(x: Any) -> Any:
    """Run each frame of a video through a convolution, and a gate: all frames are samples until the end."""
    y = F.conv2d(x.flatten(0, 1), torch.linspace(-1, 1, 108).view(4, 3, 3, 3))
    return (y * y.sigmoid()).unflatten(0, (len(x), 5))


def erased(x: Any) -> Any:
    y = x.clone()
    y.select(dim=1, index=2).fill_(3)
    y.narrow(dim=2, start=1, length=3).mul_(2)
    y[:, 0][:, 1].zero_()
    return y


def in_parts(x: Any) -> Any:
    y = x.clone()
    a, b = y.split([2, 4], dim=1)
    a.mul_(3)
    b[:, 1] = 5
    y.chunk(3, 2)[1].add_(1)
    y.unbind(1)[3].sub_(2)
    return y


def on_the_diagonal(x: Any) -> Any:
    y = x.clone()
    y.diagonal(0, 2, 3).mul_(2)
    return y


def in_another_order(x: Any) -> Any:
    y = x.clone()
    y.permute(0, 3, 1, 2)[:, 2] = 4
    y.movedim(1, 2)[:, 0] = 3
    y.permute(dims=[0, 2, 1, 3])[:, 1] = 6
    y.movedim(destination=-1, source=1)[..., 0] += 2
    y.mT.mul_(2)
    y.view(len(x), -1)[:, 3:50] = 8
    return y


def seen_again(x: Any) -> Any:
    y = x.clone()
    z = y[:, :3]
    w = z[:, 0]
    v = y[:, :, 0].unsqueeze(2)
    y.add_(1)
    w.mul_(2)
    return z + v[:, 3:] - F.relu(y.flatten(2), True)[:, :3].unflatten(2, (7, 9)) + y[:, :3]


def beside(x: Any) -> Any:
    """Write to a value that does not depend on the input, before and after it is read."""
    b = torch.zeros(7, 9)
    c, y = b[2], x + b
    b += 1
    b.view(-1)[3:30] += 1
    z = y + b
    b[1:3] = x[0, 0, 0]
    return z + c


class Attends(nn.Module):  # type: ignore[misc,name-defined]
    """Multi-head self-attention with a mask."""

    def __init__(self, mask: Callable[[], Any], **keys: Any) -> None:
        super().__init__()
        self.mask, self.attention = mask, nn.MultiheadAttention(8, 2, batch_first=True, **keys)

    def forward(self, x: Any) -> Any:
        return self.attention(x, x, x, attn_mask=self.mask(), need_weights=False)[0]


class Crosses(nn.Module):  # type: ignore[misc,name-defined]
    """Multi-head attention of a value to some of its features."""

    def __init__(self, attention: Any, keys: int, values: int) -> None:
        super().__init__()
        self.attention, self.keys, self.values = attention, keys, values

    def forward(self, x: Any) -> Any:
        key = x[:, :3, : self.keys]
        return self.attention(x, key, key if self.keys == self.values else x[:, :3, : self.values])[0]


def masked(x: Any, w: Any, b: Any, o: Any, p: Any) -> Any:
    """Multi-head attention with a boolean mask, as a function."""
    y, mask = x.transpose(0, 1), torch.ones(5, 5).triu(1).bool()
    keys = {"training": False, "need_weights": False, "attn_mask": mask}
    return F.multi_head_attention_forward(y, y, y, 8, 2, w, b, None, None, False, 0.0, o, p, **keys)[0].transpose(0, 1)


class First(nn.Module):  # type: ignore[misc,name-defined]
    """The first result of a module that reads a value several times."""

    def __init__(self, module: Any, count: int = 1) -> None:
        super().__init__()
        self.module, self.count = module, count

    def forward(self, x: Any) -> Any:
        return self.module(*[x] * self.count)[0]


class Begun(nn.Module):  # type: ignore[misc,name-defined]
    """A recurrent layer with initial states computed from its input, as many as it has layers and directions."""

    def __init__(self, recurrent: Any, count: int, states: int = 1) -> None:
        super().__init__()
        self.recurrent, self.count, self.states = recurrent, count, states

    def forward(self, x: Any) -> Any:
        begin = [x[:, at : at + self.count, :6].transpose(0, 1).contiguous() for at in range(self.states)]
        steps, last = self.recurrent(x, begin[0] if self.states == 1 else tuple(begin))
        return steps + (last if self.states == 1 else last[1])[-1][:, None].repeat(1, 1, steps.shape[2] // 6)


def by_shape(x: Any) -> Any:
    return F.interpolate(x, size=(8, 9)) if x.shape[2] < 8 else x


SQUARE = (6, 7, 9)
READ: list[tuple[Callable[[], Any], tuple[int, ...], list[str] | None]] = [
    (lambda: nn.Conv2d(6, 8, (3, 5), (2, 1), (1, 2), (1, 2), 2), SQUARE, ["conv"]),
    (lambda: nn.Conv2d(6, 8, 3, padding="same", bias=False), SQUARE, ["conv"]),
    (lambda: nn.Conv2d(6, 12, 3, groups=6), SQUARE, ["dwconv"]),
    (lambda: nn.Conv2d(6, 8, 3, padding=1, padding_mode="reflect"), SQUARE, ["pad", "conv"]),
    (lambda: nn.Conv1d(6, 8, 3), (6, 11), ["conv1d"]),
    (lambda: nn.Conv3d(2, 3, (1, 2, 3)), (2, 4, 5, 7), ["conv3d"]),
    (lambda: nn.ConvTranspose2d(6, 4, 3, 2, 1, 1, 2, False, 1), SQUARE, ["convT"]),
    (lambda: nn.ConvTranspose1d(6, 4, 3, 2), (6, 11), ["convT1d"]),
    (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), SQUARE, ["maxpool"]),
    (lambda: nn.MaxPool2d(2, 1, dilation=3), SQUARE, ["maxpool"]),
    (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), SQUARE, ["avgpool"]),
    (lambda: nn.AvgPool1d(3), (6, 11), ["avgpool1d"]),
    (lambda: nn.LPPool2d(2, 3, 2), SQUARE, ["lppool"]),
    (lambda: nn.AdaptiveAvgPool2d((2, 3)), SQUARE, ["adaptiveavgpool"]),
    (lambda: nn.AdaptiveMaxPool2d((None, 3)), SQUARE, ["adaptivemaxpool"]),
    (lambda: nn.AdaptiveAvgPool2d(1), SQUARE, ["globalavgpool"]),
    (lambda: nn.Linear(9, 5, bias=False), SQUARE, ["linear"]),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(378, 5)), SQUARE, ["flatten", "linear"]),
    (lambda: nn.Flatten(2), SQUARE, ["reshape"]),
    (lambda: nn.BatchNorm2d(6, 1e-3), SQUARE, ["batchnorm"]),
    (lambda: nn.BatchNorm2d(6, affine=False), SQUARE, ["batchnorm"]),
    (lambda: nn.LayerNorm((7, 9)), SQUARE, ["layernorm"]),
    (lambda: nn.LayerNorm(9, 1e-6, bias=False), SQUARE, ["layernorm"]),
    (lambda: nn.GroupNorm(3, 6), SQUARE, ["groupnorm"]),
    (lambda: nn.InstanceNorm2d(6, affine=True), SQUARE, ["instancenorm"]),
    (lambda: nn.InstanceNorm2d(6), SQUARE, ["instancenorm"]),
    (lambda: nn.LocalResponseNorm(3, 1e-3, 0.5, 2.0), SQUARE, ["lrn"]),
    (lambda: nn.PReLU(6), SQUARE, ["prelu"]),
    (nn.PReLU, SQUARE, ["prelu"]),
    *[
        (lambda function=function: Calls(function), SQUARE, ["quantize"])
        for function in (
            lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 3, 0, 255),
            lambda x: torch.fake_quantize_per_channel_affine(
                x, torch.arange(1.0, 7) / 9, torch.arange(6).int(), 1, -8, 7
            ),
        )
    ],
    *[
        (lambda module=module: module, SQUARE, [op])
        for module, op in [
            (nn.ReLU(inplace=True), "relu"),
            (nn.ReLU6(), "relu6"),
            (nn.LeakyReLU(0.2), "leakyrelu"),
            (nn.ELU(0.5), "elu"),
            (nn.GELU(), "gelu"),
            (nn.GELU("tanh"), "gelu"),
            (nn.SiLU(inplace=True), "silu"),
            (nn.Mish(), "mish"),
            (nn.SELU(), "selu"),
            (nn.Softplus(), "softplus"),
            (nn.Softsign(), "softsign"),
            (nn.Sigmoid(), "sigmoid"),
            (nn.Tanh(), "tanh"),
            (nn.Hardswish(), "hardswish"),
            (nn.Hardsigmoid(), "hardsigmoid"),
            (nn.Hardtanh(-2, 3), "clip"),
            (nn.Softmax(1), "softmax"),
            (nn.Dropout2d(0.3), "dropout"),
            (nn.Identity(), "identity"),
            (nn.Upsample(scale_factor=2), "upsample"),
            (nn.Upsample((8, 10), mode="bilinear", align_corners=True), "upsample"),
            (nn.ChannelShuffle(3), "channelshuffle"),
            (nn.ZeroPad2d((1, 2, 3, 0)), "pad"),
            (nn.ReflectionPad2d(2), "pad"),
            (nn.ReplicationPad2d((0, 1, 2, 3)), "pad"),
        ]
    ],
    (lambda: nn.PixelShuffle(2), (8, 3, 5), ["pixelshuffle"]),
    (lambda: nn.ZeroPad2d((-1, 2, 3, -2)), SQUARE, ["pad", "crop"]),
    (lambda: Calls(lambda x: F.pad(x, (1, 2), value=3.0)), SQUARE, ["pad"]),
    (lambda: Calls(lambda x: F.max_pool2d(F.pad(x, (0, 1, 1, 0), value=-float("inf")), 3, 2)), SQUARE, ["maxpool"]),
    (lambda: Calls(lambda x: x + torch.full((6, 1, 1), 2.0, device=x.device)), SQUARE, ["rescale"]),
    (lambda: Calls(lambda x: torch.relu(x).clamp(max=0.5)), SQUARE, ["relu", "clip"]),
    (lambda: Calls(lambda x: x.permute(0, 2, 3, 1).transpose(1, -1)), SQUARE, ["permute", "permute"]),
    (lambda: Calls(lambda x: x.movedim(1, -1)), SQUARE, ["permute"]),
    (lambda: Calls(lambda x: x.view(x.size(0), -1)), SQUARE, ["flatten"]),
    (lambda: Calls(lambda x: x.reshape(-1, 6, 63).unsqueeze(2).squeeze(2)), SQUARE, ["reshape"] * 3),
    (lambda: Calls(lambda x: torch.cat((x, x.sigmoid()), 1)), SQUARE, ["sigmoid", "concat"]),
    (lambda: Calls(lambda x: torch.cat((x, x.sigmoid()), dim=-1)), SQUARE, ["sigmoid", "concat"]),
    (
        lambda: Calls(gated),
        SQUARE,
        ["slice"] * 2 + ["sigmoid", "mul"],
    ),
    (lambda: Calls(lambda x: x.split([2, 4], 1)[1]), SQUARE, ["slice"]),
    (lambda: Calls(lambda x: torch.split(x, 3, dim=3)[2]), SQUARE, ["slice"]),
    (lambda: Calls(lambda x: x[:, 1:4, ..., ::2]), SQUARE, ["slice", "slice"]),
    (lambda: Calls(lambda x: x[:, 0]), SQUARE, ["slice", "reshape"]),
    (lambda: Calls(lambda x: x.narrow(2, 1, 4)), SQUARE, ["slice"]),
    (lambda: Calls(lambda x: x.narrow(2, -3, 3)), SQUARE, ["slice"]),
    (lambda: Calls(lambda x: x.select(3, -1)), SQUARE, ["slice", "reshape"]),
    (lambda: Calls(lambda x: x.mean((2, 3))), SQUARE, ["globalavgpool"]),
    (lambda: Calls(lambda x: x.mean([1, -1], keepdim=True)), SQUARE, ["mean"]),
    (lambda: Calls(lambda x: x.amax((-1, -2), keepdim=True)), SQUARE, ["globalmaxpool"]),
    (lambda: Calls(lambda x: x - x.tanh()), SQUARE, ["tanh", "sub"]),
    (lambda: Calls(lambda x: torch.rsub(x, x.tanh())), SQUARE, ["tanh", "sub"]),
    (lambda: Calls(lambda x: torch.rsub(x, 3, alpha=2)), SQUARE, ["rescale", "rescale"]),
    (lambda: Calls(lambda x: (1 - x / 4) - 2), SQUARE, ["rescale"] * 3),
    (lambda: Calls(lambda x: -x * torch.arange(6.0).view(6, 1, 1)), SQUARE, ["rescale"] * 2),
    (lambda: Calls(lambda x, w: w * x, w=(6, 1, 1)), SQUARE, ["scale"]),
    (lambda: Calls(lambda x, b: x + b, b=(1, 6, 1, 1)), SQUARE, ["scale"]),
    (lambda: Calls(lambda x, w: F.conv2d(x, w, stride=2), w=(4, 6, 3, 2)), SQUARE, ["conv"]),
    (lambda: Calls(lambda x: x.cumsum(1)), SQUARE, ["cumsum"]),
    (lambda: Calls(lambda x, w: x + w, w=SQUARE), SQUARE, ["constant", "add"]),
    (lambda: Calls(lambda x, w: x / w, w=(7, 9)), SQUARE, ["constant", "div"]),
    (lambda: Calls(lambda x: 2 / (x + 3)), SQUARE, ["rescale", "reciprocal", "rescale"]),
    (lambda: Calls(lambda x: torch.maximum(x, x.tanh()).pow(3)), SQUARE, ["tanh", "max", "pow"]),
    (lambda: Calls(lambda x: torch.where(x > 0, x, x * 0.1)), SQUARE, ["compare", "rescale", "where"]),
    (lambda: nn.AvgPool2d(2, divisor_override=3), SQUARE, ["avgpool", "rescale"]),
    (lambda: nn.AvgPool2d(2, 2, 1, True, False, 3), SQUARE, ["pad", "avgpool", "rescale"]),
    (lambda: nn.AvgPool3d(2, (2, 1, 3), 1, True, True, 5), (3, 5, 6, 7), ["pad", "avgpool3d", "rescale"]),
    (lambda: Calls(lambda x: F.softplus(x, 2)), SQUARE, ["rescale", "softplus", "rescale"]),
    (lambda: nn.Softplus(1, 0.2), SQUARE, ["softplus", "compare", "where"]),
    (lambda: nn.Softplus(2, 0.3), SQUARE, ["rescale", "softplus", "rescale", "compare", "where"]),
    (lambda: Calls(lambda x: F.interpolate(x, (3, 4), mode="area")), SQUARE, ["adaptiveavgpool"]),
    *[
        (lambda size=size: Calls(lambda x: F.interpolate(x, **size, mode="nearest-exact")), shape, ["upsample"])
        for size, shape in [
            ({"size": (3, 4)}, SQUARE),
            ({"size": (13, 5)}, SQUARE),
            ({"scale_factor": 1.3}, SQUARE),
            ({"size": 9}, (2, 100)),  # unit 4 is at 50 in exact arithmetic, and before it in float32
            ({"scale_factor": 0.3}, (2, 100)),
        ]
    ],
    *[
        (
            lambda size=size, mode=mode: Calls(lambda x: F.interpolate(x, size, mode=mode, antialias=True)),
            SQUARE,
            ["upsample"],
        )
        for size in [(3, 4), (13, 5), (13, 15)]
        for mode in ("bilinear", "bicubic")
    ],
    (lambda: nn.CircularPad2d((-1, -1, 2, -1)), SQUARE, ["crop", "pad"]),
    (lambda: nn.CircularPad1d((-3, 5)), (2, 9), ["crop", "pad"]),
    (lambda: Calls(lambda x: torch.remainder(x * 9, -1.5)), SQUARE, None),
    (lambda: Calls(lambda x: torch.fmod(x * 9, x.mean(1, keepdim=True))), SQUARE, None),
    (lambda: Calls(lambda x: (x * 200).round() % 49), SQUARE, None),
    (lambda: Calls(lambda x: (x * 200).round() // 49), SQUARE, None),
    (lambda: Calls(lambda x: 5 % (x + 2)), SQUARE, None),
    (lambda: Calls(lambda x, w, b: F.linear(x, w * 2, b), w=(4, 9), b=(4,)), SQUARE, None),
    (lambda: Calls(lambda x: x @ x.t()), (5,), None),
    (lambda: Calls(lambda x: x.t() @ x), (5,), None),
    (lambda: Calls(lambda x, w: torch.einsum("bij,bj->bi", x, w), w=(1, 9)), (7, 9), None),
    (lambda: Calls(lambda x: F.scaled_dot_product_attention(x, x[:, :3], x[:, :3], enable_gqa=True)), SQUARE, None),
    *[
        (lambda mask=mask: Calls(lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=mask(x))), (6, 5, 4), None)
        for mask in (
            lambda x: torch.ones(5, 5).tril(),
            lambda x: torch.ones(5, 5).tril().bool(),
            lambda x: x @ x.transpose(2, 3) > -1,
            lambda x: (x @ x.transpose(2, 3)).tanh(),
        )
    ],
    (lambda: Calls(lambda x: x @ x.transpose(2, 3)), (2, 4, 5), ["permute", "matmul"]),
    (lambda: Calls(lambda x, w: x @ w, w=(9, 4)), SQUARE, ["linear"]),
    (lambda: Calls(lambda x, w: w @ x, w=(4, 7)), SQUARE, ["constant", "matmul"]),
    (lambda: Calls(lambda x: torch.einsum("nchw,ncij->nhi", x, x)), (2, 4, 5), ["einsum"]),
    (lambda: Calls(lambda x: F.interpolate(x, size=(3, 4), mode="area")), SQUARE, ["adaptiveavgpool"]),
    (lambda: Calls(lambda x: x.std((2, 3))), SQUARE, None),
    (lambda: Calls(lambda x: F.normalize(x, dim=1)), SQUARE, ["normalize"]),
    (lambda: Calls(lambda x: x.norm(dim=2)), SQUARE, ["l2"]),
    (lambda: Calls(lambda x: torch.stack([x, x.tanh()], 2).amax(2)), SQUARE, ["tanh", "stack", "max"]),
    (lambda: Calls(lambda x: x.flip(3).roll((1, 2), (1, 2))), SQUARE, ["slice", "roll"]),
    (lambda: Calls(lambda x: x[:, [2, 0]]), SQUARE, ["gather"]),
    (lambda: Calls(lambda x: x[:, [True, False, True, True, False, False]]), SQUARE, ["gather"]),
    (lambda: Calls(lambda x: x[..., torch.arange(9) > 6][:, :, torch.arange(7) == 2]), SQUARE, None),
    (lambda: Calls(lambda x: x.unfold(2, 3, 2)), SQUARE, ["gather", "permute"]),
    (lambda: nn.Unfold(3, padding=1, stride=2), SQUARE, ["unfold"]),
    (lambda: nn.PixelUnshuffle(3), (2, 6, 9), ["pixelunshuffle"]),
    (lambda: Calls(written), SQUARE, None),
    (Steps, (3, 9), None),
    (lambda: nn.Sequential(nn.Flatten(2), nn.LSTM(9, 4, 2, bidirectional=True, batch_first=True)), (5, 3, 3), None),
    (
        lambda: nn.Sequential(nn.Flatten(1, 2), nn.TransformerEncoderLayer(8, 2, 9, batch_first=True)),
        (2, 5, 8),
        None,
    ),
    (lambda: Calls(lambda x: torch.where(~(x > 0), x, 1.0)), SQUARE, ["compare", "compare", "constant", "where"]),
    (lambda: Calls(lambda x: torch.where(x < 0.1, x, 0.5)), SQUARE, ["compare", "constant", "where"]),
    (lambda: Calls(lambda x: (torch.arange(9.0) / 9 - 0.5 < x).float()), SQUARE, ["constant", "compare"]),
    (lambda: Calls(lambda x: torch.where((torch.arange(9) > 2) & (x > 0), x, 0.5)), SQUARE, None),
    (lambda: Calls(lambda x: torch.where((x > 0) | (torch.arange(9) > 2), x, 0.5)), SQUARE, None),
    (lambda: Calls(lambda x: 7 // (x + 2)), SQUARE, ["rescale", "constant", "div", "floor"]),
    (lambda: Calls(lambda x: x / torch.tensor([0.0, 1, 2, 3, 4, 5]).view(6, 1, 1)), SQUARE, ["constant", "div"]),
    (lambda: Calls(lambda x, a, b: torch.addcmul(x, a, b, value=3), a=(9,), b=(7, 1)), SQUARE, None),
    (lambda: Calls(lambda x, a: torch.addcdiv(a, x, x.exp()), a=(9,)), SQUARE, None),
    (lambda: Calls(lambda x: x.clamp(torch.tensor(-0.1), torch.tensor(0.2))), SQUARE, ["clip"]),
    (lambda: Calls(lambda x: x.clamp(True)), SQUARE, ["clip"]),
    (lambda: Calls(lambda x: x.clamp(0, float("inf"))), SQUARE, ["relu"]),
    (lambda: Calls(lambda x: x.clamp(0.3, 0.2)), SQUARE, ["clip"]),
    (lambda: Calls(lambda x: x.clamp(-1e30, 0.2)), SQUARE, ["clip"]),
    (lambda: Calls(lambda x, a: x.clamp(max=a), a=()), SQUARE, ["constant", "min"]),
    (
        lambda: Calls(lambda x: x.clamp(x.mean(1, keepdim=True), torch.arange(9.0) / 20)),
        SQUARE,
        ["mean", "max", "constant", "min"],
    ),
    (lambda: Calls(F.softmax), (5, 7), ["softmax"]),
    (lambda: Calls(F.softmin), (5,), ["neg", "softmax"]),
    (lambda: Calls(lambda x: F.softmax(F.conv2d(x, torch.ones(4, 3, 2, 2)), 0)), (3, 4, 6), None),
    (lambda: Calls(lambda x: F.rms_norm(x, (7, 9), eps=0.1)), SQUARE, ["square", "mean", "rescale", "rsqrt", "mul"]),
    (lambda: Calls(lambda x, w: F.rms_norm(x, (9,), w), w=(9,)), SQUARE, None),
    (lambda: nn.InstanceNorm2d(6, affine=True, track_running_stats=True), SQUARE, ["batchnorm"]),
    (lambda: nn.CELU(0.5), SQUARE, ["celu"]),
    (lambda: nn.RReLU(0.1, 0.3), SQUARE, ["leakyrelu"]),
    (lambda: nn.GLU(1), SQUARE, ["slice", "slice", "sigmoid", "mul"]),
    (lambda: Calls(lambda x: (x + 1).log2() - (x + 2).log10()), SQUARE, None),
    (lambda: Calls(lambda x: torch.maximum(torch.arange(9.0), x) + x.max(torch.arange(7.0)[:, None])), SQUARE, None),
    (lambda: Calls(lambda x: torch.arange(9.0) ** x - 2**x), SQUARE, None),
    (lambda: Calls(lambda x: (x**2 + 1) ** -0.5), SQUARE, ["square", "rescale", "rsqrt"]),
    (lambda: Calls(lambda x: x.add(x.tanh(), alpha=3).sub(torch.arange(9.0), alpha=2)), SQUARE, None),
    (lambda: Calls(lambda x, a: torch.lerp(x, x.tanh(), 0.3) * a, a=()), SQUARE, None),
    (lambda: Calls(lambda x: x.masked_fill(torch.arange(9) > 3, float("-inf")).exp()), SQUARE, None),
    (lambda: Calls(lambda x: x.max(1)[0] + x.max(dim=2, keepdim=True)[0].amin(1) + x.min()), SQUARE, None),
    (lambda: Calls(lambda x: x.std(False) + x.var(1, unbiased=False) + x.std(1, correction=2)), SQUARE, None),
    (
        lambda: Calls(
            lambda x: torch.add(*torch.std_mean(x, 1, False, True)) * torch.var_mean(x, (2, 3))[1][..., None, None]
        ),
        SQUARE,
        None,
    ),
    (lambda: Calls(lambda x: x.mean(axis=1, keepdims=True) + x.sum([])), SQUARE, None),
    (lambda: Calls(lambda x: x.mean((1, 2, 3)) + x.permute(1, 2, 3, 0)), SQUARE, None),
    (lambda: Calls(lambda x: (x.flatten(0, 1) * x.flatten(0, 1).sigmoid()).view(len(x), -1, 9)), SQUARE, None),
    (lambda: Calls(lambda x: x.tanh().permute(1, 0, 2, 3).flatten(0, 1)), SQUARE, None),
    (lambda: Calls(folded), (5, 3, 7, 6), ["tobatch", "conv", "sigmoid", "mul", "frombatch"]),
    (lambda: Calls(lambda x: torch.hstack([x, x.tanh()]).unsqueeze(1)[:, None]), SQUARE, None),
    (lambda: Calls(lambda x: torch.cat([torch.stack([x], 1), torch.ones(0)], 1).squeeze()), SQUARE, None),
    (lambda: Calls(lambda x: x.repeat_interleave(3, 1)), SQUARE, ["gather"]),
    (lambda: Calls(lambda x: x.expand(1, -1, -1, -1, -1)[0].mT), SQUARE, None),
    (lambda: Calls(lambda x: x.mean(())), SQUARE, ["mean"]),
    (lambda: Calls(lambda x: x.mean().sum() + x), SQUARE, ["mean", "add"]),
    *[
        (lambda p=p, dim=dim: Calls(lambda x: torch.linalg.vector_norm(x, p, dim=dim)), SQUARE, ops)
        for p, dim, ops in [
            (2, 1, ["l2"]),
            (3, (1, 2), ["abs", "pow", "sum", "pow"]),
            (float("inf"), -1, ["abs", "max"]),
            (-float("inf"), 2, ["abs", "min"]),
        ]
    ],
    (lambda: Calls(lambda x: torch.linalg.norm(x, dim=(2, 3))), SQUARE, ["l2"]),
    (lambda: Calls(lambda x: torch.linalg.norm(x, 1, dim=2)), SQUARE, ["l1"]),
    (lambda: Calls(lambda x: F.cosine_similarity(x[:, :1], x, dim=1)), SQUARE, None),
    (lambda: Calls(lambda x: F.cosine_similarity(x[:, :, :1], x[..., :1], dim=1)), SQUARE, None),
    (lambda: Calls(lambda x: x.split(6, 1)[0]), SQUARE, ["identity"]),
    (lambda: Calls(lambda x: x[: x.shape[0], 1, :1][:, 0]), SQUARE, ["slice", "slice", "reshape", "flatten"]),
    (lambda: Calls(lambda x: x[:, torch.tensor(2)]), SQUARE, ["slice", "reshape"]),
    (lambda: Calls(lambda x: x[:, :, torch.eye(7, 9) > 0]), SQUARE, ["reshape", "gather"]),
    (lambda: Calls(lambda x: x.index_select(1, torch.tensor([2, 0]))), SQUARE, ["gather"]),
    (lambda: Calls(lambda x: x.clone().copy_(x[:, :, :1])), SQUARE, ["slice", "expand"]),
    (lambda: Calls(lambda x: x.flatten(0, 1) * torch.arange(7.0).view(1, 7, 1)), SQUARE, None),
    (lambda: First(Calls(lambda x: nn.functional.pad(x, (1, 2, 0, 1, 1, 1), mode="circular")[None])), SQUARE, None),
    (lambda: Calls(lambda x: F.fold(x, (4, 5), (2, 2))), (12, 12), ["fold"]),
    (lambda: Calls(lambda x: x.clone().copy_(torch.arange(9.0)) + x), SQUARE, ["constant", "expand", "add"]),
    *[(lambda f=f: Calls(f), SQUARE, None) for f in (erased, in_parts, in_another_order, seen_again, beside)],
    (lambda: Calls(lambda x: x.sum(1).T), (5,), ["sum"]),
    (lambda: Calls(lambda x: x.mean(0).expand(2, 6, 7, 9)), SQUARE, ["mean", "expand"]),
    (lambda: Calls(lambda x: x.mean(0, keepdim=True).expand(len(x), -1, -1, -1) + x), SQUARE, None),
    (lambda: Calls(lambda x: x[:, :, 0, 0].expand(4, -1, -1)), SQUARE, None),
    (lambda: Calls(lambda x: x.repeat(1, 1, 1, 1).expand(-1, -1, -1, -1)), SQUARE, ["identity"]),
    (lambda: Calls(lambda x: x.repeat(2, 1, 1, 1)), SQUARE, ["tile"]),
    (lambda: Calls(lambda x: F.pad(x, (-1, 1, 1, -1, 1, -2), mode="circular")), SQUARE, ["pad", "pad"]),
    (lambda: Calls(lambda x: x.cpu().to("cpu").to(torch.device("cpu")) + 1), SQUARE, ["rescale"]),
    *[
        (lambda function=function, shapes=shapes: Calls(function, **shapes), shape, ops)
        for function, shapes, shape, ops in [
            (lambda x, w, v: F.linear(x, w @ v), {"w": (4, 5), "v": (5, 9)}, SQUARE, None),
            (lambda x, w, v, b: F.linear(x, w @ v, b), {"w": (4, 5), "v": (5, 9), "b": (4,)}, SQUARE, None),
            (lambda x, w: x.__rmatmul__(w), {"w": (4, 7)}, SQUARE, ["constant", "matmul"]),
            (lambda x, w: w @ x, {"w": (7,)}, SQUARE, ["constant", "matmul"]),
            (lambda x, w: w @ x.t(), {"w": (4, 5)}, (5,), None),
            (lambda x, w: (w @ x.t()).t(), {"w": (4, 5)}, (5,), None),
            (lambda x, w: w @ x.permute(1, 2, 0), {"w": (3, 4, 7)}, (3, 7), None),
            (lambda x, w: x.permute(1, 0, 2) @ w, {"w": (3, 7, 4)}, (3, 7), None),
            (lambda x, w: w @ x.flatten(0, 1).t(), {"w": (4, 7)}, (3, 7), None),
            (lambda x, w: w @ x.flatten(0, 1).t() + 1, {"w": (7,)}, (3, 7), None),
            (lambda x, w: torch.mv(w, x[0]), {"w": (3, 5)}, (5,), None),
            (lambda x, b, w: torch.addmm(b, x, w, beta=0.5, alpha=2), {"b": (4,), "w": (5, 4)}, (5,), None),
            (lambda x, b: torch.baddbmm(b, batch1=x, batch2=x.mT), {"b": (1, 4, 4)}, (4, 5), None),
            (lambda x, w: torch.einsum("...j,...j", x, w), {"w": (5,)}, (4, 5), None),
            (lambda x, w: F.embedding((x * 9).long().clamp(0, 3), w), {"w": (4, 5)}, (7,), None),
            (masked, {"w": (24, 8), "b": (24,), "o": (8, 8), "p": (8,)}, (5, 8), None),
            (lambda x, w: torch.einsum("bij,bkj->bik", x, w + x.mean() * 0), {"w": (1, 3, 5)}, (4, 5), None),
        ]
    ],
    (lambda: Calls(lambda x: torch.einsum("bij,cij->bc", x, x)), (4, 5), ["einsum"]),
    (lambda: Calls(lambda x: torch.einsum("bij,bkj->bik", x, x.mean(0, keepdim=True))), (4, 5), ["mean", "einsum"]),
    (lambda: Calls(lambda x: F.scaled_dot_product_attention(x, x, x)), (5,), ["attention"]),
    (lambda: Calls(lambda x: F.scaled_dot_product_attention(x, x, x, enable_gqa=True)), SQUARE, ["attention"]),
    *[
        (lambda mask=mask, keys=keys: Attends(mask, **keys), (5, 8), None)
        for mask, keys in [
            (lambda: torch.ones(5, 5).triu(1).bool(), {}),
            (lambda: torch.ones(5, 5).triu(1) * -3, {"bias": False}),
            (lambda: None, {"kdim": 8, "vdim": 8}),
        ]
    ],
    (lambda: Crosses(nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=4), 6, 4), (5, 8), None),
    (lambda: Crosses(nn.MultiheadAttention(8, 2, batch_first=True), 8, 8), (5, 8), None),
    (lambda: Begun(nn.GRU(8, 6, 2, batch_first=True), 2), (5, 8), None),
    (lambda: Begun(nn.GRU(8, 6, 2, batch_first=True, bidirectional=True), 4), (5, 8), None),
    (lambda: Begun(nn.RNN(8, 6, 1, "relu", batch_first=True), 1), (5, 8), None),
    (lambda: Begun(nn.LSTM(8, 6, 2, batch_first=True), 2, 2), (5, 8), None),
    (lambda: Calls(shuffle), SQUARE, ["channelshuffle"]),
    (  # what is joined is not what was split
        lambda: Calls(lambda x: x.unsqueeze(4).transpose(1, 2).reshape(-1, 1, 9, 1, 3)),
        (1, 1, 9, 3),
        ["reshape", "permute", "reshape"],
    ),
    (lambda: Calls(inplace), SQUARE, ["rescale", "add", "rescale", "relu"]),
    (lambda: Calls(by_shape), SQUARE, ["upsample"]),
]


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize(
    ("make", "input", "ops"), READ, ids=[f"{i}-{'+'.join(row[2] or [])}" for i, row in enumerate(READ)]
)
def test_the_same_shapes_parameters_and_values(
    make: Callable[[], Any], input: tuple[int, ...], ops: list[str] | None
) -> None:
    torch.manual_seed(0)
    module = make().eval()
    for buffer in module.buffers():
        buffer.copy_(torch.rand(buffer.shape) + 0.5) if buffer.is_floating_point() else None
    network = cnncalc.from_torch(module, (2, *input))
    report = cnncalc.shape(network)
    found = [layer.op for layer in report.layers]
    assert "opaque" not in found
    assert found == (found if ops is None else ops)
    x = torch.rand((2, *input)) - 0.5
    with torch.no_grad():
        y = module(x.clone())
    y = (y[0] if isinstance(y, tuple) else y).numpy()
    assert report.out == y.shape
    assert report.params == sum(p.numel() for p in module.parameters())
    weights = {name: array() for name, array in read(module, (2, *input)).weights.items()}
    np.testing.assert_allclose(cnncalc.run(network, x.numpy(), weights), y, rtol=1e-4, atol=1e-5)


OPAQUE: list[tuple[Callable[[], Any], tuple[int, ...], tuple[int, ...], int | None]] = [
    (lambda: Calls(lambda x: x.sort(1)[1]), SQUARE, SQUARE, 0),
    (lambda: nn.BatchNorm2d(6, track_running_stats=False), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: x.flatten(2).topk(3, -1)[0]), SQUARE, (6, 3), 0),
    (lambda: Calls(lambda x: ((x * 9).int() & (x * 5).int()).float()), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: (~(x * 9).int()).float()), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: x.bool().float() + torch.round(x, decimals=1)), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: x[:, :1].std(1)), SQUARE, (7, 9), 0),
    (lambda: Calls(lambda x: torch.column_stack([x.sum(1), x.mean(1)])), (5,), (2,), 0),
    (lambda: Calls(lambda x: x.repeat_interleave(3).view(len(x), -1)), SQUARE, (3 * 378,), 0),
    (lambda: Calls(lambda x: F.softplus(x, 0)), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: x.clamp(min=float("inf"))), SQUARE, SQUARE, 0),
    (
        lambda: Calls(
            lambda x: torch.fake_quantize_per_channel_affine(x, torch.ones(7), torch.zeros(7).int(), 2, 0, 9)
        ),
        SQUARE,
        SQUARE,
        None,
    ),
    (
        lambda: Calls(lambda x, w: torch.fake_quantize_per_tensor_affine(x, w, torch.zeros(()).int(), 0, 9), w=()),
        SQUARE,
        SQUARE,
        None,
    ),
    (lambda: Calls(lambda x: F.threshold(x, 0.1, float("nan"))), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: x * 1e300), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: F.rms_norm(x, (9,), x[0, 0, 0] * 2)), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: torch.linalg.vector_norm(x, 0, dim=1)), SQUARE, (7, 9), 0),
    (lambda: Calls(lambda x: torch.linalg.norm(x, "nuc", dim=(2, 3))), SQUARE, (6,), None),
    (lambda: Calls(lambda x: F.normalize(x, 3, 2)), SQUARE, SQUARE, 0),
    (lambda: Calls(lambda x: F.cosine_similarity(x, torch.ones(9), dim=-1)), SQUARE, (6, 7), 0),
    (lambda: Calls(lambda x: x.gather(1, (x[:, :2] > 0).long())), SQUARE, (2, 7, 9), 0),
    (lambda: Calls(lambda x: x[:, [0, 1], :, [2, 3]].transpose(0, 1)), SQUARE, (2, 7), 0),
    (lambda: Calls(lambda x: x[:, (x[0, 0, 0, :2] > 0).long()]), SQUARE, (2, 7, 9), 0),
    (lambda: Calls(lambda x: x.index_select(1, (x[0, 0, 0, :2] > 0).long())), SQUARE, (2, 7, 9), 0),
    (lambda: Calls(lambda x: x.roll(3)), SQUARE, SQUARE, 0),
    (lambda: Calls(on_the_diagonal), SQUARE, SQUARE, None),
    (lambda: Calls(lambda x: F.pad(x, (1, 1), value=float("inf"))), SQUARE, (6, 7, 11), 0),
    (lambda: Calls(lambda x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1), value=-float("inf")), 3)), SQUARE, (6, 3, 3), 0),
    (
        lambda: Calls(lambda x: F.interpolate(x, (5, 4), mode="bilinear", align_corners=True, antialias=True)),
        SQUARE,
        (6, 5, 4),
        0,
    ),
    (lambda: Calls(F.linear, w=(9,)), SQUARE, (6, 7), None),
    (lambda: Calls(lambda x: torch.dstack([x, x.tanh()])), (5,), (5, 2), 0),
    (
        lambda: nn.Sequential(nn.Flatten(2), First(nn.LSTM(9, 6, proj_size=3, batch_first=True))),
        (5, 3, 3),
        (5, 3),
        5 * (4 * 6 * (9 + 3) + 3 * 6),
    ),
    (
        lambda: First(nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True), 3),
        (5, 8),
        (5, 8),
        5 * 4 * 64 + 2 * 5 * 6 * 8,
    ),
    (
        lambda: First(nn.MultiheadAttention(8, 2, batch_first=True, add_zero_attn=True), 3),
        (5, 8),
        (5, 8),
        5 * 4 * 64 + 2 * 5 * 6 * 8,
    ),
    (lambda: Calls(lambda x, w: F.conv2d(x, w * x.mean())[:, :, 0], w=(8, 6, 3, 3)), SQUARE, (8, 7), 8 * 54 * 35),
]


@pytest.mark.parametrize(("make", "input", "out", "macs"), OPAQUE)
def test_what_has_no_op_is_opaque(
    make: Callable[[], Any], input: tuple[int, ...], out: tuple[int, ...], macs: int | None
) -> None:
    """Its own output shape and its parameters are known, and its MACs if it contains no matrix product."""
    module = make()
    report = cnncalc.shape(cnncalc.from_torch(module, (1, *input)))
    assert "opaque" in [layer.op for layer in report.layers]
    assert report.out == (1, *out)
    assert report.params == sum(p.numel() for p in module.parameters())
    assert report.macs == macs


@pytest.mark.parametrize(
    ("function", "input"),
    [
        (lambda x: x.kthvalue(1, 0)[0], (2, *SQUARE)),
        (lambda x: x.gather(1, torch.zeros(2, 1, 7, 9).long()), (2, *SQUARE)),
        (lambda x: torch.addbmm(x[0, :, :4], x, x.transpose(1, 2)), (2, 4, 5)),
        (torch.diagonal, (2, 5)),
        (lambda x: x.reshape(-1).sort()[0], (2, 5)),
    ],
)
def test_an_opaque_result_without_the_batch_is_of_all_samples(
    function: Callable[..., Any], input: tuple[int, ...]
) -> None:
    report = cnncalc.shape(cnncalc.from_torch(Calls(function), input))
    assert report.out == tuple(function(torch.rand(input)).shape)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.nonzero(),
        lambda x: x[x > 0] * 2,
        lambda x: x.masked_select(x > 0).sum() + x,
        lambda x: torch.where(x > 0)[1],
    ],
)
def test_a_size_that_depends_on_values_is_not_known(function: Callable[..., Any]) -> None:
    assert cnncalc.shape(cnncalc.from_torch(Calls(function), (2, *SQUARE))).out is NOTHING_KNOWN


def test_a_module_used_twice_has_its_weights_once() -> None:
    conv, relu = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()
    report = cnncalc.shape(cnncalc.from_torch(nn.Sequential(conv, relu, conv, relu), (3, 7, 9)))
    assert [layer.name for layer in report.layers] == ["0", "1", "0_2", "1_2"]
    assert report.layers[2].node.tie == 0
    assert (report.params, report.macs) == (84, 2 * 81 * 63)


def test_what_no_output_hangs_on_is_left_out_and_several_outputs_are_kept() -> None:
    class Two(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.unused = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 5, 1), nn.Conv2d(3, 6, 1)

        def forward(self, x: Any) -> Any:
            self.unused(x)
            return {"a": self.a(x), "b": self.b(x)}

    report = cnncalc.shape(cnncalc.from_torch(Two(), (3, 7, 9))).to_dict()
    assert report["report"]["outputs"] == {"a": [4, 7, 9], "b": [5, 7, 9]}


class Cached(nn.Module):  # type: ignore[misc,name-defined]
    """A module that keeps what it computes, and counts its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: dict[Any, Any] = {}
        self.last: list[Any] = []
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Any) -> Any:
        if x.shape not in self.grids:
            self.grids[x.shape] = torch.arange(x.shape[-1], device=x.device) / x.shape[-1]
        self.last.append(x)
        self.seen = x
        self.count += 1
        return x + self.grids[x.shape].type_as(x)


def test_what_a_module_caches_is_put_back() -> None:
    module = Cached()
    network = cnncalc.from_torch(module, (2, *SQUARE))
    assert [layer.op for layer in cnncalc.shape(network).layers] == ["constant", "add"]
    assert (module.grids, module.last, float(module.count), hasattr(module, "seen")) == ({}, [], 0, False)


def test_several_inputs_by_the_names_of_forward() -> None:
    class Gated(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Linear(5, 4)

        def forward(self, x: Any, z: Any) -> Any:
            return self.a(x) * torch.sigmoid(self.b(z))[:, :, None, None]

    for given in ({"x": (2, 3, 7, 9), "z": (2, 5)}, {"input_2": "2x5", "input": "2x3x7x9"}):
        report = cnncalc.shape(cnncalc.from_torch(Gated(), given))
        assert (report.out, report.params, report.macs) == ((2, 4, 5, 7), 136, 2 * (4 * 27 * 35 + 20))
        assert [layer.out for layer in report.layers if layer.op == "input"] == [(2, 5)]
    with pytest.raises(cnncalc.SpecError, match=r"^the module fails with TypeError: .*'z'\n  give every input by its"):
        cnncalc.from_torch(Gated(), (3, 7, 9))
    with pytest.raises(cnncalc.SpecError, match=r"^the module has no input 'y'\n  forward takes x, z$"):
        cnncalc.from_torch(Gated(), {"x": (3, 7, 9), "y": (5,)})


def test_parameters_count_once_and_what_is_not_used_is_named() -> None:
    class Net(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 1, bias=False), nn.Conv2d(3, 3, 1)
            self.b.weight = self.a.weight
            self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
            self.aux = nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5))
            self.register_buffer("blur", torch.ones(4, 1, 3, 3) / 9)

        def forward(self, x: Any) -> Any:
            return F.conv2d(self.normed(self.b(self.a(x))), self.blur, groups=4)

    network = cnncalc.from_torch(Net(), (3, 7, 9))
    report = cnncalc.shape(network)
    assert [(layer.name, layer.node.counted) for layer in report.layers] == [
        ("a", None),
        ("b", {"weights": 0}),
        ("normed", {"weights": 112}),
        ("dwconv", {"weights": 0, "buffers": 36}),
    ]
    assert (report.params, report.buffers) == (9 + 3 + 116, 36)
    assert network.unused == {"params": 30, "buffers": 10, "where": ["aux"]}
    assert report.macs == 9 * 63 * 2 + 108 * 35 + 36 * 15


def test_a_module_stays_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    module[2].eval()
    before = {name: array.clone() for name, array in module.state_dict().items()}
    cnncalc.from_torch(module, "3x7x9")
    assert [part.training for part in module] == [True, True, False]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())  # noqa: SLF001
    assert all(torch.equal(array, before[name]) for name, array in module.state_dict().items())


def test_control_flow_that_depends_on_values_is_an_error() -> None:
    module = nn.Sequential(nn.ReLU(), Calls(lambda x: x if x.sum() > 0 else -x))
    with pytest.raises(
        cnncalc.SpecError, match=r"^'1' of the module stops at bool of scalar\n(.*\n)+  the module is tr"
    ):
        cnncalc.from_torch(module, SQUARE)
    with pytest.raises(cnncalc.SpecError, match=r"'int' is not a torch\.nn\.Module"):
        cnncalc.from_torch(5, SQUARE)
