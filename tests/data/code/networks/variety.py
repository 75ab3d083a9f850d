import math
from collections import OrderedDict, namedtuple
from itertools import chain, repeat
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union
import numpy as np
import torch
from torch import nn, Tensor
from torch.nn import functional as F, Conv2d, BatchNorm2d, ReLU, Module, Sequential
from torch.nn.modules.utils import _pair
from torch.nn.parameter import Parameter
import torch.nn.init as init


# A. Swin-like window attention with relative position bias
def window_partition(x, window_size):
    B, H, W, C = x.shape
    x = x.view(B, H // window_size, window_size, W // window_size, window_size, C)
    windows = x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, window_size, window_size, C)
    return windows


def window_reverse(windows, window_size, H, W):
    B = int(windows.shape[0] / (H * W / window_size / window_size))
    x = windows.view(B, H // window_size, W // window_size, window_size, window_size, -1)
    x = x.permute(0, 1, 3, 2, 4, 5).contiguous().view(B, H, W, -1)
    return x


class WindowAttention(nn.Module):
    def __init__(self, dim, window_size, num_heads, qkv_bias=True):
        super().__init__()
        self.dim = dim
        self.window_size = window_size
        self.num_heads = num_heads
        head_dim = dim // num_heads
        self.scale = head_dim ** -0.5
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window_size[0] - 1) * (2 * window_size[1] - 1), num_heads))
        coords_h = torch.arange(self.window_size[0])
        coords_w = torch.arange(self.window_size[1])
        coords = torch.stack(torch.meshgrid([coords_h, coords_w], indexing="ij"))
        coords_flatten = torch.flatten(coords, 1)
        relative_coords = coords_flatten[:, :, None] - coords_flatten[:, None, :]
        relative_coords = relative_coords.permute(1, 2, 0).contiguous()
        relative_coords[:, :, 0] += self.window_size[0] - 1
        relative_coords[:, :, 1] += self.window_size[1] - 1
        relative_coords[:, :, 0] *= 2 * self.window_size[1] - 1
        relative_position_index = relative_coords.sum(-1)
        self.register_buffer("relative_position_index", relative_position_index)
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x, mask=None):
        B_, N, C = x.shape
        qkv = self.qkv(x).reshape(B_, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q = q * self.scale
        attn = (q @ k.transpose(-2, -1))
        relative_position_bias = self.relative_position_bias_table[self.relative_position_index.view(-1)].view(
            self.window_size[0] * self.window_size[1], self.window_size[0] * self.window_size[1], -1)
        relative_position_bias = relative_position_bias.permute(2, 0, 1).contiguous()
        attn = attn + relative_position_bias.unsqueeze(0)
        attn = self.softmax(attn)
        x = (attn @ v).transpose(1, 2).reshape(B_, N, C)
        return self.proj(x)


class SwinBlock(nn.Module):
    def __init__(self, dim=16, heads=2, ws=4, shift=0):
        super().__init__()
        self.ws, self.shift = ws, shift
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, (ws, ws), heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        B, H, W, C = x.shape
        shortcut = x
        x = self.norm1(x)
        if self.shift > 0:
            x = torch.roll(x, shifts=(-self.shift, -self.shift), dims=(1, 2))
        x = window_partition(x, self.ws).view(-1, self.ws * self.ws, C)
        x = self.attn(x).view(-1, self.ws, self.ws, C)
        x = window_reverse(x, self.ws, H, W)
        if self.shift > 0:
            x = torch.roll(x, shifts=(self.shift, self.shift), dims=(1, 2))
        x = shortcut + x
        return x + self.mlp(self.norm2(x))


class Swin(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 4, 4)
        self.blocks = nn.Sequential(SwinBlock(), SwinBlock(shift=2))
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        x = self.blocks(x)
        return self.head(x.flatten(1, 2).mean(1))


# B. MLP-Mixer
class MixerBlock(nn.Module):
    def __init__(self, dim, patches):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.token = nn.Sequential(nn.Linear(patches, 2 * patches), nn.GELU(), nn.Linear(2 * patches, patches))
        self.chan = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        y = self.n1(x).transpose(1, 2)
        x = x + self.token(y).transpose(1, 2)
        return x + self.chan(self.n2(x))


def Mixer(depth=2):
    class Rearrange(nn.Module):
        def forward(self, x):
            return x.flatten(2).transpose(1, 2)

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(dim=1)

    return nn.Sequential(nn.Conv2d(3, 24, 8, 8), Rearrange(), *[MixerBlock(24, 16) for _ in range(depth)], nn.LayerNorm(24), Mean(), nn.Linear(24, 10))


# C. Squeeze names with OrderedDict and ModuleDict branches
class Fire(Module):
    def __init__(self, inplanes, squeeze_planes, expand1x1_planes, expand3x3_planes):
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = ReLU(inplace=True)
        self.expand = nn.ModuleDict({"1x1": Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1), "3x3": Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)})

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat([F.relu(branch(x)) for name, branch in self.expand.items()], 1)


class Squeeze(Module):
    def __init__(self, version="1_1", num_classes=10):
        super().__init__()
        self.num_classes = num_classes
        if version == "1_0":
            self.features = Sequential(Conv2d(3, 96, kernel_size=7, stride=2), ReLU(inplace=True))
        elif version == "1_1":
            self.features = Sequential(OrderedDict(conv=Conv2d(3, 64, kernel_size=3, stride=2), act=ReLU(inplace=True), pool=nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True), fire1=Fire(64, 16, 64, 64), fire2=Fire(128, 16, 64, 64)))
        else:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        final_conv = Conv2d(128, self.num_classes, kernel_size=1)
        self.classifier = Sequential(nn.Dropout(p=0.5), final_conv, ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))
        for m in self.modules():
            if isinstance(m, Conv2d):
                if m is final_conv:
                    init.normal_(m.weight, mean=0.0, std=0.01)
                else:
                    init.kaiming_uniform_(m.weight)
                if m.bias is not None:
                    init.constant_(m.bias, 0)

    def forward(self, x):
        x = self.features(x)
        x = self.classifier(x)
        return torch.flatten(x, 1)


# D. 3D conv + conv-lstm cell loops
class ConvLSTMCell(nn.Module):
    def __init__(self, input_dim, hidden_dim, kernel_size, bias):
        super(ConvLSTMCell, self).__init__()
        self.input_dim = input_dim
        self.hidden_dim = hidden_dim
        self.kernel_size = kernel_size
        self.padding = kernel_size[0] // 2, kernel_size[1] // 2
        self.bias = bias
        self.conv = nn.Conv2d(in_channels=self.input_dim + self.hidden_dim, out_channels=4 * self.hidden_dim, kernel_size=self.kernel_size, padding=self.padding, bias=self.bias)

    def forward(self, input_tensor, cur_state):
        h_cur, c_cur = cur_state
        combined = torch.cat([input_tensor, h_cur], dim=1)
        combined_conv = self.conv(combined)
        cc_i, cc_f, cc_o, cc_g = torch.split(combined_conv, self.hidden_dim, dim=1)
        i = torch.sigmoid(cc_i)
        f = torch.sigmoid(cc_f)
        o = torch.sigmoid(cc_o)
        g = torch.tanh(cc_g)
        c_next = f * c_cur + i * g
        h_next = o * torch.tanh(c_next)
        return h_next, c_next

    def init_hidden(self, batch_size, image_size):
        height, width = image_size
        return (torch.zeros(batch_size, self.hidden_dim, height, width, device=self.conv.weight.device),
                torch.zeros(batch_size, self.hidden_dim, height, width, device=self.conv.weight.device))


class ConvLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = ConvLSTMCell(3, 6, (3, 3), True)
        self.head = nn.Conv3d(6, 2, (3, 1, 1))

    def forward(self, input_tensor):
        b, t, _, h, w = input_tensor.size()
        state = self.cell.init_hidden(batch_size=b, image_size=(h, w))
        outs = []
        for step in range(t):
            hs, cs = state = self.cell(input_tensor=input_tensor[:, step, :, :, :], cur_state=state)
            outs.append(hs)
        layer_output = torch.stack(outs, dim=1)
        return self.head(layer_output.permute(0, 2, 1, 3, 4))


# E. TCN, WaveNet-like, weight_norm
class Chomp1d(nn.Module):
    def __init__(self, chomp_size):
        super().__init__()
        self.chomp_size = chomp_size

    def forward(self, x):
        return x[:, :, :-self.chomp_size].contiguous()


class TemporalBlock(nn.Module):
    def __init__(self, n_inputs, n_outputs, kernel_size, stride, dilation, padding, dropout=0.2):
        super().__init__()
        self.conv1 = nn.Conv1d(n_inputs, n_outputs, kernel_size, stride=stride, padding=padding, dilation=dilation)
        self.chomp1 = Chomp1d(padding)
        self.relu1 = nn.ReLU()
        self.net = nn.Sequential(self.conv1, self.chomp1, self.relu1, nn.Dropout(dropout))
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1) if n_inputs != n_outputs else None
        self.relu = nn.ReLU()
        self.init_weights()

    def init_weights(self):
        self.conv1.weight.data.normal_(0, 0.01)
        if self.downsample is not None:
            self.downsample.weight.data.normal_(0, 0.01)

    def forward(self, x):
        out = self.net(x)
        res = x if self.downsample is None else self.downsample(x)
        return self.relu(out + res)


class TemporalConvNet(nn.Module):
    def __init__(self, num_inputs=4, num_channels=(8, 16, 16), kernel_size=3):
        super().__init__()
        layers = []
        num_levels = len(num_channels)
        for i in range(num_levels):
            dilation_size = 2 ** i
            in_channels = num_inputs if i == 0 else num_channels[i-1]
            out_channels = num_channels[i]
            layers += [TemporalBlock(in_channels, out_channels, kernel_size, stride=1, dilation=dilation_size, padding=(kernel_size-1) * dilation_size)]
        self.network = nn.Sequential(*layers)

    def forward(self, x):
        return self.network(x)


# F. seq2seq GRU encoder with attention over steps; embedding input
class TextCNN(nn.Module):
    def __init__(self, vocab=1000, dim=32, filters=(3, 4, 5), n=16, classes=4, dropout=0.5):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv2d(1, n, (k, dim)) for k in filters])
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(len(filters) * n, classes)

    def conv_and_pool(self, x, conv):
        x = F.relu(conv(x)).squeeze(3)
        x = F.max_pool1d(x, x.size(2)).squeeze(2)
        return x

    def forward(self, x):
        out = self.embedding(x)
        out = out.unsqueeze(1)
        out = torch.cat([self.conv_and_pool(out, conv) for conv in self.convs], 1)
        out = self.dropout(out)
        return self.fc(out)


class LSTMClassifier(nn.Module):
    def __init__(self, input_size=12, hidden_size=20, num_layers=2, num_classes=3):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True, dropout=0.2)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size, device=x.device)
        out, (hn, cn) = self.lstm(x, (h0, c0))
        out = self.fc(out[:, -1, :])
        return out


class GRUAtt(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(10, 16, bidirectional=True, batch_first=True)
        self.att = nn.Linear(32, 1)
        self.fc = nn.Linear(32, 2)

    def forward(self, x):
        out, h = self.gru(x)
        w = torch.softmax(self.att(out), dim=1)
        return self.fc((w * out).sum(1)), h[-1]


# G. YOLO-ish with csp, autopad, SiLU, concat and route lists
def autopad(k, p=None, d=1):
    if d > 1:
        k = d * (k - 1) + 1 if isinstance(k, int) else [d * (x - 1) + 1 for x in k]
    if p is None:
        p = k // 2 if isinstance(k, int) else [x // 2 for x in k]
    return p


class Conv(nn.Module):
    default_act = nn.SiLU()

    def __init__(self, c1, c2, k=1, s=1, p=None, g=1, d=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, autopad(k, p, d), groups=g, dilation=d, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act = self.default_act if act is True else act if isinstance(act, nn.Module) else nn.Identity()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class BottleneckY(nn.Module):
    def __init__(self, c1, c2, shortcut=True, g=1, k=(3, 3), e=0.5):
        super().__init__()
        c_ = int(c2 * e)
        self.cv1 = Conv(c1, c_, k[0], 1)
        self.cv2 = Conv(c_, c2, k[1], 1, g=g)
        self.add = shortcut and c1 == c2

    def forward(self, x):
        return x + self.cv2(self.cv1(x)) if self.add else self.cv2(self.cv1(x))


class C2f(nn.Module):
    def __init__(self, c1, c2, n=1, shortcut=False, g=1, e=0.5):
        super().__init__()
        self.c = int(c2 * e)
        self.cv1 = Conv(c1, 2 * self.c, 1, 1)
        self.cv2 = Conv((2 + n) * self.c, c2, 1)
        self.m = nn.ModuleList(BottleneckY(self.c, self.c, shortcut, g, k=((3, 3), (3, 3)), e=1.0) for _ in range(n))

    def forward(self, x):
        y = list(self.cv1(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class SPPF(nn.Module):
    def __init__(self, c1, c2, k=5):
        super().__init__()
        c_ = c1 // 2
        self.cv1 = Conv(c1, c_, 1, 1)
        self.cv2 = Conv(c_ * 4, c2, 1, 1)
        self.m = nn.MaxPool2d(kernel_size=k, stride=1, padding=k // 2)

    def forward(self, x):
        x = self.cv1(x)
        y1 = self.m(x)
        y2 = self.m(y1)
        return self.cv2(torch.cat((x, y1, y2, self.m(y2)), 1))


class YoloBackbone(nn.Module):
    spec = [
        (-1, "Conv", [3, 16, 3, 2]),
        (-1, "Conv", [16, 32, 3, 2]),
        (-1, "C2f", [32, 32, 1, True]),
        (-1, "Conv", [32, 64, 3, 2]),
        (-1, "SPPF", [64, 64]),
        (-1, "Up", [None, 2, "nearest"]),
        ([-1, 2], "Concat", []),
        (-1, "C2f", [96, 32]),
    ]

    def __init__(self):
        super().__init__()
        table = {"Conv": Conv, "C2f": C2f, "SPPF": SPPF, "Up": nn.Upsample, "Concat": Concat}
        layers, self.save = [], []
        for i, (f, m, args) in enumerate(self.spec):
            m_ = table[m](*args)
            m_.i, m_.f = i, f
            self.save.extend(x % i for x in ([f] if isinstance(f, int) else f) if x != -1)
            layers.append(m_)
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        y = []
        for m in self.model:
            if m.f != -1:
                x = y[m.f] if isinstance(m.f, int) else [x if j == -1 else y[j] for j in m.f]
            x = m(x)
            y.append(x if m.i in self.save else None)
        return x


class Concat(nn.Module):
    def __init__(self, dimension=1):
        super().__init__()
        self.d = dimension

    def forward(self, x):
        return torch.cat(x, self.d)


# H. custom conv parameter with F.conv2d, NamedTuple outputs, einsum attention
class Out(NamedTuple):
    logits: Tensor
    feats: Tensor


class ScaledConv(nn.Conv2d):
    def __init__(self, *args, gain=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.gain = nn.Parameter(torch.ones(self.out_channels, 1, 1, 1) * gain)

    def get_weight(self):
        fan_in = np.prod(self.weight.shape[1:])
        mean = torch.mean(self.weight, axis=[1, 2, 3], keepdims=True)
        return (self.weight - mean) * self.gain

    def forward(self, x):
        return F.conv2d(x, self.get_weight(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class EinsumAttention(nn.Module):
    def __init__(self, dim, heads=4, dim_head=8):
        super().__init__()
        inner_dim = dim_head * heads
        self.heads = heads
        self.scale = dim_head ** -0.5
        self.to_qkv = nn.Conv2d(dim, inner_dim * 3, 1, bias=False)
        self.to_out = nn.Conv2d(inner_dim, dim, 1)
        self.mem_kv = nn.Parameter(torch.randn(heads, 2, dim_head))

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = self.to_qkv(x).chunk(3, dim=1)
        q, k, v = (t.reshape(b, self.heads, -1, h * w) for t in (q, k, v))
        sim = torch.einsum('b h d i, b h d j -> b h i j', q * self.scale, k)
        attn = sim.softmax(dim=-1)
        out = torch.einsum('bhij,bhdj->bhid', attn, v)
        out = out.permute(0, 1, 3, 2).reshape(b, -1, h, w)
        return self.to_out(out)


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = ScaledConv(3, 16, 3, padding=1, gain=0.5)
        self.attn = EinsumAttention(16)
        self.gn = nn.GroupNorm(4, 16)
        self.temp = nn.Parameter(torch.tensor(1.0))
        self.bias = Parameter(torch.Tensor(16))
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        x = self.conv(x)
        x = self.gn(self.attn(x) + x)
        x = x + self.bias.view(1, -1, 1, 1)
        x = F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1)
        return Out(self.fc(x) / self.temp, x)


# I. sub-pixel SR
class ESPCN(nn.Module):
    def __init__(self, upscale_factor=3):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(64, 32, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(32, 1 * (upscale_factor ** 2), (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain('relu'))

    def forward(self, x):
        x = torch.tanh(self.conv1(x))
        x = torch.tanh(self.conv2(x))
        return torch.sigmoid(self.pixel_shuffle(self.conv3(x)))


class RDB(nn.Module):
    def __init__(self, nf=16, gc=8):
        super().__init__()
        for i in range(5):
            self.add_module(f"conv{i + 1}", nn.Conv2d(nf + i * gc, gc if i < 4 else nf, 3, 1, 1))
        self.lrelu = nn.LeakyReLU(negative_slope=0.2, inplace=True)

    def forward(self, x):
        feats = [x]
        for i in range(1, 5):
            conv = getattr(self, "conv%d" % i)
            feats.append(self.lrelu(conv(torch.cat(feats, 1))))
        return self.conv5(torch.cat(feats, 1)) * 0.2 + x


class PixNorm(nn.Module):
    def forward(self, x):
        return x / torch.sqrt(torch.mean(x ** 2, dim=1, keepdim=True) + 1e-8)


class SRNet(nn.Module):
    def __init__(self, nb=2):
        super().__init__()
        self.first = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 16, 7), PixNorm())
        self.body = nn.Sequential(*map(lambda _: RDB(), range(nb)))
        self.up = nn.ModuleList([nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"), nn.InstanceNorm2d(16, affine=True), nn.PReLU(16)) for _ in range(2)])
        self.last = nn.Conv2d(16, 3, 3, padding="same", padding_mode="replicate")

    def forward(self, x):
        fea = self.first(x)
        fea = fea + self.body(fea)
        for up in self.up:
            fea = up(F.interpolate(fea, scale_factor=2, mode='nearest'))
        return self.last(fea).clamp(0, 1)
