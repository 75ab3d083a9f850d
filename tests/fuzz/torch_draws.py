"""Random PyTorch modules: one call, a graph of several with joins, or a whole network, and what PyTorch says of each.

An op of the tables is drawn for the current shape: the text of a module, or an expression in `x` (and `y`, an earlier
value that broadcasts with it; `m` is the module). If PyTorch rejects it, another one is drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody imports it
from torch import nn

import cnncalc

from . import torch_facts
from .draws import SIZES, Drawn, Impossible, axes_of, axis_of, divisor, flag, per_axis, sides, split_of

Shape = tuple[int, ...]
Draw = Callable[[Random, Shape], "str | None"]


class Step(NamedTuple):
    """One call: the text of its module, if any, its expression, and the values that it reads."""

    module: str | None
    expression: str
    x: int
    y: int


class Net(nn.Module):  # type: ignore[misc]
    """A module that makes calls in order; the last value is the output."""

    def __init__(self, steps: list[Step], modules: list[Any]):
        super().__init__()
        self.parts = nn.ModuleList([one for one in modules if one is not None])
        self.steps = steps
        self.calls = [eval(f"lambda m, x, y: {step.expression}", NAMES) for step in steps]

    def forward(self, x: Any) -> Any:
        """Make the calls."""
        values, parts = [x], iter(self.parts)
        for step, call in zip(self.steps, self.calls, strict=True):
            values.append(call(next(parts) if step.module else None, values[step.x], values[step.y]))
        return values[-1]


torch.set_num_threads(1)
warnings.simplefilter("ignore")
NAMES = {"torch": torch, "nn": nn, "F": F}


def _conv(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    g = divisor(r, s[1])
    mode = f", padding_mode={r.choice(['reflect', 'circular', 'replicate'])!r}" if flag(r, 0.3) else ""
    same = flag(r, 0.15)
    p = repr(r.choice(["same", "valid"])) if same else per_axis(r, nd, 0, 2)
    return (
        f"nn.Conv{nd}d({s[1]}, {g * r.randint(1, 3)}, {per_axis(r, nd, 1, 4)}, "
        f"stride={1 if same else per_axis(r, nd, 1, 3)}, padding={p}, "
        f"dilation={per_axis(r, nd, 1, 3, 1)}, groups={g}, bias={flag(r, 0.7)}{mode})"
    )


def _conv_transposed(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    g = divisor(r, s[1])
    return (
        f"nn.ConvTranspose{nd}d({s[1]}, {g * r.randint(1, 3)}, {per_axis(r, nd, 1, 4)}, "
        f"stride={per_axis(r, nd, 1, 3)}, padding={per_axis(r, nd, 0, 2)}, "
        f"output_padding={per_axis(r, nd, 0, 1)}, dilation={per_axis(r, nd, 1, 2)}, "
        f"groups={g}, bias={flag(r)})"
    )


def _pool(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    window = f"{per_axis(r, nd, 1, 4)}, stride={r.choice([None, per_axis(r, nd, 1, 3)])}"
    kind, ceil = r.randrange(3), f"ceil_mode={flag(r)}"
    if kind == 0:
        return f"nn.MaxPool{nd}d({window}, padding={per_axis(r, nd, 0, 2)}, dilation={per_axis(r, nd, 1, 2)}, {ceil})"
    if kind == 1:
        divide = f", divisor_override={r.choice([None, None, 3])}" if nd > 1 else ""
        include = f"count_include_pad={flag(r)}"
        return f"nn.AvgPool{nd}d({window}, padding={per_axis(r, nd, 0, 2)}, {ceil}, {include}{divide})"
    return f"nn.LPPool{nd}d({r.choice([1, 2, 2, 3])}, {window}, {ceil})"


def _adaptive(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    out = per_axis(r, nd, 1, 6)
    if isinstance(out, tuple) and nd > 1 and flag(r, 0.3):
        out = (None, *out[1:])
    return f"nn.Adaptive{r.choice(['Avg', 'Max'])}Pool{nd}d({out})"


def _norm(r: Random, s: Shape) -> str | None:
    nd, affine = len(s) - 2, f"affine={flag(r, 0.7)}"
    kind = r.randrange(5)
    if kind == 0 and 0 <= nd <= 3:
        return f"nn.BatchNorm{max(nd, 1)}d({s[1]}, {affine}, eps={r.choice([1e-5, 1e-3])})"
    if kind == 1 and 1 <= nd <= 3:
        return f"nn.InstanceNorm{nd}d({s[1]}, {affine}, track_running_stats={flag(r, 0.3)})"
    if kind == 2:
        return f"nn.GroupNorm({divisor(r, s[1])}, {s[1]}, {affine})"
    if kind == 3:
        last = r.randint(1, len(s) - 1)
        return f"nn.LayerNorm({list(s[-last:])}, elementwise_affine={flag(r, 0.7)}, bias={flag(r, 0.8)})"
    if nd >= 1:
        return r.choice([f"nn.LocalResponseNorm({r.randint(1, 5)})", f"nn.RMSNorm({s[-1]}, eps=1e-6)"])
    return None


def _linear(r: Random, s: Shape) -> str | None:
    return f"nn.Linear({s[-1]}, {r.randint(1, 6)}, bias={flag(r, 0.7)})"


ACTIVATIONS = """
nn.ReLU() nn.ReLU6() nn.LeakyReLU(0.2) nn.ELU(0.7) nn.SELU() nn.CELU(0.6) nn.GELU() nn.GELU('tanh') nn.SiLU() nn.Mish()
nn.Sigmoid() nn.Tanh() nn.Hardswish() nn.Hardsigmoid() nn.Hardtanh(-0.5,0.7) nn.Softplus() nn.Softplus(2,1.5)
nn.Softsign() nn.LogSigmoid() nn.Softshrink(0.3) nn.Hardshrink(0.3) nn.Tanhshrink() nn.Threshold(0.1,-0.3) nn.Identity()
nn.Dropout() F.relu(x) torch.relu(x) x.clamp(-0.5,0.5) x.clamp(min=0) F.silu(x) torch.sigmoid(x)*x F.relu6(x+3)/6
""".split()


def _activation(r: Random, s: Shape) -> str | None:
    if flag(r, 0.15):
        axis = axis_of(r, s)
        return r.choice([f"nn.Softmax({axis})", f"F.softmax(x, {axis})", f"nn.LogSoftmax({axis})", f"F.glu(x, {axis})"])
    if flag(r, 0.08):
        return r.choice(["nn.PReLU()", f"nn.PReLU({s[1]})"])
    return r.choice(ACTIVATIONS)


UNARY = """
x.abs() -x x.abs().sqrt() (x.abs()+1).rsqrt() x*x x**2 x.square() (x.abs()+1).reciprocal() (x.abs()+1).log()
torch.log1p(x.abs()) torch.expm1(x) x.exp() x.floor() x.ceil() x.round() x.sign() torch.erf(x) x.sin() x.cos() x.atan()
x+1 1-x 2*x x/3 1/(x.abs()+1) x-0.5 x%2 torch.pow(x.abs(),1.5) torch.maximum(x,x*0.1) torch.where(x>0,x,x*0.2)
torch.addcmul(x,x,x,value=0.5) x.masked_fill(x<0,0.3) (x>0).float()*x
""".split()  # fmt: skip


def _unary(r: Random, s: Shape) -> str | None:
    return r.choice(UNARY)


def _reduce(r: Random, s: Shape) -> str | None:
    axes, keep = axes_of(r, s), flag(r)
    kind = r.choice(["mean", "sum", "amax", "amin", "norm", "logsumexp", "std", "var", "prod", "max0"])
    if kind == "norm":
        return f"torch.linalg.vector_norm(x, {r.choice([1, 2])}, dim={axes}, keepdim={keep})"
    if kind == "prod":
        return f"x.prod({axes[0]}, keepdim={keep})"
    if kind == "max0":
        return f"x.max({axes[0]}, keepdim={keep})[0]"
    if kind in ("std", "var"):
        return f"x.{kind}(dim={axes}, keepdim={keep}, unbiased=False)"
    return f"x.{kind}(dim={axes}, keepdim={keep})"


def _reshape(r: Random, s: Shape) -> str | None:
    kind = r.randrange(8)
    if kind == 0:
        first = r.randrange(1, len(s))
        return f"torch.flatten(x, {first}, {r.randrange(first, len(s))})"
    if kind == 1:
        order = list(range(1, len(s)))
        r.shuffle(order)
        return f"x.permute(0, {', '.join(map(str, order))})"
    if kind == 2:
        return f"x.transpose({axis_of(r, s)}, {axis_of(r, s)})"
    if kind == 3:
        return f"x.unsqueeze({r.randint(1, len(s))})" if len(s) < 6 else None
    if kind == 4:
        return f"x.squeeze({axis_of(r, s)})"
    if kind == 5:
        return f"x.movedim({axis_of(r, s)}, {axis_of(r, s)})"
    out = split_of(r, s)
    return (
        None
        if out is None
        else f"x.{r.choice(['reshape', 'contiguous().view'])}({s[0] if kind == 6 else -1}, {', '.join(map(str, out))})"
    )


def _select(r: Random, s: Shape) -> str | None:
    axis = axis_of(r, s)
    n = s[axis]
    kind = r.randrange(13)
    a, b = sorted((r.randint(0, n), r.randint(0, n)))
    colons = ", ".join([":"] * (axis % len(s)))
    if kind == 0:
        return f"x[{colons}, {a}:{b}:{r.randint(1, 2)}]" if b > a else None
    if kind == 1:
        return f"x[{colons}, {r.randrange(-n, n)}]"
    if kind == 2:
        return f"x.narrow({axis}, {a}, {b - a})" if b > a else None
    if kind == 3:
        return f"x.chunk({r.randint(1, 3)}, {axis})[-1]"
    if kind == 4:
        return f"torch.split(x, {r.randint(1, n)}, {axis})[0]"
    if kind == 5:
        return f"torch.cat(x.split({r.randint(1, n)}, {axis})[::-1], {axis})"
    if kind == 6:
        return f"torch.flip(x, ({axis},))"
    if kind == 7:
        return f"torch.roll(x, {r.randint(-n, n)}, {axis})"
    if kind == 8:
        return f"torch.stack(torch.unbind(x, {axis})[::-1], {r.randint(1, len(s))})" if len(s) < 6 else None
    if kind == 9:
        return f"torch.cumsum(x, {axis})"
    if kind == 10:
        picks = [r.randrange(n) for _ in range(r.randint(1, n))]
        return f"x.index_select({axis}, torch.tensor({picks}))"
    if kind == 11:
        return f"x.repeat(1, {', '.join(str(r.randint(1, 2)) for _ in s[1:])})"
    return f"torch.repeat_interleave(x, {r.randint(1, 2)}, {axis})"


def _border(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    low = -1 if flag(r, 0.3) else 0
    p = sides(r, 2 * nd, low, 2)
    kind = r.randrange(6)
    if kind == 0:
        return f"nn.ConstantPad{nd}d({p}, {r.choice([0.0, 0.5, -1.0])})"
    if kind == 1:
        name = r.choice(["Reflection", "Replication", "Circular", "Zero"])
        pairs = zip(s[:1:-1], p[::2], p[1::2], strict=True)
        if name == "Circular" and any(n + min(a, 0) + min(b, 0) < max(a, b) for n, a, b in pairs):
            return None  # PyTorch would wrap memory that is not written yet
        return f"nn.{name}Pad{nd}d({p})"
    if kind == 2:
        return f"F.pad(x, {p[: 2 * r.randint(1, nd)]})"
    if kind == 3:
        return f"F.pad(x, {sides(r, 2 * (nd + 1), low, 1)}, value={r.choice([0, 1.5])})"
    if kind == 4 and nd == 2:
        window = f"{per_axis(r, 2, 1, 3)}, dilation={per_axis(r, 2, 1, 2)}, padding={per_axis(r, 2, 0, 1)}"
        return f"nn.Unfold({window}, stride={per_axis(r, 2, 1, 2)})"
    return f"F.normalize(x, dim={axis_of(r, s)})"


def _resample(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[nd]
    mode = r.choice(["nearest", "nearest-exact", linear, linear, "area"] + ["bicubic"] * (nd == 2))
    align = f", align_corners={flag(r)}" if mode in (linear, "bicubic") else ""
    size = f"size={per_axis(r, nd, 1, 13)}" if flag(r) else f"scale_factor={r.choice([2, 2.0, 1.5, 0.5, 0.7, 3, 1.3])}"
    if flag(r, 0.2) and nd == 2:
        return r.choice([f"nn.PixelShuffle({r.choice([1, 2])})", f"nn.PixelUnshuffle({r.choice([2, 3])})",
                         f"nn.ChannelShuffle({divisor(r, s[1])})"])  # fmt: skip
    return f"{'nn.Upsample(' if flag(r) and mode != 'area' else 'F.interpolate(x, '}{size}, mode={mode!r}{align})"


def _product(r: Random, s: Shape) -> str | None:
    kind = r.randrange(8)
    if kind == 0 and len(s) >= 3:
        return "x @ x.transpose(-1, -2)"
    if kind == 1 and len(s) >= 3:
        return "torch.softmax(x @ x.transpose(-2, -1) / 3, -1) @ x"
    if kind == 2 and len(s) == 4:
        return "torch.einsum('nchw,ndhw->ncd', x, x)"
    if kind == 3 and len(s) >= 3:
        return f"F.scaled_dot_product_attention(x, x, x{r.choice(['', ', is_causal=True', ', scale=0.3'])})"
    if kind == 4 and len(s) == 3:
        return f"nn.MultiheadAttention({s[2]}, {divisor(r, s[2])}, batch_first=True, bias={flag(r)})|m(x, x, x)[0]"
    if kind == 5 and len(s) == 3:
        rnn = r.choice(["LSTM", "GRU", "RNN"])
        more = f"batch_first=True, bidirectional={flag(r)}, num_layers={r.randint(1, 2)}, bias={flag(r, 0.8)}"
        return f"nn.{rnn}({s[2]}, {r.randint(1, 5)}, {more})|m(x)[0]{r.choice(['', '[:, -1]'])}"
    if kind == 6 and len(s) == 3:
        return "torch.bmm(x, x.transpose(1, 2))"
    if kind == 7 and len(s) == 3:
        return f"nn.TransformerEncoderLayer({s[2]}, {divisor(r, s[2])}, 7, batch_first=True)"
    return None


PARAMETERS = """
x*m.weight x+m.weight m.weight*x+x x-m.weight (x-m.weight)/2 x+x*m.weight torch.mul(x,m.weight)
""".split()


def _parameter(r: Random, s: Shape) -> str | None:
    """Return arithmetic with a parameter that broadcasts: a scale, a bias, or a table of positions."""
    sizes = [n if flag(r) else 1 for n in s[1:]]
    weight = f"Weight({[1] * flag(r) + sizes if flag(r, 0.8) else []})"
    return f"{weight}|{r.choice(PARAMETERS)}"


class Weight(nn.Module):  # type: ignore[misc]
    """A module with only a parameter."""

    def __init__(self, shape: list[int]):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(shape))


NAMES["Weight"] = Weight

JOINS = """
x+y x*y x-y torch.maximum(x,y) torch.minimum(x,y) x/(y.abs()+1) torch.add(x,y,alpha=0.5) torch.where(x>y,x,y)
x*torch.sigmoid(y)
""".split()  # fmt: skip


def _join(r: Random, s: Shape) -> str | None:
    return r.choice(JOINS)


def _concat(r: Random, s: Shape) -> str | None:
    if len(s) < 6 and flag(r, 0.2):
        return f"torch.stack([x, y], {r.randint(1, len(s))})"
    return f"torch.cat([x, y{r.choice(['', ', x'])}], {axis_of(r, s)})"


FAMILIES: dict[str, tuple[Draw, int]] = {
    "conv": (_conv, 5),
    "convT": (_conv_transposed, 2),
    "pool": (_pool, 4),
    "adaptive": (_adaptive, 1),
    "norm": (_norm, 4),
    "linear": (_linear, 2),
    "activation": (_activation, 4),
    "unary": (_unary, 2),
    "reduce": (_reduce, 2),
    "reshape": (_reshape, 4),
    "select": (_select, 4),
    "border": (_border, 2),
    "resample": (_resample, 3),
    "product": (_product, 2),
    "parameter": (_parameter, 2),
    "join": (_join, 3),
    "concat": (_concat, 2),
}
"""The ops by family, with the weight of each."""
INPUTS: tuple[Callable[[Random], Shape], ...] = (
    lambda r: (r.randint(2, 6),),
    lambda r: (r.randint(1, 6), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES), r.choice(SIZES)),
    lambda r: (r.randint(1, 6), r.choice(SIZES), r.choice(SIZES)),
    lambda r: (r.randint(1, 4), r.randint(1, 6), r.randint(1, 7), r.randint(1, 7)),
)
HEADS = (
    ("conv", "norm", "activation"),
    ("conv", "activation", "join"),
    ("norm", "linear"),
    ("resample", "conv"),
    ("pool",),
    ("reshape", "product", "reshape"),
)
"""The families of layers that whole networks are made of."""


def draw(r: Random) -> Drawn:
    """Return a case. Raise Impossible if PyTorch rejects too many draws, or if the output is empty."""
    kind = r.random()
    families = list(FAMILIES)
    weights = [weight for _, weight in FAMILIES.values()]
    if kind < 0.4:
        plan = r.choices(families, weights, k=1)
    elif kind < 0.85:
        plan = r.choices(families, weights, k=r.randint(2, 5))
    else:
        plan = [family for _ in range(r.randint(2, 5)) for family in r.choice(HEADS)]
        plan += r.choice([["adaptive", "reshape", "linear"], ["reduce", "linear", "activation"], []])
    torch.manual_seed(r.randrange(1 << 30))
    shape = (r.choice([1, 2, 2, 3]), *r.choice(INPUTS)(r))
    with torch.no_grad():
        return _drawn(r, plan, shape)


def _drawn(r: Random, plan: list[str], shape: Shape) -> Drawn:
    x = torch.randn(shape)
    values, steps, modules = [x], list[Step](), list[Any]()
    for family in plan:
        for _ in range(6):
            at = len(values) - 1
            text = None if values[at].dim() < 2 else FAMILIES[family][0](r, tuple(values[at].shape))
            if text is None:
                break
            other = r.choice([i for i in range(len(values)) if values[i].dim() == values[at].dim()])
            step = _step(text, at, other)
            try:
                module = None if step.module is None else randomized(eval(step.module, NAMES))
                out = eval(f"lambda m, x, y: {step.expression}", NAMES)(module, values[at], values[other])
            except (RuntimeError, ValueError, IndexError, TypeError, AssertionError, NotImplementedError):
                continue
            if (
                0 < out.numel() < 20_000
                and out.dtype == x.dtype
                and out.dim()
                and out.shape[0] == shape[0]
                and out.abs().max() < 1e4
            ):
                steps.append(step)
                modules.append(module)
                values.append(out)
                break
    if not steps:
        raise Impossible
    net = Net(steps, modules).eval()
    fact = torch_facts.fact(net, x)
    if any("einsum" in step.expression for step in steps):  # a product over axes of size 1 is not counted
        fact = fact._replace(macs=None)
    return Drawn(
        written(steps, shape),
        fact,
        lambda: cnncalc.from_torch(net, shape),
        {"x": x.numpy()},
        None,
        lambda: torch_facts.exact(net, x),
    )


def _step(text: str, x: int, y: int) -> Step:
    if "|" in text:
        module, expression = text.split("|")
        return Step(module, expression, x, y)
    return Step(text, "m(x)", x, y) if text.startswith("nn.") else Step(None, text, x, y)


def written(steps: list[Step], shape: Shape) -> str:
    """Return the calls as source, in the shortest form."""
    lines = [f"{shape}"]
    for at, step in enumerate(steps, 1):
        names = {"x": f"v{step.x}", "y": f"v{step.y}"}
        text = (
            step.expression
            if step.module is None
            else step.expression.replace("m(", f"{step.module}(").replace("m.", f"{step.module}.")
        )
        uses = f" y={names['y']}" if "y" in step.expression and step.y != step.x else ""
        lines.append(f"v{at} = {text} [x={names['x']}{uses}]")
    return "; ".join(lines)


def randomized(module: Any) -> Any:
    """Return a module in evaluation mode with random arrays in place of the initial ones."""
    for one in module.parameters():
        one.uniform_(-0.8, 0.8)
    for name, one in module.named_buffers():
        if one.is_floating_point():
            one.uniform_(0.4, 1.6 if "var" in name else 0.9)
    return module.eval()
