"""Print-outs of PyTorch's modules: every figure is PyTorch's own."""

from __future__ import annotations

import gzip
import json
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.errors import CnncalcError, SpecError
from cnncalc.frameworks.code import printed, printout
from cnncalc.frameworks.code.printed import is_printout
from cnncalc.network import Network
from cnncalc.sources import imported, read_bytes
from tests import DATA
from tests.program import here

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in gzip.decompress((DATA / "printouts.jsonl.gz").read_bytes()).splitlines()
]
WHOLE = [case for case in CASES if "input" in case]
PARTS = [case for case in CASES if "input" not in case]
UNKNOWN_OUT = {
    "hardtanh": "GLU halves the channels",
    "transformer": "the forward of a TransformerEncoder is its own",
}
HIDDEN = re.compile(
    "torchvision/(convnext|maxvit|swin|vit)|timm/(botnet|convnext|dm_nfnet|edgenext|hgnet|inception_next|levit|"
    "mambaout|nf_regnet|swin|vit|xcit)"
)
"""Networks with parameters that their print-outs do not show."""


def read(text: str) -> Network:
    return imported(printout.read(text, "net.txt"), "net.txt")


def name_of(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("lines", [True, False], ids=["lines", "one line"])
@pytest.mark.parametrize("case", WHOLE, ids=name_of)
def test_a_sequential_is_read_whole(case: dict[str, Any], lines: bool) -> None:
    text = case["text"] if lines else " ".join(case["text"].split())
    assert is_printout(text)
    report = cnncalc.shape(read(text), input=case["input"])
    if case["name"] == "parametrized":
        assert report.params is None
    else:
        assert (report.params, report.buffers) == (case["params"], case["buffers"])
    if case["name"] in UNKNOWN_OUT:
        assert report.to_dict()["report"]["out"] is None
    else:
        assert list(report.out) == case["out"]
        assert report.macs == case.get("macs", report.macs)


@pytest.mark.parametrize("case", PARTS, ids=name_of)
def test_the_parameters_of_any_module(case: dict[str, Any]) -> None:
    assert is_printout(case["text"])
    network = read(case["text"])
    report = cnncalc.shape(network)
    expected = (None, None) if HIDDEN.match(case["name"]) else (case["params"], case["buffers"])
    if HIDDEN.match(case["name"]):
        assert report.params is None
        assert "does not show what" in network.source.notes[-1]  # type: ignore[union-attr]
    else:
        assert (report.params, report.buffers) == expected


def test_a_custom_module_says_what_is_open() -> None:
    network = read("Net(\n  (conv1): Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1))\n  (fc): Linear(in_features=9, "
                   "out_features=2, bias=True)\n)")  # fmt: skip
    report = cnncalc.shape(network)
    assert report.to_dict()["input"] == [3, "H", "W"]
    assert [layer.name for layer in report.layers] == ["forward", "conv1", "fc", "output"]
    assert (report.params, report.macs, report.to_dict()["report"]["out"]) == (476, None, None)
    assert network.source is not None
    assert network.source.notes == (
        "a print-out does not say what the forward of Net calls: the parameters of the modules in it are exact, shapes "
        "and MACs are unknown. Give its source, as net.py:Net, or: cnncalc convert package.module:factory",
    )


def test_lines_with_names_are_of_a_module_that_is_not_known() -> None:
    lines = "  (conv1): Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1))\n  (fc): Linear(in_features=9, out_features=2, "
    network = read(f"{lines}bias=True)\n")
    report = cnncalc.shape(network)
    assert (report.params, report.macs, report.to_dict()["report"]["out"]) == (476, None, None)
    assert "the forward of Module calls" in network.source.notes[0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("shown", "params"),
    [  # torch 2.14: sum(p.numel() for p in module.parameters())
        ("LSTM(4, 6, proj_size=3)", 234),
        ("Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)", 28),
        ("LSTMCell(3, 4)", 144),
        ("GRUCell(3, 4, bias=False)", 84),
        ("RNNCell(2, 3, nonlinearity=relu)", 21),
        ("EmbeddingBag(5, 3, mode='max')", 15),
        ("CrossMapLRN2d(3, alpha=0.0001, beta=0.75, k=1)", 0),
        ("MSELoss()", 0),
        ("CrossEntropyLoss()", 0),
    ],
)
def test_modules_without_a_layer_of_ours_hold_what_they_do_in_pytorch(shown: str, params: int) -> None:
    report = cnncalc.shape(read(f"Net(\n  (a): {shown}\n  (b): ReLU()\n)"))
    buffers = None if "CrossEntropy" in shown else 0  # class weights are not shown
    assert (report.params, report.buffers) == (params, buffers)


def test_the_input_after_which_the_channels_change_is_open() -> None:
    text = "Sequential((0): PixelUnshuffle(downscale_factor=2) (1): Conv2d(12, 8, kernel_size=(1, 1), stride=(1, 1)))"
    ended = here(["shape", text, "-i", "3x6x8"])
    assert (ended.code, ended.err) == (0, "")


def test_a_module_in_a_chain_reads_what_is_before_it() -> None:
    blocks = "(0-1): 2 x Block(\n  (conv): Conv2d(3, 3, kernel_size=(1, 1), stride=(1, 1))\n)"
    report = cnncalc.shape(read(f"Sequential(\n{blocks}\n(2): Flatten(start_dim=1, end_dim=-1)\n)"))
    assert [layer.name for layer in report.layers] == ["forward", "0.conv", "0", "1.conv", "1", "2"]
    assert [layer.name for layer in report.outputs()] == ["2"]
    assert report.params == 24


SMALL = "Sequential(\n  (0): Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1))\n  (1): ReLU()\n)"


@pytest.mark.parametrize(
    "text",
    [
        f">>> print(net)\n{SMALL}\n>>> ",
        f"In [3]: net\nOut[3]: \n{SMALL}\n\nIn [4]: ",
        f"<bound method Module.eval of {SMALL}>",
        SMALL.replace("\n", "\r\n"),
        SMALL.replace("(1)", "(act 1)"),
        "(0): Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1))\n(1): ReLU()",
        f"DataParallel(\n  (module): {SMALL}\n)",
    ],
)
def test_how_it_was_pasted(text: str) -> None:
    assert is_printout(text)
    assert cnncalc.shape(read(text), input=(3, 9, 8)).params == 456


@pytest.mark.parametrize(
    "text",
    ["", "(", "{}", "[1]", "conv:64,k3", "Conv2d(3, 64, 3)", "print(x)\nif (a): b(c)", "f(x)(y)", "((((((((", "a" * 99],
)
def test_what_is_not_a_printout(text: str) -> None:
    assert not is_printout(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Net(\n  (a): ReLU()\n", "net.txt:3:1: Net( is not closed\n  copy the whole print-out: each ( needs its )"),
        ("Net(\n  (0-3): 2 x ReLU()\n)", "net.txt:2:3: (0-3) are not 2 modules\n"
"  a line for several modules is written "
         "(2-4): 3 x Block(…)"),
        ("Net(\n  (a): ReLU()\n)\nNet(\n  (a): ReLU()\n)",
         "net.txt:4:1: the print-out ends before this\n  give one print-out"),
        ("Net(\n  (a): ReLU()\n))", "net.txt:3:2: the print-out ends before this\n  give one print-out"),
        ("Net(\n  (a): ReLU(, 1)\n)", "net.txt:2:13: an argument is empty"),
        ("Sequential(\n  (0): LSTM(3, 4)\n  (1): Linear(in_features=4, out_features=2, bias=True)\n)",
         "net.txt:3:8: LSTM returns several results, which Linear after it in a Sequential cannot take\n  this module "
         "fails in PyTorch, too: give the source of one that runs"),
        ("Net(\n  (0-999999998): 999999999 x ReLU()\n)",
         "net.txt:2:3: more than 12,000 modules, repeated ones counted each time"),
    ],
)  # fmt: skip
def test_an_error_has_its_place(text: str, error: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert str(caught.value) == error


CHAIN = (
    "Sequential(\n  (0): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))\n  (1): Sequential(\n    (0): ReLU()\n  )\n)"
)
LOGGED = "2024-05-01 12:00:01,123 - root - INFO - "
AROUND = {
    "a log": f"Using device: cuda (0)\n{CHAIN}\nNumber of parameters: 112\n[1,  2000] loss: 2.183\n",
    "a log with its words in front": f"{LOGGED}start\n{LOGGED}{CHAIN}\n{LOGGED}epoch (1)\n",
    "words in front of each line": "".join(f"{LOGGED}{line}\n" for line in CHAIN.splitlines()),
    "a logger": "".join(f"INFO:root:{line}\n" for line in CHAIN.splitlines()),
    "a diff": "".join(f"+{line}\n" for line in CHAIN.splitlines()),
    "spaces of a page": CHAIN.replace(" ", "\xa0"),
    "a level": "".join(f"[INFO] {line}\n" for line in CHAIN.splitlines()),
    "a fence": f"Mine:\n```\n{CHAIN}\n```\n",
    "a quotation": "".join(f"> {line}\n" for line in CHAIN.splitlines()),
    "comments": "".join(f"# {line}\n" for line in CHAIN.splitlines()),
    "a shell": f"me@host:~$ python net.py\n{CHAIN}\nme@host:~$ ",
    "a name": f"net = {CHAIN}\n",
}


LONE = "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))"
AROUND_ONE = {
    "a prompt": f">>> net[0]\n{LONE}\n>>> ",
    "a call after a prompt": ">>> nn.Conv2d(3, 4, 3)\n",
    "cells": f"In [1]: net[0]\nOut[1]: {LONE}\n\nIn [2]: ",
    "a fence": f"Mine:\n```python\n{LONE}\n```\nDoes it (3) fit?\n",
    "words in a fence": "```\nconv:4,k3 # mine\n```\n",
    "a log": f"{LOGGED}{LONE}\n",
    "a level": f"[2024-05-01 12:00] [INFO] {LONE}\n",
    "a time": f"12:00:01 {LONE}\n",
    "a logger": f"INFO:root:{LONE}\n",
    "a shell": f"me@host:~$ python net.py\n{LONE}\nme@host:~$ ",
}


@pytest.mark.parametrize("text", AROUND_ONE.values(), ids=list(AROUND_ONE))
def test_what_stands_around_a_lone_layer_is_left_out(text: str) -> None:
    for network in (read_bytes(text.encode(), "net.txt"), cnncalc.load(text)):
        assert [(layer.name, layer.params) for layer in cnncalc.shape(network, input=(3, 8, 9))] == [("conv1", 112)]


@pytest.mark.parametrize("text", AROUND.values(), ids=list(AROUND))
def test_what_stands_around_a_printout_is_left_out(text: str) -> None:
    network = cnncalc.shape(read_bytes(text.encode(), "net.txt"), input=(3, 8, 8))
    assert [(layer.name, layer.params) for layer in network.layers] == [("0", 112), ("1.0", 0)]


def test_a_deep_nesting_is_refused() -> None:
    with pytest.raises(SpecError, match="modules are nested more than 100 deep"):
        read("Sequential((0): " * 10_000 + "ReLU()" + ")" * 10_000)


TOKENS = re.compile(r"\w+|\s+|.", re.DOTALL)


def mutated(text: str, rng: random.Random) -> str:
    """Return a text with a token removed, repeated, swapped with another, or replaced by brackets."""
    tokens = TOKENS.findall(text)
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        kind = rng.randrange(5)
        if kind == 0:
            tokens[at] = ""
        elif kind == 1:
            tokens[at] *= 2
        elif kind == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 3:
            tokens[at] = rng.choice(["(", ")", "9" * 400, "(1-9): 9 x ", "=", "None", "'", "\x00", "é", "-1", "1e999"])
        else:
            tokens[at] += "(" * rng.choice([1, 10, 10_000])
    return "".join(tokens)


@pytest.mark.parametrize("seed", range(300))
def test_a_mutated_printout_is_answered_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    text = mutated(rng.choice(WHOLE + PARTS[:3])["text"], rng)
    begin = time.monotonic()
    try:
        cnncalc.shape(read_bytes(text.encode(), "net.txt"), input=(3, 32, 32))
    except CnncalcError as error:
        assert str(error)  # noqa: PT017 - any text will do
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('Model: "sequential"\n┏━━━┳━━━┳━━━┓\n┃ Layer (type) ┃ Output Shape ┃ Param # ┃', "Keras's model.summary()"),
        ('Model: "m"\n_____\nLayer (type)      Output Shape     Param #\n====\nconv2d (Conv2D) (None, 2) 3',
         "Keras's model.summary()"),
        ("=====\nLayer (type:depth-idx)      Output Shape     Param #\n=====", "torchinfo"),
        ("=====\nLayer (type (var_name))      Output Shape     Param #\n=====", "torchinfo"),
        ("-----\n        Layer (type)      Output Shape     Param #\n=====\n  Conv2d-1  [-1, 3, 4, 4]  30",
         "torchsummary"),
        ("  | Name  | Type   | Params | Mode\n-----\n0 | conv1 | Conv2d | 30 (x)", "Lightning"),
        ("OrderedDict([('0.weight', tensor([[1.0]]))])", "state_dict"),
        ("{'0.weight': tensor([[1.0]])}", "state_dict"),
        ("{'0.weight': torch.Size([4, 3])}", "the shapes of weights"),
        ("0.weight\ttorch.Size([4, 3])\n", "the shapes of weights"),
        ("RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x1024 and 512x10)",
         "1024 features reach a layer that takes 512, as nn.Linear(512, 10)"),
        ("Given groups=1, weight of size [64, 3, 7, 7], expected input[1, 1, 28, 28] to have 3 channels, but got 1 "
         "channels instead", "1 channels reach a convolution that takes 3"),
        ("RuntimeError: running_mean should contain 64 elements not 128", "64 channels reach a batch norm of 128"),
        ("RuntimeError: The size of tensor a (7) must match the size of tensor b (14) at non-singleton dimension 2",
         "two tensors meet whose axis 2 is 7 and 14"),
        ("RuntimeError: Sizes of tensors must match except in dimension 1. Expected size 6 but got size 5 for tensor "
         "number 1 in the list.", "tensors are joined along axis 1, and another axis is 6 and 5"),
        ("RuntimeError: shape '[-1, 400]' is invalid for input of size 5376", "5376 values, those of the whole"),
        ("RuntimeError: Calculated padded input size per channel: (7 x 6). Kernel size: (9 x 9). Kernel size can't be "
         "greater than actual input size", "a map of 7 x 6, its padding counted, is smaller than a kernel of 9 x 9"),
        ("RuntimeError: Given input size: (64x7x6). Calculated output size: (64x0x0). Output size is too small",
         "a map of 64x7x6 is smaller than the window of a pool"),
        ('ValueError: Input 0 of layer "dense" is incompatible with the layer: expected axis -1 of input shape to have '
         "value 9216, but received input with shape (None, 14400)",
         "the last axis of the input of dense is 14400, but the layer takes 9216"),
        ('ValueError: Input 0 of layer "conv2d" is incompatible with the layer: expected min_ndim=4, found ndim=3. '
         "Full shape received: (None, 28, 28)", "conv2d takes 4 axes with the batch, but its input has 3"),
        ("ValueError: Computed output size would be negative. Received `inputs shape=(None, 2, 4, 64)`, `kernel "
         "shape=(3, 5, 64, 8)`, `dilation_rate=[1 1]`.",
         "a map of (None, 2, 4, 64) is smaller than a kernel of (3, 5, 64, 8)"),
        ("ValueError: Negative dimension size caused by subtracting 5 from 3 for '{{node conv2d/Conv2D}}'",
         "an axis of 3 is smaller than a window of 5"),
        ("ValueError: a/b is not 3", "a Python error"),
        (("Traceback (most recent call last):\n"
"  File 'a.py', line 3, in f\n    y = f(x)\nKeyError: 3"), "a Python error"),
        ("self.conv1 = nn.Conv2d(3, 6, 5)\nself.fc = nn.Linear(6, 2)\n", "lines of a class"),
        ("model.add(Dense(10))\nmodel.add(ReLU())\n", "lines that add layers"),
        ("graph():\n    %x : [num_users=1] = placeholder[target=x]\n", "a graph of torch.fx"),
        ("<Sequential name=sequential, built=True>", "a Keras object"),
        ("<KerasTensor shape=(None, 3), dtype=float32>", "a Keras object"),
        ("<keras.src.models.sequential.Sequential object at 0x7f>(", "a Keras object"),
        ("<class 'torch.nn.modules.conv.Conv2d'> (", "an object as Python prints it"),
        ("RecursiveScriptModule(\n  original_name=Net\n  (0): RecursiveScriptModule(original_name=Conv2d)\n)",
         "a scripted module"),
        ("Sequential(\n  (0): RecursiveScriptModule(original_name=Conv2d)\n)", "a scripted module"),
    ],
)  # fmt: skip
def test_a_summary_is_named_for_what_it_is(text: str, what: str) -> None:
    with pytest.raises(SpecError, match=re.escape(what)) as caught:
        read_bytes(text.encode(), "net.txt")
    assert caught.value.help
    if "Error: " in text:
        with pytest.raises(SpecError, match=re.escape(what)):
            cnncalc.load(text)


def test_a_prompt_and_a_place() -> None:
    assert printed.place("ab\ncd", 4, "x")[:3] == ("x", 2, 2)


PRINTED = {
    name: case
    for name, case in json.loads((DATA / "code" / "cases.json").read_text()).items()
    if name.endswith(".print.txt")
}


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("pasted", [False, True], ids=["file", "word"])
def test_the_cases(name: str, pasted: bool) -> None:
    path, case = DATA / "code" / name, PRINTED[name]
    report = cnncalc.shape(cnncalc.load(path.read_text() if pasted else str(path)), input=case["input"])
    figures = {"out": list(report.out), "params": report.params, "buffers": report.buffers, "macs": report.macs}
    assert figures == {key: case[key] for key in figures}
    assert report.to_dict()["dialect"] == "torch"


def test_without_an_input_the_sizes_are_open() -> None:
    network = cnncalc.load(str(DATA / "code" / "sequential.print.txt"))
    report = cnncalc.shape(network)
    assert (report.to_dict()["input"], report.params) == ([1, "H", "W"], 421706)
    assert str(report.macs) == "(H//2)*(W//2)*18432+H*W*288+402688"


def test_how_an_average_pool_rounds_is_not_shown() -> None:
    network = read("Sequential(\n  (0): AvgPool2d(kernel_size=2, stride=2, padding=0)\n)")
    (note,) = network.source.notes  # type: ignore[union-attr]
    assert note == "a print-out does not show ceil_mode of AvgPool2d: read as False, rounding down"


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("Softmax(dim=0)", (6, 5, 4)),
        ("Softmax(0)", (6, 5, 4)),
        ("LeakyReLU(negative_slope=nan)", (6, 5, 4)),
        ("ConstantPad2d(padding=(1, 1, 1, 1), value=nan)", None),
        ("BatchNorm2d(6, eps=nan, momentum=0.1, affine=False, track_running_stats=False)", (6, 5, 4)),
    ],
)
def test_a_module_that_no_layer_can_be_leaves_the_others(line: str, out: tuple[int, ...] | None) -> None:
    report = cnncalc.shape(read(SMALL.replace("ReLU()", line)), input=(3, 9, 8))
    assert (report.params, report.to_dict()["report"]["out"]) == (456, out if out is None else [*out])


def test_parameters_after_an_unknown_shape_are_those_that_are_shown() -> None:
    norm = "LayerNorm((24, 10), eps=1e-05, elementwise_affine=True)"
    network = read(f"Sequential(\n  (0): Flatten(start_dim=1, end_dim=2)\n  (1): {norm}\n)")
    assert cnncalc.shape(network, input=(4, 6, 10)).params == 480


def test_the_code_after_a_traced_module_is_not_read() -> None:
    code = 'def forward(self, input):\n    _0 = getattr(self, "0")(input)\n    return _0\n\n# To see more debug info'
    network = read_bytes(f"{SMALL}\n\n\n\n{code}".encode(), "net.txt")
    assert cnncalc.shape(network, input=(3, 9, 8)).params == 456


def test_a_gate_takes_a_printout(tmp_path: Path) -> None:
    path = tmp_path / "net.txt"
    path.write_text(SMALL)
    assert here(["check", str(path), "--expect", "params=456"]) == (0, "1 file, 1 expectation: it holds\n", "")


def test_parameters_of_lists_and_dictionaries_count() -> None:
    """As PyTorch 2.14 prints them; the total is that of its `parameters()`."""
    text = (
        "M(\n  (p): ParameterList(  (0): Parameter containing: [torch.float32 of size 3x4])\n"
        "  (q): ParameterDict(  (a): Parameter containing: [torch.FloatTensor of size 5])\n"
        "  (l): Linear(in_features=3, out_features=4, bias=True)\n)\n"
    )
    report = cnncalc.shape(read(text))
    assert {layer.name: layer.params for layer in report.layers if layer.params} == {"p.0": 12, "q.a": 5, "l": 16}
    assert report.params == 33
