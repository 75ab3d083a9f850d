"""Valid command lines, and the files that they read: those of the documentation, and one for each option."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from functools import cache
from pathlib import Path

from cnncalc.cli import COMMANDS
from tests.cli import test_options as options
from tests.program import here
from tests.test_docs import BLOCK, PAGES, examples, text_of

Words = tuple[str, ...]
SHELL = {"|", ">", ";", "&&"}
"""Words of a shell; lines with them are left out."""
LEFT_OUT = {"--debug", "--color", "--no-color"}
WRITTEN = {
    "torch.py": "convert net.json --to torch -o torch.py",
    "keras.json": "convert net.json --to keras -o keras.json",
    "net.onnx": "convert net.json --to onnx -w w.npz -o net.onnx",
    "weighted.onnx": "convert 1x5x6 conv:2,k2 --to onnx -w w.npz -o weighted.onnx",
    "deep.json": "convert resnet18 -i 3x32x32 -o deep.json",
    "whole.json": "shape lenet5 --json -o whole.json",
    "open.json": "convert 3xHxW conv:4,k3,s2,p1 maxpool:2 upsample:x2 conv:2 -o open.json",
}
"""Files that are written by command lines, and read by others."""


@cache
def documented() -> list[Words]:
    """Return the command lines of the README and of the help pages, without `cnncalc`."""
    blocks = [block for page in PAGES for block in BLOCK.findall(text_of(page))]
    lines = [shlex.split(line.removeprefix("$ ")) for block in blocks for line, _ in examples(block)]
    return [tuple(words[1:]) for words in lines if words[0] == "cnncalc" and not SHELL & {*words}]


@cache
def begun() -> list[Words]:
    """Return a command line for each command and option, without the option."""
    found = {(command, *shlex.split(base)) for command, base in options.BASE.items()}
    for effect, text in options.EFFECTS.items():
        line, _, _ = text.rpartition(" | ")
        if line and not line.startswith("-"):
            found.add((effect.partition(" ")[0], *shlex.split(line)))
    return sorted(found)


@cache
def added() -> dict[str, list[Words]]:
    """Return the options of each command with example values."""
    found: dict[str, list[Words]] = {command: [] for command in COMMANDS}
    for command, option in options.parameters():
        name = options.long_name(option)
        text = options.EFFECTS.get(f"{command} {name}") or options.SHARED.get(name)
        choices = getattr(option.type, "choices", ()) if name not in LEFT_OUT else ()
        found[command] += [(name, str(choice)) for choice in choices]
        if text is not None and name not in LEFT_OUT:
            found[command].append(tuple(shlex.split(text.rpartition(" | ")[2])))
    return found


@cache
def _files() -> dict[str, bytes]:
    """Return the files that the lines read, made once per process."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        options.write_files()
        for name, line in WRITTEN.items():
            ended = here(shlex.split(line))
            assert ended.code == 0, (name, ended.err)
        return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def write_files() -> None:
    """Write the files that the lines read to the current folder."""
    for name, data in _files().items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(data)
