"""What people type first, for every command: it works, or leads to the right command."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import cnncalc
from cnncalc.cli import COMMANDS, _intents, group
from cnncalc.cli._guesses import MEANT
from cnncalc.cli._intents import option_meant
from cnncalc.frameworks.unsupported import UNSUPPORTED
from cnncalc.help import TOPICS
from cnncalc.layers import find_op
from tests.program import environment, here, on_terminal, posix, shell

STEM = "3x8x9 conv:4,k3,name=stem relu conv:5,k3,s2 flatten linear:10"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a network, and no colors from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    assert here(["convert", *STEM.split(), "-o", "net.json"]).code == 0
    return tmp_path


# In place of a command

LINES = [
    ("lenet5", "shape lenet5"),
    ("3x224x224 conv:64,k3", "shape 3x224x224 conv:64,k3"),
    ("net.json", "shape net.json"),
    ("./net.json --columns layer,out", "shape ./net.json --columns layer,out"),
    ("conv:4 -i 3x5x6", "shape conv:4 -i 3x5x6"),
    ("-q lenet5", "shape lenet5"),
    ("-- lenet5", "shape lenet5"),
    ("nope.onnx", "shape nope.onnx"),
    ("cnv:4", "shape cnv:4"),
    ("3x5x5", "shape 3x5x5"),
    ("version", "--version"),
]
"""A network alone is an argument of shape."""


@pytest.mark.parametrize(("typed", "meant"), LINES, ids=[typed for typed, _ in LINES])
def test_a_network_alone_is_shown(typed: str, meant: str) -> None:
    assert here(typed.split()) == here(meant.split())


GUESSES = [
    ("summary lenet5", "shape lenet5"),
    ("params lenet5", "shape lenet5 --get params"),
    ("macs lenet5", "shape lenet5 --get macs"),
    ("flops lenet5", "shape lenet5 --get flops"),
    ("fields lenet5", "rf lenet5"),
    ("draw lenet5", "show lenet5"),
    ("memory lenet5", "shape lenet5 --dtype float32"),
    ("models", "zoo"),
    ("list", "zoo"),
    ("lint net.json", "check net.json"),
    ("export net.json", "convert net.json"),
    ("fit conv -x x.npy -y y.npy", "learn conv -x x.npy -y y.npy"),
    ("execute relu -x [[1,-2]]", "run relu -x [[1,-2]]"),
    ("man", "help"),
    ("man shape", "help shape"),
    ("layers conv", "ops conv"),
    ("SHAPE lenet5", "shape lenet5"),
    ("csv lenet5", "shape lenet5 --format csv"),
    ("onnx lenet5 -o net.onnx", "convert lenet5 -o net.onnx --to onnx"),
    ("versus lenet5 vgg16", "compare lenet5 vgg16"),
    ("tutorial", "help textbook"),
    ("explain lenet5", "shape lenet5 --explain"),
]


@pytest.mark.parametrize(("typed", "meant"), GUESSES, ids=[typed for typed, _ in GUESSES])
def test_another_name_of_a_command_is_it_and_says_so(typed: str, meant: str) -> None:
    expected, found = here(meant.split()), here(typed.split())
    assert found == expected._replace(err=f"note: cnncalc {shlex.join(meant.split())}\n{expected.err}")
    assert here(["-q", *typed.split()]).err == expected.err


def test_every_guess_leads_to_a_command() -> None:
    for word, words in MEANT.items():
        assert words[0] in COMMANDS
        assert word not in COMMANDS
        assert find_op(word) is None, f"{word} is an op"
        topic = word if word in TOPICS else words[-1] if words[0] == "help" else words[0]
        assert here(["help", word]).out == here(["help", topic]).out


ERRORS = [
    ("shpae x", "unknown command 'shpae'\n  did you mean 'shape' or 'schema' or 'compare'?"),
    ("quit", "unknown command 'quit'\n  cnncalc --help lists the commands"),
    (
        "resnet",
        "unknown command 'resnet'\n"
        "  did you mean 'resnet50' or 'resnet34' or 'resnet18'? for a network: cnncalc shape NAME",
    ),
    (
        "lenet",
        "unknown command 'lenet'\n"
        "  did you mean 'lenet5' or 'alexnet' or 'googlenet'? for a network: cnncalc shape NAME",
    ),
    ("--json shape lenet5", "unknown option '--json'\n  options go after the command: cnncalc shape --json lenet5"),
    ("-i 3x9x9 relu", "unknown option '-i'\n  options go after the command: cnncalc shape -i 3x9x9 relu"),
    ("--models", "unknown option '--models'\n  did you mean cnncalc zoo?"),
    ("--zoo", "unknown option '--zoo'\n  did you mean cnncalc zoo?"),
    ("--params lenet5", "unknown option '--params'\n  did you mean cnncalc shape --get params lenet5?"),
    ("shape --version", "unknown option '--version'\n  write cnncalc --version"),
    ("--jsn lenet5", "unknown option '--jsn'\n  cnncalc --help lists the options"),
    (
        "shape lenet5 --columns layer macs, out",
        "--columns takes one word, but 'macs' is a second one\n  write --columns layer,macs,out",
    ),
    (
        "compare lenet5 vgg16 --columns network, params",
        "--columns takes one word, but 'params' is a second one\n  write --columns network,params",
    ),
    (
        "compare lenet5 vgg16 -i 2x64x64",
        "lenet5 takes 1 channel, but 2x64x64 has 2; did you mean 1x64x64?\n"
        "  to change its channels, write the spec out: cnncalc zoo lenet5 > lenet5.json\n"
        "vgg16 takes 3 channels, but 2x64x64 has 2; did you mean 3x64x64?\n"
        "  to change its channels, write the spec out: cnncalc zoo vgg16 > vgg16.json",
    ),
    ("shape alexnet vgg16 resnet50", "three networks: cnncalc compare alexnet vgg16 resnet50"),
    ("shape net.json vgg16", "two networks: cnncalc compare net.json vgg16"),
    ("shape 3x64x64 vgg16 resnet18", "two networks: cnncalc compare -i 3x64x64 vgg16 resnet18"),
    ("shape nope.onnx", "there is no file 'nope.onnx'\n  nope.onnx\n  ^~~~~~~~~\n  did you mean 'net.json'?"),
    ("shape nope.tflite", "there is no file 'nope.tflite'\n  nope.tflite\n  ^~~~~~~~~~~"),
    (
        "shape nett.json",
        "there is no file 'nett.json'\n  nett.json\n  ^~~~~~~~~\n  did you mean 'net.json'?",
    ),
    (
        "shape torchvision.models:resnet18",
        "'torchvision.models:resnet18' is PyTorch code, which only convert runs\n"
        "  torchvision.models:resnet18\n  ^~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
        "  cnncalc convert torchvision.models:resnet18 -i 3x224x224 | cnncalc shape -",
    ),
    (
        "diff alexnet vgg16 lenet5",
        "diff compares two networks, but 3 are given\n  for several side by side: cnncalc compare alexnet vgg16 lenet5",
    ),
    ("diff ./nett.json", "there is no file './nett.json'\n  did you mean './net.json'?"),
    ("diff nett.json", "there is no file 'nett.json'\n  did you mean 'net.json'?"),
]


@pytest.mark.parametrize(("line", "text"), ERRORS, ids=[line for line, _ in ERRORS])
def test_an_error_has_the_whole_line(line: str, text: str) -> None:
    assert here(line.split()) == (2, "", text + "\n")


MEANINGS = [
    ("shape lenet5 --expect out=3", "unknown option '--expect'", "an option of cnncalc check"),
    ("run relu --to onnx", "unknown option '--to'", "an option of cnncalc show and convert"),
    ("check lenet5 --columns out", "unknown option '--columns'", "an option of cnncalc shape and compare and zoo"),
    ("shape 9x32 attention:heads=4", "layers[0]: attention has no key 'heads'", "'heads' is a key of multihead"),
    ("shape lenet5 --input-shape 1x32x32", "unknown option '--input-shape'", "did you mean -i 3x224x224?"),
    ("shape lenet5 --batch-size 4", "unknown option '--batch-size'", "did you mean --batch 8?"),
    ("shape lenet5 -f csv", "unknown option '-f'", "did you mean --format csv?"),
    ("shape lenet5 --csv", "unknown option '--csv'", "did you mean --format csv?"),
    ("shape lenet5 --markdown", "unknown option '--markdown'", "did you mean --format markdown?"),
    ("shape lenet5 --md", "unknown option '--md'", "did you mean --format markdown?"),
    ("shape lenet5 --params", "unknown option '--params'", "did you mean --get params?"),
    ("shape lenet5 --summary", "unknown option '--summary'", "did you mean --get params,macs?"),
    ("shape lenet5 --framework keras", "unknown option '--framework'", "did you mean --dialect torch?"),
    ("shape lenet5 --data-format NHWC", "unknown option '--data-format'", "did you mean --layout NHWC?"),
    ("shape lenet5 --up-to s2", "unknown option '--up-to'", "did you mean --until LAYER?"),
    ("shape lenet5 --from s2", "unknown option '--from'", "did you mean --after LAYER?"),
    ("shape lenet5 -v", "unknown option '-v'", "did you mean --explain?"),
    ("shape lenet5 --out x.csv", "unknown option '--out'", "did you mean -o FILE?"),
    ("shape lenet5 --colour never", "unknown option '--colour'", "did you mean --color always?"),
    ("shape lenet5 --column out", "unknown option '--column'", "did you mean '--columns' or '--color'?"),
    ("shape lenet5 --dialect tensorflow", "unknown dialect 'tensorflow'", "did you mean 'keras'?"),
    ("shape lenet5 --dtype half", "unknown dtype 'half'", "did you mean 'float16'?"),
    ("shape lenet5 1x32x32", "the input comes first", "write 1x32x32 lenet5"),
    ("shape vgg16 relu", "'vgg16' is a whole network, so no layers can follow it", "leave out 'relu'"),
    (
        "shape https://a.b/net.onnx",
        "'https://a.b/net.onnx' is not a file but a URL",
        "download it first: curl -LO https://a.b/net.onnx",
    ),
    ("shape net", "'net' is not a layer, a file or a built-in network", "did you mean 'net.json'?"),
    ("check lenet5 --params 50k", "unknown option '--params'", "did you mean --max-params 50k?"),
    ("check lenet5 --max_params 50k", "unknown option '--max_params'", "did you mean '--max-params'?"),
    ("check lenet5 --assert out=10", "unknown option '--assert'", "did you mean --expect out=1000?"),
    ("check lenet5 --junit", "unknown option '--junit'", "did you mean --format junit?"),
    ("check lenet5 --format xml", None, "did you mean 'junit'?"),
    ("check lenet5 out=10", "'out=10' is not a file but an expectation", "write --expect out=10"),
    ("check lenet5 --expect params=6.1e4±1%", "params: '6.1e4±1%' is not a number", "write 61000±1%"),
    ("check lenet5 --max-params 26m", "max_params: '26m' is not a number", "write 26M"),
    (
        "check lenet5 --expect accuracy>3",
        "there is no figure 'min_accuracy' to expect",
        "the figures are out, in, params, weights, bias, buffers, macs, fc_weights, local_weights, rf, rf_size, "
        "rf_stride, rf_start, flops, memory, param_bytes, and min_, max_; of a layer: conv1.out",
    ),
    (
        "check lenet5 --expect min_parms=3",
        "there is no figure 'min_parms' to expect",
        "did you mean 'min_params' or 'min_param_bytes'?",
    ),
    ("check lenet5 --expect params=50K", "params: '50K' is not a number", "write 50k, or Ki for 1,024"),
    ("check lenet5 --expect receptive_field=3", "there is no figure 'receptive_field' to expect", "did you mean 'rf'?"),
    ("diff HEAD nope.json", "there is no file 'nope.json'", None),
    ("diff HEAD", "'HEAD': a revision of what?", "name the file, for example cnncalc diff HEAD net.json"),
    ("diff lenet5 vgg16 --summary", "unknown option '--summary'", "did you mean --stat?"),
    ("run lenet5 -i 1x32x32", "unknown option '-i'", "did you mean -x X.npy?"),
    ("run lenet5 x.npy", "-x/--array is missing", "give -x x.npy"),
    ("run relu -x 1,2,3", "'1,2,3' is not a file", "write a list of numbers in brackets: '[1,2,3]'"),
    ("run conv -x [1] -w 1,0;2,3", "'1,0;2,3' is not a file", "write a list of numbers in brackets: '[[1,0],[2,3]]'"),
    ("show lenet5 --format svg", "unknown option '--format'", "did you mean --to svg?"),
    ("convert lenet5 --format keras", "unknown option '--format'", "did you mean --to onnx?"),
    ("rf lenet5 --layer c1", "unknown option '--layer'", "did you mean --of LAYER?"),
    ("run relu --x [1]", "unknown option '--x'", "did you mean '-x'?"),
    ("shape 224 k7 s2 p3", "'k7' is an argument, not a layer", "join with commas: conv:64,k7,s2,p3"),
    (
        "shape models.vgg16(pretrained=True)",
        "'models.vgg16(pretrained=True)' is a network of a package",
        "torchvision's version is built in: vgg16",
    ),
    (
        "shape torchvision.models.resnet18",
        "'torchvision.models.resnet18' is a network of a package",
        "torchvision's version is built in: resnet18",
    ),
    ("3\u044532\u044531 relu", "'3\u044532\u044531' is not a shape", "write 3x32x31"),
    (
        "64c3s2",
        "'64c3s2' is not a layer, a file or a built-in network",
        "put a colon after the op, and commas between its arguments: conv:64,k3,s2",
    ),
    ("shape ./lenet5", "there is no file './lenet5'", "the built-in network is lenet5"),
    ("shape 3x5x5 slice", "layers[0]: slice needs axis", "give axis, as axis=1"),
    ("shape 9x9 k3 k3", "'k3' is an argument, not a layer", "join with commas: conv:64,k3"),
    ("shape -i=3x9x9 relu", "-i '=3x9x9' names no input", "write -i 3x9x9"),
    (
        "shape conv3-64",
        "'conv3-64' is not a layer, a file or a built-in network",
        "put a colon after the op, and commas between its arguments: conv:64,k3",
    ),
    ("shape 224x224 k7", "'k7' is an argument, not a layer", "join with commas: conv:64,k7"),
    ("run conv:4 -x [[1]] --random", "unknown option '--random'", "did you mean --seed 0?"),
    ("run conv:4 -x [[1]] -w nope.npz", "there is no file 'nope.npz'", None),
    ("learn conv -x [[1]] -y [[1]] --epochs 5", "unknown option '--epochs'", "did you mean --steps 100?"),
    ("learn conv -x [[1]] -y [[1]] --learning-rate 1", "unknown option '--learning-rate'", "did you mean --lr 0.01?"),
    ("learn conv -x [[1]] -y [[1]] -lr 1", "unknown option '-lr'", "did you mean '--lr'?"),
    ("convert lenet5 x.onnx", "'x.onnx' is not a part of a SPEC", "to write this file, give -o x.onnx"),
    ("convert lenet5 onnx", "'onnx' is not a part of a SPEC", "to write this format, give --to onnx"),
    ("convert lenet5 --format onnx", "unknown option '--format'", "did you mean --to onnx?"),
    ("convert lenet5 --to json", None, "did you mean 'spec'?"),
    ("convert lenet5 --to tensorflow", None, "did you mean 'keras'?"),
    ("convert lenet5 -o x.keras", None, "give -o a name that ends in .json, .onnx or .py"),
]
"""What is typed, and the first and the last line of the error; None for a line that another test checks."""


@pytest.mark.parametrize(("line", "what", "help"), MEANINGS, ids=[line for line, _, _ in MEANINGS])
def test_intent_comes_before_spelling(line: str, what: str | None, help: str | None) -> None:
    ended = here(line.split())
    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert what in (None, lines[0])
    assert help is None or lines[-1] == f"  {help}"


def test_a_class_after_its_source_is_written_in_one_word(folder: Path) -> None:
    (folder / "model.py").write_text("import torch.nn as nn\nclass Net(nn.Sequential):\n    pass\n")
    assert here(["shape", "model.py", "Net"]).err.splitlines()[-1] == "  write model.py:Net"


def test_the_pages_that_speak_of_a_word() -> None:
    what, help = here(["help", "padding"]).err.splitlines()
    assert what == "there is no help topic or command 'padding'"
    assert help.startswith("  these pages mention it: cnncalc help ")
    assert here(["help", "zzzz"]).err.endswith("\n  for the list: cnncalc help\n")


def test_the_sizes_of_a_shape_are_one_word() -> None:
    assert here(["shape", "1", "32", "32", "lenet5"]).err == "the sizes of a shape are one word: 1x32x32\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_is_meant_is_one(name: str) -> None:
    """An option that is suggested in place of another exists in the suggested command."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    own = {spelling for option in command.params for spelling in option.opts}
    for words in _intents._OPTIONS.values():  # noqa: SLF001
        for word in words.split():
            advice = option_meant(f"--{word}", command)
            named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", (advice or "").replace("'", " ")))
            assert named <= own, (word, advice)


# Files without a network

HEADS = {
    "m.pt": b"PK\x03\x04" + bytes(26) + b"m/data.pkl",
    "renamed.bin": b"PK\x03\x04" + bytes(26) + b"m/data.pkl",
    "m.pth": b"\x80\x02}q\x00",
    "m.pkl": b"\x80\x04}",
    "m.safetensors": b"\x38" + bytes(7) + b'{"a":1}',
    "m.tflite": b"\x1c\0\0\0TFL3",
    "n.prototxt": b'layer { name: "conv1" }',
    "x.npy": b"\x93NUMPY\1\0",
    "; id #.npy": b"\x93NUMPY\1\0",
    "w.npz": b"PK\x03\x04" + bytes(26) + b"w.npy",
    "i.png": b"\x89PNG\r\n\x1a\n",
    "n.yaml": b"layers: 3\n",
    "n.ipynb": b'{"cells": []}',
    "darknet.conf": b"[net]\nwidth=416\n",
}
NAMED = {
    "m.pt": "a PyTorch checkpoint: it holds weights, not the network",
    "renamed.bin": "a PyTorch checkpoint: it holds weights, not the network",
    "m.pth": "a PyTorch checkpoint: it holds weights, not the network",
    "m.pkl": "a pickle, which for safety is not unpickled",
    "m.safetensors": "a safetensors file: it holds weights, not the network",
    "m.tflite": "a TensorFlow Lite model",
    "n.prototxt": "a Caffe network",
    "x.npy": "an array, not a network",
    "; id #.npy": "an array, not a network",
    "w.npz": "a set of arrays, not a network",
    "i.png": "a picture, not a network",
    "n.yaml": "YAML",
    "n.ipynb": "a notebook",
    "darknet.conf": "a Darknet network",
}


@pytest.mark.parametrize("name", NAMED)
def test_a_file_is_named_for_what_it_is(name: str, folder: Path) -> None:
    (folder / name).write_bytes(HEADS[name])
    ended = here(["shape", name])
    assert (ended.code, ended.out) == (2, "")
    what, help = ended.err.splitlines()
    assert what == f"'{name}' is {NAMED[name]}"
    assert help.startswith("  ")
    assert name not in help.replace(shlex.quote(name), "")
    assert here(["check", name]).out.startswith(f"{name}:1:1: CC001 unreadable: {what}\n")


def test_a_folder_with_a_model_is_named(folder: Path) -> None:
    (folder / "model").mkdir()
    assert here(["shape", "model"]) == (2, "", "'model' is a directory\n  name a file in it\n")
    (folder / "model" / "saved_model.pb").write_bytes(b"\x0a")
    text = (
        "'model' is a TensorFlow SavedModel\n"
        "  convert it to ONNX: python -m tf2onnx.convert --saved-model model --output model.onnx\n"
    )
    assert here(["shape", "model"]) == (2, "", text)


def test_a_spec_is_read_whatever_its_ending() -> None:
    text = Path("net.json").read_text()
    for ending in (".txt", ".pt", ".conf", ""):
        Path(f"other{ending}").write_text(text)
        assert here(["shape", f"other{ending}"]).out == here(["shape", "net.json"]).out


def test_no_two_kinds_of_files_share_an_ending() -> None:
    endings = [ending for one in UNSUPPORTED for ending in one.endings]
    assert len(endings) == len(set(endings))


# One value

VALUES = [
    ("params", "61706", 61706),
    ("out", "10", [10]),
    ("c1.out", "6x28x28", [6, 28, 28]),
    ("rf.size", "32", [32, 32]),
    ("rf_size", "32", [32, 32]),
    ("macs", "416520", 416520),
    ("MACs", "416520", 416520),
    ("flops", "833040", 833040),
    ("weights", "61470", 61470),
    ("bias", "236", 236),
    ("buffers", "0", 0),
    ("in", "1x32x32", [1, 32, 32]),
    ("input", "1x32x32", [1, 32, 32]),
    ("layers", "12", 12),
    ("c1.out.0", "6", 6),
    ("c1.k.1", "5", 5),
    ("name", "lenet5", "lenet5"),
    ("c1.op", "conv", "conv"),
    ("c1.k", "5", [5, 5]),
    ("c1.bias", "6", 6),
    ("c3.params", "2416", 2416),
    ("c5.rf.stride", "4", [4, 4]),
    ("c5.rf", "32 s4 @0", {"size": [32, 32], "stride": [4, 4], "start": [0, 0]}),
    ("memory", "37632", 37632),
    ("param_bytes", "246824", 246824),
    ("memory.peak_at", "tanh1", "tanh1"),
    ("c1.memory", "22912", 22912),
]


@pytest.mark.parametrize(("name", "text", "value"), VALUES, ids=[name for name, _, _ in VALUES])
def test_one_value(name: str, text: str, value: Any) -> None:
    assert here(["shape", "lenet5", "--get", name]) == (0, f"{text}\n", "")
    ended = here(["shape", "lenet5", "--get", name, "--json"])
    assert json.loads(ended.out) == value
    assert ended.out.count("\n") == 1


def test_several_values_are_lines_or_an_object() -> None:
    assert here(["shape", "lenet5", "--get", "out, params"]).out == "10\n61706\n"
    assert json.loads(here(["shape", "lenet5", "--get", "out,macs", "--json"]).out) == {"out": [10], "macs": 416520}


def test_a_value_of_each_line() -> None:
    lines = Path("net.json").read_text().replace("\n", "") + "\n[]\n"
    ended = here(["shape", "-", "--jsonl", "--get", "params"], stdin=lines)
    first, second = ended.out.splitlines()
    assert first == str(cnncalc.shape("net.json").params)
    assert json.loads(second)["error"]["line"] == 2
    assert ended.code == 2


def test_an_unknown_value_and_an_open_shape() -> None:
    assert here(["shape", "3xHxW", "conv:4,k2,s2", "--get", "macs,out"]).out == "(H//2)*(W//2)*48\n4x[H//2]x[W//2]\n"
    assert here(["shape", "3xHxW", "conv:4", "--get", "macs", "--json"]).out == '"H*W*12"\n'
    assert here(["shape", "3xHxW", "opaque", "--get", "macs", "--json"]).out == "null\n"


GET_ERRORS = [
    ("c1", "c1 is a layer, not a value\n  name one of its values, such as c1.out or c1.params"),
    ("parms", "the network has no value 'parms'\n  did you mean 'params' or 'parameters' or 'param_bytes'?"),
    ("c1.outt", "the layer 'c1' has no value 'outt'\n  did you mean 'out' or 'output'?"),
    ("c11.out", "the network has no value 'c11.out'\n  did you mean 'c1'?"),
    ("zzz", "the network has no value 'zzz'\n  as out, params, macs, rf.size, c1.out"),
    (
        "outpt.9",
        "the network has no value 'outpt.9'\n  did you mean 'output' or 'out' or 'layout'?",
    ),  # also the name of a layer
]


@pytest.mark.parametrize(("name", "text"), GET_ERRORS, ids=[name for name, _ in GET_ERRORS])
def test_there_is_no_such_value(name: str, text: str) -> None:
    assert here(["shape", "lenet5", "--get", name]) == (2, "", text + "\n")


@pytest.mark.parametrize("more", ["--explain", "--columns layer", "--format csv", "--format markdown"])
def test_values_stand_alone(more: str) -> None:
    text = "--get prints only values\n  leave out --explain, --format, --columns and the row options\n"
    assert here(["shape", "lenet5", "--get", "out", *more.split()]) == (2, "", text)


# Parts


def test_the_cuts_of_a_network_add_up() -> None:
    """Wherever a network can be cut, its two parts have its figures and its values."""
    x = np.random.default_rng(0).standard_normal((3, 64, 64)).astype(np.float32)
    for name in ("lenet5", "resnet18", "squeezenet1_1"):
        network, whole, cuts = cnncalc.load(name), cnncalc.shape(name), 0
        for layer in whole.layers[:-1]:
            until = cnncalc.shape(name, until=layer.name)
            assert until.out == layer.out
            assert until[layer.name].rf == layer.rf
            assert cnncalc.shape(until.to_dict()).to_dict() == until.to_dict()
            try:
                after = cnncalc.shape(name, after=layer.name)
            except cnncalc.SpecError:
                with pytest.raises(cnncalc.SpecError, match="name a layer after which no earlier layer is read"):
                    cnncalc.load(name, after=layer.name)
                continue
            cuts += 1
            both = [(part.params or 0, part.macs or 0) for part in (until, after)]
            assert tuple(map(sum, zip(*both, strict=True))) == (whole.params, whole.macs)
            assert after.out == whole.out
            assert cnncalc.shape(after.to_dict()).to_dict() == after.to_dict()
        assert cuts >= 11
        assert cnncalc.shape(name, until=whole.layers[-1].name).macs == whole.macs
        assert network.to_dict() == cnncalc.load(name).to_dict()
    y = cnncalc.run("squeezenet1_1", x, seed=3)
    front = cnncalc.run("squeezenet1_1", x, seed=3, until="fire4")
    np.testing.assert_array_equal(cnncalc.run("squeezenet1_1", front, seed=3, after="fire4"), y)


def test_a_part_in_every_command() -> None:
    """A part is a separate network: its layers keep their names, and its input is the output of the layer before."""
    assert here(["shape", "net.json", "--until", "relu1", "--get", "out"]).out == "4x6x7\n"
    assert here(["shape", "net.json", "--after", "relu1", "--get", "in,out"]).out == "4x6x7\n10\n"
    assert here(["shape", "net.json", "--after", "stem", "--until", "conv1", "--get", "in,out"]).out == "4x6x7\n5x2x3\n"
    assert here(["check", "net.json", "--until", "stem", "--expect", "out=4x6x7"]).code == 0
    assert here(["diff", "net.json", STEM, "--until", "stem"]).out == "no difference\n"
    spec = json.loads(here(["convert", "net.json", "--after", "conv1"]).out)
    assert spec["input"] == [5, 2, 3]
    assert [layer["op"] for layer in spec["layers"]] == ["flatten", "linear"]
    x = str(np.arange(3 * 8 * 9).reshape(3, 8, 9).tolist())
    y = here(["run", "net.json", "--until", "stem", "-x", x, "--seed", "1", "--json"])
    z = str(json.loads(y.out)["values"])
    rest = here(["run", "net.json", "--after", "stem", "-x", z, "--seed", "1", "-o", "rest.npy"])
    whole = here(["run", "net.json", "-x", x, "--seed", "1", "-o", "whole.npy"])
    assert (rest.err, whole.err) == ("", "")
    np.testing.assert_allclose(np.load("rest.npy"), np.load("whole.npy"), rtol=1e-6)


@pytest.mark.parametrize("own", [True, False])
def test_the_input_of_a_part_has_the_axes_that_the_whole_network_says(own: bool) -> None:
    """`1x5x8` is a batch, five channels and a length, even if no layer of the part has one spatial axis."""
    layers = [{"op": "globalavgpool", "name": "g"}, {"op": "upsample", "out": [8]}, {"op": "conv1d", "c_o": 4, "k": 3}]
    spec = {"input": [1, 5, 8], "layers": layers} if own else {"layers": layers}
    sizes = None if own else (1, 5, 8)
    assert cnncalc.shape(cnncalc.load(spec, until="g"), sizes).out == (1, 5, 1)
    assert cnncalc.shape(spec, sizes, until="g").out == (1, 5, 1)
    x = np.arange(40.0).reshape(1, 5, 8)
    np.testing.assert_array_equal(cnncalc.run(spec, x, until="g"), x.mean(-1, keepdims=True))


PART_ERRORS = [
    ("--until cnv1", "there is no layer 'cnv1'\n  did you mean 'conv1'?"),
    ("--until flat", "there is no layer 'flat'\n  did you mean 'flatten1'?"),
    (
        "--after linear1",
        "net.json:6:3: layers[4] 'linear1': nothing comes after it: it is an output\n  name a layer that others read",
    ),
]


@pytest.mark.parametrize(("options", "text"), PART_ERRORS, ids=[options for options, _ in PART_ERRORS])
def test_there_is_no_such_part(options: str, text: str) -> None:
    assert here(["shape", "net.json", *options.split()]) == (2, "", text + "\n")


def test_a_part_under_several_dialects_is_read_as_the_whole() -> None:
    line = ["shape", "3x8x9", "conv:4,k3", "maxpool:k3,s2", "relu", "--dialect", "plain,caffe"]
    out = here([*line, "--until", "maxpool1"]).out
    assert "rounding" in out
    assert out == here([word for word in line if word != "relu"]).out
    text = "--after takes one dialect, because a layer's output may differ between dialects\n  name one\n"
    assert here([*line, "--after", "conv1"]) == (2, "", text)


def test_a_network_cannot_begin_after_one_of_two_paths() -> None:
    line = ["3x8x8", "conv:3,name=a", "relu:name=b", "add:from=a+b,name=c", "relu"]
    assert here(["shape", *line, "--after", "b"]) == (
        2,
        "",
        "layers[1] 'b': 'c' after it also reads 'a'\n"
        "  3x8x8 conv:3,name=a relu:name=b add:from=a+b,name=c relu\n"
        "                      ^~~~~~~~~~~\n"
        "  name a layer after which no earlier layer is read; the next such layer is c\n",
    )
    assert here(["shape", *line, "--after", "c", "--get", "out"]).out == "3x8x8\n"
    text = "there is no layer 'block'\n  the last layer that starts like this is block.two\n"
    words = ["3x8x8", "relu:name=block.one", "relu:name=block.two"]
    assert here(["shape", *words, "--until", "block"]) == (2, "", text)


def test_a_part_of_tied_weights_has_them_under_the_name_of_its_first_layer() -> None:
    layers = "3x6x6 conv:3,k3,p1,name=a relu conv:3,k3,p1,tie=a,name=b conv:3,k3,p1,tie=a,name=c"
    whole, rest = cnncalc.shape(layers), cnncalc.shape(layers, after="relu1")
    assert whole.params == rest.params == 84
    assert [layer.node.tie for layer in rest.layers] == [None, 0]
    assert [layer.node.tie for layer in cnncalc.shape(layers, after="a").layers] == [None, None, 1]


# check


def checked(line: str) -> list[tuple[Any, ...]]:
    """Return the findings of a check: figure, actual value, expected value."""
    document = json.loads(here(["check", *shlex.split(line), "--json"]).out)
    return [
        (one["code"], one.get("figure"), one.get("actual_value"), one.get("expected_value"))
        for file in document["files"]
        for one in file["findings"]
    ]


CHECKS: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("3x32x32 conv:3 --expect out=3x32x32", []),
    ("3x32x32 conv:3 relu net.json lenet5 --expect min_params=1", []),
    ("'3x32x32 conv:3' '3x8x8 conv:4,k3' --expect min_params=1", []),
    ("conv:3 relu -i 3x8x8 --expect out=3x8x8", []),
    ("3x64x96 resnet18 3x9x9 net.json --expect min_macs=100", []),
    ("3x9x9 net.json --expect stem.out=4x7x7", []),
    ("3x32x32 'Conv2d(3, 64, 3)' relu net.json --expect min_params=1", []),
    ("3x8x9 cnv:3 relu --expect out=3", [("CC001", None, None, None)]),
    ("3x8x9 conv:3 rleu net.json --expect min_params=1", [("CC001", None, None, None)]),
    ("conv:3 nope.json relu -i 3x8x9 --expect max_params=99", [("CC001", None, None, None)]),
    ("net.json --expect stem.out=4x6x7", []),
    ("net.json --expect stem.out=4x6x8", [("CC101", "stem.out", [4, 6, 7], [4, 6, 8])]),
    ("net.json --expect stem.params=112 --expect 'stem.macs<=1'", [("CC107", "stem.max_macs", 4536, 1)]),
    ("lenet5 --max-params 50k", [("CC103", "max_params", 61706, 50000)]),
    ("lenet5 --max-params=70k --min-params 60k", []),
    ("lenet5 --expect 'params<=50k'", [("CC103", "max_params", 61706, 50000)]),
    ("lenet5 --expect 'params <= 61706' --expect 'params>=61706' --expect params==61706", []),
    ("lenet5 --expect 'params<61706'", [("CC103", "max_params", 61706, 61706)]),
    ("lenet5 --expect 'params>61706'", [("CC103", "min_params", 61706, 61706)]),
    ("lenet5 --expect max_memory=37632", []),
    ("lenet5 --expect max_memory=12k", [("CC115", "max_memory", 37632, 12000)]),
    ("lenet5 --expect 'memory<=36KiB' --expect 'memory<=40kB'", [("CC115", "max_memory", 37632, 36864)]),
    ("lenet5 --expect memory=18816 --dtype float16", []),
    ("lenet5 --expect param_bytes=123412 --dtype float16", []),
    ("lenet5 --expect c1.memory=22912", []),
    ("lenet5 --expect rf.size=33", [("CC110", "rf.size", 32, 33)]),
    ("lenet5 --expect rf=32x33", [("CC110", "rf", [32, 32], [32, 33])]),
    ("lenet5 --expect macs=1k±10%", [("CC107", "macs", 416520, 1000)]),
    ("lenet5 --expect max_flops=833040", []),
    ("lenet5 --expect nope.out=3", [("CC003", "nope.out", None, [3])]),
]


@pytest.mark.parametrize(("line", "findings"), CHECKS, ids=[line for line, _ in CHECKS])
def test_what_is_checked(line: str, findings: list[tuple[Any, ...]]) -> None:
    assert checked(line) == findings


CHECK_TEXTS = [
    (
        "'12 linear:4' --expect linear1.rf=3",
        "12 linear:4:1:4: CC003 bad-expectation: layers[0] 'linear1': there is no rf: the input has no axes\n"
        "  leave the expectation out\n1 file: 1 expectation unreadable\n",
    ),
    (
        "'3x8x8 opaque conv:4,k3' --expect conv1.memory=3k",
        "3x8x8 opaque conv:4,k3:1:14: CC113 unknown-figure: layers[1] 'conv1': memory is unknown here, expected 3k\n"
        "  expect it of a layer above\n1 file, 1 expectation: 1 failed\n",
    ),
    (
        "'3xHxW conv:4,k3' --expect memory=3k",
        "3xHxW conv:4,k3:1:1: CC113 unknown-figure: memory is unknown while a size is open, expected 3k\n"
        "  give the input's sizes as numbers, or expect what does not depend on them\n"
        "1 file, 1 expectation: 1 failed\n",
    ),
    (
        "'7x8 lstm:4' --dialect torch,keras",
        "7x8 lstm:4:1:5: CC401 dialects-differ: layers[0] 'lstm1': "
        "the dialects differ: 7x4 224 params in torch; 7x4 208 params in keras\n"
        "  a second bias: yes in torch; no in keras\n"
        "  write out the keys in which the dialects differ, or list in --dialect only those that have to agree\n"
        "1 file, 1 expectation: 1 failed\n",
    ),
    (
        "'3x8x8 maxpool:3,s2,p=same' --dialect torch,keras",
        "3x8x8 maxpool:3,s2,p=same:1:20: CC401 dialects-differ: layers[0] 'maxpool1': "
        "refused by torch: PyTorch has no padding 'same' here\n"
        "  write out the keys in which the dialects differ, or list in --dialect only those that have to agree\n"
        "1 file, 1 expectation: 1 failed\n",
    ),
    (
        "lenet5 --expect 'memory<=12k'",
        "zoo:lenet5:1:1: CC115 memory: memory is 37,632, expected at most 12k\n"
        "  float32, while tanh1 runs: c1 18,816 + tanh1 18,816 = 37,632 bytes\n"
        "  if the change is meant, give --expect max_memory=37632\n"
        "1 file, 1 expectation: 1 failed\n",
    ),
    (
        "net.json --expect stem.params=1",
        "net.json:2:3: CC103 parameters: layers[0] 'stem': params is 112, expected 1\n"
        "  parameters: c_o*c_i*k + c_o = 4*3*3*3 + 4 = 112\n"
        "  if the change is meant, give --expect stem.params=112\n"
        "1 file, 1 expectation: 1 failed\n",
    ),
    (
        "3x8x8 conv:4,k9",
        "3x8x8 conv:4,k9:1:14: CC002 impossible: layers[0] 'conv1': "
        "does not fit: floor((8 + 0 - 9)/1) + 1 < 1 on the height axis\n"
        "  the padded input (8) is smaller than the kernel (9): lower k to 8, or raise p to 1\n"
        "1 file: 1 file impossible\n",
    ),
]


@pytest.mark.parametrize(("line", "text"), CHECK_TEXTS, ids=[line for line, _ in CHECK_TEXTS])
def test_what_a_check_says(line: str, text: str) -> None:
    ended = here(["check", *shlex.split(line)])
    assert (ended.out, ended.err) == (text, "")


EXPECT_ERRORS = [
    ("--expect params", "--expect 'params' has no value\n  write it as --expect params=1000"),
    (
        "--expect c1.out=6x28x28,params=3",
        "--expect 'c1.out=6x28x28,params=3' has several expectations\n"
        "  write each on its own: --expect c1.out=6x28x28 --expect params=3",
    ),
    ("--expect params!=3", "--expect 'params!=3': it excludes a value instead of expecting one\n  write = or a bound"),
    (
        "--expect 2M<c1.params<=3M",
        "--expect '2M<c1.params<=3M': a figure comes first\n  write --expect 'c1.params>2M' --expect 'c1.params<=3M'",
    ),
    ("--expect out<=3", "--expect 'out<=3': out is a shape\n  write out=3"),
    ("--expect max_params<=3", "--expect 'max_params<=3' has two bounds\n  write max_params=3"),
    ("--expect parms=3", "there is no figure 'parms' to expect\n  did you mean 'params'"),
]


@pytest.mark.parametrize(("line", "text"), EXPECT_ERRORS, ids=[line for line, _ in EXPECT_ERRORS])
def test_what_cannot_be_expected(line: str, text: str) -> None:
    ended = here(["check", "lenet5", *line.split()])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(text)


MEANT_CHANGES = [
    "out=3x9x10",
    "params<=3",
    "params<84",
    "params>84",
    "rf=3x4",
    "stem.out=1x2x3",
    "macs=4k±1%",
    "in=3x9x9",
]


@pytest.mark.parametrize("expected", MEANT_CHANGES)
def test_what_to_give_if_a_change_is_meant_is_accepted(expected: str) -> None:
    line = ["check", "3x8x9 conv:3,k3,name=stem", "--expect"]
    advice = re.search("if the change is meant, give --expect (.*)", here([*line, expected]).out)
    assert advice is not None
    assert here([*line, advice[1]]).code == 0


def test_a_file_after_a_shape_keeps_its_name() -> None:
    assert here(["check", "3x9x9", "net.json", "--expect", "out=11"]).out.startswith("net.json:1:1: CC101 output-shape")


def test_a_shape_in_front_of_a_folder_is_an_option() -> None:
    Path("nets").mkdir()
    Path("nets", "net.json").write_text('[{"op": "relu"}]')
    ended = here(["check", "3x8x9", "nets", "--expect", "out=3x8x9"])
    assert ended.code == 2
    assert "'3x8x9' is a shape, not a network\n  to use it as the input of all networks: -i 3x8x9\n" in ended.out
    assert here(["check", "nets", "-i", "3x8x9", "--expect", "out=3x8x9"]).code == 0


def test_a_shape_in_front_and_an_input_are_two_inputs() -> None:
    ended = here(["check", "3x8x8", "relu", "-i", "3x9x9"])
    assert ended.code == 2
    assert "'3x8x8 relu' starts with its own input, and -i 3x9x9" in ended.out


def test_a_spec_expects_of_a_layer_in_the_layer() -> None:
    Path("own.json").write_text('{"input": [3, 4, 4], "layers": [{"op": "relu"}], "expect": {"relu1.out": "3x4x4"}}')
    ended = here(["check", "own.json"])
    assert ended.code == 2
    assert "there is no figure 'relu1.out' to expect\n  give the layer an expect of its own" in ended.out
    result = cnncalc.check("3x4x4 relu", {"relu1.out": "3x4x5"})
    assert [finding.what for finding in result.findings] == ["out is 3x4x4, expected 3x4x5"]


# diff


@pytest.fixture
def repository(folder: Path) -> Path:
    """Return a repository with two revisions of a network, and changes since."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "init", "-q"], check=True)
    for at, width in enumerate((4, 6), 1):
        (folder / "deep").mkdir(exist_ok=True)
        for name in ("net.json", "deep/net.json"):
            assert here(["convert", "3x8x8", f"conv:{width},k3", "-o", name]).code == 0
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", str(at)], check=True)
    for name in ("net.json", "deep/net.json"):
        assert here(["convert", "3x8x8", "conv:8,k3", "-o", name]).code == 0
    return folder


REVISIONS = [
    ("net.json", "HEAD:net.json net.json"),
    ("HEAD net.json", "HEAD:net.json net.json"),
    ("HEAD~1 net.json", "HEAD~1:net.json net.json"),
    ("HEAD~1 HEAD net.json", "HEAD~1:net.json HEAD:net.json"),
    ("net.json --stat", "HEAD:net.json net.json --stat"),
    ("deep/net.json --json", "HEAD:deep/net.json deep/net.json --json"),
    ("HEAD:net.json", "HEAD:net.json net.json"),
    ("HEAD~1:deep/net.json", "HEAD~1:deep/net.json deep/net.json"),
]


@pytest.mark.parametrize(("line", "written"), REVISIONS, ids=[line for line, _ in REVISIONS])
def test_a_file_is_compared_with_itself_at_a_revision(line: str, written: str, repository: Path) -> None:
    found, expected = here(["diff", *line.split()]), here(["diff", *written.split()])
    assert found == expected
    assert found.code == 0
    assert "c_o" in found.out or "--stat" in line


def test_a_file_in_a_folder_of_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "deep")
    assert here(["diff", "net.json"]).out.startswith("HEAD:net.json -> net.json: 1 layer changed\n")


def test_a_path_in_front_of_a_colon_wins_over_a_revision(repository: Path) -> None:
    subprocess.run(["git", "branch", "twin"], check=True)
    assert here(["diff", "twin:net.json", "net.json"]).code == 0
    Path("twin").write_text("not a revision")
    ended = here(["diff", "twin:net.json", "net.json"])
    assert ended.code == 2
    assert "git" not in ended.err


def test_stat_shows_the_totals_only() -> None:
    out = here(["diff", "3x8x8 conv:4,k3 relu", "3x8x8 conv:5,k3 relu", "--stat"]).out
    assert [line.split()[0] for line in out.splitlines() if line][-7:] == [
        *("total", "params", "buffers", "MACs", "field", "field", "field")
    ]
    assert "conv1" not in out
    document = json.loads(here(["diff", "3x8x8 relu", "3x8x8 tanh", "--stat", "--json"]).out)
    assert set(document) == {"cnncalc", "old", "new", "differ", "settings", "totals"}


# Arrays

X = "[[0,1,2],[3,4,5],[6,7,8]]"


def test_arrays_on_the_command_line() -> None:
    assert here(["run", "conv", "-x", X, "-w", "[[0,1],[2,3]]"]) == (0, "[[19 25]\n [37 43]]\n", "")
    assert here(["run", "conv", "-x", X, "-w", "[[0,1],[2,3]]", "-b", "[1]"]).out == "[[20 26]\n [38 44]]\n"
    assert here(["run", "relu", "-x", "[[-1.5, 2]]"]).out == "[[0. 2.]]\n"
    assert here(["dense", "conv", "-i", "1x2", "-w", "[[1,-1]]"]).out == "[[ 1 -1]]\n"


TABLES = {
    "x.csv": ("0,1,2\n3,4,5\n6,7,8\n", "[[0 1 2]\n [3 4 5]\n [6 7 8]]\n"),
    "named.csv": ("a,b,c\n0,1,2\n3,4,5\n", "[[0 1 2]\n [3 4 5]]\n"),
    "x.tsv": ("0\t1\n2\t3.5\n", "[[0.  1. ]\n [2.  3.5]]\n"),
    "x.txt": ("# two rows\n0 1\n\n2 3\n", "[[0 1]\n [2 3]]\n"),
    "semicolons.csv": ("0; 1\n2; 3\n", "[[0 1]\n [2 3]]\n"),
    "column.txt": ("1\n2\n3\n", "[1 2 3]\n"),
    "x.json": ("[[1, 2],\n [3, 4]]", "[[1 2]\n [3 4]]\n"),
    "unnamed": ("1 2\n3 4\n", "[[1 2]\n [3 4]]\n"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read(name: str, folder: Path) -> None:
    text, shown = TABLES[name]
    (folder / name).write_text(text)
    assert here(["run", "relu", "-x", name]) == (0, shown, "")
    assert here(["run", "relu", "-x", "-"], stdin=text).out == shown or name == "x.txt"


BAD = {
    "word.csv": (
        "1,2\n3,x\n",
        "word.csv:2:1: 'x', in column 2, is not a number\n  a table has only numbers, and at most one row of names\n",
    ),
    "ragged.csv": (
        "1,2\n3\n",
        "ragged.csv:2:1: a row of 1 number, but the first has 2\n  all rows of a table have the same length\n",
    ),
    "empty.csv": ("", "'empty.csv' is empty\n  save numbers with numpy.save or numpy.savetxt\n"),
}


@pytest.mark.parametrize("name", BAD)
def test_tables_that_are_none(name: str, folder: Path) -> None:
    text, error = BAD[name]
    (folder / name).write_text(text)
    assert here(["run", "relu", "-x", name]) == (2, "", error)


LISTS = [
    ("[[1,2],[3]]", "'[[1,2],[3]]': [3] has 1 entry, but the first has 2"),
    ("[1,true]", "'[1,true]': true is not a number"),
    ("[1,2", "'[1,2' is not a list of numbers: expecting ',' delimiter"),
    ("[99999999999999999999]", "'[99999999999999999999]' has a whole number of more than 64 bits"),
    ("[" * 100_000, f"'{'[' * 58}… is nested too deeply"),
]


@pytest.mark.parametrize(("text", "what"), LISTS, ids=[text[:20] for text, _ in LISTS])
def test_lists_that_are_no_arrays(text: str, what: str) -> None:
    ended = here(["run", "relu", "-x", text])
    assert (ended.code, ended.out, ended.err.splitlines()[0]) == (2, "", what)


@posix
def test_a_picture_is_named_with_the_line_that_makes_an_array(folder: Path) -> None:
    """The line is run by a shell; a stand-in for the picture library, which need not be installed, opens them."""
    (folder / "PIL.py").write_text(
        "import numpy as np\n"
        "class Image:\n"
        "    @staticmethod\n"
        "    def open(name):\n"
        "        return Image()\n"
        "    def convert(self, mode):\n"
        "        assert mode == 'RGB'\n"
        "        return np.full((2, 3, 3), 255, np.uint8)\n"
    )
    (folder / "a b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    ended = here(["run", "relu", "-x", "a b.png"])
    what, help = ended.err.splitlines()
    assert what == "'a b.png' is a PNG picture, not a .npy file"
    line = help.partition("its pixels as an array: python ")[2]
    command = f"{shlex.quote(sys.executable)} {line}"
    subprocess.run([shell(), "-c", command], check=True, env=environment(PYTHONPATH=str(folder)))
    assert here(["run", "relu", "-x", "a b.npy", "--json"]).out.startswith('{"layer": "relu1", "shape": [3, 2, 3]')


@posix
@pytest.mark.parametrize(("kind", "stem"), [("zip", "m"), ("pickle", "m"), ("pickle", "a 'b' $(id)")])
def test_a_checkpoint_is_named_with_the_line_that_makes_arrays(kind: str, stem: str, folder: Path) -> None:
    """The line is run by a shell, with a stand-in for PyTorch."""
    (folder / "torch.py").write_text(
        "import numpy as np\n"
        "class Tensor:\n"
        "    def numpy(self):\n"
        "        return np.full((1, 1, 1, 2), 3.0)\n"
        "def load(name, place, weights_only):\n"
        f"    assert (name, place, weights_only) == ({stem + '.pt'!r}, 'cpu', True)\n"
        "    return {'state_dict': {'conv1.weight': Tensor()}}\n"
    )
    if kind == "zip":
        with zipfile.ZipFile(f"{stem}.pt", "w") as archive:
            archive.writestr("m/data.pkl", b"\x80\x02")
    else:
        Path(f"{stem}.pt").write_bytes(b"\x80\x02}q\x00.")
    what, help = here(["run", "conv", "-x", "[[1, 2]]", "-w", f"{stem}.pt"]).err.splitlines()
    assert what == f"'{stem}.pt' is a pickle, as saved by PyTorch, and for safety nothing is unpickled"
    line = help.partition("to save its arrays as a .npz file: python ")[2]
    command = f"{shlex.quote(sys.executable)} {line}"
    subprocess.run([shell(), "-c", command], check=True, env=environment(PYTHONPATH=str(folder)))
    assert here(["run", "conv:1,k1x2", "-x", "[[1, 2]]", "-w", f"{stem}.npz"]).out == "[[9.]]\n"


def test_the_textbooks_edge_is_learned_with_the_default_step() -> None:
    image = np.ones((6, 8), np.float32)
    image[:, 2:6] = 0
    np.save("X.npy", image)
    np.save("Y.npy", image[:, :-1] - image[:, 1:])
    for word in ("conv:k1x2", "conv:k1x2,nobias"):
        ended = here(["learn", word, "-x", "X.npy", "-y", "Y.npy", "--json"])
        learned = json.loads(ended.out)
        assert learned["loss"] < 1e-9
        np.testing.assert_allclose(np.ravel(learned["weight"]), [1, -1], atol=1e-4)
    assert ended.err == "note: the learning rate is 0.03, 0.9 times the largest that converges\n"


def test_how_much_a_run_takes_is_said_if_it_is_much() -> None:
    assert here(["run", "relu", "-x", X]).err == ""
    assert here(["run", "relu", "-x", X, "-v"]).err.startswith("note: needs ")
    assert here(["dense", "conv:1,k2", "-i", "3x3", "--seed", "0"]).err == ""
    np.save("large.npy", np.zeros((1, 3000, 3000), np.float64))
    assert here(["run", "relu", "-x", "large.npy"]).err.startswith("note: needs ")


@pytest.mark.parametrize(
    "line", ["run relu -x [[1]]", "dense conv:1 -i 2x2 --seed 0", "learn conv:1 -x [[1]] -y [[1]]"]
)
@pytest.mark.parametrize("ending", [".png", ".json", ".csv", ".onnx", ".pt"])
def test_an_array_has_its_own_ending(line: str, ending: str) -> None:
    forms = ".npy or .npz" if line.startswith("learn") else ".npy"
    error = f"an array is written as {forms}, and 'y{ending}' ends in {ending}\n  give -o a name that ends in {forms}\n"
    assert here([*line.split(), "-o", f"y{ending}"]) == (2, "", error)
    assert here([*line.split(), "-o", "y.data", "-q"]).code == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("diff relu tanh -i 3x4x4 -o x.csv", "this writes .json or .md, and 'x.csv' ends in .csv"),
        ("shape net.json -o x.png", "and 'x.png' ends in .png"),
        ("schema -o x.csv", "a schema is written as .json, and 'x.csv' ends in .csv"),
        ("convert net.json --weights-out w.csv", "a set of weights is written as .npz, and 'w.csv' ends in .csv"),
        ("convert net.json -o x.pt", "this writes .json, .onnx or .py, and 'x.pt' ends in .pt"),
    ],
)
def test_a_known_ending_that_no_form_has(line: str, text: str) -> None:
    ended = here(line.split())
    assert (ended.code, ended.out) == (2, "")
    assert text in ended.err.splitlines()[0]


# Colors


@posix
def test_a_terminal_has_colored_errors_and_checks() -> None:
    shown = on_terminal("shape", "3x5x5", "cnv:4", columns=80, NO_COLOR="").out
    assert shown.startswith("\x1b[31merror:\x1b[0m ")
    assert "  \x1b[31m      ^~~~~" in shown
    failed = on_terminal("check", "lenet5", "--expect", "out=3", columns=80, NO_COLOR="").out
    assert "\x1b[31mCC101" in failed
    assert failed.endswith("\x1b[31m1 file, 1 expectation: 1 failed\x1b[0m\n")
    held = on_terminal("check", "lenet5", "--expect", "out=10", columns=80, NO_COLOR="").out
    assert held == "\x1b[32m1 file, 1 expectation: it holds\x1b[0m\n"
    for more in ({"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}):
        assert "\x1b" not in on_terminal("shape", "3x5x5", "cnv:4", columns=80, **more).out
    assert "\x1b" not in on_terminal("--no-color", "shape", "cnv:4", columns=80, NO_COLOR="").out


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "CLICOLOR_FORCE"])
def test_colors_are_forced(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    assert here(["shape", "cnv"]).err.startswith("\x1b[31merror:\x1b[0m ")
    assert "\x1b[" in here(["shape", "lenet5"]).out
    assert "\x1b" not in here(["--no-color", "shape", "cnv"]).err
    assert "\x1b" not in here(["shape", "lenet5", "--no-color"]).out


@pytest.mark.parametrize("value", ["0", "false"])
def test_colors_are_forced_away(value: str) -> None:
    line = ["shape", "nope.json"]
    assert "\x1b[" in on_terminal(*line, columns=80, NO_COLOR="").out
    assert "\x1b[" not in on_terminal(*line, columns=80, NO_COLOR="", FORCE_COLOR=value).out


def test_the_last_word_on_color_holds() -> None:
    assert "\x1b[" in here(["--no-color", "shape", "lenet5", "--color"]).out
    assert "\x1b[" in here(["--color", "lenet5"]).out
    assert "\x1b" not in here(["--color", "shape", "lenet5", "--color=never"]).out
    assert "\x1b" not in here(["--color", "never", "shape", "lenet5"]).out


# Lines


def test_an_error_of_a_line_has_its_place(folder: Path) -> None:
    lines = ['{"layers": [{"op": "cnv"}]}', "[]", '[{"op": "conv", "c_o": 2, "k": 9, "c_i": 1}]', "{oops"]
    lines += ['{"input": [1, 2, 2], "layers": [{"op": "conv", "c_o": 2, "k": 9}]}', '{"layers": [{"op": "relu"}]}']
    (folder / "nets.jsonl").write_text("\n".join(lines) + "\n")
    for ended in (here(["shape", "nets.jsonl", "--jsonl"]), here(["shape", "-", "--jsonl"], "\n".join(lines))):
        answers = [json.loads(line) for line in ended.out.splitlines()]
        for number, answer in enumerate(answers, 1):
            if "error" in answer:
                error = answer["error"]
                assert error["line"] == number
                assert error["file"] in ("nets.jsonl", "-")
                assert error["column"] >= 1
        assert sum("error" in answer for answer in answers) == 5


def test_the_environment_of_tests_has_no_colors() -> None:
    assert not {"FORCE_COLOR", "CLICOLOR_FORCE"} & set(environment())
    assert os.environ.get("FORCE_COLOR") is None
