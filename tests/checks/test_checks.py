"""The CI gate: expectations, exit codes, positions, baselines."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncalc
import cnncalc.trace
from cnncalc import sources
from cnncalc.checks import check, expect
from cnncalc.checks.figures import arithmetic, figure_of
from cnncalc.checks.findings import CODES, Finding, exit_code
from cnncalc.testing import assert_report, assert_shape
from tests.program import here

STEM: dict[str, Any] = {
    "input": [3, 224, 224],
    "layers": [
        {"op": "conv", "name": "stem", "c_o": 64, "k": 7, "s": 2, "p": 3},
        {"op": "maxpool", "k": 3, "s": 2, "p": 1},
    ],
}
HOLDS = [
    {"out": "64x56x56"},
    {"out": [64, 56, 56]},
    {"out": "64xHxH"},
    {"out": "CxHxW"},
    {"out": [64, "H", None]},
    {"in": "3x224x224", "params": 9472, "weights": 9408, "bias": "64", "buffers": 0},
    {"params": "9.472k", "min_params": "9k", "max_params": "9.5k"},
    {"params": 9472.0, "max_params": 1e6},
    {"macs": "118M±1%", "max_macs": "118_013_952", "min_macs": "112Mi"},
    {"macs": "118M+-0.1M"},
    {"rf": 11, "rf_size": "11x11", "rf_stride": [4, 4], "rf_start": -5},
    {"min_rf": "10x11", "max_rf": 11, "min_rf_start": -5},
]
FAILS = [
    ({"out": "64x56x55"}, "CC101", "out is 64x56x56, expected 64x56x55", 'write "out": "64x56x56"'),
    ({"out": "64 56 56"}, "CC003", "out: '64 56 56' is not a shape", "write 64x56x56"),
    ({"out": "64xHxH1"}, "CC003", "out: 'H1' is not a size, in '64xHxH1'", "a size is"),
    ({"out": "AxAxB"}, "CC101", "out is 64x56x56, expected AxAxB", "write"),
    ({"out": "64x56"}, "CC101", "out is 64x56x56, expected 64x56", "write"),
    ({"in": "3x224x225"}, "CC102", "in is 3x224x224, expected 3x224x225", "write"),
    ({"params": 9473}, "CC103", "params is 9,472, expected 9473", 'write "params": 9472'),
    ({"max_params": "9.4k"}, "CC103", "params is 9,472, expected at most 9.4k", "raise max_params to 9,472"),
    ({"min_weights": "10k"}, "CC104", "weights is 9,408, expected at least 10k", "lower min_weights to 9,408"),
    ({"bias": 63}, "CC105", "bias is 64, expected 63", "write"),
    ({"buffers": 1}, "CC106", "buffers is 0, expected 1", "write"),
    ({"macs": "119M±0.5%"}, "CC107", "macs is 118,013,952, expected 119M±0.5%", "write"),
    ({"rf": "11x12"}, "CC110", "rf is 11, expected 11x12", "write"),
    ({"rf_stride": 2}, "CC111", "rf_stride is 4, expected 2", "write"),
    ({"max_rf_start": -6}, "CC112", "rf_start is -5, expected at most -6", "raise max_rf_start to -5"),
    ({"rf": [11, 11, 11]}, "CC003", "rf: 3 numbers for 2 axes", "give one, or one per axis"),
    ({"fc_weights": 1}, "CC003", "the whole network has no fc_weights", "expect it of a convolution"),
    ({"parms": 1}, "CC003", "there is no figure 'parms' to expect", "did you mean 'params'"),
    ({"min_out": "1x1"}, "CC003", "there is no figure 'min_out' to expect", "did you mean"),
    ({"params": "9.4721k"}, "CC003", "params: '9.4721k' is not a whole number", ""),
    ({"params": "many"}, "CC003", "params: 'many' is not a number", "for example 9472, 4.1G or 4.09G±1%"),
    ({"params": 9472.5}, "CC003", "params: 9472.5 is not a number", "for example 9472"),
    ({"params": True}, "CC003", "params: true is not a number", "for example 9472"),
    ({"params": [1, 2]}, "CC003", "params: [1, 2] is not one number", "only receptive fields"),
    ({"params": None}, "CC003", "params: null is not a number", "for example 9472"),
]


def judged(spec: dict[str, Any]) -> list[Finding]:
    """Return the findings of a spec."""
    text = json.dumps(spec)
    return check("net.json", lambda: sources.load_text(text, "net.json"), cnncalc.trace.shape).findings


@pytest.mark.parametrize("wanted", HOLDS, ids=str)
def test_what_holds(wanted: dict[str, Any]) -> None:
    assert judged(STEM | {"expect": wanted}) == []


@pytest.mark.parametrize(("wanted", "code", "what", "help"), FAILS, ids=[str(row[0]) for row in FAILS])
def test_what_fails(wanted: dict[str, Any], code: str, what: str, help: str) -> None:
    (finding,) = judged(STEM | {"expect": wanted})
    assert (finding.code, finding.what) == (code, what)
    assert help in (finding.help or "")
    assert exit_code([finding]) == (2 if code == "CC003" else 1)


@pytest.mark.parametrize(("count", "rest"), [(5, "1 other 4 = 20"), (6, "2 others 8 = 24")])
def test_the_smaller_terms_of_a_sum_are_counted(count: int, rest: str) -> None:
    layers = [{"op": "conv", "c_o": 2, "bias": False}] * count
    (finding,) = judged({"input": [2, 3, 3], "layers": layers, "expect": {"params": 1}})
    assert finding.arithmetic[-1].endswith(f" + {rest}")


def test_a_layers_expectations_and_their_arithmetic() -> None:
    layers = [STEM["layers"][0] | {"expect": {"out": "64x111x112", "params": 1, "macs": 2, "rf": 3, "fc_weights": 4}}]
    found = judged(STEM | {"layers": layers})
    assert [f.code for f in found] == ["CC101", "CC103", "CC107", "CC110", "CC108"]
    assert {f.layer for f in found} == {"layers[0] 'stem'"}
    assert found[0].arithmetic == ("height, width: floor((224 + 3+3 - 7 + 2)/2) = 112",)
    assert found[1].arithmetic == ("parameters: c_o*c_i*k + c_o = 64*3*7*7 + 64 = 9,472",)
    assert found[2].arithmetic == ("MACs: out*(c_o*c_i*k) = 112*112*(64*3*7*7) = 118,013,952",)
    assert found[3].arithmetic == ("receptive field: size 1 + (7 - 1)*1 = 7, stride 1*2 = 2, start 0 - 3*1 = -3",)
    (pool,) = judged(STEM | {"layers": [*STEM["layers"][:1], STEM["layers"][1] | {"expect": {"local_weights": 1}}]})
    assert (pool.code, pool.what) == ("CC003", "maxpool has no local_weights")


@pytest.mark.parametrize(
    ("text", "key", "wanted"),
    [
        ("out=(64, 56, 56)", "out", "64x56x56"),
        ("conv1.out=[64,56,56]", "conv1.out", "64x56x56"),
        ('out=[64, "H", W]', "out", "64xHxW"),
        ("out=torch.Size([64, 56, 56])", "out", "64x56x56"),
        ("out=[]", "out", []),
        ("out=torch.Size([])", "out", []),
        ("rf=[3, 5]", "rf", ["3", "5"]),
        ("rf=(3,5)", "rf", ["3", "5"]),
    ],
)
def test_values_in_brackets_on_a_command_line(text: str, key: str, wanted: str | list[str]) -> None:
    assert expect.read_text(text) == expect.read_one(key, wanted)


@pytest.mark.parametrize(
    "text", ["out=[16, oops]", "out=[", "out=[[]]", "out=([3])]", "rf=[3, x]", "params=3)", "rf=[]"]
)
def test_wrong_values_in_brackets_are_errors(text: str) -> None:
    with pytest.raises(cnncalc.SpecError, match=f"^{text.partition('=')[0]}: "):
        expect.read_text(text)


def test_a_single_number_is_expected_as_an_empty_list() -> None:
    scalar: dict[str, Any] = {"input": [3], "layers": [{"op": "sum", "axis": 1}]}
    (finding,) = judged(scalar | {"expect": {"out": 3}})
    assert finding.help == 'if the change is meant, write "out": []'
    assert judged(scalar | {"expect": {"out": []}}) == []
    (finding,) = judged({"input": [3], "layers": [{"op": "opaque"}], "expect": {"out": []}})
    assert finding.help == "give the opaque layer its out, or expect the shape of a layer above"


def test_unknown_is_no_zero() -> None:
    (finding,) = judged(STEM | {"input": [3, "H", "W"], "expect": {"max_macs": "1G"}})
    assert (finding.code, finding.actual) == ("CC113", "((H+1)//2)*((W+1)//2)*9408")
    assert judged(STEM | {"input": [3, "H", "W"], "expect": {"params": 9472, "out": "64xAxB"}}) == []


def test_a_repeated_layer_is_held_to_its_expectation_each_time() -> None:
    spec = {"input": [3, 9, 9], "layers": [{"op": "conv", "c_o": 3, "k": 3, "times": 3, "expect": {"out": "3x7x7"}}]}
    assert [f.layer for f in judged(spec)] == ["layers[0] 'conv2'", "layers[0] 'conv3'"]


@pytest.mark.parametrize("format", ["text", "github", "gitlab", "sarif"])
def test_a_layer_of_source_is_found_at_the_beginning_of_its_file(format: str, tmp_path: Path) -> None:
    source = tmp_path / "net.py"
    source.write_text("from torch import nn\nnet = nn.Sequential(nn.Linear(3, 5), nn.ReLU())\n")
    out = here(["check", str(source), "-i", "3", "--expect", "0.params=19", "--format", format]).out
    place = {"text": ".py:1:1: ", "github": ",line=1,col=1,", "gitlab": '"begin": 1}', "sarif": '"startLine": 1, '}
    assert place[format] in out


def test_all_codes_are_listed_and_in_order() -> None:
    out = here(["check", "--list-codes"]).out
    assert [line.split()[0] for line in out.splitlines()] == sorted(CODES)
    assert {figure.code for figure in expect.FIGURES.values()} <= set(CODES)
    assert len({line.index(CODES[line[:5]][1]) for line in out.splitlines()}) == 1


# Exit codes, through the installed command.

OK = json.dumps(STEM | {"expect": {"out": "64x56x56"}})
WRONG = json.dumps(STEM | {"expect": {"out": "64x56x57"}})
SILENT = json.dumps(STEM)
UNREADABLE = '{"layers": [}'
IMPOSSIBLE = json.dumps(STEM | {"input": [3, 2, 2], "layers": [{"op": "conv", "c_o": 1, "k": 5}]})
BAD = json.dumps(STEM | {"expect": {"nothing": 1}})
COMBINATIONS: list[tuple[list[str], list[str], int]] = [
    ([OK], [], 0),
    ([OK, OK], [], 0),
    ([SILENT], [], 0),
    ([SILENT], ["--strict"], 1),
    ([OK, SILENT], ["--strict"], 1),
    ([OK], ["--strict"], 0),
    ([SILENT], ["--strict", "--expect", "params=9472"], 0),
    ([WRONG], [], 1),
    ([OK, WRONG], [], 1),
    ([UNREADABLE], [], 2),
    ([IMPOSSIBLE], [], 2),
    ([BAD], [], 2),
    ([WRONG, UNREADABLE], [], 2),
    ([UNREADABLE, WRONG], [], 2),
    ([OK, IMPOSSIBLE, WRONG], [], 2),
    ([OK], ["--expect", "max_params=9k"], 1),
    ([OK], ["--expect", "max_params=10k"], 0),
    ([OK], ["--expect", "params"], 2),
    ([OK], ["--expect", "prams=3"], 2),
    ([OK], ["--update"], 2),
    ([OK], ["--baseline", "missing.lock"], 2),
    ([OK], ["--baseline", "."], 2),
    ([], [], 2),
]


@pytest.mark.parametrize(("files", "options", "code"), COMBINATIONS)
def test_exit_codes(files: list[str], options: list[str], code: int, tmp_path: Path) -> None:
    names = []
    for number, text in enumerate(files):
        (tmp_path / f"{number}.json").write_text(text)
        names.append(f"{number}.json")
    ended = here(["check", *names, *options], cwd=tmp_path)
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    for name, text in zip(names, files, strict=True):
        if text not in (OK, SILENT):
            assert f"{name}:" in ended.out, "every file is reported"


def test_a_missing_file_and_a_pattern_without_files_are_reported_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(WRONG)
    ended = here(["check", "a.json", "b.json", "c/*.json"], cwd=tmp_path)
    assert ended.code == 2
    assert "a.json:1:" in ended.out
    assert "there is no file 'b.json'" in ended.out
    assert "no file matches 'c/*.json'" in ended.out


def test_directories_patterns_lines_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets" / "deep").mkdir(parents=True)
    (tmp_path / "nets" / "deep" / "b.json").write_text(WRONG)
    (tmp_path / "nets" / "a.json").write_text(OK)
    (tmp_path / "nets" / "package.json").write_text('{"name": "no spec"}')
    (tmp_path / "nets" / ".hidden.json").write_text(UNREADABLE)
    (tmp_path / "lines.jsonl").write_text(f"{OK}\n{WRONG}\n")
    found = json.loads(here(["check", "nets", "--json"]).out)
    assert [file["file"] for file in found["files"]] == ["nets/a.json", "nets/deep/b.json"]
    assert here(["check", "nets/**/*.json"]).code == 2, "a pattern means all that it matches"
    ended = here(["check", "lines.jsonl"])
    assert ended.code == 1
    assert "lines.jsonl:2:" in ended.out
    assert here(["check", "-"], stdin=WRONG).code == 1
    ended = here(["check", "-", "--jsonl"], stdin=f"{OK}\n{WRONG}\n")
    assert [json.loads(line)["ok"] for line in ended.out.splitlines()] == [True, False]
    assert here(["check", "vgg16", "--expect", "out=1000", "--expect", "max_params=139M"]).code == 0


# Positions.

WAYS: dict[str, Callable[[Any], str]] = {
    "minified": lambda spec: json.dumps(spec, separators=(",", ":")),
    "plain": json.dumps,
    "pretty": lambda spec: json.dumps(spec, indent=4),
    "tabs": lambda spec: json.dumps(spec, indent="\t"),
    "crlf": lambda spec: json.dumps(spec, indent=1).replace("\n", "\r\n"),
    "bom": lambda spec: "\ufeff" + json.dumps(spec, indent=2),
    "escapes": lambda spec: json.dumps(spec).replace('"expect"', '"\\u0065xpect"'),
    "unicode": lambda spec: json.dumps({"name": 'größe 😀 "quoted"', **spec}, ensure_ascii=False),
}


def key_at(text: str, line: int, column: int) -> str:
    """Return the JSON key that begins at a place of a text, as its reader sees lines and columns."""
    row = text.removeprefix("\ufeff").split("\n")[line - 1]
    name, _ = json.JSONDecoder().raw_decode(row[column - 1 :])
    assert isinstance(name, str)
    return name


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_failed_expectation_points_to_its_key(way: str, data: st.DataObject) -> None:
    """Decoys everywhere: the same keys and values in layers before and after."""
    layers = data.draw(st.integers(1, 6))
    at = data.draw(st.integers(0, layers))
    holds: dict[str, Any] = {"out": "CxHxW", "min_params": 0, "bias": "8", "rf": 3}
    wanted = holds if at < layers else {}
    figure = data.draw(st.sampled_from(["params", "max_macs", "rf_stride"]))
    order = data.draw(st.permutations([*wanted, figure]))
    faulty = {key: wanted.get(key, 0) for key in order}
    spec: dict[str, Any] = {
        "expect": {"min_params": 0} if at < layers else faulty,
        "layers": [
            {"expect": {"min_params": 0, "bias": 8}, "name": f"params{i}", "op": "conv", "c_o": 8, "p": 1, "k": 3}
            for i in range(layers)
        ],
        "input": [8, 15, 17],
    }
    if at < layers:
        faulty["rf"] = f"{2 * at + 3}"
        spec["layers"][at]["expect"] = faulty
    text = WAYS[way](spec)
    result = check("n.json", lambda: sources.load_text(text, "n.json"), cnncalc.trace.shape)
    (finding,) = result.findings
    assert key_at(text, finding.line, finding.column) == figure
    offset = text.removeprefix("\ufeff").split("\n")
    before = "\n".join([*offset[: finding.line - 1], offset[finding.line - 1][: finding.column - 1]])
    inside = before.count('"params')  # the names of layers that come before it
    assert inside == (at if at < layers else 0)


FAULTS: list[tuple[str, Any, str]] = [
    ("k", 0, "k"),
    ("k", [1, 2, 3], "k"),
    ("k", 99, "k"),
    ("kernel_size", 2.5, "kernel_size"),
    ("p", "smae", "p"),
    ("padding", -1, "padding"),
    ("g", 3, "g"),
    ("groups", 3, "groups"),
    ("c_i", 5, "c_i"),
    ("in_channels", 5, "in_channels"),
    ("bias", 1, "bias"),
    ("nonsense", 1, "nonsense"),
    ("from", "nobody", "from"),
    ("times", 0, "times"),
    ("op", "cnv", "op"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("key", "value", "pointed"), FAULTS, ids=[f"{k}={v}" for k, v, _ in FAULTS])
def test_every_fault_points_to_its_key(way: str, key: str, value: Any, pointed: str) -> None:
    """A fault at a random key of a random layer: the message points there, whatever surrounds it."""
    random_ = random.Random(f"{way}{key}{value}")
    layers: list[dict[str, Any]] = [{"name": f"l{i}", "op": "conv", "c_o": 8, "p": 1, "d": 1} for i in range(7)]
    at = random_.randrange(7)
    items = [(k, v) for k, v in layers[at].items() if not (k == "p" and pointed in ("p", "padding"))]
    items = [(k, v) for k, v in items if k != key]
    items.insert(random_.randrange(len(items) + 1), (key, value))
    layers[at] = dict(items)
    text = WAYS[way]({"input": [8, 15, 17], "layers": layers})
    result = check("n.json", lambda: sources.load_text(text, "n.json"), cnncalc.trace.shape)
    (finding,) = result.findings
    assert finding.is_unusable
    assert finding.layer is not None
    assert finding.layer.startswith(f"layers[{at}]")
    assert key_at(text, finding.line, finding.column) == pointed


# Baselines.


def test_a_baseline_fails_until_it_is_updated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net = tmp_path / "nets" / "a.json"
    net.parent.mkdir()
    net.write_text(SILENT)
    lock = ["check", "nets", "--baseline", "nets.lock.json"]
    assert here(lock).code == 2
    assert here([*lock, "--update"]).code == 0
    first = (tmp_path / "nets.lock.json").read_text()
    assert '  "stem": {"op": "conv"' in first
    assert here(lock).code == 0
    assert here([*lock, "--strict"]).code == 0
    changed = json.loads(SILENT)
    changed["layers"][0]["c_o"] = 65
    changed["layers"].append({"op": "relu"})
    net.write_text(json.dumps(changed, indent=1))
    ended = here(lock)
    assert ended.code == 1
    assert "layers[0] 'stem': differs from the baseline: c_o 64 -> 65, " in ended.out
    assert "layers[1] 'maxpool1': differs from the baseline, as a result of changes above: in 64x112" in ended.out
    assert "CC303 baseline-added-layer: layers[2] 'relu1'" in ended.out
    assert (tmp_path / "nets.lock.json").read_text() == first
    assert here([*lock, "--update"]).code == 0
    assert here(lock).code == 0
    second = json.loads((tmp_path / "nets.lock.json").read_text())
    assert set(second["files"]) == {"nets/a.json"}
    changed["layers"].pop()
    net.write_text(json.dumps(changed))
    assert "the baseline's layer 'relu1' is gone" in here(lock).out
    (tmp_path / "nets" / "b.json").write_text(SILENT)
    assert "CC302 baseline-missing" in here(lock).out
    net.unlink()
    assert here([*lock, "--update"]).code == 0
    assert set(json.loads((tmp_path / "nets.lock.json").read_text())["files"]) == {"nets/b.json"}


def test_a_baseline_names_files_from_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "a.json").write_text(SILENT)
    monkeypatch.chdir(tmp_path)
    assert here(["check", "nets/a.json", "--baseline", "nets/lock", "--update"]).code == 0
    monkeypatch.chdir(tmp_path / "nets")
    assert here(["check", str(tmp_path / "nets" / "a.json"), "--baseline", "lock"]).code == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cnncalc": 1, "files": {"a": 1}}', '{"cnncalc": 2, "files": {}}'])
def test_a_baseline_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(text)
    (tmp_path / "a.json").write_text(OK)
    (tmp_path / "b.json").write_text(WRONG)
    ended = here(["check", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--baseline", str(tmp_path / "lock")])
    assert ended.code == 2
    assert "lock:1:1: CC001 unreadable" in ended.out
    assert "CC101 output-shape" in ended.out, "the files are checked all the same"
    before = (tmp_path / "lock").read_text()
    assert here(["check", str(tmp_path / "a.json"), "--baseline", str(tmp_path / "lock"), "--update"]).code == 2
    assert (tmp_path / "lock").read_text() == before


def test_an_unreadable_file_keeps_its_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(SILENT)
    assert here(["check", "a.json", "--baseline", "lock", "--update"]).code == 0
    before = (tmp_path / "lock").read_text()
    (tmp_path / "a.json").write_text(UNREADABLE)
    assert here(["check", "a.json", "--baseline", "lock", "--update"]).code == 2
    assert (tmp_path / "lock").read_text() == before
    assert sorted(os.listdir(tmp_path)) == ["a.json", "lock"]


# From a test suite.


def test_the_pytest_helpers() -> None:
    report = assert_shape("conv:64,k7,s2,p3 maxpool:k3,s2,p1", (64, 56, 56), input=(3, 224, 224))
    assert report.params == 9472
    assert_shape("vgg16", "1000")
    assert_report(STEM, params=9472, max_macs="119M", rf="11x11")
    assert_report("conv:8,k3,p=same", input="9x11x3", dialect="keras", batch=2, out="2x9x11x8")
    with pytest.raises(AssertionError, match="params is 9,472, expected at most 9k"):
        assert_report(STEM, max_params="9k")
    with pytest.raises(AssertionError, match="out is 64x56x56, expected 64x56x57"):
        assert_shape(STEM, "64x56x57")
    with pytest.raises(AssertionError, match="expected 1"):
        assert_report(STEM | {"expect": {"params": 1}})
    with pytest.raises(cnncalc.SpecError, match="no figure"):
        assert_report(STEM, parms=1)


def test_an_open_count_is_a_term_of_a_sum() -> None:
    spec = {
        "input": [3, "H", 8],
        "layers": [{"op": "conv", "c_o": 4, "k": 3}, {"op": "flatten"}, {"op": "linear", "out": 5}],
        "expect": {"params": 1},
    }
    (finding,) = json.loads(here(["check", "-", "--json"], stdin=json.dumps(spec)).out)["files"][0]["findings"]
    assert finding["arithmetic"] == ["conv1 112 + linear1 H*120-235 = H*120-123"]


def test_a_figure_is_a_text() -> None:
    with pytest.raises(AssertionError, match="there is no figure 1 to expect"):
        assert_report({"input": [3, 8, 8], "layers": [{"op": "relu"}], "expect": {1: 2}})


def test_a_figure_of_the_whole_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of expectations may ask for it, and it is a sum over all layers."""
    asked: list[str] = []

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            asked.append(args[-1])
            return real(*args)

        return called

    for real in (figure_of, arithmetic):
        monkeypatch.setattr(f"cnncalc.checks.{real.__name__}", counted(real))
    words = [word for number in range(9) for word in ("--expect", f"params<={number}")]
    assert here(["check", "3x5x5", "conv:4,k3", *words]).code == 1
    assert asked == ["params", "params"]
