"""Random command lines, specs, words and expectations: none may end as a bug or print control codes.

    python -m tests.fuzz.commands --cases 1000000 --minutes 60 --seed 1

A case is drawn from its seed and number alone: a few files, then command lines on them, then the functions of the API.
Most of it is valid, so that it gets far: lines of the documentation, and of each option with others; one or two things
are changed at random. The law: exit code 0, 1 or 2, no control codes for a terminal or a log, complete JSON, XML,
tables and source on standard output and in files, and no exception but CnncalcError from the API.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import os
import random
import re
import shlex
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
import numpy as np

import cnncalc
from cnncalc.checks import expect
from cnncalc.cli import COMMANDS, group
from cnncalc.execute.sinks import save_all
from cnncalc.layers import OPS
from tests import hostile
from tests.hostile import ATTACKS, PRINTABLE
from tests.program import here

from . import laws, lines

LONGEST = 20
"""The most seconds of processor time that a command line may take."""
PAINT = r"\x1b\[\d+m"
"""The codes of our own colors."""
SHAPES = [
    "3x8x8",
    "3x9x7",
    "1x28x28",
    "8x8",
    "3xHxW",
    "3x8",
    "16",
    "2x3x8x8",
    "3x4x8x8",
    "8x8x3",
    "0x0",
    "1x1x1",
    "Hx3",
]
NUMBERS: list[Any] = [0, 1, 2, 3, 5, 7, -1, 64, 10**6, 10**18, 10**40, -(10**20), 1.5, 1e308, float("nan"), True, None]
VALUES: list[Any] = [
    *NUMBERS,
    "",
    "same",
    "valid",
    "H",
    "[",
    "1x2",
    "a",
    [],
    [1],
    [1, 2],
    [[1, 0], [0, 1]],
    {},
    [[]],
    "9" * 5000,
]
TEXTS = [
    "",
    "-",
    "--",
    "=",
    "1",
    "-1",
    "9" * 40,
    "1e400",
    "nan",
    "0x10",
    "[",
    "[a]",
    "(1,2)",
    "a:b",
    "a=b",
    "a.b",
    ",",
    "..",
    "x" * 300,
]
PATHS = [
    "net.json",
    "other.json",
    "words",
    "lines.jsonl",
    "x.npy",
    "w.npz",
    "base.json",
    "missing.json",
    ".",
    "/dev/null",
    "a.csv",
]
EXPECTED = ["out", "params", "macs", "rf", "rf_start", "memory", "forbid", "conv1.out", "relu1.params", "zz"]
ENDINGS = ["json", "jsonl", "csv", "md", "tex", "html", "onnx", "py", "svg", "mmd", "dot", "npy", "npz", "txt"]
SIGNS = ["=", "<=", ">=", "<", "==", "!=", "≤"]


class Draw(random.Random):
    """The random choices of a case."""

    def layer(self, depth: int = 0) -> dict[str, Any]:
        """Return the example of an op, or sometimes a block."""
        if depth < 2 and self.random() < 0.1:
            return {"op": "block", "layers": self.layers(depth + 1)}
        layers = example(self.choice([*OPS]))
        return dict(self.choice(layers))

    def layers(self, depth: int = 0) -> list[dict[str, Any]]:
        """Return a few layers, sometimes after one with an unknown output."""
        first = [{"op": "opaque"}] * (self.random() < 0.15)
        return first + [self.layer(depth) for _ in range(self.randint(1, 4))]

    def spec(self) -> Any:
        """Return a spec with an input, and sometimes with expectations."""
        spec: dict[str, Any] = {"cnncalc": 1, "input": [int(n) if n.isdigit() else n for n in self.shape().split("x")]}
        spec["layers"] = self.layers()
        if self.random() < 0.3:
            spec["expect"] = {self.choice(EXPECTED): self.value() for _ in range(2)}
        return self.mutated(spec, self.choice([0, 0, 1, 1, 2]))

    def shape(self) -> str:
        return self.choice(SHAPES[:3] if self.random() < 0.7 else SHAPES)

    def value(self) -> Any:
        return self.choice(ATTACKS) if self.random() < 0.1 else deepcopy(self.choice(VALUES))

    def mutated(self, value: Any, times: int) -> Any:
        """Return a JSON value with `times` changes: another value, another key, an item added or removed."""
        value = json.loads(json.dumps(value))
        for _ in range(times):
            places = [*_places(value)]
            if places:
                self._change(*self.choice(places))
        return value

    def _change(self, holder: Any, key: Any) -> None:
        kind = self.random()
        if kind < 0.5:
            holder[key] = self.value()
        elif kind < 0.6:
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, self.choice([deepcopy(holder[key]), self.value()]))
        else:
            others = [
                *sorted({name for cls, _ in OPS.values() for name in cls.KEYS}),
                "name",
                "from",
                "times",
                "tie",
                "expect",
            ]
            holder[str(self.choice(others))] = self.choice([deepcopy(holder[key]), self.value()])

    def words(self) -> list[str]:
        """Return layer words after a shape."""
        words = [(OPS[op][0].EXAMPLE or "OP").replace("OP", op) for op in self.choices([*OPS], k=self.randint(1, 3))]
        words = [self.shape(), *" ".join(words).split()]
        if self.random() < 0.4:
            at = self.randrange(len(words))
            words[at] = self.edited(words[at])
        return words

    def edited(self, word: str) -> str:
        """Return a word with characters changed."""
        for _ in range(self.randint(1, 3)):
            at, end = sorted((self.randint(0, len(word)), self.randint(0, len(word))))
            new = self.choice(
                [self.choice(",:=x+-.()[]0123456789kspdg"), self.choice(TEXTS), word[at:end], self.choice(ATTACKS)]
            )
            word = word[:at] + new + word[self.choice([at, min(at + 1, len(word)), end]) :]
        return word.replace("\0", "")

    def expectation(self) -> str:
        text = (
            self.choice(EXPECTED) + self.choice(SIGNS) + self.choice(["1", "64x8x8", "[a]", "(1,2)", "1k±1%", *TEXTS])
        )
        return self.edited(text) if self.random() < 0.3 else text

    def source(self) -> list[str]:
        """Return what may be given as a SPEC."""
        return self.choice(
            [["net.json"], ["other.json"], ["words"], self.words(), ["lenet5"], [" ".join(self.words())]]
        )

    def line(self) -> list[str]:
        """Return a command line: one of the documentation, one with valid options, or a random one."""
        kind = self.random()
        if kind < 0.3:
            line = self._by_chance()
        elif kind < 0.55:
            line = [*self.choice(lines.documented())]
        else:
            line = [*self.choice(lines.begun())]
            added = lines.added()[line[0]]
            for words in self.sample(added, min(len(added), 1 if kind < 0.65 else self.randint(0, 2))):
                line += words
            if self.random() < 0.2:
                line[1:2] = self.choice([["torch.py"], ["keras.json"], ["net.onnx"], ["deep.json"], self.source()])
            if self.random() < 0.1:
                line += ["-o", f"out.{self.choice(ENDINGS)}"]
        if kind > 0.3 and self.random() < 0.3:
            at = self.randrange(len(line))
            line[at] = re.sub(r"\d+", lambda _: str(self.choice([0, 1, 2, 3, 5, 7, 10**6, 10**20])), line[at])
        return [self.edited(word) if self.random() < 0.02 else word for word in line]

    def _by_chance(self) -> list[str]:
        """Return a command with random options."""
        name = self.choice([*COMMANDS])
        command = group.get_command(click.Context(group), name)
        assert command is not None
        line = [name, *self.source(), *(self.source() if name in ("diff", "compare") else [])]
        line += {"run": ["-x", "x.npy", "--seed", "1"], "dense": ["-w", "w.npy"]}.get(name, [])
        options = [one for one in command.params if isinstance(one, click.Option)]
        for option in self.sample(options, min(len(options), self.choice([0, 1, 1, 2, 3]))):
            if option.name not in ("path", "folder", "steps", "debug"):
                line.append(self.choice(option.opts))
                line += [] if option.is_flag else [self.option_value(option)]
        return line

    def option_value(self, option: click.Option) -> str:
        choices = getattr(option.type, "choices", None)
        if choices and self.random() < 0.9:
            return str(self.choice(list(choices)))
        if option.name == "expected":
            return self.expectation()
        usual = {
            "input": SHAPES,
            "dialect": ["torch", "all", "caffe,onnx"],
            "layout": ["NHWC"],
            "dtype": ["int8", "float32"],
        }
        usual |= {
            "until": ["conv1", "relu1"],
            "after": ["conv1", "relu1"],
            "out": SHAPES,
            "tool": ["thop", "fvcore"],
            "at": ["H=8,9"],
        }
        return str(
            self.choice([*usual.get(str(option.name), []) * 9, *TEXTS, *PATHS, *SHAPES, *NUMBERS[:9], *ATTACKS[:20]])
        ).replace("\0", "")


def example(op: str, found: dict[str, list[dict[str, Any]]] = {}) -> list[dict[str, Any]]:  # noqa: B006  a cache
    """Return the layers of an op's example."""
    if op not in found:
        network = cnncalc.load((OPS[op][0].EXAMPLE or "OP").replace("OP", op))
        found[op] = [
            {k: v for k, v in layer.items() if k != "name"}
            for layer in network.to_dict()["layers"]
            if layer["op"] == op
        ]
    return json.loads(json.dumps(found[op], default=str))  # type: ignore[no-any-return]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each position in a JSON value: its container, and its key there."""
    for key in range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ():
        yield value, key
        yield from _places(value[key])


def write_files(draw: Draw) -> None:
    """Write the files of a case to the current folder: those of valid lines, some of them changed."""
    lines.write_files()
    if draw.random() < 0.4:
        return
    specs = [draw.spec(), draw.spec()]
    for name, spec in zip(("net.json", "other.json"), specs, strict=True):
        text = json.dumps(spec, ensure_ascii=draw.random() < 0.5)
        hostile.write(Path(), name, draw.edited(text) if draw.random() < 0.05 else text)
    hostile.write(Path(), "words", " ".join(draw.words()))
    hostile.write(Path(), "lines.jsonl", "\n".join([json.dumps(draw.spec()) for _ in range(3)]))
    hostile.write(
        Path(),
        "base.json",
        draw.mutated({"cnncalc": 1, "files": {"net.json": {"report": {}, "layers": {"conv1": {}}}}}, 1),
    )
    hostile.write(Path(), "a.csv", draw.edited("1,2\n3,4\n"))
    np.save(
        "x.npy",
        np.zeros([int(n) for n in draw.shape().split("x") if n.isdigit()], draw.choice(["f4", "f8", "i4", "b1"])),
    )
    np.save("w.npy", np.ones(draw.choice([(2, 3, 3, 3), (1, 1, 2, 2), (3,), ()])))
    save_all("w.npz", {draw.choice(["conv1.weight", "weight", *PRINTABLE[:4]]): np.ones((2, 3, 3, 3))})


def faults(seed: int, number: int) -> list[tuple[str, str]]:
    """Return the faults of a case, with how to reproduce them; the case's folder is kept if there are any."""
    draw, folder = Draw(f"{seed}/{number}"), Path(f"{seed}-{number}")
    folder.mkdir()
    with contextlib.chdir(folder):
        write_files(draw)
        found = [*_faults_of_commands(draw), *_faults_of_api(draw)]
    if not found:
        shutil.rmtree(folder)
    return found


def _faults_of_commands(draw: Draw) -> Iterator[tuple[str, str]]:
    for _ in range(3):
        line = draw.line()
        for what in faults_of(line):
            yield what, shlex.join(["cnncalc", *line])


def faults_of(line: list[str]) -> Iterator[str]:
    """Yield the faults in how a command line ends, and in what it writes."""
    given = Path("lines.jsonl" if "--jsonl" in line else "net.json")
    for path in Path().glob("out.*"):
        path.unlink()
    try:
        with _limited():
            ended = here(line, given.read_bytes() if given.is_file() else "")
    except UnicodeDecodeError:  # an ONNX file on standard output
        return
    except BaseException as error:
        yield f"{type(error).__name__} {_place(error)}"
        return
    ended = ended._replace(out=re.sub(PAINT, "", ended.out), err=re.sub(PAINT, "", ended.err))
    said = ended.err + ended.out * ("CC900" in ended.out)
    if ended.code not in (0, 1, 2) or "this is a bug" in said:
        yield said[said.find("this is a bug") :].split("\n")[0][:100]
    is_own_text = line[0] in ("help", "schema", "completion", "zoo") or "onnx" in line
    if not is_own_text and (harms := hostile.harms(ended, "github" in line)):
        yield f"harmful text: {harms[0][:80]!r}"
    forms = _forms(line)
    written = [(path.suffix[1:], path.read_bytes()) for path in Path().glob("out.*")] if ended.code == 0 else []
    whole = {"check": (0, 1), "diff": (0, 1)}.get(line[0], (0,))
    if line[0] in ("help", "completion", "schema") or {"--list-codes", "--help", "-h"} & {*line}:
        return
    if len(forms) == 1 and ended.code in whole and ended.out:
        written.append((forms.pop(), ended.out.encode()))
    for kind, data in written:
        try:
            WHOLE.get(kind, bool)(data)
        except Exception as error:
            yield f"{kind} that is not whole: {type(error).__name__} {error}"[:90]


def _forms(line: list[str]) -> set[str]:
    """Return the formats named by the options of a command line, as click parses them: a path may be `--json`."""
    command: Any = group.get_command(click.Context(group), line[0])
    if command is None:  # the command is guessed
        return set()
    try:
        given = command.make_parser(click.Context(command)).parse_args(line[1:])[0]
    except click.UsageError:
        return set()
    flags = {form for form in ("json", "jsonl") if given.get(f"as_{form}")}
    return flags | {given[key] for key in ("format", "target") if given.get(key)}


def _lines_of_json(data: bytes) -> None:
    for line in data.splitlines():
        json.loads(line)


def _table(data: bytes) -> None:
    if len({len(row) for row in csv.reader(data.decode().splitlines()) if row}) > 1:
        raise ValueError("rows of several lengths")


WHOLE: dict[str, Callable[[bytes], object]] = {
    **dict.fromkeys(("json", "sarif", "gitlab", "keras", "spec"), json.loads),
    "jsonl": _lines_of_json,
    **dict.fromkeys(("junit", "svg"), ET.fromstring),
    "csv": _table,
    **dict.fromkeys(("torch", "py"), lambda data: compile(data, "", "exec")),
}
"""The function that raises an error if output in a format is incomplete."""


def _faults_of_api(draw: Draw) -> Iterator[tuple[str, str]]:
    source: Any = draw.choice([draw.spec, draw.layers, draw.words, lambda: " ".join(draw.words()), draw.value])()
    more = {
        "input": draw.choice([None, (3, 8, 8), draw.shape(), draw.value()]),
        "dialect": draw.choice([None, "torch", draw.value()]),
    }
    wanted = {draw.choice(EXPECTED): draw.value()}
    calls: dict[str, Callable[[], Any]] = {
        "shape": lambda: str(cnncalc.shape(source, **more)),
        "check": lambda: cnncalc.check(source, expect=wanted),
        "diff": lambda: str(cnncalc.diff(source, source)),
        "compare": lambda: cnncalc.compare(source, source).to_list(),
        "contrast": lambda: json.dumps(cnncalc.contrast(source, ["torch", "keras", "onnx"]).to_dict()),
        "to_onnx": lambda: cnncalc.to_onnx(source),
        "run": lambda: _executed(source),
        "to_torch": lambda: compile(cnncalc.to_torch(source), "", "exec"),
        "to_keras": lambda: json.loads(cnncalc.to_keras(source)),
        "expect": lambda: expect.read_text(draw.expectation()),
    }
    for name, call in calls.items():
        try:
            with _limited():
                call()
        except cnncalc.CnncalcError:
            pass
        except BaseException as error:
            yield f"API: {type(error).__name__} {_place(error)}", f"{name} of {source!r} {more} {wanted}"[:500]


def _executed(source: Any) -> None:
    """Run a network if it is small, prepared and unprepared."""
    x = np.ones((3, 8, 8), np.float32)
    if laws.is_small(cnncalc.shape(source, x.shape)):
        out, again = cnncalc.run(source, x, seed=0), cnncalc.prepare(source, seed=0)(x)
        if not np.array_equal(out, again, equal_nan=True):
            raise ValueError("prepared it gives something else")


def _place(error: BaseException) -> str:
    """Return where an exception was raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "cnncalc/" in frame.filename]
    return f"{frames[-1].filename.rpartition('cnncalc/')[2]}:{frames[-1].lineno}" if frames else str(error)[:60]


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise TimeoutError in a block that takes too long, in processor time or five times that in wall-clock time."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError

    if not hasattr(signal, "SIGPROF"):
        yield
        return
    before = {number: signal.signal(number, late) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    signal.alarm(5 * LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """Draw cases, and print each kind of fault once, with a command that reproduces it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no case after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this case alone; its files stay")
    given = parser.parse_args()
    found: dict[str, int] = {}
    end, count = time.monotonic() + 60 * given.minutes, 0
    os.chdir(tempfile.mkdtemp(prefix="cnncalc-fuzz-"))
    for number in range(given.cases) if given.only is None else [given.only]:
        if time.monotonic() > end:
            break
        count += 1
        for what, line in faults(given.seed, number):
            found[what] = found.get(what, 0) + 1
            if found[what] == 1:
                click.echo(f"case {number}: {what}\n    {line}")
    click.echo(f"{count:,} cases, {len(found)} kinds of faults: {found} in {os.getcwd()}")


if __name__ == "__main__":
    main()
