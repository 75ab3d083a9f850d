"""`cnncalc rf`: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import json
import shlex
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from tests.program import here

DILATED = "3x20x22 conv:4,k3,d2 conv:4,k3x1,s2,p1"


def rf(line: str) -> Any:
    ended = here(["rf", *shlex.split(line), "--json"])
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def unit(line: str) -> Any:
    return rf(line)["unit"]


@pytest.mark.parametrize(
    ("line", "input", "size", "stride"),
    [
        ("conv:k3 conv:k3 maxpool:2", ["C", "H", "W"], [6, 6], [2, 2]),
        ("conv:k3,d2 maxpool:3x2 --dialect keras", ["H", "W", "C"], [7, 6], [3, 2]),
        ("relu conv1d:k3,s2 conv1d:k5", ["C", "L"], [11], [2]),
        ("conv3d:k2 conv3d:k3x4x5 --until conv3d2", ["C", "D", "H", "W"], [4, 5, 6], [1, 1, 1]),
        ("conv:8,k3,c_i=3 conv:4,k3", [3, "H", "W"], [5, 5], [1, 1]),
    ],
)
def test_without_an_input_its_sizes_are_open(
    line: str, input: list[object], size: list[int], stride: list[int]
) -> None:
    found = rf(line)
    assert found["input"] == input
    assert {name: found["layers"][-1]["report"]["fields"][name] for name in ("size", "stride")} == {
        "size": size,
        "stride": stride,
    }


def test_phases_are_those_that_units_have() -> None:
    """An output of 2x4 does not have more phases than units, although its field repeats after more."""
    ended = here(shlex.split("rf 1x7x8 convT:1,k3,s2 upsample:2x4 --phases --format csv"))
    rows = list(csv.DictReader(ended.out.splitlines()))
    phases = [(row["axis"], row["phase"]) for row in rows if row["layer"] == "upsample1"]
    assert phases == [("H", "0"), ("H", "1"), *[("W", str(phase)) for phase in range(4)]]


def test_without_a_spatial_layer_an_input_is_asked_for() -> None:
    assert here(["rf", "linear:10"]).err.startswith("no input shape\n  put one first")


def test_a_unit_as_json() -> None:
    assert unit(f"{DILATED} --unit 3,4") == {
        "of": "conv2",
        "index": [3, 4],
        "in": "input",
        "box": [[5, 11], [7, 11]],
        "clipped": [[5, 11], [7, 11]],
        "share": 0.6,
        "exact": True,
    }


def test_the_clipped_box_is_that_of_the_pixels_really_seen() -> None:
    """Dilated taps step over the border: the box begins in the padding, the first pixel seen is further in."""
    own = unit("1x9x9 conv:1,k2,d3,p2 --unit 0,8")
    assert own["box"] == [[-2, 1], [6, 9]]
    assert own["clipped"] == [[1, 1], [6, 6]]
    assert own["share"] == 1


def test_a_unit_that_sees_nothing() -> None:
    """A transposed conv whose kernel is shorter than its stride leaves units without input between others."""
    own = unit("1x5x6 convT:1,k1,s2 --unit 1,2")
    assert own["box"] == own["clipped"] == [None, None]
    assert own["share"] is None
    assert here(shlex.split("rf 1x5x6 convT:1,k1,s2 --unit 1,2")).out.endswith(
        "unit 1,2 of convT1 sees nothing of input\n"
    )


@pytest.mark.parametrize(
    ("line", "channels"),
    [
        ("conv:k3 -i 9x10", [1]),
        ("3x9x10 conv:k3 add:conv1+conv1 conv:8,k3 dwconv:k3 convT:k2", [3, None, 8, 8, 8]),
        ("9x10x3 conv:k3 conv:k2 --layout NHWC", [3, 3]),
        ("2x3x9x10 conv:k3", [3]),
        ("4x9x10 conv:k3,g=4", [4]),
        ("3x9x10x11 conv3d:k3", [3]),
        ("9x10x11 conv3d:k3", [1]),
    ],
)
def test_c_o_may_be_left_out(line: str, channels: list[int | None]) -> None:
    """A field does not depend on it. As JSON it is a spec, and a note says what is filled in."""
    assert here(["rf", *line.split()]).code == 0
    ended = here(["rf", *line.split(), "--json"])
    assert [layer.get("c_o") for layer in json.loads(ended.out)["layers"]] == channels
    assert ended.err == "note: c_o is left out: each of these layers keeps its number of channels\n"


def test_numbers_too_large_for_a_float() -> None:
    """Strides on a map of one unit double without limit; a fractional middle is rounded down."""
    layers = rf("1x1x1 conv:1,k2,s2,p1,times=1025")["layers"]
    assert [layers[at]["report"]["fields"]["centre"][0] for at in (0, 1, 1021)] == [-0.5, -1.5, -(1 << 1021)]
    assert layers[1024]["report"]["fields"]["size"] == [1 << 1025] * 2
    last = rf("1x1x1 conv:1,k2,s2,p1,times=1023 convT:1,k4,s3")["layers"][-1]["report"]["fields"]
    assert last["stride"] == [(1 << 1023) // 3] * 2


def test_between_two_layers() -> None:
    own = unit("vgg16 --unit 10,11 --of conv3_1 --in conv2_1")
    assert own["in"] == "conv2_1"
    assert own["box"] == own["clipped"] == [[17, 24], [19, 26]]


def test_the_last_layer_with_a_place_is_taken() -> None:
    assert unit("resnet50 --unit 3,4")["of"] == "layer4_3_out"
    assert unit("resnet50 --unit 0,0 --of avgpool")["clipped"] == [[0, 223], [0, 223]]


def test_a_document_with_a_unit_reads_back() -> None:
    for more in ("--unit 3,4", "--from-pixel 3,4", ""):
        document = rf(f"{DILATED} {more}")
        assert cnncalc.shape(document).to_dict() == cnncalc.shape(cnncalc.load(DILATED)).to_dict()


def test_a_pixel_as_json() -> None:
    assert rf(f"{DILATED} --from-pixel 5,7")["pixel"] == {
        "in": "input",
        "index": [5, 7],
        "seen": [
            {"by": "conv1", "box": [[1, 5], [3, 7]], "units": 9},
            {"by": "conv2", "box": [[0, 3], [2, 4]], "units": 12},
        ],
    }


def follow(document: Any, at: str, place: list[int]) -> set[tuple[int, ...]]:
    """Return the pixels that a unit sees in any of its channels, followed through `reads` alone, as a page would."""
    layers = {layer["name"]: layer["report"]["fields"] for layer in document["layers"]}
    layers["input"] = document["report"]["fields"]
    whole = [range(size) for size in layers[at]["sizes"]]
    for axis, number in zip(layers[at]["places"], place, strict=True):
        whole[axis] = range(number, number + 1)
    seen, done = set[tuple[int, ...]](), set[tuple[str, tuple[int, ...]]]()
    waiting = [(at, unit) for unit in product(*whole)]
    while waiting:
        name, unit = waiting.pop()
        if (name, unit) in done:
            continue
        done.add((name, unit))
        if name == "input":
            seen.add(tuple(unit[axis] for axis in layers[name]["places"]))
            continue
        for read in layers[name]["reads"]:
            waiting += [(read["layer"], one) for one in product(*[taps(axis, unit) for axis in read["axes"]])]
    return seen


def taps(axis: Any, unit: tuple[int, ...]) -> set[int]:
    """Return the units that a unit reads on an axis of its layer's input."""
    if "digits" in axis:
        number = sum(unit[at] // inner % size * step for at, inner, size, step in axis["digits"])
    else:
        number = 0 if axis["axis"] is None else unit[axis["axis"]]
    span = axis["phases"][number % len(axis["phases"])]
    moved = number // len(axis["phases"]) * axis["advance"]
    found = range(span[0] + moved, span[1] + moved + 1, axis["step"]) if span else ()
    if axis.get("edge"):
        return {min(max(tap, 0), axis["n"] - 1) for tap in found}
    return {tap for tap in found if 0 <= tap < axis["n"]}


@pytest.mark.parametrize("place", [[0, 0], [3, 5], [7, 9]])
def test_the_reads_lead_to_what_a_unit_sees(place: list[int]) -> None:
    words = (
        "2x7x9 conv:2,k3,s2,p1,name=a maxpool:2,s1,p0+1,name=b convT:2,k3,s2,p1,d1,name=c "
        "upsample:8x10,mode=bilinear,name=d conv:4,k3,p1,name=e concat:from=d+e,name=f slice:axis=1,start=2,name=g "
        "pixelshuffle:2,name=h"
    )
    text = ",".join(map(str, place))
    document = rf(f"{words} --unit {text} --dialect plain")
    pixels = follow(document, "h", place)
    ends = [[min(axis), max(axis)] for axis in zip(*pixels, strict=True)]
    assert document["unit"]["clipped"] == ends
    assert document["unit"]["share"] == pytest.approx(
        len(pixels) / ((ends[0][1] - ends[0][0] + 1) * (ends[1][1] - ends[1][0] + 1)), abs=1e-6
    )


VIDEO = "16x3x32x30 tobatch conv:8,k3,p1 maxpool:2 frombatch permute:2x1x3x4 conv3d:4,k3,p1"
UNITS = {
    f"{VIDEO} --unit 3,4,5": ("conv3d1", [[2, 4], [5, 12], [7, 14]]),
    f"{VIDEO} --unit 3,4,5 --of conv1": ("conv1", [[3, 3], [3, 5], [4, 6]]),
    "2x9x11x8 conv3d:2,k3x1x2,s2 --unit 1,2,3": ("conv3d1", [[2, 4], [4, 4], [6, 7]]),
    "2x30 conv1d:2,k3,d4,p4 --unit 0": ("conv1d1", [[0, 4]]),
    "30x40x3 conv:8,k3x5,s2 --layout NHWC --unit 1,2": ("conv1", [[2, 4], [4, 8]]),
    "3x8x10 permute:1x3x2 conv:2,k3x5 --unit 1,2": ("conv1", [[2, 6], [1, 3]]),
    "20x8 lstm:4,bidirectional=true --unit 3": ("lstm1", [[0, 19]]),
    "4x6x8 reshape:4x48 permute:2x1 layernorm linear:3 --unit 21": ("linear1", [[2, 2], [5, 5]]),
    "4x6x8 reshape:4x48 permute:2x1 multihead:2 --unit 21": ("multihead1", [[0, 5], [0, 7]]),
    "8x6x8 pixelshuffle:2 conv:2,k3 --unit 3,4": ("conv1", [[1, 2], [2, 3]]),
    "4x6x8 pad:2,mode=circular conv:2,k3 --unit 0,3": ("conv1", [[0, 5], [1, 3]]),
    "3x14x12 conv:4,k3,name=a globalavgpool:keepdims=true,name=g mul:from=a+g --unit 3,3": ("mul1", [[0, 13], [0, 11]]),
    "3x9x9 adaptiveavgpool:2x4 --unit 1,2": ("adaptiveavgpool1", [[4, 8], [4, 6]]),
    # rows of 8 channels of 4: row h of channel c is row (4*c + h) % 8
    "4x8x9 reshape:8x4x9 conv:4,k3 --unit 1,1": ("conv1", [[1, 7], [1, 3]]),
}


@pytest.mark.parametrize("line", UNITS)
def test_units_of_all_kinds_of_networks(line: str) -> None:
    own = unit(line)
    assert (own["of"], own["clipped"]) == UNITS[line]


def test_of_several_inputs_the_first_is_looked_at(tmp_path: Path) -> None:
    layers = [
        {"op": "input", "shape": [3, 12, 14], "name": "other"},
        {"op": "conv", "c_o": 4, "k": 5, "p": 2, "from": "other", "name": "theirs"},
        {"op": "conv", "c_o": 4, "k": 3, "p": 1, "from": "input", "name": "ours"},
        {"op": "add", "from": ["ours", "theirs"], "name": "sum"},
    ]
    path = tmp_path / "two.json"
    path.write_text(json.dumps({"input": [3, 12, 14], "layers": layers}))
    assert unit(f"{shlex.quote(str(path))} --unit 3,3")["clipped"] == [[2, 4], [2, 4]]
    assert here(["rf", str(path), "--unit", "3,3", "--of", "theirs"]).err == (
        "the units of theirs see nothing of the first input\n  the last layer whose units have a position is sum\n"
    )


def test_each_format_has_its_rows() -> None:
    lines = here(shlex.split(f"rf {DILATED} --format csv")).out.splitlines()
    rows = list(csv.DictReader(lines))
    assert [(row["layer"], row["axis"], row["size"], row["stride"], row["first"]) for row in rows] == [
        ("conv1", "HW", "5", "1", "0"),
        ("conv2", "H", "7", "2", "-1"),
        ("conv2", "W", "5", "2", "-1"),
    ]
    for format in ("tsv", "markdown", "latex", "html"):
        for more in ("", "--unit 3,4", "--from-pixel 3,4"):
            assert here(shlex.split(f"rf {DILATED} --format {format} {more}")).code == 0


def test_phases_have_rows() -> None:
    lines = here(shlex.split("rf 1x9x9 conv:1,k3 convT:1,k3,s2 --phases --format csv")).out.splitlines()
    rows = [row for row in csv.DictReader(lines) if row["layer"] == "convT1"]
    assert [(row["phase"], row["size"], row["stride"], row["first"], row["centre"]) for row in rows] == [
        ("0", "4", "1", "-1", "0.5"),
        ("1", "3", "1", "0", "1"),
    ]


def test_channels_out_of_a_concat_are_exact_for_a_unit_and_a_bound_in_the_table() -> None:
    words = "2x9x9 conv:2,k3,p1,name=a concat:from=a+input,name=c slice:axis=1,start=2,name=s conv:1,k1,name=d"
    document = rf(f"{words} --unit 3,4")
    fields = {layer["name"]: layer["report"]["fields"] for layer in document["layers"]}
    assert [fields[name]["exact"] for name in "acsd"] == [True, True, False, False]
    assert fields["d"]["bound"] == "s takes some channels of c, which do not all see the same pixels"
    assert document["unit"]["clipped"] == document["unit"]["box"] == [[3, 3], [4, 4]]
    assert document["unit"]["exact"]


def test_a_causal_layer_is_a_bound() -> None:
    own = unit("20x8 lstm:4 --unit 3")
    assert (own["exact"], own["bound"]) == (False, "lstm1: a step does not see those after it")
    assert own["clipped"] == [[0, 19]]


def test_what_another_path_sees_for_sure_is_exact() -> None:
    own = unit("20x8 lstm:8,name=a lstm:4,bidirectional=true,name=b,from=input add:a+b --unit 3")
    assert (own["exact"], own["clipped"]) == (True, [[0, 19]])
    assert not unit("20x8 lstm:8,name=a add:a+input --unit 3")["exact"]


@pytest.mark.parametrize(
    ("words", "size", "first"),
    [
        # the channels after those of the convolution are the input's: rows 0 to 2, columns 4 to 9
        (
            "2x9x10 conv:2,k3,p1,name=a concat:from=a+input,name=c slice:axis=1,start=2,name=s "
            "slice:axis=2,stop=3 slice:axis=3,start=4 flatten",
            [3, 6],
            [0, 4],
        ),
        # those that are sliced see pixels 0 to 8 and 0 to 9, without the padding of a
        ("2x9x10 conv:2,k3,p1,name=a concat:from=a+input slice:axis=1,start=2 flatten", [9, 10], [0, 0]),
        # and here those of b, with its own padding: without that of a, which is wider
        (
            "2x9x10 conv:2,k5,p2,name=a conv:3,k3,p1,from=input,name=b concat:from=a+b slice:axis=1,start=2 flatten",
            [11, 12],
            [-1, -1],
        ),
        # of c, d sees a by a window of 3, which reaches 3 pixels, and e sees b by one of 7, which reaches 4
        (
            "2x9x10 conv:2,k5,p2,name=a conv:2,k3,p1,from=input,name=b concat:from=a+b,name=c "
            "slice:axis=1,stop=2 conv:2,k3,p1,name=d slice:axis=1,start=2,from=c conv:2,k7,p3,name=e concat:from=d+e "
            "flatten",
            [17, 18],
            [-4, -4],
        ),
        # rows 9 to 11 of b lie between rows 4 and 5 of the pool, which see 7 to 10 and 9 to 11; those of a see 8 to 11
        (
            "3x12x14 conv:2,k3,p1,name=a maxpool:2 upsample:12x14,mode=bilinear,align=true,name=b add:from=a+b "
            "slice:axis=2,start=9 flatten",
            [5, 14],
            [7, 0],
        ),
    ],
)
def test_what_units_without_a_place_see_together_is_exact(words: str, size: list[int], first: list[int]) -> None:
    fields = rf(words)["layers"][-1]["report"]["fields"]
    assert (fields["size"], fields["first"], fields["exact"]) == (size, first, True)


def test_the_reasons_of_bounds_stand_below_the_table() -> None:
    reason = "a step does not see those after it"
    lines = here(shlex.split("rf 20x8 lstm:4 linear:3 lstm:4 lstm:5 gru:3")).out.splitlines()[-4:]
    assert lines == [
        f"at most, from lstm1 on: lstm1: {reason}",
        f"at most, in lstm2: lstm2: {reason}",
        f"at most, in lstm3: lstm3: {reason}",
        "and for 1 reason more, all with --json",
    ]


def test_what_is_not_known_is_said() -> None:
    line = "3x6x7 conv:4,k3 upsample:x1.3 relu"
    assert here(shlex.split(f"rf {line} --unit 1,1")).out.endswith(
        "what it sees of input is unknown: it is unknown what the units of upsample1 (upsample) read\n"
    )
    seen = here(shlex.split(f"rf {line} --from-pixel 1,1")).out.splitlines()
    assert [row.split()[-1] for row in seen[2:]] == ["20.0%", "unknown", "unknown"]
    words = "3x6x7 conv:4,k3 opaque:type=NMS,same=true"
    assert here(shlex.split(f"rf {words}")).out.splitlines()[-1] == (
        "unknown after opaque1 (opaque): it is unknown what its units read"
    )
    assert rf(f"{words}")["layers"][1]["report"]["fields"]["reads"][0]["axes"] is None


OPAQUE = "3x20x16 conv:4,k3,s2,p1 opaque:type=Foo conv:4,k3"


def test_layers_after_those_of_which_nothing_is_known() -> None:
    """They do not affect what is known about the layers before them."""
    assert unit(f"{OPAQUE} --unit 1,1")["clipped"] == [[1, 3], [1, 3]]
    seen = rf(f"{OPAQUE} --from-pixel 1,1")["pixel"]["seen"]
    assert [(layer["by"], layer["units"]) for layer in seen] == [("conv1", 4), ("opaque1", None), ("conv2", None)]
    (kind,) = rf(f"{OPAQUE} --paths")["report"]["fields"]["paths"]["kinds"]
    assert kind["rf"] == {"size": [None, None], "stride": [None, None], "start": [None, None]}


ERRORS = {
    "resnet50 --unit 7,4": ("layer4_3_out is 7x7, so there is no unit 7,4\n  the last is 6,6, the first is 0,0\n"),
    "resnet50 --unit 3": "no layer has units with 1 axis\n  those of layer4_3_out have 2 axes: --unit 0,0\n",
    "resnet50 --unit 3,4,5": "no layer has units with 3 axes\n  those of layer4_3_out have 2 axes: --unit 0,0\n",
    "vgg16 --unit 3 --of conv3_1": (
        "conv3_1 has 2 axes (56x56), but unit 3 has 1\n  give one number per axis, such as 0,0\n"
    ),
    "resnet50 --unit 3,-4": (
        "--unit '3,-4' is not a position\n  give one number per axis, counted from 0, such as 3,4\n"
    ),
    "vgg16 --unit 3,4 --of conv3_11": (
        "--of: there is no layer 'conv3_11'\n  did you mean 'conv3_1' or 'conv5_1' or 'conv4_1'?\n"
    ),
    "resnet50 --of layer1": (
        "--of: there is no layer 'layer1'\n  the last layer that starts like this is layer1_3_out\n"
    ),
    "vgg16 --unit 3,4 --of conv3_1 --in conv4_1": (
        "conv3_1 does not depend on conv4_1\n  the last layer that does is fc8\n"
    ),
    "3x9x9 conv:3,k3 --in conv1": "no layer depends on conv1: it is an output\n  name a layer that others read\n",
    "vgg16 --from-pixel 300,4": (
        "input is 224x224, so there is no pixel 300,4\n  the last is 223,223, the first is 0,0\n"
    ),
    "3xHxW conv:3,k3 --unit 1,1": (
        "the size of conv1 is open: [H-2]x[W-2]\n  give the input's sizes, for example -i 3x224x224\n"
    ),
    "3x9x9 conv:3,k3 flatten linear:4 --unit 1 --of linear1": (
        "the units of linear1 have no position on an axis of the input\n"
        "  the last layer whose units have a position is conv1\n"
    ),
    "3xHxW conv:3,k3 adaptiveavgpool:7 --unit 1,1": (
        "the size of input is open: 3xHxW\n  give the input's sizes, for example -i 3x224x224\n"
    ),
    "1x4x20000000 conv:1,k3 --unit 1,1": (
        "input is 1x4x20000000: units are followed on axes of at most 16,777,216\n"
        "  give a smaller input, or take the network --until a layer before\n"
    ),
    f"{OPAQUE} --unit 1,1 --of conv2": (
        "the units of conv2 have no position on an axis of the input: it is unknown what the units of opaque1 (opaque) "
        "read\n"
        "  the last layer whose units have a position is conv1\n"
    ),
    f"{OPAQUE} --effective": (
        "the size of conv2 is unknown: it is unknown what the units of opaque1 (opaque) read\n"
        "  name a layer before it\n"
    ),
    "16 linear:4 --unit 1": "no layer has units with a position on an axis of the input\n",
    "vgg16 --unit 3,4 --from-pixel 3,4": "--unit and --from-pixel cannot be combined\n  use one at a time\n",
}


@pytest.mark.parametrize("line", ERRORS)
def test_errors(line: str) -> None:
    ended = here(["rf", *shlex.split(line)])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == ERRORS[line]


@pytest.mark.parametrize(
    ("line", "clipped"),
    [
        ("3x100000x8 upsample:100001x3,mode=linear --unit 8,1", [[7, 8], [3, 4]]),
        ("3x1000x8 roll:shift=3,axis=2 --unit 0,1", [[997, 997], [1, 1]]),
        ("3x9000x8 adaptiveavgpool:8999x7 --unit 8998,3", [[8998, 8999], [3, 4]]),
        ("3x90x8 tile:1x3x1 conv:1,k3 --unit 89,3", [[0, 89], [3, 5]]),
    ],
)
def test_units_that_all_differ(line: str, clipped: list[list[int]]) -> None:
    assert unit(line)["clipped"] == clipped


def test_which_units_of_many_phases_see_a_pixel() -> None:
    seen = rf("3x9000x8 adaptiveavgpool:8999x7 conv:1,k3 --from-pixel 4500,3")["pixel"]["seen"]
    assert [one["box"][0] for one in seen] == [[4499, 4500], [4497, 4500]]


def test_what_is_too_large_to_follow_is_refused() -> None:
    assert here(shlex.split("rf 3x8x8 conv:1000000000000,k1 relu --unit 1,1")).err == (
        "conv1 is 1000000000000x8x8: units are followed on axes of at most 16,777,216\n"
        "  give a smaller input, or take the network --until a layer before\n"
    )
    assert here(shlex.split("rf 3x8x8 conv:1000000000000,k1 relu")).code == 0
    assert here(shlex.split("rf 3x100000000x8 upsample:200000001x3,mode=linear")).code == 0


def test_open_sizes_have_no_reason_to_be_unknown() -> None:
    assert "it is unknown" not in here(shlex.split("rf 3xHxW conv:3,k3 maxpool:2 flatten")).out


def test_units_that_no_formula_holds_for_are_named() -> None:
    words = "3x12x12 conv:2,k3,p1,name=a maxpool:2 upsample:12,mode=bilinear,align=true,name=b add:from=a+b"
    assert here(shlex.split(f"rf {words}")).out.splitlines()[-1] == (
        "no formula holds for all units of add1: --unit shows one"
    )
    assert unit(f"{words} --unit 3,4")["exact"]


def test_a_centre_between_two_pixels_is_not_rounded() -> None:
    assert here(["rf", "vgg16", "--of", "fc8"]).out.splitlines()[2].split()[-2:] == ["111.5", "44.6%"]
