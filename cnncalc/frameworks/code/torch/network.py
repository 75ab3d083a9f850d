"""A network of evaluated code, run on tensors without values and read by the rules for PyTorch's calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ....errors import CnncalcError, SpecError, no_input
from ....input import FIRST
from ....layers.base import AXIS_LETTERS
from ....notation.spec import read as read_spec
from ....readings import Reading
from ....report import Report
from ....sizes import Open, Shape, show, to_json
from ....trace import shape as trace_shape
from ... import ForeignNetwork
from ...torch.read.build import CallReader
from ...torch.read.calls import Misread, Recording, TracedTensor, tree
from ...torch.read.readings import PRIMES, Attempt, chosen, named_inputs
from ..budget import Budget, TooMuchError
from ..values import FunctionValue, InstanceValue, RaisedError, UnknownValue, leaves
from . import stored
from .functions import CallRecorder, settle
from .modules import children, modules, tensors
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

COUNTER = "num_batches_tracked"
"""The buffer of a normalization that only counts the batches it was trained on."""
TRIED = (256, 227, 330), (320, 301, 283), (288, 245, 262)
"""Sizes to try for open ones, a row for each letter. What all three tries agree on does not depend on the sizes."""
LIKELY = (224, 32, 28, 64, 128, 256, 299, 96, 84, 48, 227, 16, 100, 150, 160, 200, 300, 384, 448, 512, 1000)
"""Usual image sizes. An error suggests the first one that fits, or the very first if none fits."""


class Failure(NamedTuple):
    """A reading of the inputs for which a network fails."""

    recording: Recording
    """The calls before the error."""
    error: SpecError | RaisedError
    shapes: dict[int, dict[str, None]]
    """The shapes that lines produce before the error."""


class NetworkReader:
    """A reader of one module."""

    def __init__(self, evaluator: Evaluator, network: InstanceValue):
        self.evaluator, self.network = evaluator, network
        self.names = {id(module): name for name, module in modules(network)}
        self.arrays = dict(tensors(modules(network)))
        for name, tensor in self.arrays.items():
            tensor.begin(name)
        self.has_letters = False
        """Whether sizes of the given inputs are letters."""
        self.failures: list[Failure] = []
        """The readings that failed."""
        self.shapes: dict[int, dict[str, None]] = {}
        """The shapes that lines produce; if possible, those of a reading whose batch differs from all other sizes."""

    def read(self, inputs: Mapping[str, Shape]) -> ForeignNetwork:
        """Read the network for inputs of these sizes, or without sizes if it does not depend on them."""
        if not inputs:
            return self.read_open(self.declared())
        self.has_letters = any(isinstance(n, Open) for sizes in inputs.values() for n in sizes)
        if self.has_letters:
            return self.read_open(inputs)
        found = self.read_sizes({name: tuple([int(str(n)) for n in sizes]) for name, sizes in inputs.items()})
        if found is None:
            raise self.failure()
        self.evaluator.shapes = self.shapes
        return found

    def failure(self) -> SpecError:
        """Return the error of the reading that got furthest, with the report of the layers before it."""
        recording, error, self.evaluator.shapes = max(self.failures, key=lambda one: len(one.recording.calls))
        blamed = error if isinstance(error, SpecError) else self.evaluator.source.at(error.blamed(), error.node)
        blamed.report = report_of(recording)
        return blamed

    def read_sizes(self, inputs: Mapping[str, tuple[int, ...]]) -> ForeignNetwork | None:
        """Read the network for inputs of these sizes; None if it fails for all readings of them."""
        given = [(FIRST, inputs[FIRST])] if list(inputs) == [FIRST] else named_inputs(self.arguments(), inputs)
        sizes = [n for tensor in self.arrays.values() for n in tensor.shape]
        found = chosen(self.run, given, None, sizes, self.network.cls.name, likely(len(given[0][1])))
        if found is None:
            return None
        return found._replace(weights={}, stored=partial(stored.arrays, found.weights, list(self.arrays)))

    def arguments(self) -> list[str]:
        """Return the names of the parameters of `forward`."""
        forward = self.network.cls.find("forward")
        if not isinstance(forward, FunctionValue):
            return [FIRST]
        names = [one.arg for one in (*forward.args.posonlyargs, *forward.args.args)][1:]
        if not names and forward.args.vararg is None:
            raise self.evaluator.error(forward.node, "forward takes no input")
        return names or [FIRST]

    # Open sizes

    def declared(self) -> Mapping[str, Shape]:
        """Return the input of the first module with weights, all sizes but its channels open; None if there is none."""
        for _, module in modules(self.network):
            own = module.attributes
            weight = own.get("weight")
            if 0 in (own.get("in_channels"), own.get("in_features")):  # a lazy module
                return {}
            if "in_channels" in own and isinstance(weight, TensorValue):
                return {FIRST: (own["in_channels"], *map(Open, AXIS_LETTERS[len(weight.shape) - 2]))}
            if "in_features" in own:
                return {FIRST: (own["in_features"],)}
        return {}

    def read_open(self, inputs: Mapping[str, Shape]) -> ForeignNetwork:
        """Read the network for inputs of open sizes. Raise SpecError if it depends on them."""
        letters = dict.fromkeys(str(n) for sizes in inputs.values() for n in sizes if isinstance(n, Open))
        found: list[ForeignNetwork | None] = []
        for at in range(len(TRIED[0]) if letters else 1):
            numbers = {letter: row[at] for letter, row in zip(letters, TRIED, strict=False)}
            if not inputs or len(numbers) < len(letters):
                break
            sizes = {name: tuple([numbers.get(str(n), n) for n in own]) for name, own in inputs.items()}
            found.append(self.read_sizes(sizes))  # type: ignore[arg-type]
            if found[-1] is None:
                break
        first = found[0] if found else None
        layers = [one.spec["layers"] for one in found if one is not None]
        if first is None or len(layers) < len(found) or any(one != layers[0] for one in layers):
            raise self.needs_input(inputs)
        self.evaluator.shapes = {}
        return first._replace(spec={**first.spec, "input": to_json(inputs[FIRST])})

    def needs_input(self, inputs: Mapping[str, Shape]) -> SpecError:
        """Return the error for a network that depends on the sizes of its input.

        If it fails in the same way for all sizes, return that error instead.
        """
        name, arguments = self.network.cls.name, self.arguments()
        sizes = inputs.get(FIRST) or inputs.get(arguments[0]) or (3, Open("H"), Open("W"))
        tries = [tuple([n if isinstance(size, Open) else int(str(size)) for size in sizes]) for n in LIKELY]
        if not inputs or len(arguments) > 1:
            others = [f" -i {one}=…" for one in arguments[1:]]
            return no_input(name, f"-i {show(tries[0])}{''.join(others)}", is_open=self.has_letters)
        errors: dict[str, SpecError] = {}
        advised = tries[0]
        with suppress(TooMuchError):
            for numbers in tries:
                self.failures.clear()
                if self.read_sizes({FIRST: numbers}) is not None:
                    advised = numbers
                    errors.clear()
                    break
                error = self.failure()
                errors[str(error)] = error
        self.evaluator.shapes = {}
        if len(errors) != 1:
            return no_input(name, f"-i {show(advised)}", is_open=self.has_letters)
        (error,) = errors.values()
        error.report = None  # the report is for sizes that the user did not give
        return error

    # Running

    def run(self, attempt: Attempt) -> Recording | None:
        """Return the record of a run for a reading of the inputs; None if the network fails."""
        own = CallRecorder(runs=True)
        own.names, own.batch = self.names, attempt.batch
        self.evaluator.shapes = {}
        self.evaluator.state["torch"] = own
        given = [
            TensorValue(one.shape, traced=TracedTensor(-1, at, one.shape)) for at, one in enumerate(attempt.inputs)
        ]
        for tensor in given:
            tensor.run = own
        kwargs = {one.name: tensor for one, tensor in zip(attempt.inputs, given, strict=True)}
        first = attempt.inputs[0].name == FIRST and len(given) == 1
        before = self.state()
        try:
            result = self.evaluator.call(
                self.network, given if first else [], {} if first else kwargs, self.network.node
            )
            for one in leaves(result, self.evaluator.budget):
                if isinstance(one, UnknownValue):  # an output, or part of one
                    raise self.evaluator.unknown(one, self.network.node)
            results = [one for one in tensors_of(result, self.evaluator.budget) if one.traced is not None]
            for tensor in results:
                settle(self.evaluator, tensor, self.network.node)
            outputs = list(dict.fromkeys(one.traced for one in results if one.traced is not None))
            if not outputs:
                raise self.evaluator.error(self.network.node, "the network's output does not depend on its input")
        except (SpecError, RaisedError) as error:
            self.arrays = dict(tensors(modules(self.network)))
            self.failures.append(Failure(self.recording(attempt, own, []), error, self.evaluator.shapes))
            return None
        finally:
            self.arrays = dict(tensors(modules(self.network)))  # lazy modules have their arrays now
            for one, content in before:
                restore(one, content)
        if attempt.batch in PRIMES or not self.shapes:
            self.shapes = self.evaluator.shapes
        return self.recording(attempt, own, outputs)

    def state(self) -> list[tuple[Any, Any]]:
        """Return the objects that a run may change (arrays, modules and their containers), with their contents."""
        own = [module.attributes for _, module in modules(self.network)]
        kept = [one for attributes in own for one in attributes.values() if type(one) in (list, dict)]
        for one in kept:
            self.evaluator.budget.copy(len(one))
        return [(one, one.contents) for one in self.arrays.values()] + [(one, one.copy()) for one in (*own, *kept)]

    def recording(self, attempt: Attempt, own: CallRecorder, outputs: list[TracedTensor]) -> Recording:
        """Return the record of a run."""
        trained = {name: one.size for name, one in self.arrays.items() if one.is_parameter}
        kept = {name: one.size for name, one in self.arrays.items() if not one.is_parameter}
        kept = {name: n for name, n in kept.items() if name.rpartition(".")[2] != COUNTER}
        ends = frozenset([name for name, module in modules(self.network) if not any(True for _ in children(module))])
        name = self.network.cls.name
        return Recording(name, attempt.inputs, attempt.batch, own.calls, outputs, trained, kept, ends, own.looks)


def restore(one: Any, content: Any) -> None:
    """Restore the contents that an object had before a run; for an array, only if it depends on the run's input."""
    if isinstance(one, list):
        one[:] = content
    elif isinstance(one, dict):
        one.clear()
        one |= content
    elif one.traced is not None:
        one.contents = content


def report_of(recording: Recording) -> Report | None:
    """Return the report of the recorded calls of a network that failed; None if there are none."""
    read = {
        (one.call, one.place)
        for call in recording.calls
        for one in tree([call.args, call.kwargs])
        if isinstance(one, TracedTensor)
    }
    ends = [
        TracedTensor(at, 0, call.outs[0])
        for at, call in enumerate(recording.calls)
        if call.outs and (at, 0) not in read
    ]
    if not ends:
        return None
    try:
        network = read_spec(CallReader(recording._replace(outputs=ends[::-1])).read_all(None).spec)
        return trace_shape(network)
    except (CnncalcError, Misread):
        return None


def likely(sizes: int) -> Sequence[Reading]:
    """Return the readings of `sizes` sizes, the likely ones first: three are a sample; two and four include a batch."""
    if sizes == 3:
        return (Reading.SAMPLE, Reading.BATCH, Reading.SPACE)
    return (Reading.BATCH, Reading.SAMPLE, Reading.SPACE)


def tensors_of(result: Any, budget: Budget) -> Iterator[TensorValue]:
    """Yield the tensors in a result, in order, including those in attributes of objects."""
    waiting = [result]
    seen: set[int] = set()
    for one in waiting:
        for leaf in leaves(one, budget):
            if isinstance(leaf, TensorValue):
                yield leaf
            elif isinstance(leaf, InstanceValue) and id(leaf) not in seen:
                seen.add(id(leaf))
                waiting.append(leaf.attributes)
