"""Transposed convolutions: each input unit writes a whole window, and windows are s apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ..errors import ShapeError
from ..sizes import Open, Shape, Size, known
from ..window import extent
from .base import ConvKind, Env, StepKind, axis_names, by_axis, check_divides, ops
from .conv import (
    CHANNEL_KEYS,
    LAST_KEYS,
    OUT_HELP,
    OUT_KEY,
    WINDOW_KEYS,
    Convolution,
    Keys,
    check_strided_dilation,
    times,
)
from .keys import Axes, Pair, Sides, at_least, per_axis, spread, spread_sides
from .sliding import Cut, halves, open_input


class TransposedConv(Convolution):
    """Transposed convolution: the gradient of a convolution from c_o to c_i channels."""

    WORD = "convT"
    ORDERS = ("c_i, c_o/g, k", "k, c_o/g, c_i")
    ALSO = ("deconv", "upconv", "tconv")
    EXAMPLE = "OP:8,k4,s2,p1"
    CONVOLUTION = ConvKind.TRANSPOSED
    STEP = StepKind.SPREAD
    KEYS = {**CHANNEL_KEYS, **WINDOW_KEYS, "g": at_least(1), "out_pad": per_axis(0), **OUT_KEY, **LAST_KEYS}
    HELP = {
        **OUT_HELP,
        "p": "The padding to cut away per side: a number, one per axis, [before, after] pairs, or a word.",
        "p_total": "The padding to cut away on both sides together: one number, or one per axis.",
        "out_pad": "How much to add after the output: one number, or one per axis.",
    }
    ALIASES = {"output_shape": "out"}
    DIALECT_WORDS = "transposed_words"
    NEEDED = ("c_o",)
    c_o: int
    out_pad: Axes | None = None

    def strides_dilated(self, env: Env) -> bool:
        return env.dialect.strided_dilation

    def windows(self, space: Shape, env: Env) -> tuple[list[Cut], Keys]:
        """Return the transposed window on each axis. Raise ShapeError if the keys or the dialect do not allow it."""
        nd = len(space)
        k, s, d = spread(self.k, nd), spread(self.s, nd), spread(self.d, nd)
        check_strided_dilation(s, d, env)
        out_pad: tuple[int | None, ...] = (None,) * nd
        if self.out_pad is not None:
            out_pad = spread(self.out_pad, nd)
            if self.out is None or not env.dialect.out_appends:
                check_out_pad(spread(self.out_pad, nd), s, d, env)
        p = self.padding(nd, env)
        pairs: Sequence[Pair | str | None] = [p] * nd if isinstance(p, str) else spread_sides(p, nd)
        keys: Keys = {"k": k, "s": s, "p": (), "d": d, "g": self.g, "out_pad": ()}
        wanted = self.wanted(nd)
        if wanted is not None:
            keys["out"] = wanted
        if self.works_out_padding and not env.dialect.out_by_out_pad:
            pairs = [None] * nd
        extents = map(extent, k, d)
        limits = [out_pad_limit(*sizes, env) for sizes in zip(s, d, strict=True)]
        rows = zip(space, extents, s, pairs, out_pad, wanted or [None] * nd, limits, axis_names(nd), strict=True)
        cuts = [_cut(env, *row)._replace(d=dilation) for row, dilation in zip(rows, d, strict=True)]
        check_cuts(cuts, p, env)
        return cuts, keys | {"p": [(cut.pb, cut.pa) for cut in cuts], "out_pad": [cut.out_pad for cut in cuts]}

    def kernels(self, c_i: Size, env: Env) -> tuple[Size, Keys]:
        check_divides(self.g, c_i, "c_i", env, also=self.c_o)
        check_divides(self.g, self.c_o, "c_o", env, also=known(c_i))
        if self.g != 1 and not env.dialect.transposed_groups:
            raise ShapeError("Keras's transposed convolution has no groups", "leave g out", key="g")
        return self.c_o, {}

    def positions(self, space: Shape, out: Shape) -> Shape:
        return space

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        """Return the shape of the kernel: NCHW (c_i, c_o/g, k), NHWC (k, c_o/g, c_i)."""
        c_i, c_o, k = values["c_i"], self.c_o // self.g, values["k"]
        return {"weight": (*k, c_o, c_i) if env.channels_last else (c_i, c_o, *k)}

    def fan_in(self, role: str, shape: tuple[int, ...], values: Mapping[str, Any], env: Env) -> int:
        """Return how many inputs each output sums: on each axis about one in s taps meets an input."""
        cells: int = values["c_i"] // values["g"] * prod(values["k"])
        strides: int = prod(values["s"])
        return max(cells // strides, 1)

    @classmethod
    def keys_of_kernel(cls, kernel: tuple[int, ...], g: int, env: Env) -> dict[str, Any]:
        *k, each, _ = kernel if env.channels_last else (*kernel[2:], kernel[1], kernel[0])
        return {"c_o": each * g, "k": k}

    def explain_windows(self, space: Shape, env: Env) -> list[str]:
        cuts = self.windows(space, env)[0]
        sizes = by_axis([f"{cut.text()} = {cut.out}" for cut in cuts])
        return [*sizes, *by_axis([f"unit u sees units {cut.seen_text()}" for cut in cuts])]

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        each, form = (self.c_o, "c_i*c_o*k") if self.g == 1 else (f"({self.c_o}/{self.g})", "c_i*c_o/g*k")
        return form, times(values["c_i"], each, values["k"])


def _cut(
    env: Env,
    n: Size,
    k: int,
    s: int,
    p: Pair | str | None,
    out_pad: int | None,
    want: int | None,
    limit: int | None,
    axis: str,
) -> Cut:
    """Return the window on an axis from its padding (None if the wanted size decides), out_pad and wanted size."""
    if want is not None:
        if not isinstance(n, int):
            raise open_input(want, n, "out_pad" if env.dialect.out_by_out_pad else "padding")
        if isinstance(p, tuple) and (out_pad is None or env.dialect.out_by_out_pad):
            return _by_out_pad(n, k, s, p, want, limit, axis, env)
        return _by_padding(n, k, s, p, out_pad or 0, want, None if env.dialect.out_appends else limit, axis)
    if isinstance(p, str):
        return _by_word(n, k, s, out_pad, p, axis, env)
    assert p is not None
    return Cut(n, k, s, *p, out_pad or 0, axis)


def _by_out_pad(n: int, k: int, s: int, p: Pair, want: int, limit: int | None, axis: str, env: Env) -> Cut:
    """Return the window whose out_pad gives a wanted size (PyTorch's output_size, less than s above the smallest)."""
    pb, pa = p
    least = (n - 1) * s + k - pb - pa
    torch = env.dialect.out_by_out_pad
    limit = s if torch else limit
    if want < least or (limit is not None and want >= least + limit):
        reach = f"{least}" + ("" if limit == 1 else " on" if limit is None else f" to {least + limit - 1}")
        below = "" if limit is None else f", out_pad < {'s' if torch else limit}"
        plain = "change p or k, or use --dialect plain, where out determines the padding"
        raise ShapeError(
            f"out is {want} on the {axis} axis, but {env.dialect.title if torch else 'p'} allows {reach}: "
            f"({n} - 1)*{s} - ({pb}+{pa}) + {k} + out_pad{below}",
            plain if torch else "leave p out: out then determines the padding",
            key="out",
        )
    return Cut(n, k, s, pb, pa, want - least, axis)


def _by_padding(
    n: int, k: int, s: int, p: Pair | str | None, out_pad: int, want: int, limit: int | None, axis: str
) -> Cut:
    """Return the window whose padding gives a wanted size (ONNX `output_shape`), the odd unit before by default."""
    full = (n - 1) * s + k
    surplus = max(full + out_pad - want, 0)
    pb, pa = p if isinstance(p, tuple) else halves(surplus, lower=p not in ("same", "same_upper"))
    if isinstance(p, tuple) and want != full + out_pad - pb - pa:
        raise ShapeError(
            f"out is {want} on the {axis} axis, but p gives "
            f"({n} - 1)*{s} - ({pb}+{pa}) + {k} + {out_pad} = {full + out_pad - pb - pa}",
            "leave out either of the two",
            key="out",
        )
    cut = Cut(n, k, s, pb, pa, want - (full - pb - pa), axis)
    if limit is not None and cut.out_pad >= limit:
        raise ShapeError(
            f"out is {want} on the {axis} axis, but the most without padding is ({n} - 1)*{s} + {k} + {limit - 1} = "
            f"{full + limit - 1}",
            f"lower out to {full + limit - 1}, or raise k",
            key="out",
        )
    return cut


def _by_word(n: Size, k: int, s: int, out_pad: int | None, word: str, axis: str, env: Env) -> Cut:
    """Return the window for a padding word, out_pad included, so that the one formula holds for it, too.

    Keras: valid is (n-1)*s + max(k', s), same is n*s; with out_pad (n-1)*s + k' + out_pad and (n-1)*s + k'%2 + out_pad.
    """
    if word == "full":
        return Cut(n, k, s, k - 1, k - 1, out_pad or 0, axis)
    if word == "valid":
        covers = env.dialect.valid_transposed_covers and out_pad is None
        return Cut(n, k, s, 0, 0, max(s - k, 0) if covers else out_pad or 0, axis)
    if env.dialect.same_transposed_is_exact:
        pb, pa = halves(max(k + (out_pad or 0) - s, 0), lower=word == "same_lower")
        return Cut(n, k, s, pb, pa, s - k + pb + pa, axis)
    last = s if out_pad is None else k % 2 + out_pad  # what `same` adds to (n-1)*s
    pb, pa = halves(max(k - last, 0), lower=word == "same_lower")
    return Cut(n, k, s, pb, pa, max(last - k, 0), axis)


def out_pad_limit(s: int, d: int, env: Env) -> int | None:
    """Return the limit that out_pad must stay below; None if there is none."""
    kind = env.dialect.transposed_limit
    return {"zero": 1, "stride": s, "larger": max(s, d)}.get(kind)


def check_out_pad(out_pad: tuple[int, ...], s: tuple[int, ...], d: tuple[int, ...], env: Env) -> None:
    """Raise ShapeError if out_pad reaches what another input unit would have written."""
    kind = env.dialect.transposed_limit
    if kind == "zero" and any(out_pad):
        raise ShapeError(
            f"{env.dialect.title}'s transposed convolution has no out_pad", "leave out_pad out", key="out_pad"
        )
    for extra, stride, dilation, axis in zip(out_pad, s, d, axis_names(len(s)), strict=True):
        limit = out_pad_limit(stride, dilation, env)
        if limit is not None and extra >= limit:
            what = f"s = {stride}" if kind == "stride" else f"max(s, d) = max({stride}, {dilation}) = {limit}"
            raise ShapeError(
                f"out_pad is {extra} on the {axis} axis, but must be below {what}",
                f"lower out_pad to {limit - 1}" if limit > 1 else "leave out_pad out",
                key="out_pad",
            )


def check_cuts(cuts: list[Cut], p: Sides, env: Env) -> None:
    """Raise ShapeError with the arithmetic if the output is empty."""
    for cut in cuts:
        if isinstance(cut.out, Open):
            env.require((cut.out, ">=", 1))
            continue
        if cut.out >= 1:
            continue
        assert isinstance(cut.n, int)
        most = ((cut.n - 1) * cut.s + cut.k + cut.out_pad - 1) // 2
        raise ShapeError(
            f"the output is empty: {cut.text()} = {cut.out} < 1 on the {cut.axis} axis",
            "leave out_pad out" if isinstance(p, str) else f"the padding cuts away all of it: lower p to {most}",
            key="p",
        )


OPS = ops(TransposedConv)
