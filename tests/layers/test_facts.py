"""The facts on an op's class, compared with running the op."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import pytest

import cnncalc
from cnncalc.layers import FAMILIES, HELP, OPS, ConvKind, Layer, OpTable, Sign, Trace, title
from cnncalc.layers.base import KERNEL, STATED, Env, Fields, ops
from cnncalc.layers.keys import Reader, at_least
from cnncalc.sizes import Shape
from tests.cases import LAID, PLAIN, Row
from tests.execute.test_values import weights_for

ALL = [row for rows in PLAIN.values() for row in rows]


def run(row: Row, x: Any) -> Any:
    """Run the layers of a row on a sample, with random weights."""
    return cnncalc.run(row.layers, x, weights_for(cnncalc.shape(cnncalc.load(row.layers).inlined(), row.input)))


@pytest.mark.parametrize("row", ALL, ids=str)
def test_the_sign_that_a_layer_states_is_its_output_s(row: Row) -> None:
    sign = cnncalc.load(row.layers).nodes[-1].layer.sign
    for seed in range(3):
        x = 3 * np.random.default_rng(seed).standard_normal(row.input)
        if sign is not Sign.ANY:
            assert np.nanmin(run(row, np.abs(x))) >= 0  # NaN is the value of an undefined function
        if sign is Sign.NOT_NEGATIVE:
            assert np.nanmin(run(row, x)) >= 0


@pytest.mark.parametrize("row", [row for row in ALL if OPS[row.op][0].KEEPS_POSITIVE], ids=str)
def test_what_keeps_positive_values_hides_none(row: Row) -> None:
    x = np.abs(np.random.default_rng(4).standard_normal(row.input)) + 0.01
    assert np.min(run(row, x)) > 0
    assert not np.any(run(row, np.zeros(row.input))) or OPS[row.op][0].SOURCE


@pytest.mark.parametrize(
    ("spec", "sign"),
    [
        ({"op": "relu"}, Sign.NOT_NEGATIVE),
        ({"op": "silu"}, Sign.KEPT),
        ({"op": "identity"}, Sign.KEPT),
        ({"op": "clip", "min": 0}, Sign.NOT_NEGATIVE),
        ({"op": "clip", "min": -1, "max": 6}, Sign.KEPT),
        ({"op": "clip", "min": 1, "max": -1}, Sign.ANY),
        ({"op": "pad", "p": 1}, Sign.KEPT),
        ({"op": "pad", "p": 1, "value": -1}, Sign.ANY),
        ({"op": "pad", "p": 1, "value": -1, "mode": "reflect"}, Sign.KEPT),
        ({"op": "upsample", "factor": 2, "mode": "bilinear"}, Sign.KEPT),
        ({"op": "upsample", "factor": 2, "mode": "bicubic"}, Sign.ANY),
        ({"op": "conv", "c_o": 1}, Sign.ANY),
    ],
    ids=str,
)
def test_a_sign_may_depend_on_the_keys(spec: dict[str, Any], sign: Sign) -> None:
    assert cnncalc.load([spec]).nodes[0].layer.sign is sign


@pytest.mark.parametrize("op", PLAIN)
def test_a_view_is_its_input_in_another_form(op: str) -> None:
    unchanged = []
    for row in PLAIN[op]:
        x = np.random.default_rng(0).standard_normal(row.input)
        unchanged.append(np.array_equal(run(row, x).ravel(), x.ravel()))
    assert all(unchanged) == OPS[op][0].VIEW


@pytest.mark.parametrize("op", PLAIN)
def test_a_linear_op_gives_of_a_sum_the_sum(op: str) -> None:
    row = PLAIN[op][0]
    x, y = 9 * np.random.default_rng(0).standard_normal((2, *row.input))
    first, second, both, none = [run(row, array) for array in (x, y, x + y, 0 * x)]
    adds = np.allclose(first + second, both + none, atol=1e-3)
    assert adds == all(node.layer.is_linear for node in cnncalc.load(row.layers).nodes)


@pytest.mark.parametrize(("row", "layout"), LAID, ids=str)
def test_how_every_array_is_drawn_is_stated(row: Row, layout: str) -> None:
    report = cnncalc.shape(cnncalc.load(row.layers).inlined(), row.sample(layout), layout=layout)
    for layer in report.layers:
        weights = layer.node.layer.WEIGHTS
        shapes = layer.weight_shapes()
        assert set(shapes) <= set(weights)
        for role, shape in shapes.items():
            if weights[role] is KERNEL:
                sizes = tuple(n for n in shape if isinstance(n, int))
                assert layer.node.layer.fan_in(role, sizes, layer.values, layer.env) >= 1


def test_the_kinds_of_convolutions() -> None:
    kinds = {cls.WORD: cls.CONVOLUTION for cls, _ in OPS.values() if cls.CONVOLUTION is not None}
    assert kinds == {
        "conv": ConvKind.PLAIN,
        "dwconv": ConvKind.DEPTHWISE,
        "sepconv": ConvKind.SEPARABLE,
        "convT": ConvKind.TRANSPOSED,
    }


class Blur(Layer):
    """Blur: a new op."""

    WORD = "blur"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS: ClassVar[dict[str, Reader]] = {"strength": at_least(2)}

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        return Trace({}, x, fields)


@pytest.mark.parametrize("fact", STATED)
def test_a_fact_left_unsaid_is_an_error(fact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dict(ops(Blur)) == {"blur": (Blur, None)}
    monkeypatch.delattr(Blur, fact)
    with pytest.raises(TypeError, match=f"the op Blur has to state {fact}: see"):
        ops(Blur)


def test_weights_whose_drawing_is_left_unsaid_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blur, "weight_shapes", lambda *_: {"weight": (1,)})
    with pytest.raises(TypeError, match="the op Blur has to state WEIGHTS: see"):
        ops(Blur)


def test_two_ops_of_one_word_are_an_error() -> None:
    with pytest.raises(ValueError, match="'blur' has two entries"):
        ops(Blur, type("Other", (Blur,), {}))
    with pytest.raises(ValueError, match="'relu' has two entries"):
        OPS.update({"relu": (Blur, None)})
    with pytest.raises(ValueError, match="'relu' has two entries"):
        OpTable({"activation": "relu tanh"}, {"unary": "relu"})


def test_the_words_of_each_module_are_those_of_its_ops() -> None:
    """A module of ops is imported when one of its words is needed; its words are known before, in this order."""
    homes = {cls.__module__.rpartition(".")[2] for cls, _ in OPS.values()}
    words = [word for family in FAMILIES.values() for word in family]
    assert list(OPS) == words
    for home in homes:
        own = import_module(f"cnncalc.layers.{home}").OPS
        assert [word for word in words if OPS[word][0].__module__.endswith(f".{home}")] == list(own)
        assert all(OPS[word] == own[word] for word in own)


def test_every_op_has_a_title_of_its_own() -> None:
    titles = {cls: title(op) for op, (cls, _) in OPS.items()}
    assert len(set(titles.values())) == len(titles)
    for text in titles.values():
        assert text[0].isupper()
        assert text.endswith(".")
        assert len(text) <= 117


def test_every_key_is_explained() -> None:
    for cls, _ in OPS.values():
        for key in cls.KEYS:
            text = cls.HELP.get(key) or HELP.get(key, "")
            assert text[:1].isupper(), (cls.WORD, key)
            assert text.endswith("."), (cls.WORD, key)
