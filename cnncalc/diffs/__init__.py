"""The difference between two networks: the layers and the figures in which their reports differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any, NamedTuple

from ..display import drawn
from ..layers import ConvKind
from ..network import INPUT
from ..report import LayerReport, Report, listed
from ..sizes import UNKNOWN, Count, Open, to_json
from .pairs import Item, match


class Absent:
    """The value of a key that a layer does not have."""

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
    """The values of a key or a figure in the old and the new network."""

    what: str
    old: Any
    new: Any

    @property
    def differs(self) -> bool:
        """Return whether the two values differ; unknown numbers count as equal."""
        old, new = self.old, self.new
        return bool(old != new if type(old) is type(new) is int else listed(old) != listed(new))

    @property
    def is_unknown(self) -> bool:
        """Return whether it is unknown by how much the values differ."""
        if self.what in SHAPES:
            pairs = list(zip(self.old, self.new, strict=False))
            other = len(self.old) != len(self.new) or any(a != b for a, b in pairs if UNKNOWN not in (a, b))
            return not other and UNKNOWN in (*self.old, *self.new)
        if self.what in COUNTS:
            both = (self.old, self.new)
            return None in both or (ABSENT not in both and isinstance(self.new - self.old, Open))
        return self.what in FIELDS and None in (*self.old, *self.new)

    @property
    def by(self) -> int | tuple[int, ...] | None:
        """New minus old, as one number or on each axis; None if unknown or not a number."""
        if self.is_unknown or ABSENT in (self.old, self.new):
            return None
        if self.what in COUNTS:
            return int(self.new - self.old)
        if self.what in FIELDS and len(self.old) == len(self.new):
            return tuple([new - old for old, new in zip(self.old, self.new, strict=True)])
        return None

    def values(self, write: Callable[[Any], Any] = listed) -> dict[str, Any]:
        """Return the old and the new value as JSON, leaving out an absent one; `write` is `to_json` for shapes."""
        return {side: write(value) for side, value in (("old", self.old), ("new", self.new)) if value is not ABSENT}

    def figure(self) -> dict[str, Any]:
        """Return a figure as JSON: old, new, and for a number the absolute and relative change; null if unknown."""
        values, by = self.values(to_json if self.what in SHAPES else listed), self.by
        if self.what not in SHAPES:
            values["change"] = listed(by)
        if self.what not in (*SHAPES, "rf_start"):
            pairs = zip(self.old, by, strict=True) if isinstance(by, tuple) else [(self.old, by)]
            shares = [_relative(old, part) for old, part in pairs]
            values["relative"] = shares if isinstance(by, tuple) else shares[0]
        return values


def _relative(old: Count, by: int | None) -> float | None:
    try:
        return by / old if by is not None and isinstance(old, int) else None
    except (ZeroDivisionError, OverflowError):
        return None


class LayerDiff(NamedTuple):
    """A layer that differs: added, removed, or changed."""

    old: LayerReport | None
    """None for an added layer."""
    new: LayerReport | None
    """None for a removed layer."""
    places: tuple[int | None, int | None]
    """Its indices in the old and the new network."""
    keys: tuple[Change, ...] = ()
    """The keys that differ; `op` and `from` among them."""
    figures: tuple[Change, ...] = ()
    own: bool = False
    """Whether one of its own keys differs, not only its input."""
    moved: bool = False
    """Whether its position relative to others differs."""
    counted: bool = False
    """Whether both names consist of the op and a running number."""

    @property
    def name(self) -> str:
        """Its name; the new one if they differ."""
        layer = self.new or self.old
        assert layer is not None
        return layer.name

    @property
    def is_renamed(self) -> bool:
        """Return whether its name differs."""
        return self.old is not None and self.new is not None and self.old.name != self.new.name

    @property
    def follows(self) -> bool:
        """Return whether it differs only because its input does."""
        return not self.own and bool(self.keys or self.figures)

    def to_dict(self) -> dict[str, Any]:
        """Return a changed layer as JSON: its keys and figures that differ."""
        keys = {change.what: change.values() for change in self.keys}
        figures = {change.what: change.figure() for change in self.figures}
        return {"name": self.name, "at": list(self.places), "keys": keys, "figures": figures}


class Difference(NamedTuple):
    """The changes from one network to another."""

    old: Report
    new: Report
    names: tuple[str, str]
    """The names of the two networks."""
    settings: tuple[Change, ...]
    """The input, the dialect and the layout, if they differ."""
    layers: list[LayerDiff]
    """The layers that differ, in the order of the new network, with removed ones where they were."""
    totals: tuple[Change, ...]
    """Every figure of the whole, whether it differs or not."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.layers)

    def __repr__(self) -> str:
        return f"<difference {' -> '.join(self.names)}: {drawn('difference in a line', self)}>"

    def __str__(self) -> str:
        return drawn("difference", self)

    @property
    def added(self) -> list[LayerDiff]:
        """Layers that only the new network has."""
        return [layer for layer in self.layers if layer.old is None]

    @property
    def removed(self) -> list[LayerDiff]:
        """Layers that only the old network has."""
        return [layer for layer in self.layers if layer.new is None]

    @property
    def changed(self) -> list[LayerDiff]:
        """Layers with a key of their own that differs."""
        return [layer for layer in self.layers if layer.own]

    @property
    def following(self) -> list[LayerDiff]:
        """Layers that differ only because their input does."""
        return [layer for layer in self.layers if layer.follows]

    @property
    def renamed(self) -> list[LayerDiff]:
        """Layers whose name differs, if only in the running number."""
        return [layer for layer in self.layers if layer.is_renamed]

    @property
    def renumbered(self) -> list[LayerDiff]:
        """Layers whose name differs only in its running number."""
        return [layer for layer in self.renamed if layer.counted]

    @property
    def moved(self) -> list[LayerDiff]:
        """Layers in another order."""
        return [layer for layer in self.layers if layer.moved]

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as JSON."""
        renamed = [(x.old.name, x.new.name, x.counted) for x in self.renamed if x.old and x.new]
        return {
            "cnncalc": 1,
            "old": {"spec": self.names[0], **listed(self.old.head())},
            "new": {"spec": self.names[1], **listed(self.new.head())},
            "differ": bool(self),
            "settings": {
                change.what: change.values(to_json if change.what == "input" else listed) for change in self.settings
            },
            "totals": {change.what: change.figure() for change in self.totals},
            "added": [{"at": x.places[1], **listed(x.new.raw())} for x in self.added if x.new],
            "removed": [{"at": x.places[0], **listed(x.old.raw())} for x in self.removed if x.old],
            "changed": [layer.to_dict() for layer in self.changed],
            "follows": [layer.to_dict() for layer in self.following],
            "renamed": [{"old": old, "new": new, "counted": counted} for old, new, counted in renamed],
            "moved": [{"name": x.name, "old": x.places[0], "new": x.places[1]} for x in self.moved],
        }


def diff(old: Report, new: Report, names: tuple[str, str] = ("A", "B")) -> Difference:
    """Find what changed from the old network to the new one."""
    a, b = old.network, new.network
    inputs, layouts = Change("input", a.input, b.input), Change("layout", a.layout, b.layout)
    settings = (inputs, Change("dialect", a.dialect.name, b.dialect.name), layouts)
    totals = tuple([Change(what, _figure(old, what), _figure(new, what)) for what in TOTALS])
    return Difference(old, new, names, tuple([s for s in settings if s.differs]), list(_layers(old, new)), totals)


def _figure(subject: Any, what: str) -> Any:
    """Return a figure of a layer's report or of the whole one."""
    if what in FIELDS:
        return tuple([getattr(field, what.removeprefix("rf_")) for field in subject.rf])
    if what in ("fc_weights", "local_weights") and not subject.is_convolution:
        return ABSENT
    return subject.x if what == "in" else getattr(subject, what)


def _layers(old: Report, new: Report) -> Iterator[LayerDiff]:
    """Yield the layers that differ; a removed one comes after the layer that it followed."""
    items, new_items = (_items(report.layers) for report in (old, new))
    pairs, steady = match(items, new_items)
    places, partner = dict(pairs), {j: i for i, j in pairs}
    settled: dict[object, tuple[tuple[Change, ...], bool]] = {}
    """The differing keys of layers wired alike, by the ids of their resolved keys, which copies share."""
    removed: dict[int, list[LayerDiff]] = {}
    last = -1
    for i, layer in enumerate(old.layers):
        if (i, places.get(i)) in steady:
            last = places[i]
        elif i not in places:
            removed.setdefault(last, []).append(LayerDiff(layer, None, (i, None)))
    yield from removed.get(-1, ())
    for j, layer in enumerate(new.layers):
        if j not in partner:
            yield LayerDiff(None, layer, (None, j))
        else:
            i = partner[j]
            before = old.layers[i]
            wiring, both = _wiring(old, new, before, layer, places), (id(before.values), id(layer.values))
            found = settled.get(both) if not wiring else None
            if found is None:
                found = _keys(before, layer, wiring)
                settled |= {both: found} if not wiring else {}
            keys, own = found
            figures, moved = _figures(before, layer, own), (i, j) not in steady
            counted = items[i].is_counted and new_items[j].is_counted
            if keys or figures or moved or before.name != layer.name:
                yield LayerDiff(before, layer, (i, j), keys, figures, own, moved, counted)
        yield from removed.get(j, ())


def _from_input(layer: LayerReport) -> tuple[str, ...]:
    """Return the keys that the input determines, even if the spec gives them."""
    return ("c_i", "c_o") if layer.node.layer.CONVOLUTION is ConvKind.DEPTHWISE else ("c_i",)


def _items(layers: Sequence[LayerReport]) -> list[Item]:
    """Return the identity of each layer; copies share their keys."""
    structures: dict[int, str] = {}
    items = []
    for layer in layers:
        found = structures.get(id(layer.values))
        if found is None:
            above = _from_input(layer)
            own = {key: value for key, value in layer.values.items() if key not in above}
            found = structures[id(layer.values)] = intern(layer.op + json.dumps(own))
        items.append(Item(layer.name, layer.op, found))
    return items


def _wiring(old: Report, new: Report, before: LayerReport, now: LayerReport, places: Mapping[int, int]) -> list[Change]:
    """Return the change in what a layer reads, if a spec states it and it is a different layer."""
    reads = tuple([INPUT if at == INPUT else places.get(at) for at in before.node.reads])
    if now.node.reads == reads or not (before.node.wired or now.node.wired):
        return []
    texts = [
        "+".join("input" if at == INPUT else report.layers[at].name for at in layer.node.reads)
        for report, layer in ((old, before), (new, now))
    ]
    return [] if texts[0] == texts[1] else [Change("from", *texts)]


def _keys(old: LayerReport, new: LayerReport, wiring: list[Change]) -> tuple[tuple[Change, ...], bool]:
    """Return the keys that differ, and whether one of them differs in the specs themselves."""
    own = [Change("op", old.op, new.op)] if old.op != new.op else []
    own += wiring
    a, b = old.values, new.values
    changes = [Change(key, a.get(key, ABSENT), b.get(key, ABSENT)) for key in ({**b, **a} if a != b else ())]
    changes = [change for change in changes if change.differs]
    above = _from_input(new)
    differ = {change.what for change in changes if change.what not in above}
    given, now = old.node.layer.given, new.node.layer.given

    def is_own(key: str) -> bool:
        resolved = "p" if key == "p_total" else key
        is_known = resolved in a and resolved in b
        return key not in above and given.get(key) != now.get(key) and (resolved in differ or not is_known)

    return (*own, *changes), bool(own) or (bool(differ) and any(map(is_own, {**given, **now})))


def _figures(old: LayerReport, new: LayerReport, own: bool) -> tuple[Change, ...]:
    """Return the figures that differ; if a key differs, also counts that may differ because one is unknown."""
    if not own and old.x == new.x and old.out == new.out and old.traced[2:] == new.traced[2:]:
        return ()
    changes = [Change(what, _figure(old, what), _figure(new, what)) for what in FIGURES]
    return tuple([c for c in changes if c.differs or (own and c.what in COUNTS and c.is_unknown)])
