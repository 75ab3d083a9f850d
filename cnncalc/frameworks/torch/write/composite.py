"""The source of constants, further inputs, and layers that fold axes into the batch."""

from __future__ import annotations

from ....registry import Registry
from .code import Code, TorchContext, TorchWriter, inexpressible, invoke

WRITERS: Registry[str, TorchWriter] = Registry()
CONSTANT = '''class Constant(nn.Module):
    """An array: a parameter, or a buffer that is not trained."""

    def __init__(self, *shape: int, trained: bool) -> None:
        super().__init__()
        if trained:
            self.weight = nn.Parameter(torch.zeros(shape))
        else:
            self.register_buffer("weight", torch.zeros(shape))

    def forward(self) -> torch.Tensor:
        return self.weight[None]
'''


@WRITERS.register("constant")
def constant(site: TorchContext) -> Code:
    """Write a module with an array, or a tensor of one number, each with a batch of 1 in front."""
    shape = [site.known(n, "a constant's sizes") for n in site.x]
    value = site.values["value"]
    if value is not None:
        return Code(f"torch.full({(1, *shape)}, {float(value)!r})")
    return Code("{self}()", invoke("Constant", *shape, trained=site.values["kind"] == "parameter"))


@WRITERS.register("input")
def further_input(site: TorchContext) -> Code:
    """Write nothing: the input is an argument of the network's forward."""
    return Code("")


@WRITERS.register("tobatch")
def tobatch(site: TorchContext) -> Code:
    """Write a flatten of the batch and the following axes."""
    rank = len(site.layer.sample)
    return Code(f"{{0}}{site.own(rank)}.flatten(0, {site.values['axes']}){site.back(rank - site.values['axes'])}")


@WRITERS.register("frombatch")
def frombatch(site: TorchContext) -> Code:
    """Write an unflatten of the batch."""
    out, axes = site.layer.traced.out, site.values["axes"]
    sizes = ", ".join(str(site.known(n, "the folded axes")) for n in out[:axes])
    return Code(f"{{0}}{site.own(len(out) - axes)}.unflatten(0, (-1, {sizes})){site.back(len(out))}")


@WRITERS.register("movebatch")
def movebatch(site: TorchContext) -> Code:
    """Write a movedim, applied only to a final result; layers that read it have the batch in front."""
    if any(site.layer.nodes[at] is site.node for node in site.layer.nodes for at in node.reads if at >= 0):
        return Code("{0}")
    if site.last:
        raise inexpressible("moves the batch only in NCHW", "give --layout NCHW")
    return Code(f"{{0}}.movedim(0, {site.values['to']})")
