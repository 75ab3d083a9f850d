"""Networks in Keras: with their own weights they give Keras's values; opaque layers count as in Keras."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.report import LayerReport
from cnncalc.sizes import UNKNOWN
from tests import DATA

FILES = zipfile.ZipFile(DATA / "keras-networks.zip")
TOTALS: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(FILES.read("totals.json"))}
OPAQUE: dict[str, dict[str, Any]] = {
    entry["name"]: entry
    for entry in map(json.loads, gzip.decompress((DATA / "keras-opaque.jsonl.gz").read_bytes()).splitlines())
}
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
    """Return the layers, including those in blocks."""
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


@pytest.mark.parametrize("name", OPAQUE)
def test_what_is_not_computed_has_kerass_parameters(name: str) -> None:
    """Its shape is Keras's, or unknown; values are never invented."""
    entry = OPAQUE[name]
    report = cnncalc.shape(entry["config"])
    assert [layer.name for layer in every(report.layers) if layer.op == "opaque"]
    assert (report.params, report.trainable) in ((entry["params"], entry["trainable"]), (None, None))
    assert len(report.out) in (0, len(entry["out"]))
    assert all(n in (m, UNKNOWN) or m is None for n, m in zip(report.out, entry["out"], strict=False))
    sample = [n if isinstance(n, int) else 6 for n in report.sample]
    with pytest.raises(cnncalc.SpecError, match=r"what it computes is unknown|the sizes of"):
        cnncalc.run(entry["config"], np.ones((2, *sample), np.float32), seed=0)
