"""Layer words: `conv:64,k7,s2,p3`, one word for each layer, on the command line, in files and on standard input.

The grammar:

    word  = op [":" arg {"," arg}] | call
    arg   = key "=" value | fused {fused} | flag | AXES | follower
    fused = key AXES ["/" AXES]       k3, s2, stride2; k7/2 is k7,s2
    AXES  = SIDE {"x" SIDE}           one for all axes, or one per axis
    SIDE  = digits ["+" digits]       before+after, for padding
    value = JSON | AXES | text
    follower                          an activation or a norm: a separate layer after this one, in its group
    call                              a framework's: `Conv2d(3, 64, 3)` (calls.py)

An op is written in any case, with _ or without; its name may include its kernel (`conv3x3:64`). A framework's class in
its own spelling takes its arguments in its own order (`Conv2d:3,64,3`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import CnncalcError, Path, SpecError, Where, shown
from ..layers import OPS, Layer, find_op, keys_named, names_axes, unknown_op, with_named_axes
from ..network import Network, Origin
from ..sizes import is_digits, looks_like_shape, split_axes
from .arguments import BARE, MODE, Follower, Part, all_parts, fused_key, parts_of, read_axes, takes_several
from .document import Raw, canonical
from .examples import EXAMPLE
from .heads import Arg, WordError, WordHead, head_of, kind_of, other_case, without_module
from .spec import COMMON_KEYS, Group, nearest_key
from .spec import read as read_spec
from .tokens import WordText, split_arguments, wrong_bracket


class ParsedWord(NamedTuple):
    """A parsed layer word."""

    op: str
    """The first layer's op."""
    args: list[Arg]
    """The arguments; empty for a call."""
    layers: list[Raw | Group]
    """The layers it means."""


class Words(Origin):
    """Layer words as the origin of a network."""

    is_typed = True

    def __init__(self, text: WordText, first: int = 0):
        self.text, self.first = text, first
        """`first` is the index of the first layer's word: 1 after a shape."""
        self.parsed: list[ParsedWord] = []
        self.owners: list[int] = []
        """The word of each layer of the spec."""

    def with_argument(self, layer: int, key: str, value: int) -> str:
        """Return the word of a layer with one more argument, after a bare number or at the end of a call."""
        word = self.text.words[self.owners[layer]]
        if word.endswith(")") and "(" in word.partition(":")[0]:
            name = "kernel_size" if key == "k" else "padding"
            return f"{word[:-1].rstrip(', ')}, {name}={value})"
        name, colon, rest = word.partition(":")
        first, *others = split_arguments(rest)
        bare = bool(colon) and read_axes(first.strip()) is not None
        own = f"{key}{value}"
        arguments = [first.strip(), own, *others] if bare else [own, *([first, *others] if colon else [])]
        return f"{name}:{','.join([text.strip() for text in arguments])}"

    def with_factor(self, layer: int, factor: int) -> str:
        import re

        word = self.text.words[self.owners[layer]]
        times = f"scale_factor={factor}" if word.endswith(")") else f"x{factor}"
        return re.sub(rf"(?<=[:(,])\s*((out|size)\s*=\s*)?{factor}(?:x{factor})*(?=[,)]|$)", times, word, count=1)

    def locate(self, path: Path, key: str | None) -> Where | None:
        """Return the place of a layer, or of the argument that sets its key."""
        if len(path) < 2 or path[0] != "layers":
            if path != ("input",) or not self.first:
                return None
            return self.text.at(0, 0, len(self.text.words[0]))
        index = self.owners[int(path[1])]
        word = self.text.words[index]
        wanted = key if key is not None else (str(path[2]) if len(path) > 2 else None)
        if wanted == "op":
            return self.text.at(index, 0, len(word.partition(":")[0]))
        for arg in self.parsed[index - self.first].args:
            if wanted is not None and wanted in {arg.key, *canonical(arg.key)}:
                return self.text.at(index, arg.start, arg.end)
        return self.text.at(index, 0, len(word))


Completer = Callable[[list[dict[str, Any]]], None]
"""A function that adds keys known from elsewhere to layers in JSON form (completers.py)."""


def read_words(text: WordText | Sequence[str], first: int = 0, complete: Completer | None = None) -> Network:
    """Read a network from layer words, beginning at `first`. Raise SpecError at the place of a mistake."""
    if not isinstance(text, WordText):
        text = WordText(" ".join(text))
    origin = Words(text, first)
    layers: list[Raw | Group] = []
    for index, word in enumerate(text.words[first:], first):
        try:
            parsed = parse_word(word)
        except WordError as error:
            from .guesses import plainly

            if (plain := plainly(word)) is not None and completed(plain) is not None:
                error.help = f"with plain characters: {plain}"
            error.where = text.at(index, error.start, error.end)
            error.layer = f"layers[{len(layers)}]"
            raise
        origin.parsed.append(parsed)
        origin.owners += [index] * len(parsed.layers)
        layers += parsed.layers
    heads = [one.head if isinstance(one, Group) else one for one in layers]
    if complete is not None:
        complete(heads)
    for at, raw in enumerate(heads):
        index = origin.owners[at]
        lacks = _needed(raw, text.words[index])
        if lacks is not None:
            lacks.where = text.at(index, lacks.start, lacks.end)
            raise lacks.at(f"layers[{at}]")
    spread = [bool(origin.parsed[at - first].args) and not names_axes(text.words[at]) for at in origin.owners]
    _spread_pairs(heads, spread)
    return read_spec({"layers": layers}, origin)


def _spread_pairs(layers: list[Raw], in_words: Sequence[bool]) -> None:
    """Repeat the single [before, after] of a pad or crop for each axis, whose number the other layers determine.

    `in_words` tells the layers in whose word neither a framework's class nor the op's name determines the axes.
    """
    lone = []
    ranks = []
    for raw, in_word in zip(layers, in_words, strict=True):
        cls, nd = OPS[raw["op"]]
        if nd is not None:
            ranks.append(nd)
        elif in_word and raw["op"] in ("pad", "crop") and "axis" not in raw:
            lone += [(raw, key) for key in raw if keys_named(cls, key) == ("p",) and _is_lone_pair(raw[key])]
    for raw, key in lone:
        raw[key] = raw[key] * (ranks[0] if ranks else 2)


def _is_lone_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)


def is_layer_word(word: str) -> bool:
    """Return whether a word begins with the name of an op or of a framework's class, or is a call of one."""
    if "(" in word and _call_of(word) is not None:
        return True
    try:
        return head_of(word.partition(":")[0].rstrip()) is not None
    except WordError:
        return True


def called_name(word: str) -> str:
    """Return the name before a word's arguments, without module prefixes."""
    if "(" in word:
        from .calls import LINE

        line = LINE.fullmatch(word)
        word = (line[2] if line else word).partition("(")[0].strip()
    return without_module(word.partition(":")[0].strip())


def call_error(word: str) -> SpecError | None:
    """Return why a word with the form of a call cannot be read; None for other words."""
    from .calls import looks_like_call, read_call

    if not looks_like_call(word):
        return None
    try:
        read_call(word)
    except SpecError as error:
        return error
    return None


def join_hint(before: str, words: Sequence[str]) -> SpecError | None:
    """Return the error for words of which the first is an argument of the layer word before them; None for others."""
    head = None
    with suppress(WordError):
        head = head_of(before.partition(":")[0].rstrip())
    arguments: list[str] = []
    rest = [word.lstrip(":,") for word in reversed(words)]
    while rest:
        word = rest.pop()
        key, colon, value = word.partition(":")
        if head is not None and head.op and colon and fused_key(head.cls, key.strip().lower()) is not None:
            word = f"{key.strip()}{value.strip()}"  # k: 3
        if head is not None and rest and looks_like_shape(rest[-1]) and fused_key(head.cls, word) is not None:
            word += rest.pop()  # stride 2
        takes_number = ":" not in before and not arguments
        is_kernel = head is not None and head.op and head.cls.BARE == "c_o" and looks_like_shape(word) and "x" in word
        if is_kernel and (arguments or _takes(before, f"k{word}")):
            arguments.append(f"k{word}")
            continue
        if head is None or not head.op or not _is_argument(head, word, takes_number):
            break
        arguments.append(word)
    if not arguments:
        return None
    joined = before.rstrip(",: ") + ("," if ":" in before.rstrip(",: ") else ":") + ",".join(arguments)
    return SpecError(f"{shown(words[0].lstrip(':,'))} is an argument, not a layer", f"join with commas: {joined}")


def _takes(word: str, argument: str) -> bool:
    """Return whether a word can take this further argument: a key of its own, with a side for each axis."""
    head, _, rest = word.partition(":")
    nd = OPS[find_op(head) or "conv"][1]
    if not rest or len(split_axes(argument)) != nd:
        return False
    with suppress(CnncalcError):
        return bool(parse_word(f"{word},{argument}").layers)
    return False


def _is_argument(head: WordHead, word: str, takes_number: bool) -> bool:
    """Return whether a word can only be an argument of this layer, which may take a bare number."""
    key, equals, _ = word.partition("=")
    if is_layer_word(word) or (equals and not keys_named(head.cls, key) and is_layer_word(key)):
        return False
    bare = takes_number and head.cls.BARE not in (None, "from")
    try:
        parts = parts_of(head, word, 0, first=False)
    except CnncalcError:
        return False
    fits = bare and (takes_several(head.cls) or not looks_like_shape(word) or word.isdecimal())
    return all(isinstance(one, Arg) and (one.key != BARE or fits) for one in parts)


def parse_word(word: str) -> ParsedWord:
    """Parse a word into its op, arguments and layers. Raise WordError if it cannot be read."""
    wrong = wrong_bracket(word)
    if wrong is not None:
        raise WordError(wrong[1], "brackets must be closed within a word", wrong[0], len(word))
    if "(" in word:
        call = _call_of(word)
        if call is not None:
            return call()
    name, colon, rest = word.partition(":")
    head = head_of(name.rstrip())
    if head is None:
        error = unknown_op(name)
        raise WordError(error.what, error.help, 0, max(len(name), 1))
    parts = [*all_parts(head, rest, len(name) + len(colon))] if colon else []
    return _word(head, word, parts)


def _word(head: WordHead, word: str, parts: Sequence[Part]) -> ParsedWord:
    """Return the parsed word with these arguments."""
    followers = [one for one in parts if isinstance(one, Follower)]
    args = [*head.args, *[one for one in parts if isinstance(one, Arg) and one.key != BARE]]
    bare = [one for one in parts if isinstance(one, Arg) and one.key == BARE]
    if bare and parts[: len(bare)] != bare:
        from .guesses import misplaced

        raise misplaced(head, word, parts)
    if _is_class(head, bare):
        return _class_word(head, word, bare, args, followers)
    cls, nd = OPS[head.op]
    if len(bare) == 1 and cls.BARE in (None, "from"):
        same = _without_key(head, bare[0])
        if same is not None:
            return _of_call([same], {one.key: one.value for one in args}, followers, args)
    _check_bare(head, word, bare)
    args = [*[one._replace(key=cls.BARE or BARE) for one in bare], *args]
    raw = _raw(head, args, len(word))
    if not bare and head.kind is not None and _lacking(raw):
        with suppress(WordError):
            return _class_word(head, word, bare, args, followers)
    mode = raw.pop(MODE, None) if "p" in cls.KEYS else None
    before: list[tuple[str, Raw]] = []
    if mode is not None:
        before = [("pad", _pad_in_front(cls, raw, mode, nd or 2, word))]
    return ParsedWord(head.op, args, [_grouped(raw, before, [(one.suffix, {"op": one.op}) for one in followers])])


def _check_bare(head: WordHead, word: str, bare: Sequence[Arg]) -> None:
    """Raise WordError for bare values that the op does not take, and for a kernel in place of a number of channels."""
    cls, nd = OPS[head.op]
    if len(bare) > 1 or (bare and cls.BARE in (None, "from")):
        from .guesses import too_many

        raise too_many(head, word, bare)
    if bare and cls.BARE == "c_o" and isinstance(bare[0].value, list):
        from .guesses import kernel_as_number

        kernel = kernel_as_number(head, bare[0], nd)
        if kernel is not None:
            raise kernel


def _lacking(raw: Raw) -> list[str]:
    """Return the required keys that a layer does not have."""
    cls = OPS[raw["op"]][0]
    lacking = [key for key in cls.NEEDED if key not in raw]
    given = {key for one in raw if lacking and one != "op" for key in keys_named(cls, one)}
    return [key for key in lacking if key not in given]


class Lacking(WordError):
    """A word without the bare number that its op needs, with a possible word."""

    def __init__(self, what: str, word: str, end: int):
        super().__init__(f"{what}: {word}", None, 0, end)
        self.word = word


def completed(word: str) -> str | None:
    """Return a word that reads as layers, with an example of the number that it lacks; None if it does not read."""
    with suppress(CnncalcError):
        heads = [one.head if isinstance(one, Group) else one for one in parse_word(word).layers]
        lacks = next(filter(None, [_needed(raw, word) for raw in heads]), None)
        return word if lacks is None else completed(lacks.word)
    return None


def _needed(raw: Raw, word: str) -> Lacking | None:
    """Return the error for a word without the bare number that its op needs, with a possible word."""
    op, written = raw["op"], word.partition(":")[0].rstrip()
    bare = OPS[op][0].BARE
    if bare is None or _lacking(raw) != [bare]:
        return None
    if "(" in written or find_op(written) is not None:
        written = op
    example = 2 if bare == "k" else EXAMPLE.get(bare, 2)
    given = [text.strip() for text in split_arguments(word.partition(":")[2]) if text.strip()]
    letters = {name.strip(): number.strip() for name, _, number in (text.partition("=") for text in given)}
    if bare == "c_o" and {"K", "F"} <= letters.keys() and all(map(is_digits, letters.values())):  # as in CS231n
        c_o, k = letters.pop("K"), letters.pop("F")
        meant = ",".join([c_o, f"k{k}", *[f"{key.lower()}={number}" for key, number in letters.items()]])
        return Lacking("K is the number of filters, and F their size", f"{written}:{meant}", len(word))
    for text in given if bare == "c_o" else []:
        name, _, number = [part.strip() for part in text.partition("=")]
        if name.lower() in _CHANNELS and is_digits(number):
            given.remove(text)
            example = int(number)
            break
    return Lacking(f"{op} needs {bare}", f"{written}:{','.join([str(example), *given])}", len(word))


_CHANNELS = ("c", "n", "o", "f", "ch", "out", "channels", "features", "units", "width")
"""Common names for the number of a convolution's channels."""


def _raw(head: WordHead, args: Sequence[Arg], length: int) -> Raw:
    """Return the layer with these arguments. Raise WordError for a key given twice, or a wrong number of axes."""
    op = head.op
    raw: Raw = {"op": op}
    for key, value, start, end in args:
        if key == "op":
            raise WordError(f"{op} has no key 'op'", nearest_key(OPS[op][0], key), start, end)
        if key in raw:
            raise WordError(f"{shown(key)} is given twice", "leave out one of them", start, end)
        raw[key] = value
    try:
        return with_named_axes(head.written, raw)
    except SpecError as error:
        raise WordError(error.what, error.help, 0, length) from None


def _grouped(head: Raw, before: Sequence[tuple[str, Raw]], after: Sequence[tuple[str, Raw]]) -> Raw | Group:
    return Group(head, tuple(before), tuple(after)) if before or after else head


def _pad_in_front(cls: type[Layer], raw: Raw, mode: Any, nd: int, word: str) -> Raw:
    """Return the pad for a `padding_mode`, and remove the padding from the layer."""
    from .calls.torch import padded_apart

    for written in [*raw]:
        names = keys_named(cls, written)
        if len(names) == 1:
            raw[names[0]] = raw.pop(written)
    try:
        layers = padded_apart(raw, mode, nd)
    except SpecError as error:
        raise WordError(error.what, error.help, 0, len(word)) from None
    return layers[0] if len(layers) > 1 else {"op": "identity"}


def _is_class(head: WordHead, bare: Sequence[Arg]) -> bool:
    """Return whether a word is read as a call of a framework's class, with its positional arguments."""
    if not head.op:
        return True
    cls = OPS[head.op][0]
    if head.kind is None:
        return False
    return find_op(head.written) is None or len(bare) > 1 or bool(bare and cls.BARE in (None, "from"))


def _without_key(head: WordHead, bare: Arg) -> Raw | None:
    """Return the layer of an op with a number that only a framework's class takes: `flatten:1`."""
    from .calls import layers_of

    for name in (head.written, f"{head.written}2d"):
        for kind in other_case(name):
            with suppress(SpecError):
                layers = layers_of(kind, [bare.value], {}).layers
                if len(layers) == 1 and layers[0]["op"] == head.op:
                    return layers[0]
    return None


def _class_word(
    head: WordHead, word: str, bare: Sequence[Arg], args: Sequence[Arg], followers: Sequence[Follower]
) -> ParsedWord:
    """Return the parsed word of a framework's class, by the rules of its call."""
    from .calls import layers_of, theirs

    assert head.kind is not None
    own = {one.key: one.value for one in args if one.key in COMMON_KEYS}
    given = {theirs(head.kind, one.key): one.value for one in args if one.key not in own}
    try:
        call = layers_of(head.kind, [one.value for one in bare], given)
        return _of_call(call.layers, own, followers, list(args))
    except SpecError as error:
        raise WordError(error.what, error.help, 0, len(word)) from None


def _of_call(
    layers: Sequence[Raw], own: Raw, followers: Sequence[Follower] = (), args: Sequence[Arg] = ()
) -> ParsedWord:
    """Return the layers of a call as a parsed word: layers before and after its main layer form a group with it."""
    at = 1 if len(layers) > 1 and layers[0]["op"] == "pad" else 0
    before = [(raw["op"], raw) for raw in layers[:at]]
    rest = layers[at + 1 :]
    if all(OPS[raw["op"]][0].FOLLOWS for raw in rest):
        after = [(raw["op"], raw) for raw in rest] + [(one.suffix, {"op": one.op}) for one in followers]
        return ParsedWord(layers[at]["op"], list(args), [_grouped({**layers[at], **own}, before, after)])
    other = [*[one.suffix for one in followers], *[key for key in own if key not in ("from", "name")]]
    if other:
        what = f"{other[0]} applies to one layer, but {layers[0]['op']} stands for {len(layers)} here"
        raise SpecError(what, "write each layer as a separate word")
    first = {key: value for key, value in own.items() if key == "from"}
    last = {key: value for key, value in own.items() if key == "name"}  # a name stands for the output of its group
    return ParsedWord(layers[0]["op"], list(args), [{**layers[0], **first}, *layers[1:-1], {**layers[-1], **last}])


def _call_of(word: str) -> Callable[[], ParsedWord] | None:
    """Return a function that reads a word with the form of a call; None for other words."""
    from .calls import LINE, SEQUENTIAL, is_expression, looks_like_call, read_call

    if not looks_like_call(word):
        return None
    line = LINE.fullmatch(word)
    call = line[2] if line else word
    path = call.partition("(")[0].strip()
    name = path.rpartition(".")[2]
    if (kind_of(name) or name == SEQUENTIAL) and ((kind_of(name) and "\n" not in word) or is_expression(word)):

        def read() -> ParsedWord:
            try:
                found = read_call(word)
            except SpecError as error:
                raise WordError(error.what, error.help, 0, len(word)) from None
            named = {} if not found.name or found.name.isdigit() else {"name": found.name}
            if found.kind == SEQUENTIAL:
                return ParsedWord("", [], list(found.layers))
            return _of_call(found.layers, named)

        return read
    with suppress(WordError):
        if head_of(path) is None:
            return None
    inside = call.strip().partition("(")[2].rstrip(", \t\n").removesuffix(")").strip()
    first, *others = split_arguments(inside)
    if "." in path and first.isidentifier():  # F.max_pool2d(x, 2)
        inside = ",".join(others).strip()
    return lambda: parse_word(f"{path}:{inside}" if inside else path)
