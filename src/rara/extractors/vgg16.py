"""The Rarity Score's network: VGG16 trained on ImageNet, its 4096 features after fc2 and ReLU.

The features that improved precision and recall, realism and the Rarity Score are quoted with
in PyTorch: torchvision's network, images stretched to 224 x 224 (bilinear), ImageNet's mean and
deviation.

Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556; Han et al., ICLR 2023, arXiv 2206.08549.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.extractors.base import Spec
from rara.extractors.torch_extractor import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    TorchExtractor,
    in_words,
    lanes_of,
    need,
    normalised,
)
from rara.extractors.weights import Published, fill, find_weights, read_tensors

if TYPE_CHECKING:
    import torch

NAME = "vgg16"
SIZE = 224
_PUBLISHED = Published(
    NAME,
    ("vgg16-397923af.pth",),
    "download.pytorch.org/models (torchvision's VGG16_Weights.IMAGENET1K_V1)",
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
)


def load(
    *, weights: str | os.PathLike[str] | None = None, threads: int | None = None
) -> TorchExtractor:
    """VGG16's fc2 after ReLU.

    Raises WeightsError where the weights are missing or not those of this network, and
    MissingPackageError where torchvision is not installed.
    """
    file = find_weights(_PUBLISHED, weights)
    need(NAME, "torch", "torchvision")
    import torch
    from torchvision.models import vgg16

    with torch.device("meta"):  # no numbers yet: drawing them would take seconds
        network = vgg16().eval()
    fill(network, read_tensors(file.path), file.path, NAME, assign=True)
    scaled = in_words(IMAGENET_MEAN, IMAGENET_STD)
    words = f"bilinear stretch {SIZE}x{SIZE} {scaled} fc2 ReLU"
    spec = Spec(name=file.network, weights=file.sha256, preprocessing=words, dim=4096)
    return TorchExtractor(spec, lanes_of(threads), _resized, partial(_fc2, network))


def _resized(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def _fc2(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    x = network.avgpool(network.features(normalised(pixels, IMAGENET_MEAN, IMAGENET_STD)))
    return network.classifier[:5](x.flatten(1))
