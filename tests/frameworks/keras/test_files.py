"""Keras's `.h5` and `.keras` files: the values of models run with their own weights, and broken files."""

from __future__ import annotations

import io
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks.keras.read import hdf
from cnncalc.frameworks.keras.read.variables import snake_case
from tests import DATA
from tests.program import here

VERSIONS = ("keras2", "keras3")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the recorded files, each model in every form that its version of Keras writes."""
    folder = tmp_path_factory.mktemp("keras")
    with zipfile.ZipFile(DATA / "keras-files.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_model_runs_with_its_own_weights(files: Path, version: str, ending: str) -> None:
    arrays = np.load(files / f"{version}.npz")
    assert np.allclose(cnncalc.run(files / f"{version}{ending}", arrays["x"]), arrays["y"], atol=1e-6)
    report = cnncalc.shape(files / f"{version}{ending}")
    assert (report.params, report.buffers) == (765, 23)
    assert (report.trainable, report.non_trainable) == (535, 253)
    assert "Keras's totals: 788 parameters, 535 trainable, 253 non-trainable" in str(report)
    totals = report.to_dict()["report"]
    assert (totals["trainable"], totals["non_trainable"]) == (535, 253)


def test_a_frozen_layer_stays_frozen(files: Path) -> None:
    network = cnncalc.load(files / "keras3.json")
    assert cnncalc.shape(cnncalc.load(json.loads(json.dumps(network.to_dict())))).trainable == 535
    assert cnncalc.shape(network.inlined()).trainable == 535
    spec = [{"op": "conv", "c_o": 2, "trainable": False}, {"op": "batchnorm"}]
    assert cnncalc.shape(spec, (3, 5, 7)).trainable == 4
    with pytest.raises(cnncalc.SpecError, match="trainable: 1 is neither true nor false"):
        cnncalc.load([{"op": "relu", "trainable": 1}])


@pytest.mark.parametrize("weights", ["2.h5", "2.keras", "2.weights.h5", "2-list.h5", "3.h5", "3.keras", "3.weights.h5"])
@pytest.mark.parametrize("form", ["json", "spec"])
def test_weights_of_another_file(files: Path, tmp_path: Path, weights: str, form: str) -> None:
    """A model's own document, and the spec converted from it, accept the weights of each kind of file."""
    version = f"keras{weights[0]}"
    arrays = np.load(files / f"{version}.npz")
    model = str(files / f"{version}.json")
    if form == "spec":
        assert here(["convert", model, "-o", str(tmp_path / "net.json")]).code == 0
        model = str(tmp_path / "net.json")
    y = computed(model, arrays["x"], files / f"keras{weights}", tmp_path)
    assert np.allclose(y, arrays["y"], atol=1e-6)


def computed(model: str | Path, x: Any, weights: Path, folder: Path) -> Any:
    """Return the output of `cnncalc run` for an array, with weights from another file than the model's."""
    np.save(folder / "x.npy", x)
    where = ["-x", str(folder / "x.npy"), "-w", str(weights), "-o", str(folder / "y.npy")]
    done = here(["run", str(model), *where])
    assert done.code == 0, done.err
    return np.load(folder / "y.npy")


def test_the_weights_of_a_model_are_written_out(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "w.npz"
    done = here(["convert", str(files / "keras3.keras"), "-o", str(tmp_path / "n.json"), "--weights-out", str(out)])
    assert done.code == 0, done.err
    with h5py.File(files / "keras3.h5") as file:
        kernel = file["model_weights/sep/sep/pointwise_kernel"][()]
    assert np.array_equal(np.load(out)["sep.pointwise"], kernel)
    assert "tower.inside.weight" in np.load(out)


def test_channels_first_takes_kernels_in_pytorchs_order(tmp_path: Path) -> None:
    """A file of our own: Keras stores (k, c_i, c_o) whatever the layout."""
    kernel, dense = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5), np.arange(5.0 * 7).reshape(5, 7)
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for group, arrays in (("conv2d", [kernel, np.ones(5)]), ("dense", [dense, np.zeros(7)])):
            for at, array in enumerate(arrays):
                file[f"layers/{group}/vars/{at}"] = array
    layers = [{"op": "conv", "name": "c", "c_o": 5, "k": [2, 3]}, {"op": "flatten"}, {"op": "linear", "out": 7}]
    (tmp_path / "net.json").write_text(json.dumps({"input": [4, 2, 3], "layers": layers}), encoding="utf-8")
    x = np.arange(24.0).reshape(4, 2, 3)
    expected = (np.einsum("chw,hwcf->f", x, kernel) + 1) @ dense
    assert np.allclose(computed(tmp_path / "net.json", x, tmp_path / "w.weights.h5", tmp_path), expected)


def test_groups_numbered_with_gaps(files: Path, tmp_path: Path) -> None:
    """TensorFlow 2.12 to 2.15 count each layer with weights twice, and name the group of the layers differently."""
    path = tmp_path / "w.weights.h5"
    with h5py.File(files / "keras3.weights.h5") as old, h5py.File(path, "w") as new:
        old.copy("layers", new, "_layer_checkpoint_dependencies")
        layers = new["_layer_checkpoint_dependencies"]
        layers.move("layer_normalization", "layer_normalization_1")
        layers.move("batch_normalization", "batch_normalization_3")
        for name in list(layers):
            if not any(isinstance(one, h5py.Dataset) for one in _all(layers[name])):
                del layers[name]
        layers["batch_normalization_2"] = np.ones(3)  # not a group
    arrays = np.load(files / "keras3.npz")
    assert np.allclose(computed(files / "keras3.json", arrays["x"], path, tmp_path), arrays["y"], atol=1e-6)


def test_groups_of_one_class_numbered_with_gaps(tmp_path: Path) -> None:
    first, second = np.arange(3.0 * 5).reshape(3, 5), np.arange(5.0 * 2).reshape(5, 2)
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for group, array in (("dense_1", first), ("dense_4", second)):
            file[f"layers/{group}/vars/0"] = array
    layers = [{"op": "linear", "out": out, "bias": False} for out in (5, 2)]
    (tmp_path / "net.json").write_text(json.dumps({"input": [3], "layers": layers}), encoding="utf-8")
    y = computed(tmp_path / "net.json", np.ones(3), tmp_path / "w.weights.h5", tmp_path)
    assert np.allclose(y, first.sum(0) @ second)


@pytest.mark.parametrize("end", ["", "_7"])
def test_names_in_several_attributes_and_of_another_model(files: Path, tmp_path: Path, end: str) -> None:
    """An HDF5 attribute holds 64 kB; the layers of a rebuilt model have other names, in the same order."""
    path = tmp_path / "w.h5"
    with changed(files / "keras2-list.h5", path) as file:
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        for at, some in enumerate((names[:5], names[5:])):
            file.attrs[f"layer_names{at}"] = [one + end for one in some]
        for name in names if end else []:
            file.move(name, f"{name}{end}")
    arrays = np.load(files / "keras2.npz")
    assert np.allclose(computed(files / "keras2.json", arrays["x"], path, tmp_path), arrays["y"], atol=1e-6)


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_model_of_bfloat16(tmp_path: Path, ending: str) -> None:
    """Keras 3.15 writes two bytes for each number, and states their type only in a `.keras` file."""
    config = {"batch_shape": [None, 2], "name": "x"}
    layers = [{"class_name": "InputLayer", "config": config}]
    layers.append({"class_name": "Dense", "config": {"name": "d", "units": 1, "use_bias": False}})
    document = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    kernel = np.array([[0x3F15], [0xBEAA]], np.uint16).view("V2")  # 0.58203125, -0.33203125
    made, path = io.BytesIO(), tmp_path / f"net{ending}"
    with h5py.File(made, "w") as file:
        if ending == ".h5":
            file.attrs["model_config"] = json.dumps(document)
            file.attrs["layer_names"] = [b"d"]
            file.create_group("d").attrs["weight_names"] = [b"d/kernel"]
            file["d/d/kernel"] = kernel
        else:
            file["layers/dense/vars/0"] = kernel
            file["layers/dense/vars/0"].attrs["dtype"] = "bfloat16"
    if ending == ".h5":
        path.write_bytes(made.getvalue())
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(document))
            archive.writestr("model.weights.h5", made.getvalue())
    x = np.array([[2, 4]], np.float32)
    assert cnncalc.run(path, x).tolist() == [[2 * 0.58203125 - 4 * 0.33203125]]


def _all(group: Any) -> list[Any]:
    found: list[Any] = []
    group.visititems(lambda _, one: found.append(one))
    return found


def test_names_of_classes() -> None:
    kinds = {"Conv2D": "conv2d", "PReLU": "p_re_lu", "BatchNormalization": "batch_normalization", "ELU": "elu"}
    assert {kind: snake_case(kind) for kind in kinds} == kinds
    assert snake_case("Conv2DTranspose") == "conv2d_transpose"


def run(path: Path, folder: Path, *more: str) -> str:
    """Return the message of `cnncalc run` for a file that it refuses."""
    np.save(folder / "x.npy", np.ones((7, 9, 3), np.float32))
    done = here(["run", str(path), "-x", str(folder / "x.npy"), *more])
    assert (done.code, done.out) == (2, "")
    return done.err


def test_weights_are_not_a_model(files: Path, tmp_path: Path) -> None:
    err = run(files / "keras3.weights.h5", tmp_path)
    assert "keras3.weights.h5: the file holds only weights, not the model" in err
    assert "and these weights with -w" in err


def test_without_h5py(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of a `.keras` file need nothing else; its values, and a `.h5` file, report what they need."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert here(["shape", str(files / "keras3.keras")]).code == 0
    for ending in (".keras", ".h5"):
        assert "Keras's weights need the h5py package" in run(files / f"keras3{ending}", tmp_path)
    np.save(tmp_path / "x.npy", np.ones((7, 9, 3), np.float32))
    drawn = ["run", str(files / "keras3.keras"), "-x", str(tmp_path / "x.npy"), "--seed", "1"]
    assert here(drawn).code == 0


@contextmanager
def changed(path: Path, target: Path) -> Iterator[Any]:
    """Yield a copy of an HDF5 file, open to be changed."""
    target.write_bytes(path.read_bytes())
    with h5py.File(target, "r+") as file:
        yield file


def test_broken_files(files: Path, tmp_path: Path) -> None:
    whole = (files / "keras3.h5").read_bytes()
    path = tmp_path / "net.h5"
    for data in (whole[:2000], whole[:48] + b"\xff" * 4000 + whole[4048:], whole[:8], whole[:8] + b"\0" * 900):
        path.write_bytes(data)
        assert "net.h5: " in run(path, tmp_path)
    weights = "model_weights/out/out"
    with changed(files / "keras3.h5", path) as file:
        del file[f"{weights}/bias"]
    assert "a broken HDF5 file: it has no 'out/bias'" in run(path, tmp_path)
    for link in (h5py.ExternalLink("/etc/passwd", "/"), h5py.SoftLink("/outside/bias"), h5py.SoftLink(f"/{weights}")):
        with changed(files / "keras3.h5", path) as file:
            del file[f"{weights}/bias"]
            file["outside"] = h5py.ExternalLink("other.h5", "/")
            file[f"{weights}/bias"] = link
        assert "'bias' is a link, perhaps to another file" in run(path, tmp_path)
    for kind in ("S5", "V4", "c8", [("a", "f4")], h5py.ref_dtype):
        with changed(files / "keras3.h5", path) as file:
            del file[f"{weights}/bias"]
            file.create_dataset(f"{weights}/bias", 5, kind)
        assert "bias' holds no numbers" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        del file[f"{weights}/bias"]
        file.create_dataset(f"{weights}/bias", (1 << 40,), "f4", chunks=(1 << 20,))
    assert "claims 4,398,046,511,104 bytes, but the file holds only 0" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        del file[f"{weights}/bias"]
        file.create_dataset(f"{weights}/bias", (1 << 24,), "f4", chunks=(1,))  # HDF5 needs 60 bytes for each
    assert "bias' lies in 16,777,216 parts, and the file holds 0 bytes of it" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        del file[f"{weights}/bias"]
        file[f"{weights}/bias"] = ["a"] * 5
    assert "/out/bias' holds no numbers" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        del file[f"{weights}/bias"]
        file[weights].create_dataset("bias", (5,), "f4", external=[("/etc/passwd", 0, 20)])
    assert "/out/bias' is stored in another file\n  links are not followed" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        del file[f"{weights}/bias"]
        file[f"{weights}/bias"] = np.ones(4, np.float32)
    assert "out.bias has the shape 4, but 5 is needed" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        file["model_weights/out"].attrs["weight_names"] = ["out/kernel"]
    assert "it has no bias for the layer 'out'" in run(path, tmp_path)
    with changed(files / "keras3.h5", path) as file:
        file.attrs["model_config"] = "{"
    assert "its model_config is not JSON" in run(path, tmp_path)


def test_what_a_filter_unpacks_is_bounded(files: Path, tmp_path: Path) -> None:
    """A chunk may be larger than its data set, and the unpacked data larger than its chunk."""
    path = tmp_path / "net.h5"
    x = np.ones((1, 7, 9, 3), np.float32)
    for chunk, more in ((5, 0), (99, 150), (40 << 20, 0)):  # older HDF5 packs 5 values into 64 kB
        with changed(files / "keras3.h5", path) as file:
            bias = np.zeros(chunk, np.float32)
            bias[:5] = file["model_weights/out/out/bias"][:]
            del file["model_weights/out/out/bias"]
            made = file["model_weights/out/out"].create_dataset(
                "bias", 5, "f4", chunks=(chunk,), maxshape=(None,), compression="gzip"
            )
            made.id.write_direct_chunk((0,), zlib.compress(bias.tobytes() + bytes(more << 20), 1))
        assert path.stat().st_size < 1 << 20
        if chunk == 5:
            assert np.array_equal(cnncalc.run(path, x), cnncalc.run(files / "keras3.h5", x))
        else:
            assert "bias' unpacks to more than it claims" in run(path, tmp_path)


def test_an_archive_without_weights(files: Path, tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("config.json", (files / "keras3.json").read_text(encoding="utf-8"))
    path = tmp_path / "net.keras"
    path.write_bytes(made.getvalue())
    assert here(["shape", str(path)]).code == 0
    assert "an archive without model.weights.h5" in run(path, tmp_path)


def test_an_archive_that_is_packed_in_blocks(files: Path, tmp_path: Path) -> None:
    """The first byte of such a file unpacks a whole block: gigabytes from a kilobyte."""
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("config.json", (files / "keras3.json").read_text(encoding="utf-8"))
    assert "its config.json uses a compression other than deflate" in here(["shape", str(path)]).err


def test_a_file_of_weights_that_is_not_keras(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(b"{}")
    np.save(tmp_path / "x.npy", np.ones((1, 3, 3)))
    done = here(["run", "conv:2", "-x", str(tmp_path / "x.npy"), "-w", str(path)])
    assert (done.code, f"{path} is not a Keras file" in done.err.replace("'", "")) == (2, True)


@pytest.mark.parametrize("ending", [".keras", ".h5", ".hdf5"])
@pytest.mark.parametrize("data", [b"", b"hello", b"\x89HD", b"PK\x03"])
def test_a_file_that_is_not_keras_though_it_is_called_so(tmp_path: Path, ending: str, data: bytes) -> None:
    path = tmp_path / f"net{ending}"
    path.write_bytes(data)
    err = run(path, tmp_path)
    assert "is named like a Keras file, but neither HDF5 nor a zip archive" in err
    assert "model.save('net.keras')" in err


def custom_model() -> dict[str, Any]:
    """Return a model of two layers of a custom class, one of them in a model, and a Dense between."""

    def one(kind: str, name: str, read: str, **config: Any) -> dict[str, Any]:
        tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "keras_history": [read, 0, 0]}}
        module = "mine" if kind == "Mine" else "keras.layers"
        nodes = [{"args": [tensor], "kwargs": {}}]
        return {"module": module, "class_name": kind, "config": config, "name": name, "inbound_nodes": nodes}

    x = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 4]},
        "inbound_nodes": [],
    }
    inner = {
        "name": "part",
        "layers": [{**x, "name": "i"}, one("Mine", "deep", "i")],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["deep", 0, 0]],
    }
    layers = [
        {**x, "name": "x"},
        one("Mine", "own", "x"),
        one("Dense", "d", "own", units=4),
        {**one("Functional", "part", "d"), "config": inner},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["part", 0, 0]]}
    return {"module": "keras", "class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}


def test_what_a_file_holds_for_a_layer_of_its_authors_own_counts(tmp_path: Path) -> None:
    """Its numbers count as parameters; without a file their number is unknown."""
    document = custom_model()
    assert cnncalc.shape(document).params is None
    groups = {"layers/mine/vars/0": (4, 4), "layers/mine/inside/vars/0": (3,), "layers/dense/vars/0": (4, 4)}
    groups |= {"layers/dense/vars/1": (4,), "layers/functional/layers/mine/vars/0": (2, 5)}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, shape in groups.items():
            file[name] = np.ones(shape, np.float32)
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(document))
        archive.writestr("model.weights.h5", weights.getvalue())
    report = cnncalc.shape(path)
    assert {layer.name: layer.params for layer in report.layers} == {"x": 0, "own": 19, "d": 20, "part": 10}
    assert (report.params, report.trainable, report.non_trainable) == (49, 49, 0)


def test_the_weights_of_a_layer_norm_are_reshaped_to_its_axes(tmp_path: Path) -> None:
    """Keras reshapes those for axes in another order, `ops.reshape(v, broadcast_shape)`, without a transpose."""
    config = {"name": "norm", "axis": [-1, 1], "epsilon": 0.5}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 5, 3], "name": "x"}},
        {"class_name": "LayerNormalization", "config": config},
    ]
    document = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    x, gamma, beta = [np.random.default_rng(3).random(shape) for shape in ((2, 4, 5, 3), (3, 4), (3, 4))]
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for at, array in enumerate((gamma, beta)):
            file[f"layers/layer_normalization/vars/{at}"] = array
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(document))
        archive.writestr("model.weights.h5", weights.getvalue())
    normal = (x - x.mean((1, 3), keepdims=True)) / np.sqrt(x.var((1, 3), keepdims=True) + 0.5)
    expected = normal * gamma.reshape(4, 1, 3) + beta.reshape(4, 1, 3)
    np.testing.assert_allclose(cnncalc.run(path, x), expected, 1e-6)


def of_unknown(count: int) -> dict[str, Any]:
    """Return a model of layers of an unknown class."""
    own = [{"class_name": "Mine", "config": {"name": f"own{at}"}} for at in range(count)]
    return {"class_name": "Sequential", "config": {"name": "m", "layers": own}}


def test_groups_that_hold_the_same_arrays_are_looked_at_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """900 layers that share a group of 900 arrays took 810,000 look-ups, in a file of 400 kB."""
    monkeypatch.setattr(hdf, "MOST_HELD", 100)
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(of_unknown(12))
        file.attrs["layer_names"] = [f"own{at}".encode() for at in range(12)]
        file["own0"] = group = file.create_group("all")
        for at in range(20):
            group[str(at)] = np.ones((2, 3), np.float32)
        for at in range(1, 12):
            file[f"own{at}"] = group
    held = [layer.params for layer in cnncalc.shape(path, input=(4,)).layers]
    assert held == [120] * 5 + [None] * 7


def test_a_broken_file_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 900 layers restarted the search."""
    looks: list[int] = []
    monkeypatch.setattr(hdf, "isolated", lambda work, memory, size: looks.append(size))
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(of_unknown(5)))
        archive.writestr("model.weights.h5", bytes(1000), zipfile.ZIP_DEFLATED)
    assert cnncalc.shape(path, input=(4,)).params is None
    assert looks == [path.stat().st_size]  # the limit depends on the archive, not on its unpacked size


def test_lora_of_a_grouped_convolution(tmp_path: Path) -> None:
    """Keras 3.15 counts 30, 18 of them trainable; a group of its kernel is W + A B, with only its own columns of B."""
    config = {"name": "c", "filters": 4, "kernel_size": [1, 1], "groups": 2, "lora_rank": 2}
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": [None, 5, 7, 6]}}]
    layers.append({"class_name": "Conv2D", "config": config})
    rng = np.random.default_rng(5)
    shapes = {"kernel": (1, 1, 3, 4), "bias": (4,), "lora_kernel_a": (1, 1, 3, 2), "lora_kernel_b": (2, 4)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
        file.attrs["layer_names"] = [b"c"]
        file.create_group("c").attrs["weight_names"] = [f"{name}:0".encode() for name in arrays]
        for name, array in arrays.items():
            file["c"][f"{name}:0"] = array
    report = cnncalc.shape(path)
    assert (report.params, report.trainable) == (30, 18)
    x = rng.standard_normal((2, 5, 7, 6)).astype(np.float32)
    whole = (arrays["kernel"] + arrays["lora_kernel_a"] @ arrays["lora_kernel_b"])[0, 0]
    groups = [x[..., :3] @ whole[:, :2], x[..., 3:] @ whole[:, 2:]]
    assert cnncalc.run(path, x) == pytest.approx(np.concatenate(groups, -1) + arrays["bias"], abs=1e-5)
