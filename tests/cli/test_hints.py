"""Hints on the command line: their number on a terminal, all with --hints, as JSON; forbidden ones in `check`."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import cnncalc
from cnncalc.checks.findings import CODES
from cnncalc.cli import _hints
from cnncalc.hints.table import KINDS
from tests.program import here, on_terminal

POOLED = "3x7x7 conv:4,k3,p1 maxpool:2"
DROPPED = "the floor drops 1 pixel of 7 at the bottom and right: floor((7 + 0 - 2)/2) + 1 = 3"
HELP = "ceil=true also reads them; with 6 or 8 pixels none is dropped"
LISTED = f"hint: maxpool1: {DROPPED} (dropped-pixels)\n  {HELP}\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def counted(line: str) -> str:
    """Return the last line that a terminal shows."""
    ended = on_terminal(*shlex.split(line), columns=80)
    assert ended.code == 0
    return ended.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "again"),
    [
        (f"shape {POOLED}", f"shape {POOLED} --hints"),
        (f"shape {POOLED} --dtype float32 -i 3x9x9".replace("3x7x7 ", ""),) * 2,
        ("shape 'net dir/my $net.json'", "shape 'net dir/my $net.json' --hints"),
        ("shape 3x7x7 'nn.MaxPool2d(2)'", "shape 3x7x7 'nn.MaxPool2d(2)' --hints"),
        (f"shape -- {POOLED}", f"shape --hints -- {POOLED}"),
        (f"shape {POOLED} --color", f"shape {POOLED} --color=always --hints"),
        (POOLED, f"{POOLED} --hints"),
        (f"shape {POOLED} --dialect torch,onnx", f"shape {POOLED} --dialect torch,onnx --hints"),
        ("compare '1x7x7 maxpool:2' lenet5", "compare '1x7x7 maxpool:2' lenet5 --hints"),
    ],
    ids=lambda text: text,
)
def test_a_terminal_says_how_many_hints_there_are_and_the_line_that_lists_them_works(line: str, again: str) -> None:
    Path("net dir").mkdir()
    Path("net dir/my $net.json").write_text('{"input": [3, 7, 7], "layers": [{"op": "maxpool", "k": 2}]}')
    said = counted(line)
    if line == again:
        again += " --hints"
    expected = f"1 hint: cnncalc {again}"
    assert said.replace("\x1b[36m", "").replace("\x1b[0m", "") == expected
    listed = here(shlex.split(expected.removeprefix("1 hint: cnncalc ")))
    assert listed.code == 0
    assert "(dropped-pixels)" in listed.err


def test_several_hints_are_counted_and_listed() -> None:
    line = "shape 3x7x7 conv:4,k4,same batchnorm maxpool:2"
    assert counted(line) == f"3 hints: cnncalc {line} --hints"
    assert here([*line.split(), "--hints"]).err.count("hint: ") == 3


def test_many_hints_are_cut_and_json_has_all() -> None:
    line = ["shape", "3x9x9", *[f"conv:{at},k2,s1,p{at}" for at in range(2, 130)], "--hints"]
    told = here(line)
    assert told.err.count("hint: ") == 100
    assert told.err.endswith(" more hints: --json lists all\n")
    listed = json.loads(here([*line, "--json"]).out)["report"]["hints"]
    assert told.err.endswith(f"\n{len(listed) - 100} more hints: --json lists all\n")


@pytest.mark.parametrize(
    "line",
    [
        f"shape {POOLED} --json",
        f"shape {POOLED} --get out",
        f"shape {POOLED} -q",
        "shape squeezenet1_0",
        "shape squeezenet1_0 --until pool1",
        "shape 3x8x8 conv:4,k3,p1 maxpool:2",
        f"check {POOLED} --expect out=4x3x3",
        "zoo squeezenet1_0 vgg16",
        "compare squeezenet1_0 vgg16",
    ],
)
def test_a_terminal_says_nothing_of_hints(line: str) -> None:
    assert "hint" not in on_terminal(*shlex.split(line), columns=80).out


def test_a_pipe_or_a_file_says_nothing_of_hints_unless_it_is_asked() -> None:
    assert here(f"shape {POOLED}".split()).err == ""
    assert here(f"shape {POOLED} --hints".split()).err == LISTED
    assert here(f"shape {POOLED} --hints --format csv".split()).err == LISTED
    assert here(f"shape {POOLED} --hints -q".split()).err == ""
    assert here(["shape", "3x8x8", "maxpool:2", "--hints"]).err == "no hints\n"
    assert here(["shape", "3x8x8", "conv:4", "--hints"]).err == (
        "note: conv1: k is 1; for a 3x3: conv:4,k3\nno other hints\n"
    )


def test_what_is_printed_follows_the_table() -> None:
    ended = here(f"shape {POOLED} --hints".split())
    assert ended.out == here(f"shape {POOLED}".split()).out


def test_hints_are_colored() -> None:
    assert here(f"shape {POOLED} --hints --color always".split()).err.startswith("\x1b[36mhint:\x1b[0m maxpool1: ")
    assert "\x1b" not in here(f"shape {POOLED} --hints".split()).err


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_hints_are_broken_between_words(columns: int) -> None:
    lines = on_terminal("shape", *POOLED.split(), "--hints", columns=columns).out.splitlines()
    listed = lines[next(at for at, line in enumerate(lines) if line.startswith("hint:")) :]
    assert max(map(len, listed)) <= columns
    assert all(line.startswith("  ") for line in listed[1:])
    assert " ".join(" ".join(listed).split()) == " ".join(LISTED.split())


@pytest.mark.parametrize("longer", [0, 1])
def test_a_command_line_is_given_back_up_to_a_length(monkeypatch: pytest.MonkeyPatch, longer: int) -> None:
    line = f"cnncalc shape {POOLED} --hints"
    monkeypatch.setattr(_hints, "counts_hints", lambda: True)
    monkeypatch.setattr(_hints, "LONGEST_LINE", len(line) - longer)
    said = here(["shape", *POOLED.split()]).err
    assert said == f"1 hint: {'add --hints to list them' if longer else line}\n"


def test_standard_input_cannot_be_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hints, "counts_hints", lambda: True)
    ended = here(["shape", "-"], stdin=POOLED)
    assert ended.err == "1 hint: add --hints to list them\n"
    printed = "Sequential(\n  (0): MaxPool2d(kernel_size=2)\n)"
    assert here(["shape", printed, "-i", "3x7x7"]).err == "1 hint: add --hints to list them\n"


def test_built_in_networks_have_none_and_a_copy_has() -> None:
    ended = here(["shape", "squeezenet1_0", "--hints"])
    assert ended.err == (
        "note: built-in networks get no hints; to see those of a copy: cnncalc zoo NAME | cnncalc shape - --hints\n"
    )
    copy = here(["shape", "-", "--hints"], stdin=here(["zoo", "squeezenet1_0"]).out)
    assert "hint: conv1: the floor drops 1 pixel of 224" in copy.err


def test_json_has_the_hints_in_the_report_of_the_whole_and_is_a_spec() -> None:
    hint = {"name": "dropped-pixels", "layers": ["maxpool1"], "text": DROPPED, "help": HELP}
    ended = here(f"shape {POOLED} --hints --json".split())
    assert ended.err == ""
    assert json.loads(ended.out)["report"]["hints"] == [hint]
    again = here(["shape", "-", "--json"], stdin=ended.out)
    assert json.loads(again.out) == json.loads(here(f"shape {POOLED} --json".split()).out)
    assert "hints" not in json.loads(again.out)["report"]
    lines = here(["shape", "--jsonl", "-", "--hints"], stdin=f"{POOLED}\n3x8x8 maxpool:2\n").out.splitlines()
    assert [json.loads(line)["report"]["hints"] for line in lines] == [[hint], []]


def test_several_dialects_have_their_hints_together() -> None:
    ended = here(["shape", "3x7x7", "maxpool:2", "--hints", "--dialect", "plain,torch,keras"])
    assert ended.err == (
        f"hint: maxpool1: {DROPPED}, in plain and torch (dropped-pixels)\n  {HELP}\n"
        f"hint: maxpool1: {DROPPED}, in keras (dropped-pixels)\n  p=same also reads them; with 6 or 8 pixels none is "
        "dropped\n"
    )
    assert here(["shape", "3x7x7", "maxpool:2", "--hints", "--dialect", "plain,torch"]).err == LISTED
    dialects = json.loads(here(["shape", "3x7x7", "maxpool:2", "--hints", "--dialect", "torch,onnx", "--json"]).out)[
        "dialects"
    ]
    assert {name: len(run["hints"]) for name, run in dialects.items()} == {"torch": 1, "onnx": 0}
    noted = here(["shape", "3x8x8", "conv:4", "--dialect", "plain,torch"])
    assert noted.err == "note: conv1: k is 1; for a 3x3: conv:4,k3\n"


def test_compare_says_whose_hints_they_are() -> None:
    ended = here(["compare", "1x7x7 maxpool:2", "1x8x8 conv:4", "squeezenet1_0", "--hints"])
    assert ended.err == (
        "note: 1x8x8 conv:4: conv1: k is 1; for a 3x3: conv:4,k3\n"
        + LISTED.replace("hint: ", "hint: 1x7x7 maxpool:2: ")
    )
    rows = json.loads(here(["compare", "1x7x7 maxpool:2", "squeezenet1_0", "--hints", "--json"]).out)
    assert [[hint["name"] for hint in row["hints"]] for row in rows] == [["dropped-pixels"], []]


def test_run_notes_a_kernel_that_nothing_fixes() -> None:
    np.save("x.npy", np.ones((3, 5, 6)))
    np.save("w.npy", np.ones((4, 3, 1, 1)))
    noted = "note: conv1: k is 1; for a 3x3: conv:4,k3\n"
    assert here(["run", "conv:4", "-x", "x.npy", "--seed", "0"]).err == noted
    assert here(["run", "conv:4", "-x", "x.npy", "-w", "w.npy"]).err == ""


def test_rf_notes_what_is_perhaps_not_meant() -> None:
    assert here(["rf", "3x8x8", "conv:4"]).err == "note: conv1: k is 1; for a 3x3: conv:4,k3\n"
    assert here(["rf", "3x8x8", "conv:4,k1"]).err == ""
    assert here(["rf", "conv:4,k3", "-i", "9x8x3"]).err == (
        "note: 9x8x3 has 9 channels; if they come last: --layout NHWC, or 3x9x8\n"
    )


def test_what_is_noted_is_not_listed_again() -> None:
    assert here(["shape", "9x8x3", "conv:4,k3", "--hints"]).err == (
        "note: 9x8x3 has 9 channels; if they come last: --layout NHWC, or 3x9x8\nno other hints\n"
    )


def test_a_part_has_the_hints_and_notes_of_its_layers() -> None:
    assert here(["shape", "3x7x7", "conv:4", "maxpool:2", "relu", "--until", "maxpool1", "--hints"]).err == (
        f"note: conv1: k is 1; for a 3x3: conv:4,k3\n{LISTED}"
    )


def test_what_a_frameworks_file_fixes_gets_no_hint() -> None:
    """A Keras file fixes its keys and its weights; the user can still choose the input's size."""
    pool = {"class_name": "MaxPooling2D", "config": {"pool_size": [2, 2], "strides": [2, 2], "name": "pool"}}
    conv = {"class_name": "Conv2D", "config": {"filters": 4, "kernel_size": [4, 4], "padding": "same", "name": "conv"}}
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": [conv, pool]}}
    Path("model.json").write_text(json.dumps(model))
    ended = here(["shape", "model.json", "-i", "7x7x3", "--hints"])
    assert ended.code == 0, ended.err
    assert [line for line in ended.err.splitlines() if line.startswith("hint: ")] == [
        f"hint: pool: {DROPPED} (dropped-pixels)"
    ]
    assert here(["check", "model.json", "-i", "7x7x3", "--forbid", "even-kernel"]).code == 1  # requested by name
    part = here(["shape", "model.json", "-i", "7x7x3", "--until", "pool", "--hints"])
    assert part.err.count("hint: ") == 1


KERAS_SOURCE = """
from tensorflow import keras
from tensorflow.keras import layers

model = keras.Sequential([
    keras.Input(shape=(9, 9, 3)),
    layers.Conv2D(4, 3),
    layers.BatchNormalization(),
    layers.ReLU(),
])
"""


def test_source_is_the_readers_own() -> None:
    Path("net.py").write_text(KERAS_SOURCE)
    said = "hint: conv2d: its bias of 4 has no effect: the batchnorm after it subtracts the mean of each channel"
    for more in ("", " --until batch_normalization"):
        ended = here(f"shape net.py{more} --hints".split())
        assert ended.err == f"{said} (bias-before-norm)\n  bias=false saves 4 parameters\n", ended.err


def test_hints_go_with_no_bare_value() -> None:
    ended = here(f"shape {POOLED} --get out --hints".split())
    assert (ended.code, ended.err) == (
        2,
        "--get prints only values\n  leave out --hints\n",
    )


# Forbidden in `check`


def test_check_says_nothing_of_hints_unless_they_are_forbidden() -> None:
    assert here(f"check {POOLED} --expect out=4x3x3".split()).out == "1 file, 1 expectation: it holds\n"
    ended = here(f"check {POOLED} --forbid dropped-pixels,checkerboard".split())
    assert (ended.code, ended.out) == (
        1,
        f"{POOLED}:1:20: CC501 dropped-pixels: layers[1] 'maxpool1': {DROPPED}\n  {HELP}\n"
        "1 file, 2 expectations: 1 failed\n",
    )
    held = here(["check", "3x8x8", "maxpool:2", "--forbid", "all"])
    assert (held.code, held.out) == (0, f"1 file, {len(KINDS)} expectations: all hold\n")


def test_every_kind_is_a_code_of_check() -> None:
    assert {code: CODES[code][0] for code in CODES if code.startswith("CC5")} == {
        kind.code: kind.name for kind in KINDS.values()
    }


def test_a_hint_that_there_is_not_is_wrong_usage() -> None:
    ended = here(f"check {POOLED} --forbid checkerbord".split())
    assert (ended.code, ended.err) == (2, "--forbid: there is no hint 'checkerbord'\n  did you mean 'checkerboard'?\n")
    ended = here(["check", *POOLED.split(), "--expect", "forbid=nothing"])
    assert (ended.code, ended.err) == (2, "forbid: there is no hint 'nothing'\n  for the list: cnncalc help hints\n")


@pytest.mark.parametrize("format", ["json", "sarif", "junit", "gitlab", "github"])
def test_a_forbidden_hint_is_a_finding_in_every_format(format: str) -> None:
    ended = here(f"check {POOLED} --forbid all --forbid dropped-pixels --format {format}".split())
    assert ended.code == 1
    if format == "json":
        (finding,) = json.loads(ended.out)["files"][0]["findings"][:1]
        wanted = {"code": "CC501", "name": "dropped-pixels", "what": DROPPED, "layer": "layers[1] 'maxpool1'"}
        assert wanted.items() <= finding.items()
    elif format == "sarif":
        (run,) = json.loads(ended.out)["runs"]
        result = run["results"][0]
        assert (result["ruleId"], result["level"]) == ("CC501", "error")
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["name"] == "dropped-pixels"
        assert result["message"]["text"] == f"layers[1] 'maxpool1': {DROPPED}\n{HELP}"
    elif format == "junit":
        failure = ET.fromstring(ended.out).find(".//failure")
        assert failure is not None
        assert failure.get("type") == "CC501 dropped-pixels"
    elif format == "gitlab":
        assert json.loads(ended.out)[0]["check_name"] == "CC501 dropped-pixels"
    else:
        assert ended.out.startswith(
            f"::error file={POOLED.replace(':', '%3A').replace(',', '%2C')},line=1,col=20,title=CC501"
        )


def test_a_spec_forbids_hints_of_the_whole_or_of_a_layer() -> None:
    layers = [
        {"op": "conv", "c_o": 4, "k": 4, "p": "same", "expect": {"forbid": ["checkerboard", "even-kernel"]}},
        {"op": "maxpool", "k": 2},
    ]
    spec = json.dumps({"input": [3, 7, 7], "layers": layers, "expect": {"forbid": "unread-pixels, dropped-pixels"}})
    Path("net.json").write_text(spec)
    ended = here(["check", "net.json", "--json"])
    result = json.loads(ended.out)["files"][0]
    assert (ended.code, result["checked"]) == (1, 4)
    assert [(f["name"], f["layer"]) for f in result["findings"]] == [
        ("dropped-pixels", "layers[1] 'maxpool1'"),
        ("even-kernel", "layers[0] 'conv1'"),
    ]
    assert [f["column"] for f in result["findings"]] == [
        spec.index('{"op": "maxpool"') + 1,
        spec.index('{"op": "conv"') + 1,
    ]
    shown = here(["shape", "net.json"])
    assert shown.err.count("(cnncalc check fails)") == 2


def test_a_layer_of_the_command_line_forbids_its_own() -> None:
    words = ["3x7x7", "conv:4,k4,same", "maxpool:2"]
    held = here(["check", *words, "--expect", "conv1.forbid=dropped-pixels"])
    assert held.code == 0
    failed = here(["check", *words, "--expect", "maxpool1.forbid=dropped-pixels"])
    assert failed.code == 1
    missing = here(["check", *words, "--expect", "pool.forbid=all"])
    assert (missing.code, "CC003 bad-expectation: there is no layer 'pool'" in missing.out) == (2, True)


def test_several_dialects_forbid_together() -> None:
    ended = here(["check", "3x7x7", "maxpool:2,s2", "--forbid", "dropped-pixels", "--dialect", "torch,keras"])
    assert ended.code == 1
    assert ended.out.count("CC501") == 2  # the help differs


def test_test_suites_forbid_hints() -> None:
    from cnncalc.testing import assert_report

    assert_report("3x8x8 maxpool:2", forbid="all")
    with pytest.raises(AssertionError, match="dropped-pixels"):
        assert_report("3x7x7 maxpool:2", forbid=["dropped-pixels"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (f"hints {POOLED}", f"shape {POOLED} --hints"),
        (f"shape {POOLED} --warnings", "--hints"),
        (f"shape {POOLED} -W", "--hints"),
        (f"check {POOLED} --hints", "--forbid all"),
        (f"check {POOLED} -Werror", "--forbid all"),
    ],
)
def test_other_words_for_hints_lead_to_them(typed: str, meant: str) -> None:
    ended = here(typed.split())
    if typed.startswith("hints"):
        assert ended.err == f"note: cnncalc {meant}\n{LISTED}"
    else:
        assert f"did you mean {meant}?" in ended.err


# The width of a linear layer


@pytest.mark.parametrize(
    ("line", "inputs"),
    [
        ("shape 1x28x28 conv:10,k5 maxpool:2 conv:20,k5 maxpool:2 flatten linear:10,c_i=500", ["1x32x32", "1x35x35"]),
        ("shape 3x8x8 conv:4,k3 flatten linear:10,c_i=100", ["3x7x7"]),
        ("shape 3x9 conv1d:4,k3 flatten linear:10,c_i=100", ["3x27"]),
        ("shape 8x8x3 conv:4,k3 flatten linear:10,c_i=100 --layout NHWC", ["7x7x3"]),
    ],
)
def test_the_error_of_a_linear_layers_width_names_the_inputs_that_fit(line: str, inputs: list[str]) -> None:
    ended = here(line.split())
    assert ended.code == 2
    wanted = f"-i {' to '.join(inputs)} give"
    assert [part for part in ended.err.splitlines() if part.strip().startswith(wanted)], ended.err
    _, _, *words = line.split()
    for shape in inputs:
        assert here(["shape", *words, "-i", shape]).code == 0


def test_no_input_is_named_where_none_fits() -> None:
    ended = here(["shape", "3x8x8", "conv:4,k3", "flatten", "linear:10,c_i=101"])
    assert "-i" not in ended.err


def test_shape_loads_no_hints_where_nobody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("hints are looked for")

    monkeypatch.setattr("cnncalc.hints.table.hints", fail)
    assert here(["shape", "vgg16"]).code == 0
    assert here(["compare", "vgg16", "1x7x7 maxpool:2"]).code == 0
    assert cnncalc.shape("vgg16").hints is None
