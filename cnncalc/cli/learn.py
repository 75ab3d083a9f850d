"""`cnncalc learn`: learn a convolution's kernel from an input and the output it should give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import SpecError
from ..files import check_mapped
from ..layers import OPS, keys_named
from ..outputs import all_or_none, standard_output
from ._arrays import (
    array_option,
    check_front,
    check_output,
    kernel_keys,
    one_stdin,
    read_array,
    read_network,
    seed_option,
)
from ._network_options import NetworkOptions, network_options
from ._options import file_option, json_option, message_options, path_option, together
from ._terminal import note, show_lines, style_of
from ._usage import Command, Positive, Whole

if TYPE_CHECKING:
    from ..execute.learn import Learner
    from ..execute.task import Array
    from ..notation.words import Completer


@click.command("learn", cls=Command)
@click.argument("layer", nargs=-1, metavar="LAYER")
@together(
    array_option,
    file_option("-y", "--target", "y_path", metavar="Y.npy", help="Output array to learn from.", required=True),
    click.option(
        "--lr", type=Positive(), metavar="RATE", help="Learning rate; by default 0.9 times the largest that converges."
    ),
    click.option("--steps", type=Whole(1), metavar="N", default=100, show_default=True, help="Number of steps."),
    click.option("--log-every", type=Whole(1), metavar="N", help="Print every Nth step; by default ten steps in all."),
    file_option("--init", "init_path", metavar="K.npy", help="Kernel to start from."),
    seed_option,
    click.option("--exact", is_flag=True, help="Solve the least-squares problem exactly, without gradient descent."),
    path_option("K", "the kernel (.npy), or kernel and bias (.npz),"),
    network_options("dialect", "layout"),
    json_option,
    message_options,
)
def command(
    layer: tuple[str, ...],
    x_path: str,
    y_path: str,
    lr: float | None,
    steps: int,
    log_every: int | None,
    init_path: str | None,
    seed: int | None,
    exact: bool,
    path: str | None,
    options: NetworkOptions,
    as_json: bool,
) -> int:
    """Learn a convolution's kernel, and its bias unless bias=false, by gradient descent on the sum of squared errors.

    LAYER is a conv or dwconv word; if it leaves them out, c_o follows from Y, and k from --init. The kernel to start
    from is drawn, from seed 0 by default. A step's loss is taken before its weights are changed.

    \b
      cnncalc learn conv:k1x2,nobias -x x.npy -y y.npy --steps 10 --log-every 2
      cnncalc learn conv:8,k3,p1 -x x.npy -y y.npy --exact -o learned.npz
    """
    from ..execute.learn import Learner
    from ..render import learn as render

    one_stdin(x_path, y_path, init_path, *(["-"] if "-" in layer else []))
    check_output(path, as_json, (".npy", ".npz"))
    standard_output()  # an error if it is closed
    silent, is_saved = as_json or path == "-", path is not None
    if init_path is not None and seed is not None:
        raise SpecError("--init gives the kernel, but --seed draws one at random", "leave one of them out")
    x, y = read_array(x_path), read_array(y_path)
    init = None if init_path is None else read_array(init_path)
    shape = None if init is None else init.shape
    network, front = read_network(layer, _completing(init, y, options), options)
    check_front(front, x)
    learner = Learner(network, x, y, init, seed or 0, options.dialect, options.layout)
    facts = _solve(learner, silent, is_saved) if exact else _descend(learner, lr, steps, log_every, silent, is_saved)
    check_mapped()
    with all_or_none():
        if path is not None:
            _save(learner, path, shape)
        if as_json:
            show_lines([render.document(learner, facts)], is_saved)
        elif not silent:
            show_lines([render.weights_text(learner, shape)], is_saved)
    return 0


def _solve(learner: Learner, silent: bool, is_saved: bool) -> dict[str, Any]:
    """Solve the least-squares problem, show the result, and return its JSON; print a note on unused options."""
    from ..render import learn as render

    for option in ("lr", "steps", "log_every", "seed"):
        source = click.get_current_context().get_parameter_source(option)
        if source is not None and source.name == "COMMANDLINE":
            note(f"--{option.replace('_', '-')} is not used: --exact takes no steps")
    solution = learner.solve()
    if not silent:
        show_lines([render.solution_text(solution)], is_saved)
    return {"exact": solution._asdict()}


def _descend(
    learner: Learner, lr: float | None, steps: int, log_every: int | None, silent: bool, is_saved: bool
) -> dict[str, Any]:
    """Run the steps of gradient descent, show them unless JSON is wanted, and return their JSON."""
    from ..execute.learn import SHARE
    from ..render import learn as render

    if lr is None:
        lr = learner.usual_rate()
        note(f"the learning rate is {lr:.3g}, {SHARE:g} times the largest that converges")
    every, descent = log_every or max(steps // 10, 1), learner.descend(lr, steps)
    if not silent:
        show_lines(render.loss_lines(descent, steps, every, style_of(standard_output())), is_saved)
        return {}
    losses = [step._asdict() for step in descent if step.step % every == 0]
    return {"lr": lr, "steps": steps, "losses": losses, "loss": learner.loss()}


def _completing(init: Array | None, y: Array, options: NetworkOptions) -> Completer | None:
    """Return a function that completes the layer: c_o and k from the initial kernel, or c_o from the output."""
    from ..dialects import layout_of

    if init is not None:
        return kernel_keys(init, options)

    def complete(layers: list[dict[str, Any]]) -> None:
        cls, nd = OPS[layers[0]["op"]]
        known = {key for raw in layers[0] for key in keys_named(cls, raw)}
        if "c_o" in cls.NEEDED and "c_o" not in known and nd is not None:
            last = layout_of(options.dialect, options.layout) == "NHWC"
            layers[0]["c_o"] = 1 if y.ndim <= nd else y.shape[-1 if last else y.ndim - nd - 1]

    return complete


def _save(learner: Learner, path: str, shape: tuple[int, ...] | None) -> None:
    """Write the kernel, in this shape if given, or kernel and bias by name."""
    from ..execute.sinks import save, save_all

    weight: Array = learner.weight if shape is None else learner.weight.reshape(shape)
    if path.endswith(".npz"):
        name = learner.layer.name
        bias = {} if learner.bias is None else {f"{name}.bias": learner.bias}
        save_all(path, {f"{name}.weight": weight, **bias})
        return
    save(path, weight)
    if learner.bias is not None:
        note(f"{path} holds only the kernel: a .npz file would also hold the bias")
