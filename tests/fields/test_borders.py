"""Border layers, compared with sets of pixels carried through chains, for every size of the input."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import cnncalc
from cnncalc.fields import ReceptiveFields
from cnncalc.fields.borders import border, least
from cnncalc.fields.graph import Graph
from cnncalc.network import INPUT
from tests.test_field import Step, conv, linear, nearest, pad, pixels, pool, traced, transposed

CHAINS: dict[str, list[Step]] = {
    "stem and blocks": [conv(7, 2, 1, 3, 3), conv(3, 1, 1, 1, 1), conv(1), conv(3, 2, 1, 1, 1), conv(3, 1, 1, 1, 1)],
    "dilated": [conv(3, 1, 2, 2, 2), conv(3, 1, 4, 4, 4), pool(2, 2), conv(3, 1, 1, 1, 1)],
    "down and up": [conv(3, 2, 1, 1, 1), conv(3, 1, 1, 1, 1), transposed(4, 2, 1), conv(3, 1, 1, 1, 1)],
    "resampled": [conv(3, 2, 1, 1, 1), nearest(2), conv(3, 1, 1, 1, 1), linear(2), conv(5, 1, 1, 2, 2)],
    "padded before": [conv(3, 1, 1, 1, 1), pad(2, 2), conv(3, 2), conv(3, 1, 1, 1, 1)],
}


def seen(chain: list[Step]) -> int:
    """Return the largest distance between the outermost pixels that a unit sees."""
    sees = pixels(chain)
    return max(max(own) - min(own) + 1 for own in map(sees, range(120, 200)) if own)


def adding(chain: list[Step]) -> list[int]:
    """Return, for each layer that sees further than its input, how far the input sees already; -1 for the others."""
    sizes = [seen(chain[:end]) for end in range(len(chain) + 1)]
    return [before if after > before else -1 for before, after in pairwise(sizes)]


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_every_layer_adds_something_from_the_least_size_on(chain: list[Step]) -> None:
    reads = adding(chain)
    for n in range(14, 60):
        graph = Graph(traced(chain, n))
        marks = [border(vertex.layer, graph.space(INPUT).shape) for vertex in graph][1:]
        assert marks == [(read >= n,) for read in reads]
        (size,) = least(graph)
        assert size is not None
        assert (n >= size) is not any(read >= n for read in reads)


def graph_of(spec: Any) -> Graph:
    return Graph(cnncalc.shape(spec))


def test_axes_differ() -> None:
    graph = graph_of("3x12x40 conv:4,k5x3,p=same conv:4,k3x7,p=same conv:4,k7x3,p=same conv:4,k3")
    assert least(graph) == (14, 12)
    assert border(graph.vertices[-1].layer, graph.space(INPUT).shape) == (True, False)


def test_a_size_for_which_no_window_fits_is_not_told() -> None:
    assert least(graph_of("3x12x40 conv:4,k3x5")) == (3, 5)
    assert least(graph_of("lenet5")) == (32, 32)


@pytest.mark.parametrize("layer", ["adaptiveavgpool:7", "reshape:4x2x15x30 reshape:4x30x30"])
def test_a_size_that_the_input_decides_is_not_told(layer: str) -> None:
    assert least(graph_of(f"3x32x32 conv:4,k3 {layer} conv:4,k3")) == (None, None)


def test_a_long_network_is_not_traced_again_with_open_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncalc.fields.borders.MOST_OPENED", 2)
    assert least(graph_of("3x32x40 conv:4,k3 relu")) == (3, 3)
    assert least(graph_of("3x32x40 conv:4,k3 relu relu")) == (None, None)


def test_a_constant_is_not_a_border_layer() -> None:
    layers = ReceptiveFields(cnncalc.shape("3x8x8 conv:4,k9,p4,name=a constant:4x8x8 add:from=a+constant1")).layers
    assert [layer.border for layer in layers] == [(False, False), (), (False, False)]


@pytest.mark.parametrize("spec", ["alexnet", "vgg16", "lenet5"])
def test_layers_that_see_the_whole_map_are_not_border_layers(spec: str) -> None:
    """Flatten, linear layers and global pools see all there is, whatever they read has seen."""
    graph = graph_of(spec)
    assert not any(any(border(vertex.layer, graph.space(INPUT).shape)) for vertex in graph)


def test_inside_a_block() -> None:
    block = {"op": "block", "layers": [{"op": "conv", "c_o": 4, "k": 3, "p": 1}, {"op": "conv", "c_o": 4, "k": 5}]}
    graph = graph_of({"input": [3, 9, 9], "layers": [block, {"op": "conv", "c_o": 4, "k": 3, "p": 1}]})
    assert least(graph) == (8, 8)
