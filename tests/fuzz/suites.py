"""Test suites of other projects: `python -m tests.fuzz.suites nodes|inference|modules|keras|torchinfo FILE.jsonl`.

The suites are not copied here; they run where they are installed (README.md says what ships where). What they would
check is recorded and compared. A case is wrong if a figure or a value differs, or if it is rejected.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
import tempfile
import unittest
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import cnncalc

from . import measure
from .measure import Fact, Line, Log

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
Cases = Iterator[tuple[str, Callable[[], Line]]]


def nodes(_: Path) -> Cases:
    """Yield onnx's node tests, except those that expand a node into others."""
    from onnx.backend.test.case.node import collect_testcases

    with np.errstate(all="ignore"):
        found = collect_testcases(None)
    for case in found:
        if "_expanded" not in case.name and case.model is not None and case.data_sets:
            yield case.name, partial(_node, case)


def _node(case: Any) -> Line:
    feeds, wanted = case.data_sets[0]
    if not all(isinstance(one, np.ndarray) and one.dtype.kind in "fiub" for one in (*feeds, *wanted[:1])):
        return {"skipped": "strings, sequences or optional values"}
    names = [one.name for one in case.model.graph.input]
    tolerance = max(case.rtol, measure.TOLERANCE)
    fact = Fact(np.shape(wanted[0]), values=wanted[0], tolerance=tolerance)
    return _onnx(case.model, dict(zip(names, feeds, strict=False)), fact)


def _onnx(model: Any, feeds: dict[str, Any], fact: Fact) -> Line:
    import onnx

    from cnncalc.frameworks.onnx.read import read
    from cnncalc.input import by_name
    from cnncalc.sources import imported

    first = next(iter(feeds.values()), None)
    if first is None or np.ndim(first) == 0 or any(np.size(one) == 0 for one in [*feeds.values(), np.empty(fact.out)]):
        return {"skipped": "no input, a number without axes, or sizes of 0"}
    while True:
        made = measure.read(lambda: imported(read(model.SerializeToString()), "case"), fact, feeds)
        if "there is no input" not in made.get("refused", ""):
            return made
        network = imported(read(model.SerializeToString()), "case")
        for name, array in [*feeds.items()]:  # an input that stands for a weight is stored in the file
            try:
                by_name(network, [(name, 0)])
            except cnncalc.SpecError:
                model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
                del feeds[name]


def inference(folder: Path) -> Cases:
    """Yield the graphs of onnx's shape_inference_test.py in a folder, with the shapes that it asserts."""
    import onnx

    spec = importlib.util.spec_from_file_location("shape_inference_test", folder / "shape_inference_test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made: list[tuple[str, Any, Any]] = []

    def record(self: Any, graph: Any, vis: Any, **kwargs: Any) -> None:
        kwargs.pop("data_prop", None)
        model = graph if isinstance(graph, onnx.ModelProto) else onnx.helper.make_model(graph, **kwargs)
        made.append((f"{self.id().rpartition('.')[2]}#{len(made)}", model, vis))

    module.TestShapeInferenceHelper._assert_inferred = record
    _run(module)
    for name, model, vis in made:
        yield name, partial(_inferred, model, vis)


def _inferred(model: Any, vis: Any) -> Line:
    """Compare a graph for the input shapes of its seeds; its output is the first asserted one."""
    known = {one.name: one for one in [*model.graph.value_info, *vis]}
    for node in list(model.graph.node):
        if node.op_type == "Reshape" and node.input[0].startswith("SEED_"):
            model.graph.node.remove(node)
            made = [known[node.output[0]] if one.name == node.input[0] else one for one in model.graph.input]
            del model.graph.input[:]
            model.graph.input.extend([one for one in made if one.name not in node.input])
    given = {one.name for one in model.graph.input}
    results = [one for one in vis if one.name not in given]
    if not results or not results[0].type.HasField("tensor_type"):
        return {"skipped": "no tensor is asserted"}
    del model.graph.output[:]
    model.graph.output.extend(results)
    type_ = results[0].type.tensor_type
    out = tuple([dim.dim_value for dim in type_.shape.dim]) if type_.HasField("shape") else None
    held = {one.name for one in model.graph.initializer}
    inputs = {one.name: one.type.tensor_type.shape.dim for one in model.graph.input if one.name not in held}
    shapes = {name: tuple([dim.dim_value for dim in dims]) for name, dims in inputs.items()}
    if not shapes:
        return {"skipped": "no input"}
    if out is None or 0 in out or any(0 in one for one in shapes.values()):
        return _only_read(model)
    return _onnx(model, {name: np.zeros(one, np.float32) for name, one in shapes.items()}, Fact(out))


def _only_read(model: Any) -> Line:
    """Return whether a graph with open sizes is read at all; no figures are compared."""
    from cnncalc.frameworks.onnx.read import read
    from cnncalc.sources import imported

    try:
        imported(read(model.SerializeToString()), "case")
    except cnncalc.CnncalcError as error:
        return {"refused": f"{error}"[:300]}
    return {"skipped": "read; its sizes are open"}


def modules(_: Path) -> Cases:
    """Yield the inputs of PyTorch's module_db."""
    import torch
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        torch.manual_seed(0)
        if "CrossEntropy" in info.name:  # eight hundred cases of two losses
            continue
        made = info.module_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=False)
        for at, case in enumerate(made):
            yield f"{info.name}-{at}{'-' if case.desc else ''}{case.desc}", partial(_module, info, case)


def _module(info: Any, case: Any) -> Line:
    import torch

    torch.set_num_threads(1)
    module = info.module_cls(*case.constructor_input.args, **case.constructor_input.kwargs).eval()
    return _torch(module, list(case.forward_input.args), case.forward_input.kwargs)


def _torch(module: Any, args: list[Any], kwargs: dict[str, Any]) -> Line:
    """Compare a module, with its tensor arguments as inputs; other arguments are bound."""
    import torch

    from . import torch_facts

    names = list(inspect.signature(module.forward).parameters)
    tensors = {name: one for name, one in zip(names, args, strict=False) if isinstance(one, torch.Tensor)}
    rest = {name: one for name, one in zip(names, args, strict=False) if name not in tensors} | kwargs
    if not tensors or not isinstance(args[0], torch.Tensor):
        return {"skipped": "its first argument is not a tensor"}
    if rest:
        module.forward = partial(module.forward, **rest)
    if any(one.dim() == 0 or one.numel() == 0 for one in tensors.values()):
        return {"skipped": "a number without axes, or sizes of 0"}
    try:
        fact = torch_facts.fact(module, *args[: len(tensors)])
    except RuntimeError as error:
        return {"skipped": f"PyTorch refuses it: {error}"[:200]}
    shapes: Any = {name: tuple(one.shape) for name, one in tensors.items()}
    arrays = {name: one.detach().numpy() for name, one in tensors.items()}
    if len(shapes) == 1:
        (shapes,) = shapes.values()
    return measure.read(lambda: cnncalc.from_torch(module, shapes), fact, arrays)


def keras(_: Path) -> Cases:
    """Yield the cases of run_layer_test in the tests of Keras's layers, which ship in its wheel."""
    import keras as package
    from keras.src.testing import test_case

    made = list[tuple[str, Any, dict[str, Any], dict[str, Any]]]()

    def record(self: Any, layer_cls: Any, init_kwargs: Any, *args: Any, **kwargs: Any) -> None:
        call = inspect.signature(original).bind(self, layer_cls, init_kwargs, *args, **kwargs).arguments
        made.append((f"{layer_cls.__name__}-{self.id().rpartition('.')[2]}#{len(made)}", layer_cls, init_kwargs, call))

    original = test_case.TestCase.run_layer_test
    test_case.TestCase.run_layer_test = record
    root = Path(package.__file__).parent
    for path in sorted((root / "src" / "layers").rglob("*_test.py")):
        if "run_layer_test" in path.read_text():
            with contextlib.suppress(ImportError):
                _run(
                    importlib.import_module(".".join(["keras", *path.relative_to(root).with_suffix("").parts])),
                    "run_layer_test",
                )
    for name, cls, init, call in made:
        yield name, partial(_keras, cls, init or {}, call)


def _keras(cls: Any, init: dict[str, Any], call: dict[str, Any]) -> Line:
    import keras as package

    from . import keras_facts

    given: Any = call.get("input_shape") if call.get("input_data") is None else call["input_data"]
    if call.get("input_sparse") or call.get("input_ragged") or given is None:
        return {"skipped": "sparse, ragged or without input"}
    random, dtypes = np.random.default_rng(0), call.get("input_dtype") or "float32"
    if call.get("input_data") is not None:
        feeds = [np.asarray(one) for one in package.tree.flatten(given)]
    else:
        single = isinstance(given, tuple) and not any(isinstance(n, (tuple, list)) for n in given)
        shapes = [given] if single else list(given.values() if isinstance(given, dict) else given)
        listed = list(dtypes.values()) if isinstance(dtypes, dict) else dtypes
        kinds = [listed] * len(shapes) if isinstance(listed, str) else listed
        feeds = [_values(random, one, dtype) for one, dtype in zip(shapes, kinds, strict=True)]
    inputs = [
        package.Input(batch_shape=one.shape, dtype=str(one.dtype), name=f"in{at}") for at, one in enumerate(feeds)
    ]
    structured = inputs[0] if len(inputs) == 1 else inputs
    called = call.get("call_kwargs") or {}
    if isinstance(given, dict):
        called |= dict(zip([name.removesuffix("_shape") for name in given], inputs, strict=True))
    try:
        layer = cls(**init)
        model = package.Model(inputs, layer(**called) if isinstance(given, dict) else layer(structured, **called))
        fact = keras_facts.fact(model, feeds if len(feeds) > 1 else feeds[0])
    except Exception as error:
        return {"skipped": f"not a model of its own: {type(error).__name__}: {error}"[:200]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.keras"
        model.save(path)
        named = {f"in{at}": one for at, one in enumerate(feeds)}
        return measure.read(lambda: cnncalc.load(path), fact, named)


def _values(random: Any, shape: Any, dtype: str) -> Any:
    shape = tuple(2 if n is None else n for n in shape)
    if "int" in dtype or dtype == "bool":
        return random.integers(0, 2, shape).astype(dtype)
    return random.random(shape).astype(dtype)


def torchinfo(folder: Path) -> Cases:
    """Yield the models in torchinfo's own tests, from the folder of its sdist (1.7.0 ships its tests)."""
    import torch

    torch.set_num_threads(1)  # a process with several threads cannot be forked safely

    def offline(url: str, *_: Any, **__: Any) -> None:
        raise OSError(url)

    torch.hub.download_url_to_file = offline
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name == "tests" or name.startswith("tests.")]:
        if not name.startswith("tests.fuzz"):
            del sys.modules[name]
    package = importlib.import_module("torchinfo")
    original, made = package.summary, list[tuple[str, Any, dict[str, Any]]]()

    def record(model: Any, *args: Any, **kwargs: Any) -> Any:
        call = inspect.signature(original).bind(model, *args, **kwargs)
        made.append((f"{current[0]}#{len(made)}", model, call.arguments))
        return Anything()

    current = [""]
    vars(package)["summary"] = record
    paths = sorted((folder / "tests").glob("*_test.py"))
    fixtures = _module_from(folder / "tests" / "fixtures" / "models.py", "tests.fixtures.models")
    del fixtures
    for path in paths:
        try:
            module = _module_from(path, f"tests.{path.stem}")
        except ImportError:
            continue
        for name, test in vars(module).items():
            if name.startswith("test_") and callable(test):
                current[0] = name
                with contextlib.suppress(BaseException):  # pytest ends with an exception
                    test()
    for name, model, given in made:
        yield name, partial(_summarized, original, model, given)


class Anything:
    """A stand-in for torchinfo's result that satisfies all assertions."""

    def __getattr__(self, name: str) -> Anything:
        return self

    def __call__(self, *_: Any) -> Anything:
        return self

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def _module_from(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _summarized(summary: Any, model: Any, given: dict[str, Any]) -> Line:
    """Compare a model for the input of a test; what torchinfo recorded is added."""
    import torch

    data: Any = given.get("input_data")
    size: Any = given.get("input_size")
    if data is None and size is None:
        return {"skipped": "no input"}
    if data is None:
        sizes = [size] if all(isinstance(n, int) for n in size) else list(size)
        if given.get("batch_dim") is not None:
            sizes = [[*one[: given["batch_dim"]], 2, *one[given["batch_dim"] :]] for one in sizes]
        dtypes = given.get("dtypes") or [torch.float32] * len(sizes)
        args = [torch.zeros(tuple(one)).to(dtype) for one, dtype in zip(sizes, dtypes, strict=False)]
    elif isinstance(data, torch.Tensor):
        args = [data]
    elif isinstance(data, (list, tuple)):
        args = list(data)
    else:
        return {"skipped": "its input is a dict"}
    args = [one.float() if isinstance(one, torch.Tensor) and one.is_floating_point() else one for one in args]
    line = _torch(model.eval().float(), args, given.get("kwargs", {}))
    result = summary(model, input_data=args, verbose=0, **given.get("kwargs", {}))
    return line | {"torchinfo": {"params": result.total_params, "macs": result.total_mult_adds}}


def _run(module: Any, call: str = "") -> None:
    """Run the tests of a module that make a call, to record what they check; their failures are ignored."""
    found: Any = [unittest.defaultTestLoader.loadTestsFromModule(module)]
    wanted = unittest.TestSuite()
    while found:
        one = found.pop()
        if isinstance(one, unittest.TestSuite):
            found += one
        elif call in inspect.getsource(inspect.unwrap(getattr(type(one), one._testMethodName))):
            wanted.addTest(one)
    with Path(os.devnull).open("w") as null, contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
        wanted.run(unittest.TestResult())


SUITES: dict[str, Callable[[Path], Cases]] = {
    "nodes": nodes,
    "inference": inference,
    "modules": modules,
    "keras": keras,
    "torchinfo": torchinfo,
}


def _apart(cases: list[tuple[str, Callable[[], Line]]]) -> Iterator[Line]:
    return measure.each(lambda at: cases[at][1](), len(cases), 60)


def main() -> None:
    """Compare the cases of a suite, or the named ones, and print the table and the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("log", help="the file of JSON lines to go on with")
    parser.add_argument("names", nargs="*", help="parts of the names of the cases to compare; all without one")
    parser.add_argument("--folder", default=".", type=Path, help="of shape_inference_test.py, or of torchinfo's sdist")
    args = parser.parse_args()
    log = Log(args.log)
    cases = [
        (name, task)
        for name, task in SUITES[args.suite](args.folder)
        if name not in log.names and (not args.names or any(part in name for part in args.names))
    ]
    # TensorFlow ran in this process to record the cases, which therefore cannot be forked
    lines = (measure.guarded(task) for _, task in cases) if args.suite == "keras" else _apart(cases)
    for (name, _), line in zip(cases, lines, strict=True):
        log.add({"name": name, **line})
        if measure.fails(line):
            sys.stdout.write(measure.row(log.lines[-1]) + "\n")
            sys.stdout.flush()
    sys.stdout.write(measure.summary(log.lines) + "\n")


if __name__ == "__main__":
    main()
