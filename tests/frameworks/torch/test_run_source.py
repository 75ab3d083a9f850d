"""Written PyTorch modules run by PyTorch, if installed: cnncalc's values, and the same network read back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.execute.weights import wanted
from cnncalc.frameworks import writer
from cnncalc.frameworks.torch.write.source import TAKEN, identifier
from cnncalc.input import configure
from cnncalc.report import LayerReport, Report
from cnncalc.wiring import unused_name
from tests.cases import PRODUCTS, SEQUENCES, Row
from tests.frameworks.torch.test_write import WRITTEN

torch = pytest.importorskip("torch")


def made(network: Any) -> Any:
    """Return the module that the written source makes, with random arrays."""
    names: dict[str, Any] = {"__name__": "net"}
    exec(compile(writer("torch")(network), "net.py", "exec"), names)
    classes = [one for one in names.values() if isinstance(one, type) and one.__module__ == "net"]
    module = classes[-1]().eval()
    torch.manual_seed(0)
    for array in [*module.parameters(), *module.buffers()]:
        if array.is_floating_point():
            array.data = torch.rand(array.shape) * 0.5 + 0.25 - 0.5 * (array.dim() > 1)
    return module


def arrays(report: Report, module: Any) -> dict[str, Any]:
    """Return the module's arrays by cnncalc's names, in its layout."""
    state = {name: array.numpy() for name, array in module.state_dict().items()}
    taken = set(TAKEN)
    found = {}
    prefix = {}
    for layer in report.layers:
        prefix[layer.name] = unused_name(identifier(layer.name), taken)
        taken.add(prefix[layer.name])
    for one in wanted(report):
        owner, role = one.name.rsplit(".", 1)
        own = {name: array for name, array in state.items() if name.startswith(f"{prefix[owner]}.")}
        array = next(array for name, array in own.items() if matches(name.removeprefix(f"{prefix[owner]}."), role))
        found[one.name] = laid(array, one.shape, report.network.layout == "NHWC", one.layer.op)
    return found


def matches(name: str, role: str) -> bool:
    """Return whether a name in a module is the array of a role; in a Sequential, that of the part that has it."""
    sequential = {"depthwise": "0.weight", "pointwise": "1.weight"}
    return name in (role, f"1.{role}", sequential.get(role), f"0.{role}" if "running" in role else None)


def laid(array: Any, shape: tuple[int, ...], last: bool, op: str) -> Any:
    """Return an array in the order of Keras's axes if channels are last."""
    if op == "prelu":
        return array.reshape(shape)
    if op == "multihead" and last and array.ndim == 2:
        return array.T.reshape(shape)
    if not last or op == "embedding" or len(shape) < 2 or array.ndim != len(shape):
        return array.reshape(shape)
    if len(shape) == 2:
        return array.T
    kernel = array.transpose(*range(2, array.ndim), 1, 0)
    return kernel.reshape(shape)


@pytest.mark.parametrize(("layers", "input", "dialect"), [row[:3] for row in WRITTEN])
def test_the_same_values_and_the_same_network_again(layers: Any, input: tuple[int, ...], dialect: str) -> None:
    network = configure(cnncalc.load(layers), input, dialect, None)
    report, module = cnncalc.shape(network), made(network)
    assert sum(p.numel() for p in module.parameters()) == report.params
    x = torch.rand((2, *(input if len(input) > 2 or "1d" in str(layers) else (1, *input)))) - 0.5
    with torch.no_grad():
        results = module(x)
    results = [one.numpy() for one in (results if isinstance(results, tuple) else (results,))]
    assert results[0].shape[1:] == report.out
    if not any(layer.inner for layer in report.layers):
        y = cnncalc.run(network, x.numpy(), arrays(report, module))
        np.testing.assert_allclose(results[0], y, rtol=1e-4, atol=1e-5)
    again = cnncalc.shape(cnncalc.from_torch(module, tuple(x.shape)))
    assert (again.out, again.params, again.macs) == ((2, *report.out), report.params, 2 * (report.macs or 0))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("row", [*PRODUCTS, *SEQUENCES], ids=str)
def test_products_and_sequences_have_the_same_values(row: Row, layout: str) -> None:
    try:
        network = configure(cnncalc.load(row.layers), row.sample(layout), row.dialect, layout)
        report, module = cnncalc.shape(network), made(network)
    except (cnncalc.SpecError, cnncalc.ShapeError) as error:
        pytest.skip(str(error))  # refusals are tested elsewhere
    x = torch.rand((2, *row.sample(layout))) * 4
    with torch.no_grad():
        results = module(x)
    found = (results[0] if isinstance(results, tuple) else results).numpy()
    y = cnncalc.run(network, x.numpy(), arrays(report, module))
    np.testing.assert_allclose(found, y, rtol=1e-4, atol=1e-5)


def figures(layer: LayerReport) -> tuple[object, ...]:
    return layer.op, layer.x, layer.out, layer.params, layer.macs, tuple(field[:5] for field in layer.rf)


@pytest.mark.parametrize("name", zoo.names())
def test_a_round_trip_keeps_the_zoo(name: str) -> None:
    """Every layer's shapes, figures and fields; a norm over channels is one between two permutes in PyTorch."""
    network = configure(cnncalc.load(name), None, None, None)
    report = cnncalc.shape(network)
    assert network.input is not None
    again = cnncalc.shape(cnncalc.from_torch(made(network), tuple(n for n in network.input if isinstance(n, int))))
    assert (again.out, again.params, again.buffers, again.macs, again.rf) == (
        report.out,
        report.params,
        report.buffers,
        report.macs,
        report.rf,
    )
    turned = ("layernorm", "permute")
    before, after = (Counter(figures(layer) for layer in r.layers if layer.op not in turned) for r in (report, again))
    assert before == after
