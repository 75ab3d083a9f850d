"""The gate never fails open: files, folders, patterns and baselines of every unusual kind."""

from __future__ import annotations

import glob
import json
import os
import subprocess
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cnncalc import __version__
from cnncalc.checks import baseline
from cnncalc.cli._showing import Showing
from cnncalc.testing import assert_report, assert_shape
from tests.program import Ended, command, environment, here, posix

RELU: dict[str, Any] = {"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": 4, "k": 3}]}
OK = json.dumps(RELU | {"expect": {"out": "4x6x6"}})
WRONG = json.dumps(RELU | {"expect": {"out": "4x6x7"}})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def codes(*args: str) -> tuple[int, list[str]]:
    """Return the exit code, and the code of every finding."""
    ended = here(["check", *args, "--json"])
    assert "Traceback" not in ended.err
    return ended.code, [f["code"] for file in json.loads(ended.out)["files"] for f in file["findings"]]


def test_an_unreadable_file_of_lines_does_not_hide_the_others() -> None:
    write("a.jsonl", b"\xff\n")
    write("b.json", WRONG)
    write("c.jsonl", "")
    assert codes("a.jsonl", "b.json", "c.jsonl") == (2, ["CC001", "CC101", "CC001"])


def test_lines_by_a_pattern_and_with_odd_separators() -> None:
    write("two.jsonl", f"{OK}\n" + WRONG.replace('"input"', '"$schema": "a\u2028b\\u0085", "input"') + "\n")
    assert codes("*.jsonl") == (1, ["CC101"])


def test_what_is_found_of_a_line_is_on_that_line() -> None:
    write("three.jsonl", f"3x9x8 conv:4,k3\nlenet5\n{json.dumps(RELU | {'input': [3, 9, 9]})}\n")
    ended = here(["check", "three.jsonl", "--expect", "params<9", "--expect", "c1.out=1"])
    places = [line.partition(" ")[0] for line in ended.out.splitlines() if line.startswith("three")]
    assert places == ["three.jsonl:1:1:"] * 2 + ["three.jsonl:2:1:"] * 2 + ["three.jsonl:3:1:"] * 2
    assert "give --expect max_params=112\n" in ended.out


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_lines_of_utf_16_are_said_to_be_that(encoding: str) -> None:
    """A document is read in it, but its lines do not end where bytes do."""
    mark = b"" if encoding == "utf-16" else b"\xfe\xff"
    write("a.jsonl", mark + f"{OK}\n{OK}\n".encode(encoding))
    said = "not a line of UTF-8: it has a NUL, or a UTF-16 byte order mark"
    for ended in (here(["check", "a.jsonl"]), here(["shape", "a.jsonl", "--jsonl"])):
        assert ended.code == 2
        assert ended.out.count(said) >= 2, ended


def test_what_is_too_long_for_a_path_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's time to compile a pattern is quadratic in its length: 50,000 brackets took 40 seconds."""
    looked_for: list[str] = []

    def look(pattern: str) -> list[str]:
        looked_for.append(pattern)
        return []

    monkeypatch.setattr(glob, "glob", look)
    done = here(["check", "[" * 5_000, "[a"])
    assert (done.code, looked_for) == (2, ["[a"])
    assert "no file matches '[[[" in done.out


def test_each_line_has_a_baseline_of_its_own() -> None:
    write("two.jsonl", f"{OK}\n{json.dumps(RELU | {'input': [3, 9, 9]})}\n")
    assert here(["check", "two.jsonl", "--baseline", "lock", "--update"]).code == 0
    assert set(json.loads(Path("lock").read_text())["files"]) == {"two.jsonl:1", "two.jsonl:2"}
    assert codes("two.jsonl", "--baseline", "lock") == (0, [])
    write("two.jsonl", f"{OK}\n")
    assert codes("two.jsonl", "--baseline", "lock") == (1, ["CC305"])
    assert here(["check", "two.jsonl", "--baseline", "lock", "--update"]).code == 0
    assert set(json.loads(Path("lock").read_text())["files"]) == {"two.jsonl:1"}


@posix
def test_an_unreadable_folder_is_an_error() -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    write("nets/sub/a.json", WRONG)
    os.chmod("nets/sub", 0)
    try:
        assert codes("nets") == (2, ["CC001"])
    finally:
        os.chmod("nets/sub", 0o755)


@posix
@pytest.mark.parametrize("goal", ["nowhere", "b.json"])
def test_a_broken_link_is_an_error(goal: str) -> None:
    write("nets/a.json", OK)
    os.symlink(goal, "nets/b.json")
    os.mkfifo("nets/c.json")
    assert codes("nets") == codes("nets/*.json") == (2, ["CC001"])


def test_nothing_to_check_is_an_error() -> None:
    Path("empty").mkdir()
    Path("dirs/a.json").mkdir(parents=True)
    assert codes("empty") == (2, ["CC001"])
    assert codes("dirs/*.json") == (2, ["CC001"])


@pytest.mark.parametrize(
    "text", ['{"input": [3, 8, 8], "Layers": []}', '{"layers": {}}', '{"expect": {}}', '[{"OP": "relu"}]']
)
def test_a_mistyped_spec_in_a_folder_is_none_of_another_kind(text: str) -> None:
    write("nets/a.json", text)
    assert codes("nets") == (2, ["CC001"])


def test_what_is_skipped_is_said() -> None:
    write("nets/package.json", '{"name": "no spec"}')
    write("nets/a.json", OK)
    ended = here(["check", "nets"])
    assert ended.code == 0
    assert ended.err == f"note: {Path('nets/package.json')} skipped: not a network spec\n"
    assert here(["check", "nets", "-q"]).err == ""


def test_a_baseline_is_no_spec_and_says_what_is_gone() -> None:
    write("nets/a.json", OK)
    write("nets/b.json", OK)
    lock = ["--baseline", "nets/lock.json"]
    assert here(["check", "nets", *lock, "--update"]).code == 0
    assert codes("nets", *lock) == (0, [])
    assert codes("nets/lock.json", "nets/a.json") == (0, [])
    Path("nets/b.json").unlink()
    assert codes("nets", *lock) == (1, ["CC305"])
    assert codes("nets/a.json", *lock) == (1, ["CC305"])


def test_a_folder_is_not_a_baseline() -> None:
    write("a.json", OK)
    ended = here(["check", "a.json", "--baseline", "."])
    assert ended.code == 2
    assert "'.' is a directory" in ended.out
    assert "name the baseline's file" in ended.out


@posix
@pytest.mark.parametrize("update", [[], ["--update"]])
def test_a_pipe_is_not_a_baseline(update: list[str]) -> None:
    """Its files have no names relative to its folder; the help was to write it, even where it was being written."""
    write("a.json", OK)
    os.mkfifo("pipe")
    for name in ("pipe", "/dev/null"):
        ended = here(["check", "a.json", "--baseline", name, *update])
        assert ended.code == 2
        said = f"'{name}' is a pipe or a device, but the paths in a baseline are relative to its folder"
        assert said in ended.out, ended


def test_the_entries_of_a_baseline_are_counted() -> None:
    write("a.json", OK)
    write("b.json", OK)
    write("a.json", '{"input": [3, 8, 8], "layers": [{"op": "relu"}]}')
    done = here(["check", "a.json", "--baseline", "one", "--update"])
    assert (done.out, done.err) == ("1 file, 1 expectation: it holds\n", "note: one: 1 entry recorded\n")
    assert here(["check", "a.json", "b.json", "--baseline", "two", "--update"]).err == "note: two: 2 entries recorded\n"


@pytest.mark.parametrize("is_there", [True, False])
def test_what_another_records_meanwhile_is_not_lost(is_there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.json", OK)
    write("b.json", OK)
    update = ["--baseline", "lock", "--update"]
    if is_there:
        assert here(["check", "a.json", *update]).code == 0

    entry_text = baseline.entry_text

    def meanwhile(*args: Any) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(baseline, "entry_text", entry_text)
            assert here(["check", "b.json", *update]).code == 0
        return entry_text(*args)

    with monkeypatch.context() as patch:
        patch.setattr(baseline, "entry_text", meanwhile)
        done = here(["check", "a.json", *update])
    assert (done.code, done.err) == (2, "'lock' changed while in use\n  try again\n")
    assert here(["check", "a.json", *update]).code == 0
    assert set(json.loads(Path("lock").read_text())["files"]) == {"a.json", "b.json"}


@pytest.mark.parametrize(
    "text",
    [
        '{"cnncalc": 1, "files": {"a.json": {"report": {}, "layers": {"conv1": 3}}}}',
        '{"cnncalc": true, "files": {}}',
        '{"cnncalc": 1.0, "files": {}}',
        "<<<<<<< HEAD",
    ],
)
def test_a_broken_baseline_is_reported_beside_the_files(text: str) -> None:
    write("a.json", WRONG)
    write("lock", text)
    assert codes("a.json", "--baseline", "lock") == (2, ["CC001", "CC101"])
    assert here(["check", "a.json", "--baseline", "lock", "--update"]).code == 2
    assert Path("lock").read_text() == text


def test_a_baseline_that_is_a_device() -> None:
    write("a.json", OK)
    assert here(["check", "a.json", "--baseline", os.devnull, "--update"]).code == 2


def test_the_zoo_and_a_file_of_its_name_are_two() -> None:
    write("zoo/vgg16.json", OK)
    assert here(["check", "zoo/vgg16.json", "vgg16", "--baseline", "lock", "--update"]).code == 0
    assert set(json.loads(Path("lock").read_text())["files"]) == {"zoo/vgg16.json", "zoo:vgg16"}


@posix
def test_a_link_to_a_folder_names_the_same_files() -> None:
    write("nets/a.json", OK)
    os.symlink("nets", "link")
    assert here(["check", "nets", "--baseline", "lock", "--update"]).code == 0
    assert codes("link", "--baseline", "lock") == (0, [])


@posix
def test_pipes_and_circles_do_not_hang() -> None:
    write("nets/a.json", OK)
    os.mkfifo("nets/b.json")
    os.symlink(".", "nets/one")
    os.symlink(".", "nets/two")
    assert codes("nets") == (0, [])
    assert codes("**/*.json") == (0, [])
    assert codes("nets/**/a.json") == (0, [])


def test_folders_of_folders_are_folders() -> None:
    """`**/**` is as many folders as `**`, including none, and takes no longer."""
    write("nets/a.json", OK)
    assert codes("nets/**/**/a.json") == (0, [])


def test_a_red_gate_stays_red_where_nobody_reads_on() -> None:
    write("a.json", WRONG)
    read, wrote = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*command(), "check", *["a.json"] * 50], stdout=wrote, stderr=subprocess.PIPE, env=environment(), check=False
    )
    os.close(wrote)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("depth", [20, 330, 500, 900, 1500, 100_000])
@pytest.mark.parametrize("where", ["expect", "k", "op", "input", "name", "layers", "layer", "from", "rf"])
def test_deep_nesting_is_an_error_and_no_bug(where: str, depth: int) -> None:
    deep = "[" * depth + "1" + "]" * depth
    layer = {"op": '"conv"', "c_o": "4", **({where: deep} if where in ("op", "k", "name", "from") else {})}
    text = "{" + ", ".join(f'"{key}": {value}' for key, value in layer.items()) + "}"
    top = {"input": "[3, 8, 8]", "layers": f"[{deep if where == 'layer' else text}]"}
    top |= {where: deep} if where in ("expect", "input", "layers") else {}
    top |= {"expect": f'{{"rf": {deep}}}'} if where == "rf" else {}
    write("a.json", "{" + ", ".join(f'"{key}": {value}' for key, value in top.items()) + "}")
    assert here(["check", "a.json"]).code == 2
    assert here(["shape", "a.json", "--json"]).code in (0, 2)


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"params": "5±-1"}, "params: '5±-1' has a tolerance below 0"),
        ({"params": "1,5"}, "params: '1,5' is not a number"),
        ({"params": "1,,000"}, "params: '1,,000' is not a number"),
        ({"params": "_112"}, "params: '_112' is not a number"),
    ],
)
def test_numbers_that_are_none(wanted: dict[str, Any], what: str) -> None:
    write("a.json", json.dumps(RELU | {"expect": wanted}))
    assert what in here(["check", "a.json"]).out


def test_what_is_suggested_can_be_pasted() -> None:
    """For open sizes, and for counts beyond any size."""
    huge = {"input": [2**62, 3, 3], "layers": [{"op": "conv", "c_o": 2**62, "k": 3}], "expect": {"params": 1}}
    still = {"input": [3, "H", "W"], "layers": RELU["layers"], "expect": {"out": "1x1x1", "in": "1x1x1"}}
    for spec in (huge, still):
        write("a.json", json.dumps(spec))
        found = json.loads(here(["check", "a.json", "--json"]).out)["files"][0]["findings"]
        for finding in found:
            key, _, value = finding["help"].partition("write ")[2].partition(": ")
            spec["expect"] = {json.loads(key): json.loads(value)}
            write("a.json", json.dumps(spec))
            assert codes("a.json") == (0, [])


def test_why_a_figure_is_no_number() -> None:
    spec = {"input": [3, 8, 9], "layers": [{"op": "convT", "c_o": 4, "k": 3, "s": 2}], "expect": {"rf_stride": 1}}
    write("a.json", json.dumps(spec))
    assert "rf_stride differs from unit to unit, expected 1" in here(["check", "a.json"]).out


def test_every_finding_of_a_classifier_has_its_arithmetic() -> None:
    layers = [*RELU["layers"], {"op": "relu"}, {"op": "flatten"}, {"op": "linear", "out": 10}]
    layers[0] = layers[0] | {"expect": {"fc_weights": 1, "local_weights": 1}}
    layers[1] = layers[1] | {"expect": {"out": "1"}}
    write("a.json", json.dumps(RELU | {"layers": layers, "expect": {"rf": 1, "out": "1", "params": 1, "macs": 1}}))
    found = json.loads(here(["check", "a.json", "--json"]).out)["files"][0]["findings"]
    assert len(found) == 7
    for finding in found:
        assert finding["arithmetic"], finding


def test_a_wrong_option_is_one_error() -> None:
    write("a.json", OK)
    ended = here(["check", "a.json", "a.json", "--dialect", "nonsense"])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("unknown dialect 'nonsense'")


def test_a_change_above_does_not_shout_from_every_layer_below() -> None:
    deep = {"input": [3, 40, 41], "layers": [{"op": "conv", "c_o": 4, "k": 3, "times": 9}]}
    deep["layers"].insert(0, {"op": "conv", "name": "stem", "c_o": 4, "k": 3, "p": 1})  # type: ignore[attr-defined]
    write("a.json", json.dumps(deep))
    assert here(["check", "a.json", "--baseline", "lock", "--update"]).code == 0
    deep["layers"][0]["p"] = 2  # type: ignore[index]
    write("a.json", json.dumps(deep))
    found = json.loads(here(["check", "a.json", "--baseline", "lock", "--json"]).out)["files"][0]["findings"]
    assert [f["level"] for f in found] == ["error", "error", *["note"] * 9]
    deep["layers"][0]["p"] = 1  # type: ignore[index]
    deep["input"] = [3, 42, 41]
    write("a.json", json.dumps(deep))
    assert codes("a.json", "--baseline", "lock")[0] == 1, "only the input changed, and it fails all the same"


@posix
def test_names_with_escape_codes_are_printed_escaped() -> None:
    write("a\x1b[31m.json", WRONG)
    out = here(["check", "a\x1b[31m.json"]).out
    assert "\x1b" not in out
    assert "a\\x1b[31m.json:1:" in out


def test_the_helpers_take_what_python_has() -> None:
    assert_report(RELU, rf=(3, 3), params=112)
    assert_shape("linear:10", 10, input=5)
    assert_shape(RELU, (4, 6, 6), input=(3, 8, 8))
    with pytest.raises(AssertionError):
        assert_shape("linear:10", 11, input=5)


FAULTS = [
    (ZeroDivisionError("by\nzero"), "CC900", 3, f"this is a bug in cnncalc {__version__}: ZeroDivisionError: by\nzero"),
    (KeyError("\x1b"), "CC900", 3, f"this is a bug in cnncalc {__version__}: KeyError: '\\x1b'"),
    (MemoryError(), "CC001", 2, "the machine does not have enough memory"),
    (ImportError("no .so", name="numpy"), "CC001", 2, "numpy cannot be imported: no .so"),
    (
        ImportError("libblas.so: failed to map segment from shared object"),
        *("CC001", 2, "a library cannot be imported: libblas.so: failed to map segment from shared object"),
    ),
    (SystemError("no exception set"), "CC001", 2, "native code failed: no exception set"),
    (ImportError("no", name="cnncalc.x"), "CC900", 3, f"this is a bug in cnncalc {__version__}: ImportError: no"),
    (RecursionError("maximum"), "CC001", 2, "nested too deeply"),
    (OSError(5, "Input/output error"), "CC001", 2, "the operating system refused: Input/output error"),
]


@pytest.mark.parametrize(("fault", "code", "exit_code", "what"), FAULTS)
@pytest.mark.parametrize(
    "place",
    ["checks.agreement.shape", "checks.files.parse", "checks.baseline.changes", "render.checks.common.placed"],
)
def test_what_fails_in_one_file_does_not_end_the_gate(
    place: str, fault: Exception, code: str, exit_code: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        Path(f"{number}.json").write_text('{"input": [1, 5, 5], "layers": [{"op": "relu"}], "expect": {"params": 1}}')
    files, base = ["0.json", "1.json", "2.json"], ["--baseline", "b.json"]
    here(["check", *files, *base, "--update"])
    module, _, name = place.rpartition(".")
    real, calls = getattr(import_module(f"cnncalc.{module}"), name), Counter[str]()

    def fails(*args: Any, **more: Any) -> Any:
        calls["all"] += 1
        if calls["all"] == 2:
            raise fault
        return real(*args, **more)

    def result(format: str) -> Ended:
        calls.clear()
        return here(["check", *files, *base, "--format", format])

    monkeypatch.setattr(f"cnncalc.{place}", fails)
    ended = result("json")
    judged = json.loads(ended.out)
    found = [[(f["code"], f["what"]) for f in file["findings"]] for file in judged["files"]]
    failed = ("CC103", "params is 0, expected 1")
    assert found == [[failed], [failed] * place.endswith("changes") + [(code, what)], [failed]]
    assert ended.code == exit_code
    assert (judged["summary"]["files"], judged["summary"]["unusable"]) == (3, 1)
    for format in ("text", "jsonl", "github", "gitlab", "sarif", "junit"):
        ended = result(format)
        assert (ended.code, ended.err) == (exit_code, "")
        if format in ("gitlab", "sarif"):
            json.loads(ended.out)
        if format == "junit":
            ET.fromstring(ended.out)
    assert ("1 file not judged because of a bug" in result("text").out) == (code == "CC900")
    assert ("ulimit -v" in result("text").out) == ("segment" in what or "native" in what)
    calls.clear()
    traceback = here(["check", *files, *base, "--debug"]).err
    assert ("Traceback" in traceback) == (code == "CC900")


@pytest.mark.parametrize(
    ("place", "more", "codes"),
    [
        ("entry_text", ["--update"], ["CC900"] * 2),
        ("read", [], ["CC900"]),
        ("Baseline.key", [], ["CC900"] * 2),
        ("Baseline.is_gone", [], ["CC900"]),
    ],
)
def test_what_fails_with_a_baseline_does_not_end_the_gate(
    place: str, more: list[str], codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("0.json", OK)
    write("1.json", OK)
    words = ["check", "0.json", "1.json", "--baseline", "b.json"]
    assert here([*words, "--update"]).code == 0
    before = Path("b.json").read_text()

    def fails(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(f"cnncalc.checks.baseline.{place}", fails)
    ended = here([*words, *more, "--json"])
    files = json.loads(ended.out)["files"]
    assert (ended.code, {file["file"] for file in files} >= {"0.json", "1.json"}) == (3, True)
    assert [finding["code"] for file in files for finding in file["findings"]] == codes
    assert Path("b.json").read_text() == before


@pytest.mark.parametrize(("fault", "code", "exit_code", "what"), FAULTS)
def test_what_fails_with_one_line_does_not_lose_others(
    fault: Exception, code: str, exit_code: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Showing.result, Counter[str]()

    def fails(*args: Any) -> Any:
        calls["all"] += 1
        if calls["all"] == 2:
            raise fault
        return real(*args)

    monkeypatch.setattr(Showing, "result", fails)
    ended = here(["shape", "-", "--jsonl"], "3x5x5 relu\n" * 3)
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert ["error" in line for line in lines] == [False, True, False]
    assert (lines[1]["error"]["message"], lines[1]["error"]["line"], ended.code) == (what, 2, exit_code)


@pytest.mark.parametrize(("last", "code"), [({"pramas": 1}, "CC003"), ({"fc_weights": 1}, "CC003"), ({}, "CC101")])
def test_what_decides_the_exit_code_is_listed_after_very_many_findings(
    last: dict[str, Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncalc.checks.findings.MOST_FINDINGS", 3)
    layers = [{"op": "relu", "expect": expected} for expected in (*[{"out": 9}] * 9, last)]
    write("many.json", json.dumps({"input": [1, 5, 5], "layers": layers}))
    assert codes("many.json") == (2 if last else 1, ["CC101"] * 3 + [code] * bool(last) + ["CC202"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("3x5x5 relu --expect out=[a,b,b]", "note: --expect out=axbxb: a and b stand for any size\n"),
        ("3x5x5 relu --expect out=3xHx5 -q", ""),
        ("3xHxW relu --expect out=3xHxW", ""),
        ("3x5x5 relu --expect out=3x5x5", ""),
    ],
)
def test_letters_are_noted_where_no_size_is_open(words: str, said: str) -> None:
    holds = "1 file, 1 expectation: it holds\n"
    assert here(["check", *words.split()]) == Ended(0, holds, said)


def test_a_bad_expectation_does_not_silence_the_others() -> None:
    spec = {
        "input": [1, 5, 5],
        "layers": [{"op": "relu"}],
        "expect": {"zz": 1, "params": 1, "macs": "a", "out": "1x5x5"},
    }
    Path("net.json").write_text(json.dumps(spec))
    found = json.loads(here(["check", "net.json", "--json"]).out)["files"][0]
    assert [(finding["code"], finding["column"]) for finding in found["findings"]] == [
        ("CC003", 61),
        ("CC103", 70),
        ("CC003", 83),
    ]
    assert found["checked"] == 2
