"""`cnncalc show`: what it refuses and loads, and that every picture fits its space."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import cnncalc
from cnncalc.errors import width_of
from cnncalc.render import Selection, Style
from cnncalc.render.pictures import diagram, documents
from cnncalc.zoo import names
from tests.program import environment, here, process
from tests.test_house import _loaded

ODD = ['a"b<c>&amp;#35;', "`md` \\n end; %% -->", "日本語 [x](y) {z} |p|", "end", "<b>\\N</b>", "$$x^2$$"]
ODD += ["%%{init: {'theme': 'dark'}}%%", "style n0 fill:#f00;", "fa:fa-ban", "1. one", "- one", "* one", "**bold**"]


def odd() -> str:
    """Return a spec with layer names that contain syntax of Mermaid and DOT."""
    layers = [{"op": "relu", "name": name} for name in ODD]
    return json.dumps({"input": [3, 8, 8], "layers": layers}, ensure_ascii=False)


@pytest.mark.parametrize("name", names())
def test_piped_a_layer_is_a_line(name: str) -> None:
    lines = here(["show", name]).out.splitlines()
    report = cnncalc.shape(name)
    assert len(lines) == len(report) + 1
    assert all(layer.name in line.split() for layer, line in zip(report, lines[1:], strict=True))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", names())
def test_a_diagram_fits_a_terminal(name: str, width: int) -> None:
    text = "".join(diagram.render(cnncalc.shape(name), Style(width=width)))
    assert max(map(width_of, text.splitlines())) <= width


@pytest.mark.parametrize("line", ["unet", "conv:k3,p1 -i 5x5", "lenet5 --unit 1,1 --of s2", "unet --to mermaid"])
def test_ascii_is_ascii(line: str) -> None:
    assert here(["show", *line.split(), "--ascii"]).out.isascii()


def test_an_output_that_takes_ascii_alone_gets_it() -> None:
    env = environment(PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert process("show", "unet", env=env).out == here(["show", "unet", "--ascii"]).out


@pytest.mark.parametrize(
    ("variables", "is_ascii"),
    [
        ({"LANG": "C"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "C", "PYTHONUTF8": "1"}, False),
        ({}, False),
    ],
)
def test_a_locale_without_characters_gets_ascii(variables: dict[str, str], is_ascii: bool) -> None:
    env = environment()
    env = {name: value for name, value in env.items() if name[:3] != "LC_" and name not in ("LANG", "PYTHONUTF8")}
    assert process("show", "3x8x8", "conv:4,k3", "relu", env=env | variables).out.isascii() == is_ascii


@pytest.mark.parametrize("line", ["unet", "unet --to dot", "conv:k3 -i 5x5", "lenet5 --unit 1,1 --of s2"])
def test_pictures_load_neither_numpy_nor_rich(line: str) -> None:
    loaded = _loaded(f"from cnncalc.cli import call\nassert call({['show', *line.split()]!r}) == 0")
    assert not loaded & {"numpy", "rich"}


@pytest.mark.parametrize("name", ["unet", "resnet18", "googlenet"])
def test_documents_have_the_edges_of_the_network(name: str) -> None:
    report = cnncalc.shape(name)
    count = sum(len(set(layer.node.reads)) for layer in report)
    mermaid = "".join(documents.mermaid(report, Style()))
    dot = "".join(documents.dot(report, Style()))
    assert len(re.findall(r"^    n\d+ --> n\d+$", mermaid, re.MULTILINE)) == count
    assert len(re.findall(r"^    n\d+ -> n\d+$", dot, re.MULTILINE)) == count


def test_mermaid_labels_are_escaped() -> None:
    """Within the quotes there is no quote, no tag but <br/>, and nothing that Mermaid reads as Markdown."""
    lines = here(["show", "-", "--to", "mermaid"], odd()).out.splitlines()
    labels = [re.fullmatch(r'    n\d+\(?\["(.*)"\]\)?', line) for line in lines[1 : len(ODD) + 2]]
    for label in labels:
        assert label is not None
        assert not re.search(r'["`\\%*:]|[$][$]|#92;n|^[-+*] |^\d+[.]|<(?!br/>)|#(?!\d+;)', label[1])
    assert labels[1] is not None
    assert labels[1][1] == "a#34;b#60;c#62;#38;amp;#35;35;<br/>relu<br/>3x8x8"


def test_what_mermaid_does_not_draw_is_noted() -> None:
    ended = here(["show", "1x8x8", "relu:times=501", "--to", "mermaid"])
    assert ended.err.startswith("note: 501 edges, but Mermaid draws at most 500 unless maxEdges is raised")
    assert here(["show", "1x8x8", "relu:times=501", "--fold", "--to", "mermaid"]).err == ""


def test_dot_labels_are_escaped() -> None:
    lines = here(["show", "-", "--to", "dot"], odd()).out.splitlines()
    labels = [re.fullmatch(r'    n\d+ \[label="((?:[^"\\]|\\.)*)".*\]', line) for line in lines[2 : len(ODD) + 3]]
    assert all(labels)
    assert labels[1] is not None
    assert labels[1][1] == 'a\\"b<c>&amp;amp;#35;\\nrelu\\n3x8x8'


ERRORS = [
    (
        "relu --step 1 -i 3x3",
        "--step is for a single convolution or pool, and this is not one\n"
        "  take one layer out of a network with --until and --after",
    ),
    (
        "3xHxW conv:k3 --step 1",
        "--step needs an input of known size\n  give all sizes, for example -i 3x8x8",
    ),
    ("conv:k2 -i 3x3 --step 5", "--step 5: the last step is 4\n  give a step up to 4"),
    ("conv:2,k2 -i 3x3 --channel 2", "--channel 2: the last channel is 1\n  give a channel up to 1"),
    (
        "convT:k40,s4 -i 50x60 --step 7",
        "a step of the window has 161,600 cells and products, more than 150,000\n"
        "  --to dot, without --step, --channel, -x, -w and -b, draws only the layer",
    ),
    (
        "conv:k3,d200 -i 500x600 --to svg",
        "a step of the window has 160,810 cells and products, more than 150,000\n"
        "  --to dot, without --step, --channel, -x, -w and -b, draws only the layer",
    ),
    ("lenet5 --unit 0,0 --to dot", "--unit draws maps, but dot shows only layers\n  leave out --unit, or --to dot"),
    (
        "conv:k2 -i 3x3 --step 1 --to dot",
        "--step draws steps of a window, but dot shows only layers\n  use another format: --to text or svg or html",
    ),
    ("lenet5 --of c1", "--of needs --unit\n  add --unit, for example --unit 3,4"),
    (
        "conv:k2 --unit 0,0 --step 1 -i 3x3",
        "--unit draws what a unit sees, but --step the steps of a window\n  give one of them",
    ),
    (
        "lenet5 -o net.json",
        "this writes .txt, .mmd, .dot, .svg or .html, and 'net.json' ends in .json\n"
        "  give -o a name that ends in .txt, .mmd, .dot, .svg or .html",
    ),
]


@pytest.mark.parametrize(("line", "error"), ERRORS)
def test_what_is_refused(line: str, error: str) -> None:
    assert here(["show", *line.split()]) == (2, "", f"{error}\n")


MAPS = [
    # k1 with s3 and padding: the unit at the border reads only padding
    ("3x9x9 conv:4,k1,s3 conv:4,k1,p1 --unit 0,0", "input: nothing"),
    ("4x8x8 upsample:x1.3 conv:4,k3 --unit 1,1", "it is unknown what the units of upsample1 (upsample) read"),
    ("20x8 lstm:4 --unit 3", "at most: lstm1: a step does not see those after it"),
    (
        "3x14x12 conv:4,k3,name=a gap flatten linear:4 reshape:4x1x1,name=g mul:a+g --unit 3,3",
        "g, linear1, flatten1: whole",
    ),
]


@pytest.mark.parametrize(("line", "said"), MAPS, ids=[line for line, _ in MAPS])
def test_what_a_unit_sees_is_said_in_text_and_picture(line: str, said: str) -> None:
    for form in ("text", "svg"):
        ended = here(["show", *line.split(), "--to", form])
        assert (ended.code, ended.err) == (0, "")
        assert said in ended.out


def test_of_very_many_maps_some_are_drawn() -> None:
    """Each of 60 layers makes its map one smaller: the ends and at most 48 maps are drawn, 8 as text."""
    line = ["show", "3x70x70", "conv:4,k2,times=60", "--unit", "0,0"]
    drawn = here([*line, "--to", "svg"]).out
    assert "48 of 61 maps; --of and --in take fewer layers" in drawn
    assert drawn.count("<svg width=") == 48
    assert [f"{name}: H 0" in drawn for name in ("conv60", "input")] == [True, True]
    blocks = here(line).out.split("\n\n")
    assert sum("\n  " in block for block in blocks) == 8


def test_a_map_of_too_many_shades_has_one() -> None:
    """Two kernels of 150 read each row and column of their 299 as often as no other of its side."""
    drawn = here(["show", "1x320x320", "conv:1,k150", "conv:1,k150", "--unit", "0,0", "--to", "svg"]).out
    assert 'fill-opacity="0.8125" d="M0 0h299v299h-299z"' in drawn


@pytest.mark.parametrize(
    ("shape", "steps", "more"),
    [("1x5x5", 16, ""), ("1x5x6", 4, "and 16 more steps"), ("12000x3x4", 3, "and 3 more steps")],
)
def test_of_many_steps_the_first_are_drawn(shape: str, steps: int, more: str) -> None:
    drawn = here(["show", shape, "conv:1,k2", "--to", "svg"]).out
    assert len(re.findall(r"step \d+ of", drawn)) == steps
    assert re.findall(r"and \d+ more steps", drawn) == ([more] if more else [])


def test_of_many_input_channels_some_are_drawn_and_all_are_added_up() -> None:
    """The values are consecutive: channel c has c to c + 3 in its kernel, and 2, 3, 7 and 8 more than c below it."""
    ended = here(["show", "20x5x5", "conv:2,k2", "--step", "3"]).out
    assert "\n  (16 more input channels)\n" in ended
    sums = [sum((c + x) * (c + w) for x, w in zip((2, 3, 7, 8), range(4), strict=True)) for c in range(20)]
    assert ended.splitlines()[-1] == f"  {' + '.join(map(str, sums))} = {sum(sums)}"
    many = here(["show", "66x3x3", "conv:1,k2,p1", "--step", "1"]).out.splitlines()[-1]
    sums = [c * (c + 3) for c in range(66)]  # one cell of four, with weight c + 3, meets a pixel with value c
    shown = [*map(str, sums[:32]), "(2 more)", *map(str, sums[-32:])]
    assert many == f"  {' + '.join(shown)} = {sum(sums)}"


def test_a_transposed_window_draws_its_input_once() -> None:
    ended = here(["show", "2x3x5x5", "convT3d:2,k2,s2", "--step", "3"]).out
    assert ended.count("input channel 0 ") == 1
    assert "[ 3][ 8]" in ended  # 2 * (0, 1) + 3 * (1, 2)
    assert "[13][18]" in ended  # 2 * (2, 3) + 3 * (3, 4)


def test_a_block_of_layers_has_no_window() -> None:
    block = {"layers": [{"op": "block", "layers": [{"op": "conv", "c_o": 1, "k": 2}, {"op": "relu"}]}]}
    ended = here(["show", "-", "-x", "[[[1, 2], [3, 4]]]"], json.dumps(block))
    assert (ended.code, ended.err) == (2, ERRORS[0][1].replace("--step", "-x") + "\n")


def test_source_is_read_for_its_input_before_it_is_drawn(tmp_path: Path) -> None:
    here(["convert", "1x5x6", "conv:2,k2", "relu", "-o", "net.py"], cwd=tmp_path)
    assert here(["show", "net.py"], cwd=tmp_path).out.count("\n") == 3
    ended = here(["show", "net.py", "-x", "[[[1, 2], [3, 4]]]"], cwd=tmp_path)
    assert ended.err == ERRORS[0][1].replace("--step", "-x") + "\n"


def test_help_of_an_error_works() -> None:
    assert here(["show", "lenet5", "--until", "c1", "--step", "3"]).out.count("step 3 of 784") == 1
    assert here(["show", "conv:k3,d200", "-i", "500x600", "--to", "dot"]).out.startswith("digraph")


def test_arrays_give_the_values(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2,3\n4,5,6\n7,8,9\n")
    (tmp_path / "k.csv").write_text("1,0\n0,-1\n")
    (tmp_path / "b.csv").write_text("5\n")
    shown = here(["show", "conv", "-x", "x.csv", "-w", "k.csv", "--step", "2"], cwd=tmp_path).out
    assert "  2*1 + 3*0 + 5*0 + 6*(-1) = -4\n" in shown
    shown = here(["show", "conv", "-x", "x.csv", "-w", "k.csv", "-b", "[2.5]", "--step", "2"], cwd=tmp_path).out
    assert "  2*1 + 3*0 + 5*0 + 6*(-1) + 2.5 (bias) = -1.5\n" in shown


def test_the_first_sample_of_a_batch_is_drawn() -> None:
    ended = here(["show", "maxpool:2", "-x", "[[[[1, 0], [1, 1]]], [[[0, 0], [0, 0]]]]"])
    assert ended.err == "note: x is a batch of 2: its first sample is drawn\n"
    assert "  max(1, 0, 1, 1) = 1\n" in ended.out


def test_folded_rows_say_how_many_they_are() -> None:
    text = "".join(diagram.render(cnncalc.shape("resnet18"), Style(selection=Selection(fold=True))))
    assert "layer1_1_conv1 x2" in text
    assert len(text.splitlines()) < 70
