"""Files that expand: each file of less than a megabyte here gets an error or an answer in 2 s and 256 MiB.

The system enforces the limits on a separate process. `tests/data/hostile` has one file of each kind found.
"""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.fields import ReceptiveFields
from cnncalc.hints.table import hints
from cnncalc.isolation import isolated
from cnncalc.limits import LARGEST_DEVICE, MOST_LAYERS, Limit
from cnncalc.render.markdown import escape
from tests.program import Ended, Server, calls, here, posix

HOSTILE = Path(__file__).parent / "data" / "hostile"
MOST_MEMORY = 256 << 20
MOST_SECONDS = 8
"""Seconds of processor time: an order of magnitude more than a rejected bomb takes, for slow machines."""


ONNX = """
import contextlib
with contextlib.suppress(ImportError):
    import onnx
"""
Bounded = Callable[..., Ended]


@pytest.fixture(scope="module")
def bounded() -> Iterator[Bounded]:
    """Yield a function that runs the command in a process with limits, and measures its memory.

    The process is not forked from pytest's, as its peak memory would include that of the suite.
    """
    with closing(Server(ONNX, {"RLIMIT_CPU": MOST_SECONDS, "RLIMIT_AS": 1 << 32})) as server:

        def run(*args: str, stdin: str = os.devnull) -> Ended:
            with NamedTemporaryFile() as out, NamedTemporaryFile() as err:
                code, peak = server.run(*args, streams=[stdin, out.name, err.name])
                assert peak < MOST_MEMORY, f"{peak >> 20} MiB"
                texts = [os.pread(stream.fileno(), 1 << 20, 0).decode() for stream in (out, err)]
            return Ended(code, *texts)

        yield run


def spec(*layers: Any) -> bytes:
    return json.dumps({"cnncalc": 1, "input": [3, 8, 8], "layers": layers}).encode()


def nested(depth: int, times: int) -> Any:
    layer: Any = {"op": "relu"}
    for _ in range(depth):
        layer = {"op": "block", "times": times, "layers": [layer]}
    return layer


def archive(config: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", config)
    return held.getvalue()


def many_layers_packed() -> bytes:
    """Return a Keras model of 15,002 layers, in an archive of a tenth of their size."""
    relus = [{"class_name": "ReLU", "config": {"name": f"r{at}"}} for at in range(15_002)]
    return archive(json.dumps({"class_name": "Sequential", "config": {"layers": relus}}).encode())


def equations() -> bytes:
    """Return dense layers given by an equation, of four layers each."""
    config = {"equation": "abc,cd->abd", "output_shape": [None, 4], "bias_axes": "d", "batch_input_shape": [None, 8, 4]}
    layers = [{"class_name": "EinsumDense", "config": {**config, "name": f"e{at}"}} for at in range(3_751)]
    return json.dumps({"class_name": "Sequential", "config": {"layers": layers}}).encode()


def averaged(steps: int) -> bytes:
    """Return a Keras model that averages steps by weights of its own."""
    source: Any = {"class_name": "InputLayer", "name": "x", "inbound_nodes": []}
    source["config"] = {"name": "x", "batch_shape": [None, steps, 3]}
    held = {"class_name": "__numpy__", "config": {"value": [1, 2] * (steps // 2), "dtype": "float32"}}
    read = {"shape": [None, steps, 3], "dtype": "float32", "keras_history": ["x", 0, 0]}
    args = [{"class_name": "__keras_tensor__", "config": read}]
    last: Any = {
        "module": "keras.src.ops.numpy",
        "class_name": "Average",
        "name": "y",
        "config": {"name": "y", "axis": 1},
    }
    last["inbound_nodes"] = [{"args": args, "kwargs": {"weights": held}}]
    config = {"layers": [source, last], "input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}
    return json.dumps({"module": "keras", "class_name": "Functional", "config": config}).encode()


def model(depth: int) -> bytes:
    """Return Keras models that each call their inner model twice."""
    inner: Any = {
        "class_name": "Sequential",
        "config": {"name": "m0", "layers": [{"class_name": "ReLU", "config": {}}]},
    }
    for at in range(1, depth):
        name = f"m{at - 1}"
        calls = [[["i", 0, 0, {}]], [[name, 0, 0, {}]]]
        source: Any = {"class_name": "InputLayer", "name": "i", "inbound_nodes": []}
        source["config"] = {"name": "i", "batch_input_shape": [None, 4, 5, 3]}
        layers = [source, {**inner, "name": name, "inbound_nodes": calls}]
        config = {"name": f"m{at}", "layers": layers, "input_layers": [["i", 0, 0]], "output_layers": [[name, 1, 0]]}
        inner = {"class_name": "Functional", "config": config}
    return json.dumps(inner).encode()


NET = b"from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        %b\n"
KERAS = b"import keras\nfrom keras import ops\nx = keras.Input((60_000, 4))\n%b\nmodel = keras.Model(x, y)\n"
BOMBS: dict[str, tuple[bytes, str]] = {
    "times.json": (
        spec({"op": "relu", "times": 1_000_000}),
        "with times the network has 1,000,000 layers, more than 100,000",
    ),
    "twice.json": (
        spec(*[{"op": "relu", "times": 60_000}] * 2),
        "with times the network has 120,000 layers, more than 100,000",
    ),
    "beside.json": (
        spec({"op": "relu", "times": 70_000}, *[{"op": "relu"}] * 40_000),
        "with times the network has 110,000 layers, more than 100,000",
    ),
    "nested.json": (
        spec(nested(4, 100)),
        "layers[0].layers[0].layers[0]: with times the network has 1,010,100 layers, more than",
    ),
    "doubled.json": (spec(nested(60, 2)), "with times the network has 131,070 layers, more than 100,000"),
    "words.txt": (b"3x8x8 relu:times=1000000", "with times the network has 1,000,000 layers, more than 100,000"),
    "group.txt": (b"3x8x8 conv:3,relu,times=99999", "with times the network has 199,998 layers, more than 100,000"),
    "commas.txt": (b"3x8x8 relu" + b"," * 190_000, "is not a layer, a file or a built-in network"),
    "fused.txt": (b"3x8x8 conv:3,k" + b"a" * 190_000, "conv has no 'kaaa"),
    "digits.json": (b"[" + b"1" * 5000 + b"abc]", "not JSON: expecting ',' delimiter"),
    "packed.keras": (archive(b"[" + b"[]," * 8_000_000 + b"0]"), "its config.json is more than 1.5 MiB, unpacked from"),
    "packed_layers.keras": (many_layers_packed(), "the model makes 15,002 calls of layers, more than 12,000"),
    "equations.keras.json": (equations(), "the calls of the model's layers make 15,004 layers, more than 15,000"),
    "twice.keras.json": (model(30), "calls of layers, more than 12,000"),
    "range.py": (NET % b"for i in range(10**9): pass", "the code takes more than 250,000 steps"),
    "calls.py": (b"from torch import nn\n" + b"y=f()\n" * 30_000, "the code takes more than 250,000 steps"),
    "list.py": (NET % b"a = [0] * 10**9", "a list or a string of more than 50,000 items"),
    "isinstance.py": (
        NET % b"a = (str,)\n        for _ in range(40): a = (a, a)\n        isinstance(1, a)",
        "a list or a string of more than 50,000 items",
    ),
    "tensor.py": (
        b"import torch\n" + NET % b"a = [1]\n        for _ in range(40): a = [a, a]\n        torch.tensor(a)",
        "a list or a string of more than 50,000 items",
    ),
    "array.py": (
        b"import numpy\n" + NET % b"a = [1]\n        for _ in range(40): a = [a, a]\n        numpy.array(a)",
        "the code takes more than 250,000 steps",
    ),
    "sequential.py": (
        KERAS % b"model = keras.Sequential([keras.layers.ReLU()])\n"
        b"for _ in range(40): model = keras.Sequential([model, model])\ny = model(x)",
        "a list or a string of more than 50,000 items",
    ),
    "repeat.py": (
        KERAS % b"y = x\nfor _ in range(18):\n    y = y + ops.repeat(x, 1, axis=1)",
        "the layers expand to 1,080,000 numbers and results, more than 1,048,576\n"
        "  repeat, encode or split fewer units, or less often",
    ),
    "keys.py": (NET % b"a = {at * (2**61 - 1) for at in range(30_000)}", "the code takes more than 250,000 steps"),
    "models.py": (
        KERAS % b"y, models = x, []\n"
        b"for _ in range(2_000):\n    y = keras.layers.ReLU()(y)\n    models.append(keras.Model(x, y))",
        "the code takes more than 250,000 steps",
    ),
    "inputs.py": (
        KERAS % b"y = [x] * 20_000\nfor _ in range(2_000): model = keras.Model(y, y)\ny = model(y)",
        "the code takes more than 250,000 steps",
    ),
    "values.py": (
        KERAS % b"layer = keras.layers.ReLU(max_value=[1] * 40_000)\ny = x\nfor _ in range(2_000): y = layer(y)",
        "the code takes more than 250,000 steps",
    ),
    "wrapped.py": (
        b"import keras\nx = keras.Input([2] * 29)\nlayer = keras.layers.LayerNormalization()\n"
        b"for _ in range(28): layer = keras.layers.TimeDistributed(layer)\n"
        b"y = x\nfor _ in range(1_000): y = layer(y)\nmodel = keras.Model(x, y)\n",
        "the code takes more than 250,000 steps",
    ),
    "printed.txt": (
        b"Net(\n (a): Sequential(\n  (0-99999999): 100000000 x ReLU()\n )\n)",
        "more than 12,000 modules",
    ),
    "far.json": (
        spec(*[{"op": "relu"}] * 19_000, {"op": "flatten"}, {"op": "linear", "c_i": 77, "out": 5}),
        "expects 77 input features, gets 192",
    ),
    "names.json": (
        spec(*[{"op": "relu", "name": f"layer{at:05}"} for at in range(15_000)], {"op": "relu", "from": "layer99999"}),
        "did you mean 'layer",
    ),
}
"""The contents of each file, and the error it gives, by name."""


@posix
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(bounded: Bounded, name: str, tmp_path: Path) -> None:
    data, what = BOMBS[name]
    assert len(data) < 1_000_000
    path = tmp_path / name
    path.write_bytes(data)
    done = bounded("shape", str(path), *(["-i", "3x8x8"] if b"torch" in data else []))
    assert done.code == 2, done
    assert what in done.err


@posix
def test_a_place_in_a_long_text_takes_little_memory(bounded: Bounded, tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_bytes(archive(b'"' + b"a" * 1_500_000 + b'"'))
    done = bounded("check", str(tmp_path / "text.keras"))
    assert done.code == 2, done
    assert "text.keras:1:1: CC001 unreadable: 'aaaa" in done.out


@posix
@pytest.mark.parametrize("path", sorted(HOSTILE.iterdir()), ids=lambda path: path.name)
def test_the_gate_judges_what_is_hostile(bounded: Bounded, path: Path) -> None:
    if path.suffix == ".onnx":
        pytest.importorskip("onnx")
    done = bounded("check", str(path))
    assert done.code in (0, 2), done
    assert "1 file" in done.out
    assert done.err == ""


SHOWN: dict[str, tuple[bytes, list[str], int, str]] = {
    "cycle.py": (
        b"from torch import nn\nclass Out:\n    pass\nclass Net(nn.Module):\n    def forward(self, x):\n"
        b"        out = Out()\n        out.own, out.x = [out] * 2, x + 1\n        return out\n",
        ["shape", "-i", "3x8x8"],
        0,
        "3x8x8",
    ),
    "average.keras.json": (averaged(80_000), ["shape"], 0, "sum"),
    "fold.txt": (b"3x8x8 relu:times=20000", ["shape", "--fold"], 0, "x20000"),
    "open.txt": (
        b"3xHxW conv:3,k3,times=4001",
        ["shape"],
        2,
        "the open sizes up to here have 8,002 letters and floors, more than 8,000",
    ),
    "stepped.txt": (
        b"2xHxW maxpool:k3,s1,p100000000,d100000000,times=3",
        ["shape"],
        2,
        "d is 100000000 on the height axis: its windows may step over an input of 1 to 99999999, more sizes than",
    ),
    "needed.json": (
        spec(*[{"op": "maxpool", "k": 5, "s": 1, "p": 64 + i % 5, "d": 32} for i in range(600)]),
        ["rf", "-i", "2xHxW"],
        2,
        "the layers up to here need 30,018 conditions on open sizes, more than 30,000",
    ),
    "numbers.txt": (b"3xHxW conv:3,k3,times=5001", ["shape", "-i", "3x10004x10005"], 0, "3x10002x10003"),
    "same.txt": (b"3xHxW conv:3,k3,p=same,times=20000", ["compare"], 0, "3xHxW"),
    "hints.json": (spec(*[{"op": "relu"}] * 12_000), ["shape", "--hints"], 0, "no hints"),
    "tabulated.txt": (
        b"3xHxW relu:times=2001",
        ["shape", "--at", "H=W=1..100"],
        2,
        "--at traces 200,100 layers over all rows, more than 200,000",
    ),
    "measured.txt": (
        b"3x8x8 relu:times=16001",
        ["shape", "--dtype", "float32"],
        2,
        "--hints, --dtype and --macs-as of 16,001 layers, more than 16,000",
    ),
    "picture.txt": (b"3x8x8 relu:times=10001", ["show"], 2, "the picture has 10,001 rows, more than 10,000"),
    "pyramid.txt": (b"2x5x6 maxpool:k1000000000000,s1,same", ["show", "--unit", "0,0"], 0, "one character is "),
    "verified.txt": (b"2x5x6 dwconv:k1000000000000000000,same", ["rf", "--verify"], 2, "30 pixels take 3,600 values"),
    "verified_late.txt": (b"3x64x65 conv:20000,k3 conv:2000,k3", ["rf", "--verify"], 2, "4,160 pixels take 3"),
    "verified_apart.txt": (b"2x5x6 conv:2,k3,d100000001,p100000001", ["rf", "--verify"], 0, "responds to the pixels"),
    "pixel_apart.txt": (b"2x5x6 unfold:k1,s100000001,p100000001", ["rf", "--from-pixel", "2,3"], 0, "none"),
    "solved.txt": (
        b"dwconv:k1000000000000000,s1000000000000000,same",
        ["solve", "-i5", "--out=5"],
        1,
        "with another p",
    ),
    "long.txt": (
        b"1x16000000x3 maxpool:k3,s1,p1,times=300",
        ["rf", "--from-pixel", "5,1"],
        2,
        "4,816,001,204 units on the axes of all maps together, more than 4,294,967,296",
    ),
    "influence.txt": (b"2x5x6 conv:1,k19999,same avgpool:k19999,s1,same", ["rf", "--effective"], 0, "of the 30 pixels"),
    "influence_of_many.txt": (
        b"1x5x2000 conv:1,k1x999,same,times=40",
        ["rf", "--effective"],
        2,
        "5,994,015 taps are too many: the limit is 4,194,304",
    ),
    "influence_of_layers.txt": (
        b"2x5x6 conv:2,k3,p1,times=4001",
        ["rf", "--effective"],
        2,
        "the influence of the pixels is followed through 4,001 layers, more than 4,000",
    ),
    "influence_of_none.txt": (b"1x1x1 conv:1,k2,d2,p1", ["rf", "--effective"], 0, "sees no pixel"),
    "window.txt": (b"1x100x100 conv:1,k99", ["show"], 0, "step 4 of 4"),
    "maps.txt": (b"1x5x5 conv:1,k3,p100000", ["show", "--to", "html"], 0, "The maps are too large"),
    "kernel.txt": (b"1x9999999x9999999 conv:1,k9999999", ["show", "--to", "html"], 0, "The maps are too large"),
    "fields.txt": (
        b"3x8x8 relu:times=10001",
        ["rf"],
        2,
        "the fields of 10,001 layers, each counted once per layer that it reads, more than 7,000",
    ),
    "matrix.txt": (
        b"linear:2",
        ["dense", "-i", "50000", "--seed", "0"],
        2,
        "has 50,000 columns, and a sample for each takes the layers 100,002 multiplications and values, 5,000,1",
    ),
    "rows.json": (
        spec(*[{"op": "conv", "c_o": 3}] * 20_001),
        ["shape", "--format", "csv"],
        2,
        (
            "rows of 20,001 layers, more than 20,000\n"
            "  use --until and --after to take a part of the network, or --json for all of it"
        ),
    ),
    "copied.txt": (b"3x8x8 conv:3,times=20001", ["shape", "--format", "csv"], 0, "conv10000"),
    "explained.txt": (
        b"3x8x8 relu:times=10001",
        ["shape", "--explain"],
        2,
        "--explain of 10,001 rows, more than 10,000",
    ),
    "written.txt": (
        b"7x8 multihead:2,times=2000",
        ["convert", "--to", "onnx"],
        2,
        "the ONNX file has 60,001 nodes, more than 60,000",
    ),
    "fewer.txt": (b"3x8x8 relu:times=30000", ["diff", "3x8x8 relu:times=50001", "--until", "relu1000"], 0, ""),
    "both.txt": (
        b"3x8x8 relu:times=6000",
        ["diff", "3x8x8 relu:times=4001"],
        2,
        "both networks together have 10,001 layers, more than 10,000",
    ),
    "dialects.txt": (
        b"3x8x8 relu:times=100000",
        ["check", "--dialect", "all"],
        2,
        "layers under all dialects together",
    ),
    "resized.txt": (
        b"3x8x8x8 convT3d:3,k4,p1,times=100000",
        ["shape"],
        2,
        "with times the network has 10,001 layers up to here that change the shape, more than 10,000",
    ),
    "resized_in_blocks.json": (
        spec({"op": "block", "times": 20_000, "layers": [{"op": "pad", "p": 1}]}),
        ["shape", "--explain"],
        2,
        "with times the network has 10,001 layers up to here that change the shape",
    ),
    "joined.json": (
        spec(
            *[{"op": "relu", "name": f"r{at}", "from": "input"} for at in range(1500)],
            {"op": "concat", "from": [f"r{at}" for at in range(1500)]},
        ),
        ["rf"],
        2,
        "receptive fields of 2,250,001 pairs of inputs that meet in a layer, more than 500,000",
    ),
    "constant.json": (
        spec(
            {"op": "constant", "shape": [1 << 40], "name": "c"},
            {"op": "cumsum", "axis": 1},
            {"op": "relu", "from": "input"},
        ),
        ["rf"],
        0,
        "cumsum1",
    ),
    "followed.json": (
        spec(*[{"op": "adaptiveavgpool", "out": [1_000_003 + 2 * at, 7]} for at in range(9)]),
        ["rf"],
        2,
        "2,000,018 units that differ in what they read, over all layers, more than",
    ),
    "opaque.json": (spec(*[{"op": "opaque"}] * 3_000), ["rf"], 0, "unknown after opaque1 (opaque)"),
    "sliced.json": (
        spec(
            *[{"op": "relu"}] * 6_600,
            *[
                {"op": "slice", "name": f"{at}.{axis}", "axis": axis, "start": start, "stop": start + kept} | source
                for at in range(30)
                for axis, start, kept, source in (
                    (2, at, 30, {"from": "relu6600"}),
                    (1, at, 1, {}),
                    (3, at * 7 % 30, 31, {}),
                )
            ],
            {"op": "concat", "from": [f"{at}.3" for at in range(30)]},
            {"op": "conv", "c_o": 3, "k": 1},
        ),
        ["rf", "-i", "30x64x65", "--unit", "3,4"],
        0,
        "axis  pixels",
    ),
    "transposed.json": (
        spec(
            *[
                {"op": op, "k": 1024, "s": 1024, "p": 300 - at} | ({"c_o": 1} if op == "convT" else {})
                for at in range(150)
                for op in ("convT", "maxpool")
            ]
        ),
        ["shape"],
        0,
        "receptive field",
    ),
    "resampled.json": (
        spec(*[{"op": "upsample", "out": [8001 + at % 97, 5]} for at in range(2_000)]),
        ["shape"],
        0,
        "receptive field unknown",
    ),
    "resampled_evenly.json": (
        spec(*[{"op": "upsample", "out": [[6144, 8192][at % 2], 5]} for at in range(1_000)]),
        ["shape"],
        2,
        "the receptive fields up to here have",
    ),
    **{
        f"names_of_{form}.json": (
            spec(*[{"op": "relu", "name": "".join(parts)} for parts in product(["a/", "a_"], repeat=12)]),
            ["convert", "--to", form],
            0,
            f"{'a_' * 12}_1000",
        )
        for form in ("keras", "torch")
    },
    "forbidden.json": (spec(*[{"op": "relu", "expect": {"forbid": "all"}}] * 5_000), ["check"], 0, "expectations"),
    "misspelt.json": (
        spec(*[{"op": "relu", "expect": {f"par{at}ams": 1}} for at in range(5_000)]),
        ["check"],
        2,
        "CC202 more-findings: more than 1,000 findings: the others are not listed",
    ),
    "blank.jsonl": (
        b"\n" * 100_000,
        ["check"],
        2,
        "blank.jsonl:1001:1: CC202 more-findings: more than 1,000 lines cannot be read: this one and the rest are not",
    ),
}
"""For each file its contents, the command, the exit code and a part of the output, by name."""


@posix
@pytest.mark.parametrize("name", SHOWN)
def test_what_a_command_shows_is_bounded(bounded: Bounded, name: str, tmp_path: Path) -> None:
    data, args, code, what = SHOWN[name]
    path = tmp_path / name
    path.write_bytes(data)
    done = bounded(*args, str(path))
    assert done.code == code, done
    assert what in done.out + done.err


CHAINS = {
    "followed": "3x8x8 conv:3,k3,p1,times={}",
    "open": "3xHxW conv:3,k3,times={}",
    "attended": "3x8x8 attention:times={}",
    "recurrent": "10x8 lstm:8,times={}",
    "strided": "3x8x8 maxpool:k2,s1,p0+1,times={}",
    "resized": "3x8x8 upsample:factor=1.001,times={}",
}
"""Deep networks of a few words, by what is special about their layers."""
WORK: dict[str, Callable[[Any], object]] = {
    "shape": lambda spec: cnncalc.shape(spec).to_dict(),
    "table": lambda spec: str(cnncalc.shape(spec)),
    "holds": lambda spec: cnncalc.shape(spec).holds.texts(),
    "hints": lambda spec: hints(cnncalc.shape(spec).layers),
    "diff": lambda spec: str(cnncalc.diff(spec, f"{spec} relu")),
    "contrast": lambda spec: cnncalc.contrast(spec, "torch,keras").layers,
    "fields": lambda spec: ReceptiveFields(cnncalc.shape(spec)).layers,
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("work", WORK)
def test_work_grows_with_the_layers_and_not_faster(chain: str, work: str) -> None:
    """Four times as many layers take at most four times the calls, and a tenth more."""
    few, many = (partial(WORK[work], CHAINS[chain].format(times)) for times in (40, 160))
    few(), many()  # first fill the caches that persist between calls
    assert calls(many) < 4.4 * calls(few)


@pytest.mark.parametrize("line", ["", "1", '"a"', "x", "{}", '{"op":"rleu"}'])
@pytest.mark.parametrize("command", ["shape", "check"])
def test_an_error_of_a_line_takes_a_few_hundred_calls(command: str, line: str, tmp_path: Path) -> None:
    path, counts = tmp_path / "nets.jsonl", []
    for lines in (50, 50, 100):  # the first run fills the caches that persist between calls
        path.write_text(f"{line}\n" * lines, encoding="utf-8")
        counts.append(calls(lambda: here([command, "--jsonl", str(path)])))
    assert counts[2] - counts[1] < 50 * 400


@pytest.mark.parametrize("command", ["shape --json", "rf --json", "check --json --dialect all"])
def test_work_grows_with_the_depth_of_blocks_and_not_faster(command: str, tmp_path: Path) -> None:
    """The same number of layers, nested four times as deeply, take at most a third more calls."""
    counts, path = [], tmp_path / "net.json"
    for depth, times in ((20, 1), (20, 40), (80, 10)):  # the first run fills the caches that persist between calls
        path.write_bytes(spec(*[nested(depth, 1)] * times))
        counts.append(calls(lambda: here([*command.split(), str(path)])))
    assert counts[2] < 4 / 3 * counts[1]


def onnx_model(nodes: list[Any], constants: list[Any], size: int = 1, functions: tuple[Any, ...] = ()) -> bytes:
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.INT64, [size])
    y = helper.make_tensor_value_info("y", TensorProto.INT64, None)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    made = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    return bytes(made.SerializeToString())


def numbers(name: str, *values: int) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


Nodes = list[tuple[str, list[str], list[str]]]


def chain(count: int, part: Callable[[str, str], Nodes], start: str = "x") -> list[Any]:
    """Return nodes in a chain, made by `part` for each value and the next."""
    from onnx import helper

    ends = [start, *[f"x{at}" for at in range(1, count)], "y"]
    return [helper.make_node(*node) for at in range(count) for node in part(ends[at], ends[at + 1])]


def doubled() -> bytes:
    """Return a graph that fills 2^24 numbers, and concatenates them again and again."""
    from onnx import helper

    nodes = [helper.make_node("Tile", ["c", "t"], ["d0"])]
    nodes += [helper.make_node("Concat", [f"d{at}"] * 2, [f"d{at + 1}"], axis=0) for at in range(9)]
    return onnx_model(
        [*nodes, helper.make_node("Add", ["x", "d9"], ["y"])], [numbers("c", 1, 2), numbers("t", 1 << 23)]
    )


def long_input() -> bytes:
    """Return a graph with an input of 10^9 numbers, each of which onnx's inference would list."""
    from onnx import helper

    return onnx_model([helper.make_node("Cast", ["x"], ["y"], to=7)], [], 10**9)


def one_after_another() -> bytes:
    """Return a graph that adds two constants, multiplies them, and so on: each is read 2^40 times."""
    from onnx import helper

    nodes = []
    for at in range(40):
        both = [f"a{at}", f"b{at}"]
        nodes += [helper.make_node("Add", both, [f"a{at + 1}"]), helper.make_node("Mul", both, [f"b{at + 1}"])]
    nodes += [helper.make_node("Concat", ["a40", "b40"], ["c"], axis=0), helper.make_node("Add", ["x", "c"], ["y"])]
    return onnx_model(nodes, [numbers(name, *[1] * 5000) for name in ("a0", "b0")])


def functions() -> bytes:
    """Return twenty functions, each calling the one before it twice."""
    from onnx import helper

    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    made = [helper.make_function("own", "F0", ["X"], ["Y"], [helper.make_node("Relu", ["X"], ["Y"])], opsets)]
    for at in range(1, 21):
        calls = [(["X"], ["t"]), (["t"], ["Y"])]
        nodes = [helper.make_node(f"F{at - 1}", *ends, domain="own") for ends in calls]
        made.append(helper.make_function("own", f"F{at}", ["X"], ["Y"], nodes, opsets))
    return onnx_model([helper.make_node("F20", ["x"], ["y"], domain="own")], [], functions=tuple(made))


def negative() -> bytes:
    """Return a graph with repeats to sizes below 1 that are sliced: onnx's inference ends the process."""
    from onnx import helper

    nodes = [helper.make_node("Expand", ["c", "s"], ["e"]), helper.make_node("Slice", ["e", "a", "b"], ["f"])]
    constants = [numbers("s", -5), numbers("c", 7), numbers("a", 0), numbers("b", 3)]
    return onnx_model([*nodes, helper.make_node("Add", ["x", "f"], ["y"])], constants)


def unlike() -> bytes:
    """Return a graph that repeats four numbers to 2^28 with mismatched sizes, and slices the result."""
    from onnx import helper

    nodes = [helper.make_node("Expand", ["c", "s"], ["d"]), helper.make_node("Expand", ["x", "s"], ["e"])]
    nodes += [helper.make_node("Slice", ["e", "a", "b"], ["f"]), helper.make_node("Concat", ["d", "f"], ["y"], axis=0)]
    constants = [numbers("s", 1 << 28), numbers("c", 1, 2, 3, 4), numbers("a", 0), numbers("b", 3)]
    return onnx_model(nodes, constants)


def many_nodes() -> bytes:
    """Return a graph that adds a value to itself 12,001 times."""
    return onnx_model(chain(12_001, lambda x, y: [("Add", [x, x], [y])]), [])


def many_layers() -> bytes:
    """Return a graph that quantizes with scales known only at run time, and back: seven layers of two nodes."""

    def pair(x: str, y: str) -> Nodes:
        own = [f"{y}.{part}" for part in ("q", "scale", "zero")]
        return [("DynamicQuantizeLinear", [x], own), ("DequantizeLinear", own, [y])]

    return onnx_model(chain(4_000, pair), [])


def doubled_letters() -> bytes:
    """Return a graph that concatenates the open shape of an input with itself, again and again."""
    from onnx import TensorProto, helper

    doubling = chain(30, lambda x, y: [("Concat", [x, x], [y])], "s")
    for node in doubling:
        node.attribute.append(helper.make_attribute("axis", 0))
    nodes = [helper.make_node("Shape", ["x"], ["s"]), *doubling[:-1], helper.make_node("Reshape", ["x", "x29"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, "H", "W"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y])
    return bytes(helper.make_model(graph).SerializeToString())


def many_inputs() -> bytes:
    """Return a graph that adds a value and constants, 70,001 in all."""
    from onnx import helper

    return onnx_model([helper.make_node("Sum", ["x", *["c"] * 70_000], ["y"])], [numbers("c", 1)])


def many_constants() -> bytes:
    """Return a graph that adds a value and 12,000 constants, each of which is looked up among the others."""
    from onnx import helper

    names = [f"c{at}" for at in range(12_000)]
    return onnx_model([helper.make_node("Sum", ["x", *names], ["y"])], [numbers(name, 1) for name in names])


def empty_nodes() -> bytes:
    """Return a graph with nodes of two bytes, which no output needs."""
    from onnx import NodeProto, helper

    return onnx_model([helper.make_node("Relu", ["x"], ["y"]), *[NodeProto()] * 450_000], [])


def empty_constants() -> bytes:
    """Return a graph with constants that have only a name, and that no node reads."""
    from onnx import TensorProto, helper

    return onnx_model([helper.make_node("Relu", ["x"], ["y"])], [TensorProto(name=f"{at}") for at in range(80_000)])


def empty_graphs() -> bytes:
    """Return a node with subgraphs of two bytes."""
    from onnx import GraphProto, helper

    return onnx_model([helper.make_node("Relu", ["x"], ["y"], graphs=[GraphProto()] * 450_000)], [])


def many_indices() -> bytes:
    """Return a graph that takes units of an axis in an order of 4,000 numbers, again and again."""
    return onnx_model(chain(1_000, lambda x, y: [("Gather", [x, "i"], [y])]), [numbers("i", *[1, 0] * 2_000)], 4_000)


def transposed() -> bytes:
    """Return a graph that transposes a constant 7,000 times, whose identifying text grew each time."""
    from onnx import TensorProto, helper

    nodes = chain(7_000, lambda x, y: [("Transpose", [x], [y])], "c")
    return onnx_model(nodes, [helper.make_tensor("c", TensorProto.FLOAT, [2, 3], [0.5] * 6)])


@posix
@pytest.mark.parametrize(
    ("make", "code", "what"),
    [
        (many_nodes, 2, "the graph has 12,001 nodes, more than 12,000"),
        (many_layers, 2, "the nodes of the graph make 12,001 layers, or numbers in them by the hundred, more than"),
        (transposed, 0, ""),
        (doubled_letters, 0, ""),
        (many_constants, 2, "the nodes of the graph make 12,001 layers"),
        (empty_nodes, 2, "the graph has 450,001 nodes, more than 12,000"),
        (empty_constants, 2, "the graph has 80,000 constants, more than 12,000"),
        (empty_graphs, 0, ""),
        (many_inputs, 2, "the nodes of the graph have 70,002 inputs and outputs, more than 48,000"),
        (many_indices, 2, "layers, or numbers in them by the hundred, more than 12,000"),
        (doubled, 0, ""),
        (negative, 0, ""),
        (unlike, 0, ""),
        (long_input, 0, ""),
        (one_after_another, 0, ""),
        (functions, 2, "the file's functions make 3,145,727 nodes, more than 12,000"),
    ],
)
def test_constants_and_functions_of_onnx(
    bounded: Bounded, make: Callable[[], bytes], code: int, what: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    path.write_bytes(make())
    done = bounded("shape", str(path))
    assert done.code == code, done
    assert what in done.err


@posix
def test_a_run_reads_no_constants_of_what_cannot_be_run(bounded: Bounded, tmp_path: Path) -> None:
    """A file of a kilobyte whose constants take 16 GB."""
    pytest.importorskip("onnx")
    np.save(tmp_path / "x.npy", np.ones((3, 8, 8), np.float32))
    done = bounded("run", str(HOSTILE / "04-concat-constants-bomb.onnx"), "-x", str(tmp_path / "x.npy"))
    assert done.code == 2, done
    assert "'y': it is of type Reshape: what it computes is unknown" in done.err


@posix
@pytest.mark.parametrize("word", ["sepconv:2,k100000001,full", "convT:1,k100000001,s1", "conv:1,k100000001,full"])
def test_a_run_says_what_a_huge_kernel_takes(bounded: Bounded, word: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((5, 5), np.float32))
    done = bounded("run", word, "-x", str(tmp_path / "x.npy"), "--seed", "0")
    assert done.code == 2, done
    assert "PiB" in done.err


@posix
@pytest.mark.parametrize("op", ["add", "concat"])
def test_a_run_of_a_join_of_very_many_takes_a_block_once(bounded: Bounded, op: str, tmp_path: Path) -> None:
    layers = [{"op": "relu", "name": "r"}, {"op": op, "from": ["r"] * 100_000}]
    (tmp_path / "net.json").write_bytes(spec(*layers))
    np.save(tmp_path / "x.npy", np.ones((3, 8, 8), np.float32))
    done = bounded("run", str(tmp_path / "net.json"), "-x", str(tmp_path / "x.npy"))
    assert done.code == 0, done


@posix
def test_a_tiling_of_very_many_copies_once(bounded: Bounded, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(5, np.float32))
    done = bounded("run", "tile:5000000", "-x", str(tmp_path / "x.npy"))
    assert done.code == 0, done


@posix
def test_data_in_another_file_is_read_by_its_length(bounded: Bounded, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(1 << 32)
    shape = onnx.TensorProto(name="s", data_type=onnx.TensorProto.INT64, dims=[2], data_location=1)
    shape.external_data.add(key="location", value="large.bin")
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model([onnx.helper.make_node("Expand", ["x", "s"], ["y"])], [shape]))
    done = bounded("shape", str(path))
    assert done.code in (0, 2), done


@posix
@pytest.mark.parametrize(
    ("group", "key", "what"),
    [
        ("/", "keras_version", "a broken HDF5 file: its groups cannot be read"),
        ("model_weights", "layer_names", "the names that it lists have 1,500,048 characters, more than"),
    ],
)
def test_a_list_of_one_long_name(bounded: Bounded, group: str, key: str, what: str, tmp_path: Path) -> None:
    """An HDF5 file of half a megabyte, with a list that holds one equally long name any number of times."""
    h5py = pytest.importorskip("h5py")
    size, times = 500_000, 100 if key == "keras_version" else 30
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        conv = {"name": "c", "filters": 4, "kernel_size": 3, "batch_input_shape": [None, 8, 8, 3]}
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": conv}]}
        )
        file.create_group("model_weights").attrs["layer_names"] = [b"c"]
        names = [b"a" * size, *[b"name"] * (times - 1)]
        file[group].attrs.create(key, names, dtype=h5py.string_dtype())
    data = path.read_bytes()
    begin = data.index(size.to_bytes(4, "little"), data.index(key.encode()))  # the length, and the position of the name
    first = data[begin : begin + 16]
    path.write_bytes(data[:begin] + first * times + data[begin + 16 * times :])
    assert len(data) < 1_000_000
    done = bounded("convert", str(path), "--weights-out", str(tmp_path / "w.npz"))
    assert done.code == 2, done
    assert what in done.err


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (("Add", ["x"], ["y"]), "node 'y' (Add): 1 input, but its operator takes 2"),
        (("Mod", ["x", "x", "x"], ["y"]), "node 'y' (Mod): 3 inputs, but its operator takes 2"),
        (("Clip", ["x"] * 4, ["y"]), "node 'y' (Clip): 4 inputs, but its operator takes at most 3"),
        (("Where", [], ["y"]), "node 'y' (Where): 0 inputs, but its operator takes 3"),
        (("Equal", ["", ""], ["y"]), "node 'y' (Equal): input 0 is left out, and its operator needs it"),
        (("Add", ["x", ""], ["y"]), "node 'y' (Add): input 1 is left out, and its operator needs it"),
        (("DynamicQuantizeLinear", ["x"], ["y"]), "1 output, but its operator has 3"),
    ],
)
def test_nodes_with_another_number_of_inputs(node: tuple[Any, ...], what: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model([onnx.helper.make_node(*node)], []))
    with pytest.raises(cnncalc.SpecError) as raised:
        cnncalc.load(str(path))
    assert what in str(raised.value)


@posix
@pytest.mark.parametrize(
    "args", [("shape", "/dev/zero"), ("shape", "-"), ("shape", "--jsonl", "-"), ("check", "--jsonl", "-")]
)
def test_a_device_without_an_end(bounded: Bounded, args: tuple[str, ...]) -> None:
    done = bounded(*args, stdin="/dev/zero")
    assert done.code == 2
    assert f"does not end within {LARGEST_DEVICE >> 20} MiB" in done.err + done.out


@posix
@pytest.mark.parametrize("name", ["sparse.json", "sparse.txt", "sparse.py"])
@pytest.mark.parametrize("command", ["shape", "check"])
def test_a_sparse_text_is_refused_by_its_size(bounded: Bounded, command: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'{"cnncalc": 1')
    os.truncate(tmp_path / name, 3 << 30)
    done = bounded(command, str(tmp_path / name))
    assert done.code == 2
    assert f"{name}' is a text of more than 256 MiB" in done.err + done.out


@pytest.mark.parametrize("command", ["shape", "check"])
def test_a_long_line_of_a_file(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncalc.files.LARGEST_STREAM", 1 << 20)
    (tmp_path / "long.jsonl").write_bytes(b'"relu"' + bytes(1 << 20))
    done = here([command, "--jsonl", "long.jsonl"], cwd=tmp_path)
    assert done.code == 2
    assert "a line of 'long.jsonl' does not end within 1 MiB" in done.err + done.out


def test_layers_that_are_written_out_are_bounded_by_their_file_alone() -> None:
    layers = [{"op": "relu"}] * (MOST_LAYERS + 1)
    assert len(cnncalc.load(layers).nodes) == MOST_LAYERS + 1
    assert len(cnncalc.load([{"op": "relu", "times": MOST_LAYERS}]).nodes) == MOST_LAYERS


def test_a_limit_counts_what_is_made() -> None:
    limit = Limit(3, "it makes {made:,} layers, more than {most:,}", "make fewer")
    limit.count(3)
    with pytest.raises(cnncalc.SpecError, match="it makes 1,003 layers, more than 3"):
        limit.count(1000)


@posix
@pytest.mark.parametrize(
    ("work", "made"),
    [
        (lambda: b"made", b"made"),
        (lambda: b"long" * 100_000, b"long" * 100_000),
        (os.abort, None),
        (lambda: 1 / 0, None),
        (lambda: bytes(1 << 28), None),
        (lambda: next(one for one in iter(int, 1) if one), None),
    ],
    ids=["done", "long", "aborted", "raised", "memory", "endless"],
)
def test_foreign_code_runs_apart(work: Callable[[], bytes], made: bytes | None) -> None:
    if made is None and not sys.platform.startswith("linux"):
        pytest.skip("other systems do not say what a process takes")
    waiting = threading.Event()
    other = threading.Thread(target=waiting.wait)
    other.start()
    try:
        assert isolated(work, 1 << 24, 1) == made
    finally:
        waiting.set()
        other.join()
    assert len(bytearray(1 << 28)) == 1 << 28


@posix
def test_a_system_that_starts_no_more_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise BlockingIOError(errno.EAGAIN, "no more")

    monkeypatch.setattr(os, "fork", fail)
    opened = os.listdir("/dev/fd")
    with pytest.raises(
        cnncalc.SpecError,
        match=(
            r"^the operating system cannot start another process: no more\n"
            r"  native code of libraries runs"
        ),
    ):
        isolated(bytes, 1 << 24, 1)
    assert os.listdir("/dev/fd") == opened  # it has closed its own descriptors


@posix
def test_foreign_code_ends_on_the_signals_that_its_parent_does_not_ignore() -> None:
    """It does not remove what its parent writes."""
    numbers = [signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM]
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        handlers = isolated(lambda: repr([signal.getsignal(number) for number in numbers]).encode(), 1 << 24, 1)
        assert handlers == repr([signal.SIG_IGN, signal.SIG_DFL, signal.SIG_DFL]).encode()
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def test_a_note_and_a_help_repeat_no_long_value(bounded: Bounded, tmp_path: Path) -> None:
    path = tmp_path / "pad.json"
    path.write_bytes(spec({"op": "pad", "p": [1] * 100_000}))
    assert len(bounded("check", "--json", str(path)).out) < 10_000
    assert len(bounded("shape", "3x8x8", "conv:64,p1,k=" + "1" * 4_000).err) < 6_000


@pytest.mark.parametrize(
    "text",
    [
        f'3x8x8 conv:8,"{" " * 60_000}x"',
        f"3x8x8 conv:{'-' * 60_000}1",
        f"model.add({' ' * 60_000}Conv2D(3)",
    ],
    ids=["white space in quotes", "marks", "white space in a call"],
)
def test_a_word_of_many_marks_is_refused_at_once(bounded: Bounded, text: str, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(text)
    assert bounded("shape", str(path)).code == 2


def test_a_long_word_is_escaped_in_a_time_that_grows_with_its_length() -> None:
    """A search from each character to the end of the word would take an hour."""
    assert escape("a" * 300_000 + " _b") == "a" * 300_000 + r" \_b"


@pytest.mark.parametrize(
    "words", ["conv:64,k" + "9" * 100_000 + "z", "relu " * 20_000 + "rleu", "rleu " + "relu " * 20_000]
)
def test_an_error_repeats_no_long_line(words: str) -> None:
    with pytest.raises(cnncalc.SpecError) as raised:
        cnncalc.load(f"3x8x8 {words}")
    lines = str(raised.value).split("\n")
    assert max(map(len, lines)) < 2_100
    assert "^" in "".join(lines)
    caret = next(at for at, line in enumerate(lines) if set(line.strip()) <= {"^", "~"})
    column = lines[caret].index("^")
    assert lines[caret - 1][column : column + 4] in ("9999", "rleu", "k999")
