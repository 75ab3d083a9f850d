"""PyTorch's modules for sequences: recurrent layers, attention, and transformers."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from ..budget import listable
from ..standard import copied
from ..values import InstanceValue, LibraryFunction, StaticMethodValue, UnknownValue
from .containers import LIST, refill
from .declaration import NAMES, Arrays, Attributes, Given, module, must
from .factories import full
from .functions import apply
from .tensors import TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

# Recurrent layers


def recurrent_state(gates: int) -> Any:
    """Return the `state` of stacked recurrent layers with this number of gates."""

    def state(own: Attributes, nd: int) -> Arrays:
        hidden, ways = own["hidden_size"], 2 if own["bidirectional"] else 1
        shown = own.get("proj_size") or hidden
        arrays: dict[str, Any] = {}
        for layer in range(listable(own["num_layers"])):
            c_i = own["input_size"] if layer == 0 else shown * ways
            for suffix in ("", "_reverse")[:ways]:
                arrays[f"weight_ih_l{layer}{suffix}"] = (gates * hidden, c_i)
                arrays[f"weight_hh_l{layer}{suffix}"] = (gates * hidden, shown)
                if own["bias"]:
                    arrays[f"bias_ih_l{layer}{suffix}"] = arrays[f"bias_hh_l{layer}{suffix}"] = (gates * hidden,)
                if shown != hidden:
                    arrays[f"weight_hr_l{layer}{suffix}"] = (shown, hidden)
        return Arrays(arrays)

    return state


def run_recurrent(given: Given) -> Any:
    """Run recurrent layers, with initial states of zeros by default."""
    own, x = given.own, given.x
    function = own["mode"]
    state = given.kwargs.get("hx", given.args[1] if given.args[1:] else None)
    arrays = [one for key, one in own.items() if key.startswith(("weight_", "bias_"))]
    if state is None:
        ways = 2 if own["bidirectional"] else 1
        samples = () if len(x.shape) == 2 else (x.shape[0 if own["batch_first"] else 1],)
        hidden, cell = [
            TensorValue((own["num_layers"] * ways, *samples, size), values=[0.0])
            for size in (own.get("proj_size") or own["hidden_size"], own["hidden_size"])
        ]
        state = (hidden, cell) if function == "lstm" else hidden
    values = [own[name] for name in ("bias", "num_layers", "dropout")]
    results = given.call(function, x, state, arrays, *values, False, own["bidirectional"], own["batch_first"])
    return (results[0], results[1:]) if function == "lstm" else results


_SOUND = must(
    (lambda own: isinstance(own["bias"], bool), "bias={bias} is not True or False"),
    (lambda own: isinstance(own["batch_first"], bool), "batch_first={batch_first} is not True or False"),
    (lambda own: own["hidden_size"] > 0, "hidden_size={hidden_size} is not above 0"),
    (lambda own: own["num_layers"] > 0, "num_layers={num_layers} is not above 0"),
    (
        lambda own: not isinstance(own["dropout"], bool) and 0 <= own["dropout"] <= 1,
        "dropout={dropout} is not a number from 0 to 1",
    ),
    (
        lambda own: own.get("proj_size", 0) < own["hidden_size"],
        "proj_size={proj_size} is not below hidden_size={hidden_size}",
    ),
)
_RECURRENT = "num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False"
module(
    "LSTM",
    f"input_size, hidden_size, {_RECURRENT}, proj_size=0, device=None, dtype=None, mode='lstm'",
    run_recurrent,
    recurrent_state(4),
    _SOUND,
)
module(
    "GRU",
    f"input_size, hidden_size, {_RECURRENT}, device=None, dtype=None, mode='gru'",
    run_recurrent,
    recurrent_state(3),
    _SOUND,
)


def rnn_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of plain recurrent layers."""
    own["mode"] = f"rnn_{own['nonlinearity']}"
    return recurrent_state(1)(own, nd)  # type: ignore[no-any-return]


_RNN = "num_layers=1, nonlinearity='tanh', bias=True, batch_first=False, dropout=0.0, bidirectional=False"
module("RNN", f"input_size, hidden_size, {_RNN}, device=None, dtype=None", run_recurrent, rnn_state, _SOUND)


def cell_state(gates: int) -> Any:
    """Return the `state` of one step of a recurrent layer."""

    def state(own: Attributes, nd: int) -> Arrays:
        rows = gates * own["hidden_size"]
        bias = (rows,) if own["bias"] else None
        shapes = {"weight_ih": (rows, own["input_size"]), "weight_hh": (rows, own["hidden_size"])}
        return Arrays({**shapes, "bias_ih": bias, "bias_hh": bias})

    return state


def run_cell(kind: str) -> Any:
    """Return the `forward` of one step of a recurrent layer."""

    def run(given: Given) -> Any:
        own, x = given.own, given.x
        state = given.kwargs.get("hx", given.args[1] if given.args[1:] else None)
        if state is None:
            zeros = TensorValue((*x.shape[:-1], own["hidden_size"]), values=[0.0])
            state = (zeros, zeros) if kind == "lstm" else zeros
        function = f"rnn_{own['nonlinearity']}_cell" if kind == "rnn" else f"{kind}_cell"
        return given.call(function, x, state, *[own[f"{a}_{b}"] for a in ("weight", "bias") for b in ("ih", "hh")])

    return run


_CELL = "input_size, hidden_size, bias=True"
module("LSTMCell", f"{_CELL}, device=None, dtype=None", run_cell("lstm"), cell_state(4))
module("GRUCell", f"{_CELL}, device=None, dtype=None", run_cell("gru"), cell_state(3))
module("RNNCell", f"{_CELL}, nonlinearity='tanh', device=None, dtype=None", run_cell("rnn"), cell_state(1))

# Attention


def attention_state(own: Attributes, nd: int) -> Arrays:
    """Return the arrays of multi-head attention, without the output projection."""
    features = own["embed_dim"]
    k, v = own["kdim"] or features, own["vdim"] or features
    whole = k == v == features
    biased = (features,) if own["add_bias_kv"] else None
    return Arrays(
        {
            "in_proj_weight": (3 * features, features) if whole else None,
            "q_proj_weight": None if whole else (features, features),
            "k_proj_weight": None if whole else (features, k),
            "v_proj_weight": None if whole else (features, v),
            "in_proj_bias": (3 * features,) if own["bias"] else None,
            "bias_k": biased and (1, 1, features),
            "bias_v": biased and (1, 1, features),
        }
    )


def add_projection(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
    """Add the output projection to multi-head attention."""
    own = made.attributes
    if own["embed_dim"] % own["num_heads"]:
        raise evaluator.error(node, f"num_heads={own['num_heads']} does not divide embed_dim={own['embed_dim']}")
    bias = made.attributes["in_proj_bias"] is not None
    linear = NAMES["torch.nn.Linear"]
    own["out_proj"] = evaluator.call(linear, [own["embed_dim"], own["embed_dim"]], {"bias": bias}, node)
    own["out_proj"].node = None


def attend(given: Given) -> Any:
    """Run multi-head attention on an input of positions, samples and features."""
    own = given.own
    names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights")
    values = {"need_weights": True, **dict(zip(names, given.args, strict=False)), **given.kwargs}
    operands = [values[name] for name in names[:3]]
    turned = own["batch_first"] and len(operands[0].shape) == 3
    if turned:
        known = {id(one): one for one in operands}
        known = {key: given.call("transpose", one, 1, 0) for key, one in known.items()}
        operands = [known[id(one)] for one in operands]
    arrays = [own[name] for name in ("in_proj_weight", "in_proj_bias", "bias_k", "bias_v")]
    projection = own["out_proj"].attributes
    separate = own["in_proj_weight"] is None
    result = given.call(
        "multi_head_attention_forward",
        *operands,
        own["embed_dim"],
        own["num_heads"],
        *arrays,
        own["add_zero_attn"],
        own["dropout"],
        projection["weight"],
        projection["bias"],
        training=False,
        key_padding_mask=values.get("key_padding_mask"),
        need_weights=values["need_weights"],
        attn_mask=values.get("attn_mask"),
        use_separate_proj_weight=separate,
        average_attn_weights=values.get("average_attn_weights", True),
        is_causal=values.get("is_causal", False),
        **({f"{one}_proj_weight": own[f"{one}_proj_weight"] for one in "qkv"} if separate else {}),
    )
    out, weights = result if isinstance(result, tuple) else (result, None)
    return (given.call("transpose", out, 1, 0) if turned else out), weights


module(
    "MultiheadAttention",
    "embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None, vdim=None, "
    "batch_first=False, device=None, dtype=None",
    attend,
    attention_state,
    add_projection,
)

# Transformers


def build(*parts: tuple[str, str, str]) -> Any:
    """Return a function that adds parts to a module: for each a name, a class, and the attributes for its arguments."""

    def after(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
        own = made.attributes
        for name, kind, arguments in parts:
            args, kwargs = [], {}
            for one in arguments.split():
                key, equals, attribute = one.rpartition("=")
                if equals:
                    kwargs[key] = own[attribute]
                else:
                    args.append(own[attribute])
            own[name] = evaluator.call(NAMES[f"torch.nn.{kind}"], args, kwargs, node)
            own[name].node = None

    return after


_NORM = "d_model eps=layer_norm_eps bias=bias"
_ATTENTION = "d_model nhead dropout bias=bias batch_first=batch_first"
_FEED = (
    ("linear1", "Linear", "d_model dim_feedforward bias=bias"),
    ("linear2", "Linear", "dim_feedforward d_model bias=bias"),
)


def activate(given: Given, x: Any) -> Any:
    """Return a value after the activation of a transformer layer."""
    activation = given.own["activation"]
    if isinstance(activation, str):
        return given.call(activation, x)
    return given.run(activation, x)


def feed(given: Given, x: Any, last: str) -> Any:
    """Return a value after the two linear layers, each followed by dropout."""
    own = given.own
    inner = given.run(own["dropout"], activate(given, given.run(own["linear1"], x)))
    return given.run(own[last], given.run(own["linear2"], inner))


def attended(given: Given, attention: str, dropout: str, x: Any, of: Any, mask: Any, padding: Any) -> Any:
    """Return a value after attention and dropout."""
    kwargs = {"attn_mask": mask, "key_padding_mask": padding, "need_weights": False}
    out, _ = given.evaluator.call(given.own[attention], [x, of, of], kwargs, given.node)
    return given.run(given.own[dropout], out)


def residual(given: Given, norm: str, x: Any, block: Any) -> Any:
    """Return a residual connection around a block, with the normalization before or after it."""
    if given.own["norm_first"]:
        return given.call("add", x, block(given.run(given.own[norm], x)))
    return given.run(given.own[norm], given.call("add", x, block(x)))


def arguments(given: Given, *names: str) -> dict[str, Any]:
    """Return the arguments of a module's call by name."""
    values = {**dict.fromkeys(names), **dict(zip(names, given.args, strict=False)), **given.kwargs}
    if any(isinstance(one, UnknownValue) for one in values.values()):
        raise NotImplementedError
    return values


def encode(given: Given) -> Any:
    """Run an encoder layer."""
    own = arguments(given, "src", "src_mask", "src_key_padding_mask")
    mask, padding = own["src_mask"], own["src_key_padding_mask"]
    x = residual(given, "norm1", own["src"], lambda x: attended(given, "self_attn", "dropout1", x, x, mask, padding))
    return residual(given, "norm2", x, lambda x: feed(given, x, "dropout2"))


def decode(given: Given) -> Any:
    """Run a decoder layer."""
    names = ("tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask")
    own = arguments(given, *names)
    memory = own["memory"]
    masks = own["tgt_mask"], own["tgt_key_padding_mask"]
    others = own["memory_mask"], own["memory_key_padding_mask"]
    x = residual(given, "norm1", own["tgt"], lambda x: attended(given, "self_attn", "dropout1", x, x, *masks))
    x = residual(given, "norm2", x, lambda x: attended(given, "multihead_attn", "dropout2", x, memory, *others))
    return residual(given, "norm3", x, lambda x: feed(given, x, "dropout3"))


_LAYER = "d_model, nhead, dim_feedforward=2048, dropout=0.1, activation='relu', layer_norm_eps=1e-5, batch_first=False"
_MORE = "norm_first=False, bias=True, device=None, dtype=None"
module(
    "TransformerEncoderLayer",
    f"{_LAYER}, {_MORE}",
    encode,
    None,
    build(
        ("self_attn", "MultiheadAttention", _ATTENTION),
        *_FEED,
        ("norm1", "LayerNorm", _NORM),
        ("norm2", "LayerNorm", _NORM),
        ("dropout1", "Dropout", "dropout"),
        ("dropout2", "Dropout", "dropout"),
        ("dropout", "Dropout", "dropout"),
    ),
)
module(
    "TransformerDecoderLayer",
    f"{_LAYER}, {_MORE}",
    decode,
    None,
    build(
        ("self_attn", "MultiheadAttention", _ATTENTION),
        ("multihead_attn", "MultiheadAttention", _ATTENTION),
        *_FEED,
        ("norm1", "LayerNorm", _NORM),
        ("norm2", "LayerNorm", _NORM),
        ("norm3", "LayerNorm", _NORM),
        ("dropout1", "Dropout", "dropout"),
        ("dropout2", "Dropout", "dropout"),
        ("dropout3", "Dropout", "dropout"),
        ("dropout", "Dropout", "dropout"),
    ),
)


def repeated(layer: str) -> Any:
    """Return a function that adds copies of a layer to a module."""

    def after(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
        own = made.attributes
        first = own.pop(layer)
        own["layers"] = InstanceValue(LIST)
        evaluator.budget.copy(own["num_layers"])
        refill(own["layers"], [copied(first, {}, evaluator) for _ in range(own["num_layers"])])
        own["norm"] = own.pop("norm")

    return after


def run_layers(names: tuple[str, ...], layer_names: dict[str, str]) -> Any:
    """Return a `forward` that runs copies of a layer in order, followed by the normalization."""

    def run(given: Given) -> Any:
        own = arguments(given, *names)
        first, *others = names
        x = own[first]
        kwargs = {layer_names.get(name, name): own[name] for name in others if own[name] is not None}
        for layer in given.evaluator.items(given.own["layers"], given.node):
            x = given.evaluator.call(layer, [x], kwargs, given.node)
        return given.run(given.own["norm"], x) if given.own["norm"] is not None else x

    return run


module(
    "TransformerEncoder",
    "encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True",
    run_layers(("src", "mask", "src_key_padding_mask"), {"mask": "src_mask"}),
    None,
    repeated("encoder_layer"),
)
module(
    "TransformerDecoder",
    "decoder_layer, num_layers, norm=None",
    run_layers(("tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"), {}),
    None,
    repeated("decoder_layer"),
)


_ENDS = ("src", "tgt", "src_mask", "tgt_mask", "memory_mask")
_PADDING = ("src_key_padding_mask", "tgt_key_padding_mask", "memory_key_padding_mask")
_OF_LAYER = "d_model nhead dim_feedforward dropout activation layer_norm_eps batch_first norm_first bias"


def build_transformer(evaluator: Evaluator, made: InstanceValue, node: Any) -> None:
    """Make a transformer's encoder and decoder, unless custom ones are given."""
    own = made.attributes
    for role in ("encoder", "decoder"):
        custom, kind = own.pop(f"custom_{role}"), f"Transformer{role.capitalize()}"
        if custom is not None:
            own[role] = custom
            continue
        build(
            ("layer", f"{kind}Layer", _OF_LAYER),
            ("norm", "LayerNorm", _NORM),
            (role, kind, f"layer num_{role}_layers norm"),
        )(evaluator, made, node)
        del own["layer"], own["norm"]  # they belong to the encoder or the decoder


def transform(given: Given) -> Any:
    """Run a transformer: its encoder, and its decoder on the encoder's output."""
    own, call = arguments(given, *_ENDS, *_PADDING), given.evaluator.call
    masks = {"mask": own["src_mask"], "src_key_padding_mask": own["src_key_padding_mask"]}
    memory = call(given.own["encoder"], [own["src"]], masks, given.node)
    masks = {name: own[name] for name in ("tgt_mask", "memory_mask", *_PADDING[1:])}
    return call(given.own["decoder"], [own["tgt"], memory], masks, given.node)


module(
    "Transformer",
    "d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048, dropout=0.1, "
    "activation='relu', custom_encoder=None, custom_decoder=None, layer_norm_eps=1e-5, batch_first=False, "
    "norm_first=False, bias=True, device=None, dtype=None",
    transform,
    None,
    build_transformer,
)


def causal_mask(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a causal mask: -inf for all later positions, and 0 elsewhere."""
    size = args[0] if args else kwargs["sz"]
    return apply(evaluator, "triu", [full(evaluator, [(size, size), -inf], {}, node)], {"diagonal": 1}, node)


_NAME = "generate_square_subsequent_mask"
NAMES["torch.nn.Transformer"].namespace[_NAME] = StaticMethodValue(LibraryFunction(_NAME, causal_mask))
