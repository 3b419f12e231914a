"""Networks of timm: DINOv2, CLIP and any other that it names, as `timm:resnet50.a1_in1k`.

The architecture and the preprocessing are timm's; DINOv2 takes that of Stein et al. instead.

    dinov2-vit…      the class token after the last norm; images stretched to 224 x 224 (bicubic)
    clip-vit…        the image embedding, not scaled to unit length
    timm:NAME        the pooled features before the classifier

Oquab et al., TMLR 2024, arXiv 2304.07193; Stein et al., NeurIPS 2023, arXiv 2306.04675;
Radford et al., ICML 2021, arXiv 2103.00020.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.errors import UnknownExtractorError
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
from rara.extractors.weights import Published, WeightsFile, fill, find_weights, read_tensors

if TYPE_CHECKING:
    import torch

PREFIX = "timm:"
"""How the names of timm's networks begin."""

_SIZE = 224
_OFFSET = 0.1
"""Added to the side of the grid when DINOv2 stretches its positions, as in its own code."""

Weights = str | os.PathLike[str] | None


@dataclass(frozen=True, slots=True)
class _Vit:
    """A vision transformer with weights that are quoted by a name of their own."""

    architecture: str
    files: tuple[str, ...]
    source: str
    sha256: str | None = None


def _of_meta(size: str, sha256: str) -> _Vit:
    short = f"dinov2_vit{size[0]}14"
    source = f"dl.fbaipublicfiles.com/dinov2/{short}"
    return _Vit(f"vit_{size}_patch14_dinov2.lvd142m", (f"{short}_pretrain.pth",), source, sha256)


def _of_openai(architecture: str) -> _Vit:
    published = architecture.replace("_quickgelu", "")
    return _Vit(architecture, _files(published), _source(published))


def _files(model: str) -> tuple[str, ...]:
    return f"{model}.safetensors", f"{model}.bin"


def _source(model: str) -> str:
    return f"timm/{model} on Hugging Face (rename its .safetensors or .bin file)"


_DINOV2 = {
    "dinov2-vits14": _of_meta(
        "small", "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"
    ),
    "dinov2-vitb14": _of_meta(
        "base", "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73"
    ),
    "dinov2-vitl14": _of_meta(
        "large", "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428"
    ),
}
_CLIP = {
    "clip-vitb32": _of_openai("vit_base_patch32_clip_quickgelu_224.openai"),
    "clip-vitl14": _of_openai("vit_large_patch14_clip_quickgelu_224.openai"),
    "clip-vitl14-336": _of_openai("vit_large_patch14_clip_quickgelu_336.openai"),
}
NAMES = (*_DINOV2, *_CLIP)
"""Networks of timm that have a name of their own."""


def load(name: str, *, weights: Weights = None, threads: int | None = None) -> TorchExtractor:
    """The network of that name, one of `NAMES` or `timm:` and a name of timm's.

    Raises WeightsError where the weights are missing or not those of this network,
    MissingPackageError where timm is not installed, and UnknownExtractorError where timm has
    no network of that name.
    """
    if name in _DINOV2:
        return _dinov2(name, _DINOV2[name], weights, threads)
    if name in _CLIP:
        return _clip(name, _CLIP[name], weights, threads)
    return _any(name, weights, threads)


# -- the three kinds --------------------------------------------------------------------


def _dinov2(name: str, vit: _Vit, weights: Weights, threads: int | None) -> TorchExtractor:
    file = _file(name, vit, weights)
    tensors = {key: x for key, x in read_tensors(file.path).items() if key != "mask_token"}
    network = _built(vit.architecture, img_size=_SIZE)
    if "pos_embed" in tensors:
        tensors["pos_embed"] = _stretched(tensors["pos_embed"], network.patch_embed.grid_size[0])
    fill(network, tensors, file.path, name)
    words = f"bicubic stretch {_SIZE}x{_SIZE} {in_words(IMAGENET_MEAN, IMAGENET_STD)} class token"
    scaled = partial(normalised, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    return _extractor(file, network, _stretch, scaled, words, threads)


def _clip(name: str, vit: _Vit, weights: Weights, threads: int | None) -> TorchExtractor:
    """From a file in timm's form, or in open_clip's, which holds the text's half as well."""
    file = _file(name, vit, weights)
    from timm.models.vision_transformer import checkpoint_filter_fn

    tensors = read_tensors(file.path)
    network = _built(vit.architecture)
    tensors = checkpoint_filter_fn(tensors, network)
    fill(network, tensors, file.path, name)
    return _as_timm_does(file, network, threads, crop_pct=1.0)  # as CLIP's authors; timm's vary


def _any(name: str, weights: Weights, threads: int | None) -> TorchExtractor:
    model = name.removeprefix(PREFIX)
    file = find_weights(Published(name, _files(model), _source(model)), weights)
    need(name, "torch", "timm")
    _check_name(model)
    network = _built(model, num_classes=0)
    classifier = network.pretrained_cfg.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    tensors = {
        key: value
        for key, value in read_tensors(file.path).items()
        if not key.startswith(tuple(f"{head}." for head in heads))
    }
    fill(network, tensors, file.path, name)
    return _as_timm_does(file, network, threads)


def _file(name: str, vit: _Vit, weights: Weights) -> WeightsFile:
    file = find_weights(Published(name, vit.files, vit.source, vit.sha256), weights)
    need(name, "torch", "timm")
    return file


# -- the network ------------------------------------------------------------------------


def _check_name(model: str) -> None:
    from timm.models import is_model, list_models

    if not is_model(model):
        raise UnknownExtractorError(
            f"timm has no network '{model}': `timm.list_models()` lists its {len(list_models())}."
        )


def _built(model: str, **options: Any) -> Any:
    from timm import create_model

    try:
        return create_model(model, pretrained=False, **options).eval()
    except RuntimeError as error:
        raise UnknownExtractorError(f"timm cannot make '{model}': {error}.") from error


def _stretched(positions: torch.Tensor, side: int) -> torch.Tensor:
    """DINOv2's positions for a grid of another side, by its own rule: bicubic, not smoothed."""
    from torch.nn.functional import interpolate

    before = math.isqrt(positions.shape[1] - 1)
    if before == side:
        return positions
    grid = positions[:, 1:].reshape(1, before, before, -1).permute(0, 3, 1, 2)
    scale = (side + _OFFSET) / before
    grid = interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
    patches = grid.permute(0, 2, 3, 1).reshape(1, side * side, -1)
    import torch

    return torch.cat([positions[:, :1], patches], dim=1)


# -- pixels -----------------------------------------------------------------------------


def _as_timm_does(
    file: WeightsFile, network: Any, threads: int | None, **changes: Any
) -> TorchExtractor:
    """With timm's own preprocessing for that network, other than the changes."""
    from timm.data import create_transform, resolve_model_data_config

    config = resolve_model_data_config(network) | changes
    on_pixels = create_transform(**config, is_training=False, use_prefetcher=True)
    mean, std = config["mean"], config["std"]
    _, height, width = config["input_size"]
    how = f"{config['interpolation']} {config['crop_mode']} {config['crop_pct']}"
    words = f"timm {how} {width}x{height} {in_words(mean, std)}"
    scaled = partial(normalised, mean=mean, std=std)
    return _extractor(file, network, partial(_transformed, on_pixels), scaled, words, threads)


def _transformed(transform: Callable[[Image.Image], Any], image: Image.Image) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(transform(image)).transpose(1, 2, 0))


def _stretch(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC))


def _extractor(
    file: WeightsFile,
    network: Any,
    resize: Callable[[Image.Image], NDArray[Any]],
    scaled: Callable[[torch.Tensor], torch.Tensor],
    words: str,
    threads: int | None,
) -> TorchExtractor:
    dim = _dimension(network, scaled, resize(Image.new("RGB", (_SIZE, _SIZE))))
    spec = Spec(name=file.network, weights=file.sha256, preprocessing=words, dim=dim)
    return TorchExtractor(spec, lanes_of(threads), resize, lambda x: network(scaled(x)))


def _dimension(
    network: Any, scaled: Callable[[torch.Tensor], torch.Tensor], pixels: NDArray[np.uint8]
) -> int:
    """Length of the vectors, seen by running the network on a black image."""
    import torch

    with torch.inference_mode():
        shape = network(scaled(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])).shape
    if len(shape) != 2:
        raise UnknownExtractorError(
            f"The network gives {tuple(shape[1:])} for one image: rara needs a vector."
        )
    return int(shape[1])
