"""Which network of a source is read, what is shown of it, and the errors for unsupported code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cnncalc import load, shape, zoo
from cnncalc.errors import CnncalcError, SpecError
from cnncalc.frameworks.code import read
from cnncalc.sizes import Open
from cnncalc.sources.words import is_file
from tests.program import here, process

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
CLASS = """
class {name}(nn.Module):
    def __init__(self{arguments}):
        super().__init__()
        self.conv = nn.Conv2d(3, {out}, 3)
    def forward(self, x):
        return self.conv(x)
"""


def made(name: str, out: int = 4, arguments: str = "") -> str:
    """Return the source of a class of networks."""
    return CLASS.format(name=name, out=out, arguments=arguments)


def channels(text: str, wanted: str | None = None) -> Any:
    """Return the channels of the output of a source's network."""
    network = read(HEAD + text, "net.py", wanted)
    if network.bind is not None:
        network = network.bind({"input": (3, 8, 8)}) or network
    return [layer["c_o"] for layer in network.spec["layers"] if "c_o" in layer]


TRAINED = "a = A()\nb = B()\nopt = torch.optim.SGD(b.parameters())\nout = b(torch.rand(1))\n"
GROWN = "layers = []\nfor n in (4, 4):\n    layers.append(nn.Conv2d(n - 1, n, 1))\nnet = nn.Sequential(layers[0])"
LOOP = "while True:\n    train(net)\n"
CHOSEN = [
    (made("Net"), None, [4]),
    (made("Net") + "net = Net()\n" + LOOP, None, [4]),
    (made("A") + made("B", 5) + TRAINED, None, [5]),
    (made("A") + made("B", 5) + "b = B()\nbest = train(b)\n", None, [5]),
    (made("A") + made("B", 5, ", n") + "def make(n=1):\n    return B(n)\n", "make", [5]),
    (made("A") + made("B", 5, ", n"), "B(n=3)", [5]),
    (made("A") + made("B", 5, ", n"), None, [4]),
    (made("Part") + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
     "        self.part = Part()\n    def forward(self, x):\n        return self.part(x)\n", None, [4]),
    (made("Part") + made("Body", 5, ", n").replace("nn.Conv2d", "Part() or nn.Conv2d")
     + "def body():\n    return Body(1)\n"
     "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.part = body().conv\n"
     "    def forward(self, x):\n        return self.part(x)\n", None, [4]),
    (GROWN, None, [4]),
    ("nets = {'a': nn.Conv2d(3, 6, 3)}\n", "nets['a']", [6]),
    ("if torch.cuda.is_available():\n    n = 1\nelse:\n    n = 9\nnet = nn.Conv2d(3, n, 1).to('cuda')", None, [9]),
    ("n = 4\nnet = nn.Sequential(nn.Conv2d(3, n, 3))\nn = 7\n", None, [4]),
    ("net = nn.Sequential()\nnet.add_module('a', nn.Conv2d(3, 8, 1))\nnet.append(nn.ReLU())\n", None, [8]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted", "out"), CHOSEN)
def test_the_network_that_is_meant_is_read(text: str, wanted: str | None, out: list[int]) -> None:
    assert channels(text, wanted) == out


WAY = "through the framework itself: cnncalc convert net:{}"
ERRORS = [
    ("x = 3\n", None, "net.py has no network\n  a network is a subclass of torch.nn.Module or a Keras model"),
    (
        "def forward(self, x):\n    return x\n",
        None,
        "net.py has no network\n  a network is a subclass of torch.nn.Module or a Keras model",
    ),
    (
        "net = Linear(3, 4)\n",
        None,
        "net.py:4:7: the code raises NameError: the name 'Linear' has no value here (add at the top: from torch.nn "
        "import *)\n  net = Linear(3, 4)\n        ^~~~~~",
    ),
    (
        "net = Sequential()\n",
        None,
        "net.py:4:7: the code raises NameError: the name 'Sequential' has no value here (add at the top: from keras "
        "import *; from keras.layers import *, or: from torch.nn import *)",
    ),
    (made("A") + made("B"), None, "net.py has several networks\n  name one: net.py:A, net.py:B"),
    (
        made("A", arguments=", n"),
        None,
        "net.py has no network that can be created without arguments\n  name one: 'net.py:A(n)'",
    ),
    (made("Net"), "Nett", "net.py has no 'Nett'\n  did you mean 'Net'?"),
    (made("Net"), "Net.", "'Net.' is not a name or a call\n  name one: net.py:Net"),
    (
        made("Net", arguments=", n"),
        "Net",
        "net.py:5:1: Net needs n\n  class Net(nn.Module):\n  ^~~~~~~~~~~~~~~~~~~~~\n  give them: 'net.py:Net(n=…)'",
    ),
    ("x = 3\n", "x", "net.py:x is 3, not a network"),
    (
        made("Net"),
        "Net(m=1)",
        "net.py: the code raises TypeError: Net.__init__ has no argument 'm'",
    ),
    (
        "net = nn.Sequential(nn.Conv2d(3, 8), nn.ReLU())",
        None,
        "net.py:4:21: the code raises TypeError: Conv2d is not given kernel_size\n"
        "  net = nn.Sequential(nn.Conv2d(3, 8), nn.ReLU())\n"
        "                      ^~~~~~~~~~~~~~~",
    ),
    (
        "net = nn.Conv2d(3, 8, kernal_size=3)",
        None,
        "net.py:4:7: the code raises TypeError: Conv2d has no argument 'kernal_size' (did you mean 'kernel_size'?)\n"
        "  net = nn.Conv2d(3, 8, kernal_size=3)\n"
        "        ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
    ),
    (
        "from timm import create_model\nnet = nn.Sequential(create_model('resnet18'))",
        "net",
        "net.py:5:21: timm.create_model(…) is a network that timm ships: this source does not show its layers\n"
        "  net = nn.Sequential(create_model('resnet18'))\n"
        f"                      ^~~~~~~~~~~~~~~~~~~~~~~~\n  {WAY.format('net')}",
    ),
    (
        "import torchvision.models as models\nmodel = models.resnet18(weights=None)\nmodel.fc = nn.Linear(512, 2)",
        None,
        "net.py:5:9: torchvision.models.resnet18(…) is a network that torchvision ships: "
        "this source does not show its layers\n"
        "  model = models.resnet18(weights=None)\n"
        "          ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
        "  the network itself is built in: cnncalc shape resnet18\n"
        "  through the framework itself: cnncalc convert net:model",
    ),
    (
        "from torchvision.models import vgg16\nnet = nn.Sequential(vgg16().features)",
        None,
        "net.py:5:21: torchvision.models.vgg16(…).features is of a network that torchvision ships: "
        "this source does not show its layers\n",
    ),
    (
        "net = nn.Conv2d(3, 8, 3, groups=2)",
        None,
        "net.py:4:7: groups=2 does not divide in_channels=3\n"
        "  net = nn.Conv2d(3, 8, 3, groups=2)\n"
        "        ^~~~~~~~~~~~~~~~~~~~~~~~~~~~",
    ),
    ("net = nn.Conv2d(3,\n", None, "net.py:4:16: this is not Python: '(' was never closed\n  net = nn.Conv2d(3,\n"),
]


@pytest.mark.parametrize(("text", "wanted", "error"), ERRORS)
def test_an_error_has_its_place(text: str, wanted: str | None, error: str) -> None:
    with pytest.raises(CnncalcError) as raised:
        channels(text, wanted)
    assert str(raised.value).startswith(error)


FORWARD = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 5 * 6, 10)
    def forward(self, x):
        x = self.conv(x)
        {line}
        return self.fc(x.flatten(1))
"""
FAILING = [
    ("x = x", (3, 7, 9), "net.py:13:16: fc: expects 120 input features, gets 140\n"
     "          return self.fc(x.flatten(1))\n                 ^~~~~~~~~~~~~~~~~~~~~\n  4x5x7 = 140 → Linear(140, 10)"),
    ("x = x", (3, 27, 29), "net.py:13:16: fc: expects 120 input features, gets 2,700\n"
     "          return self.fc(x.flatten(1))\n                 ^~~~~~~~~~~~~~~~~~~~~\n"
     "  4x25x27 = 2,700 → Linear(2700, 10)"),
    ("x = x", (4, 7, 8), "net.py:11:13: conv: expects 3 input channels, gets 4 of 4x7x8\n"),
    ("x = x.view(-1, 7)", (3, 7, 8), "net.py:12:13: view: 4x5x6 = 120 values a sample cannot be viewed as (-1, 7)\n"),
    ("x = x.flatten(2, 1)", (3, 7, 8), "net.py:12:13: flatten: start_dim 2 comes after end_dim 1\n"),
    ("x = x.softmax(-5)", (3, 7, 8), "net.py:12:13: softmax: there is no axis -5: the tensor has 4\n"),
    ("x = x + torch.rand(5)", (3, 7, 8), "net.py:12:13: add: "),
    ("if x.max() > 0: x = -x", (3, 7, 8), "net.py:12:12: a condition on a tensor of one number, whose values "),
    ("x = x.frobnicate()", (3, 7, 8), "net.py:12:13: the code raises AttributeError: a tensor of 61x4x5x6 has no "),
    ("x = x.max(1).value", (3, 7, 8), "net.py:12:13: the code raises AttributeError: a tuple has no 'value'"),
    ("x = torch.cat([x, x[:, :, 1:]], 1)", (3, 7, 8), "net.py:12:13: cat: 4x5x6 and 4x4x6 differ outside axis "),
    ("raise ValueError('no')", (3, 7, 8), "net.py:12:9: the code raises ValueError: no\n"),
    ("x = F.max_pool2d(x, 9)", (3, 7, 8), "net.py:12:13: max_pool2d: does not fit: "),
]  # fmt: skip


@pytest.mark.parametrize(("line", "input", "error"), FAILING)
def test_a_line_that_fails_is_named_with_its_arithmetic(line: str, input: tuple[int, ...], error: str) -> None:
    network = read(HEAD + FORWARD.replace("{line}", line), "net.py")
    assert network.bind is not None
    with pytest.raises(SpecError) as raised:
        network.bind({"input": input})
    assert str(raised.value).startswith(error)
    layers = [] if raised.value.report is None else [layer.name for layer in raised.value.report.layers]
    assert layers[:1] == (["conv"] if not error.startswith("net.py:11") else [])


def test_a_network_needs_the_shape_of_its_input_if_it_depends_on_it() -> None:
    network = read(HEAD + FORWARD.replace("{line}", "x = x"), "net.py")
    assert network.bind is not None
    with pytest.raises(SpecError, match="Net needs the shape of its input") as raised:
        network.bind({})
    assert raised.value.help == "give it: -i 3x224x224"


FITTING = HEAD + made("Net") + "net = nn.Sequential(Net(), nn.Flatten(), nn.Linear(4 * 30 * 30, 2))\n"


@pytest.mark.parametrize(
    "command",
    ["shape", "params", "shape --annotate", "shape --top 2", "rf --of 0.conv --unit 3,4", "convert", "compare lenet5"],
)
def test_a_missing_input_is_a_command_ready_to_copy(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(FITTING)
    ended = here([*command.split(), "net.py"])
    assert ended.code == 2
    assert "needs the shape of its input" in ended.err
    if command.startswith("compare"):  # the others may have inputs of their own
        assert "give it: -i 3x32x32" in ended.err
        return
    *_, line = ended.err.splitlines()
    assert line == f"  give it: cnncalc {command} net.py -i 3x32x32"
    assert here(line.split()[3:]).code == 0


def test_letters_for_the_sizes_of_an_input_are_replaced_in_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(FITTING)
    for words in ("net.py -i 3xHxW", "3xHxW net.py", "net.py --input=3xHxW"):
        ended = here(["shape", *words.split()])
        assert (ended.code, ended.err) == (
            2,
            "net.py: Sequential needs numbers for the sizes of its input\n  give it: cnncalc shape net.py -i 3x32x32\n",
        )
    *_, line = here(["solve", "net.py", "--features", "3600", "-i", "3xHxW"]).err.splitlines()
    assert here(line.partition(": cnncalc ")[2].split()).code == 0
    assert here(["solve", "net.json", "--features", "3600"]).code == 0
    assert ", but there are " in here(["solve", "net.py", "-i", "3x32x32"]).err


def test_an_input_of_several_has_numbers_in_the_command() -> None:
    network = read(HEAD + made("Net").replace("forward(self, x)", "forward(self, x, y)"), "net.py")
    assert network.bind is not None
    for inputs, first in (({}, "3x224x224"), ({"input": (5, Open("H"), 7)}, "5x224x7")):
        with pytest.raises(SpecError) as raised:
            network.bind(inputs)
        assert raised.value.help == f"give it: -i {first} -i y=…"


def test_what_fails_for_all_sizes_is_said_without_an_input() -> None:
    network = read(HEAD + made("Net").replace("self.conv(x)", "missing(self.conv(x))"), "net.py")
    assert network.bind is not None
    with pytest.raises(SpecError, match=r"^net.py:10:16: the code raises NameError"):
        network.bind({})


def test_shapes_of_open_sizes_are_not_annotated(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(HEAD + made("Net"))
    ended = here(["shape", str(path), "--annotate"])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("--annotate -i 3x224x224\n")


NET = HEAD + made("Net")
PASTED = {
    "fence": f"Here it is:\n\n```python\n{NET}```\nand its log:\n```bash\n$ python net.py\n```\n",
    "indent": "".join(f"    {line}\n" for line in NET.splitlines()),
    "quotation": "".join(f"> {line}\n" for line in NET.splitlines()),
    "quoted again": "".join(f"> > {line}\n" for line in NET.splitlines()),
    "quoted prompt": "".join(
        f"> >>> {line}\n" if line else ">\n" for line in "import torch.nn as nn\nnet = nn.Conv2d(3, 4, 3)".splitlines()
    ),
    "diff": "".join(f"+{line}\n" for line in NET.splitlines()),
    "numbers": "".join(f"{at:6}\t{line}\n" for at, line in enumerate(NET.splitlines(), 1)),
    "spaces of a page": NET.replace(" ", "\xa0"),
    "prompts": "".join(f"{'...' if line[:1] in (' ', '') else '>>>'} {line}\n" for line in NET.splitlines())
    + ">>> Net()(x).shape\ntorch.Size([1, 4, 6, 6])\n",
    "cells": "In [1]: %matplotlib inline\n"
    + "".join(f"   ...: {line}\n" for line in NET.splitlines())
    + "\nIn [2]: Net()\nOut[2]: \nNet(\n  (conv): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))\n)\n",
    "a byte-order mark, and line ends of Windows": "\ufeff" + NET.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", PASTED.values(), ids=list(PASTED))
def test_what_stands_around_pasted_code_is_left_out(text: str, tmp_path: Path) -> None:
    path = tmp_path / "net.txt"
    path.write_bytes(text.encode())
    assert shape(str(path), input=(3, 8, 8)).params == 112


def test_a_line_of_pasted_code_keeps_its_number() -> None:
    with pytest.raises(SpecError, match=r"^net.txt:5:1: this is not Python"):
        read("A net:\n\n```\nx = 1\n)\n```\n", "net.txt")


def test_a_network_on_standard_input_is_named(tmp_path: Path) -> None:
    source = HEAD + made("A") + made("B", 5)
    several = process("shape", "-", "-i", "3x8x8", stdin=source)
    assert several.err == "- has several networks\n  name one: -:A, -:B\n"
    pasted = here(["shape", "-i", "3x8x8", source]).err
    assert pasted.startswith("SPEC has several networks\n  name one: -:A, -:B, with the text on standard input\n")
    for command in ("shape", "compare lenet5", "check", "diff lenet5", "convert", "params"):
        assert process(*command.split(), "-:B", stdin=source).err.count("unknown option") == 0
    assert process("params", "-:B", "-i", "3x8x8", "-q", stdin=source).out == "140\n"
    assert process("-:A", "-i", "3x8x8", "--get", "params", stdin=source).out == "112\n"


def test_a_network_that_is_the_same_for_all_sizes_has_open_ones(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))")
    report = shape(str(path))
    assert (str(report.network.input), report.out, report.params) == ("(3, <size H>, <size W>)", (2,), 122)
    assert shape(f"{path}:net", input=(3, 9, 8)).macs == 4 * 27 * 7 * 6 + 8


ANNOTATED = """import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)  # 4x5x6
        self.rest = nn.Sequential(
            nn.ReLU(),  # 4x5x6, 4x4x5
            nn.MaxPool2d(2, 1),  # 4x4x5, 4x3x4
        )  # 4x4x5, 4x3x4
        self.fc = nn.Linear(48, 10)  # 10
    def forward(self, x):
        x = self.rest(self.rest(self.conv(x)))  # 4x3x4
        a, b = x.chunk(2, 1)  # 2x3x4 and 2x3x4
        return self.fc(x.flatten(1))  # 10
"""


def test_a_source_is_annotated_with_the_shapes_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("".join(f"{line.partition('  # ')[0]}\n" for line in ANNOTATED.splitlines()))
    ended = here(["shape", str(path), "-i", "3x7x8", "--annotate"])
    assert (ended.code, ended.out, ended.err) == (0, ANNOTATED, "")
    ended = here(["shape", str(path), "-i", "3x8x8", "--annotate"])
    assert ended.code == 2
    assert ended.out.splitlines()[-2:] == [
        "        a, b = x.chunk(2, 1)  # 2x4x4 and 2x4x4",
        "        return self.fc(x.flatten(1))",
    ]
    assert "expects 48 input features, gets 64" in ended.err


def test_only_source_is_annotated() -> None:
    ended = here(["shape", "3x8x8", "relu", "--annotate"])
    assert (ended.code, ended.err) == (
        2,
        "--annotate is for Python source\n  give a .py file, or its text on standard input\n",
    )


def test_a_source_is_annotated_in_no_other_format(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(ANNOTATED)
    ended = here(["shape", str(path), "-i", "3x7x8", "--annotate", "--json"])
    help = "leave out --annotate, or the format json"
    assert (ended.code, ended.err) == (2, f"--annotate prints only the source\n  {help}\n")


def test_what_is_not_counted_and_what_is_left_out_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    text = made("Net").replace("        self.conv", "        self.aux = nn.Linear(2, 2)\n        self.conv")
    path.write_text(HEAD + "from x import registered\n@registered\n" + text.lstrip() + "net = Net()\nbest = fit(net)\n")
    ended = here(["shape", str(path), "-i", "3x8x8", "--get", "params"])
    assert (ended.code, ended.out) == (0, "112\n")
    assert ended.err.splitlines() == [
        "note: this has 6 parameters in aux that its output does not use; they are not counted",
        "note: line 5: the decorator x.registered is unknown, and left out",
        "note: line 14: this is not supported, and left out",
    ]


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet18", "mobilenet_v3_small", "shufflenet_v2_x1_0", "unet", "googlenet"]
)
def test_the_source_that_is_written_is_read_as_the_same_network(name: str, tmp_path: Path) -> None:
    from cnncalc import to_torch

    path = tmp_path / "net.py"
    path.write_text(to_torch(name))
    network = load(name)
    reports = [shape(one, input=network.input) for one in (str(path), name)]
    figures = [(one.out, one.params, one.buffers, one.macs) for one in reports]
    assert figures[0] == figures[1]
    assert name in zoo.names()


def test_the_source_of_recurrent_layers_is_read(tmp_path: Path) -> None:
    """Hooks give their weights our names, which do not matter here."""
    from cnncalc import to_torch

    path, words = tmp_path / "net.py", "5x8 lstm:3,bidirectional gru:4 rnn:7"
    path.write_text(to_torch(words))
    assert shape(str(path), input=(5, 8)).params == shape(words).params


def test_source_stands_wherever_a_network_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = HEAD + made("Net", arguments=", n=1")
    Path("net.py").write_text(text)
    Path("other.py").write_text(text.replace("3, 4, 3", "3, 5, 3"))
    assert here(["shape", "-", "-i", "3x8x8", "--get", "out"], stdin=text).out == "4x6x6\n"
    assert here(["check", "net.py:Net(n=2)", "-i", "3x8x8", "--expect", "out=4x6x6"]).code == 0
    assert here(["diff", "net.py:Net", "other.py", "-i", "3x8x8"]).out.startswith(
        "net.py:Net -> other.py: 1 layer changed\n"
    )
    assert '"c_o": 4' in here(["convert", "net.py:Net", "-i", "3x8x8"]).out
    assert is_file("net.py:Net(n=2)")
    assert here(["shape", "nope.py:Net"]).err.startswith("there is no file 'nope.py'\n")


MATCHED = """
def block(kind, c):
    match kind:
        case "conv" | "conv2d":
            return nn.Conv2d(3, c, 1)
        case ("deep", n, *rest) if n > 1:
            return nn.Sequential(nn.Conv2d(3, n, 1), nn.Conv2d(n, c + len(rest), 1))
        case {"width": int(n), **more}:
            return nn.Conv2d(3, n + len(more), 1)
        case None:
            return nn.Conv2d(3, 2, 1)
        case other:
            return nn.Conv2d(3, len(other), 1)
net = block(KIND, 7)
"""
KINDS = {
    "'conv2d'": [7],
    "('deep', 4, 1, 1)": [4, 9],
    "('deep', 1)": [2],
    "{'width': 5, 'a': 1}": [6],
    "None": [2],
    "'other'": [5],
}


@pytest.mark.parametrize(("kind", "out"), KINDS.items(), ids=list(KINDS))
def test_a_match_statement_is_followed(kind: str, out: list[int]) -> None:
    assert channels(MATCHED.replace("KIND", kind)) == out


def test_what_a_match_depends_on_has_to_be_known() -> None:
    with pytest.raises(SpecError, match=r"other\.kind is unknown here"):
        channels("import other\n" + MATCHED.replace("KIND", "other.kind"))


LIGHTNING = """
import pytorch_lightning as pl
from torchmetrics import Accuracy
class Net(pl.LightningModule):
    def __init__(self, width=4, lr=0.1, head=None):
        super().__init__()
        self.save_hyperparameters(ignore="head")
        self.conv = nn.Conv2d(3, self.hparams.width, 3)
        self.acc = Accuracy(task="multiclass")
    def forward(self, x):
        return self.conv(x.to(self.device))
    def training_step(self, batch, batch_idx):
        self.log("loss", F.cross_entropy(self(batch[0]), batch[1]))
trainer = pl.Trainer(max_epochs=3)
"""


@pytest.mark.parametrize(
    "package", ["pytorch_lightning as pl", "lightning as pl", "lightning.pytorch as pl", "lightning.pytorch.core as pl"]
)
def test_a_module_of_lightning_is_read(package: str) -> None:
    assert channels(LIGHTNING.replace("pytorch_lightning as pl", package)) == [4]


PARSED = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("-w", "--the-width", type=int, default="5")
parser.add_argument("--deep", action="store_true")
parser.set_defaults(more=1)
args = parser.parse_args()
net = nn.Sequential(nn.Conv2d(3, args.the_width + args.more + args.deep, 3))
"""


def test_options_have_their_defaults() -> None:
    assert channels(PARSED) == [6]
    with pytest.raises(SpecError, match="data, which the command line gives, is unknown here"):
        channels(PARSED.replace("args.more", "args.data"))


def test_a_name_that_is_given_is_in_no_line_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(HEAD + made("Net", arguments=", n"))
    ended = here(["shape", f"{path}:Net(n=1)", "-i", "3x8x8", "--annotate"])
    assert ended.out.splitlines()[:2] == HEAD.splitlines()[:2]
    with pytest.raises(SpecError, match=r"^net\.py: the code raises NameError: the name 'n' has no value here"):
        channels(made("Net", arguments=", n"), "Net(n)")
