"""Random Keras models: one layer, a graph of several with joins, or a whole network, and what Keras says about each.

An op of the tables is drawn for the current shape: the text of a layer, or an expression in `x` (and `y`, an earlier
value that fits). If Keras rejects it, another one is drawn.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl
from keras import ops as ko

import cnncalc

from . import keras_facts
from .draws import SIZES, Drawn, Impossible, axes_of, axis_of, divisor, flag, per_axis, sides, split_of
from .measure import compare_values

warnings.simplefilter("ignore")
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
NAMES = {"kl": kl, "ko": ko, "keras": keras}
Shape = tuple[int, ...]
Draw = Callable[[Random, Shape], "str | None"]
REFUSED = (ValueError, TypeError, IndexError, ZeroDivisionError, NotImplementedError, AttributeError, tf.errors.OpError)


def _first(r: Random) -> str:
    return ", data_format='channels_first'" if flag(r, 0.12) else ""


def _conv(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    form = _first(r) if nd < 3 else ""
    padding = r.choice(["valid", "same", *["causal"] * (nd == 1)])
    dilation = per_axis(r, nd, 1, 3) if flag(r, 0.3) else 1
    stride = 1 if dilation != 1 and flag(r, 0.8) else r.randint(1, 3) if flag(r) else per_axis(r, nd, 1, 3)
    window = f"{per_axis(r, nd, 1, 4)}, strides={stride}, padding={padding!r}, dilation_rate={dilation}{form}"
    bias = f"use_bias={flag(r, 0.7)}"
    active = f", activation={r.choice(KERAS_ACTIVATIONS)!r}" if flag(r, 0.3) else ""
    kind = r.randrange(4 if nd < 3 else 1)
    c = s[1] if form else s[-1]
    if kind <= 1:
        g = divisor(r, c) if flag(r, 0.4) else 1
        return f"kl.Conv{nd}D({g * r.randint(1, 3)}, {window}, groups={g}, {bias}{active})"
    window = window.replace("'causal'", "'same'")
    multiplier = f"depth_multiplier={r.randint(1, 3)}"
    if kind == 2:
        return f"kl.DepthwiseConv{nd}D({window}, {multiplier}, {bias}{active})"
    return f"kl.SeparableConv{nd}D({r.randint(1, 4)}, {window}, {multiplier}, {bias}{active})"


def _conv_transposed(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    form = _first(r) if nd < 3 else ""
    out = f", output_padding={per_axis(r, nd, 0, 1)}" if flag(r, 0.4) else ""
    return (
        f"kl.Conv{nd}DTranspose({r.randint(1, 4)}, {per_axis(r, nd, 1, 4)}, "
        f"strides={per_axis(r, nd, 1, 3)}, padding={r.choice(['valid', 'same'])!r}{out}, "
        f"dilation_rate={r.choice([1, 1, 1, 2])}, use_bias={flag(r)}{form})"
    )


def _pool(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    form = _first(r)
    if flag(r, 0.3):
        return f"kl.Global{r.choice(['Average', 'Max'])}Pooling{nd}D(keepdims={flag(r)}{form})"
    if flag(r, 0.2):
        return f"kl.Adaptive{r.choice(['Average', 'Max'])}Pooling{nd}D({per_axis(r, nd, 1, 5)}{form})"
    stride = r.choice([None, per_axis(r, nd, 1, 3)])
    kind, padding = r.choice(["Average", "Max"]), r.choice(["valid", "same"])
    return f"kl.{kind}Pooling{nd}D({per_axis(r, nd, 1, 4)}, strides={stride}, padding={padding!r}{form})"


def _norm(r: Random, s: Shape) -> str | None:
    axis = axis_of(r, s)
    affine = f"center={flag(r, 0.8)}, scale={flag(r, 0.8)}"
    kind = r.randrange(7)
    if kind <= 1:
        return f"kl.BatchNormalization({f'axis={axis}, ' if flag(r, 0.2) else ''}{affine})"
    if kind == 2:
        axes = list(range(axis % len(s), len(s))) if flag(r, 0.4) else axis
        return f"kl.LayerNormalization(axis={axes if flag(r) else -1}, {affine})"
    if kind == 3:
        return f"kl.GroupNormalization({divisor(r, s[-1])}, {affine})"
    if kind == 4:
        return f"kl.Normalization(mean={r.random():.2f}, variance={r.random() + 0.5:.2f})"
    if kind == 5:
        return f"kl.UnitNormalization(axis={axis})"
    return r.choice([f"kl.Rescaling({r.choice([0.5, 2])}, offset={r.choice([0.0, -1.0])})", "kl.RMSNormalization()"])


def _linear(r: Random, s: Shape) -> str | None:
    active = f", activation={r.choice(KERAS_ACTIVATIONS)!r}" if flag(r, 0.3) else ""
    if len(s) == 3 and flag(r, 0.2):
        return f"kl.EinsumDense('abc,cd->abd', output_shape=(None, {r.randint(1, 5)}), bias_axes='d')"
    return f"kl.Dense({r.randint(1, 6)}, use_bias={flag(r, 0.7)}{active})"


KERAS_ACTIVATIONS = """
relu relu6 sigmoid tanh softmax elu selu gelu mish softplus softsign silu hard_sigmoid hard_silu exponential leaky_relu
linear log_softmax celu log_sigmoid tanh_shrink hard_tanh soft_shrink hard_shrink squareplus
""".split()
ADVANCED = """
kl.ReLU() kl.ReLU(max_value=0.7) kl.ReLU(max_value=1.0,negative_slope=0.1,threshold=0.2)
kl.LeakyReLU(negative_slope=0.2) kl.LeakyReLU() kl.ELU(alpha=0.6) kl.Dropout(0.3) kl.SpatialDropout2D(0.2)
kl.GaussianNoise(0.1) kl.Identity()
kl.ActivityRegularization(0.1) kl.AlphaDropout(0.1)
""".split()


def _activation(r: Random, s: Shape) -> str | None:
    kind = r.randrange(5)
    if kind <= 1:
        return f"kl.Activation({r.choice(KERAS_ACTIVATIONS)!r})"
    if kind == 2:
        return f"kl.Softmax(axis={axis_of(r, s)})"
    if kind == 3:
        shared = [axis for axis in range(1, len(s) - 1) if flag(r, 0.7)]
        return f"kl.PReLU(shared_axes={shared or None})"
    return r.choice(ADVANCED)


UNARY = """
ko.abs(x) -x ko.sqrt(ko.abs(x)) ko.square(x) ko.exp(x) ko.log(ko.abs(x)+1) ko.rsqrt(ko.abs(x)+1) ko.floor(x) ko.sign(x)
x+1 1-x 2*x x/3 1/(ko.abs(x)+1) x**2 ko.clip(x,-0.5,0.5) ko.maximum(x,0.1*x) ko.minimum(x,0.2) ko.sigmoid(x)*x
ko.relu(x) ko.silu(x) ko.sin(x) ko.erf(x) ko.where(x>0,x,x*0.2) ko.round(x) ko.reciprocal(ko.abs(x)+1)
ko.log2(ko.abs(x)+1) ko.ones_like(x)-x ko.squareplus(x) ko.sparse_plus(x) ko.cumsum(x,axis=-1) ko.glu(x) ko.hard_tanh(x)
ko.log10(ko.abs(x)+1) ko.softmax(x,axis=1) ko.logsumexp(x,axis=-1,keepdims=True) 1.0*kl.Discretization([-0.5,0.3])(x)
ko.normalize(x) ko.normalize(x,axis=1,order=3,epsilon=0.5)
""".split()


def _unary(r: Random, s: Shape) -> str | None:
    return r.choice(UNARY)


def _reduce(r: Random, s: Shape) -> str | None:
    kind = r.choice(["mean", "sum", "max", "min", "prod", "logsumexp", "std", "var"])
    return f"ko.{kind}(x, axis={axes_of(r, s)}, keepdims={flag(r)})"


def _reshape(r: Random, s: Shape) -> str | None:
    kind = r.randrange(7)
    if kind == 0:
        return f"kl.Flatten({_first(r).removeprefix(', ')})"
    if kind == 1:
        order = list(range(1, len(s)))
        r.shuffle(order)
        return f"kl.Permute({tuple(order)})"
    if kind == 2:
        return f"ko.expand_dims(x, {r.randint(1, len(s))})" if len(s) < 5 else None
    if kind == 3:
        return f"ko.squeeze(x, {axis_of(r, s)})"
    if kind == 4:
        order = list(range(1, len(s)))
        r.shuffle(order)
        return f"ko.transpose(x, {(0, *order)})"
    if kind == 5 and len(s) == 2:
        return f"kl.RepeatVector({r.randint(1, 4)})"
    out = split_of(r, s)
    if out is None or len(out) > 4:
        return None
    return f"kl.Reshape({out})" if kind < 6 else f"ko.reshape(x, {(-1, *out)})"


def _select(r: Random, s: Shape) -> str | None:
    axis = axis_of(r, s)
    n = s[axis]
    colons = ", ".join([":"] * (axis % len(s)))
    a, b = sorted((r.randint(0, n), r.randint(0, n)))
    kind = r.randrange(8)
    if kind == 0:
        return f"x[{colons}, {a}:{b}:{r.randint(1, 2)}]" if b > a else None
    if kind == 1:
        return f"x[{colons}, {r.randrange(-n, n)}]"
    if kind == 2:
        return f"ko.split(x, {divisor(r, n)}, axis={axis})[-1]"
    if kind == 3:
        return f"ko.flip(x, axis={axis})"
    if kind == 4:
        return f"ko.roll(x, {r.randint(-n, n)}, axis={axis})"
    if kind == 5:
        return f"ko.repeat(x, {r.randint(1, 2)}, axis={axis})"
    if kind == 6:
        return f"ko.tile(x, {(1, *(r.randint(1, 2) for _ in s[1:]))})"
    return f"ko.take(x, {r.randrange(n)}, axis={axis})"


def _border(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd not in (1, 2, 3):
        return None
    pairs = tuple((r.randint(0, 2), r.randint(0, 2)) for _ in range(nd))
    form = _first(r) if nd > 1 else ""
    if flag(r, 0.2):
        mode = r.choice(["constant", "reflect", "symmetric"])
        return f"ko.pad(x, {((0, 0), *sides_pairs(r, nd), (0, 0))}, mode={mode!r})"
    given = (pairs[0] if nd == 1 else pairs) if flag(r, 0.7) else per_axis(r, nd, 0, 2)
    return f"kl.{r.choice(['ZeroPadding', 'Cropping'])}{nd}D({given}{form})"


def sides_pairs(r: Random, nd: int) -> tuple[tuple[int, ...], ...]:
    """Return the padding of each axis."""
    return tuple(sides(r, 2, 0, 2) for _ in range(nd))


def _resample(r: Random, s: Shape) -> str | None:
    nd = len(s) - 2
    if nd == 2 and flag(r, 0.7):
        modes = ["nearest", "bilinear", "bilinear", "bicubic"]
        kind = r.randrange(4)
        if kind <= 1:
            return f"kl.UpSampling2D({per_axis(r, 2, 1, 3)}, interpolation={r.choice(modes)!r}{_first(r)})"
        if kind == 2:
            return f"kl.Resizing({r.randint(1, 12)}, {r.randint(1, 12)}, interpolation={r.choice(modes)!r})"
        return f"kl.CenterCrop({r.randint(1, s[1])}, {r.randint(1, s[2])})"
    if nd in (1, 2, 3):
        return f"kl.UpSampling{nd}D({r.randint(1, 3) if nd == 1 else per_axis(r, nd, 1, 3)})"
    return None


def _product(r: Random, s: Shape) -> str | None:
    kind = r.randrange(6)
    if len(s) != 3:
        if len(s) >= 4 and kind == 0:
            inner = r.choice(["kl.Dense(3)", "kl.Flatten()", "kl.LayerNormalization()", f"kl.Conv{len(s) - 3}D(2, 1)"])
            return f"kl.TimeDistributed({inner})"
        return None
    if kind == 0:
        return f"kl.MultiHeadAttention({r.randint(1, 3)}, {r.randint(2, 4)}, use_bias={flag(r, 0.8)})|m(x, x)"
    if kind == 1:
        return "kl.Attention()|m([x, x])"
    if kind == 2:
        return "kl.Dot(axes=(2, 2))|m([x, x])"
    if kind == 3:
        return "ko.matmul(x, ko.transpose(x, (0, 2, 1)))"
    rnn, sequences = r.choice(["LSTM", "GRU", "SimpleRNN"]), flag(r)
    rnn = f"kl.{rnn}({r.randint(1, 4)}, return_sequences={sequences}, use_bias={flag(r, 0.8)})"
    return f"kl.Bidirectional({rnn}, merge_mode={r.choice(['concat', 'sum', 'ave', 'mul'])!r})" if kind == 4 else rnn


def _masked(r: Random, s: Shape) -> str | None:
    """Return a layer after a Masking, which masks steps of zeros; steps with a small mean are set to zero first."""
    if len(s) != 3:
        return None
    x = f"kl.Masking()(ko.where(ko.mean(x, axis=-1, keepdims=True) > {r.uniform(-0.3, 0.3):.2f}, x, 0.0))"
    if flag(r, 0.3):
        x = f"{r.choice(['kl.Dropout(0.1)', 'kl.LayerNormalization()', 'kl.Dense(3)'])}({x})"
    sequences, units = f"return_sequences={flag(r)}", r.randint(1, 4)
    rnn = f"kl.{r.choice(['LSTM', 'GRU', 'SimpleRNN'])}({units}, {sequences}, use_bias={flag(r, 0.8)})"
    kind = r.randrange(9)
    if kind == 0:
        return f"0 + {rnn}({x})"
    if kind == 1:
        return f"0 + kl.Bidirectional({rnn}, merge_mode={r.choice(['concat', 'sum', 'ave', 'mul'])!r})({x})"
    if kind == 2:
        return f"0 + kl.GlobalAveragePooling1D(keepdims={flag(r)})({x})"
    if kind == 3:
        call = f"(m, m, use_causal_mask={flag(r, 0.3)})"
        return f"(lambda m: 0 + kl.MultiHeadAttention({r.randint(1, 2)}, {r.randint(2, 4)}){call})({x})"
    if kind == 4:
        layer = r.choice(["Attention", "AdditiveAttention"])
        return f"(lambda m: 0 + kl.{layer}()([m, m], use_causal_mask={flag(r, 0.3)}))({x})"
    if kind == 5:
        join = r.choice(["Add", "Multiply", "Maximum", "Minimum", "Average", "Subtract", "Concatenate"])
        other = r.choice(["x", "m", "kl.ReLU()(m)"])
        return f"(lambda m: 0 + kl.GlobalAveragePooling1D()(kl.{join}()([m, {other}])))({x})"
    if kind == 6:
        cells = ", ".join(f"kl.{r.choice(['LSTM', 'GRU', 'SimpleRNN'])}Cell({r.randint(1, 3)})" for _ in range(2))
        return f"0 + kl.RNN([{cells}], {sequences})({x})"
    if kind == 7:
        return f"0 + kl.GRU({units}, {sequences}, go_backwards=True)({x})"
    return f"0 + kl.LSTM({units}, {sequences}, return_state=True)({x})[{r.randrange(3)}]"


def _attention(r: Random, s: Shape) -> str | None:
    """Return attention with or without projections, whose query is another tensor than its values."""
    if not 3 <= len(s) <= 5:
        return None
    other = f"ko.flip(x, axis=1)[:, :{r.randint(1, s[1])}]" if len(s) == 3 else "ko.flip(x, axis=1)"
    key = flag(r, 0.3)
    call = f"q, x{', key=ko.tanh(x)' if key else ''}"
    gate, heads = f"use_gate={flag(r, 0.3)}, use_bias={flag(r, 0.7)}", r.randint(1, 3)
    if len(s) == 3 and flag(r, 0.3):
        layer = f"kl.GroupQueryAttention({r.randint(2, 4)}, {heads * 2}, {heads}, {gate})"
    elif len(s) == 3 and flag(r, 0.4):
        kwargs = r.choice(["use_scale=True", "score_mode='concat'", "score_mode='concat', use_scale=True", ""])
        return f"(lambda q: 0 + kl.Attention({kwargs})([q, x{', ko.tanh(x)' if key else ''}]))({other})"
    else:
        axes = sorted(r.sample(range(1, len(s) - 1), r.randint(1, len(s) - 2)))
        window = f", sliding_window={r.randint(1, 3)}" if len(s) == 3 and flag(r, 0.3) else ""
        more = f", value_dim={r.randint(2, 4)}, attention_axes={axes}{window}"
        layer = f"kl.MultiHeadAttention({heads}, {r.randint(2, 4)}{more}, {gate})"
    return f"(lambda q: 0 + {layer}({call}))({other})"


JOINS = """
kl.Add()|m([x,y]) kl.Multiply()|m([x,y]) kl.Subtract()|m([x,y]) kl.Average()|m([x,y]) kl.Maximum()|m([x,y])
kl.Minimum()|m([x,y]) x+y x*y x-y ko.maximum(x,y) x*ko.sigmoid(y)
""".split()


def _join(r: Random, s: Shape) -> str | None:
    return r.choice(JOINS)


def _concat(r: Random, s: Shape) -> str | None:
    axis = axis_of(r, s)
    return r.choice([f"kl.Concatenate(axis={axis})|m([x, y])", f"ko.concatenate([x, y], axis={axis})"])


FAMILIES: dict[str, tuple[Draw, int]] = {
    "conv": (_conv, 6),
    "convT": (_conv_transposed, 2),
    "pool": (_pool, 4),
    "norm": (_norm, 4),
    "linear": (_linear, 2),
    "activation": (_activation, 4),
    "unary": (_unary, 2),
    "reduce": (_reduce, 1),
    "reshape": (_reshape, 3),
    "select": (_select, 2),
    "border": (_border, 3),
    "resample": (_resample, 2),
    "product": (_product, 2),
    "attention": (_attention, 2),
    "masked": (_masked, 2),
    "join": (_join, 3),
    "concat": (_concat, 2),
}
INPUTS: tuple[Callable[[Random], Shape], ...] = (
    lambda r: (r.randint(2, 6),),
    lambda r: (r.choice(SIZES), r.randint(1, 6)),
    lambda r: (r.choice(SIZES), r.randint(1, 6)),
    lambda r: (r.choice(SIZES), r.choice(SIZES), r.randint(1, 6)),
    lambda r: (r.choice(SIZES), r.choice(SIZES), r.randint(1, 6)),
    lambda r: (r.choice(SIZES), r.choice(SIZES), r.randint(1, 6)),
    lambda r: (r.randint(1, 6), r.randint(1, 6), r.randint(1, 6), r.randint(1, 4)),
)
HEADS = (("conv", "norm", "activation"), ("conv", "activation", "join"), ("resample", "conv"), ("pool",), ("linear",))


def draw(r: Random) -> Drawn:
    """Return a case. Raise Impossible if Keras rejects too many draws."""
    kind, weights = r.random(), [weight for _, weight in FAMILIES.values()]
    if kind < 0.4:
        plan = r.choices(list(FAMILIES), weights, k=1)
    elif kind < 0.85:
        plan = r.choices(list(FAMILIES), weights, k=r.randint(2, 5))
    else:
        plan = [family for _ in range(r.randint(2, 4)) for family in r.choice(HEADS)]
    keras.backend.clear_session(free_memory=False)
    shape = r.choice(INPUTS)(r)
    values = [keras.Input(shape)]
    lines = [f"{shape}"]
    for family in plan:
        for _ in range(6):
            at = len(values) - 1
            text = FAMILIES[family][0](r, (7, *values[at].shape[1:]))
            if text is None:
                break
            other = r.choice([i for i in range(len(values)) if len(values[i].shape) == len(values[at].shape)])
            layer, _, call = text.partition("|") if text.startswith("kl.") else ("", "", text)
            try:
                module = eval(layer, NAMES) if layer else None
                out = eval(f"lambda m, x, y: {call or 'm(x)'}", NAMES)(module, values[at], values[other])
            except REFUSED:
                continue
            if isinstance(out, keras.KerasTensor) and 2 <= len(out.shape) <= 6 and all(n for n in out.shape[1:]):
                values.append(out)
                used = f" y=v{other}" if "y" in call.replace("layer", "") and other != at else ""
                lines.append(f"v{len(lines)} = {text} [x=v{at}{used}]")
                break
    if len(values) == 1:
        raise Impossible
    model = keras.Model(values[0], values[-1])
    if any(map(_adds_bias_elsewhere, model.layers)):
        raise Impossible
    random = np.random.default_rng(r.randrange(1 << 30))
    for one in model.weights:
        low = 0.4 if "variance" in one.name else -0.8
        if one.dtype == "float32":
            one.assign(random.uniform(low, low + 1.6, one.shape))
    x = random.standard_normal((r.randint(2, 3), *shape)).astype(np.float32)
    try:
        fact = keras_facts.fact(model, x)
    except REFUSED:
        raise Impossible from None
    if not np.isfinite(fact.values).all() or np.abs(fact.values).max(initial=0) > 1e4 or fact.values.size > 20_000:
        raise Impossible
    path = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}.keras"
    model.save(path)
    return Drawn("; ".join(lines), fact, lambda: cnncalc.load(path), {"x": x}, None, lambda: exact(model, path, x))


def _adds_bias_elsewhere(layer: Any) -> bool:
    """Return whether Keras on TensorFlow adds a bias of channels to the last axis, as it has the same size."""
    bias = getattr(layer, "bias", None) if getattr(layer, "data_format", "") == "channels_first" else None
    return bias is not None and layer.output.shape[-1] == bias.shape[0]


def exact(model: Any, path: Path, x: Any) -> bool:
    """Return whether the values agree in float64, in which Keras computes the same model."""
    keras.config.set_floatx("float64")
    try:
        wide = keras.models.model_from_json(model.to_json().replace('"float32"', '"float64"'))
        wide.set_weights([np.asarray(one, np.float64) for one in model.get_weights()])
        want = np.asarray(wide(x.astype(np.float64), training=False))
    except REFUSED:
        return False
    finally:
        keras.config.set_floatx("float32")
    network = cnncalc.load(path)
    held = {} if network.source is None else network.source.weights
    weights = {name: np.asarray(read(), np.float64) for name, read in held.items()}
    return bool(compare_values(want, network, x.astype(np.float64), weights).get("diff", 1) < 1e-9)
