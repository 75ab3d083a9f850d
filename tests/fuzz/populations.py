"""Public models against cnncalc: `python -m tests.fuzz.populations torch|exports|onnx|keras FILE.jsonl [NAME…]`.

Each model has random weights and runs in a separate process. FILE.jsonl gets a line for each model, so that a run
resumes where it stopped. The table and the summary go to standard output.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cnncalc

from . import measure
from .measure import Fact, Line, Log

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ |= {"YOLO_OFFLINE": "True", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

TIMM = """
resnet50d regnetx_002 regnety_002 res2net50_26w_4s hrnet_w18_small dla34 ese_vovnet19b_dw ghostnet_050 mobileone_s0
repvgg_a0 tf_efficientnetv2_b0 efficientnetv2_rw_t convnextv2_atto nfnet_l0 eca_nfnet_l0 tresnet_m cspdarknet53
cspresnet50 mixnet_s rexnet_100 fbnetc_100 lcnet_050 selecsls42b mobilevit_xxs mobilevitv2_050 coatnet_nano_rw_224
skresnet18 seresnext26d_32x4d resnest14d dpn48b densenetblur121d xception41 inception_v4 inception_resnet_v2 gernet_s
resnetv2_50 resnetv2_50x1_bit hardcorenas_a spnasnet_100 tinynet_e repghostnet_050 mobilenetv4_conv_small
efficientvit_b0 efficientformerv2_s0 edgenext_xx_small convmixer_768_32 fastvit_t8 repvit_m0_9 inception_next_atto
starnet_s1 hgnetv2_b0 ghostnetv2_100 botnet26t_256 halonet26t lambda_resnet26t gcresnext26ts ecaresnet26t
bat_resnext26ts levit_conv_128s poolformer_s12 nasnetalarge pnasnet5large xcit_nano_12_p16_224 vit_tiny_patch16_224
swin_tiny_patch4_window7_224 focalnet_tiny_srf mambaout_femto rdnet_tiny cspresnext50 darknet53 visformer_tiny
convit_tiny cs3darknet_s vovnet39a resnet18 resnetaa50 resnetblur50 wide_resnet50_2 test_byobnet
""".split()
TORCHVISION = """
alexnet squeezenet1_0 shufflenet_v2_x0_5 mobilenet_v3_small mnasnet0_5 googlenet inception_v3 efficientnet_v2_s
regnet_y_400mf densenet121 convnext_tiny vit_b_32 swin_t swin_v2_t maxvit_t resnext50_32x4d
""".split()
SEGMENTATION = "deeplabv3_resnet50 deeplabv3_mobilenet_v3_large fcn_resnet50 lraspp_mobilenet_v3_large".split()
SMP = "Unet UnetPlusPlus MAnet Linknet FPN PSPNet PAN DeepLabV3 DeepLabV3Plus UPerNet Segformer DPT".split()
SMP_ENCODERS = """
mobilenet_v2 efficientnet-b0 timm-mobilenetv3_small_075 se_resnet50 densenet121 xception vgg11_bn mit_b0 mobileone_s0
dpn68 timm-regnetx_002 timm-res2net50_26w_4s inceptionv4
""".split()
YOLO = """
yolov3-tiny yolov5n yolov6n yolov8n yolov8n-seg yolov8n-pose yolov8n-cls yolov8n-obb yolov9t yolov10n yolo11n
yolo11n-seg yolo11n-cls yolo12n yolo26n yolov8-ghost yolov8-p2 yolov8-worldv2
""".split()
AT_256 = {"botnet26t_256", "halonet26t", "lambda_resnet26t", "bat_resnext26ts"}


class Model(NamedTuple):
    """A PyTorch module to measure, and the shape of its input without a batch."""

    make: Callable[[], Any]
    shape: tuple[int, ...]


def torch_models() -> dict[str, Model]:
    """Return the modules of the public packages by name; those of missing packages are left out."""
    import segmentation_models_pytorch as smp
    import timm
    import torchvision
    import ultralytics
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large
    from torchvision.models.detection.backbone_utils import mobilenet_backbone, resnet_fpn_backbone
    from torchvision.models.optical_flow import raft_small

    vision, none = torchvision.models, {"weights": None}
    bare = {**none, "weights_backbone": None}
    models: dict[str, Model] = {}
    for name in TIMM:
        side = 256 if name in AT_256 else 224
        models[f"timm/{name}"] = Model(partial(timm.create_model, name, pretrained=False), (3, side, side))
    for name in TORCHVISION:
        extra = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        side = 299 if name == "inception_v3" else 224
        models[f"torchvision/{name}"] = Model(partial(getattr(vision, name), **none, **extra), (3, side, side))
    for name in SEGMENTATION:
        models[f"torchvision/{name}"] = Model(partial(getattr(vision.segmentation, name), **bare), (3, 128, 128))
    fpn = partial(mobilenet_backbone, backbone_name="mobilenet_v3_large", fpn=True, **none)
    models |= {
        "torchvision/fpn_resnet18": Model(
            partial(resnet_fpn_backbone, backbone_name="resnet18", **none), (3, 128, 128)
        ),
        "torchvision/fpn_mobilenet_v3_large": Model(fpn, (3, 128, 128)),
        "torchvision/ssdlite320": Model(partial(ssdlite320_mobilenet_v3_large, **bare), (3, 320, 320)),
        "torchvision/ssdlite320_backbone": Model(lambda: ssdlite320_mobilenet_v3_large(**bare).backbone, (3, 320, 320)),
        "torchvision/raft_small_features": Model(lambda: raft_small(**none).feature_encoder, (3, 128, 128)),
        "torchvision/s3d": Model(partial(vision.video.s3d, **none), (3, 16, 224, 224)),
    }
    for name in ("r3d_18", "mc3_18", "r2plus1d_18"):
        models[f"torchvision/{name}"] = Model(partial(getattr(vision.video, name), **none), (3, 8, 64, 64))
    made = {"encoder_weights": None, "classes": 3}
    for name in SMP:
        kwargs = made if name == "DPT" else {**made, "encoder_name": "resnet18"}
        side = 224 if name == "DPT" else 128
        models[f"smp/{name}"] = Model(partial(getattr(smp, name), **kwargs), (3, side, side))
    for name in SMP_ENCODERS:
        models[f"smp/Unet-{name}"] = Model(partial(smp.Unet, encoder_name=name, **made), (3, 128, 128))
    scse = partial(smp.Unet, encoder_name="resnet18", decoder_attention_type="scse", **made)
    models["smp/Unet-scse"] = Model(scse, (3, 128, 128))
    for name in YOLO:
        side = 224 if name.endswith("-cls") else 256
        models[f"ultralytics/{name}"] = Model(partial(_yolo, ultralytics.YOLO, name), (3, side, side))
    return models


def _yolo(yolo: Any, name: str) -> Any:
    return yolo(f"{name}.yaml", verbose=False).model


def made(model: Model) -> tuple[Any, Any]:
    """Return a module in evaluation mode and an input, with the same values each time."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    return model.make().eval(), torch.randn(1, *model.shape)


def measure_torch(model: Model) -> Line:
    """Return the differences between a module and what `from_torch` reads."""
    from . import torch_facts

    module, x = made(model)
    fact = torch_facts.fact(module, x)
    line = measure.read(lambda: cnncalc.from_torch(module, tuple(x.shape)), fact, x.numpy())
    return measure.without_rounding(line, partial(torch_facts.exact, module, x))


def measure_export(model: Model, path: Path, dynamo: bool, sizes_open: bool) -> Line:
    """Return the differences between an export of a module, stored at `path`, and what onnxruntime says about it."""
    from . import torch_facts

    if not path.exists():
        export(model, path, dynamo, sizes_open)
    module, x = made(model)
    macs = torch_facts.fact(module, x).macs
    return measure_file(path, {"x": x.numpy()}, macs)


def export(model: Model, path: Path, dynamo: bool, sizes_open: bool) -> None:
    """Write a module as an ONNX file."""
    import torch

    module, x = made(model)
    spatial = range(2, x.dim())
    named = {0: "N"} | {axis: f"S{axis}" for axis in spatial}
    given: dict[str, Any] = {}
    if sizes_open and dynamo:
        given = {"dynamic_shapes": (dict.fromkeys((0, *spatial), torch.export.Dim.AUTO),)}
    elif sizes_open:
        given = {"dynamic_axes": {"x": named}}
    made_at = path.with_suffix(".part")
    torch.onnx.export(module, (x,), str(made_at), dynamo=dynamo, input_names=["x"], external_data=False, **given)
    made_at.rename(path)


def measure_file(path: Path, feeds: dict[str, Any], macs: int | None = None) -> Line:
    """Return the differences between an ONNX file and what onnxruntime says; `macs` are the module's, if known."""
    import onnx

    from .onnx_facts import arrays, observe

    model = onnx.load(str(path))
    out, counted = observe(model, feeds)
    params, buffers = arrays(model)
    fact = Fact(tuple(out.shape), params, buffers, counted if macs is None else macs, out)
    first = next(iter(feeds.values()))
    line = measure.read(lambda: cnncalc.load(str(path)), fact, feeds)
    return line | {"counted": counted, "dtype": str(first.dtype)}


FIXED: dict[str, list[tuple[int, ...]]] = {
    "nmp": [(1, 43844, 1)],
    "modelA_paper": [(1, 100, 128)],
    "modelB_full": [(1, 100, 128)],
    "common": [(1, 1, 64, 100)],
    "common_old": [(1, 1, 64, 100)],
    "standard_v3_3": [(1, 2048)],
    "pnet": [(1, 50, 60, 3)],
    "320n": [(1, 3, 320, 256)],
    "fsmn": [(1, 20, 400), *[(1, 128, 19, 1)] * 3],
    "ch_PP-OCRv4_det_infer": [(1, 3, 160, 192)],
    "ch_PP-OCRv4_rec_infer": [(1, 3, 48, 160)],
    "ch_ppocr_mobile_v2.0_cls_infer": [(1, 3, 48, 192)],
    "silero_vad": [(1, 512), (2, 1, 128), ()],
    "silero_vad_16k_op15": [(1, 512), (2, 1, 128), ()],
    "silero_vad_16k_sequence": [(3, 576)],
    "silero_vad_half": [(1, 512), (2, 1, 128)],
    "silero_vad_op18_ifless": [(1, 512), (), (2, 1, 128)],
}
"""The input sizes for shipped files with several open sizes; in other files, an open size is a batch of 1."""


def measure_shipped(path: Path, fixed: bool) -> Line:
    """Return the differences between a shipped file and onnxruntime; with `fixed`, its open sizes are filled in."""
    import onnx

    model = onnx.load(str(path))
    held = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in held]
    stem = path.parent.name if path.stem == "model" else path.stem
    shapes = FIXED.get(stem, [])
    random = np.random.default_rng(0)
    feeds: dict[str, Any] = {}
    for at, one in enumerate(inputs):
        type_ = one.type.tensor_type
        declared = [dim.dim_value if dim.dim_value > 0 else 1 for dim in type_.shape.dim]
        shape = shapes[at] if at < len(shapes) else tuple(declared)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(type_.elem_type)
        whole = np.full(shape, 16000) if shape == () else random.integers(0, 9, shape)
        feeds[one.name] = (random.standard_normal(shape) if dtype.kind == "f" else whole).astype(dtype)
        for dim, n in zip(type_.shape.dim, shape, strict=True):
            dim.dim_value = n
    if fixed:
        path = Path(f"/tmp/fixed-{os.getpid()}.onnx")
        onnx.save(model, str(path))
    try:
        return measure_file(path, feeds)
    finally:
        if fixed:
            path.unlink()


def tasks(group: str, folder: Path) -> Iterator[tuple[str, Callable[[], Line]]]:
    """Yield the name of each model of a group, and the function that measures it."""
    if group == "torch":
        for name, model in torch_models().items():
            yield name, partial(measure_torch, model)
    elif group == "exports":
        folder.mkdir(parents=True, exist_ok=True)
        for sizes_open in (False, True):
            for dynamo in (False, True):
                form = f"{'dynamo' if dynamo else 'script'}-{'open' if sizes_open else 'fixed'}"
                for name, model in torch_models().items():
                    path = folder / f"{name.replace('/', '_')}-{form}.onnx"
                    yield f"{name}@{form}", partial(measure_export, model, path, dynamo, sizes_open)
    elif group == "onnx":
        for path in sorted(folder.rglob("*.onnx")):
            for fixed in (False, True):
                name = f"{path.parent.name}/{path.stem}{'-fixed' if fixed else ''}"
                yield name, partial(measure_shipped, path, fixed)
    else:
        from .keras_models import models

        for name, build in models().items():
            yield name, build


def main() -> None:
    """Measure the named models, or all, and print the table and the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("group", choices=["torch", "exports", "onnx", "keras"])
    parser.add_argument("log", help="the file of JSON lines to go on with")
    parser.add_argument("names", nargs="*", help="parts of the names of the models to measure; all without one")
    parser.add_argument("--folder", default="exports", type=Path, help="of the exports, or of the shipped ONNX files")
    parser.add_argument("--seconds", default=240.0, type=float, help="the most for one model")
    parser.add_argument("--gigabytes", default=8.0, type=float, help="the most memory for one model")
    args = parser.parse_args()
    log = Log(args.log)
    for name, task in tasks(args.group, args.folder):
        if name in log.names or (args.names and not any(part in name for part in args.names)):
            continue
        line = {"name": name, **measure.isolated(task, args.seconds, args.gigabytes)}
        log.add(line)
        sys.stdout.write(measure.row(line) + "\n")
        sys.stdout.flush()
    sys.stdout.write(measure.summary(log.lines) + "\n")


if __name__ == "__main__":
    main()
