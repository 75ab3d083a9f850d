"""The language: the evaluator's results are those of Python."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from cnncalc.errors import SpecError
from cnncalc.frameworks.code.entry import SourceReader
from cnncalc.frameworks.code.values import RaisedError, UnknownValue


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
REGISTRY = """
d = {}
def keep(name):
    def own(f):
        d[name] = f
        return f
    return own
@keep('a')
def g(): return 7
"""
BUILDER = """
class B:
    def __init__(self, xs): self.xs = xs
    def put(self, n):
        self.xs.append(n)
        return self
b = B([1])
b.put(2).put(3)
"""
TRAIN = """
class T:
    def __init__(self, m, n): self.m, self.n = m, n
    def fit(self): self.k = undefined
def train(m, n):
    k = n
    k += 1
    norms = []
    for p in m.parts():
        p.requires_grad = False
        norms.append(p.n())
    return undefined
m, n = 3, 4
t = T(m, n)
t.fit()
y = train(m, n)
x = m + n
"""
LOOP = """
net = {'n': 3}
for m in [net]:
    n = m['n']
best = {'net': net}
for m in [{}, {}]:
    m['k'] = undefined()
for x in undefined:
    best['k'] = x
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
    ("class A: k = 3\nn = 4\ndef f(name): return globals()[name]\nm = f('A').k", "[m, f('n')]"),
    ("n = 4\ndef f(name): return name in globals(), globals().get(name, 5)", "[*f('n'), *f('m')]"),
    ("cfg = {'w': 8}\ndef widen(): cfg['w'] = 16\nwiden()", "cfg"),
    ("w = 8\ndef widen():\n    global w\n    w += 9\ndef twice():\n    widen()\n    widen()\ntwice()", "w"),
    ("xs = []\nys = xs\nys.append(3)\nzs = [ys]\nfor z in zs: z += [4]\n(a := zs[0]).append(5)", "[xs, a is xs]"),
    ("xs = [1, 2]\ndef add(to, *, n): to.append(n)\nadd(xs, n=3)\nlast = xs.pop()", "[xs, last]"),
    ("xs = [[1], [2]]\ndef add(x): x.append(5)\nn = len(list(map(add, xs)))", "[n, xs]"),
    (REGISTRY, "d['a']()"),
    (
        "K = int | list | None\nclass A: pass\nL = str | A\nM = A | K\nN = None | A",
        "[[isinstance(one, kind) for one in ([1], 3, None, 'a', A())] for kind in (K, L, M, N, (int, (str, list)))]",
    ),
    (
        "from typing import Callable, Iterable\nclass A: pass\nclass B:\n    def __iter__(self): pass\n"
        "    def __call__(self): pass\ndef f(): pass",
        "[[isinstance(one, kind) for one in (f, A, A(), B(), B().__call__, int, len, 3, None, [1], 'a', {}.keys(), "
        "iter([3]))] for kind in (Callable, Iterable)]",
    ),
    ("n = '%s and %r in %s: %d' % ([1, 'a'], (2,), {'k': None}, 7)", "[n, '%(a)s, %(b)r' % {'a': [1], 'b': 'c'}]"),
    ("a, b = [1, 2], [1, 2, 3]", "[a < b, b < a, a <= [1, 2], (1, (2, 3)) < (1, (2, 4)), '%s' % {'a': (1,)}]"),
    ("match 3:\n    case 3:\n        def f(): return 5\n    case _:\n        def f(): return 6", "f()"),
    ("try:\n    {}['a']\nexcept KeyError:\n    def f(): return 5\nelse:\n    def f(): return 6", "f()"),
    (
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass A(Generic[T]):\n    n = 3",
        "A[int]().n",
    ),
    ("def f():\n    a, b, c = [1, 2], {'k': 3}, 4\n    del a[0], b['k'], c\n    return a, b", "f()"),
    ("class C: pass\nc = C()\ndef put(to, n): setattr(to, 'w', n)\nput(c, 5)", "c.w"),
    ("class C: pass\nc = C()\nc.d = {}\ngetattr(c, 'd')['w'] = 9", "c.d"),
    (BUILDER, "b.xs"),
    ("class B:\n    made = []\n    def __init__(self): B.made.append(self)\nB()\nb = B()", "len(B.made)"),
    ("def fill(xs):\n    for x in xs: x['n'] = 4\nd = {}\nfill([d, {}])", "d"),
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
    (
        (
            "def f(v):\n    match v:\n        case [1, *rest]: return rest\n"
            "        case (2 | 3) as n if n > 2: return n\n"
            "        case {'a': x, **more}: return x, more\n        case [_, _]: return 'two'\n"
            "        case _: return None"
        ),
        "[f([1, 2, 3]), f(3), f(2), f({'a': 4, 'b': 5}), f([5, 6]), f([5, 6, 7]), f([1])]",
    ),
    (
        (
            "def f(v):\n    match v:\n        case [int() as a, *_, str() as b]: return a, b\n"
            "        case ([1] | [2]) as w: return w\n        case (1 as one): return one\n"
            "        case None: return 'none'\n        case [_, [x, _]]: return x\n"
            "        case _: return 'other'"
        ),
        "[f([1, 2, 'c']), f([2]), f(1), f(None), f([1, [2, 3]]), f([1, [2]]), f('ab')]",
    ),
    (
        (
            "class P:\n    __match_args__ = ('x',)\n    def __init__(self, x): self.x = x\ndef f(v):\n"
            "    match v:\n        case P(x=3): return 'three'\n        case P(x=n): return n\n"
            "        case _: return None"
        ),
        "[f(P(3)), f(P(4)), f(5)]",
    ),
    ("def f():\n    a, b = 1, 2\n    del a, b\n    a = 5\n    return a", "f()"),
    ("def f():\n    d, xs = {'a': 1, 'b': 2}, [1, 2, 3, 4]\n    del d['a'], xs[1:3], xs[0]\n    return d, xs", "f()"),
    (
        "class A: pass\na = A()\na.x = 1\ndef f():\n    b = A()\n    b.y = 2\n    del b.y\n    return hasattr(b, 'y')",
        "f()",
    ),
    (
        (
            "def f(n):\n    try:\n        x = n\n    except ValueError:\n        x = 0\n    else:\n"
            "        x += 10\n    return x"
        ),
        "f(2)",
    ),
    ("from math import *\ny = floor(2.5)", "[y, ceil(2.5), sqrt(16.0)]"),
    (
        (
            "class A:\n    def __init__(self): self.n = 1\nclass B(A):\n    @property\n"
            "    def p(self): return 4\nclass C(B):\n    @property\n"
            "    def p(self): return super().p + 1\nc = C()"
        ),
        "[c.p, c.n]",
    ),
    (
        (
            "class A:\n    def __init_subclass__(cls, **more): super().__init_subclass__(**more)\n"
            "    def f(self): return 1\nclass B(A):\n    def __init__(self):\n"
            "        super().__init__()\n        self.n = 2\nb = B()"
        ),
        "[b.n, b.f()]",
    ),
    ("xs = [[1, 2], 3]\na = {1: [2]}", "[[1, 2] in xs, (1,) in [(1,)], 'b' in {'a': 1}, 2 in (n for n in (1, 2))]"),
    ("x = int", "[x == int, x != str, x is int, int | str == int | str]"),
    (
        "",
        ("[repr([1, 'a']), str((1,)), str({'a': 1}), str({1, }), str(None), str(1.0)]"),
    ),
    ("class A:\n    n = 1\n    def __getattr__(self, name): return name\na = A()", "[a.n, a.zzz]"),
    (
        (
            "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x += 1\n        def h():\n"
            "            nonlocal x\n            x *= 10\n        h()\n    g()\n    return x"
        ),
        "f()",
    ),
    ("xs = list(range(6))\nxs[1:3] = ['a']\nxs[::2] = [9, 9, 9]", "xs"),
    ("if True:\n    import math as m\n    def g(): return 3\nelse:\n    def g(): return 4", "[m.floor(2.5), g()]"),
    ("match 3:\n    case 3: k = 'three'\n    case _: k = 'other'", "k"),
    (
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default=3)\n"
            "a, rest = p.parse_known_args([])"
        ),
        "[a.n, rest]",
    ),
    ("", "[None is None, [1] == [1], (1, 2) < (1, 3), 'a' if 0 else 'b', 3 in [1, 2], 3 not in {3: 4}, [0] * 2]"),
]


OPERATORS = """
class V:
    def __init__(self, n): self.n = n
    def __add__(self, other): return ('add', self.n, other)
    def __radd__(self, other): return ('radd', self.n, other)
    def __iadd__(self, other):
        self.n += other
        return self
    def __len__(self): return self.n
    def __getitem__(self, at): return self.n * at
    def __setitem__(self, at, value): self.n = at + value
    def __delitem__(self, at): self.n = -at
    def __call__(self, x): return self.n + x
    def __contains__(self, x): return x == self.n
    def __iter__(self): return iter(range(self.n))
class W:
    def __bool__(self): return False
    def __enter__(self): return 4
    def __exit__(self, *args): pass
v, w = V(3), V(0)
w += 5
w[2] = 7
"""
LEFT = """
seen = []
class C:
    def __init__(self, name): self.name = name
    def __enter__(self): return self.name
    def __exit__(self, kind, *args):
        seen.append((self.name, kind is None))
        return self.name == 'b' and kind is not None
def left(n):
    with C('a') as a, C('b') as b:
        return [a, b][1 // n]
    return 'gone on'
with C('c'):
    seen.append(1)
"""
HANDLED = """
def tried(f):
    try:
        return f()
    except (KeyError, IndexError, TypeError) as e:
        return type(e).__name__ if False else 'refused'
    except:
        return 'failed'
    finally:
        seen.append(1)
seen = []
def nothing():
    try:
        return {}['a']
    finally:
        seen.append(2)
def checked(n):
    assert n > 0, 'positive'
    return n
def again():
    try:
        raise ValueError('a')
    except ValueError:
        raise
def found(rows, x):
    for row in rows:
        if x in row:
            return row
    while True:
        if len(rows) > 1:
            return rows[0]
        break
    with open_it() as it:
        pass
    return it
class open_it:
    def __enter__(self): return 'entered'
    def __exit__(self, *args): return None
"""
MATCHED = """
class P:
    def __init__(self, x, y): self.x, self.y = x, y
def kind(v):
    match v:
        case [first, *rest] if first == 1:
            return ('row', rest)
        case [a, b, *_]:
            return ('two', a, b)
        case {'k': k, **others}:
            return ('dict', k, others)
        case {'z': 1}:
            return 'z'
        case P(x=0, y=n):
            return ('point', n)
        case int(n) | float(n):
            return ('number', n)
        case 'a' | 'b':
            return 'letter'
        case None:
            return 'none'
    return 'other'
"""
MUTATED = """
row, table, some = [3, 1, 2, 1], {'b': 1}, {1, 2}
row.insert(1, 9); row.remove(1); row.extend([5]); row.sort(reverse=True); popped = row.pop(0); row[1:2] = [7, 8]
del row[0]
table.update({'a': 2}, c=3); gone = table.pop('b'); table |= {'d': 4}; more = table | {'e': 5}; del table['c']
some.add(3); some.update([4]); some.discard(1)
other = dict.fromkeys('xy', 0)
copied = row.copy(); copied.clear()
class T: n = 1
T.n = 2
t = T(); t.m = 5
del t.m
def f(): return 1
f.k = 3
x = y = 4
del y
count = 0
def bump():
    global count
    count += 1
    return count
seen = bump()
"""
STANDARD = """
import copy, itertools, functools, operator, math
from collections import defaultdict, deque, namedtuple
from dataclasses import dataclass, asdict, replace, field
Q = namedtuple('Q', 'a b', defaults=[7])
R = namedtuple('R', ['c', 'd'])
q = Q(1)
d = defaultdict(list)
d['x'].append(1)
@dataclass
class E:
    n: int
    m: int = 2
    def __post_init__(self): self.total = self.n + self.m
e = E(4)
class F:
    def __init__(self): self.xs, self.t = [1, [2]], {'k': [3]}
shallow, deep = copy.copy(F()), copy.deepcopy(F())
lists = [[1, 2], {'k': [3]}, (4,)]
flat, whole = copy.copy(lists), copy.deepcopy(lists)
flat[0].append(9)
part = functools.partial(max, 3)
@functools.lru_cache
def once(n): return n + 1
@functools.lru_cache(maxsize=None)
def twice(n): return n * 2
@functools.wraps(once)
def wrapped(n): return once(n)
"""
CASES += [
    (OPERATORS, "[v + 1, 2 + v, w.n, len(v), v[4], v(10), bool(v), 3 in v, list(v), not W(), bool(V(0))]"),
    (OPERATORS + "del v[8]\nwith W() as inside:\n    pass", "[v.n, inside]"),
    (LEFT, "[seen, left(3), left(0), seen]"),
    (HANDLED, "[tried(lambda: {}['a']), tried(lambda: [][2]), tried(lambda: 1 / 0), tried(lambda: 5), len(seen)]"),
    (HANDLED, "[tried(nothing), seen, tried(lambda: checked(0)), checked(4), tried(again), found([[1], [2]], 2)]"),
    (HANDLED, "[found([[1], [2]], 9), found([[1]], 9), tried(lambda: None + 1), tried(lambda: [1, 2].index(9))]"),
    (MATCHED, "[kind([1, 2, 3]), kind([4, 5]), kind([4]), kind({'k': 1, 'l': 2}), kind({'z': 1}), kind({'y': 1})]"),
    (MATCHED, "[kind(P(0, 5)), kind(P(1, 5)), kind(3), kind(2.5), kind('b'), kind('c'), kind(None), kind(())]"),
    (MUTATED, "[row, popped, table, gone, more, sorted(some), other, copied, T.n, hasattr(t, 'm'), f.k, x, seen]"),
    (STANDARD, "[q.a, q[1], tuple(q) == (1, 7), R(c=2, d=3)[0], d['x'], d['y'], len(d), e.total, asdict(E(1))['m']]"),
    (STANDARD, "[replace(E(1, 3), n=5).m, shallow.xs, deep.t, flat[0], whole[0], whole[2], part(1), part(8)]"),
    (STANDARD, "[once(3), twice(4), wrapped(5), part.args, list(deque([1, 2])), list(itertools.chain([1], (2, 3)))]"),
    (STANDARD, "[list(itertools.chain.from_iterable([[1], [2]])), list(itertools.product('ab', [1, 2], repeat=1))]"),
    (STANDARD, "[list(itertools.product([0, 1], repeat=2)), list(itertools.pairwise([1, 2, 3]))]"),
    (STANDARD, "[list(itertools.accumulate([1, 2, 3])), list(itertools.islice([1, 2, 3, 4], 1, 3))]"),
    (STANDARD, "[list(itertools.repeat(3, 2)), math.prod([2, 3, 4]), math.gcd(12, 18), math.isqrt(17), math.log2(8)]"),
    (STANDARD, "[functools.reduce(max, [1, 5, 2]), functools.reduce(lambda a, b: a * b, [2, 3], 4)]"),
    ("", "[list(filter(None, [0, 1, 2])), list(filter(lambda n: n > 1, [0, 1, 2])), max([], default=4), min(3, 2)]"),
    ("", "[callable(len), callable(3), int('7'), int(3.9), int(), float('2.5'), bool([]), bool(), str(3), str()]"),
    ("", "[[1, 2, 1].count(1), [5, 6].index(6), list({'a': 1}.keys()), list({'a': 1}.values()), {'a': 1}.get('b', 2)]"),
    (
        "",
        "[slice(1, 3) == slice(1, 3, None), [0, 1, 2, 3][slice(1, 3)], type(3) is int, type('') is str]",
    ),
    (
        "",
        "[isinstance(3, object), isinstance([], (list, tuple)), isinstance(None, type(None)), int is int, int != str]",
    ),
    (
        "",
        "[type(3).__name__, int.__name__, list.__name__, dict(zip('ab', [1, 2])), dict([('a', 1)], b=2), set([1, 1])]",
    ),
    ("", "[{**{'a': 1}, 'b': 2}, [*[1], *(2, 3)], {*[1, 2]}, (lambda a, *b, c=3, **d: [a, b, c, d])(1, 2, e=5)]"),
    (
        "",
        "[f'{3.14159:.2f}', f'{\"a\":>3}', f'{[1]!s}', '{0:>4}|{1}'.format('a', 2), '%5.1f|%x|%%' % (2.25, 255)]",
    ),
    ("", "['aXb'.lower(), 'ab'.upper(), 'a b'.title(), 'a-b'.partition('-'), 'a.b.c'.rsplit('.', 1), 'abc'.find('c')]"),
    ("", "['abc'.startswith(('x', 'a')), 'abc'.endswith('c'), 'x1'.isdigit(), '12'.isdigit()]"),
    (
        "",
        "[1 if None else 2, None or 3, 0 and 4, 1 and 5, not [], 2 < 3 < 3, 1 != 2, (1, 2) + (3,), [1] * 3, 'ab' * 2]",
    ),
    (
        "",
        "[[1, 2, 3][-1], (1, 2, 3)[::2], 'abc'[1], {'a': {'b': 1}}['a']['b'], [[1, 2], [3]][0][1], range(9)[2:8:3][1]]",
    ),
    (
        "",
        "[{1, 2} & {2, 3}, {1, 2} - {2}, {1} ^ {2}, {1} <= {1, 2}, [1, 2] < [1, 3], 'a' < 'b', 2 ** -1, 7 % -3]",
    ),
    (
        "",
        "[[(i, j) for i in range(2) for j in 'ab' if i], {k: v for k, v in {'a': 1}.items()}, {n % 2 for n in (3, 4)}]",
    ),
    ("", "[sum(x for x in range(4)), round(3.14159, 2), pow(2, 5), abs(-2.5), ord('a'), chr(98)]"),
    ("x = [1, 2]\n(a, b), [c, *d] = x, 'xyz'\nx[0], y = 5, x", "[a, b, c, d, x, y]"),
    ("import os.path as p, math as m\nfrom math import *", "[m.sqrt(16), floor(2.5), pi]"),
    ("n: int = 3\nm: str\nif n > 2: k = 1\nelif n: k = 2\nelse: k = 3\nfor i in []: pass\nelse: e = 1", "[n, k, e]"),
    (
        "class A:\n    def __init__(self): self._x = 1\n    @property\n    def x(self): return self._x\n    @x.setter\n"
        "    def x(self, v): self._x = v * 2\na = A()\na.x = 4",
        "[a.x, a._x]",
    ),
    (
        "class A:\n    x = 1\n    class B:\n        y = 2\n    def f(self): return A.B.y\nclass C(A): pass",
        "[C().f(), C.x, C.B.y]",
    ),
    (
        "def f(n):\n    if n: return 'yes'\ndef g(*a, **k): return f(*a, **k)\nh = [lambda i=i: i for i in range(3)]",
        "[f(0), g(1), g(n=0), [one() for one in h]]",
    ),
    ("", "[str.upper('a'), dict.get({'a': 1}, 'a'), list.count([1, 1], 1), int.bit_length(5)]"),
    ("T = list[int]\nU = dict[str, int]", "[T(), U(), isinstance(3, int | str), isinstance('a', int | None)]"),
    ("class A: pass", "[isinstance(3, A), callable(A()), callable(A), callable(len), callable(3)]"),
    ("class A:\n    def __call__(self): return 1\n    def __init__(self): self.n = 2", "[callable(A()), vars(A())]"),
    ("", "[next(iter([]), 7), next(iter([4]), 7), max([], default=3), min([2, 1], default=3)]"),
    (
        "from collections import OrderedDict\nd = OrderedDict(a=1, b=2, c=3)\nd.move_to_end('a')",
        "[list(d), d['a']]",
    ),
    (
        "class A:\n    def __init__(self): self.n = 1\nclass B(A): pass",
        "[B().__dict__, [one.__name__ for one in B.__mro__][:2]]",
    ),
    (
        "from typing import Generic, TypeVar, Optional, Union, cast\nT = TypeVar('T')\nclass A(Generic[T]): n = 1\n"
        "def f(x: Optional[T] = None, y: Union[int, None] = 2) -> 'T': return cast(T, y)",
        "[A().n, f(), cast(int, 3)]",
    ),
    (
        "class S:\n    def __len__(self): return 3\n    def __getitem__(self, at):\n"
        "        if at >= 3: raise IndexError\n        return at * 2",
        "[list(S()), [one + 1 for one in S()]]",
    ),
    (
        "import copy\na = [1]\nb = copy.deepcopy([a, a, {'k': a}, (2, 3)])\na.append(2)\nc = copy.copy({'k': a})",
        "[b, b[0] is b[1], c, c['k'] is a]",
    ),
    (
        "from typing import Iterable\nfrom collections.abc import Sequence",
        "[isinstance([1], Iterable), isinstance(3, Iterable), isinstance((1,), Sequence)]",
    ),
    (
        "class C:\n    n = 3\ndef f(m, k=2):\n    return [eval(m), eval(f'C.n + {k}'), eval(' k * 2'), locals()['k']]\n"
        "sizes = [4, 5]",
        "[f('C')[0].n, f('sizes')[0], f('k')[1:], eval('[one * 2 for one in sizes]'), eval('None')]",
    ),
    (
        "import ast\nfrom contextlib import suppress\ndef f(args, n=7):\n    for j, a in enumerate(args):\n"
        "        with suppress(ValueError):\n"
        "            args[j] = locals()[a] if a in locals() else ast.literal_eval(a)\n    return args",
        "f(['n', '(3, 4)', 'nearest', 'None', '-2.5', '[]', 'n + 1'])",
    ),
    (
        "import contextlib\ndef f(a):\n    with contextlib.suppress(KeyError, IndexError):\n        return [1][a]\n"
        "    return 'none'",
        "[f(0), f(1)]",
    ),
    (
        "from collections import deque\nq = deque([1, 2])\nq.appendleft(0)\nq.append(3)\na = q.popleft()",
        "[a, list(q), len(q), q.pop(), q[0], list(reversed(q)), deque() or 5]",
    ),
    ("from functools import partial\np = partial(max, 3)", "[callable(p), callable(partial), callable([p][0]), p(2)]"),
    (
        "from dataclasses import dataclass, fields\n@dataclass\nclass A:\n    n: int = 1\n@dataclass\nclass C(A):\n"
        "    m: int = 2\n    @classmethod\n    def of(cls, d):\n"
        "        return cls(**{k: v for k, v in d.items() if k in cls.__dataclass_fields__})",
        "[C.of({'m': 5, 'x': 6}).m, [one.name for one in fields(C)], len(fields(C.of({}))), [*A.__dataclass_fields__]]",
    ),
    ("it = map(int, '3-4-5'.split('-'))\na = next(it)\nb = next(it)", "[a, b, list(it), list(it)]"),
    ("it = (i * 2 for i in range(4))\na = next(it)\nb = next(it)", "b"),
    ("def g():\n    yield 1\n    yield 2\n    yield 3\nit = g()\na = next(it)", "[a, next(it), sum(it)]"),
    (
        "it = zip([1, 2], 'ab', strict=True)\nfor a, b in it: break\nr = reversed([1, 2, 3])",
        "[a, [*it], next(r), list(r)]",
    ),
    ("it = enumerate('abc')\nf = filter(None, [1, 0, 2])\na = next(it)", "[a, dict(it), next(f), next(f)]"),
    (
        "s = iter(range(7))\nz = list(zip(s, s))\nt = iter([0, 3, 4])",
        "[z, any(t), list(t), all(x < 9 for x in range(3))]",
    ),
    (
        "import itertools\nit = itertools.chain([1], [2, 3], [4, 5])\na = list(itertools.islice(it, 2))",
        "[a, next(it), [*it], list(itertools.pairwise(map(int, '123')))]",
    ),
    (
        "import numpy as np\nw = np.array([8, 16, 32]) * 2\nw += 1\nv = 2 ** np.arange(3) + [1, 2, 3]\n"
        "h = np.array([[1, 2], [3, 4.5]]) / 2\nfor one in np.arange(1, 2.5, 0.5): h = h + one",
        "[list(map(int, w)), len(w), (v // 2).tolist(), h.tolist(), (w[1:] * 2).tolist(), sum([*w]), int(w[0])]",
    ),
    (
        "import numpy as np\nd = [2, 3]\nrates = np.linspace(0, 0.2, sum(d))",
        "[rates.tolist(), np.cumsum(d).tolist(), int(np.sum(d)), np.array(d).max() + 1, np.array([1.5]).astype(int)[0],"
        " np.array(d, dtype=np.float32).tolist(), (np.array(d).copy() * 3).tolist(), np.mean(d) * 2, np.array(3) + 1,"
        " np.arange(5, 1, -2)[0], np.arange(start=1, stop=3).tolist(), np.linspace(0, 1, 4, endpoint=False).tolist()]",
    ),
    (
        "try:\n    import apex_of_nobody\n    FAST = True\nexcept ImportError: FAST = False\n"
        "try: from apex_of_nobody import Norm\nexcept:\n    class Norm: n = 3\n"
        "try: import json, os\nexcept ModuleNotFoundError: os = None\n"
        "def f():\n    try: from nobody.of import g\n    except (KeyError, ImportError): g = None\n    return g\n"
        "def h():\n    try:\n        import nobody\n        return 1\n    except ImportError as e:\n"
        "        n = [e, 2]\n        return n[1]\n    finally: done.append(3)\n    return 4\ndone = []",
        "[FAST, Norm.n, os is None, f(), h(), done]",
    ),
    (
        "from enum import Enum, auto\nclass Size(Enum):\n    SMALL = 4\n    BIG = 8\n    LARGE = 8\n    NEXT = auto()\n"
        "    @property\n    def twice(self): return self.value * 2\ns = Size.BIG",
        "[s.value, s.name, s is Size['BIG'], s is Size(8), Size.LARGE is s, Size.NEXT.value, s == Size.SMALL, s.twice,"
        " {Size.SMALL: 3}[Size(4)], isinstance(s, Size), s in (Size.BIG,)]",
    ),
    (
        "from enum import Enum\nclass Norm(Enum):\n    NONE = None\n    BATCH = (2, 3)\n"
        "    def __init__(self, *sizes): self.size = sizes[-1]",
        "[Norm.NONE is None, Norm.NONE.value, Norm.BATCH.size, Norm.NONE.size, Norm.BATCH.value, Norm['NONE'].name]",
    ),
    (
        'import json, os\nc = json.loads(\'{"act": "ReLU", "ch": [8, 4], "p": null}\')\n'
        "os.environ['A_OF_NOBODY'] = '1'",
        "[c, int(os.environ.get('N_OF_NOBODY', 5)), os.getenv('N_OF_NOBODY', '7')]",
    ),
    (
        "import functools\np = functools.partial(max, 3)",
        "[type(p) == functools.partial, type(p) is int, isinstance(p, functools.partial), p.func == max]",
    ),
    (
        "import re\nwide = re.compile(r'(\\w+)-b(\\d)')\nm = wide.match('net-b3')",
        "[re.split(r'(\\d.*)', 'se0.25'), m.group(2), m[1], m.groups(), wide.search('x') is None,"
        " re.sub('[_.]', '-', 'a_b'), [one.start() for one in re.finditer('a|b+', 'xbba')],"
        " re.findall(r'\\d+', 'r1_k3_s22'), wide.pattern, re.match(string='ab', pattern='(a|ab)b?').span(),"
        " re.findall('[[a]x|(b)', 'axbx') if re.sub('b*', '-', 'abc', count=2) else 0, re.fullmatch('a?', 'aa')]",
    ),
    (
        "from collections import namedtuple\nB = namedtuple('B', 'k s e')\n"
        "B.__new__.__defaults__ = (None,) * len(B._fields)\nb = B(k=3)._replace(s=2)",
        "[list(b), B._fields, B(1, e=5).e, b._asdict()]",
    ),
    (
        "import numpy as np\ne = np.eye(3).flatten().astype(np.float32)",
        "[e.tolist(), np.arange(6).reshape(2, -1).tolist(), np.zeros((2, 3)).tolist(),"
        " np.ones(2, dtype=int).ravel().tolist(), np.arange(6).reshape((3, 1, 2)).tolist(), np.identity(2).tolist()]",
    ),
    ("import math", "[math.prod([2, 3]), math.gcd(6, 4), math.sqrt(4), math.isqrt(17), math.log2(8)]"),
    (
        "def outer():\n    a = 1\n    def middle():\n        def inner():\n            nonlocal a\n            a += 1\n"
        "        inner()\n    middle()\n    return a",
        "outer()",
    ),
]


REFUSED = [
    *("x = {[1]: 2}", "x = -'a'", "x = [1] + 2", "x = len(3)", "x = int('a')", "x = 1 / 0", "x = f'{3:q}'"),
    *("x = [1, 2]\nx[5] = 1", "x = {}\ndel x['a']", "x, y = 1, 2, 3", "x = next(iter([]))", "x = [].nothing"),
    "def f():\n    assert 1 > 2, 'wrong'\nx = f()",
    "def f(a): return a\nx = f()",
    "def f(a): return a\nx = f(1, 2)",
    "def f(a): return a\nx = f(1, b=2)",
    "class A: pass\nx = A(1)",
    "class A: pass\nx = A().y",
    "x = undefined",
    "def f():\n    raise KeyError('a')\nx = f()",
    *("x = max([])", "x = getattr([], 3)", "x = ''.join([1])", "x = [1] < 2", "x = [] in {}", "x = not_there()"),
    *("x = eval('undefined')", "x = eval('1 +')", "x = [].popleft()", "import ast\nx = ast.literal_eval('a')"),
    "import contextlib\ndef f():\n    with contextlib.suppress(KeyError):\n        return [][0]\nx = f()",
    "from typing import NamedTuple\nclass P(NamedTuple):\n    a: int\nx = P(1, 2)",
    "from typing import NamedTuple\nclass P(NamedTuple):\n    a: int\nx = P()",
    "from collections import namedtuple\nx = namedtuple('P', 'a b')(1)",
    "x = globals()['nobody']",
    *(
        "from enum import Enum\nclass A(Enum): B = 1\nx = A(2)",
        "from enum import Enum\nclass A(Enum): B = 1\nx = A['C']",
    ),
    *("import re\nx = re.match('a', 'a').group(1)", "import numpy as np\nx = np.arange(6).reshape(4, 2)"),
    *("import numpy as np\nx = np.zeros((1,) * 99)", "import numpy as np\nx = np.ones(3).reshape((3,) + (1,) * 99)"),
    *("x = 'a' * 2.5", "x = '%d' % [1]", "x = '%d %d' % (1,)"),
]


@pytest.mark.parametrize(("source", "expression"), CASES)
def test_a_source_gives_what_python_gives(source: str, expression: str) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec(source, names)
    assert evaluated(source, expression) == eval(expression, names)


@pytest.mark.parametrize(
    "expression",
    [
        *("-u", "u < 3", "3 > u", "u == 3", "f'{u}'", "f'{3:{u}}'", "'{}'.format(u)", "max(u, 3)", "min([u, 1])"),
        *("isinstance(u, int)", "hasattr(u, 'n')", "u[0]", "u.n", "u(1)", "math.sqrt(u)", "A(1)", "abs(u)", "int(u)"),
        *("callable(u)", "eval('u')"),
        *("u in [1]", "u not in {}", "1 in [u]", "1 in u", "u is foo.b", "isinstance(C(), foo.C)"),
        *("'%d %.3f' % (3, u)", "'%(a)d' % {'a': u}", "'%d' % (int,)", "True and u"),
    ],
)
def test_what_depends_on_a_value_that_is_not_known_is_not_known(expression: str) -> None:
    source = "import foo\nimport math\nu = foo.a\nclass A(foo.B): pass\nclass C: pass\n"
    assert isinstance(evaluated(source, expression), UnknownValue)


def test_what_does_not_depend_on_it_is_known() -> None:
    source = "import foo\nu = foo.a\n"
    known = "[u is None, u is not u, u is foo.a, isinstance(3, foo.C), 1 in [u, 1], None in [u], [u] and 2]"
    assert evaluated(source, known) == [False, False, True, False, True, False, 2]


def test_only_what_a_value_depends_on_is_looked_at() -> None:
    source = "n = 3\nwhile True:\n    train(m)\nm = n + 1\nopen('x')\nn = undefined\nx = m\nm = 1 / 0\n"
    assert evaluated(source, "x") == 4
    assert evaluated(TRAIN, "x") == 7
    assert evaluated(LOOP, "net") == {"n": 3}


@pytest.mark.parametrize("source", REFUSED)
def test_what_python_raises_is_raised(source: str) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - whichever Python raises
        exec(source, {})
    with pytest.raises(RaisedError) as ours:
        evaluated(source, "x")
    assert ours.value.kind.name == type(theirs.value).__name__


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = {**[1]}", "[1] is not a dict"),
        ("x = (1, 2)\nx[0] = 1", "items of a tuple cannot be written"),
        ("def f(**k): return k\nx = f(**[1])", "[1] is not a dict"),
        ("class A: pass\nx = A + 1", "has the class A and 1, which is not supported"),
        ("def f(): pass\nx = f * 2", "has the function f and 2, which is not supported"),
        ("import math\nx = math + 1", "math"),
        ("class A:\n    def f(self): pass\nx = A().f + 1", "has a method of "),
        ("x = 1 in 3", "3 cannot be iterated over"),
        ("x = 2 ** 65 + 18446744073709551617", "a whole number of more than 64 bits"),
        ("class A: pass\nx = [one for one in A()]", "cannot be iterated over"),
        ("x = await_it if 0 else (yield)", "is not supported"),
        ("def f():\n    y = (1, 2)\n    del y[0]\nx = f()", "items of a tuple cannot be removed"),
        ("class A: pass\nx = A()(3)", "an object of A cannot be called"),
        ("x = int | [1]", "int | [1] has the type int and a list, which is not supported"),
        ("class A: pass\nx = A | 1", "has the class A and 1, which is not supported"),
        ("x = (int | None) + 1", "has a union of types and 1, which is not supported"),
        ("x = int & 1", "int & 1 has the type int and 1, which is not supported"),
        ("x = vars(3)", "vars(3) is not supported"),
        ("x = '{a.b}'.format(a=1)", "'{a.b}'.format(a=1) is not supported"),
        ("import math\nx = math.sqrt('a')", "math.sqrt('a') is not supported"),
        ("from functools import partial\nx = partial(max, 3)[0]", "a partial function has no items"),
        ("def f():\n    y = 3\n    y.z = 1\nx = f()", "3 has no attributes that can be set"),
        ("*x = [1, 2]", "a starred target has to be in a list or a tuple"),
        ("def f():\n    async with y: pass\nx = f()", "asyncwith statements are not supported"),
        (
            "class A:\n    def __setattr__(self, n, v): pass\ndef f():\n    A().n = 3\nx = f()",
            "A has its own __setattr__, which is not supported",
        ),
        ("try: import foo\nexcept ImportError: print('no foo')\nx = 1 if foo.a else 2", "foo.a is unknown here"),
        ("try: import foo\nexcept ImportError: foo = 1 / 0\nx = 1 if foo.a else 2", "foo.a is unknown here"),
        ("import os\nx = 1 if os.environ.get('N') else 2", "a variable of the environment is unknown here"),
        ("import os\nx = 1 if os.environ['N'] else 2", "a variable of the environment is unknown here"),
        ("import foo\nx = 1 if foo.a else 2", "whether foo.a holds is unknown: foo.a is unknown here"),
        ("import foo\nx = 1 if foo.a in (1, 2) else 2", "whether foo.a in (1, 2) holds is unknown: foo.a is"),
        ("import foo\nx = 1 if 3 in (1, foo.a) else 2", "whether 3 in (1, foo.a) holds is unknown: foo.a is"),
        ("import foo\nx = sorted([1, foo.a])", "foo.a is unknown here"),
        ("x = eval('n', {'n': 3})", "eval('n', {'n': 3}) is not supported"),
        ("a = [1]\neval('a.append(2)')\nx = eval('a.append(3)')", "eval('a.append(3)') is not supported"),
        ("x = eval('open')", "Python's open is not supported"),
        ("from collections import deque\nx = deque([1], maxlen=3)", "deque([1], maxlen=3) is not supported"),
        ("import numpy as np\nx = np.array([1, 2]) + np.array([1, 2, 3])", "has an array and an array, which is not"),
        (
            "import numpy as np\nx = np.array([[1, 2], [3, 4]]) * [1, 2]",
            "has an array and a list, which is not supported",
        ),
        ("import numpy as np\nx = np.array([1, 2]) == 1", "has an array and 1, which is not supported"),
        ("import re\nx = re.match('(a|a)*b', 'a' * 40)", "re.match('(a|a)*b', 'a' * 40) is not supported"),
        ("import re\nx = re.match('A', 'a', re.I)", "re.match('A', 'a', re.I) is not supported"),
        ("import re\nx = re.compile('A', flags=re.I)", "re.compile('A', flags=re.I) is not supported"),
        ("import re\nx = re.sub('A', 'b', 'a', flags=re.I)", "re.sub('A', 'b', 'a', flags=re.I) is not supported"),
        ("import re, foo\nx = re.match('a', 'a').group(foo.a)", "foo.a is unknown here"),
        (
            "from collections import namedtuple\nclass P(namedtuple('P', 'a')):\n"
            "    def __new__(cls, a): return super().__new__(cls, a * 2)\nx = P(3)",
            "P has its own __new__, which is not supported",
        ),
        ("import numpy as np\nx = np.eye(3, 4)", "np.eye(3, 4) is not supported"),
        ("import numpy as np\nx = np.sum([[1, 2]])", "np.sum([[1, 2]]) is not supported"),
        ("x = abs(iter([1]))", "abs(iter([1])) is not supported"),
        ("x = float(iter([1]))", "float(iter([1])) is not supported"),
        ("class A: pass\nmatch A():\n    case A(3): x = 1", "the pattern A(3) is not supported"),
        ("import foo\nmatch 3:\n    case foo.A(): x = 1", "foo.A is unknown here"),
        (
            "import torch.nn as nn\nx = nn.modules.module.register_module_forward_hook(print)",
            "a hook on all modules is not supported",
        ),
    ],
)
def test_what_makes_no_sense_is_an_error_with_its_line(source: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        evaluated(source, "x")
    assert message in str(raised.value)
    assert "net.py:" in str(raised.value)
