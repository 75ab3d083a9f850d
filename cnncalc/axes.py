"""What each axis of a sample is, and the receptive field of its units on each axis of the network's input.

An axis of a sample may run along an axis of the input, along a part of one (every seventh row), along several after a
reshape, or along none: channels, features, or an axis that a layer has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from .field import MOST_PHASES, PIXEL, POOLED, Field
from .field import join as join_field
from .sizes import Shape, Size, known, product

W = TypeVar("W")


class AxisPart(NamedTuple):
    """A factor of a sample's axis."""

    along: int | None
    """The axis of the input that it runs along; None if there is none."""
    size: Size
    step: int = 1
    """The distance between neighbors, in units of that axis of the input."""


Axis = int | tuple[AxisPart, ...] | None
"""What a sample's axis runs along: an axis of the input, its parts (outermost first), or nothing (None)."""


class Fields(NamedTuple):
    """What each axis of a value runs along, and the receptive field of its units."""

    axes: tuple[Axis, ...]
    """The axes of a sample, in order."""
    of: tuple[Field, ...] = ()
    """The receptive field on each spatial axis of the input; empty if no path leads to the input."""
    lead: tuple[tuple[Size, Axis], ...] = ()
    """The axes that are folded into the batch, and their sizes."""
    batch_at: int = 0
    """The position of the batch among the axes of this value; a layer that reads the value has its batch in front."""
    batched: bool = True
    """Whether the value depends on an input of the network, and so has a batch."""

    @property
    def times(self) -> Size:
        """How many samples one sample of the input becomes: the product of the folded axes."""
        return product([size for size, _ in self.lead]) if self.lead else 1

    @property
    def is_pooled(self) -> bool:
        """Whether its units went through a global pool, and so have no place in the image."""
        return any(field.marks & POOLED for field in self.of)

    @property
    def shown(self) -> tuple[Field, ...]:
        """The fields in the order of the sample's axes if all run along them, otherwise in the input's order."""
        order = [axis for axis in self.axes if type(axis) is int]
        is_other = len(order) == len(self.of) and order != [*range(len(order))]
        return tuple([self.of[axis] for axis in order]) if is_other else self.of

    def each(self, places: Sequence[int], windows: Sequence[W], see: Callable[[Field, W], Field]) -> Fields:
        """Return the fields after a window along each of these axes."""
        of = list(self.of)
        axes = self.axes
        last: Field | None = None
        for place, window in zip(places, windows, strict=True):
            axis = axes[place]
            if type(axis) is int:
                seen = see(of[axis], window)
                if type(seen) is Field:  # share equal fields: a deep network has very many
                    last = seen = last if last is not None and tuple.__eq__(seen, last) else seen
                of[axis] = seen
            elif axis is not None:
                for along in _along(axis):
                    of[along] = of[along].lost()
                axes = _replaced(axes, place, None)
        return Fields(axes, tuple(of), self.lead, self.batch_at, self.batched)

    def at(self, place: int, see: Callable[[Field], Field]) -> Fields:
        """Return the fields with `see` applied to the field of one axis."""
        return self.each([place], [None], lambda field, _: see(field))

    def pooled(self, places: Sequence[int], shape: Shape) -> Fields:
        """Return the fields of units that see the whole of these axes of a sample; the axes stay, with size 1."""
        fields = self.whole(places, shape)
        kept = tuple([old if type(old) is int else new for old, new in zip(self.axes, fields.axes, strict=True)])
        gone = self.along(places)
        of = tuple([field.marked(POOLED) if at in gone else field for at, field in enumerate(fields.of)])
        return self._replace(axes=kept, of=of)

    def whole(self, places: Sequence[int], shape: Shape) -> Fields:
        """Return the fields of units that see the whole of these axes, which then run along nothing."""
        parts = [part for place in places for part in self._parts(place, shape)]
        fields = self
        for place in places:
            fields = fields._replace(axes=_replaced(fields.axes, place, None))
        for part in sorted(parts, key=lambda part: part.step):
            fields = fields.summed(part)
        return fields

    def mixed(self, places: Sequence[int], shape: Shape) -> Fields:
        """Return the fields of units that see the whole of these axes but keep their places, as in attention."""
        of = list(self.of)
        for place in places:
            axis = self.axes[place]
            for along, size, step in self._parts(place, shape):
                n = known(size)
                if along is None:
                    continue
                if n is None or n * step > MOST_PHASES:
                    of[along] = of[along].lost()
                elif type(axis) is int:
                    of[along] = of[along].still(n)
                else:
                    period = n * step
                    first = [u - u // step % n * step for u in range(period)]
                    of[along] = of[along].spread([(u, u + (n - 1) * step) for u in first], period, step)
        return self._replace(of=tuple(of))

    def along(self, places: Iterable[int]) -> set[int]:
        """Return the axes of the input that these axes run along."""
        return {along for place in places for along in _along(self.axes[place])}

    def permute(self, order: Sequence[int]) -> Fields:
        """Return the fields with the axes in this order (indices from 0)."""
        return self._replace(axes=tuple([self.axes[place] for place in order]))

    def drop(self, places: Iterable[int]) -> Fields:
        """Return the fields without these axes, each of which had one unit or was seen whole."""
        gone = set(places)
        return self._replace(axes=tuple([axis for place, axis in enumerate(self.axes) if place not in gone]))

    def insert(self, place: int, axis: Axis = None) -> Fields:
        """Return the fields with one more axis, which by default runs along nothing."""
        return self._replace(axes=(*self.axes[:place], axis, *self.axes[place:]))

    def lose(self, places: Iterable[int]) -> Fields:
        """Return the fields after the units on these axes have lost their order: nothing is known of them."""
        return self.lose_along(self.along(places))

    def prepend(self, place: int, before: int) -> Fields:
        """Return the fields after units of other layers are added on an axis, `before` of them in front."""
        axis = self.axes[place]
        moved = self.of[axis].prepend(before) if type(axis) is int else None
        return self.lose([place]) if moved is None else self.at(place, lambda _: moved)

    def reshape(self, old: Shape, new: Shape) -> Fields:
        """Return the fields after a reshape (shapes without the batch); axes that cannot be followed become unknown."""
        if all(axis is None for axis in self.axes):
            return self._replace(axes=(None,) * len(new))
        left = [part for place in range(len(old)) for part in self._parts(place, old) if part.size != 1]
        axes: list[tuple[AxisPart, ...]] = []
        for size in new:
            taken = _take(left, size)
            if taken is None:
                rest = [part for axis in axes for part in axis] + left
                fields = self.lose_along(part.along for part in rest if part.along is not None)
                return fields._replace(axes=(None,) * len(new))
            axes.append(taken)
        several = [part.along for axis in (*axes, *[axis for _, axis in self.lead]) for part in _parts_of(axis)]
        return self._replace(axes=tuple([_whole_axis(axis, several) for axis in axes]))

    def flatten(self, shape: Shape) -> Fields:
        """Return the fields after a flatten: each unit counts as seeing all, unless single units are followed."""
        if self.of and all(field.is_followed for field in self.of):
            return self.reshape(shape, (product(shape),))
        return self.whole(range(len(shape)), shape)._replace(axes=(None,))

    def fold(self, count: int, shape: Shape) -> Fields:
        """Return the fields after folding the first `count` axes of a sample into the batch."""
        lead = tuple(zip(shape[:count], self.axes[:count], strict=True))
        return self._replace(axes=self.axes[count:], lead=(*self.lead, *lead))

    def unfold(self, count: int) -> Fields:
        """Return the fields after moving the last `count` folded axes back to the front of the sample."""
        lead = self.lead[len(self.lead) - count :]
        axes = (*[axis for _, axis in lead], *self.axes)
        return self._replace(axes=axes, lead=self.lead[: len(self.lead) - count])

    def lost(self, rank: int | None = None) -> Fields:
        """Return unknown fields for a sample of `rank` axes, by default as many as this one has."""
        axes: tuple[Axis, ...] = (None,) * (len(self.axes) if rank is None else rank)
        return self._replace(axes=axes, of=tuple([field.lost() for field in self.of]))

    def _parts(self, place: int, shape: Shape) -> tuple[AxisPart, ...]:
        axis = self.axes[place]
        return axis if isinstance(axis, tuple) else (AxisPart(axis, shape[place]),)

    def lose_along(self, lost: Iterable[int]) -> Fields:
        """Return the fields with these axes of the input unknown."""
        gone = set(lost)
        if not gone:
            return self
        of = tuple([field.lost() if at in gone else field for at, field in enumerate(self.of)])
        return self._replace(
            axes=tuple([None if gone.intersection(_along(axis)) else axis for axis in self.axes]), of=of
        )

    def summed(self, part: AxisPart) -> Fields:
        """Return the fields of units that see all units of a part together; the part is no longer an axis."""
        along, size, step = part
        if along is None:
            return self
        field, n = self.of[along], known(size)
        others = [one for axis in (*self.axes, *[axis for _, axis in self.lead]) for one in _parts_of(axis)]
        others = [one for one in others if one.along == along]
        if not others and step == 1:
            return self._with(along, field.whole(n))
        outer = [one for one in others if one.step > step]
        if n is None or (step > 1 and outer):
            return self.lose_along([along])
        times = n if outer else 1
        fields = self._with(along, field.slide((n - 1) * step + 1, times, 0, step))
        if not outer and len(others) > 1:
            return fields
        lead = tuple([(size, _nearer(axis, along, times)) for size, axis in self.lead])
        return fields._replace(axes=tuple([_nearer(axis, along, times) for axis in self.axes]), lead=lead)

    def _with(self, along: int, field: Field) -> Fields:
        return self._replace(of=(*self.of[:along], field, *self.of[along + 1 :]))


def begin(sample: Shape, spatial: Sequence[int]) -> Fields:
    """Return the fields of the network's input: each pixel sees itself on the axes at these places."""
    places = list(spatial)
    axes = tuple([places.index(at) if at in places else None for at in range(len(sample))])
    return Fields(axes, (PIXEL,) * len(places))


def join(paths: Sequence[Fields], shapes: Sequence[Shape], out: Shape) -> Fields:
    """Return the fields of units in which paths meet, broadcast to `out` with their last axes aligned.

    Paths that do not depend on the input are left out.
    """
    met = [(path, shape) for path, shape in zip(paths, shapes, strict=True) if path.of] or [(paths[0], shapes[0])]
    first = met[0][0]
    of = tuple([join_field(fields) for fields in zip(*[path.of for path, _ in met], strict=True)])
    if all(path.axes == first.axes and shape == out for path, shape in met):  # the usual case
        return first._replace(of=of)
    axes: list[Axis] = []
    lost: set[int] = set()
    for back in range(len(out), 0, -1):
        own = [(path.axes[-back], shape[-back]) for path, shape in met if len(shape) >= back]
        kinds = {axis for axis, size in own if size != 1 or out[-back] == 1}
        if len(kinds) > 1:
            lost.update(along for axis in kinds for along in _along(axis))
        axes.append(kinds.pop() if len(kinds) == 1 else None)
    return first._replace(axes=tuple(axes), of=of).lose_along(lost)


def join_lost(paths: Sequence[Fields], rank: int) -> Fields:
    """Return unknown fields of `rank` axes for units that depend on what these paths depend on."""
    return next((path for path in paths if path.of), paths[0]).lost(rank)


def join_folded(paths: Sequence[Fields]) -> tuple[tuple[tuple[Size, Axis], ...], set[int]] | None:
    """Return the axes that meeting paths have folded into the batch, and the input's axes on which they differ.

    None if the folded sizes differ. Constants take part only if all paths are constants. Paths that do not depend on
    the input do not say what an axis is.
    """
    paths = [path for path in paths if path.batched] or [path for path in paths if path.lead]
    if len({tuple([size for size, _ in path.lead]) for path in paths}) > 1:
        return None
    met, lost = [path for path in paths if path.of] or paths[:1], set[int]()
    lead: list[tuple[Size, Axis]] = []
    for own in zip(*[path.lead for path in met], strict=True):
        kinds = {axis for _, axis in own}
        if len(kinds) > 1:
            lost.update(along for axis in kinds for along in _along(axis))
        lead.append((own[0][0], kinds.pop() if len(kinds) == 1 else None))
    return tuple(lead), lost


def contract(
    paths: Sequence[Fields], shapes: Sequence[Shape], labels: Sequence[Sequence[object]], out: Sequence[object]
) -> Fields:
    """Return the fields of sums of products: `labels` name the axes of each path, and `out` those of the result.

    An axis that is not in the result is seen whole. If two axes run along the same axis of the input, the units of
    each see the whole of the other.
    """
    arranged: list[Fields] = []
    held: set[int] = set()
    """The axes of the input that the result already runs along."""
    for path, shape, own in zip(paths, shapes, labels, strict=True):
        gone = [place for place, label in enumerate(own) if label not in out]
        first = labels[0]
        along = [_along(axis) for axis in path.axes]
        double = [at for at, one in enumerate(own) if one in out and one not in first and held.intersection(along[at])]
        kept = held.union(*[along[place] for place in range(len(own)) if place not in gone])
        inside = [place for place in gone if kept.intersection(along[place])]
        if inside or double:
            path = path.mixed([*inside, *double], shape)._replace(  # noqa: PLW2901  the same path, further on
                axes=tuple([None if at in (*inside, *double) else axis for at, axis in enumerate(path.axes)])
            )
        path = path.whole([place for place in gone if place not in inside], shape)  # noqa: PLW2901
        held |= path.along(range(len(own)))
        places = {label: place for place, label in enumerate(own)}
        arranged.append(path._replace(axes=tuple([path.axes[places[one]] if one in places else None for one in out])))
    sizes: dict[object, Size] = {}
    for shape, own in zip(shapes, labels, strict=True):
        sizes |= {label: n for label, n in zip(own, shape, strict=True) if sizes.get(label, 1) == 1}
    met = [tuple([n if one in own else 1 for one, n in ((o, sizes[o]) for o in out)]) for own in labels]
    return join(arranged, met, tuple([sizes[one] for one in out]))


def _replaced(axes: tuple[Axis, ...], place: int, axis: Axis) -> tuple[Axis, ...]:
    return (*axes[:place], axis, *axes[place + 1 :])


def _parts_of(axis: Axis) -> tuple[AxisPart, ...]:
    """Return the parts of an axis; the size of an axis that is not split is given as 0."""
    return axis if isinstance(axis, tuple) else (AxisPart(axis, 0),)


def _along(axis: Axis) -> list[int]:
    """Return the axes of the input that an axis runs along."""
    if not isinstance(axis, tuple):
        return [] if axis is None else [axis]
    return [part.along for part in axis if part.along is not None]


def _take(left: list[AxisPart], size: Size) -> tuple[AxisPart, ...] | None:
    """Remove the parts of an axis of this size from the front of a list, splitting one if needed; None if none fit."""
    taken: list[AxisPart] = []
    while size != 1:
        if not left:
            return None
        part = left[0]
        if part.size == size and str(size) != "?":
            taken.append(left.pop(0))
            break
        if not isinstance(part.size, int) or not isinstance(size, int):
            return None
        if size % part.size == 0:
            taken.append(left.pop(0))
            size //= part.size
        elif part.size % size == 0:
            inner = part.size // size
            taken.append(AxisPart(part.along, size, part.step * inner))
            left[0] = AxisPart(part.along, inner, part.step)
            break
        else:
            return None
    return tuple(taken)


def _whole_axis(parts: tuple[AxisPart, ...], all_along: Sequence[int | None]) -> Axis:
    """Return the axis made of these parts, neighbors merged; `all_along` is what the sample's parts run along."""
    joined: list[AxisPart] = []
    merged = 0
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and last.along == part.along is not None and last.step == part.step * part.size:
            joined[-1] = AxisPart(part.along, last.size * part.size, part.step)
            merged += 1
        else:
            joined.append(part)
    if all(part.along is None for part in joined):
        return None
    only = joined[0].along
    if len(joined) == 1 and joined[0].step == 1 and all_along.count(only) == 1 + merged:
        return only
    return tuple(joined)


def _nearer(axis: Axis, along: int, times: int) -> Axis:
    """Return an axis with the steps of its parts along an input axis divided by `times`."""
    if not isinstance(axis, tuple):
        return axis
    parts = [p._replace(step=p.step // times) if p.along == along and p.step >= times else p for p in axis]
    return along if parts == [AxisPart(along, parts[0].size, 1)] else tuple(parts)
