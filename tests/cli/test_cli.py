"""The installed command, in separate processes: formats, files, pipes, exit codes, streaming."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.layers import OPS, title
from tests.program import ROOT, command, dev_full, environment, here, interrupts, on_terminal, posix, process

STEM = ("3x224x224", "conv:64,k7,s2,p3", "maxpool:k3,s2,p1")


def test_the_table_of_the_stem() -> None:
    ended = process("shape", *STEM)
    assert ended.code == 0
    assert ended.err == ""
    assert "64x56x56" in ended.out
    assert "output 64x56x56, 9,472 parameters, 118,013,952 MACs" in ended.out
    assert "receptive field 11, stride 4, start -5" in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_a_table_keeps_to_the_terminal_and_cuts_nothing(columns: int) -> None:
    ended = on_terminal("shape", "mobilenet_v1", columns=columns)
    table = ended.out.partition("\n\n")[0].splitlines()
    assert all(len(line) <= columns for line in table)
    assert "…" not in ended.out
    letters = "".join(c for c in "".join(line.split(" ")[0] for line in table))
    assert "dw13_bn" in letters


@pytest.mark.parametrize("columns", ["20", "200"])
def test_a_table_in_a_file_is_whole_whatever_the_terminal_is(columns: str, tmp_path: Path) -> None:
    """Without a terminal, a layer is one line, with every name and number in full."""
    env = environment(COLUMNS=columns)
    layers = cnncalc.shape("mobilenet_v2").layers
    lines = process("shape", "mobilenet_v2", env=env).out.splitlines()[2 : 2 + len(layers)]
    for line, layer in zip(lines, layers, strict=True):
        assert line.split()[0] == layer.name
        assert f" {layer.macs:,} " in line
    path = tmp_path / "net.txt"
    assert process("shape", "mobilenet_v2", "-o", str(path), env=env).code == 0
    assert path.read_text(encoding="utf-8").splitlines()[2 : 2 + len(layers)] == lines
    ops = process("ops", env=env).out.splitlines()
    assert all(any(line.endswith(f"  {title(op)}") for line in ops) for op in OPS if op == OPS[op][0].WORD)
    networks = process("zoo", env=env).out.splitlines()[2:]
    assert [line.split()[0] for line in networks] == list(zoo.names())
    dialects = process("shape", "3x9x11", "conv:4,k3", "batchnorm", "maxpool:k2,s2", "--dialect", "all", env=env).out
    assert re.search(r"^batchnorm1 +4x7x9 eps 1e-05 +", dialects, re.MULTILINE)
    changes = process("diff", "vgg16", "vgg19", env=env).out
    assert re.search(r"MACs +1,849,688,064$", changes, re.MULTILINE)


def test_the_notes_about_an_op_break_between_words() -> None:
    shown = on_terminal("ops", "conv", columns=50).out
    notes = here(["ops", "conv"]).out.rpartition("\n\n")[2].split()
    assert shown.rpartition("\n\n")[2].split() == notes
    assert all(len(line) <= 50 for line in shown.splitlines())


ENDED = {".json": "{", ".jsonl": "{", ".csv": "layer,", ".md": "| layer", ".txt": "layer  "}


@pytest.mark.parametrize("ending", ENDED)
def test_the_ending_of_the_file_decides_the_format(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"report{ending.upper()}"
    assert here(["shape", *STEM, "-o", str(path)]) == (0, "", "")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(ENDED[ending])
    assert (len(text.splitlines()) == 1) is (ending == ".jsonl")


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        ("diff relu tanh -i 3x8x8 -o OUT.json", '{"cnncalc": 1, "old"'),
        ("diff relu tanh -i 3x8x8 -o OUT.md", "**From"),
        ("check lenet5 -o OUT.json", '{"cnncalc": 1, "files"'),
        ("check lenet5 -o OUT.jsonl", '{"file": "zoo:lenet5"'),
        ("check lenet5 -o OUT.xml", "<?xml"),
        ("check lenet5 -o OUT.sarif", '{"$schema"'),
        ("check lenet5 -o OUT.txt", "zoo:lenet5:1:1"),
        ("check lenet5 --format gitlab -o OUT.json", "["),
        ("check lenet5 --format sarif -o OUT.json", '{"$schema"'),
        ("check lenet5 --format junit -o OUT.xml", "<?xml"),
        ("zoo -o OUT.json", "["),
        ("zoo -o OUT.csv", "name,"),
        ("zoo -o OUT.md", "| network"),
        ("zoo lenet5 -o OUT.json", "{"),
        ("ops -o OUT.json", '{"convolutions"'),
        ("ops relu -o OUT.md", "**relu**"),
    ],
)
def test_the_ending_decides_in_every_command(line: str, begins: str, tmp_path: Path) -> None:
    path = Path(line.rsplit(maxsplit=1)[-1].replace("OUT", str(tmp_path / "out")))
    assert here([*line.split()[:-1], str(path)]) == (0, "", "")
    assert path.read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "shape relu --format csv -o net.json",
            "--format csv writes .csv, and 'net.json' ends in .json\n"
            "  give -o a name that ends in .csv, or --format json\n",
        ),
        (
            "shape relu --json -o net.md",
            "--format json writes .json, and 'net.md' ends in .md\n"
            "  give -o a name that ends in .json, or --format markdown\n",
        ),
        (
            "check lenet5 --format junit -o report.json",
            "--format junit writes .xml, and 'report.json' ends in .json\n"
            "  give -o a name that ends in .xml, or --format json\n",
        ),
        (
            "check lenet5 --format github -o report.json",
            "--format github writes text, and 'report.json' ends in .json\n"
            "  give -o a name with another ending, or --format json\n",
        ),
        (
            "shape relu --format csv -o net.png",
            "--format csv writes .csv, and 'net.png' ends in .png\n  give -o a name that ends in .csv\n",
        ),
    ],
)
def test_a_named_format_cannot_have_the_ending_of_another(line: str, error: str) -> None:
    assert here(line.split()) == (2, "", error)


@posix
@pytest.mark.parametrize(
    "line",
    [
        "run conv -x x.npy -w w.npy",
        "run conv -x x.npy -w w.npy -o y.npy --json",
        "dense conv -i 3x3 -w w.npy",
        "learn conv:k1 -x x.npy -y x.npy",
        "learn conv:k1 -x x.npy -y x.npy --exact --json",
        "shape 3x8x8 relu",
        "help words",
        "zoo",
    ],
)
def test_a_closed_standard_output_is_an_error(line: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((3, 3), np.float32))
    np.save(tmp_path / "w.npy", np.ones((2, 2), np.float32))
    shell = f"{shlex.join([*command(), *line.split()])} >&-"
    done = subprocess.run(
        ["sh", "-c", shell], cwd=tmp_path, capture_output=True, text=True, env=environment(), check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("standard output is closed\n  give -o FILE\n")


def test_colors_only_where_they_are_wanted() -> None:
    assert "\x1b[" in here(["shape", *STEM, "--color", "always"]).out
    assert "\x1b[" not in here(["shape", *STEM]).out
    assert "\x1b[" not in here(["shape", *STEM, "--color", "never"]).out


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8"])
def test_a_table_in_any_encoding(encoding: str) -> None:
    """A console's code page decides how a table is drawn; characters that it lacks are escaped."""
    env = environment(PYTHONUTF8="0", PYTHONIOENCODING=encoding)
    args = ["shape", "3x9x11", "conv:4,k3,name=größe漢"]
    done = subprocess.run([*command(), *args], capture_output=True, env=env, check=False)
    out = done.stdout.decode(encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "größe漢".encode(encoding, "backslashreplace").decode(encoding) in out
    assert "112 parameters" in out


def test_a_stream_leaves_the_collector_of_garbage_as_it_was() -> None:
    before = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    assert here(["shape", "-", "--jsonl"], stdin="3x8x8 conv:4,k3\n").code == 0
    assert (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()) == before


def test_lines_end_alike_on_every_system() -> None:
    """A stream with Windows line ends writes the same content as any other stream."""
    script = (
        "import io, sys; from cnncalc.cli import main\n"
        "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8', newline='\\r\\n')\n"
        "main()"
    )
    args = [sys.executable, "-c", script, "shape", *STEM, "--json"]
    done = subprocess.run(args, capture_output=True, env=environment(), check=True)
    assert done.stdout.decode() == here(["shape", *STEM, "--json"]).out


def test_json_reads_back_as_the_same_report() -> None:
    first = process("shape", *STEM, "--json")
    again = process("shape", "-", "--json", stdin=first.out)
    assert first.out == again.out
    assert json.loads(first.out) == cnncalc.shape(" ".join(STEM)).to_dict()
    assert first.out.count("\n") == 4, "a layer a line"


def test_explain_writes_the_arithmetic_out() -> None:
    out = here(["shape", *STEM, "--explain"]).out
    assert "height, width: floor((224 + 3+3 - 7 + 2)/2) = 112" in out
    assert "parameters: c_o*c_i*k + c_o = 64*3*7*7 + 64 = 9,472" in out
    assert "size 7 + (3 - 1)*2 = 11, stride 2*2 = 4, start -3 - 1*2 = -5" in out
    lines = json.loads(here(["shape", *STEM, "--explain", "--json"]).out)["layers"][0]["report"]["explain"]
    assert lines[0] == "height, width: floor((224 + 3+3 - 7 + 2)/2) = 112"


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "vgg16", "mobilenet_v1"])
def test_every_explained_number_is_true(name: str) -> None:
    """Each side of each equation is evaluated."""
    checked = 0
    for layer in cnncalc.shape(name).layers:
        for line in layer.explain():
            sides = [side.strip().replace(",", "").rpartition(": ")[2] for side in line.split(" = ")]
            numbers = [_value(side) for side in sides if not side.startswith(("c_", "in*", "out"))]
            numbers = [n for n in numbers if n is not None]
            assert len(set(numbers)) <= 1, line
            checked += len(numbers) > 1
    assert checked >= 5


def _value(side: str) -> int | None:
    import math

    if not set(side) <= set("0123456789+-*/() flor"):
        return None
    value = eval(side, {"floor": math.floor})
    assert isinstance(value, int)
    return value


def test_csv_has_a_row_a_layer_and_sums_to_the_report() -> None:
    rows = list(csv.DictReader(io.StringIO(here(["shape", "alexnet", "--format", "csv"]).out)))
    report = cnncalc.shape("alexnet")
    assert len(rows) == len(report.layers)
    assert sum(int(row["params"]) for row in rows) == report.params
    assert sum(int(row["macs"]) for row in rows) == report.macs
    assert [row["out"] for row in rows][:3] == ["64x55x55", "64x55x55", "64x27x27"]


def test_markdown_escapes_and_totals() -> None:
    out = here(["shape", "3x5x7", "conv:4,name=a|b_c", "--format", "markdown"]).out
    lines = out.splitlines()
    assert lines[2].startswith("| a\\|b\\_c | conv k1 |")
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}
    assert lines[-1].startswith("| total |")
    assert "| 16 |" in lines[-1]


def test_chosen_columns() -> None:
    out = here(["shape", *STEM, "--format", "csv", "--columns", "layer,k,rf_size,local"]).out
    assert out == "layer,k,rf_size,local\nconv1,7,7,118013952\nmaxpool1,3,11,\n"
    assert here(["shape", *STEM, "--columns", "layer,nope"]).code == 2


def test_unknown_is_said_and_never_zero() -> None:
    ended = here(["shape", "3x9x8", "opaque", "conv:8"])
    assert "output 8x?x?, unknown parameters, unknown buffers, unknown MACs" in ended.out
    rows = list(csv.DictReader(io.StringIO(here(["shape", "3x9x8", "opaque", "conv:8", "--format", "csv"]).out)))
    assert [(row["macs"], row["params"]) for row in rows] == [("unknown", "unknown")] * 2


def test_figures_of_open_sizes_are_formulas() -> None:
    ended = here(["shape", "3xHxW", "conv:8,k3,s2,p=same", "flatten", "linear:10"])
    floors = "((H+1)//2)*((W+1)//2)"
    assert f"output 10, {floors}*80+234 parameters, {floors}*296 MACs" in ended.out
    (row,) = csv.DictReader(io.StringIO(here(["shape", "3xHxW", "conv:8", "--format", "csv"]).out))
    assert (row["macs"], row["params"], row["ratio"]) == ("H*W*24", "32", "unknown")


def test_input_beats_the_spec_and_a_report_is_noted() -> None:
    ended = here(["shape", "lenet5", "-i", "1x36x40", "--format", "csv", "--columns", "layer,out"])
    assert ended.code == 0
    assert "c5,120x2x3\n" in ended.out
    report = here(["shape", *STEM, "--json"]).out
    again = here(["shape", "-", "-i", "3x100x90"], stdin=report)
    assert again.code == 0
    assert again.err.startswith("note: this is a report")
    assert here(["shape", "-", "-i", "3x100x90", "-q"], stdin=report).err == ""


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "net.json"
    assert process("shape", *STEM, "--json", "-o", str(target)).code == 0
    assert json.loads(target.read_text())["report"]["params"] == 9472
    before = target.read_bytes()
    assert process("shape", "3x5x5", "conv:4,k9", "--json", "-o", str(target)).code == 2
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.json"]


@dev_full
@pytest.mark.parametrize("format", ["table", "json"])
def test_a_full_standard_output(format: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*command(), "shape", *STEM, "--format", format],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "cannot write: No space left on device\n")


@pytest.mark.parametrize(
    "args", [("shape", "vgg16", "--json"), ("shape", "-", "--jsonl"), ("zoo",), ("--help",), ("-V",)]
)
def test_a_closed_pipe_ends_quietly(args: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        line = b'{"input": [3, 5, 7], "layers": [{"op": "relu"}]}\n'
        done = subprocess.run(
            [*command(), *args],
            input=line * 2000,
            stdout=write,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=30,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_lines_stream_in_order_and_errors_stand_in_place() -> None:
    """The first answer comes before the last question."""
    running = subprocess.Popen(
        [*command(), "shape", "-", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    )
    assert running.stdin is not None
    assert running.stdout is not None
    for n in range(1, 5):
        running.stdin.write(b'{"name": "n%d", "input": [3, 5, %d], "layers": [{"op": "relu"}]}\n' % (n, n))
        running.stdin.flush()
        answer = json.loads(running.stdout.readline())
        assert answer["name"] == f"n{n}"
        assert answer["report"]["out"] == [3, 5, n]
    running.stdin.close()
    assert running.stdout.read() == b""
    running.stdout.close()
    assert running.wait(30) == 0


def test_ten_thousand_lines() -> None:
    bad = {17: b"{oops", 5000: b"", 9999: b'{"input": [3, 4, 4], "layers": [{"op": "conv", "c_o": 2, "k": 9}]}'}
    good = b'{"input": [3, 9, %d], "layers": [{"op": "conv", "c_o": 4, "k": 3, "p": 1}, {"op": "maxpool", "k": 3}]}'
    lines = [bad.get(n, good % (n + 3)) for n in range(10_000)]
    ended = process("shape", "-", "--jsonl", stdin=b"\n".join(lines) + b"\n")
    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 2
    assert len(answers) == 10_000
    for n, answer in enumerate(answers):
        if n in bad:
            assert answer["error"]["line"] == n + 1
            assert answer["error"]["message"]
        else:
            assert answer["report"]["out"] == [4, 3, (n + 3) // 3]


def test_lines_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nets.jsonl"
    path.write_text('{"input": [3, 5, 7], "layers": [{"op": "relu"}]}\n[{"op": "conv", "c_i": 2, "c_o": 3}]\n')
    ended = here(["shape", str(path), "--jsonl"])
    answers = [json.loads(line)["report"]["out"] for line in ended.out.splitlines()]
    assert answers == [[3, 5, 7], [3, "H", "W"]]
    assert here(["shape", *STEM, "--jsonl"]).out.count("\n") == 1


@posix
def test_ctrl_c_is_130() -> None:
    script = textwrap.dedent(
        """
        import os, signal, sys, threading
        from cnncalc.cli import call
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        sys.exit(call(["shape", "-", "--jsonl"]))
        """
    )
    read, write = os.pipe()
    line = [sys.executable, "-c", script]
    try:
        with interrupts():
            done = subprocess.run(line, stdin=read, capture_output=True, env=environment(), timeout=30, check=False)
    finally:
        os.close(read)
        os.close(write)
    assert done.returncode == 130
    assert b"Traceback" not in done.stderr


@posix
def test_ctrl_c_of_another_program_is_ignored_in_the_background() -> None:
    """Without job control, a shell starts a background command so that it ignores Ctrl-C."""
    line, pipe = [*command(), "shape", "-", "--jsonl"], subprocess.PIPE
    with interrupts(heeded=False):
        running = subprocess.Popen(line, stdin=pipe, stdout=pipe, env=environment())
    assert running.stdin is not None
    assert running.stdout is not None
    for _ in range(2):
        running.stdin.write(b"3x5x7 relu\n")
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["report"]["out"] == [3, 5, 7]
        running.send_signal(signal.SIGINT)
    running.stdin.close()
    running.stdout.close()
    assert running.wait(30) == 0


def test_a_bug_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncalc import trace

    def broken(*args: object, **named: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(trace, "shape", broken)
    ended = here(["shape", *STEM])
    assert ended.code == 3
    assert ended.err.startswith("this is a bug in cnncalc")
    assert "ZeroDivisionError: oops" in ended.err
    assert "--debug" in ended.err


def test_zoo_lists_and_prints() -> None:
    out = here(["zoo"]).out
    assert [line.split()[0] for line in out.splitlines()[2:]] == list(zoo.names())
    rows = {row["name"]: row for row in json.loads(here(["zoo", "--json"]).out)}
    assert tuple(rows) == zoo.names()
    assert (rows["vgg16"]["params"], rows["vgg16"]["macs"], rows["lenet5"]["input"]) == (
        138357544,
        15470264320,
        [1, 32, 32],
    )
    listed = list(csv.DictReader(io.StringIO(here(["zoo", "--format", "csv"]).out)))
    assert [row["name"] for row in listed] == list(zoo.names())
    assert listed[-1]["macs"].isdecimal()
    markdown = here(["zoo", "--format", "markdown"]).out.splitlines()
    assert len({line.replace("\\|", "").count("|") for line in markdown}) == 1
    assert here(["zoo", "vgg16", "--format", "csv"]).code == 2
    spec = here(["zoo", "vgg16"]).out
    assert spec == (ROOT / "cnncalc" / "zoo" / "vgg16.json").read_text()
    piped, named = here(["shape", "-"], stdin=spec), here(["shape", "vgg16"])
    assert piped == named
    assert "output 1000, 138,357,544 parameters, 15,470,264,320 MACs" in named.out


def test_layer_words_come_before_files_and_files_before_the_zoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = '{"input": [2, 3, 5], "layers": [{"op": "relu", "name": "from_the_file"}]}'
    for name in ("relu", "vgg16"):
        (tmp_path / name).write_text(one)
    assert "from_the_file" in here(["shape", "vgg16"]).out
    assert "from_the_file" not in here(["shape", "4x5x6", "relu"]).out


def test_help_and_version() -> None:
    assert process("--version").out == f"cnncalc {cnncalc.__version__}\n"
    assert process("-h").code == 0
    for name in ("shape", "zoo", "completion"):
        ended = here([name, "--help"])
        assert ended.code == 0
        assert ended.out.startswith(f"Usage: cnncalc {name}")
    assert process().code == 2
