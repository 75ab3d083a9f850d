"""Rules for matrix products: linear layers, products of values, attention, recurrent layers, embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import inf, sqrt
from string import ascii_letters
from typing import Any

from .arithmetic import combine, times
from .calls import BatchMixed, Constant, Misread, OpaqueCall
from .rules import TENSORS, Call, Rules, without
from .values import BATCH, Axes, Axis, BatchedTensor, Operand, sample_of, with_batch

RULES = Rules()


def derived(array: Constant, shape: Sequence[int], see: Callable[[Any], Any]) -> Constant:
    """Return a constant that is part of another, or another form of it."""

    def read() -> Any:
        values = array.read()
        return None if values is None else see(values)

    return array._replace(shape=tuple(shape), read=read, name=None, key=(array.identity(), tuple(shape)))


@RULES.rule("linear", "input weight bias")
def linear(call: Call) -> BatchedTensor:
    """Read a linear layer on the last axis."""
    arrays = call.arrays("weight", "bias")
    if arrays["weight"].made is None:
        return linear_on(call, call.kept, arrays)
    weight = call.layers.permuted(call.value("weight"), (1, 0))  # itself a product, which counts
    product = multiplied(call, call.kept, weight)
    return combine(call, "add", product, arrays["bias"]) if "bias" in arrays else product


def linear_on(call: Call, x: BatchedTensor, arrays: dict[str, Constant]) -> BatchedTensor:
    """Return a value through a linear layer on its last axis."""
    if len(arrays["weight"].shape) != 2:
        raise OpaqueCall
    if call.axis(x, -1) < 1:
        x = call.layers.unfolded(x)
    keys = without({"out": arrays["weight"].shape[0], "bias": "bias" in arrays}, bias=True)
    layer = call.layers.add("linear", [x.layer], keys, arrays)
    return x._replace(layer=layer, axes=(*x.axes[:-1], (arrays["weight"].shape[0],)))


@RULES.rule("matmul bmm mm rmatmul imatmul mv dot", "input mat2")
def matmul(call: Call) -> BatchedTensor:
    """Read a matrix product."""
    first = call.operand(call.get("input"))
    second = call.operand(call.get("mat2", call.get("other", call.get("vec", call.get("tensor")))))
    if call.function == "rmatmul":
        first, second = second, first
    return multiplied(call, first, second)


def multiplied(call: Call, first: Operand, second: Operand) -> BatchedTensor:
    """Return a matrix product of two operands: a linear layer for a constant matrix, otherwise by NumPy's rules."""
    if isinstance(first, BatchedTensor) and isinstance(second, Constant) and len(second.shape) == 2:
        weight = derived(second, second.shape[::-1], lambda values: values.T)
        if BATCH not in first.axes[-1]:
            return linear_on(call, first, {"weight": weight})
    a, b = [call.layers.unfolded(one) if isinstance(one, BatchedTensor) else one for one in (first, second)]
    ranks = [
        len(one.axes) if isinstance(one, BatchedTensor) else len(one.shape)
        for one in (a, b)
        if not isinstance(one, (int, float))
    ]
    if len(ranks) < 2 or 0 in ranks:
        raise OpaqueCall
    rows = _at(a, -2) if ranks[0] > 1 else None
    columns = _at(b, -1) if ranks[1] > 1 else None
    if BATCH in (_at(a, -1) or ()) or BATCH in (_at(b, -2 if ranks[1] > 1 else -1) or ()):
        raise BatchMixed
    if (rows and BATCH in rows) or (columns and BATCH in columns):
        return _with_batch_in_rows(call, a, b, rows or (), columns or ())
    (a, b), back, axis = call.layers.meeting([a, b])
    layer = call.layers.add("matmul", [a.layer, b.layer])
    lead = max(*ranks, 2) - 2
    at = None if back is None else lead - (back - 2)
    return BatchedTensor(layer, with_batch(call.out, at, axis))


def _at(one: Operand, at: int) -> tuple[int, ...] | None:
    """Return one of an operand's axes."""
    return one.axes[at] if isinstance(one, BatchedTensor) else None


def _with_batch_in_rows(call: Call, a: Any, b: Any, rows: Axis, columns: Axis) -> BatchedTensor:
    """Return a product whose rows or columns are the batch: a sample has one of them, or as many as are folded."""
    in_rows = BATCH in rows
    held, other, at = (a, b, -2) if in_rows else (b, a, -1)
    axis = rows if in_rows else columns
    if (isinstance(other, BatchedTensor) and other.batch_at is not None) or len(axis) > 2:
        raise BatchMixed
    size = next((n for n in axis if n != BATCH), 1)
    place = at % len(held.axes)
    held = call.layers.reshaped(held, (*held.axes[:place], (size,), *held.axes[place + 1 :]))
    met = other if isinstance(other, BatchedTensor) else call.layers.constant(other)
    pair = [held, met] if in_rows else [met, held]
    layer = call.layers.add("matmul", [one.layer for one in pair])
    where = len(call.out) - 1 - (in_rows and len(met.axes) > 1)
    made = BatchedTensor(layer, with_batch(call.out, where, (size,)))
    return call.layers.reshaped(made, with_batch(call.out, where, axis))


@RULES.rule("addmm baddbmm addbmm addmv", "input mat1 mat2")
def addmm(call: Call) -> BatchedTensor:
    """Read a matrix product plus another value."""
    names = ("batch1", "batch2") if "batch1" in call.given else ("mat1", "mat2")
    if call.function == "addbmm":
        raise OpaqueCall
    product = multiplied(call, *[call.operand(call.get(name)) for name in names])
    product_ = times(call, product, call.get("alpha", 1))
    return combine(call, "add", times(call, call.operand(call.get("input")), call.get("beta", 1)), product_)


@RULES.rule("einsum", "equation operands")
def einsum(call: Call) -> BatchedTensor:
    """Read an einsum, with the batch left out of the equation."""
    equation = call.get("equation")
    if not isinstance(equation, str):
        raise OpaqueCall
    terms, out = _terms(equation)
    values = _operands(call)
    spelt = [_spelt(term, one) for term, one in zip(terms, values, strict=True)]
    held = {
        (labels[one.batch_at], one.axes[one.batch_at])
        for labels, one in zip(spelt, values, strict=True)
        if isinstance(one, BatchedTensor) and one.batch_at is not None
    }
    if len(held) > 1:
        raise BatchMixed
    out_labels = _labels(out, max((sum(map(str.isdigit, labels)) for labels in spelt), default=0))
    if not held:
        text = f"{','.join(terms)}->{out}"
        layer = call.layers.add("einsum", [_made(call, one).layer for one in values], {"equation": text})
        return BatchedTensor(layer, tuple([(n,) for n in call.out]))
    label, axis = held.pop()
    if label not in out_labels or len(axis) > 2:
        raise BatchMixed
    reads = [_without(call, one, labels, label, axis).layer for labels, one in zip(spelt, values, strict=True)]
    left_out = label if axis == (BATCH,) else ""
    text = _written([[c for c in labels if c != left_out] for labels in [*spelt, out_labels]], equation)
    layer = call.layers.add("einsum", reads, {"equation": text})
    return BatchedTensor(layer, with_batch(call.out, out_labels.index(label), axis))


def _terms(equation: str) -> tuple[list[str], str]:
    """Return the terms of an equation's inputs, and that of its output: by default the letters that occur once."""
    inputs, _, out = equation.replace(" ", "").partition("->")
    if "->" not in equation:
        letters = inputs.replace(",", "").replace(".", "")
        out = "..." * ("..." in inputs) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return inputs.split(","), out


def _operands(call: Call) -> list[Operand]:
    """Return the operands of an einsum, given one by one or as a list, with axes unfolded."""
    given = call.call.args[1:]
    listed = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
    values = [call.operand(one) for one in listed]
    return [call.layers.unfolded(one) if isinstance(one, BatchedTensor) else one for one in values]


def _written(terms: Sequence[Sequence[str]], used: str) -> str:
    """Return the equation of labels, those of the output last: digits become letters that `used` does not have."""
    unused = iter([c for c in ascii_letters if c not in used])
    names = {c: next(unused) if c.isdigit() else c for c in dict.fromkeys(chain(*terms))}
    *inputs, out = ["".join([names[c] for c in term]) for term in terms]
    return f"{','.join(inputs)}->{out}"


def _labels(term: str, width: int) -> list[str]:
    """Return the labels of a term's axes; those of `...` are digits, 0 for the last."""
    before, dots, after = term.partition("...")
    return [*before, *(map(str, range(width - 1, -1, -1)) if dots else []), *after]


def _spelt(term: str, one: Operand) -> list[str]:
    """Return the labels of an operand's axes."""
    rank = len(one.axes) if isinstance(one, BatchedTensor) else len(one.shape) if isinstance(one, Constant) else 0
    return _labels(term, rank - len(term.replace("...", "")))


def _made(call: Call, one: Operand) -> BatchedTensor:
    """Return an operand as a value."""
    if isinstance(one, BatchedTensor):
        return one
    return call.layers.constant(one) if isinstance(one, Constant) else call.layers.number(one)


def _without(call: Call, one: Operand, labels: list[str], label: str, axis: tuple[int, ...]) -> BatchedTensor:
    """Return an operand of an einsum without the batch on the axis of this label."""
    if label not in labels or (isinstance(one, BatchedTensor) and one.batch_at is not None):
        return _made(call, one)
    at = labels.index(label)
    if isinstance(one, Constant):
        return call.layers.constant(*call.layers.without_batch(one, at, axis))
    value = _made(call, one)
    if value.axes[at] != (1,):
        raise BatchMixed
    ones = tuple([n if n == BATCH else 1 for n in axis])
    return call.layers.reshaped(value, (*value.axes[:at], ones, *value.axes[at + 1 :]))


# Attention


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


# Recurrent layers


_RECURRENT = "input hx params has_biases num_layers dropout train bidirectional batch_first"


@RULES.rule("lstm gru rnn_tanh rnn_relu", _RECURRENT)
def recurrent(call: Call) -> list[BatchedTensor | None]:
    """Read stacked recurrent layers: all steps of the last, and the last states of each."""
    arrays = call.get("params")
    if not isinstance(arrays, (list, tuple)) or "batch_first" not in call.given:
        raise OpaqueCall  # packed sequences
    batch = 0 if call.get("batch_first") else 1
    x = sequence(call, call.x, batch)
    both, count, biased = bool(call.get("bidirectional")), call.get("num_layers"), bool(call.get("has_biases"))
    roles = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if biased else [])]
    if len(arrays) != len(roles) * count * (1 + both):
        raise OpaqueCall  # projections
    op = "rnn" if call.function.startswith("rnn") else call.function
    hidden, has_cell = arrays[1].shape[-1], call.is_used(2)
    keys: dict[str, Any] = {"out": hidden, "bidirectional": both, "bias": biased}
    keys["activation"] = "relu" if call.function == "rnn_relu" else None
    keys["state"] = "both" if has_cell else None
    keys = without(keys, bidirectional=False, bias=True)
    begins = _begins(call, count, 1 + both)
    hiddens: list[BatchedTensor] = []
    cells: list[BatchedTensor] = []
    rest, width = iter(arrays), hidden * (1 + both)
    for at in range(count):
        own = {role: next(rest) for role in roles}
        own |= {f"{role}_reverse": next(rest) for role in roles} if both else {}
        layer = call.layers.add(op, [x.layer, *[state.layer for state in begins[at]]], keys, own)
        if has_cell:
            cell = call.layers.add("slice", [layer], {"axis": -1, "start": width})
            layer = call.layers.add("slice", [layer], {"axis": -1, "stop": width})
            cells += _ends(call, x._replace(layer=cell, axes=(*x.axes[:-1], (width,))), hidden, both=both)
        x = x._replace(layer=layer, axes=(*x.axes[:-1], (width,)))
        hiddens += _ends(call, x, hidden, both=both)
    steps = call.layers.permuted(x, (1, 0, 2)) if batch else call.layers.unfolded(x)
    return [steps, _states(call, hiddens), *([_states(call, cells)] if has_cell else [])]


def _begins(call: Call, count: int, directions: int) -> list[list[BatchedTensor]]:
    """Return the initial states of each layer, with all directions concatenated; empty if all are zero."""
    given = call.get("hx")
    states = list(given) if isinstance(given, (list, tuple)) and not isinstance(given, TENSORS) else [given]
    found: list[list[BatchedTensor]] = [[] for _ in range(count)]
    if all(isinstance(state, Constant) and is_zero(state) for state in states):
        return found
    for state in states:
        operand = call.operand(state)
        whole = call.layers.alone(operand) if isinstance(operand, Constant) else operand
        if not isinstance(whole, BatchedTensor) or whole.batch_at != 1 or len(whole.axes[1]) > 1:
            raise OpaqueCall
        whole = call.layers.unfolded(whole)  # layers and directions, samples, features
        hidden = whole.axes[2][0]
        for at, states_of in enumerate(found):
            layer = whole.layer
            if count > 1:
                keys = {"axis": 1, "start": at * directions, "stop": (at + 1) * directions}
                layer = call.layers.add("slice", [layer], keys)
            own = whole._replace(layer=layer, axes=((directions,), whole.axes[1], (hidden,)))
            turned = call.layers.permuted(own, (1, 0, 2))
            states_of.append(call.layers.reshaped(turned, (turned.axes[0], (directions * hidden,))))
    return found


def is_zero(state: Constant) -> bool:
    """Return whether a state is known to be zero."""
    values = state.read()
    return values is not None and not values.any()


def _ends(call: Call, x: BatchedTensor, hidden: int, *, both: bool) -> list[BatchedTensor]:
    """Return the last step of each direction as (samples, one step, features)."""
    steps = x.axes[1][0]
    layer = call.layers.add("slice", [x.layer], {"axis": -2, "start": steps - 1}) if steps > 1 else x.layer
    forward = call.layers.add("slice", [layer], {"axis": -1, "stop": hidden}) if both else layer
    axes: Axes = (x.axes[0], (1,), (hidden,))
    ends = [x._replace(layer=forward, axes=axes)]
    if both:
        first = call.layers.add("slice", [x.layer], {"axis": -2, "stop": 1}) if steps > 1 else x.layer
        backward = call.layers.add("slice", [first], {"axis": -1, "start": hidden})
        ends.append(x._replace(layer=backward, axes=axes))
    return ends


def _states(call: Call, ends: list[BatchedTensor]) -> BatchedTensor:
    """Return the last steps in PyTorch's form: (layers and directions, samples, features)."""
    one = ends[0]
    layer = call.layers.add("concat", [end.layer for end in ends], {"axis": -2}) if len(ends) > 1 else one.layer
    joined = one._replace(layer=layer, axes=(one.axes[0], (len(ends),), one.axes[2]))
    return call.layers.permuted(joined, (1, 0, 2))


@RULES.rule("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", "input hx w_ih w_hh b_ih b_hh")
def cell(call: Call) -> list[BatchedTensor | None]:
    """Read one step of a recurrent layer from the previous states."""
    x, given = call.x, call.get("hx")
    states = given if isinstance(given, (list, tuple)) and not isinstance(given, TENSORS) else [given]
    begins = [call.operand(state) for state in states]
    held = [call.layers.alone(one) if isinstance(one, Constant) else one for one in begins]
    if any(not isinstance(one, BatchedTensor) or one.batch_at != 0 or len(one.sample) != 1 for one in [x, *held]):
        raise OpaqueCall
    arrays = call.arrays("w_ih", "w_hh", "b_ih", "b_hh")
    own = {role.replace("w_", "weight_").replace("b_", "bias_"): array for role, array in arrays.items()}
    hidden, op = arrays["w_hh"].shape[-1], call.function.partition("_")[0]
    keys: dict[str, Any] = {"out": hidden, "bias": "b_ih" in arrays, "sequences": False}
    keys["activation"] = "relu" if call.function == "rnn_relu_cell" else None
    keys["state"] = "both" if op == "lstm" else None
    steps = call.layers.reshaped(x, (x.axes[0], (1,), x.axes[1]))
    reads = [steps.layer, *[one.layer for one in held if isinstance(one, BatchedTensor)]]
    layer = call.layers.add(op, reads, without(keys, bias=True), own)
    made = x._replace(layer=layer, axes=(x.axes[0], (hidden,)))
    if op != "lstm":
        return [made]
    ends = [{"axis": -1, "stop": hidden}, {"axis": -1, "start": hidden}]
    return [made._replace(layer=call.layers.add("slice", [layer], keys)) for keys in ends]


@RULES.rule("embedding", "input weight")
def embedding(call: Call) -> BatchedTensor:
    """Read the rows of a table by index."""
    x, arrays = call.kept, call.arrays("weight")
    rows, out = arrays["weight"].shape
    layer = call.layers.add("embedding", [x.layer], {"rows": rows, "out": out}, arrays)
    return x._replace(layer=layer, axes=(*x.axes, (out,)))
