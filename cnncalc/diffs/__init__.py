"""What changed between two networks: two reports -> the layers and the figures in which they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..layers import ConvKind
from ..network import INPUT
from ..report import LayerReport, Report, listed
from ..sizes import UNKNOWN, Shape
from .pairs import Item, Match, match


class Absent:
    """What stands for the value of a key that a layer does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()
SHAPES = ("in", "out")
COUNTS = ("weights", "bias", "params", "buffers", "macs", "fc_weights", "local_weights")
FIELDS = ("rf_size", "rf_stride", "rf_start")
FIGURES = (*SHAPES, *COUNTS, *FIELDS)
"""Every figure of a layer: shapes, counts, and numbers for each axis."""
TOTALS = ("out", "params", "buffers", "macs", *FIELDS)


class Change(NamedTuple):
    """A key or a figure in the old network and in the new."""

    what: str
    old: Any
    new: Any

    @property
    def differs(self) -> bool:
        """Whether the two are not the same; an unknown number is the same as another."""
        return bool(listed(self.old) != listed(self.new))

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can say by how much they differ: a size or a number is not known."""
        if self.what in SHAPES:
            return not _surely_other(self.old, self.new) and UNKNOWN in (*self.old, *self.new)
        if self.what in COUNTS:
            return self.old is None or self.new is None
        return self.what in FIELDS and None in (*self.old, *self.new)

    @property
    def by(self) -> int | tuple[int, ...] | None:
        """New less old, of a count or on each axis; None where it is not known, or no number."""
        if self.is_unknown or ABSENT in (self.old, self.new):
            return None
        if self.what in COUNTS:
            return int(self.new - self.old)
        if self.what in FIELDS and len(self.old) == len(self.new):
            return tuple([new - old for old, new in zip(self.old, self.new, strict=True)])
        return None


def _surely_other(old: Shape, new: Shape) -> bool:
    if len(old) != len(new):
        return True
    return any(a != b for a, b in zip(old, new, strict=True) if UNKNOWN not in (a, b))


class LayerDiff(NamedTuple):
    """A layer that differs: come, gone, or another than it was."""

    old: LayerReport | None
    """None where it has come."""
    new: LayerReport | None
    """None where it has gone."""
    places: tuple[int | None, int | None]
    """The places among the layers, counted from 0."""
    keys: tuple[Change, ...] = ()
    """The keys that differ; `op` and `from` among them."""
    figures: tuple[Change, ...] = ()
    own: bool = False
    """Whether a key of its own differs, and not only what comes to it from above."""
    moved: bool = False
    """Whether it stands in another order with the others."""
    counted: bool = False
    """Whether both names are but running numbers."""

    @property
    def name(self) -> str:
        """Its name, the new one where it has two."""
        layer = self.new or self.old
        assert layer is not None
        return layer.name

    @property
    def is_renamed(self) -> bool:
        """Whether it has another name than before."""
        return self.old is not None and self.new is not None and self.old.name != self.new.name

    @property
    def follows(self) -> bool:
        """Whether something differs, and nothing of its own."""
        return not self.own and bool(self.keys or self.figures)


class Difference(NamedTuple):
    """What changed from one network to another."""

    old: Report
    new: Report
    names: tuple[str, str]
    """What the two are called."""
    settings: tuple[Change, ...]
    """The input, the dialect and the layout, where they differ."""
    layers: list[LayerDiff]
    """The layers that differ, in the order of the new network, those that have gone where they stood."""
    totals: tuple[Change, ...]
    """Every figure of the whole, whether it differs or not."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.layers)

    @property
    def added(self) -> list[LayerDiff]:
        """Layers that have come."""
        return [layer for layer in self.layers if layer.old is None]

    @property
    def removed(self) -> list[LayerDiff]:
        """Layers that have gone."""
        return [layer for layer in self.layers if layer.new is None]

    @property
    def changed(self) -> list[LayerDiff]:
        """Layers of which a key differs."""
        return [layer for layer in self.layers if layer.own]

    @property
    def following(self) -> list[LayerDiff]:
        """Layers that differ only because what comes from above does."""
        return [layer for layer in self.layers if layer.follows]

    @property
    def renamed(self) -> list[LayerDiff]:
        """Layers of another name, the running numbers included."""
        return [layer for layer in self.layers if layer.is_renamed]

    @property
    def moved(self) -> list[LayerDiff]:
        """Layers in another order."""
        return [layer for layer in self.layers if layer.moved]


def diff(old: Report, new: Report, names: tuple[str, str] = ("A", "B")) -> Difference:
    """What changed from the old network to the new."""
    items = [_item(layer) for layer in old.layers], [_item(layer) for layer in new.layers]
    return Difference(
        old,
        new,
        names,
        tuple([change for change in _settings(old, new) if change.differs]),
        list(_layers(old, new, items, match(*items))),
        tuple([Change(what, _of_whole(old, what), _of_whole(new, what)) for what in TOTALS]),
    )


def _settings(old: Report, new: Report) -> Iterator[Change]:
    yield Change("input", old.network.input, new.network.input)
    yield Change("dialect", old.network.dialect.name, new.network.dialect.name)
    yield Change("layout", old.network.layout, new.network.layout)


def _of_whole(report: Report, what: str) -> Any:
    if what in FIELDS:
        return _axes(report.rf, what)
    return {"out": report.out, "params": report.params, "buffers": report.buffers, "macs": report.macs}[what]


def _axes(fields: Sequence[Any], what: str) -> tuple[int | None, ...]:
    return tuple([getattr(field, what.removeprefix("rf_")) for field in fields])


def _given_from_above(layer: LayerReport) -> tuple[str, ...]:
    """The keys that the input decides, whoever writes them down."""
    return ("c_i", "c_o") if layer.node.layer.CONVOLUTION is ConvKind.DEPTHWISE else ("c_i",)


def _item(layer: LayerReport) -> Item:
    op = layer.op
    above = _given_from_above(layer)
    own = {key: value for key, value in layer.values.items() if key not in above}
    return Item(layer.name, op, op + json.dumps(own))


def _layers(old: Report, new: Report, items: tuple[list[Item], list[Item]], matched: Match) -> Iterator[LayerDiff]:
    """The layers that differ, those that have gone behind the layer of the new network that they stood behind."""
    partner = {j: i for i, j in matched.pairs}
    places = dict(matched.pairs)
    gone = _gone(old, places, {i for i, _ in matched.steady})
    yield from gone.get(-1, ())
    for j, layer in enumerate(new.layers):
        i = partner.get(j)
        if i is None:
            yield LayerDiff(None, layer, (None, j))
        else:
            before = old.layers[i]
            keys, own = _keys(before, layer, _from(old, new, before, layer, places))
            figures = _figures(before, layer, own)
            counted = items[0][i].is_counted and items[1][j].is_counted
            found = LayerDiff(before, layer, (i, j), keys, figures, own, (i, j) not in matched.steady, counted)
            if keys or figures or found.moved or found.is_renamed:
                yield found
        yield from gone.get(j, ())


def _gone(old: Report, places: Mapping[int, int], steady: set[int]) -> dict[int, list[LayerDiff]]:
    """The layers that have gone, by the place in the new network of the layer that they stood behind."""
    found: dict[int, list[LayerDiff]] = {}
    behind = -1
    for i, layer in enumerate(old.layers):
        if i in steady:
            behind = places[i]
        elif i not in places:
            found.setdefault(behind, []).append(LayerDiff(layer, None, (i, None)))
    return found


def _from(old: Report, new: Report, before: LayerReport, now: LayerReport, places: Mapping[int, int]) -> Change | None:
    """What the two read, where the specs say so and it is another layer."""
    if not (before.node.wired or now.node.wired):
        return None
    reads = before.node.reads
    if now.node.reads == tuple([INPUT if at == INPUT else places.get(at) for at in reads]):
        return None
    change = Change("from", _names(old, reads), _names(new, now.node.reads))
    return change if change.differs else None


def _names(report: Report, places: Sequence[int]) -> str:
    return "+".join("input" if place == INPUT else report.layers[place].name for place in places)


def _keys(old: LayerReport, new: LayerReport, wiring: Change | None) -> tuple[tuple[Change, ...], bool]:
    """The keys that differ, and whether one of them is the layer's own."""
    found = [Change("op", old.op, new.op)] if old.op != new.op else []
    if wiring is not None:
        found.append(wiring)
    own = bool(found)
    a, b = old.values, new.values
    if a != b:
        changes = [Change(key, a.get(key, ABSENT), b.get(key, ABSENT)) for key in {**b, **a}]
        changes = [change for change in changes if change.differs]
        own = own or _written_otherwise(old, new, changes)
        found += changes
    return tuple(found), own


def _written_otherwise(old: LayerReport, new: LayerReport, changes: list[Change]) -> bool:
    """Whether a key differs in what is written, too, and not only in what the input makes of it."""
    above = _given_from_above(new)
    differ = {change.what for change in changes if change.what not in above}
    a, b = old.node.layer.given, new.node.layer.given
    for key in {**a, **b} if differ else ():
        resolved = "p" if key == "p_total" else key
        is_known = resolved in old.values and resolved in new.values
        if key not in above and a.get(key) != b.get(key) and (resolved in differ or not is_known):
            return True
    return False


def _figures(old: LayerReport, new: LayerReport, own: bool) -> tuple[Change, ...]:
    """The figures that differ; where a key does, also the counts of which nobody can know whether they do."""
    if not own and old.x == new.x and old.out == new.out and old.traced[2:] == new.traced[2:]:
        return ()
    changes = [Change(what, _of_layer(old, what), _of_layer(new, what)) for what in FIGURES]
    return tuple([c for c in changes if c.differs or (own and c.what in COUNTS and c.is_unknown)])


def _of_layer(layer: LayerReport, what: str) -> Any:
    if what in FIELDS:
        return _axes(layer.rf, what)
    if what in ("fc_weights", "local_weights") and not layer.is_convolution:
        return ABSENT
    return layer.x if what == "in" else getattr(layer, what)
