"""Buffers that a run reuses: writing into one never changes what a layer reads."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
from hypothesis import example, given

import cnncalc
from cnncalc.execute.program import KERNELS
from cnncalc.layers import OPS

Spec = list[dict[str, Any]]
SAMPLE = (4, 3, 6)
IN_PLACE = sorted(op for op, kernel in KERNELS.items() if kernel.in_place)
"""Every op that may write into its input."""
OTHERS = ["max", "channelshuffle", "maxpool"]
"""Some that may not, and use a free buffer."""
KEYS: dict[str, dict[str, Any]] = {
    "groupnorm": {"g": 2},
    "lrn": {"size": 3},
    "clip": {"min": -1, "max": 2},
    "rescale": {"factor": 0.5, "offset": 1},
    "reshape": {"out": [*SAMPLE]},
    "channelshuffle": {"g": 2},
    "maxpool": {"k": 3, "s": 1, "p": 1},
    "compare": {"by": "lt"},
}
"""Keys for ops that need some, or have no effect without them; all of them keep the shape."""


@st.composite
def graphs(draw: st.DrawFn) -> Spec:
    """Return layers that keep the shape and read any of the last four values; `end` joins the unread ones."""
    spec: Spec = []
    names = ["input"]
    unread: list[str] = []
    for at in range(draw(st.integers(2, 9))):
        op = draw(st.sampled_from(IN_PLACE) | st.sampled_from(["add", *OTHERS]))
        least, most = (2, 4) if OPS[op][0].JOINS else (1, 1)
        most = 2 if getattr(OPS[op][0], "PAIRS", False) else most
        reads = draw(st.lists(st.sampled_from(names[-4:]), min_size=least, max_size=most))
        layer = {"op": op, **KEYS.get(op, {}), "name": f"n{at}", "from": reads}
        if op == "flatten":  # and back
            layer |= {"op": "block", "layers": [{"op": op}, {"op": "reshape", **KEYS["reshape"]}]}
        spec.append(layer)
        names.append(f"n{at}")
        unread = [name for name in unread if name not in reads] + [f"n{at}"]
    return [*spec, {"op": "concat", "name": "end", "from": [*unread, draw(st.sampled_from(names))]}]


def added(*reads: str) -> Spec:
    """Return a sum that reads some layers, one of them more than once."""
    layers: Spec = [{"op": "relu", "name": "a"}, {"op": "tanh", "name": "b"}]
    return [*layers, {"op": "add", "name": "sum", "from": [*reads]}, {"op": "relu", "name": "end"}]


KINDS = ["f8", "f4", "f2", "i8", "i4", "i1", "?"]


@given(graphs(), st.sampled_from(KINDS), st.sampled_from(["NCHW", "NHWC"]), st.sampled_from([64, 1 << 19]))
@example(added("a", "a", "a"), "f8", "NCHW", 64)
@example(added("a", "b", "a"), "f8", "NCHW", 64)
def test_a_layer_never_overwrites_what_is_still_to_be_read(spec: Spec, kind: str, layout: str, block: int) -> None:
    """The oracle is a run that keeps the result of every layer, so each has separate memory."""
    x = (np.random.default_rng(5).standard_normal((2, *SAMPLE)) * 3).astype(kind)
    names = [node.name for node in cnncalc.load(spec).inlined().nodes]
    with patch("cnncalc.execute.threads.BLOCK", block):
        try:
            expected = cnncalc.run(spec, x, seed=1, layout=layout, keep=names)["end"]
        except cnncalc.ShapeError as error:
            if "may reach" not in error.what:  # sums or products of integers
                raise
            return
        np.testing.assert_array_equal(cnncalc.run(spec, x, seed=1, layout=layout), expected)
