"""Sources that are wrong, endless or hostile: an answer or a clear error comes at once, and nothing is executed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc import limits
from cnncalc.errors import SpecError
from cnncalc.frameworks import ForeignNetwork
from cnncalc.frameworks.code import budget, entry, evaluate, read
from cnncalc.sources import load_text, read_bytes
from tests.fuzz.code_mutations import cases, outcome
from tests.program import calls, here


@pytest.mark.parametrize("number", range(4))
def test_a_mutated_source_is_read_or_an_error(number: int) -> None:
    """The harness measures the time of each in a process that does nothing else (`tests.fuzz.code_mutations`)."""
    for text, wanted, inputs in cases(60, 100 + number):
        assert outcome(text, wanted, inputs) in ("read", "error"), text


EXECUTED = """
import os
import torch.nn as nn
os.system("touch FILE")
open("FILE", "w").write("x")
__import__("os").system("touch FILE")
def shout(cls):
    open("FILE", "w")
    os.system("touch FILE")
    return cls
def made(n=open("FILE", "w"), m=os.system("touch FILE")):
    return 3
@shout
class Net(nn.Module):
    file = open("FILE", "w")
    done = os.system("touch FILE")
    code = __import__("subprocess").run(["touch", "FILE"])
    text = eval("open('FILE', 'w')")
    more = exec("open('FILE', 'w')")
    def __init__(self, path=open("FILE", "w"), n=made()):
        super().__init__()
        open("FILE", "w")
        self.conv = nn.Conv2d(3, n, 3)
    @shout
    def other(self):
        return ().__class__.__bases__[0].__subclasses__()
    def forward(self, x):
        getattr(__builtins__, "open")("FILE", "w")
        return self.conv(x)
print(open("FILE", "w"))
"""


@pytest.mark.parametrize("wanted", ["Net", "Net(n=4)", None, "made", "shout(Net)", "open('FILE', 'w')", "Net.file"])
def test_nothing_of_a_source_is_executed(wanted: str | None, tmp_path: Path) -> None:
    file = tmp_path / "executed"
    text = EXECUTED.replace("FILE", str(file))
    outcome(text, wanted and wanted.replace("FILE", str(file)), {"input": (3, 8, 8)})
    for line in text.splitlines():
        outcome(f"import os, torch.nn as nn\nnet = nn.Sequential({line.strip()})\n", "net", {"input": (3, 8, 8)})
    assert not file.exists()


MOST_STEPS = 100_000
"""In a loop of 999 iterations, only operations on many items take this many steps."""
STEPS = f"the code takes more than {MOST_STEPS:,} steps"
ITEMS = f"a list or a string of more than {limits.MOST_ITEMS:,} items"
BITS = f"a whole number of more than {limits.MOST_BITS} bits"
NAME = f"an unknown value with a name of more than {limits.LONGEST_UNKNOWN:,} characters"
ENDLESS = [
    ("while True: n = 1", STEPS),
    ("for i in range(10 ** 12): n = i", STEPS),
    ("n = sum(range(10 ** 12))", STEPS),
    ("n = list(range(10 ** 12))", ITEMS),
    ("n = [0] * 10 ** 9", ITEMS),
    ("n = 'a' * 10 ** 9", ITEMS),
    ("n = [1]\nwhile n: n += n", ITEMS),
    ("n = 'ab'\nfor i in range(99): n = n.replace('a', n)", ITEMS),
    ("n = f'{1:99999}'", "a format of more than 999 characters"),
    ("n = '{:99999}'.format(1)", "a format of more than 999 characters"),
    ("n = '%99999d' % 1", "a format of more than 999 characters"),
    ("n = 9 ** 9 ** 9", BITS),
    ("n = 1 << 10 ** 9", BITS),
    ("n = 7\nfor i in range(99): n = n * n", BITS),
    ("def f(): return f()\nn = f()", f"more than {limits.DEEPEST_CALLS} nested calls"),
    ("a = []\nb = []\nfor i in range(99): a, b = [a, a], [b, b]\nn = a == b", STEPS),
    ("t = ()\nfor i in range(99): t = (t, t)\nn = {t: 1}", STEPS),
    ("t = ()\nfor i in range(99): t = (t, t)\nn = f'{t}'", ITEMS),
    ("import itertools\nn = list(itertools.product([1], repeat=10 ** 9))", ITEMS),
    ("import math\nn = math.lcm(*range(1, 40000))", BITS),
    ("s = set(range(9999))\nfor i in range(999):\n    for n in s: break", STEPS),
    ("d = dict.fromkeys(range(30000))\nfor i in range(999): n = d.values()", STEPS),
    ("s = 'a' * 50000\nfor i in range(999): n = s[1:] + 'b' in s", STEPS),
    ("def f(" + ", ".join(f"a{i}=1" for i in range(3000)) + "): return 4\nfor i in range(999): n = f()", STEPS),
    ("import torch.nn as nn\nm = nn.Sequential(*[nn.ReLU()] * 999)\nfor i in range(999): n = m[1:]", STEPS),
    (
        "".join(f"class C{i}: pass\n" for i in range(999))
        + f"class C({', '.join(f'C{i}' for i in range(999))}): n = 4\n"
        "n = C.n",
        f"a class that derives from more than {limits.MOST_CLASSES} others",
    ),
    ("import torch.nn as nn\nn = nn.LSTM(8, 8, num_layers=10 ** 9)", ITEMS),
    ("import torch.nn as nn\nfor i in range(999): n = nn.LSTM(8, 8, num_layers=999)", STEPS),
    ("import torch\nn = torch.arange(4000)\nfor i in range(999): n = n * 2", STEPS),
    (
        "import torch.nn as nn\ns = nn.ReLU()\nfor i in range(60): s = nn.Sequential(s, s)\n"
        "for i in range(9999): n = s.state_dict()",
        STEPS,
    ),
    (
        "import torch.nn as nn\ns = nn.ReLU()\nfor i in range(999): s = nn.Sequential(s)\nn = list(s.modules())",
        f"modules are nested more than {limits.DEEPEST_BLOCKS} deep",
    ),
    ("import foo\nn = foo.bar\nfor i in range(9999): n = n.aaaaaaaaaa", NAME),
    ("import foo\nn = foo.bar\nfor i in range(9999): n = int(n)", NAME),
    ("n = float('1' * 999)", f"a number of more than {limits.MOST_BITS} digits"),
    ("n = '{0:999}' * 5000\nn = n.format(1)", ITEMS),
    ("import itertools\nn = itertools.product(*[[0, 1]] * 15, *[[0]] * 9999)", ITEMS),
    ("import copy\nn = [0] * 50000\nfor i in range(999): m = copy.copy(n)", STEPS),
    ("import functools\np = functools.partial(print, *range(50000))\nfor i in range(999): n = p()", STEPS),
    (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n"
        + "".join(f" a{i}: int = 0\n" for i in range(9999))
        + "for i in range(999): n = A()",
        STEPS,
    ),
    (
        "class A:\n"
        + "".join(f" a{i}: int\n" for i in range(9999))
        + "for i in range(999):\n class B(A): n = 1\nn = B",
        STEPS,
    ),
    (
        "import collections\nA = collections.namedtuple('A', 'n ' * 20000)\nfor i in range(999): n = A(*[1] * 20000)",
        STEPS,
    ),
    ("n = set(range(20000))\nm = set(n)\nfor i in range(999): k = n == m\nn = k", STEPS),
    ("s = {(i,) * 500 for i in range(9)}\nfor i in range(999):\n    for n in s: break", STEPS),
    ("n = ()\nfor i in range(99): n = (n, n)\nn = {}.pop(n)", STEPS),
    ("n = ()\nfor i in range(99): n = (n, n)\nd = {}\ndel d[n]\nn = d", STEPS),
    ("n = ()\nfor i in range(99): n = (n, n)\nn = {1}.union([n])", STEPS),
    ("import re\nn = re.match('.*' * 9 + 'b', 'a' * 90)", STEPS),
    ("import re\nn = re.match('(?:ab|ab)' * 99 + 'c', 'ab' * 99 + 'd')", STEPS),
    ("import re\nn = re.search('.{9000}' * 5 + 'b', 'a' * 49999)", STEPS),
    ("import re\nfor i in range(9999): n = re.compile('(a)' * 300 + str(i))", STEPS),
    ("import re\nn = re.compile('[0-\\uffff]' * 150)", "re.compile('[0-\\uffff]' * 150) is not supported"),
    ("import re\nn = re.findall('()' * 99, 'a' * 999)", ITEMS),
    ("import re\nm = re.match('a(.*)', 'a' * 9999)\nn = m.group(*[1] * 9999)", ITEMS),
    ("import re\nfor i in range(999): n = re.sub('a', 'bc' * 20000, '')", STEPS),
    ("import json\nn = json.loads('9' * 4000)", f"a whole number of more than {limits.MOST_BITS} bits"),
    (
        "for i in range(99999):\n try: raise KeyError\n except KeyError: n = i\n"
        "for i in range(99999):\n try: import nobody\n except ImportError: raise KeyError([" + "1, " * 20000 + "])",
        STEPS,
    ),
    ("n = [1, 2][[]:]", "the code raises TypeError: the bounds of a slice are whole numbers, or None"),
    (
        "n = ()\nfor i in range(99): n = (n, n)\nn = str(slice(n))",
        "the code raises TypeError: the bounds of a slice are whole numbers, or None",
    ),
    ("n = [0] * 50000\nfor i in range(999):\n    match n:\n        case [a, *b]: k = b\nn = k", STEPS),
    ("m = dict.fromkeys(range(50000))\nfor i in range(999):\n    match m:\n        case {1: a, **b}: n = b", STEPS),
    ("class A: pass\nn = A()\nA = (int,) * 40000\nfor i in range(999): n = isinstance(n, A)", STEPS),
    ("d = {'a' * 49999: 1}\nfor i in range(99999):\n    try: n = d[i]\n    except KeyError: n = 1", STEPS),
    ("for i in range(999):\n    try: assert 0 and [" + "1, " * 40000 + "]\n    except AssertionError: n = 1", STEPS),
    ("for i in range(99999): n = f'{(lambda: [" + "1, " * 40000 + "]):x}'", STEPS),
    (
        "def f(" + ", ".join(f"a{i}" for i in range(9999)) + "): return 4\nn = {f'a{i}': 0 for i in range(9999)}\n"
        "for i in range(999): k = f(**n)\nn = k",
        STEPS,
    ),
    ("".join(f"from foo{i} import *\n" for i in range(7999)) + "for i in range(9999): n = zzz", STEPS),
    ("a = 1\n" + "a = a + 1\n" * 2999 + "n = a\nwhile n: n = 1", STEPS),
    ("n = f'" + "{1}" * 5001 + "'", f"the source has f-strings, and more than {limits.MOST_BRACES:,} braces"),
    ("n = 1\n" * 40000, f"the source has more than {limits.LONGEST_SOURCE:,} characters"),
    ("n = " + "(" * 5000, "this is not Python: too many nested parentheses"),
    ("n = " + "-" * 9999 + "1", "the source is nested too deeply"),
    ("n = 1" + "+1" * 20000, "the source is nested too deeply"),
]


@pytest.mark.parametrize(("text", "what"), ENDLESS, ids=[text[:40] for text, _ in ENDLESS])
def test_steps_and_sizes_are_bounded(text: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == STEPS:
        monkeypatch.setattr(budget, "MOST_STEPS", MOST_STEPS)
    with pytest.raises(SpecError) as raised:
        read(text, "net.py", "n")
    assert raised.value.what == what


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        (
            "import keras\ndef make():\n    x = y = keras.Input((5, 3))\n"
            "    for i in range(10**7): y = keras.layers.Dense(3)(y)\n    return keras.Model(x, y)\nnet = make()\n",
            1,
        ),
        (
            "import torch.nn as nn\nclass N(nn.Module):\n    def forward(self, x):\n"
            "        for i in range(10**7): x = x + 1\n        return x\n",
            2,  # the names of its inputs first
        ),
    ],
)
def test_what_takes_too_much_takes_it_once(
    text: str, readings: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, guarded = list[Any](), entry.SourceReader.guarded

    def read(reader: entry.SourceReader, how: Any) -> ForeignNetwork:
        made.append(how)
        return guarded(reader, how)

    monkeypatch.setattr(entry.SourceReader, "guarded", read)
    monkeypatch.setattr(budget, "MOST_STEPS", 400)
    path = tmp_path / "net.py"
    path.write_text(text)
    done = here(["shape", str(path), "-i", "5x3" if "keras" in text else "3x8x8"])
    assert (done.code, "the code takes more than 400 steps" in done.err) == (2, True), done
    assert len(made) == readings


def test_what_is_refused_again_is_not_longer(tmp_path: Path) -> None:
    """The cached error of a source that cannot be read for these sizes holds no frames of earlier callers."""
    path = tmp_path / "net.py"
    path.write_text(
        "import torch.nn as nn\nclass N(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.f = nn.Linear(288, 10)\n    def forward(self, x):\n        return self.f(x.flatten(1))\n"
    )
    network, lengths = cnncalc.load(path), []
    for _ in range(3):
        with pytest.raises(SpecError, match="expects 288 input features, gets 192") as refused:
            cnncalc.shape(network, (3, 8, 8))
        lengths.append(len(refused.traceback))
    assert lengths[1] == lengths[2]


def bound(text: str) -> ForeignNetwork:
    network = read(text, "net.py")
    assert network.bind is not None
    found = network.bind({"input": (3, 8, 8)})
    assert found is not None
    return found


def test_what_a_network_returns_is_bounded() -> None:
    source = "import torch.nn as nn\nclass N(nn.Module):\n    def forward(self, x):\n"
    for made in ("x = [x, x]", "x = {'a': x, 'b': x}"):
        text = f"{source}        for i in range(60): {made}\n        return x\n"
        with pytest.raises(SpecError, match="of more than"):
            bound(text)


def test_parts_and_repeats_of_an_axis_are_bounded() -> None:
    for result in (
        "x.tensor_split(10 ** 9)[0]",
        "x.repeat(1, 10 ** 9, 1, 1).split(1, 1)[0]",
        "x.repeat(1, 9999, 1, 1).unbind(1)[0]",
    ):
        text = f"import torch.nn as nn\nclass N(nn.Module):\n    def forward(self, x): return {result}\n"
        with pytest.raises(SpecError, match="more than"):
            bound(text)
    text = (
        "import torch.nn as nn\nclass N(nn.Module):\n    def forward(self, x): return x.repeat_interleave(10 ** 9, 1)\n"
    )
    (layer,) = bound(text).spec["layers"]
    assert layer["op"] == "opaque"


def test_a_rounded_number_takes_no_time() -> None:
    assert read("import torch.nn as nn\nnet = nn.Conv2d(3, 4 + round(5, -10 ** 9), 1)", "net.py").unread


def test_hints_are_worked_out_only_for_errors_that_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="did you mean 'name1'"):
        read("import torch.nn as nn\nname1 = 4\nnet = nn.Conv2d(3, name2, 3)", "net.py")
    monkeypatch.delattr(evaluate, "nearest")
    loop = "for i in range(9):\n    try: n = name2\n    except NameError: n = 4\n"
    assert read(f"import torch.nn as nn\nname1 = 1\n{loop}net = nn.Conv2d(3, n, 1)", "net.py").spec["layers"]


@pytest.mark.parametrize("more", ["class A{}(nn.Module):\n    def forward(self, x): return x\n", "net.a{}=1\n"])
def test_work_grows_with_the_classes_and_statements_and_not_faster(more: str) -> None:
    """Four times as many take at most four times the calls, and a tenth more."""
    few, many = (
        partial(outcome, "import torch.nn as nn\nnet = nn.ReLU()\n" + "".join(map(more.format, range(times))), None, {})
        for times in (100, 400)
    )
    assert calls(many) < 4.4 * calls(few)


def test_what_a_keras_model_gives_is_bounded() -> None:
    text = "import keras\nx = keras.Input((8, 8, 3))\ny = x\nfor i in range(60): y = [y, y]\nnet = keras.Model(x, y)\n"
    with pytest.raises(SpecError, match="of more than"):
        bound(text)


def test_errors_escape_what_a_terminal_cannot_show() -> None:
    with pytest.raises(SpecError) as raised:
        read("import torch.nn as nn\nraised = nn.Conv2d(3, {}['\\x1b[31m\\u202e'], 1)", "net.py")
    assert str(raised.value).isascii()
    assert "\x1b" not in str(raised.value)
    with pytest.raises(SpecError) as raised:
        read(
            "import torch.nn as nn\ndef f(): raise ValueError('\\x1b[31m\\u202e')\nnet = nn.Conv2d(3, f(), 1)", "net.py"
        )
    assert raised.value.what == r"the code raises ValueError: \x1b[31m\u202e"


def test_many_words_take_no_time() -> None:
    few, many = (partial(load_text, "3x8x8 " + "relu " * times, "-") for times in (250, 1000))
    assert calls(many) < 4.4 * calls(few)
    with pytest.raises(SpecError, match="layer words of more than 200,000 characters"):
        load_text("conv:" + "1," * 3_000_000, "-")


@pytest.mark.parametrize("text", ["A" * 100_000, "x " + "A(" * 50_000])
def test_layers_are_looked_for_in_a_pasted_text_in_no_time(text: str) -> None:
    with pytest.raises(SpecError, match="not a network"):
        read_bytes(text.encode(), "net.txt")


def test_errors_escape_the_name_of_a_file() -> None:
    with pytest.raises(SpecError) as raised:
        read("import torch.nn as nn\nnet = nn.ReLU()\n", "\x1b[31m.py", "Net")
    assert "\x1b" not in str(raised.value)
    with pytest.raises(SpecError) as raised:
        read("net = ", "\x1b[31m.py")
    assert str(raised.value).startswith(r"\x1b[31m.py:1:7: this is not Python")
