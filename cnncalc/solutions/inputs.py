"""The inputs of a network that give what is wanted: an output, no dropped pixel, a number of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..conditions import Condition, Holds, Numbers, Requirement
from ..errors import SpecError
from ..input import Input, read_input, with_input
from ..layers.base import AXIS_LETTERS
from ..layers.sliding import Slide, Windowed
from ..network import Network
from ..report import LayerReport, Report
from ..sizes import NOTHING_KNOWN, Open, Shape, Size, show
from ..trace import shape

NEAR = 64
"""How far from a wanted size the nearest one that can be had is looked for."""
Way = dict[str, Numbers]
"""The numbers of each letter; any of one goes with any of another."""


class Wish(NamedTuple):
    """What is wanted of an input, beside that the network takes it."""

    out: Shape | None = None
    """The output's sizes on its spatial axes."""
    clean: bool = False
    """Whether every floor has to be exact."""
    features: int | None = None
    """How many features the first linear layer has to get."""


class Fit(NamedTuple):
    """The padding of one axis of an image that makes it an input of those that are wanted."""

    axis: str
    size: int
    to: int

    @property
    def pad(self) -> tuple[int, int]:
        """The padding before and after, an odd unit after."""
        total = self.to - self.size
        return total // 2, total - total // 2


class WantedInputs(NamedTuple):
    """The inputs that are wanted, as numbers of the letters of `sample`."""

    sample: Shape
    letters: tuple[str, ...]
    wish: Wish
    ways: list[Way]
    """Sets of inputs, those with equal axes first: an input is among them if it is in one; empty if there is none."""
    conditions: tuple[str, ...]
    """What has to hold of several letters beside that, in words."""
    nearest: list[tuple[int, ...]]
    """The nearest outputs that can be had, if there is no input."""

    def least(self) -> Shape | None:
        """Return the smallest input of the first way: the smallest number of each letter; None if there is none."""
        if not self.ways:
            return None
        smallest = {letter: own.least or 0 for letter, own in self.ways[0].items()}
        return tuple([_at(size, smallest) for size in self.sample])

    def fit(self, sizes: Sequence[int]) -> list[Fit] | None:
        """Return the smallest padding of an image of these sizes, an axis each; None if no padding will do."""
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


def _at(size: Size, values: dict[str, int]) -> Size:
    return size.at(values) if isinstance(size, Open) else size


def opened(network: Network) -> Network:
    """Return a configured network with a letter for each spatial size of its own input, or of the usual one."""
    if network.input is None:
        layers = [node.layer for node in network.nodes]
        rank = next((layer.rank() for layer in layers if layer.rank() is not None), 2) or 2
        letters = [Open(letter) for letter in AXIS_LETTERS.get(rank, AXIS_LETTERS[2])]
        return network._replace(input=(*letters, Open("C")) if network.layout == "NHWC" else (Open("C"), *letters))
    read = read_input(network)
    last = network.layout == "NHWC"
    space = len(read.sample) - 1
    letters = [Open(letter) for letter in AXIS_LETTERS.get(space, "")]
    if len(letters) != space or not space:
        raise SpecError(f"the input {show(read.sample)} has no spatial axes", "give letters: -i 3xHxW")
    channels = read.sample[-1] if last else read.sample[0]
    sample = (*letters, channels) if last else (channels, *letters)
    return with_input(network, Input(None, sample, sample))


def inputs(network: Network, wish: Wish) -> WantedInputs:
    """Return the inputs of a network with open sizes that it takes, and that are as wished. SpecError without any."""
    report = shape(network)
    letters = tuple([size.letter or "" for size in report.sample if isinstance(size, Open) and size.letter != "C"])
    if not letters:
        help = f"write letters for its sizes, as {show(opened(network).input or ())}"
        raise SpecError(f"the input {show(report.sample)} has no open size", help)
    needs = [*_of_output(report, wish.out), *_of_floors(report, wish.clean), *_of_features(report, wish.features)]
    holds = report.holds.also(*needs)
    ways, left = _ways(holds, letters)
    near = [] if ways or wish.out is None else _nearest(report, wish)
    return WantedInputs(report.sample, letters, wish, ways, tuple([one.text() for one in left]), near)


def _ways(holds: Holds, letters: Sequence[str]) -> tuple[list[Way], list[Condition]]:
    """Return the numbers of each letter that fulfil all conditions, and those that are over several letters."""
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


def _of_output(report: Report, out: Shape | None) -> Iterator[Condition]:
    """Yield that the output has the wanted sizes."""
    if out is None:
        return
    if not report.layers or report.layers[-1].traced.out is NOTHING_KNOWN:
        raise SpecError("nothing is known of the output's sizes", "take the network up to a layer: --until LAYER")
    own = report.layers[-1].traced.out
    wanted = _wanted(own, out, report.network.layout == "NHWC")
    for size, want in wanted:
        if isinstance(size, Open) and size.is_unknown:
            raise SpecError("a size of the output is not known", "take the network up to a layer: --until LAYER")
        if isinstance(size, Open):
            yield Condition((Requirement(size, "=", want),), "the output")
        elif size != want:
            what = f"the output is {show(own)}, whatever the input is"
            raise SpecError(what, "take the network up to a layer: --until LAYER")


def _wanted(own: Shape, out: Shape, last: bool) -> list[tuple[Size, int]]:
    """Return each size of the output with the one that is wanted; one size means every spatial axis."""
    numbers = [size for size in out if isinstance(size, int)]
    space = own[:-1] if last else own[1:]
    if len(numbers) < len(out):
        raise SpecError(f"--out {show(out)} has an open size", "give numbers")
    if len(numbers) == 1 and len(space) > 1:
        numbers = numbers * len(space)
    if len(numbers) == len(own):
        return list(zip(own, numbers, strict=True))
    if len(numbers) != len(space):
        raise SpecError(f"--out {show(out)} has {len(numbers)} sizes, and the output is {show(own)}")
    return list(zip(space, numbers, strict=True))


def _of_floors(report: Report, clean: bool) -> Iterator[Condition]:
    """Yield that each floor is exact: n + P - k' is a multiple of s."""
    for layer in _all(report.layers) if clean else ():
        own = layer.node.layer
        if not isinstance(own, Windowed) or NOTHING_KNOWN in (layer.sample, layer.traced.out):
            continue
        for window in own.placed(own.split(layer.sample, layer.env)[1], layer.env):
            if isinstance(window, Slide) and not window.ceil:
                yield from _exact(window, layer)


def _exact(window: Slide, layer: LayerReport) -> Iterator[Condition]:
    n, k, s, pb, pa, out = window[:6]
    what = f"{layer.name} without a dropped pixel"
    if pb is None or pa is None:  # `same` pads what is missing, and a kernel below the stride may leave a rest
        test = Requirement((out - 1) * s + k - n, ">=", 0)
    else:
        test = Requirement(n + (pb + pa - k), "|", s)
    if isinstance(n, Open):
        yield Condition((test,), what)
    elif pb is not None and pa is not None and (n + pb + pa - k) % s:
        total = n + pb + pa - k
        raise SpecError(
            f"{layer.name} drops {total % s} on the {window.axis} axis whatever the input is: ({n} + {pb + pa} - {k}) "
            f"= {total} is not a multiple of {s}",
            "take the network up to a layer before it: --until LAYER",
        )


def _all(layers: Sequence[LayerReport]) -> Iterator[LayerReport]:
    for layer in layers:
        yield from _all(layer.inner) if layer.inner else [layer]


def _of_features(report: Report, features: int | None) -> Iterator[Condition]:
    """Yield that the first linear layer over all values of a map gets so many features."""
    if features is None:
        return
    linears = [layer.sample[-1] for layer in _all(report.layers) if layer.op == "linear"]
    arriving: list[Size] = [size for size in linears if isinstance(size, Open)]
    if not arriving and report.layers and len(report.layers[-1].traced.out) == 1:  # a network that ends before it
        arriving = list(report.layers[-1].traced.out)
    size = arriving[0] if arriving else 0
    if not isinstance(size, Open) or size.is_unknown:
        raise SpecError("no linear layer gets a number of features that depends on the input", "leave --features out")
    yield Condition((Requirement(size, "=", features),), "the linear layer")


def _nearest(report: Report, wish: Wish) -> list[tuple[int, ...]]:
    """Return the nearest outputs below and above the wanted one that can be had, if its axes are alone."""
    assert wish.out is not None
    last = report.network.layout == "NHWC"
    pairs = _wanted(report.layers[-1].traced.out, wish.out, last)
    found = []
    others = list(_of_floors(report, wish.clean))
    for step in (-1, 1):
        near = []
        for size, want in pairs:
            for off in range(NEAR):
                target = want + step * off
                holds = report.holds.also(*others, Condition((Requirement(size, "=", target),), "the output"))
                if target >= 1 and all(holds.numbers.values()):
                    near.append(target)
                    break
        if len(near) == len(pairs):
            found.append(tuple(near))
    return list(dict.fromkeys(found))
