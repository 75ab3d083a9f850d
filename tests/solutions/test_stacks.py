"""The shortest stack that sees far enough, compared with every stack of the words that is not longer."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cnncalc
from cnncalc.dialects import Dialect
from cnncalc.layers import Env
from cnncalc.notation.completers import LeftOutChannels
from cnncalc.notation.words import read_words
from cnncalc.solutions.stacks import BY, StackQuestion, stack

WORDS = (
    "conv:k3",
    "conv:k1,s2",
    "conv:8,k2",
    "conv:k3x1",
    "conv:k3,d2",
    "dwconv:k5",
    "maxpool:2",
    "avgpool:3,s1",
    "conv:k1",
)
ENV = Env(Dialect, False)


def cost(words: tuple[str, ...], field: tuple[int, ...], channels: int, by: str) -> tuple[int, ...] | None:
    """Return the depth, stride and parameters of a stack, in the order of `by`; None if it does not see far enough."""
    network = read_words(words, complete=LeftOutChannels(channels))
    report = cnncalc.shape(network, f"{channels}xHxW")
    if any((one.size or 0) < wanted for one, wanted in zip(report.rf, field, strict=True)):
        return None
    assert isinstance(report.params, int)
    found = len(words), prod(one.stride or 0 for one in report.rf), report.params
    return found if by == "depth" else found[::-1]


@example(["conv:k3", "maxpool:2"], (14, 14), "depth")
@example(["conv:8,k2", "conv:k3"], (4, 4), "params")
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True),
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.sampled_from(BY),
)
def test_no_stack_is_better(words: list[str], field: tuple[int, int], by: str) -> None:
    found = stack(StackQuestion(tuple(words), field, 4, ENV, by))
    deepest = 4
    tried = [
        own
        for depth in range(1, deepest + 1)
        for some in product(words, repeat=depth)
        if (own := cost(some, field, 4, by)) is not None
    ]
    if found is None:
        assert not tried
        return
    mine = cost(found.words, field, 4, by)
    assert mine is not None
    if tried:
        assert mine <= min(tried)
    if len(found.words) <= deepest:
        assert mine == min(tried)


def test_the_shortest_of_a_published_pair() -> None:
    """Two 3x3 convolutions see as far as one of 5x5, three as far as one of 7x7, with fewer weights (VGG)."""
    for wanted, number in ((5, 2), (7, 3)):
        question = StackQuestion(("conv:k3,nobias", f"conv:k{wanted},nobias"), (wanted, wanted), 64, ENV)
        deep, shallow = stack(question._replace(by="params")), stack(question)
        assert deep is not None
        assert shallow is not None
        assert (deep.words, shallow.words) == (("conv:64,k3,nobias",) * number, (f"conv:64,k{wanted},nobias",))
        assert deep.report.params == number * 9 * 64 * 64


def test_a_far_field_is_found_at_once() -> None:
    found = stack(StackQuestion(("conv:k3", "maxpool:2"), (100, 100), 64, ENV))
    assert found is not None
    assert found.words == ("maxpool:2",) * 4 + ("conv:64,k3",) * 3  # 16 + 3*2*16 = 112
    assert stack(StackQuestion(("conv:k1",), (3, 3), 64, ENV)) is None


def test_words_of_many_shapes_are_compared_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    words = tuple([f"conv3d:k{k}" for k in ("3x5x7", "7x3x5", "5x7x3")])
    found = stack(StackQuestion(words, (37, 37, 37), 64, ENV))
    assert found is not None
    assert len(found.words) == 9  # 36 pixels more on each axis, 12 for one of each word
    monkeypatch.setattr("cnncalc.solutions.stacks.MOST_COMPARED", 10_000)
    with pytest.raises(cnncalc.SpecError, match="too many stacks"):
        stack(StackQuestion((*words, "conv3d:k1x3x3", "conv3d:k3x1x1"), (100, 100, 100), 64, ENV, "params"))


def test_very_many_words_are_followed_in_bounds() -> None:
    found = stack(StackQuestion(("conv:k3",) * 5_000, (9, 9), 64, ENV))
    assert found is not None
    assert found.words == ("conv:64,k3",) * 4
    for number, said in ((300, "too many stacks to compare"), (2_001, "more than 2,000 words")):
        with pytest.raises(cnncalc.SpecError, match=said):
            stack(StackQuestion(tuple([f"conv:k{2 * k + 3}" for k in range(number)]), (900_000, 900_000), 64, ENV))


@pytest.mark.parametrize("word", ["convT:k3,s2", "upsample:x2", "gap"])
def test_words_whose_units_see_differently_are_refused(word: str) -> None:
    with pytest.raises(cnncalc.SpecError, match="see differently"):
        stack(StackQuestion((word,), (9, 9), 64, ENV))
