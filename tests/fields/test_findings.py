"""Results of `cnncalc rf`: paths, effective fields, proofs by execution, and the arithmetic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cnncalc.fields.relation import Relation
from tests.program import here

SKIP = "3x17x17 conv:4,k3,s2,p1,name=a maxpool:3,s1,p1 conv:4,k4,p1+2,from=a,name=b add:maxpool1+b"


def asked(words: str, *options: str) -> dict[str, Any]:
    ended = here(["rf", *words.split(), *options, "--json"])
    assert (ended.code, ended.err) == (0, "")
    found: dict[str, Any] = json.loads(ended.out)
    return found


def test_paths_as_json() -> None:
    paths = asked(SKIP, "--paths")["report"]["fields"]["paths"]
    assert (paths["to"], paths["number"], paths["aligned"]) == ("add1", 2, [False, False])
    assert paths["apart"] == ["centres 0 and 1, 1 apart"] * 2
    assert [(kind["number"], kind["via"], kind["rf"]["size"]) for kind in paths["kinds"]] == [
        (1, ["maxpool1"], [7, 7]),
        (1, ["b"], [9, 9]),
    ]


def test_paths_in_words() -> None:
    ended = here(["rf", *SKIP.split(), "--paths"])
    assert ended.out.splitlines()[-2:] == [
        "2 paths lead to add1, with 2 different fields",
        "H, W: not aligned: centres 0 and 1, 1 apart",
    ]


def test_more_paths_than_a_number_is_written_for() -> None:
    """Each join doubles the number of paths: 2**1100 exceeds the range of a float."""
    layers = [{"op": "add", "from": [f"a{at - 1}" if at else "input"] * 2, "name": f"a{at}"} for at in range(1100)]
    spec = json.dumps({"input": [1, 4, 4], "layers": layers})
    found = json.loads(here(["rf", "-", "--paths", "--json"], spec).out)["report"]["fields"]["paths"]
    assert (found["number"], found["kinds"][0]["number"], len(found["kinds"][0]["via"])) == (None, None, 1100)
    lines = here(["rf", "-", "--paths"], spec).out.splitlines()
    assert lines[-2] == "1.36e331 paths lead to a1099"
    assert lines[2].endswith("input a0 a1 a2 a3 a4 … a1096 a1097 a1098 (1100; all with --json)")
    assert here(["rf", "-", "--paths", "--of", "a49"], spec).out.splitlines()[-2].startswith("1.13e15 ")
    assert here(["rf", "-", "--paths", "--of", "a48"], spec).out.splitlines()[-2].startswith("562,949,953,421,312 ")


def test_the_effective_field_as_json() -> None:
    found = asked("1x9x11 conv:2,k3,p1 conv:2,k3x5,p1x2", "--effective", "--unit", "4,5")["report"]["fields"][
        "effective"
    ]
    assert (found["of"], found["unit"], found["exact"], found["reasons"]) == ("conv2", [4, 5], True, [])
    assert found["deviation"] == pytest.approx([(4 / 3) ** 0.5, (2 / 3 + 2) ** 0.5])
    assert [len(profile) for profile in found["profile"]] == [9, 11]
    assert [sum(profile) for profile in found["profile"]] == pytest.approx([1, 1])
    assert found["touched"] == 5 * 7


def test_the_size_beside_the_effective_field_is_that_of_the_unit() -> None:
    """Units of two phases see 6 and 4 pixels."""
    spec = "1x17x17 conv:2,k3 maxpool:2 convT:2,k3,s2"
    for place, size in (("0,1", [6, 4]), ("7,6", [4, 6])):
        assert asked(spec, "--effective", "--unit", place)["report"]["fields"]["effective"]["size"] == size


def test_a_proof_as_json_and_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(SKIP, "--verify")["report"]["fields"]["verify"]
    assert (found["of"], found["pixels"], found["layers"], found["equal"]) == ("add1", 289, 4, True)
    slide = Relation.slide
    monkeypatch.setattr(Relation, "slide", lambda self, k, s, pb, d=1: slide(self, k, s, 0 if pb else pb, d))
    ended = here(["rf", *SKIP.split(), "--verify"])
    assert ended.code == 1
    assert "unit 0,0 of a does not respond to pixel 0,2, but should see it" in ended.out.splitlines()
    difference = json.loads(here(["rf", *SKIP.split(), "--verify", "--json"]).out)["report"]["fields"]["verify"]
    assert (difference["equal"], difference["difference"]["pixel"]) == (False, [0, 2])


def test_the_arithmetic_as_json() -> None:
    layers = asked("1x16 conv1d:4,k3,s2,p1 convT1d:4,k4,s2,p1", "--explain")["layers"]
    assert [layer["report"]["fields"]["explain"][0] for layer in layers] == [
        "receptive field: size 1 + (3 - 1)*1 = 3, stride 1*2 = 2, start 0 - 1*1 = -1",
        "receptive field: size 5, stride varying by phase, start -3",
    ]


def test_border_layers() -> None:
    words = "3x12x40 conv:4,k5,p2 conv:4,k5,p2 conv:4,k5,p2 conv:4,k3"
    document = asked(words)
    assert [layer["report"]["fields"]["border"] for layer in document["layers"]] == [
        *[[False, False]] * 3,
        [True, False],
    ]
    assert document["report"]["fields"]["least"] == [14, 14]
    ended = here(["rf", *words.split()])
    assert ended.out.splitlines()[-1] == (
        "1 border layer, conv4: the field of the layer's input is not smaller than the image; "
        "every layer adds something where H >= 14 and W >= 14"
    )


@pytest.mark.parametrize("options", [["--paths"], ["--effective"], ["--verify"], ["--explain"]])
def test_the_report_reads_back_as_a_spec(options: list[str]) -> None:
    ended = here(["rf", *SKIP.split(), *options, "--json"])
    again = here(["shape", "-", "--json"], ended.out)
    assert (again.code, again.out) == (0, here(["shape", *SKIP.split(), "--json"]).out)


@pytest.mark.parametrize(
    ("options", "err"),
    [
        ("--paths --verify", "--paths and --verify cannot be combined\n  use one at a time\n"),
        (
            "--paths --in a",
            "--in is for --unit and --from-pixel, not for --paths\n  leave it out, or use --after LAYER\n",
        ),
        ("--explain --format csv", "csv has only rows, without room for --explain\n  use the table or JSON\n"),
        *[
            (
                f"{option} --of input",
                "--of input: the input is not a layer\n  name a layer\n",
            )
            for option in ("", "--paths", "--verify", "--effective", "--from-pixel 0,0")
        ],
        (
            f"--unit {'9' * 22},0",
            f"--unit '{'9' * 22},0' is larger than any map\n  give one number per axis, such as 3,4\n",
        ),
        ("--effective --unit 3", "add1 has 2 axes (9x9), but unit 3 has 1\n  give one number per axis, such as 0,0\n"),
        ("--effective --unit 9,0", "add1 is 9x9, so there is no unit 9,0\n  the last is 8,8, the first is 0,0\n"),
    ],
)
def test_errors(options: str, err: str) -> None:
    ended = here(["rf", *SKIP.split(), *options.split()])
    assert (ended.code, ended.out, ended.err) == (2, "", err)
