"""The option --at: numbers in place of the letters of open sizes, with a table row for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from ..errors import SpecError, shown
from ..limits import MOST_TABULATED, check_limit
from ..network import Network, no_input
from ..outputs import text_output
from ..render.tabulation import FORMATS
from ..sizes import LARGEST, is_digits, is_letter, show
from ..tabulation import Tabulation, open_letters, tabulate
from ._network_options import Measures, NetworkOptions
from ._terminal import style_of

MOST_ROWS = 10_000
FORM = "for example --at H=224,256 or --at H=W=32..256..32"


def read_numbers(text: str) -> tuple[tuple[str, ...], list[int]]:
    """Read a value of --at: `H=224,256,300`, `H=W=224`, `H=32..256` or `H=32..256..32`. Raise SpecError otherwise."""
    each = re.split(r"(?<=\d)[,; ]+(?=\w+ *=)", text)
    if len(each) > 1:
        help = " ".join([f"--at {one}" for one in each])
        raise SpecError(f"--at {shown(text)} has more than one value", f"give each its own option: {help}")
    *letters, numbers = [part.strip() for part in text.split("=")]
    if not letters or not all(map(is_letter, letters)):
        raise SpecError(f"--at {shown(text)} does not start with a letter of the input", FORM)
    found: list[int] = []
    for part in numbers.split(","):
        ends = [end.strip() for end in part.split("..")]
        if not all(map(is_digits, ends)) or len(ends) > 3:
            raise SpecError(f"--at {shown(text)}: {shown(part)} is not a number or a range", FORM)
        first, last, step = [*map(int, ends), *[int(ends[0]), 1][len(ends) - 1 :]]
        if not 1 <= first <= last <= LARGEST or step < 1:
            raise SpecError(
                f"--at {shown(text)}: {shown(part)} is not a size or a range of sizes",
                "sizes start at 1, and a range starts with its smaller end",
            )
        if (last - first) // step >= MOST_ROWS:
            raise SpecError(f"--at {shown(text)} is more than {MOST_ROWS:,} rows", "give a step: 32..4096..32")
        found += range(first, last + 1, step)
    return tuple(letters), list(dict.fromkeys(found))


def read_settings(texts: Sequence[str], letters: Sequence[str]) -> Iterator[dict[str, int]]:
    """Yield the numbers of each row: all combinations of several --at. Raise SpecError for an unknown letter."""
    given: dict[tuple[str, ...], list[int]] = {}
    for text in texts:
        names, numbers = read_numbers(text)
        for name in names:
            if any(name in others for others in given):
                raise SpecError(f"--at gives {name} twice", f"give all values of {name} at once: --at {name}=224,256")
            if name not in letters:
                help = f"the input has the letter{'s' * (len(letters) > 1)} {', '.join(letters)}"
                raise SpecError(f"--at gives {name}, but the input has no {name}", help)
        given[names] = numbers
    if prod(map(len, given.values())) > MOST_ROWS:
        raise SpecError(f"--at gives more than {MOST_ROWS:,} rows", "give fewer numbers")
    for row in product(*given.values()):
        yield {name: number for names, number in zip(given, row, strict=True) for name in names}


def _closed(network: Network) -> SpecError:
    """Return the error for an input without letters, with letters it could have."""
    from ..solutions.inputs import opened

    with_letters = opened(network)
    help = f"write letters for its sizes, such as {show(with_letters.input or ())}: --at "
    help += f"{'='.join(open_letters(with_letters))}=224,256"
    return SpecError(f"--at is for open sizes, but the input is {show(network.input or ())}", help)


def write_table(
    network: Network,
    options: NetworkOptions,
    measures: Measures,
    texts: Sequence[str],
    format: str,
    path: str | None,
    others: bool,
) -> int:
    """Write a row for each combination of numbers; return 2 if all are impossible.

    Raise SpecError if there are `others`: options that apply to a single report.
    """
    if others:
        help = "leave out --explain, --get, --annotate, --hints, --columns, the row options, "
        help += "and all dialects but one"
        raise SpecError("--at tabulates one whole network", help)
    network, left = options.taken(network)
    network = left.settle(network)
    if network.input is None:
        raise no_input()
    letters = open_letters(network)
    if not letters:
        raise _closed(network)
    settings = list(read_settings(texts, letters))
    what = "--at traces {made:,} layers over all rows, more than {most:,}"
    check_limit(MOST_TABULATED, len(settings) * network.layer_count, what, "give fewer numbers")
    points = [
        point if point.report is None else point._replace(report=measures.of(point.report))
        for point in tabulate(network, settings)
    ]
    chosen = [letter for letter in letters if letter in settings[0]]
    with text_output(path, utf8=format in ("json", "jsonl")) as stream:
        stream.writelines(FORMATS.renderer(format)(Tabulation(chosen, points), style_of(stream)))
    return 0 if any(point.report is not None for point in points) else 2
