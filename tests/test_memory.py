"""Memory: what is held at the same time, compared with an executor that counts references, and networks by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.memory import DTYPES, MemoryStep, alive, itemsize, sweep
from cnncalc.network import INPUT
from tests.program import here

Case = tuple[int, list[MemoryStep]]


@st.composite
def graphs(draw: st.DrawFn) -> Case:
    """Return steps that read any earlier ones; some are views, and all sizes differ, so that a wrong one shows."""
    steps: list[MemoryStep] = []
    for at in range(draw(st.integers(1, 9))):
        above = range(INPUT, at)
        reads = tuple(draw(st.lists(st.sampled_from(above), min_size=1, max_size=3)))
        is_view = len(reads) == 1 and draw(st.booleans())
        steps.append(MemoryStep(reads, draw(st.integers(1, 10)) * 1000 + 2**at, is_view))
    return draw(st.integers(1, 9)), steps


def executed(input: int, steps: list[MemoryStep], outputs: list[int]) -> list[set[int]]:
    """Return the tensors held while each step runs, by counting references as an executor would."""
    storage: dict[int, int] = {INPUT: INPUT}
    waiting = {at: [later for later, step in enumerate(steps) if at in step.reads] for at in range(-1, len(steps))}
    held = {INPUT}
    found = []
    for at, step in enumerate(steps):
        storage[at] = storage[step.reads[0]] if step.is_view else at
        held.add(storage[at])
        found.append(set(held))
        for tensor in list(storage):
            waiting[tensor] = [later for later in waiting[tensor] if later != at]
        needed = {storage[tensor] for tensor in storage if waiting[tensor] or tensor in outputs}
        held &= needed
    return found


@given(graphs())
def test_what_is_there_is_what_an_executor_holds(case: Case) -> None:
    input, steps = case
    read = {at for step in steps for at in step.reads}
    outputs = [at for at in range(len(steps)) if at not in read]
    held = executed(input, steps, outputs)
    if INPUT not in read:
        return  # an unread input is freed at once here, which is not worth a rule
    sizes = [sum(input if at == INPUT else steps[at].size or 0 for at in tensors) for tensors in held]
    assert sweep(input, steps, outputs) == sizes
    for at, tensors in enumerate(held):
        assert set(alive(steps, outputs, at)) == tensors


@given(graphs(), st.integers(0, 8))
def test_a_size_that_is_not_known_is_unknown_as_long_as_it_is_there(case: Case, hidden: int) -> None:
    input, steps = case
    hidden %= len(steps)
    if steps[hidden].is_view:
        return
    read = {at for step in steps for at in step.reads}
    outputs = [at for at in range(len(steps)) if at not in read]
    known = sweep(input, steps, outputs)
    masked = [step._replace(size=None) if at == hidden else step for at, step in enumerate(steps)]
    for at, (size, before) in enumerate(zip(sweep(input, masked, outputs), known, strict=True)):
        there = hidden in alive(steps, outputs, at)
        assert size == (None if there else before)


# By hand.


def measured(layers: Any, input: Any, dtype: str = "float32", **options: Any) -> cnncalc.Report:
    return cnncalc.shape(layers, input, dtype=dtype, **options)


def test_a_chain() -> None:
    """Conv 3x8x9 -> 5x6x7, relu, flatten (a view), linear to 11."""
    report = measured("conv:5,k3 relu flatten linear:11", (3, 8, 9))
    input, conv, linear = 216 * 4, 210 * 4, 11 * 4
    found = [layer.memory for layer in report.layers]
    assert [m.activations for m in found if m] == [conv, conv, 0, linear]
    assert [m.alive for m in found if m] == [input + conv, conv + conv, conv, conv + linear]
    assert [m.params for m in found if m] == [(5 * 3 * 9 + 5) * 4, 0, 0, (210 * 11 + 11) * 4]
    whole = report.memory
    assert whole is not None
    assert (whole.input, whole.naive, whole.peak, whole.peak_at) == (input, 3 * conv + linear, input + conv, "conv1")
    assert whole.peak_tensors == (("input", input), ("conv1", conv))
    assert whole.params == (report.params or 0) * 4


def test_a_shortcut_is_held_until_it_is_added() -> None:
    words = "conv:3,k3,p1,name=a conv:7,k3,p1,name=b conv:3,k3,p1,name=c add:from=c+input"
    report = measured(words, (3, 8, 9), "int8")
    thin, wide = 3 * 72, 7 * 72
    assert [layer.memory.alive for layer in report.layers if layer.memory] == [
        2 * thin,
        2 * thin + wide,
        2 * thin + wide,
        3 * thin,
    ]
    assert report.memory is not None
    assert report.memory.peak_tensors == (("input", thin), ("a", thin), ("b", wide))


def test_an_output_stays_to_the_end() -> None:
    report = measured("conv:5,k3,name=side conv:2,name=b,from=input conv:7,name=c", (3, 8, 9), "int8")
    side, b, c = 5 * 42, 2 * 72, 7 * 72
    assert [layer.memory.alive for layer in report.layers if layer.memory] == [216 + side, 216 + side + b, side + b + c]


def test_a_batch_multiplies_activations_and_not_parameters() -> None:
    one, many = (measured("conv:5,k3 relu", (3, 8, 9), batch=batch).memory for batch in (None, 13))
    assert one is not None
    assert many is not None
    assert (many.peak, many.naive, many.input) == tuple(13 * (n or 0) for n in (one.peak, one.naive, one.input))
    assert many.params == one.params


def test_shared_weights_are_there_once() -> None:
    report = measured("conv:3,k3,p1,name=a conv:3,k3,p1,tie=a", (3, 8, 9), "float16")
    assert [layer.memory.params for layer in report.layers if layer.memory] == [84 * 2, 0]
    assert report.memory is not None
    assert report.memory.params == 84 * 2


BODY = [
    {"op": "conv", "name": "a", "c_o": 11, "k": 3, "p": 1},
    {"op": "identity"},
    {"op": "conv", "name": "b", "c_o": 3, "k": 3, "p": 1},
    {"op": "add", "from": ["b", "input"]},
]


def test_the_peak_inside_a_block_counts() -> None:
    layers = [
        {"op": "conv", "name": "stem", "c_o": 3},
        {"op": "block", "name": "body", "layers": BODY},
        {"op": "block", "name": "again", "tie": "body", "layers": BODY},
    ]
    nested = measured(layers, (3, 8, 9), "int8")
    flat = measured(cnncalc.load(layers).inlined(), (3, 8, 9), "int8")
    thin, wide = 3 * 72, 11 * 72
    assert nested.memory is not None
    assert nested.memory == flat.memory
    assert (nested.memory.peak, nested.memory.peak_at) == (2 * thin + wide, "body.b")
    body, again = nested.layers[1:]
    assert body.memory is not None
    assert (body.memory.activations, body.memory.alive) == (thin, 2 * thin + wide)
    assert [layer.memory.alive for layer in body.inner if layer.memory] == [
        thin + wide,
        thin + wide,
        2 * thin + wide,
        3 * thin,
    ]
    assert again.memory is not None
    assert again.memory.params == 0
    assert all(layer.memory is not None and layer.memory.params == 0 for layer in again.inner)


def test_what_is_not_known_stays_unknown() -> None:
    report = measured("conv:5,k3 globalavgpool flatten linear:7", "3xHxW", "int8")
    assert [layer.memory.activations for layer in report.layers if layer.memory] == [None, 5, 0, 7]
    assert [layer.memory.alive for layer in report.layers if layer.memory] == [None, None, 5, 12]
    whole = report.memory
    assert whole is not None
    assert (whole.peak, whole.peak_at, whole.peak_tensors, whole.naive) == (None, None, (), None)
    assert whole.params == (140 + 42)
    opaque = measured([{"op": "opaque", "type": "Odd"}, {"op": "relu"}], (3, 8, 9)).memory
    assert opaque is not None
    assert (opaque.peak, opaque.naive, opaque.params) == (None, None, None)


@pytest.mark.parametrize(
    ("network", "params", "peak_at", "peak", "naive"),
    [
        # 64x112x112 twice during the first norm (or ReLU), 256x56x56 three times at the join of the first block
        ("resnet50", 25_557_032, "layer1_1_down_bn", 3 * 256 * 56 * 56, None),
        # two 64x224x224, and the sum of the outputs of 13 convs and ReLUs, 5 pools, and the classifier
        (
            "vgg16",
            138_357_544,
            "relu1",
            2 * 64 * 224 * 224,
            2 * (2 * 64 * 224**2 + 2 * 128 * 112**2 + 3 * 256 * 56**2 + 3 * 512 * 28**2 + 3 * 512 * 14**2)
            + (64 * 112**2 + 128 * 56**2 + 256 * 28**2 + 512 * 14**2 + 512 * 7**2)
            + (25088 + 6 * 4096 + 1000),
        ),
    ],
)
def test_known_networks(network: str, params: int, peak_at: str, peak: int, naive: int | None) -> None:
    whole = measured(network, None).memory
    assert whole is not None
    assert (whole.params, whole.peak_at, whole.peak) == (4 * params, peak_at, 4 * peak)
    if naive is not None:
        adaptive = 4 * 25088 if any(layer.op == "adaptiveavgpool" for layer in cnncalc.shape(network).layers) else 0
        assert whole.naive == 4 * naive + adaptive


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str) -> None:
    import numpy as np

    if dtype not in ("bfloat16", "float8"):
        assert np.dtype(dtype).itemsize == itemsize(dtype)
    whole = measured("relu", (3, 8, 9), dtype.upper()).memory
    assert whole is not None
    assert (whole.dtype, whole.input) == (dtype, 216 * itemsize(dtype))


def test_the_executor_takes_as_much_where_it_frees_by_the_same_rule() -> None:
    """Layers that it cannot compute in place: its buffers, the input and the output are the peak of this chain."""
    import numpy as np

    from cnncalc.execute.job import Job

    words = "conv:5,k3 maxpool:k2,s1 conv:7,k3"
    report = measured(words, (3, 18, 19), "float64")
    program = Job(cnncalc.load(words), (3, 18, 19), np.dtype(float), seed=0).plan
    conv1, pool, conv2 = (layer.memory.activations or 0 for layer in report.layers if layer.memory)
    assert program.each_sample == conv1 + pool
    assert [layer.memory.alive for layer in report.layers if layer.memory] == [
        3 * 18 * 19 * 8 + conv1,
        conv1 + pool,
        pool + conv2,
    ]


# From the shell.


def test_reports_have_it_only_where_it_is_asked_for_and_read_back() -> None:
    without = here(["shape", "lenet5", "--json"]).out
    assert "memory" not in without
    found = here(["shape", "lenet5", "--json", "--dtype", "float16"]).out
    report = json.loads(found)
    assert report["report"]["memory"]["dtype"] == "float16"
    assert sum(layer["report"]["memory"]["params_bytes"] for layer in report["layers"]) == 2 * 61706
    assert here(["shape", "-", "--json"], found).out == without
    assert here(["shape", "-", "--jsonl", "--dtype", "float16"], json.dumps(report)).out == json.dumps(report) + "\n"


def test_its_columns_alone_mean_float32() -> None:
    rows = here(["shape", "3x8x9", "conv:5,k3", "--columns", "layer,memory,param_bytes", "--format", "csv"]).out
    assert rows == "layer,memory,param_bytes\nconv1,840,560\n"
    every = here(["shape", "3x8x9", "conv:5,k3", "--format", "csv", "--dtype", "int8"]).out
    assert every.splitlines()[0].endswith("param_bytes,memory,alive")


def test_a_dtype_that_there_is_not() -> None:
    ended = here(["shape", "lenet5", "--dtype", "flaot16"])
    assert (ended.code, ended.err) == (
        2,
        "unknown dtype 'flaot16'\n  did you mean 'float16' or 'bfloat16' or 'float64'?\n",
    )
