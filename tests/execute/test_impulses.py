"""The receptive fields of the zoo by execution: a unit responds to impulses in its field, and to none outside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.network import INPUT, Network, Node

SLIDES = ("conv", "dwconv", "maxpool", "avgpool")
UNSEEN = ("lenet5", "unet")
"""Networks whose input has another number of channels, or whose units have phases, tested in tests/test_field.py."""


def skeleton(network: Network, last: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return only the windows and joins up to a layer, with one channel everywhere, and their kernels of ones.

    What is left out works on each pixel alone; a gate's product is replaced by its gated input.
    """
    layers: list[dict[str, Any]] = []
    stands: dict[int, str] = {INPUT: "input"}
    for at, node in enumerate(network.nodes[: last + 1]):
        reads = [stands[read] for read in node.reads if read in stands]
        op = node.layer.op
        if op == "globalavgpool" or not reads:
            continue
        stands[at] = reads[-1]
        if op in SLIDES:
            layers.append({"op": op, "name": node.name, "from": reads[0], **one_channel(node)})
        elif op in ("add", "concat") and len(set(reads)) > 1:
            layers.append({"op": "add", "name": node.name, "from": sorted(set(reads))})
        else:
            continue
        stands[at] = node.name
    kernels = {f"{row['name']}.weight": row for row in layers if "conv" in row["op"]}
    return layers, {name: np.ones((1, 1, *np.broadcast_to(row["k"], 2))) for name, row in kernels.items()}


def one_channel(node: Node) -> dict[str, Any]:
    """Return a window's own keys, with its size; a convolution gets one channel."""
    given = {key: value for key, value in node.layer.given.items() if key not in ("c_o", "g", "bias")}
    channels = {"c_o": 1, "bias": False} if node.layer.op == "conv" else {"bias": False}
    return {"k": 1, **given} | (channels if "conv" in node.layer.op else {})


def last_window(network: Network) -> int:
    """Return the last layer before the global pool that slides or joins."""
    pooled = [at for at, node in enumerate(network.nodes) if "global" in node.layer.op or "adaptive" in node.layer.op]
    ops = (*SLIDES, "add", "concat")
    return max(at for at in range(pooled[-1]) if network.nodes[at].layer.op in ops)


@pytest.mark.parametrize("name", sorted({*zoo.names()} - {*UNSEEN} - {name for name in zoo.names() if "vgg" in name}))
def test_a_unit_answers_to_its_field_and_to_nothing_else(name: str) -> None:
    """Widths that hold the whole field of a unit, so that each of its ends is in the image."""
    network = cnncalc.load(name)
    last = last_window(network)
    field = cnncalc.shape(name).layers[last].rf[1]
    assert field.size is not None
    assert field.stride is not None
    assert field.start is not None
    unit = -(-(1 - field.start) // field.stride)
    first = field.start + unit * field.stride
    layers, weights = skeleton(network, last)
    pixels = [first - 1, first, first + field.size - 1, first + field.size]
    x = np.zeros((len(pixels), 1, 96, field.size + first + field.stride))
    for image, pixel in enumerate(pixels):
        x[image, :, :, pixel] = 1
    y = cnncalc.run(layers, x, weights)
    assert [bool(image.max()) for image in y[:, 0, :, unit]] == [False, True, True, False]
