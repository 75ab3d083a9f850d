"""A spec as JSON text: parsed strictly, read into a network, and written again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from ..dialects import DIALECTS, dialect_named, layout_named
from ..errors import CnncalcError, Path, SpecError, Where, nearest, shown
from ..layers import OPS, Layer, find_op, keys_named, unknown_op
from ..layers.composite import nested
from ..network import Network, Node, Source
from ..sizes import LARGEST, read_shape
from ..wiring import Wire, wire
from .keys import LAYER_KEYS, canonical

VERSION = 1
LONGEST_NAME = 255
DEEPEST = 100
"""How many blocks may stand in each other."""
MOST_SHOWN = 8
"""How many of them an error names."""
TOP_KEYS = ("cnncalc", "name", "input", "dialect", "layout", "layers", "expect", "report", "$schema")
COMMON_KEYS = ("op", *LAYER_KEYS, "report")


class Document(Source):
    """A JSON text and its name: the source of the networks read from it."""

    def __init__(self, text: str, name: str, first_line: int = 1):
        self.text, self.name, self.first_line = text, name, first_line
        self.layers_at: Path | None = ("layers",)
        """Where the layers are: () for a bare list, None for a lone layer."""
        self.imported = False
        """Whether the text is a document of another framework, of which the layers' places are not known."""
        self.places: dict[Path, int] | None = None
        """Where everything stands, once it has been asked."""

    def where(self, at: int) -> Where:
        """An offset of the text."""
        from . import positions as locate

        return locate.place(self.text, at, self.name, self.first_line)

    def locate(self, path: Path, key: str | None) -> Where:
        """The place of a path, or of the name that stands for `key` in the object there."""
        if self.imported:
            return Where(self.name, 0, 0)
        from . import positions as locate  # only when something is wrong: reading pays nothing for it

        if path[:1] == ("layers",):
            path = path[2:] if self.layers_at is None else (*self.layers_at, *path[1:])
        if self.places is None:
            self.places = locate.index(self.text)
        is_key = None if key is None else lambda raw: key in canonical(raw)
        return self.where(locate.find(self.places, path, is_key))


class _NotStrict(ValueError):
    """Something that Python's parser takes and JSON does not."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotStrict
    return found


def _constant(_: str) -> NoReturn:
    raise _NotStrict


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _NotStrict
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)


def parse(document: Document) -> Any:
    """The value of a JSON text. SpecError at the place where it is no JSON, or holds a name twice, NaN or 1e400."""
    text = document.text
    if not text.strip():
        raise _at(document, 0, "is empty", 'a spec is JSON, as [{"op": "conv", "c_o": 64, "k": 7}]')
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _not_json(document, error) from None
    except RecursionError:
        raise _at(document, 0, "nested too deeply", "a spec is a list of layers") from None
    except ValueError:
        raise _strict(document) from None


def _not_json(document: Document, error: json.JSONDecodeError) -> CnncalcError:
    if error.msg == "Extra data":
        return _at(document, error.pos, "a second document after the first", "for one spec a line use --jsonl")
    what = (error.msg[0].lower() + error.msg[1:]).removesuffix(" at")
    return _at(document, error.pos, f"not JSON: {what}", None)


def _strict(document: Document) -> CnncalcError:
    from . import positions as locate

    twice = locate.duplicate(document.text)
    infinite = locate.not_finite(document.text)
    if infinite is not None and (twice is None or infinite.at < twice.at):
        return _at(document, infinite.at, f"{shown(infinite.text)[1:-1]} is not a number that JSON can hold", None)
    if twice is None:  # a number too large, and no JSON right behind it: 1e999abc
        try:
            json.loads(document.text)
        except json.JSONDecodeError as error:
            return _not_json(document, error)
    assert twice is not None
    assert twice.key_at is not None
    return _at(document, twice.key_at, f"{shown(twice.path[-1])} is given twice", "leave out one of them")


def _at(document: Document, at: int, what: str, help: str | None) -> CnncalcError:
    error = SpecError(what, help)
    error.where = document.where(at)
    return error


def read(value: Any, source: Source | None = None) -> Network:
    """A network from a parsed spec: an object with `layers`, a bare list of layers, or one layer."""
    layers: Any = None
    try:
        top, layers = _open(value, source)
        return _network(top, layers, source)
    except CnncalcError as error:
        if error.where is None and source is not None:
            path = error.path or ()
            error.where = source.locate(path, error.key)
        if error.layer is None and error.path and error.path[0] == "layers" and len(error.path) > 1:
            error.layer = _label(layers, error.path)
        raise


def looks_like_spec(value: Any) -> bool:
    """Whether a JSON value is meant as a spec, right or wrong; a package.json and a baseline are not."""
    if isinstance(value, list):
        return any(isinstance(item, dict) and _OWN & {key.lower() for key in item} for item in value)
    if isinstance(value, dict) and {"class_name", "config"} <= value.keys():
        return True  # a Keras model
    return isinstance(value, dict) and bool(_OWN & {key.lower() for key in value}) and not is_baseline(value)


_OWN = {"op", "layers", "expect", "cnncalc", "c_o"}
"""Keys that a spec or a layer has, and other JSON hardly."""


def is_baseline(value: Any) -> bool:
    """Whether a JSON value is a baseline, and no spec."""
    return isinstance(value, dict) and "files" in value and "layers" not in value


def _open(value: Any, source: Source | None) -> tuple[dict[str, Any], Any]:
    """The top-level keys and the layers of either form."""
    if isinstance(value, dict) and "layers" not in value and "op" in value:
        if isinstance(source, Document):
            source.layers_at = None
        return {}, [value]
    if isinstance(value, (list, tuple)):
        if isinstance(source, Document):
            source.layers_at = ()
        return {}, value
    if isinstance(value, dict):
        return value, value.get("layers")
    raise SpecError(f"{shown(value)} is not a spec", "a spec is an object with layers, or a list of layers")


def _label(layers: Any, path: Path) -> str:
    """The layer of a path, `layers[1].layers[2] 'a'` inside of a block, with the innermost name where it has one."""
    found, name = [], None
    for key, index in zip(path[::2], path[1::2], strict=False):
        if key != "layers" or not isinstance(index, int):
            break
        found.append(f"layers[{index}]")
        raw = layers[index] if isinstance(layers, (list, tuple)) else None
        name, layers = (raw.get("name"), raw.get("layers")) if isinstance(raw, dict) else (None, None)
    label = ".".join(found if len(found) <= MOST_SHOWN else [*found[: MOST_SHOWN // 2], "…", found[-1]])
    return f"{label} {shown(name)}" if isinstance(name, str) else label


def _network(top: dict[str, Any], layers: Any, source: Source | None) -> Network:
    for key in top:
        if key not in TOP_KEYS:
            raise SpecError(f"unknown key {shown(key)}", nearest(key, TOP_KEYS), path=(key,))
    if layers is None:
        raise SpecError("no layers", 'a spec has a key "layers", a list of layers')
    version = top.get("cnncalc", VERSION)
    if type(version) is not int or version != VERSION:
        raise SpecError(
            f"version {shown(top['cnncalc'])} of the spec is not known", f"this is version {VERSION}", path=("cnncalc",)
        )
    name = top.get("name")
    if name is not None:
        name = _read(lambda: _name(name), ("name",))
    return Network(
        _top_layers(layers, bool(top)),
        _read(lambda: dialect_named(top["dialect"]), ("dialect",)) if "dialect" in top else DIALECTS["plain"],
        _read(lambda: layout_named(top["layout"]), ("layout",)) if "layout" in top else None,
        _read(lambda: read_shape(top["input"]), ("input",)) if top.get("input") is not None else None,
        name,
        top.get("expect"),
        source,
        "report" in top,
    )


def _top_layers(layers: Any, is_object: bool) -> tuple[Node, ...]:
    try:
        return read_layers(layers)
    except CnncalcError as error:
        if error.path is None and is_object:
            error.path = ("layers",)
        raise


def _read(make: Callable[[], Any], path: Path) -> Any:
    """What `make` makes; an error of it is one of `path`."""
    try:
        return make()
    except CnncalcError as error:
        error.path, error.key = path, None
        raise


def _name(value: Any) -> str:
    if isinstance(value, str) and value and value.isprintable() and len(value) <= LONGEST_NAME:
        return value
    raise SpecError(
        f"{shown(value)} is not a name", f"a name is a text of printable characters, {LONGEST_NAME} at the most"
    )


def read_layers(value: Any, depth: int = 0) -> tuple[Node, ...]:
    """The layers of a list in so many blocks, named and wired. SpecError with the path of what is at fault."""
    if not isinstance(value, (list, tuple)):
        raise SpecError(f"layers is {shown(value)}, not a list")
    if not value:
        raise SpecError("no layers: the list is empty", "give at least one layer")
    return wire([read_layer(raw, i, depth) for i, raw in enumerate(value)])


def _inner_layers(value: Any, index: int, depth: int) -> tuple[Node, ...]:
    """The layers of a block."""
    if depth > DEEPEST:
        raise SpecError(f"blocks are nested more than {DEEPEST} deep", path=("layers", index))
    try:
        return read_layers(value, depth)
    except CnncalcError as error:
        if error.what.endswith("is no layer") and error.help is None:
            error.help = "a block's layers read each other; what the block reads is their input"
        error.path = ("layers", index, *(error.path or ("layers",)))
        raise


def read_layer(raw: Any, index: int, depth: int) -> Wire:
    """One layer from its object. SpecError with the path of the key at fault."""
    if not isinstance(raw, dict):
        raise SpecError(
            f"{shown(raw)} is not a layer", 'a layer is an object, as {"op": "relu"}', path=("layers", index)
        )
    word = raw.get("op")
    op = find_op(word) if isinstance(word, str) else None
    if op is None:
        raise _no_op(raw, index)
    cls, nd = OPS[op]
    readers = cls.KEYS
    given: dict[str, object] = {}
    for key, value in raw.items():
        reader = readers.get(key)
        if reader is None:
            if key not in COMMON_KEYS:
                _read_alias(cls, op, nd, key, value, given, index)
        elif value is not None:
            if key in given:
                raise _twice(key, key, index)
            try:
                given[key] = reader(value, nd)
            except CnncalcError as error:
                raise _of_key(error, key, index) from None
            if reader is nested:
                given[key] = _inner_layers(value, index, depth + 1)
    _check_keys(cls, op, given, index)
    return Wire(cls(op, nd, given), *_common(raw, index))


def _no_op(raw: dict[str, Any], index: int) -> SpecError:
    if "op" not in raw:
        return SpecError("a layer without an op", 'as in {"op": "conv", "c_o": 64}', path=("layers", index))
    error = unknown_op(raw["op"])
    error.path = ("layers", index)
    return error


def _of_key(error: CnncalcError, key: str, index: int) -> CnncalcError:
    error.what = f"{key}: {error.what}"
    error.path, error.key = ("layers", index, key), None
    return error


def _twice(key: str, raw: str, index: int) -> SpecError:
    also = f" as {shown(raw)} too" if raw != key else ""
    return SpecError(f"{shown(key)} is given twice{also}", "leave out one of them", path=("layers", index, raw))


def _read_alias(
    cls: type[Layer], op: str, nd: int | None, raw: str, value: Any, given: dict[str, object], index: int
) -> None:
    """A key by one of its long names."""
    names = keys_named(cls, raw)
    if not names:
        known = [*cls.KEYS, *LAYER_KEYS]
        help = nearest(raw, known) or f"{op} has the keys {', '.join(known)}"
        raise SpecError(f"{op} has no key {shown(raw)}", help, path=("layers", index, raw))
    if value is None or (raw == "auto_pad" and value == "NOTSET"):
        return
    if raw == "auto_pad" and not isinstance(value, str):
        raise _of_key(SpecError(f"{shown(value)} is not a word", "for numbers use pads"), raw, index)
    for name in names:
        if name in given:
            raise _twice(name, raw, index)
        try:
            given[name] = cls.KEYS[name](_pads(value, nd) if raw == "pads" else value, nd)
        except CnncalcError as error:
            raise _of_key(error, raw, index) from None


def _pads(value: Any, nd: int | None) -> Any:
    """ONNX's pads, begins and then ends, as [before, after] per axis."""
    if not isinstance(value, list) or len(value) % 2 or len(value) != 2 * (nd or len(value) // 2) or not value:
        raise SpecError(f"{shown(value)} is not ONNX's pads", "first the begins of all axes, then their ends")
    half = len(value) // 2
    return [[before, after] for before, after in zip(value[:half], value[half:], strict=True)]


def _check_keys(cls: type[Layer], op: str, given: dict[str, object], index: int) -> None:
    """SpecError for a key that is missing, or two that exclude each other."""
    if "p_total" in given and "p" in given:
        raise SpecError(
            "p and p_total are both given", "p is per side, p_total the sum of both sides", path=("layers", index, "p")
        )
    for key in cls.NEEDED:
        if key not in given:
            bare = f", as {op}:{_EXAMPLE.get(key, 3)}" if key == cls.BARE else ""
            raise SpecError(f"{op} needs {key}", f"give {key}{bare}", path=("layers", index))


_EXAMPLE = {"c_o": 64, "out": 10, "k": 3, "p": 1, "order": "2x3x1"}


def _common(raw: dict[str, Any], index: int) -> tuple[str | None, tuple[str, ...] | None, int, Any, str | None]:
    """The keys that every layer has: name, from, times, expect, tie."""
    name, reads, times, tie = raw.get("name"), raw.get("from"), raw.get("times"), raw.get("tie")
    if name is not None:
        name = _read(lambda: _name(name), ("layers", index, "name"))
    if reads is not None:
        reads = _read(lambda: _names(reads), ("layers", index, "from"))
    if times is None:
        times = 1
    elif type(times) is not int or not 1 <= times <= LARGEST:
        raise SpecError(
            f"times: {shown(times)} is not a number of times",
            "a whole number from 1 on",
            path=("layers", index, "times"),
        )
    if tie is not None:
        tie = _read(lambda: _name(tie), ("layers", index, "tie"))
    return name, reads, times, raw.get("expect"), tie


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, (list, tuple)) else [value]
    if not names:
        raise SpecError("from names no layer")
    return tuple([_name(n) for n in names])


def lines(head: dict[str, Any], layers: Any, tail: dict[str, Any]) -> Any:
    """The pieces of a spec's text, the layers' as they come."""
    opening = json.dumps(head, ensure_ascii=False)
    yield opening[:-1] + (", " if head else "") + '"layers": [\n  '
    yield from _between(layers, ",\n  ")
    yield "\n]" + "".join(f', "{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in tail.items()) + "}\n"


def _between(pieces: Any, separator: str) -> Any:
    first = True
    for piece in pieces:
        yield piece if first else separator + piece
        first = False
