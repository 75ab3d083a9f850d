"""Keras's and TensorFlow's functions of images in evaluated code: resizing, depth to space, patches and pooling."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..methods import by_name
from ..source import quoted
from .graph import LayerValue
from .layers import make_layer
from .operations import NAMES, Function, enter, function, sized, tensor_of
from .session import session_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator


@function("resize", roots=("keras.ops.image", "tensorflow.image"))
def _resize(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return resized images."""
    given = by_name("images size interpolation", args, kwargs)
    x, size = tensor_of(given.pop("images", None)), given.pop("size", None)
    if not isinstance(size, (list, tuple)) or given.pop("preserve_aspect_ratio", False):
        raise NotImplementedError
    method = given.pop("method", "bilinear")
    config = {"height": size[0], "width": size[1], "interpolation": method, **given}
    layer = LayerValue("Resizing", session_of(evaluator).unique("Resize"), config, node)
    return layer.call(evaluator, [x], {}, node)


@function("depth_to_space", "space_to_depth")
def _shuffle(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a feature map with channels moved into space (depth to space), or space into channels."""
    given = by_name("input block_size", args, kwargs)
    x = tensor_of(given.get("input", given.get("x")))
    by, apart = given.get("block_size"), quoted(node).partition("(")[0].endswith("depth_to_space")
    if type(by) is not int or by < 1 or x.sizes is None or len(x.sizes) != 3:
        raise NotImplementedError
    if given.get("data_format") not in (None, "NHWC", "channels_last"):
        raise NotImplementedError
    *space, c = x.sizes
    if apart and c is not None and c % (by * by):
        raise evaluator.error(node, f"{c} channels cannot be split into blocks of {by}x{by} places")
    if apart:
        out = (*[None if n is None else n * by for n in space], None if c is None else c // (by * by))
    else:
        out = (*[None if n is None else n // by for n in space], None if c is None else c * by * by)
    return sized(evaluator, "DepthToSpace" if apart else "SpaceToDepth", x, out, node, block_size=by)


def _pair(value: Any) -> list[int]:
    """Return a number for each of two axes; TensorFlow's lists of four include batch and channels."""
    numbers = [value] * 2 if type(value) is int else list(value)[-3:-1] if len(value) == 4 else list(value)
    if len(numbers) != 2 or not all(type(n) is int and n > 0 for n in numbers):
        raise NotImplementedError
    return numbers


@function("extract_patches", "extract_image_patches", roots=("keras.ops.image", "tensorflow.image", "keras.ops"))
def _patches(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the patches of images, each flattened."""
    given = by_name("images size strides dilation_rate padding", args, kwargs)
    x = tensor_of(given.get("images"))
    size = given.get("size", given.get("sizes", given.get("ksizes")))
    k, d = _pair(size), _pair(given.get("dilation_rate", given.get("rates", 1)))
    s = k if given.get("strides") is None else _pair(given["strides"])
    if x.sizes is None or len(x.sizes) != 3 or given.get("data_format") == "channels_first":
        raise NotImplementedError
    same = str(given.get("padding", "valid")).lower() == "same"
    *space, c = x.sizes
    places = [
        None if n is None else -(-(n if same else n - (side - 1) * apart) // step)
        for n, side, step, apart in zip(space, k, s, d, strict=True)
    ]
    out = (*places, None if c is None else c * prod(k))
    config = {"size": k, "strides": s, "padding": "same" if same else "valid"}
    return sized(evaluator, "ExtractPatches", x, out, node, **config, dilation_rate=d)


def _pool(kind: str) -> Function:
    """Return a function that pools a feature map."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = by_name("inputs pool_size strides padding data_format", args, kwargs)
        x = tensor_of(given.get("inputs", given.get("input", given.get("value"))))
        nd, size = len(x.sizes or ()) - 1, given.get("pool_size", given.get("ksize"))
        if size is None:
            raise NotImplementedError
        windows = {"pool_size": size, "strides": given.get("strides")}
        for key, one in windows.items():
            if isinstance(one, (list, tuple)) and len(one) == nd + 2:  # TensorFlow's list includes batch and channels
                windows[key] = list(one)[1:-1]
        order = given.get("data_format")
        more = {"padding": given.get("padding", "valid"), "data_format": _ORDERS.get(str(order), order)}
        layer = make_layer(evaluator, f"{kind}{nd}D", [], {**windows, **more}, node)
        return layer.call(evaluator, [x], {}, node)

    return call


_ORDERS = {"NHWC": "channels_last", "NCHW": "channels_first"}
"""Keras's name for each of TensorFlow's data formats."""
enter(["max_pool", "max_pool2d", "max_pool1d"], _pool("MaxPooling"))
enter(["average_pool", "avg_pool", "avg_pool2d", "avg_pool1d"], _pool("AveragePooling"))


for _name in ("bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic", "nearest"):
    NAMES[f"tensorflow.image.ResizeMethod.{_name.upper()}{'_NEIGHBOR' if _name == 'nearest' else ''}"] = _name
