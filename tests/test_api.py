"""cnncalc from Python."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.sizes import Open

SPEC: dict[str, Any] = {
    "name": "small",
    "input": [3, 8, 9],
    "layers": [{"op": "conv", "c_o": 4, "k": 3}, {"op": "maxpool", "k": 2}],
}
OUT = (4, 3, 3)


def test_the_examples_of_the_docstring() -> None:
    result = doctest.testmod(cnncalc)
    assert result.failed == 0
    assert result.attempted >= 3


@pytest.mark.parametrize(
    "source",
    [
        SPEC,
        "3x8x9 conv:4,k3 maxpool:2",
        "  3x8x9   conv:4,k3\tmaxpool:2 ",
        "3,8,9 conv:4,k3 maxpool:2",
    ],
    ids=["dict", "words", "spaced words", "commas"],
)
def test_load_reads_a_spec_with_its_input(source: Any) -> None:
    network = cnncalc.load(source)
    assert isinstance(network, cnncalc.Network)
    assert network.input == (3, 8, 9)
    assert cnncalc.shape(source).out == OUT
    assert cnncalc.shape(network).out == OUT


@pytest.mark.parametrize(
    ("source", "out"),
    [
        (SPEC["layers"], OUT),
        (tuple(SPEC["layers"]), OUT),
        ("conv:4,k3 maxpool:2", OUT),
        ({"op": "conv", "c_o": 4, "k": 3}, (4, 6, 7)),
        ("conv:4,k3", (4, 6, 7)),
    ],
    ids=["list", "tuple", "words", "one layer", "one word"],
)
def test_load_reads_layers_without_an_input(source: Any, out: tuple[int, ...]) -> None:
    assert cnncalc.load(source).input is None
    assert cnncalc.shape(source, input=(3, 8, 9)).out == out


def test_load_gives_a_network_back_as_it_is() -> None:
    network = cnncalc.load(SPEC)
    assert cnncalc.load(network) is network


@pytest.mark.parametrize("name", ["net.json", "a net.json", "näme.json"])
def test_load_reads_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(SPEC), encoding="utf-8")
    assert cnncalc.load(path) == cnncalc.load(SPEC)
    assert cnncalc.load(str(path)) == cnncalc.load(SPEC)
    assert cnncalc.shape(path).out == OUT


def test_load_reads_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text("\ufeff" + json.dumps(SPEC), encoding="utf-8")
    assert cnncalc.load(path) == cnncalc.load(SPEC)


def test_a_path_is_a_file_even_where_its_name_is_a_layer_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("relu").write_text(json.dumps(SPEC), encoding="utf-8")
    assert len(cnncalc.load(Path("relu")).nodes) == 2
    assert len(cnncalc.load("relu").nodes) == 1


@pytest.mark.parametrize("name", ["vgg16", "VGG16"])
def test_load_reads_a_network_of_the_zoo(name: str) -> None:
    network = cnncalc.load(name)
    assert network.name == "vgg16"
    assert cnncalc.shape(name).params == 138_357_544


def test_a_file_beats_a_network_of_the_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vgg16").write_text(json.dumps(SPEC), encoding="utf-8")
    assert cnncalc.load("vgg16").name == "small"


# What shape is told beats what the spec says.


@pytest.mark.parametrize("input", [(3, 10, 12), [3, 10, 12], "3x10x12", "3,10,12"])
def test_an_input_beats_the_specs(input: Any) -> None:
    report = cnncalc.shape(SPEC, input=input)
    assert report.network.input == (3, 10, 12)
    assert report.out == (4, 4, 5)


def test_an_input_with_letters() -> None:
    assert cnncalc.shape(SPEC, input=(3, "H", 9)).out == (4, Open("H") // 2 - 1, 3)
    assert cnncalc.shape(SPEC, input="3xHx9").to_dict()["report"]["out"] == [4, "(H-2)//2", 3]


def test_a_batch_is_put_in_front() -> None:
    report = cnncalc.shape(SPEC, batch=7)
    assert report.out == (7, *OUT)
    assert report.macs == 7 * (cnncalc.shape(SPEC).macs or 0)
    assert report.params == cnncalc.shape(SPEC).params
    assert report.to_dict()["input"] == [7, 3, 8, 9]


@pytest.mark.parametrize(
    ("input", "out"),
    [
        ((3, 8, 9), OUT),
        ((5, 3, 8, 9), (5, *OUT)),
        ((None, 3, 8, 9), OUT),
        (("N", 3, 8, 9), OUT),
        ((8, 9), OUT),
    ],
    ids=["channels and space", "a batch", "a null batch", "an open batch", "one channel"],
)
def test_what_an_input_may_be(input: tuple[Any, ...], out: tuple[int, ...]) -> None:
    assert cnncalc.shape(SPEC["layers"], input=input).out == out


@pytest.mark.parametrize(
    ("words", "input", "out"),
    [
        ("conv1d:4,k3", (9,), (4, 7)),
        ("conv1d:4,k3", (2, 9), (4, 7)),
        ("conv1d:4,k3", (5, 2, 9), (5, 4, 7)),
        ("conv3d:4,k3", (7, 8, 9), (4, 5, 6, 7)),
        ("conv3d:4,k3", (2, 7, 8, 9), (4, 5, 6, 7)),
        ("conv3d:4,k3", (5, 2, 7, 8, 9), (5, 4, 5, 6, 7)),
        ("linear:4", (9,), (4,)),
        ("relu", (8, 9), (1, 8, 9)),
        ("relu conv1d:4,k3", (2, 9), (4, 7)),
    ],
)
def test_the_first_spatial_layer_says_how_many_axes_there_are(
    words: str, input: tuple[int, ...], out: tuple[int, ...]
) -> None:
    assert cnncalc.shape(words, input=input).out == out


def test_the_input_that_a_first_layer_declares() -> None:
    assert cnncalc.shape("conv:4,k3,c_i=3").to_dict()["input"] == [3, "H", "W"]
    assert cnncalc.shape("conv:4,k3,c_i=3", layout="NHWC").to_dict()["input"] == ["H", "W", 3]
    assert cnncalc.shape("linear:4,c_i=3").out == (4,)


def test_a_dialect_beats_the_specs_and_brings_its_layout_where_there_is_none() -> None:
    spec = {"dialect": "torch", "layers": [{"op": "batchnorm"}, {"op": "globalavgpool"}]}
    report = cnncalc.shape(spec, input=(8, 9, 3), dialect="keras")
    assert report.out == (3,)
    assert (report.network.dialect.name, report.network.layout) == ("keras", "NHWC")
    kept = cnncalc.shape({**spec, "layout": "NCHW"}, input=(3, 8, 9), dialect="keras")
    assert kept.out == (3,)
    assert kept.network.layout == "NCHW"


@pytest.mark.parametrize("layout", ["NHWC", "nhwc", "channels_last"])
def test_a_layout_beats_the_specs(layout: str) -> None:
    spec = {"layout": "NCHW", "layers": SPEC["layers"]}
    assert cnncalc.shape(spec, input=(8, 9, 3), layout=layout).out == (3, 3, 4)


def test_a_report_is_asked_by_name() -> None:
    report = cnncalc.shape(SPEC)
    assert isinstance(report, cnncalc.Report)
    conv, pool = report.layers
    assert isinstance(conv, cnncalc.LayerReport)
    assert (conv.name, conv.op, conv.x, conv.sample, conv.out) == ("conv1", "conv", (3, 8, 9), (3, 8, 9), (4, 6, 7))
    assert (conv.weights, conv.bias, conv.params, conv.buffers) == (108, 4, 112, 0)
    assert (conv.macs, conv.fc_weights, conv.local_weights) == (108 * 42, 216 * 168, 108 * 42)
    assert conv.values["k"] == (3, 3)
    assert conv.is_convolution
    assert not pool.is_convolution
    assert (report.params, report.buffers, report.macs) == (112, 0, 108 * 42)
    assert [(f.size, f.stride, f.start) for f in report.rf] == [(4, 2, 0), (4, 2, 0)]


# Errors.


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: cnncalc.shape("conv:4,k3"),
            cnncalc.SpecError,
            'no input shape\n  put one in front (3x224x224), give -i 3x224x224, or "input" in the spec',
        ),
        (
            lambda: cnncalc.shape("conv:4,k3", input=(2, 3, 8, 8), batch=5),
            cnncalc.SpecError,
            "the input 2x3x8x8 has a batch of 2 already\n  leave out --batch",
        ),
        (
            lambda: cnncalc.shape(SPEC, dialect="pytorch"),
            cnncalc.SpecError,
            "unknown dialect 'pytorch'\n  did you mean 'torch'?",
        ),
        (
            lambda: cnncalc.shape(SPEC, layout="CHW"),
            cnncalc.SpecError,
            "unknown layout 'CHW'\n  the layouts are NCHW and NHWC",
        ),
        (
            lambda: cnncalc.shape(SPEC, input="3x8x-9"),
            cnncalc.SpecError,
            "'-9' is not a size, in '3x8x-9'\n"
            "  a size is a whole number, or one letter (but not x) for an open size: 3x224x224, 3xHxW",
        ),
        (
            lambda: cnncalc.load([]),
            cnncalc.SpecError,
            "no layers: the list is empty\n  give at least one layer",
        ),
        (
            lambda: cnncalc.load("vgg61"),
            cnncalc.SpecError,
            "'vgg61' is not a layer, a file or a built-in network\n"
            "  vgg61\n  ^~~~~\n  did you mean 'vgg19' or 'vgg16' or 'vgg11'?",
        ),
        (
            lambda: cnncalc.load("-"),
            cnncalc.SpecError,
            "'-' is standard input on the command line only\n  give the spec itself",
        ),
    ],
)
def test_errors_say_what_and_what_would_help(call: Any, kind: type[cnncalc.CnncalcError], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
    assert isinstance(caught.value, cnncalc.CnncalcError)


@pytest.mark.parametrize("source", [None, 5, 1.5, True, object(), {1, 2}, b"conv:3"])
def test_what_is_no_spec_at_all_is_a_spec_error(source: Any) -> None:
    with pytest.raises(cnncalc.SpecError):
        cnncalc.load(source)


@pytest.mark.parametrize("batch", [0, -1, True, 1.5, "3"])
def test_a_batch_that_is_none_is_an_error(batch: Any) -> None:
    with pytest.raises(cnncalc.CnncalcError):
        cnncalc.shape(SPEC, batch=batch)


def test_an_error_of_a_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"input": [3, 2, 9],\n "layers": [\n  {"op": "maxpool", "s": 2, "k": 5}]}', encoding="utf-8")
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape(path)
    assert str(caught.value) == (
        f"{path}:3:29: layers[0] 'maxpool1': does not fit: floor((2 + 0 - 5)/2) + 1 < 1 on the height axis\n"
        "  the padded input (2) is smaller than the kernel (5): lower k to 2, or raise p to 2"
    )
    assert caught.value.to_dict() == {
        "message": "does not fit: floor((2 + 0 - 5)/2) + 1 < 1 on the height axis",
        "help": "the padded input (2) is smaller than the kernel (5): lower k to 2, or raise p to 2",
        "layer": "layers[0] 'maxpool1'",
        "key": "k",
        "file": str(path),
        "line": 3,
        "column": 29,
    }


def test_an_error_of_words_has_a_caret() -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape("3x2x9 relu maxpool:k5,s2")
    assert str(caught.value).split("\n")[1:3] == ["  3x2x9 relu maxpool:k5,s2", "                     ^~"]


def test_an_unknown_name_of_the_module_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'cnncalc' has no attribute 'shapes'$"):
        cnncalc.shapes  # noqa: B018


# A fresh process.


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    root = Path(cnncalc.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=root,
    )
    assert result.stderr == ""
    assert result.returncode == 0
    return result.stdout


HEAVY = "print([name for name in ('numpy', 'click', 'rich') if name in sys.modules])"


def test_import_is_light() -> None:
    assert fresh(f"import sys, cnncalc; {HEAVY}") == "[]\n"


def test_load_and_shape_are_light() -> None:
    code = f"import sys, cnncalc; print(cnncalc.shape('vgg16').to_dict()['report']['params']); {HEAVY}"
    assert fresh(code) == "138357544\n[]\n"


def test_the_names_of_the_module() -> None:
    for name in cnncalc.__all__:
        assert getattr(cnncalc, name) is not None
    assert fresh("import cnncalc; print(cnncalc.Report.__name__, cnncalc.Network.__name__)") == "Report Network\n"


def test_networks_are_equal_or_they_are_not() -> None:
    one, other = cnncalc.load("conv:8,k3"), cnncalc.load("conv:8,k3")
    assert one == other
    assert (one != other) is False
    assert one != cnncalc.load("conv:8,k5")


@pytest.mark.parametrize("words", ["conv:64,kk", "conv:64,k3,k5", "cnv:64 relu", "relu"])
def test_what_cannot_be_read_is_a_spec_error(words: str) -> None:
    with pytest.raises(cnncalc.SpecError):
        cnncalc.shape(words)


@pytest.mark.parametrize("version", [1.0, True, "1", 2, None])
def test_the_version_is_the_number_one(version: object) -> None:
    with pytest.raises(cnncalc.SpecError, match="of the spec is not known"):
        cnncalc.load({"cnncalc": version, "layers": [{"op": "relu"}]})
