"""The nodes of products, attention and layers over sequences."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

from ....registry import Registry
from ....report import LayerReport
from ....sizes import Shape
from .file import OnnxFile, OnnxWriter, inexpressible, numbers

WRITERS: Registry[str, OnnxWriter] = Registry()


def _aligned(file: OnnxFile, layer: LayerReport, name: str, rank: int, to: int) -> str:
    """Return a value with axes of 1 after the batch, so that its sample has as many axes as `to`."""
    if rank >= to:
        return name
    axes = file.constant(layer, "axes", list(range(1, to - rank + 1)))
    return file.step(layer, "aligned", "Unsqueeze", [name, axes])


@WRITERS.register("matmul")
def matmul(file: OnnxFile, layer: LayerReport) -> None:
    """Write a MatMul; a vector is a matrix of one row or one column."""
    (a, b), (first, second) = file.reads(layer), [len(x) for x in layer.samples]
    rank = max(first, second, 2)
    if first == 1:
        a = file.step(layer, "row", "Unsqueeze", [a, file.constant(layer, "axis", [1])])
    if second == 1:
        b = file.step(layer, "column", "Unsqueeze", [b, file.constant(layer, "axis", [2])])
    reads = [_aligned(file, layer, a, max(first, 2), rank), _aligned(file, layer, b, max(second, 2), rank)]
    gone = [-1] * (second == 1) + [-2] * (first == 1)
    if not gone:
        file.node("MatMul", reads, layer.name)
        return
    made = file.step(layer, "product", "MatMul", reads)
    file.node("Squeeze", [made, file.constant(layer, "gone", gone)], layer.name)


@WRITERS.register("einsum")
def einsum(file: OnnxFile, layer: LayerReport) -> None:
    """Write an Einsum with a letter for the batch."""
    inputs, _, out = layer.values["equation"].partition("->")
    batch = next((c for c in "bn" + ascii_lowercase if c not in inputs), None)
    if batch is None:
        raise inexpressible(layer, "an equation that uses all letters, leaving none for the batch", "use fewer letters")
    equation = f"{','.join(batch + term for term in inputs.split(','))}->{batch}{out}"
    file.node("Einsum", file.reads(layer), layer.name, equation=equation)


def _attend(
    file: OnnxFile,
    layer: LayerReport,
    query: str,
    key: str,
    mask: str | None,
    scores: Sequence[int],
    scale: float,
) -> str:
    """Add softmax(q k^T * scale + mask), keys as (…, features, positions), and return its name."""
    made = file.step(layer, "scores", "MatMul", [query, key])
    made = file.step(layer, "scaled", "Mul", [made, file.constant(layer, "scale", float(scale))])
    if mask is not None:
        made = file.step(layer, "masked", "Add", [made, mask])
    if layer.values["causal"]:
        sizes = file.constant(layer, "sizes", list(scores[-2:]))
        lowest = file.onnx.helper.make_tensor("value", file.onnx.TensorProto.FLOAT, [1], [float("-inf")])
        later = file.step(layer, "lowest", "ConstantOfShape", [sizes], value=lowest)
        later = file.step(layer, "later", "Trilu", [later, file.constant(layer, "diagonal", 1)], upper=1)
        made = file.step(layer, "causal", "Add", [made, later])
    return file.step(layer, "weights", "Softmax", [made], axis=-1)


def _three(file: OnnxFile, layer: LayerReport) -> tuple[list[str], list[Shape]]:
    """Return queries, keys and values, and a mask if there is one, and their shapes."""
    reads, shapes = file.reads(layer), layer.samples
    second = min(1, len(reads) - 1)
    order = [0, second, 2 if len(reads) > 2 else second, *range(3, len(reads))]
    return [reads[at] for at in order], [shapes[at] for at in order]


@WRITERS.register("attention")
def attention(file: OnnxFile, layer: LayerReport) -> None:
    """Write the two products of attention, and a Softmax between them."""
    reads, shapes = _three(file, layer)
    rank = max(map(len, shapes))
    names = [_aligned(file, layer, name, len(x), rank) for name, x in zip(reads, shapes, strict=True)]
    turned = file.step(layer, "turned", "Transpose", [names[1]], perm=[*range(rank - 1), rank, rank - 1])
    positions = (shapes[0][-2], shapes[1][-2]) if layer.values["causal"] else ()
    scale = layer.values["scale"]
    if scale is None:
        raise inexpressible(layer, "the scale for an open number of features", "give scale")
    weights = _attend(
        file, layer, names[0], turned, names[3] if len(names) > 3 else None, numbers(layer, positions, "masks"), scale
    )
    file.node("MatMul", [weights, names[2]], layer.name)


@WRITERS.register("multihead")
def multihead(file: OnnxFile, layer: LayerReport) -> None:
    """Write the projections of multi-head attention, its heads apart, and the projection of all."""
    v = layer.values
    reads, shapes = _three(file, layer)
    rank, heads = max(map(len, shapes[:3])), v["heads"]
    swapped = [*range(rank - 1), rank, rank - 1, rank + 1]
    parts = []
    for part, name, x in zip(("query", "key", "value"), reads, shapes, strict=False):
        width = v["value_dim"] if part == "value" else v["key_dim"]
        sizes = [1] * (rank - len(x)) + numbers(layer, x[:-1], "heads")
        name = _aligned(file, layer, name, len(x), rank)  # noqa: PLW2901
        made = _projected(
            file, layer, part, name, [v[{"query": "c_i", "key": "kdim", "value": "vdim"}[part]], heads * width]
        )
        apart = file.step(
            layer, f"{part}_apart", "Reshape", [made, file.constant(layer, "heads", [0, *sizes, heads, width])]
        )
        perm = [*swapped[:-2], swapped[-1], swapped[-2]] if part == "key" else swapped
        parts.append(file.step(layer, f"{part}_heads", "Transpose", [apart], perm=perm))
    mask = _aligned(file, layer, reads[3], len(shapes[3]), rank + 1) if len(reads) > 3 else None
    positions = numbers(layer, (shapes[0][-2], shapes[1][-2]), "heads")
    weights = _attend(file, layer, parts[0], parts[1], mask, positions, v["key_dim"] ** -0.5)
    seen = file.step(layer, "seen", "MatMul", [weights, parts[2]])
    seen = file.step(layer, "seen_turned", "Transpose", [seen], perm=swapped)
    sizes = numbers(layer, layer.traced.out[:-1], "heads")
    width = heads * v["value_dim"]
    seen = file.step(layer, "together", "Reshape", [seen, file.constant(layer, "sizes", [0, *sizes, width])])
    _projected(file, layer, "output", seen, [width, v["out"]], layer.name)


def _projected(
    file: OnnxFile, layer: LayerReport, part: str, x: str, sizes: list[int], makes: str | None = None
) -> str:
    """Add a MatMul with one of a layer's weights, and its bias; `makes` names the result."""
    axes = range(len(layer.weight_shapes()[f"{part}_weight"]))
    order = axes if file.last else (*axes[1:], 0) if part == "output" else (axes[-1], *axes[:-1])
    weight = file.weight(layer, f"{part}_weight", sizes, order)
    if not layer.values["bias"]:
        return file.node("MatMul", [x, weight], makes or file.name(f"{layer.name}.{part}"))
    made = file.step(layer, f"{part}_product", "MatMul", [x, weight])
    reads = [made, file.weight(layer, f"{part}_bias", sizes[1:])]
    return file.node("Add", reads, makes or file.name(f"{layer.name}.{part}"))


@WRITERS.register("embedding")
def embedding(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Gather of the rows of a table."""
    places = file.step(layer, "places", "Cast", file.reads(layer), to=file.onnx.TensorProto.INT64)
    file.node("Gather", [file.weight(layer, "weight"), places], layer.name)


GATES = {"lstm": ("LSTM", [0, 3, 1, 2]), "gru": ("GRU", [1, 0, 2]), "rnn": ("RNN", [0])}
"""The operators, and the place of each of ONNX's gates among ours."""


@WRITERS.register(*GATES)
def recurrent(file: OnnxFile, layer: LayerReport) -> None:
    """Write a recurrent layer between Transposes: ONNX has the steps before the batch."""
    v, (*lead, steps, features) = layer.values, layer.sample
    given = {"cell": [2], "both": [1, 2]}.get(v.get("state", ""), [1])
    if v["masked"]:
        raise inexpressible(layer, "a mask of steps", "leave masked out")
    if v["sequences"] and given != [1]:
        raise inexpressible(layer, "the cells of all steps", "give sequences=false")
    op, order = GATES[layer.op]
    directions = 1 + v["bidirectional"]
    x, *states = file.reads(layer)
    if lead:
        folded = file.constant(layer, "steps", [-1, *numbers(layer, (steps, features), "sequences")])
        x = file.step(layer, "folded", "Reshape", [x, folded])
    x = file.step(layer, "steps_first", "Transpose", [x], perm=[1, 0, 2])
    reads = [x, _kernel(file, layer, "weight_ih", order), _kernel(file, layer, "weight_hh", order)]
    if v["bias"] or states:
        reads.append(_biases(file, layer, order) if v["bias"] else "")
    if states:
        reads.append("")
    for state in states:
        apart = file.constant(layer, "directions", [-1, directions, v["out"]])
        apart = file.step(layer, "apart", "Reshape", [state, apart])
        reads.append(file.step(layer, "begin", "Transpose", [apart], perm=[1, 0, 2]))
    kind = "bidirectional" if v["bidirectional"] else "reverse" if v["backward"] else "forward"
    more: dict[str, Any] = {"hidden_size": v["out"], "direction": kind}
    if layer.op == "gru":
        more["linear_before_reset"] = int(v["reset_after"])
    more |= _functions(layer, directions)
    places = [0] if v["sequences"] else given
    results = [file.name(f"{layer.name}.states") if at in places else "" for at in range(places[-1] + 1)]
    file.node(op, reads, results[-1], layer.name, before=results[:-1], **more)
    perm = [2, 0, 1, 3] if v["sequences"] else [1, 0, 2]
    made = [file.step(layer, "batch_first", "Transpose", [results[at]], perm=perm) for at in places]
    together = made[0] if len(made) == 1 else file.step(layer, "both", "Concat", made, axis=1)
    width = layer.traced.out[-1]
    if lead:
        sizes = [-1, *numbers(layer, layer.traced.out, "sequences")]
    else:
        sizes = [0, *([0] if v["sequences"] else []), *numbers(layer, (width,), "sequences")]
    file.node("Reshape", [together, file.constant(layer, "shape", sizes)], layer.name, f"{layer.name}.reshape")


FUNCTIONS = {
    "tanh": "Tanh",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "hardsigmoid": "HardSigmoid",
    "linear": "Affine",
}
"""ONNX's names of the functions of states and gates."""


def _functions(layer: LayerReport, directions: int) -> dict[str, Any]:
    """Return the attributes of functions other than the usual ones, gates first, then new states (and an output)."""
    v = layer.values
    gates = [v["gate"]] if "gate" in v else []
    if gates in ([], ["sigmoid"]) and v["activation"] == "tanh":
        return {}
    each = [*gates, *[v["activation"]] * (2 if layer.op == "lstm" else 1)]
    numbers_ = {"hardsigmoid": (1 / 6, 0.5), "linear": (1.0, 0.0)}
    both = [numbers_[one] for one in each * directions if one in numbers_]
    more = {"activation_alpha": [one for one, _ in both], "activation_beta": [one for _, one in both]} if both else {}
    return {"activations": [FUNCTIONS[one] for one in each] * directions, **more}


def _ends(layer: LayerReport) -> tuple[str, ...]:
    """Return the ends of the roles of each direction."""
    return ("", "_reverse")[: 1 + layer.values["bidirectional"]]


def _ordered(array: Any, order: list[int]) -> Any:
    """Return an array with its gates, along the first axis, in another order."""
    return array.reshape(len(order), -1, *array.shape[1:])[order].reshape(array.shape)


def _stacked(arrays: list[Any]) -> Any:
    """Return arrays of one shape as one, along a new first axis."""
    stacked = arrays[0][None].repeat(len(arrays), 0)
    for at, array in enumerate(arrays):
        stacked[at] = array
    return stacked


def _kernel(file: OnnxFile, layer: LayerReport, role: str, order: list[int]) -> str:
    """Add the weights of all directions, (directions, gates*h, in)."""
    roles = [role + end for end in _ends(layer)]
    first = layer.weight_shapes()[role]
    sizes = numbers(layer, first[::-1] if file.last else first, "weights")

    def joined(arrays: list[Any]) -> Any:
        return _stacked([_ordered(array.T if file.last else array, order) for array in arrays])

    return file.several(layer, role, roles, [len(roles), *sizes], joined)


def _biases(file: OnnxFile, layer: LayerReport, order: list[int]) -> str:
    """Add the biases of all directions, (directions, 2*gates*h), zeros for the second if there is none."""
    width = len(order) * layer.values["out"]
    two = layer.values["hidden_bias"]
    roles = [role + end for end in _ends(layer) for role in ("bias_ih", "bias_hh")[: 1 + two]]

    def joined(arrays: list[Any]) -> Any:
        each = [_ordered(array, order) for array in arrays]
        return _stacked(each if two else [one for array in each for one in (array, 0 * array)])

    return file.several(layer, "bias", roles, [len(_ends(layer)), 2 * width], joined)
