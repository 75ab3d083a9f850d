"""A stack of layers as words; its report is shown like any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ...errors import escaped
from ...notation.encode import document as json_document
from ...sizes import show
from ...solutions.stacks import MOST_LAYERS, LayerStack


def words_text(stack: LayerStack) -> str:
    """Return a stack as words, with repeated ones merged: `64xHxW maxpool:2,times=4 conv:64,k3`."""
    words = [show(stack.report.sample)]
    for word, run in groupby(stack.words):
        number = len(list(run))
        words += [word] * number if number == 1 or "times=" in word or "(" in word else [_repeated(word, number)]
    return " ".join(words)


def none_text(words: Sequence[str], field: str, as_json: bool) -> Iterator[str]:
    """Yield the message that no stack of these words sees that many pixels."""
    if as_json:
        yield from json_document({"solutions": [], "complete": True}.items())
        return
    yield f"no stack of {escaped(', '.join(words))} sees {field} pixels, of at most {MOST_LAYERS:,} words\n"


def _repeated(word: str, number: int) -> str:
    return f"{word}{',' if ':' in word else ':'}times={number}"
