"""Random right networks as they are written, run by the frameworks themselves, against `run`.

    python -m tests.fuzz.written torch|onnx|keras [--cases N] [--seed S] [--only CASE]

onnx is run by onnxruntime. What the writer refuses is counted, and so is what the framework refuses: that is printed,
as it may be our source that is wrong. The values are compared as `tests.fuzz.answers` does.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import traceback
from collections import Counter
from typing import Any

import numpy as np

import cnncalc
from cnncalc.execute.weights import wanted
from cnncalc.network import Network
from cnncalc.report import Report

from . import answers, laws
from .commands import Draw
from .graphs import grown

Array = Any
Weights = dict[str, Array]


class Unlike(Exception):
    """Raised if the framework's weights have other names or shapes than ours, so that nothing can be compared."""


def by_torch(network: Network, x: Array, weights: Weights) -> Array:
    """Return the output of a module's source with the arrays of these names."""
    import torch

    names: dict[str, Any] = {"__name__": "net"}
    exec(compile(cnncalc.to_torch(network), "net.py", "exec"), names)
    modules = [one for one in names.values() if isinstance(one, type) and one.__module__ == "net"]
    module = modules[-1]().eval()
    state = module.state_dict()
    known = {key: torch.tensor(array) for key, array in weights.items() if key in state}
    if len(known) < len(weights) or any(state[key].shape != one.shape for key, one in known.items()):
        raise Unlike
    module.load_state_dict(known, strict=False)
    with torch.no_grad():
        out = module(torch.tensor(x))
    return np.asarray(out[0] if isinstance(out, tuple) else out)


def by_onnx(network: Network, x: Array, weights: Weights) -> Array:
    """Return onnxruntime's output for a file with these weights."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(cnncalc.to_onnx(network, weights), options, ["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def by_keras(network: Network, x: Array, weights: Weights) -> Array:
    """Return Keras's output for a model with these weights, layer by layer."""
    import keras

    model = keras.models.model_from_json(cnncalc.to_keras(network))
    given: dict[str, list[Array]] = {}
    for name, array in weights.items():
        given.setdefault(name.rpartition(".")[0], []).append(array)
    for layer in model.layers:
        own = given.pop(layer.name, [])
        if [one.shape for one in layer.weights] != [one.shape for one in own]:
            raise Unlike
        layer.set_weights(own)
    if given:
        raise Unlike
    out = model(x, training=False)
    return np.asarray(out[0] if isinstance(out, (list, tuple)) else out)


RUNNERS = {"torch": by_torch, "onnx": by_onnx, "keras": by_keras}


def case(framework: str, seed: int, number: int) -> str:
    """Return the result of a case: a word, or a line about what is wrong."""
    spec = grown(Draw(f"{seed}/written/{number}"))
    network = cnncalc.load(spec)
    report: Report = cnncalc.shape(network)
    given = answers.given(report) if laws.is_small(report) else None
    if given is None or report.batch is not None:
        return "other inputs"
    x, weights = given
    try:
        own = cnncalc.run(network, x, weights)
        steep = answers.is_steep(network, report, x, weights, own)
        made = RUNNERS[framework](network, x, {want.name: weights[want.name] for want in wanted(report)})
    except cnncalc.CnncalcError:
        return "refused by us"
    except Unlike:
        return "other weights"
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error):
            return "refused by the framework"
        what = "".join(traceback.format_exception_only(error)).splitlines()[0][:300]
        return f"{json.dumps(spec)}\nrefused: {what}"
    if made.size != own.size:
        return f"{json.dumps(spec)}\n{made.shape}, not {own.shape}"
    if steep:
        return "steep"
    differ = answers.difference(made, own)
    return "agrees" if differ < 1e-3 else f"{json.dumps(spec)}\nvalues differ by {differ:.2g} of the largest"


def main() -> None:
    """Compare cases; print the first of each kind that differs, and the counts of all results."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.written", description=__doc__)
    parser.add_argument("framework", choices=RUNNERS)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    ends, seen = Counter[str](), Counter[str]()
    for number in range(given.cases) if given.only is None else [given.only]:
        end = case(given.framework, given.seed, number)
        ends[end if "\n" not in end else "differs"] += 1
        kind = re.sub(r"\d+|'[^']*'", "N", end.rpartition("\n")[2])[:120]
        seen[kind] += 1
        if "\n" in end and seen[kind] == 1:
            sys.stdout.write(f"--- {number} {end}\n")
    sys.stdout.write(f"{dict(ends)}\n")


if __name__ == "__main__":
    main()
