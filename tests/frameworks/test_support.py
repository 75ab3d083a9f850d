"""Every op has a support status for every form, and the readers and writers comply with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import cnncalc
from cnncalc.frameworks import writer
from cnncalc.frameworks.keras.read import read as read_keras
from cnncalc.frameworks.keras.read.activations import NAMED
from cnncalc.frameworks.keras.read.parts import CONVERTERS
from cnncalc.frameworks.onnx.read import read as read_onnx
from cnncalc.frameworks.onnx.read.ops import HANDLERS
from cnncalc.frameworks.support import FORMS, OP_WORDS, stance, support
from cnncalc.layers import OPS, Layer
from cnncalc.layers.names import KERAS, KERAS_ACTIVATIONS, ONNX, TORCH
from cnncalc.render.support import markdown, stances
from tests.cases import SPECIAL

MAP = [6, 8, 10]
WITH_KEYS: dict[str, dict[str, Any]] = {
    "conv": {"c_o": 4, "k": 3},
    "dwconv": {"k": 3},
    "sepconv": {"c_o": 4, "k": 3},
    "convT": {"c_o": 4, "k": 3},
    "maxpool": {"k": 2},
    "avgpool": {"k": 2},
    "lppool": {"k": 2, "norm": 2},
    "adaptivemaxpool": {"out": [4, 5]},
    "adaptiveavgpool": {"out": [4, 5]},
    "linear": {"out": 3},
    "reshape": {"out": [12, 40]},
    "permute": {"order": [1, 3, 2]},
    "pad": {"p": 1},
    "crop": {"p": 1},
    "upsample": {"factor": 2},
    "pixelshuffle": {"factor": 1},
    "channelshuffle": {"g": 2},
    "groupnorm": {"g": 2},
    "lrn": {"size": 3},
    "rescale": {"factor": 3},
    "quantize": {"scale": 0.1},
    "normalization": {"mean": 2, "variance": 3},
    "slice": {"axis": 2, "start": 1, "stop": 3},
    **{op: {"axis": [2]} for op in ("mean", "sum", "prod", "l1", "l2", "logsumexp")},
    "compare": {"by": "gt"},
    "pixelunshuffle": {"factor": 2, "order": "dcr"},
    "gather": {"axis": 2, "indices": [2, 0]},
    "expand": {"out": [2, 6, 8, 10]},
    "tile": {"repeats": [1, 2, 1]},
    "roll": {"shift": 1, "axis": 2},
    "unfold": {"k": 3},
    "fold": {"out": [5, 4], "k": 2, "s": [2, 1]},
    "clip": {"min": -1, "max": 2},
    "block": {"layers": [{"op": "relu"}]},
    "opaque": {"type": "Mystery", "out": [5]},
    "hardsigmoid": {"alpha": 1 / 6},
    "einsum": {"equation": "cij,cik->cjk"},
    "multihead": {"heads": 2},
    "embedding": {"rows": 9, "out": 3},
    "lstm": {"out": 4, "bias": False},
    "gru": {"out": 4},
    "rnn": {"out": 4, "bias": False},
    "constant": {"shape": [6, 8, 10]},
    "input": {"shape": [6, 8, 10]},
    "movebatch": {"to": 1},
}
JOINS = {op for op, (cls, _) in OPS.items() if cls.JOINS and not cls.SOURCE} - {
    "opaque",
    "multihead",
    "lstm",
    "gru",
    "rnn",
}


def network(op: str) -> Any:
    """Return a network in which an op follows a relu, with channels last if Keras supports the op only then."""
    last = op == "scale"
    reads = {"from": ["a"] * (3 if op == "where" else 2)} if op in JOINS else {}
    layer = {"op": op, **WITH_KEYS.get(op, {}), **reads}
    square = [6, 8, 8] if op == "matmul" else [8, 10] if op in ("lstm", "gru", "rnn") else MAP
    square = [24, 6] if op == "fold" else square
    spec = {"input": [8, 10, 6] if last else square, "layout": "NHWC" if last else "NCHW"}
    first = {"op": "identity", "axes": 1} if len(square) == 2 else {"op": "relu"}
    first = {"op": "tobatch"} if op == "frombatch" else first
    return cnncalc.load({**spec, "layers": [{**first, "name": "a"}, layer]})


def ops_of(spec: dict[str, Any]) -> Iterator[str]:
    """Yield the ops that a reader returns, without the first relu."""
    for layer in spec["layers"][1:]:
        yield OPS[layer["op"]][0].WORD


@pytest.mark.parametrize("op", OP_WORDS)
def test_every_op_has_a_stance_for_every_form(op: str) -> None:
    known = support(op)
    assert tuple(known) == FORMS
    assert all(stance.text for stance in known.values())


def test_the_table_joins_what_can_be_run() -> None:
    _, _, *rows = markdown()
    assert [row.split("`")[1] for row in rows] == [*dict.fromkeys(cls.WORD for cls, _ in OPS.values())]
    assert all(tuple(stances(op)) == ("run", *FORMS) for op in OP_WORDS)


@pytest.mark.parametrize("op", OP_WORDS)
@pytest.mark.parametrize("framework", ["keras", "onnx", "torch"])
def test_what_is_written_is_what_the_stance_says(framework: str, op: str) -> None:
    if framework == "onnx":
        pytest.importorskip("onnx")
    reads, writes = [support(op)[f"{framework}_{way}"] for way in ("read", "write")]
    if not writes.supported:
        with pytest.raises(cnncalc.SpecError) as error:
            writer(framework)(network(op))
        assert writes.text in str(error.value).replace("'Mystery'", "it")
        return
    data = writer(framework)(network(op))
    if op in SPECIAL:
        return  # their meaning depends on what reads them
    if isinstance(data, bytes):
        assert (op in ops_of(read_onnx(data, "x").spec)) == reads.supported
    elif framework == "keras" and not op.startswith("adaptive"):  # windows that divide the input: a sliding pool
        assert (op in ops_of(read_keras(json.loads(data)).spec)) == reads.supported


def test_names_are_those_of_ops_and_are_read() -> None:
    assert {*KERAS, *KERAS_ACTIVATIONS, *ONNX, *TORCH} <= set(OP_WORDS)
    assert {word for name in KERAS.values() for word, _ in name.numbered()} <= set(CONVERTERS)
    assert {name for names in KERAS_ACTIVATIONS.values() for name in names} == set(NAMED)
    assert {name.word for name in ONNX.values()} <= set(HANDLERS)


def test_reasons_are_for_forms_that_there_are() -> None:
    forms = {"run", *FORMS, *[form.partition("_")[0] for form in FORMS]}
    for cls, _ in OPS.values():
        assert set(cls.REFUSED) <= forms, cls
        assert all(cls.REFUSED.values()), cls


class Blur(Layer):
    """Blur: an op that no framework knows."""

    WORD = "blur"


def test_an_op_without_a_stance_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncalc.frameworks.support.OPS", {**OPS, "blur": (Blur, None)})
    with pytest.raises(LookupError, match=r"the op blur has no entry in keras_read: it needs .* in REFUSED of .* Blur"):
        support("blur")
    monkeypatch.setattr(Blur, "REFUSED", dict.fromkeys(("keras", "onnx", "torch"), "it has no layer for blur"))
    assert set(support("blur").values()) == {(False, "it has no layer for blur")}
    with pytest.raises(LookupError, match="the op blur has an entry, and is refused in onnx_write"):
        stance(Blur, "onnx_write", "Blur")
