"""Guess what is meant by a word that is not a command: another name for one, a figure, or just a network."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import click

from .. import zoo
from ..errors import SpecError, nearest, shown
from ..sizes import looks_like_shape
from ..sources.words import is_spec
from . import COMMANDS, group

MEANT = {
    **dict.fromkeys(
        ("summary", "info", "describe", "inspect", "print", "profile", "shapes", "trace", "stats", "table"),
        ("shape",),
    ),
    **dict.fromkeys(("params", "parameters"), ("shape", "--get", "params")),
    **dict.fromkeys(("macs", "madds", "mults"), ("shape", "--get", "macs")),
    "flops": ("shape", "--get", "flops"),
    "buffers": ("shape", "--get", "buffers"),
    **dict.fromkeys(("out", "output"), ("shape", "--get", "out")),
    **dict.fromkeys(("field", "fields", "receptive-field"), ("rf",)),
    **dict.fromkeys(
        ("draw", "plot", "graph", "visualize", "visualise", "viz", "diagram", "picture"),
        ("show",),
    ),
    **dict.fromkeys(("memory", "mem"), ("shape", "--dtype", "float32")),
    **dict.fromkeys(("models", "model", "list", "ls", "nets", "networks"), ("zoo",)),
    **dict.fromkeys(("lint", "validate", "verify", "test", "expect", "assert"), ("check",)),
    **dict.fromkeys(("export", "to", "save", "import", "translate"), ("convert",)),
    **dict.fromkeys(("fit", "train", "optimize", "optimise"), ("learn",)),
    **dict.fromkeys(("execute", "exec", "forward", "infer", "predict", "apply", "eval"), ("run",)),
    **dict.fromkeys(("changes", "delta"), ("diff",)),
    **dict.fromkeys(("vs", "versus", "side-by-side", "contrast"), ("compare",)),
    **dict.fromkeys(("explain", "why"), ("shape", "--explain")),
    **dict.fromkeys(("hints", "hint", "warnings", "advise"), ("shape", "--hints")),
    "annotate": ("shape", "--annotate"),
    **{form: ("shape", "--format", form) for form in ("csv", "json", "markdown", "html", "latex")},
    **{form: ("convert", "--to", form) for form in ("onnx", "torch", "keras", "spec")},
    "pytorch": ("convert", "--to", "torch"),
    **dict.fromkeys(("tutorial", "examples", "textbook", "d2l"), ("help", "textbook")),
    **dict.fromkeys(("matrix", "toeplitz"), ("dense",)),
    **dict.fromkeys(("op", "layer", "layers"), ("ops",)),
    **dict.fromkeys(("man", "manual", "doc", "docs", "usage"), ("help",)),
    "completions": ("completion",),
}
"""The command line that each of these words means."""


def meant(args: Sequence[str]) -> tuple[list[str], bool]:
    """Return the meaning of a command line whose first word is not a command, and whether it is a guess.

    A network alone means `shape`. Raise SpecError, with the nearest commands and networks, if there is no meaning.
    """
    name, *rest = args
    word = name.lower().replace("_", "-")
    if word in COMMANDS:
        return [word, *rest], True
    if word in MEANT:
        return [*MEANT[word][:1], *rest, *MEANT[word][1:]], True
    if is_spec(name) or not re.fullmatch(r"(?!-$|\d)[\w-]*", name):  # leave anything that is not a name to shape
        return ["shape", *args], False
    raise SpecError(f"unknown command {shown(name)}", _help_for(name) or "cnncalc --help lists the commands")


def _help_for(name: str) -> str | None:
    """Return the help for a word without a meaning: the nearest commands or networks."""
    near, network = nearest(name, COMMANDS), nearest(name, zoo.names())
    network = network and f"{network} for a network: cnncalc shape NAME"
    begins = any(known.startswith(name.lower()) for known in zoo.names())
    return (network or near) if begins else (near or network)


def reordered(args: Sequence[str]) -> str | None:
    """Return the help if a command line begins with a command's option, or with a command as an option; else None."""
    first = args[0].lstrip("-") if args else ""
    is_option = first != "" and args[0] != first
    if is_option and (first in COMMANDS or first in MEANT) and not COMMANDS.keys() & set(args):
        words = [*MEANT[first], *args[1:]] if first in MEANT else [first, *args[1:]]
        return f"did you mean {line(words)}?"
    name = next((word for word in args if word in COMMANDS), None)
    if name is None and not any(map(is_spec, args)):
        return None
    wrong = next((word.partition("=")[0] for word in args if word.startswith("-")), "")
    if not any(wrong in option.opts for option in _parameters(name)):
        return None
    rest = list(args)
    if name is not None:
        rest.remove(name)
    return f"options go after the command: {line([name or 'shape', *rest])}"


def _parameters(name: str | None) -> list[click.Parameter]:
    """Return the parameters of a command, by default of `shape`."""
    command = group.get_command(click.Context(group), name or "shape")
    assert command is not None
    return command.params


def without_input(args: Sequence[str]) -> list[str]:
    """Return a command line without input shapes, given in front or as options."""
    options = _parameters(next((word for word in args if word in COMMANDS), None))
    valued = {name for one in options if isinstance(one, click.Option) and not one.is_flag for name in one.opts}
    kept = [""]
    for word in args:
        if kept[-1] in ("-i", "--input"):
            kept.pop()
        elif not re.match("-i.|--input=", word) and (kept[-1] in valued or not looks_like_shape(word)):
            kept.append(word)
    return kept[1:]


def line(args: Sequence[str]) -> str:
    """Return a command line as it would be typed."""
    return f"cnncalc {shlex.join(args)}"
