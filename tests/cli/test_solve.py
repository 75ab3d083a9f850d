"""`cnncalc solve` on the command line: which question is asked, what is written, and how it ends."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

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
    ("alexnet --out 7x7", 2, "use the network up to pool5: --until pool5"),
    ("alexnet --until pool5 --out 7x7", 0, "H from 255 to 286"),
    ("3xHxW maxpool:2 flatten linear:10 --features 101", 1, "near: 102"),
    ("vgg16 --until pool5 --features 25088", 0, "H from 224 to 255"),
    ("conv:k3 -i 32 --least", 2, "--least asks for inputs, but one is given"),
    ("conv:k3,s3,d2 -i 9 --out 3 --dialect keras", 2, "Keras refuses a stride and a dilation together"),
    ("maxpool:k5,s1,p0 -i 3 --out 5 --dialect torch", 2, "lower k to 3, or raise p to 1"),
    ("unet --least --fit 300", 2, "--least and --fit cannot be combined"),
    ("resnet50 --fit 224", 0, "224x224 to 225x225: pad:0+1x0+1"),
    ("3x224xW conv:8,k7,s2 --clean", 2, "conv1 drops 1 on the height axis whatever the input is"),
    ("conv:k7,s2 -i 224 --out 112 --rf 9 --by params", 2, "--rf cannot be combined with the other options"),
    ("--rf 5 conv:k1", 1, "no stack of conv:k1 sees 5 pixels"),
    ("conv:k3 maxpool -i 9 --out 3", 2, "the settings of one layer can be solved for, but there are 2"),
    ("conv:k3,s2 conv:k3x5 -i 3xHxH --out 5x9", 1, "no input gives the output 5x9\nnear: 5x3\nnear: 11x9\n"),
    ("convT:k2,s2 -i 3xHxH --out 5x6", 1, "no input gives the output 5x6\nnear: 6x6\n"),
    ("conv:k3 -i 13 --out 13 --d 1 --dialect keras", 0, "3  1  1  1  conv:k3,s1,same\n"),
    ("vgg16 -i 224 --out 7", 2, "the settings of one layer can be solved for, but there are 40"),
    ("maxpool:2 --out 3 --k 1..3", 2, "the ranges and --top apply only to the settings of a layer"),
    ("3x8x8 maxpool:2 --out 4x4x4", 2, "--out 4x4x4 has 4 channels, and maxpool makes 3"),
    ("conv:k3,out=5 -i 9 --out 5", 2, "two outputs: --out 5, and out=5x5 in the layer"),
    ("conv:k3 -i 9 --out 4 --k 5..3", 2, "--k: '5..3' is empty"),
    ("conv:k3 -i 9 --out 4 --s a", 2, "--s: 'a' is not a range"),
    ("conv:k3 -i 32 --out 30 --by depth", 2, "--by needs --rf"),
    ("conv:k3 -i 32", 2, "--out is missing"),
    ("conv:k3 --out 5xH", 2, "--out 5xH has an open size"),
    ("conv:k3 -i 9 --out HxW", 2, "--out has an open size"),
    ("conv:k3 -i 9 --out 4x5x6x7", 2, "--out [4, 5, 6, 7] has 4 sizes for 2 axes"),
    ("relu -i 9 --out 9", 2, "relu has no window to solve for"),
    ("--rf 9 conv:k3 -i 5x9x9", 0, "5xHxW conv:5,k3,times=4\n"),
    (
        "--rf 5 conv:k3 conv1d:k3",
        2,
        (
            "conv1d:k3 has a different number of axes than the stack\n"
            "  give a field of 1 axis, or words with that many axes"
        ),
    ),
    ("--rf 1 conv:k3", 2, "a unit sees one pixel already without any layer"),
    ("3xHxW conv:8,k9 --out 5 --fit 3x14x13", 1, "no padding makes 14x13 one of them"),
    ("3xHxW conv:8,k9 --out 5 --fit 10x13", 0, "10x13 to 13x13: pad:1+2x0+0"),
    ("3x224xW conv:8,k2,s2 --clean", 0, "W is even"),
    ("3xHxW opaque --out 4", 2, "the output's sizes are unknown"),
    ("2xHxW upsample:x1.3 --out 13", 2, "a size of the output is unknown: 2x?x?"),
    # 3 * H/2 * W/2 = 96000, and 32000 = 2^8 * 5^3 has 9 * 4 divisors
    ("3xHxW maxpool:2 flatten linear:10 --features 96000", 0, "H from 40 to 41            40"),
    ("3xHxW maxpool:2 flatten linear:10 --features 96000", 0, "and 28 sets more\n"),
    ("3xHxW maxpool:2 flatten linear:10 --features 101 --out 10", 1, "no input is as wanted\n"),
    ("2xHxW conv:4,k3 reshape:out=[2,-1] --out 2x51", 1, "near: 2x50\nnear: 2x52\n"),
    # (H-4)/2 + 1 = 10 for H = 22, where the width drops a pixel; both floors are exact for H = 6m
    ("3xHxH conv:4,k4x3,s2x3 --clean --out 10x11", 1, "near: 8x6\nnear: 11x8\nnear: 14x10\nnear: 17x12\n"),
    # Keras: n*s; with out_pad (n-1)*s + k%2 + out_pad
    ("convT:8,k3,p=same -i 7 --out 14 --dialect keras", 0, "convT:8,k3,s2,same\n1 setting leads"),
    (
        "convT:8,p=same,d1 -i 7x9 --out 14x27 --dialect keras --out-pad 0..1",
        1,
        "14x26 with convT:8,k1,s2x3,out_pad=1\n",
    ),
    ("conv:k3 -i 13 --out 11 --d 1 --dialect keras", 0, "3  1  0  1  conv:k3,s1\n1 setting"),
]


@pytest.mark.parametrize(("line", "code", "said"), ENDS, ids=[line for line, *_ in ENDS])
def test_how_it_ends(line: str, code: int, said: str) -> None:
    ended = here(["solve", *shlex.split(line)])
    assert ended.code == code, ended.err
    assert said in (ended.err if code == 2 else ended.out)


def solved(line: str) -> dict[str, object]:
    """Return its output as parsed JSON."""
    value: dict[str, object] = json.loads(here(["solve", *shlex.split(line), "--json"]).out)
    return value


@pytest.mark.parametrize("text", ["conv:4,k5,s2", '[{"op": "conv", "c_o": 4, "kernel_size": 5, "s": 2}]'])
def test_the_layer_of_a_file_keeps_its_keys(text: str, tmp_path: Path) -> None:
    (tmp_path / "layer.txt").write_text(text)
    code, out, _ = here(["solve", str(tmp_path / "layer.txt"), "-i", "9", "--out", "5"])
    assert (code, out.splitlines()[2].split()) == (0, ["5", "2", "2", "1", "conv:4,k5,s2,p2"])


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
    of_w = {"axis": "W", "size": 401, "to": 412, "pad": [5, 6]}
    assert solved("unet --fit 1x300x401")["fit"] == [{"axis": "H", "size": 300, "to": 300, "pad": [0, 0]}, of_w]
    assert solved("3xHxW conv:8,k9 --out 5 --fit 14x13")["fit"] is None
    only = {"mod": 1, "rest": [0]}  # 3 * H/2 * W/2 = 9
    assert solved("3xHxW maxpool:2 flatten linear:10 --features 9")["others"] == [
        [{"axis": "H", **only, "least": 6, "most": 7}, {"axis": "W", **only, "least": 2, "most": 3}]
    ]
    conditions = ["H*W*2 is a multiple of 4", "(H*W)//2 = 3"]
    assert solved("2xHxW reshape:out=[4,-1] --out 3")["conditions"] == conditions
    assert solved("--rf 5 conv:k1") == {"solutions": [], "complete": True}
    k3 = {"k": [3, 3], "s": [1, 1]}
    assert solved("conv:k3,s1 -i 5 --out 40 --p 0..3") == {
        "solutions": [],
        "complete": True,
        "count": 0,
        "nearest": [{"out": [9, 9], **k3, "p": [[3, 3], [3, 3]], "d": [1, 1]}],
        "changes": [{"key": "p", **k3, "p_total": [37, 37], "d": [1, 1]}],
    }
    sides = [{"k": [4, 4], "s": [1, 2], "p": p, "d": [1, 1]} for p in ("same", [[1, 2], [2, 2]])]
    assert solved("conv:k4,d1 -i 8x9 --out 8x5 --dialect keras")["solutions"] == sides


def test_a_stack_is_a_spec() -> None:
    ended = here(["solve", "--rf", "100", "conv:k3", "maxpool:2", "--json"])
    report = json.loads(ended.out)
    assert report["report"]["rf"]["size"] == [112, 112]
    assert here(["shape", "-", "--get", "rf.size"], stdin=ended.out).out.strip() in ("112", "112x112")


def test_the_padding_that_fits_makes_the_network_fit() -> None:
    word = here(["solve", "unet", "--fit", "301x402"]).out.rpartition(": ")[2].strip()
    assert here(["shape", "1x301x402", word, "--get", "out"]).out.strip() == "1x316x412"
    assert here(["shape", "unet", "-i", "1x316x412", "--get", "out"]).code == 0
