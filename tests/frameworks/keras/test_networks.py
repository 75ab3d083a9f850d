"""Networks as people write them in Keras: with their own weights they give Keras's values, and they count the same."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.report import LayerReport
from tests import DATA

FILES = zipfile.ZipFile(DATA / "keras-networks.zip")
TOTALS: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(FILES.read("totals.json"))}
ARRAYS = np.load(io.BytesIO(FILES.read("arrays.npz")))


@pytest.fixture
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The `.keras` file of a network."""
    path = tmp_path / f"{request.param}.keras"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("config.json", FILES.read(f"{request.param}.json"))
        made.writestr("model.weights.h5", FILES.read(f"{request.param}.h5"))
    return path


def every(layers: list[LayerReport]) -> list[LayerReport]:
    """The layers, and those in blocks."""
    return [one for layer in layers for one in (layer, *every(list(layer.inner)))]


@pytest.mark.parametrize("archive", TOTALS, indirect=True)
def test_a_network_is_kerass(archive: Path) -> None:
    name = archive.stem
    x, y = ARRAYS[f"{name}_x"], ARRAYS[f"{name}_y"]
    report = cnncalc.shape(archive)
    assert not [layer.name for layer in every(report.layers) if layer.op == "opaque"]
    total, trainable = TOTALS[name]["total"], TOTALS[name]["trainable"]
    assert (report.trainable, report.non_trainable) == (trainable, total - trainable)
    result = cnncalc.run(archive, x)
    assert result.shape == y.shape
    assert np.allclose(result, y, atol=1e-4 * max(1, float(abs(y).max())))
    again = cnncalc.load(json.loads(json.dumps(cnncalc.load(archive).to_dict())))
    assert cnncalc.shape(again).to_dict() == report.to_dict()
