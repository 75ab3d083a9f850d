"""The formats of `cnncalc check`'s findings: to the letter, by their schemas, and as their readers read them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cnncalc import __version__
from cnncalc.checks.findings import CODES, Finding, Result
from cnncalc.errors import escaped
from cnncalc.render.checks import FORMATS, junit, render, sarif
from cnncalc.render.checks.common import fingerprint, named
from cnncalc.render.checks.github import MOST_BYTES, MOST_ROWS, github_summary
from tests import DATA
from tests.program import environment

SCHEMAS = DATA / "schemas"
NOW = "2026-01-02T03:04:05"


def written(format: str, results: list[Result]) -> str:
    text = "".join(render(results, format))
    text.encode()
    return text


# --- to the letter ---

SHAPE = Finding(
    "CC101",
    "nets/a.json",
    "out is 64x56x56, expected 64x112x112",
    14,
    9,
    layer="layers[2] 'pool1'",
    figure="out",
    expected="64x112x112",
    actual="64x56x56",
    arithmetic=("height (112 - 2)/2 + 1 = 56", "50%"),
    help="change it",
)
UNREADABLE = Finding("CC001", "b.json", "no <JSON>", 2, 1)
SILENT = Finding("CC201", "c.json", "the file has no expectations", level="note")
RESULTS = [
    Result("nets/a.json", [SHAPE], None, 3),
    Result("b.json", [UNREADABLE], None),
    Result("c.json", [SILENT], None),
    Result("d.json", [], None, 9),
]
CLOSING = "4 files, 12 expectations: 1 failed, 1 file unreadable; 1 file expects nothing\n"
FILES = [
    '{"file": "nets/a.json", "checked": 3, "ok": false, "findings": [{"code": "CC101", "name": "output-shape", '
    '"file": "nets/a.json", "what": "out is 64x56x56, expected 64x112x112", "line": 14, "column": 9, '
    '"level": "error", "layer": "layers[2] \'pool1\'", "figure": "out", "expected": "64x112x112", '
    '"actual": "64x56x56", "arithmetic": ["height (112 - 2)/2 + 1 = 56", "50%"], "help": "change it"}]}',
    '{"file": "b.json", "checked": 0, "ok": false, "findings": [{"code": "CC001", "name": "unreadable", '
    '"file": "b.json", "what": "no <JSON>", "line": 2, "column": 1, "level": "error"}]}',
    '{"file": "c.json", "checked": 0, "ok": true, "findings": [{"code": "CC201", "name": "no-expectation", '
    '"file": "c.json", "what": "the file has no expectations", "line": 1, "column": 1, "level": "note"}]}',
    '{"file": "d.json", "checked": 9, "ok": true, "findings": []}',
]
SUMMARY = '{"ok": false, "files": 4, "expectations": 12, "failed": 1, "unusable": 1, "notes": 1}'
PRINTS = [fingerprint(finding, Counter()) for finding in (SHAPE, UNREADABLE, SILENT)]
RULES = [{"id": code, "name": name, "shortDescription": {"text": what}} for code, (name, what) in CODES.items()]
EXACT = {
    "text": """\
nets/a.json:14:9: CC101 output-shape: layers[2] 'pool1': out is 64x56x56, expected 64x112x112
  height (112 - 2)/2 + 1 = 56
  50%
  change it
b.json:2:1: CC001 unreadable: no <JSON>
c.json:1:1: CC201 no-expectation: the file has no expectations
"""
    + CLOSING,
    "json": '{"cnncalc": 1, "files": [\n  ' + ",\n  ".join(FILES) + '\n], "summary": ' + SUMMARY + "}\n",
    "jsonl": "\n".join(FILES) + "\n",
    "github": "::error file=nets/a.json,line=14,col=9,title=CC101 output-shape::layers[2] 'pool1': out is 64x56x56, "
    "expected 64x112x112%0Aheight (112 - 2)/2 + 1 = 56%0A50%25%0Achange it\n"
    "::error file=b.json,line=2,col=1,title=CC001 unreadable::no <JSON>\n"
    "::notice file=c.json,line=1,col=1,title=CC201 no-expectation::the file has no expectations\n" + CLOSING,
    "gitlab": '[\n  {"description": "layers[2] \'pool1\': out is 64x56x56, expected 64x112x112", "check_name": '
    f'"CC101 output-shape", "fingerprint": "{PRINTS[0]}", "severity": "major", '
    '"location": {"path": "nets/a.json", "lines": {"begin": 14}}},\n'
    f'  {{"description": "no <JSON>", "check_name": "CC001 unreadable", "fingerprint": "{PRINTS[1]}", '
    '"severity": "critical", "location": {"path": "b.json", "lines": {"begin": 2}}},\n'
    '  {"description": "the file has no expectations", "check_name": "CC201 no-expectation", '
    f'"fingerprint": "{PRINTS[2]}", "severity": "info", "location": {{"path": "c.json", "lines": {{"begin": 1}}}}}}\n'
    "]\n",
    "junit": f"""\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="nets/a.json" tests="1" failures="1" errors="0" skipped="0" time="0" timestamp="{NOW}" \
hostname="localhost" package="" id="0">
    <properties/>
    <testcase name="CC101 output-shape: layers[2] 'pool1': out" classname="nets/a_json" time="0">
      <failure type="CC101 output-shape" message="layers[2] 'pool1': out is 64x56x56, expected 64x112x112">\
nets/a.json:14:9: CC101 output-shape: layers[2] 'pool1': out is 64x56x56, expected 64x112x112
  height (112 - 2)/2 + 1 = 56
  50%
  change it</failure>
    </testcase>
    <system-out/>
    <system-err/>
  </testsuite>
  <testsuite name="b.json" tests="1" failures="0" errors="1" skipped="0" time="0" timestamp="{NOW}" \
hostname="localhost" package="" id="1">
    <properties/>
    <testcase name="CC001 unreadable" classname="b_json" time="0">
      <error type="CC001 unreadable" message="no &lt;JSON&gt;">b.json:2:1: CC001 unreadable: no &lt;JSON&gt;</error>
    </testcase>
    <system-out/>
    <system-err/>
  </testsuite>
  <testsuite name="c.json" tests="1" failures="0" errors="0" skipped="1" time="0" timestamp="{NOW}" \
hostname="localhost" package="" id="2">
    <properties/>
    <testcase name="CC201 no-expectation" classname="c_json" time="0">
      <skipped type="CC201 no-expectation" message="the file has no expectations">\
c.json:1:1: CC201 no-expectation: the file has no expectations</skipped>
    </testcase>
    <system-out/>
    <system-err/>
  </testsuite>
  <testsuite name="d.json" tests="1" failures="0" errors="0" skipped="0" time="0" timestamp="{NOW}" \
hostname="localhost" package="" id="3">
    <properties/>
    <testcase name="all expectations hold" classname="d_json" time="0"/>
    <system-out/>
    <system-err/>
  </testsuite>
</testsuites>
""",
    "sarif": f'{{"$schema": "{sarif.SCHEMA}", "version": "2.1.0", "runs": [{{\n'
    f'"tool": {{"driver": {{"name": "cnncalc", "version": "{__version__}", "rules": {json.dumps(RULES)}}}}},\n'
    '"columnKind": "unicodeCodePoints",\n"results": [\n'
    '  {"ruleId": "CC101", "ruleIndex": 3, "level": "error", "message": {"text": "layers[2] \'pool1\': '
    'out is 64x56x56, expected 64x112x112\\nheight (112 - 2)/2 + 1 = 56\\n50%\\nchange it"}, '
    '"locations": [{"physicalLocation": {"artifactLocation": {"uri": "nets/a.json"}, '
    '"region": {"startLine": 14, "startColumn": 9}}, '
    '"logicalLocations": [{"fullyQualifiedName": "layers[2] \'pool1\'"}]}], '
    f'"partialFingerprints": {{"cnncalc/v1": "{PRINTS[0]}"}}}},\n'
    '  {"ruleId": "CC001", "ruleIndex": 0, "level": "error", "message": {"text": "no <JSON>"}, '
    '"locations": [{"physicalLocation": {"artifactLocation": {"uri": "b.json"}, '
    '"region": {"startLine": 2, "startColumn": 1}}}], '
    f'"partialFingerprints": {{"cnncalc/v1": "{PRINTS[1]}"}}}},\n'
    f'  {{"ruleId": "CC201", "ruleIndex": {list(CODES).index("CC201")}, "level": "note", '
    '"message": {"text": "the file has no expectations"}, '
    '"locations": [{"physicalLocation": {"artifactLocation": {"uri": "c.json"}, '
    '"region": {"startLine": 1, "startColumn": 1}}}], '
    f'"partialFingerprints": {{"cnncalc/v1": "{PRINTS[2]}"}}}}\n'
    "]}]}\n",
}
EMPTY = {
    "text": "no files\n",
    "json": '{"cnncalc": 1, "files": [], "summary": {"ok": true, "files": 0, "expectations": 0, "failed": 0, '
    '"unusable": 0, "notes": 0}}\n',
    "jsonl": "",
    "github": "no files\n",
    "gitlab": "[]\n",
    "junit": '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n</testsuites>\n',
}


@pytest.mark.parametrize("format", FORMATS)
def test_exact_text(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "timestamp", lambda: NOW)
    assert written(format, RESULTS) == EXACT[format]


@pytest.mark.parametrize("format", EMPTY)
def test_nothing_checked(format: str) -> None:
    assert written(format, []) == EMPTY[format]


def test_the_summary_to_the_letter() -> None:
    bound = SHAPE._replace(code="CC103", layer=None, figure="max_params", expected="at most 26M", actual="27,000,000")
    assert github_summary([SHAPE, UNREADABLE, bound]) == (
        "### cnncalc check: 2 failed, 1 file unreadable\n\n"
        "| finding | place | layer | expected | actual |\n|---|---|---|---|---|\n"
        "| <code>CC101 output-shape</code> | <code>nets/a.json:14:9</code> | <code>layers&#91;2&#93; 'pool1'</code> "
        "| <code>out 64x112x112</code> | <code>64x56x56</code> |\n"
        "| <code>CC001 unreadable</code> | <code>b.json:2:1</code> |  |  | <code>no &#60;JSON&#62;</code> |\n"
        "| <code>CC103 parameters</code> | <code>nets/a.json:14:9</code> |  | <code>params at most 26M</code> "
        "| <code>27,000,000</code> |\n"
    )
    assert github_summary([]) == "### cnncalc check: all hold\n"


def some(*codes: str, checked: int = 0, level: str = "error") -> list[Result]:
    return [Result(f"{n}.json", [Finding(c, f"{n}.json", "", level=level)], None, checked) for n, c in enumerate(codes)]


@pytest.mark.parametrize(
    ("results", "line"),
    [
        ([Result("a", [], None, 1)], "1 file, 1 expectation: it holds"),
        ([Result("a", [], None, 2)], "1 file, 2 expectations: all hold"),
        ([Result(str(n), [], None, 1) for n in range(1200)], "1,200 files, 1,200 expectations: all hold"),
        ([Result("a", [], None)], "1 file: all hold"),
        (some("CC201", level="note"), "1 file, 0 expectations: 1 file expects nothing"),
        (some("CC201", "CC201"), "2 files, 0 expectations: 2 files expect nothing"),
        (
            [*some("CC201", level="note"), Result("a", [], None, 4)],
            "2 files, 4 expectations: all hold; 1 file expects nothing",
        ),
        (some("CC001"), "1 file: 1 file unreadable"),
        (some("CC101", "CC101", "CC001", checked=3), "3 files, 9 expectations: 2 failed, 1 file unreadable"),
        (some("CC002", "CC002", checked=1), "2 files, 2 expectations: 2 files impossible"),
        (some("CC002", "CC003", checked=1), "2 files, 2 expectations: 1 file impossible, 1 expectation unreadable"),
        (some("CC301", "CC304"), "2 files: 2 changes against the baseline"),
        ([Result("a.jsonl", [], None, 1)] * 3, "1 file, 3 expectations: all hold"),
    ],
)
def test_the_closing_line(results: list[Result], line: str) -> None:
    assert written("text", results).splitlines()[-1] == line


# --- streaming ---


@pytest.mark.parametrize("format", FORMATS)
def test_each_file_is_written_before_the_next_is_read(format: str) -> None:
    read: list[int] = []

    def results() -> Iterator[Result]:
        for n in range(20):
            read.append(n)
            yield Result(f"file{n}.json", [Finding("CC101", f"file{n}.json", "wrong")], None, 1)

    for piece in render(results(), format):
        if found := re.search(r"file(\d+)\.json", piece):
            assert len(read) == int(found[1]) + 1


@pytest.mark.parametrize("format", FORMATS)
def test_what_cannot_be_drawn_is_a_finding_in_a_whole_document(format: str) -> None:
    broken = Finding("CC999", "b", "a code that is not known")
    found = [Result(file, [one], None, 1) for file, one in (("a", SHAPE), ("b", broken), ("c", UNREADABLE))]
    text = written(format, found)
    assert [text.count(code) > 0 for code in ("CC101", "CC900", "CC001")] == [True] * 3
    if format in ("json", "gitlab", "sarif"):
        json.loads(text)
    if format == "junit":
        ET.fromstring(text)


def test_a_file_that_this_system_cannot_have_is_a_finding() -> None:
    names = ["\ud800.json", "a\0b", "/\udcff"]
    uris = [sarif.uri(name) for name in names]
    assert uris == ["%ED%A0%80.json", "a%00b", "file:///%FF"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_loads_its_own_module_and_nothing_heavy(format: str) -> None:
    code = (
        "import sys; from cnncalc.checks.findings import Finding, Result; from cnncalc.render.checks import render\n"
        f"list(render([Result('a', [Finding('CC101', 'a', 'b')], None)], {format!r}))\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    loaded = set(done.stdout.split())
    assert not loaded & {"rich", "click", "numpy", "xml", "email"}
    own = {m for m in loaded if m.startswith("cnncalc.render.checks.")} - {"cnncalc.render.checks.common"}
    assert len(own) == 1


# --- names ---


def test_files_are_named_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert named(str(tmp_path / "here" / "a" / "n.json")) == "a/n.json"
    assert named(os.path.join(".", "a", "..", "n.json")) == "n.json"
    assert named(str(tmp_path / "hereafter.json")) == str(tmp_path / "hereafter.json").replace(os.sep, "/")
    assert named(os.path.join("..", "n.json")) == "../n.json"
    assert named("-") == "-"
    full = str(tmp_path / "here" / "n.json")
    for format in FORMATS:
        text = written(format, [Result(full, [Finding("CC101", full, "wrong")], None, 1)])
        assert "n.json" in text
        assert str(tmp_path) not in text


def test_standard_input_has_no_place_on_github() -> None:
    assert written("github", [Result("-", [Finding("CC101", "-", "wrong")], None)]).startswith(
        "::error title=CC101 output-shape::wrong\n"
    )


def test_a_name_that_is_no_unicode() -> None:
    name = "caf\udce9.json"
    results = [Result(name, [Finding("CC101", name, "wrong")], None)]
    for format in FORMATS:
        assert "caf" in written(format, results)
    assert json.loads(written("jsonl", results))["file"] == name
    assert json.loads(written("gitlab", results))[0]["location"]["path"] == name
    assert '"uri": "caf%E9.json"' in written("sarif", results)
    assert ET.fromstring(written("junit", results))[0].get("name") == "caf\\udce9.json"
    assert "caf&#92;udce9.json" in github_summary(results[0].findings)


@pytest.mark.parametrize(
    ("file", "uri"),
    [("a b%.json", "a%20b%25.json"), ("/tmp/é.json", "file:///tmp/%C3%A9.json"), ("a:b#c?.json", "a%3Ab%23c%3F.json")],
)
def test_uris(file: str, uri: str) -> None:
    assert sarif.uri(file) == uri


# --- fingerprints ---


def test_a_fingerprint_stays_when_lines_shift_and_layers_come_in_between() -> None:
    moved = SHAPE._replace(line=20, column=1, layer="layers[5] 'pool1'", actual="1x1x1", what="another")
    assert fingerprint(SHAPE, Counter()) == fingerprint(moved, Counter())
    others = [
        SHAPE._replace(code="CC102"),
        SHAPE._replace(file="x"),
        SHAPE._replace(layer="layers[2] 'x'"),
        SHAPE._replace(figure="in"),
    ]
    assert len({fingerprint(f, Counter()) for f in [SHAPE, *others]}) == 5


def test_two_findings_of_one_file_never_share_a_fingerprint_or_a_name() -> None:
    results = [Result("a.jsonl", [Finding("CC001", "a.jsonl", "bad", n)] * 2, None) for n in range(1, 4)]
    assert len({issue["fingerprint"] for issue in json.loads(written("gitlab", results))}) == 6
    tree = ET.fromstring(written("junit", results))
    assert len({case.get("name") for case in tree.iter("testcase")}) == 6


# --- read back ---

HOSTILE = "%]<&>\"'|\\`*_:,;={}[]()$~#@/. \t\n\r\x00\x1b\x85\u2028\ufffe\ufeffé×🙂"
words = st.text(st.sampled_from(HOSTILE + "abAB01") | st.characters(exclude_categories=["Cs"]), max_size=12)
files = words.map(lambda text: "n" + text.replace("\0", "") + ".json")


maybe = st.none() | words
numbers = st.integers(1, 10**6)
findings_of = st.lists(
    st.builds(
        Finding,
        st.sampled_from(list(CODES)),
        st.just(""),
        words,
        numbers,
        numbers,
        st.sampled_from(["error", "note"]),
        maybe,
        maybe,
        maybe,
        maybe,
        st.lists(words, max_size=2).map(tuple),
        maybe,
    ),
    max_size=3,
)
runs = st.lists(
    st.builds(
        lambda file, findings, checked: Result(file, [one._replace(file=file) for one in findings], None, checked),
        files,
        findings_of,
        st.integers(0, 9),
    ),
    max_size=4,
)


def flat(results: list[Result]) -> list[Finding]:
    return [f._replace(file=named(f.file)) for result in results for f in result.findings]


def full_text(finding: Finding) -> str:
    return "\n".join([finding.message(), *finding.arithmetic, *([finding.help] if finding.help else [])])


@given(runs)
def test_text_is_each_findings_own(results: list[Result]) -> None:
    text = written("text", results)
    blocks = "".join(finding.text() + "\n" for finding in flat(results))
    assert text.startswith(blocks)
    assert text.removeprefix(blocks).count("\n") == 1


@given(runs)
def test_json_reads_back(results: list[Result]) -> None:
    document = json.loads(written("json", results))
    lines = [json.loads(line) for line in written("jsonl", results).split("\n")[:-1]]
    assert document["files"] == lines
    assert [line["file"] for line in lines] == [named(r.file) for r in results]
    assert [line["ok"] for line in lines] == [all(f.level == "note" for f in r.findings) for r in results]
    assert [f for line in lines for f in line["findings"]] == [f.to_dict() for f in flat(results)]
    assert document["summary"]["ok"] == all(line["ok"] for line in lines)


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    data: str


def github_reads(text: str) -> list[Command]:
    """Return what GitHub's runner reads from a log, in its own order of steps and replacements."""
    found = []
    for line in re.split("\r\n|\r|\n", text):
        message = line.lstrip()
        if not message.startswith("::"):
            continue
        end = message.index("::", 2)
        name, _, words = message[2:end].partition(" ")
        pairs = (word.split("=", 1) for word in words.strip().split(",") if word)
        properties = {key: unescaped(value, "\r\n:,%") for key, value in pairs}
        found.append(Command(name, properties, unescaped(message[end + 2 :], "\r\n%")))
    return found


def unescaped(text: str, characters: str) -> str:
    for character in characters:
        text = text.replace(f"%{ord(character):02X}", character)
    return text


@given(runs)
@example([Result("n%0A,:%25.json", [Finding("CC101", "n%0A,:%25.json", "%0A%250A\r\n::")], None)])
def test_github_reads_back(results: list[Result]) -> None:
    text = written("github", results)
    assert github_reads(text) == [
        Command(
            "error" if f.level == "error" else "notice",
            {"file": escaped(f.file), "line": str(f.line), "col": str(f.column), "title": f.title},
            "\n".join(map(escaped, f.lines())),
        )
        for f in flat(results)
    ]


@given(runs)
def test_the_summary_reads_back(results: list[Result]) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(github_summary(flat(results)))
    cells = [
        "".join(child.content for child in token.children or [] if child.type.startswith("text"))
        for before, token in pairwise(tokens)
        if before.type == "td_open"
    ]
    for at, f in zip(range(0, len(cells), 5), flat(results), strict=True):
        place, layer, actual = cells[at + 1], cells[at + 2], cells[at + 4]
        assert cells[at] == f.title
        assert place == escaped(f"{f.file}:{f.line}:{f.column}")
        assert layer == escaped(f.layer or "")
        assert actual == escaped(f.what if f.actual is None else f.actual)


@pytest.mark.parametrize(("count", "length"), [(3000, 1), (100, 20_000), (2, MOST_BYTES)])
def test_a_long_summary_is_cut_and_says_so(count: int, length: int) -> None:
    text = github_summary(Finding("CC101", "a.json", "<" * length) for _ in range(count))
    assert len(text.encode()) < MOST_BYTES + 1000
    rows = text.count("| <code>CC101")
    assert rows <= MOST_ROWS
    assert f"\n… and {count - rows:,} more, in the step's log\n" in text
    assert text.startswith(f"### cnncalc check: {count:,} failed\n")


@given(runs)
def test_gitlab_reads_back(results: list[Result]) -> None:
    issues = json.loads(written("gitlab", results))
    severity = {(False, False): "info", (False, True): "info", (True, False): "major", (True, True): "critical"}
    assert [{k: v for k, v in issue.items() if k != "fingerprint"} for issue in issues] == [
        {
            "description": f.message(),
            "check_name": f.title,
            "severity": severity[f.level == "error", f.is_unusable],
            "location": {"path": f.file, "lines": {"begin": f.line}},
        }
        for f in flat(results)
    ]
    assert all(re.fullmatch("[0-9a-f]{32}", issue["fingerprint"]) for issue in issues)


@cache
def xsd() -> Any:
    return import_module("xmlschema").XMLSchema10(str(SCHEMAS / "junit-10.xsd"))


@given(runs)
@example([Result("n]]>.json", [Finding("CC101", "n]]>.json", "\t\r\n\ufffe\x00", layer=" a  b ")], None)])
def test_junit_reads_back_and_is_valid(results: list[Result]) -> None:
    tree = ET.fromstring(written("junit", results))
    xsd().validate(tree)
    assert [suite.get("name") for suite in tree] == [escaped(named(r.file)) for r in results]
    for number, (suite, result) in enumerate(zip(tree, results, strict=True)):
        tags = [case[0].tag if len(case) else "passed" for case in suite.iter("testcase")]
        assert suite.get("id") == str(number)
        assert suite.get("tests") == str(len(tags))
        counts = [suite.get(name) for name in ("failures", "errors", "skipped")]
        assert counts == [str(tags.count(tag)) for tag in ("failure", "error", "skipped")]
        assert len(tags) == max(1, len(result.findings))
    verdicts = [verdict for case in tree.iter("testcase") for verdict in case]
    assert [(v.get("type"), v.get("message"), v.text) for v in verdicts] == [
        (f.title, escaped(f.message()), f.text()) for f in flat(results)
    ]


def test_junit_has_what_ants_schema_demands_beyond_jenkins() -> None:
    """Windy Road's XSD of Ant's JUnit reports requires some attributes, their order, and one verdict per case."""
    for suite in ET.fromstring(written("junit", RESULTS)):
        required = {"name", "timestamp", "hostname", "tests", "failures", "errors", "time", "package", "id"}
        assert required <= set(suite.keys())
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        tags = [child.tag for child in suite]
        assert tags == ["properties", *["testcase"] * (len(tags) - 3), "system-out", "system-err"]
        for case in suite.iter("testcase"):
            assert {"name", "classname", "time"} == set(case.keys())
            assert len(case) <= 1
            assert all(verdict.get("type") for verdict in case)


@cache
def sarif_schema() -> Any:
    schema = json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    validator = import_module("jsonschema").Draft4Validator
    validator.check_schema(schema)
    return validator(schema)


@given(runs)
def test_sarif_reads_back_and_is_valid(results: list[Result]) -> None:
    document = json.loads(written("sarif", results))
    sarif_schema().validate(document)
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    found = run["results"]
    assert [(r["ruleId"], r["level"], r["message"]["text"]) for r in found] == [
        (f.code, f.level, full_text(f)) for f in flat(results)
    ]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in found)
    places = [r["locations"][0]["physicalLocation"] for r in found]
    assert [(p["region"]["startLine"], p["region"]["startColumn"]) for p in places] == [
        (f.line, f.column) for f in flat(results)
    ]
    uris = [p["artifactLocation"]["uri"] for p in places]
    assert [unquote(uri) for uri in uris] == [f.file for f in flat(results)]
    assert all(re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri) for uri in uris)


def test_the_schemas_refuse_what_is_wrong() -> None:
    document = json.loads(written("sarif", RESULTS))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not sarif_schema().is_valid(document)
    assert not xsd().is_valid(ET.fromstring("<testsuites><testsuite/></testsuites>"))


@pytest.mark.parametrize("format", ["gitlab", "sarif"])
def test_findings_that_have_all_in_common_have_their_own_fingerprints(format: str) -> None:
    """Even if a file is checked again after another."""
    results = [Result(file, [Finding("CC101", file, "wrong")] * 2, None, 1) for file in ("a", "b", "a")]
    prints = re.findall(r'(?:"fingerprint"|"cnncalc/v1"): "([0-9a-f]+)"', written(format, results))
    assert len(prints) == len({*prints}) == 6
