"""The output shapes of PyTorch's products: matrix products, attention, recurrent layers, embeddings and distances."""

from __future__ import annotations

from ....errors import ShapeError
from ....sizes import show
from .shapes import SHAPES, Shape, ShapeCall, Shapes, met, shape_of


@SHAPES.rule("linear", kind="float")
def linear(call: ShapeCall) -> Shapes:
    """Return the shape of a linear layer on the last axis."""
    *out, c_i = call.shape("weight")
    got = call.x[-1] if call.x else 1
    if got != c_i:
        raise ShapeError(f"expects {c_i:,} input features, gets {got:,}")
    return (*call.x[:-1], *out)


@SHAPES.rule("bilinear", "input1 input2 weight bias", "float")
def bilinear(call: ShapeCall) -> Shapes:
    """Return the shape of a product of two values and a weight."""
    first, second, (c_o, *wanted) = call.shape("input1"), call.shape("input2"), call.shape("weight")
    for number, (got, c_i) in enumerate(zip((first, second), wanted, strict=True), 1):
        if got[-1:] != (c_i,):
            raise ShapeError(f"expects {c_i} features of input {number}, gets {show(got[1:])}")
    return (*first[:-1], c_o)


@SHAPES.rule("matmul bmm mm rmatmul mv dot", kind="float")
def matmul(call: ShapeCall) -> Shapes:
    """Return the shape of a matrix product."""
    second = next((name for name in ("mat2", "vec", "tensor") if name in call.given), "other")
    return product(call.x, call.shape(second))


def product(a: Shape, b: Shape) -> Shape:
    """Return the shape of a matrix product of these shapes. Raise ShapeError if they do not match."""
    if not a or not b:
        raise ShapeError("a number has no matrix product")
    left, right = ((1, *a) if len(a) == 1 else a), ((*b, 1) if len(b) == 1 else b)
    if left[-1] != right[-2]:
        raise ShapeError(f"{show(a)} times {show(b)}: {left[-1]} and {right[-2]} differ")
    out = (*met(left[:-2], right[:-2]), left[-2], right[-1])
    out = out[:-2] + out[-1:] if len(a) == 1 else out
    return out[:-1] if len(b) == 1 else out


@SHAPES.rule("outer ger", "input vec2", "float")
def outer(call: ShapeCall) -> Shapes:
    """Return the shape of an outer product."""
    if len(call.x) != 1 or len(call.shape("vec2")) != 1:
        raise ShapeError(f"takes two vectors, gets {show(call.x)} and {show(call.shape('vec2'))}")
    return (*call.x, *call.shape("vec2"))


@SHAPES.rule("addmm baddbmm addmv")
def addmm(call: ShapeCall) -> Shapes:
    """Return the shape of a matrix product and a sum."""
    names = ("batch1", "batch2") if "batch1" in call.given else ("mat1", "mat2")
    return met(call.shape("input"), product(*[call.shape(name) for name in names]))


@SHAPES.rule("einsum", kind="float")
def einsum(call: ShapeCall) -> Shapes:
    """Return the shape of a sum of products over named axes."""
    equation, given = call.args[0].replace(" ", ""), call.args[1:]
    operands = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
    terms, arrow, out = equation.partition("->")
    sizes: dict[str, int] = {}
    dots: Shape = ()
    for term, operand in zip(terms.split(","), operands, strict=True):
        shape = shape_of(operand)
        before, has_dots, after = term.partition("...")
        width = len(shape) - len(before) - len(after)
        if width < 0 or (width and not has_dots):
            raise ShapeError(f"{term} names {len(before) + len(after)} axes, and {show(shape)} has {len(shape)}")
        dots = met(dots, shape[len(before) : len(before) + width])
        for letter, n in [*zip(before, shape, strict=False), *zip(after, shape[len(before) + width :], strict=True)]:
            if sizes.setdefault(letter, n) not in (n, 1) and n != 1:
                raise ShapeError(f"{letter} is {sizes[letter]} and {n}")
            sizes[letter] = max(sizes[letter], n)
    if not arrow:
        letters = terms.replace(",", "").replace(".", "")
        out = "..." * ("..." in terms) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    before, has_dots, after = out.partition("...")
    return (*[sizes[c] for c in before], *(dots if has_dots else ()), *[sizes[c] for c in after])


@SHAPES.rule("scaled_dot_product_attention", kind="float")
def attention(call: ShapeCall) -> Shapes:
    """Return the shape of scaled dot-product attention."""
    query, key, value = [call.shape(name) for name in ("query", "key", "value")]
    if query[-1] != key[-1] or key[-2] != value[-2]:
        raise ShapeError(f"query {show(query)}, key {show(key)} and value {show(value)} do not go together")
    lead = query[:-2] if call.get("enable_gqa") else met(query[:-2], key[:-2], value[:-2])
    return (*lead, query[-2], value[-1])


@SHAPES.rule("multi_head_attention_forward", kind="float")
def multihead(call: ShapeCall) -> Shapes:
    """Return the shapes of multi-head attention: the result, and the attention weights if requested."""
    query, key, value = call.shape("query"), call.shape("key"), call.shape("value")
    if len(query) not in (2, 3):
        raise ShapeError(f"works on steps and features, gets {show(query[1:])}")
    if query[-1] != call.get("embed_dim_to_check"):
        raise ShapeError(f"expects {call.get('embed_dim_to_check')} features, gets {query[-1]}")
    for name, one in (("key", key), ("value", value)):
        own = call.get(f"{name[0]}_proj_weight").shape[1] if call.get("use_separate_proj_weight") else query[-1]
        if one[-1] != own:
            raise ShapeError(f"expects {own} features of its {name}, gets {one[-1]}")
        if len(one) != len(query) or one[1:-1] != query[1:-1] or one[0] != key[0]:
            raise ShapeError(f"works on {name}s of as many samples and steps, gets {show(one)} and {show(query)}")
    if not call.get("need_weights", True):
        return query
    heads = () if call.get("average_attn_weights", True) else (call.get("num_heads"),)
    if len(query) == 2:
        return [query, (*heads, query[0], key[0])]
    return [query, (query[1], *heads, query[0], key[0])]


@SHAPES.rule("lstm gru rnn_tanh rnn_relu", kind="float")
def recurrent(call: ShapeCall) -> Shapes:
    """Return the shapes of the outputs of all steps, and of the final states."""
    if len(call.x) not in (2, 3):
        raise ShapeError(f"works on steps and features, gets {show(call.x[1:])}")
    arrays, layers = call.get("params"), call.get("num_layers")
    ways = 2 if call.get("bidirectional") else 1
    if call.x[-1] != arrays[0].shape[1]:
        raise ShapeError(f"expects {arrays[0].shape[1]} input features, gets {call.x[-1]} of {show(call.x[1:])}")
    hidden = arrays[1].shape[1]
    samples = () if len(call.x) == 2 else (call.x[0 if call.get("batch_first") else 1],)
    out, states = (*call.x[:-1], hidden * ways), (layers * ways, *samples, hidden)
    if call.function != "lstm":
        return [out, states]
    return [out, states, (*states[:-1], arrays[0].shape[0] // 4)]  # the cell state has another size with a projection


@SHAPES.rule("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", kind="float")
def cell(call: ShapeCall) -> Shapes:
    """Return the shape of the states after one step."""
    c_i, hidden = call.shape("w_ih")[1], call.shape("w_hh")[1]
    if call.x[-1] != c_i:
        raise ShapeError(f"expects {c_i} input features, gets {call.x[-1]}")
    out = (*call.x[:-1], hidden)
    return [out, out] if call.function == "lstm_cell" else out


@SHAPES.rule("embedding", kind="float")
def embedding(call: ShapeCall) -> Shapes:
    """Return the shape of rows of a table."""
    return (*call.x, call.shape("weight")[1])


@SHAPES.rule("embedding_bag", "input weight", "float")
def embedding_bag(call: ShapeCall) -> Shapes:
    """Return the shape of rows of a table summed over the last axis, without padding rows."""
    return (*call.x[:-1], call.shape("weight")[1])


@SHAPES.rule("cosine_similarity", kind="float")
def similarity(call: ShapeCall) -> Shapes:
    """Return the shape of a similarity along an axis."""
    shape = met(call.shape("x1"), call.shape("x2"))
    at = call.axis(len(shape), 1)
    return shape[:at] + shape[at + 1 :]


@SHAPES.rule("pairwise_distance", kind="float")
def distance(call: ShapeCall) -> Shapes:
    """Return the shape of distances between vectors."""
    shape = met(call.shape("x1"), call.shape("x2"))
    return (*shape[:-1], 1) if call.get("keepdim", False) else shape[:-1]


@SHAPES.rule("cdist", "x1 x2", "float")
def cdist(call: ShapeCall) -> Shapes:
    """Return the shape of pairwise distances between rows."""
    first, second = call.shape("x1"), call.shape("x2")
    return (*met(first[:-2], second[:-2]), first[-2], second[-2])
