"""Errors for words that are not a network: what may be meant, and how it is written."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from itertools import islice, takewhile

from .. import zoo
from ..errors import LONGEST_PATH, SpecError, nearest, shown
from ..layers import OPS, find_op, unknown_op
from ..notation.calls import looks_like_call
from ..notation.document import BY_LINE
from ..notation.guesses import once, plainly
from ..notation.tokens import wrong_bracket
from ..notation.words import call_error, called_name, completed, is_layer_word, join_hint
from ..sizes import MOST_SIZES, looks_like_shape, split_axes
from .words import STDIN, SpecWords, is_file, is_network, is_path, is_shape, is_spec, is_stdin, split_code


def compare_line(words: Sequence[str], input: str | None = None) -> str:
    """Return the command line that shows networks side by side."""
    return f"cnncalc compare {shlex.join([*(['-i', input] if input else []), *words])}"


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _several(spec: SpecWords) -> SpecError:
    """Return the error for several networks, with the command that accepts them."""
    number = _NUMBERS[len(spec.rest)] if len(spec.rest) < len(_NUMBERS) else f"{len(spec.rest)}"
    return SpecError(f"{number} networks: {compare_line(spec.rest, spec.words[0] if spec.first else None)}")


_ARROW = r"(?<!\s)\s*(?:[-=]{0,4}>|[|;→⇒])\s*"
"""What people type between layers in place of white space."""
_BETWEEN = rf"{_ARROW}|,\s+"


_OP = r"([A-Za-z]+(?:[123][dD](?![A-Za-z]))?"
_MISSPELT = [
    (rf"{_OP}(?:\d+(?:[xX]\d+)+)?)[=,@\[{{-]+(\d[^\]}})]*)[\]}})]?", r"\1:\2"),  # conv=64
    (r"(\d+(?:[xX]\d+)+)-?([A-Za-z]+)[:-]?(.*)", r"\2\1:\3"),  # 3x3conv:64
    (r"(\d+)-?([A-Za-z]+(?:\d+x\d+)?)", r"\2:\1"),  # 64conv3x3
    (rf"{_OP})[_-]?(\d+)[_-]?([ksp]\d\w*)", r"\1:\2,\3"),  # conv64k3
    (rf"{_OP})[_-](\d+)[_-](\d+(?:x\d+)*)", r"\1:\2,k\3"),  # such as conv_64_3
    (rf"{_OP})[\[{{](\d+),\s*(\d+)[\]}}]", r"\1:\2,k\3"),  # such as conv[64,3]
    (rf"{_OP}(?:\d+(?:[xX]\d+)+)?)/(\d+)(?::(.*))?", r"\1:\3,s\2"),  # conv3x3/2
    (r"(\d+)[cC](\d+)-?([sp]\d\w*)?", r"conv:\1,k\2,\3"),  # 64c3s2
    (r"c(\d+)s(\d+)-(\d+)", r"conv:\3,k\1,s\2"),  # c7s1-64, as in the CycleGAN paper
    (r"(fc|dense|linear)[_-]?(\d+)", r"\1:\2"),
    (r"(conv)(\d)-(\d+)", r"\1:\3,k\2"),  # conv3-64, as in the VGG paper
]
"""Mistyped layers, with arguments in the name or after another mark, and how they are written."""


def _respelled(word: str) -> str | None:
    """Return the right spelling of a word with marks around or between layers; None for other words."""
    if not word.strip("-=>|;,+&\\→⇒"):
        return f"layers are separated only by white space: leave out {shown(word)}"
    if (unquoted := _unquoted(word)) is not None:
        return unquoted
    alone = word.rstrip("|;,")
    if alone != word and (looks_like_shape(alone) or is_layer_word(alone)):
        return f"layers are separated only by white space: write {alone}"
    name, equals, shape = word.partition("=")
    if equals and name.isidentifier() and looks_like_shape(shape) and (name == "input" or not is_layer_word(name)):
        return f"the input is only a shape: {shape}"
    for mark in islice(re.finditer(rf"(?:{_ARROW}|,)\s*", word), MOST_SIZES):
        before, after = word[: mark.start()].rstrip(), word[mark.end() :]
        if looks_like_shape(before) and (is_layer_word(after) or after.lower() in zoo.names()):
            return f"separate the shape and the layers with white space: {before} {re.sub(_BETWEEN, ' ', after)}"
    is_open = sum(map(word.count, "([{")) > sum(map(word.count, ")]}"))
    return (
        "a bracket is not closed" if is_open else _added(word) or _punctuated(word) or _repeated(word) or _joined(word)
    )


def _unquoted(word: str) -> str | None:
    """Return the right spelling of a word with quotes, or characters of editors and web pages; None for others."""
    if len(word) > 2 and word[0] in "\"'`" and word[-1] == word[0]:
        return f"quotes are for a shell: write {word[1:-1]}"
    if (plain := plainly(word)) is None:
        return None
    reads = looks_like_shape(plain) or completed(plain) is not None or plain.lower() in zoo.names()
    return f"with plain characters: {plain}" if reads else _respelled(plain)


def _added(word: str) -> str | None:
    """Return the right spelling of `model.add(Conv2D(8, 3))`; None for other words."""
    call = re.fullmatch(r"\w+\.add\((.+)\)", word, re.DOTALL)
    return f"write only the call: {call[1]}" if call is not None and looks_like_call(call[1]) else None


def _punctuated(word: str) -> str | None:
    """Return the right spelling of a layer with arguments in its name or after another mark; None for other words."""
    for pattern, spelling in _MISSPELT:
        written = re.fullmatch(pattern, word)
        layer = None if written is None else completed(written.expand(spelling).replace(":,", ":").rstrip(":,"))
        if layer is not None:
            return f"put a colon after the op, and commas between its arguments: {layer}"
    return None


def _repeated(word: str) -> str | None:
    """Return how to write a repeated layer, given as `3*relu` or `x3`; None for other words."""
    if re.fullmatch(r"[x*×]\d+|\d+[x*×]", word):
        return f"to repeat a layer: times={word.strip('x*×')} among its arguments"
    repeated = re.fullmatch(r"(\d+)[x*×](.+)", word)
    layer = "" if repeated is None else f"{repeated[2]}{',:'[':' not in repeated[2]]}times={repeated[1]}"
    return None if (said := completed(layer)) is None else f"to repeat a layer: {said}"


def _joined(word: str) -> str | None:
    """Return how to write `a+b`, or a shape with a word or a mark for an open batch; None for other words."""
    open_batch = re.fullmatch(r"(?:[?*]|[A-Za-z]{2,})((?:[xX]\d+){2,4})", word)
    if open_batch is not None:
        return f"an open size of a shape is one letter: N{open_batch[1]}"
    names = word.split("+")
    return f"for a sum: add:{word}" if len(names) > 1 and all(name.isidentifier() for name in names) else None


def _spaced(spec: SpecWords, index: int) -> SpecError | None:
    """Return the error for a space between a key and its number, `conv:64,kernel 7,s 2`; None for other words."""
    if index == spec.first or re.search(r"[:,][A-Za-z]+$", spec.words[index - 1]) is None:
        return None
    joined = spec.words[index - 1] + "".join(takewhile(lambda one: one[:1].isdecimal(), spec.words[index:]))
    what = f"{shown(spec.words[index])} is an argument, not a layer"
    return None if completed(joined) is None else SpecError(what, f"write a key and its number together: {joined}")


_KERNEL = r"\d+(?:[xX×]\d+)+"
_PAPER = rf"(?:({_KERNEL})[\s,]+)?([A-Za-z]\w*)((?:[\s,]*(?:{_KERNEL}|/\s*\d+)|[\s,]+(?:[A-Za-z]+[\s=]*\d+|\d+))*)"
"""A layer as papers write it: `7x7 conv, 64, /2`, or `conv 7x7 64 stride 2`."""


def _from_paper(words: Sequence[str]) -> str | None:
    """Return the layer word for the layer with which words begin, as papers write it; None for other words."""
    written = re.match(_PAPER, " ".join(words))
    if written is None or not is_layer_word(written[2]) or not (written[1] or re.search(rf"{_KERNEL}|/", written[3])):
        return None
    arguments = [written[1]] if written[1] else []
    for part in re.findall(rf"{_KERNEL}|/\s*\d+|[A-Za-z]+[\s=]*\d+|\d+", written[3]):
        own = re.sub(r"[\s=]", "", part).replace("/", "s")
        arguments.insert(0 if own.isdecimal() else len(arguments), own)
    kernels = [own for own in arguments if re.fullmatch(_KERNEL, own)]
    if any(len(split_axes(own)) != OPS[find_op(written[2]) or "conv"][1] for own in kernels):
        return None
    arguments = [f"k{once(own)}" if own in kernels else own for own in arguments]
    for end in range(len(arguments), 0, -1):  # the last ones may be the next layer's
        if (said := completed(f"{written[2]}:{','.join(arguments[:end])}")) is not None:
            return said
    return None


def _argument(spec: SpecWords, index: int) -> SpecError | None:
    """Return the error for arguments after a layer, or for `k7 s2` without a layer; None for other words."""
    if wrong_bracket(spec.words[index]) is not None:
        return None
    if index > spec.first:
        return join_hint(spec.words[index - 1], spec.words[index:])
    letters = "".join(word[:1] for word in spec.words[index:])
    own = next((n for n in range(len(letters)) if letters[n] in letters[:n]), len(letters))  # k3 k3 are two layers
    is_fused = re.fullmatch(r"[kspdg]\d+(?:x\d+)*(?:,.*)?", spec.words[index])
    return join_hint("conv:64", spec.words[index : index + own]) if is_fused else None


def _built_in(word: str) -> str | None:
    """Return the name of the built-in network that `models.resnet18()` or `./resnet18` ends with, if any."""
    name = re.split("[.:/]", word.partition("(")[0])[-1].lower()
    return name if name in zoo.names() and name != word.lower() else None


def no_network(spec: SpecWords, word: str) -> SpecError:
    """Return the error for a single word that is not a network."""
    error = _no_module(word)
    if error is None and (built_in := _built_in(word)) is not None:
        is_local = word[0] in "./~"
        what = f"there is no file {shown(word)}" if is_local else f"{shown(word)} is a network of a package"
        help = f"the built-in network is {built_in}" if is_local else f"torchvision's version is built in: {built_in}"
        return spec.blame(SpecError(what, help), spec.first, len(word))
    if error is None and "/" in word and (said := _punctuated(word)) is not None:
        error = SpecError(f"{shown(word)} is not a layer, a file or a built-in network", said)
    if error is not None or is_path(word):
        return spec.blame(error or no_file(word), spec.first, len(word))
    from ..layers.intents import meant

    name = called_name(word)
    intent = meant(name)
    if intent is not None and intent.what:
        return spec.blame(unknown_op(name), spec.first, len(word))
    if (argument := _argument(spec, spec.first)) is not None:
        return spec.blame(argument, spec.first, len(word))
    if intent is None and name[:1].isupper() and (error := call_error(word)) is not None:
        return spec.blame(error, spec.first, len(word))
    error = SpecError(
        f"{shown(word)} is not a layer, a file or a built-in network",
        _files_named(word)
        or _respelled(word)
        or (intent.help if intent is not None else nearest(name, [*OPS, *zoo.names()]))
        or "a layer is written conv:64,k7,s2,p3; for lists: cnncalc ops, cnncalc zoo",
    )
    return spec.blame(error, spec.first, len(word))


def _files_named(word: str) -> str | None:
    """Return `did you mean 'net.py'?` for a file whose name lacks its ending; None if there is none."""
    files = [word + ending for ending in (".py", ".json", ".onnx", ".keras", ".h5") if os.path.isfile(word + ending)]
    return f"did you mean {' or '.join(map(shown, files))}?" if files else None


def _no_module(word: str) -> SpecError | None:
    """Return the error for a PyTorch module (`package.module:factory`), which only convert reads; else None."""
    from ..frameworks.torch.read.factory import is_factory

    module = word.partition(":")[0]
    if os.path.isfile(module) and not module.endswith(".py"):
        return SpecError(f"{shown(word)} is not a file", f"only Python source has several networks: write {module}")
    if split_code(word)[1] is not None:
        return no_file(split_code(word)[0])
    if not is_factory(word) or not ("." in module or os.path.exists(f"{module}.py")):
        return None
    file = f"{module.replace('.', '/')}.py"
    if os.path.isfile(file):
        return SpecError(f"{shown(word)} is not a file", f"to read the source: {file}{word.removeprefix(module)}")
    help = f"cnncalc convert {word} -i 3x224x224 | cnncalc shape -"
    return SpecError(f"{shown(word)} is PyTorch code, which only convert runs", help)


def no_file(word: str) -> SpecError:
    """Return the error for a file that does not exist, with the nearest names in its folder."""
    if re.match(r"[a-z]+://", word):
        return SpecError(f"{shown(word, LONGEST_PATH)} is not a file but a URL", f"download it first: curl -LO {word}")
    folder = os.path.dirname(word)
    try:
        beside = os.listdir(folder or ".")
    except (OSError, ValueError):  # ValueError for a null character
        beside = []
    help = nearest(os.path.basename(word), beside if folder else [*beside, *zoo.names()], os.path.join(folder, ""))
    return SpecError(f"there is no file {shown(word, LONGEST_PATH)}", help)


SIGNS = ("x", "X", "×", "*", "by")
"""What people type between the sizes of a shape, with spaces."""


def _further_network(spec: SpecWords, index: int) -> SpecError | None:
    """Return the error for several networks, by their names or on lines of standard input; None for other words."""
    if all(map(is_network, spec.rest)):
        return _several(spec)
    where, word = spec.text.at(index, 0, 1), spec.words[index]
    if index > spec.first and where.file == STDIN and where.column == 1 and is_spec(word):
        return spec.blame(SpecError("a second network after the first", BY_LINE), index, len(word))
    return None


def _not_alone(spec: SpecWords, index: int) -> SpecError:
    """Return the error for a whole network's name among other words."""
    word = spec.words[index]
    others = " ".join(other for at, other in enumerate(spec.words) if at >= spec.first and at != index)
    is_object = word.endswith(".py") and others.isidentifier()
    help = f"write {word}:{others}" if is_object else f"leave out {shown(others)}"
    return SpecError(f"{shown(word)} is a whole network, so no layers can follow it", help)


def _apart(spec: SpecWords, index: int) -> SpecError | None:
    """Return the error for a layer that is written as several words; None for other words."""
    what = f"{shown(spec.words[index])} is not a layer"
    if "=" in spec.words[index : index + 2] and spec.words[-1] != "=":
        return SpecError(what, f"write only the call: {spec.words[spec.words.index('=', index) + 1]}")
    if (error := _argument(spec, index) or _spaced(spec, index)) is not None:
        return error
    paper = _from_paper(spec.words[index - 1 :]) if index > spec.first else None
    if paper is None and index:
        paper = _from_paper(spec.words[index:])
    return None if paper is None else SpecError(what, f"a layer is one word: {paper}")


def no_layer(spec: SpecWords, index: int) -> SpecError:
    """Return the error for a word that is not a layer, among several."""
    if (several := _further_network(spec, index)) is not None:
        return several
    sizes = list(takewhile(lambda one: one.isdecimal() or one in SIGNS, spec.words))
    if index == spec.first and len(sizes) > 1 and sizes[0].isdecimal() and sizes[-1].isdecimal():
        return SpecError(f"the sizes of a shape are one word: {'x'.join(one for one in sizes if one.isdecimal())}")
    if len(spec.rest) == 2 and not spec.first and is_network(spec.rest[0]) and is_shape(spec.rest[1]):
        return spec.blame(SpecError("the input comes first", f"write {spec.rest[1]} {spec.rest[0]}"), 1, 999)
    word = spec.words[index]
    name = called_name(word)
    if (apart := _apart(spec, index)) is not None:
        return spec.blame(apart, index, len(word))
    if is_stdin(word) or is_file(word) or name.lower() in zoo.names():
        error = _not_alone(spec, index)
    elif (spelling := _respelled(word)) is not None:
        error, name = SpecError(f"{shown(word)} is not a {'layer' if index else 'shape or a layer'}", spelling), word
    elif looks_like_shape(word):
        place = "another shape" if index == spec.first else "a layer"
        error = SpecError(f"the shape {word} comes after {place}", "a network has one such input, which comes first")
    elif index == 0 and word[:1].isdecimal():
        error = SpecError(
            f"{shown(word)} is not a shape", ("for example 3x224x224, or with a letter for an open size: 3xHxW")
        )
    else:
        error = unknown_op(name or word)
    return spec.blame(error, index, len(name or word))
