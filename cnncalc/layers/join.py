"""Layers that join paths: operations on several inputs value by value, where and concat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any, ClassVar

from ..axes import join as join_fields
from ..errors import ShapeError
from ..floors import larger
from ..sizes import Open, Shape, Size, known
from . import reduce
from .activation import Identity
from .base import Env, Fields, Layer, Need, Sign, Trace, axis_of, ops
from .keys import Reader, axis, number, one_of


class Join(Layer):
    """The base of layers with several inputs."""

    VIEW = False
    SIGN = Sign.KEPT
    JOINS = True
    BARE = "from"
    EXAMPLE = "relu:name=a tanh:name=b OP:from=a+b"

    def surrogate(self, inputs: int) -> Layer:
        return super().surrogate(inputs) or Add(Add.WORD, None, {})

    def check_several(self, xs: Sequence[Shape], also: str = "") -> None:
        """Raise ShapeError unless there are several inputs; `also` is further help."""
        if len(xs) < 2:
            what = f"{self.op} needs at least two inputs, got one"
            raise ShapeError(what, f"name them, for example from=a+b{also}", key="from")

    def broadcast(self, xs: Sequence[Shape], fields: Sequence[Fields], values: dict[str, Any], env: Env) -> Trace:
        """Trace inputs that meet value by value, with NumPy's broadcasting: last axes aligned, sizes of 1 repeated."""
        rank = max(map(len, xs))
        out: list[Size] = []
        for sizes in zip(*[(*(1,) * (rank - len(x)), *x) for x in xs], strict=True):
            size = wide(sizes, env)
            if size is None:
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ, and neither is 1")
            out.append(size)
        return Trace(values, tuple(out), join_fields(fields, xs, tuple(out)))


def same(sizes: Sequence[Size], env: Env | None = None) -> Size | None:
    """Return the common size, the known one if some are open; None if two certainly differ.

    The equality of open sizes is recorded in `env` as a requirement.
    """
    first: Size = sizes[0]
    for size in dict.fromkeys(sizes[1:]):
        if isinstance(first, int) and isinstance(size, int):
            if first != size:
                return None
            continue
        if env is not None and first != size:
            env.require((first, "=", size))
        if isinstance(size, int) or (isinstance(first, Open) and size.length < first.length):
            first = size
    return first


def wide(sizes: Sequence[Size], env: Env | None = None) -> Size | None:
    """Return the size to which sizes of 1 are repeated; None if two others certainly differ.

    That open sizes are equal, or one of them 1, is recorded in `env` as a requirement.
    """
    first, *others = [n for n in dict.fromkeys(sizes) if n != 1] or sizes
    for size in others:
        if isinstance(first, int) and isinstance(size, int):
            if first != size:
                return None
        elif first != size:
            ones: list[Need] = [(n, "=", 1) for n in (first, size) if not isinstance(n, int)]
            if env is not None:
                env.require((first, "=", size), *ones)
            first = _repeated(first, size)
    return first


def _repeated(a: Size, b: Size) -> Size:
    """Return the larger of two sizes that are equal, or of which one is 1 and repeated."""
    if isinstance(a, int) or isinstance(b, int):
        return a if isinstance(a, int) else b
    if a.is_unknown or b.is_unknown:
        return b if a.is_unknown else a
    if a.letters != b.letters:  # either may be 1, independently of the other
        return larger(a, b)
    from ..conditions import where

    for one, other in sorted(
        [(a, b), (b, a)], key=lambda pair: pair[0].length
    ):  # the one that is not 1 whenever the other is more
        alone, more = where(one, "=", 1), where(other, ">=", 2)
        with suppress(OverflowError):
            if alone is not None and more is not None and not alone & more:
                return one
    return larger(a, b)


class Elementwise(Join):
    """The base of value-by-value operations on several inputs, or on one input and a number."""

    PAIRS: ClassVar[bool] = False
    """Whether it takes exactly two operands."""
    KEYS: ClassVar[Mapping[str, Reader]] = {"value": number}
    HELP: ClassVar[Mapping[str, str]] = {"value": "The second operand, a number, of a layer with one input."}
    value: float | None = None

    def surrogate(self, inputs: int) -> Layer:
        return Add(Add.WORD, None, {}) if self.value is None else Identity(Identity.WORD, None, {})

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        if self.value is None:
            self.check_several(xs, ", or give a value")
        elif len(xs) > 1:
            raise ShapeError(f"{self.op} takes either several inputs or one and a value", key="value")
        if self.PAIRS and len(xs) > 2:
            raise ShapeError(f"{self.op} has two operands, got {len(xs)}", "name two layers", key="from")
        return self.broadcast(xs, fields, self.values(env), env)

    def values(self, env: Env) -> dict[str, Any]:
        return {key: value for key, value in super().values(env).items() if value is not None}


def kept_if(condition: bool) -> Sign:
    """Return `Sign.KEPT` if a condition holds, otherwise that nothing is known."""
    return Sign.KEPT if condition else Sign.ANY


class Add(Elementwise):
    """Sum of inputs, value by value with NumPy's broadcasting, or of one input and `value`."""

    WORD = "add"
    LINEAR = True
    ADDED = {"value": 0}

    def surrogate(self, inputs: int) -> Layer:
        return self

    @property
    def sign(self) -> Sign:
        return kept_if((self.value or 0) >= 0)


class Sub(Elementwise):
    """Difference of two inputs, value by value, or of one and `value`."""

    WORD = "sub"
    LINEAR = True
    SIGN = Sign.ANY
    ADDED = {"value": 0}
    PAIRS = True


class Mul(Elementwise):
    """Product of inputs, value by value, or of one and `value`; a size of 1 is repeated, as a gate needs."""

    WORD = "mul"
    LINEAR = False

    @property
    def is_linear(self) -> bool:
        return self.value is not None

    @property
    def sign(self) -> Sign:
        return kept_if((self.value or 0) >= 0)


class Div(Elementwise):
    """Quotient of two inputs, value by value, or of one and `value`."""

    WORD = "div"
    LINEAR = False
    PAIRS = True

    @property
    def is_linear(self) -> bool:
        return bool(self.value)

    @property
    def sign(self) -> Sign:
        return kept_if(self.value is None or self.value > 0)


class Pow(Elementwise):
    """Power: the first input to the power of the second, value by value, or to that of `value`."""

    WORD = "pow"
    LINEAR = False
    PAIRS = True

    @property
    def is_linear(self) -> bool:
        return self.value == 1

    @property
    def sign(self) -> Sign:
        return Sign.NOT_NEGATIVE if self.value is not None and self.value % 2 == 0 else Sign.KEPT


class Extreme(Elementwise):
    """The base of min and max, which reduce a single input without `value` over the axes of `axis`."""

    LINEAR = False
    KEYS: ClassVar[Mapping[str, Reader]] = {**Elementwise.KEYS, **reduce.KEYS}
    HELP: ClassVar[Mapping[str, str]] = {**Elementwise.HELP, **reduce.HELP}
    axis: tuple[int, ...] | None = None
    keepdims: bool = False

    def surrogate(self, inputs: int) -> Layer:
        if inputs == 1 and self.value is None:
            return reduce.Total(reduce.Total.WORD, None, self.given)
        return super().surrogate(inputs)

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        if len(xs) == 1 and self.value is None:
            return reduce.reduced(self.axis, self.keepdims, xs[0], fields[0])
        for key in reduce.KEYS:
            if key in self.given:
                raise ShapeError(f"{self.op} over axes has one input and no value", f"leave {key} out", key=key)
        return super().trace_all(xs, fields, env)

    def values(self, env: Env) -> dict[str, Any]:
        return {} if self.value is None else {"value": self.value}


class Min(Extreme):
    """Minimum of inputs, value by value, or of one and `value`; of one input alone, over the axes of `axis`."""

    WORD = "min"

    @property
    def sign(self) -> Sign:
        return kept_if((self.value or 0) >= 0)


class Max(Extreme):
    """Maximum of inputs, value by value, or of one and `value`; of one input alone, over the axes of `axis`."""

    WORD = "max"

    @property
    def sign(self) -> Sign:
        return Sign.KEPT if self.value is None or self.value < 0 else Sign.NOT_NEGATIVE


class Compare(Elementwise):
    """Comparison of two inputs, value by value, or of one and `value`: 1 where it holds, else 0."""

    WORD = "compare"
    LINEAR = False
    SIGN = Sign.NOT_NEGATIVE
    PAIRS = True
    KEYS: ClassVar[Mapping[str, Reader]] = {"by": one_of("gt", "ge", "lt", "le", "eq", "ne"), **Elementwise.KEYS}
    HELP: ClassVar[Mapping[str, str]] = {
        "by": "The comparison: greater, greater or equal, less, less or equal, equal, not equal.",
        **Elementwise.HELP,
    }
    NEEDED = ("by",)
    EXAMPLE = "OP:by=gt,value=0"
    by: str


class Choice(Join):
    """Choice, value by value: the second of three inputs where the first is not 0, else the third."""

    WORD = "where"
    LINEAR = False
    SIGN = Sign.KEPT
    EXAMPLE = "relu:name=a tanh:name=b OP:from=input+a+b"

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        if len(xs) != 3:
            raise ShapeError(
                f"where has three inputs, got {len(xs)}", ("name them, for example from=condition+a+b"), key="from"
            )
        return self.broadcast(xs, fields, {}, env)


class Concat(Join):
    """Concatenation along an axis, by default that of the channels."""

    WORD = "concat"
    LINEAR = True
    KEYS = {"axis": axis}
    HELP = {"axis": "The axis along which the inputs are joined: the batch is 0, by default the channels'."}
    DERIVED = ("axis",)
    ALSO = ("cat",)
    ALIASES = {"dim": "axis"}
    axis: int | None = None

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        self.check_several(xs)
        if len({len(x) for x in xs}) > 1:
            raise self.unequal(xs, "the numbers of axes differ")
        wanted = self.axis if self.axis is not None else len(xs[0]) if env.channels_last else 1
        along = axis_of(wanted, xs[0])
        out: list[Size] = []
        for at, sizes in enumerate(zip(*xs, strict=True), 1):
            size = sum(sizes) if at == along else same(sizes, env)
            if size is None:
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ outside axis {wanted}")
            out.append(size)
        before = accumulate([known(x[along - 1]) or 0 for x in xs[:-1]], initial=0)
        paths = [path.prepend(along - 1, n) for path, n in zip(fields, before, strict=True)]
        seen = join_fields(paths, [tuple(out)] * len(xs), tuple(out))  # a size of 1 is not repeated
        return Trace({"axis": wanted}, tuple(out), seen, axes=(along,))


OPS = ops(Add, Sub, Mul, Div, Pow, Min, Max, Compare, Choice, Concat)
