"""Pools: sliding (max, average, Lp), global and adaptive. Each channel is pooled separately: c_o = c_i."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import ShapeError
from ..field import POOLED, Field
from ..sizes import Open, Shape, Size, known
from ..window import extent
from .base import ENDS, Env, Fields, Layer, Sign, StepKind, Trace, by_axis, join, ops, space_of
from .conv import OUT_HELP, OUT_KEY, WINDOW_KEYS
from .keys import KEEP, Axes, Reader, Sides, divisor, flag, rounding, spread, spread_sides, wanted_sizes
from .pixels import empty_window, over_pixels, stepped_over
from .sliding import Slide, Windowed, check_fits, explain_slides, pad_for, place, sides_of

LIMITS: dict[str, tuple[str, Callable[[int], int]]] = {
    "half": ("k//2", lambda k: k // 2),
    "kernel": ("k - 1", lambda k: k - 1),
}
"""The most padding per side that a dialect's `pool_limit` allows: as text, and for a kernel of k taps."""


class Pool(Windowed):
    """The base of sliding pools: a window that by default moves by its own size (in ONNX and Caffe: by 1)."""

    SIGN = Sign.KEPT
    KEYS: ClassVar[dict[str, Reader]] = {**WINDOW_KEYS, "ceil": rounding, **OUT_KEY}
    HELP: ClassVar[dict[str, str]] = {
        **OUT_HELP,
        "k": "The window's size: one number, or one per axis.",
        "s": "The stride: one number, or one per axis; the window's own size by default.",
        "ceil": (
            "Whether to round the size up; keep also retains a last window that starts in the padding after the input."
        ),
    }
    BARE = "k"
    EXAMPLE = "OP:3,s2"
    NEEDED = ("k",)
    DIALECT_WORDS = "pool_words"
    AVERAGES: ClassVar[bool] = True
    """Whether it computes a mean of each window rather than a maximum."""
    s: Axes | None = None
    ceil: bool | str | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        slides, values, out = env.once(self, x, self.measured)
        seen = fields.each(space_of(x, env), slides, lambda field, slide: slide.see(field))
        return Trace(values, out, seen)

    def measured(self, x: Shape, env: Env) -> tuple[list[Slide], dict[str, Any], Shape]:
        """Return what follows from the input shape: the windows, the resolved keys, the output shape."""
        c, space = self.split(x, env)
        slides, window = self.slides(space, env)
        return slides, {**window, **self.more_values(env)}, join(c, tuple([s.out for s in slides]), env)

    def rounding(self, p: Sides, nd: int, env: Env) -> bool | str:
        """Return whether sizes are rounded up, or KEEP to keep every window: the layer's setting, or the dialect's."""
        ceil = env.dialect.pool_rounds_up if self.ceil is None else self.ceil
        bare = not isinstance(p, str) and not any(map(any, spread_sides(p, nd)))
        return KEEP if ceil and bare and env.dialect.bare_pool_keeps_last else ceil

    def placed(self, space: Shape, env: Env) -> list[Slide]:
        return self.slides(space, env)[0]

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], dict[str, Any]]:
        """Return the window on each axis, and the resolved k, s, p, d."""
        nd = len(space)
        k, d = spread(self.k, nd), spread(self.d, nd)
        default = k if env.dialect.pool_stride is None else (env.dialect.pool_stride,) * nd
        s = default if self.s is None else spread(self.s, nd)
        self.check_keys(d, env)
        wanted = self.wanted(nd)
        p: Sides | None = None if self.works_out_padding else self.padding(nd, env)
        ceil = self.rounding(p or 0, nd, env)
        if p is None and ceil != self.rounding(1, nd, env):
            slides, ceil = self.kept_if_bare(space, k, s, d, env)
        else:
            slides = place(space, k, s, d, p, bool(ceil), ceil == KEEP, wanted)
        if p is None and env.dialect.pool_limit == "pixel":
            slides = [over_pixels(slide, ceil == KEEP) for slide in slides]
        self.check_padding(slides, env)
        if self.needs_bare_fit(nd, env):
            check_bare(slides, self.op, env)
        check_fits(slides, self.p_total is not None, env, lambda slide: self.most_padding(slide, env), wanted)
        if env.dialect.pool_limit == "pixel":
            self.check_pixels(slides, env, ceil == KEEP)
        keys = {"k": k, "s": s, "p": sides_of(slides, p), "d": d, "ceil": ceil}
        return slides, keys if wanted is None else {**keys, "out": wanted}

    def kept_if_bare(
        self, space: Shape, k: tuple[int, ...], s: tuple[int, ...], d: tuple[int, ...], env: Env
    ) -> tuple[list[Slide], bool | str]:
        """Return the windows for the wanted sizes if padding changes the rounding, and how they are rounded."""
        wanted = self.wanted(len(space)) or ()
        refused = None
        try:
            slides = place(space, k, s, d, None, True, True, wanted)
            if not any(slide.pb or slide.pa for slide in slides):
                return slides, KEEP
        except ShapeError as error:
            refused = error
        try:
            slides = place(space, k, s, d, None, True, False, wanted)
            is_bare = not any(slide.pb or slide.pa for slide in slides)
            return self.padded(slides, env) if is_bare else slides, True
        except ShapeError as error:
            raise refused or error from None

    def padded(self, slides: list[Slide], env: Env) -> list[Slide]:
        """Return the windows with padding that changes no size, on all axes or on one.

        Raise ShapeError if there is none.
        """
        every, refused = range(len(slides)), []
        for axes in (every, *[(axis,) for axis in every]):
            padded = list(slides)
            try:
                for axis in axes:
                    n, k, s, *_, out = slides[axis][:6]
                    assert isinstance(out, int)
                    pb, pa = pad_for(n, out, k, s, True, False, slides[axis].axis, low=1)
                    padded[axis] = slides[axis]._replace(pb=pb, pa=pa)
                self.check_padding(padded, env)
            except ShapeError as error:
                refused.append(error)
            else:
                return padded
        raise refused[0]

    def most_per_side(self, taps: int, env: Env) -> int | None:
        return LIMITS[env.dialect.pool_limit][1](taps) if env.dialect.pool_limit in LIMITS else None

    def most_padding(self, slide: Slide, env: Env) -> int | None:
        """Return the largest padding per side that can be advised; None for any."""
        small = isinstance(slide.n, int) and slide.n < slide.d  # a kernel may step over the input with any padding
        return 0 if small and env.dialect.pool_limit == "pixel" else self.most_per_side(slide.taps, env)

    def dilates(self, env: Env) -> bool:
        return env.dialect.avg_dilation if self.AVERAGES else env.dialect.max_dilation

    def needs_bare_fit(self, nd: int, env: Env) -> bool:
        """Return whether the window must fit the input without padding."""
        return nd == 3 and self.AVERAGES and env.dialect.avg3d_fits_bare

    def check_keys(self, d: tuple[int, ...], env: Env) -> None:
        """Raise ShapeError for keys that the dialect's pools do not have."""
        dialect = env.dialect
        if self.ceil and not dialect.pool_ceil:
            raise ShapeError(f"{dialect.title}'s pools always round down", "leave ceil out", key="ceil")
        if max(d) > 1 and not self.dilates(env):
            raise ShapeError(f"{dialect.title}'s {self.op} has no dilation", "leave d out", key="d")

    def check_pixels(self, slides: list[Slide], env: Env, kept: bool) -> None:
        """Raise ShapeError for a window without an input pixel: its maximum and its average are undefined.

        `kept` says whether rounding up keeps every window.
        """
        for slide in slides:
            if isinstance(slide.n, Open) and slide.pb is not None and slide.pb < slide.k:
                if kept or (slide.pa or 0) >= slide.k:  # the last window may start after the input
                    env.require((slide.n, ">=", (slide.out - 1) * slide.s - slide.pb + 1))
                for n in stepped_over(slide, kept):
                    env.require((slide.n, "!=", n))
                continue
            unit = empty_window(slide)
            if unit is not None:
                assert slide.pb is not None
                pb = slide.pb
                first = unit * slide.s - pb
                steps = f" in steps of {slide.d}" if slide.d > 1 else ""
                if isinstance(slide.n, int) and slide.n < slide.d:
                    help = self.less_dilation(slide, kept)
                elif max(slide.sides) < slide.k:
                    help = "write ceil=true, which drops it"
                else:
                    lower = self.less_padding(slide, slide.k - 1, env)
                    help = f"the padding must be below the kernel's extent ({slide.k}): {lower}"
                    help += " and write ceil=true" if kept else ""
                raise ShapeError(
                    f"window {unit} on the {slide.axis} axis holds no input pixel: it covers {unit}*{slide.s} - {pb} = "
                    f"{first} to {first + slide.k - 1}{steps}, the input is 0 to {slide.n - 1}",
                    help,
                    key="p",
                )

    def check_padding(self, slides: list[Slide], env: Env) -> None:
        """Raise ShapeError for more padding than the dialect allows in a pool."""
        if env.dialect.pool_limit not in LIMITS:
            return
        form, allowed = LIMITS[env.dialect.pool_limit]
        for slide in slides:
            p, limit = max(slide.sides), allowed(slide.taps)
            if p > limit:
                raise ShapeError(
                    f"p is {p} on the {slide.axis} axis, but {env.dialect.title} allows at most "
                    f"{form} = {form.replace('k', str(slide.taps))} = {limit}",
                    either(self.less_padding(slide, limit, env), "use --dialect plain"),
                    key="p",
                )

    def less_padding(self, slide: Slide, limit: int, env: Env) -> str | None:
        """Return the advice to lower the padding per side to `limit`; None if the window would not fit."""
        ceil = self.rounding(limit, 1, env)
        (most,) = place((slide.n,), (slide.taps,), (slide.s,), (slide.d,), limit, bool(ceil), ceil == KEEP)
        if isinstance(most.out, int) and most.out < 1:
            return None
        if self.works_out_padding:
            return f"lower out to {most.out}"
        return f"lower p to {limit}" if self.p_total is None else f"lower pt to {2 * limit}"

    def less_dilation(self, slide: Slide, kept: bool) -> str:
        """Return the advice to lower the dilation to at most the input's size, with the keys that go with it."""
        assert isinstance(slide.n, int)
        most = extent(slide.taps, slide.n) - 1
        window = (slide.n,), (slide.taps,), (slide.s,), (slide.n,)
        if self.works_out_padding:
            (widest,) = place(*window, most, slide.ceil, kept)
            assert isinstance(widest.out, int)
            assert isinstance(slide.out, int)
            also = f" and out to {widest.out}" if widest.out < slide.out else ""
        else:
            less = f"p to {most}" if self.p_total is None else f"pt to {2 * most}"
            also = f" and {less}" if max(slide.sides) > most else ""
        return f"lower d to {slide.n}{also}"

    def more_values(self, env: Env) -> dict[str, Any]:
        """Return the resolved keys other than the window's."""
        return {}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        """Return the floor formula of each axis."""
        return explain_slides(self.slides(self.split(x, env)[1], env)[0])


def either(*ways: str | None) -> str:
    """Return advice that joins the ways that are not None."""
    return ", or ".join(filter(None, ways))


def check_bare(slides: list[Slide], op: str, env: Env) -> None:
    """Raise ShapeError if a kernel does not fit the input without padding."""
    for slide in slides:
        if not isinstance(slide.n, int):
            env.require((slide.n, ">=", slide.taps))
        elif slide.n < slide.taps:
            raise ShapeError(
                f"does not fit: PyTorch's {op} needs n >= k before padding, but {slide.n} < {slide.taps} on the "
                f"{slide.axis} axis",
                f"lower k to {slide.n}, or use --dialect plain",
                key="k",
            )


class MaxPool(Pool):
    """Max pooling: the largest value of each window; padding never wins."""

    WORD = "maxpool"
    LINEAR = False
    STEP = StepKind.MAX
    AVERAGES = False

    @property
    def is_linear(self) -> bool:
        """Return whether it is linear: only a window of one pixel is."""
        return not self.p and not self.p_total and {*([self.k] if isinstance(self.k, int) else self.k)} == {1}

    def surrogate(self, inputs: int) -> Layer:
        """Return the average pool over the same windows; it counts padding, as a window may hold nothing else."""
        return _AverageForMax(AvgPool.WORD + ENDS[self.nd or 2], self.nd, {**self.given, "count_include_pad": True})


class AvgPool(Pool):
    """Average pooling: the mean of each window; what rounding up adds is never counted."""

    WORD = "avgpool"
    LINEAR = True
    STEP = StepKind.MEAN
    KEYS: ClassVar[dict[str, Reader]] = {**Pool.KEYS, "count_include_pad": flag}
    HELP: ClassVar[dict[str, str]] = {**Pool.HELP, "count_include_pad": "Whether an average counts the padding."}
    count_include_pad: bool | None = None

    def most_per_side(self, taps: int, env: Env) -> int | None:
        never = self.count_include_pad is False and not env.dialect.count_is_option
        return 0 if never else super().most_per_side(taps, env)

    def check_padding(self, slides: list[Slide], env: Env) -> None:
        super().check_padding(slides, env)
        if self.count_include_pad is False and not env.dialect.count_is_option and any(s.pb or s.pa for s in slides):
            raise ShapeError(
                f"{env.dialect.title}'s average pools always count padding",
                "leave count_include_pad out, or use another dialect",
                key="count_include_pad",
            )

    def more_values(self, env: Env) -> dict[str, Any]:
        counts = self.count_include_pad
        if counts is None:
            word = isinstance(self.p, str) and self.p_total is None
            counts = env.dialect.count_include_pad and not word
        return {"count_include_pad": counts}


class _AverageForMax(AvgPool):
    """Average pooling with the windows that max pooling may have in a dialect."""

    AVERAGES = False


class LpPool(Pool):
    """Power-average pooling: (sum |x|^norm)^(1/norm) of each window; padding is zeros; PyTorch does not take |x|."""

    WORD = "lppool"
    REFUSED = {"keras": "it has no layer for lppool"}
    LINEAR = False
    KEYS: ClassVar[dict[str, Reader]] = {**Pool.KEYS, "norm": divisor}
    HELP: ClassVar[dict[str, str]] = {**Pool.HELP, "norm": "The norm's power: any number but 0."}
    norm: float = 2

    def surrogate(self, inputs: int) -> Layer:
        """Return the sum over the same windows: with a negative power, a value of 0 hides the others."""
        return LpPool(self.op, self.nd, {**self.given, "norm": 1})

    @property
    def sign(self) -> Sign:
        """The sign of the output: PyTorch's sum of odd powers may be negative."""
        return Sign.NOT_NEGATIVE if self.norm % 2 == 0 else Sign.KEPT

    def most_per_side(self, taps: int, env: Env) -> int | None:
        return None if env.dialect.lp_padding else 0

    def check_padding(self, slides: list[Slide], env: Env) -> None:
        if not env.dialect.lp_padding and any(s.pb or s.pa for s in slides):
            slide = max(slides, key=lambda one: sum(one.sides))
            less = self.less_padding(slide, 0, env) if self.works_out_padding else "leave p out"
            raise ShapeError("PyTorch's lppool has no padding", either(less, "put a pad layer before it"), key="p")

    def more_values(self, env: Env) -> dict[str, Any]:
        return {"norm": self.norm}


class GlobalPool(Layer):
    """The base of global pools: one value per channel. `keepdims` keeps the spatial axes with size 1."""

    VIEW = False
    SPATIAL = True
    SIGN = Sign.KEPT
    KEYS = {"keepdims": flag}
    HELP = {"keepdims": "Whether to keep the spatial axes, with size 1."}
    keepdims: bool | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        keep = env.dialect.keepdims if self.keepdims is None else self.keepdims
        out = join(c, (1,) * len(space), env) if keep else (c,)
        seen = fields.pooled(space_of(x, env), x)
        return Trace({"keepdims": keep}, out, seen if keep else seen.drop(space_of(x, env)))


class GlobalMaxPool(GlobalPool):
    """Global max pooling: the largest value of each channel."""

    WORD = "globalmaxpool"
    ALSO = ("gmp",)
    LINEAR = False
    KEEPS_POSITIVE = True
    STEP = StepKind.MAX


class GlobalAvgPool(GlobalPool):
    """Global average pooling: the mean of each channel."""

    WORD = "globalavgpool"
    ALSO = ("gap",)
    LINEAR = True
    STEP = StepKind.MEAN


class AdaptivePool(Layer):
    """The base of adaptive pools, from n to o units: unit u sees units floor(u*n/o) to ceil((u+1)*n/o) - 1."""

    VIEW = False
    SPATIAL = True
    SIGN = Sign.KEPT
    KEYS = {"out": wanted_sizes}
    HELP = {"out": "The output's sizes: one number, or one per axis, null to keep an axis as it is."}
    BARE = "out"
    EXAMPLE = "OP:7"
    NEEDED = ("out",)
    PER_AXIS = ("out",)
    out: tuple[int | None, ...] | int

    def rank(self) -> int | None:
        return len(self.out) if isinstance(self.out, tuple) else None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        out = tuple([n if o is None else o for n, o in zip(space, spread(self.out, len(space)), strict=True)])
        seen = fields.each(space_of(x, env), [*zip(space, out, strict=True)], _adapt)
        return Trace({"out": [known(n) for n in out]}, join(c, out, env), seen)

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        sizes = zip(self.split(x, env)[1], self.split(traced.out, env)[1], strict=True)
        return by_axis([f"unit u sees floor(u*{n}/{o}) to ceil((u+1)*{n}/{o}) - 1" for n, o in sizes])


class AdaptiveMaxPool(AdaptivePool):
    """Adaptive max pooling: windows of the size that gives the wanted output."""

    WORD = "adaptivemaxpool"
    REFUSED = {"onnx_read": "ONNX has no such operator"}
    LINEAR = False
    KEEPS_POSITIVE = True
    STEP = StepKind.MAX


class AdaptiveAvgPool(AdaptivePool):
    """Adaptive average pooling: windows of the size that gives the wanted output."""

    WORD = "adaptiveavgpool"
    REFUSED = {"onnx_read": "ONNX has no such operator"}
    LINEAR = True
    STEP = StepKind.MEAN


def _adapt(field: Field, sizes: tuple[Size, Size]) -> Field:
    """Return the field after the adaptive windows of one axis; `sizes` are those of input and output."""
    n, o = sizes
    if n == o:
        return field
    if o == 1:
        return field.whole(known(n)).marked(POOLED)
    if isinstance(n, Open):
        return field.lost()
    assert isinstance(o, int)
    return field.resample(n, o, lambda u: (u * n // o, -(-(u + 1) * n // o) - 1))


OPS = ops(MaxPool, AvgPool, LpPool, GlobalMaxPool, GlobalAvgPool, AdaptiveMaxPool, AdaptiveAvgPool)
