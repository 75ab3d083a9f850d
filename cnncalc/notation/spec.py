"""Read a spec, as a parsed JSON value, into a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from ..dialects import DIALECTS, dialect_named, layout_named
from ..errors import CnncalcError, Path, SpecError, escaped, nearest, shown
from ..layers import OPS, Layer, aliases_of, find_op, keys_named, unknown_op, with_named_axes
from ..layers.keys import nested, onnx_pads
from ..limits import DEEPEST_BLOCKS, MOST_LAYERS, Limit
from ..network import Network, Node, Origin
from ..sizes import LARGEST, MOST_SIZES, read_shape
from ..wiring import Wire, wire
from .document import Document, Raw
from .examples import EXAMPLE

VERSION = 1
LONGEST_NAME = 255
MOST_SHOWN = 8
"""The most enclosing blocks of a layer that an error names."""
TOP_KEYS = (
    "cnncalc",
    "name",
    "input",
    "sample_axes",
    "unused",
    "names",
    "dialect",
    "layout",
    "layers",
    "expect",
    "report",
    "unit",
    "pixel",
    "$schema",
)


class Group(NamedTuple):
    """A layer with those before and after it in its word, each with the suffix that its name adds to the layer's."""

    head: Raw
    before: tuple[tuple[str, Raw], ...] = ()
    after: tuple[tuple[str, Raw], ...] = ()


LAYER_KEYS = ("name", "from", "times", "tie", "trainable", "expect")
"""The keys that layers of all ops may have."""
COMMON_KEYS = ("op", *LAYER_KEYS, "counted", "report")


def looks_like_spec(value: Any) -> bool:
    """Return whether a JSON value is meant as a spec, valid or not; a package.json and a baseline are not."""
    if isinstance(value, dict) and {"class_name", "config"} <= value.keys():
        return True  # a Keras model
    items = value if isinstance(value, list) else [] if is_baseline(value) else [value]
    return any(isinstance(item, dict) and _OWN & {key.lower() for key in item} for item in items)


_OWN = {"op", "layers", "expect", "cnncalc", "c_o"}
"""Keys of a spec or a layer that other JSON rarely has."""


def is_baseline(value: Any) -> bool:
    """Return whether a JSON value is a baseline, not a spec."""
    return isinstance(value, dict) and "files" in value and "layers" not in value


def read(value: Any, origin: Origin | None = None) -> Network:
    """Read a network from a parsed spec: an object with `layers`, a list of layers, or one layer.

    Raise SpecError with the layer and the place in `origin`.
    """
    layers: Any = None
    try:
        top, layers = _top(value, origin)
        return _network(top, layers, origin)
    except CnncalcError as error:
        path = error.path or ()
        if error.where is None and origin is not None:
            error.where = origin.locate(path, error.key)
        if error.layer is None and path[:1] == ("layers",) and len(path) > 1:
            error.layer = _label(layers, path)
        raise


def _top(value: Any, origin: Origin | None) -> tuple[dict[str, Any], Any]:
    """Return the top-level keys and the layers of either form."""
    lone = isinstance(value, dict) and "layers" not in value and "op" in value
    if lone or isinstance(value, (list, tuple)):
        if isinstance(origin, Document):
            origin.layers_at = None if lone else ()
        return {}, [value] if lone else value
    if isinstance(value, dict):
        return value, value.get("layers")
    help = _text_inside(value, ".") or "a spec is an object with layers, or a list of layers"
    raise SpecError(f"{shown(value)} is not a spec", help)


def _text_inside(value: object, path: str) -> str | None:
    """Return how to read a text that a JSON document holds at a path, as a print-out; None if it is not one."""
    is_text = isinstance(value, str) and ("(" in value or "\n" in value) and (path == "." or path[1:].isidentifier())
    return f"to read the text in it: jq -r {path} FILE | cnncalc shape -" if is_text else None


def _label(layers: Any, path: Path) -> str:
    """Return the label of the layer at a path, `layers[1].layers[2] 'a'` in a block, with its name if it has one."""
    indices, name = [], None
    for key, index in zip(path[::2], path[1::2], strict=False):
        if key != "layers" or not isinstance(index, int):
            break
        indices.append(f"layers[{index}]")
        raw = layers[index] if isinstance(layers, (list, tuple)) else None
        raw = raw.head if isinstance(raw, Group) else raw
        name, layers = (raw.get("name"), raw.get("layers")) if isinstance(raw, dict) else (None, None)
    if len(indices) > MOST_SHOWN:
        indices = [*indices[: MOST_SHOWN // 2], "…", indices[-1]]
    return ".".join(indices) + (f" {shown(name)}" if isinstance(name, str) else "")


def _network(top: dict[str, Any], layers: Any, origin: Origin | None) -> Network:
    failed = top.get("error")
    if isinstance(failed, dict) and isinstance(failed.get("message"), str):
        raise _reported(failed)
    if "selection" in top:
        raise SpecError("this shows some layers of a report: it is not a network", path=("selection",))
    for key, inside in top.items():
        if key not in TOP_KEYS:
            help = nearest(key, TOP_KEYS) or _text_inside(inside, f".{key}")
            raise SpecError(f"unknown key {shown(key)}", help, path=(key,))
    if layers is None:
        raise SpecError("no layers", 'a spec needs the key "layers", a list of layers')
    version = top.get("cnncalc", VERSION)
    if type(version) is not int or version != VERSION:
        what = f"unknown version {shown(version)} of the spec"
        raise SpecError(what, f"this is version {VERSION}", path=("cnncalc",))
    try:
        nodes = read_layers(layers)
    except CnncalcError as error:
        if error.path is None and top:
            error.path = ("layers",)
        raise
    given = {key: _read(top, key, (), reader, key in _NULLABLE) for key, reader in _TOP.items() if key in top}
    given["dialect"] = given.get("dialect") or DIALECTS["plain"]
    if "input" in top:
        given["input"] = _read(top, "input", (), partial(read_shape, scalar=given.get("sample_axes") == 0))
    network = Network(nodes, expect=top.get("expect"), source=origin, is_report="report" in top, **given)
    _check_names(network, network.names or {})
    return network


def _check_names(network: Network, names: Mapping[str, Any]) -> None:
    """Raise SpecError if the file's number of output names differs from the number of outputs."""
    if "outputs" not in names:
        return
    outputs = network._replace(names=None).outputs()
    if len(names["outputs"]) != len(outputs):
        what = f"outputs has {len(names['outputs'])} names, but the network has {len(outputs)} outputs"
        raise SpecError(what, "an output is a layer that no other reads", path=("names",))


def _reported(failed: dict[str, Any]) -> CnncalcError:
    """Return the error that a document has in place of a report, as in a line of --jsonl."""
    help, layer = failed.get("help"), failed.get("layer")
    error = SpecError(failed["message"], help if isinstance(help, str) else None, path=("error",))
    return error.at(layer) if isinstance(layer, str) else error


def _read(raw: dict[str, Any], key: str, path: Path, reader: Callable[[Any], Any], null: bool = False) -> Any:
    """Read a key of the object at a path; None if it is missing, or null and the reader does not accept `null`."""
    if key not in raw or (raw[key] is None and not null):
        return None
    try:
        return reader(raw[key])
    except CnncalcError as error:
        error.path, error.key = (*path, key), None
        raise


def _name(value: Any) -> str:
    if isinstance(value, str) and value and value.isprintable() and len(value) <= LONGEST_NAME:
        return value
    help = f"a name has only printable characters, at most {LONGEST_NAME}"
    raise SpecError(f"{shown(value)} is not a name", help)


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, (list, tuple)) else [value]
    return tuple([_name(name) for name in names])


def _sample_axes(value: Any) -> int:
    if type(value) is int and 0 <= value < MOST_SIZES:
        return value
    raise SpecError(f"{shown(value)} is not a number of axes", f"give a whole number from 0 to {MOST_SIZES - 1}")


def _unused(value: Any) -> dict[str, Any]:
    """Read the parameters and buffers of the source module that the network does not use, and where they are."""
    numbers = [value.get(key) for key in ("params", "buffers")] if isinstance(value, dict) else []
    where = value.get("where") if isinstance(value, dict) else None
    counts = all(type(n) is int and 0 <= n <= LARGEST for n in numbers)
    if numbers and counts and isinstance(where, (list, tuple)) and all(isinstance(name, str) for name in where):
        return dict(value)
    raise SpecError(f"unused is {shown(value)}", 'as {"params": 500, "buffers": 0, "where": ["aux"]}')


def _file_names(value: Any) -> dict[str, Any]:
    """Read the names in the network's file for the first input and for the outputs, the last layer first."""
    if not isinstance(value, dict) or not value.keys() <= {"input", "outputs"}:
        raise SpecError(f"names is {shown(value)}", 'as {"input": "image", "outputs": ["boxes", "scores"]}')
    found: dict[str, Any] = {"input": _name(value["input"])} if "input" in value else {}
    if "outputs" in value:
        found["outputs"] = _names(value["outputs"])
        if len(set(found["outputs"])) < len(found["outputs"]):
            raise SpecError("two outputs have the same name", "give each its own")
    return found


def _times(value: Any) -> int:
    if type(value) is int and 1 <= value <= LARGEST:
        return value
    raise SpecError(f"times: {shown(value)} is not a number of repetitions", "give a whole number of at least 1")


def _counted(value: Any) -> dict[str, int]:
    keys = ("weights", "bias", "buffers")
    if not isinstance(value, dict) or not value or not value.keys() <= set(keys):
        raise SpecError(f"{shown(value)} is not a count of arrays", f"give an object with the keys {', '.join(keys)}")
    for key, number in value.items():
        if type(number) is not int or not 0 <= number <= LARGEST:
            raise SpecError(f"{key}: {shown(number)} is not a number of values", "give a whole number of at least 0")
    return dict(value)


class Nesting(NamedTuple):
    """The nesting at which layers are read: how many blocks enclose them, and how often those repeat them."""

    depth: int
    times: int
    made: Limit
    """The count of layers: those written out, which the file's size bounds, and those made by `times`."""


def read_layers(value: Any, nesting: Nesting | None = None) -> tuple[Node, ...]:
    """Read a list of layers, of the network or of a block, and wire them.

    Raise SpecError with the path of the mistake.
    """
    if not isinstance(value, (list, tuple)):
        objects = _objects(value) if isinstance(value, str) else None
        help = (
            f"write it as [{objects}]"
            if objects
            else ('for example [{"name": "conv1", "op": "conv", "c_o": 64, "k": 7}]')
        )
        raise SpecError(f"layers is {shown(value)}, not a list", help)
    if not value:
        raise SpecError("no layers: the list is empty", "give at least one layer")
    if nesting is None:
        what = "with times the network has {made:,} layers, more than {most:,}"
        nesting = Nesting(0, 1, Limit(MOST_LAYERS, what, "lower times, or write the layers out"))
    nesting.made.made += len(value)  # these layers are written out
    return wire([read_layer(raw, i, nesting) for i, raw in enumerate(value)])


def _inner_layers(value: Any, index: int, nesting: Nesting) -> tuple[Node, ...]:
    """Read the layers of a block."""
    if nesting.depth > DEEPEST_BLOCKS:
        raise SpecError(f"blocks are nested more than {DEEPEST_BLOCKS} deep", path=("layers", index))
    try:
        return read_layers(value, nesting)
    except CnncalcError as error:
        if error.what.endswith("is not a layer") and error.help is None:
            error.help = "the layers of a block read only each other; their input is what the block reads"
        error.path = ("layers", index, *(error.path or ("layers",)))
        raise


def read_layer(raw: Any, index: int, nesting: Nesting) -> Wire:
    """Read one layer from its object. Raise SpecError with the path of the wrong key."""
    path = ("layers", index)
    if isinstance(raw, Group):
        head = read_layer(raw.head, index, nesting)
        repeated = nesting._replace(times=nesting.times * head.times)
        nesting.made.made += len(raw.before) + len(raw.after)
        before, after = [
            tuple([(suffix, read_layer(one, index, repeated).layer) for suffix, one in beside])
            for beside in (raw.before, raw.after)
        ]
        return head._replace(before=before, after=after)
    if not isinstance(raw, dict):
        raise SpecError(f"{shown(raw)} is not a layer", _as_object(raw), path=path)
    word = raw.get("op")
    op = find_op(word) if isinstance(word, str) else None
    if "op" not in raw:
        texts = [(key, value) for key, value in raw.items() if isinstance(value, str) and key not in COMMON_KEYS]
        meant = next((f'"op": {json.dumps(value)}, not {escaped(key)}' for key, value in texts if find_op(value)), None)
        help = f"the key is op: {meant}" if meant else 'for example {"op": "conv", "c_o": 64}'
        raise SpecError("a layer without an op", help, path=path)
    if op is None:
        unknown = unknown_op(word)
        unknown.path = path
        raise unknown
    times = 1 if "times" not in raw else _read(raw, "times", path, _times) or 1
    if nesting.times * times > 1:
        nesting = nesting._replace(times=nesting.times * times)
        _count(nesting, path)
    if word != op:
        try:
            raw = with_named_axes(str(word), raw)
        except SpecError as error:
            error.path = path
            raise
    given = _keys(op, raw, index, nesting)
    cls, nd = OPS[op]
    layer = cls(op, nd, given)
    if _COMMON.keys().isdisjoint(raw):
        return Wire(layer, times=times, expect=raw.get("expect"))
    name, reads, tie, trainable, counted = (_read(raw, key, path, reader) for key, reader in _COMMON.items())
    return Wire(layer, name, reads, times, raw.get("expect"), tie, trainable is not False, counted)


def _count(nesting: Nesting, path: Path) -> None:
    """Count the copies of a layer made by `times`. Raise SpecError beyond the limit."""
    try:
        nesting.made.count(nesting.times - 1)
    except SpecError as error:
        error.path, error.key = path, "times"
        raise


def _as_object(raw: Any) -> str:
    """Return how an invalid entry is written as a layer object: for a layer word, as the layers it means."""
    objects = _objects(str(raw))
    return f"write it as {objects}" if objects else 'a layer is an object, for example {"op": "relu"}'


_LONGEST_WORDS = 500
"""The most characters of words that an error writes as objects."""


def _objects(text: str) -> str | None:
    """Return layer words as layer objects separated by commas; None if they are not valid words, or too long."""
    if len(text) > _LONGEST_WORDS:
        return None
    from .tokens import tokenize
    from .words import parse_word  # imported only for an error

    layers: list[Raw] = []
    with suppress(CnncalcError):
        for word in tokenize(text):
            found = [one if isinstance(one, Group) else Group(one) for one in parse_word(word.text).layers]
            layers += [raw for one in found for _, raw in (*one.before, ("", one.head), *one.after)]
        return ", ".join(map(json.dumps, layers)) or None
    return None


def _keys(op: str, raw: dict[str, Any], index: int, nesting: Nesting) -> dict[str, object]:
    """Read the keys of an op, under our names and the frameworks'."""
    cls, nd = OPS[op]
    given: dict[str, object] = {}
    for written, value in raw.items():
        if written in COMMON_KEYS:
            continue
        names = keys_named(cls, written)
        if not names:
            help = nearest_key(cls, written) or f"{op} has the keys {', '.join([*cls.KEYS, *LAYER_KEYS])}"
            raise SpecError(f"{op} has no key {shown(written)}", help, path=("layers", index, written))
        if value is None or (written == "auto_pad" and value == "NOTSET"):
            continue
        for key in names:
            both = key in given and not cls.CONDITIONS.isdisjoint(
                {written, *(n for n in raw if key in keys_named(cls, n))}
            )
            if key in given and not both:
                also = f", also as {shown(written)}" if written != key else ""
                raise SpecError(
                    f"{shown(key)} is given twice{also}", "leave out one of them", path=("layers", index, written)
                )
            reader = cls.KEYS[key]
            try:
                read = reader(_plain(written, value, nd) if written in _ONNX else value, nd)
                given[key] = read and given[key] if both else read
            except CnncalcError as error:
                error.what, error.path, error.key = f"{written}: {error.what}", ("layers", index, written), None
                raise
            if reader is nested:
                given[key] = _inner_layers(value, index, nesting._replace(depth=nesting.depth + 1))
    _check_keys(cls, op, given, ("layers", index))
    return given


_MEANT = {
    "f": "k",
    "filter": "k",
    "size": "k",
    **dict.fromkeys(("op", "outpad", "outputpad", "outputpadding"), "out_pad"),
}
"""Keys by further names from textbooks and common use: F is a filter's size in CS231n."""


def meant_key(cls: type[Layer], written: str) -> str | None:
    """Return the key that a textbook's name or an abbreviation means; None for others."""
    key = _MEANT.get(written.lower().replace("_", ""))
    return key if key in cls.KEYS else None


def nearest_key(cls: type[Layer], written: str, more: Iterable[str] = ()) -> str | None:
    """Return `did you mean dilation (d)?`: the key names nearest to a word, ours before the frameworks'.

    If none is near, it names the other ops with such a key, if they are few.
    """
    if (meant := meant_key(cls, written)) is not None:
        return f"did you mean '{meant}'?"
    known = [*cls.KEYS, *more, *LAYER_KEYS]
    aliases = {name: keys for name in aliases_of(cls) if (keys := keys_named(cls, name)) and name not in known}
    found = nearest(written, [*known, *aliases])
    if found is None:
        owners = [op for op, (other, nd) in OPS.items() if written in other.KEYS and nd in (None, 2)]
        return f"{shown(written)} is a key of {' and '.join(owners)}" if 0 < len(owners) < 4 else None
    names = {aliases.get(name, (name,)): name for name in reversed(found.split("'")[1::2])}
    said = [f"{name} ({' and '.join(keys)})" if name in aliases else f"'{name}'" for keys, name in names.items()]
    return f"did you mean {' or '.join(reversed(said))}?"


def _trainable(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise SpecError(f"trainable: {shown(value)} is neither true nor false")


_TOP: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "dialect": dialect_named,
    "layout": layout_named,
    "sample_axes": _sample_axes,
    "unused": _unused,
    "names": _file_names,
}
"""The readers of the top-level keys, except the input's shape, which depends on `sample_axes`."""
_NULLABLE = {"dialect", "layout"}
"""The top-level keys whose reader accepts null."""
_COMMON: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "from": _names,
    "tie": _name,
    "trainable": _trainable,
    "counted": _counted,
}
"""The readers of the keys that every layer may have, except `times`, which is read first."""
_ONNX = ("auto_pad", "pads")
"""The keys whose values have a form of their own in ONNX."""


def _plain(written: str, value: Any, nd: int | None) -> Any:
    """Return the value of a key in the form its reader accepts: ONNX's pads as [before, after] per axis."""
    if written == "auto_pad" and not isinstance(value, str):
        raise SpecError(f"{shown(value)} is not a word", "for numbers use pads")
    return onnx_pads(value, nd) if written == "pads" else value


def _check_keys(cls: type[Layer], op: str, given: dict[str, object], path: Path) -> None:
    """Raise SpecError for a missing key, or for two that exclude each other."""
    if "p_total" in given and "p" in given:
        raise SpecError(
            "p and p_total are both given", "p is per side, p_total the sum of both sides", path=(*path, "p")
        )
    for key in cls.NEEDED:
        if key not in given:
            example = f", as {key}={EXAMPLE[key]}" if key in EXAMPLE else ""
            example = f", as {op}:{EXAMPLE.get(key, 3)}" if key == cls.BARE else example
            raise SpecError(f"{op} needs {key}", f"give {key}{example}", path=path)
