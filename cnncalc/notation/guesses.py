"""Guess what an unreadable layer word is meant to be: errors that show the right word."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress

from ..errors import CnncalcError, SpecError, shown
from ..layers import OPS, Layer, find_op, keys_named
from ..layers.keys import WORDS, flag
from ..sizes import is_digits, split_axes
from .arguments import BARE, FLAGS, FRACTIONS, Part, fused_key, parts_of, read_axes, takes_any_number, takes_several
from .examples import EXAMPLE, word_of
from .heads import LIKELY_KERNEL, Arg, Misspelt, WordError, WordHead, other_case
from .spec import LAYER_KEYS, meant_key, nearest_key
from .tokens import QUOTES, split_arguments


def unreadable(head: WordHead, cls: type[Layer], text: str, *, first: bool) -> SpecError:
    """Return the error for an argument that cannot be read."""
    if not text:
        return SpecError("an argument is empty", "there is one comma or colon too many")
    if ":" in text and find_op(text.partition(":")[0]) is not None:
        return SpecError(f"{shown(text)} is a separate layer", "put a space before it, not a comma")
    what = f"{shown(text)} is not an argument"
    if text[-1] in ";|" and text.strip(";|"):
        mark = text[len(text.rstrip(";|")) :]
        return SpecError(what, f"layers are separated only by white space: leave out {mark}")
    marked = re.fullmatch(_MARKED, text)
    if marked is not None and find_op(marked[2]) is not None:
        said = " ".join(re.split(_BETWEEN, text))
        return SpecError(what, f"separate layers with white space: {said}")
    if (punctuated := _punctuated(cls, text, what)) is not None:
        return punctuated
    op = head.op or head.written
    return _not_a_number(head, cls, text, first=first) or _misspelt(op, cls, text) or _no_such_argument(op, cls, text)


def _punctuated(cls: type[Layer], text: str, what: str) -> SpecError | None:
    """Return the error for an argument with marks that arguments do not have; None for others."""
    if ";" in text:
        return Misspelt(what, "put commas between arguments:", text.replace(";", ","))
    sign, number = text.rstrip("0123456789"), text.lstrip("sx/")
    if sign in ("/", "s/", "x") and number and "s" in cls.KEYS:
        lead, key = ("to repeat the layer:", "times=") if sign == "x" else ("for a stride:", "s")
        return Misspelt(what, lead, f"{key}{number}")
    return _second_colon(cls, text, what) if ":" in text else None


_BETWEEN = r"(?<!\s)\s*(?:[-=]{0,4}>|[|;+&→⇒/])\s*"
_MARKED = rf"(.+?){_BETWEEN}(\w+).*"
"""An argument and the next layer, with a character between them in place of white space."""


def _second_colon(cls: type[Layer], text: str, what: str) -> SpecError:
    key, _, value = [part.strip() for part in text.partition(":")]
    if text[0] == "{" and text[-1] == "}":
        named = [re.sub(r"""^["']?(\w+)["']?\s*:\s*""", r"\1=", one.strip()) for one in split_arguments(text[1:-1])]
        return Misspelt(what, "write keys and values without brackets:", ",".join(named))
    if keys_named(cls, key) or key in LAYER_KEYS or fused_key(cls, key.lower()) is not None:
        return SpecError(what, f"put the value after =: {key}={value}")
    if all(read_axes(part.strip()) is not None for part in text.split(":")):
        first, *others = [once(part.strip()) for part in text.split(":")]
        named = [f"{key}{other}" for key, other in zip(_order(cls, ()), others, strict=False)]
        lead = "write one colon after the op, and keys before the other numbers:"
        return Misspelt(what, lead, ",".join([first, *named]))
    return Misspelt(what, "write one colon after the op, and commas between arguments:", text.replace(":", ","))


def _not_a_number(head: WordHead, cls: type[Layer], text: str, *, first: bool) -> SpecError | None:
    """Return the error for what is meant as a bare number but is not one that the op accepts."""
    if cls.BARE not in (None, "from") and text[:1] == "-":
        with suppress(ValueError):
            _check(cls, cls.BARE or "", [int(part) for part in split_axes(text)])
        return SpecError(f"{shown(text)} is not a bare number", f"write {cls.BARE}=[{','.join(split_axes(text))}]")
    if cls.BARE in (None, "from") or text[0] not in "-.0123456789":
        return None
    what = f"{shown(text)} is not a {'' if takes_any_number(cls) else 'whole '}number"
    if cls.BARE == "c_o" and "k" in cls.KEYS and (kernel := re.fullmatch(r"(\d+)\s*[@x*×]\s*(\d+(?:x\d+)+)", text)):
        return Misspelt(what, "for a kernel:", f"{kernel[1]},k{kernel[2]}")
    joined = re.fullmatch(r"(\d+)[-_]?([A-Za-z].*)", text)
    if joined is not None and _keys_of(head, joined[2]):
        return Misspelt(what, "put commas between arguments:", f"{joined[1]},{joined[2]}")
    before, slash, after = text.partition("/")
    if slash and is_digits(before) and is_digits(after) and "s" in cls.KEYS:
        return Misspelt(what, "for a stride:", f"{before},s{after}")
    return _bare_number(cls, text, what, first=first)


def _bare_number(cls: type[Layer], text: str, what: str, *, first: bool) -> SpecError:
    """Return the error for a bare number in a form that the op does not accept, or in a place that has none."""
    if not first:
        return SpecError(f"only the first argument may be a bare number ({cls.BARE})", "leave it out")
    number = _number(text)
    if number is not None and "factor" in cls.KEYS and cls.BARE != "factor":
        return Misspelt(what, "for a factor:", f"x{number:g}")
    if number is None or number < 0 or (not takes_any_number(cls) and number != int(number)):
        right = f"{EXAMPLE.get(cls.BARE or '', 3)}"
    else:
        right = f"{number:g}" if number < 1e6 else f"{int(number)}"
    return Misspelt(what, f"a bare number is {cls.BARE}: write", right)


def _number(text: str) -> float | None:
    """Return the number that a text such as `.3`, `30%`, `1/2`, `1e2` or `1_000` stands for; None for others."""
    if re.fullmatch(r"[\d_]*\.?[\d_]+(e[+-]?\d\d?)?(%|/\d+)?|\d+\.", text) is None:
        return None
    over, _, under = text.rstrip("%").partition("/")
    with suppress(ValueError, ZeroDivisionError):
        number = float(over) / float(under or 1) / (100 if text[-1] == "%" else 1)
        return number if float(f"{number:g}") == number and number < 1e15 else None
    return None


def _check(cls: type[Layer], key: str, values: list[int]) -> None:
    """Raise the key's own error for numbers it cannot have, as advice to name the key would not help."""
    try:
        cls.KEYS[key](values[0] if len(values) == 1 else values, len(values))
    except CnncalcError as error:
        error.what = f"{key}: {error.what}"
        raise


_EXAMPLES = {"k": 3, "s": 2, "p": 1, "pt": 2, "d": 2, "g": 2}


_DECIMAL = r"(?:^|(?<=,))\s*((?:(\w+)=)?\d+),(\d+)(?=,|$)"
"""A number with a decimal comma, perhaps the value of a key."""


def _with_comma(head: WordHead, word: str) -> WordError | None:
    """Return the error for a decimal comma in the number of a key that may be a fraction; None for others."""
    from .words import completed

    rest = word.partition(":")[2]
    found = re.search(_DECIMAL, rest)
    if found is None or not head.op:
        return None
    names = keys_named(head.cls, found[2] or head.cls.BARE or "")
    said = f"{head.written}:{rest[: found.start(1)]}{found[1]}.{rest[found.start(3) :]}"
    if not names or head.cls.KEYS[names[0]] not in FRACTIONS or completed(said) is None:
        return None
    at = len(word) - len(rest) + found.start(1)
    what = f"a comma separates arguments, in {shown(found[0].strip())}"
    return WordError(what, f"with a decimal point: {said}", at, at + len(found[0].strip()))


def _misspelt(op: str, cls: type[Layer], text: str) -> SpecError | None:
    """Return the error for a key under another name, or with its value in brackets or without =; None for others."""
    listed = re.fullmatch(r"([A-Za-z_]+)([\[(]\d+(?:\s*,\s*\d+)*[\])])", text)
    if listed is not None and (fused := fused_key(cls, listed[1].lower())) is not None:
        return SpecError(f"{shown(text)} is not a number for {fused}", f"write {fused}{once(listed[2])}")
    stem = text.rstrip("0123456789.+xX-")
    key, number = meant_key(cls, stem) or stem.lower(), text[len(stem) :]
    if key not in cls.KEYS or not number[:1].isdigit():
        return None
    is_fused = fused_key(cls, key) is not None
    if key != stem.lower():
        return SpecError(f"{op} has no {shown(text)}", f"write {key}{'' if is_fused else '='}{number}")
    what = f"{shown(text)} has no = between the key and its value"
    return None if is_fused else SpecError(what, f"write {key}={number}")


def _no_such_argument(op: str, cls: type[Layer], text: str) -> SpecError:
    stem = text.rstrip("0123456789.+xX-")
    flags = [f for f, (key, _) in FLAGS.items() if key in cls.KEYS and f not in cls.KEYS]
    if stem.lower() in flags and stem != text:
        return SpecError(f"{stem} takes no number", f"write {stem} alone")
    if (fused := fused_key(cls, stem.lower())) is not None:
        number = text[len(stem) :] if read_axes(text[len(stem) :]) is not None else _EXAMPLES[fused]
        if stem == text or stem.lower() != fused:
            what = "has no number" if stem == text else f"is not a number for {fused}"
            return SpecError(f"{shown(text)} {what}", f"write {fused}{number}")
    known = [*cls.KEYS, *flags, *LAYER_KEYS]
    if stem.lower() in known and stem != text:
        equals = "" if fused_key(cls, stem.lower()) is not None else "="
        return SpecError(f"{shown(text)} is not a number for {stem}", f"as {stem}{equals}3, {stem}{equals}3x5")
    named = keys_named(cls, text)
    if named or text in LAYER_KEYS:
        reader = cls.KEYS[named[0]] if named else None
        words = ("true", "false") if reader is flag else WORDS.get(reader, ()) if reader else ()
        *others, last = [f"{text}={word}" for word in words or (EXAMPLE.get(text, "VALUE"),)]
        return SpecError(f"{text} has no value", f"write {', '.join(others)}{' or ' * bool(others)}{last}")
    if (repeated := re.fullmatch(r"(.*\w)\s*[*×]\s*(\d+)", text)) is not None:
        help = f"to repeat the layer: {repeated[1]},times={repeated[2]}"
    elif cls.BARE == "from":
        help = f"names of layers are joined by +, as {op}:a+b"
    else:
        help = nearest_key(cls, stem or text, flags) or f"{op} has {', '.join(known)}"
    return SpecError(f"{op} has no {shown(text)}", help)


def misplaced(head: WordHead, word: str, parts: Sequence[Part]) -> WordError:
    """Return the error for a bare number that is not the first argument."""
    if (comma := _with_comma(head, word)) is not None:
        return comma
    bare = next(one for at, one in enumerate(parts) if isinstance(one, Arg) and one.key == BARE and at)
    text = word[bare.start : bare.end]
    if not head.op or head.cls.BARE in (None, "from"):
        takes = head.op or head.written
        return WordError(f"{takes} takes no bare number", "leave it out", bare.start, bare.end)
    return too_many(head, word, [one for one in parts if isinstance(one, Arg) and one.key == BARE], text)


def too_many(head: WordHead, word: str, bare: Sequence[Arg], text: str | None = None) -> WordError:
    """Return the error for several bare numbers, with the likely word, or for one that the op does not accept."""
    if (comma := _with_comma(head, word)) is not None:
        return comma
    cls = head.cls
    first = bare[0] if len(bare) == 1 or cls.BARE in (None, "from") or text else bare[1]
    own = head.written.lower() == head.op.lower() and cls.BARE not in (None, "from")
    readings = _readings(head, bare) if len(bare) > 1 and not own else {}
    if readings:
        what = "only the first argument may be a bare number, but in a framework's own spelling"
        if len({*readings.values()}) == 1:
            return WordError(what, f"write {next(iter(readings.values()))}", first.start, first.end)
        rest = word.partition(":")[2]
        help = "\n".join(f"{kind}:{rest} is {meant}" for kind, meant in readings.items())
        return WordError(what, help, first.start, first.end)
    if cls.BARE in (None, "from"):
        return WordError(f"{head.op} takes no bare number", _instead(head, word, bare), first.start, first.end)
    what = f"only the first argument may be a bare number ({cls.BARE}); {_likely(head, word, bare)}"
    return WordError(what, None, first.start, first.end)


def _instead(head: WordHead, word: str, bare: Sequence[Arg]) -> str:
    text = word[bare[0].start : bare[0].end]
    fused = [f"{key}{text}" for key in "kspdg" if key in head.cls.KEYS and len(bare) == 1]
    return f"name this one: {' or '.join(f'{head.op}:{one}' for one in fused)}" if fused else "leave it out"


def kernel_as_number(head: WordHead, bare: Arg, nd: int | None) -> WordError | None:
    """Return the error for a number of channels that looks like or includes a kernel (`64x3x3`); None for others."""
    sides = [f"{side}" for side in bare.value if isinstance(side, int)]
    if "k" not in head.cls.KEYS or nd is None or len(sides) not in (nd, nd + 1) or len(sides) < len(bare.value):
        return None
    c_o, k = f"{EXAMPLE['c_o']}", sides
    if len(sides) > nd:
        c_o, *k = sides if bare.value[0] >= bare.value[-1] else [sides[-1], *sides[:-1]]
    what = f"{'x'.join(sides)} is not a whole number"
    return WordError(what, f"for a kernel: {head.op}:{c_o},k{'x'.join(k)}", bare.start, bare.end)


_LISTED = r"(?<![^,])(\w+)=(\d+(?:,\d+)+)(?=,|$)"
"""A key with several numbers separated by commas."""


def _likely(head: WordHead, word: str, bare: Sequence[Arg]) -> str:
    """Return the word that these bare numbers probably mean, with each one named."""
    cls = head.cls
    if (listed := _sides_listed(head, word)) is not None:
        return listed
    if not takes_several(cls) and len(bare) == 2:  # 5x5,6
        bare = sorted(bare, key=lambda one: not isinstance(one.value, int))
    texts = [once(word[one.start : one.end]) for one in bare]
    rest = [text.strip() for text in split_arguments(word.partition(":")[2])]
    order = _order(cls, {key for text in rest for key in _keys_of(head, text)})
    others = [text for text in rest if once(text) not in texts]
    begins_with_c_i = _begins_with_c_i(cls, bare, order)
    own = texts[1:] if begins_with_c_i else texts
    if len(own) - 1 <= len(order) and (len(own) > 1 or begins_with_c_i or len(bare) == 1):
        named = [f"{key}{text}" for key, text in zip(order, own[1:], strict=False)]
        said = f"{head.op}:{','.join([own[0], *named, *others])}"
        if len(bare) == 1:
            return f"put it first: {said}"
        return f"c_i follows from the input; name the others: {said}" if begins_with_c_i else f"name this one: {said}"
    said = f"{head.op}:{','.join(['x'.join(texts) if takes_several(cls) else texts[0], *others])}"
    return f"{'give one per axis' if takes_several(cls) else 'leave out the others'}: {said}"


def _sides_listed(head: WordHead, word: str) -> str | None:
    """Return the help for a key with several numbers separated by commas; None if there is none."""
    listed = re.search(_LISTED, word)
    key = None if listed is None else fused_key(head.cls, listed[1].lower())
    if listed is None or key is None:
        return None
    numbers, axes = listed[2].split(","), OPS[head.op][1] or 2
    if key == "p" and len(numbers) == 2 * axes > 2 and len({*numbers}) > 1:
        pairs = zip(numbers[:axes], numbers[axes:], strict=True)  # ONNX lists all begins, then all ends
        if listed[1].lower() != "pads":
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
        sides, what = "x".join(f"{before}+{after}" for before, after in pairs), "before and after, axis by axis"
    else:
        sides, what = once(listed[2]), "one per axis" if len({*numbers}) > 1 else "one for all axes"
    return f"give {what}: {word[: listed.start(2)]}{sides}{word[listed.end() :]}"


def _begins_with_c_i(cls: type[Layer], bare: Sequence[Arg], order: Sequence[str]) -> bool:
    """Return whether the first bare number is probably the input's channels, as in PyTorch's calls."""
    if "c_i" not in cls.KEYS or cls.BARE not in ("c_o", "out"):
        return False
    counts = [one.value for one in bare if isinstance(one.value, int)]
    is_small = len(counts) < 2 or (counts[0] > counts[1] and (counts[1] <= LIKELY_KERNEL or counts[1] in (9, 11)))
    is_kernel_second = "k" in order and len(bare) > 2 and is_small
    return (len(bare) > 2 or not order) and not is_kernel_second


def _order(cls: type[Layer], given: Collection[str]) -> list[str]:
    """Return the keys that further bare numbers probably mean, in order."""
    return [key for key in ("k", "s", "p", "d") if key in cls.KEYS and key != cls.BARE and key not in given]


def once(text: str) -> str:
    """Return sides in the form of a layer word, one number if all axes are equal: `5` for `(5, 5)`."""
    sides = [side.strip() for side in split_axes(text.strip("()[]").replace(",", "x"))]
    return sides[0] if len(set(sides)) == 1 else "x".join(sides)


def _keys_of(head: WordHead, text: str) -> list[str]:
    with suppress(CnncalcError):
        return [one.key for one in parts_of(head, text, 0, first=False) if isinstance(one, Arg)]
    return []


def _readings(head: WordHead, bare: Sequence[Arg]) -> dict[str, str]:
    """Return each class with this name in another case, with the word that its positional arguments mean."""
    from .calls import layers_of

    found = {}
    for kind in other_case(head.written):
        with suppress(SpecError):
            found[kind] = word_of(layers_of(kind, [one.value for one in bare], {}).layers[0])
    return found


PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u0445\u0425", "x"),  # Cyrillic
        **{chr(0xFF01 + at): chr(0x21 + at) for at in range(94)},  # full width
    }
)
"""Characters that editors and web pages put in place of plain ones, and those."""


def plainly(word: str) -> str | None:
    """Return a word without quotation marks and other characters of editors and web pages; None if it has none."""
    plain = word.translate(PLAIN)
    if plain == word:
        return None
    return plain[1:-1] if len(plain) > 2 and plain[0] in QUOTES and plain[-1] == plain[0] else plain
