"""Every option of every command has an effect: the output, the files or the answer change, or it is refused."""

from __future__ import annotations

import errno
import io
import json
import ntpath
import os
import shlex
import shutil
from contextlib import chdir
from pathlib import Path

import click
import numpy as np
import pytest

from cnncalc.checks.baseline import Baseline
from cnncalc.checks.expect import FIGURES
from cnncalc.checks.findings import Result
from cnncalc.cli import COMMANDS, _terminal, group
from cnncalc.cli._terminal import Settings, style_of
from cnncalc.execute.sinks import save_all
from cnncalc.outputs import is_closed_pipe
from tests.program import Ended, here, posix

NETWORK = '{"input": [1, 5, 6], "layers": [{"op": "conv", "c_o": 2, "k": 2}, {"op": "maxpool", "k": 2}]}'
BOUNDED = [name for name, figure in FIGURES.items() if not figure.is_shape]
"""The figures that can be bounded."""
BASE = {
    "shape": "net.json",
    "rf": "net.json",
    "solve": "maxpool -i 7x6 --out 3x3",
    "run": "conv:s1 -x x.npy -w w.npy",
    "learn": "conv:1,k2 -x x.npy -y y.npy --steps 4",
    "dense": "conv -w w.npy -i 3x4",
    "diff": "net.json other.json",
    "compare": "net.json other.json",
    "show": "net.json",
    "check": "net.json",
    "convert": "net.json",
    "ops": "conv",
    "zoo": "lenet5 alexnet",
    "help": "words",
    "schema": "",
    "completion": "bash",
}
"""A command line for each command, to which an option is added."""
SHARED = {
    "--json": "--json",
    "--output": "-o written",
    "--layout": "--layout NHWC",
    "--dialect": "--dialect torch",
    "--batch": "--batch 3",
    "--input": "-i 1x9x7",
    "--color": "--color always",
    "--no-color": "--color always | --no-color",
    "--seed": "--seed 7",
}
"""What is added to the command line for an option, unless EFFECTS says something else."""
EFFECTS = {
    "shape --dialect": "same.json | --dialect torch",
    "shape --explain": "--explain",
    "shape --dtype": "--dtype float16",
    "shape --jsonl": "--jsonl",
    "shape --format": "--format csv",
    "shape --columns": "--columns layer,k",
    "shape --sort": "--sort field",
    "shape --top": "--top 1",
    "shape --only": "--only conv",
    "shape --depth": "nested.json | --depth 2",
    "shape --fold": "1x5x6 relu:times=2 | --fold",
    "shape --get": "--get params",
    "shape --hints": "--hints",
    "compare --hints": "'1x5x5 maxpool:2' '1x6x6 maxpool:2' | --hints",
    "shape --annotate": "net.py -i 1x5x6 | --annotate",
    "shape --at": "conv:2 -i 1xHxW | --at H=5",
    "shape --until": "--until conv1",
    "shape --after": "--after conv1",
    "rf --unit": "--unit 0,1",
    "rf --from-pixel": "--from-pixel 0,1",
    "rf --of": "net.json --unit 0,1 | --of conv1",
    "rf --paths": "net.json | --paths",
    "rf --effective": "--effective",
    "rf --verify": "net.json | --verify",
    "rf --explain": "net.json | --explain",
    "rf --in": "net.json --unit 0,1 | --in conv1",
    "rf --phases": "1x5x6 convT:1,k3,s2 | --phases",
    "rf --format": "--format csv",
    "rf --dialect": "same.json | --dialect keras",
    "rf --layout": "1x5x6 flatten | --layout NHWC",
    "rf --batch": "--batch 3 --json",
    "rf --input": "conv:2,k2,p1 -i 1x5x6 | -i 1x9x7",
    "rf --until": "--until conv1",
    "rf --after": "--after conv1",
    "rf --quiet": "report.json -i 1x7x8 | -q",
    "solve --out": "--out 4x4",
    "solve --k": "--k 1..2",
    "solve --s": "--s 1..2",
    "solve --p": "--p 0..1",
    "solve --d": "--d 1",
    "solve --out-pad": "convT:s3 -i 5 --out 15 | --out-pad 0",
    "solve --top": "--top 2",
    "solve --format": "--format csv",
    "solve --dialect": "--dialect torch",
    "solve --layout": "maxpool -i 7x6x5 --out 3x3 | --layout NHWC",
    "solve --least": "net.json | --least",
    "solve --clean": "net.json | --clean",
    "solve --fit": "net.json | --fit 8",
    "solve --rf": "conv:k3 maxpool:2 | --rf 9",
    "solve --by": "conv:k3 conv:k5 --rf 9 | --by params",
    "solve --features": "1xHxW flatten linear:2 | --features 12",
    "solve --until": "1x7x7 maxpool:2 relu lppool:2 --out 3 | --until relu1",
    "solve --after": "1x7x7 lppool:2 relu maxpool:2 --out 3 | --after relu1",
    "solve --quiet": "report.json -i 1x7x8 --out 3 | -q",
    "solve --input": "maxpool --out 3 -i 7 | -i 6",
    "run --until": "conv:1,k2 relu -x x.npy -w w.npy | --until conv1",
    "run --after": "relu conv:1,k2 -x x.npy -w w.npy | --after relu1",
    "learn --until": "conv:1,k2 relu -x x.npy -y y.npy --steps 4 | --until conv1",
    "learn --after": "relu conv:1,k2 -x x.npy -y y.npy --steps 4 | --after relu1",
    "dense --until": "conv:1,k2 avgpool:2 -w w.npy -i 3x4 | --until conv1",
    "dense --after": "avgpool:1,s2 conv:1,k2 -w w.npy -i 5x6 | --after avgpool1",
    "diff --until": "--until conv1",
    "diff --after": "--after conv1",
    "check --until": "net.json --expect out=2x2x2 | --until conv1",
    "check --after": "net.json --expect in=1x5x6 | --after conv1",
    "convert --until": "--until conv1",
    "convert --after": "--after conv1",
    "shape --quiet": "report.json -i 1x7x8 | -q",
    "shape --color": "--color always",
    "run --array": "conv:s1 -w w.npy | -x x.npy",
    "run --weights": "conv:1,k2 -x x.npy | -w w.npy",
    "run --bias": "-b b.npy",
    "run --seed": "conv:1,k2 -x x.npy | --seed 7",
    "run --keep": "--keep conv1",
    "run --keep-all": "--keep-all maps",
    "run --color": "-v | --color always",
    "run --no-color": "-v --color always | --no-color",
    "dense --color": "-v | --color always",
    "dense --no-color": "-v --color always | --no-color",
    "run --rows": "conv -x batch.npy -w w.npy | --rows 0:1",
    "run --memory": "--memory 1",
    "run --no-fusion": "conv:9,k2,bn -x x.npy --seed 1 -o y.npy | --no-fusion",
    "run --dialect": "maxpool:k2 -x x.npy | --dialect caffe",
    "run --layout": "maxpool:k2 -x cube.npy | --layout NHWC",
    "run --quiet": "-v | -q",
    "run --verbose": "-v",
    "learn --array": "conv:1,k2 -y y.npy | -x x.npy",
    "learn --target": "conv:1,k2 -x x.npy | -y y.npy",
    "learn --lr": "--lr 0.001",
    "learn --steps": "--steps 2",
    "learn --log-every": "--log-every 2",
    "learn --init": "--init w.npy",
    "learn --exact": "--exact",
    "learn --dialect": "conv:1,k2,p=same -x x.npy -y x.npy | --dialect caffe",
    "learn --layout": "conv:2,k2 -x cube.npy -y maps.npy --lr 0.001 --steps 2 | --layout NHWC",
    "learn --quiet": "-q",
    "dense --weights": "conv:1,k2 -i 3x4 | -w w.npy",
    "dense --seed": "conv:1,k2 -i 3x4 | --seed 7",
    "dense --input": "conv -w w.npy | -i 3x4",
    "dense --dialect": "avgpool:k2 -i 1x5x5 | --dialect caffe",
    "dense --layout": "avgpool:k2 -i 1x5x6 | --layout NHWC",
    "dense --quiet": "-v | -q",
    "dense --verbose": "-v",
    "check --forbid": "1x5x5 maxpool:2 | --forbid dropped-pixels",
    "diff --stat": "--stat",
    "diff --exit-code": "--exit-code",
    "diff --format": "--format markdown",
    "diff --dialect": "same.json other.json | --dialect keras",
    "diff --quiet": "report.json other.json -i 1x7x8 | -q",
    "check --expect": "--expect out=3",
    "check --dtype": "net.json --expect memory=1 | --dtype int8",
    **{f"check --min-{name.replace('_', '-')}": f"--min-{name.replace('_', '-')} 1G" for name in BOUNDED},
    **{f"check --max-{name.replace('_', '-')}": f"--max-{name.replace('_', '-')} 1G" for name in BOUNDED},
    "check --strict": "--strict",
    "check --baseline": "--baseline lock.json",
    "check --update": "net.json --baseline lock.json | --update",
    "check --list-codes": "--list-codes",
    "check --jsonl": "--jsonl",
    "check --format": "--format junit",
    "check --input": "-i 1x1x1",
    "check --batch": "net.json --expect out=2x2x2 | --batch 3",
    "check --dialect": "same.json | --dialect all",
    "check --layout": "net.json --expect out=2x2x2 | --layout NHWC",
    "check --quiet": "folder | -q",
    "convert --to": "--to torch",
    "convert --weights-in": "net.json --to onnx -o net.onnx | -w w.npz",
    "convert --weights-out": "weighted.onnx | --weights-out found.npz",
    "convert --weights": "weighted.onnx | --weights found.npz",
    "convert --color": "report.json -i 1x7x8 | --color always",
    "convert --no-color": "report.json -i 1x7x8 --color always | --no-color",
    "convert --quiet": "report.json -i 1x7x8 | -q",
    "ops --format": "--format markdown",
    "help --quiet": "summary | -q",
    "shape --macs-as": "--macs-as torchinfo",
    "compare --format": "--format csv",
    "compare --dialect": "same.json | --dialect keras",
    "compare --until": "--until conv1",
    "compare --after": "--after conv1",
    "compare --dtype": "--dtype float16",
    "compare --macs-as": "--macs-as torchinfo",
    "compare --columns": "--columns network,flops",
    "compare --sort": "--sort output",
    "compare --top": "--top 1",
    "compare --brief": "resnet18 | --brief",
    "compare --names": "--names old,new",
    "compare --quiet": "report.json -i 1x7x8 | -q",
    "show --dialect": "same.json | --dialect torch",
    "show --step": "conv:k2 -i 3x3 | --step 2",
    "show --channel": "conv:3,k2 -i 3x3 | --channel 2",
    "show --array": "conv:k2 | -x x.npy",
    "show --weights": "conv -x x.npy | -w w.npy",
    "show --bias": "conv -x x.npy -w w.npy | -b b.npy",
    "show --unit": "--unit 1,1",
    "show --of": "net.json --unit 1,1 | --of conv1",
    "show --in": "net.json --unit 1,1 | --in conv1",
    "show --depth": "nested.json | --depth 2",
    "show --fold": "1x5x6 relu:times=2 | --fold",
    "show --ascii": "--ascii",
    "show --to": "--to mermaid",
    "show --until": "--until conv1",
    "show --after": "--after conv1",
    "show --quiet": "report.json -i 1x7x8 | -q",
    "zoo --format": "--format csv",
    "zoo --dialect": "--dialect caffe",
    "zoo --until": "alexnet vgg11 | --until conv1",
    "zoo --after": "alexnet vgg11 | --after conv1",
    "zoo --dtype": "--dtype float16",
    "zoo --macs-as": "--macs-as torchinfo",
    "zoo --columns": "--columns network,flops",
    "zoo --sort": "--sort macs",
    "zoo --top": "--top 1",
    "zoo --brief": "--brief",
    "completion --line": "--line 'cnncalc sh'",
}
"""The effect of each option: what is added to the command's base, or `LINE | ADDED` to another line."""


def parameters() -> list[tuple[str, click.Option]]:
    """Return every option of every command, except --help."""
    commands = [(name, group.get_command(click.Context(group), name)) for name in COMMANDS]
    return [
        (name, option)
        for name, command in commands
        if command is not None
        for option in command.params
        if isinstance(option, click.Option)
    ]


def long_name(option: click.Option) -> str:
    """Return the option as the tables call it."""
    return max(option.opts, key=len)


def write_files() -> None:
    """Write the files of the command lines to the current folder."""
    draw = np.random.default_rng(1).standard_normal
    x, w = draw((5, 6)), draw((2, 2))
    arrays = {"x": x, "w": w, "b": np.ones(1), "y": draw((4, 5)), "batch": draw((3, 1, 5, 6))}
    arrays |= {"cube": draw((4, 5, 6)), "maps": draw((2, 4, 5))}
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    save_all("w.npz", {"conv1.weight": draw((2, 1, 2, 2)), "conv1.bias": draw(2)})
    texts = {
        "net.json": NETWORK,
        "other.json": NETWORK.replace('"k": 2}]', '"k": 1}]'),
        "same.json": '{"input": [1, 5, 6], "layers": [{"op": "conv", "c_o": 2, "k": 2, "s": 2, "p": "same"}]}',
        "nested.json": json.dumps(
            {"input": [1, 5, 6], "layers": [{"op": "block", "layers": json.loads(NETWORK)["layers"]}]}
        ),
        "net.py": "from torch import nn\nnet = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU())\n",
        "folder/net.json": NETWORK,
        "folder/package.json": "{}",
        "report.json": here(["shape", "1x5x6", "conv:2,k2,p=same", "--json"]).out,
    }
    Path("folder").mkdir()
    for name, text in texts.items():
        Path(name).write_text(text, encoding="utf-8")
    assert here(["check", "net.json", "--baseline", "lock.json", "--update"]).code == 0
    Path("lock.json").write_text(Path("lock.json").read_text().replace("12", "13"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the original files of the command lines."""
    folder = tmp_path_factory.mktemp("written")
    with chdir(folder):
        write_files()
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files of the command lines."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def outcome(line: str, folder: Path) -> tuple[Ended, dict[str, bytes]]:
    """Return how a command ends, and the files that exist then; the files are restored afterwards."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ended = here(shlex.split(line))
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path in after.keys() - before.keys():
        path.unlink()
    for path, data in before.items():
        path.write_bytes(data)
    return ended, {str(path): data for path, data in after.items() if before.get(path) != data}


PARAMETERS = [(name, option) for name, option in parameters() if long_name(option) != "--debug"]


@pytest.mark.parametrize(
    ("command", "option"), PARAMETERS, ids=[f"{name} {long_name(option)}" for name, option in PARAMETERS]
)
def test_an_option_does_something(command: str, option: click.Option, folder: Path) -> None:
    if any("onnx" in EFFECTS.get(f"{command} {name}", "") for name in option.opts):
        pytest.importorskip("onnx")
        weights = "-w w.npz -o weighted.onnx"
        assert here(["convert", "1x5x6", "conv:2,k2", "--to", "onnx", *weights.split()]).code == 0
    name = long_name(option)
    effect = EFFECTS.get(f"{command} {name}") or SHARED[name]
    line, _, added = effect.rpartition(" | ")
    base = f"{command} {BASE[command] if not line or line.startswith('-') else ''} {line}"
    without, with_it = outcome(base, folder), outcome(f"{base} {added}", folder)
    assert without != with_it
    assert {without[0].code, with_it[0].code} & {0, 1}, with_it[0].err
    assert "this is a bug" not in without[0].err + with_it[0].err


def test_every_effect_is_of_an_option() -> None:
    assert set(EFFECTS) <= {f"{name} {long_name(option)}" for name, option in parameters()}
    assert set(BASE) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_debug_shows_the_traceback_of_a_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**given: object) -> int:
        raise ZeroDivisionError(f"oops {len(given)}")

    command = group.get_command(click.Context(group), name)
    monkeypatch.setattr(command, "callback", broken)
    line = shlex.split(f"{name} {BASE[name]}")
    plain, debugged = here(line), here([*line, "--debug"])
    assert plain.code == debugged.code == 3
    assert "Traceback" not in plain.err
    assert debugged.err.startswith("Traceback")
    assert debugged.err.endswith(plain.err)


TAKE = {
    "--output": set(COMMANDS) - {"help"},
    "--debug": set(COMMANDS),
    "--color": set(COMMANDS) - {"schema", "completion"},
    "--no-color": set(COMMANDS) - {"schema", "completion"},
    "--until": {"shape", "rf", "solve", "run", "learn", "dense", "diff", "compare", "show", "check", "convert", "zoo"},
    "--quiet": set(COMMANDS) - {"schema", "completion", "ops", "zoo"},
    "--json": set(COMMANDS) - {"schema", "completion", "convert", "help", "show"},
    "--jsonl": {"shape", "check"},
    "--format": {"shape", "rf", "solve", "diff", "compare", "check", "ops", "zoo"},
    "--dialect": {
        "shape",
        "rf",
        "solve",
        "run",
        "learn",
        "dense",
        "diff",
        "compare",
        "show",
        "check",
        "convert",
        "zoo",
    },
    "--layout": {"shape", "rf", "solve", "run", "learn", "dense", "diff", "compare", "show", "check", "convert", "zoo"},
    "--columns": {"shape", "compare", "zoo"},
}
"""The commands that accept each shared option: it is rejected where it would have no effect."""


@pytest.mark.parametrize("name", TAKE)
def test_who_takes_a_shared_option(name: str) -> None:
    assert {command for command, option in parameters() if name in option.opts} == TAKE[name]


def test_an_option_has_one_text_everywhere() -> None:
    texts: dict[str, set[str]] = {}
    for _, option in parameters():
        texts.setdefault(long_name(option), set()).add(option.help or "")
    differing = {name for name, of_it in texts.items() if len(of_it) > 1}
    # one or several, several, expectations, findings, or an output, the default, the kernel
    assert differing == {"--array", "--dialect", "--dtype", "--jsonl", "--output", "--to", "--weights"}
    for name, of_it in texts.items():
        for text in of_it - {""}:
            assert text[0].isupper(), name
            assert text.endswith("."), name


# Colors


def test_an_error_has_its_place_bold_and_its_caret_red() -> None:
    plain, colored = (here(["shape", "3x5x5", "relu", "cnv:4", "--color", color]) for color in ("auto", "always"))
    assert "\x1b" not in plain.err
    assert colored.err == (
        "\x1b[31merror:\x1b[0m unknown op 'cnv'\n  3x5x5 relu cnv:4\n  \x1b[31m           ^~~\x1b[0m\n"
        "  did you mean 'conv' or 'convT' or 'dwconv'?\n"
    )
    Path("bad.json").write_text('{"layers": [{"op": "cnv"}]}')
    assert here(["shape", "bad.json", "--color", "always"]).err.startswith(
        "\x1b[31merror:\x1b[0m \x1b[1mbad.json:1:14: layers[0]: \x1b[0munknown op 'cnv'\n"
    )


@pytest.mark.parametrize("color", [["--color", "always"], ["--color=always"]])
def test_a_usage_error_is_colored_wherever_the_option_stands(color: list[str]) -> None:
    red = "\x1b[31merror:\x1b[0m unknown option '--nope'\n"
    assert here(["shape", "relu", "--nope", *color]).err.startswith(red)
    assert here(["shape", "relu", *color, "--nope"]).err.startswith(red)
    assert "\x1b" not in here(["shape", "relu", "--nope", "--color=never"]).err
    assert "\x1b" not in here(["shape", "relu", "--nope"]).err


def test_columns_are_named_by_key_or_by_heading() -> None:
    by_key, by_heading = (
        here(["shape", "lenet5", "--format", "csv", "--columns", names])
        for names in ("layer,in,out,rf,rf_size,macs", "Layer,input,output,field,size,MACs")
    )
    assert by_key.code == 0
    assert by_heading == by_key


def test_a_flag_or_a_repeatable_option_may_be_given_twice() -> None:
    line = ["check", "net.json", "--json", "--json", "--expect", "out=2x2x2", "--expect", "max_params=1M"]
    assert here(line).code == 0


def test_notes_and_findings_are_colored() -> None:
    assert here(["check", "folder", "--color", "always"]).err.startswith("\x1b[36mnote:\x1b[0m ")
    found = here(["check", "net.json", "--expect", "out=3", "--color", "always"]).out
    assert found.startswith("\x1b[1mnet.json:1:1: \x1b[0m\x1b[31mCC101 output-shape\x1b[0m: out is")
    assert here(["zoo", "--color", "always"]).out.startswith("\x1b[1mnetwork")


class Screen(io.StringIO):
    """A stream that appears to be a terminal, but has no file descriptor."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "variables", "terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"CLICOLOR": "1"}, False, False),
    ],
)
def test_where_there_are_colors(
    color: str, variables: dict[str, str], terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    settings.color = color
    assert settings.has_color(Screen() if terminal else io.StringIO()) is expected


def test_always_is_stronger_than_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" in here(["shape", "net.json", "--color", "always"]).out


# Without POSIX, simulated on POSIX


def test_a_terminal_without_a_file_descriptor_is_80_wide() -> None:
    assert style_of(Screen()).width == 80
    assert style_of(io.StringIO()).width is None
    closed = io.StringIO()
    closed.close()
    assert _terminal._width(closed) is None  # noqa: SLF001


@posix
def test_a_pipe_that_nobody_reads_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = OSError(errno.EINVAL, "Invalid argument")
    assert not is_closed_pipe(invalid)
    monkeypatch.setattr(os, "name", "nt")
    assert is_closed_pipe(invalid)
    assert not is_closed_pipe(OSError(errno.ENOSPC, "No space left on device"))


def test_a_run_needs_nothing_that_only_linux_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "run conv -x x.npy -w w.npy -o y2.npy"
    expected, files = outcome(line, folder)
    for name in ("posix_fallocate", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    assert outcome(line, folder) == (expected, files)
    assert expected.code == 0


@posix
def test_a_baseline_on_another_drive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drives = {str(folder): "C:"}
    monkeypatch.setattr(os.path, "splitdrive", lambda path: (drives.get(path, "D:"), path))
    result = Result("net.json", [], None)
    assert Baseline("lock.json", False, print).key(result) == str(folder / "net.json")


@posix
def test_a_path_with_a_drive_is_not_a_git_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = r"C:\none.json"
    assert "git" in here(["diff", drive, "net.json"]).err
    monkeypatch.setattr(os.path, "splitdrive", ntpath.splitdrive)
    assert here(["diff", drive, "net.json"]).err.startswith("there is no file")
