"""The reading of an input's sizes: what runs, and what the layers accept, decides which size is the batch.

A module runs on a tensor with a batch of an unusual size, so that the batch can be told from every other axis. The
sizes may have the batch in front, be one sample's, or be the space of one channel. The first of these that runs is
kept; after a failed one, only if no slice takes more of an axis than there is. If none runs, or a call mixes samples,
the sizes are those of the tensor, and the batch is an axis like others.

Numbers and branches that a module derives from the batch would be those of the unusual one. So a module that looks at
sizes also runs on another such batch, and on the batch that the sizes state. Unless the first two give the same network
and all make the same calls, the batch is the one that the sizes state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from ....errors import SpecError, nearest, shown
from ....readings import Reading
from ... import ForeignNetwork
from ...inputs import input_keys
from . import FIRST
from .build import CallReader
from .calls import Constant, FunctionCall, Misread, NamedInput, Recording, TracedTensor, tree

PRIMES = (61, 53, 59, 67, 71, 73, 79, 83)
"""Candidate batch sizes; the first two that divide no other size are used."""
LIKELY = (Reading.BATCH, Reading.SAMPLE, Reading.SPACE)
"""The order of readings for sizes in PyTorch's own form: the first size is a batch if that runs."""


class Attempt(NamedTuple):
    """One reading of the inputs."""

    reading: Reading
    batch: int | None
    """The number of samples that the module runs on; None if the batch is an axis like others."""
    inputs: list[NamedInput]


class Found(NamedTuple):
    """A module that ran."""

    model: ForeignNetwork
    attempt: Attempt
    opaque: int
    """The number of opaque layers."""
    mixed: bool
    """Whether a call mixed samples."""
    looks: bool
    """Whether the module looked at the sizes of tensors, so that its numbers may depend on the batch."""
    computed: list[Constant]
    """The computed arrays of layers, which are not themselves parameters or buffers."""
    calls: list[FunctionCall]


Given = Sequence[tuple[str, tuple[int, ...]]]
"""The sizes of inputs, by argument names of `forward`."""
Run = Callable[[Attempt], Recording | None]
"""A function that returns the recording of a module under a reading of its inputs, or None if it fails."""


def named_inputs(names: Sequence[str], inputs: Mapping[str, Sequence[int]]) -> list[tuple[str, tuple[int, ...]]]:
    """Return the sizes of several inputs by the names of the arguments of `forward`, in their order.

    An input goes by its argument's name, or by `input`, `input_2` … in their order. Raise SpecError for another name.
    """
    numbered = {FIRST if not at else f"{FIRST}_{at + 1}": own for at, own in enumerate(names)}
    found: dict[str, tuple[int, ...]] = {}
    for one, sizes in inputs.items():
        own = one if one in names else numbered.get(one)
        if own is None:
            help = nearest(one, names) or f"forward takes {', '.join(names)}"
            raise SpecError(f"the module has no input {shown(one)}", help)
        found[own] = tuple(sizes)
    return sorted(found.items(), key=lambda item: names.index(item[0]))


def chosen(
    run: Run,
    given: Given,
    batch: int | None,
    others: Iterable[int],
    name: str | None,
    likely: Sequence[Reading] = LIKELY,
) -> ForeignNetwork | None:
    """Return the network of the first reading of the inputs that runs and mixes no samples; None if none runs.

    `batch` samples are put in front of the inputs; without it they may have a batch. `others` are the other sizes in
    the module, those of its parameters and buffers.
    """
    mixed: list[Found] = []
    prime, other = unusual(given, others)
    is_whole = False  # the module's numbers depend on the input's own batch, so no other may be put in front
    every = list(attempts(given, batch, prime, likely))
    for one in every:
        if is_whole and one.reading is not Reading.BATCH and one.inputs[0].shape != one.inputs[0].sizes:
            continue
        found = tried(run, one, name)
        is_guess = one.reading is not every[0].reading and one.inputs[0].shape != one.inputs[0].sizes
        if found is not None and is_guess and any(map(cuts_beyond, found.calls)):
            continue
        runs = found is not None and one.reading is Reading.BATCH and (found.looks or one.batch != prime)
        if found is not None and found.looks and not found.mixed and one.batch == prime:
            again = tried(run, attempt(given, one.reading, other), name)
            own = attempt(given, one.reading, own_batch(given, one.reading, batch))
            is_free = again is not None and is_same(found, again) and calls_alike(run, own, found, again)
            found = found if is_free else None
        is_whole = is_whole or (runs and (found is None or found.mixed))
        if found is not None and not found.mixed:
            return with_reading(found)
        mixed += [] if found is None else [found]
    if not mixed:
        return None
    return with_reading(min(mixed, key=lambda found: (found.opaque, found.attempt.batch is not None)))


def cuts_beyond(call: FunctionCall) -> bool:
    """Return whether a call slices beyond the end of an axis, so that it was meant for another axis."""
    if call.function != "getitem" or not isinstance(call.args[0], TracedTensor):
        return False
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    front = takewhile(lambda one: one is not Ellipsis, [one for one in index if one is not None])
    stops = [one.stop if isinstance(one, slice) else None for one in front]
    return any(isinstance(stop, int) and stop > n for stop, n in zip(stops, call.args[0].shape, strict=False))


def with_reading(found: Found) -> ForeignNetwork:
    """Return the network of a module, which states how its input's sizes are read if its layers do not imply it."""
    spec = found.model.spec
    keys = input_keys(spec["layers"], len(spec["input"]), found.attempt.reading)
    return found.model._replace(spec={**spec, **keys})


def tried(run: Run, attempt: Attempt, name: str | None) -> Found | None:
    """Return the network of a module under a reading of its inputs; None if it fails or its layers disagree."""
    recording = run(attempt)
    if recording is None:
        return None
    reader = CallReader(recording)
    try:
        model = reader.read_all(name)
    except Misread:
        return None
    opaque = sum(layer.op == "opaque" for layer in reader.spec.layers)
    is_one = attempt.reading is Reading.BATCH and attempt.inputs[0].sizes[0] == 1
    arrays = [array for layer in reader.spec.layers for array in reader.layers.arrays.get(layer, {}).values()]
    computed = [array for array in arrays if array.name is None]
    mixed = reader.mixed or (is_one and reader.layers.loses_one)
    return Found(model, attempt, opaque, mixed, recording.looks, computed, recording.calls)


def is_same(one: Found, other: Found) -> bool:
    """Return whether a module gives the same network on two batches, so that no number depends on the batch."""
    if one.model.spec != other.model.spec or len(one.computed) != len(other.computed):
        return False
    return all(is_equal(a.read(), b.read()) for a, b in zip(one.computed, other.computed, strict=True))


def calls_alike(run: Run, own: Attempt, one: Found, other: Found) -> bool:
    """Return whether a module makes the same calls on its own batch as on two others.

    Sizes must be proportional to the batch, or the same in all, and so must other arguments.
    """
    recording = run(own)
    if recording is None or len(recording.calls) != len(one.calls):
        return False
    batches = own.batch or 1, one.attempt.batch or 1, other.attempt.batch or 1
    return all(is_alike(batches, *three) for three in zip(recording.calls, one.calls, other.calls, strict=True))


def is_alike(batches: tuple[int, int, int], own: FunctionCall, one: FunctionCall, other: FunctionCall) -> bool:
    """Return whether a call on a batch is consistent with the same call on two others."""
    if (own.function, own.path, len(own.outs)) != (one.function, one.path, len(one.outs)):
        return False
    n, p, q = batches
    for mine, first, second in zip(own.outs, one.outs, other.outs, strict=True):
        expected = [a + (b - a) * (n - p) / (q - p) for a, b in zip(first, second, strict=True)]
        if list(mine) != expected:
            return False
    arguments = [tree([call.args, call.kwargs]) for call in (own, one, other)]
    return len({len(leaves) for leaves in arguments}) == 1 and all(
        is_one_argument(mine, a) for mine, a, b in zip(*arguments, strict=True) if is_one_argument(a, b)
    )


def is_one_argument(one: Any, other: Any) -> bool:
    """Return whether an argument of two calls is the same; tensors that depend on an input need not be compared."""
    if isinstance(one, TracedTensor) and isinstance(other, TracedTensor):
        return (one.call, one.place) == (other.call, other.place)
    if isinstance(one, Constant) and isinstance(other, Constant):
        return one.name == other.name and (one.name is not None or is_equal(one.read(), other.read()))
    if hasattr(one, "shape") and hasattr(other, "shape"):
        return is_equal(one, other)
    return bool(type(one) is type(other) and (one == other or (one != one and other != other)))  # noqa: PLR0124


def is_equal(one: Any, other: Any) -> bool:
    """Return whether two arrays have the same values, or both have none."""
    if one is None or other is None:
        return one is other
    equal = one.shape == other.shape and ((one == other) | ((one != one) & (other != other))).all()  # noqa: PLR0124
    return bool(equal)


def unusual(given: Given, others: Iterable[int]) -> list[int]:
    """Return two sizes for the batch that divide no size of an input, and none of the others."""
    taken = {n for _, sizes in given for n in sizes} | set(others)
    return sorted(PRIMES, key=lambda prime: any(n % prime == 0 for n in taken))[:2]


def attempts(given: Given, batch: int | None, prime: int, likely: Sequence[Reading]) -> Iterator[Attempt]:
    """Yield the readings of the inputs, likely ones first: with an unusual batch, with their own, and without one.

    The first size is a batch only if it is the same for all inputs.
    """
    meanings = [one for one in likely if one is not Reading.BATCH]
    has_batch = batch is None and len(given[0][1]) > 1 and len({sizes[:1] for _, sizes in given}) == 1
    for reading in likely:
        if reading is not Reading.BATCH:
            yield attempt(given, reading, prime)
        elif has_batch:
            yield attempt(given, reading, prime)
            yield attempt(given, reading, own_batch(given, reading, None))
    yield from [attempt(given, reading, own_batch(given, reading, batch)) for reading in meanings]
    if batch is None:
        yield Attempt(Reading.SAMPLE, None, [NamedInput(name, own, own) for name, own in given])
    yield Attempt(Reading.SAMPLE, None, [NamedInput(name, own, (batch or 1, *own)) for name, own in given])


def own_batch(given: Given, reading: Reading, batch: int | None) -> int:
    """Return the caller's number of samples under a reading: as requested, as given, or one."""
    return batch or (given[0][1][0] if reading is Reading.BATCH else 1)


def attempt(given: Given, reading: Reading, batch: int) -> Attempt:
    """Return a reading of the inputs on this many samples."""
    fronts: Mapping[Reading, tuple[int, ...]] = {Reading.SPACE: (1,)}
    inputs = []
    for name, sizes in given:
        sample = sizes[1:] if reading is Reading.BATCH else sizes
        inputs.append(NamedInput(name, sizes, (batch, *fronts.get(reading, ()), *sample)))
    return Attempt(reading, batch, inputs)
