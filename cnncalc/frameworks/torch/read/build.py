"""Calls as a spec: which layers they are, what each reads, what it is called, and whose weights it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any

from ....errors import SpecError
from ....layers import OPS
from ....layers.pool import MaxPool
from ... import Imported
from . import activation, arithmetic, reshaping  # noqa: F401 - they note their rules
from .calls import Call, Constant, Record, Value, tree
from .rules import Made, Unsaid, layers_of

INPUT = -1
_WORDS = """
    add radd iadd sub rsub isub mul rmul imul div truediv itruediv rtruediv pow abs sqrt rsqrt square exp log sin
    cos erf floor ceil round sign reciprocal maximum minimum max min amax amin sum prod cumsum argmax argmin sort
    topk roll flip where masked_fill gather index_select getitem setitem cat stack expand expand_as repeat
    repeat_interleave tile pad mean var std norm normalize log_softmax logsigmoid celu threshold pixel_unshuffle
    interpolate permute transpose view reshape flatten unbind split chunk narrow select squeeze unsqueeze
    batch_norm instance_norm rms_norm avg_pool1d avg_pool2d avg_pool3d zeros_like ones_like full_like eq ne lt le
    gt ge isnan tril triu unfold fold
"""
NO_PRODUCTS = frozenset(_WORDS.split())
"""Functions without multiply-accumulates: none but those of convolutions and linear layers are counted."""


class Piece:
    """A layer on its way into a spec."""

    def __init__(self, made: Made, reads: list[int], call: Call, tie: int | None = None):
        self.made, self.reads, self.call, self.tie = made, reads, call, tie
        """`reads` are the indices of pieces, INPUT for the input; `tie` is the piece whose weights it uses."""
        self.name = ""


def build(record: Record, name: str | None) -> Imported:
    """The spec of what a module did, and its weights."""
    builder = Builder(record)
    for index, call in enumerate(record.calls):
        builder.add(index, call)
    pieces = kept(bordered(shuffled(builder.pieces)), [builder.found(value) for value in record.outputs])
    name_all(pieces, record.leaves)
    spec = {"cnncalc": 1, "name": name or record.name, "input": list(record.input), "dialect": "torch"}
    layers = [layer(pieces, at) for at in range(len(pieces))]
    return Imported({**spec, "layout": "NCHW", "layers": layers}, dict(weights(pieces)))


class Builder:
    """The pieces so far, and which of them makes each value."""

    def __init__(self, record: Record):
        self.record = record
        self.pieces: list[Piece] = []
        self.at: dict[tuple[int, int], int] = {(-1, 0): INPUT}
        self.owners: dict[tuple[str, frozenset[str]], int] = {}
        """The piece that has these parameters first, by its op and their names."""
        self.counted: set[str] = set()
        """The parameters and buffers that a piece has."""

    def found(self, value: Value) -> int:
        """The piece that makes a value."""
        return self.at[value.call, value.place]

    def add(self, index: int, call: Call) -> None:
        """The pieces of one call: those of a rule, or an opaque one for each result."""
        before = len(self.pieces)
        try:
            made = layers_of(call, self.record.batch, self.record.trained)
            if isinstance(made, Value):
                self.at[index, 0] = self.found(made)
                return
            ends = self.split(call, made) if len(call.outs) > 1 and len(made) > 1 else [self.chain(call, made)]
        except Unsaid:
            del self.pieces[before:]
            ends = []
        ends += [self.opaque(call, place) for place in range(len(ends), len(call.outs))]
        self.at |= {(index, place): end for place, end in enumerate(ends)}

    def chain(self, call: Call, made: list[Made]) -> int:
        """Layers in a row; the index of the last."""
        first = [leaf for leaf in tree([call.args, call.kwargs]) if isinstance(leaf, Value)][:1]
        for at, one in enumerate(made):
            reads = [self.found(value) for value in one.reads or (first if at == 0 else ())]
            if at > 0:
                reads.append(len(self.pieces) - 1)
            self.piece(one, reads, call)
        return len(self.pieces) - 1

    def split(self, call: Call, made: list[Made]) -> list[int]:
        """Layers side by side, one for each result."""
        for one in made:
            self.piece(one, [self.found(value) for value in one.reads], call)
        return list(range(len(self.pieces) - len(made), len(self.pieces)))

    def piece(self, made: Made, reads: list[int], call: Call) -> None:
        """One more piece, tied where another has its weights. Unsaid where another has only some of them."""
        names = frozenset([str(array.name) for array in made.weights.values()])
        tie = self.owners.get((made.op, names)) if names else None
        if tie is None and names & self.counted:
            raise Unsaid
        self.counted |= names
        if names:
            self.owners.setdefault((made.op, names), len(self.pieces))
        self.pieces.append(Piece(made, reads, call, tie))

    def opaque(self, call: Call, place: int) -> int:
        """What cnncalc has no layer for: its result's shape, and the parameters that nothing before it has."""
        leaves = tree([call.args, call.kwargs])
        names = {name for leaf in leaves if isinstance(leaf, Constant) for name in leaf.of} - self.counted
        shape = call.outs[place]
        keys: dict[str, Any] = {"type": call.function}
        if len(shape) > 1 and shape[0] == self.record.batch:
            shape = shape[1:]
        elif self.record.batch > 1:
            shape = ()
        if shape and 0 not in shape:
            keys["out"] = list(shape)
        for key, sizes in (("params", self.record.trained), ("buffers", self.record.kept)):
            keys[key] = sum(sizes.get(name, 0) for name in names)
        self.counted |= names
        if call.function in NO_PRODUCTS:
            keys["macs"] = 0
        reads = list(dict.fromkeys(self.found(leaf) for leaf in leaves if isinstance(leaf, Value)))
        self.pieces.append(Piece(Made("opaque", keys), reads, call))
        return len(self.pieces) - 1


def readers(pieces: list[Piece]) -> list[int]:
    """How many pieces read each."""
    found = [0] * len(pieces)
    for piece in pieces:
        for read in piece.reads:
            found[read] += read != INPUT
    return found


def bordered(pieces: list[Piece]) -> list[Piece]:
    """The same, with padding by minus infinity before a max pool as the pool's own, and opaque where it is none's."""
    read = readers(pieces)
    for at, piece in enumerate(pieces):
        around = pieces[at - 1] if at > 0 and piece.reads == [at - 1] and read[at - 1] == 1 else None
        if around is not None and infinite(around.made) and fits(piece.made, around.made.keys["p"]):
            piece.made = piece.made._replace(keys=dict(piece.made.keys) | {"p": around.made.keys["p"]})
            piece.reads = around.reads
    for piece in pieces:
        if infinite(piece.made):
            out = list(piece.call.outs[0][1:])
            piece.made = Made("opaque", {"type": "pad", "out": out, "params": 0, "buffers": 0, "macs": 0})
    return pieces


def infinite(made: Made) -> bool:
    """Whether a layer puts minus infinity around a map."""
    return made.op == "pad" and made.keys.get("value") == -inf


def fits(made: Made, pairs: list[list[int]]) -> bool:
    """Whether a layer is a max pool that could have this padding itself: half of its kernel at the most."""
    k = made.keys.get("k", 0)
    sizes = k if isinstance(k, list) else [k] * len(pairs)
    plain = OPS[made.op][0] is MaxPool and "p" not in made.keys and not made.keys.get("ceil")
    return plain and all(max(pair) <= n // 2 for pair, n in zip(pairs, sizes, strict=True))


def shuffled(pieces: list[Piece]) -> list[Piece]:
    """The same, with a reshape, a permute and a reshape that deal out channels as one channelshuffle."""
    read = readers(pieces)
    for at, piece in enumerate(pieces):
        before = pieces[at - 1] if piece.reads == [at - 1] and at > 1 else None
        if before is None or before.reads != [at - 2] or read[at - 1] != 1 or read[at - 2] != 1:
            continue
        groups = dealt(pieces[at - 2].made, before.made, piece.made)
        if groups is not None:
            piece.made, piece.reads = Made("channelshuffle", {"g": groups}), pieces[at - 2].reads
    return pieces


def dealt(apart: Made, turned: Made, together: Made) -> int | None:
    """How many groups these three layers deal out; None where they do something else."""
    if (apart.op, turned.op, together.op) != ("reshape", "permute", "reshape"):
        return None
    groups, each, *space = apart.keys["out"]
    order = [2, 1, *range(3, len(space) + 3)]
    same = turned.keys["order"] == order and together.keys["out"] == [groups * each, *space]
    return int(groups) if same and space else None


def kept(pieces: list[Piece], outputs: list[int]) -> list[Piece]:
    """The pieces that an output hangs on; the last of them is an output."""
    if len(set(outputs)) == 1 and outputs[0] == INPUT:
        return [Piece(Made("identity"), [INPUT], Call("identity", (), {}, (), "", 0))]
    needed = set[int]()
    waiting = [at for at in outputs if at != INPUT]
    while waiting:
        at = waiting.pop()
        if at not in needed:
            needed.add(at)
            waiting += [read for read in (*pieces[at].reads, pieces[at].tie) if read is not None and read != INPUT]
    order = sorted(needed)
    place = {at: new for new, at in enumerate(order)} | {INPUT: INPUT}
    found = [pieces[at] for at in order]
    for piece in found:
        piece.reads = [place[read] for read in piece.reads]
        piece.tie = None if piece.tie is None else place[piece.tie]
    return found


def name_all(pieces: list[Piece], leaves: frozenset[str]) -> None:
    """A layer is called as its module where it is all that the module does, and by its op there where it is not."""
    turns: dict[int, list[Piece]] = {}
    for piece in pieces:
        turns.setdefault(piece.call.turn, []).append(piece)
    taken = {"input"}
    for piece in pieces:
        path = piece.call.path
        stem = path if path in leaves and path and chief(turns[piece.call.turn]) is piece else inside(path, piece)
        piece.name = next(name for name in names(stem) if name not in taken)
        taken.add(piece.name)


def chief(pieces: list[Piece]) -> Piece:
    """The layer that a module is there for: the first with weights, or else the last."""
    return next((piece for piece in pieces if piece.made.weights), pieces[-1])


def inside(path: str, piece: Piece) -> str:
    """The name of a layer among others of its module."""
    op = piece.made.keys["type"] if piece.made.op == "opaque" else piece.made.op
    return f"{path}.{op}"[-240:] if path else str(op)[:240]


def names(stem: str) -> Iterator[str]:
    """A name, and those to take where it is taken."""
    yield stem
    number = 1
    while True:
        number += 1
        yield f"{stem}_{number}"


def layer(pieces: list[Piece], at: int) -> dict[str, Any]:
    """A layer of the spec; what it reads is left out where that is the layer above."""
    piece = pieces[at]
    found = {"name": piece.name, "op": piece.made.op, **piece.made.keys}
    if piece.reads != [at - 1]:
        read = ["input" if one == INPUT else pieces[one].name for one in piece.reads]
        found["from"] = read[0] if len(read) == 1 else read
    if piece.tie is not None:
        found["tie"] = pieces[piece.tie].name
    return found


def weights(pieces: list[Piece]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each array by its name here, shared ones once."""
    for piece in pieces:
        if piece.tie is None:
            for role, array in piece.made.weights.items():
                name = f"{piece.name}.{role}"
                yield name, partial(_values, name, array)


def _values(name: str, array: Constant) -> Any:
    """A weight's values. SpecError where it has none."""
    found = array.read()
    if found is None:
        raise SpecError(f"{name} has no values: it is on PyTorch's meta device", "make the module with values")
    return found
