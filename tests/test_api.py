"""cnncalc from Python."""

from __future__ import annotations

import doctest
import html.parser
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import cnncalc
import cnncalc.testing
from cnncalc.checks.findings import Result
from cnncalc.sizes import Open
from tests.program import here

SPEC: dict[str, Any] = {
    "name": "small",
    "input": [3, 8, 9],
    "layers": [{"op": "conv", "c_o": 4, "k": 3}, {"op": "maxpool", "k": 2}],
}
OUT = (4, 3, 3)


@pytest.mark.parametrize(("module", "least"), [("cnncalc", 3), ("cnncalc.api.networks", 16), ("cnncalc.api.arrays", 2)])
def test_the_examples_of_the_docstrings(module: str, least: int) -> None:
    result = doctest.testmod(import_module(module))
    assert result.failed == 0
    assert result.attempted >= least


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


# Arguments of shape override the spec.


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
    assert report.out == cnncalc.shape(SPEC, batch=np.int64(7)).out == (7, *OUT)  # type: ignore[arg-type]
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
            'no input shape\n  put one first (3x224x224), give -i 3x224x224, or "input" in the spec',
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


X: Any = np.ones((3, 3))
K: Any = np.ones((2, 2))
WRONG: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (cnncalc.shape, (SPEC,), {"dtype": 5}, "unknown dtype 5"),
    (cnncalc.shape, (SPEC,), {"dtype": np.complex64}, "unknown dtype 'complex64'"),
    (cnncalc.run, ("conv:1,k2", X), {"seed": -1}, "seed is -1, not a whole number of at least 0"),
    (cnncalc.run, ("conv:1,k2", X), {"seed": "a"}, "seed is 'a', not a whole number of at least 0"),
    (cnncalc.run, ("conv:1,k2", X), {"seed": 1.5}, "seed is 1.5, not a whole number of at least 0"),
    (cnncalc.run, ("conv", "x.npy", K), {}, "x is 'x.npy', not an array"),
    (cnncalc.run, ("conv", X, "k.npy"), {}, "weights is 'k.npy', not an array"),
    (cnncalc.run, ("conv", X, [[1, 2], [3]]), {}, "weights cannot be read as an array"),
    (cnncalc.run, ("conv:1,k2", X, {1: K}), {}, "1 is not the name of an array"),
    (cnncalc.run, ("conv:1,k2", X, {"conv1.weight": "k.npy"}), {}, "conv1.weight is 'k.npy', not an array"),
    (cnncalc.run, ("conv", X, K), {"memory": "1G"}, "memory is '1G', not a number of bytes"),
    (cnncalc.run, ("conv", X, K), {"keep": "conv1"}, "keep is 'conv1', not a list"),
    (cnncalc.contrast, (SPEC, 5), {}, "unknown dialect 5"),
    (cnncalc.contrast, (SPEC, ["torch", 5]), {}, "unknown dialect 5"),
    (cnncalc.check, (SPEC,), {"dialect": 5}, "unknown dialect 5"),
    (cnncalc.to_onnx, ("1x3x3 conv:1,k2", {1: K}), {}, "1 is not the name of an array"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "what"), WRONG, ids=[row[-1] for row in WRONG])
def test_an_argument_of_a_wrong_type_is_a_spec_error(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], what: str
) -> None:
    if function is cnncalc.to_onnx:
        pytest.importorskip("onnx")
    with pytest.raises(cnncalc.SpecError) as caught:
        function(*arguments, **options)
    assert caught.value.what.startswith(what)


@pytest.mark.parametrize(
    ("path", "help"),
    [
        ("k.npy", "load a file first, for example numpy.load(path)"),
        ("k.h5", "give the file of the whole model as the network"),
        ("k.safetensors", "load a file first, for example safetensors.numpy.load_file(path)"),
    ],
)
def test_a_path_in_place_of_arrays_is_answered_with_how_they_are_read(path: str, help: str) -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        cnncalc.run("conv", X, path)  # type: ignore[arg-type]
    assert caught.value.help == help


def test_arguments_may_be_what_numpy_and_lists_give() -> None:
    expected = cnncalc.shape(SPEC, dtype="float32").to_dict()
    for dtype in (np.float32, np.dtype("float32"), "FLOAT32"):
        assert cnncalc.shape(SPEC, dtype=dtype).to_dict() == expected
    lists: Any = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    kernel: Any = [[0, 1], [2, 3]]
    assert cnncalc.run("conv", lists, kernel).tolist() == [[19, 25], [37, 43]]
    assert cnncalc.run("conv:1,k2,nobias", lists, {"conv1.weight": kernel}).tolist() == [[19, 25], [37, 43]]
    several = cnncalc.check(SPEC, {"out": "4x3x3"}, dialect=["torch", "keras"])
    assert several.findings == cnncalc.check(SPEC, {"out": "4x3x3"}, dialect="torch,keras").findings
    assert several.checked == cnncalc.check(SPEC, {"out": "4x3x3"}, dialect="torch,keras").checked


def test_an_error_of_words_has_a_caret() -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape("3x2x9 relu maxpool:k5,s2")
    assert str(caught.value).split("\n")[1:3] == ["  3x2x9 relu maxpool:k5,s2", "                     ^~"]


def test_an_unknown_name_of_the_module_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'cnncalc' has no attribute 'shapes'$"):
        cnncalc.shapes  # noqa: B018


# A fresh process.


def fresh(code: str) -> str:
    """Return what a new interpreter prints."""
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
    with pytest.raises(cnncalc.SpecError, match="unknown version"):
        cnncalc.load({"cnncalc": version, "layers": [{"op": "relu"}]})


# Type hints, and names that are stable.

PUBLIC = [
    *(getattr(cnncalc, name) for name in cnncalc.__all__),
    *(getattr(cnncalc.testing, name) for name in cnncalc.testing.__all__),
]


def parts(thing: Any) -> Iterator[Any]:
    """Yield a function, or a class with its methods and properties."""
    yield thing
    for name, member in vars(thing).items() if isinstance(thing, type) else ():
        if isinstance(member, property):
            yield member.fget
        elif inspect.isfunction(member) and not (name.startswith("_") and name.strip("_") not in ("init", "getitem")):
            yield member


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_type_hints_resolve(thing: Any) -> None:
    for part in parts(thing):
        get_type_hints(part)
    if inspect.isfunction(thing):
        assert "return" in get_type_hints(thing)
        assert get_type_hints(thing).keys() >= inspect.signature(thing).parameters.keys()
        assert inspect.getdoc(thing)


CALLS = """
import cnncalc, pkgutil, importlib, numpy
from types import ModuleType

def call():
    assert cnncalc.load("3x8x9 relu").input == (3, 8, 9)
    assert cnncalc.shape("3x8x9 relu").out == (3, 8, 9)
    assert cnncalc.run("relu", numpy.ones((3, 8, 9))).shape == (3, 8, 9)
    assert cnncalc.check("3x8x9 relu", {"out": "3x8x9"})
    assert cnncalc.diff("3x8x9 relu", "3x8x9 tanh")
    assert not cnncalc.contrast("3x8x9 relu").layers
    assert '"relu1"' in cnncalc.to_keras("3x8x9 relu")
    assert "ReLU" in cnncalc.to_torch("3x8x9 relu")
    try:
        import onnx
    except ImportError:
        pass
    else:
        assert b"Relu" in cnncalc.to_onnx("3x8x9 relu")
    try:
        cnncalc.from_torch(object(), "3x8x9")
    except cnncalc.SpecError:
        pass

call()
call()
for module in pkgutil.walk_packages(cnncalc.__path__, "cnncalc."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            assert error.name.partition(".")[0] in ("onnx", "torch", "safetensors"), error
call()
call()
print([name for name in cnncalc.__all__ if isinstance(getattr(cnncalc, name), ModuleType)])
"""


def test_each_function_is_called_twice_and_again_after_importing_every_module() -> None:
    assert fresh(CALLS) == "[]\n"


def test_no_module_bears_the_name_of_what_is_public() -> None:
    modules = {module.name for module in pkgutil.iter_modules(cnncalc.__path__)}
    assert not modules & {*cnncalc.__all__}
    assert {*dir(cnncalc)} >= {*cnncalc.__all__}


# check, contrast, diff and the writers.


@pytest.mark.parametrize("source", [SPEC, "3x8x9 conv:4,k3 maxpool:2", cnncalc.load(SPEC), cnncalc.shape(SPEC)])
def test_check_judges_any_source(source: Any) -> None:
    result = cnncalc.check(source, {"out": "4x3x3", "params": 112})
    assert (result.ok, bool(result), result.checked, result.findings) == (True, True, 2, [])
    wrong = cnncalc.check(source, {"max_params": 100})
    assert not wrong
    assert [(f.code, f.what) for f in wrong.findings] == [("CC103", "params is 112, expected at most 100")]
    assert wrong.report is not None
    assert wrong.report.params == 112


def test_check_and_the_command_find_the_same(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(SPEC | {"expect": {"out": "4x3x4"}}), encoding="utf-8")
    for more in ({}, {"dialect": "torch"}, {"dialect": "all"}, {"batch": 2}, {"input": "3x9x9"}, {"layout": "NHWC"}):
        options: dict[str, Any] = dict(more)
        result = cnncalc.check(path, {"max_params": "1k"}, **options)
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        ended = here(["check", str(path), "--expect", "max_params=1k", *words, "--format", "jsonl"])
        found = json.loads(ended.out)
        assert [f.to_dict() | {"file": found["file"]} for f in result.findings] == found["findings"]
        assert (result.ok, result.checked) == (found["ok"], found["checked"])


def test_check_finds_what_cannot_be_read_or_is_impossible() -> None:
    assert [f.code for f in cnncalc.check("vgg61").findings] == ["CC001"]
    assert [f.code for f in cnncalc.check("3x2x9 maxpool:k5,s2").findings] == ["CC002"]
    assert [f.code for f in cnncalc.check("3x2x9 relu").findings] == ["CC201"]
    assert cnncalc.check("3x2x9 relu")
    assert not cnncalc.check("3x2x9 relu", strict=True)


@pytest.mark.parametrize(
    "options", [{"expect": {"parms": 1}}, {"input": "3xx"}, {"dialect": "pytorch"}, {"layout": "CHW"}]
)
def test_check_raises_for_its_own_arguments(options: dict[str, Any]) -> None:
    with pytest.raises(cnncalc.SpecError):
        cnncalc.check(SPEC, **options)


def test_a_note_is_no_failure() -> None:
    note = cnncalc.check("3x2x9 relu").findings[0]
    assert Result("a", [note], None).ok
    assert not Result("a", [note, note._replace(level="error")], None).ok


def test_contrast_and_the_command_say_the_same() -> None:
    words = "3x8x8 conv:4,k3 maxpool:k3,s2"
    said = json.loads(here(["shape", *words.split(), "--dialect", "torch,caffe", "--json"]).out)
    for dialects in ("torch,caffe", ["torch", "caffe"], ("torch", "caffe")):
        assert json.loads(json.dumps(cnncalc.contrast(words, dialects).to_dict())) == said
    assert len(cnncalc.contrast(words).runs) == 5
    assert cnncalc.contrast("maxpool:k3,s2", input="2x3x9x9", layout="NHWC").network.layout == "NHWC"


def test_diff_and_the_command_say_the_same() -> None:
    a, b = "3x32x32 conv:16,k3 relu", "3x32x32 conv:32,k3 relu"
    said = json.loads(here(["diff", a, b, "--json"]).out)
    difference = cnncalc.diff(a, b)
    assert difference.to_dict() == said
    assert not cnncalc.diff(cnncalc.shape(a), cnncalc.load(a))
    assert cnncalc.diff(SPEC, cnncalc.load(a), input="3x9x9").names == ("A", "B")
    assert cnncalc.diff("conv:4,k3", "conv:4,k3", input="3x9x9", batch=2).new.out == (2, 4, 7, 7)


@pytest.mark.parametrize("target", ["keras", "torch", "onnx"])
def test_a_writer_writes_what_convert_writes(target: str, tmp_path: Path) -> None:
    if target == "onnx":
        pytest.importorskip("onnx")
    write: Any = {"keras": cnncalc.to_keras, "torch": cnncalc.to_torch, "onnx": cnncalc.to_onnx}[target]
    words = "3x8x9 conv:4,k3 relu"
    path = tmp_path / "net"
    assert here(["convert", *words.split(), "--to", target, "--batch", "2", "-o", str(path)]).code == 0
    written = write(words, batch=2)
    assert (written if isinstance(written, bytes) else written.encode()) == path.read_bytes()
    assert write(cnncalc.shape(words, batch=2)) == written
    with pytest.raises(cnncalc.CnncalcError):
        write("conv:4,k3")


def test_an_onnx_file_holds_the_weights_that_are_given(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 6))
    weights = {"conv1.weight": rng.standard_normal((3, 2, 2, 2)), "conv1.bias": rng.standard_normal(3)}
    path = tmp_path / "net.onnx"
    path.write_bytes(cnncalc.to_onnx("2x5x6 conv:3,k2", weights))
    assert np.allclose(cnncalc.run(path, x), cnncalc.run("conv:3,k2", x, weights), atol=1e-5)
    with pytest.raises(cnncalc.SpecError, match=r"3x2x2x2, conv1\.bias 3\n  give an array for each\n"):
        cnncalc.to_onnx("2x5x6 conv:3,k2", {"conv2.weight": weights["conv1.weight"]})


# A report as people see it, and as a table of data.


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("3x8x9 conv:4,k3 maxpool:2", "<network of 2 layers, input 3x8x9>"),
        ("relu", "<network of 1 layer>"),
        ("vgg16", "<network vgg16, input 3x224x224>"),
    ],
)
def test_a_network_has_a_short_repr(source: str, text: str) -> None:
    assert repr(cnncalc.load(source)) == text


def test_reprs_of_reports_are_short() -> None:
    report = cnncalc.shape(SPEC)
    assert repr(report) == "<report of small: 4x3x3, 112 parameters>"
    assert repr(report["conv1"]) == "<conv1: conv 3x8x9 -> 4x6x7>"
    assert repr(cnncalc.shape("1x8x9 conv:1,k1,nobias")) == ("<report of 1 layer: 1x8x9, 1 parameter>")
    assert repr(cnncalc.shape("CxHxW conv:4,k3")) == "<report of 1 layer: 4x[H-2]x[W-2], C*36+4 parameters>"


def test_a_difference_and_a_contrast_have_short_reprs_and_print_the_commands_tables() -> None:
    a, b = "3x32x32 conv:16,k3 relu", "3x32x32 conv:32,k3 relu"
    difference = cnncalc.diff(a, b)
    assert repr(difference) == f"<difference {a} -> {b}: 1 layer changed, 1 follows>"
    assert repr(cnncalc.diff(a, a)) == f"<difference {a} -> {a}: no difference>"
    assert str(difference) + "\n" == here(["diff", a, b]).out
    contrast = cnncalc.contrast("3x8x8 maxpool:k3,s2", "torch,caffe")
    assert repr(contrast) == "<contrast of torch and caffe: 1 layer differs>"
    assert repr(cnncalc.contrast("3x8x8 relu", "torch,caffe")) == "<contrast of torch and caffe: no layers differ>"
    assert str(contrast) + "\n" == here(["shape", "3x8x8", "maxpool:k3,s2", "--dialect", "torch,caffe"]).out


def test_a_report_is_printed_as_the_commands_table() -> None:
    report = cnncalc.shape(SPEC)
    wide = str(report)
    assert wide.splitlines()[0].split() == [*("layer", "op", "output", "params", "fc", "ratio", "MACs", "field")]
    assert wide.splitlines()[-1].startswith("  locally connected")
    assert "\x1b" not in wide
    ended = subprocess.run(
        [sys.executable, "-m", "cnncalc", "shape", "3x8x9", "conv:4,k3", "maxpool:2"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(cnncalc.__file__).parents[1])},
    )
    assert str(cnncalc.shape("3x8x9 conv:4,k3 maxpool:2")) + "\n" == ended.stdout


def test_a_printed_report_shortens_and_wraps_nothing() -> None:
    name = "a_name_that_would_have_to_be_folded_" * 7
    report = cnncalc.shape([{"op": "conv", "c_o": 4000, "k": 3, "name": name}], input=(3000, 999, 999))
    assert len([line for line in str(report).splitlines() if name in line]) == 2
    assert f"{report.macs:,}" in str(report)


class Cells(html.parser.HTMLParser):
    """A parser of the cells of an HTML table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1][-1] += data


def test_a_report_is_an_html_table() -> None:
    layers = [{"op": "conv", "c_o": 4, "k": 3, "name": "<b>&\"'"}, {"op": "relu"}]
    text = cnncalc.shape(layers, input=(3, 8, 9))._repr_html_()
    parsed = Cells()
    parsed.feed(text)
    parsed.close()
    assert parsed.open == []
    head, conv, relu, total = parsed.rows
    assert len(head) == len(conv) == len(relu) == len(total)
    assert (conv[0], conv[3], total[0], total[3]) == ("<b>&\"'", "112", "total", "112")
    assert "<b>" not in text
    assert "color" not in text
    assert "src" not in text


def test_rows_are_the_columns_of_csv_with_plain_values() -> None:
    report = cnncalc.shape("3xHx9 conv:4,k3 maxpool:2", dtype="float32")
    conv, pool = report.rows()
    lines = here(["shape", "3xHx9", "conv:4,k3", "maxpool:2", "--dtype", "float32", "--format", "csv"]).out.splitlines()
    assert list(conv) == list(pool) == lines[0].split(",")
    assert (conv["layer"], conv["op"], conv["out"], conv["k"]) == ("conv1", "conv k3", "4x[H-2]x7", "3")
    assert (conv["params"], conv["macs"], pool["ratio"], pool["params"]) == (112, "H*756-1512", None, 0)
    assert conv["param_bytes"] == 448
    assert all(type(value) in (int, float, str, type(None)) for row in (conv, pool) for value in row.values())
    ratio = cnncalc.shape("3x8x9 conv:4,k3").rows()[0]["ratio"]
    assert isinstance(ratio, float)
    assert ratio == pytest.approx(216 * 168 / 108)


def test_a_layer_by_name() -> None:
    report = cnncalc.shape('3x8x9 conv:4,k3,name=stem block:name=b,layers=[{"op":"relu"}]')
    assert report["stem"] is report.layers[0]
    assert report["b.relu1"] is report.layers[1].inner[0]
    assert [layer.name for layer in report] == ["stem", "b"]
    assert len(report) == 2
    assert "stem" in report
    assert "relu1" not in report
    with pytest.raises(KeyError, match=r"no layer 'sten': did you mean 'stem'\?"):
        report["sten"]
    with pytest.raises(KeyError, match="there is no layer '~': the report has 3"):
        report["~"]
    with pytest.raises(TypeError, match=r"^a layer is found by its name, not by 0: report\.layers is the list"):
        report[0]  # type: ignore[index]


@pytest.mark.parametrize("more", [{}, {"batch": 5}, {"dialect": "keras", "input": "8x9x3"}, {"dtype": "int8"}])
def test_the_shape_of_a_report_is_that_report(more: dict[str, Any]) -> None:
    layers = [{"op": "conv", "c_o": 4, "k": 3, "p": "same"}, {"op": "maxpool", "k": 2}]
    report = cnncalc.shape(layers, **{"input": "3x8x9", **more})
    again = cnncalc.shape(report)
    assert again.to_dict() == report.to_dict()
    assert cnncalc.load(report) is report.network
