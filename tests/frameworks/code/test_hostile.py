"""Sources that are wrong, endless or hostile: an answer or a clear error comes at once, and nothing is executed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cnncalc.errors import SpecError
from cnncalc.frameworks.code import limits, read
from tests.fuzz.code_mutations import SLOWEST, cases, outcome


@pytest.mark.parametrize("number", range(4))
def test_a_mutated_source_is_read_or_an_error_at_once(number: int) -> None:
    for text, wanted, inputs in cases(60, 100 + number):
        start = time.process_time()
        assert outcome(text, wanted, inputs) in ("read", "error")
        assert time.process_time() - start < SLOWEST, text


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


STEPS = f"the code takes more than {limits.MOST_STEPS:,} steps"
ITEMS = f"a list, or a text, of more than {limits.MOST_ITEMS:,} items"
BITS = f"a whole number of more than {limits.MOST_BITS} bits"
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
    ("def f(): return f()\nn = f()", f"more than {limits.DEEPEST_CALLS} calls inside one another"),
    ("a = []\nb = []\nfor i in range(99): a, b = [a, a], [b, b]\nn = a == b", STEPS),
    ("t = ()\nfor i in range(99): t = (t, t)\nn = {t: 1}", STEPS),
    ("t = ()\nfor i in range(99): t = (t, t)\nn = f'{t}'", ITEMS),
    ("n = " + "(" * 5000, "this is not Python: too many nested parentheses"),
    ("n = " + "-" * 9999 + "1", "the source is nested too deeply"),
    ("if 0: n = 0\n" + "elif 1: n = 1\n" * 3000, "the source is nested too deeply"),
]


@pytest.mark.parametrize(("text", "what"), ENDLESS, ids=[text[:40] for text, _ in ENDLESS])
def test_steps_and_sizes_are_bounded(text: str, what: str) -> None:
    start = time.process_time()
    with pytest.raises(SpecError) as raised:
        read(text, "net.py", "n")
    assert raised.value.what == what
    assert time.process_time() - start < SLOWEST
