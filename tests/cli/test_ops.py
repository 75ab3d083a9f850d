"""`cnncalc ops`: the list, and the description of one op."""

from __future__ import annotations

import json
import re

import pytest

import cnncalc
from cnncalc.dialects import DIALECTS
from cnncalc.layers import FAMILIES, OPS, Layer, keys_named
from cnncalc.notation.ops import describe
from cnncalc.notation.spec import LAYER_KEYS
from tests.cli.test_completion import keys as completed
from tests.program import here


def test_the_list_has_every_op_once() -> None:
    ended = here(["ops"])
    assert (ended.code, ended.err) == (0, "")
    assert [ended.out.count(f"\n{family}\n") for family in FAMILIES] == [1] * len(FAMILIES)
    listed = json.loads(here(["ops", "--json"]).out)
    assert listed.keys() == FAMILIES.keys()
    assert [word for ops in listed.values() for op in ops for word in op["words"]] == list(OPS)


def test_the_keys_of_pooling() -> None:
    assert here(["ops", "MaxPooling2D", "--format", "markdown"]).out.splitlines()[:6] == [
        f"**maxpool**: {describe('maxpool').title}",
        "",
        "| key | takes | default | meaning |",
        "|---|---|---|---|",
        "| k | integer, or one per axis | needed | The window's size: one number, or one per axis. "
        "Also kernel_size, kernel_shape, pool_size. |",
        "| s | integer, or one per axis | by dialect | The stride: one number, or one per axis; the window's own size "
        "by default. Also strides, stride. |",
    ]
    out = here(["ops", "maxpool"]).out
    assert "\ns by default: k in plain, torch and keras; 1 in onnx and caffe\n" in out
    assert "\nceil by default: false in plain, torch, keras and onnx; true in caffe\n" in out


def test_a_default_that_is_a_fraction_or_none() -> None:
    assert "1/6" in re.sub(r"^hardsigmoid:.*\n", "", here(["ops", "hardsigmoid"]).out)
    assert "0.1666" not in here(["ops", "hardsigmoid"]).out
    out = here(["ops", "prelu"]).out
    assert "not set in keras" in out
    assert "null" not in out


@pytest.mark.parametrize(
    ("op", "key", "by_dialect"),
    [
        ("avgpool", "count_include_pad", [True, True, False, False, True]),
        ("globalavgpool", "keepdims", [True, True, False, True, True]),
        ("batchnorm", "eps", [1e-5, 1e-5, 1e-3, 1e-5, 1e-5]),
        ("leakyrelu", "alpha", [0.01, 0.01, 0.3, 0.01, 0.01]),
        ("hardsigmoid", "alpha", [1 / 6, 1 / 6, 1 / 6, 0.2, 1 / 6]),
        ("conv", "s", None),
    ],
)
def test_a_default_that_differs_is_told_by_dialect(op: str, key: str, by_dialect: list[object] | None) -> None:
    (entry,) = [entry for entry in json.loads(here(["ops", op, "--json"]).out)["keys"] if entry["name"] == key]
    assert entry["by_dialect"] == ({} if by_dialect is None else dict(zip(DIALECTS, by_dialect, strict=True)))


@pytest.mark.parametrize("op", OPS)
def test_what_is_said_of_an_op_holds(op: str) -> None:
    """The example is a network that uses it, defaults are valid keys, and other names refer to their key."""
    described = describe(op)
    assert described.title
    cls, nd = OPS[op]
    assert cnncalc.shape(described.example).layers[-1].op == op
    for key in described.keys:
        assert key.help, key.name
        for name in key.also:
            assert key.name in keys_named(cls, name)
        if key.default is not None:
            cls.KEYS[key.name](list(key.default) if isinstance(key.default, tuple) else key.default, nd)
    assert {key.name for key in described.keys if key.needed} == set(cls.NEEDED)
    assert all(describe(name).name == op for name in described.also)


@pytest.mark.parametrize("op", OPS)
def test_the_completion_offers_the_same_keys_and_flags(op: str) -> None:
    described = describe(op)
    offered = completed(f"{op}:")
    assert {word.removesuffix("=") for word in offered if word.endswith("=")} | set(described.flags) >= {
        key.name for key in described.keys
    }
    assert offered == {f"{key}=" for key in (*cnncalc_keys(described.flags, OPS[op][0]), *LAYER_KEYS)} | set(
        described.flags
    )


def cnncalc_keys(flags: list[str], cls: type[Layer]) -> list[str]:
    """Return the keys that are not flags with their own name."""
    return [key for key in cls.KEYS if key not in flags]


@pytest.mark.parametrize("format", ["table", "json", "markdown"])
def test_every_op_in_every_format(format: str) -> None:
    for op in OPS:
        ended = here(["ops", op, "--format", format])
        assert (ended.code, ended.err) == (0, "")
        assert f'"{op}"' in ended.out if format == "json" else re.match(rf"\W*{op}\W", ended.out)


def test_an_unknown_op_gets_the_nearest() -> None:
    assert here(["ops", "covn"]) == (2, "", "unknown op 'covn'\n  did you mean 'conv' or 'convT' or 'dwconv'?\n")
    assert here(["ops", "zzz"]).err == "unknown op 'zzz'\n  for the list of ops: cnncalc ops\n"


def test_two_formats_are_one_too_many() -> None:
    assert here(["ops", "--json", "--format", "table"]).code == 2
