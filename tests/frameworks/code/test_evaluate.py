"""The language: what the evaluator gives for a source is what Python gives."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from cnncalc.frameworks.code.entry import SourceReader


def evaluated(source: str, expression: str) -> Any:
    """Return the value of an expression at the end of a source."""
    reader = SourceReader(source, "net.py", None)
    node = ast.parse(expression, mode="eval").body
    return reader.scope.run(reader.evaluator, lambda evaluator: evaluator.top_value(node))


CLASSES = """
class A:
    k = 3
    def __init__(self, a, b=2, *rest, c=4, **more):
        self.a, self.b, self.c, self.rest, self.more = a, b, c, rest, more
    def f(self):
        return self.a + self.k
    @property
    def twice(self):
        return self.f() * 2
    @staticmethod
    def next(x):
        return x + 1
    @classmethod
    def make(cls, *args):
        return cls(*args)
class B(A):
    k = 5
    def __init__(self, *args, **more):
        super(B, self).__init__(*args, **more)
        self.pairs = [i * j for i in range(3) for j in range(2) if i != j]
    def f(self):
        return super().f() + 100
b = B(1, 2, 3, c=9, z=10)
"""
CLOSURE = """
def outer():
    n = 0
    def inner():
        nonlocal n
        n += 1
        return n
    return inner
f = outer()
"""
DATA = """
from dataclasses import dataclass, field
@dataclass
class C:
    n: int = 1
    m: int = 2
    k: list = field(default_factory=list)
@dataclass(eq=False)
class D(C):
    j: int = 5
c = C(7, k=[3])
"""
CASES = [
    (CLASSES, "[b.f(), b.twice, b.rest, b.more, b.c, b.pairs]"),
    (CLASSES, "[A.next(4), B.make(8).f(), isinstance(b, A), issubclass(A, B), hasattr(b, 'nope')]"),
    (CLASSES, "[getattr(b, 'nope', 7), type(b).__name__, b.__class__ is B, B.__name__]"),
    ("xs = []\nfor i, (n, m) in enumerate(zip([1, 2], (3, 4))):\n    xs.append(n * m + i)\nxs += [7]", "xs"),
    ("def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)", "fib(10)"),
    ("def gen():\n    for i in range(3):\n        yield i * 2\n    yield from [9, 8]", "list(gen())"),
    ("def f(a, *, b=2, **k):\n    return a, b, k", "[f(1), f(1, b=3), f(a=4, c=5), f(**{'a': 6})]"),
    ("try:\n    raise ValueError('no')\nexcept (KeyError, ValueError) as e:\n    y = 5\nelse:\n    y = 6", "y"),
    ("try:\n    y = {}['a']\nexcept LookupError:\n    y = 5\nfinally:\n    z = 1", "[y, z]"),
    ("import math\nfrom functools import partial as p\nf = p(max, 5)", "[f(3), f(9), math.ceil(7 / 2), math.pi]"),
    ("from collections import OrderedDict\nd = OrderedDict([('a', 1)])\nd['b'] = 2", "list(d.items())"),
    ("r = range(10)", "[one in r for one in (3, True, 4.0, 5 + 0j, 10, 3.5, 1e400, 5 + 1j, '4', None, [4])]"),
    ("n = 1\nfor i in range(3):\n    if i == 1:\n        continue\n    n += i\nelse:\n    n *= 10", "n"),
    ("n = 0\nwhile True:\n    n += 1\n    if n > 5:\n        break", "n"),
    ("first, *others, last = 'a', 'b', 'c', 'd'", "[first, others, last]"),
    (CLOSURE, "[f(), f()]"),
    ("cfg = {'a': [1, 2]}\ncfg['b'] = cfg['a'][::-1]\ncfg.setdefault('c', 0)\ndel cfg['a']", "cfg"),
    (DATA, "[c.n, c.m, c.k, D().k, D(j=3).j]"),
    ("from typing import NamedTuple\nclass P(NamedTuple):\n    a: int\n    b: int = 3\nx, y = P(1)", "[x, y, P(4)[0]]"),
    ("", "[f'{3:02d}-{\"x\"!r}-{[1, 2]}', 'a-{}-{b:02d}'.format(1, b=3), '%d %s' % (3, 'x'), 'a' * 3]"),
    ("", "[7 // 2, -7 // 2, -7 % 3, 2 ** 10, 7 / 2, 1 << 4, 6 & 3, 6 | 3, 6 ^ 3, ~6, +3, not 0, 1 < 2 < 3]"),
    (
        "",
        "[max(3, 4), min([5, 2]), max('abc', key=lambda c: -ord(c) if 0 else 1), sum([1, 2], 3), abs(-2), round(2.5)]",
    ),
    ("", "[sorted([3, 1, 2], reverse=True), list(reversed([1, 2])), list(map(str, [1, 2])), [*range(3)], (1,) + (2,)]"),
    ("", "[{i: i * i for i in range(3)}, {1, 2} | {3}, [x for x in 'ab'], tuple(i for i in (1, 2)), (y := 4) + y]"),
    ("", "['a,b'.split(','), ' x '.strip(), 'abc'[1:], 'x'.join(['a', 'b']), 'ab'.replace('a', 'cc'), 'a' in 'abc']"),
    ("", "[next(iter([4, 5])), any([0, 1]), all([]), dict(a=1, b=2), divmod(7, 2), isinstance(True, (str, int))]"),
    ("", "[None is None, [1] == [1], (1, 2) < (1, 3), 'a' if 0 else 'b', 3 in [1, 2], 3 not in {3: 4}, [0] * 2]"),
]


@pytest.mark.parametrize(("source", "expression"), CASES)
def test_a_source_gives_what_python_gives(source: str, expression: str) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec(source, names)
    assert evaluated(source, expression) == eval(expression, names)


def test_only_what_a_value_depends_on_is_looked_at() -> None:
    source = "n = 3\nwhile True:\n    train(m)\nm = n + 1\nopen('x')\nn = undefined\nx = m\nm = 1 / 0\n"
    assert evaluated(source, "x") == 4
