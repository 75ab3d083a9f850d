"""The source of layers that read nothing, and of those that fold axes into the batch or move it."""

from __future__ import annotations

from ....registry import Registry
from .code import Code, TorchContext, TorchWriter, invoke

WRITERS: Registry[str, TorchWriter] = Registry()
CONSTANT = '''class Constant(nn.Module):
    """An array of the network, for every sample: trained, kept, or all of one number."""

    def __init__(self, *shape: int, trained: bool = True, value: float | None = None) -> None:
        super().__init__()
        if value is None and trained:
            self.weight = nn.Parameter(torch.randn(shape))
        else:
            array = torch.randn(shape) if value is None else torch.full(shape, value)
            self.register_buffer("weight", array, persistent=value is None)

    def forward(self) -> torch.Tensor:
        return self.weight[None]
'''
HELPERS = {"Constant(": CONSTANT}
"""What a file begins with if its source calls it."""


@WRITERS.register("constant")
def constant(site: TorchContext) -> Code:
    """Write an array in the network's own order of axes, with a batch of one."""
    v, shape = site.values, [site.known(n, "its sizes") for n in site.layer.traced.out]
    trained = {} if v["kind"] == "parameter" or v["value"] is not None else {"trained": False}
    value = {} if v["value"] is None else {"value": float(v["value"])}
    return Code(f"{{self}}(){site.back(len(shape))}", invoke("Constant", *shape, **trained, **value))


@WRITERS.register("input")
def further_input(site: TorchContext) -> Code:
    """Write nothing: the input is an argument of `forward`."""
    return Code("")


@WRITERS.register("tobatch")
def tobatch(site: TorchContext) -> Code:
    """Write the first axes of a sample in a row with the batch."""
    return Code(f"{{0}}{site.own(len(site.x))}.flatten(0, {site.values['axes']}){site.back(len(site.out))}")


@WRITERS.register("frombatch")
def frombatch(site: TorchContext) -> Code:
    """Write the axes that were folded last in front of a sample again."""
    sizes = ", ".join(str(site.known(n, "a folded size")) for n in site.layer.traced.out[: site.values["axes"]])
    return Code(f"{{0}}{site.own(len(site.x))}.unflatten(0, (-1, {sizes})){site.back(len(site.out))}")


@WRITERS.register("movebatch")
def movebatch(site: TorchContext) -> Code:
    """Write the batch at its place in an output; a layer that reads it has it in front."""
    nodes = site.layer.nodes
    if not site.values["to"] or any(nodes[at] is site.node for node in nodes for at in node.reads if at >= 0):
        return Code("{0}")
    if site.last:
        raise site.refuse("has the channels first, but here the batch is moved among axes with the channels last")
    return Code(f"{{0}}.movedim(0, {site.values['to']})")
