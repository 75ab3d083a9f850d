"""The JSON Schema of a spec, built from the ops' tables of keys; `cnncalc schema` prints it for editors.

The schema describes the form of a spec. Duplicate names, arithmetic and wiring are left to the reader. So are a few
rules of form that JSON Schema cannot state (3.0 is an integer for it, but not for the reader), which
tests/notation/test_schema.py lists. A validator that holds numbers as doubles also accepts 2**63 for 2**63 - 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ..dialects import DIALECTS, LAYOUT_WORDS, PADDING_WORDS
from ..layers import HELP, OPS, Layer, aliases_of, keys_named, spellings, title
from ..layers.keys import FORMS, Schema, any_case, shape_form, whole_form, words_form
from ..limits import MOST_LAYERS
from ..sizes import LARGEST, MOST_SIZES
from .spec import COMMON_KEYS, LONGEST_NAME, TOP_KEYS, VERSION

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = f"urn:cnncalc:spec:{VERSION}"
SIDES = ("p", "p_total")
"""Keys that exclude each other in a layer."""

_NAME = {"type": "string", "maxLength": LONGEST_NAME, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u00a0\\u2028\\u2029]+$"}
_ONNX_WORDS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


class FigureForm(Protocol):
    """The properties of a figure that decide how it can be expected."""

    @property
    def slug(self) -> str:
        """The figure's name in words."""

    @property
    def is_shape(self) -> bool:
        """Return whether it is a shape, not a number."""

    @property
    def per_axis(self) -> bool:
        """Return whether it is a number for each axis."""

    @property
    def in_bytes(self) -> bool:
        """Return whether it is a number of bytes."""


def build(figures: Mapping[str, FigureForm], units: Iterable[str]) -> Schema:
    """Return the schema of a spec: an object with layers, a bare list of layers, or one layer.

    `figures` are those that `expect` accepts, with numbers in `units`.
    """
    ops = list(map(OpSchema, OPS))
    layer = {op.name: op.schema() for op in ops}
    used = {name: form for op in ops for name, form in op.forms.items()}
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "cnncalc spec",
        "description": "A convolutional network: an object with layers, a bare list of layers, or one layer.",
        "type": ["object", "array"],
        "if": {"type": "array"},
        "then": _ref("layers"),
        "else": {
            "if": {"required": ["op"], "not": {"required": ["layers"]}},
            "then": _ref("layer"),
            "else": _ref("network"),
        },
        "$defs": {
            "network": _network(),
            "layers": {"type": "array", "minItems": 1, "items": _ref("layer")},
            "layer": _layer(ops),
            **layer,
            "name": _or_null(_NAME),
            "names": _or_null({**_NAME, "type": ["string", "array"], "items": _NAME, "minItems": 1}),
            "times": _or_null({**whole_form(), "maximum": MOST_LAYERS}),
            "counted": _counts("weights", "bias", "buffers"),
            "shape": shape_form(None),
            **_expectations(figures, units),
            **dict(sorted(used.items())),
        },
    }


def _counts(*keys: str) -> Schema:
    """Return the form of an object that counts arrays."""
    properties = {key: {"type": "integer", "minimum": 0, "maximum": LARGEST} for key in keys}
    least = [{"required": [key]} for key in keys]
    return _or_null({"type": "object", "properties": properties, "additionalProperties": False, "anyOf": least})


def _network() -> Schema:
    keys: Schema = {
        "$schema": {"description": "The address of this schema."},
        "cnncalc": {"const": VERSION, "description": "The version of the spec format."},
        "name": _ref("name", "The network's name."),
        "input": {
            **_or_null({**shape_form(None), "minItems": 0}),
            "description": "The input, such as [3, 224, 224] or 3xHxW.",
        },
        "sample_axes": {
            **_or_null({**whole_form(0), "maximum": MOST_SIZES - 1}),
            "description": "How many axes a sample of the input has, if its layers do not determine it.",
        },
        "unused": {
            "type": ["object", "null"],
            "required": ["params", "buffers", "where"],
            "properties": {
                "params": whole_form(0),
                "buffers": whole_form(0),
                "where": {"type": "array", "items": {"type": "string"}},
            },
            "description": "What a module has but its output does not use; it is not part of the network.",
        },
        "names": {
            "type": ["object", "null"],
            "properties": {"input": _ref("name", "Its first input."), "outputs": _ref("names", "Its outputs.")},
            "additionalProperties": False,
            "description": "The names of its first input and its outputs in the file that it was read from.",
        },
        "dialect": {**words_form(DIALECTS), "description": "Whose rules apply.", "default": "plain"},
        "layout": {**words_form(LAYOUT_WORDS), "description": "The position of the channels: first or last."},
        "layers": _ref("layers", "The layers, in order."),
        "expect": _ref("expect", "The figures that the whole network must have, for cnncalc check."),
        "report": {"description": "The figures of the whole network in a report; ignored when a spec is read."},
        "unit": {"description": "What a unit sees, in a report of cnncalc rf; ignored when a spec is read."},
        "pixel": {"description": "Which units see a pixel, in a report of cnncalc rf; ignored when a spec is read."},
    }
    number = {"required": ["sample_axes"], "properties": {"sample_axes": {"const": 0}}}
    return {
        "required": ["layers"],
        "properties": {key: keys[key] for key in TOP_KEYS},
        "additionalProperties": False,
        "if": {"not": number},  # an input without sizes is one number per sample
        "then": {"properties": {"input": {"minItems": 1}}},
    }


def _common() -> Schema:
    """Return the keys that every layer has."""
    keys: Schema = {
        "op": True,
        "name": _ref("name", "The layer's name; by default its op and its running number."),
        "from": _ref("names", "The layer it reads, the layers it joins, or input; by default the layer above."),
        "tie": _ref("name", "A layer above, of the same op, whose weights it uses."),
        "trainable": {"type": ["boolean", "null"], "description": "Whether its weights are trained.", "default": True},
        "times": {**_ref("times", "How many times in a row the layer is repeated."), "default": 1},
        "expect": _ref("expect", "The figures that the layer must have, for cnncalc check."),
        "counted": _ref("counted", "What its arrays count as, where they are shared, computed or not trained."),
        "report": {"description": "The figures of the layer in a report; ignored when a spec is read."},
    }
    return {key: keys[key] for key in COMMON_KEYS}


def _layer(ops: list[OpSchema]) -> Schema:
    """Return the form of a layer, whose op decides which keys it has."""
    words = [{"const": op, "description": title(op)} for op in OPS]
    any_op = _text(f"^({'|'.join(op.pattern for op in ops)})$")
    branches = [
        {"if": {"required": ["op"], "properties": {"op": _text(f"^{op.pattern}$")}}, "then": _ref(op.name)}
        for op in ops
    ]
    properties = {"op": {"description": "The operation.", "anyOf": [*words, any_op]}}
    return {"type": "object", "required": ["op"], "properties": properties, "allOf": branches}


def help_of(cls: type[Layer], key: str) -> str:
    """Return the meaning of a key in a line: the layer's own text, or else the common one."""
    return cls.HELP.get(key) or HELP.get(key, "")


class OpSchema:
    """The keys of an op under all their names, and their forms."""

    def __init__(self, op: str):
        self.cls, self.nd = OPS[op]
        self.name, self.title = f"layer-{op}", title(op)
        """The name and the description of its schema."""
        words, ends = spellings(op)
        self.pattern = f"({any_case(words)}{any_case(ends)}?)"
        """A regular expression for the op, in any spelling."""
        self.rank = f"-{self.nd}d" if self.nd else ""
        """The suffix for names of forms that depend on the number of axes."""
        self.forms: Schema = {}
        """The forms of its keys, and the rules shared with other ops, by name."""
        known = [alias for alias in aliases_of(self.cls) if alias not in self.cls.KEYS]
        self.names = {key: [key, *(a for a in known if key in keys_named(self.cls, a))] for key in self.cls.KEYS}
        """Each key and all its names."""

    def schema(self) -> Schema:
        """Return the form of a layer of this op."""
        alone = [
            [n for n in names if n not in self.cls.CONDITIONS] for k, names in self.names.items() if k not in SIDES
        ]
        sides = [name for key in SIDES for name in self.names.get(key, [])]
        rules = {f"one-of-{'-'.join(names)}": _at_most_one(names) for names in (*alone, sides) if len(names) > 1}
        rules |= {f"needs-{'-or-'.join(self.names[key])}": _needed(self.names[key]) for key in self.cls.NEEDED}
        self.forms |= rules
        keys = {key: self._key(key) for key in self.cls.KEYS}
        aliases = {alias: self._alias(alias, key) for key, names in self.names.items() for alias in names[1:]}
        properties = {**_common(), **keys, **aliases}
        if self.cls.SOURCE:
            nothing = {"type": ["array", "null"], "maxItems": 0, "description": "It does not read a layer."}
            properties["from"] = nothing
        schema = {"description": self.title, "properties": properties, "additionalProperties": False}
        return {**schema, **({"allOf": list(map(_ref, rules))} if rules else {})}

    def _key(self, key: str) -> Schema:
        default = getattr(self.cls, key, None)
        schema = _ref(self._form(key), help_of(self.cls, key))
        if default is None or key in self.cls.DERIVED:
            return schema
        return schema | {"default": list(default) if isinstance(default, tuple) else default}

    def _alias(self, alias: str, key: str) -> Schema:
        what = f"The same as {' and '.join(keys_named(self.cls, alias))}."
        if alias == "pads":
            alias, what = f"pads{self.rank}", "ONNX's padding: the begins of all axes, then their ends."
            self.forms[alias] = _pads(self.nd)
        elif alias == "auto_pad":
            self.forms[alias] = {"anyOf": [{"enum": [*_ONNX_WORDS, None]}, _text(f"^{any_case(PADDING_WORDS)}$")]}
        else:
            alias = self._form(key)
        return _ref(alias, what)

    def _form(self, key: str) -> str:
        """Register the form of a key and return its name."""
        name, form = FORMS[self.cls.KEYS[key]]
        schema = form(self.nd)
        name += self.rank if schema != form(None) else ""
        self.forms[name] = _or_null(schema)
        return name


def _at_most_one(names: list[str]) -> Schema:
    """Require that at most one of several names is given: if one is, those after it are not."""
    names = sorted(names, key=lambda name: name != "auto_pad")  # NOTSET counts as not given, so it must come first
    none = [{"properties": {other: {"type": "null"} for other in names[i:]}} for i in range(1, len(names))]
    return {"allOf": [{"if": _is_given(name), "then": then} for name, then in zip(names, none, strict=False)]}


def _is_given(name: str) -> Schema:
    nothing: Schema = {"enum": [None, "NOTSET"]} if name == "auto_pad" else {"type": "null"}
    return {"required": [name], "properties": {name: {"not": nothing}}}


def _needed(names: list[str]) -> Schema:
    """Require a key under any one of its names."""
    key, *others = map(_is_given, names)
    return {"if": {"not": {"anyOf": others}}, "then": key} if others else key


def _pads(nd: int | None) -> Schema:
    """Return the form of ONNX's pads, two per axis. For any number of axes, odd lengths are accepted, too."""
    pads = {"type": ["array", "null"], "items": whole_form(0), "minItems": 2 * (nd or 1)}
    return pads | ({"maxItems": 2 * nd} if nd else {})


def _expectations(figures: Mapping[str, FigureForm], units: Iterable[str]) -> Schema:
    digits = f"([0-9]{{1,3}}([_,][0-9]{{3}})*|[0-9]+)([.][0-9]+)? *({'|'.join(units)})? *"
    number = f" *-?{digits}((±|[+]-) *{digits}%? *)?"
    in_bytes = f"{number}(B *)?"
    from ..hints.table import ALL, KINDS  # not at the top: completion uses help_of and needs no hints

    keys: Schema = {}
    for name, figure in figures.items():
        what = figure.slug.replace("-", " ")
        if figure.is_shape:
            keys[name] = _ref("expected-shape", f"The {what}, such as 64x56x56; a letter is any size.")
            continue
        form = "expected-per-axis" if figure.per_axis else "expected-bytes" if figure.in_bytes else "expected-number"
        keys[name] = _ref(form, f"The {what}, such as 9472, 4.1G or 4.09G±1%.")
        keys[f"min_{name}"] = _ref(form, f"The least {what}.")
        keys[f"max_{name}"] = _ref(form, f"The greatest {what}.")
    keys["forbid"] = _ref("forbidden-hints", "The hints that must not occur: names, or all.")
    names = f"({'|'.join([*KINDS, ALL])})"
    one = {"type": "string", "enum": [*KINDS, ALL]}
    return {
        "forbidden-hints": {
            "type": ["string", "array"],
            "pattern": f"^ *{names} *(, *{names} *)*$",
            "items": one,
            "minItems": 1,
        },
        "expect": {"type": ["object", "null"], "properties": keys, "additionalProperties": False},
        "expected-shape": {**shape_form(None), "minItems": 0, **whole_form(), "type": ["integer", "string", "array"]},
        "expected-number": {**_expected(number, number), "maxItems": 1},
        "expected-bytes": {**_expected(in_bytes, in_bytes), "maxItems": 1},
        "expected-per-axis": _expected(number, f"{number}([xX×]{number})*"),
    }


def _expected(one: str, text: str) -> Schema:
    """Return the form of a number, a text, or a list of either."""
    entry = {"type": ["integer", "string"], "minimum": -(10**100), "maximum": 10**100, "pattern": f"^{one}$"}
    return {**entry, "type": ["integer", "string", "array"], "pattern": f"^{text}$", "items": entry, "minItems": 1}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _or_null(schema: Schema) -> Schema:
    """Return a form that also accepts null, for what is not given."""
    if "type" not in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    types: Any = schema["type"]
    return {**schema, "type": [*(types if isinstance(types, list) else [types]), "null"]}


def _ref(name: str, description: str = "") -> Schema:
    return {"$ref": f"#/$defs/{name}"} | ({"description": description} if description else {})
