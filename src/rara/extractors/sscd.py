"""SSCD: a network trained to recognise edited copies of one picture, 512 features of length 1.

A witness of copying, and no judge of rarity: it keeps different photos of one subject apart.
`sscd_disc_mixup` is a ResNet-50, generalised-mean pooling with p = 3, a linear layer to 512
features, and their length made 1. Its authors resize images to 320 x 320 without keeping
proportions (bilinear), or the shorter side to 288; rara does the first.

    TorchScript or state dict --torch_archive--> tensors --Graph--> onnxruntime
    an export to ONNX                                            --> onnxruntime

PyTorch is not needed, and no code in the file is run: only its tensors are read.

Pizzi et al., CVPR 2022, arXiv 2202.10261; He et al., CVPR 2016, arXiv 1512.03385.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image

from rara.errors import WeightsError
from rara.extractors.base import Spec
from rara.extractors.graph import Graph, Weights
from rara.extractors.onnx import OnnxExtractor, input_of, load_graph, load_onnx
from rara.extractors.preprocessing import Preprocessing
from rara.extractors.torch_archive import read_archive
from rara.extractors.torch_extractor import IMAGENET_MEAN, IMAGENET_STD, in_words
from rara.extractors.weights import Published, WeightsFile, check_names, find_weights

NAME: Final = "sscd"
DIM: Final = 512
SIZE: Final = (320, 320)
RESIZE: Final = "pillow bilinear antialiased"

_PUBLISHED = Published(
    NAME,
    ("sscd_disc_mixup.torchscript.pt",),
    "dl.fbaipublicfiles.com/sscd-copy-detection, or export it to ONNX",
    "9f26bd4c848cc19b73d2ae92eea6e04886f61a7b764ceb7a13aeee62e6a6db56",
)
_POWER: Final = 3
_FLOOR: Final = 1e-6
"""Features are at least so large before they are pooled."""
_EPSILON: Final = 1e-5
"""Added to the variance in batch normalisation, as in training."""
_STAGES: Final = ((1, 3, 64, 1), (2, 4, 128, 2), (3, 6, 256, 2), (4, 3, 512, 2))
"""Number, blocks, channels within a block, stride of the first block; four times as many come
out (table 1 of the ResNet paper; the stride is in the 3 x 3 convolution)."""
_WIDER: Final = 4


def load(
    *, weights: str | os.PathLike[str] | None = None, threads: int | None = None
) -> OnnxExtractor:
    """SSCD, with `threads` images worked on at once (default: all cores).

    `weights`: `sscd_disc_mixup.torchscript.pt` or `.torchvision.pt` as published, or an export to
    ONNX, whose vectors must have length 1. Raises WeightsError where the file is missing or does
    not hold this network.
    """
    file = find_weights(_PUBLISHED, weights)
    return (_from_onnx if file.path.suffix.lower() == ".onnx" else _from_tensors)(file, threads)


def _from_tensors(file: WeightsFile, threads: int | None) -> OnnxExtractor:
    tensors = {_usual(name): x for name, x in read_archive(file.path).items()}
    _check(tensors, file)
    spec = _spec(file, SIZE, in_words(IMAGENET_MEAN, IMAGENET_STD))
    graph = _built(tensors).serialised(NAME, SIZE, {"embedding": DIM})
    return load_graph(
        graph,
        spec=spec,
        preprocessing=Preprocessing(output="embedding"),
        threads=threads,
        resampling=Image.Resampling.BILINEAR,
    )


def _from_onnx(file: WeightsFile, threads: int | None) -> OnnxExtractor:
    as_they_are, size = input_of(file.path)
    scaled = Preprocessing(size=size or SIZE)
    if not as_they_are:
        scaled = replace(scaled, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    extractor = load_onnx(file.path, preprocessing=scaled, threads=threads)
    shape = extractor.prepare(Image.new("RGB", (8, 8))).shape
    noise = np.random.default_rng(0).integers(0, 256, (1, *shape), dtype=np.uint8)
    length = float(np.linalg.norm(extractor.extract(noise)))
    if extractor.spec.dim != DIM or not abs(length - 1) < 1e-3:
        raise WeightsError(
            f"'{file.path}' gives vectors of {extractor.spec.dim} numbers and length {length:.4g}: "
            f"{NAME} gives {DIM} numbers of length 1. Export the whole network."
        )
    words = "x" if as_they_are else in_words(IMAGENET_MEAN, IMAGENET_STD)
    spec = replace(_spec(file, size or SIZE, words), weights=extractor.spec.weights)
    return replace(extractor, spec=spec, resampling=Image.Resampling.BILINEAR)


def _spec(file: WeightsFile, size: tuple[int, int], scaled: str) -> Spec:
    return Spec(
        name=file.network,
        weights=file.sha256,
        preprocessing=f"{RESIZE} stretch {size[0]}x{size[1]} {scaled} length 1",
        dim=DIM,
        metric="cosine",
    )


# -- names of tensors -------------------------------------------------------------------

_CLASSY = {
    **{f"convolutional_block.{at}": part for at, part in
       ((0, "conv1"), (1, "bn1"), (3, "conv2"), (4, "bn2"), (6, "conv3"))},
    "bn": "bn3",
    "downsample.0": "downsample.0",
    "downsample.1": "downsample.1",
}  # fmt: skip
"""Parts of a block as Classy Vision names them, and as torchvision does."""

_STEM = {"initial_block._module.0": "conv1", "initial_block._module.1": "bn1"}
_BLOCK = re.compile(r"blocks\.(\d+)\.block\1-(\d+)\.(.+)")


def _usual(name: str) -> str:
    """A tensor's name as torchvision's ResNet has it, from that or Classy Vision's."""
    inner, _, last = name.removeprefix("backbone.").rpartition(".")
    block = _BLOCK.fullmatch(inner)
    if block and block[3] in _CLASSY:
        return f"layer{int(block[1]) + 1}.{block[2]}.{_CLASSY[block[3]]}.{last}"
    if inner == "embeddings.1":
        return f"fc.{last}"
    return f"{_STEM.get(inner, inner)}.{last}"


def _check(tensors: Weights, file: WeightsFile) -> None:
    shapes = dict(_shapes())
    wrong = [
        name
        for name, shape in shapes.items()
        if name not in tensors or tensors[name].shape != shape or tensors[name].dtype.kind != "f"
    ]
    others = [
        name for name in tensors if name not in shapes and not name.endswith("num_batches_tracked")
    ]
    check_names(file.path, NAME, missing=wrong, unexpected=others)


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor of the network with its shape."""
    for conv, norm, shape in _convolutions():
        yield f"{conv}.weight", shape
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{norm}.{part}", shape[:1]
    yield "fc.weight", (DIM, _WIDER * _STAGES[-1][2])
    yield "fc.bias", (DIM,)


def _convolutions() -> Iterator[tuple[str, str, tuple[int, int, int, int]]]:
    """Every convolution with its batch normalisation and its shape."""
    yield "conv1", "bn1", (64, 3, 7, 7)
    before = 64
    for stage, blocks, inner, _ in _STAGES:
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            outer = _WIDER * inner
            yield f"{name}.conv1", f"{name}.bn1", (inner, before, 1, 1)
            yield f"{name}.conv2", f"{name}.bn2", (inner, inner, 3, 3)
            yield f"{name}.conv3", f"{name}.bn3", (outer, inner, 1, 1)
            if block == 0:
                yield f"{name}.downsample.0", f"{name}.downsample.1", (outer, before, 1, 1)
            before = outer


# -- the graph --------------------------------------------------------------------------


def _built(tensors: Mapping[str, np.ndarray]) -> Graph:
    graph = Graph(tensors, epsilon=_EPSILON)
    mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    image = graph.image("pixels", 255 * mean, 1 / (255 * std))
    x = graph.node("Relu", graph.conv(image, "conv1", "bn1", stride=2, pads=(3,) * 4), to="stem")
    x = graph.node("MaxPool", x, to="x", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, blocks, _, stride in _STAGES:
        for block in range(blocks):
            x = _block(graph, x, f"layer{stage}.{block}", 1 if block else stride)
    _head(graph, x)
    return graph


def _block(graph: Graph, x: str, name: str, stride: int) -> str:
    """A bottleneck; the first of a stage changes the size and channels of its input too."""
    y = graph.conv(x, f"{name}.conv1", f"{name}.bn1", stride=1, pads=(0,) * 4)
    y = graph.node("Relu", y, to=f"{name}.relu1")
    y = graph.conv(y, f"{name}.conv2", f"{name}.bn2", stride=stride, pads=(1,) * 4)
    y = graph.node("Relu", y, to=f"{name}.relu2")
    y = graph.conv(y, f"{name}.conv3", f"{name}.bn3", stride=1, pads=(0,) * 4)
    if f"{name}.downsample.0.weight" in graph.weights:
        down = f"{name}.downsample"
        x = graph.conv(x, f"{down}.0", f"{down}.1", stride=stride, pads=(0,) * 4)
    return graph.node("Relu", graph.node("Add", y, x, to=f"{name}.sum"), to=f"{name}.out")


def _head(graph: Graph, x: str) -> None:
    """(mean of x^p)^(1/p) over the area, the linear layer, length 1."""
    constant = graph.constant
    x = graph.node("Max", x, constant("floor", np.float32(_FLOOR)), to="floored")
    x = graph.node("Pow", x, constant("power", np.float32(_POWER)), to="powers")
    x = graph.node("GlobalAveragePool", x, to="mean")
    x = graph.node("Pow", x, constant("root", np.float32(1 / _POWER)), to="pooled")
    last = [constant(name, graph.weights[name]) for name in ("fc.weight", "fc.bias")]
    x = graph.node("Gemm", graph.node("Flatten", x, to="flat"), *last, to="features", transB=1)
    length = graph.node("ReduceL2", x, to="length", axes=[1], keepdims=1)
    length = graph.node("Max", length, constant("shortest", np.float32(1e-12)), to="divisor")
    graph.node("Div", x, length, to="embedding")
