"""Words that are not ops but that users try: what each is meant for, and what to write in its place.

The advice consists of layer words; a test follows all of it.
"""

from __future__ import annotations

from typing import NamedTuple


class Intent(NamedTuple):
    """What a word is probably meant for."""

    advice: tuple[str, ...]
    """What to write instead: layer words, with several layers separated by spaces."""
    what: str = ""
    """What the word means, if there is no exact equivalent; empty for another name of an op."""
    say: str = "did you mean {}?"
    """The sentence with the advice."""

    @property
    def help(self) -> str:
        """The sentence with the advice."""
        return self.say.format(" or ".join(self.advice))


NOT_A_LAYER = "not a layer of cnncalc"
_BLOCK = "a block of several layers, not one"


def _block(layers: str) -> Intent:
    """Return the advice that a word stands for several layers, such as these."""
    return Intent((layers,), _BLOCK, "write its layers, for example {}")


def _opaque(kind: str) -> Intent:
    """Return the advice that there is no such layer, and how to write an opaque one in its place."""
    advice = (f"opaque:type={kind},out=64x16x16,params=50000", f"opaque:type={kind},same=true")
    return Intent(advice, NOT_A_LAYER, "write its layers, or a stand-in with known figures: {}")


_TABLE: dict[str, Intent] = {
    "residual skip shortcut resadd plus eltwise merge": Intent(("add:from=a+b",)),
    "concatenation join route combine": Intent(("concat:a+b",)),
    "pool pooling pool2d subsample subsampling": Intent(("maxpool:2", "avgpool:2")),
    "mp mpool": Intent(("maxpool:2",)),
    "ap apool avg average": Intent(("avgpool:2",)),
    "adaptivepool aap adaptivepooling": Intent(("adaptiveavgpool:7", "adaptivemaxpool:7")),
    "depthtospace subpixel": Intent(("pixelshuffle:2",)),
    "spacetodepth focus": Intent(("pixelunshuffle:2",)),
    "globalpool globalpooling gp": Intent(("gap", "gmp")),
    "norm normalisation": Intent(("bn", "ln")),
    "activation act nonlinearity": Intent(("relu", "sigmoid")),
    "upsampling resize interpolate interpolation unpool": Intent(("upsample:x2", "upsample:64x64")),
    "downsample downsampling": Intent(("maxpool:2", "conv:64,k3,s2,p1")),
    "view ravel flat squeeze unsqueeze": Intent(("flatten", "reshape:out=-1")),
    "padding zeropad": Intent(("pad:1",)),
    "classifier head logits output mlp": Intent(("flatten linear:10",)),
    "transpose swapaxes": Intent(("permute:2x3x1", "convT:8,k2,s2")),
    "transposedconv transposeconv convtransposed transconv transpconv fractionalconv": Intent(("convT:8,k2,s2",)),
    "pointwise pw pwconv": Intent(("conv:64,k1",)),
    "grouped groupconv groupedconv": Intent(("conv:64,k3,g4",)),
    "dilated atrous dilatedconv atrousconv": Intent(("conv:64,k3,d2",)),
    "fullyconnected": Intent(("linear:10",)),
    "embed lookup": Intent(("embedding:rows=256,out=8",)),
    "bilstm bidirectional": Intent(("lstm:64,bidirectional=true",)),
    "selfattention multiheadselfattention mhsa": Intent(("multihead:4",)),
    "im2col": Intent(("unfold:k3",)),
    "gate": Intent(("mul:a+b",)),
    "resblock basicblock bottleneck residualblock": _block("conv:16,k3,p1,bn,relu conv:16,k3,p1,bn add:a+conv2 relu"),
    "convblock vggblock doubleconv": _block("conv:64,k3,p1,bn,relu conv:64,k3,p1,bn,relu"),
    "mbconv invertedresidual invertedbottleneck": _block("conv:64,k1,bn,relu6 dw:k3,p1,bn,relu6 conv:16,k1,bn"),
    "inception fire aspp spp fpn": _block("conv:16,k1,name=c conv:32,k3,p1,from=a,name=d concat:c+d"),
    "se squeezeexcite seblock": _block("gap conv:4,k1,relu conv:16,k1,sigmoid,name=g mul:b+g"),
    "transformer encoder decoder transformerencoder transformerencoderlayer vit swin": _opaque("transformer"),
    "lambda custom": _opaque("lambda"),
    "capsule caps": _opaque("capsule"),
    "mamba ssm s4": _opaque("mamba"),
    "deformconv deformableconv dcn": _opaque("deformconv"),
    "convlstm convgru": _opaque("convlstm"),
    "maxunpool maxunpool1d maxunpool2d maxunpool3d": Intent(
        ("upsample:x2",),
        NOT_A_LAYER,
        "it needs the indices of a maxpool, but layers pass on only values; the closest is {}",
    ),
    "rrelu": Intent(("leakyrelu:0.229",), NOT_A_LAYER, "once trained it is {}"),
    "rmsnorm": Intent(("layernorm",), NOT_A_LAYER, "the closest is {}, which also subtracts the mean"),
    "glu geglu swiglu": Intent(("sigmoid mul:a+sigmoid1",), NOT_A_LAYER, "write it as a gate: {}"),
    "maxout": Intent(("max:a+b",), NOT_A_LAYER, "write it as convs joined by {}"),
    "loss crossentropy mse ctc crf optimizer adam sgd": Intent(
        ("softmax",), NOT_A_LAYER, "a network here ends before its loss, at most with {}"
    ),
}
INTENTS = {word: intent for words, intent in _TABLE.items() for word in words.split()}
"""The probable meaning of words in lower case, without - and _."""


def meant(word: str) -> Intent | None:
    """Return the probable meaning of a word that is not an op; None if it is not in the table."""
    return INTENTS.get(word.lower().replace("_", "").replace("-", ""))
