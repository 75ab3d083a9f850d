"""Products of several inputs: matmul, einsum, attention and multi-head attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod, sqrt
from typing import Any, ClassVar, NamedTuple

from ..axes import contract
from ..errors import ShapeError, shown
from ..sizes import UNKNOWN, Shape, Size, count, counted, known, show, total
from .base import KERNEL, Env, Fields, Layer, Sign, Trace, ops
from .conv import times
from .join import same, wide
from .keys import Reader, at_least, flag, number, text


def broadcast(*shapes: Shape, env: Env | None = None) -> Shape | None:
    """Return the shape of NumPy's broadcasting; None if the shapes are incompatible."""
    out: list[Size] = []
    for back in range(max(map(len, shapes), default=0), 0, -1):
        size = wide([shape[-back] for shape in shapes if len(shape) >= back], env)
        if size is None:
            return None
        out.append(size)
    return tuple(out)


class ManyInputs(Layer):
    """The base of products of several inputs."""

    VIEW = False
    LINEAR = False
    SIGN = Sign.KEPT
    JOINS = True
    BARE: ClassVar[str | None] = "from"
    MAKES_AXES = True
    MULTIPLIES = True

    def check_inputs(self, xs: Sequence[Shape], least: int, most: int) -> None:
        """Raise ShapeError unless there are `least` to `most` inputs."""
        if not least <= len(xs) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            help = "name them, for example from=a+b" if len(xs) < least else "name fewer layers"
            raise ShapeError(f"{self.op} reads {wanted} inputs, got {len(xs)}", help, key="from")


class MatMul(ManyInputs):
    """Matrix product of two inputs by NumPy's rules, sample by sample: (…, m, k) by (…, k, n)."""

    WORD = "matmul"
    EXAMPLE = "relu:name=a permute:1x3x2,name=b OP:from=a+b"

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        self.check_inputs(xs, 2, 2)
        a, b = xs
        if not a or not b:
            raise ShapeError("matmul works on matrices and vectors, but gets a single number per sample", key="from")
        rows = b[-2:][0]
        inner = same([a[-1], rows], env)
        if inner is None:
            raise self.unequal(xs, f"the first has {a[-1]} columns, but the second {rows} rows")
        lead = broadcast(a[:-2], b[:-2], env=env)
        if lead is None:
            why = f"the sizes before the last two differ, {show(a[:-2])} and {show(b[:-2])}, and neither is 1"
            raise self.unequal(xs, why)
        out = (*lead, *a[:-1][-1:], *(b[-1:] if len(b) > 1 else ()))
        front, of_a, of_b = range(-max(len(a), len(b)), -2), (-2,) * (len(a) > 1), (-1,) * (len(b) > 1)
        labels = [
            (*front[len(front) + 2 - len(a) :], *of_a, 0) if of_a else (0,),
            (*front[len(front) + 2 - len(b) :], 0, *of_b) if of_b else (0,),
        ]
        return Trace({}, out, contract(fields, xs, labels, (*front, *of_a, *of_b)), macs=count(*out, inner))

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"MACs: values*k = {times(*traced.out, x[-1])} = {counted(traced.macs)}"]


Label = int
"""An axis of an einsum: 0 is the batch, negative numbers are axes of `...`, others are letters."""


class Subscripts(NamedTuple):
    """An einsum's axes as labels, without the batch."""

    operands: tuple[tuple[Label, ...], ...]
    out: tuple[Label, ...]


def complete(equation: str) -> str:
    """Return an equation without spaces and with its output, which defaults to NumPy's rule.

    Raise ShapeError for an invalid equation.
    """
    inputs, arrow, out = equation.replace(" ", "").partition("->")
    for term in [*inputs.split(","), out]:
        letters = term.replace("...", "", 1)
        if letters and not (letters.isascii() and letters.isalpha()):
            what, help = (
                f"{shown(equation)} is not an equation",
                ("give letters for the axes of each sample, such as ij,jk->ik"),
            )
            raise ShapeError(what, help, key="equation")
    if not arrow:
        alone = sorted({c for c in inputs if c.isalpha() and inputs.count(c) == 1})
        out = "..." * ("..." in inputs) + "".join(alone)
    letters = out.replace("...", "")
    unknown = sorted(set(letters) - set(inputs)) + ["..."] * ("..." in out and "..." not in inputs)
    if unknown:
        raise ShapeError(
            f"{shown(equation)}: no input has {unknown[0]}", "an output has only axes of the inputs", key="equation"
        )
    if len(set(letters)) < len(letters):
        what = f"{shown(equation)} names an axis of its output twice"
        raise ShapeError(what, "give each letter once after ->", key="equation")
    return f"{inputs}->{out}"


def subscripts(equation: str, ranks: Sequence[int]) -> Subscripts:
    """Return the labels of an equation for operands of these ranks, which must fit; `...` stands for the other axes."""
    inputs, _, out = equation.partition("->")
    terms = inputs.split(",")
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True) if "..." in term]

    def labels(term: str, width: int) -> tuple[Label, ...]:
        before, dots, after = term.partition("...")
        return (*map(ord, before), *(range(-width, 0) if dots else ()), *map(ord, after))

    operands = [labels(term, rank - len(term.replace("...", ""))) for term, rank in zip(terms, ranks, strict=True)]
    return Subscripts(tuple(operands), labels(out, max(widths, default=0)))


class Einsum(ManyInputs):
    """Sum of products over the axes that an equation names (Einstein's convention), the batch left out."""

    WORD = "einsum"
    EXAMPLE = 'relu:name=a tanh:name=b OP:equation="cij,cik->cjk",from=a+b'
    KEYS = {"equation": text}
    HELP = {"equation": "A letter for each axis of a sample, those of the output after ->; ... means all other axes."}
    NEEDED = ("equation",)
    equation: str

    @property
    def is_linear(self) -> bool:
        return "," not in self.equation

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        equation = complete(self.equation)
        terms = equation.partition("->")[0].split(",")
        self.check_inputs(xs, len(terms), len(terms))
        for term, x in zip(terms, xs, strict=True):
            letters = len(term.replace("...", ""))
            if letters > len(x) or (letters < len(x) and "..." not in term):
                raise ShapeError(f"{term or 'nothing'} does not name the axes of {show(x)}", key="equation")
        labels = subscripts(equation, [len(x) for x in xs])
        sizes: dict[Label, Size] = {}
        for label, met in self._met(labels, xs).items():
            size = wide(met, env)
            if size is None:
                name = chr(label) if label > 0 else "..."
                raise self.unequal(xs, f"{' and '.join(str(n) for n in met)} differ, but both are {name} in {equation}")
            sizes[label] = size
        out = tuple([sizes[label] for label in labels.out])
        macs = total([0, *[count(*[sizes[one] for one in step.all]) for step in steps(labels) if step.contracts]])
        seen = contract(fields, xs, labels.operands, labels.out)
        return Trace({"equation": equation}, out, seen, macs=macs)

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"MACs: the product of all sizes of two inputs, where axes are summed = {counted(traced.macs)}"]

    def _met(self, labels: Subscripts, xs: Sequence[Shape]) -> dict[Label, list[Size]]:
        """Return the sizes of each axis in the operands."""
        met: dict[Label, list[Size]] = {}
        for operand, x in zip(labels.operands, xs, strict=True):
            for label, size in zip(operand, x, strict=True):
                met.setdefault(label, []).append(size)
        return met


class Step(NamedTuple):
    """The product of an einsum's intermediate result and its next operand."""

    all: tuple[Label, ...]
    """The axes of both, without those summed within one of them."""
    kept: tuple[Label, ...]
    """The axes of the result: those that are needed later."""

    @property
    def contracts(self) -> bool:
        """Return whether it sums products; otherwise it multiplies value by value."""
        return len(self.kept) < len(self.all)


def steps(labels: Subscripts) -> list[Step]:
    """Return the steps of an einsum: two operands at a time from left to right, as in PyTorch."""
    done, found = labels.operands[0], []
    for at, operand in enumerate(labels.operands[1:], 1):
        later = {*labels.out, *chain(*labels.operands[at + 1 :])}
        both = tuple(
            [one for one in dict.fromkeys((*done, *operand)) if one in later or (one in done and one in operand)]
        )
        done = tuple([one for one in both if one in later])
        found.append(Step(both, done))
    return found


class Attends(ManyInputs):
    """The base of attention: queries, keys and values, and a mask that is added to the scores.

    One input is all three; the second of two is keys and values.
    """

    STEPS = True
    PROJECTS: ClassVar[bool] = False
    """Whether each output feature depends on all features of the values."""
    KEYS: ClassVar[Mapping[str, Reader]] = {"causal": flag}
    HELP: ClassVar[Mapping[str, str]] = {"causal": "Whether a position sees only those up to its own."}
    causal: bool = False

    @property
    def overstates(self) -> str | None:
        return "a position does not see those after it" if self.causal else None

    def sources(self, xs: Sequence[Shape]) -> tuple[Shape, Shape, Shape]:
        """Return the shapes of queries, keys and values, from one, two or three inputs (a fourth is the mask)."""
        self.check_inputs(xs, 1, 4)
        keys = xs[min(1, len(xs) - 1)]
        return xs[0], keys, xs[2] if len(xs) > 2 else keys

    def meet(self, xs: Sequence[Shape], q: Shape, k: Shape, v: Shape, env: Env) -> Shape:
        """Return the shape of the scores: leading axes, queries, keys.

        Raise ShapeError if the inputs do not fit together.
        """
        for x in (q, k, v):
            if len(x) < 2:
                raise ShapeError(f"{self.op} works on positions and features, but gets {show(x)}", key="from")
        keys, lead = same([k[-2], v[-2]], env), broadcast(q[:-2], k[:-2], v[:-2], env=env)
        if keys is None:
            raise self.unequal(xs, f"there are {k[-2]} keys, but {v[-2]} values")
        if lead is None:
            raise self.unequal(xs, "the sizes before the last two differ, and none is 1")
        return (*lead, q[-2], keys)

    def see(self, xs: Sequence[Shape], fields: Sequence[Fields]) -> Fields:
        """Return the fields of queries that see the values of all positions; how they see a mask is unknown."""
        for mask in fields[3:]:
            if mask.of:
                return mask.lost(max(map(len, xs[:3])))
        shapes = self.sources(xs)
        paths = (fields[0], fields[min(1, len(xs) - 1)], fields[2 if len(xs) > 2 else len(xs) - 1])
        if self.PROJECTS:
            ends = [len(shape) - 1 for shape in shapes]
            query, key, value = [path.whole([end], x) for path, end, x in zip(paths, ends, shapes, strict=True)]
            paths = (query, key, value)
        front = [tuple(range(-len(shape), -2)) for shape in shapes]
        q, k, v = [(*lead, role, feature) for lead, role, feature in zip(front, "qss", "eef", strict=True)]
        out = max(front, key=len)
        return contract(paths, shapes, (q, k, v), (*out, "q", "f"))

    def check_mask(self, xs: Sequence[Shape], scores: Shape, mask: Shape, env: Env) -> None:
        """Raise ShapeError unless a mask can be broadcast to the shape of the scores."""
        met = broadcast(scores, mask, env=env)
        if (
            met is None
            or len(met) > len(scores)
            or any(same([m, n], env) is None for m, n in zip(met, scores, strict=True))
        ):
            raise self.unequal(xs, f"the mask {show(mask)} does not fit scores of {show(scores)}")


class Attention(Attends):
    """Scaled dot-product attention: softmax(q k^T * scale + mask) v over the positions of a sample."""

    WORD = "attention"
    REFUSED = {"onnx_read": "reads as matmul and softmax"}
    EXAMPLE = "relu:name=q tanh:name=k OP:from=q+k+k"
    KEYS: ClassVar[Mapping[str, Reader]] = {"scale": number, **Attends.KEYS}
    HELP = {**Attends.HELP, "scale": "The factor of the scores, by default 1/sqrt(E) for queries of E features."}
    scale: float | None = None

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        q, k, v = self.sources(xs)
        scores = self.meet(xs, q, k, v, env)
        features = same([q[-1], k[-1]], env)
        if features is None:
            raise self.unequal(xs, f"queries have {q[-1]} features, but keys {k[-1]}")
        for mask in xs[3:]:
            self.check_mask(xs, scores, mask, env)
        size = known(features)
        scale = self.scale if self.scale is not None else None if size is None else 1 / sqrt(size)
        macs = total([count(*scores, features), count(*scores, v[-1])])
        values = {"scale": scale, "causal": self.causal}
        return Trace(values, (*scores[:-1], v[-1]), self.see(xs, fields), macs=macs)

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"MACs: queries*keys*(features of keys + features of values) = {counted(traced.macs)}"]


class MultiHead(Attends):
    """Multi-head attention: projections of queries, keys and values, attention in each head, a projection of all."""

    WORD = "multihead"
    ALSO = ("mha",)
    REFUSED = {"onnx_read": "reads as linear, matmul and softmax"}
    EXAMPLE = "OP:4"
    PROJECTS = True
    SIGN = Sign.ANY
    WEIGHTS = {
        **{f"{part}_weight": KERNEL for part in ("query", "key", "value", "output")},
        **{f"{part}_bias": 0.0 for part in ("query", "key", "value", "output")},
    }
    KEYS: ClassVar[Mapping[str, Reader]] = {
        **dict.fromkeys(("heads", "key_dim", "value_dim", "out", "c_i", "kdim", "vdim"), at_least(1)),
        "bias": flag,
        **Attends.KEYS,
    }
    HELP = {
        **Attends.HELP,
        "heads": "The number of heads.",
        "key_dim": "The features of queries and keys in each head, by default those of the queries divided by heads.",
        "value_dim": "The features of values in each head, by default key_dim.",
        "out": "The number of output features, by default those of the queries.",
        "c_i": "The number of features of the queries; may be left out.",
        "kdim": "The number of features of the keys; may be left out.",
        "vdim": "The number of features of the values; may be left out.",
        "bias": "Whether the projections have biases.",
    }
    BARE = "heads"
    NEEDED = ("heads",)
    DERIVED = ("key_dim", "value_dim", "out")
    heads: int
    key_dim: int | None = None
    value_dim: int | None = None
    out: int | None = None
    c_i: int | None = None
    kdim: int | None = None
    vdim: int | None = None
    bias: bool = True

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        q, k, v = self.sources(xs)
        scores = self.meet(xs, q, k, v, env)
        for key, x, what in (("c_i", q, "queries"), ("kdim", k, "keys"), ("vdim", v, "values")):
            declared = self.__dict__.get(key)
            if declared is not None and not isinstance(x[-1], int):
                env.require((x[-1], "=", declared))
            elif declared not in (None, x[-1]):
                raise ShapeError(f"expects {declared} features of {what}, gets {x[-1]}", f"remove {key}", key=key)
        for mask in xs[3:]:
            self.check_mask(xs, (*scores[:-2], self.heads, *scores[-2:]), mask, env)
        key_dim = self.key_dim or self._shared(q[-1], env)
        value_dim, out = self.value_dim or key_dim, self.out or known(q[-1])
        values = {
            "heads": self.heads,
            "key_dim": key_dim,
            "value_dim": value_dim,
            "out": out,
            "c_i": known(q[-1]) or self.c_i,
            "kdim": known(k[-1]) or self.kdim,
            "vdim": known(v[-1]) or self.vdim,
            "bias": self.bias,
            "causal": self.causal,
        }
        h, end = self.heads, q[-1] if out is None else out
        macs = total(
            [
                *[count(*q, h, key_dim), count(*k, h, key_dim), count(*v, h, value_dim)],
                *[count(*scores, h, key_dim), count(*scores, h, value_dim)],
                count(*scores[:-1], h, value_dim, end),
            ]
        )
        return Trace(values, (*scores[:-1], end), self.see(xs, fields), *self.counts(q, values, env), macs)

    def _shared(self, features: Size, env: Env) -> int | None:
        """Return the features per head. Raise ShapeError if they cannot be divided among the heads."""
        whole = known(features)
        if whole is None:
            env.require((features, "|", self.heads))
        elif whole % self.heads:
            help = "give key_dim, the features of each head"
            raise ShapeError(f"heads={self.heads} does not divide {whole} features", help, key="heads")
        return None if whole is None else whole // self.heads

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = {key: UNKNOWN if values[key] is None else values[key] for key in self.KEYS}
        h, shapes = self.heads, dict[str, Shape]()
        for part, features, width in (
            ("query", "c_i", "key_dim"),
            ("key", "kdim", "key_dim"),
            ("value", "vdim", "value_dim"),
        ):
            each = (h, size[width]) if env.channels_last else (h * size[width],)
            shapes[f"{part}_weight"] = (size[features], *each) if env.channels_last else (*each, size[features])
            shapes[f"{part}_bias"] = each
        each = (h, size["value_dim"]) if env.channels_last else (h * size["value_dim"],)
        shapes["output_weight"] = (*each, size["out"]) if env.channels_last else (size["out"], *each)
        shapes["output_bias"] = (size["out"],)
        return {role: shape for role, shape in shapes.items() if self.bias or role.endswith("weight")}

    def fan_in(self, role: str, shape: tuple[int, ...], values: Mapping[str, Any], env: Env) -> int:
        last = shape[:-1] if role == "output_weight" else shape[:1]
        return prod(last) if env.channels_last else shape[1]

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        v, h = traced.values, self.heads
        ends = [("c_i", "key_dim"), ("kdim", "key_dim"), ("vdim", "value_dim"), ("out", "value_dim")]
        each = " + ".join(times(*[UNKNOWN if n is None else n for n in (v[one], h, v[width])]) for one, width in ends)
        return [
            f"weights: features*heads*width of queries, keys, values and output: {each} = {counted(traced.weights)}",
            f"MACs: the projections, and queries*keys*(key_dim + value_dim) in each head = {counted(traced.macs)}",
        ]


OPS = ops(MatMul, Einsum, Attention, MultiHead)
