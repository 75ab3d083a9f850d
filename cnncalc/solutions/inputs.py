"""The inputs of a network that give a wanted result: an output, no dropped pixels, a number of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from ..conditions import Condition, Holds, Numbers, Requirement
from ..errors import SpecError
from ..input import Input, read_input, with_input, with_open_input
from ..layers.base import AXIS_LETTERS
from ..layers.sliding import Slide, Windowed
from ..network import INPUT, Network
from ..report import LayerReport, Report, leaves
from ..sizes import NOTHING_KNOWN, Open, Shape, Size, evaluated, known, show
from ..trace import shape

NEAR = 64
"""The distance from a wanted product of sizes within which the nearest possible one is searched."""
Way = dict[str, Numbers]
"""The numbers of each letter, which may be combined freely."""


class Wish(NamedTuple):
    """What is wanted of an input, besides being accepted by the network."""

    out: Shape | None = None
    """The wanted spatial sizes of the output."""
    clean: bool = False
    """Whether every floor must be exact."""
    features: int | None = None
    """The wanted number of features of the first linear layer."""


class Fit(NamedTuple):
    """The padding of one axis of an image that makes it one of the wanted inputs."""

    axis: str
    size: int
    to: int

    @property
    def pad(self) -> tuple[int, int]:
        """The padding before and after, with an odd unit after."""
        total = self.to - self.size
        return total // 2, total - total // 2


class WantedInputs(NamedTuple):
    """The wanted inputs, as numbers of the letters of `sample`."""

    sample: Shape
    letters: tuple[str, ...]
    wish: Wish
    ways: list[Way]
    """Sets of inputs whose union is wanted, those with equal axes first; empty if there is no input."""
    conditions: tuple[str, ...]
    """Further conditions on several letters, in words."""
    nearest: list[tuple[int, ...]]
    """The nearest possible outputs or numbers of features, if there is no input."""

    def least(self) -> Shape | None:
        """Return the input with the smallest numbers of the first set; None if there is none."""
        if not self.ways:
            return None
        smallest = {letter: own.least or 0 for letter, own in self.ways[0].items()}
        return tuple([evaluated(size, smallest) for size in self.sample])

    def fit(self, sizes: Sequence[int]) -> list[Fit] | None:
        """Return the smallest padding of an image of these sizes, for each axis; None if no padding works."""
        found = []
        for way in self.ways:
            to = [way[letter].first(size) for letter, size in zip(self.letters, sizes, strict=True)]
            wide = [n for n in to if n is not None]
            if len(wide) == len(to):
                found.append(wide)
        if not found:
            return None
        best = min(found, key=sum)
        return [Fit(*row) for row in zip(self.letters, sizes, best, strict=True)]


def opened(network: Network) -> Network:
    """Return a configured network with a letter for each spatial size of its own input, or of the default one."""
    if network.input is None:
        return with_open_input(network)
    read = read_input(network)
    last = network.layout == "NHWC"
    space = len(read.sample) - 1
    letters = [Open(letter) for letter in AXIS_LETTERS.get(space, "")]
    if len(letters) != space or not space:
        raise SpecError(f"the input {show(read.sample)} has no spatial axes", "use letters for sizes: -i 3xHxW")
    channels = read.sample[-1] if last else read.sample[0]
    sample = (*letters, channels) if last else (channels, *letters)
    return with_input(network, Input(None, sample, sample))


def inputs(network: Network, wish: Wish) -> WantedInputs:
    """Return the wanted inputs of a network with open sizes. Raise SpecError if there can be none."""
    report = shape(network)
    letters = tuple([size.letter or "" for size in report.sample if isinstance(size, Open) and size.letter != "C"])
    if not letters:
        help = f"use letters for its sizes, such as {show(opened(network).input or ())}"
        raise SpecError(f"the input {show(report.sample)} has no open size", help)
    needs = [*_of_output(report, wish.out), *_of_floors(report, wish.clean)]
    needs += [] if wish.features is None else [_equal(_features(report), wish.features)]
    holds = report.holds.also(*needs)
    ways, left = _ways(holds, letters)
    near = [] if ways else _nearest(report, wish, letters)
    return WantedInputs(report.sample, letters, wish, ways, tuple([one.text() for one in left]), near)


def _ways(holds: Holds, letters: Sequence[str]) -> tuple[list[Way], list[Condition]]:
    """Return the numbers of each letter that fulfil all conditions, and the conditions left over several letters."""
    ways: list[Way] = [{letter: holds.numbers.get(letter, Numbers.every()) for letter in letters}]
    left = []
    for condition in holds.joint:
        boxes = holds.boxes(condition)
        try:
            met = None if boxes is None else [_met(way, box) for way in ways for box in boxes]
        except OverflowError:
            met = None
        if met is None:
            left.append(condition)
        else:
            ways = met
    if not all(bool(own) for own in holds.numbers.values()):
        ways = []
    ways = [way for way in ways if all(way[letter] for letter in letters)]
    return sorted(ways, key=lambda way: len({own.least for own in way.values()}) > 1), left


def _met(way: Way, box: dict[str, Numbers]) -> Way:
    return {letter: own & box[letter] if letter in box else own for letter, own in way.items()}


def _of_output(report: Report, out: Shape | None) -> list[Condition]:
    """Return the conditions for the wanted output sizes.

    Raise SpecError, with the last possible layer, if there are none.
    """
    if out is None:
        return []
    if any(isinstance(size, Open) for size in out):
        raise SpecError(f"--out {show(out)} has an open size", "give numbers")
    *others, last = report.layers
    try:
        return _made(last, out)
    except SpecError as error:
        name = next((layer.name for layer in reversed(others) if _depends(layer, out)), None)
        if name is None:
            raise
        raise SpecError(error.what, f"use the network up to {name}: --until {name}") from None


def _depends(layer: LayerReport, out: Shape) -> bool:
    """Return whether a layer's output has the wanted sizes for some inputs but not for all."""
    try:
        return bool(_made(layer, out))
    except SpecError:
        return False


def _made(layer: LayerReport, out: Shape) -> list[Condition]:
    """Return the conditions for a layer's output to have the wanted sizes. Raise SpecError if impossible."""
    own, found = layer.traced.out, []
    for size, want in _wanted(own, out, layer.env.channels_last):
        if isinstance(size, Open) and size.is_unknown:
            raise SpecError(f"a size of the output is unknown: {show(own)}")
        if isinstance(size, Open):
            found.append(_equal(size, want))
        elif size != want:
            raise SpecError(f"the output is {show(own)}, whatever the input is")
    return found


def _wanted(own: Shape, out: Shape, last: bool) -> list[tuple[Size, int]]:
    """Return each size of the output with the wanted one; a single size means every spatial axis."""
    if own is NOTHING_KNOWN:
        raise SpecError("the output's sizes are unknown")
    numbers = [size for size in out if isinstance(size, int)]
    space = own[:-1] if last else own[1:]
    if len(numbers) == 1 and len(space) > 1:
        numbers = numbers * len(space)
    if len(numbers) == len(own):
        return list(zip(own, numbers, strict=True))
    if len(numbers) != len(space):
        number = f"{len(numbers)} size{'s' * (len(numbers) > 1)}"
        help = f"give one size, {len(space)}, or {len(own)} with the channels" if space else "give one size"
        raise SpecError(f"--out {show(out)} has {number}, but the output is {show(own)}", help)
    return list(zip(space, numbers, strict=True))


def _of_floors(report: Report, clean: bool) -> Iterator[Condition]:
    """Yield the condition that each floor is exact: n + P - k' is a multiple of s."""
    for layer in leaves(report.layers) if clean else ():
        own = layer.node.layer
        if not isinstance(own, Windowed) or NOTHING_KNOWN in (layer.sample, layer.traced.out):
            continue
        for window in own.placed(own.split(layer.sample, layer.env)[1], layer.env):
            if isinstance(window, Slide) and not window.ceil:
                yield from _exact(window, layer, report)


def _exact(window: Slide, layer: LayerReport, report: Report) -> Iterator[Condition]:
    n, k, s, pb, pa, out = window[:6]
    what = f"{layer.name} without a dropped pixel"
    if pb is None or pa is None:  # `same` pads what is missing; only a kernel below the stride may leave a remainder
        test = Requirement((out - 1) * s + k - n, ">=", 0)
    else:
        test = Requirement(n + (pb + pa - k), "|", s)
    if isinstance(n, Open):
        yield Condition((test,), what)
    elif pb is not None and pa is not None and (n + pb + pa - k) % s:
        total = n + pb + pa - k
        fixed = [size for size in report.sample if isinstance(size, int)]
        before = layer.nodes[layer.node.reads[0]].name if layer.node.reads[0] != INPUT else None
        help = f"use the network up to {before}: --until {before}"
        if len(fixed) > 1 or before is None:
            help = f"leave all sizes open: -i {show(opened(report.network).input or ())}"
        what = f"{layer.name} drops {total % s} on the {window.axis} axis whatever the input is"
        raise SpecError(f"{what}: ({n} + {pb} + {pa} - {k}) = {total} is not a multiple of {s}", help)


def _features(report: Report) -> Open:
    """Return the number of features of the first linear layer over all values of a map.

    Without a linear layer it is the number of output values. Raise SpecError if it is the same for all inputs.
    """
    linears = [layer for layer in leaves(report.layers) if layer.op == "linear"]
    arriving = [(layer.name, layer.sample[-1]) for layer in linears if layer.sample != NOTHING_KNOWN]
    if not linears and report.layers and report.layers[-1].traced.out != NOTHING_KNOWN:
        arriving = [("a linear layer at the end", prod(report.layers[-1].traced.out))]
    size = next((size for _, size in arriving if isinstance(size, Open)), None)
    if size is None or size.is_unknown:
        fixed = [f": {name} gets {size}, whatever the input is" for name, size in arriving if isinstance(size, int)]
        what = f"no linear layer gets a number of features that depends on the input{''.join(fixed[:1])}"
        raise SpecError(what, "leave --features out")
    if "C" in size.letters:
        raise SpecError(f"the features {size} also depend on the channels", "give them as a number: 3xHxW")
    return size


def _equal(size: Open, want: int) -> Condition:
    return Condition((Requirement(size, "=", want),))


def _nearest(report: Report, wish: Wish, letters: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the nearest possible outputs or numbers of features below and above the wanted ones.

    Axes of an output are searched separately, unless axes with the same letter are then incompatible.
    """
    holds = report.holds.also(*_of_floors(report, wish.clean))
    wanted: list[tuple[Size, int]] = []
    if wish.out is not None and wish.features is None:
        wanted = _wanted(report.layers[-1].traced.out, wish.out, report.layers[-1].env.channels_last)
    elif wish.features is not None and wish.out is None:
        wanted = [(_features(report), wish.features)]
    found = []
    for step in (-1, 1):
        near = [(size, _near(size, want, step, holds, letters)) for size, want in wanted]
        have = [(size, own) for size, own in near if own is not None]
        met = [_equal(size, own) for size, own in have if isinstance(size, Open)]
        if wanted and len(have) == len(wanted) and _ways(holds.also(*met), letters)[0]:
            found.append(tuple([own for _, own in have]))
    return list(dict.fromkeys(found or _nearest_together(wanted, holds, letters)))


def _nearest_together(
    wanted: Sequence[tuple[Size, int]], holds: Holds, letters: Sequence[str]
) -> Iterator[tuple[int, ...]]:
    """Yield the possible sizes over a common letter, as in 3xHxH, with one of them nearest to the wanted one."""
    opened = [(size, want) for size, want in wanted if isinstance(size, Open)]
    shared = {letter for size, _ in opened for letter in size.letters}
    if len(shared) != 1:
        return
    places = {_place(size, want, step, holds) for size, want in opened for step in (-1, 1)}
    for place in sorted(at for at in places if at is not None):
        there = dict.fromkeys(shared, place)
        own = [known(evaluated(size, there)) or 0 for size, _ in wanted]
        met = [_equal(size, n) for (size, _), n in zip(wanted, own, strict=True) if isinstance(size, Open)]
        if _ways(holds.also(*met), letters)[0]:
            yield tuple(own)


def _near(size: Size, want: int, step: int, holds: Holds, letters: Sequence[str]) -> int | None:
    """Return the possible value of a size nearest to a number, going down or up from it; None if none is found."""
    if not isinstance(size, Open):
        return size
    if len(size.letters) == 1:  # the size rises with its letter
        at = _place(size, want, step, holds)
        return None if at is None else known(size.at(dict.fromkeys(size.letters, at)))
    targets = range(want, max(want + step * NEAR, 0), step)
    return next((target for target in targets if _ways(holds.also(_equal(size, target)), letters)[0]), None)


def _place(size: Open, want: int, step: int, holds: Holds) -> int | None:
    """Return the number of a size's only letter that brings the size nearest to `want`, from below or above."""
    (letter,) = size.letters
    own = holds.also(Condition((Requirement(size, ">=", want) if step > 0 else Requirement(want, ">=", size),)))
    return own.numbers[letter].least if step > 0 else own.numbers[letter].most
