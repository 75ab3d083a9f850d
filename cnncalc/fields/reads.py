"""What the units of a layer read of one of its inputs: a relation on each axis, found by tracing the layer alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product as all_pairs
from typing import Any, NamedTuple, cast

from ..axes import Axis, AxisPart, join_folded
from ..field import NOTHING, Interval
from ..layers import Fields
from ..report import LayerReport
from ..sizes import NOTHING_KNOWN, Shape, Size, known, to_json
from . import masks
from .masks import Product, Region
from .relation import Relation, itself

MOST_UNITS = 1 << 24
"""On longer axes, units are not followed one by one."""


class Digit(NamedTuple):
    """A factor of an axis of a layer's output, which is a factor of the number of a unit on an axis of its input."""

    place: int
    """The output's axis; its unit u has the digit `u // inner % size`."""
    inner: int
    size: int
    step: int
    """How far apart two digits are on the axis of the input."""


class Space(NamedTuple):
    """The axes on which the units of a value have their place; those folded into its batch stand in front."""

    axes: tuple[Axis, ...]
    """Where each of all its axes runs along in the network's input, as `Fields` has them."""
    sizes: Shape
    """The sizes of all its axes."""
    places: tuple[int, ...]
    """Which of them units have a place on: the others are channels, or axes that layers made."""

    @property
    def shape(self) -> Shape:
        """The sizes of the axes that units have a place on."""
        return tuple([self.sizes[place] for place in self.places])

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes of all axes, and which of them are places, counted from 0, as JSON."""
        return {"sizes": list(to_json(self.sizes) or ()), "places": self.places}


def space_of(fields: Fields, sample: Shape) -> Space:
    """Return the axes on which units of a sample with these fields have their place."""
    if len(fields.axes) != len(sample):  # of what nothing is known
        return Space((), (), ())
    axes = (*[axis for _, axis in fields.lead], *fields.axes)
    sizes: tuple[Size, ...] = (*[size for size, _ in fields.lead], *sample)
    return Space(axes, sizes, tuple([at for at, axis in enumerate(axes) if axis is not None]))


class Reads:
    """What the units of a layer read of one of its inputs, on all axes, those of channels included.

    A unit reads a product: on each axis of the input what a relation says of the unit's number there, which is the sum
    of digits of the unit's places, each times a step.
    """

    def __init__(self, source: Space, target: Space, traced: Fields, overstates: str | None = None):
        self.source, self.target, self.overstates = source, target, overstates
        self.relations = cast("tuple[Relation, ...]", traced.of)
        """On every axis of the input; none if nothing of it is read."""
        self.parts = _parts(traced, target.sizes, len(source.sizes)) if self.relations else ()
        """The digits that make up a unit's number, on every axis of the input."""
        self.followed = tuple(
            [one.phases is not None and one.n is not None and one.n <= MOST_UNITS for one in self.relations]
        )
        """On which axes of the input it is known which units are read."""

    @property
    def is_read(self) -> bool:
        """Return whether anything of the input is read: a single number, which has no axes, always is."""
        return bool(self.relations) or not self.source.sizes

    @property
    def is_known(self) -> bool:
        """Return whether it is known of all places what is read there, if not of channels."""
        return not self.relations or all(self.followed[at] for at in self.source.places)

    @property
    def not_exact(self) -> str | None:
        """Why a unit reads less than that, perhaps: by what its op says, or as channels are not followed."""
        return self.overstates or (None if all(self.followed) else "it is unknown which channels a unit reads")

    @cached_property
    def axes(self) -> list[dict[str, Any] | None] | None:
        """What units read on each axis of the thing that is read, as JSON; None if that is not known.

        Axes are counted from 0 among all of a map's, those of channels included, of which it may be None for one.
        """
        if not self.is_known:
            return None
        axes: list[dict[str, Any] | None] = []
        for at, (relation, parts) in enumerate(zip(self.relations, self.parts, strict=True)):
            own: dict[str, Any] = {"axis": parts[0].place if parts else None}
            if len(parts) > 1 or any(part[1:] != (1, self.target.sizes[part.place], 1) for part in parts):
                own = {"digits": parts}
            if parts and at in self.source.places:
                own |= relation.endless()
            axes.append(relation.to_dict() | own if self.followed[at] else None)
        return axes

    def back(self, region: Region) -> Region:
        """Return all that the units of a region read; on axes that are not followed, all units."""
        axes = range(len(self.relations))
        sets = (digits for one in region for digits in self._digits(one))
        return masks.union([tuple([self._back(at, digits) for at in axes]) for digits in sets])

    def _back(self, at: int, digits: Mapping[Digit, int]) -> int:
        relation = self.relations[at]
        if not self.followed[at]:
            return masks.full(known(self.source.sizes[at]) or 1)
        return relation.back(self.numbers(at, digits))

    def numbers(self, at: int, digits: Mapping[Digit, int]) -> int:
        """Return the set of the numbers on an axis of the input of units with digits in these sets."""
        found = 1
        for part in self.parts[at]:
            found = _times(digits[part], found, part.step)
        return found

    def forth(self, region: Region) -> Region:
        """Return all units that read some unit of a region; on axes that are not followed, any."""
        return masks.union([product for one in region for product in self._reading(one)])

    def box(self, spans: Mapping[int, Interval]) -> tuple[Interval, ...] | None:
        """Return the first and last unit that those of a box read on each axis of places; None if they read none.

        The maps are without ends. `spans` are those of the box, by the axis of the output.
        """
        places = self.source.places
        found = [self.relations[at].box(self._numbers(self.parts[at], spans)) for at in places]
        return None if NOTHING in found else tuple(found)

    def _digits(self, one: Product) -> list[dict[Digit, int]]:
        """Return the sets of digits of the units of a product, as a union of products."""
        by_place: dict[int, list[Digit]] = {}
        for parts in self.parts:
            for part in parts:
                by_place.setdefault(part.place, []).append(part)
        choices = []
        for place, several in by_place.items():
            size = known(self.target.sizes[place]) or 0
            several.sort(key=lambda part: -part.inner)
            choices.append(_split(one[place], size, several))
        return [{part: bits for digits in chosen for part, bits in digits.items()} for chosen in all_pairs(*choices)]

    def _numbers(self, parts: Sequence[Digit], own: Mapping[int, Interval]) -> Interval:
        """Return the first and last number that the units of a box have on an axis of the input."""
        low = high = 0
        for part in parts:
            size = known(self.target.sizes[part.place]) or 1
            first, last = own.get(part.place, (0, size - 1))
            first, last = first // part.inner, last // part.inner
            if part.inner * part.size == size:  # the outermost digit: it may lie beside the map
                low, high = low + first * part.step, high + last * part.step
            elif first // part.size == last // part.size:
                low, high = low + first % part.size * part.step, high + last % part.size * part.step
            else:
                high += (part.size - 1) * part.step
        return low, high

    def _reading(self, one: Product) -> list[Product]:
        """Return the units that read some unit of a product."""
        choices: list[list[dict[Digit, int]]] = []
        for at, bits in enumerate(one):
            relation, parts = self.relations[at], sorted(self.parts[at], key=lambda part: -part.step)
            if self.followed[at]:
                numbers = relation.forth(bits, 1 + sum([(part.size - 1) * part.step for part in parts]))
                choices.append(_unsum(numbers, parts))
        found = []
        for chosen in all_pairs(*choices):
            digits = {part: bits for some in chosen for part, bits in some.items()}
            found.append(tuple([self._joined(place, digits) for place in range(len(self.target.sizes))]))
        return found

    def _joined(self, place: int, digits: Mapping[Digit, int]) -> int:
        """Return the set of units of an axis of the output whose digits are in these sets."""
        bits, inner = 1, 1
        size = known(self.target.sizes[place]) or 0
        for part in sorted([part for part in digits if part.place == place], key=lambda part: part.inner):
            if part.inner > inner:  # digits between that say nothing
                bits = masks.run(bits, part.inner // inner, inner)
            inner = part.inner
            bits = _times(digits[part], bits, inner)
            inner *= part.size
        return masks.run(bits, size // inner, inner) if size > inner else bits


def _times(digits: int, bits: int, inner: int) -> int:
    """Return the set of each unit of a set behind each multiple of `inner` by a digit."""
    if bits == 1:
        return masks.spaced(digits, inner)
    found = 0
    for digit in masks.units(digits):
        found |= bits << digit * inner
    return found


def _split(bits: int, size: int, parts: Sequence[Digit]) -> list[dict[Digit, int]]:
    """Return a set of units of an axis of this size as a union of products of sets of their digits."""
    if not parts:
        return [{}] if bits else []
    part, *rest = parts
    if part.inner * part.size < size:  # digits in front that nothing hangs on
        whole, outer = 0, part.inner * part.size
        for _ in range(size // outer):
            whole, bits = whole | bits & masks.full(outer), bits >> outer
        bits, size = whole, outer
    if part.inner == 1 and not rest:
        return [{part: bits}] if bits else []
    if bits == masks.full(size):
        return [{one: masks.full(one.size) for one in parts}]
    rows: dict[int, int] = {}
    for digit in range(part.size):
        own = bits >> digit * part.inner & masks.full(part.inner)
        if own:
            rows[own] = rows.get(own, 0) | 1 << digit
    return [{part: chosen, **other} for own, chosen in rows.items() for other in _split(own, part.inner, rest)]


def _unsum(numbers: int, parts: Sequence[Digit]) -> list[dict[Digit, int]]:
    """Return the digits whose sums, each times its step, are in a set, as a union of products; largest steps first."""
    if not parts:
        return [{}] if numbers & 1 else []
    part, *rest = parts
    if not rest:
        digits = masks.every(numbers, 0, part.step) & masks.full(part.size)
        return [{part: digits}] if digits else []
    rows: dict[int, int] = {}
    below = 1 + sum([(one.size - 1) * one.step for one in rest])
    for digit in range(part.size):
        own = numbers >> digit * part.step & masks.full(below)
        if own:
            rows[own] = rows.get(own, 0) | 1 << digit
    return [{part: chosen, **other} for own, chosen in rows.items() for other in _unsum(own, rest)]


def _parts(traced: Fields, sizes: Shape, rank: int) -> tuple[tuple[Digit, ...], ...]:
    """Return the digits of an output of these sizes that make up a unit's number on each axis of the input."""
    found: list[list[Digit]] = [[] for _ in range(rank)]
    axes = (*[axis for _, axis in traced.lead], *traced.axes)
    for place, (axis, size) in enumerate(zip(axes, sizes, strict=True)):
        inner = 1
        parts = axis if isinstance(axis, tuple) else (AxisPart(axis, size),)
        for part in reversed(parts):
            length = known(part.size) or 0
            if part.along is not None:
                found[part.along].append(Digit(place, inner, length, part.step))
            inner *= length
    return tuple(map(tuple, found))


def read_by(layer: LayerReport, position: int, source: Space, target: Space) -> Reads:
    """Return what the units of a layer read of one of its inputs."""
    own = layer.reads_fields[position]
    if layer.samples[position] == NOTHING_KNOWN or layer.traced.out == NOTHING_KNOWN:
        lost: Any = tuple([itself(known(n)).lost() for n in source.sizes])
        return Reads(source, target, Fields((None,) * len(target.axes), lost))
    number = len(own.lead)
    of: Any = tuple([itself(known(n)) for n in source.sizes])
    lead = tuple([(size, at) for at, (size, _) in enumerate(own.lead)])
    begun = own._replace(axes=tuple(range(number, len(source.sizes))), of=of, lead=lead)
    return Reads(source, target, alone(layer, {position: begun}), layer.node.layer.overstates)


def kind(layer: LayerReport, sources: Sequence[Space], target: Space) -> object:
    """Return all that `read_by` depends on, for each thing that a layer reads; None if it cannot be compared."""
    own = layer.node.layer
    folded = tuple([(fields.lead, fields.batch_at, fields.batched) for fields in layer.reads_fields])
    found = type(own), tuple(own.__dict__.items()), tuple(layer.samples), tuple(sources), target, folded
    try:
        hash(found)
    except TypeError:  # a key whose value is a list
        return None
    return found


def alone(layer: LayerReport, own: Mapping[int, Fields]) -> Fields:
    """Return the fields of a layer's output if those of some of its inputs are these, and no pixel leads to others."""
    node, env = layer.node, layer.env
    first = next(iter(own.values()))
    if layer.traced.out == NOTHING_KNOWN or NOTHING_KNOWN in layer.samples:
        return first.lost(len(layer.traced.out))
    if not node.layer.JOINS:
        return node.layer.trace(layer.samples[0], first, env).fields
    given = []
    for at, (x, read) in enumerate(zip(layer.samples, layer.reads_fields, strict=True)):
        lead = tuple([(size, None) for size, _ in read.lead])
        given.append(own.get(at, Fields((None,) * len(x), (), lead, 0, read.batched)))
    folded = join_folded(given)
    traced = node.layer.trace_all(layer.samples, given, env).fields
    return traced if folded is None else traced._replace(lead=folded[0]).lose_along(folded[1])
