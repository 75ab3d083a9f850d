"""Transposed convolutions: each input unit writes a whole window, s apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import ShapeError
from ..sizes import Open, Shape, Size, atom, count, counted, known
from ..window import extent
from .base import AXIS_NAMES, Env, Fields, Layer, Traced, check_channels, divides, join, split, unseen
from .conv import check_strided_dilation, check_word, params_text, times
from .keys import Axes, Sides, at_least, flag, per_axis, sides, spread, spread_sides
from .sliding import by_total, halves


class Cut(NamedTuple):
    """A transposed window on one axis: out = (n-1)*s - pb - pa + k' + out_pad, pb and pa cut away."""

    n: Size
    k: int
    """k' = d(k-1) + 1."""
    s: int
    pb: int
    pa: int
    out_pad: int

    @property
    def out(self) -> Size:
        """How many units come out."""
        return (self.n - 1) * self.s + (self.k + self.out_pad - self.pb - self.pa)

    def text(self) -> str:
        """The formula with its numbers."""
        added = f" + {self.out_pad}" if self.out_pad else ""
        return f"({atom(self.n)} - 1)*{self.s} - ({self.pb}+{self.pa}) + {self.k}{added}"


class TransposedConv(Layer):
    """Weights (c_i, c_o/g, k): the gradient of a convolution from c_o to c_i channels."""

    EXAMPLE = "OP:8,k4,s2,p1"
    KEYS = {
        "c_i": at_least(1),
        "c_o": at_least(1),
        "k": per_axis(1),
        "s": per_axis(1),
        "p": sides,
        "p_total": per_axis(0),
        "d": per_axis(1),
        "g": at_least(1),
        "out_pad": per_axis(0),
        "out": per_axis(1),
        "bias": flag,
        "flip": flag,
    }
    HELP = {
        "p": "What is cut away per side: a number, one per axis, [before, after] pairs, or a word.",
        "p_total": "The same for both sides together.",
        "out_pad": "What is added after: one number, or one per axis.",
        "out": "The sizes that come out, the padding worked out from them: one, or one per axis.",
    }
    ALIASES = {"output_padding": "out_pad", "output_shape": "out"}
    BARE = "c_o"
    NEEDED = ("c_o",)
    CONVOLUTION = True
    c_o: int
    c_i: int | None = None
    k: Axes = 1
    s: Axes = 1
    p: Sides = 0
    p_total: Axes | None = None
    d: Axes = 1
    g: int = 1
    out_pad: Axes | None = None
    out: Axes | None = None
    bias: bool = True
    flip: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c_i, space = split(x, env, self.nd, self.op)
        check_channels(self.c_i, c_i, x)
        divides(self.g, c_i, "c_i", also=self.c_o)
        divides(self.g, self.c_o, "c_o", also=known(c_i))
        if self.g != 1 and not env.dialect.transposed_groups:
            raise ShapeError("Keras's transposed convolution has no groups", "leave g out", key="g")
        cuts = self.cuts(space, env)
        out = tuple([c.out for c in cuts])
        nd = len(space)
        k = spread(self.k, nd)
        weights = count(c_i, self.c_o // self.g, *k)
        macs = count(weights, *space)
        values = {
            "c_i": known(c_i),
            "c_o": self.c_o,
            "k": k,
            "s": spread(self.s, nd),
            "p": [(c.pb, c.pa) for c in cuts],
            "d": spread(self.d, nd),
            "g": self.g,
            "out_pad": [c.out_pad for c in cuts],
            "bias": self.bias,
            "flip": self.flip,
        }
        if self.out is not None:
            values["out"] = spread(self.out, nd)
        bias = self.c_o if self.bias else 0
        return Traced(values, join(self.c_o, out, env), _see(fields, cuts), weights, bias, 0, macs, macs)

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        if len(shape) == nd:
            return {"c_o": 1, "k": list(shape)}
        if nd is None or len(shape) != nd + 2:
            return {}
        *k, each, _ = shape if env.channels_last else (*shape[2:], shape[1], shape[0])
        return {"c_o": each * g, "k": k}

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        c_i, c_o, k = values["c_i"], self.c_o // self.g, values["k"]
        weight = (*k, c_o, c_i) if env.channels_last else (c_i, c_o, *k)
        return {"weight": weight} | ({"bias": (self.c_o,)} if self.bias else {})

    def cuts(self, space: Shape, env: Env) -> list[Cut]:
        """The transposed window on each axis. ShapeError where the keys or the dialect do not allow it."""
        nd = len(space)
        k, s, d = spread(self.k, nd), spread(self.s, nd), spread(self.d, nd)
        check_strided_dilation(s, d, env)
        pads = spread(self.out_pad, nd) if self.out_pad is not None else None
        if pads is not None and self.out is None:
            check_out_pad(pads, s, d, env)
        p = self.p if self.p_total is None else by_total(self.p_total, nd)
        if isinstance(p, str):
            check_word(p, env.dialect.transposed_words, env)
        extents = [extent(k, d) for k, d in zip(k, d, strict=True)]
        if self.out is not None and env.dialect.out_by_out_pad:
            cuts = self.to_sizes_by_out_pad(space, extents, s, p)
        elif self.out is not None:
            cuts = self.to_sizes(space, extents, s, pads or (0,) * nd, p)
        elif isinstance(p, str):
            extra = pads or (None,) * nd
            cuts = [_by_word(n, k, s, o, p, env) for n, k, s, o in zip(space, extents, s, extra, strict=True)]
        else:
            rows = zip(space, extents, s, spread_sides(p, nd), pads or (0,) * nd, strict=True)
            cuts = [Cut(n, k, s, pb, pa, o) for n, k, s, (pb, pa), o in rows]
        check_cuts(cuts, p)
        return cuts

    def to_sizes_by_out_pad(self, space: Shape, extents: list[int], s: tuple[int, ...], p: Sides) -> list[Cut]:
        """The out_pad that gives the wanted sizes: PyTorch's output_size, less than s above the smallest."""
        assert self.out is not None
        cuts = []
        rows = zip(space, extents, s, spread_sides(p, len(space)), spread(self.out, len(space)), strict=True)
        for axis, (n, k, stride, (pb, pa), want) in enumerate(rows):
            if not isinstance(n, int):
                raise ShapeError(f"out is {want} while the input is open ({n})", "give out_pad instead", key="out")
            least = (n - 1) * stride + k - pb - pa
            if not least <= want < least + stride:
                raise ShapeError(
                    f"out is {want} on the {AXIS_NAMES[len(s)][axis]} axis, and PyTorch reaches {least} to "
                    f"{least + stride - 1}: ({n} - 1)*{stride} - ({pb}+{pa}) + {k} + out_pad, out_pad < s",
                    "change p or k, or use --dialect plain, where out works the padding out",
                    key="out",
                )
            cuts.append(Cut(n, k, stride, pb, pa, want - least))
        return cuts

    def to_sizes(
        self, space: Shape, extents: list[int], s: tuple[int, ...], out_pad: tuple[int, ...], p: Sides
    ) -> list[Cut]:
        """The padding that gives the wanted sizes (ONNX `output_shape`): the odd unit before, unless `same_upper`."""
        assert self.out is not None
        cuts = []
        given = (
            spread_sides(p, len(space))
            if not isinstance(p, str) and ("p" in self.given or self.p_total is not None)
            else None
        )
        for axis, (n, k, stride, extra, want) in enumerate(
            zip(space, extents, s, out_pad, spread(self.out, len(space)), strict=True)
        ):
            if not isinstance(n, int):
                raise ShapeError(f"out is {want} while the input is open ({n})", "give the padding instead", key="out")
            surplus = (n - 1) * stride + extra + k - want
            pb, pa = halves(max(surplus, 0), lower=p not in ("same", "same_upper"))
            if given is not None:
                pb, pa = given[axis]
                if pb + pa != max(surplus, 0) and want != (n - 1) * stride + extra + k - pb - pa:
                    raise ShapeError(
                        f"out is {want}, and p gives ({n} - 1)*{stride} - ({pb}+{pa}) + {k} + {extra} = "
                        f"{(n - 1) * stride + extra + k - pb - pa}",
                        "leave out either of the two",
                        key="out",
                    )
            cuts.append(Cut(n, k, stride, pb, pa, want - ((n - 1) * stride + k - pb - pa)))
        return cuts

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        """The size of each axis, the parameters and the MACs as the products they are."""
        c_i, space = split(x, env, self.nd, self.op)
        names = AXIS_NAMES[len(space)]
        v = traced.values
        lines: dict[str, list[str]] = {}
        for name, cut in zip(names, self.cuts(space, env), strict=True):
            lines.setdefault(f"{cut.text()} = {cut.out}", []).append(name)
        each = self.c_o if self.g == 1 else f"({self.c_o}/{self.g})"
        per = "c_i*c_o" if self.g == 1 else "c_i*c_o/g"
        return [
            *(f"{', '.join(axes)}: {text}" for text, axes in lines.items()),
            params_text(f"{per}*k", times(c_i, each, v["k"]), "c_o", traced),
            f"MACs, per input position: {per}*in*k = {times(c_i, each, space, v['k'])} = {counted(traced.macs)}",
        ]


def _by_word(n: Size, k: int, s: int, out_pad: int | None, word: str, env: Env) -> Cut:
    """The cut of a padding word, its out_pad included, so that the one formula holds afterwards.

    Keras: valid is (n-1)*s + max(k', s), same is n*s; with out_pad (n-1)*s + k' + out_pad and (n-1)*s + k'%2 + out_pad.
    """
    if word == "full":
        return Cut(n, k, s, k - 1, k - 1, out_pad or 0)
    if word == "valid":
        covers = env.dialect.valid_transposed_covers and out_pad is None
        return Cut(n, k, s, 0, 0, max(s - k, 0) if covers else out_pad or 0)
    if env.dialect.same_transposed_is_exact:
        pb, pa = halves(max(k + (out_pad or 0) - s, 0), lower=word == "same_lower")
        return Cut(n, k, s, pb, pa, s - k + pb + pa)
    last = s if out_pad is None else k % 2 + out_pad  # what `same` adds to (n-1)*s
    pb, pa = halves(max(k - last, 0), lower=word == "same_lower")
    return Cut(n, k, s, pb, pa, max(last - k, 0))


def check_out_pad(out_pad: tuple[int, ...], s: tuple[int, ...], d: tuple[int, ...], env: Env) -> None:
    """ShapeError where out_pad reaches what another input unit would have written."""
    kind = env.dialect.transposed_limit
    if kind == "zero" and any(out_pad):
        raise ShapeError(
            f"{env.dialect.title}'s transposed convolution has no out_pad", "leave out_pad out", key="out_pad"
        )
    for axis, (extra, stride, dilation) in enumerate(zip(out_pad, s, d, strict=True)):
        limit = stride if kind == "stride" else max(stride, dilation)
        if extra >= limit:
            what = f"s = {stride}" if kind == "stride" else f"max(s, d) = max({stride}, {dilation}) = {limit}"
            raise ShapeError(
                f"out_pad is {extra} on the {AXIS_NAMES[len(s)][axis]} axis, and has to be below {what}",
                f"lower out_pad to {limit - 1}" if limit > 1 else "leave out_pad out",
                key="out_pad",
            )


def check_cuts(cuts: list[Cut], p: Sides) -> None:
    """ShapeError with the arithmetic where nothing comes out."""
    for axis, cut in enumerate(cuts):
        if isinstance(cut.out, Open) or cut.out >= 1:
            continue
        assert isinstance(cut.n, int)
        most = ((cut.n - 1) * cut.s + cut.k + cut.out_pad - 1) // 2
        raise ShapeError(
            f"nothing comes out: {cut.text()} = {cut.out} < 1 on the {AXIS_NAMES[len(cuts)][axis]} axis",
            "leave out_pad out" if isinstance(p, str) else f"the padding cuts away all of it: lower p to {most}",
            key="p",
        )


def _see(fields: Fields, cuts: list[Cut]) -> Fields:
    if len(fields) != len(cuts):
        return unseen(fields)
    return tuple([f.transpose(c.k, c.s, c.pb) for f, c in zip(fields, cuts, strict=True)])


OPS = {"convT": (TransposedConv, 2), "convT1d": (TransposedConv, 1), "convT3d": (TransposedConv, 3)}
