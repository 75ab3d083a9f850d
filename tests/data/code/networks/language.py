from __future__ import annotations
import math, enum, copy, random, logging, os, sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.utils.checkpoint as checkpoint
from functools import partial, reduce
from types import SimpleNamespace
from abc import ABC, abstractmethod
from enum import Enum

logger = logging.getLogger(__name__)
ACTS = {"relu": nn.ReLU, "lrelu": lambda: nn.LeakyReLU(0.1), "gelu": partial(nn.GELU, approximate="tanh")}
random.seed(0)
torch.manual_seed(42)
np.random.seed(1)
torch.backends.cudnn.benchmark = True


class Kind(Enum):
    SMALL = 1
    LARGE = 2


class Base(nn.Module, ABC):
    width: int = 8
    _registry: dict = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)

    @property
    def out_width(self):
        return self.width * 2

    @abstractmethod
    def features(self, x): ...

    def forward(self, x, *args, **kwargs):
        assert x.dim() == 4, "bad"
        x = self.features(x)
        return self.head(x.view(*x.shape[:2], -1).mean(-1))


class A1(Base):
    def __init__(self, act: str = "relu", kind=Kind.SMALL, **kwargs):
        super().__init__()
        logger.info("made %s", act)
        for k, v in kwargs.items():
            setattr(self, k, v)
        mk = ACTS[act]
        n = {Kind.SMALL: 1, Kind.LARGE: 3}[kind]
        body = []
        c = 3
        for i in range(n):
            body += [nn.Conv2d(c, self.width, 3, padding=1), getattr(nn, "BatchNorm2d")(self.width), mk()]
            c = self.width
        body.append(nn.Conv2d(c, self.out_width, 1))
        self.body = nn.Sequential(*body)
        self.head = nn.Linear(self.out_width, 4)

    def features(self, x):
        return self.body(x)


def parse(cfg: str):
    out = []
    for part in cfg.split(","):
        op, *nums = part.strip().split("-")
        nums = list(map(int, nums))
        if op == "c":
            out.append(nn.Conv2d(*nums, padding=nums[2] // 2))
        elif op == "p":
            out.append(nn.MaxPool2d(nums[0]))
        elif op == "r":
            out.append(nn.ReLU())
    return nn.Sequential(*out)


def gen_layers(widths):
    prev = None
    for w in widths:
        if prev is not None:
            yield nn.Linear(prev, w)
            yield nn.Tanh()
        prev = w


class A2(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = parse("c-3-8-3, r, p-2, c-8-16-5, r, p-2")
        size = self._size((3, 32, 32))
        self.mlp = nn.Sequential(*gen_layers([size, 20, 10]))
        self.scale = nn.Parameter(torch.full((1,), 0.5))
        self.register_buffer("steps", torch.linspace(0, 1, 10), persistent=False)

    def _size(self, shape):
        with torch.no_grad():
            return int(np.prod(self.stem(torch.zeros(1, *shape)).size()))

    def forward(self, x):
        x = self.stem(x)
        x = torch.flatten(x, start_dim=1)
        return self.mlp(x) * self.scale + self.steps[None, :]


class Tower(nn.ModuleList):
    def __init__(self, n, c):
        super().__init__([nn.Conv1d(c, c, 3, padding=2 ** i, dilation=2 ** i) for i in range(n)])

    def forward(self, x):
        for i, m in enumerate(self):
            x = x + torch.tanh(m(x))[..., :x.shape[-1]]
        return x


class A3(nn.Module):
    def __init__(self, cfg=SimpleNamespace(c=6, n=3, heads=2)):
        super().__init__()
        self.cfg = cfg
        self.inp = nn.Conv1d(2, cfg.c, 1)
        self.tower = Tower(cfg.n, cfg.c)
        self.twin = copy.deepcopy(self.tower)
        self.heads = nn.ModuleDict({f"h{i}": nn.Linear(cfg.c, 2) for i in range(cfg.heads)})
        self.alpha = nn.ParameterList([nn.Parameter(torch.ones(1)) for _ in range(2)])

    def forward(self, x):
        x = self.inp(x)
        y = checkpoint.checkpoint(self.tower, x) if self.training else self.tower(x)
        z = self.twin(x)
        s = self.alpha[0] * y + self.alpha[1] * z
        s = s.transpose(1, 2)
        return {k: h(s) for k, h in self.heads.items()}


class A4(nn.Module):
    """list outputs, while loop, tuple config, closures, chained comparison, ternaries"""
    cfg = ((16, 1), (24, 2), (32, 2))

    def __init__(self, multiplier: float = 1.0):
        super().__init__()
        r8 = lambda v: int(math.ceil(v * multiplier / 8) * 8)
        self.layers = nn.ModuleList()
        c, i = 3, 0
        while i < len(self.cfg):
            o, s = self.cfg[i]
            self.layers.append(self._block(c, r8(o), s))
            c = r8(o)
            i += 1
        self.lateral = nn.ModuleList(nn.Conv2d(r8(o), 8, 1) for o, _ in self.cfg)
        self.gate = nn.Conv2d(8, 8, 3, padding=1, groups=8)

    @classmethod
    def tiny(cls):
        return cls(multiplier=0.5)

    @staticmethod
    def _block(i, o, s):
        return nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=not True), nn.BatchNorm2d(o), nn.ReLU6(inplace=True))

    def forward(self, x):
        feats = []
        for layer in self.layers:
            x = layer(x)
            feats.append(x)
        out = None
        results = []
        for f, lat in zip(reversed(feats), list(self.lateral)[::-1]):
            f = lat(f)
            out = f if out is None else f + F.interpolate(out, size=f.shape[-2:], mode="nearest")
            results.insert(0, torch.sigmoid(self.gate(out)) * out)
        return tuple(results)


class A5(nn.Module):
    """weights by hand, einops-free attention, masks, cumsum, gather-free tricks"""

    def __init__(self, d=12, h=3, n=7):
        super().__init__()
        self.w = nn.Parameter(torch.empty(3, d, d))
        nn.init.xavier_uniform_(self.w)
        self.b = nn.Parameter(torch.zeros(3, d))
        self.h = h
        self.register_buffer("mask", torch.triu(torch.full((n, n), float("-inf")), diagonal=1))
        self.ln = nn.LayerNorm([n, d])
        self.cls = nn.Parameter(torch.randn(d))

    def forward(self, x):
        B, N, D = x.shape
        q, k, v = [F.linear(x, w, b).unflatten(-1, (self.h, -1)).transpose(1, 2) for w, b in zip(self.w, self.b)]
        a = q @ k.mT / math.sqrt(D // self.h) + self.mask[:N, :N]
        y = (a.softmax(-1) @ v).transpose(1, 2).flatten(-2)
        y = self.ln(y + x)
        y = torch.where(y > 0, y, 0.1 * y)
        y = torch.cat([self.cls.expand(B, 1, -1), y], dim=1)
        return y[:, 0] + y[:, 1:].amax(1)


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


def ConvMixer(dim=16, depth=2, kernel_size=5, patch_size=4, n_classes=10):
    return nn.Sequential(
        nn.Conv2d(3, dim, kernel_size=patch_size, stride=patch_size),
        nn.GELU(),
        nn.BatchNorm2d(dim),
        *[nn.Sequential(
            Residual(nn.Sequential(nn.Conv2d(dim, dim, kernel_size, groups=dim, padding="same"), nn.GELU(), nn.BatchNorm2d(dim))),
            nn.Conv2d(dim, dim, kernel_size=1), nn.GELU(), nn.BatchNorm2d(dim)) for i in range(depth)],
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(dim, n_classes)
    )


class Hooked(nn.Module):
    """reusing submodules, in-place writes, chunk swap, detach, dropout functional, no-grad blocks"""

    def __init__(self):
        super().__init__()
        self.enc = nn.Conv2d(3, 8, 3, 1, 1)
        self.shared = nn.Conv2d(8, 8, 3, 1, 1)
        self.drop = nn.Dropout2d(0.1)

    def forward(self, x):
        x = self.enc(x)
        with torch.no_grad():
            ref = x.detach().clone()
        for _ in range(2):
            x = self.drop(F.elu(self.shared(x), inplace=True))
        a, b = torch.split(x, [3, 5], dim=1)
        x = torch.cat((b, a), 1)
        x[:, :2] = x[:, 2:4] * 0.5
        x.add_(ref).mul_(2.0)
        x = F.dropout(x, 0.3, self.training)
        return x.std(dim=(2, 3), unbiased=False), x.reshape(len(x), -1).argmax(1)


class Wide(nn.Module):
    def __init__(self, depth=10, widen_factor=1, dropRate=0.0, num_classes=10):
        super(Wide, self).__init__()
        nChannels = [16, 16*widen_factor, 32*widen_factor, 64*widen_factor]
        assert((depth - 4) % 6 == 0)
        n = (depth - 4) / 6
        block = WideBlock
        self.conv1 = nn.Conv2d(3, nChannels[0], kernel_size=3, stride=1, padding=1, bias=False)
        self.block1 = NetworkBlock(n, nChannels[0], nChannels[1], block, 1, dropRate)
        self.block2 = NetworkBlock(n, nChannels[1], nChannels[2], block, 2, dropRate)
        self.bn1 = nn.BatchNorm2d(nChannels[2])
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(nChannels[2], num_classes)
        self.nChannels = nChannels[2]

    def forward(self, x):
        out = self.conv1(x)
        out = self.block1(out)
        out = self.block2(out)
        out = self.relu(self.bn1(out))
        out = F.avg_pool2d(out, 8)
        out = out.view(-1, self.nChannels)
        return self.fc(out)


class WideBlock(nn.Module):
    def __init__(self, in_planes, out_planes, stride, dropRate=0.0):
        super(WideBlock, self).__init__()
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_planes, out_planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_planes)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_planes, out_planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.droprate = dropRate
        self.equalInOut = (in_planes == out_planes)
        self.convShortcut = (not self.equalInOut) and nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, padding=0, bias=False) or None

    def forward(self, x):
        if not self.equalInOut:
            x = self.relu1(self.bn1(x))
        else:
            out = self.relu1(self.bn1(x))
        out = self.relu2(self.bn2(self.conv1(out if self.equalInOut else x)))
        if self.droprate > 0:
            out = F.dropout(out, p=self.droprate, training=self.training)
        out = self.conv2(out)
        return torch.add(x if self.equalInOut else self.convShortcut(x), out)


class NetworkBlock(nn.Module):
    def __init__(self, nb_layers, in_planes, out_planes, block, stride, dropRate=0.0):
        super(NetworkBlock, self).__init__()
        self.layer = self._make_layer(block, in_planes, out_planes, nb_layers, stride, dropRate)

    def _make_layer(self, block, in_planes, out_planes, nb_layers, stride, dropRate):
        layers = []
        for i in range(int(nb_layers)):
            layers.append(block(i == 0 and in_planes or out_planes, out_planes, i == 0 and stride or 1, dropRate))
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.layer(x)


class NeRF(nn.Module):
    def __init__(self, D=4, W=32, input_ch=3, skips=[2], L=4):
        super().__init__()
        self.skips = skips
        self.L = L
        ch = input_ch * (1 + 2 * L)
        self.pts_linears = nn.ModuleList([nn.Linear(ch, W)] + [nn.Linear(W, W) if i not in self.skips else nn.Linear(W + ch, W) for i in range(D - 1)])
        self.out = nn.Linear(W, 4)

    def encode(self, x):
        freqs = 2.0 ** torch.arange(self.L)
        outs = [x]
        for f in freqs:
            for fn in [torch.sin, torch.cos]:
                outs.append(fn(x * f))
        return torch.cat(outs, -1)

    def forward(self, x):
        pts = self.encode(x)
        h = pts
        for i, l in enumerate(self.pts_linears):
            h = self.pts_linears[i](h)
            h = F.relu(h)
            if i in self.skips:
                h = torch.cat([pts, h], -1) if i + 1 < len(self.pts_linears) else h
        return self.out(h)
