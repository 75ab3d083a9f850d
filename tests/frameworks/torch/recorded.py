"""Modules as PyTorch ran them, for tests without PyTorch: the recorded calls, and the output values.

`python -m tests.frameworks.torch.recorded` rewrites `tests/data/torch-calls.jsonl.gz`, which needs PyTorch.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cnncalc.frameworks.torch.read.calls import Constant, FunctionCall, NamedInput, Recording, TracedTensor
from cnncalc.frameworks.torch.read.readings import Attempt
from tests import DATA

FILE = DATA / "torch-calls.jsonl.gz"


def rows() -> list[dict[str, Any]]:
    """Return all records, each for one module and its input."""
    return [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]


def input_of(shape: tuple[int, ...]) -> Any:
    """Return the input for a module that was run with this shape."""
    return np.random.default_rng(len(shape)).random(shape, "float32") - np.float32(0.5)


def key_of(attempt: Attempt) -> str:
    """Return the name of a reading of an input in a record."""
    return f"{attempt.reading.name} {attempt.batch} {[one.shape for one in attempt.inputs]}"


class Arrays:
    """The arrays of a record, each stored once."""

    def __init__(self, held: list[dict[str, Any]]):
        self.held = held

    def enter(self, array: Any) -> int | None:
        """Return the index of an array, adding it if needed."""
        if array is None:
            return None
        own = {"type": str(array.dtype), "shape": list(array.shape), "data": b64encode(array.tobytes()).decode()}
        if own not in self.held:
            self.held.append(own)
        return self.held.index(own)

    def read(self, place: int | None) -> Any:
        """Return the array at an index."""
        if place is None:
            return None
        one = self.held[place]
        return np.frombuffer(b64decode(one["data"]), one["type"]).reshape(one["shape"])


class Writer:
    """A writer of recordings as JSON."""

    def __init__(self, arrays: Arrays):
        self.arrays = arrays
        self.keys: dict[object, int] = {}

    def recording(self, one: Recording | None) -> Any:
        """Return a recording as JSON; None if the module failed."""
        if one is None:
            return None
        calls = [[self.value(part) for part in call] for call in one.calls]
        kept = one._replace(calls=[], outputs=[], leaves=frozenset())._asdict()
        return {**kept, "calls": calls, "outputs": self.value(one.outputs), "leaves": sorted(one.leaves)}

    def value(self, one: Any) -> Any:
        """Return an argument as JSON; other types become an object whose only key names the type."""
        held: Any
        match one:
            case TracedTensor():
                kind, held = "traced", [*one]
            case Constant():
                key = self.keys.setdefault(one.identity(), len(self.keys))
                read = self.arrays.enter(one.read())
                kind, held = "constant", [one.shape, one.name, one.of, read, key, self.value(one.made)]
            case slice():
                kind, held = "slice", [self.value(part) for part in (one.start, one.stop, one.step)]
            case list() | tuple():
                kind, held = type(one).__name__, [self.value(part) for part in one]
            case dict():
                kind, held = "dict", {key: self.value(part) for key, part in one.items()}
            case None | bool() | int() | float() | str():
                return one
            case _:
                kind, held = ("dots", 0) if one is Ellipsis else ("other", str(one))
        return held if kind == "list" else {kind: held}


class Reader:
    """A reader of recordings from JSON."""

    def __init__(self, arrays: Arrays):
        self.arrays = arrays

    def recording(self, one: Any) -> Recording | None:
        """Return a recording; None if the module failed."""
        if one is None:
            return None
        calls = [FunctionCall(*[self.value(part) for part in call]) for call in one["calls"]]
        inputs = [NamedInput(name, tuple(sizes), tuple(shape)) for name, sizes, shape in one["inputs"]]
        own = {"calls": calls, "inputs": inputs, "outputs": self.value(one["outputs"])}
        return Recording(**{**one, **own, "leaves": frozenset(one["leaves"])})

    def value(self, one: Any) -> Any:
        """Return an argument."""
        kind, held = next(iter(one.items())) if isinstance(one, dict) else (type(one).__name__, one)
        made = held
        match kind:
            case "traced":
                made = TracedTensor(held[0], held[1], tuple(held[2]))
            case "constant":
                shape, name, of, place, key, product = held
                read = partial(self.arrays.read, place)
                made = Constant(tuple(shape), name, tuple(of), read, f"constant {key}", self.value(product))
            case "slice":
                made = slice(*map(self.value, held))
            case "list" | "tuple":
                made = [self.value(part) for part in held]
                made = tuple(made) if kind == "tuple" else made
            case "dict":
                made = {key: self.value(part) for key, part in held.items()}
            case "dots":
                made = ...
        return made


def record(name: str, module: Any, input: tuple[int, ...], sample: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Return a module's record: the calls under each reading of the input, and the output.

    If the input is one `sample` without a batch, the module is run on a batch of one.
    """
    import torch

    from cnncalc.frameworks.torch.read import FIRST, inputs
    from cnncalc.frameworks.torch.read.readings import chosen

    arrays = Arrays([])
    writer, attempts = Writer(arrays), {}
    sizes = [n for array in [*module.parameters(), *module.buffers()] for n in array.shape]

    def run(one: Attempt) -> Recording | None:
        found = inputs.recorded(module, one, [])
        attempts[key_of(one)] = writer.recording(found)
        return found

    torch.manual_seed(0)
    spec = chosen(run, [(FIRST, input)], None, sizes, None)
    assert spec is not None, name
    with torch.no_grad():
        y = module.eval()(torch.from_numpy(input_of(input)).reshape((1, *sample) if sample else input))
    y = y[0] if isinstance(y, tuple) or sample else y
    known = all(layer["op"] != "opaque" for layer in spec.spec["layers"])
    params = sum(one.numel() for one in module.parameters())
    row = {"name": name, "input": input, "sizes": sorted({*sizes}), "attempts": attempts, "known": known}
    return {**row, "params": params, "y": arrays.enter(y.numpy()) if known else list(y.shape), "arrays": arrays.held}


def modules() -> Iterator[tuple[Any, ...]]:
    """Yield the modules of the tests that run with PyTorch, with their inputs."""
    import torch

    from tests.frameworks.torch import test_inputs, test_read

    tables: list[tuple[str, Any, int]] = [("read", test_read.READ, 2), ("opaque", test_read.OPAQUE, 1)]
    for table, cases, own in tables:
        for at, (make, sizes, *_) in enumerate(cases):
            torch.manual_seed(0)
            module = make().eval()
            for buffer in module.buffers():
                buffer.copy_(torch.rand(buffer.shape) + 0.5) if buffer.is_floating_point() else None
            yield f"{table}-{at}", module, (own, *sizes)
    for at, (module, input, _, batch, sample) in enumerate(test_inputs.CASES):
        yield f"input-{at}", module, tuple(map(int, input.split("x"))), None if batch else sample
    for at, (module, input, *_) in enumerate(test_inputs.WHOLE):
        yield f"whole-{at}", module, tuple(map(int, input.split("x")))


if __name__ == "__main__":
    lines = [json.dumps(record(*one)) for one in modules()]
    FILE.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
