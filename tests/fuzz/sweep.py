"""Every kind of place of an input, once with each odd value: what random changes reach in hours.

    python -m tests.fuzz.sweep {keras,spec,onnx,code} [--every N]

A kind of place is a key of a class of Keras's or of an op, a field of a node's message, an argument of a function. Each
input is held to the laws of its format; `tests.fuzz.hostile --try FILE` tries a find again.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import cases

from . import measure
from .formats import SIZES, keras_documents, onnx_files, python_sources, repeats
from .hostile import MEMORY, SECONDS, Fault, Finds, attempt

Change = Callable[[], bytes]
Place = tuple[Any, ...]
"""The keys, or the fields and their indices, that lead to a place."""
GONE = object()
VALUES: list[Any] = [
    *(GONE, None, True, False, 0, -1, 3, 2**31, 10**18, 10**40, 1.5, 1e-9, 1e308, float("nan")),
    *("", "a", "same", "relu", "x" * 300),
    *([], [0], [-1], [1.5], [None], ["a"], [1, 2], [1, 2, 3, 4, 5, 6, 7], [[1, 2], [3]], [[1, 0], [0, 1]], [[[1]]]),
    *({}, {"a": 1}, {"class_name": "X", "config": {}}),
]
"""The values to try in JSON."""
TEXTS = ["", "x", "Conv", "Relu", "Concat", "If", "Loop", "Reshape", "\0", "\n"]
NUMBERS = [0.0, 1.0, -1.0, 1e38, float("inf"), float("nan"), -0.5]
BYTES = [b"", b"\xff\xfe", b"SAME_UPPER", b"\0" * 8, b"\1" * 4096, b"linear"]
EXPRESSIONS = (
    """0 -1 -3 3 10**18 1.5 None 'a' () [] True (1,2) [0] x float('nan') [[1,2],[3,4]] slice(None) ... {}""".split()
)
"""The arguments to try in a call."""


def in_json(documents: list[Any]) -> Iterator[Change]:
    """Yield the changes of each key of each class or op."""
    seen = set()
    for document in documents:
        for path, kind in _places(document):
            sign = (kind, *[key if isinstance(key, str) else 0 for key in path[-4:]])
            if sign not in seen:
                seen.add(sign)
                for value in VALUES:
                    yield lambda document=document, path=path, value=value: _with(document, path, value)  # type: ignore[misc]


def _places(value: Any, path: Place = (), kind: str = "") -> Iterator[tuple[Place, str]]:
    """Yield the path of each place of a JSON value, and the class or op that it belongs to."""
    if isinstance(value, dict):
        named = value.get("class_name", value.get("op"))
        kind = named if isinstance(named, str) else kind
    inside = value.items() if isinstance(value, dict) else enumerate(value[:6]) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*path, key), kind
        yield from _places(one, (*path, key), kind)


def _with(document: Any, path: Place, value: Any) -> bytes:
    """Return a document with another value at a place."""
    made = json.loads(json.dumps(document))
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return json.dumps(made).encode()


def specs() -> list[Any]:
    """Return a spec for each row of the table of ops."""
    tables = [table for table in vars(cases).values() if isinstance(table, list)]
    rows = [row for table in tables for row in table if isinstance(row, cases.Row)]
    return [
        {"dialect": row.dialect, "input": [*row.input], "layers": [dict(one) for one in row.layers]} for row in rows
    ]


def in_messages() -> Iterator[Change]:
    """Yield the changes of each field of the messages of each operator."""
    import onnx

    seen = set()
    for data in onnx_files():
        for path, sign in _messages(onnx.load_model_from_string(data)):
            message = _at(onnx.load_model_from_string(data), path)
            for what, change in _field_changes(message):
                if (*sign, what) not in seen:
                    seen.add((*sign, what))
                    yield lambda data=data, path=path, change=change: _changed(data, path, change)  # type: ignore[misc]


def _messages(message: Any, path: Place = (), sign: Place = ()) -> Iterator[tuple[Place, Place]]:
    """Yield the paths of a message and of each nested message, and what each is a part of."""
    yield path, sign
    for field, value in message.ListFields():
        for at, one in enumerate(value if repeats(value) else [value]) if field.message_type is not None else ():
            own = {"node": ("node", getattr(one, "op_type", "")), "attribute": (*sign, getattr(one, "name", ""))}
            step = (field.name, at if repeats(value) else None)
            yield from _messages(one, (*path, step), own.get(field.name, (*sign, field.name)))


def _at(message: Any, path: Place) -> Any:
    for name, at in path:
        message = getattr(message, name) if at is None else getattr(message, name)[at]
    return message


def _changed(data: bytes, path: Place, change: Callable[[Any], object]) -> bytes:
    """Return a model with a message changed."""
    import onnx

    model = onnx.load_model_from_string(data)
    try:
        change(_at(model, path))
    except (TypeError, ValueError):  # a number that the field cannot hold
        return data
    return bytes(model.SerializeToString())


def _field_changes(message: Any) -> Iterator[tuple[str, Callable[[Any], object]]]:
    """Yield the changes of a message's fields, with a description."""
    for field in message.DESCRIPTOR.fields:
        name, kinds, value = field.name, type(field), getattr(message, field.name)
        if repeats(value) and len(value):
            yield f"{name} less", lambda m, name=name: getattr(m, name).__delitem__(0)  # type: ignore[misc]
        yield f"{name} gone", lambda m, name=name: m.ClearField(name)  # type: ignore[misc]
        if field.message_type is not None:
            if repeats(value):
                yield f"{name} more", lambda m, name=name: getattr(m, name).add()  # type: ignore[misc]
            else:
                yield f"{name} empty", lambda m, name=name: getattr(m, name).SetInParent()  # type: ignore[misc]
            continue
        of_kind: dict[int, list[Any]] = {kinds.TYPE_STRING: TEXTS, kinds.TYPE_BYTES: BYTES}
        of_kind |= dict.fromkeys((kinds.TYPE_FLOAT, kinds.TYPE_DOUBLE), NUMBERS)
        for new in of_kind.get(field.type, [*SIZES, 4, 5, 6, 8, 10, 13, 17]):
            if not repeats(value):
                yield f"{name} {new}", lambda m, name=name, new=new: setattr(m, name, new)  # type: ignore[misc]
                continue
            yield f"{name} and {new}", lambda m, name=name, new=new: getattr(m, name).append(new)  # type: ignore[misc]
            if len(value):
                yield f"{name} {new}", lambda m, name=name, new=new: getattr(m, name).__setitem__(-1, new)  # type: ignore[misc]


def in_calls() -> Iterator[Change]:
    """Yield the changes of each argument of each function that Python sources call."""
    seen = set()
    for data in python_sources():
        first, _, text = data.decode().partition("\n")
        try:
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        except SyntaxError:
            continue
        for number, call in enumerate(calls):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            for key in [*range(len(call.args)), *[one.arg for one in call.keywords]]:
                for new in ["", *EXPRESSIONS]:
                    if (name, len(call.args), key, new) not in seen:
                        seen.add((name, len(call.args), key, new))
                        yield lambda first=first, text=text, at=(number, key), new=new: _called(first, text, at, new)  # type: ignore[misc]


def _called(first: str, text: str, at: tuple[int, Any], new: str) -> bytes:
    """Return a source with one argument of a call replaced or removed."""
    tree, (number, key) = ast.parse(text), at
    call = [node for node in ast.walk(tree) if isinstance(node, ast.Call)][number]
    given = [ast.parse(new, mode="eval").body] if new else []
    if isinstance(key, int):
        call.args[key : key + 1] = given
    else:
        place = [one.arg for one in call.keywords].index(key)
        call.keywords[place : place + 1] = [ast.keyword(key, one) for one in given]
    return f"{first}\n{ast.unparse(tree)}".encode("utf-8", "surrogatepass")


SWEPT: dict[str, Callable[[], Iterator[Change]]] = {
    "keras": lambda: in_json([json.loads(one) for one in keras_documents()]),
    "spec": lambda: in_json(specs()),
    "onnx": in_messages,
    "code": in_calls,
}
"""The changes of each format."""


def main() -> None:
    """Try every change, and print each kind of fault once."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sweep", description=__doc__)
    parser.add_argument("format", choices=[*SWEPT])
    parser.add_argument("--every", type=int, default=1, help="try one of so many")
    given = parser.parse_args()
    changes = [*SWEPT[given.format]()][:: given.every]
    gc.freeze()  # garbage collection of shared objects in each process takes longer than a case
    finds = Finds(Path(tempfile.mkdtemp(prefix="cnncalc-sweep-")))

    def case(at: int) -> dict[str, Any]:
        fault = attempt(given.format, changes[at]())
        return {} if fault is None else fault._asdict()

    for at, line in enumerate(measure.each(case, len(changes), SECONDS, MEMORY)):
        if line:
            fault = Fault(line.get("kind", f"{given.format} {line.get('died')}"), line.get("text", f"{line}"))
            finds.add(given.format, changes[at](), fault)
    kinds = "".join(f"\n{number:6} {kind}" for kind, number in finds.counts.most_common())
    sys.stdout.write(f"{len(changes):,} inputs, {len(finds.counts)} kinds of faults, kept in {finds.folder}{kinds}\n")


if __name__ == "__main__":
    main()
