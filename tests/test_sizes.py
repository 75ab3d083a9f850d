"""Shapes as text, and arithmetic with open sizes."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncalc.errors import SpecError
from cnncalc.floors import larger, smaller
from cnncalc.sizes import (
    LARGEST,
    NOTHING_KNOWN,
    UNKNOWN,
    Open,
    Shape,
    Size,
    atom,
    count,
    counted,
    known,
    looks_like_shape,
    parse_shape,
    product,
    read_shape,
    read_size,
    respelled,
    show,
    size_text,
    to_json,
    total,
)

H, W = Open("H"), Open("W")


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("3x224x224", (3, 224, 224)),
        ("3X224X224", (3, 224, 224)),
        ("3,224,224", (3, 224, 224)),
        ("3×224×224", (3, 224, 224)),
        (" 3x5 ", (3, 5)),
        ("784", (784,)),
        ("3xHxW", (3, H, W)),
        ("3,h,w", (3, Open("h"), Open("w"))),
        ("NxCxHxW", (Open("N"), Open("C"), H, W)),
        ("003x05", (3, 5)),
        (f"1x{LARGEST}", (1, LARGEST)),
        ("1x2x3x4x5x6x7x8", (1, 2, 3, 4, 5, 6, 7, 8)),
        # As frameworks print them: an open batch is left out.
        ("(3, 5, 7)", (3, 5, 7)),
        ("[3, 5,]", (3, 5)),
        ("torch.Size([2, 3, 5])", (2, 3, 5)),
        ("TensorShape([2, 3, 5])", (2, 3, 5)),
        ("(None, 5, 7, 3)", (5, 7, 3)),
        ("(-1, 3, ?)", (3, UNKNOWN)),
        ("(3, None, 7)", (3, UNKNOWN, 7)),
        ("batchx3xNone", (3, UNKNOWN)),
        ("(None, 5)", (5,)),
        ("(None,)", (UNKNOWN,)),
    ],
)
def test_shapes_as_they_are_written(text: str, shape: Shape) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("3*32*32", "3x32x32"),
        ("3x32²", "3x32x32"),
        ("3 32 48", "3x32x48"),
        ("1*16**2", "1x16x16"),
        ("2x5³", "2x5x5x5"),
        ("(3-5)", "3x5"),
        ("(3,5", "3x5"),
        ("3;H²", "3xHxH"),
        # Not clear, or nothing to correct.
        ("H*3", None),
        ("3*conv", None),
        ("3;", None),
        ("(5", None),
        ("(3, 5)", None),
        ("3x5", None),
    ],
)
def test_signs_that_shapes_do_not_have(text: str, meant: str | None) -> None:
    assert respelled(text) == meant
    if meant is not None:
        with pytest.raises(SpecError) as caught:
            parse_shape(text)
        assert (str(caught.value), caught.value.key) == (f"{text!r} is not a shape\n  write {meant}", "input")


class Index:
    """An integer of another type, like NumPy's."""

    def __init__(self, number: int):
        self.number = number

    def __index__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Index({self.number})"


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ([3, 224, 224], (3, 224, 224)),
        ((3, 224), (3, 224)),
        ([3, "H", "W"], (3, H, W)),
        ("3x5", (3, 5)),
        ([Index(1), Index(LARGEST)], (1, LARGEST)),
    ],
)
def test_shapes_from_json(value: object, shape: Shape) -> None:
    assert read_shape(value) == shape


def test_a_null_is_a_size_nobody_named() -> None:
    (batch, channels) = read_shape([None, 3])
    assert (batch, channels) == (UNKNOWN, 3)
    assert to_json((batch, channels)) == [None, 3]


SHAPE_HELP = "a size is a whole number, or one letter (but not x) for an open size: 3x224x224, 3xHxW"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("3x0x5", "0 is not a size, in '3x0x5'\n  a size is at least 1"),
        ("3x-1", f"'-1' is not a size, in '3x-1'\n  {SHAPE_HELP}"),
        ("3x2.5", f"'2.5' is not a size, in '3x2.5'\n  {SHAPE_HELP}"),
        ("3xHW", f"'HW' is not a size, in '3xHW'\n  {SHAPE_HELP}"),
        ("3xx5", f"'' is not a size, in '3xx5'\n  {SHAPE_HELP}"),
        ("", f"'' is not a size, in ''\n  {SHAPE_HELP}"),
        ("3x²", f"'²' is not a size, in '3x²'\n  {SHAPE_HELP}"),
        ("3x٣", f"'٣' is not a size, in '3x٣'\n  {SHAPE_HELP}"),
        ("3xé", f"'é' is not a size, in '3xé'\n  {SHAPE_HELP}"),
        (
            f"3x{LARGEST + 1}",
            "9223372036854775808 is not a size, in '3x9223372036854775808'\n"
            "  a size is at most 9,223,372,036,854,775,807",
        ),
        ([3, -1], "-1 is not a size, in [3, -1]\n  a size is at least 1"),
        ([3, True], f"true is not a size, in [3, true]\n  {SHAPE_HELP}"),
        ([3, 2.0], f"2.0 is not a size, in [3, 2.0]\n  {SHAPE_HELP}"),
        ([3, "x"], f"'x' is not a size, in [3, 'x']\n  {SHAPE_HELP}"),
        ([3, [5]], f"[5] is not a size, in [3, [5]]\n  {SHAPE_HELP}"),
        ([], "[] is not a shape\n  a shape is written 3x224x224, in JSON [3, 224, 224]"),
        (5, "5 is not a shape\n  a shape of one size is written [5]"),
        (True, "true is not a shape\n  a shape is written 3x224x224, in JSON [3, 224, 224]"),
        ({"c": 3}, '{"c": …} is not a shape\n  a shape is written 3x224x224, in JSON [3, 224, 224]'),
        ([1] * 33, "a shape of 33 sizes\n  a shape has at most 8 sizes"),
        ([1] * 9, "a shape of 9 sizes\n  a shape has at most 8 sizes"),
        ([3, Index(0)], "0 is not a size, in [3, Index(0)]\n  a size is at least 1"),
        ("(3, None)", f"'(3' is not a size, in '(3, None)'\n  {SHAPE_HELP}"),
    ],
)
def test_what_is_no_shape_says_so(value: object, message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$") as caught:
        read_shape(value)
    assert caught.value.key == "input"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("-1x3", "-1"),
        ("3x?", "?"),
        ("()", ""),
        ("torch.Size([3,5]", "torch.Size([3"),
        ("torch.Size 3x5)", "torch.Size 3"),
        ("Size([3, 5])", "Size([3"),
    ],
)
def test_what_is_not_a_size_is_named_in_the_error(text: str, part: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"{part!r} is not a size, in {text!r}")):
        parse_shape(text)


def test_the_shape_of_a_single_number_is_read_where_it_may_be() -> None:
    assert read_shape([], scalar=True) == ()


@pytest.mark.parametrize("digits", [20, 4299, 4301, 5000, 100_000])
def test_a_size_of_many_digits_is_an_error_and_a_short_one(digits: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_shape("3x" + "9" * digits)
    assert len(str(caught.value)) < 300


def test_a_json_number_of_many_digits_is_an_error_and_a_short_one() -> None:
    with pytest.raises(SpecError) as caught:
        read_shape([3, 10**5000])
    assert str(caught.value).startswith("a number of more than 4,300 digits is not a size")


TUPLES = ["(5)", "[3, 5]", "(None, 3, 5)", "Nonex3", "torch.Size([3, 5])"]


@pytest.mark.parametrize("word", ["3x224x224", "3,5", "3×5", "784", "3xHxW", "NxCxHxW", "CxL", "3x0", *TUPLES])
def test_words_that_are_shapes(word: str) -> None:
    assert looks_like_shape(word)


@pytest.mark.parametrize(
    "word",
    ["conv", "H", "", "x", "3x", "x3", "3xx3", "vgg16", "3x5.json", "-", "3x-1", "3xHW", "²", "3x?", "(None, None)"],
)
def test_words_that_are_no_shapes(word: str) -> None:
    assert not looks_like_shape(word)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (H, "H"),
        (H + 1, "H+1"),
        (H - 3, "H-3"),
        ((H + 1) // 2, "(H+1)//2"),
        (H // 2, "H//2"),
        (H * 2, "H*2"),
        (H * 2 - 1, "H*2-1"),
        ((H + 1) // 2 * 3 + 5, "((H+1)//2)*3+5"),
        (UNKNOWN, "?"),
    ],
)
def test_an_open_size_as_text(size: Size, text: str) -> None:
    assert str(size) == text
    assert show((3, size)) == (f"3x{text}" if len(text) == 1 else f"3x[{text}]")


def test_a_shape_as_text_and_as_json() -> None:
    assert show((3, 224, 224)) == "3x224x224"
    assert show((3, H, (W + 1) // 2)) == "3xHx[(W+1)//2]"
    assert to_json((3, H, (W + 1) // 2, UNKNOWN)) == [3, "H", "(W+1)//2", None]
    assert repr(H + 1) == "<size H+1>"
    assert [show(()), show(NOTHING_KNOWN), to_json(()), to_json(NOTHING_KNOWN)] == ["scalar", "unknown", [], None]
    assert [show((12,)), show((UNKNOWN, 12))] == ["12", "?x12"]
    assert [atom(12), atom(H), atom(H + 1), atom(H * -1), atom(UNKNOWN)] == ["12", "H", "(H+1)", "(-H)", "?"]


def test_what_is_not_known_is_not_a_single_number() -> None:
    assert [operator.eq(NOTHING_KNOWN, other) for other in (NOTHING_KNOWN, ())] == [True, False]
    assert [operator.ne(NOTHING_KNOWN, other) for other in (NOTHING_KNOWN, ())] == [False, True]
    assert {NOTHING_KNOWN: 1, (): 2}[()] == 2


def test_counts_as_text() -> None:
    assert [counted(1234567), counted(None), counted(H * 2)] == ["1,234,567", "unknown", "H*2"]
    assert [counted(H * 2, longest) for longest in (2, 3)] == ["open", "H*2"]
    long = total([Open(letter) * 10**18 for letter in "ABCDEFGHIJ"])
    assert [len(counted(total([long, Open("K") * 10**digits]))) for digits in (17, 18)] == [240, len("open")]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        ((1 << 20) - 52, "1023.9 KiB"),
        ((1 << 20) - 51, "1.0 MiB"),  # not 1024.0 KiB
        (3 << 50, "3.0 PiB"),
        (3 << 60, "3072.0 PiB"),
    ],
)
def test_bytes_as_text(amount: int, text: str) -> None:
    assert size_text(amount) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4096", 4096),
        ("256M", 256 << 20),
        ("1.5GiB", 3 << 29),
        (" 2kb ", 2048),
        (".5t", 1 << 39),
        ("2.", 2),
        ("1.0005k", 1024),
        ("9" * 3999, 10**3999 - 1),
    ],
)
def test_numbers_of_bytes(text: str, number: int) -> None:
    assert read_size(text) == number


@pytest.mark.parametrize("text", ["", "k", ".", "1.2.3", "-1", "1e3", "٣", "3p", "9" * 4000])
def test_what_is_not_a_number_of_bytes(text: str) -> None:
    with pytest.raises(SpecError, match=r"is not a number of bytes\n  for example 256M or 1G$"):
        read_size(text)


def test_the_same_letter_is_the_same_size() -> None:
    assert Open("H") == H
    assert hash(Open("H") + 2) == hash(H + 2)
    assert H != W
    assert H + 1 != H
    assert H != 224
    assert H.same_as(Open("H"))
    assert not H.same_as(W)


def test_the_unknown_is_not_even_the_same_as_itself() -> None:
    assert not UNKNOWN.same_as(UNKNOWN)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((H + 2) // 2, H // 2 + 1),
        (H * 2 // 2, H),
        ((H * 2 + 2) // 2, H + 1),
        ((H + 1) * 2, H * 2 + 2),
        (H // 2 // 3, H // 6),
        ((H // 2 * 4 + 5) // 4, H // 2 + 1),
        (2 + H, H + 2),
        (3 * H, H * 3),
        (H - H, 0),
        (H * 1, H),
        (H // 1, H),
    ],
)
def test_equal_sizes_have_equal_parts(left: Size, right: Size) -> None:
    assert left == right


@pytest.mark.parametrize("size", [H // W, H // 0, H // -1, UNKNOWN + 1, UNKNOWN * 2, UNKNOWN // 2, H * UNKNOWN])
def test_what_cannot_be_written_is_unknown(size: Size) -> None:
    assert size == UNKNOWN
    assert known(size) is None


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (H + W, "H+W"),
        (H - W, "H-W"),
        (5 - H, "-H+5"),
        (H * W * 256, "H*W*256"),
        (H * H, "H*H"),
        (H * 3 // 2, "(H*3)//2"),
        (H + (H + 1) // 2, "(H*3+1)//2"),
        (H // 2 + H // 3, "H//2+H//3"),
        (H // 2 * 2 // 3, "((H//2)*2)//3"),
        ((H - 31) // 32 * ((W - 31) // 32) * 256, "((H-31)//32)*((W-31)//32)*256"),
        ((H * 2 - 1) * (W * 2 - 1), "(H*2-1)*(W*2-1)"),
        (H * W + 1, "H*W+1"),
        (H // 16 * (W // 16) + 1, "(H//16)*(W//16)+1"),
        ((H - 4) // 2 * 2, "((H-4)//2)*2"),
        (smaller(H, 5), "min(H, 5)"),
        (larger(H, W) * 2, "max(H, W)*2"),
    ],
)
def test_several_letters_and_floors_as_text(size: Size, text: str) -> None:
    assert str(size) == text


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (H // 2 + (H + 1) // 2, H),
        (H // 3 + (H + 1) // 3 + (H + 2) // 3, H),
        (H // 4 + (H + 2) // 4, H // 2),
        (H - H // 2, (H + 1) // 2),
        ((H * 2 + W) // 2, H + W // 2),
        (H * 0, 0),
        (H // 6 * 6 + H % 6, H),
        (larger(H, H + 3), H + 3),
        (smaller(H * 2, H), smaller(H, H * 2)),
        ((W // 2 + 1) * (H // 2), W // 2 * (H // 2) + H // 2),
    ],
)
def test_equal_sizes_are_equal_however_they_were_made(left: Size, right: Size) -> None:
    assert left == right
    assert hash(left) == hash(right)


def test_a_product_is_divided_by_its_factors() -> None:
    area = H * W * 6
    assert isinstance(area, Open)
    assert area // W == H * 6
    assert area // area == 1
    assert area // (H * 4) == UNKNOWN


def value(size: Size, number: int) -> int:
    """Return an open size with a number for its letter."""
    return size if isinstance(size, int) else int(str(size.at({"H": number})))


LETTERS = {"H": H, "W": W}
trees = st.recursive(
    st.one_of(st.sampled_from("HW"), st.integers(-9, 9)),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "max", "min"]), inner, inner),
        st.tuples(st.just("//"), inner, st.integers(1, 6)),
    ),
    max_leaves=9,
)
WORKED = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "max": larger,
    "min": smaller,
}


def computed(tree: object, letters: Mapping[str, Size]) -> Size:
    """Return the value of an arithmetic tree for letters or numbers."""
    if isinstance(tree, tuple):
        sign, left, right = tree
        result: Size = WORKED[sign](computed(left, letters), computed(right, letters))
        return result
    return letters[tree] if isinstance(tree, str) else int(str(tree))


@given(trees, st.integers(1, 99), st.integers(1, 99))
def test_a_random_formula_is_its_value_everywhere(tree: object, h: int, w: int) -> None:
    size, wanted = computed(tree, LETTERS), computed(tree, {"H": h, "W": w})
    if isinstance(size, int):
        assert size == wanted
    elif size != UNKNOWN:
        assert size.at({"H": h, "W": w}) == wanted
        half = size.at({"H": h})
        assert (half if isinstance(half, int) else half.at({"W": w})) == wanted
        assert eval(str(size), {"__builtins__": {}, "max": max, "min": min}, {"H": h, "W": w}) == wanted


@given(trees, trees)
def test_equal_formulas_have_equal_hashes_and_values(left: object, right: object) -> None:
    a, b = computed(left, LETTERS), computed(right, LETTERS)
    if isinstance(a, Open) and isinstance(b, Open) and a.same_as(b):
        assert hash(a) == hash(b)
        for h, w in ((1, 1), (2, 5), (7, 3), (64, 31)):
            assert a.at({"H": h, "W": w}) == b.at({"H": h, "W": w})


def test_a_formula_that_grows_too_large_is_unknown_soon() -> None:
    size: Size = H
    for _ in range(60):
        size = (size * 3 + size // 2) * 5 // 7
    assert size == UNKNOWN
    assert product([Open(letter) + 1 for letter in "ABCDEFGH"]) == UNKNOWN


steps = st.lists(
    st.one_of(
        st.tuples(st.just("+"), st.integers(-20, 20)),
        st.tuples(st.just("*"), st.integers(1, 5)),
        st.tuples(st.just("//"), st.integers(1, 5)),
    ),
    max_size=8,
)


def worked(size: Size, chain: list[tuple[str, int]]) -> Size:
    """Return a size after a chain of steps."""
    for step, by in chain:
        size = size + by if step == "+" else size * by if step == "*" else size // by
    return size


@given(steps, st.integers(1, 500))
def test_a_number_for_the_letter_commutes_with_the_arithmetic(chain: list[tuple[str, int]], number: int) -> None:
    size = worked(H, chain)
    if size != UNKNOWN:
        assert value(size, number) == worked(number, chain)


@given(st.lists(st.one_of(st.tuples(st.just("+"), st.integers(-20, 20)), st.tuples(st.just("//"), st.integers(1, 5)))))
def test_sums_and_floors_alone_are_never_unknown(chain: list[tuple[str, int]]) -> None:
    """Strided chains do nothing else."""
    assert worked(H, chain) != UNKNOWN


@given(steps, st.integers(1, 500))
def test_the_text_is_the_arithmetic(chain: list[tuple[str, int]], number: int) -> None:
    size = worked(H, chain)
    if isinstance(size, Open) and size != UNKNOWN:
        assert eval(str(size), {"__builtins__": {}}, {"H": number}) == value(size, number)


def test_products_counts_and_totals() -> None:
    assert product((2, 3, 5)) == 30
    assert product(()) == 1
    assert product((2, H, 3)) == H * 6
    assert product((H, W)) == H * W
    assert count(2, 3, 5) == 30
    assert count(2, H) == H * 2
    assert count(0, H) == 0
    assert count(2, UNKNOWN) is None
    assert count(2, None) is None
    assert total([1, 2, 3]) == 6
    assert total([1, None]) is None
    assert total([1, H, 2]) == H + 3
    assert total([1, UNKNOWN]) is None
    assert total([]) == 0
    assert known(5) == 5
    assert known(None) is None


def test_sums_of_products_read_as_products() -> None:
    """A count is a sum over layers: products of sizes, with common factors extracted."""
    conv, second = (H - 4) * (W - 4) * 150, ((H - 12) // 2) * ((W - 12) // 2) * 2400
    assert str(total([conv, second, 840])) == "((H-12)//2)*((W-12)//2)*2400+(H-4)*(W-4)*150+840"
    assert str(total([H * W * 3, H * 5, W * -2, 7])) == "H*W*3+H*5-W*2+7"
    assert str(total([count(H, H, 48), count(H, -576)])) == "H*H*48-H*576"
