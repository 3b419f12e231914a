"""FID's network: Inception v3 as TensorFlow published it in 2015, 2048 pooled features.

`inception` gives the features that FID and KID are quoted with, `inception-logits` the 1008
logits, without their bias, that the Inception Score is quoted with. The architecture is
torch-fidelity's. Pixels are resized to 299 x 299 by the bilinear resize of TensorFlow 1, which
does not smooth before it shrinks, and enter as (x - 128) / 128.

Szegedy et al., CVPR 2016, arXiv 1512.00567; Heusel et al., NeurIPS 2017, arXiv 1706.08500;
Salimans et al., NeurIPS 2016, arXiv 1606.03498.
"""

from __future__ import annotations

import io
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.errors import WeightsError
from rara.extractors.base import Spec
from rara.extractors.torch_extractor import TorchExtractor, lanes_of, need
from rara.extractors.weights import Published, find_weights, read_tensors

if TYPE_CHECKING:
    import torch

SIZE = 299
_FILES = (
    "weights-inception-2015-12-05-6726825d.pth",
    "pt_inception-2015-12-05-6726825d.pth",
)
_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
_SOURCE = "the release v0.2.0 of github.com/toshas/torch-fidelity"


def load(
    *, weights: str | os.PathLike[str] | None = None, threads: int | None = None
) -> TorchExtractor:
    """The 2048 pooled features.

    Raises WeightsError where the weights are missing or not those of this network, and
    MissingPackageError where torch-fidelity is not installed.
    """
    return _load("inception", "2048", 2048, weights, threads)


def load_logits(
    *, weights: str | os.PathLike[str] | None = None, threads: int | None = None
) -> TorchExtractor:
    """The 1008 logits without their bias; raises as `load` does."""
    return _load("inception-logits", "logits_unbiased", 1008, weights, threads)


def _load(
    name: str,
    output: str,
    dim: int,
    weights: str | os.PathLike[str] | None,
    threads: int | None,
) -> TorchExtractor:
    file = find_weights(Published(name, _FILES, _SOURCE, _SHA256), weights)
    need(name, "torch", "torch_fidelity")
    words = f"bilinear of TensorFlow 1 stretch {SIZE}x{SIZE} (x-128)/128 {output}"
    spec = Spec(name=file.network, weights=file.sha256, preprocessing=words, dim=dim)
    network = _network(read_tensors(file.path), name, output, os.fspath(file.path))
    return TorchExtractor(spec, lanes_of(threads), _resized, partial(_output, network, output))


def _network(tensors: dict[str, torch.Tensor], name: str, output: str, path: str) -> Any:
    """torch-fidelity's network. It would unpickle any object, so it gets a copy of the tensors."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    copy = io.BytesIO()
    torch.save(tensors, copy)
    copy.seek(0)
    try:
        return FeatureExtractorInceptionV3(name, [output], feature_extractor_weights_path=copy)
    except RuntimeError as error:
        short = " ".join(str(error).split())[:200]
        raise WeightsError(f"'{path}' does not hold the weights of {name}: {short}.") from error


def _resized(image: Image.Image) -> NDArray[np.float32]:
    """(299, 299, 3), from 0 to 255; in parts of a level, so float32."""
    import torch
    from torch_fidelity.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x,
    )

    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
    resized = interpolate_bilinear_2d_like_tensorflow1x(
        pixels, size=(SIZE, SIZE), align_corners=False
    )
    return np.asarray(resized[0].permute(1, 2, 0).contiguous().numpy(), dtype=np.float32)


def _output(network: Any, output: str, pixels: torch.Tensor) -> torch.Tensor:
    """What the network's layers make of resized pixels; all of them but the last stand in order."""
    x = (pixels - 128) / 128
    *layers, logits = network.children()
    for layer in layers:
        x = layer(x)
    x = x.flatten(1)
    return x if output == "2048" else x @ logits.weight.T
