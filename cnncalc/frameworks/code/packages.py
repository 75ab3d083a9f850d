"""Networks from packages such as torchvision, whose layers are not in the source that uses them."""

from __future__ import annotations

from ... import zoo

PACKAGES = (
    *("torchvision.models", "timm", "torch.hub", "transformers", "segmentation_models_pytorch", "ultralytics"),
    *("efficientnet_pytorch", "pretrainedmodels", "monai.networks", "open_clip", "clip", "diffusers", "vit_pytorch"),
)
"""The packages and modules that provide such networks."""


def package_of(what: str) -> str | None:
    """Return the package of such a network, or of a part of one, by its name; None for any other value."""
    made, bracket, _ = what.partition("(")
    fits = bracket and any(made.startswith(f"{package}.") for package in PACKAGES)
    return made.partition(".")[0] if fits else None


def built_in(what: str) -> str | None:
    """Return the name of the built-in network for such a value, or for a part of one; None if there is none."""
    name = what.partition("(")[0].rpartition(".")[2]
    return name if what.startswith("torchvision.") and name in zoo.names() else None
