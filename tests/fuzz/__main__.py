"""Random models against their frameworks: `python -m tests.fuzz --framework torch|keras|onnx --cases N --seed S`.

It prints how many cases agree, what is not supported, and for each kind of difference the number of cases and the
smallest one. With `--log FILE` it resumes where it stopped. `--only CASE` runs a single case in this process, and lets
exceptions pass.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from functools import partial
from importlib import import_module
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

from . import measure
from .draws import Impossible, case_random
from .measure import Line, Log

SHOWN = 40
"""The most kinds of differences that are printed."""


def run(framework: str, seed: int, case: int) -> Line | None:
    """Return the comparison of a case with its text; None if the framework rejects the model."""
    draw: Any = import_module(f"tests.fuzz.{framework}_draws").draw
    try:
        drawn = draw(case_random(seed, case))
    except Impossible:
        return None
    try:
        line = measure.read(drawn.read, drawn.fact, drawn.inputs, drawn.weights)
    except Exception as error:
        line = {"crashed": f"{type(error).__name__}: {error}"[:300]}
    line = measure.without_rounding(line, drawn.exact)
    return {"text": drawn.text, **line}


def chunk(framework: str, seed: int, cases: range) -> Line:
    """Return the differences of several cases, how many were drawn, agreed and crashed, and the opaque ops found.

    cnncalc is only Python and NumPy, so a crash by a signal is the framework's.
    """
    lines = [
        {"case": case, **line}
        for case, line in zip(
            cases, measure.each(partial(_case, framework, seed, cases[0]), len(cases), 60), strict=True
        )
        if line
    ]
    drawn = [line for line in lines if not line.get("died", "").startswith("signal")]
    return {
        "drawn": len(drawn),
        "died": len(lines) - len(drawn),
        "agree": sum(not line.get("opaque") and not measure.fails(line) for line in drawn),
        "unknown": sum(bool(line.get("unknown")) and not line.get("opaque") for line in drawn),
        "opaque": dict(Counter(kind for line in drawn for kind in line.get("opaque", {}))),
        "differences": [
            {"case": line["case"], "text": line.get("text", ""), "wrong": measure.fails(line)}
            for line in drawn
            if measure.fails(line)
        ],
    }


def _case(framework: str, seed: int, first: int, at: int) -> Line:
    return run(framework, seed, first + at) or {}


def kind(text: str) -> str:
    """Return a difference without its numbers and names."""
    return re.sub(r"-?\d[\d,.e+-]*", "N", re.sub(r"'[^']*'", "'..'", text.splitlines()[0]))[:150]


def report(lines: list[Line], seconds: float) -> str:
    """Return a text with the counts, the opaque ops, and each kind of difference with its smallest case."""
    differences = [one for line in lines for one in line["differences"]]
    opaque = sum((Counter(line["opaque"]) for line in lines), Counter[str]())
    drawn, agree, unknown, died = (sum(line[key] for line in lines) for key in ("drawn", "agree", "unknown", "died"))
    met = drawn - agree - len(differences)
    counts = f"{agree:,} agree, {len(differences):,} differ, {met:,} have opaque ops"
    text = [f"{drawn:,} cases in {seconds:.0f} s: {counts}"]
    text += [f"{unknown:,} have an unknown figure without an opaque op; {died:,} crash the framework and do not count"]
    text += ["opaque: " + ", ".join(f"{op} {n}" for op, n in opaque.most_common(60))] if opaque else []
    groups: dict[str, list[Line]] = {}
    for one in differences:
        groups.setdefault(kind(one["wrong"][0]), []).append(one)
    for name, group in sorted(groups.items(), key=lambda item: -len(item[1]))[:SHOWN]:
        least = min(group, key=lambda one: len(one["text"]))
        text.append(
            f"{len(group)} x {name}\n    case {least['case']}: {least['text']}\n    {' | '.join(least['wrong'])}"
        )
    return "\n".join(text)


def main() -> None:
    """Draw the cases, and print the differences."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--framework", choices=["torch", "keras", "onnx"], required=True)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", default=os.devnull, help="the file of JSON lines to go on with")
    parser.add_argument("--only", type=int, help="the number of one case")
    args = parser.parse_args()
    if args.only is not None:
        line = run(args.framework, args.seed, args.only)
        sys.stdout.write("\n".join(f"{key}: {value}" for key, value in (line or {"drawn": "nothing"}).items()) + "\n")
        return
    log, begin = Log(args.log), time.perf_counter()
    import_module(f"tests.fuzz.{args.framework}_draws")
    for first in range(0, args.cases, measure.BATCH):
        cases = range(first, min(first + measure.BATCH, args.cases))
        name = f"{args.framework}:{args.seed}:{cases[0]}-{cases[-1]}"
        if name not in log.names:
            log.add({"name": name, **chunk(args.framework, args.seed, cases)})
    sys.stdout.write(report(log.lines, time.perf_counter() - begin) + "\n")


if __name__ == "__main__":
    main()
