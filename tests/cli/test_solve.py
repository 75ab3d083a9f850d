"""`cnncalc solve` on the command line: which question is meant, what is written, and how it ends."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.program import here

ENDS = [
    ("conv:k7,s2 -i 224 --out 112", 0, "conv:k7,s2,p3"),
    ("3x224x224 conv:64,k7,s2 --out 64x112x112", 0, "conv:64,k7,s2,p3"),
    ("conv:k3,s2,p1,bn,relu -i 9 --out 5", 0, "conv:k3,s2,p1"),
    ("conv:k3,out=5 -i 9", 0, "conv:k3,s2,p1"),
    ("maxpool -i 7 --out 3 --dialect torch", 0, "maxpool:k2,s2"),
    ("conv:k3,s1 -i 5 --out 40 --p 0..3", 1, "with another p: conv:k3,s1,pt37"),
    ("unet --out 387", 1, "near: 388x388"),
    ("unet --out 388", 0, "H = 572"),
    ("conv:k7,s2 --out 112", 0, "H from 229 to 230"),
    ("unet --least", 0, "1x188x188"),
    ("conv:k3 maxpool:2 conv:k3,g2 --out 64x7x7", 0, "H from 20 to 21"),
    ("alexnet --out 7x7", 2, "take the network up to pool5: --until pool5"),
    ("alexnet --until pool5 --out 7x7", 0, "H from 255 to 286"),
    ("3xHxW maxpool:2 flatten linear:10 --features 101", 1, "near: 102"),
    ("vgg16 --until pool5 --features 25088", 0, "H from 224 to 255"),
    ("conv:k3 -i 32 --least", 2, "--least asks for inputs, and one is given"),
    ("conv:k3,s3,d2 -i 9 --out 3 --dialect keras", 2, "Keras refuses a stride and a dilation together"),
    ("maxpool:k5,s1,p0 -i 3 --out 5 --dialect torch", 2, "lower k to 3, or raise p to 1"),
    ("unet --least --fit 300", 2, "--least and --fit are two questions"),
    ("resnet50 --fit 224", 0, "224x224 to 225x225: pad:0+1x0+1"),
    ("3x224xW conv:8,k7,s2 --clean", 2, "conv1 drops 1 on the height axis whatever the input is"),
    ("conv:k7,s2 -i 224 --out 112 --rf 9 --by params", 2, "--rf is a question of its own"),
    ("--rf 5 conv:k1", 1, "no stack of conv:k1 sees 5 pixels"),
    ("conv:k3 maxpool -i 9 --out 3", 2, "the settings of one layer can be solved for, and there are 2"),
    ("conv:k3,s2 conv:k3x5 -i 3xHxH --out 5x9", 1, "no input gives the output 5x9\nnear: 5x3\nnear: 11x9\n"),
    ("convT:k2,s2 -i 3xHxH --out 5x6", 1, "no input gives the output 5x6\nnear: 6x6\n"),
    ("conv:k3 -i 13 --out 13 --d 1 --dialect keras", 0, "3  1  1  1  conv:k3,s1,same\n"),
    ("vgg16 -i 224 --out 7", 2, "the settings of one layer can be solved for, and there are 40"),
    ("maxpool:2 --out 3 --k 1..3", 2, "the ranges and --top are for the settings of a layer"),
    ("3x8x8 maxpool:2 --out 4x4x4", 2, "--out 4x4x4 has 4 channels, and maxpool makes 3"),
    ("conv:k3,out=5 -i 9 --out 5", 2, "two outputs: --out 5, and out=5x5 in the layer"),
    ("conv:k3 -i 9 --out 4 --k 5..3", 2, "--k: '5..3' is empty"),
    ("conv:k3 -i 9 --out 4 --s a", 2, "--s: 'a' is not a range"),
]


@pytest.mark.parametrize(("line", "code", "said"), ENDS, ids=[line for line, *_ in ENDS])
def test_how_it_ends(line: str, code: int, said: str) -> None:
    ended = here(["solve", *shlex.split(line)])
    assert ended.code == code, ended.err
    assert said in (ended.err if code == 2 else ended.out)


def solved(line: str) -> dict[str, object]:
    """What it prints as JSON."""
    value: dict[str, object] = json.loads(here(["solve", *shlex.split(line), "--json"]).out)
    return value


def test_json() -> None:
    first = {"k": [7, 7], "s": [2, 2], "p": [[3, 3], [3, 3]], "d": [1, 1]}
    assert solved("conv:k7,s2 -i 224 --out 112 --d 1") == {"solutions": [first], "complete": True, "count": 1}
    assert solved("conv:k7,s2 -i 224 --out 112 --top 1") == {"solutions": [first], "complete": False, "count": 4}
    assert solved("conv:k4,s1,d1 -i 9 --out 9")["solutions"] == [
        {"k": [4, 4], "s": [1, 1], "p_total": [3, 3], "d": [1, 1]}
    ]
    up = solved("convT:k4,s2 -i 7 --out 14 --d 1 --out-pad 0")["solutions"]
    assert up == [{"k": [4, 4], "s": [2, 2], "p": [[1, 1], [1, 1]], "d": [1, 1], "out_pad": [0, 0]}]
    size = {"mod": 16, "rest": [15], "least": 31, "most": None}
    assert solved("conv:8,k3,s2,times=4 --clean")["sizes"] == [{"axis": "H", **size}, {"axis": "W", **size}]
    assert solved("unet --out 387")["sizes"] == []


def test_a_stack_is_a_spec() -> None:
    ended = here(["solve", "--rf", "100", "conv:k3", "maxpool:2", "--json"])
    report = json.loads(ended.out)
    assert report["report"]["rf"]["size"] == [112, 112]
    assert here(["shape", "-", "--get", "rf.size"], stdin=ended.out).out.strip() in ("112", "112x112")


def test_the_padding_that_fits_makes_the_network_fit() -> None:
    word = here(["solve", "unet", "--fit", "301x402"]).out.rpartition(": ")[2].strip()
    assert here(["shape", "1x301x402", word, "--get", "out"]).out.strip() == "1x316x412"
    assert here(["shape", "unet", "-i", "1x316x412", "--get", "out"]).code == 0
