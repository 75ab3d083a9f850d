"""Rules for attention: scaled dot products, and layers of several heads."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import Any

from .calls import Constant, Misread, OpaqueCall
from .products import derived
from .rules import Call, Rules, without
from .values import BATCH, BatchedTensor, Operand, sample_of, with_batch

RULES = Rules()


@RULES.rule("scaled_dot_product_attention", "query key value attn_mask dropout_p is_causal")
def attention(call: Call) -> BatchedTensor:
    """Read scaled dot-product attention."""
    operands: list[Operand] = [call.operand(call.get(name)) for name in ("query", "key", "value")]
    if any(
        len(one.axes if isinstance(one, BatchedTensor) else one.shape) < 2
        for one in operands
        if not isinstance(one, (int, float))
    ):
        raise OpaqueCall
    mask = call.get("attn_mask")
    if mask is not None:
        operands.append(added(call, call.operand(mask)))
    values, back, axis = call.layers.meeting(operands)
    if back is not None and back < 3:
        raise Misread
    if call.get("enable_gqa"):
        values[1:3] = [_repeated(call, values[0], one) for one in values[1:3]]
    scale, features = call.get("scale"), values[0].axes[-1][0]
    usual = scale is None or abs(scale - 1 / sqrt(features)) < 1e-9 * scale
    keys = {"scale": None if usual else scale, "causal": call.get("is_causal", False)}
    layer = call.layers.add("attention", [one.layer for one in values], without(keys, causal=False))
    return BatchedTensor(layer, with_batch(call.out, None if back is None else len(call.out) - back, axis))


def _repeated(call: Call, query: BatchedTensor, one: BatchedTensor) -> BatchedTensor:
    """Return keys or values with each head repeated for the query heads that share it."""
    heads, own = query.axes[-3][0], one.axes[-3][0]
    if heads == own:
        return one
    indices = [head for head in range(own) for _ in range(heads // own)]
    layer = call.layers.add("gather", [one.layer], {"axis": call.axis(one, -3), "indices": indices})
    return one._replace(layer=layer, axes=(*one.axes[:-3], (heads,), *one.axes[-2:]))


def added(call: Call, mask: Operand) -> Operand:
    """Return a mask in additive form: for truth values, minus infinity where they are false."""
    if isinstance(mask, Constant):
        values = mask.read()
        if values is not None and values.dtype.kind == "b":
            return derived(mask, mask.shape, _additive)
        return mask
    if isinstance(mask, BatchedTensor) and mask.integer:
        mask = call.layers.unfolded(mask)
        low, zero = call.layers.number(-inf).layer, call.layers.number(0).layer
        return mask._replace(layer=call.layers.add("where", [mask.layer, zero, low]))
    return mask


def _additive(values: Any) -> Any:
    """Return 0 where a mask holds, and elsewhere a number below any score."""
    return (values.astype("float32") - 1) * 1e38


_MHA = """
    query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p
    out_proj_weight out_proj_bias
"""


@RULES.rule("multi_head_attention_forward", " ".join(_MHA.split()))
def multihead(call: Call) -> BatchedTensor:
    """Read multi-head attention over (positions, samples, features)."""
    given = [call.value(name) for name in ("query", "key", "value")]
    features, rank = given[0].axes[-1][0], len(given[0].axes)
    if rank == 3:
        given = [_for_each_sample(call, one, given) for one in given]
    turn = (1, 0, 2) if rank == 3 else (0, 1)
    turned = {one: sequence(call, one, 1 if rank == 3 else None) for one in dict.fromkeys(given)}
    if any(call.get(name) is not None for name in ("bias_k", "bias_v", "static_k", "static_v", "key_padding_mask")):
        raise OpaqueCall
    if call.get("add_zero_attn"):
        raise OpaqueCall
    values = [turned[one] for one in given]
    keys: dict[str, Any] = {"heads": call.get("num_heads"), "bias": call.get("in_proj_bias") is not None}
    reads = [one.layer for one in values]
    mask = call.get("attn_mask")
    if mask is not None:
        operand = added(call, call.operand(mask))
        if not isinstance(operand, Constant) or len(operand.shape) != 2:
            raise OpaqueCall
        if isinstance(mask, Constant) and (told := mask.read()) is not None and told.dtype.kind == "b":
            operand = derived(mask, mask.shape, lambda held: _additive(~held))
        reads.append(call.layers.constant(operand).layer)
    elif reads[0] is reads[1] is reads[2]:
        reads = reads[:1]
    elif reads[1] is reads[2]:
        reads = reads[:2]
    layer = call.layers.add("multihead", reads, without(keys, bias=True), _projections(call, features))
    made = values[0]._replace(layer=layer)
    return call.layers.permuted(made, turn) if rank == 3 else made


def _for_each_sample(call: Call, x: BatchedTensor, others: Sequence[BatchedTensor]) -> BatchedTensor:
    """Return (positions, samples, features) expanded to all samples if there is only one, as for learned queries."""
    samples = next((one.axes[1] for one in others if BATCH in one.axes[1]), None)
    if samples is None or x.batch_at is not None or sample_of(x.axes[1:2]) != (1,):
        return x
    return call.layers.reshaped(x, (x.axes[0], samples, x.axes[2]))


def _projections(call: Call, features: int) -> dict[str, Constant]:
    """Return the arrays of multi-head attention by role; PyTorch keeps three of them in one."""
    found: dict[str, Constant] = {}
    whole, bias = call.get("in_proj_weight"), call.get("in_proj_bias")
    for at, (role, word) in enumerate((("query", "q"), ("key", "k"), ("value", "v"))):
        own = call.get(f"{word}_proj_weight")
        rows = slice(at * features, (at + 1) * features)
        if call.get("use_separate_proj_weight"):
            found[f"{role}_weight"] = own
        else:
            found[f"{role}_weight"] = _rows(whole, rows)
        if bias is not None:
            found[f"{role}_bias"] = _rows(bias, rows)
    found["output_weight"] = call.get("out_proj_weight")
    if bias is not None:
        found["output_bias"] = call.get("out_proj_bias")
    if not all(isinstance(one, Constant) for one in found.values()):
        raise OpaqueCall
    return found


def _rows(array: Any, rows: slice) -> Constant:
    """Return some rows of an array."""
    if not isinstance(array, Constant):
        raise OpaqueCall
    part = derived(array, (rows.stop - rows.start, *array.shape[1:]), lambda values: values[rows])
    return part._replace(key=(array.identity(), rows.start))


def sequence(call: Call, x: BatchedTensor, batch: int | None) -> BatchedTensor:
    """Return a value as (positions, features), with the axis of samples in the batch; None if it has none."""
    if batch is None:
        if x.batch_at is not None:
            raise Misread
        return x
    if x.batch_at not in (None, batch):
        raise Misread
    order = [batch, *[at for at in range(len(x.axes)) if at != batch]]
    x = call.layers.permuted(x, order) if batch else x
    return call.layers.folded(x, x.place(1))
