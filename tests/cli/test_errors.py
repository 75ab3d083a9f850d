"""Invalid input of every kind: exit code 2, nothing on standard output, and the exact text."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from cnncalc.cli import COMMANDS
from cnncalc.cli._usage import OneOf
from tests.program import here

FORMAT_NAMES = "table, json, jsonl, csv, markdown, tsv, latex, html"
WORDS = [
    (
        "shape",
        (
            "no SPEC\n"
            "  give layers such as conv:64,k7,s2,p3 maxpool:k3, a file, a built-in network, or - for standard input"
        ),
    ),
    (
        "shape 3x5x5",
        "no layers: only a shape\n"
        "  give layers such as conv:64,k7,s2,p3 maxpool:k3, a file, a built-in network, or - for standard input",
    ),
    ("shpae vgg16", "unknown command 'shpae'\n  did you mean 'shape' or 'schema' or 'compare'?"),
    (
        "shape zzzz",
        "'zzzz' is not a layer, a file or a built-in network\n  zzzz\n  ^~~~\n"
        "  a layer is written conv:64,k7,s2,p3; for lists: cnncalc ops, cnncalc zoo",
    ),
    (
        "shape 3x5x5 upsample:x2,mode",
        "layers[0]: mode has no value\n  3x5x5 upsample:x2,mode\n                    ^~~~\n  write "
        "mode=nearest, mode=linear, mode=bilinear, mode=trilinear, mode=cubic or mode=bicubic",
    ),
    (
        "shape 3x5x5 batchnorm:affine",
        "layers[0]: affine has no value\n  3x5x5 batchnorm:affine\n                  ^~~~~~\n"
        "  write affine=true or affine=false",
    ),
    ("shape 3x5x5 conv:p,s", "layers[0]: 'p' has no number\n  3x5x5 conv:p,s\n             ^\n  write p1"),
    (
        "shape 3x5x5 conv:4,stride",
        "layers[0]: 'stride' has no number\n  3x5x5 conv:4,stride\n               ^~~~~~\n  write s2",
    ),
    (
        "shape 3x5x5 conv:4,same2",
        "layers[0]: same takes no number\n  3x5x5 conv:4,same2\n               ^~~~~\n  write same alone",
    ),
    (
        "shape 3x5x5 conv:1e3",
        "layers[0]: '1e3' is not a whole number\n  3x5x5 conv:1e3\n             ^~~\n"
        "  a bare number is c_o: write conv:1000",
    ),
    (
        "shape 3x5x5 opaque:out=10",
        "layers[0]: out: 10 is not a shape\n  3x5x5 opaque:out=10\n               ^~~~~~\n"
        "  a shape of one size is written [10]",
    ),
    (
        "shape 3x5x5 reshape:out=-1x15",
        "layers[0]: out: '-1x15' is not a list of numbers\n  3x5x5 reshape:out=-1x15\n                ^~~~~~~~~\n"
        "  write [-1,15]",
    ),
    (
        "shape 3x5x5 reshape:-1x15",
        "layers[0]: '-1x15' is not a bare number\n  3x5x5 reshape:-1x15\n                ^~~~~\n  write out=[-1,15]",
    ),
    ("shape 5x9 lstm:-1", "layers[0]: out: -1 is too small: the minimum is 1\n  5x9 lstm:-1\n           ^~"),
    (
        "shape 3x5x5 cnv:64 relu",
        "unknown op 'cnv'\n  3x5x5 cnv:64 relu\n        ^~~\n  did you mean 'conv' or 'convT' or 'dwconv'?",
    ),
    (
        "shape vgg17",
        "'vgg17' is not a layer, a file or a built-in network\n  vgg17\n  ^~~~~\n"
        "  did you mean 'vgg19' or 'vgg16' or 'vgg11'?",
    ),
    ("shape 3x5x5 conv", "layers[0]: conv needs c_o: conv:64\n  3x5x5 conv\n        ^~~~"),
    ("shape 3x5x5 conv:k3", "layers[0]: conv needs c_o: conv:64,k3\n  3x5x5 conv:k3\n        ^~~~~~~"),
    ("shape 3x5x5 maxpool", "layers[0]: maxpool needs k: maxpool:2\n  3x5x5 maxpool\n        ^~~~~~~"),
    (
        "shape 3x5x5 conv:64,q7",
        "layers[0]: conv has no 'q7'\n  3x5x5 conv:64,q7\n                ^~\n"
        "  conv has c_i, c_o, k, s, p, p_total, d, g, out, bias, flip, nobias, same, valid, full, causal, same_upper, "
        "same_lower, name, from, times, tie, trainable, expect",
    ),
    (
        "shape 3x5x5 conv:64,quality=3",
        "layers[0]: conv has no key 'quality'\n  3x5x5 conv:64,quality=3\n                ^~~~~~~~~\n"
        "  conv has the keys c_i, c_o, k, s, p, p_total, d, g, out, bias, flip, name, from, times, tie, trainable, "
        "expect",
    ),
    (
        "shape 3x5x5 conv:64,k0",
        "layers[0]: k: 0 is too small: the minimum is 1\n  3x5x5 conv:64,k0\n                ^~",
    ),
    (
        "shape 3x5x5 conv:64,k=-1",
        "layers[0]: k: -1 is too small: the minimum is 1\n  3x5x5 conv:64,k=-1\n                ^~~~",
    ),
    (
        "shape 3x5x5 conv:64,k=3.5",
        "layers[0]: k: 3.5 is not a whole number\n  3x5x5 conv:64,k=3.5\n                ^~~~~",
    ),
    (
        "shape 3x5x5 conv:64,k=3.0",
        "layers[0]: k: 3.0 is not a whole number\n  3x5x5 conv:64,k=3.0\n                ^~~~~\n  write 3",
    ),
    (
        "shape 3x5x5 conv:64,k=true",
        "layers[0]: k: true is not a whole number\n  3x5x5 conv:64,k=true\n                ^~~~~~",
    ),
    (
        "shape 3x5x5 conv:64,bias=2",
        "layers[0]: bias: 2 is not true or false\n  3x5x5 conv:64,bias=2\n                ^~~~~~",
    ),
    (
        "shape 3x5x5 conv:64,k3,k5",
        "layers[0]: 'k' is given twice\n  3x5x5 conv:64,k3,k5\n                   ^~\n  leave out one of them",
    ),
    (
        "shape 3x5x5 conv:64,k3,kernel_size=5",
        "layers[0]: 'k' is given twice, also as 'kernel_size'\n  3x5x5 conv:64,k3,kernel_size=5\n"
        "                   ^~~~~~~~~~~~~\n  leave out one of them",
    ),
    (
        "shape 3x5x5 conv:64,p1,pt2",
        "layers[0]: p and p_total are both given\n  3x5x5 conv:64,p1,pt2\n                ^~\n"
        "  p is per side, p_total the sum of both sides",
    ),
    (
        "shape 3x5x5 conv:64,k3x3x3",
        "layers[0]: k: 3 numbers for 2 axes\n  3x5x5 conv:64,k3x3x3\n                ^~~~~~\n"
        "  one number stands for all axes, or give one per axis",
    ),
    (
        "shape 3x5 conv1d:64,k3,p=[1,2]",
        "layers[0]: p: [1, 2] is two numbers for one axis\n  3x5 conv1d:64,k3,p=[1,2]\n                   ^~~~~~~\n"
        "  for before and after write [[1, 2]]",
    ),
    (
        "shape 3x5x5 conv:64,k3,p=smae",
        "layers[0]: p: unknown padding 'smae'\n  3x5x5 conv:64,k3,p=smae\n                   ^~~~~~\n"
        "  did you mean 'same'?",
    ),
    (
        "shape 3x5x5 conv:64,k3,",
        "layers[0]: an argument is empty\n  3x5x5 conv:64,k3,\n                   ^\n"
        "  there is one comma or colon too many",
    ),
    (
        "shape 3x5x5 conv:k3,64",
        "layers[0]: only the first argument may be a bare number (c_o); put it first: conv:64,k3\n  3x5x5 conv:k3,64\n"
        "                ^~",
    ),
    (
        "shape 3x5x5 relu:3",
        "layers[0]: relu takes no bare number\n  3x5x5 relu:3\n             ^\n  leave it out",
    ),
    (
        "shape 3x5x5 conv:64,kx",
        "layers[0]: 'kx' is not a number for k\n  3x5x5 conv:64,kx\n                ^~\n  as k3, k3x5",
    ),
    (
        "shape 3x5x5 conv:64,times=0",
        "layers[0]: times: 0 is not a number of repetitions\n  3x5x5 conv:64,times=0\n                ^~~~~~~\n"
        "  give a whole number of at least 1",
    ),
    (
        "shape 3x5x5 conv:64,times=2000000",
        "layers[0]: with times the network has 2,000,000 layers, more than 100,000\n  3x5x5 conv:64,times=2000000\n"
        "                ^~~~~~~~~~~~~\n  lower times, or write the layers out",
    ),
    (
        "shape 3x5x5 relu:name=a relu:name=a",
        "layers[1] 'a': 'a' is the name of a layer above\n  3x5x5 relu:name=a relu:name=a\n"
        "                    ^~~~~~~~~~~\n  give each layer a name of its own",
    ),
    (
        "shape 3x5x5 relu:name=a relu:from=b",
        "layers[1]: from: 'b' is not a layer\n  3x5x5 relu:name=a relu:from=b\n                         ^~~~~~",
    ),
    (
        "shape 3x5x5 relu:from=b relu:name=b",
        "layers[0]: from: the layers read each other: relu1 -> b -> relu1\n  3x5x5 relu:from=b relu:name=b\n"
        "             ^~~~~~\n  'b' has no from, so it reads 'relu1' above it: give it a from",
    ),
    (
        "shape 3x5x5 conv:64,k7",
        "layers[0] 'conv1': does not fit: floor((5 + 0 - 7)/1) + 1 < 1 on the height axis\n  3x5x5 conv:64,k7\n"
        "                ^~\n  the padded input (5) is smaller than the kernel (7): lower k to 5, or raise p to 1",
    ),
    (
        "shape 3x5x5 conv:64,c_i=4",
        "layers[0] 'conv1': expects 4 input channels, gets 3\n  3x5x5 conv:64,c_i=4\n                ^~~~~\n"
        "  remove c_i, set it to 3, or fix the layer before",
    ),
    (
        "shape 5x6x3 conv:64,c_i=3",
        "layers[0] 'conv1': expects 3 input channels, gets 5\n  5x6x3 conv:64,c_i=3\n                ^~~~~\n"
        "  if the channels of 5x6x3 come last, give --layout NHWC",
    ),
    (
        "shape 3x5x5 conv:64,g2",
        "layers[0] 'conv1': g=2 does not divide c_i=3: 3 = 1*2 + 1\n  3x5x5 conv:64,g2\n                ^~\n"
        "  divisors of both 3 and 64: 1",
    ),
    (
        "shape 3x5x5x5x5x5 relu",
        "the input 3x5x5x5x5x5 has 6 sizes; without a spatial layer\n  3x5x5x5x5x5 relu\n  ^~~~~~~~~~~\n"
        "  an input is H,W (one channel), C,H,W, or N,C,H,W",
    ),
    ("shape 0x5x5 relu", "0 is not a size, in '0x5x5'\n  0x5x5 relu\n  ^~~~~\n  a size is at least 1"),
    (
        "shape 3x99999999999999999999x5 relu",
        "99999999999999999999 is not a size, in '3x99999999999999999999x5'\n  3x99999999999999999999x5 relu\n"
        "  ^~~~~~~~~~~~~~~~~~~~~~~~\n  a size is at most 9,223,372,036,854,775,807",
    ),
    (
        "shape -i 3x-5x5 relu",
        "'-5' is not a size, in '3x-5x5'\n"
        "  a size is a whole number, or one letter (but not x) for an open size: 3x224x224, 3xHxW",
    ),
    (
        "shape -i 3x2.5x5 relu",
        "'2.5' is not a size, in '3x2.5x5'\n"
        "  a size is a whole number, or one letter (but not x) for an open size: 3x224x224, 3xHxW",
    ),
    ("shape 3x5x5 -i 3x6x6 relu", "two inputs: 3x5x5 as the first word, and -i 3x6x6\n  give one of them"),
    ("shape relu", 'no input shape\n  put one first (3x224x224), give -i 3x224x224, or "input" in the spec'),
    (
        "shape 2x3x5x5 conv:4 --batch 7",
        "the input 2x3x5x5 has a batch of 2 already\n  leave out --batch",
    ),
    (
        "shape 3x5x5 relu 3x4",
        "the shape 3x4 comes after a layer\n  3x5x5 relu 3x4\n             ^~~\n"
        "  a network has one such input, which comes first",
    ),
    (
        "shape 3x5x5 3x4 relu",
        "the shape 3x4 comes after another shape\n  3x5x5 3x4 relu\n        ^~~\n"
        "  a network has one such input, which comes first",
    ),
    (
        "shape conv 3x5x5 k3",
        (
            "the shape 3x5x5 comes after a layer\n"
            "  conv 3x5x5 k3\n       ^~~~~\n  a network has one such input, which comes first"
        ),
    ),
    ("check --list-codes --json", "--list-codes prints text\n  leave out the format json"),
    (
        "shape vgg16 relu",
        "'vgg16' is a whole network, so no layers can follow it\n  vgg16 relu\n  ^~~~~\n  leave out 'relu'",
    ),
    ("shape 3x5x5 relu --dialect pytorch", "unknown dialect 'pytorch'\n  did you mean 'torch'?"),
    ("shape 3x5x5 relu --layout CHW", "unknown layout 'CHW'\n  the layouts are NCHW and NHWC"),
    ("shape 3x5x5 relu --json --format csv", "csv and json are two formats\n  choose one of them"),
    ("shape 3x5x5 relu --columns name", None),
    (
        "shape lenet5 --columns out --json",
        "--columns applies only to rows: tables, CSV, Markdown\n  leave out --columns, or the format",
    ),
    (
        "shape lenet5 --explain --format tsv",
        "tsv has only rows, without room for --explain\n  use the table, Markdown or JSON",
    ),
    ("zoo vgg17", "there is no built-in network 'vgg17'\n  did you mean 'vgg19' or 'vgg16' or 'vgg11'?"),
]


@pytest.mark.parametrize(("line", "text"), WORDS, ids=[line for line, _ in WORDS])
def test_words(line: str, text: str | None) -> None:
    ended = here(line.split(" "))
    assert (ended.code, ended.out) == (2, "")
    if text is not None:
        assert ended.err == text + "\n"
    assert "Traceback" not in ended.err


USAGES = [
    ("--frobnicate", "unknown option '--frobnicate'\n  cnncalc --help lists the options"),
    ("--verison", "unknown option '--verison'\n  did you mean '--version'?"),
    ("--version=1", "--version takes no value\n  write --version alone"),
    ("-Vx", "unknown option '-x'\n  cnncalc --help lists the options"),
    ("-- --json", "unknown command '--json'\n  cnncalc --help lists the commands"),
    ("", "unknown command ''\n  cnncalc --help lists the commands"),
    ("shape 3x5x5 relu --frmat json", "unknown option '--frmat'\n  did you mean '--format' or '--at'?"),
    ("shape 3x5x5 relu --js", "unknown option '--js'\n  did you mean '--json' or '--jsonl'?"),
    ("shape 3x5x5 relu --helpp", "unknown option '--helpp'\n  did you mean '--help'?"),
    (
        "shape 3x5x5 relu --no-json",
        "unknown option '--no-json'\n  did you mean '--json' or '--jsonl' or '--no-color'?",
    ),
    ("shape 3x5x5 relu --nope=3", "unknown option '--nope'\n  cnncalc shape --help lists the options"),
    ("shape 3x5x5 relu --\x1b[31m", "unknown option '--\\x1b[31m'\n  cnncalc shape --help lists the options"),
    ("shape 3x5x5 relu --o'clock", "unknown option '--o'clock'\n  cnncalc shape --help lists the options"),
    ("shape 3x5x5 relu -Z", "unknown option '-Z'\n  cnncalc shape --help lists the options"),
    ("shape 3x5x5 relu -qZ", "unknown option '-Z'\n  cnncalc shape --help lists the options"),
    ("shape 3x5x5 relu -json", "unknown option '-json'\n  did you mean '--json'?"),
    ("shape 3x5x5 relu -q=1", "unknown option '-='\n  cnncalc shape --help lists the options"),
    ("shape 3x5x5 relu --json=1", "--json takes no value\n  write --json alone"),
    ("shape --help=1", "--help takes no value\n  write --help alone"),
    ("shape 3x5x5 relu --quiet=", "--quiet takes no value\n  write --quiet alone"),
    ("shape relu -i", "-i needs a value\n  give -i SHAPE"),
    ("shape relu --input", "--input needs a value\n  give --input SHAPE"),
    ("shape relu -qi", "-i needs a value\n  give -i SHAPE"),
    (
        "shape 3x5x5 relu --format",
        f"--format needs a value\n  choose one of {FORMAT_NAMES}",
    ),
    ("check vgg16 --expect", "--expect needs a value\n  give --expect KEY=VALUE"),
    ("learn conv --lr", "--lr needs a value\n  give --lr RATE"),
    (
        "shape 3x5x5 relu --format jsno",
        f"--format: 'jsno' is not one of {FORMAT_NAMES}\n  did you mean 'json' or 'jsonl'?",
    ),
    (
        "shape 3x5x5 relu --format JSON",
        f"--format: 'JSON' is not one of {FORMAT_NAMES}\n  did you mean 'json' or 'jsonl'?",
    ),
    ("shape 3x5x5 relu --format=", f"--format: '' is not one of {FORMAT_NAMES}"),
    ("shape 3x5x5 relu --color=7", "--color: '7' is not one of auto, always, never"),
    ("convert vgg16 --to spce", "--to: 'spce' is not one of spec, keras, onnx, torch\n  did you mean 'spec'?"),
    ("completion powershell", "SHELL: 'powershell' is not one of bash, zsh, fish"),
    ("completion --liner x", "unknown option '--liner'\n  cnncalc completion --help lists the options"),
    ("completion", "SHELL is missing\n  choose one of bash, zsh, fish"),
    ("completion bash zsh", "unexpected argument 'zsh'\n  cnncalc completion --help shows the usage"),
    ("schema it's", "unexpected argument 'it's'\n  cnncalc schema --help shows the usage"),
    ("zoo vgg11 vgg17", "there is no built-in network 'vgg17'\n  did you mean 'vgg19' or 'vgg16' or 'vgg11'?"),
    ("zoo vgg16 --format csv", "a spec is JSON, not csv\n  for a row of figures: cnncalc compare vgg16 --format csv"),
    (
        "compare",
        "no SPEC\n  give networks, one word each; layer words go in quotes: "
        "cnncalc compare '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'",
    ),
    (
        "compare vgg16 vgg11 --names Ours",
        "--names has 1 name, and there are 2 networks\n  give one name per network, separated by commas",
    ),
    (
        "zoo --brief --json",
        "--brief rounds numbers for people, but json is for programs\n  leave out --brief, or the format",
    ),
    ("compare - -", "standard input can be only one of the networks\n  give files for the others"),
    ("compare vgg16 --columns layer", "there is no column 'layer'\n  did you mean 'layers'?"),
    (
        "compare vgg16 --macs-as ptflops",
        "no rules for the MACs of 'ptflops'\n  did you mean 'ptflops-aten' or 'calflops' or 'ptflops-pytorch'?",
    ),
    (
        "shape vgg16 --macs-as flopth",
        "no rules for the MACs of 'flopth'\n"
        "  the tools are torchinfo, fvcore, thop, ptflops-pytorch, ptflops-aten, calflops",
    ),
    (
        "compare vgg16 --json --columns macs",
        "--columns applies only to rows: tables, CSV, Markdown\n  leave out --columns, or the format",
    ),
    ("shape 3x5x5 relu --batch 0", "--batch: 0 is too small: the minimum is 1"),
    ("shape 3x5x5 relu --batch 1.5", "--batch: '1.5' is not a whole number"),
    ("shape 3x5x5 relu --batch=", "--batch: '' is not a whole number"),
    ("shape 3x5x5 relu --batch " + "9" * 5000, f"--batch: '{'9' * 58}… is not a whole number"),
    ("dense conv -i 5x5 --seed -1", "--seed: -1 is too small: the minimum is 0"),
    ("run relu", "-x/--array is missing\n  give -x X.npy"),
    ("learn conv -x x.npy", "-y/--target is missing\n  give -y Y.npy"),
    ("learn conv -x x.npy -y y.npy --lr 0", "--lr: '0' is not a finite number above 0"),
    ("learn conv -x x.npy -y y.npy --lr nan", "--lr: 'nan' is not a finite number above 0"),
    ("learn conv -x x.npy -y y.npy --lr fast", "--lr: 'fast' is not a finite number above 0"),
    ("learn conv -x x.npy -y y.npy --steps ten", "--steps: 'ten' is not a whole number"),
    ("learn conv -x x.npy -y y.npy --log-every 0", "--log-every: 0 is too small: the minimum is 1"),
]
"""Usage errors with our own texts, which are the same with every version of click."""


@pytest.mark.parametrize(("line", "text"), USAGES, ids=[line[:40] for line, _ in USAGES])
def test_wrong_usage(line: str, text: str) -> None:
    assert here(line.split(" ")) == (2, "", text + "\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_words_wrong_usage_itself(name: str) -> None:
    text = f"unknown option '--zzz'\n  cnncalc {name} --help lists the options\n"
    assert here([name, "--zzz"]) == (2, "", text)


def test_what_click_may_yet_find_wrong_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: OneOf, value: str, param: click.Parameter, ctx: click.Context) -> str:
        if param.name == "target":
            raise click.BadParameter(f"{value} is odd", ctx, param)
        return value

    monkeypatch.setattr(OneOf, "convert", fail)
    text = "Invalid value for '--to': torch is odd\n  cnncalc convert --help shows the usage\n"
    assert here(["convert", "vgg16", "--to", "torch"]) == (2, "", text)


@pytest.mark.parametrize("line", [[], ["--"]])
def test_no_command_is_wrong_usage_and_shows_the_help(line: list[str]) -> None:
    assert here(line) == (2, "", here(["--help"]).out)


A_SPEC = 'a spec is JSON, for example [{"op": "conv", "c_o": 64, "k": 7}]'
A_NETWORK = "a network is a subclass of torch.nn.Module or a Keras model"
A_NAME = "expecting property name enclosed in double quotes"
QUOTED = 'put names and strings in double quotes: {"op": "relu"}'
DOCUMENTS = [
    ("", f"-:1:1: is empty\n  {A_SPEC}"),
    (" \n\t", f"-:1:1: is empty\n  {A_SPEC}"),
    ("[]", "-:1:1: no layers: the list is empty\n  give at least one layer"),
    ('{"layers": []}', "-:1:2: no layers: the list is empty\n  give at least one layer"),
    ("{}", '-:1:1: no layers\n  a spec needs the key "layers", a list of layers'),
    ("5", "-:1:1: 5 is not a spec\n  a spec is an object with layers, or a list of layers"),
    (
        '"Sequential(\\n  (0): ReLU()\\n)"',
        "-:1:1: 'Sequential(\\n  (0): ReLU()\\n)' is not a spec\n"
        "  to read the text in it: jq -r . FILE | cnncalc shape -",
    ),
    (
        '{"model": "Sequential((0): ReLU())"}',
        "-:1:2: unknown key 'model'\n  to read the text in it: jq -r .model FILE | cnncalc shape -",
    ),
    ("null", "-:1:1: null is not a spec\n  a spec is an object with layers, or a list of layers"),
    ('[{"op": "relu"}', "-:1:16: not JSON: expecting ',' delimiter"),
    ('[{"op": "relu"},]', "-:1:17: not JSON: expecting value\n  remove the comma before ] or }"),
    ("[{'op': 'relu'}]", f"-:1:3: not JSON: {A_NAME}\n  {QUOTED}"),
    ("[{op: 1}]", f"-:1:3: not JSON: {A_NAME}\n  {QUOTED}"),
    ('3x8x9\n [{"op": relu}]', f"-:2:10: not JSON: expecting value\n  {QUOTED}"),
    ('[{"op": relu}]', f"-:1:9: not JSON: expecting value\n  {QUOTED}"),
    ("[\n // a\n]", "-:2:2: not JSON: expecting value\n  JSON has no comments; layer words may have them, after #"),
    ('[{"op": "conv", "bias": True}]', "-:1:25: not JSON: expecting value\n  JSON spells these true, false and null"),
    (
        '[{"op": "relu"} {"op": "relu"}]',
        "-:1:17: not JSON: expecting ',' delimiter\n  separate values with commas",
    ),
    (
        '[{"op": "relu"}]\n[]',
        (
            "-:2:1: a second document after the first\n"
            "  for one spec per line: cnncalc shape --jsonl, cnncalc check --jsonl"
        ),
    ),
    (
        '[{"op": "relu"}] []',
        "-:1:18: a second document after the first\n"
        "  put them on separate lines; for one spec per line: cnncalc shape --jsonl, cnncalc check --jsonl",
    ),
    ('[{"op": "relu"}],\n', "-:1:17: ',' after the document\n  leave it out"),
    *[
        (
            f"3x8x9 relu\n{second}\n",
            "-:2:1: a second network after the first\n"
            "  for one spec per line: cnncalc shape --jsonl, cnncalc check --jsonl",
        )
        for second in ("3x8x9 conv:5", "lenet5")
    ],
    *[
        (
            text,
            "-:1:1: not a network: neither JSON, layer words, Python source nor a print-out\n"
            f"  {A_SPEC}; layer words are 3x224x224 conv:64,k7,s2",
        )
        for text in ("3 conv", "hello world", "# nothing", '"conv"x')
    ],
    ('\n"""A network."""\nimport torch', f"- has no network\n  {A_NETWORK}"),
    ('{"error": {"message": "boom"}}', "-:1:2: boom"),
    (
        '{"error": {"message": "g=2 does not divide 3", "help": "change g", "layer": "layers[0]", "line": 7}}',
        "-:1:2: layers[0]: g=2 does not divide 3\n  change g",
    ),
    ('{"error": "boom", "layers": []}', "-:1:2: unknown key 'error'"),
    ('[\n {"op": "relu",\n  "op": "relu"}]', "-:3:3: 'op' is given twice\n  leave out one of them"),
    ('[{"op": "elu", "alpha": NaN}]', "-:1:25: NaN is not a number that JSON can hold"),
    ('[{"op": "elu", "alpha": -Infinity}]', "-:1:25: -Infinity is not a number that JSON can hold"),
    ('[{"op": "elu", "alpha": 1e400}]', "-:1:25: 1e400 is not a number that JSON can hold"),
    ('[{"op": "elu", "alpha": 1e400a}]', "-:1:30: not JSON: expecting ',' delimiter"),
    (
        '[{"op":"block","layers":' * 101 + '[{"op":"relu"}]' + "}]" * 101,
        f"-:1:{100 * 24 + 2}: {'layers[0].' * 4}….layers[0]: blocks are nested more than 100 deep",
    ),
    ("[" * 100_000, "-:1:1: nested too deeply\n  a spec is a list of layers"),
    (
        '{"input": [3, 5, 7], "layers": [1]}',
        '-:1:33: layers[0]: 1 is not a layer\n  a layer is an object, for example {"op": "relu"}',
    ),
    (
        '["conv:8,k3,relu", {"op": "relu"}]',
        "-:1:2: layers[0]: 'conv:8,k3,relu' is not a layer\n"
        '  write it as {"op": "conv", "c_o": 8, "k": 3}, {"op": "relu"}',
    ),
    (
        '{"layers": ["Conv2d(3, 8, 3)"]}',
        "-:1:13: layers[0]: 'Conv2d(3, 8, 3)' is not a layer\n"
        '  write it as {"op": "conv", "c_i": 3, "c_o": 8, "k": 3}',
    ),
    ('["cnv"]', '-:1:2: layers[0]: \'cnv\' is not a layer\n  a layer is an object, for example {"op": "relu"}'),
    (
        '{"layers": 5}',
        '-:1:2: layers is 5, not a list\n  for example [{"name": "conv1", "op": "conv", "c_o": 64, "k": 7}]',
    ),
    (
        '{"layers": "conv:8,k3 relu"}',
        "-:1:2: layers is 'conv:8,k3 relu', not a list\n"
        '  write it as [{"op": "conv", "c_o": 8, "k": 3}, {"op": "relu"}]',
    ),
    (
        '{"layers": [{"name": "relu", "type": "Conv2d"}]}',
        '-:1:13: layers[0] \'relu\': a layer without an op\n  the key is op: "op": "Conv2d", not type',
    ),
    ('{"layers": [{"k": 5}]}', '-:1:13: layers[0]: a layer without an op\n  for example {"op": "conv", "c_o": 64}'),
    (
        '{"layers": [{"op": "cnv"}]}',
        "-:1:14: layers[0]: unknown op 'cnv'\n  did you mean 'conv' or 'convT' or 'dwconv'?",
    ),
    ('{"layers": [{"op": 5}]}', "-:1:14: layers[0]: unknown op 5\n  for the list of ops: cnncalc ops"),
    ('{"inptu": 1, "layers": [{"op": "relu"}]}', "-:1:2: unknown key 'inptu'\n  did you mean 'input'?"),
    (
        '{"cnncalc": 2, "layers": [{"op": "relu"}]}',
        "-:1:2: unknown version 2 of the spec\n  this is version 1",
    ),
    ('{"dialect": "tf", "layers": [{"op": "relu"}]}', None),
    (
        '{"input": [3, 0, 7], "layers": [{"op": "relu"}]}',
        "-:1:2: 0 is not a size, in [3, 0, 7]\n  a size is at least 1",
    ),
    (
        '{"input": [3, true, 7], "layers": [{"op": "relu"}]}',
        "-:1:2: true is not a size, in [3, true, 7]\n"
        "  a size is a whole number, or one letter (but not x) for an open size: 3x224x224, 3xHxW",
    ),
    (
        '{"input": [3, 5, 7],\n "layers": [\n  {"op": "relu"},\n'
        '  {"op": "conv", "name": "stem",\n   "c_o": 4, "kernel_size": 9}]}',
        "-:5:14: layers[1] 'stem': does not fit: floor((5 + 0 - 9)/1) + 1 < 1 on the height axis\n"
        "  the padded input (5) is smaller than the kernel (9): lower k to 5, or raise p to 2",
    ),
    (
        '[{"op": "conv", "c_o": 4, "k": "3"}]',
        "-:1:27: layers[0]: k: '3' is not a whole number\n  write it without quotes: 3",
    ),
    (
        '[{"op": "conv", "c_o": 4, "name": ""}]',
        "-:1:27: layers[0] '': '' is not a name\n  a name has only printable characters, at most 255",
    ),
    (
        '[{"op": "conv", "c_o": 4, "pads": [1, 2, 3]}]',
        "-:1:27: layers[0]: pads: [1, 2, 3] is not ONNX's pads\n  first the begins of all axes, then their ends",
    ),
    (
        '{"op": "conv", "c_o": 4, "c_i": 3, "k": [1, 2, 3]}',
        "-:1:36: layers[0]: k: 3 numbers for 2 axes\n  one number stands for all axes, or give one per axis",
    ),
]


@pytest.mark.parametrize(("text", "error"), DOCUMENTS, ids=[repr(text[:40]) for text, _ in DOCUMENTS])
def test_documents(text: str, error: str | None) -> None:
    ended = here(["shape", "-"], stdin=text)
    assert ended.code == 2
    assert ("\n" in ended.out) is ('"op": "relu"' in text and "layers[1]" in ended.err)  # without the layers before
    if error is not None:
        assert ended.err == error + "\n"


def test_a_byte_order_mark_and_crlf_keep_the_columns_right() -> None:
    text = '\ufeff{"input": [3, 5, 7],\r\n "layers": [\r\n {"op": "conv", "c_o": 1, "g": 2}]}'
    ended = here(["shape", "-"], stdin=text)
    assert ended.err.startswith("-:3:27: layers[0] 'conv1': g=2 does not divide")


def test_files_that_are_none(tmp_path: Path) -> None:
    binary = tmp_path / "net.json"
    binary.write_bytes(b"\x89PNG\r\n")
    bytes_ = tmp_path / "net2.json"
    bytes_.write_bytes(b"\xff\x00\x01")
    missing = tmp_path / "nett.json"
    for path, text in [
        (str(tmp_path), f"'{tmp_path}' is a directory\n  name a file in it\n"),
        (
            str(binary),
            f"'{binary}' is a picture, not a network\n  to run a network on its pixels: cnncalc help arrays\n",
        ),
        (str(bytes_), f"'{bytes_}' is not text: byte 0xff at offset 0 is not UTF-8\n  a spec is JSON\n"),
    ]:
        ended = here(["shape", path])
        assert (ended.code, ended.out, ended.err) == (2, "", text)
    ended = here(["shape", str(missing)])
    assert ended.code == 2
    assert ended.err.startswith(f"there is no file '{missing}'\n")
    assert ended.err.endswith(f"  did you mean '{tmp_path}/net.json' or '{tmp_path}/net2.json'?\n")


def test_names_cannot_carry_escape_codes() -> None:
    ended = here(["shape", "-"], stdin=json.dumps([{"op": "relu", "name": "\x1b[31mred"}]))
    assert ended.code == 2
    assert "\x1b" not in ended.err


def test_a_number_of_too_many_digits() -> None:
    ended = here(["shape", "-"], stdin='[{"op": "conv", "c_o": ' + "9" * 5000 + "}]")
    assert ended.code == 2
    assert "is not a number that JSON can hold" in ended.err
    assert len(ended.err) < 200
