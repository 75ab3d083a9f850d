"""The JSON Schema of a spec: it accepts what the reader accepts, and rejects whatever is malformed."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import cnncalc
from cnncalc import layers, sources, trace, zoo
from cnncalc.checks import expect
from cnncalc.dialects import LAYOUT_WORDS
from cnncalc.errors import CnncalcError, SpecError
from cnncalc.layers import OPS, Layer, aliases_of, find_op, keys_named
from cnncalc.layers.base import Env, Fields, Trace
from cnncalc.layers.keys import FORMS, Reader, at_least, nested
from cnncalc.network import Network
from cnncalc.notation import schema
from cnncalc.notation.spec import COMMON_KEYS, LONGEST_NAME, TOP_KEYS, read
from cnncalc.sizes import LARGEST, MOST_SIZES, Shape
from tests.program import ROOT, environment, here

Json = Any
SPECS = ROOT / "tests" / "specs"


def fixtures(folder: str) -> list[Any]:
    """Return the files of tests/specs/FOLDER."""
    return [pytest.param(path, id=path.stem) for path in sorted((SPECS / folder).glob("*.json"))]


@cache
def the_schema() -> Json:
    return schema.build(expect.FIGURES, expect.UNITS)


@cache
def validator(name: str | None = None) -> Draft202012Validator:
    """Return a validator of a whole spec, or of one of the schema's parts."""
    found = the_schema()
    return Draft202012Validator(found if name is None else {"$ref": f"#/$defs/{name}", "$defs": found["$defs"]})


def fits(value: Json) -> bool:
    """Return whether the schema accepts a spec."""
    return validator().is_valid(value)


def expectations(network: Network) -> Iterable[Json]:
    """Return the spec's expectations, of the whole and of each layer."""
    return [e for e in (network.expect, *(node.expect for node in network.nodes)) if e is not None]


def reads(value: Json) -> bool:
    """Return whether the reader accepts a spec and what it expects."""
    try:
        for expected in expectations(read(value)):
            expect.read(expected)
    except SpecError:
        return False
    return True


def judged(network: Network) -> list[Json]:
    """Return a network's expectations, read after it has been traced."""
    trace.shape(network)
    return [expect.read(expected) for expected in expectations(network)]


# Fixtures


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(the_schema())
    assert the_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert the_schema()["$id"] == "urn:cnncalc:spec:1"


@pytest.mark.parametrize("path", fixtures("good"))
def test_what_the_reader_accepts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    network = sources.load_text(text, path.name)
    assert reads(json.loads(text))
    validator().validate(json.loads(text))
    validator().validate(json.loads(json.dumps(network.to_dict())))


@pytest.mark.parametrize("path", fixtures("bad_form"))
def test_what_is_wrong_in_form(path: Path) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    assert not reads(value)
    assert not fits(value)


@pytest.mark.parametrize("path", fixtures("bad_sense"))
def test_what_only_the_reader_sees(path: Path) -> None:
    """Duplicate names, arithmetic, wiring."""
    text = path.read_text(encoding="utf-8")
    with pytest.raises(CnncalcError):
        judged(sources.load_text(text, path.name))
    validator().validate(json.loads(text))


def test_the_zoo_and_its_reports() -> None:
    """Of layers that differ only in their names and the digits of their numbers, one is tried."""
    seen: dict[str, Json] = {}
    for name in zoo.names():
        documents = [json.loads(zoo.read(name)), cnncalc.shape(name).to_dict()]
        if "ceil" not in zoo.read(name):  # which Keras's pools lack
            documents.append(cnncalc.shape(name, dialect="keras", layout="NCHW").to_dict())
        for found in documents:
            kinds = {
                re.sub(r'"(name|from)": "[^"]*"|\d+', "0", json.dumps(layer)): layer
                for layer in reversed(found["layers"])
            }
            new = [layer for kind, layer in kinds.items() if kind not in seen]
            validator().validate({**found, "layers": new or found["layers"][:1]})
            seen |= kinds


@pytest.mark.parametrize(
    "words",
    [
        "Nx3xHxW conv:8,k3,s2,same batchnorm relu maxpool:k3,s2,p1 globalavgpool flatten linear:10",
        "Cx8x8 conv:4,k3 prelu dropout:p=0.5",
        "3xHxW adaptiveavgpool:out=[null,7] upsample:factor=1.5,mode=bilinear",
        "4x9x9 convT:2,k3,s2,out_pad=1 sepconv:8,k3,pt2 pad:p0+1x2 crop:1 layernorm:axis=[1,2] groupnorm:2",
        "16x8x8 pixelshuffle:2 channelshuffle:2 permute:order=2x3x1 reshape:out=[-1]",
        "1x30 conv1d:4,k3,causal lppool1d:k2,norm=1 lrn elu leakyrelu softmax instancenorm scale",
    ],
)
def test_reports_of_every_kind_of_layer(words: str) -> None:
    validator().validate(cnncalc.shape(words).to_dict())


# Known differences


@pytest.mark.parametrize(
    ("spec", "schema_accepts"),
    [
        pytest.param([{"op": "maxpool", "k": 3.0}], True, id="3.0 is an integer to JSON Schema"),
        pytest.param([{"op": "relu", "name": "a\u200bb"}], True, id="every character that cannot be printed"),
        pytest.param([{"op": "pad", "pads": [1, 2, 3]}], True, id="an odd number of pads, for any number of axes"),
        pytest.param({"input": "9223372036854775808", "layers": [{"op": "relu"}]}, True, id="2**63 as a text"),
        pytest.param([{"op": "relu", "expect": {"params": "1.5"}}], True, id="a share of one, as a text"),
        pytest.param([{"op": "relu", "expect": {"params": "1" * 101}}], True, id="more than a hundred digits"),
        pytest.param([{"op": "relu\n"}], True, id="Python's $ stands before a last line break too"),
        pytest.param([{"op": "lea\u212ayrelu"}], False, id="the Kelvin sign is a k in lower case"),
        pytest.param({"input": "3x8x8\t", "layers": [{"op": "relu"}]}, False, id="white space that is no space"),
    ],
)
def test_where_the_two_differ(spec: Json, schema_accepts: bool) -> None:
    """All the known differences; only the first is of a spec that users may write."""
    assert fits(spec) is schema_accepts
    assert reads(spec) is not schema_accepts


# Values of every kind for every key

VALUES: list[Json] = [
    *(None, True, False, 0, 1, 2, 3, 7, 32, 33, -1, -2, -32, -33, LARGEST, LARGEST + 1, -LARGEST, -LARGEST - 1),
    *(0.5, 1.5, -0.25, 1e-9, 1e300, -1e300, 10**400),
    *("", " ", "same", "SAME", "Same_Upper", "valid", "VALID", "causal", "nearest", "BiCubic", "reflect", "edges"),
    *("3", "NOTSET", "notset", "gt", "crd", "DCR", "floor", "asymmetric", "cell", "Hidden", "tanh", "relu", "buffer"),
    *([], [0], [1], [2, 3], [1, 2, 3], [0, 1], [-1, 2], [1, 2, 3, 4], [1] * 6, [0] * 8, [None, 2], [None], [1.5, 2]),
    *([[1, 2]], [[0, 1], [2, 3]], [[0, 1], 2], [1, [2, 3]], [[1, 2]] * 3, [[1, 2, 3]], [[1]], [[-1, 0]], [[[1, 2]]]),
    *([True], [[True, 1]], [LARGEST + 1], [[0, LARGEST + 1]], ["same"], [["same", 1]], [[]], {}, {"a": 1}, [{}]),
]
READERS = sorted(FORMS.keys() - {nested}, key=lambda reader: FORMS[reader][0])
"""All except that of nested layers, which are read and described like layers."""


def takes(reader: Reader, value: Json, nd: int | None) -> bool:
    """Return whether a reader takes a value."""
    try:
        reader(value, nd)
    except SpecError:
        return False
    return True


@pytest.mark.parametrize("nd", [None, 1, 2, 3])
@pytest.mark.parametrize("reader", READERS, ids=[FORMS[reader][0] for reader in READERS])
def test_a_form_says_what_its_reader_takes(reader: Reader, nd: int | None) -> None:
    form = Draft202012Validator(FORMS[reader][1](nd))
    for value in VALUES:
        assert form.is_valid(value) is takes(reader, value, nd), value


def test_a_name_is_the_name_of_one_form() -> None:
    forms: dict[str, Json] = {}
    for name, form in FORMS.values():
        for nd in (None, 1, 2, 3):
            assert forms.setdefault(f"{name} {nd}", form(nd)) == form(nd)


def test_every_spelling_of_an_op() -> None:
    """A layer's op selects the same family in the schema and in the reader."""
    families = {}
    for rule in the_schema()["$defs"]["layer"]["allOf"]:
        pattern = rule["if"]["properties"]["op"]["pattern"]
        assert rule["if"] == {"required": ["op"], "properties": {"op": {"type": "string", "pattern": pattern}}}
        families[rule["then"]["$ref"]] = re.compile(pattern)
    words = sorted({word for op in OPS for word in layers.spellings(op)[0]})
    for word, end in itertools.product(words, ("", "1d", "2d", "3D", "4d", "2d2d", " ", "x")):
        for spelled in (word + end, word.upper() + end, word.capitalize() + end):
            op = find_op(spelled)
            picked = [name for name, pattern in families.items() if pattern.search(spelled)]
            first = None if op is None else next(other for other in OPS if OPS[other] == OPS[op])
            assert picked == ([] if first is None else [f"#/$defs/layer-{first}"]), spelled


def test_an_op_is_listed_as_it_is_written() -> None:
    listed = [one["const"] for one in the_schema()["$defs"]["layer"]["properties"]["op"]["anyOf"][:-1]]
    assert listed == list(OPS)


# Random specs

NAMES = sorted({name for cls, _ in OPS.values() for name in (*cls.KEYS, *aliases_of(cls))})
FIGURES = [b + name for name, f in expect.FIGURES.items() for b in (("",) if f.is_shape else ("", "min_", "max_"))]
EXPECTED = [9472, "9472", "4.1G", "26M±1%", "1_000 k", "3x3", "64xHxW", [3, 3], ["3", 1], "5+-2", "-5", "4K", "G", 1.5]

values = st.one_of(
    st.sampled_from(VALUES),
    st.integers(-2, 4),
    st.lists(st.one_of(st.integers(-1, 4), st.none(), st.lists(st.integers(-1, 4), max_size=3)), max_size=7),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.text("samevlid_123xHW", max_size=6),
)
expects = st.one_of(
    values, st.dictionaries(st.sampled_from([*FIGURES, "min_out", "parms"]), st.sampled_from([*EXPECTED, None]))
)


@cache
def names_of(op: str) -> list[str]:
    """Return every name of every key."""
    return [name for name in NAMES if keys_named(OPS[op][0], name)]


@cache
def readable(op: str, name: str) -> list[Json]:
    """Return the values that a name may have."""
    cls, nd = OPS[op]
    keys = keys_named(cls, name)
    if name == "pads":
        return [[1, 0] * (nd or 3)]
    if name == "layers":
        return [[{"op": "relu"}], [{"op": "conv", "c_o": 3}, {"op": "block", "layers": [{"op": "Softmax"}]}]]
    if name == "auto_pad":
        return ["NOTSET", "SAME_LOWER", "valid"]
    return [value for value in VALUES if value is not None and all(takes(cls.KEYS[key], value, nd) for key in keys)]


@st.composite
def sound_layers(draw: st.DrawFn) -> Json:
    """Return a layer with some of its keys, each by one of its names, and values that can be read."""
    op = draw(st.sampled_from(list(OPS)))
    cls, _ = OPS[op]
    found: Json = {"op": draw(st.sampled_from([op, op.upper(), op.lower().replace("convt", "ConvTranspose")]))}
    taken: set[str] = set()
    for key in cls.KEYS:
        if key in taken or (key == "p_total" and "p" in taken):
            continue
        if key in cls.NEEDED or draw(st.booleans()):
            names = [name for name in names_of(op) if key in keys_named(cls, name)]
            name = draw(st.sampled_from([name for name in names if name != "auto_pad" or key not in cls.NEEDED]))
            if taken.isdisjoint(keys_named(cls, name)):
                found[name] = draw(st.sampled_from(readable(op, name)))
                taken.update(keys_named(cls, name))
    return found


NO_NAMES = st.none() | st.just("") | st.integers()
"""Values that cannot be a layer's name by their form; whether a name is a layer's depends on the wiring."""


@st.composite
def unsound_layers(draw: st.DrawFn) -> Json:
    """Return a sound layer with one thing changed, which may leave it sound."""
    found = draw(sound_layers())
    op = find_op(found["op"])
    assert op is not None
    key = draw(st.sampled_from([*found, *names_of(op), *COMMON_KEYS, *NAMES, "kernel"]))
    match draw(st.sampled_from(["set", "set", "null", "drop", "add"])):
        case "drop":
            found.pop(key, None)
        case "null":
            found[key] = None
        case "add":
            name = draw(st.sampled_from(names_of(op) or ["times"]))
            found[name] = draw(values)
        case _:
            found[key] = draw(
                {"expect": expects, "from": st.just("input") | st.just([]), "tie": NO_NAMES}.get(key, values)
            )
    return found


def differs(spec: Json) -> bool:
    """Whether a spec is one of the known differences: an odd number of pads for any number of axes, ragged indices."""
    found = spec if isinstance(spec, list) else spec.get("layers", [spec])
    layers = [layer for layer in found if isinstance(layer, dict)] if isinstance(found, list) else []
    odd = any(isinstance(layer.get("pads"), list) and len(layer["pads"]) % 2 for layer in layers)
    lists = [layer[name] for layer in layers for name in ("indices", "index") if isinstance(layer.get(name), list)]
    return odd or any(len({len(one) for one in listed if isinstance(one, list)}) > 1 for listed in lists)


@given(st.lists(sound_layers(), min_size=1, max_size=3))
def test_sound_specs(spec: Json) -> None:
    assert reads(spec)
    validator().validate(spec)


@given(unsound_layers(), st.sampled_from(["list", "object", "alone"]))
def test_a_layer_is_accepted_by_both_or_by_neither(layer: Json, form: str) -> None:
    spec = {"list": [layer], "object": {"layers": [{"op": "relu"}, layer]}, "alone": layer}[form]
    if not differs(spec):
        assert fits(spec) is reads(spec)


@given(
    st.dictionaries(st.sampled_from([key for key in TOP_KEYS if key not in ("layers", "expect")]), values),
    st.one_of(values, st.just([{"op": "relu"}]), st.just([{"op": "relu"}])),
    st.one_of(st.none(), expects),
    st.sampled_from(["", "", "", "op", "Input"]),
)
def test_the_keys_of_the_whole_are_accepted_by_both_or_by_neither(
    top: Json, given_layers: Json, expected: Json, stranger: str
) -> None:
    spec = {**top, "layers": given_layers, "expect": expected} | ({stranger: "relu"} if stranger else {})
    assert fits(spec) is reads(spec)


@pytest.mark.parametrize("key", ["name", "input", "dialect", "layout", "cnncalc"])
def test_each_value_of_the_keys_of_the_whole(key: str) -> None:
    words = [*LAYOUT_WORDS, "Plain", "TORCH", "keras", "3x8x8", "3,H,8", "3×8", " 3X08 ", "H", "x", "3x-1"]
    words += ["n" * LONGEST_NAME, "n" * (LONGEST_NAME + 1)]
    words += ["1x" * (MOST_SIZES - 1) + "1", "1x" * MOST_SIZES + "1"]
    for value in [*VALUES, *words, [3, "H", "W"], [3, "HW"], ["x"], [1] * MOST_SIZES, [1] * (MOST_SIZES + 1), 1]:
        spec = {key: value, "layers": [{"op": "relu"}]}
        assert fits(spec) is reads(spec), value


@pytest.mark.parametrize("figure", [*FIGURES, "min_out", "max_in", "flops", "min_"])
def test_each_value_of_an_expectation(figure: str) -> None:
    for value in [
        *VALUES,
        *EXPECTED,
        "x" * 300,
        "4.1GG",
        "4..1",
        "4.1G±1%±1%",
        "1%",
        "3x",
        "x3",
        "3x3±1",
        "1,000",
        "±1",
        "1 k",
    ]:
        expected = {figure: value}
        assert validator("expect").is_valid(expected) is reads([{"op": "relu", "expect": expected}]), value


# What an editor shows, and where it comes from


def test_every_key_of_every_op_is_there_and_explained() -> None:
    defs = the_schema()["$defs"]
    for op, (cls, nd) in OPS.items():
        first = next(other for other in OPS if OPS[other] == (cls, nd))
        properties = defs[f"layer-{first}"]["properties"]
        assert set(properties) == {*COMMON_KEYS, *names_of(op)}, op
        for key in cls.KEYS:
            assert properties[key]["description"].endswith("."), (op, key)
            default = properties[key].get("default")
            assert default is None or takes(cls.KEYS[key], default, nd), (op, key)
    assert set(defs["network"]["properties"]) == set(TOP_KEYS)


def test_a_default_that_depends_on_the_dialect_or_another_key_is_not_said() -> None:
    defs = the_schema()["$defs"]
    assert defs["layer-conv"]["properties"]["k"]["default"] == 1
    assert defs["layer-layernorm"]["properties"]["axis"]["default"] == [-1]
    for family, key in [("maxpool", "s"), ("batchnorm", "eps"), ("leakyrelu", "alpha"), ("instancenorm", "center")]:
        assert "default" not in defs[f"layer-{family}"]["properties"][key]


class Blur(Layer):
    """A new op."""

    WORD = "blur"
    KEYS: ClassVar[dict[str, Reader]] = {"strength": at_least(2)}
    HELP = {"strength": "How much."}
    ALIASES = {"sigma": "strength"}
    NEEDED = ("strength",)

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        return Trace({}, x, fields)


def test_a_new_op_is_in_the_schema_by_its_own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "blur", (Blur, None))
    monkeypatch.setitem(layers._spellings(), "blur", "blur")  # noqa: SLF001
    check = Draft202012Validator(schema.build(expect.FIGURES, expect.UNITS))
    assert check.is_valid({"op": "Blur", "strength": 2})
    assert check.is_valid({"op": "blur", "sigma": 2})
    for wrong in ({"strength": 1}, {}, {"k": 3, "strength": 2}, {"strength": 2, "sigma": 2}):
        assert not check.is_valid({"op": "blur", **wrong})


def test_a_message_names_the_key_and_what_is_wrong_with_it() -> None:
    spec = [{"op": "conv", "c_o": 4, "k": [3, 0]}, {"op": "conv", "kernel": 3}]
    assert sorted((error.json_path, error.message) for error in validator().iter_errors(spec)) == [
        ("$[0].k[1]", "0 is less than the minimum of 1"),
        ("$[1]", "'c_o' is a required property"),
        ("$[1]", "Additional properties are not allowed ('kernel' was unexpected)"),
    ]


# The command


def test_the_command_prints_it() -> None:
    ended = here(["schema"])
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == json.dumps(the_schema(), indent=2, ensure_ascii=False) + "\n"
    assert here(["schema"]).out == ended.out


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cnncalc.schema.json"
    assert here(["schema", "-o", str(path)]) == (0, "", "")
    assert json.loads(path.read_text(encoding="utf-8")) == the_schema()
    assert here(["schema", "-o", str(tmp_path / "none" / "x.json")]).code == 2


def test_no_other_command_pays_for_it() -> None:
    code = (
        "import os, sys\nfrom cnncalc.cli import call\n"
        "assert call(['shape', 'vgg16', '--json', '-o', os.devnull]) == 0\n"
    )
    code += "assert not {'cnncalc.spec.schema', 'cnncalc.cli.schema', 'cnncalc.expect'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
