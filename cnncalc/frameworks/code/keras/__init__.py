"""Keras in evaluated code: its layers, models and functions, and those parts of TensorFlow that Keras models use.

`signatures` lists the parameters of each layer. `layers` and `models` hold the classes and `operations` the functions;
those of shapes are in `reshaping`, those of images in `images`, and those that make arrays in `arrays`. `graph` records
calls and writes a model as Keras's own configuration, which `frameworks/keras/read` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....input import FIRST
from ....sizes import Shape
from ... import ForeignNetwork
from ...keras.read import read as read_keras
from ..libraries import Library
from ..values import ClassValue, LibraryFunction
from . import arrays, images, reshaping  # noqa: F401 - they register their functions
from .graph import SymbolicTensor
from .layers import CLASSES, make_input, make_layer
from .models import MODEL, configuration, is_model, needs_input
from .operations import NAMES, sized

if TYPE_CHECKING:
    from ..evaluate import Evaluator


class KerasLibrary(Library):
    """Keras, with TensorFlow."""

    def is_network(self, value: Any) -> bool:
        return is_model(value)

    def is_network_class(self, value: ClassValue) -> bool:
        return value.node is not None and value.derives(MODEL)

    def inputs(self, evaluator: Evaluator, network: Any) -> list[str] | None:
        return [FIRST] if needs_input(network) else None

    def read(self, evaluator: Evaluator, network: Any, inputs: Mapping[str, Shape]) -> ForeignNetwork:
        sizes = [one for one in inputs.values() if all(isinstance(n, int) for n in one)]
        node = getattr(network, "made_at", getattr(network, "node", None))
        return read_keras(configuration(evaluator, network, sizes, node))


def _merge(kind: str) -> LibraryFunction:
    """Return a function that merges tensors by a layer of a class: `layers.add`."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        inputs, *rest = args or [kwargs.pop("inputs")]
        layer = make_layer(evaluator, kind, rest, kwargs, node)
        return layer.call(evaluator, [inputs], {}, node)

    return LibraryFunction(f"keras.layers.{kind.lower()}", call)


def _application(path: str) -> LibraryFunction:
    """Return the function for a network that Keras ships, whose layers are in no source."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        name = path.rpartition(".")[2]
        what = f"{name} is a network that Keras ships: this source does not show its layers"
        raise evaluator.error(node, what, "save the model with model.save('net.keras'), and give net.keras")

    return LibraryFunction(path, call)


_INPUT = LibraryFunction("keras.Input", make_input)
for _kind, _class in CLASSES.items():
    NAMES[f"keras.layers.{_kind}"] = _class
for _kind in ("Model", "Sequential", "Layer"):
    NAMES[f"keras.{_kind}"] = NAMES[f"keras.models.{_kind}"] = CLASSES[_kind]
NAMES["keras.models.Functional"] = CLASSES["Functional"]
for _path in ("keras.Input", "keras.layers.Input", "keras.models.Input"):
    NAMES[_path] = _INPUT
for _kind in ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"):
    NAMES[f"keras.layers.{_kind.lower()}"] = _merge(_kind)
NAMES["tensorflow.newaxis"] = None
_NETWORKS = """
    ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge DenseNet121 DenseNet169 DenseNet201
    EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6
    EfficientNetB7 EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M
    EfficientNetV2S InceptionResNetV2 InceptionV3 MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetLarge
    NASNetMobile ResNet101 ResNet101V2 ResNet152 ResNet152V2 ResNet50 ResNet50V2 VGG16 VGG19 Xception
"""
for _kind in _NETWORKS.split():
    NAMES[f"keras.applications.{_kind}"] = _application(f"keras.applications.{_kind}")
_FAMILIES = """
    convnext densenet efficientnet efficientnet_v2 imagenet_utils inception_resnet_v2 inception_v3 mobilenet
    mobilenet_v2 mobilenet_v3 nasnet resnet resnet50 resnet_v2 vgg16 vgg19 xception
"""


@NAMES.function("keras.applications.preprocess_input")
def _preprocessed(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return images preprocessed for one of Keras's networks: a change of values that keeps the shape."""
    x = args[0] if args else kwargs.get("x")
    if not isinstance(x, SymbolicTensor) or x.sizes is None:
        return x
    return sized(evaluator, "PreprocessInput", x, x.sizes, node)


LIBRARY = KerasLibrary(
    NAMES,
    {
        "tensorflow.keras": "keras",
        "tensorflow.python.keras": "keras",
        "tensorflow.compat.v1": "tensorflow",
        "tensorflow.compat.v2": "tensorflow",
        "tf_keras": "keras",
        "keras.api": "keras",
        "keras.src": "keras",
        "keras.engine": "keras.layers",
        "keras.layers.core": "keras.layers",
        "keras.layers.convolutional": "keras.layers",
        "keras.layers.normalization": "keras.layers",
        "keras.layers.pooling": "keras.layers",
        "keras.layers.merge": "keras.layers",
        "keras.layers.advanced_activations": "keras.layers",
        "keras.layers.recurrent": "keras.layers",
        "keras.layers.embeddings": "keras.layers",
        "keras.layers.experimental.preprocessing": "keras.layers",
        "keras.layers.preprocessing": "keras.layers",
        "keras.models.sequential": "keras",
        **{f"keras.applications.{one}": "keras.applications" for one in _FAMILIES.split()},
    },
)
