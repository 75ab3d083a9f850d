"""Products, attention and sequence layers, as layers or operations of Keras."""

from __future__ import annotations

from math import prod
from string import ascii_lowercase
from typing import Any

from ....layers.names import KERAS
from ....registry import Registry
from ....sizes import Shape, known
from .step import NN, NUMPY, KerasContext, KerasStep, KerasWriter, inexpressible

WRITERS: Registry[str, KerasWriter] = Registry()


def _reshaped(read: int | str, shape: Shape, suffix: str) -> KerasStep:
    """Return a Reshape of one of the inputs, or of an earlier step."""
    sizes = [known(n) for n in shape]
    if None in sizes:
        raise inexpressible("a reshape to open sizes", "give the input's sizes")
    return KerasStep("Reshape", {"target_shape": sizes}, shape, suffix, reads=(read,))


@WRITERS.register("matmul")
def _matmul(context: KerasContext) -> list[KerasStep]:
    """Return a Matmul; vectors and matrices with fewer axes get more axes first."""
    a, b = context.layer.samples
    out = context.layer.traced.out
    rank = max(len(a), len(b), 2)
    wide_a, wide_b = (1,) * (rank - len(a)) + a, b if len(b) > 1 else (*b, 1)
    wide_b = (1,) * (rank - len(wide_b)) + wide_b
    steps: list[KerasStep] = []
    reads: list[int | str] = [0, 1]
    for at, (old, new) in enumerate(((a, wide_a), (b, wide_b))):
        if old != new:
            steps.append(_reshaped(at, new, f"_wide{at + 1}"))
            reads[at] = steps[-1].suffix
    (step,) = context.operation(NUMPY, "Matmul")
    if min(len(a), len(b)) > 1:
        return [*steps, step._replace(reads=tuple(reads))]
    lead = out[: len(out) - (len(a) > 1) - (len(b) > 1)]
    product = (*lead, wide_a[-2], wide_b[-1])
    steps.append(step._replace(reads=tuple(reads), suffix="_product", out=product))
    return [*steps, _reshaped("_product", out, "")]


@WRITERS.register("einsum")
def _einsum(context: KerasContext) -> list[KerasStep]:
    """Return an Einsum with a letter for the batch."""
    inputs, _, out = context.layer.values["equation"].partition("->")
    batch = next((c for c in "bn" + ascii_lowercase if c not in inputs), None)
    if batch is None:
        raise inexpressible(
            "an equation that uses all letters, leaving none for the batch", "use fewer letters", "equation"
        )
    subscripts = f"{','.join(batch + term for term in inputs.split(','))}->{batch}{out}"
    return context.operation(NUMPY, "Einsum", subscripts=subscripts)


@WRITERS.register("attention")
def _attention(context: KerasContext) -> list[KerasStep]:
    """Return a DotProductAttention, in which heads come after positions; leading axes are merged into heads."""
    v, shapes, out = context.layer.values, context.layer.samples, context.layer.traced.out
    if v["scale"] is None:
        raise inexpressible("the scale for an open number of features", "give scale", "scale")
    order = [0, min(1, len(shapes) - 1), 2 if len(shapes) > 2 else min(1, len(shapes) - 1), *range(3, len(shapes))]
    lead = out[:-2]
    if any(shapes[at][:-2] != lead for at in order[:3]):
        raise inexpressible(
            ("attention whose queries, keys and values differ in their leading axes"), "repeat them first", "from"
        )
    heads = prod(n for n in lead if isinstance(n, int))
    steps: list[KerasStep] = []
    reads: list[int | str] = []
    for number, at in enumerate(order[:3], 1):
        x = shapes[at]
        apart = (heads, *x[-2:])
        if len(lead) != 1:
            steps.append(_reshaped(at, apart, f"_heads{number}"))
        turned = KerasStep("Permute", {"dims": [2, 1, 3]}, (x[-2], heads, x[-1]), f"_turned{number}")
        steps.append(turned._replace(reads=(at if len(lead) == 1 else f"_heads{number}",)))
        reads.append(turned.suffix)
    for at in order[3:]:
        mask = shapes[at]
        sizes = (1,) * (2 + len(lead) - len(mask)) + mask
        if len(lead) != 1 and any(n != 1 for n in sizes[:-2]) and sizes[:-2] != lead:
            raise inexpressible("a mask that is repeated along some of several axes", "repeat it first", "from")
        steps.append(_reshaped(at, (1 if all(n == 1 for n in sizes[:-2]) else heads, *sizes[-2:]), "_mask"))
        reads.append("_mask")
    config = {"is_causal": v["causal"], "flash_attention": None, "attn_logits_soft_cap": None}
    named = {"mask": None, "scale": v["scale"]}
    seen = KerasStep("DotProductAttention", config, (out[-2], heads, out[-1]), "_seen", NN, (), tuple(reads), named)
    back = KerasStep("Permute", {"dims": [2, 1, 3]}, (heads, *out[-2:]), "", reads=("_seen",))
    if len(lead) == 1:
        return [*steps, seen, back]
    return [*steps, seen, back._replace(suffix="_back"), _reshaped("_back", out, "")]


@WRITERS.register("multihead")
def _multihead(context: KerasContext) -> list[KerasStep]:
    """Return a MultiHeadAttention over the second-to-last axis."""
    v, shapes = context.layer.values, context.layer.samples
    rank = len(shapes[0])
    if len(shapes) > 3:
        raise inexpressible("an additive mask of multi-head attention", "remove it", "from")
    if any(len(x) != rank for x in shapes) or (v["causal"] and rank > 2):
        raise inexpressible("multi-head attention over these axes", "give queries, keys and values two axes each")
    config = {key: v[ours] for key, ours in KERAS["multihead"].keys.items()} | {"attention_axes": [rank - 1]}
    (step,) = context.one("MultiHeadAttention", **config)
    keys = min(1, len(shapes) - 1)
    reads = (0, 2, 1) if len(shapes) > 2 else (0, keys, keys)
    return [step._replace(reads=reads, named={"use_causal_mask": v["causal"]})]


@WRITERS.register("lstm", "gru", "rnn")
def _recurrent(context: KerasContext) -> list[KerasStep]:
    """Return a recurrent layer, within a wrapper for both directions or for axes before the steps."""
    v, op, sample = context.layer.values, context.layer.op, context.layer.sample
    if v.get("state", "hidden") != "hidden":
        raise inexpressible("the cell state as an output", "give state=hidden", "state")
    if v["masked"]:
        raise inexpressible("a mask of steps given by a layer", "leave masked out", "masked")
    if len(context.layer.samples) > 1:
        raise inexpressible(f"initial states of {op}", "leave them out of from", "from")
    two = op == "gru" and v["reset_after"]
    if v["bias"] and v["hidden_bias"] != two:
        raise inexpressible(
            f"{'one bias' if two else 'two biases'} of {op}", f"give hidden_bias={str(two).lower()}", "hidden_bias"
        )
    name = KERAS[op]
    functions = {"gate": "hard_sigmoid"} if v.get("gate") == "hardsigmoid" else {}
    entry = _inner(
        name.word, {**name.theirs({**v, **functions}), "name": f"{context.layer.name}_one".replace("/", "_")}
    )
    if v["bidirectional"]:
        entry = _inner("Bidirectional", {"layer": entry, "merge_mode": "concat", "name": f"{context.layer.name}_both"})
    for number in range(len(sample) - 2):
        entry = _inner("TimeDistributed", {"layer": entry, "name": f"{context.layer.name}_each{number + 1}"})
    config = {key: value for key, value in entry["config"].items() if key != "name"}
    (step,) = context.one(entry["class_name"], **config)
    if not (v["backward"] and v["sequences"]):
        return [step]
    return [step._replace(suffix="_backward"), *context.operation(NUMPY, "Flip", axis=len(sample) - 1)]


def _inner(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
