"""Conditions on letters, compared with single numbers; networks with letters, compared with those with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cnncalc
from cnncalc.conditions import MOST_JOINT, Condition, Holds, Numbers, Requirement, where
from cnncalc.conditions.numbers import MOST_CLASSES
from cnncalc.errors import CnncalcError, ShapeError
from cnncalc.floors import smaller
from cnncalc.report import LayerReport
from cnncalc.sizes import Open, Size
from tests.program import here
from tests.test_sizes import computed, trees

H, W = Open("H"), Open("W")
UPTO = 400


def members(numbers: Numbers, upto: int = UPTO) -> set[int]:
    """Return the numbers of a set up to a bound."""
    return {n for n in range(1, upto) if n in numbers}


runs = st.tuples(st.integers(1, 60), st.one_of(st.none(), st.integers(1, 90)))


@st.composite
def sets(draw: st.DrawFn) -> Numbers:
    """Return an interval of a few residue classes."""
    mod = draw(st.integers(1, 12))
    rests = draw(st.lists(st.integers(0, mod - 1), min_size=1, max_size=3))
    least, most = draw(runs)
    return Numbers(mod, {rest: [(rest or mod, None)] for rest in rests}) & Numbers.every(least, most)


@given(sets(), sets(), sets())
@example(Numbers.every(3), Numbers(2, {1: [(1, None)]}), Numbers.listed([1]))
def test_sets_of_numbers_are_sets(a: Numbers, b: Numbers, c: Numbers) -> None:
    everything = set(range(1, UPTO))
    assert members(a & b) == members(a) & members(b)
    assert members(a | b) == members(a) | members(b)
    assert members(~a) == everything - members(a)
    assert (a & b) | c == (a | c) & (b | c)
    assert ~~a == a


def test_a_run_is_not_split_into_more_classes_than_a_set_may_have() -> None:
    assert len(Numbers.every(5, MOST_CLASSES + 4).split(10**9)) == MOST_CLASSES
    with pytest.raises(OverflowError):
        Numbers.every(5, 10**12).split(10**13)


@given(sets(), sets())
def test_the_pieces_of_a_set_are_the_set(a: Numbers, b: Numbers) -> None:
    both = a | b
    pieces = both.pieces()
    found = [{n for n in range(p.least, UPTO if p.most is None else p.most + 1) if n % p.mod in p.rest} for p in pieces]
    assert set().union(*found) & set(range(UPTO)) == members(both)
    assert sum(len(own) for own in found) == len(set().union(*found))  # no duplicates
    assert [p.least for p in pieces] == [min(own) for own in found]
    assert all(p.most is None or p.most in own for p, own in zip(pieces, found, strict=True))
    assert both.first() == both.least == min(members(both), default=None)
    assert [number for number, _ in zip(both, range(5), strict=False)] == sorted(members(both))[:5]


@pytest.mark.parametrize(
    ("test", "said", "pieces"),
    [
        ((H // 2 * 2, "=", H), "H is even", [(2, [0], 2, None)]),
        ((H, "|", 8), "H is a multiple of 8", [(8, [0], 8, None)]),
        ((H % 2, "=", 1), "H is odd", [(2, [1], 1, None)]),
        (((H - 5) // 2, ">=", 1), "H >= 7", [(1, [0], 7, None)]),
        ((H // 32 * (H // 32) * 256, "=", 9216), "H from 192 to 223", [(1, [0], 192, 223)]),
        ((H * H, "=", 49), "H = 7", [(1, [0], 7, 7)]),
        ((H, "!=", 1), "H >= 2", [(1, [0], 2, None)]),
        ((H, "!=", 5), "H from 1 to 4 or H >= 6", [(1, [0], 1, 4), (1, [0], 6, None)]),
        ((H % 4, "!=", 0), "H is not a multiple of 4", [(4, [1, 2, 3], 1, None)]),
        (((H + 31) // 32 * 2, "=", (H + 15) // 16), "H = 32m + 17 to 32", [(32, [0, *range(17, 32)], 17, None)]),
        ((smaller(H, 5), ">=", 5), "H >= 5", [(1, [0], 5, None)]),
        ((H * 2, "=", 7), "no H", []),
        ((H + 1, "=", H + 1), "H >= 1", [(1, [0], 1, None)]),
        ((H, "=", H + 1), "no H", []),
        (((H - 2) * (H - 3), "=", 0), "H from 2 to 3", [(1, [0], 2, 3)]),
    ],
)
def test_where_a_comparison_holds(test: tuple[Size, str, Size], said: str, pieces: list[Any]) -> None:
    numbers = where(*test)
    assert numbers is not None
    assert numbers.text("H") == said
    names = ("mod", "rest", "least", "most")
    assert numbers.to_list("H") == [{"axis": "H", **dict(zip(names, piece, strict=True))} for piece in pieces]


@given(trees, st.sampled_from(["=", "!=", ">="]), st.integers(-9, 60))
def test_where_a_random_formula_has_a_value(tree: object, sign: str, wanted: int) -> None:
    size = computed(tree, {"H": H, "W": H})
    numbers = where(size, sign, wanted)
    if numbers is not None:
        test = Requirement(size, sign, wanted)
        assert members(numbers, 150) == {n for n in range(1, 150) if test.at({"H": n})}


@given(trees, st.integers(1, 9))
def test_where_a_random_formula_is_a_multiple(tree: object, by: int) -> None:
    size = computed(tree, {"H": H, "W": 5})
    numbers = where(size, "|", by)
    if numbers is not None:
        assert members(numbers, 150) == {n for n in range(1, 150) if Requirement(size, "|", by).at({"H": n})}


def test_conditions_over_two_letters_are_said_as_such() -> None:
    holds = Holds("HW", [Condition((Requirement(H * W * 3, "=", 12288),)), Condition((Requirement(H, "|", 8),))])
    assert holds.texts() == ["H is a multiple of 8", "H*W = 4096, as H = W = 64"]
    assert holds.to_list()[-1] == {
        "axes": ["H", "W"],
        "condition": "H*W = 4096",
        "equal": [{"mod": 1, "rest": [0], "least": 64, "most": 64}],
    }
    assert holds.at({"H": 32, "W": 128})
    assert not holds.at({"H": 64, "W": 65})
    assert not holds.at({"H": 4, "W": 1024})
    assert Holds("HW", [Condition((Requirement(H * W, "=", 6),))]).texts() == ["H*W = 6, as H = 2, W = 3"]
    assert Holds("HW", [Condition((Requirement(H, "=", W * 2),))]).texts() == ["H = W*2"]


def test_conditions_are_kept_once() -> None:
    holds = Holds("HW", [Condition((Requirement(H, "=", W),)), Condition((Requirement(W, "=", H),))])
    assert len(holds.joint) == 1


# Networks


def named(layers: Sequence[LayerReport], within: str = "") -> Iterator[tuple[str, LayerReport]]:
    """Yield layers by name, including those in blocks."""
    for layer in layers:
        yield within + layer.name, layer
        yield from named(layer.inner, f"{within}{layer.name}.")


def number_at(count: int | Open | None, at: dict[str, int]) -> int | Open | None:
    """Return a count for these values of the letters."""
    return count.at(at) if isinstance(count, Open) else count


def check_formula(spec: Any, channels: int, sizes: Sequence[tuple[int, int]], **options: Any) -> int:
    """Compare a network with letters to the same with numbers, layer by layer; return for how many sizes it holds."""
    network, held = cnncalc.load(spec), 0
    formula = cnncalc.shape(network, input=(channels, "H", "W"), **options)
    holds, own = formula.holds, dict(named(formula.layers))
    needs = [need for layer in own.values() for need in layer.needs]
    for h, w in sizes:
        at = {"H": h, "W": w}
        all_hold = all(need.at(at) for need in needs)
        traced = None
        with suppress(CnncalcError):
            traced = cnncalc.shape(network, input=(channels, h, w), **options)
        assert holds.at(at) == all_hold == (traced is not None), (spec, at, holds)
        if traced is None:
            continue
        held += 1
        for name, layer in named(traced.layers):
            size = tuple([n.at(at) if isinstance(n, Open) else n for n in own[name].out])
            assert size == tuple(layer.out), (spec, at, name)
            for figure in ("params", "macs"):
                assert number_at(getattr(own[name], figure), at) == getattr(layer, figure), (spec, at, name, figure)
        assert number_at(formula.macs, at) == traced.macs, (spec, at)
    return held


SAMPLE = [(n, n) for n in (1, 2, 7, 31, 32, 33, 62, 63, 64, 75, 187, 188, 204, 220, 224, 299)]


@pytest.mark.parametrize("name", ["alexnet", "lenet5", "vgg11", "inception_v3", "resnet18", "shufflenet_v2_x1_0"])
def test_the_formula_of_a_built_in_network_is_its_trace(name: str) -> None:
    """By hand, for every network and every size from 1 to 600: `python -m tests.fuzz.formulas`."""
    channels = 1 if name == "lenet5" else 3
    assert check_formula(name, channels, SAMPLE) > 5


def test_the_u_net_holds_where_its_crops_fit() -> None:
    report = cnncalc.shape("unet", input=(1, "H", "W"))
    assert report.holds.texts() == ["H = 16m + 12, H >= 188", "W = 16m + 12, W >= 188"]
    piece = {"mod": 16, "rest": [12], "least": 188, "most": None}
    assert report.to_dict()["report"]["holds"] == [{"axis": "H", **piece}, {"axis": "W", **piece}]
    assert check_formula("unet", 1, [(n, n) for n in (12, 140, 172, 188, 189, 203, 204, 572, 573)]) == 3


def test_a_size_that_is_repeated_may_be_that_of_either_letter() -> None:
    sizes = [(h, w) for h in range(1, 6) for w in range(1, 6)]
    assert check_formula("permute:1x3x2 add:input+permute1 maxpool:2,ceil", 3, sizes) == 13


OPS = (
    *("conv:4,k3", "conv:4,k3,s2,p1", "conv:4,k5,p=same", "conv:4,k2,d2,s2", "maxpool:2", "maxpool:3,s2,p1,ceil"),
    *("avgpool:3,s2", "convT:4,k2,s2", "convT:4,k3,s2,p1,out_pad=1", "upsample:factor=2", "upsample:factor=1.5"),
    *("upsample:factor=0.5", "pad:p=1x2", "pad:p=2,mode=reflect", "crop:1", "pixelshuffle:2", "pixelunshuffle:2"),
    *("slice:axis=2,start=1", "slice:axis=3,start=-4,step=2", "slice:axis=2,stop=5", "permute:1x3x2", "conv:4"),
    *("maxpool:2,s1,p1,d3", "adaptiveavgpool:3", "reshape:out=[4,-1,3]", "conv:4,k3,g2", "relu", "unfold:2"),
)


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Return the layer words of a small network with branches that meet."""
    words = ["conv:4,name=a0"]
    for at in range(1, draw(st.integers(2, 7))):
        read = draw(st.integers(0, at - 1))
        if draw(st.integers(0, 3)) == 0 and at > 1:
            other = draw(st.integers(0, at - 1))
            join = draw(st.sampled_from(["add", "concat", "concat:axis=2", "mul", "stack:axis=1"]))
            words.append(f"{join}{',' if ':' in join else ':'}from=a{read}+a{other},name=a{at}")
        else:
            op = draw(st.sampled_from(OPS))
            words.append(f"{op}{',' if ':' in op else ':'}from=a{read},name=a{at}")
    if draw(st.booleans()):
        words += ["flatten", f"linear:3,c_i={draw(st.sampled_from([16, 36, 64, 100, 144, 192]))}"]
    return " ".join(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("maxpool:2 flatten linear:10,c_i=100", "there are no H and W with (H//2)*(W//2)*3 = 100"),
        ("conv:3,k3 flatten linear:10,c_i=7", "there are no H and W with (H-2)*(W-2)*3 = 7"),
    ],
)
def test_what_no_size_fulfils_is_told_without_the_conditions_of_other_layers(words: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        cnncalc.shape(words, input="3xHxW")
    assert caught.value.what.endswith(f": {message}")


sizes = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=8, max_size=8)


@given(networks(), sizes, st.sampled_from(["plain", "torch", "onnx"]))
@settings(max_examples=40, deadline=None)
def test_the_formula_of_a_random_network_is_its_trace(words: str, at: list[tuple[int, int]], dialect: str) -> None:
    try:
        check_formula(words, 3, [*at, *[(n, n) for n in range(1, 9)]], dialect=dialect)
    except ShapeError:  # impossible for every size, so for these too
        for h, w in at:
            with pytest.raises(ShapeError):
                cnncalc.shape(words, input=(3, h, w), dialect=dialect)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "3xHxW conv:3,k2,name=a concat:from=input+a",
            "concat of 3xHxW and 3x[H-1]x[W-1]: there is no H with H = H-1\n"
            "the input gives 3xHxW, a gives 3x[H-1]x[W-1]",
        ),
        (
            "3xHxW slice:axis=2,start=1,name=d pixelunshuffle:2,from=d pixelunshuffle:2,from=input",
            "pixelunshuffle of 3xHxW needs H is a multiple of 2 (H is even), but "
            "the layers before it are possible only where "
            "H is odd, H >= 3",
        ),
        ("3xHxW flatten linear:10,c_i=10", "linear of [H*W*3]: there are no H and W with H*W*3 = 10\nremove c_i"),
        ("3xHxH flatten linear:10,c_i=10", "linear of [H*H*3]: there is no H with H*H*3 = 10\nremove c_i"),
        ("3xHxW crop:2 slice:axis=2,stop=-3 adaptiveavgpool:2 conv:1,k3", "does not fit: floor((2 + 0 - 3)/1) + 1 < 1"),
    ],
)
def test_a_network_that_is_refused_for_every_number_is_an_error(words: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        cnncalc.shape(words)
    assert "\n".join(filter(None, [caught.value.what, caught.value.help])).startswith(message)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("3xHxW conv:8,k3,s2,p1 relu", []),
        ("3xHxW conv:8,k3,s2 conv:8,k3,s2", ["H >= 7", "W >= 7"]),
        ("3xHxW maxpool:8 upsample:x8 concat:from=input+upsample1", ["H is a multiple of 8", "W is a multiple of 8"]),
        ("3xHxW maxpool:2 upsample:x2 add:from=input+upsample1", ["H is even", "W is even"]),
        ("3xHxW conv:3,k2,name=a add:from=input+a", ["H = 2", "W = 2"]),
        ("3xHxW pad:p=3,mode=reflect pixelunshuffle:4", ["H = 4m + 2, H >= 6", "W = 4m + 2, W >= 6"]),
        ("3xHx8 flatten linear:10,c_i=192", ["H = 8"]),
        ("3xHxH flatten linear:10,c_i=192", ["H = 8"]),
        ("3xHxW flatten linear:10,c_i=192", ["H*W = 64, as H = W = 8"]),
        ("3xHxW conv:4,k3 flatten linear:10,c_i=24", ["H >= 3", "W >= 3", "(H-2)*(W-2) = 6, as H = 4, W = 5"]),
        ("CxHx8 conv:8,k3,g4 groupnorm:4", ["C is a multiple of 4", "H >= 3"]),
        ("Cx8x8 conv:8,k3,c_i=6", ["C = 6"]),
        ("3xHxW permute:1x3x2,name=t concat:from=input+t", ["H = W"]),
        ("3xHxW reshape:out=[12,-1]", ["H*W*3 is a multiple of 12"]),
        ("1xHxW maxpool:3,s1,p2,d3", ["H >= 3", "W >= 3"]),
        ("3xHxW upsample:factor=0.3 add:from=input+upsample1", ["unknown sizes agree"]),
    ],
)
def test_what_a_network_needs_of_its_letters(words: str, texts: list[str]) -> None:
    assert cnncalc.shape(words).holds.texts() == texts
    done = here(["shape", *words.split()])
    assert [line for line in done.out.splitlines() if line.startswith("holds where")] == [
        f"holds where {'; '.join(texts)}" for _ in texts[:1]
    ]


def test_squares_of_one_letter_are_written_as_such() -> None:
    report = cnncalc.shape("3xHxH conv:8,k5 maxpool:2 flatten")
    assert [str(report["conv1"].macs), str(report.out[0])] == ["(H-4)*(H-4)*600", "((H-4)//2)*((H-4)//2)*8"]
    assert [str((H + by) * (H + 2) * 3) for by in (2, 3)] == ["(H+2)*(H+2)*3", "H*H*3+H*15+18"]


def test_declared_features_make_counts_known() -> None:
    report = cnncalc.shape("3xHxW conv:256,k3,s2,p1 relu flatten linear:10,c_i=9216")
    assert (report["linear1"].params, report.params) == (92_170, 92_170 + 7_168)
    assert report.holds.texts() == ["((H+1)//2)*((W+1)//2) = 36, as H = W from 11 to 12"]
    declared = cnncalc.shape("CxHxW conv:8,k3,c_i=3 batchnorm:8")
    assert (declared.params, declared.buffers) == (8 * 27 + 8 + 16, 16)


def test_open_channels_count_and_are_explained_by_their_letter() -> None:
    depthwise = cnncalc.shape("CxHxW dwconv:k3,p1,multiplier=2")["dwconv1"]
    assert [str(count) for count in (depthwise.weights, depthwise.bias, depthwise.params)] == ["C*18", "C*2", "C*20"]
    out = here(["shape", "CxHxW", "dwconv:k3,p1", "conv:8,k3,g=2,from=input", "--explain"]).out
    assert "parameters: c_i*multiplier*k + c_o = C*1*3*3 + C = C*10" in out
    assert "parameters: c_o*c_i/g*k + c_o = 8*(C/2)*3*3 + 8 = (C//2)*72+8" in out


def test_deep_u_nets_of_large_strides_stay_exact_and_fast() -> None:
    strides = (2, 3, 5, 7, 11, 13)
    down = [f"maxpool:{s},name=d{at}" for at, s in enumerate(strides)]
    up = [
        f"upsample:x{s},name=u{at} concat:from=u{at}+{f'd{at - 1}' if at else 'input'}"
        for at, s in reversed([*enumerate(strides)])
    ]
    report = cnncalc.shape(" ".join(["3xHxW", *down, *up]))
    assert report.holds.texts() == ["H is a multiple of 30030", "W is a multiple of 30030"]
    coprime = [f"maxpool:{k},from=input,name=m{k} upsample:x{k},name=u{k}" for k in range(2, 14)]
    joined = f"concat:from=input+{'+'.join(f'u{k}' for k in range(2, 14))}"
    assert cnncalc.shape(" ".join(["3xHxW", *coprime, joined])).holds.texts()[0] == "H is a multiple of 360360"


def test_a_product_is_not_divided_in_very_many_ways() -> None:
    """963,761,198,400 has 6,720 divisors: a file of 400 bytes took 2.6 GB."""
    wide = Open("H") * Open("W") * Open("D")
    few, many = (Holds().boxes(Condition((Requirement(wide, "=", n),))) for n in (5040, 9_777_287_520))
    assert (few is not None and len(few), many) == (810, None)


def test_examples_are_looked_for_of_some_conditions_only() -> None:
    both = Open("H") * Open("W")
    said = Holds("HW", [Condition((Requirement(both, "=", n),)) for n in range(101, 131)]).texts()
    assert len(said) == 30
    assert ["as" in one for one in said] == [True] * MOST_JOINT + [False] * (30 - MOST_JOINT)
