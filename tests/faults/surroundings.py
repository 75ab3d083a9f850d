"""Unusual names, environments and encodings, which must not affect what is written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random

from tests.program import environment

from .commands import ENDINGS, WRITERS, State, fill, limited, line, run

LIMIT = 255
"""The most bytes of a name."""


def name_of(random: Random, ending: str) -> bytes:
    """Return a random file name."""
    left = LIMIT - len(ending)
    name = random.choice(
        [
            b"with space",
            b"a\nline",
            b"\xff\xfe not utf-8",
            b"caf\xe9",
            "größe漢字".encode(),
            b"-o",
            b"--json",
            b"x=y",
            b"*",
            b"$(touch gone)",
            b"\x1b[31mred\x1b[0m",
            b"\xe2\x80\xaegnp",
            b"%s{0}",
            b"a:b",
            b"~",
            b".hidden",
            b"x" * left,
            "é".encode() * (left // 2),
            "漢".encode() * (left // 3),
            b"\xff" * left,
        ]
    )
    return name[:left] + ending.encode()


def names(random: Random, folder: Path) -> None:
    """Write under an unusual name, in a folder with an unusual name, and read an unusual name."""
    kind = random.choice([*WRITERS])
    inside = Path(os.fsdecode(os.path.join(os.fsencode(folder), name_of(random, ""))))
    inside.mkdir()
    fill(inside)
    name = os.fsdecode(name_of(random, ENDINGS.get(kind, "")))
    state = State.draw(random, inside, kind, name)
    path = os.path.join(".", name) if name.startswith("-") or random.random() < 0.5 else name
    done = run([os.fsencode(word) for word in line(kind, path)], inside)
    assert done.code == 0, done
    state.check(kind, done.code, done)
    assert "\x1b" not in done.said, done
    lines = done.said.splitlines()
    assert all(one.startswith("note: ") for one in lines), done


def read_names(random: Random, folder: Path) -> None:
    """Read a spec with an unusual name: the result is the same, and errors show the name on one line."""
    name = os.fsdecode(name_of(random, ".json"))
    path = os.path.join(".", name) if name.startswith("-") else name
    (folder / name).write_text('{"input": [1, 8, 9], "layers": [{"op": "relu"}]}')
    done = run([b"shape", os.fsencode(path), b"--json"], folder)
    assert done.code == 0, done
    assert json.loads(done.out)["report"]["out"] == [1, 8, 9]
    for text in ('{"layers": [{"op": "conv", "k": 99}]}', "{", ""):
        (folder / name).write_text(text)
        done = run([b"shape", os.fsencode(path)], folder)
        assert done.code == 2, done
        assert b"\x1b" not in done.err, done
        assert "Traceback" not in done.said, done
        assert len(done.said.splitlines()) <= 4, done


def surroundings(random: Random, folder: Path) -> None:
    """Write in an unusual environment."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    env = environment(PYTHONSAFEPATH="1")
    odd: dict[str, list[str | None]] = {
        "HOME": [None, "/nowhere", ""],
        "TERM": [None, "", "dumb", "nonsense"],
        "PATH": [None, "", "/nowhere"],
        "USER": [None],
        "LANG": [None, "C", "de_DE.ISO-8859-1", "nonsense"],
        "LC_ALL": [None, "C", "POSIX", "tr_TR.UTF-8"],
        "PYTHONUTF8": [None, "0", "1"],
        "PYTHONCOERCECLOCALE": ["0"],
        "PYTHONIOENCODING": ["ascii", "latin-1", "cp1252", "ascii:strict", "utf-8:surrogateescape"],
        "PYTHONWARNINGS": ["error", "always", "nonsense"],
        "PYTHONUNBUFFERED": ["1"],
        "PYTHONDEVMODE": ["1"],
        "PYTHONHASHSEED": ["1", "2", "3"],
        "PYTHONDONTWRITEBYTECODE": ["1"],
        "PYTHONFAULTHANDLER": ["1"],
        "PYTHONMALLOC": ["debug"],
        "PYTHONINTMAXSTRDIGITS": ["640"],
        "COLUMNS": ["0", "-5", "1", "nonsense", "100000"],
        "NO_COLOR": ["1"],
        "FORCE_COLOR": ["1"],
        "TMPDIR": ["/nowhere"],
        "TZ": ["nonsense", ":/nowhere"],
        "OMP_NUM_THREADS": ["1", "0", "nonsense"],
        "GITHUB_ACTIONS": ["true"],
        "CI": ["true"],
    }
    for key in random.sample([*odd], random.randint(1, 6)):
        value = random.choice(odd[key])
        env.pop(key, None)
        env |= {} if value is None else {key: value}
    changed = {key: env.get(key) for key in odd if env.get(key) != os.environ.get(key)}
    done = run(line(kind, state.target.name), folder, env=env)
    assert done.code == 0, (kind, changed, done)
    state.check(kind, done.code, (changed, done))
    assert "Traceback" not in done.said, (kind, changed, done)


def deleted(random: Random, folder: Path) -> None:
    """Write by an absolute name from a folder that has been deleted."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    (folder.parent / f"{folder.name}-gone").mkdir()
    words = [str(folder / word) if (folder / word).is_file() else word for word in line(kind, str(state.target))]
    gone = folder.parent / f"{folder.name}-gone"
    done = run(words, gone, ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh"])
    if kind == "a baseline":  # its specs are relative to its folder
        assert done.code in (0, 2), done
        return
    assert done.code == 0, (kind, done)
    state.check(kind, done.code, done)


def encodings(random: Random, folder: Path) -> None:
    """Read a spec in another encoding or with other line ends: it is read like the plain one, or rejected."""
    text = random.choice(
        [
            '{\n"name": "Größe",\n"input": [1, 8, 9],\n"layers": [{"op": "relu"}]\n}\n',
            "1x8x9\nconv:2,k3\n# größer\nrelu\n",
        ]
    )
    ends = random.choice(["\n", "\r\n", "\r"])
    encoding = random.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32"])
    name = "net.json" if text.startswith("{") else "net.txt"
    (folder / name).write_bytes(text.replace("\n", ends).encode(encoding))
    (folder / f"plain-{name}").write_text(text, encoding="utf-8")
    as_stdin = random.random() < 0.3
    data = (folder / name).read_bytes() if as_stdin else b""
    done = run(["shape", "-" if as_stdin else name, "--json"], folder, stdin=data)
    plain = run(["shape", f"plain-{name}", "--json"], folder)
    assert plain.code == 0, plain
    assert "Traceback" not in done.said, (encoding, done)
    if encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert (done.code, done.out) == (0, plain.out), (encoding, ends, done)
    else:
        assert done.code == 2, (encoding, done)
        assert "UTF-" in done.said or encoding == "utf-32", (encoding, done)


def memory(random: Random, folder: Path) -> None:
    """Write with little memory: a complete file or an error, although OpenBLAS itself would end the process."""
    fill(folder)
    kind = random.choice([*WRITERS])
    state = State.draw(random, folder, kind)
    size = random.randint(20, 300) << 20
    done = run(line(kind, state.target.name), folder, limited(size, "AS"))
    state.check(kind, done.code, (size, done))
    assert done.code in (0, 2), (kind, size, done)
    assert "OpenBLAS " not in done.said, (kind, size, done)
    assert "this is a bug" not in done.said, (kind, size, done)


FAULTS = {
    "names": names,
    "names that are read": read_names,
    "environments": surroundings,
    "a deleted folder": deleted,
    "encodings": encodings,
}
if sys.platform == "linux":
    FAULTS["a memory limit"] = memory
