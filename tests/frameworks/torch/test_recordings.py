"""PyTorch modules read without PyTorch, from recorded calls, with PyTorch's shapes and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc import sources
from cnncalc.frameworks.torch.read import FIRST
from cnncalc.frameworks.torch.read.readings import chosen
from tests.frameworks.torch.recorded import Arrays, Reader, input_of, key_of, rows


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["name"])
def test_what_pytorch_called_is_read_with_its_shapes_parameters_and_values(row: dict[str, Any]) -> None:
    arrays, input = Arrays(row["arrays"]), tuple(row["input"])
    reader, attempts = Reader(arrays), row["attempts"]
    found = chosen(lambda one: reader.recording(attempts[key_of(one)]), [(FIRST, input)], None, row["sizes"], None)
    assert found is not None
    network = sources.imported(found, "Net")
    report = cnncalc.shape(network)
    unused = (network.unused or {}).get("params", 0)
    assert report.params + unused == row["params"]
    assert row["known"] == all(layer.op != "opaque" for layer in report.layers)
    if not row["known"]:
        assert list(report.out) == row["y"]
        return
    y = arrays.read(row["y"])
    assert report.out == y.shape
    weights = {name: array() for name, array in found.weights.items()}
    np.testing.assert_allclose(cnncalc.run(network, input_of(input), weights), y, rtol=1e-4, atol=1e-5)
