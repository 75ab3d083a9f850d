"""`cnncalc learn`: a convolution's kernel from an input and what should come out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..errors import SpecError
from ..layers import OPS, keys_named
from ._arrays import no_mixture, one_stdin, read_array, read_network, where_options, x_option
from ._options import color_option, debug_option, json_option, note, quiet_option, together
from ._usage import Command, Positive, Whole

if TYPE_CHECKING:
    from ..execute.learn import Learner, Solution
    from ..execute.task import Array
    from ..notation.words import Fill

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24


@click.command("learn", cls=Command)
@click.argument("layer", nargs=-1, metavar="LAYER")
@together(
    x_option(),
    click.option("-y", "y_path", metavar="Y.npy", required=True, help="What should come out."),
    click.option("--lr", type=Positive(), default=0.03, metavar="RATE", show_default=True, help="The rate."),
    click.option("--steps", type=Whole(1), default=100, metavar="N", show_default=True, help="How many steps."),
    click.option("--log-every", type=Whole(1), metavar="N", help="Print every Nth step; a tenth by default."),
    click.option("--init", "init_path", metavar="K.npy", help="The kernel to begin with."),
    click.option("--seed", type=Whole(0), metavar="N", help="Draw the kernel to begin with; 0 by default."),
    click.option("--exact", is_flag=True, help="Solve the least-squares problem instead."),
    click.option("-o", "--output", "path", metavar="K", help="Write the kernel (.npy), or kernel and bias (.npz)."),
    *where_options(),
    json_option(),
    color_option(),
    quiet_option(),
    debug_option(),
)
def command(
    layer: tuple[str, ...],
    x_path: str,
    y_path: str,
    lr: float,
    steps: int,
    log_every: int | None,
    init_path: str | None,
    seed: int | None,
    exact: bool,
    path: str | None,
    dialect: str | None,
    layout: str | None,
    as_json: bool,
    color: str,
    quiet: bool,
) -> int:
    """Learn a convolution's kernel, and its bias unless bias=false, by gradient descent on the sum of squared errors.

    LAYER is a conv or dwconv word; c_o follows from Y, and k from --init, where the word leaves them out. A step's
    loss is taken before its weights are changed.

    \b
      cnncalc learn conv:k1x2,nobias -x x.npy -y y.npy --steps 10 --log-every 2
      cnncalc learn conv:8,k3,p1 -x x.npy -y y.npy --exact -o learned.npz
    """
    from ..execute.learn import Learner

    one_stdin(x_path, y_path, init_path, *(["-"] if "-" in layer else []))
    no_mixture(path, as_json)
    silent = as_json or path == "-"
    if init_path is not None and seed is not None:
        raise SpecError("--init gives the kernel, and --seed draws one", "leave one of them out")
    x, y = read_array(x_path), read_array(y_path)
    init = None if init_path is None else read_array(init_path)
    network = read_network(layer, _completing(init, y, dialect, layout), x)
    learner = Learner(network, x, y, init, seed or 0, dialect, layout)
    if exact:
        _say_unused(quiet)
        solution = learner.solve()
        losses = [{"loss": solution.loss}]
        found: dict[str, Any] = {"exact": solution._asdict()}
        if not silent:
            _print_solution(solution)
    else:
        losses = _descend(learner, lr, steps, log_every or max(steps // 10, 1), silent)
        found = {"lr": lr, "steps": steps, "losses": losses, "loss": learner.loss()}
    if path is not None:
        _save(learner, path, quiet, None if init is None else init.shape)
    if as_json:
        found = {"layer": learner.layer.name, **found, "weight": learner.weight.tolist()}
        if learner.bias is not None:
            found["bias"] = learner.bias.tolist()
        sys.stdout.write(json.dumps(found) + "\n")
    elif not silent:
        _print_weights(learner, None if init is None else init.shape)
    return 0


def _say_unused(quiet: bool) -> None:
    """Say which options were given that --exact does not use."""
    for option in ("lr", "steps", "log_every", "seed"):
        source = click.get_current_context().get_parameter_source(option)
        if source is not None and source.name == "COMMANDLINE":
            note(quiet, f"--{option.replace('_', '-')} is not used: --exact takes no steps")


def _completing(init: Array | None, y: Array, dialect: str | None, layout: str | None) -> Fill:
    """What completes the layer: c_o and k from the kernel to begin with, or c_o from what should come out."""
    from .. import fill_for, order_of

    if init is not None:
        return fill_for(init.shape, dialect, layout)

    def fill(layers: list[dict[str, Any]]) -> None:
        cls, nd = OPS[layers[0]["op"]]
        known = {key for raw in layers[0] for key in keys_named(cls, raw)}
        if "c_o" in cls.NEEDED and "c_o" not in known and nd is not None:
            last = order_of(dialect, layout) == "NHWC"
            layers[0]["c_o"] = 1 if y.ndim <= nd else y.shape[-1 if last else y.ndim - nd - 1]

    return fill


def _descend(learner: Learner, lr: float, steps: int, log_every: int, silent: bool) -> list[dict[str, Any]]:
    """Print the table row by row, while it runs; the rows."""
    width = max(len(str(steps)), len("step"))
    ascii_only = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    if not silent:
        sys.stdout.write(f"{'step':>{width}}  {'loss':>10}\n")
    losses: list[float] = []
    rows = []
    for step in learner.descend(lr, steps):
        losses.append(step.loss)
        if step.step % log_every == 0:
            rows.append(step._asdict())
            if not silent:
                line = "" if ascii_only else f"  {sparkline(losses)}"
                sys.stdout.write(f"{step.step:>{width}}  {loss_text(step.loss):>10}{line}\n")
                sys.stdout.flush()
    return rows


def loss_text(loss: float) -> str:
    """A loss as the chapter prints it, with three decimals; very small and very large ones by their power of ten."""
    return f"{loss:.3f}" if loss == 0 or 1e-2 <= loss < 1e7 else f"{loss:.3e}"


def sparkline(values: list[float], width: int = WIDTH) -> str:
    """Values as a row of bars, the highest the largest; of many, every so manieth."""
    shown = values if len(values) <= width else [values[i * (len(values) - 1) // (width - 1)] for i in range(width)]
    most = max(shown)
    return "".join([BARS[min(int(v / most * len(BARS)), len(BARS) - 1)] if most else BARS[0] for v in shown])


def _print_solution(solution: Solution) -> None:
    equations, unknowns, rank = solution.equations, solution.unknowns, solution.rank
    sys.stdout.write(f"loss  {loss_text(solution.loss)}\n")
    if rank < unknowns:
        free = unknowns - rank
        text = (
            f"rank {rank} of {unknowns}: not determined, {free} direction{'' if free == 1 else 's'} left open "
            "(the smallest weights are given)"
        )
    else:
        text = f"rank {rank} of {unknowns}: determined, condition {solution.condition:.3g}"
    sys.stdout.write(f"{equations:,} equations in {unknowns:,} unknowns an output channel, {text}\n")


def _print_weights(learner: Learner, shape: tuple[int, ...] | None) -> None:
    """The kernel, in the shape in which it was given, and the bias."""
    from ..execute.learn import printed

    weight = learner.weight if shape is None else learner.weight.reshape(shape)
    for name, array in (("weight", weight), ("bias", learner.bias)):
        if array is not None:
            sys.stdout.write(f"{name}{printed(array)}\n")


def _save(learner: Learner, path: str, quiet: bool, shape: tuple[int, ...] | None) -> None:
    """Write the kernel, in the shape in which it was given, or kernel and bias by name."""
    from ..execute.sinks import save, save_all

    weight: Array = learner.weight if shape is None else learner.weight.reshape(shape)
    if path.endswith(".npz"):
        name = learner.layer.name
        bias = {} if learner.bias is None else {f"{name}.bias": learner.bias}
        save_all(path, {f"{name}.weight": weight, **bias})
        return
    save(path, weight)
    if learner.bias is not None:
        note(quiet, f"{path} has the kernel only: a .npz would have the bias, too")
