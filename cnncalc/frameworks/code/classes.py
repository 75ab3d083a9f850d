"""Classes of modules of which a print-out does not say enough, with what is known of them."""

from __future__ import annotations

LISTS = frozenset(["ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "ParametrizationList"])
"""Classes that hold modules and are not called themselves."""
WRAPPERS = frozenset(["DataParallel", "DistributedDataParallel", "OptimizedModule", "FullyShardedDataParallel"])
"""Classes that call the one module in them."""
SEQUENTIALS = frozenset(
    [
        *("Sequential", "Conv2dNormActivation", "Conv3dNormActivation", "ConvNormActivation"),
        *("ConvBNReLU", "ConvBNActivation", "MLP"),
    ]
)
"""Classes that run the modules in them one after another, of PyTorch and torchvision."""
RETURN_SEVERAL = frozenset(["LSTM", "GRU", "RNN", "MultiheadAttention"])
"""Classes whose result is a tuple, which no module of a Sequential takes."""
_FREE = """
    AdaptiveAvgMaxPool2d AdaptiveLogSoftmaxWithLoss AnchorGenerator CorrBlock CosineSimilarity DeQuantStub
    DefaultBoxGenerator FastAdaptiveAvgPool Flat Flatten FractionalMaxPool2d FractionalMaxPool3d GLU
    GeneralizedRCNNTransform LastLevelMaxPool MaxUnpool1d MaxUnpool2d MaxUnpool3d MultiScaleRoIAlign
    PairwiseDistance Permute QuantStub RadixSoftmax SelectAdaptivePool2d SelectSeq Sequential SpaceToDepth
    SwapAxes Unflatten WindowDepartition WindowPartition
"""
FREE = frozenset(_FREE.split())
"""Classes of PyTorch, torchvision and timm without parameters and buffers that are not read as layers."""
_ALIKE = """
    CrossMapLRN2d DropBlock2d DropPath GELUActivation GELUTanh GammaAct HardSigmoid HardSwish MemoryEfficientSwish
    NewGELUActivation PytorchGELUTanh QuickGELU RMSNorm RReLU SiLUActivation Softmin Softplus StochasticDepth
    Swish
"""
ALIKE = frozenset(_ALIKE.split())
"""Classes that hold no more than they show, and whose results have the shape of what they read."""
_LOSSES = """
    CTCLoss CosineEmbeddingLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss
    MarginRankingLoss MultiLabelMarginLoss PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss
"""
_WEIGHTED = """
    BCELoss BCEWithLogitsLoss CrossEntropyLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss
"""
LOSSES = {**dict.fromkeys(_LOSSES.split(), True), **dict.fromkeys(_WEIGHTED.split(), False)}
"""PyTorch's losses, which have no parameters, and whether they have no buffers: the others may have class weights."""
_HOLDERS = """
    Attention2dDownsample AttentionDownsample AttentionPool2d AttentionPoolLatent Beit CNBlock Cait
    CascadedGroupAttention ClassAttentionBlock CoaT ConVit ConvNeXtBlock CrossCovarianceAttn CrossVit
    DiffAttention DiffParallelScalingBlock EfficientAdditiveAttention EfficientViM EfficientViMBlock
    EfficientViMDistilled Eva EvaAttention EvaBlock GPSA Gemma4ClippableLinear Gemma4PatchEmbed HSMSSD Hiera
    HieraDet IFormer LambdaLayer LayerScaleBlock LayerScaleBlockClassAttn LearnableDct2d MetaNeXtBlock
    MultiScaleAttention MultiScaleVit MultiscaleAttention NaFlexEmbeds NestLevel NormFreeBlock
    ParallelScalingBlock PoolingVisionTransformer Qwen3VitEncoder RDNet RelPosMlp
    RelativePositionalMultiHeadAttention ResBlock RmsNormAct2d SSDFeatureExtractorVGG ScaledStdConv2d
    ScaledStdConv2dSame ShiftedWindowAttention ShiftedWindowAttention3d ShiftedWindowAttentionV2
    SplitTransposeBlock StarReLU SwinTransformerBlock SwinTransformerV2Block SwinTransformerV2CrBlock TNT TinyVit
    VOLO Visformer VisionTransformer VisionTransformerDistilled VisionTransformerRelPos VisionTransformerSAM
    WindowAttention WindowMultiHeadAttention XCA XCABlock Xcit
"""
HOLDERS = frozenset(_HOLDERS.split())
"""Classes with parameters or buffers of their own of which a print-out shows nothing.

Found by making every model of torchvision 0.29 and timm 1.0; names that other classes share (`Block`) are left out,
and the networks that have such a class stand here instead.
"""
