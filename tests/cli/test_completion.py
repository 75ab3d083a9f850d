"""Completions: what is offered, and the shipped scripts; tests/shells tries them in real shells."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncalc import zoo
from cnncalc.cli import COMMANDS, completion
from cnncalc.cli import _candidates as candidates
from cnncalc.cli._candidates import offer
from cnncalc.dialects import DIALECTS
from cnncalc.layers import OPS, keys_named
from cnncalc.layers.keys import WORDS, one_of
from cnncalc.notation.arguments import FLAGS
from cnncalc.notation.spec import LAYER_KEYS
from cnncalc.notation.words import parse_word
from cnncalc.render.columns import COLUMNS
from tests.program import ROOT, environment, here


def offered(line: str) -> list[str]:
    """Return what replaces the cursor's word."""
    return [candidate.word for candidate in offer(line).candidates]


def keys(word: str) -> set[str]:
    """Return the arguments offered at the end of a layer word, without the word itself."""
    return {
        found.rpartition(",")[2].partition(":")[2] or found.rpartition(",")[2] for found in offered(f"c shape {word}")
    }


# What is offered


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cnncalc sh", ["shape", "show"]),
        ("cnncalc ", list(COMMANDS)),
        ("/some/where/cnncalc zo", ["zoo"]),
        ("cnncalc --ver", ["--version"]),
        ("cnncalc shape --form", ["--format"]),
        ("cnncalc shape --format ta", ["table"]),
        ("cnncalc shape --format=ta", ["--format=table"]),
        ("cnncalc shape --format json --form", []),
        ("cnncalc shape --dialect ", [*DIALECTS, "all"]),
        ("cnncalc shape --dialect ke", ["keras"]),
        ("cnncalc diff --dialect ", list(DIALECTS)),
        ("cnncalc shape --dtype bf", ["bfloat16"]),
        ("cnncalc shape --layout=nh", ["--layout=NHWC"]),
        ("cnncalc shape --color a", ["auto", "always"]),
        ("cnncalc shape --columns ", list(COLUMNS)),
        ("cnncalc shape --sort ", list(COLUMNS)),
        ("cnncalc shape --columns layer,o", ["layer,op", "layer,out"]),
        ("cnncalc shape --columns op,out,o", []),
        ("cnncalc shape --sort ma", ["macs", "macs%"]),
        ("cnncalc shape --only conv,gro", ["conv,groupnorm", "conv,groupnorm,"]),
        ("cnncalc shape --columns buf", ["buffers", "buffers,"]),
        ("cnncalc shape -i ", []),
        ("cnncalc shape vgg16 --until conv5", ["conv5_1", "conv5_2", "conv5_3"]),
        ("cnncalc shape vgg16 --after=POOL", [f"--after=pool{n}" for n in range(1, 6)]),
        ("cnncalc rf 3x32x32 conv:4,k3 relu conv:3,name=stem --of ", ["conv1", "relu1", "stem"]),
        ("cnncalc rf vgg16 --unit 3 --in conv1", ["conv1_1", "conv1_2"]),
        ("cnncalc shape --until ", []),
        ("cnncalc shape - --until ", []),
        ("cnncalc shape nothing.json --until ", []),
        ("cnncalc check vgg16 --expect o", ["out="]),
        ("cnncalc check --expect max_pa", ["max_params=", "max_param_bytes="]),
        ("cnncalc check vgg16 --expect conv1", ["conv1_1.", "conv1_2."]),
        ("cnncalc check vgg16 --expect conv1_1.max_m", ["conv1_1.max_macs=", "conv1_1.max_memory="]),
        ("cnncalc shape -i 3x8x8 --batch 4 vgg1", ["vgg11", "vgg16", "vgg19"]),
        ("cnncalc shape conv", ["conv:", "conv1d:", "conv3d:", "convT:", "convT1d:", "convT3d:", "convnext_tiny"]),
        ("cnncalc shape CONVT", ["convT:", "convT1d:", "convT3d:"]),
        ("cnncalc shape relu", ["relu", "relu6"]),
        ("cnncalc shape 3x8x8 drop", ["dropout", "dropout:"]),
        ("cnncalc shape conv:1 vgg", []),
        ("cnncalc shape vgg16 ", []),
        ("cnncalc shape - ", []),
        ("cnncalc shape -- --f", []),
        ("cnncalc shape -- conv3", ["conv3d:"]),
        ("cnncalc shape 'conv3", ["conv3d:"]),
        ("cnncalc shape conv:64,k", ["conv:64,k="]),
        ("cnncalc shape Conv2d:64,k", ["Conv2d:64,k="]),
        ("cnncalc shape conv:64,nob", ["conv:64,nobias", "conv:64,nobias,"]),
        ("cnncalc shape conv:64,k7,k", []),
        ("cnncalc shape conv:64,kernel_size=7,k", []),
        ("cnncalc shape conv:64,p=sa", ["conv:64,p=same", "conv:64,p=same_upper", "conv:64,p=same_lower"]),
        ("cnncalc shape conv:64,padding=ful", ["conv:64,padding=full", "conv:64,padding=full,"]),
        ("cnncalc shape conv:64,bias=", ["conv:64,bias=true", "conv:64,bias=false"]),
        ("cnncalc shape conv:64,p=[[0,1],", []),
        ("cnncalc shape conv:64,nonsense=", []),
        ("cnncalc shape upsample:mode=b", ["upsample:mode=bilinear", "upsample:mode=bicubic"]),
        ("cnncalc shape nonsense:k", []),
        ("cnncalc learn dwconv1", ["dwconv1d", "dwconv1d:"]),
        ("cnncalc dense linear", ["linear:"]),
        ("cnncalc convert --wei", ["--weights-in", "--weights-out"]),
        ("cnncalc run --weights ", []),
        ("cnncalc zoo --format ", ["table", "json", "jsonl", "csv", "markdown", "tsv", "latex", "html"]),
        ("cnncalc zoo ", [*zoo.names()]),
        ("cnncalc zoo vgg16 re", ["resnet101", "resnet18", "resnet34", "resnet50", "resnext50_32x4d"]),
        ("cnncalc zoo --sort torch", ["torchinfo"]),
        ("cnncalc compare vgg16 mnas", ["mnasnet1_0"]),
        ("cnncalc compare --columns name,pa", ["name,params", "name,param_bytes"]),
        ("cnncalc shape --macs-as ptflops", ["ptflops-pytorch", "ptflops-aten"]),
        ("cnncalc zoo --m", ["--macs-as"]),
        ("cnncalc schema -", ["-o", "--output", "--debug", "-h", "--help"]),
        ("cnncalc completion ", ["bash", "zsh", "fish"]),
        ("cnncalc nonsense ", []),
        ("cnncalc nonsense --", []),
    ],
)
def test_what_is_offered(line: str, expected: list[str]) -> None:
    assert offered(line) == expected


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("cnncalc shape ", True),
        ("cnncalc shape 3x8x8 ", True),
        ("cnncalc shape netw", True),
        ("cnncalc shape conv:", False),
        ("cnncalc shape relu ", False),
        ("cnncalc shape vgg16 ", False),
        ("cnncalc shape -o ", True),
        ("cnncalc shape --output=", True),
        ("cnncalc shape --format ", False),
        ("cnncalc zoo ", False),
        ("cnncalc zoo vgg16 > ", True),
        ("cnncalc zoo vgg16 2>er", True),
        ("cnncalc ", False),
    ],
)
def test_where_a_file_can_stand(line: str, files: bool) -> None:
    assert offer(line).files is files


def test_the_keys_of_a_layer() -> None:
    common = {"name=", "from=", "times=", "tie=", "trainable=", "expect="}
    words = {"valid", "same", "same_upper", "same_lower", "full"}
    window = {"s=", "p=", "p_total=", "d="}
    conv = {"c_i=", "c_o=", "k=", "g=", "out=", "bias=", "nobias", "flip"} | window | words | common
    assert keys("conv:") == conv
    assert keys("conv1d:") == conv | {"causal"}
    assert keys("conv:64,k7,") == conv - {"c_o=", "k="}
    assert keys("conv:64,pt3,") == conv - {"c_o=", "p=", "p_total="} - words
    assert keys("conv:64,same,") == conv - {"c_o=", "p=", "p_total="} - words
    assert keys("conv:64,nobias,flip,") == conv - {"c_o=", "bias=", "nobias", "flip"}
    assert keys("conv:64,k=[1,2],p=[[0,1],[2,2]],") == conv - {"c_o=", "k=", "p=", "p_total="} - words
    assert keys("maxpool:3,name=stem,") == window | words | common - {"name="} | {"ceil", "out="}
    assert keys("pad:") == {"p=", "axis=", "mode=", "value="} | common
    assert keys("batchnorm:affine=false,") == {"c_i=", "eps="} | common
    assert keys("relu:") == common


@pytest.mark.parametrize("op", OPS)
def test_whatever_is_offered_can_be_read(op: str) -> None:
    cls, nd = OPS[op]
    for word in offered(f"cnncalc shape relu {op}:"):
        arg = word.partition(":")[2]
        if arg in FLAGS:
            assert parse_word(word)[1][0].key in cls.KEYS
            continue
        key = arg.removesuffix("=")
        assert arg == f"{key}="
        if key not in LAYER_KEYS:
            assert keys_named(cls, key) == (key,)
            for value in offered(f"cnncalc shape relu {word}"):
                cls.KEYS[key](parse_word(value)[1][0].value, nd)


PIECES = [
    "shape",
    "zoo",
    "conv",
    "maxpool",
    "pad",
    ":",
    ",",
    "=",
    "k",
    "p",
    "64",
    "x",
    "[",
    "]",
    '"',
    "'",
    "\\",
    " ",
    " ",
]
PIECES += [
    "-",
    "--",
    "--format",
    "--columns",
    "layer",
    "-o",
    "vgg16",
    ">",
    "3x8x8",
    "bias",
    "same",
    "\n",
    "\t",
    "é",
    "\0",
]


@given(
    st.sampled_from(["cnncalc ", "cnncalc shape ", "cnncalc shape conv:"]),
    st.lists(st.sampled_from(PIECES)).map("".join),
)
def test_every_line_has_an_answer(start: str, text: str) -> None:
    """No line is a bug, and a candidate continues the word at the cursor."""
    word = candidates.split(start + text)[-1].lower()
    assert all(found.lower().startswith(word) for found in offered(start + text))


def test_the_words_of_one_of_are_found() -> None:
    """They are in the closure of the reader: this test depends on how `one_of` is written."""
    assert offered("c shape pad:mode=") == [
        f"pad:mode={word}" for word in ("constant", "reflect", "replicate", "edge", "circular", "wrap")
    ]
    assert WORDS[one_of("a", "b")] == ("a", "b")


@pytest.mark.parametrize(
    "option",
    [
        *("run -x", "run --array", "run -w", "run --bias", "run --keep-all", "learn -y", "learn --init", "dense -o"),
        *("check --baseline", "convert --weights-in", "convert --weights-out", "convert --weights"),
    ],
)
def test_an_option_that_names_a_file_offers_files(option: str) -> None:
    assert offer(f"cnncalc {option} ").files
    assert not offer("cnncalc run --rows ").files


def test_options_commands_and_ops_say_what_they_are() -> None:
    assert offer("cnncalc zo").candidates[0].help == COMMANDS["zoo"]
    assert offer("cnncalc shape --exp").candidates[0].help == "Show each layer's arithmetic."
    assert all(candidate.help for candidate in offer("cnncalc shape relu ").candidates)


# The command


@pytest.mark.parametrize(("shell", "name"), completion.SCRIPTS.items())
def test_the_shipped_scripts_are_the_generated(shell: str, name: str) -> None:
    ended = here(["completion", shell])
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (ROOT / "completions" / name).read_text()
    first, second, *_ = ended.out.splitlines()
    assert f"# Completion of cnncalc for {shell}" in (first + second)
    assert "To install it" in (first + second)


def test_only_these_scripts_are_shipped() -> None:
    assert {path.name for path in (ROOT / "completions").iterdir()} == set(completion.SCRIPTS.values())


def test_an_unknown_shell_is_an_error() -> None:
    ended = here(["completion", "tcsh"])
    assert ended.code == 2
    assert "bash" in ended.err


def test_the_answer_to_a_script() -> None:
    assert here(["completion", "bash", "--line", "cnncalc shape conv:1,k"]).out == "words\nconv:1,k=\n"
    assert here(["completion", "bash", "--line", "cnncalc shape vgg11"]).out == "files\nvgg11\n"


def test_a_bug_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(line: str) -> None:
        raise ZeroDivisionError(line)

    monkeypatch.setattr(candidates, "offer", bug)
    ended = here(["completion", "zsh", "--line", "cnncalc shape "])
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_there_is_no_second_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Click's own completion, which does not know layer words, cannot be reached."""
    monkeypatch.setenv("_CNNCALC_COMPLETE", "bash_source")
    assert here(["completion", "bash"]).out.startswith("# Completion of cnncalc")


@pytest.mark.parametrize("line", ["cnncalc ", "cnncalc shape ", "cnncalc shape conv:64,", "cnncalc shape --columns "])
def test_an_answer_loads_neither_numpy_nor_rich(line: str) -> None:
    code = (
        "import sys; from cnncalc.cli import call\n"
        "assert call(['completion', 'bash', '--line', sys.argv[1]]) == 0\n"
        "assert not {'numpy', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, line], capture_output=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout
