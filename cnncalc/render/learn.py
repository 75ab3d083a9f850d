"""The result of learning: the losses as they fall, the least-squares solution, the weights, or all as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..notation.encode import encode
from .texts import paint, plural

if TYPE_CHECKING:
    from ..execute.learn import DescentStep, Learner, Solution
    from . import Style

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24


def loss_lines(descent: Iterable[DescentStep], steps: int, every: int, style: Style) -> Iterator[str]:
    """Yield the table of a descent while it runs: a header, and a line for each `every`-th of `steps` steps."""
    width = max(len(str(steps)), len("step"))
    yield paint(f"{'step':>{width}}  {'loss':>10}", "bold", style.color) + "\n"
    losses: list[float] = []
    for step in descent:
        losses.append(step.loss)
        if step.step % every == 0:
            line = "" if style.ascii else f"  {sparkline(losses)}"
            yield f"{step.step:>{width}}  {loss_text(step.loss):>10}{line}\n"


def loss_text(loss: float) -> str:
    """Return a loss with three decimals, as in the textbook, or in scientific notation if very small or large."""
    return f"{loss:.3f}" if loss == 0 or 1e-2 <= loss < 1e7 else f"{loss:.3e}"


def sparkline(values: list[float]) -> str:
    """Return values as a row of at most `WIDTH` bars, the highest for the largest; many values are sampled."""
    shown = values if len(values) <= WIDTH else [values[i * (len(values) - 1) // (WIDTH - 1)] for i in range(WIDTH)]
    most = max(shown)
    return "".join([BARS[min(int(v / most * len(BARS)), len(BARS) - 1)] if most else BARS[0] for v in shown])


def solution_text(solution: Solution) -> str:
    """Return two lines: the loss of a least-squares solution, and how well the equations determine it."""
    unknowns, rank = solution.unknowns, solution.rank
    text = f"rank {rank} of {unknowns}: determined, condition {solution.condition:.3g}"
    if rank < unknowns:
        free = plural(unknowns - rank, "direction")
        text = f"rank {rank} of {unknowns}: not determined, {free} left open (the smallest weights are shown)"
    return (
        f"loss  {loss_text(solution.loss)}\n"
        f"{plural(solution.equations, 'equation')} in {plural(unknowns, 'unknown')} per output channel, {text}\n"
    )


def weights_text(learner: Learner, shape: tuple[int, ...] | None) -> str:
    """Return the kernel, in this shape if given, and the bias, as text."""
    from ..execute.learn import printed

    weight = learner.weight if shape is None else learner.weight.reshape(shape)
    text = f"weight{printed(weight)}\n"
    return text if learner.bias is None else f"{text}bias{printed(learner.bias)}\n"


def document(learner: Learner, facts: dict[str, Any]) -> str:
    """Return the layer, the `facts` about its learning, and its weights as one JSON document."""
    bias = {} if learner.bias is None else {"bias": learner.bias.tolist()}
    return encode({"layer": learner.layer.name, **facts, "weight": learner.weight.tolist(), **bias}) + "\n"
