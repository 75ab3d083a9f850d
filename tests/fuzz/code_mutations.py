"""Mutations of Python sources: any paste gets an answer or a clear error without delay, and is not executed.

    python -m tests.fuzz.code_mutations [COUNT [SEED]]

It prints what took longer than two seconds, and every exception that is not a cnncalc error.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
import tokenize
import traceback
from collections.abc import Iterator
from typing import Any

from cnncalc.errors import CnncalcError
from cnncalc.frameworks.code import read
from tests import DATA

CODE = DATA / "code"
SLOWEST = 2.0
"""The longest permitted run time, in seconds."""
_STRANGE = """
    0 -1 99999999999 10**9 1e308 None True [] {} () x self "M" 'a'*10**9 range(10**12) [0]*10**8 lambda:0 * ** @ : ,
    ( ) [ ] { } = == -> if else for while def class return yield import from try with del raise global nonlocal async
    await not in is and or super() __import__('os').system('false') open('x') print exec eval torch.zeros(10**9)
"""
STRANGE = _STRANGE.split()
LOOPS = (
    "while True: pass",
    "for i in range(10 ** 12): pass",
    "x = [1]\nwhile x: x += x",
    "def f(): return f()\nf()",
    "x = 'a'\nfor _ in range(99): x = x + x",
    "a = []\nfor _ in range(99): a = [a, a]\nb = []\nfor _ in range(99): b = [b, b]\nc = a == b",
    "t = ()\nfor _ in range(99): t = (t, t)\nd = {t: 1}",
    "n = 7\nfor _ in range(99): n = n ** n",
)


def tokens_of(text: str) -> list[str]:
    """Return a source's tokens, including white space and line ends."""
    found, lines = [], text.splitlines(keepends=True)
    end = (1, 0)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        if token.start > end:
            found.append(between(lines, end, token.start))
        found.append(token.string)
        end = token.end
    return found


def between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the text between two positions."""
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    middle = lines[start[0] : end[0] - 1]
    return lines[start[0] - 1][start[1] :] + "".join(middle) + lines[end[0] - 1][: end[1]]


def mutated(text: str, draw: random.Random) -> str:
    """Return a source with some of its tokens removed, repeated, swapped or replaced, or with code inserted."""
    tokens = tokens_of(text)
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        at, other = draw.randrange(len(tokens)), draw.randrange(len(tokens))
        kind = draw.randrange(9)
        if kind == 0:
            tokens[at] = ""
        elif kind == 1:
            tokens[at] += tokens[at]
        elif kind == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 3:
            tokens[at] = tokens[other]
        elif kind in (4, 5):
            tokens[at] = draw.choice(STRANGE)
        elif kind == 6:
            depth = draw.choice([5, 60, 300, 5000])
            tokens[at] = draw.choice(["(", "[", "-", "not ", "f("]) * depth + tokens[at]
        elif kind == 7:
            numbers = [place for place, token in enumerate(tokens) if token.isdigit()]
            if numbers:
                tokens[draw.choice(numbers)] = draw.choice(["0", "1", "7", "10**7", "2**70", "-3", "1.5", "None"])
        else:
            lines = "".join(tokens).split("\n")
            line = draw.randrange(len(lines))
            space = lines[line][: len(lines[line]) - len(lines[line].lstrip())]
            more = [space + one for one in draw.choice(LOOPS).split("\n")]
            tokens = ["\n".join([*lines[:line], *more, *lines[line:]])]
            tokens = tokens if draw.random() < 0.5 else [tokens[0] + "\n"]
            break
    return "".join(tokens)


def sources() -> list[tuple[str, str | None, dict[str, tuple[int, ...]]]]:
    """Return the sources to mutate: each text, the object to read, and its input."""
    cases: dict[str, Any] = json.loads((CODE / "cases.json").read_text())
    found = []
    for name, case in cases.items():
        if name.endswith(".py"):
            inputs = {"input": tuple(case["input"])} if case["input"] else {}
            found.append(((CODE / name).read_text(), case["object"], inputs))
    return found


def outcome(text: str, wanted: str | None, inputs: dict[str, tuple[int, ...]]) -> str:
    """Return whether a source is read or gives a cnncalc error. Other exceptions pass."""
    try:
        network = read(text, "net.py", wanted)
        if network.unread and network.bind is not None:
            network.bind(inputs)
    except CnncalcError as error:
        str(error)
        return "error"
    return "read"


def cases(count: int, seed: int) -> Iterator[tuple[str, str | None, dict[str, tuple[int, ...]]]]:
    """Yield mutated sources."""
    draw, known = random.Random(seed), sources()
    for _ in range(count):
        text, wanted, inputs = draw.choice(known)
        yield mutated(text, draw), wanted if draw.random() < 0.7 else None, inputs


def say(text: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(count: int = 10_000, seed: int = 1) -> int:
    """Try mutated sources, and print the faults."""
    counts: dict[str, int] = {}
    slowest = 0.0
    for number, case in enumerate(cases(count, seed)):
        start = time.process_time()
        try:
            result = outcome(*case)
        except BaseException:
            result = "exception"
            say(f"--- {number}\n{case[0]}\n{traceback.format_exc()[-3000:]}")
            if counts.get("exception", 0) > 8:
                break
        taken = time.process_time() - start
        if taken > SLOWEST:
            say(f"--- {number} took {taken:.1f} s ({result})\n{case[0]}")
            result = "slow"
        slowest = max(slowest, taken)
        counts[result] = counts.get(result, 0) + 1
    say(f"{counts} slowest {slowest:.2f} s")
    return int(bool(counts.get("exception") or counts.get("slow")))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
