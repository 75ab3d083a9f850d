"""What the units of a layer read of one input: a relation on each axis, found by tracing the layer alone."""

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
"""The longest axis on which units are followed one by one."""


class Digit(NamedTuple):
    """A digit of the index of an output unit, which contributes to the index of a unit on an axis of the input."""

    place: int
    """The output's axis; its unit u has the digit `u // inner % size`."""
    inner: int
    size: int
    step: int
    """The distance on the input's axis between successive values of the digit."""


class Space(NamedTuple):
    """The axes that give the units of a value their place, with those folded into its batch in front."""

    axes: tuple[Axis, ...]
    """What each of all its axes runs along, as in `Fields`."""
    sizes: Shape
    """The sizes of all its axes."""
    places: tuple[int, ...]
    """The axes that give units their place: the others are channels, or axes made by layers."""

    @property
    def shape(self) -> Shape:
        """The sizes of the axes that give units their place."""
        return tuple([self.sizes[place] for place in self.places])

    def to_dict(self) -> dict[str, Any]:
        """Return as JSON the sizes of all axes, and the indices of those that give units their place."""
        return {"sizes": list(to_json(self.sizes) or ()), "places": self.places}


def space_of(fields: Fields, sample: Shape) -> Space:
    """Return the axes that give the units of a sample with these fields their place."""
    if len(fields.axes) != len(sample):  # nothing is known
        return Space((), (), ())
    axes = (*[axis for _, axis in fields.lead], *fields.axes)
    sizes: tuple[Size, ...] = (*[size for size, _ in fields.lead], *sample)
    return Space(axes, sizes, tuple([at for at, axis in enumerate(axes) if axis is not None]))


class Reads:
    """What the units of a layer read of one of its inputs, on all axes, channels included.

    A unit reads a product. On each axis of the input, a relation gives what is read for the unit's number there, which
    is a weighted sum of digits of the unit's place.
    """

    def __init__(self, source: Space, target: Space, traced: Fields, overstates: str | None = None):
        self.source, self.target, self.overstates = source, target, overstates
        self.relations = cast("tuple[Relation, ...]", traced.of)
        """The relation on every axis of the input; empty if nothing of it is read."""
        self.parts = _parts(traced, target.sizes, len(source.sizes)) if self.relations else ()
        """The digits that make up a unit's number on each axis of the input."""
        self.followed = tuple(
            [one.phases is not None and one.n is not None and one.n <= MOST_UNITS for one in self.relations]
        )
        """For each axis of the input, whether it is known which units are read."""

    @property
    def is_read(self) -> bool:
        """Return whether anything of the input is read; a single number, which has no axes, always is."""
        return bool(self.relations) or not self.source.sizes

    @property
    def is_known(self) -> bool:
        """Return whether it is known which places are read; channels do not matter."""
        return not self.relations or all(self.followed[at] for at in self.source.places)

    @property
    def not_exact(self) -> str | None:
        """Why a unit may read less, because of its op or because channels are not followed; None if exact."""
        return self.overstates or (None if all(self.followed) else "it is unknown which channels a unit reads")

    @cached_property
    def axes(self) -> list[dict[str, Any] | None] | None:
        """What units read on each axis of the input, as JSON; None if unknown.

        Axes are counted from 0 among all axes of the map, channels included; an entry may be None for channels.
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
        """Return everything that the units of a region read; on axes that are not followed, all units."""
        axes = range(len(self.relations))
        sets = (digits for one in region for digits in self._digits(one))
        return masks.union([tuple([self._back(at, digits) for at in axes]) for digits in sets])

    def _back(self, at: int, digits: Mapping[Digit, int]) -> int:
        relation = self.relations[at]
        if not self.followed[at]:
            return masks.full(known(self.source.sizes[at]) or 1)
        return relation.back(self.numbers(at, digits))

    def numbers(self, at: int, digits: Mapping[Digit, int]) -> int:
        """Return the set of numbers on an input axis of units with digits in these sets."""
        found = 1
        for part in self.parts[at]:
            found = _times(digits[part], found, part.step)
        return found

    def forth(self, region: Region) -> Region:
        """Return all units that read a unit of a region; axes that are not followed do not restrict them."""
        return masks.union([product for one in region for product in self._reading(one)])

    def box(self, spans: Mapping[int, Interval]) -> tuple[Interval, ...] | None:
        """Return the first and last unit that the units of a box read on each place axis; None if they read none.

        Maps are taken to be endless. `spans` is the box, by output axis.
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
        """Return the first and last number of the units of a box on an axis of the input."""
        low = high = 0
        for part in parts:
            size = known(self.target.sizes[part.place]) or 1
            first, last = own.get(part.place, (0, size - 1))
            first, last = first // part.inner, last // part.inner
            if part.inner * part.size == size:  # the outermost digit may lie outside the map
                low, high = low + first * part.step, high + last * part.step
            elif first // part.size == last // part.size:
                low, high = low + first % part.size * part.step, high + last % part.size * part.step
            else:
                high += (part.size - 1) * part.step
        return low, high

    def _reading(self, one: Product) -> list[Product]:
        """Return the units that read a unit of a product."""
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
        """Return the set of units of an output axis whose digits are in these sets."""
        bits, inner = 1, 1
        size = known(self.target.sizes[place]) or 0
        for part in sorted([part for part in digits if part.place == place], key=lambda part: part.inner):
            if part.inner > inner:  # digits between that do not matter
                bits = masks.run(bits, part.inner // inner, inner)
            inner = part.inner
            bits = _times(digits[part], bits, inner)
            inner *= part.size
        return masks.run(bits, size // inner, inner) if size > inner else bits


def _times(digits: int, bits: int, inner: int) -> int:
    """Return the set of `inner`*d + u for each digit d and each unit u of a set."""
    if bits == 1:
        return masks.spaced(digits, inner)
    found = 0
    for digit in masks.units(digits):
        found |= bits << digit * inner
    return found


def _split(bits: int, size: int, parts: Sequence[Digit]) -> list[dict[Digit, int]]:
    """Return a set of units of an axis as a union of products of sets of their digits."""
    if not parts:
        return [{}] if bits else []
    part, *rest = parts
    if part.inner * part.size < size:  # leading digits that do not matter
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
    """Return the digits whose sums, weighted by their steps, are in a set: a union of products, largest steps first."""
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
    """Return a key of everything `read_by` depends on, for all inputs of a layer; None if it cannot be compared."""
    own = layer.node.layer
    folded = tuple([(fields.lead, fields.batch_at, fields.batched) for fields in layer.reads_fields])
    found = type(own), tuple(own.__dict__.items()), tuple(layer.samples), tuple(sources), target, folded
    try:
        hash(found)
    except TypeError:  # a key whose value is a list
        return None
    return found


def alone(layer: LayerReport, own: Mapping[int, Fields]) -> Fields:
    """Return the fields of a layer's output if some inputs have these fields and the others depend on no pixel."""
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
