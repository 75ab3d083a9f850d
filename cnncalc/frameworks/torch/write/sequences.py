"""The source of products, attention and layers over sequences, each in the network's own order of axes."""

from __future__ import annotations

from math import sqrt
from string import ascii_lowercase

from ....registry import Registry
from .code import Code, TorchContext, TorchWriter, inexpressible, invoke

WRITERS: Registry[str, TorchWriter] = Registry()
MULTI_HEAD = '''class MultiHead(nn.Module):
    """Attention in heads of any size: projections, attention in each head, a projection of all."""

    def __init__(self, sizes: tuple[int, int, int], heads: int, key: int, value: int, out: int, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        shapes = zip((heads * key, heads * key, heads * value, out), (*sizes, heads * value))
        for part, shape in zip(("query", "key", "value", "output"), shapes):
            self.register_parameter(f"{part}_weight", nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape))))
            self.register_parameter(f"{part}_bias", nn.Parameter(torch.zeros(shape[0])) if bias else None)

    def project(self, part: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, getattr(self, f"{part}_weight"), getattr(self, f"{part}_bias"))

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **how: object) -> torch.Tensor:
        parts = [self.project(part, x) for part, x in zip(("query", "key", "value"), (q, k, v))]
        q, k, v = [x.unflatten(-1, (self.heads, -1)).transpose(-2, -3) for x in parts]
        return self.project("output", F.scaled_dot_product_attention(q, k, v, **how).transpose(-2, -3).flatten(-2))
'''
UNNUMBERED = '''def unnumbered(module: nn.Module) -> nn.Module:
    """Return a recurrent module that is saved without the number of its only layer: weight_ih, not weight_ih_l0."""
    short = {name: name.replace("_l0", "") for name, _ in module.named_parameters()}

    def saved(module: nn.Module, state: dict, prefix: str, *_: object) -> None:
        state.update({prefix + ours: state.pop(prefix + name) for name, ours in short.items()})

    def loaded(module: nn.Module, state: dict, prefix: str, *_: object) -> None:
        given = {name: ours for name, ours in short.items() if prefix + ours in state}
        state.update({prefix + name: state.pop(prefix + ours) for name, ours in given.items()})

    module.register_state_dict_post_hook(saved)
    module.register_load_state_dict_pre_hook(loaded)
    return module
'''
HELPERS = {"MultiHead(": MULTI_HEAD, "unnumbered(": UNNUMBERED}
"""The helpers that are put at the beginning of a file if its source calls them."""


def _inputs(site: TorchContext) -> list[str]:
    """Return the inputs in the network's own order of axes."""
    return [f"{{{at}}}{site.own(rank)}" for at, rank in enumerate(map(len, site.layer.samples))]


def _aligned(text: str, rank: int, to: int) -> str:
    """Return an input with axes of size 1 after the batch, so that its sample has `to` axes."""
    return text if rank >= to else f"{text}[:{', None' * (to - rank)}]"


@WRITERS.register("matmul")
def matmul(site: TorchContext) -> Code:
    """Write a matrix product, with vectors as matrices of one row or column."""
    (a, b), (first, second) = _inputs(site), [len(x) for x in site.layer.samples]
    a, b = f"{a}[:, None]" if first == 1 else a, f"{b}[..., None]" if second == 1 else b
    rank = max(first, second, 2)
    text = f"torch.matmul({_aligned(a, max(first, 2), rank)}, {_aligned(b, max(second, 2), rank)})"
    ends = ".squeeze(-1)" * (second == 1) + (".squeeze(-1)" if second == 1 else ".squeeze(-2)") * (first == 1)
    return Code(f"{text}{ends}{site.back(len(site.out))}")


@WRITERS.register("einsum")
def einsum(site: TorchContext) -> Code:
    """Write an einsum with a letter for the batch."""
    inputs, _, out = site.values["equation"].partition("->")
    batch = next((c for c in "bn" + ascii_lowercase if c not in inputs), None)
    if batch is None:
        raise inexpressible("needs a letter for the batch, but all are taken", "use fewer letters")
    equation = f"{','.join(batch + term for term in inputs.split(','))}->{batch}{out}"
    return Code(f'torch.einsum("{equation}", {", ".join(_inputs(site))}){site.back(len(site.out))}')


def _three(site: TorchContext) -> tuple[list[str], list[int]]:
    """Return queries, keys, values and the mask (if any), and the number of axes of each."""
    inputs, ranks = _inputs(site), [len(x) for x in site.layer.samples]
    second = min(1, len(inputs) - 1)
    third = 2 if len(inputs) > 2 else second
    order = [0, second, third, *range(3, len(inputs))]
    return [inputs[at] for at in order], [ranks[at] for at in order]


def _mask(site: TorchContext, mask: str) -> str:
    """Return the mask arguments, for a given mask and a causal one."""
    if not site.values["causal"]:
        return f", attn_mask={mask}" if mask else ""
    if not mask:
        return ", is_causal=True"
    rows, columns = site.layer.samples[0][-2], site.layer.samples[1][-2]
    sizes = f"({site.known(rows, 'the positions')}, {site.known(columns, 'the positions')})"
    return f', attn_mask={mask} + torch.full({sizes}, float("-inf"), device={{0}}.device).triu(1)'


@WRITERS.register("attention")
def attention(site: TorchContext) -> Code:
    """Write scaled dot-product attention."""
    inputs, ranks = _three(site)
    q, k, v, *masks = [_aligned(x, rank, max(ranks)) for x, rank in zip(inputs, ranks, strict=True)]
    lead = site.layer.traced.out[:-2]
    if masks and any(tuple(x[:-2]) != lead for x in site.layer.samples[:3]):  # PyTorch adds a mask in place
        q = f"{q}.expand(-1, {', '.join(str(site.known(n, 'a size')) for n in lead)}, -1, -1)"
    scale, features = site.values["scale"], site.layer.sample[-1]
    plain = scale is None or (isinstance(features, int) and scale == 1 / sqrt(features))
    more = _mask(site, masks[0] if masks else "") + ("" if plain else f", scale={scale!r}")
    return Code(f"F.scaled_dot_product_attention({q}, {k}, {v}{more}){site.back(len(site.out))}")


@WRITERS.register("multihead")
def multihead(site: TorchContext) -> Code:
    """Write a helper module, as PyTorch's own keeps three weights in one and has heads of one size."""
    v = site.values
    inputs, ranks = _three(site)
    sizes = tuple([site.known(v[key], "the features") for key in ("c_i", "kdim", "vdim")])
    arguments = (sizes, v["heads"], v["key_dim"], v["value_dim"], v["out"], v["bias"])
    rank = max(ranks[:3])
    q, k, value = [_aligned(x, ranks[at], rank) for at, x in enumerate(inputs[:3])]
    mask = _aligned(inputs[3], ranks[3], rank + 1) if len(inputs) > 3 else ""
    call = f"{{self}}({q}, {k}, {value}{_mask(site, mask)}){site.back(len(site.out))}"
    return Code(call, invoke("MultiHead", *arguments))


@WRITERS.register("embedding")
def embedding(site: TorchContext) -> Code:
    """Write an embedding."""
    (x,) = _inputs(site)
    return Code(f"{{self}}({x}.long()){site.back(len(site.out))}", site.named(site.values["rows"], site.values["out"]))


@WRITERS.register("lstm", "gru", "rnn")
def recurrent(site: TorchContext) -> Code:
    """Write a recurrent layer, with axes before the steps folded into the batch."""
    v, lead = site.values, site.layer.sample[:-2]
    if v["bias"] and not v["hidden_bias"]:
        raise inexpressible(f"has two biases in {site.op}, or none", "give hidden_bias=true, or bias=false")
    if v["masked"]:
        raise inexpressible("has no mask of steps", "leave masked out")
    if not v.get("reset_after", True):
        raise inexpressible("resets after the product in gru", "give reset_after=true")
    usual = ("tanh", "relu") if site.op == "rnn" else ("tanh",)
    if v["activation"] not in usual or v.get("gate", "sigmoid") != "sigmoid":
        other = v["activation"] if v["activation"] not in usual else v["gate"]
        raise inexpressible(f"has no {site.op} with {other}", f"use {' or '.join(usual)}, and sigmoid for gates")
    if v.get("state", "hidden") != "hidden" and v["sequences"]:
        raise inexpressible("outputs the cell of the last step only", "give sequences=false")
    more = {"batch_first": True} | ({"nonlinearity": "relu"} if v.get("activation") == "relu" else {})
    c_i = site.known(v["c_i"], "its features")
    text = site.named(c_i, v["out"], bidirectional=v["bidirectional"], bias=v["bias"], more=more)
    x, *states = _inputs(site)
    folded = f".flatten(0, {len(lead)})" if lead else ""
    turned = ".flip(-2)" if v["backward"] else ""
    ends = [f"{one}.reshape(-1, {1 + v['bidirectional']}, {v['out']}).transpose(0, 1).contiguous()" for one in states]
    begin = f", ({', '.join(ends)})" if len(ends) > 1 else "".join(f", {one}" for one in ends)
    result = f"{{self}}({x}{folded}{turned}{begin})"
    if v["sequences"]:
        result += f"[0]{turned}"
    elif v.get("state") == "both":
        result = f"torch.cat({result}[1]).transpose(0, 1).flatten(1)"
    else:
        state = {"hidden": "[0]", "cell": "[1]"}[v["state"]] if site.op == "lstm" else ""
        result += f"[1]{state}.transpose(0, 1).flatten(1)"
    sizes = ", ".join(str(site.known(n, "a size")) for n in lead)
    result += f".unflatten(0, (-1, {sizes}))" if lead else ""
    return Code(f"{result}{site.back(len(site.out))}", f"unnumbered({text})")
